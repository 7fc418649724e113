//! Pods: metadata, spec and updates. (Models ValidatePodCreate, ValidatePodUpdate, ValidatePodStatusUpdate and
//! pkg/registry/core/pod.)

use super::Strategy;
use super::affinity::apply_label_keys;
use super::containers::image_whitespace;
use super::meta::{subdomain, validate_meta, validate_meta_update};
use super::pod_defaults::default_pod;
use super::pod_spec::validate_pod_spec;
use super::qos::qos_class;
use super::security::{validate_apparmor_annotations, validate_profile_annotations, validate_seccomp_annotations};
use super::util::{child, has, index, items, keep_spec, keyed, object, remove, set_generation, text};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::{Value, json};

/// The rules of Pods.
pub const STRATEGY: Strategy = Strategy {
    kind: "Pod",
    default: default_pod,
    validate,
    validate_update,
    validate_status_update,
    prepare_for_create,
    prepare_for_update,
    prepare_for_status_update: keep_spec,
    warnings: |new, _| super::pod_warnings::pod_warnings(new),
};

pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

fn prepare_for_create(pod: &mut Value) {
    set_generation(pod, 1);
    pod["status"] = json!({"phase": "Pending", "qosClass": qos_class(&pod["spec"])});
    if !items(&pod["spec"], "schedulingGates").is_empty() {
        pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates"}]);
    }
    let labels = pod["metadata"]["labels"].clone();
    if let Some(spec) = object(pod, "spec") {
        if spec["terminationGracePeriodSeconds"].as_i64().is_some_and(|n| n < 0) {
            spec["terminationGracePeriodSeconds"] = 1.into();
        }
        apply_label_keys(spec, &labels);
    }
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    super::util::keep_status_count_generation(new, old);
}

fn validate(pod: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_and_spec(pod);
    let spec = &pod["spec"];
    let annotations = &pod["metadata"]["annotations"];
    if !items(spec, "ephemeralContainers").is_empty() {
        errors.push(FieldError::forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    if !text(spec, "nodeName").is_empty() && !items(spec, "schedulingGates").is_empty() {
        errors
            .push(FieldError::forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
    }
    errors.extend(validate_seccomp_annotations(annotations, spec, "spec"));
    errors.extend(validate_apparmor_annotations(annotations, spec, "spec"));
    errors
}

pub(super) fn validate_meta_and_spec(pod: &Value) -> Vec<FieldError> {
    let (meta, spec) = (&pod["metadata"], &pod["spec"]);
    let mut errors = validate_meta(pod, true, subdomain);
    errors.extend(validate_annotations_of_pod(&meta["annotations"], spec, "metadata.annotations"));
    errors.extend(validate_pod_spec(spec, meta, "spec", true));
    if text(spec, "serviceAccountName").is_empty() {
        for (i, v) in items(spec, "volumes").iter().enumerate() {
            for (j, s) in items(&v["projected"], "sources").iter().enumerate() {
                if has(s, "serviceAccountToken") {
                    errors.push(FieldError::forbidden(
                        format!("spec.volumes[{i}].projected.sources[{j}].serviceAccountToken"),
                        "must not be specified when serviceAccountName is not set",
                    ));
                }
            }
        }
    }
    for list in ["containers", "initContainers"] {
        for (i, c) in items(spec, list).iter().enumerate() {
            errors.extend(image_whitespace(c, &index(&child("spec", list), i)));
        }
    }
    errors
}

/// Annotations that mean something to pods. (Models ValidatePodSpecificAnnotations.)
pub fn validate_annotations_of_pod(annotations: &Value, spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if let Some(value) = annotations[MIRROR].as_str()
        && text(spec, "nodeName").is_empty()
    {
        errors.push(FieldError::invalid(
            keyed(path, MIRROR),
            value,
            "must set spec.nodeName if mirror pod annotation is set",
        ));
    }
    errors.extend(validate_profile_annotations(annotations, spec, path));
    if let Some(cost) = annotations[DELETION_COST].as_str() {
        let plain = cost.strip_prefix('-').unwrap_or(cost);
        let leading_zero = plain.len() > 1 && plain.starts_with('0');
        if cost.starts_with('+') || leading_zero || cost.parse::<i32>().is_err() {
            errors.push(FieldError::invalid(keyed(path, DELETION_COST), cost, "must be a 32bit integer"));
        }
    }
    errors
}

const UPDATABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                         `spec.tolerations` (only additions to existing tolerations),\
                         `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_meta_and_spec(new).into_iter().filter(|e| !e.field.starts_with("metadata")));
    errors.extend(validate_annotations_of_pod(&new["metadata"]["annotations"], &new["spec"], "metadata.annotations"));
    let (mirror, was) = (&new["metadata"]["annotations"][MIRROR], &old["metadata"]["annotations"][MIRROR]);
    if mirror != was {
        let at = keyed("metadata.annotations", MIRROR);
        errors.push(match (mirror.as_str(), was.as_str()) {
            (Some(_), None) => FieldError::forbidden(at, "may not add mirror pod annotation"),
            _ => FieldError::forbidden(at, "may not remove or update mirror pod annotation"),
        });
    }
    let (spec, before) = (&new["spec"], &old["spec"]);
    for list in ["containers", "initContainers"] {
        if items(spec, list).len() != items(before, list).len() {
            errors.push(FieldError::forbidden(child("spec", list), "pod updates may not add or remove containers"));
            return errors;
        }
    }
    let at = "spec.activeDeadlineSeconds";
    match (spec["activeDeadlineSeconds"].as_i64(), before["activeDeadlineSeconds"].as_i64()) {
        (Some(n), _) if !(0..=i64::from(i32::MAX)).contains(&n) => {
            errors.push(FieldError::invalid(at, n, names::inclusive_range_error(0, i64::from(i32::MAX))));
            return errors;
        }
        (Some(n), Some(o)) if o < n => {
            errors.push(FieldError::invalid(at, n, "must be less than or equal to previous value"));
            return errors;
        }
        (None, Some(_)) => {
            errors.push(FieldError::invalid(at, Value::Null, "must not update from a positive integer to nil value"))
        }
        _ => {}
    }
    errors.extend(only_added_tolerations(spec, before));
    errors.extend(only_removed_gates(spec, before));
    errors.extend(nothing_else_changed(spec, before));
    errors
}

/// All errors of a pod whose ephemeral containers have changed: they can only be added. (Models
/// ValidatePodEphemeralContainersUpdate.)
pub fn validate_ephemeral_update(new: &Value, old: &Value) -> Vec<FieldError> {
    const AT: &str = "spec.ephemeralContainers";
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_meta_and_spec(new));
    if has(&new["metadata"]["annotations"], MIRROR) {
        errors.push(FieldError::forbidden(AT, "static pods do not support ephemeral containers"));
    }
    let now = items(&new["spec"], "ephemeralContainers");
    for was in items(&old["spec"], "ephemeralContainers") {
        let name = text(was, "name");
        match now.iter().find(|c| text(c, "name") == name) {
            None => {
                let why = format!("existing ephemeral containers {name:?} may not be removed\n");
                errors.push(FieldError::forbidden(AT, why));
            }
            Some(c) if c != was => {
                let change = difference(was, c);
                let why = format!("existing ephemeral containers {name:?} may not be changed\n{change}");
                errors.push(FieldError::forbidden(AT, why));
            }
            Some(_) => {}
        }
    }
    errors
}

fn only_added_tolerations(spec: &Value, before: &Value) -> Vec<FieldError> {
    let without_seconds = |t: &Value| {
        let mut t = t.clone();
        remove(&mut t, "tolerationSeconds");
        t
    };
    let now: Vec<Value> = items(spec, "tolerations").iter().map(without_seconds).collect();
    if items(before, "tolerations").iter().any(|t| !now.contains(&without_seconds(t))) {
        return vec![FieldError::forbidden(
            "spec.tolerations",
            "existing toleration can not be modified except its tolerationSeconds",
        )];
    }
    vec![]
}

fn only_removed_gates(spec: &Value, before: &Value) -> Vec<FieldError> {
    let had: Vec<&str> = items(before, "schedulingGates").iter().map(|g| text(g, "name")).collect();
    items(spec, "schedulingGates")
        .iter()
        .enumerate()
        .filter(|(_, g)| !had.contains(&text(g, "name")))
        .map(|(i, g)| {
            FieldError::forbidden(
                format!("spec.schedulingGates[{i}].name"),
                format!("only deletion is allowed, but found new scheduling gate '{}'", text(g, "name")),
            )
        })
        .collect()
}

/// With all that may change set back, the specs must be equal.
fn nothing_else_changed(spec: &Value, before: &Value) -> Vec<FieldError> {
    if spec == before {
        return vec![];
    }
    let mut errors = vec![];
    let mut rest = spec.clone();
    for list in ["containers", "initContainers"] {
        for (c, o) in super::util::items_mut(&mut rest, list).iter_mut().zip(items(before, list)) {
            c["image"] = o["image"].clone();
        }
    }
    for key in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        super::util::copy_field(&mut rest, before, key);
    }
    let grace = "terminationGracePeriodSeconds";
    if before[grace].as_i64().is_some_and(|g| g < 0) && rest[grace].as_i64() == Some(1) {
        super::util::copy_field(&mut rest, before, grace);
    }
    if !items(before, "schedulingGates").is_empty() {
        // A pod that is not released yet may be aimed more narrowly.
        let old = before["nodeSelector"].as_object().cloned().unwrap_or_default();
        if rest["nodeSelector"] != before["nodeSelector"] {
            if old.iter().any(|(k, v)| rest["nodeSelector"].get(k) != Some(v)) {
                errors.push(FieldError::invalid(
                    "spec.nodeSelector",
                    rest["nodeSelector"].clone(),
                    "only additions are allowed (no mutations or deletions)",
                ));
            }
            super::util::copy_field(&mut rest, before, "nodeSelector");
        }
        if rest["affinity"]["nodeAffinity"] != before["affinity"]["nodeAffinity"] {
            if has(before, "affinity") {
                let kept = before["affinity"]["nodeAffinity"].clone();
                if let Some(a) = object(&mut rest, "affinity") {
                    super::util::copy_field(a, &json!({"nodeAffinity": kept}), "nodeAffinity");
                }
            } else if rest["affinity"].as_object().is_some_and(|a| a.len() == 1) {
                remove(&mut rest, "affinity");
            }
        }
    }
    if rest != *before {
        errors.push(FieldError::forbidden(
            "spec",
            format!("pod updates may not change fields other than {UPDATABLE}\n{}", difference(before, &rest)),
        ));
    }
    errors
}

/// What differs, as lines of JSON with three lines around.
pub fn difference(old: &Value, new: &Value) -> String {
    let text = |v: &Value| {
        let mut out = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut writer = serde_json::Serializer::with_formatter(&mut out, format);
        match serde::Serialize::serialize(v, &mut writer) {
            Ok(()) => String::from_utf8_lossy(&out).into_owned() + "\n",
            Err(_) => String::new(),
        }
    };
    let (a, b) = (text(old), text(new));
    similar::TextDiff::from_lines(&a, &b).unified_diff().context_radius(3).to_string()
}

fn validate_status_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    if new["spec"]["nodeName"] != old["spec"]["nodeName"] {
        errors.push(FieldError::forbidden("status.nodeName", "may not be changed directly"));
    }
    errors.extend(super::util::immutable(&new["status"], &old["status"], "qosClass", "status"));
    errors
}
