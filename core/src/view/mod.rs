//! What a page is told: strings and numbers, never Kubernetes types. [`model`] is the language, [`project`] turns
//! changes into patches, [`inspect`] answers questions about one object, [`compare`] sets a manifest beside what is
//! there, [`link`] puts a session into a link.

pub mod assist;
pub mod causes;
pub mod compare;
pub mod diagnose;
pub mod faults;
pub mod inspect;
pub mod link;
pub mod model;
pub mod network;
pub mod project;
pub mod workloads;

pub use causes::why_request;
pub use faults::fault_line;
