//! How many requests pods have been sent of late, by pod and port: what their containers' use of CPU follows from; and
//! the last ones one by one, for the lines of web servers' logs. Who was not asked for anything costs nothing.

use crate::clock::SimTime;
use crate::runtime::meter::Meter;
use crate::store::Id;
use imbl::{OrdMap, Vector};
use std::sync::Arc;

/// Requests of a pod that are kept one by one.
const KEPT: usize = 100;
/// Of a port that gets more requests a second none is kept one by one.
const LOUD: u32 = 100;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// When.
    pub at: SimTime,
    /// The pod's port.
    pub port: u16,
    /// From where it seemed to come.
    pub source: u32,
    /// The path, with its query.
    pub path: Arc<str>,
    /// The status.
    pub code: u16,
    /// Bytes of the body; none: nobody has made it.
    pub bytes: Option<u32>,
    /// What sent it, as `User-Agent` says.
    pub agent: &'static str,
}

/// The last requests of a pod.
#[derive(Clone, Debug, Default)]
pub struct Visits {
    /// The last ones, oldest first.
    pub last: Vector<Visit>,
    /// How many came before these.
    pub before: u64,
}

/// Requests by pod and port.
#[derive(Clone, Debug, Default)]
pub struct Served {
    meters: OrdMap<(Id, u16), Meter>,
    visits: OrdMap<Id, Visits>,
}

impl Served {
    /// Counts requests that reach a pod's port. True: they are the first for a while.
    pub fn add(&mut self, pod: Id, port: u16, n: u32, now: SimTime) -> bool {
        self.meters.entry((pod, port)).or_default().add(now, u64::from(n))
    }

    /// Requests a second of late on a pod's port.
    pub fn rate(&self, pod: Id, port: u16, now: SimTime) -> u32 {
        self.meters.get(&(pod, port)).map_or(0, |m| m.rate(now).min(u64::from(u32::MAX)) as u32)
    }

    /// Requests that a pod's port has ever been sent.
    pub fn total(&self, pod: Id, port: u16) -> u64 {
        self.meters.get(&(pod, port)).map_or(0, Meter::total)
    }

    /// Requests to a pod, by port: the meters of all ports that were ever asked.
    pub fn of(&self, pod: Id) -> impl Iterator<Item = (u16, &Meter)> {
        self.meters.range((pod, 0)..=(pod, u16::MAX)).map(|((_, port), m)| (*port, m))
    }

    /// Does a pod's port get so many requests that none is kept?
    pub fn is_loud(&self, pod: Id, port: u16, now: SimTime) -> bool {
        self.rate(pod, port, now) > LOUD
    }

    /// Keeps a request that was answered, unless there are too many of them.
    pub fn keep(&mut self, pod: Id, visit: Visit) {
        if self.is_loud(pod, visit.port, visit.at) {
            return;
        }
        let visits = self.visits.entry(pod).or_default();
        visits.last.push_back(visit);
        if visits.last.len() > KEPT {
            visits.last.pop_front();
            visits.before += 1;
        }
    }

    /// The last requests of a pod, if there were any.
    pub fn visits(&self, pod: Id) -> Option<&Visits> {
        self.visits.get(&pod)
    }

    /// A pod is gone.
    pub fn forget(&mut self, pod: Id) {
        self.visits.remove(&pod);
        let ports: Vec<u16> = self.of(pod).map(|(p, _)| p).collect();
        for port in ports {
            self.meters.remove(&(pod, port));
        }
    }
}
