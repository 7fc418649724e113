//! What Kubernetes adds: quantities, versions, formats, addresses, URLs and the authorizer. (Models apiserver
//! `pkg/cel/library`.)

use super::eval::{Got, Machine};
use super::fail;
use super::net;
use super::value::{Other, Question, Val};
use crate::api::names;
use crate::api::quantity::Quantity;
use std::cmp::Ordering;
use std::sync::Arc;

/// A version: `1.2.3-rc.1+build`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semver {
    numbers: [u64; 3],
    before: Vec<String>,
}

impl Semver {
    /// Reads one; `lenient`: a `v` in front, missing parts and leading zeros are put right.
    pub fn parse(text: &str, lenient: bool) -> Option<Semver> {
        let text = if lenient { text.strip_prefix('v').unwrap_or(text) } else { text };
        let (text, build) = text.split_once('+').map_or((text, None), |(t, b)| (t, Some(b)));
        let (core, before) = text.split_once('-').map_or((text, None), |(t, b)| (t, Some(b)));
        let label = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if build.is_some_and(|b| !b.split('.').all(|p| label(&p))) {
            return None;
        }
        let mut numbers = [0; 3];
        let parts: Vec<&str> = core.split('.').collect();
        if parts.len() > 3 || (parts.len() < 3 && (!lenient || before.is_some() || build.is_some())) {
            return None;
        }
        for (n, p) in numbers.iter_mut().zip(parts) {
            let digits = !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
            if !digits || (!lenient && p.len() > 1 && p.starts_with('0')) {
                return None;
            }
            *n = p.parse().ok()?;
        }
        let mut labels = vec![];
        for p in before.into_iter().flat_map(|b| b.split('.')) {
            let number = p.bytes().all(|b| b.is_ascii_digit());
            if !label(&p) || (number && p.len() > 1 && p.starts_with('0')) {
                return None;
            }
            labels.push(p.to_owned());
        }
        Some(Semver { numbers, before: labels })
    }

    fn compare(&self, other: &Semver) -> Ordering {
        let labels = |a: &[String], b: &[String]| {
            for (x, y) in a.iter().zip(b) {
                let order = match (x.parse::<u64>(), y.parse::<u64>()) {
                    (Ok(x), Ok(y)) => x.cmp(&y),
                    (Ok(_), Err(_)) => Ordering::Less,
                    (Err(_), Ok(_)) => Ordering::Greater,
                    (Err(_), Err(_)) => x.cmp(y),
                };
                if order.is_ne() {
                    return order;
                }
            }
            a.len().cmp(&b.len())
        };
        self.numbers.cmp(&other.numbers).then_with(|| match (self.before.is_empty(), other.before.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => labels(&self.before, &other.before),
        })
    }
}

/// The formats that have names.
pub(super) const FORMATS: [&str; 13] = [
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "qualifiedName",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

fn broken(format: &str, s: &str) -> Vec<String> {
    // what stands before a generated name may end in a dash
    let whole = || s.strip_suffix('-').map_or_else(|| s.to_owned(), |s| format!("{s}a"));
    let one = |ok: bool, why: &str| if ok { vec![] } else { vec![why.to_owned()] };
    match format {
        "dns1123Label" => names::is_dns1123_label(s),
        "dns1123Subdomain" => names::is_dns1123_subdomain(s),
        "dns1035Label" => names::is_dns1035_label(s),
        "dns1123LabelPrefix" => names::is_dns1123_label(&whole()),
        "dns1123SubdomainPrefix" => names::is_dns1123_subdomain(&whole()),
        "dns1035LabelPrefix" => names::is_dns1035_label(&whole()),
        "qualifiedName" => names::is_qualified_name(s),
        "labelValue" => names::is_label_value(s),
        "uri" => one(net::Url::parse(s).is_some(), "not a valid URI"),
        "uuid" => {
            let digits = s.chars().filter(|c| *c != '-');
            let fits =
                s.len() == 36 && digits.clone().count() == 32 && digits.into_iter().all(|c| c.is_ascii_hexdigit());
            one(fits, "does not match the UUID format")
        }
        "byte" => one(super::functions::unbase64(s).is_some(), "invalid base64"),
        "date" => one(s.parse::<jiff::civil::Date>().is_ok(), "invalid date"),
        "datetime" => one(super::time::parse(s).is_some(), "invalid datetime"),
        _ => vec![],
    }
}

/// The value of one of Kubernetes' functions; `None`: it does not take these.
pub(super) fn call(m: &mut Machine<'_>, name: &str, args: &[Val]) -> Option<Got> {
    match args {
        [] => {
            let format = name.strip_prefix("format.")?;
            let known = FORMATS.iter().find(|f| **f == format)?;
            Some(Ok(Val::other(Other::Format(known))))
        }
        [Val::Str(s), rest @ ..] => of_text(m, name, s, rest),
        [Val::Other(o), rest @ ..] => match &**o {
            Other::Quantity(q) => quantity(name, q, rest),
            Other::Semver(v) => semver(name, v, rest),
            Other::Format(f) => match (name, rest) {
                ("validate", [Val::Str(s)]) => {
                    let errors = broken(f, s);
                    Some(Ok(Val::Opt(
                        (!errors.is_empty()).then(|| Arc::new(Val::list(errors.into_iter().map(Val::from).collect()))),
                    )))
                }
                _ => None,
            },
            Other::Question(q) => ask(m, name, q, rest),
            Other::Decision(yes, why) => Some(Ok(match (name, rest) {
                ("allowed", []) => Val::Bool(*yes),
                ("errored", []) => Val::Bool(false),
                ("reason", []) => Val::Str(why.clone()),
                ("error", []) => "".into(),
                _ => return None,
            })),
            o => net::call(name, o, rest),
        },
        _ => None,
    }
}

fn of_text(m: &mut Machine<'_>, name: &str, s: &str, rest: &[Val]) -> Option<Got> {
    if let Err(e) = m.pay(s.len() / 10) {
        return Some(Err(e));
    }
    let lenient = matches!(rest, [Val::Bool(true)]);
    Some(match (name, rest) {
        ("quantity", []) => match Quantity::parse(s) {
            Ok(q) => Ok(Val::other(Other::Quantity(q))),
            Err(e) => fail(e.to_string()),
        },
        ("isQuantity", []) => Ok(Val::Bool(Quantity::parse(s).is_ok())),
        ("semver", [] | [Val::Bool(_)]) => match Semver::parse(s, lenient) {
            Some(v) => Ok(Val::other(Other::Semver(v))),
            None => fail(format!("invalid semantic version {s:?}")),
        },
        ("isSemver", [] | [Val::Bool(_)]) => Ok(Val::Bool(Semver::parse(s, lenient).is_some())),
        ("format.named", []) => {
            let known = FORMATS.iter().find(|f| **f == s);
            Ok(Val::Opt(known.map(|f| Arc::new(Val::other(Other::Format(f))))))
        }
        ("jsonpatch.escapeKey", []) => Ok(s.replace('~', "~0").replace('/', "~1").into()),
        _ => return net::of_text(name, s, rest),
    })
}

fn quantity(name: &str, q: &Quantity, rest: &[Val]) -> Option<Got> {
    let other = match rest {
        [] => None,
        [Val::Int(n)] => Some(Quantity::parse(&n.to_string()).ok()?),
        [Val::Other(o)] => match &**o {
            Other::Quantity(q) => Some(*q),
            _ => return None,
        },
        _ => return None,
    };
    Some(match (name, other) {
        ("sign", None) => Ok(Val::Int(i64::from(q.sign()))),
        ("isInteger", None) => {
            let whole = q.value();
            Ok(Val::Bool(Quantity::parse(&whole.to_string()).is_ok_and(|w| w == *q)))
        }
        ("asInteger", None) => {
            let whole = q.value();
            match Quantity::parse(&whole.to_string()).is_ok_and(|w| w == *q) {
                true => Ok(Val::Int(whole)),
                false => fail("cannot convert value to integer"),
            }
        }
        ("asApproximateFloat", None) => Ok(Val::Double(q.as_f64())),
        ("isGreaterThan", Some(o)) => Ok(Val::Bool(*q > o)),
        ("isLessThan", Some(o)) => Ok(Val::Bool(*q < o)),
        ("compareTo", Some(o)) => Ok(Val::Int(q.cmp(&o) as i64)),
        ("add", Some(o)) => Ok(Val::other(Other::Quantity(*q + o))),
        ("sub", Some(o)) => Ok(Val::other(Other::Quantity(*q - o))),
        _ => return None,
    })
}

fn semver(name: &str, v: &Semver, rest: &[Val]) -> Option<Got> {
    let number = |i: usize| Ok(Val::Int(i64::try_from(v.numbers[i]).unwrap_or(i64::MAX)));
    let other = match rest {
        [] => None,
        [Val::Other(o)] => match &**o {
            Other::Semver(v) => Some(v),
            _ => return None,
        },
        _ => return None,
    };
    Some(match (name, other) {
        ("major", None) => number(0),
        ("minor", None) => number(1),
        ("patch", None) => number(2),
        ("isGreaterThan", Some(o)) => Ok(Val::Bool(v.compare(o).is_gt())),
        ("isLessThan", Some(o)) => Ok(Val::Bool(v.compare(o).is_lt())),
        ("compareTo", Some(o)) => Ok(Val::Int(v.compare(o) as i64)),
        _ => return None,
    })
}

fn ask(m: &mut Machine<'_>, name: &str, q: &Question, rest: &[Val]) -> Option<Got> {
    let texts: Vec<&str> =
        rest.iter().map(|v| if let Val::Str(s) = v { Some(&**s) } else { None }).collect::<Option<_>>()?;
    let mut q = q.clone();
    match (q.stage, name, texts.as_slice()) {
        ("", "path", [p]) if !p.is_empty() => (q.stage, q.path) = ("path", (*p).into()),
        ("", "path", [_]) => return Some(fail("path must not be empty")),
        ("", "group", [g]) => (q.stage, q.group) = ("group", (*g).into()),
        ("", "serviceAccount", [ns, name]) => {
            let errors = names::is_dns1123_label(ns).into_iter().chain(names::is_dns1123_subdomain(name));
            if let Some(why) = errors.into_iter().next() {
                return Some(fail(format!("Invalid service account: {why}")));
            }
            q.account = Some(((*ns).into(), (*name).into()));
        }
        ("group", "resource", [r]) => (q.stage, q.resource) = ("resource", (*r).into()),
        ("resource", "subresource", [s]) => q.subresource = (*s).into(),
        ("resource", "namespace", [n]) => q.namespace = (*n).into(),
        ("resource", "name", [n]) => q.name = (*n).into(),
        ("resource", "fieldSelector" | "labelSelector", [_]) => {}
        ("resource" | "path", "check", [verb]) => {
            q.verb = (*verb).into();
            if let Err(e) = m.pay(1000) {
                return Some(Err(e));
            }
            let Some(authorizer) = m.scope.authorizer else { return Some(fail("no authorizer")) };
            let (yes, why) = authorizer.check(&q);
            return Some(Ok(Val::other(Other::Decision(yes, why.into()))));
        }
        _ => return None,
    }
    Some(Ok(Val::other(Other::Question(q))))
}
