//! Functions of the language and of its extensions for texts, lists, sets and optionals. Invariant: what makes something
//! large pays before it is made. (Models cel-go `ext` and apiserver `pkg/cel/library`.)

use super::eval::{Got, Machine};
use super::value::{Form, List, Val};
use super::{Failure, fail, library, operators, text, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::cmp::Ordering;
use std::sync::Arc;

/// The longest pattern that is compiled, in bytes.
const MAX_PATTERN: usize = 1000;

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn unbase64(s: &str) -> Option<Vec<u8>> {
    STANDARD.decode(s).ok()
}

/// The value of a function; of a method the target comes first.
pub(super) fn call(m: &mut Machine<'_>, name: &str, method: bool, args: &[Val]) -> Got {
    if !method && let Some(got) = operators::apply(m, name, args) {
        return got;
    }
    if !method
        && let [v] = args
        && let Some(got) = operators::convert(m, name, v)
    {
        return got;
    }
    if let Some(got) = time::part(name, args).filter(|_| method) {
        return got;
    }
    if let Some(got) = texts(m, name, args).or_else(|| lists(m, name, args)).or_else(|| optionals(name, args)) {
        return got;
    }
    library::call(m, name, args).unwrap_or_else(|| fail("no such overload"))
}

/// What reading a pattern costs.
const PATTERN_COST: usize = 2000;

fn pattern(m: &mut Machine<'_>, s: &Arc<str>) -> Result<regex_lite::Regex, Failure> {
    if let Some(re) = m.patterns.get(s) {
        return Ok(re.clone());
    }
    m.pay(s.len() + PATTERN_COST)?;
    let re = compiled(s)?;
    m.patterns.insert(s.clone(), re.clone());
    Ok(re)
}

/// About how many states a pattern has: counted repetitions multiply.
fn states(pattern: &str) -> usize {
    let counts = pattern.split('{').skip(1).map(|rest| {
        let inner = rest.split('}').next().unwrap_or_default();
        inner.split(',').filter_map(|n| n.parse::<usize>().ok()).max().unwrap_or(1).max(1)
    });
    let product = counts.fold(1, |a: usize, b| a.saturating_mul(b)).min(10_000);
    pattern.len() + product
}

/// A pattern, if it is one.
pub(super) fn compiled(s: &str) -> Result<regex_lite::Regex, Failure> {
    if s.len() > MAX_PATTERN {
        return fail("regular expression is too long");
    }
    let wrong = || Failure::Error(format!("error parsing regexp: {s}"));
    if repeats_twice(s) {
        return Err(wrong());
    }
    regex_lite::RegexBuilder::new(s).size_limit(1 << 17).build().map_err(|_| wrong())
}

/// `a++` and the like, which RE2 does not take.
fn repeats_twice(s: &str) -> bool {
    let (mut chars, mut class, mut after) = (s.chars().peekable(), false, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '[' => class = true,
            ']' => class = false,
            '*' | '+' | '?' if !class => {
                if after {
                    return true;
                }
                // lazy
                chars.next_if_eq(&'?');
                after = true;
                continue;
            }
            _ => {}
        }
        after = false;
    }
    false
}

fn texts(m: &mut Machine<'_>, name: &str, args: &[Val]) -> Option<Got> {
    let (Val::Str(s), rest) = args.split_first()? else { return None };
    if let Err(e) = m.pay(s.len() / 10) {
        return Some(Err(e));
    }
    Some(match (name, rest) {
        ("size", []) => Ok(Val::Int(s.chars().count() as i64)),
        ("contains", [Val::Str(t)]) => {
            m.pay((s.len() / 10).saturating_mul(t.len() / 10)).map(|()| Val::Bool(s.contains(&**t)))
        }
        ("startsWith", [Val::Str(t)]) => Ok(Val::Bool(s.starts_with(&**t))),
        ("endsWith", [Val::Str(t)]) => Ok(Val::Bool(s.ends_with(&**t))),
        ("matches" | "find" | "findAll", [Val::Str(p), limit @ ..]) => matches(m, name, s, p, limit),
        ("charAt", [Val::Int(i)]) => {
            let count = s.chars().count();
            match usize::try_from(*i) {
                Ok(n) if n < count => Ok(s.chars().nth(n).map(String::from).unwrap_or_default().into()),
                Ok(n) if n == count => Ok("".into()),
                _ => fail(format!("index out of range: {i}")),
            }
        }
        ("indexOf" | "lastIndexOf", [Val::Str(t), rest @ ..]) => index_of(m, name, s, t, rest),
        ("lowerAscii", []) => Ok(s.to_ascii_lowercase().into()),
        ("upperAscii", []) => Ok(s.to_ascii_uppercase().into()),
        ("trim", []) => Ok(s.trim().into()),
        ("reverse", []) => Ok(s.chars().rev().collect::<String>().into()),
        ("strings.quote", []) => Ok(text::quote(s).into()),
        ("replace", [Val::Str(old), Val::Str(new)]) => replace(m, s, old, new, -1),
        ("replace", [Val::Str(old), Val::Str(new), Val::Int(n)]) => replace(m, s, old, new, *n),
        ("split", [Val::Str(by)]) => split(m, s, by, -1),
        ("split", [Val::Str(by), Val::Int(n)]) => split(m, s, by, *n),
        ("substring", [Val::Int(from)]) => substring(s, *from, None),
        ("substring", [Val::Int(from), Val::Int(to)]) => substring(s, *from, Some(*to)),
        ("format", [Val::List(values)]) => text::format(m, s, &values.items).map(Val::from),
        _ => return None,
    })
}

fn matches(m: &mut Machine<'_>, name: &str, s: &str, p: &Arc<str>, limit: &[Val]) -> Got {
    let re = pattern(m, p)?;
    // the search costs as much as text and pattern together can make it
    m.pay((s.len() + 1).saturating_mul(states(p)) / 40 + 1)?;
    Ok(match (name, limit) {
        ("matches", []) => Val::Bool(re.is_match(s)),
        ("find", []) => re.find(s).map_or("", |f| f.as_str()).into(),
        ("findAll", [] | [Val::Int(_)]) => {
            let most = match limit {
                [Val::Int(n)] if *n >= 0 => usize::try_from(*n).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            let mut found = vec![];
            for f in re.find_iter(s).take(most) {
                m.pay(1 + s.len() / 100)?;
                found.push(f.as_str().into());
            }
            Val::list(found)
        }
        _ => return fail("no such overload"),
    })
}

fn index_of(m: &mut Machine<'_>, name: &str, s: &str, t: &str, rest: &[Val]) -> Got {
    let (s, t): (Vec<char>, Vec<char>) = (s.chars().collect(), t.chars().collect());
    let last = name == "lastIndexOf";
    m.pay((s.len() / 10 + 1).saturating_mul(t.len() / 10 + 1))?;
    let at = match rest {
        [] => None,
        [Val::Int(n)] => match usize::try_from(*n) {
            Ok(n) if n <= s.len() => Some(n),
            _ => return fail(format!("index out of range: {n}")),
        },
        _ => return fail("no such overload"),
    };
    if t.is_empty() {
        let at = at.unwrap_or(if last { s.len() } else { 0 });
        return Ok(Val::Int(at as i64));
    }
    let fits = |i: &usize| s.get(*i..*i + t.len()) == Some(&t[..]);
    let ends = (s.len() + 1).saturating_sub(t.len());
    let found = match last {
        false => (at.unwrap_or(0)..ends).find(fits),
        true => (0..ends.min(at.map_or(usize::MAX, |n| n + 1))).rev().find(fits),
    };
    Ok(Val::Int(found.map_or(-1, |i| i as i64)))
}

fn replace(m: &mut Machine<'_>, s: &str, old: &str, new: &str, limit: i64) -> Got {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let count = s.matches(old).count().min(most);
    m.pay((s.len() + count.saturating_mul(new.len())) / 10)?;
    Ok(s.replacen(old, new, count).into())
}

fn split(m: &mut Machine<'_>, s: &str, by: &str, limit: i64) -> Got {
    if limit == 0 {
        return Ok(Val::list(vec![]));
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let parts: Vec<Val> = if by.is_empty() {
        m.pay(s.len())?;
        let mut chars = s.chars();
        let mut parts: Vec<Val> = vec![];
        while parts.len() + 1 < most
            && let Some(c) = chars.next()
        {
            parts.push(String::from(c).into());
        }
        if !chars.as_str().is_empty() {
            parts.push(chars.as_str().into());
        }
        parts
    } else {
        m.pay(s.matches(by).count())?;
        s.splitn(most, by).map(Val::from).collect()
    };
    Ok(Val::list(parts))
}

fn substring(s: &str, from: i64, to: Option<i64>) -> Got {
    let count = s.chars().count() as i64;
    let end = to.unwrap_or(count);
    if from < 0 || from > count {
        return fail(format!("index out of range: {from}"));
    }
    if end < 0 || end > count {
        return fail(format!("index out of range: {end}"));
    }
    if from > end {
        return fail(format!("invalid substring range. start: {from}, end: {end}"));
    }
    Ok(s.chars().skip(from as usize).take((end - from) as usize).collect::<String>().into())
}

/// A number as a size: what no machine can hold is the largest that there is, never less than is asked for.
fn size(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

fn lists(m: &mut Machine<'_>, name: &str, args: &[Val]) -> Option<Got> {
    let pair = |args: &[Val]| match args {
        [Val::List(a), Val::List(b)] => Some((a.clone(), b.clone())),
        _ => None,
    };
    match (name, args) {
        ("lists.range", [Val::Int(n)]) => {
            if let Err(e) = m.pay(size(*n)) {
                return Some(Err(e));
            }
            return Some(Ok(Val::list((0..*n).map(Val::Int).collect())));
        }
        ("size", [Val::Map(map)]) => return Some(Ok(Val::Int(map.map.len() as i64))),
        ("size", [Val::Bytes(b)]) => return Some(Ok(Val::Int(b.len() as i64))),
        ("sets.contains", args) => return pair(args).map(|(a, b)| within(m, &b, &a).map(Val::Bool)),
        ("sets.equivalent", args) => {
            return pair(args).map(|(a, b)| Ok(Val::Bool(within(m, &b, &a)? && within(m, &a, &b)?)));
        }
        ("sets.intersects", args) => {
            return pair(args).map(|(a, b)| {
                for v in &a.items {
                    if operators::contains(m, v, &b.items)? {
                        return Ok(Val::Bool(true));
                    }
                }
                Ok(Val::Bool(false))
            });
        }
        _ => {}
    }
    let (Val::List(list), rest) = args.split_first()? else { return None };
    let items = &list.items;
    if name != "size"
        && let Err(e) = m.pay(items.len())
    {
        return Some(Err(e));
    }
    Some(match (name, rest) {
        ("size", []) => Ok(Val::Int(items.len() as i64)),
        ("isSorted", []) => {
            let mut sorted = true;
            for pair in items.windows(2) {
                match pair[0].compare(&pair[1]) {
                    Some(order) => sorted &= order != Ordering::Greater,
                    None => return Some(fail("no such overload")),
                }
            }
            Ok(Val::Bool(sorted))
        }
        ("sum", []) => {
            let Some((first, rest)) = items.split_first() else { return Some(Ok(Val::Int(0))) };
            let mut sum = first.clone();
            for v in rest {
                match operators::apply(m, "_+_", &[sum, v.clone()]) {
                    Some(Ok(v)) => sum = v,
                    other => return Some(other.unwrap_or_else(|| fail("no such overload"))),
                }
            }
            Ok(sum)
        }
        ("min" | "max", []) => {
            let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
            let Some((first, rest)) = items.split_first() else {
                return Some(fail(format!("{name} called on empty list")));
            };
            let mut best = first;
            for v in rest {
                match v.compare(best) {
                    Some(order) if order == wanted => best = v,
                    Some(_) => {}
                    None => return Some(fail("no such overload")),
                }
            }
            Ok(best.clone())
        }
        ("indexOf" | "lastIndexOf", [wanted]) => {
            let mut found = -1;
            for (i, v) in items.iter().enumerate() {
                match operators::equal(m, v, wanted) {
                    Ok(true) => {
                        found = i as i64;
                        if name == "indexOf" {
                            break;
                        }
                    }
                    Ok(false) => {}
                    Err(e) => return Some(Err(e)),
                }
            }
            Ok(Val::Int(found))
        }
        ("slice", [Val::Int(from), Val::Int(to)]) => {
            if *from < 0 || *to < 0 {
                return Some(fail(format!("cannot slice({from}, {to}), negative indexes not supported")));
            }
            if from > to {
                let why = format!("cannot slice({from}, {to}), start index must be less than or equal to end index");
                return Some(fail(why));
            }
            match items.get(size(*from)..size(*to)) {
                Some(part) => Ok(Val::list(part.to_vec())),
                None => fail(format!("cannot slice({from}, {to}), list is length {}", items.len())),
            }
        }
        ("flatten", [] | [Val::Int(_)]) => {
            let levels = if let [Val::Int(n)] = rest { *n } else { 1 };
            if levels < 0 {
                return Some(fail("level must be non-negative"));
            }
            let mut flat = items.clone();
            for _ in 0..levels.min(super::value::DEPTH as i64) {
                let mut next = vec![];
                for v in &flat {
                    match v {
                        Val::List(l) => next.extend(l.items.iter().cloned()),
                        v => next.push(v.clone()),
                    }
                }
                if let Err(e) = m.pay(next.len()) {
                    return Some(Err(e));
                }
                flat = next;
            }
            Ok(Val::list(flat))
        }
        ("sort", []) => sorted(m, items.iter().map(|v| (v.clone(), v.clone())).collect()),
        ("distinct", []) => {
            let mut found: Vec<Val> = vec![];
            for v in items {
                match operators::contains(m, v, &found) {
                    Ok(true) => {}
                    Ok(false) => found.push(v.clone()),
                    Err(e) => return Some(Err(e)),
                }
            }
            Ok(Val::list(found))
        }
        ("reverse", []) => {
            let items = items.iter().rev().cloned().collect();
            Ok(Val::List(Arc::new(List { items, form: Form::Atomic })))
        }
        ("join", rest) => {
            let by = match rest {
                [] => "",
                [Val::Str(by)] => by,
                _ => return None,
            };
            let mut parts: Vec<&str> = vec![];
            for v in items {
                let Val::Str(s) = v else { return Some(fail("no such overload")) };
                if let Err(e) = m.pay((s.len() + by.len()) / 10) {
                    return Some(Err(e));
                }
                parts.push(s);
            }
            Ok(parts.join(by).into())
        }
        _ => return None,
    })
}

/// Values in the order of their keys.
pub(super) fn sorted(m: &mut Machine<'_>, mut pairs: Vec<(Val, Val)>) -> Got {
    m.pay(pairs.len().saturating_mul(8))?;
    if let Some((first, _)) = pairs.first()
        && pairs.iter().any(|(k, _)| first.compare(k).is_none())
    {
        return fail("list elements must have the same type");
    }
    pairs.sort_by(|a, b| a.0.compare(&b.0).unwrap_or(Ordering::Equal));
    Ok(Val::list(pairs.into_iter().map(|(_, v)| v).collect()))
}

/// Are all of `a` in `b`?
fn within(m: &mut Machine<'_>, a: &List, b: &List) -> Result<bool, Failure> {
    for v in &a.items {
        if !operators::contains(m, v, &b.items)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn optionals(name: &str, args: &[Val]) -> Option<Got> {
    Some(match (name, args) {
        ("optional.none", []) => Ok(Val::Opt(None)),
        ("optional.of", [v]) => Ok(Val::Opt(Some(Arc::new(v.clone())))),
        ("optional.ofNonZeroValue", [v]) => Ok(Val::Opt((!v.is_zero()).then(|| Arc::new(v.clone())))),
        ("hasValue", [Val::Opt(o)]) => Ok(Val::Bool(o.is_some())),
        ("value", [Val::Opt(Some(v))]) => Ok((**v).clone()),
        ("value", [Val::Opt(None)]) => fail("optional.none() dereference"),
        ("or", [a @ Val::Opt(o), b @ Val::Opt(_)]) => Ok(if o.is_some() { a.clone() } else { b.clone() }),
        ("orValue", [Val::Opt(o), other]) => Ok(o.as_ref().map_or_else(|| other.clone(), |v| (**v).clone())),
        _ => return None,
    })
}
