//! The scheduler's picture of the cluster: nodes with the sums of what runs there, and the pods in groups of equals.
//!
//! Everything a decision looks up often is kept beside it and brought up to date change by change: pods that a
//! selector counts on each node, sums by topology domain, what the filters and scores of one kind of pod said of a
//! node (valid until that node changes). These are memories only: dropping any of them changes no decision. Cloning
//! shares all of it. It must not know the store, requests or time.

use super::framework::{NodeInfo, NodeSpec, PodInfo, Reason};
use super::plugins::inter_pod_affinity::NamespaceLabels;
use super::plugins::pod_topology_spread::{Constraint, default_selector, has_all_keys};
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

/// Pods that a selector counts, by node.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    namespace: String,
    selector: Selector,
    pub on_node: Vec<u32>,
    spreads: SmallVec<[(u32, u32); 2]>,
}

/// The domains of one topology label.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    key: Arc<str>,
    /// Each node's domain, or [`NONE`].
    pub domain: Vec<u32>,
    ids: BTreeMap<String, u32>,
}

impl Topology {
    /// How many domains have ever been seen.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    fn domain_of(&mut self, node: &NodeInfo) -> u32 {
        let Some(value) = node.spec.labels.get(&*self.key) else { return NONE };
        let next = self.ids.len() as u32;
        match self.ids.get(value) {
            Some(d) => *d,
            None => {
                self.ids.insert(value.clone(), next);
                next
            }
        }
    }
}

/// Sums by domain for one list of constraints.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    info: Arc<PodInfo>,
    pub constraints: Arc<Vec<Constraint>>,
    pub all_keys: bool,
    pub counters: SmallVec<[u32; 2]>,
    pub topologies: SmallVec<[u32; 2]>,
    /// For each node, a bit for each constraint in which it takes part.
    mask: Vec<u64>,
    /// For each constraint, pods by domain.
    pub sums: Vec<Vec<u32>>,
    /// For each constraint, nodes that take part by domain.
    pub members: Vec<Vec<u32>>,
}

/// What node-wise filters and scores that depend on no pod said of each node, for one kind of pod.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts {
    pub cells: Vec<VerdictCell>,
}

/// One node's part of [`Verdicts`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct VerdictCell {
    pub generation: u32,
    pub code: u16,
    pub soft_taints: u16,
    pub affinity: i32,
}

/// What the resource plugins said of each node, for one set of requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Fits {
    pub cells: Vec<FitCell>,
}

/// One node's part of [`Fits`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FitCell {
    pub generation: u32,
    pub code: u16,
    pub least: u8,
    pub balanced: u8,
}

/// An image that pods use: its size on each node, 0 where it is not.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageSizes {
    pub on_node: Vec<i64>,
    pub having: usize,
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
    /// The node called `name`, which may not exist (yet, or any more).
    fn slot(&mut self, name: &str) -> u32 {
        if let Some(n) = self.by_name.get(name) {
            return *n;
        }
        let n = self.nodes.len() as u32;
        let name: Arc<str> = name.into();
        Arc::make_mut(&mut self.nodes).push(NodeInfo { name: name.clone(), ..NodeInfo::default() });
        Arc::make_mut(&mut self.present).push(false);
        Arc::make_mut(&mut self.node_generation).push(1);
        Arc::make_mut(&mut self.load_generation).push(1);
        self.by_name.insert(name, n);
        for t in &mut self.topologies {
            Arc::make_mut(t).domain.push(NONE);
        }
        for c in &mut self.counters {
            Arc::make_mut(c).on_node.push(0);
        }
        for s in &mut self.spreads {
            Arc::make_mut(s).mask.push(0);
        }
        for (_, i) in self.images.iter_mut() {
            Arc::make_mut(i).on_node.push(0);
        }
        n
    }

    /// How many nodes exist.
    pub fn node_count(&self) -> usize {
        self.present.iter().filter(|p| **p).count()
    }

    /// A node by name.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.by_name.get(name).filter(|n| self.present[**n as usize]).map(|n| &self.nodes[*n as usize])
    }

    /// The place of a node that exists in the lists over nodes.
    pub(super) fn slot_of(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied().filter(|n| self.present[*n as usize])
    }

    /// Takes in a node as it is now; `None`: it is gone. Says whether anything a decision looks at has changed.
    pub fn set_node(&mut self, name: &str, spec: Option<NodeSpec>) -> bool {
        if spec.is_none() && !self.by_name.contains_key(name) {
            return false;
        }
        let n = self.slot(name);
        let at = n as usize;
        let was = self.present[at];
        let new = spec.clone().unwrap_or_default();
        let old = self.nodes[at].spec.clone();
        if was == spec.is_some() && *old == new {
            return false;
        }
        self.version += 1;
        if *self.nodes[at].spec != new || was != spec.is_some() {
            let same_kind = was == spec.is_some()
                && old.labels == new.labels
                && old.taints == new.taints
                && old.unschedulable == new.unschedulable;
            if !same_kind {
                self.each_spread_leave(n);
                Arc::make_mut(&mut self.node_generation)[at] += 1;
            }
            Arc::make_mut(&mut self.load_generation)[at] += 1;
            self.update_images(n, &old, &new);
            if was != spec.is_some() || zone_of(&old) != zone_of(&new) {
                self.rezone(n, was.then(|| zone_of(&old)), spec.as_ref().map(zone_of));
            }
            Arc::make_mut(&mut self.nodes)[at].spec = Arc::new(new);
            Arc::make_mut(&mut self.present)[at] = spec.is_some();
            if !same_kind {
                let info = &self.nodes[at];
                for t in &mut self.topologies {
                    let t = Arc::make_mut(t);
                    t.domain[at] = t.domain_of(info);
                }
                self.each_spread_enter(n);
            }
        }
        true
    }

    fn rezone(&mut self, n: u32, from: Option<String>, to: Option<String>) {
        let zones = Arc::make_mut(&mut self.zones);
        if let Some(from) = from
            && let Some(i) = zones.iter().position(|z| z.0 == from)
        {
            zones[i].1.retain(|m| *m != n);
            if zones[i].1.is_empty() {
                zones.remove(i);
            }
        }
        if let Some(to) = to {
            match zones.iter_mut().find(|z| z.0 == to) {
                Some(z) => z.1.push(n),
                None => zones.push((to, vec![n])),
            }
        }
        self.order_stale = true;
    }

    /// Nodes in the order in which they are looked at: one of each zone in turn. Models internal/cache nodeTree.
    pub(super) fn refresh_order(&mut self) {
        if !std::mem::take(&mut self.order_stale) {
            return;
        }
        let longest = self.zones.iter().map(|z| z.1.len()).max().unwrap_or(0);
        let order = (0..longest).flat_map(|i| self.zones.iter().filter_map(move |z| z.1.get(i).copied())).collect();
        self.order = Arc::new(order);
    }

    fn update_images(&mut self, n: u32, old: &NodeSpec, new: &NodeSpec) {
        if old.images == new.images {
            return;
        }
        for (name, image) in self.images.iter_mut() {
            let (before, after) = (old.images.get(name).copied(), new.images.get(name).copied());
            if before != after {
                let image = Arc::make_mut(image);
                image.on_node[n as usize] = after.unwrap_or(0);
                image.having = image.having + usize::from(after.is_some()) - usize::from(before.is_some());
            }
        }
    }

    /// The sizes of an image by node.
    pub(super) fn image(&mut self, name: &Arc<str>) -> Arc<ImageSizes> {
        if let Some(i) = self.images.get(name) {
            return i.clone();
        }
        let on_node: Vec<i64> = self.nodes.iter().map(|n| n.spec.images.get(name).copied().unwrap_or(0)).collect();
        let having = self.nodes.iter().filter(|n| n.spec.images.contains_key(name)).count();
        let image = Arc::new(ImageSizes { on_node, having });
        self.images.insert(name.clone(), image.clone());
        image
    }

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

    /// Takes in a Service's selector; `None`: it is gone or selects nothing.
    pub fn set_service(&mut self, namespace: &str, name: &str, selector: Option<BTreeMap<String, String>>) {
        let key = (namespace.to_owned(), name.to_owned());
        let changed = match selector.filter(|s| !s.is_empty()) {
            Some(s) if self.services.get(&key).is_some_and(|old| **old == s) => false,
            Some(s) => {
                self.services.insert(key, Arc::new(s));
                true
            }
            None => self.services.remove(&key).is_some(),
        };
        if changed {
            self.forget_defaults(namespace);
        }
    }

    /// Takes in a controller's selector; `None`: it is gone.
    pub fn set_controller(&mut self, namespace: &str, kind: &str, name: &str, selector: Option<Selector>) {
        let key = (namespace.to_owned(), kind.to_owned(), name.to_owned());
        let changed = match selector {
            Some(s) if self.controllers.get(&key).is_some_and(|old| **old == s) => false,
            Some(s) => {
                self.controllers.insert(key, Arc::new(s));
                true
            }
            None => self.controllers.remove(&key).is_some(),
        };
        if changed {
            for g in &mut self.groups {
                let owner = g.info.owner.as_ref();
                if g.info.namespace == namespace && owner.is_some_and(|o| o.kind == kind && o.name == name) {
                    forget_defaults_of(g);
                }
            }
            self.version += 1;
        }
    }

    /// The selector of a controller that has been taken in.
    pub fn controller_of(&self, namespace: &str, kind: &str, name: &str) -> Option<Arc<Selector>> {
        self.controllers.get(&(namespace.to_owned(), kind.to_owned(), name.to_owned())).cloned()
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

    fn forget_defaults(&mut self, namespace: &str) {
        self.version += 1;
        for g in self.groups.iter_mut().filter(|g| g.info.namespace == namespace && g.info.default_spread) {
            forget_defaults_of(g);
        }
    }

    /// The soft constraints in force for a group, and whether nodes without a topology label are left out.
    pub(super) fn soft_constraints(&mut self, group: u32) -> (Arc<Vec<Constraint>>, bool) {
        let g = &self.groups[group as usize];
        if let Some(c) = &g.memory.defaults {
            return (c.clone(), !g.info.default_spread);
        }
        let info = g.info.clone();
        let constraints = if info.default_spread {
            let services = self
                .services
                .range((info.namespace.clone(), String::new())..)
                .take_while(|(k, _)| k.0 == info.namespace)
                .map(|(_, s)| &**s);
            let controller = info.owner.as_ref().and_then(|o| {
                self.controllers.get(&(info.namespace.clone(), o.kind.clone(), o.name.clone())).map(|s| &**s)
            });
            default_selector(&info, services, controller).map_or(vec![], |s| Constraint::system_defaults(&s))
        } else {
            info.soft_spread.clone()
        };
        let constraints = Arc::new(constraints);
        Arc::make_mut(&mut self.groups[group as usize]).memory.defaults = Some(constraints.clone());
        (constraints, !info.default_spread)
    }

    fn counter(&mut self, namespace: &str, selector: &Selector) -> u32 {
        let text = match selector {
            Selector::Nothing => "\0".to_owned(),
            all => all.to_string(),
        };
        let key = (namespace.to_owned(), text);
        if let Some(c) = self.counter_ids.get(&key) {
            return *c;
        }
        let c = self.counters.len() as u32;
        let mut counter = Counter {
            namespace: namespace.to_owned(),
            selector: selector.clone(),
            on_node: vec![0; self.nodes.len()],
            spreads: SmallVec::new(),
        };
        for g in &mut self.groups {
            if g.info.namespace == namespace && counter.counts(&g.info.labels) {
                for (n, count) in &g.placed {
                    counter.on_node[*n as usize] += count.all - count.leaving;
                }
                Arc::make_mut(g).counted_by.push(c);
            }
        }
        self.counters.push(Arc::new(counter));
        self.counter_ids.insert(key, c);
        c
    }

    /// The topology of a label.
    pub(super) fn topology(&mut self, key: &Arc<str>) -> u32 {
        if let Some(t) = self.topologies.iter().position(|t| t.key == *key) {
            return t as u32;
        }
        let mut t = Topology { key: key.clone(), domain: vec![], ids: BTreeMap::new() };
        t.domain = self.nodes.iter().map(|n| t.domain_of(n)).collect();
        self.topologies.push(Arc::new(t));
        self.topologies.len() as u32 - 1
    }

    /// The sums for a group's constraints; remembered for groups that are asked about more than a few times.
    pub(super) fn spread(&mut self, group: u32, hard: bool) -> Option<Arc<Spread>> {
        let g = &self.groups[group as usize];
        if let Some(s) = if hard { g.memory.hard } else { g.memory.soft } {
            return Some(self.spreads[s as usize].clone());
        }
        let info = g.info.clone();
        let remember = g.asked > 1;
        let (constraints, all_keys) =
            if hard { (Arc::new(info.hard_spread.clone()), true) } else { self.soft_constraints(group) };
        if constraints.is_empty() {
            return None;
        }
        if self.counters.len() + self.spreads.len() > MEMORIES * 4 {
            self.forget_sums();
        }
        let counters = constraints.iter().map(|c| self.counter(&info.namespace, &c.selector)).collect();
        let topologies = constraints.iter().map(|c| self.topology(&c.topology_key)).collect();
        let count = constraints.len();
        let mut s = Spread {
            info,
            constraints,
            all_keys,
            counters,
            topologies,
            mask: vec![0; self.nodes.len()],
            sums: vec![vec![]; count],
            members: vec![vec![]; count],
        };
        for n in 0..self.nodes.len() {
            if self.present[n] {
                s.enter(n, &self.nodes[n], &self.topologies, &self.counters);
            }
        }
        let s = Arc::new(s);
        if remember {
            let id = self.spreads.len() as u32;
            for (i, c) in s.counters.iter().enumerate() {
                Arc::make_mut(&mut self.counters[*c as usize]).spreads.push((id, i as u32));
            }
            self.spreads.push(s.clone());
            let memory = &mut Arc::make_mut(&mut self.groups[group as usize]).memory;
            *(if hard { &mut memory.hard } else { &mut memory.soft }) = Some(id);
        }
        Some(s)
    }

    fn each_spread_leave(&mut self, n: u32) {
        if self.present[n as usize] {
            for s in &mut self.spreads {
                Arc::make_mut(s).leave(n as usize, &self.topologies, &self.counters);
            }
        }
    }

    fn each_spread_enter(&mut self, n: u32) {
        if self.present[n as usize] {
            for s in &mut self.spreads {
                Arc::make_mut(s).enter(n as usize, &self.nodes[n as usize], &self.topologies, &self.counters);
            }
        }
    }

    /// The memory of node-wise verdicts for pods like this one.
    pub(super) fn verdicts_of(&mut self, group: u32) -> u32 {
        let g = &self.groups[group as usize];
        if let Some(v) = g.memory.verdicts {
            return v;
        }
        if self.verdicts.len() >= MEMORIES {
            self.forget_verdicts();
        }
        let info = self.groups[group as usize].info.clone();
        let key = format!("{:?}{:?}{:?}", info.node_rules, info.tolerations, info.node_name);
        let next = self.verdicts.len() as u32;
        let id = *self.verdict_ids.entry(key).or_insert(next);
        if id == next {
            self.verdicts.push(Arc::default());
        }
        Arc::make_mut(&mut self.groups[group as usize]).memory.verdicts = Some(id);
        id
    }

    /// The memory of resource verdicts for pods like this one.
    pub(super) fn fits_of(&mut self, group: u32) -> u32 {
        let g = &self.groups[group as usize];
        if let Some(f) = g.memory.fits {
            return f;
        }
        if self.fits.len() >= MEMORIES {
            self.forget_verdicts();
        }
        let info = self.groups[group as usize].info.clone();
        let key = format!("{:?} {} {}", info.requests, info.nonzero_cpu, info.nonzero_memory);
        let next = self.fits.len() as u32;
        let id = *self.fit_ids.entry(key).or_insert(next);
        if id == next {
            self.fits.push(Arc::default());
        }
        Arc::make_mut(&mut self.groups[group as usize]).memory.fits = Some(id);
        id
    }

    pub(super) fn forget_verdicts(&mut self) {
        self.verdicts.clear();
        self.verdict_ids.clear();
        self.fits.clear();
        self.fit_ids.clear();
        for g in self.groups.iter_mut().filter(|g| g.memory.verdicts.is_some() || g.memory.fits.is_some()) {
            let memory = &mut Arc::make_mut(g).memory;
            (memory.verdicts, memory.fits) = (None, None);
        }
    }

    pub(super) fn forget_sums(&mut self) {
        self.counters.clear();
        self.counter_ids.clear();
        self.spreads.clear();
        for g in &mut self.groups {
            let g = Arc::make_mut(g);
            g.counted_by.clear();
            (g.memory.hard, g.memory.soft) = (None, None);
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

    /// Whether the memories agree with what they remember. For tests.
    pub fn check(&self) -> Result<(), String> {
        for c in &self.counters {
            for n in 0..self.nodes.len() {
                let matching = self.pods.values().filter(|p| {
                    let info = &self.groups[p.group as usize].info;
                    p.node as usize == n && !p.leaving && info.namespace == c.namespace && c.counts(&info.labels)
                });
                let want = matching.count() as u32;
                if c.on_node[n] != want {
                    return Err(format!("{} on {}: {}, want {want}", c.selector, self.nodes[n].name, c.on_node[n]));
                }
            }
        }
        for s in &self.spreads {
            let mut fresh = (**s).clone();
            fresh.mask.fill(0);
            fresh.sums.iter_mut().chain(&mut fresh.members).for_each(|v| v.fill(0));
            for n in (0..self.nodes.len()).filter(|n| self.present[*n]) {
                fresh.enter(n, &self.nodes[n], &self.topologies, &self.counters);
            }
            if fresh.sums != s.sums || fresh.members != s.members || fresh.mask != s.mask {
                return Err(format!("sums {:?}, want {:?}", s.sums, fresh.sums));
            }
        }
        Ok(())
    }
}

fn forget_defaults_of(g: &mut Arc<Group>) {
    if g.memory.defaults.is_some() {
        let memory = &mut Arc::make_mut(g).memory;
        (memory.defaults, memory.soft) = (None, None);
    }
}

/// Models GetZoneKey.
fn zone_of(spec: &NodeSpec) -> String {
    let label = |k: &str| spec.labels.get(k).map_or("", String::as_str);
    let (region, zone) = (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"));
    if region.is_empty() && zone.is_empty() { String::new() } else { format!("{region}:\0:{zone}") }
}

impl Counter {
    fn counts(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.selector.is_empty() && self.selector.matches(labels)
    }
}

impl Spread {
    /// The node begins to take part.
    fn enter(&mut self, n: usize, node: &NodeInfo, topologies: &[Arc<Topology>], counters: &[Arc<Counter>]) {
        if self.all_keys && !has_all_keys(node, &self.constraints) {
            return;
        }
        for i in 0..self.constraints.len().min(64) {
            let domain = topologies[self.topologies[i] as usize].domain[n];
            if domain == NONE || !self.constraints[i].includes(&self.info, node) {
                continue;
            }
            let domain = domain as usize;
            if self.sums[i].len() <= domain {
                self.sums[i].resize(domain + 1, 0);
                self.members[i].resize(domain + 1, 0);
            }
            self.mask[n] |= 1 << i;
            self.members[i][domain] += 1;
            self.sums[i][domain] += counters[self.counters[i] as usize].on_node[n];
        }
    }

    /// The node takes part no more; to be called before anything about it changes.
    fn leave(&mut self, n: usize, topologies: &[Arc<Topology>], counters: &[Arc<Counter>]) {
        for i in 0..self.constraints.len().min(64) {
            if self.mask[n] >> i & 1 == 1 {
                let domain = topologies[self.topologies[i] as usize].domain[n] as usize;
                self.members[i][domain] -= 1;
                self.sums[i][domain] -= counters[self.counters[i] as usize].on_node[n];
            }
        }
        self.mask[n] = 0;
    }
}
