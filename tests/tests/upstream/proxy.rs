//! Tables for the proxies.

use crate::{Check, Gap};
use kubarium_core::network::topology::{Hints, Policy, Seen, categorize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[("proxy_categorize_endpoints", categories)];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

fn categories(_: &Value, case: &Value) -> Result<(), String> {
    let list: Vec<&Value> = case["endpoints"].as_array().into_iter().flatten().collect();
    let names = |v: &Value| v.as_array().into_iter().flatten().filter_map(|x| x.as_str().map(Into::into)).collect();
    let seen: Vec<Seen> = list
        .iter()
        .map(|e| Seen {
            ready: e["ready"] == true,
            serving: e["serving"] == true,
            terminating: e["terminating"] == true,
            local: e["isLocal"] == true,
            hints: Hints { zones: names(&e["zoneHints"]), nodes: names(&e["nodeHints"]) },
        })
        .collect();
    let service = &case["service_info"];
    let some = |v: &Value| v.as_array().is_some_and(|l| !l.is_empty());
    let policy = Policy {
        internal_local: service["internalPolicyLocal"] == true,
        external_local: service["externalPolicyLocal"] == true,
        external: service["nodePort"].as_u64().is_some_and(|n| n > 0)
            || some(&service["loadBalancerVIPs"])
            || some(&service["externalIPs"]),
    };
    let zone = case["node_labels"]["topology.kubernetes.io/zone"].as_str().unwrap_or_default();
    let node = case["node_name"].as_str().unwrap_or_default();
    let got = categorize(&seen, policy, node, zone, case["prefer_same_enabled"] == true);
    let addresses = |set: &BTreeSet<usize>| -> BTreeSet<String> {
        set.iter().filter_map(|i| list[*i]["endpoint"].as_str().map(str::to_owned)).collect()
    };
    let expected = |k: &str| -> Option<BTreeSet<String>> {
        Some(case[k].as_array()?.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
    };
    let (cluster, local) = (expected("cluster_endpoints"), expected("local_endpoints"));
    // not said where only one of the two is asked for: it is all that can be reached
    let all = expected("all_endpoints").or_else(|| match (&cluster, &local) {
        (Some(c), None) => Some(c.clone()),
        (None, Some(l)) => Some(l.clone()),
        _ => None,
    });
    let found = (got.cluster.as_ref().map(addresses), got.local.as_ref().map(addresses), addresses(&got.all));
    let wanted = (cluster, local, all.unwrap_or_default());
    if found == wanted { Ok(()) } else { Err(format!("got {found:?}, want {wanted:?}")) }
}
