//! The life of a pod of any kind: sandbox, volumes, images, init containers, probes, restarts, termination. One timer a
//! pod, set to the next moment at which something can happen. Invariant: a turn may come at any time and any number of
//! times; it brings the pod to where it has to be now and writes the status if that is another.

use super::backoff::Backoff;
use super::component::{Kubelets, Life};
use super::environment::{self, Volumes};
use super::phase::should_restart;
use super::plan::{Plan, Program};
use super::run::{Run, Step};
use crate::clock::{SimDuration, SimTime};
use crate::network::served::Visit;
use crate::runtime::shell::{Signal, State, Stream};
use crate::sim::Sim;
use crate::store::pod::RunState;
use crate::store::{Id, Key, Obj, PodRecord};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// After a container's end its status waits so long before it says that the restart is put off.
const SHOW_EXIT: SimDuration = SimDuration::from_millis(1500);
/// Why a pod is being stopped.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reason {
    /// Its deletion was asked for.
    Deleted,
    /// Its main containers are done: what is left are sidecars.
    Completed,
    /// It fails: status.reason and message.
    Failed(&'static str, Cow<'static, str>),
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
    /// What its processes have drawn by chance so far.
    pub draws: u32,
    /// Pods and ports that their requests have reached and that have not been counted.
    pub reached: Vec<(Id, u16)>,
    /// Requests of theirs that were answered and that are not yet in the servers' logs.
    pub visits: Vec<(Id, Visit)>,
    /// Endpoints that its processes are to stay with: service, port, address.
    pub ties: Vec<(Key, u16, u32)>,
    /// Requests that they have sent and that nobody has been told of.
    pub traces: Vec<crate::network::request::Trace>,
    pub stopping: Option<(Reason, SimTime)>,
    /// The pod has been stopped for good.
    pub over: bool,
    /// A regular container has been started.
    pub initialized: bool,
    pub began: SimTime,
    /// What a changed status has to wait for: the runtime is asked once a second.
    pub relist: Option<SimTime>,
    pub image_errors: BTreeMap<usize, Arc<str>>,
    /// A postStart hook runs until then: nothing else is started, and nothing is said.
    pub busy: Option<SimTime>,
    /// When what its volumes show of other objects is brought up to date.
    pub refresh: Option<SimTime>,
    /// When a change of its resources goes on.
    pub resize_at: Option<SimTime>,
    /// When its memory is looked at again, if it has a limit as a whole.
    pub full_at: Option<SimTime>,
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

    /// The pod's deletion has begun, or its template has changed.
    pub(super) fn full_changed(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>) {
        let Some(mut work) = self.take_work(pod.id) else { return };
        let plan = if pod.deletion.is_some() { self.plan(pod) } else { self.resize(sim, pod, &mut work) };
        if plan.spec().volumes.iter().flatten().any(environment::tells_of_pod) {
            work.refresh = Some(sim.now);
        }
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
            super::ephemeral::grow(&mut work, &old, &plan);
            for (i, c) in plan.containers.iter().enumerate().take(plan.regular) {
                let changed = old.containers.get(i).is_some_and(|o| o.image != c.image);
                let Some(run) = work.runs.get_mut(i).filter(|_| changed) else { continue };
                if !matches!(run.record.state, RunState::Waiting(..)) && run.record.image.is_none() {
                    run.record.image = old.containers.get(i).map(|o| Arc::new(o.image.to_string()));
                }
                match run.step {
                    Step::Running => {
                        // whatever the restart policy is
                        run.anew = true;
                        let text = format!("Container {} definition changed, will be restarted", c.name);
                        self.pod_event(sim, pod, plan.field_path(i), false, "Killing", text);
                        let grace = SimDuration::from_secs(u64::from(plan.grace));
                        self.stop_container(sim, pod, &plan, &mut work, i, grace);
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
    pub(super) fn stop(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        work: &mut PodWork,
        reason: Reason,
        grace: SimDuration,
    ) {
        let Some(plan) = work.plan.clone() else { return };
        let deadline = sim.now + grace;
        work.stopping = Some((reason, deadline));
        for (i, c) in plan.containers.iter().enumerate() {
            let Some(run) = work.runs.get_mut(i) else { continue };
            if !run.running() {
                if !matches!(run.step, Step::Exited(_)) {
                    run.step = Step::Done;
                }
                continue;
            }
            self.pod_event(sim, pod, plan.field_path(i), false, "Killing", format!("Stopping container {}", c.name));
            if c.sidecar && work.precedes(&plan, i) {
                // its hook runs at once, its process is told when those are gone that it serves
                let hook = self.pre_stop(sim, pod, &plan, work, i, grace);
                work.runs[i].turn = Some(sim.now + hook);
                (work.runs[i].startup.due, work.runs[i].liveness.due) = (None, None);
                continue;
            }
            self.stop_container(sim, pod, &plan, work, i, grace);
        }
    }

    /// preStop, then SIGTERM, then SIGKILL, all within the grace period.
    pub(super) fn stop_container(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
        grace: SimDuration,
    ) {
        let hook = self.pre_stop(sim, pod, plan, work, i, grace);
        if let Some(run) = work.runs.get_mut(i) {
            run.begin_stop(sim.now, hook, grace);
        }
    }

    /// Carries out a container's preStop hook, and says how much of the grace period it takes.
    fn pre_stop(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        plan: &Arc<Plan>,
        work: &mut PodWork,
        i: usize,
        grace: SimDuration,
    ) -> SimDuration {
        let Some(action) = plan.containers[i].pre_stop.as_ref().filter(|_| grace.0 > 0) else {
            return SimDuration::ZERO;
        };
        let (done, took) = self.hook(sim, pod, plan, work, i, action, grace);
        // what a hook printed may be secret: the event does not tell
        if done.is_err() {
            self.pod_event(sim, pod, plan.field_path(i), true, "FailedPreStopHook", "PreStopHook failed");
        }
        SimDuration(took.0.min(grace.0))
    }

    /// Whatever is due for the pod is done, its status written, its next turn set.
    pub(super) fn full_turn(&mut self, sim: &mut Sim, id: Id) {
        let Some(pod) = sim.store.pod(id).cloned() else { return };
        let Some(mut work) = self.take_work(id) else { return };
        let Some(mut plan) = work.plan.clone() else { return };
        let now = sim.now;
        if work.over {
            self.put_work(id, work);
            return;
        }
        if work.refresh.is_some_and(|t| t <= now) {
            work.refresh = None;
            if let Some(volumes) = &mut work.volumes
                && let Err(e) = environment::refresh(self, sim, &pod, &plan, Arc::make_mut(volumes))
            {
                self.pod_event(sim, &pod, "", true, "FailedMount", e);
            }
        }
        // what a process does is seen by the others within the same moment: a few rounds are enough
        let mut more = true;
        for _ in 0..6 {
            let mut changed = self.processes(sim, &pod, &plan, &mut work);
            if self.resize_turn(sim, &pod, &mut work) {
                changed = true;
                plan = work.plan.clone().unwrap_or(plan);
            }
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
            self.stop(sim, &pod, &mut work, Reason::Failed("DeadlineExceeded", Cow::Borrowed(text)), grace);
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
        for t in std::mem::take(&mut work.traces) {
            sim.network.passed.count_trace(&t, now);
            sim.network.keep(t);
        }
        for (pod, port) in std::mem::take(&mut work.reached) {
            sim.served(pod, port, 1);
        }
        for (pod, visit) in std::mem::take(&mut work.visits) {
            sim.network.served.keep(pod, visit);
        }
        for (service, port, ip) in std::mem::take(&mut work.ties) {
            sim.network.tie(&service, port, pod.status.ip, ip, now);
        }
        let soon = (more && !over).then(|| now + SimDuration::from_millis(1));
        let next = work.next_turn(&plan, now).into_iter().chain(soon).min();
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
        work.memory_runs_out(plan, pod.id, now);
        for i in 0..work.runs.len() {
            if !work.runs[i].running() {
                continue;
            }
            let c = &plan.containers[i];
            if work.runs[i].term_at.is_some_and(|t| t <= now) {
                work.runs[i].term_at = None;
                work.runs[i].signal(c, now);
            }
            if work.runs[i].process.is_some() && work.runs[i].wake.is_some_and(|t| t <= now) && !work.runs[i].ills.hung
            {
                self.run_process(sim, pod, plan, work, i);
            }
            let run = &mut work.runs[i];
            if let Some(at) = run.oom_at.filter(|t| *t <= now) {
                (run.exits, run.out_of_memory, run.oom_at) = (Some((at, 137)), true, None);
            }
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
                run.end(at, code, plan.container(i));
                changed = true;
            }
        }
        // what they have written just now counts already
        work.memory_runs_out(plan, pod.id, now);
        changed | work.runs.iter().any(|r| r.running() && r.oom_at.is_some_and(|t| t <= now))
    }

    fn run_process(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, plan: &Arc<Plan>, work: &mut PodWork, i: usize) {
        let now = sim.now;
        let Some(mut process) = work.runs[i].process.take() else { return };
        let served = process.serving();
        let mut state = self.with_files(sim, pod, plan, work, i, false, |files, around| {
            for (job, ran) in around.poll_waits() {
                process.resume(job, &ran, files);
            }
            process.step(now, files, around)
        });
        if !work.runs[i].waits.is_empty() {
            let look = now + super::own_api::LOOKS;
            state = match state {
                State::Until(t) => State::Until(t.min(look)),
                State::Serves => State::Until(look),
                ended => ended,
            };
        }
        let run = &mut work.runs[i];
        for (stream, text) in process.take_output() {
            run.log.add(now, stream, &text);
        }
        let worked = process.take_worked();
        if worked.0 > 0 {
            run.worked.add(now, worked.0);
        }
        let kills = process.take_kills();
        let (busy, burns) = (process.busy(), process.burns());
        let slower = self.slowed(pod.id, plan, i, busy);
        if busy + burns > 0
            && let Some(node) = self.workers.get(&pod.id).map(|w| w.node)
        {
            self.watch_cpu(sim, node);
        }
        let run = &mut work.runs[i];
        run.wake = None;
        match state {
            State::Until(t) => run.wake = Some(t + slower),
            State::Serves => {}
            State::Exited(code) => run.exits = Some((now, code)),
        }
        let begins = !served && process.serving();
        run.process = Some(process);
        for (pid, signal) in kills {
            if pid == 1 && signal == Signal::Hup && plan.containers[i].web.is_some() {
                self.configure_again(sim, pod, plan, work, i);
            } else if pid == 1 {
                work.runs[i].killed(&plan.containers[i], signal, now);
            }
        }
        if begins && let Err(why) = self.configure(sim, pod, plan, work, i) {
            work.runs[i].complains(plan.containers[i].web, now, &why);
            work.runs[i].exits = Some((now, 1));
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
                && i < plan.regular
                && plan.container(i).is_some_and(|c| {
                    work.runs[i].anew || {
                        let done = i < plan.init && !plan.containers[i].sidecar && code == 0;
                        !done && should_restart(plan.spec(), c, code)
                    }
                });
            let run = &mut work.runs[i];
            run.step = match (again, run.backoff.until(at)) {
                (false, _) => {
                    // an init container that has done its work counts as ready
                    run.record.ready = i < plan.init && !plan.containers[i].sidecar && code == 0;
                    Step::Done
                }
                (true, Some(until)) if until > now && !run.anew => Step::Waiting(now + SHOW_EXIT, until),
                (true, _) => Step::Waiting(SimTime::MAX, now),
            };
            // one that could not even be started waits for the next try
            if again
                && let RunState::Terminated(t) = &run.record.state
                && t.reason == "StartError"
            {
                let t = t.clone();
                run.wait("RunContainerError", t.message.as_deref());
                run.record.last = Some(t);
            }
            // nor does one whose hook has failed count as started
            if let Some(why) = run.hook_failed.take().filter(|_| again)
                && let RunState::Terminated(t) = &run.record.state
            {
                let t = t.clone();
                run.wait("PostStartHookError", Some(&why));
                run.record.last = Some(t);
            }
            work.relist.get_or_insert(now + SimDuration::from_millis(200));
        }
        if let Some((_, deadline)) = work.stopping.clone() {
            // the sidecars' turns, the last one first; who does not get one in time is told at the end
            for i in (0..plan.init).rev() {
                let Some(hook) = work.runs[i].turn.filter(|_| work.runs[i].running()) else { continue };
                if !work.precedes(plan, i) || now >= deadline {
                    let left = (deadline.max(now) - now).0.max(super::run::LEAST_GRACE.0);
                    let run = &mut work.runs[i];
                    run.turn = None;
                    run.begin_stop(now, SimDuration((hook.max(now) - now).0.min(left)), SimDuration(left));
                    changed = true;
                }
            }
            return changed;
        }
        if !work.sandbox_ready {
            if work.volumes.is_none() && now >= work.mount_at {
                match environment::volumes(self, sim, pod, plan) {
                    Ok(v) => {
                        for name in v.lasting.iter().filter_map(|(_, n)| n.strip_prefix("volume/")) {
                            let text = format!("AttachVolume.Attach succeeded for volume {name:?}");
                            let about = Obj::Pod(pod.clone());
                            sim.record("attachdetach-controller", &about, false, "SuccessfulAttachVolume", text);
                        }
                        work.volumes = Some(Arc::new(v));
                    }
                    Err(e) => {
                        if e.starts_with(environment::MULTI_ATTACH) {
                            let about = Obj::Pod(pod.clone());
                            sim.record("attachdetach-controller", &about, true, "FailedAttachVolume", e);
                        } else {
                            self.pod_event(sim, pod, "", true, "FailedMount", e);
                        }
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
        if work.busy.is_some_and(|t| t > now) {
            return changed;
        }
        for i in plan.regular..work.runs.len() {
            changed |= self.bring_up(sim, pod, plan, work, i);
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
        // one after the other: while an image is awaited, or a hook runs, nothing else of the pod is started
        let awaited = work.runs.iter().any(|r| matches!(r.step, Step::Pulling(_, _, there) if there > now));
        for i in plan.init..plan.regular {
            if awaited || work.busy.is_some_and(|t| t > now) {
                break;
            }
            changed |= self.bring_up(sim, pod, plan, work, i);
            if matches!(work.runs[i].step, Step::Pulling(..)) {
                break;
            }
        }
        let done = work.runs.iter().take(plan.regular).skip(plan.init).all(|r| r.step == Step::Done);
        if done {
            let grace = SimDuration::from_secs(u64::from(plan.grace));
            self.stop(sim, pod, work, Reason::Completed, grace);
            changed = true;
        }
        changed
    }
}

impl PodWork {
    /// Does something run that a sidecar outlives: a regular container, or a sidecar that was started after it?
    fn precedes(&self, plan: &Plan, i: usize) -> bool {
        let later = |k: usize| k >= plan.init || (k > i && plan.containers[k].sidecar);
        self.runs.iter().enumerate().take(plan.regular).any(|(k, r)| k != i && later(k) && r.running())
    }

    pub(super) fn set_plan(&mut self, plan: &Arc<Plan>) {
        let reason = if plan.init > 0 { "PodInitializing" } else { "ContainerCreating" };
        self.runs = plan.containers.iter().map(|_| Run::new(reason)).collect();
        self.plan = Some(plan.clone());
    }
}
