//! The network: what carries a request from a client to a process in a pod. Invariant: a request is data, a list of
//! hops with an outcome and a reason; no request ends without one. Tables of proxies follow Services and
//! EndpointSlices by their watch and lag behind on every node; an idle cluster costs nothing here. Must not know
//! kubelets: who listens on a pod's port is asked through [`Servers`].
//!
//! [`tables`] is what the proxies of all nodes know, [`dns`] names, [`policy`] who may talk to whom, [`ingress`] which
//! backend a host and a path lead to, [`request`] a request's way through all of that, [`clients`] load in virtual time.

pub mod clients;
pub mod dns;
pub mod ingress;
pub mod passed;
pub mod policy;
pub mod request;
pub mod served;
pub mod tables;
pub mod topology;

use crate::clock::{SimDuration, SimTime};
use crate::rng::Rng;
use crate::runtime::web::{Asked, Onward};
use crate::sim::{Component, Sim};
use crate::store::{Id, Key, Kind, Obj};
use clients::{Clients, NetworkEvent};
use imbl::{OrdMap, Vector};
use k8s_openapi::api::core::v1::Node;
use request::{Failure, Outcome, Trace};
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tables::Tables;

/// Traces that are kept.
pub const TRACES: usize = 256;
/// The address from which requests come that start outside, where no client has its own.
pub const OUTSIDE: u32 = u32::from_be_bytes([198, 18, 0, 1]);
/// How long a process takes that does not answer at all.
pub const NEVER: SimDuration = SimDuration(u64::MAX / 4);
/// Address of the ingress controller.
pub const INGRESS: u32 = u32::from_be_bytes([192, 0, 2, 1]);

/// What is to be said of a port of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listens {
    /// A process listens; it runs since then.
    Open(SimTime),
    /// Nobody does: a connection is refused.
    Closed,
    /// The pod's process has been told to stop and takes no more connections.
    Stopping,
    /// There is no such pod any more, or its node is without power: nothing answers.
    Away,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub code: u16,
    /// The body.
    pub body: String,
    /// Headers that its configuration adds.
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// A status and a body.
    pub fn new(code: u16, body: impl Into<String>) -> Answer {
        Answer { code, body: body.into(), headers: vec![] }
    }
}

/// The processes of the pods, as the network meets them.
pub trait Servers {
    /// The pod that has an address now.
    fn holder(&self, ip: u32) -> Option<Id>;
    /// Who listens on a pod's port?
    fn listens(&self, sim: &Sim, pod: Id, port: u16) -> Listens;
    /// Does the process that answered a connection then still run?
    fn still_runs(&self, sim: &Sim, pod: Id, port: u16, since: SimTime) -> bool;
    /// The HTTP status of a GET.
    fn code(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> u16;
    /// Status and body of a GET.
    fn answer(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> Answer;
    /// Where the process on a pod's port passes a request on to. None: it answers it.
    fn passes_on(&self, _sim: &Sim, _pod: Id, _port: u16, _asked: Asked<'_>) -> Option<Onward> {
        None
    }
    /// How long the process on a pod's port takes for a request, from the connection to the answer, while it gets `rate`
    /// requests a second; [`NEVER`]: it does not answer at all.
    fn serves_in(&self, sim: &Sim, pod: Id, port: u16, rate: u32) -> SimDuration;
    /// Has a node power?
    fn powered(&self, node: &str) -> bool;
}

/// A client's address within its time of affinity: to whom its requests go, and when the last one went.
type Affinity = OrdMap<(Key, u16, u32), (u32, SimTime)>;

/// The state of the network.
#[derive(Clone, Debug)]
pub struct Network {
    /// What the proxies know.
    pub tables: Tables,
    /// Clients that send requests.
    pub clients: Clients,
    /// Requests that pods have been sent of late.
    pub served: served::Served,
    /// Requests that passed Services and Ingresses of late.
    pub passed: passed::Passed,
    /// NetworkPolicies of each namespace.
    policies: OrdMap<Arc<str>, Arc<[policy::Policy]>>,
    /// Nodes that are ready: name and address.
    nodes: Arc<[(Arc<str>, u32)]>,
    affinity: Affinity,
    rng: Rng,
    traces: Vector<Arc<Trace>>,
    last_trace: u64,
}

impl Network {
    /// The network of a new cluster.
    pub fn new(seed: u64) -> Network {
        Network {
            tables: Tables::new(seed),
            clients: Clients::default(),
            served: served::Served::default(),
            passed: passed::Passed::default(),
            policies: OrdMap::new(),
            nodes: Arc::default(),
            affinity: OrdMap::new(),
            rng: Rng::stream(seed, "network"),
            traces: Vector::new(),
            last_trace: 0,
        }
    }

    /// Nodes that are ready, by name, with their addresses.
    pub fn nodes(&self) -> &[(Arc<str>, u32)] {
        &self.nodes
    }

    /// NetworkPolicies of a namespace.
    pub fn policies(&self, namespace: &str) -> &[policy::Policy] {
        self.policies.get(namespace).map_or(&[], |p| p)
    }

    /// The newest traces, oldest first, those after a number.
    pub fn traces_after(&self, number: u64) -> impl Iterator<Item = &Arc<Trace>> {
        self.traces.iter().filter(move |t| t.number > number)
    }

    /// The number of the newest trace; 0: there is none.
    pub fn last_trace(&self) -> u64 {
        self.last_trace
    }

    /// Keeps a trace and gives it its number.
    pub fn keep(&mut self, mut trace: Trace) {
        self.last_trace += 1;
        trace.number = self.last_trace;
        self.traces.push_back(Arc::new(trace));
        while self.traces.len() > TRACES {
            self.traces.pop_front();
        }
    }

    /// The backend that a client's address is tied to, while it lasts.
    fn tied(&self, service: &Key, port: u16, client: u32, timeout: SimDuration, now: SimTime) -> Option<u32> {
        let (ip, at) = self.affinity.get(&(service.clone(), port, client))?;
        (now - *at < timeout).then_some(*ip)
    }

    /// Ties a client's address to a backend from now on.
    pub fn tie(&mut self, service: &Key, port: u16, client: u32, ip: u32, now: SimTime) {
        if self.affinity.len() > 10_000 {
            self.affinity.clear();
        }
        self.affinity.insert((service.clone(), port, client), (ip, now));
    }

    /// A request reached a pod through a table that was out of date: now it is known by how much.
    fn tell_how_late(&mut self, service: &Key, now: SimTime) {
        let Network { traces, tables, .. } = self;
        for i in (0..traces.len()).rev() {
            let Some(trace) = traces.get(i) else { continue };
            if now - trace.at > SimDuration::from_secs(10) {
                break;
            }
            let Outcome::Failed(Failure::Stale { service: s, pod_ip, node, late: None, .. }) = &trace.outcome else {
                continue;
            };
            if s != service {
                continue;
            }
            let Some(gone) = tables.dropped(service, *pod_ip, node) else { continue };
            let mut told = (**trace).clone();
            if let Outcome::Failed(Failure::Stale { late, .. }) = &mut told.outcome {
                *late = Some(gone - trace.at);
            }
            traces.set(i, Arc::new(told));
        }
    }

    /// All that tells two networks apart goes into a hash.
    pub fn hash_into(&self, h: &mut impl Hasher) {
        (self.last_trace, self.affinity.len()).hash(h);
        for node in self.tables.cut() {
            node.hash(h);
        }
        self.clients.hash_into(h);
    }
}

/// The proxies' watch delivers.
pub fn watch(sim: &mut Sim) {
    let changes = sim.deliver(Component::Proxies);
    let now = sim.now;
    let (mut nodes, mut services) = (false, vec![]);
    for change in &changes {
        match change.kind {
            Kind::Node => nodes = true,
            Kind::Service => {
                let service = match &change.new {
                    Some(Obj::Service(s)) => Some(s.clone()),
                    _ => None,
                };
                let key = change.obj().key();
                // a status is nothing to a proxy, but for the addresses of a load balancer
                if let (Some(Obj::Service(old)), Some(new)) = (&change.old, &service)
                    && old.spec == new.spec
                    && old.status == new.status
                {
                    continue;
                }
                sim.network.tables.service(&key, service, now);
                services.push(key);
            }
            Kind::EndpointSlice => {
                let slice = match &change.new {
                    Some(Obj::EndpointSlice(s)) => Some(s.clone()),
                    _ => None,
                };
                let o = change.obj();
                let Some(name) = o.label(crate::network::tables::SERVICE_NAME) else { continue };
                let key = Key::new(o.key().namespace, name);
                let ids = sim.store.ids.clone();
                sim.network.tables.slice(&key, &o.key().name, slice.as_deref(), now, |uid| ids.parse(uid));
                services.push(key);
            }
            Kind::NetworkPolicy => {
                let ns = change.obj().key().namespace;
                let list: Vec<policy::Policy> =
                    sim.store.list_typed(Some(&ns)).map(|p| policy::Policy::new(p)).collect();
                if list.is_empty() {
                    sim.network.policies.remove(&ns);
                } else {
                    sim.network.policies.insert(ns, list.into());
                }
            }
            _ => {}
        }
    }
    if nodes {
        sim.network.nodes = ready_nodes(sim);
    }
    services.sort();
    services.dedup();
    for key in services {
        sim.network.tell_how_late(&key, now);
    }
}

fn ready_nodes(sim: &Sim) -> Arc<[(Arc<str>, u32)]> {
    sim.store
        .list_typed::<Node>(None)
        .filter_map(|n| {
            let status = n.status.as_ref()?;
            let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
            let address = status.addresses.iter().flatten().find(|a| a.type_ == "InternalIP")?;
            let ip: Ipv4Addr = address.address.parse().ok()?;
            ready.then(|| (n.metadata.name.as_deref().unwrap_or_default().into(), ip.into()))
        })
        .collect()
}

/// One of the network's events is due.
pub fn event(sim: &mut Sim, servers: &dyn Servers, event: NetworkEvent) {
    clients::event(sim, servers, event);
}
