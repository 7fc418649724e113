//! The schema of every kind and strict decoding.
