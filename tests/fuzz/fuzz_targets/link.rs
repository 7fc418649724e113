//! Any text as a link: read, and played for a while if it can be read.
#![no_main]

use kubarium_core::cluster::Cluster;
use kubarium_core::view::link;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(shared) = link::decode(text)
        && shared.session.config.nodes.len() < 50
    {
        let _ = Cluster::replay(&shared.session, 20_000);
    }
});
