//! Pods: metadata, spec and updates. (Models ValidatePodCreate, ValidatePodUpdate and pkg/registry/core/pod.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::pod_defaults::default_pod;
use super::qos::qos_class;
use super::util::{copy_field, items, keep_spec, set_generation};
use crate::api::error::FieldError;
use serde_json::{Value, json};

/// The rules of Pods.
pub const STRATEGY: Strategy = Strategy {
    kind: "Pod",
    default: default_pod,
    validate,
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create,
    prepare_for_update,
    prepare_for_status_update: keep_spec,
    warnings: |new, _| spec_warnings(&new["spec"], &new["metadata"], "spec"),
};

fn prepare_for_create(pod: &mut Value) {
    set_generation(pod, 1);
    pod["status"] = json!({"phase": "Pending", "qosClass": qos_class(&pod["spec"])});
    if !items(&pod["spec"], "schedulingGates").is_empty() {
        pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates"}]);
    }
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    copy_field(new, old, "status");
    super::util::keep_status_count_generation(new, old);
}

fn validate(pod: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(pod, true, subdomain);
    errors.extend(validate_pod_spec(&pod["spec"], &pod["metadata"], "spec", true));
    errors
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate(new));
    errors
}

/// Annotations that mean something to pods.
pub fn validate_annotations_of_pod(_annotations: &Value, _spec: &Value, _path: &str) -> Vec<FieldError> {
    vec![]
}

/// Seccomp in annotations and fields.
pub fn validate_seccomp_annotations(_annotations: &Value, _spec: &Value, _path: &str) -> Vec<FieldError> {
    vec![]
}

/// A pod spec.
pub fn validate_pod_spec(spec: &Value, _meta: &Value, path: &str, _is_pod: bool) -> Vec<FieldError> {
    let mut errors = vec![];
    if super::util::items(spec, "containers").is_empty() {
        errors.push(FieldError::required(super::util::child(path, "containers"), ""));
    }
    errors
}

/// Warnings.
pub fn spec_warnings(_spec: &Value, _meta: &Value, _path: &str) -> Vec<String> {
    vec![]
}
