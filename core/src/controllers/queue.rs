//! The work queue of a controller: keys, once each, in the order of having been added, with back-off for those that
//! fail (Models client-go util/workqueue).

use crate::clock::SimDuration;
use crate::store::Key;
use imbl::{OrdMap, Vector};

/// How long one sync takes: the pace at which a queue is worked off.
pub const SYNC_TIME: SimDuration = SimDuration(1_000);

/// Retries after which the Deployment controller gives a key up until it changes again.
const MAX_RETRIES: u32 = 15;

/// Keys that wait for a sync.
#[derive(Clone, Debug, Default)]
pub struct WorkQueue {
    order: Vector<Key>,
    waiting: OrdMap<Key, u64>,
    failures: OrdMap<Key, u32>,
    /// An [`crate::sim::Event::Work`] is scheduled.
    pub working: bool,
}

impl WorkQueue {
    /// Adds a key with the request that made it due; a key that waits already stays where it is.
    pub fn add(&mut self, key: Key, cause: u64) {
        if let Some(c) = self.waiting.get_mut(&key) {
            if *c == 0 {
                *c = cause;
            }
            return;
        }
        self.waiting.insert(key.clone(), cause);
        self.order.push_back(key);
    }

    /// Takes the oldest key.
    pub fn take(&mut self) -> Option<(Key, u64)> {
        let key = self.order.pop_front()?;
        let cause = self.waiting.remove(&key).unwrap_or(0);
        Some((key, cause))
    }

    /// The key's sync succeeded.
    pub fn forget(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// The key's sync failed: when to try again. None: given up (if `limited`).
    pub fn back_off(&mut self, key: &Key, limited: bool) -> Option<SimDuration> {
        let n = self.failures.entry(key.clone()).or_insert(0);
        *n += 1;
        if limited && *n > MAX_RETRIES {
            self.failures.remove(key);
            return None;
        }
        Some(SimDuration((5_000u64 << (*n - 1).min(28)).min(1_000_000_000)))
    }

    /// True if no key waits.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
