//! Plays the sessions natively: first line the seeds and lengths, then the hashes of each.

fn main() {
    for (seed, steps) in [(1, 150), (2, 150), (20_261_121, 300)] {
        println!("session {seed} {steps}");
        print!("{}", kubarium_session::play(seed, steps));
    }
}
