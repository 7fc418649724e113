//! Other amounts of CPU and memory for a pod that is there: what its node grants, what is in force, and what is said of
//! it. Models pkg/kubelet/allocation and the runtime manager's doPodResizeAction. Invariant: a pod is listed here only
//! while what it has differs from what its spec says; [`Kubelets::plan`] then answers with what it has.

use super::admission::{Amount, requests_of};
use super::component::Kubelets;
use super::plan::{ContainerPlan, Plan};
use super::pod_worker::PodWork;
use super::run::Run;
use crate::api::quantity::Quantity;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::pod::PodStatusRecord;
use crate::store::pod::details::{Details, ResourceList, Told};
use crate::store::{Id, Key, PodProto, PodRecord};
use k8s_openapi::api::core::v1::{Container, Node, PodCondition, PodSpec, PodStatus, ResourceRequirements};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::sync::Arc;

/// How often a resize that had to wait is tried again by itself.
const RETRY: SimDuration = SimDuration::from_secs(180);
/// How often a limit that cannot be lowered is tried again.
const TRY_AGAIN: SimDuration = SimDuration::from_secs(10);

/// The resources of a pod and of its init containers and containers, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
struct Amounts {
    whole: Option<ResourceRequirements>,
    each: Vec<ResourceRequirements>,
}

impl Amounts {
    fn of(spec: &PodSpec) -> Amounts {
        let all = spec.init_containers.iter().flatten().chain(&spec.containers);
        let each = all.map(|c| c.resources.clone().unwrap_or_default()).collect();
        Amounts { whole: spec.resources.clone(), each }
    }

    /// The spec with these resources.
    fn put(&self, spec: &PodSpec) -> PodSpec {
        let mut spec = spec.clone();
        spec.resources = self.whole.clone();
        let all = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
        for (c, r) in all.zip(&self.each) {
            c.resources = Some(r.clone());
        }
        spec
    }
}

/// Since when something is so, and of which generation of the spec.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    reason: &'static str,
    message: String,
    since: SimTime,
    generation: u32,
}

/// A pod whose resources are being changed.
#[derive(Clone, Debug)]
pub(super) struct Resize {
    /// By what it lives now.
    plan: Arc<Plan>,
    /// The prototype that the plan was made for.
    proto: u32,
    wanted: Amounts,
    allocated: Amounts,
    actual: Amounts,
    pending: Option<Said>,
    progress: Option<Said>,
    /// When what was granted is in force, or is tried again.
    due: SimTime,
}

impl Resize {
    /// The plan, if it was made for this prototype.
    pub fn plan(&self, proto: u32) -> Option<&Arc<Plan>> {
        (self.proto == proto).then_some(&self.plan)
    }

    /// What the pod has been granted, of its spec.
    pub fn granted(&self, spec: &PodSpec) -> Amount {
        requests_of(&self.allocated.put(spec))
    }

    fn make_plan(&mut self, proto: &Arc<PodProto>) {
        let mut pod = proto.pod.clone();
        pod.spec = pod.spec.as_ref().map(|s| self.actual.put(s));
        let own = PodProto {
            id: proto.id,
            pod,
            labels: proto.labels.clone(),
            owners: proto.owners.clone(),
            controller: proto.controller,
            qos: proto.qos,
        };
        let mut plan = Plan::new(&Arc::new(own));
        let mut containers: Vec<ContainerPlan> = plan.containers.to_vec();
        for (c, granted) in containers.iter_mut().zip(&self.allocated.each) {
            let details = Details { allocated: granted.requests.clone(), ..(*c.told[1].0).clone() };
            c.told[1] = Told(Arc::new(details));
        }
        plan.containers = containers.into();
        (self.plan, self.proto) = (Arc::new(plan), proto.id);
    }

    fn conditions(&self) -> Vec<PodCondition> {
        let rows = [("PodResizePending", &self.pending), ("PodResizeInProgress", &self.progress)];
        let said = rows.into_iter().filter_map(|(kind, s)| Some((kind, s.as_ref()?)));
        said.map(|(kind, s)| PodCondition {
            type_: kind.into(),
            status: "True".into(),
            reason: (!s.reason.is_empty()).then(|| s.reason.into()),
            message: (!s.message.is_empty()).then(|| s.message.clone()),
            last_transition_time: Some(s.since.api()),
            observed_generation: Some(i64::from(s.generation)),
            ..PodCondition::default()
        })
        .collect()
    }
}

fn amount(list: &Option<ResourceList>, key: &str) -> Option<Quantity> {
    Quantity::parse(&list.as_ref()?.get(key)?.0).ok()
}

/// Has the container to be started anew for these amounts?
fn restarts(c: &Container, now: &ResourceRequirements, then: &ResourceRequirements) -> bool {
    c.resize_policy.iter().flatten().filter(|p| p.restart_policy == "RestartContainer").any(|p| {
        let key = p.resource_name.as_str();
        // the request of memory alone touches nothing that runs
        let requests = key == "cpu" && amount(&now.requests, key) != amount(&then.requests, key);
        requests || amount(&now.limits, key) != amount(&then.limits, key)
    })
}

/// What events say of the amounts that are wanted.
fn summary(pod: &PodRecord, error: &str) -> String {
    let Some(spec) = &pod.proto.pod.spec else { return String::new() };
    let list = |all: &mut dyn Iterator<Item = &Container>| -> Vec<Value> {
        all.map(|c| json!({"name": c.name, "resources": c.resources.clone().unwrap_or_default()})).collect()
    };
    let mut parts = vec![];
    let init = list(&mut spec.init_containers.iter().flatten());
    if !init.is_empty() {
        parts.push(format!("\"initContainers\":{}", Value::from(init)));
    }
    parts.push(format!("\"containers\":{}", Value::from(list(&mut spec.containers.iter()))));
    parts.push(format!("\"generation\":{}", pod.generation));
    if !error.is_empty() {
        parts.push(format!("\"error\":{}", Value::from(error)));
    }
    format!("{{{}}}", parts.join(","))
}

/// A container goes on with other amounts: its memory may come to an end sooner or later than before.
fn carry_on(run: &mut Run, c: &ContainerPlan, now: SimTime) {
    let left = |limit: u64| limit.saturating_sub(c.needs.memory.min(limit));
    run.oom_at = match (c.starves, run.ills.leak, c.needs.memory_limit) {
        (true, ..) => Some(now + SimDuration::from_millis(1500)),
        (false, Some(leak), Some(limit)) => leak.reaches(left(limit)),
        _ => None,
    };
}

impl Kubelets {
    /// What a pod counts for on its node: what it has been granted.
    pub(super) fn granted(&self, pod: &PodRecord) -> Amount {
        let Some(spec) = &pod.proto.pod.spec else { return (0, 0) };
        self.resizes.get(&pod.id).map_or_else(|| requests_of(spec), |r| r.granted(spec))
    }

    /// What the pod has now, as far as it is known: of containers that were made by their statuses, of others by the
    /// plan that they were to be made by.
    fn resources_now(pod: &PodRecord, work: &PodWork, wanted: &Amounts) -> Amounts {
        let planned = work.plan.as_ref().map(|p| Amounts::of(p.spec()));
        let planned = planned.filter(|p| p.each.len() == wanted.each.len()).unwrap_or_else(|| wanted.clone());
        let records = pod.status.init.iter().chain(&pod.status.containers);
        let told: Vec<_> = records.map(|r| r.told.as_ref().and_then(|t| t.0.resources.clone())).collect();
        let each = planned.each.iter().enumerate();
        let each = each.map(|(i, p)| told.get(i).cloned().flatten().unwrap_or_else(|| p.clone())).collect();
        Amounts { whole: planned.whole, each }
    }

    /// The pod's spec has changed: by which plan does it live? Asks for other amounts are answered here.
    pub(super) fn resize(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, work: &mut PodWork) -> Arc<Plan> {
        let wanted = pod.proto.pod.spec.as_ref().map(Amounts::of).unwrap_or_default();
        let mut r = match self.resizes.get(&pod.id) {
            Some(r) if r.wanted == wanted && r.proto == pod.proto.id => return r.plan.clone(),
            Some(r) => r.clone(),
            None => {
                let has = Self::resources_now(pod, work, &wanted);
                if has == wanted {
                    return self.plan(pod);
                }
                Resize {
                    plan: self.plan(pod),
                    proto: u32::MAX,
                    wanted: wanted.clone(),
                    allocated: has.clone(),
                    actual: has,
                    pending: None,
                    progress: None,
                    due: SimTime::MAX,
                }
            }
        };
        r.wanted = wanted;
        self.answer(sim, pod, &mut r);
        r.make_plan(&pod.proto);
        let plan = r.plan.clone();
        self.resizes.insert(pod.id, r);
        work.resize_at = Some(sim.now);
        plan
    }

    /// Can the node grant what is wanted? Sets what was allocated and what is said of it.
    fn answer(&mut self, sim: &mut Sim, pod: &PodRecord, r: &mut Resize) {
        let now = sim.now;
        if r.wanted == r.allocated {
            r.pending = None;
            return;
        }
        let generation = pod.generation;
        match self.cannot_grant(sim, pod) {
            None => {
                (r.allocated, r.pending) = (r.wanted.clone(), None);
                r.progress = Some(Said { reason: "", message: String::new(), since: now, generation });
                r.due = now + self.between(600, 1_600);
                self.pod_event(
                    sim,
                    pod,
                    "",
                    false,
                    "ResizeStarted",
                    format!("Pod resize started: {}", summary(pod, "")),
                );
            }
            Some((reason, message)) => {
                let before = r.pending.as_ref().filter(|p| p.reason == reason);
                let since = before.map_or(now, |p| p.since);
                let said = Said { reason, message, since, generation };
                if r.pending.as_ref() != Some(&said) {
                    let event = if reason == "Deferred" { "ResizeDeferred" } else { "ResizeInfeasible" };
                    let text = format!("Pod resize {reason}: {}", summary(pod, &said.message));
                    self.pod_event(sim, pod, "", true, event, text);
                }
                r.pending = Some(said);
                r.due = r.due.min(now + RETRY);
            }
        }
    }

    /// Why the node cannot grant a pod what its spec asks for now: reason and message.
    fn cannot_grant(&self, sim: &Sim, pod: &PodRecord) -> Option<(&'static str, String)> {
        let node = pod.node.as_deref()?;
        let object = sim.store.typed::<Node>(&Key::new("", node))?;
        let list = object.status.as_ref().and_then(|s| s.allocatable.clone());
        let wanted = pod.proto.pod.spec.as_ref().map_or((0, 0), requests_of);
        let others = sim.store.pods_on_node(node).filter(|p| p.id != pod.id && !p.status.phase.is_terminal());
        let used = others.map(|p| self.granted(p)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let cpu = ("cpu", wanted.0, used.0, amount(&list, "cpu").map(|q| q.milli_value()));
        let memory = ("memory", wanted.1, used.1, amount(&list, "memory").map(|q| q.value()));
        let never = [memory, cpu].into_iter().find(|(_, wanted, _, room)| room.is_some_and(|r| *wanted > r));
        if let Some((key, wanted, _, room)) = never {
            let room = room.unwrap_or_default();
            let text = format!("Node didn't have enough capacity: {key}, requested: {wanted}, capacity: {room}");
            return Some(("Infeasible", text));
        }
        let later = [cpu, memory].into_iter().find(|(_, w, used, room)| *w > 0 && room.is_some_and(|r| used + w > r));
        later.map(|(key, wanted, used, room)| {
            let room = room.unwrap_or_default();
            let text =
                format!("Node didn't have enough resource: {key}, requested: {wanted}, used: {used}, capacity: {room}");
            ("Deferred", text)
        })
    }

    /// Something may have become free: resizes that wait are tried again, the more important ones first.
    pub(super) fn retry_resizes(&mut self, sim: &mut Sim) {
        let mut waiting: Vec<(Reverse<i32>, bool, SimTime, Id)> = vec![];
        for (id, r) in &self.resizes {
            let (Some(pending), Some(pod)) = (&r.pending, sim.store.pod(*id)) else { continue };
            let priority = pod.proto.pod.spec.as_ref().and_then(|s| s.priority).unwrap_or(0);
            waiting.push((Reverse(priority), pod.proto.qos != "Guaranteed", pending.since, *id));
        }
        waiting.sort();
        for (.., id) in waiting {
            let Some(pod) = sim.store.pod(id).cloned() else { continue };
            if self.cannot_grant(sim, &pod).is_none() {
                let _ = self.on_node(sim, &pod, |k, sim, pod| k.full_turn(sim, pod.id));
            }
        }
    }

    /// A turn of a pod whose resources are being changed; true if something has changed.
    pub(super) fn resize_turn(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, work: &mut PodWork) -> bool {
        let Some(mut r) = self.resizes.get(&pod.id).cloned() else {
            work.resize_at = None;
            return false;
        };
        if work.stopping.is_some() || work.over {
            work.resize_at = None;
            return false;
        }
        let (now, mut changed) = (sim.now, false);
        if r.pending.is_some() && self.cannot_grant(sim, pod).is_none() {
            self.answer(sim, pod, &mut r);
            changed = true;
        }
        let plan = r.plan.clone();
        let mut waits = false;
        for i in 0..r.allocated.each.len().min(work.runs.len()) {
            let (has, gets) = (&r.actual.each[i], &r.allocated.each[i]);
            if has == gets {
                waits |= work.runs[i].anew;
                continue;
            }
            if work.runs[i].running() && plan.container(i).is_some_and(|c| restarts(c, has, gets)) {
                waits = true;
                if !work.runs[i].anew {
                    work.runs[i].anew = true;
                    let text = format!("Container {} resize requires restart", plan.containers[i].name);
                    self.pod_event(sim, pod, plan.field_path(i), false, "Killing", text);
                    let grace = SimDuration::from_secs(u64::from(plan.grace));
                    self.stop_container(sim, pod, &plan, work, i, grace);
                    changed = true;
                }
                continue;
            }
            if work.runs[i].running() && r.due > now {
                waits = true;
                continue;
            }
            if let Some(error) = too_low(&plan, work, pod.id, i, gets, now) {
                waits = true;
                r.due = now + TRY_AGAIN;
                if let Some(p) = r.progress.as_mut().filter(|p| p.reason.is_empty()) {
                    (p.reason, p.message) = ("Error", error.clone());
                    let text = format!("Pod resize error: {}", summary(pod, &error));
                    self.pod_event(sim, pod, "", true, "ResizeError", text);
                    changed = true;
                }
                continue;
            }
            r.actual.each[i] = gets.clone();
            changed = true;
        }
        if r.actual.whole != r.allocated.whole && r.due <= now {
            r.actual.whole = r.allocated.whole.clone();
            changed = true;
        }
        waits |= r.actual.whole != r.allocated.whole;
        if changed {
            r.make_plan(&pod.proto);
            for (i, run) in work.runs.iter_mut().enumerate().filter(|(_, run)| run.running()) {
                if plan.containers.get(i).is_some_and(|c| c.needs != r.plan.containers[i].needs) {
                    carry_on(run, &r.plan.containers[i], now);
                }
            }
            work.plan = Some(r.plan.clone());
        }
        if !waits && r.progress.take().is_some() {
            let text = format!("Pod resize completed: {}", summary(pod, ""));
            self.pod_event(sim, pod, "", false, "ResizeCompleted", text);
            changed = true;
        }
        let done = !waits && r.wanted == r.allocated;
        work.resize_at = (!done && r.due > now).then_some(r.due);
        if r.pending.is_some() && r.due <= now {
            r.due = now + RETRY;
            work.resize_at = Some(r.due);
        }
        if done {
            self.resizes.remove(&pod.id);
            work.plan = Some(self.plan(pod));
            return true;
        }
        self.resizes.insert(pod.id, r);
        changed
    }

    /// Writes what becomes of a resize into a pod's status.
    pub(super) fn tell_resize(&self, id: Id, spec: &PodSpec, s: &mut PodStatusRecord) {
        let conditions = self.resizes.get(&id).map(Resize::conditions).unwrap_or_default();
        let old = s.more.as_ref().and_then(|m| m.conditions.as_ref());
        let told = |c: &&PodCondition| c.type_.starts_with("PodResize");
        let same = old.into_iter().flatten().filter(told).eq(&conditions);
        let whole = spec.resources.as_ref();
        let has = s.more.as_ref().and_then(|m| m.resources.as_ref());
        if same && (whole.is_none() || has == whole) {
            return;
        }
        let mut more = s.more.as_deref().cloned().unwrap_or_default();
        let others = more.conditions.take().into_iter().flatten().filter(|c| !told(&c));
        let all: Vec<PodCondition> = conditions.into_iter().chain(others).collect();
        more.conditions = (!all.is_empty()).then_some(all);
        if let Some(whole) = whole {
            more.resources = Some(whole.clone());
            more.allocated_resources = self
                .resizes
                .get(&id)
                .map_or_else(|| whole.requests.clone(), |r| r.allocated.whole.as_ref()?.requests.clone());
        }
        s.more = (more != PodStatus::default()).then(|| Arc::new(more));
    }
}

/// Why a limit of memory cannot be lowered now: the container uses more than that.
fn too_low(plan: &Plan, work: &PodWork, id: Id, i: usize, gets: &ResourceRequirements, now: SimTime) -> Option<String> {
    let (c, run) = (&plan.containers[i], &work.runs[i]);
    let limit = amount(&gets.limits, "memory")?.value().max(0) as u64;
    if !run.running() || c.needs.memory_limit.is_some_and(|l| l <= limit) {
        return None;
    }
    let used = super::usage::memory(&c.needs, id, i, run.since, Some(run), now);
    (used > limit).then(|| {
        format!("attempting to set container {:?} memory limit ({limit}) below current usage ({used})", &*c.name)
    })
}
