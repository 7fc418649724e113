//! YAML as Kubernetes reads it, with positions.
