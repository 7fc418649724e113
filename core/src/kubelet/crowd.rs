//! CPU that more want than there is: who gets how much of a node's, or of a pod's limit. [`divide`] and [`open_to`] are
//! pure; a node is looked at every five seconds only while it is nearly full. Models the weights that kubelets give
//! control groups, and how the kernel's scheduler divides by them.

use super::component::Kubelets;
use super::usage::SYSTEM;
use crate::clock::SimDuration;
use crate::runtime::shell::BUSY;
use crate::sim::{Event, KubeletProfile, Sim};
use crate::store::pod::Phase;
use crate::store::{Id, PodRecord};
use imbl::OrdMap;
use std::sync::Arc;

/// Someone who wants CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// So much, in millicores.
    pub wanted: u64,
    /// And counts for so much where there is not enough.
    pub weight: u64,
}

/// From a look at a node to the next one, while it is nearly full.
const ROUND: SimDuration = SimDuration::from_secs(5);
/// From what may make a node full to the look at it.
const SOON: SimDuration = SimDuration::from_secs(2);
/// Weights are in thousandths of a share: all best-effort containers of a node have two shares together.
const SHARE: u64 = 1000;
/// Shares of those that ask for nothing.
const LEAST: u64 = 2;

/// The weight of a container that asks for so many millicores; `best_effort`: how many there are of those on its node, if
/// it is one. Models MilliCPUToShares, and the group that best-effort pods are in.
pub fn weight(request: u64, best_effort: Option<u64>) -> u64 {
    match best_effort {
        Some(n) => (LEAST * SHARE / n.max(1)).max(1),
        None => (request * 1024 / 1000).max(LEAST) * SHARE,
    }
}

/// What is left, and the weights among which it is divided, once all have been served that want less than their part.
fn level(capacity: u64, claims: &[Claim]) -> (u64, u64) {
    let mut order: Vec<&Claim> = claims.iter().filter(|c| c.wanted > 0).collect();
    order.sort_by_key(|c| (u128::from(c.wanted) << 40) / u128::from(c.weight.max(1)));
    let (mut left, mut weights) = (capacity, order.iter().map(|c| c.weight).sum::<u64>());
    for c in order {
        if u128::from(c.wanted) * u128::from(weights) > u128::from(left) * u128::from(c.weight) {
            break;
        }
        left -= c.wanted;
        weights -= c.weight;
    }
    (left, weights)
}

fn part(c: &Claim, (left, weights): (u64, u64)) -> u64 {
    match weights {
        0 => c.wanted,
        w => ((u128::from(left) * u128::from(c.weight) / u128::from(w)) as u64).min(c.wanted),
    }
}

/// What each gets: all of it what it wants where that is less than its part by weight; nothing is left over while
/// somebody wants more.
pub fn divide(capacity: u64, claims: &[Claim]) -> Vec<u64> {
    let level = level(capacity, claims);
    claims.iter().map(|c| part(c, level)).collect()
}

/// What one of them could get if it wanted all there is.
pub fn open_to(capacity: u64, claims: &[Claim], i: usize) -> u64 {
    let mut all = claims.to_vec();
    let Some(own) = all.get_mut(i) else { return capacity };
    own.wanted = capacity;
    let own = *own;
    part(&own, level(capacity, &all))
}

/// A node that is nearly full: what each of its containers gets of its CPU, and what is open to it, by pod and container.
pub type Crowd = OrdMap<(Id, usize), (u64, u64)>;

impl Kubelets {
    /// Something on a node may want much CPU: it is looked at soon.
    pub(super) fn watch_cpu(&mut self, sim: &mut Sim, index: u32) {
        if self.profile != KubeletProfile::Real {
            return;
        }
        let Some(node) = self.nodes.get_mut(index as usize).filter(|n| !n.cpu_due) else { return };
        node.cpu_due = true;
        let after = if node.crowd.is_some() { ROUND } else { SOON };
        sim.after(after, Event::Kubelet(super::KubeletEvent::Node(Id::from(index), 3)));
    }

    /// The look.
    pub(super) fn cpu_turn(&mut self, sim: &mut Sim, index: u32) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        node.cpu_due = false;
        let was = node.crowd.take().is_some();
        if !node.powered {
            return;
        }
        let (name, capacity) = (node.name.clone(), node.cpu.saturating_sub(SYSTEM.cpu).max(1));
        let pods: Vec<Arc<PodRecord>> =
            sim.store.pods_on_node(&name).filter(|p| p.status.phase == Phase::Running).cloned().collect();
        let mut rows = vec![];
        for p in &pods {
            let best_effort = p.proto.qos == "BestEffort";
            rows.extend(
                self.wants(sim, p).into_iter().map(|(i, wanted, request)| (p.id, i, wanted, request, best_effort)),
            );
        }
        let lowly = rows.iter().filter(|r| r.4).count() as u64;
        let claims: Vec<Claim> =
            rows.iter().map(|r| Claim { wanted: r.2, weight: weight(r.3, r.4.then_some(lowly)) }).collect();
        let sum: u64 = claims.iter().map(|c| c.wanted).sum();
        if sum * 5 < capacity * 4 {
            if sum * 2 > capacity {
                self.watch_cpu(sim, index);
            }
            return;
        }
        let gets = divide(capacity, &claims);
        let crowd: Crowd = rows
            .iter()
            .enumerate()
            .map(|(k, r)| ((r.0, r.1), (gets[k], open_to(capacity, &claims, k).max(gets[k]))))
            .collect();
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.crowd = Some(crowd);
        }
        self.watch_cpu(sim, index);
        if !was {
            // an answer may come too late for a probe now
            for p in pods {
                let Some(mut work) = self.take_work(p.id) else { continue };
                if let Some(plan) = work.plan.clone() {
                    work.ask_all(&plan, sim.now);
                }
                self.put_work(p.id, work);
                self.full_turn(sim, p.id);
            }
        }
    }

    /// Of a container: what it gets of its node's CPU, and what is open to it; none: its node has enough.
    pub(super) fn crowded(&self, id: Id, i: usize) -> Option<(u64, u64)> {
        let node = self.workers.get(&id).and_then(|w| self.nodes.get(w.node as usize))?;
        node.crowd.as_ref()?.get(&(id, i)).copied()
    }

    /// Millicores that a container can have: by its own limit, its pod's, its node's size, and who else wants it.
    pub(super) fn cpu_open(&self, id: Id, plan: &super::plan::Plan, i: usize) -> u64 {
        let node = self.workers.get(&id).and_then(|w| self.nodes.get(w.node as usize));
        let cores = node.map_or(1000, |n| n.cpu);
        let own = plan.containers.get(i).and_then(|c| c.needs.cpu_limit);
        let limits = own.into_iter().chain(plan.cpu_limit).chain(self.crowded(id, i).map(|c| c.1));
        limits.fold(cores, u64::min).max(1)
    }

    /// How much longer a process takes that keeps so many cores busy until its step is over.
    pub(super) fn slowed(&self, id: Id, plan: &super::plan::Plan, i: usize, busy: u64) -> SimDuration {
        if busy == 0 {
            return SimDuration::ZERO;
        }
        let open = self.cpu_open(id, plan, i);
        // in thousandths of a core
        SimDuration((BUSY.0 * busy * 1000 / open).saturating_sub(BUSY.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let c = |wanted, weight| Claim { wanted, weight };
        // two that want everything: by weight
        assert_eq!(divide(1000, &[c(1000, 100), c(1000, 300)]), [250, 750]);
        // who wants little gets it, whatever its weight
        assert_eq!(divide(1000, &[c(50, 2), c(2000, 1000), c(2000, 1000)]), [0, 499, 499]);
        assert_eq!(divide(1000, &[c(50, 200), c(2000, 1000), c(2000, 1000)]), [50, 475, 475]);
        assert_eq!(divide(1000, &[c(300, 1), c(200, 1)]), [300, 200]);
        assert_eq!(open_to(1000, &[c(300, 1), c(200, 1)], 0), 800);
        assert_eq!(open_to(1000, &[c(10, 1), c(2000, 1)], 0), 500);
        assert_eq!(divide(1000, &[]), [] as [u64; 0]);
        assert_eq!(weight(100, None), 102_000);
        assert_eq!(weight(0, None), 2_000);
        assert_eq!(weight(0, Some(4)), 500);
    }
}
