//! PersistentVolumeClaims, PersistentVolumes and StorageClasses. (Models ValidatePersistentVolumeClaim,
//! ValidatePersistentVolume, ValidateStorageClass and the registries of these kinds.)

use super::Strategy;
use super::affinity::validate_node_selector;
use super::meta::{checked, subdomain, validate_meta, validate_meta_update};
use super::pod_defaults::default_claim;
use super::resources::{resource_name, validate_quantity};
use super::util::{
    child, copy_field, entries, has, immutable, index, invalid_each, items, keyed, no_warnings, nothing, nothing_kept,
    object, one_of, present, set_default, set_if_absent, text,
};
use super::volumes::{validate_claim_spec, validate_persistent_source};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use crate::api::quantity::Quantity;
use serde_json::{Value, json};

/// The rules of PersistentVolumeClaims.
pub const CLAIM: Strategy = Strategy {
    kind: "PersistentVolumeClaim",
    default: default_claim,
    validate: |obj| checked(obj, true, subdomain, validate_claim_spec(&obj["spec"], "spec")),
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| {
        obj["status"] = json!({"phase": "Pending"});
        protect(obj, "kubernetes.io/pvc-protection");
    },
    prepare_for_update: |new, old| copy_field(new, old, "status"),
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

/// The finalizer that keeps what is in use. (Models the admission plugin StorageObjectInUseProtection.)
fn protect(obj: &mut Value, finalizer: &str) {
    let Some(meta) = object(obj, "metadata") else { return };
    if items(meta, "finalizers").iter().any(|f| f == finalizer) {
        return;
    }
    match meta.get_mut("finalizers").and_then(Value::as_array_mut) {
        Some(list) => list.push(finalizer.into()),
        None => meta["finalizers"] = json!([finalizer]),
    }
}

/// The rules of PersistentVolumes. The moment of the first phase is the API server's to set.
pub const VOLUME: Strategy = Strategy {
    kind: "PersistentVolume",
    default: default_volume,
    validate: validate_volume,
    validate_update: validate_volume_update,
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| {
        obj["status"] = json!({"phase": "Pending"});
        protect(obj, "kubernetes.io/pv-protection");
    },
    prepare_for_update: |new, old| copy_field(new, old, "status"),
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: volume_warnings,
};

fn default_volume(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    set_default(spec, "persistentVolumeReclaimPolicy", "Retain");
    set_if_absent(spec, "volumeMode", "Filesystem");
    if let Some(path) = present(spec, "hostPath") {
        set_if_absent(path, "type", "");
    }
    if let Some(target) = present(spec, "iscsi") {
        set_default(target, "iscsiInterface", "default");
    }
    if let Some(image) = present(spec, "rbd") {
        set_default(image, "pool", "rbd");
        set_default(image, "user", "admin");
        set_default(image, "keyring", "/etc/ceph/keyring");
    }
    if let Some(disk) = present(spec, "azureDisk") {
        set_if_absent(disk, "cachingMode", "ReadWrite");
        set_if_absent(disk, "kind", "Shared");
        set_if_absent(disk, "fsType", "ext4");
        set_if_absent(disk, "readOnly", false);
    }
    if let Some(volume) = present(spec, "scaleIO") {
        set_default(volume, "storageMode", "ThinProvisioned");
        set_default(volume, "fsType", "xfs");
    }
    if let Some(claim) = present(spec, "claimRef") {
        set_default(claim, "kind", "PersistentVolumeClaim");
        set_default(claim, "apiVersion", "v1");
    }
}

fn validate_volume(obj: &Value) -> Vec<FieldError> {
    const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    let mut errors = validate_meta(obj, false, subdomain);
    let spec = &obj["spec"];
    let modes = items(spec, "accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required("spec.accessModes", ""));
    }
    for m in modes.iter().filter(|m| !MODES.contains(&m.as_str().unwrap_or_default())) {
        errors.push(FieldError::not_supported("spec.accessModes", m.clone(), &MODES));
    }
    if modes.len() > 1 && modes.iter().any(|m| m == "ReadWriteOncePod") {
        let why = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden("spec.accessModes", why));
    }
    errors.extend(validate_capacity(spec));
    if !text(spec, "persistentVolumeReclaimPolicy").is_empty() {
        errors.extend(one_of(spec, "persistentVolumeReclaimPolicy", "spec", &["Delete", "Recycle", "Retain"]));
    }
    if has(spec, "nodeAffinity") {
        let at = "spec.nodeAffinity.required";
        match &spec["nodeAffinity"]["required"] {
            Value::Null => errors.push(FieldError::required(at, "must specify required node constraints")),
            selector => errors.extend(validate_node_selector(selector, at)),
        }
    }
    errors.extend(validate_persistent_source(spec, "spec"));
    if has(spec, "local") && !has(spec, "nodeAffinity") {
        errors.push(FieldError::required("metadata.annotations", "Local volume requires node affinity"));
    }
    let root = text(&spec["hostPath"], "path") == "/";
    if root && text(spec, "persistentVolumeReclaimPolicy") == "Recycle" {
        let why = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(FieldError::forbidden("spec.persistentVolumeReclaimPolicy", why));
    }
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        errors.extend(invalid_each("spec.storageClassName", class, subdomain(class, false)));
    }
    if has(spec, "volumeMode") {
        errors.extend(one_of(spec, "volumeMode", "spec", &["Block", "Filesystem"]));
    }
    errors
}

/// A volume has a size and nothing else.
fn validate_capacity(spec: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    let count = entries(spec, "capacity").count();
    if count == 0 {
        errors.push(FieldError::required("spec.capacity", ""));
    }
    if !has(&spec["capacity"], "storage") || count > 1 {
        errors.push(FieldError::not_supported("spec.capacity", spec["capacity"].clone(), &["storage"]));
    }
    for (k, v) in entries(spec, "capacity") {
        let at = keyed("spec.capacity", k);
        errors.extend(resource_name(k, &at));
        let wrong = validate_quantity(k, v, &at);
        let size = v.as_str().and_then(|s| s.parse::<Quantity>().ok());
        if wrong.is_empty() && size.is_some_and(|q| q <= Quantity::default()) {
            errors.push(FieldError::invalid(at, v.clone(), "must be greater than zero"));
        }
        errors.extend(wrong);
    }
    errors
}

fn validate_volume_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_volume(new);
    errors.extend(validate_meta_update(new, old));
    let source = |v: &Value| -> Value {
        let sources =
            v["spec"].as_object().into_iter().flatten().filter(|(k, _)| super::volumes::is_persistent_source(k));
        sources.map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    if source(new) != source(old) {
        let why = "spec.persistentvolumesource is immutable after creation";
        errors.push(FieldError::forbidden("spec.persistentvolumesource", why));
    }
    errors.extend(immutable(&new["spec"], &old["spec"], "volumeMode", "").into_iter().map(|mut e| {
        e.field = "volumeMode".into();
        e
    }));
    if has(&old["spec"], "nodeAffinity") && new["spec"]["nodeAffinity"] != old["spec"]["nodeAffinity"] {
        let mut e = immutable(&new["spec"], &old["spec"], "nodeAffinity", "");
        e.iter_mut().for_each(|e| e.field = "nodeAffinity".into());
        errors.extend(e);
    }
    errors
}

/// Plugins that are going, and a node affinity that names nodes by an old label.
fn volume_warnings(new: &Value, _: Option<&Value>) -> Vec<String> {
    let spec = &new["spec"];
    let mut warnings = vec![];
    let class = "volume.beta.kubernetes.io/storage-class";
    if has(&new["metadata"]["annotations"], class) {
        let at = keyed("metadata.annotations", class);
        warnings.push(format!("{at}: deprecated since v1.8; use \"storageClassName\" attribute instead"));
    }
    if text(spec, "persistentVolumeReclaimPolicy") == "Recycle" {
        warnings.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".into());
    }
    let gone = |what: &str, since: &str, tail: &str| format!("spec.{what}: deprecated in {since}{tail}");
    for (key, since, tail) in [
        ("photonPersistentDisk", "v1.11", ", non-functional in v1.16+"),
        ("scaleIO", "v1.16", ", non-functional in v1.22+"),
        ("storageos", "v1.22", ", non-functional in v1.25+"),
        ("glusterfs", "v1.25", ", non-functional in v1.26+"),
        ("cephfs", "v1.28", ", non-functional in v1.31+"),
        ("rbd", "v1.28", ", non-functional in v1.31+"),
    ] {
        if has(spec, key) {
            warnings.push(gone(key, since, tail));
        }
    }
    let selector = &spec["nodeAffinity"]["required"];
    warnings.extend(super::pod_warnings::node_selector_warnings(selector, "spec.nodeAffinity.required"));
    warnings
}

/// The rules of StorageClasses.
pub const CLASS: Strategy = Strategy {
    kind: "StorageClass",
    default: |obj| {
        set_if_absent(obj, "reclaimPolicy", "Delete");
        set_if_absent(obj, "volumeBindingMode", "Immediate");
    },
    validate: validate_class,
    validate_update: |new, old| {
        let mut errors = validate_class(new);
        errors.extend(validate_meta_update(new, old));
        for key in ["parameters", "provisioner", "reclaimPolicy"] {
            if new[key] != old[key] {
                errors.push(FieldError::forbidden(key, format!("updates to {key} are forbidden.")));
            }
        }
        errors.extend(immutable(new, old, "volumeBindingMode", ""));
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn validate_class(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, false, subdomain);
    match text(obj, "provisioner") {
        "" => errors.push(FieldError::required("provisioner", "")),
        p => errors.extend(invalid_each("provisioner", p, names::is_qualified_name(&p.to_lowercase()))),
    }
    if entries(obj, "parameters").count() > 512 {
        errors.push(FieldError {
            kind: FieldErrorKind::TooLong,
            field: "parameters".into(),
            value: None,
            detail: "may not be more than 512 bytes".into(),
        });
    }
    for (k, _) in entries(obj, "parameters").filter(|(k, _)| k.is_empty()) {
        errors.push(FieldError::invalid("parameters", k.as_str(), "field can not be empty."));
    }
    if has(obj, "reclaimPolicy") {
        errors.extend(one_of(obj, "reclaimPolicy", "", &["Delete", "Retain"]));
    }
    errors.extend(one_of(obj, "volumeBindingMode", "", &["Immediate", "WaitForFirstConsumer"]));
    for (i, term) in items(obj, "allowedTopologies").iter().enumerate() {
        for (j, e) in items(term, "matchLabelExpressions").iter().enumerate() {
            let at = index(&child(&index("allowedTopologies", i), "matchLabelExpressions"), j);
            errors.extend(names::validate_label_name(text(e, "key"), &child(&at, "key")));
            if items(e, "values").is_empty() {
                errors.push(FieldError::required(child(&at, "values"), ""));
            }
        }
    }
    errors
}

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
