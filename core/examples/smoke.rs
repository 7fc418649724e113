use kubarium_core::{clock::SimTime, cluster::Cluster, terminal::Piece, world::Input};
fn main() {
    let mut c = Cluster::with_nodes(3, 1);
    c.advance(SimTime::from_secs(5), 1_000_000);
    let mut t = 5;
    let mut seen = 0;
    for line in std::env::args().skip(1) {
        if let Some(s) = line.strip_prefix('+') {
            t += s.parse::<u64>().unwrap();
            let a = c.advance(SimTime::from_secs(t), 10_000_000);
            println!("{a:?}");
            continue;
        }
        c.submit(Input::Line { terminal: 0, line, stdin: None });
        t += 1;
        c.advance(SimTime::from_secs(t), 10_000_000);
        for ch in c.world.terminals.since(seen) {
            seen = ch.number;
            match &ch.piece {
                Piece::Line(l) => println!("$ {l}"),
                Piece::Out(o) => print!("{o}"),
                Piece::Err(e) => print!("! {e}"),
                Piece::Exit(n) => println!("= {n}"),
                Piece::Effect(_) => {}
            }
        }
    }
    println!("{:x}", c.hash());
    for r in c.world.sim.requests.after(0).filter(|r| !r.verb.reads()).take(60) {
        println!("{} {} {} {} {} cause {}", r.id, r.actor.name(), r.verb.as_str(), r.path(), r.code, r.cause);
    }
}
