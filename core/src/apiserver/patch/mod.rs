//! Patches: strategic merge, JSON merge and JSON patch; how to apply them and how kubectl makes them.
//!
//! Pure functions on JSON. What is merged how comes from a [`MergeSchema`]: the kinds' own ([`KindMeta`]) or any other.
//! Knows neither the store nor requests. Models apimachinery `util/strategicpatch` and `util/jsonmergepatch`.

mod diff;
mod json;
mod lists;
mod merge;
mod meta;

pub use diff::{three_way, two_way};
pub use json::{json_three_way, merge};
pub use meta::{FieldMeta, KindMeta, MergeSchema, Strategy};

use crate::api::error::{FieldError, Status};
use crate::api::kinds::ResourceInfo;
use crate::api::schema;
use serde_json::{Map, Value};
use std::fmt;

/// Why a strategic merge patch cannot be made or applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchError {
    /// Its form is wrong: the server answers 400.
    BadFormat(String),
    /// It asks for something that is not done: the server answers 422.
    Unsupported(String),
    /// The live object was changed otherwise (only when changes of others are not to be overwritten).
    Conflict(String),
    /// Anything else: the server answers 500.
    Other(String),
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFormat(m) | Self::Unsupported(m) | Self::Conflict(m) | Self::Other(m) => f.write_str(m),
        }
    }
}

impl PatchError {
    /// The server's answer.
    pub fn status(&self) -> Status {
        match self {
            Self::BadFormat(m) => Status::bad_request(m.clone()),
            Self::Unsupported(_) => rejected(),
            Self::Conflict(m) => Status::new(409, "Conflict", m.clone()),
            Self::Other(m) => Status::new(500, "", m.clone()),
        }
    }
}

/// 422 without a reason that would help.
fn rejected() -> Status {
    let mut s =
        Status::new(422, "Invalid", "the server rejected our request due to an error in our request".to_string());
    s.details = Value::Object(Map::new());
    s
}

/// A value as Go's `%v` prints it: `map[a:1 b:[x y]]`.
pub fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(s) => s.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_value(v))).collect();
            format!("map[{}]", entries.join(" "))
        }
        other => other.to_string(),
    }
}

/// A patch must be an object.
fn object(patch: &Value) -> Result<&Map<String, Value>, Status> {
    patch.as_object().ok_or_else(|| {
        let found = match patch {
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            _ => "number",
        };
        Status::bad_request(format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"))
    })
}

/// The type of what is patched; none for kinds without a schema, which are merged as plain JSON.
pub type Root = Option<&'static schema::TypeInfo>;

/// The type of a resource, or of its scale.
pub fn root(info: &ResourceInfo, subresource: &str) -> Root {
    match subresource {
        "scale" => schema::schema().kind("autoscaling/v1", "Scale"),
        _ => schema::schema().of(info),
    }
}

/// A strategic merge patch applied to an object and judged by its type: the result and its unknown fields.
pub fn strategic_merge(root: Root, old: &Value, patch: &Value) -> Result<schema::Decoded, Status> {
    let map = object(patch)?;
    let empty = Map::new();
    let meta = root.map_or(KindMeta::Any, KindMeta::Object);
    let merged = merge::apply(old.as_object().unwrap_or(&empty), map, &meta).map_err(|e| e.status())?;
    match root {
        Some(root) => {
            schema::judge_unstructured(root, Value::Object(merged)).map_err(|e| invalid(go_value(patch), e.message))
        }
        None => Ok(schema::Decoded { value: Value::Object(merged), unknown: vec![] }),
    }
}

/// A strategic merge patch applied by any schema; directives are carried out.
pub fn apply_strategic<S: MergeSchema>(old: &Value, patch: &Value, schema: &S) -> Result<Value, PatchError> {
    match (old, patch) {
        (Value::Object(old), Value::Object(patch)) => merge::apply(old, patch, schema).map(Value::Object),
        _ => Err(PatchError::BadFormat("invalid JSON document".into())),
    }
}

/// A JSON merge patch (RFC 7386) applied to an object and judged by its type.
pub fn merge_patch(root: Root, old: &Value, patch: &Value) -> Result<schema::Decoded, Status> {
    object(patch)?;
    let mut new = old.clone();
    merge(&mut new, patch);
    judged(root, new)
}

/// A JSON patch (RFC 6902) applied to an object and judged by its type.
pub fn json_patch(root: Root, old: &Value, patch: &Value) -> Result<schema::Decoded, Status> {
    let Some(operations) = patch.as_array() else {
        let found = if patch.is_object() { "object" } else { "string" };
        return Err(Status::bad_request(format!(
            "json: cannot unmarshal {found} into Go value of type jsonpatch.Patch"
        )));
    };
    let mut new = old.clone();
    for operation in operations {
        json::operate(&mut new, operation).map_err(|_| rejected())?;
    }
    judged(root, new)
}

fn judged(root: Root, new: Value) -> Result<schema::Decoded, Status> {
    let shown = new.to_string();
    match root {
        Some(root) => schema::judge(root, new).map_err(|f| invalid(shown, f.message)),
        None => Ok(schema::Decoded { value: new, unknown: vec![] }),
    }
}

/// Carries out one operation of a JSON patch.
///
/// # Errors
/// Why it cannot be.
pub fn operate(doc: &mut Value, operation: &Value) -> Result<(), String> {
    json::operate(doc, operation).map_err(|_| {
        let text = |key: &str| operation[key].as_str().unwrap_or_default();
        format!("{} operation does not apply: doc is missing path: {:?}: missing value", text("op"), text("path"))
    })
}

/// The answer for unknown fields of a patched object where these are refused.
pub fn strict_error(patch: &Value, unknown: &[String]) -> Status {
    invalid(go_value(patch), format!("strict decoding error: {}", unknown.join(", ")))
}

/// 422 for a patch whose result is no object of the kind.
fn invalid(patch: String, why: String) -> Status {
    Status::invalid("", "", &[FieldError::invalid("patch", patch, why)])
}

#[cfg(test)]
mod tests;
