//! Owners of pods, of every kind, in the words of the view model: what is wanted, what is there, what is newest.

use super::model::WorkloadView;
use crate::api::labels::Selector;
use crate::controllers::deployment::util;
use crate::sim::Sim;
use crate::store::{Kind, Obj};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;
use std::sync::Arc;

/// The kinds that own pods, directly or through another owner; who owns comes before who is owned.
pub const KINDS: &[Kind] = &[
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::CronJob,
    Kind::Job,
];

/// An owner of pods; none for other kinds.
pub fn view(sim: &Sim, o: &Obj) -> Option<WorkloadView> {
    let (kind, key, meta) = (o.kind(), o.key(), o.meta()?);
    if !KINDS.contains(&kind) {
        return None;
    }
    // the two kinds that change all the time are read as they are; the others as JSON
    let v = match o {
        Obj::Deployment(_) | Obj::ReplicaSet(_) => Value::Null,
        _ => o.to_value(&sim.store.ids),
    };
    let (spec, status) = (&v["spec"], &v["status"]);
    let number = |v: &Value| v.as_i64().unwrap_or(0).clamp(0, i64::from(u32::MAX)) as u32;
    let replicas = number(&spec["replicas"]);
    let owner = crate::controllers::claim::controller_of(meta).and_then(|r| sim.store.ids.parse(&r.uid));
    let owner = owner.and_then(|id| sim.store.by_id(id).map(|o| (id, o))).filter(|(_, o)| KINDS.contains(&o.kind()));
    let mut w = WorkloadView {
        id: o.id(&sim.store.ids),
        kind: kind.info().kind,
        name: key.name,
        namespace: key.namespace,
        owner: owner.map(|(id, _)| id),
        wanted: replicas,
        current: number(&status["replicas"]),
        ready: number(&status["readyReplicas"]),
        ended: (0, 0),
        progress: "".into(),
        revision: 0,
        newest: true,
        newest_label: None,
        selector: selector(kind, &spec["selector"]),
    };
    match o {
        Obj::Deployment(d) => {
            w.wanted = util::replicas(d).max(0) as u32;
            let status = d.status.as_ref();
            w.current = count(status.and_then(|s| s.replicas));
            w.ready = count(status.and_then(|s| s.ready_replicas));
            w.selector = d.spec.as_ref().map_or_else(|| "".into(), |s| in_words(&s.selector));
            w.revision = util::revision(&**d).max(0) as u32;
        }
        Obj::ReplicaSet(r) => {
            let status = r.status.as_ref();
            w.wanted = count(r.spec.as_ref().and_then(|s| s.replicas));
            w.current = count(status.map(|s| s.replicas));
            w.ready = count(status.and_then(|s| s.ready_replicas));
            w.selector = r.spec.as_ref().map_or_else(|| "".into(), |s| in_words(&s.selector));
            let revision = util::revision(&**r);
            let above = owner.and_then(|(_, o)| o.typed::<Deployment>());
            w.revision = revision.max(0) as u32;
            w.newest = above.is_none_or(|d| util::revision(&**d) <= revision);
        }
        Obj::StatefulSet(_) => w.newest_label = label("controller-revision-hash", &status["updateRevision"]),
        Obj::DaemonSet(_) => {
            w.wanted = number(&status["desiredNumberScheduled"]);
            w.current = number(&status["currentNumberScheduled"]);
            w.ready = number(&status["numberReady"]);
            let generation = &v["metadata"]["annotations"]["deprecated.daemonset.template.generation"];
            w.newest_label = label("pod-template-generation", generation);
        }
        Obj::Job(_) => {
            let done = number(&status["succeeded"]);
            w.wanted = number(if spec["completions"].is_null() { &spec["parallelism"] } else { &spec["completions"] });
            w.current = number(&status["active"]);
            w.ready = number(&status["ready"]);
            w.ended = (done, number(&status["failed"]));
            w.progress = match spec["completions"].is_null() {
                true => format!("{done}/1 of {}", w.wanted).into(),
                false => format!("{done}/{}", w.wanted).into(),
            };
        }
        Obj::CronJob(_) => {
            w.current = status["active"].as_array().map_or(0, |a| a.len() as u32);
            w.progress = spec["schedule"].as_str().unwrap_or_default().into();
        }
        _ => {}
    }
    if w.progress.is_empty() {
        w.progress = format!("{}/{}", w.ready, w.wanted).into();
    }
    Some(w)
}

fn count(n: Option<i32>) -> u32 {
    n.unwrap_or(0).max(0) as u32
}

fn label(key: &str, value: &Value) -> Option<(Arc<str>, Arc<str>)> {
    value.as_str().filter(|v| !v.is_empty()).map(|v| (key.into(), v.into()))
}

fn selector(kind: Kind, v: &Value) -> Arc<str> {
    if kind == Kind::ReplicationController {
        let pairs = v.as_object().into_iter().flatten();
        let pairs = pairs.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()));
        return pairs.collect::<Vec<_>>().join(",").into();
    }
    if v.is_null() {
        return "".into();
    }
    crate::store::read::<LabelSelector>(v).map_or_else(|_| "".into(), |s| in_words(&s))
}

fn in_words(s: &LabelSelector) -> Arc<str> {
    Selector::from_typed(Some(s)).map_or_else(|_| "".into(), |s| s.to_string().into())
}
