//! Which names a CustomResourceDefinition gets, and the conditions that tell of it. (Models apiextensions-apiserver
//! `pkg/controller/status`, `establish` and `apiapproval`.)
//!
//! Pure functions: what the definitions of one group are called goes in, the status of one of them comes out.

use crate::apiserver::registry::crd::approval_state;
use crate::apiserver::registry::util::{items, text};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The names of a group that are taken.
#[derive(Debug, Default)]
pub struct Taken {
    resources: BTreeSet<String>,
    kinds: BTreeSet<String>,
}

impl Taken {
    /// The names that all but one definition of its group have.
    pub fn by_others<'a>(
        all: impl Iterator<Item = &'a CustomResourceDefinition>,
        crd: &CustomResourceDefinition,
    ) -> Taken {
        let mut out = Taken::default();
        let others = all.filter(|o| o.spec.group == crd.spec.group && o.metadata.name != crd.metadata.name);
        for names in others.filter_map(|o| Some(&o.status.as_ref()?.accepted_names).and_then(Option::as_ref)) {
            out.resources.insert(names.plural.clone());
            out.resources.extend(names.singular.clone());
            out.resources.extend(names.short_names.iter().flatten().cloned());
            out.kinds.insert(names.kind.clone());
            out.kinds.extend(names.list_kind.clone());
        }
        out
    }
}

/// The status of a definition: its names as far as they are free, and its conditions.
pub fn status(crd: &Value, taken: &Taken, now: &str) -> Value {
    let (wanted, had) = (&crd["spec"]["names"], &crd["status"]["acceptedNames"]);
    let mut names = had.clone();
    if !names.is_object() {
        names = json!({"kind": "", "plural": ""});
    }
    let mut refused: Option<(&str, String)> = None;
    let in_use = |name: &str| format!("{name:?} is already in use");
    for (key, reason, used) in [
        ("plural", "PluralConflict", &taken.resources),
        ("singular", "SingularConflict", &taken.resources),
        ("shortNames", "ShortNamesConflict", &taken.resources),
        ("kind", "KindConflict", &taken.kinds),
        ("listKind", "ListKindConflict", &taken.kinds),
    ] {
        let ours: Vec<&str> = match key {
            "shortNames" => items(had, key).iter().filter_map(Value::as_str).collect(),
            _ => vec![text(had, key)],
        };
        let asked: Vec<&str> = match key {
            "shortNames" => items(wanted, key).iter().filter_map(Value::as_str).collect(),
            _ => vec![text(wanted, key)],
        };
        let clash: Vec<String> =
            asked.iter().filter(|n| !ours.contains(n) && used.contains(**n)).map(|n| in_use(n)).collect();
        match clash.as_slice() {
            [] => match wanted.get(key) {
                Some(v) => names[key] = v.clone(),
                None => {
                    if let Some(m) = names.as_object_mut() {
                        m.remove(key);
                    }
                }
            },
            [one] => refused = Some((reason, one.clone())),
            many => refused = Some((reason, format!("[{}]", many.join(", ")))),
        }
    }
    match wanted.get("categories") {
        Some(v) => names["categories"] = v.clone(),
        None => {
            if let Some(m) = names.as_object_mut() {
                m.remove("categories");
            }
        }
    }
    let mut conditions = items(&crd["status"], "conditions").to_vec();
    match &refused {
        None => set(&mut conditions, "NamesAccepted", true, ("NoConflicts", "no conflicts found"), now),
        Some((reason, why)) => set(&mut conditions, "NamesAccepted", false, (reason, why), now),
    }
    let established = conditions.iter().any(|c| c["type"] == "Established" && c["status"] == "True");
    match (established, &refused) {
        (true, _) => {}
        (false, None) => {
            let why = ("InitialNamesAccepted", "the initial names have been accepted");
            set(&mut conditions, "Established", true, why, now);
        }
        (false, Some(_)) => {
            set(&mut conditions, "Established", false, ("NotAccepted", "not all names are accepted"), now);
        }
    }
    if let Some((reason, why)) = approval_state(crd) {
        let approved = reason == "ApprovedAnnotation";
        set(&mut conditions, "KubernetesAPIApprovalPolicyConformant", approved, (reason, &why), now);
    }
    json!({"acceptedNames": names, "conditions": conditions, "storedVersions": crd["status"]["storedVersions"]})
}

/// Sets a condition; its time moves with its status.
pub fn set(conditions: &mut Vec<Value>, kind: &str, holds: bool, (reason, message): (&str, &str), now: &str) {
    let status = if holds { "True" } else { "False" };
    let at = conditions.iter().position(|c| c["type"] == kind);
    let since = at.filter(|i| conditions[*i]["status"] == status).map(|i| conditions[i]["lastTransitionTime"].clone());
    let new = json!({"type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since.unwrap_or_else(|| now.into())});
    match at {
        Some(i) => conditions[i] = new,
        None => conditions.push(new),
    }
}
