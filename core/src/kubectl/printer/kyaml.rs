//! `-o kyaml`: YAML in flow style, with every text quoted.

use super::json::quote;
use serde_json::Value;

/// A document; the caller writes the `---` before it.
pub fn kyaml(v: &Value) -> String {
    let mut out = String::new();
    write(v, 0, &mut out);
    out.push('\n');
    out
}

fn write(v: &Value, indent: usize, out: &mut String) {
    match v {
        Value::Object(m) if m.is_empty() => out.push_str("{}"),
        Value::Object(m) => {
            out.push_str("{\n");
            for (k, item) in m {
                out.push_str(&"  ".repeat(indent + 1));
                out.push_str(&key(k));
                out.push_str(": ");
                write(item, indent + 1, out);
                out.push_str(",\n");
            }
            out.push_str(&"  ".repeat(indent));
            out.push('}');
        }
        Value::Array(a) if a.is_empty() => out.push_str("[]"),
        // maps in a list cuddle with its brackets
        Value::Array(a) if a.iter().all(|i| i.as_object().is_some_and(|m| !m.is_empty())) => {
            out.push('[');
            for (i, item) in a.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(item, indent, out);
            }
            out.push(']');
        }
        Value::Array(a) => {
            out.push_str("[\n");
            for item in a {
                out.push_str(&"  ".repeat(indent + 1));
                write(item, indent + 1, out);
                out.push_str(",\n");
            }
            out.push_str(&"  ".repeat(indent));
            out.push(']');
        }
        Value::String(s) => out.push_str(&quote(s)),
        other => out.push_str(&other.to_string()),
    }
}

fn key(k: &str) -> String {
    let plain = k.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && k.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&k.to_lowercase().as_str());
    if plain { k.to_string() } else { quote(k) }
}
