//! The garbage collector: what lost all its owners goes; what waits for its dependents waits.
//! Models pkg/controller/garbagecollector.

use super::Action;
use crate::api::error::Status;
use crate::apiserver::request::{ContentType, Method, Request};
use crate::apiserver::server::DeleteOptions;
use crate::sim::Sim;
use crate::store::{Change, Id, Key, Kind, Obj};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;

/// Finalizer of an object that waits for its dependents to go.
const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an object whose dependents are to be let go first.
const ORPHAN: &str = "orphan";

fn key(id: Id) -> Key {
    Key::new("", id.to_string())
}

/// Keys (handles) that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    let id = change.obj().id(&sim.store.ids);
    match &change.new {
        None => {
            for dependent in sim.store.dependents(id) {
                add(key(dependent));
            }
            // an owner that waits for this one may go on
            for owner in owners(sim, change.obj()) {
                add(key(owner));
            }
        }
        Some(new) => {
            // a change that leaves a pod's references alone is the commonest of all
            if let (Some(Obj::Pod(a)), Obj::Pod(b)) = (&change.old, new)
                && std::sync::Arc::ptr_eq(&a.proto, &b.proto)
                && b.deletion.is_none()
            {
                return;
            }
            let refs_changed = change.old.as_ref().is_none_or(|o| o.owner_uids() != new.owner_uids());
            let suspicious = |uid: &String| sim.store.by_uid(uid).is_none_or(Obj::deleting);
            if (refs_changed && new.owner_uids().iter().any(suspicious))
                || (new.deleting() && !new.finalizers().is_empty())
            {
                add(key(id));
            }
            if refs_changed && let Some(old) = &change.old {
                for owner in owners(sim, old) {
                    add(key(owner));
                }
            }
        }
    }
}

fn owners(sim: &Sim, o: &Obj) -> Vec<Id> {
    o.owner_uids().iter().filter_map(|u| sim.store.ids.parse(u)).filter(|id| sim.store.lives(*id)).collect()
}

fn references(o: &Obj) -> Vec<OwnerReference> {
    match o {
        Obj::Pod(p) => p.proto.pod.metadata.owner_references.clone(),
        other => other.meta().and_then(|m| m.owner_references.clone()),
    }
    .unwrap_or_default()
}

/// One sync of a handle.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(id) = key.name.parse().ok() else { return Action::Done };
    let Some(obj) = sim.store.by_id(id).cloned() else { return Action::Done };
    match collect(sim, id, &obj) {
        Err(e) if e.code != 404 => Action::Retry,
        _ => Action::Done,
    }
}

fn collect(sim: &mut Sim, id: Id, obj: &Obj) -> Result<(), Status> {
    let finalizers = obj.finalizers();
    if obj.deleting() {
        if finalizers.iter().any(|f| f == ORPHAN) {
            return orphan(sim, id, obj);
        }
        if finalizers.iter().any(|f| f == FOREGROUND) {
            return foreground(sim, id, obj);
        }
        return Ok(());
    }
    let refs = references(obj);
    if refs.is_empty() {
        return Ok(());
    }
    let (mut solid, mut dangling, mut waiting) = (vec![], vec![], vec![]);
    for r in refs {
        let owner = sim.store.by_uid(&r.uid);
        match owner {
            // an owner of a kind that is not simulated cannot be looked up: leave its dependents alone
            None if Kind::by_name(&r.kind).is_none() && !sim.serves(&r.api_version, &r.kind) => solid.push(r),
            None => dangling.push(r),
            Some(o) => {
                let waits = o.deleting() && o.finalizers().iter().any(|f| f == FOREGROUND);
                if waits && r.block_owner_deletion == Some(true) { waiting.push(r) } else { solid.push(r) }
            }
        }
    }
    if !solid.is_empty() {
        if !dangling.is_empty() || !waiting.is_empty() {
            let gone: Vec<String> = dangling.into_iter().chain(waiting).map(|r| r.uid).collect();
            remove_references(sim, obj, &gone)?;
        }
        return Ok(());
    }
    let has_dependents = sim.store.dependents(id).next().is_some();
    let policy = if !waiting.is_empty() && has_dependents {
        "Foreground"
    } else if finalizers.iter().any(|f| f == ORPHAN) {
        "Orphan"
    } else if finalizers.iter().any(|f| f == FOREGROUND) {
        "Foreground"
    } else {
        "Background"
    };
    let options = DeleteOptions { propagation: Some(policy.into()), ..DeleteOptions::default() };
    sim.delete_typed(obj.kind(), &obj.key(), &options).map(|_| ())
}

/// A foreground deletion ends when no dependent blocks it; until then the dependents are told to go.
fn foreground(sim: &mut Sim, id: Id, obj: &Obj) -> Result<(), Status> {
    let uid = sim.store.ids.uid(id);
    let dependents: Vec<Obj> = sim.store.dependents(id).filter_map(|d| sim.store.by_id(d).cloned()).collect();
    let blocks = |o: &Obj| references(o).iter().any(|r| r.uid == uid && r.block_owner_deletion == Some(true));
    if !dependents.iter().any(blocks) {
        return drop_finalizer(sim, obj, FOREGROUND);
    }
    for d in dependents.iter().filter(|d| blocks(d) && !d.deleting()) {
        let d_id = d.id(&sim.store.ids);
        collect(sim, d_id, d)?;
    }
    Ok(())
}

fn orphan(sim: &mut Sim, id: Id, obj: &Obj) -> Result<(), Status> {
    let uid = sim.store.ids.uid(id);
    let dependents: Vec<Obj> = sim.store.dependents(id).filter_map(|d| sim.store.by_id(d).cloned()).collect();
    for d in &dependents {
        remove_references(sim, d, std::slice::from_ref(&uid))?;
    }
    drop_finalizer(sim, obj, ORPHAN)
}

fn drop_finalizer(sim: &mut Sim, obj: &Obj, finalizer: &str) -> Result<(), Status> {
    let left: Vec<String> = obj.finalizers().into_iter().filter(|f| f != finalizer).collect();
    patch(sim, obj, json!({"metadata": {"finalizers": if left.is_empty() { json!(null) } else { json!(left) }}}))
}

fn remove_references(sim: &mut Sim, obj: &Obj, uids: &[String]) -> Result<(), Status> {
    if let Obj::Pod(p) = obj {
        return sim
            .update_pod_meta(p.id, |pod| {
                if let Some(refs) = &mut pod.metadata.owner_references {
                    refs.retain(|r| !uids.contains(&r.uid));
                }
                pod.metadata.owner_references = pod.metadata.owner_references.take().filter(|r| !r.is_empty());
            })
            .map(|_| ());
    }
    let left: Vec<OwnerReference> = references(obj).into_iter().filter(|r| !uids.contains(&r.uid)).collect();
    patch(sim, obj, json!({"metadata": {"ownerReferences": if left.is_empty() { json!(null) } else { json!(left) }}}))
}

fn patch(sim: &mut Sim, obj: &Obj, body: serde_json::Value) -> Result<(), Status> {
    let key = obj.key();
    let path = obj.kind().info().path(Some(&key.namespace), Some(&key.name));
    let mut request = Request::new(Method::Patch, path).body(body);
    request.content_type = ContentType::MergePatch;
    sim.request(request).ok().map(|_| ())
}
