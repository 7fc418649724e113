//! What holds for any object that is not what it should be, and for any text in the languages that people write: nothing
//! panics and everything ends. See `tests/fuzz/src`, whose inputs the fuzzer plays too.

#[path = "../fuzz/src/choices.rs"]
mod choices;
#[path = "../fuzz/src/languages.rs"]
mod languages;
#[path = "../fuzz/src/misshapen.rs"]
mod misshapen;

use kubarium_core::cluster::Cluster;
use kubarium_core::terminal::Piece;
use proptest::prelude::*;
use std::sync::OnceLock;

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(misshapen::cluster)
}

/// The words mean what they say: what is whole is accepted.
#[test]
fn what_is_whole_is_there() {
    let mut cluster = cluster().clone();
    misshapen::line(&mut cluster, "kubectl get -f - -o name", Some(misshapen::OBJECTS.into()));
    misshapen::pass(&mut cluster, 100);
    let said: String = (cluster.world.terminals.since(0))
        .filter_map(|chunk| match &chunk.piece {
            Piece::Out(text) | Piece::Err(text) => Some(&**text),
            _ => None,
        })
        .collect();
    let there = said.lines().filter(|l| l.contains('/') && !l.contains("created") && !l.contains(' ')).count();
    // the request for a certificate is none, and is refused
    assert_eq!(there, misshapen::OBJECTS.split("\n---\n").count() - 1, "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn misshapen_objects(bytes in proptest::collection::vec(any::<u8>(), 1..160)) {
        misshapen::play(cluster(), &bytes, 6);
    }

    #[test]
    fn languages(bytes in proptest::collection::vec(any::<u8>(), 1..160)) {
        languages::play(cluster(), &bytes, 6);
    }
}
