//! Room for a pod at the cost of less important ones: which pods of which node would have to go.
//!
//! Models pkg/scheduler/framework/preemption and plugins/defaultpreemption. Decides only; who deletes is the caller.

use super::algorithm::code;
use super::cache::{Cluster, PodId};
use super::framework::Reason;
use crate::clock::SimTime;
use crate::rng::Rng;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// At least so many candidates are looked for, …
const MIN_CANDIDATES: usize = 100;
/// … or this part of the nodes in percent.
const CANDIDATES_PERCENT: usize = 10;

/// A pod that stands on a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Resident {
    /// The pod.
    pub pod: PodId,
    /// Its group.
    pub group: u32,
    /// Its priority.
    pub priority: i32,
    /// Since when it runs; now, if it does not yet.
    pub start: SimTime,
    /// Whether it is being deleted already.
    pub leaving: bool,
    /// The disruption budgets that pick it, by their places in the list of what they allow.
    pub budgets: SmallVec<[usize; 1]>,
    /// Whether its going would violate one of them.
    pub budgeted: bool,
}

impl Resident {
    /// The more important a pod, the smaller this.
    fn rank(&self) -> (Reverse<i32>, SimTime, PodId) {
        (Reverse(self.priority), self.start, self.pod)
    }
}

/// A node and the pods that would have to leave it, the most important first.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The node.
    pub node: Arc<str>,
    /// The pods that would have to go.
    pub victims: Vec<Resident>,
    /// How many of them violate a disruption budget.
    pub violations: usize,
}

/// The best of the candidates: fewest violations of disruption budgets, then the least important top victim, the
/// smallest sum of priorities, the fewest victims, and the top victims that started last. Models
/// pickOneNodeForPreemption.
pub fn best(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.iter().min_by_key(|c| {
        let top = c.victims.first().map_or(i32::MIN, |v| v.priority);
        // Each priority counts from the lowest there is, so that more victims never make a smaller sum.
        let sum: i64 = c.victims.iter().map(|v| i64::from(v.priority) + i64::from(i32::MAX) + 1).sum();
        let earliest = c.victims.iter().filter(|v| v.priority == top).map(|v| v.start).min();
        (c.violations, top, sum, c.victims.len(), Reverse(earliest))
    })
}

impl Cluster {
    /// Finds the best node to make room on for a pod of this group, or counts why each node is no help. `residents`
    /// lists the pods of a node, `allowed` what each disruption budget allows.
    pub fn preempt(
        &mut self,
        group: u32,
        allowed: &[i64],
        rng: &mut Rng,
        mut residents: impl FnMut(&mut Cluster, &str) -> Vec<Resident>,
    ) -> Result<Candidate, BTreeMap<String, usize>> {
        let priority = self.info(group).priority;
        let mut has_lower = vec![false; self.nodes.len()];
        for g in self.groups.iter().filter(|g| g.info.priority < priority) {
            g.placed.keys().for_each(|n| has_lower[*n as usize] = true);
        }
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        let mut helpful: Vec<u32> = vec![];
        for (node, c) in self.codes(group) {
            if code::resolvable(c) {
                helpful.push(node);
            } else {
                *reasons.entry("Preemption is not helpful for scheduling".to_owned()).or_default() += 1;
            }
        }
        let wanted = (helpful.len() * CANDIDATES_PERCENT / 100).max(MIN_CANDIDATES);
        let start = if helpful.is_empty() { 0 } else { rng.below(helpful.len() as u32) as usize };
        let mut candidates: Vec<Candidate> = vec![];
        for i in 0..helpful.len() {
            let at = helpful[(start + i) % helpful.len()] as usize;
            let node = self.nodes[at].name.clone();
            let mut lower = if has_lower[at] { residents(self, &node) } else { vec![] };
            lower.retain(|r| r.priority < priority);
            if lower.is_empty() {
                *reasons.entry("No preemption victims found for incoming pod".to_owned()).or_default() += 1;
                continue;
            }
            match self.victims(group, &node, lower, allowed) {
                Ok(c) => candidates.push(c),
                Err(why) => {
                    for reason in why {
                        *reasons.entry(reason.to_string()).or_default() += 1;
                    }
                }
            }
            if candidates.len() >= wanted {
                break;
            }
        }
        best(&candidates).cloned().ok_or(reasons)
    }

    /// Which of the less important pods of a node must go so that the pod fits: all go, then come back as far as there
    /// is room, those with a budget first. Everything is left as it was found.
    fn victims(
        &mut self,
        group: u32,
        node: &Arc<str>,
        mut lower: Vec<Resident>,
        allowed: &[i64],
    ) -> Result<Candidate, Vec<Reason>> {
        lower.sort_by_key(Resident::rank);
        let mut left = allowed.to_vec();
        for r in &mut lower {
            for b in &r.budgets {
                left[*b] -= 1;
                r.budgeted |= left[*b] < 0;
            }
        }
        for r in &lower {
            self.remove_pod(r.pod);
        }
        let mut outcome = Err(vec![]);
        if let Some(refusal) = self.refusal_on(group, node) {
            outcome = Err(refusal.reasons.to_vec());
        } else {
            let mut candidate = Candidate { node: node.clone(), victims: vec![], violations: 0 };
            let (budgeted, free): (Vec<&Resident>, Vec<&Resident>) = lower.iter().partition(|r| r.budgeted);
            for r in budgeted.into_iter().chain(free) {
                self.set_pod(r.pod, r.group, node, r.leaving);
                if !self.passes(group, node) {
                    self.remove_pod(r.pod);
                    candidate.violations += usize::from(r.budgeted);
                    candidate.victims.push(r.clone());
                }
            }
            candidate.victims.sort_by_key(Resident::rank);
            outcome = if candidate.victims.is_empty() { outcome } else { Ok(candidate) };
        }
        for r in &lower {
            self.set_pod(r.pod, r.group, node, r.leaving);
        }
        outcome
    }
}
