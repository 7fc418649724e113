//! Rules for names, keys and values.
