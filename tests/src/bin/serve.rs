//! Serves a simulated cluster on the loopback for a real kubectl: `serve [NODES]`, then in another shell
//! `kubectl --server http://127.0.0.1:PORT get nodes`. Time passes as it does outside. Ctrl+C ends it.

use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::sim::Config;
use kubarium_tests::http;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let nodes = std::env::args().nth(1).map_or(Ok(3), |n| n.parse());
    let (Ok(nodes), Ok(server)) = (nodes, http::bind()) else {
        eprintln!("usage: serve [NODES]");
        return ExitCode::from(2);
    };
    let mut cluster = Cluster::new(Config::nodes(nodes, 1));
    cluster.advance(SimTime::from_secs(20), u64::MAX);
    println!("kubectl --server http://{} get nodes", server.server_addr());
    http::serve(&server, &mut cluster, 1.0, |_| {
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    })
}
