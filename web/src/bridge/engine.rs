//! The session as the page sees it: the cluster, what the map and the panels show of it, and how time passes in it.

use super::branches::Branches;
use super::marks::{Look, Marks};
use super::{MAP_TERMINAL, TermLine, Topic};
use crate::keep::{Desk, Kept};
use crate::lesson::Run;
use crate::map::anim::Ms;
use crate::map::broken::Broken;
use crate::map::history::History;
use crate::map::scene::{Scene, Turn};
use crate::platform::db::Trouble;
use crate::platform::timers;
use crate::scenario::{Scenario, Typed};
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::{Advance, Cluster, SessionRecord};
use kubarium_core::kubectl::Effect;
use kubarium_core::terminal::Piece;
use kubarium_core::view::assist::{self, Unacted};
use kubarium_core::view::model::{EventView, Id, Op, RequestView, StepView};
use kubarium_core::view::project::{Projector, message};
use kubarium_core::world::Input;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// Rows kept of events, requests and terminal texts.
const ROWS: usize = 1_000;

/// Events of a replayed session up to which its past is gone through once more for the chart.
const REMEMBERED: u64 = 300_000;

/// The session as the page sees it.
pub struct Engine {
    /// The session.
    pub cluster: Cluster,
    projector: Projector,
    /// What the map shows.
    pub scene: Scene,
    /// Rows of events, newest last.
    pub events: VecDeque<Rc<EventView>>,
    /// Rows of requests, newest last.
    pub requests: VecDeque<Rc<RequestView>>,
    /// The terminal's text.
    pub terminal: VecDeque<(u64, TermLine)>,
    term_count: u64,
    chunks_read: u64,
    inputs_read: usize,
    /// Things that commands ask of the page.
    pub effects: VecDeque<Arc<Effect>>,
    /// Time runs.
    pub playing: bool,
    /// Virtual seconds for each second.
    pub speed: f64,
    /// The animation clock.
    pub anim: Ms,
    /// A step or a jump was made while paused: its motion is played to the end.
    pub(super) settling: bool,
    /// Virtual microseconds that are owed to the next frame.
    pub(super) owed: f64,
    /// The latest moment of this course of events.
    pub horizon: SimTime,
    /// Samples for the chart.
    pub history: History,
    /// What happened by itself, for the timeline.
    pub marks: Marks,
    /// The courses that the session has taken.
    pub(super) branches: Branches,
    /// What the last step did.
    pub step: Option<StepView>,
    pub(super) script: Vec<Typed>,
    /// Files as the cluster knows them.
    sent: BTreeMap<String, String>,
    epoch: u64,
    seed: u64,
    pub(super) changed: u32,
    /// Inputs at the last autosave, and its moment.
    pub(super) saved: (usize, Ms),
    /// An end of the session's room for inputs was reached.
    pub full: bool,
    /// Requests answered so far.
    pub answered: u64,
    /// Fields of what was applied last that are accepted and not acted on.
    pub unacted: Rc<Vec<Unacted>>,
    /// Why the session is not kept across reloads.
    pub trouble: Option<Trouble>,
    /// What is kept beside the cluster.
    pub desk: Desk,
    /// The session has begun: there is something to keep.
    pub(super) begun: bool,
    /// Inputs that the session began with.
    pub base: usize,
    /// The name that a person gave the session; empty for none.
    pub name: String,
    /// When it was asked what is broken: the course, its inputs, the version of the pods.
    broken_at: (u64, usize, u64),
    /// The lesson that is worked on in it.
    pub lesson: Option<Run>,
}

impl Engine {
    pub(super) fn new() -> Engine {
        Engine {
            cluster: Cluster::unborn(),
            projector: Projector::default(),
            scene: Scene::default(),
            events: VecDeque::new(),
            requests: VecDeque::new(),
            terminal: VecDeque::new(),
            term_count: 0,
            chunks_read: 0,
            inputs_read: 0,
            effects: VecDeque::new(),
            playing: true,
            speed: 1.0,
            anim: 10_000.0,
            settling: false,
            owed: 0.0,
            horizon: SimTime::ZERO,
            history: History::default(),
            marks: Marks::default(),
            branches: Branches::default(),
            step: None,
            script: vec![],
            sent: BTreeMap::new(),
            epoch: 0,
            seed: 1,
            changed: 0,
            saved: (0, 0.0),
            full: false,
            answered: 0,
            unacted: Rc::default(),
            trouble: None,
            desk: Desk::default(),
            begun: false,
            base: 0,
            name: String::new(),
            broken_at: (0, usize::MAX, 0),
            lesson: None,
        }
    }

    /// A panel has something new to show.
    pub fn touch(&mut self, t: Topic) {
        self.changed |= 1 << t as u32;
    }

    /// The current moment.
    pub fn now(&self) -> SimTime {
        self.cluster.now()
    }

    pub(super) fn adopt(&mut self, cluster: Cluster) {
        self.cluster = cluster;
        self.lesson = None;
        self.projector = Projector::default();
        self.events.clear();
        self.requests.clear();
        self.history.clear();
        self.marks = Marks::default();
        self.branches = Branches::default();
        (self.base, self.name) = (0, String::new());
        self.horizon = self.cluster.now();
        self.step = None;
        self.script.clear();
        self.sent = (*self.cluster.world.files).clone();
        self.owed = 0.0;
        self.full = false;
        self.unacted = Rc::default();
        self.begun = true;
        self.epoch = self.cluster.epoch;
        self.reread_terminal();
        self.changed = u32::MAX;
    }

    fn reread_terminal(&mut self) {
        self.terminal.clear();
        self.chunks_read = 0;
        // Lines keep their numbers, so what stands there already is not said again to those who listen.
        self.term_count = 0;
        self.inputs_read = 0;
        // Only what comes from now on is asked of the page.
        self.read_terminal();
        self.effects.clear();
    }

    /// Begins a scenario.
    pub fn begin(&mut self, s: &Scenario) {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let seed = (self.seed >> 33).max(1);
        self.adopt(Cluster::with_nodes(s.nodes, seed));
        self.script = s.script.clone();
        for (name, text) in &s.files {
            self.put_file(name, text);
        }
        // In small steps, so that the chart knows what came before; what moved then has come to rest.
        let start = SimTime(s.start * 1_000);
        while self.now() < start {
            let next = SimTime((self.now().0 + 200_000).min(start.0));
            if !self.play_to(next, 100_000) {
                break;
            }
            self.anim += 200.0;
            self.pull();
            self.scene.sweep(self.anim);
        }
        self.scene.calm_down();
        self.speed = 1.0;
        self.playing = true;
        self.untouched();
        self.pull();
    }

    /// Begins an empty cluster.
    pub fn begin_bare(&mut self, nodes: usize) {
        self.adopt(Cluster::with_nodes(nodes, 1));
        self.playing = true;
        self.pull();
    }

    /// Begins with a cluster that has come to a moment by itself.
    pub fn begin_with(&mut self, cluster: Cluster) {
        self.adopt(cluster);
        self.remember();
        self.speed = 1.0;
        self.playing = true;
        self.pull();
        self.scene.calm_down();
    }

    /// Carries out events; a lesson looks after each.
    pub fn advance(&mut self, to: SimTime, budget: u64) -> Advance {
        match &mut self.lesson {
            None => self.cluster.advance(to, budget),
            Some(run) => {
                let before = run.version;
                let done = run.advance(&mut self.cluster, to, budget);
                if run.version != before {
                    self.changed |= 1 << Topic::Lesson as u32;
                }
                done
            }
        }
    }

    /// The session went to another moment: the lesson judges anew.
    pub(super) fn lesson_rewound(&mut self) {
        if let Some(run) = &mut self.lesson {
            run.rewound(&self.cluster);
            self.changed |= 1 << Topic::Lesson as u32;
        }
    }

    /// Begins with a recorded session, whose latest moment this is.
    pub fn restore(&mut self, record: &SessionRecord, horizon: SimTime) {
        // what is left makes room first: two large clusters at a time are too much
        self.cluster = Cluster::unborn();
        let mut cluster = Cluster::replay(record, 3_000_000);
        let now = cluster.now();
        if horizon > now {
            cluster.seek(horizon);
        }
        self.adopt(cluster);
        self.remember();
        if horizon > now {
            self.cluster.seek(now);
        }
        self.pull();
    }

    /// Goes through the past of a session that was just replayed, so that the chart knows it; a long one in coarser
    /// steps, and not longer than people wait.
    pub(super) fn remember(&mut self) {
        let end = self.cluster.now();
        if self.cluster.world.steps > REMEMBERED {
            return;
        }
        let step = (end.0 / 1_500).max(250_000);
        let began = timers::now();
        let (mut past, mut projector, mut scene) = (self.cluster.clone(), Projector::default(), Scene::default());
        past.seek(SimTime::ZERO);
        while past.now() < end && timers::now() - began < 1_500.0 {
            let next = SimTime((past.now().0 + step).min(end.0));
            if !past.advance(next, 200_000).done {
                break;
            }
            let (mut turn, mut look) = (Turn::at(0.0), Look::default());
            projector.project(&past, &mut |op| {
                self.marks.note(&op, &mut look);
                scene.take_in(op, &mut turn);
            });
            self.marks.end(look, past.now());
            scene.done(turn);
            self.history.sample(&scene, past.now());
            self.history.look(&past, &scene);
        }
        self.history.resume();
    }

    /// Plays up to a moment, with what the scenario types on the way. False: the budget was not enough.
    fn play_to(&mut self, until: SimTime, budget: u64) -> bool {
        loop {
            let due = self.script.first().map(|t| SimTime(t.at * 1_000)).filter(|t| *t <= until);
            let to = due.unwrap_or(until);
            if !self.advance(to, budget).done {
                return false;
            }
            if due.is_none() {
                return true;
            }
            let typed = self.script.remove(0);
            self.submit(typed.input());
        }
    }

    /// Carries out an input; what lay ahead of a rewound session is dropped.
    pub fn submit(&mut self, input: Input) {
        self.drop_undone();
        if self.now() < self.horizon {
            self.fork();
            self.horizon = self.now();
            self.history.cut(self.horizon);
            self.marks.cut(self.horizon);
            self.script.clear();
        }
        if let Some(run) = &mut self.lesson {
            run.before_input(&self.cluster);
        }
        self.full = !self.cluster.submit(input);
        self.touch(Topic::Control);
        self.touch(Topic::Terminal);
        self.touch(Topic::History);
    }

    /// Writes a file of the working directory, if it is not there just so.
    pub fn put_file(&mut self, name: &str, text: &str) {
        if self.sent.get(name).map(String::as_str) == Some(text) {
            return;
        }
        self.sent.insert(name.to_owned(), text.to_owned());
        self.submit(Input::File { name: name.to_owned(), text: Some(text.to_owned()) });
    }

    /// Takes over what has changed in the cluster. Cheap when nothing has.
    pub(super) fn pull(&mut self) {
        if self.cluster.epoch != self.epoch {
            self.epoch = self.cluster.epoch;
            self.sent = (*self.cluster.world.files).clone();
            self.reread_terminal();
            self.touch(Topic::Terminal);
            self.lesson_rewound();
        }
        if let Some(run) = &mut self.lesson
            && run.look(&self.cluster)
        {
            self.changed |= 1 << Topic::Lesson as u32;
        }
        let (mut turn, mut look) = (Turn::at(self.anim), Look::default());
        let Engine { projector, cluster, scene, events, requests, answered, changed, marks, .. } = self;
        projector.project(cluster, &mut |op| match op {
            Op::Event(e) => {
                keep(events, Rc::new(e));
                *changed |= 1 << Topic::Events as u32;
            }
            Op::Request(r) => {
                *answered = r.id;
                keep(requests, Rc::new(r));
                *changed |= 1 << Topic::Requests as u32;
            }
            op => {
                marks.note(&op, &mut look);
                match op {
                    Op::Reset | Op::Rewind => {
                        events.clear();
                        requests.clear();
                        *changed |= u32::MAX;
                    }
                    Op::Pulse(_) => {}
                    _ => *changed |= 1 << Topic::Objects as u32,
                }
                scene.take_in(op, &mut turn);
            }
        });
        self.cluster.all_seen();
        self.scene.done(turn);
        self.marks.end(look, self.now());
        if turn.fresh {
            self.broken_at.1 = usize::MAX;
        }
        // a fault begins with an input, and may end with what it hits
        let pods = if self.scene.broken.pods.is_empty() { 0 } else { self.scene.pods_version };
        let course = (self.cluster.epoch, self.cluster.applied(), pods);
        if course != self.broken_at {
            self.broken_at = course;
            let broken = Broken::of(&self.cluster);
            if broken != self.scene.broken {
                self.scene.broken = broken;
                // where pods are only counted, nothing else tells the map to be drawn anew
                self.scene.shape += 1;
                self.touch(Topic::Objects);
            }
        }
        let mut traffic = std::mem::take(&mut self.scene.traffic);
        let news = traffic.look(&self.cluster, self.anim, if self.playing { self.speed } else { 0.0 });
        self.scene.traffic = traffic;
        self.scene.shape += u64::from(news.shape);
        if news.numbers {
            self.touch(Topic::Traffic);
        }
        let now = self.now();
        if now >= self.horizon {
            if now > self.horizon {
                self.touch(Topic::Clock);
            }
            self.horizon = now;
            let before = self.history.version;
            self.history.sample(&self.scene, now);
            self.history.look(&self.cluster, &self.scene);
            if self.history.version != before {
                self.touch(Topic::History);
            }
        } else {
            self.touch(Topic::Clock);
        }
        self.read_terminal();
    }

    /// What was said against the last input, before the terminal has been read.
    pub(super) fn complaint(&self) -> Option<String> {
        self.cluster.world.terminals.since(self.chunks_read).find_map(|c| match &c.piece {
            Piece::Err(text) => Some(text.trim().to_owned()),
            _ => None,
        })
    }

    fn read_terminal(&mut self) {
        let done: Vec<(SimTime, Rc<Input>)> = self.cluster.inputs()
            [self.inputs_read.min(self.cluster.applied())..self.cluster.applied()]
            .iter()
            .filter_map(|l| match &l.input {
                Input::Fault(_) | Input::Client(_) | Input::RemoveClient { .. } => {
                    Some((l.at, Rc::new(l.input.clone())))
                }
                _ => None,
            })
            .collect();
        self.inputs_read = self.cluster.applied();
        let mut lines: Vec<(SimTime, TermLine)> = Vec::new();
        let mut clear = false;
        let mut last = self.chunks_read;
        for c in self.cluster.world.terminals.since(self.chunks_read) {
            last = c.number;
            let line = match &c.piece {
                Piece::Line(t) => TermLine::Typed(t.clone(), c.terminal == MAP_TERMINAL, c.prompt.clone()),
                Piece::Out(t) => TermLine::Out(t.clone()),
                Piece::Err(t) => TermLine::Err(t.clone()),
                Piece::Exit(_) => continue,
                Piece::Effect(e) => {
                    if **e == Effect::ClearScreen {
                        clear = true;
                        lines.clear();
                    } else {
                        self.effects.push_back(e.clone());
                    }
                    continue;
                }
            };
            lines.push((c.at, line));
        }
        self.chunks_read = last;
        lines.extend(done.into_iter().map(|(at, t)| (at, TermLine::Done(t))));
        lines.sort_by_key(|(at, _)| *at);
        if clear {
            self.terminal.clear();
        }
        if !lines.is_empty() || clear {
            self.touch(Topic::Terminal);
        }
        for (_, line) in lines {
            self.term_count += 1;
            keep(&mut self.terminal, (self.term_count, line));
        }
    }

    /// One frame: `dt` milliseconds have passed.
    pub(super) fn frame(&mut self, dt: f64) {
        if self.playing && self.begun {
            self.owed += dt * 1_000.0 * self.speed;
            let goal = SimTime(self.now().0 + self.owed as u64);
            let began = timers::now();
            // In slices, so that a heavy moment makes the cluster slow, never the page.
            loop {
                let before = self.now();
                let done = self.play_to(goal, 150);
                self.owed -= (self.now().0 - before.0) as f64;
                if done {
                    self.owed = self.owed.fract().max(0.0);
                    break;
                }
                if timers::now() - began > 9.0 {
                    // What cannot be caught up is let go: a slow machine plays slower.
                    self.owed = self.owed.min(2e5 * self.speed);
                    break;
                }
            }
            self.anim += dt * self.speed.min(1.0);
            self.pull();
        } else if self.settling {
            self.anim += dt;
        }
        self.scene.sweep(self.anim);
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            at: js_sys::Date::now(),
            record: Some(self.cluster.whole_record()),
            horizon: self.horizon,
            branches: self.kept_branches(),
            base: self.base,
            name: self.name.clone(),
            playing: self.playing,
            speed: self.speed,
            desk: self.desk.clone(),
            lesson: self.lesson.as_ref().map(Run::kept),
        }
    }

    /// After a line that applies files: which of their fields are accepted and not acted on.
    pub(super) fn tell_unacted(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !["apply", "create", "replace"].iter().any(|verb| words.get(1) == Some(verb)) {
            return;
        }
        let given = |i: usize| match words[i] {
            "-f" | "--filename" => words.get(i + 1).copied(),
            w => w.strip_prefix("--filename=").or_else(|| w.strip_prefix("-f=")),
        };
        let names: Vec<&str> = (2..words.len()).filter_map(given).flat_map(|n| n.split(',')).collect();
        if names.is_empty() {
            return;
        }
        let files = &self.cluster.world.files;
        let texts = names.iter().filter_map(|n| files.get(n.trim_start_matches("./")));
        self.unacted = Rc::new(texts.flat_map(|t| assist::not_simulated(t)).collect());
        self.touch(Topic::Control);
    }

    /// Takes the list of fields that are not acted on away.
    pub fn forget_unacted(&mut self) {
        self.unacted = Rc::default();
        self.touch(Topic::Control);
    }

    pub(super) fn next_thing(&mut self) {
        self.playing = false;
        self.owed = 0.0;
        self.touch(Topic::Control);
        let limit = SimTime(self.now().0 + 3_600_000_000);
        for _ in 0..20_000 {
            let due = self.script.first().map(|t| SimTime(t.at * 1_000));
            let next = self.cluster.world.sim.queue.next_time();
            if let Some(due) = due
                && next.is_none_or(|n| n >= due)
            {
                self.play_to(due, 1_000);
            } else if !self.cluster.step_event() {
                break;
            }
            let seen = self.answered;
            self.pull();
            // The last request that changed something is what happened; heartbeats are not worth a stop.
            let named = self
                .requests
                .iter()
                .rev()
                .take_while(|r| r.id > seen)
                .filter(|r| r.code < 300 && !matches!(r.verb, "get" | "list" | "watch"))
                .find(|r| !r.path.contains("/leases/") && !r.path.contains("/events"))
                .cloned();
            if let Some(r) = named {
                let sim = &self.cluster.world.sim;
                if let Some(entry) = sim.requests.get(r.id) {
                    self.step = Some(StepView { at: r.at, actor: r.actor.clone(), message: message(sim, entry) });
                }
                return;
            }
            if self.now() > limit {
                break;
            }
        }
    }

    /// Whether something was done that can be taken back.
    pub fn can_undo(&self) -> bool {
        self.cluster.inputs()[..self.cluster.applied()].iter().any(|l| !matches!(l.input, Input::File { .. }))
    }

    /// An object's name and kind, for commands: `pod/web-…`.
    pub fn reference(&self, id: Id) -> Option<(Arc<str>, String)> {
        if let Some(p) = self.scene.pods.get(&id) {
            return Some((p.view.namespace.clone(), format!("pod/{}", p.view.name)));
        }
        if let Some(w) = self.scene.workloads.get(&id) {
            return Some((w.namespace.clone(), format!("{}/{}", w.kind.to_lowercase(), w.name)));
        }
        if let Some(s) = self.scene.services.get(&id) {
            return Some((s.namespace.clone(), format!("service/{}", s.name)));
        }
        if let Some(n) = self.scene.nodes.get(&id) {
            return Some(("".into(), format!("node/{}", n.view.name)));
        }
        let place = kubarium_core::view::inspect::place(&self.cluster, id)?;
        Some((place.namespace.into(), format!("{}/{}", place.resource, place.name)))
    }
}

fn keep<T>(rows: &mut VecDeque<T>, row: T) {
    if rows.len() >= ROWS {
        rows.pop_front();
    }
    rows.push_back(row);
}
