//! How many requests pods have been sent of late, by pod and port: what their containers' use of CPU follows from. Who
//! was not asked for anything costs nothing.

use crate::clock::SimTime;
use crate::runtime::meter::Meter;
use crate::store::Id;
use imbl::OrdMap;

/// Requests by pod and port.
#[derive(Clone, Debug, Default)]
pub struct Served(OrdMap<(Id, u16), Meter>);

impl Served {
    /// Counts requests that reach a pod's port. True: they are the first for a while.
    pub fn add(&mut self, pod: Id, port: u16, n: u32, now: SimTime) -> bool {
        self.0.entry((pod, port)).or_default().add(now, u64::from(n))
    }

    /// Requests a second of late on a pod's port.
    pub fn rate(&self, pod: Id, port: u16, now: SimTime) -> u32 {
        self.0.get(&(pod, port)).map_or(0, |m| m.rate(now).min(u64::from(u32::MAX)) as u32)
    }

    /// Requests that a pod's port has ever been sent.
    pub fn total(&self, pod: Id, port: u16) -> u64 {
        self.0.get(&(pod, port)).map_or(0, Meter::total)
    }

    /// Requests to a pod, by port: the meters of all ports that were ever asked.
    pub fn of(&self, pod: Id) -> impl Iterator<Item = (u16, &Meter)> {
        self.0.range((pod, 0)..=(pod, u16::MAX)).map(|((_, port), m)| (*port, m))
    }

    /// A pod is gone.
    pub fn forget(&mut self, pod: Id) {
        let ports: Vec<u16> = self.of(pod).map(|(p, _)| p).collect();
        for port in ports {
            self.0.remove(&(pod, port));
        }
    }
}
