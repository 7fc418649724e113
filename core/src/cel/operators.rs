//! Operators and conversions. (Models cel-go `common/types`.)

use super::eval::{Got, Machine, concatenated};
use super::value::{Entries, Form, Key, Val};
use super::{Failure, fail, text, time};
use std::cmp::Ordering;
use std::sync::Arc;

const NO_OVERLOAD: &str = "no such overload";

/// Is it the name of a type?
pub(super) fn is_type_name(name: &str) -> bool {
    ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"].contains(&name)
}

/// The value of an operator; `None`: it is no operator.
pub(super) fn apply(m: &mut Machine<'_>, name: &str, args: &[Val]) -> Option<Got> {
    Some(match (name, args) {
        ("!_", [Val::Bool(b)]) => Ok(Val::Bool(!b)),
        ("-_", [Val::Int(i)]) => i.checked_neg().map(Val::Int).map_or_else(|| fail("integer overflow"), Ok),
        ("-_", [Val::Double(d)]) => Ok(Val::Double(-d)),
        ("_==_", [a, b]) => equal(m, a, b).map(Val::Bool),
        ("_!=_", [a, b]) => equal(m, a, b).map(|e| Val::Bool(!e)),
        ("_<_" | "_<=_" | "_>_" | "_>=_", [a, b]) => compare(m, name, a, b),
        ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [a, b]) => arithmetic(m, name, a, b),
        ("@in", [v, Val::List(list)]) => contains(m, v, &list.items).map(Val::Bool),
        ("@in", [v, Val::Map(map)]) => Ok(Val::Bool(has_key(map, v))),
        ("!_" | "-_" | "@in", _) => fail(NO_OVERLOAD),
        _ => return None,
    })
}

fn has_key(map: &Arc<Entries>, v: &Val) -> bool {
    Key::of(v).is_some_and(|k| map.map.contains_key(&k))
}

/// Are two values the same? What it costs is paid.
pub(super) fn equal(m: &mut Machine<'_>, a: &Val, b: &Val) -> Result<bool, Failure> {
    match (a, b) {
        (Val::List(x), Val::List(y)) => {
            m.walk(a)?;
            m.walk(b)?;
            if x.form != Form::Atomic {
                m.pay(x.items.len().saturating_mul(y.items.len()))?;
            }
        }
        (Val::Map(_), Val::Map(_)) | (Val::Opt(_), Val::Opt(_)) => {
            m.walk(a)?;
            m.walk(b)?;
        }
        (Val::Str(x), Val::Str(y)) => m.pay(x.len().min(y.len()) / 10)?,
        (Val::Bytes(x), Val::Bytes(y)) => m.pay(x.len().min(y.len()) / 10)?,
        _ => {}
    }
    Ok(a == b)
}

/// Is a value among others?
pub(super) fn contains(m: &mut Machine<'_>, v: &Val, items: &[Val]) -> Result<bool, Failure> {
    for item in items {
        m.pay(1)?;
        if equal(m, v, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare(m: &mut Machine<'_>, name: &str, a: &Val, b: &Val) -> Got {
    let numbers = |v: &Val| matches!(v, Val::Int(_) | Val::Uint(_) | Val::Double(_));
    let comparable = (numbers(a) && numbers(b))
        || matches!(
            (a, b),
            (Val::Bool(_), Val::Bool(_))
                | (Val::Str(_), Val::Str(_))
                | (Val::Bytes(_), Val::Bytes(_))
                | (Val::Time(_), Val::Time(_))
                | (Val::Span(_), Val::Span(_))
        );
    if !comparable {
        return fail(NO_OVERLOAD);
    }
    if let (Val::Str(x), Val::Str(y)) = (a, b) {
        m.pay(x.len().min(y.len()) / 10)?;
    }
    let Some(order) = a.compare(b) else { return Ok(Val::Bool(false)) };
    Ok(Val::Bool(match name {
        "_<_" => order == Ordering::Less,
        "_<=_" => order != Ordering::Greater,
        "_>_" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

fn arithmetic(m: &mut Machine<'_>, name: &str, a: &Val, b: &Val) -> Got {
    let whole = |n: Option<Val>, why: &str| n.map_or_else(|| fail(why), Ok);
    match (name, a, b) {
        ("_+_", Val::Int(x), Val::Int(y)) => whole(x.checked_add(*y).map(Val::Int), "integer overflow"),
        ("_-_", Val::Int(x), Val::Int(y)) => whole(x.checked_sub(*y).map(Val::Int), "integer overflow"),
        ("_*_", Val::Int(x), Val::Int(y)) => whole(x.checked_mul(*y).map(Val::Int), "integer overflow"),
        ("_/_", Val::Int(_), Val::Int(0)) | ("_/_", Val::Uint(_), Val::Uint(0)) => fail("division by zero"),
        ("_%_", Val::Int(_), Val::Int(0)) | ("_%_", Val::Uint(_), Val::Uint(0)) => fail("modulus by zero"),
        ("_/_", Val::Int(x), Val::Int(y)) => whole(x.checked_div(*y).map(Val::Int), "integer overflow"),
        ("_%_", Val::Int(x), Val::Int(y)) => whole(x.checked_rem(*y).map(Val::Int), "integer overflow"),
        ("_+_", Val::Uint(x), Val::Uint(y)) => whole(x.checked_add(*y).map(Val::Uint), "unsigned integer overflow"),
        ("_-_", Val::Uint(x), Val::Uint(y)) => whole(x.checked_sub(*y).map(Val::Uint), "unsigned integer overflow"),
        ("_*_", Val::Uint(x), Val::Uint(y)) => whole(x.checked_mul(*y).map(Val::Uint), "unsigned integer overflow"),
        ("_/_", Val::Uint(x), Val::Uint(y)) => whole(x.checked_div(*y).map(Val::Uint), "unsigned integer overflow"),
        ("_%_", Val::Uint(x), Val::Uint(y)) => whole(x.checked_rem(*y).map(Val::Uint), "unsigned integer overflow"),
        ("_+_", Val::Double(x), Val::Double(y)) => Ok(Val::Double(x + y)),
        ("_-_", Val::Double(x), Val::Double(y)) => Ok(Val::Double(x - y)),
        ("_*_", Val::Double(x), Val::Double(y)) => Ok(Val::Double(x * y)),
        ("_/_", Val::Double(x), Val::Double(y)) => Ok(Val::Double(x / y)),
        ("_+_", Val::Str(x), Val::Str(y)) => {
            m.pay((x.len() + y.len()) / 10)?;
            Ok(Val::Str([&**x, &**y].concat().into()))
        }
        ("_+_", Val::Bytes(x), Val::Bytes(y)) => {
            m.pay((x.len() + y.len()) / 10)?;
            Ok(Val::Bytes([&**x, &**y].concat().into()))
        }
        ("_+_", Val::List(x), Val::List(y)) => {
            m.pay(x.items.len() + y.items.len())?;
            if x.form != Form::Atomic {
                m.walk(a)?;
                m.walk(b)?;
                m.pay(x.items.len().saturating_mul(y.items.len()))?;
            }
            Ok(Val::List(Arc::new(concatenated(x, y))))
        }
        ("_+_", Val::Span(x), Val::Span(y)) => whole(x.checked_add(*y).map(Val::Span), "duration overflow"),
        ("_-_", Val::Span(x), Val::Span(y)) => whole(x.checked_sub(*y).map(Val::Span), "duration overflow"),
        ("_+_", Val::Time(t), Val::Span(s)) | ("_+_", Val::Span(s), Val::Time(t)) => time::plus(*t, i128::from(*s)),
        ("_-_", Val::Time(t), Val::Span(s)) => time::plus(*t, -i128::from(*s)),
        ("_-_", Val::Time(x), Val::Time(y)) => {
            let span = i64::try_from(x.as_nanosecond() - y.as_nanosecond()).ok();
            whole(span.map(Val::Span), "duration overflow")
        }
        _ => fail(NO_OVERLOAD),
    }
}

/// The conversions `int(…)`, `string(…)` and the like; `None`: it is none.
pub(super) fn convert(m: &mut Machine<'_>, name: &str, v: &Val) -> Option<Got> {
    let parse = |kind: &str, s: &str, range: bool| {
        let why = if range { "value out of range" } else { "invalid syntax" };
        fail(format!("strconv.{kind}: parsing {s:?}: {why}"))
    };
    Some(match (name, v) {
        ("int", Val::Int(_)) | ("uint", Val::Uint(_)) | ("double", Val::Double(_)) => Ok(v.clone()),
        ("string", Val::Str(_)) | ("bool", Val::Bool(_)) | ("bytes", Val::Bytes(_)) => Ok(v.clone()),
        ("duration", Val::Span(_)) | ("timestamp", Val::Time(_)) => Ok(v.clone()),
        ("int", Val::Uint(u)) => i64::try_from(*u).map(Val::Int).or_else(|_| fail("integer overflow")),
        ("int", Val::Double(d)) if d.is_finite() && d.abs() < 9.223_372_036_854_775e18 => Ok(Val::Int(*d as i64)),
        ("int", Val::Double(_)) => fail("integer overflow"),
        ("int", Val::Time(t)) => Ok(Val::Int(t.as_second())),
        ("int", Val::Span(s)) => Ok(Val::Int(*s)),
        ("int", Val::Str(s)) => match s.parse::<i64>() {
            Ok(n) => Ok(Val::Int(n)),
            Err(e) => parse("ParseInt", s, is_range(&e)),
        },
        ("uint", Val::Int(i)) => u64::try_from(*i).map(Val::Uint).or_else(|_| fail("unsigned integer overflow")),
        ("uint", Val::Double(d)) if *d >= 0.0 && *d < 1.844_674_407_370_955e19 => Ok(Val::Uint(*d as u64)),
        ("uint", Val::Double(_)) => fail("unsigned integer overflow"),
        ("uint", Val::Str(s)) => match s.parse::<u64>() {
            Ok(n) if !s.starts_with('+') => Ok(Val::Uint(n)),
            Ok(_) => parse("ParseUint", s, false),
            Err(e) => parse("ParseUint", s, is_range(&e)),
        },
        ("double", Val::Int(i)) => Ok(Val::Double(*i as f64)),
        ("double", Val::Uint(u)) => Ok(Val::Double(*u as f64)),
        ("double", Val::Str(s)) => match s.parse::<f64>() {
            Ok(d) => Ok(Val::Double(d)),
            Err(_) => parse("ParseFloat", s, false),
        },
        ("bool", Val::Str(s)) => match &**s {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Val::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Val::Bool(false)),
            s => parse("ParseBool", s, false),
        },
        ("bytes", Val::Str(s)) => m.pay(s.len() / 10).map(|()| Val::Bytes(s.as_bytes().into())),
        ("string", Val::Bytes(b)) => match std::str::from_utf8(b) {
            Ok(s) => m.pay(b.len() / 10).map(|()| s.into()),
            Err(_) => fail("invalid UTF-8 in bytes, cannot convert to string"),
        },
        ("string", Val::Int(i)) => Ok(i.to_string().into()),
        ("string", Val::Uint(u)) => Ok(u.to_string().into()),
        ("string", Val::Double(d)) => Ok(text::double(*d).into()),
        ("string", Val::Bool(b)) => Ok(b.to_string().into()),
        ("string", Val::Time(t)) => Ok(t.to_string().into()),
        ("string", Val::Span(s)) => Ok(text::span(*s).into()),
        ("duration", Val::Str(s)) => match crate::api::duration::parse_go_duration(s) {
            Ok(n) => Ok(Val::Span(n)),
            Err(why) => fail(why),
        },
        ("timestamp", Val::Str(s)) => time::parse(s).map(Val::Time).map_or_else(|| fail(time::unreadable(s)), Ok),
        ("timestamp", Val::Int(i)) => time::of_seconds(*i),
        ("type", v) => Ok(Val::Type(v.type_name())),
        ("dyn", v) => Ok(v.clone()),
        _ => return None,
    })
}

fn is_range(e: &std::num::ParseIntError) -> bool {
    matches!(e.kind(), std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow)
}
