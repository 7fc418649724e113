//! Values of CEL, their equality and order, and the way from JSON and back. Invariant: maps are sorted, so nothing
//! depends on an order of hashing; no value is deeper than [`DEPTH`].

use super::types::Ty;
use crate::api::quantity::Quantity;
use serde_json::{Map as Json, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// How deep a value may be that is kept or given away.
pub const DEPTH: usize = 128;

/// A value.
#[derive(Clone, Debug)]
pub enum Val {
    /// `null`
    Null,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint`
    Uint(u64),
    /// `double`
    Double(f64),
    /// `string`
    Str(Arc<str>),
    /// `bytes`
    Bytes(Arc<[u8]>),
    /// `list`
    List(Arc<List>),
    /// `map`, or an object of fields
    Map(Arc<Entries>),
    /// `google.protobuf.Timestamp`
    Time(jiff::Timestamp),
    /// `google.protobuf.Duration`, in nanoseconds
    Span(i64),
    /// `optional_type`
    Opt(Option<Arc<Val>>),
    /// `type`
    Type(Arc<str>),
    /// What Kubernetes adds.
    Other(Arc<Other>),
}

/// A list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Its elements.
    pub items: Vec<Val>,
    /// What its schema says of it.
    pub form: Form,
}

/// How a list is compared and added to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// In order.
    #[default]
    Atomic,
    /// `x-kubernetes-list-type: set`
    Set,
    /// `x-kubernetes-list-type: map`, by these keys
    Map(Arc<[Arc<str>]>),
}

/// A map, or an object.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// Its entries.
    pub map: BTreeMap<Key, Val>,
    /// The name of an object's type, if an expression has made it: `Object.spec`.
    pub name: Option<Arc<str>>,
}

/// A key of a map. `uint` keys that fit are kept as `int`: either finds the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint` beyond `int`
    Uint(u64),
    /// `string`
    Str(Arc<str>),
}

/// Kubernetes' own types.
#[derive(Clone, Debug, PartialEq)]
pub enum Other {
    /// `kubernetes.Quantity`
    Quantity(Quantity),
    /// `kubernetes.URL`
    Url(super::net::Url),
    /// `net.IP`
    Ip(IpAddr),
    /// `net.CIDR`
    Cidr(IpAddr, u8),
    /// `kubernetes.Semver`
    Semver(super::library::Semver),
    /// `kubernetes.NamedFormat`
    Format(&'static str),
    /// `kubernetes.authorization.Authorizer` and what its methods make of it
    Question(Question),
    /// `kubernetes.authorization.Decision`
    Decision(bool, Arc<str>),
}

/// What an `authorizer` is asked, as far as it has been said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// How far: `""`, `path`, `group`, `resource`.
    pub stage: &'static str,
    /// The service account whose rights are asked for: namespace and name; none: whoever makes the request.
    pub account: Option<(String, String)>,
    /// A path that is no resource.
    pub path: String,
    /// API group.
    pub group: String,
    /// Plural.
    pub resource: String,
    /// Subresource.
    pub subresource: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Verb.
    pub verb: String,
}

impl Key {
    /// The key that a value is, if it may be one.
    pub fn of(v: &Val) -> Option<Key> {
        Some(match v {
            Val::Bool(b) => Key::Bool(*b),
            Val::Int(i) => Key::Int(*i),
            Val::Uint(u) => i64::try_from(*u).map_or(Key::Uint(*u), Key::Int),
            Val::Double(d) if d.fract() == 0.0 && d.abs() < 9e18 => Key::Int(*d as i64),
            Val::Str(s) => Key::Str(s.clone()),
            _ => return None,
        })
    }

    /// The value that a key is.
    pub fn val(&self) -> Val {
        match self {
            Key::Bool(b) => Val::Bool(*b),
            Key::Int(i) => Val::Int(*i),
            Key::Uint(u) => Val::Uint(*u),
            Key::Str(s) => Val::Str(s.clone()),
        }
    }

    /// As errors show it.
    pub fn shown(&self) -> String {
        match self {
            Key::Bool(b) => b.to_string(),
            Key::Int(i) => i.to_string(),
            Key::Uint(u) => u.to_string(),
            Key::Str(s) => s.to_string(),
        }
    }
}

impl From<&str> for Val {
    fn from(s: &str) -> Val {
        Val::Str(s.into())
    }
}

impl From<String> for Val {
    fn from(s: String) -> Val {
        Val::Str(s.into())
    }
}

impl Val {
    /// A list in order.
    pub fn list(items: Vec<Val>) -> Val {
        Val::List(Arc::new(List { items, form: Form::Atomic }))
    }

    /// A map.
    pub fn map(map: BTreeMap<Key, Val>) -> Val {
        Val::Map(Arc::new(Entries { map, name: None }))
    }

    /// A map with texts as keys.
    pub fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, Val)>) -> Val {
        Val::map(fields.into_iter().map(|(k, v)| (Key::Str(k.into()), v)).collect())
    }

    /// One of Kubernetes' own.
    pub fn other(o: Other) -> Val {
        Val::Other(Arc::new(o))
    }

    /// The name of its type.
    pub fn type_name(&self) -> Arc<str> {
        match self {
            Val::Null => "null_type",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Uint(_) => "uint",
            Val::Double(_) => "double",
            Val::Str(_) => "string",
            Val::Bytes(_) => "bytes",
            Val::List(_) => "list",
            Val::Map(m) => return m.name.clone().unwrap_or_else(|| "map".into()),
            Val::Time(_) => "google.protobuf.Timestamp",
            Val::Span(_) => "google.protobuf.Duration",
            Val::Opt(_) => "optional_type",
            Val::Type(_) => "type",
            Val::Other(o) => match &**o {
                Other::Quantity(_) => "kubernetes.Quantity",
                Other::Url(_) => "kubernetes.URL",
                Other::Ip(_) => "net.IP",
                Other::Cidr(..) => "net.CIDR",
                Other::Semver(_) => "kubernetes.Semver",
                Other::Format(_) => "kubernetes.NamedFormat",
                Other::Question(q) => match q.stage {
                    "path" => "kubernetes.authorization.PathCheck",
                    "group" => "kubernetes.authorization.GroupCheck",
                    "resource" => "kubernetes.authorization.ResourceCheck",
                    _ => "kubernetes.authorization.Authorizer",
                },
                Other::Decision(..) => "kubernetes.authorization.Decision",
            },
        }
        .into()
    }

    /// Is it the empty value of its type?
    pub fn is_zero(&self) -> bool {
        match self {
            Val::Null => true,
            Val::Bool(b) => !b,
            Val::Int(i) => *i == 0,
            Val::Uint(u) => *u == 0,
            Val::Double(d) => *d == 0.0,
            Val::Str(s) => s.is_empty(),
            Val::Bytes(b) => b.is_empty(),
            Val::List(l) => l.items.is_empty(),
            Val::Map(m) => m.map.is_empty(),
            Val::Span(s) => *s == 0,
            Val::Opt(o) => o.is_none(),
            Val::Time(t) => t.as_second() == super::time::FIRST,
            Val::Type(_) | Val::Other(_) => false,
        }
    }

    /// How much there is of it: what walking all of it costs. Stops counting at `most`.
    pub fn weight(&self, most: u64) -> u64 {
        let mut left = most;
        self.weigh(&mut left, 0);
        most - left
    }

    fn weigh(&self, left: &mut u64, depth: usize) {
        let own = match self {
            Val::Str(s) => 1 + s.len() as u64 / 10,
            Val::Bytes(b) => 1 + b.len() as u64 / 10,
            _ => 1,
        };
        *left = left.saturating_sub(own);
        if *left == 0 || depth > 4 * DEPTH {
            return;
        }
        match self {
            Val::List(l) => l.items.iter().for_each(|v| v.weigh(left, depth + 1)),
            Val::Map(m) => m.map.values().for_each(|v| v.weigh(left, depth + 1)),
            Val::Opt(Some(v)) => v.weigh(left, depth + 1),
            _ => {}
        }
    }

    /// Is it deeper than so many levels?
    pub fn deeper_than(&self, levels: usize) -> bool {
        let Some(rest) = levels.checked_sub(1) else { return true };
        match self {
            Val::List(l) => l.items.iter().any(|v| v.deeper_than(rest)),
            Val::Map(m) => m.map.values().any(|v| v.deeper_than(rest)),
            Val::Opt(Some(v)) => v.deeper_than(rest),
            _ => false,
        }
    }

    /// Order of two values; `None`: they have none.
    pub fn compare(&self, other: &Val) -> Option<Ordering> {
        Some(match (self, other) {
            (Val::Bool(a), Val::Bool(b)) => a.cmp(b),
            (Val::Str(a), Val::Str(b)) => a.cmp(b),
            (Val::Bytes(a), Val::Bytes(b)) => a.cmp(b),
            (Val::Time(a), Val::Time(b)) => a.cmp(b),
            (Val::Span(a), Val::Span(b)) => a.cmp(b),
            (Val::Double(a), Val::Double(b)) => return a.partial_cmp(b),
            (Val::Double(a), b) => return compare_double(*a, b),
            (a, Val::Double(b)) => return compare_double(*b, a).map(Ordering::reverse),
            (a, b) => a.whole()?.cmp(&b.whole()?),
        })
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Val::Int(i) => Some(i128::from(*i)),
            Val::Uint(u) => Some(i128::from(*u)),
            _ => None,
        }
    }

    /// From JSON that nothing is known of.
    pub fn from_json(v: &Value) -> Val {
        Val::dynamic(v, 0)
    }

    fn dynamic(v: &Value, depth: usize) -> Val {
        if depth >= DEPTH {
            return Val::Null;
        }
        match v {
            Value::Null => Val::Null,
            Value::Bool(b) => Val::Bool(*b),
            Value::Number(n) => n.as_i64().map(Val::Int).unwrap_or_else(|| Val::Double(n.as_f64().unwrap_or_default())),
            Value::String(s) => Val::Str(s.as_str().into()),
            Value::Array(list) => Val::list(list.iter().map(|v| Val::dynamic(v, depth + 1)).collect()),
            Value::Object(map) => {
                let entry = |(k, v): (&String, &Value)| (Key::Str(k.as_str().into()), Val::dynamic(v, depth + 1));
                Val::map(map.iter().map(entry).collect())
            }
        }
    }

    /// From JSON of a schema's type: its fields under the names by which expressions call them.
    pub fn typed(v: &Value, schema: &Value) -> Val {
        Val::of_schema(v, schema, 0)
    }

    fn of_schema(v: &Value, schema: &Value, depth: usize) -> Val {
        if depth >= DEPTH {
            return Val::Null;
        }
        let format = schema["format"].as_str().unwrap_or_default();
        match v {
            Value::Number(n) if schema["type"] == "number" => Val::Double(n.as_f64().unwrap_or_default()),
            Value::Number(n) if schema["type"] == "integer" && n.as_i64().is_none() => {
                Val::Int(n.as_f64().unwrap_or_default() as i64)
            }
            Value::String(s) => match format {
                "byte" => super::functions::unbase64(s).map_or(Val::Null, |b| Val::Bytes(b.into())),
                "date-time" => super::time::parse(s).map_or(Val::Null, Val::Time),
                "date" => super::time::parse(&format!("{s}T00:00:00Z")).map_or(Val::Null, Val::Time),
                "duration" => crate::api::duration::parse_go_duration(s).map_or(Val::Null, Val::Span),
                _ => Val::Str(s.as_str().into()),
            },
            Value::Array(list) => {
                let items = list.iter().map(|v| Val::of_schema(v, &schema["items"], depth + 1)).collect();
                let form = match schema["x-kubernetes-list-type"].as_str() {
                    Some("set") => Form::Set,
                    Some("map") => {
                        let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
                        Form::Map(keys.filter_map(Value::as_str).map(super::types::escape_or_same).collect())
                    }
                    _ => Form::Atomic,
                };
                Val::List(Arc::new(List { items, form }))
            }
            Value::Object(map) if schema["additionalProperties"].is_object() => {
                let inner = &schema["additionalProperties"];
                let entry =
                    |(k, v): (&String, &Value)| (Key::Str(k.as_str().into()), Val::of_schema(v, inner, depth + 1));
                Val::map(map.iter().map(entry).collect())
            }
            Value::Object(map) if schema["properties"].is_object() => {
                let entry = |(k, v): (&String, &Value)| {
                    let inner = &schema["properties"][k];
                    (Key::Str(super::types::escape_or_same(k)), Val::of_schema(v, inner, depth + 1))
                };
                Val::map(map.iter().map(entry).collect())
            }
            v => Val::dynamic(v, depth),
        }
    }

    /// As JSON; `None`: it has no such form.
    pub fn to_json(&self) -> Option<Value> {
        self.json(0)
    }

    fn json(&self, depth: usize) -> Option<Value> {
        if depth >= DEPTH {
            return None;
        }
        Some(match self {
            Val::Null => Value::Null,
            Val::Bool(b) => (*b).into(),
            Val::Int(i) => (*i).into(),
            Val::Uint(u) => (*u).into(),
            Val::Double(d) if d.fract() == 0.0 && d.abs() < 9e15 => (*d as i64).into(),
            Val::Double(d) => serde_json::Number::from_f64(*d)?.into(),
            Val::Str(s) => (**s).into(),
            Val::Bytes(b) => super::functions::base64(b).into(),
            Val::List(l) => l.items.iter().map(|v| v.json(depth + 1)).collect::<Option<Vec<_>>>()?.into(),
            Val::Map(m) => {
                let mut out = Json::new();
                for (k, v) in &m.map {
                    out.insert(k.shown(), v.json(depth + 1)?);
                }
                out.into()
            }
            Val::Time(t) => t.to_string().into(),
            Val::Span(s) => format!("{}s", super::text::double(*s as f64 / 1e9)).into(),
            Val::Opt(Some(v)) => v.json(depth + 1)?,
            Val::Opt(None) => Value::Null,
            Val::Other(o) => match &**o {
                Other::Quantity(q) => q.to_string().into(),
                Other::Ip(ip) => ip.to_string().into(),
                Other::Cidr(ip, bits) => format!("{ip}/{bits}").into(),
                _ => return None,
            },
            Val::Type(_) => return None,
        })
    }

    /// The type that is known of a value.
    pub fn ty(&self) -> Ty {
        match self {
            Val::Null => Ty::Null,
            Val::Bool(_) => Ty::Bool,
            Val::Int(_) => Ty::Int,
            Val::Uint(_) => Ty::Uint,
            Val::Double(_) => Ty::Double,
            Val::Str(_) => Ty::Str,
            Val::Bytes(_) => Ty::Bytes,
            _ => Ty::Dyn,
        }
    }
}

fn compare_double(a: f64, b: &Val) -> Option<Ordering> {
    let b = b.whole()?;
    if a.is_nan() {
        return None;
    }
    if a >= 2e19 {
        return Some(Ordering::Greater);
    }
    if a <= -2e19 {
        return Some(Ordering::Less);
    }
    let floor = a.floor() as i128;
    Some(floor.cmp(&b).then(if a.fract() == 0.0 { Ordering::Equal } else { Ordering::Greater }))
}

impl PartialEq for Val {
    fn eq(&self, other: &Val) -> bool {
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::List(a), Val::List(b)) => equal_lists(a, b),
            (Val::Map(a), Val::Map(b)) => {
                a.map.len() == b.map.len() && a.map.iter().zip(&b.map).all(|((k, v), (l, w))| k == l && v == w)
            }
            (Val::Opt(a), Val::Opt(b)) => a == b,
            (Val::Type(a), Val::Type(b)) => a == b,
            (Val::Other(a), Val::Other(b)) => a == b,
            (a, b) => a.compare(b) == Some(Ordering::Equal),
        }
    }
}

fn equal_lists(a: &List, b: &List) -> bool {
    if a.items.len() != b.items.len() {
        return false;
    }
    match &a.form {
        Form::Atomic => a.items == b.items,
        Form::Set => a.items.iter().all(|v| b.items.contains(v)),
        Form::Map(keys) => {
            let same = |v: &Val, w: &Val| keys.iter().all(|k| part(v, k) == part(w, k));
            a.items.iter().all(|v| b.items.iter().any(|w| same(v, w) && v == w))
        }
    }
}

/// The field of an object that is a key of its list.
pub(super) fn part<'a>(v: &'a Val, key: &str) -> Option<&'a Val> {
    match v {
        Val::Map(m) => m.map.get(&Key::Str(key.into())),
        _ => None,
    }
}
