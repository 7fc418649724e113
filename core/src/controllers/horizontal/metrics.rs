//! Where an autoscaler's numbers come from. Values are in thousandths of the metric's unit.

use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use k8s_openapi::api::autoscaling::v2::CrossVersionObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;

/// A pod's value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// The value, in thousandths.
    pub value: i64,
    /// When it was taken; none: unknown, long ago.
    pub at: Option<SimTime>,
    /// Over how long.
    pub window: SimDuration,
}

/// Values by the names of pods.
pub type PodMetrics = BTreeMap<String, Sample>;

/// The three metrics APIs. An error is the text in which the controller says what it misses.
pub trait Source {
    /// What the pods that a selector picks use of a resource; of one of their containers only, if it is named.
    fn resource(
        &self,
        resource: &str,
        namespace: &str,
        selector: &str,
        container: Option<&str>,
    ) -> Result<PodMetrics, String>;
    /// A metric of its own of each of the pods.
    fn pods(&self, metric: &str, namespace: &str, selector: &str) -> Result<PodMetrics, String>;
    /// A metric of one object.
    fn object(&self, metric: &str, namespace: &str, object: &CrossVersionObjectReference) -> Result<i64, String>;
    /// The series of a metric of something outside.
    fn external(&self, metric: &str, namespace: &str, selector: Option<&LabelSelector>) -> Result<Vec<i64>, String>;
}

/// The metrics APIs of this cluster: none is served.
#[derive(Clone, Copy, Debug)]
pub struct ClusterMetrics<'a>(pub &'a Sim);

impl Source for ClusterMetrics<'_> {
    fn resource(&self, _: &str, _: &str, _: &str, _: Option<&str>) -> Result<PodMetrics, String> {
        Err("unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)".into())
    }

    fn pods(&self, _: &str, _: &str, _: &str) -> Result<PodMetrics, String> {
        Err("unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
            .into())
    }

    fn object(&self, metric: &str, namespace: &str, _: &CrossVersionObjectReference) -> Result<i64, String> {
        self.pods(metric, namespace, "").map(|_| 0)
    }

    fn external(&self, metric: &str, namespace: &str, _: Option<&LabelSelector>) -> Result<Vec<i64>, String> {
        Err(format!(
            "unable to fetch metrics from external metrics API: the server could not find the requested resource (get {metric}.external.metrics.k8s.io in {namespace})"
        ))
    }
}
