//! Where a pod may go: affinity, tolerations, spreading. (Models validateAffinity, ValidateTolerations and
//! validateTopologySpreadConstraints.)

use super::meta::{label, validate_label_selector};
use super::node::taint_effect;
use super::util::{child, entries, has, index, int, invalid_each, items, text};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;
use std::collections::BTreeSet;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `spec.affinity`.
pub fn validate_affinity(affinity: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let node = &affinity["nodeAffinity"];
    let at = child(path, "nodeAffinity");
    if has(node, REQUIRED) {
        errors.extend(validate_node_selector(&node[REQUIRED], &child(&at, REQUIRED)));
    }
    for (i, term) in items(node, PREFERRED).iter().enumerate() {
        let at = index(&child(&at, PREFERRED), i);
        errors.extend(weight(term, &at));
        // Values of preferences are not looked at: a preference that matches nothing does no harm.
        errors.extend(node_selector_term(&term["preference"], true, &child(&at, "preference")));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let (part, at) = (&affinity[kind], child(path, kind));
        for (i, term) in items(part, REQUIRED).iter().enumerate() {
            errors.extend(pod_affinity_term(term, &index(&child(&at, REQUIRED), i)));
        }
        for (i, term) in items(part, PREFERRED).iter().enumerate() {
            let at = index(&child(&at, PREFERRED), i);
            errors.extend(weight(term, &at));
            errors.extend(pod_affinity_term(&term["podAffinityTerm"], &child(&at, "podAffinityTerm")));
        }
    }
    errors
}

fn weight(term: &Value, path: &str) -> Vec<FieldError> {
    let w = int(term, "weight");
    if (1..=100).contains(&w) {
        return vec![];
    }
    vec![FieldError::invalid(child(path, "weight"), w, "must be in the range 1-100")]
}

/// A node selector: at least one term.
pub fn validate_node_selector(selector: &Value, path: &str) -> Vec<FieldError> {
    let at = child(path, "nodeSelectorTerms");
    let terms = items(selector, "nodeSelectorTerms");
    if terms.is_empty() {
        return vec![FieldError::required(at, "must have at least one node selector term")];
    }
    terms.iter().enumerate().flat_map(|(i, t)| node_selector_term(t, false, &index(&at, i))).collect()
}

fn node_selector_term(term: &Value, any_value: bool, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (i, r) in items(term, "matchExpressions").iter().enumerate() {
        errors.extend(node_requirement(r, any_value, &index(&child(path, "matchExpressions"), i)));
    }
    for (i, r) in items(term, "matchFields").iter().enumerate() {
        errors.extend(node_field_requirement(r, &index(&child(path, "matchFields"), i)));
    }
    errors
}

fn node_requirement(r: &Value, any_value: bool, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let values = items(r, "values");
    let at = child(path, "values");
    match text(r, "operator") {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(FieldError::required(at.as_str(), "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
            at.as_str(),
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        "Gt" | "Lt" if values.len() != 1 => errors
            .push(FieldError::required(at.as_str(), "must be specified single value when `operator` is 'Lt' or 'Gt'")),
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.push(FieldError::invalid(child(path, "operator"), other, "not a valid selector operator")),
    }
    errors.extend(names::validate_label_name(text(r, "key"), &child(path, "key")));
    if !any_value {
        for (i, v) in values.iter().enumerate() {
            let v = v.as_str().unwrap_or_default();
            errors.extend(invalid_each(&index(&at, i), v, names::is_label_value(v)));
        }
    }
    errors
}

fn node_field_requirement(r: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let values = items(r, "values");
    match text(r, "operator") {
        "In" | "NotIn" if values.len() != 1 => errors.push(FieldError::required(
            child(path, "values"),
            "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        )),
        "In" | "NotIn" => {}
        other => errors.push(FieldError::invalid(child(path, "operator"), other, "not a valid selector operator")),
    }
    let key = text(r, "key");
    if key != "metadata.name" {
        errors.push(FieldError::invalid(child(path, "key"), key, "not a valid field selector key"));
        return errors;
    }
    for (i, v) in values.iter().enumerate() {
        let v = v.as_str().unwrap_or_default();
        errors.extend(invalid_each(&index(&child(path, "values"), i), v, names::is_dns1123_subdomain(v)));
    }
    errors
}

fn pod_affinity_term(term: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for key in ["labelSelector", "namespaceSelector"] {
        errors.extend(validate_label_selector(&term[key], &child(path, key)));
    }
    for ns in items(term, "namespaces") {
        let ns = ns.as_str().unwrap_or_default();
        errors.extend(invalid_each(&child(path, "namespace"), ns, label(ns, false)));
    }
    errors.extend(label_keys_of_term(term, path));
    let key = text(term, "topologyKey");
    if key.is_empty() {
        errors.push(FieldError::required(child(path, "topologyKey"), "can not be empty"));
    }
    errors.extend(names::validate_label_name(key, &child(path, "topologyKey")));
    errors
}

fn texts<'a>(v: &'a Value, key: &str) -> Vec<&'a str> {
    items(v, key).iter().filter_map(Value::as_str).collect()
}

/// Keys whose values come from the pod itself. When this runs they stand in the selector once already.
fn label_keys_of_term(term: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let selector = &term["labelSelector"];
    let (matching, differing) = (texts(term, "matchLabelKeys"), texts(term, "mismatchLabelKeys"));
    for (list, key) in [(&matching, "matchLabelKeys"), (&differing, "mismatchLabelKeys")] {
        let at = child(path, key);
        if list.is_empty() {
            continue;
        }
        if selector.is_null() {
            errors.push(FieldError::forbidden(at, "must not be specified when labelSelector is not set"));
            continue;
        }
        for (i, k) in list.iter().enumerate() {
            errors.extend(names::validate_label_name(k, &index(&at, i)));
        }
    }
    let mut seen: BTreeSet<&str> = entries(selector, "matchLabels").map(|(k, _)| k.as_str()).collect();
    for e in items(selector, "matchExpressions") {
        let key = text(e, "key");
        let position = matching.iter().rposition(|k| *k == key);
        if let Some(i) = position
            && seen.contains(key)
        {
            errors.push(FieldError::invalid(index(path, i), key, "exists in both matchLabelKeys and labelSelector"));
        }
        seen.insert(key);
    }
    for (i, k) in matching.iter().enumerate().filter(|(_, k)| differing.contains(*k)) {
        errors.push(FieldError::invalid(
            index(&child(path, "matchLabelKeys"), i),
            *k,
            "exists in both matchLabelKeys and mismatchLabelKeys",
        ));
    }
    errors
}

/// `spec.tolerations`.
pub fn validate_tolerations(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (i, t) in items(spec, "tolerations").iter().enumerate() {
        let at = index(path, i);
        let (key, operator) = (text(t, "key"), text(t, "operator"));
        let (value, effect) = (text(t, "value"), text(t, "effect"));
        if key.is_empty() {
            if operator != "Exists" {
                errors.push(FieldError::invalid(
                    child(&at, "operator"),
                    operator,
                    "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
                ));
            }
        } else {
            errors.extend(names::validate_label_name(key, &child(&at, "key")));
        }
        if has(t, "tolerationSeconds") && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(child(&at, "effect"), effect, why));
        }
        match operator {
            "Equal" | "" => {
                let wrong = names::is_label_value(value);
                if !wrong.is_empty() {
                    errors.push(FieldError::invalid(child(&at, "operator"), value, wrong.join(";")));
                }
            }
            "Exists" => {
                if !value.is_empty() {
                    let why = "value must be empty when `operator` is 'Exists'";
                    errors.push(FieldError::invalid(child(&at, "operator"), value, why));
                }
            }
            // Lt and Gt are known, but their gate is off.
            other => {
                errors.push(FieldError::not_supported(child(&at, "operator"), other, &["Equal", "Exists", "Lt", "Gt"]))
            }
        }
        if !effect.is_empty() {
            errors.extend(taint_effect(effect, true, &child(&at, "effect")));
        }
    }
    errors
}

/// `spec.topologySpreadConstraints`.
pub fn validate_spread(spec: &Value, path: &str) -> Vec<FieldError> {
    let all = items(spec, "topologySpreadConstraints");
    let mut errors = vec![];
    for (i, c) in all.iter().enumerate() {
        let at = index(path, i);
        let (key, when) = (text(c, "topologyKey"), text(c, "whenUnsatisfiable"));
        if int(c, "maxSkew") <= 0 {
            errors.push(FieldError::invalid(child(&at, "maxSkew"), int(c, "maxSkew"), "must be greater than zero"));
        }
        if key.is_empty() {
            errors.push(FieldError::required(child(&at, "topologyKey"), "can not be empty"));
        }
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        if !actions.contains(&when) {
            errors.push(FieldError::not_supported(child(&at, "whenUnsatisfiable"), when, &actions));
        }
        if all[i + 1..].iter().any(|o| text(o, "topologyKey") == key && text(o, "whenUnsatisfiable") == when) {
            let both = child(&at, "{topologyKey, whenUnsatisfiable}");
            errors.push(FieldError::duplicate(both, format!("{{{key}, {when}}}")));
        }
        if let Some(n) = c["minDomains"].as_i64() {
            let at = child(&at, "minDomains");
            if n <= 0 {
                errors.push(FieldError::invalid(at.as_str(), n, "must be greater than zero"));
            }
            if when != "DoNotSchedule" {
                let why = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}");
                errors.push(FieldError::invalid(at, n, why));
            }
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            let value = text(c, policy);
            if has(c, policy) && !["Honor", "Ignore"].contains(&value) {
                errors.push(FieldError::not_supported(child(&at, policy), value, &["Honor", "Ignore"]));
            }
        }
        errors.extend(label_keys_of_constraint(c, &child(&at, "matchLabelKeys")));
        errors.extend(validate_label_selector(&c["labelSelector"], &child(&at, "labelSelector")));
    }
    errors
}

fn label_keys_of_constraint(c: &Value, path: &str) -> Vec<FieldError> {
    let keys = texts(c, "matchLabelKeys");
    let selector = &c["labelSelector"];
    let mut errors = vec![];
    if keys.is_empty() {
        return errors;
    }
    if selector.is_null() {
        errors.push(FieldError::forbidden(path, "must not be specified when labelSelector is not set"));
    }
    // A key stands in the selector once by itself (added on create); a second time it is the user's.
    let mut selected: Vec<&str> = entries(selector, "matchLabels").map(|(k, _)| k.as_str()).collect();
    let expressions = items(selector, "matchExpressions");
    selected.extend(expressions.iter().map(|e| text(e, "key")));
    for (i, k) in keys.iter().enumerate() {
        errors.extend(names::validate_label_name(k, &index(path, i)));
        let added = expressions.iter().filter(|e| text(e, "key") == *k && text(e, "operator") == "In").count().min(1);
        if selected.iter().filter(|s| *s == k).count() > added {
            errors.push(FieldError::invalid(index(path, i), *k, "exists in both matchLabelKeys and labelSelector"));
        }
    }
    errors
}

/// Adds to selectors what `matchLabelKeys` and `mismatchLabelKeys` mean for this pod. (Models
/// applyMatchLabelKeysAndMismatchLabelKeys of the pod strategy.)
pub fn apply_label_keys(spec: &mut Value, labels: &Value) {
    let merge = |term: &mut Value| {
        if !has(term, "labelSelector") {
            return;
        }
        let wanted: Vec<(String, &str)> = [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")]
            .into_iter()
            .flat_map(|(key, op)| texts(term, key).into_iter().map(move |k| (k.to_owned(), op)))
            .collect();
        for (key, operator) in wanted {
            let Some(value) = labels[&key].as_str() else { continue };
            let e = serde_json::json!({"key": key, "operator": operator, "values": [value]});
            match term["labelSelector"].get_mut("matchExpressions").and_then(Value::as_array_mut) {
                Some(list) => list.push(e),
                None => term["labelSelector"]["matchExpressions"] = serde_json::json!([e]),
            }
        }
    };
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(part) = spec.get_mut("affinity").and_then(|a| a.get_mut(kind)) else { continue };
        for term in super::util::items_mut(part, REQUIRED) {
            merge(term);
        }
        for weighted in super::util::items_mut(part, PREFERRED) {
            if let Some(term) = weighted.get_mut("podAffinityTerm") {
                merge(term);
            }
        }
    }
    for constraint in super::util::items_mut(spec, "topologySpreadConstraints") {
        merge(constraint);
    }
}
