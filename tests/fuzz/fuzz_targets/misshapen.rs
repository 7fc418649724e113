//! Any bytes as objects in which something is not what it should be, before every command.
#![no_main]

use kubarium_core::cluster::Cluster;
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

#[path = "../src/choices.rs"]
mod choices;

#[path = "../src/misshapen.rs"]
mod misshapen;

fuzz_target!(|bytes: &[u8]| {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    misshapen::play(CLUSTER.get_or_init(misshapen::cluster), bytes, 8);
});
