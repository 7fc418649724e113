//! The ServiceAccount controller and the publisher of the cluster's root certificate: every living namespace has a
//! ServiceAccount `default` and a ConfigMap `kube-root-ca.crt`; and a Secret that is to hold an account's token holds it,
//! as long as the account lives. Models pkg/controller/serviceaccount (`tokens_controller.go` too) and
//! pkg/controller/certificates/rootcacertpublisher.

use super::Action;
use crate::apiserver::server::DeleteOptions;
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Name of the ConfigMap with the certificate.
pub const ROOT_CA: &str = "kube-root-ca.crt";

/// Keys (namespaces) that a change makes due.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::Namespace if change.new.is_some() => add(change.obj().key()),
        // what was deleted comes back; a changed certificate too
        Kind::ServiceAccount if change.new.is_none() => {
            let key = change.obj().key();
            add(Key::new("", key.namespace.clone()));
            add(Key::new(key.namespace, ""));
        }
        Kind::Secret if change.new.is_some() => add(change.obj().key()),
        Kind::ConfigMap if &*change.obj().key().name == ROOT_CA => add(Key::new("", change.obj().key().namespace)),
        _ => {}
    }
}

/// Type of Secrets that hold a token, and the annotations that say whose.
const TOKEN: &str = "kubernetes.io/service-account-token";
const NAME: &str = "kubernetes.io/service-account.name";
const UID: &str = "kubernetes.io/service-account.uid";

/// Fills in the token of a Secret that wants one, or deletes it if its account is gone.
fn sync_secret(sim: &mut Sim, key: &Key) -> Action {
    let Some(secret) = sim.store.typed::<Secret>(key).cloned() else { return Action::Done };
    if secret.type_.as_deref() != Some(TOKEN) || secret.metadata.deletion_timestamp.is_some() {
        return Action::Done;
    }
    let noted =
        |what: &str| secret.metadata.annotations.as_ref().and_then(|a| a.get(what)).cloned().unwrap_or_default();
    let name = noted(NAME);
    let account = sim.store.get(Kind::ServiceAccount, &Key::new(key.namespace.clone(), name.as_str()));
    let uid = account.map(|a| a.to_value(&sim.store.ids)["metadata"]["uid"].as_str().unwrap_or_default().to_owned());
    let Some(uid) = uid.filter(|uid| noted(UID).is_empty() || noted(UID) == *uid) else {
        // a token of nobody does not stay, even if its account is only yet to come
        let failed = sim.delete_typed(Kind::Secret, key, &DeleteOptions::default()).is_err();
        return if failed { Action::Retry } else { Action::Done };
    };
    let data = secret.data.clone().unwrap_or_default();
    if data.contains_key("token") && noted(UID) == uid {
        return Action::Done;
    }
    let mut new = (*secret).clone();
    let filled = [
        ("ca.crt", super::certificates::authority(sim)),
        ("namespace", key.namespace.to_string()),
        ("token", sim.lasting_token(key, &name, &uid)),
    ];
    let filled = filled.map(|(k, v)| (k.to_string(), ByteString(v.into_bytes())));
    new.data = Some(data.into_iter().chain(filled).collect());
    new.metadata.annotations.get_or_insert_default().insert(UID.into(), uid);
    if sim.update_typed(&new).is_err() { Action::Retry } else { Action::Done }
}

/// One sync of a namespace, of a Secret, or (without a name) of a namespace's Secrets.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    if !key.namespace.is_empty() {
        if !key.name.is_empty() {
            return sync_secret(sim, key);
        }
        let all: Vec<Key> = sim.store.list(Kind::Secret, Some(&key.namespace)).map(Obj::key).collect();
        let again = all.iter().any(|key| matches!(sync_secret(sim, key), Action::Retry));
        return if again { Action::Retry } else { Action::Done };
    }
    let alive = sim.store.get(Kind::Namespace, key).is_some_and(|n| !n.deleting());
    if !alive {
        return Action::Done;
    }
    let meta = |name: &str| ObjectMeta {
        name: Some(name.into()),
        namespace: Some(key.name.to_string()),
        ..ObjectMeta::default()
    };
    let mut failed = false;
    if sim.store.get(Kind::ServiceAccount, &Key::new(key.name.clone(), "default")).is_none() {
        failed |= sim.create_typed(&ServiceAccount { metadata: meta("default"), ..ServiceAccount::default() }).is_err();
    }
    let at = Key::new(key.name.clone(), ROOT_CA);
    let data = [("ca.crt".to_string(), super::certificates::authority(sim))].into();
    let mut config = ConfigMap { metadata: meta(ROOT_CA), data: Some(data), ..ConfigMap::default() };
    let text = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";
    config.metadata.annotations = Some([("kubernetes.io/description".to_string(), text.to_string())].into());
    match sim.store.typed::<ConfigMap>(&at).cloned() {
        None => failed |= sim.create_typed(&config).is_err(),
        Some(there) if there.data != config.data => {
            let mut new = (*there).clone();
            new.data = config.data;
            failed |= sim.update_typed(&new).is_err();
        }
        Some(_) => {}
    }
    if failed { Action::Retry } else { Action::Done }
}
