//! Ephemeral containers: what `kubectl debug` adds to a pod that runs. They stand after the regular ones in a plan, are
//! started as soon as the pod has its sandbox, and never again; a pod's phase and conditions know nothing of them.

use super::plan::Plan;
use super::pod_worker::PodWork;
use super::run::Run;
use crate::store::pod::api_container_status;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, EphemeralContainer, PodSpec, PodStatus};
use std::sync::Arc;

/// The ephemeral containers of a spec, as containers.
pub fn containers(spec: &PodSpec) -> Vec<Container> {
    spec.ephemeral_containers.iter().flatten().map(as_container).collect()
}

/// What an ephemeral container has in common with others.
fn as_container(e: &EphemeralContainer) -> Container {
    let e = e.clone();
    Container {
        name: e.name,
        image: e.image,
        image_pull_policy: e.image_pull_policy,
        command: e.command,
        args: e.args,
        env: e.env,
        env_from: e.env_from,
        stdin: e.stdin,
        stdin_once: e.stdin_once,
        tty: e.tty,
        security_context: e.security_context,
        termination_message_path: e.termination_message_path,
        termination_message_policy: e.termination_message_policy,
        volume_devices: e.volume_devices,
        volume_mounts: e.volume_mounts,
        working_dir: e.working_dir,
        ..Container::default()
    }
}

/// Containers have been added to a pod, in whatever place: its work gets one for each, and those that are there keep
/// theirs.
pub(super) fn grow(work: &mut PodWork, old: &Plan, plan: &Plan) {
    let names = |p: &Plan| p.containers.iter().skip(p.regular).map(|c| c.name.clone()).collect::<Vec<_>>();
    let (before, now) = (names(old), names(plan));
    if before == now {
        return;
    }
    let mut there: Vec<Option<Run>> = work.runs.drain(plan.regular.min(work.runs.len())..).map(Some).collect();
    for name in now {
        let kept = before.iter().position(|b| *b == name).and_then(|i| there.get_mut(i)?.take());
        work.runs.push(kept.unwrap_or_else(|| Run::new("ContainerCreating")));
    }
    work.image_errors.retain(|i, _| *i < plan.regular);
}

/// Writes what has become of them into a status; other parts of it stay.
pub(super) fn tell(work: &PodWork, plan: &Plan, more: &mut Option<Arc<PodStatus>>) {
    let names = plan.containers.iter().zip(&work.runs).skip(plan.regular);
    let list: Vec<ContainerStatus> = names
        .map(|(c, run)| {
            let mut record = run.record.clone();
            // nobody probes them
            (record.ready, record.started) = (false, None);
            api_container_status((&c.name, &c.image), &record)
        })
        .collect();
    let told = (!list.is_empty()).then_some(list);
    if more.as_ref().and_then(|m| m.ephemeral_container_statuses.as_ref()) != told.as_ref() {
        let mut status = more.as_deref().cloned().unwrap_or_default();
        status.ephemeral_container_statuses = told;
        *more = (status != PodStatus::default()).then(|| Arc::new(status));
    }
}
