//! What merging and comparing lists have in common: kinds of items, orders, duplicates.

use super::{PatchError, go_value};
use serde_json::{Map, Value};

pub(super) const DIRECTIVE: &str = "$patch";
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
pub(super) const DELETE_FROM: &str = "$deleteFromPrimitiveList";
pub(super) const SET_ORDER: &str = "$setElementOrder";

pub(super) fn no_merge_key(item: &Map<String, Value>, key: &str) -> PatchError {
    let shown = go_value(&Value::Object(item.clone()));
    PatchError::Other(format!("map: {shown} does not contain declared merge key: {key}"))
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Are two values of one type to Go?
pub(super) fn same_type(a: &Value, b: &Value) -> bool {
    go_kind(a) == go_kind(b)
}

pub(super) fn as_map(value: &Value) -> Result<&Map<String, Value>, PatchError> {
    value.as_object().ok_or_else(|| {
        PatchError::Other(format!("expected a map[string]interface {{}}, but received a {}", go_kind(value)))
    })
}

pub(super) fn as_list(value: &Value) -> Result<&Vec<Value>, PatchError> {
    value
        .as_array()
        .ok_or_else(|| PatchError::Other(format!("expected a []interface {{}}, but received a {}", go_kind(value))))
}

/// The items of all lists must be of one kind, and no lists; are they objects?
pub(super) fn items_are_maps(lists: &[&[Value]]) -> Result<bool, PatchError> {
    let mut items = lists.iter().flat_map(|l| l.iter());
    let Some(first) = items.next() else {
        return Err(PatchError::Other("no elements in any of the given slices".into()));
    };
    if first.is_array() {
        return Err(PatchError::Unsupported("lists of lists are not supported".into()));
    }
    if items.any(|i| !same_type(first, i)) {
        let shown: Vec<String> = lists.iter().map(|l| go_value(&Value::Array(l.to_vec()))).collect();
        return Err(PatchError::Other(format!("list element types are not identical: [{}]", shown.join(" "))));
    }
    Ok(first.is_object())
}

/// The value an item is known by: itself, or what its merge key says.
fn identity<'a>(item: &'a Value, key: &str, maps: bool) -> &'a Value {
    const NONE: &Value = &Value::Null;
    if maps { item.get(key).unwrap_or(NONE) } else { item }
}

fn index_of(list: &[Value], item: &Value, key: &str, maps: bool) -> Option<usize> {
    let wanted = identity(item, key, maps);
    list.iter().position(|v| identity(v, key, maps) == wanted)
}

/// The first object whose merge key has a value.
pub(super) fn find(list: &[Value], key: &str, value: &Value) -> Result<Option<usize>, PatchError> {
    for (i, item) in list.iter().enumerate() {
        let Some(map) = item.as_object() else {
            return Err(PatchError::Other(format!("value for key {i} is not a map.")));
        };
        if map.get(key) == Some(value) {
            return Ok(Some(i));
        }
    }
    Ok(None)
}

fn is_delete(item: &Value) -> bool {
    item.get(DIRECTIVE).is_some_and(|d| d == "delete")
}

/// Sorts items as they stand in `order`; items to delete come last.
pub(super) fn in_order(items: Vec<Value>, order: &[Value], key: &str, maps: bool) -> Result<Vec<Value>, PatchError> {
    let (keep, delete) = if maps {
        for item in items.iter().chain(order) {
            let map = as_map(item)?;
            if !map.contains_key(key) {
                return Err(no_merge_key(map, key));
            }
        }
        items.into_iter().partition(|i| !is_delete(i))
    } else {
        (items, vec![])
    };
    let mut ranked: Vec<(Option<usize>, Value)> =
        keep.into_iter().map(|i| (index_of(order, &i, key, maps), i)).collect();
    if ranked.iter().all(|r| r.0.is_some()) {
        ranked.sort_by_key(|r| r.0);
    } else {
        // An item without a place comes before all that it is compared with.
        for i in 1..ranked.len() {
            let mut j = i;
            while j > 0 && (ranked[j].0.is_none() || ranked[j - 1].0.is_none() || ranked[j].0 < ranked[j - 1].0) {
                ranked.swap(j, j - 1);
                j -= 1;
            }
        }
    }
    Ok(ranked.into_iter().map(|r| r.1).chain(delete).collect())
}

/// Merges the patch's items and those that only the server has; their own orders are kept, `server_order` decides
/// between them.
pub(super) fn interleave(
    patch: Vec<Value>,
    server_only: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    key: &str,
    maps: bool,
) -> Result<Vec<Value>, PatchError> {
    let mut right = in_order(patch, patch_order, key, maps)?.into_iter().peekable();
    let mut left = in_order(server_only, server_order, key, maps)?.into_iter().peekable();
    let mut out = vec![];
    loop {
        let first_left = match (left.peek(), right.peek()) {
            (None, None) => return Ok(out),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(l), Some(r)) => match (index_of(server_order, l, key, maps), index_of(server_order, r, key, maps)) {
                (Some(l), Some(r)) => l < r,
                _ => false,
            },
        };
        out.extend(if first_left { left.next() } else { right.next() });
    }
}

/// Splits items by whether they are in `by`.
pub(super) fn partition(items: Vec<Value>, by: &[Value], key: &str) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    if key.is_empty() {
        return Ok(items.into_iter().partition(|i| by.contains(i)));
    }
    let (mut inside, mut outside) = (vec![], vec![]);
    for item in items {
        let map = as_map(&item)?;
        let value = map.get(key).ok_or_else(|| no_merge_key(map, key))?;
        if find(by, key, value)?.is_some() { inside.push(item) } else { outside.push(item) }
    }
    Ok((inside, outside))
}

/// Leaves out what came before; the last item takes the place of a duplicate.
pub(super) fn deduplicate(mut list: Vec<Value>) -> Vec<Value> {
    let mut i = 0;
    while i < list.len() {
        let mut j = i + 1;
        while j < list.len() {
            if list[i] == list[j] { drop(list.swap_remove(j)) } else { j += 1 }
        }
        i += 1;
    }
    list
}

/// Sorts by the texts of the values; of equals in a short list the later comes first, as upstream's sort leaves them.
pub(super) fn sort_by_text<'a>(list: &mut [&'a Value], text: impl Fn(&'a Value) -> String) {
    if list.len() > 12 {
        return list.sort_by_cached_key(|v| text(v));
    }
    for i in 1..list.len() {
        let mut j = i;
        while j > 0 && text(list[j]) <= text(list[j - 1]) {
            list.swap(j, j - 1);
            j -= 1;
        }
    }
}

/// Sorts scalars by their texts.
pub(super) fn sorted_scalars(list: &[Value]) -> Vec<Value> {
    let mut refs: Vec<&Value> = list.iter().collect();
    sort_by_text(&mut refs, go_value);
    refs.into_iter().cloned().collect()
}
