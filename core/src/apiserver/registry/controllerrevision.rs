//! ControllerRevisions: the templates StatefulSets and DaemonSets have had. (Models ValidateControllerRevision.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::util::{has, immutable, no_warnings, non_negative, nothing, nothing_kept};
use crate::api::error::FieldError;
use serde_json::Value;

/// The rules of ControllerRevisions.
pub const STRATEGY: Strategy = Strategy {
    kind: "ControllerRevision",
    default: nothing,
    validate,
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        errors.extend(non_negative(new, "revision", ""));
        errors.extend(immutable(new, old, "data", ""));
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    if !has(obj, "data") {
        errors.push(FieldError::required("data", "data is mandatory"));
    }
    errors.extend(non_negative(obj, "revision", ""));
    errors
}
