//! ValidatingWebhookConfigurations and MutatingWebhookConfigurations. (Models pkg/apis/admissionregistration/validation
//! and the defaults of v1.)

use super::Strategy;
use super::admissionpolicy::condition_names;
use super::meta::{checked, checked_update, subdomain, validate_label_selector, validate_meta_update};
use super::util::{
    child, has, index, items, items_mut, no_warnings, nothing, nothing_kept, object, set_if_absent, text,
};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use crate::apiserver::admission::policies::read::webhook_conditions;
use serde_json::{Value, json};

/// The rules of MutatingWebhookConfigurations.
pub const MUTATING: Strategy = Strategy {
    kind: "MutatingWebhookConfiguration",
    default: |obj| defaults(obj, true),
    validate: |obj| checked(obj, false, subdomain, validate(obj, true)),
    validate_update: |new, old| checked_update(new, old, validate(new, true)),
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

/// The rules of ValidatingWebhookConfigurations.
pub const VALIDATING: Strategy = Strategy {
    kind: "ValidatingWebhookConfiguration",
    default: |obj| defaults(obj, false),
    validate: |obj| checked(obj, false, subdomain, validate(obj, false)),
    validate_update: |new, old| checked_update(new, old, validate(new, false)),
    ..MUTATING
};

fn defaults(obj: &mut Value, mutating: bool) {
    for hook in items_mut(obj, "webhooks") {
        set_if_absent(hook, "failurePolicy", "Fail");
        set_if_absent(hook, "matchPolicy", "Equivalent");
        set_if_absent(hook, "namespaceSelector", json!({}));
        set_if_absent(hook, "objectSelector", json!({}));
        set_if_absent(hook, "timeoutSeconds", 10);
        if mutating {
            set_if_absent(hook, "reinvocationPolicy", "Never");
        }
        if has(&hook["clientConfig"], "service")
            && let Some(service) = object(hook, "clientConfig").and_then(|c| object(c, "service"))
        {
            set_if_absent(service, "port", 443);
        }
        for rule in items_mut(hook, "rules") {
            set_if_absent(rule, "scope", "*");
        }
    }
}

fn validate(obj: &Value, mutating: bool) -> Vec<FieldError> {
    let mut errors = vec![];
    let hooks = items(obj, "webhooks");
    for (i, hook) in hooks.iter().enumerate() {
        let at = index("webhooks", i);
        errors.extend(webhook(hook, &at, mutating));
        errors.extend(versions(hook, &child(&at, "admissionReviewVersions")));
        let name = text(hook, "name");
        if !name.is_empty() && hooks[..i].iter().any(|h| text(h, "name") == name) {
            let (field, value) = (child(&at, "name"), Some(name.into()));
            errors.push(FieldError { kind: FieldErrorKind::Duplicate, field, value, detail: String::new() });
        }
    }
    errors
}

/// Models IsFullyQualifiedName.
fn qualified(name: &str, at: &str) -> Vec<FieldError> {
    if name.is_empty() {
        return vec![FieldError::required(at, "")];
    }
    let wrong = names::is_dns1123_subdomain(name);
    if !wrong.is_empty() {
        return vec![FieldError::invalid(at, name, wrong.join(","))];
    }
    if name.split('.').count() < 3 {
        let why = "should be a domain with at least three segments separated by dots";
        return vec![FieldError::invalid(at, name, why)];
    }
    vec![]
}

fn one_of(v: &Value, key: &str, at: &str, known: &[&str]) -> Vec<FieldError> {
    match v[key].as_str() {
        Some(given) if !known.contains(&given) => vec![FieldError::not_supported(child(at, key), given, known)],
        _ => vec![],
    }
}

fn webhook(hook: &Value, at: &str, mutating: bool) -> Vec<FieldError> {
    let mut errors = qualified(text(hook, "name"), &child(at, "name"));
    for (i, rule) in items(hook, "rules").iter().enumerate() {
        errors.extend(rule_errors(rule, &index(&child(at, "rules"), i)));
    }
    errors.extend(one_of(hook, "failurePolicy", at, &["Fail", "Ignore"]));
    errors.extend(one_of(hook, "matchPolicy", at, &["Equivalent", "Exact"]));
    if has(hook, "sideEffects") {
        errors.extend(one_of(hook, "sideEffects", at, &["None", "NoneOnDryRun"]));
    } else {
        errors.push(FieldError::required(child(at, "sideEffects"), "must specify one of None, NoneOnDryRun"));
    }
    if let Some(n) = hook["timeoutSeconds"].as_i64().filter(|n| !(1..=30).contains(n)) {
        let why = "the timeout value must be between 1 and 30 seconds";
        errors.push(FieldError::invalid(child(at, "timeoutSeconds"), n, why));
    }
    for key in ["namespaceSelector", "objectSelector"] {
        if has(hook, key) {
            errors.extend(validate_label_selector(&hook[key], &child(at, key)));
        }
    }
    if mutating {
        errors.extend(one_of(hook, "reinvocationPolicy", at, &["IfNeeded", "Never"]));
    }
    let config = &hook["clientConfig"];
    let place = child(at, "clientConfig");
    match (config["url"].as_str(), has(config, "service")) {
        (Some(url), false) => errors.extend(url_errors(url, &child(&place, "url"))),
        (None, true) => errors.extend(service_errors(&config["service"], &child(&place, "service"))),
        _ => errors.push(FieldError::required(place, "exactly one of url or service is required")),
    }
    errors.extend(condition_names(hook, at));
    errors.extend(webhook_conditions(hook, at).1);
    errors
}

fn versions(hook: &Value, at: &str) -> Vec<FieldError> {
    let given = items(hook, "admissionReviewVersions");
    if given.is_empty() {
        return vec![FieldError::required(at, "must specify one of v1, v1beta1")];
    }
    let mut errors = vec![];
    for (i, v) in given.iter().enumerate() {
        let version = v.as_str().unwrap_or_default();
        if given[..i].contains(v) {
            errors.push(FieldError::invalid(index(at, i), version, "duplicate version"));
            continue;
        }
        let wrong = names::is_dns1035_label(version);
        errors.extend(wrong.into_iter().map(|w| FieldError::invalid(index(at, i), version, w)));
    }
    if !given.iter().any(|v| *v == "v1" || *v == "v1beta1") {
        errors.push(FieldError::invalid(
            at,
            hook["admissionReviewVersions"].clone(),
            "must include at least one of v1, v1beta1",
        ));
    }
    errors
}

fn rule_errors(rule: &Value, at: &str) -> Vec<FieldError> {
    const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    let mut errors = vec![];
    let mut alone = |key: &str, what: &str, needs_text: bool| {
        let (list, field) = (items(rule, key), child(at, key));
        if list.is_empty() {
            errors.push(FieldError::required(field.as_str(), ""));
        }
        if list.len() > 1 && list.iter().any(|x| x == "*") {
            let why = format!("if '*' is present, must not specify other {what}");
            errors.push(FieldError::invalid(field.as_str(), rule[key].clone(), why));
        }
        for (i, x) in list.iter().enumerate() {
            if key == "operations" && !OPERATIONS.iter().any(|o| x == o) {
                errors.push(FieldError::not_supported(index(&field, i), x.clone(), &OPERATIONS));
            }
            if needs_text && x == "" {
                errors.push(FieldError::required(index(&field, i), ""));
            }
        }
    };
    alone("operations", "operations", false);
    alone("apiGroups", "API groups", false);
    alone("apiVersions", "API versions", true);
    errors.extend(resources(rule, &child(at, "resources")));
    errors.extend(one_of(rule, "scope", at, &["*", "Cluster", "Namespaced"]));
    errors
}

fn resources(rule: &Value, at: &str) -> Vec<FieldError> {
    let list: Vec<&str> = items(rule, "resources").iter().filter_map(Value::as_str).collect();
    let mut errors = vec![];
    if list.is_empty() {
        errors.push(FieldError::required(at, ""));
    }
    let (mut whole, mut subs): (Vec<&str>, Vec<&str>) = (vec![], vec![]);
    let mut plain = false;
    for (i, name) in list.iter().enumerate() {
        if name.is_empty() {
            errors.push(FieldError::required(index(at, i), ""));
            continue;
        }
        let Some((resource, sub)) = name.split_once('/') else {
            plain = *name != "*";
            continue;
        };
        if whole.contains(&resource) {
            let why = format!("if '{resource}/*' is present, must not specify {name}");
            errors.push(FieldError::invalid(index(at, i), *name, why));
        }
        if subs.contains(&sub) {
            let why = format!("if '*/{sub}' is present, must not specify {name}");
            errors.push(FieldError::invalid(index(at, i), *name, why));
        }
        if sub == "*" {
            whole.push(resource);
        }
        if resource == "*" {
            subs.push(sub);
        }
    }
    if list.len() > 1 && list.contains(&"*/*") {
        let why = "if '*/*' is present, must not specify other resources";
        errors.push(FieldError::invalid(at, rule["resources"].clone(), why));
    }
    if list.contains(&"*") && plain {
        let why = "if '*' is present, must not specify other resources without subresources";
        errors.push(FieldError::invalid(at, rule["resources"].clone(), why));
    }
    errors
}

/// Models ValidateWebhookURL.
fn url_errors(url: &str, at: &str) -> Vec<FieldError> {
    const FORM: &str = "; desired format: https://host[/path]";
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let mut errors = vec![];
    if scheme != "https" {
        errors.push(FieldError::invalid(at, scheme, format!("'https' is the only allowed URL scheme{FORM}")));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || scheme.is_empty() {
        errors.push(FieldError::invalid(at, "", format!("host must be provided{FORM}")));
    }
    if let Some((user, _)) = host.split_once('@') {
        errors.push(FieldError::invalid(at, user, "user information is not permitted in the URL"));
    }
    if let Some((_, part)) = rest.split_once('#') {
        errors.push(FieldError::invalid(at, part, "fragments are not permitted in the URL"));
    }
    if let Some((_, query)) = rest.split('#').next().and_then(|r| r.split_once('?')) {
        errors.push(FieldError::invalid(at, query, "query parameters are not permitted in the URL"));
    }
    errors
}

/// Models ValidateWebhookService, which takes name and namespace for each other.
fn service_errors(service: &Value, at: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if text(service, "namespace").is_empty() {
        errors.push(FieldError::required(child(at, "name"), "service name is required"));
    }
    if text(service, "name").is_empty() {
        errors.push(FieldError::required(child(at, "namespace"), "service namespace is required"));
    }
    let port = service["port"].as_i64().unwrap_or_default();
    let wrong = names::is_valid_port_num(port);
    if !wrong.is_empty() {
        errors.push(FieldError::invalid(child(at, "port"), port, format!("port is not valid: {}", wrong.join(", "))));
    }
    let path = text(service, "path");
    let field = child(at, "path");
    if path.is_empty() || path == "/" {
        return errors;
    }
    if path == "//" {
        errors.push(FieldError::invalid(field, path, "segment[0] may not be empty"));
        return errors;
    }
    if !path.starts_with('/') {
        errors.push(FieldError::invalid(field.as_str(), path, "must start with a '/'"));
    }
    let inner: String = path.chars().skip(1).collect();
    for (i, step) in inner.strip_suffix('/').unwrap_or(&inner).split('/').enumerate() {
        if step.is_empty() {
            errors.push(FieldError::invalid(field.as_str(), path, format!("segment[{i}] may not be empty")));
            continue;
        }
        let wrong = names::is_dns1123_subdomain(step);
        errors
            .extend(wrong.into_iter().map(|w| FieldError::invalid(field.as_str(), path, format!("segment[{i}]: {w}"))));
    }
    errors
}
