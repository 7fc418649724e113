//! Which volume serves which claim: what the binder and the scheduler's VolumeBinding must agree on. Models
//! component-helpers `volume` and pkg/controller/volume/persistentvolume/index.go. Pure functions on typed objects.

use super::plugins::node_affinity::Term;
use crate::api::labels::Selector;
use crate::api::quantity::Quantity;
use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Set on both sides of a binding that a person did not ask for by name.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Set on a claim once its binding is complete.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// Set on a volume by what made it.
pub const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Set on a claim by the scheduler: where its first consumer will run.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The provisioner that makes nothing: volumes are made by hand.
pub const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// A claim as a volume names it.
pub fn reference(claim: &PersistentVolumeClaim) -> ObjectReference {
    let m = &claim.metadata;
    ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("PersistentVolumeClaim".into()),
        namespace: m.namespace.clone(),
        name: m.name.clone(),
        uid: m.uid.clone(),
        resource_version: m.resource_version.clone(),
        field_path: None,
    }
}

/// The class of a claim; empty: none.
pub fn class_of(claim: &PersistentVolumeClaim) -> &str {
    let old = annotation(claim.metadata.annotations.as_ref(), "volume.beta.kubernetes.io/storage-class");
    old.or(claim.spec.as_ref().and_then(|s| s.storage_class_name.as_deref())).unwrap_or_default()
}

/// The class of a volume; empty: none.
pub fn class_of_volume(volume: &PersistentVolume) -> &str {
    let old = annotation(volume.metadata.annotations.as_ref(), "volume.beta.kubernetes.io/storage-class");
    old.or(volume.spec.as_ref().and_then(|s| s.storage_class_name.as_deref())).unwrap_or_default()
}

/// An annotation's value.
pub fn annotation<'a>(all: Option<&'a BTreeMap<String, String>>, key: &str) -> Option<&'a str> {
    all?.get(key).map(String::as_str)
}

/// Does a class leave the choice of a volume to the first pod that uses it?
pub fn waits(class: &StorageClass) -> bool {
    class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")
}

/// The volume a claim names; empty: none yet.
pub fn volume_name(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()).unwrap_or_default()
}

/// Is a claim's binding complete?
pub fn is_complete(claim: &PersistentVolumeClaim) -> bool {
    annotation(claim.metadata.annotations.as_ref(), BIND_COMPLETED).is_some()
}

/// Is a volume kept for, or bound to, this claim?
pub fn is_bound_to(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let Some(r) = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) else { return false };
    r.name == claim.metadata.name
        && r.namespace == claim.metadata.namespace
        && r.uid.as_ref().is_none_or(|u| u.is_empty() || Some(u) == claim.metadata.uid.as_ref())
}

fn size(list: Option<&BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>) -> Quantity {
    list.and_then(|l| l.get("storage")).and_then(|q| q.0.parse().ok()).unwrap_or_default()
}

/// How much a volume holds.
pub fn capacity(volume: &PersistentVolume) -> Quantity {
    size(volume.spec.as_ref().and_then(|s| s.capacity.as_ref()))
}

/// How much a claim asks for.
pub fn requested(claim: &PersistentVolumeClaim) -> Quantity {
    size(claim.spec.as_ref().and_then(|s| s.resources.as_ref()).and_then(|r| r.requests.as_ref()))
}

fn modes(list: Option<&Vec<String>>) -> BTreeSet<&str> {
    list.into_iter().flatten().map(String::as_str).collect()
}

fn mode(m: Option<&String>) -> &str {
    m.map_or("Filesystem", String::as_str)
}

/// Would a volume do for a claim that asks for it by name?
///
/// # Errors
/// What is said in the event VolumeMismatch.
pub fn satisfies(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Result<(), &'static str> {
    let (Some(v), Some(c)) = (&volume.spec, &claim.spec) else { return Err("requested PV is too small") };
    if volume.metadata.deletion_timestamp.is_some() {
        return Err("the volume is marked for deletion");
    }
    if capacity(volume) < requested(claim) {
        return Err("requested PV is too small");
    }
    if class_of(claim) != class_of_volume(volume) {
        return Err("storageClassName does not match");
    }
    if mode(v.volume_mode.as_ref()) != mode(c.volume_mode.as_ref()) {
        return Err("incompatible volumeMode");
    }
    if !modes(c.access_modes.as_ref()).is_subset(&modes(v.access_modes.as_ref())) {
        return Err("incompatible accessMode");
    }
    Ok(())
}

/// May a volume be used on a node with these labels?
pub fn reaches(volume: &PersistentVolume, labels: &BTreeMap<String, String>, node: &str) -> bool {
    let required = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref()).and_then(|a| a.required.as_ref());
    let Some(required) = required else { return true };
    required.node_selector_terms.iter().any(|t| Term::new(t, "").matches(labels, node))
}

/// The best volume for a claim: one that is kept for it, else the smallest that will do, of those with the fewest
/// access modes. `reach` says which may be used where the claim's pod is to run. With `late` only a volume that is
/// kept for the claim is taken: the choice is the scheduler's.
pub fn best<'a>(
    volumes: impl IntoIterator<Item = &'a Arc<PersistentVolume>>,
    claim: &PersistentVolumeClaim,
    reach: impl Fn(&PersistentVolume) -> bool,
    taken: &BTreeSet<String>,
    late: bool,
) -> Option<&'a Arc<PersistentVolume>> {
    let spec = claim.spec.as_ref()?;
    let (wanted, asked) = (modes(spec.access_modes.as_ref()), requested(claim));
    let selector = match &spec.selector {
        Some(s) => Selector::from_typed(Some(s)).ok()?,
        None => Selector::everything(),
    };
    let empty = BTreeMap::new();
    let mut found: Option<(usize, Quantity, &Arc<PersistentVolume>)> = None;
    for v in volumes {
        let Some(s) = &v.spec else { continue };
        let name = v.metadata.name.as_deref().unwrap_or_default();
        let offered = modes(s.access_modes.as_ref());
        let held = is_bound_to(v, claim);
        if taken.contains(name)
            || (s.claim_ref.is_some() && !held)
            || !wanted.is_subset(&offered)
            || capacity(v) < asked
            || mode(s.volume_mode.as_ref()) != mode(spec.volume_mode.as_ref())
            || v.metadata.deletion_timestamp.is_some()
            || s.volume_attributes_class_name != spec.volume_attributes_class_name
        {
            continue;
        }
        if held {
            if reach(v) {
                return Some(v);
            }
            continue;
        }
        let free = v.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Available");
        if late
            || !free
            || class_of_volume(v) != class_of(claim)
            || !selector.matches(v.metadata.labels.as_ref().unwrap_or(&empty))
            || !reach(v)
        {
            continue;
        }
        let rank = (offered.len(), capacity(v));
        if found.as_ref().is_none_or(|(n, size, _)| rank < (*n, *size)) {
            found = Some((rank.0, rank.1, v));
        }
    }
    found.map(|f| f.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn volume(name: &str, size: &str, modes: &[&str]) -> Arc<PersistentVolume> {
        let v = json!({"metadata": {"name": name}, "spec": {"capacity": {"storage": size}, "accessModes": modes}, "status": {"phase": "Available"}});
        Arc::new(serde_json::from_value(v).expect("a volume"))
    }

    fn claim(size: &str, mode: &str) -> PersistentVolumeClaim {
        let v = json!({"metadata": {"name": "c", "namespace": "default", "uid": "u"}, "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}}});
        serde_json::from_value(v).expect("a claim")
    }

    #[test]
    fn the_smallest_that_will_do() {
        let mut all = vec![
            volume("small", "1Gi", &["ReadWriteOnce"]),
            volume("large", "10Gi", &["ReadWriteOnce"]),
            volume("fits", "5Gi", &["ReadWriteOnce"]),
            volume("both", "3Gi", &["ReadWriteOnce", "ReadWriteMany"]),
        ];
        let pick = |all: &[Arc<PersistentVolume>], c: &PersistentVolumeClaim, late| {
            best(all, c, |_| true, &BTreeSet::new(), late).and_then(|v| v.metadata.name.clone())
        };
        assert_eq!(pick(&all, &claim("3Gi", "ReadWriteOnce"), false).as_deref(), Some("fits"));
        assert_eq!(pick(&all, &claim("3Gi", "ReadWriteMany"), false).as_deref(), Some("both"));
        assert_eq!(pick(&all, &claim("20Gi", "ReadWriteOnce"), false), None);
        assert_eq!(pick(&all, &claim("3Gi", "ReadWriteOnce"), true), None, "the scheduler's choice");
        let kept = Arc::make_mut(&mut all[1]).spec.as_mut().expect("a spec");
        kept.claim_ref =
            Some(serde_json::from_value(json!({"name": "c", "namespace": "default"})).expect("a reference"));
        assert_eq!(pick(&all, &claim("3Gi", "ReadWriteOnce"), true).as_deref(), Some("large"), "kept for the claim");
    }
}
