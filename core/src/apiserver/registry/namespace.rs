//! Namespaces. (Models pkg/registry/core/namespace.)

use super::Strategy;
use super::meta::{label, validate_meta, validate_meta_update};
use super::util::{copy_field, has, items, no_warnings, object, remove, set_default};
use crate::api::error::FieldError;
use serde_json::{Value, json};

/// The rules of Namespaces.
pub const STRATEGY: Strategy = Strategy {
    kind: "Namespace",
    default,
    validate: |obj| validate_meta(obj, false, label),
    validate_update: validate_meta_update,
    validate_status_update,
    prepare_for_create,
    prepare_for_update,
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

/// Every namespace bears its name as a label, so that selectors can name it.
fn default(obj: &mut Value) {
    let name = obj["metadata"]["name"].clone();
    if name.as_str().is_some_and(|n| !n.is_empty())
        && let Some(labels) = object(obj, "metadata").and_then(|m| object(m, "labels"))
    {
        labels["kubernetes.io/metadata.name"] = name;
    }
    object(obj, "spec");
    if let Some(status) = object(obj, "status") {
        set_default(status, "phase", "Active");
    }
}

fn prepare_for_create(obj: &mut Value) {
    obj["status"] = json!({"phase": "Active"});
    if let Some(spec) = object(obj, "spec") {
        let mut finalizers = items(spec, "finalizers").to_vec();
        if !finalizers.contains(&json!("kubernetes")) {
            finalizers.push(json!("kubernetes"));
        }
        spec["finalizers"] = finalizers.into();
    }
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    if let Some(spec) = object(new, "spec") {
        remove(spec, "finalizers");
        copy_field(spec, &old["spec"], "finalizers");
    }
    copy_field(new, old, "status");
}

fn validate_status_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    let phase = new["status"]["phase"].as_str().unwrap_or_default();
    let (deleted, wanted) = (has(&new["metadata"], "deletionTimestamp"), phase);
    if deleted && wanted != "Terminating" {
        errors.push(FieldError::invalid(
            "status.phase",
            wanted,
            "may only be 'Terminating' if `deletionTimestamp` is not empty",
        ));
    }
    if !deleted && wanted != "Active" {
        errors.push(FieldError::invalid(
            "status.phase",
            wanted,
            "may only be 'Active' if `deletionTimestamp` is empty",
        ));
    }
    errors
}

/// Why nothing new can be made in a namespace that is going away.
pub fn terminating_text(namespace: &str) -> String {
    format!("unable to create new content in namespace {namespace} because it is being terminated")
}
