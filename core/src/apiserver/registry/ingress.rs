//! Ingresses and their classes. (Models pkg/apis/networking/validation and pkg/registry/networking.)

use super::Strategy;
use super::meta::{checked, checked_update, subdomain, validate_meta, validate_meta_update};
use super::util::{
    child, has, index, int, invalid_each, items, keep_status_count_generation, no_warnings, nothing, nothing_kept,
    object, one_of, present, reset_status_begin_generation, set_default, set_generation, text, too_long,
};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;

/// The rules of Ingresses.
pub const INGRESS: Strategy = Strategy {
    kind: "Ingress",
    default: nothing,
    validate: |obj| {
        let mut errors = validate_meta(obj, true, subdomain);
        errors.extend(validate_spec(&obj["spec"], "spec"));
        if has(&obj["metadata"]["annotations"], CLASS) && has(&obj["spec"], "ingressClassName") {
            let class = text(&obj["metadata"]["annotations"], CLASS);
            errors.push(FieldError::invalid(
                super::meta::annotation(CLASS),
                class,
                "can not be set when the class field is also set",
            ));
        }
        errors
    },
    validate_update: |new, old| checked_update(new, old, validate_spec(&new["spec"], "spec")),
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| {
        reset_status_begin_generation(obj);
        obj["status"] = serde_json::json!({"loadBalancer": {}});
    },
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: super::util::keep_spec,
    warnings: no_warnings,
};

/// The rules of IngressClasses.
pub const INGRESS_CLASS: Strategy = Strategy {
    kind: "IngressClass",
    default: |obj| {
        if let Some(parameters) = object(obj, "spec").and_then(|s| present(s, "parameters")) {
            set_default(parameters, "scope", "Cluster");
        }
    },
    validate: |obj| checked(obj, false, subdomain, class_spec(&obj["spec"])),
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        if text(&new["spec"], "controller") != text(&old["spec"], "controller") {
            errors.push(FieldError::invalid(
                "spec.controller",
                new["spec"]["controller"].clone(),
                "field is immutable",
            ));
        }
        errors.extend(class_spec(&new["spec"]));
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| set_generation(obj, 1),
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn class_spec(spec: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    let controller = text(spec, "controller");
    if controller.len() > 250 {
        errors.push(too_long("spec.controller", 250));
    }
    match controller.split_once('/') {
        _ if controller.is_empty() => errors.push(FieldError::required("spec.controller", "")),
        Some((host, path)) if !host.is_empty() && !path.is_empty() => {
            errors.extend(invalid_each("spec.controller", host, names::is_dns1123_subdomain(host)));
        }
        _ => {
            let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            errors.push(FieldError::invalid("spec.controller", controller, why));
        }
    }
    let parameters = &spec["parameters"];
    if !parameters.is_null() {
        for key in ["kind", "name"] {
            if text(parameters, key).is_empty() {
                errors.push(FieldError::required(child("spec.parameters", key), ""));
            }
        }
        errors.extend(one_of(parameters, "scope", "spec.parameters", &["Cluster", "Namespace"]));
        match (text(parameters, "scope"), text(parameters, "namespace")) {
            ("Namespace", "") => {
                let why = "`parameters.scope` is set to 'Namespace'";
                errors.push(FieldError::required("spec.parameters.namespace", why));
            }
            ("Cluster", ns) if !ns.is_empty() => {
                let why = "`parameters.scope` is set to 'Cluster'";
                errors.push(FieldError::forbidden("spec.parameters.namespace", why));
            }
            _ => {}
        }
    }
    errors
}

const CLASS: &str = "kubernetes.io/ingress.class";

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if items(spec, "rules").is_empty() && !has(spec, "defaultBackend") {
        let rules = spec["rules"].clone();
        let why = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(path, rules, why));
    }
    if has(spec, "defaultBackend") {
        errors.extend(backend(&spec["defaultBackend"], &child(path, "defaultBackend")));
    }
    for (i, rule) in items(spec, "rules").iter().enumerate() {
        let at = index(&child(path, "rules"), i);
        let host = text(rule, "host");
        if !host.is_empty() {
            errors.extend(host_name(host, &child(&at, "host")));
        }
        errors.extend(paths(&rule["http"], &child(&at, "http")));
    }
    for (i, tls) in items(spec, "tls").iter().enumerate() {
        let at = index(&child(path, "tls"), i);
        for (j, host) in items(tls, "hosts").iter().enumerate() {
            let host = host.as_str().unwrap_or_default();
            let check =
                if host.contains('*') { names::is_wildcard_dns1123_subdomain } else { names::is_dns1123_subdomain };
            errors.extend(invalid_each(&index(&child(&at, "hosts"), j), host, check(host)));
        }
    }
    let class = text(spec, "ingressClassName");
    if has(spec, "ingressClassName") {
        errors.extend(invalid_each(&child(path, "ingressClassName"), class, subdomain(class, false)));
    }
    errors
}

fn host_name(host: &str, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if host.parse::<std::net::IpAddr>().is_ok() {
        errors.push(FieldError::invalid(path, host, "must be a DNS name, not an IP address"));
    }
    let check = if host.contains('*') { names::is_wildcard_dns1123_subdomain } else { names::is_dns1123_subdomain };
    errors.extend(invalid_each(path, host, check(host)));
    errors
}

fn paths(http: &Value, path: &str) -> Vec<FieldError> {
    if http.is_null() {
        return vec![];
    }
    let at = child(path, "paths");
    if items(http, "paths").is_empty() {
        return vec![FieldError::required(at, "")];
    }
    items(http, "paths").iter().enumerate().flat_map(|(i, p)| one_path(p, &index(&at, i))).collect()
}

fn one_path(p: &Value, path: &str) -> Vec<FieldError> {
    const TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
    let at = child(path, "path");
    let value = text(p, "path");
    let mut errors = vec![];
    if !has(p, "pathType") {
        return vec![FieldError::required(child(path, "pathType"), "pathType must be specified")];
    } else {
        match text(p, "pathType") {
            "Exact" | "Prefix" => {
                if !value.starts_with('/') {
                    errors.push(FieldError::invalid(at.as_str(), value, "must be an absolute path"));
                }
                if !value.is_empty() {
                    for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                        if value.contains(bad) {
                            errors.push(FieldError::invalid(at.as_str(), value, format!("must not contain '{bad}'")));
                        }
                    }
                    for end in ["/..", "/."] {
                        if value.ends_with(end) {
                            errors.push(FieldError::invalid(at.as_str(), value, format!("cannot end with '{end}'")));
                        }
                    }
                }
            }
            "ImplementationSpecific" => {
                if !value.is_empty() && !value.starts_with('/') {
                    errors.push(FieldError::invalid(at.as_str(), value, "must be an absolute path"));
                }
            }
            other => errors.push(FieldError::not_supported(child(path, "pathType"), other, &TYPES)),
        }
    }
    errors.extend(backend(&p["backend"], &child(path, "backend")));
    errors
}

fn backend(b: &Value, path: &str) -> Vec<FieldError> {
    let service = &b["service"];
    match (service.is_null(), has(b, "resource")) {
        (false, true) => {
            return vec![FieldError::invalid(path, "", "cannot set both resource and service backends")];
        }
        (true, true) => {
            let r = &b["resource"];
            let at = child(path, "resource");
            return ["kind", "name"]
                .iter()
                .filter(|k| text(r, k).is_empty())
                .map(|k| FieldError::required(child(&at, k), ""))
                .collect();
        }
        (true, false) => return vec![FieldError::invalid(path, "", "resource or service backend is required")],
        (false, false) => {}
    }
    let mut errors = vec![];
    let name = text(service, "name");
    let at = child(path, "service");
    if name.is_empty() {
        errors.push(FieldError::required(child(&at, "name"), ""));
    } else {
        errors.extend(invalid_each(&child(&at, "name"), name, super::meta::label(name, false)));
    }
    let port = &service["port"];
    let (number, port_name) = (int(port, "number"), text(port, "name"));
    if number != 0 && !port_name.is_empty() {
        errors.push(FieldError::invalid(path, "", "cannot set both port name & port number"));
    } else if !port_name.is_empty() {
        let wrong = names::is_valid_port_name(port_name);
        errors.extend(invalid_each(&child(&at, "port.name"), port_name, wrong));
    } else if number == 0 {
        errors.push(FieldError::required(path, "port name or number is required"));
    } else {
        let wrong = names::is_valid_port_num(number);
        let at = child(&at, "port.number");
        errors.extend(wrong.into_iter().map(|r| FieldError::invalid(at.as_str(), number, r)));
    }
    errors
}
