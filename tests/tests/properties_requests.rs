//! What holds for any sequence of requests: see `kubarium_tests::requests`. The fuzzer plays the same sequences
//! (tests/fuzz); what it found is here.

use kubarium_tests::requests::{play, world};
use proptest::prelude::*;
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
