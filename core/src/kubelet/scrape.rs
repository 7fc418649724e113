//! What a metrics server learns from kubelets: the use of the last whole window of fifteen seconds, as it can be worked
//! out at any time after it.

use super::component::Kubelets;
use super::usage::SYSTEM;
use crate::apiserver::metrics::{Amount, Metrics, WARM_UP, WINDOW};
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::pod::Phase;
use imbl::OrdMap;
use std::sync::Arc;

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
        let mut nodes: OrdMap<Arc<str>, (u64, u64)> = OrdMap::new();
        for n in self.nodes.iter().filter(|n| n.powered) {
            nodes.insert(n.name.clone(), (SYSTEM.cpu * WINDOW.0 / 1000, SYSTEM.memory + n.outside_memory));
        }
        for pod in sim.store.pods().filter(|p| p.status.phase == Phase::Running) {
            let Some(node) = pod.node.as_ref().filter(|n| self.powered(n)) else { continue };
            let used = self.used_over(sim, pod.id, from, at);
            if let Some(sum) = nodes.get_mut(node) {
                sum.0 += used.iter().map(|c| c.used.cpu).sum::<u64>();
                sum.1 += used.iter().map(|c| c.used.memory).sum::<u64>();
            }
            let rows: Vec<(Arc<str>, Amount)> = used
                .iter()
                .filter(|c| c.since <= first)
                .map(|c| (c.name.clone(), Amount { nanocores: nano(c.used.cpu), bytes: c.used.memory }))
                .collect();
            // a pod of which a container is missing is left out as a whole
            let whole = pod.status.containers.len();
            if rows.len() >= whole && whole > 0 {
                out.pods.insert(pod.id, rows.into());
            }
        }
        for n in self.nodes.iter() {
            if let Some((cpu, memory)) = nodes.get(&n.name) {
                let most = n.cpu * WINDOW.0 / 1000;
                let amount = Amount { nanocores: nano((*cpu).min(most)), bytes: (*memory).min(n.memory) };
                out.nodes.insert(n.name.clone(), amount);
            }
        }
        out
    }
}
