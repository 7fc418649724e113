//! ResourceQuotas at admission: what an object uses, which quotas count it, and whether there is room for it. (Models
//! plugin/pkg/admission/resourcequota and pkg/quota/v1/evaluator/core.)
//!
//! Pure functions on JSON; who looks up quotas and writes their use is the caller. The controller that counts anew uses
//! the same [`usage`] and [`counts`].

use crate::api::kinds::ResourceInfo;
use crate::api::quantity::Quantity;
use crate::apiserver::limits::of_pod;
use crate::apiserver::registry::qos::qos_class;
use crate::apiserver::registry::util::{has, items, text};
use crate::clock::{SimDuration, SimTime};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Amounts by resource name.
pub type Amounts = BTreeMap<String, Quantity>;

/// The amounts of a JSON resource list; what is no quantity is left out.
pub fn amounts(list: &Value) -> Amounts {
    list.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.parse::<Quantity>().ok()?)))
        .collect()
}

/// Amounts as a JSON resource list.
pub fn to_value(amounts: &Amounts) -> Value {
    Value::Object(amounts.iter().map(|(k, q)| (k.clone(), q.to_string().into())).collect())
}

fn one() -> Quantity {
    Quantity::new(1, crate::api::quantity::Format::DecimalSI)
}

/// `pods`, `deployments.apps`: how a quota counts objects of a kind, after `count/`.
fn counted(info: &ResourceInfo) -> String {
    format!("count/{}", info.group_resource())
}

/// Kinds of the core group that quotas name without `count/` too.
const PLAIN: [&str; 4] = ["configmaps", "secrets", "replicationcontrollers", "resourcequotas"];

/// The two ways in which a quota names a storage class's claims.
const BY_CLASS: [&str; 2] =
    [".storageclass.storage.k8s.io/requests.storage", ".storageclass.storage.k8s.io/persistentvolumeclaims"];

/// Does objects' use of this kind ever count for this name of a quota?
pub fn handles(info: &ResourceInfo, name: &str) -> bool {
    if name == counted(info) {
        return true;
    }
    if !info.group.is_empty() {
        return false;
    }
    match info.plural {
        "pods" => {
            const NAMES: [&str; 10] = [
                "pods",
                "cpu",
                "memory",
                "ephemeral-storage",
                "requests.cpu",
                "requests.memory",
                "requests.ephemeral-storage",
                "limits.cpu",
                "limits.memory",
                "limits.ephemeral-storage",
            ];
            NAMES.contains(&name)
                || name.starts_with("hugepages-")
                || name.starts_with("requests.hugepages-")
                || name.strip_prefix("requests.").is_some_and(|r| r.contains('/') && !r.contains("kubernetes.io/"))
        }
        "services" => ["services", "services.nodeports", "services.loadbalancers"].contains(&name),
        "persistentvolumeclaims" => {
            ["persistentvolumeclaims", "requests.storage"].contains(&name) || BY_CLASS.iter().any(|s| name.ends_with(s))
        }
        plural => PLAIN.contains(&plural) && name == plural,
    }
}

/// What an object uses. `now` decides whether a pod that should be gone still counts.
pub fn usage(info: &ResourceInfo, object: &Value, now: SimTime) -> Amounts {
    let mut used = Amounts::from([(counted(info), one())]);
    if !info.group.is_empty() {
        return used;
    }
    match info.plural {
        "pods" => used.extend(of_a_pod(object, now)),
        "services" => used.extend(of_a_service(&object["spec"])),
        "persistentvolumeclaims" => used.extend(of_a_claim(object)),
        plural if PLAIN.contains(&plural) => {
            used.insert(plural.to_owned(), one());
        }
        _ => {}
    }
    used
}

/// Does a pod count for what it asks for? It does until it has ended or should long be gone.
fn is_counted(pod: &Value, now: SimTime) -> bool {
    if matches!(text(&pod["status"], "phase"), "Succeeded" | "Failed") {
        return false;
    }
    let meta = &pod["metadata"];
    match meta["deletionTimestamp"].as_str().and_then(SimTime::parse_rfc3339) {
        Some(at) => now <= at + SimDuration::from_secs(meta["deletionGracePeriodSeconds"].as_u64().unwrap_or(0)),
        None => true,
    }
}

fn of_a_pod(pod: &Value, now: SimTime) -> Amounts {
    if !is_counted(pod, now) {
        return Amounts::new();
    }
    let spec = &pod["spec"];
    let mut requests = of_pod(spec, "requests");
    let mut limits = of_pod(spec, "limits");
    for (k, q) in amounts(&spec["overhead"]) {
        *requests.entry(k.clone()).or_default() += q;
        if let Some(l) = limits.get_mut(&k) {
            *l += q;
        }
    }
    let mut used = compute(&requests, &limits);
    used.insert("pods".into(), one());
    used
}

/// Requests and limits under the names that quotas use.
fn compute(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut used = Amounts::new();
    for (name, q) in requests {
        match name.as_str() {
            "cpu" | "memory" | "ephemeral-storage" => {
                used.insert(name.clone(), *q);
                used.insert(format!("requests.{name}"), *q);
            }
            n if n.starts_with("hugepages-") => {
                used.insert(name.clone(), *q);
                used.insert(format!("requests.{name}"), *q);
            }
            n if n.contains('/') && !n.contains("kubernetes.io/") => {
                used.insert(format!("requests.{name}"), *q);
            }
            _ => {}
        }
    }
    for (name, q) in limits {
        if ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str()) {
            used.insert(format!("limits.{name}"), *q);
        }
    }
    used
}

fn of_a_service(spec: &Value) -> Amounts {
    let number = |n: usize| Quantity::new(n as i64, crate::api::quantity::Format::DecimalSI);
    let ports = items(spec, "ports");
    let (node_ports, balancers) = match text(spec, "type") {
        "NodePort" => (ports.len(), 0),
        "LoadBalancer" if spec["allocateLoadBalancerNodePorts"] == false => {
            (ports.iter().filter(|p| p["nodePort"].as_i64().is_some_and(|n| n != 0)).count(), 1)
        }
        "LoadBalancer" => (ports.len(), 1),
        _ => (0, 0),
    };
    Amounts::from([
        ("services".to_owned(), one()),
        ("services.nodeports".to_owned(), number(node_ports)),
        ("services.loadbalancers".to_owned(), number(balancers)),
    ])
}

fn of_a_claim(claim: &Value) -> Amounts {
    let spec = &claim["spec"];
    let mut used = Amounts::from([("persistentvolumeclaims".to_owned(), one())]);
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        used.insert(format!("{class}{}", BY_CLASS[1]), one());
    }
    let asked = amounts(&spec["resources"]["requests"]).get("storage").copied();
    let given = amounts(&claim["status"]["allocatedResources"]).get("storage").copied();
    if let Some(q) = asked.into_iter().chain(given).max() {
        used.insert("requests.storage".into(), q);
        if !class.is_empty() {
            used.insert(format!("{class}{}", BY_CLASS[0]), q);
        }
    }
    used
}

/// Does a quota's scopes pick this object? Only pods have scopes, and claims that of attribute classes.
pub fn counts(quota_spec: &Value, info: &ResourceInfo, object: &Value) -> bool {
    let scopes = items(quota_spec, "scopes").iter().filter_map(Value::as_str).map(|s| (s, "Exists", &[][..]));
    let selected = items(&quota_spec["scopeSelector"], "matchExpressions")
        .iter()
        .map(|e| (text(e, "scopeName"), text(e, "operator"), items(e, "values")));
    scopes.chain(selected).all(|(scope, operator, values)| match (info.group, info.plural) {
        ("", "pods") => pod_has_scope(&object["spec"], scope, operator, values),
        ("", "persistentvolumeclaims") if scope == "VolumeAttributesClass" => {
            named(text(&object["spec"], "volumeAttributesClassName"), operator, values)
        }
        _ => false,
    })
}

fn named(name: &str, operator: &str, values: &[Value]) -> bool {
    match operator {
        "In" => values.iter().any(|v| v == name),
        "NotIn" => values.iter().all(|v| v != name),
        "DoesNotExist" => name.is_empty(),
        _ => !name.is_empty(),
    }
}

fn pod_has_scope(spec: &Value, scope: &str, operator: &str, values: &[Value]) -> bool {
    let ends = spec["activeDeadlineSeconds"].as_i64().is_some_and(|s| s >= 0);
    match scope {
        "Terminating" => ends,
        "NotTerminating" => !ends,
        "BestEffort" => qos_class(spec) == "BestEffort",
        "NotBestEffort" => qos_class(spec) != "BestEffort",
        "PriorityClass" => named(text(spec, "priorityClassName"), operator, values),
        "CrossNamespacePodAffinity" => looks_into_other_namespaces(&spec["affinity"]),
        _ => false,
    }
}

fn looks_into_other_namespaces(affinity: &Value) -> bool {
    let crosses = |t: &Value| !items(t, "namespaces").is_empty() || has(t, "namespaceSelector");
    ["podAffinity", "podAntiAffinity"].iter().any(|k| {
        items(&affinity[*k], "requiredDuringSchedulingIgnoredDuringExecution").iter().any(crosses)
            || items(&affinity[*k], "preferredDuringSchedulingIgnoredDuringExecution")
                .iter()
                .any(|p| crosses(&p["podAffinityTerm"]))
    })
}

/// What a quota that limits compute asks of each container: the amounts it counts must be stated.
fn stated(info: &ResourceInfo, object: &Value, hard: &Amounts) -> Result<(), String> {
    if !info.group.is_empty() || info.plural != "pods" {
        return Ok(());
    }
    const ASKED: [&str; 6] = ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];
    let spec = &object["spec"];
    let of_whole = compute(&amounts(&spec["resources"]["requests"]), &amounts(&spec["resources"]["limits"]));
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for c in items(spec, "containers").iter().chain(items(spec, "initContainers")) {
        let has = compute(&amounts(&c["resources"]["requests"]), &amounts(&c["resources"]["limits"]));
        let lacks = |n: &&str| hard.contains_key(*n) && !has.contains_key(*n) && !of_whole.contains_key(*n);
        for name in ASKED.iter().copied().filter(lacks) {
            missing.entry(name).or_default().insert(text(c, "name"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missing
        .into_iter()
        .map(|(name, who)| format!("{name} for: {}", who.into_iter().collect::<Vec<_>>().join(",")))
        .collect();
    Err(format!("must specify {}", lines.join("; ")))
}

fn listed(amounts: &Amounts) -> String {
    amounts.iter().map(|(k, q)| format!("{k}={q}")).collect::<Vec<_>>().join(",")
}

/// The names of a quota's hard limits that count this object, if the quota concerns it.
pub fn concerned(quota: &Value, info: &ResourceInfo, object: &Value) -> Option<Amounts> {
    let mut hard = amounts(&quota["status"]["hard"]);
    hard.retain(|name, _| handles(info, name));
    (!hard.is_empty() && counts(&quota["spec"], info, object)).then_some(hard)
}

/// Is there room for a new or changed object in all quotas of its namespace? Gives the new use of each quota that it
/// changes, by the quota's place in the list.
///
/// # Errors
/// The reason after `pods "x" is forbidden: `.
pub fn check(
    quotas: &[Value],
    info: &ResourceInfo,
    object: &Value,
    old: Option<&Value>,
    now: SimTime,
) -> Result<Vec<(usize, Amounts)>, String> {
    let name = |i: usize| text(&quotas[i]["metadata"], "name");
    let mut due = vec![];
    for (i, quota) in quotas.iter().enumerate() {
        let Some(hard) = concerned(quota, info, object) else { continue };
        if old.is_none() {
            stated(info, object, &hard).map_err(|why| format!("failed quota: {}: {why}", name(i)))?;
        }
        let used = amounts(&quota["status"]["used"]);
        let unknown: Vec<&str> = hard.keys().filter(|k| !used.contains_key(*k)).map(String::as_str).collect();
        if !unknown.is_empty() {
            return Err(format!("status unknown for quota: {}, resources: {}", name(i), unknown.join(",")));
        }
        due.push((i, hard, used));
    }
    let mut delta = usage(info, object, now);
    if let Some(old) = old {
        for (k, q) in usage(info, old, now) {
            *delta.entry(k).or_default() -= q;
        }
        // what becomes less is counted by the controller
        delta.retain(|_, q| q.sign() > 0);
    }
    let mut charges = vec![];
    for (i, hard, mut used) in due {
        let requested: Amounts =
            delta.iter().filter(|(k, q)| hard.contains_key(*k) && !q.is_zero()).map(|(k, q)| (k.clone(), *q)).collect();
        if requested.is_empty() {
            continue;
        }
        let over = |k: &String| requested.get(k).is_some_and(|q| used[k] + *q > hard[k]);
        let exceeded: Vec<String> = requested.keys().filter(|k| over(k)).cloned().collect();
        if !exceeded.is_empty() {
            let part = |all: &Amounts| -> String {
                listed(&exceeded.iter().filter_map(|k| Some((k.clone(), *all.get(k)?))).collect())
            };
            return Err(format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                name(i),
                part(&requested),
                part(&used),
                part(&hard)
            ));
        }
        for (k, q) in requested {
            *used.entry(k).or_default() += q;
        }
        charges.push((i, used));
    }
    Ok(charges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::kinds::by_kind;
    use serde_json::json;

    fn pod(cpu: &str) -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}})
    }

    fn quota(hard: Value, used: Value) -> Value {
        json!({"metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}})
    }

    #[test]
    fn what_is_used_up_is_refused_by_name() {
        let info = by_kind("v1", "Pod").expect("a kind");
        let q = quota(json!({"requests.cpu": "1", "pods": "5"}), json!({"requests.cpu": "800m", "pods": "2"}));
        let now = SimTime::ZERO;
        let charges = check(std::slice::from_ref(&q), info, &pod("200m"), None, now).expect("room");
        assert_eq!(to_value(&charges[0].1), json!({"pods": "3", "requests.cpu": "1"}));
        let refused = check(std::slice::from_ref(&q), info, &pod("400m"), None, now).unwrap_err();
        assert_eq!(
            refused,
            "exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=800m, limited: requests.cpu=1"
        );
        let silent = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        let refused = check(std::slice::from_ref(&q), info, &silent, None, now).unwrap_err();
        assert_eq!(refused, "failed quota: q: must specify requests.cpu for: a,b");
    }

    #[test]
    fn scopes_pick_pods() {
        let info = by_kind("v1", "Pod").expect("a kind");
        let scoped = |scope: &str| counts(&json!({"scopes": [scope]}), info, &pod("1"));
        assert!(scoped("NotTerminating") && scoped("NotBestEffort"));
        assert!(!scoped("Terminating") && !scoped("BestEffort") && !scoped("PriorityClass"));
        let selector = json!({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}});
        let mut high = pod("1");
        high["spec"]["priorityClassName"] = "high".into();
        assert!(counts(&selector, info, &high) && !counts(&selector, info, &pod("1")));
    }
}
