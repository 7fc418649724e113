//! Pods that wait for a node: ready to be tried, backing off, waiting for the cluster to change, or held by gates.
//!
//! Models pkg/scheduler/backend/queue. Plain data; it must not know why a pod was refused but by the plugins' names.

use super::framework::Plugin;
use crate::clock::{SimDuration, SimTime};
use crate::store::Id;
use imbl::{OrdMap, OrdSet};
use std::collections::BTreeSet;

/// The first back-off of a pod.
pub const FIRST_BACKOFF: SimDuration = SimDuration::from_secs(1);
/// The longest back-off of a pod.
pub const MAX_BACKOFF: SimDuration = SimDuration::from_secs(10);
/// A pod that nothing has called back for so long is tried again.
pub const MAX_IN_UNSCHEDULABLE: SimDuration = SimDuration::from_secs(300);

/// How long a pod waits after its `failures`-th failed attempt: nothing after none, then `first` doubled each time, at
/// most `most`. The unit is the caller's.
pub fn backoff(failures: u32, first: u64, most: u64) -> u64 {
    if failures == 0 {
        return 0;
    }
    match first.checked_shl(failures - 1) {
        Some(d) if failures - 1 < first.leading_zeros() => d.min(most),
        _ => most,
    }
}

/// Where a waiting pod stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It will be tried in turn.
    Active,
    /// It will be tried then.
    BackingOff(SimTime),
    /// It waits for a change that could make these plugins think again.
    Unschedulable(BTreeSet<Plugin>),
    /// Gates hold it back.
    Gated,
}

/// A waiting pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Its priority.
    pub priority: i32,
    /// When it came to where it stands.
    pub since: SimTime,
    /// Failed attempts.
    pub failures: u32,
    /// Where it stands.
    pub standing: Standing,
    /// The request that called for it.
    pub cause: u64,
    order: u64,
}

impl Waiting {
    fn rank(&self, pod: Id) -> (i64, SimTime, u64, Id) {
        (-i64::from(self.priority), self.since, self.order, pod)
    }

    /// When its back-off ends.
    fn ready_at(&self) -> SimTime {
        self.since + SimDuration(backoff(self.failures, FIRST_BACKOFF.0, MAX_BACKOFF.0))
    }
}

/// All waiting pods.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    pods: OrdMap<Id, Waiting>,
    active: OrdSet<(i64, SimTime, u64, Id)>,
    backing_off: OrdSet<(SimTime, Id)>,
    unschedulable: OrdSet<(SimTime, Id)>,
    /// How many pods wait on account of each plugin.
    blamed: OrdMap<Plugin, usize>,
    orders: u64,
}

impl Queue {
    /// How many pods wait.
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    /// Whether no pod waits.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// A waiting pod.
    pub fn get(&self, pod: Id) -> Option<&Waiting> {
        self.pods.get(&pod)
    }

    /// All waiting pods in order of their handles.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Waiting)> {
        self.pods.iter().map(|(id, w)| (*id, w))
    }

    fn unlink(&mut self, pod: Id, w: &Waiting) {
        match &w.standing {
            Standing::Active => self.active.remove(&w.rank(pod)).is_some(),
            Standing::BackingOff(t) => self.backing_off.remove(&(*t, pod)).is_some(),
            Standing::Unschedulable(plugins) => {
                for p in plugins {
                    if let Some(n) = self.blamed.get_mut(p) {
                        *n -= 1;
                    }
                }
                self.unschedulable.remove(&(w.since, pod)).is_some()
            }
            Standing::Gated => true,
        };
    }

    fn link(&mut self, pod: Id, w: Waiting) {
        match &w.standing {
            Standing::Active => self.active.insert(w.rank(pod)).is_some(),
            Standing::BackingOff(t) => self.backing_off.insert((*t, pod)).is_some(),
            Standing::Unschedulable(plugins) => {
                for p in plugins {
                    *self.blamed.entry(*p).or_insert(0) += 1;
                }
                self.unschedulable.insert((w.since, pod)).is_some()
            }
            Standing::Gated => false,
        };
        self.pods.insert(pod, w);
    }

    /// A pod that is new, or free of its gates.
    pub fn add(&mut self, pod: Id, priority: i32, gated: bool, now: SimTime, cause: u64) {
        self.remove(pod);
        self.orders += 1;
        let standing = if gated { Standing::Gated } else { Standing::Active };
        self.link(pod, Waiting { priority, since: now, failures: 0, standing, cause, order: self.orders });
    }

    /// A pod waits no more.
    pub fn remove(&mut self, pod: Id) -> Option<Waiting> {
        let w = self.pods.remove(&pod)?;
        self.unlink(pod, &w);
        Some(w)
    }

    /// The pod whose turn it is, and what is known of it. It is taken out.
    pub fn pop(&mut self) -> Option<(Id, Waiting)> {
        let pod = self.active.get_min()?.3;
        self.remove(pod).map(|w| (pod, w))
    }

    /// A pod that was taken out could not be placed: it waits for a change that concerns the plugins that refused it, or,
    /// where none is to blame, for its back-off.
    pub fn failed(&mut self, pod: Id, mut w: Waiting, plugins: BTreeSet<Plugin>, now: SimTime) {
        w.failures += 1;
        w.since = now;
        w.standing =
            if plugins.is_empty() { Standing::BackingOff(w.ready_at()) } else { Standing::Unschedulable(plugins) };
        self.link(pod, w);
    }

    /// Calls a pod back that waits for a change: to be tried at once, or when its back-off is over.
    pub fn call(&mut self, pod: Id, now: SimTime, cause: u64) {
        let Some(mut w) = self.remove(pod) else { return };
        if matches!(w.standing, Standing::Unschedulable(_)) {
            let at = w.ready_at();
            w.cause = cause;
            w.standing = if at > now { Standing::BackingOff(at) } else { Standing::Active };
        }
        self.link(pod, w);
    }

    /// Whether any pod waits on account of one of these plugins.
    pub fn any_blames(&self, plugins: &[Plugin]) -> bool {
        plugins.iter().any(|p| self.blamed.get(p).is_some_and(|n| *n > 0))
    }

    /// Pods that wait for a change.
    pub fn unschedulable(&self) -> impl Iterator<Item = (Id, &BTreeSet<Plugin>)> {
        self.unschedulable.iter().filter_map(|(_, id)| match &self.pods.get(id)?.standing {
            Standing::Unschedulable(plugins) => Some((*id, plugins)),
            _ => None,
        })
    }

    /// Pods whose back-off is over, and those that have waited too long for a change, become active.
    pub fn flush(&mut self, now: SimTime) {
        while let Some((at, pod)) = self.backing_off.get_min().copied()
            && at <= now
        {
            if let Some(mut w) = self.remove(pod) {
                w.standing = Standing::Active;
                self.link(pod, w);
            }
        }
        while let Some((since, pod)) = self.unschedulable.get_min().copied()
            && since + MAX_IN_UNSCHEDULABLE <= now
        {
            let cause = self.pods.get(&pod).map_or(0, |w| w.cause);
            self.call(pod, now, cause);
        }
    }

    /// Whether a pod is ready to be tried.
    pub fn has_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// When [`Queue::flush`] has something to do next.
    pub fn next_flush(&self) -> Option<SimTime> {
        let backoff = self.backing_off.get_min().map(|k| k.0);
        let change = self.unschedulable.get_min().map(|k| k.0 + MAX_IN_UNSCHEDULABLE);
        backoff.into_iter().chain(change).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_then_time() {
        let mut q = Queue::default();
        q.add(1, 0, false, SimTime::from_secs(2), 0);
        q.add(2, 0, false, SimTime::from_secs(1), 0);
        q.add(3, 9, false, SimTime::from_secs(3), 0);
        q.add(4, 0, true, SimTime::ZERO, 0);
        let order: Vec<Id> = std::iter::from_fn(|| q.pop()).map(|p| p.0).collect();
        assert_eq!(order, [3, 2, 1]);
        assert_eq!(q.len(), 1);
    }

    #[test]
    fn a_change_calls_back_after_the_back_off() {
        let mut q = Queue::default();
        let now = SimTime::from_secs(10);
        q.add(1, 0, false, now, 0);
        let (pod, w) = q.pop().expect("active");
        q.failed(pod, w, [Plugin::NodeResourcesFit].into(), now);
        assert_eq!(q.next_flush(), Some(now + MAX_IN_UNSCHEDULABLE));
        q.call(1, now + SimDuration::from_millis(200), 0);
        assert_eq!(q.next_flush(), Some(now + FIRST_BACKOFF));
        q.flush(now + FIRST_BACKOFF);
        let (pod, w) = q.pop().expect("active again");
        q.failed(pod, w, BTreeSet::new(), now);
        assert_eq!(q.next_flush(), Some(now + SimDuration::from_secs(2)), "nobody to blame: back-off");
    }
}
