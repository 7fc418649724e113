//! Small readers and writers of JSON objects, in the terms of the API: an absent text is empty, an absent number is 0,
//! an absent list has no items.

use crate::api::error::{FieldError, FieldErrorKind};
use serde_json::{Map, Value};

/// The text of a field; empty when absent.
pub fn text<'a>(v: &'a Value, key: &str) -> &'a str {
    v[key].as_str().unwrap_or_default()
}

/// The number of a field; 0 when absent.
pub fn int(v: &Value, key: &str) -> i64 {
    v[key].as_i64().unwrap_or_default()
}

/// The flag of a field; false when absent.
pub fn flag(v: &Value, key: &str) -> bool {
    v[key].as_bool().unwrap_or_default()
}

/// The items of a list field; none when absent.
pub fn items<'a>(v: &'a Value, key: &str) -> &'a [Value] {
    v[key].as_array().map_or(&[], Vec::as_slice)
}

/// The entries of a map field in the order of its keys; none when absent.
pub fn entries<'a>(v: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    v[key].as_object().into_iter().flatten()
}

/// Is the field there at all?
pub fn has(v: &Value, key: &str) -> bool {
    !v[key].is_null()
}

/// Sets a field unless it is there; an empty text counts as absent.
pub fn set_default(v: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(o) = v.as_object_mut()
        && o.get(key).is_none_or(|x| x.is_null() || x.as_str() == Some(""))
    {
        o.insert(key.into(), value.into());
    }
}

/// Sets a field unless it is there; an empty text is a value (fields that are pointers upstream).
pub fn set_if_absent(v: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(o) = v.as_object_mut()
        && o.get(key).is_none_or(Value::is_null)
    {
        o.insert(key.into(), value.into());
    }
}

/// The object in a field, made if absent. `None` when the field or `v` is something else.
pub fn object<'a>(v: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let slot = v.as_object_mut()?.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = Value::Object(Map::new());
    }
    slot.is_object().then_some(slot)
}

/// The items of a list field, to change; none when absent.
pub fn items_mut<'a>(v: &'a mut Value, key: &str) -> &'a mut [Value] {
    match v.get_mut(key).and_then(Value::as_array_mut) {
        Some(list) => list.as_mut_slice(),
        None => &mut [],
    }
}

/// A field to change, only if it is there.
pub fn present<'a>(v: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    v.get_mut(key).filter(|x| !x.is_null())
}

/// Removes a field.
pub fn remove(v: &mut Value, key: &str) {
    if let Some(o) = v.as_object_mut() {
        o.remove(key);
    }
}

/// Gives `to` the field of `from`; absent there means absent here.
pub fn copy_field(to: &mut Value, from: &Value, key: &str) {
    if let Some(o) = to.as_object_mut() {
        match from.get(key).filter(|v| !v.is_null()) {
            Some(v) => {
                o.insert(key.into(), v.clone());
            }
            None => {
                o.remove(key);
            }
        }
    }
}

/// `path.child`.
pub fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

/// `path[i]`.
pub fn index(path: &str, i: usize) -> String {
    format!("{path}[{i}]")
}

/// `path[key]`.
pub fn keyed(path: &str, key: &str) -> String {
    format!("{path}[{key}]")
}

/// One "Invalid value" for each reason.
pub fn invalid_each(path: &str, value: &str, reasons: Vec<String>) -> Vec<FieldError> {
    reasons.into_iter().map(|r| FieldError::invalid(path, value, r)).collect()
}

/// "must be greater than or equal to 0" for a number below it. Fields that are absent are right.
pub fn non_negative(v: &Value, key: &str, path: &str) -> Vec<FieldError> {
    match v[key].as_i64() {
        Some(n) if n < 0 => {
            vec![FieldError::invalid(child(path, key), n, "must be greater than or equal to 0")]
        }
        _ => vec![],
    }
}

/// A value that is too long, by bytes.
pub fn too_long(path: &str, max: usize) -> FieldError {
    FieldError {
        kind: FieldErrorKind::TooLong,
        field: path.into(),
        value: None,
        detail: format!("may not be more than {max} bytes"),
    }
}

/// An error whose value is shown as this text: structures that print their parts in an order of their own.
pub fn shown(kind: FieldErrorKind, path: impl Into<String>, value: &str, detail: &str) -> FieldError {
    let detail = if detail.is_empty() { value.to_owned() } else { format!("{value}: {detail}") };
    FieldError { kind, field: path.into(), value: None, detail }
}

/// A field that may not change.
pub fn immutable(new: &Value, old: &Value, key: &str, path: &str) -> Vec<FieldError> {
    if new[key] == old[key] {
        return vec![];
    }
    vec![FieldError::invalid(child(path, key), new[key].clone(), "field is immutable")]
}

/// A value of an enumeration: required, then one of `supported` (in the order to print).
pub fn one_of(v: &Value, key: &str, path: &str, supported: &[&str]) -> Vec<FieldError> {
    match text(v, key) {
        "" => vec![FieldError::required(child(path, key), "")],
        s if supported.contains(&s) => vec![],
        s => vec![FieldError::not_supported(child(path, key), s, supported)],
    }
}

/// Drops `status` and begins the generations.
pub fn reset_status_begin_generation(obj: &mut Value) {
    remove(obj, "status");
    set_generation(obj, 1);
}

/// Sets `metadata.generation`.
pub fn set_generation(obj: &mut Value, generation: i64) {
    if let Some(meta) = object(obj, "metadata") {
        meta["generation"] = generation.into();
    }
}

/// Keeps the old status, and counts the generation up when the spec differs.
pub fn keep_status_count_generation(new: &mut Value, old: &Value) {
    copy_field(new, old, "status");
    let before = old["metadata"]["generation"].as_i64().unwrap_or_default();
    set_generation(new, if new["spec"] == old["spec"] { before } else { before + 1 });
}

/// Keeps the old spec (and generation): an update of the status.
pub fn keep_spec(new: &mut Value, old: &Value) {
    copy_field(new, old, "spec");
    if let Some(meta) = object(new, "metadata") {
        copy_field(meta, &old["metadata"], "generation");
    }
}

/// For kinds without a part.
pub fn nothing(_: &mut Value) {}
/// For kinds whose updates keep nothing.
pub fn nothing_kept(_: &mut Value, _: &Value) {}
/// For kinds that warn of nothing.
pub fn no_warnings(_: &Value, _: Option<&Value>) -> Vec<String> {
    vec![]
}
