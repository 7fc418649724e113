//! The node lifecycle controller: nodes that fall silent become Unknown, conditions become taints, and pods are told
//! that their node is not ready. Models pkg/controller/nodelifecycle.
//!
//! Heartbeats of healthy nodes are not simulated one by one: the API server's state names the nodes that have stopped
//! sending them, and since when.

use super::Action;
use crate::clock::{SimDuration, SimTime};
use crate::sim::{Component, Event, Sim};
use crate::store::pod::READY;
use crate::store::{Change, Key, Obj};
use imbl::{OrdMap, OrdSet};
use k8s_openapi::api::core::v1::{Node, NodeCondition, Taint};
use std::sync::Arc;

/// Silence after which a node is given up (nodeMonitorGracePeriod).
const GRACE: SimDuration = SimDuration::from_secs(50);
/// How often nodes are looked at (nodeMonitorPeriod).
const PERIOD: u64 = 5_000_000;
/// One node in this time gets its NoExecute taint (nodeEvictionRate 0.1) …
const EVICTION_GAP: SimDuration = SimDuration::from_secs(10);
/// … or in a large zone of which most is down (secondaryNodeEvictionRate 0.01).
const SLOW_GAP: SimDuration = SimDuration::from_secs(100);
/// A zone with more nodes than this is large.
const LARGE: usize = 50;
/// A zone of which this share is down is in trouble.
const UNHEALTHY: f64 = 0.55;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const SOURCE: &str = "node-controller";

/// Timer of the monitor.
pub const MONITOR: u32 = 0;

/// What is kept between syncs.
#[derive(Clone, Debug, Default)]
pub struct NodeLifecycle {
    /// Silent nodes for which the monitor is set, by name, with the silence's beginning.
    watched: OrdMap<Arc<str>, SimTime>,
    /// When each zone last gave a node its NoExecute taint.
    last_eviction: OrdMap<String, SimTime>,
    /// Nodes whose registration has been told.
    registered: OrdSet<Arc<str>>,
    /// Nodes that have been seen, with their zones and whether they are ready.
    known: OrdMap<Arc<str>, (String, bool)>,
    /// Nodes of each zone: all, and those that are not ready.
    zones: OrdMap<String, (usize, usize)>,
}

impl NodeLifecycle {
    /// Takes note of a change of a node. True if its readiness, or its being there, has changed: limits of eviction may
    /// then have changed for others.
    pub fn note(&mut self, change: &Change) -> bool {
        let Obj::Node(n) = change.obj() else { return false };
        let name = change.obj().key().name;
        let now = change.new.is_some().then(|| (zone(n), ready(n) == "True"));
        let before = match &now {
            Some(now) => self.known.insert(name, now.clone()),
            None => self.known.remove(&name),
        };
        if before == now {
            return false;
        }
        if let Some((zone, ready)) = before
            && let Some(z) = self.zones.get_mut(&zone)
        {
            z.0 -= 1;
            z.1 -= usize::from(!ready);
            if z.0 == 0 {
                self.zones.remove(&zone);
            }
        }
        if let Some((zone, ready)) = now {
            let z = self.zones.entry(zone).or_default();
            z.0 += 1;
            z.1 += usize::from(!ready);
        }
        true
    }

    /// Nodes that are not ready.
    pub fn unready(&self) -> Vec<Key> {
        if self.zones.values().all(|z| z.1 == 0) {
            return vec![];
        }
        self.known.iter().filter(|(_, (_, ready))| !ready).map(|(n, _)| Key::new("", n.clone())).collect()
    }

    /// Sets the monitor for nodes that have fallen silent; to be called whenever nodes may have changed.
    pub fn look(&mut self, sim: &mut Sim) {
        let silent: Vec<(Arc<str>, SimTime)> = sim.server.silent.iter().map(|(n, t)| (n.clone(), *t)).collect();
        for (node, since) in silent {
            if self.watched.get(&node) != Some(&since) {
                self.watched.insert(node, since);
                let due = (since + GRACE).0 / PERIOD * PERIOD + PERIOD;
                sim.queue.at(SimTime(due).max(sim.now), Event::Timer(Component::NodeLifecycle, MONITOR));
            }
        }
        let gone: Vec<Arc<str>> =
            self.watched.keys().filter(|n| !sim.server.silent.contains_key(*n)).cloned().collect();
        for n in gone {
            self.watched.remove(&n);
        }
    }

    /// The monitor: silent nodes past their grace become Unknown.
    pub fn monitor(&mut self, sim: &mut Sim) {
        // one that was heard of while this controller stood still is silent no more
        let silent = |n: &Arc<str>, since: &SimTime| sim.server.silent.get(n) == Some(since);
        let late = self.watched.iter().filter(|(n, t)| sim.now.since(**t) > GRACE && silent(n, t));
        let due: Vec<Arc<str>> = late.map(|(n, _)| n.clone()).collect();
        for name in due {
            let Some(node) = sim.store.typed::<Node>(&Key::new("", name.clone())).cloned() else { continue };
            let conditions = node.status.as_ref().and_then(|s| s.conditions.clone()).unwrap_or_default();
            if conditions.iter().any(|c| c.type_ == "Ready" && c.status == "Unknown") {
                continue;
            }
            let mut new = (*node).clone();
            let list = new.status.get_or_insert_default().conditions.get_or_insert_default();
            for type_ in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
                let now = sim.now.api();
                let i = list.iter().position(|c| c.type_ == type_).unwrap_or_else(|| {
                    list.push(NodeCondition { type_: type_.into(), ..NodeCondition::default() });
                    list.len() - 1
                });
                let c = &mut list[i];
                c.status = "Unknown".into();
                c.reason = Some("NodeStatusUnknown".into());
                c.message = Some("Kubelet stopped posting node status.".into());
                c.last_transition_time = Some(now);
            }
            if sim.update_status_typed(new).is_err() {
                continue;
            }
            let text = format!("Node {name} status is now: NodeNotReady");
            sim.record(SOURCE, &Obj::Node(node.clone()), false, "NodeNotReady", text);
            mark_pods(sim, &name);
        }
    }

    /// One sync of a node: its taints follow its conditions.
    pub fn sync(&mut self, sim: &mut Sim, key: &Key) -> Action {
        let Some(node) = sim.store.typed::<Node>(key).cloned() else {
            self.registered.remove(&key.name);
            return Action::Done;
        };
        if self.registered.insert(key.name.clone()).is_none() {
            let text = format!("Node {} event: Registered Node {} in Controller", key.name, key.name);
            sim.record(SOURCE, &Obj::Node(node.clone()), false, "RegisteredNode", text);
        }
        let wanted = condition_taints(&node);
        let mut taints = node.spec.as_ref().and_then(|s| s.taints.clone()).unwrap_or_default();
        let ours = |t: &Taint| {
            t.effect == "NoSchedule"
                && (t.key == NOT_READY
                    || t.key == UNREACHABLE
                    || t.key == UNSCHEDULABLE
                    || t.key.ends_with("-pressure"))
        };
        let before = taints.clone();
        taints.retain(|t| !ours(t) || wanted.contains(&t.key.as_str()));
        for key in &wanted {
            if !taints.iter().any(|t| t.key == *key && t.effect == "NoSchedule") {
                taints.push(taint(sim, key, "NoSchedule"));
            }
        }
        let execute = match ready(&node) {
            "True" => None,
            "Unknown" => Some(UNREACHABLE),
            _ => Some(NOT_READY),
        };
        let has = |taints: &[Taint], k: &str| taints.iter().any(|t| t.key == k && t.effect == "NoExecute");
        taints.retain(|t| {
            !(t.effect == "NoExecute" && (t.key == NOT_READY || t.key == UNREACHABLE))
                || execute == Some(t.key.as_str())
        });
        let mut action = Action::Done;
        if let Some(k) = execute
            && !has(&taints, k)
        {
            let (evict, wait) = self.may_evict(sim, &node);
            if evict {
                taints.push(taint(sim, k, "NoExecute"));
                self.last_eviction.insert(zone(&node), sim.now);
            } else if let Some(d) = wait {
                action = Action::After(d);
            }
        }
        if taints != before {
            let mut new = (*node).clone();
            new.spec.get_or_insert_default().taints = (!taints.is_empty()).then_some(taints);
            if sim.update_typed(&new).is_err() {
                return Action::Retry;
            }
        }
        action
    }

    /// May this node get a NoExecute taint now, and if not, when is the question asked again?
    fn may_evict(&self, sim: &Sim, node: &Node) -> (bool, Option<SimDuration>) {
        if self.zones.values().all(|(all, down)| all == down) {
            return (false, None);
        }
        let (all, down) = self.zones.get(&zone(node)).copied().unwrap_or((1, 0));
        let partial = down > 2 && down < all && down as f64 / all as f64 >= UNHEALTHY;
        let gap = match (partial, all > LARGE) {
            (true, true) => SLOW_GAP,
            (true, false) => return (false, None),
            _ => EVICTION_GAP,
        };
        match self.last_eviction.get(&zone(node)) {
            Some(t) if sim.now.since(*t) < gap => (false, Some(SimDuration(gap.0 - sim.now.since(*t).0))),
            _ => (true, None),
        }
    }
}

/// The status of the Ready condition; `False` where there is none.
pub fn ready(n: &Node) -> &str {
    let conditions = n.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().find(|c| c.type_ == "Ready").map_or("False", |c| c.status.as_str())
}

fn zone(n: &Node) -> String {
    let label = |k: &str| n.metadata.labels.as_ref().and_then(|l| l.get(k).cloned()).unwrap_or_default();
    format!("{}:{}", label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"))
}

fn condition_taints(n: &Node) -> Vec<&'static str> {
    let mut out = vec![];
    match ready(n) {
        "True" => {}
        "Unknown" => out.push(UNREACHABLE),
        _ => out.push(NOT_READY),
    }
    if n.spec.as_ref().is_some_and(|s| s.unschedulable == Some(true)) {
        out.push(UNSCHEDULABLE);
    }
    let conditions = n.status.as_ref().and_then(|s| s.conditions.as_ref());
    for c in conditions.into_iter().flatten().filter(|c| c.status == "True") {
        match c.type_.as_str() {
            "MemoryPressure" => out.push("node.kubernetes.io/memory-pressure"),
            "DiskPressure" => out.push("node.kubernetes.io/disk-pressure"),
            "PIDPressure" => out.push("node.kubernetes.io/pid-pressure"),
            _ => {}
        }
    }
    out
}

fn taint(sim: &Sim, key: &str, effect: &str) -> Taint {
    Taint { key: key.into(), effect: effect.into(), value: None, time_added: Some(sim.now.api()) }
}

/// Pods of a silent node are no longer Ready, whatever their kubelet last said.
fn mark_pods(sim: &mut Sim, node: &str) {
    let pods: Vec<_> = sim.store.pods_on_node(node).filter(|p| p.status.is_ready()).cloned().collect();
    let now = sim.now;
    for p in pods {
        sim.update_pod_status(p.id, |s| s.set_condition(READY, false, now, None));
        sim.record(SOURCE, &Obj::Pod(p.clone()), true, "NodeNotReady", "Node is not ready");
    }
}
