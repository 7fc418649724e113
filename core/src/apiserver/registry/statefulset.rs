//! StatefulSets. (Models pkg/apis/apps/v1 defaults, ValidateStatefulSet and pkg/registry/apps/statefulset.)

use super::Strategy;
use super::deployment::{amount, not_more_than_all, positive_int_or_percent};
use super::meta::{label, validate_meta, validate_meta_update, validate_workload_selector};
use super::pod_defaults::{default_claim, default_template};
use super::pod_template::{always_and_no_deadline, selected, validate_template};
use super::pod_warnings::template_warnings;
use super::util::{
    child, has, index, invalid_each, items, items_mut, keep_spec, keep_status_count_generation, non_negative, object,
    present, reset_status_begin_generation, set_default, set_if_absent, shown, text,
};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use serde_json::{Value, json};

/// The rules of StatefulSets.
pub const STRATEGY: Strategy = Strategy {
    kind: "StatefulSet",
    default,
    validate,
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create,
    prepare_for_update: |new, old| {
        drop_gated(new);
        keep_status_count_generation(new, old);
    },
    prepare_for_status_update: keep_spec,
    warnings: |new, _| template_warnings(&new["spec"]["template"], "spec.template"),
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    set_default(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = object(spec, "updateStrategy") {
        // who names the type is not given its parameters
        if text(strategy, "type").is_empty() {
            set_default(strategy, "type", "RollingUpdate");
            object(strategy, "rollingUpdate");
        }
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = present(strategy, "rollingUpdate")
        {
            set_if_absent(rolling, "partition", 0);
        }
    }
    if let Some(retention) = object(spec, "persistentVolumeClaimRetentionPolicy") {
        set_default(retention, "whenDeleted", "Retain");
        set_default(retention, "whenScaled", "Retain");
    }
    set_if_absent(spec, "replicas", 1);
    set_if_absent(spec, "revisionHistoryLimit", 10);
    if let Some(template) = object(spec, "template") {
        default_template(template);
    }
    for claim in items_mut(spec, "volumeClaimTemplates") {
        set_default(claim, "apiVersion", "v1");
        set_default(claim, "kind", "PersistentVolumeClaim");
        default_claim(claim);
    }
}

/// The gate MaxUnavailableStatefulSet is off in 1.36: its field is dropped.
fn drop_gated(obj: &mut Value) {
    if let Some(rolling) = obj.pointer_mut("/spec/updateStrategy/rollingUpdate") {
        super::util::remove(rolling, "maxUnavailable");
    }
}

fn prepare_for_create(obj: &mut Value) {
    drop_gated(obj);
    reset_status_begin_generation(obj);
    obj["status"] = json!({"replicas": 0, "availableReplicas": 0});
}

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, label);
    errors.extend(validate_spec(&obj["spec"], "spec"));
    errors
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    match text(spec, "podManagementPolicy") {
        "" => errors.push(FieldError::required(child(path, "podManagementPolicy"), "")),
        "OrderedReady" | "Parallel" => {}
        other => errors.push(FieldError::invalid(
            child(path, "podManagementPolicy"),
            other,
            "must be 'OrderedReady' or 'Parallel'",
        )),
    }
    errors.extend(validate_update_strategy(&spec["updateStrategy"], &child(path, "updateStrategy")));
    let retention = &spec["persistentVolumeClaimRetentionPolicy"];
    if !retention.is_null() {
        let at = child(path, "persistentVolumeClaimRetentionPolicy");
        for key in ["whenDeleted", "whenScaled"] {
            let value = text(retention, key);
            if !["Retain", "Delete"].contains(&value) {
                errors.push(FieldError::not_supported(child(&at, key), value, &["Retain", "Delete"]));
            }
        }
    }
    errors.extend(non_negative(spec, "replicas", path));
    errors.extend(non_negative(spec, "minReadySeconds", path));
    errors.extend(non_negative(&spec["ordinals"], "start", &child(path, "ordinals")));
    errors.extend(non_negative(spec, "revisionHistoryLimit", path));
    let service = text(spec, "serviceName");
    if !service.is_empty() {
        errors.extend(invalid_each(&child(path, "serviceName"), service, names::is_dns1123_label(service)));
    }
    let at = child(path, "template");
    errors.extend(validate_workload_selector(
        spec,
        path,
        Some("empty selector is invalid for statefulset"),
        |selector| {
            let mut errors = selected(&spec["template"], selector, &at);
            errors.extend(validate_template_with_claims(spec, &at));
            errors
        },
    ));
    errors.extend(always_and_no_deadline(&spec["template"]["spec"], &child(&at, "spec"), "StatefulSet"));
    errors.extend(validate_claims(spec, path));
    errors
}

/// Claim templates are volumes to the containers, and win over volumes of the same name.
fn validate_template_with_claims(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut template = spec["template"].clone();
    if let Some(pod) = template.get_mut("spec") {
        // Every pod gets its own name and the service's, whatever stands here.
        super::util::remove(pod, "hostname");
        super::util::remove(pod, "subdomain");
    }
    let claims: Vec<&str> = items(spec, "volumeClaimTemplates")
        .iter()
        .map(|c| text(&c["metadata"], "name"))
        .filter(|n| !n.is_empty())
        .collect();
    if claims.is_empty() {
        return validate_template(&template, path);
    }
    if let Some(pod) = object(&mut template, "spec") {
        let mut volumes: Vec<Value> =
            items(pod, "volumes").iter().filter(|v| !claims.contains(&text(v, "name"))).cloned().collect();
        volumes.extend(
            claims.iter().map(|n| json!({"name": n, "persistentVolumeClaim": {"claimName": n, "readOnly": false}})),
        );
        pod["volumes"] = volumes.into();
    }
    validate_template(&template, path)
}

fn validate_update_strategy(strategy: &Value, path: &str) -> Vec<FieldError> {
    let rolling = &strategy["rollingUpdate"];
    let at = child(path, "rollingUpdate");
    let part = |key: &str| rolling.get(key).cloned().unwrap_or(Value::Null);
    let shown_rolling = || {
        if rolling.is_null() {
            "null".to_owned()
        } else {
            let partition = if has(rolling, "partition") { part("partition") } else { json!(0) };
            format!("{{\"Partition\":{partition},\"MaxUnavailable\":{}}}", part("maxUnavailable"))
        }
    };
    match text(strategy, "type") {
        "" => vec![FieldError::required(path, "")],
        "OnDelete" if !rolling.is_null() => vec![shown(
            FieldErrorKind::Invalid,
            at,
            &shown_rolling(),
            "only allowed for updateStrategy 'RollingUpdate'",
        )],
        "OnDelete" => vec![],
        "RollingUpdate" => {
            let mut errors = vec![];
            if !rolling.is_null() {
                errors.extend(non_negative(rolling, "partition", &at));
                if has(rolling, "maxUnavailable") {
                    errors.extend(positive_int_or_percent(rolling, "maxUnavailable", &at));
                    if amount(rolling, "maxUnavailable") == 0 {
                        errors.push(FieldError::invalid(
                            child(&at, "maxUnavailable"),
                            rolling["maxUnavailable"].clone(),
                            "cannot be 0",
                        ));
                    }
                    errors.extend(not_more_than_all(rolling, "maxUnavailable", &at));
                }
            }
            errors
        }
        other => vec![shown(
            FieldErrorKind::Invalid,
            path,
            &format!("{{\"Type\":{},\"RollingUpdate\":{}}}", json!(other), shown_rolling()),
            "must be 'RollingUpdate' or 'OnDelete'",
        )],
    }
}

fn validate_claims(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    for (i, claim) in items(spec, "volumeClaimTemplates").iter().enumerate() {
        let at = index(&child(path, "volumeClaimTemplates"), i);
        errors.extend(super::volumes::validate_claim_spec(&claim["spec"], &child(&at, "spec")));
    }
    errors
}

const UPDATABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_spec(&new["spec"], "spec"));
    let rest = |v: &Value| {
        let mut spec = v["spec"].clone();
        for key in UPDATABLE {
            super::util::remove(&mut spec, key);
        }
        spec
    };
    if rest(new) != rest(old) {
        let list = UPDATABLE[..6].iter().map(|f| format!("'{f}'")).collect::<Vec<_>>().join(", ");
        errors.push(FieldError::forbidden(
            "spec",
            format!("updates to statefulset spec for fields other than {list} and 'minReadySeconds' are forbidden"),
        ));
    }
    errors
}
