//! What a page is told: strings and numbers, never Kubernetes types.

pub mod model;
