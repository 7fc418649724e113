//! CertificateSigningRequests. (Models pkg/apis/certificates/validation and pkg/registry/certificates.)

use super::Strategy;
use super::meta::{checked, checked_update, validate_meta_update};
use super::util::{child, copy_field, index, items, no_warnings, nothing, remove, text, too_long};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use crate::api::x509;
use base64::Engine;
use serde_json::Value;

/// The rules of CertificateSigningRequests.
pub const STRATEGY: Strategy = Strategy {
    kind: "CertificateSigningRequest",
    default: nothing,
    validate: |obj| checked(obj, false, |_, _| vec![], validate(obj, None)),
    validate_update: |new, old| checked_update(new, old, validate(new, Some(old))),
    validate_status_update,
    prepare_for_create: |obj| remove(obj, "status"),
    prepare_for_update: |new, old| {
        copy_field(new, old, "spec");
        copy_field(new, old, "status");
    },
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings: no_warnings,
};

/// The signer of certificates by which clients are known to the API server.
pub const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
const LEGACY: &str = "kubernetes.io/legacy-unknown";

/// What a certificate may be asked to be for, in the order in which an error lists them.
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// The request within, decoded.
///
/// # Errors
/// What is wrong with it.
pub fn request_of(obj: &Value) -> Result<x509::Asked, String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text(&obj["spec"], "request")).unwrap_or_default();
    x509::read_request(&String::from_utf8_lossy(&bytes))
}

fn validate(obj: &Value, old: Option<&Value>) -> Vec<FieldError> {
    // what cannot change any more need not be right any more
    if old.is_some() {
        return vec![];
    }
    let spec = &obj["spec"];
    let mut errors = vec![];
    if let Err(why) = request_of(obj) {
        errors.push(FieldError::invalid("spec.request", spec["request"].clone(), why));
    }
    let usages = items(spec, "usages");
    if usages.is_empty() {
        errors.push(FieldError::required("spec.usages", ""));
    }
    for (i, usage) in usages.iter().enumerate().filter(|(_, u)| !USAGES.iter().any(|k| *u == k)) {
        errors.push(FieldError::not_supported(index("spec.usages", i), usage.clone(), &USAGES));
    }
    for (i, usage) in usages.iter().enumerate().filter(|(i, u)| usages[..*i].contains(u)) {
        let field = index("spec.usages", i);
        let value = Some(usage.clone());
        errors.push(FieldError { kind: FieldErrorKind::Duplicate, field, value, detail: String::new() });
    }
    let signer = text(spec, "signerName");
    if signer == LEGACY {
        let why = "the legacy signerName is not allowed via this API version";
        errors.push(FieldError::invalid("spec.signerName", signer, why));
    } else {
        errors.extend(signer_name(signer));
    }
    if let Some(n) = spec["expirationSeconds"].as_i64().filter(|n| *n < 600) {
        let why = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(FieldError::invalid("spec.expirationSeconds", n, why));
    }
    errors
}

/// Models ValidateSignerName.
fn signer_name(name: &str) -> Vec<FieldError> {
    const PATH: &str = "spec.signerName";
    if name.is_empty() {
        return vec![FieldError::required(PATH, "")];
    }
    let parts: Vec<&str> = name.split('/').collect();
    let [domain, path] = parts[..] else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return vec![FieldError::invalid(PATH, name, why)];
    };
    let mut errors = vec![];
    if domain.len() > 253 {
        errors.push(too_long(PATH, 253));
    }
    let mut label = |part: &str, of: &str, wrong: Vec<String>| {
        errors.extend(
            wrong.into_iter().map(|w| FieldError::invalid(PATH, of, format!("validating label {part:?}: {w}"))),
        );
    };
    domain.split('.').for_each(|l| label(l, domain, names::is_dns1123_label(l)));
    path.split('.').for_each(|l| label(l, path, names::is_dns1123_subdomain(l)));
    if !domain.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(PATH, domain, why));
    }
    if path.len() > 253 + 1 + 63 {
        errors.push(too_long(PATH, 253 + 1 + 63));
    }
    errors
}

fn types(obj: &Value) -> Vec<&str> {
    items(&obj["status"], "conditions").iter().map(|c| text(c, "type")).collect()
}

/// Conditions, whichever way they come.
fn conditions(new: &Value) -> Vec<FieldError> {
    let path = "status.conditions";
    let mut errors = vec![];
    let (mut approved, mut denied) = (false, false);
    let all = items(&new["status"], "conditions");
    for (i, c) in all.iter().enumerate() {
        let (at, kind) = (index(path, i), text(c, "type"));
        if kind.is_empty() {
            errors.push(FieldError::required(child(&at, "type"), ""));
        }
        let known: &[&str] = match kind {
            "Approved" | "Denied" | "Failed" => &["True"],
            _ => &["False", "True", "Unknown"],
        };
        match text(c, "status") {
            "" => errors.push(FieldError::required(child(&at, "status"), "")),
            s if !known.contains(&s) => errors.push(FieldError::not_supported(child(&at, "status"), s, known)),
            _ => {}
        }
        approved |= kind == "Approved";
        denied |= kind == "Denied";
        if approved && denied && matches!(kind, "Approved" | "Denied") {
            errors.push(FieldError::invalid(path, kind, "Approved and Denied conditions are mutually exclusive"));
        }
        if !kind.is_empty() && all[..i].iter().any(|o| text(o, "type") == kind) {
            let value = Some(kind.into());
            let field = child(&at, "type");
            errors.push(FieldError { kind: FieldErrorKind::Duplicate, field, value, detail: String::new() });
        }
    }
    errors
}

/// Which conditions stay: (new, old, those that this way may not set).
fn kept(new: &Value, old: &Value, foreign: &[&str]) -> Vec<FieldError> {
    let (before, after) = (types(old), types(new));
    let mut errors = vec![];
    for kind in ["Approved", "Denied", "Failed"] {
        let said = |what: &str| {
            let detail = format!("updates may not {what} a condition of type {kind:?}");
            FieldError { kind: FieldErrorKind::Forbidden, field: "status.conditions".into(), value: None, detail }
        };
        match (before.contains(&kind), after.contains(&kind)) {
            (true, false) => errors.push(said("remove")),
            (false, true) if foreign.contains(&kind) => errors.push(said("add")),
            _ => {}
        }
    }
    errors
}

fn validate_status_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(conditions(new));
    errors.extend(kept(new, old, &["Approved", "Denied"]));
    let given = text(&new["status"], "certificate");
    let before = text(&old["status"], "certificate");
    if !given.is_empty() && given != before {
        let bytes = base64::engine::general_purpose::STANDARD.decode(given).unwrap_or_default();
        if x509::Certificate::read(&String::from_utf8_lossy(&bytes)).is_none() {
            let why = "must contain at least one CERTIFICATE PEM block";
            errors.push(FieldError::invalid("status.certificate", "<certificate data>", why));
        }
    }
    if !before.is_empty() && given != before {
        let detail = "updates may not change the certificate".to_owned();
        let field = "status.certificate".to_owned();
        errors.push(FieldError { kind: FieldErrorKind::Forbidden, field, value: None, detail });
    }
    errors
}

/// All errors of a changed approval: (new, old).
pub fn validate_approval(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = conditions(new);
    errors.extend(kept(new, old, &["Failed"]));
    errors
}
