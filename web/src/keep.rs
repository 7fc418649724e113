//! The session across reloads: what is kept of it, where, and how it comes back. The browser's database has it; what
//! happens in the last moment before the page goes, when nothing may wait, goes to local storage if it fits there.

use crate::lesson::KeptRun;
use crate::platform::db::{self, Trouble};
use crate::platform::{storage, url};
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::SessionRecord;
use serde::{Deserialize, Serialize};

/// All that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    /// When, in milliseconds of the wall clock: of two the later one counts.
    pub at: f64,
    /// The session.
    pub record: Option<SessionRecord>,
    /// The latest moment of the session.
    #[serde(default)]
    pub horizon: SimTime,
    /// Its branches; empty for a single one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<KeptBranch>,
    /// Inputs that the session began with: who did nothing more has nothing to lose.
    #[serde(default)]
    pub base: usize,
    /// The name that a person gave it; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Time runs.
    pub playing: bool,
    /// How fast.
    pub speed: f64,
    /// The editor.
    pub desk: Desk,
    /// The lesson that is worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<KeptRun>,
}

impl Kept {
    /// Whether a person has done something in it.
    pub fn is_touched(&self) -> bool {
        self.record.as_ref().is_some_and(|r| r.inputs.len() != self.base) || !self.branches.is_empty()
    }
}

/// What is kept of a branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptBranch {
    /// Its number.
    pub id: u32,
    /// The name that a person gave it; empty for none.
    #[serde(default)]
    pub name: String,
    /// The branch that it left, and when.
    pub from: Option<(u32, SimTime)>,
    /// Its latest moment.
    pub horizon: SimTime,
    /// Its inputs; none: it is the shown one.
    pub record: Option<SessionRecord>,
}

/// What is kept of the editor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desk {
    /// The scenario's name.
    pub scenario: Option<String>,
    /// Names and texts.
    pub files: Vec<(String, String)>,
    /// The one that is shown.
    pub active: usize,
}

/// The name in the database.
const NAME: &str = "session";
/// The name in local storage of what was kept in the last moment.
const LAST: &str = "last";
/// Local storage has room for a few megabytes, and other things are in it.
const LAST_MOST: usize = 1_500_000;

/// An embedded page is a picture of a session in somebody's text: it neither shows nor touches what the person has.
fn embedded() -> bool {
    url::query("embed").is_some()
}

fn parse(text: &str) -> Option<Kept> {
    serde_json::from_str(text).ok()
}

/// What earlier versions kept in local storage.
fn old() -> Option<Kept> {
    let record: SessionRecord = serde_json::from_str(&storage::read("session")?).ok()?;
    let desk = storage::read("desk").and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default();
    let playing = storage::read("playing").as_deref() != Some("0");
    let horizon = record.now;
    Some(Kept {
        at: 0.0,
        record: Some(record),
        horizon,
        branches: vec![],
        base: 0,
        name: String::new(),
        playing,
        speed: 1.0,
        desk,
        lesson: None,
    })
}

/// What was kept last, wherever that is; and why nothing will be kept, if so.
pub async fn load() -> (Option<Kept>, Option<Trouble>) {
    if embedded() {
        return (None, None);
    }
    let (there, trouble) = match db::read(NAME).await {
        Ok(text) => (text.as_deref().and_then(parse), None),
        Err(trouble) => (None, Some(trouble)),
    };
    let last = storage::read(LAST).as_deref().and_then(parse);
    let newest = [there, last, old()].into_iter().flatten().max_by(|a, b| a.at.total_cmp(&b.at));
    (newest.filter(|k| k.record.as_ref().is_some_and(|r| !r.inputs.is_empty())), trouble)
}

/// Keeps it.
pub async fn save(kept: Kept) -> Result<(), Trouble> {
    let Ok(text) = serde_json::to_string(&kept) else { return Ok(()) };
    if embedded() {
        return Ok(());
    }
    db::write(NAME, &text).await?;
    // what it replaces
    for name in [LAST, "session", "desk", "playing"] {
        storage::forget(name);
    }
    Ok(())
}

/// Keeps it at once: the page is about to go.
pub fn save_last(kept: &Kept) {
    if let Ok(text) = serde_json::to_string(kept)
        && text.len() < LAST_MOST
        && !embedded()
    {
        storage::write(LAST, &text);
    }
}

/// A kept session in the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the database.
    pub id: String,
    /// The name that a person gave it; empty for none.
    #[serde(default)]
    pub name: String,
    /// When it was left, in milliseconds of the wall clock.
    pub at: f64,
    /// Its length in seconds of virtual time.
    pub seconds: u64,
    /// Things that were done in it.
    pub inputs: usize,
    /// The scenario that it grew from.
    #[serde(default)]
    pub scenario: Option<String>,
}

/// Sessions that the list holds: the oldest without a name goes when there are more.
const LISTED: usize = 60;
/// The list's name in the database.
const LIST: &str = "list";

/// The kept sessions, the one that was left last first.
pub async fn list() -> Vec<Entry> {
    let text = db::read(LIST).await.ok().flatten();
    text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default()
}

async fn write_list(list: &[Entry]) -> Result<(), Trouble> {
    db::write(LIST, &serde_json::to_string(list).unwrap_or_default()).await
}

/// Puts a session that is left into the list.
pub async fn archive(kept: Kept) -> Result<(), Trouble> {
    let (Some(record), Ok(text), false) = (&kept.record, serde_json::to_string(&kept), embedded()) else {
        return Ok(());
    };
    let file = |l: &&kubarium_core::cluster::LoggedInput| matches!(l.input, kubarium_core::world::Input::File { .. });
    let entry = Entry {
        id: format!("s/{}", kept.at),
        name: kept.name.clone(),
        at: kept.at,
        seconds: kept.horizon.max(record.now).0 / 1_000_000,
        inputs: record.inputs.iter().filter(|l| !file(l)).count(),
        scenario: kept.desk.scenario.clone(),
    };
    db::write(&entry.id, &text).await?;
    let mut all = list().await;
    all.retain(|e| e.id != entry.id);
    all.insert(0, entry);
    while all.len() > LISTED {
        let oldest = all.iter().rposition(|e| e.name.is_empty()).unwrap_or(all.len() - 1);
        let gone = all.remove(oldest);
        let _ = db::remove(&gone.id).await;
    }
    write_list(&all).await
}

/// A session of the list.
pub async fn read(id: &str) -> Option<Kept> {
    db::read(id).await.ok().flatten().as_deref().and_then(parse)
}

/// Gives a session of the list a name.
pub async fn rename(id: &str, name: &str) {
    let mut all = list().await;
    let name: String = name.trim().chars().take(80).collect();
    if let Some(e) = all.iter_mut().find(|e| e.id == id) {
        e.name = name.clone();
    }
    let _ = write_list(&all).await;
    if let Some(mut kept) = read(id).await {
        kept.name = name;
        if let Ok(text) = serde_json::to_string(&kept) {
            let _ = db::write(id, &text).await;
        }
    }
}

/// Forgets a session of the list.
pub async fn delete(id: &str) {
    let mut all = list().await;
    all.retain(|e| e.id != id);
    let _ = write_list(&all).await;
    let _ = db::remove(id).await;
}
