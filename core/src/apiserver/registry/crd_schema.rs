//! Schemas of CustomResourceDefinitions: are they structural, and do they say only what a definition may say? (Models
//! apiextensions-apiserver `pkg/apiserver/schema` validation and completeness, `schema/defaulting` validation, and the
//! schema part of `pkg/apis/apiextensions/validation`.)
//!
//! Pure functions on JSON. What an object's schema finds wrong with an object stands in `apiserver/crd/schema.rs`.

use super::util::{child, entries, flag, has, index, items, keyed, text};
use crate::api::error::FieldError;
use crate::apiserver::crd::schema as objects;
use regex_lite::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Deeper than any schema that somebody writes.
const DEPTH: usize = 64;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// What the root may have beside `type` where the status is a subresource.
const AT_ROOT: &str = "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]";

/// What it may not have then.
const NOT_AT_ROOT: [&str; 20] = [
    "id",
    "$schema",
    "$ref",
    "nullable",
    "default",
    "maxProperties",
    "minProperties",
    "enum",
    "oneOf",
    "anyOf",
    "not",
    "allOf",
    "additionalProperties",
    "additionalItems",
    "patternProperties",
    "dependencies",
    "definitions",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
];

/// Where a part of a schema stands.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Item,
    Field,
}

/// What is wrong with the schema of a version; `status`: is its status a subresource?
pub fn validate(schema: &Value, status: bool, path: &str) -> Vec<FieldError> {
    let at = child(path, "openAPIV3Schema");
    let mut errors = vec![];
    if status {
        let kind = text(schema, "type");
        let says =
            |key: &&str| schema.get(*key).is_some_and(|v| *v != json!(null) && *v != json!(false) && *v != json!([]));
        if !kind.is_empty() && kind != "object" {
            let why = r#"only "object" is allowed as the type at the root of the schema if the status subresource is enabled"#;
            errors.push(FieldError::invalid(child(&at, "type"), kind, why));
        } else if NOT_AT_ROOT.iter().any(says) {
            let why = format!(
                "only {AT_ROOT} fields are allowed at the root of the schema if the status subresource is enabled"
            );
            errors.push(FieldError::invalid(at.clone(), schema.clone(), why));
        }
    }
    if flag(schema, "nullable") {
        errors.push(FieldError::forbidden(child(&at, "nullable"), "nullable cannot be true at the root"));
    }
    let mut structural = vec![];
    invariants(schema, Level::Root, &at, 0, &mut structural);
    complete(schema, schema, &at, &at, 0, &mut structural);
    if structural.is_empty() {
        defaults(schema, &at, true, false, 0, &mut structural);
    } else {
        structural.sort_by_key(ToString::to_string);
    }
    errors.extend(structural);
    rules(schema, &at, Place { root: true, ..Place::default() }, 0, &mut errors);
    // what rules can look at is known only of a schema that is in order
    if errors.is_empty() {
        errors.extend(crate::apiserver::crd::rules::check(schema, &at));
    }
    errors
}

fn is_int_or_string(list: &[Value]) -> bool {
    list == [json!({"type": "integer"}), json!({"type": "string"})]
}

/// The invariants of a structural schema.
fn invariants(s: &Value, level: Level, at: &str, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH {
        return;
    }
    let kind = text(s, "type");
    let (either, keeps, embedded) = (
        flag(s, "x-kubernetes-int-or-string"),
        flag(s, "x-kubernetes-preserve-unknown-fields"),
        flag(s, "x-kubernetes-embedded-resource"),
    );
    if kind == "array" && !s["items"].is_object() {
        errors.push(FieldError::required(child(at, "items"), "must be specified"));
    }
    if s["items"].is_object() {
        invariants(&s["items"], Level::Item, &child(at, "items"), depth + 1, errors);
    }
    for (name, inner) in entries(s, "properties") {
        invariants(inner, Level::Field, &keyed(&child(at, "properties"), name), depth + 1, errors);
    }
    if has(s, "additionalProperties") {
        let at = child(at, "additionalProperties");
        if level == Level::Root {
            errors.push(FieldError::forbidden(at.clone(), "must not be used at the root"));
        }
        if s["additionalProperties"].is_object() {
            invariants(&s["additionalProperties"], Level::Field, &at, depth + 1, errors);
        }
        if embedded {
            errors.push(FieldError::forbidden(at, "must not be used if x-kubernetes-embedded-resource is set"));
        }
    }
    for (set, name) in [(keeps, "x-kubernetes-preserve-unknown-fields"), (embedded, "x-kubernetes-embedded-resource")] {
        if either && set {
            let why = "must be false if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid(child(at, name), true, why));
        }
    }
    let in_all = |list: &[Value]| list.first().is_some_and(|f| is_int_or_string(items(f, "anyOf")));
    values(s, is_int_or_string(items(s, "anyOf")), in_all(items(s, "allOf")), at, depth, errors);
    let type_at = child(at, "type");
    if embedded && kind != "object" {
        let why = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(match kind {
            "" => FieldError::required(type_at, why),
            kind => FieldError::invalid(type_at, kind, why),
        });
    } else if kind.is_empty() && !either && !keeps {
        let why = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(type_at, why));
    } else if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(FieldError::invalid(type_at, kind, "must be object at the root"));
    }
    let resource = level == Level::Root || embedded;
    for (name, wanted) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        if let Some(inner) = s["properties"].get(name).filter(|_| resource)
            && text(inner, "type") != wanted
        {
            let at = child(&keyed(&child(at, "properties"), name), "type");
            errors.push(FieldError::invalid(at, text(inner, "type"), format!("must be {wanted}")));
        }
    }
    if let Some(Value::Object(metadata)) = s["properties"].get("metadata").filter(|_| level == Level::Root) {
        let named = |v: &Value| v.as_object().is_some_and(|m| m.keys().all(|k| k == "name" || k == "generateName"));
        if metadata.iter().any(|(k, v)| !(k == "type" || k == "default" || k == "properties" && named(v))) {
            errors.push(FieldError::forbidden(
                keyed(&child(at, "properties"), "metadata"),
                "must not specify anything other than name and generateName, but metadata is implicitly specified",
            ));
        }
    }
    if embedded && !keeps && entries(s, "properties").next().is_none() {
        let why =
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.push(FieldError::required(child(at, "properties"), why));
    }
}

/// What stands below `allOf`, `anyOf`, `oneOf` and `not`, and the pattern.
fn values(s: &Value, skip_any: bool, skip_first: bool, at: &str, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH {
        return;
    }
    for junctor in ["anyOf", "allOf", "oneOf"] {
        for (i, inner) in items(s, junctor).iter().enumerate() {
            if junctor == "anyOf" && skip_any {
                continue;
            }
            let skip = junctor == "allOf" && i == 0 && skip_first;
            nested(inner, skip, &index(&child(at, junctor), i), depth + 1, errors);
        }
    }
    if s["not"].is_object() {
        nested(&s["not"], false, &child(at, "not"), depth + 1, errors);
    }
    let pattern = text(s, "pattern");
    if let Some(why) = unreadable(pattern) {
        let why = format!("must be a valid regular expression, but isn't: error parsing regexp: {why}");
        errors.push(FieldError::invalid(child(at, "pattern"), pattern, why));
    }
}

/// Why a pattern cannot be read. Only what surely is wrong: the dialect that is read here is smaller than Go's.
fn unreadable(pattern: &str) -> Option<String> {
    for unsupported in ["(?=", "(?!", "(?<=", "(?<!"] {
        if pattern.contains(unsupported) {
            return Some(format!("invalid or unsupported Perl syntax: `{}`", &unsupported[..unsupported.len().min(3)]));
        }
    }
    if pattern.contains("\\p") || pattern.contains("\\P") || pattern.contains("[[:") || Regex::new(pattern).is_ok() {
        return None;
    }
    let bare: String = pattern.replace("\\\\", "").replace("\\(", "").replace("\\)", "").replace("\\[", "");
    let count = |c: char| bare.matches(c).count();
    match (count('('), count(')')) {
        _ if bare.rfind('[') > bare.rfind(']') => {
            Some(format!("missing closing ]: `{}`", &bare[bare.rfind('[').unwrap_or(0)..]))
        }
        (open, close) if open > close => Some(format!("missing closing ): `{pattern}`")),
        (open, close) if open < close => Some(format!("unexpected ): `{pattern}`")),
        _ if pattern.starts_with(['*', '+', '?']) => {
            Some(format!("missing argument to repetition operator: `{}`", &pattern[..1]))
        }
        _ => None,
    }
}

/// A part below a junctor: it may restrict values, and say nothing about their form.
fn nested(s: &Value, skip_any: bool, at: &str, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH {
        return;
    }
    values(s, skip_any, false, at, depth, errors);
    if s["items"].is_object() {
        nested(&s["items"], false, &child(at, "items"), depth + 1, errors);
    }
    for (name, inner) in entries(s, "properties") {
        nested(inner, false, &keyed(&child(at, "properties"), name), depth + 1, errors);
    }
    let mut forbid = |key: &str, why: &str| {
        let said = s.get(key).is_some_and(|v| !matches!(v, Value::Null | Value::Bool(false)) && *v != "");
        if said {
            errors.push(FieldError::forbidden(child(at, key), format!("must be {why} to be structural")));
        }
    };
    for (key, why) in [
        ("type", "empty"),
        ("additionalProperties", "undefined"),
        ("default", "undefined"),
        ("title", "empty"),
        ("description", "empty"),
        ("nullable", "false"),
        ("x-kubernetes-preserve-unknown-fields", "false"),
        ("x-kubernetes-embedded-resource", "false"),
        ("x-kubernetes-int-or-string", "false"),
        ("x-kubernetes-list-map-keys", "empty"),
        ("x-kubernetes-list-type", "undefined"),
        ("x-kubernetes-map-type", "undefined"),
        ("x-kubernetes-validations", "empty"),
    ] {
        forbid(key, why);
    }
    if s["properties"].get("metadata").is_some() {
        let at = keyed(&child(at, "properties"), "metadata");
        errors.push(FieldError::forbidden(at, "must not be specified in a nested context"));
    }
}

/// Whatever is restricted below a junctor must be specified outside of it; `v` restricts what `s` specifies.
fn complete(v: &Value, s: &Value, s_at: &str, v_at: &str, depth: usize, errors: &mut Vec<FieldError>) {
    if v["not"].is_object() {
        specified(&v["not"], s, s_at, &child(v_at, "not"), depth + 1, errors);
    }
    for junctor in ["allOf", "anyOf", "oneOf"] {
        for (i, inner) in items(v, junctor).iter().enumerate() {
            specified(inner, s, s_at, &index(&child(v_at, junctor), i), depth + 1, errors);
        }
    }
}

fn specified(v: &Value, s: &Value, s_at: &str, v_at: &str, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH {
        return;
    }
    if s.is_null() {
        errors.push(FieldError::required(s_at, format!("because it is defined in {v_at}")));
        return;
    }
    complete(v, s, s_at, v_at, depth, errors);
    if v["items"].is_object() {
        specified(&v["items"], &s["items"], &child(s_at, "items"), &child(v_at, "items"), depth + 1, errors);
    }
    for (name, inner) in entries(v, "properties") {
        let (s_at, v_at) = (keyed(&child(s_at, "properties"), name), keyed(&child(v_at, "properties"), name));
        specified(inner, &s["properties"][name], &s_at, &v_at, depth + 1, errors);
    }
}

/// Defaults must be what their own part of the schema allows. `resource`: the part is an object's root.
fn defaults(s: &Value, at: &str, resource: bool, in_meta: bool, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH {
        return;
    }
    let resource = resource || flag(s, "x-kubernetes-embedded-resource");
    let in_meta = in_meta && !flag(s, "x-kubernetes-embedded-resource");
    if let Some(default) = s.get("default").filter(|d| !d.is_null()) {
        let at = child(at, "default");
        if !in_meta && !objects::unknown_in(s, default, resource).is_empty() {
            errors.push(FieldError::invalid(at.clone(), default.clone(), "must not have unknown fields"));
        }
        errors.extend(objects::validate_at(s, default, &at));
    }
    if s["items"].is_object() {
        defaults(&s["items"], &child(at, "items"), false, in_meta, depth + 1, errors);
    }
    for (name, inner) in entries(s, "properties") {
        let in_meta = in_meta || (resource && matches!(name.as_str(), "metadata" | "apiVersion" | "kind"));
        defaults(inner, &keyed(&child(at, "properties"), name), false, in_meta, depth + 1, errors);
    }
}

/// What is forbidden where a part stands.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    root: bool,
    /// Within apiVersion, kind or metadata.
    in_meta: bool,
    /// Why there may be no defaults; for those in the metadata of the root, the field's name.
    no_defaults: Option<&'a str>,
}

/// What a schema may say beside being structural.
fn rules(s: &Value, at: &str, place: Place, depth: usize, errors: &mut Vec<FieldError>) {
    if depth > DEPTH || !s.is_object() {
        return;
    }
    let kind = text(s, "type");
    let type_at = child(at, "type");
    if kind == "null" {
        errors.push(FieldError::not_supported(type_at.clone(), kind, &TYPES));
        let why = "type cannot be set to null, use nullable as an alternative";
        errors.push(FieldError::forbidden(type_at.clone(), why));
    } else if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(type_at.clone(), kind, &TYPES));
    }
    if let Some(why) = place.no_defaults.filter(|_| s.get("default").is_some_and(|d| !d.is_null())) {
        errors.push(FieldError::forbidden(child(at, "default"), format!("must not be set {why}")));
    }
    for key in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        if has(s, key) {
            errors.push(FieldError::forbidden(child(at, key), format!("{key} is not supported")));
        }
    }
    if s["items"].is_array() {
        errors.push(FieldError::forbidden(child(at, "items"), "items must be a schema object and not an array"));
    }
    if place.in_meta && flag(s, "x-kubernetes-embedded-resource") {
        let at = child(at, "x-kubernetes-embedded-resource");
        errors.push(FieldError::forbidden(at, "must not be used inside of resource meta"));
    }
    if flag(s, "uniqueItems") {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(child(at, "uniqueItems"), why));
    }
    let more = &s["additionalProperties"];
    if !more.is_null() {
        let at = child(at, "additionalProperties");
        if entries(s, "properties").next().is_some() && *more != json!(true) {
            let why = "additionalProperties and properties are mutual exclusive";
            errors.push(FieldError::forbidden(at.clone(), why));
        }
        let no_defaults = match place.in_meta {
            true => Some("inside additionalProperties applying to object metadata"),
            false => place.no_defaults,
        };
        rules(more, &at, Place { root: false, no_defaults, ..place }, depth + 1, errors);
    }
    let resource = place.root || flag(s, "x-kubernetes-embedded-resource");
    for (name, inner) in entries(s, "properties") {
        let in_meta = place.in_meta || (resource && matches!(name.as_str(), "metadata" | "apiVersion" | "kind"));
        let why = format!("in top-level {name}");
        let no_defaults = if place.root && in_meta { Some(why.as_str()) } else { place.no_defaults };
        let place = Place { root: false, in_meta, no_defaults };
        rules(inner, &keyed(&child(at, "properties"), name), place, depth + 1, errors);
    }
    let inner = Place { root: false, ..place };
    rules(&s["not"], &child(at, "not"), inner, depth + 1, errors);
    for junctor in ["allOf", "oneOf", "anyOf"] {
        for (i, part) in items(s, junctor).iter().enumerate() {
            rules(part, &index(&child(at, junctor), i), inner, depth + 1, errors);
        }
    }
    rules(&s["items"], &child(at, "items"), inner, depth + 1, errors);
    if s["x-kubernetes-preserve-unknown-fields"] == json!(false) {
        let at = child(at, "x-kubernetes-preserve-unknown-fields");
        errors.push(FieldError::invalid(at, false, "must be true or undefined"));
    }
    forms(s, at, errors);
    for (i, rule) in items(s, "x-kubernetes-validations").iter().enumerate() {
        let at = index(&child(at, "x-kubernetes-validations"), i);
        let (said, message) = (text(rule, "rule").trim(), text(rule, "message").trim());
        let many_lines = |t: &str| t.contains(['\n', '\r']);
        if said.is_empty() {
            errors.push(FieldError::required(child(&at, "rule"), "rule is not specified"));
        } else if message.is_empty() && !text(rule, "message").is_empty() {
            let why = "must be non-empty if specified";
            errors.push(FieldError::invalid(child(&at, "message"), text(rule, "message"), why));
        } else if many_lines(message) {
            let why = "must not contain line breaks";
            errors.push(FieldError::invalid(child(&at, "message"), text(rule, "message"), why));
        } else if many_lines(said) && message.is_empty() {
            let why = "message must be specified if rule contains line breaks";
            errors.push(FieldError::required(child(&at, "message"), why));
        }
        if !text(rule, "messageExpression").is_empty() && text(rule, "messageExpression").trim().is_empty() {
            let why = "messageExpression must be non-empty if specified";
            errors.push(FieldError::required(child(&at, "messageExpression"), why));
        }
        let path = text(rule, "fieldPath");
        if !path.is_empty() {
            let mut wrong = |why: &str| errors.push(FieldError::invalid(child(&at, "fieldPath"), path, why));
            if path.trim().is_empty() {
                wrong("must be non-empty if specified");
            }
            if many_lines(path) {
                wrong("must not contain line breaks");
            }
            if crate::apiserver::crd::rules::field_path(s, path).is_none() {
                wrong("must be a valid path");
            }
        }
        const REASONS: [&str; 4] =
            ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
        let reason = text(rule, "reason");
        if !reason.is_empty() && !REASONS.contains(&reason) {
            errors.push(FieldError::not_supported(child(&at, "reason"), reason, &REASONS));
        }
    }
}

/// `x-kubernetes-map-type`, `x-kubernetes-list-type` and the keys of lists that are maps.
fn forms(s: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let kind = text(s, "type");
    let type_at = child(at, "type");
    let mut wants = |extension: &str, wanted: &str| {
        if has(s, extension) && kind != wanted {
            let why = format!("must be {wanted} if {extension} is specified");
            errors.push(match kind {
                "" => FieldError::required(type_at.clone(), why),
                kind => FieldError::invalid(type_at.clone(), kind, why),
            });
        }
    };
    wants("x-kubernetes-map-type", "object");
    wants("x-kubernetes-list-type", "array");
    for (extension, allowed) in
        [("x-kubernetes-map-type", &["atomic", "granular"][..]), ("x-kubernetes-list-type", &["atomic", "set", "map"])]
    {
        let said = text(s, extension);
        if !said.is_empty() && !allowed.contains(&said) {
            errors.push(FieldError::not_supported(child(at, extension), said, allowed));
        }
    }
    let (list, item) = (text(s, "x-kubernetes-list-type"), &s["items"]);
    if list == "set" && kind == "array" {
        let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let item_at = child(at, "items");
        match text(item, "type") {
            "array" if !matches!(text(item, "x-kubernetes-list-type"), "" | "atomic") => {
                let v = item["x-kubernetes-list-type"].clone();
                errors.push(FieldError::invalid(child(&item_at, "x-kubernetes-list-type"), v, why));
            }
            "object" if text(item, "x-kubernetes-map-type") != "atomic" => {
                let v = item["x-kubernetes-list-type"].clone();
                errors.push(FieldError::invalid(child(&item_at, "x-kubernetes-map-type"), v, why));
            }
            _ => {}
        }
    }
    let keys: Vec<&str> = items(s, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).collect();
    let keys_at = child(at, "x-kubernetes-list-map-keys");
    if !keys.is_empty() && list != "map" {
        let why = "must be map if x-kubernetes-list-map-keys is non-empty";
        let at = child(at, "x-kubernetes-list-type");
        errors.push(match list {
            "" => FieldError::required(at, why),
            list => FieldError::invalid(at, list, why),
        });
    }
    if list == "map" {
        if keys.is_empty() {
            errors.push(FieldError::required(keys_at.clone(), "must not be empty if x-kubernetes-list-type is map"));
        }
        if !item.is_object() {
            let why = "must have a schema if x-kubernetes-list-type is map";
            errors.push(FieldError::required(child(at, "items"), why));
        } else if text(item, "type") != "object" {
            let why = "must be object if parent array's x-kubernetes-list-type is map";
            errors.push(FieldError::invalid(child(at, "items.type"), text(item, "type"), why));
        } else {
            let mut seen = BTreeSet::new();
            for key in &keys {
                let all: Value = s["x-kubernetes-list-map-keys"].clone();
                match item["properties"].get(*key) {
                    Some(p) if matches!(text(p, "type"), "array" | "object") => {
                        let at = child(&keyed(&child(at, "items.properties"), key), "type");
                        let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                        errors.push(FieldError::invalid(at, text(item, "type"), why));
                    }
                    Some(_) => {}
                    None => {
                        let why = "entries must all be names of item properties";
                        errors.push(FieldError::invalid(keys_at.clone(), all.clone(), why));
                    }
                }
                if !seen.insert(*key) {
                    errors.push(FieldError::invalid(keys_at.clone(), all, "must not contain duplicate entries"));
                }
            }
        }
    }
    if matches!(list, "map" | "set") && item.is_object() {
        if flag(item, "nullable") {
            let why = format!("cannot be nullable when x-kubernetes-list-type is {list}");
            errors.push(FieldError::forbidden(child(at, "items.nullable"), why));
        }
        let required: Vec<&str> = items(item, "required").iter().filter_map(Value::as_str).collect();
        for key in keys.iter().filter(|_| list == "map") {
            let Some(p) = item["properties"].get(*key) else { continue };
            let at = keyed(&child(at, "items.properties"), key);
            if !required.contains(key) && p["default"].is_null() {
                let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                errors.push(FieldError::required(child(&at, "default"), why));
            }
            if flag(p, "nullable") {
                let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                errors.push(FieldError::forbidden(child(&at, "nullable"), why));
            }
        }
    }
}

/// Formats that no API server knows, and lists that are sets of more than scalars. (Models the warnings of apiextensions'
/// strategy.)
pub fn warnings(schema: &Value) -> Vec<String> {
    let mut out = vec![];
    let mut sets = BTreeSet::new();
    visit(schema, 0, &mut |s| {
        let format = text(s, "format");
        let known = match text(s, "type") {
            "" | "string" => objects::FORMATS.contains(&format.replace('-', "").as_str()),
            "integer" => matches!(format, "int32" | "int64"),
            "number" => matches!(format, "float" | "double"),
            _ => false,
        };
        if !format.is_empty() && !known {
            out.push(format!("unrecognized format {format:?}"));
        }
        let item = text(&s["items"], "type");
        if text(s, "x-kubernetes-list-type") == "set" && matches!(item, "object" | "array") {
            sets.insert(format!(
                "x-kubernetes-list-type: set for items of type {item:?} is not supported by server-side apply or CEL validation rules"
            ));
        }
    });
    out.extend(sets);
    out
}

/// Calls back for a schema and each part of it.
pub fn visit(s: &Value, depth: usize, each: &mut dyn FnMut(&Value)) {
    if depth > DEPTH || !s.is_object() {
        return;
    }
    each(s);
    for key in ["items", "not", "additionalProperties"] {
        visit(&s[key], depth + 1, each);
    }
    for junctor in ["allOf", "anyOf", "oneOf"] {
        items(s, junctor).iter().for_each(|inner| visit(inner, depth + 1, each));
    }
    entries(s, "properties").for_each(|(_, inner)| visit(inner, depth + 1, each));
}
