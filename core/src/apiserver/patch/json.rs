//! Patches without a schema: JSON merge patch (RFC 7386), JSON patch (RFC 6902), and apply for kinds without a schema.

use serde_json::{Map, Value};

/// Applies a JSON merge patch.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    for (key, value) in patch {
        match value {
            Value::Null => drop(map.remove(key)),
            _ => merge(map.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

/// The merge patch that leads from one object to another.
fn difference(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, new) in to {
        match (from.get(key), new) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                let inner = difference(old, new);
                if !inner.is_empty() {
                    patch.insert(key.clone(), inner.into());
                }
            }
            _ => drop(patch.insert(key.clone(), new.clone())),
        }
    }
    for key in from.keys().filter(|k| !to.contains_key(*k)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// Keeps only the deletions of a merge patch, or only the rest. An empty object is a value, not an empty patch.
fn filtered(patch: Map<String, Value>, deletions: bool) -> Map<String, Value> {
    let keep = |(key, value)| match value {
        Value::Null => deletions.then_some((key, Value::Null)),
        Value::Object(inner) if !inner.is_empty() => {
            let inner = filtered(inner, deletions);
            (!inner.is_empty()).then(|| (key, inner.into()))
        }
        value => (!deletions).then_some((key, value)),
    };
    patch.into_iter().filter_map(keep).collect()
}

/// The JSON merge patch by which `kubectl apply` brings what is wanted onto the live object: changes and additions
/// against the live object, deletions against what was applied last. Models CreateThreeWayJSONMergePatch.
pub fn json_three_way(original: &Value, modified: &Value, current: &Value) -> Value {
    let map = |v: &Value| v.as_object().cloned().unwrap_or_default();
    let (original, modified, current) = (map(original), map(modified), map(current));
    let mut patch = filtered(difference(&original, &modified), true);
    let changes = filtered(difference(&current, &modified), false);
    combine(&mut patch, changes);
    patch.into()
}

/// Lays one merge patch over another.
fn combine(patch: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (patch.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => combine(below, above),
            (_, value) => drop(patch.insert(key, value)),
        }
    }
}

/// An operation of a JSON patch could not be carried out.
pub(super) struct Refused;

/// Carries out one operation. As the library of the API server does it, a `replace` may set a new key of an object.
pub(super) fn operate(doc: &mut Value, operation: &Value) -> Result<(), Refused> {
    let text = |key: &str| operation[key].as_str();
    let path = text("path").ok_or(Refused)?;
    let value = || operation.get("value").cloned().ok_or(Refused);
    match text("op") {
        Some("add") => put(doc, path, value()?, true),
        Some("replace") => put(doc, path, value()?, false),
        Some("remove") => take(doc, path).map(drop),
        Some("move") => {
            let moved = take(doc, text("from").ok_or(Refused)?)?;
            put(doc, path, moved, true)
        }
        Some("copy") => {
            let copied = doc.pointer(text("from").ok_or(Refused)?).cloned().ok_or(Refused)?;
            put(doc, path, copied, true)
        }
        Some("test") => {
            let found = doc.pointer(path).unwrap_or(&Value::Null);
            if *found == operation["value"] { Ok(()) } else { Err(Refused) }
        }
        _ => Err(Refused),
    }
}

/// The container a pointer leads into, and the last token.
fn container<'a>(doc: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), Refused> {
    let (parent, last) = path.rsplit_once('/').ok_or(Refused)?;
    let last = last.replace("~1", "/").replace("~0", "~");
    Ok((doc.pointer_mut(parent).ok_or(Refused)?, last))
}

fn index(token: &str, length: usize) -> Result<usize, Refused> {
    let n: i64 = token.parse().map_err(|_| Refused)?;
    // Negative indexes count from the end.
    let n = if n < 0 { n + length as i64 } else { n };
    usize::try_from(n).map_err(|_| Refused)
}

fn put(doc: &mut Value, path: &str, value: Value, insert: bool) -> Result<(), Refused> {
    if path.is_empty() {
        *doc = value;
        return Ok(());
    }
    match container(doc, path)? {
        (Value::Object(map), key) => drop(map.insert(key, value)),
        (Value::Array(list), token) if insert => {
            let at = if token == "-" { list.len() } else { index(&token, list.len() + 1)? };
            if at > list.len() {
                return Err(Refused);
            }
            list.insert(at, value);
        }
        (Value::Array(list), token) => {
            let at = index(&token, list.len())?;
            *list.get_mut(at).ok_or(Refused)? = value;
        }
        _ => return Err(Refused),
    }
    Ok(())
}

fn take(doc: &mut Value, path: &str) -> Result<Value, Refused> {
    match container(doc, path)? {
        (Value::Object(map), key) => map.remove(&key).ok_or(Refused),
        (Value::Array(list), token) => {
            let at = index(&token, list.len())?;
            if at < list.len() { Ok(list.remove(at)) } else { Err(Refused) }
        }
        _ => Err(Refused),
    }
}
