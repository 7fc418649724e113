//! What the API server warns of in pods and templates, in its order. (Models pkg/api/pod/warnings.go.)

use super::security::visit_containers;
use super::util::{child, entries, has, index, int, items, keyed, text};
use crate::api::names;
use crate::api::quantity::Quantity;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NO_SELECTOR: &str = "a null labelSelector results in matching no pod";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Warnings of a pod: of its name, then of its spec.
pub fn pod_warnings(pod: &Value) -> Vec<String> {
    let mut warnings = vec![];
    let wrong = names::is_dns1123_label(text(&pod["metadata"], "name"));
    if !wrong.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [{}]",
            wrong.join(" ")
        ));
    }
    warnings.extend(template_warnings(pod, ""));
    warnings
}

/// Warnings of a template at `path` (a pod is its own, at the root).
pub fn template_warnings(template: &Value, path: &str) -> Vec<String> {
    let spec = &template["spec"];
    let annotations = &template["metadata"]["annotations"];
    let (at, notes) = (child(path, "spec"), child(path, "metadata.annotations"));
    let mut warnings = node_label_warnings(spec, &at);
    for (i, c) in items(spec, "topologySpreadConstraints").iter().enumerate() {
        let at = index(&child(&at, "topologySpreadConstraints"), i);
        let key = text(c, "topologyKey");
        warnings.extend(old_label(key).map(|why| format!("{at}.topologyKey: {key} is {why}")));
        if !has(c, "labelSelector") {
            warnings.push(format!("{at}.labelSelector: {NO_SELECTOR}"));
        }
    }
    let critical = "scheduler.alpha.kubernetes.io/critical-pod";
    if has(annotations, critical) {
        let why = "non-functional in v1.16+; use the \"priorityClassName\" field instead";
        warnings.push(format!("{}: {why}", keyed(&notes, critical)));
    }
    warnings.extend(volume_warnings(spec, &child(&at, "volumes")));
    warnings.extend(duplicate_warnings(spec, &at));
    for (name, value) in entries(spec, "overhead") {
        warnings.extend(fractional(name, value, &keyed(&child(&at, "overhead"), name)));
    }
    let containers = visit_containers(spec, &at);
    warnings.extend(seccomp_warning("seccomp.security.alpha.kubernetes.io/pod", annotations, spec, &notes));
    for (c, at) in &containers {
        let name = text(c, "name");
        let key = format!("container.seccomp.security.alpha.kubernetes.io/{name}");
        warnings.extend(seccomp_warning(&key, annotations, c, &notes));
        let key = format!("container.apparmor.security.beta.kubernetes.io/{name}");
        let fields = [&spec["securityContext"]["appArmorProfile"], &c["securityContext"]["appArmorProfile"]];
        if !path.is_empty() && has(annotations, &key) && fields.iter().all(|f| f.is_null()) {
            let why = "deprecated since v1.30; use the \"appArmorProfile\" field instead";
            warnings.push(format!("{}: {why}", keyed(&notes, &key)));
        }
        warnings.extend(container_warnings(c, at));
    }
    warnings.extend(port_name_warnings(&containers));
    warnings.extend(port_warnings(&containers));
    if int(spec, "terminationGracePeriodSeconds") < 0 {
        let why = "must be >= 0; negative values are invalid and will be treated as 1";
        warnings.push(format!("{at}.terminationGracePeriodSeconds: {why}"));
    }
    warnings.extend(affinity_warnings(spec, &child(&at, "affinity")));
    warnings
}

/// What to say of node labels that were replaced.
fn old_label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"
        }
        "beta.kubernetes.io/instance-type" => {
            "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"
        }
        _ => return None,
    })
}

fn node_label_warnings(spec: &Value, path: &str) -> Vec<String> {
    let mut warnings: Vec<String> = entries(spec, "nodeSelector")
        .filter_map(|(k, _)| old_label(k).map(|why| format!("{}: {why}", keyed(&child(path, "nodeSelector"), k))))
        .collect();
    let affinity = &spec["affinity"]["nodeAffinity"];
    let at = child(path, "affinity.nodeAffinity");
    warnings.extend(node_selector_warnings(&affinity[REQUIRED], &child(&at, REQUIRED)));
    for (i, term) in items(affinity, PREFERRED).iter().enumerate() {
        warnings
            .extend(term_warnings(&term["preference"], &child(&index(&format!("{at}.{PREFERRED}"), i), "preference")));
    }
    warnings
}

/// What to say of the labels a node selector names.
pub fn node_selector_warnings(selector: &Value, path: &str) -> Vec<String> {
    let terms = items(selector, "nodeSelectorTerms").iter().enumerate();
    terms.flat_map(|(i, term)| term_warnings(term, &index(&child(path, "nodeSelectorTerms"), i))).collect()
}

fn term_warnings(term: &Value, path: &str) -> Vec<String> {
    let mut warnings = vec![];
    for (i, e) in items(term, "matchExpressions").iter().enumerate() {
        let key = text(e, "key");
        let at = child(&index(&child(path, "matchExpressions"), i), "key");
        warnings.extend(old_label(key).map(|why| format!("{at}: {key} is {why}")));
    }
    warnings
}

fn volume_warnings(spec: &Value, path: &str) -> Vec<String> {
    const OLD: [(&str, &str, &str); 9] = [
        ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
        ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
        ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
        ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
        ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
        ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
        ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ];
    let mut warnings = vec![];
    for (i, v) in items(spec, "volumes").iter().enumerate() {
        for (_, shown, why) in OLD.iter().filter(|(s, _, _)| has(v, s)) {
            warnings.push(format!("{}.{shown}: {why}", index(path, i)));
        }
    }
    warnings
}

fn duplicate_warnings(spec: &Value, path: &str) -> Vec<String> {
    let mut warnings = vec![];
    for (list, key, what) in
        [("hostAliases", "ip", ".ip: duplicate ip"), ("imagePullSecrets", "name", ".name: duplicate name")]
    {
        let mut seen = BTreeSet::new();
        for (i, item) in items(spec, list).iter().enumerate() {
            if !seen.insert(text(item, key)) {
                warnings.push(format!("{}{what} {:?}", index(&child(path, list), i), text(item, key)));
            }
        }
    }
    for (i, s) in items(spec, "imagePullSecrets").iter().enumerate() {
        if text(s, "name").is_empty() {
            warnings.push(format!("{}.name: invalid empty name \"\"", index(&child(path, "imagePullSecrets"), i)));
        }
    }
    warnings
}

fn seccomp_warning(key: &str, annotations: &Value, owner: &Value, notes: &str) -> Option<String> {
    let used = has(annotations, key) && !has(&owner["securityContext"], "seccompProfile");
    used.then(|| format!("{}: non-functional in v1.27+; use the \"seccompProfile\" field instead", keyed(notes, key)))
}

/// Bytes that are no whole number.
fn fractional(name: &str, value: &Value, path: &str) -> Option<String> {
    let shown = value.as_str()?;
    let bytes = ["memory", "ephemeral-storage"].contains(&name);
    let q: Quantity = shown.parse().ok()?;
    (bytes && q.milli_value() % 1000 != 0)
        .then(|| format!("{path}: fractional byte value {shown:?} is invalid, must be an integer"))
}

fn container_warnings(c: &Value, path: &str) -> Vec<String> {
    let mut warnings = vec![];
    for name in ["memory", "ephemeral-storage"] {
        for list in ["limits", "requests"] {
            let at = keyed(&child(path, &format!("resources.{list}")), name);
            warnings.extend(fractional(name, &c["resources"][list][name], &at));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, e) in items(c, "env").iter().enumerate() {
        let name = text(e, "name");
        if seen.insert(name) {
            continue;
        }
        // Building on the value before is what a second definition is good for.
        let reference = format!("$({name})");
        let value = text(e, "value");
        if has(e, "valueFrom") || value == reference || !value.contains(&reference) {
            let why = format!("hides previous definition of {name:?}, which may be dropped when using apply");
            warnings.push(format!("{}: {why}", index(&child(path, "env"), i)));
        }
    }
    warnings
}

/// Names that services and probes cannot tell apart. Init containers are gone by then, sidecars are not.
fn port_name_warnings(containers: &[(&Value, String)]) -> Vec<String> {
    let mut warnings = vec![];
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    for (c, at) in containers {
        let init = at.contains("initContainers[") && text(c, "restartPolicy") != "Always";
        for (i, p) in items(c, "ports").iter().enumerate().filter(|_| !init) {
            let (name, at) = (text(p, "name"), index(&child(at, "ports"), i));
            if name.is_empty() {
                continue;
            }
            match first.get(name) {
                Some(other) => warnings.push(format!(
                    "{at}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}"
                )),
                None => {
                    first.insert(name, at);
                }
            }
        }
    }
    warnings
}

/// Ports of one number and protocol, in any container.
fn port_warnings(containers: &[(&Value, String)]) -> Vec<String> {
    let mut warnings = vec![];
    let mut all: BTreeMap<(i64, &str), Vec<(String, &Value)>> = BTreeMap::new();
    for (c, at) in containers {
        for (i, p) in items(c, "ports").iter().enumerate() {
            let at = index(&child(at, "ports"), i);
            let (ip, host) = (text(p, "hostIP"), int(p, "hostPort"));
            let others = all.entry((int(p, "containerPort"), text(p, "protocol"))).or_default();
            for (other_at, other) in others.iter() {
                let (other_ip, other_host) = (text(other, "hostIP"), int(other, "hostPort"));
                let what = if ip == other_ip && host == other_host {
                    "duplicate"
                } else if host == 0 || other_host == 0 {
                    "overlapping"
                } else if host == other_host && ip.is_empty() != other_ip.is_empty() {
                    "dangerously ambiguous"
                } else {
                    continue;
                };
                warnings.push(format!("{at}: {what} port definition with {other_at}"));
            }
            others.push((at, p));
        }
    }
    warnings
}

fn affinity_warnings(spec: &Value, path: &str) -> Vec<String> {
    let mut warnings = vec![];
    for kind in ["podAffinity", "podAntiAffinity"] {
        let (part, at) = (&spec["affinity"][kind], child(path, kind));
        for (i, t) in items(part, REQUIRED).iter().enumerate() {
            if !has(t, "labelSelector") {
                warnings.push(format!("{}.labelSelector: {NO_SELECTOR}", index(&child(&at, REQUIRED), i)));
            }
        }
        for (i, t) in items(part, PREFERRED).iter().enumerate() {
            if !has(&t["podAffinityTerm"], "labelSelector") {
                let at = index(&child(&at, PREFERRED), i);
                warnings.push(format!("{at}.podAffinityTerm.labelSelector: {NO_SELECTOR}"));
            }
        }
    }
    warnings
}
