//! Judges a step over time: it looks after every event and every input, so what it says does not depend on how a page
//! cuts time into frames; and after a rewind it plays the time since the step began once more.

use super::check::Sight;
use super::model::{Check, Condition, Hint, Look, LookAt, Objects, Timing};
use crate::clock::{SimDuration, SimTime};
use crate::cluster::{Advance, Cluster};
use crate::store::Id;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The place in a session at which a step began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// When.
    pub at: SimTime,
    /// After how many inputs.
    pub inputs: usize,
    /// After how many pieces of the terminals' texts.
    pub chunk: u64,
    /// After how many requests to the API server.
    pub request: u64,
    /// Requests that clients had sent, that were answered and that failed.
    pub clients: BTreeMap<String, (u32, u32, u32)>,
}

impl Start {
    /// Here and now.
    pub fn here(cluster: &Cluster) -> Start {
        let sim = &cluster.world.sim;
        let count = |c: &crate::network::clients::Client| (c.total.sent, c.total.ok, c.total.failures());
        Start {
            at: cluster.now(),
            inputs: cluster.applied(),
            chunk: cluster.world.terminals.count(),
            request: sim.requests.last(),
            clients: sim.network.clients.iter().map(|c| (c.spec.name.clone(), count(c))).collect(),
        }
    }
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Not yet.
    Open,
    /// So far so good, or nearly: it must hold on.
    Holding,
    /// Done.
    Done,
    /// It can only be tried again.
    Failed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct State {
    /// From when on it counts.
    from: Option<SimTime>,
    /// Since when its condition holds.
    since: Option<SimTime>,
    done: Option<SimTime>,
    failed: Option<SimTime>,
}

/// What can change what a check says: versions of objects, texts and inputs; requests that clients sent and that ended.
type Seen = ((u64, u64, usize), u64);

/// A step that is being worked on.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Where it began.
    pub start: Start,
    states: Vec<State>,
    seen: Option<Seen>,
    passed: Option<SimTime>,
}

fn seen(cluster: &Cluster) -> Seen {
    let sim = &cluster.world.sim;
    let ended = |c: &crate::network::clients::Client| {
        u64::from(c.total.sent) + u64::from(c.total.ok) + u64::from(c.total.failures())
    };
    let sent = sim.network.clients.iter().map(ended).sum();
    ((sim.store.resource_version(), cluster.world.terminals.count(), cluster.applied()), sent)
}

const fn seconds(n: u64) -> SimDuration {
    SimDuration::from_millis(n * 1_000)
}

impl Watch {
    /// Begins here and now.
    pub fn begin(checks: &[Check], cluster: &Cluster) -> Watch {
        let mut watch = Watch::fresh(Start::here(cluster), checks);
        watch.look(checks, cluster);
        watch
    }

    fn fresh(start: Start, checks: &[Check]) -> Watch {
        let from = |c: &Check| State { from: c.after.is_none().then_some(start.at), ..State::default() };
        Watch { states: checks.iter().map(from).collect(), start, seen: None, passed: None }
    }

    /// The same step after the session was rewound, undone or restored: what happened since it began is gone through
    /// again. Before that moment nothing is done yet.
    pub fn again(start: Start, checks: &[Check], cluster: &Cluster) -> Watch {
        let mut watch = Watch::fresh(start, checks);
        let now = cluster.now();
        if checks.is_empty() || now < watch.start.at {
            return watch;
        }
        let mut past = cluster.clone();
        past.seek(watch.start.at);
        watch.look(checks, &past);
        while !watch.advance(checks, &mut past, now, 100_000).done {}
        watch
    }

    /// All that must come true has, and nothing that must not.
    pub fn passed(&self) -> Option<SimTime> {
        self.passed
    }

    /// Something went wrong that only beginning the step again mends.
    pub fn failed(&self) -> bool {
        self.passed.is_none() && self.states.iter().any(|s| s.failed.is_some())
    }

    /// How each check stands.
    pub fn marks(&self, checks: &[Check]) -> Vec<Mark> {
        let mark = |(c, s): (&Check, &State)| {
            if s.failed.is_some() {
                return Mark::Failed;
            }
            if s.done.is_some() || (self.passed.is_some() && matches!(c.time, Timing::Always | Timing::Never)) {
                return Mark::Done;
            }
            match c.time {
                Timing::Always | Timing::Never if s.from.is_some() => Mark::Holding,
                Timing::Holds(_) if s.since.is_some() => Mark::Holding,
                _ => Mark::Open,
            }
        };
        checks.iter().zip(&self.states).map(mark).collect()
    }

    /// Seconds for which a check that must hold on has held, and how many it must.
    pub fn held(&self, checks: &[Check], check: usize, now: SimTime) -> Option<(u64, u64)> {
        let (Timing::Holds(n), Some(since)) = (checks.get(check)?.time, self.states.get(check)?.since) else {
            return None;
        };
        Some(((now.0.saturating_sub(since.0) / 1_000_000).min(n), n))
    }

    /// Looks at the cluster as it is now. Cheap when nothing has changed.
    pub fn look(&mut self, checks: &[Check], cluster: &Cluster) {
        let now = cluster.now();
        if self.passed.is_some() || now < self.start.at || checks.is_empty() {
            return;
        }
        // what was so until now first, then what has just changed
        self.pass_time(checks, now);
        let fresh = seen(cluster);
        if self.seen != Some(fresh) {
            // where only requests came and went, nothing else is asked again
            let all = self.seen.is_none_or(|s| s.0 != fresh.0);
            self.seen = Some(fresh);
            self.judge(checks, cluster, all);
            // a check that begins after another one has nothing to wait for
            if self.seen.is_none() {
                self.seen = Some(fresh);
                self.judge(checks, cluster, true);
            }
        }
        let asked = |c: &Check| !matches!(c.time, Timing::Always | Timing::Never);
        let all = checks.iter().zip(&self.states).all(|(c, s)| s.failed.is_none() && (!asked(c) || s.done.is_some()));
        if all {
            self.passed = Some(now);
        }
    }

    fn pass_time(&mut self, checks: &[Check], now: SimTime) {
        for i in 0..checks.len() {
            let s = self.states[i];
            if s.done.is_some() || s.failed.is_some() {
                continue;
            }
            match (checks[i].time, s.since, s.from) {
                (Timing::Holds(n), Some(since), _) if now >= since + seconds(n) => {
                    self.states[i].done = Some(since + seconds(n));
                    self.release(checks, i, since + seconds(n));
                }
                (Timing::Eventually(Some(n)), _, Some(from)) if now > from + seconds(n) => {
                    self.states[i].failed = Some(from + seconds(n));
                }
                _ => {}
            }
        }
    }

    /// Those that wait for a check begin.
    fn release(&mut self, checks: &[Check], done: usize, at: SimTime) {
        for (c, s) in checks.iter().zip(&mut self.states) {
            if c.after == Some(done) && s.from.is_none() {
                s.from = Some(at);
                self.seen = None;
            }
        }
    }

    fn judge(&mut self, checks: &[Check], cluster: &Cluster, all: bool) {
        let now = cluster.now();
        let start = self.start.clone();
        let sight = Sight { cluster, start: &start };
        for (i, check) in checks.iter().enumerate() {
            let s = self.states[i];
            let asked = all || check.that.counts_requests();
            if !asked || s.done.is_some() || s.failed.is_some() || s.from.is_none() {
                continue;
            }
            let holds = sight.holds(&check.that);
            let state = &mut self.states[i];
            state.since = if holds { s.since.or(Some(now)) } else { None };
            match check.time {
                Timing::Eventually(_) if holds => {
                    state.done = Some(now);
                    self.release(checks, i, now);
                }
                Timing::Always if !holds => state.failed = Some(now),
                Timing::Never if holds => state.failed = Some(now),
                _ => {}
            }
        }
    }

    /// Carries out events until `until`, at most `budget`, and looks after each.
    pub fn advance(&mut self, checks: &[Check], cluster: &mut Cluster, until: SimTime, budget: u64) -> Advance {
        let mut steps = 0;
        while steps < budget {
            if self.passed.is_some() || checks.is_empty() {
                let rest = cluster.advance(until, budget - steps);
                return Advance { steps: rest.steps + steps, ..rest };
            }
            // in a session that is played again inputs come at their own moments, and each is looked at
            let next = cluster.inputs().get(cluster.applied()).map_or(until, |l| l.at.min(until));
            let one = cluster.advance(next.max(cluster.now()), 1);
            self.look(checks, cluster);
            steps += one.steps;
            if one.done && one.now >= until && cluster.inputs().get(cluster.applied()).is_none_or(|l| l.at > until) {
                return Advance { steps, ..one };
            }
        }
        Advance { now: cluster.now(), done: false, steps }
    }

    /// The hint of a rung that fits what is so now, by its place in the list.
    pub fn hint(&self, hints: &[Hint], rung: u8, cluster: &Cluster) -> Option<usize> {
        hints.iter().position(|h| h.rung == rung && h.when.as_ref().is_none_or(|c| self.holds(c, cluster)))
    }

    /// Whether a condition holds now.
    pub fn holds(&self, condition: &Condition, cluster: &Cluster) -> bool {
        Sight { cluster, start: &self.start }.holds(condition)
    }

    /// The first object that is so now.
    pub fn find(&self, objects: &Objects, cluster: &Cluster) -> Option<Id> {
        let ids = &cluster.world.sim.store.ids;
        let sight = Sight { cluster, start: &self.start };
        sight.entries(objects).min_by_key(|e| e.obj.key()).map(|e| e.obj.id(ids))
    }

    /// Whether a link leads somewhere now.
    pub fn leads(&self, look: &Look, cluster: &Cluster) -> bool {
        match &look.to {
            LookAt::Object(objects, _) => self.find(objects, cluster).is_some(),
            LookAt::Moment(_) => true,
        }
    }
}
