//! What passed Services and Ingresses in the last second: requests that were answered, and those that failed, counted
//! when their sender knows of it. Invariant: every request that came to a Service's address, to a pod by a headless
//! Service's name, or to an Ingress is counted there once, whoever sent it. Who is not asked costs nothing.

use super::request::{Place, Trace};
use crate::clock::SimTime;
use crate::store::Key;
use imbl::OrdMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// The width of a step in microseconds.
const STEP: u64 = 100_000;
/// Steps that are kept: a second, and the one that is not over.
const KEPT: usize = 11;

/// The objects that a request passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// The Service whose table sent it on.
    pub service: Option<Key>,
    /// The Ingress that brought it there.
    pub ingress: Option<Key>,
    /// The Service by which a server passed it on.
    pub behind: Option<Key>,
    /// The headless Service whose name gave the pod's address: no table is passed then.
    pub named: Option<Key>,
}

impl Via {
    /// What a trace's way tells of it.
    fn of(trace: &Trace) -> Via {
        let mut via = Via::default();
        for hop in &trace.hops {
            match &hop.place {
                Place::Service(key) | Place::LoadBalancer(key) if via.service.as_ref().is_none_or(|s| s == key) => {
                    via.service = Some(key.clone());
                }
                Place::Service(key) | Place::LoadBalancer(key) => via.behind = Some(key.clone()),
                Place::Ingress(key) => via.ingress = Some(key.clone()),
                Place::Dns(name, _) => via.named = super::dns::service_of(name),
                _ => {}
            }
        }
        if via.service.is_some() || via.ingress.is_some() {
            via.named = None;
        }
        via
    }
}

/// Steps by their number, oldest first: answered, failed.
type Steps = VecDeque<(u64, u32, u32)>;

/// Counters by Service (false) or Ingress (true).
#[derive(Clone, Debug, Default)]
pub struct Passed(OrdMap<(bool, Key), Steps>);

impl Passed {
    /// Counts requests that have ended now.
    pub fn count(&mut self, via: &Via, now: SimTime, ok: u32, failed: u32) {
        let points = [(false, &via.service), (true, &via.ingress), (false, &via.behind), (false, &via.named)];
        for (ingress, key) in points {
            // an Ingress without a name is the controller that knew none
            let Some(key) = key.as_ref().filter(|k| !k.name.is_empty()) else { continue };
            if self.0.len() > 2_000 {
                let since = (now.0 / STEP).saturating_sub(KEPT as u64);
                let all = std::mem::take(&mut self.0).into_iter();
                self.0 = all.filter(|(_, steps)| steps.back().is_some_and(|s| s.0 >= since)).collect();
            }
            let steps = self.0.entry((ingress, key.clone())).or_default();
            let number = now.0 / STEP;
            match steps.back_mut() {
                Some(s) if s.0 == number => (s.1, s.2) = (s.1 + ok, s.2 + failed),
                _ => steps.push_back((number, ok, failed)),
            }
            if steps.len() > KEPT {
                steps.pop_front();
            }
        }
    }

    /// Counts a request that was traced from beginning to end.
    pub fn count_trace(&mut self, trace: &Trace, now: SimTime) {
        let ok = u32::from(trace.outcome.is_ok());
        self.count(&Via::of(trace), now, ok, 1 - ok);
    }

    /// Who was asked in the last ten steps that are over: Service or Ingress (true), its name, answered, failed.
    pub fn rates(&self, now: SimTime) -> impl Iterator<Item = (bool, &Key, u32, u32)> {
        let end = now.0 / STEP;
        self.0.iter().filter_map(move |((ingress, key), steps)| {
            let recent = steps.iter().filter(|s| s.0 < end && s.0 + 10 >= end);
            let (ok, failed) = recent.fold((0, 0), |(ok, bad), s| (ok + s.1, bad + s.2));
            (ok + failed > 0).then_some((*ingress, key, ok, failed))
        })
    }
}

/// Requests that ended in the same step, by what they passed: few kinds of ways, many requests.
#[derive(Debug, Default)]
pub struct Tally(Vec<(Arc<Via>, u32, u32)>);

impl Tally {
    /// Adds some.
    pub fn add(&mut self, via: &Option<Arc<Via>>, ok: u32, failed: u32) {
        let Some(via) = via else { return };
        match self.0.iter_mut().find(|(v, ..)| Arc::ptr_eq(v, via) || v == via) {
            Some(row) => (row.1, row.2) = (row.1 + ok, row.2 + failed),
            None => self.0.push((via.clone(), ok, failed)),
        }
    }

    /// Counts them.
    pub fn count(self, passed: &mut Passed, now: SimTime) {
        for (via, ok, failed) in self.0 {
            passed.count(&via, now, ok, failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_remembered() {
        let mut p = Passed::default();
        let via = Via { service: Some(Key::new("a", "web")), ingress: Some(Key::new("a", "site")), ..Via::default() };
        for i in 0..30 {
            p.count(&via, SimTime(i * STEP + 7), 2, u32::from(i >= 25));
        }
        let now = SimTime(30 * STEP);
        let rates: Vec<_> = p.rates(now).map(|(i, k, ok, bad)| (i, k.name.to_string(), ok, bad)).collect();
        assert_eq!(rates, [(false, "web".into(), 20, 5), (true, "site".into(), 20, 5)]);
        assert_eq!(p.rates(SimTime(45 * STEP)).count(), 0);
    }

    #[test]
    fn a_way_is_counted_where_it_passed() {
        use crate::clock::SimDuration;
        use crate::network::request::{Hop, Outcome};
        let pod = || Place::Pod(1, Key::new("a", "db-0"));
        let via = |places: Vec<Place>| {
            let hops = places.into_iter().map(|place| Hop { at: SimTime::ZERO, place }).collect();
            let outcome = Outcome::Answered(200, Key::new("a", "db-0"));
            let took = SimDuration::ZERO;
            Via::of(&Trace { number: 0, client: None, at: SimTime::ZERO, took, url: "u".into(), hops, outcome })
        };
        let named = |name: &str| Place::Dns(name.into(), 7);
        // by a headless Service's name, or the name of one of its pods
        let db = Some(Key::new("a", "db"));
        assert_eq!(via(vec![named("db-0.db.a.svc.cluster.local"), pod()]).named, db);
        // through a table: the name is the Service's own
        let v = via(vec![named("web.a.svc.cluster.local"), Place::Service(Key::new("a", "web")), pod()]);
        assert_eq!((v.service, v.named, v.behind), (Some(Key::new("a", "web")), None, None));
        // a server on the way passes it on by another one
        let v = via(vec![Place::Service(Key::new("a", "proxy")), pod(), Place::Service(Key::new("a", "web")), pod()]);
        assert_eq!((v.service, v.behind), (Some(Key::new("a", "proxy")), Some(Key::new("a", "web"))));
    }
}
