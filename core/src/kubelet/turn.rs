//! When a pod's worker looks again: the earliest of all moments at which something can happen to it. Pure.

use super::plan::Plan;
use super::pod_worker::PodWork;
use super::run::Step;
use crate::clock::{SimDuration, SimTime};

impl PodWork {
    /// The next moment at which something can happen.
    pub(super) fn next_turn(&self, plan: &Plan, now: SimTime) -> Option<SimTime> {
        if self.over {
            return None;
        }
        let mut times: Vec<SimTime> = vec![];
        times.extend(self.relist);
        times.extend(self.refresh);
        times.extend(self.full_at);
        times.extend(self.resize_at);
        times.extend(self.busy.filter(|t| *t > now));
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
                Step::NoImage(from, until) => {
                    times.extend([if from > now { from } else { until }]);
                    times.extend(run.said.filter(|t| *t > now));
                }
                Step::Waiting(from, until) => {
                    times.extend([if from > now { from.min(until) } else { until }]);
                    times.extend(run.said.filter(|t| *t > now));
                }
                Step::Exited(_) => times.push(now),
                Step::Running => {
                    times.extend(run.wake.filter(|_| !run.ills.hung));
                    times.extend(run.oom_at);
                    times.extend(run.exits.map(|e| e.0));
                    times.extend(run.term_at);
                    times.extend(run.kill_at);
                    times.extend(run.turn.and(self.stopping.as_ref().map(|(_, deadline)| *deadline)));
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
