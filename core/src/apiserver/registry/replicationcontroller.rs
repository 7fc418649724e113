//! ReplicationControllers. (Models pkg/apis/core/v1 defaults, ValidateReplicationController and
//! pkg/registry/core/replicationcontroller.)

use super::Strategy;
use super::meta::{checked, checked_update, subdomain, validate_meta_update};
use super::pod_defaults::{default_template, labels_from_template};
use super::pod_template::validate_replicated_template;
use super::pod_warnings::template_warnings;
use super::util::{
    child, copy_field, entries, has, keep_spec, keep_status_count_generation, non_negative, object,
    reset_status_begin_generation, set_if_absent,
};
use crate::api::error::FieldError;
use crate::api::labels::Selector;
use serde_json::{Value, json};

/// The rules of ReplicationControllers.
pub const STRATEGY: Strategy = Strategy {
    kind: "ReplicationController",
    default,
    validate: |obj| checked(obj, true, subdomain, validate_spec(&obj["spec"], "spec")),
    validate_update: |new, old| checked_update(new, old, validate_spec(&new["spec"], "spec")),
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| {
        reset_status_begin_generation(obj);
        obj["status"] = json!({"replicas": 0});
    },
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: keep_spec,
    warnings: |new, _| template_warnings(&new["spec"]["template"], "spec.template"),
};

/// The template's labels stand in for a selector and labels that are not given.
fn default(obj: &mut Value) {
    let labels = obj["spec"]["template"]["metadata"]["labels"].clone();
    if let Some(spec) = object(obj, "spec") {
        if entries(spec, "selector").next().is_none() {
            copy_field(spec, &json!({ "selector": labels }), "selector");
        }
        set_if_absent(spec, "replicas", 1);
        if has(spec, "template")
            && let Some(template) = object(spec, "template")
        {
            default_template(template);
        }
    }
    labels_from_template(obj);
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = non_negative(spec, "minReadySeconds", path);
    if entries(spec, "selector").next().is_none() {
        errors.push(FieldError::required(child(path, "selector"), ""));
    }
    errors.extend(non_negative(spec, "replicas", path));
    let at = child(path, "template");
    if has(spec, "template") {
        let parsed = Selector::from_label_selector(&json!({"matchLabels": spec["selector"]}));
        if let Ok(selector) = parsed {
            errors.extend(validate_replicated_template(&spec["template"], &selector, &at, "ReplicationController"));
        }
    } else {
        errors.push(FieldError::required(at, ""));
    }
    errors
}
