//! The commands: one file a verb.

pub mod annotate;
pub mod apply;
pub mod autoscale;
pub mod change;
pub mod create;
pub mod delete;
pub mod describe;
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
pub mod wait;
