//! Durations and ages as kubectl prints them.
