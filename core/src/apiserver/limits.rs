//! LimitRanges at admission: what they fill in, and what they refuse. (Models plugin/pkg/admission/limitranger.)
//!
//! [`merge_defaults`] comes first, before validation and quota; [`check_pod`] and [`check_claim`] give the reason after
//! `pods "x" is forbidden: `. Several reasons of one LimitRange stand in brackets.

use super::registry::util::{entries, has, items, items_mut, object, set_if_absent, text};
use crate::api::quantity::Quantity;
use serde_json::Value;
use std::collections::BTreeMap;

type Amounts = BTreeMap<String, Quantity>;

fn amounts(list: &Value) -> Amounts {
    list.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.parse::<Quantity>().ok()?)))
        .collect()
}

/// Fills in requests and limits of containers from the `Container` items of a LimitRange, and notes it in an
/// annotation.
pub fn merge_defaults(pod: &mut Value, range: &Value) {
    let mut notes = vec![];
    for item in items(&range["spec"], "limits").iter().filter(|i| text(i, "type") == "Container") {
        let Some(spec) = object(pod, "spec") else { return };
        for (list, noun) in [("containers", "container"), ("initContainers", "init container")] {
            for c in items_mut(spec, list) {
                notes.extend(merge_container(c, item, noun));
            }
        }
    }
    if notes.is_empty() {
        return;
    }
    if let Some(annotations) = object(pod, "metadata").and_then(|m| object(m, "annotations")) {
        annotations["kubernetes.io/limit-ranger"] = format!("LimitRanger plugin set: {}", notes.join("; ")).into();
    }
}

fn merge_container(c: &mut Value, item: &Value, noun: &str) -> Vec<String> {
    let name = text(c, "name").to_owned();
    let mut notes = vec![];
    for (list, from, what) in [("requests", "defaultRequest", "request"), ("limits", "default", "limit")] {
        let missing: Vec<(&String, &Value)> =
            entries(item, from).filter(|(k, _)| !has(&c["resources"][list], k)).collect();
        if missing.is_empty() {
            continue;
        }
        let names = missing.iter().map(|(k, _)| k.as_str()).collect::<Vec<_>>().join(", ");
        notes.push(format!("{names} {what} for {noun} {name}"));
        if let Some(amounts) = object(c, "resources").and_then(|r| object(r, list)) {
            for (k, v) in missing {
                set_if_absent(amounts, k, v.clone());
            }
        }
    }
    notes
}

fn aggregate(reasons: Vec<String>) -> Result<(), String> {
    let mut unique: Vec<String> = vec![];
    for r in reasons {
        if !unique.contains(&r) {
            unique.push(r);
        }
    }
    match unique.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

/// Does a pod (after [`merge_defaults`]) keep within a LimitRange?
pub fn check_pod(pod: &Value, range: &Value) -> Result<(), String> {
    let spec = &pod["spec"];
    let mut reasons = vec![];
    for item in items(&range["spec"], "limits") {
        match text(item, "type") {
            "Container" => {
                for c in items(spec, "containers").iter().chain(items(spec, "initContainers")) {
                    let r = &c["resources"];
                    reasons.extend(check(item, "Container", &amounts(&r["requests"]), &amounts(&r["limits"])));
                }
            }
            "Pod" => reasons.extend(check(item, "Pod", &of_pod(spec, "requests"), &of_pod(spec, "limits"))),
            _ => {}
        }
    }
    aggregate(reasons)
}

/// Does a claim keep within a LimitRange?
pub fn check_claim(claim: &Value, range: &Value) -> Result<(), String> {
    let kind = "PersistentVolumeClaim";
    let requests = amounts(&claim["spec"]["resources"]["requests"]);
    let mut reasons = vec![];
    for item in items(&range["spec"], "limits").iter().filter(|i| text(i, "type") == kind) {
        for (name, least) in &amounts(&item["min"]) {
            reasons.extend(below(kind, name, least, requests.get(name), None));
        }
        for (name, most) in &amounts(&item["max"]) {
            reasons.extend(match requests.get(name) {
                None => Some(format!("maximum {name} usage per {kind} is {most}.  No request is specified")),
                Some(r) if r > most => Some(format!("maximum {name} usage per {kind} is {most}, but request is {r}")),
                Some(_) => None,
            });
        }
    }
    aggregate(reasons)
}

fn check(item: &Value, kind: &str, requests: &Amounts, limits: &Amounts) -> Vec<String> {
    let mut reasons = vec![];
    for (name, least) in &amounts(&item["min"]) {
        reasons.extend(below(kind, name, least, requests.get(name), limits.get(name)));
    }
    for (name, most) in &amounts(&item["max"]) {
        reasons.extend(above(kind, name, most, requests.get(name), limits.get(name)));
    }
    for (name, ratio) in &amounts(&item["maxLimitRequestRatio"]) {
        reasons.extend(too_far_apart(kind, name, ratio, requests.get(name), limits.get(name)));
    }
    reasons
}

fn below(
    kind: &str,
    name: &str,
    least: &Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let head = format!("minimum {name} usage per {kind} is {least}");
    match (request, limit) {
        (None, _) => Some(format!("{head}.  No request is specified")),
        (Some(r), _) if r < least => Some(format!("{head}, but request is {r}")),
        (_, Some(l)) if l < least => Some(format!("{head}, but limit is {l}")),
        _ => None,
    }
}

fn above(
    kind: &str,
    name: &str,
    most: &Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let head = format!("maximum {name} usage per {kind} is {most}");
    match (request, limit) {
        (_, None) => Some(format!("{head}.  No limit is specified")),
        (_, Some(l)) if l > most => Some(format!("{head}, but limit is {l}")),
        (Some(r), _) if r > most => Some(format!("{head}, but request is {r}")),
        _ => None,
    }
}

fn too_far_apart(
    kind: &str,
    name: &str,
    ratio: &Quantity,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Option<String> {
    let head = format!("{name} max limit to request ratio per {kind} is {ratio}");
    let Some(r) = request.filter(|r| !r.is_zero()) else {
        return Some(format!("{head}, but no request is specified or request is 0"));
    };
    let Some(l) = limit.filter(|l| !l.is_zero()) else {
        return Some(format!("{head}, but no limit is specified or limit is 0"));
    };
    let observed = l.as_f64() / r.as_f64();
    (observed > ratio.as_f64()).then(|| format!("{head}, but provided ratio is {observed:.6}"))
}

/// What a whole pod asks for: containers and sidecars together, or the greediest moment of its start.
pub(super) fn of_pod(spec: &Value, list: &str) -> Amounts {
    let mut sum = Amounts::new();
    let add = |sum: &mut Amounts, more: &Amounts| {
        for (k, q) in more {
            match sum.get_mut(k) {
                Some(s) => *s += *q,
                None => {
                    sum.insert(k.clone(), *q);
                }
            }
        }
    };
    for c in items(spec, "containers") {
        add(&mut sum, &amounts(&c["resources"][list]));
    }
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for c in items(spec, "initContainers") {
        let own = amounts(&c["resources"][list]);
        let mut now = own.clone();
        if text(c, "restartPolicy") == "Always" {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            now = sidecars.clone();
        } else {
            add(&mut now, &sidecars);
        }
        raise(&mut peak, &now);
    }
    raise(&mut sum, &peak);
    for (k, q) in amounts(&spec["resources"][list]) {
        sum.insert(k, q);
    }
    sum
}

fn raise(to: &mut Amounts, at_least: &Amounts) {
    for (k, q) in at_least {
        if to.get(k).is_none_or(|have| have < q) {
            to.insert(k.clone(), *q);
        }
    }
}
