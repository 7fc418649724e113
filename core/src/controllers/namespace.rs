//! The Namespace controller: empties a namespace that is going away, pods first, then lets it go.
//! Models pkg/controller/namespace.

use super::Action;
use crate::apiserver::request::{Method, Request};
use crate::apiserver::server::DeleteOptions;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// From the deletion to the first look: watchers of the namespace see it before its content goes.
const GRACE: SimDuration = SimDuration::from_secs(5);
/// Until the next look when only finalizers hold objects back.
const FINALIZER_WAIT: SimDuration = SimDuration::from_secs(15);

/// Keys that a change makes due.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    if change.kind == Kind::Namespace && change.new.as_ref().is_some_and(Obj::deleting) {
        add(change.obj().key());
    }
}

/// One sync.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(ns) = sim.store.typed::<Namespace>(key).cloned() else { return Action::Done };
    let Some(t) = ns.metadata.deletion_timestamp.as_ref().map(SimTime::from_api) else { return Action::Done };
    let since = sim.now.since(t);
    if since < GRACE {
        return Action::After(SimDuration(GRACE.0 - since.0));
    }
    let all = Kind::ALL.iter().copied().chain(sim.custom_kinds());
    let kinds: Vec<Kind> = all.filter(|k| k.info().namespaced).collect();
    let content = |sim: &Sim, k: Kind| -> Vec<Obj> { sim.store.list(k, Some(&key.name)).cloned().collect() };
    let pods = content(sim, Kind::Pod);
    let batch: Vec<Obj> = if pods.is_empty() { kinds.iter().flat_map(|k| content(sim, *k)).collect() } else { pods };
    for o in batch.iter().filter(|o| !o.deleting()) {
        let options = DeleteOptions { propagation: Some("Background".into()), ..DeleteOptions::default() };
        let _ = sim.delete_typed(o.kind(), &o.key(), &options);
    }
    let left: Vec<Obj> = kinds.iter().flat_map(|k| content(sim, *k)).collect();
    report(sim, key, &left);
    if left.is_empty() {
        let path = format!("/api/v1/namespaces/{}/finalize", key.name);
        let response = sim.request(Request::new(Method::Put, path).body(json!({"spec": {"finalizers": []}})));
        return if response.code < 400 { Action::Done } else { Action::Retry };
    }
    let grace = left
        .iter()
        .filter_map(|o| match o {
            Obj::Pod(p) => p.deletion.as_ref().map(|d| u64::from(d.grace)),
            _ => None,
        })
        .max();
    match grace {
        Some(s) => Action::After(SimDuration::from_secs(s / 2 + 1)),
        None if left.iter().any(|o| !o.finalizers().is_empty()) => Action::After(FINALIZER_WAIT),
        None => Action::After(SimDuration::from_secs(1)),
    }
}

/// Writes what is left as conditions. While pods go, nothing counts as remaining yet.
fn report(sim: &mut Sim, key: &Key, left: &[Obj]) {
    let Some(ns) = sim.store.typed::<Namespace>(key).cloned() else { return };
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
    for o in left {
        let waits_for_kubelet = matches!(o, Obj::Pod(_)) && o.finalizers().is_empty();
        if !waits_for_kubelet {
            *kinds.entry(o.kind().info().group_resource()).or_default() += 1;
        }
        for f in o.finalizers() {
            *finalizers.entry(f).or_default() += 1;
        }
    }
    let list = |m: &BTreeMap<String, usize>, f: &dyn Fn(&str, usize) -> String| {
        m.iter().map(|(k, n)| f(k, *n)).collect::<Vec<_>>().join(", ")
    };
    let fine = |type_: &str, reason: &str, text: &str| (type_.to_string(), false, reason.to_string(), text.to_string());
    let content = if kinds.is_empty() {
        fine("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed")
    } else {
        let each = list(&kinds, &|k, n| format!("{k} has {n} resource instances"));
        (
            "NamespaceContentRemaining".into(),
            true,
            "SomeResourcesRemain".into(),
            format!("Some resources are remaining: {each}"),
        )
    };
    let held = if finalizers.is_empty() {
        fine("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished")
    } else {
        let each = list(&finalizers, &|k, n| format!("{k} in {n} resource instances"));
        (
            "NamespaceFinalizersRemaining".into(),
            true,
            "SomeFinalizersRemain".into(),
            format!("Some content in the namespace has finalizers remaining: {each}"),
        )
    };
    let wanted = [
        fine("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
        fine(
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        fine(
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        content,
        held,
    ];
    let old = ns.status.as_ref().and_then(|s| s.conditions.clone()).unwrap_or_default();
    let conditions = wanted
        .into_iter()
        .map(|(type_, status, reason, message)| {
            let status = if status { "True" } else { "False" }.to_string();
            let before = old.iter().find(|c| c.type_ == type_ && c.status == status);
            let since = before.and_then(|c| c.last_transition_time.clone()).unwrap_or_else(|| sim.now.api());
            NamespaceCondition {
                type_,
                status,
                reason: Some(reason),
                message: Some(message),
                last_transition_time: Some(since),
            }
        })
        .collect();
    let mut new = (*ns).clone();
    new.status.get_or_insert_default().conditions = Some(conditions);
    let _ = sim.update_status_typed(new).map(|o: Arc<Namespace>| o);
}
