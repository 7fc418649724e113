//! Nodes.

use super::Describer;
use super::text::{head, items, meta, none, plain, s, time};
use crate::api::quantity::{Format, Quantity};
use crate::apiserver::printers::{node_roles, since};
use crate::kubectl::errors::CmdError;
use serde_json::Value;
use std::collections::BTreeMap;

/// Amounts of resources by name.
type Amounts = BTreeMap<String, Quantity>;

fn amounts(v: &Value) -> Amounts {
    let map = v.as_object().into_iter().flatten();
    map.filter_map(|(k, v)| Some((k.clone(), Quantity::parse(&plain(v)).ok()?))).collect()
}

fn add(into: &mut Amounts, more: &Amounts) {
    for (k, v) in more {
        let slot = into.entry(k.clone()).or_insert_with(|| Quantity::ZERO.with_format(v.format()));
        *slot += *v;
    }
}

fn max(into: &mut Amounts, other: &Amounts) {
    for (k, v) in other {
        let slot = into.entry(k.clone()).or_insert(*v);
        if *v > *slot {
            *slot = *v;
        }
    }
}

/// Requests or limits of a pod: the sum of its containers and sidecars or the most of its init containers, and its
/// overhead.
fn of_pod(pod: &Value, key: &str) -> Amounts {
    let spec = &pod["spec"];
    let mut sum = Amounts::new();
    for c in items(&spec["containers"]) {
        add(&mut sum, &amounts(&c["resources"][key]));
    }
    let (mut sidecars, mut init) = (Amounts::new(), Amounts::new());
    for c in items(&spec["initContainers"]) {
        let mut own = amounts(&c["resources"][key]);
        if c["restartPolicy"] == "Always" {
            add(&mut sidecars, &own);
            max(&mut init, &sidecars);
        } else {
            add(&mut own, &sidecars);
            max(&mut init, &own);
        }
    }
    add(&mut sum, &sidecars);
    max(&mut sum, &init);
    let overhead = amounts(&spec["overhead"]);
    if key == "requests" || !sum.is_empty() {
        for (k, v) in overhead {
            if key == "requests" || sum.contains_key(&k) {
                add(&mut sum, &Amounts::from([(k, v)]));
            }
        }
    }
    sum
}

pub(super) fn node(o: &Value, d: &mut Describer) -> Result<(), CmdError> {
    let (spec, status) = (&o["spec"], &o["status"]);
    let name = s(&o["metadata"]["name"]).to_string();
    let lease = d.get("leases.coordination.k8s.io", "kube-node-lease", &name);
    let pods = d.list("pods", "", "", &format!("spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed"));
    let now = d.now;
    let w = &mut d.w;
    head(w, o);
    w.pair(0, "Roles", none(&node_roles(o)));
    meta(w, o);
    w.pair(0, "CreationTimestamp", time(&o["metadata"]["creationTimestamp"]));
    taints(w, items(&spec["taints"]));
    w.pair(0, "Unschedulable", (spec["unschedulable"] == true).to_string());
    match lease {
        None => w.line(0, format!("Lease:\tFailed to get lease: leases.coordination.k8s.io {name:?} not found")),
        Some(l) => {
            let l = &l["spec"];
            let moment = |v: &Value| if v.is_null() { "<unset>".to_string() } else { time(v) };
            w.line(0, "Lease:");
            w.pair(
                1,
                "HolderIdentity",
                if l["holderIdentity"].is_null() { "<unset>" } else { s(&l["holderIdentity"]) },
            );
            w.pair(1, "AcquireTime", moment(&l["acquireTime"]));
            w.pair(1, "RenewTime", moment(&l["renewTime"]));
        }
    }
    if !items(&status["conditions"]).is_empty() {
        w.line(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
        w.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
        for c in items(&status["conditions"]) {
            let (beat, change) = (time(&c["lastHeartbeatTime"]), time(&c["lastTransitionTime"]));
            let (kind, on) = (s(&c["type"]), s(&c["status"]));
            w.line(1, format!("{kind} \t{on} \t{beat} \t{change} \t{} \t{}", s(&c["reason"]), s(&c["message"])));
        }
    }
    w.line(0, "Addresses:");
    for a in items(&status["addresses"]) {
        w.pair(1, s(&a["type"]), s(&a["address"]));
    }
    for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        let map = status[key].as_object();
        if map.is_some_and(|m| !m.is_empty()) {
            w.line(0, format!("{title}:"));
        }
        for (k, v) in map.into_iter().flatten() {
            w.pair(1, k, plain(v));
        }
    }
    w.line(0, "System Info:");
    let info = &status["nodeInfo"];
    for (title, key) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        w.pair(1, title, s(&info[key]));
    }
    if !s(&spec["podCIDR"]).is_empty() {
        w.pair(0, "PodCIDR", s(&spec["podCIDR"]));
    }
    if !items(&spec["podCIDRs"]).is_empty() {
        w.pair(0, "PodCIDRs", items(&spec["podCIDRs"]).iter().map(s).collect::<Vec<_>>().join(","));
    }
    if !s(&spec["providerID"]).is_empty() {
        w.pair(0, "ProviderID", s(&spec["providerID"]));
    }
    let allocatable =
        amounts(if status["allocatable"].is_null() { &status["capacity"] } else { &status["allocatable"] });
    usage(w, &pods, &allocatable, now);
    d.events(o);
    Ok(())
}

fn taints(w: &mut super::text::Writer, list: &[Value]) {
    w.raw(0, "Taints:\t");
    if list.is_empty() {
        w.line(0, "<none>");
        return;
    }
    let mut list: Vec<&Value> = list.iter().collect();
    list.sort_by_key(|t| (s(&t["effect"]).to_string(), s(&t["key"]).to_string()));
    for (i, t) in list.into_iter().enumerate() {
        if i > 0 {
            w.raw(0, "\t");
        }
        let value = if s(&t["value"]).is_empty() { String::new() } else { format!("={}", s(&t["value"])) };
        w.line(0, format!("{}{value}:{}", s(&t["key"]), s(&t["effect"])));
    }
}

fn percent(part: Option<&Quantity>, whole: Option<&Quantity>) -> i64 {
    match (part, whole) {
        (Some(p), Some(a)) if !a.is_zero() => (p.as_f64() / a.as_f64() * 100.0) as i64,
        _ => 0,
    }
}

fn usage(w: &mut super::text::Writer, pods: &[Value], allocatable: &Amounts, now: i64) {
    w.pair(0, "Non-terminated Pods", format!("({} in total)", pods.len()));
    w.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    w.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let shown = |a: &Amounts, k: &str| {
        let amount = a.get(k).copied().unwrap_or(Quantity::ZERO);
        let amount = if k == "cpu" || !amount.is_zero() { amount } else { amount.with_format(Format::BinarySI) };
        format!("{amount} ({}%)", percent(a.get(k), allocatable.get(k)))
    };
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for p in pods {
        let (r, l) = (of_pod(p, "requests"), of_pod(p, "limits"));
        let m = &p["metadata"];
        w.line(
            1,
            format!(
                "{}\t{}\t\t{}\t{}\t{}\t{}\t{}",
                s(&m["namespace"]),
                s(&m["name"]),
                shown(&r, "cpu"),
                shown(&l, "cpu"),
                shown(&r, "memory"),
                shown(&l, "memory"),
                since(&m["creationTimestamp"], now)
            ),
        );
        add(&mut requests, &r);
        add(&mut limits, &l);
    }
    w.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    w.line(1, "Resource\tRequests\tLimits");
    w.line(1, "--------\t--------\t------");
    for k in ["cpu", "memory", "ephemeral-storage"] {
        w.line(1, format!("{k}\t{}\t{}", shown(&requests, k), shown(&limits, k)));
    }
    let known = ["cpu", "memory", "ephemeral-storage", "pods"];
    for k in allocatable.keys().filter(|k| !known.contains(&k.as_str())) {
        let get = |a: &Amounts| a.get(k).copied().unwrap_or(Quantity::ZERO).to_string();
        w.line(1, format!("{k}\t{}\t{}", get(&requests), get(&limits)));
    }
}
