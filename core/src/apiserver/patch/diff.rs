//! Making strategic merge patches: from one object to another, and as `kubectl apply` does from three.

use super::lists::{
    DELETE_FROM, DIRECTIVE, RETAIN_KEYS, SET_ORDER, as_map, deduplicate, in_order, items_are_maps, no_merge_key,
    same_type, sort_by_text, sorted_scalars,
};
use super::merge::{Mode, merge_maps};
use super::meta::{MergeSchema, Strategy};
use super::{PatchError, go_value};
use crate::api::yaml::to_yaml;
use serde_json::{Map, Value};
use std::cmp::Ordering;

#[derive(Clone, Copy)]
struct Options {
    set_order: bool,
    ignore_changes: bool,
    ignore_deletions: bool,
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The patch that leads from `original` to `modified` (`null` stands for an empty object).
///
/// # Errors
/// A changed field is not in the schema, or an item of a merged list lacks its key.
pub fn two_way<S: MergeSchema>(original: &Value, modified: &Value, schema: &S) -> Result<Value, PatchError> {
    let options = Options { set_order: true, ignore_changes: false, ignore_deletions: false };
    diff_maps(&object(original), &object(modified), schema, options, false).map(Value::Object)
}

/// The patch that brings what was applied last (`original`) and is wanted now (`modified`) onto the live object
/// (`current`): changes and additions against the live object, deletions against the last one.
///
/// # Errors
/// As for [`two_way`]; and a conflict where the live object was changed otherwise and `overwrite` is not set.
pub fn three_way<S: MergeSchema>(
    original: &Value,
    modified: &Value,
    current: &Value,
    schema: &S,
    overwrite: bool,
) -> Result<Value, PatchError> {
    let (original, modified, current) = (object(original), object(modified), object(current));
    let additive = Options { set_order: true, ignore_changes: false, ignore_deletions: true };
    let delta = diff_maps(&current, &modified, schema, additive, false)?;
    let deleting = Options { set_order: true, ignore_changes: true, ignore_deletions: false };
    let deletions = diff_maps(&original, &modified, schema, deleting, false)?;
    let patch = merge_maps(deletions, delta, schema, Mode::Keep)?;
    if !overwrite {
        let all = Options { set_order: false, ignore_changes: false, ignore_deletions: false };
        let changed = diff_maps(&original, &current, schema, all, false)?;
        if maps_conflict(&patch, &changed, Some(schema))? {
            return Err(PatchError::Conflict(format!(
                "patch:\n{}\nconflicts with changes made from original to current:\n{}\n",
                to_yaml(&Value::Object(patch)),
                to_yaml(&Value::Object(changed))
            )));
        }
    }
    Ok(Value::Object(patch))
}

fn diff_maps<S: MergeSchema>(
    original: &Map<String, Value>,
    modified: &Map<String, Value>,
    schema: &S,
    options: Options,
    retain: bool,
) -> Result<Map<String, Value>, PatchError> {
    let mut patch = Map::new();
    let mut kept = vec![];
    for (key, new) in modified {
        if retain && !new.is_null() {
            kept.push(Value::String(key.clone()));
        }
        let Some(old) = original.get(key) else {
            if !options.ignore_changes {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        };
        if key == DIRECTIVE {
            if !old.is_string() || !new.is_string() {
                return Err(PatchError::Other(format!("invalid value for special key: {DIRECTIVE}")));
            }
            if old != new {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        }
        if !same_type(old, new) {
            if !options.ignore_changes {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        }
        match (old, new) {
            (Value::Object(a), Value::Object(b)) => {
                let meta = match schema.field(key) {
                    Ok(meta) => meta,
                    Err(_) if a == b => continue,
                    Err(e) => return Err(PatchError::Other(e)),
                };
                if meta.strategy == Strategy::Replace {
                    if !options.ignore_changes {
                        patch.insert(key.clone(), new.clone());
                    }
                } else {
                    let inner = diff_maps(a, b, &meta.below, options, meta.retain_keys)?;
                    if !inner.is_empty() {
                        patch.insert(key.clone(), inner.into());
                    }
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                let meta = match schema.field(key) {
                    Ok(meta) => meta,
                    Err(_) if a == b => continue,
                    Err(e) => return Err(PatchError::Other(e)),
                };
                if meta.strategy == Strategy::Merge {
                    let lists = diff_lists(a, b, &meta.below, &meta.merge_key, options, meta.retain_keys)?;
                    for (prefix, list) in [("", lists.items), (DELETE_FROM, lists.deletions), (SET_ORDER, lists.order)]
                    {
                        if !list.is_empty() {
                            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}/{key}") };
                            patch.insert(name, list.into());
                        }
                    }
                } else if !options.ignore_changes && a != b {
                    patch.insert(key.clone(), new.clone());
                }
            }
            _ => {
                if !options.ignore_changes && old != new {
                    patch.insert(key.clone(), new.clone());
                }
            }
        }
    }
    if !options.ignore_deletions {
        for key in original.keys().filter(|k| !modified.contains_key(*k)) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    let something_to_clear = original.keys().any(|k| !modified.contains_key(k));
    if !kept.is_empty() && (!patch.is_empty() || something_to_clear) {
        patch.insert(RETAIN_KEYS.into(), sorted_scalars(&kept).into());
    }
    Ok(patch)
}

#[derive(Default)]
struct ListDiff {
    items: Vec<Value>,
    deletions: Vec<Value>,
    order: Vec<Value>,
}

fn diff_lists<S: MergeSchema>(
    original: &[Value],
    modified: &[Value],
    schema: &S,
    merge_key: &str,
    options: Options,
    retain: bool,
) -> Result<ListDiff, PatchError> {
    let mut out = ListDiff::default();
    if original.is_empty() {
        if !modified.is_empty() && !options.ignore_changes {
            out.items = modified.to_vec();
        }
        return Ok(out);
    }
    if !items_are_maps(&[original, modified])? {
        let sorted = sorted_scalars(original);
        let (added, removed) = diff_scalars(&sorted, &sorted_scalars(modified), options);
        out.items = in_order(added, modified, merge_key, false)?;
        out.deletions = removed;
        // The comparison is with the sorted list, as upstream sorts it in place.
        if options.set_order
            && (!options.ignore_deletions && !out.deletions.is_empty() || !options.ignore_changes && sorted != modified)
        {
            out.order = modified.to_vec();
        }
        return Ok(out);
    }
    let (items, deletions) = diff_objects(original, modified, schema, merge_key, options, retain)?;
    out.items = in_order(items, modified, merge_key, true)?;
    let same_order = original.len() == modified.len()
        && original.iter().zip(modified).all(|(a, b)| a.get(merge_key) == b.get(merge_key));
    out.items.extend(deletions);
    let content = !out.items.is_empty();
    if options.set_order
        && (!options.ignore_changes && (content || !same_order) || !options.ignore_deletions && content)
    {
        let only_key = |v: &Value| {
            let key = v.get(merge_key).cloned().unwrap_or_default();
            Value::Object(Map::from_iter([(merge_key.to_owned(), key)]))
        };
        out.order = modified.iter().map(only_key).collect();
    }
    Ok(out)
}

/// Steps through two sorted lists; `Less`: only in the first, `Greater`: only in the second.
fn step(a: Option<String>, b: Option<String>) -> Option<Ordering> {
    match (a, b) {
        (None, None) => None,
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(a), Some(b)) => Some(a.cmp(&b)),
    }
}

fn diff_scalars(original: &[Value], modified: &[Value], options: Options) -> (Vec<Value>, Vec<Value>) {
    let (mut added, mut removed) = (vec![], vec![]);
    let (mut i, mut j) = (0, 0);
    while let Some(order) = step(original.get(i).map(go_value), modified.get(j).map(go_value)) {
        match order {
            Ordering::Less => {
                if !options.ignore_deletions {
                    removed.push(original[i].clone());
                }
                i += 1;
            }
            Ordering::Greater => {
                if !options.ignore_changes {
                    added.push(modified[j].clone());
                }
                j += 1;
            }
            Ordering::Equal => (i, j) = (i + 1, j + 1),
        }
    }
    (added, deduplicate(removed))
}

fn diff_objects<S: MergeSchema>(
    original: &[Value],
    modified: &[Value],
    schema: &S,
    merge_key: &str,
    options: Options,
    retain: bool,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let key_of = |v: &Value| -> Result<Value, PatchError> {
        let map = as_map(v)?;
        map.get(merge_key).cloned().ok_or_else(|| no_merge_key(map, merge_key))
    };
    for item in original.iter().chain(modified) {
        key_of(item)?;
    }
    let text = |v: &Value| go_value(v.get(merge_key).unwrap_or(&Value::Null));
    let sorted = |list| {
        let mut refs: Vec<&Value> = Vec::from_iter::<std::slice::Iter<'_, Value>>(<[Value]>::iter(list));
        sort_by_text(&mut refs, text);
        refs
    };
    let (original, modified) = (sorted(original), sorted(modified));
    let (mut items, mut deletions) = (vec![], vec![]);
    let (mut i, mut j) = (0, 0);
    while let Some(order) = step(original.get(i).map(|v| text(v)), modified.get(j).map(|v| text(v))) {
        match order {
            Ordering::Equal => {
                let mut inner = diff_maps(as_map(original[i])?, as_map(modified[j])?, schema, options, retain)?;
                if !inner.is_empty() {
                    inner.insert(merge_key.to_owned(), key_of(modified[j])?);
                    items.push(inner.into());
                }
                (i, j) = (i + 1, j + 1);
            }
            Ordering::Greater => {
                if !options.ignore_changes {
                    items.push(modified[j].clone());
                }
                j += 1;
            }
            Ordering::Less => {
                if !options.ignore_deletions {
                    let directive = [(merge_key.to_owned(), key_of(original[i])?), (DIRECTIVE.into(), "delete".into())];
                    deletions.push(Value::Object(Map::from_iter(directive)));
                }
                i += 1;
            }
        }
    }
    Ok((items, deletions))
}

/// Do two patches set a field differently? Without a schema lists are compared item by item.
fn conflict<S: MergeSchema>(
    left: &Value,
    right: &Value,
    schema: Option<&S>,
    strategy: Strategy,
    merge_key: &str,
) -> Result<bool, PatchError> {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let (left, right) = (a.get(DIRECTIVE), b.get(DIRECTIVE));
            if left != right {
                return Ok(true);
            }
            if strategy == Strategy::Replace { Ok(false) } else { maps_conflict(a, b, schema) }
        }
        (Value::Array(a), Value::Array(b)) => lists_conflict(a, b, schema, strategy, merge_key),
        (Value::Object(_) | Value::Array(_), _) => Ok(true),
        _ => Ok(left != right),
    }
}

fn maps_conflict<S: MergeSchema>(
    left: &Map<String, Value>,
    right: &Map<String, Value>,
    schema: Option<&S>,
) -> Result<bool, PatchError> {
    for (key, a) in left.iter().filter(|(k, _)| *k != DIRECTIVE && *k != RETAIN_KEYS) {
        let Some(b) = right.get(key) else { continue };
        let meta = match schema {
            Some(s) if a.is_object() || a.is_array() => Some(s.field(key).map_err(PatchError::Other)?),
            _ => None,
        };
        let conflicting = match &meta {
            Some(m) => conflict(a, b, Some(&m.below), m.strategy, &m.merge_key)?,
            None => conflict::<S>(a, b, None, Strategy::Default, "")?,
        };
        if conflicting {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lists_conflict<S: MergeSchema>(
    left: &[Value],
    right: &[Value],
    schema: Option<&S>,
    strategy: Strategy,
    merge_key: &str,
) -> Result<bool, PatchError> {
    let maps = items_are_maps(&[left, right])?;
    if strategy == Strategy::Merge {
        if !maps {
            return Ok(false);
        }
        for a in left {
            let map = as_map(a)?;
            let key = map.get(merge_key).ok_or_else(|| no_merge_key(map, merge_key))?;
            // Of several with one key the last counts.
            if let Some(b) = right.iter().rev().find(|b| b.get(merge_key) == Some(key))
                && conflict(a, b, schema, Strategy::Default, "")?
            {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    if left.len() != right.len() {
        return Ok(true);
    }
    let prepared = |l: &[Value]| if maps { l.to_vec() } else { sorted_scalars(&deduplicate(l.to_vec())) };
    for (a, b) in prepared(left).iter().zip(&prepared(right)) {
        if conflict(a, b, schema, Strategy::Default, "")? {
            return Ok(true);
        }
    }
    Ok(false)
}
