//! The StatefulSet controller: pods with names that last, one after the other. Models pkg/controller/statefulset.
//! [`control`] decides, this file carries out. Binding the claims to volumes is not its affair.

pub mod claims;
pub mod control;
pub mod identity;

use super::history;
use super::{Action, claim};
use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::apiserver::request::{Method, Request};
use crate::clock::SimDuration;
use crate::controllers::deployment::util::template_hash;
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj, PodRecord};
use control::{Hands, View};
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use std::sync::Arc;

const SOURCE: &str = "statefulset-controller";
/// Label of revisions with their hash.
const REVISION_HASH_LABEL: &str = "controller.kubernetes.io/hash";
/// Characters of the set's name that the name of a revision keeps.
const NAME_MAX: usize = 223;

/// Keys that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::StatefulSet if change.new.is_some() => add(change.obj().key()),
        Kind::Pod => claim::owners_of_pod(
            sim,
            change,
            Kind::StatefulSet,
            |sim, orphan, add| {
                let parent = orphan.name.as_deref().and_then(identity::parent_and_ordinal).map(|(p, _)| p);
                claim::matching::<StatefulSet>(sim, orphan, |s| s.spec.as_ref().map(|s| &s.selector), &mut |key| {
                    if Some(&*key.name) == parent {
                        add(key);
                    }
                });
            },
            add,
        ),
        // a pod waits for the claims of the one before it to go
        Kind::PersistentVolumeClaim if change.new.is_none() => {
            let key = change.obj().key();
            for set in sim.store.list_typed::<StatefulSet>(Some(&key.namespace)) {
                let templates = set.spec.as_ref().and_then(|s| s.volume_claim_templates.as_deref()).unwrap_or_default();
                let prefix = |t: &PersistentVolumeClaim| {
                    format!("{}-{}-", t.metadata.name.as_deref().unwrap_or(""), identity::name(set))
                };
                if templates.iter().any(|t| key.name.starts_with(&prefix(t))) {
                    add(Key::of(&set.metadata));
                }
            }
        }
        _ => {}
    }
}

/// One sync.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(set) = sim.store.typed::<StatefulSet>(key).cloned() else { return Action::Done };
    match sync_stateful_set(sim, &set) {
        Ok(action) => action,
        Err(e) if e.message.contains("because it is being terminated") => Action::Done,
        Err(_) => Action::Retry,
    }
}

fn sync_stateful_set(sim: &mut Sim, set: &Arc<StatefulSet>) -> Result<Action, Status> {
    let Some(spec) = &set.spec else { return Ok(Action::Done) };
    if spec.selector == LabelSelector::default() {
        return Ok(Action::Done);
    }
    let Ok(selector) = Selector::from_typed(Some(&spec.selector)) else { return Ok(Action::Done) };
    let reference = claim::owner_reference("apps/v1", "StatefulSet", &set.metadata);
    let owner = history::Owner { reference: reference.clone(), meta: &set.metadata, selector: &selector };
    let revisions = history::revisions(sim, &owner)?;
    let id = sim.store.ids.parse(&reference.uid).unwrap_or(0);
    let ns = set.metadata.namespace.as_deref().unwrap_or_default();
    let is_member = |p: &PodRecord| identity::ordinal(set, p).is_some();
    let deleting = set.metadata.deletion_timestamp.is_some();
    let pods = claim::pods_that(sim, id, &reference, ns, (&selector, &is_member), deleting)?;
    let (current, update, collisions) = choose_revisions(sim, set, &owner, &revisions)?;
    let view = View {
        set,
        current: history::name_of(&current),
        update: history::name_of(&update),
        collisions,
        pods: &pods,
        now: sim.now,
    };
    let mut work = Work {
        set,
        about: Obj::StatefulSet(set.clone()),
        owner: &reference,
        current: (view.current, history::template_of(&current)),
        update: (view.update, history::template_of(&update)),
        sim,
    };
    let (status, done) = control::update(&view, &mut work);
    if set.status.as_ref() != Some(&status) {
        let mut new = (**set).clone();
        new.status = Some(status);
        match sim.update_status_typed(new) {
            Err(e) if e.code != 404 => return Err(e),
            _ => {}
        }
    }
    done?;
    let live = |r: &&Arc<ControllerRevision>| {
        let name = history::name_of(r);
        name == view.current || name == view.update || pods.iter().any(|p| control::revision_of(p) == name)
    };
    let old: Vec<_> = revisions.iter().filter(|r| !live(r)).cloned().collect();
    history::delete(sim, history::surplus(&old, spec.revision_history_limit))?;
    let min_ready = u64::from(spec.min_ready_seconds.unwrap_or(0).max(0) as u32);
    // pods that are to go count as available too: only each pod's own time tells when to look again
    if min_ready > 0 {
        let next = pods
            .iter()
            .filter(|p| !p.is_available(min_ready as u32, sim.now))
            .filter_map(|p| p.ready_since())
            .map(|t| t + SimDuration::from_secs(min_ready))
            .min();
        if let Some(t) = next {
            return Ok(Action::After(t.since(sim.now) + SimDuration(1)));
        }
    }
    Ok(Action::Done)
}

/// The revision that the set comes from and the one of its template, made or renumbered if need be; collisions so far.
fn choose_revisions(
    sim: &mut Sim,
    set: &Arc<StatefulSet>,
    owner: &history::Owner,
    revisions: &[Arc<ControllerRevision>],
) -> Result<(Arc<ControllerRevision>, Arc<ControllerRevision>, i32), Status> {
    let template = set.spec.as_ref().map(|s| s.template.clone()).unwrap_or_default();
    let mut collisions = set.status.as_ref().and_then(|s| s.collision_count).unwrap_or(0);
    let data = history::data_of(&template);
    let equal = revisions.iter().rev().find(|r| r.data.as_ref() == Some(&data));
    let number = history::next_number(revisions);
    let update = match equal {
        // the newest equals it: nothing has changed
        Some(r) if revisions.last().is_some_and(|l| l.data == r.data) => revisions[revisions.len() - 1].clone(),
        // an older one: it is rolled back to
        Some(r) => history::renumber(sim, r, number)?,
        None => loop {
            let hash = template_hash(&template, Some(collisions));
            let mut labels = template.metadata.as_ref().and_then(|m| m.labels.clone()).unwrap_or_default();
            labels.insert(REVISION_HASH_LABEL.into(), hash.clone());
            let prefix: String = identity::name(set).chars().take(NAME_MAX).collect();
            match history::create(sim, owner, (format!("{prefix}-{hash}"), labels), data.clone(), number)? {
                Some(r) => break r,
                None => collisions += 1,
            }
        },
    };
    let name = set.status.as_ref().and_then(|s| s.current_revision.as_deref()).unwrap_or_default();
    let current = revisions.iter().find(|r| history::name_of(r) == name).unwrap_or(&update).clone();
    Ok((current, update, collisions))
}

/// Carries out what a pass decides.
struct Work<'a> {
    sim: &'a mut Sim,
    set: &'a Arc<StatefulSet>,
    about: Obj,
    owner: &'a OwnerReference,
    current: (&'a str, PodTemplateSpec),
    update: (&'a str, PodTemplateSpec),
}

impl Work<'_> {
    fn event(&mut self, verb: &str, pod: &str, done: &Result<(), Status>) {
        let set = identity::name(self.set);
        let (warning, reason, text) = match done {
            Ok(()) => (false, success(verb), format!("{verb} Pod {pod} in StatefulSet {set} successful")),
            Err(e) => {
                (true, failure(verb), format!("{verb} Pod {pod} in StatefulSet {set} failed error: {}", e.message))
            }
        };
        self.sim.record(SOURCE, &self.about, warning, reason, text);
    }

    /// Makes the claims of a pod that are missing.
    fn create_claims(&mut self, ordinal: i64, pod: &str) -> Result<(), Status> {
        let mut first = None;
        let set = identity::name(self.set).to_string();
        for claim in identity::claims(self.set, ordinal) {
            let key = Key::of(&claim.metadata);
            match self.sim.store.typed::<PersistentVolumeClaim>(&key) {
                Some(c) if c.metadata.deletion_timestamp.is_some() => {
                    first.get_or_insert(Status::bad_request(format!("pvc {} is being deleted", key.name)));
                }
                Some(_) => {}
                None => {
                    let (warning, reason, text) = match self.sim.create_typed(&claim) {
                        Ok(_) => {
                            let text = format!("Create Claim {} Pod {pod} in StatefulSet {set} success", key.name);
                            (false, success("Create"), text)
                        }
                        Err(e) => {
                            let text = format!(
                                "Create Claim {} for Pod {pod} in StatefulSet {set} failed error: {}",
                                key.name, e.message
                            );
                            first.get_or_insert(e);
                            (true, failure("Create"), text)
                        }
                    };
                    self.sim.record(SOURCE, &self.about, warning, reason, text);
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn set_owners(&mut self, pod: &PodRecord) -> Result<(), Status> {
        let Some(ordinal) = identity::ordinal(self.set, pod) else { return Ok(()) };
        claims::set_owners(self.sim, self.set, self.owner, (ordinal, &pod.name, pod.id))
    }
}

fn success(verb: &str) -> &'static str {
    match verb {
        "Create" => "SuccessfulCreate",
        "Delete" => "SuccessfulDelete",
        _ => "SuccessfulUpdate",
    }
}

fn failure(verb: &str) -> &'static str {
    match verb {
        "Create" => "FailedCreate",
        "Delete" => "FailedDelete",
        _ => "FailedUpdate",
    }
}

impl Hands for Work<'_> {
    fn create(&mut self, ordinal: i64, by_current: bool) -> Result<(), Status> {
        let name = identity::pod_name(self.set, ordinal);
        if let Err(e) = self.create_claims(ordinal, &name) {
            let done = Err(e);
            self.event("Create", &name, &done);
            return done;
        }
        let (revision, template) = if by_current { &self.current } else { &self.update };
        let pod = identity::pod(self.set, self.owner, (revision, template), ordinal);
        let ns = self.set.metadata.namespace.as_deref().unwrap_or_default();
        let mut body = serde_json::to_value(pod).map_err(|e| Status::bad_request(e.to_string()))?;
        (body["apiVersion"], body["kind"]) = ("v1".into(), "Pod".into());
        let path = Kind::Pod.info().path(Some(ns), None);
        let done = self.sim.request(Request::new(Method::Post, path).body(body)).ok().map(|_| ());
        if done.as_ref().is_err_and(|e| e.reason == "AlreadyExists") {
            return done;
        }
        let done = done.and_then(|()| {
            let made = self.sim.store.pod_by_name(&Key::new(ns, name.as_str())).cloned();
            made.map_or(Ok(()), |p| self.set_owners(&p))
        });
        self.event("Create", &name, &done);
        done
    }

    fn delete(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status> {
        let done = match self.sim.delete_pod(pod.id, None) {
            Err(e) if e.code == 404 => return Ok(()),
            done => done,
        };
        self.event("Delete", &pod.name, &done);
        done
    }

    fn is_stale(&mut self, ordinal: i64) -> bool {
        claims::is_stale(self.sim, self.set, ordinal)
    }

    fn complete(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status> {
        identity::ordinal(self.set, pod).map_or(Ok(()), |n| self.create_claims(n, &pod.name))
    }

    fn mend(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status> {
        self.set_owners(pod)?;
        if pod.proto.labels.get(identity::POD_NAME_LABEL) == Some(&*pod.name) {
            return Ok(());
        }
        let done = self.sim.update_pod_meta(pod.id, |p| {
            let labels = p.metadata.labels.get_or_insert_default();
            labels.insert(identity::POD_NAME_LABEL.into(), pod.name.to_string());
            if let Some(n) = identity::ordinal(self.set, pod) {
                labels.insert(identity::INDEX_LABEL.into(), n.to_string());
            }
        });
        let done = done.map(|_| ());
        self.event("Update", &pod.name, &done);
        done
    }

    fn release(&mut self, pod: &Arc<PodRecord>) -> Result<(), Status> {
        self.set_owners(pod)
    }
}
