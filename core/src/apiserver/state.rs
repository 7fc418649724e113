//! The API server's own state: addresses and ports in use, and pod prototypes by template.

use crate::store::{Id, PodProto};
use imbl::{OrdMap, OrdSet};
use std::sync::Arc;

/// Plain state beside the store.
#[derive(Clone, Debug, Default)]
pub struct ServerState {
    /// Cluster addresses in use, as numbers.
    pub service_ips: OrdSet<u32>,
    /// Node ports in use.
    pub node_ports: OrdSet<u16>,
    /// Nodes whose kubelets have stopped sending heartbeats, with the moment of the last one.
    pub silent: OrdMap<Arc<str>, crate::clock::SimTime>,
    /// Prototypes by owner and its generation: admission, defaults and validation run once for a template.
    pub templates: OrdMap<Id, (u64, Arc<PodProto>)>,
    /// What CustomResourceDefinitions say, by their names.
    pub definitions: OrdMap<Arc<str>, Arc<super::crd::Definition>>,
    /// What is stored of admission policies.
    pub policies: Arc<super::admission::policies::Policies>,
    /// What the metrics server last scraped.
    pub metrics: super::metrics::Metrics,
}
