//! Validation of object metadata and of label selectors. (Models apimachinery pkg/api/validation and
//! pkg/apis/meta/v1/validation.)

use super::util::{child, entries, flag, has, index, int, invalid_each, items, keyed, text};
use crate::api::error::FieldError;
use crate::api::labels::Selector;
use crate::api::names::{self, NameRule};
use serde_json::Value;

/// Finalizers that may stand without a domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// How the names of a kind are judged: (name, is it a prefix) to reasons.
pub type NameCheck = fn(&str, bool) -> Vec<String>;

/// Names that are DNS subdomains: most kinds.
pub fn subdomain(name: &str, prefix: bool) -> Vec<String> {
    names::is_name(NameRule::Subdomain, name, prefix)
}

/// Names that are DNS labels: namespaces, services.
pub fn label(name: &str, prefix: bool) -> Vec<String> {
    names::is_name(NameRule::Label, name, prefix)
}

/// Metadata of a new object. (Models ValidateObjectMeta.)
pub fn validate_meta(obj: &Value, namespaced: bool, name_check: NameCheck) -> Vec<FieldError> {
    validate_meta_at(&obj["metadata"], namespaced, name_check, "metadata")
}

/// [`validate_meta`] for metadata that stands elsewhere.
pub fn validate_meta_at(meta: &Value, namespaced: bool, name_check: NameCheck, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let generate = text(meta, "generateName");
    if !generate.is_empty() {
        errors.extend(invalid_each(&child(path, "generateName"), generate, name_check(generate, true)));
    }
    match text(meta, "name") {
        "" => errors.push(FieldError::required(child(path, "name"), "name or generateName is required")),
        name => errors.extend(invalid_each(&child(path, "name"), name, name_check(name, false))),
    }
    let namespace = text(meta, "namespace");
    match (namespaced, namespace.is_empty()) {
        (true, true) => errors.push(FieldError::required(child(path, "namespace"), "")),
        (true, false) => {
            errors.extend(invalid_each(&child(path, "namespace"), namespace, label(namespace, false)));
        }
        (false, false) => errors.push(FieldError::forbidden(child(path, "namespace"), "not allowed on this type")),
        (false, true) => {}
    }
    errors.extend(super::util::non_negative(meta, "generation", path));
    errors.extend(common(meta, path));
    errors
}

fn common(meta: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = names::validate_labels(&meta["labels"], &child(path, "labels"));
    errors.extend(names::validate_annotations(&meta["annotations"], &child(path, "annotations")));
    errors.extend(owner_references(meta, &child(path, "ownerReferences")));
    errors.extend(finalizers(items(meta, "finalizers"), &child(path, "finalizers")));
    errors
}

fn owner_references(meta: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut controller: Option<&Value> = None;
    for r in items(meta, "ownerReferences") {
        let version = text(r, "apiVersion");
        if version.rsplit('/').next().unwrap_or_default().is_empty() {
            errors.push(FieldError::invalid(child(path, "apiVersion"), version, "version must not be empty"));
        }
        for key in ["kind", "name", "uid"] {
            if text(r, key).is_empty() {
                errors.push(FieldError::invalid(child(path, key), "", "must not be empty"));
            }
        }
        if flag(r, "controller") {
            let name = |r: &Value| format!("{}/{}", text(r, "kind"), text(r, "name"));
            match controller {
                Some(first) => errors.push(FieldError::invalid(
                    path,
                    meta["ownerReferences"].clone(),
                    format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
                        name(first),
                        name(r)
                    ),
                )),
                None => controller = Some(r),
            }
        }
    }
    errors
}

fn finalizers(list: &[Value], path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let all: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    for f in &all {
        errors.extend(invalid_each(path, f, names::is_qualified_name(f)));
    }
    if all.contains(&"orphan") && all.contains(&"foregroundDeletion") {
        errors.push(FieldError::invalid(
            path,
            Value::from(list.to_vec()),
            "finalizer orphan and foregroundDeletion cannot be both set",
        ));
    }
    for (i, f) in all.iter().enumerate() {
        if !f.contains('/') && !STANDARD_FINALIZERS.contains(f) {
            errors.push(FieldError::invalid(
                index(path, i),
                *f,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    errors
}

/// All errors of a new object: those of its metadata, then those of the rest.
pub fn checked(obj: &Value, namespaced: bool, name_check: NameCheck, rest: Vec<FieldError>) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, namespaced, name_check);
    errors.extend(rest);
    errors
}

/// All errors of a changed object: those of its metadata, then those of the rest.
pub fn checked_update(new: &Value, old: &Value, rest: Vec<FieldError>) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(rest);
    errors
}

/// Metadata of a changed object. (Models ValidateObjectMetaUpdate; the resourceVersion is the API server's.)
pub fn validate_meta_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let (meta, before) = (&new["metadata"], &old["metadata"]);
    let mut errors = vec![];
    if has(before, "deletionTimestamp") {
        let had: Vec<&str> = items(before, "finalizers").iter().filter_map(Value::as_str).collect();
        let mut extra: Vec<&str> =
            items(meta, "finalizers").iter().filter_map(Value::as_str).filter(|f| !had.contains(f)).collect();
        extra.sort_unstable();
        extra.dedup();
        if !extra.is_empty() {
            let list = extra.iter().map(|f| format!("{f:?}")).collect::<Vec<_>>().join(", ");
            errors.push(FieldError::forbidden(
                "metadata.finalizers",
                format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}"
                ),
            ));
        }
    }
    if int(meta, "generation") < int(before, "generation") {
        errors.push(FieldError::invalid("metadata.generation", int(meta, "generation"), "must not be decremented"));
    }
    for key in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        // What a client leaves out is filled in by the API server.
        if has(meta, key) && has(before, key) {
            errors.extend(super::util::immutable(meta, before, key, "metadata"));
        }
    }
    errors.extend(common(meta, "metadata"));
    errors
}

/// A `LabelSelector`. (Models ValidateLabelSelector.)
pub fn validate_label_selector(selector: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = names::validate_labels(&selector["matchLabels"], &child(path, "matchLabels"));
    for (i, e) in items(selector, "matchExpressions").iter().enumerate() {
        errors.extend(label_requirement(e, &index(&child(path, "matchExpressions"), i)));
    }
    errors
}

fn label_requirement(e: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let values = items(e, "values");
    match text(e, "operator") {
        "In" | "NotIn" if values.is_empty() => errors
            .push(FieldError::required(child(path, "values"), "must be specified when `operator` is 'In' or 'NotIn'")),
        "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
            child(path, "values"),
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(FieldError::invalid(child(path, "operator"), other, "not a valid selector operator")),
    }
    errors.extend(names::validate_label_name(text(e, "key"), &child(path, "key")));
    for (i, v) in values.iter().enumerate() {
        let v = v.as_str().unwrap_or_default();
        errors.extend(invalid_each(&index(&child(path, "values"), i), v, names::is_label_value(v)));
    }
    errors
}

/// Is a selector without requirements?
pub fn is_empty_selector(selector: &Value) -> bool {
    entries(selector, "matchLabels").next().is_none() && items(selector, "matchExpressions").is_empty()
}

/// The selector of a workload (`spec.selector`) and what it says of the template: whether it is there, well formed, not
/// empty; then `template` is given the parsed selector, unless it cannot be parsed.
pub fn validate_workload_selector(
    spec: &Value,
    path: &str,
    empty_text: Option<&str>,
    template: impl FnOnce(&Selector) -> Vec<FieldError>,
) -> Vec<FieldError> {
    let at = child(path, "selector");
    let selector = &spec["selector"];
    let mut errors = vec![];
    if selector.is_null() {
        errors.push(FieldError::required(at.as_str(), ""));
    } else {
        errors.extend(validate_label_selector(selector, &at));
        if let (true, Some(words)) = (is_empty_selector(selector), empty_text) {
            errors.push(FieldError::invalid(at.as_str(), selector.clone(), words));
        }
    }
    match Selector::from_label_selector(selector) {
        Ok(parsed) => errors.extend(template(&parsed)),
        Err(_) => errors.push(FieldError::invalid(at, selector.clone(), "invalid label selector")),
    }
    errors
}

/// `path[key]` of annotations.
pub fn annotation(key: &str) -> String {
    keyed("metadata.annotations", key)
}
