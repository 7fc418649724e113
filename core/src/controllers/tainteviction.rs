//! Eviction by NoExecute taints: pods that do not tolerate one go at once, those that tolerate it for a while go after
//! that. Models pkg/controller/tainteviction.

use super::Action;
use crate::clock::{SimDuration, SimTime};
use crate::scheduler::plugins::taint_toleration;
use crate::sim::{Component, Event, Sim};
use crate::store::{Change, Id, Key, Kind, Obj, PodRecord};
use imbl::OrdMap;
use k8s_openapi::api::core::v1::{Node, PodCondition, Taint, Toleration};
use std::sync::Arc;

const SOURCE: &str = "taint-eviction-controller";
/// The namespace part of this controller's keys: no namespace is called so.
pub const PODS: &str = "!pod";

/// Pods that are to go, when, and because of which request: the taint's.
#[derive(Clone, Debug, Default)]
pub struct TaintEviction {
    due: OrdMap<Id, (SimTime, u64)>,
}

fn key(id: Id) -> Key {
    Key::new(PODS, id.to_string())
}

/// Keys (pods) that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match (change.kind, &change.old, &change.new) {
        (Kind::Node, old, Some(Obj::Node(n))) => {
            let before = match old {
                Some(Obj::Node(o)) => no_execute(o),
                _ => vec![],
            };
            if before != no_execute(n) {
                let name = n.metadata.name.as_deref().unwrap_or_default();
                for p in sim.store.pods_on_node(name) {
                    add(key(p.id));
                }
            }
        }
        (Kind::Pod, old, Some(Obj::Pod(p))) => {
            let bound = match old {
                Some(Obj::Pod(o)) => o.node != p.node || !Arc::ptr_eq(&o.proto, &p.proto),
                _ => true,
            };
            let node = p.node.as_ref().filter(|_| bound);
            if node
                .and_then(|n| sim.store.typed::<Node>(&Key::new("", n.clone())))
                .is_some_and(|n| !no_execute(n).is_empty())
            {
                add(key(p.id));
            }
        }
        _ => {}
    }
}

fn no_execute(n: &Node) -> Vec<Taint> {
    let taints = n.spec.as_ref().and_then(|s| s.taints.clone()).unwrap_or_default();
    taints.into_iter().filter(|t| t.effect == "NoExecute").collect()
}

/// How long a pod may stay on a node with these taints: none: for ever; zero: not at all.
pub fn stay(tolerations: &[Toleration], taints: &[Taint]) -> Option<SimDuration> {
    let mut least: Option<SimDuration> = None;
    for t in taints {
        let taint = taint_toleration::Taint::from(t);
        let tolerates = |x: &&Toleration| taint_toleration::Toleration::from(*x).tolerates(&taint);
        let matching: Vec<&Toleration> = tolerations.iter().filter(tolerates).collect();
        if matching.is_empty() {
            return Some(SimDuration::ZERO);
        }
        for s in matching.iter().filter_map(|x| x.toleration_seconds) {
            let d = SimDuration::from_secs(s.max(0) as u64);
            least = Some(least.map_or(d, |l| l.min(d)));
        }
    }
    least
}

impl TaintEviction {
    /// One sync of a pod.
    pub fn sync(&mut self, sim: &mut Sim, key: &Key) -> Action {
        let Some(id) = key.name.parse::<Id>().ok() else { return Action::Done };
        let Some(pod) = sim.store.pod(id).cloned() else {
            self.due.remove(&id);
            return Action::Done;
        };
        let node = pod.node.as_ref().and_then(|n| sim.store.typed::<Node>(&Key::new("", n.clone()))).cloned();
        let taints = node.map(|n| no_execute(&n)).unwrap_or_default();
        let tolerations = pod.proto.pod.spec.as_ref().and_then(|s| s.tolerations.clone()).unwrap_or_default();
        let stay = if taints.is_empty() { None } else { stay(&tolerations, &taints) };
        let Some(stay) = stay else {
            if self.due.remove(&id).is_some() && pod.deletion.is_none() {
                let text = format!("Cancelling deletion of Pod {}/{}", pod.namespace, pod.name);
                sim.record(SOURCE, &Obj::Pod(pod), false, "TaintManagerEviction", text);
            }
            return Action::Done;
        };
        match self.due.get(&id).copied() {
            Some((t, cause)) if t <= sim.now => {
                self.due.remove(&id);
                let actor = sim.actor.clone();
                sim.acting(actor, cause, |sim| self.evict(sim, &pod));
            }
            None if stay == SimDuration::ZERO => self.evict(sim, &pod),
            Some(_) => {}
            None => {
                self.due.insert(id, (sim.now + stay, sim.cause));
                sim.after(stay, Event::Requeue(Component::NodeLifecycle, key.clone()));
            }
        }
        Action::Done
    }

    fn evict(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        if pod.deletion.is_some() {
            return;
        }
        let text = format!("Marking for deletion Pod {}/{}", pod.namespace, pod.name);
        sim.record(SOURCE, &Obj::Pod(pod.clone()), false, "TaintManagerEviction", text);
        let now = sim.now;
        sim.update_pod_status(pod.id, |s| {
            let mut more = s.more.as_deref().cloned().unwrap_or_default();
            more.conditions.get_or_insert_default().push(PodCondition {
                type_: "DisruptionTarget".into(),
                status: "True".into(),
                reason: Some("DeletionByTaintManager".into()),
                message: Some("Taint manager: deleting due to NoExecute taint".into()),
                last_transition_time: Some(now.api()),
                ..PodCondition::default()
            });
            s.more = Some(Arc::new(more));
            true
        });
        let _ = sim.delete_pod(pod.id, None);
    }
}
