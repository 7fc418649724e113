//! One round of an autoscaler: from the scale and the metrics to a size, conditions and events. It writes nothing.

use super::metrics::Source;
use super::pace::{self, Memory};
use super::replicas::{self, Proposal, Settings, Tolerances};
use super::set;
use crate::api::labels::Selector;
use crate::api::quantity::Quantity;
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::PodRecord;
use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricStatus, ExternalMetricStatus, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler,
    HorizontalPodAutoscalerStatus, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, ObjectMetricStatus,
    PodsMetricStatus, ResourceMetricStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::sync::Arc;

/// What the scale subresource says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scale {
    /// spec.replicas
    pub wanted: i32,
    /// status.replicas
    pub there: i32,
    /// status.selector
    pub selector: String,
}

/// An event to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Warning.
    pub warning: bool,
    /// Reason.
    pub reason: &'static str,
    /// Message.
    pub message: String,
}

/// What one round sees.
pub struct Round<'a> {
    /// The autoscaler.
    pub hpa: &'a HorizontalPodAutoscaler,
    /// Its target's scale.
    pub scale: &'a Scale,
    /// The pods that the scale's selector picks.
    pub pods: &'a [Arc<PodRecord>],
    /// Name and namespace of all autoscalers that have pods in common with this one, itself included; empty: none.
    pub rivals: &'a [(String, String)],
    /// The metrics.
    pub source: &'a dyn Source,
    /// Settings.
    pub settings: &'a Settings,
    /// The moment.
    pub now: SimTime,
}

/// What one round comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The status as it is if nothing is rescaled.
    pub status: HorizontalPodAutoscalerStatus,
    /// The new size and why.
    pub rescale: Option<(i32, String)>,
    /// Events.
    pub events: Vec<Event>,
}

/// The pods that an autoscaler's target has.
pub fn pods(sim: &Sim, h: &HorizontalPodAutoscaler, scale: &Scale) -> Vec<Arc<PodRecord>> {
    match Selector::parse(&scale.selector) {
        Ok(s) if !scale.selector.is_empty() => {
            let found = sim.store.select_pods(h.metadata.namespace.as_deref().unwrap_or_default(), &s);
            found.into_iter().cloned().collect()
        }
        _ => vec![],
    }
}

/// The status of an autoscaler whose target has no scale.
pub fn no_scale(h: &HorizontalPodAutoscaler, error: &str, now: SimTime) -> HorizontalPodAutoscalerStatus {
    let mut status = h.status.clone().unwrap_or_default();
    let text = format!("the HPA controller was unable to get the target's current scale: {error}");
    set(&mut status, now, "AbleToScale", "False", "FailedGetScale", text);
    status
}

/// The status after the target's size was written, or was not.
pub fn rescaled(
    h: &HorizontalPodAutoscaler,
    scale: &Scale,
    decision: Decision,
    answer: Result<(), String>,
    memory: &mut Memory,
    now: SimTime,
) -> HorizontalPodAutoscalerStatus {
    let mut status = decision.status;
    let size = decision.rescale.map_or(scale.wanted, |(size, _)| size);
    match answer {
        Ok(()) => {
            let text = format!("the HPA controller was able to update the target scale to {size}");
            set(&mut status, now, "AbleToScale", "True", "SucceededRescale", text);
            status.desired_replicas = size;
            status.last_scale_time = Some(now.api());
            if let Some(behavior) = &h.spec.behavior {
                let rules = if size > scale.wanted { &behavior.scale_up } else { &behavior.scale_down };
                memory.resized(scale.wanted, size, rules.as_ref(), now);
            }
        }
        Err(e) => {
            let text = format!("the HPA controller was unable to update the target scale: {e}");
            set(&mut status, now, "AbleToScale", "False", "FailedUpdateScale", text);
            status.desired_replicas = h.status.as_ref().map_or(0, |s| s.desired_replicas);
        }
    }
    status
}

/// Why a metric gives no count: what the condition says, and what the round says of it.
struct Failure {
    reason: &'static str,
    message: String,
    error: String,
}

impl Round<'_> {
    /// Works out the size.
    pub fn decide(&self, memory: &mut Memory) -> Decision {
        let h = self.hpa;
        let (min, max) = (h.spec.min_replicas.unwrap_or(1), h.spec.max_replicas);
        let current = self.scale.wanted;
        let mut out = Decision { status: h.status.clone().unwrap_or_default(), rescale: None, events: vec![] };
        let text = "the HPA controller was able to get the target's current scale";
        set(&mut out.status, self.now, "AbleToScale", "True", "SucceededGetScale", text);
        memory.begin(current, self.now);
        out.status.current_replicas = Some(current);
        if current == 0 {
            let text = "scaling is disabled since the replica count of the target is zero";
            set(&mut out.status, self.now, "ScalingActive", "False", "ScalingDisabled", text);
            out.status.desired_replicas = 0;
            out.status.current_metrics = None;
        } else if current > max {
            out.status.current_metrics = None;
            out.rescale = Some((max, "Current number of replicas above Spec.MaxReplicas".into()));
        } else if current < min {
            out.status.current_metrics = None;
            out.rescale = Some((min, "Current number of replicas below Spec.MinReplicas".into()));
        } else {
            self.by_metrics(memory, (min, max), &mut out);
        }
        out
    }

    fn by_metrics(&self, memory: &mut Memory, (min, max): (i32, i32), out: &mut Decision) {
        let current = self.scale.wanted;
        let (size, metric) = match self.compute(out) {
            Ok(found) => found,
            Err(e) => {
                out.events.push(Event { warning: true, reason: "FailedComputeMetricsReplicas", message: e });
                return;
            }
        };
        let size = size.max(0);
        let reason =
            if size > current { format!("{metric} above target") } else { "All metrics below target".to_string() };
        let now = self.now;
        let (stable, limited, why) = match &self.hpa.spec.behavior {
            None => {
                let stable = pace::stabilize(memory, size, self.settings, now);
                (stable, pace::convert(current, stable, min, max, self.settings), pace::HIGHER)
            }
            Some(b) => {
                let (up, down) = (rules(b.scale_up.as_ref(), true), rules(b.scale_down.as_ref(), false));
                let stable = pace::stabilize_with(memory, current, size, &up, &down, self.settings, now);
                let why = if size >= current { pace::LOWER } else { pace::HIGHER };
                (stable, pace::convert_with(memory, current, stable, (min, max), &up, &down, now), why)
            }
        };
        let (reason_able, text) =
            if stable == size { ("ReadyForNewScale", "recommended size matches current size") } else { why };
        set(&mut out.status, now, "AbleToScale", "True", reason_able, text);
        let is_limited = if limited.replicas == stable { "False" } else { "True" };
        set(&mut out.status, now, "ScalingLimited", is_limited, limited.reason, limited.message);
        if limited.replicas == current {
            out.status.desired_replicas = current;
        } else {
            out.rescale = Some((limited.replicas, reason));
        }
    }

    /// The largest count of all metrics, with the name of the metric.
    fn compute(&self, out: &mut Decision) -> Result<(i32, String), String> {
        let specs = self.hpa.spec.metrics.clone().unwrap_or_default();
        if let Err((reason, message, error)) = self.check_selector(out) {
            set(&mut out.status, self.now, "ScalingActive", "False", reason, message);
            out.status.current_metrics = None;
            return Err(error);
        }
        let mut statuses = vec![MetricStatus::default(); specs.len()];
        let (mut best, mut invalid): ((i32, String), Vec<Failure>) = ((0, String::new()), vec![]);
        for (spec, status) in specs.iter().zip(&mut statuses) {
            match self.metric(spec, status) {
                Ok((size, name)) => {
                    if best.0 == 0 || size > best.0 {
                        best = (size, name);
                    }
                }
                Err(f) => {
                    out.events.push(Event { warning: true, reason: f.reason, message: f.message.clone() });
                    invalid.push(f);
                }
            }
        }
        out.status.current_metrics = Some(statuses);
        // a metric that is missing might have asked for more: nothing shrinks without it
        if let Some(first) = invalid.first()
            && (invalid.len() >= specs.len() || best.0 < self.scale.wanted)
        {
            let text = format!("the HPA was unable to compute the replica count: {}", first.message);
            set(&mut out.status, self.now, "ScalingActive", "False", first.reason, text);
            return Err(format!(
                "invalid metrics ({} invalid out of {}), first error is: {}",
                invalid.len(),
                specs.len(),
                first.error
            ));
        }
        let text = format!("the HPA was able to successfully calculate a replica count from {}", best.1);
        set(&mut out.status, self.now, "ScalingActive", "True", "ValidMetricFound", text);
        Ok(best)
    }

    fn check_selector(&self, out: &mut Decision) -> Result<(), (&'static str, String, String)> {
        let text = &self.scale.selector;
        if text.is_empty() {
            let error = "selector is required".to_string();
            out.events.push(Event { warning: true, reason: "SelectorRequired", message: error.clone() });
            return Err(("InvalidSelector", "the HPA target's scale is missing a selector".into(), error));
        }
        let (reason, error) = match Selector::parse(text) {
            Err(e) => (
                "InvalidSelector",
                format!("couldn't convert selector into a corresponding internal selector object: {e}"),
            ),
            Ok(_) if self.rivals.len() > 1 => {
                let names: Vec<String> = self.rivals.iter().map(|(n, ns)| format!("{{{n} {ns}}}")).collect();
                let names = names.join(" ");
                ("AmbiguousSelector", format!("pods by selector {text} are controlled by multiple HPAs: [{names}]"))
            }
            Ok(_) => return Ok(()),
        };
        out.events.push(Event { warning: true, reason, message: error.clone() });
        Err((reason, error.clone(), error))
    }

    fn tolerances(&self) -> Tolerances {
        let own = |rules: Option<&HPAScalingRules>| {
            let q = rules?.tolerance.as_ref()?;
            Quantity::parse(&q.0).ok().map(|q| q.as_f64())
        };
        let behavior = self.hpa.spec.behavior.as_ref();
        Tolerances {
            up: own(behavior.and_then(|b| b.scale_up.as_ref())).unwrap_or(self.settings.tolerance),
            down: own(behavior.and_then(|b| b.scale_down.as_ref())).unwrap_or(self.settings.tolerance),
        }
    }

    /// One metric's count and name; fills in its status.
    fn metric(&self, spec: &MetricSpec, status: &mut MetricStatus) -> Result<(i32, String), Failure> {
        let fail = |reason, at: String, message: String| Failure {
            reason,
            error: format!("failed to get {at} metric value: {message}"),
            message,
        };
        match spec.type_.as_str() {
            "Resource" if spec.resource.is_some() => {
                let m = spec.resource.clone().unwrap_or_default();
                let (p, name, value) = self
                    .resource(&m.name, None, &m.target)
                    .map_err(|e| fail("FailedGetResourceMetric", format!("{} resource", m.name), e))?;
                status.type_ = "Resource".into();
                status.resource = Some(ResourceMetricStatus { name: m.name, current: value });
                Ok((p, name))
            }
            "ContainerResource" if spec.container_resource.is_some() => {
                let m = spec.container_resource.clone().unwrap_or_default();
                let (p, name, value) = self
                    .resource(&m.name, Some(&m.container), &m.target)
                    .map_err(|e| fail("FailedGetContainerResourceMetric", format!("{} container", m.container), e))?;
                status.type_ = "ContainerResource".into();
                status.container_resource =
                    Some(ContainerResourceMetricStatus { container: m.container, name: m.name, current: value });
                Ok((p, name))
            }
            "Pods" if spec.pods.is_some() => {
                let m = spec.pods.clone().unwrap_or_default();
                let p = self
                    .pods_metric(&m.metric.name, &m.target)
                    .map_err(|e| fail("FailedGetPodsMetric", "pods".into(), e))?;
                let name = format!("pods metric {}", m.metric.name);
                status.type_ = "Pods".into();
                status.pods = Some(PodsMetricStatus { metric: m.metric, current: average(p.usage) });
                Ok((p.replicas, name))
            }
            "Object" if spec.object.is_some() => {
                let m = spec.object.clone().unwrap_or_default();
                let (p, name, current) =
                    self.object(&m).map_err(|e| fail("FailedGetObjectMetric", "object".into(), e))?;
                status.type_ = "Object".into();
                status.object =
                    Some(ObjectMetricStatus { described_object: m.described_object, metric: m.metric, current });
                Ok((p, name))
            }
            "External" if spec.external.is_some() => {
                let m = spec.external.clone().unwrap_or_default();
                let (p, name, current) = self
                    .external(&m)
                    .map_err(|e| fail("FailedGetExternalMetric", format!("{} external", m.metric.name), e))?;
                status.type_ = "External".into();
                status.external = Some(ExternalMetricStatus { metric: m.metric, current });
                Ok((p, name))
            }
            other => {
                let message = format!("unknown metric source type {other:?}");
                Err(Failure { reason: "InvalidMetricSourceType", error: message.clone(), message })
            }
        }
    }

    fn namespace(&self) -> &str {
        self.hpa.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn resource(
        &self,
        resource: &str,
        container: Option<&str>,
        target: &MetricTarget,
    ) -> Result<(i32, String, MetricValueStatus), String> {
        let current = self.scale.wanted;
        let metrics = || {
            self.source
                .resource(resource, self.namespace(), &self.scale.selector, container)
                .map_err(|e| format!("unable to get metrics for resource {resource}: {e}"))
        };
        if let Some(value) = milli(target.average_value.as_ref()) {
            let p = metrics()
                .and_then(|m| {
                    let (t, s) = (self.tolerances(), self.settings);
                    replicas::by_value(current, value, resource, self.pods, m, t, s, self.now)
                })
                .map_err(|e| format!("failed to get {resource} usage: {e}"))?;
            let name = if container.is_some() {
                format!("{resource} container resource")
            } else {
                format!("{resource} resource")
            };
            return Ok((p.replicas, name, average(p.usage)));
        }
        let Some(percent) = target.average_utilization else {
            return Err("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set".into());
        };
        let p = metrics()
            .and_then(|m| {
                let (t, s) = (self.tolerances(), self.settings);
                replicas::by_utilization(current, percent, resource, container, self.pods, m, t, s, self.now)
            })
            .map_err(|e| format!("failed to get {resource} utilization: {e}"))?;
        let what = if container.is_some() { "container resource" } else { "resource" };
        let name = format!("{resource} {what} utilization (percentage of request)");
        let value = MetricValueStatus { average_utilization: Some(p.utilization), ..average(p.usage) };
        Ok((p.replicas, name, value))
    }

    fn pods_metric(&self, metric: &str, target: &MetricTarget) -> Result<Proposal, String> {
        let value = milli(target.average_value.as_ref()).unwrap_or(0);
        let m = self
            .source
            .pods(metric, self.namespace(), &self.scale.selector)
            .map_err(|e| format!("unable to get metric {metric}: {e}"))?;
        let (t, s) = (self.tolerances(), self.settings);
        replicas::by_value(self.scale.wanted, value, "", self.pods, m, t, s, self.now)
    }

    fn object(
        &self,
        m: &k8s_openapi::api::autoscaling::v2::ObjectMetricSource,
    ) -> Result<(i32, String, MetricValueStatus), String> {
        let (metric, object) = (&m.metric.name, &m.described_object);
        let usage = || {
            self.source.object(metric, self.namespace(), object).map_err(|e| {
                format!("unable to get metric {metric}: {} on {} {}/{e}", object.kind, self.namespace(), object.name)
            })
        };
        match (m.target.type_.as_str(), milli(m.target.value.as_ref()), milli(m.target.average_value.as_ref())) {
            ("Value", Some(target), _) => {
                let p = replicas::by_total(self.scale.wanted, usage()?, target, self.pods, self.tolerances())?;
                Ok((p.replicas, format!("{} metric {metric}", object.kind), value(p.usage)))
            }
            ("AverageValue", _, Some(target)) => {
                let usage = usage().map_err(|e| format!("failed to get {metric} object metric: {e}"))?;
                let p = replicas::by_share(self.scale.there, usage, target, self.tolerances());
                let name = format!("external metric {metric}({})", printed(m.metric.selector.as_ref()));
                Ok((p.replicas, name, average(p.usage)))
            }
            _ => Err("invalid object metric source: neither a value target nor an average value target was set".into()),
        }
    }

    fn external(
        &self,
        m: &k8s_openapi::api::autoscaling::v2::ExternalMetricSource,
    ) -> Result<(i32, String, MetricValueStatus), String> {
        let (metric, selector) = (&m.metric.name, m.metric.selector.as_ref());
        let total = || {
            let series = self.source.external(metric, self.namespace(), selector).and_then(|s| {
                if s.is_empty() { Err("no metrics returned from external metrics API".into()) } else { Ok(s) }
            });
            let sum = series.map(|s| s.iter().fold(0i64, |a, b| a.saturating_add(*b)));
            sum.map_err(|e| {
                let at = format!("{}/{metric}/{}", self.namespace(), printed(selector));
                format!("failed to get {metric} external metric: unable to get external metric {at}: {e}")
            })
        };
        let name = format!("external metric {metric}({})", printed(selector));
        if let Some(target) = milli(m.target.average_value.as_ref()) {
            let p = replicas::by_share(self.scale.there, total()?, target, self.tolerances());
            return Ok((p.replicas, name, average(p.usage)));
        }
        if let Some(target) = milli(m.target.value.as_ref()) {
            let p = replicas::by_total(self.scale.wanted, total()?, target, self.pods, self.tolerances())
                .map_err(|e| format!("failed to get {metric} external metric: {e}"))?;
            return Ok((p.replicas, name, value(p.usage)));
        }
        Err("invalid external metric source: neither a value target nor an average value target was set".into())
    }
}

fn milli(q: Option<&ApiQuantity>) -> Option<i64> {
    q.and_then(|q| Quantity::parse(&q.0).ok()).map(|q| q.milli_value())
}

fn quantity(milli: i64) -> Option<ApiQuantity> {
    let text = format!("{milli}m");
    let short = Quantity::stored_text(&text).map(|t| t.to_string()).ok();
    Some(ApiQuantity(short.unwrap_or(text)))
}

fn average(milli: i64) -> MetricValueStatus {
    MetricValueStatus { average_value: quantity(milli), ..MetricValueStatus::default() }
}

fn value(milli: i64) -> MetricValueStatus {
    MetricValueStatus { value: quantity(milli), ..MetricValueStatus::default() }
}

/// A selector as upstream's messages show it.
fn printed(selector: Option<&LabelSelector>) -> String {
    let Some(s) = selector else { return "nil".into() };
    let labels: String = s.match_labels.iter().flatten().map(|(k, v)| format!("{k}: {v},")).collect();
    let terms: Vec<String> = s
        .match_expressions
        .iter()
        .flatten()
        .map(|e| {
            let values = e.values.clone().unwrap_or_default().join(" ");
            format!("LabelSelectorRequirement{{Key:{},Operator:{},Values:[{values}],}}", e.key, e.operator)
        })
        .collect();
    let terms: String = terms.iter().map(|t| format!("{t},")).collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{terms}}},}}"
    )
}

/// The rules of a direction; what is not said is as the API's defaults have it.
pub fn rules(given: Option<&HPAScalingRules>, up: bool) -> HPAScalingRules {
    let percent = HPAScalingPolicy { type_: "Percent".into(), value: 100, period_seconds: 15 };
    let pods = HPAScalingPolicy { type_: "Pods".into(), value: 4, period_seconds: 15 };
    let mut out = given.cloned().unwrap_or_default();
    out.policies.get_or_insert_with(|| if up { vec![pods, percent] } else { vec![percent] });
    out.select_policy.get_or_insert_with(|| "Max".into());
    if up {
        out.stabilization_window_seconds.get_or_insert(0);
    }
    out
}
