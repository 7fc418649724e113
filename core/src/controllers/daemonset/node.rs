//! Where a DaemonSet's pods belong: which nodes fit, and how a pod is tied to its node. Pure.
//! Models NodeShouldRunDaemonPod and pkg/controller/daemon/util.

use crate::scheduler::plugins::node_affinity::NodeRules;
use crate::scheduler::plugins::taint_toleration::{self, Effect, Taint};
use crate::store::PodRecord;
use k8s_openapi::api::core::v1::{
    Affinity, Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, PodTemplateSpec,
    Toleration,
};
use std::collections::BTreeMap;

/// Taints that daemons stand, whatever their template says: key and effect.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// The field of a node that a pod's affinity names.
const NAME_FIELD: &str = "metadata.name";

/// Adds what every daemon tolerates.
pub fn add_tolerations(spec: &mut PodSpec) {
    let mut more = TOLERATED.to_vec();
    if spec.host_network == Some(true) {
        more.push(("node.kubernetes.io/network-unavailable", "NoSchedule"));
    }
    let list = spec.tolerations.get_or_insert_default();
    for (key, effect) in more {
        let new = Toleration {
            key: Some(key.into()),
            operator: Some("Exists".into()),
            effect: Some(effect.into()),
            ..Toleration::default()
        };
        let same = |t: &&mut Toleration| {
            t.key == new.key
                && t.effect == new.effect
                && t.operator == new.operator
                && t.value.as_deref().unwrap_or_default().is_empty()
        };
        match list.iter_mut().find(same) {
            Some(t) => *t = new,
            None => list.push(new),
        }
    }
}

/// Ties a pod to a node: required affinity to its name, in place of whatever terms there were.
pub fn pin(spec: &mut PodSpec, node: &str) {
    let rule =
        NodeSelectorRequirement { key: NAME_FIELD.into(), operator: "In".into(), values: Some(vec![node.into()]) };
    let term = NodeSelectorTerm { match_fields: Some(vec![rule]), ..NodeSelectorTerm::default() };
    let affinity: &mut Affinity = spec.affinity.get_or_insert_default();
    let affinity: &mut NodeAffinity = affinity.node_affinity.get_or_insert_default();
    affinity.required_during_scheduling_ignored_during_execution =
        Some(NodeSelector { node_selector_terms: vec![term] });
}

/// The node that a pod runs on or is tied to.
pub fn target(pod: &PodRecord) -> Option<&str> {
    if let Some(n) = &pod.node {
        return Some(n);
    }
    let affinity = pod.proto.pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    required.node_selector_terms.iter().find_map(|t| {
        let rule = t.match_fields.iter().flatten().find(|f| f.key == NAME_FIELD && f.operator == "In")?;
        match rule.values.as_deref() {
            Some([one]) => Some(one.as_str()),
            _ => None,
        }
    })
}

/// What a template asks of nodes, read once for all of them.
#[derive(Clone, Debug)]
pub struct Placement {
    node_name: Option<String>,
    rules: NodeRules,
    tolerations: Vec<taint_toleration::Toleration>,
}

/// What a node is to a DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// A pod belongs there.
    pub run: bool,
    /// A pod that is there may stay.
    pub stay: bool,
}

impl Placement {
    /// Reads a template.
    pub fn of(template: &PodTemplateSpec) -> Placement {
        let mut spec = template.spec.clone().unwrap_or_default();
        add_tolerations(&mut spec);
        Placement {
            node_name: spec.node_name.clone().filter(|n| !n.is_empty()),
            rules: NodeRules::new(&spec),
            tolerations: spec.tolerations.iter().flatten().map(Into::into).collect(),
        }
    }

    /// Judges a node. Resources and ports are not looked at: those are the scheduler's.
    pub fn fit(&self, node: &Node) -> Fit {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let empty = BTreeMap::new();
        if self.node_name.as_deref().is_some_and(|n| n != name)
            || !self.rules.admit(node.metadata.labels.as_ref().unwrap_or(&empty), name)
        {
            return Fit { run: false, stay: false };
        }
        let taints = node.spec.as_ref().and_then(|s| s.taints.as_deref()).unwrap_or_default();
        let taints: Vec<Taint> = taints.iter().map(Taint::from).collect();
        let stands =
            |which: fn(&Taint) -> bool| taint_toleration::untolerated(&taints, &self.tolerations, which).is_none();
        let run = stands(taint_toleration::keeps_off);
        Fit { run, stay: run || stands(|t| t.effect == Effect::NoExecute) }
    }
}
