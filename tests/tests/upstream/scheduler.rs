//! Tables for `scheduler`.

use crate::{Check, Gap};

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];
