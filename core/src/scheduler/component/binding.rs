//! Binding: a pod that has found its node gets its volumes first, then the node.

use super::{DECISIONS, Decision, NAME, Scheduler};
use crate::clock::{SimDuration, SimTime};
use crate::scheduler::plugins::volume_binding::Choice;
use crate::scheduler::queue::Waiting;
use crate::scheduler::volumes;
use crate::sim::Sim;
use crate::store::{Id, Key, Obj, PodRecord};
use std::collections::BTreeSet;
use std::sync::Arc;

/// So long volumes may take to be bound.
pub(super) const BIND_TIMEOUT: SimDuration = SimDuration::from_secs(600);

/// A pod that has a node and waits for its volumes.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) group: u32,
    pub(super) node: Arc<str>,
    pub(super) waiting: Waiting,
    pub(super) since: SimTime,
    pub(super) evaluated: usize,
    pub(super) feasible: usize,
}

impl Scheduler {
    /// Binds a pod whose place is taken already.
    pub(super) fn bind(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, b: Binding) {
        if let Err(e) = sim.bind_pod(pod.id, b.node.clone()) {
            self.cluster.remove_pod(pod.id);
            self.refuse(sim, pod, b.waiting, "SchedulerError", e.message, BTreeSet::new());
            return;
        }
        let message = format!("Successfully assigned {}/{} to {}", pod.namespace, pod.name, b.node);
        let bound = sim.store.pod(pod.id).cloned().unwrap_or(pod.clone());
        sim.record(NAME, &Obj::Pod(bound), false, "Scheduled", message);
        let Binding { node, evaluated, feasible, .. } = b;
        self.decisions.push_back(Decision { pod: pod.id, at: sim.now, node, evaluated, feasible });
        if self.decisions.len() > DECISIONS {
            self.decisions.pop_front();
        }
    }

    /// Has volumes bound or made for a pod that has found its node. Models BindPodVolumes.
    pub(super) fn ask_for_volumes(&mut self, sim: &mut Sim, choices: &[Choice], pod: Id) -> Result<(), String> {
        let Some(node) = self.binding.get(&pod).map(|b| b.node.clone()) else { return Ok(()) };
        for choice in choices {
            match choice {
                Choice::Volume(claim, volume) => {
                    let mut new = (**volume).clone();
                    if !volumes::is_bound_to(volume, claim) {
                        let annotations = new.metadata.annotations.get_or_insert_default();
                        annotations.insert(volumes::BOUND_BY_CONTROLLER.into(), "yes".into());
                    }
                    new.spec.get_or_insert_default().claim_ref = Some(volumes::reference(claim));
                    let stored = sim.update_typed(&new).map_err(|e| e.message)?;
                    self.cluster.set_volume(stored.metadata.name.as_deref().unwrap_or_default(), Some(stored.clone()));
                }
                Choice::Provision(claim) => {
                    let mut new = (**claim).clone();
                    let annotations = new.metadata.annotations.get_or_insert_default();
                    annotations.insert(volumes::SELECTED_NODE.into(), node.to_string());
                    let stored = sim.update_typed(&new).map_err(|e| e.message)?;
                    let key = Key::of(&stored.metadata);
                    self.cluster.set_claim(&key.namespace, &key.name, Some(stored));
                }
            }
        }
        Ok(())
    }

    /// Binds the pods whose volumes are bound by now.
    pub(super) fn finish_bindings(&mut self, sim: &mut Sim) {
        let ids: Vec<Id> = self.binding.keys().copied().collect();
        for id in ids {
            let Some(b) = self.binding.get(&id) else { continue };
            if !self.cluster.claims_bound(b.group) {
                if self.cluster.claims_lost(b.group) {
                    self.give_up(sim, id, "binding volumes: a claim of the pod is gone");
                }
                continue;
            }
            let Some(b) = self.binding.remove(&id) else { continue };
            let Some(pod) = sim.store.pod(id).cloned() else {
                self.cluster.remove_pod(id);
                continue;
            };
            sim.cause = b.waiting.cause;
            self.bind(sim, &pod, b);
        }
    }

    /// A pod's volumes were not bound: it gives its place up and is tried again.
    pub(super) fn give_up(&mut self, sim: &mut Sim, id: Id, why: &str) {
        let Some(b) = self.binding.remove(&id) else { return };
        self.cluster.remove_pod(id);
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        sim.update_pod_status(id, |s| s.nominated.take().is_some());
        let message = format!("running PreBind plugin \"VolumeBinding\": {why}");
        self.refuse(sim, &pod, b.waiting, "SchedulerError", message, BTreeSet::new());
    }
}
