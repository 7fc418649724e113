//! The controllers: each a `sync(key)` that reads current state and writes through the API server. They never call each
//! other and never use what a watch said beyond the key. [`queue`] is the work queue they share.

pub mod certificates;
pub mod claim;
pub mod cronjob;
pub mod daemonset;
pub mod deployment;
pub mod disruption;
pub mod endpoints;
pub mod endpointslice;
pub mod garbagecollector;
pub mod history;
pub mod horizontal;
pub mod ingress;
pub mod job;
pub mod namespace;
pub mod nodelifecycle;
pub mod persistentvolume;
pub mod podgc;
pub mod queue;
pub mod replicaset;
pub mod replicationcontroller;
pub mod resourcequota;
pub mod serviceaccount;
pub mod serviceloadbalancer;
pub mod statefulset;
pub mod tainteviction;
pub mod ttlafterfinished;

use crate::clock::{SimDuration, SimTime};
use crate::sim::{Component, Event, Sim};
use crate::store::{Change, Key, Kind};
use queue::WorkQueue;

/// What a sync wants to happen next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Nothing.
    Done,
    /// Look again after this long.
    After(SimDuration),
    /// It failed: look again with back-off.
    Retry,
}

/// The state of all controllers: their work queues and what they keep between syncs.
#[derive(Clone, Debug, Default)]
pub struct Controllers {
    queues: imbl::OrdMap<Component, WorkQueue>,
    nodes: nodelifecycle::NodeLifecycle,
    evictions: tainteviction::TaintEviction,
    jobs: job::Jobs,
    /// For when the pod collector was last set.
    collected: SimTime,
    autoscaling: horizontal::Autoscaling,
    /// Keys that come to their queues later, when, and the requests that made them due.
    later: imbl::OrdMap<(Component, Key), (SimTime, u64)>,
    daemons: daemonset::DaemonSets,
}

impl Controllers {
    /// A controller's watch delivers: keys of what may need work go to its queue.
    pub fn watch(&mut self, c: Component, sim: &mut Sim) {
        let changes = sim.deliver(c);
        match c {
            Component::NodeLifecycle => self.nodes.look(sim),
            Component::PodGc => return podgc::watch(sim, &changes, &mut self.collected),
            _ => {}
        }
        let mut keys: Vec<(Key, u64)> = vec![];
        let mut picks = endpoints::Picks::new();
        for change in &changes {
            let wait = match c {
                Component::Job => job::delay(change),
                Component::CronJob => cronjob::delay(sim, change),
                Component::HorizontalPodAutoscaler => horizontal::PERIOD,
                _ => SimDuration::ZERO,
            };
            if wait == SimDuration::ZERO {
                self.keys_of(c, sim, change, &mut picks, &mut |key| keys.push((key, change.request)));
                continue;
            }
            let mut put_off = vec![];
            self.keys_of(c, sim, change, &mut picks, &mut |key| put_off.push(key));
            for key in put_off {
                self.add_after(c, sim, key, change.request, wait);
            }
        }
        if c == Component::NodeLifecycle {
            let mut readiness_changed = false;
            for change in changes.iter().filter(|ch| ch.kind == crate::store::Kind::Node) {
                readiness_changed |= self.nodes.note(change);
                keys.push((change.obj().key(), change.request));
            }
            if readiness_changed {
                keys.extend(self.nodes.unready().into_iter().map(|k| (k, 0)));
            }
        }
        for (key, cause) in keys {
            self.enqueue(c, sim, key, cause);
        }
    }

    /// A controller looks at everything again, as after its restart.
    pub fn relist(&mut self, c: Component, sim: &mut Sim) {
        let mut keys: Vec<Key> = vec![];
        let mut picks = endpoints::Picks::new();
        for kind in Kind::ALL {
            let objects: Vec<_> = sim.store.list(*kind, None).cloned().collect();
            for object in objects {
                let change = Change { rv: 0, at: sim.now, kind: *kind, old: None, new: Some(object), request: 0 };
                self.keys_of(c, sim, &change, &mut picks, &mut |key| keys.push(key));
            }
        }
        for key in keys {
            self.enqueue(c, sim, key, 0);
        }
    }

    /// Puts a key on a controller's queue.
    pub fn enqueue(&mut self, c: Component, sim: &mut Sim, key: Key, cause: u64) {
        let q = self.queues.entry(c).or_default();
        q.add(key, cause);
        if !q.working {
            q.working = true;
            sim.after(queue::SYNC_TIME, Event::Work(c));
        }
    }

    /// Puts a key on a controller's queue after a while, unless it comes there sooner anyway.
    fn add_after(&mut self, c: Component, sim: &mut Sim, key: Key, cause: u64, wait: SimDuration) {
        let at = sim.now + wait;
        let place = (c, key);
        if self.later.get(&place).is_some_and(|(t, _)| *t <= at) {
            return;
        }
        sim.queue.at(at, Event::Requeue(c, place.1.clone()));
        self.later.insert(place, (at, cause));
    }

    /// The time to which a key was put off has come.
    pub fn requeue(&mut self, c: Component, sim: &mut Sim, key: Key) {
        let place = (c, key);
        let due = self.later.get(&place).copied().filter(|(at, _)| *at <= sim.now);
        if due.is_some() {
            self.later.remove(&place);
        }
        self.enqueue(c, sim, place.1, due.map_or(0, |(_, cause)| cause));
    }

    /// A controller takes one key and syncs it.
    pub fn work(&mut self, c: Component, sim: &mut Sim) {
        let q = self.queues.entry(c).or_default();
        q.working = false;
        let Some((key, cause)) = q.take() else { return };
        let action = sim.acting(crate::sim::Actor::Component(c), cause, |sim| self.sync(c, sim, &key));
        if let Action::After(d) = action {
            self.add_after(c, sim, key.clone(), 0, d);
        }
        let q = self.queues.entry(c).or_default();
        match action {
            Action::Done | Action::After(_) => q.forget(&key),
            Action::Retry => {
                if let Some(d) = q.back_off(&key, c == Component::Deployment) {
                    sim.after(d, Event::Requeue(c, key));
                }
            }
        }
        if !q.is_empty() && !q.working {
            q.working = true;
            sim.after(queue::SYNC_TIME, Event::Work(c));
        }
    }

    fn keys_of(
        &self,
        c: Component,
        sim: &Sim,
        change: &Change,
        picks: &mut endpoints::Picks,
        add: &mut dyn FnMut(Key),
    ) {
        match c {
            Component::Deployment => deployment::keys_of(sim, change, add),
            Component::ReplicaSet => replicaset::keys_of(sim, change, add),
            Component::ServiceAccount => serviceaccount::keys_of(change, add),
            Component::Endpoints => {
                endpoints::services_of(sim, change, picks, add);
                if change.kind == crate::store::Kind::Endpoints {
                    add(change.obj().key());
                }
            }
            Component::EndpointSlice => endpointslice::keys_of(sim, change, picks, add),
            Component::Namespace => namespace::keys_of(change, add),
            Component::GarbageCollector => garbagecollector::keys_of(sim, change, add),
            Component::HorizontalPodAutoscaler => horizontal::keys_of(change, add),
            Component::NodeLifecycle => tainteviction::keys_of(sim, change, add),
            Component::ReplicationController => replicationcontroller::keys_of(sim, change, add),
            Component::DaemonSet => daemonset::keys_of(sim, change, add),
            Component::StatefulSet => statefulset::keys_of(sim, change, add),
            Component::Job => job::keys_of(sim, change, add),
            Component::CronJob => cronjob::keys_of(sim, change, add),
            Component::TtlAfterFinished => ttlafterfinished::keys_of(change, add),
            Component::Certificates => certificates::keys_of(change, add),
            Component::PersistentVolume => persistentvolume::keys_of(sim, change, add),
            Component::ResourceQuota => resourcequota::keys_of(sim, change, add),
            Component::Disruption => disruption::keys_of(sim, change, add),
            Component::ServiceLoadBalancer => serviceloadbalancer::keys_of(change, add),
            Component::IngressController => ingress::keys_of(sim, change, add),
            _ => {}
        }
    }

    fn sync(&mut self, c: Component, sim: &mut Sim, key: &Key) -> Action {
        match c {
            Component::Deployment => deployment::sync(sim, key),
            Component::ReplicaSet => replicaset::sync(sim, key),
            Component::ServiceAccount => serviceaccount::sync(sim, key),
            Component::Endpoints => endpoints::sync(sim, key),
            Component::EndpointSlice => endpointslice::sync(sim, key),
            Component::Namespace => namespace::sync(sim, key),
            Component::GarbageCollector => garbagecollector::sync(sim, key),
            Component::NodeLifecycle if &*key.namespace == tainteviction::PODS => self.evictions.sync(sim, key),
            Component::NodeLifecycle => self.nodes.sync(sim, key),
            _ => self.sync_asked_for(c, sim, key),
        }
    }

    /// The syncs of what is only there once somebody has made it: a function of its own, so that it need not come with
    /// the page.
    #[inline(never)]
    fn sync_asked_for(&mut self, c: Component, sim: &mut Sim, key: &Key) -> Action {
        match c {
            Component::HorizontalPodAutoscaler => self.autoscaling.sync(sim, key),
            Component::ReplicationController => replicationcontroller::sync(sim, key),
            Component::DaemonSet => self.daemons.sync(sim, key),
            Component::StatefulSet => statefulset::sync(sim, key),
            Component::Job => self.jobs.sync(sim, key),
            Component::CronJob => cronjob::sync(sim, key),
            Component::TtlAfterFinished => ttlafterfinished::sync(sim, key),
            Component::Certificates => certificates::sync(sim, key),
            Component::PersistentVolume => persistentvolume::sync(sim, key),
            Component::ResourceQuota => resourcequota::sync(sim, key),
            Component::Disruption => disruption::sync(sim, key),
            Component::ServiceLoadBalancer => serviceloadbalancer::sync(sim, key),
            Component::IngressController => ingress::sync(sim, key),
            _ => Action::Done,
        }
    }

    /// A controller's own timer.
    pub fn timer(&mut self, c: Component, sim: &mut Sim, timer: u32) {
        match (c, timer) {
            (Component::NodeLifecycle, nodelifecycle::MONITOR) => self.nodes.monitor(sim),
            (Component::PodGc, _) => podgc::collect(sim),
            _ => {}
        }
    }
}
