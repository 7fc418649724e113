//! The ReplicationController controller. Models pkg/controller/replication: the ReplicaSet controller behind an adapter;
//! what differs is the plain map that a ReplicationController selects by.

use super::replicaset::{Flavour, sync_replica_set};
use super::{Action, claim};
use crate::api::error::Status;
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::sync::Arc;

/// Keys that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::ReplicationController if change.new.is_some() => add(change.obj().key()),
        Kind::Pod => claim::owners_of_pod(
            sim,
            change,
            Kind::ReplicationController,
            |sim, orphan, add| {
                let empty = Default::default();
                let labels = orphan.labels.as_ref().unwrap_or(&empty);
                for rc in sim.store.list_typed::<ReplicationController>(orphan.namespace.as_deref()) {
                    let selector = rc.spec.as_ref().and_then(|s| s.selector.as_ref()).filter(|s| !s.is_empty());
                    if selector.is_some_and(|s| s.iter().all(|(k, v)| labels.get(k) == Some(v))) {
                        add(Key::of(&rc.metadata));
                    }
                }
            },
            add,
        ),
        _ => {}
    }
}

/// One sync.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(rc) = sim.store.typed::<ReplicationController>(key).cloned() else { return Action::Done };
    let flavour = Flavour {
        api_version: "v1",
        kind: "ReplicationController",
        source: "replication-controller",
        about: Obj::ReplicationController(rc.clone()),
    };
    let mut status = None;
    let done = sync_replica_set(sim, &as_replica_set(&rc), &flavour, &mut status);
    match status.map_or(Ok(()), |s| write(sim, &rc, s)).and(done) {
        Ok(action) => action,
        Err(_) => Action::Retry,
    }
}

fn as_replica_set(rc: &ReplicationController) -> ReplicaSet {
    let spec = rc.spec.clone().unwrap_or_default();
    let selector = LabelSelector { match_labels: spec.selector.filter(|s| !s.is_empty()), match_expressions: None };
    ReplicaSet {
        metadata: rc.metadata.clone(),
        spec: Some(ReplicaSetSpec {
            min_ready_seconds: spec.min_ready_seconds,
            replicas: spec.replicas,
            selector,
            template: spec.template,
        }),
        status: rc.status.as_ref().map(|s| ReplicaSetStatus {
            conditions: s.conditions.as_ref().map(|l| l.iter().map(to_set_condition).collect()),
            ..ReplicaSetStatus::default()
        }),
    }
}

fn to_set_condition(c: &ReplicationControllerCondition) -> ReplicaSetCondition {
    ReplicaSetCondition {
        last_transition_time: c.last_transition_time.clone(),
        message: c.message.clone(),
        reason: c.reason.clone(),
        status: c.status.clone(),
        type_: c.type_.clone(),
    }
}

fn write(sim: &mut Sim, rc: &Arc<ReplicationController>, s: ReplicaSetStatus) -> Result<(), Status> {
    let conditions = s.conditions.map(|l| {
        let of = |c: ReplicaSetCondition| ReplicationControllerCondition {
            last_transition_time: c.last_transition_time,
            message: c.message,
            reason: c.reason,
            status: c.status,
            type_: c.type_,
        };
        l.into_iter().map(of).collect()
    });
    let status = ReplicationControllerStatus {
        available_replicas: s.available_replicas,
        conditions,
        fully_labeled_replicas: s.fully_labeled_replicas,
        observed_generation: s.observed_generation,
        ready_replicas: s.ready_replicas,
        replicas: s.replicas,
    };
    if rc.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let mut new = (**rc).clone();
    new.status = Some(status);
    match sim.update_status_typed(new) {
        Err(e) if e.code != 404 => Err(e),
        _ => Ok(()),
    }
}
