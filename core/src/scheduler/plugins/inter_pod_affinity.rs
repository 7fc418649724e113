//! Pods that want to be near other pods or far from them. Models plugins/interpodaffinity.
//!
//! The functions over whole clusters here are the plain form; the scheduler's cache evaluates the same rules by
//! groups of equal pods.

use crate::api::labels::Selector;
use crate::scheduler::framework::{MAX_SCORE, NodeInfo, Placed, Plugin, PodInfo, Reason, Refusal};
use k8s_openapi::api::core::v1::{PodAffinityTerm, PodSpec, WeightedPodAffinityTerm};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What required affinity of a placed pod to the new one adds to a score.
pub const HARD_AFFINITY_WEIGHT: i64 = 1;

/// Labels of namespaces, which terms can select by.
pub type NamespaceLabels = imbl::OrdMap<String, Arc<BTreeMap<String, String>>>;

/// One term: which pods, and within which domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The pods.
    pub selector: Selector,
    /// Namespaces by name.
    pub namespaces: BTreeSet<String>,
    /// Namespaces by label.
    pub namespace_selector: Selector,
    /// The label that names a node's domain.
    pub topology_key: Arc<str>,
}

impl Term {
    fn new(t: &PodAffinityTerm, own_namespace: &str, errors: &mut Vec<String>) -> Term {
        let mut namespaces: BTreeSet<String> = t.namespaces.iter().flatten().cloned().collect();
        if namespaces.is_empty() && t.namespace_selector.is_none() {
            namespaces.insert(own_namespace.to_owned());
        }
        let mut read = |s: Option<&_>| {
            Selector::from_typed(s).unwrap_or_else(|e| {
                errors.push(e);
                Selector::Nothing
            })
        };
        Term {
            selector: read(t.label_selector.as_ref()),
            namespaces,
            namespace_selector: read(t.namespace_selector.as_ref()),
            topology_key: t.topology_key.as_str().into(),
        }
    }

    /// Does the term mean this pod?
    pub fn matches(&self, pod: &PodInfo, namespaces: &NamespaceLabels) -> bool {
        let here = self.namespaces.contains(&pod.namespace)
            || match namespaces.get(&pod.namespace) {
                Some(labels) => self.namespace_selector.matches(labels),
                None => self.namespace_selector.matches(&BTreeMap::new()),
            };
        here && self.selector.matches(&pod.labels)
    }
}

/// A pod's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AffinityTerms {
    /// Must be near.
    pub required: Vec<Term>,
    /// Must be far.
    pub required_anti: Vec<Term>,
    /// Would be near, by weight; far for negative weights.
    pub preferred: Vec<(Term, i64)>,
    /// Why a selector cannot be read (it selects nothing then).
    pub errors: Vec<String>,
}

impl AffinityTerms {
    /// Reads a pod's spec.
    pub fn new(spec: &PodSpec, namespace: &str) -> AffinityTerms {
        let Some(a) = &spec.affinity else { return AffinityTerms::default() };
        let (near, far) = (a.pod_affinity.as_ref(), a.pod_anti_affinity.as_ref());
        let mut errors = vec![];
        let mut terms = |list: Option<&Vec<PodAffinityTerm>>| -> Vec<Term> {
            list.into_iter().flatten().map(|t| Term::new(t, namespace, &mut errors)).collect()
        };
        let required = terms(near.and_then(|n| n.required_during_scheduling_ignored_during_execution.as_ref()));
        let required_anti = terms(far.and_then(|n| n.required_during_scheduling_ignored_during_execution.as_ref()));
        let mut weighted = |list: Option<&Vec<WeightedPodAffinityTerm>>, sign: i64| -> Vec<(Term, i64)> {
            let term = |t: &WeightedPodAffinityTerm| {
                (Term::new(&t.pod_affinity_term, namespace, &mut errors), sign * i64::from(t.weight))
            };
            list.into_iter().flatten().map(term).collect()
        };
        let mut preferred =
            weighted(near.and_then(|n| n.preferred_during_scheduling_ignored_during_execution.as_ref()), 1);
        preferred
            .extend(weighted(far.and_then(|n| n.preferred_during_scheduling_ignored_during_execution.as_ref()), -1));
        AffinityTerms { required, required_anti, preferred, errors }
    }

    /// Whether there is no term at all.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty() && self.required_anti.is_empty() && self.preferred.is_empty()
    }

    /// Does `pod` match every required term?
    pub fn all_required_match(&self, pod: &PodInfo, namespaces: &NamespaceLabels) -> bool {
        !self.required.is_empty() && self.required.iter().all(|t| t.matches(pod, namespaces))
    }
}

/// Numbers by topology key and the value a node bears for it.
pub type Pairs = BTreeMap<(Arc<str>, String), i64>;

fn add(pairs: &mut Pairs, term: &Term, node: &NodeInfo, n: i64) {
    if let Some(value) = node.spec.labels.get(&*term.topology_key) {
        *pairs.entry((term.topology_key.clone(), value.clone())).or_insert(0) += n;
    }
}

fn at(pairs: &Pairs, term: &Term, node: &NodeInfo) -> Option<i64> {
    let value = node.spec.labels.get(&*term.topology_key)?;
    Some(pairs.get(&(term.topology_key.clone(), value.clone())).copied().unwrap_or(0))
}

/// What the filter needs of the pods that are placed already.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterState {
    /// Placed pods that must be far from the new one.
    pub existing_anti: Pairs,
    /// Placed pods that the new one must be near (that match all its terms).
    pub near: Pairs,
    /// Placed pods that the new one must be far from.
    pub far: Pairs,
}

impl FilterState {
    /// Looks at every placed pod.
    pub fn new(pod: &PodInfo, nodes: &[&NodeInfo], placed: &[Placed], namespaces: &NamespaceLabels) -> Self {
        let mut state = FilterState::default();
        for p in placed {
            let node = nodes[p.node];
            for term in p.pod.affinity.required_anti.iter().filter(|t| t.matches(pod, namespaces)) {
                add(&mut state.existing_anti, term, node, 1);
            }
            if pod.affinity.all_required_match(p.pod, namespaces) {
                for term in &pod.affinity.required {
                    add(&mut state.near, term, node, 1);
                }
            }
            for term in pod.affinity.required_anti.iter().filter(|t| t.matches(p.pod, namespaces)) {
                add(&mut state.far, term, node, 1);
            }
        }
        state
    }

    /// Whether the plugin has nothing to say.
    pub fn skips(&self, pod: &PodInfo) -> bool {
        self.existing_anti.is_empty() && pod.affinity.required.is_empty() && pod.affinity.required_anti.is_empty()
    }
}

/// May the pod go there?
pub fn filter(pod: &PodInfo, node: &NodeInfo, s: &FilterState, namespaces: &NamespaceLabels) -> Option<Refusal> {
    let refuse = |resolvable, reason| Some(Refusal::new(Plugin::InterPodAffinity, resolvable, reason));
    let terms = &pod.affinity;
    let counts: Vec<Option<i64>> = terms.required.iter().map(|t| at(&s.near, t, node)).collect();
    if counts.contains(&None) {
        return refuse(false, Reason::PodAffinity);
    }
    // The first pod of a set that wants to be with its own kind may go anywhere.
    let first_of_its_kind = || s.near.is_empty() && terms.all_required_match(pod, namespaces);
    if counts.iter().any(|c| c.unwrap_or(0) <= 0) && !first_of_its_kind() {
        return refuse(false, Reason::PodAffinity);
    }
    if terms.required_anti.iter().any(|t| at(&s.far, t, node).unwrap_or(0) > 0) {
        return refuse(true, Reason::PodAntiAffinity);
    }
    let shunned = |(key, value): (&String, &String)| {
        s.existing_anti.get(&(Arc::from(key.as_str()), value.clone())).copied().unwrap_or(0) > 0
    };
    if !s.existing_anti.is_empty() && node.spec.labels.iter().any(shunned) {
        return refuse(true, Reason::ExistingAntiAffinity);
    }
    None
}

/// What the placed pods add to each domain's score; empty: the plugin takes no part.
pub fn score_pairs(
    pod: &PodInfo,
    nodes: &[&NodeInfo],
    placed: &[Placed],
    namespaces: &NamespaceLabels,
    hard_weight: i64,
) -> Pairs {
    let mut pairs = Pairs::new();
    for p in placed {
        let node = nodes[p.node];
        for (term, weight) in pod.affinity.preferred.iter().filter(|(t, _)| t.matches(p.pod, namespaces)) {
            add(&mut pairs, term, node, *weight);
        }
        for term in p.pod.affinity.required.iter().filter(|t| hard_weight != 0 && t.matches(pod, namespaces)) {
            add(&mut pairs, term, node, hard_weight);
        }
        for (term, weight) in p.pod.affinity.preferred.iter().filter(|(t, _)| t.matches(pod, namespaces)) {
            add(&mut pairs, term, node, *weight);
        }
    }
    pairs
}

/// A node's raw score.
pub fn raw_score(node: &NodeInfo, pairs: &Pairs) -> i64 {
    pairs.iter().filter(|((key, value), _)| node.spec.labels.get(&**key) == Some(value)).map(|(_, n)| n).sum()
}

/// A raw score scaled, given the smallest and the largest.
pub fn normalize(score: i64, min: i64, max: i64) -> i64 {
    if max > min { (MAX_SCORE as f64 * ((score - min) as f64 / (max - min) as f64)) as i64 } else { 0 }
}
