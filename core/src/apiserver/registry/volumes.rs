//! Volumes of pods, and what a claim must say. (Models ValidateVolumes and ValidatePersistentVolumeClaimSpec.)

use super::containers::{local_path, no_backsteps, unreserved_path, validate_field_ref, validate_resource_field_ref};
use super::meta::{subdomain, validate_label_selector};
use super::resources::validate_quantity;
use super::util::{child, has, index, int, invalid_each, items, keyed, shown, text};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use crate::api::quantity::Quantity;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Sources in upstream's order of checks, with the path a second one is refused at.
pub const SOURCES: [(&str, &str); 30] = [
    ("emptyDir", "emptyDir"),
    ("hostPath", "hostPath"),
    ("gitRepo", "gitRepo"),
    ("gcePersistentDisk", "gcePersistentDisk"),
    ("awsElasticBlockStore", "awsElasticBlockStore"),
    ("secret", "secret"),
    ("nfs", "nfs"),
    ("iscsi", "iscsi"),
    ("glusterfs", "glusterfs"),
    ("flocker", "flocker"),
    ("persistentVolumeClaim", "persistentVolumeClaim"),
    ("rbd", "rbd"),
    ("cinder", "cinder"),
    ("cephfs", "cephFS"),
    ("quobyte", "quobyte"),
    ("downwardAPI", "downwarAPI"),
    ("fc", "fc"),
    ("flexVolume", "flexVolume"),
    ("configMap", "configMap"),
    ("azureFile", "azureFile"),
    ("vsphereVolume", "vsphereVolume"),
    ("photonPersistentDisk", "photonPersistentDisk"),
    ("portworxVolume", "portworxVolume"),
    ("azureDisk", "azureDisk"),
    ("storageos", "storageos"),
    ("projected", "projected"),
    ("scaleIO", "scaleIO"),
    ("csi", "csi"),
    ("ephemeral", "ephemeral"),
    ("image", "image"),
];

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";

/// All volumes of a spec: those in order by name, and what is wrong with the others.
pub fn validate_volumes<'a>(
    spec: &'a Value,
    meta: &Value,
    path: &str,
) -> (BTreeMap<&'a str, &'a Value>, Vec<FieldError>) {
    let mut errors = vec![];
    let mut names_seen = BTreeSet::new();
    let mut good = BTreeMap::new();
    for (i, v) in items(spec, "volumes").iter().enumerate() {
        let at = index(path, i);
        let name = text(v, "name");
        let mut wrong = validate_source(v, text(meta, "name"), &at);
        let named = child(&at, "name");
        if name.is_empty() {
            wrong.push(FieldError::required(named, ""));
        } else {
            let reasons = names::is_dns1123_label(name);
            if !reasons.is_empty() {
                wrong.extend(invalid_each(&named, name, reasons));
            } else if names_seen.contains(name) {
                wrong.push(FieldError::duplicate(named, name));
            }
        }
        if wrong.is_empty() {
            names_seen.insert(name);
            good.insert(name, v);
        } else {
            errors.extend(wrong);
        }
    }
    errors.extend(claim_conflicts(&good, text(meta, "name"), spec, path));
    (good, errors)
}

/// A claim made for an ephemeral volume and one named by another volume must differ.
fn claim_conflicts(volumes: &BTreeMap<&str, &Value>, pod: &str, spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if pod.is_empty() {
        return errors;
    }
    let made: BTreeSet<String> =
        volumes.iter().filter(|(_, v)| has(v, "ephemeral")).map(|(n, _)| format!("{pod}-{n}")).collect();
    for (i, v) in items(spec, "volumes").iter().enumerate() {
        let claim = text(&v["persistentVolumeClaim"], "claimName");
        if made.contains(claim) {
            errors.push(FieldError::invalid(
                child(&index(path, i), "persistentVolumeClaim.claimName"),
                claim,
                "must not reference a PVC that gets created for an ephemeral volume",
            ));
        }
    }
    errors
}

fn validate_source(v: &Value, pod: &str, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut found = false;
    for (source, refused_at) in SOURCES.iter().filter(|(s, _)| has(v, s)) {
        if found {
            errors.push(FieldError::forbidden(child(path, refused_at), "may not specify more than 1 volume type"));
            continue;
        }
        found = true;
        let (part, at) = (&v[*source], child(path, source));
        errors.extend(match *source {
            "emptyDir" => empty_dir(part, &at),
            "hostPath" => host_path(part, &at),
            "secret" => key_source(part, "secretName", &at),
            "configMap" => key_source(part, "name", &at),
            "persistentVolumeClaim" => required(part, &["claimName"], &at),
            "downwardAPI" => downward(part, &at),
            "projected" => projected(part, &at),
            "ephemeral" => ephemeral(v, pod, path),
            "nfs" => nfs(part, &at),
            "gitRepo" => {
                let mut errors = required(part, &["repository"], &at);
                errors.extend(local_path(text(part, "directory"), &child(&at, "directory")));
                errors
            }
            "csi" => csi(part, &at),
            "image" => image(part, &at),
            "gcePersistentDisk" => required(part, &["pdName"], &child(path, "persistentDisk")),
            other => required(part, required_fields(other), &at),
        });
    }
    if !found {
        errors.push(FieldError::required(path, "must specify a volume type"));
    }
    errors
}

/// What a PersistentVolume can stand for, in upstream's order of checks.
const PERSISTENT_SOURCES: [&str; 22] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

/// Is this field of a PersistentVolume's spec a source?
pub fn is_persistent_source(key: &str) -> bool {
    PERSISTENT_SOURCES.contains(&key)
}

/// Exactly one source of a PersistentVolume. (Models ValidatePersistentVolumeSpec.)
pub fn validate_persistent_source(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut found = false;
    for source in PERSISTENT_SOURCES.iter().filter(|s| has(spec, s)) {
        let (part, at) = (&spec[*source], child(path, source));
        if found {
            errors.push(FieldError::forbidden(at, "may not specify more than 1 volume type"));
            continue;
        }
        found = true;
        errors.extend(match *source {
            "hostPath" => host_path(part, &at),
            "nfs" => nfs(part, &at),
            "local" => {
                let mut errors = required(part, &["path"], &at);
                errors.extend(no_backsteps(text(part, "path"), &child(&at, "path")));
                errors
            }
            "csi" => required(part, &["driver", "volumeHandle"], &at),
            "gcePersistentDisk" => required(part, &["pdName"], &at),
            other => required(part, required_fields(other), &at),
        });
    }
    if !found {
        errors.push(FieldError::required(path, "must specify a volume type"));
    }
    errors
}

/// Fields that sources of elsewhere cannot do without; more is not looked at.
fn required_fields(source: &str) -> &'static [&'static str] {
    match source {
        "awsElasticBlockStore" | "cinder" | "portworxVolume" => &["volumeID"],
        "iscsi" => &["targetPortal", "iqn"],
        "glusterfs" => &["endpoints", "path"],
        "rbd" => &["monitors", "image"],
        "cephfs" => &["monitors"],
        "quobyte" => &["registry", "volume"],
        "flexVolume" => &["driver"],
        "azureFile" => &["secretName", "shareName"],
        "vsphereVolume" => &["volumePath"],
        "photonPersistentDisk" => &["pdID"],
        "azureDisk" => &["diskName", "diskURI"],
        "storageos" => &["volumeName"],
        "scaleIO" => &["gateway", "system", "volumeName"],
        _ => &[],
    }
}

fn required(v: &Value, keys: &[&str], path: &str) -> Vec<FieldError> {
    keys.iter()
        .filter(|k| match &v[**k] {
            Value::String(s) => s.is_empty(),
            Value::Array(a) => a.is_empty(),
            other => other.is_null(),
        })
        .map(|k| FieldError::required(child(path, k), ""))
        .collect()
}

fn mode(v: &Value, key: &str, path: &str) -> Vec<FieldError> {
    match v[key].as_i64() {
        Some(n) if !(0..=0o777).contains(&n) => vec![FieldError::invalid(child(path, key), n, MODE)],
        _ => vec![],
    }
}

fn empty_dir(v: &Value, path: &str) -> Vec<FieldError> {
    let limit = v["sizeLimit"].as_str().and_then(|s| s.parse::<Quantity>().ok());
    if limit.is_some_and(|q| q < Quantity::default()) {
        let why = "SizeLimit field must be a valid resource quantity";
        return vec![FieldError::forbidden(child(path, "sizeLimit"), why)];
    }
    vec![]
}

fn host_path(v: &Value, path: &str) -> Vec<FieldError> {
    const TYPES: [&str; 8] =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    let p = text(v, "path");
    if p.is_empty() {
        return vec![FieldError::required(child(path, "path"), "")];
    }
    let mut errors = no_backsteps(p, &child(path, "path"));
    let kind = text(v, "type");
    if has(v, "type") && !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(child(path, "type"), kind, &TYPES));
    }
    errors
}

fn key_source(v: &Value, name: &str, path: &str) -> Vec<FieldError> {
    let mut errors = required(v, &[name], path);
    errors.extend(mode(v, "defaultMode", path));
    for (i, item) in items(v, "items").iter().enumerate() {
        errors.extend(key_to_path(item, &index(&child(path, "items"), i)));
    }
    errors
}

fn key_to_path(item: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = required(item, &["key", "path"], path);
    errors.extend(unreserved_path(text(item, "path"), &child(path, "path")));
    errors.extend(mode(item, "mode", path));
    errors
}

fn downward(v: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = mode(v, "defaultMode", path);
    errors.extend(items(v, "items").iter().flat_map(|f| downward_file(f, path)));
    errors
}

fn downward_file(f: &Value, path: &str) -> Vec<FieldError> {
    const FIELDS: [&str; 5] =
        ["metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"];
    let mut errors = required(f, &["path"], path);
    errors.extend(unreserved_path(text(f, "path"), &child(path, "path")));
    if has(f, "fieldRef") {
        errors.extend(validate_field_ref(&f["fieldRef"], &FIELDS, &child(path, "fieldRef")));
        if has(f, "resourceFieldRef") {
            let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(FieldError::invalid(path, "resource", why));
        }
    } else if has(f, "resourceFieldRef") {
        errors.extend(validate_resource_field_ref(&f["resourceFieldRef"], true, &child(path, "resourceFieldRef")));
    } else {
        errors.push(FieldError::required(path, "one of fieldRef and resourceFieldRef is required"));
    }
    errors.extend(mode(f, "mode", path));
    errors
}

fn projected(v: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = mode(v, "defaultMode", path);
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    for (i, source) in items(v, "sources").iter().enumerate() {
        let at = index(&child(path, "sources"), i);
        let mut count = 0;
        for kind in
            ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"]
        {
            let part = &source[kind];
            if part.is_null() {
                continue;
            }
            count += 1;
            let here = child(&at, kind);
            match kind {
                "secret" | "configMap" => {
                    errors.extend(required(part, &["name"], &here));
                    for (j, item) in items(part, "items").iter().enumerate() {
                        errors.extend(key_to_path(item, &index(&child(&here, "items"), j)));
                        let p = text(item, "path");
                        if !p.is_empty() && !paths.insert(p) {
                            let why = "conflicting duplicate paths";
                            errors.push(FieldError::invalid(path, text(part, "name"), why));
                        }
                    }
                }
                "downwardAPI" => {
                    for f in items(part, "items") {
                        errors.extend(downward_file(f, &here));
                        errors.extend(claim_path(text(f, "path"), &mut paths, path));
                    }
                }
                "serviceAccountToken" => errors.extend(token(part, path, &here)),
                "clusterTrustBundle" => {
                    errors.extend(trust_bundle(part, &here));
                    errors.extend(claim_path(text(part, "path"), &mut paths, path));
                }
                _ => {
                    errors.extend(certificate(part, &here));
                    for key in ["credentialBundlePath", "keyPath", "certificateChainPath"] {
                        errors.extend(claim_path(text(part, key), &mut paths, path));
                    }
                }
            }
        }
        if count > 1 {
            errors.push(FieldError::forbidden(at, "may not specify more than 1 volume type per source"));
        }
    }
    errors
}

fn claim_path<'a>(p: &'a str, paths: &mut BTreeSet<&'a str>, path: &str) -> Vec<FieldError> {
    if p.is_empty() || paths.insert(p) {
        return vec![];
    }
    vec![FieldError::invalid(path, p, "conflicting duplicate paths")]
}

fn token(t: &Value, volume: &str, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let seconds = int(t, "expirationSeconds");
    let at = child(path, "expirationSeconds");
    if seconds < 600 {
        errors.push(FieldError::invalid(at.as_str(), seconds, "may not specify a duration less than 10 minutes"));
    }
    if seconds > 1 << 32 {
        errors.push(FieldError::invalid(at, seconds, "may not specify a duration larger than 2^32 seconds"));
    }
    match text(t, "path") {
        "" => errors.push(FieldError::required(child(volume, "path"), "")),
        p => errors.extend(unreserved_path(p, &child(volume, "path"))),
    }
    errors
}

/// `example.com/signer-name`. (Models ValidateSignerName.)
fn signer_name(name: &str, path: &str) -> Vec<FieldError> {
    if name.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let parts: Vec<&str> = name.split('/').collect();
    let [domain, rest] = parts.as_slice() else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return vec![FieldError::invalid(path, name, why)];
    };
    let mut errors = vec![];
    for part in [domain, rest] {
        errors.extend(
            names::is_dns1123_subdomain(part)
                .into_iter()
                .map(|r| FieldError::invalid(path, *part, format!("validating label {part:?}: {r}"))),
        );
    }
    if domain.split('.').count() < 2 {
        errors.push(FieldError::invalid(
            path,
            *domain,
            "should be a domain with at least two segments separated by dots",
        ));
    }
    errors
}

fn trust_bundle(b: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let selector = &b["labelSelector"];
    match (has(b, "name"), has(b, "signerName")) {
        (true, true) => {
            let part = |v: &Value| v.to_string();
            let value = format!(
                "{{\"Name\":{},\"SignerName\":{},\"LabelSelector\":{},\"Optional\":{},\"Path\":{}}}",
                part(&b["name"]),
                part(&b["signerName"]),
                part(selector),
                part(&b["optional"]),
                Value::from(text(b, "path"))
            );
            let why = "only one of name and signerName may be used";
            errors.push(shown(FieldErrorKind::Invalid, path, &value, why));
        }
        (true, false) => {
            let name = text(b, "name");
            let at = child(path, "name");
            if name.is_empty() {
                errors.push(FieldError::required(at.as_str(), "must be a valid object name"));
            }
            let wrong = subdomain(name.rsplit(':').next().unwrap_or_default(), false);
            errors.extend(
                wrong.into_iter().map(|r| {
                    FieldError::invalid(at.as_str(), name, format!("not a valid clustertrustbundlename: {r}"))
                }),
            );
            if !selector.is_null() {
                let why = "labelSelector must be unset if name is specified";
                errors.push(FieldError::invalid(child(path, "labelSelector"), selector.clone(), why));
            }
        }
        (false, true) => {
            let at = child(path, "signerName");
            if text(b, "signerName").is_empty() {
                errors.push(FieldError::required(at.as_str(), "must be a valid signer name"));
            }
            errors.extend(signer_name(text(b, "signerName"), &at));
            errors.extend(validate_label_selector(selector, &child(path, "labelSelector")));
        }
        (false, false) => errors.push(FieldError::required(path, "either name or signerName must be specified")),
    }
    errors.extend(required(b, &["path"], path));
    errors.extend(unreserved_path(text(b, "path"), &child(path, "path")));
    errors
}

fn certificate(c: &Value, path: &str) -> Vec<FieldError> {
    const KEYS: [&str; 6] = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
    let mut errors = signer_name(text(c, "signerName"), &child(path, "signerName"));
    if !KEYS.contains(&text(c, "keyType")) {
        errors.push(FieldError::not_supported(child(path, "keyType"), text(c, "keyType"), &KEYS));
    }
    if let Some(n) = c["maxExpirationSeconds"].as_i64() {
        let at = child(path, "maxExpirationSeconds");
        if n < 3600 {
            errors.push(FieldError::invalid(at, n, "if provided, maxExpirationSeconds must be >= 3600"));
        } else if n > 7_862_400 {
            errors.push(FieldError::invalid(at, n, "if provided, maxExpirationSeconds must be <= 7862400"));
        }
    }
    let mut any = false;
    for key in ["credentialBundlePath", "keyPath", "certificateChainPath"] {
        let p = text(c, key);
        if !p.is_empty() {
            any = true;
            errors.extend(unreserved_path(p, &child(path, key)));
        }
    }
    if !any {
        errors.push(FieldError::required(
            path,
            "specify at least one of credentialBundlePath, keyPath, and certificateChainPath",
        ));
    }
    let annotations = &c["userAnnotations"];
    let at = child(path, "userAnnotations");
    for (key, _) in annotations.as_object().into_iter().flatten() {
        errors.extend(invalid_each(&at, key, names::is_qualified_name(key)));
        if !key.contains('/') {
            errors.push(FieldError::invalid(
                at.as_str(),
                key.as_str(),
                "must be a domain-prefixed key (such as \"acme.io/foo\")",
            ));
        }
    }
    let size: usize =
        annotations.as_object().into_iter().flatten().map(|(k, v)| k.len() + v.as_str().map_or(0, str::len)).sum();
    if size > 262_144 {
        errors.push(super::util::too_long(&at, 262_144));
    }
    errors
}

fn nfs(v: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = required(v, &["server", "path"], path);
    let p = text(v, "path");
    if !p.starts_with('/') {
        errors.push(FieldError::invalid(child(path, "path"), p, "must be an absolute path"));
    }
    errors
}

fn csi(v: &Value, path: &str) -> Vec<FieldError> {
    let driver = text(v, "driver");
    let at = child(path, "driver");
    let mut errors = vec![];
    if driver.is_empty() {
        errors.push(FieldError::required(at, ""));
    } else {
        let lower = driver.to_lowercase();
        errors.extend(invalid_each(&at, &lower, names::is_dns1123_subdomain(&lower)));
    }
    if has(v, "nodePublishSecretRef") && text(&v["nodePublishSecretRef"], "name").is_empty() {
        errors.push(FieldError::required(child(path, "nodePublishSecretRef.name"), ""));
    }
    errors
}

fn image(v: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if text(v, "reference").is_empty() {
        errors.push(FieldError::required(child(path, "reference"), ""));
    }
    errors.extend(super::util::one_of(v, "pullPolicy", path, &["Always", "IfNotPresent", "Never"]));
    errors
}

fn ephemeral(v: &Value, pod: &str, path: &str) -> Vec<FieldError> {
    let at = child(path, "ephemeral.volumeClaimTemplate");
    let template = &v["ephemeral"]["volumeClaimTemplate"];
    let mut errors = vec![];
    if template.is_null() {
        errors.push(FieldError::required(at, ""));
    } else {
        errors.extend(validate_claim_spec(&template["spec"], &child(&at, "spec")));
    }
    let name = text(v, "name");
    if !pod.is_empty() && !name.is_empty() {
        let claim = format!("{pod}-{name}");
        let wrong = subdomain(&claim, false);
        errors.extend(
            wrong
                .into_iter()
                .map(|r| FieldError::invalid(child(path, "name"), name, format!("PVC name {claim:?}: {r}"))),
        );
    }
    errors
}

/// The spec of a claim. (Models ValidatePersistentVolumeClaimSpec.)
pub fn validate_claim_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    let mut errors = vec![];
    let modes = items(spec, "accessModes");
    let at = child(path, "accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required(at.as_str(), "at least 1 access mode is required"));
    }
    if has(spec, "selector") {
        errors.extend(validate_label_selector(&spec["selector"], &child(path, "selector")));
    }
    for m in modes.iter().filter(|m| !MODES.contains(&m.as_str().unwrap_or_default())) {
        errors.push(FieldError::not_supported(at.as_str(), m.clone(), &MODES));
    }
    if modes.len() > 1 && modes.iter().any(|m| m == "ReadWriteOncePod") {
        let why = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(at, why));
    }
    let storage = &spec["resources"]["requests"]["storage"];
    let at = child(path, "resources");
    if storage.is_null() {
        errors.push(FieldError::required(keyed(&at, "storage"), ""));
    } else {
        let wrong = validate_quantity("storage", storage, &keyed(&at, "storage"));
        if wrong.is_empty() {
            let q = storage.as_str().and_then(|s| s.parse::<Quantity>().ok()).unwrap_or_default();
            if q <= Quantity::default() {
                errors.push(FieldError::invalid(keyed(&at, "storage"), storage.clone(), "must be greater than zero"));
            }
        }
        errors.extend(wrong);
    }
    for key in ["storageClassName", "volumeAttributesClassName"] {
        let name = text(spec, key);
        if !name.is_empty() {
            errors.extend(invalid_each(&child(path, key), name, subdomain(name, false)));
        }
    }
    if has(spec, "volumeMode") && !["Block", "Filesystem"].contains(&text(spec, "volumeMode")) {
        errors.push(FieldError::not_supported(
            child(path, "volumeMode"),
            text(spec, "volumeMode"),
            &["Block", "Filesystem"],
        ));
    }
    errors
}
