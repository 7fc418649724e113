//! How many replicas a metric asks for: pure arithmetic. Models pkg/controller/podautoscaler/replica_calculator.go.

use super::metrics::PodMetrics;
use crate::api::quantity::Quantity;
use crate::clock::{SimDuration, SimTime};
use crate::store::PodRecord;
use crate::store::pod::{Phase, READY};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The controller manager's settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// So long after its start a pod's cpu use may not be typical.
    pub cpu_initialization: SimDuration,
    /// A pod that is unready within this time after its start has never been ready.
    pub readiness_delay: SimDuration,
    /// Deviation from the target that changes nothing.
    pub tolerance: f64,
    /// Without behavior: the size may grow by this factor in one step …
    pub growth: f64,
    /// … or to this size.
    pub growth_floor: f64,
    /// Without behavior: the highest recommendation of this span holds when shrinking.
    pub shrink_window: SimDuration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            cpu_initialization: SimDuration::from_secs(300),
            readiness_delay: SimDuration::from_secs(30),
            tolerance: 0.1,
            growth: 2.0,
            growth_floor: 4.0,
            shrink_window: SimDuration::from_secs(300),
        }
    }
}

/// Deviations from the target that change nothing, by direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// When shrinking.
    pub down: f64,
    /// When growing.
    pub up: f64,
}

impl Tolerances {
    fn hold(&self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// Pods by what their metrics are worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// Pods whose metrics count.
    pub ready: usize,
    /// Pods that are not up yet.
    pub unready: BTreeSet<String>,
    /// Pods without metrics.
    pub missing: BTreeSet<String>,
    /// Pods that go or have failed.
    pub ignored: BTreeSet<String>,
}

/// Sorts pods. Only for `cpu` it matters how long a pod has been up.
pub fn group(
    pods: &[Arc<PodRecord>],
    metrics: &PodMetrics,
    resource: &str,
    settings: &Settings,
    now: SimTime,
) -> Groups {
    let mut g = Groups::default();
    for p in pods {
        let name = p.name.to_string();
        if p.deletion.is_some() || p.status.phase == Phase::Failed {
            g.ignored.insert(name);
        } else if p.status.phase == Phase::Pending {
            g.unready.insert(name);
        } else if let Some(sample) = metrics.get(&name) {
            if resource == "cpu" && !is_up(p, sample, settings, now) {
                g.unready.insert(name);
            } else {
                g.ready += 1;
            }
        } else {
            g.missing.insert(name);
        }
    }
    g
}

fn is_up(p: &PodRecord, sample: &super::metrics::Sample, settings: &Settings, now: SimTime) -> bool {
    let ready = &p.status.conditions[READY];
    let (Some(is_ready), Some(started)) = (ready.status, p.status.started.map(SimTime::from)) else { return false };
    let since = SimTime::from(ready.since);
    if started + settings.cpu_initialization > now {
        // a whole window of the metric lies after it became ready
        is_ready && sample.at.is_some_and(|at| at >= since + sample.window)
    } else {
        is_ready || started + settings.readiness_delay <= since
    }
}

/// What the pods ask for, in thousandths, of all their containers or of one.
pub fn requests(
    pods: &[Arc<PodRecord>],
    resource: &str,
    container: Option<&str>,
) -> Result<BTreeMap<String, i64>, String> {
    let mut out = BTreeMap::new();
    for p in pods {
        let Some(spec) = &p.proto.pod.spec else { continue };
        let sidecars = spec.init_containers.iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
        let whole = spec.resources.as_ref().and_then(|r| r.requests.as_ref()).and_then(|r| r.get(resource));
        let milli = |q: &str| Quantity::parse(q).map_or(0, |q| q.milli_value());
        let mut sum = 0;
        match whole.filter(|_| container.is_none()) {
            Some(q) => sum = milli(&q.0),
            None => {
                for c in spec.containers.iter().chain(sidecars).filter(|c| container.is_none_or(|n| n == c.name)) {
                    let asked = c
                        .resources
                        .as_ref()
                        .and_then(|r| r.requests.as_ref())
                        .and_then(|r| r.get(resource))
                        .ok_or_else(|| {
                            format!("missing request for {resource} in container {} of Pod {}", c.name, p.name)
                        })?;
                    sum += milli(&asked.0);
                }
            }
        }
        out.insert(p.name.to_string(), sum);
    }
    Ok(out)
}

/// A replica count with the numbers behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// Replicas.
    pub replicas: i32,
    /// Use in per cent of the requests, where that was asked for.
    pub utilization: i32,
    /// Use: by pod where the metric is one of pods; in thousandths.
    pub usage: i64,
}

const NO_PODS: &str = "no pods returned by selector while calculating replica count";
const NO_METRICS: &str = "did not receive metrics for targeted pods (pods might be unready)";

/// By use of a resource, in per cent of what the pods ask for.
#[allow(clippy::too_many_arguments)]
pub fn by_utilization(
    current: i32,
    target: i32,
    resource: &str,
    container: Option<&str>,
    pods: &[Arc<PodRecord>],
    metrics: PodMetrics,
    tolerances: Tolerances,
    settings: &Settings,
    now: SimTime,
) -> Result<Proposal, String> {
    let (mut metrics, groups) = sorted(pods, metrics, resource, settings, now)?;
    let requests = requests(pods, resource, container)?;
    let (ratio, utilization, usage) = utilization_ratio(&metrics, &requests, target)?;
    let proposal = |replicas| Ok(Proposal { replicas, utilization, usage });
    let unready_matter = !groups.unready.is_empty() && ratio > 1.0;
    if !unready_matter && groups.missing.is_empty() {
        return proposal(if tolerances.hold(ratio) { current } else { ceil(ratio * groups.ready as f64) });
    }
    // who says nothing is taken to hold against the change: all used when shrinking, nothing when growing
    for name in &groups.missing {
        let fallback = if ratio < 1.0 {
            requests.get(name).copied().unwrap_or(0) * i64::from(target.max(100)) / 100
        } else if ratio > 1.0 {
            0
        } else {
            continue;
        };
        metrics.entry(name.clone()).or_default().value = fallback;
    }
    if unready_matter {
        for name in &groups.unready {
            metrics.entry(name.clone()).or_default().value = 0;
        }
    }
    let (again, _, _) = utilization_ratio(&metrics, &requests, target)?;
    proposal(careful(current, ratio, again, metrics.len(), tolerances))
}

/// By a value that each pod should have.
#[allow(clippy::too_many_arguments)]
pub fn by_value(
    current: i32,
    target: i64,
    resource: &str,
    pods: &[Arc<PodRecord>],
    metrics: PodMetrics,
    tolerances: Tolerances,
    settings: &Settings,
    now: SimTime,
) -> Result<Proposal, String> {
    let (mut metrics, groups) = sorted(pods, metrics, resource, settings, now)?;
    let (ratio, usage) = usage_ratio(&metrics, target);
    let proposal = |replicas| Ok(Proposal { replicas, utilization: 0, usage });
    let unready_matter = !groups.unready.is_empty() && ratio > 1.0;
    if !unready_matter && groups.missing.is_empty() {
        return proposal(if tolerances.hold(ratio) { current } else { ceil(ratio * groups.ready as f64) });
    }
    if ratio != 1.0 {
        for name in &groups.missing {
            metrics.entry(name.clone()).or_default().value = if ratio < 1.0 { target } else { 0 };
        }
    }
    if unready_matter {
        for name in &groups.unready {
            metrics.entry(name.clone()).or_default().value = 0;
        }
    }
    let (again, _) = usage_ratio(&metrics, target);
    proposal(careful(current, ratio, again, metrics.len(), tolerances))
}

fn sorted(
    pods: &[Arc<PodRecord>],
    mut metrics: PodMetrics,
    resource: &str,
    settings: &Settings,
    now: SimTime,
) -> Result<(PodMetrics, Groups), String> {
    if pods.is_empty() {
        return Err(NO_PODS.into());
    }
    let groups = group(pods, &metrics, resource, settings, now);
    metrics.retain(|name, _| !groups.ignored.contains(name) && !groups.unready.contains(name));
    if metrics.is_empty() { Err(NO_METRICS.into()) } else { Ok((metrics, groups)) }
}

/// The count by the second ratio, in which the silent pods stand: none that turns the direction round.
fn careful(current: i32, first: f64, again: f64, pods: usize, tolerances: Tolerances) -> i32 {
    let turns = (first < 1.0 && again > 1.0) || (first > 1.0 && again < 1.0);
    if tolerances.hold(again) || turns {
        return current;
    }
    let replicas = ceil(again * pods as f64);
    if (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current) { current } else { replicas }
}

fn utilization_ratio(
    metrics: &PodMetrics,
    requests: &BTreeMap<String, i64>,
    target: i32,
) -> Result<(f64, i32, i64), String> {
    let (mut used, mut asked, mut pods) = (0i64, 0i64, 0i64);
    for (name, sample) in metrics {
        if let Some(r) = requests.get(name) {
            used = used.saturating_add(sample.value);
            asked = asked.saturating_add(*r);
            pods += 1;
        }
    }
    if asked == 0 {
        return Err("no metrics returned matched known pods".into());
    }
    let utilization = (used.saturating_mul(100) / asked) as i32;
    Ok((f64::from(utilization) / f64::from(target), utilization, used / pods))
}

fn usage_ratio(metrics: &PodMetrics, target: i64) -> (f64, i64) {
    let total = metrics.values().fold(0i64, |sum, s| sum.saturating_add(s.value));
    let usage = total / metrics.len().max(1) as i64;
    (usage as f64 / target as f64, usage)
}

/// By a metric of something else, whose whole value should be the target.
pub fn by_total(
    current: i32,
    usage: i64,
    target: i64,
    pods: &[Arc<PodRecord>],
    tolerances: Tolerances,
) -> Result<Proposal, String> {
    let ratio = usage as f64 / target as f64;
    let replicas = if current == 0 {
        ceil(ratio)
    } else if tolerances.hold(ratio) {
        current
    } else if pods.is_empty() {
        return Err(format!("unable to calculate ready pods: {NO_PODS}"));
    } else {
        let ready = pods.iter().filter(|p| p.status.phase == Phase::Running && p.status.is_ready()).count();
        ceil(ratio * ready as f64)
    };
    Ok(Proposal { replicas, utilization: 0, usage })
}

/// By a metric of something else, of which each pod should have a share.
pub fn by_share(replicas: i32, usage: i64, target: i64, tolerances: Tolerances) -> Proposal {
    let ratio = usage as f64 / (target as f64 * f64::from(replicas));
    let wanted = if tolerances.hold(ratio) { replicas } else { ceil(usage as f64 / target as f64) };
    let share = (usage as f64 / f64::from(replicas)).ceil() as i64;
    Proposal { replicas: wanted, utilization: 0, usage: share }
}

/// Rounded up; what is too large is the largest number there is.
fn ceil(n: f64) -> i32 {
    n.ceil() as i32
}
