//! Ports of the host can be taken once. Models plugins/nodeports.

use crate::scheduler::framework::{NodeInfo, Plugin, PodInfo, Reason, Refusal};
use crate::scheduler::resources::is_sidecar;
use k8s_openapi::api::core::v1::PodSpec;

/// A port of a node that a pod takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// The address; `0.0.0.0` is every address.
    pub ip: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The number.
    pub port: i32,
}

const ANY: &str = "0.0.0.0";

impl HostPort {
    /// Can the two not stand on one node?
    pub fn conflicts(&self, other: &HostPort) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip == ANY || other.ip == ANY)
    }
}

/// The host ports of a pod's containers and sidecars.
pub fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars = spec.init_containers.iter().flatten().filter(|c| is_sidecar(c));
    let or = |v: &Option<String>, default: &str| v.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| default.into());
    spec.containers
        .iter()
        .chain(sidecars)
        .flat_map(|c| c.ports.iter().flatten())
        .filter_map(|p| {
            let port = p.host_port.filter(|n| *n > 0)?;
            Some(HostPort { ip: or(&p.host_ip, ANY), protocol: or(&p.protocol, "TCP"), port })
        })
        .collect()
}

/// Are the pod's ports free there?
pub fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    let taken = pod.ports.iter().any(|p| node.ports.iter().any(|used| used.conflicts(p)));
    taken.then(|| Refusal::new(Plugin::NodePorts, true, Reason::Ports))
}
