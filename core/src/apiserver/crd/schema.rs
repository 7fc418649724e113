//! Structural schemas: which fields of a custom resource are dropped, which get defaults, and what is wrong with the
//! rest. (Models apiextensions-apiserver `pkg/apiserver/schema` pruning and defaulting, and kube-openapi's validation.)
//!
//! Pure functions on JSON. Rules in CEL (`x-kubernetes-validations`) stand in [`super::rules`].

use crate::api::error::{FieldError, FieldErrorKind};
use crate::apiserver::registry::util::{child, entries, flag, has, index, items, text};
use regex_lite::Regex;
use serde_json::{Map, Value};

const DEPTH: usize = 64;

/// Formats of texts that are known, without their dashes. (Models `pkg/apiserver/validation/formats.go`.)
pub const FORMATS: [&str; 28] = [
    "bsonobjectid",
    "byte",
    "cidr",
    "creditcard",
    "date",
    "datetime",
    "duration",
    "email",
    "hexcolor",
    "hostname",
    "ipv4",
    "ipv6",
    "isbn",
    "isbn10",
    "isbn13",
    "k8slongname",
    "k8sshortname",
    "mac",
    "password",
    "rgbcolor",
    "ssn",
    "uri",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "int32",
    "int64",
];

/// Drops fields that the schema does not have; their paths, as strict decoding names them.
pub fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut unknown = vec![];
    if let Value::Object(map) = object {
        prune_map(schema, map, "", true, 0, &mut unknown);
    }
    unknown
}

/// The fields of a part's default that the part does not have; `resource`: the part is an object's root.
pub fn unknown_in(schema: &Value, default: &Value, resource: bool) -> Vec<String> {
    let (mut unknown, mut default) = (vec![], default.clone());
    match &mut default {
        Value::Object(map) => prune_map(schema, map, "", resource, 0, &mut unknown),
        other => prune_value(schema, other, "", 0, &mut unknown),
    }
    unknown
}

fn prune_map(s: &Value, map: &mut Map<String, Value>, at: &str, root: bool, depth: usize, unknown: &mut Vec<String>) {
    if depth > DEPTH {
        return;
    }
    let keeps = flag(s, "x-kubernetes-preserve-unknown-fields");
    let embedded = root || flag(s, "x-kubernetes-embedded-resource");
    let names: Vec<String> = map.keys().cloned().collect();
    for name in names {
        if embedded && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let here = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let inner = s["properties"].get(&name).or_else(|| match &s["additionalProperties"] {
            inner @ Value::Object(_) => Some(inner),
            Value::Bool(true) => Some(&Value::Null),
            _ => None,
        });
        match inner {
            Some(Value::Null) => {}
            Some(inner) => {
                if let Some(v) = map.get_mut(&name) {
                    prune_value(inner, v, &here, depth + 1, unknown);
                }
            }
            None if keeps => {}
            None => {
                unknown.push(format!("unknown field {here:?}"));
                map.remove(&name);
            }
        }
    }
}

fn prune_value(s: &Value, v: &mut Value, at: &str, depth: usize, unknown: &mut Vec<String>) {
    match v {
        Value::Object(map) => prune_map(s, map, at, false, depth, unknown),
        Value::Array(list) if s["items"].is_object() => {
            for (i, item) in list.iter_mut().enumerate() {
                prune_value(&s["items"], item, &format!("{at}[{i}]"), depth + 1, unknown);
            }
        }
        _ => {}
    }
}

/// Fills in the schema's defaults; `null` where it is not allowed gives way to them.
pub fn default(schema: &Value, v: &mut Value) {
    fill(schema, v, 0);
}

fn fill(s: &Value, v: &mut Value, depth: usize) {
    if depth > DEPTH {
        return;
    }
    match v {
        Value::Object(map) => {
            for (name, inner) in entries(s, "properties") {
                let absent = match map.get(name) {
                    None => true,
                    Some(Value::Null) => !flag(inner, "nullable"),
                    Some(_) => false,
                };
                if absent {
                    if let Some(d) = inner.get("default") {
                        map.insert(name.clone(), d.clone());
                    } else if map.get(name).is_some_and(Value::is_null) {
                        map.remove(name);
                    }
                }
                if let Some(v) = map.get_mut(name) {
                    fill(inner, v, depth + 1);
                }
            }
            if s["additionalProperties"].is_object() {
                for (name, v) in map.iter_mut() {
                    if s["properties"].get(name).is_none() {
                        fill(&s["additionalProperties"], v, depth + 1);
                    }
                }
            }
        }
        Value::Array(list) if s["items"].is_object() => {
            list.iter_mut().for_each(|item| fill(&s["items"], item, depth + 1));
        }
        _ => {}
    }
}

/// All errors of an object. What an update leaves as it was in `old` is not judged anew. (Models
/// `pkg/apiserver/validation/ratcheting.go`.)
pub fn validate(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = vec![];
    check(schema, object, old, "", 0, &mut errors);
    errors
}

/// All errors of a part that stands at `at`.
pub fn validate_at(schema: &Value, value: &Value, at: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    check(schema, value, None, at, 0, &mut errors);
    errors
}

fn in_body(at: &str, what: &str) -> String {
    format!("{at} in body {what}")
}

fn kind_of(v: &Value) -> &'static str {
    match v {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_type(at: &str, wanted: &str, v: &Value) -> FieldError {
    let found = kind_of(v);
    let place = if at.is_empty() { "<nil>" } else { at };
    let shown = Value::from(found);
    FieldError::invalid(place, shown.clone(), in_body(place, &format!("must be of type {wanted}: {shown}")))
}

fn check(s: &Value, v: &Value, old: Option<&Value>, at: &str, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH || s.is_null() || old == Some(v) {
        return;
    }
    if v.is_null() && flag(s, "nullable") {
        return;
    }
    let wanted = text(s, "type");
    let found = kind_of(v);
    let fits = wanted.is_empty()
        || wanted == found
        || (wanted == "number" && found == "integer")
        || (wanted == "integer" && v.as_f64().is_some_and(|f| f.fract() == 0.0));
    if flag(s, "x-kubernetes-int-or-string") {
        if !matches!(found, "integer" | "string") {
            errors.push(wrong_type(at, "integer,string", v));
            return;
        }
    } else if !fits {
        errors.push(wrong_type(at, wanted, v));
        return;
    }
    match v {
        Value::Object(map) => object(s, map, old, at, depth, errors),
        Value::Array(list) => array(s, list, (v, old), at, depth, errors),
        Value::String(t) => string(s, t, at, errors),
        Value::Number(_) => number(s, v, at, errors),
        _ => {}
    }
    let options = items(s, "enum");
    if !options.is_empty() && !options.contains(v) {
        let list: Vec<String> =
            options.iter().map(|o| o.as_str().map_or_else(|| o.to_string(), str::to_owned)).collect();
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        errors.push(FieldError::not_supported(at, v.clone(), &list));
    }
    combined(s, v, at, depth, errors);
}

fn object(
    s: &Value,
    map: &Map<String, Value>,
    old: Option<&Value>,
    at: &str,
    depth: usize,
    errors: &mut Vec<FieldError>,
) {
    for name in items(s, "required").iter().filter_map(Value::as_str) {
        if !map.contains_key(name) {
            errors.push(FieldError::required(child(at, name), ""));
        }
    }
    let count = map.len() as i64;
    if let Some(most) = s["maxProperties"].as_i64().filter(|m| count > *m) {
        errors.push(too_many(at, count, most));
    }
    if let Some(least) = s["minProperties"].as_i64().filter(|m| count < *m) {
        let why = in_body(at, &format!("should have at least {least} properties"));
        errors.push(FieldError::invalid(at, count, why));
    }
    for (name, v) in map {
        // metadata is judged as every object's
        if at.is_empty() && name == "metadata" {
            continue;
        }
        let inner = match s["properties"].get(name) {
            Some(p) => p,
            None => &s["additionalProperties"],
        };
        if inner.is_object() {
            check(inner, v, old.and_then(|o| o.get(name)), &child(at, name), depth + 1, errors);
        }
    }
}

fn array(
    s: &Value,
    list: &[Value],
    (whole, old): (&Value, Option<&Value>),
    at: &str,
    depth: usize,
    errors: &mut Vec<FieldError>,
) {
    let count = list.len() as i64;
    if let Some(most) = s["maxItems"].as_i64().filter(|m| count > *m) {
        errors.push(too_many(at, count, most));
    }
    if let Some(least) = s["minItems"].as_i64().filter(|m| count < *m) {
        let why = in_body(at, &format!("should have at least {least} items"));
        errors.push(FieldError::invalid(at, count, why));
    }
    let keys: Vec<&str> = items(s, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).collect();
    for (i, v) in list.iter().enumerate() {
        let twice = match text(s, "x-kubernetes-list-type") {
            "set" => list[..i].contains(v),
            "map" => list[..i].iter().any(|o| keys.iter().all(|k| o[*k] == v[*k])),
            _ => flag(s, "uniqueItems") && list[..i].contains(v),
        };
        if twice && flag(s, "uniqueItems") {
            errors.push(FieldError::invalid(at, whole.clone(), in_body(at, "shouldn't contain duplicates")));
        } else if twice {
            let shown = match keys.as_slice() {
                [] => v.clone(),
                keys => keys.iter().map(|k| ((*k).to_owned(), v[*k].clone())).collect::<Map<_, _>>().into(),
            };
            errors.push(FieldError::duplicate(index(at, i), shown));
        }
        // only items of a list that is a map are known to be the same as before
        let old = match text(s, "x-kubernetes-list-type") {
            "map" => {
                let mut before = old.and_then(Value::as_array).into_iter().flatten();
                before.find(|o| keys.iter().all(|k| o[*k] == v[*k]))
            }
            _ => None,
        };
        check(&s["items"], v, old, &index(at, i), depth + 1, errors);
    }
}

fn too_many(at: &str, count: i64, most: i64) -> FieldError {
    FieldError {
        kind: FieldErrorKind::TooMany,
        field: at.into(),
        value: Some(count.into()),
        detail: format!("must have at most {most} items"),
    }
}

fn string(s: &Value, t: &str, at: &str, errors: &mut Vec<FieldError>) {
    let length = t.chars().count() as i64;
    if let Some(most) = s["maxLength"].as_i64().filter(|m| length > *m) {
        errors.push(FieldError {
            kind: FieldErrorKind::TooLong,
            field: at.into(),
            value: Some(t.into()),
            detail: format!("may not be more than {most} bytes"),
        });
    }
    if let Some(least) = s["minLength"].as_i64().filter(|m| length < *m) {
        errors.push(FieldError::invalid(at, t, in_body(at, &format!("should be at least {least} chars long"))));
    }
    let pattern = text(s, "pattern");
    // a pattern that cannot be read was refused with the definition
    if !pattern.is_empty() && Regex::new(pattern).is_ok_and(|r| !r.is_match(t)) {
        errors.push(FieldError::invalid(at, t, in_body(at, &format!("should match '{pattern}'"))));
    }
    let format = text(s, "format");
    let fits = has_format(format, t);
    if !fits {
        let shown = Value::from(t);
        errors.push(FieldError::invalid(at, t, in_body(at, &format!("must be of type {format}: {shown}"))));
    }
}

/// Is a text of a format? Formats that nobody knows, and those that are not looked at here, take anything.
fn has_format(format: &str, t: &str) -> bool {
    let hex = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_hexdigit());
    match format.replace('-', "").as_str() {
        "datetime" => t.parse::<jiff::Timestamp>().is_ok(),
        "date" => t.parse::<jiff::civil::Date>().is_ok(),
        "duration" => crate::api::duration::parse_go_duration(t).is_ok(),
        "ipv4" => t.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => t.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => t.split_once('/').is_some_and(|(ip, bits)| match ip.parse::<std::net::IpAddr>() {
            Ok(ip) => bits.parse::<u8>().is_ok_and(|b| b <= if ip.is_ipv4() { 32 } else { 128 }),
            Err(_) => false,
        }),
        "mac" => {
            let parts: Vec<&str> = t.split([':', '-']).collect();
            matches!(parts.len(), 6 | 8) && parts.iter().all(|p| p.len() == 2 && hex(p))
        }
        "hostname" => {
            t.len() <= 255
                && !t.is_empty()
                && t.split('.').all(|l| {
                    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
                    !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-') && l.bytes().all(inner)
                })
        }
        "email" => t.split_once('@').is_some_and(|(who, host)| {
            !who.is_empty() && !host.is_empty() && !host.contains('@') && !t.contains(char::is_whitespace)
        }),
        "uri" => {
            t.starts_with('/')
                || t.split_once(':').is_some_and(|(scheme, rest)| {
                    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
                    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                        && scheme.bytes().all(letters)
                        && !rest.is_empty()
                        && !t.contains(char::is_whitespace)
                })
        }
        "uuid" | "uuid3" | "uuid4" | "uuid5" => {
            let bare = t.replace('-', "");
            let version = format.chars().last().filter(char::is_ascii_digit);
            bare.len() == 32 && hex(&bare) && version.is_none_or(|v| bare[12..].starts_with(v))
        }
        "byte" => crate::api::schema::base64_error(t).is_none(),
        "hexcolor" => {
            let digits = t.trim_start_matches('#');
            matches!(digits.len(), 3 | 6) && hex(digits)
        }
        "k8sshortname" => crate::api::names::is_dns1123_label(t).is_empty(),
        "k8slongname" => crate::api::names::is_dns1123_subdomain(t).is_empty(),
        _ => true,
    }
}

fn number(s: &Value, v: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let Some(n) = v.as_f64() else { return };
    let mut wrong = |why: String| errors.push(FieldError::invalid(at, v.clone(), in_body(at, &why)));
    if let Some(limit) = s["maximum"].as_f64() {
        let bound = &s["maximum"];
        match flag(s, "exclusiveMaximum") {
            true if n >= limit => wrong(format!("should be less than {bound}")),
            false if n > limit => wrong(format!("should be less than or equal to {bound}")),
            _ => {}
        }
    }
    if let Some(limit) = s["minimum"].as_f64() {
        let bound = &s["minimum"];
        match flag(s, "exclusiveMinimum") {
            true if n <= limit => wrong(format!("should be greater than {bound}")),
            false if n < limit => wrong(format!("should be greater than or equal to {bound}")),
            _ => {}
        }
    }
    if let Some(step) = s["multipleOf"].as_f64().filter(|m| *m > 0.0)
        && (n / step).fract() != 0.0
    {
        wrong(format!("should be a multiple of {}", s["multipleOf"]));
    }
    let whole = v.as_i64();
    if text(s, "format") == "int32" && whole.is_some_and(|n| i32::try_from(n).is_err()) {
        wrong("should be a number of 32 bits".into());
    }
}

/// `allOf`, `anyOf`, `oneOf`, `not`.
fn combined(s: &Value, v: &Value, at: &str, depth: usize, errors: &mut Vec<FieldError>) {
    let holds = |inner: &Value| {
        let mut found = vec![];
        check(inner, v, None, at, depth + 1, &mut found);
        found.is_empty()
    };
    let place = if at.is_empty() { "<nil>" } else { at };
    let mut wrong = |why: &str| errors.push(FieldError::invalid(place, v.clone(), in_body(place, why)));
    let some_of = items(s, "anyOf");
    if !some_of.is_empty() && !some_of.iter().any(holds) {
        wrong("must validate at least one schema (anyOf)");
    }
    let one_of = items(s, "oneOf");
    if !one_of.is_empty() {
        match one_of.iter().filter(|i| holds(i)).count() {
            1 => {}
            0 => wrong("must validate one and only one schema (oneOf). Found none valid"),
            n => wrong(&format!("must validate one and only one schema (oneOf). Found {n} valid alternatives")),
        }
    }
    if has(s, "not") && holds(&s["not"]) {
        wrong("must not validate the schema (not)");
    }
    for inner in items(s, "allOf") {
        check(inner, v, None, at, depth + 1, errors);
    }
}

/// Does a schema have rules in CEL anywhere?
pub fn has_rules(s: &Value) -> bool {
    match s {
        Value::Object(map) => {
            map.get("x-kubernetes-validations").and_then(Value::as_array).is_some_and(|l| !l.is_empty())
                || map.values().any(has_rules)
        }
        Value::Array(list) => list.iter().any(has_rules),
        _ => false,
    }
}
