//! The ReplicaSet controller: as many active pods as wanted, no more. Models pkg/controller/replicaset.

use super::{Action, claim};
use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::pod::Phase;
use crate::store::{Change, Key, Kind, Obj, PodRecord};
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which of the two kinds is synced: ReplicationControllers are ReplicaSets in all but their names.
pub(super) struct Flavour {
    /// Of the owner reference.
    pub api_version: &'static str,
    /// Of the owner reference.
    pub kind: &'static str,
    /// Of the events.
    pub source: &'static str,
    /// The object itself.
    pub about: Obj,
}

/// Pods made or deleted in one sync at most.
pub const BURST: usize = 500;

/// Annotation by which a pod says how dear its deletion is.
pub const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Keys that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::ReplicaSet if change.new.is_some() => add(change.obj().key()),
        Kind::Pod => claim::owners_of_pod(
            sim,
            change,
            Kind::ReplicaSet,
            |sim, orphan, add| {
                claim::matching::<ReplicaSet>(sim, orphan, |r| r.spec.as_ref().map(|s| &s.selector), add);
            },
            add,
        ),
        _ => {}
    }
}

/// One sync.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(rs) = sim.store.typed::<ReplicaSet>(key).cloned() else { return Action::Done };
    let flavour = Flavour {
        api_version: "apps/v1",
        kind: "ReplicaSet",
        source: "replicaset-controller",
        about: Obj::ReplicaSet(rs.clone()),
    };
    let mut status = None;
    let done = sync_replica_set(sim, &rs, &flavour, &mut status);
    match status.map_or(Ok(()), |s| write(sim, &rs, s)).and(done) {
        Ok(action) => action,
        Err(_) => Action::Retry,
    }
}

/// One sync of either kind; the status to write is left in `out`.
pub(super) fn sync_replica_set(
    sim: &mut Sim,
    rs: &ReplicaSet,
    flavour: &Flavour,
    out: &mut Option<ReplicaSetStatus>,
) -> Result<Action, Status> {
    let Some(spec) = &rs.spec else { return Ok(Action::Done) };
    if spec.selector == LabelSelector::default() {
        return Ok(Action::Done);
    }
    let Ok(selector) = Selector::from_typed(Some(&spec.selector)) else { return Ok(Action::Done) };
    let deleting = rs.metadata.deletion_timestamp.is_some();
    let owner = claim::owner_reference(flavour.api_version, flavour.kind, &rs.metadata);
    let id = rs.metadata.uid.as_deref().and_then(|u| sim.store.ids.parse(u)).unwrap_or(0);
    let namespace: Arc<str> = rs.metadata.namespace.as_deref().unwrap_or_default().into();
    let all = claim::pods(sim, id, &owner, &namespace, &selector, deleting)?;
    let active: Vec<Arc<PodRecord>> = all.iter().filter(|p| p.is_active()).cloned().collect();
    let wanted = spec.replicas.unwrap_or(1).max(0) as usize;
    let mut failure: Option<(&'static str, Status)> = None;
    if !deleting {
        if active.len() < wanted {
            failure = grow(sim, rs, flavour, (&owner, &namespace), wanted - active.len()).map(|e| ("FailedCreate", e));
        } else if active.len() > wanted {
            failure = shrink(sim, rs, flavour, &active, active.len() - wanted).map(|e| ("FailedDelete", e));
        }
    }
    // the counts of the pods that were there when the sync began: what it made and deleted comes with the next
    let status = status(rs, &all, sim.now, failure.as_ref().map(|(r, e)| (*r, e.message.as_str())));
    let min_ready = spec.min_ready_seconds.unwrap_or(0).max(0) as u32;
    let ready_not_available = status.ready_replicas != status.available_replicas;
    *out = Some(status);
    if failure.is_some() {
        return Ok(Action::Retry);
    }
    if min_ready > 0 && ready_not_available {
        // the first pod to become available decides when to look again
        let next = active
            .iter()
            .filter(|p| !p.is_available(min_ready, sim.now))
            .filter_map(|p| p.ready_since())
            .map(|t| t + SimDuration::from_secs(u64::from(min_ready)))
            .min();
        if let Some(t) = next {
            return Ok(Action::After(t.since(sim.now) + SimDuration(1)));
        }
    }
    Ok(Action::Done)
}

/// Makes pods in batches of 1, 2, 4 …; the batch with an error is the last. Returns the first error.
fn grow(
    sim: &mut Sim,
    rs: &ReplicaSet,
    flavour: &Flavour,
    (owner, ns): (&OwnerReference, &Arc<str>),
    missing: usize,
) -> Option<Status> {
    let template = rs.spec.as_ref().and_then(|s| s.template.clone()).unwrap_or_default();
    let generation = rs.metadata.generation.unwrap_or(0) as u64;
    let prefix = format!("{}-", owner.name);
    let mut first = None;
    slow_start(missing.min(BURST), |n| {
        let mut failed = 0;
        for _ in 0..n {
            let made = sim
                .template_proto(owner, ns, generation, &template)
                .and_then(|proto| sim.create_pod(ns, &proto, &prefix));
            match made {
                Ok(p) => sim.record(
                    flavour.source,
                    &flavour.about,
                    false,
                    "SuccessfulCreate",
                    format!("Created pod: {}", p.name),
                ),
                Err(e) => {
                    failed += 1;
                    if !e.message.contains("because it is being terminated") {
                        sim.record(
                            flavour.source,
                            &flavour.about,
                            true,
                            "FailedCreate",
                            format!("Error creating: {}", e.message),
                        );
                        first.get_or_insert(e);
                    }
                }
            }
        }
        n - failed
    });
    first
}

/// Calls `batch` with 1, 2, 4 … until `count` are done or a batch falls short; returns how many succeeded.
pub fn slow_start(count: usize, mut batch: impl FnMut(usize) -> usize) -> usize {
    let (mut left, mut done, mut size) = (count, 0, 1.min(count));
    while size > 0 {
        let ok = batch(size);
        done += ok;
        if ok < size {
            break;
        }
        left -= size;
        size = (size * 2).min(left);
    }
    done
}

fn shrink(
    sim: &mut Sim,
    rs: &ReplicaSet,
    flavour: &Flavour,
    active: &[Arc<PodRecord>],
    surplus: usize,
) -> Option<Status> {
    let related = related_pods(sim, rs);
    let victims = pods_to_delete(active, &related, surplus.min(BURST), sim.now);
    let mut first = None;
    for p in victims {
        match sim.delete_pod(p.id, None) {
            Ok(()) => sim.record(
                flavour.source,
                &flavour.about,
                false,
                "SuccessfulDelete",
                format!("Deleted pod: {}", p.name),
            ),
            Err(e) if e.code == 404 => {}
            Err(e) => {
                sim.record(
                    flavour.source,
                    &flavour.about,
                    true,
                    "FailedDelete",
                    format!("Error deleting: {}", e.message),
                );
                first.get_or_insert(e);
            }
        }
    }
    first
}

/// Active pods by node over all ReplicaSets of the same owner: crowded nodes lose pods first.
fn related_pods(sim: &Sim, rs: &ReplicaSet) -> BTreeMap<Arc<str>, usize> {
    let mut out: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut count = |id| {
        for p in sim.store.pods_of_owner(id) {
            if let (true, Some(n)) = (p.is_active(), &p.node) {
                *out.entry(n.clone()).or_default() += 1;
            }
        }
    };
    match claim::controller_of(&rs.metadata).and_then(|o| sim.store.ids.parse(&o.uid)) {
        Some(owner) => {
            for sibling in sim.store.dependents(owner) {
                if matches!(sim.store.name_of(sibling), Some((Kind::ReplicaSet, _))) {
                    count(sibling);
                }
            }
        }
        None => {
            if let Some(id) = rs.metadata.uid.as_deref().and_then(|u| sim.store.ids.parse(u)) {
                count(id);
            }
        }
    }
    out
}

/// What the order of deletion looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank<'a> {
    /// It has a node.
    pub assigned: bool,
    /// Its phase.
    pub phase: Phase,
    /// It is Ready.
    pub ready: bool,
    /// Deletion cost.
    pub cost: i32,
    /// Active pods of the same owner on its node.
    pub crowd: usize,
    /// Since when it is Ready.
    pub ready_since: Option<SimTime>,
    /// Restarts of regular containers and of sidecars.
    pub restarts: (u32, u32),
    /// Creation.
    pub created: Option<SimTime>,
    /// UID, the last word among equals of one age.
    pub uid: &'a str,
}

/// Which of two pods goes first (Models ActivePodsWithRanks.Less).
pub fn deletion_order(a: &Rank, b: &Rank, now: SimTime) -> Ordering {
    let phase = |p: Phase| match p {
        Phase::Pending => 0,
        Phase::Unknown => 1,
        _ => 2,
    };
    a.assigned
        .cmp(&b.assigned)
        .then(phase(a.phase).cmp(&phase(b.phase)))
        .then(a.ready.cmp(&b.ready))
        .then(a.cost.cmp(&b.cost))
        .then(b.crowd.cmp(&a.crowd))
        .then_with(|| {
            if a.ready && b.ready && a.ready_since != b.ready_since {
                younger_first(a.ready_since, b.ready_since, a.uid, b.uid, now)
            } else {
                Ordering::Equal
            }
        })
        .then(b.restarts.0.cmp(&a.restarts.0))
        .then(b.restarts.1.cmp(&a.restarts.1))
        .then_with(|| {
            if a.created == b.created {
                Ordering::Equal
            } else {
                younger_first(a.created, b.created, a.uid, b.uid, now)
            }
        })
}

/// The younger goes first, but ages count as equal when they have the same whole binary logarithm in nanoseconds;
/// then the lower UID goes. A time that is not known counts as the oldest … of readiness, and goes first.
fn younger_first(a: Option<SimTime>, b: Option<SimTime>, uid_a: &str, uid_b: &str, now: SimTime) -> Ordering {
    match (a, b) {
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (None, None) => Ordering::Equal,
        (Some(a), Some(b)) => {
            let bucket = |t: SimTime| match now.since(t).0.saturating_mul(1000) {
                0 => 0,
                ns => 64 - ns.leading_zeros(),
            };
            bucket(a).cmp(&bucket(b)).then_with(|| uid_a.cmp(uid_b))
        }
    }
}

/// The pods that go, of `active`; `crowds` counts active pods of the same owner by node.
pub fn pods_to_delete(
    active: &[Arc<PodRecord>],
    crowds: &BTreeMap<Arc<str>, usize>,
    count: usize,
    now: SimTime,
) -> Vec<Arc<PodRecord>> {
    if count >= active.len() {
        return active.to_vec();
    }
    let ranked: Vec<(Rank, &Arc<PodRecord>)> = active
        .iter()
        .map(|p| {
            let m = &p.proto.pod.metadata;
            let cost = m.annotations.as_ref().and_then(|a| a.get(DELETION_COST)).and_then(|c| c.parse().ok());
            let rank = Rank {
                assigned: p.node.is_some(),
                phase: p.status.phase,
                ready: p.status.is_ready(),
                cost: cost.unwrap_or(0),
                crowd: p.node.as_ref().and_then(|n| crowds.get(n)).copied().unwrap_or(0),
                ready_since: p.ready_since(),
                restarts: (
                    p.status.containers.iter().map(|c| c.restarts).max().unwrap_or(0),
                    p.status.init.iter().map(|c| c.restarts).max().unwrap_or(0),
                ),
                created: Some(p.created),
                uid: &p.name,
            };
            (rank, p)
        })
        .collect();
    let ranked = merge_sort(ranked, &|a, b| deletion_order(&a.0, &b.0, now));
    ranked.into_iter().take(count).map(|(_, p)| p.clone()).collect()
}

/// A stable sort that takes any comparison. Upstream's order of deletion is not transitive (ages that differ within one
/// logarithmic step go by UID, equal ages by what comes next), which the standard sort refuses.
fn merge_sort<T>(mut items: Vec<T>, compare: &dyn Fn(&T, &T) -> Ordering) -> Vec<T> {
    if items.len() < 2 {
        return items;
    }
    let right = items.split_off(items.len() / 2);
    let mut left = merge_sort(items, compare).into_iter().peekable();
    let mut right = merge_sort(right, compare).into_iter().peekable();
    let mut out = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let first = if compare(a, b) == Ordering::Greater { &mut right } else { &mut left };
        out.extend(first.next());
    }
    out.extend(left);
    out.extend(right);
    out
}

/// The status by the pods that are there: a pure function.
pub fn status(
    rs: &ReplicaSet,
    pods: &[Arc<PodRecord>],
    now: SimTime,
    failure: Option<(&str, &str)>,
) -> ReplicaSetStatus {
    let spec = rs.spec.clone().unwrap_or_default();
    let labels =
        spec.template.as_ref().and_then(|t| t.metadata.as_ref()).and_then(|m| m.labels.clone()).unwrap_or_default();
    let min_ready = spec.min_ready_seconds.unwrap_or(0).max(0) as u32;
    let (mut replicas, mut labelled, mut ready, mut available, mut terminating) = (0, 0, 0, 0, 0);
    let mut known: Option<(u32, bool)> = None;
    for p in pods {
        if !p.is_active() {
            terminating += i32::from(p.deletion.is_some() && !p.status.phase.is_terminal());
            continue;
        }
        replicas += 1;
        let full = match known {
            Some((set, full)) if set == p.proto.labels.id => full,
            _ => {
                let full = labels.iter().all(|(k, v)| p.proto.labels.get(k) == Some(v));
                known = Some((p.proto.labels.id, full));
                full
            }
        };
        labelled += i32::from(full);
        if p.status.is_ready() {
            ready += 1;
            available += i32::from(p.is_available(min_ready, now));
        }
    }
    let old = rs.status.clone().unwrap_or_default();
    let count = |n: i32| (n != 0).then_some(n);
    ReplicaSetStatus {
        replicas,
        fully_labeled_replicas: count(labelled),
        ready_replicas: count(ready),
        available_replicas: count(available),
        terminating_replicas: Some(terminating),
        observed_generation: rs.metadata.generation,
        conditions: conditions(old.conditions, failure, now),
    }
}

/// The ReplicaFailure condition comes with a failure and goes with the first success.
pub fn conditions(
    old: Option<Vec<ReplicaSetCondition>>,
    failure: Option<(&str, &str)>,
    now: SimTime,
) -> Option<Vec<ReplicaSetCondition>> {
    let mut list = old.unwrap_or_default();
    let there = list.iter().any(|c| c.type_ == "ReplicaFailure");
    match failure {
        Some((reason, message)) if !there => list.push(ReplicaSetCondition {
            type_: "ReplicaFailure".into(),
            status: "True".into(),
            reason: Some(reason.into()),
            message: Some(message.into()),
            last_transition_time: Some(now.api()),
        }),
        None if there => list.retain(|c| c.type_ != "ReplicaFailure"),
        _ => {}
    }
    (!list.is_empty()).then_some(list)
}

fn write(sim: &mut Sim, rs: &Arc<ReplicaSet>, status: ReplicaSetStatus) -> Result<(), Status> {
    if rs.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let mut new = (**rs).clone();
    new.status = Some(status);
    match sim.update_status_typed(new) {
        Err(e) if e.code != 404 => Err(e),
        _ => Ok(()),
    }
}
