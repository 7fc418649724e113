//! What a person does to containers: faults. Invariant: a fault is part of the pod's state, so it rewinds and replays with
//! it; a hang and a leak end with the process, a crash loop and a slow start are there for the next one too.

use super::component::{Kubelets, Life, Worker};
use super::plan::Plan;
use super::pod_worker::PodWork;
use super::run::Run;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::{Id, PodRecord};
use crate::view::model::{Fault, Pressure};
use std::sync::Arc;

/// From the start of a container that crash-loops to its end.
pub(super) const SOON: SimDuration = SimDuration::from_millis(900);

/// What ails a container.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ills {
    /// Its process ends soon after each start.
    pub loops: bool,
    /// Its process does not answer, nor do anything else.
    pub hung: bool,
    /// Its process takes more and more memory.
    pub leak: Option<Leak>,
    /// It comes up so much later.
    pub slow: SimDuration,
    /// It will come up so much later from its next start on.
    pub slow_next: SimDuration,
}

/// Memory that a process has leaked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leak {
    /// Bytes by then.
    pub bytes: u64,
    /// By when.
    pub since: SimTime,
    /// Bytes a second from then on.
    pub rate: u64,
}

impl Leak {
    /// Bytes that have been leaked.
    pub fn at(&self, now: SimTime) -> u64 {
        let micros = now.0.saturating_sub(self.since.0);
        self.bytes.saturating_add((u128::from(self.rate) * u128::from(micros) / 1_000_000).min(1 << 60) as u64)
    }

    /// When so many bytes will have been leaked.
    pub fn reaches(&self, bytes: u64) -> Option<SimTime> {
        let missing = bytes.saturating_sub(self.bytes);
        (self.rate > 0).then(|| {
            let micros = (u128::from(missing) * 1_000_000).div_ceil(u128::from(self.rate));
            self.since + SimDuration(micros.min(1 << 60) as u64)
        })
    }
}

impl Ills {
    /// The process has ended.
    pub fn ended(&mut self) {
        (self.hung, self.leak) = (false, None);
    }

    /// A process has been started.
    pub fn started(&mut self) {
        self.ended();
        self.slow = self.slow_next;
    }
}

impl Kubelets {
    /// A fault of one container.
    pub(super) fn container_fault(&mut self, sim: &mut Sim, fault: &Fault) -> Result<(), String> {
        let (Fault::CrashContainer { namespace, pod, container }
        | Fault::CrashLoop { namespace, pod, container, .. }
        | Fault::HangContainer { namespace, pod, container, .. }
        | Fault::LeakMemory { namespace, pod, container, .. }
        | Fault::SlowStart { namespace, pod, container, .. }) = fault
        else {
            return Err("this fault is not one of a container".into());
        };
        let pod = super::component::find(sim, namespace, pod)?;
        let now = sim.now;
        let mut outcome = Ok(());
        self.on_node(sim, &pod, |k, sim, pod| {
            k.promote(sim, pod);
            let Some(mut work) = k.take_work(pod.id) else {
                outcome = Err(format!("pod {} is being stopped, or its containers are only played", pod.name));
                return;
            };
            let plan = work.plan.clone();
            let index = plan.as_ref().and_then(|p| index_of(p, container));
            match (plan, index) {
                (Some(plan), Some(i)) if i < work.runs.len() => {
                    outcome = afflict(&plan, &mut work, i, fault, &pod.name, now);
                }
                _ => outcome = Err(format!("container {container} is not valid for pod {}", pod.name)),
            }
            k.put_work(pod.id, work);
            k.full_turn(sim, pod.id);
            if let (Fault::LeakMemory { .. }, Some(Worker { node, .. })) = (fault, k.workers.get(&pod.id)) {
                k.watch_node(sim, *node);
            }
        })?;
        if outcome.is_ok() {
            self.ailing.insert(pod.id);
        }
        outcome
    }

    /// What people have done to nodes and pods and is so still. What has come to an end by itself, as a hang does when its
    /// container is started again, is not among it, nor is what was refused. A fault of a container names it.
    pub fn in_force(&self, sim: &Sim) -> Vec<Fault> {
        let mut all = vec![];
        for n in &self.nodes {
            let node = || n.name.to_string();
            if !n.powered {
                all.push(Fault::NodePower { node: node(), on: false });
            }
            for (resource, taken) in [(Pressure::Memory, n.outside_memory), (Pressure::Disk, n.outside_disk)] {
                if taken > 0 {
                    all.push(Fault::NodePressure { node: node(), resource, on: true });
                }
            }
        }
        let lives = |id: &Id| sim.store.pod(*id).filter(|p| !p.status.phase.is_terminal());
        for p in self.broken.iter().filter_map(lives) {
            let (namespace, pod) = (p.namespace.to_string(), p.name.to_string());
            all.push(Fault::BreakReadiness { namespace, pod, broken: true });
        }
        for p in self.sick.iter().filter_map(lives) {
            let (namespace, pod) = (p.namespace.to_string(), p.name.to_string());
            all.push(Fault::BreakLiveness { namespace, pod, broken: true });
        }
        for p in self.ailing.iter().filter_map(lives) {
            let Some(Worker { life: Life::Full(work), .. }) = self.workers.get(&p.id) else { continue };
            let Some(plan) = &work.plan else { continue };
            for (run, c) in work.runs.iter().zip(plan.containers.iter()) {
                let named = || (p.namespace.to_string(), p.name.to_string(), c.name.to_string());
                let ills = &run.ills;
                if ills.loops {
                    let (namespace, pod, container) = named();
                    all.push(Fault::CrashLoop { namespace, pod, container, on: true });
                }
                if ills.hung {
                    let (namespace, pod, container) = named();
                    all.push(Fault::HangContainer { namespace, pod, container, on: true });
                }
                if let Some(Leak { rate, .. }) = ills.leak.filter(|l| l.rate > 0) {
                    let (namespace, pod, container) = named();
                    all.push(Fault::LeakMemory { namespace, pod, container, rate });
                }
                if ills.slow_next > SimDuration::ZERO {
                    let (namespace, pod, container) = named();
                    let seconds = ills.slow_next.as_secs() as u32;
                    all.push(Fault::SlowStart { namespace, pod, container, seconds });
                }
            }
        }
        all
    }

    /// A person has broken a pod's probes, or mended them: what is not being asked is asked again.
    pub(super) fn probes_changed(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        self.promote(sim, pod);
        let Some(mut work) = self.take_work(pod.id) else { return };
        if let Some(plan) = work.plan.clone() {
            work.ask_all(&plan, sim.now);
        }
        self.put_work(pod.id, work);
        self.full_turn(sim, pod.id);
    }
}

/// The container that is meant; none named: the first of the regular ones.
fn index_of(plan: &Plan, name: &str) -> Option<usize> {
    if name.is_empty() {
        return Some(plan.init);
    }
    plan.containers.iter().position(|c| &*c.name == name)
}

fn afflict(
    plan: &Arc<Plan>,
    work: &mut PodWork,
    i: usize,
    fault: &Fault,
    pod: &str,
    now: SimTime,
) -> Result<(), String> {
    let name = &plan.containers[i].name;
    let limit = plan.containers[i].needs.memory_limit;
    let base = plan.containers[i].needs.memory;
    let run = &mut work.runs[i];
    let needs_process = match fault {
        Fault::CrashContainer { .. } => true,
        Fault::HangContainer { on, .. } => *on,
        Fault::LeakMemory { rate, .. } => *rate > 0,
        _ => false,
    };
    if needs_process && !run.running() {
        return Err(format!("container {name} of pod {pod} is not running"));
    }
    match fault {
        Fault::CrashContainer { .. } => run.exits = Some((now, 1)),
        Fault::CrashLoop { on, .. } => {
            run.ills.loops = *on;
            if *on && run.running() {
                run.exits = Some((now + SOON, 1));
            } else if !on && run.running() && run.term_at.is_none() && run.kill_at.is_none() {
                // only the fault would have ended it
                run.exits = run.exits.filter(|(_, code)| *code != 1);
            }
        }
        Fault::HangContainer { on, .. } => {
            run.ills.hung = *on;
            if !on {
                // its process goes on where it stopped
                run.wake = run.wake.map(|t| t.max(now));
            }
            work.ask_all(plan, now);
        }
        Fault::LeakMemory { rate, .. } => {
            let bytes = run.ills.leak.map_or(0, |l| l.at(now));
            let leak = Leak { bytes, since: now, rate: *rate };
            run.ills.leak = Some(leak);
            if !plan.containers[i].starves {
                run.oom_at = limit.and_then(|l| leak.reaches(l.saturating_sub(base.min(l))));
            }
        }
        Fault::SlowStart { seconds, .. } => run.ills.slow_next = SimDuration::from_secs(u64::from(*seconds)),
        _ => {}
    }
    Ok(())
}

impl PodWork {
    /// Probes that had come to rest are asked again.
    pub(super) fn ask_all(&mut self, plan: &Plan, now: SimTime) {
        for (run, c) in self.runs.iter_mut().zip(plan.containers.iter()) {
            let Run { readiness, liveness, record, .. } = run;
            if !matches!(record.state, crate::store::pod::RunState::Running(_)) || record.started != Some(true) {
                continue;
            }
            if c.readiness.is_some() && readiness.due.is_none() {
                readiness.due = Some(now);
            }
            if c.liveness.is_some() && liveness.due.is_none() && self.stopping.is_none() {
                liveness.due = Some(now);
            }
        }
    }
}
