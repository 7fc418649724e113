//! Objects as texts and as data: kinds, YAML, schema, quantities, selectors, names. Knows no other module of the core
//! but [`crate::clock`].

pub mod cron;
pub mod diagnostics;
pub mod duration;
pub mod error;
pub mod fields;
pub mod intstr;
pub mod json_syntax;
pub mod kinds;
pub mod labels;
pub mod names;
pub mod quantity;
pub mod schema;
pub mod support;
pub mod x509;
pub mod yaml;
