//! RollingUpdate: grow the new, clean up the broken old, shrink the rest, one move a sync.
//! Models pkg/controller/deployment/rolling.go.

use super::{Action, cleanup, resize, revisions, status, together, util};
use crate::api::error::Status;
use crate::sim::Sim;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use std::sync::Arc;

/// One step of a rollout.
pub fn rollout(sim: &mut Sim, d: &Arc<Deployment>, all: &[Arc<ReplicaSet>]) -> Result<Action, Status> {
    let (d, new, old) = revisions(sim, d, all, true)?;
    let everything = together(&old, &new);
    let Some(new_rs) = &new else { return Ok(Action::Retry) };
    if let Some(size) = new_size(&d, &everything, new_rs)
        && resize(sim, &d, new_rs, size)?
    {
        return status::sync_rollout(sim, &d, &everything, new.as_deref());
    }
    let mut scaled = false;
    for (rs, size) in old_sizes(&d, &everything, new_rs, &old) {
        scaled |= resize(sim, &d, &rs, size)?;
    }
    if scaled {
        return status::sync_rollout(sim, &d, &everything, new.as_deref());
    }
    if d.status.as_ref().is_some_and(|s| util::complete(&d, s)) {
        cleanup(sim, &d, &old)?;
    }
    status::sync_rollout(sim, &d, &everything, new.as_deref())
}

/// The size that the new ReplicaSet gets in this step; none: it stays.
pub fn new_size(d: &Deployment, all: &[Arc<ReplicaSet>], new: &ReplicaSet) -> Option<i32> {
    let (size, desired) = (util::rs_replicas(new), util::replicas(d));
    if size == desired {
        return None;
    }
    if size > desired {
        return Some(desired);
    }
    let next = util::new_rs_new_replicas(d, all, new);
    (next != size).then_some(next)
}

/// The sizes that old ReplicaSets get in this step: the broken pods go first, then as many as availability allows.
pub fn old_sizes(
    d: &Deployment,
    all: &[Arc<ReplicaSet>],
    new: &ReplicaSet,
    old: &[Arc<ReplicaSet>],
) -> Vec<(Arc<ReplicaSet>, i32)> {
    if old.iter().all(|r| util::rs_replicas(r) == 0) {
        return vec![];
    }
    let available = |r: &ReplicaSet| r.status.as_ref().and_then(|s| s.available_replicas).unwrap_or(0);
    let total = util::total(all);
    let min_available = util::min_available(d);
    let new_unavailable = util::rs_replicas(new) - available(new);
    let max_down = total - min_available - new_unavailable;
    if max_down <= 0 {
        return vec![];
    }
    let cleaned = util::cleanup_unhealthy(old, max_down);
    // what was cleaned up counts with its new size from here on
    let sized: Vec<Arc<ReplicaSet>> = old
        .iter()
        .map(|r| match cleaned.iter().find(|(c, _)| Arc::ptr_eq(c, r)) {
            Some((_, size)) => {
                let mut new = (**r).clone();
                new.spec.get_or_insert_default().replicas = Some(*size);
                Arc::new(new)
            }
            None => r.clone(),
        })
        .collect();
    // a ReplicaSet that was just shrunk still reports the pods it is about to lose: they do not count (upstream counts
    // them, and may for a moment go below its bound)
    let available_in_all: i32 = all.iter().map(|r| available(r).min(util::rs_replicas(r))).sum();
    let shrunk = util::scale_down_old(&sized, available_in_all, min_available);
    let mut out: Vec<(Arc<ReplicaSet>, i32)> = vec![];
    for (before, now) in old.iter().zip(&sized) {
        let size = shrunk
            .iter()
            .find(|(r, _)| r.metadata.name == now.metadata.name)
            .map_or(util::rs_replicas(now), |(_, size)| *size);
        if size != util::rs_replicas(before) {
            out.push((before.clone(), size));
        }
    }
    out.sort_by(|a, b| util::by_age(&a.0, &b.0));
    out
}
