//! JSON and YAML as kubectl writes them. The YAML is [`crate::api::yaml`]'s.

use crate::api::schema::{self, TypeInfo};
use serde_json::Value;
use std::fmt::Write;

/// JSON with four spaces of indent, keys sorted, `<`, `>`, `&` escaped as Go does.
pub fn json(v: &Value) -> String {
    let mut out = String::new();
    write_json(v, None, 0, &mut out);
    out.push('\n');
    out
}

/// JSON of an object that kubectl holds as a Go structure: the fields stand in that structure's order.
pub fn typed(v: &Value) -> String {
    let mut out = String::new();
    write_json(v, schema::type_of(v), 0, &mut out);
    out.push('\n');
    out
}

/// JSON on one line, as Go's encoder writes it.
pub fn compact(v: &Value) -> String {
    match v {
        Value::Array(a) => format!("[{}]", a.iter().map(compact).collect::<Vec<_>>().join(",")),
        Value::Object(m) => {
            let fields: Vec<String> = m.iter().map(|(k, v)| format!("{}:{}", quote(k), compact(v))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::String(s) => quote(s),
        other => other.to_string(),
    }
}

/// A JSON string as Go's encoder writes it.
pub fn quote(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn write_json(v: &Value, info: Option<&'static TypeInfo>, indent: usize, out: &mut String) {
    let pad = |n: usize, out: &mut String| out.extend(std::iter::repeat_n("    ", n));
    match v {
        Value::Array(a) if !a.is_empty() => {
            out.push_str("[\n");
            for (i, item) in a.iter().enumerate() {
                pad(indent + 1, out);
                write_json(item, info, indent + 1, out);
                out.push_str(if i + 1 < a.len() { ",\n" } else { "\n" });
            }
            pad(indent, out);
            out.push(']');
        }
        Value::Object(m) if !m.is_empty() => {
            out.push_str("{\n");
            for (i, (k, item, inner)) in schema::in_order(info, m).into_iter().enumerate() {
                pad(indent + 1, out);
                let _ = write!(out, "{}: ", quote(k));
                write_json(item, inner, indent + 1, out);
                out.push_str(if i + 1 < m.len() { ",\n" } else { "\n" });
            }
            pad(indent, out);
            out.push('}');
        }
        other => out.push_str(&compact(other)),
    }
}

/// YAML as kubectl prints it.
pub fn yaml(v: &Value) -> String {
    crate::api::yaml::to_yaml(v)
}
