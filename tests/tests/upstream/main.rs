//! Runs upstream's unit-test tables (`tests/data/upstream`, or the directory `$UPSTREAM_DIR` with the same file names
//! and other rows) against the core's pure functions: one test a table. Tables of parts that do not exist yet are
//! listed as ignored; a row that is a known gap is named with its reason and fails as soon as it passes.

mod api;
mod autoscaling;
mod batch;
mod controllers;
mod gates;
mod kubectl;
mod kubelet;
mod messages;
mod printers;
mod proxy;
mod registry;
mod scheduler;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Judges one case of a table (`file` is the whole table, for its `given` and `schema`); the error says what differs.
pub type Check = fn(file: &Value, case: &Value) -> Result<(), String>;

/// A row that is known to differ: table, case name, reason.
pub type Gap = (&'static str, &'static str, &'static str);

fn main() {
    let arguments = Arguments::from_args();
    let dir = std::env::var_os("UPSTREAM_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/upstream")), PathBuf::from);
    let checks: BTreeMap<&str, Check> = [
        api::TABLES,
        autoscaling::TABLES,
        batch::TABLES,
        controllers::TABLES,
        kubectl::TABLES,
        kubelet::TABLES,
        printers::TABLES,
        proxy::TABLES,
        registry::TABLES,
        scheduler::TABLES,
    ]
    .concat()
    .into_iter()
    .collect();
    let gaps: Vec<Gap> = [
        api::GAPS,
        autoscaling::GAPS,
        batch::GAPS,
        controllers::GAPS,
        kubectl::GAPS,
        kubelet::GAPS,
        messages::GAPS,
        printers::GAPS,
        proxy::GAPS,
        registry::GAPS,
        scheduler::GAPS,
    ]
    .concat();
    let mut names: Vec<String> = std::fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .filter_map(|f| f.ok()?.file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    let trials = names
        .into_iter()
        .map(|name| {
            let path = dir.join(format!("{name}.json"));
            match checks.get(name.as_str()).copied() {
                None => Trial::test(name, || Ok(())).with_ignored_flag(true).with_kind("not there yet"),
                Some(check) => {
                    let gaps: Vec<Gap> = gaps.iter().copied().filter(|g| g.0 == name).collect();
                    Trial::test(name, move || table(&path, check, &gaps))
                }
            }
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn table(path: &std::path::Path, check: Check, gaps: &[Gap]) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let file: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let cases = file["cases"].as_array().ok_or("no cases")?;
    let mut wrong = vec![];
    for case in cases {
        let name = case["name"].as_str().unwrap_or_default();
        let gap = gaps.iter().find(|g| g.1 == name);
        let outcome = std::panic::catch_unwind(|| check(&file, case)).unwrap_or_else(|_| Err("panicked".into()));
        match (outcome, gap) {
            (Err(_), Some(_)) | (Ok(()), None) => {}
            (Ok(()), Some(g)) => wrong.push(format!("{name}: passes now, strike it from the known gaps ({})", g.2)),
            (Err(e), None) => wrong.push(format!("{name}: {e}")),
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{} of {} cases differ:\n{}", wrong.len(), cases.len(), wrong.join("\n")).into())
}
