//! Any bytes as texts of the small languages.
#![no_main]

use kubarium_core::cluster::Cluster;
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

#[path = "../src/choices.rs"]
mod choices;
#[path = "../src/languages.rs"]
mod languages;
#[allow(dead_code, reason = "its cluster serves both")]
#[path = "../src/misshapen.rs"]
mod misshapen;

fuzz_target!(|bytes: &[u8]| {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    languages::play(CLUSTER.get_or_init(misshapen::cluster), bytes, 8);
});
