//! The API server: the only way to change an object.

pub mod patch;
pub mod registry;
pub mod request;
