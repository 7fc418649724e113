//! The texts of `kubectl rollout status`.
//!
//! Pure: an object in, a line out. Models kubectl `pkg/polymorphichelpers/rollout_status.go`.

use serde_json::Value;

/// One look at a rollout: the line to print and whether the rollout is over.
pub type Status = Result<(String, bool), String>;

/// Kinds whose rollout has a status.
pub const KINDS: &[&str] = &["Deployment", "DaemonSet", "StatefulSet"];

/// How far a Deployment, DaemonSet or StatefulSet is; `revision` 0: whichever runs.
///
/// # Errors
/// The rollout has failed, cannot be told (OnDelete), is of another revision, or the kind has no rollouts.
pub fn of(object: &Value, group_kind: &str, revision: i64) -> Status {
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" => deployment(object, revision),
        "DaemonSet" => daemon_set(object),
        "StatefulSet" => stateful_set(object),
        _ => Err(format!("no status viewer has been implemented for {group_kind}")),
    }
}

fn int(v: &Value) -> i64 {
    v.as_i64().unwrap_or_default()
}

fn observed(o: &Value) -> bool {
    int(&o["metadata"]["generation"]) <= int(&o["status"]["observedGeneration"])
}

fn name(o: &Value) -> &str {
    o["metadata"]["name"].as_str().unwrap_or_default()
}

fn deployment(d: &Value, revision: i64) -> Status {
    let name = name(d);
    if revision > 0 {
        let running =
            d["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str().unwrap_or("0").parse::<i64>();
        match running {
            Ok(r) if r == revision => {}
            Ok(r) => return Err(format!("desired revision ({revision}) is different from the running revision ({r})")),
            Err(e) => return Err(format!("cannot get the revision of deployment {name:?}: {e}")),
        }
    }
    let wait = |text: String| Ok((format!("Waiting for deployment {text}..."), false));
    if !observed(d) {
        return wait("spec update to be observed".into());
    }
    let s = &d["status"];
    let timed_out = |c: &Value| c["type"] == "Progressing" && c["reason"] == "ProgressDeadlineExceeded";
    if s["conditions"].as_array().is_some_and(|c| c.iter().any(timed_out)) {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let (total, updated, available) = (int(&s["replicas"]), int(&s["updatedReplicas"]), int(&s["availableReplicas"]));
    if let Some(wanted) = d["spec"]["replicas"].as_i64()
        && updated < wanted
    {
        return wait(format!("{name:?} rollout to finish: {updated} out of {wanted} new replicas have been updated"));
    }
    if total > updated {
        return wait(format!("{name:?} rollout to finish: {} old replicas are pending termination", total - updated));
    }
    if available < updated {
        return wait(format!("{name:?} rollout to finish: {available} of {updated} updated replicas are available"));
    }
    Ok((format!("deployment {name:?} successfully rolled out"), true))
}

fn rolling(o: &Value) -> Result<(), String> {
    // Every stored object has a type; none means the default, RollingUpdate.
    match o["spec"]["updateStrategy"]["type"].as_str() {
        None | Some("" | "RollingUpdate") => Ok(()),
        Some(_) => Err("rollout status is only available for RollingUpdate strategy type".into()),
    }
}

fn daemon_set(d: &Value) -> Status {
    rolling(d)?;
    if !observed(d) {
        return Ok(("Waiting for daemon set spec update to be observed...".into(), false));
    }
    let (name, s) = (name(d), &d["status"]);
    let (wanted, updated, available) =
        (int(&s["desiredNumberScheduled"]), int(&s["updatedNumberScheduled"]), int(&s["numberAvailable"]));
    let wait = |what: String| Ok((format!("Waiting for daemon set {name:?} rollout to finish: {what}..."), false));
    if updated < wanted {
        return wait(format!("{updated} out of {wanted} new pods have been updated"));
    }
    if available < wanted {
        return wait(format!("{available} of {wanted} updated pods are available"));
    }
    Ok((format!("daemon set {name:?} successfully rolled out"), true))
}

fn stateful_set(o: &Value) -> Status {
    rolling(o)?;
    let s = &o["status"];
    if int(&s["observedGeneration"]) == 0 || !observed(o) {
        return Ok(("Waiting for statefulset spec update to be observed...".into(), false));
    }
    let wanted = o["spec"]["replicas"].as_i64();
    let (ready, updated) = (int(&s["readyReplicas"]), int(&s["updatedReplicas"]));
    if let Some(wanted) = wanted
        && ready < wanted
    {
        return Ok((format!("Waiting for {} pods to be ready...", wanted - ready), false));
    }
    let rolling = &o["spec"]["updateStrategy"]["rollingUpdate"];
    if rolling.is_object() {
        if let (Some(wanted), Some(partition)) = (wanted, rolling["partition"].as_i64())
            && updated < wanted - partition
        {
            let text = format!(
                "Waiting for partitioned roll out to finish: {updated} out of {} new pods have been updated...",
                wanted - partition
            );
            return Ok((text, false));
        }
        return Ok((format!("partitioned roll out complete: {updated} new pods have been updated..."), true));
    }
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let (update, current) = (text(&s["updateRevision"]), text(&s["currentRevision"]));
    if update != current {
        let text = format!("waiting for statefulset rolling update to complete {updated} pods at revision {update}...");
        return Ok((text, false));
    }
    let n = int(&s["currentReplicas"]);
    Ok((format!("statefulset rolling update complete {n} pods at revision {current}..."), true))
}
