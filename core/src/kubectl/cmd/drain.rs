//! `kubectl cordon`, `uncordon`, `drain`. Models kubectl `pkg/cmd/drain` and `pkg/drain`.

use crate::apiserver::request::{ContentType, Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::pending::{Pending, Wait};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

static DRAIN_FLAGS: &[Flag] = &[
    Flag::bool("force", "Continue even if there are pods that do not declare a controller."),
    Flag::bool("ignore-daemonsets", "Ignore DaemonSet-managed pods."),
    Flag::bool(
        "delete-emptydir-data",
        "Continue even if there are pods using emptyDir (local data that will be deleted when the node is drained).",
    ),
    Flag::int(
        "grace-period",
        "-1",
        "Period of time in seconds given to each pod to terminate gracefully. If negative, the default value specified in the pod will be used.",
    ),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up, zero means infinite"),
    Flag::str("pod-selector", "Label selector to filter pods on the node"),
    Flag::bool("disable-eviction", "Force drain to use delete, even if eviction is supported."),
    Flag::int(
        "skip-wait-for-delete-timeout",
        "0",
        "If pod DeletionTimestamp older than N seconds, skip waiting for the pod.",
    ),
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once."),
    Flag::new("all", Kind::Bool, "false", "Select all nodes."),
];

/// `kubectl cordon`.
pub static CORDON: Command =
    Command::new("cordon", "Mark node as unschedulable.", "NODE", &[flags::SELECTOR, flags::DRY_RUN], |inv, ctx| {
        cordon_command(inv, ctx, true)
    });

/// `kubectl uncordon`.
pub static UNCORDON: Command =
    Command::new("uncordon", "Mark node as schedulable.", "NODE", &[flags::SELECTOR, flags::DRY_RUN], |inv, ctx| {
        cordon_command(inv, ctx, false)
    });

/// `kubectl drain`.
pub static DRAIN: Command = Command::new(
    "drain",
    "Drain node in preparation for maintenance.",
    "NODE",
    &[DRAIN_FLAGS, flags::SELECTOR, flags::DRY_RUN],
    drain,
);

/// How long `drain` waits before it asks again for an eviction that was refused.
const RETRY: SimDuration = SimDuration::from_secs(5);

fn nodes(inv: &Invocation, ctx: &mut Context) -> Result<Vec<Info>, CmdError> {
    let selecting = inv.changed("selector");
    if inv.args.is_empty() && !selecting {
        let name = inv.path.rsplit(' ').next().unwrap_or_default();
        return Err(inv.usage(format!("USAGE: {name} NODE [flags]")));
    }
    if !inv.args.is_empty() && selecting {
        return Err(CmdError::client("error: cannot specify both a node name and a --selector option"));
    }
    let mut args = vec!["node".to_string()];
    args.extend(inv.args.iter().map(|a| {
        a.strip_prefix("node/").or(a.strip_prefix("nodes/")).or(a.strip_prefix("no/")).unwrap_or(a).to_string()
    }));
    Builder::new(inv).args(&args).all_infos(ctx)
}

fn cordon_command(inv: &Invocation, ctx: &mut Context, on: bool) -> Result<(), CmdError> {
    let nodes = nodes(inv, ctx)?;
    cordon(inv, &nodes, on, ctx)
}

/// Marks nodes as schedulable or not.
fn cordon(inv: &Invocation, nodes: &[Info], on: bool, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let (word, verb) = if on { ("cordoned", "cordon") } else { ("uncordoned", "uncordon") };
    let mut failed = false;
    for node in nodes {
        let is = node.object["spec"]["unschedulable"] == true;
        let mut done = word.to_string();
        if is == on {
            done = format!("already {word}");
        } else if dry != DryRun::Client {
            let value = if on { json!(true) } else { Value::Null };
            let mut r =
                dry.apply(Request::new(Method::Patch, node.path())).body(json!({"spec": {"unschedulable": value}}));
            r.content_type = ContentType::StrategicMergePatch;
            if let Err(e) = ctx.call(r) {
                ctx.eprintln(format!("error: unable to {verb} node {:?}: {}", node.name, e.text()));
                failed = true;
                continue;
            }
        }
        ctx.println(format!("{} {done}{}", node.printed_name(), dry.suffix()));
    }
    if failed { Err(CmdError::Exit(1)) } else { Ok(()) }
}

/// What is to become of a pod on a node that is drained.
enum Fate {
    Go,
    GoWith(&'static str),
    Stay(Option<&'static str>),
    Refuse(String),
}

const DAEMON_FATAL: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const DAEMON_WARNING: &str = "ignoring DaemonSet-managed Pods";
const LOCAL_FATAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const BARE_FATAL: &str = "Pods that declare no controller (use --force to override)";
const BARE_WARNING: &str = "deleting Pods that declare no controller";

fn fate(pod: &Value, inv: &Invocation, ctx: &mut Context) -> Fate {
    let owners = pod["metadata"]["ownerReferences"].as_array();
    let controller = owners.into_iter().flatten().find(|r| r["controller"] == true);
    let finished = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if let Some(c) = controller.filter(|c| c["kind"] == "DaemonSet" && !finished) {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let (namespace, name) = (text(&pod["metadata"]["namespace"]), text(&c["name"]));
        let path = format!("/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}");
        return match ctx.api.request(Request::get(path)).ok() {
            Err(e) if e.reason == "NotFound" && inv.bool("force") => Fate::Go,
            Err(e) => Fate::Refuse(e.message),
            Ok(_) if inv.bool("ignore-daemonsets") => Fate::Stay(Some(DAEMON_WARNING)),
            Ok(_) => Fate::Refuse(DAEMON_FATAL.into()),
        };
    }
    if !pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null() {
        return Fate::Stay(None);
    }
    let local = pod["spec"]["volumes"].as_array().into_iter().flatten().any(|v| !v["emptyDir"].is_null());
    let local = local && !finished;
    if local && !inv.bool("delete-emptydir-data") {
        return Fate::Refuse(LOCAL_FATAL.into());
    }
    // The last filter that says something is heard: a controlled pod's local storage goes without a warning.
    match (controller.is_some() || finished, inv.bool("force")) {
        (true, _) => Fate::Go,
        (false, true) => Fate::GoWith(BARE_WARNING),
        (false, false) => Fate::Refuse(BARE_FATAL.into()),
    }
}

/// A pod that is to leave its node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Leaving {
    namespace: String,
    name: String,
    uid: String,
    /// When its eviction is asked for next; `None`: it is on its way.
    ask: Option<SimTime>,
}

/// A `kubectl drain` that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draining {
    nodes: VecDeque<String>,
    pods: Vec<Leaving>,
    started: bool,
    failed: Vec<(String, Vec<String>)>,
    give_up: Option<SimTime>,
    timeout: String,
    grace: i64,
    evict: bool,
    /// Pods of each node that leave, found beforehand: namespace, name, uid.
    plan: BTreeMap<String, Vec<(String, String, String)>>,
    /// What is said when a node's turn comes.
    warnings: BTreeMap<String, String>,
    refused: BTreeMap<String, Vec<String>>,
}

fn drain(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let nodes = nodes(inv, ctx)?;
    cordon(inv, &nodes, true, ctx)?;
    let mut state = Draining {
        nodes: nodes.iter().map(|n| n.name.clone()).collect(),
        pods: vec![],
        started: false,
        failed: vec![],
        give_up: None,
        timeout: inv.str("timeout").to_string(),
        grace: inv.int("grace-period"),
        evict: !inv.bool("disable-eviction"),
        plan: BTreeMap::new(),
        warnings: BTreeMap::new(),
        refused: BTreeMap::new(),
    };
    for node in &nodes {
        state.look(&node.name, inv, ctx)?;
    }
    if dry != DryRun::None {
        return state.only_say(dry, ctx);
    }
    let timeout = inv.seconds("timeout");
    state.give_up = (timeout > 0.0).then(|| ctx.now() + SimDuration((timeout * 1e6) as u64));
    let mut wake = None;
    if !state.poll(&mut wake, ctx)? {
        ctx.out.pending = Some(Pending::new(Wait::Draining(state), wake));
    }
    Ok(())
}

impl Draining {
    /// Finds the pods of a node and what is to become of them.
    fn look(&mut self, node: &str, inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
        let mut request = Request::get("/api/v1/pods").with("fieldSelector", format!("spec.nodeName={node}"));
        if inv.changed("pod-selector") {
            request = request.with("labelSelector", inv.str("pod-selector"));
        }
        let list = ctx.call(request)?;
        let mut warned: Vec<(&str, Vec<String>)> = vec![];
        let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let plan = self.plan.entry(node.to_string()).or_default();
        for pod in list["items"].as_array().into_iter().flatten() {
            let text = |k: &str| pod["metadata"][k].as_str().unwrap_or_default().to_string();
            let (namespace, name) = (text("namespace"), text("name"));
            let shown = format!("{namespace}/{name}");
            let mut warn = |what: &'static str| match warned.iter_mut().find(|(w, _)| *w == what) {
                Some((_, pods)) => pods.push(shown.clone()),
                None => warned.push((what, vec![shown.clone()])),
            };
            match fate(pod, inv, ctx) {
                Fate::Go => plan.push((namespace, name, text("uid"))),
                Fate::GoWith(what) => {
                    warn(what);
                    plan.push((namespace, name, text("uid")));
                }
                Fate::Stay(what) => {
                    if let Some(w) = what {
                        warn(w);
                    }
                }
                Fate::Refuse(why) => refused.entry(why).or_default().push(shown),
            }
        }
        let joined: Vec<String> = warned.iter().map(|(w, pods)| format!("{w}: {}", pods.join(", "))).collect();
        if !joined.is_empty() {
            self.warnings.insert(node.into(), joined.join("; "));
        }
        let errors: Vec<String> =
            refused.iter().map(|(why, pods)| format!("cannot delete {why}: {}", pods.join(", "))).collect();
        if !errors.is_empty() {
            self.refused.insert(node.into(), errors);
        }
        Ok(())
    }

    fn only_say(&mut self, dry: DryRun, ctx: &mut Context) -> Result<(), CmdError> {
        while let Some(node) = self.nodes.pop_front() {
            if let Some(errors) = self.refused.remove(&node) {
                self.fail(&node, errors, ctx);
                continue;
            }
            self.warn(&node, ctx);
            let word = if self.evict { "evicting" } else { "deleting" };
            for (namespace, name, _) in self.plan.remove(&node).unwrap_or_default() {
                ctx.println(format!("{word} pod {namespace}/{name}{}", dry.suffix()));
            }
            ctx.println(format!("node/{node} drained{}", dry.suffix()));
        }
        self.end(ctx)
    }

    fn warn(&mut self, node: &str, ctx: &mut Context) {
        if let Some(w) = self.warnings.remove(node) {
            ctx.eprintln(format!("Warning: {w}"));
        }
    }

    fn fail(&mut self, node: &str, errors: Vec<String>, ctx: &mut Context) {
        let text = joined(&errors);
        ctx.eprintln(format!("error: unable to drain node {node:?} due to error: {text}, continuing command..."));
        self.failed.push((node.into(), errors));
    }

    fn end(&mut self, ctx: &mut Context) -> Result<(), CmdError> {
        if self.failed.is_empty() {
            return Ok(());
        }
        ctx.eprintln("There are pending nodes to be drained:");
        let mut errors = vec![];
        for (node, list) in std::mem::take(&mut self.failed) {
            ctx.eprintln(format!(" {node}"));
            errors.extend(list.into_iter().map(CmdError::Client));
        }
        Err(CmdError::Many(errors))
    }

    /// Goes on; `wake` becomes the moment to be asked again. True at the end.
    ///
    /// # Errors
    /// Nodes that could not be drained.
    pub fn poll(&mut self, wake: &mut Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
        while let Some(node) = self.nodes.front().cloned() {
            if !self.started {
                if let Some(errors) = self.refused.remove(&node) {
                    self.fail(&node, errors, ctx);
                    self.nodes.pop_front();
                    continue;
                }
                self.warn(&node, ctx);
                let now = ctx.now();
                self.pods = self
                    .plan
                    .remove(&node)
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(namespace, name, uid)| Leaving { namespace, name, uid, ask: Some(now) })
                    .collect();
                self.started = true;
            }
            let errors = self.step(ctx);
            let late = self.give_up.is_some_and(|t| ctx.now() >= t);
            if errors.is_empty() && !self.pods.is_empty() && !late {
                let next = self.pods.iter().filter_map(|p| p.ask).min();
                *wake = [next, self.give_up].into_iter().flatten().min();
                return Ok(false);
            }
            if errors.is_empty() && self.pods.is_empty() {
                ctx.println(format!("node/{node} drained"));
            } else {
                let left = std::mem::take(&mut self.pods);
                let pending: Vec<String> = left.iter().map(|p| p.name.clone()).collect();
                let mut errors = errors;
                for p in left {
                    errors.push(if p.ask.is_some() {
                        format!("error when evicting pods/{:?} -n {:?}: global timeout reached: {}", p.name, p.namespace, self.timeout)
                    } else {
                        format!(
                            "error when waiting for pod {:?} in namespace {:?} to terminate: global timeout reached: {}",
                            p.name, p.namespace, self.timeout
                        )
                    });
                }
                if !pending.is_empty() {
                    let why = joined(&errors);
                    ctx.eprintln(format!("There are pending pods in node {node:?} when an error occurred: {why}"));
                    pending.iter().for_each(|name| ctx.eprintln(format!("pod/{name}")));
                }
                self.fail(&node, errors, ctx);
            }
            self.pods.clear();
            self.started = false;
            self.nodes.pop_front();
        }
        self.end(ctx).map(|()| true)
    }

    /// Asks for evictions that are due and forgets pods that have left.
    fn step(&mut self, ctx: &mut Context) -> Vec<String> {
        let now = ctx.now();
        let mut errors = vec![];
        let mut stay = vec![];
        for mut p in std::mem::take(&mut self.pods) {
            if p.ask.is_some_and(|t| t <= now) {
                match self.ask(&p, ctx) {
                    Asked::Leaves => p.ask = None,
                    Asked::Gone => {}
                    Asked::Later(why) => {
                        ctx.eprintln(format!(
                            "error when evicting pods/{:?} -n {:?} (will retry after 5s): {why}",
                            p.name, p.namespace
                        ));
                        p.ask = Some(now + RETRY);
                    }
                    Asked::Refused(why) => {
                        errors.push(format!("error when evicting pods/{:?} -n {:?}: {why}", p.name, p.namespace));
                        continue;
                    }
                }
            }
            if p.ask.is_none() || p.ask.is_some_and(|t| t <= now) {
                let path = format!("/api/v1/namespaces/{}/pods/{}", p.namespace, p.name);
                let there = ctx.api.request(Request::get(path)).ok();
                if there.is_err() || there.is_ok_and(|o| o["metadata"]["uid"] != p.uid.as_str()) {
                    let word = if self.evict { "evicted" } else { "deleted" };
                    ctx.println(format!("pod/{} {word}", p.name));
                    continue;
                }
            }
            stay.push(p);
        }
        self.pods = stay;
        errors
    }

    fn ask(&self, p: &Leaving, ctx: &mut Context) -> Asked {
        let path = format!("/api/v1/namespaces/{}/pods/{}", p.namespace, p.name);
        let mut options = json!({});
        if self.grace >= 0 {
            options["gracePeriodSeconds"] = self.grace.into();
        }
        let request = if self.evict {
            ctx.println(format!("evicting pod {}/{}", p.namespace, p.name));
            Request::new(Method::Post, format!("{path}/eviction")).body(json!({
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": p.name, "namespace": p.namespace}, "deleteOptions": options,
            }))
        } else {
            options["apiVersion"] = "v1".into();
            options["kind"] = "DeleteOptions".into();
            Request::new(Method::Delete, path).body(options)
        };
        match ctx.api.request(request).ok() {
            Ok(_) => Asked::Leaves,
            Err(s) if s.code == 404 => Asked::Gone,
            Err(s) if s.code == 429 => Asked::Later(s.message),
            Err(s) => Asked::Refused(s.message),
        }
    }
}

/// Several errors as one text.
fn joined(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// What the API server said of an eviction.
enum Asked {
    Leaves,
    Gone,
    Later(String),
    Refused(String),
}
