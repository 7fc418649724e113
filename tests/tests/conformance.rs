//! The recorded sessions, one test each: what happens here is what happened on a real cluster. A case that is known to
//! differ stands in `data/conformance/known-failures.txt` with the reason and fails as soon as it passes.
//!
//! Manifests of the wild are other people's and no part of this project: `KUBARIUM_MANIFESTS` names a directory of
//! recorded rows (`.jsonl`, see `README.md` beside the cases). Without it they are not asked; those that are known to
//! differ stand in `data/conformance/known-manifests.txt`.

use kubarium_tests::case::Case;
use kubarium_tests::{json, manifest, normalize};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/conformance");

fn main() {
    let arguments = Arguments::from_args();
    let known = known_failures("known-failures.txt");
    let mut trials = vec![];
    for area in sorted(&Path::new(DATA).join("cases")) {
        for path in sorted(&area).into_iter().filter(|p| p.extension().is_some_and(|e| e == "yaml")) {
            let stem = |p: &Path| p.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = format!("{}/{}", stem(&area), stem(&path));
            let reason = known.get(&name).cloned();
            trials.push(Trial::test(name, move || judge(&path, reason.as_deref())));
        }
    }
    trials.extend(manifests());
    trials.push(Trial::test("normaliser-agrees-with-its-reference", against_reference));
    libtest_mimic::run(&arguments, trials).exit();
}

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut entries: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    entries
}

/// Lines of `area/name: reason`.
fn known_failures(file: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(Path::new(DATA).join(file)).unwrap_or_default();
    let rows = text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(": "));
    rows.map(|(name, reason)| (name.to_owned(), reason.to_owned())).collect()
}

/// One trial a row of the recorded manifests, where there are any.
fn manifests() -> Vec<Trial> {
    let Some(dir) = std::env::var_os("KUBARIUM_MANIFESTS") else { return vec![] };
    let known = known_failures("known-manifests.txt");
    let mut trials = vec![];
    for path in sorted(Path::new(&dir)).into_iter().filter(|p| p.extension().is_some_and(|e| e == "jsonl")) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let row: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = format!("{stem}/{}", row["file"].as_str().unwrap_or("?"));
            let reason = known.get(&name).cloned();
            trials.push(Trial::test(name, move || {
                let attempt = std::panic::catch_unwind(|| manifest::play(&row).normal);
                let found = attempt.map_err(|_| "panicked".to_owned());
                verdict(found.map(|found| json::differences(&manifest::expected(&row), &found)), reason.as_deref())
            }));
        }
    }
    trials
}

fn play(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    Case::parse(&text)?.play()
}

fn judge(path: &Path, known: Option<&str>) -> Result<(), Failed> {
    let attempt = std::panic::catch_unwind(|| {
        let expected = std::fs::read_to_string(path.with_extension("expected.json")).map_err(|e| e.to_string())?;
        let expected: Value = serde_json::from_str(&expected).map_err(|e| e.to_string())?;
        Ok(json::differences(&expected, &normalize::normalize(&play(path)?)))
    });
    verdict(attempt.unwrap_or_else(|_| Err("panicked".to_owned())), known)
}

fn verdict(differences: Result<Vec<String>, String>, known: Option<&str>) -> Result<(), Failed> {
    let differences = differences.unwrap_or_else(|e| vec![e]);
    match (differences.is_empty(), known) {
        (true, None) => Ok(()),
        (false, Some(_)) => Ok(()),
        (true, Some(reason)) => Err(format!("passes now: strike it from the known failures ({reason})").into()),
        (false, None) => {
            let shown = differences.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
            Err(format!("{} differences:\n{shown}", differences.len()).into())
        }
    }
}

/// Outcomes of our own, normalised here and by the recordings' own normaliser, byte by byte; without Python it cannot
/// be asked, and says so.
fn against_reference() -> Result<(), Failed> {
    let python = ["python3", "python"].into_iter().find(|p| {
        let version = std::process::Command::new(p).arg("--version").output();
        version.is_ok_and(|o| o.status.success() && String::from_utf8_lossy(&o.stdout).starts_with("Python 3"))
    });
    let Some(python) = python else {
        eprintln!("no Python 3 here: the reference normaliser was not asked");
        return Ok(());
    };
    let dir = std::env::temp_dir().join(format!("kubarium-normalize-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    for name in ["deployments/rollout", "services/unready-endpoints", "workloads/statefulset-pvc", "kubectl/apply"] {
        let raw = play(&Path::new(DATA).join("cases").join(format!("{name}.yaml")))?;
        let file = dir.join("raw.json");
        std::fs::write(&file, json::pretty(&raw))?;
        let reference = Path::new(DATA).join("normalize.py");
        let said = std::process::Command::new(python)
            .env("PYTHONIOENCODING", "utf-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(&reference)
            .arg(&file)
            .output()?;
        if !said.status.success() {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&said.stderr)).into());
        }
        let ours = json::pretty(&normalize::normalize(&raw));
        if String::from_utf8_lossy(&said.stdout) != ours {
            return Err(format!("{name}: the normalisers disagree").into());
        }
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
