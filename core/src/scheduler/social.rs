//! Rules of pods about other pods, evaluated for one decision by groups of equal pods: numbers by topology domain.
//! Gives what the plain form in [`super::plugins::inter_pod_affinity`] gives.

use super::algorithm::code;
use super::cache::{Cluster, Group, NONE, Plan, Topology};
use super::framework::PodInfo;
use super::plugins::inter_pod_affinity::{HARD_AFFINITY_WEIGHT, Term};
use std::sync::Arc;

/// Numbers by domain of one topology.
#[derive(Debug, Default)]
struct Domains {
    topology: usize,
    sums: Vec<i64>,
    /// Whether any pod has a domain here.
    any: bool,
}

impl Domains {
    fn at(&self, node: usize, topologies: &[Arc<Topology>]) -> Option<i64> {
        let d = topologies[self.topology].domain[node];
        (d != NONE).then(|| self.sums.get(d as usize).copied().unwrap_or(0))
    }
}

/// One decision's numbers.
#[derive(Debug, Default)]
pub(super) struct Social {
    /// For each required term, pods near which the new one may stand.
    near: Vec<Domains>,
    /// The pod may be the first of its kind.
    first: bool,
    /// For each required anti-affinity term, pods to keep away from.
    far: Vec<Domains>,
    /// Pods that keep the new one away.
    shunned: Vec<Domains>,
    /// What stands there adds to the score.
    scores: Vec<Domains>,
}

impl Social {
    /// Whether the plugin scores at all.
    pub fn scores(&self) -> bool {
        self.scores.iter().any(|d| d.any)
    }

    /// The verdict on a node.
    pub fn code(&self, node: usize, topologies: &[Arc<Topology>]) -> u16 {
        let mut missing = false;
        for d in &self.near {
            match d.at(node, topologies) {
                None => return code::NEAR,
                Some(n) => missing |= n <= 0,
            }
        }
        if missing && !self.first {
            return code::NEAR;
        }
        let some = |d: &Domains| d.at(node, topologies).unwrap_or(0) > 0;
        if self.far.iter().any(some) {
            return code::FAR;
        }
        if self.shunned.iter().any(some) {
            return code::SHUNNED;
        }
        code::OK
    }

    /// A node's raw score.
    pub fn raw_score(&self, node: usize, topologies: &[Arc<Topology>]) -> i64 {
        self.scores.iter().map(|d| d.at(node, topologies).unwrap_or(0)).sum()
    }
}

impl Cluster {
    /// The numbers for a pod of this group; `None` if no rule concerns it.
    pub(super) fn social(&mut self, group: u32) -> Option<Social> {
        if self.social.is_empty() {
            return None;
        }
        let plan = self.plan(group);
        let info = self.info(group).clone();
        let a = &info.affinity;
        if a.is_empty() && plan.shunned_by.is_empty() && plan.liked_by.is_empty() && plan.needed_by.is_empty() {
            return None;
        }
        let mut social = Social::default();
        for t in &a.required {
            let mut domains = self.domains(t);
            plan.near.iter().for_each(|g| self.add(&mut domains, *g, 1));
            social.near.push(domains);
        }
        social.first = social.near.iter().all(|d| !d.any) && a.all_required_match(&info, &self.namespaces);
        social.far = a.required_anti.iter().map(|t| self.domains(t)).collect();
        for (term, g) in &plan.far {
            self.add(&mut social.far[*term], *g, 1);
        }
        for (g, term) in &plan.shunned_by {
            let group = self.groups[*g as usize].clone();
            self.collect(&mut social.shunned, &group.info.affinity.required_anti[*term], *g, 1);
        }
        for (term, g) in &plan.likes {
            let (term, weight) = &a.preferred[*term];
            self.collect(&mut social.scores, term, *g, *weight);
        }
        for (g, term) in &plan.needed_by {
            let group = self.groups[*g as usize].clone();
            self.collect(&mut social.scores, &group.info.affinity.required[*term], *g, HARD_AFFINITY_WEIGHT);
        }
        for (g, term) in &plan.liked_by {
            let group = self.groups[*g as usize].clone();
            let (term, weight) = &group.info.affinity.preferred[*term];
            self.collect(&mut social.scores, term, *g, *weight);
        }
        Some(social)
    }

    /// Whether a pod like `other`, newly placed, could make a node fit for this group: it counts for a hard rule.
    pub fn minds(&self, group: u32, other: &PodInfo) -> bool {
        let info = self.info(group);
        info.affinity.required.iter().any(|t| t.matches(other, &self.namespaces))
            || info.namespace == other.namespace && info.hard_spread.iter().any(|c| c.counts(&other.labels))
    }

    fn domains(&mut self, term: &Term) -> Domains {
        Domains { topology: self.topology(&term.topology_key) as usize, ..Domains::default() }
    }

    fn collect(&mut self, list: &mut Vec<Domains>, term: &Term, group: u32, weight: i64) {
        let topology = self.topology(&term.topology_key) as usize;
        let i = list.iter().position(|d| d.topology == topology).unwrap_or_else(|| {
            list.push(Domains { topology, ..Domains::default() });
            list.len() - 1
        });
        self.add(&mut list[i], group, weight);
    }

    /// Adds the pods of a group, each counting `weight`, to the domains of their nodes.
    fn add(&self, domains: &mut Domains, group: u32, weight: i64) {
        let topology = &self.topologies[domains.topology];
        for (n, count) in &self.groups[group as usize].placed {
            let d = topology.domain[*n as usize];
            if d == NONE || !self.present[*n as usize] {
                continue;
            }
            if domains.sums.len() <= d as usize {
                domains.sums.resize(topology.len(), 0);
            }
            domains.sums[d as usize] += weight * i64::from(count.all);
            domains.any = true;
        }
    }

    /// Which groups matter to this one; grows with the groups.
    fn plan(&mut self, group: u32) -> Arc<Plan> {
        let g = &self.groups[group as usize];
        let mut plan = match &g.memory.plan {
            Some(p) if p.seen == self.groups.len() && p.namespaces == self.namespaces_version => return p.clone(),
            Some(p) if p.namespaces == self.namespaces_version => (**p).clone(),
            _ => Plan { namespaces: self.namespaces_version, ..Plan::default() },
        };
        let info = g.info.clone();
        let spaces = &self.namespaces;
        let new: Vec<u32> = if info.affinity.is_empty() {
            let from = self.social.partition_point(|g| (*g as usize) < plan.seen);
            self.social[from..].to_vec()
        } else {
            (plan.seen as u32..self.groups.len() as u32).collect()
        };
        let terms = |list: &[Term], f: &mut dyn FnMut(usize), other: &Group| {
            list.iter().enumerate().filter(|(_, t)| t.matches(&other.info, spaces)).for_each(|(i, _)| f(i));
        };
        for o in new {
            let other = &*self.groups[o as usize];
            if info.affinity.all_required_match(&other.info, spaces) {
                plan.near.push(o);
            }
            terms(&info.affinity.required_anti, &mut |i| plan.far.push((i, o)), other);
            let theirs = &other.info.affinity;
            terms(&theirs.required_anti, &mut |i| plan.shunned_by.push((o, i)), g);
            terms(&theirs.required, &mut |i| plan.needed_by.push((o, i)), g);
            for (i, (t, _)) in info.affinity.preferred.iter().enumerate() {
                if t.matches(&other.info, spaces) {
                    plan.likes.push((i, o));
                }
            }
            for (i, (t, _)) in theirs.preferred.iter().enumerate() {
                if t.matches(&info, spaces) {
                    plan.liked_by.push((o, i));
                }
            }
        }
        plan.seen = self.groups.len();
        let plan = Arc::new(plan);
        Arc::make_mut(&mut self.groups[group as usize]).memory.plan = Some(plan.clone());
        plan
    }
}
