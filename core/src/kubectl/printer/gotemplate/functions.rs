//! The functions that templates may call: Go's own and kubectl's.

use super::Result;
use crate::kubectl::printer::json::quote;
use crate::kubectl::printer::jsonpath::go;
use crate::text::{clamped, count};
use serde_json::Value;

pub(super) const FUNCTIONS: &[&str] = &[
    "and",
    "or",
    "not",
    "len",
    "index",
    "slice",
    "print",
    "printf",
    "println",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "html",
    "js",
    "urlquery",
    "exists",
    "base64decode",
];

pub(super) fn truth(v: &Value) -> bool {
    match v {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(a) => !a.is_empty(),
        Value::Object(m) => !m.is_empty(),
    }
}

fn order(a: &Value, b: &Value) -> Result<std::cmp::Ordering> {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            x.as_f64().partial_cmp(&y.as_f64()).ok_or_else(|| "not comparable".into())
        }
        (Value::String(x), Value::String(y)) => Ok(x.cmp(y)),
        (Value::Bool(x), Value::Bool(y)) => Ok(x.cmp(y)),
        _ => Err("incompatible types for comparison".into()),
    }
}

fn equal(a: &Value, b: &Value) -> Result<bool> {
    if a.is_null() || b.is_null() {
        return Ok(a.is_null() && b.is_null());
    }
    order(a, b).map(std::cmp::Ordering::is_eq)
}

pub(super) fn call(name: &str, args: &[Value]) -> Result<Value> {
    let need = |n: usize| {
        if args.len() < n {
            return Err(format!("wrong number of args for {name}: want at least {n} got {}", args.len()));
        }
        Ok(())
    };
    let compare = |test: fn(std::cmp::Ordering) -> bool| -> Result<Value> {
        need(2)?;
        Ok(test(order(&args[0], &args[1])?).into())
    };
    Ok(match name {
        "and" | "or" => {
            need(1)?;
            args.iter().find(|v| truth(v) == (name == "or")).unwrap_or(&args[args.len() - 1]).clone()
        }
        "not" => {
            need(1)?;
            (!truth(&args[0])).into()
        }
        "len" => {
            need(1)?;
            match &args[0] {
                Value::Array(a) => a.len().into(),
                Value::Object(m) => m.len().into(),
                Value::String(s) => s.len().into(),
                Value::Null => return Err("error calling len: len of nil pointer".into()),
                other => return Err(format!("error calling len: len of type {}", go(other))),
            }
        }
        "index" => {
            need(1)?;
            let mut v = args[0].clone();
            for key in &args[1..] {
                v = match (&v, key) {
                    (Value::Array(a), Value::Number(n)) => {
                        let i = n.as_i64().unwrap_or(-1);
                        let found = usize::try_from(i).ok().and_then(|i| a.get(i));
                        found.cloned().ok_or_else(|| format!("error calling index: index out of range: {i}"))?
                    }
                    (Value::Object(m), Value::String(k)) => m.get(k).cloned().unwrap_or_default(),
                    (Value::Null, _) => return Err("error calling index: index of untyped nil".into()),
                    _ => return Err("error calling index: cannot index".into()),
                };
            }
            v
        }
        "slice" => {
            need(1)?;
            let at = |i: usize, default: usize| args.get(i).and_then(Value::as_u64).map_or(default, clamped);
            match &args[0] {
                Value::Array(a) => {
                    a.get(at(1, 0)..at(2, a.len())).ok_or("error calling slice: index out of range")?.into()
                }
                Value::String(s) => {
                    s.get(at(1, 0)..at(2, s.len())).ok_or("error calling slice: index out of range")?.into()
                }
                _ => return Err("error calling slice: can't slice item".into()),
            }
        }
        "print" | "println" => {
            let mut out = String::new();
            for (i, v) in args.iter().enumerate() {
                // Print puts blanks between operands when neither is a text, Println always
                if i > 0 && (name == "println" || !v.is_string() && !args[i - 1].is_string()) {
                    out.push(' ');
                }
                out.push_str(&go(v));
            }
            if name == "println" {
                out.push('\n');
            }
            out.into()
        }
        "printf" => {
            need(1)?;
            printf(args[0].as_str().unwrap_or_default(), &args[1..]).into()
        }
        "eq" => {
            need(2)?;
            let mut any = false;
            for b in &args[1..] {
                any |= equal(&args[0], b)?;
            }
            any.into()
        }
        "ne" => {
            need(2)?;
            (!equal(&args[0], &args[1])?).into()
        }
        "lt" => compare(std::cmp::Ordering::is_lt)?,
        "le" => compare(std::cmp::Ordering::is_le)?,
        "gt" => compare(std::cmp::Ordering::is_gt)?,
        "ge" => compare(std::cmp::Ordering::is_ge)?,
        "exists" => {
            need(1)?;
            let mut v = &args[0];
            for key in &args[1..] {
                let next = match key {
                    Value::String(k) => v.get(k.as_str()),
                    Value::Number(n) => v.get(clamped(n.as_u64().unwrap_or(u64::MAX))),
                    _ => None,
                };
                match next {
                    Some(n) => v = n,
                    None => return Ok(false.into()),
                }
            }
            true.into()
        }
        "base64decode" => {
            need(1)?;
            use base64::Engine as _;
            let raw = base64::engine::general_purpose::STANDARD
                .decode(args[0].as_str().unwrap_or_default())
                .map_err(|_| "base64 decode failed: illegal base64 data".to_string())?;
            String::from_utf8_lossy(&raw).into_owned().into()
        }
        "html" => {
            let text: String = args.iter().map(go).collect();
            text.replace('&', "&amp;")
                .replace('\'', "&#39;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&#34;")
                .into()
        }
        "js" => args
            .iter()
            .map(go)
            .collect::<String>()
            .replace('\\', "\\\\")
            .replace('\'', "\\'")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
            .into(),
        "urlquery" => {
            let text: String = args.iter().map(go).collect();
            let escape = |b: u8| match b {
                b' ' => "+".to_string(),
                b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
                b => format!("%{b:02X}"),
            };
            text.bytes().map(escape).collect::<String>().into()
        }
        other => return Err(format!("function {other:?} not defined")),
    })
}

fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut it = format.chars().peekable();
    let mut args = args.iter();
    while let Some(c) = it.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = String::new();
        while let Some(f) = it.next_if(|c| "-+ #0123456789.".contains(*c)) {
            spec.push(f);
        }
        let Some(verb) = it.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(v) = args.next() else {
            out.push_str(&format!("%!{verb}(MISSING)"));
            continue;
        };
        let left = spec.contains('-');
        let zero = spec.starts_with('0');
        let numbers = spec.trim_start_matches(['-', '+', ' ', '#', '0']);
        let (width, precision) = numbers.split_once('.').unwrap_or((numbers, ""));
        let width = count(width).unwrap_or(0);
        let number = v.as_f64();
        let text = match (verb, number) {
            ('d', Some(n)) => format!("{}", n as i64),
            ('f', Some(n)) => format!("{:.*}", count(precision).unwrap_or(6).min(1000), n),
            ('x', Some(n)) => format!("{:x}", n as i64),
            ('q', _) => quote(&go(v)),
            ('s' | 'v', _) => match count(precision) {
                Some(p) => go(v).chars().take(p).collect(),
                None => go(v),
            },
            ('t', _) => go(v),
            _ => format!("%!{verb}({})", go(v)),
        };
        let pad = width.min(1000).saturating_sub(text.chars().count());
        let fill = if zero && number.is_some() { "0" } else { " " }.repeat(pad);
        out.push_str(&if left { format!("{text}{fill}") } else { format!("{fill}{text}") });
    }
    out
}
