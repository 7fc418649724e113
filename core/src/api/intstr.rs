//! Values that are a whole number or a text: ports by number or name, sizes by number or percentage.
//!
//! Models apimachinery `util/intstr`. Works on k8s-openapi's type and on JSON.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

/// A text as typed at a prompt: a number if it is one within 32 bits, else the text.
pub fn parse(text: &str) -> IntOrString {
    match go_atoi(text).and_then(|n| i32::try_from(n).ok()) {
        Some(n) => IntOrString::Int(n),
        None => IntOrString::String(text.to_owned()),
    }
}

fn go_atoi(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// From JSON; `None` for what is neither a whole number nor a text.
pub fn from_value(value: &Value) -> Option<IntOrString> {
    match value {
        Value::Number(n) => Some(IntOrString::Int(i32::try_from(n.as_i64()?).ok()?)),
        Value::String(s) => Some(IntOrString::String(s.clone())),
        _ => None,
    }
}

/// To JSON.
pub fn to_value(value: &IntOrString) -> Value {
    match value {
        IntOrString::Int(n) => (*n).into(),
        IntOrString::String(s) => s.clone().into(),
    }
}

/// As printed.
pub fn to_text(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(n) => n.to_string(),
        IntOrString::String(s) => s.clone(),
    }
}

/// The number, and whether it is a percentage; texts that are none are an error.
pub fn int_or_percent(value: &IntOrString) -> Result<(i64, bool), String> {
    match value {
        IntOrString::Int(n) => Ok((i64::from(*n), false)),
        IntOrString::String(s) => match s.strip_suffix('%') {
            Some(digits) => match go_atoi(digits) {
                Some(n) => Ok((n, true)),
                None => Err(format!("invalid value {s:?}: strconv.Atoi: parsing {digits:?}: invalid syntax")),
            },
            None => Err("invalid type: string is not a percentage".into()),
        },
    }
}

/// The number itself, or its share of `total` if it is a percentage, rounded as told.
pub fn scaled_value(value: &IntOrString, total: i64, round_up: bool) -> Result<i64, String> {
    let (n, percent) = int_or_percent(value).map_err(|e| format!("invalid value for IntOrString: {e}"))?;
    if !percent {
        return Ok(n);
    }
    let product = i128::from(n) * i128::from(total);
    let floor = product.div_euclid(100);
    let share = if round_up && product.rem_euclid(100) != 0 { floor + 1 } else { floor };
    Ok(i64::try_from(share).unwrap_or(if share < 0 { i64::MIN } else { i64::MAX }))
}
