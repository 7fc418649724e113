//! Any text as a line in a terminal.
#![no_main]

use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::world::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut cluster = Cluster::with_nodes(2, 1);
    cluster.advance(SimTime::from_secs(2), 10_000);
    for line in text.lines().take(8) {
        cluster.submit(Input::Line { terminal: 0, line: line.into(), stdin: None });
        let until = SimTime(cluster.now().0 + 2_000_000);
        cluster.advance(until, 20_000);
    }
});
