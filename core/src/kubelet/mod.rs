//! The kubelets: what runs on nodes.

pub mod component;

pub use component::{KubeletEvent, Kubelets};
