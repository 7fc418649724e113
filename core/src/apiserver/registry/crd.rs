//! CustomResourceDefinitions. (Models apiextensions-apiserver defaults, validation and its registry.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::util::{
    child, copy_field, flag, has, index, invalid_each, items, keep_spec, keep_status_count_generation, no_warnings,
    object, one_of, present, set_default, set_generation, set_if_absent, text,
};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The rules of CustomResourceDefinitions.
pub const STRATEGY: Strategy = Strategy {
    kind: "CustomResourceDefinition",
    default,
    validate: |obj| {
        let mut errors = validate_meta(obj, false, subdomain);
        let want = format!("{}.{}", text(&obj["spec"]["names"], "plural"), text(&obj["spec"], "group"));
        let name = text(&obj["metadata"], "name");
        if name != want {
            errors.push(FieldError::invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group"));
        }
        errors.extend(validate_spec(&obj["spec"], "spec"));
        errors
    },
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        errors.extend(validate_spec(&new["spec"], "spec"));
        let established = items(&old["status"], "conditions");
        if established.iter().any(|c| c["type"] == "Established" && c["status"] == "True") {
            for (field, at) in [("/scope", "spec.scope"), ("/names/kind", "spec.names.kind")] {
                let (now, was) = (new["spec"].pointer(field), old["spec"].pointer(field));
                if now != was {
                    errors.push(FieldError::invalid(at, now.cloned().unwrap_or_default(), "field is immutable"));
                }
            }
        }
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create,
    prepare_for_update: |new, old| {
        keep_status_count_generation(new, old);
        copy_field(new, old, "status");
    },
    prepare_for_status_update: keep_spec,
    warnings: no_warnings,
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    if let Some(names) = object(spec, "names") {
        let kind = text(names, "kind").to_owned();
        if !kind.is_empty() {
            set_default(names, "singular", kind.to_lowercase());
            set_default(names, "listKind", format!("{kind}List"));
        }
    }
    if let Some(conversion) = object(spec, "conversion") {
        set_default(conversion, "strategy", "None");
        if let Some(service) =
            present(conversion, "webhook").and_then(|w| present(w, "clientConfig")).and_then(|c| present(c, "service"))
        {
            set_if_absent(service, "port", 443);
        }
    }
}

/// A status is filled in as the names are accepted; the version that is stored is known at once.
fn prepare_for_create(obj: &mut Value) {
    set_generation(obj, 1);
    let stored: Vec<&Value> =
        items(&obj["spec"], "versions").iter().filter(|v| flag(v, "storage")).map(|v| &v["name"]).collect();
    obj["status"] = json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": stored});
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let at = child(path, "group");
    match text(spec, "group") {
        "" => errors.push(FieldError::required(at, "")),
        group => {
            errors.extend(invalid_each(&at, group, names::is_dns1123_subdomain(group)));
            if !group.contains('.') {
                errors.push(FieldError::invalid(at, group, "should be a domain with at least one dot"));
            }
        }
    }
    errors.extend(one_of(spec, "scope", path, &["Cluster", "Namespaced"]));
    errors.extend(validate_versions(spec, &child(path, "versions")));
    errors.extend(validate_names(&spec["names"], &child(path, "names")));
    let conversion = &spec["conversion"];
    let at = child(path, "conversion");
    errors.extend(one_of(conversion, "strategy", &at, &["None", "Webhook"]));
    if text(conversion, "strategy") == "Webhook" && !has(&conversion["webhook"], "clientConfig") {
        errors
            .push(FieldError::required(child(&at, "webhookClientConfig"), "required when strategy is set to Webhook"));
    }
    errors
}

fn validate_versions(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let versions = items(spec, "versions");
    let mut seen = BTreeSet::new();
    for (i, v) in versions.iter().enumerate() {
        let at = index(path, i);
        let name = text(v, "name");
        let wrong = names::is_dns1035_label(name);
        errors.extend(invalid_each(&child(&at, "name"), name, wrong));
        if !seen.insert(name) {
            errors.push(FieldError::invalid(path, spec["versions"].clone(), "must contain unique version names"));
        }
        let schema = &v["schema"]["openAPIV3Schema"];
        let schema_at = child(&at, "schema.openAPIV3Schema");
        if schema.is_null() {
            errors.push(FieldError::required(schema_at, "schemas are required"));
        } else {
            if text(schema, "type") != "object" {
                let why = "must be object at the root";
                match text(schema, "type") {
                    "" => errors.push(FieldError::required(child(&schema_at, "type"), why)),
                    other => errors.push(FieldError::invalid(child(&schema_at, "type"), other, why)),
                }
            }
            errors.extend(structural(schema, &schema_at, true));
        }
        for (j, c) in items(v, "additionalPrinterColumns").iter().enumerate() {
            errors.extend(column(c, &index(&child(&at, "additionalPrinterColumns"), j)));
        }
    }
    match versions.iter().filter(|v| flag(v, "storage")).count() {
        1 => {}
        _ => errors.push(FieldError::invalid(
            path,
            spec["versions"].clone(),
            "must have exactly one version marked as storage version",
        )),
    }
    errors
}

fn column(c: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if text(c, "name").is_empty() {
        errors.push(FieldError::required(child(path, "name"), ""));
    }
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    match text(c, "type") {
        "" => {
            errors.push(FieldError::required(child(path, "type"), "must be one of boolean,date,integer,number,string"))
        }
        kind if TYPES.contains(&kind) => {}
        kind => errors.push(FieldError::invalid(
            child(path, "type"),
            kind,
            "must be one of boolean,date,integer,number,string",
        )),
    }
    if text(c, "jsonPath").is_empty() {
        errors.push(FieldError::required(child(path, "jsonPath"), ""));
    }
    errors
}

/// Every part of a structural schema has a type, unless it says that anything goes.
fn structural(schema: &Value, path: &str, root: bool) -> Vec<FieldError> {
    let mut errors = vec![];
    let free = flag(schema, "x-kubernetes-int-or-string") || flag(schema, "x-kubernetes-preserve-unknown-fields");
    if !root && text(schema, "type").is_empty() && !free {
        errors.push(FieldError::required(child(path, "type"), "must not be empty for specified object fields"));
    }
    const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let kind = text(schema, "type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(child(path, "type"), kind, &TYPES));
    }
    for (name, inner) in super::util::entries(schema, "properties") {
        errors.extend(structural(inner, &format!("{path}.properties[{name}]"), false));
    }
    if has(schema, "items") && schema["items"].is_object() {
        let at = child(path, "items");
        if text(&schema["items"], "type").is_empty() && !flag(&schema["items"], "x-kubernetes-int-or-string") {
            errors.push(FieldError::required(child(&at, "type"), "must not be empty for specified array items"));
        } else {
            errors.extend(structural(&schema["items"], &at, true));
        }
    } else if kind == "array" {
        errors.push(FieldError::required(child(path, "items"), "must be specified"));
    }
    if schema["additionalProperties"].is_object() {
        errors.extend(structural(&schema["additionalProperties"], &child(path, "additionalProperties"), true));
    }
    errors
}

fn validate_names(n: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for key in ["plural", "singular"] {
        match text(n, key) {
            "" if key == "singular" => {}
            "" => errors.push(FieldError::required(child(path, key), "")),
            name => errors.extend(invalid_each(&child(path, key), name, names::is_dns1035_label(name))),
        }
    }
    for key in ["kind", "listKind"] {
        match text(n, key) {
            "" => errors.push(FieldError::required(child(path, key), "")),
            name => {
                let wrong = names::is_dns1035_label(&name.to_lowercase());
                let wrong = wrong.into_iter().map(|r| format!("may have mixed case, but should otherwise match: {r}"));
                errors.extend(invalid_each(&child(path, key), name, wrong.collect()));
            }
        }
    }
    for (i, short) in items(n, "shortNames").iter().enumerate() {
        let short = short.as_str().unwrap_or_default();
        errors.extend(invalid_each(&index(&child(path, "shortNames"), i), short, names::is_dns1035_label(short)));
    }
    if text(n, "kind") == text(n, "listKind") && has(n, "kind") {
        let why = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(child(path, "listKind"), n["listKind"].clone(), why));
    }
    errors
}
