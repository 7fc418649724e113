//! Status and conditions of a Deployment. Models pkg/controller/deployment/progress.go and sync.go.

use super::{Action, util};
use crate::api::error::Status;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet};
use std::sync::Arc;

/// Counts and the Available condition.
pub fn calculate(d: &Deployment, all: &[Arc<ReplicaSet>], new: Option<&ReplicaSet>, now: SimTime) -> DeploymentStatus {
    let sum = |f: &dyn Fn(&ReplicaSet) -> i32| all.iter().map(|r| f(r)).fold(0, i32::saturating_add);
    let available = sum(&|r| r.status.as_ref().and_then(|s| s.available_replicas).unwrap_or(0));
    let total = sum(&util::rs_replicas);
    let count = |n: i32| (n != 0).then_some(n);
    let old = d.status.clone().unwrap_or_default();
    let mut s = DeploymentStatus {
        observed_generation: d.metadata.generation,
        replicas: count(sum(&|r| r.status.as_ref().map_or(0, |s| s.replicas))),
        updated_replicas: count(new.and_then(|r| r.status.as_ref()).map_or(0, |s| s.replicas)),
        ready_replicas: count(sum(&|r| r.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or(0))),
        available_replicas: count(available),
        unavailable_replicas: count((total - available).max(0)),
        terminating_replicas: Some(sum(&|r| r.status.as_ref().and_then(|s| s.terminating_replicas).unwrap_or(0))),
        collision_count: old.collision_count,
        conditions: old.conditions,
    };
    let c = if available >= util::replicas(d) - util::max_unavailable(d) {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    util::set_condition(&mut s, util::new_condition("Available", c.0, c.1, c.2.into(), now));
    s
}

/// Writes the counts (while paused, scaling or being deleted).
pub fn sync(
    sim: &mut Sim,
    d: &Arc<Deployment>,
    all: &[Arc<ReplicaSet>],
    new: Option<&ReplicaSet>,
) -> Result<(), Status> {
    let status = calculate(d, all, new, sim.now);
    write(sim, d, status).map(|_| ())
}

fn write(sim: &mut Sim, d: &Arc<Deployment>, status: DeploymentStatus) -> Result<bool, Status> {
    if d.status.as_ref() == Some(&status) {
        return Ok(false);
    }
    let mut changed = (**d).clone();
    changed.status = Some(status);
    sim.update_status_typed(changed)?;
    Ok(true)
}

/// Writes counts and the Progressing and ReplicaFailure conditions during a rollout.
pub fn sync_rollout(
    sim: &mut Sim,
    d: &Arc<Deployment>,
    all: &[Arc<ReplicaSet>],
    new: Option<&ReplicaSet>,
) -> Result<Action, Status> {
    let status = rollout_status(d, all, new, sim.now);
    if write(sim, d, status.clone())? {
        return Ok(Action::Done);
    }
    Ok(match requeue(d, &status, sim.now) {
        None => Action::Done,
        Some(SimDuration::ZERO) => Action::Retry,
        // a second later, so that the deadline has surely passed
        Some(t) => Action::After(t + SimDuration::from_secs(1)),
    })
}

/// The status after a step of a rollout: a pure function.
pub fn rollout_status(
    d: &Deployment,
    all: &[Arc<ReplicaSet>],
    new: Option<&ReplicaSet>,
    now: SimTime,
) -> DeploymentStatus {
    let mut s = calculate(d, all, new, now);
    if !util::has_deadline(d) {
        util::remove_condition(&mut s, "Progressing");
    }
    let old = d.status.clone().unwrap_or_default();
    let current = util::condition(&old, "Progressing").cloned();
    let was_complete = s.replicas.unwrap_or(0) == s.updated_replicas.unwrap_or(0)
        && current.as_ref().is_some_and(|c| c.reason.as_deref() == Some("NewReplicaSetAvailable"));
    if util::has_deadline(d) && !was_complete {
        let subject = match new {
            Some(rs) => format!("ReplicaSet {:?}", rs.metadata.name.as_deref().unwrap_or_default()),
            None => format!("Deployment {:?}", d.metadata.name.as_deref().unwrap_or_default()),
        };
        if util::complete(d, &s) {
            let text = format!("{subject} has successfully progressed.");
            util::set_condition(
                &mut s,
                util::new_condition("Progressing", "True", "NewReplicaSetAvailable", text, now),
            );
        } else if util::progressing(d, &s) {
            let text = format!("{subject} is progressing.");
            let mut c = util::new_condition("Progressing", "True", "ReplicaSetUpdated", text, now);
            if let Some(old) = &current {
                if old.status == "True" {
                    c.last_transition_time = old.last_transition_time.clone();
                }
                util::remove_condition(&mut s, "Progressing");
            }
            util::set_condition(&mut s, c);
        } else if util::timed_out(d, &s, now) {
            let text = format!("{subject} has timed out progressing.");
            util::set_condition(
                &mut s,
                util::new_condition("Progressing", "False", "ProgressDeadlineExceeded", text, now),
            );
        }
    }
    match replica_failure(all, new) {
        Some(c) => util::set_condition(&mut s, c),
        None => util::remove_condition(&mut s, "ReplicaFailure"),
    }
    s
}

/// The ReplicaFailure condition of a ReplicaSet, the new one first.
fn replica_failure(all: &[Arc<ReplicaSet>], new: Option<&ReplicaSet>) -> Option<DeploymentCondition> {
    let of = |rs: &ReplicaSet| {
        let c = rs.status.as_ref()?.conditions.as_ref()?.iter().find(|c| c.type_ == "ReplicaFailure")?;
        Some(DeploymentCondition {
            type_: "ReplicaFailure".into(),
            status: c.status.clone(),
            reason: c.reason.clone(),
            message: c.message.clone(),
            last_transition_time: c.last_transition_time.clone(),
            last_update_time: c.last_transition_time.clone(),
        })
    };
    new.and_then(of).or_else(|| all.iter().find_map(|r| of(r)))
}

/// When a rollout that makes no progress is to be looked at again: none: not; zero: at once (with back-off).
pub fn requeue(d: &Deployment, s: &DeploymentStatus, now: SimTime) -> Option<SimDuration> {
    let c = d.status.as_ref().and_then(|s| util::condition(s, "Progressing"))?;
    if !util::has_deadline(d) || util::complete(d, s) || c.reason.as_deref() == Some("ProgressDeadlineExceeded") {
        return None;
    }
    let deadline = i64::from(d.spec.as_ref().and_then(|s| s.progress_deadline_seconds).unwrap_or(0));
    let left = c.last_update_time.as_ref().map_or(0, |t| t.0.as_second()) + deadline - now.unix_seconds();
    if left < 1 {
        return Some(SimDuration::ZERO);
    }
    Some(SimDuration::from_secs(left as u64))
}
