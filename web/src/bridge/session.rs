//! The handle of the running session: drives it frame by frame, tells who listens, keeps it across reloads, and takes
//! what people do.

use super::{Engine, MAP_TERMINAL, Topic, clock_text};
use crate::keep::{self, Desk};
use crate::lesson::Run;
use crate::map::widget::MapView;
use crate::platform::db::Trouble;
use crate::platform::{texts, timers};
use crate::scenario::Scenario;
use kubarium_core::api::schema;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::{Cluster, SessionRecord};
use kubarium_core::kubectl::Effect;
use kubarium_core::lesson::Lesson;
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use yew::prelude::*;

const TOPICS: usize = 9;

/// Milliseconds between two updates of a panel.
const PACE: f64 = 90.0;

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
    /// Another branch on the same clock.
    beside: RefCell<Option<Session>>,
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
            beside: RefCell::default(),
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
        if let Some(other) = self.beside()
            && let Ok(engine) = self.0.engine.try_borrow()
            && let Ok(mut there) = other.0.engine.try_borrow_mut()
        {
            there.follow(engine.now(), engine.anim);
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

    /// Whether listeners have been told all that has changed.
    pub fn told_all(&self) -> bool {
        let topics = self.0.told.get().len() as u32;
        self.read(|e| e.changed & ((1 << topics) - 1) == 0)
    }

    /// Keeps the session across reloads, at most every two seconds.
    fn save(&self, engine: &mut Engine, time: f64) {
        let inputs = engine.cluster.inputs().len();
        let stale = inputs != engine.saved.0 || time - engine.saved.1 > 15_000.0;
        let due = engine.begun && stale && time - engine.saved.1 > 2_000.0;
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

    /// Types a line for something that was done on the map. Some: it was refused at once, and why.
    pub fn map_line(&self, line: &str) -> Option<String> {
        self.with(|e| {
            e.submit(Input::Line { terminal: MAP_TERMINAL, line: line.to_owned(), stdin: None });
            e.complaint().filter(|text| text.to_lowercase().starts_with("error"))
        })
    }

    /// Does something that has no command: clients come and go.
    pub fn submit(&self, input: Input) {
        self.with(|e| e.submit(input));
    }

    /// Makes a fault. Some: it was refused, and why.
    pub fn fault(&self, fault: Fault) -> Option<String> {
        self.with(|e| {
            e.submit(Input::Fault(fault));
            e.complaint()
        })
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
            // what commands asked of the page on the way there is past
            e.pull();
            e.effects.clear();
            e.lesson_rewound();
            e.owed = 0.0;
            e.step = None;
            e.changed = u32::MAX;
        });
    }

    /// Returns to before the last input.
    pub fn undo(&self) -> bool {
        self.with(Engine::undo_last)
    }

    /// Does again what was undone last.
    pub fn redo(&self) -> bool {
        self.with(Engine::redo_last)
    }

    /// Back to the thing that happened before what is seen, and names it.
    pub fn step_back(&self) {
        self.with(Engine::last_thing);
    }

    /// The session beside this one: another branch, on the same clock.
    pub fn beside(&self) -> Option<Session> {
        self.0.beside.borrow().clone()
    }

    /// Shows a branch beside this one, or none. False: there is no such branch.
    pub fn set_beside(&self, branch: Option<u32>) -> bool {
        let engine = branch.map(|id| self.with(|e| e.beside(id)));
        let other = match engine {
            Some(None) => return false,
            Some(Some(engine)) => {
                let other = Session::start();
                *other.0.engine.borrow_mut() = engine;
                Some(other)
            }
            None => None,
        };
        *self.0.beside.borrow_mut() = other;
        self.with(|e| e.touch(Topic::Control));
        true
    }

    /// Another session begins: what stood beside the old one goes, and the old one goes into the list.
    fn put_away(&self) {
        self.0.beside.take();
        let Some(kept) = self.read(|e| e.is_touched().then(|| e.kept())) else { return };
        let session = self.clone();
        wasm_bindgen_futures::spawn_local(async move {
            if let Err(trouble) = keep::archive(kept).await {
                session.set_trouble(Some(trouble));
            }
        });
    }

    /// Begins a scenario.
    pub fn begin(&self, s: &Scenario) {
        self.put_away();
        self.with(|e| e.begin(s));
        self.map(|m, _| m.refit());
    }

    /// Begins a lesson in its own cluster.
    pub fn begin_lesson(&self, cluster: Cluster, lesson: Rc<Lesson>, text: Option<Rc<str>>) {
        self.put_away();
        self.with(|e| {
            e.begin_with(cluster);
            e.lesson = Some(Run::begin(lesson, text, &e.cluster));
            e.untouched();
            e.changed = u32::MAX;
        });
        self.map(|m, _| m.refit());
    }

    /// Goes back to where the lesson's step began; what was done since is taken back.
    pub fn rewind_lesson(&self) {
        let Some(start) = self.read(|e| e.lesson.as_ref().and_then(|r| r.now().start.clone())) else { return };
        self.seek(start.at);
        self.with(|e| {
            while e.cluster.applied() > start.inputs && e.undo_last() {}
            // what came of it stays as a branch
            if e.cluster.inputs().len() > e.cluster.applied() {
                e.fork_here();
            }
            if let Some(run) = &mut e.lesson {
                run.again_from(&e.cluster);
            }
            e.changed = u32::MAX;
        });
    }

    /// Whether anything has begun: until then nothing is shown and nothing kept.
    pub fn has_begun(&self) -> bool {
        self.read(|e| e.begun)
    }

    /// Begins an empty cluster.
    pub fn begin_bare(&self, nodes: usize) {
        self.put_away();
        self.with(|e| e.begin_bare(nodes));
        self.map(|m, _| m.refit());
    }

    /// Begins with a recorded session.
    pub fn restore(&self, record: &SessionRecord) {
        self.restore_to(record, record.now);
    }

    /// Begins with a recorded session whose latest moment is a later one than the one that is looked at.
    pub fn restore_to(&self, record: &SessionRecord, horizon: SimTime) {
        self.put_away();
        self.with(|e| e.restore(record, horizon));
        self.map(|m, _| m.refit());
    }

    /// The next thing that a command asks of the page.
    pub fn take_effect(&self) -> Option<Arc<Effect>> {
        self.0.engine.try_borrow_mut().ok()?.effects.pop_front()
    }
}

/// As [`use_topic`], while `on` holds.
#[hook]
pub fn use_topic_if(session: &Session, topic: Topic, on: bool) {
    let update = use_force_update();
    use_effect_with((session.clone(), on), move |(session, on)| {
        let session = session.clone();
        let id = on.then(|| session.listen(topic, Callback::from(move |()| update.force_update())));
        move || {
            if let Some(id) = id {
                session.unlisten(id);
            }
        }
    });
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
