//! Jobs and CronJobs. (Models pkg/apis/batch defaults and validation, and pkg/registry/batch.)

use super::Strategy;
use super::meta::{checked, subdomain, validate_meta, validate_meta_update};
use super::pod_defaults::{default_template, labels_from_template};
use super::pod_template::validate_template;
use super::pod_warnings::template_warnings;
use super::util::{
    child, flag, has, immutable, index, int, items, items_mut, keep_spec, keep_status_count_generation, non_negative,
    object, present, remove, reset_status_begin_generation, set_default, set_if_absent, text,
};
use crate::api::cron::{self, Schedule};
use crate::api::error::FieldError;
use serde_json::{Value, json};

/// The rules of Jobs.
pub const JOB: Strategy = Strategy {
    kind: "Job",
    default,
    validate: |obj| checked(obj, true, subdomain, validate_spec(&obj["spec"], "spec")),
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create,
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: keep_spec,
    warnings: |new, _| template_warnings(&new["spec"]["template"], "spec.template"),
};

/// The rules of CronJobs.
pub const CRON_JOB: Strategy = Strategy {
    kind: "CronJob",
    default: default_cron_job,
    validate: |obj| {
        let mut errors = validate_meta(obj, true, subdomain);
        errors.extend(validate_cron_spec(&obj["spec"], "spec", false));
        let name = text(&obj["metadata"], "name");
        if name.len() > 52 {
            errors.push(FieldError::invalid("metadata.name", name, "must be no more than 52 characters"));
        }
        errors
    },
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        let zoned = text(&old["spec"], "schedule").contains("TZ");
        errors.extend(validate_cron_spec(&new["spec"], "spec", zoned));
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create: reset_status_begin_generation,
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: keep_spec,
    warnings: |new, _| {
        template_warnings(&new["spec"]["jobTemplate"]["spec"]["template"], "spec.jobTemplate.spec.template")
    },
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    if let Some(template) = object(spec, "template") {
        default_template(template);
    }
    if !has(spec, "completions") && !has(spec, "parallelism") {
        spec["completions"] = 1.into();
    }
    set_if_absent(spec, "parallelism", 1);
    let backoff = if has(spec, "backoffLimitPerIndex") { i64::from(i32::MAX) } else { 6 };
    set_if_absent(spec, "backoffLimit", backoff);
    set_if_absent(spec, "completionMode", "NonIndexed");
    set_if_absent(spec, "suspend", false);
    set_if_absent(spec, "manualSelector", false);
    let replacement = if has(spec, "podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    set_if_absent(spec, "podReplacementPolicy", replacement);
    default_failure_policy(spec);
    // before its creation the template does not have the labels by which its pods are found
    let made = has(&obj["spec"]["template"]["metadata"]["labels"], "batch.kubernetes.io/controller-uid");
    if made || flag(&obj["spec"], "manualSelector") {
        labels_from_template(obj);
    }
}

fn default_failure_policy(spec: &mut Value) {
    if let Some(policy) = present(spec, "podFailurePolicy") {
        for rule in items_mut(policy, "rules") {
            for condition in items_mut(rule, "onPodConditions") {
                set_default(condition, "status", "True");
            }
        }
    }
}

fn default_cron_job(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    set_default(spec, "concurrencyPolicy", "Allow");
    set_if_absent(spec, "suspend", false);
    set_if_absent(spec, "successfulJobsHistoryLimit", 3);
    set_if_absent(spec, "failedJobsHistoryLimit", 1);
    if let Some(job) = object(spec, "jobTemplate").and_then(|t| {
        object(t, "metadata");
        object(t, "spec")
    }) {
        if let Some(template) = object(job, "template") {
            default_template(template);
        }
        default_failure_policy(job);
    }
}

/// Pods are found by the Job's uid, unless the selector is made by hand. The uid must be set already.
fn prepare_for_create(obj: &mut Value) {
    reset_status_begin_generation(obj);
    obj["status"] = json!({});
    if flag(&obj["spec"], "manualSelector") {
        return;
    }
    let uid = obj["metadata"]["uid"].clone();
    let name = obj["metadata"]["name"].clone();
    let Some(spec) = object(obj, "spec") else { return };
    if let Some(labels) = object(spec, "template").and_then(|t| object(t, "metadata")).and_then(|m| object(m, "labels"))
    {
        for (key, value) in [
            ("batch.kubernetes.io/controller-uid", &uid),
            ("batch.kubernetes.io/job-name", &name),
            ("controller-uid", &uid),
            ("job-name", &name),
        ] {
            labels[key] = value.clone();
        }
    }
    if let Some(labels) = object(spec, "selector").and_then(|s| object(s, "matchLabels")) {
        labels["batch.kubernetes.io/controller-uid"] = uid;
    }
    // a job without labels shares those of its template, and what was added to them just now
    labels_from_template(obj);
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = validate_job_numbers(spec, path);
    let template = &spec["template"];
    let at = child(path, "template");
    errors.extend(validate_template(template, &at));
    errors.extend(restart_policy_of_job(spec, path));
    errors
}

/// What a job must say of restarts.
fn restart_policy_of_job(spec: &Value, path: &str) -> Vec<FieldError> {
    let policy = text(&spec["template"]["spec"], "restartPolicy");
    let at = child(path, "template.spec.restartPolicy");
    let mut errors = vec![];
    match policy {
        "" | "Always" => errors.push(FieldError::required(at.as_str(), "valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" | "Never" => {}
        other => errors.push(FieldError::not_supported(at.as_str(), other, &["OnFailure", "Never"])),
    }
    if has(spec, "podFailurePolicy") && policy != "Never" {
        errors.push(FieldError::invalid(at, policy, "only \"Never\" is supported when podFailurePolicy is specified"));
    }
    errors
}

fn validate_job_numbers(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for key in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
    ] {
        errors.extend(non_negative(spec, key, path));
    }
    let indexed = text(spec, "completionMode") == "Indexed";
    if let Some(n) = spec["backoffLimitPerIndex"].as_i64()
        && !indexed
    {
        errors.push(FieldError::invalid(child(path, "backoffLimitPerIndex"), n, "requires indexed completion mode"));
    }
    errors.extend(non_negative(spec, "maxFailedIndexes", path));
    if let Some(n) = spec["maxFailedIndexes"].as_i64() {
        if let Some(completions) = spec["completions"].as_i64()
            && n > completions
        {
            errors.push(FieldError::invalid(
                child(path, "maxFailedIndexes"),
                n,
                "must be less than or equal to completions",
            ));
        }
        if !indexed {
            errors.push(FieldError::invalid(child(path, "maxFailedIndexes"), n, "requires indexed completion mode"));
        }
        if !has(spec, "backoffLimitPerIndex") {
            errors
                .push(FieldError::required(child(path, "backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
        }
    }
    if has(spec, "completionMode") {
        let mode = text(spec, "completionMode");
        if !["NonIndexed", "Indexed"].contains(&mode) {
            errors.push(FieldError::not_supported(child(path, "completionMode"), mode, &["NonIndexed", "Indexed"]));
        }
        if indexed {
            if !has(spec, "completions") {
                errors.push(FieldError::required(child(path, "completions"), "when completion mode is Indexed"));
            }
            if int(spec, "parallelism") > 100_000 {
                errors.push(FieldError::invalid(
                    child(path, "parallelism"),
                    int(spec, "parallelism"),
                    "must be less than or equal to 100000 when completion mode is Indexed",
                ));
            }
        }
    }
    errors.extend(validate_failure_policy(&spec["podFailurePolicy"], spec, &child(path, "podFailurePolicy")));
    if has(spec, "podReplacementPolicy") {
        let policy = text(spec, "podReplacementPolicy");
        let at = child(path, "podReplacementPolicy");
        if has(spec, "podFailurePolicy") && policy != "Failed" {
            errors.push(FieldError::not_supported(at, policy, &["Failed"]));
        } else if !["Failed", "TerminatingOrFailed"].contains(&policy) {
            errors.push(FieldError::not_supported(at, policy, &["Failed", "TerminatingOrFailed"]));
        }
    }
    errors
}

fn validate_failure_policy(policy: &Value, spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let containers: Vec<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| items(&spec["template"]["spec"], list))
        .map(|c| text(c, "name"))
        .collect();
    for (i, rule) in items(policy, "rules").iter().enumerate() {
        let at = index(&child(path, "rules"), i);
        match text(rule, "action") {
            "" => errors.push(FieldError::required(
                child(&at, "action"),
                "valid values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"",
            )),
            "FailIndex" if !has(spec, "backoffLimitPerIndex") => errors.push(FieldError::invalid(
                child(&at, "action"),
                "FailIndex",
                "requires the backoffLimitPerIndex to be set",
            )),
            "Count" | "FailIndex" | "FailJob" | "Ignore" => {}
            other => errors.push(FieldError::not_supported(
                child(&at, "action"),
                other,
                &["Count", "FailIndex", "FailJob", "Ignore"],
            )),
        }
        let codes = &rule["onExitCodes"];
        if !codes.is_null() {
            errors.extend(validate_exit_codes(codes, &containers, &child(&at, "onExitCodes")));
        }
        for (j, condition) in items(rule, "onPodConditions").iter().enumerate() {
            let at = index(&child(&at, "onPodConditions"), j);
            let kind = text(condition, "type");
            errors.extend(super::util::invalid_each(
                &child(&at, "type"),
                kind,
                crate::api::names::is_qualified_name(kind),
            ));
            errors.extend(super::util::one_of(condition, "status", &at, &["False", "True", "Unknown"]));
        }
        let both = !codes.is_null() && !items(rule, "onPodConditions").is_empty();
        let none = codes.is_null() && items(rule, "onPodConditions").is_empty();
        if both {
            errors.push(FieldError::invalid(
                at.as_str(),
                Value::Null,
                "specifying both OnExitCodes and OnPodConditions is not supported",
            ));
        }
        if none {
            errors.push(FieldError::invalid(
                at,
                Value::Null,
                "specifying one of OnExitCodes and OnPodConditions is required",
            ));
        }
    }
    errors
}

fn validate_exit_codes(codes: &Value, containers: &[&str], path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let operator = text(codes, "operator");
    match operator {
        "" => errors.push(FieldError::required(child(path, "operator"), "valid values: \"In\", \"NotIn\"")),
        "In" | "NotIn" => {}
        other => errors.push(FieldError::not_supported(child(path, "operator"), other, &["In", "NotIn"])),
    }
    if has(codes, "containerName") && !containers.contains(&text(codes, "containerName")) {
        errors.push(FieldError::invalid(
            child(path, "containerName"),
            text(codes, "containerName"),
            "must be one of the container or initContainer names in the pod template",
        ));
    }
    let values = items(codes, "values");
    let at = child(path, "values");
    if values.is_empty() {
        errors.push(FieldError::invalid(at.as_str(), values.to_vec(), "at least one value is required"));
    } else if values.len() > 255 {
        errors.push(FieldError {
            kind: crate::api::error::FieldErrorKind::TooMany,
            field: at.clone(),
            value: Some(values.len().into()),
            detail: "must have at most 255 items".into(),
        });
    }
    let numbers: Vec<i64> = values.iter().filter_map(Value::as_i64).collect();
    let mut ordered = true;
    let mut seen = std::collections::BTreeSet::new();
    for (i, n) in numbers.iter().enumerate() {
        let at = index(&at, i);
        if operator == "In" && *n == 0 {
            errors.push(FieldError::invalid(at.as_str(), 0, "must not be 0 for the In operator"));
        }
        if !seen.insert(n) {
            errors.push(FieldError::duplicate(at, *n));
        } else if i > 0 && numbers[i - 1] > *n {
            ordered = false;
        }
    }
    if !ordered {
        errors.push(FieldError::invalid(at, values.to_vec(), "must be ordered"));
    }
    errors
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_spec(&new["spec"], "spec"));
    let (spec, before) = (&new["spec"], &old["spec"]);
    // An indexed job may be scaled as a whole; nothing else of it changes but how much runs at once.
    let elastic = text(before, "completionMode") == "Indexed"
        && spec["completions"] == spec["parallelism"]
        && before["completions"] == before["parallelism"];
    if !elastic {
        errors.extend(immutable(spec, before, "completions", "spec"));
    }
    errors.extend(immutable(spec, before, "selector", "spec"));
    let unstarted = flag(before, "suspend") && !has(&old["status"], "startTime");
    let scheduling = |v: &Value| {
        let mut template = v["template"].clone();
        if unstarted {
            if let Some(meta) = object(&mut template, "metadata") {
                remove(meta, "labels");
                remove(meta, "annotations");
            }
            if let Some(pod) = object(&mut template, "spec") {
                for key in ["nodeSelector", "tolerations", "schedulingGates", "affinity"] {
                    remove(pod, key);
                }
            }
        }
        template
    };
    if scheduling(spec) != scheduling(before) {
        errors.push(FieldError::invalid("spec.template", spec["template"].clone(), "field is immutable"));
    }
    for key in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] {
        errors.extend(immutable(spec, before, key, "spec"));
    }
    errors
}

/// `zoned`: the schedule had a time zone of its own before, which is not refused then.
fn validate_cron_spec(spec: &Value, path: &str, zoned: bool) -> Vec<FieldError> {
    let mut errors = vec![];
    let at = child(path, "schedule");
    let schedule = text(spec, "schedule");
    if schedule.is_empty() {
        errors.push(FieldError::required(at.as_str(), ""));
    } else {
        errors.extend(validate_schedule(schedule, has(spec, "timeZone"), zoned, &at));
    }
    errors.extend(non_negative(spec, "startingDeadlineSeconds", path));
    if has(spec, "timeZone") {
        errors.extend(validate_time_zone(text(spec, "timeZone"), &child(path, "timeZone")));
    }
    errors.extend(super::util::one_of(spec, "concurrencyPolicy", path, &["Allow", "Forbid", "Replace"]));
    let job = &spec["jobTemplate"]["spec"];
    let at = child(path, "jobTemplate.spec");
    errors.extend(validate_spec(job, &at));
    if flag(job, "manualSelector") {
        errors.push(FieldError::not_supported(child(&at, "manualSelector"), true, &["nil", "false"]));
    }
    errors.extend(non_negative(spec, "successfulJobsHistoryLimit", path));
    errors.extend(non_negative(spec, "failedJobsHistoryLimit", path));
    errors
}

fn validate_schedule(schedule: &str, has_zone: bool, zoned: bool, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if let Err(why) = Schedule::parse(schedule) {
        errors.push(FieldError::invalid(path, schedule, why));
    }
    if (has_zone || !zoned) && schedule.contains("TZ") {
        let why = if zoned {
            "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        } else {
            "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        };
        errors.push(FieldError::invalid(path, schedule, why));
    }
    errors
}

fn validate_time_zone(zone: &str, path: &str) -> Vec<FieldError> {
    if zone.is_empty() {
        return vec![FieldError::invalid(path, zone, "timeZone must be nil or non-empty string")];
    }
    if zone.eq_ignore_ascii_case("Local") {
        return vec![FieldError::invalid(
            path,
            zone,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        )];
    }
    cron::time_zone(zone).err().map(|why| FieldError::invalid(path, zone, why)).into_iter().collect()
}
