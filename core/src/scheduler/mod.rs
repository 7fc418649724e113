//! The scheduler: which node a pod gets.

pub mod component;

pub use component::{Scheduler, SchedulerEvent};
