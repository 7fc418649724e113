//! What a resize of a pod may change. (Models ValidatePodResize.) Invariant: CPU and memory of containers, and of the pod
//! as a whole; they are never taken away, and the class of its quality of service stays.

use super::meta::validate_meta_update;
use super::pod::{MIRROR, validate_meta_and_spec};
use super::qos::qos_class;
use super::util::{child, has, index, items, text};
use crate::api::error::FieldError;
use crate::api::quantity::Quantity;
use serde_json::{Map, Value, json};

const ONLY: &str = "only cpu and memory resources are mutable";

/// All errors of a pod that is to get other resources.
pub fn validate(new: &Value, old: &Value) -> Vec<FieldError> {
    if has(&old["metadata"]["annotations"], MIRROR) {
        return vec![FieldError::forbidden("", "static pods cannot be resized")];
    }
    let (spec, before) = (&new["spec"], &old["spec"]);
    if text(&before["os"], "name") == "windows" {
        return vec![FieldError::forbidden("", "windows pods cannot be resized")];
    }
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_meta_and_spec(new).into_iter().filter(|e| !e.field.starts_with("metadata")));
    let class = old["status"]["qosClass"].as_str().unwrap_or_else(|| qos_class(before));
    if class != qos_class(spec) {
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(FieldError::invalid("spec", class, why));
    }
    let running = items(&old["status"], "containerStatuses").iter().find(|s| has(&s["state"], "running"));
    if running.is_some_and(|s| s["resources"].is_null()) {
        errors.push(FieldError::forbidden("spec", "Pod running on node without support for resize"));
    }
    let mut kept = spec.clone();
    errors.extend(of_whole_pod(&mut kept, spec, before));
    let order: Vec<FieldError> =
        ["containers", "initContainers"].into_iter().flat_map(|list| reordered(spec, before, list)).collect();
    if !order.is_empty() {
        errors.extend(order);
        return errors;
    }
    for list in ["initContainers", "containers"] {
        for (i, (now, was)) in items(spec, list).iter().zip(items(before, list)).enumerate() {
            let path = child(&index(&child("spec", list), i), "resources");
            errors.extend(removed(&now["resources"], &was["resources"], &path, "resource"));
        }
    }
    for list in ["containers", "initContainers"] {
        let path = child("spec", list);
        for (i, (now, was)) in items(spec, list).iter().zip(items(before, list)).enumerate() {
            let rest = with_amounts_of(now, was);
            let changed = !same(&rest, was);
            match list {
                "containers" if changed => errors.push(FieldError::forbidden("spec", ONLY)),
                "containers" => {}
                _ => {
                    if changed {
                        let why = "only cpu and memory resources for init or sidecar containers are mutable";
                        errors.push(FieldError::forbidden(index(&path, i), why));
                    }
                    let restarts = items(now, "resizePolicy").iter().any(|p| p["restartPolicy"] == "RestartContainer");
                    if restarts && text(now, "restartPolicy") != "Always" && !same(now, was) {
                        let why =
                            "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
                        errors.push(FieldError::forbidden(index(&path, i), why));
                    }
                }
            }
            kept[list][i] = rest;
        }
    }
    if errors.is_empty() && !same(&kept, before) {
        errors.push(FieldError::forbidden("spec", ONLY));
    }
    errors
}

/// The resources of the pod as a whole; in `kept` their amounts become the old ones.
fn of_whole_pod(kept: &mut Value, spec: &Value, before: &Value) -> Vec<FieldError> {
    let set =
        |s: &Value| ["requests", "limits"].iter().any(|l| s["resources"][l].as_object().is_some_and(|m| !m.is_empty()));
    if !set(spec) && !set(before) {
        return vec![];
    }
    let (now, was) = (&spec["resources"], &before["resources"]);
    if now.is_null() && !was.is_null() {
        return vec![FieldError::forbidden("spec.resources", "pod-level resources cannot be removed")];
    }
    let mut errors = removed(now, was, "spec.resources", "pod-level resource");
    let rest = with_amounts_of(&json!({"resources": now}), &json!({"resources": was}));
    if !same(&rest["resources"], was) {
        errors.push(FieldError::forbidden("spec", "only cpu and memory resources are mutable at pod-level"));
    }
    match (kept.as_object_mut(), was.is_null()) {
        (Some(kept), true) => drop(kept.remove("resources")),
        (Some(kept), false) => drop(kept.insert("resources".into(), was.clone())),
        _ => {}
    }
    errors
}

fn reordered(spec: &Value, before: &Value, list: &str) -> Vec<FieldError> {
    let (now, was) = (items(spec, list), items(before, list));
    let path = child("spec", list);
    if now.len() != was.len() {
        return vec![FieldError::forbidden(path, format!("{list} may not be added or removed on resize"))];
    }
    let moved = now.iter().zip(was).enumerate().filter(|(_, (n, w))| n["name"] != w["name"]);
    let why = format!("{list} may not be renamed or reordered on resize");
    moved.map(|(i, _)| FieldError::forbidden(child(&index(&path, i), "name"), why.clone())).collect()
}

/// Amounts that were set must stay set.
fn removed(now: &Value, was: &Value, path: &str, what: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for list in ["requests", "limits"] {
        let gone = was[list].as_object().is_some_and(|m| m.keys().any(|k| !has(&now[list], k)));
        if gone {
            errors.push(FieldError::forbidden(child(path, list), format!("{what} {list} cannot be removed")));
        }
    }
    errors
}

/// `now` with the CPU and memory that `was` has.
fn with_amounts_of(now: &Value, was: &Value) -> Value {
    let mut out = now.clone();
    for list in ["requests", "limits"] {
        let (new, old) = (now["resources"][list].as_object(), was["resources"][list].as_object());
        if new.is_none() && old.is_none() {
            continue;
        }
        let mut amounts: Map<String, Value> = new.cloned().unwrap_or_default();
        for key in ["cpu", "memory"] {
            match old.and_then(|o| o.get(key)) {
                Some(q) => drop(amounts.insert(key.into(), q.clone())),
                None => drop(amounts.remove(key)),
            }
        }
        out["resources"][list] = Value::Object(amounts);
    }
    out
}

/// Equal but for what is empty and for how amounts are written.
fn same(a: &Value, b: &Value) -> bool {
    let empty = |v: &Value| match v {
        Value::Null => true,
        Value::Array(l) => l.is_empty(),
        Value::Object(m) => m.values().all(|v| same(v, &Value::Null)),
        _ => false,
    };
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let keys = x.keys().chain(y.keys().filter(|k| !x.contains_key(*k)));
            keys.into_iter().all(|k| same(x.get(k).unwrap_or(&Value::Null), y.get(k).unwrap_or(&Value::Null)))
        }
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::String(x), Value::String(y)) if x != y => {
            matches!((x.parse::<Quantity>(), y.parse::<Quantity>()), (Ok(x), Ok(y)) if x == y)
        }
        _ => a == b || (empty(a) && empty(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(resources: Value) -> Value {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d", "uid": "u", "resourceVersion": "1"},
            "spec": {"containers": [{"name": "c", "image": "nginx", "resources": resources}]}});
        (super::super::pod::STRATEGY.default)(&mut pod);
        pod
    }

    fn errors(was: Value, now: Value) -> Vec<String> {
        validate(&now, &was).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn amounts_may_change_and_nothing_else() {
        let (small, large) = (json!({"requests": {"cpu": "1"}}), json!({"requests": {"cpu": "2"}}));
        assert_eq!(errors(pod(small.clone()), pod(large.clone())), Vec::<String>::new());
        assert_eq!(errors(pod(json!({"requests": {"cpu": "1000m"}})), pod(small.clone())), Vec::<String>::new());
        let mut other = pod(large);
        other["spec"]["containers"][0]["image"] = "httpd".into();
        assert_eq!(errors(pod(small.clone()), other), ["spec: Forbidden: only cpu and memory resources are mutable"]);
        let disk = json!({"requests": {"cpu": "1", "ephemeral-storage": "1Gi"}});
        assert_eq!(
            errors(pod(small.clone()), pod(disk)),
            ["spec: Forbidden: only cpu and memory resources are mutable"]
        );
        let both = json!({"requests": {"cpu": "1", "memory": "1Gi"}});
        assert_eq!(
            errors(pod(both), pod(small.clone())),
            ["spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"]
        );
        assert_eq!(
            errors(pod(json!({})), pod(small.clone())),
            ["spec: Invalid value: \"BestEffort\": Pod QOS Class may not change as a result of resizing"]
        );
        let mut running = pod(small.clone());
        running["status"] = json!({"containerStatuses": [{"name": "c", "state": {"running": {}}}]});
        assert_eq!(
            errors(running, pod(small.clone())),
            ["spec: Forbidden: Pod running on node without support for resize"]
        );
        let mut mirror = pod(small.clone());
        mirror["metadata"]["annotations"] = json!({MIRROR: "x"});
        assert_eq!(errors(mirror, pod(small)), [": Forbidden: static pods cannot be resized"]);
    }
}
