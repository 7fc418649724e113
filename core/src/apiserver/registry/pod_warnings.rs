//! What the API server warns of in pods and templates. (Models pkg/api/pod/warnings.go.)

use super::util::{child, has, index, int, items, text};
use crate::api::names;
use crate::api::quantity::Quantity;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Warnings of a pod: of its name, then of its spec.
pub fn pod_warnings(pod: &Value) -> Vec<String> {
    let mut warnings = vec![];
    let name = text(&pod["metadata"], "name");
    let wrong = names::is_dns1123_label(name);
    if !wrong.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [{}]",
            wrong.join(" ")
        ));
    }
    warnings.extend(spec_warnings(&pod["spec"], "spec"));
    warnings
}

/// Warnings of a pod spec at `path`.
pub fn spec_warnings(spec: &Value, path: &str) -> Vec<String> {
    let mut warnings = vec![];
    warnings.extend(node_selector_warnings(spec, path));
    for (i, c) in items(spec, "topologySpreadConstraints").iter().enumerate() {
        let at = index(&child(path, "topologySpreadConstraints"), i);
        warnings.extend(old_label(text(c, "topologyKey"), &child(&at, "topologyKey")));
        if !has(c, "labelSelector") {
            warnings.push(format!("{at}.labelSelector: a null labelSelector results in matching no pod"));
        }
    }
    let mut aliases = BTreeSet::new();
    for (i, a) in items(spec, "hostAliases").iter().enumerate() {
        if !aliases.insert(text(a, "ip")) {
            let at = child(&index(&child(path, "hostAliases"), i), "ip");
            warnings.push(format!("{at}: duplicate ip {:?}", text(a, "ip")));
        }
    }
    let mut secrets: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, s) in items(spec, "imagePullSecrets").iter().enumerate() {
        let at = index(&child(path, "imagePullSecrets"), i);
        match text(s, "name") {
            "" => warnings.push(format!("{at}.name: invalid empty name {:?}", "")),
            name if secrets.contains_key(name) => warnings.push(format!("{at}.name: duplicate name {name:?}")),
            name => {
                secrets.insert(name, i);
            }
        }
    }
    for list in ["initContainers", "containers"] {
        for (i, c) in items(spec, list).iter().enumerate() {
            warnings.extend(container_warnings(c, &index(&child(path, list), i)));
        }
    }
    warnings.extend(port_warnings(spec, path));
    warnings
}

/// Labels of nodes that were replaced.
fn old_label(key: &str, at: &str) -> Option<String> {
    let text = match key {
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
    };
    Some(format!("{at}: {text}"))
}

fn node_selector_warnings(spec: &Value, path: &str) -> Vec<String> {
    super::util::entries(spec, "nodeSelector")
        .filter_map(|(k, _)| old_label(k, &format!("{path}.nodeSelector[{k}]")))
        .collect()
}

fn container_warnings(c: &Value, path: &str) -> Vec<String> {
    let mut warnings = vec![];
    for list in ["limits", "requests"] {
        for name in ["memory", "ephemeral-storage"] {
            let Some(shown) = c["resources"][list][name].as_str() else { continue };
            let q: Quantity = shown.parse().unwrap_or_default();
            if q.milli_value() % 1000 != 0 {
                warnings.push(format!(
                    "{path}.resources.{list}[{name}]: fractional byte value {shown:?} is invalid, must be an integer"
                ));
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (i, e) in items(c, "env").iter().enumerate() {
        let name = text(e, "name");
        if !seen.insert(name) {
            let reference = text(e, "value").contains(&format!("$({name})"));
            let at = index(&child(path, "env"), i);
            if !reference {
                warnings.push(format!(
                    "{at}: hides previous definition of {name:?}, which may be dropped when using apply"
                ));
            }
        }
    }
    warnings
}

/// Ports that name the same thing twice.
fn port_warnings(spec: &Value, path: &str) -> Vec<String> {
    let mut warnings = vec![];
    let mut by_number: BTreeMap<String, String> = BTreeMap::new();
    for list in ["containers"] {
        for (i, c) in items(spec, list).iter().enumerate() {
            let mut by_name: BTreeMap<&str, String> = BTreeMap::new();
            for (j, p) in items(c, "ports").iter().enumerate() {
                let at = index(&child(&index(&child(path, list), i), "ports"), j);
                let name = text(p, "name");
                if !name.is_empty() {
                    match by_name.get(name) {
                        Some(first) => warnings.push(format!(
                            "{at}: duplicate port name {name:?} with {first}, services and probes that select ports by name will use {first}"
                        )),
                        None => {
                            by_name.insert(name, at.clone());
                        }
                    }
                }
                let (port, host) = (int(p, "containerPort"), int(p, "hostPort"));
                if port == 0 {
                    continue;
                }
                let key = format!("{port}/{}/{host}/{}", text(p, "protocol"), text(p, "hostIP"));
                match by_number.get(&key) {
                    Some(first) => warnings.push(format!("{at}: duplicate port definition with {first}")),
                    None => {
                        by_number.insert(key, at);
                    }
                }
            }
        }
    }
    warnings
}
