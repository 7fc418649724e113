//! Kubarium's core: a whole Kubernetes cluster as one deterministic value.
//!
//! Reading order: [`clock`] and [`rng`] (time and chance), [`api`] (objects and their texts), [`store`] (tables and
//! the watch log), [`cel`] (rules and policies), [`apiserver`] (the only way to change an object), [`controllers`], [`scheduler`], [`kubelet`] with
//! [`runtime`] (what reacts), [`network`] (what carries requests), [`kubectl`] (what people type), [`world`] (all of it as one value), [`cluster`] (the
//! session around it: inputs, rewinding, links), [`view`] (what a page is told) and [`lesson`] (what is to be done in a
//! session, and whether it was).
//!
//! Dependency rules: nothing here knows a browser, a clock on the wall or an ambient random source; `api` knows no
//! module but itself; controllers, scheduler and kubelets meet only through `apiserver` and `store`.

pub mod api;
pub mod apiserver;
pub mod cel;
pub mod clock;
pub mod cluster;
pub mod controllers;
pub mod kubectl;
pub mod kubelet;
pub mod lesson;
pub mod network;
pub mod rng;
pub mod runtime;
pub mod scheduler;
pub mod sim;
pub mod store;
pub mod terminal;
pub mod text;
pub mod view;
pub mod world;
