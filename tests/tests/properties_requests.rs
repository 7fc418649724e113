//! What holds for any sequence of requests: see `tests/fuzz/src/requests.rs`, whose sequences the fuzzer plays too.

#[path = "../fuzz/src/choices.rs"]
mod choices;
#[path = "../fuzz/src/requests.rs"]
mod requests;

use proptest::prelude::*;
use requests::{play, world};
use std::sync::OnceLock;

fn plays(bytes: &[u8], most: usize) -> Result<(), String> {
    static WORLD: OnceLock<kubarium_core::world::World> = OnceLock::new();
    play(WORLD.get_or_init(world), bytes, most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        prop_assert_eq!(plays(&bytes, 60), Ok(()));
    }
}
