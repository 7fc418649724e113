//! The deployments' cases once more, their commands carried out by a real kubectl against the core behind HTTP: what the
//! core's own kubectl does is not needed to use the cluster. Without a kubectl, or with one too old to be compared with
//! the recordings, nothing is asked, and it says so. `KUBECTL` names the program. Its help is compared with ours too: no flag
//! of a command that is simulated is unknown.

use kubarium_core::sim::NodeConfig;
use kubarium_tests::case::{Case, Player};
use kubarium_tests::{json, normalize, shell};
use libtest_mimic::{Arguments, Failed, Trial};
use regex_lite::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/conformance/cases/deployments");

/// Older ones read files and word errors otherwise.
const OLDEST: u32 = 32;

/// Cases that an older kubectl cannot pass: from which minor version on it can, and why.
const SINCE: &[(&str, u32, &str)] = &[("labels-selectors", 33, "what begins with a brace was read as JSON")];

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

/// What the recordings do not show: each line with its exit code and a part of what it prints.
const SESSION: &[(&str, i32, &str)] = &[
    ("apply -f web.yaml", 0, "deployment.apps/web created"),
    ("apply --server-side -f web.yaml", 0, "deployment.apps/web serverside-applied"),
    ("scale deployment web --replicas=5", 0, "deployment.apps/web scaled"),
    (
        "apply --server-side -f web.yaml",
        1,
        "conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas",
    ),
    ("apply --server-side --force-conflicts -f web.yaml", 0, "serverside-applied"),
    ("get deployment web -o jsonpath={.spec.replicas}", 0, "2"),
    ("get deployment web -o yaml --show-managed-fields", 0, "operation: Apply"),
    ("apply -f crd.yaml", 0, "customresourcedefinition.apiextensions.k8s.io/widgets.example.com created"),
    ("wait --for=condition=Established crd/widgets.example.com --timeout=5s", 0, "condition met"),
    ("apply -f widget.yaml", 0, "widget.example.com/a created"),
    ("get wd", 0, "NAME   SIZE\na      2"),
    ("explain widget.spec.size", 0, "FIELD: size <integer>"),
    (
        "patch wd a --type=merge -p '{\"spec\":{\"size\":20}}'",
        1,
        "spec.size in body should be less than or equal to 10",
    ),
    ("apply --server-side -f widget.yaml", 0, "widget.example.com/a serverside-applied"),
    ("get all -o name", 0, "widget.example.com/a"),
    ("auth can-i list pods --as=jane", 1, "no"),
    ("create rolebinding jane --clusterrole=view --user=jane", 0, "rolebinding.rbac.authorization.k8s.io/jane created"),
    ("auth can-i list pods --as=jane", 0, "yes"),
    (
        "get secrets --as=jane",
        1,
        "User \"jane\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"",
    ),
    ("apply --validate=strict -f typo.yaml", 1, "unknown field \"spec.replica\""),
    ("explain deployment.spec.replicas", 0, "FIELD: replicas <integer>"),
    ("rollout status deployment/web --timeout=60s", 0, "successfully rolled out"),
    ("logs deployment/web", 0, ""),
    ("run look --image=nginx:1.25", 0, "pod/look created"),
    ("debug look --image=busybox -c more", 0, ""),
    ("get pod look -o jsonpath={.spec.ephemeralContainers[0].name}", 0, "more"),
    ("delete crd widgets.example.com", 0, "deleted"),
    ("get wd", 1, "the server doesn't have a resource type \"wd\""),
];

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1.25"}]}
"#;

const CRD: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, maximum: 10, description: How large it is.}
"#;

const TYPO: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: typo}
spec:
  replica: 2
  selector: {matchLabels: {app: t}}
  template:
    metadata: {labels: {app: t}}
    spec: {containers: [{name: c, image: nginx}]}
"#;

const WIDGET: &str = r#"
apiVersion: example.com/v1
kind: Widget
metadata: {name: a}
spec: {size: 2}
"#;

const FILES: [(&str, &str); 4] = [("web.yaml", WEB), ("crd.yaml", CRD), ("widget.yaml", WIDGET), ("typo.yaml", TYPO)];

fn session(program: &Path) -> Result<(), Failed> {
    let mut player = Player::new(vec![NodeConfig::numbered(1)]);
    player.shell = Some(shell::Shell::new(program)?);
    for (name, text) in FILES {
        player.file(name, text);
    }
    let mut wrong = vec![];
    for (line, code, part) in SESSION {
        let ended = player.kubectl(line, None);
        let printed = format!("{}{}", ended.stdout, ended.stderr);
        if ended.code != Some(*code) || !printed.contains(part) {
            wrong.push(format!("kubectl {line}: {:?}, not {code} with {part:?}:\n{printed}", ended.code));
        }
        // discovery is asked anew only after a while, and the cluster's clock is not kubectl's
        if line.contains("crd") {
            player.shell = Some(shell::Shell::new(program)?);
            for (name, text) in FILES {
                player.file(name, text);
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn cases(program: &Path) -> Vec<Trial> {
    let entries = std::fs::read_dir(CASES).unwrap_or_else(|e| panic!("{CASES}: {e}"));
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "yaml"));
    paths.sort();
    let own = program.to_owned();
    let minor = shell::minor(program).unwrap_or_default();
    paths.retain(|p| {
        let known = SINCE.iter().find(|s| p.file_stem().is_some_and(|n| n == s.0) && minor < s.1);
        if let Some((name, since, why)) = known {
            eprintln!("deployments/{name} was not asked: before 1.{since}, {why}");
        }
        known.is_none()
    });
    let trials = paths.into_iter().map(|path| {
        let name = format!("deployments/{}", path.file_stem().unwrap_or_default().to_string_lossy());
        let program = program.to_owned();
        Trial::test(name, move || judge(&path, &program))
    });
    let named = own.clone();
    let more = [
        Trial::test("apply-custom-resources-roles", move || session(&own)),
        Trial::test("known-flags", move || known_flags(&named)),
    ];
    trials.chain(more).collect()
}

/// Flags that ours has and the other's help does not show: `edit` and `drain` have them for themselves, or they are
/// newer than the oldest kubectl that is asked.
const MORE: &[&str] = &[
    "apply --subresource",
    "autoscale --cpu",
    "autoscale --memory",
    "config view --output",
    "create clusterrolebinding --role",
    "drain --all",
    "edit --saved",
    "options --as-user-extra",
    "options --kuberc",
    "top node --show-swap",
    "top pod --show-swap",
];

/// Flags whose letters or defaults differ, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("autoscale --cpu-percent", "deprecated since 1.34, so help leaves it out"),
    ("config view --output", "its default is written in words"),
    ("cluster-info dump --output", "its default is written in words"),
    ("create clusterrole --aggregation-rule", "a map is shown as a list"),
    ("create quota --hard", "a list since 1.34"),
    ("create quota --scopes", "a list since 1.34"),
    ("debug --profile", "another default since 1.36"),
    ("options --cache-dir", "the home directory's name"),
    ("options --vmodule", "no quotes"),
    ("wait --for", "may come again since 1.36"),
];

/// Commands that are refused by name.
const REFUSED: &[&str] = &["certificate", "completion", "kustomize", "plugin", "proxy"];

/// The flags that a help text lists: name, letter and default as one text.
fn flags(help: &str) -> BTreeMap<String, String> {
    let option = Regex::new(r"(?m)^    (-\w, )?--([\w-]+)=(.*):$").expect("a pattern that compiles");
    option.captures_iter(help).map(|c| (c[2].to_owned(), c[0].trim().to_owned())).collect()
}

/// The subcommands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let mut listed = false;
    let mut out = vec![];
    for line in help.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            listed = line.ends_with("Commands:") || line.contains("Commands (");
        } else if listed && let Some(name) = line.strip_prefix("  ").and_then(|l| l.split(' ').next()) {
            out.push(name.to_owned());
        }
    }
    out.retain(|n| n.starts_with(|c: char| c.is_ascii_lowercase()));
    out
}

/// Every flag that the other's help has is known here, with its letter and its default; and no other is.
fn known_flags(program: &Path) -> Result<(), Failed> {
    let ask = |words: &str| -> Result<String, Failed> {
        let out = std::process::Command::new(program).args(words.split(' ').filter(|w| !w.is_empty())).output()?;
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let mut player = Player::new(vec![NodeConfig::numbered(1)]);
    let global: Vec<String> = flags(&player.kubectl("options", None).stdout).into_keys().collect();
    let mut paths = vec!["options".to_owned()];
    paths.extend(commands(&ask("--help")?));
    let mut wrong = vec![];
    while let Some(path) = paths.pop() {
        if REFUSED.contains(&path.as_str()) {
            continue;
        }
        let call = if path == "options" { path.clone() } else { format!("{path} --help") };
        let theirs = ask(&call)?;
        let ours = player.kubectl(&call, None);
        paths.extend(commands(&theirs).iter().map(|sub| format!("{path} {sub}")));
        let (theirs, ours) = (flags(&theirs), flags(&ours.stdout));
        for (name, option) in &theirs {
            let all = format!("{path} --{name}");
            let excused = OTHERWISE.iter().any(|(o, _)| *o == all || *o == path);
            match ours.get(name) {
                Some(own) if own == option => {}
                _ if excused => {}
                Some(own) => wrong.push(format!("{path}: {option} is {own} here")),
                None if global.contains(name) => {}
                None => wrong.push(format!("{path}: {option} is not known")),
            }
        }
        let more = ours.keys().filter(|n| !theirs.contains_key(*n) && !MORE.contains(&&*format!("{path} --{n}")));
        wrong.extend(more.map(|n| format!("{path}: --{n} is known here only")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
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
