//! A pod that names its node may go nowhere else. Models plugins/nodename.

use crate::scheduler::framework::{NodeInfo, Plugin, PodInfo, Reason, Refusal};

/// Is it the node the pod asks for, if it asks for one?
pub fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    let other = pod.node_name.as_deref().is_some_and(|n| *n != *node.name);
    other.then(|| Refusal::new(Plugin::NodeName, false, Reason::NodeName))
}
