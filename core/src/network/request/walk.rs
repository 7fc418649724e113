//! A request's way: from its sender by names, tables, policies and the ingress controller to the pod that answers.

use super::{Failure, Found, Hop, Place, Question, Reached, Sender, Told, Url, Way};
use crate::clock::SimDuration;
use crate::network::passed::Via;
use crate::network::policy::End;
use crate::network::tables::{Pick, Pool, Target, Version, eligible, is_udp, pick};
use crate::network::{INGRESS, Listens, Servers, dns, ingress, policy, topology};
use crate::runtime::web::{Asked, Onward};
use crate::sim::Sim;
use crate::store::{Key, PodRecord};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Endpoints that the ingress controller tries before it gives up.
const TRIES: u32 = 3;
/// Servers that pass a request on one after the other.
const DEEP: u32 = 4;

const DNS_TIME: u64 = 400;
const BALANCER_TIME: u64 = 500;
const NODE_TIME: u64 = 250;
const SAME_NODE_TIME: u64 = 60;
const INGRESS_TIME: u64 = 400;

/// A walk through the network.
struct Walk<'a> {
    sim: &'a Sim,
    servers: &'a dyn Servers,
    from: &'a Sender,
    url: &'a Url,
    draw: &'a mut dyn FnMut() -> u32,
    record: bool,
    hops: Vec<Hop>,
    took: u64,
    tie: Option<(Key, u16, u32)>,
    gateway: bool,
    via: Via,
    /// The node that it has come to; none: none yet, or the ingress controller.
    at: Option<Arc<str>>,
    /// The one address that the URL's name has.
    found: Option<Found>,
    /// The name has several addresses.
    several: bool,
    /// How many servers have passed it on.
    depth: u32,
}

/// Sends a request: where does it get? `record`: the hops are wanted. `draw` gives 32 random bits at each call.
pub fn send(
    sim: &Sim,
    servers: &dyn Servers,
    from: &Sender,
    url: &Url,
    record: bool,
    draw: &mut dyn FnMut() -> u32,
) -> Way {
    send_to(sim, servers, from, url, None, record, draw)
}

/// As [`send`], to an address that the URL's name is known to have at this moment.
pub fn send_to(
    sim: &Sim,
    servers: &dyn Servers,
    from: &Sender,
    url: &Url,
    known: Option<Found>,
    record: bool,
    draw: &mut dyn FnMut() -> u32,
) -> Way {
    let at = from.node.clone();
    let mut walk = Walk {
        sim,
        servers,
        from,
        url,
        draw,
        record,
        hops: vec![],
        took: 0,
        tie: None,
        gateway: false,
        via: Via::default(),
        at,
        found: None,
        several: false,
        depth: 0,
    };
    let end = match known {
        Some(found) => {
            walk.found = known;
            walk.took = found.took;
            walk.to(found.ip)
        }
        None => walk.go(),
    };
    let Walk { hops, took, tie, gateway, via, found, .. } = walk;
    Way { hops, took: SimDuration(took), end, tie, gateway, via, address: found }
}

impl Walk<'_> {
    fn hop(&mut self, place: impl FnOnce() -> Place) {
        if self.record {
            let at = self.sim.now + SimDuration(self.took);
            self.hops.push(Hop { at, place: place() });
        }
    }

    fn go(&mut self) -> Result<Reached, Failure> {
        match &self.from.pod {
            Some(p) => {
                let p = p.clone();
                self.hop(|| Place::Pod(p.id, p.key()));
            }
            None => match self.from.node.clone() {
                Some(n) => self.hop(|| Place::Node(n)),
                None => self.hop(|| Place::Outside),
            },
        }
        let ip = self.address()?;
        // the first hop of a name that has several addresses is another one each time
        if !self.several {
            self.found = Some(Found { ip, took: self.took });
        }
        self.to(ip)
    }

    /// Goes on to a node (none: to what stands on none): both ends have to be joined with the others.
    fn crosses(&self, to: Option<&Arc<str>>) -> Result<(), Failure> {
        if self.at.as_ref() == to {
            return Ok(());
        }
        let cut = |n: &&Arc<str>| self.sim.network.tables.is_cut(n);
        match self.at.as_ref().filter(cut).or(to.filter(cut)) {
            Some(node) => Err(Failure::CutOff(node.clone())),
            None => Ok(()),
        }
    }

    /// The address of the URL's host.
    fn address(&mut self) -> Result<u32, Failure> {
        let host = self.url.host.clone();
        if let Ok(ip) = host.parse::<Ipv4Addr>() {
            return Ok(ip.into());
        }
        if !self.from.inside() {
            // outside, nodes are known by name, and hosts of Ingresses lead to their controller
            if let Some((_, ip)) = self.sim.network.nodes().iter().find(|(n, _)| **n == *host) {
                return Ok(*ip);
            }
            if ingress::knows_host(self.sim, &host) {
                self.took += DNS_TIME;
                self.hop(|| Place::Dns(host, INGRESS));
                return Ok(INGRESS);
            }
            return Err(Failure::UnknownHost(host));
        }
        if let Some(pod) = &self.from.pod {
            let own = pod.proto.pod.spec.as_ref().and_then(|s| s.hostname.as_deref()).unwrap_or(&pod.name);
            if matches!(&*host, "localhost") || *own == *host {
                return Ok(self.from.ip);
            }
            if let Some(ip) = dns::alias(pod, &host) {
                return Ok(ip);
            }
            // a pod that may not send to the name server learns nothing
            if let Some(policy) = policy::names_denied(self.sim, pod) {
                return Err(Failure::NamesDenied(host, policy));
            }
        }
        // the name server stands on no node that can be cut off
        self.crosses(None)?;
        self.took += DNS_TIME;
        let resolver = match &self.from.pod {
            Some(pod) => dns::Resolver::of(pod),
            None => dns::Resolver::cluster(&self.from.namespace),
        };
        match dns::lookup(self.sim, &resolver, &host) {
            dns::Name::Addresses(name, ips) => {
                let i = ((u64::from((self.draw)()) * ips.len() as u64) >> 32) as usize;
                // a headless Service's name leads past every table, and what passes is counted by the name
                self.via.named = dns::service_of(&name).filter(|key| is_headless(self.sim, key));
                self.several = ips.len() > 1 || self.via.named.is_some();
                let ip = ips.get(i).copied().ok_or_else(|| Failure::UnknownHost(host.clone()))?;
                self.hop(|| Place::Dns(name.into(), ip));
                Ok(ip)
            }
            // what lies outside the cluster is not there
            dns::Name::Elsewhere(_) | dns::Name::Unknown => Err(Failure::UnknownHost(host)),
        }
    }

    fn to(&mut self, ip: u32) -> Result<Reached, Failure> {
        let port = self.url.port;
        let source = self.from.ip;
        if let Some(p) = self.from.pod.clone()
            && (ip >> 24 == 127 || ip == source)
        {
            let target =
                Target { pod: Some(p.id), ip: source, port, node: p.node.clone(), terminating: false, hints: None };
            return self.connect(&target, source, None);
        }
        if let Some(key) = self.sim.network.tables.by_address(ip).cloned() {
            return match self.from.node.clone() {
                Some(node) => self.service(&key, ip, &node, true, source),
                None => self.balanced(&key, ip),
            };
        }
        if ip == INGRESS {
            self.crosses(None)?;
            return self.by_ingress();
        }
        if let Some((name, _)) = self.sim.network.nodes().iter().find(|(_, n)| *n == ip).cloned() {
            return self.node_port(&name, port, source);
        }
        if self.from.inside()
            && let Some(id) = self.servers.holder(ip)
        {
            let node = self.sim.store.pod(id).and_then(|p| p.node.clone());
            let target = Target { pod: Some(id), ip, port, node, terminating: false, hints: None };
            return self.connect(&target, source, None);
        }
        self.hop(|| Place::Address(ip));
        self.crosses(None)?;
        Err(Failure::NoRoute(ip))
    }

    /// From outside to the address of a load balancer; others are not there for it.
    fn balanced(&mut self, key: &Key, ip: u32) -> Result<Reached, Failure> {
        let Some(version) = self.sim.network.tables.newest(key).cloned() else { return Err(Failure::NoRoute(ip)) };
        let service = version.service.clone();
        let Some(service) = service.as_ref().filter(|s| is_balanced_at(s, ip)) else {
            return Err(Failure::NoRoute(ip));
        };
        self.took += BALANCER_TIME;
        self.via.service = Some(key.clone());
        let spec = service.spec.clone().unwrap_or_default();
        self.hop(|| Place::LoadBalancer(key.clone()));
        let ranges: Vec<_> = spec.load_balancer_source_ranges.iter().flatten().collect();
        let inside = |(net, mask): (u32, u32)| self.from.ip & mask == net;
        if !ranges.is_empty() && !ranges.iter().filter_map(|r| policy::cidr(r.trim())).any(inside) {
            return Err(Failure::NoRoute(ip));
        }
        // it asks nodes whether they have endpoints where the policy keeps traffic on its node
        let local = version.external_local();
        let index =
            version.port(self.url.port, self.url.udp).ok_or_else(|| Failure::NoPort(key.clone(), self.url.port))?;
        let nodes: Vec<Arc<str>> = match version.pools().get(index).filter(|_| local) {
            Some(pool) => {
                let has = |n: &str| eligible(pool, Some(n)).is_ok();
                self.sim.network.nodes().iter().filter(|(n, _)| has(n)).map(|(n, _)| n.clone()).collect()
            }
            None => {
                let nodes = self.sim.network.nodes();
                let i = ((u64::from((self.draw)()) * nodes.len() as u64) >> 32) as usize;
                nodes.get(i).map(|(n, _)| n.clone()).into_iter().collect()
            }
        };
        let i = ((u64::from((self.draw)()) * nodes.len() as u64) >> 32) as usize;
        let Some(node) = nodes.get(i).cloned() else {
            return Err(if local { Failure::NoEndpoints(key.clone()) } else { Failure::NoRoute(ip) });
        };
        self.at_node(&node)?;
        self.service(key, ip, &node, false, self.from.ip)
    }

    fn at_node(&mut self, node: &Arc<str>) -> Result<(), Failure> {
        self.took += NODE_TIME;
        let n = node.clone();
        self.hop(|| Place::Node(n));
        self.crosses(Some(node))?;
        self.at = Some(node.clone());
        if self.servers.powered(node) { Ok(()) } else { Err(Failure::NodeDown(node.clone())) }
    }

    fn node_port(&mut self, node: &Arc<str>, port: u16, source: u32) -> Result<Reached, Failure> {
        self.at_node(node)?;
        let key = self.sim.network.tables.by_node_port(port).cloned();
        let version = key.as_ref().and_then(|k| self.sim.network.tables.seen(k, node, self.sim.now)).cloned();
        let index = version.as_ref().and_then(|v| v.node_port(port, self.url.udp));
        let (Some(key), Some(version), Some(index)) = (key, version, index) else {
            // the proxy tells load balancers whether its node has endpoints
            if let Some((key, local)) = self.health(node, port) {
                return Err(Failure::Health(key, node.clone(), local));
            }
            // no service: a process on the node, or a pod that shares its network
            let host = self.sim.store.pods_on_node(node).find(|p| {
                let shares = p.proto.pod.spec.as_ref().is_some_and(|s| s.host_network == Some(true));
                shares && matches!(self.servers.listens(self.sim, p.id, port), Listens::Open(_))
            });
            // or one whose port the node's runtime leads on to
            let led = |p: &PodRecord| {
                let spec = p.proto.pod.spec.as_ref()?;
                let mut ports = spec.containers.iter().flat_map(|c| c.ports.iter().flatten());
                let hit = ports
                    .find(|c| c.host_port == Some(i32::from(port)) && is_udp(c.protocol.as_deref()) == self.url.udp)?;
                Some(hit.container_port as u16).filter(|_| p.status.ip != 0 && !p.status.phase.is_terminal())
            };
            let mapped = self.sim.store.pods_on_node(node).find_map(|p| Some((p.clone(), led(p)?)));
            if let Some((p, to)) = mapped.filter(|_| host.is_none()) {
                let (ip, pod_node) = (p.status.ip, p.node.clone());
                let target = Target { pod: Some(p.id), ip, port: to, node: pod_node, terminating: false, hints: None };
                return self.connect(&target, source, None);
            }
            return match host {
                Some(p) => {
                    let ip = p.status.host_ip;
                    let target =
                        Target { pod: Some(p.id), ip, port, node: p.node.clone(), terminating: false, hints: None };
                    self.connect(&target, source, None)
                }
                None => Err(Failure::Refused(Key::new("", node.clone()), port)),
            };
        };
        self.through(&key, &version, index, node, false, source)
    }

    /// The service that has this health check port, and how many of its ready endpoints are on a node.
    fn health(&self, node: &Arc<str>, port: u16) -> Option<(Key, u32)> {
        let checked = |v: &Version| {
            let spec = v.service.as_ref().and_then(|s| s.spec.as_ref());
            spec.is_some_and(|s| s.health_check_node_port == Some(i32::from(port)))
        };
        let (key, _) = self.sim.network.tables.services().find(|(_, v)| checked(v))?;
        let version = self.sim.network.tables.seen(key, node, self.sim.now)?;
        let here = version.backends().filter(|b| b.ready && b.node.as_ref() == Some(node));
        let ips: std::collections::BTreeSet<u32> = here.map(|b| b.ip).collect();
        Some((key.clone(), ips.len() as u32))
    }

    /// Through a node's table for a service's own address.
    fn service(&mut self, key: &Key, ip: u32, node: &Arc<str>, inside: bool, source: u32) -> Result<Reached, Failure> {
        let Some(version) = self.sim.network.tables.seen(key, node, self.sim.now).cloned() else {
            return Err(Failure::NoRoute(ip));
        };
        if version.service.is_none() {
            return Err(Failure::NoRoute(ip));
        }
        self.via.service = Some(key.clone());
        let Some(index) = version.port(self.url.port, self.url.udp) else {
            return Err(Failure::NoPort(key.clone(), self.url.port));
        };
        self.through(key, &version, index, node, inside, source)
    }

    fn through(
        &mut self,
        key: &Key,
        version: &Arc<Version>,
        index: usize,
        node: &Arc<str>,
        inside: bool,
        source: u32,
    ) -> Result<Reached, Failure> {
        self.hop(|| Place::Service(key.clone()));
        self.via.service = Some(key.clone());
        let empty = Pool::default();
        let pool = version.pools().get(index).unwrap_or(&empty);
        // what comes from the cluster itself has no way to keep to: pods, and processes of this very node
        let own = self.from.pod.is_some() && !self.gateway || self.from.node.as_ref() == Some(node);
        let local = if inside { version.internal_local() } else { version.external_local() && !own };
        let near = if local { None } else { topology::near(self.sim, pool, node) };
        let pool = near.as_ref().unwrap_or(pool);
        if is_own_api(key) {
            self.crosses(None)?;
            let down = self.sim.plane.is_stopped(crate::sim::plane::Part::ApiServer);
            return Err(if down { Failure::ApiDown } else { Failure::Api });
        }
        let port = self.url.port;
        let affinity = version.affinity();
        let network = &self.sim.network;
        let tied = affinity.and_then(|t| network.tied(key, port, source, t, self.sim.now));
        // a client that has no endpoint yet comes to the same one each time, until its first choice is remembered
        let draw = match affinity {
            Some(_) => crate::store::pod::fnv(&source.to_be_bytes()) as u32,
            None => (self.draw)(),
        };
        match pick(pool, local.then_some(&**node), tied, draw) {
            Pick::NoEndpoints => Err(Failure::NoEndpoints(key.clone())),
            Pick::NoLocalEndpoints => Err(Failure::NoLocalEndpoints(key.clone(), node.clone())),
            Pick::Target(t) => {
                if affinity.is_some() {
                    self.tie = Some((key.clone(), port, t.ip));
                }
                // a node that passes a request on from outside does so in its own name
                let shown = match (inside, local) {
                    (false, false) if !version.external_local() => {
                        network.nodes().iter().find(|(n, _)| n == node).map_or(source, |(_, ip)| *ip)
                    }
                    _ => source,
                };
                self.took += if t.node.as_ref() == Some(node) { SAME_NODE_TIME } else { NODE_TIME };
                self.connect(&t, shown, Some((key, node)))
            }
        }
    }

    fn connect(&mut self, t: &Target, source: u32, by: Option<(&Key, &Arc<str>)>) -> Result<Reached, Failure> {
        let id = t.pod.or_else(|| self.servers.holder(t.ip));
        let pod = id.and_then(|id| self.sim.store.pod(id)).cloned();
        let gone = |pod: Key| match by {
            Some((service, node)) => {
                Failure::Stale { service: service.clone(), pod, pod_ip: t.ip, node: node.clone(), late: None }
            }
            None => Failure::NoRoute(t.ip),
        };
        let Some(pod) = pod else {
            let ip = t.ip;
            self.hop(|| Place::Address(ip));
            self.crosses(t.node.as_ref())?;
            return Err(gone(Key::new("", Ipv4Addr::from(ip).to_string())));
        };
        self.hop(|| Place::Pod(pod.id, pod.key()));
        self.crosses(pod.node.as_ref())?;
        let wanted = policy::Wanted { port: t.port, udp: self.url.udp };
        let from = End { pod: self.from.pod.as_ref().filter(|_| !self.gateway), ip: source };
        if let Err((direction, policy)) = policy::allowed(self.sim, from, End { pod: Some(&pod), ip: t.ip }, wanted) {
            return Err(Failure::Denied(direction, policy));
        }
        if !speaks(&pod, t.port, self.url.udp) {
            return Err(Failure::Refused(pod.key(), t.port));
        }
        match self.servers.listens(self.sim, pod.id, t.port) {
            Listens::Open(since) => {
                let asked = Asked { source, ..self.url.asked() };
                let on = self.servers.passes_on(self.sim, pod.id, t.port, asked).filter(|_| !self.url.udp);
                match on {
                    Some(on) => self.passed_on(&pod, t.port, on),
                    None => Ok(Reached { pod, port: t.port, since, question: None, source, by: vec![] }),
                }
            }
            Listens::Stopping => Err(if by.is_some() { gone(pod.key()) } else { Failure::Refused(pod.key(), t.port) }),
            Listens::Closed if by.is_some() && pod.deletion.is_some() => Err(gone(pod.key())),
            Listens::Closed => Err(Failure::Refused(pod.key(), t.port)),
            Listens::Away => Err(match pod.node.clone().filter(|n| !self.servers.powered(n)) {
                Some(node) => Failure::NodeDown(node),
                None => gone(pod.key()),
            }),
        }
    }

    /// On from a pod whose server passes it on, in the pod's own name. Of several it tries the next one where nobody takes
    /// the connection; one that does not answer at all is left out after its first failure, so it costs nothing here.
    fn passed_on(&mut self, pod: &Arc<PodRecord>, own: u16, on: Onward) -> Result<Reached, Failure> {
        let fails = |code: u16, why: Failure| Failure::Proxy(pod.key(), code, Box::new(why));
        if self.depth >= DEEP {
            return Err(fails(500, Failure::NoAnswer(pod.key())));
        }
        let rate = self.sim.network.served.rate(pod.id, own, self.sim.now);
        self.took += self.servers.serves_in(self.sim, pod.id, own, rate).0.min(super::PATIENCE.0);
        let from = Sender::pod(pod);
        let mut places: Vec<(Arc<str>, Option<u32>, u16)> =
            on.to.iter().map(|(ip, port)| (Ipv4Addr::from(*ip).to_string().into(), Some(*ip), *port)).collect();
        places.extend(on.by_name.map(|(name, port)| (name, None, port)));
        let mut why = Failure::NoAnswer(pod.key());
        for (host, ip, port) in places {
            let url = Url { host, port, path: on.path.clone(), udp: false, named: Some(on.host.clone()) };
            let mut next = Walk {
                sim: self.sim,
                servers: self.servers,
                from: &from,
                url: &url,
                draw: &mut *self.draw,
                record: self.record,
                hops: vec![],
                took: self.took,
                tie: None,
                gateway: false,
                via: Via::default(),
                at: pod.node.clone(),
                found: None,
                several: false,
                depth: self.depth + 1,
            };
            let end = match ip {
                Some(ip) => next.to(ip),
                None => next.address().and_then(|ip| next.to(ip)),
            };
            let Walk { hops, took, via, .. } = next;
            self.hops.extend(hops);
            self.took = took;
            self.via.behind = via.behind.or(via.service);
            match end {
                Ok(mut reached) => {
                    reached.by.push((pod.id, own));
                    reached.question.get_or_insert_with(|| Arc::new(Question { host: on.host, path: on.path }));
                    return Ok(reached);
                }
                // an answer of another server's is one
                Err(why @ Failure::Proxy(_, code, _)) => return Err(fails(code, why)),
                Err(failure) => why = failure,
            }
        }
        Err(match why.told() {
            Told::TimedOut => fails(504, why),
            Told::UnknownHost => fails(502, why),
            _ => fails(on.refused, why),
        })
    }

    /// By the ingress controller, which knows endpoints as a node's proxy does and tries another one when it is refused.
    fn by_ingress(&mut self) -> Result<Reached, Failure> {
        self.took += BALANCER_TIME;
        if !matches!(self.url.port, 80 | 443) {
            return Err(Failure::NoRoute(INGRESS));
        }
        self.gateway = true;
        self.at = None;
        let host = self.url.named.as_ref().unwrap_or(&self.url.host);
        let found = ingress::route(self.sim, host, &self.url.path);
        let Some((ingress, backend)) = found else {
            self.hop(|| Place::Ingress(Key::new("", "")));
            return Err(Failure::Gateway(404, None));
        };
        self.hop(|| Place::Ingress(ingress.clone()));
        self.via.ingress = Some(ingress.clone());
        self.took += INGRESS_TIME;
        let Some(to) = backend.service else { return Err(Failure::Gateway(503, None)) };
        let key = Key::new(ingress.namespace.clone(), to.name.as_str());
        self.via.service = Some(key.clone());
        let node: Arc<str> = "ingress-nginx".into();
        let version = self.sim.network.tables.seen(&key, &node, self.sim.now).cloned();
        let spec = version.as_ref().and_then(|v| v.service.as_ref()).and_then(|s| s.spec.clone()).unwrap_or_default();
        let wanted = to.port.unwrap_or_default();
        let index = spec.ports.iter().flatten().position(|p| match (&wanted.name, wanted.number) {
            (Some(n), _) => p.name.as_deref() == Some(n),
            (None, n) => Some(p.port) == n,
        });
        let Some((version, index)) = version.zip(index) else {
            return Err(Failure::Gateway(503, Some(Box::new(Failure::NoEndpoints(key)))));
        };
        self.hop(|| Place::Service(key.clone()));
        let mut why = Failure::NoEndpoints(key.clone());
        let mut tried: Vec<u32> = vec![];
        for _ in 0..TRIES {
            let pool = version.pools().get(index).cloned().unwrap_or_default();
            let left = |list: Vec<Target>| list.into_iter().filter(|t| !tried.contains(&t.ip)).collect::<Vec<_>>();
            let pool = Pool { ready: left(pool.ready), last_resort: left(pool.last_resort) };
            let draw = (self.draw)();
            let Pick::Target(t) = pick(&pool, None, None, draw) else { break };
            tried.push(t.ip);
            self.took += NODE_TIME;
            match self.connect(&t, INGRESS, Some((&key, &node))) {
                Ok(reached) => return Ok(reached),
                Err(f) => why = f,
            }
        }
        let code = match (&why, tried.is_empty()) {
            (_, true) => 503,
            (f, _) if f.told() == Told::TimedOut => 504,
            _ => 502,
        };
        Err(Failure::Gateway(code, Some(Box::new(why))))
    }
}

/// Does a pod speak a protocol on a port? What it declares counts; who declares nothing speaks TCP.
fn speaks(pod: &PodRecord, port: u16, udp: bool) -> bool {
    let spec = pod.proto.pod.spec.as_ref();
    let mut declared = spec
        .into_iter()
        .flat_map(|s| &s.containers)
        .flat_map(|c| c.ports.iter().flatten())
        .filter(|p| p.container_port == i32::from(port))
        .map(|p| is_udp(p.protocol.as_deref()))
        .peekable();
    if declared.peek().is_none() { !udp } else { declared.any(|u| u == udp) }
}

fn is_balanced_at(s: &k8s_openapi::api::core::v1::Service, ip: u32) -> bool {
    let text = Ipv4Addr::from(ip).to_string();
    let balancer = s.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|l| l.ingress.as_ref());
    let external = s.spec.as_ref().and_then(|s| s.external_ips.as_ref());
    balancer.into_iter().flatten().any(|i| i.ip.as_deref() == Some(&text))
        || external.into_iter().flatten().any(|i| *i == text)
}

fn is_headless(sim: &Sim, key: &Key) -> bool {
    let service = sim.store.typed::<k8s_openapi::api::core::v1::Service>(key);
    service.is_some_and(|s| s.spec.as_ref().is_some_and(|s| s.cluster_ip.as_deref() == Some("None")))
}

/// The API server's own service: what it says to those who bring no token.
fn is_own_api(key: &Key) -> bool {
    &*key.namespace == "default" && &*key.name == "kubernetes"
}
