//! A Job's pods: which are its own, which go, which come and when.

use super::{Context, FINALIZER, INDEX, INDEX_FAILURES, INDEX_IGNORED, Indexes, SOURCE, backoff, completion_index};
use super::{index_failures, is_tracked, owner};
use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::clock::SimDuration;
use crate::controllers::Action;
use crate::controllers::replicaset::slow_start;
use crate::sim::Sim;
use crate::store::pod::Phase;
use crate::store::{Id, Kind, Obj, PodProto, PodRecord};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod, PodTemplateSpec};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pods made or deleted in one sync at most.
pub const BURST: usize = 500;
/// Where a pod's containers find their index.
const INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// The pods of a Job: orphans that its selector picks are adopted, its own that it no longer picks are let go.
pub fn of_job(sim: &mut Sim, job: &Job, id: Id) -> Result<Vec<Arc<PodRecord>>, Status> {
    let selector = job.spec.as_ref().and_then(|s| s.selector.as_ref());
    let Ok(selector) = Selector::from_typed(selector) else { return Ok(vec![]) };
    let deleting = job.metadata.deletion_timestamp.is_some();
    let namespace: Arc<str> = job.metadata.namespace.as_deref().unwrap_or_default().into();
    let (mut out, mut released) = (vec![], vec![]);
    for p in sim.store.pods_of_owner(id).filter(|p| p.proto.controller == Some(id)) {
        if selector.matches_by(|k| p.proto.labels.get(k)) {
            out.push(p.clone());
        } else if !deleting {
            released.push(p.id);
        }
    }
    let orphans: Vec<Id> = sim
        .store
        .uncontrolled(Kind::Pod, &namespace)
        .filter_map(|i| sim.store.pod(i))
        .filter(|p| !deleting && p.deletion.is_none() && selector.matches_by(|k| p.proto.labels.get(k)))
        .map(|p| p.id)
        .collect();
    let me = owner(job);
    for p in released {
        sim.update_pod_meta(p, |pod| {
            if let Some(refs) = &mut pod.metadata.owner_references {
                refs.retain(|o| o.uid != me.uid);
            }
            pod.metadata.owner_references = pod.metadata.owner_references.take().filter(|r| !r.is_empty());
            untrack(pod);
        })?;
    }
    for p in orphans {
        out.push(sim.update_pod_meta(p, |pod| {
            pod.metadata.owner_references.get_or_insert_default().push(me.clone());
            track(&mut pod.metadata.finalizers);
        })?);
    }
    Ok(out)
}

fn track(finalizers: &mut Option<Vec<String>>) {
    let list = finalizers.get_or_insert_default();
    if !list.iter().any(|f| f == FINALIZER) {
        list.push(FINALIZER.into());
    }
}

fn untrack(pod: &mut Pod) {
    let left = pod.metadata.finalizers.take().map(|mut f| {
        f.retain(|f| f != FINALIZER);
        f
    });
    pod.metadata.finalizers = left.filter(|f| !f.is_empty());
}

/// Takes the finalizer off a pod. A pod that is gone has none.
pub fn release(sim: &mut Sim, id: Id) -> Result<(), Status> {
    match sim.update_pod_meta(id, untrack) {
        Err(e) if e.code != 404 => Err(e),
        _ => Ok(()),
    }
}

/// A pod whose Job is gone is kept by nobody.
pub fn free_orphan(sim: &mut Sim, id: Id) -> Action {
    let Some(p) = sim.store.pod(id).cloned() else { return Action::Done };
    let owned = p.proto.controller.and_then(|c| sim.store.by_id(c)).is_some_and(|o| matches!(o, Obj::Job(_)));
    if owned || !is_tracked(&p) {
        return Action::Done;
    }
    match release(sim, id) {
        Ok(()) => Action::Done,
        Err(_) => Action::Retry,
    }
}

/// What a deletion came to.
#[derive(Debug, Default)]
pub struct Gone {
    /// Pods told to go.
    pub pods: i32,
    /// Those of them that were Ready.
    pub ready: i32,
    /// The first error.
    pub error: Option<Status>,
}

/// Tells pods to go. `forget`: they are no failures, so nothing waits for them to be counted.
pub fn delete(sim: &mut Sim, c: &Context, pods: &[Arc<PodRecord>], forget: bool) -> Gone {
    let about = Obj::Job(Arc::new(c.job.clone()));
    let mut gone = Gone::default();
    for p in pods {
        let released = if forget && is_tracked(p) { release(sim, p.id) } else { Ok(()) };
        match released.and_then(|()| sim.delete_pod(p.id, None)) {
            Err(e) if e.code != 404 => {
                sim.record(SOURCE, &about, true, "FailedDelete", format!("Error deleting: {}", e.message));
                gone.error.get_or_insert(e);
                continue;
            }
            Err(_) => {}
            Ok(()) => sim.record(SOURCE, &about, false, "SuccessfulDelete", format!("Deleted pod: {}", p.name)),
        }
        gone.pods += 1;
        gone.ready += i32::from(p.status.is_ready());
    }
    gone
}

/// What became of the number of active pods.
#[derive(Debug, Default)]
pub struct Managed {
    /// Active pods now.
    pub active: i32,
    /// The first error.
    pub error: Option<Status>,
    /// When to look again: a back-off is running.
    pub again: Option<SimDuration>,
}

/// Makes or deletes pods until as many are active as should be. (Models manageJob.)
pub fn manage(sim: &mut Sim, c: &mut Context) -> Result<Managed, Status> {
    let active = c.active.len() as i32;
    let suspended = c.spec().suspend == Some(true);
    let wanted = if suspended { 0 } else { wanted(c, active) };
    let mut going = for_removal(c, if suspended { active } else { (active - wanted).max(0) } as usize);
    if !suspended {
        going.truncate(BURST);
    }
    if !going.is_empty() || suspended {
        // either deletions or creations in one sync
        let gone = delete(sim, c, &going, true);
        c.terminating += gone.pods;
        c.ready -= gone.ready;
        return Ok(Managed { active: active - gone.pods, error: gone.error, again: None });
    }
    let terminating = if c.replaces_only_failed() { c.terminating } else { 0 };
    let missing = wanted - terminating - active;
    if missing <= 0 {
        return Ok(Managed { active, ..Managed::default() });
    }
    let by_index = c.spec().backoff_limit_per_index.is_some();
    if !by_index {
        let wait = c.record.remaining(backoff::DEFAULT, backoff::MAX, sim.now);
        if wait.0 > 0 {
            return Ok(Managed { active, again: Some(wait), ..Managed::default() });
        }
    }
    let mut count = (missing as usize).min(BURST);
    let mut indexes: Vec<Option<i32>> = vec![None; count];
    let mut again = None;
    if c.is_indexed() {
        let pending = pending(c, count);
        let wait = |i: &i32| {
            let p = c.replaced.get(i).filter(|_| by_index);
            p.map_or(SimDuration::ZERO, |p| {
                let failures = (index_failures(p).0 + index_failures(p).1 + 1) as u32;
                backoff::remaining(failures, Some(backoff::finish_time(p)), backoff::DEFAULT, backoff::MAX, sim.now)
            })
        };
        let (now, later): (Vec<i32>, Vec<i32>) = pending.into_iter().partition(|i| wait(i).0 == 0);
        again = later.iter().map(wait).min_by_key(|d| d.0);
        count = now.len();
        indexes = now.into_iter().map(Some).collect();
    }
    let (made, error) = create(sim, c, &indexes);
    debug_assert!(made <= count);
    Ok(Managed { active: active + made as i32, error, again })
}

/// How many pods should be active.
fn wanted(c: &Context, active: i32) -> i32 {
    let parallelism = c.spec().parallelism.unwrap_or(1);
    match c.spec().completions {
        // after a success nobody new is sent to the queue
        None if c.succeeded > 0 => active,
        None => parallelism,
        Some(n) => (n - c.succeeded - c.lost.as_ref().map_or(0, Indexes::total)).min(parallelism).max(0),
    }
}

/// Indexes that have no pod yet and need one.
pub fn pending(c: &Context, count: usize) -> Vec<i32> {
    let mut taken: Vec<i32> = c.active.iter().filter_map(|p| completion_index(p)).collect();
    if c.replaces_only_failed() {
        let going = c.pods.iter().filter(|p| p.deletion.is_some() && !p.status.phase.is_terminal());
        taken.extend(going.filter_map(|p| completion_index(p)));
    }
    taken.sort_unstable();
    let mut taken = c.done.with(taken);
    if let Some(lost) = &c.lost {
        taken = taken.and(lost);
    }
    taken.missing(count, c.spec().completions.unwrap_or(0))
}

/// Which active pods go: those of an index that another has, and then as many as must, the least far ones first.
pub fn for_removal(c: &Context, at_least: usize) -> Vec<Arc<PodRecord>> {
    let (mut going, mut left) =
        if c.is_indexed() { surplus(&c.active, c.spec().completions.unwrap_or(0)) } else { (vec![], c.active.clone()) };
    if going.len() < at_least {
        left.sort_by(|a, b| deletion_order(a, b));
        left.truncate(at_least - going.len());
        going.extend(left);
    }
    going
}

/// Pods with no index, one out of range or one that another pod has; and the others.
pub fn surplus(active: &[Arc<PodRecord>], completions: i32) -> (Vec<Arc<PodRecord>>, Vec<Arc<PodRecord>>) {
    let (mut going, mut left) = (vec![], vec![]);
    let mut by_index: BTreeMap<i32, Vec<Arc<PodRecord>>> = BTreeMap::new();
    for p in active {
        match completion_index(p) {
            Some(i) if i < completions => by_index.entry(i).or_default().push(p.clone()),
            _ => going.push(p.clone()),
        }
    }
    for (_, mut same) in by_index {
        same.sort_by(|a, b| deletion_order(a, b));
        left.extend(same.pop());
        going.extend(same);
    }
    (going, left)
}

/// Which of two active pods goes first (Models controller.ActivePods).
fn deletion_order(a: &PodRecord, b: &PodRecord) -> Ordering {
    let phase = |p: &PodRecord| match p.status.phase {
        Phase::Pending => 0,
        Phase::Unknown => 1,
        _ => 2,
    };
    let (ready_a, ready_b) = (a.ready_since(), b.ready_since());
    a.node
        .is_some()
        .cmp(&b.node.is_some())
        .then(phase(a).cmp(&phase(b)))
        .then(ready_a.is_some().cmp(&ready_b.is_some()))
        .then(ready_b.cmp(&ready_a))
        .then(b.restarts().cmp(&a.restarts()))
        .then(b.created.cmp(&a.created))
}

/// Makes pods, of these indexes if they have any, in batches of 1, 2, 4 …
fn create(sim: &mut Sim, c: &Context, indexes: &[Option<i32>]) -> (usize, Option<Status>) {
    let about = Obj::Job(Arc::new(c.job.clone()));
    let namespace: Arc<str> = c.job.metadata.namespace.as_deref().unwrap_or_default().into();
    let mut first = None;
    let mut next = indexes.iter();
    let base = match template(sim, c, &namespace) {
        Ok(base) => base,
        Err(e) => {
            refuse(sim, &about, e, &mut first);
            return (0, first);
        }
    };
    let made = slow_start(indexes.len(), |n| {
        next.by_ref()
            .take(n)
            .filter(|index| {
                let (proto, prefix) = match index {
                    Some(i) => of_index(sim, c, &base, *i),
                    None => (base.clone(), format!("{}-", c.job.metadata.name.as_deref().unwrap_or_default())),
                };
                match sim.create_pod(&namespace, &proto, &prefix) {
                    Ok(p) => {
                        sim.record(SOURCE, &about, false, "SuccessfulCreate", format!("Created pod: {}", p.name));
                        true
                    }
                    Err(e) => {
                        refuse(sim, &about, e, &mut first);
                        false
                    }
                }
            })
            .count()
    });
    (made, first)
}

fn refuse(sim: &mut Sim, about: &Obj, e: Status, first: &mut Option<Status>) {
    if !e.message.contains("because it is being terminated") {
        sim.record(SOURCE, about, true, "FailedCreate", format!("Error creating: {}", e.message));
    }
    first.get_or_insert(e);
}

/// What all pods of the Job have in common.
fn template(sim: &mut Sim, c: &Context, namespace: &str) -> Result<Arc<PodProto>, Status> {
    let mut template: PodTemplateSpec = c.spec().template.clone();
    track(&mut template.metadata.get_or_insert_default().finalizers);
    if c.is_indexed()
        && let Some(spec) = &mut template.spec
    {
        for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
            let env = container.env.get_or_insert_default();
            if !env.iter().any(|e| e.name == INDEX_VARIABLE) {
                let field =
                    ObjectFieldSelector { field_path: format!("metadata.labels['{INDEX}']"), api_version: None };
                env.push(EnvVar {
                    name: INDEX_VARIABLE.into(),
                    value: None,
                    value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
                });
            }
        }
    }
    let generation = c.job.metadata.generation.unwrap_or(0) as u64;
    sim.template_proto(&owner(&c.job), namespace, generation, &template)
}

/// The prototype of an index's pods and the prefix of their names.
fn of_index(sim: &mut Sim, c: &Context, base: &Arc<PodProto>, index: i32) -> (Arc<PodProto>, String) {
    let name = c.job.metadata.name.as_deref().unwrap_or_default();
    let prefix = generate_name(name, index);
    let mut marks = vec![(INDEX, index.to_string())];
    if c.spec().backoff_limit_per_index.is_some() {
        let (mut failures, mut ignored) = (0, 0);
        if let Some(p) = c.replaced.get(&index) {
            (failures, ignored) = index_failures(p);
            if c.verdict(p).counts {
                failures += 1;
            } else {
                ignored += 1;
            }
        }
        marks.push((INDEX_FAILURES, failures.to_string()));
        if ignored > 0 {
            marks.push((INDEX_IGNORED, ignored.to_string()));
        }
    }
    let proto = sim.vary_proto(base, |pod| {
        pod.metadata.generate_name = Some(prefix.clone());
        pod.metadata.labels.get_or_insert_default().insert(INDEX.into(), index.to_string());
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.extend(marks.iter().map(|(k, v)| (k.to_string(), v.clone())));
        if let Some(spec) = &mut pod.spec {
            spec.hostname = Some(format!("{name}-{index}"));
        }
    });
    (proto, prefix)
}

/// generateName of an index's pods: the Job's name is cut so that the index stays whole.
pub fn generate_name(job: &str, index: i32) -> String {
    let tail = format!("-{index}-");
    let head: String = job.chars().take(58usize.saturating_sub(tail.len())).collect();
    head + &tail
}
