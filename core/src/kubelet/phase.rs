//! The phase of a pod from its spec and the statuses of its containers. Pure. Models pkg/kubelet getPhase.

use crate::store::pod::{ContainerRecord, Phase, RunState};
use k8s_openapi::api::core::v1::{Container, PodSpec};

/// An init container that goes on running beside the others: a sidecar.
pub fn is_sidecar(c: &Container) -> bool {
    c.restart_policy.as_deref() == Some("Always")
}

/// Is a container run again after it has exited with this code? Its own rules come first, then its own policy, then
/// the pod's. An init container that has done its work is not repeated. Models podutil.ContainerShouldRestart.
pub fn should_restart(spec: &PodSpec, c: &Container, exit_code: i32) -> bool {
    for rule in c.restart_policy_rules.iter().flatten() {
        let hit = rule.exit_codes.as_ref().is_some_and(|e| {
            let among = e.values.iter().flatten().any(|v| *v == exit_code);
            if e.operator == "NotIn" { !among } else { among }
        });
        if hit {
            return rule.action.starts_with("Restart");
        }
    }
    match c.restart_policy.as_deref().or(spec.restart_policy.as_deref()) {
        Some("Never") => false,
        Some("OnFailure") => exit_code != 0,
        _ => true,
    }
}

/// All containers of the pod are being started anew, and this one has been taken away for that.
fn restarting_all(c: &ContainerRecord) -> bool {
    matches!(&c.state, RunState::Waiting(reason, _) if reason == "RestartingAllContainers")
}

/// The exit code with which the container last ended, if it is not running and has ended before.
fn ended(c: &ContainerRecord) -> Option<(i32, bool)> {
    match &c.state {
        RunState::Terminated(t) => Some((t.exit_code, true)),
        RunState::Waiting(..) => c.last.as_ref().map(|t| (t.exit_code, false)),
        RunState::Running(_) => None,
    }
}

/// The phase. `statuses` and `init` go in the order of the spec; `None`: nothing is known of that container. `terminal`:
/// the pod has been stopped for good; `initialized`: a regular container has been started.
pub fn phase(
    spec: &PodSpec,
    statuses: &[Option<&ContainerRecord>],
    init: &[Option<&ContainerRecord>],
    terminal: bool,
    initialized: bool,
) -> Phase {
    let (mut unknown, mut running, mut waiting, mut stopped, mut succeeded) = (0, 0, 0, 0, 0);
    let (mut pending_init, mut pending_sidecars, mut failed_init, mut failed_for_good) = (0, 0, 0, 0);
    let mut again = false;
    // a pod whose regular containers are being started anew had been initialized before
    let initialized = initialized || statuses.iter().flatten().any(|s| restarting_all(s));
    for (i, c) in spec.init_containers.iter().flatten().enumerate() {
        let status = init.get(i).copied().flatten();
        if is_sidecar(c) {
            match status {
                None => unknown += 1,
                Some(s) => match &s.state {
                    RunState::Running(_) => {
                        pending_sidecars += i32::from(s.started != Some(true));
                        running += 1;
                    }
                    // a sidecar that has ended once does not count
                    RunState::Terminated(_) => {}
                    RunState::Waiting(..) if s.last.is_some() => {}
                    RunState::Waiting(..) => {
                        pending_sidecars += 1;
                        waiting += 1;
                    }
                },
            }
            continue;
        }
        match status.filter(|s| !restarting_all(s)).and_then(ended) {
            None => pending_init += 1,
            Some((0, _)) => {}
            Some((code, _)) => {
                failed_init += 1;
                failed_for_good += i32::from(!should_restart(spec, c, code));
            }
        }
    }
    for (i, c) in spec.containers.iter().enumerate() {
        match statuses.get(i).copied().flatten() {
            None => unknown += 1,
            Some(s) => match (&s.state, ended(s)) {
                (RunState::Running(_), _) => running += 1,
                (_, Some((code, now))) => {
                    stopped += 1;
                    succeeded += i32::from(now && code == 0);
                    again |= should_restart(spec, c, code);
                }
                _ => waiting += 1,
            },
        }
    }
    if failed_for_good > 0 {
        return Phase::Failed;
    }
    if pending_init > 0 || failed_init > 0 || (!initialized && pending_sidecars > 0) || waiting > 0 {
        return Phase::Pending;
    }
    if running > 0 && unknown == 0 {
        return Phase::Running;
    }
    if running == 0 && stopped > 0 && unknown == 0 {
        return match (terminal, again) {
            (false, true) => Phase::Running,
            _ if stopped == succeeded => Phase::Succeeded,
            _ => Phase::Failed,
        };
    }
    Phase::Pending
}
