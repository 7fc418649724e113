//! Tables for `kubelet`.

use crate::{Check, Gap};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodCondition, PodSpec};
use kubarium_core::kubelet::conditions::{self, Statuses};
use kubarium_core::kubelet::statuses::{RuntimeContainer, Situation, container_statuses};
use kubarium_core::store::pod::{ContainerRecord, Phase, container_record};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("kubelet_pod_phase", pod_phase),
    ("kubelet_pod_conditions", pod_conditions),
    ("kubelet_container_statuses", statuses),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

fn read<T: DeserializeOwned + Default>(v: &Value) -> T {
    if v.is_null() { T::default() } else { serde_json::from_value(v.clone()).expect("a value of its type") }
}

/// The records of the named containers, in their order.
fn records(names: &[Container], list: &[ContainerStatus]) -> Vec<Option<ContainerRecord>> {
    names.iter().map(|c| list.iter().find(|s| s.name == c.name).map(container_record)).collect()
}

fn refs(r: &[Option<ContainerRecord>]) -> Vec<Option<&ContainerRecord>> {
    r.iter().map(Option::as_ref).collect()
}

fn pod_phase(_: &Value, case: &Value) -> Result<(), String> {
    let spec: PodSpec = read(&case["spec"]);
    let mut all: Vec<ContainerStatus> = read(&case["container_statuses"]);
    all.extend(read::<Vec<ContainerStatus>>(&case["init_container_statuses"]));
    let containers = records(&spec.containers, &all);
    let init = records(spec.init_containers.as_deref().unwrap_or_default(), &all);
    let flag = |k: &str| case[k].as_bool().unwrap_or(false);
    let got = kubarium_core::kubelet::phase::phase(
        &spec,
        &refs(&containers),
        &refs(&init),
        flag("pod_is_terminal"),
        flag("pod_has_initialized"),
    );
    let want = case["expect_phase"].as_str().unwrap_or_default();
    if got.as_str() == want { Ok(()) } else { Err(format!("{} instead of {want}", got.as_str())) }
}

fn pod_conditions(_: &Value, case: &Value) -> Result<(), String> {
    let spec: PodSpec = read(&case["spec"]);
    let list: Option<Vec<ContainerStatus>> = read(&case["container_statuses"]);
    let list = list.as_deref();
    let containers = records(&spec.containers, list.unwrap_or_default());
    let init = records(spec.init_containers.as_deref().unwrap_or_default(), list.unwrap_or_default());
    let (containers, init) = (refs(&containers), refs(&init));
    let known = list.map(|_| Statuses { containers: &containers, init: &init });
    let phase = match case["phase"].as_str() {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        _ => Phase::Pending,
    };
    let got = match case["condition"].as_str() {
        Some("ContainersReady") => conditions::containers_ready(&spec, known, phase),
        Some("Ready") => conditions::ready(&spec, &read::<Vec<PodCondition>>(&case["conditions"]), known, phase),
        _ => conditions::initialized(&spec, known, phase),
    };
    let want = &case["expect"];
    let status = if got.status { "True" } else { "False" };
    let text = |k: &str| want[k].as_str();
    let same = text("status") == Some(status)
        && text("reason").unwrap_or_default() == got.reason
        && text("message").is_none_or(|m| m == got.message);
    if same { Ok(()) } else { Err(format!("{got:?} instead of {want}")) }
}

fn statuses(_: &Value, case: &Value) -> Result<(), String> {
    let containers: Vec<Container> = read(&case["containers"]);
    let spec: PodSpec = read(&case["pod"]["spec"]);
    let runtime: Vec<RuntimeContainer> = case["runtime_containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| RuntimeContainer {
            name: r["name"].as_str().unwrap_or_default().into(),
            running: r["state"] == "running",
            exit_code: r["exit_code"].as_i64().unwrap_or(0) as i32,
        })
        .collect();
    let flag = |k: &str| case[k].as_bool().unwrap_or(false);
    let situation = Situation {
        has_init: flag("has_init_containers"),
        is_init: flag("is_init_container"),
        deleted: !case["pod"]["deletionTimestamp"].is_null(),
        restarting: flag("pod_restarting"),
    };
    let previous: Vec<ContainerStatus> = read(&case["previous_status"]);
    let got = container_statuses(&containers, &spec.containers, &previous, &runtime, situation);
    let want: Vec<ContainerStatus> = read(&case["expect"]);
    if got == want { Ok(()) } else { Err(format!("{got:?}\n instead of {want:?}")) }
}
