//! Nodes on which CPU and memory stay used in like parts are better. Models plugins/noderesources
//! balanced_allocation.go.

use crate::scheduler::framework::{NodeInfo, PodInfo};
use smallvec::SmallVec;

/// The resources that count by default.
pub const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// Whether the pod asks for none of the resources, so that the plugin takes no part.
pub fn skips(pod: &PodInfo, resources: &[&str]) -> bool {
    resources.iter().all(|r| pod.requests.get(r).unwrap_or(0) == 0)
}

/// How even the fractions are: 100 for equal ones.
fn evenness(fractions: &[f64]) -> i64 {
    let deviation = match fractions {
        [a, b] => ((a - b) / 2.0).abs(),
        [] | [_] => 0.0,
        many => {
            let n = many.len() as f64;
            let mean = many.iter().sum::<f64>() / n;
            (many.iter().map(|f| (f - mean) * (f - mean)).sum::<f64>() / n).sqrt()
        }
    };
    ((1.0 - deviation) * 100.0) as i64
}

fn fraction(requested: i64, capacity: i64) -> f64 {
    (requested as f64 / capacity as f64).min(1.0)
}

/// 50 to 100: by how much the pod makes the node more even, 75 for no change.
pub fn score_by(pod: &PodInfo, node: &NodeInfo, resources: &[&str]) -> i64 {
    let mut with: SmallVec<[f64; 2]> = SmallVec::new();
    let mut without: SmallVec<[f64; 2]> = SmallVec::new();
    for name in resources {
        let capacity = node.spec.allocatable.get(name).unwrap_or(0);
        let wants = pod.requests.get(name).unwrap_or(0);
        if capacity == 0 || wants == 0 && crate::scheduler::resources::is_scalar(name) {
            continue;
        }
        let used = node.requested.get(name).unwrap_or(0);
        with.push(fraction(used.saturating_add(wants), capacity));
        without.push(fraction(used, capacity));
    }
    50 + (50 + evenness(&with) - evenness(&without)) / 2
}

/// The default score over CPU and memory.
pub fn score(pod: &PodInfo, node: &NodeInfo) -> i64 {
    score_by(pod, node, &RESOURCES)
}
