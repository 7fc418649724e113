//! Roles and their bindings. (Models pkg/apis/rbac defaults and validation, and pkg/registry/rbac.)

use super::Strategy;
use super::meta::{subdomain, validate_label_selector, validate_meta, validate_meta_update};
use super::util::{
    child, has, index, invalid_each, items, items_mut, no_warnings, nothing, nothing_kept, object, set_default, text,
};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;

/// The group of all of them.
const GROUP: &str = "rbac.authorization.k8s.io";

const fn strategy(
    kind: &'static str,
    default: fn(&mut Value),
    validate: fn(&Value) -> Vec<FieldError>,
    validate_update: fn(&Value, &Value) -> Vec<FieldError>,
) -> Strategy {
    Strategy {
        kind,
        default,
        validate,
        validate_update,
        validate_status_update: validate_meta_update,
        prepare_for_create: nothing,
        prepare_for_update: nothing_kept,
        prepare_for_status_update: nothing_kept,
        warnings: no_warnings,
    }
}

/// The rules of Roles.
pub const ROLE: Strategy =
    strategy("Role", nothing, |new| role(new, true), |new, old| changed(new, old, role(new, true)));

/// The rules of ClusterRoles.
pub const CLUSTER_ROLE: Strategy =
    strategy("ClusterRole", nothing, |new| role(new, false), |new, old| changed(new, old, role(new, false)));

/// The rules of RoleBindings.
pub const ROLE_BINDING: Strategy =
    strategy("RoleBinding", default_binding, |new| binding(new, true), |new, old| changed_binding(new, old, true));

/// The rules of ClusterRoleBindings.
pub const CLUSTER_ROLE_BINDING: Strategy = strategy(
    "ClusterRoleBinding",
    default_binding,
    |new| binding(new, false),
    |new, old| changed_binding(new, old, false),
);

/// Names of these kinds may hold anything that fits into a path: `system:node`.
fn path_segment(name: &str, _prefix: bool) -> Vec<String> {
    names::is_path_segment_name(name)
}

fn changed(new: &Value, old: &Value, own: Vec<FieldError>) -> Vec<FieldError> {
    let mut errors = own;
    errors.extend(validate_meta_update(new, old));
    errors
}

fn changed_binding(new: &Value, old: &Value, namespaced: bool) -> Vec<FieldError> {
    let mut errors = changed(new, old, binding(new, namespaced));
    if new["roleRef"] != old["roleRef"] {
        // the internal type has no names for JSON
        let role = &new["roleRef"];
        let shown = serde_json::json!({"APIGroup": role["apiGroup"], "Kind": role["kind"], "Name": role["name"]});
        errors.push(FieldError::invalid("roleRef", shown, "cannot change roleRef"));
    }
    errors
}

fn role(obj: &Value, namespaced: bool) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, namespaced, path_segment);
    for (i, rule) in items(obj, "rules").iter().enumerate() {
        errors.extend(policy_rule(rule, namespaced, &index("rules", i)));
    }
    if has(obj, "aggregationRule") {
        let at = "aggregationRule.clusterRoleSelectors";
        let selectors = items(&obj["aggregationRule"], "clusterRoleSelectors");
        if selectors.is_empty() {
            let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            errors.push(FieldError::required(at, why));
        }
        for (i, s) in selectors.iter().enumerate() {
            errors.extend(validate_label_selector(s, &index(at, i)));
        }
    }
    errors
}

fn policy_rule(rule: &Value, namespaced: bool, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let empty = |key: &str| items(rule, key).is_empty();
    if empty("verbs") {
        errors.push(FieldError::required(child(path, "verbs"), "verbs must contain at least one value"));
    }
    if !empty("nonResourceURLs") {
        let mut refuse = |why: &str| {
            errors.push(FieldError::invalid(child(path, "nonResourceURLs"), rule["nonResourceURLs"].clone(), why));
        };
        if namespaced {
            refuse("namespaced rules cannot apply to non-resource URLs");
        }
        if !empty("apiGroups") || !empty("resources") || !empty("resourceNames") {
            refuse("rules cannot apply to both regular resources and non-resource URLs");
        }
        return errors;
    }
    if empty("apiGroups") {
        errors
            .push(FieldError::required(child(path, "apiGroups"), "resource rules must supply at least one api group"));
    }
    if empty("resources") {
        errors.push(FieldError::required(child(path, "resources"), "resource rules must supply at least one resource"));
    }
    errors
}

fn default_binding(obj: &mut Value) {
    if let Some(reference) = object(obj, "roleRef") {
        set_default(reference, "apiGroup", GROUP);
    }
    for subject in items_mut(obj, "subjects") {
        if ["User", "Group"].contains(&text(subject, "kind")) {
            set_default(subject, "apiGroup", GROUP);
        }
    }
}

fn binding(obj: &Value, namespaced: bool) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, namespaced, path_segment);
    let reference = &obj["roleRef"];
    let group = text(reference, "apiGroup");
    if group != GROUP {
        errors.push(FieldError::not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = text(reference, "kind");
    if !kinds.contains(&kind) {
        errors.push(FieldError::not_supported("roleRef.kind", kind, kinds));
    }
    match text(reference, "name") {
        "" => errors.push(FieldError::required("roleRef.name", "")),
        name => errors.extend(invalid_each("roleRef.name", name, path_segment(name, false))),
    }
    for (i, s) in items(obj, "subjects").iter().enumerate() {
        errors.extend(subject(s, namespaced, &index("subjects", i)));
    }
    errors
}

fn subject(s: &Value, namespaced: bool, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let (name, group) = (text(s, "name"), text(s, "apiGroup"));
    if name.is_empty() {
        errors.push(FieldError::required(child(path, "name"), ""));
    }
    match text(s, "kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                errors.extend(invalid_each(&child(path, "name"), name, subdomain(name, false)));
            }
            if !group.is_empty() {
                errors.push(FieldError::not_supported(child(path, "apiGroup"), group, &[""]));
            }
            if !namespaced && text(s, "namespace").is_empty() {
                errors.push(FieldError::required(child(path, "namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                errors.push(FieldError::not_supported(child(path, "apiGroup"), group, &[GROUP]));
            }
        }
        other => {
            errors.push(FieldError::not_supported(child(path, "kind"), other, &["ServiceAccount", "User", "Group"]));
        }
    }
    errors
}
