//! Amounts over the last minute and a half: requests that were served, CPU time that was spent. Invariant: nothing is
//! done as time passes; what is too old is dropped when something is added. Must not know what it measures.

use crate::clock::{SimDuration, SimTime};
use std::collections::VecDeque;

/// The width of a bucket in microseconds.
const WIDTH: u64 = 5_000_000;
/// Buckets that are kept.
const KEPT: usize = 18;

/// A sum, and its parts by spans of five seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meter {
    total: u64,
    /// Numbers of buckets and what is in them, oldest first.
    buckets: VecDeque<(u64, u64)>,
}

impl Meter {
    /// Adds an amount now. True: it is the first for at least ten seconds.
    pub fn add(&mut self, now: SimTime, amount: u64) -> bool {
        self.total = self.total.saturating_add(amount);
        let number = now.0 / WIDTH;
        match self.buckets.back_mut() {
            Some((n, sum)) if *n == number => {
                *sum = sum.saturating_add(amount);
                false
            }
            last => {
                let first = last.is_none_or(|(n, _)| *n + 2 < number);
                self.buckets.push_back((number, amount));
                if self.buckets.len() > KEPT {
                    self.buckets.pop_front();
                }
                first
            }
        }
    }

    /// All that was ever added.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What was added in a span whose ends are multiples of five seconds.
    pub fn over(&self, from: SimTime, to: SimTime) -> u64 {
        let inside = |n: &u64| (from.0 / WIDTH..to.0.div_ceil(WIDTH)).contains(n);
        self.buckets.iter().filter(|(n, _)| inside(n)).map(|(_, sum)| sum).sum()
    }

    /// How much a second, of late: over this bucket and the one before.
    pub fn rate(&self, now: SimTime) -> u64 {
        let from = (now.0 / WIDTH).saturating_sub(1) * WIDTH;
        let recent = self.over(SimTime(from), now + SimDuration(1));
        recent.saturating_mul(1_000_000) / (now.0 - from).max(1_000_000)
    }

    /// Was anything added in the last ten seconds or so?
    pub fn active(&self, now: SimTime) -> bool {
        self.buckets.back().is_some_and(|(n, _)| *n + 2 >= now.0 / WIDTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_and_fade() {
        let mut m = Meter::default();
        assert!(m.add(SimTime::from_secs(100), 10));
        for s in 101..120 {
            assert!(!m.add(SimTime::from_secs(s), 10));
        }
        assert_eq!(m.total(), 200);
        assert_eq!(m.over(SimTime::from_secs(100), SimTime::from_secs(115)), 150);
        assert_eq!(m.rate(SimTime::from_secs(120)), 10);
        assert_eq!(m.rate(SimTime::from_secs(140)), 0);
        assert!(!m.active(SimTime::from_secs(140)));
        assert!(m.add(SimTime::from_secs(140), 1));
    }
}
