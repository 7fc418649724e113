//! What a Job's podFailurePolicy says of a failed pod, and its successPolicy of the indexes that succeeded. Pure.
//! Models pkg/controller/job/{pod_failure_policy,success_policy}.go.

use super::indexes::Indexes;
use k8s_openapi::api::batch::v1::{
    PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern, SuccessPolicy,
};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, PodStatus};

/// What the first matching rule says.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// `Count`, `Ignore`, `FailIndex`, `FailJob`; none: no rule matched.
    pub action: Option<&'static str>,
    /// The failure counts.
    pub counts: bool,
    /// Why the whole Job fails.
    pub fails_job: Option<String>,
}

impl Verdict {
    const DEFAULT: Verdict = Verdict { action: None, counts: true, fails_job: None };
}

/// The rules' verdict on a failed pod.
pub fn judge(policy: Option<&PodFailurePolicy>, namespace: &str, name: &str, status: &PodStatus) -> Verdict {
    for (i, rule) in policy.iter().flat_map(|p| &p.rules).enumerate() {
        let matched = if let Some(codes) = &rule.on_exit_codes {
            ended_with(status, codes).map(|(container, end)| {
                format!("Container {container} for pod {namespace}/{name} failed with exit code {}", end.exit_code)
            })
        } else {
            rule.on_pod_conditions
                .as_ref()
                .and_then(|patterns| has_condition(status, patterns))
                .map(|type_| format!("Pod {namespace}/{name} has condition {type_}"))
        };
        let Some(what) = matched else { continue };
        let (action, counts, fails_job) = match rule.action.as_str() {
            "Ignore" => ("Ignore", false, None),
            "FailIndex" => ("FailIndex", true, None),
            "Count" => ("Count", true, None),
            "FailJob" => ("FailJob", true, Some(format!("{what} matching FailJob rule at index {i}"))),
            _ => continue,
        };
        return Verdict { action: Some(action), counts, fails_job };
    }
    Verdict::DEFAULT
}

/// The first container (of the main ones, then of the init ones) whose exit code is asked for.
fn ended_with<'a>(
    status: &'a PodStatus,
    codes: &PodFailurePolicyOnExitCodesRequirement,
) -> Option<(&'a str, &'a ContainerStateTerminated)> {
    let lists = [&status.container_statuses, &status.init_container_statuses];
    lists.into_iter().flatten().flatten().find_map(|c: &ContainerStatus| {
        let end = c.state.as_ref()?.terminated.as_ref()?;
        let named = codes.container_name.as_ref().is_none_or(|n| *n == c.name);
        // success is no failure, whatever the rule says
        let listed = codes.values.contains(&end.exit_code);
        let asked = match codes.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            _ => false,
        };
        (named && end.exit_code != 0 && asked).then_some((c.name.as_str(), end))
    })
}

fn has_condition<'a>(status: &'a PodStatus, patterns: &[PodFailurePolicyOnPodConditionsPattern]) -> Option<&'a str> {
    status
        .conditions
        .iter()
        .flatten()
        .find(|c| patterns.iter().any(|p| p.type_ == c.type_ && p.status.as_deref().unwrap_or("True") == c.status))
        .map(|c| c.type_.as_str())
}

/// The message with which a success policy is met, if it is.
pub fn success(policy: Option<&SuccessPolicy>, completions: i32, succeeded: &Indexes) -> Option<String> {
    if succeeded.total() == 0 {
        return None;
    }
    policy?
        .rules
        .iter()
        .position(|rule| match (&rule.succeeded_indexes, rule.succeeded_count) {
            (Some(text), count) => {
                let asked = Indexes::parse(text, completions);
                let shared = asked.shared(succeeded);
                asked.total() > 0 && shared >= count.unwrap_or_else(|| asked.total())
            }
            (None, Some(count)) => succeeded.total() >= count,
            (None, None) => false,
        })
        .map(|i| format!("Matched rules at index {i}"))
}
