//! Certificates: what kubelets ask for is approved, what has been approved is signed, what has been left lying goes.
//! Models pkg/controller/certificates: approver, signer and cleaner.

use super::Action;
use crate::api::x509::{self, Certificate};
use crate::apiserver::authorizer::Attributes;
use crate::apiserver::request::User;
use crate::apiserver::server::DeleteOptions;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestCondition};

const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
const KUBELET: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const SERVING: &str = "kubernetes.io/kubelet-serving";
/// How long a certificate is good at most, in seconds: `--cluster-signing-duration`.
const LONGEST: i64 = 365 * 24 * 3600;
/// Clocks may differ by so many seconds.
const BACKDATED: i64 = 5 * 60;
/// How often the cleaner looks, in microseconds.
const CLEANS: u64 = 3_600_000_000;

/// Keys that a change makes due.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    if let Some(Obj::CertificateSigningRequest(_)) = &change.new {
        add(change.obj().key());
    }
}

fn conditions(csr: &CertificateSigningRequest) -> &[CertificateSigningRequestCondition] {
    csr.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default()
}

fn has(csr: &CertificateSigningRequest, kind: &str) -> bool {
    conditions(csr).iter().any(|c| c.type_ == kind)
}

fn certificate(csr: &CertificateSigningRequest) -> Option<&ByteString> {
    csr.status.as_ref().and_then(|s| s.certificate.as_ref()).filter(|c| !c.0.is_empty())
}

/// When the cleaner takes it away. Models the cleaner's isIssuedPastDeadline and the like.
fn goes(csr: &CertificateSigningRequest) -> SimTime {
    let hours = |n: u64| SimDuration::from_secs(n * 3600);
    let made = csr.metadata.creation_timestamp.as_ref().map_or(SimTime::ZERO, SimTime::from_api);
    let since = |kind: &str| {
        let c = conditions(csr).iter().find(|c| c.type_ == kind)?;
        Some(c.last_update_time.as_ref().map_or(made, SimTime::from_api))
    };
    let end = match (since("Approved"), since("Denied"), since("Failed")) {
        (Some(at), ..) if certificate(csr).is_some() => at + hours(1),
        (_, Some(at), _) | (_, _, Some(at)) => at + hours(1),
        _ => made + hours(24),
    };
    // at its next look
    SimTime(end.0.div_ceil(CLEANS) * CLEANS)
}

/// Is it a kubelet that asks for its own certificate of a client? Models isNodeClientCert.
fn of_node(csr: &CertificateSigningRequest, asked: &x509::Asked) -> bool {
    let usages = csr.spec.usages.as_deref().unwrap_or_default();
    let fits = |u: &String| matches!(u.as_str(), "digital signature" | "key encipherment" | "client auth");
    csr.spec.signer_name == KUBELET
        && asked.subject.all("O") == ["system:nodes"]
        && asked.subject.common().starts_with("system:node:")
        && asked.alternatives.is_empty()
        && usages.iter().all(fits)
        && usages.iter().any(|u| u == "client auth")
}

fn approve(sim: &mut Sim, csr: &CertificateSigningRequest, asked: &x509::Asked) -> bool {
    if !of_node(csr, asked) {
        return false;
    }
    let user = User {
        name: csr.spec.username.clone().unwrap_or_default(),
        groups: csr.spec.groups.clone().unwrap_or_default(),
    };
    let may = |subresource: &str| {
        let what = Attributes {
            verb: "create".into(),
            group: "certificates.k8s.io".into(),
            resource: "certificatesigningrequests".into(),
            subresource: subresource.into(),
            ..Attributes::default()
        };
        sim.authorize(&user, &what).is_ok()
    };
    let own = user.name == asked.subject.common() && may("selfnodeclient");
    if !own && !may("nodeclient") {
        return false;
    }
    let message = if own {
        "Auto approving self kubelet client certificate after SubjectAccessReview."
    } else {
        "Auto approving kubelet client certificate after SubjectAccessReview."
    };
    let mut new = csr.clone();
    add(sim, &mut new, "Approved", "AutoApproved", message);
    sim.update_status_typed(new).is_ok()
}

fn add(sim: &Sim, csr: &mut CertificateSigningRequest, kind: &str, reason: &str, message: &str) {
    let now = Some(sim.now.api());
    csr.status.get_or_insert_default().conditions.get_or_insert_default().push(CertificateSigningRequestCondition {
        type_: kind.into(),
        status: "True".into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_update_time: now.clone(),
        last_transition_time: now,
    });
}

/// What keeps a signer from signing. `Err(None)`: it is no signer of these.
fn signs(csr: &CertificateSigningRequest, asked: &x509::Asked) -> Result<(), Option<String>> {
    let usages = csr.spec.usages.as_deref().unwrap_or_default();
    match csr.spec.signer_name.as_str() {
        CLIENT => {
            let fits = |u: &&String| matches!(u.as_str(), "digital signature" | "key encipherment" | "client auth");
            if let Some(other) = usages.iter().find(|u| !fits(u)) {
                return Err(Some(format!("invalid usage for client certificate: {other}")));
            }
            match usages.iter().any(|u| u == "client auth") {
                true => Ok(()),
                false => Err(Some("missing required usage for client certificate: client auth".into())),
            }
        }
        signer @ (KUBELET | SERVING) => {
            if asked.subject.all("O") != ["system:nodes"] {
                return Err(Some("subject organization is not system:nodes".into()));
            }
            if !asked.subject.common().starts_with("system:node:") {
                return Err(Some("subject common name does not begin with system:node: ".into()));
            }
            let needed = if signer == SERVING { "server auth" } else { "client auth" };
            match (signer == SERVING, asked.alternatives.is_empty()) {
                (true, true) => return Err(Some("DNS or IP subjectAltName is required".into())),
                (false, false) => return Err(Some("DNS subjectAltNames are not allowed".into())),
                _ => {}
            }
            let fits = |u: &String| matches!(u.as_str(), "digital signature" | "key encipherment") || u == needed;
            if !usages.iter().all(fits) || !usages.iter().any(|u| u == needed) {
                let sets = format!("[digital signature {needed}] or [digital signature key encipherment {needed}]");
                return Err(Some(format!("usages did not match {sets}")));
            }
            Ok(())
        }
        _ => Err(None),
    }
}

fn sign(sim: &mut Sim, csr: &CertificateSigningRequest, asked: &x509::Asked) -> bool {
    let mut new = csr.clone();
    match signs(csr, asked) {
        Err(None) => return true,
        Err(Some(why)) => add(sim, &mut new, "Failed", "SignerValidationFailure", &why),
        Ok(()) => {
            let now = sim.now.unix_seconds();
            let wanted = csr.spec.expiration_seconds.map_or(LONGEST, i64::from).clamp(600, LONGEST);
            // short ones are good for as long as they were asked for
            let until = if wanted < 8 * 3600 { now + wanted } else { now - BACKDATED + wanted };
            let text = authority(sim);
            let Some(ca) = Certificate::read(&text) else { return false };
            let uid = csr.metadata.uid.clone().unwrap_or_default();
            let issued = Certificate {
                serial: x509::serial(&[uid.as_bytes(), &now.to_le_bytes()]),
                issuer: ca.subject.clone(),
                subject: asked.subject.clone(),
                from: now - BACKDATED,
                until: until.min(ca.until),
                public: asked.public.clone(),
                usages: csr.spec.usages.clone().unwrap_or_default(),
                alternatives: asked.alternatives.clone(),
                ..Certificate::default()
            };
            new.status.get_or_insert_default().certificate =
                Some(ByteString(issued.signed_by(&ca.public).into_bytes()));
        }
    }
    sim.update_status_typed(new).is_ok()
}

/// The certificate of the cluster's own authority.
pub fn authority(sim: &Sim) -> String {
    x509::cluster_authority(sim.config.seed, SimTime::ZERO.unix_seconds())
}

/// One sync of a request.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(csr) = sim.store.typed::<CertificateSigningRequest>(key).cloned() else { return Action::Done };
    if csr.metadata.deletion_timestamp.is_some() {
        return Action::Done;
    }
    let asked = x509::read_request(&String::from_utf8_lossy(&csr.spec.request.0));
    if let Ok(asked) = asked {
        let settled = has(&csr, "Approved") || has(&csr, "Denied");
        if !settled && approve(sim, &csr, &asked) {
            return Action::Done;
        }
        let open = has(&csr, "Approved") && !has(&csr, "Denied") && !has(&csr, "Failed");
        if open && certificate(&csr).is_none() && !sign(sim, &csr, &asked) {
            return Action::Retry;
        }
    }
    let at = goes(&csr);
    if at > sim.now {
        return Action::After(at.since(sim.now));
    }
    match sim.delete_typed(Kind::CertificateSigningRequest, key, &DeleteOptions::default()) {
        Err(e) if e.code != 404 => Action::Retry,
        _ => Action::Done,
    }
}
