//! What the tests share: conformance cases and their normalisation, and the comparison of outcomes.

pub mod case;
pub mod http;
pub mod json;
pub mod manifest;
pub mod normalize;
pub mod protobuf;
pub mod shell;
pub mod support;
pub mod webdriver;
