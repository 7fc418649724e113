//! Per-kind defaults, validation and columns.
