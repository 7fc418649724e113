//! The Deployment controller: one step of a rollout a sync. Models pkg/controller/deployment. It sees ReplicaSets, not
//! pods (but for Recreate, which waits for the last old pod), and never creates or deletes a pod itself.

pub mod rolling;
pub mod status;
pub mod util;

use super::{Action, claim};
use crate::api::error::Status;
use crate::sim::Sim;
use crate::store::pod::Phase;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use std::sync::Arc;
use util::{HASH_LABEL, REVISION};

const SOURCE: &str = "deployment-controller";

/// Keys that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::Deployment if change.new.is_some() => add(change.obj().key()),
        Kind::ReplicaSet => {
            for rs in [&change.old, &change.new].into_iter().flatten().filter_map(Obj::typed::<ReplicaSet>) {
                match claim::controller_of(&rs.metadata) {
                    Some(o) if o.kind == "Deployment" => {
                        add(Key::new(rs.metadata.namespace.clone().unwrap_or_default(), o.name.as_str()))
                    }
                    Some(_) => {}
                    None => {
                        claim::matching::<Deployment>(sim, &rs.metadata, |d| d.spec.as_ref().map(|s| &s.selector), add)
                    }
                }
            }
        }
        // only the end of a pod matters, and only to Recreate
        Kind::Pod if change.new.is_none() => {
            if let Some(Obj::Pod(p)) = &change.old
                && let Some(rs) =
                    p.proto.controller.and_then(|id| sim.store.by_id(id)).and_then(Obj::typed::<ReplicaSet>)
                && let Some(o) = claim::controller_of(&rs.metadata)
                && o.kind == "Deployment"
            {
                let key = Key::new(p.namespace.clone(), o.name.as_str());
                if sim.store.typed::<Deployment>(&key).is_some_and(|d| util::is_recreate(d)) {
                    add(key);
                }
            }
        }
        _ => {}
    }
}

/// One sync.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(d) = sim.store.typed::<Deployment>(key).cloned() else { return Action::Done };
    match sync_deployment(sim, d) {
        Ok(action) => action,
        // a namespace that is going away needs no retries
        Err(e) if e.code == 403 && e.message.contains("because it is being terminated") => Action::Done,
        Err(_) => Action::Retry,
    }
}

fn sync_deployment(sim: &mut Sim, d: Arc<Deployment>) -> Result<Action, Status> {
    let spec = d.spec.clone().unwrap_or_default();
    if spec.selector == LabelSelector::default() {
        let text = "This deployment is selecting all pods. A non-empty selector is required.";
        sim.record(SOURCE, &Obj::Deployment(d.clone()), true, "SelectingAll", text);
        if d.status.as_ref().and_then(|s| s.observed_generation).unwrap_or(0) < d.metadata.generation.unwrap_or(0) {
            let mut new = (*d).clone();
            new.status.get_or_insert_default().observed_generation = d.metadata.generation;
            sim.update_status_typed(new)?;
        }
        return Ok(Action::Done);
    }
    let all = claim::replica_sets(sim, &d)?;
    if d.metadata.deletion_timestamp.is_some() {
        return status_only(sim, &d, &all);
    }
    let d = check_paused(sim, d)?;
    if spec.paused == Some(true) {
        return scale_and_status(sim, &d, &all);
    }
    let scaled = all.iter().filter(|r| util::rs_replicas(r) > 0).any(|r| {
        util::annotation(&**r, util::DESIRED_REPLICAS)
            .and_then(|a| a.parse::<i32>().ok())
            .is_some_and(|n| n != util::replicas(&d))
    });
    if scaled {
        return scale_and_status(sim, &d, &all);
    }
    if util::is_recreate(&d) { recreate(sim, &d, &all) } else { rolling::rollout(sim, &d, &all) }
}

fn status_only(sim: &mut Sim, d: &Arc<Deployment>, all: &[Arc<ReplicaSet>]) -> Result<Action, Status> {
    let (d, new, old) = revisions(sim, d, all, false)?;
    status::sync(sim, &d, &together(&old, &new), new.as_deref())?;
    Ok(Action::Done)
}

fn scale_and_status(sim: &mut Sim, d: &Arc<Deployment>, all: &[Arc<ReplicaSet>]) -> Result<Action, Status> {
    let (d, new, old) = revisions(sim, d, all, false)?;
    scale(sim, &d, &new, &old)?;
    if d.spec.as_ref().and_then(|s| s.paused) == Some(true) {
        cleanup(sim, &d, &old)?;
    }
    status::sync(sim, &d, &together(&old, &new), new.as_deref())?;
    Ok(Action::Done)
}

pub(super) fn together(old: &[Arc<ReplicaSet>], new: &Option<Arc<ReplicaSet>>) -> Vec<Arc<ReplicaSet>> {
    old.iter().cloned().chain(new.iter().cloned()).collect()
}

/// Writes what pausing and resuming mean for the Progressing condition: a paused rollout cannot time out.
fn check_paused(sim: &mut Sim, d: Arc<Deployment>) -> Result<Arc<Deployment>, Status> {
    if !util::has_deadline(&d) {
        return Ok(d);
    }
    let paused = d.spec.as_ref().and_then(|s| s.paused) == Some(true);
    let reason = d.status.as_ref().and_then(|s| util::condition(s, "Progressing")).and_then(|c| c.reason.clone());
    if reason.as_deref() == Some("ProgressDeadlineExceeded") {
        return Ok(d);
    }
    let was_paused = reason.as_deref() == Some("DeploymentPaused");
    let (reason, message) = match (paused, was_paused) {
        (true, false) => ("DeploymentPaused", "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return Ok(d),
    };
    let mut new = (*d).clone();
    let c = util::new_condition("Progressing", "Unknown", reason, message.into(), sim.now);
    util::set_condition(new.status.get_or_insert_default(), c);
    sim.update_status_typed(new)
}

type Revisions = (Arc<Deployment>, Option<Arc<ReplicaSet>>, Vec<Arc<ReplicaSet>>);

/// The new ReplicaSet (made if need be and asked for) and the old ones; the Deployment as it is after that.
pub(super) fn revisions(
    sim: &mut Sim,
    d: &Arc<Deployment>,
    all: &[Arc<ReplicaSet>],
    create: bool,
) -> Result<Revisions, Status> {
    let existing = util::find_new(d, all);
    let uid = existing.as_ref().and_then(|r| r.metadata.uid.clone());
    let old: Vec<_> = all.iter().filter(|r| uid.is_none() || r.metadata.uid != uid).cloned().collect();
    let newest = old.iter().map(|r| util::revision(&**r)).max().unwrap_or(0) + 1;
    if let Some(rs) = existing {
        let (d, rs) = refresh_new(sim, d, rs, newest)?;
        return Ok((d, Some(rs), old));
    }
    if !create {
        return Ok((d.clone(), None, old));
    }
    let (d, rs) = create_new(sim, d, &old, newest)?;
    Ok((d, Some(rs), old))
}

fn refresh_new(
    sim: &mut Sim,
    d: &Arc<Deployment>,
    rs: Arc<ReplicaSet>,
    newest: i64,
) -> Result<(Arc<Deployment>, Arc<ReplicaSet>), Status> {
    let mut new = (*rs).clone();
    let annotated = util::set_new_rs_annotations(d, &mut new, newest, true);
    let min_ready = d.spec.as_ref().and_then(|s| s.min_ready_seconds);
    let spec = new.spec.get_or_insert_default();
    if annotated || spec.min_ready_seconds.unwrap_or(0) != min_ready.unwrap_or(0) {
        spec.min_ready_seconds = min_ready;
        let rs = sim.update_typed(&new)?;
        return Ok((d.clone(), rs));
    }
    let mut changed = (**d).clone();
    let mut write = set_revision(&mut changed, util::annotation(&*rs, REVISION).unwrap_or_default());
    let status = changed.status.get_or_insert_default();
    if util::has_deadline(d) && util::condition(status, "Progressing").is_none() {
        let text = format!("Found new replica set {:?}", rs.metadata.name.as_deref().unwrap_or_default());
        util::set_condition(status, util::new_condition("Progressing", "True", "FoundNewReplicaSet", text, sim.now));
        write = true;
    }
    let d = if write { sim.update_status_typed(changed)? } else { d.clone() };
    Ok((d, rs))
}

fn set_revision(d: &mut Deployment, revision: &str) -> bool {
    let a = d.metadata.annotations.get_or_insert_default();
    if a.get(REVISION).is_some_and(|r| r == revision) {
        return false;
    }
    a.insert(REVISION.into(), revision.into());
    true
}

fn create_new(
    sim: &mut Sim,
    d: &Arc<Deployment>,
    old: &[Arc<ReplicaSet>],
    newest: i64,
) -> Result<(Arc<Deployment>, Arc<ReplicaSet>), Status> {
    let spec = d.spec.clone().unwrap_or_default();
    let collisions = d.status.as_ref().and_then(|s| s.collision_count);
    let hash = util::template_hash(&spec.template, collisions);
    let name = d.metadata.name.clone().unwrap_or_default();
    let mut template = spec.template.clone();
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(HASH_LABEL.into(), hash.clone());
    let labels = labels.clone();
    let mut selector = spec.selector.clone();
    selector.match_labels.get_or_insert_default().insert(HASH_LABEL.into(), hash.clone());
    let mut rs = ReplicaSet {
        metadata: ObjectMeta {
            name: Some(util::replica_set_name(&name, &hash)),
            namespace: d.metadata.namespace.clone(),
            owner_references: Some(vec![claim::owner_reference("apps/v1", "Deployment", &d.metadata)]),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(ReplicaSetSpec {
            replicas: Some(0),
            min_ready_seconds: spec.min_ready_seconds,
            selector,
            template: Some(template),
        }),
        status: None,
    };
    let with_new: Vec<_> = old.iter().cloned().chain([Arc::new(rs.clone())]).collect();
    let size = util::new_rs_new_replicas(d, &with_new, &rs);
    if let Some(s) = &mut rs.spec {
        s.replicas = Some(size);
    }
    util::set_new_rs_annotations(d, &mut rs, newest, false);
    let rs_name = rs.metadata.name.clone().unwrap_or_default();
    let mut changed = (**d).clone();
    let (made, existed) = match sim.create_typed(&rs) {
        Ok(made) => (made, false),
        Err(e) if e.reason == "AlreadyExists" => {
            let key = Key::of(&rs.metadata);
            let there = sim.store.typed::<ReplicaSet>(&key).cloned().ok_or(e.clone())?;
            let mine = claim::controller_of(&there.metadata).is_some_and(|o| Some(&o.uid) == d.metadata.uid.as_ref());
            let equal = there
                .spec
                .as_ref()
                .and_then(|s| s.template.as_ref())
                .is_some_and(|t| util::equal_ignoring_hash(t, &spec.template));
            if !(mine && equal) {
                let status = changed.status.get_or_insert_default();
                status.collision_count = Some(collisions.unwrap_or(0) + 1);
                sim.update_status_typed(changed)?;
                return Err(e);
            }
            (there, true)
        }
        Err(e) if e.message.contains("because it is being terminated") => return Err(e),
        Err(e) => {
            let text = format!("Failed to create new replica set {rs_name:?}: {}", e.message);
            if util::has_deadline(d) {
                let c = util::new_condition("Progressing", "False", "ReplicaSetCreateError", text.clone(), sim.now);
                util::set_condition(changed.status.get_or_insert_default(), c);
                sim.update_status_typed(changed)?;
            }
            sim.record(SOURCE, &Obj::Deployment(d.clone()), true, "ReplicaSetCreateError", text);
            return Err(e);
        }
    };
    if !existed && size > 0 {
        let text = format!("Scaled up replica set {rs_name} from 0 to {size}");
        sim.record(SOURCE, &Obj::Deployment(d.clone()), false, "ScalingReplicaSet", text);
    }
    let mut write = set_revision(&mut changed, &newest.to_string());
    if !existed && util::has_deadline(d) {
        let text = format!("Created new replica set {rs_name:?}");
        let c = util::new_condition("Progressing", "True", "NewReplicaSetCreated", text, sim.now);
        util::set_condition(changed.status.get_or_insert_default(), c);
        write = true;
    }
    let d = if write { sim.update_status_typed(changed)? } else { d.clone() };
    Ok((d, made))
}

/// Sizes ReplicaSets when the Deployment itself was scaled.
fn scale(
    sim: &mut Sim,
    d: &Arc<Deployment>,
    new: &Option<Arc<ReplicaSet>>,
    old: &[Arc<ReplicaSet>],
) -> Result<(), Status> {
    for (rs, size) in scale_plan(d, new, old) {
        resize(sim, d, &rs, size)?;
    }
    Ok(())
}

/// The ReplicaSets to write when the Deployment itself was scaled, with their sizes: a pure function.
pub fn scale_plan(
    d: &Deployment,
    new: &Option<Arc<ReplicaSet>>,
    old: &[Arc<ReplicaSet>],
) -> Vec<(Arc<ReplicaSet>, i32)> {
    let all = together(old, new);
    let active: Vec<_> = all.iter().filter(|r| util::rs_replicas(r) > 0).cloned().collect();
    let single = match active.as_slice() {
        [] => new.clone().or_else(|| {
            let mut sorted = old.to_vec();
            sorted.sort_by(|a, b| util::by_age(b, a));
            sorted.first().cloned()
        }),
        [one] => Some(one.clone()),
        _ => None,
    };
    if let Some(rs) = single {
        let unequal = util::rs_replicas(&rs) != util::replicas(d);
        return unequal.then(|| (rs, util::replicas(d))).into_iter().collect();
    }
    if new.as_ref().is_some_and(|n| is_saturated(d, n)) {
        return old.iter().filter(|r| util::rs_replicas(r) > 0).map(|r| (r.clone(), 0)).collect();
    }
    if util::is_recreate(d) { vec![] } else { util::proportional_scale(d, &active) }
}

fn is_saturated(d: &Deployment, rs: &ReplicaSet) -> bool {
    let desired = util::annotation(rs, util::DESIRED_REPLICAS).and_then(|a| a.parse::<i32>().ok());
    util::rs_replicas(rs) == util::replicas(d)
        && desired == Some(util::replicas(d))
        && rs.status.as_ref().and_then(|s| s.available_replicas).unwrap_or(0) == util::replicas(d)
}

/// Writes a ReplicaSet's size and its annotations, with the event. True if the size changed.
pub(super) fn resize(sim: &mut Sim, d: &Arc<Deployment>, rs: &Arc<ReplicaSet>, size: i32) -> Result<bool, Status> {
    let before = util::rs_replicas(rs);
    let mut new = (**rs).clone();
    let annotated = util::set_replicas_annotations(&mut new, util::replicas(d), util::most(d));
    if before == size && !annotated {
        return Ok(false);
    }
    if let Some(s) = &mut new.spec {
        s.replicas = Some(size);
    }
    sim.update_typed(&new)?;
    if before != size {
        let direction = if size > before { "up" } else { "down" };
        let name = rs.metadata.name.as_deref().unwrap_or_default();
        let text = format!("Scaled {direction} replica set {name} from {before} to {size}");
        sim.record(SOURCE, &Obj::Deployment(d.clone()), false, "ScalingReplicaSet", text);
    }
    Ok(before != size)
}

/// Deletes old ReplicaSets beyond the history limit.
pub(super) fn cleanup(sim: &mut Sim, d: &Deployment, old: &[Arc<ReplicaSet>]) -> Result<(), Status> {
    for rs in util::history_cleanup(d, old) {
        match sim.delete_typed(Kind::ReplicaSet, &Key::of(&rs.metadata), &Default::default()) {
            Err(e) if e.code != 404 => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn recreate(sim: &mut Sim, d: &Arc<Deployment>, all: &[Arc<ReplicaSet>]) -> Result<Action, Status> {
    let (d, new, old) = revisions(sim, d, all, false)?;
    let mut scaled = false;
    for rs in old.iter().filter(|r| util::rs_replicas(r) > 0) {
        scaled |= resize(sim, &d, rs, 0)?;
    }
    let everything = together(&old, &new);
    if scaled || old_pods_running(sim, &old) {
        return status::sync_rollout(sim, &d, &everything, new.as_deref());
    }
    let (d, new) = match new {
        Some(n) => (d, Some(n)),
        None => {
            let (d, new, _) = revisions(sim, &d, all, true)?;
            (d, new)
        }
    };
    if let Some(n) = &new {
        resize(sim, &d, n, util::replicas(&d))?;
    }
    if d.status.as_ref().is_some_and(|s| util::complete(&d, s)) {
        cleanup(sim, &d, &old)?;
    }
    status::sync_rollout(sim, &d, &together(&old, &new), new.as_deref())
}

/// Recreate waits while a pod of an old ReplicaSet is there that has not ended.
fn old_pods_running(sim: &Sim, old: &[Arc<ReplicaSet>]) -> bool {
    let actual = old.iter().map(|r| r.status.as_ref().map_or(0, |s| s.replicas)).sum();
    let ids = old.iter().filter_map(|r| r.metadata.uid.as_deref().and_then(|u| sim.store.ids.parse(u)));
    waits_for(actual, ids.flat_map(|id| sim.store.pods_of_owner(id).map(|p| p.status.phase)))
}

/// Must the new ReplicaSet still wait, given what the old ones count and the phases of their pods?
pub fn waits_for(actual: i32, phases: impl IntoIterator<Item = Phase>) -> bool {
    actual > 0 || phases.into_iter().any(|p| !p.is_terminal())
}
