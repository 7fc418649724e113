//! Quality of service of pods. (Models pkg/apis/core/v1/helper/qos.)

use super::util::{has, items};
use crate::api::quantity::Quantity;
use serde_json::Value;
use std::collections::BTreeMap;

type Sums = BTreeMap<String, Quantity>;

/// `Guaranteed`, `Burstable` or `BestEffort`, from a pod spec.
pub fn qos_class(spec: &Value) -> &'static str {
    let (mut requests, mut limits) = (Sums::new(), Sums::new());
    let mut guaranteed = true;
    let mut count = |resources: &Value| {
        for (name, q) in set_amounts(&resources["requests"]) {
            *requests.entry(name).or_default() += q;
        }
        let found = set_amounts(&resources["limits"]);
        guaranteed &= found.len() == 2;
        for (name, q) in found {
            *limits.entry(name).or_default() += q;
        }
    };
    if has(spec, "resources") {
        count(&spec["resources"]);
    } else {
        for list in ["containers", "initContainers"] {
            for c in items(spec, list) {
                count(&c["resources"]);
            }
        }
    }
    if requests.is_empty() && limits.is_empty() {
        return "BestEffort";
    }
    let equal = requests.len() == limits.len() && requests.iter().all(|(n, q)| limits.get(n) == Some(q));
    if guaranteed && equal { "Guaranteed" } else { "Burstable" }
}

/// CPU and memory that are more than nothing.
fn set_amounts(list: &Value) -> Vec<(String, Quantity)> {
    list.as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| ["cpu", "memory"].contains(&name.as_str()))
        .filter_map(|(name, q)| Some((name.clone(), q.as_str()?.parse::<Quantity>().ok()?)))
        .filter(|(_, q)| *q > Quantity::default())
        .collect()
}
