//! Branches: the courses that a session has taken. Who acts at a past moment takes another course; the one that was is
//! kept whole. Undoing is leaving the course in which something was done, redoing is returning to it.

use super::marks::Marks;
use super::{Engine, Topic};
use crate::keep::KeptBranch;
use crate::map::history::History;
use crate::platform::timers;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::{Cluster, LoggedInput, SessionRecord};
use kubarium_core::view::model::StepView;
use kubarium_core::view::project::message;
use kubarium_core::world::Input;
use std::rc::Rc;

/// Branches that a session may have.
pub const MOST: usize = 24;
/// Branches whose worlds are kept at hand; the others are replayed when they are looked at.
const AT_HAND: usize = 8;
/// Undone inputs that can be done again.
const REDO: usize = 50;
/// Events up to which a kept branch is replayed.
const REPLAY: u64 = 3_000_000;

/// A course, put aside.
#[derive(Clone)]
pub(super) struct Course {
    cluster: Cluster,
    horizon: SimTime,
    history: History,
    marks: Marks,
}

#[derive(Clone)]
enum Rest {
    Live(Box<Course>),
    Kept(Rc<SessionRecord>),
}

/// A branch.
#[derive(Clone)]
pub struct Branch {
    /// Its number, never used again.
    pub id: u32,
    /// The name that a person gave it; empty for none.
    pub name: Rc<str>,
    /// The branch that it left, and when.
    pub from: Option<(u32, SimTime)>,
    horizon: SimTime,
    /// None: the one that is shown.
    rest: Option<Rest>,
}

/// All branches of a session.
pub struct Branches {
    list: Vec<Branch>,
    active: u32,
    next: u32,
    undone: Vec<Course>,
}

impl Default for Branches {
    fn default() -> Branches {
        let first = Branch { id: 1, name: "".into(), from: None, horizon: SimTime::ZERO, rest: None };
        Branches { list: vec![first], active: 1, next: 2, undone: vec![] }
    }
}

/// What a list of branches tells of one.
#[derive(Clone, Debug, PartialEq)]
pub struct BranchView {
    /// Its number.
    pub id: u32,
    /// The name that a person gave it; empty for none.
    pub name: Rc<str>,
    /// The branch that it left, and when.
    pub from: Option<(u32, SimTime)>,
    /// Its latest moment.
    pub horizon: SimTime,
    /// Inputs in it.
    pub inputs: usize,
    /// The first thing that was done in it and not before.
    pub own: Option<Input>,
    /// It is the one that is shown.
    pub active: bool,
}

impl Engine {
    fn course(&self) -> Course {
        Course {
            cluster: self.cluster.clone(),
            horizon: self.horizon,
            history: self.history.clone(),
            marks: self.marks.clone(),
        }
    }

    fn take_course(&mut self, c: Course) {
        let (branches, base) = (std::mem::take(&mut self.branches), self.base);
        let name = std::mem::take(&mut self.name);
        let lesson = self.lesson.take();
        self.adopt(c.cluster);
        self.lesson = lesson;
        self.lesson_rewound();
        (self.branches, self.base, self.name) = (branches, base, name);
        (self.horizon, self.history, self.marks) = (c.horizon, c.history, c.marks);
        self.history.resume();
    }

    /// The session is as it began: there is nothing in it that a person would miss.
    pub fn untouched(&mut self) {
        self.base = self.cluster.inputs().len();
    }

    /// Whether a person has done something in it.
    pub(super) fn is_touched(&self) -> bool {
        self.begun && (self.cluster.inputs().len() != self.base || self.branches.list.len() > 1)
    }

    /// The present becomes a course of its own; what lay ahead is kept as the branch that it was.
    pub(super) fn fork(&mut self) {
        let old = self.course();
        let at = self.now();
        let (id, from) = (self.branches.next, self.branches.active);
        if let Some(b) = self.branches.list.iter_mut().find(|b| b.id == from) {
            b.horizon = old.horizon;
            b.rest = Some(Rest::Live(Box::new(old)));
        }
        self.branches.add(Branch { id, name: "".into(), from: Some((from, at)), horizon: at, rest: None });
        self.branches.active = id;
        self.touch(Topic::Control);
    }

    /// Something new is done: what was undone before is kept as a branch.
    pub(super) fn drop_undone(&mut self) {
        if self.branches.undone.is_empty() {
            return;
        }
        // the oldest has all that was undone after it
        let course = self.branches.undone.swap_remove(0);
        self.branches.undone.clear();
        let (id, from, at) = (self.branches.next, self.branches.active, self.now().min(course.horizon));
        let rest = Some(Rest::Live(Box::new(course.clone())));
        self.branches.add(Branch { id, name: "".into(), from: Some((from, at)), horizon: course.horizon, rest });
        self.touch(Topic::Control);
    }

    /// Returns to before the last input; files that were written for it go with it.
    pub(super) fn undo_last(&mut self) -> bool {
        if !self.can_undo() {
            return false;
        }
        let course = self.course();
        let mut done = false;
        while self.can_undo() {
            let file = matches!(self.cluster.inputs()[self.cluster.applied() - 1].input, Input::File { .. });
            done = self.cluster.undo();
            if !file || !done {
                break;
            }
        }
        if done {
            self.branches.undone.push(course);
            if self.branches.undone.len() > REDO {
                self.branches.undone.remove(0);
            }
            self.script.clear();
            self.owed = 0.0;
            self.step = None;
            self.horizon = self.now();
            let horizon = self.horizon;
            self.history.cut(horizon);
            self.marks.cut(horizon);
            self.changed = u32::MAX;
        }
        done
    }

    /// Whether something that was undone can be done again.
    pub fn can_redo(&self) -> bool {
        !self.branches.undone.is_empty()
    }

    /// Returns to where the last undo left.
    pub(super) fn redo_last(&mut self) -> bool {
        let Some(course) = self.branches.undone.pop() else { return false };
        self.take_course(course);
        true
    }

    /// The branches, the first one first.
    pub fn branch_list(&self) -> Vec<BranchView> {
        let row = |b: &Branch| {
            let log: &[LoggedInput] = match &b.rest {
                None => self.cluster.inputs(),
                Some(Rest::Live(c)) => c.cluster.inputs(),
                Some(Rest::Kept(r)) => &r.inputs,
            };
            let after = b.from.map_or(SimTime::ZERO, |(_, at)| at);
            let own = log.iter().find(|l| l.at >= after && !matches!(l.input, Input::File { .. }));
            BranchView {
                id: b.id,
                name: b.name.clone(),
                from: b.from,
                horizon: if b.rest.is_none() { self.horizon } else { b.horizon },
                inputs: log.iter().filter(|l| !matches!(l.input, Input::File { .. })).count(),
                own: own.map(|l| l.input.clone()),
                active: b.id == self.branches.active,
            }
        };
        self.branches.list.iter().map(row).collect()
    }

    /// How many branches there are, and the number of the shown one.
    pub fn branch_count(&self) -> (usize, u32) {
        (self.branches.list.len(), self.branches.active)
    }

    /// Another course from here, although nothing is done differently yet.
    pub fn fork_here(&mut self) {
        self.fork();
        self.cluster = self.cluster.fork();
        self.horizon = self.now();
        let horizon = self.horizon;
        self.history.cut(horizon);
        self.marks.cut(horizon);
        self.changed = u32::MAX;
    }

    fn live(&mut self, id: u32) -> Option<Course> {
        let b = self.branches.list.iter_mut().find(|b| b.id == id)?;
        match b.rest.as_ref()? {
            Rest::Live(c) => Some((**c).clone()),
            Rest::Kept(record) => {
                let mut cluster = Cluster::replay(record, REPLAY);
                cluster.seek(b.horizon.max(record.now));
                let course =
                    Course { cluster, horizon: b.horizon, history: History::default(), marks: Marks::default() };
                b.rest = Some(Rest::Live(Box::new(course.clone())));
                Some(course)
            }
        }
    }

    /// Shows another branch at the same moment, or at its end if that is earlier.
    pub fn switch_branch(&mut self, id: u32) -> bool {
        let at = self.now();
        let Some(course) = self.live(id) else { return false };
        let old = self.course();
        let was = self.branches.active;
        if let Some(b) = self.branches.list.iter_mut().find(|b| b.id == was) {
            b.horizon = old.horizon;
            b.rest = Some(Rest::Live(Box::new(old)));
        }
        if let Some(b) = self.branches.list.iter_mut().find(|b| b.id == id) {
            b.rest = None;
        }
        self.branches.active = id;
        self.branches.undone.clear();
        let unknown = course.history.busiest.is_none();
        self.take_course(course);
        if unknown {
            self.remember();
        }
        let to = at.min(self.horizon);
        if to != self.now() {
            self.cluster.seek(to);
            self.lesson_rewound();
        }
        self.changed = u32::MAX;
        true
    }

    /// Gives a branch a name.
    pub fn rename_branch(&mut self, id: u32, name: &str) {
        if let Some(b) = self.branches.list.iter_mut().find(|b| b.id == id) {
            b.name = name.trim().chars().take(60).collect::<String>().into();
            self.saved.0 = usize::MAX;
            self.touch(Topic::Control);
        }
    }

    /// Forgets a branch that is not shown.
    pub fn delete_branch(&mut self, id: u32) {
        if id != self.branches.active {
            self.branches.list.retain(|b| b.id != id);
            self.saved.0 = usize::MAX;
            self.touch(Topic::Control);
        }
    }

    /// The log of a branch that is not shown, for a link or a file.
    pub fn branch_record(&mut self, id: u32) -> Option<SessionRecord> {
        self.live(id).map(|c| c.cluster.whole_record())
    }

    /// An engine for a second map: another course, at the same moment as this one.
    pub(super) fn beside(&mut self, id: u32) -> Option<Engine> {
        let course = self.live(id)?;
        let mut engine = Engine::new();
        engine.take_course(course);
        engine.playing = false;
        // what is only looked at is not kept a second time
        engine.begun = false;
        engine.follow(self.now(), self.anim);
        Some(engine)
    }

    /// Comes to the moment of another engine.
    pub(super) fn follow(&mut self, to: SimTime, anim: f64) {
        if to == self.now() && anim == self.anim {
            return;
        }
        if to < self.now() {
            self.cluster.seek(to);
        } else {
            let began = timers::now();
            while !self.cluster.advance(to, 150).done && timers::now() - began < 8.0 {}
        }
        self.anim = anim;
        self.pull();
        self.scene.sweep(anim);
    }

    /// Back to the last thing that happened before what is seen, and names it.
    pub(super) fn last_thing(&mut self) {
        self.playing = false;
        self.owed = 0.0;
        self.touch(Topic::Control);
        let here = self.cluster.world.sim.requests.last();
        let now = self.now();
        for window in [300, 3_000, 30_000] {
            let log = &self.cluster.world.sim.requests;
            let things: Vec<(u64, SimTime)> = log
                .after(here.saturating_sub(window))
                .filter(|r| r.code < 300 && !matches!(r.verb.as_str(), "get" | "list" | "watch"))
                .filter(|r| !r.path().contains("/leases/") && !r.path().contains("/events"))
                .map(|r| (r.id, r.at))
                .collect();
            // what is seen just now is left, unless time has passed since
            let stands = things.last().is_some_and(|(_, at)| *at >= now || self.step.is_some());
            let mut candidates = things.into_iter().rev().skip(usize::from(stands));
            for (id, _) in candidates.by_ref() {
                self.cluster.seek_request(id);
                if self.now() < now || self.cluster.world.sim.requests.last() < here {
                    let sim = &self.cluster.world.sim;
                    self.step = sim.requests.get(id).map(|entry| StepView {
                        at: entry.at,
                        actor: (*entry.actor.name()).into(),
                        message: message(sim, entry),
                    });
                    self.script.clear();
                    self.changed = u32::MAX;
                    return;
                }
            }
        }
    }

    /// All branches but the shown one, as they are kept.
    pub(super) fn kept_branches(&self) -> Vec<KeptBranch> {
        let kept = |b: &Branch| KeptBranch {
            id: b.id,
            name: b.name.to_string(),
            from: b.from,
            horizon: b.horizon,
            record: match &b.rest {
                None => None,
                Some(Rest::Live(c)) => Some(c.cluster.whole_record()),
                Some(Rest::Kept(r)) => Some((**r).clone()),
            },
        };
        if self.branches.list.len() < 2 { vec![] } else { self.branches.list.iter().map(kept).collect() }
    }

    /// Takes over what was kept of branches; the one without a record is the shown one.
    pub fn restore_branches(&mut self, kept: Vec<KeptBranch>) {
        let Some(active) = kept.iter().find(|b| b.record.is_none()).map(|b| b.id) else { return };
        let next = kept.iter().map(|b| b.id).max().unwrap_or(0) + 1;
        let list = kept.into_iter().take(MOST).map(|b| Branch {
            id: b.id,
            name: b.name.into(),
            from: b.from,
            horizon: b.horizon,
            rest: b.record.map(|r| Rest::Kept(Rc::new(r))),
        });
        self.branches = Branches { list: list.collect(), active, next, undone: vec![] };
        self.touch(Topic::Control);
    }

    /// Adds a branch from elsewhere (a link with two of them).
    pub fn add_branch(&mut self, name: &str, record: SessionRecord, horizon: SimTime) -> u32 {
        let mine = self.cluster.inputs();
        let shared = mine.iter().zip(&record.inputs).take_while(|(a, b)| a == b).count();
        let parts = [mine.get(shared), record.inputs.get(shared)].into_iter().flatten().map(|l| l.at).min();
        let at = parts.unwrap_or(horizon);
        let id = self.branches.next;
        let rest = Some(Rest::Kept(Rc::new(record)));
        self.branches.add(Branch { id, name: name.into(), from: Some((self.branches.active, at)), horizon, rest });
        self.touch(Topic::Control);
        id
    }
}

impl Branches {
    /// Adds one, which gets the next number. The oldest without a name goes when there are too many.
    fn add(&mut self, b: Branch) {
        self.next = b.id + 1;
        self.list.push(b);
        if self.list.len() > MOST
            && let Some(i) = self.list.iter().position(|b| b.rest.is_some() && b.name.is_empty())
        {
            self.list.remove(i);
        }
        let live = self.list.iter().filter(|b| matches!(b.rest, Some(Rest::Live(_)))).count();
        for b in
            self.list.iter_mut().filter(|b| matches!(b.rest, Some(Rest::Live(_)))).take(live.saturating_sub(AT_HAND))
        {
            if let Some(Rest::Live(c)) = &b.rest {
                b.rest = Some(Rest::Kept(Rc::new(c.cluster.whole_record())));
            }
        }
    }
}
