//! What people are told when no node fits: the text of FailedScheduling and of the condition PodScheduled. Models
//! pkg/scheduler/framework FitError and the preemption's own message.

use super::framework::{Code, Reason};
use std::collections::BTreeMap;

/// The text when there is no node at all.
pub const NO_NODES: &str = "no nodes available to schedule pods";

/// How many nodes were refused for each reason.
pub type Histogram = BTreeMap<Reason, usize>;

/// The text of a failure over `nodes` nodes. A reason from before any node was looked at replaces the counted ones;
/// what preemption says stands at the end.
pub fn message(nodes: usize, before: Option<&str>, reasons: &BTreeMap<String, usize>, after: Option<&str>) -> String {
    let mut text = format!("0/{nodes} nodes are available:");
    if let Some(before) = before.filter(|b| !b.is_empty()) {
        text.push_str(&format!(" {before}."));
    } else {
        // Sorted as texts, so "10 …" stands before "2 …".
        let mut counted: Vec<String> = reasons.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        counted.sort();
        if !counted.is_empty() {
            text.push_str(&format!(" {}.", counted.join(", ")));
        }
    }
    if let Some(after) = after.filter(|a| !a.is_empty()) {
        text.push_str(&format!(" {after}"));
    }
    text
}

/// As [`message`], from counted [`Reason`]s.
pub fn message_of(nodes: usize, reasons: &Histogram, after: Option<&str>) -> String {
    let texts = reasons.iter().map(|(r, n)| (r.to_string(), *n)).collect();
    message(nodes, None, &texts, after)
}

/// What preemption says when it finds nobody to evict on `nodes` nodes, with the reasons it counted.
pub fn preemption_failed(nodes: usize, reasons: &BTreeMap<String, usize>) -> String {
    format!("{CLAIMS}, preemption: {}", message(nodes, None, reasons, None))
}

/// What preemption says of a pod that must not evict others.
pub fn preemption_never() -> String {
    format!("{CLAIMS}, preemption: not eligible due to preemptionPolicy=Never.")
}

/// What preemption says when victims of an earlier attempt are still leaving the nominated node.
pub fn preemption_waits() -> String {
    format!("{CLAIMS}, preemption: not eligible due to terminating pod on the nominated node.")
}

/// What the plugin for device claims, which is asked before preemption, says of a pod without such claims.
const CLAIMS: &str = "no new claims to deallocate";

/// What stands after a reason from before any node was looked at.
pub const AFTER_PRE_FILTER: &str = "not found";

/// How the API names a plugin's answer.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Success => "Success",
        Code::Error => "Error",
        Code::Unschedulable => "Unschedulable",
        Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
        Code::Skip => "Skip",
    }
}
