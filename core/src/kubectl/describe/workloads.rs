//! What makes pods.

use super::Describer;
use super::pod::template;
use super::text::{controller, head, items, labels_indented, meta, n, none, plain, s, time, unset};
use crate::apiserver::printers::{self, seconds, selector, span};
use crate::kubectl::errors::CmdError;
use serde_json::Value;

type Done = Result<(), CmdError>;

pub(super) fn deployment(o: &Value, d: &mut Describer) -> Done {
    let (spec, status, m) = (&o["spec"], &o["status"], &o["metadata"]);
    let w = &mut d.w;
    head(w, o);
    w.pair(0, "CreationTimestamp", time(&m["creationTimestamp"]));
    meta(w, o);
    w.pair(0, "Selector", selector(&spec["selector"]));
    w.pair(
        0,
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            n(&spec["replicas"]),
            n(&status["updatedReplicas"]),
            n(&status["replicas"]),
            n(&status["availableReplicas"]),
            n(&status["unavailableReplicas"])
        ),
    );
    w.pair(0, "StrategyType", s(&spec["strategy"]["type"]));
    w.pair(0, "MinReadySeconds", n(&spec["minReadySeconds"]).to_string());
    let rolling = &spec["strategy"]["rollingUpdate"];
    if !rolling.is_null() {
        let text =
            format!("{} max unavailable, {} max surge", plain(&rolling["maxUnavailable"]), plain(&rolling["maxSurge"]));
        w.pair(0, "RollingUpdateStrategy", text);
    }
    template(w, &spec["template"]);
    conditions(d, items(&status["conditions"]));
    let sets = d.list("replicasets.apps", s(&m["namespace"]), &selector(&spec["selector"]), "");
    let owned: Vec<&Value> = sets.iter().filter(|r| owned_by(r, o)).collect();
    let newest = new_replica_set(&owned, &spec["template"]);
    let show = |r: &Value| {
        format!(
            "{} ({}/{} replicas created)",
            s(&r["metadata"]["name"]),
            n(&r["status"]["replicas"]),
            n(&r["spec"]["replicas"])
        )
    };
    let old: Vec<String> = owned
        .iter()
        .filter(|r| newest.is_none_or(|x| x["metadata"]["uid"] != r["metadata"]["uid"]))
        .map(|r| show(r))
        .collect();
    d.w.pair(0, "OldReplicaSets", none(&old.join(", ")));
    d.w.pair(0, "NewReplicaSet", newest.map_or_else(|| "<none>".to_string(), show));
    d.events(o);
    Ok(())
}

fn owned_by(o: &Value, owner: &Value) -> bool {
    items(&o["metadata"]["ownerReferences"])
        .iter()
        .any(|r| r["controller"] == true && r["uid"] == owner["metadata"]["uid"])
}

/// The oldest ReplicaSet whose template is the deployment's. (Models deployment util FindNewReplicaSet.)
fn new_replica_set<'a>(sets: &[&'a Value], template: &Value) -> Option<&'a Value> {
    let bare = |t: &Value| {
        let mut t = t.clone();
        if let Some(l) = t["metadata"]["labels"].as_object_mut() {
            l.remove("pod-template-hash");
        }
        if let Some(m) = t["metadata"].as_object_mut() {
            m.remove("creationTimestamp");
        }
        t
    };
    let wanted = bare(template);
    let mut same: Vec<&Value> = sets.iter().copied().filter(|r| bare(&r["spec"]["template"]) == wanted).collect();
    same.sort_by_key(|r| (s(&r["metadata"]["creationTimestamp"]).to_string(), s(&r["metadata"]["name"]).to_string()));
    same.first().copied()
}

fn conditions(d: &mut Describer, list: &[Value]) {
    if list.is_empty() {
        return;
    }
    d.w.line(0, "Conditions:\n  Type\tStatus\tReason");
    d.w.line(1, "----\t------\t------");
    for c in list {
        d.w.line(1, format!("{} \t{}\t{}", s(&c["type"]), s(&c["status"]), s(&c["reason"])));
    }
}

/// Phases of the pods of a controller.
fn pods_status(o: &Value, label_selector: &str, d: &mut Describer) -> String {
    let pods = d.list("pods", s(&o["metadata"]["namespace"]), label_selector, "");
    let count = |phase: &str| pods.iter().filter(|p| owned_by(p, o) && p["status"]["phase"] == phase).count();
    format!(
        "{} Running / {} Waiting / {} Succeeded / {} Failed",
        count("Running"),
        count("Pending"),
        count("Succeeded"),
        count("Failed")
    )
}

pub(super) fn replica_set(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let chosen = if o["kind"] == "ReplicationController" {
        printers::labels(&spec["selector"])
    } else {
        selector(&spec["selector"])
    };
    head(&mut d.w, o);
    d.w.pair(0, "Selector", &chosen);
    meta(&mut d.w, o);
    controller(&mut d.w, o);
    d.w.pair(0, "Replicas", format!("{} current / {} desired", n(&status["replicas"]), n(&spec["replicas"])));
    let pods = pods_status(o, &chosen, d);
    d.w.pair(0, "Pods Status", pods);
    template(&mut d.w, &spec["template"]);
    conditions(d, items(&status["conditions"]));
    d.events(o);
    Ok(())
}

pub(super) fn stateful_set(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let chosen = selector(&spec["selector"]);
    let w = &mut d.w;
    head(w, o);
    w.pair(0, "CreationTimestamp", time(&o["metadata"]["creationTimestamp"]));
    w.pair(0, "Selector", &chosen);
    meta(w, o);
    w.pair(0, "Replicas", format!("{} desired | {} total", n(&spec["replicas"]), n(&status["replicas"])));
    w.pair(0, "Update Strategy", s(&spec["updateStrategy"]["type"]));
    let rolling = &spec["updateStrategy"]["rollingUpdate"];
    if !rolling["partition"].is_null() {
        w.pair(1, "Partition", plain(&rolling["partition"]));
        if !rolling["maxUnavailable"].is_null() {
            w.pair(1, "MaxUnavailable", plain(&rolling["maxUnavailable"]));
        }
    }
    let pods = pods_status(o, &chosen, d);
    let w = &mut d.w;
    w.pair(0, "Pods Status", pods);
    template(w, &spec["template"]);
    let claims = items(&spec["volumeClaimTemplates"]);
    if claims.is_empty() {
        w.pair(0, "Volume Claims", "<none>");
    } else {
        w.line(0, "Volume Claims:");
        for c in claims {
            w.pair(1, "Name", s(&c["metadata"]["name"]));
            w.pair(1, "StorageClass", s(&c["spec"]["storageClassName"]));
            labels_indented(w, "  ", "Labels", &c["metadata"]["labels"]);
            labels_indented(w, "  ", "Annotations", &c["metadata"]["annotations"]);
            let size = plain(&c["spec"]["resources"]["requests"]["storage"]);
            w.pair(1, "Capacity", if size.is_empty() { "<default>" } else { &size });
            let modes: Vec<&str> = items(&c["spec"]["accessModes"]).iter().map(s).collect();
            w.pair(1, "Access Modes", format!("[{}]", modes.join(" ")));
        }
    }
    d.events(o);
    Ok(())
}

pub(super) fn daemon_set(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let chosen = selector(&spec["selector"]);
    let w = &mut d.w;
    head(w, o);
    w.pair(0, "Selector", &chosen);
    w.pair(0, "Node-Selector", printers::labels(&spec["template"]["spec"]["nodeSelector"]));
    meta(w, o);
    for (title, key) in [
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ] {
        w.line(0, format!("{title}: {}", n(&status[key])));
    }
    let pods = pods_status(o, &chosen, d);
    d.w.pair(0, "Pods Status", pods);
    template(&mut d.w, &spec["template"]);
    d.events(o);
    Ok(())
}

pub(super) fn job(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let w = &mut d.w;
    head(w, o);
    w.pair(0, "Selector", selector(&spec["selector"]));
    meta(w, o);
    controller(w, o);
    w.pair(0, "Parallelism", plain(&spec["parallelism"]));
    w.pair(0, "Completions", unset(&spec["completions"]));
    w.pair(0, "Completion Mode", s(&spec["completionMode"]));
    w.pair(0, "Suspend", (spec["suspend"] == true).to_string());
    w.pair(0, "Backoff Limit", plain(&spec["backoffLimit"]));
    if !spec["ttlSecondsAfterFinished"].is_null() {
        w.pair(0, "TTL Seconds After Finished", plain(&spec["ttlSecondsAfterFinished"]));
    }
    let (start, end) = (&status["startTime"], &status["completionTime"]);
    if !start.is_null() {
        w.pair(0, "Start Time", time(start));
    }
    if !end.is_null() {
        w.pair(0, "Completed At", time(end));
    }
    if let (Some(a), Some(b)) = (seconds(start), seconds(end)) {
        w.pair(0, "Duration", span(b - a));
    }
    if !spec["activeDeadlineSeconds"].is_null() {
        w.pair(0, "Active Deadline Seconds", format!("{}s", n(&spec["activeDeadlineSeconds"])));
    }
    let ready = if status["ready"].is_null() { String::new() } else { format!(" ({} Ready)", n(&status["ready"])) };
    let (active, good, bad) = (n(&status["active"]), n(&status["succeeded"]), n(&status["failed"]));
    w.pair(0, "Pods Statuses", format!("{active} Active{ready} / {good} Succeeded / {bad} Failed"));
    if spec["completionMode"] == "Indexed" {
        w.pair(0, "Completed Indexes", none(s(&status["completedIndexes"])));
    }
    template(w, &spec["template"]);
    d.events(o);
    Ok(())
}

pub(super) fn cron_job(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.pair(0, "Schedule", s(&spec["schedule"]));
    w.pair(0, "Concurrency Policy", s(&spec["concurrencyPolicy"]));
    let suspend = match &spec["suspend"] {
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        _ => "<unset>",
    };
    w.pair(0, "Suspend", suspend);
    w.pair(0, "Time Zone", unset(&spec["timeZone"]));
    w.pair(0, "Successful Job History Limit", unset(&spec["successfulJobsHistoryLimit"]));
    w.pair(0, "Failed Job History Limit", unset(&spec["failedJobsHistoryLimit"]));
    let deadline = &spec["startingDeadlineSeconds"];
    w.pair(
        0,
        "Starting Deadline Seconds",
        if deadline.is_null() { unset(deadline) } else { format!("{}s", n(deadline)) },
    );
    let job = &spec["jobTemplate"]["spec"];
    let chosen = if job["selector"].is_null() { "<unset>".into() } else { selector(&job["selector"]) };
    w.pair(0, "Selector", chosen);
    w.pair(0, "Parallelism", unset(&job["parallelism"]));
    w.pair(0, "Completions", unset(&job["completions"]));
    if !job["activeDeadlineSeconds"].is_null() {
        w.pair(0, "Active Deadline Seconds", format!("{}s", n(&job["activeDeadlineSeconds"])));
    }
    template(w, &job["template"]);
    let last = &status["lastScheduleTime"];
    w.pair(0, "Last Schedule Time", if last.is_null() { "<unset>".into() } else { time(last) });
    let active: Vec<&str> = items(&status["active"]).iter().map(|a| s(&a["name"])).collect();
    w.pair(0, "Active Jobs", none(&active.join(", ")));
    d.events(o);
    Ok(())
}

pub(super) fn hpa(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let target = &spec["scaleTargetRef"];
    let w = &mut d.w;
    head(w, o);
    meta(w, o);
    w.pair(0, "CreationTimestamp", time(&o["metadata"]["creationTimestamp"]));
    w.pair(0, "Reference", format!("{}/{}", s(&target["kind"]), s(&target["name"])));
    w.pair(0, "Metrics", "( current / target )");
    for (i, m) in items(&spec["metrics"]).iter().enumerate() {
        let current = items(&status["currentMetrics"]).get(i).unwrap_or(&Value::Null);
        w.line(1, metric(m, current));
    }
    w.pair(0, "Min replicas", unset(&spec["minReplicas"]));
    w.pair(0, "Max replicas", plain(&spec["maxReplicas"]));
    if !spec["behavior"].is_null() {
        w.line(0, "Behavior:");
        for (title, key) in [("Scale Up", "scaleUp"), ("Scale Down", "scaleDown")] {
            let rules = &spec["behavior"][key];
            if rules.is_null() {
                continue;
            }
            w.line(1, format!("{title}:"));
            if !rules["stabilizationWindowSeconds"].is_null() {
                w.line(2, format!("Stabilization Window: {} seconds", n(&rules["stabilizationWindowSeconds"])));
            }
            if !items(&rules["policies"]).is_empty() {
                w.line(
                    2,
                    format!(
                        "Select Policy: {}",
                        match s(&rules["selectPolicy"]) {
                            "" => "Max",
                            p => p,
                        }
                    ),
                );
                w.line(2, "Policies:");
                for p in items(&rules["policies"]) {
                    let text = format!(
                        "- Type: {}\tValue: {}\tPeriod: {} seconds",
                        s(&p["type"]),
                        n(&p["value"]),
                        n(&p["periodSeconds"])
                    );
                    w.line(3, text);
                }
            }
        }
    }
    let counts = format!("{} current / {} desired", n(&status["currentReplicas"]), n(&status["desiredReplicas"]));
    w.pair(0, &format!("{} pods", s(&target["kind"])), counts);
    let list = items(&status["conditions"]);
    if !list.is_empty() {
        w.line(0, "Conditions:\n  Type\tStatus\tReason\tMessage");
        w.line(1, "----\t------\t------\t-------");
        for c in list {
            w.line(1, format!("{}\t{}\t{}\t{}", s(&c["type"]), s(&c["status"]), s(&c["reason"]), s(&c["message"])));
        }
    }
    d.events(o);
    Ok(())
}

fn metric(m: &Value, current: &Value) -> String {
    let known = |v: &Value| v.as_str().unwrap_or("<unknown>").to_string();
    match s(&m["type"]) {
        "Resource" | "ContainerResource" => {
            let key = if m["type"] == "Resource" { "resource" } else { "containerResource" };
            let (r, now) = (&m[key], &current[key]["current"]);
            let mut what = format!("resource {}", s(&r["name"]));
            if key == "containerResource" {
                what += &format!(" of container {:?}", s(&r["container"]));
            }
            what += " on pods";
            match r["target"]["averageUtilization"].as_i64() {
                None => format!("{what}:\t{} / {}", known(&now["averageValue"]), s(&r["target"]["averageValue"])),
                Some(wanted) => {
                    let used = now["averageUtilization"]
                        .as_i64()
                        .map_or("<unknown>".to_string(), |u| format!("{u}% ({})", s(&now["averageValue"])));
                    format!("{what}  (as a percentage of request):\t{used} / {wanted}%")
                }
            }
        }
        "Pods" => {
            let (p, now) = (&m["pods"], &current["pods"]["current"]);
            let (used, wanted) = (known(&now["averageValue"]), s(&p["target"]["averageValue"]));
            format!("{:?} on pods:\t{used} / {wanted}", s(&p["metric"]["name"]))
        }
        "Object" => {
            let (x, now) = (&m["object"], &current["object"]["current"]);
            let on = format!("{}/{}", s(&x["describedObject"]["kind"]), s(&x["describedObject"]["name"]));
            let name = s(&x["metric"]["name"]);
            if x["target"]["averageValue"].is_null() {
                format!("{name:?} on {on} (target value):\t{} / {}", known(&now["value"]), s(&x["target"]["value"]))
            } else {
                let wanted = s(&x["target"]["averageValue"]);
                format!("{name:?} on {on} (target average value):\t{} / {wanted}", known(&now["averageValue"]))
            }
        }
        "External" => {
            let (x, now) = (&m["external"], &current["external"]["current"]);
            let name = s(&x["metric"]["name"]);
            if x["target"]["averageValue"].is_null() {
                format!("{name:?} (target value):\t{} / {}", known(&now["value"]), s(&x["target"]["value"]))
            } else {
                let wanted = s(&x["target"]["averageValue"]);
                format!("{name:?} (target average value):\t{} / {wanted}", known(&now["averageValue"]))
            }
        }
        other => format!("<unknown metric type {other:?}>"),
    }
}

pub(super) fn pdb(o: &Value, d: &mut Describer) -> Done {
    let (spec, status) = (&o["spec"], &o["status"]);
    let w = &mut d.w;
    head(w, o);
    for (title, key) in [("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable")] {
        if !spec[key].is_null() {
            w.pair(0, title, plain(&spec[key]));
        }
    }
    let chosen = if spec["selector"].is_null() { "<unset>".into() } else { selector(&spec["selector"]) };
    w.pair(0, "Selector", chosen);
    w.line(0, "Status:");
    for (title, key) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        w.pair(2, title, n(&status[key]).to_string());
    }
    d.events(o);
    Ok(())
}
