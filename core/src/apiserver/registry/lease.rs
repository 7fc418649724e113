//! Leases: heartbeats and elections. (Models pkg/apis/coordination/validation.)

use super::Strategy;
use super::meta::{checked, checked_update, subdomain, validate_meta_update};
use super::util::{child, no_warnings, non_negative, nothing, nothing_kept};
use crate::api::error::FieldError;
use serde_json::Value;

/// The rules of Leases.
pub const STRATEGY: Strategy = Strategy {
    kind: "Lease",
    default: nothing,
    validate: |obj| checked(obj, true, subdomain, validate_spec(&obj["spec"])),
    validate_update: |new, old| checked_update(new, old, validate_spec(&new["spec"])),
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn validate_spec(spec: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    if let Some(n) = spec["leaseDurationSeconds"].as_i64()
        && n <= 0
    {
        errors.push(FieldError::invalid(child("spec", "leaseDurationSeconds"), n, "must be greater than 0"));
    }
    errors.extend(non_negative(spec, "leaseTransitions", "spec"));
    errors
}
