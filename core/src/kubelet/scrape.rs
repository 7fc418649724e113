//! What a metrics server learns from kubelets: the use of the last whole window of fifteen seconds, as it can be worked
//! out at any time after it.

use super::component::Kubelets;
use super::crowd::{Claim, divide, weight};
use super::usage::{ContainerUse, SYSTEM};
use crate::apiserver::metrics::{Amount, Metrics, WARM_UP, WINDOW};
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::pod::Phase;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a node has of CPU over a window, and what is wanted of it; all in microseconds but the memory.
struct Node {
    capacity: u64,
    cpu: u64,
    memory: u64,
    /// Those who want it: each container's use, and whether its pod is best-effort.
    claims: Vec<(u64, u64, bool)>,
}

impl Node {
    /// What each gets, in the order in which they were counted; none: there is enough for all.
    fn shares(&self) -> Option<Vec<u64>> {
        if self.cpu <= self.capacity {
            return None;
        }
        let lowly = self.claims.iter().filter(|c| c.2).count() as u64;
        let claims: Vec<Claim> = self
            .claims
            .iter()
            .map(|(wanted, request, best_effort)| Claim {
                wanted: *wanted,
                weight: weight(*request, best_effort.then_some(lowly)),
            })
            .collect();
        Some(divide(self.capacity.saturating_sub(SYSTEM.cpu * WINDOW.0 / 1000), &claims))
    }
}

impl Kubelets {
    /// Hands in what all nodes and pods have used, once a moment. Containers are there after their second scrape.
    pub fn scrape(&self, sim: &mut Sim) {
        if !sim.serves_metrics() || sim.server.metrics.taken == Some(sim.now) {
            return;
        }
        sim.server.metrics = self.measured(sim);
    }

    fn measured(&self, sim: &Sim) -> Metrics {
        let at = SimTime(sim.now.0 / WINDOW.0 * WINDOW.0);
        let mut out = Metrics { taken: Some(sim.now), at, ..Metrics::default() };
        if at < WARM_UP {
            return out;
        }
        let from = SimTime(at.0 - WINDOW.0);
        let first = SimTime(from.0 - WINDOW.0);
        let nano = |micros: u64| micros.saturating_mul(1_000_000_000) / WINDOW.0;
        let mut nodes: BTreeMap<Arc<str>, Node> = BTreeMap::new();
        for n in self.nodes.iter().filter(|n| n.powered && !sim.network.tables.is_cut(&n.name)) {
            let node = Node {
                capacity: n.cpu * WINDOW.0 / 1000,
                cpu: SYSTEM.cpu * WINDOW.0 / 1000,
                memory: SYSTEM.memory + n.outside_memory,
                claims: vec![],
            };
            nodes.insert(n.name.clone(), node);
        }
        let mut pods = vec![];
        for pod in sim.store.pods().filter(|p| p.status.phase == Phase::Running) {
            let Some(node) = pod.node.as_ref().filter(|n| nodes.contains_key(*n)) else { continue };
            let used = self.used_over(sim, pod.id, from, at);
            let mut place = 0;
            if let Some(sum) = nodes.get_mut(node) {
                place = sum.claims.len();
                for c in &used {
                    sum.cpu += c.used.cpu;
                    sum.memory = sum.memory.saturating_add(c.used.memory);
                    sum.claims.push((c.used.cpu, c.request, pod.proto.qos == "BestEffort"));
                }
            }
            pods.push((pod.id, node, pod.status.containers.len(), used, place));
        }
        let shares: BTreeMap<&Arc<str>, Vec<u64>> =
            nodes.iter().filter_map(|(name, n)| Some((name, n.shares()?))).collect();
        for (id, node, whole, used, place) in pods {
            let shares = shares.get(&node);
            let gets = |i: usize, c: &ContainerUse| match shares {
                Some(all) => all.get(place + i).copied().unwrap_or(0),
                None => c.used.cpu,
            };
            let rows: Vec<(Arc<str>, Amount)> = used
                .iter()
                .enumerate()
                .filter(|(_, c)| c.since <= first)
                .map(|(i, c)| (c.name.clone(), Amount { nanocores: nano(gets(i, c)), bytes: c.used.memory }))
                .collect();
            // a pod of which a container is missing is left out as a whole
            if rows.len() >= whole && whole > 0 {
                out.pods.insert(id, rows.into());
            }
        }
        for n in self.nodes.iter() {
            if let Some(sum) = nodes.get(&n.name) {
                let amount = Amount { nanocores: nano(sum.cpu.min(sum.capacity)), bytes: sum.memory.min(n.memory) };
                out.nodes.insert(n.name.clone(), amount);
            }
        }
        out
    }
}
