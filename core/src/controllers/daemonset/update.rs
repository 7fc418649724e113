//! Which pods of a DaemonSet go and where new ones come: arithmetic over the pods by node. Pure.
//! Models podsShouldBeOnNode, rollingUpdate and updateDaemonSetStatus of pkg/controller/daemon.

use super::node::Fit;
use crate::api::intstr;
use crate::clock::SimTime;
use crate::controllers::history::HASH_LABEL;
use crate::store::PodRecord;
use crate::store::pod::Phase;
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Annotation that counts the changes of a DaemonSet's template.
pub const GENERATION: &str = "deprecated.daemonset.template.generation";
/// Label of its pods with that count.
pub const GENERATION_LABEL: &str = "pod-template-generation";

/// The pods by the node that they run on or are tied to.
pub type ByNode = BTreeMap<Arc<str>, Vec<Arc<PodRecord>>>;

/// How a DaemonSet is brought up to date.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The hash of its newest revision.
    pub hash: String,
    /// The count of its template's changes.
    pub generation: Option<String>,
    /// minReadySeconds
    pub min_ready: u32,
    /// Now.
    pub now: SimTime,
    /// RollingUpdate's maxUnavailable and maxSurge as they stand there; `None`: OnDelete.
    pub rolling: Option<(IntOrString, IntOrString)>,
}

impl Rules {
    /// The rules of a DaemonSet whose newest revision has this hash.
    pub fn of(ds: &DaemonSet, hash: &str, now: SimTime) -> Rules {
        let spec = ds.spec.as_ref();
        let strategy = spec.and_then(|s| s.update_strategy.as_ref());
        let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
        let value = |v: Option<&IntOrString>, or: i32| v.cloned().unwrap_or(IntOrString::Int(or));
        let on_delete = strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete");
        Rules {
            hash: hash.into(),
            generation: ds.metadata.annotations.as_ref().and_then(|a| a.get(GENERATION)).cloned(),
            min_ready: spec.and_then(|s| s.min_ready_seconds).unwrap_or(0).max(0) as u32,
            now,
            rolling: (!on_delete).then(|| {
                let value_of = |f: fn(&k8s_openapi::api::apps::v1::RollingUpdateDaemonSet) -> Option<&IntOrString>,
                                or| { value(rolling.and_then(f), or) };
                (value_of(|r| r.max_unavailable.as_ref(), 1), value_of(|r| r.max_surge.as_ref(), 0))
            }),
        }
    }

    /// Was the pod made by the newest template?
    pub fn is_updated(&self, pod: &PodRecord) -> bool {
        let labels = &pod.proto.labels;
        labels.get(HASH_LABEL) == Some(self.hash.as_str())
            || self.generation.as_deref().is_some_and(|g| labels.get(GENERATION_LABEL) == Some(g))
    }

    fn available(&self, pod: &PodRecord) -> bool {
        pod.is_available(self.min_ready, self.now)
    }

    fn count(&self, which: &IntOrString, desired: usize) -> usize {
        intstr::scaled_value(which, desired as i64, true).unwrap_or(0).max(0) as usize
    }

    /// Whether a new pod may stand beside an old one.
    pub fn surges(&self) -> bool {
        // one node stands for all: a share of nodes is never rounded down to none
        self.rolling.as_ref().is_some_and(|(_, surge)| self.count(surge, 1) > 0)
    }

    /// maxUnavailable and maxSurge of so many nodes; both zero would stop every rollout, so one may be unavailable then.
    pub fn limits(&self, desired: usize) -> (usize, usize) {
        let Some((unavailable, surge)) = &self.rolling else { return (0, 0) };
        let (unavailable, surge) = (self.count(unavailable, desired), self.count(surge, desired));
        if desired > 0 && unavailable == 0 && surge == 0 { (1, 0) } else { (unavailable, surge) }
    }
}

/// Scheduled pods first, then the oldest, then by name.
pub fn sort_by_age(pods: &mut [Arc<PodRecord>]) {
    pods.sort_by(|a, b| (a.node.is_none(), a.created, &a.name).cmp(&(b.node.is_none(), b.created, &b.name)));
}

/// What is to happen on one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnNode {
    /// A pod is missing.
    pub create: bool,
    /// These are too many, or do not belong there.
    pub delete: Vec<Arc<PodRecord>>,
    /// These ended, and go too, unless their node is in back-off.
    pub ended: Vec<Arc<PodRecord>>,
}

/// What is to happen on a node with these pods, apart from updates.
pub fn on_node(fit: Fit, pods: Option<&[Arc<PodRecord>]>, rules: &Rules) -> OnNode {
    let mut out = OnNode::default();
    let Some(pods) = pods else {
        out.create = fit.run;
        return out;
    };
    let living = pods.iter().filter(|p| p.deletion.is_none());
    if !fit.stay {
        out.delete = living.cloned().collect();
        return out;
    }
    let (ended, mut running): (Vec<_>, Vec<_>) = living.cloned().partition(|p| p.status.phase.is_terminal());
    out.ended = ended;
    if running.len() <= 1 {
        return out;
    }
    sort_by_age(&mut running);
    if !rules.surges() {
        out.delete = running.split_off(1);
        return out;
    }
    // one of each kind may be there at once
    let (mut new, mut old) = (None, None);
    for p in running {
        let slot = if p.proto.labels.get(HASH_LABEL) == Some(rules.hash.as_str()) { &mut new } else { &mut old };
        if slot.is_none() {
            *slot = Some(p);
        } else {
            out.delete.push(p);
        }
    }
    if let (Some(new), Some(old)) = (new, old)
        && (!old.status.is_ready() || rules.available(&new))
    {
        out.delete.push(old);
    }
    out
}

/// One step of a rolling update: the pods that go and the nodes that get a second one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Pods to delete.
    pub delete: Vec<Arc<PodRecord>>,
    /// Nodes to make new pods on.
    pub create: Vec<Arc<str>>,
}

/// The new and the old pod of a node.
type Pair<'a> = (Option<&'a Arc<PodRecord>>, Option<&'a Arc<PodRecord>>);

/// New and old pod of a node; `None`: there are two of a kind.
fn pair<'a>(pods: &'a [Arc<PodRecord>], rules: &Rules) -> Option<Pair<'a>> {
    let (mut new, mut old) = (None, None);
    for p in pods.iter().filter(|p| p.deletion.is_none()) {
        let slot = if rules.is_updated(p) { &mut new } else { &mut old };
        if slot.replace(p).is_some() {
            return None;
        }
    }
    Some((new, old))
}

/// One step of a rolling update. `fits` says where pods belong; nodes without pods count as unavailable.
pub fn rolling(fits: &BTreeMap<Arc<str>, Fit>, by_node: &ByNode, rules: &Rules) -> Step {
    let runs = |n: &str| fits.get(n).is_some_and(|f| f.run);
    let desired = fits.values().filter(|f| f.run).count();
    let (max_unavailable, max_surge) = rules.limits(desired);
    let none: Vec<Arc<PodRecord>> = vec![];
    let mut nodes: BTreeMap<&Arc<str>, &Vec<Arc<PodRecord>>> = by_node.iter().collect();
    for (n, _) in fits.iter().filter(|(_, f)| f.run) {
        nodes.entry(n).or_insert(&none);
    }
    if max_surge > 0 {
        surging(&nodes, rules, max_surge, desired, &runs)
    } else {
        replacing(&nodes, rules, max_unavailable)
    }
}

fn replacing(nodes: &BTreeMap<&Arc<str>, &Vec<Arc<PodRecord>>>, rules: &Rules, max_unavailable: usize) -> Step {
    let mut unavailable = 0;
    let (mut broken, mut candidates) = (vec![], vec![]);
    for pods in nodes.values() {
        match pair(pods, rules) {
            None | Some((None, None) | (Some(_), Some(_))) => unavailable += 1,
            Some((Some(new), None)) => unavailable += usize::from(!rules.available(new)),
            // an old pod that serves nobody goes whatever the budget says
            Some((None, Some(old))) if !rules.available(old) => {
                broken.push(old.clone());
                unavailable += 1;
            }
            Some((None, Some(old))) => candidates.push(old.clone()),
        }
    }
    candidates.truncate(max_unavailable.saturating_sub(unavailable));
    broken.append(&mut candidates);
    Step { delete: broken, create: vec![] }
}

fn surging(
    nodes: &BTreeMap<&Arc<str>, &Vec<Arc<PodRecord>>>,
    rules: &Rules,
    max_surge: usize,
    desired: usize,
    runs: &dyn Fn(&str) -> bool,
) -> Step {
    let (mut surge, mut available) = (0, 0);
    let (mut delete, mut strays, mut broken, mut candidates) = (vec![], vec![], vec![], vec![]);
    for (node, pods) in nodes {
        let Some((new, old)) = pair(pods, rules) else {
            surge += 1;
            continue;
        };
        available += usize::from(old.or(new).is_some_and(|p| rules.available(p)));
        match (new, old) {
            (_, None) => {}
            (None, Some(old)) if !runs(node) => strays.push(old.clone()),
            (None, Some(old)) if !rules.available(old) => broken.push((*node).clone()),
            (None, Some(_)) => candidates.push((*node).clone()),
            (Some(new), Some(_)) if !rules.available(new) => surge += 1,
            (Some(_), Some(old)) => delete.push(old.clone()),
        }
    }
    candidates.truncate(max_surge.saturating_sub(surge));
    broken.append(&mut candidates);
    // pods on nodes where none belongs any more go as far as enough others serve
    strays.truncate(available.saturating_sub(desired));
    delete.append(&mut strays);
    Step { delete, create: broken }
}

/// The status by the pods that are there.
pub fn status(ds: &DaemonSet, fits: &BTreeMap<Arc<str>, Fit>, by_node: &ByNode, rules: &Rules) -> DaemonSetStatus {
    let mut s = DaemonSetStatus::default();
    let (mut updated, mut available) = (0, 0);
    for (node, fit) in fits {
        let pods = by_node.get(node).filter(|l| !l.is_empty());
        if !fit.run {
            s.number_misscheduled += i32::from(pods.is_some());
            continue;
        }
        s.desired_number_scheduled += 1;
        let Some(pods) = pods else { continue };
        s.current_number_scheduled += 1;
        let mut pods = pods.clone();
        sort_by_age(&mut pods);
        s.number_ready += i32::from(pods[0].status.is_ready());
        available += i32::from(rules.available(&pods[0]));
        updated += i32::from(rules.is_updated(&pods[0]));
    }
    let count = |n: i32| (n != 0).then_some(n);
    s.number_available = count(available);
    s.updated_number_scheduled = count(updated);
    s.number_unavailable = count(s.desired_number_scheduled - available);
    s.observed_generation = ds.metadata.generation;
    let old = ds.status.clone().unwrap_or_default();
    s.collision_count = old.collision_count;
    s.conditions = old.conditions;
    s
}

/// The text of the event about a pod that ended: (warning, reason, text).
pub fn ended_event(pod: &PodRecord, node: &str) -> (bool, &'static str, String) {
    let at = format!("daemon pod {}/{} on node {node}", pod.namespace, pod.name);
    if pod.status.phase == Phase::Failed {
        (true, "FailedDaemonPod", format!("Found failed {at}, will try to kill it"))
    } else {
        (false, "SucceededDaemonPod", format!("Found succeeded {at}, will try to delete it"))
    }
}
