//! Making room: less important pods go where their going helps, with what their disruption budgets allow in view.

use super::{NAME, Scheduler};
use crate::api::labels::Selector;
use crate::clock::SimTime;
use crate::scheduler::cache::Failure;
use crate::scheduler::fit_error;
use crate::scheduler::preemption::Resident;
use crate::sim::Sim;
use crate::store::{Id, Obj, PodRecord};
use k8s_openapi::api::core::v1::PodCondition;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Scheduler {
    /// Tries to make room for a pod that fits nowhere, at the cost of less important ones, and gives what is to be said of
    /// it: nothing where room is being made.
    pub(super) fn make_room(
        &mut self,
        sim: &mut Sim,
        pod: &Arc<PodRecord>,
        group: u32,
        failure: &Failure,
    ) -> Option<String> {
        if failure.before.is_some() {
            return Some(fit_error::AFTER_PRE_FILTER.into());
        }
        if !self.cluster.info(group).may_preempt {
            return Some(fit_error::preemption_never());
        }
        let priority = self.cluster.info(group).priority;
        if let Some(node) = pod.status.nominated.clone()
            && sim.store.pods_on_node(&node).any(|p| p.deletion.is_some() && priority_of(p) < priority)
        {
            return Some(fit_error::preemption_waits());
        }
        let budgets = budgets(sim);
        let now = sim.now;
        let Scheduler { cluster, rng, .. } = &mut *self;
        let allowed: Vec<i64> = budgets.iter().map(|b| b.allowed).collect();
        let found = cluster.preempt(group, &allowed, rng, |cluster, node| {
            sim.store
                .pods_on_node(node)
                .filter(|p| !p.status.phase.is_terminal() && cluster.place_of(p.id).is_some())
                .map(|p| Resident {
                    pod: p.id,
                    group: 0,
                    priority: priority_of(p),
                    start: p.status.started.map_or(now, SimTime::from),
                    leaving: p.deletion.is_some(),
                    budgets: (0..budgets.len()).filter(|b| budgets[*b].protects(p)).collect(),
                    budgeted: false,
                })
                .collect::<Vec<_>>()
                .into_iter()
                .filter_map(|r| Some(Resident { group: cluster.group_of(r.pod)?, ..r }))
                .collect()
        });
        let candidate = match found {
            Err(reasons) => return Some(fit_error::preemption_failed(failure.nodes, &reasons)),
            Ok(candidate) => candidate,
        };
        let uid = sim.store.ids.uid(pod.id);
        for victim in candidate.victims.iter().filter(|v| !v.leaving) {
            let Some(record) = sim.store.pod(victim.pod).cloned() else { continue };
            let message = format!("{NAME}: preempting to accommodate a higher priority pod");
            sim.update_pod_status(victim.pod, |s| {
                let condition = PodCondition {
                    type_: "DisruptionTarget".into(),
                    status: "True".into(),
                    reason: Some("PreemptionByScheduler".into()),
                    message: Some(message),
                    last_transition_time: Some(now.api()),
                    ..PodCondition::default()
                };
                let more = Arc::make_mut(s.more.get_or_insert_default());
                more.conditions.get_or_insert_default().push(condition);
                true
            });
            let said = format!("Preempted by pod {uid} on node {}", candidate.node);
            sim.record(NAME, &Obj::Pod(record), false, "Preempted", said);
            // A pod that is gone meanwhile has made room too.
            let _ = sim.delete_pod(victim.pod, None);
        }
        let node = candidate.node;
        // less important pods for which room was made there will not have it
        let outdone: Vec<Id> = self
            .nominated
            .iter()
            .filter(|(id, (g, n))| {
                **id != pod.id && *n == node && self.cluster.info(*g).priority < self.cluster.info(group).priority
            })
            .map(|(id, _)| *id)
            .collect();
        for id in outdone {
            self.nominated.remove(&id);
            sim.update_pod_status(id, |s| s.nominated.take().is_some());
        }
        self.nominated.insert(pod.id, (group, node.clone()));
        sim.update_pod_status(pod.id, |s| {
            let changed = s.nominated.as_ref() != Some(&node);
            s.nominated = Some(node);
            changed
        });
        None
    }
}

fn priority_of(pod: &PodRecord) -> i32 {
    pod.proto.pod.spec.as_ref().and_then(|s| s.priority).unwrap_or(0)
}

/// A disruption budget.
struct Budget {
    namespace: Arc<str>,
    selector: Selector,
    /// How many disruptions it allows.
    allowed: i64,
    /// Names of pods that are counted as disrupted already.
    gone: BTreeSet<String>,
}

impl Budget {
    fn protects(&self, pod: &PodRecord) -> bool {
        pod.namespace == self.namespace
            && !self.gone.contains(&*pod.name)
            && self.selector.matches_by(|k| pod.proto.labels.get(k))
    }
}

/// All budgets that pick any pod.
fn budgets(sim: &Sim) -> Vec<Budget> {
    sim.store
        .list_typed::<PodDisruptionBudget>(None)
        .filter_map(|b| {
            let selector = Selector::from_typed(Some(b.spec.as_ref()?.selector.as_ref()?)).ok()?;
            let status = b.status.as_ref();
            let gone = status.and_then(|s| s.disrupted_pods.as_ref()).into_iter().flatten().map(|(k, _)| k.clone());
            Some(Budget {
                namespace: b.metadata.namespace.as_deref().unwrap_or_default().into(),
                selector,
                allowed: i64::from(status.and_then(|s| s.disruptions_allowed).unwrap_or(0)),
                gone: gone.collect(),
            })
        })
        .collect()
}
