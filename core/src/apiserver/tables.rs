//! Objects as tables, as clients ask for them by `as=Table`. (Models apiserver `endpoints/handlers/response.go`.)

use super::printers::{self, UnixSeconds};
use crate::api::kinds::ResourceInfo;
use serde_json::{Value, json};

/// An object or a list as a `Table`. `whole`: rows carry their objects, not only the metadata.
pub fn table(r: &ResourceInfo, body: &Value, now: UnixSeconds, whole: bool) -> Value {
    let columns = printers::columns(r);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|c| {
            let (name, format) = if c.name == "NAME" { ("Name", "name") } else { (c.name, "") };
            json!({"name": name, "type": "string", "format": format, "description": "", "priority": i32::from(c.wide)})
        })
        .collect();
    let list = body["items"].as_array();
    let objects: Vec<&Value> = list.map_or_else(|| vec![body], |l| l.iter().collect());
    let rows: Vec<Value> = objects
        .iter()
        .map(|o| {
            let object = if whole {
                let mut o = (*o).clone();
                o["apiVersion"] = r.api_version().into();
                o["kind"] = r.kind.into();
                o
            } else {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]})
            };
            json!({"cells": printers::row(r, o, now), "object": object})
        })
        .collect();
    let mut metadata = json!({"resourceVersion": body["metadata"]["resourceVersion"]});
    for key in ["continue", "remainingItemCount"] {
        if list.is_some()
            && let Some(v) = body["metadata"].get(key)
        {
            metadata[key] = v.clone();
        }
    }
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions, "rows": rows})
}
