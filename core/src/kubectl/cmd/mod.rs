//! The commands: one file a verb.

pub mod annotate;
pub mod api_resources;
pub mod apply;
pub mod autoscale;
pub mod change;
pub mod config;
pub mod create;
pub mod delete;
pub mod describe;
pub mod events;
pub mod explain;
pub mod expose;
pub mod get;
pub mod label;
pub mod pairs;
pub mod patch;
pub mod rollout;
pub mod run;
pub mod scale;
pub mod set;
pub mod taint;
pub mod version;
pub mod wait;
