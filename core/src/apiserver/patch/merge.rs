//! Applying a strategic merge patch.

use super::lists::{
    DELETE_FROM, DIRECTIVE, RETAIN_KEYS, SET_ORDER, as_list, as_map, deduplicate, find, in_order, interleave,
    items_are_maps, no_merge_key, partition, same_type,
};
use super::meta::{MergeSchema, Strategy};
use super::{PatchError, go_value};
use serde_json::{Map, Value};

/// Whether directives are carried out (on the server), or kept because the original is itself a patch (in kubectl).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    CarryOut,
    Keep,
}

/// Applies a patch to an object.
pub(super) fn apply<S: MergeSchema>(
    original: &Map<String, Value>,
    patch: &Map<String, Value>,
    schema: &S,
) -> Result<Map<String, Value>, PatchError> {
    merge_maps(original.clone(), patch.clone(), schema, Mode::CarryOut)
}

fn bad(what: &str) -> PatchError {
    PatchError::BadFormat(format!("invalid patch format of {what}"))
}

fn bad_directive(directive: &Value, map: Map<String, Value>) -> PatchError {
    let map = go_value(&Value::Object(map));
    PatchError::Other(format!("unknown patch type: {} in map: {map}", go_value(directive)))
}

/// The name behind the slash of `$setElementOrder/containers`.
fn directed<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    key.strip_prefix(prefix)?.strip_prefix('/')
}

pub(super) fn merge_maps<S: MergeSchema>(
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
    schema: &S,
    mode: Mode,
) -> Result<Map<String, Value>, PatchError> {
    if let Some(directive) = patch.get(DIRECTIVE).cloned() {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(bad_directive(&directive, patch)),
        };
    }
    retain_keys(&mut original, &mut patch, mode)?;
    merge_ordered(&mut original, &mut patch, schema, mode)?;
    for (key, value) in patch {
        let (name, deleting) = if key.starts_with(DELETE_FROM) {
            if mode == Mode::Keep {
                original.insert(key, value);
                continue;
            }
            match directed(&key, DELETE_FROM) {
                Some(name) => (name.to_owned(), true),
                None => return Err(bad("primitive list")),
            }
        } else {
            (key, false)
        };
        if value.is_null() {
            original.remove(&name);
            if mode == Mode::CarryOut {
                continue;
            }
        }
        let merged = match original.get_mut(&name) {
            Some(old) if same_type(old, &value) => match (old.take(), value) {
                (Value::Object(old), Value::Object(new)) => {
                    let meta = schema.field(&name).map_err(PatchError::Other)?;
                    Some(Value::Object(match meta.strategy {
                        Strategy::Replace => new,
                        _ => merge_maps(old, new, &meta.below, mode)?,
                    }))
                }
                (Value::Array(old), Value::Array(new)) => {
                    let meta = schema.field(&name).map_err(PatchError::Other)?;
                    Some(Value::Array(if meta.strategy == Strategy::Merge || deleting {
                        merge_lists(old, new, &meta.below, &meta.merge_key, mode, deleting)?
                    } else {
                        new
                    }))
                }
                (_, value) => without_directives(value),
            },
            // Nothing to delete from.
            _ if deleting => continue,
            _ => {
                let value = if mode == Mode::CarryOut { without_nulls(value) } else { value };
                without_directives(value)
            }
        };
        match merged {
            Some(v) => original.insert(name, v),
            None => original.remove(&name),
        };
    }
    Ok(original)
}

/// Drops objects that are directives; `None` if the value itself is one.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            Some(Value::Object(map.into_iter().filter_map(|(k, v)| Some((k, without_directives(v)?))).collect()))
        }
        Value::Array(list) => Some(Value::Array(list.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// `$retainKeys` lists every field that is to stay.
fn retain_keys(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    mode: Mode,
) -> Result<(), PatchError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    if mode == Mode::Keep {
        match original.get(RETAIN_KEYS) {
            Some(own) if *own != keys => {
                return Err(PatchError::Other(format!(
                    "{} and {} are not deep equal: this may happen when calculating the 3-way diff patch",
                    go_value(own),
                    go_value(&keys)
                )));
            }
            _ => original.insert(RETAIN_KEYS.into(), keys),
        };
        return Ok(());
    }
    let keys = keys.as_array().ok_or_else(|| bad("retainKeys"))?;
    let kept = |k: &str| keys.iter().any(|v| v == k);
    for (k, v) in patch.iter() {
        if !v.is_null() && !k.starts_with(DELETE_FROM) && !k.starts_with(SET_ORDER) && !kept(k) {
            return Err(bad("retainKeys"));
        }
    }
    original.retain(|k, _| kept(k));
    Ok(())
}

/// Merges the lists for which the patch says in which order their items come.
fn merge_ordered<S: MergeSchema>(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    schema: &S,
    mode: Mode,
) -> Result<(), PatchError> {
    let keys: Vec<String> = patch.keys().filter(|k| k.starts_with(SET_ORDER)).cloned().collect();
    for key in keys {
        let Some(order) = patch.remove(&key) else { continue };
        if mode == Mode::Keep {
            match original.get(&key) {
                Some(own) if *own != order => return Err(bad("setElementOrder list")),
                _ => original.insert(key.clone(), order.clone()),
            };
        }
        let order = as_list(&order)?;
        let name = directed(&key, SET_ORDER).ok_or_else(|| bad("setElementOrder list"))?;
        let old = original.get(name).map(as_list).transpose()?.cloned();
        let new = patch.get(name).map(as_list).transpose()?.cloned();
        let meta = schema.field(name).map_err(PatchError::Other)?;
        let merge_key = &meta.merge_key;
        if let Some(new) = &new {
            check_order(new, order, merge_key)?;
        }
        let (old_items, new_items) = (old.clone().unwrap_or_default(), new.clone().unwrap_or_default());
        let merged = match (old, new) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(new)) => new.into_iter().filter_map(without_directives).collect(),
            (Some(old), Some(new)) if meta.strategy == Strategy::Merge => {
                merge_lists(old, new, &meta.below, merge_key, mode, false)?
            }
            (Some(_), Some(new)) => new,
        };
        let (patched, server_only) = partition(merged, order, merge_key)?;
        let maps = items_are_maps(&[&old_items, &new_items])?;
        let old_items = if maps { refilled(old_items, &new_items, merge_key) } else { old_items };
        let both = interleave(patched, server_only, order, &old_items, merge_key, maps)?;
        original.insert(name.into(), Value::Array(both));
        patch.remove(name);
    }
    Ok(())
}

/// The server's order as upstream sees it at the end: it deletes and appends in place, so that new items stand where
/// deleted ones stood.
fn refilled(old: Vec<Value>, patch: &[Value], merge_key: &str) -> Vec<Value> {
    let directive = |item: &Value, what: &str| item.get(DIRECTIVE).is_some_and(|d| d == what);
    if patch.iter().any(|i| directive(i, "replace")) {
        return old;
    }
    let length = old.len();
    let same = |a: &Value, b: &Value| a.get(merge_key) == b.get(merge_key);
    let deleted = |o: &Value| patch.iter().any(|p| directive(p, "delete") && same(o, p));
    let mut order: Vec<Value> = old.into_iter().filter(|o| !deleted(o)).collect();
    for item in patch.iter().filter(|p| p.get(DIRECTIVE).is_none()) {
        if order.len() < length && !order.iter().any(|o| same(o, item)) {
            order.push(item.clone());
        }
    }
    order
}

/// The patch's items must come in the order that is asked for, and all be named there.
fn check_order(patch: &[Value], order: &[Value], merge_key: &str) -> Result<(), PatchError> {
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let kept: Vec<&Value> = if merge_key.is_empty() {
        patch.iter().collect()
    } else {
        for item in patch {
            as_map(item)?;
        }
        patch.iter().filter(|i| i.get(DIRECTIVE).is_none_or(|d| d != "delete")).collect()
    };
    let equal = |a: &Value, b: &Value| -> Result<bool, PatchError> {
        if merge_key.is_empty() {
            return Ok(a == b);
        }
        let key_of = |v: &Value| {
            let map = as_map(v)?;
            map.get(merge_key).cloned().ok_or_else(|| no_merge_key(map, merge_key))
        };
        Ok(key_of(a)? == key_of(b)?)
    };
    let (mut p, mut o) = (0, 0);
    while p < kept.len() && o < order.len() {
        if kept[p].get(DIRECTIVE).is_some() {
            p += 1;
            continue;
        }
        if equal(kept[p], &order[o])? {
            p += 1;
        }
        o += 1;
    }
    if p < kept.len() && o >= order.len() {
        let shown = |l: &[Value]| go_value(&Value::Array(l.to_vec()));
        return Err(PatchError::Other(format!(
            "The order in patch list:\n{}\n doesn't match {SET_ORDER} list:\n{}\n",
            shown(patch),
            shown(order)
        )));
    }
    Ok(())
}

fn merge_lists<S: MergeSchema>(
    original: Vec<Value>,
    patch: Vec<Value>,
    schema: &S,
    merge_key: &str,
    mode: Mode,
    deleting: bool,
) -> Result<Vec<Value>, PatchError> {
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    let maps = items_are_maps(&[&original, &patch])?;
    if !maps {
        if deleting && mode == Mode::CarryOut {
            return Ok(original.into_iter().filter(|v| !patch.contains(v)).collect());
        }
        let merged = deduplicate(original.iter().chain(&patch).cloned().collect());
        let (patched, server_only) = partition(merged, &patch, merge_key)?;
        return interleave(patched, server_only, &patch, &original, merge_key, false);
    }
    if merge_key.is_empty() {
        return Err(PatchError::Other("cannot merge lists without merge key for type struct".into()));
    }
    let (original, patch) = special_items(original, patch, merge_key)?;
    let mut merged = original.clone();
    for item in &patch {
        let map = as_map(item)?;
        let value = map.get(merge_key).ok_or_else(|| no_merge_key(map, merge_key))?;
        match find(&merged, merge_key, value)? {
            Some(i) => {
                let old = as_map(&merged[i])?.clone();
                merged[i] = Value::Object(merge_maps(old, map.clone(), schema, mode)?);
            }
            None => merged.push(item.clone()),
        }
    }
    let (patched, server_only) = partition(merged, &patch, merge_key)?;
    if patch.is_empty() {
        return in_order(server_only, &original, merge_key, true);
    }
    interleave(patched, server_only, &patch, &original, merge_key, true)
}

/// Carries out the items that are directives; what is left of both lists.
fn special_items(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    merge_key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut rest = vec![];
    let mut replace = false;
    for item in patch {
        let map = as_map(&item)?;
        match map.get(DIRECTIVE) {
            None => rest.push(item),
            Some(d) if d == "delete" => {
                let value = map.get(merge_key).ok_or_else(|| no_merge_key(map, merge_key))?;
                while let Some(i) = find(&original, merge_key, value)? {
                    original.remove(i);
                }
            }
            Some(d) if d == "replace" => replace = true,
            Some(d) if d == "merge" => {
                return Err(PatchError::Other("merging lists cannot yet be specified in the patch".into()));
            }
            Some(d) => return Err(bad_directive(d, map.clone())),
        }
    }
    Ok(if replace { (rest, vec![]) } else { (original, rest) })
}
