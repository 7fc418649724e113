//! How the replicas of each Deployment went over time: collected from patches, drawn in the chart.

use super::scene::Scene;
use kubarium_core::clock::SimTime;
use kubarium_core::view::model::Id;
use std::collections::BTreeMap;

/// One moment of a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: SimTime,
    /// Wanted replicas.
    pub wanted: u32,
    /// Ready ones.
    pub ready: u32,
    /// Pods of the newest revision.
    pub new: u32,
    /// Pods of older ones.
    pub old: u32,
}

/// Samples kept for a workload; beyond it every other one goes.
const KEEP: usize = 2_000;

/// All workloads' past.
#[derive(Clone, Debug, Default)]
pub struct History {
    rows: BTreeMap<Id, Vec<Sample>>,
    /// When a workload changed last: what is busiest is shown.
    pub busiest: Option<Id>,
    /// Grows with each sample.
    pub version: u64,
    /// The version of the workloads at the last sample.
    seen: u64,
}

impl History {
    /// Takes a sample of every workload at the top that has changed since the last one.
    pub fn sample(&mut self, scene: &Scene, at: SimTime) {
        if self.seen == scene.workloads_version {
            return;
        }
        self.seen = scene.workloads_version;
        let mut by_owner: BTreeMap<Id, (u32, u32)> = BTreeMap::new();
        for rs in scene.workloads.values() {
            if let Some(owner) = rs.owner {
                let (new, old) = by_owner.entry(owner).or_default();
                *if rs.newest { new } else { old } += rs.current;
            }
        }
        for w in scene.workloads.values() {
            if w.owner.is_some_and(|o| scene.workloads.contains_key(&o)) {
                continue;
            }
            let (mut new, old) = by_owner.get(&w.id).copied().unwrap_or_default();
            if w.kind != "Deployment" {
                new = w.current;
            }
            let s = Sample { at, wanted: w.wanted, ready: w.ready, new, old };
            let row = self.rows.entry(w.id).or_default();
            let same =
                row.last().is_some_and(|l| (l.wanted, l.ready, l.new, l.old) == (s.wanted, s.ready, s.new, s.old));
            if same {
                continue;
            }
            row.push(s);
            if row.len() > KEEP {
                let mut n = 0;
                row.retain(|_| {
                    n += 1;
                    n % 2 == 0
                });
            }
            // a CronJob has no pods of its own to count
            if w.kind != "CronJob" {
                self.busiest = Some(w.id);
            }
            self.version += 1;
        }
    }

    /// Forgets what came after a moment: another course is taken from there.
    pub fn cut(&mut self, after: SimTime) {
        for row in self.rows.values_mut() {
            row.retain(|s| s.at <= after);
        }
        self.version += 1;
    }

    /// The next sample is of another scene.
    pub fn resume(&mut self) {
        self.seen = u64::MAX;
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.busiest = None;
        self.seen = u64::MAX;
        self.version += 1;
    }

    /// A workload's samples.
    pub fn of(&self, id: Id) -> &[Sample] {
        self.rows.get(&id).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::tests::patch;
    use super::*;
    use kubarium_core::view::model::{Op, WorkloadView};

    fn workload(id: Id, owner: Option<Id>, newest: bool, n: u32) -> Op {
        Op::Workload(WorkloadView {
            id,
            kind: if owner.is_some() { "ReplicaSet" } else { "Deployment" },
            name: "web".into(),
            namespace: "default".into(),
            owner,
            wanted: 3,
            current: n,
            ready: n,
            progress: "".into(),
            revision: 1,
            newest,
            newest_label: None,
            selector: "app=web".into(),
        })
    }

    #[test]
    fn old_and_new_pods_are_told_apart_and_repeats_are_dropped() {
        let mut scene = Scene::default();
        scene.apply(
            &patch(vec![workload(1, None, true, 3), workload(2, Some(1), false, 2), workload(3, Some(1), true, 1)]),
            0.0,
        );
        let mut h = History::default();
        h.sample(&scene, SimTime::from_secs(1));
        h.sample(&scene, SimTime::from_secs(2));
        assert_eq!(h.of(1), [Sample { at: SimTime::from_secs(1), wanted: 3, ready: 3, new: 1, old: 2 }]);
        assert_eq!(h.busiest, Some(1));
        h.cut(SimTime::ZERO);
        assert!(h.of(1).is_empty());
    }
}
