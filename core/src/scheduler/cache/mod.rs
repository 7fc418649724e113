//! The scheduler's picture of the cluster: nodes with the sums of what runs there, and the pods in groups of equals.
//!
//! Everything a decision looks up often is kept beside it and brought up to date change by change: pods that a
//! selector counts on each node, sums by topology domain, what the filters and scores of one kind of pod said of a
//! node (valid until that node changes). These are memories only: dropping any of them changes no decision. Cloning
//! shares all of it. It must not know the store, requests or time.

mod nodes;
mod sums;
mod verdicts;

pub(super) use sums::{Spread, Topology};
pub(super) use verdicts::{FitCell, VerdictCell};

use nodes::ImageSizes;
use sums::Counter;
use verdicts::{Fits, Verdicts};

use super::framework::{NodeInfo, PodInfo, Reason};
use super::plugins::inter_pod_affinity::NamespaceLabels;
use super::plugins::pod_topology_spread::Constraint;
use crate::api::labels::Selector;
use imbl::OrdMap;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of a pod; the caller's.
pub type PodId = u64;

/// No domain: the node lacks the label.
pub(super) const NONE: u32 = u32::MAX;

/// More memories than this of one sort: all are dropped and made anew as needed.
const MEMORIES: usize = 600;

/// Pods of one group on one node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// All of them.
    pub all: u32,
    /// Those that are being deleted.
    pub leaving: u32,
}

/// Pods that differ in nothing the scheduler reads.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub info: Arc<PodInfo>,
    proto: u32,
    /// Where they are.
    pub placed: BTreeMap<u32, Count>,
    /// How many are placed.
    pub total: u32,
    /// Selectors that count them.
    counted_by: SmallVec<[u32; 2]>,
    /// Decisions asked for so far: what comes once is not worth a memory.
    pub asked: u32,
    pub memory: Memory,
}

/// What is remembered for a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub verdicts: Option<u32>,
    pub fits: Option<u32>,
    /// Constraints in force by default, once looked up.
    pub defaults: Option<Arc<Vec<Constraint>>>,
    pub hard: Option<u32>,
    pub soft: Option<u32>,
    pub plan: Option<Arc<Plan>>,
    /// The last failure and the state of the cluster it holds for.
    pub failure: Option<(u64, Arc<Failure>)>,
}

/// Why no node would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failure {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many nodes were refused for each reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// A reason from before any node was looked at; it replaces the others.
    pub before: Option<String>,
    /// Nodes that could do once pods there are gone.
    pub resolvable: usize,
    /// The plugins that refused.
    pub plugins: std::collections::BTreeSet<super::framework::Plugin>,
}

/// Which groups matter to a group's rules about other pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Groups looked at so far.
    pub seen: usize,
    pub namespaces: u64,
    /// Groups that match all required terms.
    pub near: Vec<u32>,
    /// (own required anti-affinity term, group it means)
    pub far: Vec<(usize, u32)>,
    /// (group, its required anti-affinity term that means us)
    pub shunned_by: Vec<(u32, usize)>,
    /// (own preferred term, group it means)
    pub likes: Vec<(usize, u32)>,
    /// (group, its preferred term that means us)
    pub liked_by: Vec<(u32, usize)>,
    /// (group, its required term that means us)
    pub needed_by: Vec<(u32, usize)>,
}

/// Where a pod is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    group: u32,
    node: u32,
    leaving: bool,
}

/// The picture.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    pub(super) nodes: Arc<Vec<NodeInfo>>,
    /// Whether the node exists; pods can stand on one that is gone.
    pub(super) present: Arc<Vec<bool>>,
    /// Moved when what the node is changes (labels, taints, cordon).
    pub(super) node_generation: Arc<Vec<u32>>,
    /// Moved when what is free on the node changes.
    pub(super) load_generation: Arc<Vec<u32>>,
    by_name: OrdMap<Arc<str>, u32>,
    pub(super) order: Arc<Vec<u32>>,
    order_stale: bool,
    /// Zones in the order of their first nodes, and the nodes of each.
    zones: Arc<Vec<(String, Vec<u32>)>>,
    pub(super) groups: Vec<Arc<Group>>,
    group_ids: OrdMap<u32, SmallVec<[u32; 1]>>,
    /// Groups with rules about other pods.
    pub(super) social: Vec<u32>,
    pods: OrdMap<PodId, Place>,
    pub(super) counters: Vec<Arc<Counter>>,
    counter_ids: OrdMap<(String, String), u32>,
    pub(super) topologies: Vec<Arc<Topology>>,
    pub(super) spreads: Vec<Arc<Spread>>,
    pub(super) verdicts: Vec<Arc<Verdicts>>,
    verdict_ids: OrdMap<String, u32>,
    pub(super) fits: Vec<Arc<Fits>>,
    fit_ids: OrdMap<String, u32>,
    pub(super) images: BTreeMap<Arc<str>, Arc<ImageSizes>>,
    services: OrdMap<(String, String), Arc<BTreeMap<String, String>>>,
    controllers: OrdMap<(String, String, String), Arc<Selector>>,
    pub(super) namespaces: NamespaceLabels,
    pub(super) namespaces_version: u64,
    /// By namespace and name.
    pub(super) claims: OrdMap<(String, String), Arc<PersistentVolumeClaim>>,
    pub(super) volumes: OrdMap<String, Arc<PersistentVolume>>,
    pub(super) classes: OrdMap<String, Arc<StorageClass>>,
    pub(super) next_start: usize,
    /// Moved by every change a decision could depend on.
    pub(super) version: u64,
}

impl Cluster {
    /// The group of the pods with prototype `proto` in a namespace; `read` makes what the plugins read of them.
    pub fn group(&mut self, proto: u32, namespace: &str, read: impl FnOnce() -> PodInfo) -> u32 {
        let same = self.group_ids.get(&proto);
        if let Some(g) = same.and_then(|l| l.iter().find(|g| self.groups[**g as usize].info.namespace == namespace)) {
            return *g;
        }
        let g = self.groups.len() as u32;
        let info = Arc::new(read());
        if info.has_affinity() {
            self.social.push(g);
        }
        let counts = |c: &Counter| c.namespace == info.namespace && c.counts(&info.labels);
        let counted_by = (0..self.counters.len() as u32).filter(|c| counts(&self.counters[*c as usize])).collect();
        self.groups.push(Arc::new(Group {
            info,
            proto,
            placed: BTreeMap::new(),
            total: 0,
            counted_by,
            asked: 0,
            memory: Memory::default(),
        }));
        self.group_ids.entry(proto).or_default().push(g);
        g
    }

    /// What the plugins read of a group's pods.
    pub fn info(&self, group: u32) -> &Arc<PodInfo> {
        &self.groups[group as usize].info
    }

    /// The node that a pod counts on.
    pub fn place_of(&self, pod: PodId) -> Option<&Arc<str>> {
        self.pods.get(&pod).map(|p| &self.nodes[p.node as usize].name)
    }

    /// The group of a pod that counts.
    pub fn group_of(&self, pod: PodId) -> Option<u32> {
        self.pods.get(&pod).map(|p| p.group)
    }

    /// Every pod that counts, its group, node and whether it is being deleted, in order of their numbers.
    pub fn placed(&self) -> impl Iterator<Item = (PodId, &Arc<PodInfo>, &Arc<str>, bool)> {
        self.pods
            .iter()
            .map(|(id, p)| (*id, &self.groups[p.group as usize].info, &self.nodes[p.node as usize].name, p.leaving))
    }

    /// Counts a pod on a node, moves it, or marks it as leaving. Says whether anything has changed.
    pub fn set_pod(&mut self, pod: PodId, group: u32, node: &str, leaving: bool) -> bool {
        let known = self.pods.get(&pod).map(|p| p.node).filter(|n| *self.nodes[*n as usize].name == *node);
        let node = known.unwrap_or_else(|| self.slot(node));
        let place = Place { group, node, leaving };
        match self.pods.insert(pod, place) {
            Some(old) if old == place => return false,
            Some(old) => self.count(old, -1),
            None => {}
        }
        self.count(place, 1);
        true
    }

    /// A pod counts no more. Says whether it did.
    pub fn remove_pod(&mut self, pod: PodId) -> bool {
        let Some(old) = self.pods.remove(&pod) else { return false };
        self.count(old, -1);
        true
    }

    fn count(&mut self, place: Place, sign: i64) {
        self.version += 1;
        let at = place.node as usize;
        let group = Arc::make_mut(&mut self.groups[place.group as usize]);
        let count = group.placed.entry(place.node).or_default();
        count.all = count.all.wrapping_add_signed(sign as i32);
        count.leaving = count.leaving.wrapping_add_signed(if place.leaving { sign as i32 } else { 0 });
        if count.all == 0 {
            group.placed.remove(&place.node);
        }
        group.total = group.total.wrapping_add_signed(sign as i32);
        Arc::make_mut(&mut self.nodes)[at].account(&group.info, sign);
        Arc::make_mut(&mut self.load_generation)[at] += 1;
        if place.leaving {
            return;
        }
        for c in &group.counted_by {
            let counter = Arc::make_mut(&mut self.counters[*c as usize]);
            counter.on_node[at] = counter.on_node[at].wrapping_add_signed(sign as i32);
            for (s, i) in &counter.spreads {
                let i = *i as usize;
                if self.spreads[*s as usize].mask[at] >> i & 1 == 1 {
                    let spread = Arc::make_mut(&mut self.spreads[*s as usize]);
                    let domain = self.topologies[spread.topologies[i] as usize].domain[at] as usize;
                    if let Some(sum) = spread.sums[i].get_mut(domain) {
                        *sum = sum.wrapping_add_signed(sign as i32);
                    }
                }
            }
        }
    }

    /// Takes in a namespace's labels; `None`: it is gone.
    pub fn set_namespace(&mut self, name: &str, labels: Option<BTreeMap<String, String>>) {
        let changed = match labels {
            Some(l) if self.namespaces.get(name).is_some_and(|old| **old == l) => false,
            Some(l) => self.namespaces.insert(name.to_owned(), Arc::new(l)).is_none_or(|_| true),
            None => self.namespaces.remove(name).is_some(),
        };
        if changed {
            self.namespaces_version += 1;
            self.version += 1;
        }
    }

    /// Forgets groups without pods once they are the most of many: rollouts leave them behind.
    pub fn tidy(&mut self) {
        let empty = self.groups.iter().filter(|g| g.total == 0).count();
        if self.groups.len() < 2 * MEMORIES || empty * 2 < self.groups.len() {
            return;
        }
        self.forget_empty_groups();
    }

    pub(super) fn forget_empty_groups(&mut self) {
        self.forget_sums();
        self.forget_verdicts();
        self.images.clear();
        let mut numbers = vec![NONE; self.groups.len()];
        let mut kept = vec![];
        for (i, g) in std::mem::take(&mut self.groups).into_iter().enumerate().filter(|(_, g)| g.total > 0) {
            numbers[i] = kept.len() as u32;
            kept.push(g);
        }
        self.groups = kept;
        for g in &mut self.groups {
            Arc::make_mut(g).memory = Memory::default();
        }
        self.group_ids.clear();
        for (i, g) in self.groups.iter().enumerate() {
            self.group_ids.entry(g.proto).or_default().push(i as u32);
        }
        self.social = (0..self.groups.len() as u32).filter(|g| self.groups[*g as usize].info.has_affinity()).collect();
        let renumber = |(id, p): (&PodId, &Place)| (*id, Place { group: numbers[p.group as usize], ..*p });
        self.pods = self.pods.iter().map(renumber).collect();
    }
}
