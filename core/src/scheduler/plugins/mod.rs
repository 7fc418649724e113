//! The plugins, one a file, as pure functions of a [`PodInfo`](super::framework::PodInfo), a
//! [`NodeInfo`](super::framework::NodeInfo) and, where pods elsewhere count, sums over them. A filter answers `None` for
//! yes; a raw score is scaled by the plugin's own `normalize`. Models pkg/scheduler/framework/plugins. NodeVolumeLimits
//! has nothing to say: limits come with CSINode objects, and nodes without one take any number of volumes.

pub mod balanced_allocation;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources_fit;
pub mod node_unschedulable;
pub mod pod_topology_spread;
pub mod taint_toleration;
pub mod volume_binding;
