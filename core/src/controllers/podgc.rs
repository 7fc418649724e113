//! The pod garbage collector: pods of nodes that no longer exist, pods that were told to go before they had a node and
//! that something holds, and pods that ended long ago when there are too many.
//! Models pkg/controller/podgc.

use crate::clock::{SimDuration, SimTime};
use crate::sim::{Component, Event, Sim};
use crate::store::pod::Phase;
use crate::store::{Change, Key, Kind, Obj, PodRecord};
use k8s_openapi::api::core::v1::PodCondition;
use std::sync::Arc;

/// How often it looks.
const PERIOD: u64 = 20_000_000;
/// How long a node must have been gone.
const QUARANTINE: SimDuration = SimDuration::from_secs(40);
/// Ended pods that are kept.
const TERMINATED_MAX: usize = 12_500;

/// Sets the timer if a change gives it something to do. `due`: for when it is set.
pub fn watch(sim: &mut Sim, changes: &[Change], due: &mut SimTime) {
    // a node went, or a pod was bound to one that never was
    let node_gone = changes.iter().any(|c| match (&c.old, &c.new) {
        (Some(Obj::Node(_)), None) => true,
        (old, Some(Obj::Pod(p))) => {
            let before = match old {
                Some(Obj::Pod(o)) => o.node.as_ref(),
                _ => None,
            };
            p.node.as_ref() != before && is_orphaned(sim, p)
        }
        _ => false,
    });
    let many = sim.store.count(Kind::Pod) > TERMINATED_MAX
        && changes.iter().any(|c| matches!(&c.new, Some(Obj::Pod(p)) if p.status.phase.is_terminal()));
    let stuck = changes.iter().any(|c| matches!(&c.new, Some(Obj::Pod(p)) if is_stuck(p)));
    if node_gone || many || stuck {
        let wait = if node_gone { QUARANTINE } else { SimDuration::ZERO };
        let at = SimTime((sim.now + wait).0 / PERIOD * PERIOD + PERIOD);
        if *due != at {
            *due = at;
            sim.queue.at(at, Event::Timer(Component::PodGc, 0));
        }
    }
}

/// It was told to go before it had a node: no kubelet will ever say that it has ended.
fn is_stuck(p: &PodRecord) -> bool {
    p.deletion.is_some() && p.node.is_none() && !p.status.phase.is_terminal()
}

/// Its node does not exist.
fn is_orphaned(sim: &Sim, p: &PodRecord) -> bool {
    p.node.as_ref().is_some_and(|n| sim.store.get(Kind::Node, &Key::new("", n.clone())).is_none())
}

/// One round.
pub fn collect(sim: &mut Sim) {
    let lost: Vec<Arc<PodRecord>> = sim.store.pods().filter(|p| is_orphaned(sim, p)).cloned().collect();
    for p in lost {
        let now = sim.now;
        sim.update_pod_status(p.id, |s| {
            if s.phase.is_terminal() {
                return false;
            }
            s.phase = Phase::Failed;
            let mut more = s.more.as_deref().cloned().unwrap_or_default();
            more.conditions.get_or_insert_default().push(PodCondition {
                type_: "DisruptionTarget".into(),
                status: "True".into(),
                reason: Some("DeletionByPodGC".into()),
                message: Some("PodGC: node no longer exists".into()),
                last_transition_time: Some(now.api()),
                ..PodCondition::default()
            });
            s.more = Some(Arc::new(more));
            true
        });
        let _ = sim.delete_pod(p.id, Some(0));
    }
    let stuck: Vec<Arc<PodRecord>> = sim.store.pods().filter(|p| is_stuck(p)).cloned().collect();
    for p in stuck {
        sim.update_pod_status(p.id, |s| {
            s.phase = Phase::Failed;
            true
        });
        let _ = sim.delete_pod(p.id, Some(0));
    }
    let mut ended: Vec<Arc<PodRecord>> = sim.store.pods().filter(|p| p.status.phase.is_terminal()).cloned().collect();
    if ended.len() > TERMINATED_MAX {
        let evicted = |p: &PodRecord| p.status.why.as_ref().is_some_and(|w| w.0 == "Evicted");
        ended.sort_by(|a, b| evicted(b).cmp(&evicted(a)).then(a.created.cmp(&b.created)).then(a.id.cmp(&b.id)));
        for p in &ended[..ended.len() - TERMINATED_MAX] {
            let _ = sim.delete_pod(p.id, Some(0));
        }
    }
}
