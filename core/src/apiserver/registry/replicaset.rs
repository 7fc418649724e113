//! ReplicaSets. (Models pkg/apis/apps validation and pkg/registry/apps/replicaset.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update, validate_workload_selector};
use super::pod_defaults::default_template;
use super::pod_template::validate_replicated_template;
use super::pod_warnings::template_warnings;
use super::util::{
    child, immutable, int, keep_spec, keep_status_count_generation, non_negative, object,
    reset_status_begin_generation, set_if_absent,
};
use crate::api::error::FieldError;
use serde_json::{Value, json};

/// The rules of ReplicaSets.
pub const STRATEGY: Strategy = Strategy {
    kind: "ReplicaSet",
    default,
    validate,
    validate_update,
    validate_status_update,
    prepare_for_create,
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: keep_spec,
    warnings: |new, _| template_warnings(&new["spec"]["template"], "spec.template"),
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    set_if_absent(spec, "replicas", 1);
    if let Some(template) = object(spec, "template") {
        default_template(template);
    }
}

/// `status.replicas` is always shown, also before the controller has written a status.
fn prepare_for_create(obj: &mut Value) {
    reset_status_begin_generation(obj);
    obj["status"] = json!({"replicas": 0});
}

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    errors.extend(validate_spec(&obj["spec"]));
    errors
}

fn validate_spec(spec: &Value) -> Vec<FieldError> {
    let path = "spec";
    let mut errors = non_negative(spec, "replicas", path);
    errors.extend(non_negative(spec, "minReadySeconds", path));
    errors.extend(validate_workload_selector(
        spec,
        path,
        Some("empty selector is invalid for deployment"),
        |selector| validate_replicated_template(&spec["template"], selector, &child(path, "template"), "ReplicaSet"),
    ));
    errors
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_spec(&new["spec"]));
    errors.extend(immutable(&new["spec"], &old["spec"], "selector", "spec"));
    errors
}

fn validate_status_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    let status = &new["status"];
    for key in ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"] {
        errors.extend(non_negative(status, key, "status"));
    }
    for key in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
        if int(status, key) > int(status, "replicas") {
            errors.push(FieldError::invalid(
                child("status", key),
                int(status, key),
                "cannot be greater than status.replicas",
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
