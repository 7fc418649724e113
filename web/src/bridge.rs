//! Between the page and the cluster: drives the session in virtual time, frame by frame, and hands its patches on to
//! the map and the panels. Panels hear of changes by topic, at most about ten times a second, and only while they
//! are shown; the map draws itself. Nothing here decides what a Kubernetes object does.

use crate::keep::{self, Desk, Kept};
use crate::map::anim::Ms;
use crate::map::history::History;
use crate::map::scene::Scene;
use crate::map::widget::MapView;
use crate::platform::db::Trouble;
use crate::platform::{texts, timers};
use crate::scenario::{Scenario, Typed};
use kubarium_core::api::schema;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::{Cluster, SessionRecord};
use kubarium_core::kubectl::Effect;
use kubarium_core::terminal::Piece;
use kubarium_core::view::assist::{self, Unacted};
use kubarium_core::view::model::{EventView, Fault, Id, Op, RequestView, StepView};
use kubarium_core::view::project::{Projector, message};
use kubarium_core::world::Input;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use yew::prelude::*;

/// What a panel can listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Objects on the map.
    Objects = 0,
    /// Rows of events.
    Events = 1,
    /// Rows of API requests.
    Requests = 2,
    /// The terminal's text.
    Terminal = 3,
    /// Playing, speed, step texts, inputs.
    Control = 4,
    /// Samples of the chart and the timeline's marks.
    History = 5,
    /// The moment itself.
    Clock = 6,
}

const TOPICS: usize = 7;
/// Milliseconds between two updates of a panel.
const PACE: f64 = 90.0;
/// The terminal of what is done on the map: a command that waits in the person's own is not disturbed.
pub const MAP_TERMINAL: u8 = 1;
/// Rows kept of events, requests and terminal texts.
const ROWS: usize = 1_000;

/// Events of a replayed session up to which its past is gone through once more for the chart.
const REMEMBERED: u64 = 300_000;

/// A piece of the terminal's text.
#[derive(Clone, Debug, PartialEq)]
pub enum TermLine {
    /// A typed line, and whether the map typed it.
    Typed(Arc<str>, bool),
    /// Printed.
    Out(Arc<str>),
    /// Printed as an error.
    Err(Arc<str>),
    /// What was done that has no command.
    Fault(Rc<Fault>),
}

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
    settling: bool,
    /// Virtual microseconds that are owed to the next frame.
    owed: f64,
    /// The latest moment of this course of events.
    pub horizon: SimTime,
    /// Samples for the chart.
    pub history: History,
    /// What the last step did.
    pub step: Option<StepView>,
    script: Vec<Typed>,
    /// Files as the cluster knows them.
    sent: BTreeMap<String, String>,
    epoch: u64,
    seed: u64,
    changed: u32,
    /// Inputs at the last autosave, and its moment.
    saved: (usize, Ms),
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
    begun: bool,
}

impl Engine {
    fn new() -> Engine {
        Engine {
            cluster: Cluster::with_nodes(3, 1),
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
        }
    }

    fn touch(&mut self, t: Topic) {
        self.changed |= 1 << t as u32;
    }

    /// The current moment.
    pub fn now(&self) -> SimTime {
        self.cluster.now()
    }

    fn adopt(&mut self, cluster: Cluster) {
        self.cluster = cluster;
        self.projector = Projector::default();
        self.events.clear();
        self.requests.clear();
        self.history.clear();
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
        self.pull();
    }

    /// Begins an empty cluster.
    pub fn begin_bare(&mut self, nodes: usize) {
        self.adopt(Cluster::with_nodes(nodes, 1));
        self.playing = true;
        self.pull();
    }

    /// Begins with a recorded session.
    pub fn restore(&mut self, record: &SessionRecord) {
        self.adopt(Cluster::replay(record, 3_000_000));
        self.remember();
        self.pull();
    }

    /// Goes through the past of a session that was just replayed, so that the chart knows it; a long one in coarser
    /// steps, and not longer than people wait.
    fn remember(&mut self) {
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
            scene.apply(&projector.patch(&past), 0.0);
            self.history.sample(&scene, past.now());
        }
        self.history.resume();
    }

    /// Plays up to a moment, with what the scenario types on the way. False: the budget was not enough.
    fn play_to(&mut self, until: SimTime, budget: u64) -> bool {
        loop {
            let due = self.script.first().map(|t| SimTime(t.at * 1_000)).filter(|t| *t <= until);
            let to = due.unwrap_or(until);
            if !self.cluster.advance(to, budget).done {
                return false;
            }
            if due.is_none() {
                return true;
            }
            let typed = self.script.remove(0);
            self.submit(Input::Line { terminal: 0, line: typed.line, stdin: None });
        }
    }

    /// Carries out an input; what lay ahead of a rewound session is dropped.
    pub fn submit(&mut self, input: Input) {
        if self.now() < self.horizon {
            self.horizon = self.now();
            self.history.cut(self.horizon);
            self.script.clear();
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
    fn pull(&mut self) {
        if self.cluster.epoch != self.epoch {
            self.epoch = self.cluster.epoch;
            self.sent = (*self.cluster.world.files).clone();
            self.reread_terminal();
            self.touch(Topic::Terminal);
        }
        let patch = self.projector.patch(&self.cluster);
        if !patch.ops.is_empty() {
            for op in &patch.ops {
                match op {
                    Op::Reset => {
                        self.events.clear();
                        self.requests.clear();
                    }
                    Op::Event(e) => {
                        keep(&mut self.events, Rc::new(e.clone()));
                        self.changed |= 1 << Topic::Events as u32;
                    }
                    Op::Request(r) => {
                        self.answered = r.id;
                        keep(&mut self.requests, Rc::new(r.clone()));
                        self.changed |= 1 << Topic::Requests as u32;
                    }
                    Op::Pulse(_) => {}
                    _ => self.changed |= 1 << Topic::Objects as u32,
                }
            }
            self.scene.apply(&patch, self.anim);
        }
        let now = self.now();
        if now >= self.horizon {
            if now > self.horizon {
                self.touch(Topic::Clock);
            }
            self.horizon = now;
            let before = self.history.version;
            self.history.sample(&self.scene, now);
            if self.history.version != before {
                self.touch(Topic::History);
            }
        } else {
            self.touch(Topic::Clock);
        }
        self.read_terminal();
    }

    fn read_terminal(&mut self) {
        let faults: Vec<(SimTime, Rc<Fault>)> = self.cluster.inputs()
            [self.inputs_read.min(self.cluster.applied())..self.cluster.applied()]
            .iter()
            .filter_map(|l| match &l.input {
                Input::Fault(f) => Some((l.at, Rc::new(f.clone()))),
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
                Piece::Line(t) => TermLine::Typed(t.clone(), c.terminal == MAP_TERMINAL),
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
        lines.extend(faults.into_iter().map(|(at, t)| (at, TermLine::Fault(t))));
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
    fn frame(&mut self, dt: f64) {
        if self.playing {
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
}

fn keep<T>(rows: &mut VecDeque<T>, row: T) {
    if rows.len() >= ROWS {
        rows.pop_front();
    }
    rows.push_back(row);
}

struct Inner {
    engine: RefCell<Engine>,
    map: RefCell<Option<MapView>>,
    listeners: RefCell<Vec<(u64, Topic, Callback<()>)>>,
    next: Cell<u64>,
    told: Cell<[f64; TOPICS]>,
    /// When those who show the moment were told last: they need it less often than the clock does.
    moved: Cell<f64>,
    frames: RefCell<Option<timers::Frames>>,
    last: Cell<f64>,
    /// The session is being written to the browser's database.
    saving: Cell<bool>,
    clock_face: RefCell<Option<web_sys::Element>>,
}

/// A handle of the running session; all clones are the same one.
#[derive(Clone)]
pub struct Session(Rc<Inner>);

impl PartialEq for Session {
    fn eq(&self, other: &Session) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Session {
    /// A session that runs as long as the page.
    pub fn start() -> Session {
        let session = Session(Rc::new(Inner {
            engine: RefCell::new(Engine::new()),
            map: RefCell::default(),
            listeners: RefCell::default(),
            next: Cell::new(0),
            told: Cell::new([0.0; TOPICS]),
            moved: Cell::new(0.0),
            frames: RefCell::default(),
            last: Cell::new(timers::now()),
            saving: Cell::new(false),
            clock_face: RefCell::default(),
        }));
        let weak = Rc::downgrade(&session.0);
        *session.0.frames.borrow_mut() = Some(timers::frames(move |time| {
            if let Some(inner) = weak.upgrade() {
                Session(inner).frame(time);
            }
        }));
        session
    }

    fn frame(&self, time: f64) {
        let dt = (time - self.0.last.replace(time)).clamp(0.0, 100.0);
        {
            let Ok(mut engine) = self.0.engine.try_borrow_mut() else { return };
            engine.frame(dt);
            if engine.settling && !engine.scene.moving(engine.anim) {
                engine.settling = false;
            }
            self.save(&mut engine, time);
        }
        self.tell(time);
        if let Ok(mut map) = self.0.map.try_borrow_mut()
            && let Some(map) = map.as_mut()
            && let Ok(engine) = self.0.engine.try_borrow()
        {
            map.frame(&engine, time);
        }
    }

    /// Tells listeners whose topic has changed, not more often than they can be read.
    fn tell(&self, time: f64) {
        let mut told = self.0.told.get();
        let mut due = 0u32;
        {
            let Ok(mut engine) = self.0.engine.try_borrow_mut() else { return };
            for (i, at) in told.iter_mut().enumerate() {
                if engine.changed & (1 << i) != 0 && time - *at >= PACE {
                    engine.changed &= !(1 << i);
                    *at = time;
                    due |= 1 << i;
                }
            }
        }
        if due == 0 {
            return;
        }
        self.0.told.set(told);
        if due & (1 << Topic::Clock as u32) != 0
            && let Some(face) = &*self.0.clock_face.borrow()
        {
            face.set_text_content(Some(&clock_text(self.0.engine.borrow().now())));
        }
        if time - self.0.moved.get() < 220.0 {
            due &= !(1 << Topic::Clock as u32);
        } else {
            self.0.moved.set(time);
        }
        let calls: Vec<Callback<()>> = self
            .0
            .listeners
            .borrow()
            .iter()
            .filter(|(_, t, _)| due & (1 << *t as u32) != 0)
            .map(|(_, _, c)| c.clone())
            .collect();
        calls.iter().for_each(|c| c.emit(()));
    }

    /// Keeps the session across reloads, at most every two seconds.
    fn save(&self, engine: &mut Engine, time: f64) {
        let inputs = engine.cluster.inputs().len();
        let stale = inputs != engine.saved.0 || time - engine.saved.1 > 15_000.0;
        let due = engine.begun && stale && time - engine.saved.1 > 2_000.0 && engine.cluster.applied() == inputs;
        if !due || self.0.saving.replace(true) {
            return;
        }
        engine.saved = (inputs, time);
        let kept = engine.kept();
        let weak = Rc::downgrade(&self.0);
        wasm_bindgen_futures::spawn_local(async move {
            let trouble = keep::save(kept).await.err();
            let Some(inner) = weak.upgrade() else { return };
            inner.saving.set(false);
            Session(inner).set_trouble(trouble);
        });
    }

    /// Says why the session is not kept, or that it is.
    pub fn set_trouble(&self, trouble: Option<Trouble>) {
        if let Ok(mut engine) = self.0.engine.try_borrow_mut()
            && engine.trouble != trouble
        {
            engine.trouble = trouble;
            engine.touch(Topic::Control);
        }
    }

    /// Keeps what stands in the editor with the session.
    pub fn set_desk(&self, desk: Desk) {
        if let Ok(mut engine) = self.0.engine.try_borrow_mut()
            && engine.desk != desk
        {
            engine.desk = desk;
            engine.saved.0 = usize::MAX;
        }
    }

    /// Keeps the session at once: the page is about to go.
    pub fn save_now(&self) {
        if let Ok(engine) = self.0.engine.try_borrow()
            && engine.begun
        {
            keep::save_last(&engine.kept());
        }
    }

    /// Reads the session's state.
    pub fn read<R>(&self, f: impl FnOnce(&Engine) -> R) -> R {
        f(&self.0.engine.borrow())
    }

    /// Changes the session and shows what came of it at once.
    pub fn with<R>(&self, f: impl FnOnce(&mut Engine) -> R) -> R {
        let result = {
            let mut engine = self.0.engine.borrow_mut();
            let result = f(&mut engine);
            engine.pull();
            if !engine.playing {
                engine.settling = true;
            }
            result
        };
        self.0.told.set([0.0; TOPICS]);
        self.0.moved.set(0.0);
        result
    }

    /// Reaches the map, once it is there.
    pub fn map<R>(&self, f: impl FnOnce(&mut MapView, &Engine) -> R) -> Option<R> {
        let mut map = self.0.map.try_borrow_mut().ok()?;
        let engine = self.0.engine.try_borrow().ok()?;
        map.as_mut().map(|m| f(m, &engine))
    }

    /// Gives the session its map, or takes it away.
    pub fn set_map(&self, map: Option<MapView>) {
        *self.0.map.borrow_mut() = map;
    }

    /// The element whose text is the clock.
    pub fn set_clock_face(&self, face: Option<web_sys::Element>) {
        if let Some(face) = &face {
            face.set_text_content(Some(&self.read(|e| clock_text(e.now()))));
        }
        *self.0.clock_face.borrow_mut() = face;
    }

    fn listen(&self, topic: Topic, callback: Callback<()>) -> u64 {
        let id = self.0.next.get() + 1;
        self.0.next.set(id);
        self.0.listeners.borrow_mut().push((id, topic, callback));
        id
    }

    fn unlisten(&self, id: u64) {
        self.0.listeners.borrow_mut().retain(|(i, _, _)| *i != id);
    }

    /// Types a line in the person's terminal; files are written first, as the line may read them.
    pub fn type_line(&self, line: &str, files: &[crate::state::File]) {
        if texts::wants(line) && !schema::has_meanings() {
            let (session, line, files) = (self.clone(), line.to_owned(), files.to_vec());
            wasm_bindgen_futures::spawn_local(async move {
                texts::load().await;
                session.submit_line(&line, &files);
            });
        } else {
            self.submit_line(line, files);
        }
    }

    fn submit_line(&self, line: &str, files: &[crate::state::File]) {
        self.with(|e| {
            files.iter().for_each(|f| e.put_file(&f.name, &f.text));
            e.submit(Input::Line { terminal: 0, line: line.to_owned(), stdin: None });
            e.tell_unacted(line);
        });
    }

    /// Types a line for something that was done on the map.
    pub fn map_line(&self, line: &str) {
        self.with(|e| e.submit(Input::Line { terminal: MAP_TERMINAL, line: line.to_owned(), stdin: None }));
    }

    /// Makes a fault.
    pub fn fault(&self, fault: Fault) {
        self.with(|e| e.submit(Input::Fault(fault)));
    }

    /// Ctrl+C.
    pub fn interrupt(&self) {
        self.with(|e| {
            let waiting = e.cluster.world.terminals.waiting();
            for terminal in waiting {
                e.submit(Input::Interrupt { terminal });
            }
        });
    }

    /// Lets time run, or stops it.
    pub fn set_playing(&self, playing: bool) {
        self.with(|e| {
            e.playing = playing;
            e.owed = 0.0;
            if playing {
                e.step = None;
            }
            e.touch(Topic::Control);
        });
    }

    /// Virtual seconds for each second.
    pub fn set_speed(&self, speed: f64) {
        self.with(|e| {
            e.speed = speed.clamp(0.1, 600.0);
            e.owed = 0.0;
            e.touch(Topic::Control);
        });
    }

    /// Goes on to the next thing that happens, and names it.
    pub fn step(&self) {
        self.with(Engine::next_thing);
    }

    /// Goes to a moment.
    pub fn seek(&self, to: SimTime) {
        self.with(|e| {
            let to = to.min(e.horizon);
            if to < e.now() {
                e.script.clear();
            }
            e.cluster.seek(to);
            e.owed = 0.0;
            e.step = None;
            e.changed = u32::MAX;
        });
    }

    /// Returns to before the last input.
    pub fn undo(&self) -> bool {
        self.with(|e| {
            // Files are written just before the line that reads them: they go with it.
            let mut done = false;
            while e.can_undo() {
                let file = matches!(e.cluster.inputs()[e.cluster.applied() - 1].input, Input::File { .. });
                done = e.cluster.undo();
                if !file || !done {
                    break;
                }
            }
            if done {
                e.script.clear();
                e.horizon = e.cluster.now();
                let horizon = e.horizon;
                e.history.cut(horizon);
                e.changed = u32::MAX;
            }
            done
        })
    }

    /// Begins a scenario.
    pub fn begin(&self, s: &Scenario) {
        self.with(|e| e.begin(s));
        self.map(|m, _| m.refit());
    }

    /// Begins an empty cluster.
    pub fn begin_bare(&self, nodes: usize) {
        self.with(|e| e.begin_bare(nodes));
        self.map(|m, _| m.refit());
    }

    /// Begins with a recorded session.
    pub fn restore(&self, record: &SessionRecord) {
        self.with(|e| e.restore(record));
        self.map(|m, _| m.refit());
    }

    /// The next thing that a command asks of the page.
    pub fn take_effect(&self) -> Option<Arc<Effect>> {
        self.0.engine.try_borrow_mut().ok()?.effects.pop_front()
    }
}

impl Engine {
    fn kept(&self) -> Kept {
        Kept {
            at: js_sys::Date::now(),
            record: Some(self.cluster.record()),
            playing: self.playing,
            speed: self.speed,
            desk: self.desk.clone(),
        }
    }

    /// After a line that applies files: which of their fields are accepted and not acted on.
    fn tell_unacted(&mut self, line: &str) {
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

    fn next_thing(&mut self) {
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

/// A moment as the clock shows it.
pub fn clock_text(t: SimTime) -> String {
    let tenths = t.0 / 100_000;
    let (s, m, h) = (tenths / 10, tenths / 600, tenths / 36_000);
    format!("{:02}:{:02}:{:02}.{}", h, m % 60, s % 60, tenths % 10)
}

/// ` -n <namespace>`, or nothing for the default one.
pub fn in_namespace(namespace: &str) -> String {
    if namespace == "default" || namespace.is_empty() { String::new() } else { format!(" -n {namespace}") }
}

/// Renders the component anew whenever a topic changes.
#[hook]
pub fn use_topic(session: &Session, topic: Topic) {
    let update = use_force_update();
    use_effect_with(session.clone(), move |session| {
        let session = session.clone();
        let id = session.listen(topic, Callback::from(move |()| update.force_update()));
        move || session.unlisten(id)
    });
}
