//! The patch `kubectl apply` sends: what was applied last, what is wanted and what is live, merged.

use crate::api::kinds::{self, ResourceInfo};
use crate::apiserver::patch::{self, KindMeta};
use crate::apiserver::request::ContentType;
use crate::kubectl::errors::CmdError;
use serde_json::Value;

/// The patch from the live object to the wanted one, and how it is meant. Fields that were applied last and are no
/// longer wanted go; fields others wrote stay.
///
/// # Errors
/// The objects do not fit the schema.
pub fn patch(
    mapping: &ResourceInfo,
    original: &Value,
    modified: &Value,
    current: &Value,
) -> Result<(Value, ContentType), String> {
    let meta = match patch::root(mapping, "") {
        Some(root) => KindMeta::Object(root),
        None => return Ok((patch::json_three_way(original, modified, current), ContentType::MergePatch)),
    };
    patch::three_way(original, modified, current, &meta, true)
        .map(|p| (p, ContentType::StrategicMergePatch))
        .map_err(|e| e.to_string())
}

/// An object with a strategic merge patch applied.
///
/// # Errors
/// The kind is not known, or the patch does not fit.
pub fn strategic(object: &Value, change: &Value) -> Result<Value, CmdError> {
    let text = |k: &str| object[k].as_str().unwrap_or_default();
    match kinds::by_kind(text("apiVersion"), text("kind")) {
        Some(mapping) => {
            patch::strategic_merge(patch::root(mapping, ""), object, change).map(|d| d.value).map_err(CmdError::Api)
        }
        None => {
            let mut out = object.clone();
            patch::merge(&mut out, change);
            Ok(out)
        }
    }
}
