//! How fast a recommendation may be followed: stabilisation windows and scaling policies. Pure but for the memory that
//! is handed in. Models the normalisation in pkg/controller/podautoscaler/horizontal.go.

use super::replicas::Settings;
use crate::clock::{SimDuration, SimTime};
use k8s_openapi::api::autoscaling::v2::{HPAScalingPolicy, HPAScalingRules};

/// Past recommendations and changes of size of one autoscaler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Recommendations with their times. None: this autoscaler was never looked at.
    pub recommendations: Option<Vec<(i32, SimTime)>>,
    /// By how much it grew, and when.
    pub growth: Vec<(i32, SimTime)>,
    /// By how much it shrank, and when.
    pub shrinking: Vec<(i32, SimTime)>,
}

impl Memory {
    /// The size at the first look is a recommendation.
    pub fn begin(&mut self, current: i32, now: SimTime) {
        self.recommendations.get_or_insert_with(|| vec![(current, now)]);
    }

    /// A recommendation is noted, in the place of one that no window reaches any more.
    fn note(&mut self, recommendation: i32, now: SimTime, stale: impl Fn(SimTime) -> bool) {
        let list = self.recommendations.get_or_insert_default();
        match list.iter().rposition(|(_, t)| stale(*t)) {
            Some(i) => list[i] = (recommendation, now),
            None => list.push((recommendation, now)),
        }
    }

    /// A change of size is noted for the policies of its direction.
    pub fn resized(&mut self, before: i32, after: i32, rules: Option<&HPAScalingRules>, now: SimTime) {
        let longest = rules.iter().flat_map(|r| r.policies.iter().flatten()).map(|p| p.period_seconds).max();
        let list = if after > before { &mut self.growth } else { &mut self.shrinking };
        let from = ago(now, longest.unwrap_or(0));
        list.retain(|(_, t)| *t >= from);
        list.push(((after - before).abs(), now));
    }
}

fn ago(now: SimTime, seconds: i32) -> SimTime {
    SimTime(now.0.saturating_sub(SimDuration::from_secs(seconds.max(0) as u64).0))
}

/// A size, and what limits it: a condition's reason and message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limited {
    /// Replicas.
    pub replicas: i32,
    /// Reason.
    pub reason: &'static str,
    /// Message.
    pub message: &'static str,
}

const IN_RANGE: (&str, &str) = ("DesiredWithinRange", "the desired count is within the acceptable range");
const TOO_FEW: (&str, &str) = ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const TOO_MANY: (&str, &str) = ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const UP_LIMIT: (&str, &str) =
    ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const DOWN_LIMIT: (&str, &str) =
    ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");

fn limited(replicas: i32, (reason, message): (&'static str, &'static str)) -> Limited {
    Limited { replicas, reason, message }
}

/// Reason and message when recent recommendations were higher.
pub const HIGHER: (&str, &str) = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
/// Reason and message when recent recommendations were lower.
pub const LOWER: (&str, &str) = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);

/// Without behavior: no lower than the highest recommendation of the window.
pub fn stabilize(memory: &mut Memory, desired: i32, settings: &Settings, now: SimTime) -> i32 {
    let cutoff = SimTime(now.0.saturating_sub(settings.shrink_window.0));
    let recent = memory.recommendations.iter().flatten().filter(|(_, t)| *t >= cutoff).map(|(n, _)| *n);
    let highest = recent.max().map_or(desired, |n| n.max(desired));
    memory.note(desired, now, |t| t < cutoff);
    highest
}

/// Without behavior: between the bounds, and not too much more at once.
pub fn convert(current: i32, desired: i32, min: i32, max: i32, settings: &Settings) -> Limited {
    let step = (settings.growth * f64::from(current)).max(settings.growth_floor) as i32;
    let (most, why) = if max > step { (step, UP_LIMIT) } else { (max, TOO_MANY) };
    if desired < min {
        limited(min, TOO_FEW)
    } else if desired > most {
        limited(most, why)
    } else {
        limited(desired, IN_RANGE)
    }
}

/// With behavior: within what the windows of both directions saw.
pub fn stabilize_with(
    memory: &mut Memory,
    current: i32,
    desired: i32,
    up: &HPAScalingRules,
    down: &HPAScalingRules,
    settings: &Settings,
    now: SimTime,
) -> i32 {
    let default = settings.shrink_window.as_secs() as i32;
    let up_from = ago(now, up.stabilization_window_seconds.unwrap_or(0));
    let down_from = ago(now, down.stabilization_window_seconds.unwrap_or(default));
    let (mut low, mut high) = (desired, desired);
    for (n, t) in memory.recommendations.iter().flatten() {
        if *t > up_from {
            low = low.min(*n);
        }
        if *t > down_from {
            high = high.max(*n);
        }
    }
    memory.note(desired, now, |t| t < up_from && t < down_from);
    // not clamp: the lower end may lie above the higher one
    current.max(low).min(high)
}

/// With behavior: as far as the policies let it go.
pub fn convert_with(
    memory: &Memory,
    current: i32,
    desired: i32,
    (min, max): (i32, i32),
    up: &HPAScalingRules,
    down: &HPAScalingRules,
    now: SimTime,
) -> Limited {
    if desired > current {
        let step = up_limit(memory, current, up, now).max(current);
        let (most, why) = if max > step { (step, UP_LIMIT) } else { (max, TOO_MANY) };
        if desired > most {
            return limited(most, why);
        }
    } else if desired < current {
        let step = down_limit(memory, current, down, now).min(current);
        let (least, why) = if min < step { (step, DOWN_LIMIT) } else { (min, TOO_FEW) };
        if desired < least {
            return limited(least, why);
        }
    }
    limited(desired, IN_RANGE)
}

/// The size at the beginning of a policy's period.
fn at_start(memory: &Memory, current: i32, policy: &HPAScalingPolicy, now: SimTime) -> i32 {
    let from = ago(now, policy.period_seconds);
    let sum = |list: &[(i32, SimTime)]| -> i32 { list.iter().filter(|(_, t)| *t > from).map(|(n, _)| n).sum() };
    current - sum(&memory.growth) + sum(&memory.shrinking)
}

fn up_limit(memory: &Memory, current: i32, rules: &HPAScalingRules, now: SimTime) -> i32 {
    let proposals = rules.policies.iter().flatten().map(|p| {
        let start = at_start(memory, current, p, now);
        match p.type_.as_str() {
            "Pods" => start.saturating_add(p.value),
            _ => (f64::from(start) * (1.0 + f64::from(p.value) / 100.0)).ceil() as i32,
        }
    });
    match rules.select_policy.as_deref() {
        Some("Disabled") => current,
        Some("Min") => proposals.min().unwrap_or(i32::MAX),
        _ => proposals.max().unwrap_or(i32::MIN),
    }
}

fn down_limit(memory: &Memory, current: i32, rules: &HPAScalingRules, now: SimTime) -> i32 {
    let proposals = rules.policies.iter().flatten().map(|p| {
        let start = at_start(memory, current, p, now);
        match p.type_.as_str() {
            "Pods" => start.saturating_sub(p.value),
            _ => (f64::from(start) * (1.0 - f64::from(p.value) / 100.0)) as i32,
        }
    });
    match rules.select_policy.as_deref() {
        Some("Disabled") => current,
        // the least change leaves the most
        Some("Min") => proposals.max().unwrap_or(i32::MIN),
        _ => proposals.min().unwrap_or(i32::MAX),
    }
}
