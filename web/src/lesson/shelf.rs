//! The lessons that come with the page: an index, and a file each, fetched when somebody asks for it.

use crate::platform::texts::fetch;
use kubarium_core::lesson::{self, Lesson};
use serde::Deserialize;
use std::rc::Rc;

/// A text in each language, as the index has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Words {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

/// A lesson as the catalogue shows it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Row {
    /// Its name.
    pub id: String,
    /// The chapter it stands in.
    pub chapter: String,
    /// How long it takes.
    pub minutes: u32,
    /// How many steps it has.
    pub steps: usize,
    /// Its title.
    pub title: Words,
    /// What one can do afterwards.
    pub goal: Words,
}

thread_local! {
    static INDEX: std::cell::RefCell<Option<Rc<Vec<Row>>>> = const { std::cell::RefCell::new(None) };
}

/// The index, if it was fetched already.
pub fn known() -> Option<Rc<Vec<Row>>> {
    INDEX.with(|i| i.borrow().clone())
}

/// Fetches the index.
pub async fn index() -> Option<Rc<Vec<Row>>> {
    if let Some(rows) = known() {
        return Some(rows);
    }
    let bytes = fetch("lessons/index.json").await.ok()?;
    let rows: Vec<Row> = serde_json::from_slice(&bytes).ok()?;
    let rows = Rc::new(rows);
    INDEX.with(|i| *i.borrow_mut() = Some(rows.clone()));
    Some(rows)
}

/// Fetches a lesson; none: it cannot be had, or not be read.
pub async fn lesson(id: &str) -> Option<Rc<Lesson>> {
    // a name from a link leads nowhere else
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return None;
    }
    let bytes = fetch(&format!("lessons/{id}.yaml")).await.ok()?;
    lesson::read(std::str::from_utf8(&bytes).ok()?).ok().map(Rc::new)
}
