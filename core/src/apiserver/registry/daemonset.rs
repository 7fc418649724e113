//! DaemonSets. (Models pkg/apis/apps/v1 defaults, ValidateDaemonSet and pkg/registry/apps/daemonset.)

use super::Strategy;
use super::deployment::{amount, not_more_than_all, positive_int_or_percent};
use super::meta::{is_empty_selector, subdomain, validate_label_selector, validate_meta, validate_meta_update};
use super::pod_defaults::default_template;
use super::pod_template::{always_and_no_deadline, validate_template};
use super::pod_warnings::template_warnings;
use super::util::{
    child, immutable, keep_spec, keep_status_count_generation, non_negative, object, set_default, set_generation,
    set_if_absent, text,
};
use crate::api::error::FieldError;
use crate::api::labels::Selector;
use serde_json::{Value, json};

/// The rules of DaemonSets.
pub const STRATEGY: Strategy = Strategy {
    kind: "DaemonSet",
    default,
    validate,
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create,
    prepare_for_update,
    prepare_for_status_update: keep_spec,
    warnings: |new, _| template_warnings(&new["spec"]["template"], "spec.template"),
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    if let Some(strategy) = object(spec, "updateStrategy") {
        set_default(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = object(strategy, "rollingUpdate")
        {
            set_if_absent(rolling, "maxUnavailable", 1);
            set_if_absent(rolling, "maxSurge", 0);
        }
    }
    set_if_absent(spec, "revisionHistoryLimit", 10);
    if let Some(template) = object(spec, "template") {
        default_template(template);
    }
}

/// Counts the changes of the template; the API shows the count as an annotation that nobody can set.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn set_template_generation(obj: &mut Value, n: i64) {
    if let Some(annotations) = object(obj, "metadata").and_then(|m| object(m, "annotations")) {
        annotations[TEMPLATE_GENERATION] = n.to_string().into();
    }
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    keep_status_count_generation(new, old);
    let before = text(&old["metadata"]["annotations"], TEMPLATE_GENERATION).parse::<i64>().unwrap_or(1);
    let changed = new["spec"]["template"] != old["spec"]["template"];
    set_template_generation(new, before + i64::from(changed));
}

fn prepare_for_create(obj: &mut Value) {
    obj["status"] =
        json!({"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0});
    set_generation(obj, 1);
    set_template_generation(obj, 1);
}

fn validate(obj: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, subdomain);
    errors.extend(validate_spec(&obj["spec"], "spec"));
    errors
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let at = child(path, "selector");
    let selector = &spec["selector"];
    if selector.is_null() {
        errors.push(FieldError::required(at.as_str(), ""));
    } else {
        errors.extend(validate_label_selector(selector, &at));
    }
    let template_path = child(path, "template");
    let labels = &spec["template"]["metadata"]["labels"];
    if let Ok(parsed) = Selector::from_label_selector(selector)
        && !parsed.matches_value(labels)
    {
        errors.push(FieldError::invalid(
            child(&template_path, "metadata.labels"),
            labels.clone(),
            "`selector` does not match template `labels`",
        ));
    }
    if !selector.is_null() && is_empty_selector(selector) {
        errors.push(FieldError::invalid(at, selector.clone(), "empty selector is invalid for daemonset"));
    }
    errors.extend(validate_template(&spec["template"], &template_path));
    errors.extend(always_and_no_deadline(&spec["template"]["spec"], &child(&template_path, "spec"), "DaemonSet"));
    errors.extend(non_negative(spec, "minReadySeconds", path));
    errors.extend(validate_strategy(&spec["updateStrategy"], &child(path, "updateStrategy")));
    errors.extend(non_negative(spec, "revisionHistoryLimit", path));
    errors
}

fn validate_strategy(strategy: &Value, path: &str) -> Vec<FieldError> {
    let rolling = &strategy["rollingUpdate"];
    let at = child(path, "rollingUpdate");
    match text(strategy, "type") {
        "OnDelete" => vec![],
        "RollingUpdate" if rolling.is_null() => vec![FieldError::required(at, "")],
        "RollingUpdate" => {
            let mut errors = positive_int_or_percent(rolling, "maxUnavailable", &at);
            errors.extend(positive_int_or_percent(rolling, "maxSurge", &at));
            errors.extend(not_more_than_all(rolling, "maxUnavailable", &at));
            errors.extend(not_more_than_all(rolling, "maxSurge", &at));
            let (unavailable, surge) = (amount(rolling, "maxUnavailable"), amount(rolling, "maxSurge"));
            if unavailable != 0 && surge != 0 {
                errors.push(FieldError::invalid(
                    child(&at, "maxSurge"),
                    rolling["maxSurge"].clone(),
                    "may not be set when maxUnavailable is non-zero",
                ));
            }
            if unavailable == 0 && surge == 0 {
                errors.push(FieldError::required(child(&at, "maxUnavailable"), "cannot be 0 when maxSurge is 0"));
            }
            errors
        }
        other => vec![FieldError::not_supported(child(path, "type"), other, &["RollingUpdate", "OnDelete"])],
    }
}

fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_spec(&new["spec"], "spec"));
    errors.extend(immutable(&new["spec"], &old["spec"], "selector", "spec"));
    errors
}
