//! Secrets. (Models ValidateSecret and pkg/registry/core/secret.)

use super::Strategy;
use super::configmap::{MAX_DATA, decoded_len, validate_immutability};
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::util::{
    entries, has, immutable, invalid_each, keyed, nothing, nothing_kept, object, remove, set_default, text,
};
use crate::api::error::FieldError;
use crate::api::json_syntax::syntax_error;
use crate::api::names;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The rules of Secrets.
pub const STRATEGY: Strategy = Strategy {
    kind: "Secret",
    default,
    validate,
    validate_update,
    validate_status_update: validate_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings,
};

/// `stringData` becomes `data`: it can be written, never read.
fn default(obj: &mut Value) {
    set_default(obj, "type", "Opaque");
    let texts = obj["stringData"].as_object().cloned().unwrap_or_default();
    remove(obj, "stringData");
    if texts.is_empty() {
        return;
    }
    if let Some(data) = object(obj, "data") {
        for (key, value) in texts {
            data[key] = STANDARD.encode(value.as_str().unwrap_or_default()).into();
        }
    }
}

fn bytes(obj: &Value, key: &str) -> Vec<u8> {
    STANDARD.decode(text(&obj["data"], key)).unwrap_or_default()
}

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    let mut size = 0;
    for (key, value) in entries(obj, "data") {
        errors.extend(invalid_each(&keyed("data", key), key, names::is_config_map_key(key)));
        size += value.as_str().map_or(0, decoded_len);
    }
    if size > MAX_DATA {
        errors.push(super::util::too_long("data", MAX_DATA));
    }
    let data = &obj["data"];
    let required = |key: &str| FieldError::required(keyed("data", key), "");
    match text(obj, "type") {
        "kubernetes.io/service-account-token" => {
            let key = "kubernetes.io/service-account.name";
            if text(&obj["metadata"]["annotations"], key).is_empty() {
                errors.push(FieldError::required(keyed("metadata.annotations", key), ""));
            }
        }
        kind @ ("kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson") => {
            let key = if kind == "kubernetes.io/dockercfg" { ".dockercfg" } else { ".dockerconfigjson" };
            if !has(data, key) {
                errors.push(required(key));
            } else if let Some(why) = not_an_object(&String::from_utf8_lossy(&bytes(obj, key))) {
                errors.push(FieldError::invalid(keyed("data", key), "<secret contents redacted>", why));
            }
        }
        "kubernetes.io/basic-auth" if !has(data, "username") && !has(data, "password") => {
            errors.push(required("username"));
            errors.push(required("password"));
        }
        "kubernetes.io/ssh-auth" if bytes(obj, "ssh-privatekey").is_empty() => errors.push(required("ssh-privatekey")),
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if !has(data, key) {
                    errors.push(required(key));
                }
            }
        }
        _ => {}
    }
    errors
}

/// Why a text is no JSON object, in the words of Go's decoder.
fn not_an_object(text: &str) -> Option<String> {
    if let Some((_, why)) = syntax_error(text) {
        return Some(why);
    }
    let found = match serde_json::from_str(text).unwrap_or_default() {
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Object(_) | Value::Null => return None,
    };
    Some(format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"))
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(immutable(new, old, "type", ""));
    errors.extend(validate_immutability(new, old, &["data"]));
    errors.extend(validate(new));
    errors
}

fn warnings(new: &Value, _: Option<&Value>) -> Vec<String> {
    if text(new, "type") != "kubernetes.io/tls" {
        return vec![];
    }
    let pem = |key: &str| String::from_utf8_lossy(&bytes(new, key)).contains("-----BEGIN ");
    match (pem("tls.crt"), pem("tls.key")) {
        (false, _) => vec!["tls: failed to find any PEM data in certificate input".into()],
        (true, false) => vec!["tls: failed to find any PEM data in key input".into()],
        _ => vec![],
    }
}
