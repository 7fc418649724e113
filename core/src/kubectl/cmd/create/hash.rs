//! `--append-hash`: ten letters that say what a ConfigMap or Secret holds. Models kubectl `pkg/util/hash`.
//!
//! Invariant: the same content has the same name wherever it is made, so the digest is SHA-256, as everywhere.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The hash of a ConfigMap or Secret that is to be created.
pub fn of(object: &Value) -> String {
    let data = |key: &str| if object[key].is_object() { object[key].clone() } else { json!({}) };
    let mut content = json!({"kind": object["kind"], "name": object["metadata"]["name"], "data": data("data")});
    if object["kind"] == "Secret" {
        content["type"] = json!(object["type"].as_str().unwrap_or_default());
    }
    if object["binaryData"].is_object() {
        content["binaryData"] = object["binaryData"].clone();
    }
    if object["immutable"].is_boolean() {
        content["immutable"] = object["immutable"].clone();
    }
    // Go's encoder writes these so
    let text = content.to_string().replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().take(5).map(|b| format!("{b:02x}")).collect();
    let safe = |c: char| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        c => c,
    };
    hex.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_contents() {
        let map = |data: Value| of(&json!({"kind": "ConfigMap", "metadata": {"name": ""}, "data": data}));
        assert_eq!(map(json!({})), "42745tchd9");
        assert_eq!(map(json!({"one": ""})), "9g67k2htb6");
        assert_eq!(map(json!({"two": "2", "one": "", "three": "3"})), "f5h7t85m9b");
        assert_eq!(of(&json!({"kind": "Secret", "metadata": {"name": ""}, "type": "my-type"})), "t75bgf6ctb");
    }
}
