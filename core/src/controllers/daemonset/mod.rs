//! The DaemonSet controller: one pod on each node that fits. Models pkg/controller/daemon. It ties a pod to its node by
//! affinity and leaves binding to the scheduler; it never looks at resources.

pub mod node;
pub mod update;

use super::history::{self, HASH_LABEL};
use super::replicaset::slow_start;
use super::{Action, claim};
use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::clock::{SimDuration, SimTime};
use crate::controllers::deployment::util::template_hash;
use crate::sim::Sim;
use crate::store::pod::{Phase, fnv};
use crate::store::{Change, Id, Key, Kind, Obj, PodRecord};
use imbl::OrdMap;
use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, DaemonSetStatus};
use k8s_openapi::api::core::v1::{Node, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use node::{Fit, Placement};
use std::collections::BTreeMap;
use std::sync::Arc;
use update::{ByNode, GENERATION_LABEL, Rules};

const SOURCE: &str = "daemonset-controller";
/// Pods made and pods deleted in one sync at most.
const BURST: usize = 250;
/// A node whose pod failed gets the next one after this long at first …
const FIRST_BACK_OFF: SimDuration = SimDuration::from_secs(1);
/// … and after this long at most.
const MAX_BACK_OFF: SimDuration = SimDuration::from_secs(15 * 60);

/// What the controller keeps between syncs: when a pod last failed on a node, and how long the node then waits.
#[derive(Clone, Debug, Default)]
pub struct DaemonSets {
    failures: OrdMap<(Id, Arc<str>), (SimTime, SimDuration)>,
}

/// Keys that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::DaemonSet if change.new.is_some() => add(change.obj().key()),
        Kind::ControllerRevision => {
            for m in [&change.old, &change.new].into_iter().flatten().filter_map(Obj::meta) {
                if let Some(o) = claim::controller_of(m).filter(|o| o.kind == "DaemonSet") {
                    add(Key::new(m.namespace.as_deref().unwrap_or_default(), o.name.as_str()));
                }
            }
        }
        Kind::Pod => claim::owners_of_pod(
            sim,
            change,
            Kind::DaemonSet,
            |sim, orphan, add| {
                claim::matching::<DaemonSet>(sim, orphan, |d| d.spec.as_ref().map(|s| &s.selector), add);
            },
            add,
        ),
        Kind::Node => {
            let node = |o: &Option<Obj>| o.as_ref().and_then(Obj::typed::<Node>).cloned();
            let (old, new) = (node(&change.old), node(&change.new));
            if let (Some(o), Some(n)) = (&old, &new)
                && o.metadata.labels == n.metadata.labels
                && o.spec == n.spec
            {
                return;
            }
            for ds in sim.store.list_typed::<DaemonSet>(None) {
                let Some(spec) = &ds.spec else { continue };
                let placement = Placement::of(&spec.template);
                let fit = |n: &Option<Arc<Node>>| n.as_ref().map(|n| placement.fit(n));
                if fit(&old) != fit(&new) {
                    add(Key::of(&ds.metadata));
                }
            }
        }
        _ => {}
    }
}

/// What one sync works with.
struct Work<'a> {
    ds: &'a Arc<DaemonSet>,
    about: Obj,
    owner: OwnerReference,
    id: Id,
    namespace: Arc<str>,
    rules: Rules,
    fits: BTreeMap<Arc<str>, Fit>,
    by_node: ByNode,
    /// When to look again, if nothing else happens.
    again: Option<SimDuration>,
}

impl DaemonSets {
    /// One sync.
    pub fn sync(&mut self, sim: &mut Sim, key: &Key) -> Action {
        let Some(ds) = sim.store.typed::<DaemonSet>(key).cloned() else { return Action::Done };
        match self.sync_daemon_set(sim, &ds) {
            Ok(action) => action,
            Err(e) if e.message.contains("because it is being terminated") => Action::Done,
            Err(_) => Action::Retry,
        }
    }

    fn sync_daemon_set(&mut self, sim: &mut Sim, ds: &Arc<DaemonSet>) -> Result<Action, Status> {
        let Some(spec) = &ds.spec else { return Ok(Action::Done) };
        let about = Obj::DaemonSet(ds.clone());
        if spec.selector == LabelSelector::default() {
            let text = "This daemon set is selecting all pods. A non-empty selector is required.";
            sim.record(SOURCE, &about, true, "SelectingAll", text);
            return Ok(Action::Done);
        }
        let Ok(selector) = Selector::from_typed(Some(&spec.selector)) else { return Ok(Action::Done) };
        if ds.metadata.deletion_timestamp.is_some() {
            return Ok(Action::Done);
        }
        let owner = claim::owner_reference("apps/v1", "DaemonSet", &ds.metadata);
        let namespace: Arc<str> = ds.metadata.namespace.as_deref().unwrap_or_default().into();
        let (current, old) = construct_history(sim, ds, &owner, &selector)?;
        let labels = current.metadata.labels.as_ref();
        let hash = labels.and_then(|l| l.get(HASH_LABEL)).cloned().unwrap_or_default();
        let id = sim.store.ids.parse(&owner.uid).unwrap_or(0);
        let pods = claim::pods(sim, id, &owner, &namespace, &selector, false)?;
        let placement = Placement::of(&spec.template);
        let fits = sim.store.list_typed::<Node>(None);
        let fits = fits.map(|n| (n.metadata.name.as_deref().unwrap_or_default().into(), placement.fit(n))).collect();
        let mut by_node = ByNode::new();
        for p in pods {
            if !(p.status.phase.is_terminal() && p.deletion.is_some())
                && let Some(n) = node::target(&p)
            {
                by_node.entry(n.into()).or_default().push(p.clone());
            }
        }
        let rules = Rules::of(ds, &hash, sim.now);
        let mut work = Work { ds, about, owner, id, namespace, rules, fits, by_node, again: None };
        let done = self.update(sim, &mut work, &old);
        let status = update::status(ds, &work.fits, &work.by_node, &work.rules);
        write_status(sim, ds, status)?;
        done?;
        for p in work.by_node.values().flatten().filter(|p| !p.is_available(work.rules.min_ready, sim.now)) {
            if let Some(ready) = p.ready_since() {
                let at = ready + SimDuration::from_secs(u64::from(work.rules.min_ready));
                sooner(&mut work.again, at.since(sim.now) + SimDuration(1));
            }
        }
        Ok(work.again.map_or(Action::Done, Action::After))
    }

    fn update(&mut self, sim: &mut Sim, work: &mut Work, old: &[Arc<ControllerRevision>]) -> Result<(), Status> {
        if !self.manage(sim, work)? && work.rules.rolling.is_some() {
            let step = update::rolling(&work.fits, &work.by_node, &work.rules);
            sync_nodes(sim, work, &step.create, &step.delete)?;
        }
        let in_use = |r: &&Arc<ControllerRevision>| {
            let hash = r.metadata.labels.as_ref().and_then(|l| l.get(HASH_LABEL)).map(String::as_str);
            work.by_node.values().flatten().any(|p| p.proto.labels.get(HASH_LABEL) == hash)
        };
        let surplus = old.len() - old.len().min(limit_of(work.ds));
        let gone: Vec<_> = old.iter().filter(|r| !in_use(r)).take(surplus).cloned().collect();
        history::delete(sim, &gone)
    }

    /// Makes missing pods and removes surplus, misplaced and ended ones; true if there was anything to do.
    fn manage(&mut self, sim: &mut Sim, work: &mut Work) -> Result<bool, Status> {
        let (mut create, mut delete) = (vec![], vec![]);
        for (node, fit) in &work.fits {
            let mut on_node = update::on_node(*fit, work.by_node.get(node).map(Vec::as_slice), &work.rules);
            if on_node.create {
                create.push(node.clone());
            }
            for p in &on_node.ended {
                if p.status.phase == Phase::Failed
                    && let Err(wait) = self.may_retry(work.id, node, sim.now)
                {
                    sooner(&mut work.again, wait);
                    continue;
                }
                let (warning, reason, text) = update::ended_event(p, node);
                sim.record(SOURCE, &work.about, warning, reason, text);
                delete.push(p.clone());
            }
            delete.append(&mut on_node.delete);
        }
        // pods tied to nodes that are gone will never run
        for (node, pods) in &work.by_node {
            if !work.fits.contains_key(node) {
                delete.extend(pods.iter().filter(|p| p.node.is_none() && p.deletion.is_none()).cloned());
            }
        }
        sync_nodes(sim, work, &create, &delete)?;
        Ok(!create.is_empty() || !delete.is_empty())
    }

    /// Whether a failed pod's node gets a new one now, or else after how long.
    fn may_retry(&mut self, id: Id, node: &Arc<str>, now: SimTime) -> Result<(), SimDuration> {
        let key = (id, node.clone());
        let last = self.failures.get(&key).copied();
        let forgotten = |at: SimTime| now.since(at).0 > 2 * MAX_BACK_OFF.0;
        let next = match last {
            Some((at, wait)) if !forgotten(at) => {
                if now.since(at) < wait {
                    return Err(wait);
                }
                SimDuration((wait.0 * 2).min(MAX_BACK_OFF.0))
            }
            _ => FIRST_BACK_OFF,
        };
        // whoever is past the memory of back-offs needs no entry
        let old: Vec<_> = self.failures.iter().filter(|(_, (at, _))| forgotten(*at)).map(|(k, _)| k.clone()).collect();
        for k in old {
            self.failures.remove(&k);
        }
        self.failures.insert(key, (now, next));
        Ok(())
    }
}

fn sooner(again: &mut Option<SimDuration>, wait: SimDuration) {
    *again = Some(again.map_or(wait, |a| a.min(wait)));
}

fn limit_of(ds: &DaemonSet) -> usize {
    ds.spec.as_ref().and_then(|s| s.revision_history_limit).unwrap_or(10).max(0) as usize
}

/// The revision of the template as it is now, made or renumbered if need be, and the others, the oldest first.
fn construct_history(
    sim: &mut Sim,
    ds: &Arc<DaemonSet>,
    reference: &OwnerReference,
    selector: &Selector,
) -> Result<(Arc<ControllerRevision>, Vec<Arc<ControllerRevision>>), Status> {
    let owner = history::Owner { reference: reference.clone(), meta: &ds.metadata, selector };
    let Some(spec) = &ds.spec else { return Err(Status::bad_request("no spec")) };
    let data = history::data_of(&spec.template);
    let all = history::revisions(sim, &owner)?;
    let (current, old): (Vec<_>, Vec<_>) = all.into_iter().partition(|r| r.data.as_ref() == Some(&data));
    let number = history::next_number(&old);
    if let Some((last, doubles)) = current.split_last() {
        // two revisions of one template: the pods of the older ones count as the newest's
        for r in doubles {
            adopt_pods(sim, r, last)?;
        }
        history::delete(sim, doubles)?;
        let last = if last.revision < number { history::renumber(sim, last, number)? } else { last.clone() };
        return Ok((last, old));
    }
    let collisions = ds.status.as_ref().and_then(|s| s.collision_count);
    let hash = template_hash(&spec.template, collisions);
    let name = format!("{}-{hash}", ds.metadata.name.as_deref().unwrap_or_default());
    let mut labels = spec.template.metadata.as_ref().and_then(|m| m.labels.clone()).unwrap_or_default();
    labels.insert(HASH_LABEL.into(), hash);
    match history::create(sim, &owner, (name.clone(), labels), data, number)? {
        Some(r) => Ok((r, old)),
        None => {
            let mut new = (**ds).clone();
            new.status.get_or_insert_default().collision_count = Some(collisions.unwrap_or(0) + 1);
            sim.update_status_typed(new)?;
            Err(Status::already_exists("controllerrevisions.apps", &name))
        }
    }
}

fn adopt_pods(sim: &mut Sim, from: &ControllerRevision, to: &ControllerRevision) -> Result<(), Status> {
    let hash = |r: &ControllerRevision| r.metadata.labels.as_ref().and_then(|l| l.get(HASH_LABEL)).cloned();
    let (Some(from_hash), Some(to_hash)) = (hash(from), hash(to)) else { return Ok(()) };
    let Some(owner) = claim::controller_of(&to.metadata).and_then(|o| sim.store.ids.parse(&o.uid)) else {
        return Ok(());
    };
    let pods = sim.store.pods_of_owner(owner);
    let ids: Vec<Id> =
        pods.filter(|p| p.proto.labels.get(HASH_LABEL) == Some(from_hash.as_str())).map(|p| p.id).collect();
    for id in ids {
        sim.update_pod_meta(id, |pod| {
            pod.metadata.labels.get_or_insert_default().insert(HASH_LABEL.into(), to_hash.clone());
        })?;
    }
    Ok(())
}

/// The template as pods get it: with labels of the revision and what every daemon tolerates.
fn pod_template(ds: &DaemonSet, rules: &Rules) -> PodTemplateSpec {
    let mut template = ds.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default();
    node::add_tolerations(template.spec.get_or_insert_default());
    let meta: &mut ObjectMeta = template.metadata.get_or_insert_default();
    let labels = meta.labels.get_or_insert_default();
    if let Some(g) = &rules.generation {
        labels.insert(GENERATION_LABEL.into(), g.clone());
    }
    if !rules.hash.is_empty() {
        labels.insert(HASH_LABEL.into(), rules.hash.clone());
    }
    template
}

/// Makes pods on nodes in batches of 1, 2, 4 … and deletes pods; the first error is the sync's.
fn sync_nodes(sim: &mut Sim, work: &Work, create: &[Arc<str>], delete: &[Arc<PodRecord>]) -> Result<(), Status> {
    let mut first: Option<Status> = None;
    if !create.is_empty() {
        let template = pod_template(work.ds, &work.rules);
        let generation = work.rules.generation.as_deref().unwrap_or_default();
        let version = fnv(format!("{}/{generation}", work.rules.hash).as_bytes());
        let prefix = format!("{}-", work.owner.name);
        let mut nodes = create.iter();
        slow_start(create.len().min(BURST), |n| {
            let mut made = 0;
            for node in nodes.by_ref().take(n) {
                let pod = sim
                    .template_proto(&work.owner, &work.namespace, version, &template)
                    .map(|proto| sim.vary_proto(&proto, |p| node::pin(p.spec.get_or_insert_default(), node)))
                    .and_then(|proto| sim.create_pod(&work.namespace, &proto, &prefix));
                match pod {
                    Ok(p) => {
                        made += 1;
                        sim.record(SOURCE, &work.about, false, "SuccessfulCreate", format!("Created pod: {}", p.name));
                    }
                    Err(e) => {
                        if !e.message.contains("because it is being terminated") {
                            let text = format!("Error creating: {}", e.message);
                            sim.record(SOURCE, &work.about, true, "FailedCreate", text);
                        }
                        first.get_or_insert(e);
                    }
                }
            }
            made
        });
    }
    for p in delete.iter().take(BURST) {
        match sim.delete_pod(p.id, None) {
            Ok(()) => sim.record(SOURCE, &work.about, false, "SuccessfulDelete", format!("Deleted pod: {}", p.name)),
            Err(e) if e.code == 404 => {}
            Err(e) => {
                sim.record(SOURCE, &work.about, true, "FailedDelete", format!("Error deleting: {}", e.message));
                first.get_or_insert(e);
            }
        }
    }
    first.map_or(Ok(()), Err)
}

fn write_status(sim: &mut Sim, ds: &Arc<DaemonSet>, status: DaemonSetStatus) -> Result<(), Status> {
    if ds.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let mut new = (**ds).clone();
    new.status = Some(status);
    match sim.update_status_typed(new) {
        Err(e) if e.code != 404 => Err(e),
        _ => Ok(()),
    }
}
