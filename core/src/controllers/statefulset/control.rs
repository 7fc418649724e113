//! One pass over a StatefulSet: which pods come, go or wait, and in what order. What it decides is carried out by
//! [`Hands`], so it can be judged without a cluster. Models pkg/controller/statefulset/stateful_set_control.go.

use super::identity;
use crate::api::error::Status;
use crate::clock::SimTime;
use crate::controllers::history::HASH_LABEL;
use crate::store::PodRecord;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a pass works on.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The set.
    pub set: &'a StatefulSet,
    /// Name of the revision that the set comes from.
    pub current: &'a str,
    /// Name of the revision that it goes to.
    pub update: &'a str,
    /// Collisions of revisions' names so far.
    pub collisions: i32,
    /// Its pods.
    pub pods: &'a [Arc<PodRecord>],
    /// Now.
    pub now: SimTime,
}

/// What a pass does.
pub trait Hands {
    /// Makes the claims and the pod of an ordinal, by the current revision or by the one that is rolled out.
    ///
    /// # Errors
    /// The API server refuses one of them.
    fn create(&mut self, ordinal: i64, by_current: bool) -> Result<(), Status>;
    /// Deletes a pod.
    ///
    /// # Errors
    /// The API server refuses it.
    fn delete(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status>;
    /// Whether claims of an ordinal still belong to an earlier pod, and will go with it.
    fn is_stale(&mut self, ordinal: i64) -> bool;
    /// Makes claims that a waiting pod lacks.
    ///
    /// # Errors
    /// The API server refuses one.
    fn complete(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status>;
    /// Sets right what a pod's labels and its claims' owners should be.
    ///
    /// # Errors
    /// The API server refuses a change.
    fn mend(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status>;
    /// Sets right who owns the claims of a pod that is about to go.
    ///
    /// # Errors
    /// The API server refuses a change.
    fn release(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status>;
}

/// Running and Ready.
pub fn is_serving(pod: &PodRecord) -> bool {
    pod.status.phase == crate::store::pod::Phase::Running && pod.status.is_ready()
}

/// The revision that a pod was made by.
pub fn revision_of(pod: &PodRecord) -> &str {
    pod.proto.labels.get(HASH_LABEL).unwrap_or_default()
}

/// One pass. The status holds whatever comes of it.
///
/// # Errors
/// The first that [`Hands`] met with.
pub fn update(view: &View, hands: &mut dyn Hands) -> (StatefulSetStatus, Result<(), Status>) {
    let mut status = status(view);
    let done = if view.set.metadata.deletion_timestamp.is_some() { Ok(()) } else { pass(view, hands, &mut status) };
    complete_rollout(view.set, &mut status);
    (status, done)
}

impl View<'_> {
    fn min_ready(&self) -> u32 {
        self.set.spec.as_ref().and_then(|s| s.min_ready_seconds).unwrap_or(0).max(0) as u32
    }

    fn is_available(&self, pod: &PodRecord) -> bool {
        is_serving(pod) && pod.is_available(self.min_ready(), self.now)
    }

    fn strategy(&self) -> &str {
        self.set.spec.as_ref().and_then(|s| s.update_strategy.as_ref()?.type_.as_deref()).unwrap_or("RollingUpdate")
    }

    /// In order: whatever is not ready holds up what comes after it.
    fn in_order(&self) -> bool {
        self.set.spec.as_ref().and_then(|s| s.pod_management_policy.as_deref()) != Some("Parallel")
    }

    /// Whether a new pod is made by the revision that the set comes from: those below the partition are.
    fn by_current(&self, ordinal: i64) -> bool {
        let start = identity::start(self.set);
        let spec = self.set.spec.as_ref();
        match spec.and_then(|s| s.update_strategy.as_ref()?.rolling_update.as_ref()) {
            Some(_) => ordinal < start + identity::partition(self.set),
            None if self.strategy() == "RollingUpdate" => {
                let current = self.set.status.as_ref().and_then(|s| s.current_replicas).unwrap_or(0);
                ordinal < start + i64::from(current)
            }
            None => false,
        }
    }
}

/// Runs a step for each of `count` pods: in order until one says to wait; else in batches of 1, 2, 4 … until one fails.
/// True: the pass ends here.
fn run_all(count: usize, in_order: bool, mut step: impl FnMut(usize) -> Result<bool, Status>) -> Result<bool, Status> {
    if in_order {
        for i in 0..count {
            if step(i)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let (mut from, mut first) = (0, None);
    super::super::replicaset::slow_start(count, |n| {
        let mut ok = 0;
        for i in from..from + n {
            match step(i) {
                Ok(_) => ok += 1,
                Err(e) => {
                    first.get_or_insert(e);
                }
            }
        }
        from += n;
        ok
    });
    first.map_or(Ok(false), Err)
}

/// The most pods that one pass makes; the first of them bring about the next pass.
const BURST: usize = 500;

fn pass(view: &View, hands: &mut dyn Hands, status: &mut StatefulSetStatus) -> Result<(), Status> {
    let set = view.set;
    let (start, in_order) = (identity::start(set), view.in_order());
    let mut there: BTreeMap<i64, &Arc<PodRecord>> = BTreeMap::new();
    let mut condemned: Vec<(i64, &Arc<PodRecord>)> = vec![];
    for p in view.pods {
        match identity::ordinal(set, p) {
            Some(n) if identity::in_range(set, n) => drop(there.insert(n, p)),
            Some(n) => condemned.push((n, p)),
            None => {}
        }
    }
    let missing = (start..start + identity::replicas(set)).filter(|n| !there.contains_key(n));
    let missing: Vec<i64> = missing.take(BURST + 1).collect();
    let mut slots: Vec<(i64, Option<&Arc<PodRecord>>)> = there.iter().map(|(n, p)| (*n, Some(*p))).collect();
    slots.extend(missing.iter().take(BURST).map(|n| (*n, None)));
    slots.sort_by_key(|(n, _)| *n);
    condemned.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    let unhealthy = |p: &&Arc<PodRecord>| !is_serving(p) || p.deletion.is_some();
    // nothing goes while a wanted pod is not well, so only those that are to go are in question
    let first_unhealthy = condemned.iter().rev().map(|(_, p)| *p).find(unhealthy).map(|p| p.id);

    let waits = run_all(slots.len(), in_order, |i| {
        let (ordinal, p) = slots[i];
        let Some(p) = p else {
            if hands.is_stale(ordinal) {
                return Ok(true);
            }
            hands.create(ordinal, view.by_current(ordinal))?;
            return Ok(true);
        };
        if p.status.phase.is_terminal() {
            // whatever its exit code was: it comes back once it is gone
            if p.deletion.is_none() {
                hands.delete(p)?;
            }
            return Ok(true);
        }
        if p.status.phase == crate::store::pod::Phase::Pending {
            hands.complete(p)?;
        }
        if in_order && (p.deletion.is_some() || !view.is_available(p)) {
            return Ok(true);
        }
        hands.mend(p)?;
        Ok(false)
    })?;
    if waits {
        return Ok(());
    }

    let waits = run_all(condemned.len(), in_order, |i| {
        hands.release(condemned[i].1)?;
        Ok(false)
    })?;
    if waits {
        return Ok(());
    }
    let waits = run_all(condemned.len(), in_order, |i| {
        let p = condemned[i].1;
        if p.deletion.is_some() {
            return Ok(in_order);
        }
        if in_order && !view.is_available(p) && first_unhealthy != Some(p.id) {
            return Ok(true);
        }
        hands.delete(p)?;
        Ok(true)
    })?;
    if waits || missing.len() > BURST || view.strategy() == "OnDelete" {
        return Ok(());
    }

    // the highest first; as many at once as may be unavailable
    let mut budget = identity::max_unavailable(set).unwrap_or(1);
    let first = start + identity::partition(set);
    for slot in slots.iter().filter(|(n, _)| *n >= first).map(|(_, p)| p).rev() {
        let outdated = slot.filter(|p| revision_of(p) != view.update && p.deletion.is_none());
        if let Some(p) = outdated {
            hands.delete(p)?;
            status.current_replicas = status.current_replicas.map(|n| n - 1).filter(|n| *n > 0);
        }
        if outdated.is_some() || slot.is_none_or(|p| !view.is_available(p)) {
            budget -= 1;
            if budget == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// The status by the pods that are there.
fn status(view: &View) -> StatefulSetStatus {
    let (mut replicas, mut ready, mut available, mut current, mut updated) = (0, 0, 0, 0, 0);
    for p in view.pods.iter().filter(|p| identity::ordinal(view.set, p).is_some()) {
        replicas += 1;
        ready += i32::from(is_serving(p));
        available += i32::from(view.is_available(p));
        if p.deletion.is_none() {
            current += i32::from(revision_of(p) == view.current);
            updated += i32::from(revision_of(p) == view.update);
        }
    }
    let count = |n: i32| (n != 0).then_some(n);
    StatefulSetStatus {
        observed_generation: view.set.metadata.generation,
        replicas,
        ready_replicas: count(ready),
        available_replicas: Some(available),
        current_replicas: count(current),
        updated_replicas: count(updated),
        current_revision: Some(view.current.into()),
        update_revision: Some(view.update.into()),
        collision_count: Some(view.collisions),
        conditions: view.set.status.as_ref().and_then(|s| s.conditions.clone()),
    }
}

/// Once every pod is of the new revision and ready, it is the current one.
fn complete_rollout(set: &StatefulSet, status: &mut StatefulSetStatus) {
    let strategy = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref()?.type_.as_deref());
    let wanted = identity::replicas(set);
    let all = |n: i32| i64::from(n) == wanted;
    if strategy != Some("OnDelete")
        && all(status.updated_replicas.unwrap_or(0))
        && all(status.ready_replicas.unwrap_or(0))
        && all(status.replicas)
    {
        status.current_replicas = status.updated_replicas;
        status.current_revision = status.update_revision.clone();
    }
}
