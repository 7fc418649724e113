//! What must hold of the source itself: which module of the core may know which, how long files are, what the core is
//! built from, and that what the tables promise is there.

use kubarium_core::api::kinds::{RESOURCES, Support};
use kubarium_core::store::Kind;
use kubarium_tests::support;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each module of the core may use. `world` and `cluster` tie everything together, and nothing below uses them;
/// the components that react (controllers, scheduler, kubelet, network) meet in `apiserver` and `store` only.
const EDGES: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("rng", &[]),
    ("text", &[]),
    ("api", &["clock"]),
    ("store", &["api", "clock"]),
    ("runtime", &["api", "clock", "text"]),
    // it schedules events of components, whose kinds it must name
    ("sim", &["api", "apiserver", "clock", "controllers", "kubelet", "network", "rng", "scheduler", "store"]),
    ("apiserver", &["api", "cel", "clock", "rng", "sim", "store"]),
    ("cel", &["api"]),
    // the taint manager tolerates as the scheduler's plugin does, a DaemonSet's pods fit as its filters say
    ("controllers", &["api", "apiserver", "clock", "network", "rng", "scheduler", "sim", "store"]),
    ("scheduler", &["api", "apiserver", "clock", "rng", "sim", "store"]),
    // images bring kubectl along
    ("kubelet", &["api", "apiserver", "clock", "kubectl", "network", "rng", "runtime", "sim", "store", "view"]),
    ("network", &["api", "apiserver", "clock", "rng", "runtime", "sim", "store"]),
    // what people type reaches the cluster through requests only; its loops are read by the containers' shell
    ("kubectl", &["api", "apiserver", "clock", "runtime", "text"]),
    ("terminal", &["clock", "kubectl", "sim"]),
    (
        "world",
        &[
            "api",
            "apiserver",
            "clock",
            "controllers",
            "kubectl",
            "kubelet",
            "network",
            "runtime",
            "scheduler",
            "sim",
            "store",
            "terminal",
            "view",
        ],
    ),
    // a request in the log can be gone to
    ("cluster", &["apiserver", "clock", "sim", "world"]),
    (
        "view",
        &[
            "api",
            "apiserver",
            "clock",
            "cluster",
            "controllers",
            "kubectl",
            "network",
            "runtime",
            "scheduler",
            "sim",
            "store",
            "terminal",
            "world",
        ],
    ),
    ("lesson", &["api", "clock", "cluster", "network", "store", "terminal", "view", "world"]),
];

/// No file is longer, but for those below.
const MOST_LINES: usize = 750;
const LONGER: &[(&str, &str)] = &[("core/src/api/kinds.rs", "one table")];

/// Kinds that kubectl shows as any other, by the generic columns.
const PLAIN: &[&str] = &[
    "Lease",
    "CustomResourceDefinition",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Crates that would let a browser or a host into the core.
const FOREIGN: &[&str] = &[
    "wasm-bindgen",
    "js-sys",
    "web-sys",
    "getrandom",
    "tokio",
    "mio",
    "libc",
    "console_error_panic_hook",
    "instant",
    "web-time",
    "chrono",
    "rand",
];

fn root() -> PathBuf {
    xtask::tools::root()
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    for path in entries.filter_map(|e| Some(e.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ["target", "node_modules", "dist", ".git"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// Files below a folder of the repository with one of these endings: path from the root, text.
fn sources(below: &str, endings: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut found = vec![];
    files(&root.join(below), &mut found);
    found.sort();
    let fits = |p: &PathBuf| p.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e));
    found
        .into_iter()
        .filter(fits)
        .filter_map(|p| {
            let name = p.strip_prefix(&root).ok()?.to_string_lossy().replace('\\', "/");
            Some((name, std::fs::read_to_string(&p).ok()?))
        })
        .collect()
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn modules_of_the_core_know_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut wrong = BTreeSet::new();
    for (name, text) in sources("core/src", &["rs"]) {
        let place = name.trim_start_matches("core/src/");
        let module = place.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let file = place.rsplit('/').next().unwrap_or_default();
        // tests may reach for whatever sets their scene
        if module == "lib" || file == "tests.rs" || place.contains("/tests/") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = code.lines().filter(|l| !l.trim_start().starts_with("//"));
        for line in code {
            for used in line.split("crate::").skip(1) {
                let end = used.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(used.len());
                let used = &used[..end];
                if used == module || used.is_empty() {
                    continue;
                }
                match allowed.get(module) {
                    None => wrong.insert(format!("{module}: a module that the table of edges does not know")),
                    Some(list) if !list.contains(&used) => wrong.insert(format!("{name}: {module} may not use {used}")),
                    Some(_) => continue,
                };
            }
        }
    }
    report(&wrong.into_iter().collect::<Vec<_>>());
}

#[test]
fn files_say_what_they_are_and_are_not_too_long() {
    let mut wrong = vec![];
    for below in ["core/src", "web/src", "tests/src", "tests/tests", "tests/session/src", "xtask/src"] {
        for (name, text) in sources(below, &["rs"]) {
            if !text.starts_with("//!") && !name.ends_with("/tests.rs") {
                wrong.push(format!("{name}: does not begin with what it is (//!)"));
            }
            let lines = text.lines().count();
            if lines > MOST_LINES && !LONGER.iter().any(|(n, _)| *n == name) {
                wrong.push(format!("{name}: {lines} lines; split it by topic"));
            }
        }
    }
    report(&wrong);
}

#[test]
fn nothing_speaks_of_one_machine() {
    // spelt so that this file does not find itself
    let places = ["/wo!rk/", "/ro!ot/", "/ho!me/", "target-in!fra"].map(|p| p.replace('!', ""));
    let mut wrong = vec![];
    for below in ["core", "web", "tests", "xtask", "static", ".ci", ".cargo"] {
        if !root().join(below).is_dir() {
            continue;
        }
        for (name, text) in sources(below, &["rs", "toml", "md", "js", "mjs", "css", "html", "yaml", "json"]) {
            // recorded sessions and upstream's tables are as they are
            if name.starts_with("tests/data/") || name.ends_with("package-lock.json") {
                continue;
            }
            for (i, line) in text.lines().enumerate() {
                if places.iter().any(|p| line.contains(p)) {
                    wrong.push(format!("{name}:{}: {}", i + 1, line.trim()));
                }
            }
        }
    }
    report(&wrong);
}

/// The crates the core is built from, for the page's target.
fn crates_of_the_core() -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--offline", "--filter-platform", xtask::tools::WASM_TARGET];
    let said = Command::new(cargo).args(arguments).current_dir(root()).output().expect("cargo runs");
    let said: Value = serde_json::from_slice(&said.stdout)
        .unwrap_or_else(|e| panic!("cargo metadata: {e}: {}", String::from_utf8_lossy(&said.stderr)));
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let name_of: BTreeMap<String, String> = list(&said["packages"])
        .iter()
        .filter_map(|p| Some((p["id"].as_str()?.to_owned(), p["name"].as_str()?.to_owned())))
        .collect();
    let nodes: BTreeMap<String, Value> =
        list(&said["resolve"]["nodes"]).into_iter().filter_map(|n| Some((n["id"].as_str()?.to_owned(), n))).collect();
    let mut todo: Vec<String> =
        name_of.iter().filter(|(_, name)| *name == "kubarium-core").map(|(id, _)| id.clone()).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dep in nodes.get(&id).map(|n| list(&n["deps"])).unwrap_or_default() {
            // neither what builds it nor what tests it
            if list(&dep["dep_kinds"]).iter().any(|k| k["kind"].is_null())
                && let Some(id) = dep["pkg"].as_str()
            {
                todo.push(id.to_owned());
            }
        }
    }
    seen.iter().filter_map(|id| name_of.get(id).cloned()).collect()
}

#[test]
fn the_core_knows_no_browser() {
    let found = crates_of_the_core();
    assert!(found.contains("serde_json"), "the tree of the core was not found: {found:?}");
    report(&found.into_iter().filter(|c| FOREIGN.contains(&c.as_str())).collect::<Vec<_>>());
}

#[test]
fn every_simulated_kind_is_whole() {
    let text = |below: &str, endings: &[&str]| {
        sources(below, endings).into_iter().map(|(_, t)| t).collect::<Vec<_>>().join("\n")
    };
    let registry = text("core/src/apiserver", &["rs"]);
    let printers = text("core/src/kubectl", &["rs"]);
    let mut cases = text("tests/data/conformance/cases", &["yaml", "json"]);
    cases.push_str(&text("tests/tests", &["rs"]));
    cases.push_str(&text("tests/data/cases", &["yaml"]));
    let mut wrong = vec![];
    for r in RESOURCES.iter().filter(|r| r.support == Support::Simulated) {
        let mut need = |there: bool, what: &str| {
            if !there {
                wrong.push(format!("{}: {what}", r.kind));
            }
        };
        let quoted = format!("\"{}\"", r.kind);
        need(
            Kind::of_info(r).is_some_and(|k| k.names() == (r.api_version().as_str(), r.kind)),
            "it is not among the stored kinds",
        );
        let named = |text: &str| {
            text.contains(&quoted)
                || text.contains(&format!("Kind::{}", r.kind))
                || text.contains(&format!("\"{}\"", r.plural))
        };
        need(named(&registry), "nothing in apiserver/registry knows it");
        need(named(&printers) || PLAIN.contains(&r.kind), "kubectl prints or describes it nowhere by name");
        let words = [r.kind, r.plural, r.singular];
        need(words.iter().any(|w| cases.contains(w)), "no case shows it");
    }
    report(&wrong);
}

#[test]
fn readme_says_what_is_simulated() {
    let path = root().join("README.md");
    let text = std::fs::read_to_string(&path).expect("README.md");
    let (Some(begin), Some(end)) = (text.find(support::BEGIN), text.find(support::END)) else {
        panic!("README.md has no place for the tables: {} … {}", support::BEGIN, support::END);
    };
    let wanted = format!("{}\n\n{}\n{}", &text[..begin + support::BEGIN.len()], support::tables(), &text[end..]);
    if text != wanted {
        if std::env::var_os("UPDATE_README").is_some() {
            std::fs::write(&path, wanted).expect("README.md can be written");
        } else {
            panic!(
                "README's tables are not what the code says: UPDATE_README=1 cargo test -p kubarium-tests --test tidy"
            );
        }
    }
}
