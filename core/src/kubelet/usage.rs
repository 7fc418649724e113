//! What containers use: CPU and memory of a moment or of a span, from when they started, what they were asked for, and
//! what their commands did. Invariant: closed forms of counters and times, worked out when somebody asks; nothing is done
//! as time passes. Models what cAdvisor measures and the kernel's CFS quota enforces.

use super::around::server;
use super::component::{Kubelets, Life, Worker};
use super::crowd::Claim;
use super::needs::Needs;
use super::plan::{ContainerPlan, Plan, Program};
use super::run::Run;
use crate::clock::{SimDuration, SimTime};
use crate::network::NEVER;
use crate::sim::Sim;
use crate::store::pod::{Phase, RunState};
use crate::store::{Id, PodRecord};
use std::sync::Arc;

/// CPU in millicores (or, over a span, in microseconds) and memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// CPU.
    pub cpu: u64,
    /// Memory.
    pub memory: u64,
}

/// What one container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerUse {
    /// Its name.
    pub name: Arc<str>,
    /// Since when it runs.
    pub since: SimTime,
    /// What it uses; of CPU, no more than its limit.
    pub used: Use,
    /// What it would use of CPU if it had no limit.
    pub demand: u64,
    /// What it asks for of CPU, in millicores.
    pub request: u64,
}

/// What a node's own processes use: kubelet, runtime, system.
pub const SYSTEM: Use = Use { cpu: 60, memory: 420 << 20 };
/// How long a request takes besides what it costs of CPU, in microseconds.
const OVERHEAD: u64 = 700;
/// Who takes so many millicores by itself may be too much for its node.
pub(super) const MUCH: u64 = 200;
/// The CFS period in microseconds.
const PERIOD: u64 = 100_000;
/// The longest a request waits for CPU.
const LONGEST: u64 = 60_000_000;

/// How long a request takes: it costs so much CPU of so many millicores, and so many come a second. A queue with one
/// server for each core; what comes faster than it can be served waits longer and longer.
pub fn service_time(cost: u64, millicores: u64, rate: u32) -> SimDuration {
    let millicores = millicores.max(1);
    // within one period of the quota it runs at full speed
    let quota = millicores * PERIOD / 1000;
    let alone = if cost <= quota { cost } else { cost * 1000 / millicores.min(1000) };
    // use in thousandths of what there is
    let load = u64::from(rate).saturating_mul(cost) / millicores;
    let cores = millicores.div_ceil(1000).min(64);
    let wait = if load >= 980 {
        alone.saturating_mul(49).saturating_add((load - 980).saturating_mul(10_000))
    } else {
        // load^cores / (1 - load)
        let mut chance = 1000;
        for _ in 0..cores {
            chance = chance * load / 1000;
        }
        alone * chance / (1000 - load)
    };
    SimDuration(OVERHEAD + (alone + wait).min(LONGEST))
}

/// Containers of a pod as far as usage goes: index, since when each runs, its state if there is one.
fn running<'a>(worker: &'a Worker, pod: &PodRecord, plan: &Plan) -> Vec<(usize, SimTime, Option<&'a Run>)> {
    if pod.status.phase.is_terminal() {
        return vec![];
    }
    match &worker.life {
        Life::Full(work) => {
            let runs = work.runs.iter().enumerate().filter(|(_, r)| r.running());
            runs.map(|(i, r)| (i, r.since, Some(r))).collect()
        }
        _ => {
            let records = pod.status.containers.iter().enumerate();
            records
                .filter_map(|(i, r)| match r.state {
                    RunState::Running(t) => Some((plan.init + i, t.into(), None)),
                    _ => None,
                })
                .collect()
        }
    }
}

/// Programs of a container's command that compute for ever.
fn burns(run: &Run) -> u64 {
    run.process.as_ref().map_or(0, crate::runtime::shell::Process::burns)
}

/// Millicores that a container's own programs want.
fn works(run: &Run, now: SimTime) -> u64 {
    let busy = run.process.as_ref().map_or(0, crate::runtime::shell::Process::busy);
    // a loop without an end wants whole cores, however many it gets
    let worked = if busy > 0 { busy * 1000 } else { run.worked.rate(now) / 1000 };
    worked + burns(run) * 1000
}

/// Until when a server comes up, and the millicores that it takes for that.
fn coming_up(c: &ContainerPlan, since: SimTime, run: Option<&Run>) -> Option<(SimTime, u64)> {
    let serves = c.program == Program::Server && run.is_none_or(|r| r.exits.is_none());
    (serves && c.start_work > 0).then(|| (since + SimDuration::from_millis(c.start), c.start_work / c.start.max(1)))
}

/// Holds what a pod's containers use to its own limit of CPU. `core`: what a core is in the unit that is counted in.
fn within_pod(plan: &Plan, all: &mut [(usize, ContainerUse)], core: u64) {
    let Some(limit) = plan.cpu_limit.map(|l| l * core / 1000) else { return };
    let weigh = |c: &ContainerUse| super::crowd::weight(c.request, None);
    let claims: Vec<Claim> = all.iter().map(|(_, c)| Claim { wanted: c.used.cpu, weight: weigh(c) }).collect();
    for ((_, c), gets) in all.iter_mut().zip(super::crowd::divide(limit, &claims)) {
        c.used.cpu = gets;
    }
}

/// Bytes of memory of a container.
pub(super) fn memory(needs: &Needs, id: Id, i: usize, since: SimTime, run: Option<&Run>, now: SimTime) -> u64 {
    // two of a kind are never quite the same
    let own = needs.memory + ((id * 7 + i as u64 * 3) % 32) * (needs.memory.min(64 << 20) >> 10);
    // it does not fill up in an instant
    let age = (now.0.saturating_sub(since.0)).min(2_000_000);
    let grown = if needs.memory > 32 << 20 && needs.memory < super::needs::MOST_BYTES {
        (u128::from(own) * u128::from(age) / 2_000_000) as u64
    } else {
        own
    };
    let leaked = run.and_then(|r| r.ills.leak).map_or(0, |l| l.at(now));
    let all = grown.saturating_add(leaked).saturating_add(run.map_or(0, |r| r.in_volumes));
    // in pages
    needs.memory_limit.map_or(all, |l| all.min(l)) & !0xfff
}

impl Kubelets {
    /// What the containers of a pod used over a span: CPU in microseconds over all of it, memory at its end. A container
    /// that did not run all the time is left out.
    pub fn used_over(&self, sim: &Sim, id: Id, from: SimTime, to: SimTime) -> Vec<ContainerUse> {
        let (Some(worker), Some(pod)) = (self.workers.get(&id), sim.store.pod(id)) else { return vec![] };
        let cores = self.nodes.get(worker.node as usize).map_or(1000, |n| n.cpu);
        let span = (to - from).0;
        self.with_plan(pod, |plan| {
            let all = running(worker, pod, plan).into_iter().filter(|(_, since, _)| *since <= from);
            let mut all: Vec<(usize, ContainerUse)> = all
                .filter_map(|(i, since, run)| {
                    let c = plan.containers.get(i)?;
                    let asked = sim
                        .network
                        .served
                        .of(id)
                        .filter(|(port, _)| server(plan, worker.work(), *port).is_some_and(|(k, _)| k == i));
                    let served: u64 = asked.map(|(_, m)| m.over(from, to)).sum();
                    let mut demand = c.needs.idle * span / 1000 + served * c.needs.cost;
                    demand += run.map_or(0, |r| r.worked.over(from, to) + burns(r) * span);
                    demand += coming_up(c, since, run)
                        .map_or(0, |(until, rate)| rate * (until.0.min(to.0).saturating_sub(from.0)) / 1000);
                    if run.is_some_and(|r| r.ills.hung) {
                        demand = 0;
                    }
                    let most = c.needs.cpu_limit.unwrap_or(cores).min(cores) * span / 1000;
                    let used = Use { cpu: demand.min(most), memory: memory(&c.needs, id, i, since, run, to) };
                    Some((i, ContainerUse { name: c.name.clone(), since, used, demand, request: c.needs.cpu_request }))
                })
                .collect();
            within_pod(plan, &mut all, span);
            all.into_iter().map(|(_, c)| c).collect()
        })
    }

    /// What each container of a pod that runs wants of CPU, within its limits: its place, millicores, its request.
    pub(super) fn wants(&self, sim: &Sim, pod: &PodRecord) -> Vec<(usize, u64, u64)> {
        let all = self.used_now(sim, pod.id, false);
        self.with_plan(pod, |plan| {
            // what the pod as a whole asks for beyond its containers is theirs in equal parts
            let asked: u64 = all.iter().map(|(_, c)| c.request).sum();
            let more = plan.cpu_request.map_or(0, |r| r.saturating_sub(asked) / (all.len() as u64).max(1));
            all.iter().map(|(i, c)| (*i, c.used.cpu, c.request + more)).collect()
        })
    }

    /// What the containers of a pod use now: CPU in millicores over the last seconds, memory at this moment.
    pub fn using(&self, sim: &Sim, id: Id) -> Vec<ContainerUse> {
        self.used_now(sim, id, true).into_iter().map(|(_, c)| c).collect()
    }

    /// The same with each one's place; `crowded`: no more than its node can give it.
    fn used_now(&self, sim: &Sim, id: Id, crowded: bool) -> Vec<(usize, ContainerUse)> {
        let (Some(worker), Some(pod)) = (self.workers.get(&id), sim.store.pod(id)) else { return vec![] };
        let cores = self.nodes.get(worker.node as usize).map_or(1000, |n| n.cpu);
        let now = sim.now;
        self.with_plan(pod, |plan| {
            let mut all: Vec<(usize, ContainerUse)> = running(worker, pod, plan)
                .into_iter()
                .filter_map(|(i, since, run)| {
                    let c = plan.containers.get(i)?;
                    let asked = sim
                        .network
                        .served
                        .of(id)
                        .filter(|(port, _)| server(plan, worker.work(), *port).is_some_and(|(k, _)| k == i));
                    let rate: u64 = asked.map(|(_, m)| m.rate(now)).sum();
                    let mut demand = c.needs.idle + rate * c.needs.cost / 1000;
                    demand += run.map_or(0, |r| works(r, now));
                    demand += coming_up(c, since, run).filter(|(until, _)| now < *until).map_or(0, |(_, rate)| rate);
                    if run.is_some_and(|r| r.ills.hung) {
                        demand = 0;
                    }
                    let most = c.needs.cpu_limit.unwrap_or(cores).min(cores);
                    let most = match self.crowded(id, i).filter(|_| crowded) {
                        Some((gets, _)) => most.min(gets),
                        None => most,
                    };
                    let used = Use { cpu: demand.min(most), memory: memory(&c.needs, id, i, since, run, now) };
                    Some((i, ContainerUse { name: c.name.clone(), since, used, demand, request: c.needs.cpu_request }))
                })
                .collect();
            within_pod(plan, &mut all, 1000);
            all
        })
    }

    /// What a node's pods and its own processes use now; none: there is no such node, or it has no power.
    pub fn node_using(&self, sim: &Sim, node: &str) -> Option<Use> {
        let state = self.nodes.get(self.node_index(node)? as usize).filter(|n| n.powered)?;
        let mut sum = Use { cpu: SYSTEM.cpu, memory: SYSTEM.memory + state.outside_memory };
        for pod in sim.store.pods_on_node(node).filter(|p| p.status.phase == Phase::Running) {
            for c in self.using(sim, pod.id) {
                (sum.cpu, sum.memory) = (sum.cpu + c.used.cpu, sum.memory.saturating_add(c.used.memory));
            }
        }
        Some(Use { cpu: sum.cpu.min(state.cpu), memory: sum.memory.min(state.memory) })
    }

    /// How long the process on a pod's port takes for a request.
    pub(super) fn time_of_service(&self, sim: &Sim, id: Id, port: u16, rate: u32) -> SimDuration {
        let (Some(worker), Some(pod)) = (self.workers.get(&id), sim.store.pod(id)) else { return NEVER };
        self.with_plan(pod, |plan| {
            let Some((i, c)) = server(plan, worker.work(), port) else { return SimDuration(OVERHEAD) };
            let run = match &worker.life {
                Life::Full(work) => work.runs.get(i),
                _ => None,
            };
            if run.is_some_and(|r| r.ills.hung) {
                return NEVER;
            }
            let most = self.cpu_open(id, plan, i);
            // what it does besides is not there for requests, nor is what others of its pod take of their common limit
            let mut besides = c.needs.idle + run.map_or(0, |r| works(r, sim.now));
            if plan.cpu_limit.is_some() {
                let others = self.used_now(sim, id, true);
                besides += others.iter().filter(|(k, _)| *k != i).map(|(_, c)| c.used.cpu).sum::<u64>();
            }
            service_time(c.needs.cost, most.saturating_sub(besides).max(most / 20).max(1), rate)
        })
    }

    /// A pod is being asked for things: probes that had come to rest are asked again while it has too much to do.
    pub(super) fn load_turn(&mut self, sim: &mut Sim, id: Id) {
        let now = sim.now;
        let asked: Vec<(u16, u32)> =
            sim.network.served.of(id).filter(|(_, m)| m.active(now)).map(|(p, m)| (p, m.rate(now) as u32)).collect();
        if asked.is_empty() {
            return;
        }
        sim.after(SimDuration::from_secs(5), crate::sim::Event::Kubelet(super::KubeletEvent::Load(id)));
        if let Some(node) = self.workers.get(&id).map(|w| w.node) {
            self.watch_cpu(sim, node);
        }
        let strained = asked.iter().any(|(port, rate)| self.time_of_service(sim, id, *port, *rate) >= STRAIN);
        if strained && matches!(self.workers.get(&id).map(|w| &w.life), Some(Life::Full(_))) {
            let Some(mut work) = self.take_work(id) else { return };
            if let Some(plan) = work.plan.clone() {
                work.ask_all(&plan, now);
            }
            self.put_work(id, work);
            self.full_turn(sim, id);
        }
    }

    /// How long a probe waits for a container's answer now.
    pub(super) fn probed_in(&self, sim: &Sim, id: Id, plan: &Plan, i: usize, run: &Run, port: u16) -> SimDuration {
        let Some(c) = plan.containers.get(i) else { return NEVER };
        if run.ills.hung {
            return NEVER;
        }
        let rate = sim.network.served.rate(id, port, sim.now);
        if rate == 0 && self.crowded(id, i).is_none() {
            return SimDuration(OVERHEAD);
        }
        service_time(c.needs.cost, self.cpu_open(id, plan, i), rate)
    }
}

/// From here on it may be that a probe does not get its answer in time.
pub(super) const STRAIN: SimDuration = SimDuration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_for_cpu() {
        let t = |cost, cpu, rate| service_time(cost, cpu, rate).0;
        assert_eq!(t(400, 4000, 10), OVERHEAD + 400);
        assert!(t(45_000, 500, 2) < 60_000, "a quota of 50 ms is enough for one");
        assert!(t(45_000, 500, 8) > 100_000);
        assert!(t(45_000, 500, 20) > 5_000_000, "twice as much as it can do");
        assert!(t(45_000, 100, 1) > 400_000, "throttled all the time");
        let mut last = 0;
        for rate in 0..200 {
            let now = t(45_000, 500, rate);
            assert!(now >= last, "more requests never make it faster");
            last = now;
        }
    }
}
