//! Pod templates, as workloads hold them. (Models ValidatePodTemplateSpec and its variants for each kind.)

use super::pod::validate_annotations_of_pod;
use super::pod_spec::validate_pod_spec;
use super::security::validate_seccomp_annotations;
use super::util::{child, has, items, text};
use crate::api::error::FieldError;
use crate::api::labels::Selector;
use crate::api::names;
use serde_json::Value;

/// A template by itself.
pub fn validate_template(template: &Value, path: &str) -> Vec<FieldError> {
    let meta = &template["metadata"];
    let spec = &template["spec"];
    let spec_path = child(path, "spec");
    let mut errors = names::validate_labels(&meta["labels"], &child(path, "labels"));
    errors.extend(names::validate_annotations(&meta["annotations"], &child(path, "annotations")));
    errors.extend(validate_annotations_of_pod(&meta["annotations"], spec, &child(path, "annotations")));
    errors.extend(validate_pod_spec(spec, meta, &spec_path, false));
    errors.extend(validate_seccomp_annotations(&meta["annotations"], spec, &spec_path));
    if !items(spec, "ephemeralContainers").is_empty() {
        errors.push(FieldError::forbidden(
            child(&spec_path, "ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        ));
    }
    errors
}

/// A template whose pods run for ever, and its selector. `kind` is the one the refusal of a deadline names.
pub fn validate_replicated_template(template: &Value, selector: &Selector, path: &str, kind: &str) -> Vec<FieldError> {
    let mut errors = selected(template, selector, path);
    errors.extend(validate_template(template, path));
    errors.extend(always_and_no_deadline(&template["spec"], &child(path, "spec"), kind));
    errors
}

/// The selector must select the template's labels.
pub fn selected(template: &Value, selector: &Selector, path: &str) -> Vec<FieldError> {
    let labels = &template["metadata"]["labels"];
    if selector.is_empty() || selector.matches_value(labels) {
        return vec![];
    }
    vec![FieldError::invalid(
        child(path, "metadata.labels"),
        labels.clone(),
        "`selector` does not match template `labels`",
    )]
}

/// Only restartPolicy Always, and no activeDeadlineSeconds.
pub fn always_and_no_deadline(spec: &Value, path: &str, kind: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let policy = text(spec, "restartPolicy");
    if policy != "Always" {
        errors.push(FieldError::not_supported(child(path, "restartPolicy"), policy, &["Always"]));
    }
    if has(spec, "activeDeadlineSeconds") {
        errors.push(FieldError::forbidden(
            child(path, "activeDeadlineSeconds"),
            format!("activeDeadlineSeconds in {kind} is not Supported"),
        ));
    }
    errors
}
