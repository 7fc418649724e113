//! The API server: the only way to change an object. [`server`] answers REST requests, [`typed`] is the same code with
//! a typed front for controllers. It must not know who watches.

mod addresses;
pub mod admission;
mod apiservices;
mod apply;
pub mod authorizer;
mod certificates;
mod components;
mod controller_roles;
pub mod convert;
pub mod crd;
mod delete;
pub mod discovery;
mod ephemeral;
pub mod http;
pub mod limits;
pub mod managed;
pub mod metrics;
pub mod openapi;
mod own_service;
pub mod patch;
mod policy;
pub mod printers;
mod read;
pub mod recorder;
pub mod registry;
pub mod request;
pub mod requests;
mod resize;
pub mod server;
pub mod state;
pub mod tables;
mod target;
mod token;
pub mod typed;
pub mod watch;
mod write;

#[cfg(test)]
mod tests;
