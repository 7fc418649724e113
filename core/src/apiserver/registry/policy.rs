//! LimitRanges, ResourceQuotas, PodDisruptionBudgets and PriorityClasses. (Models ValidateLimitRange,
//! ValidateResourceQuota, ValidatePodDisruptionBudget and ValidatePriorityClass.)

use super::Strategy;
use super::deployment::{not_more_than_all, positive_int_or_percent};
use super::meta::{checked, checked_update, subdomain, validate_label_selector, validate_meta, validate_meta_update};
use super::resources::{container_resource_name, resource_name, validate_quantity};
use super::util::{
    child, copy_field, entries, has, index, int, invalid_each, items, items_mut, keep_status_count_generation, keyed,
    no_warnings, nothing, nothing_kept, object, remove, reset_status_begin_generation, set_default, set_if_absent,
    shown, text,
};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use crate::api::quantity::Quantity;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The rules of LimitRanges.
pub const LIMIT_RANGE: Strategy = Strategy {
    kind: "LimitRange",
    default: default_limit_range,
    validate: validate_limit_range,
    validate_update: |new, _| validate_limit_range(new),
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

/// Limits follow from maxima, requests from limits or minima.
fn default_limit_range(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    for item in items_mut(spec, "limits") {
        if text(item, "type") != "Container" {
            continue;
        }
        for (to, from) in [("default", "max"), ("defaultRequest", "default"), ("defaultRequest", "min")] {
            let source = item[from].as_object().cloned().unwrap_or_default();
            if source.is_empty() {
                continue;
            }
            if let Some(target) = object(item, to) {
                for (k, v) in source {
                    set_if_absent(target, &k, v);
                }
            }
        }
    }
}

fn quantity(v: &Value) -> Option<Quantity> {
    v.as_str()?.parse().ok()
}

fn validate_limit_range(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    let mut types = BTreeSet::new();
    for (i, item) in items(&obj["spec"], "limits").iter().enumerate() {
        let at = index("spec.limits", i);
        let kind = text(item, "type");
        let wrong = names::is_qualified_name(kind);
        if !wrong.is_empty() {
            errors.extend(invalid_each(&child(&at, "type"), kind, wrong));
        } else if !kind.contains('/') && !["Pod", "Container", "PersistentVolumeClaim"].contains(&kind) {
            let why = "must be a standard limit type or fully qualified";
            errors.push(FieldError::invalid(child(&at, "type"), kind, why));
        }
        if !types.insert(kind) {
            errors.push(FieldError::duplicate(child(&at, "type"), kind));
        }
        errors.extend(validate_limit_item(item, kind, &at));
    }
    errors
}

fn validate_limit_item(item: &Value, kind: &str, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut keys = BTreeSet::new();
    let name_check: fn(&str, &str) -> Vec<FieldError> =
        if ["Pod", "Container"].contains(&kind) { container_resource_name } else { resource_name };
    for list in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let at = child(path, list);
        if kind == "Pod" && list.starts_with("default") {
            if entries(item, list).next().is_some() {
                errors.push(FieldError::forbidden(at, "may not be specified when `type` is 'Pod'"));
            }
            continue;
        }
        if list == "maxLimitRequestRatio"
            && kind == "PersistentVolumeClaim"
            && !has(&item["min"], "storage")
            && !has(&item["max"], "storage")
        {
            errors.push(FieldError::required(
                child(path, "limits"),
                "either minimum or maximum storage value is required, but neither was provided",
            ));
        }
        for (k, _) in entries(item, list) {
            errors.extend(name_check(k, &keyed(&at, k)));
            keys.insert(k.as_str());
        }
    }
    for k in keys {
        errors.extend(compare_limits(item, kind, k, path));
    }
    errors
}

/// Minimum, request, limit and maximum of one resource, in this order of size.
fn compare_limits(item: &Value, kind: &str, k: &str, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let of = |list: &str| quantity(&item[list][k]);
    let shown = |list: &str| item[list][k].clone();
    let (min, max) = (of("min"), of("max"));
    let (limit, request) = if kind == "Pod" { (None, None) } else { (of("default"), of("defaultRequest")) };
    let mut wrong = |list: &str, value: &str, why: String| {
        errors.push(FieldError::invalid(keyed(&child(path, list), k), shown(value), why));
    };
    let above = |a: &Option<Quantity>, b: &Option<Quantity>| matches!((a, b), (Some(a), Some(b)) if a > b);
    let t = |q: &Option<Quantity>| q.map(|q| q.to_string()).unwrap_or_default();
    if above(&min, &max) {
        wrong("min", "min", format!("min value {} is greater than max value {}", t(&min), t(&max)));
    }
    if above(&min, &request) {
        let why = format!("min value {} is greater than default request value {}", t(&min), t(&request));
        wrong("defaultRequest", "defaultRequest", why);
    }
    if above(&request, &max) {
        let why = format!("default request value {} is greater than max value {}", t(&request), t(&max));
        wrong("defaultRequest", "defaultRequest", why);
    }
    if above(&request, &limit) {
        let why = format!("default request value {} is greater than default limit value {}", t(&request), t(&limit));
        wrong("defaultRequest", "defaultRequest", why);
    }
    if above(&min, &limit) {
        wrong("default", "min", format!("min value {} is greater than default value {}", t(&min), t(&limit)));
    }
    if above(&limit, &max) {
        wrong("default", "max", format!("default value {} is greater than max value {}", t(&limit), t(&max)));
    }
    let ratio = of("maxLimitRequestRatio");
    if let Some(r) = &ratio {
        if r.as_f64() < 1.0 {
            wrong("maxLimitRequestRatio", "maxLimitRequestRatio", format!("ratio {r} is less than 1"));
        }
        if let (Some(min), Some(max)) = (&min, &max) {
            let bound = max.as_f64() / min.as_f64();
            if r.as_f64() > bound {
                let why = format!("ratio {r} is greater than max/min = {bound:.6}");
                wrong("maxLimitRequestRatio", "maxLimitRequestRatio", why);
            }
        }
    }
    if !super::resources::overcommits(k) && limit.is_some() && request.is_some() && limit != request {
        let why = format!("default value {} must equal to defaultRequest value {} in {k}", t(&limit), t(&request));
        wrong("defaultRequest", "defaultRequest", why);
    }
    errors
}

/// The rules of ResourceQuotas.
pub const RESOURCE_QUOTA: Strategy = Strategy {
    kind: "ResourceQuota",
    default: nothing,
    validate: validate_quota,
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        errors.extend(validate_quota_spec(&new["spec"]));
        if new["spec"]["scopes"] != old["spec"]["scopes"] {
            errors.push(FieldError::invalid("spec.scopes", new["spec"]["scopes"].clone(), "field is immutable"));
        }
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| {
        remove(obj, "status");
        obj["status"] = json!({});
    },
    prepare_for_update: |new, old| copy_field(new, old, "status"),
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

fn validate_quota(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    errors.extend(validate_quota_spec(&obj["spec"]));
    errors
}

fn validate_quota_spec(spec: &Value) -> Vec<FieldError> {
    const STANDARD: [&str; 19] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
        "services.nodeports",
        "services.loadbalancers",
    ];
    const SCOPES: [&str; 7] = [
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "CrossNamespacePodAffinity",
        "VolumeAttributesClass",
    ];
    let mut errors = vec![];
    for (k, v) in entries(spec, "hard") {
        let at = keyed("spec.hard", k);
        errors.extend(resource_name(k, &at));
        let huge = k.starts_with("hugepages-") || k.starts_with("requests.hugepages-");
        if !k.contains('/') && !STANDARD.contains(&k.as_str()) && !huge {
            errors.push(FieldError::invalid(at.as_str(), k.as_str(), "must be a standard resource for quota"));
        }
        errors.extend(validate_quantity(k, v, &at));
    }
    let all = || Value::from(items(spec, "scopes").to_vec());
    let scopes: Vec<&str> = items(spec, "scopes").iter().filter_map(Value::as_str).collect();
    for s in &scopes {
        if !SCOPES.contains(s) {
            errors.push(FieldError::invalid("spec.scopes", all(), "unsupported scope"));
        }
        for (k, _) in entries(spec, "hard") {
            let standard = STANDARD.contains(&k.as_str());
            let pods = k == "pods" || k.contains("cpu") || k.contains("memory") || k.contains("ephemeral-storage");
            let fits = match *s {
                "BestEffort" => k == "pods",
                "VolumeAttributesClass" => k == "persistentvolumeclaims" || k.contains("storage"),
                _ => pods,
            };
            if standard && !fits {
                errors.push(FieldError::invalid("spec.scopes", all(), "unsupported scope applied to resource"));
            }
        }
    }
    for (a, b) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if scopes.contains(&a) && scopes.contains(&b) {
            errors.push(FieldError::invalid("spec.scopes", all(), "conflicting scopes"));
        }
    }
    errors
}

/// The rules of PodDisruptionBudgets.
pub const DISRUPTION_BUDGET: Strategy = Strategy {
    kind: "PodDisruptionBudget",
    default: nothing,
    validate: |obj| checked(obj, true, subdomain, validate_budget(&obj["spec"])),
    validate_update: |new, old| checked_update(new, old, validate_budget(&new["spec"])),
    validate_status_update: validate_meta_update,
    prepare_for_create: reset_status_begin_generation,
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

fn validate_budget(spec: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    if has(spec, "minAvailable") && has(spec, "maxUnavailable") {
        let value = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            spec["minAvailable"], spec["selector"], spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]
        );
        let why = "minAvailable and maxUnavailable cannot be both set";
        errors.push(shown(FieldErrorKind::Invalid, "spec", &value, why));
    }
    for key in ["minAvailable", "maxUnavailable"] {
        if has(spec, key) {
            errors.extend(positive_int_or_percent(spec, key, "spec"));
            errors.extend(not_more_than_all(spec, key, "spec"));
        }
    }
    errors.extend(validate_label_selector(&spec["selector"], "spec.selector"));
    let policy = text(spec, "unhealthyPodEvictionPolicy");
    if has(spec, "unhealthyPodEvictionPolicy") && !["AlwaysAllow", "IfHealthyBudget"].contains(&policy) {
        errors.push(FieldError::not_supported(
            "spec.unhealthyPodEvictionPolicy",
            policy,
            &["AlwaysAllow", "IfHealthyBudget"],
        ));
    }
    errors
}

/// The rules of PriorityClasses.
pub const PRIORITY_CLASS: Strategy = Strategy {
    kind: "PriorityClass",
    default: |obj| set_default(obj, "preemptionPolicy", "PreemptLowerPriority"),
    validate: validate_priority_class,
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        if int(new, "value") != int(old, "value") {
            errors.push(FieldError::forbidden("value", "may not be changed in an update."));
        }
        errors.extend(super::util::immutable(new, old, "preemptionPolicy", ""));
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| super::util::set_generation(obj, 1),
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn validate_priority_class(obj: &Value) -> Vec<FieldError> {
    const MOST: i64 = 1_000_000_000;
    let mut errors = validate_meta(obj, false, subdomain);
    let (name, value) = (text(&obj["metadata"], "name"), int(obj, "value"));
    if name.starts_with("system-") {
        if !["system-cluster-critical", "system-node-critical"].contains(&name) {
            let why = "priority class names with 'system-' prefix are reserved for system use only. error: system- is a reserved prefix";
            errors.push(FieldError::forbidden("metadata.name", why));
        }
    } else if value > MOST {
        let why = format!("maximum allowed value of a user defined priority is {MOST}");
        errors.push(FieldError::forbidden("value", why));
    }
    if has(obj, "preemptionPolicy") {
        errors.extend(super::util::one_of(obj, "preemptionPolicy", "", &["PreemptLowerPriority", "Never"]));
    }
    errors
}
