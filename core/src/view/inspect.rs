//! What an inspector asks of one object: its YAML, facts, events, and why it is as it is.

use super::faults::fault_line;
use super::model::{Cause, Doing, EventView, Fault, Id, Message};
use super::project::message;
use super::workloads;
use crate::api::yaml;
use crate::apiserver::printers;
use crate::apiserver::requests::RequestEntry;
use crate::clock::SimTime;
use crate::cluster::Cluster;
use crate::kubectl;
use crate::runtime::shell::NetProblem;
use crate::scheduler::framework::Plugin;
use crate::sim::{Actor, Component, Sim};
use crate::store::{Key, Kind, Obj};
use crate::world::{Input, WorldApi};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The filters of the scheduler in the order in which they are asked.
pub const FILTERS: [&str; 11] = [
    Plugin::NodeUnschedulable.name(),
    Plugin::NodeName.name(),
    Plugin::TaintToleration.name(),
    Plugin::NodeAffinity.name(),
    Plugin::NodePorts.name(),
    Plugin::NodeResourcesFit.name(),
    Plugin::VolumeRestrictions.name(),
    Plugin::VolumeBinding.name(),
    Plugin::VolumeZone.name(),
    Plugin::PodTopologySpread.name(),
    Plugin::InterPodAffinity.name(),
];

/// What one node says of a pod that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The node.
    pub node: Arc<str>,
    /// The plugin that refused it; none: the pod could go there.
    pub refused: Option<&'static str>,
    /// Why, in the scheduler's words.
    pub reasons: Vec<String>,
    /// Scores by plugin, 0 to 100 each, and their weights.
    pub scores: Vec<(&'static str, i64, i64)>,
    /// The weighted sum.
    pub total: i64,
}

/// The objects of a kind as `kubectl get` prints them.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// `ConfigMap`
    pub kind: &'static str,
    /// Whether they live in namespaces.
    pub namespaced: bool,
    /// The columns without AGE.
    pub columns: Vec<&'static str>,
    /// Handle, namespace and cells of each.
    pub rows: Vec<(Id, Arc<str>, Vec<String>)>,
    /// How many there are in all.
    pub all: usize,
}

/// Causes shown of one object.
const DEPTH: usize = 24;
/// Causes followed to the end of a chain.
const FARTHEST: usize = 200;
/// Requests among which the one is sought that gave a kubelet its pod.
const LOOK_BACK: u64 = 50_000;

/// Where an object is found: `kind`, namespace, name.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `deployment`, `pod`: what kubectl takes.
    pub resource: String,
    /// `Deployment`
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// metadata.name
    pub name: String,
}

/// The place of a handle; none if the object is gone.
pub fn place(cluster: &Cluster, id: Id) -> Option<Place> {
    let (kind, key) = cluster.world.sim.store.name_of(id)?;
    let info = kind.info();
    Some(Place {
        resource: info.singular.into(),
        kind: info.kind.into(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
    })
}

/// The handle of an object by what people type of it.
pub fn find(cluster: &Cluster, resource: &str, namespace: &str, name: &str) -> Option<Id> {
    let info = crate::api::kinds::resolve(resource)?;
    let kind = Kind::of_info(info)?;
    let key = Key::new(if info.namespaced { namespace } else { "" }, name);
    Some(cluster.world.sim.store.get(kind, &key)?.id(&cluster.world.sim.store.ids))
}

/// The object as `kubectl get -o yaml` prints it.
pub fn yaml(cluster: &Cluster, id: Id) -> Option<String> {
    Some(yaml::to_yaml(&value(cluster, id)?))
}

/// The object as JSON.
pub fn value(cluster: &Cluster, id: Id) -> Option<Value> {
    let sim = &cluster.world.sim;
    Some(sim.present(sim.store.by_id(id)?))
}

/// The output of `kubectl describe`. Costs a clone of the world's handles only; nothing is logged.
pub fn describe(cluster: &Cluster, id: Id) -> Option<String> {
    let place = place(cluster, id)?;
    let ns = if place.namespace.is_empty() { String::new() } else { format!(" -n {}", place.namespace) };
    let line = format!("kubectl describe {} {}{ns}", place.resource, place.name);
    let mut sim = cluster.world.sim.clone();
    // who looks from outside needs no API server
    sim.plane = Default::default();
    let mut kubelets = cluster.world.kubelets.clone();
    let mut api = WorldApi { sim: &mut sim, kubelets: &mut kubelets };
    let (mut files, mut session) = (BTreeMap::new(), kubectl::Session::default());
    let mut ctx = kubectl::Context::new(&mut api, &mut files, &mut session);
    Some(kubectl::run(&line, &mut ctx).stdout)
}

/// The events about an object, oldest first.
pub fn events(cluster: &Cluster, id: Id) -> Vec<EventView> {
    let sim = &cluster.world.sim;
    let Some((_, key)) = sim.store.name_of(id) else { return vec![] };
    let ns = if key.namespace.is_empty() { "default" } else { &*key.namespace };
    let mut out: Vec<EventView> = sim
        .store
        .list(Kind::Event, Some(ns))
        .filter_map(|o| match o {
            Obj::Event(e) if e.involved.id == id => Some(EventView {
                at: e.last,
                warning: e.warning,
                reason: (*e.reason).into(),
                object: format!("{}/{}", e.involved.kind.info().singular, e.involved.key.name).into(),
                namespace: e.involved.key.namespace.clone(),
                message: (*e.message).into(),
                count: e.count,
                source: e.component.into(),
            }),
            _ => None,
        })
        .collect();
    out.sort_by_key(|e| e.at);
    out
}

/// What every node says of a pod, as things stand; of one that has its node, as if it were not there yet. None: there is
/// no such pod.
pub fn placing(cluster: &Cluster, id: Id) -> Option<Vec<Answer>> {
    let world = &cluster.world;
    let answer = |v: crate::scheduler::algorithm::NodeVerdict| Answer {
        node: v.node,
        refused: v.refusal.as_ref().map(|r| r.plugin.name()),
        reasons: v.refusal.iter().flat_map(|r| &r.reasons).map(ToString::to_string).collect(),
        scores: v.scores.into_iter().map(|(p, n)| (p.name(), n, p.weight())).collect(),
        total: v.total,
    };
    Some(world.scheduler.explain(&world.sim, id)?.into_iter().map(answer).collect())
}

/// Whether a pod waits for a node.
pub fn waits(cluster: &Cluster, id: Id) -> bool {
    cluster.world.sim.store.pod(id).is_some_and(|p| p.node.is_none() && p.is_active())
}

/// Kinds of which there are objects and that are not drawn on the map, with their numbers.
pub fn other_kinds(cluster: &Cluster) -> Vec<(&'static str, usize)> {
    let drawn =
        |k: &Kind| matches!(k, Kind::Pod | Kind::Node | Kind::Service | Kind::Event) || workloads::KINDS.contains(k);
    let sim = &cluster.world.sim;
    let all = Kind::ALL.iter().copied().chain(sim.custom_kinds()).filter(|k| !drawn(k));
    let counted = all.map(|k| (k.info().kind, sim.store.count(k)));
    counted.filter(|(_, n)| *n > 0).collect()
}

/// The objects of a kind, at most so many.
pub fn listing(cluster: &Cluster, kind: &str, most: usize) -> Option<Listing> {
    let sim = &cluster.world.sim;
    let custom = || sim.custom_kinds().into_iter().find(|k| k.info().kind == kind);
    let stored = Kind::by_name(kind).or_else(custom)?;
    let info = stored.info();
    let columns = printers::columns(info);
    let shown: Vec<usize> =
        columns.iter().enumerate().filter(|(_, c)| !c.wide && c.name != "AGE").map(|(i, _)| i).collect();
    let now = sim.now.timestamp().as_second();
    let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let row = |o: &Obj| {
        let cells = printers::row(info, &sim.present(o), now);
        (o.id(&sim.store.ids), o.key().namespace, shown.iter().filter_map(|i| cells.get(*i)).map(plain).collect())
    };
    Some(Listing {
        kind: info.kind,
        namespaced: info.namespaced,
        columns: shown.iter().map(|i| columns[*i].name).collect(),
        rows: sim.store.list(stored, None).take(most).map(row).collect(),
        all: sim.store.count(stored),
    })
}

/// What `kubectl get` prints of an object: header and cell, without AGE.
pub fn cells(cluster: &Cluster, id: Id) -> Vec<(&'static str, String)> {
    let sim = &cluster.world.sim;
    let Some(o) = sim.store.by_id(id) else { return vec![] };
    let info = o.kind().info();
    let cells = printers::row(info, &sim.present(o), sim.now.timestamp().as_second());
    let plain = |v: Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let columns = printers::columns(info).iter();
    columns.zip(cells).filter(|(c, _)| !c.wide && c.name != "AGE").map(|(c, v)| (c.name, plain(v))).collect()
}

/// What answered a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The pod.
    pub pod: Arc<str>,
    /// The HTTP status.
    pub code: u16,
    /// What it said.
    pub body: String,
}

/// Sends a request to a port of `pod/NAME` or `service/NAME`, as from outside; nothing in the cluster is changed by it.
/// Servers of files refuse all methods but GET and HEAD; other programs answer each as they answer GET.
///
/// # Errors
/// Why there is no answer.
pub fn ask(
    cluster: &Cluster,
    namespace: &str,
    target: &str,
    port: u16,
    method: &str,
    path: &str,
) -> Result<Answered, NetProblem> {
    let world = &cluster.world;
    let (kind, name) = target.split_once('/').unwrap_or(("pod", target));
    let key = Key::new(namespace, name);
    let (pod, code, body) = world.kubelets.fetch(&world.sim, kind == "service", &key, port, path)?;
    if method == "HEAD" {
        return Ok(Answered { pod, code, body: String::new() });
    }
    let files = || {
        let record = world.sim.store.pod_by_name(&Key::new(namespace, pod.clone()))?;
        let value = value(cluster, record.id)?;
        let image = value.pointer("/spec/containers/0/image")?.as_str()?.to_owned();
        let name = image.rsplit('/').next().unwrap_or_default().split([':', '@']).next().unwrap_or_default().to_owned();
        Some(matches!(name.as_str(), "nginx" | "httpd" | "caddy"))
    };
    if method != "GET" && code < 400 && files() == Some(true) {
        return Ok(Answered { pod, code: 405, body: "Method Not Allowed\n".into() });
    }
    Ok(Answered { pod, code, body })
}

/// Why an object exists: who created it, because of what, and so on back to what a person did. Newest first.
pub fn why(cluster: &Cluster, id: Id) -> Vec<Cause> {
    let sim = &cluster.world.sim;
    let Some((kind, key)) = sim.store.name_of(id) else { return vec![] };
    let Some(entry) = sim.store.entry(kind, &key) else { return vec![] };
    let mut out = chain(sim, entry.updated_by);
    let born = chain(sim, entry.created_by);
    // what is common to both chains is told once
    let fresh: Vec<Cause> = born.into_iter().filter(|c| !out.contains(c)).collect();
    out.extend(fresh);
    out.sort_by_key(|c| std::cmp::Reverse(c.at));
    back_to_fault(cluster, &mut out);
    shorten(&mut out);
    out
}

/// Where a chain ends with a node that fell silent, it goes on to what a person had done to the node: no request tells.
fn back_to_fault(cluster: &Cluster, chain: &mut Vec<Cause>) {
    let Some(last) = chain.last() else { return };
    let message = &last.message;
    if message.doing != Doing::Reports || message.kind != "Node" || *last.actor != *Component::NodeLifecycle.name() {
        return;
    }
    let hits = |f: &Fault| match f {
        Fault::NodePower { node, on } => !on && **node == *message.name,
        Fault::NodePartition { node, on } => *on && **node == *message.name,
        _ => false,
    };
    let typed = |line: &str| {
        let node = ["kubarium power-off ", "kubarium partition "].iter().find_map(|verb| line.strip_prefix(verb));
        node.is_some_and(|n| n.trim() == &*message.name)
    };
    let said = |input: &Input| match input {
        Input::Fault(f) if hits(f) => Some(fault_line(f)),
        Input::Line { line, .. } if typed(line.trim()) => Some(line.trim().to_owned()),
        _ => None,
    };
    let before = cluster.inputs().iter().take(cluster.applied()).rev().filter(|l| l.at <= last.at);
    let Some((at, line)) = before.into_iter().find_map(|l| Some((l.at, said(&l.input)?))) else { return };
    let message = Message { doing: Doing::Types, kind: "", name: line.into(), node: "".into(), refused: None };
    chain.push(Cause { at, actor: (*Actor::Person.name()).into(), message });
}

/// Why an event was written: the chain back from the request that led to it. The event is named by the object it is
/// about, its reason and the moment when it was last seen.
pub fn why_event(cluster: &Cluster, namespace: &str, object: &str, reason: &str, at: SimTime) -> Vec<Cause> {
    let sim = &cluster.world.sim;
    let ns = if namespace.is_empty() { "default" } else { namespace };
    let of = |o: &Obj| {
        let Obj::Event(e) = o else { return false };
        e.last == at
            && *e.reason == *reason
            && object.split_once('/') == Some((e.involved.kind.info().singular, &*e.involved.key.name))
    };
    let Some(entry) = sim.store.entries(Kind::Event, Some(ns)).find(|e| of(&e.obj)) else { return vec![] };
    let mut out = chain(sim, entry.updated_by);
    back_to_fault(cluster, &mut out);
    out
}

/// A condition of an object's status.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `Ready`
    pub kind: String,
    /// `True`, `False`, `Unknown`
    pub status: String,
    /// In one word; empty for none.
    pub reason: String,
    /// In words; empty for none.
    pub message: String,
    /// When it last changed.
    pub since: Option<SimTime>,
}

/// The conditions of an object, as its status has them.
pub fn conditions(cluster: &Cluster, id: Id) -> Vec<Condition> {
    let Some(v) = value(cluster, id) else { return vec![] };
    let text = |c: &Value, k: &str| c[k].as_str().unwrap_or_default().to_owned();
    let list = v["status"]["conditions"].as_array().into_iter().flatten();
    list.map(|c| Condition {
        kind: text(c, "type"),
        status: text(c, "status"),
        reason: text(c, "reason"),
        message: text(c, "message"),
        since: c["lastTransitionTime"].as_str().and_then(SimTime::parse_rfc3339),
    })
    .collect()
}

/// Why a condition is as it is: the chain back from the request by which the object's status was written then.
pub fn why_condition(cluster: &Cluster, id: Id, condition: &Condition) -> Vec<Cause> {
    let sim = &cluster.world.sim;
    let (Some((kind, key)), Some(since)) = (sim.store.name_of(id), condition.since) else { return vec![] };
    // the API tells whole seconds
    let second = since.0 / 1_000_000;
    let wrote = sim.requests.after(0).filter(|r| {
        r.kind == Some(kind) && r.key == key && r.code < 400 && !r.verb.reads() && r.at.0 / 1_000_000 >= second
    });
    let mut out = wrote.map(|r| r.id).next().map(|r| chain(sim, r)).unwrap_or_default();
    back_to_fault(cluster, &mut out);
    out
}

/// Whose doing it was that a kubelet has a pod to report on: the last request on the pod before one of the kubelet's own,
/// that is its binding, its deletion, a change of it. Kubelets report when something happens on their node, which no
/// request has caused; without the pod they would have nothing to say.
fn handed_over(sim: &Sim, report: &RequestEntry) -> u64 {
    if !matches!(report.actor, Actor::Kubelet(_)) || report.kind != Some(Kind::Pod) {
        return 0;
    }
    let before = (report.id.saturating_sub(LOOK_BACK).max(1)..report.id).rev().filter_map(|id| sim.requests.get(id));
    let mut own =
        before.filter(|r| r.kind == Some(Kind::Pod) && r.key == report.key && r.code < 400 && !r.verb.reads());
    own.find(|r| !matches!(r.actor, Actor::Kubelet(_))).map_or(0, |r| r.id)
}

/// The chain of a request's causes, newest first. Of a long one the middle is left out, so that it still ends with what a
/// person did.
pub fn chain(sim: &Sim, request: u64) -> Vec<Cause> {
    let mut entries: Vec<&RequestEntry> = vec![];
    let mut at = request;
    while let Some(r) = sim.requests.get(at).filter(|_| at != 0 && entries.len() < FARTHEST) {
        entries.push(r);
        let cause = if r.cause == 0 { handed_over(sim, r) } else { r.cause };
        if cause >= at {
            break;
        }
        at = cause;
    }
    let told = |r: &RequestEntry| {
        let message = match (&r.actor, &r.note) {
            (Actor::Person, Some(line)) => {
                Message { doing: Doing::Types, kind: "", name: line.clone(), node: "".into(), refused: None }
            }
            _ => message(sim, r),
        };
        Cause { at: r.at, actor: (*r.actor.name()).into(), message }
    };
    shorten(&mut entries);
    entries.into_iter().map(told).collect()
}

/// Leaves out the middle of a chain that is too long to be read: its end is what matters.
pub(super) fn shorten<T>(chain: &mut Vec<T>) {
    if chain.len() > DEPTH {
        chain.drain(DEPTH - 1..chain.len() - 1);
    }
}
