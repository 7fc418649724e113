//! What a metrics server learns from kubelets: the use of the last whole window of fifteen seconds, as it can be worked
//! out at any time after it.

use super::component::Kubelets;
use super::usage::{ContainerUse, SYSTEM};
use crate::apiserver::metrics::{Amount, Metrics, WARM_UP, WINDOW};
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::pod::Phase;
use imbl::OrdMap;
use std::sync::Arc;

/// What a node has of CPU over a window, and what is wanted of it; all in microseconds but the memory.
#[derive(Clone, Copy)]
struct Node {
    capacity: u64,
    cpu: u64,
    /// Of what is wanted, that which requests assure.
    assured: u64,
    memory: u64,
}

/// What a container gets of what it wants, however busy its node is.
fn assured(c: &ContainerUse) -> u64 {
    c.used.cpu.min(c.request * WINDOW.0 / 1000)
}

impl Node {
    /// What a container gets: what it asked for, and a share of the rest.
    fn share(&self, c: &ContainerUse) -> u64 {
        let (own, rest) = (assured(c), self.capacity.saturating_sub(self.assured));
        let wanted = self.cpu.saturating_sub(self.assured);
        if wanted <= rest {
            return c.used.cpu;
        }
        own + (u128::from(c.used.cpu - own) * u128::from(rest) / u128::from(wanted)) as u64
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
        let mut nodes: OrdMap<Arc<str>, Node> = OrdMap::new();
        for n in self.nodes.iter().filter(|n| n.powered && !sim.network.tables.is_cut(&n.name)) {
            let node = Node {
                capacity: n.cpu * WINDOW.0 / 1000,
                cpu: SYSTEM.cpu * WINDOW.0 / 1000,
                assured: SYSTEM.cpu * WINDOW.0 / 1000,
                memory: SYSTEM.memory + n.outside_memory,
            };
            nodes.insert(n.name.clone(), node);
        }
        let mut pods = vec![];
        for pod in sim.store.pods().filter(|p| p.status.phase == Phase::Running) {
            let Some(node) = pod.node.as_ref().filter(|n| nodes.contains_key(*n)) else { continue };
            let used = self.used_over(sim, pod.id, from, at);
            if let Some(sum) = nodes.get_mut(node) {
                for c in &used {
                    sum.cpu += c.used.cpu;
                    sum.assured += assured(c);
                    sum.memory = sum.memory.saturating_add(c.used.memory);
                }
            }
            pods.push((pod.id, node, pod.status.containers.len(), used));
        }
        for (id, node, whole, used) in pods {
            let Some(node) = nodes.get(node) else { continue };
            let rows: Vec<(Arc<str>, Amount)> = used
                .iter()
                .filter(|c| c.since <= first)
                .map(|c| (c.name.clone(), Amount { nanocores: nano(node.share(c)), bytes: c.used.memory }))
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
