//! The deployments' cases once more, their commands carried out by a real kubectl against the core behind HTTP: what the
//! core's own kubectl does is not needed to use the cluster. Without a kubectl, or with one too old to be compared with
//! the recordings, nothing is asked, and it says so. `KUBECTL` names the program.

use kubarium_tests::case::Case;
use kubarium_tests::{json, normalize, shell};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::path::{Path, PathBuf};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/conformance/cases/deployments");

/// Older ones read files and word errors otherwise.
const OLDEST: u32 = 32;

fn main() {
    let arguments = Arguments::from_args();
    let trials = match kubectl() {
        Ok(program) => cases(&program),
        Err(why) => {
            eprintln!("a real kubectl was not asked: {why}");
            vec![]
        }
    };
    libtest_mimic::run(&arguments, trials).exit();
}

fn kubectl() -> Result<PathBuf, String> {
    let program = shell::installed().ok_or("there is none here (Debian: apt-get install kubernetes-client)")?;
    match shell::minor(&program) {
        Some(minor) if minor >= OLDEST => Ok(program),
        Some(minor) => Err(format!("{} is of 1.{minor}; 1.{OLDEST} or newer is needed", program.display())),
        None => Err(format!("{} does not tell its version", program.display())),
    }
}

fn cases(program: &Path) -> Vec<Trial> {
    let entries = std::fs::read_dir(CASES).unwrap_or_else(|e| panic!("{CASES}: {e}"));
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "yaml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = format!("deployments/{}", path.file_stem().unwrap_or_default().to_string_lossy());
            let program = program.to_owned();
            Trial::test(name, move || judge(&path, &program))
        })
        .collect()
}

fn judge(path: &Path, program: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let expected = std::fs::read_to_string(path.with_extension("expected.json"))?;
    let expected: Value = serde_json::from_str(&expected)?;
    let raw = Case::parse(&text)?.play_by(Some(program))?;
    let (expected, found) = shell::as_older(program, expected, normalize::normalize(&raw));
    let differences = json::differences(&expected, &found);
    if differences.is_empty() {
        return Ok(());
    }
    let shown = differences.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    Err(format!("{} differences:\n{shown}", differences.len()).into())
}
