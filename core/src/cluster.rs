//! A session: a world, the inputs that made it, and snapshots to go back to. The log of inputs is the session; state
//! is never saved.

use crate::apiserver::requests::Verb;
use crate::clock::SimTime;
use crate::sim::{Actor, Config, KubeletProfile, NodeConfig};
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

/// Work between two snapshots, at first: as many events.
const KEYFRAME_EVERY: u64 = 1_000;
/// Snapshots kept: beyond it the distance doubles, and those that stand closer go.
const KEYFRAMES_MAX: usize = 320;
/// To list one object for a command is as much work as this many events.
const LISTED: u64 = 5;
/// Objects from which on a cluster is large: its snapshots stand further apart.
const LARGE: usize = 30_000;
/// Inputs that a session may hold.
pub const MAX_INPUTS: usize = 20_000;

/// A snapshot: the world, how many inputs had been carried out, and how much work it had been.
#[derive(Clone, Debug)]
struct Keyframe {
    inputs: usize,
    work: u64,
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
    /// The work that led here: events, and what commands read, counted as events.
    work: u64,
    /// Counts rewinds and forks: a watcher of the world must look anew when it has changed.
    pub epoch: u64,
    /// The world that the last rewind left, with its epoch: see [`Cluster::left`].
    left: Option<(u64, World)>,
}

impl Cluster {
    /// A new session.
    pub fn new(config: Config) -> Cluster {
        Cluster::of(World::new(config))
    }

    /// What stands in where a session is yet to come: nothing is in it and nothing happens. It costs next to nothing,
    /// where a new session is born with namespaces, roles and nodes.
    pub fn unborn() -> Cluster {
        Cluster::of(World::unborn(Config { seed: 1, nodes: vec![], kubelets: KubeletProfile::Real }))
    }

    fn of(world: World) -> Cluster {
        let first = Arc::new(Keyframe { inputs: 0, work: 0, world: world.clone() });
        let keyframes = vec![first];
        Cluster { world, log: vec![], applied: 0, keyframes, every: KEYFRAME_EVERY, work: 0, epoch: 0, left: None }
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
        let before = self.world.sim.requests.last();
        self.world.sim.now = self.world.sim.now.max(logged.at);
        self.world.submit(&logged.input);
        self.applied += 1;
        self.work += self.read_since(before);
        self.keep();
    }

    /// What was listed since a request, counted as events: a line that lists a thousand pods is as long to replay as
    /// thousands of events.
    fn read_since(&self, request: u64) -> u64 {
        let sim = &self.world.sim;
        if sim.requests.last() == request {
            return 0;
        }
        let lists = sim.requests.after(request).filter(|r| r.verb == Verb::List && r.actor == Actor::Person);
        lists.filter_map(|r| r.kind).map(|kind| LISTED * sim.store.count(kind) as u64).sum()
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
            let before = self.world.sim.requests.last();
            if !self.world.step(until) {
                self.world.sim.now = self.world.sim.now.max(until);
                return Advance { now: self.now(), done: true, steps };
            }
            steps += 1;
            self.work += 1 + self.read_since(before);
            self.keep();
        }
    }

    fn keep(&mut self) {
        let last = self.keyframes.last().map_or(0, |k| k.work);
        // what changes between two snapshots of a large cluster is large too
        let beyond = self.world.sim.store.len().saturating_sub(LARGE) as u64;
        if self.work < last + self.every.max(beyond / 2) {
            return;
        }
        let world = self.world.clone();
        self.keyframes.push(Arc::new(Keyframe { inputs: self.applied, work: self.work, world }));
        if self.keyframes.len() > KEYFRAMES_MAX {
            self.every *= 2;
            self.thin();
        }
    }

    /// Drops snapshots whose neighbours stand close enough without them; the first and the last stay.
    fn thin(&mut self) {
        let work: Vec<u64> = self.keyframes.iter().map(|k| k.work).collect();
        let (mut i, mut kept) = (0, 0);
        self.keyframes.retain(|k| {
            let needed = i == 0 || work.get(i + 1).is_none_or(|next| next - kept > self.every);
            if needed {
                kept = k.work;
            }
            i += 1;
            needed
        });
    }

    /// Goes to a moment, back or forth. Going back keeps the inputs after it until a new one is submitted.
    pub fn seek(&mut self, to: SimTime) {
        let i = self.keyframes.partition_point(|k| k.world.sim.now <= to).saturating_sub(1);
        let k = &self.keyframes[i];
        // forth too, where a snapshot of the future that was rewound stands nearer
        if to < self.now() || (k.world.steps, k.inputs) > (self.world.steps, self.applied) {
            self.return_to(i);
        }
        self.advance(to, u64::MAX);
    }

    fn return_to(&mut self, keyframe: usize) {
        let k = self.keyframes[keyframe].clone();
        (self.applied, self.work) = (k.inputs, k.work);
        self.left = Some((self.epoch, std::mem::replace(&mut self.world, k.world.clone())));
        self.epoch += 1;
    }

    /// All watchers have seen where the last rewind led: the world that it left need not be kept for them.
    pub fn all_seen(&mut self) {
        self.left = None;
    }

    /// The world that the last rewind left, for a watcher who had seen all of it: up to this epoch and position of the
    /// watch log.
    pub(crate) fn left(&self, epoch: Option<u64>, position: u64) -> Option<&World> {
        let (was, world) = self.left.as_ref()?;
        (epoch == Some(*was) && *was + 1 == self.epoch && position == world.sim.store.log.end()).then_some(world)
    }

    /// Goes to just after a request was answered, back or forth. False: the session, as far as it is known, has no
    /// request of this number; it then stands at its end.
    pub fn seek_request(&mut self, id: u64) -> bool {
        let i = self.keyframes.partition_point(|k| k.world.sim.requests.last() < id).saturating_sub(1);
        let k = &self.keyframes[i];
        if self.world.sim.requests.last() >= id || (k.world.steps, k.inputs) > (self.world.steps, self.applied) {
            self.return_to(i);
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
        let before = self.world.sim.requests.last();
        let done = self.world.step(t);
        self.work += u64::from(done) + self.read_since(before);
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
        let target = self.applied - 1;
        self.return_to(i);
        self.log.truncate(target);
        while self.applied < self.log.len() || self.world.steps < last.steps {
            if let Some(next) = self.log.get(self.applied)
                && self.world.steps >= next.steps
            {
                self.apply_next();
            } else if !self.world.step(last.at) {
                break;
            } else {
                self.work += 1;
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
        c.left = None;
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
    fn a_long_listing_is_not_carried_out_again() {
        let mut c = Cluster::with_nodes(3, 1);
        c.seek(SimTime::from_secs(5));
        c.submit(line("kubectl create deployment web --image=nginx --replicas=300"));
        c.seek(SimTime::from_secs(20));
        c.submit(line("kubectl get pods"));
        assert_eq!(c.keyframes.last().map(|k| k.inputs), Some(2));
        let (hash, end) = (c.hash(), c.now());
        c.seek(SimTime::from_secs(10));
        c.seek(end);
        assert_eq!((c.applied(), c.hash()), (2, hash));
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
