//! What a learner has done, kept in the browser, and as a file that a teacher can collect.

use super::Run;
use crate::platform::{clipboard, storage};
use kubarium_core::lesson::model::StepKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a lesson went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The step that was reached, from 1.
    pub step: usize,
    /// All of them.
    pub steps: usize,
    /// It was finished.
    #[serde(default)]
    pub done: bool,
    /// Questions answered.
    #[serde(default)]
    pub asked: usize,
    /// Of them right at once.
    #[serde(default)]
    pub right: usize,
    /// Hints that were opened.
    #[serde(default)]
    pub hints: usize,
    /// Steps that were begun anew.
    #[serde(default)]
    pub again: u32,
    /// The last time, in milliseconds of the wall clock.
    #[serde(default)]
    pub at: f64,
}

/// By the name of a lesson.
pub type Progress = BTreeMap<String, Entry>;

const NAME: &str = "lessons";

/// What was done so far.
pub fn read() -> Progress {
    storage::read(NAME).and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default()
}

fn entry(run: &Run) -> Entry {
    let mut e = Entry { steps: run.lesson.steps.len(), at: js_sys::Date::now(), ..Entry::default() };
    for (i, (step, went)) in run.lesson.steps.iter().zip(&run.went).enumerate() {
        if went.start.is_some() {
            e.step = i + 1;
        }
        e.hints += usize::from(went.rung);
        e.again += went.again;
        if let (StepKind::Predict, Some(answer)) = (step.kind, went.answer) {
            e.asked += 1;
            e.right += usize::from(step.options.get(answer).is_some_and(|o| o.right));
        }
    }
    e.done = run.finished();
    e
}

/// Takes note of how a lesson goes. Once done it stays done.
pub fn note(run: &Run) {
    let mut all = read();
    let mut e = entry(run);
    if let Some(old) = all.get(&run.lesson.id) {
        e.done |= old.done;
        if (old.step, old.done) == (e.step, e.done) && (Entry { at: old.at, ..e.clone() }) == *old {
            return;
        }
    }
    all.insert(run.lesson.id.clone(), e);
    if let Ok(text) = serde_json::to_string(&all) {
        storage::write(NAME, &text);
    }
}

/// Saves it as a file that bears the learner's name.
pub fn save(name: &str) {
    let file = serde_json::json!({
        "kubarium": "progress",
        "name": name,
        "saved": js_sys::Date::new_0().to_iso_string().as_string(),
        "lessons": read(),
    });
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).take(40).collect();
    let tail = if plain.is_empty() { String::new() } else { format!("-{plain}") };
    if let Ok(text) = serde_json::to_string_pretty(&file) {
        clipboard::download(&format!("kubarium-progress{tail}.json"), &text);
    }
}
