//! Tokens of service accounts: what `create token` is given, and whose a token is. They look like the real ones; nobody
//! signs them.

use super::server::Answer;
use super::target::Target;
use crate::apiserver::request::User;
use crate::clock::SimDuration;
use crate::sim::Sim;
use crate::store::{Key, Kind};
use base64::Engine;
use serde_json::{Value, json};

/// Seconds a token lives when nobody asks for another time.
const HOUR: u64 = 3600;

impl Sim {
    /// The status of a TokenReview: a token is good as long as its account is there and its time has not run out.
    pub(super) fn bearer(&self, token: &str) -> Value {
        let refused = |why: &str| json!({"user": {}, "error": why});
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let parts: Vec<&str> = token.split('.').collect();
        let [_, claims, _] = parts[..] else { return refused("invalid bearer token") };
        let claims: Option<Value> = engine.decode(claims).ok().and_then(|b| serde_json::from_slice(&b).ok());
        let Some(claims) = claims else { return refused("invalid bearer token") };
        let of = &claims["kubernetes.io"];
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let legacy = |what: &str| text(&claims[format!("kubernetes.io/serviceaccount/{what}")]);
        let lasting = claims["iss"] == "kubernetes/serviceaccount";
        let (namespace, name, uid) = match lasting {
            true => (legacy("namespace"), legacy("service-account.name"), legacy("service-account.uid")),
            false => (text(&of["namespace"]), text(&of["serviceaccount"]["name"]), text(&of["serviceaccount"]["uid"])),
        };
        let key = Key::new(namespace.as_str(), name.as_str());
        let Some(account) = self.store.get(Kind::ServiceAccount, &key) else {
            return refused("service account has been deleted");
        };
        if account.to_value(&self.store.ids)["metadata"]["uid"] != uid {
            return refused("service account UID does not match");
        }
        if lasting {
            // it goes with its Secret
            if self.store.get(Kind::Secret, &Key::new(namespace.as_str(), legacy("secret.name").as_str())).is_none() {
                return refused("Token has been invalidated");
            }
        } else if claims["exp"].as_i64().is_none_or(|end| end <= self.now.unix_seconds()) {
            return refused("service account token has expired");
        }
        let user = User::impersonated(&format!("system:serviceaccount:{namespace}:{name}"), &[]);
        json!({"authenticated": true, "audiences": claims["aud"],
            "user": {"username": user.name, "groups": user.groups, "uid": uid}})
    }

    /// The token of a Secret of type `kubernetes.io/service-account-token`: it does not run out.
    pub(crate) fn lasting_token(&self, secret: &Key, account: &str, uid: &str) -> String {
        let of = "kubernetes.io/serviceaccount/";
        let claims = json!({
            "iss": "kubernetes/serviceaccount",
            format!("{of}namespace"): &*secret.namespace,
            format!("{of}secret.name"): &*secret.name,
            format!("{of}service-account.name"): account,
            format!("{of}service-account.uid"): uid,
            "sub": format!("system:serviceaccount:{}:{account}", secret.namespace),
        });
        let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let head = encode(br#"{"alg":"RS256","kid":"kubarium"}"#);
        let middle = encode(claims.to_string().as_bytes());
        format!("{head}.{middle}.{}", encode(format!("unsigned:{account}").as_bytes()))
    }

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
