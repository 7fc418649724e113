//! Cordoned nodes take only pods that tolerate it. Models plugins/nodeunschedulable.

use super::taint_toleration::{Effect, Taint};
use crate::scheduler::framework::{NodeInfo, Plugin, PodInfo, Reason, Refusal};

/// The taint that a cordoned node carries.
pub const TAINT: &str = "node.kubernetes.io/unschedulable";

/// Is the node open to the pod?
pub fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    if !node.spec.unschedulable {
        return None;
    }
    let taint = Taint { key: TAINT.into(), value: String::new(), effect: Effect::NoSchedule };
    let tolerated = pod.tolerations.iter().any(|t| t.tolerates(&taint));
    (!tolerated).then(|| Refusal::new(Plugin::NodeUnschedulable, false, Reason::NodeUnschedulable))
}
