//! ConfigMaps and Secrets made of literals and files.

use super::{Files, Resource, items, join, put, text};
use crate::kubectl::cmd::create::data::{Sources, Target, collect};
use base64::Engine;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Adds what the generators of a kustomization make.
pub(super) fn all(k: &Value, directory: &str, files: &Files, all: &mut Vec<Resource>) -> Result<(), String> {
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for g in items(&k[field]) {
            one(g, kind, &k["generatorOptions"], directory, files, all)?;
        }
    }
    Ok(())
}

fn strings(v: &Value) -> Vec<String> {
    items(v).iter().map(|s| text(s).to_owned()).collect()
}

fn one(
    g: &Value,
    kind: &str,
    general: &Value,
    directory: &str,
    files: &Files,
    all: &mut Vec<Resource>,
) -> Result<(), String> {
    let name = text(&g["name"]);
    let mut envs = strings(&g["envs"]);
    envs.extend(Some(text(&g["env"]).to_owned()).filter(|e| !e.is_empty()));
    let target = if kind == "Secret" { Target::Secret } else { Target::ConfigMap(name) };
    let below = |path: &str| join(directory, path).unwrap_or_else(|| path.to_owned());
    let named = |source: &String| match source.split_once('=') {
        Some((key, path)) => format!("{key}={}", below(path)),
        None => below(source),
    };
    let mut data: BTreeMap<String, String> = BTreeMap::new();
    for sources in [
        Sources { env_files: envs.iter().map(|e| below(e)).collect(), ..Sources::default() },
        Sources {
            files: strings(&g["files"]).iter().map(named).collect(),
            literals: strings(&g["literals"]),
            ..Sources::default()
        },
    ] {
        data.extend(collect(&sources, target, files).map_err(|e| format!("loading KV pairs: {e}"))?);
    }
    let value = |v: &String| match kind {
        "Secret" => base64::engine::general_purpose::STANDARD.encode(v),
        _ => v.clone(),
    };
    let data: Map<String, Value> = data.iter().map(|(k, v)| (k.clone(), value(v).into())).collect();
    let behavior = text(&g["behavior"]);
    if matches!(behavior, "merge" | "replace") {
        let there = all.iter_mut().find(|r| r.kind() == kind && r.is_called(name));
        let Some(there) = there else {
            return Err(format!(
                "id resid.ResId{{Kind:\"{kind}\", Name:\"{name}\"}} does not exist; cannot {behavior}"
            ));
        };
        let old = there.object["data"].as_object().cloned().unwrap_or_default();
        let kept = if behavior == "merge" { old } else { Map::new() };
        there.object["data"] = kept.into_iter().chain(data).collect::<Map<_, _>>().into();
        return Ok(());
    }
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    if !data.is_empty() {
        object["data"] = data.into();
    }
    if kind == "Secret" {
        object["type"] = if g["type"].is_string() { g["type"].clone() } else { "Opaque".into() };
    }
    if g["namespace"].is_string() {
        object["metadata"]["namespace"] = g["namespace"].clone();
    }
    let own = &g["options"];
    for options in [general, own] {
        for what in ["labels", "annotations"] {
            for (key, v) in options[what].as_object().into_iter().flatten() {
                put(&mut object, &["metadata", what], key, text(v));
            }
        }
        if options["immutable"] == true {
            object["immutable"] = true.into();
        }
    }
    let plain = |o: &Value| o["disableNameSuffixHash"].as_bool();
    let mut made = Resource::new(object);
    made.hashed = !plain(own).or_else(|| plain(general)).unwrap_or(false);
    if all.iter().any(|r| r.kind() == kind && r.name() == name && r.namespace() == made.namespace()) {
        return Err(format!("may not add resource with an already registered id: {kind}.v1.[noGrp]/{name}.[noNs]"));
    }
    all.push(made);
    Ok(())
}
