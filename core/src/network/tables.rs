//! What the proxies know: for each service the versions of its table, and which of them a node's proxy works with at a
//! moment. Every change makes a version; each node takes it over a little later, in its own time. So a node's table is
//! never stored: it follows from the versions. Models pkg/proxy, where endpoints are chosen in topology.go.

use super::topology::Hints;
use crate::clock::{SimDuration, SimTime};
use crate::store::pod::fnv;
use crate::store::{Id, Key};
use imbl::{OrdMap, Vector};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

/// Label that ties a slice to its service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A proxy takes a change over after so long at least, in milliseconds …
const LAG_LEAST: u64 = 25;
/// … depending on the node up to so much later …
const LAG_NODE: u64 = 90;
/// … and depending on the change up to so much later still.
const LAG_CHANGE: u64 = 45;
/// No proxy takes longer.
pub const LAG_MOST: SimDuration = SimDuration::from_millis(LAG_LEAST + LAG_NODE + LAG_CHANGE);

/// An endpoint of a slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// The pod; none: it stands in no reference.
    pub pod: Option<Id>,
    /// Its address.
    pub ip: u32,
    /// Takes requests.
    pub ready: bool,
    /// Would take requests, were it not terminating.
    pub serving: bool,
    /// It is going away.
    pub terminating: bool,
    /// Its node.
    pub node: Option<Arc<str>>,
    /// Its name in DNS.
    pub hostname: Option<Arc<str>>,
    /// For whom it is meant.
    pub hints: Option<Arc<Hints>>,
}

/// A slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Names and numbers of ports.
    pub ports: Vec<(Arc<str>, u16)>,
    /// The endpoints.
    pub backends: Vec<Backend>,
}

/// Where a request can go: an address, its pod, its port.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The pod.
    pub pod: Option<Id>,
    /// The address.
    pub ip: u32,
    /// The port.
    pub port: u16,
    /// Its node.
    pub node: Option<Arc<str>>,
    /// It goes away and serves as a last resort.
    pub terminating: bool,
    /// For whom it is meant.
    pub hints: Option<Arc<Hints>>,
}

/// The endpoints of one port of a service.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// Ready ones.
    pub ready: Vec<Target>,
    /// Those that serve while they terminate: taken when no other is left.
    pub last_resort: Vec<Target>,
}

/// A service's table as it was from a moment on.
#[derive(Clone, Debug)]
pub struct Version {
    /// When the proxies were told.
    pub at: SimTime,
    /// Its number among all versions.
    pub number: u64,
    /// The service; none: it is gone.
    pub service: Option<Arc<Service>>,
    /// Its slices.
    pub slices: OrdMap<Arc<str>, Arc<Slice>>,
    pools: OnceLock<Vec<Pool>>,
}

impl Version {
    /// The endpoints of the service's ports, in their order.
    pub fn pools(&self) -> &[Pool] {
        self.pools.get_or_init(|| {
            let spec = self.service.as_ref().and_then(|s| s.spec.as_ref());
            let ports = spec.and_then(|s| s.ports.as_deref()).unwrap_or_default();
            ports.iter().map(|p| self.pool(p.name.as_deref().unwrap_or_default())).collect()
        })
    }

    fn pool(&self, name: &str) -> Pool {
        let mut pool = Pool::default();
        for slice in self.slices.values() {
            let Some((_, port)) = slice.ports.iter().find(|(n, _)| &**n == name) else { continue };
            for b in &slice.backends {
                let target = || Target {
                    pod: b.pod,
                    ip: b.ip,
                    port: *port,
                    node: b.node.clone(),
                    terminating: b.terminating,
                    hints: b.hints.clone(),
                };
                if b.ready {
                    pool.ready.push(target());
                } else if b.serving && b.terminating {
                    pool.last_resort.push(target());
                }
            }
        }
        pool
    }

    /// All endpoints.
    pub fn backends(&self) -> impl Iterator<Item = &Backend> {
        self.slices.values().flat_map(|s| &s.backends)
    }

    fn spec(&self) -> Option<&k8s_openapi::api::core::v1::ServiceSpec> {
        self.service.as_ref()?.spec.as_ref()
    }

    /// How long a client's address stays with an endpoint; none: each request may go elsewhere.
    pub fn affinity(&self) -> Option<SimDuration> {
        let spec = self.spec().filter(|s| s.session_affinity.as_deref() == Some("ClientIP"))?;
        let config = spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref());
        let seconds = config.and_then(|c| c.timeout_seconds).unwrap_or(10_800);
        Some(SimDuration::from_secs(seconds.max(0) as u64))
    }

    /// The port of this number and protocol: its index.
    pub fn port(&self, number: u16, udp: bool) -> Option<usize> {
        let mut ports = self.spec()?.ports.iter().flatten();
        ports.position(|p| p.port == i32::from(number) && is_udp(p.protocol.as_deref()) == udp)
    }

    /// The port with this node port: its index.
    pub fn node_port(&self, number: u16, udp: bool) -> Option<usize> {
        let mut ports = self.spec()?.ports.iter().flatten();
        ports.position(|p| p.node_port == Some(i32::from(number)) && is_udp(p.protocol.as_deref()) == udp)
    }

    /// Does traffic from inside stay on its node?
    pub fn internal_local(&self) -> bool {
        self.spec().is_some_and(|s| s.internal_traffic_policy.as_deref() == Some("Local"))
    }

    /// Does traffic from outside stay on the node that it came to?
    pub fn external_local(&self) -> bool {
        self.spec().is_some_and(|s| s.external_traffic_policy.as_deref() == Some("Local"))
    }
}

/// Is a port's protocol UDP?
pub fn is_udp(protocol: Option<&str>) -> bool {
    protocol == Some("UDP")
}

/// What a proxy does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// It goes there.
    Target(Target),
    /// It is refused: the service has no endpoints.
    NoEndpoints,
    /// It is dropped: the node has none of the endpoints, and the policy keeps it there.
    NoLocalEndpoints,
}

/// The endpoints that may be chosen from on a node. Models CategorizeEndpoints.
pub fn eligible<'a>(pool: &'a Pool, local_on: Option<&str>) -> Result<Vec<&'a Target>, Pick> {
    let all = if pool.ready.is_empty() { &pool.last_resort } else { &pool.ready };
    let Some(node) = local_on else {
        return if all.is_empty() { Err(Pick::NoEndpoints) } else { Ok(all.iter().collect()) };
    };
    let here =
        |list: &'a [Target]| -> Vec<&'a Target> { list.iter().filter(|t| t.node.as_deref() == Some(node)).collect() };
    let ready = here(&pool.ready);
    let chosen = if ready.is_empty() { here(&pool.last_resort) } else { ready };
    match (chosen.is_empty(), pool.ready.is_empty() && pool.last_resort.is_empty()) {
        (false, _) => Ok(chosen),
        (true, true) => Err(Pick::NoEndpoints),
        (true, false) => Err(Pick::NoLocalEndpoints),
    }
}

/// Chooses an endpoint. `tied`: the address that the client is tied to by affinity; `draw`: 32 random bits.
pub fn pick(pool: &Pool, local_on: Option<&str>, tied: Option<u32>, draw: u32) -> Pick {
    // the usual way needs no list
    if local_on.is_none() && tied.is_none() {
        let all = if pool.ready.is_empty() { &pool.last_resort } else { &pool.ready };
        let i = ((u64::from(draw) * all.len() as u64) >> 32) as usize;
        return all.get(i).map_or(Pick::NoEndpoints, |t| Pick::Target(t.clone()));
    }
    match eligible(pool, local_on) {
        Err(none) => none,
        Ok(list) => {
            let kept = tied.and_then(|ip| list.iter().find(|t| t.ip == ip));
            let i = ((u64::from(draw) * list.len() as u64) >> 32) as usize;
            kept.or(list.get(i)).map_or(Pick::NoEndpoints, |t| Pick::Target((*t).clone()))
        }
    }
}

/// The tables of all services, with what proxies that are behind still work with.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    seed: u64,
    number: u64,
    services: OrdMap<Key, Vector<Arc<Version>>>,
    /// Nodes that are cut off, with the tables that their proxies knew then.
    cut: OrdMap<Arc<str>, OrdMap<Key, Arc<Version>>>,
    addresses: OrdMap<u32, Key>,
    node_ports: OrdMap<u16, Key>,
}

impl Tables {
    /// No tables yet.
    pub fn new(seed: u64) -> Tables {
        Tables { seed, ..Tables::default() }
    }

    /// How long a node takes to take a change over.
    pub fn lag(&self, node: &str, number: u64) -> SimDuration {
        let of_node = fnv(node.as_bytes()) ^ self.seed;
        let of_change = fnv(&number.to_le_bytes()) ^ of_node;
        let ms = LAG_LEAST + of_node.wrapping_mul(0x9e37_79b9) % LAG_NODE + (of_change >> 20) % LAG_CHANGE;
        SimDuration::from_millis(ms)
    }

    fn push(&mut self, key: &Key, now: SimTime, change: impl FnOnce(&mut Version)) {
        self.number += 1;
        let list = self.services.entry(key.clone()).or_default();
        let mut new = match list.back() {
            Some(v) => Version {
                at: now,
                number: self.number,
                service: v.service.clone(),
                slices: v.slices.clone(),
                pools: OnceLock::new(),
            },
            None => {
                Version { at: now, number: self.number, service: None, slices: OrdMap::new(), pools: OnceLock::new() }
            }
        };
        change(&mut new);
        // changes of one moment are one version
        if list.back().is_some_and(|v| v.at == now) {
            list.pop_back();
        }
        list.push_back(Arc::new(new));
        // what every proxy has left behind
        while list.get(1).is_some_and(|next| next.at + LAG_MOST <= now) {
            list.pop_front();
        }
        if list.len() == 1
            && list.back().is_some_and(|v| v.service.is_none() && v.slices.is_empty() && v.at + LAG_MOST <= now)
        {
            self.services.remove(key);
        }
    }

    /// A service has changed or is gone.
    pub(super) fn service(&mut self, key: &Key, service: Option<Arc<Service>>, now: SimTime) {
        for ip in service.iter().flat_map(|s| addresses(s)) {
            self.addresses.insert(ip, key.clone());
        }
        for port in service.iter().flat_map(|s| s.spec.as_ref()?.ports.clone()).flatten() {
            if let Some(n) = port.node_port.filter(|n| *n > 0) {
                self.node_ports.insert(n as u16, key.clone());
            }
        }
        self.push(key, now, |v| v.service = service);
    }

    /// A slice of a service has changed or is gone.
    pub(super) fn slice(
        &mut self,
        key: &Key,
        name: &Arc<str>,
        slice: Option<&EndpointSlice>,
        now: SimTime,
        parse: impl Fn(&str) -> Option<Id>,
    ) {
        let read = slice.filter(|s| s.address_type == "IPv4").map(|s| Arc::new(read_slice(s, parse)));
        self.push(key, now, |v| match read {
            Some(s) => {
                v.slices.insert(name.clone(), s);
            }
            None => {
                v.slices.remove(name);
            }
        });
    }

    /// The newest version of a service's table: what the last proxy will come to.
    pub fn newest(&self, key: &Key) -> Option<&Arc<Version>> {
        self.services.get(key)?.back()
    }

    /// What a node's proxy works with at a moment; none: it has never heard of the service.
    pub fn seen(&self, key: &Key, node: &str, now: SimTime) -> Option<&Arc<Version>> {
        if !self.cut.is_empty()
            && let Some(known) = self.cut.get(node)
        {
            return known.get(key);
        }
        let list = self.services.get(key)?;
        list.iter().rev().find(|v| v.at + self.lag(node, v.number) <= now)
    }

    /// A node is cut off from all others: its proxy hears nothing any more.
    pub fn cut_off(&mut self, node: &Arc<str>, now: SimTime) {
        let known = self.services.keys().filter_map(|k| Some((k.clone(), self.seen(k, node, now)?.clone())));
        let known = known.collect();
        self.cut.insert(node.clone(), known);
    }

    /// A node is joined with the others again: its proxy knows at once what it has missed.
    pub fn join(&mut self, node: &str) {
        self.cut.remove(node);
    }

    /// Is a node cut off?
    pub fn is_cut(&self, node: &str) -> bool {
        !self.cut.is_empty() && self.cut.contains_key(node)
    }

    /// Nodes that are cut off.
    pub fn cut(&self) -> impl Iterator<Item = &Arc<str>> {
        self.cut.keys()
    }

    /// The service that has an address.
    pub fn by_address(&self, ip: u32) -> Option<&Key> {
        self.addresses.get(&ip)
    }

    /// The service that has a node port.
    pub fn by_node_port(&self, port: u16) -> Option<&Key> {
        self.node_ports.get(&port)
    }

    /// When a node's proxy will have stopped sending requests to an address; none: nobody has said yet that it is to.
    pub fn dropped(&self, key: &Key, ip: u32, node: &str) -> Option<SimTime> {
        if self.is_cut(node) {
            return None;
        }
        let list = self.services.get(key)?;
        let takes = |v: &Version| v.backends().any(|b| b.ip == ip && b.ready);
        if list.back().is_some_and(|v| takes(v)) {
            return None;
        }
        let first = list.iter().rev().take_while(|v| !takes(v)).last()?;
        Some(first.at + self.lag(node, first.number))
    }

    /// All services with their newest tables.
    pub fn services(&self) -> impl Iterator<Item = (&Key, &Arc<Version>)> {
        self.services.iter().filter_map(|(k, l)| Some((k, l.back()?)))
    }
}

/// The addresses on which a service answers.
pub fn addresses(s: &Service) -> Vec<u32> {
    let spec = s.spec.as_ref();
    let balancer = s.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|l| l.ingress.as_ref());
    let texts = spec
        .and_then(|s| s.cluster_ip.as_deref())
        .into_iter()
        .chain(spec.into_iter().flat_map(|s| s.external_ips.iter().flatten().map(String::as_str)))
        .chain(balancer.into_iter().flatten().filter_map(|i| i.ip.as_deref()));
    texts.filter_map(|t| t.parse::<Ipv4Addr>().ok()).map(u32::from).collect()
}

fn read_slice(s: &EndpointSlice, parse: impl Fn(&str) -> Option<Id>) -> Slice {
    let ports = s.ports.iter().flatten();
    let ports = ports.map(|p| (p.name.as_deref().unwrap_or_default().into(), p.port.unwrap_or_default() as u16));
    let mut names: Vec<Arc<str>> = vec![];
    let mut shared = |text: &str| -> Arc<str> {
        if let Some(n) = names.iter().find(|n| &***n == text) {
            return n.clone();
        }
        names.push(text.into());
        text.into()
    };
    let backends = s
        .endpoints
        .iter()
        .flatten()
        .filter_map(|e| {
            let ip: Ipv4Addr = e.addresses.first()?.parse().ok()?;
            let c = e.conditions.clone().unwrap_or_default();
            let ready = c.ready.unwrap_or(true);
            Some(Backend {
                pod: e.target_ref.as_ref().and_then(|t| parse(t.uid.as_deref()?)),
                ip: ip.into(),
                ready,
                serving: c.serving.unwrap_or(ready),
                terminating: c.terminating.unwrap_or(false),
                node: e.node_name.as_deref().map(&mut shared),
                hostname: e.hostname.as_deref().map(Into::into),
                hints: Hints::of(e),
            })
        })
        .collect();
    Slice { ports: ports.collect(), backends }
}
