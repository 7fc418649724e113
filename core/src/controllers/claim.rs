//! Adoption and release: who controls what, by owner reference and selector.
//! Models pkg/controller/controller_ref_manager.go.

use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::sim::Sim;
use crate::store::{Change, Id, Key, Kind, Obj, PodRecord, Typed};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use std::sync::Arc;

/// The owner reference with `controller: true`.
pub fn controller_of(m: &ObjectMeta) -> Option<&OwnerReference> {
    m.owner_references.as_ref()?.iter().find(|o| o.controller == Some(true))
}

/// The reference that makes the object with this metadata another's controller.
pub fn owner_reference(api_version: &str, kind: &str, m: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: api_version.into(),
        kind: kind.into(),
        name: m.name.clone().unwrap_or_default(),
        uid: m.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Keys of the objects of a kind whose selector picks something with these labels: who might adopt an orphan.
pub fn matching<T: Typed>(
    sim: &Sim,
    orphan: &ObjectMeta,
    selector: impl Fn(&T) -> Option<&LabelSelector>,
    add: &mut dyn FnMut(Key),
) {
    let empty = Default::default();
    let labels = orphan.labels.as_ref().unwrap_or(&empty);
    if labels.is_empty() {
        return;
    }
    for o in sim.store.list_typed::<T>(orphan.namespace.as_deref()) {
        if let Some(s) = selector(o)
            && *s != LabelSelector::default()
            && Selector::from_typed(Some(s)).is_ok_and(|s| s.matches(labels))
        {
            add(Key::of(o.metadata()));
        }
    }
}

/// Keys of the controllers of one kind that a change of a pod concerns: its owner before and after, and, for an orphan,
/// those that might adopt it.
pub fn owners_of_pod(
    sim: &Sim,
    change: &Change,
    kind: Kind,
    adopters: impl Fn(&Sim, &ObjectMeta, &mut dyn FnMut(Key)),
    add: &mut dyn FnMut(Key),
) {
    let mut last = None;
    for o in [&change.old, &change.new].into_iter().flatten() {
        let Obj::Pod(p) = o else { continue };
        match p.proto.controller {
            Some(id) if last == Some(id) => {}
            Some(id) => {
                last = Some(id);
                if let Some((k, key)) = sim.store.name_of(id)
                    && k == kind
                {
                    add(key);
                }
            }
            None if change.new.is_some() && p.deletion.is_none() && sim.store.count(kind) > 0 => {
                let meta = ObjectMeta {
                    name: Some(p.name.to_string()),
                    namespace: Some(p.namespace.to_string()),
                    labels: p.proto.pod.metadata.labels.clone(),
                    ..ObjectMeta::default()
                };
                adopters(sim, &meta, add);
            }
            None => {}
        }
    }
}

/// The ReplicaSets of a Deployment: orphans that match are adopted, owned ones that no longer match are released.
pub fn replica_sets(sim: &mut Sim, d: &Arc<Deployment>) -> Result<Vec<Arc<ReplicaSet>>, Status> {
    let selector = d.spec.as_ref().map(|s| s.selector.clone()).unwrap_or_default();
    let Ok(selector) = Selector::from_typed(Some(&selector)) else { return Ok(vec![]) };
    let empty = Default::default();
    let id = d.metadata.uid.as_deref().and_then(|u| sim.store.ids.parse(u)).unwrap_or(0);
    let deleting = d.metadata.deletion_timestamp.is_some();
    let mut mine: Vec<Arc<ReplicaSet>> =
        sim.store.dependents(id).filter_map(|i| sim.store.by_id(i)?.typed::<ReplicaSet>().cloned()).collect();
    let ns: Arc<str> = d.metadata.namespace.as_deref().unwrap_or_default().into();
    let orphans: Vec<Arc<ReplicaSet>> = sim
        .store
        .uncontrolled(Kind::ReplicaSet, &ns)
        .filter_map(|i| sim.store.by_id(i)?.typed::<ReplicaSet>().cloned())
        .collect();
    let mut out = vec![];
    mine.retain(|r| controller_of(&r.metadata).is_some_and(|o| Some(&o.uid) == d.metadata.uid.as_ref()));
    for rs in mine {
        if selector.matches(rs.metadata.labels.as_ref().unwrap_or(&empty)) {
            out.push(rs);
        } else if !deleting {
            let mut new = (*rs).clone();
            if let Some(refs) = &mut new.metadata.owner_references {
                refs.retain(|o| Some(&o.uid) != d.metadata.uid.as_ref());
            }
            match sim.update_typed(&new) {
                Err(e) if e.code != 404 => return Err(e),
                _ => {}
            }
        }
    }
    for rs in orphans {
        if deleting
            || rs.metadata.deletion_timestamp.is_some()
            || !selector.matches(rs.metadata.labels.as_ref().unwrap_or(&empty))
        {
            continue;
        }
        let mut new = (*rs).clone();
        new.metadata.owner_references.get_or_insert_default().push(owner_reference(
            "apps/v1",
            "Deployment",
            &d.metadata,
        ));
        match sim.update_typed(&new) {
            Ok(rs) => out.push(rs),
            Err(e) if e.code == 404 => {}
            Err(e) => return Err(e),
        }
    }
    Ok(out)
}

/// The pods of a controller, by the same rule. `owner` is the reference that adopted pods get.
pub fn pods(
    sim: &mut Sim,
    id: Id,
    owner: &OwnerReference,
    namespace: &str,
    selector: &Selector,
    deleting: bool,
) -> Result<Vec<Arc<PodRecord>>, Status> {
    pods_that(sim, id, owner, namespace, (selector, &|_| true), deleting)
}

/// Like [`pods`], of those pods only that are members by another rule too.
pub fn pods_that(
    sim: &mut Sim,
    id: Id,
    owner: &OwnerReference,
    namespace: &str,
    (selector, is_member): (&Selector, &dyn Fn(&PodRecord) -> bool),
    deleting: bool,
) -> Result<Vec<Arc<PodRecord>>, Status> {
    let mut out: Vec<Arc<PodRecord>> = vec![];
    let mut released: Vec<Id> = vec![];
    // pods of one template share their label set: ask the selector once for each set
    let mut known: Option<(u32, bool)> = None;
    let mut matches = |p: &PodRecord| match known {
        Some((set, answer)) if set == p.proto.labels.id => answer,
        _ => {
            let answer = selector.matches_by(|k| p.proto.labels.get(k));
            known = Some((p.proto.labels.id, answer));
            answer
        }
    };
    for p in sim.store.pods_of_owner(id) {
        if p.proto.controller != Some(id) {
            continue;
        }
        if matches(p) && is_member(p) {
            out.push(p.clone());
        } else if !deleting {
            released.push(p.id);
        }
    }
    let adopted: Vec<Id> = if deleting {
        vec![]
    } else {
        let ns: Arc<str> = namespace.into();
        sim.store
            .uncontrolled(Kind::Pod, &ns)
            .filter_map(|i| sim.store.pod(i))
            .filter(|p| p.is_active() && matches(p) && is_member(p))
            .map(|p| p.id)
            .collect()
    };
    for p in released {
        sim.update_pod_meta(p, |pod| {
            if let Some(refs) = &mut pod.metadata.owner_references {
                refs.retain(|o| o.uid != owner.uid);
                if refs.is_empty() {
                    pod.metadata.owner_references = None;
                }
            }
        })?;
    }
    for p in adopted {
        out.push(sim.update_pod_meta(p, |pod| {
            pod.metadata.owner_references.get_or_insert_default().push(owner.clone());
        })?);
    }
    Ok(out)
}
