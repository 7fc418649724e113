//! The CronJob controller: a Job for each time of the schedule, named by the minute so that none is made twice.
//! Between two times it sleeps. Models pkg/controller/cronjob.

use super::{Action, claim, job};
use crate::api::cron::{Missed, Schedule, most_recent, next_delay_millis, time_zone};
use crate::api::error::Status;
use crate::apiserver::server::DeleteOptions;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, CronJobStatus, Job};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

const SOURCE: &str = "cronjob-controller";
/// Annotation of a Job: for which time it was made.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// Keys that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::CronJob if change.new.is_some() => add(change.obj().key()),
        Kind::Job => {
            let owner = |o: &Obj| {
                let owner = claim::controller_of(o.meta()?)?;
                match sim.store.by_uid(&owner.uid)? {
                    Obj::CronJob(c) => Some(Key::of(&c.metadata)),
                    _ => None,
                }
            };
            if let Some(key) = owner(change.obj()) {
                add(key);
            }
        }
        _ => {}
    }
}

/// A new schedule waits for its next time: the times that it would have had before are not made up for.
pub fn delay(sim: &Sim, change: &Change) -> SimDuration {
    let (Some(Obj::CronJob(old)), Some(Obj::CronJob(new))) = (&change.old, &change.new) else {
        return SimDuration::ZERO;
    };
    let times = |c: &CronJob| (c.spec.schedule.clone(), c.spec.time_zone.clone());
    if times(old) == times(new) {
        return SimDuration::ZERO;
    }
    let wait = schedule(&new.spec).ok().and_then(|s| next_wake(new, &s, sim.now));
    wait.unwrap_or(SimDuration::ZERO)
}

/// The schedule in its time zone.
fn schedule(spec: &CronJobSpec) -> Result<Schedule, String> {
    let parsed = Schedule::parse(&spec.schedule)?;
    // a zone in the schedule itself is not meant to be there, but it is obeyed
    match spec.time_zone.as_deref().filter(|_| !spec.schedule.contains("TZ")).map(time_zone) {
        Some(Ok(zone)) => Ok(parsed.in_zone(zone)),
        _ => Ok(parsed),
    }
}

fn times(cron: &CronJob) -> (i64, Option<i64>) {
    let created = cron.metadata.creation_timestamp.as_ref().map(|t| t.0.as_second()).unwrap_or_default();
    (created, cron.status.as_ref().and_then(|s| s.last_schedule_time.as_ref()).map(|t| t.0.as_second()))
}

/// How long until the next time of the schedule, and a little more.
fn next_wake(cron: &CronJob, schedule: &Schedule, now: SimTime) -> Option<SimDuration> {
    let (created, last) = times(cron);
    let millis = next_delay_millis(schedule, created, last, now.unix_seconds())?;
    let at = now.floor_second() + SimDuration::from_millis(millis.max(0) as u64);
    Some(at.since(now))
}

/// One sync.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(cron) = sim.store.typed::<CronJob>(key).cloned() else { return Action::Done };
    let id = cron.metadata.uid.as_deref().and_then(|u| sim.store.ids.parse(u)).unwrap_or(0);
    let controlled =
        |j: &Arc<Job>| claim::controller_of(&j.metadata).is_some_and(|o| Some(&o.uid) == cron.metadata.uid.as_ref());
    let jobs: Vec<Arc<Job>> = sim
        .store
        .dependents(id)
        .filter_map(|d| sim.store.by_id(d)?.typed::<Job>().cloned())
        .filter(controlled)
        .collect();
    let mut new = (*cron).clone();
    let mut changed = false;
    let outcome = step(sim, &mut new, &jobs, &mut changed);
    changed |= clean_up(sim, &mut new, &jobs);
    if changed && sim.update_status_typed(new).is_err() {
        return Action::Retry;
    }
    match outcome {
        Ok(Some(wait)) => Action::After(wait),
        Ok(None) => Action::Done,
        Err(e) if e.message.contains("because it is being terminated") => Action::Done,
        Err(_) => Action::Retry,
    }
}

fn status(cron: &mut CronJob) -> &mut CronJobStatus {
    cron.status.get_or_insert_default()
}

fn is_active(cron: &CronJob, uid: Option<&String>) -> bool {
    let list = cron.status.as_ref().and_then(|s| s.active.as_ref());
    list.into_iter().flatten().any(|r| r.uid.as_ref() == uid)
}

fn drop_active(cron: &mut CronJob, uid: Option<&String>) {
    let s = status(cron);
    if let Some(list) = &mut s.active {
        list.retain(|r| r.uid.as_ref() != uid);
    }
    s.active = s.active.take().filter(|l| !l.is_empty());
}

fn name_of(m: &ObjectMeta) -> &str {
    m.name.as_deref().unwrap_or_default()
}

/// The step of a sync that looks at the clock: starts a Job if one is due. `jobs`: those that the CronJob controls;
/// `changed`: its status is to be written. Answers when to look again.
pub fn step(
    sim: &mut Sim,
    cron: &mut CronJob,
    jobs: &[Arc<Job>],
    changed: &mut bool,
) -> Result<Option<SimDuration>, Status> {
    let about = Obj::CronJob(Arc::new(cron.clone()));
    *changed |= take_stock(sim, cron, &about, jobs);
    if cron.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let spec = cron.spec.clone();
    let zone = spec.time_zone.as_deref().map(time_zone).transpose();
    if let Err(e) = &zone {
        let text = format!("invalid timeZone: {:?}: {e}", spec.time_zone.as_deref().unwrap_or_default());
        sim.record(SOURCE, &about, true, "UnknownTimeZone", text);
        return Ok(None);
    }
    if spec.suspend == Some(true) {
        return Ok(None);
    }
    if spec.schedule.contains("TZ") {
        let text = format!(
            "CRON_TZ or TZ used in schedule {:?} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
            spec.schedule
        );
        sim.record(SOURCE, &about, true, "UnsupportedSchedule", text);
    }
    let schedule = match schedule(&spec) {
        Ok(s) => s,
        Err(e) => {
            let text = format!("unparseable schedule: {:?} : {e}", spec.schedule);
            sim.record(SOURCE, &about, true, "UnparseableSchedule", text);
            return Ok(None);
        }
    };
    let now = sim.now;
    let (created, last) = times(cron);
    let recent = match most_recent(&schedule, created, last, spec.starting_deadline_seconds, now.unix_seconds()) {
        Ok(r) => r,
        Err(e) => {
            sim.record(SOURCE, &about, true, "InvalidSchedule", format!("invalid schedule: {} : {e}", spec.schedule));
            return Ok(None);
        }
    };
    let Some(due) = recent.time else { return Ok(next_wake(cron, &schedule, now)) };
    if recent.missed == Missed::Many {
        let text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
        sim.record(SOURCE, &about, true, "TooManyMissedTimes", text);
    }
    let time = SimTime::from_unix_seconds(due);
    let late = |s: i64| time + SimDuration::from_secs(s.max(0) as u64) < now;
    if spec.starting_deadline_seconds.is_some_and(late) {
        let text = format!("Missed scheduled time to start a job: {}", rfc1123(time));
        sim.record(SOURCE, &about, true, "MissSchedule", text);
        return Ok(next_wake(cron, &schedule, now));
    }
    let name = format!("{}-{}", name_of(&cron.metadata), due.div_euclid(60));
    let active = cron.status.as_ref().and_then(|s| s.active.clone()).unwrap_or_default();
    if last == Some(due) || active.iter().any(|r| r.name.as_deref() == Some(name.as_str())) {
        return Ok(next_wake(cron, &schedule, now));
    }
    match spec.concurrency_policy.as_deref() {
        Some("Forbid") if !active.is_empty() => {
            let text = "Not starting job because prior execution is running and concurrency policy is Forbid";
            sim.record(SOURCE, &about, false, "JobAlreadyActive", text);
            return Ok(next_wake(cron, &schedule, now));
        }
        Some("Replace") => {
            for r in &active {
                let key = Key::new(r.namespace.as_deref().unwrap_or_default(), r.name.as_deref().unwrap_or_default());
                let Some(running) = sim.store.typed::<Job>(&key).cloned() else {
                    let e = Status::not_found("jobs.batch", &key.name);
                    sim.record(SOURCE, &about, true, "FailedGet", format!("Get job: {}", e.message));
                    return Err(e);
                };
                delete(sim, cron, &about, &running)?;
                *changed = true;
            }
        }
        _ => {}
    }
    let stamp = time.timestamp().to_zoned(zone.ok().flatten().unwrap_or(jiff::tz::TimeZone::UTC));
    let (made, existed) = match sim.create_typed(&job_for(cron, &spec, &name, stamp_text(&stamp))) {
        Ok(made) => (made, false),
        Err(e) if e.reason == "AlreadyExists" => {
            let key = Key::new(cron.metadata.namespace.clone().unwrap_or_default(), name.as_str());
            let there = sim.store.typed::<Job>(&key).cloned().ok_or(e)?;
            let mine =
                claim::controller_of(&there.metadata).is_some_and(|o| Some(&o.uid) == cron.metadata.uid.as_ref());
            if !mine || is_active(cron, there.metadata.uid.as_ref()) {
                return Ok(next_wake(cron, &schedule, now));
            }
            (there, true)
        }
        Err(e) if e.message.contains("because it is being terminated") => return Err(e),
        Err(e) => {
            sim.record(SOURCE, &about, true, "FailedCreate", format!("Error creating job: {}", e.message));
            return Err(e);
        }
    };
    if !existed {
        sim.record(SOURCE, &about, false, "SuccessfulCreate", format!("Created job {name}"));
    }
    let s = status(cron);
    s.active.get_or_insert_default().push(ObjectReference {
        api_version: Some("batch/v1".into()),
        kind: Some("Job".into()),
        name: made.metadata.name.clone(),
        namespace: made.metadata.namespace.clone(),
        uid: made.metadata.uid.clone(),
        resource_version: made.metadata.resource_version.clone(),
        field_path: None,
    });
    s.last_schedule_time = Some(time.api());
    *changed = true;
    Ok(next_wake(cron, &schedule, now))
}

/// Compares the list of active Jobs with the Jobs that are there.
fn take_stock(sim: &mut Sim, cron: &mut CronJob, about: &Obj, jobs: &[Arc<Job>]) -> bool {
    let mut changed = false;
    for j in jobs {
        let (uid, name) = (j.metadata.uid.as_ref(), name_of(&j.metadata));
        match (is_active(cron, uid), job::end(j)) {
            (false, None) => {
                let text = format!("Saw a job that the controller did not create or forgot: {name}");
                sim.record(SOURCE, about, true, "UnexpectedJob", text);
            }
            (true, Some(end)) => {
                drop_active(cron, uid);
                let text = format!("Saw completed job: {name}, condition: {}", end.type_);
                sim.record(SOURCE, about, false, "SawCompletedJob", text);
                changed = true;
            }
            (false, Some(end)) if end.type_ == "Complete" => {
                let at = j.status.as_ref().and_then(|s| s.completion_time.clone());
                let s = status(cron);
                if at > s.last_successful_time {
                    s.last_successful_time = at;
                    changed = true;
                }
            }
            _ => {}
        }
    }
    let active = cron.status.as_ref().and_then(|s| s.active.clone()).unwrap_or_default();
    for r in active {
        let there = jobs.iter().any(|j| j.metadata.uid == r.uid);
        let key = Key::new(r.namespace.as_deref().unwrap_or_default(), r.name.as_deref().unwrap_or_default());
        if !there && sim.store.get(Kind::Job, &key).is_none() {
            let text = format!("Active job went missing: {}", key.name);
            sim.record(SOURCE, about, false, "MissingJob", text);
            drop_active(cron, r.uid.as_ref());
            changed = true;
        }
    }
    changed
}

/// Finished Jobs beyond the limits go, those that started first before the others.
fn clean_up(sim: &mut Sim, cron: &mut CronJob, jobs: &[Arc<Job>]) -> bool {
    let doomed = history(cron, jobs);
    if doomed.is_empty() {
        return false;
    }
    let about = Obj::CronJob(Arc::new(cron.clone()));
    for j in &doomed {
        let _ = delete(sim, cron, &about, j);
    }
    true
}

/// The finished Jobs that are beyond the limits: a pure function.
pub fn history(cron: &CronJob, jobs: &[Arc<Job>]) -> Vec<Arc<Job>> {
    let spec = &cron.spec;
    let mut doomed = vec![];
    let limits = [("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit)];
    for (type_, limit) in limits {
        let Some(limit) = limit else { continue };
        let mut done: Vec<_> = jobs.iter().filter(|j| job::end(j).is_some_and(|c| c.type_ == type_)).cloned().collect();
        let many = done.len().saturating_sub(limit.max(0) as usize);
        if many == 0 {
            continue;
        }
        // one that never started comes last
        let start = |j: &Job| j.status.as_ref().and_then(|s| s.start_time.as_ref()).map(|t| t.0);
        done.sort_by(|a, b| {
            let (x, y) = (start(a), start(b));
            x.is_none().cmp(&y.is_none()).then(x.cmp(&y)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
        done.truncate(many);
        doomed.extend(done);
    }
    doomed
}

fn delete(sim: &mut Sim, cron: &mut CronJob, about: &Obj, doomed: &Job) -> Result<(), Status> {
    let options = DeleteOptions { propagation: Some("Background".into()), ..DeleteOptions::default() };
    match sim.delete_typed(Kind::Job, &Key::of(&doomed.metadata), &options) {
        Err(e) if e.code != 404 => {
            sim.record(SOURCE, about, true, "FailedDelete", format!("Deleted job: {}", e.message));
            Err(e)
        }
        _ => {
            drop_active(cron, doomed.metadata.uid.as_ref());
            let text = format!("Deleted job {}", name_of(&doomed.metadata));
            sim.record(SOURCE, about, false, "SuccessfulDelete", text);
            Ok(())
        }
    }
}

fn job_for(cron: &CronJob, spec: &CronJobSpec, name: &str, stamp: String) -> Job {
    let template = spec.job_template.metadata.clone().unwrap_or_default();
    let mut annotations = template.annotations.unwrap_or_default();
    annotations.insert(SCHEDULED.into(), stamp);
    Job {
        metadata: ObjectMeta {
            name: Some(name.into()),
            namespace: cron.metadata.namespace.clone(),
            labels: template.labels,
            annotations: Some(annotations),
            owner_references: Some(vec![claim::owner_reference("batch/v1", "CronJob", &cron.metadata)]),
            ..ObjectMeta::default()
        },
        spec: spec.job_template.spec.clone(),
        status: None,
    }
}

/// `2026-01-01T03:00:00+09:00`; `Z` for UTC.
fn stamp_text(t: &jiff::Zoned) -> String {
    let text = t.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    text.strip_suffix("+00:00").map(|t| format!("{t}Z")).unwrap_or(text)
}

/// `Thu, 01 Jan 2026 00:00:00 UTC`
fn rfc1123(t: SimTime) -> String {
    t.timestamp().strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
}
