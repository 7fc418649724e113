//! Versions: kinds that the API serves in more than one, and the way between these and the one that is stored.
//! (Models pkg/apis/autoscaling/v1 conversion and pkg/apis/core's events.)

use crate::api::kinds::{ResourceInfo, Support};
use crate::store::Kind;
use serde_json::{Map, Value, json};

/// The stored kind behind a resource; `None`: it is not simulated.
pub fn stored(info: &ResourceInfo) -> Option<Kind> {
    match (info.group, info.version, info.kind) {
        ("autoscaling", "v1", "HorizontalPodAutoscaler") => Some(Kind::HorizontalPodAutoscaler),
        ("events.k8s.io", "v1", "Event") => Some(Kind::Event),
        _ if info.support != Support::NotYet => Kind::of_info(info),
        _ => None,
    }
}

/// An object in the version that is stored.
pub fn to_stored(info: &ResourceInfo, mut v: Value) -> Value {
    match (info.group, info.version, info.kind) {
        ("autoscaling", "v1", "HorizontalPodAutoscaler") => hpa_to_v2(&mut v),
        ("events.k8s.io", "v1", "Event") => event_to_core(&mut v),
        _ => {}
    }
    v
}

/// A stored object in the version of a resource.
pub fn from_stored(info: &ResourceInfo, mut v: Value) -> Value {
    match (info.group, info.version, info.kind) {
        ("autoscaling", "v1", "HorizontalPodAutoscaler") => hpa_to_v1(&mut v),
        ("events.k8s.io", "v1", "Event") => event_from_core(&mut v),
        // versions of custom resources differ in nothing else
        _ if info.table.is_some() => v["apiVersion"] = info.api_version().into(),
        _ => {}
    }
    v
}

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

fn take(v: &mut Value, key: &str) -> Option<Value> {
    v.as_object_mut()?.remove(key).filter(|v| !v.is_null())
}

fn hpa_to_v2(v: &mut Value) {
    v["apiVersion"] = "autoscaling/v2".into();
    let percent = take(&mut v["spec"], "targetCPUUtilizationPercentage");
    let mut metrics = vec![];
    let parsed = |v: Option<Value>| v.and_then(|v| serde_json::from_str::<Value>(v.as_str()?).ok());
    if let Some(percent) = percent {
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": percent}}}));
    }
    if let Some(a) = v["metadata"].get_mut("annotations") {
        if let Some(Value::Array(more)) = parsed(take(a, METRICS)) {
            metrics.extend(more);
        }
        take(a, CURRENT);
        take(a, CONDITIONS);
        if let Some(behavior) = parsed(take(a, BEHAVIOR)) {
            v["spec"]["behavior"] = behavior;
        }
    }
    drop_empty_annotations(v);
    if !metrics.is_empty() {
        v["spec"]["metrics"] = metrics.into();
    }
    if let Some(status) = v.get_mut("status") {
        take(status, "currentCPUUtilizationPercentage");
    }
}

fn drop_empty_annotations(v: &mut Value) {
    if v["metadata"].get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty) {
        take(&mut v["metadata"], "annotations");
    }
}

fn hpa_to_v1(v: &mut Value) {
    v["apiVersion"] = "autoscaling/v1".into();
    let is_cpu = |m: &Value| m["type"] == "Resource" && m["resource"]["name"] == "cpu";
    let mut notes: Vec<(&str, String)> = vec![];
    let mut others = vec![];
    for m in take(&mut v["spec"], "metrics").as_ref().and_then(Value::as_array).into_iter().flatten() {
        match &m["resource"]["target"]["averageUtilization"] {
            Value::Number(n) if is_cpu(m) => v["spec"]["targetCPUUtilizationPercentage"] = n.clone().into(),
            _ => others.push(m.clone()),
        }
    }
    if !others.is_empty() {
        notes.push((METRICS, Value::Array(others).to_string()));
    }
    if let Some(behavior) = take(&mut v["spec"], "behavior") {
        notes.push((BEHAVIOR, behavior.to_string()));
    }
    if let Some(status) = v.get_mut("status").filter(|s| s.is_object()) {
        if let Some(conditions) = take(status, "conditions") {
            notes.push((CONDITIONS, conditions.to_string()));
        }
        if let Some(Value::Array(current)) = take(status, "currentMetrics") {
            let (cpu, rest): (Vec<Value>, Vec<Value>) = current
                .into_iter()
                .partition(|m| is_cpu(m) && m["resource"]["current"]["averageUtilization"].is_number());
            if let Some(m) = cpu.first() {
                status["currentCPUUtilizationPercentage"] = m["resource"]["current"]["averageUtilization"].clone();
            }
            if !rest.is_empty() {
                notes.push((CURRENT, Value::Array(rest).to_string()));
            }
        }
    }
    for (key, text) in notes {
        v["metadata"]["annotations"][key] = text.into();
    }
}

/// Fields of an event in `events.k8s.io/v1`, and in the core group.
const EVENT: &[(&str, &str)] = &[
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("deprecatedSource", "source"),
    ("reportingController", "reportingComponent"),
];

fn event_to_core(v: &mut Value) {
    v["apiVersion"] = "v1".into();
    for (new, core) in EVENT {
        if let Some(x) = take(v, new) {
            v[*core] = x;
        }
    }
}

fn event_from_core(v: &mut Value) {
    v["apiVersion"] = "events.k8s.io/v1".into();
    for (new, core) in EVENT {
        if let Some(x) = take(v, core) {
            v[*new] = x;
        }
    }
    if v.get("eventTime").is_none() {
        v["eventTime"] = Value::Null;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::kinds;

    #[test]
    fn an_autoscaler_goes_there_and_back() {
        let v1 = kinds::by_kind("autoscaling/v1", "HorizontalPodAutoscaler").unwrap();
        let object = json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"},
            "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50},
        });
        let stored = to_stored(v1, object.clone());
        assert_eq!(stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 50);
        assert_eq!(from_stored(v1, stored), object);
        let memory = json!({"type": "Resource", "resource": {"name": "memory",
            "target": {"type": "Utilization", "averageUtilization": 60}}});
        let v2 = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"},
            "spec": {"maxReplicas": 3, "metrics": [memory]}});
        let shown = from_stored(v1, v2.clone());
        assert!(shown["metadata"]["annotations"][METRICS].is_string());
        assert_eq!(to_stored(v1, shown), v2);
    }
}
