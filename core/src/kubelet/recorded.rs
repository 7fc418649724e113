//! The kubelets of the conformance recordings: a player that only makes pods run, so that the control plane could be
//! judged alone. Everything it does is said in the conformance format's description; nothing here is how a kubelet
//! behaves.

use super::phase::should_restart;
use super::plan::Plan;
use super::probe::Action;
use crate::clock::{SimDuration, SimTime};
use crate::runtime::images::{MISSING_TAG, Reference};
use crate::store::pod::{
    CONTAINERS_READY, ContainerRecord, INITIALIZED, Phase, PodStatusRecord, READY, READY_TO_START, RunState, SCHEDULED,
    Terminated,
};
use k8s_openapi::api::core::v1::Container;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// From binding to Running, and from the deletion to the end.
pub const DELAY: SimDuration = SimDuration::from_secs(1);

/// Images whose containers end at once when they are given no command.
const SHELLS: [&str; 6] = ["busybox", "alpine", "ubuntu", "debian", "bash", "hello-world"];

/// A container being played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Played {
    /// Its image cannot be pulled.
    NoImage,
    /// It runs; it ends then, or never.
    Runs(Option<SimTime>),
    /// It is started again then.
    Waits(SimTime),
    /// It has ended for good.
    Ended,
}

/// A pod being played.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlayedPod {
    /// Its containers.
    pub containers: SmallVec<[(Played, u32); 1]>,
}

/// How long a container runs (none: for ever) and what it exits with.
pub fn script(c: &Container) -> (Option<SimDuration>, i32) {
    let words: Vec<&str> = c.command.iter().flatten().chain(c.args.iter().flatten()).map(String::as_str).collect();
    if words.is_empty() {
        let name = c.image.as_deref().and_then(Reference::parse).map(|r| r.repository).unwrap_or_default();
        let ends = SHELLS.contains(&name.rsplit('/').next().unwrap_or(&name));
        return (if ends { Some(SimDuration::ZERO) } else { None }, 0);
    }
    match words.as_slice() {
        [_, "-c", line, ..] => run(line),
        _ => run(&words.join(" ")),
    }
}

fn run(line: &str) -> (Option<SimDuration>, i32) {
    let (mut time, mut code) = (SimDuration::ZERO, 0);
    for group in line.split([';', '\n']) {
        for (k, command) in group.split("&&").enumerate() {
            if k > 0 && code != 0 {
                continue;
            }
            let words: Vec<&str> = command.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                ["while" | "until", ..] => return (None, 0),
                ["exit", n] => return (Some(time), n.parse().unwrap_or(0)),
                ["exit"] => return (Some(time), code),
                ["false", ..] => code = 1,
                ["sleep", n, ..] => match crate::runtime::shell::duration(n) {
                    Some(d) if d.0 < u64::MAX / 4 => {
                        time = time + d;
                        code = 0;
                    }
                    _ => return (None, 0),
                },
                _ => code = 0,
            }
        }
    }
    (Some(time), code)
}

/// A readiness probe that cannot pass: a command that fails, a port that no container declares.
fn unready(plan: &Plan, i: usize) -> bool {
    let Some(p) = &plan.containers[i].readiness else { return false };
    let declared = |port: u16| {
        let all = plan.spec().containers.iter().flat_map(|c| c.ports.iter().flatten());
        all.into_iter().any(|p| p.container_port == i32::from(port))
    };
    match &p.action {
        Action::Http { port, .. } | Action::Tcp { port, .. } => !declared(*port),
        Action::Exec(argv) => {
            let words: Vec<&str> = argv.iter().map(String::as_str).collect();
            let line = match words.as_slice() {
                [_, "-c", line, ..] => (*line).to_owned(),
                _ => words.join(" "),
            };
            let looks_for_file = ["cat ", "ls ", "test ", "["].iter().any(|p| line.trim_start().starts_with(p));
            looks_for_file || run(&line).1 != 0
        }
        _ => false,
    }
}

impl PlayedPod {
    /// Starts the pod, or what has waited long enough; ends what has run long enough. Returns the next moment at which
    /// something happens.
    pub fn advance(
        &mut self,
        plan: &Plan,
        status: &mut PodStatusRecord,
        now: SimTime,
        id: &mut dyn FnMut() -> u64,
    ) -> Option<SimTime> {
        let spec = plan.spec();
        let first = self.containers.is_empty();
        if first {
            self.containers = spec.containers.iter().map(|_| (Played::Waits(now), 0)).collect();
            status.containers = spec.containers.iter().map(|_| ContainerRecord::waiting("")).collect();
            status.started = Some(now.into());
        }
        for (i, c) in spec.containers.iter().enumerate() {
            let (Some(played), Some(record)) = (self.containers.get_mut(i), status.containers.get_mut(i)) else {
                continue;
            };
            let image = Reference::parse(c.image.as_deref().unwrap_or_default());
            let missing = image.is_none_or(|r| r.tag == MISSING_TAG);
            if missing && !matches!(played.0, Played::Ended) {
                played.0 = Played::NoImage;
                *record = ContainerRecord { restarts: played.1, ..ContainerRecord::waiting("ImagePullBackOff") };
                continue;
            }
            if played.0 == Played::NoImage {
                played.0 = Played::Waits(now);
            }
            if let Played::Waits(at) = played.0
                && at <= now
            {
                let (time, _) = script(c);
                played.0 = Played::Runs(time.map(|t| now + t));
                *record = ContainerRecord {
                    state: RunState::Running(now.into()),
                    last: None,
                    restarts: played.1,
                    ready: !unready(plan, plan.init + i),
                    started: Some(true),
                    container_id: id(),
                    pulled: false,
                    image: None,
                    told: None,
                };
            }
            if let Played::Runs(Some(end)) = played.0
                && end <= now
            {
                let code = script(c).1;
                let started = match record.state {
                    RunState::Running(t) => t,
                    _ => now.into(),
                };
                (record.ready, record.started) = (false, Some(false));
                if should_restart(spec, c, code) {
                    played.1 += 1;
                    let wait = 10u64.saturating_mul(1 << (played.1 - 1).min(5)).min(300);
                    played.0 = Played::Waits(now + SimDuration::from_secs(wait));
                    record.restarts = played.1;
                    record.container_id = 0;
                    record.state = RunState::Waiting(Cow::Borrowed("CrashLoopBackOff"), None);
                } else {
                    played.0 = Played::Ended;
                    record.state = RunState::Terminated(Arc::new(Terminated {
                        exit_code: code,
                        reason: Cow::Borrowed(if code == 0 { "Completed" } else { "Error" }),
                        message: None,
                        started,
                        finished: now.into(),
                        container_id: record.container_id,
                    }));
                }
            }
        }
        self.summarize(plan, status, now);
        self.containers
            .iter()
            .filter_map(|(p, _)| match p {
                Played::Runs(end) => *end,
                Played::Waits(at) => Some(*at),
                _ => None,
            })
            .min()
    }

    fn summarize(&self, plan: &Plan, status: &mut PodStatusRecord, now: SimTime) {
        let ended = self.containers.iter().all(|(p, _)| *p == Played::Ended);
        let failed = status.containers.iter().any(|c| matches!(&c.state, RunState::Terminated(t) if t.exit_code != 0));
        status.phase = match (ended, failed) {
            (true, true) => Phase::Failed,
            (true, false) => Phase::Succeeded,
            _ if self.containers.iter().any(|(p, _)| *p == Played::NoImage) => Phase::Pending,
            _ => Phase::Running,
        };
        status.set_condition(SCHEDULED, true, now, None);
        status.set_condition(READY_TO_START, !ended, now, None);
        if status.phase == Phase::Succeeded {
            let why = || Some(("PodCompleted", Cow::Borrowed("")));
            status.set_condition(INITIALIZED, true, now, why());
            status.set_condition(READY, false, now, why());
            status.set_condition(CONTAINERS_READY, false, now, why());
            return;
        }
        status.set_condition(INITIALIZED, true, now, None);
        let names: Vec<&str> = plan
            .spec()
            .containers
            .iter()
            .zip(&status.containers)
            .filter(|(_, r)| !r.ready)
            .map(|(c, _)| c.name.as_str())
            .collect();
        let why = || {
            let text = format!("containers with unready status: [{}]", names.join(" "));
            (!names.is_empty()).then_some(("ContainersNotReady", Cow::Owned(text)))
        };
        status.set_condition(READY, names.is_empty(), now, why());
        status.set_condition(CONTAINERS_READY, names.is_empty(), now, why());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &[&str], image: &str, seconds: Option<u64>, code: i32) {
        let c = Container {
            image: Some(image.into()),
            command: Some(command.iter().map(|s| (*s).to_owned()).collect()),
            ..Container::default()
        };
        assert_eq!(script(&c), (seconds.map(SimDuration::from_secs), code), "{command:?}");
    }

    #[test]
    fn scripts() {
        check(&[], "nginx", None, 0);
        check(&[], "busybox:1.36", Some(0), 0);
        check(&["sleep", "100"], "busybox", Some(100), 0);
        check(&["sleep", "infinity"], "busybox", None, 0);
        check(&["sh", "-c", "echo hi; sleep 1"], "busybox", Some(1), 0);
        check(&["sh", "-c", "sleep 1; exit 3"], "busybox", Some(1), 3);
        check(&["sh", "-c", "false && sleep 5"], "busybox", Some(0), 1);
        check(&["sh", "-c", "while true; do sleep 1; done"], "busybox", None, 0);
    }
}
