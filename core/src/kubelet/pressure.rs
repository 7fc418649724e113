//! Nodes that run out of memory or disk: conditions, evictions, and the kernel's own choice when a kubelet is too late.
//! Invariant: a node is looked at every ten seconds only while something on it grows or is short. Who goes is decided by
//! [`rank`] and [`oom_victim`], which are pure. Models pkg/kubelet/eviction and pkg/kubelet/qos.

use super::component::{Kubelets, Life};
use super::plan::Plan;
use super::pod_worker::{PodWork, Reason};
use super::usage::SYSTEM;
use crate::api::quantity::{Format, Quantity};
use crate::apiserver::recorder::Source;
use crate::clock::{SimDuration, SimTime};
use crate::sim::{Actor, Event, Sim};
use crate::store::pod::Phase;
use crate::store::{Id, Key, Kind, PodRecord};
use crate::view::model::Pressure;
use k8s_openapi::api::core::v1::PodCondition;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

/// memory.available below this: pods are evicted.
pub const MEMORY_THRESHOLD: u64 = 100 << 20;
/// A node's disk.
pub const DISK: u64 = 100 << 30;
/// nodefs.available below this: pods are evicted.
pub const DISK_THRESHOLD: u64 = DISK / 10;
/// What is on a node's disk besides images and pods.
const SYSTEM_DISK: u64 = 6 << 30;
/// What a container has on disk at least: its log and its own layer.
const CONTAINER_DISK: u64 = 24 << 10;
/// Between two looks at a node.
const ROUND: u64 = 10_000_000;
/// A condition stays this long after it was last true.
const TRANSITION: SimDuration = SimDuration::from_secs(300);
/// Pods of this priority and above are not evicted.
const CRITICAL: i32 = 2_000_000_000;
/// What an evicted pod gets to end, in seconds.
const GRACE: u64 = 1;
/// What a fault leaves of a resource.
const LEFT: u64 = 50 << 20;

/// How short a node is of things.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Strain {
    /// When memory was last short.
    memory: Option<SimTime>,
    /// When disk was last short.
    disk: Option<SimTime>,
    /// The conditions as they were posted: memory, disk.
    pub posted: (bool, bool),
    /// The next look that is due.
    due: Option<SimTime>,
}

/// What a kubelet knows of a pod when it has to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The pod.
    pub id: Id,
    /// What it uses.
    pub used: u64,
    /// What it asks for.
    pub requested: u64,
    /// Its priority.
    pub priority: i32,
}

/// Sorts pods by who is evicted first: those that use more than they ask for, then by priority, then by how much more.
/// Models rankMemoryPressure and rankDiskPressureFunc.
pub fn rank(pods: &mut [Candidate]) {
    pods.sort_by_key(|c| {
        let above = i128::from(c.used) - i128::from(c.requested);
        (Reverse(above > 0), c.priority, Reverse(above), c.id)
    });
}

/// How much the kernel prefers to kill a container's processes. Models GetContainerOOMScoreAdjust.
pub fn oom_score_adj(qos: &str, critical: bool, request: u64, capacity: u64) -> i64 {
    if critical {
        return -997;
    }
    match qos {
        "Guaranteed" => -997,
        "BestEffort" => 1000,
        _ => {
            let adjust = 1000 - (i128::from(request) * 1000 / i128::from(capacity.max(1))) as i64;
            // a burstable pod goes after best-effort ones and before the system
            adjust.clamp(3, 999)
        }
    }
}

/// Whom the kernel kills: the process with the highest score of its share of memory and its adjustment. Gives the index.
pub fn oom_victim(processes: &[(u64, i64)], capacity: u64) -> Option<usize> {
    let score = |(used, adjust): (u64, i64)| i128::from(used) * 1000 / i128::from(capacity.max(1)) + i128::from(adjust);
    (0..processes.len()).max_by_key(|i| (score(processes[*i]), Reverse(*i)))
}

fn bytes(n: u64) -> String {
    let n = n - n % 1024;
    Quantity::parse(&n.to_string()).map_or_else(|_| n.to_string(), |q| q.with_format(Format::BinarySI).to_string())
}

fn resource_name(r: Pressure) -> &'static str {
    match r {
        Pressure::Memory => "memory",
        Pressure::Disk => "ephemeral-storage",
    }
}

/// What a pod is told that has to go.
pub fn eviction_message(
    r: Pressure,
    threshold: u64,
    available: u64,
    containers: &[(Arc<str>, u64, String, bool)],
) -> String {
    let name = resource_name(r);
    let mut text = format!(
        "The node was low on resource: {name}. Threshold quantity: {}, available: {}. ",
        bytes(threshold),
        bytes(available)
    );
    for (container, used, request, above) in containers {
        if *above {
            let used = bytes(*used);
            text += &format!(
                "Container {container} was using {used}, request is {request}, has larger consumption of {name}. "
            );
        }
    }
    text
}

/// Bytes on disk of each of a pod's volumes that are its own, and of each container.
fn on_disk(plan: &Plan, work: Option<&PodWork>) -> (Vec<u64>, Vec<u64>) {
    let volumes = plan.spec().volumes.iter().flatten().enumerate().map(|(i, v)| {
        let own = v.empty_dir.as_ref().is_some_and(|e| e.medium.as_deref() != Some("Memory"));
        let files = work.and_then(|w| w.volumes.as_ref()?.files.get(i).filter(|_| own).map(|f| f.bytes()));
        files.unwrap_or(0)
    });
    let containers = (0..plan.containers.len()).map(|i| {
        let run = work.and_then(|w| w.runs.get(i));
        CONTAINER_DISK + run.map_or(0, |r| r.files.bytes() + r.log.bytes() as u64)
    });
    (volumes.collect(), containers.collect())
}

impl Kubelets {
    /// A node's memory without the bounds of its size: what its pods, the system and whatever lies outside take.
    fn memory_demand(&self, sim: &Sim, index: u32) -> u64 {
        let Some(node) = self.nodes.get(index as usize) else { return 0 };
        let pods = sim.store.pods_on_node(&node.name).filter(|p| p.status.phase == Phase::Running);
        let used: u64 = pods.flat_map(|p| self.using(sim, p.id)).map(|c| c.used.memory).fold(0, u64::saturating_add);
        used.saturating_add(SYSTEM.memory).saturating_add(node.outside_memory)
    }

    /// What is on a node's disk, and what that is of its pods.
    pub(super) fn disk_demand(&self, sim: &Sim, index: u32) -> u64 {
        let Some(node) = self.nodes.get(index as usize) else { return 0 };
        let images = node.image_list(sim.now).iter().map(|i| i.size_bytes.unwrap_or(0) as u64).sum::<u64>();
        let pods: u64 = sim.store.pods_on_node(&node.name).map(|p| self.pod_disk(p).0).sum();
        SYSTEM_DISK + images * 2 + pods + node.outside_disk
    }

    /// Bytes that a pod has on its node's disk: all, its own volumes, its containers.
    fn pod_disk(&self, pod: &PodRecord) -> (u64, Vec<u64>, Vec<u64>) {
        self.with_plan(pod, |plan| {
            let work = match self.workers.get(&pod.id).map(|w| &w.life) {
                Some(Life::Full(work)) => Some(&**work),
                _ => None,
            };
            let (volumes, containers) = on_disk(plan, work);
            (volumes.iter().chain(&containers).sum(), volumes, containers)
        })
    }

    /// Something outside of all pods takes nearly all of a node's memory or disk, or gives it back.
    pub(super) fn press(&mut self, sim: &mut Sim, node: &str, resource: Pressure, on: bool) -> Result<(), String> {
        let Some(index) = self.node_index(node) else { return Err(format!("nodes {node:?} not found")) };
        let (memory, disk) = (self.memory_demand(sim, index), self.disk_demand(sim, index));
        let state = &mut self.nodes[index as usize];
        if !state.powered {
            return Err(format!("node {node:?} has no power"));
        }
        match (resource, on) {
            (Pressure::Memory, true) if state.outside_memory == 0 => {
                state.outside_memory = state.memory.saturating_sub(memory + LEFT).max(1);
            }
            (Pressure::Disk, true) if state.outside_disk == 0 => {
                state.outside_disk = DISK.saturating_sub(disk + DISK_THRESHOLD / 2).max(1);
            }
            (Pressure::Memory, false) => state.outside_memory = 0,
            (Pressure::Disk, false) => state.outside_disk = 0,
            _ => {}
        }
        self.watch_node(sim, index);
        Ok(())
    }

    /// Something on a node may grow: it is looked at in the next round, and before that if it could be full by then.
    pub(super) fn watch_node(&mut self, sim: &mut Sim, index: u32) {
        if self.profile != crate::sim::KubeletProfile::Real {
            return;
        }
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        if node.strain.due.is_none_or(|t| t < sim.now) {
            let due = SimTime((sim.now.0 / ROUND + 1) * ROUND + 137_000);
            node.strain.due = Some(due);
            sim.queue.at(due, Event::Kubelet(super::KubeletEvent::Node(Id::from(index), 1)));
        }
        let soon = sim.now + SimDuration::from_millis(2_100);
        sim.queue.at(soon, Event::Kubelet(super::KubeletEvent::Node(Id::from(index), 2)));
    }

    /// A look at a node: 1, the kubelet's round; 2, is it full?
    pub(super) fn pressure_turn(&mut self, sim: &mut Sim, index: u32, turn: u32) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        let name = node.name.clone();
        if turn == 1 {
            node.strain.due = None;
        }
        if !node.powered {
            return;
        }
        sim.acting(Actor::Kubelet(name), 0, |sim| {
            if turn == 1 {
                self.round(sim, index);
            } else {
                self.out_of_memory(sim, index);
            }
        });
    }

    /// Memory that leaks on a node, in bytes a second, and whether something is still filling up.
    fn leaks(&self, sim: &Sim, index: u32) -> u64 {
        let Some(node) = self.nodes.get(index as usize) else { return 0 };
        let mut sum: u64 = 0;
        for p in sim.store.pods_on_node(&node.name) {
            if let Some(Life::Full(work)) = self.workers.get(&p.id).map(|w| &w.life) {
                let rates = work.runs.iter().filter(|r| r.running()).filter_map(|r| r.ills.leak).map(|l| l.rate);
                sum = rates.fold(sum, u64::saturating_add);
            }
        }
        sum
    }

    fn round(&mut self, sim: &mut Sim, index: u32) {
        let now = sim.now;
        let limited = self.local_storage(sim, index);
        let (memory, disk) = (self.memory_demand(sim, index), self.disk_demand(sim, index));
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        let (capacity, name) = (node.memory, node.name.clone());
        let free = capacity.saturating_sub(memory);
        let disk_free = DISK.saturating_sub(disk);
        let (low_memory, low_disk) = (free < MEMORY_THRESHOLD, disk_free < DISK_THRESHOLD);
        if low_memory {
            node.strain.memory = Some(now);
        }
        if low_disk {
            node.strain.disk = Some(now);
        }
        let lasts = |t: Option<SimTime>| t.is_some_and(|t| now < t + TRANSITION);
        let posted = (lasts(node.strain.memory), lasts(node.strain.disk));
        let before = std::mem::replace(&mut node.strain.posted, posted);
        if posted != before {
            self.post_conditions(sim, &name);
            let rows = [
                (before.0, posted.0, "NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
                (before.1, posted.1, "NodeHasDiskPressure", "NodeHasNoDiskPressure"),
            ];
            for (was, is, yes, no) in rows {
                if was != is {
                    let reason = if is { yes } else { no };
                    self.node_says(sim, &name, false, reason, format!("Node {name} status is now: {reason}"));
                }
            }
        }
        if !limited && (low_memory || low_disk) {
            let short = if low_memory { Pressure::Memory } else { Pressure::Disk };
            let text = format!("Attempting to reclaim {}", resource_name(short));
            self.node_says(sim, &name, true, "EvictionThresholdMet", text);
            let reclaimed = short == Pressure::Disk && self.drop_images(sim, index);
            if !reclaimed || DISK.saturating_sub(self.disk_demand(sim, index)) < DISK_THRESHOLD {
                let (threshold, left) = if low_memory { (MEMORY_THRESHOLD, free) } else { (DISK_THRESHOLD, disk_free) };
                self.evict_one(sim, index, short, threshold, left);
            }
        }
        let leaking = self.leaks(sim, index) > 0;
        let Some(node) = self.nodes.get(index as usize) else { return };
        let grows = leaking || node.outside_memory > 0 || node.outside_disk > 0 || posted != (false, false);
        if grows || low_memory || low_disk || self.watches_disk(sim, index) {
            self.watch_node(sim, index);
        }
    }

    /// Has a pod of the node a limit for what it may have on disk?
    fn watches_disk(&self, sim: &Sim, index: u32) -> bool {
        let Some(node) = self.nodes.get(index as usize) else { return false };
        sim.store.pods_on_node(&node.name).any(|p| match self.workers.get(&p.id).map(|w| &w.life) {
            // who runs no command writes nothing
            Some(Life::Full(work)) => {
                !work.over
                    && work.runs.iter().any(|r| r.process.is_some())
                    && work.plan.as_ref().is_some_and(|plan| has_disk_limits(plan))
            }
            _ => false,
        })
    }

    /// Images that no pod uses make room. True: there were some.
    fn drop_images(&mut self, sim: &mut Sim, index: u32) -> bool {
        let Some(node) = self.nodes.get(index as usize) else { return false };
        let pods: Vec<Arc<PodRecord>> = sim.store.pods_on_node(&node.name).cloned().collect();
        let used = |image: &str| {
            pods.iter().any(|p| self.with_plan(p, |plan| plan.containers.iter().any(|c| &*c.image == image)))
        };
        let now = sim.now;
        let unused: Vec<Arc<str>> =
            node.images.iter().filter(|(i, t)| **t <= now && !used(i)).map(|(i, _)| i.clone()).collect();
        if let Some(node) = self.nodes.get_mut(index as usize) {
            for i in &unused {
                node.images.remove(i);
            }
        }
        if !unused.is_empty() {
            self.look_at_images(sim, index, now);
        }
        !unused.is_empty()
    }

    fn candidates(&self, sim: &Sim, index: u32, short: Pressure) -> Vec<Candidate> {
        let Some(node) = self.nodes.get(index as usize) else { return vec![] };
        let pods = sim.store.pods_on_node(&node.name).filter(|p| !p.status.phase.is_terminal() && p.deletion.is_none());
        pods.filter(|p| match self.workers.get(&p.id).map(|w| &w.life) {
            Some(Life::Full(work)) => work.stopping.is_none() && !work.over,
            worker => worker.is_some(),
        })
        .map(|p| {
            let used = match short {
                Pressure::Memory => self.using(sim, p.id).iter().map(|c| c.used.memory).sum(),
                Pressure::Disk => self.pod_disk(p).0,
            };
            let requested = self.with_plan(p, |plan| {
                let regular = plan.containers.iter().enumerate().filter(|(i, c)| *i >= plan.init || c.sidecar);
                let of = |c: &super::plan::ContainerPlan| match short {
                    Pressure::Memory => c.needs.memory_request,
                    Pressure::Disk => c.needs.disk_request,
                };
                let whole = plan.memory_request.filter(|_| short == Pressure::Memory);
                whole.unwrap_or_else(|| regular.map(|(_, c)| of(c)).sum())
            });
            let priority = p.proto.pod.spec.as_ref().and_then(|s| s.priority).unwrap_or(0);
            Candidate { id: p.id, used, requested, priority }
        })
        .filter(|c| c.priority < CRITICAL)
        .collect()
    }

    fn evict_one(&mut self, sim: &mut Sim, index: u32, short: Pressure, threshold: u64, left: u64) {
        let mut list = self.candidates(sim, index, short);
        rank(&mut list);
        let Some(pod) = list.first().and_then(|c| sim.store.pod(c.id)).cloned() else { return };
        let disk = self.pod_disk(&pod).2;
        let used = self.using(sim, pod.id);
        let rows: Vec<(Arc<str>, u64, String, bool)> = self.with_plan(&pod, |plan| {
            let spec = plan.spec();
            let all = plan.containers.iter().enumerate().skip(plan.init);
            all.filter_map(|(i, c)| {
                let name = resource_name(short);
                let requests = spec.containers.get(i - plan.init)?.resources.as_ref().and_then(|r| r.requests.as_ref());
                let request = requests.and_then(|r| r.get(name)).map_or_else(|| "0".to_owned(), |q| q.0.clone());
                let (amount, asked) = match short {
                    Pressure::Memory => (used.iter().find(|u| u.name == c.name)?.used.memory, c.needs.memory_request),
                    Pressure::Disk => (disk.get(i).copied()?, c.needs.disk_request),
                };
                Some((c.name.clone(), amount, request, amount > asked))
            })
            .collect()
        });
        let message = eviction_message(short, threshold, left, &rows);
        self.evict(sim, &pod, message, true);
    }

    /// Ends a pod for good. `disrupts`: it goes for the node's sake.
    fn evict(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, message: String, disrupts: bool) {
        self.pod_event(sim, pod, "", true, "Evicted", message.clone());
        let now = sim.now;
        if disrupts {
            sim.update_pod_status(pod.id, |s| {
                let mut more = s.more.as_deref().cloned().unwrap_or_default();
                more.conditions.get_or_insert_default().push(PodCondition {
                    type_: "DisruptionTarget".into(),
                    status: "True".into(),
                    reason: Some("TerminationByKubelet".into()),
                    message: Some(message.clone()),
                    last_transition_time: Some(now.api()),
                    ..PodCondition::default()
                });
                s.more = Some(Arc::new(more));
                true
            });
        }
        self.promote(sim, pod);
        let Some(mut work) = self.take_work(pod.id) else { return };
        let reason = Reason::Failed("Evicted", Cow::Owned(message));
        self.stop(sim, pod, &mut work, reason, SimDuration::from_secs(GRACE));
        self.put_work(pod.id, work);
        self.full_turn(sim, pod.id);
    }

    /// Pods that have more on disk than they may are evicted. True: there were some.
    fn local_storage(&mut self, sim: &mut Sim, index: u32) -> bool {
        let Some(node) = self.nodes.get(index as usize) else { return false };
        let pods: Vec<Arc<PodRecord>> =
            sim.store.pods_on_node(&node.name).filter(|p| p.status.phase == Phase::Running).cloned().collect();
        let mut any = false;
        for pod in pods {
            let stopping = match self.workers.get(&pod.id).map(|w| &w.life) {
                Some(Life::Full(work)) => work.stopping.is_some() || work.over,
                _ => true,
            };
            if stopping || !self.with_plan(&pod, has_disk_limits) {
                continue;
            }
            let (all, volumes, containers) = self.pod_disk(&pod);
            let too_much = self.with_plan(&pod, |plan| {
                for (i, v) in plan.spec().volumes.iter().flatten().enumerate() {
                    let Some(limit) = v.empty_dir.as_ref().and_then(|e| e.size_limit.as_ref()) else { continue };
                    let most = Quantity::parse(&limit.0).map_or(u64::MAX, |q| super::needs::bytes(q.value()));
                    if most > 0 && volumes.get(i).is_some_and(|n| *n > most) {
                        let text = Quantity::parse(&limit.0).map_or_else(|_| limit.0.clone(), |q| q.to_string());
                        return Some(format!("Usage of EmptyDir volume {:?} exceeds the limit {text:?}. ", v.name));
                    }
                }
                let limits: Vec<u64> =
                    plan.containers.iter().skip(plan.init).filter_map(|c| c.needs.disk_limit).collect();
                if !limits.is_empty() && all > limits.iter().sum::<u64>() {
                    let total = bytes_exactly(limits.iter().sum());
                    return Some(format!(
                        "Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
                    ));
                }
                plan.containers.iter().enumerate().skip(plan.init).find_map(|(i, c)| {
                    let limit = c.needs.disk_limit.filter(|l| containers.get(i).is_some_and(|n| n > l))?;
                    Some(format!(
                        "Container {} exceeded its local ephemeral storage limit {:?}. ",
                        c.name,
                        bytes_exactly(limit)
                    ))
                })
            });
            if let Some(text) = too_much {
                self.evict(sim, &pod, text, false);
                any = true;
            }
        }
        any
    }

    /// Is a node full? Then the kernel chooses, and does not ask.
    fn out_of_memory(&mut self, sim: &mut Sim, index: u32) {
        for _ in 0..64 {
            let used = self.memory_demand(sim, index);
            let Some(node) = self.nodes.get(index as usize) else { return };
            let (capacity, name) = (node.memory, node.name.clone());
            if used < capacity {
                let rate = self.leaks(sim, index);
                if rate > 0 {
                    // when it will be, if nobody does anything before
                    let micros = u128::from(capacity - used) * 1_000_000 / u128::from(rate) + 1_000;
                    if micros < u128::from(ROUND) * 2 {
                        let at = sim.now + SimDuration(micros as u64);
                        sim.queue.at(at, Event::Kubelet(super::KubeletEvent::Node(Id::from(index), 2)));
                    }
                }
                return;
            }
            let mut processes = vec![];
            let mut owners: Vec<(Id, Arc<str>)> = vec![];
            for p in sim.store.pods_on_node(&name).filter(|p| p.status.phase == Phase::Running) {
                let critical = p.proto.pod.spec.as_ref().and_then(|s| s.priority).unwrap_or(0) >= CRITICAL;
                for c in self.using(sim, p.id) {
                    let request = self.with_plan(p, |plan| {
                        let own = plan.containers.iter().find(|k| k.name == c.name);
                        own.map_or(0, |k| k.needs.memory_request) + plan.memory_left()
                    });
                    processes.push((c.used.memory, oom_score_adj(p.proto.qos, critical, request, capacity)));
                    owners.push((p.id, c.name));
                }
            }
            let Some((id, container)) = oom_victim(&processes, capacity).and_then(|i| owners.get(i)).cloned() else {
                return;
            };
            let Some(pod) = sim.store.pod(id).cloned() else { return };
            let pid = 1000 + (id * 37 + sim.now.0 / 1000) % 30_000;
            let text = format!("System OOM encountered, victim process: {container}, pid: {pid}");
            self.node_says(sim, &name, true, "SystemOOM", text);
            self.promote(sim, &pod);
            let Some(mut work) = self.take_work(id) else { return };
            let now = sim.now;
            if let Some(plan) = work.plan.clone() {
                let i = plan.containers.iter().position(|c| c.name == container);
                if let Some(run) = i.and_then(|i| work.runs.get_mut(i)).filter(|r| r.running()) {
                    run.oom_at = Some(now);
                }
            }
            self.put_work(id, work);
            self.full_turn(sim, id);
        }
    }

    pub(super) fn node_says(&self, sim: &mut Sim, node: &str, warning: bool, reason: &'static str, text: String) {
        let Some(object) = sim.store.get(Kind::Node, &Key::new("", node)).cloned() else { return };
        let source = Source { component: "kubelet", host: node.to_owned().into() };
        sim.record(source, &object, warning, reason, text);
    }

    /// Why a node that is short of something does not take a pod: its message; none: it does. Models the eviction
    /// manager's admission.
    pub(super) fn strained(&self, pod: &PodRecord, node: u32) -> Option<String> {
        let (memory, disk) = self.nodes.get(node as usize)?.strain.posted;
        if !memory && !disk {
            return None;
        }
        let spec = pod.proto.pod.spec.as_ref()?;
        if spec.priority.unwrap_or(0) >= CRITICAL {
            return None;
        }
        let tolerates = || {
            spec.tolerations.iter().flatten().any(|t| {
                let key = t.key.as_deref().unwrap_or_default();
                let exists = t.operator.as_deref() == Some("Exists");
                let effect = t.effect.as_deref().unwrap_or("NoSchedule") == "NoSchedule";
                effect && ((key.is_empty() && exists) || key == "node.kubernetes.io/memory-pressure")
            })
        };
        if memory && !disk && (pod.proto.qos != "BestEffort" || tolerates()) {
            return None;
        }
        let names = [(disk, "DiskPressure"), (memory, "MemoryPressure")];
        let names: Vec<&str> = names.iter().filter(|(on, _)| *on).map(|(_, n)| *n).collect();
        Some(format!("The node had condition: [{}]. ", names.join(" ")))
    }
}

fn bytes_exactly(n: u64) -> String {
    Quantity::parse(&n.to_string()).map_or_else(|_| n.to_string(), |q| q.with_format(Format::BinarySI).to_string())
}

/// Is there a limit for what the pod may have on disk?
pub(super) fn has_disk_limits(plan: &Plan) -> bool {
    plan.containers.iter().any(|c| c.needs.disk_limit.is_some())
        || plan.spec().volumes.iter().flatten().any(|v| v.empty_dir.as_ref().is_some_and(|e| e.size_limit.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_first() {
        let c = |id, used, requested, priority| Candidate { id, used, requested, priority };
        let mut list =
            vec![c(1, 50, 100, 0), c(2, 120, 100, 1000), c(3, 110, 100, 0), c(4, 300, 100, 0), c(5, 90, 100, 0)];
        rank(&mut list);
        assert_eq!(list.iter().map(|c| c.id).collect::<Vec<_>>(), [4, 3, 2, 5, 1]);
    }

    #[test]
    fn the_kernels_choice() {
        assert_eq!(oom_score_adj("Guaranteed", false, 1 << 30, 8 << 30), -997);
        assert_eq!(oom_score_adj("BestEffort", false, 0, 8 << 30), 1000);
        assert_eq!(oom_score_adj("Burstable", false, 4 << 30, 8 << 30), 500);
        assert_eq!(oom_score_adj("Burstable", false, 0, 8 << 30), 999);
        let gi = 1u64 << 30;
        assert_eq!(oom_victim(&[(6 * gi, -997), (gi, 1000), (gi / 2, 500)], 8 * gi), Some(1));
        assert_eq!(oom_victim(&[], gi), None);
    }

    #[test]
    fn words() {
        let row = ("c".into(), 50 << 20, "0".to_owned(), true);
        assert_eq!(
            eviction_message(Pressure::Memory, MEMORY_THRESHOLD, 52 << 20, &[row]),
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container c was using \
             50Mi, request is 0, has larger consumption of memory. "
        );
    }
}
