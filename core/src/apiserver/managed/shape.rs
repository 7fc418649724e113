//! How values are compared and merged field by field: which lists are keyed, which objects count as one. The built-in
//! kinds' shapes come from the schema, custom resources' from their own. (Models structured-merge-diff `typed`.)

use super::set::{Element, FieldSet};
use crate::api::schema::{ListType, Type, TypeInfo, schema};
use serde_json::{Map, Value};

/// Objects that are one value (`x-kubernetes-map-type: atomic`).
const ATOMIC_TYPES: &[&str] = &[
    "meta.v1.LabelSelector",
    "meta.v1.OwnerReference",
    "core.v1.ConfigMapKeySelector",
    "core.v1.SecretKeySelector",
    "core.v1.FileKeySelector",
    "core.v1.ObjectFieldSelector",
    "core.v1.ResourceFieldSelector",
    "core.v1.LocalObjectReference",
    "core.v1.TypedLocalObjectReference",
    "core.v1.ObjectReference",
    "core.v1.SecretReference",
    "core.v1.NodeSelector",
    "core.v1.NodeSelectorTerm",
    "core.v1.ScopeSelector",
    "core.v1.TopologySelectorTerm",
    "core.v1.EndpointAddress",
    "core.v1.EndpointPort",
    "discovery.v1.EndpointPort",
    "autoscaling.v1.CrossVersionObjectReference",
    "rbac.v1.RoleRef",
    "rbac.v1.Subject",
];

/// Maps that are one value: type and field.
const ATOMIC_MAPS: &[(&str, &str)] = &[
    ("core.v1.PodSpec", "nodeSelector"),
    ("core.v1.ServiceSpec", "selector"),
    ("core.v1.ReplicationControllerSpec", "selector"),
    ("core.v1.CSIPersistentVolumeSource", "volumeAttributes"),
];

/// What stands at a place.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// One value, whatever it is.
    Leaf,
    /// An object with known fields.
    Struct(&'a TypeInfo),
    /// A map.
    Map(&'a Type),
    /// A list whose items have keys.
    Keyed(&'a [String], &'a Type),
    /// A list whose items are different scalars.
    Set,
    /// By the OpenAPI schema of a custom resource.
    Custom(&'a Value),
    /// Nothing is known: objects by their fields, lists as one value.
    Any,
}

/// The form a value has.
enum Form {
    Leaf,
    Object,
    Keyed(Vec<String>),
    Set,
}

impl<'a> Shape<'a> {
    fn of_type(owner: &TypeInfo, name: &str, ty: &'a Type, list: Option<&'a ListType>) -> Shape<'a> {
        match ty {
            Type::Object(i) => {
                let info = schema().get(*i);
                if ATOMIC_TYPES.contains(&info.name.as_str()) { Shape::Leaf } else { Shape::Struct(info) }
            }
            Type::Map(_) if ATOMIC_MAPS.contains(&(owner.name.as_str(), name)) => Shape::Leaf,
            Type::Map(inner) => Shape::Map(inner),
            Type::List(inner) => match list {
                Some(ListType::Map(keys)) => Shape::Keyed(keys, inner),
                Some(ListType::Set) => Shape::Set,
                _ => Shape::Leaf,
            },
            Type::Json => Shape::Any,
            _ => Shape::Leaf,
        }
    }

    fn item(ty: &'a Type) -> Shape<'a> {
        match ty {
            Type::Object(i) => {
                let info = schema().get(*i);
                if ATOMIC_TYPES.contains(&info.name.as_str()) { Shape::Leaf } else { Shape::Struct(info) }
            }
            Type::Map(inner) => Shape::Map(inner),
            Type::Json => Shape::Any,
            _ => Shape::Leaf,
        }
    }

    /// The shape of a field, or of a map's value. `None`: there is no such field.
    fn field(&self, name: &str) -> Option<Shape<'a>> {
        match self {
            Shape::Struct(info) => {
                info.fields.get(name).map(|f| Shape::of_type(info, name, &f.ty, f.list_type.as_ref()))
            }
            Shape::Map(inner) => Some(Shape::item(inner)),
            Shape::Custom(s) => {
                let property = s["properties"].get(name);
                // metadata's own fields are never said
                if name == "metadata" && property.is_none_or(|p| p.get("properties").is_none()) {
                    return schema().by_name("meta.v1.ObjectMeta").map(Shape::Struct);
                }
                match (property, &s["additionalProperties"]) {
                    (Some(p), _) => Some(Shape::Custom(p)),
                    (None, inner @ Value::Object(_)) => Some(Shape::Custom(inner)),
                    _ => Some(Shape::Any),
                }
            }
            _ => Some(Shape::Any),
        }
    }

    fn element(&self) -> Shape<'a> {
        match self {
            Shape::Keyed(_, inner) => Shape::item(inner),
            Shape::Custom(s) => Shape::Custom(&s["items"]),
            _ => Shape::Leaf,
        }
    }

    fn form(&self, value: &Value) -> Form {
        match (self, value) {
            (Shape::Struct(_) | Shape::Map(_) | Shape::Any, Value::Object(_)) => Form::Object,
            (Shape::Keyed(keys, _), Value::Array(_)) => Form::Keyed(keys.to_vec()),
            (Shape::Set, Value::Array(_)) => Form::Set,
            (Shape::Custom(s), Value::Object(_)) if s["x-kubernetes-map-type"] != "atomic" => Form::Object,
            (Shape::Custom(s), Value::Array(_)) => match s["x-kubernetes-list-type"].as_str() {
                Some("map") => Form::Keyed(
                    s["x-kubernetes-list-map-keys"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|k| k.as_str().map(str::to_owned))
                        .collect(),
                ),
                Some("set") => Form::Set,
                _ => Form::Leaf,
            },
            _ => Form::Leaf,
        }
    }

    /// What a key field is when an item does not say it.
    fn key_default(&self, key: &str) -> Option<Value> {
        match self {
            Shape::Struct(info) => {
                let said = info.fields.get(key).and_then(|f| f.default.clone());
                said.or_else(|| (key == "protocol").then(|| "TCP".into()))
            }
            Shape::Custom(s) => s["properties"][key].get("default").cloned(),
            _ => None,
        }
    }

    fn keyed_element(&self, keys: &[String], item: &Value) -> Element {
        let below = self.element();
        let mut found = Map::new();
        for key in keys {
            if let Some(v) = item.get(key).cloned().or_else(|| below.key_default(key)) {
                found.insert(key.clone(), v);
            }
        }
        Element::Key(Value::Object(found).to_string())
    }
}

fn empty(v: Option<&Value>) -> bool {
    match v {
        None | Some(Value::Null) => true,
        Some(Value::Object(m)) => m.is_empty(),
        _ => false,
    }
}

fn is_leaf(shape: Shape, a: Option<&Value>, b: Option<&Value>) -> bool {
    let leaf = |v: Option<&Value>| v.is_none_or(|v| v.is_null() || matches!(shape.form(v), Form::Leaf));
    // an empty object is a value too
    (leaf(a) && leaf(b)) || (empty(a) && empty(b))
}

/// The paths of a value. (Models ToFieldSet.)
pub fn field_set(shape: Shape, value: &Value) -> FieldSet {
    let mut out = FieldSet::default();
    collect(shape, value, &mut vec![], &mut out);
    out
}

fn collect(shape: Shape, value: &Value, path: &mut Vec<Element>, out: &mut FieldSet) {
    match (shape.form(value), value) {
        (Form::Object, Value::Object(map)) => {
            let struct_like = matches!(shape, Shape::Struct(_));
            for (name, v) in map {
                path.push(Element::Field(name.clone()));
                collect(shape.field(name).unwrap_or(Shape::Any), v, path, out);
                if !struct_like || v.is_null() || v.as_object().is_some_and(Map::is_empty) {
                    out.insert(path);
                }
                path.pop();
            }
        }
        (Form::Keyed(keys), Value::Array(list)) => {
            for item in list {
                path.push(shape.keyed_element(&keys, item));
                collect(shape.element(), item, path, out);
                out.insert(path);
                path.pop();
            }
        }
        (Form::Set, Value::Array(list)) => {
            for item in list {
                path.push(Element::Value(item.to_string()));
                out.insert(path);
                path.pop();
            }
        }
        _ => out.insert(path),
    }
}

/// What differs between two values.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Only the new one has it.
    pub added: FieldSet,
    /// Both have it, and it is not the same.
    pub modified: FieldSet,
    /// Only the old one has it.
    pub removed: FieldSet,
}

/// Compares two values path by path. (Models Compare.)
pub fn compare(shape: Shape, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut out = Comparison::default();
    differ(shape, old, new, &mut vec![], &mut out);
    out
}

fn differ(shape: Shape, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<Element>, out: &mut Comparison) {
    let leaf = is_leaf(shape, old, new);
    match (old, new) {
        (None, None) => return,
        (None, Some(_)) => out.added.insert(path),
        (Some(_), None) => out.removed.insert(path),
        (Some(a), Some(b)) if leaf && a != b => out.modified.insert(path),
        _ => {}
    }
    if leaf || old == new {
        return;
    }
    let form = new.or(old).map_or(Form::Leaf, |v| shape.form(v));
    match form {
        Form::Object => {
            let none = Map::new();
            let map = |v: Option<&'_ Value>| v.and_then(Value::as_object).cloned().unwrap_or_else(|| none.clone());
            let (a, b) = (map(old), map(new));
            for name in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                path.push(Element::Field(name.clone()));
                differ(shape.field(name).unwrap_or(Shape::Any), a.get(name), b.get(name), path, out);
                path.pop();
            }
        }
        Form::Keyed(keys) => {
            let (a, b) = (keyed(shape, &keys, old), keyed(shape, &keys, new));
            let find = |list: &[(Element, Value)], e: &Element| list.iter().position(|(x, _)| x == e);
            for (e, v) in &a {
                path.push(e.clone());
                differ(shape.element(), Some(v), find(&b, e).map(|i| &b[i].1), path, out);
                path.pop();
            }
            for (e, v) in b.iter().filter(|(e, _)| find(&a, e).is_none()) {
                path.push(e.clone());
                differ(shape.element(), None, Some(v), path, out);
                path.pop();
            }
        }
        Form::Set => {
            let none = vec![];
            let list = |v: Option<&'_ Value>| v.and_then(Value::as_array).cloned().unwrap_or_else(|| none.clone());
            let (a, b) = (list(old), list(new));
            for v in &a {
                if !b.contains(v) {
                    path.push(Element::Value(v.to_string()));
                    out.removed.insert(path);
                    path.pop();
                }
            }
            for v in b.iter().filter(|v| !a.contains(v)) {
                path.push(Element::Value(v.to_string()));
                out.added.insert(path);
                path.pop();
            }
        }
        Form::Leaf => {}
    }
}

fn keyed(shape: Shape, keys: &[String], value: Option<&Value>) -> Vec<(Element, Value)> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.map(|item| (shape.keyed_element(keys, item), item.clone())).collect()
}

/// What is applied laid over what is there. (Models Merge.)
pub fn merge(shape: Shape, live: Option<&Value>, config: &Value) -> Value {
    let Some(live) = live.filter(|l| !l.is_null()) else { return config.clone() };
    match (shape.form(config), live, config) {
        (Form::Object, Value::Object(a), Value::Object(b)) => {
            let mut out = a.clone();
            for (name, v) in b {
                let merged = merge(shape.field(name).unwrap_or(Shape::Any), a.get(name), v);
                out.insert(name.clone(), merged);
            }
            Value::Object(out)
        }
        (Form::Keyed(keys), Value::Array(a), Value::Array(b)) => {
            let identify = |v: &Value| shape.keyed_element(&keys, v);
            Value::Array(interleave(a, b, identify, |l, r| merge(shape.element(), l, r)))
        }
        (Form::Set, Value::Array(a), Value::Array(b)) => {
            Value::Array(interleave(a, b, |v| Element::Value(v.to_string()), |_, r| r.clone()))
        }
        _ => config.clone(),
    }
}

/// Merges two lists: items of both stand as the applied list has them, the live ones' own keep their places between.
fn interleave(
    live: &[Value],
    applied: &[Value],
    identify: impl Fn(&Value) -> Element,
    join: impl Fn(Option<&Value>, &Value) -> Value,
) -> Vec<Value> {
    let left: Vec<Element> = live.iter().map(&identify).collect();
    let right: Vec<Element> = applied.iter().map(&identify).collect();
    let (mut l, mut r, mut out) = (0, 0, vec![]);
    while l < left.len() || r < right.len() {
        if l < left.len() && (!right.contains(&left[l]) || right[..r].contains(&left[l])) {
            if !right.contains(&left[l]) {
                out.push(live[l].clone());
            }
            l += 1;
        } else if r < right.len() {
            let partner = left.iter().position(|e| *e == right[r]);
            out.push(join(partner.map(|i| &live[i]), &applied[r]));
            r += 1;
        } else {
            l += 1;
        }
    }
    out
}

/// Takes out what was applied last time and is owned by nobody now. (Models Updater.prune.)
pub fn prune(shape: Shape, value: &mut Value, last: &FieldSet, owned: &FieldSet) {
    let gone = |e: &Element| {
        let candidate = if matches!(e, Element::Field(_)) { last.touches(e) } else { last.has(e) };
        candidate && !owned.touches(e)
    };
    let nothing = FieldSet::default();
    match (shape.form(value), &mut *value) {
        (Form::Object, Value::Object(map)) => {
            map.retain(|name, _| !gone(&Element::Field(name.clone())));
            for (name, v) in map.iter_mut() {
                let e = Element::Field(name.clone());
                if let Some(below) = last.below(&e) {
                    let held = owned.below(&e).unwrap_or(&nothing);
                    prune(shape.field(name).unwrap_or(Shape::Any), v, below, held);
                }
            }
        }
        (Form::Keyed(keys), Value::Array(list)) => {
            list.retain(|item| !gone(&shape.keyed_element(&keys, item)));
            for item in list.iter_mut() {
                let e = shape.keyed_element(&keys, item);
                if let Some(below) = last.below(&e) {
                    prune(shape.element(), item, below, owned.below(&e).unwrap_or(&nothing));
                }
            }
        }
        (Form::Set, Value::Array(list)) => list.retain(|item| !gone(&Element::Value(item.to_string()))),
        _ => {}
    }
}

/// The paths of lists and maps that are owned as a whole.
pub fn atomics(shape: Shape, value: &Value) -> Vec<String> {
    let mut out = vec![];
    find_atomics(shape, value, "", &mut out);
    out
}

fn find_atomics(shape: Shape, value: &Value, at: &str, out: &mut Vec<String>) {
    match (shape.form(value), value) {
        (Form::Object, Value::Object(map)) => {
            for (name, v) in map {
                if let Some(inner) = shape.field(name) {
                    find_atomics(inner, v, &format!("{at}.{name}"), out);
                }
            }
        }
        (Form::Keyed(_), Value::Array(list)) => {
            for (i, item) in list.iter().enumerate() {
                find_atomics(shape.element(), item, &format!("{at}[{i}]"), out);
            }
        }
        (Form::Leaf, Value::Object(_) | Value::Array(_)) => out.push(at.to_owned()),
        _ => {}
    }
}

/// The paths of fields that the shape does not have, as `.spec.foo`.
pub fn undeclared(shape: Shape, value: &Value) -> Vec<String> {
    let mut out = vec![];
    find_undeclared(shape, value, "", &mut out);
    out
}

fn find_undeclared(shape: Shape, value: &Value, at: &str, out: &mut Vec<String>) {
    match (shape.form(value), value) {
        (Form::Object, Value::Object(map)) => {
            for (name, v) in map {
                let here = format!("{at}.{name}");
                match shape.field(name) {
                    Some(inner) => find_undeclared(inner, v, &here, out),
                    None => out.push(here),
                }
            }
        }
        (Form::Keyed(keys), Value::Array(list)) => {
            for item in list {
                let mut one = FieldSet::default();
                one.insert(&[shape.keyed_element(&keys, item)]);
                let here = format!("{at}{}", one.paths().concat());
                find_undeclared(shape.element(), item, &here, out);
            }
        }
        _ => {}
    }
}
