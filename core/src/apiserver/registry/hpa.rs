//! HorizontalPodAutoscalers, autoscaling/v2. (Models pkg/apis/autoscaling/v2 defaults, validation and
//! pkg/registry/autoscaling.)

use super::Strategy;
use super::meta::{checked_update, subdomain, validate_meta, validate_meta_update};
use super::util::{
    child, copy_field, has, index, int, invalid_each, items, no_warnings, non_negative, object, present, remove,
    set_default, set_if_absent, text,
};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::{Value, json};

/// The rules of HorizontalPodAutoscalers.
pub const STRATEGY: Strategy = Strategy {
    kind: "HorizontalPodAutoscaler",
    default,
    validate,
    validate_update: |new, old| checked_update(new, old, validate_spec(&new["spec"], "spec")),
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| {
        remove(obj, "status");
        obj["status"] = json!({"desiredReplicas": 0});
    },
    prepare_for_update: |new, old| copy_field(new, old, "status"),
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    set_if_absent(spec, "minReplicas", 1);
    if items(spec, "metrics").is_empty() {
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
    }
    let Some(behavior) = present(spec, "behavior") else { return };
    let policy = |kind: &str, value: i64| json!({"type": kind, "value": value, "periodSeconds": 15});
    let rules = [
        ("scaleUp", vec![policy("Pods", 4), policy("Percent", 100)], Some(0)),
        ("scaleDown", vec![policy("Percent", 100)], None),
    ];
    for (direction, policies, window) in rules {
        let Some(rule) = object(behavior, direction) else { continue };
        set_default(rule, "selectPolicy", "Max");
        if items(rule, "policies").is_empty() {
            rule["policies"] = policies.into();
        }
        if let Some(window) = window {
            set_if_absent(rule, "stabilizationWindowSeconds", window);
        }
    }
}

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    errors.extend(validate_spec(&obj["spec"], "spec"));
    errors
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let (min, max) = (spec["minReplicas"].as_i64(), int(spec, "maxReplicas"));
    if let Some(min) = min
        && min < 1
    {
        errors.push(FieldError::invalid(child(path, "minReplicas"), min, "must be greater than or equal to 1"));
    }
    if max == 0 {
        errors.push(FieldError::required(child(path, "maxReplicas"), "must be set and greater than 0"));
    } else if max < 0 {
        errors.push(FieldError::invalid(child(path, "maxReplicas"), max, "must be greater than 0"));
    }
    if min.is_some_and(|min| max < min) {
        errors.push(FieldError::invalid(
            child(path, "maxReplicas"),
            max,
            "must be greater than or equal to `minReplicas`",
        ));
    }
    errors.extend(validate_target_ref(&spec["scaleTargetRef"], &child(path, "scaleTargetRef")));
    errors.extend(validate_metrics(spec, &child(path, "metrics"), min));
    let behavior = &spec["behavior"];
    for direction in ["scaleUp", "scaleDown"] {
        errors.extend(validate_rules(&behavior[direction], &child(&child(path, "behavior"), direction)));
    }
    errors
}

fn validate_target_ref(target: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for key in ["kind", "name"] {
        let at = child(path, key);
        match text(target, key) {
            "" => errors.push(FieldError::required(at, "")),
            v => errors.extend(invalid_each(&at, v, names::is_path_segment_name(v))),
        }
    }
    let version = text(target, "apiVersion");
    let (group, kind) = (version.rsplit_once('/').map_or("", |(g, _)| g), text(target, "kind"));
    if group.is_empty() && kind != "ReplicationController" {
        errors.push(FieldError::invalid(child(path, "apiVersion"), version, "apiVersion must specify API group"));
    }
    errors
}

fn validate_metrics(spec: &Value, path: &str, min: Option<i64>) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut outside = false;
    for (i, m) in items(spec, "metrics").iter().enumerate() {
        let at = index(path, i);
        let kind = text(m, "type");
        outside |= ["Object", "External"].contains(&kind);
        let field = match kind {
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            "Pods" => "pods",
            "Object" => "object",
            "External" => "external",
            "" => {
                errors.push(FieldError::required(child(&at, "type"), "must specify a metric source type"));
                continue;
            }
            other => {
                errors.push(FieldError::not_supported(
                    child(&at, "type"),
                    other,
                    &["ContainerResource", "External", "Object", "Pods", "Resource"],
                ));
                continue;
            }
        };
        if !has(m, field) {
            errors.push(FieldError::required(
                child(&at, field),
                format!("must populate information for the given metric source type {kind:?}")
                    .replace(&format!("type {kind:?}"), "type"),
            ));
            continue;
        }
        errors.extend(validate_source(&m[field], field, &child(&at, field)));
    }
    if min == Some(0) && !outside {
        errors.push(FieldError::forbidden(
            path,
            "must specify at least one Object or External metric to support scaling to zero replicas",
        ));
    }
    errors
}

fn validate_source(source: &Value, field: &str, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let target = &source["target"];
    let at = child(path, "target");
    match field {
        "resource" | "containerResource" => {
            if text(source, "name").is_empty() {
                errors.push(FieldError::required(child(path, "name"), "must specify a resource name"));
            }
            if field == "containerResource" && text(source, "container").is_empty() {
                errors.push(FieldError::required(child(path, "container"), "must specify a container"));
            }
        }
        _ => {
            let metric = &source["metric"];
            if text(metric, "name").is_empty() {
                errors.push(FieldError::required(child(path, "metric.name"), "must specify a metric name"));
            }
        }
    }
    match text(target, "type") {
        "" => errors.push(FieldError::required(child(&at, "type"), "must specify a metric target type")),
        "Utilization" | "Value" | "AverageValue" => {}
        other => errors.push(FieldError::invalid(
            child(&at, "type"),
            other,
            "must be either Utilization, Value, or AverageValue",
        )),
    }
    if let Some(n) = target["averageUtilization"].as_i64()
        && n < 1
    {
        errors.push(FieldError::invalid(child(&at, "averageUtilization"), n, "must be greater than 0"));
    }
    if ["resource", "containerResource"].contains(&field) {
        match (has(target, "averageUtilization"), has(target, "averageValue")) {
            (false, false) => errors.push(FieldError::required(
                child(&at, "averageUtilization"),
                "must set either a target raw value or a target utilization",
            )),
            (true, true) => errors.push(FieldError::forbidden(
                child(&at, "averageValue"),
                "may not set both a target raw value and a target utilization",
            )),
            _ => {}
        }
    }
    errors
}

fn validate_rules(rules: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if rules.is_null() {
        return errors;
    }
    if let Some(n) = rules["stabilizationWindowSeconds"].as_i64() {
        errors.extend(non_negative(rules, "stabilizationWindowSeconds", path));
        if n > 3600 {
            errors.push(FieldError::invalid(
                child(path, "stabilizationWindowSeconds"),
                n,
                "must be less than or equal to 3600",
            ));
        }
    }
    let select = text(rules, "selectPolicy");
    if has(rules, "selectPolicy") && !["Max", "Min", "Disabled"].contains(&select) {
        errors.push(FieldError::not_supported(child(path, "selectPolicy"), select, &["Disabled", "Max", "Min"]));
    }
    let at = child(path, "policies");
    if items(rules, "policies").is_empty() {
        errors.push(FieldError::required(at.as_str(), "must specify at least one Policy"));
    }
    for (i, p) in items(rules, "policies").iter().enumerate() {
        let at = index(&at, i);
        let kind = text(p, "type");
        if !["Pods", "Percent"].contains(&kind) {
            errors.push(FieldError::not_supported(child(&at, "type"), kind, &["Percent", "Pods"]));
        }
        for key in ["value", "periodSeconds"] {
            if int(p, key) <= 0 {
                errors.push(FieldError::invalid(child(&at, key), int(p, key), "must be greater than zero"));
            }
        }
        if int(p, "periodSeconds") > 1800 {
            errors.push(FieldError::invalid(
                child(&at, "periodSeconds"),
                int(p, "periodSeconds"),
                "must be less than or equal to 1800",
            ));
        }
    }
    errors
}
