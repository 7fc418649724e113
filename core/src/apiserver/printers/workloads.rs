//! Rows of what makes pods: workloads, jobs, autoscalers, disruption budgets.

use super::{
    Column, Printer, UnixSeconds, age, c, containers, int, items, labels, name, or, seconds, selector, since, span,
    text, w,
};
use serde_json::{Value, json};

pub(super) static PRINTERS: &[Printer] = &[
    Printer { group: "apps", kind: "Deployment", columns: DEPLOYMENT, row: deployment },
    Printer { group: "apps", kind: "ReplicaSet", columns: REPLICA_SET, row: replica_set },
    Printer { group: "apps", kind: "StatefulSet", columns: STATEFUL_SET, row: stateful_set },
    Printer { group: "apps", kind: "DaemonSet", columns: DAEMON_SET, row: daemon_set },
    Printer { group: "apps", kind: "ControllerRevision", columns: REVISION, row: controller_revision },
    Printer { group: "", kind: "ReplicationController", columns: REPLICA_SET, row: replication_controller },
    Printer { group: "batch", kind: "Job", columns: JOB, row: job },
    Printer { group: "batch", kind: "CronJob", columns: CRON_JOB, row: cron_job },
    Printer { group: "autoscaling", kind: "HorizontalPodAutoscaler", columns: HPA, row: hpa },
    Printer { group: "policy", kind: "PodDisruptionBudget", columns: PDB, row: pdb },
];

static DEPLOYMENT: &[Column] =
    &[c("NAME"), c("READY"), c("UP-TO-DATE"), c("AVAILABLE"), c("AGE"), w("CONTAINERS"), w("IMAGES"), w("SELECTOR")];
static REPLICA_SET: &[Column] =
    &[c("NAME"), c("DESIRED"), c("CURRENT"), c("READY"), c("AGE"), w("CONTAINERS"), w("IMAGES"), w("SELECTOR")];
static STATEFUL_SET: &[Column] = &[c("NAME"), c("READY"), c("AGE"), w("CONTAINERS"), w("IMAGES")];
static DAEMON_SET: &[Column] = &[
    c("NAME"),
    c("DESIRED"),
    c("CURRENT"),
    c("READY"),
    c("UP-TO-DATE"),
    c("AVAILABLE"),
    c("NODE SELECTOR"),
    c("AGE"),
    w("CONTAINERS"),
    w("IMAGES"),
    w("SELECTOR"),
];
static REVISION: &[Column] = &[c("NAME"), c("CONTROLLER"), c("REVISION"), c("AGE")];
static JOB: &[Column] =
    &[c("NAME"), c("STATUS"), c("COMPLETIONS"), c("DURATION"), c("AGE"), w("CONTAINERS"), w("IMAGES"), w("SELECTOR")];
static CRON_JOB: &[Column] = &[
    c("NAME"),
    c("SCHEDULE"),
    c("TIMEZONE"),
    c("SUSPEND"),
    c("ACTIVE"),
    c("LAST SCHEDULE"),
    c("AGE"),
    w("CONTAINERS"),
    w("IMAGES"),
    w("SELECTOR"),
];
static HPA: &[Column] = &[c("NAME"), c("REFERENCE"), c("TARGETS"), c("MINPODS"), c("MAXPODS"), c("REPLICAS"), c("AGE")];
static PDB: &[Column] = &[c("NAME"), c("MIN AVAILABLE"), c("MAX UNAVAILABLE"), c("ALLOWED DISRUPTIONS"), c("AGE")];

fn with_template(mut row: Vec<Value>, o: &Value, selector: Option<String>) -> Vec<Value> {
    row.extend(containers(&o["spec"]["template"]["spec"]));
    row.extend(selector.map(Value::from));
    row
}

fn deployment(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let s = &o["status"];
    let row = vec![
        name(o),
        format!("{}/{}", int(&s["readyReplicas"]), int(&o["spec"]["replicas"])).into(),
        int(&s["updatedReplicas"]).into(),
        int(&s["availableReplicas"]).into(),
        age(o, now),
    ];
    with_template(row, o, Some(selector(&o["spec"]["selector"])))
}

fn replicas(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let s = &o["status"];
    vec![
        name(o),
        int(&o["spec"]["replicas"]).into(),
        int(&s["replicas"]).into(),
        int(&s["readyReplicas"]).into(),
        age(o, now),
    ]
}

fn replica_set(o: &Value, now: UnixSeconds) -> Vec<Value> {
    with_template(replicas(o, now), o, Some(selector(&o["spec"]["selector"])))
}

fn replication_controller(o: &Value, now: UnixSeconds) -> Vec<Value> {
    with_template(replicas(o, now), o, Some(labels(&o["spec"]["selector"])))
}

fn stateful_set(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let ready = format!("{}/{}", int(&o["status"]["readyReplicas"]), int(&o["spec"]["replicas"]));
    with_template(vec![name(o), ready.into(), age(o, now)], o, None)
}

fn daemon_set(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let s = &o["status"];
    let row = vec![
        name(o),
        int(&s["desiredNumberScheduled"]).into(),
        int(&s["currentNumberScheduled"]).into(),
        int(&s["numberReady"]).into(),
        int(&s["updatedNumberScheduled"]).into(),
        int(&s["numberAvailable"]).into(),
        labels(&o["spec"]["template"]["spec"]["nodeSelector"]).into(),
        age(o, now),
    ];
    with_template(row, o, Some(selector(&o["spec"]["selector"])))
}

fn controller_revision(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let controller = items(&o["metadata"]["ownerReferences"]).iter().find(|r| r["controller"] == true);
    let shown = controller.map_or_else(
        || "<none>".to_string(),
        |r| {
            let version = text(&r["apiVersion"]);
            let kind = text(&r["kind"]).to_lowercase();
            match version.split_once('/') {
                Some((group, _)) => format!("{kind}.{group}/{}", text(&r["name"])),
                None => format!("{kind}/{}", text(&r["name"])),
            }
        },
    );
    vec![name(o), shown.into(), int(&o["revision"]).into(), age(o, now)]
}

fn has(o: &Value, condition: &str) -> bool {
    items(&o["status"]["conditions"]).iter().any(|c| c["type"] == condition && c["status"] == "True")
}

fn job(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (spec, s) = (&o["spec"], &o["status"]);
    let done = int(&s["succeeded"]);
    let completions = match (spec["completions"].as_i64(), int(&spec["parallelism"])) {
        (Some(n), _) => format!("{done}/{n}"),
        (None, p) if p > 1 => format!("{done}/1 of {p}"),
        _ => format!("{done}/1"),
    };
    let duration = match (seconds(&s["startTime"]), seconds(&s["completionTime"])) {
        (None, _) => String::new(),
        (Some(from), None) => span(now - from),
        (Some(from), Some(to)) => span(to - from),
    };
    let status = if has(o, "Complete") {
        "Complete"
    } else if has(o, "Failed") {
        "Failed"
    } else if !o["metadata"]["deletionTimestamp"].is_null() {
        "Terminating"
    } else if has(o, "Suspended") {
        "Suspended"
    } else if has(o, "FailureTarget") {
        "FailureTarget"
    } else if has(o, "SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let row = vec![name(o), status.into(), completions.into(), duration.into(), age(o, now)];
    with_template(row, o, Some(selector(&spec["selector"])))
}

fn cron_job(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (spec, s) = (&o["spec"], &o["status"]);
    let last = if s["lastScheduleTime"].is_null() { "<none>".into() } else { since(&s["lastScheduleTime"], now) };
    let suspend = match &spec["suspend"] {
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        _ => "<unset>",
    };
    let mut row = vec![
        name(o),
        text(&spec["schedule"]).into(),
        or(text(&spec["timeZone"]), "<none>"),
        suspend.into(),
        items(&s["active"]).len().into(),
        last.into(),
        age(o, now),
    ];
    row.extend(containers(&spec["jobTemplate"]["spec"]["template"]["spec"]));
    row.push(selector(&spec["jobTemplate"]["spec"]["selector"]).into());
    row
}

/// The TARGETS column; metrics beyond the second are only counted. (Models formatHPAMetrics.)
fn targets(specs: &[Value], current: &[Value]) -> String {
    if specs.is_empty() {
        return "<none>".into();
    }
    let mut list = vec![];
    for (i, spec) in specs.iter().enumerate() {
        let kind = text(&spec["type"]);
        let (key, named) = match kind.as_str() {
            "External" => ("external", false),
            "Pods" => ("pods", false),
            "Object" => ("object", false),
            "Resource" => ("resource", true),
            "ContainerResource" => ("containerResource", true),
            _ => {
                list.push("<unknown type>".to_string());
                continue;
            }
        };
        let target = &spec[key]["target"];
        let now = current.get(i).map_or(&Value::Null, |c| &c[key]["current"]);
        let known = |v: &Value| v.as_str().map_or_else(|| "<unknown>".to_string(), str::to_string);
        let mut shown = if named {
            match target["averageUtilization"].as_i64() {
                Some(wanted) => {
                    let used = now["averageUtilization"].as_i64().map_or("<unknown>".into(), |n| format!("{n}%"));
                    format!("{used}/{wanted}%")
                }
                None => format!("{}/{}", known(&now["averageValue"]), text(&target["averageValue"])),
            }
        } else if !target["averageValue"].is_null() && (key != "object" || target["value"].is_null()) {
            let suffix = if key == "pods" { "" } else { " (avg)" };
            format!("{}/{}{suffix}", known(&now["averageValue"]), text(&target["averageValue"]))
        } else {
            format!("{}/{}", known(&now["value"]), text(&target["value"]))
        };
        if named {
            shown = format!("{}: {shown}", text(&spec[key]["name"]));
        }
        list.push(shown);
    }
    const SHOWN: usize = 2;
    if list.len() > SHOWN {
        let more = list.len() - SHOWN;
        return format!("{} + {more} more...", list[..SHOWN].join(", "));
    }
    list.join(", ")
}

fn hpa(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (spec, s) = (&o["spec"], &o["status"]);
    let target = &spec["scaleTargetRef"];
    vec![
        name(o),
        format!("{}/{}", text(&target["kind"]), text(&target["name"])).into(),
        targets(items(&spec["metrics"]), items(&s["currentMetrics"])).into(),
        spec["minReplicas"].as_i64().map_or_else(|| "<unset>".to_string(), |n| n.to_string()).into(),
        int(&spec["maxReplicas"]).into(),
        int(&s["currentReplicas"]).into(),
        age(o, now),
    ]
}

fn pdb(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let shown = |v: &Value| match v {
        Value::Null => json!("N/A"),
        Value::String(s) => json!(s),
        other => json!(other.to_string()),
    };
    vec![
        name(o),
        shown(&o["spec"]["minAvailable"]),
        shown(&o["spec"]["maxUnavailable"]),
        int(&o["status"]["disruptionsAllowed"]).into(),
        age(o, now),
    ]
}
