//! The scheduler: which node a pod gets. Models pkg/scheduler.
//!
//! Reading order: [`framework`] (what is read of pods and nodes, verdicts), [`resources`] (amounts), [`plugins`] (a
//! file each: filters and scores as pure functions), [`fit_error`] (what people are told when nothing fits).
//! Invariant: the outcome is a function of the cluster's state and the seeded stream alone. Nothing here writes to a
//! node or starts a pod: a decision becomes a binding through the API server.

pub mod algorithm;
pub mod cache;
pub mod component;
pub mod fit_error;
pub mod framework;
pub mod plugins;
pub mod preemption;
pub mod queue;
pub mod resources;
mod social;
#[cfg(test)]
mod tests;
pub mod volumes;

pub use component::{Scheduler, SchedulerEvent};
