//! The patch `kubectl apply` sends: what was applied last, what is wanted and what is live, merged.

use crate::api::kinds::{self, ResourceInfo};
use crate::api::schema;
use crate::apiserver::patch::{KindMeta, PatchError, apply_strategic, json_three_way, three_way};
use crate::apiserver::request::ContentType;
use crate::kubectl::errors::CmdError;
use serde_json::Value;

/// The patch from the live object to the wanted one, and how it is meant. Fields that were applied last and are no
/// longer wanted go; fields others wrote stay. Kinds without a schema get a JSON merge patch.
///
/// # Errors
/// A list that is merged has items without a key; without `overwrite`, what others changed since.
pub fn patch(
    mapping: &ResourceInfo,
    original: &Value,
    modified: &Value,
    current: &Value,
    overwrite: bool,
) -> Result<(Value, ContentType), String> {
    let merge = || (json_three_way(original, modified, current), ContentType::MergePatch);
    if schema::schema().of(mapping).is_none() {
        return Ok(merge());
    }
    match three_way(original, modified, current, &KindMeta::of(mapping), overwrite) {
        Ok(p) => Ok((p, ContentType::StrategicMergePatch)),
        Err(PatchError::Conflict(e)) => Err(e),
        // Unknown fields are for the API server to name: a plain merge patch carries them there.
        Err(_) => Ok(merge()),
    }
}

/// An object with a strategic merge patch applied.
///
/// # Errors
/// The patch does not fit.
pub fn strategic(object: &Value, patch: &Value) -> Result<Value, CmdError> {
    let text = |k: &str| object[k].as_str().unwrap_or_default();
    let meta = kinds::by_kind(text("apiVersion"), text("kind")).map_or(KindMeta::Any, KindMeta::of);
    apply_strategic(object, patch, &meta).map_err(|e| CmdError::client(e.to_string()))
}
