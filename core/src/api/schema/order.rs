//! The order in which Go's encoder writes the fields of a typed object.

use super::{Schema, Type, TypeInfo, schema};
use crate::api::kinds;
use serde_json::Value;

/// Calls back for each field of an object in the order of its type, with the field's value and the type behind it; what
/// the type does not know comes last. Without a type the order is that of the keys.
pub fn in_order<'a>(
    info: Option<&'static TypeInfo>,
    object: &'a serde_json::Map<String, Value>,
) -> Vec<(&'a String, &'a Value, Option<&'static TypeInfo>)> {
    let all: &'static Schema = schema();
    let Some(info) = info else {
        return object.iter().map(|(k, v)| (k, v, None)).collect();
    };
    let mut fields: Vec<(&String, &Value)> = object.iter().collect();
    fields.sort_by_key(|(k, _)| info.order.iter().position(|o| o == *k).unwrap_or(usize::MAX));
    let mut out = vec![];
    for (k, v) in fields {
        let ty = info.fields.get(k).map(|f| &f.ty);
        // the keys of a map are sorted, those of its values are not
        let inner = ty.filter(|t| !matches!(t, Type::Map(_))).and_then(|t| all.object_in(t));
        out.push((k, v, inner));
    }
    out
}

/// The type of an object by its own words.
pub fn type_of(object: &Value) -> Option<&'static TypeInfo> {
    let text = |k: &str| object[k].as_str().unwrap_or_default();
    kinds::by_kind(text("apiVersion"), text("kind")).and_then(|r| schema().of(r))
}
