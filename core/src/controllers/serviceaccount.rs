//! The ServiceAccount controller and the publisher of the cluster's root certificate: every living namespace has a
//! ServiceAccount `default` and a ConfigMap `kube-root-ca.crt`. Models pkg/controller/serviceaccount and
//! pkg/controller/certificates/rootcacertpublisher.

use super::Action;
use crate::sim::Sim;
use crate::store::{Change, Key, Kind};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Name of the ConfigMap with the certificate.
pub const ROOT_CA: &str = "kube-root-ca.crt";

/// Keys (namespaces) that a change makes due.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::Namespace if change.new.is_some() => add(change.obj().key()),
        // what was deleted comes back; a changed certificate too
        Kind::ServiceAccount if change.new.is_none() => add(Key::new("", change.obj().key().namespace)),
        Kind::ConfigMap if &*change.obj().key().name == ROOT_CA => add(Key::new("", change.obj().key().namespace)),
        _ => {}
    }
}

/// One sync of a namespace.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
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
    let data = [("ca.crt".to_string(), certificate(sim.config.seed))].into();
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

/// Something in the form of a certificate: the cluster's is as made up as the cluster.
fn certificate(seed: u64) -> String {
    let mut rng = crate::rng::Rng::stream(seed, "root-ca");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for _ in 0..8 {
        out.extend((0..64).map(|_| alphabet[rng.below(64) as usize] as char));
        out.push('\n');
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}
