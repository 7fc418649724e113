//! Deployments. (Models pkg/apis/apps/v1 defaults, validation and pkg/registry/apps/deployment.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update, validate_workload_selector};
use super::pod_defaults::default_template;
use super::pod_template::validate_replicated_template;
use super::pod_warnings::template_warnings;
use super::util::{
    child, copy_field, has, immutable, int, keep_status_count_generation, non_negative, object,
    reset_status_begin_generation, set_default, set_generation, set_if_absent, shown, text,
};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use serde_json::{Value, json};

/// The rules of Deployments.
pub const STRATEGY: Strategy = Strategy {
    kind: "Deployment",
    default,
    validate,
    validate_update,
    validate_status_update,
    prepare_for_create: reset_status_begin_generation,
    prepare_for_update,
    prepare_for_status_update,
    warnings: |new, _| template_warnings(&new["spec"]["template"], "spec.template"),
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    set_if_absent(spec, "replicas", 1);
    if let Some(strategy) = object(spec, "strategy") {
        set_default(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = object(strategy, "rollingUpdate")
        {
            set_if_absent(rolling, "maxUnavailable", "25%");
            set_if_absent(rolling, "maxSurge", "25%");
        }
    }
    set_if_absent(spec, "revisionHistoryLimit", 10);
    set_if_absent(spec, "progressDeadlineSeconds", 600);
    if let Some(template) = object(spec, "template") {
        default_template(template);
    }
}

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    errors.extend(validate_spec(&obj["spec"], "spec"));
    errors
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = non_negative(spec, "replicas", path);
    errors.extend(validate_workload_selector(
        spec,
        path,
        Some("empty selector is invalid for deployment"),
        |selector| validate_replicated_template(&spec["template"], selector, &child(path, "template"), "ReplicaSet"),
    ));
    errors.extend(validate_strategy(&spec["strategy"], &child(path, "strategy")));
    errors.extend(non_negative(spec, "minReadySeconds", path));
    errors.extend(non_negative(spec, "revisionHistoryLimit", path));
    if let Some(deadline) = spec["progressDeadlineSeconds"].as_i64() {
        errors.extend(non_negative(spec, "progressDeadlineSeconds", path));
        if deadline <= int(spec, "minReadySeconds") {
            errors.push(FieldError::invalid(
                child(path, "progressDeadlineSeconds"),
                deadline,
                "must be greater than minReadySeconds",
            ));
        }
    }
    errors
}

fn validate_strategy(strategy: &Value, path: &str) -> Vec<FieldError> {
    let rolling = &strategy["rollingUpdate"];
    let at = child(path, "rollingUpdate");
    match text(strategy, "type") {
        "Recreate" if !rolling.is_null() => {
            vec![FieldError::forbidden(at, "may not be specified when strategy `type` is 'Recreate'")]
        }
        "Recreate" => vec![],
        "RollingUpdate" if rolling.is_null() => {
            vec![FieldError::required(at, "this should be defaulted and never be nil")]
        }
        "RollingUpdate" => {
            let mut errors = positive_int_or_percent(rolling, "maxUnavailable", &at);
            errors.extend(positive_int_or_percent(rolling, "maxSurge", &at));
            if amount(rolling, "maxUnavailable") == 0 && amount(rolling, "maxSurge") == 0 {
                let value = if has(rolling, "maxUnavailable") { rolling["maxUnavailable"].clone() } else { json!(0) };
                errors.push(FieldError::invalid(
                    child(&at, "maxUnavailable"),
                    value,
                    "may not be 0 when `maxSurge` is 0",
                ));
            }
            errors.extend(not_more_than_all(rolling, "maxUnavailable", &at));
            errors
        }
        other => {
            let value = format!("{{\"Type\":{},\"RollingUpdate\":null}}", json!(other));
            let detail = "supported values: \"Recreate\", \"RollingUpdate\"";
            vec![shown(FieldErrorKind::NotSupported, path, &value, detail)]
        }
    }
}

/// A number that is not negative, or a percentage. (Models ValidatePositiveIntOrPercent.)
pub fn positive_int_or_percent(v: &Value, key: &str, path: &str) -> Vec<FieldError> {
    match &v[key] {
        Value::String(s) => super::util::invalid_each(&child(path, key), s, names::is_valid_percent(s)),
        _ => non_negative(v, key, path),
    }
}

/// Not more than 100 %. (Models IsNotMoreThan100Percent.)
pub fn not_more_than_all(v: &Value, key: &str, path: &str) -> Vec<FieldError> {
    match &v[key] {
        Value::String(s) if percent(s).is_some_and(|p| p > 100) => {
            vec![FieldError::invalid(child(path, key), s.as_str(), "must not be greater than 100%")]
        }
        _ => vec![],
    }
}

fn percent(s: &str) -> Option<i64> {
    if names::is_valid_percent(s).is_empty() { s.trim_end_matches('%').parse().ok() } else { None }
}

/// The number or the percentage; 0 when absent or neither.
pub fn amount(v: &Value, key: &str) -> i64 {
    match &v[key] {
        Value::String(s) => percent(s).unwrap_or(0),
        other => other.as_i64().unwrap_or(0),
    }
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_spec(&new["spec"], "spec"));
    errors.extend(immutable(&new["spec"], &old["spec"], "selector", "spec"));
    errors
}

fn validate_status_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    let status = &new["status"];
    for key in [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
    ] {
        errors.extend(non_negative(status, key, "status"));
    }
    for (key, limit) in
        [("updatedReplicas", "replicas"), ("readyReplicas", "replicas"), ("availableReplicas", "replicas")]
    {
        if int(status, key) > int(status, limit) {
            errors.push(FieldError::invalid(
                child("status", key),
                int(status, key),
                format!("cannot be greater than status.{limit}"),
            ));
        }
    }
    if int(status, "availableReplicas") > int(status, "readyReplicas") {
        errors.push(FieldError::invalid(
            "status.availableReplicas",
            int(status, "availableReplicas"),
            "cannot be greater than readyReplicas",
        ));
    }
    errors
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    keep_status_count_generation(new, old);
    // Annotations count too: they are copied to the ReplicaSets.
    let none = |v: &Value| v["metadata"]["annotations"].as_object().is_none_or(serde_json::Map::is_empty);
    let annotations_differ =
        new["metadata"]["annotations"] != old["metadata"]["annotations"] && !(none(new) && none(old));
    if annotations_differ && new["spec"] == old["spec"] {
        set_generation(new, int(&old["metadata"], "generation") + 1);
    }
}

fn prepare_for_status_update(new: &mut Value, old: &Value) {
    super::util::keep_spec(new, old);
    if let Some(meta) = object(new, "metadata") {
        copy_field(meta, &old["metadata"], "labels");
    }
}
