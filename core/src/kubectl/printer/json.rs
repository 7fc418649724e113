//! JSON and YAML as kubectl writes them.

use serde_json::Value;
use std::fmt::Write;

/// JSON with four spaces of indent, keys sorted, `<`, `>`, `&` escaped as Go does.
pub fn json(v: &Value) -> String {
    let mut out = String::new();
    write_json(v, 0, &mut out);
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

fn write_json(v: &Value, indent: usize, out: &mut String) {
    let pad = |n: usize, out: &mut String| out.extend(std::iter::repeat_n("    ", n));
    match v {
        Value::Array(a) if !a.is_empty() => {
            out.push_str("[\n");
            for (i, item) in a.iter().enumerate() {
                pad(indent + 1, out);
                write_json(item, indent + 1, out);
                out.push_str(if i + 1 < a.len() { ",\n" } else { "\n" });
            }
            pad(indent, out);
            out.push(']');
        }
        Value::Object(m) if !m.is_empty() => {
            out.push_str("{\n");
            for (i, (k, item)) in m.iter().enumerate() {
                pad(indent + 1, out);
                let _ = write!(out, "{}: ", quote(k));
                write_json(item, indent + 1, out);
                out.push_str(if i + 1 < m.len() { ",\n" } else { "\n" });
            }
            pad(indent, out);
            out.push('}');
        }
        other => out.push_str(&compact(other)),
    }
}

/// YAML as kubectl prints it (sigs.k8s.io/yaml: sequences are not indented under their key).
pub fn yaml(v: &Value) -> String {
    let mut out = String::new();
    match v {
        Value::Object(m) if !m.is_empty() => write_map(v, 0, &mut out),
        Value::Array(a) if !a.is_empty() => write_seq(a, 0, &mut out),
        other => {
            scalar(other, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn write_map(v: &Value, indent: usize, out: &mut String) {
    let Value::Object(m) = v else { return };
    for (i, (k, item)) in m.iter().enumerate() {
        if i > 0 || !out.ends_with("- ") {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        key(k, out);
        out.push(':');
        write_value(item, indent, out);
    }
}

/// A key is written on one line.
fn key(k: &str, out: &mut String) {
    let mut shown = String::new();
    text(k, 0, &mut shown);
    if shown.contains('\n') {
        shown = quote(k);
    }
    out.push_str(&shown);
}

fn write_value(v: &Value, indent: usize, out: &mut String) {
    match v {
        Value::Object(m) if !m.is_empty() => {
            out.push('\n');
            write_map(v, indent + 2, out);
        }
        Value::Array(a) if !a.is_empty() => {
            out.push('\n');
            write_seq(a, indent, out);
        }
        other => {
            out.push(' ');
            scalar(other, indent + 2, out);
            out.push('\n');
        }
    }
}

fn write_seq(a: &[Value], indent: usize, out: &mut String) {
    for (i, item) in a.iter().enumerate() {
        if i > 0 || !out.ends_with("- ") {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push_str("- ");
        match item {
            Value::Object(m) if !m.is_empty() => write_map(item, indent + 2, out),
            Value::Array(inner) if !inner.is_empty() => write_seq(inner, indent + 2, out),
            other => {
                scalar(other, indent + 2, out);
                out.push('\n');
            }
        }
    }
}

fn scalar(v: &Value, indent: usize, out: &mut String) {
    match v {
        Value::String(s) => text(s, indent, out),
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// A string: plain where it can be, quoted where it would read as something else, a block where it has lines.
fn text(s: &str, indent: usize, out: &mut String) {
    let printable = |c: char| c == '\n' || c == '\t' || c >= ' ' && c != '\u{7f}' && c != '\u{feff}';
    if s.contains('\n') && s.chars().all(printable) && !s.starts_with([' ', '\n', '\t']) && !s.contains(" \n") {
        let chomp = match (s.ends_with('\n'), s.ends_with("\n\n") || s == "\n") {
            (_, true) => "+",
            (false, _) => "-",
            _ => "",
        };
        let _ = write!(out, "|{chomp}");
        for line in s.strip_suffix('\n').unwrap_or(s).split('\n') {
            out.push('\n');
            if !line.is_empty() {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push_str(line);
            }
        }
        return;
    }
    if !s.chars().all(|c| printable(c) && c != '\t') || s.contains('\n') {
        out.push('"');
        for c in s.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                    let _ = write!(out, "\\x{:02X}", c as u32);
                }
                c => out.push(c),
            }
        }
        out.push('"');
    } else if reads_as_other(s) {
        let _ = write!(out, "\"{}\"", s.replace('\\', "\\\\").replace('"', "\\\""));
    } else if needs_quotes(s) {
        fold(&format!("'{}'", s.replace('\'', "''")), 1, indent, out);
    } else {
        fold(s, 0, indent, out);
    }
}

/// Writes a scalar that may go over several lines: it is broken at single blanks behind column 80. `edge` characters at
/// both ends are quotes, next to which there is no break.
fn fold(s: &str, edge: usize, indent: usize, out: &mut String) {
    const WIDTH: usize = 80;
    let mut column = out.rsplit('\n').next().map_or(0, |l| l.chars().count());
    let chars: Vec<char> = s.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let single = i > 0 && chars[i - 1] != ' ' && chars.get(i + 1).is_some_and(|n| *n != ' ');
        if *c == ' ' && single && column > WIDTH && i > edge && i + 1 + edge < chars.len() {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            out.push(*c);
            column += 1;
        }
    }
}

/// Would the plain text be read as a bool, null, number or time of YAML 1.1?
fn reads_as_other(s: &str) -> bool {
    const WORDS: &[&str] = &[
        "", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "y", "Y", "yes", "Yes",
        "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", ".nan", ".NaN", ".NAN", ".inf",
        ".Inf", ".INF", "+.inf", "-.inf", "<<",
    ];
    if WORDS.contains(&s) {
        return true;
    }
    let plain = s.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = starts
        && (unsigned.parse::<f64>().is_ok() && !unsigned.ends_with("inf")
            || ["0x", "0b", "0o"].iter().any(|p| {
                unsigned.strip_prefix(p).is_some_and(|r| !r.is_empty() && r.chars().all(|c| c.is_ascii_hexdigit()))
            }));
    let b = s.as_bytes();
    let date = b.len() >= 8
        && b[..4].iter().all(u8::is_ascii_digit)
        && b[4] == b'-'
        && s.split('-').count() >= 3
        && s.parse::<jiff::civil::Date>().is_ok() | s.parse::<jiff::Timestamp>().is_ok();
    let sexagesimal = s.contains(':')
        && s.trim_start_matches(['+', '-'])
            .split(':')
            .all(|p| !p.is_empty() && p.bytes().all(|c| c.is_ascii_digit() || c == b'.'));
    number || date || sexagesimal
}

fn needs_quotes(s: &str) -> bool {
    let first = s.chars().next().unwrap_or(' ');
    let second = s.chars().nth(1);
    let blank_after = second.is_none_or(|c| c == ' ');
    first == ' '
        || s.ends_with(' ')
        || ",[]{}#&*!|>'\"%@`".contains(first)
        || "-?:".contains(first) && blank_after
        || s.contains(": ")
        || s.ends_with(':')
        || s.contains(" #")
        || s.starts_with("---")
        || s.starts_with("...")
        || first == '=' && s.len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as j;

    #[test]
    fn yaml_as_kubectl_prints_it() {
        let v = j!({"a": "yes", "b": [1, {"c": "x: y", "d": []}], "e": "l1\nl2\n", "f": {}, "g": "1", "h": null, "t": "2026-01-01T00:00:00Z", "-": "-", "p": "8080:80"});
        assert_eq!(
            yaml(&v),
            "'-': '-'\na: \"yes\"\nb:\n- 1\n- c: 'x: y'\n  d: []\ne: |\n  l1\n  l2\nf: {}\ng: \"1\"\nh: null\np: \"8080:80\"\nt: \"2026-01-01T00:00:00Z\"\n"
        );
    }
}
