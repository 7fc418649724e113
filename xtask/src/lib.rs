//! The project's commands and what they share. Reading order: [`tools`] (what is installed, and how), [`web`] (the
//! page), then a module for each command. Only the standard library is used: this is the first thing a clone builds.

pub mod bench;
pub mod dist;
pub mod serve;
pub mod server;
pub mod test;
pub mod tools;
pub mod wasm;
pub mod web;

/// What a command ends with: nothing, or a message for the person.
pub type Done = Result<(), String>;
