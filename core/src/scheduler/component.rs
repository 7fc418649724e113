//! The scheduler as a component of the world: it watches pods, nodes and what default spreading needs, tries one
//! waiting pod after the other, binds it through the API server or says why it cannot.
//!
//! Models pkg/scheduler eventhandlers.go and schedule_one.go.

use super::algorithm::{NodeVerdict, Outcome};
use super::cache::{Cluster, Failure};
use super::fit_error;
use super::framework::{NodeSpec, Plugin, PodInfo};
use super::plugins::volume_binding::Choice;
use super::preemption::Resident;
use super::queue::{Queue, Standing, Waiting};
use super::volumes;
use crate::api::labels::Selector;
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;
use crate::sim::{Component, Event, Sim};
use crate::store::pod::SCHEDULED;
use crate::store::{Change, Id, Key, Kind, Obj, PodRecord};
use imbl::OrdMap;
use k8s_openapi::api::core::v1::{ObjectReference, PodCondition};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
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

/// So long volumes may take to be bound.
const BIND_TIMEOUT: SimDuration = SimDuration::from_secs(600);

/// A pod that has a node and waits for its volumes.
#[derive(Clone, Debug)]
struct Binding {
    group: u32,
    node: Arc<str>,
    waiting: Waiting,
    since: SimTime,
    evaluated: usize,
    feasible: usize,
}

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
        self.cluster.group(proto.id, &pod.namespace, || PodInfo::in_namespace(&proto.pod, pod.namespace.to_string()))
    }

    fn pod_changed(&mut self, sim: &mut Sim, change: &Change) {
        let pod = |o: &Option<Obj>| match o {
            Some(Obj::Pod(p)) => Some(p.clone()),
            _ => None,
        };
        let (old, new) = (pod(&change.old), pod(&change.new));
        let Some(now) = &new else {
            let Some(old) = old else { return };
            self.queue.remove(old.id);
            self.nominated.remove(&old.id);
            self.binding.remove(&old.id);
            self.take_out(sim, old.id, change.request);
            return;
        };
        let same = old.as_ref().is_some_and(|o| {
            o.node == now.node
                && Arc::ptr_eq(&o.proto, &now.proto)
                && o.deletion.is_some() == now.deletion.is_some()
                && o.status.phase.is_terminal() == now.status.phase.is_terminal()
        });
        if same {
            return;
        }
        let ended = now.status.phase.is_terminal();
        if let Some(node) = now.node.clone() {
            self.queue.remove(now.id);
            self.nominated.remove(&now.id);
            self.binding.remove(&now.id);
            if ended {
                self.take_out(sim, now.id, change.request);
                return;
            }
            let group = self.group(now);
            let leaving = now.deletion.is_some();
            let was = self.cluster.place_of(now.id).is_some();
            if self.cluster.set_pod(now.id, group, &node, leaving) {
                if was {
                    self.call(sim, change.request, &BY_SUMS, |_, _| true);
                } else {
                    self.placed(sim, group, change.request);
                }
            }
            return;
        }
        let spec = now.proto.pod.spec.as_ref();
        let ours = spec.and_then(|s| s.scheduler_name.as_deref()).unwrap_or(NAME) == NAME;
        if !ours || ended || now.deletion.is_some() {
            self.queue.remove(now.id);
            if self.binding.remove(&now.id).is_some() {
                self.take_out(sim, now.id, change.request);
            }
            return;
        }
        if self.binding.contains_key(&now.id) {
            return;
        }
        let gated = spec.is_some_and(|s| s.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()));
        let priority = spec.and_then(|s| s.priority).unwrap_or(0);
        let stands = self.queue.get(now.id).map(|w| w.standing.clone());
        match stands {
            None => self.queue.add(now.id, priority, gated, sim.now, change.request),
            Some(Standing::Gated) if !gated => self.queue.add(now.id, priority, false, sim.now, change.request),
            Some(Standing::Unschedulable(_)) => self.queue.call(now.id, sim.now, change.request),
            Some(_) => {}
        }
        if gated && now.status.conditions[SCHEDULED].status.is_none() {
            let at = sim.now;
            sim.update_pod_status(now.id, |s| {
                s.set_condition(SCHEDULED, false, at, Some(("SchedulingGated", GATED.into())));
                s.scheduled_generation = 1;
                true
            });
        }
    }

    /// A pod counts no more on its node.
    fn take_out(&mut self, sim: &mut Sim, pod: Id, cause: u64) {
        let Some(node) = self.cluster.place_of(pod).cloned() else { return };
        self.cluster.remove_pod(pod);
        self.call(sim, cause, &BY_SUMS, |_, _| true);
        self.call(sim, cause, &[Plugin::NodePorts, Plugin::NodeResourcesFit], |c, group| c.passes(group, &node));
    }

    /// A pod of a group has come to a node.
    fn placed(&mut self, sim: &mut Sim, group: u32, cause: u64) {
        let info = self.cluster.info(group).clone();
        self.call(sim, cause, &BY_SUMS, |cluster, g| cluster.minds(g, &info));
    }

    /// Calls back the pods that wait on account of these plugins, if the change helps: `helps` is asked once a group.
    fn call(&mut self, sim: &mut Sim, cause: u64, plugins: &[Plugin], helps: impl Fn(&mut Cluster, u32) -> bool) {
        if !self.queue.any_blames(plugins) {
            return;
        }
        let waiting: Vec<Id> = self
            .queue
            .unschedulable()
            .filter(|(_, blamed)| plugins.iter().any(|p| blamed.contains(p)))
            .map(|(id, _)| id)
            .collect();
        let mut answers: BTreeMap<u32, bool> = BTreeMap::new();
        for id in waiting {
            let Some(pod) = sim.store.pod(id).cloned() else { continue };
            let group = self.group(&pod);
            let help = match answers.get(&group) {
                Some(a) => *a,
                None => *answers.entry(group).or_insert(helps(&mut self.cluster, group)),
            };
            if help {
                self.queue.call(id, sim.now, cause);
            }
        }
    }

    fn node_changed(&mut self, sim: &mut Sim, change: &Change) {
        let name = change.obj().key().name;
        let new = match &change.new {
            Some(Obj::Node(n)) => Some(NodeSpec::new(n)),
            _ => None,
        };
        let old = self.cluster.node(&name).map(|n| n.spec.clone());
        if !self.cluster.set_node(&name, new.clone()) {
            return;
        }
        let Some(new) = new else {
            self.call(sim, change.request, &[Plugin::PodTopologySpread], |_, _| true);
            return;
        };
        let mut plugins = BTreeSet::new();
        match old {
            None => plugins.extend(PER_NODE),
            Some(old) => {
                if old.allocatable != new.allocatable || old.max_pods != new.max_pods {
                    plugins.insert(Plugin::NodeResourcesFit);
                }
                if old.labels != new.labels {
                    plugins.extend([
                        Plugin::NodeAffinity,
                        Plugin::VolumeBinding,
                        Plugin::VolumeZone,
                        Plugin::PodTopologySpread,
                        Plugin::InterPodAffinity,
                    ]);
                }
                if old.taints != new.taints {
                    plugins.extend([Plugin::TaintToleration, Plugin::PodTopologySpread]);
                }
                if old.unschedulable != new.unschedulable {
                    plugins.insert(Plugin::NodeUnschedulable);
                }
            }
        }
        let (sums, own): (Vec<Plugin>, Vec<Plugin>) = plugins.into_iter().partition(|p| BY_SUMS.contains(p));
        self.call(sim, change.request, &sums, |_, _| true);
        self.call(sim, change.request, &own, |cluster, group| cluster.passes(group, &name));
    }

    fn other_changed(&mut self, change: &Change) {
        let key = change.obj().key();
        match (change.kind, &change.new) {
            (Kind::Service, Some(Obj::Service(s))) => {
                let selector = s.spec.as_ref().and_then(|s| s.selector.clone());
                self.cluster.set_service(&key.namespace, &key.name, selector);
            }
            (Kind::Service, _) => self.cluster.set_service(&key.namespace, &key.name, None),
            (Kind::ReplicaSet, Some(Obj::ReplicaSet(r))) => {
                let selector = r.spec.as_ref().and_then(|s| Selector::from_typed(Some(&s.selector)).ok());
                self.cluster.set_controller(&key.namespace, "ReplicaSet", &key.name, selector);
            }
            (Kind::StatefulSet, Some(Obj::StatefulSet(s))) => {
                let selector = s.spec.as_ref().and_then(|s| Selector::from_typed(Some(&s.selector)).ok());
                self.cluster.set_controller(&key.namespace, "StatefulSet", &key.name, selector);
            }
            (Kind::ReplicationController, Some(Obj::ReplicationController(r))) => {
                let pairs = r.spec.as_ref().and_then(|s| s.selector.as_ref());
                let selector = pairs.filter(|s| !s.is_empty()).map(Selector::from_map);
                self.cluster.set_controller(&key.namespace, "ReplicationController", &key.name, selector);
            }
            (kind @ (Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController), _) => {
                self.cluster.set_controller(&key.namespace, kind.names().1, &key.name, None);
            }
            (Kind::Namespace, Some(o)) => {
                let labels = o.meta().and_then(|m| m.labels.clone()).unwrap_or_default();
                self.cluster.set_namespace(&key.name, Some(labels));
            }
            (Kind::Namespace, None) => self.cluster.set_namespace(&key.name, None),
            _ => {}
        }
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

    /// Binds a pod whose place is taken already.
    fn bind(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, b: Binding) {
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
    fn ask_for_volumes(&mut self, sim: &mut Sim, choices: &[Choice], pod: Id) -> Result<(), String> {
        let Some(node) = self.binding.get(&pod).map(|b| b.node.clone()) else { return Ok(()) };
        for choice in choices {
            match choice {
                Choice::Volume(claim, volume) => {
                    let m = &claim.metadata;
                    let mut new = (**volume).clone();
                    if !volumes::is_bound_to(volume, claim) {
                        let annotations = new.metadata.annotations.get_or_insert_default();
                        annotations.insert(volumes::BOUND_BY_CONTROLLER.into(), "yes".into());
                    }
                    new.spec.get_or_insert_default().claim_ref = Some(ObjectReference {
                        api_version: Some("v1".into()),
                        kind: Some("PersistentVolumeClaim".into()),
                        namespace: m.namespace.clone(),
                        name: m.name.clone(),
                        uid: m.uid.clone(),
                        resource_version: m.resource_version.clone(),
                        field_path: None,
                    });
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
    fn finish_bindings(&mut self, sim: &mut Sim) {
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
    fn give_up(&mut self, sim: &mut Sim, id: Id, why: &str) {
        let Some(b) = self.binding.remove(&id) else { return };
        self.cluster.remove_pod(id);
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        sim.update_pod_status(id, |s| s.nominated.take().is_some());
        let message = format!("running PreBind plugin \"VolumeBinding\": {why}");
        self.refuse(sim, &pod, b.waiting, "SchedulerError", message, BTreeSet::new());
    }

    fn storage_changed(&mut self, sim: &mut Sim, change: &Change) {
        let key = change.obj().key();
        match change.kind {
            Kind::PersistentVolumeClaim => {
                let claim = change.new.as_ref().and_then(Obj::typed).cloned();
                self.cluster.set_claim(&key.namespace, &key.name, claim);
            }
            Kind::PersistentVolume => {
                let volume = change.new.as_ref().and_then(Obj::typed).cloned();
                self.cluster.set_volume(&key.name, volume);
            }
            _ => self.cluster.set_class(&key.name, change.new.as_ref().and_then(Obj::typed).cloned()),
        }
        let concerns = |info: &PodInfo| match change.kind {
            Kind::PersistentVolumeClaim => {
                info.namespace == *key.namespace && info.claims.iter().any(|c| *c == *key.name)
            }
            _ => !info.claims.is_empty(),
        };
        self.call(sim, change.request, &BY_VOLUMES, |cluster, group| concerns(cluster.info(group)));
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

    /// Tries to make room for a pod that fits nowhere, at the cost of less important ones, and gives what is to be said of
    /// it: nothing where room is being made.
    fn make_room(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, group: u32, failure: &Failure) -> Option<String> {
        if failure.before.is_some() {
            return Some(fit_error::AFTER_PRE_FILTER.into());
        }
        if !self.cluster.info(group).may_preempt {
            return Some(fit_error::preemption_never());
        }
        let priority = self.cluster.info(group).priority;
        if let Some(node) = pod.status.nominated.clone()
            && sim.store.pods_on_node(&node).any(|p| p.deletion.is_some() && priority_of(p) < priority)
        {
            return Some(fit_error::preemption_waits());
        }
        let budgets = budgets(sim);
        let now = sim.now;
        let Scheduler { cluster, rng, .. } = &mut *self;
        let allowed: Vec<i64> = budgets.iter().map(|b| b.allowed).collect();
        let found = cluster.preempt(group, &allowed, rng, |cluster, node| {
            sim.store
                .pods_on_node(node)
                .filter(|p| !p.status.phase.is_terminal() && cluster.place_of(p.id).is_some())
                .map(|p| Resident {
                    pod: p.id,
                    group: 0,
                    priority: priority_of(p),
                    start: p.status.started.map_or(now, SimTime::from),
                    leaving: p.deletion.is_some(),
                    budgets: (0..budgets.len()).filter(|b| budgets[*b].protects(p)).collect(),
                    budgeted: false,
                })
                .collect::<Vec<_>>()
                .into_iter()
                .filter_map(|r| Some(Resident { group: cluster.group_of(r.pod)?, ..r }))
                .collect()
        });
        let candidate = match found {
            Err(reasons) => return Some(fit_error::preemption_failed(failure.nodes, &reasons)),
            Ok(candidate) => candidate,
        };
        let uid = sim.store.ids.uid(pod.id);
        for victim in candidate.victims.iter().filter(|v| !v.leaving) {
            let Some(record) = sim.store.pod(victim.pod).cloned() else { continue };
            let message = format!("{NAME}: preempting to accommodate a higher priority pod");
            sim.update_pod_status(victim.pod, |s| {
                let condition = PodCondition {
                    type_: "DisruptionTarget".into(),
                    status: "True".into(),
                    reason: Some("PreemptionByScheduler".into()),
                    message: Some(message),
                    last_transition_time: Some(now.api()),
                    ..PodCondition::default()
                };
                let more = Arc::make_mut(s.more.get_or_insert_default());
                more.conditions.get_or_insert_default().push(condition);
                true
            });
            let said = format!("Preempted by pod {uid} on node {}", candidate.node);
            sim.record(NAME, &Obj::Pod(record), false, "Preempted", said);
            // A pod that is gone meanwhile has made room too.
            let _ = sim.delete_pod(victim.pod, None);
        }
        let node = candidate.node;
        // less important pods for which room was made there will not have it
        let outdone: Vec<Id> = self
            .nominated
            .iter()
            .filter(|(id, (g, n))| {
                **id != pod.id && *n == node && self.cluster.info(*g).priority < self.cluster.info(group).priority
            })
            .map(|(id, _)| *id)
            .collect();
        for id in outdone {
            self.nominated.remove(&id);
            sim.update_pod_status(id, |s| s.nominated.take().is_some());
        }
        self.nominated.insert(pod.id, (group, node.clone()));
        sim.update_pod_status(pod.id, |s| {
            let changed = s.nominated.as_ref() != Some(&node);
            s.nominated = Some(node);
            changed
        });
        None
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

/// Plugins whose verdict on one node depends on what runs on others.
const BY_SUMS: [Plugin; 3] = [Plugin::PodTopologySpread, Plugin::InterPodAffinity, Plugin::VolumeRestrictions];

/// Plugins that look at claims and volumes.
const BY_VOLUMES: [Plugin; 3] = [Plugin::VolumeRestrictions, Plugin::VolumeBinding, Plugin::VolumeZone];

/// Plugins that a new node can satisfy.
const PER_NODE: [Plugin; 10] = [
    Plugin::VolumeBinding,
    Plugin::VolumeZone,
    Plugin::NodeUnschedulable,
    Plugin::NodeName,
    Plugin::TaintToleration,
    Plugin::NodeAffinity,
    Plugin::NodePorts,
    Plugin::NodeResourcesFit,
    Plugin::PodTopologySpread,
    Plugin::InterPodAffinity,
];

impl Failure {
    /// The text people read in the event and in the condition; `after` is what preemption says.
    pub fn message(&self, after: Option<&str>) -> String {
        match &self.before {
            Some(before) => fit_error::message(self.nodes, Some(before), &BTreeMap::new(), after),
            None => fit_error::message_of(self.nodes, &self.reasons, after),
        }
    }
}

fn priority_of(pod: &PodRecord) -> i32 {
    pod.proto.pod.spec.as_ref().and_then(|s| s.priority).unwrap_or(0)
}

/// A disruption budget.
struct Budget {
    namespace: Arc<str>,
    selector: Selector,
    /// How many disruptions it allows.
    allowed: i64,
    /// Names of pods that are counted as disrupted already.
    gone: BTreeSet<String>,
}

impl Budget {
    fn protects(&self, pod: &PodRecord) -> bool {
        pod.namespace == self.namespace
            && !self.gone.contains(&*pod.name)
            && self.selector.matches_by(|k| pod.proto.labels.get(k))
    }
}

/// All budgets that pick any pod.
fn budgets(sim: &Sim) -> Vec<Budget> {
    sim.store
        .list_typed::<PodDisruptionBudget>(None)
        .filter_map(|b| {
            let selector = Selector::from_typed(Some(b.spec.as_ref()?.selector.as_ref()?)).ok()?;
            let status = b.status.as_ref();
            let gone = status.and_then(|s| s.disrupted_pods.as_ref()).into_iter().flatten().map(|(k, _)| k.clone());
            Some(Budget {
                namespace: b.metadata.namespace.as_deref().unwrap_or_default().into(),
                selector,
                allowed: i64::from(status.and_then(|s| s.disruptions_allowed).unwrap_or(0)),
                gone: gone.collect(),
            })
        })
        .collect()
}
