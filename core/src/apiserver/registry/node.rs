//! Nodes. (Models ValidateNode and pkg/registry/core/node.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::util::{child, copy_field, index, items, no_warnings, nothing, object, text};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;
use std::collections::BTreeSet;

/// The rules of Nodes.
pub const STRATEGY: Strategy = Strategy {
    kind: "Node",
    default: |obj| {
        object(obj, "spec");
    },
    validate,
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: |new, old| copy_field(new, old, "status"),
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, false, subdomain);
    errors.extend(validate_taints(&obj["spec"], "spec"));
    errors
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_taints(&new["spec"], "spec"));
    let (now, before) = (text(&new["spec"], "providerID"), text(&old["spec"], "providerID"));
    if !before.is_empty() && now != before {
        errors.push(FieldError::forbidden(
            "spec.providerID",
            "node updates may not change providerID except from \"\" to valid",
        ));
    }
    errors
}

/// The taints of a node: keys, values, effects, and no pair of key and effect twice.
fn validate_taints(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (i, t) in items(spec, "taints").iter().enumerate() {
        let at = index(&child(path, "taints"), i);
        errors.extend(names::validate_label_name(text(t, "key"), &child(&at, "key")));
        let wrong = names::is_label_value(text(t, "value"));
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(child(&at, "value"), text(t, "value"), wrong.join(";")));
        }
        let effect = text(t, "effect");
        errors.extend(taint_effect(effect, false, &child(&at, "effect")));
        if !seen.insert((text(t, "key"), effect)) {
            let mut e = FieldError::duplicate(at, t.clone());
            e.detail = "taints must be unique by key and effect pair".into();
            errors.push(e);
        }
    }
    errors
}

/// The effect of a taint or toleration. (Models validateTaintEffect.)
pub fn taint_effect(effect: &str, allow_empty: bool, path: &str) -> Vec<FieldError> {
    match effect {
        "" if !allow_empty => vec![FieldError::required(path, "")],
        "NoSchedule" | "PreferNoSchedule" | "NoExecute" => vec![],
        other => {
            vec![FieldError::not_supported(path, other, &["NoSchedule", "PreferNoSchedule", "NoExecute"])]
        }
    }
}
