//! Counts pods that ended. Three steps, so that none is lost and none is counted twice: its uid goes into
//! status.uncountedTerminatedPods; its finalizer is taken off; the uid turns into a number. An interim condition stands
//! in the status before the finalizers go, the final one comes when everything is counted and every pod is gone.
//! (Models trackJobStatusAndRemoveFinalizers.)

use super::{Context, SOURCE, condition, ensure_condition, pods, terminal};
use crate::api::error::Status;
use crate::sim::Sim;
use crate::store::event::Involved;
use crate::store::pod::Phase;
use crate::store::{Id, Key, Kind, PodRecord};
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Most uids that a status holds; the rest is counted in a later sync.
const MAX_UNCOUNTED: usize = 500;

/// Counts, writes the status and lets finished pods go. `flush`: the status has changed already. True: the status was
/// written before finalizers went.
pub fn track(sim: &mut Sim, c: &mut Context, mut flush: bool) -> Result<bool, Status> {
    let indexed = c.is_indexed();
    let mut order = c.pods.clone();
    if indexed {
        order.sort_by_key(|p| super::completion_index(p).unwrap_or(-1));
    }
    let mut tracked: BTreeSet<Id> = order.iter().filter(|p| super::is_tracked(p)).map(|p| p.id).collect();
    flush |= count(sim, &mut c.job, &tracked);
    let failing = c.finished.as_ref().is_some_and(|f| f.type_ != "SuccessCriteriaMet" && f.type_ != "Complete");
    let (mut release, mut fresh) = (vec![], BTreeSet::new());
    let (mut succeeded, mut failed): (Vec<Id>, Vec<Id>) = (vec![], vec![]);
    let known = c.uncounted_succeeded.len() + c.uncounted_failed.len();
    let mut full = false;
    for p in order.iter().filter(|p| tracked.contains(&p.id)) {
        let is_failed = c.is_failed(p);
        if !may_go(c, p, is_failed) {
            continue;
        }
        release.push(p.id);
        if p.status.phase == Phase::Succeeded && !c.uncounted_failed.contains(&p.id) {
            match c.index(p) {
                Some(i) if indexed => {
                    if !c.before.has(i) {
                        fresh.insert(i);
                    }
                }
                _ if indexed => {}
                _ if c.uncounted_succeeded.contains(&p.id) => {}
                _ => succeeded.push(p.id),
            }
        } else if (is_failed || failing)
            && !c.uncounted_failed.contains(&p.id)
            && (!indexed || c.index(p).is_some())
            && c.verdict(p).counts
        {
            // what is still running when a Job fails has failed with it
            failed.push(p.id);
        }
        if fresh.len() + known + succeeded.len() + failed.len() >= MAX_UNCOUNTED {
            full = true;
            break;
        }
    }
    flush |= !fresh.is_empty() || !succeeded.is_empty() || !failed.is_empty();
    let uids = |ids: &[Id]| ids.iter().map(|i| sim.store.ids.uid(*i)).collect::<Vec<_>>();
    let (succeeded, failed) = (uids(&succeeded), uids(&failed));
    let status = c.job.status.get_or_insert_default();
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    if !succeeded.is_empty() {
        uncounted.succeeded.get_or_insert_default().extend(succeeded);
    }
    if !failed.is_empty() {
        uncounted.failed.get_or_insert_default().extend(failed);
    }
    if indexed {
        let done = c.before.with(fresh);
        let text = Some(done.to_string()).filter(|t| !t.is_empty());
        let lost = c.lost.as_ref().map(ToString::to_string);
        flush |= text != status.completed_indexes || lost != status.failed_indexes;
        status.succeeded = Some(done.total()).filter(|n| *n > 0);
        status.completed_indexes = text;
        status.failed_indexes = lost;
    }
    flush |= interim(sim, c);
    let flushed = flush;
    if flush {
        c.job = (*sim.update_status_typed(c.job.clone())?).clone();
        flush = false;
    }
    let mut refused = None;
    for id in release {
        match pods::release(sim, id) {
            Ok(()) => {
                tracked.remove(&id);
            }
            Err(e) => refused = Some(e),
        }
    }
    flush |= count(sim, &mut c.job, &tracked);
    if let Some(e) = refused {
        if flush {
            sim.update_status_typed(c.job.clone())?;
        }
        return Err(e);
    }
    let ended = !full && finish(sim, c);
    if flush || ended {
        c.job = (*sim.update_status_typed(c.job.clone())?).clone();
    }
    if ended {
        report(sim, c);
    }
    Ok(flushed)
}

/// The pod's finalizer may be taken off.
fn may_go(c: &Context, p: &PodRecord, is_failed: bool) -> bool {
    if c.job.metadata.deletion_timestamp.is_some() || c.finished.is_some() || p.status.phase == Phase::Succeeded {
        return true;
    }
    is_failed && c.index(p).and_then(|i| c.replaced.get(&i)).is_none_or(|kept| kept.id != p.id)
}

/// Turns uids whose pods have no finalizer any more into numbers. True if there were any.
fn count(sim: &Sim, job: &mut Job, tracked: &BTreeSet<Id>) -> bool {
    let status = job.status.get_or_insert_default();
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    let take = |list: &mut Option<Vec<String>>| -> i32 {
        let all = list.take().unwrap_or_default();
        let before = all.len();
        let left: Vec<String> =
            all.into_iter().filter(|u| sim.store.ids.parse(u).is_some_and(|i| tracked.contains(&i))).collect();
        let counted = (before - left.len()) as i32;
        *list = Some(left).filter(|l| !l.is_empty());
        counted
    };
    let (succeeded, failed) = (take(&mut uncounted.succeeded), take(&mut uncounted.failed));
    if succeeded > 0 {
        status.succeeded = Some(status.succeeded.unwrap_or(0) + succeeded);
    }
    if failed > 0 {
        status.failed = Some(status.failed.unwrap_or(0) + failed);
    }
    succeeded + failed > 0
}

/// Writes why the Job will end, and makes of it how it ends.
fn interim(sim: &Sim, c: &mut Context) -> bool {
    let Some(f) = c.finished.clone() else { return false };
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    match f.type_.as_str() {
        "FailureTarget" => c.finished = Some(terminal(&f, sim.now)),
        "SuccessCriteriaMet" => {
            c.finished = Some(condition("Complete", "True", &text(&f.reason), &text(&f.message), sim.now));
        }
        _ => return false,
    }
    if super::holds(&c.job, &f.type_).is_some() {
        return false;
    }
    // a condition of this type that says False was set by hand, and gives way
    let conditions = c.job.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.retain(|o: &JobCondition| o.type_ != f.type_);
    conditions.push(f);
    true
}

/// Sets the final condition when nothing is uncounted and no pod is left.
fn finish(sim: &Sim, c: &mut Context) -> bool {
    let Some(f) = c.finished.clone() else { return false };
    let uncounted = c.job.status.as_ref().and_then(|s| s.uncounted_terminated_pods.as_ref());
    let open = uncounted
        .is_some_and(|u| [&u.succeeded, &u.failed].into_iter().any(|l| l.as_ref().is_some_and(|l| !l.is_empty())));
    if open || c.terminating > 0 {
        return false;
    }
    if f.type_ == "Complete" {
        c.job.status.get_or_insert_default().completion_time = Some(sim.now.api());
    }
    ensure_condition(&mut c.job, f)
}

fn report(sim: &mut Sim, c: &Context) {
    let Some(f) = &c.finished else { return };
    let involved = Involved {
        kind: Kind::Job,
        key: Key::of(&c.job.metadata),
        id: c.id,
        rv: c.job.metadata.resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0),
        field_path: Cow::Borrowed(""),
    };
    let completions = c.job.spec.as_ref().and_then(|s| s.completions);
    let succeeded = c.job.status.as_ref().and_then(|s| s.succeeded).unwrap_or(0);
    if f.type_ != "Complete" {
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        sim.record_about(SOURCE, involved, true, text(&f.reason), text(&f.message));
        return;
    }
    if completions.is_some_and(|n| succeeded > n) {
        let text = "Too many succeeded pods running after completion count reached";
        sim.record_about(SOURCE, involved.clone(), true, "TooManySucceededPods", text);
    }
    sim.record_about(SOURCE, involved, false, "Completed", "Job completed");
}
