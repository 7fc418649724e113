//! The functions that jq brings along: those that are not filters themselves ([`PRELUDE`] holds those that are), and
//! arithmetic.

use super::eval::{Env, Machine, Outs, Place, Stop, Term, V, elements, tell};
use super::paths;
use super::text::{format, matches, plain_text};
use super::value::J;
use jaq_core::ops::Math;
use std::sync::Arc;

/// Functions that are filters; each knows those before it.
pub(super) const PRELUDE: &str = r#"
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def select(f): if f then . else empty end;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type == "array" or type == "object");
def scalars: select(type != "array" and type != "object");
def recurse(f; cond): recurse(f | select(cond));
def add(f): [f] | add;
def any: any(.[]; .);
def all: all(.[]; .);
def any(f): any(.[]; f);
def all(f): all(.[]; f);
def in(x): . as $k | x | has($k);
def inside(x): . as $v | x | contains($v);
def to_entries: [keys_unsorted[] as $k | {key: $k, value: .[$k]}];
def with_entries(f): to_entries | map(f) | from_entries;
def del(f): delpaths([path(f)]);
def paths: path(..) | select(length > 0);
def paths(f): path(.. | select(f)) | select(length > 0);
def leaf_paths: paths(scalars);
def pick(f): . as $v | reduce path(f) as $p (null; setpath($p; $v | getpath($p)));
def first: .[0];
def last: .[-1];
def nth($n): .[$n];
def nth($n; f): last(limit($n + 1; f));
def combinations: if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w | [$x] + $w end;
def walk(f): (if type == "array" then map(walk(f)) elif type == "object" then map_values(walk(f)) else . end) | f;
def ascii: [.] | implode;
def todate: todateiso8601;
def fromdate: fromdateiso8601;
def match(re): match(re; null);
def test(re): test(re; null);
def capture(re): capture(re; null);
def scan(re): scan(re; null);
def splits(re; flags): split(re; flags) | .[];
def splits(re): splits(re; null);
def sub(re; str; flags): . as $in
  | (reduce (match(re; flags) | . as $m
      | ($m.captures | map(select(.name != null) | {key: .name, value: .string}) | from_entries) as $c
      | {from: $m.offset, to: ($m.offset + $m.length), by: ($c | str)}) as $m
      ([0, ""]; [$m.to, .[1] + $in[.[0]:$m.from] + $m.by])) as $r
  | $r[1] + $in[$r[0]:];
def sub(re; str): sub(re; str; "");
def gsub(re; str; flags): sub(re; str; flags + "g");
def gsub(re; str): sub(re; str; "g");
def min_by(f): sort_by(f) | .[0];
def max_by(f): sort_by(f) | .[-1];
def min: min_by(.);
def max: max_by(.);
def sort: sort_by(.);
def group_by(f): keyed_groups(f);
def unique_by(f): [keyed_groups(f)[] | .[0]];
def unique: unique_by(.);
def transpose: if length == 0 then [] else . as $t | [range(0; [.[] | length] | max) as $i | [$t[][$i]]] end;
def toarray: if type == "array" then . else [.] end;
def abs: if . < 0 then - . else . end;
def isvalid(f): try (f | true) catch false;
def flatten: flatten(1e9);
def range($n): range(0; $n; 1);
def range($a; $b): range($a; $b; 1);
def index($x): indices($x) | .[0];
def rindex($x): indices($x) | .[-1];
"#;

fn give(r: Result<J, Stop>, v: &V) -> Outs {
    let place = if matches!(v.1, Place::Off) { Place::Off } else { Place::Lost };
    match r {
        Ok(x) => (vec![(x, place)], None),
        Err(s) => (vec![], Some(s)),
    }
}

/// A function that no definition has.
pub(super) fn call<'a>(
    m: &mut Machine,
    name: &'a str,
    args: &'a [Term<'a>],
    env: &Env<'a>,
    v: &V,
    want: usize,
) -> Outs {
    if let Err(s) = m.charge(v.0.size() / 8) {
        return (vec![], Some(s));
    }
    let x = &v.0;
    match (name, args) {
        ("empty", []) => (vec![], None),
        ("error", []) => (vec![], Some(Stop::Error(x.clone()))),
        ("not", []) => give(Ok(J::Bool(!x.truthy())), v),
        ("debug" | "stderr" | "input_line_number" | "halt_error", []) => (vec![v.clone()], None),
        ("env", []) => give(Ok(J::obj([])), v),
        ("now", []) => give(Ok(J::Num(m.now as f64)), v),
        ("infinite", []) => give(Ok(J::Num(f64::INFINITY)), v),
        ("nan", []) => give(Ok(J::Num(f64::NAN)), v),
        ("null", []) => give(Ok(J::Null), v),
        ("true", []) => give(Ok(J::Bool(true)), v),
        ("false", []) => give(Ok(J::Bool(false)), v),
        ("recurse", [f]) => recurse(m, f, env, v, want),
        ("repeat", [f]) => recurse(m, f, env, v, want),
        ("until" | "while", [c, f]) => until(m, (c, f), name == "while", env, v),
        ("range", [from, to, by]) => range(m, (from, to, by), env, v, want),
        ("first", [f]) => {
            let (mut values, stopped) = m.eval(f, env, v, 1);
            values.truncate(1);
            let stopped = stopped.filter(|_| values.is_empty());
            (values, stopped)
        }
        ("last", [f]) => match m.eval(f, env, v, usize::MAX) {
            (values, None) => (values.into_iter().next_back().into_iter().collect(), None),
            (_, stopped) => (vec![], stopped),
        },
        ("isempty", [f]) => {
            let (values, stopped) = m.eval(f, env, v, 1);
            match (values.is_empty(), stopped) {
                (true, Some(s)) => (vec![], Some(s)),
                (empty, _) => give(Ok(J::Bool(empty)), v),
            }
        }
        ("limit", [n, f]) => {
            let counts = m.eval(n, env, &(x.clone(), Place::Off), usize::MAX);
            m.each(counts, |m, (n, _)| {
                let n = if let J::Num(n) = n { n.max(0.0) as usize } else { 0 };
                if n == 0 {
                    return (vec![], None);
                }
                let (mut values, stopped) = m.eval(f, env, v, n);
                let enough = values.len() >= n;
                values.truncate(n);
                (values, stopped.filter(|_| !enough))
            })
        }
        ("any" | "all", [g, f]) => {
            let items = m.eval(g, env, &(x.clone(), Place::Off), usize::MAX);
            let mut found = false;
            for item in items.0 {
                let (values, stopped) = m.eval(f, env, &item, usize::MAX);
                found |= values.iter().any(|y| y.0.truthy() == (name == "any"));
                if let Some(s) = stopped.filter(|_| !found) {
                    return (vec![], Some(s));
                }
            }
            match items.1.filter(|_| !found) {
                Some(s) => (vec![], Some(s)),
                None => give(Ok(J::Bool(found == (name == "any"))), v),
            }
        }
        ("path", [f]) => give_all(m.places(f, env, x).map(|all| all.into_iter().map(|(p, _)| J::arr(p)).collect()), v),
        ("sort_by", [f]) => give(keyed(m, f, env, x).map(|k| J::arr(k.into_iter().map(|p| p.1).collect())), v),
        ("keyed_groups", [f]) => give(keyed(m, f, env, x).map(groups), v),
        ("getpath", [p]) => {
            let all = m.eval(p, env, &(x.clone(), Place::Off), usize::MAX);
            m.each(all, |_, (p, _)| {
                let J::Arr(path) = &p else { return give(Err(Stop::error("Path must be specified as an array")), v) };
                let place = match &v.1 {
                    Place::At(at) => Place::At(at.iter().chain(path.iter()).cloned().collect()),
                    other => other.clone(),
                };
                match paths::get(x, path) {
                    Ok(y) => (vec![(y, place)], None),
                    Err(s) => (vec![], Some(s)),
                }
            })
        }
        _ if name.starts_with('@') && args.is_empty() => {
            give(m.charge(x.whole()).and_then(|()| format(name, x)).map(J::str), v)
        }
        _ => {
            let mut rows: Vec<Vec<J>> = vec![vec![]];
            for a in args {
                let values = match m.values(a, env, x) {
                    Ok(values) => values,
                    Err(s) => return (vec![], Some(s)),
                };
                if let Err(s) = m.charge((values.len() * rows.len()) as u64) {
                    return (vec![], Some(s));
                }
                rows = values
                    .iter()
                    .flat_map(|y| rows.iter().map(|r| [r.as_slice(), std::slice::from_ref(y)].concat()))
                    .collect();
            }
            let mut all = vec![];
            for row in &rows {
                if let Err(s) = m.charge(work(name, x, row)) {
                    return (all, Some(s));
                }
                match plain(m, name, x, row) {
                    Ok(values) => {
                        let cost = values.iter().map(J::size).sum();
                        if let Err(s) = m.charge(cost) {
                            return (all, Some(s));
                        }
                        all.extend(values.into_iter().flat_map(|y| give(Ok(y), v).0));
                    }
                    Err(s) => return (all, Some(s)),
                }
            }
            (all, None)
        }
    }
}

/// About how much a function has to look at.
fn work(name: &str, x: &J, args: &[J]) -> u64 {
    let of_args = args.iter().fold(1, |n: u64, a| n.saturating_add(a.whole()));
    match name {
        "contains" | "indices" | "delpaths" => x.whole().saturating_mul(of_args) / 16,
        // as many places of the text may be open as the pattern has parts
        "test" | "match" | "capture" | "scan" | "split" => {
            let pattern = |a: &J| if let J::Str(s) = a { s.len() as u64 } else { 64 };
            x.whole().saturating_mul(args.first().map_or(1, pattern))
        }
        "length" | "type" | "has" | "utf8bytelength" => 0,
        _ => x.whole().saturating_add(of_args) / 8,
    }
}

fn give_all(r: Result<Vec<J>, Stop>, v: &V) -> Outs {
    match r {
        Ok(all) => (all.into_iter().flat_map(|x| give(Ok(x), v).0).collect(), None),
        Err(s) => (vec![], Some(s)),
    }
}

fn recurse<'a>(m: &mut Machine, f: &'a Term<'a>, env: &Env<'a>, v: &V, want: usize) -> Outs {
    let mut all = vec![];
    let mut open = vec![v.clone()];
    while let Some(at) = open.pop() {
        if all.len() >= want {
            break;
        }
        let (inner, stopped) = m.eval(f, env, &at, usize::MAX);
        open.extend(inner.into_iter().rev());
        all.push(at);
        if stopped.is_some() {
            return (all, stopped);
        }
    }
    (all, None)
}

/// `until` and `while`: without nesting, however often they go round.
fn until<'a>(m: &mut Machine, (c, f): (&'a Term<'a>, &'a Term<'a>), shows: bool, env: &Env<'a>, v: &V) -> Outs {
    let mut all = vec![];
    let mut open = vec![v.clone()];
    while let Some(at) = open.pop() {
        let yes = match m.values(c, env, &at.0) {
            Ok(values) => values.first().is_some_and(J::truthy),
            Err(s) => return (all, Some(s)),
        };
        match (shows, yes) {
            (true, false) => continue,
            (false, true) => {
                all.push(at);
                continue;
            }
            (true, true) => all.push(at.clone()),
            (false, false) => {}
        }
        let (more, stopped) = m.eval(f, env, &at, usize::MAX);
        open.extend(more.into_iter().rev());
        if stopped.is_some() {
            return (all, stopped);
        }
    }
    (all, None)
}

fn range<'a>(
    m: &mut Machine,
    (from, to, by): (&'a Term<'a>, &'a Term<'a>, &'a Term<'a>),
    env: &Env<'a>,
    v: &V,
    want: usize,
) -> Outs {
    let ends = || -> Result<[Vec<J>; 3], Stop> {
        Ok([m.values(from, env, &v.0)?, m.values(to, env, &v.0)?, m.values(by, env, &v.0)?])
    };
    let mut ends = ends;
    let [from, to, by] = match ends() {
        Ok(e) => e,
        Err(s) => return (vec![], Some(s)),
    };
    let mut all = vec![];
    for a in &from {
        for b in &to {
            for c in &by {
                let (J::Num(a), J::Num(b), J::Num(c)) = (a, b, c) else {
                    return (all, Some(Stop::error("Range bounds must be numeric")));
                };
                let mut n = *a;
                while all.len() < want && ((*c > 0.0 && n < *b) || (*c < 0.0 && n > *b)) {
                    if let Err(s) = m.charge(0) {
                        return (all, Some(s));
                    }
                    all.extend(give(Ok(J::Num(n)), v).0);
                    n += c;
                }
            }
        }
    }
    (all, None)
}

/// The elements of an array by what a filter makes of them.
fn keyed<'a>(m: &mut Machine, f: &'a Term<'a>, env: &Env<'a>, x: &J) -> Result<Vec<(J, J)>, Stop> {
    let J::Arr(list) = x else {
        return Err(Stop::error(format!("{} cannot be sorted, as it is not an array", tell(x))));
    };
    let mut all = vec![];
    for y in list.iter() {
        all.push((J::arr(m.values(f, env, y)?), y.clone()));
    }
    // each is compared with some others
    m.charge(all.iter().fold(0, |n: u64, (key, _)| n.saturating_add(key.whole())))?;
    all.sort_by(|a, b| a.0.order(&b.0));
    Ok(all)
}

fn groups(all: Vec<(J, J)>) -> J {
    let mut out: Vec<(J, Vec<J>)> = vec![];
    for (k, y) in all {
        match out.last_mut().filter(|g| g.0.same(&k)) {
            Some(g) => g.1.push(y),
            None => out.push((k, vec![y])),
        }
    }
    J::arr(out.into_iter().map(|g| J::arr(g.1)).collect())
}

pub(super) fn texts<'j>(x: &'j J, what: &str) -> Result<&'j str, Stop> {
    match x {
        J::Str(s) => Ok(s),
        other => Err(Stop::error(format!("{} {what}", tell(other)))),
    }
}

fn num(x: &J) -> Result<f64, Stop> {
    match x {
        J::Num(n) => Ok(*n),
        other => Err(Stop::error(format!("{} number required", tell(other)))),
    }
}

fn list(x: &J) -> Result<Vec<J>, Stop> {
    elements(&(x.clone(), Place::Off)).map(|all| all.into_iter().map(|v| v.0).collect())
}

/// Functions of values alone.
fn plain(m: &mut Machine, name: &str, x: &J, args: &[J]) -> Result<Vec<J>, Stop> {
    let one = |r: J| Ok(vec![r]);
    match (name, args) {
        ("error", [message]) => Err(Stop::Error(message.clone())),
        ("length", []) => one(match x {
            J::Null => J::Num(0.0),
            J::Num(n) => J::Num(n.abs()),
            J::Str(s) => J::Num(s.chars().count() as f64),
            J::Arr(a) => J::Num(a.len() as f64),
            J::Obj(o) => J::Num(o.len() as f64),
            J::Bool(_) => return Err(Stop::error(format!("{} has no length", tell(x)))),
        }),
        ("utf8bytelength", []) => one(J::Num(texts(x, "only strings have UTF-8 byte length")?.len() as f64)),
        ("keys", []) if matches!(x, J::Obj(_)) => one(J::arr(x.sorted().into_iter().map(|p| J::Str(p.0)).collect())),
        ("keys_unsorted", []) if let J::Obj(o) = x => one(J::arr(o.iter().map(|p| J::Str(p.0.clone())).collect())),
        ("keys" | "keys_unsorted", []) => match x {
            J::Arr(a) => one(J::arr((0..a.len()).map(|i| J::Num(i as f64)).collect())),
            _ => Err(Stop::error(format!("{} has no keys", tell(x)))),
        },
        ("has", [key]) => match (x, key) {
            (J::Obj(_), J::Str(k)) => one(J::Bool(x.get(k).is_some())),
            (J::Arr(a), J::Num(n)) => one(J::Bool(*n >= 0.0 && (*n as usize) < a.len())),
            _ => Err(Stop::error(format!("Cannot check whether {} has a {} key", x.kind(), key.kind()))),
        },
        ("add", []) => {
            let mut sum = J::Null;
            for y in list(x)? {
                sum = math(Math::Add, &sum, &y)?;
                m.charge(sum.size())?;
            }
            one(sum)
        }
        ("from_entries", []) => {
            let mut pairs: Vec<(Arc<str>, J)> = vec![];
            for e in list(x)? {
                let field =
                    |names: [&str; 4]| names.iter().find_map(|n| e.get(n).filter(|v| !matches!(v, J::Null)).cloned());
                let key = match field(["key", "k", "name", "Name"]).or_else(|| e.get("Key").cloned()) {
                    Some(J::Str(s)) => s,
                    Some(J::Null) | None => "null".into(),
                    Some(other @ (J::Num(_) | J::Bool(_))) => other.text().into(),
                    Some(other) => return Err(Stop::error(format!("Cannot use {} as object key", tell(&other)))),
                };
                let value = ["value", "v", "Value", "V"].iter().find_map(|n| e.get(n).cloned());
                pairs.push((key, value.unwrap_or(J::Null)));
            }
            one(J::obj(pairs))
        }
        ("flatten", [depth]) => {
            let mut out = vec![];
            flatten(&list(x)?, num(depth)?, &mut out);
            one(J::arr(out))
        }
        ("reverse", []) => match x {
            J::Str(s) => one(J::str(s.chars().rev().collect::<String>())),
            J::Null => one(J::arr(vec![])),
            _ => one(J::arr(list(x)?.into_iter().rev().collect())),
        },
        ("type", []) => one(J::str(x.kind())),
        ("tostring", []) => one(J::str(plain_text(x))),
        ("tojson", []) => one(J::str(x.text())),
        ("fromjson", []) => {
            let text = texts(x, "cannot be parsed as JSON")?;
            let parsed = serde_json::from_str(text);
            one(parsed.map_err(|e| Stop::error(format!("{e} (while parsing '{text}')")))?)
        }
        ("tonumber", []) => match x {
            J::Num(_) => one(x.clone()),
            J::Str(s) => match s.trim().parse::<f64>() {
                Ok(n) => one(J::Num(n)),
                Err(_) => Err(Stop::error(format!("Cannot parse '{s}' as number"))),
            },
            _ => Err(Stop::error(format!("{} cannot be parsed as a number", tell(x)))),
        },
        ("floor", []) => one(J::Num(num(x)?.floor())),
        ("ceil", []) => one(J::Num(num(x)?.ceil())),
        ("round", []) => one(J::Num(num(x)?.round())),
        ("trunc", []) => one(J::Num(num(x)?.trunc())),
        ("fabs", []) => one(J::Num(num(x)?.abs())),
        ("sqrt", []) => one(J::Num(libm::sqrt(num(x)?))),
        ("pow", [a, b]) => one(J::Num(libm::pow(num(a)?, num(b)?))),
        ("log", []) => one(J::Num(libm::log(num(x)?))),
        ("log2", []) => one(J::Num(libm::log2(num(x)?))),
        ("log10", []) => one(J::Num(libm::log10(num(x)?))),
        ("exp", []) => one(J::Num(libm::exp(num(x)?))),
        ("isnan", []) => one(J::Bool(num(x)?.is_nan())),
        ("isinfinite", []) => one(J::Bool(num(x)?.is_infinite())),
        ("ascii_downcase", []) => one(J::str(texts(x, "cannot be lowercased")?.to_ascii_lowercase())),
        ("ascii_upcase", []) => one(J::str(texts(x, "cannot be uppercased")?.to_ascii_uppercase())),
        ("explode", []) => {
            one(J::arr(texts(x, "cannot be exploded")?.chars().map(|c| J::Num(f64::from(u32::from(c)))).collect()))
        }
        ("implode", []) => {
            let points = list(x)?;
            let chars = points.iter().map(|n| Ok(char::from_u32(num(n)? as u32).unwrap_or('\u{fffd}')));
            one(J::str(chars.collect::<Result<String, Stop>>()?))
        }
        ("startswith", [J::Str(p)]) => one(J::Bool(texts(x, "startswith() requires string inputs")?.starts_with(&**p))),
        ("endswith", [J::Str(p)]) => one(J::Bool(texts(x, "endswith() requires string inputs")?.ends_with(&**p))),
        ("startswith" | "endswith", [_]) => Err(Stop::error(format!("{name}() requires string inputs"))),
        ("ltrimstr", [p]) => one(match (x, p) {
            (J::Str(s), J::Str(p)) => J::str(s.strip_prefix(&**p).unwrap_or(s)),
            _ => x.clone(),
        }),
        ("rtrimstr", [p]) => one(match (x, p) {
            (J::Str(s), J::Str(p)) => J::str(s.strip_suffix(&**p).unwrap_or(s)),
            _ => x.clone(),
        }),
        ("trim", []) => one(J::str(texts(x, "cannot be trimmed")?.trim())),
        ("ltrim", []) => one(J::str(texts(x, "cannot be trimmed")?.trim_start())),
        ("rtrim", []) => one(J::str(texts(x, "cannot be trimmed")?.trim_end())),
        ("join", [J::Str(by)]) => {
            let mut out = String::new();
            for (i, y) in list(x)?.iter().enumerate() {
                if i > 0 {
                    out.push_str(by);
                }
                match y {
                    J::Null => {}
                    J::Arr(_) | J::Obj(_) => {
                        return Err(Stop::error(format!("Cannot join with {}", tell(y))));
                    }
                    other => out.push_str(&plain_text(other)),
                }
            }
            one(J::str(out))
        }
        ("split", [J::Str(by)]) => one(split(texts(x, "cannot be split")?, by)),
        ("contains", [y]) => one(J::Bool(contains(x, y)?)),
        ("indices", [y]) => one(match (x, y) {
            (J::Null, _) => J::Null,
            (J::Str(s), J::Str(p)) if !p.is_empty() => {
                let starts = s.char_indices().enumerate().filter(|(_, (at, _))| s[*at..].starts_with(&**p));
                J::arr(starts.map(|(n, _)| J::Num(n as f64)).collect())
            }
            (J::Arr(_), J::Arr(_)) => paths::index(x, y)?,
            (J::Arr(a), y) => {
                J::arr(a.iter().enumerate().filter(|(_, z)| z.same(y)).map(|(i, _)| J::Num(i as f64)).collect())
            }
            _ => J::Null,
        }),
        ("setpath", [J::Arr(p), y]) => one(paths::set(x, p, y.clone())?),
        ("delpaths", [J::Arr(all)]) => {
            let places = all.iter().map(list).collect::<Result<Vec<_>, Stop>>()?;
            one(paths::delete(x, places)?)
        }
        ("todateiso8601", []) => {
            let at = jiff::Timestamp::from_second(num(x)? as i64).map_err(|e| Stop::error(e.to_string()))?;
            one(J::str(at.to_string()))
        }
        ("fromdateiso8601", []) => {
            let text = texts(x, "cannot be parsed as a date")?;
            let at = text.parse::<jiff::Timestamp>();
            let at =
                at.map_err(|_| Stop::error(format!("date \"{text}\" does not match format \"%Y-%m-%dT%H:%M:%SZ\"")))?;
            one(J::Num(at.as_second() as f64))
        }
        ("test" | "match" | "capture" | "scan" | "split", [re, flags]) => matches(name, x, re, flags),
        ("tojson" | "ascii" | "input" | "inputs", _) => Err(Stop::error("No more inputs")),
        _ => Err(Stop::Undefined(format!("{name}/{}", args.len()))),
    }
}

fn split(s: &str, by: &str) -> J {
    if s.is_empty() {
        return J::arr(vec![]);
    }
    if by.is_empty() {
        return J::arr(s.chars().map(|c| J::str(c.to_string())).collect());
    }
    J::arr(s.split(by).map(J::str).collect())
}

fn flatten(all: &[J], depth: f64, out: &mut Vec<J>) {
    for x in all {
        match x {
            J::Arr(inner) if depth > 0.0 => flatten(inner, depth - 1.0, out),
            other => out.push(other.clone()),
        }
    }
}

fn contains(x: &J, y: &J) -> Result<bool, Stop> {
    match (x, y) {
        (J::Str(a), J::Str(b)) => Ok(a.contains(&**b)),
        (J::Arr(a), J::Arr(b)) => {
            Ok(b.iter().all(|y| a.iter().any(|x| x.kind() == y.kind() && contains(x, y).unwrap_or(false))))
        }
        (J::Obj(_), J::Obj(b)) => {
            Ok(b.iter().all(|(k, y)| x.get(k).is_some_and(|x| x.kind() == y.kind() && contains(x, y).unwrap_or(false))))
        }
        (a, b) if a.kind() == b.kind() => Ok(a.same(b)),
        _ => Err(Stop::error(format!("{} and {} cannot have their containment checked", tell(x), tell(y)))),
    }
}

/// `+ - * / %`
pub(super) fn math(op: Math, x: &J, y: &J) -> Result<J, Stop> {
    let cannot = |word: &str| Err(Stop::error(format!("{} and {} cannot be {word}", tell(x), tell(y))));
    match (op, x, y) {
        (Math::Add, J::Null, other) | (Math::Add, other, J::Null) => Ok(other.clone()),
        (Math::Add, J::Num(a), J::Num(b)) => Ok(J::Num(a + b)),
        (Math::Add, J::Str(a), J::Str(b)) => Ok(J::str(format!("{a}{b}"))),
        (Math::Add, J::Arr(a), J::Arr(b)) => Ok(J::arr(a.iter().chain(b.iter()).cloned().collect())),
        (Math::Add, J::Obj(a), J::Obj(b)) => Ok(J::obj(a.iter().chain(b.iter()).cloned())),
        (Math::Add, ..) => cannot("added"),
        (Math::Sub, J::Num(a), J::Num(b)) => Ok(J::Num(a - b)),
        (Math::Sub, J::Arr(a), J::Arr(b)) => {
            Ok(J::arr(a.iter().filter(|x| !b.iter().any(|y| y.same(x))).cloned().collect()))
        }
        (Math::Sub, ..) => cannot("subtracted"),
        (Math::Mul, J::Num(a), J::Num(b)) => Ok(J::Num(a * b)),
        (Math::Mul, J::Str(s), J::Num(n)) | (Math::Mul, J::Num(n), J::Str(s)) => {
            if *n <= 0.0 {
                return Ok(J::Null);
            }
            let times = (n.max(1.0)) as usize;
            if s.len().saturating_mul(times) > 1 << 24 {
                return Err(Stop::Limit);
            }
            Ok(J::str(s.repeat(times)))
        }
        (Math::Mul, J::Obj(_), J::Obj(_)) => Ok(merge(x, y)),
        (Math::Mul, ..) => cannot("multiplied"),
        (Math::Div, J::Num(_), J::Num(b)) if *b == 0.0 => cannot("divided because the divisor is zero"),
        (Math::Div, J::Num(a), J::Num(b)) => Ok(J::Num(a / b)),
        (Math::Div, J::Str(a), J::Str(b)) => Ok(split(a, b)),
        (Math::Div, ..) => cannot("divided"),
        (Math::Rem, J::Num(_), J::Num(b)) if b.trunc() == 0.0 => {
            cannot("divided (remainder) because the divisor is zero")
        }
        (Math::Rem, J::Num(a), J::Num(b)) => Ok(J::Num((a.trunc() % b.trunc().abs()) + 0.0)),
        (Math::Rem, ..) => cannot("divided (remainder)"),
    }
}

fn merge(x: &J, y: &J) -> J {
    match (x, y) {
        (J::Obj(a), J::Obj(b)) => {
            let both = b.iter().map(|(k, v)| (k.clone(), x.get(k).map_or_else(|| v.clone(), |old| merge(old, v))));
            J::obj(a.iter().cloned().chain(both.collect::<Vec<_>>()))
        }
        _ => y.clone(),
    }
}
