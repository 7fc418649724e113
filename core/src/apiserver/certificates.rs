//! CertificateSigningRequests on their way through the API server: who asks, who may approve. Models the registry of
//! certificates and the admission plugins CertificateApproval and CertificateSubjectRestriction.

use super::authorizer::Attributes;
use super::registry::certificates::{CLIENT, request_of, validate_approval};
use super::request::User;
use super::server::{Answer, Options};
use super::target::Target;
use crate::api::error::Status;
use crate::sim::Sim;
use serde_json::{Value, json};

/// Who a new request comes from is not what it says but who sends it.
pub(super) fn signed_by(v: &mut Value, user: Option<&User>) {
    let admin = User::admin("admin");
    let user = user.unwrap_or(&admin);
    if let Some(spec) = v.get_mut("spec").and_then(Value::as_object_mut) {
        for key in ["username", "groups", "uid", "extra"] {
            spec.remove(key);
        }
        spec.insert("username".into(), user.name.as_str().into());
        spec.insert("groups".into(), json!(user.groups));
    }
}

/// Refuses a request for a certificate of the cluster's masters.
pub(super) fn restricted(v: &Value) -> Result<(), Status> {
    if v["spec"]["signerName"] != CLIENT {
        return Ok(());
    }
    let masters = request_of(v).is_ok_and(|asked| asked.subject.all("O").contains(&"system:masters"));
    if !masters {
        return Ok(());
    }
    let name = v["metadata"]["name"].as_str().unwrap_or_default();
    let why = format!("use of {CLIENT} signer with system:masters group is not allowed");
    Err(Status::forbidden("certificatesigningrequests.certificates.k8s.io", name, &why))
}

impl Sim {
    /// May whoever asks approve (or sign) for a signer?
    fn may_sign(&self, user: Option<&User>, verb: &str, name: &str, signer: &str) -> Result<(), Status> {
        let Some(user) = user else { return Ok(()) };
        let asked = |name: &str| Attributes {
            verb: verb.into(),
            group: "certificates.k8s.io".into(),
            resource: "signers".into(),
            name: name.into(),
            ..Attributes::default()
        };
        let domain = format!("{}/*", signer.split('/').next().unwrap_or_default());
        if self.authorize(user, &asked(signer)).is_ok() || self.authorize(user, &asked(&domain)).is_ok() {
            return Ok(());
        }
        let what = if verb == "sign" { "sign" } else { "approve" };
        let why = format!("user not permitted to {what} requests with signerName {signer:?}");
        Err(Status::forbidden("certificatesigningrequests.certificates.k8s.io", name, &why))
    }

    /// Approves or denies: of all that is sent only the conditions count.
    pub(super) fn update_approval(&mut self, t: &Target, body: &Value, options: &mut Options) -> Answer {
        let old = self.found(t)?.obj.clone();
        let before = old.to_value(&self.store.ids);
        let rv = &body["metadata"]["resourceVersion"];
        if rv.as_str().is_some_and(|v| !v.is_empty()) && *rv != before["metadata"]["resourceVersion"] {
            return Err(Status::conflict(
                &t.info.group_resource(),
                &t.key().name,
                "the object has been modified; please apply your changes to the latest version and try again",
            ));
        }
        let signer = before["spec"]["signerName"].as_str().unwrap_or_default();
        let user = options.user.clone();
        self.may_sign(user.as_deref(), "approve", &t.key().name, signer)?;
        let mut new = before.clone();
        let mut conditions = body["status"]["conditions"].clone();
        let now = self.now.rfc3339();
        for c in conditions.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            for at in ["lastTransitionTime", "lastUpdateTime"] {
                if c.get(at).is_none_or(Value::is_null) {
                    c.insert(at.into(), now.as_str().into());
                }
            }
        }
        if new["status"].is_null() {
            new["status"] = json!({});
        }
        new["status"]["conditions"] = conditions;
        let errors = validate_approval(&new, &before);
        if !errors.is_empty() {
            return Err(Status::invalid(&t.info.group_kind(), &t.key().name, &errors));
        }
        if options.dry_run {
            return Ok((200, self.dry(t, new)));
        }
        let obj = self.replace(t.kind, new, &old)?;
        Ok((200, self.shown(t, &obj)))
    }
}
