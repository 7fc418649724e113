//! What happened by itself, for the timeline: rollouts that began and ended, pods that failed, nodes that went and came
//! back. Gathered from the patches as they pass; what was seen once is not marked again when it is played again.

use kubarium_core::clock::SimTime;
#[cfg(test)]
use kubarium_core::view::model::Patch;
use kubarium_core::view::model::{Id, Op, PodState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A Deployment began to replace its pods.
    RolloutBegun,
    /// All its pods are of the newest revision, and ready.
    RolloutDone,
    /// A pod fails, with this in its STATUS column.
    Failing(Arc<str>),
    /// A node is not ready any more.
    NodeDown,
    /// It is again.
    NodeUp,
}

/// A mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// When.
    pub at: SimTime,
    /// What.
    pub what: Happened,
    /// The name of what it happened to; of the first, if there are several.
    pub name: Arc<str>,
    /// To how many.
    pub count: u32,
}

/// Marks kept: beyond it every other failure goes.
const KEEP: usize = 300;
/// Failures of one kind within so many microseconds share a mark.
const TOGETHER: u64 = 2_000_000;

#[derive(Clone, Debug)]
struct Rollout {
    name: Arc<str>,
    wanted: u32,
    revision: u32,
    done: bool,
}

#[derive(Clone, Copy, Debug)]
struct Revision {
    owner: Id,
    newest: bool,
    current: u32,
    ready: u32,
}

/// The marks, and what must be known to make them.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// The marks, by time.
    pub list: Vec<Mark>,
    /// All up to this moment has been looked at.
    seen: SimTime,
    rollouts: BTreeMap<Id, Rollout>,
    revisions: BTreeMap<Id, Revision>,
    nodes: BTreeMap<Id, bool>,
    failing: BTreeSet<Id>,
}

/// What one patch brought so far.
#[derive(Debug, Default)]
pub struct Look {
    found: Vec<(Happened, Arc<str>)>,
    moved: bool,
    /// It leads to another moment: nothing of it has happened now.
    rewound: bool,
}

impl Marks {
    /// Takes in what a patch says.
    #[cfg(test)]
    pub fn observe(&mut self, patch: &Patch) {
        let mut look = Look::default();
        patch.ops.iter().for_each(|op| self.note(op, &mut look));
        self.end(look, patch.now);
    }

    /// Takes in one change of a patch.
    pub fn note(&mut self, op: &Op, look: &mut Look) {
        let Look { found, moved, rewound } = look;
        match op {
            Op::Rewind => *rewound = true,
            Op::Reset => {
                self.rollouts.clear();
                self.revisions.clear();
                self.nodes.clear();
                self.failing.clear();
            }
            Op::Workload(w) if w.kind == "Deployment" => {
                *moved = true;
                if *rewound {
                    self.rollouts.remove(&w.id);
                }
                let new = Rollout { name: w.name.clone(), wanted: w.wanted, revision: w.revision, done: true };
                let known = self.rollouts.entry(w.id).or_insert(new);
                (known.wanted, known.name) = (w.wanted, w.name.clone());
                if w.revision > known.revision {
                    if known.revision > 0 {
                        known.done = false;
                        found.push((Happened::RolloutBegun, w.name.clone()));
                    }
                    known.revision = w.revision;
                }
            }
            Op::Workload(w) => {
                if let Some(owner) = w.owner {
                    *moved = true;
                    let row = Revision { owner, newest: w.newest, current: w.current, ready: w.ready };
                    self.revisions.insert(w.id, row);
                }
            }
            Op::WorkloadGone(id) => {
                self.rollouts.remove(id);
                self.revisions.remove(id);
            }
            Op::Pod(p) => {
                if p.state != PodState::Failing {
                    self.failing.remove(&p.id);
                } else if self.failing.insert(p.id) {
                    found.push((Happened::Failing(p.status.clone()), p.name.clone()));
                }
            }
            Op::PodGone(id) => {
                self.failing.remove(id);
            }
            Op::Node(n) => {
                let before = self.nodes.insert(n.id, n.ready);
                if before.is_some_and(|b| b != n.ready) && (before == Some(true) || self.was_down(&n.name)) {
                    let what = if n.ready { Happened::NodeUp } else { Happened::NodeDown };
                    found.push((what, n.name.clone()));
                }
            }
            Op::NodeGone(id) => {
                self.nodes.remove(id);
            }
            _ => {}
        }
    }

    /// The patch that leads to this moment has been taken in.
    pub fn end(&mut self, look: Look, now: SimTime) {
        let fresh = now > self.seen && !look.rewound;
        self.seen = self.seen.max(now);
        let mut found = look.found;
        if look.moved {
            for (id, r) in self.rollouts.iter_mut().filter(|(_, r)| !r.done) {
                let mut mine = self.revisions.values().filter(|v| v.owner == *id);
                if mine.all(|v| if v.newest { v.ready >= r.wanted } else { v.current == 0 }) {
                    r.done = true;
                    found.push((Happened::RolloutDone, r.name.clone()));
                }
            }
        }
        if fresh {
            found.into_iter().for_each(|(what, name)| self.add(now, what, name));
        }
    }

    /// A node's first coming is no news: only one that went comes back.
    fn was_down(&self, name: &str) -> bool {
        self.list.iter().any(|m| m.what == Happened::NodeDown && *m.name == *name)
    }

    fn add(&mut self, at: SimTime, what: Happened, name: Arc<str>) {
        if let Happened::Failing(_) = what
            && let Some(last) = self.list.last_mut().filter(|m| m.what == what && at.0 - m.at.0.min(at.0) < TOGETHER)
        {
            last.count += 1;
            return;
        }
        self.list.push(Mark { at, what, name, count: 1 });
        if self.list.len() > KEEP {
            let mut n = 0;
            self.list.retain(|m| {
                n += usize::from(matches!(m.what, Happened::Failing(_)));
                !matches!(m.what, Happened::Failing(_)) || n % 2 == 1
            });
        }
        if self.list.len() > KEEP {
            self.list.drain(..KEEP / 4);
        }
    }

    /// Forgets what came after a moment: another course is taken from there.
    pub fn cut(&mut self, after: SimTime) {
        self.list.retain(|m| m.at <= after);
        self.seen = self.seen.min(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubarium_core::clock::SimTime;
    use kubarium_core::cluster::Cluster;
    use kubarium_core::view::model::Fault;
    use kubarium_core::view::project::Projector;
    use kubarium_core::world::Input;

    fn play(c: &mut Cluster, p: &mut Projector, marks: &mut Marks, until: u64) {
        while c.now() < SimTime::from_secs(until) {
            let next = SimTime(c.now().0 + 250_000);
            c.advance(next, u64::MAX);
            marks.observe(&p.patch(c));
        }
    }

    #[test]
    fn rollouts_failures_and_nodes_are_marked_once() {
        let line = |l: &str| Input::Line { terminal: 0, line: l.to_owned(), stdin: None };
        let (mut c, mut p, mut marks) = (Cluster::with_nodes(3, 1), Projector::default(), Marks::default());
        play(&mut c, &mut p, &mut marks, 10);
        c.submit(line("kubectl create deployment web --image=nginx --replicas=3"));
        play(&mut c, &mut p, &mut marks, 30);
        c.submit(line("kubectl set image deployment/web nginx=nginx:1.26"));
        play(&mut c, &mut p, &mut marks, 60);
        c.submit(Input::Fault(Fault::NodePower { node: "node-1".into(), on: false }));
        play(&mut c, &mut p, &mut marks, 150);
        let said: Vec<Happened> = marks.list.iter().map(|m| m.what.clone()).collect();
        assert_eq!(said, [Happened::RolloutBegun, Happened::RolloutDone, Happened::NodeDown]);
        let before = marks.list.clone();
        c.seek(SimTime::from_secs(20));
        marks.observe(&p.patch(&c));
        play(&mut c, &mut p, &mut marks, 150);
        assert_eq!(marks.list, before, "played again, nothing is marked again");
        marks.cut(SimTime::from_secs(60));
        assert_eq!(marks.list.len(), 2);
    }
}
