//! Places in values: reading, writing and taking away what stands there. Pure.

use super::eval::{Stop, tell};
use super::value::J;

/// Places are not deeper than that.
const DEEPEST: usize = 300;
/// Arrays do not grow longer than that by writing behind their end.
const LONGEST: usize = 1 << 16;

fn bounds(key: &J, len: usize) -> Option<(usize, usize)> {
    let at = |k: &str, otherwise: f64| match key.get(k) {
        Some(J::Num(n)) => Some(*n),
        None | Some(J::Null) => Some(otherwise),
        _ => None,
    };
    let place = |n: f64| (if n < 0.0 { n + len as f64 } else { n }).clamp(0.0, len as f64);
    let (from, to) = (place(at("start", 0.0)?).floor() as usize, place(at("end", len as f64)?).ceil() as usize);
    Some((from, to.max(from)))
}

/// `.[key]`
pub(super) fn index(v: &J, key: &J) -> Result<J, Stop> {
    match (v, key) {
        (J::Obj(_), J::Str(k)) => Ok(v.get(k).cloned().unwrap_or(J::Null)),
        (J::Null, J::Str(_) | J::Num(_) | J::Obj(_) | J::Null) => Ok(J::Null),
        (J::Arr(a), J::Num(n)) => {
            let n = n.floor();
            let at = if n < 0.0 { n + a.len() as f64 } else { n };
            Ok(if at >= 0.0 { a.get(at as usize).cloned().unwrap_or(J::Null) } else { J::Null })
        }
        (J::Arr(a), J::Obj(_)) => match bounds(key, a.len()) {
            Some((from, to)) => Ok(J::arr(a[from..to].to_vec())),
            None => Err(Stop::error("Start and end indices of an array slice must be numbers")),
        },
        (J::Str(s), J::Obj(_)) => {
            let all: Vec<char> = s.chars().collect();
            match bounds(key, all.len()) {
                Some((from, to)) => Ok(J::str(all[from..to].iter().collect::<String>())),
                None => Err(Stop::error("Start and end indices of an array slice must be numbers")),
            }
        }
        (J::Arr(a), J::Arr(b)) => Ok(J::arr(
            (0..a.len())
                .filter(|i| {
                    !b.is_empty()
                        && a.get(*i..*i + b.len()).is_some_and(|w| w.iter().zip(b.iter()).all(|(x, y)| x.same(y)))
                })
                .map(|i| J::Num(i as f64))
                .collect(),
        )),
        (_, J::Str(k)) => Err(Stop::error(format!("Cannot index {} with \"{k}\"", v.kind()))),
        _ => Err(Stop::error(format!("Cannot index {} with {}", v.kind(), key.kind()))),
    }
}

pub(super) fn get(v: &J, path: &[J]) -> Result<J, Stop> {
    path.iter().try_fold(v.clone(), |at, k| index(&at, k))
}

/// The value with another one at a place.
pub(super) fn set(v: &J, path: &[J], new: J) -> Result<J, Stop> {
    if path.len() > DEEPEST {
        return Err(Stop::Limit);
    }
    let Some((key, rest)) = path.split_first() else { return Ok(new) };
    let inner = set(&index(v, key)?, rest, new)?;
    match (v, key) {
        (J::Obj(_) | J::Null, J::Str(k)) => {
            let pairs = if let J::Obj(o) = v { o.to_vec() } else { vec![] };
            Ok(J::obj(pairs.into_iter().chain([(k.clone(), inner)])))
        }
        (J::Arr(_) | J::Null, J::Num(n)) => {
            let mut list = if let J::Arr(a) = v { a.to_vec() } else { vec![] };
            let at = if *n < 0.0 { n + list.len() as f64 } else { *n };
            if at < 0.0 {
                return Err(Stop::error("Out of bounds negative array index"));
            }
            let at = at as usize;
            if at >= LONGEST.max(list.len() + 1) {
                return Err(Stop::error("Array index too large"));
            }
            if at >= list.len() {
                list.resize(at + 1, J::Null);
            }
            list[at] = inner;
            Ok(J::arr(list))
        }
        (J::Arr(_) | J::Null, J::Obj(_)) => {
            let list = if let J::Arr(a) = v { a.to_vec() } else { vec![] };
            let (Some((from, to)), J::Arr(new)) = (bounds(key, list.len()), inner) else {
                return Err(Stop::error("A slice of an array can only be assigned another array"));
            };
            Ok(J::arr(list[..from].iter().chain(new.iter()).chain(&list[to..]).cloned().collect()))
        }
        _ => Err(Stop::error(format!("Cannot update {} with {}", tell(v), key.kind()))),
    }
}

/// The value without what stands at these places.
pub(super) fn delete(v: &J, mut places: Vec<Vec<J>>) -> Result<J, Stop> {
    // the last ones first, so that the others keep their places
    places.sort_by(|a, b| J::arr(b.clone()).order(&J::arr(a.clone())));
    places.iter().try_fold(v.clone(), |whole, p| without(&whole, p))
}

fn without(v: &J, path: &[J]) -> Result<J, Stop> {
    if path.len() > DEEPEST {
        return Err(Stop::Limit);
    }
    let Some((key, rest)) = path.split_first() else { return Ok(J::Null) };
    if matches!(v, J::Null) {
        return Ok(J::Null);
    }
    if !rest.is_empty() {
        let inner = index(v, key)?;
        return if matches!(inner, J::Null) {
            Ok(v.clone())
        } else {
            set(v, std::slice::from_ref(key), without(&inner, rest)?)
        };
    }
    match (v, key) {
        (J::Obj(o), J::Str(k)) => Ok(J::obj(o.iter().filter(|(n, _)| n != k).cloned())),
        (J::Arr(a), J::Num(n)) => {
            let at = if *n < 0.0 { n + a.len() as f64 } else { *n };
            let kept = a.iter().enumerate().filter(|(i, _)| *i as f64 != at.floor());
            Ok(J::arr(kept.map(|(_, x)| x.clone()).collect()))
        }
        (J::Arr(a), J::Obj(_)) => {
            let (from, to) = bounds(key, a.len()).unwrap_or_default();
            Ok(J::arr(a[..from].iter().chain(&a[to..]).cloned().collect()))
        }
        _ => Err(Stop::error(format!("Cannot delete field at {} index of {}", key.kind(), v.kind()))),
    }
}
