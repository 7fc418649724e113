//! What a mutation's value does to an object. (Models apiserver `pkg/admission/plugin/policy/mutating/patch`.)

use crate::apiserver::managed::{self, Shape};
use crate::apiserver::patch;
use crate::cel::Val;
use crate::cel::value::{Key, List};
use serde_json::{Value, json};

/// An apply configuration laid over an object.
pub(super) fn apply(shape: Shape, object: &Value, v: &Val) -> Result<Value, String> {
    named(v, "Object", 0).map_err(|why| format!("type mismatch: {why}"))?;
    let Some(mut config) = v.to_json().filter(Value::is_object) else {
        return Err(format!("unsupported return type from ApplyConfiguration expression: {}", v.type_name()));
    };
    for key in ["apiVersion", "kind"] {
        if let Some(map) = config.as_object_mut() {
            map.insert(key.into(), object[key].clone());
        }
    }
    let unknown = managed::undeclared(shape, &config);
    if let Some(path) = unknown.first() {
        return Err(format!(
            "error applying patch: failed to convert patch object to typed object: {path}: field not declared in schema"
        ));
    }
    let atomics = managed::atomics(shape, &config);
    if !atomics.is_empty() {
        return Err(format!(
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {}",
            atomics.join(", ")
        ));
    }
    Ok(managed::merge(shape, Some(object), &config))
}

/// The types of objects follow from where they stand.
fn named(v: &Val, path: &str, depth: usize) -> Result<(), String> {
    if depth > crate::cel::value::DEPTH {
        return Ok(());
    }
    match v {
        Val::Map(m) => {
            if let Some(name) = &m.name {
                if **name != *path {
                    return Err(format!(
                        "unexpected type name \"{name}\", expected \"{path}\", which matches field name path from root Object type"
                    ));
                }
                for (key, inner) in &m.map {
                    named(inner, &format!("{path}.{}", key.shown()), depth + 1)?;
                }
            }
            Ok(())
        }
        Val::List(list) => {
            let List { items, .. } = &**list;
            items.iter().try_for_each(|v| named(v, path, depth + 1))
        }
        Val::Opt(Some(v)) => named(v, path, depth + 1),
        _ => Ok(()),
    }
}

/// A JSON patch carried out. One whose `test` fails changes nothing.
pub(super) fn json(object: &Value, v: &Val) -> Result<Value, String> {
    let Val::List(list) = v else {
        return Err("type mismatch: JSONPatchType.expression should evaluate to array".into());
    };
    let mut new = object.clone();
    for operation in &list.items {
        let Val::Map(m) = operation else {
            return Err("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch".into());
        };
        let part = |name: &str| m.map.get(&Key::Str(name.into()));
        let text = |name: &str| match part(name) {
            Some(Val::Str(s)) => s.to_string(),
            _ => String::new(),
        };
        let mut said = json!({"op": text("op"), "path": text("path")});
        if !text("from").is_empty() {
            said["from"] = text("from").into();
        }
        if let Some(value) = part("value") {
            let Some(value) = value.to_json() else {
                return Err("JSONPath valueExpression evaluated to a type that could not marshal to JSON".into());
            };
            said["value"] = value;
        }
        if said["op"] == "test" {
            if new.pointer(&text("path")).unwrap_or(&Value::Null) != &said["value"] {
                return Ok(object.clone());
            }
            continue;
        }
        if let Err(why) = patch::operate(&mut new, &said) {
            return Err(format!("JSONPath: {why}"));
        }
    }
    Ok(new)
}
