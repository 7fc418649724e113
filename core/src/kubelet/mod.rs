//! The kubelets: what runs on nodes. Invariant: a kubelet changes objects only through the API server, and learns of
//! changes only through its watch; a running pod that nothing happens to costs nothing. Must not know controllers or the
//! scheduler.
//!
//! [`phase`], [`conditions`], [`statuses`], [`backoff`], [`probe`], [`plan`] and [`needs`] are pure; [`usage`] works out what
//! containers use, [`pressure`] who goes when a node runs out of it; [`component`] is the kubelets
//! of all nodes, [`simple`] the fast way for plain servers, [`pod_worker`] the life of any other pod, [`recorded`] the
//! player of the conformance recordings, [`resize`] what becomes of pods that get other
//! amounts, [`reconnect`] what becomes of nodes that reach nobody, [`own_api`] the API server as containers reach it.

mod admission;
mod around;
mod asked;
pub mod backoff;
pub mod component;
pub mod conditions;
mod content;
pub mod crowd;
pub mod environment;
mod ephemeral;
mod faults;
mod grpc;
mod interventions;
mod memory;
pub mod needs;
pub mod node_status;
mod own_api;
pub mod phase;
pub mod plan;
mod pod_worker;
pub mod pressure;
pub mod probe;
mod probing;
mod publish;
mod reconnect;
pub mod recorded;
mod resize;
mod run;
mod scrape;
pub mod servers;
mod simple;
mod site;
mod starting;
pub mod statuses;
pub mod streams;
mod turn;
pub mod usage;
mod user;

pub use component::{KubeletEvent, Kubelets};
pub use publish::ExecResult;

#[cfg(test)]
mod tests;
