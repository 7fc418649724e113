//! How values are written as texts, and `format`. (Models cel-go `ext/strings` and its formatting.)

use super::eval::Machine;
use super::value::{Key, Val};
use super::{Failure, fail};

/// A double as Go prints it with `%g`.
pub(super) fn double(d: f64) -> String {
    if d.is_nan() {
        return "NaN".into();
    }
    if d.is_infinite() {
        return if d > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let size = d.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{d:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(e) => ('-', e),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    d.to_string()
}

/// A span of time as CEL prints it: in seconds.
pub(super) fn span(nanos: i64) -> String {
    let (sign, n) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let (seconds, rest) = (n / 1_000_000_000, n % 1_000_000_000);
    if rest == 0 {
        return format!("{sign}{seconds}s");
    }
    let fraction = format!("{rest:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}

/// A text between quotes, with what cannot be printed behind backslashes.
pub(super) fn quote(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value as `%s` prints it.
fn plain(m: &mut Machine<'_>, v: &Val, out: &mut String, depth: usize) -> Result<(), Failure> {
    m.pay(1)?;
    if depth > super::value::DEPTH {
        return fail("value is nested too deeply");
    }
    let before = out.len();
    match v {
        Val::Null => out.push_str("null"),
        Val::Bool(b) => out.push_str(&b.to_string()),
        Val::Int(i) => out.push_str(&i.to_string()),
        Val::Uint(u) => out.push_str(&u.to_string()),
        Val::Double(d) => out.push_str(&double(*d)),
        Val::Str(s) => out.push_str(s),
        Val::Bytes(b) => out.push_str(&String::from_utf8_lossy(b)),
        Val::Time(t) => out.push_str(&t.to_string()),
        Val::Span(s) => out.push_str(&span(*s)),
        Val::Type(t) => out.push_str(t),
        Val::List(l) => {
            out.push('[');
            for (i, v) in l.items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                plain(m, v, out, depth + 1)?;
            }
            out.push(']');
        }
        Val::Map(map) => {
            out.push('{');
            for (i, (k, v)) in map.map.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                match k {
                    Key::Str(s) => out.push_str(s),
                    k => out.push_str(&k.shown()),
                }
                out.push_str(": ");
                plain(m, v, out, depth + 1)?;
            }
            out.push('}');
        }
        v => {
            let why = format!(
                "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given {}",
                v.type_name()
            );
            return fail(format!("error during formatting: {why}"));
        }
    }
    m.pay(out.len().saturating_sub(before) / 10)
}

/// `format.format(values)`
pub(super) fn format(m: &mut Machine<'_>, pattern: &str, values: &[Val]) -> Result<String, Failure> {
    m.pay(pattern.len() / 10)?;
    let mut out = String::new();
    let (count, mut values) = (values.len(), values.iter());
    let mut chars = pattern.chars();
    let wrong = |why: String| fail(format!("error during formatting: {why}"));
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut precision = None;
        let mut next = chars.next();
        if next == Some('.') {
            let mut n = 0usize;
            next = chars.next();
            while let Some(d) = next.and_then(|c| c.to_digit(10)) {
                n = (n * 10 + d as usize).min(1000);
                next = chars.next();
            }
            precision = Some(n.min(50));
        }
        let Some(clause) = next else { return fail("unexpected end of string") };
        if clause == '%' {
            out.push('%');
            continue;
        }
        let Some(v) = values.next() else {
            return wrong(std::format!("index {count} out of range"));
        };
        match (clause, v) {
            ('s', v) => plain(m, v, &mut out, 0)?,
            ('d', Val::Int(i)) => out.push_str(&i.to_string()),
            ('d', Val::Uint(u)) => out.push_str(&u.to_string()),
            ('d', Val::Double(d)) if !d.is_finite() || d.fract() == 0.0 => out.push_str(&double(*d)),
            ('f', Val::Double(d)) => out.push_str(&std::format!("{d:.*}", precision.unwrap_or(6))),
            ('f', Val::Int(i)) => out.push_str(&std::format!("{:.*}", precision.unwrap_or(6), *i as f64)),
            ('f', Val::Uint(u)) => out.push_str(&std::format!("{:.*}", precision.unwrap_or(6), *u as f64)),
            ('e', Val::Double(_) | Val::Int(_) | Val::Uint(_)) => {
                let d = match v {
                    Val::Double(d) => *d,
                    Val::Int(i) => *i as f64,
                    Val::Uint(u) => *u as f64,
                    _ => 0.0,
                };
                let text = std::format!("{d:.*e}", precision.unwrap_or(6));
                let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                out.push_str(digits);
                out.push_str("×10");
                let (sign, exponent) = match exponent.strip_prefix('-') {
                    Some(e) => ("⁻", e),
                    None => ("", exponent),
                };
                out.push_str(sign);
                let raised = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
                let digit = |c: char| c.to_digit(10).map_or('⁰', |d| raised[d as usize]);
                out.extend(std::format!("{exponent:0>2}").chars().map(digit));
            }
            ('b', Val::Int(i)) if *i < 0 => out.push_str(&std::format!("-{:b}", i.unsigned_abs())),
            ('b', Val::Int(i)) => out.push_str(&std::format!("{i:b}")),
            ('b', Val::Uint(u)) => out.push_str(&std::format!("{u:b}")),
            ('b', Val::Bool(b)) => out.push(if *b { '1' } else { '0' }),
            ('x' | 'X', Val::Int(_) | Val::Uint(_) | Val::Str(_) | Val::Bytes(_)) => {
                let hex = |bytes: &[u8]| bytes.iter().map(|b| std::format!("{b:02x}")).collect::<String>();
                let text = match v {
                    Val::Int(i) if *i < 0 => std::format!("-{:x}", i.unsigned_abs()),
                    Val::Int(i) => std::format!("{i:x}"),
                    Val::Uint(u) => std::format!("{u:x}"),
                    Val::Str(s) => {
                        m.pay(s.len() / 5)?;
                        hex(s.as_bytes())
                    }
                    Val::Bytes(b) => {
                        m.pay(b.len() / 5)?;
                        hex(b)
                    }
                    _ => String::new(),
                };
                out.push_str(&if clause == 'X' { text.to_uppercase() } else { text });
            }
            ('o', Val::Int(i)) if *i < 0 => out.push_str(&std::format!("-{:o}", i.unsigned_abs())),
            ('o', Val::Int(i)) => out.push_str(&std::format!("{i:o}")),
            ('o', Val::Uint(u)) => out.push_str(&std::format!("{u:o}")),
            ('d' | 'f' | 'e' | 'b' | 'x' | 'X' | 'o', v) => {
                let (clause, wanted) = match clause {
                    'd' => ("decimal", "integers"),
                    'f' => ("fixed-point", "doubles"),
                    'e' => ("scientific", "doubles"),
                    'b' => ("binary", "integers and bools"),
                    'o' => ("octal", "integers"),
                    _ => ("hex", "integers, byte buffers, and strings"),
                };
                return wrong(std::format!(
                    "{clause} clause can only be used on {wanted}, was given {}",
                    v.type_name()
                ));
            }
            (c, _) => {
                return fail(std::format!("could not parse formatting clause: unrecognized formatting clause \"{c}\""));
            }
        }
    }
    Ok(out)
}
