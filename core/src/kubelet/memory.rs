//! Containers that come to the end of their memory by what they do: by files in volumes that lie in memory, or together,
//! where their pod has a limit as a whole. Models memory control groups, in which files of a tmpfs count for who wrote
//! them.

use super::plan::Plan;
use super::pod_worker::PodWork;
use crate::clock::{SimDuration, SimTime};
use crate::store::Id;

impl PodWork {
    /// Who has written more to volumes in memory than its limit leaves is killed; so is the largest container of a pod
    /// that takes more than it may as a whole.
    pub(super) fn memory_runs_out(&mut self, plan: &Plan, id: Id, now: SimTime) {
        for (run, c) in self.runs.iter_mut().zip(plan.containers.iter()).filter(|(r, _)| r.running()) {
            let Some(limit) = c.needs.memory_limit.filter(|_| run.in_volumes > 0 && run.exits.is_none()) else {
                continue;
            };
            // what can be given back is
            let held = c.needs.memory.min(limit / 4 * 3);
            if held + run.in_volumes > limit {
                run.oom_at = Some(now);
            }
        }
        self.full_at = None;
        let Some(limit) = plan.memory_limit else { return };
        let mut rows = vec![];
        let (mut rate, mut fills) = (0u64, None);
        for (i, (run, c)) in self.runs.iter().zip(plan.containers.iter()).enumerate() {
            if !run.running() || run.exits.is_some() {
                continue;
            }
            rows.push((i, super::usage::memory(&c.needs, id, i, run.since, Some(run), now)));
            rate = rate.saturating_add(run.ills.leak.map_or(0, |l| l.rate));
            let filled = run.since + SimDuration::from_millis(2_001);
            fills = fills.max(Some(filled).filter(|t| *t > now));
        }
        let sum = rows.iter().map(|r| r.1).fold(0, u64::saturating_add);
        if sum > limit {
            let victim = rows.iter().max_by_key(|r| (r.1, std::cmp::Reverse(r.0))).map(|r| r.0);
            if let Some(run) = victim.and_then(|i| self.runs.get_mut(i)) {
                run.oom_at = Some(now);
            }
            return;
        }
        let leaked = (rate > 0).then(|| {
            let micros = u128::from(limit - sum) * 1_000_000 / u128::from(rate) + 10_000;
            now + SimDuration(micros.min(1 << 50) as u64)
        });
        self.full_at = fills.into_iter().chain(leaked).min();
    }
}
