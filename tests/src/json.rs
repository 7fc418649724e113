//! JSON and text as the recordings' Python tools write and split them, so that orders and differences agree.

use serde_json::Value;
use std::fmt::Write;

/// The text Python's `json.dumps(v, sort_keys=True)` gives: what lists are ordered by.
pub fn sort_key(v: &Value) -> String {
    let mut out = String::new();
    write_key(v, &mut out);
    out
}

fn write_key(v: &Value, out: &mut String) {
    match v {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (i, k) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_string(k, out);
                out.push_str(": ");
                write_key(&map[k], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, x) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_key(x, out);
            }
            out.push(']');
        }
        Value::String(s) => write_string(s, out),
        _ => out.push_str(&v.to_string()),
    }
}

fn write_string(s: &str, out: &mut String) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// Pretty JSON with one space a level and sorted keys: the form of the recorded files.
pub fn pretty(v: &Value) -> String {
    use serde::Serialize;
    let mut out = vec![];
    let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut to = serde_json::Serializer::with_formatter(&mut out, format);
    sorted(v).serialize(&mut to).map(|()| String::from_utf8(out).unwrap_or_default()).unwrap_or_default()
}

fn sorted(v: &Value) -> Value {
    match v {
        Value::Object(map) => {
            let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
            pairs.sort_by_key(|(k, _)| *k);
            Value::Object(pairs.into_iter().map(|(k, x)| (k.clone(), sorted(x))).collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        _ => v.clone(),
    }
}

/// `{}` or `[]`.
pub fn is_empty(v: &Value) -> bool {
    v.as_object().is_some_and(|m| m.is_empty()) || v.as_array().is_some_and(|a| a.is_empty())
}

/// White space as Python strips it.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Lines as Python's `splitlines` cuts them: without their ends, and no empty one after the last end.
pub fn split_lines(s: &str) -> Vec<&str> {
    let ends = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut out = vec![];
    let mut rest = s;
    while !rest.is_empty() {
        let end = rest.find(ends).unwrap_or(rest.len());
        out.push(&rest[..end]);
        let tail = &rest[end..];
        let width = if tail.starts_with("\r\n") { 2 } else { tail.chars().next().map_or(0, char::len_utf8) };
        rest = &tail[width..];
    }
    out
}

/// Where two outcomes differ: `path: expected != found`, in order.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut out = vec![];
    compare(expected, found, "", &mut out);
    out
}

fn cut(v: &Value) -> String {
    let text = serde_json::to_string(v).unwrap_or_default();
    match text.char_indices().nth(300) {
        Some((i, _)) => format!("{}…", &text[..i]),
        None => text,
    }
}

fn compare(a: &Value, b: &Value, path: &str, out: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let mut keys: Vec<&String> = x.keys().chain(y.keys()).collect();
            keys.sort();
            keys.dedup();
            for k in keys {
                let path = format!("{path}.{k}");
                match (x.get(k), y.get(k)) {
                    (Some(a), Some(b)) => compare(a, b, &path, out),
                    (Some(a), None) => out.push(format!("{path}: missing {}", cut(a))),
                    (None, Some(b)) => out.push(format!("{path}: unexpected {}", cut(b))),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(x), Value::Array(y)) => {
            for (i, (a, b)) in x.iter().zip(y).enumerate() {
                compare(a, b, &format!("{path}[{i}]"), out);
            }
            let shared = x.len().min(y.len());
            for (i, a) in x.iter().enumerate().skip(shared) {
                out.push(format!("{path}[{i}]: missing {}", cut(a)));
            }
            for (i, b) in y.iter().enumerate().skip(shared) {
                out.push(format!("{path}[{i}]: unexpected {}", cut(b)));
            }
        }
        _ if a == b => {}
        _ => out.push(format!("{path}: {} != {}", cut(a), cut(b))),
    }
}
