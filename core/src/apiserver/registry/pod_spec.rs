//! Pod specs, of pods and of templates. (Models ValidatePodSpec: the order of its checks is the order of the errors.)

use super::affinity::{validate_affinity, validate_spread, validate_tolerations};
use super::containers::{validate_containers, validate_ephemeral_containers, validate_init_containers};
use super::meta::subdomain;
use super::resources::{resource_name, validate_pod_resources, validate_quantity};
use super::security::{validate_os, validate_pod_security};
use super::util::{child, entries, flag, has, index, int, invalid_each, items, keyed, one_of, text};
use super::volumes::validate_volumes;
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What checks of parts need to know of the whole.
#[derive(Debug)]
pub struct Context<'a> {
    /// The pod spec.
    pub spec: &'a Value,
    /// Its volumes by name, those that are in order.
    pub volumes: BTreeMap<&'a str, &'a Value>,
    /// `terminationGracePeriodSeconds`.
    pub grace: Option<i64>,
    /// Does it share the node's user namespace?
    pub host_users: bool,
}

/// A pod spec at `path`. `meta`: the pod's (or template's) metadata; `is_pod`: not a template.
pub fn validate_pod_spec(spec: &Value, meta: &Value, path: &str, is_pod: bool) -> Vec<FieldError> {
    let mut errors = vec![];
    let grace = spec["terminationGracePeriodSeconds"].as_i64();
    if grace.is_none() {
        errors.push(FieldError::required(child(path, "terminationGracePeriodSeconds"), ""));
    }
    let (volumes, wrong) = validate_volumes(spec, meta, &child(path, "volumes"));
    errors.extend(wrong);
    let host_users = spec["hostUsers"].as_bool().unwrap_or(true);
    let ctx = Context { spec, volumes, grace, host_users };
    errors.extend(validate_resource_claims(spec, &child(path, "resourceClaims")));
    errors.extend(validate_containers(&ctx, &child(path, "containers")));
    errors.extend(validate_init_containers(&ctx, &child(path, "initContainers")));
    errors.extend(validate_ephemeral_containers(&ctx, &child(path, "ephemeralContainers")));
    errors.extend(validate_pod_resources(spec, &child(path, "resources")));
    errors.extend(validate_host_network(spec, &child(path, "containers"), is_pod));
    errors.extend(one_of(spec, "restartPolicy", path, &["Always", "OnFailure", "Never"]));
    errors.extend(one_of(spec, "dnsPolicy", path, &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]));
    errors.extend(names::validate_labels(&spec["nodeSelector"], &child(path, "nodeSelector")));
    errors.extend(validate_pod_security(spec, &child(path, "securityContext")));
    errors.extend(validate_affinity(&spec["affinity"], &child(path, "affinity")));
    errors.extend(validate_dns_config(spec, &child(path, "dnsConfig")));
    for (i, gate) in items(spec, "readinessGates").iter().enumerate() {
        let at = child(&index(&child(path, "readinessGates"), i), "conditionType");
        let kind = text(gate, "conditionType");
        errors.extend(invalid_each(&at, kind, names::is_qualified_name(kind)));
    }
    errors.extend(validate_scheduling_gates(spec, &child(path, "schedulingGates")));
    errors.extend(validate_spread(spec, &child(path, "topologySpreadConstraints")));
    if !ctx.host_users {
        for (key, shown) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
            if flag(spec, key) {
                errors.push(FieldError::forbidden(child(path, shown), "when `pod.Spec.HostUsers` is false"));
            }
        }
    }
    errors.extend(validate_names(spec, path));
    if !items(spec, "tolerations").is_empty() {
        errors.extend(validate_tolerations(spec, &child(path, "tolerations")));
    }
    errors.extend(validate_host_aliases(spec, &child(path, "hostAliases")));
    for key in ["priorityClassName", "runtimeClassName"] {
        let name = text(spec, key);
        if !name.is_empty() || (key == "runtimeClassName" && has(spec, key)) {
            errors.extend(invalid_each(&child(path, key), name, subdomain(name, false)));
        }
    }
    if has(spec, "preemptionPolicy") {
        errors.extend(one_of(spec, "preemptionPolicy", path, &["PreemptLowerPriority", "Never"]));
    }
    for (name, value) in entries(spec, "overhead") {
        let at = keyed(&child(path, "overhead"), name);
        errors.extend(resource_name(name, &at));
        errors.extend(validate_quantity(name, value, &at));
    }
    errors.extend(validate_os(spec, path));
    errors
}

/// Names within the spec, in upstream's order.
fn validate_names(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for key in ["serviceAccountName", "nodeName"] {
        let name = text(spec, key);
        if !name.is_empty() {
            errors.extend(invalid_each(&child(path, key), name, subdomain(name, false)));
        }
    }
    if let Some(n) = spec["activeDeadlineSeconds"].as_i64()
        && !(1..=i64::from(i32::MAX)).contains(&n)
    {
        let why = names::inclusive_range_error(1, i64::from(i32::MAX));
        errors.push(FieldError::invalid(child(path, "activeDeadlineSeconds"), n, why));
    }
    for key in ["hostname", "subdomain"] {
        let name = text(spec, key);
        if !name.is_empty() {
            errors.extend(invalid_each(&child(path, key), name, names::is_dns1123_label(name)));
        }
    }
    errors
}

fn validate_resource_claims(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut seen = BTreeSet::new();
    for (i, c) in items(spec, "resourceClaims").iter().enumerate() {
        let at = index(path, i);
        let name = text(c, "name");
        if name.is_empty() {
            errors.push(FieldError::required(child(&at, "name"), ""));
        } else if seen.contains(name) {
            errors.push(FieldError::duplicate(child(&at, "name"), name));
        } else {
            errors.extend(invalid_each(&child(&at, "name"), name, names::is_dns1123_label(name)));
            seen.insert(name);
        }
        match (has(c, "resourceClaimName"), has(c, "resourceClaimTemplateName")) {
            (true, true) => errors.push(FieldError::invalid(
                at.as_str(),
                c.clone(),
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
            )),
            (false, false) => errors.push(FieldError::invalid(
                at.as_str(),
                c.clone(),
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            )),
            _ => {}
        }
        for key in ["resourceClaimName", "resourceClaimTemplateName"] {
            if has(c, key) {
                let name = text(c, key);
                errors.extend(invalid_each(&child(&at, key), name, subdomain(name, false)));
            }
        }
    }
    errors
}

/// On the node's network a container's port is the node's.
fn validate_host_network(spec: &Value, path: &str, is_pod: bool) -> Vec<FieldError> {
    let mut errors = vec![];
    if !flag(spec, "hostNetwork") {
        return errors;
    }
    for (i, c) in items(spec, "containers").iter().enumerate() {
        for (j, p) in items(c, "ports").iter().enumerate() {
            let (host, own) = (int(p, "hostPort"), int(p, "containerPort"));
            if (is_pod || host != 0) && host != own {
                errors.push(FieldError::invalid(
                    child(&index(&child(&index(path, i), "ports"), j), "hostPort"),
                    host,
                    "must match `containerPort` when `hostNetwork` is true",
                ));
            }
        }
    }
    errors
}

fn validate_dns_config(spec: &Value, path: &str) -> Vec<FieldError> {
    let config = &spec["dnsConfig"];
    let servers = child(path, "nameservers");
    if text(spec, "dnsPolicy") == "None" {
        if config.is_null() {
            let why = "must provide `dnsConfig` when `dnsPolicy` is None";
            return vec![FieldError::required(path, why)];
        }
        if items(config, "nameservers").is_empty() {
            let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return vec![FieldError::required(servers, why)];
        }
    }
    let mut errors = vec![];
    let list = |key: &str| Value::from(items(config, key).to_vec());
    if items(config, "nameservers").len() > 3 {
        let why = "must not have more than 3 nameservers";
        errors.push(FieldError::invalid(servers.as_str(), list("nameservers"), why));
    }
    for (i, ip) in items(config, "nameservers").iter().enumerate() {
        errors.extend(names::is_valid_ip(&index(&servers, i), ip.as_str().unwrap_or_default()));
    }
    let searches = child(path, "searches");
    let domains: Vec<&str> = items(config, "searches").iter().filter_map(Value::as_str).collect();
    if domains.len() > 32 {
        let why = "must not have more than 32 search paths";
        errors.push(FieldError::invalid(searches.as_str(), list("searches"), why));
    }
    if domains.join(" ").len() > 2048 {
        let why = "must not have more than 2048 characters (including spaces) in the search list";
        errors.push(FieldError::invalid(searches.as_str(), list("searches"), why));
    }
    for (i, domain) in domains.iter().enumerate().filter(|(_, d)| **d != ".") {
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        // Underscores are allowed in search paths.
        let judged = domain.replace('_', "a");
        let wrong = names::is_dns1123_subdomain(&judged);
        errors.extend(invalid_each(&index(&searches, i), domain, wrong));
    }
    for (i, o) in items(config, "options").iter().enumerate() {
        if text(o, "name").is_empty() {
            errors.push(FieldError::required(index(&child(path, "options"), i), "must not be empty"));
        }
    }
    errors
}

fn validate_scheduling_gates(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut seen = BTreeSet::new();
    for (i, gate) in items(spec, "schedulingGates").iter().enumerate() {
        let (at, name) = (index(path, i), text(gate, "name"));
        errors.extend(invalid_each(&at, name, names::is_qualified_name(name)));
        if !seen.insert(name) {
            errors.push(FieldError::duplicate(at, name));
        }
    }
    errors
}

fn validate_host_aliases(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (i, alias) in items(spec, "hostAliases").iter().enumerate() {
        let at = index(path, i);
        errors.extend(names::is_valid_ip(&child(&at, "ip"), text(alias, "ip")));
        for (j, name) in items(alias, "hostnames").iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            let at = index(&child(&at, "hostnames"), j);
            errors.extend(invalid_each(&at, name, names::is_dns1123_subdomain(name)));
        }
    }
    errors
}
