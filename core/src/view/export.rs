//! Out of the tab: live objects as manifests that another cluster takes, a session as a script for a real one, and the
//! terminal as Markdown. Whatever a stranger's session brings is quoted: a script carries out kubectl and nothing else.

use crate::api::yaml;
use crate::clock::SimTime;
use crate::cluster::{Cluster, LoggedInput};
use crate::kubectl::line::split;
use crate::sim::Actor;
use crate::store::{Entry, Kind};
use crate::terminal::Piece;
use crate::view::model::Fault;
use crate::world::Input;
use serde_json::Value;
use std::fmt::Write;

/// Which objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What a person made, in every namespace.
    Made,
    /// All of a namespace that was not made by something else in it.
    Namespace(String),
}

/// Kinds that are made by the cluster itself.
const AUTOMATIC: [Kind; 7] = [
    Kind::Event,
    Kind::EndpointSlice,
    Kind::Endpoints,
    Kind::Lease,
    Kind::ControllerRevision,
    Kind::Node,
    Kind::IngressClass,
];

/// Who comes first when all is applied.
const ORDER: [&str; 12] = [
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "StorageClass",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "LimitRange",
    "ResourceQuota",
    "Service",
];

fn made_by_person(cluster: &Cluster, e: &Entry) -> bool {
    match cluster.world.sim.requests.get(e.created_by) {
        Some(r) => r.actor == Actor::Person,
        // so long ago that the request is forgotten: what stood there from the beginning has the cluster's age
        None => e.obj.created() > SimTime::ZERO,
    }
}

fn automatic(v: &Value) -> bool {
    let (kind, name) = (v["kind"].as_str().unwrap_or_default(), v["metadata"]["name"].as_str().unwrap_or_default());
    let owners = v["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|o| o.iter().any(|o| o["controller"] == true))
        || matches!(
            (kind, name),
            ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt") | ("Service", "kubernetes")
        )
        || v["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"].is_string()
}

/// Objects as manifests: several documents, without what the cluster filled in. Empty if there are none.
pub fn manifests(cluster: &Cluster, scope: &Scope) -> String {
    let sim = &cluster.world.sim;
    let kinds = Kind::ALL.iter().copied().chain(sim.custom_kinds());
    let mut found: Vec<Value> = vec![];
    for kind in kinds.filter(|k| !AUTOMATIC.contains(k)) {
        let namespace = match scope {
            Scope::Made => None,
            Scope::Namespace(_) if !kind.info().namespaced => continue,
            Scope::Namespace(ns) => Some(ns.as_str()),
        };
        for e in sim.store.entries(kind, namespace) {
            if *scope == Scope::Made && !made_by_person(cluster, e) {
                continue;
            }
            let v = sim.present(&e.obj);
            if !automatic(&v) {
                found.push(v);
            }
        }
    }
    let place = |v: &Value| ORDER.iter().position(|k| v["kind"] == *k).unwrap_or(ORDER.len());
    found.sort_by_key(place);
    found.iter_mut().for_each(clean);
    found.iter().map(yaml::to_yaml).collect::<Vec<_>>().join("---\n")
}

fn remove(v: &mut Value, path: &str, keys: &[&str]) {
    if let Some(map) = v.pointer_mut(path).and_then(Value::as_object_mut) {
        for k in keys {
            map.remove(*k);
        }
    }
}

fn remove_if_empty(v: &mut Value, path: &str, key: &str) {
    if v.pointer(&format!("{path}/{key}")).is_some_and(|a| a.as_object().is_some_and(|o| o.is_empty())) {
        remove(v, path, &[key]);
    }
}

/// Takes out what the cluster filled in.
fn clean(v: &mut Value) {
    let applied = v["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].to_string();
    remove(v, "", &["status"]);
    let server =
        ["uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "generateName", "ownerReferences"];
    remove(v, "/metadata", &server);
    remove(v, "/metadata", &["finalizers", "deletionTimestamp", "deletionGracePeriodSeconds"]);
    if let Some(notes) = v.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        let theirs = [
            "deployment.kubernetes.io/",
            "pv.kubernetes.io/",
            "volume.",
            "deprecated.daemonset.",
            "batch.kubernetes.io/",
        ];
        notes.retain(|k, _| {
            k != "kubectl.kubernetes.io/last-applied-configuration" && !theirs.iter().any(|t| k.starts_with(t))
        });
    }
    remove_if_empty(v, "/metadata", "annotations");
    remove(v, "/spec/template/metadata", &["creationTimestamp"]);
    match v["kind"].as_str().unwrap_or_default() {
        "Namespace" => {
            remove(v, "", &["spec"]);
            remove(v, "/metadata/labels", &["kubernetes.io/metadata.name"]);
            remove_if_empty(v, "/metadata", "labels");
        }
        "Service" => {
            if v["spec"]["clusterIP"] != "None" {
                remove(v, "/spec", &["clusterIP"]);
            }
            let spec = ["clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "healthCheckNodePort"];
            remove(v, "/spec", &spec);
            // a port that the cluster chose may be taken elsewhere
            if !applied.contains("nodePort") {
                for p in v.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
                    remove(p, "", &["nodePort"]);
                }
            }
        }
        "Pod" => clean_pod(v),
        "Job" if v["spec"]["manualSelector"] != true => {
            remove(v, "/spec", &["selector"]);
            let ids =
                ["controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"];
            remove(v, "/metadata/labels", &ids);
            remove(v, "/spec/template/metadata/labels", &ids);
            remove_if_empty(v, "/metadata", "labels");
            remove_if_empty(v, "/spec/template/metadata", "labels");
        }
        "PersistentVolumeClaim" => remove(v, "/spec", &["volumeName"]),
        "ServiceAccount" => remove(v, "", &["secrets"]),
        _ => {}
    }
}

fn clean_pod(v: &mut Value) {
    remove(v, "/spec", &["nodeName"]);
    let token = |v: &Value| v["name"].as_str().is_some_and(|n| n.starts_with("kube-api-access-"));
    let drop = |v: Option<&mut Value>, f: &dyn Fn(&Value) -> bool| {
        if let Some(list) = v.and_then(Value::as_array_mut) {
            list.retain(|x| !f(x));
        }
    };
    drop(v.pointer_mut("/spec/volumes"), &token);
    for list in ["/spec/containers", "/spec/initContainers"] {
        for c in v.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            drop(c.get_mut("volumeMounts"), &token);
        }
    }
    let given = |t: &Value| {
        t["tolerationSeconds"] == 300
            && matches!(t["key"].as_str(), Some("node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable"))
    };
    drop(v.pointer_mut("/spec/tolerations"), &given);
    if let Some(spec) = v.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.retain(|_, x| !x.as_array().is_some_and(Vec::is_empty));
    }
}

/// The cluster that a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Containers as nodes: pods really run.
    Kind,
    /// Nodes and pods that are only said to run.
    Kwok,
}

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text as a comment: one line, whatever is in it.
fn comment(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("# {line}\n")
}

/// A text for `cat`: with an end that does not occur in it.
fn heredoc(text: &str) -> String {
    let mut end = "END_OF_FILE".to_owned();
    while text.lines().any(|l| l == end) {
        end.push('_');
    }
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("<<'{end}'\n{text}{newline}{end}\n")
}

/// The letters of names that the cluster makes up.
fn made_up(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
}

/// `web` of `web-5d4f8c7b9d-x7k2p`: a pod's name that another cluster will not choose again.
fn owner_of(word: &str) -> Option<&str> {
    let name = word.strip_prefix("pod/").unwrap_or(word);
    let (front, last) = name.rsplit_once('-')?;
    if last.len() != 5 || !made_up(last) {
        return None;
    }
    match front.rsplit_once('-') {
        Some((owner, hash)) if (8..=10).contains(&hash.len()) && made_up(hash) => Some(owner),
        _ => Some(front),
    }
}

struct Script<'a> {
    target: Target,
    nodes: Vec<&'a str>,
    text: String,
}

impl Script<'_> {
    /// A node's name on the real cluster.
    fn node(&self, name: &str) -> Option<String> {
        let i = self.nodes.iter().position(|n| *n == name)?;
        match (self.target, i) {
            (Target::Kwok, _) => Some(name.to_owned()),
            (Target::Kind, 0) => Some("kubarium-worker".to_owned()),
            (Target::Kind, i) => Some(format!("kubarium-worker{}", i + 1)),
        }
    }

    fn word(&self, word: &str) -> String {
        if let Some(owner) = owner_of(word) {
            return format!("\"$(pick {})\"", quote(owner));
        }
        let (kind, name) = word.split_once('/').map_or(("", word), |(k, n)| (k, n));
        match self.node(name) {
            Some(node) if kind.is_empty() => quote(&node),
            Some(node) => quote(&format!("{kind}/{node}")),
            None => quote(word),
        }
    }

    /// A typed line; none if there is something in it that is not kubectl.
    fn line(&self, line: &str, stdin: Option<&str>) -> Option<String> {
        let stages = split(line).ok()?;
        let known =
            |w: &str| matches!(w, "kubectl" | "grep" | "wc" | "sort" | "head" | "tail" | "cut" | "uniq" | "cat");
        let mut out = vec![];
        for (i, s) in stages.iter().enumerate() {
            let first = s.words.first()?;
            if !known(first) || (i == 0 && first != "kubectl" && first != "cat") {
                return None;
            }
            let mut words: Vec<String> = s.words.iter().map(|w| self.word(w)).collect();
            // what would never end ends after a while
            if i == 0
                && s.words.iter().any(|w| matches!(w.as_str(), "-w" | "--watch" | "-f=true" | "port-forward" | "proxy"))
            {
                words.insert(0, "timeout 30".to_owned());
            }
            if let Some(file) = &s.input {
                words.push(format!("< {}", quote(file)));
            }
            if let Some(to) = &s.redirect {
                words.push(format!("{} {}", if to.append { ">>" } else { ">" }, quote(&to.file)));
            }
            out.push(words.join(" "));
        }
        let line = out.join(" | ");
        Some(match stdin {
            Some(text) => format!("{line} {}", heredoc(text)),
            None => format!("{line}\n"),
        })
    }

    fn input(&mut self, input: &Input) {
        match input {
            Input::File { name, text: Some(text) } => {
                if let Some((dir, _)) = name.rsplit_once('/') {
                    let _ = writeln!(self.text, "mkdir -p {}", quote(&format!("./{dir}")));
                }
                let _ = write!(self.text, "cat > {} {}", quote(&format!("./{name}")), heredoc(text));
            }
            Input::File { name, text: None } => {
                let _ = writeln!(self.text, "rm -f {}", quote(&format!("./{name}")));
            }
            Input::Line { line, stdin, .. } => {
                let known = self.line(line, stdin.as_deref());
                self.text += &known.unwrap_or_else(|| comment(&format!("by hand: {line}")));
            }
            Input::Interrupt { .. } => self.text += "# Ctrl+C\n",
            Input::Fault(f) => {
                let done = self.fault(f);
                self.text += &done;
            }
            Input::Client(c) => {
                self.text += &comment(&format!("a client begins: {} sends requests to {}", c.name, c.url));
            }
            Input::RemoveClient { name } => self.text += &comment(&format!("the client {name} ends")),
        }
    }

    fn fault(&self, f: &Fault) -> String {
        let docker = self.target == Target::Kind;
        match f {
            Fault::NodePower { node, on } if docker && self.node(node).is_some() => {
                let verb = if *on { "start" } else { "stop" };
                format!("docker {verb} {}\n", quote(&self.node(node).unwrap_or_default()))
            }
            Fault::NodePartition { node, on } if docker && self.node(node).is_some() => {
                let verb = if *on { "disconnect" } else { "connect" };
                format!("docker network {verb} kind {}\n", quote(&self.node(node).unwrap_or_default()))
            }
            Fault::CrashContainer { namespace, pod, container } if docker => {
                let which = if container.is_empty() { String::new() } else { format!(" -c {}", quote(container)) };
                format!("kubectl exec -n {} {}{which} -- kill 1\n", quote(namespace), self.word(pod))
            }
            other => comment(&format!("not possible here: {other:?}")),
        }
    }
}

/// The session so far as a bash script that replays it on a real cluster. `ask`: it waits for Enter before each step,
/// else as long as passed in the session, but no longer than a minute.
pub fn script(cluster: &Cluster, target: Target, ask: bool) -> String {
    let config = &cluster.world.sim.config;
    let nodes: Vec<&str> = config.nodes.iter().map(|n| n.name.as_str()).collect();
    let mut s = Script { target, nodes, text: String::new() };
    s.text += "#!/usr/bin/env bash\n# Replays a session of Kubarium on a real cluster, in a directory of its own.\n";
    s.text += match target {
        Target::Kind => "# Needs: docker, kind, kubectl. Ends with: kind delete cluster --name kubarium\n",
        Target::Kwok => {
            "# Needs: docker or podman, kwokctl, kubectl. Ends with: kwokctl delete cluster --name kubarium\n"
        }
    };
    s.text += "# Names that the cluster makes up differ: \"pick web\" stands for a pod of web.\nset -u\n";
    s.text += "cd \"$(mktemp -d)\" || exit 1\n\n";
    s.text += "pick() { kubectl get pods -A -o name | sed 's|.*/||' | grep \"^$1-\" | head -n 1; }\n";
    s.text += if ask {
        "step() { read -r -p \"[$1] Enter: $2\" _; }\n\n"
    } else {
        "step() { echo \"[$1] $2\"; sleep \"$3\"; }\n\n"
    };
    match target {
        Target::Kind => {
            let mut file =
                "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n".to_owned();
            config.nodes.iter().for_each(|_| file += "- role: worker\n");
            let _ = write!(s.text, "cat > kind.yaml {}", heredoc(&file));
            s.text += "kind create cluster --name kubarium --config kind.yaml\n";
            for n in &config.nodes {
                let name = s.node(&n.name).unwrap_or_default();
                for (k, v) in &n.labels {
                    let _ = writeln!(s.text, "kubectl label node {} {}", quote(&name), quote(&format!("{k}={v}")));
                }
                for t in &n.taints {
                    let _ = writeln!(s.text, "kubectl taint node {} {}", quote(&name), quote(t));
                }
            }
        }
        Target::Kwok => {
            s.text += "kwokctl create cluster --name kubarium\n";
            for n in &config.nodes {
                let amounts = serde_json::json!({"cpu": n.cpu, "memory": n.memory, "pods": n.pods.to_string()});
                let taints: Vec<Value> = n
                    .taints
                    .iter()
                    .filter_map(|t| {
                        let (key, effect) = t.rsplit_once(':')?;
                        let (key, value) = key.split_once('=').unwrap_or((key, ""));
                        Some(serde_json::json!({"key": key, "value": value, "effect": effect}))
                    })
                    .collect();
                let mut labels = n.labels.clone();
                labels.insert("kubernetes.io/hostname".into(), n.name.clone());
                let node = serde_json::json!({
                    "apiVersion": "v1", "kind": "Node",
                    "metadata": {"name": n.name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
                    "spec": {"taints": taints},
                    "status": {"allocatable": amounts, "capacity": amounts},
                });
                let _ = write!(s.text, "kubectl apply -f - {}", heredoc(&yaml::to_yaml(&node)));
            }
        }
    }
    let mut before = SimTime::ZERO;
    for LoggedInput { at, input, .. } in &cluster.inputs()[..cluster.applied()] {
        let told = match input {
            Input::File { .. } => None,
            Input::Line { line, .. } => Some(line.clone()),
            other => Some(format!("{other:?}")),
        };
        s.text.push('\n');
        if let Some(told) = told {
            let seconds = (at.0.saturating_sub(before.0) / 1_000_000).min(60);
            let moment = format!("{:.1}s", at.0 as f64 / 1e6);
            let told: String = told.chars().filter(|c| !c.is_control()).take(120).collect();
            let wait = if ask { String::new() } else { format!(" {seconds}") };
            let _ = writeln!(s.text, "step {moment} {}{wait}", quote(&told));
            before = *at;
        }
        s.input(input);
    }
    s.text
}

/// What was typed and printed, as Markdown.
pub fn transcript(cluster: &Cluster, title: &str) -> String {
    let mut out = format!("# {}\n", comment(title).trim_start_matches("# ").trim());
    let mut open = false;
    // a fence that does not occur in what is between
    let longest = cluster
        .world
        .terminals
        .since(0)
        .map(|c| match &c.piece {
            Piece::Line(t) | Piece::Out(t) | Piece::Err(t) => fence_in(t),
            _ => 0,
        })
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    for c in cluster.world.terminals.since(0) {
        match &c.piece {
            Piece::Line(line) => {
                if open {
                    let _ = writeln!(out, "{fence}");
                }
                let seconds = c.at.0 / 1_000_000;
                let _ = writeln!(
                    out,
                    "\n{:02}:{:02}:{:02}\n\n{fence}console\n$ {line}",
                    seconds / 3_600,
                    seconds / 60 % 60,
                    seconds % 60
                );
                open = true;
            }
            Piece::Out(t) | Piece::Err(t) => {
                if !open {
                    let _ = writeln!(out, "\n{fence}console");
                    open = true;
                }
                out.push_str(t);
                if !t.ends_with('\n') {
                    out.push('\n');
                }
            }
            Piece::Exit(_) | Piece::Effect(_) => {}
        }
    }
    if open {
        let _ = writeln!(out, "{fence}");
    }
    out
}

fn fence_in(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(c: &mut Cluster, line: &str) {
        c.submit(Input::Line { terminal: 0, line: line.to_owned(), stdin: None });
        c.seek(SimTime(c.now().0 + 10_000_000));
    }

    #[test]
    fn manifests_make_the_same_again() {
        let mut c = Cluster::with_nodes(3, 1);
        c.seek(SimTime::from_secs(2));
        line(&mut c, "kubectl create namespace shop");
        line(&mut c, "kubectl create deployment web --image=nginx --replicas=2 --port=80 -n shop");
        line(&mut c, "kubectl expose deployment web --type=NodePort -n shop");
        line(&mut c, "kubectl run alone --image=nginx");
        line(&mut c, "kubectl create job once --image=busybox -- true");
        let text = manifests(&c, &Scope::Made);
        let kinds: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("kind: ")).collect();
        assert_eq!(kinds, ["Namespace", "Service", "Pod", "Deployment", "Job"]);
        for gone in ["status:", "uid", "resourceVersion", "clusterIP", "nodeName", "nodePort", "kube-api-access"] {
            assert!(!text.contains(gone), "{gone} in\n{text}");
        }
        assert!(manifests(&c, &Scope::Namespace("shop".into())).contains("name: web"));
        assert_eq!(manifests(&c, &Scope::Namespace("nowhere".into())), "");
        let mut again = Cluster::with_nodes(3, 9);
        again.submit(Input::File { name: "all.yaml".into(), text: Some(text.clone()) });
        again.seek(SimTime::from_secs(2));
        line(&mut again, "kubectl apply -f all.yaml");
        let said = transcript(&again, "again");
        assert!(!said.contains("rror"), "{said}");
        assert_eq!(manifests(&again, &Scope::Made), text);
    }

    #[test]
    fn scripts_carry_out_nothing_but_kubectl() {
        let mut c = Cluster::with_nodes(2, 1);
        c.seek(SimTime::from_secs(2));
        c.submit(Input::File { name: "a'b.yaml".into(), text: Some("END_OF_FILE\n$(reboot)".into()) });
        line(&mut c, "kubectl create deployment web --image=nginx");
        line(&mut c, "rm -rf / ; kubectl get pods");
        line(&mut c, "kubectl get pods; `reboot` $(reboot) 'a b'");
        line(&mut c, "kubectl delete pod web-5d4f8c7b9d-x7k2p");
        line(&mut c, "kubectl cordon node-2");
        c.submit(Input::Fault(Fault::NodePower { node: "node-1".into(), on: false }));
        for target in [Target::Kind, Target::Kwok] {
            for ask in [true, false] {
                let s = script(&c, target, ask);
                assert!(s.contains("# by hand: rm -rf"), "{s}");
                assert!(s.contains("<<'END_OF_FILE_'") && s.contains(r"'./a'\''b.yaml'"), "{s}");
                assert!(s.contains("'$(reboot)'") && s.contains("'`reboot`'"), "{s}");
                assert!(s.contains("\"$(pick web)\""), "{s}");
                let bash = std::process::Command::new("bash").arg("-n").arg("-c").arg(&s).output();
                if let Ok(out) = bash {
                    assert!(out.status.success(), "{}\n{s}", String::from_utf8_lossy(&out.stderr));
                }
            }
        }
        let s = script(&c, Target::Kind, true);
        assert!(s.contains("docker stop kubarium-worker\n") && s.contains("kubectl cordon kubarium-worker2"), "{s}");
    }
}
