//! The kubelets of all nodes as one component of the world: what the watch brings, what is due, what a person does to
//! nodes and containers. A pod's own life is in [`super::simple`], [`super::pod_worker`] and [`super::recorded`].

use super::node_status::{NodeState, conditions, node_object};
use super::plan::Plan;
use super::recorded::{self, PlayedPod};
use super::simple::Simple;
use crate::apiserver::recorder::Source;
use crate::apiserver::request::{Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;
use crate::sim::{Actor, Component, Event, KubeletProfile, Sim};
use crate::store::event::{Involved, Text};
use crate::store::pod::{Phase, SCHEDULED};
use crate::store::{Id, Key, Kind, Obj, PodRecord};
use crate::view::model::Fault;
use imbl::OrdMap;
use k8s_openapi::api::core::v1::Node;
use std::sync::Arc;

/// What a kubelet does later.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum KubeletEvent {
    /// A pod's worker goes on, if this is still the turn that it waits for.
    Pod(Id, u32),
    /// A node, by its index, looks at its images (0), at what its pods use (1, 2), or at who wants its CPU (3).
    Node(Id, u32),
    /// A pod is being asked for things: does it keep up?
    Load(Id),
    /// A node, by its index, reaches the API server again; `u32::MAX`: all do.
    Rejoin(u32),
}

/// Larger clusters hear nothing of their kubelets' starts and images.
const TALKATIVE_NODES: usize = 200;
/// How often a kubelet looks at its images, in microseconds.
const IMAGE_PERIOD: u64 = 30_000_000;
/// More events than these are not kept of pods that come up without trouble: the start of a huge cluster would write
/// little else. What is left out are Pulling, Pulled, Created, Started and Killing.
const QUIET_ABOVE: usize = 20_000;

/// The life of one pod.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    /// Index of its node.
    pub node: u32,
    /// Its address; 0: none yet, or the node's own.
    pub ip: u32,
    /// The turn that it waits for: older timers mean nothing.
    pub turn: u32,
    /// How it lives.
    pub life: Life,
}

impl Worker {
    /// The whole state of a pod that has one.
    pub fn work(&self) -> Option<&super::pod_worker::PodWork> {
        match &self.life {
            Life::Full(work) => Some(work),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Life {
    Recorded(Box<PlayedPod>),
    Simple(Simple),
    Full(Arc<super::pod_worker::PodWork>),
}

/// The state of all kubelets.
#[derive(Clone, Debug)]
pub struct Kubelets {
    pub(super) rng: Rng,
    pub(super) profile: KubeletProfile,
    names: OrdMap<Arc<str>, u32>,
    pub(super) nodes: imbl::Vector<NodeState>,
    pub(super) workers: OrdMap<Id, Worker>,
    plans: OrdMap<u32, Arc<Plan>>,
    /// Pods whose resources are being changed.
    pub(super) resizes: OrdMap<Id, super::resize::Resize>,
    /// Pods whose readiness a person has broken.
    pub(super) broken: imbl::OrdSet<Id>,
    /// Pods whose liveness a person has broken.
    pub(super) sick: imbl::OrdSet<Id>,
    /// Pods to whose containers a person has done something.
    pub(super) ailing: imbl::OrdSet<Id>,
    /// Files of claims and host paths: they outlive pods.
    pub(super) lasting: OrdMap<Arc<str>, crate::runtime::files::Files>,
}

/// Does a change of a pod leave room on a node? It has gone, has ended, or has got other amounts.
fn frees(old: &Option<Obj>, new: &Option<Obj>) -> bool {
    match (old, new) {
        (Some(Obj::Pod(_)), None) => true,
        (Some(Obj::Pod(a)), Some(Obj::Pod(b))) => {
            (b.status.phase.is_terminal() && !a.status.phase.is_terminal())
                || a.status.containers.iter().zip(&b.status.containers).any(|(a, b)| a.told != b.told)
        }
        _ => false,
    }
}

impl Kubelets {
    /// Kubelets of a cluster that has no nodes yet.
    pub fn new(seed: u64) -> Kubelets {
        Kubelets {
            rng: Rng::stream(seed, "kubelets"),
            profile: KubeletProfile::Real,
            names: OrdMap::new(),
            nodes: imbl::Vector::new(),
            workers: OrdMap::new(),
            plans: OrdMap::new(),
            resizes: OrdMap::new(),
            broken: imbl::OrdSet::new(),
            sick: imbl::OrdSet::new(),
            ailing: imbl::OrdSet::new(),
            lasting: OrdMap::new(),
        }
    }

    /// Every configured node comes up and registers.
    pub fn boot(&mut self, sim: &mut Sim) {
        let config = sim.config.clone();
        self.profile = config.kubelets;
        let total: u32 = config.nodes.iter().map(NodeState::blocks).sum();
        let mut block = u32::from(total < 250);
        for (i, node) in config.nodes.iter().enumerate() {
            let state = NodeState::new(node, i as u32, block, total >= 250, self.profile);
            block += NodeState::blocks(node);
            let object = node_object(node, &state, self.rng.u64(), sim.now);
            let actor = Actor::Kubelet(state.name.clone());
            let created =
                sim.acting(actor, 0, |sim| sim.request(Request::new(Method::Post, "/api/v1/nodes").body(object)));
            if created.code >= 400 {
                continue;
            }
            if self.profile == KubeletProfile::Real {
                let lease = node_lease(&state.name, created.body["metadata"]["uid"].as_str().unwrap_or_default());
                let request =
                    Request::new(Method::Post, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases");
                sim.acting(Actor::Kubelet(state.name.clone()), 0, |sim| sim.request(request.body(lease)));
            }
            self.names.insert(state.name.clone(), self.nodes.len() as u32);
            if self.profile == KubeletProfile::Real && config.nodes.len() <= TALKATIVE_NODES {
                self.node_event(sim, &state.name, "Starting", "Starting kubelet.");
            }
            self.nodes.push_back(state);
        }
    }

    /// Whether a pod's volumes show its own labels or annotations.
    fn shows_itself(&self, pod: &PodRecord) -> bool {
        let spec = pod.proto.pod.spec.as_ref();
        spec.and_then(|s| s.volumes.as_ref()).into_iter().flatten().any(super::environment::tells_of_pod)
    }

    /// The index of a node that has a kubelet.
    pub(super) fn node_index(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// What the template of a pod means.
    pub(super) fn plan(&mut self, pod: &PodRecord) -> Arc<Plan> {
        let id = pod.proto.id;
        if let Some(p) = self.resizes.get(&pod.id).and_then(|r| r.plan(id)) {
            return p.clone();
        }
        if let Some(p) = self.plans.get(&id).filter(|p| Arc::ptr_eq(&p.proto, &pod.proto)) {
            return p.clone();
        }
        if self.plans.len() > 4096 {
            self.plans.clear();
        }
        let plan = Arc::new(Plan::new(&pod.proto));
        self.plans.insert(id, plan.clone());
        plan
    }

    /// What the template of a pod means, if it is known already.
    pub(super) fn planned(&self, pod: &PodRecord) -> Option<&Arc<Plan>> {
        let resized = self.resizes.get(&pod.id).and_then(|r| r.plan(pod.proto.id));
        resized.or_else(|| self.plans.get(&pod.proto.id).filter(|p| Arc::ptr_eq(&p.proto, &pod.proto)))
    }

    /// Their watch delivers (pods, nodes, config maps, secrets).
    pub fn watch(&mut self, sim: &mut Sim) {
        let mut freed = false;
        for change in sim.deliver(Component::Kubelets) {
            if !self.resizes.is_empty() {
                freed |= frees(&change.old, &change.new);
            }
            match (&change.old, &change.new) {
                (Some(Obj::Pod(old)), None) => {
                    // a node that is cut off does not hear of it
                    let node = self.workers.get(&old.id).and_then(|w| self.nodes.get(w.node as usize));
                    if !node.is_some_and(|n| sim.network.tables.is_cut(&n.name)) {
                        sim.network.served.forget(old.id);
                        self.gone(old);
                    }
                }
                (old, Some(Obj::Pod(new))) => {
                    let Some(node) = &new.node else { continue };
                    // what kubelets themselves write comes back here: a status is nothing new to them
                    if let Some(Obj::Pod(old)) = old
                        && old.node == new.node
                        && old.deletion == new.deletion
                        && (Arc::ptr_eq(&old.proto, &new.proto)
                            || (old.proto.pod.spec == new.proto.pod.spec && !self.shows_itself(new)))
                    {
                        continue;
                    }
                    let Some(index) = self.node_index(node) else { continue };
                    let state = &self.nodes[index as usize];
                    if !state.powered || sim.network.tables.is_cut(&state.name) {
                        continue;
                    }
                    let actor = Actor::Kubelet(self.nodes[index as usize].name.clone());
                    let id = new.id;
                    let before = match old {
                        Some(Obj::Pod(old)) => Some(old.clone()),
                        _ => None,
                    };
                    sim.acting(actor, change.request, |sim| {
                        // a simple pod goes on from what it has been until now
                        if let Some(old) = before.filter(|o| o.node == new.node && new.deletion.is_none()) {
                            self.promote(sim, &old);
                        }
                        self.consider(sim, id, index, change.at);
                    });
                }
                (_, Some(Obj::ConfigMap(_) | Obj::Secret(_))) => self.reference_changed(sim, change.obj()),
                _ => {}
            }
        }
        if freed {
            self.retry_resizes(sim);
        }
    }

    /// A pod of a node is new, is being deleted, or has another spec.
    pub(super) fn consider(&mut self, sim: &mut Sim, id: Id, node: u32, at: SimTime) {
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        let Some(worker) = self.workers.get(&id) else {
            if pod.deletion.is_some() {
                // it was gone before this kubelet had seen it
                let _ = sim.delete_pod(id, Some(0));
            } else if !pod.status.phase.is_terminal() {
                self.admit(sim, &pod, node, at);
            }
            return;
        };
        match &worker.life {
            Life::Recorded(_) => {
                let due = (at + recorded::DELAY).max(sim.now);
                self.schedule(sim, id, due);
            }
            Life::Simple(_) => self.simple_changed(sim, &pod),
            Life::Full(_) => self.full_changed(sim, &pod),
        }
    }

    fn admit(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, node: u32, at: SimTime) {
        // whoever begins anew gets what is wanted of it now
        self.resizes.remove(&pod.id);
        // the scheduler has looked whether a pod fits; who comes past it is looked at here
        let past = pod.status.conditions[SCHEDULED].status != Some(true);
        let refused = match self.strained(pod, node) {
            Some(message) => Some(("Evicted", message)),
            None if self.profile == KubeletProfile::Real && super::admission::unfit(pod).is_some() => {
                super::admission::unfit(pod)
            }
            None if past && self.profile == KubeletProfile::Real => {
                super::admission::refuses(self, sim, pod, pod.node.as_deref().unwrap_or_default())
            }
            None => None,
        };
        if let Some((reason, message)) = refused {
            self.pod_event(sim, pod, "", true, reason, message.clone());
            let now = sim.now;
            sim.update_pod_status(pod.id, |s| {
                s.phase = Phase::Failed;
                s.started = Some(now.into());
                s.why = Some(Arc::new((reason.into(), format!("Pod was rejected: {message}").into())));
                true
            });
            return;
        }
        let plan = self.plan(pod);
        let life = match self.profile {
            KubeletProfile::Recorded => Life::Recorded(Box::default()),
            KubeletProfile::Real if plan.simple && plan.containers.len() == 1 => Life::Simple(Simple::Creating),
            KubeletProfile::Real => Life::Full(Arc::default()),
        };
        let real_simple = matches!(life, Life::Simple(_));
        let recorded = matches!(life, Life::Recorded(_));
        self.workers.insert(pod.id, Worker { node, ip: 0, turn: 0, life });
        if recorded {
            self.schedule(sim, pod.id, (at + recorded::DELAY).max(sim.now));
        } else if real_simple {
            self.simple_begin(sim, pod, &plan);
        } else {
            self.full_begin(sim, pod, &plan);
        }
    }

    /// Sets the pod's next turn; an earlier one is void.
    pub(super) fn schedule(&mut self, sim: &mut Sim, id: Id, at: SimTime) {
        let Some(w) = self.workers.get_mut(&id) else { return };
        w.turn = w.turn.wrapping_add(1);
        let turn = w.turn;
        sim.queue.at(at.max(sim.now), Event::Kubelet(KubeletEvent::Pod(id, turn)));
    }

    /// A pod's object is gone: so are its processes and its address.
    fn gone(&mut self, pod: &PodRecord) {
        self.broken.remove(&pod.id);
        self.sick.remove(&pod.id);
        self.ailing.remove(&pod.id);
        self.resizes.remove(&pod.id);
        self.forget(pod.id);
    }

    /// A pod's processes and its address are no more.
    pub(super) fn forget(&mut self, id: Id) {
        if let Some(w) = self.workers.remove(&id)
            && let Some(n) = self.nodes.get_mut(w.node as usize)
        {
            n.free_ip(w.ip);
        }
    }

    /// The pod's address, taken now if it has none.
    pub(super) fn address(&mut self, id: Id, plan: &Plan) -> u32 {
        let Some(w) = self.workers.get_mut(&id) else { return 0 };
        let Some(n) = self.nodes.get_mut(w.node as usize) else { return 0 };
        if plan.host_network {
            return n.ip;
        }
        if w.ip == 0 {
            w.ip = n.take_ip();
        }
        w.ip
    }

    /// One of their events is due.
    pub fn event(&mut self, sim: &mut Sim, event: KubeletEvent) {
        match event {
            KubeletEvent::Pod(id, turn) => {
                let Some(w) = self.workers.get(&id).filter(|w| w.turn == turn) else { return };
                let Some(node) = self.nodes.get(w.node as usize).filter(|n| n.powered) else { return };
                let actor = Actor::Kubelet(node.name.clone());
                let life = w.life.clone();
                sim.acting(actor, 0, |sim| match life {
                    Life::Recorded(p) => self.recorded_turn(sim, id, *p),
                    Life::Simple(s) => self.simple_turn(sim, id, s),
                    Life::Full(_) => self.full_turn(sim, id),
                });
            }
            KubeletEvent::Node(index, 0) => self.post_images(sim, index as u32),
            KubeletEvent::Node(index, 3) => {
                let Some(node) = self.nodes.get(index as usize) else { return };
                let actor = Actor::Kubelet(node.name.clone());
                sim.acting(actor, 0, |sim| self.cpu_turn(sim, index as u32));
            }
            KubeletEvent::Node(index, turn) => self.pressure_turn(sim, index as u32, turn),
            KubeletEvent::Load(id) => self.load_turn(sim, id),
            KubeletEvent::Rejoin(super::reconnect::ALL_NODES) => self.rejoin_all(sim),
            KubeletEvent::Rejoin(index) => self.rejoin(sim, index),
        }
    }

    fn recorded_turn(&mut self, sim: &mut Sim, id: Id, mut played: PlayedPod) {
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        if pod.deletion.is_some() {
            let _ = sim.delete_pod(id, Some(0));
            return;
        }
        if pod.status.phase.is_terminal() {
            return;
        }
        let plan = self.plan(&pod);
        let ip = self.address(id, &plan);
        let host = self.workers.get(&id).and_then(|w| self.nodes.get(w.node as usize)).map_or(0, |n| n.ip);
        let now = sim.now;
        let mut next = None;
        let rng = &mut self.rng;
        sim.update_pod_status(id, |status| {
            let before = status.clone();
            (status.ip, status.host_ip) = (ip, host);
            next = played.advance(&plan, status, now, &mut || rng.u64() | 1);
            *status != before
        });
        if let Some(w) = self.workers.get_mut(&id) {
            w.life = Life::Recorded(Box::new(played));
        }
        if let Some(at) = next {
            self.schedule(sim, id, at);
        }
    }

    /// Writes an event about a pod, or about one of its containers.
    pub(super) fn pod_event(
        &self,
        sim: &mut Sim,
        pod: &PodRecord,
        path: impl Into<Text>,
        warning: bool,
        reason: &'static str,
        message: impl Into<Text>,
    ) {
        if !warning && sim.store.count(Kind::Event) > QUIET_ABOVE {
            return;
        }
        let host = pod.node.as_deref().unwrap_or_default().to_owned();
        let involved = Involved { kind: Kind::Pod, key: pod.key(), id: pod.id, rv: pod.rv, field_path: path.into() };
        sim.record_about(Source { component: "kubelet", host: host.into() }, involved, warning, reason, message);
    }

    /// True where start-up events would be dropped: nobody needs to make up their texts.
    pub(super) fn quiet(sim: &Sim) -> bool {
        sim.store.count(Kind::Event) > QUIET_ABOVE
    }

    pub(super) fn node_event(&self, sim: &mut Sim, node: &str, reason: &'static str, message: &str) {
        let key = Key::new("", node);
        let Some(object) = sim.store.get(Kind::Node, &key).cloned() else { return };
        let source = Source { component: "kubelet", host: node.to_owned().into() };
        sim.record(source, &object, false, reason, message.to_owned());
    }

    /// A person does something to a node or a container. The error is what the terminal says.
    pub fn fault(&mut self, sim: &mut Sim, fault: &Fault) -> Result<(), String> {
        match fault {
            Fault::NodePower { node, on } => self.power(sim, node, *on),
            Fault::NodePartition { node, on } => self.partition(sim, node, *on),
            Fault::RegistryOutage { on } => {
                self.registry_outage(sim, *on);
                Ok(())
            }
            Fault::CrashContainer { .. }
            | Fault::CrashLoop { .. }
            | Fault::HangContainer { .. }
            | Fault::LeakMemory { .. }
            | Fault::SlowStart { .. } => self.container_fault(sim, fault),
            Fault::BreakReadiness { namespace, pod, broken } => {
                let pod = find(sim, namespace, pod)?;
                if *broken {
                    self.broken.insert(pod.id);
                } else {
                    self.broken.remove(&pod.id);
                }
                let done = self.on_node(sim, &pod, |k, sim, pod| k.probes_changed(sim, pod));
                done.inspect_err(|_| {
                    self.broken.remove(&pod.id);
                })
            }
            Fault::BreakLiveness { namespace, pod, broken } => {
                let pod = find(sim, namespace, pod)?;
                if self.plan(&pod).containers.iter().all(|c| c.liveness.is_none()) {
                    return Err(format!("pod {} has no liveness probe", pod.name));
                }
                if *broken {
                    self.sick.insert(pod.id);
                } else {
                    self.sick.remove(&pod.id);
                }
                let done = self.on_node(sim, &pod, |k, sim, pod| k.probes_changed(sim, pod));
                done.inspect_err(|_| {
                    self.sick.remove(&pod.id);
                })
            }
            Fault::NodePressure { node, resource, on } => self.press(sim, node, *resource, *on),
            _ => Err("this fault is not simulated yet".to_owned()),
        }
    }

    /// Does something in the name of the kubelet that runs the pod.
    pub(super) fn on_node(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        f: impl FnOnce(&mut Kubelets, &mut Sim, &Arc<PodRecord>),
    ) -> Result<(), String> {
        let Some(node) = self.workers.get(&pod.id).and_then(|w| self.nodes.get(w.node as usize)) else {
            return Err(format!("pod {:?} does not run on any node", &*pod.name));
        };
        if !node.powered {
            return Err(format!("node {:?} has no power", &*node.name));
        }
        let actor = Actor::Kubelet(node.name.clone());
        let cause = sim.cause;
        sim.acting(actor, cause, |sim| f(self, sim, pod));
        Ok(())
    }

    fn power(&mut self, sim: &mut Sim, node: &str, on: bool) -> Result<(), String> {
        let Some(index) = self.node_index(node) else { return Err(format!("nodes {node:?} not found")) };
        let state = &mut self.nodes[index as usize];
        if state.powered == on {
            return Ok(());
        }
        state.powered = on;
        if !on {
            let last = SimTime(sim.now.0 - sim.now.0 % 10_000_000);
            // one that is cut off has been silent for longer
            sim.server.silent.entry(state.name.clone()).or_insert(last);
            sim.notify(Kind::Node);
            return Ok(());
        }
        state.boots += 1;
        let name = state.name.clone();
        sim.acting(Actor::Kubelet(name.clone()), 0, |sim| {
            if sim.refused().is_some() {
                return self.start_again(sim, index);
            }
            sim.server.silent.remove(&name);
            self.post_conditions(sim, &name);
            self.look_at_images(sim, index, sim.now);
            self.node_event(sim, &name, "Starting", "Starting kubelet.");
            if self.nodes[index as usize].strained() {
                self.watch_node(sim, index);
            }
            let pods: Vec<Arc<PodRecord>> = sim.store.pods_on_node(&name).cloned().collect();
            let known: Vec<Id> = self.workers.iter().filter(|(_, w)| w.node == index).map(|(id, _)| *id).collect();
            for id in known {
                if sim.store.pod(id).is_none() {
                    self.forget(id);
                }
            }
            for pod in pods {
                self.after_outage(sim, &pod, index);
            }
        });
        Ok(())
    }

    /// Posts a node's conditions, keeping the transition times of those that had not changed.
    pub(super) fn post_conditions(&self, sim: &mut Sim, name: &Arc<str>) {
        let key = Key::new("", name.clone());
        let Some(Obj::Node(node)) = sim.store.get(Kind::Node, &key).cloned() else { return };
        let short = self.node_index(name).map_or((false, false), |i| self.nodes[i as usize].strain.posted);
        let Ok(fresh) =
            crate::store::read::<Vec<k8s_openapi::api::core::v1::NodeCondition>>(&conditions(sim.now, short))
        else {
            return;
        };
        let mut node = (*node).clone();
        if let Some(status) = &mut node.status {
            let old = status.conditions.take().unwrap_or_default();
            let mut list: Vec<_> = fresh
                .into_iter()
                .map(|mut c| {
                    if let Some(o) = old.iter().find(|o| o.type_ == c.type_ && o.status == c.status) {
                        c.last_transition_time = o.last_transition_time.clone();
                    }
                    c
                })
                .collect();
            list.extend(
                old.iter()
                    .filter(|o| !["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].contains(&o.type_.as_str()))
                    .cloned(),
            );
            status.conditions = Some(list);
        }
        let _ = sim.update_status_typed(node);
    }

    /// Images of a node have changed, or will have by then: it looks at them every half a minute.
    pub(super) fn look_at_images(&mut self, sim: &mut Sim, index: u32, at: SimTime) {
        let few = self.nodes.len() <= TALKATIVE_NODES;
        let Some(node) = self.nodes.get_mut(index as usize).filter(|n| few && !n.images_due) else { return };
        node.images_due = true;
        let due = SimTime((at.max(sim.now).0 / IMAGE_PERIOD + 1) * IMAGE_PERIOD);
        sim.queue.at(due, Event::Kubelet(KubeletEvent::Node(Id::from(index), 0)));
    }

    /// Writes which images a node has to its status.
    fn post_images(&mut self, sim: &mut Sim, index: u32) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        node.images_due = false;
        if !node.powered {
            return;
        }
        let (name, images) = (node.name.clone(), node.image_list(sim.now));
        if let Some(later) = node.images.values().copied().filter(|t| *t > sim.now).min() {
            self.look_at_images(sim, index, later);
        }
        let Some(stored) = sim.store.typed::<Node>(&Key::new("", name.clone())).cloned() else { return };
        let mut new = (*stored).clone();
        if let Some(status) = &mut new.status {
            status.images = Some(images);
        }
        let _ = sim.acting(Actor::Kubelet(name), 0, |sim| sim.update_status_typed(new));
    }

    /// After power came back: containers are started anew, what was being deleted is finished.
    pub(super) fn after_outage(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, node: u32) {
        if pod.deletion.is_some() {
            let _ = sim.delete_pod(pod.id, Some(0));
            return;
        }
        if !self.workers.contains_key(&pod.id) {
            if !pod.status.phase.is_terminal() {
                self.admit(sim, pod, node, sim.now);
            }
            return;
        }
        if let Some(Worker { life: Life::Recorded(_), .. }) = self.workers.get(&pod.id) {
            self.schedule(sim, pod.id, sim.now + recorded::DELAY);
            return;
        }
        self.restart_after_outage(sim, pod);
    }

    /// False once a person has cut the node's power.
    pub fn powered(&self, node: &str) -> bool {
        self.node_index(node).is_none_or(|i| self.nodes[i as usize].powered)
    }

    /// The nodes whose power a person has cut.
    pub fn dark(&self) -> impl Iterator<Item = &Arc<str>> {
        self.nodes.iter().filter(|n| !n.powered).map(|n| &n.name)
    }

    /// A span drawn evenly from a range of milliseconds.
    pub(super) fn between(&mut self, from: u64, to: u64) -> SimDuration {
        SimDuration(from * 1000 + u64::from(self.rng.below(((to - from) * 1000) as u32)))
    }
}

pub(super) fn find(sim: &Sim, namespace: &str, pod: &str) -> Result<Arc<PodRecord>, String> {
    let ns = if namespace.is_empty() { "default" } else { namespace };
    sim.store.pod_by_name(&Key::new(ns, pod)).cloned().ok_or_else(|| format!("pods {pod:?} not found"))
}

/// A node's Lease. It is written once: its renewTime is filled in where it is read (see [`Sim::present`]).
fn node_lease(name: &str, uid: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": name, "namespace": "kube-node-lease",
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}],
        },
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40},
    })
}
