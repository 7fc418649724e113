//! Tables for `api`.

use crate::{Check, Gap};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubarium_core::api::labels::{Requirement, Selector, selector_to_map};
use kubarium_core::api::quantity::Quantity;
use kubarium_core::api::{duration, fields, intstr, names};
use kubarium_core::apiserver::patch::{self, FieldMeta, MergeSchema, Strategy};
use serde_json::{Value, json};

/// Table name and how to judge a case of it.
pub const TABLES: &[(&str, Check)] = &[
    ("names_and_ports", names_and_ports),
    ("validate_labels", validate_labels),
    ("validate_annotations", validate_annotations),
    ("validate_container_ports", validate_container_ports),
    ("label_requirement", label_requirement),
    ("label_selector_match", label_selector_match),
    ("label_selector_object", label_selector_object),
    ("label_selector_parse", label_selector_parse),
    ("label_selector_to_map", label_selector_to_map),
    ("field_selector_split", field_selector_split),
    ("quantity_arithmetic", quantity_arithmetic),
    ("quantity_compare", quantity_compare),
    ("quantity_compare_values", quantity_compare),
    ("quantity_invalid", quantity_invalid),
    ("quantity_parse", quantity_print),
    ("quantity_parse_emit", quantity_print),
    ("quantity_print", quantity_print),
    ("quantity_round_up", quantity_round_up),
    ("quantity_scaled_value", quantity_scaled_value),
    ("intstr_parse", intstr_parse),
    ("intstr_int_or_percent", intstr_int_or_percent),
    ("intstr_scaled_value", intstr_scaled_value),
    ("duration_human", duration_human),
    ("duration_short_human", duration_short_human),
    ("strategic_merge_apply", strategic_merge_apply),
    ("strategic_merge_two_way", strategic_merge_two_way),
    ("strategic_merge_three_way", strategic_merge_three_way),
    ("json_merge_three_way", json_merge_three_way),
];

/// Rows that are known to differ.
pub const GAPS: &[Gap] =
    &[("quantity_compare_values", "case 11", SUB_NANO), ("quantity_compare_values", "case 14", SUB_NANO)];

const SUB_NANO: &str =
    "the row's amount is 922.337… at scale -16; its text has lost the exponent, which no suffix can say";

fn same<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("got {got:?}, expected {expected:?}")) }
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

fn quantity(text: &str) -> Result<Quantity, String> {
    text.parse().map_err(|e| format!("{text}: {e}"))
}

fn names_and_ports(_: &Value, case: &Value) -> Result<(), String> {
    let (value, number) = (text(case, "value"), case["value"].as_i64().unwrap_or_default());
    let errors = match text(case, "kind") {
        "dns_label" => names::is_dns1123_label(value),
        "dns_subdomain" => names::is_dns1123_subdomain(value),
        "dns_1035_label" => names::is_dns1035_label(value),
        "wildcard_subdomain" => names::is_wildcard_dns1123_subdomain(value),
        "http_header_name" => names::is_http_header_name(value),
        "env_var_name" => names::is_env_var_name(value),
        "label_or_annotation_key" => names::is_qualified_name(value),
        "label_value" => names::is_label_value(value),
        "percent" => names::is_valid_percent(value),
        "port_name" => names::is_valid_port_name(value),
        "port_number" => names::is_valid_port_num(number),
        "config_map_key" => names::is_config_map_key(value),
        "user_id" => names::is_valid_user_id(number),
        "group_id" => names::is_valid_group_id(number),
        other => return Err(format!("unknown kind {other}")),
    };
    same(errors.is_empty(), case["valid"] == true)
}

fn judged(case: &Value, errors: &[kubarium_core::api::error::FieldError]) -> Result<(), String> {
    same(errors.is_empty(), case["valid"] == true)?;
    let part = text(case, "expect_error_contains");
    if errors.iter().all(|e| e.detail.contains(part)) { Ok(()) } else { Err(format!("{errors:?} without {part}")) }
}

fn validate_labels(_: &Value, case: &Value) -> Result<(), String> {
    judged(case, &names::validate_labels(&case["labels"], "field"))
}

fn validate_annotations(_: &Value, case: &Value) -> Result<(), String> {
    let keys = case["annotation_keys"].as_array().cloned().unwrap_or_default();
    let map: Value = keys
        .iter()
        .filter_map(Value::as_str)
        .map(|k| (k.to_owned(), json!("bar")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    judged(case, &names::validate_annotations(&map, "field"))
}

fn validate_container_ports(_: &Value, case: &Value) -> Result<(), String> {
    let errors = names::validate_container_ports(&case["ports"], "field");
    let [e] = &errors[..] else { return Err(format!("{errors:?}")) };
    same(e.reason(), text(case, "expect_error_type"))?;
    if !e.field.ends_with(text(case, "expect_field")) || !e.detail.contains(text(case, "expect_detail")) {
        return Err(format!("got {e}"));
    }
    Ok(())
}

fn label_requirement(_: &Value, case: &Value) -> Result<(), String> {
    let values: Vec<&str> = case["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let got = match Requirement::new(text(case, "key"), text(case, "operator"), &values) {
        Ok(_) => vec![],
        Err(errors) => errors
            .into_iter()
            .map(|mut e| {
                e.detail.clear();
                e.to_string()
            })
            .collect(),
    };
    let expected: Vec<String> =
        case["expect_errors"].as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect();
    same(got, expected)
}

fn label_selector_match(_: &Value, case: &Value) -> Result<(), String> {
    let expected = case["match"] == true;
    let selector = match (case.get("selector_set"), text(case, "selector")) {
        (Some(set), _) => Selector::from_value_map(set),
        (None, "") if !expected => Selector::Nothing,
        (None, t) => Selector::parse(t)?,
    };
    let labels = names::string_map(&case["labels"]);
    same(selector.matches_value(&case["labels"]), expected)?;
    same(selector.matches(&labels), expected)
}

fn label_selector_object(_: &Value, case: &Value) -> Result<(), String> {
    let object = &case["label_selector"];
    let got = Selector::from_label_selector(object);
    same(got.is_err(), case["expect_error"] == true)?;
    let Ok(selector) = got else { return Ok(()) };
    same(selector == Selector::Nothing, object.is_null())?;
    let typed = serde_json::from_value(object.clone()).map_err(|e| e.to_string())?;
    same(&Selector::from_typed(Option::as_ref(&typed))?, &selector)?;
    same(selector.to_string().as_str(), text(case, "expect"))
}

/// The requirements of a selector text, each without blanks, in the order of their texts.
fn requirements(selector: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in selector.chars().filter(|c| !c.is_whitespace()) {
        depth += i32::from(c == '(') - i32::from(c == ')');
        match (c, parts.last_mut()) {
            (',', _) if depth == 0 => parts.push(String::new()),
            (c, Some(last)) => last.push(c),
            _ => {}
        }
    }
    parts.sort();
    parts
}

fn label_selector_parse(_: &Value, case: &Value) -> Result<(), String> {
    let got = Selector::parse(text(case, "selector"));
    same(got.is_ok(), case["valid"] == true)?;
    // Upstream compares texts without blanks, and one row in the order in which it was written.
    got.map_or(Ok(()), |s| same(requirements(&s.to_string()), requirements(text(case, "canonical"))))
}

fn label_selector_to_map(_: &Value, case: &Value) -> Result<(), String> {
    let got = selector_to_map(text(case, "selector"));
    same(got.is_ok(), case["valid"] == true)?;
    got.map_or(Ok(()), |map| same(json!(map), case["expect"].clone()))
}

fn field_selector_split(_: &Value, case: &Value) -> Result<(), String> {
    let got = fields::split_term(text(case, "term"));
    same(got.is_some(), case["valid"] == true)?;
    let expected = (text(case, "expect_field"), text(case, "expect_operator"), text(case, "expect_value"));
    same(got.unwrap_or_default(), expected)
}

fn quantity_arithmetic(_: &Value, case: &Value) -> Result<(), String> {
    let a = quantity(text(case, "a"))?;
    let got = match text(case, "op") {
        "add" => a + quantity(text(case, "b"))?,
        "sub" => a - quantity(text(case, "b"))?,
        "mul" => a * case["b"].as_i64().unwrap_or_default(),
        other => return Err(format!("unknown op {other}")),
    };
    same(got.to_string().as_str(), text(case, "expect"))
}

fn quantity_compare(_: &Value, case: &Value) -> Result<(), String> {
    let either = |a: &str, b: &str| quantity(case[a].as_str().or(case[b].as_str()).unwrap_or_default());
    let order = either("x", "a")?.cmp(&either("y", "b")?) as i64;
    same(json!(order), case["expect"].clone())
}

fn quantity_invalid(_: &Value, case: &Value) -> Result<(), String> {
    same(quantity(text(case, "input")).is_err(), true)
}

fn quantity_print(_: &Value, case: &Value) -> Result<(), String> {
    let q = quantity(text(case, "input"))?;
    same(q.to_string().as_str(), text(case, "expect"))?;
    match text(case, "alternate") {
        "" => Ok(()),
        alternate => same(quantity(alternate)?.to_string().as_str(), text(case, "expect")),
    }
}

fn quantity_round_up(_: &Value, case: &Value) -> Result<(), String> {
    let mut q = quantity(text(case, "input"))?;
    let exact = q.round_up(case["scale"].as_i64().unwrap_or_default() as i32);
    same((q.to_string().as_str(), exact), (text(case, "expect"), case["exact"] == true))
}

fn quantity_scaled_value(_: &Value, case: &Value) -> Result<(), String> {
    let scale = |key: &str| case[key].as_i64().unwrap_or_default() as i32;
    let q = Quantity::new_scaled(1, scale("from_scale"));
    same(json!(q.scaled_value(scale("to_scale"))), case["expect"].clone())
}

fn int_or_string(value: &Value) -> Result<IntOrString, String> {
    intstr::from_value(value).ok_or(format!("{value}"))
}

fn intstr_parse(_: &Value, case: &Value) -> Result<(), String> {
    same(intstr::to_value(&intstr::parse(text(case, "input"))), case["expect"].clone())
}

fn intstr_int_or_percent(_: &Value, case: &Value) -> Result<(), String> {
    let got = intstr::int_or_percent(&int_or_string(&case["input"])?);
    same(got.is_err(), case["expect_error"] == true)?;
    got.map_or(Ok(()), |(n, percent)| {
        same((json!(n), percent), (case["expect"].clone(), case["expect_is_percent"] == true))
    })
}

fn intstr_scaled_value(_: &Value, case: &Value) -> Result<(), String> {
    let total = case["total"].as_i64().unwrap_or_default();
    let got = intstr::scaled_value(&int_or_string(&case["input"])?, total, case["round_up"] == true);
    same(got.is_err(), case["expect_error"] == true)?;
    got.map_or(Ok(()), |n| same(json!(n), case["expect"].clone()))
}

fn nanos(case: &Value) -> i64 {
    (case["input_seconds"].as_f64().unwrap_or_default() * 1e9).round() as i64
}

fn duration_human(_: &Value, case: &Value) -> Result<(), String> {
    same(duration::human_duration(nanos(case)).as_str(), text(case, "expect"))
}

fn duration_short_human(_: &Value, case: &Value) -> Result<(), String> {
    same(duration::short_human_duration(nanos(case)).as_str(), text(case, "expect"))
}

/// The object type of the strategic merge tables (`schema` there): items of its lists are of the same type.
#[derive(Clone, Copy)]
struct MergeItem;

impl MergeSchema for MergeItem {
    fn field(&self, name: &str) -> Result<FieldMeta<Self>, String> {
        let (strategy, retain_keys, key) = match name {
            "mergingList" | "mergeItemPtr" => (Strategy::Merge, false, "name"),
            "retainKeysMergingList" => (Strategy::Merge, true, "name"),
            "mergingIntList" => (Strategy::Merge, false, ""),
            "replacingItem" => (Strategy::Replace, false, ""),
            "retainKeysMap" => (Strategy::Default, true, ""),
            _ => (Strategy::Default, false, ""),
        };
        Ok(FieldMeta { strategy, retain_keys, merge_key: key.into(), below: MergeItem })
    }
}

/// The result is `expect…`, or the modified object where none is given; null stands for an empty object.
fn result_is(got: Value, case: &Value, key: &str) -> Result<(), String> {
    let expected = case.get(key).unwrap_or(&case["modified"]).clone();
    same(got, if expected.is_null() { json!({}) } else { expected })
}

fn strategic_merge_apply(_: &Value, case: &Value) -> Result<(), String> {
    let got = patch::apply_strategic(&case["original"], &case["patch"], &MergeItem);
    match (got, case["expect_error_contains"].as_str()) {
        (Err(e), Some(part)) if e.to_string().contains(part) => Ok(()),
        (Ok(v), None) => result_is(v, case, "expect_result"),
        (got, expected) => Err(format!("got {got:?}, expected {expected:?}")),
    }
}

fn strategic_merge_two_way(_: &Value, case: &Value) -> Result<(), String> {
    let (original, modified) = (&case["original"], &case["modified"]);
    let got = patch::two_way(original, modified, &MergeItem).map_err(|e| e.to_string())?;
    same(&got, &case["expect_patch"])?;
    let result = patch::apply_strategic(original, &got, &MergeItem).map_err(|e| e.to_string())?;
    result_is(result, case, "expect_result_of_patch")
}

fn strategic_merge_three_way(_: &Value, case: &Value) -> Result<(), String> {
    let (original, modified, current) = (&case["original"], &case["modified"], &case["current"]);
    let careful = patch::three_way(original, modified, current, &MergeItem, false);
    same(careful.is_err(), case["expect_conflict"] == true)?;
    let got = patch::three_way(original, modified, current, &MergeItem, true).map_err(|e| e.to_string())?;
    same(&got, &case["expect_patch"])?;
    let result = patch::apply_strategic(current, &got, &MergeItem).map_err(|e| e.to_string())?;
    result_is(result, case, "expect_result")
}

fn json_merge_three_way(_: &Value, case: &Value) -> Result<(), String> {
    let got = patch::json_three_way(&case["original"], &case["modified"], &case["current"]);
    let expected = if case["expect_patch"].is_null() { json!({}) } else { case["expect_patch"].clone() };
    same(&got, &expected)?;
    let mut result = case["current"].clone();
    patch::merge(&mut result, &got);
    result_is(result, case, "expect_result")
}
