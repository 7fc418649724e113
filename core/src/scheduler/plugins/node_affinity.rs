//! Node selectors and affinity to nodes, required and preferred. Models plugins/nodeaffinity and component-helpers.

use crate::api::error::FieldError;
use crate::api::labels::Requirement;
use crate::scheduler::framework::{NodeInfo, Plugin, PodInfo, Reason, Refusal, normalized};
use k8s_openapi::api::core::v1;
use std::collections::{BTreeMap, BTreeSet};

/// A condition on the node's name (`matchFields` knows no other field).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// The field; only `metadata.name` ever matches anything.
    pub field: String,
    /// `In` or else `NotIn`.
    pub within: bool,
    /// The one value.
    pub value: String,
}

/// One term: all its rules must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Term {
    /// Rules on labels.
    pub labels: Vec<Requirement>,
    /// Rules on fields.
    pub fields: Vec<FieldRule>,
    /// Why the term cannot be read; such a term matches nothing.
    pub errors: Vec<String>,
}

impl Term {
    pub(crate) fn new(t: &v1::NodeSelectorTerm, path: &str) -> Term {
        let mut term = Term::default();
        for (i, e) in t.match_expressions.iter().flatten().enumerate() {
            let values: Vec<&str> = e.values.iter().flatten().map(String::as_str).collect();
            let operator = match e.operator.as_str() {
                "In" => "in",
                "NotIn" => "notin",
                "Exists" => "exists",
                "DoesNotExist" => "!",
                "Gt" => "gt",
                "Lt" => "lt",
                other => {
                    term.errors.push(format!("{path}.matchExpressions[{i}].operator: Unsupported value: {other:?}"));
                    continue;
                }
            };
            match Requirement::at(&format!("{path}.matchExpressions[{i}]"), &e.key, operator, &values) {
                Ok(r) => term.labels.push(r),
                Err(errors) => term.errors.extend(errors.iter().map(FieldError::to_string)),
            }
        }
        for (i, e) in t.match_fields.iter().flatten().enumerate() {
            match (e.operator.as_str(), e.values.as_deref()) {
                (operator @ ("In" | "NotIn"), Some([value])) => {
                    term.fields.push(FieldRule {
                        field: e.key.clone(),
                        within: operator == "In",
                        value: value.clone(),
                    });
                }
                _ => term.errors.push(format!("{path}.matchFields[{i}]: Invalid value")),
            }
        }
        term
    }

    /// A term without any rule matches nothing.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty() && self.errors.is_empty()
    }

    /// Do all rules hold for a node with these labels and this name?
    pub fn matches(&self, labels: &BTreeMap<String, String>, name: &str) -> bool {
        !self.is_empty()
            && self.errors.is_empty()
            && self.labels.iter().all(|r| r.matches(labels.get(r.key()).map(String::as_str)))
            && self.fields.iter().all(|f| {
                let value = if f.field == "metadata.name" { name } else { "" };
                (value == f.value) == f.within
            })
    }

    /// The one name the term admits, if its field rules name any; the empty set if they contradict each other.
    fn names(&self) -> Option<BTreeSet<&str>> {
        let mut names: Option<BTreeSet<&str>> = None;
        for f in self.fields.iter().filter(|f| f.field == "metadata.name" && f.within) {
            let one = BTreeSet::from([f.value.as_str()]);
            names = Some(names.map_or(one.clone(), |n| n.intersection(&one).copied().collect()));
        }
        names
    }
}

/// A pod's selector and affinity to nodes, compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRules {
    /// `spec.nodeSelector`.
    pub selector: BTreeMap<String, String>,
    /// Required terms: one must hold. `None`: not asked for.
    pub required: Option<Vec<Term>>,
    /// Preferred terms with their weights.
    pub preferred: Vec<(Term, i32)>,
}

impl NodeRules {
    /// Reads a pod's spec.
    pub fn new(spec: &v1::PodSpec) -> NodeRules {
        let affinity = spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
        let terms = |s: &v1::NodeSelector| {
            s.node_selector_terms.iter().enumerate().map(|(i, t)| Term::new(t, &format!("[{i}]"))).collect()
        };
        NodeRules {
            selector: spec.node_selector.clone().unwrap_or_default(),
            required: affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref()).map(terms),
            preferred: affinity
                .and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref())
                .into_iter()
                .flatten()
                .enumerate()
                .map(|(i, p)| (Term::new(&p.preference, &format!("[{i}]")), p.weight))
                .filter(|(term, weight)| *weight != 0 && !term.is_empty())
                .collect(),
        }
    }

    /// Do selector and required affinity admit a node with these labels and this name? Models GetRequiredNodeAffinity.
    pub fn admit(&self, labels: &BTreeMap<String, String>, name: &str) -> bool {
        self.selector.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self.required.as_ref().is_none_or(|terms| terms.iter().any(|t| t.matches(labels, name)))
    }

    /// Whether every node is admitted.
    pub fn admit_all(&self) -> bool {
        self.selector.is_empty() && self.required.is_none()
    }

    /// The nodes that the required terms name, if every term names some: no other node need be looked at. An error means
    /// that the rules contradict each other.
    pub fn named_nodes(&self) -> Result<Option<BTreeSet<&str>>, Refusal> {
        let Some(terms) = self.required.as_ref().filter(|t| !t.is_empty()) else { return Ok(None) };
        let mut all = BTreeSet::new();
        for term in terms {
            match term.names() {
                None => return Ok(None),
                Some(names) => all.extend(names),
            }
        }
        if all.is_empty() {
            return Err(Refusal::new(Plugin::NodeAffinity, false, Reason::NodeAffinityConflict));
        }
        Ok(Some(all))
    }

    /// Why the preferred terms cannot be read, if they cannot.
    pub fn preferred_error(&self) -> Option<String> {
        let errors: Vec<&str> = self.preferred.iter().flat_map(|(t, _)| &t.errors).map(String::as_str).collect();
        match errors.as_slice() {
            [] => None,
            [one] => Some((*one).into()),
            many => Some(format!("[{}]", many.join(", "))),
        }
    }
}

/// Does the node match selector and required affinity?
pub fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    let admitted = pod.node_rules.admit(&node.spec.labels, &node.name);
    (!admitted).then(|| Refusal::new(Plugin::NodeAffinity, false, Reason::NodeAffinity))
}

/// The sum of the weights of the preferred terms that hold.
pub fn score(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let holds = |t: &Term| t.matches(&node.spec.labels, &node.name);
    pod.node_rules.preferred.iter().filter(|(t, _)| holds(t)).map(|(_, w)| i64::from(*w)).sum()
}

/// One raw score scaled, given the largest.
pub fn normalize(score: i64, max: i64) -> i64 {
    normalized(score, max, false)
}
