//! A pod's conditions from the statuses of its containers. Pure. Models pkg/kubelet/status generate.go.

use super::phase::is_sidecar;
use crate::store::pod::{ContainerRecord, Phase, RunState};
use k8s_openapi::api::core::v1::{PodCondition, PodSpec};
use std::borrow::Cow;

/// Status, reason and message of a condition; no reason when it is plainly True.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// True or False.
    pub status: bool,
    /// Reason; empty: none.
    pub reason: &'static str,
    /// Message; empty: none.
    pub message: Cow<'static, str>,
}

impl Verdict {
    const TRUE: Verdict = Verdict { status: true, reason: "", message: Cow::Borrowed("") };

    const fn because(reason: &'static str) -> Verdict {
        Verdict { status: false, reason, message: Cow::Borrowed("") }
    }

    /// Reason and message, if there are any.
    pub fn why(self) -> Option<(&'static str, Cow<'static, str>)> {
        (!self.reason.is_empty()).then_some((self.reason, self.message))
    }
}

/// Statuses in the order of the spec; `None`: nothing is known of that container.
#[derive(Clone, Copy, Debug)]
pub struct Statuses<'a> {
    /// Of spec.containers.
    pub containers: &'a [Option<&'a ContainerRecord>],
    /// Of spec.initContainers.
    pub init: &'a [Option<&'a ContainerRecord>],
}

fn message(unknown: &[&str], unready: &[&str], word: &str) -> Cow<'static, str> {
    let mut parts = vec![];
    if !unknown.is_empty() {
        parts.push(format!("containers with unknown status: [{}]", unknown.join(" ")));
    }
    if !unready.is_empty() {
        parts.push(format!("containers with {word} status: [{}]", unready.join(" ")));
    }
    Cow::Owned(parts.join(", "))
}

/// ContainersReady. `statuses` none: the kubelet knows of no container at all.
pub fn containers_ready(spec: &PodSpec, statuses: Option<Statuses<'_>>, phase: Phase) -> Verdict {
    let Some(s) = statuses else { return Verdict::because("UnknownContainerStatuses") };
    let (mut unknown, mut unready): (Vec<&str>, Vec<&str>) = (vec![], vec![]);
    let sidecars = spec.init_containers.iter().flatten().zip(s.init).filter(|(c, _)| is_sidecar(c));
    for (c, status) in sidecars.chain(spec.containers.iter().zip(s.containers)) {
        match status {
            None => unknown.push(&c.name),
            Some(r) if !r.ready => unready.push(&c.name),
            Some(_) => {}
        }
    }
    match phase {
        Phase::Succeeded if unknown.is_empty() => Verdict::because("PodCompleted"),
        Phase::Failed => Verdict::because("PodFailed"),
        _ if unknown.is_empty() && unready.is_empty() => Verdict::TRUE,
        _ => Verdict { status: false, reason: "ContainersNotReady", message: message(&unknown, &unready, "unready") },
    }
}

/// Ready: as [`containers_ready`], and every readiness gate's condition is True.
pub fn ready(spec: &PodSpec, conditions: &[PodCondition], statuses: Option<Statuses<'_>>, phase: Phase) -> Verdict {
    let containers = containers_ready(spec, statuses, phase);
    if !containers.status {
        return containers;
    }
    let mut missing = vec![];
    for gate in spec.readiness_gates.iter().flatten() {
        let name = &gate.condition_type;
        match conditions.iter().find(|c| c.type_ == *name) {
            None => {
                missing.push(format!("corresponding condition of pod readiness gate {name:?} does not exist."));
            }
            Some(c) if c.status != "True" => {
                missing.push(format!("the status of pod readiness gate {name:?} is not \"True\", but {}", c.status));
            }
            Some(_) => {}
        }
    }
    if missing.is_empty() {
        return Verdict::TRUE;
    }
    Verdict { status: false, reason: "ReadinessGatesNotReady", message: Cow::Owned(missing.join(", ")) }
}

/// Has any regular container been started?
pub fn any_started(containers: &[Option<&ContainerRecord>]) -> bool {
    containers.iter().flatten().any(|c| matches!(c.state, RunState::Running(_) | RunState::Terminated(_)))
}

/// Initialized: every init container has done its work, every sidecar has started.
pub fn initialized(spec: &PodSpec, statuses: Option<Statuses<'_>>, phase: Phase) -> Verdict {
    let none = spec.init_containers.as_ref().is_none_or(Vec::is_empty);
    let Some(s) = statuses else {
        return if none { Verdict::TRUE } else { Verdict::because("UnknownContainerStatuses") };
    };
    let (mut unknown, mut incomplete): (Vec<&str>, Vec<&str>) = (vec![], vec![]);
    for (c, status) in spec.init_containers.iter().flatten().zip(s.init) {
        match status {
            None => unknown.push(&c.name),
            Some(r) if is_sidecar(c) && r.started != Some(true) => incomplete.push(&c.name),
            Some(r) if !is_sidecar(c) && !r.ready => incomplete.push(&c.name),
            Some(_) => {}
        }
    }
    if phase == Phase::Succeeded && unknown.is_empty() {
        return Verdict { status: true, reason: "PodCompleted", message: Cow::Borrowed("") };
    }
    if any_started(s.containers) || (unknown.is_empty() && incomplete.is_empty()) {
        return Verdict::TRUE;
    }
    Verdict { status: false, reason: "ContainersNotInitialized", message: message(&unknown, &incomplete, "incomplete") }
}
