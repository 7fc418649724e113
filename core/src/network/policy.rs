//! NetworkPolicies: who may talk to whom. Pure. Models the rules of networking.k8s.io/v1: a pod that no policy of a
//! direction selects takes all, else what any of them allows.

use crate::api::labels::Selector;
use crate::sim::Sim;
use crate::store::{Key, Kind, Obj, PodRecord};
use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A direction of traffic, seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The pod, if it is one.
    pub pod: Option<&'a Arc<PodRecord>>,
    /// Its address.
    pub ip: u32,
}

#[derive(Clone, Debug)]
enum Peer {
    /// Pods of namespaces; no namespaces: the policy's own.
    Pods(Selector, Option<Selector>),
    Block(u32, u32, Vec<(u32, u32)>),
    Nobody,
}

#[derive(Clone, Debug)]
enum Port {
    Any,
    Range(u16, u16),
    Named(Arc<str>),
}

/// A port of a protocol: UDP, or TCP.
#[derive(Clone, Debug)]
struct PortRule {
    udp: bool,
    port: Port,
}

#[derive(Clone, Debug)]
struct Rule {
    /// None: everybody.
    peers: Option<Vec<Peer>>,
    /// None: every port.
    ports: Option<Vec<PortRule>>,
}

/// A policy, read.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    namespace: Arc<str>,
    pods: Selector,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

impl Policy {
    /// Reads a policy.
    pub fn new(p: &NetworkPolicy) -> Policy {
        let spec = p.spec.clone().unwrap_or_default();
        let types = spec.policy_types.unwrap_or_default();
        let egress_given = spec.egress.as_ref().is_some_and(|e| !e.is_empty());
        let has = |t: &str| types.iter().any(|x| x == t);
        let ingress = (types.is_empty() || has("Ingress")).then(|| {
            let rules = spec.ingress.into_iter().flatten();
            rules.map(|r| rule(r.from.as_deref(), r.ports.as_deref())).collect()
        });
        let egress = (has("Egress") || (types.is_empty() && egress_given)).then(|| {
            let rules = spec.egress.into_iter().flatten();
            rules.map(|r| rule(r.to.as_deref(), r.ports.as_deref())).collect()
        });
        Policy {
            name: p.metadata.name.as_deref().unwrap_or_default().into(),
            namespace: p.metadata.namespace.as_deref().unwrap_or_default().into(),
            // no selector and the empty one select every pod of the namespace
            pods: match &spec.pod_selector {
                Some(s) => Selector::from_typed(Some(s)).unwrap_or(Selector::Nothing),
                None => Selector::everything(),
            },
            ingress,
            egress,
        }
    }

    fn rules(&self, d: Direction) -> Option<&[Rule]> {
        match d {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }
}

fn rule(peers: Option<&[NetworkPolicyPeer]>, ports: Option<&[NetworkPolicyPort]>) -> Rule {
    Rule {
        peers: peers.filter(|p| !p.is_empty()).map(|p| p.iter().map(peer).collect()),
        ports: ports.filter(|p| !p.is_empty()).map(|p| p.iter().filter_map(port).collect()),
    }
}

fn peer(p: &NetworkPolicyPeer) -> Peer {
    if let Some(b) = &p.ip_block {
        return block(b).unwrap_or(Peer::Nobody);
    }
    let pods = match &p.pod_selector {
        Some(s) => Selector::from_typed(Some(s)),
        None => Ok(Selector::everything()),
    };
    let namespaces = p.namespace_selector.as_ref().map(|s| Selector::from_typed(Some(s))).transpose();
    match (pods, namespaces) {
        (Ok(pods), Ok(namespaces)) => Peer::Pods(pods, namespaces),
        _ => Peer::Nobody,
    }
}

/// Address and mask of `10.0.0.0/8`.
pub fn cidr(text: &str) -> Option<(u32, u32)> {
    let (ip, bits) = text.split_once('/')?;
    let ip: Ipv4Addr = ip.parse().ok()?;
    let bits: u32 = bits.parse().ok().filter(|b| *b <= 32)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some((u32::from(ip) & mask, mask))
}

fn block(b: &IPBlock) -> Option<Peer> {
    let (ip, mask) = cidr(&b.cidr)?;
    Some(Peer::Block(ip, mask, b.except.iter().flatten().filter_map(|c| cidr(c)).collect()))
}

/// None: a port of a protocol that nothing here speaks.
fn port(p: &NetworkPolicyPort) -> Option<PortRule> {
    let udp = match p.protocol.as_deref().unwrap_or("TCP") {
        "TCP" => false,
        "UDP" => true,
        _ => return None,
    };
    let port = match &p.port {
        None => Port::Any,
        Some(IntOrString::Int(n)) => {
            let from = *n as u16;
            Port::Range(from, p.end_port.map_or(from, |e| e as u16))
        }
        Some(IntOrString::String(s)) => Port::Named(s.as_str().into()),
    };
    Some(PortRule { udp, port })
}

fn selects(sim: &Sim, policy: &Policy, peer: &Peer, end: End<'_>) -> bool {
    match peer {
        Peer::Nobody => false,
        Peer::Block(ip, mask, except) => end.ip & mask == *ip && !except.iter().any(|(ip, mask)| end.ip & mask == *ip),
        Peer::Pods(pods, namespaces) => {
            let Some(pod) = end.pod else { return false };
            let there = match namespaces {
                None => pod.namespace == policy.namespace,
                Some(s) => match sim.store.get(Kind::Namespace, &Key::new("", pod.namespace.clone())) {
                    Some(Obj::Namespace(n)) => s.matches_by(|k| n.metadata.labels.as_ref()?.get(k).map(String::as_str)),
                    _ => false,
                },
            };
            there && pods.matches_by(|k| pod.proto.labels.get(k))
        }
    }
}

fn fits(ports: &[PortRule], to: Wanted, target: Option<&Arc<PodRecord>>) -> bool {
    ports.iter().filter(|p| p.udp == to.udp).any(|p| match &p.port {
        Port::Any => true,
        Port::Range(from, until) => (*from..=*until).contains(&to.port),
        Port::Named(name) => {
            let spec = target.and_then(|t| t.proto.pod.spec.as_ref());
            let containers = spec.into_iter().flat_map(|s| &s.containers);
            containers.flat_map(|c| c.ports.iter().flatten()).any(|p| {
                p.name.as_deref() == Some(&**name)
                    && p.container_port == i32::from(to.port)
                    && super::tables::is_udp(p.protocol.as_deref()) == to.udp
            })
        }
    })
}

/// The port that somebody wants to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its number.
    pub port: u16,
    /// By UDP, or by TCP.
    pub udp: bool,
}

/// Is a connection to a port allowed in one direction? The error: the policies that select the pod, none of which does.
fn one_way(
    sim: &Sim,
    d: Direction,
    pod: &Arc<PodRecord>,
    other: End<'_>,
    port: Wanted,
    to: Option<&Arc<PodRecord>>,
) -> Result<(), Arc<str>> {
    let mut against = None;
    for p in sim.network.policies(&pod.namespace) {
        let Some(rules) = p.rules(d).filter(|_| p.pods.matches_by(|k| pod.proto.labels.get(k))) else { continue };
        let allows = rules.iter().any(|r| {
            r.peers.as_ref().is_none_or(|peers| peers.iter().any(|x| selects(sim, p, x, other)))
                && r.ports.as_ref().is_none_or(|ports| fits(ports, port, to))
        });
        if allows {
            return Ok(());
        }
        against.get_or_insert_with(|| p.name.clone());
    }
    against.map_or(Ok(()), Err)
}

/// May a pod ask the cluster's name server by UDP? It runs in the namespace `kube-system`, whatever its pods are called.
pub fn names_allowed(sim: &Sim, pod: &Arc<PodRecord>) -> bool {
    names_denied(sim, pod).is_none()
}

/// The policy by which a pod may not ask the cluster's name server; none: it may.
pub fn names_denied(sim: &Sim, pod: &Arc<PodRecord>) -> Option<Key> {
    let mut against = None;
    for p in sim.network.policies(&pod.namespace) {
        let Some(rules) = p.egress.as_deref().filter(|_| p.pods.matches_by(|k| pod.proto.labels.get(k))) else {
            continue;
        };
        against.get_or_insert_with(|| Key::new(pod.namespace.clone(), p.name.clone()));
        let allows = rules.iter().any(|r| {
            r.peers.as_ref().is_none_or(|peers| peers.iter().any(|x| reaches_names(sim, p, x)))
                && r.ports.as_ref().is_none_or(|ports| ports.iter().any(asks_names))
        });
        if allows {
            return None;
        }
    }
    against
}

/// Is it the port that name servers are asked on?
fn asks_names(p: &PortRule) -> bool {
    p.udp
        && match &p.port {
            Port::Any => true,
            Port::Range(from, to) => (*from..=*to).contains(&53),
            Port::Named(name) => &**name == "dns",
        }
}

fn reaches_names(sim: &Sim, policy: &Policy, peer: &Peer) -> bool {
    match peer {
        Peer::Nobody => false,
        Peer::Block(ip, mask, except) => {
            let server = super::dns::SERVER;
            server & mask == *ip && !except.iter().any(|(ip, mask)| server & mask == *ip)
        }
        Peer::Pods(pods, namespaces) => {
            let system = match namespaces {
                None => &*policy.namespace == "kube-system",
                Some(s) => match sim.store.get(Kind::Namespace, &Key::new("", "kube-system")) {
                    Some(Obj::Namespace(n)) => s.matches_by(|k| n.metadata.labels.as_ref()?.get(k).map(String::as_str)),
                    _ => false,
                },
            };
            system && pods.matches_by(|k| (k == "k8s-app").then_some("kube-dns"))
        }
    }
}

/// May one end connect to a port of the other?
///
/// # Errors
/// Where it is stopped, and by which policy (namespace and name).
pub fn allowed(sim: &Sim, from: End<'_>, to: End<'_>, port: Wanted) -> Result<(), (Direction, Key)> {
    if sim.network.policies.is_empty() {
        return Ok(());
    }
    // a pod always reaches itself; pods that share their node's network are no pods to a policy
    if let (Some(a), Some(b)) = (from.pod, to.pod)
        && a.id == b.id
    {
        return Ok(());
    }
    let own = |p: &&Arc<PodRecord>| p.proto.pod.spec.as_ref().is_none_or(|s| s.host_network != Some(true));
    if let Some(pod) = from.pod.filter(own) {
        one_way(sim, Direction::Egress, pod, to, port, to.pod)
            .map_err(|name| (Direction::Egress, Key::new(pod.namespace.clone(), name)))?;
    }
    if let Some(pod) = to.pod.filter(own) {
        one_way(sim, Direction::Ingress, pod, from, port, to.pod)
            .map_err(|name| (Direction::Ingress, Key::new(pod.namespace.clone(), name)))?;
    }
    Ok(())
}
