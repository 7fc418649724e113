//! Objects judged by their schema, in the words of the API server.
//!
//! Two readers share one walk: the JSON decoder (request bodies; Go's encoding/json, case-sensitive) and the converter
//! of patched objects (apimachinery `runtime/converter.go`). Both give the object as the API server would encode it
//! again: unknown fields dropped, `null` as absent, empty optional values left out, quantities in stored form.

use super::{Field, Type, TypeInfo, schema};
use crate::api::kinds::ResourceInfo;
use crate::api::quantity::Quantity;
use serde_json::{Map, Value};

/// An object that could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The object, normalised.
    pub value: Value,
    /// What was dropped, as `unknown field "spec.replica"`, in the order of the fields.
    pub unknown: Vec<String>,
}

/// Why an object could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In upstream's words.
    pub message: String,
    /// The path of the field, as `spec.ports[0].port`.
    pub path: String,
}

/// Reads an object of a kind. The error is the whole message of the `BadRequest`.
pub fn decode(info: &ResourceInfo, value: Value) -> Result<Decoded, String> {
    let Some(root) = schema().of(info) else { return Ok(Decoded { value, unknown: vec![] }) };
    walk(root, value, false).map_err(|f| cannot_be_handled(info, &f.message))
}

/// As [`decode`], with the place of the failure and the bare message.
pub fn judge(root: &TypeInfo, value: Value) -> Result<Decoded, Failure> {
    walk(root, value, false)
}

/// Reads an object that a patch has made; the failure is the converter's, as `unrecognized type: int32`.
pub fn judge_unstructured(root: &TypeInfo, value: Value) -> Result<Decoded, Failure> {
    walk(root, value, true)
}

/// Reads only `metadata`, as kubectl does before it sends an object; the error as after `unable to decode "f.yaml": `.
pub fn decode_metadata(object: &Value) -> Result<(), String> {
    let Some(meta) = schema().by_name("meta.v1.ObjectMeta") else { return Ok(()) };
    let mut w = Walker::new(false);
    match object.get("metadata") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(map)) => {
            w.path.push(Step::Field("metadata".into()));
            w.object(meta, map.clone());
            w.failure.map_or(Ok(()), |f| Err(f.message))
        }
        Some(other) => Err(format!(
            "json: cannot unmarshal {} into Go struct field PartialObjectMetadata.metadata of type v1.ObjectMeta",
            go_kind(other)
        )),
    }
}

/// The message of the `BadRequest` for unknown fields when these are refused.
pub fn strict_error(info: &ResourceInfo, unknown: &[String]) -> String {
    cannot_be_handled(info, &format!("strict decoding error: {}", unknown.join(", ")))
}

fn cannot_be_handled(info: &ResourceInfo, why: &str) -> String {
    format!("{} in version {:?} cannot be handled as a {}: {why}", info.kind, info.version, info.kind)
}

fn walk(root: &TypeInfo, value: Value, converter: bool) -> Result<Decoded, Failure> {
    let mut w = Walker::new(converter);
    let value = match value {
        Value::Object(map) => Value::Object(w.object(root, map)),
        other => {
            let message = if converter {
                format!("cannot restore struct from: {}", unstructured_kind(&other))
            } else {
                format!("json: cannot unmarshal {} into Go value of type {}", go_kind(&other), root.go_type())
            };
            return Err(Failure { message, path: String::new() });
        }
    };
    match w.failure {
        Some(f) => Err(f),
        None => Ok(Decoded { value, unknown: w.unknown }),
    }
}

enum Step {
    Field(String),
    Key(String),
    Index(usize),
}

struct Walker {
    converter: bool,
    path: Vec<Step>,
    unknown: Vec<String>,
    /// The first failure is the one that is told.
    failure: Option<Failure>,
}

/// Go's name for a JSON value in decoding errors.
fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The reflect kind of a value within an unstructured object.
fn unstructured_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    }
}

impl Walker {
    fn new(converter: bool) -> Self {
        Walker { converter, path: vec![], unknown: vec![], failure: None }
    }

    /// The path with indexes: `spec.containers[0].name`.
    fn place(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) | Step::Key(name) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(name);
                }
                Step::Index(i) => out.push_str(&format!("[{i}]")),
            }
        }
        out
    }

    fn fail(&mut self, message: String) {
        if self.failure.is_none() {
            self.failure = Some(Failure { message, path: self.place() });
        }
    }

    /// A value of the wrong kind.
    fn mismatch(&mut self, owner: &TypeInfo, found: &str, wanted: &str) {
        if self.failure.is_some() {
            return;
        }
        let names: Vec<&str> = self
            .path
            .iter()
            .filter_map(|s| match s {
                Step::Field(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let message = format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {wanted}",
            owner.short_name(),
            names.join(".")
        );
        self.fail(message);
    }

    fn object(&mut self, ty: &TypeInfo, map: Map<String, Value>) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, value) in map {
            let Some(field) = ty.fields.get(&name) else {
                self.path.push(Step::Field(name));
                let text = format!("unknown field {:?}", self.place());
                self.unknown.push(text);
                self.path.pop();
                continue;
            };
            if value.is_null() {
                continue;
            }
            self.path.push(Step::Field(name.clone()));
            let go = go_type(field);
            let value = self.value(ty, &field.ty, &go, value);
            self.path.pop();
            if let Some(value) = value
                && !left_out(field, &value)
            {
                out.insert(name, value);
            }
        }
        out
    }

    /// `owner` is the type whose field is being read, `go` the Go type of `ty`.
    fn value(&mut self, owner: &TypeInfo, ty: &Type, go: &str, value: Value) -> Option<Value> {
        match (ty, value) {
            (Type::Json, v) => Some(v),
            (Type::Object(i), Value::Object(map)) => Some(Value::Object(self.object(schema().get(*i), map))),
            (Type::List(inner), Value::Array(list)) => {
                let inner_go = go.strip_prefix("[]").unwrap_or(go).trim_start_matches('*').to_owned();
                let mut out = Vec::with_capacity(list.len());
                for (i, item) in list.into_iter().enumerate() {
                    self.path.push(Step::Index(i));
                    let item = match item {
                        Value::Null => Some(zero(inner)),
                        item => self.value(owner, inner, &inner_go, item),
                    };
                    self.path.pop();
                    out.extend(item);
                }
                Some(Value::Array(out))
            }
            (Type::Map(inner), Value::Object(map)) => {
                let inner_go = map_value_type(go, inner);
                let mut out = Map::new();
                for (key, item) in map {
                    self.path.push(Step::Key(key.clone()));
                    let item = match item {
                        Value::Null => Some(zero(inner)),
                        item => self.value(owner, inner, &inner_go, item),
                    };
                    self.path.pop();
                    if let Some(item) = item {
                        out.insert(key, item);
                    }
                }
                Some(Value::Object(out))
            }
            (Type::String, v @ Value::String(_)) | (Type::Bool, v @ Value::Bool(_)) => Some(v),
            (Type::Int32 | Type::Int64 | Type::Float | Type::IntOrString, Value::Number(n)) => {
                self.number(owner, ty, go, n)
            }
            (Type::IntOrString, v @ Value::String(_)) => Some(v),
            (Type::Quantity, v) => self.quantity(v),
            (Type::Time | Type::MicroTime, Value::String(s)) => self.time(s),
            (Type::Bytes, Value::String(s)) => self.bytes(s),
            (ty, v) => {
                self.wrong_kind(owner, ty, go, &v);
                None
            }
        }
    }

    fn wrong_kind(&mut self, owner: &TypeInfo, ty: &Type, go: &str, value: &Value) {
        if !self.converter {
            // These decode by their own means, of which only the inner type is known.
            let wanted = match ty {
                Type::IntOrString => "int32",
                Type::Time | Type::MicroTime => "string",
                _ => go,
            };
            return self.mismatch(owner, go_kind(value), wanted);
        }
        let found = unstructured_kind(value);
        let message = match ty {
            Type::Object(_) => format!("cannot restore struct from: {found}"),
            Type::List(_) | Type::Bytes => format!("cannot restore slice from {found}"),
            Type::Map(_) => format!("cannot restore map from {found}"),
            Type::IntOrString => format!("json: cannot unmarshal {} into Go value of type int32", go_kind(value)),
            Type::Time | Type::MicroTime => {
                format!("json: cannot unmarshal {} into Go value of type string", go_kind(value))
            }
            Type::Bool => "unrecognized type: bool".into(),
            Type::Int32 => "unrecognized type: int32".into(),
            Type::Int64 => "unrecognized type: int64".into(),
            Type::Float => "unrecognized type: float64".into(),
            _ => "unrecognized type: string".into(),
        };
        self.fail(message);
    }

    fn number(&mut self, owner: &TypeInfo, ty: &Type, go: &str, n: serde_json::Number) -> Option<Value> {
        let fits = match ty {
            Type::Float => true,
            Type::Int64 => n.is_i64(),
            _ => n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        };
        if fits {
            return Some(Value::Number(n));
        }
        let wanted = if *ty == Type::IntOrString { "int32" } else { go };
        if self.converter {
            let kind = if *ty == Type::Int64 { "int64" } else { "int32" };
            self.fail(format!("unrecognized type: {kind}"));
        } else {
            self.mismatch(owner, &format!("number {n}"), wanted);
        }
        None
    }

    fn quantity(&mut self, value: Value) -> Option<Value> {
        let text = match value {
            Value::String(s) => s.trim().to_owned(),
            other => other.to_string(),
        };
        match Quantity::stored_text(&text) {
            Ok(stored) => Some(Value::String(stored.into_owned())),
            Err(e) => {
                self.fail(e.to_string());
                None
            }
        }
    }

    fn time(&mut self, text: String) -> Option<Value> {
        match text.parse::<jiff::Timestamp>() {
            Ok(_) => Some(Value::String(text)),
            Err(_) => {
                self.fail(time_error(&text));
                None
            }
        }
    }

    fn bytes(&mut self, text: String) -> Option<Value> {
        match base64_error(&text) {
            None => Some(Value::String(text.replace(['\n', '\r'], ""))),
            Some(at) => {
                let message = format!("illegal base64 data at input byte {at}");
                self.fail(if self.converter { format!("error decoding from base64: {message}") } else { message });
                None
            }
        }
    }
}

/// The Go type of a field, as errors name it.
fn go_type(field: &Field) -> String {
    if field.go_type.is_empty() { go_of(&field.ty) } else { field.go_type.clone() }
}

fn go_of(ty: &Type) -> String {
    match ty {
        Type::String => "string".into(),
        Type::Bool => "bool".into(),
        Type::Int32 => "int32".into(),
        Type::Int64 => "int64".into(),
        Type::Float => "float64".into(),
        Type::Quantity => "resource.Quantity".into(),
        Type::Time => "v1.Time".into(),
        Type::MicroTime => "v1.MicroTime".into(),
        Type::IntOrString => "intstr.IntOrString".into(),
        Type::Bytes => "[]uint8".into(),
        Type::Json => "runtime.RawExtension".into(),
        Type::List(inner) => format!("[]{}", go_of(inner)),
        Type::Map(inner) => format!("map[string]{}", go_of(inner)),
        Type::Object(i) => schema().get(*i).go_type().to_owned(),
    }
}

fn map_value_type(go: &str, inner: &Type) -> String {
    match go.strip_prefix("map[").and_then(|g| g.split_once(']')) {
        Some((_, value)) => value.to_owned(),
        None => go_of(inner),
    }
}

/// What a `null` within a list or map stands for.
fn zero(ty: &Type) -> Value {
    match ty {
        Type::String => "".into(),
        Type::Bool => false.into(),
        Type::Int32 | Type::Int64 | Type::Float | Type::IntOrString => 0.into(),
        Type::Quantity => "0".into(),
        Type::Object(_) => Value::Object(Map::new()),
        _ => Value::Null,
    }
}

/// Does Go's encoder leave this value of the field out?
fn left_out(field: &Field, value: &Value) -> bool {
    if field.always {
        return false;
    }
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => match field.ty {
            Type::Object(_) => field.omit_zero && map.is_empty() && !field.pointer,
            Type::Json => false,
            _ => map.is_empty(),
        },
        Value::String(s) => s.is_empty() && !field.pointer && matches!(field.ty, Type::String | Type::Bytes),
        Value::Bool(b) => !b && !field.pointer,
        Value::Number(n) => {
            n.as_f64() == Some(0.0) && !field.pointer && !matches!(field.ty, Type::IntOrString | Type::Json)
        }
        Value::Null => true,
    }
}

/// Adds what Go's encoder prints although nobody set it: `resources: {}`, `status: {}`, `lastProbeTime: null`. For
/// objects as kubectl prints them.
pub fn complete(info: &ResourceInfo, value: &mut Value) {
    if let (Some(ty), Value::Object(map)) = (schema().of(info), value) {
        complete_object(ty, map, 0);
    }
}

fn complete_object(ty: &TypeInfo, map: &mut Map<String, Value>, depth: usize) {
    if depth > 40 {
        return;
    }
    for (name, field) in &ty.fields {
        match map.get_mut(name) {
            Some(Value::Null) | None => {
                let by_value = !field.pointer && !field.omit_zero;
                let added = match &field.ty {
                    Type::Object(i) if by_value => {
                        let mut inner = Map::new();
                        complete_object(schema().get(*i), &mut inner, depth + 1);
                        Value::Object(inner)
                    }
                    Type::Time | Type::MicroTime if by_value => Value::Null,
                    ty @ (Type::Quantity | Type::IntOrString) if by_value => zero(ty),
                    ty if field.always && !field.pointer => zero(ty),
                    _ => continue,
                };
                map.insert(name.clone(), added);
            }
            Some(value) => complete_value(&field.ty, value, depth),
        }
    }
}

fn complete_value(ty: &Type, value: &mut Value, depth: usize) {
    match (ty, value) {
        (Type::Object(i), Value::Object(map)) => complete_object(schema().get(*i), map, depth + 1),
        (Type::List(inner), Value::Array(list)) if matches!(**inner, Type::Object(_)) => {
            list.iter_mut().for_each(|v| complete_value(inner, v, depth));
        }
        (Type::Map(inner), Value::Object(map)) if matches!(**inner, Type::Object(_)) => {
            map.values_mut().for_each(|v| complete_value(inner, v, depth));
        }
        _ => {}
    }
}

/// Where a text stops to be base64 with padding, as Go counts.
pub fn base64_error(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let line_end = |c: u8| c == b'\n' || c == b'\r';
    let mut at = 0;
    loop {
        let mut have = 0;
        loop {
            let Some(&c) = bytes.get(at) else {
                return (have > 0).then(|| at - have);
            };
            at += 1;
            match c {
                c if line_end(c) => continue,
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => have += 1,
                b'=' if have >= 2 => {
                    let skip = |mut at: usize| {
                        while bytes.get(at).is_some_and(|c| line_end(*c)) {
                            at += 1;
                        }
                        at
                    };
                    at = skip(at);
                    if have == 2 {
                        match bytes.get(at) {
                            None => return Some(bytes.len()),
                            Some(b'=') => at = skip(at + 1),
                            Some(_) => return Some(at - 1),
                        }
                    }
                    return (at < bytes.len()).then_some(at);
                }
                _ => return Some(at - 1),
            }
            if have == 4 {
                break;
            }
        }
    }
}

/// Go's complaint about a text that is no RFC 3339 time.
fn time_error(text: &str) -> String {
    const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
    let mut rest = text;
    let parts = ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05"];
    for part in parts {
        let fits = match part.as_bytes()[0] {
            b'0'..=b'9' => rest.len() >= part.len() && rest.bytes().take(part.len()).all(|c| c.is_ascii_digit()),
            _ => rest.starts_with(part),
        };
        if !fits {
            return format!("parsing time {text:?} as {LAYOUT:?}: cannot parse {rest:?} as {part:?}");
        }
        rest = &rest[part.len()..];
    }
    format!("parsing time {text:?} as {LAYOUT:?}: cannot parse {rest:?} as \"Z07:00\"")
}
