//! Beginning, resuming and leaving lessons.

use super::{KeptRun, Run, progress, say, shelf};
use crate::bridge::{Engine, Session, Topic};
use crate::platform::url;
use crate::state::{Action, File, Phone, UiHandle};
use kubarium_core::lesson::model::Lesson;
use kubarium_core::lesson::{self, play};
use kubarium_core::view::link::Shared;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The name under which a link's layout carries a lesson.
const LAYOUT: &str = "lesson";

/// Begins a lesson of the shelf at its first step.
pub async fn open(ui: UiHandle, session: Session, id: String) -> bool {
    match shelf::lesson(&id).await {
        Some(lesson) => begin(&ui, &session, lesson, None),
        None => {
            ui.dispatch(Action::Toast(ui.lang.t("lesson.not_found").to_owned()));
            false
        }
    }
}

/// Begins a lesson from its file.
pub fn open_text(ui: &UiHandle, session: &Session, text: &str) -> bool {
    match lesson::read(text) {
        Ok(lesson) => begin(ui, session, Rc::new(lesson), Some(text.into())),
        Err(e) => {
            ui.dispatch(Action::Toast(format!("{} {e}", ui.lang.t("lesson.unreadable"))));
            false
        }
    }
}

fn begin(ui: &UiHandle, session: &Session, lesson: Rc<Lesson>, text: Option<Rc<str>>) -> bool {
    let cluster = match play::begin(&lesson) {
        Ok(cluster) => cluster,
        Err(e) => {
            ui.dispatch(Action::Toast(format!("{} {e}", ui.lang.t("lesson.unreadable"))));
            return false;
        }
    };
    session.begin_lesson(cluster, lesson.clone(), text);
    desk(ui, &lesson);
    if let Some(run) = session.read(|e| e.lesson.clone()) {
        progress::note(&run);
    }
    url::clear();
    true
}

fn desk(ui: &UiHandle, lesson: &Lesson) {
    let mut files: Vec<File> =
        lesson.files.iter().map(|(name, text)| File { name: name.clone(), text: text.as_str().into() }).collect();
    let active = files.iter().position(|f| f.name == lesson.open).unwrap_or(0);
    ui.dispatch(Action::Scenario(None));
    ui.dispatch(Action::LessonEditor(!files.is_empty()));
    if files.is_empty() {
        files.push(File { name: "file1.yaml".to_owned(), text: "".into() });
    }
    ui.dispatch(Action::Files(files, active));
    ui.dispatch(Action::Dialog(None));
    ui.dispatch(Action::Phone(Phone::Lesson));
}

/// Goes on with a lesson in a session that stands already.
pub async fn resume(ui: &UiHandle, session: &Session, kept: KeptRun) {
    let lesson = match &kept.text {
        Some(text) => lesson::read(text).ok().map(Rc::new),
        None => shelf::lesson(&kept.id).await,
    };
    let Some(lesson) = lesson else {
        ui.dispatch(Action::Toast(ui.lang.t("lesson.not_found").to_owned()));
        return;
    };
    ui.dispatch(Action::LessonEditor(!lesson.files.is_empty()));
    let text = kept.text.as_deref().map(Into::into);
    session.with(|e| {
        e.lesson = Some(Run::resume(lesson, text, &kept, &e.cluster));
        e.touch(Topic::Lesson);
        e.touch(Topic::Control);
    });
}

/// Leaves the lesson; the cluster stays as it is.
pub fn leave(ui: &UiHandle, session: &Session) {
    session.with(|e| {
        e.lesson = None;
        e.touch(Topic::Lesson);
        e.touch(Topic::Control);
    });
    ui.dispatch(Action::Phone(Phone::Map));
}

/// Shows the next step, or the one before.
pub fn turn(session: &Session, forward: bool) {
    session.with(|e| {
        if let Some(run) = &mut e.lesson {
            let to = if forward { run.step + 1 } else { run.step.saturating_sub(1) };
            run.go(to, &e.cluster);
            e.touch(Topic::Lesson);
        }
    });
    keep(session);
}

/// Takes note of the progress.
pub fn keep(session: &Session) {
    session.read(|e| {
        if let Some(run) = &e.lesson {
            progress::note(run);
        }
    });
}

/// Goes back to where the step began, as if nothing had been done since.
pub fn retry(session: &Session) {
    session.rewind_lesson();
}

/// What a link carries of the lesson.
pub fn pack(engine: &Engine) -> Option<String> {
    serde_json::to_string(&engine.lesson.as_ref()?.kept()).ok()
}

/// Goes on with the lesson of a link, if it carries one.
pub async fn unpack(ui: &UiHandle, session: &Session, layout: &BTreeMap<String, String>) {
    if let Some(kept) = layout.get(LAYOUT).and_then(|t| serde_json::from_str::<KeptRun>(t).ok()) {
        resume(ui, session, kept).await;
    }
}

/// A link that begins a lesson which is on nobody's shelf.
pub fn link(ui: &UiHandle, text: &str) -> Result<String, String> {
    let lesson = lesson::read(text).map_err(|e| e.to_string())?;
    let cluster = play::begin(&lesson)?;
    let run = Run::begin(Rc::new(lesson), Some(text.into()), &cluster);
    let mut layout = BTreeMap::new();
    layout.insert(LAYOUT.to_owned(), serde_json::to_string(&run.kept()).map_err(|e| e.to_string())?);
    let shared = Shared {
        engine: kubarium_core::view::link::ENGINE.to_owned(),
        hash: cluster.hash(),
        session: cluster.record(),
        scenario: String::new(),
        language: ui.lang.code().to_owned(),
        files: BTreeMap::new(),
        layout,
        beside: None,
    };
    Ok(format!("{}#{}", url::base(), kubarium_core::view::link::encode(&shared)))
}

/// The title of the lesson that is being worked on.
pub fn title(ui: &UiHandle, session: &Session) -> Option<String> {
    session.read(|e| e.lesson.as_ref().map(|r| say(ui.lang, &r.lesson.title).to_owned()))
}

/// Opens what the address asks for (`?lesson=labels`). False: it asks for no lesson.
pub async fn from_address(ui: &UiHandle, session: &Session) -> bool {
    let Some(id) = url::query("lesson") else { return false };
    open(ui.clone(), session.clone(), id).await
}
