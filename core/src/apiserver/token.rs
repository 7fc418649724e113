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

/// Who issues tokens, and for whom they are unless somebody says otherwise.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Claims as a token bears them.
fn written(claims: &Value, account: &str) -> String {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let head = encode(br#"{"alg":"RS256","kid":"kubarium"}"#);
    let middle = encode(claims.to_string().as_bytes());
    format!("{head}.{middle}.{}", encode(format!("unsigned:{account}").as_bytes()))
}

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
        } else if let Some(pod) = of["pod"]["name"].as_str() {
            // its kubelet would have put another one in its place in time
            let pod = self.store.pod_by_name(&Key::new(namespace.as_str(), pod));
            if pod.is_none_or(|p| of["pod"]["uid"] != self.store.ids.uid(p.id)) {
                return refused("service account token has been invalidated");
            }
        } else if claims["exp"].as_i64().is_none_or(|end| end <= self.now.unix_seconds()) {
            return refused("service account token has expired");
        }
        let user = User::impersonated(&format!("system:serviceaccount:{namespace}:{name}"), &[]);
        json!({"authenticated": true, "audiences": claims["aud"],
            "user": {"username": user.name, "groups": user.groups, "uid": uid}})
    }

    /// Whose token it is, if it is one for the API server.
    pub(super) fn holder_of(&self, token: &str) -> Option<User> {
        let status = self.bearer(token);
        let for_others = status["audiences"].as_array().is_some_and(|a| !a.iter().any(|x| x == ISSUER));
        let name = status["user"]["username"].as_str().filter(|_| !for_others)?;
        Some(User::impersonated(name, &[]))
    }

    /// The token that a pod's kubelet writes into a volume, for an audience (empty: the API server).
    pub(crate) fn pod_token(
        &self,
        pod: &crate::store::PodRecord,
        account: &str,
        audience: &str,
        seconds: u64,
    ) -> String {
        let key = Key::new(pod.namespace.clone(), account);
        let uid = self.store.get(Kind::ServiceAccount, &key).map(|a| a.id(&self.store.ids));
        let began = pod.created.unix_seconds();
        // an hour's token of the usual volume is taken for a year
        let lives = if seconds == 3607 { 365 * 24 * 3600 } else { seconds };
        let mut of = json!({
            "namespace": &*pod.namespace,
            "pod": {"name": &*pod.name, "uid": self.store.ids.uid(pod.id)},
            "serviceaccount": {"name": account, "uid": uid.map(|u| self.store.ids.uid(u))},
        });
        if seconds == 3607 {
            of["warnafter"] = (began + 3607).into();
        }
        if let Some(node) = &pod.node {
            of["node"] = json!({"name": &**node});
        }
        let claims = json!({
            "aud": [if audience.is_empty() { ISSUER } else { audience }],
            "exp": began + lives as i64,
            "iat": began,
            "iss": ISSUER,
            "kubernetes.io": of,
            "nbf": began,
            "sub": format!("system:serviceaccount:{}:{account}", pod.namespace),
        });
        written(&claims, account)
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
        written(&claims, account)
    }

    /// Answers a TokenRequest for an existing account.
    pub(super) fn token(&mut self, t: &Target, body: &Value) -> Answer {
        let account = self.found(t)?.obj.to_value(&self.store.ids);
        let seconds = body["spec"]["expirationSeconds"].as_u64().unwrap_or(HOUR).max(600);
        let ends = self.now + SimDuration::from_secs(seconds);
        let (namespace, name) = (&account["metadata"]["namespace"], &account["metadata"]["name"]);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let audience = match &body["spec"]["audiences"] {
            Value::Array(list) if !list.is_empty() => body["spec"]["audiences"].clone(),
            _ => json!([ISSUER]),
        };
        let claims = json!({
            "aud": audience,
            "exp": ends.unix_seconds(),
            "iat": self.now.unix_seconds(),
            "iss": ISSUER,
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": name, "uid": account["metadata"]["uid"]},
            },
            "nbf": self.now.unix_seconds(),
            "sub": format!("system:serviceaccount:{}:{}", text(namespace), text(name)),
        });
        let token = written(&claims, &text(name));
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
