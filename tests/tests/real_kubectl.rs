//! The deployments' cases once more, their commands carried out by a real kubectl against the core behind HTTP: what the
//! core's own kubectl does is not needed to use the cluster. Without a kubectl, or with one too old to be compared with
//! the recordings, nothing is asked, and it says so. `KUBECTL` names the program.

use kubarium_core::sim::NodeConfig;
use kubarium_tests::case::{Case, Player};
use kubarium_tests::{json, normalize, shell};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
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
    trials.chain([Trial::test("apply-custom-resources-roles", move || session(&own))]).collect()
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
