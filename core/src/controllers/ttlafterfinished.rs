//! Deletes finished Jobs when their time to live is over. Models pkg/controller/ttlafterfinished.

use super::{Action, job};
use crate::apiserver::server::DeleteOptions;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::batch::v1::Job;

/// When a Job's time is over: so many seconds after its end. None: it has no such time, or has not ended.
pub fn expiry(job: &Job) -> Option<SimTime> {
    let ttl = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let end = job::end(job)?.last_transition_time.as_ref()?;
    Some(SimTime::from_api(end) + SimDuration::from_secs(ttl.max(0) as u64))
}

/// Keys that a change makes due.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    if let Some(Obj::Job(job)) = &change.new
        && job.metadata.deletion_timestamp.is_none()
        && expiry(job).is_some()
    {
        add(change.obj().key());
    }
}

/// One sync: deletes the Job, with its pods first, or waits for the rest of its time.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let Some(job) = sim.store.typed::<Job>(key).cloned() else { return Action::Done };
    let Some(at) = expiry(&job).filter(|_| job.metadata.deletion_timestamp.is_none()) else { return Action::Done };
    if at > sim.now {
        return Action::After(at.since(sim.now));
    }
    let options = DeleteOptions { propagation: Some("Foreground".into()), ..DeleteOptions::default() };
    match sim.delete_typed(Kind::Job, key, &options) {
        Err(e) if e.code != 404 => Action::Retry,
        _ => Action::Done,
    }
}
