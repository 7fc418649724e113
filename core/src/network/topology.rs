//! Which endpoints a node's proxy chooses from: traffic policies, terminating endpoints, hints of slices. Pure.
//! Models CategorizeEndpoints of pkg/proxy/topology.go, and the hints of staging/src/k8s.io/endpointslice/trafficdist.

use super::tables::{Pool, Target};
use crate::sim::Sim;
use crate::store::Key;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints, ForNode, ForZone};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// For which zones and nodes an endpoint is meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hints {
    /// Zones.
    pub zones: Vec<Arc<str>>,
    /// Nodes.
    pub nodes: Vec<Arc<str>>,
}

impl Hints {
    /// Those of an endpoint of a slice; none: it has none.
    pub fn of(endpoint: &Endpoint) -> Option<Arc<Hints>> {
        let hints = endpoint.hints.as_ref()?;
        Some(Arc::new(Hints {
            zones: hints.for_zones.iter().flatten().map(|z| z.name.as_str().into()).collect(),
            nodes: hints.for_nodes.iter().flatten().map(|n| n.name.as_str().into()).collect(),
        }))
    }
}

/// An endpoint as a proxy sees it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Takes requests.
    pub ready: bool,
    /// Would take requests, were it not terminating.
    pub serving: bool,
    /// It is going away.
    pub terminating: bool,
    /// It is on the proxy's own node.
    pub local: bool,
    /// For whom it is meant.
    pub hints: Hints,
}

/// What of a service decides about its endpoints.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Traffic from inside stays on its node.
    pub internal_local: bool,
    /// Traffic from outside stays on the node that it came to.
    pub external_local: bool,
    /// It can be reached from outside: a node port, a load balancer, external addresses.
    pub external: bool,
}

/// By which hints endpoints are narrowed down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None: all take part.
    Any,
    /// Those meant for this zone.
    SameZone,
    /// Those meant for this node.
    SameNode,
}

impl Mode {
    /// Hints count if all ready endpoints have them and one is meant for here: node before zone.
    fn of<'a>(ready: impl Iterator<Item = &'a Hints> + Clone, node: &str, zone: &str, same_node: bool) -> Mode {
        let serves = |part: fn(&Hints) -> &[Arc<str>], here: &str| {
            ready.clone().all(|h| !part(h).is_empty()) && ready.clone().any(|h| part(h).iter().any(|x| &**x == here))
        };
        if same_node && serves(|h| &h.nodes, node) {
            Mode::SameNode
        } else if serves(|h| &h.zones, zone) {
            Mode::SameZone
        } else {
            Mode::Any
        }
    }

    fn admits(self, hints: &Hints, node: &str, zone: &str) -> bool {
        match self {
            Mode::Any => true,
            Mode::SameZone => hints.zones.iter().any(|z| &**z == zone),
            Mode::SameNode => hints.nodes.iter().any(|n| &**n == node),
        }
    }
}

/// The sets of endpoints, as places in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Categories {
    /// For traffic that may go anywhere; none: there is no such traffic.
    pub cluster: Option<BTreeSet<usize>>,
    /// For traffic that stays on its node; none: there is no such traffic.
    pub local: Option<BTreeSet<usize>>,
    /// All that some traffic may reach.
    pub all: BTreeSet<usize>,
}

/// Sorts a service's endpoints for one node. `same_node`: hints for nodes count (they do in this version).
pub fn categorize(list: &[Seen], policy: Policy, node: &str, zone: &str, same_node: bool) -> Categories {
    let mut out = Categories::default();
    if list.is_empty() {
        return out;
    }
    let those = |keep: &dyn Fn(&Seen) -> bool| -> BTreeSet<usize> {
        list.iter().enumerate().filter(|(_, e)| keep(e)).map(|(i, _)| i).collect()
    };
    let last_resort = |e: &Seen| e.serving && e.terminating;
    if !policy.internal_local || policy.external {
        let ready = list.iter().filter(|e| e.ready).map(|e| &e.hints);
        let mode = Mode::of(ready, node, zone, same_node);
        let mut cluster = those(&|e| e.ready && mode.admits(&e.hints, node, zone));
        if cluster.is_empty() {
            cluster = those(&last_resort);
        }
        out.all.extend(&cluster);
        out.cluster = Some(cluster);
    }
    if policy.internal_local || (policy.external_local && policy.external) {
        let mut local = those(&|e| e.local && e.ready);
        if local.is_empty() {
            local = those(&|e| e.local && last_resort(e));
        }
        out.all.extend(&local);
        out.local = Some(local);
    }
    out
}

/// A pool narrowed down by its hints to what a node prefers; none: all of it.
pub(super) fn near(sim: &Sim, pool: &Pool, node: &str) -> Option<Pool> {
    let hints = |t: &Target| t.hints.clone();
    if pool.ready.iter().any(|t| t.hints.is_none()) || pool.ready.is_empty() {
        return None;
    }
    let object = sim.store.typed::<Node>(&Key::new("", node));
    let zone = object.and_then(|n| n.metadata.labels.as_ref()?.get(ZONE).cloned()).unwrap_or_default();
    let all: Vec<Arc<Hints>> = pool.ready.iter().filter_map(hints).collect();
    let mode = Mode::of(all.iter().map(|h| &**h), node, &zone, true);
    let mut near = pool.clone();
    near.ready.retain(|t| t.hints.as_ref().is_none_or(|h| mode.admits(h, node, &zone)));
    (mode != Mode::Any).then_some(near)
}

/// The hints that a service's `trafficDistribution` gives a ready endpoint.
pub fn hints_for(distribution: Option<&str>, endpoint: &Endpoint) -> Option<EndpointHints> {
    let by_node = match distribution? {
        "PreferSameNode" => true,
        "PreferSameZone" | "PreferClose" => false,
        _ => return None,
    };
    if endpoint.conditions.as_ref().and_then(|c| c.ready) == Some(false) {
        return None;
    }
    let zones = endpoint.zone.clone().map(|name| vec![ForZone { name }]);
    let nodes = endpoint.node_name.clone().filter(|_| by_node).map(|name| vec![ForNode { name }]);
    (zones.is_some() || nodes.is_some()).then_some(EndpointHints { for_zones: zones, for_nodes: nodes })
}
