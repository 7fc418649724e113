//! The HorizontalPodAutoscaler controller: every 15 s it asks each metric how many replicas it takes, follows the
//! largest answer as fast as the behavior allows, and says in conditions what held it back. It sees its target only
//! through the scale subresource. Models pkg/controller/podautoscaler.

pub mod compute;
pub mod metrics;
pub mod pace;
pub mod replicas;

use super::Action;
use crate::api::error::Status;
use crate::apiserver::request::{ContentType, Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use compute::{Event, Round, Scale};
use imbl::OrdMap;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus,
};
use metrics::ClusterMetrics;
use pace::Memory;
use replicas::Settings;
use serde_json::json;
use std::sync::Arc;

const SOURCE: &str = "horizontal-pod-autoscaler";
/// Between two looks (horizontalPodAutoscalerSyncPeriod).
pub const PERIOD: SimDuration = SimDuration::from_secs(15);

/// What the controller remembers of its autoscalers.
#[derive(Clone, Debug, Default)]
pub struct Autoscaling {
    memories: OrdMap<Key, Memory>,
}

/// Keys that a change makes due: a period later, as every look is, the first one too.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    if change.kind == Kind::HorizontalPodAutoscaler {
        add(change.obj().key());
    }
}

impl Autoscaling {
    /// One sync.
    pub fn sync(&mut self, sim: &mut Sim, key: &Key) -> Action {
        let Some(h) = sim.store.typed::<HorizontalPodAutoscaler>(key).cloned() else {
            self.memories.remove(key);
            return Action::Done;
        };
        let mut memory = self.memories.get(key).cloned().unwrap_or_default();
        reconcile(sim, &h, &mut memory);
        self.memories.insert(key.clone(), memory);
        Action::After(PERIOD)
    }
}

/// The path of the target's scale subresource and what it answers.
fn scale_of(sim: &mut Sim, h: &HorizontalPodAutoscaler) -> Result<(String, Scale), Status> {
    let target = &h.spec.scale_target_ref;
    let namespace = h.metadata.namespace.as_deref().unwrap_or_default();
    let resource = crate::api::kinds::by_kind(target.api_version.as_deref().unwrap_or("v1"), &target.kind)
        .ok_or_else(|| Status::new(404, "NotFound", format!("no matches for kind {:?}", target.kind)))?;
    let path = format!("{}/scale", resource.path(Some(namespace), Some(&target.name)));
    let v = sim.request(Request::get(path.clone())).ok()?;
    let number = |v: &serde_json::Value| v["replicas"].as_i64().unwrap_or(0) as i32;
    let scale = Scale {
        wanted: number(&v["spec"]),
        there: number(&v["status"]),
        selector: v["status"]["selector"].as_str().unwrap_or_default().into(),
    };
    Ok((path, scale))
}

fn reconcile(sim: &mut Sim, h: &Arc<HorizontalPodAutoscaler>, memory: &mut Memory) {
    let about = Obj::HorizontalPodAutoscaler(h.clone());
    let now = sim.now;
    let (path, scale) = match scale_of(sim, h) {
        Ok(found) => found,
        Err(e) => {
            sim.record(SOURCE, &about, true, "FailedGetScale", e.message.clone());
            return write(sim, h, compute::no_scale(h, &e.message, now));
        }
    };
    let rivals = rivals(sim, h, &scale);
    let round = Round {
        hpa: h,
        scale: &scale,
        pods: &compute::pods(sim, h, &scale),
        rivals: &rivals,
        source: &ClusterMetrics(sim),
        settings: &Settings::default(),
        now,
    };
    let mut result = round.decide(memory);
    for Event { warning, reason, message } in std::mem::take(&mut result.events) {
        sim.record(SOURCE, &about, warning, reason, message);
    }
    let Some((size, reason)) = result.rescale.clone() else { return write(sim, h, result.status) };
    let mut request = Request::new(Method::Patch, path).body(json!({"spec": {"replicas": size}}));
    request.content_type = ContentType::MergePatch;
    let answer = sim.request(request).ok().map(|_| ()).map_err(|e| e.message);
    let event = match &answer {
        Ok(()) => (false, "SuccessfulRescale", format!("New size: {size}; reason: {reason}")),
        Err(e) => (true, "FailedRescale", format!("New size: {size}; reason: {reason}; error: {e}")),
    };
    sim.record(SOURCE, &about, event.0, event.1, event.2);
    let status = compute::rescaled(h, &scale, result, answer, memory, now);
    write(sim, h, status);
}

/// The names of the autoscalers whose targets have pods of this one's.
fn rivals(sim: &mut Sim, h: &HorizontalPodAutoscaler, scale: &Scale) -> Vec<(String, String)> {
    let namespace = h.metadata.namespace.clone().unwrap_or_default();
    let others: Vec<Arc<HorizontalPodAutoscaler>> =
        sim.store.list_typed::<HorizontalPodAutoscaler>(Some(&namespace)).cloned().collect();
    if others.len() < 2 {
        return vec![];
    }
    let mine = compute::pods(sim, h, scale);
    let mut out = vec![];
    for other in others {
        let same = other.metadata.uid == h.metadata.uid;
        let shares = same
            || scale_of(sim, &other)
                .is_ok_and(|(_, s)| compute::pods(sim, &other, &s).iter().any(|p| mine.iter().any(|m| m.id == p.id)));
        if shares {
            out.push((other.metadata.name.clone().unwrap_or_default(), namespace.clone()));
        }
    }
    if out.len() < 2 { vec![] } else { out }
}

/// Sets a condition; its time moves with its status.
pub fn set(
    s: &mut HorizontalPodAutoscalerStatus,
    now: SimTime,
    type_: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
) {
    let list = s.conditions.get_or_insert_default();
    let old = list.iter().position(|c| c.type_ == type_);
    let since = old.filter(|i| list[*i].status == status).and_then(|i| list[i].last_transition_time.clone());
    let c = HorizontalPodAutoscalerCondition {
        type_: type_.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_transition_time: Some(since.unwrap_or_else(|| now.api())),
    };
    match old {
        Some(i) => list[i] = c,
        None => list.push(c),
    }
}

fn write(sim: &mut Sim, h: &Arc<HorizontalPodAutoscaler>, status: HorizontalPodAutoscalerStatus) {
    if h.status.as_ref() == Some(&status) {
        return;
    }
    let mut new = (**h).clone();
    new.status = Some(status);
    let _ = sim.update_status_typed(new);
}
