//! The HorizontalPodAutoscaler controller as far as it goes without metrics: it holds the bounds and says what it
//! misses. Models pkg/controller/podautoscaler.

use super::Action;
use crate::api::error::Status;
use crate::apiserver::request::{ContentType, Method, Request};
use crate::clock::SimDuration;
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus, MetricStatus,
};
use serde_json::json;
use std::sync::Arc;

const SOURCE: &str = "horizontal-pod-autoscaler";
/// Between two looks (horizontalPodAutoscalerSyncPeriod).
const PERIOD: SimDuration = SimDuration::from_secs(15);

/// Keys that a change makes due.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    // its own status writes are no reason to look: the next look is in 15 s
    let spec = |o: &Option<Obj>| match o {
        Some(Obj::HorizontalPodAutoscaler(h)) => Some(h.spec.clone()),
        _ => None,
    };
    if change.kind == Kind::HorizontalPodAutoscaler && change.new.is_some() && spec(&change.old) != spec(&change.new) {
        add(change.obj().key());
    }
}

/// One sync. The first look comes a period after the autoscaler, as upstream's queue has it.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(h) = sim.store.typed::<HorizontalPodAutoscaler>(key).cloned() else { return Action::Done };
    let born = h.metadata.creation_timestamp.as_ref().map(crate::clock::SimTime::from_api).unwrap_or_default();
    if h.status.as_ref().is_none_or(|s| s.conditions.is_none()) && sim.now.since(born) < PERIOD {
        return Action::After(SimDuration(PERIOD.0 - sim.now.since(born).0));
    }
    reconcile(sim, &h);
    Action::After(PERIOD)
}

fn reconcile(sim: &mut Sim, h: &Arc<HorizontalPodAutoscaler>) {
    let about = Obj::HorizontalPodAutoscaler(h.clone());
    let spec = h.spec.clone();
    let ns = h.metadata.namespace.as_deref().unwrap_or_default();
    let mut status = h.status.clone().unwrap_or_default();
    let target = &spec.scale_target_ref;
    let resource = crate::api::kinds::by_kind(target.api_version.as_deref().unwrap_or("v1"), &target.kind);
    let path = resource.map(|r| format!("{}/scale", r.path(Some(ns), Some(&target.name))));
    let scale = match &path {
        Some(p) => sim.request(Request::get(p.clone())).ok(),
        None => Err(Status::new(404, "NotFound", format!("no matches for kind {:?}", target.kind))),
    };
    let scale = match scale {
        Ok(s) => s,
        Err(e) => {
            sim.record(SOURCE, &about, true, "FailedGetScale", e.message.clone());
            let text = format!("the HPA controller was unable to get the target's current scale: {}", e.message);
            set(&mut status, sim, "AbleToScale", "False", "FailedGetScale", text);
            return write(sim, h, status);
        }
    };
    let text = "the HPA controller was able to get the target's current scale".to_string();
    set(&mut status, sim, "AbleToScale", "True", "SucceededGetScale", text);
    let current = scale["spec"]["replicas"].as_i64().unwrap_or(0) as i32;
    let (min, max) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    status.current_replicas = Some(current);
    let bounded = if current == 0 {
        let text = "scaling is disabled since the replica count of the target is zero".to_string();
        set(&mut status, sim, "ScalingActive", "False", "ScalingDisabled", text);
        None
    } else if current > max {
        Some((max, "Current number of replicas above Spec.MaxReplicas"))
    } else if current < min {
        Some((min, "Current number of replicas below Spec.MinReplicas"))
    } else {
        no_metrics(sim, &about, &mut status, &spec.metrics.clone().unwrap_or_default());
        None
    };
    let Some((wanted, reason)) = bounded else {
        status.desired_replicas = if current == 0 { 0 } else { current };
        return write(sim, h, status);
    };
    let mut request = Request::new(Method::Patch, path.unwrap_or_default()).body(json!({"spec": {"replicas": wanted}}));
    request.content_type = ContentType::MergePatch;
    match sim.request(request).ok() {
        Ok(_) => {
            let text = format!("the HPA controller was able to update the target scale to {wanted}");
            set(&mut status, sim, "AbleToScale", "True", "SucceededRescale", text);
            sim.record(SOURCE, &about, false, "SuccessfulRescale", format!("New size: {wanted}; reason: {reason}"));
            status.desired_replicas = wanted;
            status.last_scale_time = Some(sim.now.api());
        }
        Err(e) => {
            let text = format!("New size: {wanted}; reason: {reason}; error: {}", e.message);
            sim.record(SOURCE, &about, true, "FailedRescale", text);
            let text = format!("the HPA controller was unable to update the target scale: {}", e.message);
            set(&mut status, sim, "AbleToScale", "False", "FailedUpdateScale", text);
        }
    }
    write(sim, h, status);
}

/// There is no metrics API yet: what upstream says then.
fn no_metrics(
    sim: &mut Sim,
    about: &Obj,
    status: &mut HorizontalPodAutoscalerStatus,
    metrics: &[k8s_openapi::api::autoscaling::v2::MetricSpec],
) {
    let missing = |name: &str| {
        format!(
            "unable to get metrics for resource {name}: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
        )
    };
    let mut first = None;
    for m in metrics {
        let Some(r) = &m.resource else { continue };
        let what = if r.target.average_utilization.is_some() { "utilization" } else { "usage" };
        let error = format!("failed to get {} {what}: {}", r.name, missing(&r.name));
        sim.record(SOURCE, about, true, "FailedGetResourceMetric", error.clone());
        first.get_or_insert((r.name.clone(), error));
    }
    let Some((name, error)) = first else { return };
    let text = format!("the HPA was unable to compute the replica count: {error}");
    set(status, sim, "ScalingActive", "False", "FailedGetResourceMetric", text);
    let n = metrics.len();
    let text = format!(
        "invalid metrics ({n} invalid out of {n}), first error is: failed to get {name} resource metric value: {error}"
    );
    sim.record(SOURCE, about, true, "FailedComputeMetricsReplicas", text);
    status.current_metrics = Some(metrics.iter().map(|_| MetricStatus::default()).collect());
}

fn set(s: &mut HorizontalPodAutoscalerStatus, sim: &Sim, type_: &str, status: &str, reason: &str, message: String) {
    let list = s.conditions.get_or_insert_default();
    let old = list.iter().position(|c| c.type_ == type_);
    let since = old.filter(|i| list[*i].status == status).and_then(|i| list[i].last_transition_time.clone());
    let c = HorizontalPodAutoscalerCondition {
        type_: type_.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message),
        last_transition_time: Some(since.unwrap_or_else(|| sim.now.api())),
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
