//! The history of a DaemonSet or StatefulSet: ControllerRevisions, each with a patch that puts a pod template back.
//! Models pkg/controller/history. It knows neither of the two kinds, only who owns a history and what it selects.

use super::claim;
use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::apiserver::server::DeleteOptions;
use crate::sim::Sim;
use crate::store::{Key, Kind};
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Label of pods that names the revision they were made by.
pub const HASH_LABEL: &str = "controller-revision-hash";

/// A history that is added to.
#[derive(Clone, Debug)]
pub struct Owner<'a> {
    /// The reference that its revisions get.
    pub reference: OwnerReference,
    /// The owner's metadata; its annotations are copied to new revisions.
    pub meta: &'a ObjectMeta,
    /// Selects the revisions, as it selects the pods.
    pub selector: &'a Selector,
}

/// What a revision of this template holds: a strategic merge patch of the owner that puts the template back whole.
pub fn data_of(template: &PodTemplateSpec) -> RawExtension {
    let mut template = serde_json::to_value(template).unwrap_or_default();
    if let Some(t) = template.as_object_mut() {
        t.insert("$patch".into(), "replace".into());
    }
    RawExtension(json!({"spec": {"template": template}}))
}

/// The template that a revision puts back.
pub fn template_of(revision: &ControllerRevision) -> PodTemplateSpec {
    let mut template = revision.data.as_ref().map_or(Value::Null, |d| d.0["spec"]["template"].clone());
    if let Some(t) = template.as_object_mut() {
        t.remove("$patch");
    }
    crate::store::read(&template).unwrap_or_default()
}

/// The name of a revision.
pub fn name_of(revision: &ControllerRevision) -> &str {
    revision.metadata.name.as_deref().unwrap_or_default()
}

/// The number that the next revision gets.
pub fn next_number(sorted: &[Arc<ControllerRevision>]) -> i64 {
    sorted.last().map_or(0, |r| r.revision) + 1
}

/// The owner's revisions by number, the oldest first; orphans that match are adopted.
///
/// # Errors
/// The API server refuses an adoption.
pub fn revisions(sim: &mut Sim, owner: &Owner) -> Result<Vec<Arc<ControllerRevision>>, Status> {
    let ns = owner.meta.namespace.as_deref().unwrap_or_default();
    let empty = BTreeMap::new();
    let (mut out, mut orphans) = (vec![], vec![]);
    for r in sim.store.list_typed::<ControllerRevision>(Some(ns)) {
        let m = &r.metadata;
        match claim::controller_of(m) {
            Some(o) if o.uid != owner.reference.uid => {}
            _ if !owner.selector.matches(m.labels.as_ref().unwrap_or(&empty)) => {}
            Some(_) => out.push(r.clone()),
            None if m.deletion_timestamp.is_none() => orphans.push(r.clone()),
            None => {}
        }
    }
    if owner.meta.deletion_timestamp.is_none() {
        for r in orphans {
            let mut new = (*r).clone();
            new.metadata.owner_references.get_or_insert_default().push(owner.reference.clone());
            match sim.update_typed(&new) {
                Ok(r) => out.push(r),
                Err(e) if e.code == 404 => {}
                Err(e) => return Err(e),
            }
        }
    }
    let age = |r: &ControllerRevision| r.metadata.creation_timestamp.as_ref().map(|t| t.0);
    out.sort_by(|a, b| {
        a.revision.cmp(&b.revision).then_with(|| age(a).cmp(&age(b))).then_with(|| name_of(a).cmp(name_of(b)))
    });
    Ok(out)
}

/// Stores a new revision. `Ok(None)`: its name is taken by a revision of something else, so another hash is needed.
///
/// # Errors
/// The API server refuses it.
pub fn create(
    sim: &mut Sim,
    owner: &Owner,
    (name, labels): (String, BTreeMap<String, String>),
    data: RawExtension,
    number: i64,
) -> Result<Option<Arc<ControllerRevision>>, Status> {
    let revision = ControllerRevision {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: owner.meta.namespace.clone(),
            labels: Some(labels),
            annotations: owner.meta.annotations.clone(),
            owner_references: Some(vec![owner.reference.clone()]),
            ..ObjectMeta::default()
        },
        data: Some(data),
        revision: number,
    };
    match sim.create_typed(&revision) {
        Ok(r) => Ok(Some(r)),
        Err(e) if e.reason == "AlreadyExists" => {
            let there = sim.store.typed::<ControllerRevision>(&Key::of(&revision.metadata)).cloned().ok_or(e)?;
            Ok((there.data == revision.data).then_some(there))
        }
        Err(e) => Err(e),
    }
}

/// Gives a revision a new number: it is the newest again.
///
/// # Errors
/// The API server refuses the update.
pub fn renumber(sim: &mut Sim, r: &Arc<ControllerRevision>, number: i64) -> Result<Arc<ControllerRevision>, Status> {
    if r.revision == number {
        return Ok(r.clone());
    }
    let mut new = (**r).clone();
    new.revision = number;
    sim.update_typed(&new)
}

/// The revisions beyond the limit that may go, the oldest first. `old`: all but those in use.
pub fn surplus(old: &[Arc<ControllerRevision>], limit: Option<i32>) -> &[Arc<ControllerRevision>] {
    let keep = limit.unwrap_or(10).max(0) as usize;
    &old[..old.len().saturating_sub(keep)]
}

/// Deletes revisions.
///
/// # Errors
/// The API server refuses a deletion.
pub fn delete(sim: &mut Sim, list: &[Arc<ControllerRevision>]) -> Result<(), Status> {
    for r in list {
        match sim.delete_typed(Kind::ControllerRevision, &Key::of(&r.metadata), &DeleteOptions::default()) {
            Err(e) if e.code != 404 => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
