//! Rows of custom resources: cells by JSONPath. (Models apiextensions-apiserver `pkg/registry/customresource/tableconvertor`.)

use super::{UnixSeconds, name, since};
use crate::api::kinds::Table;
use serde_json::Value;

pub(super) fn row(t: &Table, o: &Value, now: UnixSeconds) -> Vec<Value> {
    let mut cells = vec![name(o)];
    for (path, kind) in &t.cells {
        let found = find(o, path);
        let cell = match (found.as_slice(), kind.as_str()) {
            ([], _) => Value::Null,
            ([first, ..], "date") => since(first, now).into(),
            ([first, ..], "integer") => {
                first.as_i64().or_else(|| first.as_f64().map(|f| f as i64)).map_or(Value::Null, Value::from)
            }
            ([first, ..], "number" | "boolean") => (*first).clone(),
            ([one], _) => text(one).into(),
            (many, _) => many.iter().map(|v| text(v)).collect::<Vec<_>>().join(" ").into(),
        };
        cells.push(cell);
    }
    cells
}

fn text(v: &Value) -> String {
    v.as_str().map_or_else(|| v.to_string(), str::to_owned)
}

/// What a simple path leads to: `.spec.a`, `.list[0]`, `.list[*].b`, `.conditions[?(@.type=="Ready")].status`, `['a.b']`.
pub fn find<'a>(o: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut at = vec![o];
    let mut rest = path.trim().trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let Some(end) = closing(after, ['[', ']']) else { return vec![] };
            let inside = after[..end].trim();
            at = at.into_iter().flat_map(|v| pick(v, inside)).collect();
            rest = &after[end + 1..];
        } else {
            let after = rest.strip_prefix('.').unwrap_or(rest);
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let key = &after[..end];
            if key == "*" {
                at = at.into_iter().flat_map(|v| pick(v, "*")).collect();
            } else if !key.is_empty() {
                at = at.into_iter().filter_map(|v| v.get(key)).collect();
            }
            rest = &after[end..];
            if key.is_empty() && end == 0 && !rest.starts_with('[') {
                return vec![];
            }
        }
    }
    at.retain(|v| !v.is_null());
    at
}

/// Where the bracket that was opened before a text is closed; what stands in quotes does not count.
pub(crate) fn closing(text: &str, [open, close]: [char; 2]) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if c == open => depth += 1,
            (None, c) if c == close && depth == 0 => return Some(i),
            (None, c) if c == close => depth -= 1,
            _ => {}
        }
    }
    None
}

fn pick<'a>(v: &'a Value, inside: &str) -> Vec<&'a Value> {
    if inside == "*" {
        return match v {
            Value::Array(list) => list.iter().collect(),
            Value::Object(map) => map.values().collect(),
            _ => vec![],
        };
    }
    if let Some(condition) = inside.strip_prefix("?(").and_then(|c| c.strip_suffix(')')) {
        let list = v.as_array().into_iter().flatten();
        let holds = |item: &&Value| {
            let Some((left, right)) = condition.split_once("==") else { return false };
            let path = left.trim().trim_start_matches('@');
            let wanted = right.trim().trim_matches(['"', '\'']);
            find(item, path).first().is_some_and(|x| text(x) == wanted)
        };
        return list.filter(holds).collect();
    }
    let quoted = inside.trim_matches(['"', '\'']);
    if quoted.len() < inside.len() {
        return v.get(quoted).into_iter().collect();
    }
    match (inside.parse::<i64>(), v) {
        (Ok(n), Value::Array(list)) => {
            let n = if n < 0 { n + list.len() as i64 } else { n };
            usize::try_from(n).ok().and_then(|n| list.get(n)).into_iter().collect()
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_values() {
        let o = json!({"spec": {"a": 1, "l": [{"b": "x"}, {"b": "y"}], "d.e": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        for (path, expected) in [
            (".spec.a", json!([1])),
            (".spec.l[1].b", json!(["y"])),
            (".spec.l[*].b", json!(["x", "y"])),
            (".status.conditions[?(@.type==\"Ready\")].status", json!(["True"])),
            (".spec['d.e']", json!([true])),
            (".spec.none.x", json!([])),
        ] {
            assert_eq!(json!(find(&o, path)), expected, "{path}");
        }
    }
}
