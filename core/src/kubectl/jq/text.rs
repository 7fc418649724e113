//! Functions of texts: regular expressions, and the formats whose names begin with `@`.

use super::eval::{Stop, tell};
use super::functions::texts;
use super::value::{J, number};
use base64::Engine as _;
use std::sync::Arc;

/// What has to do with regular expressions.
pub(super) fn matches(name: &str, x: &J, re: &J, flags: &J) -> Result<Vec<J>, Stop> {
    let s = match x {
        J::Str(s) => s.clone(),
        other => {
            return Err(Stop::error(format!("{} cannot be matched, as it is not a string", tell(other))));
        }
    };
    let (re, own) = match re {
        J::Arr(a) => (a.first().cloned().unwrap_or(J::Null), a.get(1).cloned().unwrap_or(J::Null)),
        other => (other.clone(), flags.clone()),
    };
    let pattern = texts(&re, "cannot be matched, as it is not a string")?.to_owned();
    let letters = if let J::Str(f) = &own { f.to_string() } else { String::new() };
    let inner: String = letters.chars().filter(|c| "ixs".contains(*c)).collect();
    let source = if inner.is_empty() { pattern.clone() } else { format!("(?{inner}){pattern}") };
    let rx = crate::text::regex(&source)
        .map_err(|_| Stop::error(format!("{pattern} (at offset 0) is not a valid regex")))?;
    if name == "test" {
        return Ok(vec![J::Bool(rx.is_match(&s))]);
    }
    let global = letters.contains('g') || name == "scan" || name == "split";
    let names: Vec<Option<String>> = rx.capture_names().map(|n| n.map(str::to_owned)).collect();
    // characters before each byte
    let mut before = vec![0u32; s.len() + 1];
    let mut count = 0;
    for (at, n) in before.iter_mut().enumerate() {
        *n = count;
        count += u32::from(s.is_char_boundary(at));
    }
    let place = |at: usize| J::Num(f64::from(before[at]));
    let found: Vec<_> = rx.captures_iter(&s).take(if global { usize::MAX } else { 1 }).collect();
    if name == "split" {
        let mut parts = vec![];
        let mut from = 0;
        for c in &found {
            let Some(whole) = c.get(0) else { continue };
            parts.push(J::str(&s[from..whole.start()]));
            from = whole.end();
        }
        parts.push(J::str(&s[from..]));
        return Ok(vec![J::arr(parts)]);
    }
    let text = |c: &regex_lite::Captures<'_>, i: usize| c.get(i).map_or(J::Null, |m| J::str(m.as_str()));
    let row = |c: &regex_lite::Captures<'_>| -> J {
        match name {
            "capture" => {
                let named = names.iter().enumerate().filter_map(|(i, n)| Some((n.as_deref()?.into(), text(c, i))));
                J::obj(named.collect::<Vec<(Arc<str>, J)>>())
            }
            "scan" if names.len() > 1 => J::arr((1..names.len()).map(|i| text(c, i)).collect()),
            "scan" => text(c, 0),
            _ => {
                let part = |i: usize| -> Vec<(Arc<str>, J)> {
                    let m = c.get(i);
                    vec![
                        ("offset".into(), m.map_or(J::Num(-1.0), |m| place(m.start()))),
                        ("length".into(), J::Num(m.map_or(0, |m| m.as_str().chars().count()) as f64)),
                        ("string".into(), text(c, i)),
                    ]
                };
                let captures = (1..names.len()).map(|i| {
                    let name = names[i].as_deref().map_or(J::Null, J::str);
                    J::obj(part(i).into_iter().chain([("name".into(), name)]))
                });
                J::obj(part(0).into_iter().chain([("captures".into(), J::arr(captures.collect()))]))
            }
        }
    };
    Ok(found.iter().map(row).collect())
}

/// A string as it is, anything else as JSON.
pub(super) fn plain_text(x: &J) -> String {
    match x {
        J::Str(s) => s.to_string(),
        other => other.text(),
    }
}

/// `@base64` and the like.
pub(super) fn format(name: &str, x: &J) -> Result<String, Stop> {
    let escape = |table: &[(char, &str)]| -> String {
        let known = |c: char| table.iter().find(|(k, _)| *k == c).map(|(_, v)| (*v).to_owned());
        plain_text(x).chars().map(|c| known(c).unwrap_or_else(|| c.to_string())).collect()
    };
    let row = |between: &str, cell: &dyn Fn(&J) -> Result<String, Stop>| -> Result<String, Stop> {
        let J::Arr(list) = x else { return Err(Stop::error(format!("{} cannot be formatted as a row", tell(x)))) };
        Ok(list.iter().map(cell).collect::<Result<Vec<_>, _>>()?.join(between))
    };
    let bad = |y: &J, what: &str| Err(Stop::error(format!("{} is not valid in a {what}", tell(y))));
    match name {
        "@text" => Ok(plain_text(x)),
        "@json" => Ok(x.text()),
        "@html" => Ok(escape(&[('<', "&lt;"), ('>', "&gt;"), ('&', "&amp;"), ('\'', "&#39;"), ('"', "&quot;")])),
        "@uri" => Ok(plain_text(x)
            .bytes()
            .map(|b| match b {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
                _ => format!("%{b:02X}"),
            })
            .collect()),
        "@csv" => row(",", &|y| match y {
            J::Str(s) => Ok(format!("\"{}\"", s.replace('"', "\"\""))),
            J::Num(n) => Ok(number(*n)),
            J::Bool(b) => Ok(b.to_string()),
            J::Null => Ok(String::new()),
            other => bad(other, "csv row"),
        }),
        "@tsv" => row("\t", &|y| match y {
            J::Str(s) => Ok(s.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")),
            J::Num(n) => Ok(number(*n)),
            J::Bool(b) => Ok(b.to_string()),
            J::Null => Ok(String::new()),
            other => bad(other, "tsv row"),
        }),
        "@sh" => {
            let quote = |y: &J| match y {
                J::Str(s) => Ok(format!("'{}'", s.replace('\'', "'\\''"))),
                J::Arr(_) | J::Obj(_) => Err(Stop::error(format!("{} can not be escaped for shell", tell(y)))),
                other => Ok(other.text()),
            };
            if matches!(x, J::Arr(_)) { row(" ", &quote) } else { quote(x) }
        }
        "@base64" => Ok(base64::engine::general_purpose::STANDARD.encode(plain_text(x))),
        "@base64d" => {
            let text = plain_text(x);
            let raw = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text.trim_end_matches('='));
            let raw = raw.map_err(|_| Stop::error(format!("{} is not valid base64 data", tell(x))))?;
            Ok(String::from_utf8_lossy(&raw).into_owned())
        }
        other => Err(Stop::Undefined(format!("{} is not a valid format", other.trim_start_matches('@')))),
    }
}
