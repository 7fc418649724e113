//! Cases of our own: sessions with expectations written by hand, one test each. A case is a YAML file below `data/cases`:
//! `nodes`, and `steps`, each of which has one of
//! - `kubectl`: a line (or `line`: one of another program), with `stdin` and `says` (texts that its output must contain) or `not` (that it must not);
//! - `pass`: seconds that go by;
//! - `terminal`: the number of the terminal, if it is not the first;
//! - `interrupt`: Ctrl+C;
//! - `fault`: something a person does to a container or a node;
//! - `client`: a client that begins to send requests;
//! - `counted`: of the client `load`: `ok` and `failed` (`some` or `none`), `only` (the reasons of all failures).

use kubarium_core::clock::SimDuration;
use kubarium_core::cluster::Cluster;
use kubarium_core::network::clients::ClientSpec;
use kubarium_core::network::request::Reason;
use kubarium_core::terminal::Piece;
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    nodes: usize,
    #[serde(rename = "description")]
    _description: String,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    kubectl: Option<String>,
    line: Option<String>,
    stdin: Option<String>,
    #[serde(default)]
    terminal: u8,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    not: Vec<String>,
    pass: Option<f64>,
    #[serde(default)]
    interrupt: bool,
    fault: Option<serde_json::Value>,
    client: Option<serde_json::Value>,
    counted: Option<Counted>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    ok: Option<Amount>,
    failed: Option<Amount>,
    only: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Amount {
    Some,
    None,
}

fn main() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/cases"));
    let mut trials = vec![];
    for area in sorted(root) {
        for path in sorted(&area) {
            let stem = |p: &Path| p.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = format!("{}/{}", stem(&area), stem(&path));
            trials.push(Trial::test(name, move || play(&path).map_err(Failed::from)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut entries: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    entries
}

fn pass(cluster: &mut Cluster, span: SimDuration) {
    let until = cluster.now() + span;
    while !cluster.advance(until, 100_000).done {}
}

fn play(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let case: Case = serde_yaml::from_str(&text).map_err(|e| e.to_string())?;
    let mut cluster = Cluster::with_nodes(case.nodes, 11);
    pass(&mut cluster, SimDuration::from_secs(5));
    for (i, step) in case.steps.iter().enumerate() {
        if let Some(line) = step.kubectl.as_ref().map(|l| format!("kubectl {l}")).or(step.line.clone()) {
            let from = cluster.world.terminals.since(0).map(|c| c.number).last().unwrap_or(0);
            cluster.submit(Input::Line { terminal: step.terminal, line: line.clone(), stdin: step.stdin.clone() });
            for _ in 0..600 {
                if !cluster.world.terminals.is_waiting(step.terminal) {
                    break;
                }
                pass(&mut cluster, SimDuration::from_millis(100));
            }
            let said: String = cluster.world.terminals.since(from).map(|c| piece(&c.piece)).collect();
            let wrong = |t: &String| format!("step {}: {line}: {t:?} in\n{said}", i + 1);
            if let Some(t) = step.says.iter().find(|t| !said.contains(*t)) {
                return Err(format!("missing: {}", wrong(t)));
            }
            if let Some(t) = step.not.iter().find(|t| said.contains(*t)) {
                return Err(format!("unwanted: {}", wrong(t)));
            }
        }
        if step.interrupt {
            cluster.submit(Input::Interrupt { terminal: step.terminal });
        }
        if let Some(s) = step.pass {
            pass(&mut cluster, SimDuration::from_millis((s * 1000.0) as u64));
        }
        if let Some(fault) = &step.fault {
            let fault: Fault = serde_json::from_value(fault.clone()).map_err(|e| e.to_string())?;
            cluster.submit(Input::Fault(fault));
        }
        if let Some(client) = &step.client {
            let spec: ClientSpec = serde_json::from_value(client.clone()).map_err(|e| e.to_string())?;
            cluster.submit(Input::Client(spec));
        }
        if let Some(c) = &step.counted {
            counted(&cluster, c).map_err(|e| format!("step {}: {e}", i + 1))?;
        }
    }
    Ok(())
}

fn piece(p: &Piece) -> String {
    match p {
        Piece::Out(t) | Piece::Err(t) => t.to_string(),
        _ => String::new(),
    }
}

fn counted(cluster: &Cluster, c: &Counted) -> Result<(), String> {
    let client = cluster.world.sim.network.clients.named("load").ok_or("there is no client called load")?;
    let total = &client.total;
    let is = |n: u32| if n > 0 { Amount::Some } else { Amount::None };
    if c.ok.is_some_and(|a| a != is(total.ok)) || c.failed.is_some_and(|a| a != is(total.failures())) {
        return Err(format!("counted {total:?}"));
    }
    if let Some(only) = &c.only {
        let others = Reason::ALL.iter().zip(total.failed).filter(|(_, n)| *n > 0).map(|(r, _)| format!("{r:?}"));
        if let Some(other) = others.into_iter().find(|r| !only.contains(r)) {
            return Err(format!("failed by {other}: {total:?}"));
        }
    }
    Ok(())
}
