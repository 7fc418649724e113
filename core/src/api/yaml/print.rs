//! Printing as `kubectl -o yaml` does.

use super::scalar::{Resolved, is_base60, resolve};
use libyaml_safer::{Emitter, Encoding, Event, MappingStyle, ScalarStyle, SequenceStyle};
use serde_json::Value;
use std::cmp::Ordering;

/// A value as YAML: keys in natural order, two blanks of indentation, lists not indented below their keys, lines
/// folded at 80, texts in quotes where they could be read as something else.
pub fn to_yaml(value: &Value) -> String {
    let mut out = vec![];
    // The emitter fails on misuse and on a writer that fails; a Vec does not.
    let _ = emit(value, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn emit(value: &Value, out: &mut Vec<u8>) -> Result<(), libyaml_safer::Error> {
    let mut emitter = Emitter::new();
    emitter.set_output(out);
    emitter.set_unicode(true);
    emitter.emit(Event::stream_start(Encoding::Utf8))?;
    emitter.emit(Event::document_start(None, &[], true))?;
    node(value, &mut emitter)?;
    emitter.emit(Event::document_end(true))?;
    emitter.emit(Event::stream_end())?;
    emitter.flush()
}

fn node(value: &Value, emitter: &mut Emitter<'_>) -> Result<(), libyaml_safer::Error> {
    match value {
        Value::Null => plain("null", emitter),
        Value::Bool(b) => plain(if *b { "true" } else { "false" }, emitter),
        Value::Number(n) => match n.as_f64() {
            Some(f) if n.is_f64() => plain(&float(f), emitter),
            _ => plain(&n.to_string(), emitter),
        },
        Value::String(s) => text(s, emitter),
        Value::Array(list) => {
            emitter.emit(Event::sequence_start(None, None, true, SequenceStyle::Block))?;
            for item in list {
                node(item, emitter)?;
            }
            emitter.emit(Event::sequence_end())
        }
        Value::Object(map) => {
            emitter.emit(Event::mapping_start(None, None, true, MappingStyle::Block))?;
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by(|a, b| natural_order(a.0, b.0));
            for (k, v) in entries {
                text(k, emitter)?;
                node(v, emitter)?;
            }
            emitter.emit(Event::mapping_end())
        }
    }
}

/// The shortest form that reads back, with an exponent beyond 21 digits or below 1e-4.
fn float(f: f64) -> String {
    if f.fract() == 0.0 && f.abs() < 1e21 {
        return format!("{f}");
    }
    if f.abs() < 1e-4 || f.abs() >= 1e21 {
        let s = format!("{f:e}");
        let (m, e) = s.split_once('e').unwrap_or((&s, "0"));
        let (sign, digits) = match e.strip_prefix('-') {
            Some(d) => ('-', d),
            None => ('+', e),
        };
        return format!("{m}e{sign}{digits:0>2}");
    }
    format!("{f}")
}

fn plain(s: &str, emitter: &mut Emitter<'_>) -> Result<(), libyaml_safer::Error> {
    emitter.emit(Event::scalar(None, None, s, true, true, ScalarStyle::Plain))
}

fn text(s: &str, emitter: &mut Emitter<'_>) -> Result<(), libyaml_safer::Error> {
    let style = if s.contains('\n') {
        ScalarStyle::Literal
    } else if resolve(s) == Resolved::Text && !is_base60(s) {
        ScalarStyle::Plain
    } else {
        ScalarStyle::DoubleQuoted
    };
    emitter.emit(Event::scalar(None, None, s, true, true, style))
}

/// The order of keys in printed YAML: signs before letters, runs of digits by their value.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (ar, br): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    for i in 0..ar.len().min(br.len()) {
        if ar[i] == br[i] {
            continue;
        }
        let (al, bl) = (ar[i].is_alphabetic(), br[i].is_alphabetic());
        if al && bl {
            return ar[i].cmp(&br[i]);
        }
        if al || bl {
            return if bl { Ordering::Less } else { Ordering::Greater };
        }
        // Zeros inside a longer number are digits like others.
        let inside = (ar[i] == '0' || br[i] == '0')
            && ar[..i].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
        let run = |s: &[char]| {
            let digits: Vec<char> = s[i..].iter().copied().take_while(char::is_ascii_digit).collect();
            let value = digits.iter().fold(u64::from(inside), |n, d| {
                n.saturating_mul(10).saturating_add(u64::from(d.to_digit(10).unwrap_or(0)))
            });
            (value, digits.len())
        };
        return run(&ar).cmp(&run(&br)).then(ar[i].cmp(&br[i]));
    }
    ar.len().cmp(&br.len())
}
