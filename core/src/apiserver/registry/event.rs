//! Events. (Models pkg/registry/core/event: only what the core's own recorder writes is expected.)

use super::Strategy;
use super::util::{no_warnings, nothing, nothing_kept, text};
use crate::api::error::FieldError;
use serde_json::Value;

/// The rules of Events.
pub const STRATEGY: Strategy = Strategy {
    kind: "Event",
    default: nothing,
    validate,
    validate_update: |new, _| validate(new),
    validate_status_update: |new, _| validate(new),
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

/// An event stands in the namespace of what it is about; cluster-scoped objects' events in `default`.
fn validate(obj: &Value) -> Vec<FieldError> {
    let about = text(&obj["involvedObject"], "namespace");
    let own = text(&obj["metadata"], "namespace");
    let fits = if about.is_empty() { ["default", "kube-system"].contains(&own) } else { about == own };
    if fits {
        return vec![];
    }
    vec![FieldError::invalid("involvedObject.namespace", about, "does not match event.namespace")]
}
