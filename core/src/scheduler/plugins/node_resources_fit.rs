//! Free resources: a pod fits where its requests are still free, and goes rather where more (or, with the other
//! strategy, less) is free. Models plugins/noderesources fit.go, least_allocated.go, most_allocated.go.

use crate::scheduler::framework::{MAX_SCORE, NodeInfo, NodeSpec, Plugin, PodInfo, Reason, Refusal};
use crate::scheduler::resources::{is_extended, is_scalar};
use smallvec::SmallVec;
use std::sync::Arc;

/// A resource of which too little is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Its name; `pods` for the number of pods.
    pub resource: Arc<str>,
    /// What the pod asks for.
    pub requested: i64,
    /// What other pods have.
    pub used: i64,
    /// What the node has.
    pub capacity: i64,
}

impl Shortage {
    /// Whether even the empty node has too little.
    pub fn hopeless(&self) -> bool {
        self.requested > self.capacity
    }

    /// The reason people read.
    pub fn reason(&self) -> Reason {
        if &*self.resource == "pods" { Reason::TooManyPods } else { Reason::Insufficient(self.resource.clone()) }
    }
}

/// Resources of which the node has too little left for the pod. `ignored` names vendors' resources that do not count.
pub fn shortages(pod: &PodInfo, node: &NodeInfo, ignored: impl Fn(&str) -> bool) -> SmallVec<[Shortage; 2]> {
    let mut list = SmallVec::new();
    let has = &node.spec.allocatable;
    if node.pods + 1 > node.spec.max_pods {
        list.push(Shortage { resource: "pods".into(), requested: 1, used: node.pods, capacity: node.spec.max_pods });
    }
    let mut check = |resource: &dyn Fn() -> Arc<str>, requested: i64, used: i64, capacity: i64| {
        if requested > 0 && requested > capacity.saturating_sub(used) {
            list.push(Shortage { resource: resource(), requested, used, capacity });
        }
    };
    let wants = &pod.requests;
    check(&|| "cpu".into(), wants.cpu, node.requested.cpu, has.cpu);
    check(&|| "memory".into(), wants.memory, node.requested.memory, has.memory);
    check(&|| "ephemeral-storage".into(), wants.ephemeral, node.requested.ephemeral, has.ephemeral);
    for (name, n) in &wants.scalar {
        if is_extended(name) && ignored(name) {
            continue;
        }
        let of = |r: &crate::scheduler::resources::Resources| r.scalar.get(name).copied().unwrap_or(0);
        check(&|| name.clone(), *n, of(&node.requested), of(has));
    }
    list
}

/// Is enough of everything left? A request beyond the whole node makes the refusal final.
pub fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    let list = shortages(pod, node, |_| false);
    if list.is_empty() {
        return None;
    }
    Some(Refusal {
        plugin: Plugin::NodeResourcesFit,
        // One pod too many is never hopeless: the number of pods shrinks with every pod that goes.
        resolvable: !list.iter().any(|s| &*s.resource != "pods" && s.hopeless()),
        reasons: list.iter().map(Shortage::reason).collect(),
    })
}

/// Which nodes are the better ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Those with more left: the default.
    LeastAllocated,
    /// Those with less left.
    MostAllocated,
}

/// Score of one resource by how much of it would be given away.
pub fn resource_score(strategy: Strategy, requested: i64, capacity: i64) -> i64 {
    if capacity == 0 {
        return 0;
    }
    match strategy {
        Strategy::LeastAllocated if requested > capacity => 0,
        Strategy::LeastAllocated => share(capacity.saturating_sub(requested), capacity),
        Strategy::MostAllocated => share(requested.min(capacity), capacity),
    }
}

fn share(part: i64, whole: i64) -> i64 {
    part.checked_mul(MAX_SCORE)
        .map_or_else(|| (i128::from(part) * i128::from(MAX_SCORE) / i128::from(whole)) as i64, |p| p / whole)
}

/// What the node has of a resource and what would be given away with the pod on it, as scoring counts; `None` if the
/// resource does not count for this pod and node.
fn allocation(pod: &PodInfo, node: &NodeInfo, resource: &str) -> Option<(i64, i64)> {
    let has = &node.spec.allocatable;
    let (capacity, requested) = match resource {
        "cpu" => (has.cpu, node.nonzero_cpu.saturating_add(pod.nonzero_cpu)),
        "memory" => (has.memory, node.nonzero_memory.saturating_add(pod.nonzero_memory)),
        name => {
            let wants = pod.requests.get(name).unwrap_or(0);
            if wants == 0 && is_scalar(name) {
                return None;
            }
            (has.get(name)?, node.requested.get(name).unwrap_or(0).saturating_add(wants))
        }
    };
    (capacity != 0).then_some((capacity, requested))
}

/// The weighted mean over resources (name, weight).
pub fn score_by(strategy: Strategy, pod: &PodInfo, node: &NodeInfo, resources: &[(&str, i64)]) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for (name, weight) in resources {
        if let Some((capacity, requested)) = allocation(pod, node, name) {
            sum += resource_score(strategy, requested, capacity) * weight;
            weights += weight;
        }
    }
    if weights == 0 { 0 } else { sum / weights }
}

/// The default score: LeastAllocated over CPU and memory.
pub fn score(pod: &PodInfo, node: &NodeInfo) -> i64 {
    least_allocated(
        &node.spec,
        node.nonzero_cpu.saturating_add(pod.nonzero_cpu),
        node.nonzero_memory.saturating_add(pod.nonzero_memory),
    )
}

/// LeastAllocated of a node of which so much CPU and memory would be given away.
pub fn least_allocated(node: &NodeSpec, cpu: i64, memory: i64) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for (requested, capacity) in [(cpu, node.allocatable.cpu), (memory, node.allocatable.memory)] {
        if capacity != 0 {
            sum += resource_score(Strategy::LeastAllocated, requested, capacity);
            weights += 1;
        }
    }
    if weights == 0 { 0 } else { sum / weights }
}
