//! The projection: one more watcher, which turns changes into patches of the view model. It holds a position in the
//! watch log and in the request log; after a rewind it compares the world that was left with the one that is there, so
//! that its cost follows what differs.

use super::model::*;
use super::workloads;
use crate::apiserver::printers;
use crate::apiserver::requests::{RequestEntry, Verb};
use crate::cluster::Cluster;
use crate::scheduler::resources::pod_requests;
use crate::sim::{Actor, Component, Sim};
use crate::store::pod::{Phase, RunState};
use crate::store::{EventRecord, Ids, Key, Kind, Obj, PodRecord};
use crate::world::World;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pulses, events and requests that one patch carries at most; what exceeds it is not shown moving.
const MOST: usize = 300;

/// A watcher that makes patches.
#[derive(Clone, Debug, Default)]
pub struct Projector {
    epoch: Option<u64>,
    position: u64,
    request: u64,
    requests_by_proto: BTreeMap<u32, (u64, u64)>,
    images_by_proto: BTreeMap<u32, Arc<[Arc<str>]>>,
    claims_by_proto: BTreeMap<u32, Arc<[Arc<str>]>>,
    words: BTreeMap<String, Arc<str>>,
    /// Nodes without power, as they were told of.
    dark: BTreeSet<Arc<str>>,
}

#[derive(Default)]
struct Dirty {
    pods: BTreeSet<Id>,
    nodes: BTreeSet<Id>,
    node_names: BTreeSet<Arc<str>>,
    services: BTreeSet<Id>,
    workloads: BTreeSet<Id>,
    /// Claims and Ingresses.
    others: BTreeSet<Id>,
    gone: Vec<Op>,
}

impl Dirty {
    /// An object that changed, came or went; `ids` knows the handle that it had.
    fn note(&mut self, sim: &Sim, ids: &Ids, kind: Kind, old: Option<&Obj>, new: Option<&Obj>) {
        let Some(obj) = new.or(old) else { return };
        let id = obj.id(if new.is_some() { &sim.store.ids } else { ids });
        let gone = new.is_none();
        match kind {
            Kind::Pod => {
                if gone {
                    self.gone.push(Op::PodGone(id));
                } else {
                    self.pods.insert(id);
                }
                let node = |o: Option<&Obj>| match o {
                    Some(Obj::Pod(p)) if !p.status.phase.is_terminal() => p.node.clone(),
                    _ => None,
                };
                let (before, after) = (node(old), node(new));
                if before != after {
                    self.node_names.extend(before.into_iter().chain(after));
                }
            }
            Kind::Node if gone => self.gone.push(Op::NodeGone(id)),
            Kind::Node => {
                self.nodes.insert(id);
            }
            Kind::Service if gone => self.gone.push(Op::ServiceGone(id)),
            Kind::Service => {
                self.services.insert(id);
            }
            Kind::EndpointSlice => {
                let name = obj.label("kubernetes.io/service-name").unwrap_or_default();
                let key = Key::new(obj.key().namespace, name);
                if let Some(s) = sim.store.get(Kind::Service, &key) {
                    self.services.insert(s.id(&sim.store.ids));
                }
            }
            kind if workloads::KINDS.contains(&kind) => {
                if gone || old.is_none() {
                    // whether a pod has an owner follows from whether that lives
                    self.pods.extend(sim.store.dependents(id));
                }
                if gone {
                    self.gone.push(Op::WorkloadGone(id));
                } else {
                    self.workloads.insert(id);
                    // which ReplicaSet is the newest follows from the Deployment's revision
                    if kind == Kind::Deployment {
                        self.workloads.extend(sim.store.dependents(id));
                    }
                }
            }
            Kind::PersistentVolumeClaim if gone => self.gone.push(Op::ClaimGone(id)),
            Kind::Ingress if gone => self.gone.push(Op::IngressGone(id)),
            Kind::PersistentVolumeClaim | Kind::Ingress => {
                self.others.insert(id);
            }
            _ => {}
        }
    }
}

impl Projector {
    /// What has changed since the last call; everything, after an [`Op::Reset`], the first time; what differs, after an
    /// [`Op::Rewind`], when the session went to another moment.
    pub fn patch(&mut self, cluster: &Cluster) -> Patch {
        let mut ops = vec![];
        self.project(cluster, &mut |op| ops.push(op));
        Patch { now: cluster.world.sim.now, ops }
    }

    /// Like [`Projector::patch`], one change after the other: all pods of a large cluster are not held twice.
    pub fn project(&mut self, cluster: &Cluster, tell: &mut dyn FnMut(Op)) {
        let (world, sim) = (&cluster.world, &cluster.world.sim);
        let behind = sim.store.log.since(self.position).is_none();
        if self.epoch == Some(cluster.epoch) && !behind {
            let mut dirty = Dirty::default();
            let mut events = vec![];
            for change in sim.store.log.since(self.position).into_iter().flatten() {
                dirty.note(sim, &sim.store.ids, change.kind, change.old.as_ref(), change.new.as_ref());
                if let Some(Obj::Event(e)) = &change.new {
                    events.push(e);
                }
            }
            self.powers(world, &mut dirty);
            self.tell(world, dirty, tell);
            let skip = events.len().saturating_sub(MOST);
            events.iter().skip(skip).for_each(|e| tell(Op::Event(self.event(e))));
            self.requests(sim, tell);
        } else if let Some(left) = cluster.left(self.epoch, self.position) {
            tell(Op::Rewind);
            let mut dirty = Dirty::default();
            let before = &left.sim.store;
            // handles that are still to be given are known there alone
            sim.store.differences(before, &mut |kind, old, new| dirty.note(sim, &before.ids, kind, old, new));
            self.powers(world, &mut dirty);
            self.tell(world, dirty, tell);
            self.rows(sim, tell);
        } else {
            tell(Op::Reset);
            self.powers(world, &mut Dirty::default());
            self.everything(world, tell);
            self.rows(sim, tell);
        }
        self.epoch = Some(cluster.epoch);
        self.request = sim.requests.last();
        self.position = sim.store.log.end();
    }

    fn everything(&mut self, world: &World, tell: &mut dyn FnMut(Op)) {
        let sim = &world.sim;
        for n in sim.store.list_typed::<Node>(None) {
            tell(Op::Node(self.node(world, n)));
        }
        for kind in workloads::KINDS {
            sim.store.list(*kind, None).filter_map(|o| workloads::view(sim, o)).for_each(|w| tell(Op::Workload(w)));
        }
        for c in sim.store.list_typed::<PersistentVolumeClaim>(None) {
            tell(Op::Claim(claim(sim, c)));
        }
        for p in sim.store.pods() {
            tell(Op::Pod(self.pod(sim, p)));
        }
        let slices = slices(sim, None);
        for s in sim.store.list_typed::<Service>(None) {
            tell(Op::Service(service(sim, s, &slices)));
        }
        for i in sim.store.list_typed::<Ingress>(None) {
            tell(Op::Ingress(ingress(sim, i)));
        }
    }

    /// The newest events and requests, for those who know none.
    fn rows(&mut self, sim: &Sim, tell: &mut dyn FnMut(Op)) {
        let mut events: Vec<&Arc<EventRecord>> = sim.store.events().collect();
        if let Some(skip) = events.len().checked_sub(MOST) {
            if skip > 0 {
                events.select_nth_unstable_by_key(skip, |e| (e.last, e.id));
            }
            events.drain(..skip);
        }
        events.sort_by_key(|e| (e.last, e.id));
        events.iter().for_each(|e| tell(Op::Event(self.event(e))));
        let first = sim.requests.last().saturating_sub(MOST as u64);
        sim.requests.after(first).for_each(|r| tell(Op::Request(request_view(r))));
    }

    /// Notes the nodes whose power was cut or came back: no object says so.
    fn powers(&mut self, world: &World, dirty: &mut Dirty) {
        let dark: BTreeSet<Arc<str>> = world.kubelets.dark().cloned().collect();
        if dark != self.dark {
            dirty.node_names.extend(dark.symmetric_difference(&self.dark).cloned());
            self.dark = dark;
        }
    }

    /// What has changed, as it is now.
    fn tell(&mut self, world: &World, mut dirty: Dirty, tell: &mut dyn FnMut(Op)) {
        let sim = &world.sim;
        for name in &dirty.node_names {
            if let Some(n) = sim.store.get(Kind::Node, &Key::new("", name.clone())) {
                dirty.nodes.insert(n.id(&sim.store.ids));
            }
        }
        dirty.gone.into_iter().for_each(&mut *tell);
        for id in &dirty.nodes {
            if let Some(Obj::Node(n)) = sim.store.by_id(*id) {
                tell(Op::Node(self.node(world, n)));
            }
        }
        for id in &dirty.workloads {
            if let Some(view) = sim.store.by_id(*id).and_then(|o| workloads::view(sim, o)) {
                tell(Op::Workload(view));
            }
        }
        for id in &dirty.others {
            match sim.store.by_id(*id) {
                Some(Obj::PersistentVolumeClaim(c)) => tell(Op::Claim(claim(sim, c))),
                Some(Obj::Ingress(i)) => tell(Op::Ingress(ingress(sim, i))),
                _ => {}
            }
        }
        for id in &dirty.pods {
            if let Some(p) = sim.store.pod(*id) {
                tell(Op::Pod(self.pod(sim, p)));
            }
        }
        let services = dirty.services.iter().filter_map(|id| match sim.store.by_id(*id) {
            Some(Obj::Service(s)) => Some(s),
            _ => None,
        });
        let mut by_namespace: BTreeMap<&str, Vec<&Arc<Service>>> = BTreeMap::new();
        for s in services {
            by_namespace.entry(s.metadata.namespace.as_deref().unwrap_or_default()).or_default().push(s);
        }
        for (namespace, services) in by_namespace {
            let slices = slices(sim, Some(namespace));
            services.into_iter().for_each(|s| tell(Op::Service(service(sim, s, &slices))));
        }
    }

    fn requests(&mut self, sim: &Sim, tell: &mut dyn FnMut(Op)) {
        let from = self.request.max(sim.requests.last().saturating_sub(MOST as u64));
        for r in sim.requests.after(from) {
            tell(Op::Request(request_view(r)));
            let part = part(sim, &r.actor);
            if part == Part::ApiServer {
                continue;
            }
            let said = Arc::new(message(sim, r));
            // what woke a component came to it from the API server before it acted
            if let Some(cause) = sim.requests.get(r.cause).filter(|_| r.cause != 0) {
                tell(Op::Pulse(Pulse {
                    at: cause.at,
                    from: Part::ApiServer,
                    to: part,
                    message: Arc::new(message(sim, cause)),
                }));
            }
            tell(Op::Pulse(Pulse { at: r.at, from: part, to: Part::ApiServer, message: said.clone() }));
            if !r.verb.reads() && r.code < 400 {
                tell(Op::Pulse(Pulse { at: r.at, from: Part::ApiServer, to: Part::Etcd, message: said }));
            }
        }
    }

    fn event(&mut self, e: &EventRecord) -> EventView {
        EventView {
            at: e.last,
            warning: e.warning,
            reason: self.word(&e.reason),
            object: format!("{}/{}", e.involved.kind.info().singular, e.involved.key.name).into(),
            namespace: e.involved.key.namespace.clone(),
            message: (*e.message).into(),
            count: e.count,
            source: self.word(e.component),
        }
    }

    fn word(&mut self, s: &str) -> Arc<str> {
        if let Some(w) = self.words.get(s) {
            return w.clone();
        }
        let w: Arc<str> = s.into();
        if self.words.len() < 10_000 {
            self.words.insert(s.into(), w.clone());
        }
        w
    }

    fn pod(&mut self, sim: &Sim, p: &Arc<PodRecord>) -> PodView {
        let s = &p.status;
        let spec = p.proto.pod.spec.as_ref();
        let plain = s.init.is_empty() && s.why.is_none() && s.more.is_none() && p.deletion.is_none();
        let all_run = !s.containers.is_empty() && s.containers.iter().all(|c| matches!(c.state, RunState::Running(_)));
        let no_init = spec.is_some_and(|s| s.init_containers.is_none() && s.scheduling_gates.is_none());
        let (status, ready) = if plain && no_init && s.phase == Phase::Running && all_run {
            let ready = s.containers.iter().filter(|c| c.ready).count();
            (self.word("Running"), (ready as u16, s.containers.len() as u16))
        } else if plain && no_init && s.phase == Phase::Pending && s.containers.is_empty() {
            let gated =
                s.conditions[crate::store::pod::SCHEDULED].why.as_ref().is_some_and(|w| w.0 == "SchedulingGated");
            let text = if gated { "SchedulingGated" } else { "Pending" };
            (self.word(text), (0, spec.map_or(0, |s| s.containers.len()) as u16))
        } else {
            let v = Obj::Pod(p.clone()).to_value(&sim.store.ids);
            let summary = printers::pod_status(&v);
            (self.word(&summary.reason), (summary.ready as u16, summary.total as u16))
        };
        let images = match self.images_by_proto.get(&p.proto.id) {
            Some(i) => i.clone(),
            None => {
                let list = spec
                    .map(|s| s.containers.iter().map(|c| Arc::from(c.image.as_deref().unwrap_or_default())).collect());
                let list: Arc<[Arc<str>]> = list.unwrap_or_default();
                self.images_by_proto.insert(p.proto.id, list.clone());
                list
            }
        };
        let claims = match self.claims_by_proto.get(&p.proto.id) {
            Some(c) => c.clone(),
            None => {
                let volumes = spec.into_iter().flat_map(|s| s.volumes.iter().flatten());
                let list = volumes.filter_map(|v| v.persistent_volume_claim.as_ref());
                let list: Arc<[Arc<str>]> = list.map(|c| Arc::from(c.claim_name.as_str())).collect();
                self.claims_by_proto.insert(p.proto.id, list.clone());
                list
            }
        };
        let node = p.node.as_ref().and_then(|n| sim.store.get(Kind::Node, &Key::new("", n.clone())));
        PodView {
            id: p.id,
            name: p.name.clone(),
            namespace: p.namespace.clone(),
            node: node.map(|n| n.id(&sim.store.ids)),
            state: state(p),
            status,
            ready,
            restarts: p.restarts(),
            owner: p.proto.controller.filter(|id| sim.store.lives(*id)),
            claims,
            labels: p.proto.labels.pairs.clone(),
            images,
            ip: (s.ip != 0).then(|| s.ip.into()),
            created: p.created,
        }
    }

    fn node(&mut self, world: &World, n: &Arc<Node>) -> NodeView {
        let sim = &world.sim;
        let name: Arc<str> = n.metadata.name.as_deref().unwrap_or_default().into();
        let (mut cpu, mut memory, mut pods) = (0, 0, 0);
        for p in sim.store.pods_on_node(&name).filter(|p| !p.status.phase.is_terminal()) {
            let (c, m) = *self.requests_by_proto.entry(p.proto.id).or_insert_with(|| proto_requests(p));
            cpu += c;
            memory += m;
            pods += 1;
        }
        let status = n.status.as_ref();
        let quantity = |key: &str, milli: bool| {
            let q = status.and_then(|s| s.allocatable.as_ref()).and_then(|a| a.get(key));
            let q = q.map(crate::scheduler::resources::amount);
            q.map_or(0, |q| if milli { q.milli_value() } else { q.value() }).max(0) as u64
        };
        let spec = n.spec.clone().unwrap_or_default();
        let ready = status
            .and_then(|s| s.conditions.as_ref())
            .is_some_and(|c| c.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
        let cordoned = spec.unschedulable == Some(true);
        let text = match (ready, cordoned) {
            (true, false) => "Ready",
            (true, true) => "Ready,SchedulingDisabled",
            (false, false) => "NotReady",
            (false, true) => "NotReady,SchedulingDisabled",
        };
        let taint = |t: &k8s_openapi::api::core::v1::Taint| -> Arc<str> {
            match t.value.as_deref().filter(|v| !v.is_empty()) {
                Some(v) => format!("{}={v}:{}", t.key, t.effect).into(),
                None => format!("{}:{}", t.key, t.effect).into(),
            }
        };
        NodeView {
            id: Obj::Node(n.clone()).id(&sim.store.ids),
            status: self.word(text),
            ready,
            cordoned,
            powered: world.kubelets.powered(&name),
            cpu: (cpu, quantity("cpu", true)),
            memory: (memory, quantity("memory", false)),
            pods: (pods, quantity("pods", false) as u32),
            labels: pairs(n.metadata.labels.as_ref()),
            taints: spec.taints.iter().flatten().map(taint).collect(),
            name,
        }
    }
}

fn proto_requests(p: &PodRecord) -> (u64, u64) {
    let Some(spec) = &p.proto.pod.spec else { return (0, 0) };
    let amounts = pod_requests(spec, false);
    let r = crate::scheduler::resources::Resources::from_amounts(&amounts);
    (r.get("cpu").unwrap_or(0).max(0) as u64, r.get("memory").unwrap_or(0).max(0) as u64)
}

/// How a pod is drawn.
pub fn state(p: &PodRecord) -> PodState {
    let s = &p.status;
    if p.deletion.is_some() && !s.phase.is_terminal() {
        return PodState::Terminating;
    }
    let broken = |c: &crate::store::pod::ContainerRecord| match &c.state {
        RunState::Waiting(reason, _) => !matches!(&**reason, "" | "ContainerCreating" | "PodInitializing"),
        RunState::Terminated(t) => t.exit_code != 0,
        RunState::Running(_) => false,
    };
    match s.phase {
        Phase::Succeeded => PodState::Succeeded,
        Phase::Failed | Phase::Unknown => PodState::Failing,
        _ if s.containers.iter().chain(&s.init).any(broken) => PodState::Failing,
        Phase::Running if s.is_ready() => PodState::Ready,
        Phase::Running => PodState::NotReady,
        Phase::Pending => PodState::Pending,
    }
}

fn pairs(labels: Option<&BTreeMap<String, String>>) -> Arc<[(Arc<str>, Arc<str>)]> {
    labels.into_iter().flatten().map(|(k, v)| (Arc::from(k.as_str()), Arc::from(v.as_str()))).collect()
}

fn words(meta: &ObjectMeta) -> (Arc<str>, Arc<str>) {
    (meta.name.as_deref().unwrap_or_default().into(), meta.namespace.as_deref().unwrap_or_default().into())
}

fn claim(sim: &Sim, c: &Arc<PersistentVolumeClaim>) -> ClaimView {
    let (name, namespace) = words(&c.metadata);
    let spec = c.spec.as_ref();
    let size = spec.and_then(|s| s.resources.as_ref()).and_then(|r| r.requests.as_ref()).and_then(|r| r.get("storage"));
    ClaimView {
        id: Obj::PersistentVolumeClaim(c.clone()).id(&sim.store.ids),
        name,
        namespace,
        phase: c.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Pending").into(),
        volume: spec.and_then(|s| s.volume_name.as_deref()).unwrap_or_default().into(),
        size: size.map_or("", |q| q.0.as_str()).into(),
    }
}

fn ingress(sim: &Sim, i: &Arc<Ingress>) -> IngressView {
    let (name, namespace) = words(&i.metadata);
    let spec = i.spec.clone().unwrap_or_default();
    let rules = spec.rules.iter().flatten();
    let paths = rules.clone().filter_map(|r| r.http.as_ref()).flat_map(|h| h.paths.iter().map(|p| &p.backend));
    let mut services: Vec<Arc<str>> = vec![];
    for backend in spec.default_backend.iter().chain(paths) {
        if let Some(s) = &backend.service
            && !services.iter().any(|known| **known == *s.name)
        {
            services.push(s.name.as_str().into());
        }
    }
    let mut hosts: Vec<&str> = rules.filter_map(|r| r.host.as_deref()).filter(|h| !h.is_empty()).collect();
    hosts.dedup();
    IngressView {
        id: Obj::Ingress(i.clone()).id(&sim.store.ids),
        name,
        namespace,
        hosts: if hosts.is_empty() { "*".into() } else { hosts.join(",").into() },
        services: services.into(),
    }
}

/// EndpointSlices by namespace and Service.
type Slices<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a EndpointSlice>>;

/// The EndpointSlices of a namespace, or of all: gone through once, however many Services are told of.
fn slices<'a>(sim: &'a Sim, namespace: Option<&str>) -> Slices<'a> {
    let mut all = Slices::new();
    for slice in sim.store.list_typed::<EndpointSlice>(namespace) {
        let of = slice.metadata.labels.as_ref().and_then(|l| l.get(crate::network::tables::SERVICE_NAME));
        if let Some(name) = of {
            all.entry((slice.metadata.namespace.as_deref().unwrap_or_default(), name)).or_default().push(slice);
        }
    }
    all
}

/// Where a service is reached from outside.
fn external(s: &Service) -> String {
    let Some(spec) = &s.spec else { return String::new() };
    let balancer = s.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|l| l.ingress.as_ref());
    let given = balancer.into_iter().flatten().filter_map(|i| i.ip.as_deref().or(i.hostname.as_deref()));
    let all: Vec<&str> = given.chain(spec.external_ips.iter().flatten().map(String::as_str)).collect();
    if all.is_empty() && spec.type_.as_deref() == Some("LoadBalancer") { "<pending>".into() } else { all.join(",") }
}

fn service(sim: &Sim, s: &Arc<Service>, slices: &Slices) -> ServiceView {
    let v = Obj::Service(s.clone()).to_value(&sim.store.ids);
    let spec = s.spec.clone().unwrap_or_default();
    let name = s.metadata.name.as_deref().unwrap_or_default();
    let namespace = s.metadata.namespace.as_deref().unwrap_or_default();
    let type_ = spec.type_.as_deref().unwrap_or("ClusterIP");
    let ip = spec.cluster_ip.as_deref().unwrap_or_default();
    let mut endpoints = BTreeMap::new();
    for slice in slices.get(&(namespace, name)).into_iter().flatten() {
        for e in slice.endpoints.iter().flatten() {
            let pod = e.target_ref.as_ref().and_then(|t| t.uid.as_deref()).and_then(|u| sim.store.ids.parse(u));
            if let Some(id) = pod {
                let ready = e.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true);
                let known = endpoints.entry(id).or_insert(ready);
                *known = *known || ready;
            }
        }
    }
    ServiceView {
        id: Obj::Service(s.clone()).id(&sim.store.ids),
        name: name.into(),
        namespace: namespace.into(),
        kind: if ip == "None" { "Headless" } else { type_ }.into(),
        address: if type_ == "ExternalName" { spec.external_name.as_deref().unwrap_or_default() } else { ip }.into(),
        external: external(s).into(),
        ports: printers::service_ports(&v["spec"]["ports"]).into(),
        selector: pairs(spec.selector.as_ref()),
        endpoints: endpoints.into_iter().collect(),
    }
}

/// A request as a row of the panel.
pub fn request_view(r: &RequestEntry) -> RequestView {
    RequestView {
        id: r.id,
        at: r.at,
        actor: (*r.actor.name()).into(),
        verb: r.verb.as_str(),
        path: r.path().into(),
        code: r.code,
        cause: (r.cause != 0).then_some(r.cause),
    }
}

/// What a request did.
pub fn message(sim: &Sim, r: &RequestEntry) -> Message {
    let doing = match (r.verb, r.subresource) {
        (Verb::Create, "binding") => Doing::Binds,
        (Verb::Create, "eviction") => Doing::Evicts,
        (Verb::Create, _) => Doing::Creates,
        (Verb::Update | Verb::Patch, "status") => Doing::Reports,
        (Verb::Update | Verb::Patch, "scale") => Doing::Scales,
        (Verb::Update | Verb::Patch, _) => Doing::Changes,
        (Verb::Delete, _) => Doing::Deletes,
        (Verb::DeleteCollection, _) => Doing::DeletesAll,
        (Verb::Get, _) => Doing::Reads,
        (Verb::List, _) => Doing::Lists,
        (Verb::Watch, _) => Doing::Watches,
    };
    // a pod is bound once: where it is now is where it was bound to
    let node = match doing {
        Doing::Binds => sim.store.pod_by_name(&r.key).and_then(|p| p.node.clone()),
        _ => None,
    };
    Message {
        doing,
        kind: r.kind.map_or("", |k| k.info().kind),
        name: r.key.name.clone(),
        node: node.unwrap_or_else(|| "".into()),
        refused: (r.code >= 400).then_some(r.code),
    }
}

/// The part of the control plane that an actor is.
fn part(sim: &Sim, a: &Actor) -> Part {
    match a {
        Actor::Person => Part::Kubectl,
        Actor::ApiServer => Part::ApiServer,
        Actor::Component(Component::Scheduler) => Part::Scheduler,
        Actor::Component(_) => Part::Controllers,
        Actor::Pod(key) => {
            let node = sim.store.pod_by_name(key).and_then(|p| p.node.clone());
            node.map_or(Part::Controllers, |n| part(sim, &Actor::Kubelet(n)))
        }
        Actor::Kubelet(n) => sim
            .store
            .get(Kind::Node, &Key::new("", n.clone()))
            .map_or(Part::Controllers, |o| Part::Kubelet(o.id(&sim.store.ids))),
    }
}
