//! The kubelets: what runs on nodes. Invariant: a kubelet changes objects only through the API server, and learns of
//! changes only through its watch; a running pod that nothing happens to costs nothing. Must not know controllers or the
//! scheduler.
//!
//! [`phase`], [`conditions`], [`statuses`], [`backoff`] are arithmetic; [`component`] is the kubelets of all nodes.

pub mod backoff;
pub mod component;
pub mod conditions;
pub mod phase;
pub mod statuses;

pub use component::{KubeletEvent, Kubelets};
