//! What a page is told: strings and numbers, never Kubernetes types. [`model`] is the language, [`project`] turns
//! changes into patches, [`inspect`] answers questions about one object, [`compare`] sets a manifest beside what is
//! there, [`link`] puts a session into a link, [`export`] takes it elsewhere, [`sequence`] follows one change.

pub mod assist;
pub mod causes;
pub mod compare;
pub mod diagnose;
pub mod export;
pub mod faults;
pub mod inspect;
pub mod link;
pub mod model;
pub mod network;
pub mod project;
pub mod sequence;
pub mod workloads;

pub use causes::why_request;
pub use faults::{fault_line, in_force};
