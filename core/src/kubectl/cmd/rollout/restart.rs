//! `kubectl rollout restart`, `pause` and `resume`: what they change in an object.
//!
//! Pure. Models kubectl `pkg/polymorphichelpers/objectrestarter.go`, `objectpauser.go`, `objectresumer.go`.

use serde_json::Value;

/// Marks the pod template with the moment, so that all pods are replaced.
///
/// # Errors
/// A paused Deployment, or a kind without rollouts.
pub fn restart(object: &mut Value, now: &str) -> Result<(), String> {
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" if object["spec"]["paused"] == true => {
            return Err("can't restart paused deployment (run rollout resume first)".into());
        }
        "Deployment" | "DaemonSet" | "StatefulSet" => {}
        _ => return Err("restarting is not supported".into()),
    }
    object["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = now.into();
    Ok(())
}

/// Stops rollouts of a Deployment.
///
/// # Errors
/// It is paused already, or is no Deployment.
pub fn pause(object: &mut Value) -> Result<(), String> {
    if object["kind"] != "Deployment" {
        return Err("pausing is not supported".into());
    }
    if object["spec"]["paused"] == true {
        return Err("is already paused".into());
    }
    object["spec"]["paused"] = true.into();
    Ok(())
}

/// Lets rollouts of a Deployment go on.
///
/// # Errors
/// It is not paused, or is no Deployment.
pub fn resume(object: &mut Value) -> Result<(), String> {
    if object["kind"] != "Deployment" {
        return Err("resuming is not supported".into());
    }
    if object["spec"]["paused"] != true {
        return Err("is not paused".into());
    }
    object["spec"]["paused"] = false.into();
    Ok(())
}
