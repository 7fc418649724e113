//! Tables of the HorizontalPodAutoscaler controller.

use crate::{Check, Gap};
use k8s_openapi::api::autoscaling::v2::{CrossVersionObjectReference, HPAScalingRules, HorizontalPodAutoscaler};
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::controllers::horizontal::compute::{self, Round, Scale};
use kubarium_core::controllers::horizontal::metrics::{PodMetrics, Sample, Source};
use kubarium_core::controllers::horizontal::pace::{self, Memory};
use kubarium_core::controllers::horizontal::replicas::{self, Settings, Tolerances};
use kubarium_core::store::pod::{Deletion, LabelSet, PodProto, PodRecord, READY};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("hpa_controller", controller),
    ("hpa_convert_desired", convert_desired),
    ("hpa_group_pods", group_pods),
    ("hpa_replica_calculator", replica_calculator),
    ("hpa_scaling_with_rules", scaling_with_rules),
    ("hpa_stabilization", stabilization),
    ("hpa_stabilization_with_behavior", stabilization_with_behavior),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

/// Late enough that everything the tables speak of lies behind.
const NOW: SimTime = SimTime::from_secs(3_000_000_000);

/// The settings with which the tables were made.
const SETTINGS: Settings = Settings {
    cpu_initialization: SimDuration::from_secs(120),
    readiness_delay: SimDuration::from_secs(10),
    tolerance: 0.1,
    growth: 8.0,
    growth_floor: 4.0,
    shrink_window: SimDuration::from_secs(300),
};

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<(), String> {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, want {want:?}")) }
}

fn int(v: &Value) -> i32 {
    v.as_i64().unwrap_or(0) as i32
}

fn list(v: &Value) -> impl Iterator<Item = &Value> {
    v.as_array().into_iter().flatten()
}

fn len(v: &Value) -> usize {
    v.as_array().map_or(0, Vec::len)
}

fn typed<T: DeserializeOwned>(v: Value) -> T {
    serde_json::from_value(v).expect("a typed object")
}

fn ago(seconds: f64) -> SimTime {
    SimTime((NOW.0 as f64 - seconds * 1e6).max(0.0) as u64)
}

/// What a pod of the tables is like.
struct Shape<'a> {
    name: String,
    requests: Vec<Option<&'a str>>,
    phase: &'a str,
    ready: Option<bool>,
    since: SimTime,
    started: Option<SimTime>,
    deleting: bool,
}

fn pod(id: u64, s: Shape) -> Arc<PodRecord> {
    let containers: Vec<Value> = s
        .requests
        .iter()
        .enumerate()
        .map(|(i, r)| match r {
            Some(r) => json!({"name": format!("container{}", i + 1), "resources": {"requests": {"cpu": r}}}),
            None => json!({"name": format!("container{}", i + 1)}),
        })
        .collect();
    let spec: PodSpec = typed(json!({"containers": containers}));
    let proto = PodProto {
        id: id as u32,
        pod: Pod { spec: Some(spec), ..Pod::default() },
        labels: Arc::new(LabelSet { id: 1, pairs: Arc::new([]) }),
        owners: Default::default(),
        controller: None,
        qos: "Burstable",
    };
    let mut p = PodRecord {
        id,
        namespace: "test".into(),
        name: s.name.as_str().into(),
        rv: 0,
        created: SimTime::ZERO,
        generation: 1,
        deletion: s.deleting.then(|| Box::new(Deletion { at: NOW, grace: 30 })),
        proto: Arc::new(proto),
        token: *b"xxxxx",
        node: None,
        status: Default::default(),
    };
    p.set_status(&typed(json!({"phase": s.phase})));
    p.status.conditions[READY].status = s.ready;
    p.status.conditions[READY].since = s.since.into();
    p.status.started = s.started.map(Into::into);
    Arc::new(p)
}

/// The pods of a row: `pod_ready`, `pod_phase`, `pod_deleting`, `pod_started_seconds_ago` by position.
fn pods(c: &Value, count: usize, requests: impl Fn(usize) -> Vec<Option<String>>) -> Vec<Arc<PodRecord>> {
    (0..count)
        .map(|i| {
            let started = ago(c["pod_started_seconds_ago"][i].as_f64().unwrap_or(100_000.0));
            let asked = requests(i);
            pod(
                i as u64 + 1,
                Shape {
                    name: format!("test-pod-{i}"),
                    requests: asked.iter().map(|r| r.as_deref()).collect(),
                    phase: c["pod_phase"][i].as_str().unwrap_or("Running"),
                    ready: Some(c["pod_ready"][i] != "False"),
                    since: started,
                    started: Some(started),
                    deleting: c["pod_deleting"][i] == true,
                },
            )
        })
        .collect()
}

fn samples(values: impl Iterator<Item = Option<i64>>, at: Option<SimTime>) -> PodMetrics {
    let window = SimDuration::from_secs(60);
    values
        .enumerate()
        .filter_map(|(i, value)| Some((format!("test-pod-{i}"), Sample { value: value?, at, window })))
        .collect()
}

fn replica_calculator(_: &Value, c: &Value) -> Result<(), String> {
    let current = int(&c["current_replicas"]);
    let tolerances = match c["tolerances"].as_object() {
        Some(t) => {
            Tolerances { down: t["scaleDown"].as_f64().unwrap_or(0.1), up: t["scaleUp"].as_f64().unwrap_or(0.1) }
        }
        None => Tolerances { down: 0.1, up: 0.1 },
    };
    let most = [len(&c["pod_ready"]), len(&c["pod_phase"]), len(&c["pod_deleting"])].into_iter().max().unwrap_or(0);
    let got;
    let resource = &c["resource"];
    if resource.is_object() {
        let container = c["container"].as_str();
        let usage = &resource["usage_milli_per_pod_and_container"];
        let asked = &resource["requests_per_container"];
        let count = if asked.as_array().is_some_and(|a| a.is_empty()) { len(usage).min(1) } else { len(asked) };
        let pods = pods(c, count.max(most), |i| vec![asked[i].as_str().map(str::to_string); 2]);
        let values = list(usage).map(|pair| match container {
            None => Some(list(pair).filter_map(Value::as_i64).sum()),
            Some(name) => pair[if name == "container2" { 1 } else { 0 }].as_i64(),
        });
        let mut metrics = samples(values, None);
        if let Some(names) = resource["pods_with_metrics"].as_array() {
            let values: Vec<Sample> = metrics.into_values().collect();
            metrics = names.iter().zip(values).map(|(n, s)| (n.as_str().unwrap_or_default().to_string(), s)).collect();
        }
        let name = resource["name"].as_str().unwrap_or_default();
        if metrics.is_empty() {
            let e = "unable to get metrics for resource cpu: no metrics returned from resource metrics API";
            return same("error", c["expect_error"].as_str(), Some(e));
        }
        got = match resource["target_utilization_percent"].as_i64() {
            Some(t) => {
                replicas::by_utilization(current, t as i32, name, container, &pods, metrics, tolerances, &SETTINGS, NOW)
            }
            None => {
                let target = resource["target_usage_milli"].as_i64().unwrap_or(0);
                replicas::by_value(current, target, name, &pods, metrics, tolerances, &SETTINGS, NOW)
            }
        };
        if let (Ok(p), true) = (&got, c["expect_error"].is_null()) {
            if !resource["target_utilization_percent"].is_null() {
                same("utilization", p.utilization, int(&resource["expect_utilization"]))?;
            }
            same("usage", Some(p.usage), resource["expect_average_value_milli"].as_i64())?;
        }
    } else {
        let m = &c["metric"];
        let levels: Vec<i64> = list(&m["levels_milli"]).filter_map(Value::as_i64).collect();
        let count = most.max(current.max(0) as usize);
        let pods = pods(c, count, |_| vec![None]);
        let target = m["target_usage_milli"].as_i64().unwrap_or(0);
        let share = m["per_pod_target_usage_milli"].as_i64().unwrap_or(0);
        let total = levels.iter().fold(0i64, |a, b| a.saturating_add(*b));
        got = match m["type"].as_i64() {
            Some(0 | 2) => replicas::by_total(current, total, target, &pods, tolerances),
            Some(1 | 3) => Ok(replicas::by_share(current, total, share, tolerances)),
            _ => {
                let metrics = samples(levels.iter().map(|l| Some(*l)), None);
                replicas::by_value(current, target, "", &pods, metrics, tolerances, &SETTINGS, NOW)
            }
        };
        if let (Ok(p), true) = (&got, c["expect_error"].is_null()) {
            same("usage", Some(p.usage), m["expect_usage_milli"].as_i64())?;
        }
    }
    match (got, c["expect_error"].as_str()) {
        (Err(e), Some(want)) if e.contains(want) => Ok(()),
        (Ok(p), None) => same("replicas", p.replicas, int(&c["expect_replicas"])),
        (got, want) => Err(format!("got {got:?}, want {want:?} {}", c["expect_replicas"])),
    }
}

/// `30 s ago`
fn moment(v: &Value) -> Option<SimTime> {
    v.as_str()?.strip_suffix(" s ago")?.parse().ok().map(ago)
}

fn group_pods(_: &Value, c: &Value) -> Result<(), String> {
    let pods: Vec<_> = list(&c["pods"])
        .enumerate()
        .map(|(i, p)| {
            let s = &p["status"];
            let ready = list(&s["conditions"]).find(|c| c["type"] == "Ready");
            let shape = Shape {
                name: p["name"].as_str().unwrap_or_default().into(),
                requests: vec![],
                phase: s["phase"].as_str().unwrap_or_default(),
                ready: ready.map(|r| r["status"] == "True"),
                since: ready.and_then(|r| moment(&r["lastTransitionTime"])).unwrap_or_default(),
                started: moment(&s["startTime"]),
                deleting: !p["deletionTimestamp"].is_null(),
            };
            pod(i as u64 + 1, shape)
        })
        .collect();
    let metrics: PodMetrics = c["metrics"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, m)| {
            let minutes = m["window"].as_str().and_then(|w| w.strip_suffix("m0s")).and_then(|n| n.parse::<u64>().ok());
            let window = SimDuration::from_secs(minutes.unwrap_or(0) * 60);
            (name.clone(), Sample { value: m["value"].as_i64().unwrap_or(0), at: moment(&m["timestamp"]), window })
        })
        .collect();
    // this table was made with other times
    let settings = Settings { cpu_initialization: SimDuration::from_secs(120), ..SETTINGS };
    let g = replicas::group(&pods, &metrics, c["resource"].as_str().unwrap_or_default(), &settings, NOW);
    same("ready", g.ready as i32, int(&c["expect_ready_pod_count"]))?;
    same("unready", g.unready, typed(c["expect_unready_pods"].clone()))?;
    same("missing", g.missing, typed(c["expect_missing_pods"].clone()))?;
    same("ignored", g.ignored, typed(c["expect_ignored_pods"].clone()))
}

fn convert_desired(_: &Value, c: &Value) -> Result<(), String> {
    let (min, max) = (int(&c["hpa_min_replicas"]), int(&c["hpa_max_replicas"]));
    let got = pace::convert(int(&c["current_replicas"]), int(&c["desired_replicas"]), min, max, &SETTINGS);
    same("reason", Some(got.reason), c["expect_reason"].as_str())?;
    same("replicas", got.replicas, int(&c["expect_replicas"]))
}

fn changes(v: &Value, field: &str) -> Vec<(i32, SimTime)> {
    list(v)
        .map(|e| (int(&e[field]), ago(e["seconds_ago"].as_f64().or(e["timestamp"].as_f64()).unwrap_or(0.0))))
        .collect()
}

fn stabilization(_: &Value, c: &Value) -> Result<(), String> {
    let mut memory =
        Memory { recommendations: Some(changes(&c["recommendations"], "recommendation")), ..Memory::default() };
    let got = pace::stabilize(&mut memory, int(&c["desired_replicas"]), &SETTINGS, NOW);
    same("replicas", got, int(&c["expect_replicas"]))?;
    let kept = memory.recommendations.map_or(0, |r| r.len());
    same("kept", kept as i32, int(&c["expect_recommendations_kept"]))
}

fn rules(v: &Value, up: bool) -> HPAScalingRules {
    let given: Option<HPAScalingRules> = v.is_object().then(|| typed(v.clone()));
    compute::rules(given.as_ref(), up)
}

fn stabilization_with_behavior(_: &Value, c: &Value) -> Result<(), String> {
    let mut memory =
        Memory { recommendations: Some(changes(&c["recommendations"], "recommendation")), ..Memory::default() };
    let window = |field: &str| json!({"stabilizationWindowSeconds": c[field]});
    let up = rules(&window("scale_up_stabilization_window_seconds"), true);
    let down = rules(&window("scale_down_stabilization_window_seconds"), false);
    let (current, desired) = (int(&c["current_replicas"]), int(&c["desired_replicas"]));
    let got = pace::stabilize_with(&mut memory, current, desired, &up, &down, &SETTINGS, NOW);
    same("replicas", got, int(&c["expect_replicas"]))
}

fn scaling_with_rules(_: &Value, c: &Value) -> Result<(), String> {
    let memory = Memory {
        recommendations: None,
        growth: changes(&c["scale_up_events"], "replica_change"),
        shrinking: changes(&c["scale_down_events"], "replica_change"),
    };
    let (up, down) = (rules(&c["scale_up_rules"], true), rules(&c["scale_down_rules"], false));
    let bounds = (int(&c["min"]), int(&c["max"]));
    let (current, desired) = (int(&c["current_replicas"]), int(&c["desired_replicas"]));
    let got = pace::convert_with(&memory, current, desired, bounds, &up, &down, NOW);
    same("reason", Some(got.reason), c["expect_reason"].as_str())?;
    same("replicas", got.replicas, int(&c["expect_replicas"]))
}

/// Metrics of a row.
struct Levels {
    values: Vec<i64>,
    broken: bool,
    /// The levels are those of cpu: nothing outside has any.
    only_resources: bool,
}

impl Levels {
    fn by_pod(&self) -> Result<PodMetrics, String> {
        if self.broken {
            return Err("something went wrong".into());
        }
        let out = samples(self.values.iter().map(|v| Some(*v)), Some(NOW));
        if out.is_empty() { Err("no metrics returned from resource metrics API".into()) } else { Ok(out) }
    }
}

impl Source for Levels {
    fn resource(&self, _: &str, _: &str, _: &str, _: Option<&str>) -> Result<PodMetrics, String> {
        self.by_pod()
    }
    fn pods(&self, _: &str, _: &str, _: &str) -> Result<PodMetrics, String> {
        self.by_pod()
    }
    fn object(&self, _: &str, _: &str, _: &CrossVersionObjectReference) -> Result<i64, String> {
        if self.broken {
            return Err("something went wrong".into());
        }
        self.values.first().copied().ok_or_else(|| "no metrics".into())
    }
    fn external(&self, _: &str, _: &str, _: Option<&LabelSelector>) -> Result<Vec<i64>, String> {
        if self.broken {
            return Err("something went wrong".into());
        }
        Ok(if self.only_resources { vec![] } else { self.values.clone() })
    }
}

fn controller(_: &Value, c: &Value) -> Result<(), String> {
    if c["configurable_tolerance_gate"] == false {
        // off in no version that this follows
        return Ok(());
    }
    let cpu = c["cpu_target_percent"].as_i64();
    let mut metrics = vec![];
    if let Some(percent) = cpu {
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}));
    }
    metrics.extend(list(&c["metrics"]).cloned());
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "target"},
        "minReplicas": c["min"], "maxReplicas": c["max"], "metrics": metrics,
    });
    if c["scale_up_rules"].is_object() || c["scale_down_rules"].is_object() {
        spec["behavior"] = json!({"scaleUp": c["scale_up_rules"], "scaleDown": c["scale_down_rules"]});
    }
    let h: HorizontalPodAutoscaler = typed(json!({"metadata": {"name": "hpa", "namespace": "test"}, "spec": spec}));
    let fault = c["fault"].as_str().unwrap_or_default();
    let selector = match fault {
        "the scale has no selector" => "",
        "the selector of the scale cannot be parsed" => "cheddar cheese",
        _ => "name=pod",
    };
    let scale =
        Scale { wanted: int(&c["spec_replicas"]), there: int(&c["status_replicas"]), selector: selector.into() };
    let asked = &c["cpu_requests"];
    let count = if asked.is_null() { scale.there.max(0) as usize } else { len(asked) };
    let pods = pods(c, count, |i| vec![asked[i].as_str().map(str::to_string)]);
    let source = Levels {
        values: list(&c["levels"]).filter_map(Value::as_i64).collect(),
        broken: fault == "metrics cannot be read",
        only_resources: cpu.is_some(),
    };
    let mut memory = Memory::default();
    if c["earlier_recommendations"].is_array() {
        memory.recommendations = Some(changes(&c["earlier_recommendations"], "recommendation"));
    }
    let round =
        Round { hpa: &h, scale: &scale, pods: &pods, rivals: &[], source: &source, settings: &SETTINGS, now: NOW };
    let status = if fault == "the scale subresource cannot be read" {
        same("desired", scale.wanted, int(&c["expect_desired_replicas"]))?;
        compute::no_scale(&h, "something went wrong", NOW)
    } else {
        let decision = round.decide(&mut memory);
        let broken = fault == "writing the scale fails";
        let size = decision.rescale.clone().filter(|_| !broken).map_or(scale.wanted, |r| r.0);
        same("desired", size, int(&c["expect_desired_replicas"])).map_err(|e| format!("{e} {:?}", decision.events))?;
        match decision.rescale {
            None => decision.status,
            Some(_) => {
                let answer = if broken { Err("something went wrong".to_string()) } else { Ok(()) };
                compute::rescaled(&h, &scale, decision, answer, &mut memory, NOW)
            }
        }
    };
    if c["expect_conditions"].is_null() {
        return Ok(());
    }
    let got: Vec<Value> = status
        .conditions
        .iter()
        .flatten()
        .map(|c| json!({"type": c.type_, "status": c.status, "reason": c.reason}))
        .collect();
    same("conditions", &Value::from(got), &c["expect_conditions"])
}
