//! What an inspector asks of one object: its YAML, facts, events, and why it is as it is.

use super::model::{Cause, EventView, Id};
use super::project::wording;
use crate::api::yaml;
use crate::cluster::Cluster;
use crate::kubectl;
use crate::sim::{Actor, Sim};
use crate::store::{Key, Kind, Obj};
use crate::world::WorldApi;
use serde_json::Value;
use std::collections::BTreeMap;

/// Causes shown of one object.
const DEPTH: usize = 24;

/// Where an object is found: `kind`, namespace, name.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `deployment`, `pod`: what kubectl takes.
    pub resource: String,
    /// `Deployment`
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// metadata.name
    pub name: String,
}

/// The place of a handle; none if the object is gone.
pub fn place(cluster: &Cluster, id: Id) -> Option<Place> {
    let (kind, key) = cluster.world.sim.store.name_of(id)?;
    let info = kind.info();
    Some(Place {
        resource: info.singular.into(),
        kind: info.kind.into(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
    })
}

/// The handle of an object by what people type of it.
pub fn find(cluster: &Cluster, resource: &str, namespace: &str, name: &str) -> Option<Id> {
    let info = crate::api::kinds::resolve(resource)?;
    let kind = Kind::of_info(info)?;
    let key = Key::new(if info.namespaced { namespace } else { "" }, name);
    Some(cluster.world.sim.store.get(kind, &key)?.id(&cluster.world.sim.store.ids))
}

/// The object as `kubectl get -o yaml` prints it.
pub fn yaml(cluster: &Cluster, id: Id) -> Option<String> {
    Some(yaml::to_yaml(&value(cluster, id)?))
}

/// The object as JSON.
pub fn value(cluster: &Cluster, id: Id) -> Option<Value> {
    let sim = &cluster.world.sim;
    Some(sim.present(sim.store.by_id(id)?))
}

/// The output of `kubectl describe`. Costs a clone of the world's handles only; nothing is logged.
pub fn describe(cluster: &Cluster, id: Id) -> Option<String> {
    let place = place(cluster, id)?;
    let ns = if place.namespace.is_empty() { String::new() } else { format!(" -n {}", place.namespace) };
    let line = format!("kubectl describe {} {}{ns}", place.resource, place.name);
    let mut sim = cluster.world.sim.clone();
    let mut kubelets = cluster.world.kubelets.clone();
    let mut api = WorldApi { sim: &mut sim, kubelets: &mut kubelets };
    let (mut files, mut session) = (BTreeMap::new(), kubectl::Session::default());
    let mut ctx = kubectl::Context::new(&mut api, &mut files, &mut session);
    Some(kubectl::run(&line, &mut ctx).stdout)
}

/// The events about an object, oldest first.
pub fn events(cluster: &Cluster, id: Id) -> Vec<EventView> {
    let sim = &cluster.world.sim;
    let Some((_, key)) = sim.store.name_of(id) else { return vec![] };
    let ns = if key.namespace.is_empty() { "default" } else { &*key.namespace };
    let mut out: Vec<EventView> = sim
        .store
        .list(Kind::Event, Some(ns))
        .filter_map(|o| match o {
            Obj::Event(e) if e.involved.id == id => Some(EventView {
                at: e.last,
                warning: e.warning,
                reason: (*e.reason).into(),
                object: format!("{}/{}", e.involved.kind.info().singular, e.involved.key.name).into(),
                namespace: e.involved.key.namespace.clone(),
                message: (*e.message).into(),
                count: e.count,
                source: e.component.into(),
            }),
            _ => None,
        })
        .collect();
    out.sort_by_key(|e| e.at);
    out
}

/// Why an object exists: who created it, because of what, and so on back to what a person did. Newest first.
pub fn why(cluster: &Cluster, id: Id) -> Vec<Cause> {
    let sim = &cluster.world.sim;
    let Some((kind, key)) = sim.store.name_of(id) else { return vec![] };
    let Some(entry) = sim.store.entry(kind, &key) else { return vec![] };
    let mut out = chain(sim, entry.updated_by);
    let born = chain(sim, entry.created_by);
    // what is common to both chains is told once
    let fresh: Vec<Cause> = born.into_iter().filter(|c| !out.contains(c)).collect();
    out.extend(fresh);
    out.sort_by_key(|c| std::cmp::Reverse(c.at));
    out.truncate(DEPTH);
    out
}

/// The chain of a request's causes, newest first.
pub fn chain(sim: &Sim, request: u64) -> Vec<Cause> {
    let mut out = vec![];
    let mut at = request;
    while let Some(r) = sim.requests.get(at).filter(|_| at != 0 && out.len() < DEPTH) {
        let text = match (&r.actor, &r.note) {
            (Actor::Person, Some(line)) => line.to_string(),
            _ => wording(r),
        };
        out.push(Cause { at: r.at, actor: (*r.actor.name()).into(), text: text.into() });
        if r.cause >= at {
            break;
        }
        at = r.cause;
    }
    out
}
