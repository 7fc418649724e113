//! The disruption controller: how many pods of each PodDisruptionBudget may be disrupted. Models
//! pkg/controller/disruption.

use super::Action;
use crate::api::labels::Selector;
use crate::api::{intstr, kinds};
use crate::apiserver::admission::eviction::{CONDITION, DISRUPTED_FOR};
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::{Change, Id, Key, Kind, Obj, PodRecord};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SOURCE: &str = "controllermanager";

/// Which budgets a change concerns: a budget itself, and those that pick a pod that changed.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    if sim.store.count(Kind::PodDisruptionBudget) == 0 {
        return;
    }
    match change.kind {
        Kind::PodDisruptionBudget if change.new.is_some() => add(change.obj().key()),
        Kind::Pod => {
            let namespace = change.obj().key().namespace;
            for o in sim.store.list(Kind::PodDisruptionBudget, Some(&namespace)) {
                let Obj::PodDisruptionBudget(b) = o else { continue };
                let Some(selector) = b.spec.as_ref().and_then(selector) else { continue };
                let picks =
                    |p: &Option<Obj>| matches!(p, Some(Obj::Pod(p)) if selector.matches_by(|k| p.proto.labels.get(k)));
                if picks(&change.old) || picks(&change.new) {
                    add(o.key());
                }
            }
        }
        // the sizes of those who own pods are what percentages are taken of
        Kind::ReplicaSet | Kind::Deployment | Kind::StatefulSet | Kind::ReplicationController => {
            let namespace = change.obj().key().namespace;
            sim.store.list(Kind::PodDisruptionBudget, Some(&namespace)).for_each(|o| add(o.key()));
        }
        _ => {}
    }
}

/// The pods a budget is about; none: it picks nothing.
pub fn selector(spec: &PodDisruptionBudgetSpec) -> Option<Selector> {
    Selector::from_typed(Some(spec.selector.as_ref()?)).ok()
}

/// What a budget says of so many pods: (expected, desired). `scale` is the sum of the sizes of the pods' controllers.
///
/// # Errors
/// What the condition tells of a budget that is no number.
pub fn expectation(spec: &PodDisruptionBudgetSpec, pods: i64, scale: i64) -> Result<(i64, i64), String> {
    if let Some(most) = &spec.max_unavailable {
        let gone = intstr::scaled_value(most, scale, true)?;
        return Ok((scale, (scale - gone).max(0)));
    }
    match &spec.min_available {
        Some(least @ k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::String(_)) => {
            Ok((scale, intstr::scaled_value(least, scale, true)?))
        }
        Some(least) => Ok((pods, intstr::scaled_value(least, pods, true)?)),
        None => Ok((0, 0)),
    }
}

/// How many more may go.
pub fn allowed(expected: i64, desired: i64, healthy: i64) -> i64 {
    if expected <= 0 { 0 } else { (healthy - desired).max(0) }
}

/// Computes a budget's status and writes it.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(budget) = sim.store.typed::<PodDisruptionBudget>(key).cloned() else { return Action::Done };
    let Some(spec) = budget.spec.clone() else { return Action::Done };
    let pods: Vec<Arc<PodRecord>> = match selector(&spec) {
        Some(s) => sim.store.select_pods(&key.namespace, &s).into_iter().cloned().collect(),
        None => vec![],
    };
    let pods: Vec<Arc<PodRecord>> = pods.into_iter().filter(|p| !p.status.phase.is_terminal()).collect();
    let about = Obj::PodDisruptionBudget(budget.clone());
    if pods.is_empty() {
        sim.record(SOURCE, &about, false, "NoPods", "No matching pods found");
    }
    let wants_scale = spec.max_unavailable.is_some()
        || matches!(spec.min_available, Some(k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::String(_)));
    let computed = if wants_scale { scale(sim, &pods) } else { Ok((0, vec![])) };
    let (scale, unmanaged) = match computed {
        Ok(found) => found,
        Err(why) => return failed(sim, &budget, &why),
    };
    if !unmanaged.is_empty() {
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
            selector(&spec).map_or_else(String::new, |s| s.to_string()),
        );
        sim.record(SOURCE, &about, true, "UnmanagedPods", message);
    }
    let (expected, desired) = match expectation(&spec, pods.len() as i64, scale) {
        Ok(found) => found,
        Err(why) => return failed(sim, &budget, &why),
    };
    let (disrupted, again) = disrupted(&budget, &pods, sim.now);
    let gone = |p: &PodRecord| disrupted.contains_key(&*p.name);
    let healthy = pods.iter().filter(|p| p.deletion.is_none() && !gone(p) && p.status.is_ready()).count() as i64;
    let allowed = allowed(expected, desired, healthy);
    let mut status = budget.status.clone().unwrap_or_default();
    status.current_healthy = Some(healthy as i32);
    status.desired_healthy = Some(desired as i32);
    status.expected_pods = Some(expected as i32);
    status.disruptions_allowed = Some(allowed as i32);
    status.disrupted_pods = (!disrupted.is_empty()).then_some(disrupted);
    status.observed_generation = budget.metadata.generation;
    set_condition(&mut status, sim.now, &budget, allowed > 0);
    write(sim, &budget, status, again)
}

fn write(
    sim: &mut Sim,
    budget: &PodDisruptionBudget,
    status: PodDisruptionBudgetStatus,
    again: Option<SimTime>,
) -> Action {
    let mut new = budget.clone();
    new.status = Some(status);
    match (sim.update_status_typed(new), again) {
        (Err(_), _) => Action::Retry,
        (Ok(_), Some(at)) => Action::After(at.since(sim.now) + SimDuration::from_millis(1)),
        (Ok(_), None) => Action::Done,
    }
}

/// Without a number nothing may go.
fn failed(sim: &mut Sim, budget: &PodDisruptionBudget, why: &str) -> Action {
    let about = Obj::PodDisruptionBudget(Arc::new(budget.clone()));
    let message = format!("Failed to calculate the number of expected pods: {why}");
    sim.record(SOURCE, &about, true, "CalculateExpectedPodCountFailed", message);
    let mut status = budget.status.clone().unwrap_or_default();
    status.disruptions_allowed = Some(0);
    status.observed_generation = budget.metadata.generation;
    condition(&mut status, sim.now, budget, false, "SyncFailed", why);
    write(sim, budget, status, None)
}

/// Evicted pods that have not been seen going yet, and when the first of them is believed to stay after all.
fn disrupted(
    budget: &PodDisruptionBudget,
    pods: &[Arc<PodRecord>],
    now: SimTime,
) -> (BTreeMap<String, k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>, Option<SimTime>) {
    let known = budget.status.as_ref().and_then(|s| s.disrupted_pods.clone()).unwrap_or_default();
    let mut first = None;
    let kept = known
        .into_iter()
        .filter(|(name, at)| {
            let until = SimTime::from_api(at) + DISRUPTED_FOR;
            let there = pods.iter().any(|p| *p.name == **name && p.deletion.is_none());
            if there && until > now {
                first = Some(first.map_or(until, |f: SimTime| f.min(until)));
            }
            there && until > now
        })
        .collect();
    (kept, first)
}

/// The sum of the sizes of the pods' controllers, and the pods that have none.
fn scale(sim: &Sim, pods: &[Arc<PodRecord>]) -> Result<(i64, Vec<Id>), String> {
    let mut owners: BTreeSet<Id> = BTreeSet::new();
    let mut sum = 0;
    let mut unmanaged = vec![];
    for p in pods {
        let Some(owner) = p.proto.controller else {
            unmanaged.push(p.id);
            continue;
        };
        let Some((root, size)) = size_of(sim, owner) else {
            let r = p.proto.pod.metadata.owner_references.iter().flatten().find(|r| r.controller == Some(true));
            let row = r.filter(|_| sim.store.lives(owner)).and_then(|r| kinds::by_kind(&r.api_version, &r.kind));
            return Err(match row {
                Some(info) => format!("{} does not implement the scale subresource", info.group_resource()),
                None => format!("found no controllers for pod {:?}", &*p.name),
            });
        };
        if owners.insert(root) {
            sum += size;
        }
    }
    Ok((sum, unmanaged))
}

/// Who decides how many pods there are, and how many: a Deployment for its ReplicaSets.
fn size_of(sim: &Sim, owner: Id) -> Option<(Id, i64)> {
    let size = |n: Option<i32>| i64::from(n.unwrap_or(1));
    match sim.store.by_id(owner)? {
        Obj::ReplicaSet(r) => {
            let above = super::claim::controller_of(&r.metadata).and_then(|c| sim.store.ids.parse(&c.uid));
            if let Some(id) = above
                && let Some(d) = sim.store.by_id(id).and_then(Obj::typed::<Deployment>)
            {
                return Some((id, size(d.spec.as_ref().and_then(|s| s.replicas))));
            }
            Some((owner, size(r.spec.as_ref().and_then(|s| s.replicas))))
        }
        Obj::StatefulSet(s) => Some((owner, size(s.spec.as_ref().and_then(|s| s.replicas)))),
        Obj::ReplicationController(r) => Some((owner, size(r.spec.as_ref().and_then(|s| s.replicas)))),
        _ => None,
    }
}

fn set_condition(status: &mut PodDisruptionBudgetStatus, now: SimTime, budget: &PodDisruptionBudget, some: bool) {
    condition(status, now, budget, some, if some { "SufficientPods" } else { "InsufficientPods" }, "");
}

fn condition(
    status: &mut PodDisruptionBudgetStatus,
    now: SimTime,
    budget: &PodDisruptionBudget,
    is: bool,
    reason: &str,
    message: &str,
) {
    let list = status.conditions.get_or_insert_default();
    let word = if is { "True" } else { "False" };
    let before = list.iter().position(|c| c.type_ == CONDITION);
    let since = before.filter(|i| list[*i].status == word).map(|i| list[i].last_transition_time.clone());
    let new = Condition {
        type_: CONDITION.into(),
        status: word.into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: since.unwrap_or_else(|| now.api()),
        observed_generation: budget.metadata.generation,
    };
    match before {
        Some(i) => list[i] = new,
        None => list.push(new),
    }
}
