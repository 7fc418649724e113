//! The Job controller: runs pods until enough of them have succeeded or too many have failed, and counts each of them
//! exactly once. A pod carries a finalizer until its end stands in the Job's status, so that nobody takes it away
//! uncounted. Models pkg/controller/job.

pub mod backoff;
pub mod indexes;
pub mod pods;
pub mod policy;
pub mod tracking;

use super::{Action, claim};
use crate::api::error::Status;
use crate::api::labels::Selector;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::pod::Phase;
use crate::store::{Change, Id, Key, Kind, Obj, PodRecord};
use imbl::OrdMap;
use indexes::Indexes;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who reports the controller's events.
pub const SOURCE: &str = "job-controller";
/// Keeps a pod until its end is counted.
pub const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// Annotation and label that say a pod's index.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// Annotation: failures of a pod's index before it.
pub const INDEX_FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// Annotation: failures of a pod's index before it that a policy ignores.
pub const INDEX_IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
/// Changes of pods and of statuses are gathered for this long.
const BATCH: SimDuration = SimDuration::from_secs(1);
/// Stands for a namespace in the keys of pods whose Job is gone.
const ORPHANS: &str = "!orphan";

/// What the controller keeps between syncs: failures of the Jobs that run.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    records: OrdMap<Id, backoff::Record>,
}

/// How long a change is kept back to be handled with others.
pub fn delay(change: &Change) -> SimDuration {
    match (&change.old, &change.new) {
        (_, Some(Obj::Pod(_))) | (Some(Obj::Pod(_)), None) => BATCH,
        (Some(Obj::Job(a)), Some(Obj::Job(b))) if a.metadata.generation == b.metadata.generation => BATCH,
        _ => SimDuration::ZERO,
    }
}

fn orphan_key(p: &PodRecord) -> Key {
    Key::new(ORPHANS, p.id.to_string())
}

/// Keys that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::Job if change.new.is_some() => add(change.obj().key()),
        Kind::Job => {
            for p in sim.store.pods_of_owner(change.obj().id(&sim.store.ids)).filter(|p| is_tracked(p)) {
                add(orphan_key(p));
            }
        }
        Kind::Pod => {
            let mut last = None;
            for o in [&change.old, &change.new].into_iter().flatten() {
                let Obj::Pod(p) = o else { continue };
                match p.proto.controller {
                    Some(id) if last == Some(id) => continue,
                    Some(id) => {
                        last = Some(id);
                        if let Some((Kind::Job, key)) = sim.store.name_of(id) {
                            add(key);
                            continue;
                        }
                    }
                    None if change.new.is_some() && p.deletion.is_none() => adopters(sim, p, add),
                    None => {}
                }
                if change.new.is_some() && is_tracked(p) {
                    add(orphan_key(p));
                }
            }
        }
        _ => {}
    }
}

/// The Jobs that might take a pod which nobody controls.
fn adopters(sim: &Sim, p: &PodRecord, add: &mut dyn FnMut(Key)) {
    if let Some(Obj::Job(job)) =
        p.proto.labels.get("batch.kubernetes.io/controller-uid").and_then(|u| sim.store.by_uid(u))
    {
        add(Key::of(&job.metadata));
    }
    // all other selectors ask for their own Job's uid
    for job in sim.store.list_typed::<Job>(Some(&p.namespace)) {
        let selector = job.spec.as_ref().filter(|s| s.manual_selector == Some(true)).and_then(|s| s.selector.as_ref());
        if selector.is_some() && Selector::from_typed(selector).is_ok_and(|s| s.matches_by(|k| p.proto.labels.get(k))) {
            add(Key::of(&job.metadata));
        }
    }
}

/// What one sync works out, from the moment it looks at the pods to its last write.
#[derive(Clone, Debug)]
pub struct Context {
    /// The Job as it was last written; its status is edited here.
    pub job: Job,
    /// Its handle.
    pub id: Id,
    /// Its pods.
    pub pods: Vec<Arc<PodRecord>>,
    /// Those that neither ended nor were told to go.
    pub active: Vec<Arc<PodRecord>>,
    /// Active pods that are Ready.
    pub ready: i32,
    /// Pods that were told to go and are still there.
    pub terminating: i32,
    /// Successes that stand in the status by uid but not in its count.
    pub uncounted_succeeded: BTreeSet<Id>,
    /// Failures likewise.
    pub uncounted_failed: BTreeSet<Id>,
    /// All successes.
    pub succeeded: i32,
    /// All failures that count.
    pub failed: i32,
    /// Succeeded indexes by the status.
    pub before: Indexes,
    /// Succeeded indexes with those of pods not yet counted.
    pub done: Indexes,
    /// Failed indexes, if failures are limited by index.
    pub lost: Option<Indexes>,
    /// The failed pod that the next one of its index replaces: it stays until then, for it knows the count.
    pub replaced: BTreeMap<i32, Arc<PodRecord>>,
    /// Failures, for the back-off.
    pub record: backoff::Record,
    /// How the Job ends.
    pub finished: Option<JobCondition>,
}

impl Context {
    /// The spec.
    pub fn spec(&self) -> &JobSpec {
        static NONE: std::sync::LazyLock<JobSpec> = std::sync::LazyLock::new(JobSpec::default);
        self.job.spec.as_ref().unwrap_or(&NONE)
    }

    /// Its pods have indexes.
    pub fn is_indexed(&self) -> bool {
        self.spec().completion_mode.as_deref() == Some("Indexed")
    }

    /// The index of a pod, if it has one that this Job runs.
    pub fn index(&self, p: &PodRecord) -> Option<i32> {
        completion_index(p).filter(|i| self.spec().completions.is_none_or(|c| *i < c))
    }

    fn limits_by_index(&self) -> bool {
        self.is_indexed() && self.spec().backoff_limit_per_index.is_some()
    }

    /// Pods are replaced only when they have ended, not when they are told to go.
    pub fn replaces_only_failed(&self) -> bool {
        self.spec().pod_replacement_policy.as_deref() == Some("Failed") || self.spec().pod_failure_policy.is_some()
    }

    /// The pod counts as failed.
    pub fn is_failed(&self, p: &PodRecord) -> bool {
        match p.status.phase {
            Phase::Failed => true,
            Phase::Succeeded => false,
            _ => p.deletion.is_some() && !self.replaces_only_failed(),
        }
    }

    /// The failure policy's word on a pod.
    pub fn verdict(&self, p: &PodRecord) -> policy::Verdict {
        match &self.spec().pod_failure_policy {
            Some(rules) => policy::judge(Some(rules), &p.namespace, &p.name, &p.to_status()),
            None => policy::judge(None, "", "", &Default::default()),
        }
    }

    /// Pods that ended in this way and that no status knows yet.
    fn uncounted(&self, known: &BTreeSet<Id>, ended: impl Fn(&PodRecord) -> bool) -> Vec<Arc<PodRecord>> {
        let valid = |p: &PodRecord| !self.is_indexed() || self.index(p).is_some();
        self.pods.iter().filter(|p| is_tracked(p) && !known.contains(&p.id) && valid(p) && ended(p)).cloned().collect()
    }
}

/// The pod's finalizer is still there.
pub fn is_tracked(p: &PodRecord) -> bool {
    p.proto.pod.metadata.finalizers.iter().flatten().any(|f| f == FINALIZER)
}

/// The index that a pod's annotation says.
pub fn completion_index(p: &PodRecord) -> Option<i32> {
    annotation(p, INDEX)?.parse().ok().filter(|i| *i >= 0)
}

fn annotation<'a>(p: &'a PodRecord, key: &str) -> Option<&'a str> {
    p.proto.pod.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Failures of a pod's index before it: those that count and those that a policy ignored.
pub fn index_failures(p: &PodRecord) -> (i32, i32) {
    let number = |key| annotation(p, key).and_then(|n| n.parse().ok()).unwrap_or(0);
    (number(INDEX_FAILURES), number(INDEX_IGNORED))
}

/// The condition of this type that is True.
pub fn holds<'a>(job: &'a Job, type_: &str) -> Option<&'a JobCondition> {
    let list = job.status.as_ref()?.conditions.as_ref()?;
    list.iter().find(|c| c.type_ == type_ && c.status == "True")
}

/// The condition with which a Job has ended: Complete or Failed.
pub fn end(job: &Job) -> Option<&JobCondition> {
    holds(job, "Complete").or_else(|| holds(job, "Failed"))
}

fn condition(type_: &str, status: &str, reason: &str, message: &str, now: SimTime) -> JobCondition {
    JobCondition {
        type_: type_.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message.into()),
        last_probe_time: Some(now.api()),
        last_transition_time: Some(now.api()),
    }
}

/// Sets a condition; one that is not there is not set to False. True: something changed.
fn ensure_condition(job: &mut Job, new: JobCondition) -> bool {
    let list = &mut job.status.get_or_insert_default().conditions;
    let old = list.iter_mut().flatten().find(|c| c.type_ == new.type_);
    match old {
        Some(c) if c.status == new.status && c.reason == new.reason && c.message == new.message => false,
        Some(c) => {
            *c = new;
            true
        }
        None if new.status == "False" => false,
        None => {
            list.get_or_insert_default().push(new);
            true
        }
    }
}

impl Jobs {
    /// Takes over what is known of a Job's failures.
    pub fn remember(&mut self, id: Id, record: backoff::Record) {
        self.records.insert(id, record);
    }

    /// One sync.
    pub fn sync(&mut self, sim: &mut Sim, key: &Key) -> Action {
        if &*key.namespace == ORPHANS {
            return pods::free_orphan(sim, key.name.parse().unwrap_or(0));
        }
        let Some(job) = sim.store.typed::<Job>(key).cloned() else { return Action::Done };
        match self.sync_job(sim, &job) {
            Ok(action) => action,
            // a namespace that is going away needs no retries
            Err(e) if e.code == 403 && e.message.contains("because it is being terminated") => Action::Done,
            Err(_) => Action::Retry,
        }
    }

    fn sync_job(&mut self, sim: &mut Sim, job: &Arc<Job>) -> Result<Action, Status> {
        let Some(spec) = &job.spec else { return Ok(Action::Done) };
        if spec.managed_by.as_deref().is_some_and(|m| m != "kubernetes.io/job-controller") {
            return Ok(Action::Done);
        }
        let id = job.metadata.uid.as_deref().and_then(|u| sim.store.ids.parse(u)).unwrap_or(0);
        if end(job).is_some() {
            self.records.remove(&id);
            return Ok(Action::Done);
        }
        let mut c = look(sim, (**job).clone(), id, self.records.get(&id).copied().unwrap_or_default())?;
        let mut wake = judge(&mut c, sim.now);
        let before = c.job.status.clone().unwrap_or_default();
        let mut active = c.active.len() as i32;
        let mut error = None;
        let mut told = false;
        if c.finished.is_some() {
            let all: Vec<_> = c.active.clone();
            let gone = pods::delete(sim, &c, &all, false);
            if gone.pods != active {
                // not over yet: some pods could not be told to go
                c.finished = None;
            }
            active -= gone.pods;
            c.terminating += gone.pods;
            c.ready -= gone.ready;
            error = gone.error;
        } else {
            let managed = job.metadata.deletion_timestamp.is_none();
            if managed {
                let done = pods::manage(sim, &mut c)?;
                (active, error) = (done.active, done.error);
                wake = sooner(wake, done.again);
            }
            let enough = match c.spec().completions {
                None => c.succeeded > 0,
                Some(n) => c.succeeded >= n,
            };
            if enough && active == 0 {
                let text = "Reached expected number of succeeded pods";
                c.finished = Some(condition("SuccessCriteriaMet", "True", "CompletionsReached", text, sim.now));
            } else if managed {
                told = self.suspension(sim, &mut c);
            }
        }
        let status = c.job.status.get_or_insert_default();
        let changed = told
            || active != before.active.unwrap_or(0)
            || before.ready != Some(c.ready)
            || before.terminating != Some(c.terminating);
        status.active = (active != 0).then_some(active);
        status.ready = Some(c.ready);
        status.terminating = Some(c.terminating);
        let record = c.record;
        if tracking::track(sim, &mut c, changed)? {
            self.records.insert(id, record);
        }
        if end(&c.job).is_some() || self.records.get(&id) == Some(&backoff::Record::default()) {
            self.records.remove(&id);
        }
        if self.records.len() > 64 + 2 * sim.store.count(Kind::Job) {
            // Jobs that were deleted before their end
            self.records = self.records.iter().filter(|(i, _)| sim.store.lives(**i)).map(|(i, r)| (*i, *r)).collect();
        }
        match (error, wake) {
            (Some(e), _) => Err(e),
            (None, Some(d)) => Ok(Action::After(d)),
            (None, None) => Ok(Action::Done),
        }
    }

    /// Says in the status and by an event that the Job is suspended or goes on.
    fn suspension(&self, sim: &mut Sim, c: &mut Context) -> bool {
        let now = sim.now;
        let suspended = c.spec().suspend == Some(true);
        let (status, reason, event, text) = if suspended {
            ("True", "JobSuspended", "Suspended", "Job suspended")
        } else {
            ("False", "JobResumed", "Resumed", "Job resumed")
        };
        let changed = ensure_condition(&mut c.job, condition("Suspended", status, reason, text, now));
        if changed {
            sim.record(SOURCE, &Obj::Job(Arc::new(c.job.clone())), false, event, text);
            // a deadline does not run while the Job is suspended
            c.job.status.get_or_insert_default().start_time = (!suspended).then(|| now.api());
        }
        changed
    }
}

fn sooner(a: Option<SimDuration>, b: Option<SimDuration>) -> Option<SimDuration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a < b { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// What is there: the pods, counted.
pub fn look(sim: &mut Sim, job: Job, id: Id, record: backoff::Record) -> Result<Context, Status> {
    let pods = pods::of_job(sim, &job, id)?;
    let active: Vec<_> = pods.iter().filter(|p| p.is_active()).cloned().collect();
    let status = job.status.clone().unwrap_or_default();
    let uncounted = status.uncounted_terminated_pods.unwrap_or_default();
    let ids = |list: Option<Vec<String>>| -> BTreeSet<Id> {
        list.into_iter().flatten().filter_map(|u| sim.store.ids.parse(&u)).collect()
    };
    let mut c = Context {
        id,
        ready: active.iter().filter(|p| p.status.is_ready()).count() as i32,
        terminating: pods.iter().filter(|p| p.deletion.is_some() && !p.status.phase.is_terminal()).count() as i32,
        uncounted_succeeded: ids(uncounted.succeeded),
        uncounted_failed: ids(uncounted.failed),
        succeeded: 0,
        failed: 0,
        before: Indexes::default(),
        done: Indexes::default(),
        lost: None,
        replaced: BTreeMap::new(),
        record,
        finished: None,
        job,
        pods,
        active,
    };
    c.job.status.get_or_insert_default().uncounted_terminated_pods.get_or_insert_default();
    let succeeded = c.uncounted(&c.uncounted_succeeded, |p| p.status.phase == Phase::Succeeded);
    let failed = c.uncounted(&c.uncounted_failed, |p| c.is_failed(p));
    let counting = match c.spec().pod_failure_policy {
        None => failed.len(),
        Some(_) => failed.iter().filter(|p| c.verdict(p).counts).count(),
    };
    c.succeeded = status.succeeded.unwrap_or(0) + (succeeded.len() + c.uncounted_succeeded.len()) as i32;
    c.failed = status.failed.unwrap_or(0) + (counting + c.uncounted_failed.len()) as i32;
    let times = |list: &[Arc<PodRecord>]| list.iter().map(|p| backoff::finish_time(p)).collect::<Vec<_>>();
    c.record = record.after(&times(&succeeded), &times(&failed));
    Ok(c)
}

/// Is the Job over, and why? Fills in the indexes too. Says when the deadline asks for another look.
pub fn judge(c: &mut Context, now: SimTime) -> Option<SimDuration> {
    let suspended = c.spec().suspend == Some(true);
    if c.job.status.as_ref().is_none_or(|s| s.start_time.is_none()) && !suspended {
        c.job.status.get_or_insert_default().start_time = Some(now.api());
    }
    let failure = |reason: &str, message: &str| Some(condition("FailureTarget", "True", reason, message, now));
    // what was decided once is not decided again
    if let Some(met) = holds(&c.job, "SuccessCriteriaMet") {
        c.finished = Some(met.clone());
    } else if let Some(target) = holds(&c.job, "FailureTarget") {
        c.finished = Some(terminal(target, now));
    } else if let Some(message) = policy_failure(c) {
        c.finished = failure("PodFailurePolicy", &message);
    }
    let mut wake = None;
    if c.finished.is_none() {
        let left = deadline(c, now);
        if c.failed > c.spec().backoff_limit.unwrap_or(6) || too_many_restarts(c) {
            c.finished = failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
        } else if left == Some(SimDuration::ZERO) {
            c.finished = failure("DeadlineExceeded", "Job was active longer than specified deadline");
        } else {
            wake = left;
        }
    }
    if c.is_indexed() {
        judge_indexes(c, now);
    }
    wake
}

fn judge_indexes(c: &mut Context, now: SimTime) {
    let completions = c.spec().completions.unwrap_or(0);
    let status = c.job.status.clone().unwrap_or_default();
    c.before = Indexes::parse(status.completed_indexes.as_deref().unwrap_or_default(), completions);
    let fresh = |c: &Context, keep: &dyn Fn(&PodRecord) -> bool| -> BTreeSet<i32> {
        c.pods.iter().filter(|p| is_tracked(p) && keep(p)).filter_map(|p| c.index(p)).collect()
    };
    c.done = c.before.with(fresh(c, &|p| p.status.phase == Phase::Succeeded));
    c.succeeded = c.done.total();
    if c.limits_by_index() {
        let before = Indexes::parse(status.failed_indexes.as_deref().unwrap_or_default(), completions);
        let lost = before.with(fresh(c, &|p| index_is_lost(c, p)));
        let (failed, done) = (lost.total(), c.done.total());
        c.lost = Some(lost);
        let too_many = c.spec().max_failed_indexes.is_some_and(|n| failed > n);
        if c.finished.is_none() && (too_many || (failed > 0 && failed + done >= completions)) {
            let (reason, message) = if too_many {
                ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
            } else {
                ("FailedIndexes", "Job has failed indexes")
            };
            c.finished = Some(condition("FailureTarget", "True", reason, message, now));
        }
        c.replaced = to_be_replaced(c);
    }
    if c.finished.is_none()
        && let Some(message) = policy::success(c.spec().success_policy.as_ref(), completions, &c.done)
    {
        c.finished = Some(condition("SuccessCriteriaMet", "True", "SuccessPolicy", &message, now));
    }
}

/// The condition that a FailureTarget becomes when all pods are gone.
fn terminal(target: &JobCondition, now: SimTime) -> JobCondition {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    condition("Failed", "True", &text(&target.reason), &text(&target.message), now)
}

fn policy_failure(c: &Context) -> Option<String> {
    c.spec().pod_failure_policy.as_ref()?;
    c.pods.iter().filter(|p| c.is_failed(p)).find_map(|p| c.verdict(p).fails_job)
}

/// With restartPolicy OnFailure it is restarts that count.
fn too_many_restarts(c: &Context) -> bool {
    let spec = c.spec();
    if spec.template.spec.as_ref().and_then(|s| s.restart_policy.as_deref()) != Some("OnFailure") {
        return false;
    }
    let restarts: u32 =
        c.pods.iter().filter(|p| matches!(p.status.phase, Phase::Running | Phase::Pending)).map(|p| p.restarts()).sum();
    match spec.backoff_limit.unwrap_or(6) {
        0 => restarts > 0,
        n => i64::from(restarts) >= i64::from(n),
    }
}

/// Time left until activeDeadlineSeconds; zero: over.
fn deadline(c: &Context, now: SimTime) -> Option<SimDuration> {
    let seconds = c.spec().active_deadline_seconds.filter(|_| c.spec().suspend != Some(true))?;
    let start = SimTime::from_api(c.job.status.as_ref()?.start_time.as_ref()?);
    let allowed = SimDuration::from_secs(seconds.max(0) as u64);
    Some(SimDuration(allowed.0.saturating_sub(now.since(start).0)))
}

/// The index of this failed pod gets no other.
fn index_is_lost(c: &Context, p: &PodRecord) -> bool {
    if !c.is_failed(p) {
        return false;
    }
    let verdict = c.verdict(p);
    verdict.action == Some("FailIndex")
        || (verdict.counts && index_failures(p).0 >= c.spec().backoff_limit_per_index.unwrap_or(0))
}

fn to_be_replaced(c: &Context) -> BTreeMap<i32, Arc<PodRecord>> {
    let running: BTreeSet<i32> = c.active.iter().filter_map(|p| completion_index(p)).collect();
    let mut out: BTreeMap<i32, Arc<PodRecord>> = BTreeMap::new();
    let total = |p: &PodRecord| index_failures(p).0 + index_failures(p).1;
    for p in c.pods.iter().filter(|p| is_tracked(p) && c.is_failed(p)) {
        let Some(i) = c.index(p) else { continue };
        if c.done.has(i) || c.lost.as_ref().is_some_and(|l| l.has(i)) || running.contains(&i) {
            continue;
        }
        let later = out
            .get(&i)
            .is_none_or(|last| total(p) > total(last) || backoff::finish_time(p) > backoff::finish_time(last));
        if later {
            out.insert(i, p.clone());
        }
    }
    out
}

/// The reference by which a Job's pods name it.
pub fn owner(job: &Job) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference {
    claim::owner_reference("batch/v1", "Job", &job.metadata)
}
