//! When the next pod may be made after failures: 10 s, 20 s, 40 s … ten minutes at most, counted from the last
//! failure's end. Models pkg/controller/job/backoff_utils.go.

use crate::clock::{SimDuration, SimTime};
use crate::store::PodRecord;
use crate::store::pod::{READY, RunState, Second};

/// After the first failure.
pub const DEFAULT: SimDuration = SimDuration::from_secs(10);
/// At most.
pub const MAX: SimDuration = SimDuration::from_secs(600);

/// What is remembered of a Job's failures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Record {
    /// Failures since the last success.
    pub failures: u32,
    /// When the last of them ended.
    pub last: Option<SimTime>,
}

impl Record {
    /// The record after pods that ended at these times.
    pub fn after(self, succeeded: &[SimTime], failed: &[SimTime]) -> Record {
        let last_failure = failed.iter().max().copied();
        let Some(success) = succeeded.iter().max() else {
            return Record { failures: self.failures + failed.len() as u32, last: last_failure.or(self.last) };
        };
        let later = failed.iter().filter(|t| *t > success);
        Record { failures: later.clone().count() as u32, last: later.max().copied() }
    }

    /// How long no new pod may be made.
    pub fn remaining(&self, default: SimDuration, max: SimDuration, now: SimTime) -> SimDuration {
        remaining(self.failures, self.last, default, max, now)
    }
}

/// How long after so many failures, the last of which ended then, no new pod may be made.
pub fn remaining(
    failures: u32,
    last: Option<SimTime>,
    default: SimDuration,
    max: SimDuration,
    now: SimTime,
) -> SimDuration {
    let (Some(last), true) = (last, failures > 0) else { return SimDuration::ZERO };
    let wait = SimDuration(default.0.saturating_mul(1 << (failures - 1).min(20)).min(max.0));
    SimDuration(wait.0.saturating_sub(now.since(last).0))
}

/// When a pod ended: with its last container, or when it stopped being ready, or when it was told to go.
pub fn finish_time(p: &PodRecord) -> SimTime {
    let ends = |list: &[crate::store::pod::ContainerRecord]| -> Option<Vec<Second>> {
        list.iter()
            .map(|c| match &c.state {
                RunState::Terminated(t) if t.finished != Second(0) => Some(t.finished),
                _ => None,
            })
            .collect()
    };
    let init = p.proto.pod.spec.as_ref().and_then(|s| s.init_containers.as_ref());
    let sidecars: Vec<_> = init
        .into_iter()
        .flatten()
        .zip(&p.status.init)
        .filter(|(c, _)| c.restart_policy.as_deref() == Some("Always"))
        .map(|(_, s)| s.clone())
        .collect();
    if let (Some(main), Some(side)) = (ends(&p.status.containers), ends(&sidecars))
        && let Some(t) = main.into_iter().chain(side).max()
    {
        return t.into();
    }
    let ready = &p.status.conditions[READY];
    if ready.status == Some(false) && ready.since != Second(0) {
        return ready.since.into();
    }
    match &p.deletion {
        Some(d) => SimTime(d.at.0.saturating_sub(u64::from(d.grace) * 1_000_000)),
        None => p.created,
    }
}
