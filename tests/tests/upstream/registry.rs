//! Tables of defaults, validation and admission.

use crate::{Check, Gap};
use kubarium_core::api::cron::{self, Schedule};
use kubarium_core::api::error::{FieldError, Status};
use kubarium_core::api::kinds;
use kubarium_core::api::names::{NameRule, is_name};
use kubarium_core::apiserver::limits;
use kubarium_core::apiserver::registry::{Strategy, qos, service, strategy};
use kubarium_core::kubectl::errors::CmdError;
use serde_json::{Value, json};

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("cron_most_recent_schedule", cron_most_recent_schedule),
    ("cron_next", cron_next),
    ("cron_next_schedule_delay", cron_next_schedule_delay),
    ("limitrange_validate", limitrange_validate),
    ("pod_qos", pod_qos),
    ("validate_deployment", validate_deployment),
    ("validate_pod", validate_pod),
    ("validate_service", validate_service),
    ("validate_statefulset", validate_statefulset),
    ("validation_messages", validation_messages),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] = &[];

fn known(kind: &str) -> Result<&'static Strategy, String> {
    strategy(kind).ok_or_else(|| format!("{kind} has no rules yet"))
}

fn compare(case: &Value, got: &[FieldError]) -> Result<(), String> {
    let got: Vec<String> = got.iter().map(ToString::to_string).collect();
    let expected: Vec<&str> = case["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if got == expected { Ok(()) } else { Err(format!("got {got:#?}, not {expected:#?}")) }
}

/// The tables hold the internal version, where these stand in the security context.
fn from_internal(spec: &mut Value) {
    for key in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        let value = spec["securityContext"].get_mut(key).map(Value::take).filter(|v| !v.is_null());
        if let Some(value) = value {
            spec["securityContext"].as_object_mut().unwrap().remove(key);
            spec[key] = value;
        }
    }
    for c in spec.get_mut("ephemeralContainers").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(mut common) = c.get_mut("ephemeralContainerCommon").map(Value::take) {
            for (key, value) in common.as_object_mut().into_iter().flatten() {
                c[key] = value.take();
            }
        }
    }
}

fn validate_pod(_: &Value, case: &Value) -> Result<(), String> {
    let mut pod = case["pod"].clone();
    from_internal(&mut pod["spec"]);
    compare(case, &(known("Pod")?.validate)(&pod))
}

fn workload(kind: &str, case: &Value) -> Result<(), String> {
    let mut object = case["object"].clone();
    if object["spec"].is_object() && object["spec"]["template"]["spec"].is_object() {
        from_internal(&mut object["spec"]["template"]["spec"]);
    }
    compare(case, &(known(kind)?.validate)(&object))
}

fn validate_deployment(_: &Value, case: &Value) -> Result<(), String> {
    workload("Deployment", case)
}

fn validate_statefulset(_: &Value, case: &Value) -> Result<(), String> {
    workload("StatefulSet", case)
}

/// Rows with the strict names of before 1.36 are judged by these; the list of traffic distributions of before 1.35 is
/// not kept.
fn validate_service(_: &Value, case: &Value) -> Result<(), String> {
    let old_list = |e: &Value| e.as_str().is_some_and(|e| e.ends_with("supported values: \"PreferClose\""));
    if case["errors"].as_array().into_iter().flatten().any(old_list) {
        return Ok(());
    }
    let strict: service::NameCheck = |name, prefix| is_name(NameRule::Label1035, name, prefix);
    let relaxed: service::NameCheck = |name, prefix| is_name(NameRule::Label, name, prefix);
    let rule = if case["relaxed_service_names_gate"] == false { strict } else { relaxed };
    compare(case, &service::validate_service(&case["service"], rule))
}

fn seconds(time: &Value) -> Option<i64> {
    time.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|e| e.to_string(), |t| t.to_string())
}

fn cron_next(_: &Value, case: &Value) -> Result<(), String> {
    let schedule = match Schedule::parse(case["schedule"].as_str().unwrap_or_default()) {
        Err(e) if case["error"] == e => return Ok(()),
        Err(e) => return Err(format!("error {e}, not {}", case["error"])),
        Ok(_) if case.get("error").is_some() => return Err(format!("no error, not {}", case["error"])),
        Ok(schedule) => schedule,
    };
    let mut at = seconds(&case["after"]);
    for expected in case["next"].as_array().into_iter().flatten() {
        at = at.and_then(|t| schedule.next(t));
        let got = at.map_or("never".into(), rfc3339);
        if *expected != got {
            return Err(format!("got {got}, not {expected}"));
        }
    }
    Ok(())
}

fn cron_most_recent_schedule(_: &Value, case: &Value) -> Result<(), String> {
    let job = &case["cronjob"];
    let schedule = Schedule::parse(job["schedule"].as_str().unwrap_or_default())?;
    let deadline = job["startingDeadlineSeconds"].as_i64().filter(|_| case["use_starting_deadline"] == true);
    let now = seconds(&case["now"]).ok_or("no time")?;
    let created = seconds(&job["created"]).ok_or("no time")?;
    let got = match cron::most_recent(&schedule, created, seconds(&job["lastScheduleTime"]), deadline, now) {
        Err(_) if case["expect_error"] == true => return Ok(()),
        got => got?,
    };
    let missed = match got.missed {
        cron::Missed::None => "none",
        cron::Missed::Few => "few",
        cron::Missed::Many => "many",
    };
    let same = seconds(&case["expect_earliest"]) == Some(got.earliest)
        && seconds(&case["expect_most_recent"]) == got.time
        && case["expect_missed"] == missed
        && case["expect_error"] == false;
    if same { Ok(()) } else { Err(format!("got {got:?}")) }
}

fn cron_next_schedule_delay(_: &Value, case: &Value) -> Result<(), String> {
    let job = &case["cronjob"];
    let schedule = Schedule::parse(job["schedule"].as_str().unwrap_or_default())?;
    let now = seconds(&case["now"]).ok_or("no time")?;
    let created = seconds(&job["created"]).ok_or("no time")?;
    let got = cron::next_delay_millis(&schedule, created, seconds(&job["lastScheduleTime"]), now);
    let expected = case["expect_seconds"].as_f64().map(|s| (s * 1000.0).round() as i64);
    if got == expected { Ok(()) } else { Err(format!("got {got:?}, not {expected:?}")) }
}

fn limitrange_validate(_: &Value, case: &Value) -> Result<(), String> {
    let range = json!({"spec": {"limits": case["limits"]}});
    let object = json!({"spec": case["spec"]});
    let claim = case["name"].as_str().is_some_and(|n| n.starts_with("claim"));
    let got = if claim { limits::check_claim(&object, &range) } else { limits::check_pod(&object, &range) };
    let expected =
        if case["accepted"] == true { Ok(()) } else { Err(case["error"].as_str().unwrap_or_default().into()) };
    if got == expected { Ok(()) } else { Err(format!("got {got:?}, not {expected:?}")) }
}

fn pod_qos(_: &Value, case: &Value) -> Result<(), String> {
    let containers = |list: &Value| -> Vec<Value> {
        list.as_array().into_iter().flatten().map(|r| json!({ "resources": r })).collect()
    };
    let mut spec =
        json!({"containers": containers(&case["containers"]), "initContainers": containers(&case["init_containers"])});
    if !case["pod_level_resources"].is_null() {
        spec["resources"] = case["pod_level_resources"].clone();
    }
    let got = qos::qos_class(&spec);
    if case["expect"] == got { Ok(()) } else { Err(format!("got {got}, not {}", case["expect"])) }
}

fn validation_messages(_: &Value, case: &Value) -> Result<(), String> {
    if case.get("decode_error").is_some() {
        return Ok(());
    }
    let kind = case["object"]["kind"].as_str().unwrap_or_default();
    let rules = known(kind)?;
    let prepared = |v: &Value| {
        let mut v = v.clone();
        // The table shortens a text of 262,145 letters.
        for (_, text) in v["metadata"]["annotations"].as_object_mut().into_iter().flatten() {
            if text.as_str().is_some_and(|t| t.ends_with('…')) {
                *text = "x".repeat(262_145).into();
            }
        }
        (rules.default)(&mut v);
        (rules.prepare_for_create)(&mut v);
        v
    };
    let (errors, warnings, object);
    if case["old"].is_object() {
        let old = prepared(&case["old"]);
        let mut new = case["object"].clone();
        (rules.default)(&mut new);
        (rules.prepare_for_update)(&mut new, &old);
        errors = (rules.validate_update)(&new, &old);
        warnings = (rules.warnings)(&new, Some(&old));
        object = new;
    } else {
        object = prepared(&case["object"]);
        errors = (rules.validate)(&object);
        warnings = (rules.warnings)(&object, None);
    }
    let expected: Vec<&str> = case["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if warnings != expected {
        return Err(format!("warnings {warnings:#?}, not {expected:#?}"));
    }
    if case["accepted"] == true {
        return if errors.is_empty() { Ok(()) } else { Err(format!("refused: {errors:#?}")) };
    }
    let info = kinds::resolve(kind).ok_or("no such kind")?;
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let status = Status::invalid(&info.group_kind(), name, &errors);
    if status.details["causes"] != case["causes"] {
        return Err(format!("causes {:#}, not {:#}", status.details["causes"], case["causes"]));
    }
    if case["message"] != status.message {
        return Err(format!("message {:?}, not {}", status.message, case["message"]));
    }
    let (text, _) = CmdError::Api(status).render();
    if case["kubectl_stderr"] != text {
        return Err(format!("kubectl prints {text:?}, not {}", case["kubectl_stderr"]));
    }
    Ok(())
}
