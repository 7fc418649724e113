//! Volumes of pods, and claims.

use super::util::{child, items};
use crate::api::error::FieldError;
use serde_json::Value;

/// The spec of a claim.
pub fn validate_claim_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if items(spec, "accessModes").is_empty() {
        errors.push(FieldError::required(child(path, "accessModes"), "at least 1 access mode is required"));
    }
    errors
}
