//! What is in use stays: claims that pods have, volumes that claims have; and claims that a pod brings along. Models
//! pkg/controller/volume/pvcprotection, pvprotection and ephemeral.

use super::{Done, POD};
use crate::api::error::Status;
use crate::controllers::Action;
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj, PodRecord};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde_json::json;
use std::sync::Arc;

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";

/// The claims a pod's volumes name, its own ones included.
pub(super) fn claims_of(pod: &PodRecord) -> Vec<String> {
    let volumes = pod.proto.pod.spec.as_ref().and_then(|s| s.volumes.as_ref());
    volumes
        .into_iter()
        .flatten()
        .filter_map(|v| match (&v.persistent_volume_claim, &v.ephemeral) {
            (Some(c), _) => Some(c.claim_name.clone()),
            (None, Some(_)) => Some(format!("{}-{}", pod.name, v.name)),
            _ => None,
        })
        .collect()
}

fn users<'a>(sim: &'a Sim, claim: &'a PersistentVolumeClaim) -> impl Iterator<Item = &'a Arc<PodRecord>> + 'a {
    let (ns, name) = (claim.metadata.namespace.as_deref(), claim.metadata.name.as_deref().unwrap_or_default());
    sim.store.list(Kind::Pod, ns).filter_map(move |o| match o {
        Obj::Pod(p) if claims_of(p).iter().any(|c| c == name) => Some(p),
        _ => None,
    })
}

/// Pods that use a claim and have no node yet.
pub(super) fn unscheduled_users(sim: &Sim, claim: &PersistentVolumeClaim) -> Vec<String> {
    users(sim, claim).filter(|p| p.node.is_none() && p.is_active()).map(|p| p.name.to_string()).collect()
}

/// Claims that a pod's change may set free, and pods that bring claims along.
pub(super) fn keys_of_pod(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    if let (None, Some(Obj::Pod(p))) = (&change.old, &change.new) {
        let volumes = p.proto.pod.spec.as_ref().and_then(|s| s.volumes.as_ref());
        if volumes.into_iter().flatten().any(|v| v.ephemeral.is_some()) {
            add(Key::new(p.namespace.clone(), format!("{POD}{}", p.name)));
        }
    }
    if let (Some(Obj::Pod(p)), None) = (&change.old, &change.new)
        && sim.store.count(Kind::PersistentVolumeClaim) > 0
    {
        for claim in claims_of(p) {
            let key = Key::new(p.namespace.clone(), claim);
            if sim.store.get(Kind::PersistentVolumeClaim, &key).is_some_and(Obj::deleting) {
                add(key);
            }
        }
    }
}

/// Lets a claim go that is being deleted and that no pod with a node uses. None: it is gone.
pub(super) fn let_go_of_claim(
    sim: &mut Sim,
    claim: &Arc<PersistentVolumeClaim>,
) -> Result<Option<Arc<PersistentVolumeClaim>>, Status> {
    let held = claim.metadata.finalizers.iter().flatten().any(|f| f == CLAIM_FINALIZER);
    if claim.metadata.deletion_timestamp.is_none() || !held || users(sim, claim).any(|p| p.node.is_some()) {
        return Ok(Some(claim.clone()));
    }
    let mut new = (**claim).clone();
    new.metadata.finalizers = without(&new.metadata.finalizers, CLAIM_FINALIZER);
    // a claim whose last finalizer goes is gone with it
    let _ = sim.update_typed(&new);
    Ok(sim.store.typed::<PersistentVolumeClaim>(&Key::of(&claim.metadata)).cloned())
}

/// Lets a volume go that is being deleted and not bound. None: it is gone.
pub(super) fn let_go_of_volume(
    sim: &mut Sim,
    volume: &Arc<PersistentVolume>,
) -> Result<Option<Arc<PersistentVolume>>, Status> {
    let held = volume.metadata.finalizers.iter().flatten().any(|f| f == VOLUME_FINALIZER);
    let bound = volume.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
    if volume.metadata.deletion_timestamp.is_none() || !held || bound {
        return Ok(Some(volume.clone()));
    }
    let mut new = (**volume).clone();
    new.metadata.finalizers = without(&new.metadata.finalizers, VOLUME_FINALIZER);
    let _ = sim.update_typed(&new);
    Ok(sim.store.typed::<PersistentVolume>(&Key::of(&volume.metadata)).cloned())
}

/// Finalizers without one of them.
pub(super) fn without(finalizers: &Option<Vec<String>>, gone: &str) -> Option<Vec<String>> {
    let left: Vec<String> = finalizers.iter().flatten().filter(|f| *f != gone).cloned().collect();
    (!left.is_empty()).then_some(left)
}

/// Makes the claims that a pod brings along.
pub(super) fn ephemeral(sim: &mut Sim, key: &Key) -> Done {
    let Some(pod) = sim.store.pod_by_name(key).cloned() else { return Ok(Action::Done) };
    if pod.deletion.is_some() {
        return Ok(Action::Done);
    }
    for v in pod.proto.pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()) {
        let Some(template) = v.ephemeral.as_ref().and_then(|e| e.volume_claim_template.as_ref()) else { continue };
        let name = format!("{}-{}", pod.name, v.name);
        let uid = sim.store.ids.uid(pod.id);
        if let Some(there) =
            sim.store.typed::<PersistentVolumeClaim>(&Key::new(key.namespace.clone(), name.as_str())).cloned()
        {
            let ours = there.metadata.owner_references.iter().flatten().any(|r| r.uid == uid);
            if !ours {
                let message = format!("PVC {}/{name} was not created for the pod", key.namespace);
                sim.record("ephemeral_volume", &Obj::Pod(pod.clone()), true, "FailedBinding", message);
            }
            continue;
        }
        let meta = template.metadata.clone().unwrap_or_default();
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": *key.namespace, "labels": meta.labels, "annotations": meta.annotations,
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": *pod.name, "uid": uid, "controller": true, "blockOwnerDeletion": true}]},
            "spec": template.spec,
        });
        let claim: PersistentVolumeClaim =
            crate::store::read(&claim).map_err(|e| Status::bad_request(e.to_string()))?;
        sim.create_typed(&claim)?;
    }
    Ok(Action::Done)
}
