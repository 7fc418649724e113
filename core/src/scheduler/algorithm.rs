//! One scheduling decision: which nodes a pod may go to, how good they are, and which it is.
//!
//! Models pkg/scheduler schedule_one.go. A node's verdict is a small number here ([`code`]), so that thousands of
//! nodes cost microseconds; texts are made only for people. The same verdicts and scores, spelled out for every node,
//! are what [`Cluster::explain`] gives.

use super::cache::{Cluster, Failure, FitCell, NONE, Spread, Topology, VerdictCell};
use super::framework::{MAX_SCORE, NodeInfo, Plugin, PodInfo, Reason, Refusal, SCORERS, normalized};
use super::plugins::pod_topology_spread::{self, HOSTNAME};
use super::plugins::volume_binding::Needs;
use super::plugins::{
    balanced_allocation, image_locality, inter_pod_affinity, node_affinity, node_name, node_ports, node_resources_fit,
    node_unschedulable, taint_toleration,
};
use super::social::Social;
use crate::rng::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many feasible nodes end the search among `all`; `percentage` 0 adapts to the cluster's size. Models
/// numFeasibleNodesToFind.
pub fn nodes_to_find(all: usize, percentage: usize) -> usize {
    const MIN_NODES: usize = 100;
    if all < MIN_NODES {
        return all;
    }
    let percentage = if percentage == 0 { 50usize.saturating_sub(all / 125).max(5) } else { percentage };
    (all * percentage / 100).max(MIN_NODES)
}

/// Verdicts as numbers.
pub(super) mod code {
    /// The pod may go there.
    pub const OK: u16 = 0;
    pub const UNSCHEDULABLE: u16 = 1;
    pub const NAME: u16 = 2;
    pub const TAINT: u16 = 3;
    pub const AFFINITY: u16 = 4;
    pub const PORTS: u16 = 5;
    pub const SPREAD: u16 = 6;
    pub const SPREAD_LABEL: u16 = 7;
    pub const NEAR: u16 = 8;
    pub const FAR: u16 = 9;
    pub const SHUNNED: u16 = 10;
    pub const NOT_CANDIDATE: u16 = 11;
    pub const VOLUME_TAKEN: u16 = 12;
    pub const VOLUME_BIND: u16 = 13;
    pub const VOLUME_NODE: u16 = 14;
    pub const VOLUME_GONE: u16 = 15;
    pub const VOLUME_ZONE: u16 = 16;
    /// Resources are short: the low bits say which, see [`super::SHORT`].
    pub const SHORT: u16 = 0x40;
    /// Resources are short for good.
    pub const HOPELESS: u16 = 0x20;
    /// How many codes there are.
    pub const COUNT: usize = 0x80;

    /// Whether a refusal could end once pods on the node are gone.
    pub fn resolvable(c: u16) -> bool {
        matches!(c, PORTS | SPREAD | FAR | SHUNNED | VOLUME_TAKEN) || c & SHORT != 0 && c & HOPELESS == 0
    }
}

/// Bits of a shortage.
const SHORT: [(u16, Shortage); 5] =
    [(1, Shortage::Pods), (2, Shortage::Cpu), (4, Shortage::Memory), (8, Shortage::Ephemeral), (16, Shortage::Scalar)];

#[derive(Clone, Copy, PartialEq)]
enum Shortage {
    Pods,
    Cpu,
    Memory,
    Ephemeral,
    Scalar,
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The pod goes to this node; how many nodes were looked at and how many would have done.
    Node {
        /// The node.
        name: Arc<str>,
        /// Nodes looked at.
        evaluated: usize,
        /// Nodes that would have done.
        feasible: usize,
    },
    /// There is no node at all.
    NoNodes,
    /// No node will do.
    Unschedulable(Arc<Failure>),
}

/// What one node says of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeVerdict {
    /// The node.
    pub node: Arc<str>,
    /// The filter that refused it, and why.
    pub refusal: Option<Refusal>,
    /// Scores by plugin, scaled to 0–100 and not yet weighted; empty where the node was refused.
    pub scores: Vec<(Plugin, i64)>,
    /// The weighted sum.
    pub total: i64,
}

/// Everything about one pod's decision that is the same for all nodes.
struct Cycle {
    info: Arc<PodInfo>,
    verdicts: Option<usize>,
    fits: usize,
    volumes: Option<Needs>,
    hard: Option<Hard>,
    social: Option<Social>,
}

struct Hard {
    spread: Arc<Spread>,
    emptiest: Vec<i64>,
}

/// A node that will do, and its raw scores that are remembered.
struct Feasible {
    node: u32,
    affinity: i32,
    soft_taints: u16,
    least: u8,
    balanced: u8,
}

/// Weights in the order of [`SCORERS`].
const WEIGHTS: [i64; SCORERS.len()] = {
    let mut weights = [0; SCORERS.len()];
    let mut i = 0;
    while i < SCORERS.len() {
        weights[i] = SCORERS[i].weight();
        i += 1;
    }
    weights
};

/// Scaled scores of one feasible node, in the order of [`SCORERS`].
type Scores = [i64; SCORERS.len()];

impl Cluster {
    /// Decides where a pod of this group goes. Neither places it nor remembers anything but where the next search
    /// begins.
    pub fn schedule(&mut self, group: u32, rng: &mut Rng) -> Outcome {
        self.refresh_order();
        let all = self.order.len();
        if all == 0 {
            return Outcome::NoNodes;
        }
        if let Some((version, failure)) = &self.groups[group as usize].memory.failure
            && *version == self.version
        {
            return Outcome::Unschedulable(failure.clone());
        }
        Arc::make_mut(&mut self.groups[group as usize]).asked += 1;
        let info = self.info(group).clone();
        let named = match info.node_rules.named_nodes() {
            Ok(named) => named,
            Err(refusal) => {
                let failure = Failure {
                    nodes: all,
                    before: refusal.reasons.first().map(ToString::to_string),
                    plugins: [Plugin::NodeAffinity].into(),
                    ..Failure::default()
                };
                return Outcome::Unschedulable(Arc::new(failure));
            }
        };
        let candidates: Arc<Vec<u32>> = match &named {
            None => self.order.clone(),
            Some(names) => {
                let slot = |n: &u32| names.contains(&*self.nodes[*n as usize].name);
                Arc::new(self.order.iter().copied().filter(slot).collect())
            }
        };
        let cycle = self.cycle(group, info.clone(), named.is_none());
        let wanted = nodes_to_find(candidates.len(), 0);
        let start = if candidates.is_empty() { 0 } else { self.next_start % candidates.len() };
        let mut refused = [0u32; code::COUNT];
        let count = |_, c: u16| refused[c as usize] += 1;
        let (feasible, looked_at) = self.search(&cycle, &candidates[start..], &candidates[..start], wanted, count);
        self.next_start = (self.next_start + looked_at) % all;
        match feasible.as_slice() {
            [] => {
                refused[code::NOT_CANDIDATE as usize] += (all - candidates.len()) as u32;
                let failure = Arc::new(self.failure(&cycle, &candidates, &refused));
                let version = self.version;
                Arc::make_mut(&mut self.groups[group as usize]).memory.failure = Some((version, failure.clone()));
                Outcome::Unschedulable(failure)
            }
            [one] => {
                Outcome::Node { name: self.nodes[one.node as usize].name.clone(), evaluated: looked_at, feasible: 1 }
            }
            many => {
                let mut best: Vec<u32> = vec![];
                let mut most = i64::MIN;
                let mut i = 0;
                self.score(group, &cycle, many, |total, _| {
                    if total > most {
                        most = total;
                        best.clear();
                    }
                    if total == most {
                        best.push(many[i].node);
                    }
                    i += 1;
                });
                let pick = if best.len() == 1 { 0 } else { rng.below(best.len() as u32) as usize };
                let name = self.nodes[best[pick] as usize].name.clone();
                Outcome::Node { name, evaluated: looked_at, feasible: many.len() }
            }
        }
    }

    /// What every node says of a pod of this group, as things stand, in the order of their names. Scores are over all
    /// feasible nodes, not over a sample of them.
    pub fn explain(&self, group: u32) -> Vec<NodeVerdict> {
        let mut picture = self.clone();
        picture.refresh_order();
        let info = picture.info(group).clone();
        let whatever_node = match picture.claims_problem(group) {
            _ if !info.gates.is_empty() => Some((Plugin::SchedulingGates, super::component::GATED.to_owned())),
            Some(text) => Some((Plugin::VolumeBinding, text)),
            None => None,
        };
        if let Some((plugin, text)) = whatever_node {
            let refusal = Refusal::new(plugin, false, Reason::Other(text.into()));
            let names = picture.order.iter().map(|n| picture.nodes[*n as usize].name.clone());
            let mut table: Vec<NodeVerdict> = names
                .map(|node| NodeVerdict { node, refusal: Some(refusal.clone()), scores: vec![], total: 0 })
                .collect();
            table.sort_by(|a, b| a.node.cmp(&b.node));
            return table;
        }
        let named = info.node_rules.named_nodes();
        let cycle = picture.cycle(group, info.clone(), true);
        let order = picture.order.clone();
        let candidates: Vec<u32> = match &named {
            Err(_) => vec![],
            Ok(None) => order.to_vec(),
            Ok(Some(names)) => {
                order.iter().copied().filter(|n| names.contains(&*picture.nodes[*n as usize].name)).collect()
            }
        };
        let mut codes = BTreeMap::new();
        let note = |n, c| {
            codes.insert(n, c);
        };
        let (feasible, _) = picture.search(&cycle, &candidates, &[], usize::MAX, note);
        let mut table = vec![];
        for n in order.iter() {
            let refusal = match (&named, codes.get(n)) {
                (Err(refusal), _) => Some(refusal.clone()),
                (_, c) => picture.refusal(&cycle, *n, c.copied().unwrap_or(code::NOT_CANDIDATE)),
            };
            let node = picture.nodes[*n as usize].name.clone();
            table.push(NodeVerdict { node, refusal, scores: vec![], total: 0 });
        }
        let mut scored = vec![];
        picture.score(group, &cycle, &feasible, |total, scores| scored.push((total, *scores)));
        let open = table.iter_mut().filter(|v| v.refusal.is_none());
        for (verdict, (total, scores)) in open.zip(scored) {
            verdict.total = total;
            verdict.scores = SCORERS.into_iter().zip(scores).collect();
        }
        table.sort_by(|a, b| a.node.cmp(&b.node));
        table
    }

    /// Whether a node would take a pod of this group, as things stand.
    pub fn passes(&mut self, group: u32, node: &str) -> bool {
        self.slot_of(node).is_some() && self.refusal_on(group, node).is_none()
    }

    /// Why a node would not take a pod of this group; `None` for one that would or does not exist.
    pub(super) fn refusal_on(&mut self, group: u32, node: &str) -> Option<Refusal> {
        let n = self.slot_of(node)?;
        let info = self.info(group).clone();
        let named = match info.node_rules.named_nodes() {
            Err(refusal) => return Some(refusal),
            Ok(named) => named,
        };
        let cycle = self.cycle(group, info.clone(), named.is_none());
        if named.is_some_and(|names| !names.contains(node)) {
            return self.refusal(&cycle, n, code::NOT_CANDIDATE);
        }
        let mut verdict = code::OK;
        self.search(&cycle, &[n], &[], 1, |_, c| verdict = c);
        self.refusal(&cycle, n, verdict)
    }

    /// Every node with its verdict on pods of this group.
    pub(super) fn codes(&mut self, group: u32) -> Vec<(u32, u16)> {
        self.refresh_order();
        let info = self.info(group).clone();
        let named = info.node_rules.named_nodes();
        let cycle = self.cycle(group, info.clone(), matches!(named, Ok(None)));
        let order = self.order.clone();
        let mut codes = vec![];
        self.search(&cycle, &order, &[], usize::MAX, |n, c| codes.push((n, c)));
        for (n, c) in &mut codes {
            let candidate = match &named {
                Err(_) => false,
                Ok(names) => names.as_ref().is_none_or(|names| names.contains(&*self.nodes[*n as usize].name)),
            };
            if !candidate {
                *c = code::NOT_CANDIDATE;
            }
        }
        codes
    }

    fn cycle(&mut self, group: u32, info: Arc<PodInfo>, remember: bool) -> Cycle {
        let verdicts = remember.then(|| self.verdicts_of(group) as usize);
        let fits = self.fits_of(group) as usize;
        let nodes = self.nodes.len();
        if let Some(v) = verdicts
            && self.verdicts[v].cells.len() < nodes
        {
            Arc::make_mut(&mut self.verdicts[v]).cells.resize(nodes, VerdictCell::default());
        }
        if self.fits[fits].cells.len() < nodes {
            Arc::make_mut(&mut self.fits[fits]).cells.resize(nodes, FitCell::default());
        }
        let hard = if info.hard_spread.is_empty() { None } else { self.spread(group, true) };
        let hard = hard.map(|spread| {
            let emptiest = spread
                .constraints
                .iter()
                .enumerate()
                .map(|(i, c)| {
                    let used = spread.sums[i].iter().zip(&spread.members[i]).filter(|(_, m)| **m > 0);
                    let domains = used.clone().count();
                    pod_topology_spread::emptiest(c, domains, used.map(|(s, _)| i64::from(*s)).min())
                })
                .collect();
            Hard { spread, emptiest }
        });
        let social = self.social(group);
        let volumes = self.volume_needs(&info);
        Cycle { info, verdicts, fits, volumes, hard, social }
    }

    /// Looks at nodes, first those of `first`, then those of `then`, until `wanted` are found that will do: these and
    /// how many were looked at. `each` is told every verdict.
    fn search(
        &mut self,
        cycle: &Cycle,
        first: &[u32],
        then: &[u32],
        wanted: usize,
        mut each: impl FnMut(u32, u16),
    ) -> (Vec<Feasible>, usize) {
        let Cluster { nodes, node_generation, load_generation, verdicts, fits, topologies, .. } = self;
        let (nodes, topologies) = (&nodes[..], &topologies[..]);
        let (node_generation, load_generation) = (&node_generation[..], &load_generation[..]);
        let mut own = vec![];
        let verdicts = match cycle.verdicts {
            Some(v) => &mut Arc::make_mut(&mut verdicts[v]).cells[..],
            None => {
                own.resize(nodes.len(), VerdictCell::default());
                &mut own[..]
            }
        };
        let fits = &mut Arc::make_mut(&mut fits[cycle.fits]).cells[..];
        let pod = &*cycle.info;
        let ports = !pod.ports.is_empty();
        let mut feasible = Vec::with_capacity(wanted.min(first.len() + then.len()));
        let mut looked_at = 0;
        for n in first.iter().chain(then) {
            looked_at += 1;
            let at = *n as usize;
            if verdicts[at].generation != node_generation[at] {
                verdicts[at] = verdict(pod, &nodes[at], node_generation[at]);
            }
            let verdict = verdicts[at];
            if verdict.code != code::OK {
                each(*n, verdict.code);
                continue;
            }
            if ports && node_ports::filter(pod, &nodes[at]).is_some() {
                each(*n, code::PORTS);
                continue;
            }
            if fits[at].generation != load_generation[at] {
                fits[at] = fit(pod, &nodes[at], load_generation[at]);
            }
            let fit = fits[at];
            let mut c = fit.code;
            if c == code::OK
                && let Some(needs) = &cycle.volumes
            {
                c = needs.code(&nodes[at]);
            }
            if c == code::OK {
                c = cycle.sums(at, topologies);
            }
            each(*n, c);
            if c == code::OK {
                let VerdictCell { soft_taints, affinity, .. } = verdict;
                let FitCell { least, balanced, .. } = fit;
                feasible.push(Feasible { node: *n, soft_taints, affinity, least, balanced });
                if feasible.len() >= wanted {
                    break;
                }
            }
        }
        (feasible, looked_at)
    }

    /// A verdict as people read it.
    fn refusal(&self, cycle: &Cycle, n: u32, c: u16) -> Option<Refusal> {
        let one = |plugin, resolvable, reason| Some(Refusal::new(plugin, resolvable, reason));
        match c {
            code::OK => None,
            code::UNSCHEDULABLE => one(Plugin::NodeUnschedulable, false, Reason::NodeUnschedulable),
            code::NAME => one(Plugin::NodeName, false, Reason::NodeName),
            code::TAINT => one(Plugin::TaintToleration, false, Reason::Taint),
            code::AFFINITY => one(Plugin::NodeAffinity, false, Reason::NodeAffinity),
            code::PORTS => one(Plugin::NodePorts, true, Reason::Ports),
            code::SPREAD => one(Plugin::PodTopologySpread, true, Reason::Spread),
            code::SPREAD_LABEL => one(Plugin::PodTopologySpread, false, Reason::SpreadMissingLabel),
            code::NEAR => one(Plugin::InterPodAffinity, false, Reason::PodAffinity),
            code::FAR => one(Plugin::InterPodAffinity, true, Reason::PodAntiAffinity),
            code::SHUNNED => one(Plugin::InterPodAffinity, true, Reason::ExistingAntiAffinity),
            code::VOLUME_TAKEN => one(Plugin::VolumeRestrictions, true, Reason::VolumeTaken),
            code::VOLUME_BIND => one(Plugin::VolumeBinding, false, Reason::VolumeBind),
            code::VOLUME_NODE => one(Plugin::VolumeBinding, false, Reason::VolumeNode),
            code::VOLUME_GONE => one(Plugin::VolumeBinding, false, Reason::VolumeGone),
            code::VOLUME_ZONE => one(Plugin::VolumeZone, false, Reason::VolumeZone),
            code::NOT_CANDIDATE => one(Plugin::NodeAffinity, false, Reason::NotCandidate(Plugin::NodeAffinity.name())),
            _ => node_resources_fit::filter(&cycle.info, &self.nodes[n as usize]),
        }
    }

    fn failure(&mut self, cycle: &Cycle, candidates: &[u32], refused: &[u32; code::COUNT]) -> Failure {
        let mut failure = Failure { nodes: self.order.len(), ..Failure::default() };
        let scalars = !cycle.info.requests.scalar.is_empty();
        for (c, count) in refused.iter().enumerate().filter(|(_, n)| **n > 0) {
            let (c, count) = (c as u16, *count as usize);
            if c >= code::HOPELESS {
                failure.plugins.insert(Plugin::NodeResourcesFit);
                failure.resolvable += if c & code::HOPELESS == 0 { count } else { 0 };
                for (bit, what) in SHORT.iter().filter(|(bit, _)| c & bit != 0) {
                    let reason = match what {
                        Shortage::Pods => Reason::TooManyPods,
                        Shortage::Cpu => Reason::Insufficient("cpu".into()),
                        Shortage::Memory => Reason::Insufficient("memory".into()),
                        Shortage::Ephemeral => Reason::Insufficient("ephemeral-storage".into()),
                        Shortage::Scalar => continue,
                    };
                    let _ = bit;
                    *failure.reasons.entry(reason).or_default() += count;
                }
            } else if let Some(r) = self.refusal(cycle, 0, c) {
                failure.plugins.insert(r.plugin);
                failure.resolvable += if r.resolvable { count } else { 0 };
                for reason in r.reasons {
                    *failure.reasons.entry(reason).or_default() += count;
                }
            }
        }
        if scalars {
            // The numbers do not say which of the other resources is short.
            let mut codes = BTreeMap::new();
            self.search(cycle, candidates, &[], usize::MAX, |n, c| {
                codes.insert(n, c);
            });
            for n in candidates {
                if codes.get(n).is_some_and(|c| *c >= code::HOPELESS && c & 16 != 0) {
                    for s in node_resources_fit::shortages(&cycle.info, &self.nodes[*n as usize], |_| false) {
                        if cycle.info.requests.scalar.contains_key(&s.resource) {
                            *failure.reasons.entry(s.reason()).or_default() += 1;
                        }
                    }
                }
            }
        }
        failure
    }

    /// Gives each feasible node's weighted total and scaled scores, in their order.
    fn score(&mut self, group: u32, cycle: &Cycle, feasible: &[Feasible], mut each: impl FnMut(i64, &Scores)) {
        let spread = self.spread(group, false).map(|s| self.soft_scores(&s, feasible));
        let social = cycle.social.as_ref().filter(|s| s.scores()).map(|s| {
            let raw: Vec<i64> = feasible.iter().map(|f| s.raw_score(f.node as usize, &self.topologies)).collect();
            let (min, max) = bounds(raw.iter().copied());
            (raw, min, max)
        });
        let taints = feasible.iter().map(|f| i64::from(f.soft_taints)).max().unwrap_or(0);
        let affinity = feasible.iter().map(|f| i64::from(f.affinity)).max().unwrap_or(0);
        let images: Vec<_> = cycle.info.images.iter().map(|i| self.image(i)).filter(|i| i.having > 0).collect();
        let all = self.order.len();
        // Nodes differ little in the images they have: what one node scored, the next one scores most often too.
        let mut image = (vec![0; images.len()], image_locality::score(0, cycle.info.containers));
        let balances = !balanced_allocation::skips(&cycle.info, &balanced_allocation::RESOURCES);
        for (i, f) in feasible.iter().enumerate() {
            let at = f.node as usize;
            if images.iter().zip(&image.0).any(|(s, last)| s.on_node[at] != *last) {
                images.iter().zip(&mut image.0).for_each(|(s, last)| *last = s.on_node[at]);
                let parts = images.iter().map(|s| image_locality::image_part(s.on_node[at], s.having, all));
                image.1 = image_locality::score(parts.sum(), cycle.info.containers);
            }
            let scores: Scores = [
                normalized(i64::from(f.soft_taints), taints, true),
                normalized(i64::from(f.affinity), affinity, false),
                spread.as_ref().map_or(0, |s| s[i]),
                social.as_ref().map_or(0, |(raw, min, max)| inter_pod_affinity::normalize(raw[i], *min, *max)),
                i64::from(f.least),
                if balances { i64::from(f.balanced) } else { 0 },
                image.1,
            ];
            let total = scores.iter().zip(WEIGHTS).map(|(s, w)| s * w).sum();
            each(total, &scores);
        }
    }

    /// Scaled scores of soft spread.
    fn soft_scores(&self, s: &Spread, feasible: &[Feasible]) -> Vec<i64> {
        let topologies: Vec<_> = s.topologies.iter().map(|t| &*self.topologies[*t as usize]).collect();
        let takes_part = |n: usize| !s.all_keys || topologies.iter().all(|t| t.domain[n] != NONE);
        let taking =
            if s.all_keys { feasible.iter().filter(|f| takes_part(f.node as usize)).count() } else { feasible.len() };
        struct Part<'a> {
            domain: &'a [u32],
            sums: Option<&'a [u32]>,
            on_node: &'a [u32],
            weight: f64,
            skew: f64,
        }
        let mut parts = vec![];
        for (i, c) in s.constraints.iter().enumerate() {
            let host = &*c.topology_key == HOSTNAME;
            let domains = if host {
                taking
            } else {
                let mut seen = vec![false; topologies[i].len() + 1];
                for f in feasible.iter().filter(|f| takes_part(f.node as usize)) {
                    let d = topologies[i].domain[f.node as usize];
                    let d = if d == NONE { topologies[i].len() } else { d as usize };
                    seen[d] = true;
                }
                seen.iter().filter(|s| **s).count()
            };
            parts.push(Part {
                domain: &topologies[i].domain,
                sums: (!host).then_some(&*s.sums[i]),
                on_node: &self.counters[s.counters[i] as usize].on_node,
                weight: pod_topology_spread::weight(domains),
                skew: (c.max_skew - 1) as f64,
            });
        }
        let raw = |n: u32| {
            let at = n as usize;
            if !takes_part(at) {
                return None;
            }
            let mut score = 0.0;
            for p in parts.iter().filter(|p| p.domain[at] != NONE) {
                let count = match p.sums {
                    None => p.on_node[at],
                    Some(sums) => sums.get(p.domain[at] as usize).copied().unwrap_or(0),
                };
                score += f64::from(count) * p.weight + p.skew;
            }
            Some(pod_topology_spread::rounded(score))
        };
        let mut scores: Vec<i64> = feasible.iter().map(|f| raw(f.node).unwrap_or(i64::MIN)).collect();
        let (min, max) = bounds(scores.iter().copied().filter(|s| *s != i64::MIN));
        // Raw scores repeat: there are few different ones.
        let mut last = (min, pod_topology_spread::normalize(min, min, max));
        for s in &mut scores {
            if *s == i64::MIN {
                *s = 0;
                continue;
            }
            if *s != last.0 {
                last = (*s, pod_topology_spread::normalize(*s, min, max));
            }
            *s = last.1;
        }
        scores
    }
}

impl Cycle {
    /// The verdict of the filters that look at sums over many nodes.
    #[inline]
    fn sums(&self, at: usize, topologies: &[Arc<Topology>]) -> u16 {
        if let Some(hard) = &self.hard {
            for (i, c) in hard.spread.constraints.iter().enumerate() {
                let domain = topologies[hard.spread.topologies[i] as usize].domain[at];
                if domain == NONE {
                    return code::SPREAD_LABEL;
                }
                let count = hard.spread.sums[i].get(domain as usize).copied().unwrap_or(0);
                if !pod_topology_spread::within_skew(c, &self.info, i64::from(count), hard.emptiest[i]) {
                    return code::SPREAD;
                }
            }
        }
        self.social.as_ref().map_or(code::OK, |s| s.code(at, topologies))
    }
}

/// What the filters and scores that depend on no pod say of a node.
fn verdict(pod: &PodInfo, node: &NodeInfo, generation: u32) -> VerdictCell {
    let code = if node_unschedulable::filter(pod, node).is_some() {
        code::UNSCHEDULABLE
    } else if node_name::filter(pod, node).is_some() {
        code::NAME
    } else if taint_toleration::filter(pod, node).is_some() {
        code::TAINT
    } else if node_affinity::filter(pod, node).is_some() {
        code::AFFINITY
    } else {
        code::OK
    };
    VerdictCell {
        generation,
        code,
        soft_taints: taint_toleration::score(pod, node).min(i64::from(u16::MAX)) as u16,
        affinity: node_affinity::score(pod, node).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
    }
}

/// What the resource plugins say of a node.
fn fit(pod: &PodInfo, node: &NodeInfo, generation: u32) -> FitCell {
    FitCell {
        generation,
        code: shortage(pod, node),
        least: node_resources_fit::score(pod, node) as u8,
        balanced: balanced_allocation::score(pod, node) as u8,
    }
}

/// Smallest and largest; zeros of nothing.
fn bounds(scores: impl Iterator<Item = i64>) -> (i64, i64) {
    let (min, max) = scores.fold((i64::MAX, i64::MIN), |(min, max), s| (min.min(s), max.max(s)));
    if min > max { (0, 0) } else { (min, max) }
}

/// Which resources are short, as a number.
fn shortage(pod: &PodInfo, node: &NodeInfo) -> u16 {
    let (wants, has, used) = (&pod.requests, &node.spec.allocatable, &node.requested);
    let mut bits = 0;
    let mut hopeless = false;
    if node.pods + 1 > node.spec.max_pods {
        bits |= 1;
    }
    let mut check = |bit, wants: i64, has: i64, used: i64| {
        if wants > 0 && wants > has - used {
            bits |= bit;
            hopeless |= wants > has;
        }
    };
    check(2, wants.cpu, has.cpu, used.cpu);
    check(4, wants.memory, has.memory, used.memory);
    check(8, wants.ephemeral, has.ephemeral, used.ephemeral);
    for (name, n) in &wants.scalar {
        let of = |r: &super::resources::Resources| r.scalar.get(name).copied().unwrap_or(0);
        check(16, *n, of(has), of(used));
    }
    match bits {
        0 => code::OK,
        bits if hopeless => bits | code::SHORT | code::HOPELESS,
        bits => bits | code::SHORT,
    }
}

/// The best total there can be.
pub const MAX_TOTAL: i64 = MAX_SCORE * 12;

/// Counts refusals by reason, for people who want to know more than the message says.
pub fn histogram(table: &[NodeVerdict]) -> BTreeMap<Reason, usize> {
    let mut counts = BTreeMap::new();
    for reason in table.iter().filter_map(|v| v.refusal.as_ref()).flat_map(|r| &r.reasons) {
        *counts.entry(reason.clone()).or_default() += 1;
    }
    counts
}
