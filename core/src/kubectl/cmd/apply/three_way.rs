//! The patch `kubectl apply` sends: what was applied last, what is wanted and what is live, merged.

use crate::api::kinds::{self, ResourceInfo};
use crate::apiserver::bridge;
use crate::apiserver::request::ContentType;
use crate::kubectl::errors::CmdError;
use serde_json::{Map, Value};

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
    let _ = mapping;
    Ok((json_merge(original, modified, current), ContentType::MergePatch))
}

/// A three-way JSON merge patch. Models apimachinery `pkg/util/jsonmergepatch`.
pub fn json_merge(original: &Value, modified: &Value, current: &Value) -> Value {
    let mut patch = additions(current, modified);
    deletions(original, modified, &mut patch);
    patch
}

/// What `to` has and `from` lacks or has otherwise.
fn additions(from: &Value, to: &Value) -> Value {
    let (Value::Object(a), Value::Object(b)) = (from, to) else { return to.clone() };
    let mut out = Map::new();
    for (k, new) in b {
        match a.get(k) {
            Some(old) if old == new => {}
            Some(old) if old.is_object() && new.is_object() => {
                let inner = additions(old, new);
                if inner.as_object().is_some_and(|m| !m.is_empty()) {
                    out.insert(k.clone(), inner);
                }
            }
            None if new.is_null() => {}
            _ => {
                out.insert(k.clone(), new.clone());
            }
        }
    }
    out.into()
}

/// Nulls for what `from` had and `to` lacks.
fn deletions(from: &Value, to: &Value, patch: &mut Value) {
    let (Value::Object(a), Value::Object(b)) = (from, to) else { return };
    for (k, old) in a {
        match b.get(k) {
            None => patch[k] = Value::Null,
            Some(new) if old.is_object() && new.is_object() => {
                let mut inner = patch[k].take();
                if !inner.is_object() {
                    inner = Value::Object(Map::new());
                }
                deletions(old, new, &mut inner);
                let empty = inner.as_object().is_some_and(Map::is_empty);
                if let Some(m) = patch.as_object_mut() {
                    if empty {
                        m.remove(k);
                    } else {
                        m.insert(k.clone(), inner);
                    }
                }
            }
            Some(_) => {}
        }
    }
}

/// An object with a strategic merge patch applied.
///
/// # Errors
/// The kind is not known, or the patch does not fit.
pub fn strategic(object: &Value, patch: &Value) -> Result<Value, CmdError> {
    let text = |k: &str| object[k].as_str().unwrap_or_default();
    match kinds::by_kind(text("apiVersion"), text("kind")) {
        Some(mapping) => bridge::strategic_merge(mapping, object, patch).map_err(CmdError::Api),
        None => {
            let mut out = object.clone();
            json_patch::merge(&mut out, patch);
            Ok(out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_of_others_stay() {
        let original = json!({"a": 1, "gone": 1, "m": {"x": 1, "y": 1}});
        let modified = json!({"a": 2, "m": {"x": 1}});
        let live = json!({"a": 1, "gone": 1, "other": 1, "m": {"x": 3, "y": 1, "z": 1}});
        assert_eq!(json_merge(&original, &modified, &live), json!({"a": 2, "gone": null, "m": {"x": 1, "y": null}}));
        assert_eq!(json_merge(&modified, &modified, &modified), json!({}));
    }
}
