//! Integers or percentages.
