//! Tables of the Deployment, ReplicaSet, StatefulSet, DaemonSet, Endpoints and EndpointSlice controllers.

use crate::{Check, Gap};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, PodStatus, PodTemplateSpec, Service, ServicePort};
use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::controllers::deployment::{rolling, status, util};
use kubarium_core::controllers::{daemonset, disruption, endpoints, endpointslice, replicaset, statefulset};
use kubarium_core::sim::{Config, Sim};
use kubarium_core::store::pod::{Deletion, LabelSet, Phase, PodProto, PodRecord, PodStatusRecord};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("deployment_cleanup_unhealthy_replicas", cleanup_unhealthy),
    ("deployment_complete", complete),
    ("deployment_history_cleanup", history_cleanup),
    ("deployment_history_cleanup_order", history_order),
    ("deployment_max_unavailable", max_unavailable),
    ("deployment_min_available", min_available),
    ("deployment_new_rs_new_replicas", new_replicas),
    ("deployment_old_pods_running", old_pods_running),
    ("deployment_progressing", progressing),
    ("deployment_proportional_scale", proportional),
    ("deployment_reconcile_new_replica_set", reconcile_new),
    ("deployment_reconcile_old_replica_sets", reconcile_old),
    ("deployment_replica_set_fraction", fraction),
    ("deployment_replica_set_name", name),
    ("deployment_requeue_stuck", requeue),
    ("deployment_resolve_fenceposts", fenceposts),
    ("deployment_scale_down_old_replica_sets", scale_down_old),
    ("deployment_sync_rollout_status", rollout_status),
    ("deployment_template_equal", template_equal),
    ("deployment_timed_out", timed_out),
    ("pdb_status", budget_status),
    ("replicaset_deletion_order", deletion_order),
    ("replicaset_pods_to_delete", pods_to_delete),
    ("replicaset_slow_start", slow_start),
    ("replicaset_status", rs_status),
    ("replicaset_status_conditions", rs_conditions),
    ("daemonset_should_run", daemon_should_run),
    ("statefulset_max_unavailable", set_max_unavailable),
    ("endpoints_should_contain_pod", should_contain),
    ("endpointslice_conditions", endpoint),
    ("endpointslice_max_per_slice", max_per_slice),
    ("endpointslice_named_port", named_port),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

fn same<T: PartialEq + std::fmt::Debug>(got: T, want: T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("got {got:?}, want {want:?}")) }
}

fn int(v: &Value) -> i32 {
    v.as_i64().unwrap_or(0) as i32
}

fn typed<T: DeserializeOwned>(v: Value) -> T {
    serde_json::from_value(v).expect("a typed object")
}

/// The tables' times lie before any session: twenty years later they mean the same.
fn later(v: &Value) -> Value {
    match v {
        Value::String(s) => match s.parse::<k8s_openapi::jiff::Timestamp>() {
            Ok(t) if s.len() >= 20 => {
                let shifted = t.as_second() + 20 * 366 * 86_400;
                k8s_openapi::jiff::Timestamp::from_second(shifted).expect("a time").to_string().into()
            }
            _ => v.clone(),
        },
        Value::Array(a) => a.iter().map(later).collect(),
        Value::Object(o) => o.iter().map(|(k, v)| (k.clone(), later(v))).collect(),
        _ => v.clone(),
    }
}

fn time(v: &Value) -> SimTime {
    v.as_str().and_then(SimTime::parse_rfc3339).unwrap_or(SimTime::from_secs(1_000_000))
}

/// A Deployment from a table's short form.
fn deployment(v: &Value) -> Deployment {
    let mut spec = json!({"replicas": v["replicas"], "strategy": v["strategy"], "progressDeadlineSeconds": v["progress_deadline_seconds"], "template": {}, "selector": {}});
    if v["strategy"].is_null() || v["strategy"].is_string() {
        let type_ = v["strategy"].as_str().unwrap_or("RollingUpdate");
        spec["strategy"] = json!({"type": type_, "rollingUpdate": {"maxSurge": or_zero(&v["max_surge"]), "maxUnavailable": or_zero(&v["max_unavailable"])}});
    }
    typed(json!({"metadata": {"name": "foo", "generation": v["generation"]}, "spec": spec, "status": v["status"]}))
}

fn or_zero(v: &Value) -> Value {
    if v.is_null() { json!(0) } else { v.clone() }
}

/// A ReplicaSet from a table's short form.
fn rs(v: &Value) -> Arc<ReplicaSet> {
    let mut status = v["status"].clone();
    if status.is_null() {
        status = json!({"replicas": 0});
    }
    let created = v["created"].as_str().unwrap_or("2026-01-01T00:00:00Z");
    Arc::new(typed(json!({
        "metadata": {"name": v["name"], "annotations": v["annotations"], "creationTimestamp": created, "deletionTimestamp": if v["deleting"] == true { json!(created) } else { Value::Null }, "generation": v["generation"]},
        "spec": {"replicas": v["replicas"], "selector": {}},
        "status": status,
    })))
}

fn rss(v: &Value) -> Vec<Arc<ReplicaSet>> {
    v.as_array().into_iter().flatten().map(rs).collect()
}

fn sized(name: &str, size: i32, available: i32, minute: u32) -> Arc<ReplicaSet> {
    rs(
        &json!({"name": name, "replicas": size, "status": {"replicas": size, "availableReplicas": available, "readyReplicas": available}, "created": format!("2026-01-01T00:{minute:02}:00Z")}),
    )
}

fn cleanup_unhealthy(_: &Value, c: &Value) -> Result<(), String> {
    let old = sized("foo-v2", int(&c["old_rs_replicas"]), int(&c["available_pods"]), 0);
    let out = util::cleanup_unhealthy(std::slice::from_ref(&old), int(&c["max_cleanup"]));
    let cleaned: i32 = out.iter().map(|(r, size)| util::rs_replicas(r) - size).sum();
    same(cleaned, int(&c["expect_cleaned_up"]))
}

fn complete(_: &Value, c: &Value) -> Result<(), String> {
    let d = deployment(&c["deployment"]);
    same(Some(util::complete(&d, &d.status.clone().unwrap_or_default())), c["expect"].as_bool())
}

fn history(c: &Value) -> Vec<String> {
    let mut d = deployment(&json!({"replicas": 1}));
    d.spec.get_or_insert_default().revision_history_limit = c["revision_history_limit"].as_i64().map(|n| n as i32);
    let gone = util::history_cleanup(&d, &rss(&c["old_rss"]));
    gone.iter().map(|r| r.metadata.name.clone().unwrap_or_default()).collect()
}

fn history_cleanup(_: &Value, c: &Value) -> Result<(), String> {
    same(history(c).len() as i32, int(&c["expect_deletions"]))
}

fn history_order(_: &Value, c: &Value) -> Result<(), String> {
    let mut got = history(c);
    let mut want: Vec<String> =
        c["expect_deleted"].as_array().into_iter().flatten().filter_map(|s| s.as_str().map(str::to_string)).collect();
    got.sort();
    want.sort();
    same(got, want)
}

fn max_unavailable(_: &Value, c: &Value) -> Result<(), String> {
    same(util::max_unavailable(&deployment(c)), int(&c["expect"]))
}

fn min_available(_: &Value, c: &Value) -> Result<(), String> {
    same(util::min_available(&deployment(c)), int(&c["expect"]))
}

fn new_replicas(file: &Value, c: &Value) -> Result<(), String> {
    let d = deployment(
        &json!({"replicas": c["deployment_replicas"], "strategy": c["strategy_type"], "max_surge": c["max_surge"], "max_unavailable": file["given"]["max_unavailable"]}),
    );
    let new = sized("foo-v2", int(&c["new_rs_replicas"]), 0, 1);
    let old = sized("foo-v1", int(&file["given"]["old_rs_replicas"]), 0, 0);
    same(util::new_rs_new_replicas(&d, &[old, new.clone()], &new), int(&c["expect_new_rs_replicas"]))
}

fn old_pods_running(_: &Value, c: &Value) -> Result<(), String> {
    let new_uid = c["new_rs"]["name"].as_str().unwrap_or_default();
    let actual: i32 = rss(&c["old_rss"]).iter().map(|r| r.status.as_ref().map_or(0, |s| s.replicas)).sum();
    let mut phases = vec![];
    for (uid, pods) in c["pods_by_replica_set_uid"].as_object().into_iter().flatten() {
        if !new_uid.is_empty() && new_uid.ends_with(uid.as_str()) {
            continue;
        }
        phases.extend(pods.as_array().into_iter().flatten().map(|p| phase(&p["phase"])));
    }
    same(Some(kubarium_core::controllers::deployment::waits_for(actual, phases)), c["expect"].as_bool())
}

fn phase(v: &Value) -> Phase {
    match v.as_str() {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some("Unknown") => Phase::Unknown,
        _ => Phase::Pending,
    }
}

fn progressing(_: &Value, c: &Value) -> Result<(), String> {
    let new: DeploymentStatus = typed(c["new_status"].clone());
    same(Some(util::progressing(&deployment(&c["deployment"]), &new)), c["expect"].as_bool())
}

fn proportional(_: &Value, c: &Value) -> Result<(), String> {
    let before = deployment(&c["deployment_before"]);
    let d = Arc::new(deployment(&c["deployment"]));
    let annotate = |r: Arc<ReplicaSet>| {
        let mut r = (*r).clone();
        let name = r.metadata.name.clone().unwrap_or_default();
        let desired =
            c["desired_replicas_annotation_before"][&name].as_i64().map_or(util::replicas(&before), |n| n as i32);
        util::set_replicas_annotations(&mut r, desired, desired + util::max_surge(&before));
        Arc::new(r)
    };
    let old: Vec<_> = rss(&c["old_rss"]).into_iter().map(annotate).collect();
    let new = (!c["new_rs"].is_null()).then(|| annotate(rs(&c["new_rs"])));
    let changes = kubarium_core::controllers::deployment::scale_plan(&d, &new, &old);
    let size = |r: &Arc<ReplicaSet>| {
        changes.iter().find(|(x, _)| x.metadata.name == r.metadata.name).map_or(util::rs_replicas(r), |(_, n)| *n)
    };
    if let Some(n) = &new {
        same(size(n), int(&c["expect_new_rs_replicas"]))?;
    }
    for r in &old {
        let name = r.metadata.name.clone().unwrap_or_default();
        same((name.clone(), size(r)), (name.clone(), int(&c["expect_old_rs_replicas"][&name])))?;
    }
    Ok(())
}

fn reconcile_new(_: &Value, c: &Value) -> Result<(), String> {
    let d =
        deployment(&json!({"replicas": c["deployment_replicas"], "max_surge": c["max_surge"], "max_unavailable": 0}));
    let new = sized("foo-v2", int(&c["new_rs_replicas"]), 0, 1);
    let old = sized("foo-v1", int(&c["old_rs_replicas"]), 0, 0);
    let size = rolling::new_size(&d, &[old, new.clone()], &new);
    same(size.unwrap_or(util::rs_replicas(&new)), int(&c["expect_new_rs_replicas"]))?;
    same(Some(size.is_some()), c["expect_scaled"].as_bool())
}

fn reconcile_old(_: &Value, c: &Value) -> Result<(), String> {
    let d = deployment(
        &json!({"replicas": c["deployment_replicas"], "max_surge": 0, "max_unavailable": c["max_unavailable"]}),
    );
    let new = sized("foo-new", int(&c["new_rs_replicas"]), int(&c["available_in_new_rs"]), 1);
    let old = sized("foo-old", int(&c["old_rs_replicas"]), int(&c["available_in_old_rs"]), 0);
    let sizes = rolling::old_sizes(&d, &[old.clone(), new.clone()], &new, std::slice::from_ref(&old));
    same(sizes.first().map_or(util::rs_replicas(&old), |s| s.1), int(&c["expect_old_rs_replicas"]))?;
    same(Some(!sizes.is_empty()), c["expect_scaled"].as_bool())
}

fn fraction(_: &Value, c: &Value) -> Result<(), String> {
    let d = deployment(
        &json!({"replicas": c["deployment_replicas"], "max_surge": c["deployment_max_surge"], "max_unavailable": 0, "status": {"replicas": c["deployment_status_replicas"]}}),
    );
    let mut r = (*sized("foo", int(&c["rs_replicas"]), 0, 0)).clone();
    if let Some(n) = c["rs_max_replicas_annotation"]
        .as_i64()
        .map(|n| n.to_string())
        .or_else(|| c["rs_max_replicas_annotation"].as_str().map(str::to_string))
    {
        r.metadata.annotations.get_or_insert_default().insert(util::MAX_REPLICAS.into(), n);
    }
    same(util::fraction(&r, &d), int(&c["expect_change"]))
}

fn name(_: &Value, c: &Value) -> Result<(), String> {
    let text = |k: &str| c[k].as_str().unwrap_or_default();
    same(util::replica_set_name(text("deployment_name"), text("hash")).as_str(), text("expect"))
}

fn requeue(_: &Value, c: &Value) -> Result<(), String> {
    let c = later(c);
    let new: DeploymentStatus = typed(c["status"].clone());
    let got = status::requeue(&deployment(&c["deployment"]), &new, time(&c["now"])).map(SimDuration::as_secs);
    same(got, c["expect_requeue_after_seconds"].as_u64())
}

fn fenceposts(_: &Value, c: &Value) -> Result<(), String> {
    let value = |k: &str| (!c[k].is_null()).then(|| typed(c[k].clone()));
    match util::resolve_fenceposts(value("max_surge").as_ref(), value("max_unavailable").as_ref(), int(&c["desired"])) {
        Ok(got) => {
            same(false, c["expect_error"] == true)?;
            same(got, (int(&c["expect_surge"]), int(&c["expect_unavailable"])))
        }
        Err(_) => same(true, c["expect_error"] == true),
    }
}

fn scale_down_old(_: &Value, c: &Value) -> Result<(), String> {
    let d = deployment(
        &json!({"replicas": c["deployment_replicas"], "max_surge": 0, "max_unavailable": c["max_unavailable"]}),
    );
    let old = sized("foo-old", int(&c["old_rs_replicas"]), 0, 0);
    let sizes = util::scale_down_old(std::slice::from_ref(&old), int(&c["available_pods"]), util::min_available(&d));
    same(sizes.first().map_or(util::rs_replicas(&old), |s| s.1), int(&c["expect_old_rs_replicas"]))?;
    same(Some(sizes.iter().any(|(r, n)| util::rs_replicas(r) != *n)), c["expect_scaled"].as_bool())
}

fn rollout_status(_: &Value, c: &Value) -> Result<(), String> {
    let mut c = later(c);
    // a condition whose times the row leaves out had those that are to be kept
    let kept = [("lastUpdateTime", "expect_last_update"), ("lastTransitionTime", "expect_last_transition")];
    for (field, want) in kept {
        let want = c[want].clone();
        for condition in c["deployment"]["status"]["conditions"].as_array_mut().into_iter().flatten() {
            if condition[field].is_null() && !want.is_null() {
                condition[field] = want.clone();
            }
        }
    }
    let d = deployment(&c["deployment"]);
    let new = (!c["new_rs"].is_null()).then(|| rs(&c["new_rs"]));
    let mut all = rss(&c["all_rss"]);
    all.extend(new.clone());
    // the test runs on a real clock, long after the times that its rows give
    let s = status::rollout_status(&d, &all, new.as_deref(), time(&json!("2046-02-15T18:50:00Z")));
    let type_ = c["expect_condition_type"].as_str().unwrap_or_default();
    if type_.is_empty() {
        return same(util::condition(&s, "Progressing").is_none(), true);
    }
    let got = util::condition(&s, type_).ok_or("no such condition")?;
    same(Some(got.status.as_str()), c["expect_status"].as_str())?;
    same(got.reason.as_deref(), c["expect_reason"].as_str())?;
    for (time, want) in
        [(&got.last_update_time, "expect_last_update"), (&got.last_transition_time, "expect_last_transition")]
    {
        if let Some(want) = c[want].as_str() {
            same(time.as_ref().map(|t| t.0.to_string()).as_deref(), Some(want))?;
        }
    }
    Ok(())
}

fn template_equal(_: &Value, c: &Value) -> Result<(), String> {
    let template = |k: &str| -> PodTemplateSpec { typed(c[k].clone()) };
    same(Some(util::equal_ignoring_hash(&template("former"), &template("latter"))), c["expect_equal"].as_bool())
}

fn timed_out(_: &Value, c: &Value) -> Result<(), String> {
    let c = later(c);
    let d = deployment(&c["deployment"]);
    let status = d.status.clone().unwrap_or_default();
    same(Some(util::timed_out(&d, &status, time(&c["now"]))), c["expect"].as_bool())
}

const NOW: SimTime = SimTime::from_secs(100_000_000);

fn rank<'a>(v: &'a Value) -> replicaset::Rank<'a> {
    let ago = |k: &str| v[k].as_u64().map(|s| SimTime(NOW.0 - s * 1_000_000));
    let text = |k: &str| v[k].as_str().unwrap_or_default();
    replicaset::Rank {
        assigned: !text("node").is_empty(),
        phase: phase(&v["phase"]),
        ready: v["ready"] == true,
        cost: v["deletion_cost"].as_str().and_then(|c| c.parse().ok()).unwrap_or(0),
        crowd: v["rank"].as_u64().unwrap_or(0) as usize,
        ready_since: ago("ready_since_seconds_ago"),
        restarts: (int(&v["max_restarts"]) as u32, int(&v["max_sidecar_restarts"]) as u32),
        created: ago("created_seconds_ago"),
        uid: text("uid"),
    }
}

fn deletion_order(_: &Value, c: &Value) -> Result<(), String> {
    use std::cmp::Ordering;
    if let Some([a, b]) = c["equal"].as_array().map(Vec::as_slice) {
        return same(replicaset::deletion_order(&rank(a), &rank(b), NOW), Ordering::Equal);
    }
    let (first, later) = (rank(&c["deleted_first"]), rank(&c["deleted_later"]));
    same(replicaset::deletion_order(&first, &later, NOW), Ordering::Less)?;
    same(replicaset::deletion_order(&later, &first, NOW), Ordering::Greater)
}

/// A pod record from an API pod.
fn record(v: &Value, id: u64) -> Arc<PodRecord> {
    let labels: BTreeMap<String, String> = v["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().into()))
        .collect();
    let spec: PodSpec = if v["spec"].is_null() { PodSpec::default() } else { typed(v["spec"].clone()) };
    let node = v["node"].as_str().map(str::to_string).or(spec.node_name.clone()).filter(|n| !n.is_empty());
    let proto = PodProto {
        id: id as u32,
        pod: Pod { spec: Some(spec), ..Pod::default() },
        labels: Arc::new(LabelSet {
            id: id as u32,
            pairs: labels.iter().map(|(k, v)| (Arc::from(k.as_str()), Arc::from(v.as_str()))).collect(),
        }),
        owners: Default::default(),
        controller: None,
        qos: "BestEffort",
    };
    let mut p = PodRecord {
        id,
        namespace: "test".into(),
        name: v["name"].as_str().unwrap_or_default().into(),
        rv: 0,
        created: SimTime::ZERO,
        generation: 1,
        deletion: (!v["deletionTimestamp"].is_null()).then(|| Box::new(Deletion { at: SimTime::ZERO, grace: 30 })),
        proto: Arc::new(proto),
        token: *b"xxxxx",
        node: node.map(Into::into),
        status: PodStatusRecord::default(),
    };
    if v["status"].is_object() {
        let status: PodStatus = typed(v["status"].clone());
        p.set_status(&status);
    } else {
        p.status.phase = phase(&v["phase"]);
        p.status.set_condition(kubarium_core::store::pod::READY, v["ready"] == true, SimTime::ZERO, None);
    }
    Arc::new(p)
}

fn records(v: &Value, from: u64) -> Vec<Arc<PodRecord>> {
    v.as_array().into_iter().flatten().enumerate().map(|(i, p)| record(p, from + i as u64)).collect()
}

fn pods_to_delete(_: &Value, c: &Value) -> Result<(), String> {
    let mut crowds: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for p in records(&c["related_pods"], 100).iter().filter(|p| p.is_active()) {
        if let Some(n) = &p.node {
            *crowds.entry(n.clone()).or_default() += 1;
        }
    }
    let count = int(&c["count"]) as usize;
    let gone = replicaset::pods_to_delete(&records(&c["pods"], 1), &crowds, count, NOW);
    let mut got: Vec<String> = gone.iter().map(|p| p.name.to_string()).collect();
    let mut want: Vec<String> = c["expect_deleted"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|p| p["name"].as_str().unwrap_or_default().to_string())
        .collect();
    got.sort();
    want.sort();
    same(got, want)
}

fn slow_start(_: &Value, c: &Value) -> Result<(), String> {
    let (limit, mut calls) = (int(&c["call_limit"]) as usize, 0);
    let done = replicaset::slow_start(int(&c["count"]) as usize, |n| {
        let ok = (limit.saturating_sub(calls)).min(n);
        calls += n;
        ok
    });
    same((calls as i32, done as i32), (int(&c["expect_calls"]), int(&c["expect_successes"])))
}

fn rs_status(_: &Value, c: &Value) -> Result<(), String> {
    let set: ReplicaSet = typed(c["replicaset"].clone());
    let mut pods = records(&c["active_pods"], 1);
    pods.extend(records(&c["terminating_pods"], 100));
    let now = SimTime::parse_rfc3339("2026-11-21T09:08:03Z").ok_or("no time")?;
    let mut got = replicaset::status(&set, &pods, now, None);
    let want: ReplicaSetStatus = typed(c["expect_status"].clone());
    if c["terminating_replicas_gate"] != true {
        got.terminating_replicas = None;
    }
    got.observed_generation = want.observed_generation;
    same(got, want)
}

fn rs_conditions(_: &Value, c: &Value) -> Result<(), String> {
    let old = (c["conditions"].as_array().is_some_and(|l| !l.is_empty())).then(|| typed(c["conditions"].clone()));
    let reason = if int(&c["active_pods"]) < int(&c["replicas"]) { "FailedCreate" } else { "FailedDelete" };
    let failure = c["manage_error"].as_str().map(|m| (reason, m));
    let got = replicaset::conditions(old, failure, NOW);
    let mut got = serde_json::to_value(got.unwrap_or_default()).map_err(|e| e.to_string())?;
    for g in got.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        g.remove("lastTransitionTime");
    }
    same(got, c["expect_conditions"].clone())
}

fn daemon_should_run(_: &Value, c: &Value) -> Result<(), String> {
    let node: Node = typed(json!({
        "metadata": {"name": "test-node", "labels": {"name": "simple-daemon", "type": "production"}},
        "spec": {"unschedulable": c["node_unschedulable"]},
    }));
    let template: PodTemplateSpec = typed(json!({"spec": c["template_spec"]}));
    let fit = daemonset::node::Placement::of(&template).fit(&node);
    same((Some(fit.run), Some(fit.stay)), (c["expect_should_run"].as_bool(), c["expect_should_continue"].as_bool()))
}

fn set_max_unavailable(_: &Value, c: &Value) -> Result<(), String> {
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": c["max_unavailable"]}});
    let spec = json!({"replicas": c["replica_count"], "updateStrategy": rolling, "selector": {}, "template": {}});
    let got = statefulset::identity::max_unavailable(&typed(json!({"spec": spec})))?;
    same(got as i32, int(&c["expect_max_unavailable"]))
}

fn should_contain(_: &Value, c: &Value) -> Result<(), String> {
    let pod = &c["pod"];
    let has_ip = pod["status"]["podIP"].as_str().is_some_and(|s| !s.is_empty())
        || pod["status"]["podIPs"].as_array().is_some_and(|l| !l.is_empty());
    let deleted = !pod["deletionTimestamp"].is_null() || !pod["metadata"]["deletionTimestamp"].is_null();
    let got =
        endpoints::should_contain(has_ip, phase(&pod["status"]["phase"]), deleted, c["include_terminating"] == true);
    same(Some(got), c["expect"].as_bool())
}

fn endpoint(_: &Value, c: &Value) -> Result<(), String> {
    let sim = Sim::new(Config::nodes(1, 1));
    let svc = &c["service"];
    let service: Service = typed(
        json!({"metadata": {"name": svc["name"], "namespace": svc["namespace"].as_str().unwrap_or("test")}, "spec": svc["spec"]}),
    );
    let node: Node = typed(json!({"metadata": {"name": "node-1", "labels": c["node_labels"]}}));
    let mut got = serde_json::to_value(endpointslice::endpoint(&sim, &record(&c["pod"], 1), Some(&node), &service))
        .map_err(|e| e.to_string())?;
    if let Some(r) = got["targetRef"].as_object_mut() {
        r.remove("uid");
    }
    same(got, c["expect"].clone())
}

fn max_per_slice(_: &Value, c: &Value) -> Result<(), String> {
    let mut got = endpointslice::distribute(&[], 250, int(&c["max_endpoints_per_slice"]) as usize);
    let mut want: Vec<usize> = typed(c["expect_slice_lengths"].clone());
    got.sort_unstable();
    want.sort_unstable();
    same(got, want)
}

fn named_port(_: &Value, c: &Value) -> Result<(), String> {
    let containers = |k: &str| -> Vec<Value> {
        let mut list = c[k].as_array().cloned().unwrap_or_default();
        for p in list.iter_mut().flat_map(|x| x["ports"].as_array_mut().into_iter().flatten()) {
            if p["protocol"].is_null() {
                p["protocol"] = "TCP".into();
            }
        }
        list
    };
    let spec: PodSpec =
        typed(json!({"containers": containers("containers"), "initContainers": containers("init_containers")}));
    let port: ServicePort = typed(json!({"port": 1, "protocol": "TCP", "targetPort": c["port"]}));
    let got = endpoints::find_port(&spec, &port);
    same(Some(got.is_some()), c["expect_found"].as_bool())?;
    same(got.unwrap_or(0), int(&c["expect"]))
}

fn budget_status(_: &Value, c: &Value) -> Result<(), String> {
    let spec = typed(json!({"minAvailable": c["min_available"], "maxUnavailable": c["max_unavailable"]}));
    let number = |k: &str| c[k].as_i64().unwrap_or(0);
    let (expected, desired) = disruption::expectation(&spec, number("pods"), number("sum_of_controller_scales"))
        .map_err(|e| e.to_string())?;
    let healthy = number("ready");
    let got = json!({
        "expectedPods": expected, "desiredHealthy": desired, "currentHealthy": healthy,
        "disruptionsAllowed": disruption::allowed(expected, desired, healthy),
    });
    same(got, c["expect"].clone())
}
