//! The life of a pod of any kind: sandbox, volumes, images, init containers, probes, restarts, termination. One timer a
//! pod, set to the next moment at which something can happen. Invariant: a turn may come at any time and any number of
//! times; it brings the pod to where it has to be now and writes the status if that is another.

use super::backoff::{self, Backoff};
use super::component::{Kubelets, Life};
use super::environment::Volumes;
use super::phase::should_restart;
use super::plan::{ContainerPlan, Plan, Program, PullPolicy};
use super::probe::ProbeState;
use super::simple::{on_term, pulled};
use crate::clock::{SimDuration, SimTime};
use crate::runtime::files::Files;
use crate::runtime::images::Catalogue;
use crate::runtime::logs::Log;
use crate::runtime::shell::{Process, Signal, State, Stream, Unknown};
use crate::sim::Sim;
use crate::store::pod::{ContainerRecord, RunState, Terminated};
use crate::store::{Id, PodRecord};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// After a container's end its status waits so long before it says that the restart is put off.
const SHOW_EXIT: SimDuration = SimDuration::from_millis(1500);
/// After a failed pull its status waits so long before it speaks of back-off.
const SHOW_PULL_ERROR: SimDuration = SimDuration::from_millis(2500);
/// How often a container that cannot be made is tried again.
const RETRY: SimDuration = SimDuration::from_secs(10);
/// The least that a container gets between SIGTERM and SIGKILL.
const LEAST_GRACE: SimDuration = SimDuration::from_secs(2);

/// Where a container stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Step {
    /// Nothing has been done for it yet, or it is to be started again.
    #[default]
    Idle,
    /// Its image is being pulled: asked, begun, there.
    Pulling(SimTime, SimTime, SimTime),
    /// Its image cannot be had: said so (back-off, not the error) from the first moment on, tried again at the second.
    NoImage(SimTime, SimTime),
    /// It could not be made; tried again then.
    Broken(SimTime),
    /// It runs.
    Running,
    /// It ended then and has to be looked at.
    Exited(SimTime),
    /// It is started again then; its status says so from the first moment on.
    Waiting(SimTime, SimTime),
    /// It has ended for good.
    Done,
}

/// A container of a pod.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub step: Step,
    pub record: ContainerRecord,
    pub process: Option<Process>,
    /// When its process looks again.
    pub wake: Option<SimTime>,
    /// An end that is decided: when, exit code.
    pub exits: Option<(SimTime, i32)>,
    /// When it gets SIGTERM, and when SIGKILL.
    pub term_at: Option<SimTime>,
    pub kill_at: Option<SimTime>,
    /// Since when it runs, to the microsecond.
    pub since: SimTime,
    pub files: Files,
    pub log: Log,
    pub previous: Option<Log>,
    pub backoff: Backoff,
    pub image_backoff: Backoff,
    pub startup: ProbeState,
    pub readiness: ProbeState,
    pub liveness: ProbeState,
    pub announced: bool,
}

impl Run {
    pub(super) fn new(waiting: &'static str) -> Run {
        Run {
            step: Step::Idle,
            record: ContainerRecord::waiting(waiting),
            process: None,
            wake: None,
            exits: None,
            term_at: None,
            kill_at: None,
            since: SimTime::ZERO,
            files: Files::default(),
            log: Log::default(),
            previous: None,
            backoff: Backoff::default(),
            image_backoff: Backoff::default(),
            startup: ProbeState::default(),
            readiness: ProbeState::default(),
            liveness: ProbeState::default(),
            announced: false,
        }
    }

    pub(super) fn running(&self) -> bool {
        self.step == Step::Running
    }

    /// Its process serves: ports are open once it has come up.
    pub(super) fn serves(&self, plan: &ContainerPlan, now: SimTime) -> bool {
        let start = plan.entry.as_ref().map_or(100, |e| e.start.max(1));
        self.running()
            && now >= self.since + SimDuration::from_millis(start)
            && match &self.process {
                None => true,
                Some(p) => p.serving(),
            }
    }
}

/// Why a pod is being stopped.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reason {
    /// Its deletion was asked for.
    Deleted,
    /// Its main containers are done: what is left are sidecars.
    Completed,
    /// It fails: status.reason and message.
    Failed(&'static str, &'static str),
}

/// The state of one pod.
#[derive(Clone, Debug, Default)]
pub(super) struct PodWork {
    pub plan: Option<Arc<Plan>>,
    /// When the sandbox is there.
    pub sandbox: SimTime,
    pub sandbox_ready: bool,
    pub volumes: Option<Arc<Volumes>>,
    pub mount_tries: u32,
    pub mount_at: SimTime,
    pub runs: Vec<Run>,
    pub stopping: Option<(Reason, SimTime)>,
    /// The pod has been stopped for good.
    pub over: bool,
    /// A regular container has been started.
    pub initialized: bool,
    pub began: SimTime,
    /// What a changed status has to wait for: the runtime is asked once a second.
    pub relist: Option<SimTime>,
    pub image_errors: BTreeMap<usize, Arc<str>>,
}

impl Kubelets {
    pub(super) fn full_begin(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>) {
        let sandbox = self.between(250, 600);
        let mut work = PodWork { sandbox: sim.now + sandbox, began: sim.now, ..PodWork::default() };
        work.set_plan(plan);
        let id = pod.id;
        self.put_work(id, work);
        self.full_turn(sim, id);
    }

    pub(super) fn put_work(&mut self, id: Id, work: PodWork) {
        self.set_life(id, Life::Full(Arc::new(work)));
    }

    /// A simple pod to which something has happened goes on as one of any kind.
    pub(super) fn promote(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        let Some(Life::Simple(stage)) = self.workers.get(&pod.id).map(|w| w.life.clone()) else { return };
        use super::simple::Simple;
        if matches!(stage, Simple::Stopping(_)) {
            return;
        }
        let plan = self.plan(pod);
        let mut work = PodWork { sandbox: sim.now, began: sim.now, ..PodWork::default() };
        work.set_plan(&plan);
        if let Some(t) = pod.status.started {
            work.began = t.into();
        }
        if !matches!(stage, Simple::Creating) {
            work.sandbox_ready = true;
        }
        if let (Simple::Starting(since), Some(run)) = (stage, work.runs.first_mut()) {
            run.adopt(since.into(), self.rng.u64() | 1);
            work.initialized = true;
        }
        if let (Simple::Running, Some(run), Some(record)) =
            (stage, work.runs.first_mut(), pod.status.containers.first())
        {
            run.record = record.clone();
            if let RunState::Running(since) = record.state {
                run.adopt(since.into(), record.container_id);
                run.record = record.clone();
            }
            work.initialized = true;
        }
        for (run, c) in work.runs.iter_mut().zip(plan.containers.iter()) {
            run.files = Files::root();
            if run.running()
                && let Some(e) = &c.entry
            {
                run.log.add(run.since, Stream::Out, &e.output);
            }
        }
        work.volumes = super::environment::volumes(self, sim, pod, &plan).ok().map(Arc::new);
        self.put_work(pod.id, work);
    }

    /// The pod's deletion has begun, or its template has changed.
    pub(super) fn full_changed(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        let Some(mut work) = self.take_work(pod.id) else { return };
        let plan = self.plan(pod);
        if let Some(d) = &pod.deletion {
            let grace = SimDuration::from_secs(u64::from(d.grace));
            match &work.stopping {
                Some((_, deadline)) if *deadline <= sim.now + grace => {
                    work.stopping = Some((Reason::Deleted, *deadline))
                }
                Some(_) => {
                    let deadline = sim.now + grace;
                    work.stopping = Some((Reason::Deleted, deadline));
                    for r in &mut work.runs {
                        r.kill_at = r.kill_at.map(|t| t.min(deadline));
                    }
                }
                None => self.stop(sim, pod, &mut work, Reason::Deleted, grace),
            }
        } else if let Some(old) = work.plan.clone().filter(|o| !Arc::ptr_eq(o, &plan)) {
            for (i, c) in plan.containers.iter().enumerate() {
                let changed = old.containers.get(i).is_some_and(|o| o.image != c.image);
                let Some(run) = work.runs.get_mut(i).filter(|_| changed) else { continue };
                match run.step {
                    Step::Running => {
                        let text = format!("Container {} definition changed, will be restarted", c.name);
                        self.pod_event(sim, pod, plan.field_path(i), false, "Killing", text);
                        run.begin_stop(c, sim.now, SimDuration::ZERO, SimDuration::from_secs(u64::from(plan.grace)));
                    }
                    Step::Pulling(..) | Step::NoImage(..) | Step::Broken(_) => {
                        run.step = Step::Idle;
                        run.image_backoff = Backoff::default();
                        run.announced = false;
                        work.image_errors.remove(&i);
                    }
                    _ => {}
                }
            }
            work.plan = Some(plan);
        }
        self.put_work(pod.id, work);
        self.full_turn(sim, pod.id);
    }

    pub(super) fn take_work(&mut self, id: Id) -> Option<PodWork> {
        match self.workers.get(&id).map(|w| w.life.clone()) {
            Some(Life::Full(work)) => {
                // leaves nothing behind, so that the work is not copied
                self.set_life(id, Life::Simple(super::simple::Simple::Running));
                Some(Arc::unwrap_or_clone(work))
            }
            _ => None,
        }
    }

    /// Begins to stop all containers: the regular ones now, sidecars once these have ended.
    fn stop(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, work: &mut PodWork, reason: Reason, grace: SimDuration) {
        let Some(plan) = work.plan.clone() else { return };
        let deadline = sim.now + grace;
        work.stopping = Some((reason, deadline));
        let any_regular = work.runs.iter().skip(plan.init).any(Run::running);
        for (i, c) in plan.containers.iter().enumerate() {
            let Some(run) = work.runs.get_mut(i) else { continue };
            if !run.running() {
                if !matches!(run.step, Step::Exited(_)) {
                    run.step = Step::Done;
                }
                continue;
            }
            if c.sidecar && any_regular {
                continue;
            }
            self.pod_event(sim, pod, plan.field_path(i), false, "Killing", format!("Stopping container {}", c.name));
            self.stop_container(sim, pod, &plan, work, i, grace);
        }
    }

    /// preStop, then SIGTERM, then SIGKILL, all within the grace period.
    fn stop_container(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
        grace: SimDuration,
    ) {
        let c = &plan.containers[i];
        let mut hook = SimDuration::ZERO;
        if let Some(action) = &c.pre_stop
            && grace.0 > 0
        {
            let (done, took) = self.hook(sim, pod, plan, work, i, action, grace);
            hook = took;
            if let Err(e) = done {
                let text =
                    if e.is_empty() { "PreStopHook failed".to_owned() } else { format!("PreStopHook failed: {e}") };
                self.pod_event(sim, pod, plan.field_path(i), true, "FailedPreStopHook", text);
            }
        }
        if let Some(run) = work.runs.get_mut(i) {
            run.begin_stop(c, sim.now, SimDuration(hook.0.min(grace.0)), grace);
        }
    }

    /// Whatever is due for the pod is done, its status written, its next turn set.
    pub(super) fn full_turn(&mut self, sim: &mut Sim, id: Id) {
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        let Some(mut work) = self.take_work(id) else { return };
        let Some(plan) = work.plan.clone() else { return };
        let now = sim.now;
        if work.over {
            self.put_work(id, work);
            return;
        }
        // what a process does is seen by the others within the same moment: a few rounds are enough
        let mut more = true;
        for _ in 0..6 {
            let mut changed = self.processes(sim, &pod, &plan, &mut work);
            changed |= self.probes(sim, &pod, &plan, &mut work);
            changed |= self.decide(sim, &pod, &plan, &mut work);
            more = changed;
            if !changed {
                break;
            }
        }
        if let Some(deadline) = plan.deadline
            && work.stopping.is_none()
            && now >= work.began + SimDuration::from_secs(deadline)
        {
            let text = "Pod was active on the node longer than the specified deadline";
            self.pod_event(sim, &pod, "", false, "DeadlineExceeded", text);
            let grace = SimDuration::from_secs(u64::from(plan.grace));
            self.stop(sim, &pod, &mut work, Reason::Failed("DeadlineExceeded", text), grace);
            self.decide(sim, &pod, &plan, &mut work);
        }
        let (write, over) = self.finish(&mut work, now);
        if write || over {
            self.publish(sim, &pod, &plan, &work);
        }
        work.over |= over;
        if let Some(v) = &work.volumes {
            self.keep_volumes(v);
        }
        let soon = (more && !over).then(|| now + SimDuration::from_millis(1));
        let next = work.next(&plan, now).into_iter().chain(soon).min();
        self.put_work(id, work);
        if over && pod.deletion.is_some() {
            let _ = sim.delete_pod(id, Some(0));
            return;
        }
        if let Some(at) = next {
            self.schedule(sim, id, at);
        }
    }

    /// Is the status to be written now? Is the pod over?
    fn finish(&mut self, work: &mut PodWork, now: SimTime) -> (bool, bool) {
        let over =
            work.stopping.is_some() && work.runs.iter().all(|r| !r.running() && !matches!(r.step, Step::Exited(_)));
        if work.relist.is_some_and(|t| t > now) && !over {
            return (false, false);
        }
        work.relist = None;
        (true, over)
    }

    /// Lets processes run and end.
    fn processes(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &mut PodWork) -> bool {
        let now = sim.now;
        let mut changed = false;
        for i in 0..work.runs.len() {
            if !work.runs[i].running() {
                continue;
            }
            let c = &plan.containers[i];
            if work.runs[i].term_at.is_some_and(|t| t <= now) {
                work.runs[i].term_at = None;
                work.runs[i].signal(c, now);
            }
            if work.runs[i].process.is_some() && work.runs[i].wake.is_some_and(|t| t <= now) {
                self.run_process(sim, pod, plan, work, i);
            }
            let run = &mut work.runs[i];
            if run.exits.is_none()
                && let Some(k) = run.kill_at.filter(|k| *k <= now)
            {
                run.exits = Some((k, 137));
            }
            if let Some((at, code)) = run.exits.filter(|(at, _)| *at <= now) {
                if c.program == Program::Prints
                    && code == 0
                    && let Some(e) = &c.entry
                {
                    run.log.add(at, Stream::Out, &e.output);
                }
                let container = plan.container(i);
                run.end(at, code, container.and_then(|c| c.termination_message_policy.as_deref()));
                changed = true;
            }
        }
        changed
    }

    fn run_process(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &mut PodWork, i: usize) {
        let now = sim.now;
        let Some(mut process) = work.runs[i].process.take() else { return };
        let state = self.with_files(sim, pod, plan, work, i, |files, around| process.step(now, files, around));
        let run = &mut work.runs[i];
        for (stream, text) in process.take_output() {
            run.log.add(now, stream, &text);
        }
        let kills = process.take_kills();
        run.wake = None;
        match state {
            State::Until(t) => run.wake = Some(t),
            State::Serves => {}
            State::Exited(code) => run.exits = Some((now, code)),
        }
        run.process = Some(process);
        for (pid, signal) in kills {
            if pid == 1 && signal == Signal::Kill {
                // the first process of a container is safe from its own children
                continue;
            }
            if pid == 1 {
                run.signal(&plan.containers[i], now);
            }
        }
    }

    /// Starts, starts again, gives up.
    fn decide(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &mut PodWork) -> bool {
        let now = sim.now;
        let mut changed = false;
        // what has ended
        for i in 0..work.runs.len() {
            let Step::Exited(at) = work.runs[i].step else { continue };
            changed = true;
            let code = match &work.runs[i].record.state {
                RunState::Terminated(t) => t.exit_code,
                _ => 0,
            };
            let again = work.stopping.is_none()
                && plan.container(i).is_some_and(|c| {
                    let done = i < plan.init && !plan.containers[i].sidecar && code == 0;
                    !done && should_restart(plan.spec(), c, code)
                });
            let run = &mut work.runs[i];
            run.step = match (again, run.backoff.until(at)) {
                (false, _) => {
                    // an init container that has done its work counts as ready
                    run.record.ready = i < plan.init && !plan.containers[i].sidecar && code == 0;
                    Step::Done
                }
                (true, Some(until)) if until > now => Step::Waiting(now + SHOW_EXIT, until),
                (true, _) => Step::Waiting(SimTime::MAX, now),
            };
            work.relist.get_or_insert(now + SimDuration::from_millis(200));
        }
        if let Some((reason, deadline)) = work.stopping.clone() {
            let regular = work.runs.iter().skip(plan.init).any(Run::running);
            if !regular && reason != Reason::Completed {
                // the sidecars' turn, last one first
                for i in (0..plan.init).rev() {
                    let r = &work.runs[i];
                    if r.running() && r.term_at.is_none() && r.kill_at.is_none() {
                        let text = format!("Stopping container {}", plan.containers[i].name);
                        self.pod_event(sim, pod, plan.field_path(i), false, "Killing", text);
                        self.stop_container(sim, pod, plan, work, i, deadline - now);
                        changed = true;
                    }
                }
            }
            return changed;
        }
        if !work.sandbox_ready {
            if work.volumes.is_none() && now >= work.mount_at {
                match super::environment::volumes(self, sim, pod, plan) {
                    Ok(v) => work.volumes = Some(Arc::new(v)),
                    Err(e) => {
                        self.pod_event(sim, pod, "", true, "FailedMount", e);
                        let wait = (500u64 << work.mount_tries.min(8)).min(122_000);
                        work.mount_tries += 1;
                        work.mount_at = now + SimDuration::from_millis(wait);
                        work.sandbox = work.sandbox.max(work.mount_at);
                    }
                }
            }
            if work.volumes.is_none() || now < work.sandbox {
                return changed;
            }
            work.sandbox_ready = true;
            self.address(pod.id, plan);
            changed = true;
        }
        // init containers one by one, a sidecar need only have started
        for i in 0..plan.init {
            let c = &plan.containers[i];
            changed |= self.bring_up(sim, pod, plan, work, i);
            let run = &work.runs[i];
            let passed = if c.sidecar {
                run.record.started == Some(true) || work.initialized
            } else {
                run.step == Step::Done && matches!(&run.record.state, RunState::Terminated(t) if t.exit_code == 0)
            };
            if passed {
                continue;
            }
            if !c.sidecar && run.step == Step::Done {
                // it failed for good: the pod has failed
                let grace = SimDuration::from_secs(u64::from(plan.grace));
                self.stop(sim, pod, work, Reason::Completed, grace);
                changed = true;
            }
            return changed;
        }
        for i in plan.init..work.runs.len() {
            changed |= self.bring_up(sim, pod, plan, work, i);
        }
        let done = work.runs.iter().skip(plan.init).all(|r| r.step == Step::Done);
        if done {
            let grace = SimDuration::from_secs(u64::from(plan.grace));
            self.stop(sim, pod, work, Reason::Completed, grace);
            changed = true;
        }
        changed
    }

    /// Takes one container as far towards running as it gets now.
    fn bring_up(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
    ) -> bool {
        let now = sim.now;
        let c = &plan.containers[i];
        match work.runs[i].step {
            Step::Idle => self.look_for_image(sim, pod, plan, work, i),
            Step::Pulling(asked, begun, there) if there <= now => {
                self.image_came(sim, pod, plan, work, i, asked, begun);
                true
            }
            Step::NoImage(from, until) => {
                let waits = matches!(&work.runs[i].record.state, RunState::Waiting(r, _) if r == "ErrImagePull");
                if until <= now {
                    work.runs[i].step = Step::Idle;
                    return true;
                }
                if from <= now && waits {
                    let text = format!("Back-off pulling image {:?}", &*c.image);
                    let why = work.image_errors.get(&i).cloned().unwrap_or_default();
                    self.pod_event(sim, pod, plan.field_path(i), false, "BackOff", text.clone());
                    self.pod_event(sim, pod, plan.field_path(i), true, "Failed", "Error: ImagePullBackOff");
                    let message = format!("{text}: ErrImagePull: {why}");
                    work.runs[i].wait("ImagePullBackOff", Some(&message));
                    return true;
                }
                false
            }
            Step::Broken(until) if until <= now => {
                work.runs[i].step = Step::Idle;
                true
            }
            Step::Waiting(from, until) => {
                let shown = matches!(work.runs[i].record.state, RunState::Waiting(..));
                if until <= now {
                    let ended = match &work.runs[i].record.state {
                        RunState::Terminated(t) => Some(t.clone()),
                        _ => work.runs[i].record.last.clone(),
                    };
                    let run = &mut work.runs[i];
                    let at = ended.as_ref().map_or(now, |t| t.finished.into());
                    run.backoff.next(at, now);
                    run.record.last = ended;
                    run.record.restarts += 1;
                    run.step = Step::Idle;
                    return true;
                }
                if from <= now && !shown {
                    let run = &mut work.runs[i];
                    if let RunState::Terminated(t) = &run.record.state {
                        run.record.last = Some(t.clone());
                    }
                    let who = format!("{}_{}({})", pod.name, pod.namespace, sim.store.ids.uid(pod.id));
                    let wait = backoff::text(run.backoff.delay);
                    let message = format!("back-off {wait} restarting failed container={} pod={who}", c.name);
                    run.wait("CrashLoopBackOff", Some(&message));
                    let text = format!("Back-off restarting failed container {} in pod {who}", c.name);
                    self.pod_event(sim, pod, plan.field_path(i), true, "BackOff", text);
                    return true;
                }
                false
            }
            _ => false,
        }
    }

    fn look_for_image(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
    ) -> bool {
        let now = sim.now;
        let c = &plan.containers[i];
        let path = plan.field_path(i);
        if c.invalid_image {
            let text = format!(
                "Failed to apply default image tag {0:?}: couldn't parse image name {0:?}: invalid reference format",
                &*c.image
            );
            self.pod_event(sim, pod, path.clone(), true, "InspectFailed", text.clone());
            self.pod_event(sim, pod, path, true, "Failed", "Error: InvalidImageName");
            work.runs[i].wait("InvalidImageName", Some(&text));
            work.runs[i].step = Step::Broken(now + RETRY);
            return true;
        }
        let there = self
            .workers
            .get(&pod.id)
            .and_then(|w| self.nodes.get(w.node as usize))
            .is_some_and(|n| n.images.get(&c.image).is_some_and(|t| *t <= now));
        if c.policy == PullPolicy::Never && !there {
            let text = format!("Container image {:?} is not present with pull policy of Never", &*c.image);
            self.pod_event(sim, pod, path.clone(), true, "ErrImageNeverPull", text.clone());
            self.pod_event(sim, pod, path, true, "Failed", "Error: ErrImageNeverPull");
            work.runs[i].wait("ErrImageNeverPull", Some(&text));
            work.runs[i].step = Step::Broken(now + RETRY);
            return true;
        }
        if there && c.policy != PullPolicy::Always {
            if !Self::quiet(sim) {
                let text = format!(
                    "Container image {:?} already present on machine and can be accessed by the pod",
                    &*c.image
                );
                self.pod_event(sim, pod, path, false, "Pulled", text);
            }
            self.start(sim, pod, plan, work, i);
            return true;
        }
        if !Self::quiet(sim) {
            self.pod_event(sim, pod, path, false, "Pulling", format!("Pulling image {:?}", &*c.image));
        }
        if Catalogue::builtin().pull(&c.image).is_err() {
            // the registry's answer takes a moment
            let answer = self.between(700, 1600);
            work.runs[i].step = Step::Pulling(now, now, now + answer);
        } else if let Some((begun, there)) = self.pull(pod.id, &c.image, c.policy, now) {
            work.runs[i].step = Step::Pulling(now, begun, there);
        }
        true
    }

    fn image_came(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
        asked: SimTime,
        begun: SimTime,
    ) {
        let now = sim.now;
        let c = &plan.containers[i];
        let path = plan.field_path(i);
        match Catalogue::builtin().pull(&c.image) {
            Ok(_) => {
                if !Self::quiet(sim) {
                    self.pod_event(sim, pod, path, false, "Pulled", pulled(&c.image, now - begun, now - asked));
                }
                work.image_errors.remove(&i);
                self.start(sim, pod, plan, work, i);
            }
            Err(e) => {
                self.pod_event(
                    sim,
                    pod,
                    path.clone(),
                    true,
                    "Failed",
                    format!("Failed to pull image {:?}: {e}", &*c.image),
                );
                self.pod_event(sim, pod, path, true, "Failed", "Error: ErrImagePull");
                let run = &mut work.runs[i];
                run.wait("ErrImagePull", Some(&e));
                run.image_backoff.next(now, now);
                run.step = Step::NoImage(now + SHOW_PULL_ERROR, now + run.image_backoff.delay);
                work.image_errors.insert(i, e.into());
            }
        }
    }

    fn start(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &mut PodWork, i: usize) {
        let now = sim.now;
        let c = &plan.containers[i];
        let path = plan.field_path(i);
        let env = match super::environment::variables(self, sim, pod, plan, i) {
            Ok(env) => env,
            Err(e) => {
                self.pod_event(sim, pod, path, true, "Failed", format!("Error: {e}"));
                work.runs[i].wait("CreateContainerConfigError", Some(&e));
                work.runs[i].step = Step::Broken(now + RETRY);
                return;
            }
        };
        let container = self.rng.u64() | 1;
        if !Self::quiet(sim) || c.program != Program::Server {
            self.pod_event(sim, pod, path.clone(), false, "Created", "Container created");
        }
        if let Program::Missing(name) = &c.program {
            let why = if name.contains('/') {
                format!("exec: {:?}: stat {name}: no such file or directory", &**name)
            } else {
                format!("exec: {:?}: executable file not found in $PATH", &**name)
            };
            let text = format!(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                 failed: unable to start container process: error during container init: {why}"
            );
            self.pod_event(sim, pod, path, true, "Failed", format!("Error: {text}"));
            let run = &mut work.runs[i];
            run.record.container_id = container;
            run.record.pulled = true;
            run.record.state = RunState::Terminated(Arc::new(Terminated {
                exit_code: 128,
                reason: Cow::Borrowed("StartError"),
                message: Some(text.into()),
                started: SimTime::ZERO.into(),
                finished: now.into(),
                container_id: container,
            }));
            run.step = Step::Exited(now);
            return;
        }
        if !Self::quiet(sim) || c.program != Program::Server {
            self.pod_event(sim, pod, path.clone(), false, "Started", "Container started");
        }
        let refuses = c.entry.as_ref().and_then(|e| e.refuses(|n| env.iter().any(|(k, v)| k == n && !v.is_empty())));
        let run = &mut work.runs[i];
        if !run.log.is_empty() {
            run.previous = Some(std::mem::take(&mut run.log));
        }
        run.files = Files::root();
        run.process = None;
        run.exits = None;
        (run.term_at, run.kill_at) = (None, None);
        run.adopt(now, container);
        let cwd = plan.container(i).and_then(|c| c.working_dir.clone()).unwrap_or_default();
        match &c.program {
            Program::Server | Program::Missing(_) => match (refuses, &c.entry) {
                (Some(text), _) => {
                    run.log.add(now, Stream::Err, text);
                    run.exits = Some((now + SimDuration::from_millis(300), 1));
                }
                (None, Some(e)) => run.log.add(now, Stream::Out, &e.output),
                _ => {}
            },
            Program::Ends => run.exits = Some((now, 0)),
            Program::Prints => {
                let lasts = c.entry.as_ref().map_or(0, |e| e.lasts);
                run.exits = Some((now + SimDuration::from_millis(lasts), 0));
            }
            Program::Command(argv) => {
                let unknown = if c.entry.is_some() { Unknown::NotFound } else { Unknown::Serves };
                run.process = Some(Process::new(&super::environment::expand(argv, &env), &env, &cwd, unknown));
                run.wake = Some(now);
            }
        }
        run.record.ready = false;
        run.record.started = Some(c.startup.is_none());
        (run.startup, run.readiness, run.liveness) = Default::default();
        match &c.startup {
            Some(p) => run.startup = ProbeState::begin(p, now, now),
            None => run.begin_probes(c, now),
        }
        if i >= plan.init {
            work.initialized = true;
        }
        let later = self.between(100, 900);
        work.relist = Some(work.relist.map_or(now + later, |t| t.min(now + later)));
        if let Some(action) = &c.post_start {
            let (done, _) = self.hook(sim, pod, plan, work, i, action, SimDuration::from_secs(600));
            if let Err(e) = done {
                let text =
                    if e.is_empty() { "PostStartHook failed".to_owned() } else { format!("PostStartHook failed: {e}") };
                self.pod_event(sim, pod, path.clone(), true, "FailedPostStartHook", text);
                let text = format!("Container {} failed postStart hook, will be restarted", c.name);
                self.pod_event(sim, pod, path, false, "Killing", text);
                work.runs[i].exits = Some((now, 137));
            }
        }
    }

    /// A person ends a container's process.
    pub(super) fn crash(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, container: &str) -> Result<(), String> {
        let mut found = Ok(());
        self.on_node(sim, pod, |k, sim, pod| {
            k.promote(sim, pod);
            let Some(mut work) = k.take_work(pod.id) else { return };
            let now = sim.now;
            if let Some(plan) = work.plan.clone() {
                let index = match container {
                    "" => Some(plan.init),
                    name => plan.containers.iter().position(|c| &*c.name == name),
                };
                match index.and_then(|i| work.runs.get_mut(i)) {
                    None => found = Err(format!("container {container} is not valid for pod {}", pod.name)),
                    Some(run) if run.running() => run.exits = Some((now, 1)),
                    Some(_) => found = Err(format!("container {container} of pod {} is not running", pod.name)),
                }
            }
            k.put_work(pod.id, work);
            k.full_turn(sim, pod.id);
        })?;
        found
    }

    /// A person has broken a pod's readiness, or mended it.
    pub(super) fn readiness_changed(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        self.promote(sim, pod);
        let Some(mut work) = self.take_work(pod.id) else { return };
        if let Some(plan) = work.plan.clone() {
            for (run, c) in work.runs.iter_mut().zip(plan.containers.iter()) {
                if run.running() && c.readiness.is_some() && run.readiness.due.is_none() {
                    run.readiness.due = Some(sim.now);
                }
            }
        }
        self.put_work(pod.id, work);
        self.full_turn(sim, pod.id);
    }

    /// A ConfigMap or Secret has changed: pods of its namespace that wait for one try again soon.
    pub(super) fn reference_changed(&mut self, sim: &mut Sim, object: &crate::store::Obj) {
        let namespace = object.key().namespace;
        let waiting: Vec<Id> = self
            .workers
            .iter()
            .filter(|(_, w)| match &w.life {
                Life::Full(work) => {
                    !work.over
                        && ((work.volumes.is_none() && work.mount_tries > 0)
                            || work.runs.iter().any(|r| matches!(r.step, Step::Broken(_))))
                }
                _ => false,
            })
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            if sim.store.pod(id).is_some_and(|p| p.namespace == namespace) {
                let now = sim.now;
                let Some(mut work) = self.take_work(id) else { continue };
                let soon = now + SimDuration::from_millis(800);
                work.mount_at = work.mount_at.min(soon);
                if work.volumes.is_none() {
                    work.sandbox = soon;
                }
                for r in &mut work.runs {
                    if let Step::Broken(at) = &mut r.step {
                        *at = (*at).min(soon);
                    }
                }
                self.put_work(id, work);
                self.schedule(sim, id, soon);
            }
        }
    }

    /// Power is back: what ran before is started again.
    pub(super) fn restart_after_outage(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        self.promote(sim, pod);
        let Some(mut work) = self.take_work(pod.id) else { return };
        let now = sim.now;
        let mut ran = false;
        for run in &mut work.runs {
            if run.running() {
                ran = true;
                let container = run.record.container_id;
                let started = match run.record.state {
                    RunState::Running(t) => t,
                    _ => run.since.into(),
                };
                run.end(now, 255, None);
                run.record.state = RunState::Terminated(Arc::new(Terminated {
                    exit_code: 255,
                    reason: Cow::Borrowed("Unknown"),
                    message: None,
                    started,
                    finished: now.into(),
                    container_id: container,
                }));
                // a reboot is no crash
                run.backoff = Backoff::default();
            } else if matches!(run.step, Step::Pulling(..)) {
                run.step = Step::Idle;
            }
        }
        if ran && !work.over {
            work.sandbox_ready = false;
            work.initialized = false;
            let sandbox = self.between(400, 1500);
            work.sandbox = now + sandbox;
            let text = "Pod sandbox changed, it will be killed and re-created.";
            self.pod_event(sim, pod, "", false, "SandboxChanged", text);
        }
        let finish = pod.status.phase.is_terminal();
        work.over |= finish;
        self.put_work(pod.id, work);
        self.full_turn(sim, pod.id);
    }
}

impl PodWork {
    fn set_plan(&mut self, plan: &Arc<Plan>) {
        let reason = if plan.init > 0 { "PodInitializing" } else { "ContainerCreating" };
        self.runs = plan.containers.iter().map(|_| Run::new(reason)).collect();
        self.plan = Some(plan.clone());
    }

    /// The next moment at which something can happen.
    fn next(&self, plan: &Plan, now: SimTime) -> Option<SimTime> {
        if self.over {
            return None;
        }
        let mut times: Vec<SimTime> = vec![];
        times.extend(self.relist);
        if !self.sandbox_ready && self.stopping.is_none() {
            times.push(self.sandbox.max(if self.volumes.is_none() { self.mount_at } else { SimTime::ZERO }));
        }
        if let Some(d) = plan.deadline
            && self.stopping.is_none()
        {
            times.push(self.began + SimDuration::from_secs(d));
        }
        for run in &self.runs {
            match run.step {
                Step::Pulling(_, _, at) | Step::Broken(at) => times.push(at),
                Step::NoImage(from, until) => times.extend([if from > now { from } else { until }]),
                Step::Waiting(from, until) => times.extend([if from > now { from.min(until) } else { until }]),
                Step::Exited(_) => times.push(now),
                Step::Running => {
                    times.extend(run.wake);
                    times.extend(run.exits.map(|e| e.0));
                    times.extend(run.term_at);
                    times.extend(run.kill_at);
                    times.extend(run.startup.due);
                    times.extend(run.readiness.due);
                    if self.stopping.is_none() {
                        times.extend(run.liveness.due);
                    }
                }
                Step::Idle | Step::Done => {}
            }
        }
        // what is due and was not done waits for something else: never turn on the spot
        times.into_iter().min().map(|t| t.max(now + SimDuration::from_millis(1)))
    }
}

impl Run {
    pub(super) fn adopt(&mut self, since: SimTime, container: u64) {
        self.step = Step::Running;
        self.since = since;
        self.record.state = RunState::Running(since.into());
        self.record.container_id = container;
        self.record.pulled = true;
        self.record.started = Some(true);
        self.record.ready = true;
    }

    pub(super) fn begin_probes(&mut self, c: &ContainerPlan, now: SimTime) {
        if let Some(p) = &c.readiness {
            self.readiness = ProbeState::begin(p, self.since, now);
        }
        if let Some(p) = &c.liveness {
            self.liveness = ProbeState::begin(p, self.since, now);
        }
    }

    fn wait(&mut self, reason: &'static str, message: Option<&str>) {
        self.record.state = RunState::Waiting(Cow::Borrowed(reason), message.map(Into::into));
        self.record.ready = false;
        self.record.started = Some(false);
    }

    /// SIGTERM after the hook, SIGKILL at the end of the grace period.
    pub(super) fn begin_stop(&mut self, c: &ContainerPlan, now: SimTime, hook: SimDuration, grace: SimDuration) {
        let _ = c;
        self.startup.due = None;
        self.liveness.due = None;
        self.term_at = Some(now + hook);
        let rest = SimDuration(grace.0.saturating_sub(hook.0));
        let rest = if grace.0 == 0 { rest } else { SimDuration(rest.0.max(LEAST_GRACE.0.min(grace.0))) };
        self.kill_at = Some(now + hook + rest);
    }

    /// The process gets SIGTERM.
    pub(super) fn signal(&mut self, c: &ContainerPlan, now: SimTime) {
        if self.exits.is_some() {
            return;
        }
        match &mut self.process {
            Some(p) if !p.serving() => {
                p.signal(Signal::Term);
                if p.wakes_on_signal() {
                    self.wake = Some(now);
                }
            }
            _ => self.exits = on_term(c.entry.as_deref()).map(|(d, code)| (now + d, code)),
        }
    }

    /// The process has ended.
    fn end(&mut self, at: SimTime, code: i32, message_policy: Option<&str>) {
        let started = match self.record.state {
            RunState::Running(t) => t,
            _ => at.into(),
        };
        let mut message = match self.files.get("/dev/termination-log") {
            Some(crate::runtime::files::Entry::File(t)) if !t.is_empty() => Some(t.clone()),
            _ => None,
        };
        if message.is_none() && code != 0 && message_policy == Some("FallbackToLogsOnError") {
            message = Some(self.log.tail(80, 2048).into());
        }
        self.record.state = RunState::Terminated(Arc::new(Terminated {
            exit_code: code,
            reason: Cow::Borrowed(if code == 0 { "Completed" } else { "Error" }),
            message,
            started,
            finished: at.into(),
            container_id: self.record.container_id,
        }));
        self.record.ready = false;
        self.record.started = Some(false);
        self.step = Step::Exited(at);
        self.process = None;
        (self.wake, self.exits, self.term_at, self.kill_at) = (None, None, None, None);
        (self.startup, self.readiness, self.liveness) = Default::default();
    }
}
