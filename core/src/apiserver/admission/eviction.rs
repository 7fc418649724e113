//! Evictions: deletions that PodDisruptionBudgets may refuse. (Models pkg/registry/core/pod/storage/eviction.go.)
//! Invariant: an eviction of a healthy pod that a budget picks takes one of the disruptions it allows.

use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::apiserver::request::Request;
use crate::apiserver::server::DeleteOptions;
use crate::clock::SimDuration;
use crate::sim::Sim;
use crate::store::pod::Phase;
use crate::store::{Key, Kind, Obj, PodRecord, Typed};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;
use std::sync::Arc;

/// The condition of a budget that says whether it allows anything.
pub const CONDITION: &str = "DisruptionAllowed";

/// A pod whose eviction was allowed and that is still not going is believed to stay after so long.
pub const DISRUPTED_FOR: SimDuration = SimDuration::from_secs(120);

impl Sim {
    /// The budgets that pick a pod, in the order of their names.
    pub fn budgets_of(&self, pod: &PodRecord) -> Vec<Arc<PodDisruptionBudget>> {
        if self.store.count(Kind::PodDisruptionBudget) == 0 {
            return vec![];
        }
        let picks = |b: &PodDisruptionBudget| {
            let selector = b.spec.as_ref().and_then(|s| s.selector.as_ref());
            selector
                .is_some_and(|s| Selector::from_typed(Some(s)).is_ok_and(|s| s.matches_by(|k| pod.proto.labels.get(k))))
        };
        self.store.list_typed::<PodDisruptionBudget>(Some(&pod.namespace)).filter(|b| picks(b)).cloned().collect()
    }

    /// Evicts a pod, or says which budget forbids it.
    pub(in crate::apiserver) fn evict(&mut self, key: &Key, request: &Request, dry_run: bool) -> Result<(), Status> {
        let Some(pod) = self.store.pod_by_name(key).cloned() else {
            return Err(Status::not_found("pods", &key.name));
        };
        let free = matches!(pod.status.phase, Phase::Pending | Phase::Succeeded | Phase::Failed);
        if !free && pod.deletion.is_none() {
            self.take_disruption(&pod, dry_run)?;
        }
        if dry_run {
            return Ok(());
        }
        let mut r = request.clone();
        r.body = request.body["deleteOptions"].clone();
        if pod.deletion.is_none() {
            self.mark_evicted(&pod);
        }
        let obj = self.store.pod_by_name(key).cloned().map(Obj::Pod);
        if let Some(obj) = obj {
            self.delete_object(&obj, &DeleteOptions::of(&r));
        }
        Ok(())
    }

    fn take_disruption(&mut self, pod: &Arc<PodRecord>, dry_run: bool) -> Result<(), Status> {
        let budgets = self.budgets_of(pod);
        let budget = match budgets.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            _ => {
                return Err(Status::new(
                    500,
                    "InternalError",
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                ));
            }
        };
        let status = budget.status.clone().unwrap_or_default();
        let always =
            budget.spec.as_ref().and_then(|s| s.unhealthy_pod_eviction_policy.as_deref()) == Some("AlwaysAllow");
        let number = |n: Option<i32>| n.unwrap_or(0);
        let (healthy, desired) = (number(status.current_healthy), number(status.desired_healthy));
        let guarded = healthy >= desired && desired > 0;
        let left = number(status.disruptions_allowed);
        if !pod.status.is_ready() && (always || guarded) {
            return Ok(());
        }
        let name = budget.metadata.name.clone().unwrap_or_default();
        if status.observed_generation.unwrap_or(0) < budget.metadata.generation.unwrap_or(0) {
            let why = format!("The disruption budget {name} is still being processed by the server.");
            return Err(too_many("Cannot evict pod as it would violate the pod's disruption budget.", &why, Some(10)));
        }
        if left < 0 {
            return Err(Status::forbidden("poddisruptionbudgets.policy", &name, "pdb disruptions allowed is negative"));
        }
        if left == 0 {
            let why = format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently");
            return Err(too_many("Cannot evict pod as it would violate the pod's disruption budget.", &why, None));
        }
        if dry_run {
            return Ok(());
        }
        let mut new = (*budget).clone();
        let s = new.status.get_or_insert_default();
        s.disruptions_allowed = Some(left - 1);
        if left == 1
            && let Some(c) = s.conditions.iter_mut().flatten().find(|c| c.type_ == CONDITION)
        {
            c.status = "False".into();
            c.reason = "InsufficientPods".into();
            c.last_transition_time = self.now.api();
        }
        s.disrupted_pods.get_or_insert_default().insert(pod.name.to_string(), self.now.api());
        new.metadata.resource_version = Some(self.store.next_version().to_string());
        let request = self.request_id();
        self.store.put(PodDisruptionBudget::wrap(Arc::new(new)), self.now, request);
        self.notify(Kind::PodDisruptionBudget);
        Ok(())
    }

    /// Says on the pod why it goes.
    fn mark_evicted(&mut self, pod: &Arc<PodRecord>) {
        let now = self.now;
        let condition = k8s_openapi::api::core::v1::PodCondition {
            type_: "DisruptionTarget".into(),
            status: "True".into(),
            reason: Some("EvictionByEvictionAPI".into()),
            message: Some("Eviction API: evicting".into()),
            last_transition_time: Some(now.api()),
            observed_generation: Some(i64::from(pod.generation)),
            ..Default::default()
        };
        self.change_pod_status(pod.id, |s| {
            let more = Arc::make_mut(s.more.get_or_insert_default());
            let list = more.conditions.get_or_insert_default();
            list.retain(|c| c.type_ != condition.type_);
            list.push(condition);
        });
    }
}

fn too_many(message: &str, cause: &str, retry: Option<u32>) -> Status {
    let mut s = Status::new(429, "TooManyRequests", message);
    s.details = json!({"causes": [{"reason": "DisruptionBudget", "message": cause}]});
    if let Some(seconds) = retry {
        s.details["retryAfterSeconds"] = seconds.into();
    }
    s
}
