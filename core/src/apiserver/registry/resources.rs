//! Requests and limits. (Models validateResourceRequirements.)

use super::pod_spec::Context;
use super::util::{child, entries, has, index, invalid_each, items, keyed, text};
use crate::api::error::FieldError;
use crate::api::names;
use crate::api::quantity::Quantity;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Resources of one container.
pub fn validate_container_resources(r: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = validate_amounts(r, container_resource_name, path);
    errors.extend(validate_claims(r, ctx, &child(path, "claims")));
    errors
}

fn quantity(v: &Value) -> Quantity {
    v.as_str().and_then(|s| s.parse().ok()).unwrap_or_default()
}

/// Resources of a whole pod, and that its containers fit in. (Models validatePodResources.)
pub fn validate_pod_resources(spec: &Value, path: &str) -> Vec<FieldError> {
    let r = &spec["resources"];
    if r.is_null() {
        return vec![];
    }
    let mut errors = vec![];
    if has(r, "claims") {
        errors.push(FieldError::forbidden(child(path, "claims"), "claims cannot be set for Resources at pod-level"));
    }
    errors.extend(validate_amounts(r, pod_resource_name, path));
    let mut sums: BTreeMap<&str, Quantity> = BTreeMap::new();
    for c in items(spec, "containers") {
        for (name, q) in entries(&c["resources"], "requests") {
            *sums.entry(name).or_default() += quantity(q);
        }
    }
    for (name, sum) in &sums {
        let limit = &r["requests"][*name];
        if has(&r["requests"], name) && *sum > quantity(limit) {
            errors.push(FieldError::invalid(
                child(path, &format!("requests[{name}]")),
                text(&r["requests"], name),
                format!("must be greater than or equal to aggregate container requests of {sum}"),
            ));
        }
    }
    for (i, c) in items(spec, "containers").iter().enumerate() {
        for (name, q) in entries(&c["resources"], "limits") {
            let limit = &r["limits"][name];
            if !limit.is_null() && quantity(q) > quantity(limit) {
                let at = path.strip_suffix("resources").unwrap_or_default();
                errors.push(FieldError::invalid(
                    format!("{at}containers[{i}].resources.limits"),
                    q.clone(),
                    format!("must be less than or equal to pod limits of {}", limit.as_str().unwrap_or_default()),
                ));
            }
        }
    }
    errors
}

fn validate_amounts(r: &Value, name_check: fn(&str, &str) -> Vec<FieldError>, path: &str) -> Vec<FieldError> {
    let (limits, requests) = (child(path, "limits"), child(path, "requests"));
    let mut errors = vec![];
    let mut huge = false;
    let mut computing = false;
    for (list, at) in [("limits", &limits), ("requests", &requests)] {
        for (name, value) in entries(r, list) {
            let here = keyed(at, name);
            let q = quantity(value);
            let shown = value.as_str().unwrap_or_default();
            errors.extend(name_check(name, &here));
            errors.extend(validate_quantity(name, value, &here));
            computing |= ["cpu", "memory"].contains(&name.as_str());
            if list == "requests" {
                let limit = &r["limits"][name];
                let limit_text = limit.as_str().unwrap_or_default();
                if limit.is_null() {
                    if !overcommits(name) {
                        errors.push(FieldError::required(
                            limits.as_str(),
                            "Limit must be set for non overcommitable resources",
                        ));
                    }
                } else if q != quantity(limit) && !overcommits(name) {
                    let why = format!("must be equal to {name} limit of {limit_text}");
                    errors.push(FieldError::invalid(requests.as_str(), shown, why));
                } else if q > quantity(limit) {
                    let why = format!("must be less than or equal to {name} limit of {limit_text}");
                    errors.push(FieldError::invalid(requests.as_str(), shown, why));
                }
            }
            if let Some(size) = name.strip_prefix("hugepages-") {
                huge = true;
                let page = size.parse::<Quantity>().unwrap_or_default().value();
                if page > 0 && q.value() % page != 0 {
                    let why = format!("{shown} is not positive integer multiple of {name}");
                    errors.push(FieldError::invalid(here, shown, why));
                }
            }
        }
    }
    if huge && !computing {
        errors.push(FieldError::forbidden(path, "HugePages require cpu or memory"));
    }
    errors
}

/// Not negative, and whole where parts make no sense. (Models ValidateResourceQuantityValue.)
pub fn validate_quantity(name: &str, value: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let q = quantity(value);
    if q < Quantity::default() {
        errors.push(FieldError::invalid(path, value.clone(), "must be greater than or equal to 0"));
    }
    if is_counted(name) && q.milli_value() % 1000 != 0 {
        errors.push(FieldError::invalid(path, value.clone(), "must be an integer"));
    }
    errors
}

fn is_counted(name: &str) -> bool {
    const COUNTED: [&str; 9] = [
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ];
    COUNTED.contains(&name) || is_extended(name)
}

/// Of Kubernetes itself: without a domain, or in its own.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && names::is_qualified_name(&format!("requests.{name}")).is_empty()
}

/// May limits exceed requests? Not for what cannot be shared.
pub fn overcommits(name: &str) -> bool {
    is_native(name) && !name.starts_with("hugepages-")
}

/// A resource's name wherever resources are listed. (Models validateResourceName.)
pub fn resource_name(name: &str, path: &str) -> Vec<FieldError> {
    const STANDARD: [&str; 20] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "storage",
        "requests.storage",
        "services.nodeports",
        "services.loadbalancers",
    ];
    let wrong = names::is_qualified_name(name);
    if !wrong.is_empty() {
        return invalid_each(path, name, wrong);
    }
    let huge = name.starts_with("hugepages-") || name.starts_with("requests.hugepages-");
    if !name.contains('/') && !STANDARD.contains(&name) && !huge {
        return vec![FieldError::invalid(path, name, "must be a standard resource type or fully qualified")];
    }
    vec![]
}

/// A resource a container can ask for.
pub fn container_resource_name(name: &str, path: &str) -> Vec<FieldError> {
    let mut errors = resource_name(name, path);
    if !name.contains('/') {
        let standard = ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with("hugepages-");
        if !standard {
            errors.push(FieldError::invalid(path, name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(FieldError::invalid(path, name, "doesn't follow extended resource name standard"));
    }
    errors
}

fn pod_resource_name(name: &str, path: &str) -> Vec<FieldError> {
    let mut errors = resource_name(name, path);
    if !["cpu", "memory"].contains(&name) && !name.starts_with("hugepages-") {
        errors.push(FieldError::not_supported(path, name, &["cpu", "hugepages-", "memory"]));
    }
    errors
}

fn validate_claims(r: &Value, ctx: &Context, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let known: BTreeSet<&str> =
        items(ctx.spec, "resourceClaims").iter().map(|c| text(c, "name")).filter(|n| !n.is_empty()).collect();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for (i, c) in items(r, "claims").iter().enumerate() {
        let at = index(path, i);
        let (name, request) = (text(c, "name").to_owned(), text(c, "request").to_owned());
        if name.is_empty() {
            errors.push(FieldError::required(at, ""));
            continue;
        }
        let whole = seen.contains(&(name.clone(), String::new()));
        if whole {
            errors.push(FieldError::duplicate(at.as_str(), name.as_str()));
        } else {
            if !request.is_empty() {
                let at = child(&at, "request");
                errors.extend(invalid_each(&at, &request, names::is_dns1123_label(&request)));
            }
            if seen.contains(&(name.clone(), request.clone())) {
                errors.push(FieldError::duplicate(at.as_str(), format!("{name}/{request}")));
            } else if request.is_empty() && seen.iter().any(|(n, _)| *n == name) {
                errors.push(FieldError::duplicate(at.as_str(), name.as_str()));
            }
            seen.insert((name.clone(), request));
        }
        if !known.contains(name.as_str()) {
            let mut e = FieldError::not_found(at, name.as_str());
            let list = known.iter().copied().collect::<Vec<_>>().join(", ");
            let tail = if known.is_empty() { " which is empty".to_owned() } else { format!(": {list}") };
            e.detail = format!("must be one of the names in pod.spec.resourceClaims{tail}");
            errors.push(e);
        }
    }
    errors
}
