//! Tokens of service accounts: what `create token` is given. They look like the real ones, and nothing checks them.

use super::server::Answer;
use super::target::Target;
use crate::clock::SimDuration;
use crate::sim::Sim;
use base64::Engine;
use serde_json::{Value, json};

/// Seconds a token lives when nobody asks for another time.
const HOUR: u64 = 3600;

impl Sim {
    /// Answers a TokenRequest for an existing account.
    pub(super) fn token(&mut self, t: &Target, body: &Value) -> Answer {
        let account = self.found(t)?.obj.to_value(&self.store.ids);
        let seconds = body["spec"]["expirationSeconds"].as_u64().unwrap_or(HOUR).max(600);
        let ends = self.now + SimDuration::from_secs(seconds);
        let (namespace, name) = (&account["metadata"]["namespace"], &account["metadata"]["name"]);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let issuer = "https://kubernetes.default.svc.cluster.local";
        let audience = match &body["spec"]["audiences"] {
            Value::Array(list) if !list.is_empty() => body["spec"]["audiences"].clone(),
            _ => json!([issuer]),
        };
        let claims = json!({
            "aud": audience,
            "exp": ends.unix_seconds(),
            "iat": self.now.unix_seconds(),
            "iss": issuer,
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": name, "uid": account["metadata"]["uid"]},
            },
            "nbf": self.now.unix_seconds(),
            "sub": format!("system:serviceaccount:{}:{}", text(namespace), text(name)),
        });
        let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let head = encode(br#"{"alg":"RS256","kid":"kubarium"}"#);
        let middle = encode(claims.to_string().as_bytes());
        let token = format!("{head}.{middle}.{}", encode(format!("unsigned:{}", text(name)).as_bytes()));
        let mut answer = json!({
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": self.now.rfc3339()},
            "spec": body["spec"],
            "status": {"token": token, "expirationTimestamp": ends.rfc3339()},
        });
        answer["spec"]["audiences"] = audience;
        answer["spec"]["expirationSeconds"] = seconds.into();
        Ok((201, answer))
    }
}
