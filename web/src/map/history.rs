//! How things went over time: replicas of owners, requests of clients, use of nodes, metrics of autoscalers. Collected as
//! time passes, drawn in the charts.

use super::scene::Scene;
use kubarium_core::api::quantity::Quantity;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::view::model::Id;
use kubarium_core::view::{inspect, network};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One moment of a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: SimTime,
    /// Wanted replicas; completions of a Job.
    pub wanted: u32,
    /// Ready ones; those of a Job that ended well.
    pub ready: u32,
    /// Pods of the newest revision; active ones of a Job.
    pub new: u32,
    /// Pods of older ones; failed ones of a Job.
    pub old: u32,
}

/// A second of a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Second {
    /// When it began.
    pub at: SimTime,
    /// Requests that were answered.
    pub ok: u32,
    /// Those that failed.
    pub failed: u32,
    /// Milliseconds that the answered ones took on average.
    pub latency: f64,
}

/// A moment of a node, or of all: shares of what can be given to pods, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Use {
    /// When.
    pub at: SimTime,
    /// CPU that pods request.
    pub cpu: f64,
    /// Memory that they request.
    pub memory: f64,
    /// CPU that is used.
    pub cpu_used: f64,
    /// Memory that is used.
    pub memory_used: f64,
}

/// A moment of a HorizontalPodAutoscaler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// When.
    pub at: SimTime,
    /// The metric as it is, if it is known.
    pub current: Option<f64>,
    /// As it should be.
    pub target: f64,
    /// Replicas that are.
    pub replicas: f64,
    /// Replicas that it wants.
    pub wanted: f64,
    /// What the metric counts: a share of what is requested, or an amount.
    pub unit: &'static str,
}

/// Nodes of which each has a past of its own; of more there is only the sum.
const NODES: usize = 60;
/// Pods of a cluster up to which the use of all of them is looked at.
const PODS: u32 = 2_000;
/// Between two looks at what is not told by patches, in virtual microseconds.
const LOOK: u64 = 1_000_000;

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
    requests: BTreeMap<Arc<str>, Vec<Second>>,
    nodes: BTreeMap<Id, Vec<Use>>,
    scalers: BTreeMap<Id, (Arc<str>, Vec<Scaling>)>,
    looked: Option<SimTime>,
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
            let mut old = old;
            if w.kind != "Deployment" {
                (new, old) = scene.revisions.get(&w.id).copied().unwrap_or((w.current, 0));
            }
            let mut ready = w.ready;
            if w.kind == "Job" {
                (new, ready, old) = (w.current, w.ended.0, w.ended.1);
            }
            let s = Sample { at, wanted: w.wanted, ready, new, old };
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
        self.requests.values_mut().for_each(|r| r.retain(|s| s.at <= after));
        self.nodes.values_mut().for_each(|r| r.retain(|s| s.at <= after));
        self.scalers.values_mut().for_each(|(_, r)| r.retain(|s| s.at <= after));
        self.looked = self.looked.filter(|l| *l <= after);
        self.version += 1;
    }

    /// The next sample is of another scene.
    pub fn resume(&mut self) {
        self.seen = u64::MAX;
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.requests.clear();
        self.nodes.clear();
        self.scalers.clear();
        self.looked = None;
        self.busiest = None;
        self.seen = u64::MAX;
        self.version += 1;
    }

    /// Looks at clients, nodes and autoscalers, at most once in a virtual second.
    pub fn look(&mut self, cluster: &Cluster, scene: &Scene) {
        let now = cluster.now();
        if self.looked.is_some_and(|l| now.0 < l.0 + LOOK && now >= l) {
            return;
        }
        self.looked = Some(SimTime(now.0 - now.0 % LOOK));
        for client in cluster.world.sim.network.clients.iter() {
            let name: Arc<str> = client.spec.name.as_str().into();
            let row = self.requests.entry(name.clone()).or_default();
            let after = row.last().map_or(SimTime::ZERO, |s| s.at);
            // a second that is not over would look like a drop
            let over = |at: SimTime| at.0 + LOOK <= now.0;
            for c in network::counts(cluster, &name, false, after).into_iter().filter(|c| over(c.at)) {
                let failed = c.failed.iter().map(|(_, n)| n).sum();
                row.push(Second { at: c.at, ok: c.ok, failed, latency: c.latency.0 as f64 / 1e3 });
            }
        }
        let share = |(used, of): (u64, u64)| if of == 0 { 0.0 } else { used as f64 * 100.0 / of as f64 };
        // what is used is asked of every pod: that is worth it for clusters that are looked at pod by pod
        let few = scene.nodes.len() <= NODES && scene.live() <= PODS;
        let world = &cluster.world;
        let mut sum = ((0, 0), (0, 0));
        let mut all_used = (0, 0);
        for node in scene.nodes.values() {
            let v = &node.view;
            sum = ((sum.0.0 + v.cpu.0, sum.0.1 + v.cpu.1), (sum.1.0 + v.memory.0, sum.1.1 + v.memory.1));
            if few {
                let used = world.kubelets.node_using(&world.sim, &v.name).map_or((0, 0), |u| (u.cpu, u.memory));
                all_used = (all_used.0 + used.0, all_used.1 + used.1);
                let (cpu_used, memory_used) = (share((used.0, v.cpu.1)), share((used.1, v.memory.1)));
                self.used(v.id, Use { at: now, cpu: share(v.cpu), memory: share(v.memory), cpu_used, memory_used });
            }
        }
        let (cpu_used, memory_used) = (share((all_used.0, sum.0.1)), share((all_used.1, sum.1.1)));
        self.used(0, Use { at: now, cpu: share(sum.0), memory: share(sum.1), cpu_used, memory_used });
        for (id, _, cells) in
            inspect::listing(cluster, "HorizontalPodAutoscaler", 8).map(|l| l.rows).unwrap_or_default()
        {
            let value = inspect::value(cluster, id).unwrap_or_default();
            let number = |path: &str| value.pointer(path).and_then(|v| v.as_f64());
            let memory = value.pointer("/spec/metrics/0/resource/name").and_then(|v| v.as_str()) == Some("memory");
            let share = number("/spec/metrics/0/resource/target/averageUtilization");
            let amount = |path: &str| {
                let q = Quantity::parse(value.pointer(path)?.as_str()?).ok()?.as_f64();
                Some(if memory { q / f64::from(1 << 20) } else { q * 1e3 })
            };
            let (current, target, unit) = match share {
                Some(target) => (number("/status/currentMetrics/0/resource/current/averageUtilization"), target, " %"),
                None => (
                    amount("/status/currentMetrics/0/resource/current/averageValue"),
                    amount("/spec/metrics/0/resource/target/averageValue").unwrap_or_default(),
                    if memory { " Mi" } else { " m" },
                ),
            };
            let s = Scaling {
                at: now,
                current,
                target,
                unit,
                replicas: number("/status/currentReplicas").unwrap_or_default(),
                wanted: number("/status/desiredReplicas").unwrap_or_default(),
            };
            let name = cells.first().cloned().unwrap_or_default();
            let (_, row) = self.scalers.entry(id).or_insert_with(|| (name.as_str().into(), vec![]));
            let like = |l: &Scaling| Scaling { at: s.at, ..*l } == s;
            if row.last().is_none_or(|l| !like(l)) {
                thin(row);
                row.push(s);
            }
        }
        self.version += 1;
    }

    fn used(&mut self, id: Id, s: Use) {
        let row = self.nodes.entry(id).or_default();
        let near = |a: f64, b: f64| (a - b).abs() < 0.1;
        let same = |l: &Use| {
            near(l.cpu, s.cpu)
                && near(l.memory, s.memory)
                && near(l.cpu_used, s.cpu_used)
                && near(l.memory_used, s.memory_used)
        };
        if row.last().is_none_or(|l| !same(l)) {
            thin(row);
            row.push(s);
        }
    }

    /// Names of clients that have a past.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<str>> {
        self.requests.iter().filter(|(_, r)| !r.is_empty()).map(|(n, _)| n)
    }

    /// A client's seconds; of all clients together without a name.
    pub fn requests(&self, name: Option<&str>) -> Vec<Second> {
        if let Some(name) = name {
            return self.requests.get(name).cloned().unwrap_or_default();
        }
        if self.requests.len() == 1 {
            return self.requests.values().next().cloned().unwrap_or_default();
        }
        let mut sum: BTreeMap<SimTime, (u32, u32, f64)> = BTreeMap::new();
        for s in self.requests.values().flatten() {
            let all = sum.entry(s.at).or_default();
            *all = (all.0 + s.ok, all.1 + s.failed, all.2 + s.latency * f64::from(s.ok));
        }
        sum.into_iter()
            .map(|(at, (ok, failed, took))| Second { at, ok, failed, latency: took / f64::from(ok.max(1)) })
            .collect()
    }

    /// A node's past; of all nodes together without one.
    pub fn node(&self, id: Option<Id>) -> &[Use] {
        self.nodes.get(&id.unwrap_or(0)).map_or(&[], Vec::as_slice)
    }

    /// Autoscalers with their past.
    pub fn scalers(&self) -> impl Iterator<Item = (&Id, &Arc<str>, &[Scaling])> {
        self.scalers.iter().map(|(id, (name, row))| (id, name, row.as_slice()))
    }

    /// A workload's samples.
    pub fn of(&self, id: Id) -> &[Sample] {
        self.rows.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// Drops every other one where there are too many.
fn thin<T>(row: &mut Vec<T>) {
    if row.len() >= KEEP {
        let mut n = 0;
        row.retain(|_| {
            n += 1;
            n % 2 == 0
        });
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
            ended: (0, 0),
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
