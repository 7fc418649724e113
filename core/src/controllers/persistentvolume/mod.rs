//! The PersistentVolume controller: binds claims to volumes and reclaims them. [`provision`] makes and deletes volumes
//! as a driver would, [`protection`] keeps what is in use. Models pkg/controller/volume/persistentvolume.
//!
//! Invariant: a volume's claimRef is written before the claim's volumeName, so a volume never serves two claims. Keys:
//! a volume's has no namespace; `provision/…`, `resize/…` and `pod/…` before a name say what is due.

mod protection;
mod provision;

use super::Action;
use crate::api::error::Status;
use crate::clock::{SimDuration, SimTime};
use crate::scheduler::volumes::{
    self, BIND_COMPLETED, BOUND_BY_CONTROLLER, PROVISIONED_BY, SELECTED_NODE, annotation, class_of, is_bound_to,
    is_complete, reference, volume_name,
};
use crate::sim::{Event, Sim};
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use std::collections::BTreeSet;
use std::sync::Arc;

const SOURCE: &str = "persistentvolume-controller";

/// Claims that found nothing are looked at again so often.
const RESYNC: SimDuration = SimDuration::from_secs(15);

/// Key prefix: the driver has made the claim's volume.
const PROVISION: &str = "provision/";
/// Key prefix: the driver has made the claim's volume larger.
const RESIZE: &str = "resize/";
/// Key prefix: a pod with claims of its own.
const POD: &str = "pod/";

/// Which volumes and claims a change concerns.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::PersistentVolume => {
            add(change.obj().key());
            let of = |o: &Option<Obj>| {
                let v = o.as_ref().and_then(Obj::typed::<PersistentVolume>).cloned()?;
                let r = v.spec.as_ref()?.claim_ref.clone()?;
                Some(Key::new(r.namespace.unwrap_or_default(), r.name.unwrap_or_default()))
            };
            // a volume that is gone, or given up, leaves its claim behind
            if let Some(claim) = of(&change.old).filter(|k| of(&change.new).as_ref() != Some(k)) {
                add(claim);
            }
        }
        Kind::PersistentVolumeClaim => {
            add(change.obj().key());
            for o in [&change.old, &change.new].into_iter().flatten() {
                if let Some(c) = o.typed::<PersistentVolumeClaim>()
                    && !volume_name(c).is_empty()
                {
                    add(Key::new("", volume_name(c)));
                }
            }
        }
        Kind::Pod => protection::keys_of_pod(sim, change, add),
        _ => {}
    }
}

/// One pass over what a key names.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let done = match key.name.split_once('/') {
        Some(("provision", name)) => provision::make(sim, &Key::new(key.namespace.clone(), name)),
        Some(("resize", name)) => provision::resized(sim, &Key::new(key.namespace.clone(), name)),
        Some(("pod", name)) => protection::ephemeral(sim, &Key::new(key.namespace.clone(), name)),
        _ if key.namespace.is_empty() => sync_volume(sim, key),
        _ => sync_claim(sim, key),
    };
    done.unwrap_or(Action::Retry)
}

type Done = Result<Action, Status>;

fn claim_of(sim: &Sim, key: &Key) -> Option<Arc<PersistentVolumeClaim>> {
    sim.store.typed::<PersistentVolumeClaim>(key).cloned()
}

fn volume_of(sim: &Sim, name: &str) -> Option<Arc<PersistentVolume>> {
    sim.store.typed::<PersistentVolume>(&Key::new("", name)).cloned()
}

fn class(sim: &Sim, name: &str) -> Option<Arc<StorageClass>> {
    sim.store.typed::<StorageClass>(&Key::new("", name)).cloned()
}

fn say(sim: &mut Sim, claim: &Arc<PersistentVolumeClaim>, warning: bool, reason: &'static str, message: String) {
    sim.record(SOURCE, &Obj::PersistentVolumeClaim(claim.clone()), warning, reason, message);
}

/// Until all claims are looked at again: every 15 s.
fn next_resync(now: SimTime) -> Action {
    Action::After(SimDuration(RESYNC.0 - now.0 % RESYNC.0))
}

fn sync_claim(sim: &mut Sim, key: &Key) -> Done {
    let Some(claim) = claim_of(sim, key) else { return Ok(Action::Done) };
    let claim = match protection::let_go_of_claim(sim, &claim)? {
        Some(claim) => claim,
        None => return Ok(Action::Done),
    };
    if is_complete(&claim) { sync_bound(sim, &claim) } else { sync_unbound(sim, key, &claim) }
}

fn sync_unbound(sim: &mut Sim, key: &Key, claim: &Arc<PersistentVolumeClaim>) -> Done {
    let named = volume_name(claim).to_owned();
    if !named.is_empty() {
        let Some(volume) = volume_of(sim, &named) else {
            claim_phase(sim, claim, "Pending")?;
            return Ok(next_resync(sim.now));
        };
        let free = volume.spec.as_ref().is_none_or(|s| s.claim_ref.is_none());
        if free && let Err(why) = volumes::satisfies(&volume, claim) {
            say(sim, claim, true, "VolumeMismatch", format!("Cannot bind to requested volume {named:?}: {why}"));
            claim_phase(sim, claim, "Pending")?;
            return Ok(next_resync(sim.now));
        }
        if !free && !is_bound_to(&volume, claim) {
            let by_us = annotation(claim.metadata.annotations.as_ref(), BOUND_BY_CONTROLLER).is_some();
            if !by_us {
                let message = "volume already bound to a different claim.".to_owned();
                say(sim, claim, true, "FailedBinding", message);
            }
            claim_phase(sim, claim, "Pending")?;
            return Ok(next_resync(sim.now));
        }
        return bind(sim, &volume, claim);
    }
    let class_name = class_of(claim).to_owned();
    let class = class(sim, &class_name);
    let late = class.as_ref().is_some_and(|c| volumes::waits(c));
    let all: Vec<Arc<PersistentVolume>> = sim.store.list_typed::<PersistentVolume>(None).cloned().collect();
    if let Some(volume) = volumes::best(&all, claim, |_| true, &BTreeSet::new(), late).cloned() {
        return bind(sim, &volume, claim);
    }
    let selected = annotation(claim.metadata.annotations.as_ref(), SELECTED_NODE).is_some();
    claim_phase(sim, claim, "Pending")?;
    let Some(claim) = claim_of(sim, key) else { return Ok(Action::Done) };
    if late && !selected {
        let waiting = protection::unscheduled_users(sim, &claim);
        let (reason, message) = match waiting.as_slice() {
            [] => ("WaitForFirstConsumer", "waiting for first consumer to be created before binding".to_owned()),
            [one] => ("WaitForPodScheduled", format!("waiting for pod {one} to be scheduled")),
            many => ("WaitForPodScheduled", format!("waiting for pods {} to be scheduled", many.join(","))),
        };
        say(sim, &claim, false, reason, message);
    } else if !class_name.is_empty() {
        provision::begin(sim, &claim, &class_name, class.as_deref())?;
    } else {
        let message = "no persistent volumes available for this claim and no storage class is set".to_owned();
        say(sim, &claim, false, "FailedBinding", message);
    }
    Ok(next_resync(sim.now))
}

fn sync_bound(sim: &mut Sim, claim: &Arc<PersistentVolumeClaim>) -> Done {
    let lost = |sim: &mut Sim, message: &str| -> Done {
        let was = claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Lost");
        if !was {
            say(sim, claim, true, "ClaimLost", message.to_owned());
            claim_phase(sim, claim, "Lost")?;
        }
        Ok(Action::Done)
    };
    let name = volume_name(claim);
    if name.is_empty() {
        return lost(sim, "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
    }
    let Some(volume) = volume_of(sim, name) else {
        return lost(sim, "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
    };
    let free = volume.spec.as_ref().is_none_or(|s| s.claim_ref.is_none());
    let uid = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()).and_then(|r| r.uid.clone());
    if free || uid == claim.metadata.uid {
        let bound = bind(sim, &volume, claim)?;
        provision::grow(sim, &Key::of(&claim.metadata))?;
        return Ok(bound);
    }
    let was = claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Lost");
    if !was {
        let message = "Two claims are bound to the same volume, this one is bound incorrectly".to_owned();
        say(sim, claim, true, "ClaimMisbound", message);
        claim_phase(sim, claim, "Lost")?;
    }
    Ok(Action::Done)
}

fn claim_phase(sim: &mut Sim, claim: &Arc<PersistentVolumeClaim>, phase: &str) -> Result<(), Status> {
    let mut new = (**claim).clone();
    let status = new.status.get_or_insert_default();
    status.phase = Some(phase.into());
    if phase != "Bound" {
        status.access_modes = None;
        status.capacity = None;
    }
    sim.update_status_typed(new).map(|_| ())
}

fn volume_phase(
    sim: &mut Sim,
    volume: &Arc<PersistentVolume>,
    phase: &str,
    message: &str,
) -> Result<Arc<PersistentVolume>, Status> {
    let status = volume.status.clone().unwrap_or_default();
    if status.phase.as_deref() == Some(phase) && status.message.as_deref().unwrap_or_default() == message {
        return Ok(volume.clone());
    }
    let mut new = (**volume).clone();
    let s = new.status.get_or_insert_default();
    if s.phase.as_deref() != Some(phase) {
        s.last_phase_transition_time = Some(sim.now.api());
    }
    s.phase = Some(phase.into());
    s.message = (!message.is_empty()).then(|| message.to_owned());
    sim.update_status_typed(new)
}

/// Takes a binding as far as it is missing: the volume's side, then the claim's.
fn bind(sim: &mut Sim, volume: &Arc<PersistentVolume>, claim: &Arc<PersistentVolumeClaim>) -> Done {
    let volume = hold(sim, volume, claim)?;
    let volume = volume_phase(sim, &volume, "Bound", "")?;
    let name = volume.metadata.name.clone().unwrap_or_default();
    let mut new = (**claim).clone();
    let annotations = new.metadata.annotations.get_or_insert_default();
    let spec = new.spec.get_or_insert_default();
    if spec.volume_name.as_deref() != Some(name.as_str()) {
        spec.volume_name = Some(name);
        annotations.insert(BOUND_BY_CONTROLLER.into(), "yes".into());
    }
    annotations.entry(BIND_COMPLETED.into()).or_insert_with(|| "yes".into());
    let claim = if new == **claim { claim.clone() } else { sim.update_typed(&new)? };
    let mut new = (*claim).clone();
    let status = new.status.get_or_insert_default();
    let already = status.phase.as_deref() == Some("Bound") && status.capacity.is_some();
    status.phase = Some("Bound".into());
    status.access_modes = volume.spec.as_ref().and_then(|s| s.access_modes.clone());
    if !already {
        status.capacity = volume.spec.as_ref().and_then(|s| s.capacity.clone());
    }
    sim.update_status_typed(new)?;
    Ok(Action::Done)
}

/// Writes into a volume which claim it is for.
fn hold(
    sim: &mut Sim,
    volume: &Arc<PersistentVolume>,
    claim: &Arc<PersistentVolumeClaim>,
) -> Result<Arc<PersistentVolume>, Status> {
    let r = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
    if r.is_some_and(|r| r.uid == claim.metadata.uid) {
        return Ok(volume.clone());
    }
    let mut new = (**volume).clone();
    if !is_bound_to(volume, claim) {
        new.metadata.annotations.get_or_insert_default().insert(BOUND_BY_CONTROLLER.into(), "yes".into());
    }
    new.spec.get_or_insert_default().claim_ref = Some(reference(claim));
    sim.update_typed(&new)
}

fn sync_volume(sim: &mut Sim, key: &Key) -> Done {
    let Some(volume) = sim.store.typed::<PersistentVolume>(key).cloned() else { return Ok(Action::Done) };
    let Some(volume) = protection::let_go_of_volume(sim, &volume)? else { return Ok(Action::Done) };
    let Some(r) = volume.spec.as_ref().and_then(|s| s.claim_ref.clone()) else {
        volume_phase(sim, &volume, "Available", "")?;
        return Ok(Action::Done);
    };
    if r.uid.as_ref().is_none_or(String::is_empty) {
        volume_phase(sim, &volume, "Available", "")?;
        return Ok(Action::Done);
    }
    let claim_key = Key::new(r.namespace.unwrap_or_default(), r.name.unwrap_or_default());
    let claim = claim_of(sim, &claim_key).filter(|c| c.metadata.uid == r.uid);
    let name = volume.metadata.name.clone().unwrap_or_default();
    let Some(claim) = claim else {
        let phase = volume.status.as_ref().and_then(|s| s.phase.clone()).unwrap_or_default();
        let volume = if phase == "Failed" { volume } else { volume_phase(sim, &volume, "Released", "")? };
        return provision::reclaim(sim, &volume);
    };
    match volume_name(&claim) {
        "" => sync_claim(sim, &claim_key),
        n if n == name => {
            volume_phase(sim, &volume, "Bound", "")?;
            Ok(Action::Done)
        }
        _ => {
            let annotations = volume.metadata.annotations.as_ref();
            let made = annotation(annotations, PROVISIONED_BY).is_some();
            let delete = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
            if made && delete == Some("Delete") {
                let volume = volume_phase(sim, &volume, "Released", "")?;
                return provision::reclaim(sim, &volume);
            }
            let volume = unbind(sim, &volume)?;
            volume_phase(sim, &volume, "Available", "")?;
            Ok(Action::Done)
        }
    }
}

/// The claim of a volume is bound elsewhere: the volume is free again, or waits for the claim a person named.
fn unbind(sim: &mut Sim, volume: &Arc<PersistentVolume>) -> Result<Arc<PersistentVolume>, Status> {
    let mut new = (**volume).clone();
    let by_us = new.metadata.annotations.as_mut().and_then(|a| a.remove(BOUND_BY_CONTROLLER)).is_some();
    if let Some(s) = &mut new.spec {
        match &mut s.claim_ref {
            Some(r) if !by_us => r.uid = None,
            r => *r = None,
        }
    }
    sim.update_typed(&new)
}

/// Puts a key back on this controller's queue after a while.
fn later(sim: &mut Sim, delay: SimDuration, prefix: &str, key: &Key) {
    let key = Key::new(key.namespace.clone(), format!("{prefix}{}", key.name));
    sim.after(delay, Event::Requeue(crate::sim::Component::PersistentVolume, key));
}
