//! Restart and image back-off as plain data. Pure. Models client-go flowcontrol.Backoff.

use crate::clock::{SimDuration, SimTime};

/// The first delay of restarts and of image pulls.
pub const INITIAL: SimDuration = SimDuration::from_secs(10);
/// The longest delay.
pub const MAX: SimDuration = SimDuration::from_secs(300);
/// Trouble that comes so long after the last one begins anew.
const FORGET: SimDuration = SimDuration::from_secs(600);

/// How long one thing (a container's restart, a pod's image) has to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    /// The present delay; zero: none yet.
    pub delay: SimDuration,
    /// When it was set.
    pub updated: SimTime,
}

impl Backoff {
    /// The moment before which it must not be tried again after trouble at `since`; `None`: at once.
    pub fn until(&self, since: SimTime) -> Option<SimTime> {
        (self.delay.0 > 0 && since.since(self.updated) <= FORGET).then(|| since + self.delay)
    }

    /// It is tried at `now` after trouble at `since`: the next delay is twice as long.
    pub fn next(&mut self, since: SimTime, now: SimTime) {
        let fresh = self.delay.0 == 0 || since.since(self.updated) > FORGET;
        self.delay = if fresh { INITIAL } else { SimDuration((self.delay.0 * 2).min(MAX.0)) };
        self.updated = now;
    }
}

/// `10s`, `2m40s`: a delay as messages print it.
pub fn text(d: SimDuration) -> String {
    let (m, s) = (d.as_secs() / 60, d.as_secs() % 60);
    if m > 0 { format!("{m}m{s}s") } else { format!("{s}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_come_at_once_then_later_and_later() {
        let mut b = Backoff::default();
        let mut t = SimTime::from_secs(100);
        let mut waits = vec![];
        for _ in 0..8 {
            let at = b.until(t).unwrap_or(t);
            waits.push((at - t).as_secs());
            b.next(t, at);
            t = at;
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(b.until(t + SimDuration::from_secs(601)), None);
        assert_eq!(text(SimDuration::from_secs(160)), "2m40s");
    }
}
