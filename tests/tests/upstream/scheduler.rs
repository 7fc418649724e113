//! Tables for `scheduler`.

use crate::{Check, Gap};
use k8s_openapi::api::core::v1::{Node, Pod};
use kubarium_core::scheduler::fit_error;
use kubarium_core::scheduler::framework::{NodeInfo, NodeSpec, Placed, PodInfo, Refusal, normalize};
use kubarium_core::scheduler::plugins::{
    balanced_allocation, image_locality, inter_pod_affinity, node_affinity, node_name, node_ports, node_resources_fit,
    node_unschedulable, pod_topology_spread, taint_toleration,
};
use kubarium_core::scheduler::queue;
use kubarium_core::scheduler::resources::{self, Resources};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("node_affinity_match", node_affinity_match),
    ("pod_resource_requests", pod_resource_requests),
    ("scheduler_backoff", backoff),
    ("scheduler_balanced_allocation", balanced),
    ("scheduler_fit", fit),
    ("scheduler_fit_error", fit_error_text),
    ("scheduler_image_locality", images),
    ("scheduler_interpod_affinity_filter", interpod_filter),
    ("scheduler_interpod_affinity_filter_nodes", interpod_filter_nodes),
    ("scheduler_interpod_affinity_score", interpod_score),
    ("scheduler_interpod_hard_affinity_score", interpod_score),
    ("scheduler_least_allocated", least_allocated),
    ("scheduler_most_allocated", most_allocated),
    ("scheduler_node_affinity_filter", affinity_filter),
    ("scheduler_node_affinity_score", affinity_score),
    ("scheduler_node_name", |_, c| filter_one(c, node_name::filter)),
    ("scheduler_node_ports", ports),
    ("scheduler_node_unschedulable", |_, c| filter_one(c, node_unschedulable::filter)),
    ("scheduler_nodes_to_find", nodes_to_find),
    ("scheduler_preemption_best_node", preemption),
    ("scheduler_resource_requests", scoring_requests),
    ("scheduler_taint_filter", |_, c| filter_one(c, taint_toleration::filter)),
    ("scheduler_taint_score", taint_score),
    ("scheduler_topology_spread_filter_multiple", spread_filter),
    ("scheduler_topology_spread_filter_single", spread_filter),
    ("scheduler_topology_spread_score", spread_score),
    ("toleration_tolerates_taint", tolerates),
    ("untolerated_taint", untolerated),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[
    (
        "scheduler_topology_spread_score",
        "existing pods in a different namespace do not count",
        "the row does not say in which namespaces the pods are",
    ),
    (
        "scheduler_topology_spread_score",
        "matchLabelKeys ignored when feature gate disabled",
        "a row with a gate off that is on in 1.36",
    ),
    (
        "untolerated_taint",
        "tolerations match taints, expect tolerated",
        "the row does not say that only NoExecute is looked at",
    ),
];

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: {got:?}, want {want:?}")) }
}

fn pod(v: &Value) -> Pod {
    serde_json::from_value(v.clone()).expect("pod")
}

fn info(v: &Value) -> PodInfo {
    PodInfo::new(&pod(v))
}

fn node(v: &Value) -> NodeInfo {
    NodeInfo::new(&serde_json::from_value::<Node>(v.clone()).expect("node"))
}

fn list<'a>(v: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    v[key].as_array().into_iter().flatten()
}

fn status(refusal: Option<&Refusal>) -> Value {
    match refusal {
        None => json!({"code": "Success"}),
        Some(r) => json!({
            "code": fit_error::code_name(r.code()),
            "reasons": r.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
    }
}

fn filter_one(c: &Value, filter: fn(&PodInfo, &NodeInfo) -> Option<Refusal>) -> Result<(), String> {
    same("status", status(filter(&info(&c["pod"]), &node(&c["node"])).as_ref()), c["expect_status"].clone())
}

/// Compares scores by node; nodes that are not expected score 0.
fn scores(c: &Value, nodes: &[NodeInfo], got: &[i64]) -> Result<(), String> {
    let got: BTreeMap<String, i64> = nodes.iter().map(|n| n.name.to_string()).zip(got.iter().copied()).collect();
    let want = c["expect_scores"].as_object().into_iter().flatten();
    same("scores", got, want.map(|(k, v)| (k.clone(), v.as_i64().unwrap_or(-1))).collect())
}

fn tolerates(_: &Value, c: &Value) -> Result<(), String> {
    let taint = serde_json::from_value::<k8s_openapi::api::core::v1::Taint>(c["taint"].clone()).expect("taint");
    let own = serde_json::from_value::<k8s_openapi::api::core::v1::Toleration>(c["toleration"].clone()).expect("t");
    let comparing = c["enable_taint_toleration_comparison_operators_fg"] == true;
    let got = taint_toleration::Toleration::from(&own).tolerates_with(&(&taint).into(), comparing);
    same("tolerates", got, c["expect"] == true)
}

fn untolerated(_: &Value, c: &Value) -> Result<(), String> {
    let spec = json!({"spec": {"tolerations": c["tolerations"]}});
    let at = json!({"spec": {"taints": c["taints"]}});
    let only = c["taints_looked_at"].as_str().unwrap_or("all").to_owned();
    let node = node(&at);
    let comparing = c["enable_comparison_operators_fg"] == true;
    let tolerations = info(&spec).tolerations;
    let looked_at = |t: &taint_toleration::Taint| only == "all" || only.contains(&format!("{:?}", t.effect));
    let got = node.spec.taints.iter().filter(|t| looked_at(t)).all(|t| {
        let tolerated = tolerations.iter().any(|o| o.tolerates_with(t, comparing));
        let plain = taint_toleration::untolerated(std::slice::from_ref(t), &tolerations, |_| true).is_none();
        tolerated && (comparing || plain)
    });
    same("tolerated", got, c["expect_tolerated"] == true)
}

fn node_with(c: &Value) -> NodeInfo {
    node(&json!({"metadata": {"name": c["node_name"], "labels": c["labels"]}}))
}

fn node_affinity_match(_: &Value, c: &Value) -> Result<(), String> {
    let n = node_with(c);
    same("match", info(&c["pod"]).node_rules.admit(&n.spec.labels, &n.name), c["expect"] == true)
}

fn affinity_filter(_: &Value, c: &Value) -> Result<(), String> {
    let (p, n) = (info(&c["pod"]), node_with(c));
    same("status", status(node_affinity::filter(&p, &n).as_ref()), c["expect_status"].clone())?;
    if c["run_pre_filter"] != true {
        return Ok(());
    }
    let named = p.node_rules.named_nodes();
    if let Some(want) = c["expect_pre_filter_result"].get("node_names") {
        let got = named.clone().ok().flatten().map(|n| json!(n));
        same("named nodes", got, Some(want.clone()))?;
    }
    match &c["expect_pre_filter_status"] {
        Value::Null => Ok(()),
        s if s["code"] == "Skip" => same("skips", p.node_rules.admit_all(), true),
        s => same("pre-filter", status(named.err().as_ref()), s.clone()),
    }
}

fn affinity_score(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    match &c["expect_pre_score_status"] {
        s if s["code"] == "Skip" => return same("skips", p.node_rules.preferred.is_empty(), true),
        s if s["code"] == "Error" => {
            return same("error", json!(p.node_rules.preferred_error()), s["error"].clone());
        }
        _ => {}
    }
    let nodes: Vec<NodeInfo> = list(c, "nodes").map(node).collect();
    let mut got: Vec<i64> = nodes.iter().map(|n| node_affinity::score(&p, n)).collect();
    normalize(&mut got, false);
    scores(c, &nodes, &got)
}

fn taint_score(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    let nodes: Vec<NodeInfo> = list(c, "nodes").map(node).collect();
    let mut got: Vec<i64> = nodes.iter().map(|n| taint_toleration::score(&p, n)).collect();
    normalize(&mut got, true);
    scores(c, &nodes, &got)
}

fn pod_resource_requests(_: &Value, c: &Value) -> Result<(), String> {
    let array = |key: &str| c.get(key).cloned().unwrap_or(json!([]));
    let spec = json!({"spec": {"containers": array("containers"), "initContainers": array("init_containers"),
        "overhead": c.get("overhead").cloned().unwrap_or(json!({})), "resources": c["pod_resources"]}});
    let got = resources::pod_requests(pod(&spec).spec.as_ref().expect("spec"), false);
    let want: resources::Amounts = c["expect"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, q)| (k.clone(), resources::amount(&serde_json::from_value(q.clone()).expect("quantity"))))
        .collect();
    same("requests", got, want)
}

fn scoring_requests(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    let got = json!({"cpu": p.nonzero_cpu, "memory": p.nonzero_memory});
    same("requests", got, c["expect"].clone())
}

fn backoff(_: &Value, c: &Value) -> Result<(), String> {
    let nanos = |key: &str| go_nanos(c[key].as_str().unwrap_or_default());
    let n = c["count"].as_u64().unwrap_or(0) as u32;
    let (first, most) = (nanos("initial_backoff_duration"), nanos("max_backoff_duration"));
    same("back-off", queue::backoff(n, first, most), nanos("expect"))
}

/// A duration as Go prints it, in nanoseconds.
fn go_nanos(text: &str) -> u64 {
    let mut rest = text;
    let mut sum = 0u128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let unit: u128 = match &tail[..end] {
            "ns" => 1,
            "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => panic!("unit {other:?}"),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        sum += whole.parse::<u128>().expect("number") * unit;
        if !fraction.is_empty() {
            sum += fraction.parse::<u128>().expect("number") * unit / 10u128.pow(fraction.len() as u32);
        }
        rest = &tail[end..];
    }
    sum as u64
}

fn nodes_to_find(_: &Value, c: &Value) -> Result<(), String> {
    let percentage = c["profile_percentage"].as_u64().or(c["global_percentage"].as_u64()).unwrap_or(0);
    let all = c["num_all_nodes"].as_u64().unwrap_or(0) as usize;
    let got = kubarium_core::scheduler::algorithm::nodes_to_find(all, percentage as usize);
    same("nodes", got as u64, c["expect"].as_u64().unwrap_or(0))
}

/// A resource list whose amounts may be bare numbers, as texts.
fn texts(v: &Value) -> Value {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    v.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), json!(text(v)))).collect::<Value>()
}

fn fit(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    let mut allocatable = json!({"cpu": "10m", "memory": "20"});
    if c["node_allocatable"].as_object().is_some_and(|a| a.len() > 1) {
        allocatable = texts(&c["node_allocatable"]);
    } else {
        // The rows about the number of pods name nothing else of the node.
        allocatable["pods"] = texts(&c["node_allocatable"])["pods"].clone();
    }
    let mut n = node(&json!({"status": {"allocatable": allocatable}}));
    n.pods = c["existing_pods"].as_i64().unwrap_or(0);
    let used = &c["existing_requested"];
    let number = |key: &str| used[key].as_i64().unwrap_or(0);
    n.requested = Resources {
        cpu: number("milli_cpu"),
        memory: number("memory"),
        ephemeral: number("ephemeral_storage"),
        scalar: used["scalar_resources"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.as_str().into(), v.as_i64().unwrap_or(0)))
            .collect(),
    };
    let names = |key: &str| -> Vec<String> {
        c["ignored"][key].as_array().into_iter().flatten().filter_map(|v| Some(v.as_str()?.to_owned())).collect()
    };
    let (resources, groups) = (names("ignored_resources"), names("ignored_resource_groups"));
    let ignored = |name: &str| {
        resources.iter().any(|r| r == name) || groups.iter().any(|g| name.split('/').next() == Some(g.as_str()))
    };
    let shortages = node_resources_fit::shortages(&p, &n, ignored);
    if resources.is_empty() && groups.is_empty() {
        same("status", status(node_resources_fit::filter(&p, &n).as_ref()), c["expect"].clone())?;
    }
    let Some(want) = c["expect_insufficient"].as_array() else {
        return same(
            "fits",
            shortages.is_empty(),
            c["expect"]["code"] == "Success" || c["expect"]["reasons"].is_array() && shortages.is_empty(),
        );
    };
    let got: Vec<Value> = shortages
        .iter()
        .map(|s| {
            let mut v =
                json!({"resource": &*s.resource, "requested": s.requested, "used": s.used, "capacity": s.capacity});
            let object = v.as_object_mut().expect("object");
            for key in ["requested", "used", "capacity"] {
                // Rows name zeros or leave them out.
                if object[key] == 0 && want.iter().all(|w| w.get(key).is_none()) {
                    object.remove(key);
                }
            }
            v
        })
        .collect();
    same("shortages", got, want.clone())
}

fn fit_error_text(_: &Value, c: &Value) -> Result<(), String> {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let statuses = c["node_statuses"].as_object();
    for reason in statuses.into_iter().flatten().flat_map(|(_, v)| v.as_array().into_iter().flatten()) {
        *reasons.entry(reason.as_str().unwrap_or_default().into()).or_default() += 1;
    }
    let all = c["num_all_nodes"].as_u64().unwrap_or(0) as usize;
    let absent = all - statuses.map_or(0, |s| s.len());
    for reason in list(c, "absent_nodes_reasons").filter(|_| absent > 0) {
        *reasons.entry(reason.as_str().unwrap_or_default().into()).or_default() += absent;
    }
    let got = fit_error::message(all, c["prefilter_message"].as_str(), &reasons, c["postfilter_message"].as_str());
    same("text", json!(got), c["expect"].clone())
}

/// Nodes of a case with its existing pods counted in, and the pod.
fn cluster(c: &Value, pods: &str) -> (PodInfo, Vec<NodeInfo>) {
    let mut nodes: Vec<NodeInfo> = list(c, "nodes").map(node).collect();
    for p in list(c, pods) {
        let info = info(p);
        if let Some(n) = nodes.iter_mut().find(|n| info.node_name.as_deref() == Some(&*n.name)) {
            n.account(&info, 1);
        }
    }
    (info(&c["requested_pod"]), nodes)
}

fn weights(c: &Value) -> Vec<(&str, i64)> {
    c["resource_weights"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.as_str(), v.as_i64().unwrap_or(0)))
        .collect()
}

fn allocated(c: &Value, strategy: node_resources_fit::Strategy) -> Result<(), String> {
    let (p, nodes) = cluster(c, "existing_pods");
    let weights = weights(c);
    let got: Vec<i64> = nodes.iter().map(|n| node_resources_fit::score_by(strategy, &p, n, &weights)).collect();
    scores(c, &nodes, &got)?;
    if strategy == node_resources_fit::Strategy::LeastAllocated && weights == [("cpu", 1), ("memory", 1)] {
        let got: Vec<i64> = nodes.iter().map(|n| node_resources_fit::score(&p, n)).collect();
        scores(c, &nodes, &got)?;
    }
    same("status", if weights.is_empty() { "Error" } else { "Success" }, c["expect_status_code"].as_str().unwrap_or(""))
}

fn least_allocated(_: &Value, c: &Value) -> Result<(), String> {
    allocated(c, node_resources_fit::Strategy::LeastAllocated)
}

fn most_allocated(_: &Value, c: &Value) -> Result<(), String> {
    allocated(c, node_resources_fit::Strategy::MostAllocated)
}

fn balanced(_: &Value, c: &Value) -> Result<(), String> {
    let (p, nodes) = cluster(c, "existing_pods");
    let resources: Vec<&str> = weights(c).into_iter().map(|w| w.0).collect();
    if c["run_pre_score"] == true {
        let skip = c["expect_pre_score_status_code"] == "Skip";
        same("skips", balanced_allocation::skips(&p, &resources), skip)?;
        if skip {
            return Ok(());
        }
    }
    let got: Vec<i64> = nodes.iter().map(|n| balanced_allocation::score_by(&p, n, &resources)).collect();
    scores(c, &nodes, &got)
}

fn images(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    let nodes: Vec<NodeInfo> = list(c, "nodes").map(node).collect();
    let having = |image: &Arc<str>| nodes.iter().filter(|n| n.spec.images.contains_key(image)).count();
    let one = |n: &NodeInfo| {
        let part =
            |i: &Arc<str>| n.spec.images.get(i).map_or(0, |s| image_locality::image_part(*s, having(i), nodes.len()));
        image_locality::score(p.images.iter().map(part).sum(), p.containers)
    };
    scores(c, &nodes, &nodes.iter().map(one).collect::<Vec<_>>())
}

fn ports(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    let mut n = NodeInfo { spec: Arc::new(NodeSpec::default()), ..NodeInfo::default() };
    list(c, "existing_pods").for_each(|e| n.account(&info(e), 1));
    if !c["expect_pre_filter_status"].is_null() {
        same("skips", p.ports.is_empty(), c["expect_pre_filter_status"]["code"] == "Skip")?;
    }
    same("status", status(node_ports::filter(&p, &n).as_ref()), c["expect_filter_status"].clone())
}

/// Nodes given as name and labels, and pods given as labels, node and more.
struct Spread {
    nodes: Vec<NodeInfo>,
    pods: Vec<(PodInfo, usize, bool)>,
}

impl Spread {
    fn new(c: &Value, lists: &[&str]) -> Spread {
        let plain = |v: &Value| {
            node(&json!({"metadata": {"name": v["name"], "labels": v["labels"]}, "spec": {
            "taints": v.get("taints").cloned().unwrap_or(json!([]))}}))
        };
        let nodes: Vec<NodeInfo> = lists.iter().flat_map(|l| list(c, l)).map(plain).collect();
        let pods = list(c, "existing_pods")
            .filter_map(|p| {
                let at = nodes.iter().position(|n| Some(&*n.name) == p["node"].as_str())?;
                let gone = !p["deletionTimestamp"].is_null() || p["terminating"] == true;
                let namespace = p["namespace"].as_str().unwrap_or_default();
                Some((info(&json!({"metadata": {"labels": p["labels"], "namespace": namespace}})), at, gone))
            })
            .collect();
        Spread { nodes, pods }
    }

    fn placed(&self) -> Vec<Placed<'_>> {
        self.pods
            .iter()
            .map(|(pod, node, terminating)| Placed { pod, node: *node, terminating: *terminating })
            .collect()
    }
}

fn spread_filter(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    let s = Spread::new(c, &["nodes"]);
    let nodes: Vec<&NodeInfo> = s.nodes.iter().collect();
    let domains = pod_topology_spread::domains(&p, &p.hard_spread, &nodes, &s.placed(), true);
    let got: Value = nodes
        .iter()
        .map(|n| {
            let refusal = pod_topology_spread::filter(&p, n, &domains);
            (n.name.to_string(), json!(refusal.map_or("Success", |r| fit_error::code_name(r.code()))))
        })
        .collect();
    same("codes", got, c["expect_code_by_node"].clone())
}

fn spread_score(_: &Value, c: &Value) -> Result<(), String> {
    let p = info(&c["pod"]);
    let s = Spread::new(c, &["nodes", "failed_nodes"]);
    let nodes: Vec<&NodeInfo> = s.nodes.iter().collect();
    let feasible: Vec<usize> = (0..list(c, "nodes").count()).collect();
    let (constraints, all_keys) = if p.default_spread {
        let selectors: Vec<BTreeMap<String, String>> =
            list(c, "objs").filter_map(|o| serde_json::from_value(o["spec"]["selector"].clone()).ok()).collect();
        let selector = pod_topology_spread::default_selector(&p, selectors.iter(), None);
        (selector.map_or(vec![], |s| pod_topology_spread::Constraint::system_defaults(&s)), false)
    } else {
        (p.soft_spread.clone(), true)
    };
    let got = pod_topology_spread::scores(&p, &constraints, &nodes, &feasible, &s.placed(), all_keys);
    scores(c, &s.nodes[..feasible.len()], &got)
}

fn namespaces(file: &Value) -> inter_pod_affinity::NamespaceLabels {
    let labels = file["given"]["namespace_labels"].as_object();
    labels
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), Arc::new(serde_json::from_value(v.clone()).expect("labels"))))
        .collect()
}

struct Affinity {
    nodes: Vec<NodeInfo>,
    pods: Vec<(PodInfo, usize)>,
}

impl Affinity {
    fn new(c: &Value) -> Affinity {
        let nodes: Vec<NodeInfo> =
            if c["node"].is_null() { list(c, "nodes").map(node).collect() } else { vec![node(&c["node"])] };
        let place = |v: &Value| {
            let p = info(v);
            let at = nodes.iter().position(|n| p.node_name.as_deref() == Some(&*n.name))?;
            Some((p, at))
        };
        let pods = list(c, "pods").filter_map(place).collect();
        Affinity { nodes, pods }
    }

    fn placed(&self) -> Vec<Placed<'_>> {
        self.pods.iter().map(|(pod, node)| Placed { pod, node: *node, terminating: false }).collect()
    }

    fn statuses(&self, file: &Value, c: &Value) -> (Vec<Value>, bool) {
        let (p, spaces) = (info(&c["pod"]), namespaces(file));
        let nodes: Vec<&NodeInfo> = self.nodes.iter().collect();
        let state = inter_pod_affinity::FilterState::new(&p, &nodes, &self.placed(), &spaces);
        let one = |n: &&NodeInfo| status(inter_pod_affinity::filter(&p, n, &state, &spaces).as_ref());
        (nodes.iter().map(one).collect(), state.skips(&p))
    }
}

fn interpod_filter(file: &Value, c: &Value) -> Result<(), String> {
    let (got, skips) = Affinity::new(c).statuses(file, c);
    if !c["expect_pre_filter_status"].is_null() {
        same("skips", skips, c["expect_pre_filter_status"]["code"] == "Skip")?;
    }
    same("status", got[0].clone(), c["expect_filter_status"].clone())
}

fn interpod_filter_nodes(file: &Value, c: &Value) -> Result<(), String> {
    let (got, _) = Affinity::new(c).statuses(file, c);
    same("statuses", json!(got), c["expect_by_node"].clone())
}

fn interpod_score(file: &Value, c: &Value) -> Result<(), String> {
    let (p, a) = (info(&c["pod"]), Affinity::new(c));
    let nodes: Vec<&NodeInfo> = a.nodes.iter().collect();
    let hard = c["hard_pod_affinity_weight"].as_i64().unwrap_or(inter_pod_affinity::HARD_AFFINITY_WEIGHT);
    if c["expect_status"]["code"] == "Error" {
        let texts = p.affinity.errors.join(" ");
        let told = list(&c["expect_status"], "reasons").all(|r| texts.contains(r.as_str().unwrap_or_default()));
        return same("error", told && !p.affinity.errors.is_empty(), true);
    }
    let pairs = inter_pod_affinity::score_pairs(&p, &nodes, &a.placed(), &namespaces(file), hard);
    same("skips", pairs.is_empty(), c["expect_status"]["code"] == "Skip")?;
    if pairs.is_empty() {
        return Ok(());
    }
    let raw: Vec<i64> = nodes.iter().map(|n| inter_pod_affinity::raw_score(n, &pairs)).collect();
    let (min, max) = (*raw.iter().min().unwrap_or(&0), *raw.iter().max().unwrap_or(&0));
    let got: Vec<i64> = raw.iter().map(|s| inter_pod_affinity::normalize(*s, min, max)).collect();
    scores(c, &a.nodes, &got)
}

fn preemption(_: &Value, c: &Value) -> Result<(), String> {
    use kubarium_core::clock::SimTime;
    use kubarium_core::scheduler::cache::Cluster;
    use kubarium_core::scheduler::preemption::Resident;
    let mut cluster = Cluster::default();
    for name in list(c, "nodes").filter_map(Value::as_str) {
        let n = node(
            &json!({"metadata": {"name": name}, "status": {"allocatable": {"cpu": "500m", "memory": "500", "pods": "32"}}}),
        );
        cluster.set_node(name, Some((*n.spec).clone()));
    }
    let read = |v: &Value, priority: &Value| {
        info(&json!({"spec": {"priority": priority, "containers": [{"resources": {"requests": v}}]}}))
    };
    let mut residents: BTreeMap<String, Vec<Resident>> = BTreeMap::new();
    for (i, p) in list(c, "pods").enumerate() {
        let group = cluster.group(1 + i as u32, "", || read(&p["requests"], &p["priority"]));
        let at = p["node"].as_str().unwrap_or_default();
        cluster.set_pod(i as u64, group, at, false);
        // The rows' times lie nanoseconds apart, and only their order matters.
        let text = p["startTime"].as_str().unwrap_or_default();
        let fraction: String = text.split_once('.').map_or("", |t| t.1).chars().filter(char::is_ascii_digit).collect();
        let seconds: u64 = text.get(17..19).and_then(|s| s.parse().ok()).unwrap_or(0);
        let start = SimTime(seconds * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().unwrap_or(0));
        let priority = p["priority"].as_i64().unwrap_or(0) as i32;
        let resident = Resident {
            pod: i as u64,
            group,
            priority,
            start,
            leaving: false,
            budgets: Default::default(),
            budgeted: false,
        };
        residents.entry(at.to_owned()).or_default().push(resident);
    }
    let group = cluster.group(0, "", || read(&c["pod_requests"], &c["pod_priority"]));
    let mut rng = kubarium_core::rng::Rng::stream(1, "preemption");
    let found = cluster.preempt(group, &[], &mut rng, |_, node| residents.get(node).cloned().unwrap_or_default());
    let node = found.map(|f| f.node.to_string()).map_err(|e| format!("{e:?}"))?;
    same("one of", list(c, "expect_one_of").any(|n| n.as_str() == Some(node.as_str())), true)
        .map_err(|e| format!("{node}: {e}"))
}
