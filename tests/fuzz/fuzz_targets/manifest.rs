//! Any text as a manifest: read, diagnosed, and applied to a cluster that must go on.
#![no_main]

use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::world::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = kubarium_core::view::diagnose::diagnose(text);
    let mut cluster = Cluster::with_nodes(1, 1);
    cluster.advance(SimTime::from_secs(2), 10_000);
    cluster.submit(Input::File { name: "a.yaml".into(), text: Some(text.into()) });
    cluster.submit(Input::Line { terminal: 0, line: "kubectl apply -f a.yaml".into(), stdin: None });
    cluster.advance(SimTime::from_secs(60), 20_000);
});
