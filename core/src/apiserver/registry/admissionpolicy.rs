//! Admission policies and their bindings. (Models `pkg/apis/admissionregistration` defaults and validation.) What their
//! expressions say is compiled here once to find what is wrong; at work they stand in `admission/policies/`.

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::util::{
    child, copy_field, has, index, items, keep_spec, no_warnings, object, set_default, set_if_absent, text,
};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use crate::apiserver::admission::policies::read;
use serde_json::{Value, json};

/// The rules of a kind of policy.
macro_rules! strategy {
    ($kind:literal, $default:expr, $spec:expr) => {
        Strategy {
            kind: $kind,
            default: $default,
            validate: |new| {
                let mut errors = validate_meta(new, false, subdomain);
                errors.extend($spec(new));
                errors
            },
            validate_update: |new, old| {
                let mut errors = validate_meta_update(new, old);
                errors.extend($spec(new));
                errors
            },
            validate_status_update: validate_meta_update,
            prepare_for_create,
            prepare_for_update,
            prepare_for_status_update: keep_spec,
            warnings: no_warnings,
        }
    };
}

/// ValidatingAdmissionPolicy.
pub const VALIDATING: Strategy = strategy!("ValidatingAdmissionPolicy", default_policy, validate_validating);
/// ValidatingAdmissionPolicyBinding.
pub const VALIDATING_BINDING: Strategy =
    strategy!("ValidatingAdmissionPolicyBinding", default_binding, |new: &Value| validate_binding(new, true));
/// MutatingAdmissionPolicy.
pub const MUTATING: Strategy = strategy!("MutatingAdmissionPolicy", default_policy, validate_mutating);
/// MutatingAdmissionPolicyBinding.
pub const MUTATING_BINDING: Strategy =
    strategy!("MutatingAdmissionPolicyBinding", default_binding, |new: &Value| validate_binding(new, false));

/// What the controller that looks at new policies writes: it has seen this generation.
fn seen(v: &mut Value) {
    if v["kind"] == "ValidatingAdmissionPolicy" {
        let generation = v["metadata"]["generation"].clone();
        let warnings = read::type_warnings(v);
        let checked = if warnings.is_empty() { json!({}) } else { json!({"expressionWarnings": warnings}) };
        v["status"] = json!({"observedGeneration": generation, "typeChecking": checked});
    }
}

fn prepare_for_create(v: &mut Value) {
    if let Some(map) = v.as_object_mut() {
        map.remove("status");
    }
    if let Some(meta) = object(v, "metadata") {
        meta["generation"] = 1.into();
    }
    seen(v);
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    copy_field(new, old, "status");
    let before = old["metadata"]["generation"].as_i64().unwrap_or(1);
    let changed = new["spec"] != old["spec"];
    if let Some(meta) = object(new, "metadata") {
        meta["generation"] = (before + i64::from(changed)).into();
    }
    if changed {
        seen(new);
    }
}

fn default_matches(spec: &mut Value, key: &str) {
    let Some(m) = object(spec, key).filter(|_| true) else { return };
    set_default(m, "matchPolicy", "Equivalent");
    set_if_absent(m, "namespaceSelector", json!({}));
    set_if_absent(m, "objectSelector", json!({}));
    for list in ["resourceRules", "excludeResourceRules"] {
        for rule in m.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if rule.is_object() {
                set_default(rule, "scope", "*");
            }
        }
    }
}

fn default_policy(v: &mut Value) {
    let Some(spec) = v.get_mut("spec").filter(|s| s.is_object()) else { return };
    set_default(spec, "failurePolicy", "Fail");
    if spec["matchConstraints"].is_object() {
        default_matches(spec, "matchConstraints");
    }
}

fn default_binding(v: &mut Value) {
    let Some(spec) = v.get_mut("spec").filter(|s| s.is_object()) else { return };
    if spec["matchResources"].is_object() {
        default_matches(spec, "matchResources");
    }
}

fn validate_validating(v: &Value) -> Vec<FieldError> {
    let spec = &v["spec"];
    let mut errors = common(spec);
    let none = "validations or auditAnnotations must contain at least one item";
    let (validations, audit) = (items(spec, "validations"), items(spec, "auditAnnotations"));
    if validations.is_empty() && audit.is_empty() {
        errors.push(FieldError::required("spec.validations", none));
        errors.push(FieldError::required("spec.auditAnnotations", none));
    }
    for (i, rule) in validations.iter().enumerate() {
        let at = index("spec.validations", i);
        let broken = |t: &str| t.trim().contains(['\n', '\r']);
        let message = text(rule, "message");
        if !message.is_empty() && message.trim().is_empty() {
            let why = "message must be non-empty if specified";
            errors.push(FieldError::invalid(child(&at, "message"), message, why));
        } else if broken(message) {
            let why = "message must not contain line breaks";
            errors.push(FieldError::invalid(child(&at, "message"), message, why));
        }
        const REASONS: [&str; 4] = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
        if !text(rule, "reason").is_empty() && !REASONS.contains(&text(rule, "reason")) {
            errors.push(FieldError::not_supported(child(&at, "reason"), text(rule, "reason"), &REASONS));
        }
    }
    let mut keys = vec![];
    for (i, a) in audit.iter().enumerate() {
        let at = child(&index("spec.auditAnnotations", i), "key");
        let key = text(a, "key");
        let full = format!("{}/{key}", text(&v["metadata"], "name"));
        for why in names::is_qualified_name(&full) {
            errors.push(FieldError::invalid(at.clone(), full.as_str(), why));
        }
        if keys.contains(&key) {
            errors.push(FieldError::duplicate(at, key));
        }
        keys.push(key);
    }
    errors.extend(read::policy(v).1);
    errors
}

fn validate_mutating(v: &Value) -> Vec<FieldError> {
    let spec = &v["spec"];
    let mut errors = common(spec);
    if items(spec, "mutations").is_empty() {
        errors.push(FieldError::required("spec.mutations", "mutations must contain at least one item"));
    }
    for (i, m) in items(spec, "mutations").iter().enumerate() {
        let at = index("spec.mutations", i);
        let (said, other) = match text(m, "patchType") {
            "" => {
                errors.push(FieldError::required(child(&at, "patchType"), ""));
                continue;
            }
            "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
            "JSONPatch" => ("jsonPatch", "applyConfiguration"),
            kind => {
                let known = ["ApplyConfiguration", "JSONPatch"];
                errors.push(FieldError::not_supported(child(&at, "patchType"), kind, &known));
                continue;
            }
        };
        let kind = text(m, "patchType");
        if !has(m, said) {
            let why = format!("must be specified when patchType is {kind}");
            errors.push(FieldError::required(child(&at, said), why));
        } else if text(&m[said], "expression").trim().is_empty() {
            let at = child(&child(&at, said), "expression");
            errors.push(FieldError::required(at, "expression is not specified"));
        }
        if has(m, other) {
            let why = format!("must not be specified when patchType is {kind}");
            errors.push(FieldError::invalid(child(&at, other), "{}", why));
        }
    }
    match text(spec, "reinvocationPolicy") {
        "" => errors.push(FieldError::required("spec.reinvocationPolicy", "")),
        "Never" | "IfNeeded" => {}
        other => {
            errors.push(FieldError::not_supported("spec.reinvocationPolicy", other, &["IfNeeded", "Never"]));
        }
    }
    errors.extend(read::policy(v).1);
    errors
}

fn common(spec: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    match text(spec, "failurePolicy") {
        "Fail" | "Ignore" => {}
        "" => errors.push(FieldError::required("spec.failurePolicy", "")),
        other => errors.push(FieldError::not_supported("spec.failurePolicy", other, &["Fail", "Ignore"])),
    }
    if has(spec, "paramKind") {
        param_kind(&spec["paramKind"], &mut errors);
    }
    if !has(spec, "matchConstraints") {
        errors.push(FieldError::required("spec.matchConstraints", ""));
    } else {
        match_resources(&spec["matchConstraints"], "spec.matchConstraints", &mut errors);
        if items(&spec["matchConstraints"], "resourceRules").is_empty() {
            errors.push(FieldError::required("spec.matchConstraints.resourceRules", ""));
        }
    }
    errors.extend(condition_names(spec, "spec"));
    errors
}

/// How many `matchConditions` stand at a place, and how they are called.
pub(super) fn condition_names(of: &Value, at: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let (conditions, place) = (items(of, "matchConditions"), child(at, "matchConditions"));
    if conditions.len() > 64 {
        errors.push(FieldError {
            kind: FieldErrorKind::TooMany,
            field: place.clone(),
            value: Some(conditions.len().into()),
            detail: "must have at most 64 items".into(),
        });
    }
    for (i, c) in conditions.iter().enumerate() {
        let at = child(&index(&place, i), "name");
        let name = text(c, "name");
        if name.is_empty() {
            errors.push(FieldError::required(at, ""));
            continue;
        }
        for why in names::is_qualified_name(name) {
            errors.push(FieldError::invalid(at.clone(), name, why));
        }
        if conditions[..i].iter().any(|o| text(o, "name") == name) {
            errors.push(FieldError::duplicate(at, name));
        }
    }
    errors
}

fn param_kind(kind: &Value, errors: &mut Vec<FieldError>) {
    let (api, name) = (text(kind, "apiVersion"), text(kind, "kind"));
    let at = "spec.paramKind.apiVersion";
    if api.is_empty() {
        errors.push(FieldError::required(at, ""));
    } else if api.matches('/').count() > 1 {
        errors.push(FieldError::invalid(at, api, format!("unexpected GroupVersion string: {api}")));
    } else {
        let (group, version) = api.split_once('/').unwrap_or(("", api));
        let wrong = if group.is_empty() { vec![] } else { names::is_dns1123_subdomain(group) };
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(at, group, wrong.join(",")));
        }
        let wrong = names::is_dns1035_label(version);
        if version.is_empty() {
            errors.push(FieldError::invalid(at, api, "version must be specified"));
        } else if !wrong.is_empty() {
            errors.push(FieldError::invalid(at, version, wrong.join(",")));
        }
    }
    if name.is_empty() {
        errors.push(FieldError::required("spec.paramKind.kind", ""));
    } else {
        let wrong = names::is_dns1035_label(&name.to_lowercase());
        if !wrong.is_empty() {
            let why = format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
            errors.push(FieldError::invalid("spec.paramKind.kind", name, why));
        }
    }
}

fn match_resources(m: &Value, at: &str, errors: &mut Vec<FieldError>) {
    match text(m, "matchPolicy") {
        "Exact" | "Equivalent" | "" => {}
        other => {
            errors.push(FieldError::not_supported(child(at, "matchPolicy"), other, &["Equivalent", "Exact"]));
        }
    }
    for key in ["namespaceSelector", "objectSelector"] {
        if let Err(why) = crate::api::labels::Selector::from_label_selector(&m[key]) {
            errors.push(FieldError::invalid(child(at, key), m[key].clone(), why));
        }
    }
    for list in ["resourceRules", "excludeResourceRules"] {
        for (i, rule) in items(m, list).iter().enumerate() {
            let at = index(&child(at, list), i);
            for key in ["apiGroups", "apiVersions", "resources", "operations"] {
                let said = items(rule, key);
                if said.is_empty() {
                    errors.push(FieldError::required(child(&at, key), ""));
                }
                if said.len() > 1 && said.iter().any(|v| v == "*") {
                    let why = match key {
                        "operations" => "if '*' is present, must not specify other operations",
                        "apiGroups" => "if '*' is present, must not specify other API groups",
                        "apiVersions" => "if '*' is present, must not specify other API versions",
                        _ => continue,
                    };
                    errors.push(FieldError::invalid(child(&at, key), rule[key].clone(), why));
                }
            }
            const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
            for (n, o) in items(rule, "operations").iter().enumerate() {
                let o = o.as_str().unwrap_or_default();
                if !OPERATIONS.contains(&o) {
                    errors.push(FieldError::not_supported(index(&child(&at, "operations"), n), o, &OPERATIONS));
                }
            }
            let scope = text(rule, "scope");
            if !["", "*", "Cluster", "Namespaced"].contains(&scope) {
                errors.push(FieldError::not_supported(child(&at, "scope"), scope, &["*", "Cluster", "Namespaced"]));
            }
        }
    }
}

fn validate_binding(v: &Value, validating: bool) -> Vec<FieldError> {
    let (spec, mut errors) = (&v["spec"], vec![]);
    let policy = text(spec, "policyName");
    if policy.is_empty() {
        errors.push(FieldError::required("spec.policyName", ""));
    }
    for why in names::is_dns1123_subdomain(policy).into_iter().filter(|_| !policy.is_empty()) {
        errors.push(FieldError::invalid("spec.policyName", policy, why));
    }
    if has(spec, "paramRef") {
        param_ref(&spec["paramRef"], &mut errors);
    }
    if has(spec, "matchResources") {
        match_resources(&spec["matchResources"], "spec.matchResouces", &mut errors);
    }
    if validating {
        let at = "spec.validationActions";
        let actions: Vec<&str> = items(spec, "validationActions").iter().filter_map(Value::as_str).collect();
        for (i, a) in actions.iter().enumerate() {
            if !["Deny", "Warn", "Audit"].contains(a) {
                errors.push(FieldError::not_supported(index(at, i), *a, &["Audit", "Deny", "Warn"]));
            }
            if actions[..i].contains(a) {
                errors.push(FieldError::duplicate(index(at, i), *a));
            }
        }
        if actions.contains(&"Deny") && actions.contains(&"Warn") {
            let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
            errors.push(FieldError::invalid(at, spec["validationActions"].clone(), why));
        }
        if actions.is_empty() {
            errors.push(FieldError::required(at, "at least one validation action is required"));
        }
    }
    errors
}

fn param_ref(r: &Value, errors: &mut Vec<FieldError>) {
    let at = "spec.paramRef";
    let (name, selector) = (text(r, "name"), has(r, "selector"));
    for why in names::is_path_segment_name(name).into_iter().filter(|_| !name.is_empty()) {
        errors.push(FieldError::invalid(child(at, "name"), name, why));
    }
    if !name.is_empty() && selector {
        for key in ["name", "selector"] {
            errors.push(FieldError::forbidden(child(at, key), "name and selector are mutually exclusive"));
        }
    }
    if name.is_empty() && !selector {
        errors.push(FieldError::required(at, "one of name or selector must be specified"));
    }
    match text(r, "parameterNotFoundAction") {
        "Allow" | "Deny" => {}
        "" => errors.push(FieldError::required(child(at, "parameterNotFoundAction"), "")),
        other => {
            let at = child(at, "parameterNotFoundAction");
            errors.push(FieldError::not_supported(at, other, &["Deny", "Allow"]));
        }
    }
}
