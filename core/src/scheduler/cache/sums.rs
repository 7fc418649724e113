//! Sums that spreading asks for: pods that a selector counts on each node and in each topology domain, and which
//! constraints are in force by default.

use super::{Cluster, Group, MEMORIES, NONE};
use crate::api::labels::Selector;
use crate::scheduler::framework::{NodeInfo, PodInfo};
use crate::scheduler::plugins::pod_topology_spread::{Constraint, default_selector, has_all_keys};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pods that a selector counts, by node.
#[derive(Clone, Debug)]
pub(in crate::scheduler) struct Counter {
    pub(super) namespace: String,
    selector: Selector,
    pub on_node: Vec<u32>,
    pub(super) spreads: SmallVec<[(u32, u32); 2]>,
}

/// The domains of one topology label.
#[derive(Clone, Debug)]
pub(in crate::scheduler) struct Topology {
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

    pub(super) fn domain_of(&mut self, node: &NodeInfo) -> u32 {
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
pub(in crate::scheduler) struct Spread {
    info: Arc<PodInfo>,
    pub constraints: Arc<Vec<Constraint>>,
    pub all_keys: bool,
    pub counters: SmallVec<[u32; 2]>,
    pub topologies: SmallVec<[u32; 2]>,
    /// For each node, a bit for each constraint in which it takes part.
    pub(super) mask: Vec<u64>,
    /// For each constraint, pods by domain.
    pub sums: Vec<Vec<u32>>,
    /// For each constraint, nodes that take part by domain.
    pub members: Vec<Vec<u32>>,
}

impl Cluster {
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

    fn forget_defaults(&mut self, namespace: &str) {
        self.version += 1;
        for g in self.groups.iter_mut().filter(|g| g.info.namespace == namespace && g.info.default_spread) {
            forget_defaults_of(g);
        }
    }

    /// The soft constraints in force for a group, and whether nodes without a topology label are left out.
    pub(in crate::scheduler) fn soft_constraints(&mut self, group: u32) -> (Arc<Vec<Constraint>>, bool) {
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
    pub(in crate::scheduler) fn topology(&mut self, key: &Arc<str>) -> u32 {
        if let Some(t) = self.topologies.iter().position(|t| t.key == *key) {
            return t as u32;
        }
        let mut t = Topology { key: key.clone(), domain: vec![], ids: BTreeMap::new() };
        t.domain = self.nodes.iter().map(|n| t.domain_of(n)).collect();
        self.topologies.push(Arc::new(t));
        self.topologies.len() as u32 - 1
    }

    /// The sums for a group's constraints; remembered for groups that are asked about more than a few times.
    pub(in crate::scheduler) fn spread(&mut self, group: u32, hard: bool) -> Option<Arc<Spread>> {
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

    pub(super) fn each_spread_leave(&mut self, n: u32) {
        if self.present[n as usize] {
            for s in &mut self.spreads {
                Arc::make_mut(s).leave(n as usize, &self.topologies, &self.counters);
            }
        }
    }

    pub(super) fn each_spread_enter(&mut self, n: u32) {
        if self.present[n as usize] {
            for s in &mut self.spreads {
                Arc::make_mut(s).enter(n as usize, &self.nodes[n as usize], &self.topologies, &self.counters);
            }
        }
    }

    pub(in crate::scheduler) fn forget_sums(&mut self) {
        self.counters.clear();
        self.counter_ids.clear();
        self.spreads.clear();
        for g in &mut self.groups {
            let g = Arc::make_mut(g);
            g.counted_by.clear();
            (g.memory.hard, g.memory.soft) = (None, None);
        }
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

impl Counter {
    pub(super) fn counts(&self, labels: &BTreeMap<String, String>) -> bool {
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
