//! What each kind asks of its objects: defaults, validation, and what create and update set by themselves.
//!
//! Everything here is a pure function on JSON objects that have been decoded strictly (unknown fields and nulls are
//! gone). Errors come in upstream's order of checks, which is the order people see. Nothing here knows the store, the
//! clock or other objects; what depends on those (addresses, quotas, admission) is decided by the callers.
//!
//! A new kind: a file with a [`Strategy`] and its line in [`STRATEGIES`].

pub mod admissionpolicy;
pub mod affinity;
pub mod certificates;
pub mod configmap;
pub mod containers;
pub mod controllerrevision;
pub mod crd;
pub mod crd_schema;
pub mod daemonset;
pub mod deployment;
pub mod endpoints;
pub mod event;
pub mod hpa;
pub mod ingress;
pub mod job;
pub mod lease;
pub mod meta;
pub mod namespace;
pub mod networkpolicy;
pub mod node;
pub mod pod;
pub mod pod_defaults;
pub mod pod_resize;
pub mod pod_spec;
pub mod pod_template;
pub mod pod_warnings;
pub mod policy;
pub mod probes;
pub mod qos;
pub mod rbac;
pub mod replicaset;
pub mod replicationcontroller;
pub mod resources;
pub mod secret;
pub mod security;
pub mod service;
pub mod service_alloc;
pub mod serviceaccount;
pub mod statefulset;
pub mod storage;
pub mod util;
pub mod volumes;
pub mod webhooks;

use crate::api::error::FieldError;
use serde_json::Value;

/// The rules of one kind. (Models the registry strategies of kube-apiserver.)
///
/// The API server calls, on create: `default`, admission, `prepare_for_create`, `validate`; on update: `default`,
/// admission, `prepare_for_update`, `validate_update`; on the status subresource `default`,
/// `prepare_for_status_update`, `validate_status_update`; `warnings` only of what is accepted. The uid and creation time of
/// a new object must be set before. Services besides are given addresses and ports by [`service_alloc`] before
/// `prepare_for_…`. Metadata that every object gets (uid, creationTimestamp, resourceVersion, managedFields) is the API
/// server's.
#[derive(Debug)]
pub struct Strategy {
    /// The kind, as `Deployment`.
    pub kind: &'static str,
    /// Fills in what the version's defaults say. May be applied again to its own result.
    pub default: fn(&mut Value),
    /// All errors of a new object, after defaulting.
    pub validate: fn(&Value) -> Vec<FieldError>,
    /// All errors of a changed object: (new, old).
    pub validate_update: fn(&Value, &Value) -> Vec<FieldError>,
    /// All errors of a changed status: (new, old).
    pub validate_status_update: fn(&Value, &Value) -> Vec<FieldError>,
    /// Drops what clients may not set on create (status) and sets the first generation.
    pub prepare_for_create: fn(&mut Value),
    /// Keeps what an update may not change (status) and counts the generation up: (new, old).
    pub prepare_for_update: fn(&mut Value, &Value),
    /// Keeps what a status update may not change (spec): (new, old).
    pub prepare_for_status_update: fn(&mut Value, &Value),
    /// Texts of `Warning` headers: (new, old if this is an update).
    pub warnings: fn(&Value, Option<&Value>) -> Vec<String>,
}

/// The rules of a kind; `None` for kinds that are not simulated.
pub fn strategy(kind: &str) -> Option<&'static Strategy> {
    STRATEGIES.iter().copied().find(|s| s.kind == kind)
}

/// Every kind that has rules.
pub const STRATEGIES: &[&Strategy] = &[
    &admissionpolicy::MUTATING,
    &admissionpolicy::MUTATING_BINDING,
    &admissionpolicy::VALIDATING,
    &admissionpolicy::VALIDATING_BINDING,
    &certificates::STRATEGY,
    &configmap::STRATEGY,
    &controllerrevision::STRATEGY,
    &crd::STRATEGY,
    &daemonset::STRATEGY,
    &deployment::STRATEGY,
    &endpoints::ENDPOINTS,
    &endpoints::ENDPOINT_SLICE,
    &event::STRATEGY,
    &hpa::STRATEGY,
    &ingress::INGRESS,
    &ingress::INGRESS_CLASS,
    &job::JOB,
    &job::CRON_JOB,
    &lease::STRATEGY,
    &namespace::STRATEGY,
    &networkpolicy::STRATEGY,
    &node::STRATEGY,
    &pod::STRATEGY,
    &policy::DISRUPTION_BUDGET,
    &policy::LIMIT_RANGE,
    &policy::PRIORITY_CLASS,
    &policy::RESOURCE_QUOTA,
    &rbac::CLUSTER_ROLE,
    &rbac::CLUSTER_ROLE_BINDING,
    &rbac::ROLE,
    &rbac::ROLE_BINDING,
    &replicaset::STRATEGY,
    &replicationcontroller::STRATEGY,
    &secret::STRATEGY,
    &service::STRATEGY,
    &serviceaccount::STRATEGY,
    &statefulset::STRATEGY,
    &storage::CLAIM,
    &storage::CLASS,
    &storage::VOLUME,
    &webhooks::MUTATING,
    &webhooks::VALIDATING,
];
