//! Unpacks the asset.

use super::{Field, ListType, Meaning, Schema, Type, TypeInfo};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::OnceLock;

static PACKED: &[u8] = include_bytes!("../../../assets/schema.deflate");

/// The schema of all kinds.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = miniz_oxide::inflate::decompress_to_vec(PACKED).unwrap_or_default();
        serde_json::from_slice(&text).map(build).unwrap_or_default()
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn build(mut asset: Value) -> Schema {
    let Value::Object(types) = asset["types"].take() else { return Schema::default() };
    let names: BTreeMap<String, usize> = types.keys().enumerate().map(|(i, k)| (k.clone(), i)).collect();
    let kinds: BTreeMap<String, usize> = asset["kinds"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, t)| Some((k.clone(), *names.get(t.as_str()?)?)))
        .collect();
    let mut texts = 0..;
    let mut next = || Meaning::Numbered(texts.next().unwrap_or_default());
    let types = types
        .into_iter()
        .map(|(name, mut data)| {
            let meaning = next();
            let is_kind = names.get(&name).is_some_and(|i| kinds.values().any(|k| k == i));
            let mut fields: BTreeMap<String, Field> = match data["f"].take() {
                Value::Object(fields) => {
                    fields.into_iter().map(|(f, row)| (f.clone(), field(f, &row, next(), &names))).collect()
                }
                _ => BTreeMap::new(),
            };
            if is_kind {
                for (name, words) in [("apiVersion", API_VERSION), ("kind", KIND)] {
                    let row = serde_json::json!(["s", ""]);
                    fields.insert(name.into(), field(name.into(), &row, Meaning::Words(words), &names));
                }
            }
            let own: &[&str] = if is_kind { &["kind", "apiVersion"] } else { &[] };
            let order = own.iter().copied().chain(data["o"].as_str().unwrap_or_default().split(' '));
            TypeInfo { order: order.map(str::to_owned).collect(), meaning, fields, name }
        })
        .collect();
    Schema { types, kinds, names }
}

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

fn field(name: String, row: &Value, meaning: Meaning, names: &BTreeMap<String, usize>) -> Field {
    let none = Map::new();
    let more = row[2].as_object().unwrap_or(&none);
    let said = |key: &str| more.get(key).map(text);
    let flags = row[1].as_str().unwrap_or_default();
    let ty = parse_type(row[0].as_str().unwrap_or_default(), names);
    let list_type = said("l").map(|l| match l.as_str() {
        "set" => ListType::Set,
        "map" => ListType::Map(said("m").unwrap_or_default().split('+').map(String::from).collect()),
        _ => ListType::Atomic,
    });
    Field {
        required: flags.contains('r'),
        pointer: flags.contains('p'),
        always: flags.contains('a'),
        omit_zero: flags.contains('z'),
        meaning,
        go_type: said("g").unwrap_or_default(),
        strategy: said("s"),
        merge_key: said("k"),
        list_type,
        values: more.get("e").and_then(Value::as_array).into_iter().flatten().map(text).collect(),
        default: more.get("v").cloned(),
        name,
        ty,
    }
}

fn parse_type(text: &str, names: &BTreeMap<String, usize>) -> Type {
    match text.as_bytes().first() {
        Some(b's') => Type::String,
        Some(b'b') => Type::Bool,
        Some(b'i') => Type::Int32,
        Some(b'l') => Type::Int64,
        Some(b'd') => Type::Float,
        Some(b'q') => Type::Quantity,
        Some(b't') => Type::Time,
        Some(b'u') => Type::MicroTime,
        Some(b'x') => Type::IntOrString,
        Some(b'y') => Type::Bytes,
        Some(b'[') => Type::List(Box::new(parse_type(&text[1..], names))),
        Some(b'{') => Type::Map(Box::new(parse_type(&text[1..], names))),
        Some(b'@') => names.get(&text[1..]).map_or(Type::Json, |i| Type::Object(*i)),
        _ => Type::Json,
    }
}
