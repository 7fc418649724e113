//! PersistentVolumeClaims. (Models ValidatePersistentVolumeClaim and pkg/registry/core/persistentvolumeclaim.)

use super::Strategy;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::pod_defaults::default_claim;
use super::util::{copy_field, immutable, no_warnings, object, text};
use super::volumes::validate_claim_spec;
use crate::api::error::FieldError;
use crate::api::quantity::Quantity;
use serde_json::{Value, json};

/// The rules of PersistentVolumeClaims.
pub const CLAIM: Strategy = Strategy {
    kind: "PersistentVolumeClaim",
    default: default_claim,
    validate: |obj| {
        let mut errors = validate_meta(obj, true, subdomain);
        errors.extend(validate_claim_spec(&obj["spec"], "spec"));
        errors
    },
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| obj["status"] = json!({"phase": "Pending"}),
    prepare_for_update: |new, old| copy_field(new, old, "status"),
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

/// Once made, a claim stays: only a bound one may grow, or change the class of its attributes.
fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_claim_spec(&new["spec"], "spec"));
    let (mut now, mut was) = (new["spec"].clone(), old["spec"].clone());
    if text(&was, "volumeName").is_empty() {
        copy_field(&mut was, &new["spec"], "volumeName");
    }
    if now["storageClassName"].is_string() && was["storageClassName"].is_null() {
        copy_field(&mut now, &old["spec"], "storageClassName");
    }
    if new["status"]["phase"] == "Bound" {
        if let Some(requests) = object(&mut now, "resources").and_then(|r| object(r, "requests")) {
            copy_field(requests, &old["spec"]["resources"]["requests"], "storage");
        }
        copy_field(&mut now, &old["spec"], "volumeAttributesClassName");
    }
    if now != was {
        errors.push(FieldError::forbidden(
            "spec",
            format!(
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{}",
                claim_difference(&was, &now)
            ),
        ));
    }
    let size = |v: &Value| v.as_str().and_then(|s| s.parse::<Quantity>().ok()).unwrap_or_default();
    let storage = |v: &Value| size(&v["spec"]["resources"]["requests"]["storage"]);
    let held = size(&old["status"]["capacity"]["storage"]);
    if storage(new) < storage(old) && storage(new) <= held {
        errors.push(FieldError::forbidden(
            "spec.resources.requests.storage",
            "field can not be less than status.capacity",
        ));
    }
    errors.extend(immutable(&new["spec"], &old["spec"], "volumeMode", "").into_iter().map(|mut e| {
        e.field = "volumeMode".into();
        e
    }));
    errors
}

/// The difference as upstream's structures print it: every field, in their order.
fn claim_difference(old: &Value, new: &Value) -> String {
    let part = |v: &Value| v.to_string();
    let lines = |spec: &Value| -> String {
        let amounts = |list: &str| match spec["resources"][list].as_object().filter(|o| !o.is_empty()) {
            None => "null".to_owned(),
            Some(o) => {
                let rows: Vec<String> = o.iter().map(|(k, v)| format!("   \"{k}\": {v}")).collect();
                format!("{{\n{}\n  }}", rows.join(",\n"))
            }
        };
        let modes: Vec<String> =
            spec["accessModes"].as_array().into_iter().flatten().map(|m| format!("  {m}")).collect();
        format!(
            "{{\n \"AccessModes\": [\n{}\n ],\n \"Selector\": {},\n \"Resources\": {{\n  \"Limits\": {},\n  \"Requests\": {}\n }},\n \"VolumeName\": {},\n \"StorageClassName\": {},\n \"VolumeMode\": {},\n \"DataSource\": {},\n \"DataSourceRef\": {},\n \"VolumeAttributesClassName\": {}\n}}\n",
            modes.join(",\n"),
            part(&spec["selector"]),
            amounts("limits"),
            amounts("requests"),
            Value::from(text(spec, "volumeName")),
            part(&spec["storageClassName"]),
            part(&spec["volumeMode"]),
            part(&spec["dataSource"]),
            part(&spec["dataSourceRef"]),
            part(&spec["volumeAttributesClassName"]),
        )
    };
    let (a, b) = (lines(old), lines(new));
    similar::TextDiff::from_lines(&a, &b).unified_diff().context_radius(3).to_string()
}
