//! The row of a pod.

use super::{Column, Printer, UnixSeconds, age, c, int, items, name, or, seconds, span, text, w};
use serde_json::Value;

pub(super) static PRINTERS: &[Printer] = &[Printer { group: "", kind: "Pod", columns: COLUMNS, row }];

static COLUMNS: &[Column] = &[
    c("NAME"),
    c("READY"),
    c("STATUS"),
    c("RESTARTS"),
    c("AGE"),
    w("IP"),
    w("NODE"),
    w("NOMINATED NODE"),
    w("READINESS GATES"),
];

/// What the STATUS, READY and RESTARTS columns say of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodSummary {
    /// STATUS
    pub reason: String,
    /// Containers that are ready.
    pub ready: usize,
    /// Containers in all, sidecars included.
    pub total: usize,
    /// Restarts of the containers that count.
    pub restarts: i64,
    /// When the last of them ended, in Unix seconds.
    pub last_restart: Option<UnixSeconds>,
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    items(&pod["status"]["conditions"]).iter().find(|c| c["type"] == kind)
}

fn ended(container: &Value) -> Option<UnixSeconds> {
    // the internal form calls it lastTerminationState
    let last =
        if container["lastState"].is_null() { &container["lastTerminationState"] } else { &container["lastState"] };
    seconds(&last["terminated"]["finishedAt"])
}

/// The words for a terminated container that gives no reason.
fn exit_text(terminated: &Value) -> String {
    match int(&terminated["signal"]) {
        0 => format!("ExitCode:{}", int(&terminated["exitCode"])),
        n => format!("Signal:{n}"),
    }
}

/// Sums a pod up. (Models printers.printPod.)
pub fn pod_status(pod: &Value) -> PodSummary {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let mut s = PodSummary { total: items(&spec["containers"]).len(), ..PodSummary::default() };
    let phase = text(&status["phase"]);
    s.reason = if text(&status["reason"]).is_empty() { phase.clone() } else { text(&status["reason"]) };
    if condition(pod, "PodScheduled").is_some_and(|c| c["reason"] == "SchedulingGated") {
        s.reason = "SchedulingGated".into();
    }
    let init = items(&spec["initContainers"]);
    let sidecar = |name: &Value| init.iter().any(|c| c["name"] == *name && c["restartPolicy"] == "Always");
    s.total += init.iter().filter(|c| c["restartPolicy"] == "Always").count();

    let mut initializing = false;
    let (mut sidecar_restarts, mut sidecar_ended) = (0, None);
    for (i, container) in items(&status["initContainerStatuses"]).iter().enumerate() {
        s.restarts += int(&container["restartCount"]);
        s.last_restart = s.last_restart.max(ended(container));
        let restartable = sidecar(&container["name"]);
        if restartable {
            sidecar_restarts += int(&container["restartCount"]);
            sidecar_ended = sidecar_ended.max(ended(container));
        }
        let state = &container["state"];
        let (terminated, waiting) = (&state["terminated"], text(&state["waiting"]["reason"]));
        if !terminated.is_null() && int(&terminated["exitCode"]) == 0 {
            continue;
        }
        if restartable && container["started"] == true {
            s.ready += usize::from(container["ready"] == true);
            continue;
        }
        s.reason = if !terminated.is_null() {
            let why = text(&terminated["reason"]);
            format!("Init:{}", if why.is_empty() { exit_text(terminated) } else { why })
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{i}/{}", init.len())
        };
        initializing = true;
        break;
    }

    if !initializing || condition(pod, "Initialized").is_some_and(|c| c["status"] == "True") {
        s.restarts = sidecar_restarts;
        s.last_restart = sidecar_ended;
        let (mut running, mut error) = (false, None);
        for container in items(&status["containerStatuses"]).iter().rev() {
            s.restarts += int(&container["restartCount"]);
            s.last_restart = s.last_restart.max(ended(container));
            let state = &container["state"];
            let (waiting, terminated) = (text(&state["waiting"]["reason"]), &state["terminated"]);
            if !waiting.is_empty() {
                s.reason = waiting;
            } else if !terminated.is_null() {
                let why = text(&terminated["reason"]);
                s.reason = if why.is_empty() { exit_text(terminated) } else { why };
                if int(&terminated["exitCode"]) != 0 || int(&terminated["signal"]) != 0 {
                    error = Some(s.reason.clone());
                }
            } else if container["ready"] == true && !state["running"].is_null() {
                running = true;
                s.ready += 1;
            }
        }
        if s.reason == "Completed" {
            if let Some(e) = error {
                s.reason = e;
            } else if running {
                let ready = condition(pod, "Ready").is_some_and(|c| c["status"] == "True");
                s.reason = if ready { "Running" } else { "NotReady" }.into();
            }
        }
    }
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        if status["reason"] == "NodeLost" {
            s.reason = "Unknown".into();
        } else if phase != "Succeeded" && phase != "Failed" {
            s.reason = "Terminating".into();
        }
    }
    s
}

/// The RESTARTS column: `2 (5s ago)`.
pub fn restarts_text(s: &PodSummary, now: UnixSeconds) -> String {
    match s.last_restart {
        Some(t) if s.restarts != 0 => format!("{} ({} ago)", s.restarts, span(now - t)),
        _ => s.restarts.to_string(),
    }
}

fn row(pod: &Value, now: UnixSeconds) -> Vec<Value> {
    let s = pod_status(pod);
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let gates = items(&spec["readinessGates"]);
    let met = gates
        .iter()
        .filter(|g| {
            items(&status["conditions"]).iter().any(|c| c["type"] == g["conditionType"] && c["status"] == "True")
        })
        .count();
    let gates = if gates.is_empty() { "<none>".to_string() } else { format!("{met}/{}", gates.len()) };
    vec![
        name(pod),
        format!("{}/{}", s.ready, s.total).into(),
        s.reason.clone().into(),
        restarts_text(&s, now).into(),
        age(pod, now),
        or(text(&status["podIPs"][0]["ip"]), "<none>"),
        or(text(&spec["nodeName"]), "<none>"),
        or(text(&status["nominatedNodeName"]), "<none>"),
        gates.into(),
    ]
}
