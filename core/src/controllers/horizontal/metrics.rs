//! Where an autoscaler's numbers come from. Values are in thousandths of the metric's unit.

use crate::api::labels::Selector;
use crate::apiserver::metrics::{Amount, WINDOW};
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

/// The metrics APIs of this cluster: what its metrics server last scraped of CPU and memory, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct ClusterMetrics<'a>(pub &'a Sim);

/// The use of a resource in thousandths of its unit; none: there is no such metric.
fn value(resource: &str, a: &Amount) -> Option<i64> {
    match resource {
        // a quantity's thousandths are rounded up
        "cpu" => Some(a.nanocores.div_ceil(1_000_000) as i64),
        "memory" => Some((a.bytes as i64).saturating_mul(1000)),
        _ => None,
    }
}

impl Source for ClusterMetrics<'_> {
    fn resource(
        &self,
        resource: &str,
        namespace: &str,
        selector: &str,
        container: Option<&str>,
    ) -> Result<PodMetrics, String> {
        if !self.0.serves_metrics() {
            return Err("unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)".into());
        }
        let selector = Selector::parse(selector).map_err(|e| e.to_string())?;
        let metrics = &self.0.server.metrics;
        let mut out = PodMetrics::new();
        let mut any = false;
        for pod in self.0.store.select_pods(namespace, &selector) {
            let Some(rows) = metrics.pods.get(&pod.id) else { continue };
            any = true;
            let sample = |value| Sample { value, at: Some(metrics.at), window: WINDOW };
            match container {
                None => {
                    // a pod of which one container says nothing of the resource says nothing at all
                    let sum: Option<i64> = rows.iter().map(|(_, a)| value(resource, a)).sum();
                    if let Some(sum) = sum {
                        out.insert(pod.name.to_string(), sample(sum));
                    }
                }
                Some(name) => {
                    let found = rows.iter().find(|(n, _)| **n == *name).and_then(|(_, a)| value(resource, a));
                    let found = found.ok_or_else(|| {
                        format!("container {name} not present in metrics for pod {namespace}/{}", pod.name)
                    })?;
                    out.insert(pod.name.to_string(), sample(found));
                }
            }
        }
        if any { Ok(out) } else { Err("no metrics returned from resource metrics API".into()) }
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
