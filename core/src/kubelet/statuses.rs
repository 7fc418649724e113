//! API container statuses from what the runtime reports and what was known before. Pure.
//! Models pkg/kubelet convertToAPIContainerStatuses.

use super::phase::is_sidecar;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
};

/// A container as the runtime lists it, newest first where a name comes more than once.
#[derive(Clone, Debug, PartialEq)]
pub struct RuntimeContainer {
    /// Its name.
    pub name: String,
    /// It runs; else it has exited.
    pub running: bool,
    /// Exit code of one that has exited.
    pub exit_code: i32,
}

/// What the statuses are made for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation {
    /// The pod has init containers.
    pub has_init: bool,
    /// These are the init containers.
    pub is_init: bool,
    /// The pod is being deleted.
    pub deleted: bool,
    /// All its containers are being restarted in place.
    pub restarting: bool,
}

/// Exit code of a container of which only that it is gone is known.
pub const LOST_EXIT_CODE: i32 = 137;
const RESTARTING: &str = "RestartingAllContainers";
const RESTARTING_TEXT: &str = "The container is removed because RestartAllContainers in place";

fn waiting(reason: &str, message: Option<&str>) -> ContainerState {
    let w = ContainerStateWaiting { reason: Some(reason.into()), message: message.map(Into::into) };
    ContainerState { waiting: Some(w), ..ContainerState::default() }
}

fn terminated(exit_code: i32, reason: Option<&str>, message: Option<&str>) -> ContainerState {
    let t = ContainerStateTerminated {
        exit_code,
        reason: reason.map(Into::into),
        message: message.map(Into::into),
        ..ContainerStateTerminated::default()
    };
    ContainerState { terminated: Some(t), ..ContainerState::default() }
}

/// The statuses of `containers`, in their order. `all` is every container of the pod that the runtime lists.
pub fn container_statuses(
    containers: &[Container],
    regular: &[Container],
    previous: &[ContainerStatus],
    all: &[RuntimeContainer],
    situation: Situation,
) -> Vec<ContainerStatus> {
    let initialized = all.iter().any(|r| regular.iter().any(|c| c.name == r.name));
    let reason = if situation.has_init { "PodInitializing" } else { "ContainerCreating" };
    containers
        .iter()
        .map(|c| {
            let old = previous.iter().find(|p| p.name == c.name);
            let mut status = ContainerStatus {
                name: c.name.clone(),
                image: c.image.clone().unwrap_or_default(),
                state: Some(waiting(reason, None)),
                ..ContainerStatus::default()
            };
            let was = old.and_then(|o| o.state.as_ref());
            let was_terminated = was.is_some_and(|s| s.terminated.is_some());
            if let Some(o) = old {
                status.restart_count = o.restart_count;
                status.last_state = o.last_state.clone().filter(|s| s.terminated.is_some());
                if was_terminated {
                    status = o.clone();
                }
            }
            let mut runs = all.iter().filter(|r| r.name == c.name);
            if let Some(run) = runs.next() {
                status.state = Some(if run.running {
                    ContainerState {
                        running: Some(ContainerStateRunning::default()),
                        ..ContainerState::default()
                    }
                } else {
                    terminated(run.exit_code, None, None)
                });
                if let Some(before) = runs.next().filter(|b| !b.running) {
                    status.last_state = Some(terminated(before.exit_code, None, None));
                }
                return status;
            }
            if situation.restarting && was_terminated {
                status.state = Some(waiting(RESTARTING, Some(RESTARTING_TEXT)));
                status.last_state = Some(terminated(LOST_EXIT_CODE, Some(RESTARTING), Some(RESTARTING_TEXT)));
                status.restart_count += 1;
            } else if was.is_some_and(|s| s.running.is_some()) {
                if status.last_state.is_none() {
                    let text =
                        "The container could not be located when the pod was deleted.  The container used to be Running";
                    status.last_state = Some(terminated(LOST_EXIT_CODE, Some("ContainerStatusUnknown"), Some(text)));
                    status.restart_count += i32::from(!situation.deleted);
                }
            } else if situation.is_init && initialized && !is_sidecar(c) && !was_terminated {
                let text = "Unable to get init container status from container runtime and pod has been initialized, \
                            treat it as exited normally";
                status.state = Some(terminated(0, Some("Completed"), Some(text)));
            }
            status
        })
        .collect()
}
