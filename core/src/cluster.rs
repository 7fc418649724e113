//! A session: a world, the inputs that made it, and snapshots to go back to. The log of inputs is the session; state
//! is never saved.

use crate::clock::SimTime;
use crate::sim::{Config, KubeletProfile, NodeConfig};
use crate::world::{Input, World};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An input and the exact place in the run where it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedInput {
    /// When.
    pub at: SimTime,
    /// After how many events of the whole run.
    pub steps: u64,
    /// What.
    pub input: Input,
}

/// How far one call of [`Cluster::advance`] came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Advance {
    /// The moment reached.
    pub now: SimTime,
    /// True if that is the moment asked for; false if the budget ran out before.
    pub done: bool,
    /// Events carried out.
    pub steps: u64,
}

/// What a session is: enough to play it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// How the cluster begins.
    pub config: Config,
    /// The inputs in order.
    pub inputs: Vec<LoggedInput>,
    /// The moment looked at.
    pub now: SimTime,
    /// Events carried out until then.
    pub steps: u64,
}

/// Events between two snapshots, at first.
const KEYFRAME_EVERY: u64 = 1_000;
/// Snapshots kept: beyond it every other one goes and the distance doubles.
const KEYFRAMES_MAX: usize = 320;
/// Objects from which on a cluster is large: its snapshots stand further apart.
const LARGE: usize = 30_000;
/// Inputs that a session may hold.
pub const MAX_INPUTS: usize = 20_000;

/// A snapshot: the world, and how many inputs had been carried out.
#[derive(Clone, Debug)]
struct Keyframe {
    inputs: usize,
    world: World,
}

/// A running session.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The cluster as it is now.
    pub world: World,
    log: Vec<LoggedInput>,
    applied: usize,
    /// Shared with the courses that were forked from this one.
    keyframes: Vec<Arc<Keyframe>>,
    every: u64,
    /// Counts rewinds and forks: a watcher of the world must start anew when it has changed.
    pub epoch: u64,
}

impl Cluster {
    /// A new session.
    pub fn new(config: Config) -> Cluster {
        let world = World::new(config);
        let first = Arc::new(Keyframe { inputs: 0, world: world.clone() });
        Cluster { world, log: vec![], applied: 0, keyframes: vec![first], every: KEYFRAME_EVERY, epoch: 0 }
    }

    /// A new session of `n` standard nodes.
    pub fn with_nodes(n: usize, seed: u64) -> Cluster {
        Cluster::new(Config {
            seed,
            nodes: (1..=n).map(NodeConfig::numbered).collect(),
            kubelets: KubeletProfile::Real,
        })
    }

    /// The current moment.
    pub fn now(&self) -> SimTime {
        self.world.sim.now
    }

    /// The inputs of the session, those of a future that was rewound included.
    pub fn inputs(&self) -> &[LoggedInput] {
        &self.log
    }

    /// How many of the inputs have been carried out at the current moment.
    pub fn applied(&self) -> usize {
        self.applied
    }

    /// Carries out an input now. After a rewind this is a fork: the future that was is dropped. False: the session
    /// holds [`MAX_INPUTS`] inputs already.
    pub fn submit(&mut self, input: Input) -> bool {
        if self.applied >= MAX_INPUTS {
            return false;
        }
        if self.applied < self.log.len() {
            self.log.truncate(self.applied);
            self.keyframes.retain(|k| k.world.steps <= self.world.steps && k.inputs <= self.applied);
        }
        self.log.push(LoggedInput { at: self.now(), steps: self.world.steps, input });
        self.apply_next();
        true
    }

    fn apply_next(&mut self) {
        let logged = &self.log[self.applied];
        self.world.sim.now = self.world.sim.now.max(logged.at);
        self.world.submit(&logged.input);
        self.applied += 1;
    }

    /// Carries out events (and, in a rewound session, the inputs that once came) until `until`, at most `budget`.
    pub fn advance(&mut self, until: SimTime, budget: u64) -> Advance {
        let mut steps = 0;
        loop {
            // an input comes at its place in the run; if a changed engine never gets there, at its time
            while let Some(next) = self.log.get(self.applied) {
                let here = self.world.steps >= next.steps && next.at <= until;
                let due = self.world.sim.queue.next_time().is_none_or(|t| t > next.at) && next.at <= until;
                if !(here || due) {
                    break;
                }
                self.apply_next();
            }
            if steps >= budget {
                return Advance { now: self.now(), done: false, steps };
            }
            if !self.world.step(until) {
                self.world.sim.now = self.world.sim.now.max(until);
                return Advance { now: self.now(), done: true, steps };
            }
            steps += 1;
            self.keep();
        }
    }

    fn keep(&mut self) {
        let last = self.keyframes.last().map_or(0, |k| k.world.steps);
        // what changes between two snapshots of a large cluster is large too
        let beyond = self.world.sim.store.len().saturating_sub(LARGE) as u64;
        if self.world.steps < last + self.every.max(beyond / 2) {
            return;
        }
        self.keyframes.push(Arc::new(Keyframe { inputs: self.applied, world: self.world.clone() }));
        if self.keyframes.len() > KEYFRAMES_MAX {
            let mut n = 0;
            self.keyframes.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// Goes to a moment, back or forth. Going back keeps the inputs after it until a new one is submitted.
    pub fn seek(&mut self, to: SimTime) {
        let i = self.keyframes.partition_point(|k| k.world.sim.now <= to).saturating_sub(1);
        let k = &self.keyframes[i];
        // forth too, where a snapshot of the future that was rewound stands nearer
        if to < self.now() || k.world.steps > self.world.steps {
            self.world = k.world.clone();
            self.applied = k.inputs;
            self.epoch += 1;
        }
        self.advance(to, u64::MAX);
    }

    /// Goes to just after a request was answered, back or forth. False: the session, as far as it is known, has no
    /// request of this number; it then stands at its end.
    pub fn seek_request(&mut self, id: u64) -> bool {
        let i = self.keyframes.partition_point(|k| k.world.sim.requests.last() < id).saturating_sub(1);
        let k = self.keyframes[i].clone();
        if self.world.sim.requests.last() >= id || k.world.steps > self.world.steps {
            self.world = k.world.clone();
            self.applied = k.inputs;
            self.epoch += 1;
        }
        while self.world.sim.requests.last() < id {
            if !self.tick() {
                return false;
            }
        }
        true
    }

    /// The next input that once came here, else the next event. False: there is neither.
    fn tick(&mut self) -> bool {
        let event = self.world.sim.queue.next_time();
        if let Some(next) = self.log.get(self.applied)
            && (self.world.steps >= next.steps || event.is_none_or(|t| t > next.at))
        {
            self.apply_next();
            return true;
        }
        let Some(t) = event else { return false };
        let done = self.world.step(t);
        self.keep();
        done
    }

    /// How many inputs two courses have in common, from the beginning on.
    pub fn common(&self, other: &Cluster) -> usize {
        self.log.iter().zip(&other.log).take_while(|(a, b)| a == b).count()
    }

    /// Returns to before the last input, as if it had not come. False: there is none.
    pub fn undo(&mut self) -> bool {
        let Some(last) = self.applied.checked_sub(1).map(|i| self.log[i].clone()) else { return false };
        let i = self
            .keyframes
            .partition_point(|k| k.world.steps <= last.steps && k.inputs < self.applied)
            .saturating_sub(1);
        let k = &self.keyframes[i];
        let target = self.applied - 1;
        self.world = k.world.clone();
        self.applied = k.inputs;
        self.epoch += 1;
        self.log.truncate(target);
        while self.applied < self.log.len() || self.world.steps < last.steps {
            if let Some(next) = self.log.get(self.applied)
                && self.world.steps >= next.steps
            {
                self.apply_next();
            } else if !self.world.step(last.at) {
                break;
            }
        }
        self.world.sim.now = last.at;
        self.keyframes.retain(|k| k.world.steps <= last.steps && k.inputs <= target);
        true
    }

    /// The next event, if any is pending; true if something happened.
    pub fn step_event(&mut self) -> bool {
        let before = self.world.steps;
        let Some(next) = self.world.sim.queue.next_time() else { return false };
        self.advance(next, 1);
        self.world.steps > before
    }

    /// A second session with the same past, free to take another course.
    pub fn fork(&self) -> Cluster {
        let mut c = self.clone();
        c.log.truncate(c.applied);
        c.keyframes.retain(|k| k.world.steps <= c.world.steps && k.inputs <= c.applied);
        c
    }

    /// What it takes to play the session again up to the current moment.
    pub fn record(&self) -> SessionRecord {
        SessionRecord {
            config: (*self.world.sim.config).clone(),
            inputs: self.log[..self.applied].to_vec(),
            now: self.now(),
            steps: self.world.steps,
        }
    }

    /// The same with the inputs of a future that was rewound.
    pub fn whole_record(&self) -> SessionRecord {
        SessionRecord { inputs: self.log.clone(), ..self.record() }
    }

    /// Plays a recorded session up to its moment, at most `budget` events.
    pub fn replay(record: &SessionRecord, budget: u64) -> Cluster {
        let mut c = Cluster::new(record.config.clone());
        c.log = record.inputs.iter().take(MAX_INPUTS).cloned().collect();
        let mut left = budget;
        while c.world.steps < record.steps && left > 0 {
            let done = c.advance(record.now, (record.steps - c.world.steps).min(left));
            if done.steps == 0 && done.done {
                break;
            }
            left = left.saturating_sub(done.steps.max(1));
        }
        while let Some(next) = c.log.get(c.applied)
            && next.steps <= c.world.steps
        {
            c.apply_next();
        }
        c.world.sim.now = c.world.sim.now.max(record.now);
        c
    }

    /// The world's hash (see [`World::hash`]).
    pub fn hash(&self) -> u64 {
        self.world.hash()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: &str) -> Input {
        Input::Line { terminal: 0, line: line.to_owned(), stdin: None }
    }

    #[test]
    fn courses_share_their_past_and_part() {
        let mut c = Cluster::with_nodes(3, 1);
        c.seek(SimTime::from_secs(5));
        c.submit(line("kubectl create deployment web --image=nginx --replicas=2"));
        c.seek(SimTime::from_secs(20));
        c.submit(line("kubectl scale deployment web --replicas=4"));
        c.seek(SimTime::from_secs(40));
        let (hash, was) = (c.hash(), c.world.sim.requests.last());
        let mut old = c.clone();
        c.seek(SimTime::from_secs(10));
        assert_eq!(c.whole_record().inputs.len(), 2, "the future that was rewound is still there");
        assert_eq!(c.record().inputs.len(), 1);
        c.submit(line("kubectl scale deployment web --replicas=1"));
        assert_eq!((c.common(&old), c.inputs().len()), (1, 2));
        c.seek(SimTime::from_secs(40));
        assert_ne!(c.hash(), hash);
        // the other course is as it was, wherever one goes in it
        old.seek(SimTime::from_secs(7));
        old.seek(SimTime::from_secs(40));
        assert_eq!(old.hash(), hash);
        // to a request and on again
        assert!(old.seek_request(was / 2));
        assert!(old.world.sim.requests.last() >= was / 2 && old.now() < SimTime::from_secs(40));
        old.seek(SimTime::from_secs(40));
        assert_eq!(old.hash(), hash);
        let replayed = Cluster::replay(&old.whole_record(), u64::MAX);
        assert_eq!(replayed.hash(), hash);
    }

    #[test]
    fn a_controller_that_slept_for_long_still_hears() {
        let mut c = Cluster::with_nodes(3, 1);
        c.advance(SimTime(5_000_000), 100_000);
        let sim = &mut c.world.sim;
        let change = sim.store.log.get(sim.store.log.start()).cloned().expect("nodes were made");
        for _ in 0..12_000 {
            sim.store.log.push(change.clone());
        }
        sim.deliver(crate::sim::Component::Scheduler);
        assert!(sim.store.log.start() > 0, "what all have read is dropped");
        let line = "kubectl create deployment web --image=nginx --replicas=3".to_owned();
        c.submit(Input::Line { terminal: 0, line, stdin: None });
        c.advance(SimTime(25_000_000), 100_000);
        assert_eq!(c.world.sim.store.pods().count(), 3);
    }
}
