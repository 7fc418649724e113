//! Plays conformance cases and real-world manifests and compares them with what a real cluster did.
//!
//! `conformance [--raw DIR] [--kubectl PATH] [--all] [--quiet] PATH…`: each path is a case (`<name>.yaml`, its expectation beside it as
//! `<name>.expected.json`), a file of manifests (`.jsonl`), or a directory of such. Prints `ok NAME` or
//! `FAIL NAME: first difference` for each and last `N passed, M failed`; the exit code is 1 if something failed.
//! `--kubectl PATH` has the commands of cases carried out by that kubectl against the core behind HTTP;
//! `--raw DIR` also writes each raw outcome there; `--all` prints every difference; `--quiet` only failures.

use kubarium_tests::case::Case;
use kubarium_tests::{json, manifest, normalize, shell};
use serde_json::Value;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};

struct Options {
    raw: Option<PathBuf>,
    all: bool,
    quiet: bool,
    kubectl: Option<PathBuf>,
    paths: Vec<PathBuf>,
}

enum Work {
    Case(PathBuf),
    Row { name: String, row: Box<Value> },
}

enum Verdict {
    Ok,
    Fail(Vec<String>),
    Unjudged,
}

fn options() -> Result<Options, String> {
    let mut o = Options { raw: None, all: false, quiet: false, kubectl: None, paths: vec![] };
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--raw") => o.raw = Some(args.next().ok_or("--raw needs a directory")?.into()),
            Some("--kubectl") => o.kubectl = Some(args.next().ok_or("--kubectl needs a program")?.into()),
            Some("--all") => o.all = true,
            Some("--quiet" | "-q") => o.quiet = true,
            Some(flag) if flag.starts_with('-') => return Err(format!("unknown flag {flag}")),
            _ => o.paths.push(arg.into()),
        }
    }
    if o.paths.is_empty() {
        Err("usage: conformance [--raw DIR] [--kubectl PATH] [--all] [--quiet] PATH…".into())
    } else {
        Ok(o)
    }
}

/// Cases and manifest files under a path, sorted. Directories of the recordings may hold other files: they are skipped.
fn find(path: &Path, asked: bool, out: &mut Vec<PathBuf>) -> Result<(), String> {
    let say = |e: std::io::Error| format!("{}: {e}", path.display());
    if std::fs::metadata(path).map_err(say)?.is_dir() {
        let mut entries: Vec<PathBuf> = vec![];
        for entry in std::fs::read_dir(path).map_err(say)? {
            entries.push(entry.map_err(say)?.path());
        }
        entries.sort();
        return entries.iter().try_for_each(|e| find(e, false, out));
    }
    let is = |ends: &[&str]| path.extension().and_then(|e| e.to_str()).is_some_and(|e| ends.contains(&e));
    if is(&["yaml", "yml", "jsonl"]) {
        out.push(path.to_owned());
    } else if asked {
        return Err(format!("{}: neither a case (.yaml) nor manifests (.jsonl)", path.display()));
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn work(paths: &[PathBuf]) -> Result<VecDeque<Work>, String> {
    let mut files = vec![];
    paths.iter().try_for_each(|p| find(p, true, &mut files))?;
    let mut out = VecDeque::new();
    for file in files {
        if file.extension().is_some_and(|e| e == "jsonl") {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            for (n, line) in read(&file)?.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
                let row: Value =
                    serde_json::from_str(line).map_err(|e| format!("{}:{}: {e}", file.display(), n + 1))?;
                let name = format!("{stem}/{}", row["file"].as_str().unwrap_or("?"));
                out.push_back(Work::Row { name, row: Box::new(row) });
            }
        } else {
            out.push_back(Work::Case(file));
        }
    }
    Ok(out)
}

/// The case's area and name: `deployments/rollout`.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match path.parent().and_then(Path::file_name) {
        Some(area) => format!("{}/{stem}", area.to_string_lossy()),
        None => stem.into_owned(),
    }
}

fn judge(work: &Work, raw_dir: Option<&Path>, kubectl: Option<&Path>) -> (String, Verdict) {
    let name = match work {
        Work::Case(path) => name_of(path),
        Work::Row { name, .. } => name.clone(),
    };
    let fail = |e: String| Verdict::Fail(vec![e]);
    let result = std::panic::catch_unwind(|| attempt(work, &name, raw_dir, kubectl));
    let verdict = match result {
        Ok(verdict) => verdict.unwrap_or_else(fail),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            fail(format!("panicked: {}", text.unwrap_or_default()))
        }
    };
    (name, verdict)
}

fn write_raw(dir: Option<&Path>, name: &str, raw: &Value) -> Result<(), String> {
    let Some(dir) = dir else { return Ok(()) };
    let path = dir.join(format!("{name}.json"));
    let parent = path.parent().unwrap_or(dir);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(&path, json::pretty(raw)))
        .map_err(|e| format!("{}: {e}", path.display()))
}

fn attempt(work: &Work, name: &str, raw_dir: Option<&Path>, kubectl: Option<&Path>) -> Result<Verdict, String> {
    let (expected, found) = match work {
        Work::Case(path) => {
            let raw = Case::parse(&read(path)?)?.play_by(kubectl)?;
            write_raw(raw_dir, name, &raw)?;
            let beside = path.with_extension("expected.json");
            if !beside.exists() {
                return Ok(Verdict::Unjudged);
            }
            let expected: Value =
                serde_json::from_str(&read(&beside)?).map_err(|e| format!("{}: {e}", beside.display()))?;
            match kubectl {
                None => (expected, normalize::normalize(&raw)),
                Some(kubectl) => shell::as_older(kubectl, expected, normalize::normalize(&raw)),
            }
        }
        Work::Row { row, .. } => {
            let outcome = manifest::play(row);
            write_raw(raw_dir, name, &outcome.raw)?;
            if row.get("accepted").is_none() {
                return Ok(Verdict::Unjudged);
            }
            (manifest::expected(row), outcome.normal)
        }
    };
    let mut differences = json::differences(&expected, &found);
    for d in &mut differences {
        *d = with_command(d, &expected);
    }
    Ok(if differences.is_empty() { Verdict::Ok } else { Verdict::Fail(differences) })
}

/// Names the step's command in a difference: `.steps[3] (kubectl get pods).stdout[0]: …`.
fn with_command(difference: &str, expected: &Value) -> String {
    let place = difference.strip_prefix(".steps[").and_then(|rest| rest.split_once(']'));
    let Some((number, rest)) = place else { return difference.to_owned() };
    let step = number.parse::<usize>().ok().and_then(|n| expected["steps"].get(n));
    let what = match step {
        Some(step) if step.get("kubectl").is_some() => format!("kubectl {}", step["kubectl"].as_str().unwrap_or("")),
        Some(step) if step.get("settle").is_some() => "settle".to_owned(),
        _ => "advance".to_owned(),
    };
    format!(".steps[{number}] ({what}){rest}")
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(o) => o,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    let work = match work(&options.paths) {
        Ok(work) => work,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    // a panic is a verdict of its own; its place stands on standard error
    let count = work.len();
    let queue = Arc::new(Mutex::new(work.into_iter().enumerate().collect::<VecDeque<_>>()));
    let (sender, receiver) = mpsc::channel();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(count.max(1));
    for _ in 0..threads {
        let (queue, sender, raw) = (queue.clone(), sender.clone(), options.raw.clone());
        let kubectl = options.kubectl.clone();
        std::thread::spawn(move || {
            loop {
                let next = queue.lock().map(|mut q| q.pop_front()).ok().flatten();
                let Some((i, work)) = next else { break };
                if sender.send((i, judge(&work, raw.as_deref(), kubectl.as_deref()))).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let (mut passed, mut failed, mut unjudged) = (0, 0, 0);
    let mut done = std::collections::BTreeMap::new();
    let mut next = 0;
    for (i, result) in receiver {
        done.insert(i, result);
        while let Some((name, verdict)) = done.remove(&next) {
            next += 1;
            match verdict {
                Verdict::Ok => {
                    passed += 1;
                    if !options.quiet {
                        println!("ok {name}");
                    }
                }
                Verdict::Unjudged => {
                    unjudged += 1;
                    println!("-- {name}: no expectation");
                }
                Verdict::Fail(differences) => {
                    failed += 1;
                    println!("FAIL {name}: {}", differences.first().map_or("", String::as_str));
                    if options.all {
                        differences.iter().skip(1).for_each(|d| println!("     {d}"));
                    }
                }
            }
        }
    }
    if unjudged > 0 {
        println!("{unjudged} without an expectation");
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
