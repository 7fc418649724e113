//! The schemas of all resources as OpenAPI v3 documents, one a group and version: what clients read to explain fields, to
//! patch lists by their keys, and to learn that the server judges fields itself.

use crate::api::kinds::ResourceInfo;
use crate::api::schema::{Field, ListType, Type, TypeInfo, schema};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// `GET /openapi/v3`
pub fn index(resources: &[&'static ResourceInfo]) -> Value {
    let mut paths = Map::new();
    for r in resources {
        let path =
            if r.group.is_empty() { format!("api/{}", r.version) } else { format!("apis/{}/{}", r.group, r.version) };
        paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}")}));
    }
    json!({"paths": paths})
}

/// The document of one group and version. `custom` gives the schemas of resources that are not built in.
pub fn document(resources: &[&'static ResourceInfo], custom: impl Fn(&ResourceInfo) -> Option<Value>) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for r in resources {
        let gvk = json!({"group": r.group, "version": r.version, "kind": r.kind});
        let reference = match (custom(r), schema().of(r)) {
            (Some(mut own), _) => {
                let name = format!("{}.{}.{}", reversed(r.group), r.version, r.kind);
                own["x-kubernetes-group-version-kind"] = json!([gvk]);
                for (field, meaning) in [("apiVersion", "string"), ("kind", "string")] {
                    own["properties"][field] = json!({"type": meaning});
                }
                own["properties"]["metadata"] = link("meta.v1.ObjectMeta");
                wanted.insert("meta.v1.ObjectMeta".into());
                schemas.insert(name.clone(), own);
                name
            }
            (None, Some(ty)) => {
                wanted.insert(ty.name.clone());
                full_name(&ty.name)
            }
            (None, None) => continue,
        };
        let body = json!({"$ref": format!("#/components/schemas/{reference}")});
        for (path, item) in operations(r, &gvk, &body) {
            paths.insert(path, item);
        }
    }
    let mut done: BTreeSet<String> = BTreeSet::new();
    while let Some(name) = wanted.pop_first() {
        if !done.insert(name.clone()) {
            continue;
        }
        let Some(ty) = schema().by_name(&name) else { continue };
        let mut v = object(ty, &mut wanted);
        let kinds: Vec<Value> = resources
            .iter()
            .filter(|r| schema().of(r).is_some_and(|t| t.name == name))
            .map(|r| json!({"group": r.group, "version": r.version, "kind": r.kind}))
            .collect();
        if !kinds.is_empty() {
            v["x-kubernetes-group-version-kind"] = kinds.into();
        }
        schemas.insert(full_name(&name), v);
    }
    json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": super::discovery::VERSION}, "paths": paths, "components": {"schemas": schemas}})
}

fn reversed(group: &str) -> String {
    group.rsplit('.').collect::<Vec<_>>().join(".")
}

/// `core.v1.Pod` as `io.k8s.api.core.v1.Pod`.
fn full_name(name: &str) -> String {
    match name.split('.').next() {
        Some("meta") => format!("io.k8s.apimachinery.pkg.apis.{name}"),
        Some("apiextensions") => format!("io.k8s.apiextensions-apiserver.pkg.apis.{name}"),
        _ => format!("io.k8s.api.{name}"),
    }
}

fn link(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{}", full_name(name))})
}

fn object(ty: &TypeInfo, wanted: &mut BTreeSet<String>) -> Value {
    let mut properties = Map::new();
    let mut required = vec![];
    for (name, field) in &ty.fields {
        properties.insert(name.clone(), property(field, wanted));
        if field.required {
            required.push(name.clone());
        }
    }
    let mut v = json!({"type": "object", "description": ty.description()});
    if !properties.is_empty() {
        v["properties"] = properties.into();
    }
    if !required.is_empty() {
        v["required"] = required.into();
    }
    v
}

fn property(field: &Field, wanted: &mut BTreeSet<String>) -> Value {
    let mut v = typed(&field.ty, wanted);
    if v.get("$ref").is_some() {
        v = json!({"allOf": [v]});
    }
    v["description"] = field.description().into();
    if let Some(default) = &field.default {
        v["default"] = default.clone();
    }
    if !field.values.is_empty() {
        v["enum"] = field.values.clone().into();
    }
    if let Some(strategy) = &field.strategy {
        v["x-kubernetes-patch-strategy"] = strategy.replace('+', ",").into();
    }
    if let Some(key) = &field.merge_key {
        v["x-kubernetes-patch-merge-key"] = key.clone().into();
    }
    match &field.list_type {
        Some(ListType::Map(keys)) => {
            v["x-kubernetes-list-type"] = "map".into();
            v["x-kubernetes-list-map-keys"] = keys.clone().into();
        }
        Some(ListType::Set) => v["x-kubernetes-list-type"] = "set".into(),
        Some(ListType::Atomic) => v["x-kubernetes-list-type"] = "atomic".into(),
        None => {}
    }
    v
}

fn typed(ty: &Type, wanted: &mut BTreeSet<String>) -> Value {
    match ty {
        Type::String => json!({"type": "string"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Int32 => json!({"type": "integer", "format": "int32"}),
        Type::Int64 => json!({"type": "integer", "format": "int64"}),
        Type::Float => json!({"type": "number", "format": "double"}),
        Type::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        Type::Time | Type::MicroTime => json!({"type": "string", "format": "date-time"}),
        Type::IntOrString => json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}),
        Type::Bytes => json!({"type": "string", "format": "byte"}),
        Type::Json => json!({"type": "object"}),
        Type::List(inner) => json!({"type": "array", "items": typed(inner, wanted)}),
        Type::Map(inner) => json!({"type": "object", "additionalProperties": typed(inner, wanted)}),
        Type::Object(i) => {
            let name = &schema().get(*i).name;
            wanted.insert(name.clone());
            link(name)
        }
    }
}

/// The paths of a resource with what clients look for in them.
fn operations(r: &ResourceInfo, gvk: &Value, body: &Value) -> Vec<(String, Value)> {
    let query = |names: &[&str]| -> Vec<Value> {
        names
            .iter()
            .map(|n| json!({"name": n, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
            .collect()
    };
    let content = |types: &[&str]| -> Value {
        types.iter().map(|t| ((*t).to_string(), json!({"schema": body}))).collect::<Map<_, _>>().into()
    };
    let responses = json!({"200": {"description": "OK", "content": content(&["application/json"])}});
    let operation = |action: &str, names: &[&str], types: &[&str]| {
        let mut v = json!({"parameters": query(names), "responses": responses,
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk});
        if !types.is_empty() {
            v["requestBody"] = json!({"content": content(types), "required": true});
        }
        v
    };
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    let lists = ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch"];
    let json = ["application/json"];
    let mut patches =
        vec!["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];
    if schema().of(r).is_some() {
        patches.push("application/strategic-merge-patch+json");
    }
    let has = |verb: &str| r.verbs.contains(&verb);
    let namespace = r.namespaced.then_some("{namespace}");
    let (mut all, mut one) = (json!({}), json!({}));
    if has("list") {
        all["get"] = operation("list", &lists, &[]);
    }
    if has("create") {
        all["post"] = operation("post", &write, &json);
    }
    if has("get") {
        one["get"] = operation("get", &[], &[]);
    }
    if has("update") {
        one["put"] = operation("put", &write, &json);
    }
    if has("patch") {
        one["patch"] = operation("patch", &["dryRun", "fieldManager", "fieldValidation", "force"], &patches);
    }
    if has("delete") {
        one["delete"] = operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"], &json);
    }
    vec![(r.path(namespace, None), all), (r.path(namespace, Some("{name}")), one)]
}
