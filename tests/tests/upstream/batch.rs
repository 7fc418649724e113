//! Tables of the Job and CronJob controllers. Whole syncs run on a cluster that holds one Job, its pods and nothing
//! that would react to them.

use crate::{Check, Gap};
use k8s_openapi::api::batch::v1::{CronJob, Job, JobCondition, JobStatus};
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};
use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::controllers::cronjob;
use kubarium_core::controllers::job::indexes::Indexes;
use kubarium_core::controllers::job::{self, Jobs, backoff, pods, policy};
use kubarium_core::sim::{Config, Sim};
use kubarium_core::store::pod::Deletion;
use kubarium_core::store::{Key, Kind, Obj, PodProto, PodRecord};
use kubarium_core::world::World;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("cronjob_history_cleanup", history_cleanup),
    ("cronjob_sync", cron_sync),
    ("job_backoff_never", sync),
    ("job_backoff_on_failure", on_failure),
    ("job_backoff_record", record),
    ("job_backoff_remaining", remaining),
    ("job_duplicate_indexes", duplicates),
    ("job_finished_time", finished_time),
    ("job_first_pending_indexes", first_pending),
    ("job_interval_has", interval_has),
    ("job_past_deadline", sync),
    ("job_pod_failure_policy", failure_policy),
    ("job_pod_generate_name", generate_name),
    ("job_succeeded_indexes", succeeded_indexes),
    ("job_success_policy", success_policy),
    ("job_sync", sync),
    ("job_sync_backoff_limit_per_index", sync_objects),
    ("job_sync_failure_policy", sync_failure_policy),
    ("job_sync_success_policy", sync_objects),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

const NOW: SimTime = SimTime::from_secs(20_000);

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, want {want:?}")) }
}

fn int(v: &Value) -> i32 {
    v.as_i64().unwrap_or(0) as i32
}

fn list(v: &Value) -> impl Iterator<Item = &Value> {
    v.as_array().into_iter().flatten()
}

fn typed<T: DeserializeOwned>(v: Value) -> T {
    serde_json::from_value(v).expect("a typed object")
}

/// The tables' times lie before any session: twenty years later they mean the same.
fn later(v: &Value) -> Value {
    match v {
        Value::String(s) => match s.parse::<k8s_openapi::jiff::Timestamp>() {
            Ok(t) if s.len() >= 20 && t.as_second() > 1_000_000_000 && t.as_second() < 1_700_000_000 => {
                let shifted = t.as_second() + 20 * 366 * 86_400;
                k8s_openapi::jiff::Timestamp::new(shifted, t.subsec_nanosecond()).expect("a time").to_string().into()
            }
            _ => v.clone(),
        },
        Value::Array(a) => a.iter().map(later).collect(),
        Value::Object(o) => o.iter().map(|(k, v)| (k.clone(), later(v))).collect(),
        _ => v.clone(),
    }
}

/// To the millisecond.
fn time(v: &Value) -> Option<SimTime> {
    let t: k8s_openapi::jiff::Timestamp = v.as_str()?.parse().ok()?;
    let millis = (t.subsec_nanosecond().max(0) / 1_000_000) as u64;
    Some(SimTime::from_unix_seconds(t.as_second()) + SimDuration::from_millis(millis))
}

fn intervals(v: &Value) -> Indexes {
    Indexes::from_intervals(list(v).map(|i| (int(&i["first"]), int(&i["last"]))))
}

/// A cluster without nodes, where namespaces have their service accounts.
fn cluster() -> Sim {
    let mut w = World::new(Config { nodes: vec![], ..Config::nodes(0, 1) });
    w.advance(SimTime::from_secs(5), 100_000);
    w.sim.now = NOW;
    w.sim
}

/// Stores a pod in the table's form: annotations, finalizers, deletionTimestamp, status. `owner`: the Job's handle.
fn pod(sim: &mut Sim, v: &Value, name: &str, owner: Option<(&Job, u64)>) -> Arc<PodRecord> {
    let status: PodStatus = if v["status"].is_null() { PodStatus::default() } else { typed(later(&v["status"])) };
    let names = |list: &Option<Vec<k8s_openapi::api::core::v1::ContainerStatus>>| -> Vec<Value> {
        list.iter().flatten().map(|c| json!({"name": c.name, "image": "i"})).collect()
    };
    let mut containers = names(&status.container_statuses);
    if containers.is_empty() {
        containers = vec![json!({"name": "c", "image": "i"})];
    }
    let mut spec = if v["spec"].is_null() { json!({}) } else { v["spec"].clone() };
    spec["containers"] = containers.into();
    if spec["initContainers"].is_null() {
        spec["initContainers"] = names(&status.init_container_statuses).into();
    }
    let mut pod: Pod = typed(json!({"metadata": {"annotations": v["annotations"], "finalizers": v["finalizers"]}}));
    pod.spec = Some(typed::<PodSpec>(spec));
    if let Some((job, _)) = owner {
        pod.metadata.owner_references = Some(vec![job::owner(job)]);
        pod.metadata.labels = job.spec.as_ref().and_then(|s| s.template.metadata.clone()).and_then(|m| m.labels);
    }
    let labels = sim.store.intern_labels(&pod.metadata.labels.clone().unwrap_or_default());
    let ids: Vec<u64> = owner.iter().map(|o| o.1).collect();
    let controller = ids.first().copied();
    let proto =
        sim.store.intern_proto(PodProto { id: 0, pod, labels, owners: ids.into(), controller, qos: "BestEffort" });
    let grace = v["deletionGracePeriodSeconds"].as_u64().unwrap_or(0) as u32;
    let deletion = time(&later(&v["deletionTimestamp"])).map(|at| Box::new(Deletion { at, grace }));
    let id = sim.store.ids.issue();
    let rv = sim.store.next_version();
    let mut p = PodRecord {
        id,
        namespace: "default".into(),
        name: name.into(),
        rv,
        created: time(&later(&v["creationTimestamp"])).unwrap_or_default(),
        generation: 1,
        deletion,
        proto,
        token: *b"xxxxx",
        node: Some("node".into()),
        status: Default::default(),
    };
    p.set_status(&status);
    let p = Arc::new(p);
    sim.store.put(Obj::Pod(p.clone()), NOW, 0);
    p
}

/// Stores a Job with this spec and status and the labels by which it finds its pods.
fn store_job(sim: &mut Sim, spec: Value, status: Value, deleting: bool) -> (Key, Arc<Job>, u64) {
    let id = sim.store.ids.issue();
    let uid = sim.store.ids.uid(id);
    let rv = sim.store.next_version();
    let mut v = json!({
        "metadata": {"name": "job", "namespace": "default", "uid": uid, "resourceVersion": rv.to_string(), "generation": 1},
        "spec": spec, "status": status,
    });
    if deleting {
        v["metadata"]["deletionTimestamp"] = NOW.rfc3339().into();
    }
    let labels = json!({"batch.kubernetes.io/controller-uid": uid});
    v["spec"]["selector"] = json!({"matchLabels": labels});
    v["spec"]["template"]["metadata"]["labels"] = labels;
    v["spec"]["template"]["spec"]["containers"] = json!([{"name": "c", "image": "i"}]);
    if v["spec"]["template"]["spec"]["restartPolicy"].is_null() {
        v["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    }
    let job: Arc<Job> = Arc::new(typed(v));
    sim.store.put(Obj::Job(job.clone()), NOW, 0);
    (Key::new("default", "job"), job, id)
}

/// What a sync did.
struct Outcome {
    status: JobStatus,
    created: Vec<Arc<PodRecord>>,
    deleted: usize,
    released: usize,
}

fn run(sim: &mut Sim, key: &Key, id: u64, jobs: &mut Jobs) -> Outcome {
    let before: Vec<Arc<PodRecord>> = sim.store.pods_of_owner(id).cloned().collect();
    jobs.sync(sim, key);
    let known: BTreeSet<u64> = before.iter().map(|p| p.id).collect();
    let created = sim.store.pods_of_owner(id).filter(|p| !known.contains(&p.id)).cloned().collect();
    let gone = |p: &&Arc<PodRecord>| p.deletion.is_none() && sim.store.pod(p.id).is_none_or(|n| n.deletion.is_some());
    let free = |p: &&Arc<PodRecord>| job::is_tracked(p) && sim.store.pod(p.id).is_none_or(|n| !job::is_tracked(n));
    Outcome {
        status: sim.store.typed::<Job>(key).and_then(|j| j.status.clone()).unwrap_or_default(),
        created,
        deleted: before.iter().filter(gone).count(),
        released: before.iter().filter(free).count(),
    }
}

/// Conditions; with the interim ones folded into the final ones where the row was run without them.
fn conditions(got: &JobStatus, want: &Value, interim: bool) -> Result<(), String> {
    let fold = |type_: &str| match (interim, type_) {
        (false, "FailureTarget") => "Failed".to_string(),
        (false, "SuccessCriteriaMet") => "Complete".to_string(),
        (_, t) => t.to_string(),
    };
    let mut mine: Vec<(String, &JobCondition)> = vec![];
    for c in got.conditions.iter().flatten() {
        let type_ = if c.status == "True" { fold(&c.type_) } else { c.type_.clone() };
        if !mine.iter().any(|(t, _)| *t == type_) {
            mine.push((type_, c));
        }
    }
    let mut asked: Vec<(String, &Value)> = vec![];
    for c in list(want) {
        let text = c["type"].as_str().unwrap_or_default();
        let type_ = if c["status"] == "True" { fold(text) } else { text.to_string() };
        if !asked.iter().any(|(t, _)| *t == type_) {
            asked.push((type_, c));
        }
    }
    let fits = mine.len() == asked.len()
        && mine.iter().zip(&asked).all(|((t, c), (u, w))| {
            t == u
                && w["status"] == c.status
                && (w["reason"].is_null() || w["reason"].as_str() == c.reason.as_deref())
                && (w["message"].is_null() || w["message"].as_str() == c.message.as_deref())
        });
    if fits { Ok(()) } else { Err(format!("conditions {:?}, want {want}", got.conditions)) }
}

/// The row was run with the interim conditions of 1.36.
fn interim(c: &Value) -> bool {
    let gates = &c["gates"];
    gates.is_null() || gates["job_managed_by"] == true || gates["job_pod_replacement_policy"] == true
}

/// Rows about a controller that does not see its own writes yet, or whose writes fail: neither happens here.
fn foreign(c: &Value) -> bool {
    !c["fake_expectation_at_creation"].is_null() || c["pod_writes_fail"] == true || !c["pod_limit"].is_null()
}

fn job_spec(c: &Value) -> Value {
    let mut spec = json!({
        "parallelism": c["parallelism"], "completionMode": c["completion_mode"], "suspend": c["suspend"],
        "backoffLimit": int(&c["backoff_limit"]), "podReplacementPolicy": c["pod_replacement_policy"],
        "activeDeadlineSeconds": c["active_deadline_seconds"], "template": {},
    });
    if c["completions"] != -1 {
        spec["completions"] = c["completions"].clone();
    }
    if c["pod_failure_policy"].is_object() {
        spec["podFailurePolicy"] =
            json!({"rules": c["pod_failure_policy"]["rules"].as_array().cloned().unwrap_or_default()});
    }
    spec
}

fn sync(_: &Value, c: &Value) -> Result<(), String> {
    if foreign(c) {
        return Ok(());
    }
    let mut sim = cluster();
    if let Some(now) = time(&c["controller_time"]) {
        sim.now = now;
    }
    let mut status = json!({});
    if c["was_suspended"] == true {
        status["conditions"] =
            json!([{"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended"}]);
    }
    if let Some(s) = c["initial_status"].as_object() {
        for key in ["active", "failed", "startTime", "conditions", "uncountedTerminatedPods"] {
            if let Some(v) = s.get(key) {
                status[key] = v.clone();
            }
        }
        status["succeeded"] = s.get("succeed").cloned().unwrap_or(Value::Null);
    }
    if let Some(ago) = c["start_time"].as_u64() {
        status["startTime"] = SimTime(NOW.0 - ago * 1_000_000).rfc3339().into();
    }
    let (key, job, id) = store_job(&mut sim, job_spec(c), status, c["deleting"] == true);
    let mut n = 0;
    let mut add = |sim: &mut Sim, phase: &str, ready: bool, index: &Value, deleting: bool| {
        let mut v = json!({"status": {"phase": phase}, "finalizers": [job::FINALIZER]});
        if ready {
            v["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
        }
        if let Some(i) = index.as_str() {
            v["annotations"] = json!({job::INDEX: i});
        }
        if deleting {
            v["deletionTimestamp"] = NOW.rfc3339().into();
        }
        n += 1;
        pod(sim, &v, &format!("pod-{n}"), Some((&job, id)));
    };
    let phase = c["active_pods_phase"].as_str().unwrap_or("Running");
    for i in 0..int(&c["active_pods"]) {
        add(&mut sim, phase, i < int(&c["ready_pods"]), &Value::Null, false);
    }
    for (field, phase, deleting) in [
        ("pending_pods", "Pending", false),
        ("succeeded_pods", "Succeeded", false),
        ("failed_pods", "Failed", false),
        ("terminating_pods", "Running", true),
    ] {
        for _ in 0..int(&c[field]) {
            add(&mut sim, phase, false, &Value::Null, deleting);
        }
    }
    for p in list(&c["pods_with_indexes"]) {
        add(&mut sim, p["phase"].as_str().unwrap_or_default(), false, &p["index"], false);
    }
    let mut jobs = Jobs::default();
    if let Some(r) = c["backoff_record"].as_object() {
        let failures = r["failuresAfterLastSuccess"].as_u64().unwrap_or(0) as u32;
        jobs.remember(id, backoff::Record { failures, last: time(&r["lastFailureTime"]) });
    }
    let out = run(&mut sim, &key, id, &mut jobs);
    let s = &out.status;
    same("active", s.active.unwrap_or(0), int(&c["expect_active"]))?;
    same("succeeded", s.succeeded.unwrap_or(0), int(&c["expect_succeeded"]))?;
    same("failed", s.failed.unwrap_or(0), int(&c["expect_failed"]))?;
    conditions(s, &c["expect_conditions"], interim(c))?;
    let counted = |field: &str, what: &str, got: i32| match c[field].as_i64() {
        Some(n) => same(what, got, n as i32),
        None => Ok(()),
    };
    counted("expect_creations", "created", out.created.len() as i32)?;
    counted("expect_deletions", "deleted", out.deleted as i32)?;
    counted("expect_pod_patches", "finalizers removed", out.released as i32)?;
    counted("expect_ready", "ready", s.ready.unwrap_or(0))?;
    counted("expect_terminating", "terminating", s.terminating.unwrap_or(0))?;
    if let Some(text) = c["expect_completed_idxs"].as_str() {
        same("completed", s.completed_indexes.as_deref().unwrap_or_default(), text)?;
    }
    if !c["expect_created_indexes"].is_null() {
        let mut got: Vec<String> =
            out.created.iter().filter_map(|p| job::completion_index(p)).map(|i| i.to_string()).collect();
        got.sort();
        same("created indexes", got, typed(c["expect_created_indexes"].clone()))?;
    }
    Ok(())
}

fn on_failure(_: &Value, c: &Value) -> Result<(), String> {
    let mut sim = cluster();
    let mut spec = job_spec(c);
    spec["template"]["spec"]["restartPolicy"] = "OnFailure".into();
    let (key, job, id) = store_job(&mut sim, spec, json!({}), false);
    for (i, restarts) in list(&c["restart_counts"]).enumerate() {
        let container = json!({"name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": restarts});
        let v = json!({"status": {"phase": c["pod_phase"], "containerStatuses": [container]}, "finalizers": [job::FINALIZER]});
        pod(&mut sim, &v, &format!("pod-{i}"), Some((&job, id)));
    }
    let out = run(&mut sim, &key, id, &mut Jobs::default());
    same("active", out.status.active.unwrap_or(0), int(&c["expect_active"]))?;
    same("succeeded", out.status.succeeded.unwrap_or(0), int(&c["expect_succeeded"]))?;
    same("failed", out.status.failed.unwrap_or(0), int(&c["expect_failed"]))?;
    conditions(&out.status, &c["expect_conditions"], interim(c))
}

/// Container statuses of the tables lack what the API requires.
fn completed(v: &Value) -> Value {
    let mut v = v.clone();
    for field in ["containerStatuses", "initContainerStatuses"] {
        for (i, c) in v["status"][field].as_array_mut().into_iter().flatten().enumerate() {
            if c["name"].is_null() {
                c["name"] = format!("{field}-{i}").into();
            }
            for (k, d) in
                [("image", json!("i")), ("imageID", json!("")), ("ready", json!(false)), ("restartCount", json!(0))]
            {
                c[k] = d;
            }
            let end = &mut c["state"]["terminated"];
            if end.is_object() && end["exitCode"].is_null() {
                end["exitCode"] = json!(0);
            }
        }
    }
    v
}

fn run_objects(c: &Value, tracked: bool) -> Outcome {
    let mut sim = cluster();
    let mut spec = c["job"]["spec"].clone();
    spec["template"] = json!({});
    let (key, job, id) = store_job(&mut sim, spec.clone(), c["job"]["status"].clone(), false);
    for (i, p) in list(&c["pods"]).enumerate() {
        let mut v = completed(p);
        if tracked {
            v["finalizers"] = json!([job::FINALIZER]);
            if spec["completionMode"] == "Indexed" && v["annotations"].is_null() {
                v["annotations"] = json!({job::INDEX: i.to_string()});
            }
        }
        if v["status"]["phase"].is_null() {
            v["status"]["phase"] = "Running".into();
        }
        pod(&mut sim, &v, &format!("mypod-{i}"), Some((&job, id)));
    }
    run(&mut sim, &key, id, &mut Jobs::default())
}

fn sync_objects(_: &Value, c: &Value) -> Result<(), String> {
    let gates = &c["gates"];
    // an older controller without the feature
    if (c["job"]["spec"]["backoffLimitPerIndex"].is_number()
        && (gates["job_backoff_limit_per_index"] == false
            || (gates["backoff_limit_per_index"] == false && !c["expect_status"]["failedIndexes"].is_null())))
        || gates["job_success_policy"] == false
    {
        return Ok(());
    }
    let got = run_objects(c, false).status;
    let want = &c["expect_status"];
    same("active", got.active.unwrap_or(0), int(&want["active"]))?;
    same("succeeded", got.succeeded.unwrap_or(0), int(&want["succeeded"]))?;
    same("failed", got.failed.unwrap_or(0), int(&want["failed"]))?;
    same("completed", got.completed_indexes.as_deref(), want["completedIndexes"].as_str())?;
    if gates["backoff_limit_per_index"] != false {
        same("lost", got.failed_indexes.as_deref(), want["failedIndexes"].as_str())?;
    }
    if gates["job_pod_replacement_policy"] == true {
        same("terminating", got.terminating.unwrap_or(0), int(&want["terminating"]))?;
    }
    let uncounted = got.uncounted_terminated_pods.clone().unwrap_or_default();
    same("uncounted", uncounted, Default::default())?;
    conditions(&got, &want["conditions"], interim(c))
}

fn sync_failure_policy(_: &Value, c: &Value) -> Result<(), String> {
    let got = run_objects(c, true).status;
    same("active", got.active.unwrap_or(0), int(&c["expect_active"]))?;
    same("succeeded", got.succeeded.unwrap_or(0), int(&c["expect_succeeded"]))?;
    same("failed", got.failed.unwrap_or(0), int(&c["expect_failed"]))?;
    conditions(&got, &c["expect_conditions"], interim(c))
}

fn moment(v: &Value) -> Option<SimTime> {
    v.as_f64().map(|s| SimTime((NOW.0 as f64 + s * 1e6) as u64))
}

fn record(_: &Value, c: &Value) -> Result<(), String> {
    let times = |v: &Value| list(v).filter_map(moment).collect::<Vec<_>>();
    let before = backoff::Record {
        failures: c["failures_before"].as_u64().unwrap_or(0) as u32,
        last: (c["failures_before"] != 0).then_some(SimTime::ZERO),
    };
    let got = before.after(&times(&c["newly_succeeded_finish_times"]), &times(&c["newly_failed_finish_times"]));
    same("failures", got.failures as i32, int(&c["expect_failures_after_last_success"]))?;
    same("last", got.last, moment(&c["expect_last_failure_time"]))
}

fn remaining(_: &Value, c: &Value) -> Result<(), String> {
    let seconds = |v: &Value| SimDuration::from_secs(v.as_u64().unwrap_or(0));
    let failures = c["failures_after_last_success"].as_u64().unwrap_or(0) as u32;
    let record = backoff::Record { failures, last: moment(&c["last_failure_time"]) };
    let now = moment(&c["now"]).unwrap_or(NOW);
    same(
        "wait",
        record.remaining(seconds(&c["default_backoff"]), seconds(&c["max_backoff"]), now),
        seconds(&c["expect"]),
    )
}

/// Pods with an index (`-`: none) and a phase.
fn indexed(sim: &mut Sim, v: &Value) -> Vec<Arc<PodRecord>> {
    list(v)
        .enumerate()
        .map(|(i, p)| {
            let mut v = json!({"status": {"phase": p["phase"]}, "finalizers": [job::FINALIZER]});
            if p["index"] != "-" {
                v["annotations"] = json!({job::INDEX: p["index"]});
            }
            pod(sim, &v, &format!("pod-{i}"), None)
        })
        .collect()
}

fn shown(pods: &[Arc<PodRecord>]) -> Vec<(String, String)> {
    let index = |p: &PodRecord| {
        let a = p.proto.pod.metadata.annotations.as_ref();
        a.and_then(|a| a.get(job::INDEX).cloned()).unwrap_or_else(|| "-".into())
    };
    let mut out: Vec<_> = pods.iter().map(|p| (index(p), p.status.phase.as_str().to_string())).collect();
    out.sort();
    out
}

fn duplicates(_: &Value, c: &Value) -> Result<(), String> {
    let mut sim = cluster();
    let pods = indexed(&mut sim, &c["pods"]);
    let (going, left) = pods::surplus(&pods, int(&c["completions"]));
    let want = |v: &Value| {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let mut out: Vec<_> = list(v).map(|p| (text(&p["index"]), text(&p["phase"]))).collect();
        out.sort();
        out
    };
    same("removed", shown(&going), want(&c["expect_removed"]))?;
    same("left", shown(&left), want(&c["expect_left"]))
}

fn finished_time(_: &Value, c: &Value) -> Result<(), String> {
    let mut sim = cluster();
    let p = pod(&mut sim, &completed(&c["pod"]), "pod", None);
    same("time", Some(backoff::finish_time(&p)), time(&later(&c["expect"])))
}

fn first_pending(_: &Value, c: &Value) -> Result<(), String> {
    let mut sim = cluster();
    let spec = json!({"completions": c["completions"], "completionMode": "Indexed", "template": {}});
    let (_, stored, id) = store_job(&mut sim, spec, json!({}), false);
    let mut x = job::look(&mut sim, (*stored).clone(), id, Default::default()).map_err(|e| e.message)?;
    x.active = indexed(&mut sim, &c["active_pods"]);
    x.done = intervals(&c["succeeded_indexes"]);
    x.lost = c["failed_indexes"].is_array().then(|| intervals(&c["failed_indexes"]));
    same("indexes", pods::pending(&x, int(&c["cnt"]) as usize), typed(c["expect"].clone()))
}

fn interval_has(_: &Value, c: &Value) -> Result<(), String> {
    same("has", Some(intervals(&c["intervals"]).has(int(&c["index"]))), c["expect"].as_bool())
}

fn failure_policy(_: &Value, c: &Value) -> Result<(), String> {
    let rules = c["pod_failure_policy"].clone();
    let rules = (!rules.is_null()).then(|| typed(rules));
    let status: PodStatus = typed(completed(&c["pod"])["status"].clone());
    let got = policy::judge(rules.as_ref(), "default", "mypod", &status);
    same("action", got.action, c["expect_action"].as_str())?;
    same("counts", Some(got.counts), c["expect_counts"].as_bool())?;
    same("message", got.fails_job.as_deref(), c["expect_job_failure_message"].as_str())
}

fn generate_name(_: &Value, c: &Value) -> Result<(), String> {
    let got = pods::generate_name(c["jobname"].as_str().unwrap_or_default(), int(&c["index"]));
    same("name", Some(got.as_str()), c["expect"].as_str())
}

fn succeeded_indexes(_: &Value, c: &Value) -> Result<(), String> {
    let mut sim = cluster();
    let spec = json!({"completions": c["completions"], "parallelism": 1, "completionMode": "Indexed", "template": {}});
    let status = json!({"completedIndexes": c["status_completed_indexes"]});
    let (_, stored, id) = store_job(&mut sim, spec, status, false);
    let mut x = job::look(&mut sim, (*stored).clone(), id, Default::default()).map_err(|e| e.message)?;
    x.pods = indexed(&mut sim, &c["pods"]);
    job::judge(&mut x, NOW);
    same("status", x.before, intervals(&c["expect_from_status"]))?;
    same("all", x.done, intervals(&c["expect_all"]))
}

fn success_policy(_: &Value, c: &Value) -> Result<(), String> {
    if c["enable_job_success_policy"] == false {
        return Ok(());
    }
    let mut rules = c["success_policy"].clone();
    if rules.is_object() && rules["rules"].is_null() {
        rules["rules"] = json!([]);
    }
    let rules = (!rules.is_null()).then(|| typed(rules));
    let got = policy::success(rules.as_ref(), int(&c["completions"]), &intervals(&c["succeeded_indexes"]));
    same("met", Some(got.is_some()), c["expect_met"].as_bool())?;
    same("message", got.as_deref().unwrap_or_default(), c["expect_message"].as_str().unwrap_or_default())
}

fn cron_job(sim: &mut Sim, spec: Value, created: SimTime, status: Value) -> CronJob {
    let id = sim.store.ids.issue();
    let mut v = json!({
        "metadata": {"name": "mycronjob", "namespace": "default", "uid": sim.store.ids.uid(id), "creationTimestamp": created.rfc3339(), "resourceVersion": "1"},
        "spec": spec, "status": status,
    });
    v["spec"]["jobTemplate"] = json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}});
    let cron: CronJob = typed(v);
    sim.store.put(Obj::CronJob(Arc::new(cron.clone())), NOW, 0);
    cron
}

/// Stores a Job that a CronJob made.
fn child(sim: &mut Sim, cron: &CronJob, name: &str, start: Value, end: Option<&str>) -> Arc<Job> {
    let id = sim.store.ids.issue();
    let done = end.map(|e| json!([{"type": e, "status": "True"}]));
    let job: Arc<Job> = Arc::new(typed(json!({
        "metadata": {"name": name, "namespace": "default", "uid": sim.store.ids.uid(id), "resourceVersion": "1",
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "mycronjob", "uid": cron.metadata.uid, "controller": true}]},
        "spec": {"template": {}},
        "status": {"conditions": done, "startTime": start, "completionTime": end.map(|_| start.clone())},
    })));
    sim.store.put(Obj::Job(job.clone()), NOW, 0);
    job
}

fn cron_sync(_: &Value, row: &Value) -> Result<(), String> {
    let c = &later(row);
    // what the controller's cache does not show yet, and an API that answers wrongly: neither happens here
    if ["job_create_error", "job_get_err"].iter().any(|k| !c[k].is_null())
        || (c["still_active"] == true && c["job_present_in_cj_active_status"].is_null())
    {
        return Ok(());
    }
    let mut sim = cluster();
    let at = |text: &str| time(&later(&json!(text))).expect("a time");
    let ran = c["ran_previously"] == true;
    let created = if ran { at("2016-05-19T08:59:00Z") } else { at("2016-05-19T09:59:00Z") };
    let created = time(&c["cronjob_creation_time"]).unwrap_or(created);
    let mut spec = json!({
        "schedule": c["schedule"], "timeZone": c["time_zone"], "concurrencyPolicy": c["concurrency_policy"],
        "suspend": c["suspend"] == true, "startingDeadlineSeconds": c["deadline"],
    });
    spec["successfulJobsHistoryLimit"] = c["successful_jobs_history_limit"].clone();
    let mut status = json!({});
    if ran {
        let last = time(&c["last_schedule_time"]).unwrap_or(at("2016-05-19T09:01:00Z"));
        status["lastScheduleTime"] = last.rfc3339().into();
    }
    let mut cron = cron_job(&mut sim, spec, created, status);
    let mut jobs = vec![];
    if ran {
        let made = time(&c["job_creation_time"]).unwrap_or_default();
        let end = (c["still_active"] != true).then_some("Complete");
        let name = format!("mycronjob-{}", made.unix_seconds() / 60);
        let job = child(&mut sim, &cron, &name, json!(made.rfc3339()), end);
        if c["job_present_in_cj_active_status"] == true {
            let r = json!([{"name": name, "namespace": "default", "uid": job.metadata.uid}]);
            cron.status.get_or_insert_default().active = typed(r);
        }
        jobs.push(job);
    }
    let now = time(&c["now"]);
    sim.now = now.unwrap_or(created);
    let events = |sim: &Sim, f: &dyn Fn(&kubarium_core::store::EventRecord) -> bool| {
        sim.store.events().filter(|e| e.involved.kind == Kind::CronJob && f(e)).count()
    };
    let before = sim.store.count(Kind::Job);
    let mut changed = false;
    let wait = cronjob::step(&mut sim, &mut cron, &jobs, &mut changed).map_err(|e| e.message)?;
    let created = events(&sim, &|e| &*e.reason == "SuccessfulCreate");
    let deleted = events(&sim, &|e| &*e.reason == "SuccessfulDelete");
    same("created", Some(created == 1), c["expect_create"].as_bool())?;
    same("deleted", Some(deleted == 1), c["expect_delete"].as_bool())?;
    same("jobs", sim.store.count(Kind::Job) + deleted, before + created)?;
    same("status written", Some(changed), c["expect_update_status"].as_bool())?;
    same("warnings", events(&sim, &|e| e.warning) as i32, int(&c["expect_warnings"]))?;
    let completed = events(&sim, &|e| &*e.reason == "SawCompletedJob");
    same("completed", Some(completed == 1), c["expect_completed"].as_bool())?;
    if now.is_some() {
        let want = c["expect_requeue_seconds"].as_f64().filter(|s| *s > 0.0);
        same("due in ms", wait.map(|w| w.0 / 1000), want.map(|s| (s * 1000.0).round() as u64))?;
    }
    Ok(())
}

fn history_cleanup(_: &Value, row: &Value) -> Result<(), String> {
    let c = &later(row);
    let mut sim = cluster();
    let cron = cron_job(&mut sim, c["cron_job"].clone(), NOW, json!({}));
    let mut jobs = vec![];
    for (field, end) in [("finished_jobs", "Complete"), ("failed_jobs", "Failed")] {
        for j in list(&c[field]) {
            let name = j["name"].as_str().unwrap_or_default();
            jobs.push(child(&mut sim, &cron, name, j["startTime"].clone(), Some(end)));
        }
    }
    let mut got: Vec<String> = cronjob::history(&cron, &jobs).iter().filter_map(|j| j.metadata.name.clone()).collect();
    got.sort();
    same("deleted", got, typed(c["expect_deleted"].clone()))
}
