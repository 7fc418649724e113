//! CustomResourceDefinitions. (Models apiextensions-apiserver defaults, validation and its registry; what their schemas may
//! say stands in `crd_schema.rs`.)

use super::Strategy;
use super::crd_schema;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::util::{
    child, copy_field, flag, has, immutable, index, items, keep_spec, keep_status_count_generation, object, one_of,
    present, set_default, set_generation, set_if_absent, text,
};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Whoever defines kinds in one of the community's groups says with this annotation who has agreed.
const APPROVED: &str = "api-approved.kubernetes.io";

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
        errors.extend(approval(obj, None));
        errors.extend(keeps_all(obj, None));
        errors
    },
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        errors.extend(validate_spec(&new["spec"], "spec"));
        let (now, was) = (&new["spec"], &old["spec"]);
        if is_true(old, "Established") {
            errors.extend(immutable(now, was, "scope", "spec"));
            errors.extend(immutable(&now["names"], &was["names"], "kind", "spec.names"));
        }
        errors.extend(immutable(now, was, "group", "spec"));
        errors.extend(immutable(&now["names"], &was["names"], "plural", "spec.names"));
        errors.extend(stored_versions(&new["status"], now));
        errors.extend(approval(new, Some(old)));
        errors.extend(keeps_all(new, Some(old)));
        errors
    },
    validate_status_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        errors.extend(stored_versions(&new["status"], &new["spec"]));
        errors
    },
    prepare_for_create,
    prepare_for_update: |new, old| {
        keep_status_count_generation(new, old);
        copy_field(new, old, "status");
        let storing = storage_version(&new["spec"]);
        let stored = &mut new["status"]["storedVersions"];
        if let (Some(version), Some(list)) = (storing, stored.as_array_mut())
            && !list.contains(&version)
        {
            list.push(version);
        }
    },
    prepare_for_status_update: keep_spec,
    warnings,
};

/// Is a condition of a definition true?
pub fn is_true(crd: &Value, condition: &str) -> bool {
    items(&crd["status"], "conditions").iter().any(|c| c["type"] == condition && c["status"] == "True")
}

fn storage_version(spec: &Value) -> Option<Value> {
    items(spec, "versions").iter().find(|v| flag(v, "storage")).map(|v| v["name"].clone())
}

fn warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let all = |crd: &Value| -> Vec<String> {
        let versions = items(&crd["spec"], "versions").iter();
        versions.flat_map(|v| crd_schema::warnings(&v["schema"]["openAPIV3Schema"])).collect()
    };
    let known = old.map(all).unwrap_or_default();
    let mut out: Vec<String> = vec![];
    for w in all(new) {
        if !known.contains(&w) && !out.contains(&w) {
            out.push(w);
        }
    }
    out
}

/// A version whose objects may still be stored must stay.
fn stored_versions(status: &Value, spec: &Value) -> Vec<FieldError> {
    let (stored, versions) = (items(status, "storedVersions"), items(spec, "versions"));
    let at = "status.storedVersions";
    if stored.is_empty() {
        return vec![FieldError::invalid(at, json!([]), "must have at least one stored version")];
    }
    let mut errors = vec![];
    if let Some(version) = storage_version(spec).filter(|v| !stored.contains(v)) {
        let why = format!("must have the storage version {}", version.as_str().unwrap_or_default());
        errors.push(FieldError::invalid(at, status["storedVersions"].clone(), why));
    }
    for (i, name) in stored.iter().enumerate() {
        if !versions.iter().any(|v| v["name"] == *name) {
            let v = name.as_str().unwrap_or_default();
            let why = format!(
                "missing from spec.versions; {v} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {v} and removes {v} from status.storedVersions"
            );
            errors.push(FieldError::invalid(index(at, i), v, why));
        }
    }
    errors
}

/// The state of the approval annotation: reason and message as its condition says them; none: the group needs no
/// approval. (Models apihelpers.GetAPIApprovalState.)
pub fn approval_state(crd: &Value) -> Option<(&'static str, String)> {
    let group = text(&crd["spec"], "group");
    let held = |root: &str| group == root || group.strip_suffix(root).is_some_and(|g| g.ends_with('.'));
    if !held("k8s.io") && !held("kubernetes.io") {
        return None;
    }
    const SEE: &str = "see https://github.com/kubernetes/enhancements/pull/1111";
    let said = text(&crd["metadata"]["annotations"], APPROVED);
    let is_address = said.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric()) && !rest.is_empty()
    });
    Some(if said.is_empty() {
        ("MissingAnnotation", format!("protected groups must have approval annotation {APPROVED:?}, {SEE}"))
    } else if said.starts_with("unapproved") {
        ("UnapprovedAnnotation", format!("not approved: {said:?}"))
    } else if is_address {
        ("ApprovedAnnotation", format!("approved in {said}"))
    } else {
        let why = format!(
            "protected groups must have approval annotation {APPROVED:?} with either a URL or a reason starting with \"unapproved\", {SEE}"
        );
        ("InvalidAnnotation", why)
    })
}

fn approval(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let Some((state, why)) = approval_state(new) else { return vec![] };
    if old.and_then(approval_state).is_some_and(|(before, _)| before == state) {
        return vec![];
    }
    let at = format!("metadata.annotations[{APPROVED}]");
    match state {
        "MissingAnnotation" => vec![FieldError::required(at, why)],
        "InvalidAnnotation" => {
            vec![FieldError::invalid(at, text(&new["metadata"]["annotations"], APPROVED), why)]
        }
        _ => vec![],
    }
}

fn keeps_all(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let keeps = |crd: &Value| flag(&crd["spec"], "preserveUnknownFields");
    if !keeps(new) || old.is_some_and(keeps) {
        return vec![];
    }
    let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
    vec![FieldError::invalid("spec.preserveUnknownFields", true, why)]
}

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
    let stored: Vec<Value> = storage_version(&obj["spec"]).into_iter().collect();
    obj["status"] = json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": stored});
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let at = child(path, "group");
    match text(spec, "group") {
        "" => errors.push(FieldError::required(at, "")),
        group => {
            let wrong = names::is_dns1123_subdomain(group);
            if !wrong.is_empty() {
                errors.push(FieldError::invalid(at, group, wrong.join(",")));
            } else if !group.contains('.') {
                errors.push(FieldError::invalid(at, group, "should be a domain with at least one dot"));
            }
        }
    }
    errors.extend(one_of(spec, "scope", path, &["Cluster", "Namespaced"]));
    errors.extend(validate_versions(spec, path));
    errors.extend(validate_names(&spec["names"], &child(path, "names")));
    // what all versions have in common is said of the definition as a whole
    for part in PARTS {
        if in_common(spec, part.0) {
            errors.extend(validate_part(spec, 0, part, &child(path, part.1)));
        }
    }
    errors.extend(validate_conversion(spec, &child(path, "conversion")));
    errors
}

/// What each version has of its own, and the name it goes by when they all have the same.
const PARTS: [(&str, &str); 4] = [
    ("schema", "validation"),
    ("subresources", "subresources"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
    ("selectableFields", "selectableFields"),
];

fn in_common(spec: &Value, part: &str) -> bool {
    let versions = items(spec, "versions");
    versions.iter().all(|v| v[part] == versions[0][part])
}

fn validate_part(spec: &Value, version: usize, part: (&str, &str), at: &str) -> Vec<FieldError> {
    let Some(v) = items(spec, "versions").get(version) else { return vec![] };
    let mut errors = vec![];
    match part.0 {
        "schema" if v["schema"]["openAPIV3Schema"].is_object() => {
            let status = match in_common(spec, "schema") {
                true => items(spec, "versions").iter().any(|v| has(&v["subresources"], "status")),
                false => has(&v["subresources"], "status"),
            };
            errors.extend(crd_schema::validate(&v["schema"]["openAPIV3Schema"], status, at));
        }
        "subresources" => errors.extend(validate_scale(&v["subresources"]["scale"], &child(at, "scale"))),
        "additionalPrinterColumns" => {
            for (i, c) in items(v, part.0).iter().enumerate() {
                errors.extend(column(c, &index(at, i)));
            }
        }
        "selectableFields" => errors.extend(validate_selectable(v, at)),
        _ => {}
    }
    errors
}

fn validate_versions(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let versions = items(spec, "versions");
    let path = child(path, "versions");
    for (i, v) in versions.iter().enumerate() {
        if !v["schema"]["openAPIV3Schema"].is_object() {
            errors.push(FieldError::required(child(&index(&path, i), "schema.openAPIV3Schema"), ""));
        }
    }
    let mut defaulted = false;
    for v in versions {
        crd_schema::visit(&v["schema"]["openAPIV3Schema"], 0, &mut |s| defaulted |= has(s, "default"));
    }
    if defaulted && flag(spec, "preserveUnknownFields") {
        let why = "must be false in order to use defaults in the schema";
        errors.push(FieldError::invalid("spec.preserveUnknownFields", true, why));
    }
    let (mut seen, mut twice) = (BTreeSet::new(), false);
    for (i, v) in versions.iter().enumerate() {
        let at = index(&path, i);
        let name = text(v, "name");
        twice |= !seen.insert(name);
        let wrong = names::is_dns1035_label(name);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(child(&at, "name"), name, wrong.join(",")));
        }
        if let Some(warning) = v["deprecationWarning"].as_str() {
            let at = child(&at, "deprecationWarning");
            let mut wrong = |why: &str| errors.push(FieldError::invalid(at.clone(), warning, why));
            if !flag(v, "deprecated") {
                wrong("can only be set for deprecated versions");
            } else if warning.len() > 256 {
                wrong("must be <= 256 characters long");
            } else if warning.is_empty() {
                wrong("must not be an empty string");
            }
        }
        for part in PARTS {
            if !in_common(spec, part.0) {
                errors.extend(validate_part(spec, i, part, &child(&at, part.0)));
            }
        }
    }
    if twice {
        let why = "must contain unique version names";
        errors.push(FieldError::invalid(path.clone(), spec["versions"].clone(), why));
    }
    if versions.iter().filter(|v| flag(v, "storage")).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(path, spec["versions"].clone(), why));
    }
    errors
}

fn simple_path(path: &str, at: String) -> Vec<FieldError> {
    if path.starts_with('.') {
        return vec![];
    }
    vec![FieldError::invalid(at, path, "must be a simple json path starting with .")]
}

fn validate_scale(scale: &Value, at: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if scale.is_null() {
        return errors;
    }
    for (key, roots, why) in [
        ("specReplicasPath", &[".spec."][..], "should be a json path under .spec"),
        ("statusReplicasPath", &[".status."], "should be a json path under .status"),
        ("labelSelectorPath", &[".spec.", ".status."], "should be a json path under either .spec or .status"),
    ] {
        let (at, path) = (child(at, key), text(scale, key));
        if path.is_empty() {
            if key != "labelSelectorPath" {
                errors.push(FieldError::required(at, ""));
            }
        } else if !path.starts_with('.') {
            errors.extend(simple_path(path, at));
        } else if !roots.iter().any(|r| path.starts_with(r)) {
            errors.push(FieldError::invalid(at, path, why));
        }
    }
    errors
}

fn validate_selectable(version: &Value, at: &str) -> Vec<FieldError> {
    const MOST: usize = 8;
    let mut errors = vec![];
    let mut seen = BTreeSet::new();
    for (i, f) in items(version, "selectableFields").iter().enumerate() {
        let at = child(&index(at, i), "jsonPath");
        let path = text(f, "jsonPath");
        if path.is_empty() {
            errors.push(FieldError::required(at, ""));
            continue;
        }
        let mut schema = &version["schema"]["openAPIV3Schema"];
        let mut known = path.starts_with('.');
        for key in path.split('.').skip(1) {
            schema = &schema["properties"][key];
            known &= schema.is_object();
        }
        if path.starts_with(".metadata") {
            errors.push(FieldError::invalid(at.clone(), path, "must not point to fields in metadata"));
        } else if !known {
            let why = "is an invalid path: does not refer to a valid field";
            errors.push(FieldError::invalid(at, path, why));
            continue;
        } else if !matches!(text(schema, "type"), "string" | "boolean" | "integer") {
            let why = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            errors.push(FieldError::invalid(at.clone(), path, why));
        }
        if !seen.insert(path) {
            errors.push(FieldError::duplicate(at, path));
        }
    }
    if seen.len() > MOST {
        errors.push(FieldError {
            kind: FieldErrorKind::TooMany,
            field: at.into(),
            value: Some(seen.len().into()),
            detail: format!("must have at most {MOST} items"),
        });
    }
    errors
}

fn validate_conversion(spec: &Value, at: &str) -> Vec<FieldError> {
    let conversion = &spec["conversion"];
    if conversion.is_null() {
        return vec![];
    }
    let mut errors = one_of(conversion, "strategy", at, &["None", "Webhook"]);
    let (webhook, config) = (&conversion["webhook"], &conversion["webhook"]["clientConfig"]);
    let (config_at, versions_at) = (child(at, "webhookClientConfig"), child(at, "conversionReviewVersions"));
    let versions: Vec<&str> = items(webhook, "conversionReviewVersions").iter().filter_map(Value::as_str).collect();
    if text(conversion, "strategy") == "Webhook" {
        if flag(spec, "preserveUnknownFields") {
            let why = "must be None if spec.preserveUnknownFields is true";
            errors.push(FieldError::invalid(child(at, "strategy"), "Webhook", why));
        }
        if config.is_null() {
            errors.push(FieldError::required(config_at, "required when strategy is set to Webhook"));
        } else if has(config, "url") == has(config, "service") {
            errors.push(FieldError::required(config_at, "exactly one of url or service is required"));
        } else {
            for key in ["name", "namespace"] {
                if has(config, "service") && text(&config["service"], key).is_empty() {
                    let at = child(&config_at, &format!("service.{key}"));
                    errors.push(FieldError::required(at, format!("service {key} is required")));
                }
            }
        }
        if versions.is_empty() {
            errors.push(FieldError::required(versions_at, ""));
        } else if !versions.iter().any(|v| matches!(*v, "v1" | "v1beta1")) {
            let why = "must include at least one of v1, v1beta1";
            errors.push(FieldError::invalid(versions_at, json!(versions), why));
        }
    } else {
        let why = "should not be set when strategy is not set to Webhook";
        if !config.is_null() {
            errors.push(FieldError::forbidden(config_at, why));
        }
        if !versions.is_empty() {
            errors.push(FieldError::forbidden(versions_at, why));
        }
    }
    errors
}

fn column(c: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if text(c, "name").is_empty() {
        errors.push(FieldError::required(child(path, "name"), ""));
    }
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
    match text(c, "type") {
        "" => errors.push(FieldError::required(child(path, "type"), format!("must be one of {}", TYPES.join(",")))),
        kind if TYPES.contains(&kind) => {}
        kind => {
            errors.push(FieldError::invalid(child(path, "type"), kind, format!("must be one of {}", TYPES.join(","))))
        }
    }
    let format = text(c, "format");
    if !format.is_empty() && !FORMATS.contains(&format) {
        let why = format!("must be one of {}", FORMATS.join(","));
        errors.push(FieldError::invalid(child(path, "format"), format, why));
    }
    match text(c, "jsonPath") {
        "" => errors.push(FieldError::required(child(path, "JSONPath"), "")),
        jsonpath => errors.extend(simple_path(jsonpath, child(path, "JSONPath"))),
    }
    errors
}

fn validate_names(n: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for key in ["plural", "singular", "kind", "listKind"] {
        if text(n, key).is_empty() {
            errors.push(FieldError::required(child(path, key), ""));
        }
    }
    let mut label = |at: String, name: &str, mixed: bool| {
        let wrong = names::is_dns1035_label(&if mixed { name.to_lowercase() } else { name.to_owned() });
        if !name.is_empty() && !wrong.is_empty() {
            let prefix = if mixed { "may have mixed case, but should otherwise match: " } else { "" };
            errors.push(FieldError::invalid(at, name, format!("{prefix}{}", wrong.join(","))));
        }
    };
    for key in ["plural", "singular", "kind", "listKind"] {
        label(child(path, key), text(n, key), key.ends_with("ind"));
    }
    for (i, short) in items(n, "shortNames").iter().enumerate() {
        label(index(&child(path, "shortNames"), i), short.as_str().unwrap_or_default(), false);
    }
    for (i, category) in items(n, "categories").iter().enumerate() {
        label(index(&child(path, "categories"), i), category.as_str().unwrap_or_default(), false);
    }
    if text(n, "kind") == text(n, "listKind") && has(n, "kind") {
        let why = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(child(path, "listKind"), n["listKind"].clone(), why));
    }
    errors
}
