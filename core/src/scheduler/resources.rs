//! Amounts of resources: what pods ask for and nodes have, as whole numbers.
//!
//! Models component-helpers `resource` and pkg/scheduler `Resource`. Knows no plugin.

use crate::api::quantity::{Format, Quantity};
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource as api;
use std::collections::BTreeMap;
use std::sync::Arc;

/// CPU that a container without a request counts for in scoring, in thousandths of a CPU.
pub const DEFAULT_MILLI_CPU: i64 = 100;
/// Memory that a container without a request counts for in scoring, in bytes.
pub const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts by resource, before rounding.
pub type Amounts = BTreeMap<String, Quantity>;

/// A typed quantity's amount; what is no quantity counts as nothing (the API server has refused it before).
pub fn amount(q: &api::Quantity) -> Quantity {
    Quantity::parse(&q.0).unwrap_or_default()
}

/// Amounts a node has or gives away, or a pod asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a CPU.
    pub cpu: i64,
    /// Bytes of memory.
    pub memory: i64,
    /// Bytes of local storage.
    pub ephemeral: i64,
    /// Extended resources, huge pages and attachable volumes, by name.
    pub scalar: BTreeMap<Arc<str>, i64>,
}

impl Resources {
    /// The amounts the scheduler looks at; other names are dropped.
    pub fn from_amounts(amounts: &Amounts) -> Self {
        let mut r = Resources::default();
        for (name, n) in amounts {
            match name.as_str() {
                "cpu" => r.cpu = n.milli_value(),
                "memory" => r.memory = n.value(),
                "ephemeral-storage" => r.ephemeral = n.value(),
                name if is_scalar(name) => {
                    r.scalar.insert(name.into(), n.value());
                }
                _ => {}
            }
        }
        r
    }

    /// The amounts of a typed resource list and the number of pods it allows.
    pub fn from_list(list: Option<&BTreeMap<String, api::Quantity>>) -> (Self, i64) {
        let amounts: Amounts = list.into_iter().flatten().map(|(k, q)| (k.clone(), amount(q))).collect();
        let pods = amounts.get("pods").map_or(0, |n| n.value());
        (Self::from_amounts(&amounts), pods)
    }

    /// Adds `other` once for `sign` 1, takes it away for -1.
    pub fn add(&mut self, other: &Resources, sign: i64) {
        self.cpu = counted(self.cpu, other.cpu, sign);
        self.memory = counted(self.memory, other.memory, sign);
        self.ephemeral = counted(self.ephemeral, other.ephemeral, sign);
        for (name, n) in &other.scalar {
            let of = self.scalar.entry(name.clone()).or_default();
            *of = counted(*of, *n, sign);
        }
    }

    /// The amount of a resource in the scheduler's unit; `None` for one that is not listed.
    pub fn get(&self, name: &str) -> Option<i64> {
        match name {
            "cpu" => Some(self.cpu),
            "memory" => Some(self.memory),
            "ephemeral-storage" => Some(self.ephemeral),
            _ => self.scalar.get(name).copied(),
        }
    }
}

/// A sum with an amount counted in (`sign` 1) or out (-1). It wraps as Go's does, so that what went in comes out again,
/// however large.
pub fn counted(sum: i64, amount: i64, sign: i64) -> i64 {
    sum.wrapping_add(sign.wrapping_mul(amount))
}

/// Is it a resource outside of the built-in ones, counted in whole numbers? Models IsScalarResourceName.
pub fn is_scalar(name: &str) -> bool {
    is_extended(name)
        || name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
        || name.contains("kubernetes.io/")
}

/// Is it a vendor's resource (`example.com/gpu`)? Models IsExtendedResourceName.
pub fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

fn requests_of(r: Option<&ResourceRequirements>) -> impl Iterator<Item = (&String, &api::Quantity)> {
    r.and_then(|r| r.requests.as_ref()).into_iter().flatten()
}

fn container_requests(c: &Container, defaults: bool) -> Amounts {
    let mut list: Amounts = requests_of(c.resources.as_ref()).map(|(k, q)| (k.clone(), amount(q))).collect();
    if defaults {
        list.entry("cpu".into()).or_insert(Quantity::from_milli(DEFAULT_MILLI_CPU, Format::DecimalSI));
        list.entry("memory".into()).or_insert(Quantity::new(DEFAULT_MEMORY, Format::BinarySI));
    }
    list
}

fn sum(into: &mut Amounts, other: &Amounts) {
    for (k, n) in other {
        let sum = into.entry(k.clone()).or_default();
        *sum += *n;
    }
}

fn largest(into: &mut Amounts, other: &Amounts) {
    for (k, n) in other {
        let have = into.entry(k.clone()).or_insert(*n);
        if *n > *have {
            *have = *n;
        }
    }
}

/// Does this init container keep running beside the main ones?
pub fn is_sidecar(c: &Container) -> bool {
    c.restart_policy.as_deref() == Some("Always")
}

/// What a whole pod asks for: the larger of its containers with sidecars and its start-up peak, then the overhead; what
/// is asked for at the level of the pod replaces the sum. With `defaults` a container without a request for CPU or
/// memory counts as in scoring. Models component-helpers PodRequests.
pub fn pod_requests(spec: &PodSpec, defaults: bool) -> Amounts {
    let mut total = Amounts::new();
    for c in &spec.containers {
        sum(&mut total, &container_requests(c, defaults));
    }
    let mut sidecars = Amounts::new();
    let mut peak = Amounts::new();
    for c in spec.init_containers.iter().flatten() {
        let mut needs = container_requests(c, defaults);
        if is_sidecar(c) {
            sum(&mut total, &needs);
            sum(&mut sidecars, &needs);
            needs = sidecars.clone();
        } else {
            sum(&mut needs, &sidecars);
        }
        largest(&mut peak, &needs);
    }
    largest(&mut total, &peak);
    for (name, q) in requests_of(spec.resources.as_ref()) {
        if name == "cpu" || name == "memory" || name.starts_with("hugepages-") {
            total.insert(name.clone(), amount(q));
        }
    }
    if let Some(overhead) = &spec.overhead {
        sum(&mut total, &overhead.iter().map(|(k, q)| (k.clone(), amount(q))).collect());
    }
    total
}
