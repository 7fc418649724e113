//! `KEY=VALUE` and `KEY-` arguments: how `label` and `annotate` read them and what they make of an object's maps.
//!
//! Pure: knows JSON objects and texts, no API server. Models kubectl `pkg/cmd/label`, `pkg/cmd/annotate`.

use crate::api::names;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a `label` or `annotate` command asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys to set.
    pub set: BTreeMap<String, String>,
    /// Keys to remove, in the order they were given.
    pub remove: Vec<String>,
}

impl Changes {
    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// Splits arguments into resources and the pairs after them; `what` is `label` or `annotation`.
///
/// # Errors
/// A resource after the first pair.
pub fn split(args: &[String], what: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut resources, mut pairs) = (vec![], vec![]);
    for a in args {
        let pair = a.contains('=') && !a.starts_with('=') || a.ends_with('-') && a != "-";
        match (pair, pairs.is_empty()) {
            (true, _) => pairs.push(a.clone()),
            (false, true) => resources.push(a.clone()),
            (false, false) => return Err(format!("all resources must be specified before {what} changes: {a}")),
        }
    }
    Ok((resources, pairs))
}

/// Reads the pairs of `kubectl label`.
///
/// # Errors
/// A malformed pair, a bad value, or a key that is both set and removed.
pub fn parse_labels(specs: &[String]) -> Result<Changes, String> {
    let mut changes = Changes::default();
    for spec in specs {
        if let Some((key, value)) = spec.split_once('=') {
            if value.contains('=') {
                return Err(format!("invalid label spec: {spec}"));
            }
            let errors = names::is_label_value(value);
            if !errors.is_empty() {
                return Err(format!("invalid label value: {spec:?}: {}", errors.join(";")));
            }
            changes.set.insert(key.into(), value.into());
        } else if let Some(key) = spec.strip_suffix('-') {
            changes.remove.push(key.into());
        } else {
            return Err(format!("unknown label spec: {spec}"));
        }
    }
    if changes.remove.iter().any(|k| changes.set.contains_key(k)) {
        return Err("can not both modify and remove a label in the same command".into());
    }
    Ok(changes)
}

/// Reads the pairs of `kubectl annotate`: values may hold `=`, and be anything.
///
/// # Errors
/// A malformed pair, or keys that are both set and removed.
pub fn parse_annotations(specs: &[String]) -> Result<Changes, String> {
    let mut changes = Changes::default();
    let mut invalid = vec![];
    for spec in specs {
        match spec.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                changes.set.insert(key.into(), value.into());
            }
            None if spec.len() > 1 && spec.ends_with('-') => changes.remove.push(spec[..spec.len() - 1].into()),
            _ => invalid.push(spec.as_str()),
        }
    }
    if !invalid.is_empty() {
        return Err(format!("invalid annotation format: {}", invalid.join(", ")));
    }
    let mut both: Vec<&str> =
        changes.remove.iter().filter(|k| changes.set.contains_key(*k)).map(String::as_str).collect();
    if !both.is_empty() {
        both.sort_unstable();
        return Err(format!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            both.join(",")
        ));
    }
    Ok(changes)
}

/// The map `metadata.<field>` of an object, made when missing.
fn metadata_map<'a>(object: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    let slot = &mut object["metadata"][field];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(m) => m,
        _ => unreachable!("made an object just now"),
    }
}

fn apply(object: &mut Value, field: &str, changes: &Changes) {
    let map = metadata_map(object, field);
    for (k, v) in &changes.set {
        map.insert(k.clone(), v.clone().into());
    }
    for k in &changes.remove {
        map.remove(k);
    }
    if map.is_empty()
        && let Some(m) = object["metadata"].as_object_mut()
    {
        m.remove(field);
    }
}

/// Sets and removes labels.
///
/// # Errors
/// A key that has another value already, without `overwrite`.
pub fn label(object: &mut Value, changes: &Changes, overwrite: bool) -> Result<(), String> {
    if !overwrite {
        let held: Vec<String> = changes
            .set
            .iter()
            .filter_map(|(k, new)| object["metadata"]["labels"][k].as_str().filter(|v| v != new).map(|v| (k, v)))
            .map(|(k, v)| format!("'{k}' already has a value ({v}), and --overwrite is false"))
            .collect();
        match held.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            many => return Err(format!("[{}]", many.join(", "))),
        }
    }
    apply(object, "labels", changes);
    Ok(())
}

/// Sets and removes annotations.
///
/// # Errors
/// A key that has a value already, without `overwrite`.
pub fn annotate(object: &mut Value, changes: &Changes, overwrite: bool) -> Result<(), String> {
    if !overwrite {
        let held: Vec<String> = changes
            .set
            .keys()
            // the cause of a change is there to be overwritten
            .filter(|k| *k != "kubernetes.io/change-cause")
            .filter_map(|k| object["metadata"]["annotations"][k].as_str().map(|v| (k, v)))
            .map(|(k, v)| format!("'{k}' already has a value ({v})"))
            .collect();
        if !held.is_empty() {
            return Err(format!(
                "--overwrite is false but found the following declared annotation(s): {}",
                held.join("; ")
            ));
        }
    }
    apply(object, "annotations", changes);
    Ok(())
}

/// What `kubectl label` says it did, told from the object before and after.
pub fn label_message(before: &Value, after: &Value) -> &'static str {
    let labels = |v: &'_ Value| v["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    let (was, is) = (labels(before), labels(after));
    let added = is.iter().any(|(k, v)| was.get(k) != Some(v));
    let removed = was.keys().any(|k| !is.contains_key(k));
    match (added, removed) {
        (true, true) => "modified",
        (true, false) => "labeled",
        (false, true) => "unlabeled",
        (false, false) => "not labeled",
    }
}

/// The notes `kubectl label` prints for keys that are to go and are not there.
pub fn missing_labels(object: &Value, changes: &Changes) -> Vec<String> {
    changes
        .remove
        .iter()
        .filter(|k| object["metadata"]["labels"].get(k.as_str()).is_none())
        .map(|k| format!("label {k:?} not found."))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(s: &str) -> Vec<String> {
        s.split(' ').map(Into::into).collect()
    }

    #[test]
    fn resources_stand_before_pairs() {
        assert_eq!(split(&args("pods foo a=b c-"), "label"), Ok((args("pods foo"), args("a=b c-"))));
        assert!(split(&args("pods a=b foo"), "label").is_err());
    }

    #[test]
    fn annotations_take_any_value() {
        let c = parse_annotations(&args("a=b=c d-")).unwrap();
        assert_eq!(c.set["a"], "b=c");
        assert_eq!(c.remove, ["d"]);
        assert!(parse_annotations(&args("a")).is_err());
        assert!(parse_annotations(&args("a=b a-")).is_err());
    }

    #[test]
    fn a_shrunken_object_is_unlabeled() {
        let before = json!({"metadata": {"labels": {"a": "b"}}});
        let mut after = before.clone();
        label(&mut after, &parse_labels(&args("a-")).unwrap(), false).unwrap();
        assert_eq!(after, json!({"metadata": {}}));
        assert_eq!(label_message(&before, &after), "unlabeled");
    }
}
