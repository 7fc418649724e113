//! What comes from outside a pod's own course: a person's faults, objects it refers to that change, power that comes
//! back, and the change from the fast way to the full one that these need.

use super::backoff::Backoff;
use super::component::{Kubelets, Life};
use super::environment;
use super::pod_worker::PodWork;
use super::run::Step;
use crate::clock::SimDuration;
use crate::sim::Sim;
use crate::store::pod::{RunState, Terminated};
use crate::store::{Id, Key, PodRecord};
use std::borrow::Cow;
use std::sync::Arc;

/// A kubelet looks after each of its pods at least so often, in milliseconds: a minute, and up to half as long again.
const RESYNC_MILLIS: u64 = 90_000;

impl Kubelets {
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
        let ip = self.address(pod.id, &plan);
        for (run, c) in work.runs.iter_mut().zip(plan.containers.iter()) {
            run.files = super::content::furnished(c);
            if run.running() {
                super::around::name_files(&mut run.files, pod, &plan, ip);
            }
            if run.running() {
                super::site::greets(&mut run.log, c, None, run.since, ip);
            }
        }
        work.volumes = environment::volumes(self, sim, pod, &plan).ok().map(Arc::new);
        self.put_work(pod.id, work);
    }

    /// A ConfigMap or Secret has changed: pods of its namespace that wait for one try again soon, those that have it
    /// mounted see the change when their kubelet next looks after them.
    pub(super) fn reference_changed(&mut self, sim: &mut Sim, object: &crate::store::Obj) {
        let Key { namespace, name } = object.key();
        let shown: Vec<Id> = self
            .workers
            .iter()
            .filter(|(id, w)| {
                let Life::Full(work) = &w.life else { return false };
                let volumes = work.plan.as_ref().and_then(|p| p.spec().volumes.as_ref());
                !work.over
                    && work.volumes.is_some()
                    && self.nodes.get(w.node as usize).is_some_and(|n| !sim.network.tables.is_cut(&n.name))
                    && volumes.into_iter().flatten().any(|v| environment::mentions(v, object.kind(), &name))
                    && sim.store.pod(**id).is_some_and(|p| p.namespace == namespace)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in shown {
            let wait = self.between(1_000, RESYNC_MILLIS);
            let Some(mut work) = self.take_work(id) else { continue };
            let at = sim.now + wait;
            work.refresh = Some(work.refresh.map_or(at, |t| t.min(at)));
            let next = work.plan.clone().and_then(|plan| work.next_turn(&plan, sim.now));
            self.put_work(id, work);
            if let Some(at) = next {
                self.schedule(sim, id, at);
            }
        }
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
