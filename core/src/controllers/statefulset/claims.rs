//! Claims of StatefulSets' pods, and who owns them: nobody, the set (they go with it) or the pod (they go when it is
//! scaled away). Models stateful_pod_control.go and updateClaimOwnerRefForSetAndPod.

use super::identity;
use crate::api::error::Status;
use crate::controllers::claim;
use crate::sim::Sim;
use crate::store::{Id, Key};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use std::sync::Arc;

/// A pod as an owner.
fn pod_reference(sim: &Sim, name: &str, id: Id) -> OwnerReference {
    OwnerReference {
        api_version: "v1".into(),
        kind: "Pod".into(),
        name: name.into(),
        uid: sim.store.ids.uid(id),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn stored(sim: &Sim, set: &StatefulSet, ordinal: i64) -> Vec<Arc<PersistentVolumeClaim>> {
    let templates = set.spec.as_ref().and_then(|s| s.volume_claim_templates.as_deref()).unwrap_or_default();
    let ns = set.metadata.namespace.as_deref().unwrap_or_default();
    templates
        .iter()
        .filter_map(|t| sim.store.typed(&Key::new(ns, identity::claim_name(set, t, ordinal))).cloned())
        .collect()
}

/// Whether a claim of this ordinal, which has no pod now, is owned by an earlier one.
pub fn is_stale(sim: &Sim, set: &StatefulSet, ordinal: i64) -> bool {
    let name = identity::pod_name(set, ordinal);
    let stale = |r: &OwnerReference| r.kind == "Pod" && r.name == name;
    stored(sim, set, ordinal).iter().any(|c| c.metadata.owner_references.iter().flatten().any(stale))
}

/// The owner that the retention policy gives the claims of a pod; `None`: nobody of the set.
pub fn owner(set: &StatefulSet, owner: &OwnerReference, pod: &OwnerReference, ordinal: i64) -> Option<OwnerReference> {
    let policy = set.spec.as_ref().and_then(|s| s.persistent_volume_claim_retention_policy.as_ref());
    let deletes = |v: Option<&String>| v.is_some_and(|v| v == "Delete");
    let scaled = deletes(policy.and_then(|p| p.when_scaled.as_ref()));
    let deleted = deletes(policy.and_then(|p| p.when_deleted.as_ref()));
    if scaled && !identity::in_range(set, ordinal) { Some(pod.clone()) } else { deleted.then(|| owner.clone()) }
}

/// Gives the claims of a pod the owner that the retention policy asks for. Claims that something else controls are
/// left alone.
///
/// # Errors
/// The API server refuses a change.
pub fn set_owners(
    sim: &mut Sim,
    set: &StatefulSet,
    set_owner: &OwnerReference,
    (ordinal, pod_name, pod): (i64, &str, Id),
) -> Result<(), Status> {
    let pod = pod_reference(sim, pod_name, pod);
    let wanted = owner(set, set_owner, &pod, ordinal);
    for c in stored(sim, set, ordinal) {
        let ours =
            |r: &OwnerReference| r.uid == set_owner.uid || r.uid == pod.uid || (r.kind == "Pod" && r.name == pod.name);
        if claim::controller_of(&c.metadata).is_some_and(|r| !ours(r)) {
            continue;
        }
        let mut refs = c.metadata.owner_references.clone().unwrap_or_default();
        refs.retain(|r| !ours(r));
        refs.extend(wanted.clone());
        if c.metadata.owner_references.as_deref().unwrap_or_default() == refs.as_slice() {
            continue;
        }
        let mut new = (*c).clone();
        new.metadata.owner_references = (!refs.is_empty()).then_some(refs);
        sim.update_typed(&new)?;
    }
    Ok(())
}
