//! Even spread of pods over topology domains (zones, hosts …): hard constraints filter, soft ones score, and pods
//! without any that belong to a Service or controller get the system's defaults. Models plugins/podtopologyspread.
//!
//! The functions over whole clusters here are the plain form; the scheduler's cache keeps the same sums up to date.

use super::taint_toleration::{keeps_off, untolerated};
use crate::api::labels::{Requirement, Selector};
use crate::scheduler::framework::{MAX_SCORE, NodeInfo, Placed, Plugin, PodInfo, Reason, Refusal};
use k8s_openapi::api::core::v1::PodSpec;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The label of a node's name, whose domains are single nodes.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// One constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// By how much a domain may exceed the emptiest.
    pub max_skew: i64,
    /// The label that names a node's domain.
    pub topology_key: Arc<str>,
    /// The pods that count.
    pub selector: Selector,
    /// With fewer domains the emptiest counts as empty.
    pub min_domains: i64,
    /// Leave out nodes that the pod's selector or affinity does not admit.
    pub honor_affinity: bool,
    /// Leave out nodes with taints that the pod does not tolerate.
    pub honor_taints: bool,
}

impl Constraint {
    /// A pod's own constraints: the hard ones and the soft ones.
    pub fn read(spec: &PodSpec, labels: &BTreeMap<String, String>) -> (Vec<Constraint>, Vec<Constraint>) {
        let (mut hard, mut soft) = (vec![], vec![]);
        for c in spec.topology_spread_constraints.iter().flatten() {
            // A selector that cannot be read selects nothing; the API server lets none through.
            let selector = Selector::from_typed(c.label_selector.as_ref()).unwrap_or(Selector::Nothing);
            let more: Vec<Requirement> = c
                .match_label_keys
                .iter()
                .flatten()
                .filter_map(|k| Requirement::new(k, "in", &[labels.get(k)?]).ok())
                .collect();
            let constraint = Constraint {
                max_skew: i64::from(c.max_skew),
                topology_key: c.topology_key.as_str().into(),
                selector: also(selector, more),
                min_domains: i64::from(c.min_domains.unwrap_or(1)),
                honor_affinity: c.node_affinity_policy.as_deref() != Some("Ignore"),
                honor_taints: c.node_taints_policy.as_deref() == Some("Honor"),
            };
            if c.when_unsatisfiable == "DoNotSchedule" { &mut hard } else { &mut soft }.push(constraint);
        }
        (hard, soft)
    }

    /// The system's defaults for pods that `selector` finds: softly over hosts and zones.
    pub fn system_defaults(selector: &Selector) -> Vec<Constraint> {
        [(HOSTNAME, 3), (ZONE, 5)]
            .map(|(key, max_skew)| Constraint {
                max_skew,
                topology_key: key.into(),
                selector: selector.clone(),
                min_domains: 1,
                honor_affinity: true,
                honor_taints: false,
            })
            .into()
    }

    /// Does a pod with these labels count? A selector of everything counts nothing.
    pub fn counts(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.selector.is_empty() && self.selector.matches(labels)
    }

    /// Does the node take part for this pod?
    pub fn includes(&self, pod: &PodInfo, node: &NodeInfo) -> bool {
        (!self.honor_affinity || pod.node_rules.admit(&node.spec.labels, &node.name))
            && (!self.honor_taints || untolerated(&node.spec.taints, &pod.tolerations, keeps_off).is_none())
    }
}

/// `selector` and more requirements.
fn also(selector: Selector, more: Vec<Requirement>) -> Selector {
    match selector {
        Selector::Nothing => Selector::Nothing,
        all if more.is_empty() => all,
        all => Selector::from_requirements(all.requirements().iter().cloned().chain(more)),
    }
}

/// The selector by which default spreading finds a pod's peers: all Services that select the pod and its controller's
/// selector together. `None`: nothing to spread from. Models helper.DefaultSelector.
pub fn default_selector<'a>(
    pod: &PodInfo,
    services: impl Iterator<Item = &'a BTreeMap<String, String>>,
    controller: Option<&Selector>,
) -> Option<Selector> {
    let mut merged: BTreeMap<&str, &str> = BTreeMap::new();
    for selector in services {
        if !selector.is_empty() && selector.iter().all(|(k, v)| pod.labels.get(k) == Some(v)) {
            merged.extend(selector.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        }
    }
    let selector = Selector::from_map(merged);
    let own = controller.map_or(&[][..], |s| s.requirements());
    let all = also(selector, own.to_vec());
    (!all.is_empty()).then_some(all)
}

/// Does the node bear every topology label?
pub fn has_all_keys(node: &NodeInfo, constraints: &[Constraint]) -> bool {
    constraints.iter().all(|c| node.spec.labels.contains_key(&*c.topology_key))
}

/// Pods that count, by domain, a map for each constraint; every domain of a node that takes part is there.
pub fn domains(
    pod: &PodInfo,
    constraints: &[Constraint],
    nodes: &[&NodeInfo],
    placed: &[Placed],
    all_keys: bool,
) -> Vec<BTreeMap<String, i64>> {
    let mut maps = vec![BTreeMap::new(); constraints.len()];
    for (n, node) in nodes.iter().enumerate() {
        if all_keys && !has_all_keys(node, constraints) {
            continue;
        }
        for (c, map) in constraints.iter().zip(&mut maps).filter(|(c, _)| c.includes(pod, node)) {
            let value = node.spec.labels.get(&*c.topology_key).cloned().unwrap_or_default();
            *map.entry(value).or_insert(0) += count(pod, c, placed, n);
        }
    }
    maps
}

fn count(pod: &PodInfo, c: &Constraint, placed: &[Placed], node: usize) -> i64 {
    let counts = |p: &&Placed| p.node == node && !p.terminating && p.pod.namespace == pod.namespace;
    placed.iter().filter(counts).filter(|p| c.counts(&p.pod.labels)).count() as i64
}

/// The emptiest domain as the filter sees it.
pub fn emptiest(c: &Constraint, domains: usize, min: Option<i64>) -> i64 {
    if (domains as i64) < c.min_domains { 0 } else { min.unwrap_or(0) }
}

/// Would the node's domain, having `count`, stay within the skew?
pub fn within_skew(c: &Constraint, pod: &PodInfo, count: i64, emptiest: i64) -> bool {
    let own = i64::from(c.selector.matches(&pod.labels));
    count + own - emptiest <= c.max_skew
}

/// Does the node meet the hard constraints, given the counts by [`domains`]?
pub fn filter(pod: &PodInfo, node: &NodeInfo, domains: &[BTreeMap<String, i64>]) -> Option<Refusal> {
    for (c, map) in pod.hard_spread.iter().zip(domains) {
        let Some(value) = node.spec.labels.get(&*c.topology_key) else {
            return Some(Refusal::new(Plugin::PodTopologySpread, false, Reason::SpreadMissingLabel));
        };
        let emptiest = emptiest(c, map.len(), map.values().min().copied());
        if !within_skew(c, pod, map.get(value).copied().unwrap_or(0), emptiest) {
            return Some(Refusal::new(Plugin::PodTopologySpread, true, Reason::Spread));
        }
    }
    None
}

/// How much a pod in a domain counts when there are so many domains. (A logarithm in software: every platform must
/// come to the same bits.)
pub fn weight(domains: usize) -> f64 {
    libm::log((domains + 2) as f64)
}

/// What a constraint adds to a node's raw score.
pub fn part(count: i64, c: &Constraint, weight: f64) -> f64 {
    count as f64 * weight + (c.max_skew - 1) as f64
}

/// A sum of parts (never negative) as a whole number, halves up.
pub fn rounded(score: f64) -> i64 {
    let whole = score as i64;
    if score - whole as f64 >= 0.5 { whole + 1 } else { whole }
}

/// A raw score scaled, given the smallest and largest of the nodes that take part: few peers are good.
pub fn normalize(score: i64, min: i64, max: i64) -> i64 {
    if max == 0 { MAX_SCORE } else { MAX_SCORE * (max + min - score) / max }
}

/// The scaled scores of the nodes `feasible` (indexes) by soft constraints. `all_keys`: nodes that lack a topology
/// label score 0 (all but the system's defaults).
pub fn scores(
    pod: &PodInfo,
    constraints: &[Constraint],
    nodes: &[&NodeInfo],
    feasible: &[usize],
    placed: &[Placed],
    all_keys: bool,
) -> Vec<i64> {
    let takes_part = |n: usize| !all_keys || has_all_keys(nodes[n], constraints);
    let taking: Vec<usize> = feasible.iter().copied().filter(|n| takes_part(*n)).collect();
    let sums = domains(pod, constraints, nodes, placed, all_keys);
    let weights: Vec<f64> = constraints
        .iter()
        .map(|c| {
            let label = |n: &usize| nodes[*n].spec.labels.get(&*c.topology_key);
            weight(match &*c.topology_key {
                HOSTNAME => taking.len(),
                _ => taking.iter().map(label).collect::<BTreeSet<_>>().len(),
            })
        })
        .collect();
    let raw = |n: usize| {
        let mut score = 0.0;
        for ((c, sum), weight) in constraints.iter().zip(&sums).zip(&weights) {
            let Some(value) = nodes[n].spec.labels.get(&*c.topology_key) else { continue };
            let count = match &*c.topology_key {
                HOSTNAME => count(pod, c, placed, n),
                _ => sum.get(value).copied().unwrap_or(0),
            };
            score += part(count, c, *weight);
        }
        rounded(score)
    };
    let raws: Vec<Option<i64>> = feasible.iter().map(|n| takes_part(*n).then(|| raw(*n))).collect();
    let min = raws.iter().flatten().min().copied().unwrap_or(0);
    let max = raws.iter().flatten().max().copied().unwrap_or(0);
    raws.into_iter().map(|s| s.map_or(0, |s| normalize(s, min, max))).collect()
}
