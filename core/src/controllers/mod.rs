//! The controllers: each a `sync(key)` that reads current state and writes through the API server. They never call each
//! other and never use what a watch said beyond the key. [`queue`] is the work queue they share.

pub mod claim;
pub mod deployment;
pub mod queue;
pub mod replicaset;
pub mod serviceaccount;

use crate::sim::{Component, Event, Sim};
use crate::store::{Change, Key};
use queue::WorkQueue;

/// What a sync wants to happen next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Nothing.
    Done,
    /// Look again after this long.
    After(crate::clock::SimDuration),
    /// It failed: look again with back-off.
    Retry,
}

/// The state of all controllers: their work queues and what they keep between syncs.
#[derive(Clone, Debug, Default)]
pub struct Controllers {
    queues: imbl::OrdMap<Component, WorkQueue>,
}

impl Controllers {
    /// A controller's watch delivers: keys of what may need work go to its queue.
    pub fn watch(&mut self, c: Component, sim: &mut Sim) {
        let changes = sim.deliver(c);
        let mut keys: Vec<(Key, u64)> = vec![];
        for change in &changes {
            self.keys_of(c, sim, change, &mut |key| keys.push((key, change.request)));
        }
        for (key, cause) in keys {
            self.enqueue(c, sim, key, cause);
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

    /// A controller takes one key and syncs it.
    pub fn work(&mut self, c: Component, sim: &mut Sim) {
        let q = self.queues.entry(c).or_default();
        q.working = false;
        let Some((key, cause)) = q.take() else { return };
        let action = sim.acting(crate::sim::Actor::Component(c), cause, |sim| self.sync(c, sim, &key));
        let q = self.queues.entry(c).or_default();
        match action {
            Action::Done => q.forget(&key),
            Action::After(d) => {
                q.forget(&key);
                sim.after(d, Event::Requeue(c, key));
            }
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

    fn keys_of(&self, c: Component, sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
        match c {
            Component::Deployment => deployment::keys_of(sim, change, add),
            Component::ReplicaSet => replicaset::keys_of(sim, change, add),
            Component::ServiceAccount => serviceaccount::keys_of(change, add),
            _ => {}
        }
    }

    fn sync(&mut self, c: Component, sim: &mut Sim, key: &Key) -> Action {
        match c {
            Component::Deployment => deployment::sync(sim, key),
            Component::ReplicaSet => replicaset::sync(sim, key),
            Component::ServiceAccount => serviceaccount::sync(sim, key),
            _ => Action::Done,
        }
    }

    /// A controller's own timer.
    pub fn timer(&mut self, c: Component, sim: &mut Sim, timer: u32) {
        let _ = (c, sim, timer);
    }
}
