//! Any bytes as requests to the API server.
#![no_main]

use kubarium_core::world::World;
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

#[path = "../src/choices.rs"]
mod choices;
#[path = "../src/requests.rs"]
mod requests;

fuzz_target!(|bytes: &[u8]| {
    static WORLD: OnceLock<World> = OnceLock::new();
    requests::play(WORLD.get_or_init(requests::world), bytes, 60).expect("what must hold");
});
