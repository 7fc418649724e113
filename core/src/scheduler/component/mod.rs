//! The scheduler as a component of the world: it watches pods, nodes and what default spreading needs, tries one
//! waiting pod after the other, binds it through the API server or says why it cannot.
//!
//! Models pkg/scheduler eventhandlers.go and schedule_one.go.

mod binding;
mod changes;
mod held;
mod room;

use super::algorithm::{NodeVerdict, Outcome};
use super::cache::{Cluster, Failure};
use super::fit_error;
use super::framework::{Plugin, PodInfo};
use super::queue::{Queue, Waiting};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;
use crate::sim::{Component, Event, Sim};
use crate::store::pod::SCHEDULED;
use crate::store::{Id, Kind, Obj, PodRecord};
use binding::{BIND_TIMEOUT, Binding};
use imbl::OrdMap;
use k8s_openapi::api::core::v1::Pod;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name pods ask for by default, and under which events are reported.
pub const NAME: &str = "default-scheduler";

/// From one decision to the next.
const CYCLE: SimDuration = SimDuration(200);

/// Decisions that are kept to be told about.
const DECISIONS: usize = 500;

/// What the scheduler does later.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum SchedulerEvent {
    /// Take the next pod of the active queue.
    Cycle,
    /// Look whether a back-off is over.
    Flush,
    /// The volumes of a pod that has a node should long be bound.
    GiveUp(Id),
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The pod.
    pub pod: Id,
    /// When.
    pub at: SimTime,
    /// The node it got.
    pub node: Arc<str>,
    /// Nodes looked at.
    pub evaluated: usize,
    /// Nodes that would have done.
    pub feasible: usize,
}

/// What is said of a pod that gates hold back.
pub const GATED: &str = "Scheduling is blocked due to non-empty scheduling gates";

/// The scheduler's state.
#[derive(Clone, Debug)]
pub struct Scheduler {
    rng: Rng,
    cluster: Cluster,
    queue: Queue,
    /// Pods for which room is being made: their group and node.
    nominated: OrdMap<Id, (u32, Arc<str>)>,
    /// Pods whose volumes are being bound.
    binding: OrdMap<Id, Binding>,
    decisions: imbl::Vector<Decision>,
    cycling: bool,
    flush_at: Option<SimTime>,
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    pub fn new(seed: u64) -> Scheduler {
        Scheduler {
            rng: Rng::stream(seed, "scheduler"),
            cluster: Cluster::default(),
            queue: Queue::default(),
            nominated: OrdMap::new(),
            binding: OrdMap::new(),
            decisions: imbl::Vector::new(),
            cycling: false,
            flush_at: None,
        }
    }

    /// Its watch delivers (pods, nodes, namespaces, services, replica sets).
    pub fn watch(&mut self, sim: &mut Sim) {
        for change in sim.deliver(Component::Scheduler) {
            match change.kind {
                Kind::Pod => self.pod_changed(sim, &change),
                Kind::Node => self.node_changed(sim, &change),
                Kind::PersistentVolumeClaim | Kind::PersistentVolume | Kind::StorageClass => {
                    self.storage_changed(sim, &change);
                }
                _ => self.other_changed(&change),
            }
        }
        self.finish_bindings(sim);
        // Groups are renumbered then, and nominations name them.
        if self.nominated.is_empty() && self.binding.is_empty() {
            self.cluster.tidy();
        }
        self.go_on(sim);
    }

    /// One of its own events is due.
    pub fn event(&mut self, sim: &mut Sim, event: SchedulerEvent) {
        match event {
            SchedulerEvent::Cycle => {
                self.cycling = false;
                if let Some((id, waiting)) = self.queue.pop() {
                    sim.cause = waiting.cause;
                    self.attempt(sim, id, waiting);
                }
            }
            SchedulerEvent::Flush => {
                if self.flush_at.is_some_and(|t| t <= sim.now) {
                    self.flush_at = None;
                }
                self.queue.flush(sim.now);
            }
            SchedulerEvent::GiveUp(pod) => {
                if self.binding.get(&pod).is_some_and(|b| b.since + BIND_TIMEOUT <= sim.now) {
                    self.give_up(sim, pod, "binding volumes: context deadline exceeded");
                }
            }
        }
        self.go_on(sim);
    }

    /// Sees to it that there will be a next cycle, and a look at the back-offs.
    fn go_on(&mut self, sim: &mut Sim) {
        if !self.cycling && self.queue.has_active() {
            self.cycling = true;
            sim.after(CYCLE, Event::Scheduler(SchedulerEvent::Cycle));
        }
        if let Some(at) = self.queue.next_flush()
            && self.flush_at.is_none_or(|t| at < t)
        {
            self.flush_at = Some(at);
            sim.queue.at(at, Event::Scheduler(SchedulerEvent::Flush));
        }
    }

    fn group(&mut self, pod: &PodRecord) -> u32 {
        let proto = &pod.proto;
        let own = |v: &k8s_openapi::api::core::v1::Volume| v.ephemeral.is_some();
        if proto.pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()).any(own) {
            // its claims bear its name: it is like no other pod
            let key = 0x8000_0000 | pod.id as u32;
            return self.cluster.group(key, &pod.namespace, || {
                let mut named = proto.pod.clone();
                named.metadata.name = Some(pod.name.to_string());
                PodInfo::in_namespace(&named, pod.namespace.to_string())
            });
        }
        if let Some((key, spec)) = held::while_resizing(pod) {
            return self.cluster.group(key, &pod.namespace, || {
                let pod_of = Pod { metadata: proto.pod.metadata.clone(), spec: Some(spec), status: None };
                PodInfo::in_namespace(&pod_of, pod.namespace.to_string())
            });
        }
        self.cluster.group(proto.id, &pod.namespace, || PodInfo::in_namespace(&proto.pod, pod.namespace.to_string()))
    }

    /// One scheduling cycle and, where a node is found, the binding.
    fn attempt(&mut self, sim: &mut Sim, id: Id, waiting: Waiting) {
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        if pod.node.is_some() || pod.deletion.is_some() {
            return;
        }
        let group = self.group(&pod);
        let outcome = match self.cluster.claims_problem(group) {
            Some(text) => Outcome::Unschedulable(Arc::new(Failure {
                nodes: self.cluster.node_count(),
                before: Some(text),
                plugins: [Plugin::VolumeBinding].into(),
                ..Failure::default()
            })),
            None => self.schedule(&pod, group),
        };
        match outcome {
            Outcome::Node { name, evaluated, feasible } => {
                let choices = self.cluster.choices(group, &name);
                self.cluster.set_pod(id, group, &name, false);
                self.nominated.remove(&id);
                let binding = Binding { group, node: name, waiting, since: sim.now, evaluated, feasible };
                if choices.is_empty() {
                    self.bind(sim, &pod, binding);
                } else {
                    self.binding.insert(id, binding);
                    if let Err(e) = self.ask_for_volumes(sim, &choices, id) {
                        self.give_up(sim, id, &format!("binding volumes: {e}"));
                        return;
                    }
                    let expected = self.binding.get(&id).map(|b| b.node.clone());
                    sim.update_pod_status(id, |s| {
                        let changed = s.nominated != expected;
                        s.nominated = expected;
                        changed
                    });
                    sim.after(BIND_TIMEOUT, Event::Scheduler(SchedulerEvent::GiveUp(id)));
                }
                self.placed(sim, group, sim.cause);
            }
            Outcome::NoNodes => {
                self.refuse(sim, &pod, waiting, "Unschedulable", fit_error::NO_NODES.into(), BTreeSet::new());
            }
            Outcome::Unschedulable(failure) => {
                let after = self.make_room(sim, &pod, group, &failure);
                let message = failure.message(after.as_deref());
                self.refuse(sim, &pod, waiting, "Unschedulable", message, failure.plugins.clone());
            }
        }
    }

    /// Decides as if the pods for which room is being made, if they are as important as this one, were there already.
    fn schedule(&mut self, pod: &PodRecord, group: u32) -> Outcome {
        let priority = self.cluster.info(group).priority;
        let reserved: Vec<Id> = self
            .nominated
            .iter()
            .filter(|(id, (g, _))| **id != pod.id && self.cluster.info(*g).priority >= priority)
            .map(|(id, _)| *id)
            .collect();
        for id in &reserved {
            if let Some((g, node)) = self.nominated.get(id).cloned() {
                self.cluster.set_pod(*id, g, &node, false);
            }
        }
        let outcome = self.cluster.schedule(group, &mut self.rng);
        for id in &reserved {
            self.cluster.remove_pod(*id);
        }
        outcome
    }

    /// The pod stays where it is, and people are told why.
    fn refuse(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        waiting: Waiting,
        reason: &'static str,
        message: String,
        plugins: BTreeSet<Plugin>,
    ) {
        self.queue.failed(pod.id, waiting, plugins, sim.now);
        sim.record(NAME, &Obj::Pod(pod.clone()), true, "FailedScheduling", message.clone());
        let now = sim.now;
        sim.update_pod_status(pod.id, |s| {
            let changed = s.set_condition(SCHEDULED, false, now, Some((reason, message.into())));
            s.scheduled_generation = pod.generation;
            changed
        });
    }

    /// What every node says of a pod as things stand; of a placed pod, as if it were not there yet. `None`: no such pod.
    pub fn explain(&self, sim: &Sim, pod: Id) -> Option<Vec<NodeVerdict>> {
        let record = sim.store.pod(pod)?.clone();
        let mut picture = self.clone();
        picture.cluster.remove_pod(pod);
        let group = picture.group(&record);
        Some(picture.cluster.explain(group))
    }

    /// The decision that placed a pod, if it is among the last.
    pub fn decision(&self, pod: Id) -> Option<&Decision> {
        self.decisions.iter().rev().find(|d| d.pod == pod)
    }

    /// How a pod waits, if it does.
    pub fn waiting(&self, pod: Id) -> Option<&Waiting> {
        self.queue.get(pod)
    }

    /// How many pods wait.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }
}

impl Failure {
    /// The text people read in the event and in the condition; `after` is what preemption says.
    pub fn message(&self, after: Option<&str>) -> String {
        match &self.before {
            Some(before) => fit_error::message(self.nodes, Some(before), &BTreeMap::new(), after),
            None => fit_error::message_of(self.nodes, &self.reasons, after),
        }
    }
}
