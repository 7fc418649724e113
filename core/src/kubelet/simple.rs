//! The fast way for the pods there are most of: one server, no probes, no hooks, nothing it refers to. Four stages, two
//! timers, and once it runs nothing at all. A pod that something happens to goes on as a [`super::pod_worker`].

use super::component::{Kubelets, Life};
use super::plan::{ContainerPlan, Plan, PullPolicy};
use crate::clock::{SimDuration, SimTime};
use crate::runtime::images::{Catalogue, Term, pull_time};
use crate::sim::Sim;
use crate::store::pod::{
    CONTAINERS_READY, ContainerRecord, INITIALIZED, Phase, READY, READY_TO_START, RunState, SCHEDULED, Second,
    Terminated,
};
use crate::store::{Id, PodRecord};
use std::borrow::Cow;
use std::sync::Arc;

/// How far a simple pod has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Simple {
    /// Its sandbox is being made.
    Creating,
    /// Its image is being pulled, asked for then; the pull itself began then.
    Pulling(SimTime, SimTime),
    /// Its container has started then, and its status says so soon.
    Starting(Second),
    /// It runs.
    Running,
    /// Its container ends with this code.
    Stopping(i32),
}

/// `812ms`, `1.234s`: a span as Go prints it, rounded to milliseconds.
pub fn go_duration(d: SimDuration) -> String {
    let ms = d.0 / 1000;
    match (ms / 60_000, ms / 1000 % 60, ms % 1000) {
        (0, 0, ms) => format!("{ms}ms"),
        (0, s, 0) => format!("{s}s"),
        (0, s, ms) => format!("{s}.{}s", format!("{ms:03}").trim_end_matches('0')),
        (m, s, ms) => format!("{m}m{s}.{}s", format!("{ms:03}").trim_end_matches('0')).replace(".s", "s"),
    }
}

/// From SIGTERM to the end of a server, and its exit code; `None`: it takes no notice.
pub fn on_term(entry: Option<&crate::runtime::images::Image>) -> Option<(SimDuration, i32)> {
    match entry {
        None => Some((SimDuration::from_millis(200), 143)),
        Some(e) => match e.term {
            Term::Exits => Some((SimDuration::from_millis(150), e.exit)),
            Term::Drains => Some((SimDuration::from_secs(1), e.exit)),
            Term::Ignores => None,
        },
    }
}

impl Kubelets {
    pub(super) fn set_life(&mut self, id: Id, life: Life) {
        if let Some(w) = self.workers.get_mut(&id) {
            w.life = life;
        }
    }

    /// In a large cluster kubelets report in step: those that watch them are woken a few times a second, not at each
    /// pod.
    fn together(sim: &Sim, at: SimTime) -> SimTime {
        let step = match sim.store.count(crate::store::Kind::Pod) {
            0..=500 => return at,
            501..=10_000 => 100_000,
            _ => 250_000,
        };
        SimTime(at.0.div_ceil(step) * step)
    }

    fn host_ip(&self, id: Id) -> u32 {
        self.workers.get(&id).and_then(|w| self.nodes.get(w.node as usize)).map_or(0, |n| n.ip)
    }

    pub(super) fn simple_begin(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Plan) {
        let host = self.host_ip(pod.id);
        let now = sim.now;
        // in a flood of pods the step in between would only be noise
        if !Self::quiet(sim) {
            let generation = pod.generation;
            sim.update_pod_status(pod.id, |s| {
                s.phase = Phase::Pending;
                s.host_ip = host;
                s.started = Some(now.into());
                s.observed_generation = generation;
                let waiting = |c: &ContainerPlan| ContainerRecord {
                    told: c.told(false),
                    ..ContainerRecord::waiting("ContainerCreating")
                };
                s.containers = plan.containers.iter().map(waiting).collect();
                let why = || {
                    let names: Vec<&str> = plan.containers.iter().map(|c| &*c.name).collect();
                    let text = format!("containers with unready status: [{}]", names.join(" "));
                    Some(("ContainersNotReady", Cow::Owned(text)))
                };
                s.set_condition(READY_TO_START, false, now, None);
                s.set_condition(INITIALIZED, true, now, None);
                s.set_condition(READY, false, now, why());
                s.set_condition(CONTAINERS_READY, false, now, why());
                s.set_condition(SCHEDULED, true, now, None);
                true
            });
        }
        let sandbox = self.between(250, 600);
        self.schedule(sim, pod.id, now + sandbox);
    }

    /// Is the image to be pulled? Then from when to when: one pull at a time on a node.
    pub(super) fn pull(
        &mut self,
        sim: &mut Sim,
        id: Id,
        image: &Arc<str>,
        policy: PullPolicy,
        now: SimTime,
    ) -> Option<(SimTime, SimTime)> {
        let pause = self.between(0, 250);
        let index = self.workers.get(&id).map(|w| w.node)?;
        let node = self.nodes.get_mut(index as usize)?;
        let there = node.images.get(image).copied();
        if policy != PullPolicy::Always && there.is_some_and(|t| t <= now) {
            return None;
        }
        let begin = node.puller_free.max(now);
        // what is there already, or will be by then, needs only a look at the registry
        let bytes = if there.is_some_and(|t| t <= begin) { 0 } else { Catalogue::builtin().pull(image).unwrap_or(0) };
        let end = begin + pull_time(bytes) + pause;
        node.puller_free = end;
        if there.is_none_or(|t| t > end) {
            node.images.insert(image.clone(), end);
            self.look_at_images(sim, index, end);
        }
        Some((begin, end))
    }

    /// A pull has come to its end.
    pub(super) fn arrived(&mut self, id: Id, image: &Arc<str>, now: SimTime) {
        let node = self.workers.get(&id).map(|w| w.node);
        if let Some(n) = node.and_then(|i| self.nodes.get_mut(i as usize))
            && n.images.get(image).is_none_or(|t| *t > now)
        {
            n.images.insert(image.clone(), now);
        }
    }

    pub(super) fn simple_turn(&mut self, sim: &mut Sim, id: Id, stage: Simple) {
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        let plan = self.plan(&pod);
        let Some(c) = plan.containers.first() else { return };
        let now = sim.now;
        let path = || plan.field_path(0);
        match stage {
            Simple::Creating => {
                self.address(id, &plan);
                if self.pull_fails(sim, id, &c.image, c.policy == PullPolicy::Always) {
                    self.promote(sim, &pod);
                    return self.full_turn(sim, id);
                }
                match self.pull(sim, id, &c.image, c.policy, now) {
                    Some((begin, end)) => {
                        if !Self::quiet(sim) {
                            self.pod_event(
                                sim,
                                &pod,
                                path(),
                                false,
                                "Pulling",
                                format!("Pulling image {:?}", &*c.image),
                            );
                        }
                        self.set_life(id, Life::Simple(Simple::Pulling(now, begin)));
                        self.schedule(sim, id, end);
                    }
                    None => {
                        if !Self::quiet(sim) {
                            let text = format!(
                                "Container image {:?} already present on machine and can be accessed by the pod",
                                &*c.image
                            );
                            self.pod_event(sim, &pod, path(), false, "Pulled", text);
                        }
                        self.simple_start(sim, &pod, &plan);
                    }
                }
            }
            Simple::Pulling(asked, begin) => {
                if self.pull_fails(sim, id, &c.image, c.policy == PullPolicy::Always) {
                    self.promote(sim, &pod);
                    return self.full_turn(sim, id);
                }
                self.arrived(id, &c.image, now);
                if !Self::quiet(sim) {
                    self.pod_event(sim, &pod, path(), false, "Pulled", pulled(&c.image, now - begin, now - asked));
                }
                self.simple_start(sim, &pod, &plan);
            }
            Simple::Starting(started) => {
                let host = self.host_ip(id);
                let ip = self.address(id, &plan);
                let container = self.rng.u64() | 1;
                let broken = self.broken.contains(&id);
                let generation = pod.generation;
                sim.update_pod_status(id, |s| {
                    s.phase = Phase::Running;
                    (s.ip, s.host_ip) = (ip, host);
                    s.started.get_or_insert(started);
                    s.observed_generation = generation;
                    s.containers.clear();
                    s.containers.push(ContainerRecord {
                        state: RunState::Running(started),
                        last: None,
                        restarts: 0,
                        ready: !broken,
                        started: Some(true),
                        container_id: container,
                        pulled: true,
                        image: None,
                        told: c.told(true),
                    });
                    let why = || {
                        broken.then(|| {
                            ("ContainersNotReady", format!("containers with unready status: [{}]", c.name).into())
                        })
                    };
                    s.set_condition(READY_TO_START, true, now, None);
                    s.set_condition(INITIALIZED, true, now, None);
                    s.set_condition(READY, !broken, now, why());
                    s.set_condition(CONTAINERS_READY, !broken, now, why());
                    s.set_condition(SCHEDULED, true, now, None);
                    true
                });
                self.set_life(id, Life::Simple(Simple::Running));
            }
            Simple::Running => {}
            Simple::Stopping(code) => {
                sim.update_pod_status(id, |s| {
                    s.phase = if code == 0 { Phase::Succeeded } else { Phase::Failed };
                    let reason = if code == 0 { "PodCompleted" } else { "PodFailed" };
                    let why = || Some((reason, Cow::Borrowed("")));
                    s.set_condition(READY_TO_START, false, now, None);
                    s.set_condition(READY, false, now, why());
                    s.set_condition(CONTAINERS_READY, false, now, why());
                    for r in &mut s.containers {
                        let started = match r.state {
                            RunState::Running(t) => t,
                            _ => now.into(),
                        };
                        (r.ready, r.started) = (false, Some(false));
                        r.state = RunState::Terminated(Arc::new(Terminated {
                            exit_code: code,
                            reason: Cow::Borrowed(if code == 0 { "Completed" } else { "Error" }),
                            message: None,
                            started,
                            finished: now.into(),
                            container_id: r.container_id,
                        }));
                    }
                    true
                });
                let _ = sim.delete_pod(id, Some(0));
            }
        }
    }

    fn simple_start(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Plan) {
        if !Self::quiet(sim) {
            self.pod_event(sim, pod, plan.field_path(0), false, "Created", "Container created");
            self.pod_event(sim, pod, plan.field_path(0), false, "Started", "Container started");
        }
        if plan.containers.first().is_some_and(|c| c.needs.idle >= super::usage::MUCH)
            && let Some(node) = self.workers.get(&pod.id).map(|w| w.node)
        {
            self.watch_cpu(sim, node);
        }
        if plan.grows(0)
            && let Some(node) = self.workers.get(&pod.id).map(|w| w.node)
        {
            self.watch_node(sim, node);
        }
        self.set_life(pod.id, Life::Simple(Simple::Starting(sim.now.into())));
        // the runtime is asked once a second what has become of its containers
        let later = self.between(100, 900);
        self.schedule(sim, pod.id, Self::together(sim, sim.now + later));
    }

    /// The pod's deletion has begun, or its template has changed.
    pub(super) fn simple_changed(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        let Some(Life::Simple(stage)) = self.workers.get(&pod.id).map(|w| w.life.clone()) else { return };
        let Some(deletion) = &pod.deletion else {
            self.promote(sim, pod);
            self.full_changed(sim, pod);
            return;
        };
        let plan = self.plan(pod);
        match stage {
            Simple::Stopping(_) => {
                // asked again with less patience
                let limit = sim.now + SimDuration::from_secs(u64::from(deletion.grace));
                let late = SimTime(limit.0);
                if deletion.grace < plan.grace {
                    self.schedule(sim, pod.id, late.min(sim.now + SimDuration::from_secs(2)));
                }
            }
            Simple::Running => {
                let c = &plan.containers[0];
                if !Self::quiet(sim) {
                    let text = format!("Stopping container {}", c.name);
                    self.pod_event(sim, pod, plan.field_path(0), false, "Killing", text);
                }
                let grace = SimDuration::from_secs(u64::from(deletion.grace));
                let (after, code) = on_term(c.entry.as_deref()).filter(|(d, _)| *d < grace).unwrap_or((grace, 137));
                self.set_life(pod.id, Life::Simple(Simple::Stopping(code)));
                let pause = self.between(20, 400);
                self.schedule(sim, pod.id, Self::together(sim, sim.now + after + pause));
            }
            _ => {
                self.set_life(pod.id, Life::Simple(Simple::Stopping(137)));
                let pause = self.between(50, 400);
                self.schedule(sim, pod.id, sim.now + pause);
            }
        }
    }
}

/// What is said of an image that has come.
pub fn pulled(image: &str, took: SimDuration, with_waiting: SimDuration) -> String {
    format!(
        "Successfully pulled image {image:?} in {} ({} including waiting). Image size: {} bytes.",
        go_duration(took),
        go_duration(with_waiting),
        Catalogue::builtin().pull(image).unwrap_or(0)
    )
}
