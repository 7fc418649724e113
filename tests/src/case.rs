//! Conformance cases: what one is, and how it is played on a cluster whose kubelets behave as the recordings' did.
//! The outcome is raw: normalising and judging it is done elsewhere.

use crate::shell::Shell;
use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use kubarium_core::sim::{Config, KubeletProfile, NodeConfig};
use kubarium_core::store::Kind;
use kubarium_core::terminal::Piece;
use kubarium_core::world::Input;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The version whose behaviour the recordings show.
pub const KUBERNETES: &str = "v1.36.2";
/// `settle` waits until nothing has changed for this long …
const QUIET: SimDuration = SimDuration::from_secs(3);
/// … and no longer than this.
const SETTLE_MOST: SimDuration = SimDuration::from_secs(120);
/// How often `settle` looks.
const LOOK: SimDuration = SimDuration::from_millis(100);
/// How long a command may wait before it counts as one that never returns.
const COMMAND_MOST: SimDuration = SimDuration::from_secs(120);
/// How long a command takes besides what it waits for: a process that starts and asks.
const COMMAND_TIME: SimDuration = SimDuration::from_millis(100);
/// The clusters of the recordings were up for a while when a case began.
const WARM_UP: SimDuration = SimDuration::from_secs(20);
/// The kinds that `settle` records, as it records them.
const LISTED: &[&str] = &[
    "ConfigMap",
    "ControllerRevision",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "EndpointSlice",
    "Event",
    "HorizontalPodAutoscaler",
    "Ingress",
    "Job",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "ReplicaSet",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];
/// Changes of these do not keep a cluster from being settled.
const RESTLESS: &[&str] = &["Node", "Lease", "Event"];
const SYSTEM_NAMESPACES: &[&str] = &["kube-system", "kube-public", "kube-node-lease"];

/// A case as it is written.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// How many standard nodes, or which.
    #[serde(default)]
    nodes: Nodes,
    /// What happens.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Nodes {
    Count(usize),
    List(Vec<Node>),
}

impl Default for Nodes {
    fn default() -> Self {
        Nodes::Count(1)
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Node {
    name: String,
    cpu: Option<Value>,
    memory: Option<Value>,
    pods: Option<Value>,
    #[serde(default)]
    labels: BTreeMap<String, Value>,
    #[serde(default)]
    taints: Vec<Value>,
}

/// One step of a case. Exactly one of `kubectl`, `settle` and `advance` is there.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Step {
    /// A command line without its first word.
    kubectl: Option<String>,
    /// Files that stand in the working directory from here on.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// What `-f -` reads.
    stdin: Option<String>,
    /// Keeps what was printed under this name.
    save: Option<String>,
    /// Let the cluster come to rest and record it.
    settle: Option<Value>,
    /// Let this much time pass.
    advance: Option<Value>,
}

/// A scalar as it was written, more or less: `4`, `8Gi`, `true`.
fn scalar(v: &Value) -> String {
    v.as_str().map_or_else(|| v.to_string(), str::to_owned)
}

impl Node {
    fn config(&self) -> NodeConfig {
        let mut n = NodeConfig::numbered(1);
        n.name = self.name.clone();
        if let Some(cpu) = &self.cpu {
            n.cpu = scalar(cpu);
        }
        if let Some(memory) = &self.memory {
            n.memory = scalar(memory);
        }
        if let Some(pods) = self.pods.as_ref().and_then(|p| scalar(p).parse().ok()) {
            n.pods = pods;
        }
        n.labels = self.labels.iter().map(|(k, v)| (k.clone(), scalar(v))).collect();
        n.taints = self.taints.iter().map(taint).collect();
        n
    }
}

/// A taint as `key=value:Effect`, from that or from an object.
fn taint(v: &Value) -> String {
    if let Some(text) = v.as_str() {
        return text.to_owned();
    }
    let (key, effect) = (scalar(&v["key"]), scalar(&v["effect"]));
    match v.get("value") {
        Some(value) => format!("{key}={}:{effect}", scalar(value)),
        None => format!("{key}:{effect}"),
    }
}

/// `90s`, `2m`, `1m30s`, `500ms`, or a number of seconds.
fn duration(v: &Value) -> Result<SimDuration, String> {
    let text = scalar(v);
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok(SimDuration((seconds * 1e6) as u64));
    }
    let mut micros = 0.0;
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let units = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| digits + n);
        let number: f64 = rest[..digits].parse().map_err(|_| format!("no duration: {text}"))?;
        micros += number
            * match &rest[digits..units] {
                "ms" => 1e3,
                "s" => 1e6,
                "m" => 60e6,
                "h" => 3600e6,
                _ => return Err(format!("no duration: {text}")),
            };
        rest = &rest[units..];
    }
    Ok(SimDuration(micros as u64))
}

impl Case {
    /// Reads a case.
    pub fn parse(text: &str) -> Result<Case, String> {
        serde_yaml::from_str(text).map_err(|e| e.to_string())
    }

    /// Plays the case from its beginning and gives its raw outcome.
    pub fn play(&self) -> Result<Value, String> {
        self.play_by(None)
    }

    /// As [`Case::play`], with the commands carried out by a real kubectl if one is given.
    pub fn play_by(&self, kubectl: Option<&std::path::Path>) -> Result<Value, String> {
        let nodes = match &self.nodes {
            Nodes::Count(n) => (1..=*n).map(NodeConfig::numbered).collect(),
            Nodes::List(list) => list.iter().map(Node::config).collect(),
        };
        let mut player = Player::new(nodes);
        player.shell = kubectl.map(Shell::new).transpose()?;
        let mut saved: Vec<(String, String)> = vec![];
        let mut steps = vec![];
        for step in &self.steps {
            for (name, text) in &step.files {
                player.file(name, text);
            }
            if let Some(line) = &step.kubectl {
                let mut typed = line.clone();
                for (name, value) in &saved {
                    typed = typed.replace(&format!("{{{name}}}"), value);
                }
                let ended = player.kubectl(&typed, step.stdin.as_deref());
                if let Some(name) = &step.save {
                    saved.retain(|(n, _)| n != name);
                    saved.push((name.clone(), saved_name(&ended.stdout)));
                }
                let code = ended.code.map_or_else(|| json!("timeout"), |c| json!(c));
                steps.push(json!({"kubectl": line, "rc": code, "stdout": ended.stdout, "stderr": ended.stderr}));
            } else if let Some(time) = &step.advance {
                player.pass(duration(time)?);
                steps.push(json!({"advance": time}));
            } else if step.settle.is_some() {
                player.settle();
                steps.push(json!({"settle": true, "objects": player.objects()}));
            } else {
                return Err(format!("{}: a step that does nothing", self.name));
            }
        }
        Ok(json!({"case": self.name, "kubernetes": KUBERNETES, "steps": steps}))
    }
}

/// The name a command printed: the first line, without the `pod/` that `-o name` puts before it.
fn saved_name(stdout: &str) -> String {
    let line = stdout.trim().lines().next().unwrap_or_default().trim();
    line.rsplit_once('/').map_or(line, |(_, name)| name).to_owned()
}

/// How a command ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// The exit code; `None`: it never returned.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A cluster with the recordings' kubelets, and a terminal.
pub struct Player {
    /// The session.
    pub cluster: Cluster,
    /// Where commands are carried out by a real kubectl; `None`: by the one in the core.
    pub shell: Option<Shell>,
}

impl Player {
    /// A cluster of these nodes, up and ready.
    pub fn new(nodes: Vec<NodeConfig>) -> Player {
        let config = Config { seed: 1, nodes, kubelets: KubeletProfile::Recorded };
        let mut player = Player { cluster: Cluster::new(config), shell: None };
        player.pass(WARM_UP);
        // the recordings' kubeconfig calls its context so
        let line = "kubectl config rename-context kubarium x".to_owned();
        player.cluster.submit(Input::Line { terminal: 0, line, stdin: None });
        player
    }

    /// Puts a file into the working directory.
    pub fn file(&mut self, name: &str, text: &str) {
        let name = name.trim_start_matches("./").to_owned();
        if let Some(shell) = &self.shell
            && let Err(e) = shell.file(&name, text)
        {
            eprintln!("{name}: {e}");
        }
        self.cluster.submit(Input::File { name, text: Some(text.to_owned()) });
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: SimDuration) {
        let until = SimTime(self.cluster.now().0 + time.0);
        self.cluster.advance(until, u64::MAX);
    }

    /// Runs a command until it returns, or for [`COMMAND_MOST`].
    pub fn kubectl(&mut self, line: &str, stdin: Option<&str>) -> Ended {
        if let Some(shell) = &self.shell {
            let ended = shell.run(&mut self.cluster, line, stdin, COMMAND_MOST);
            return ended.unwrap_or_else(|e| Ended { code: None, stdout: String::new(), stderr: e });
        }
        let before = self.printed();
        let line = format!("kubectl {line}");
        self.cluster.submit(Input::Line { terminal: 0, line, stdin: stdin.map(str::to_owned) });
        let deadline = self.cluster.now().0 + COMMAND_MOST.0;
        while self.cluster.world.terminals.is_waiting(0) && self.cluster.now().0 < deadline {
            let next = self.cluster.world.sim.queue.next_time().unwrap_or(SimTime::MAX);
            self.cluster.advance(SimTime(next.0.min(deadline)), 1);
        }
        let mut ended = Ended::default();
        for chunk in self.cluster.world.terminals.since(before) {
            match &chunk.piece {
                Piece::Out(text) => ended.stdout.push_str(text),
                Piece::Err(text) => ended.stderr.push_str(text),
                Piece::Exit(code) => ended.code = Some(*code),
                Piece::Line(_) | Piece::Effect(_) => {}
            }
        }
        if ended.code.is_none() {
            self.cluster.submit(Input::Interrupt { terminal: 0 });
        }
        self.pass(COMMAND_TIME);
        ended
    }

    /// The number of the newest piece of text.
    fn printed(&self) -> u64 {
        self.cluster.world.terminals.since(0).last().map_or(0, |c| c.number)
    }

    /// Lets the cluster come to rest.
    pub fn settle(&mut self) {
        let start = self.cluster.now();
        let mut changed = start;
        let mut seen = self.cluster.world.sim.store.log.end();
        while self.cluster.now().since(changed) < QUIET && self.cluster.now().since(start) < SETTLE_MOST {
            self.pass(LOOK);
            let log = &self.cluster.world.sim.store.log;
            let counts = |kind: Kind| {
                let name = kind.names().1;
                LISTED.contains(&name) && !RESTLESS.contains(&name)
            };
            let news = log.since(seen).is_none_or(|mut changes| changes.any(|c| counts(c.kind)));
            seen = log.end();
            if news {
                changed = self.cluster.now();
            }
        }
    }

    /// The objects that are recorded.
    pub fn objects(&self) -> Vec<Value> {
        let store = &self.cluster.world.sim.store;
        let mut out = vec![];
        for kind in Kind::ALL {
            let (api_version, name) = kind.names();
            if !LISTED.contains(&name) {
                continue;
            }
            for obj in store.list(*kind, None) {
                let key = obj.key();
                if is_the_systems_own(name, &key.namespace, &key.name) {
                    continue;
                }
                let mut v = obj.to_value(&store.ids);
                if let Some(map) = v.as_object_mut() {
                    add_type(map, api_version, name);
                }
                out.push(v);
            }
        }
        out
    }
}

fn add_type(map: &mut Map<String, Value>, api_version: &str, kind: &str) {
    map.entry("apiVersion").or_insert_with(|| api_version.into());
    map.entry("kind").or_insert_with(|| kind.into());
}

/// What every cluster has from the beginning, and every namespace gets.
fn is_the_systems_own(kind: &str, namespace: &str, name: &str) -> bool {
    match kind {
        "Event" | "Node" => false,
        "Namespace" => name == "default" || SYSTEM_NAMESPACES.contains(&name),
        "ServiceAccount" if name == "default" => true,
        "ConfigMap" if name == "kube-root-ca.crt" => true,
        "Service" | "EndpointSlice" if namespace == "default" && name == "kubernetes" => true,
        _ => SYSTEM_NAMESPACES.contains(&namespace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, micros) in [("90s", 90_000_000), ("1m30s", 90_000_000), ("500ms", 500_000), ("7", 7_000_000)] {
            assert_eq!(duration(&json!(text)).map(|d| d.0), Ok(micros), "{text}");
        }
        assert!(duration(&json!("soon")).is_err());
    }

    #[test]
    fn saved_names() {
        assert_eq!(saved_name("pod/web-1\npod/web-2\n"), "web-1");
        assert_eq!(saved_name("web-1\n"), "web-1");
    }
}
