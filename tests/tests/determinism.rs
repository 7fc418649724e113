//! Same seed, same inputs, same world: played twice, rewound, forked, replayed from a record. (In WebAssembly:
//! `xtask/src/wasm.rs`.)

use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_session::play;

/// Seeds and numbers of inputs; WebAssembly plays the same ones.
const SESSIONS: &[(u32, u32)] = &[(1, 150), (2, 150), (20_261_121, 300)];

#[test]
fn sessions_come_out_the_same_each_time() {
    let mut text = String::new();
    for &(seed, steps) in SESSIONS {
        let first = play(seed.into(), steps.into());
        assert_eq!(first, play(seed.into(), steps.into()), "session {seed}");
        text.push_str(&format!("session {seed} {steps}\n{first}"));
    }
    // for the comparison with WebAssembly
    if let Some(file) = std::env::var_os("KUBARIUM_SESSIONS") {
        std::fs::write(&file, text).expect("the file can be written");
    }
}

#[test]
fn other_seeds_are_other_sessions() {
    assert_ne!(play(3, 20), play(4, 20));
}

#[test]
fn rewinding_forking_and_replaying_lead_to_the_same_world() {
    for seed in [5, 6, 7] {
        let mut cluster = kubarium_session::cluster(seed, 80);
        let (end, hash) = (cluster.now(), cluster.hash());
        let record = cluster.record();
        assert_eq!(Cluster::replay(&record, u64::MAX).hash(), hash, "seed {seed}: replayed");
        assert_eq!(cluster.fork().hash(), hash, "seed {seed}: forked");
        for part in [2, 3, 1] {
            cluster.seek(SimTime(end.0 * part / 4));
            cluster.seek(end);
            assert_eq!(cluster.hash(), hash, "seed {seed}: back to {part} quarters and forth again");
        }
    }
}
