//! ConfigMaps. (Models ValidateConfigMap and pkg/registry/core/configmap.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::util::{entries, flag, invalid_each, keyed, no_warnings, nothing, nothing_kept};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;

/// Most bytes of data one ConfigMap or Secret may hold.
pub const MAX_DATA: usize = 1024 * 1024;

/// The rules of ConfigMaps.
pub const STRATEGY: Strategy = Strategy {
    kind: "ConfigMap",
    default: nothing,
    validate,
    validate_update,
    validate_status_update: validate_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    let mut size = 0;
    for (key, value) in entries(obj, "data") {
        let path = keyed("data", key);
        errors.extend(invalid_each(&path, key, names::is_config_map_key(key)));
        if !obj["binaryData"][key].is_null() {
            errors.push(FieldError::invalid(path, key.as_str(), "duplicate of key present in binaryData"));
        }
        size += value.as_str().map_or(0, str::len);
    }
    for (key, value) in entries(obj, "binaryData") {
        errors.extend(invalid_each(&keyed("binaryData", key), key, names::is_config_map_key(key)));
        size += value.as_str().map_or(0, decoded_len);
    }
    if size > MAX_DATA {
        errors.push(super::util::too_long("", MAX_DATA));
    }
    errors
}

/// How many bytes a base64 text stands for.
pub fn decoded_len(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|b| *b == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_immutability(new, old, &["data", "binaryData"]));
    errors.extend(validate(new));
    errors
}

/// What the flag `immutable` forbids.
pub fn validate_immutability(new: &Value, old: &Value, fields: &[&str]) -> Vec<FieldError> {
    let mut errors = vec![];
    if !flag(old, "immutable") {
        return errors;
    }
    let mut forbid = |field: &str| {
        errors.push(FieldError::forbidden(field, "field is immutable when `immutable` is set"));
    };
    if !flag(new, "immutable") {
        forbid("immutable");
    }
    let empty = |v: &Value| v.as_object().is_none_or(serde_json::Map::is_empty);
    for field in fields {
        if new[field] != old[field] && !(empty(&new[field]) && empty(&old[field])) {
            forbid(field);
        }
    }
    errors
}
