//! Sessions that come and go: what a link or a file carries of the page, and how a page takes it over.

use crate::bridge::{Engine, Session};
use crate::components::branches::set_beside;
use crate::i18n::Lang;
use crate::keep::{self, Desk, Kept};
use crate::platform::{texts, url};
use crate::scenario;
use crate::state::{Action, Centre, Dialog, Dock, File, InspectTab, UiHandle};
use kubarium_core::view::inspect;
use kubarium_core::view::link::{self, LinkError, Other, Salvage, Shared};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The session's name for people.
pub fn title(ui: &UiHandle) -> String {
    let scenario = ui.scenario.as_deref().and_then(scenario::by_id);
    scenario.map_or_else(|| ui.lang.t("header.session").to_owned(), |s| s.title.get(ui.lang).to_owned())
}

/// What a link to the session carries.
pub fn shared(ui: &UiHandle, session: &Session) -> Shared {
    let beside = ui.beside.and_then(|id| {
        let (record, now) = session.with(|e| (e.branch_record(id), e.now()));
        let record = record?;
        session.read(|e| {
            let name = e.branch_list().into_iter().find(|b| b.id == id)?.name;
            Some(Other::of(&name, &e.cluster.record(), &record, now))
        })
    });
    session.read(|e| {
        let world = &e.cluster.world;
        let files: BTreeMap<String, String> = ui
            .files
            .iter()
            .filter(|f| world.files.get(&f.name).map(String::as_str) != Some(&*f.text))
            .map(|f| (f.name.clone(), f.text.to_string()))
            .collect();
        Shared {
            engine: link::ENGINE.to_owned(),
            session: e.cluster.record(),
            hash: e.cluster.hash(),
            scenario: ui.scenario.as_deref().unwrap_or_default().to_owned(),
            language: ui.lang.code().to_owned(),
            files,
            layout: layout(ui, e),
            beside,
        }
    })
}

const DOCKS: [(Dock, &str); 3] = [(Dock::Events, "events"), (Dock::Requests, "requests"), (Dock::Traffic, "traffic")];
const TABS: [(InspectTab, &str); 4] = [
    (InspectTab::Yaml, "yaml"),
    (InspectTab::Events, "events"),
    (InspectTab::Why, "why"),
    (InspectTab::Placing, "placing"),
];

/// What is selected and open; what is as it always is needs no word.
fn layout(ui: &UiHandle, e: &Engine) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut put = |k: &str, v: String| {
        out.insert(k.to_owned(), v);
    };
    if let Some(place) = ui.selected.and_then(|t| t.id()).and_then(|id| inspect::place(&e.cluster, id)) {
        put("selected", format!("{}/{}/{}", place.resource, place.namespace, place.name));
    }
    if let Some((_, name)) = DOCKS.iter().find(|(d, _)| *d == ui.dock) {
        put("dock", (*name).to_owned());
    }
    if let Some((_, name)) = TABS.iter().find(|(t, _)| *t == ui.inspect) {
        put("tab", (*name).to_owned());
    }
    if ui.centre == Centre::Table {
        put("centre", "table".to_owned());
    }
    if let Some(lesson) = crate::lesson::start::pack(e) {
        put("lesson", lesson);
    }
    if ui.folded.contains(&true) {
        put("folded", ui.folded.iter().map(|f| if *f { '1' } else { '0' }).collect());
    }
    out
}

fn arrange(ui: &UiHandle, session: &Session, layout: &BTreeMap<String, String>) {
    let get = |k: &str| layout.get(k).map(String::as_str);
    if let Some((dock, _)) = get("dock").and_then(|n| DOCKS.iter().find(|(_, name)| *name == n)) {
        ui.dispatch(Action::Dock(*dock));
    }
    if let Some((tab, _)) = get("tab").and_then(|n| TABS.iter().find(|(_, name)| *name == n)) {
        ui.dispatch(Action::Inspect(*tab));
    }
    if get("centre") == Some("table") {
        ui.dispatch(Action::Centre(Centre::Table));
    }
    for (i, c) in get("folded").unwrap_or_default().bytes().enumerate().take(3) {
        if (c == b'1') != ui.folded[i] {
            ui.dispatch(Action::Fold(i));
        }
    }
    let target = get("selected").and_then(|s| {
        let mut parts = s.splitn(3, '/');
        let (resource, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        session.read(|e| {
            let id = inspect::find(&e.cluster, resource, namespace, name)?;
            Some(e.scene.target(id))
        })
    });
    if target.is_some() {
        ui.dispatch(Action::Select(target));
    }
}

/// Puts files into the editor.
pub fn restore_desk(ui: &UiHandle, desk: Desk) {
    ui.dispatch(Action::Scenario(desk.scenario.map(Into::into)));
    let files = desk.files.into_iter().map(|(name, text)| File { name, text: text.into() }).collect();
    ui.dispatch(Action::Files(files, desk.active));
}

/// Begins with an empty cluster and an empty file.
pub fn begin_empty(ui: &UiHandle, session: &Session, nodes: usize) {
    session.begin_bare(nodes);
    restore_desk(ui, Desk { scenario: None, files: vec![("file1.yaml".to_owned(), String::new())], active: 0 });
}

/// Takes over a shared session: the moment that was shared, standing still.
pub async fn take(ui: &UiHandle, session: &Session, shared: Shared) {
    texts::load_for(&shared.session).await;
    session.restore(&shared.session);
    session.set_playing(false);
    session.with(|e| e.untouched());
    let mut files: Vec<(String, String)> = session.read(|e| (*e.cluster.world.files).clone()).into_iter().collect();
    for (name, text) in shared.files {
        files.retain(|(n, _)| *n != name);
        files.push((name, text));
    }
    let scenario = (!shared.scenario.is_empty()).then_some(shared.scenario);
    restore_desk(ui, Desk { scenario, files, active: 0 });
    if !shared.language.is_empty() && url::query("lang").is_none() {
        ui.dispatch(Action::Lang(Lang::from_code(&shared.language)));
    }
    arrange(ui, session, &shared.layout);
    crate::lesson::start::unpack(ui, session, &shared.layout).await;
    let hash = session.read(|e| e.cluster.hash());
    if shared.hash != 0 && hash != shared.hash {
        let text = if shared.engine == link::ENGINE {
            ui.lang.t("share.differs").to_owned()
        } else {
            ui.lang.f("share.differs_engine", &[("theirs", &shared.engine), ("ours", link::ENGINE)])
        };
        ui.dispatch(Action::Notice(Some(text.into())));
    }
    if let Some(other) = shared.beside {
        let record = other.record(&shared.session);
        let id = session.with(|e| {
            let now = e.now();
            e.add_branch(&other.name, record, now)
        });
        set_beside(ui, session, Some(id));
    }
}

/// Takes over a file: a session, a lesson, or a manifest, which goes into the editor.
pub fn take_file(ui: &UiHandle, session: &Session, text: Option<String>) {
    let read = text.as_deref().map_or(Err(LinkError::TooLarge), link::from_file);
    let (ui, session) = (ui.clone(), session.clone());
    match read {
        Ok(shared) => wasm_bindgen_futures::spawn_local(async move {
            ui.dispatch(Action::Dialog(None));
            take(&ui, &session, shared).await;
            url::clear();
        }),
        Err(e) => match text {
            Some(text) if has_key(&text, "steps") => {
                crate::lesson::start::open_text(&ui, &session, &text);
            }
            Some(text) if has_key(&text, "apiVersion") => ui.dispatch(Action::Put("dropped.yaml".into(), text.into())),
            _ => ui.dispatch(Action::Notice(Some(ui.lang.f("link.file", &[("why", problem(ui.lang, e))]).into()))),
        },
    }
}

/// Whether a text looks like YAML that has a key at its outermost level: `steps` a lesson, `apiVersion` a manifest.
fn has_key(text: &str, key: &str) -> bool {
    text.lines().any(|l| l.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
}

/// Takes over a link, or says what is wrong with it and shows what can be read.
pub async fn take_link(ui: &UiHandle, session: &Session, text: &str) {
    match link::decode(text) {
        Ok(shared) => take(ui, session, shared).await,
        Err(e) => {
            let broken = Broken { text: text.into(), salvage: link::salvage(text, e) };
            // where a session is open it stays as it is
            if !session.has_begun() {
                begin_empty(ui, session, 3);
            }
            ui.dispatch(Action::Dialog(Some(Dialog::BrokenLink(Rc::new(broken)))));
        }
    }
}

/// A link that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The link.
    pub text: Rc<str>,
    /// What is wrong with it, and what can be read.
    pub salvage: Salvage,
}

/// What is wrong, in words.
pub fn problem(lang: Lang, e: LinkError) -> &'static str {
    match e {
        LinkError::Newer => lang.t("link.newer"),
        LinkError::Damaged => lang.t("link.damaged"),
        LinkError::TooLarge => lang.t("link.too_large"),
        LinkError::NotALink => lang.t("link.not_a_link"),
        LinkError::Nonsense => lang.t("link.nonsense"),
    }
}

/// Takes over what was kept.
pub async fn take_kept(ui: &UiHandle, session: &Session, kept: Kept) {
    let Kept { record: Some(record), horizon, branches, playing, speed, desk, base, name, lesson, .. } = kept else {
        return;
    };
    texts::load_for(&record).await;
    session.restore_to(&record, horizon.max(record.now));
    session.with(|e| {
        e.restore_branches(branches);
        e.base = base;
        e.name = name;
    });
    session.set_speed(if speed > 0.0 { speed } else { 1.0 });
    session.set_playing(playing);
    restore_desk(ui, desk);
    if let Some(lesson) = lesson {
        crate::lesson::start::resume(ui, session, lesson).await;
    }
}

/// Opens a session of the list; the one that is open goes into the list.
pub async fn reopen(ui: &UiHandle, session: &Session, id: &str) {
    let Some(kept) = keep::read(id).await else { return };
    ui.dispatch(Action::Dialog(None));
    take_kept(ui, session, kept).await;
    session.set_playing(false);
    keep::delete(id).await;
    url::clear();
}

/// A kept session as a file carries it.
pub fn of_kept(kept: Kept) -> Option<Shared> {
    Some(Shared {
        engine: link::ENGINE.to_owned(),
        session: kept.record?,
        hash: 0,
        scenario: kept.desk.scenario.unwrap_or_default(),
        language: String::new(),
        files: kept.desk.files.into_iter().collect(),
        layout: BTreeMap::new(),
        beside: None,
    })
}
