//! What the scheduler reads of pods and nodes, and how it says no.
//!
//! A [`PodInfo`] is computed once from a typed pod and shared by all pods that differ in nothing the scheduler looks
//! at; a [`NodeInfo`] is a node with the sums of what runs there. Both are plain data. Models pkg/scheduler/framework.

use super::plugins::inter_pod_affinity::AffinityTerms;
use super::plugins::node_affinity::NodeRules;
use super::plugins::node_ports::{HostPort, host_ports};
use super::plugins::pod_topology_spread::Constraint;
use super::plugins::taint_toleration::{Taint, Toleration};
use super::resources::{Resources, pod_requests};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The plugins, in the order in which filters run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plugin {
    /// Cordoned nodes.
    NodeUnschedulable,
    /// `spec.nodeName`.
    NodeName,
    /// Taints and tolerations.
    TaintToleration,
    /// Node selector and node affinity.
    NodeAffinity,
    /// Host ports.
    NodePorts,
    /// Free resources; scores by what is left.
    NodeResourcesFit,
    /// Claims that only one pod may have.
    VolumeRestrictions,
    /// Claims that are bound or can be.
    VolumeBinding,
    /// Volumes of another part of the cluster.
    VolumeZone,
    /// Spread over topology domains.
    PodTopologySpread,
    /// Pods that want or shun each other.
    InterPodAffinity,
    /// Scores by balance of CPU and memory.
    NodeResourcesBalancedAllocation,
    /// Scores by images that are there already.
    ImageLocality,
    /// Gates that hold a pod back before any node is looked at.
    SchedulingGates,
}

impl Plugin {
    /// The name upstream gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Plugin::NodeUnschedulable => "NodeUnschedulable",
            Plugin::NodeName => "NodeName",
            Plugin::TaintToleration => "TaintToleration",
            Plugin::NodeAffinity => "NodeAffinity",
            Plugin::NodePorts => "NodePorts",
            Plugin::NodeResourcesFit => "NodeResourcesFit",
            Plugin::VolumeRestrictions => "VolumeRestrictions",
            Plugin::VolumeBinding => "VolumeBinding",
            Plugin::VolumeZone => "VolumeZone",
            Plugin::PodTopologySpread => "PodTopologySpread",
            Plugin::InterPodAffinity => "InterPodAffinity",
            Plugin::NodeResourcesBalancedAllocation => "NodeResourcesBalancedAllocation",
            Plugin::ImageLocality => "ImageLocality",
            Plugin::SchedulingGates => "SchedulingGates",
        }
    }

    /// How much its normalised score (0–100) counts; 0 for plugins that only filter.
    pub const fn weight(self) -> i64 {
        match self {
            Plugin::TaintToleration => 3,
            Plugin::NodeAffinity | Plugin::PodTopologySpread | Plugin::InterPodAffinity => 2,
            Plugin::NodeResourcesFit | Plugin::NodeResourcesBalancedAllocation | Plugin::ImageLocality => 1,
            _ => 0,
        }
    }
}

/// The plugins that score, in the order in which they are shown.
pub const SCORERS: [Plugin; 7] = [
    Plugin::TaintToleration,
    Plugin::NodeAffinity,
    Plugin::PodTopologySpread,
    Plugin::InterPodAffinity,
    Plugin::NodeResourcesFit,
    Plugin::NodeResourcesBalancedAllocation,
    Plugin::ImageLocality,
];

/// The best normalised score.
pub const MAX_SCORE: i64 = 100;

/// What a plugin answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The pod may go there.
    Success,
    /// The plugin could not judge.
    Error,
    /// Not now; it could once other pods are gone.
    Unschedulable,
    /// Not as long as pod and node stay as they are.
    UnschedulableAndUnresolvable,
    /// The plugin takes no part for this pod.
    Skip,
}

/// Why a node was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Cordoned.
    NodeUnschedulable,
    /// Another node is asked for by name.
    NodeName,
    /// A taint is not tolerated.
    Taint,
    /// Selector or affinity does not match.
    NodeAffinity,
    /// The affinity's field rules contradict each other.
    NodeAffinityConflict,
    /// A plugin narrowed the search to other nodes (names of the plugins).
    NotCandidate(&'static str),
    /// A host port is taken.
    Ports,
    /// The node's number of pods is reached.
    TooManyPods,
    /// Too little of a resource is left.
    Insufficient(Arc<str>),
    /// The spread would become too uneven.
    Spread,
    /// The node lacks a topology label.
    SpreadMissingLabel,
    /// No pod the pod wants to be near.
    PodAffinity,
    /// A pod there the pod shuns.
    PodAntiAffinity,
    /// A pod there shuns the pod.
    ExistingAntiAffinity,
    /// A volume cannot be used there.
    VolumeNode,
    /// No volume there, and none can be made.
    VolumeBind,
    /// A claim's volume is gone.
    VolumeGone,
    /// A volume is of another zone.
    VolumeZone,
    /// A claim is another pod's alone.
    VolumeTaken,
    /// A text of another plugin.
    Other(Arc<str>),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NodeUnschedulable => "node(s) were unschedulable",
            Reason::NodeName => "node(s) didn't match the requested node name",
            Reason::Taint => "node(s) had untolerated taint(s)",
            Reason::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Reason::NodeAffinityConflict => "pod affinity terms conflict",
            Reason::NotCandidate(plugin) => return write!(f, "node(s) didn't satisfy plugin(s) [{plugin}]"),
            Reason::Ports => "node(s) didn't have free ports for the requested pod ports",
            Reason::TooManyPods => "Too many pods",
            Reason::Insufficient(name) => return write!(f, "Insufficient {name}"),
            Reason::Spread => "node(s) didn't match pod topology spread constraints",
            Reason::SpreadMissingLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)"
            }
            Reason::PodAffinity => "node(s) didn't match pod affinity rules",
            Reason::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Reason::ExistingAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
            Reason::VolumeNode => "node(s) didn't match PersistentVolume's node affinity",
            Reason::VolumeBind => "node(s) didn't find available persistent volumes to bind",
            Reason::VolumeGone => "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            Reason::VolumeZone => "node(s) had no available volume zone",
            Reason::VolumeTaken => {
                "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
            }
            Reason::Other(text) => text,
        })
    }
}

/// A filter's no: which plugin, how final, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// Who refuses.
    pub plugin: Plugin,
    /// Whether removing pods from the node could help.
    pub resolvable: bool,
    /// Why; resources can give several reasons.
    pub reasons: SmallVec<[Reason; 1]>,
}

impl Refusal {
    /// A refusal with one reason.
    pub fn new(plugin: Plugin, resolvable: bool, reason: Reason) -> Self {
        Refusal { plugin, resolvable, reasons: smallvec::smallvec![reason] }
    }

    /// The code upstream gives such an answer.
    pub fn code(&self) -> Code {
        if self.resolvable { Code::Unschedulable } else { Code::UnschedulableAndUnresolvable }
    }
}

/// The controller of a pod, by which default spreading finds the pods to spread from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// `ReplicaSet`, `StatefulSet`, `ReplicationController` …
    pub kind: String,
    /// Its name, in the pod's namespace.
    pub name: String,
}

/// Everything the plugins read of a pod.
#[derive(Clone, Debug, Default)]
pub struct PodInfo {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's labels.
    pub labels: BTreeMap<String, String>,
    /// Its controller.
    pub owner: Option<Owner>,
    /// The sum of its requests.
    pub requests: Resources,
    /// CPU in scoring, thousandths (a container without a request counts 100).
    pub nonzero_cpu: i64,
    /// Memory in scoring, bytes (a container without a request counts 200 MiB).
    pub nonzero_memory: i64,
    /// Ports it takes on its node.
    pub ports: Vec<HostPort>,
    /// Taints it stands.
    pub tolerations: Vec<Toleration>,
    /// Selector and affinity to nodes.
    pub node_rules: NodeRules,
    /// Spread constraints that a node must meet.
    pub hard_spread: Vec<Constraint>,
    /// Spread constraints that score.
    pub soft_spread: Vec<Constraint>,
    /// Whether the pod brings no spread constraints, so that the defaults apply.
    pub default_spread: bool,
    /// Affinity and anti-affinity to pods.
    pub affinity: AffinityTerms,
    /// The node named in the spec.
    pub node_name: Option<String>,
    /// Names of the gates that hold it back.
    pub gates: Vec<String>,
    /// Priority; higher goes first.
    pub priority: i32,
    /// Whether it may make others go (`preemptionPolicy` is not `Never`).
    pub may_preempt: bool,
    /// Normalised names of the images of all containers and image volumes, with repeats.
    pub images: Vec<Arc<str>>,
    /// How many containers it has.
    pub containers: usize,
    /// Claims its volumes name.
    pub claims: Vec<String>,
    /// Whether some of them are the pod's own, made for it alone.
    pub brings_claims: bool,
    /// The scheduler it asks for.
    pub scheduler_name: String,
}

impl PodInfo {
    /// Reads a typed pod.
    pub fn new(pod: &Pod) -> PodInfo {
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        PodInfo::in_namespace(pod, namespace)
    }

    /// Reads a typed pod as one of this namespace, whatever it says itself.
    pub fn in_namespace(pod: &Pod, namespace: String) -> PodInfo {
        let empty = PodSpec::default();
        PodInfo::of(&pod.metadata, pod.spec.as_ref().unwrap_or(&empty), namespace)
    }

    fn of(meta: &ObjectMeta, spec: &PodSpec, namespace: String) -> PodInfo {
        let labels = meta.labels.clone().unwrap_or_default();
        let owner = meta
            .owner_references
            .iter()
            .flatten()
            .find(|o| o.controller == Some(true))
            .map(|o| Owner { kind: o.kind.clone(), name: o.name.clone() });
        let nonzero = Resources::from_amounts(&pod_requests(spec, true));
        let (hard_spread, soft_spread) = Constraint::read(spec, &labels);
        let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
        let volumes = || spec.volumes.iter().flatten();
        PodInfo {
            requests: Resources::from_amounts(&pod_requests(spec, false)),
            nonzero_cpu: nonzero.cpu,
            nonzero_memory: nonzero.memory,
            ports: host_ports(spec),
            tolerations: spec.tolerations.iter().flatten().map(Toleration::from).collect(),
            node_rules: NodeRules::new(spec),
            hard_spread,
            soft_spread,
            default_spread: spec.topology_spread_constraints.as_ref().is_none_or(Vec::is_empty),
            affinity: AffinityTerms::new(spec, &namespace),
            node_name: spec.node_name.clone().filter(|n| !n.is_empty()),
            gates: spec.scheduling_gates.iter().flatten().map(|g| g.name.clone()).collect(),
            priority: spec.priority.unwrap_or(0),
            may_preempt: spec.preemption_policy.as_deref() != Some("Never"),
            images: containers()
                .filter_map(|c| c.image.as_deref())
                .chain(volumes().filter_map(|v| v.image.as_ref()?.reference.as_deref()))
                .map(|i| super::plugins::image_locality::normalized_name(i).into())
                .collect(),
            containers: containers().count(),
            claims: volumes()
                .filter_map(|v| match (&v.persistent_volume_claim, &v.ephemeral) {
                    (Some(c), _) => Some(c.claim_name.clone()),
                    (None, Some(_)) => Some(format!("{}-{}", meta.name.as_deref().unwrap_or_default(), v.name)),
                    _ => None,
                })
                .collect(),
            brings_claims: volumes().any(|v| v.ephemeral.is_some()),
            scheduler_name: spec.scheduler_name.clone().unwrap_or_else(|| "default-scheduler".into()),
            namespace,
            labels,
            owner,
        }
    }

    /// Whether any affinity or anti-affinity to pods is asked for.
    pub fn has_affinity(&self) -> bool {
        !self.affinity.is_empty()
    }
}

/// A node and the sums of what runs there.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    /// Its name.
    pub name: Arc<str>,
    /// What the node is, apart from what runs there.
    pub spec: Arc<NodeSpec>,
    /// The sum of the pods' requests.
    pub requested: Resources,
    /// The sum of the pods' CPU as scoring counts it, thousandths.
    pub nonzero_cpu: i64,
    /// The sum of the pods' memory as scoring counts it, bytes.
    pub nonzero_memory: i64,
    /// How many pods stand there.
    pub pods: i64,
    /// Ports the pods take; one entry a port and pod.
    pub ports: Vec<HostPort>,
}

/// What a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSpec {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Cordoned.
    pub unschedulable: bool,
    /// What pods may use.
    pub allocatable: Resources,
    /// How many pods it takes.
    pub max_pods: i64,
    /// Size in bytes of each image there, by name.
    pub images: BTreeMap<Arc<str>, i64>,
}

impl NodeSpec {
    /// Reads a typed node.
    pub fn new(node: &Node) -> NodeSpec {
        let spec = node.spec.as_ref();
        let status = node.status.as_ref();
        let (allocatable, max_pods) = Resources::from_list(status.and_then(|s| s.allocatable.as_ref()));
        let mut images = BTreeMap::new();
        for image in status.and_then(|s| s.images.as_ref()).into_iter().flatten() {
            for name in image.names.iter().flatten() {
                images.insert(Arc::from(name.as_str()), image.size_bytes.unwrap_or(0));
            }
        }
        NodeSpec {
            labels: node.metadata.labels.clone().unwrap_or_default(),
            taints: spec.and_then(|s| s.taints.as_ref()).into_iter().flatten().map(Taint::from).collect(),
            unschedulable: spec.and_then(|s| s.unschedulable).unwrap_or(false),
            allocatable,
            max_pods,
            images,
        }
    }
}

impl NodeInfo {
    /// An empty node.
    pub fn new(node: &Node) -> NodeInfo {
        NodeInfo {
            name: node.metadata.name.as_deref().unwrap_or_default().into(),
            spec: Arc::new(NodeSpec::new(node)),
            ..NodeInfo::default()
        }
    }

    /// Counts a pod in (`sign` 1) or out (-1).
    pub fn account(&mut self, pod: &PodInfo, sign: i64) {
        self.requested.add(&pod.requests, sign);
        self.nonzero_cpu = super::resources::counted(self.nonzero_cpu, pod.nonzero_cpu, sign);
        self.nonzero_memory = super::resources::counted(self.nonzero_memory, pod.nonzero_memory, sign);
        self.pods += sign;
        for port in &pod.ports {
            if sign > 0 {
                self.ports.push(port.clone());
            } else if let Some(i) = self.ports.iter().position(|p| p == port) {
                self.ports.swap_remove(i);
            }
        }
    }
}

/// Scales scores so that the largest is 100, or, `reversed`, the smallest. Models DefaultNormalizeScore.
pub fn normalize(scores: &mut [i64], reversed: bool) {
    let max = scores.iter().copied().max().unwrap_or(0);
    for s in scores {
        *s = normalized(*s, max, reversed);
    }
}

/// One score of [`normalize`], given the largest.
pub fn normalized(score: i64, max: i64, reversed: bool) -> i64 {
    if max == 0 {
        return if reversed { MAX_SCORE } else { score };
    }
    let s = MAX_SCORE * score / max;
    if reversed { MAX_SCORE - s } else { s }
}

/// A pod that stands on a node, for the plain forms of the plugins.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// What it is.
    pub pod: &'a PodInfo,
    /// The index of its node in the list at hand.
    pub node: usize,
    /// Whether it is being deleted.
    pub terminating: bool,
}
