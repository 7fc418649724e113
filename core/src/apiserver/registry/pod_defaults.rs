//! Defaults of pods and pod templates. (Models pkg/apis/core/v1/defaults.go.)

use super::util::{copy_field, flag, has, items_mut, object, present, remove, set_default, set_if_absent, text};
use super::volumes::SOURCES;
use crate::api::quantity::Quantity;
use serde_json::{Map, Value, json};

/// Fills in a whole pod: what templates get, requests from limits, and service links.
pub fn default_pod(pod: &mut Value) {
    let Some(spec) = object(pod, "spec") else { return };
    default_pod_spec(spec);
    set_if_absent(spec, "enableServiceLinks", true);
    for list in ["containers", "initContainers"] {
        for c in items_mut(spec, list) {
            requests_from_limits(c);
        }
    }
    default_pod_level_requests(spec);
    if flag(spec, "hostNetwork") {
        default_host_ports(spec);
    }
}

/// Fills in a pod template (`template` is the object with `metadata` and `spec`).
pub fn default_template(template: &mut Value) {
    object(template, "metadata");
    if let Some(spec) = object(template, "spec") {
        default_pod_spec(spec);
        if flag(spec, "hostNetwork") {
            default_host_ports(spec);
        }
    }
}

/// Fills in a pod spec.
pub fn default_pod_spec(spec: &mut Value) {
    set_default(spec, "restartPolicy", "Always");
    set_default(spec, "dnsPolicy", "ClusterFirst");
    set_if_absent(spec, "terminationGracePeriodSeconds", 30);
    set_default(spec, "schedulerName", "default-scheduler");
    object(spec, "securityContext");
    // The old name of the field is read and shown beside the new one.
    if text(spec, "serviceAccountName").is_empty() {
        let old = spec["serviceAccount"].clone();
        if old.as_str().is_some_and(|s| !s.is_empty()) {
            spec["serviceAccountName"] = old;
        }
    } else {
        let now = spec["serviceAccountName"].clone();
        spec["serviceAccount"] = now;
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for c in items_mut(spec, list) {
            default_container(c);
        }
    }
    for v in items_mut(spec, "volumes") {
        default_volume(v);
    }
    drop_gated(spec);
}

/// Fields whose gates are off in 1.36 are dropped: ContainerStopSignals, ClusterTrustBundleProjection,
/// PodCertificateRequest.
fn drop_gated(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for c in items_mut(spec, list) {
            if let Some(life) = present(c, "lifecycle") {
                remove(life, "stopSignal");
                if life.as_object().is_some_and(|l| l.is_empty()) {
                    remove(c, "lifecycle");
                }
            }
        }
    }
    for v in items_mut(spec, "volumes") {
        let Some(projected) = present(v, "projected") else { continue };
        for source in items_mut(projected, "sources") {
            remove(source, "clusterTrustBundle");
            remove(source, "podCertificate");
        }
    }
}

fn default_container(c: &mut Value) {
    if !c.is_object() {
        return;
    }
    let policy = pull_policy(text(c, "image"));
    set_default(c, "imagePullPolicy", policy);
    set_default(c, "terminationMessagePath", "/dev/termination-log");
    set_default(c, "terminationMessagePolicy", "File");
    object(c, "resources");
    for p in items_mut(c, "ports") {
        set_default(p, "protocol", "TCP");
    }
    for e in items_mut(c, "env") {
        if let Some(f) = present(e, "valueFrom").and_then(|v| present(v, "fieldRef")) {
            set_default(f, "apiVersion", "v1");
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(p) = present(c, probe) {
            default_probe(p);
        }
    }
    if let Some(l) = present(c, "lifecycle") {
        for hook in ["postStart", "preStop"] {
            if let Some(http) = present(l, hook).and_then(|h| present(h, "httpGet")) {
                default_http_get(http);
            }
        }
    }
    if let Some(sc) = present(c, "securityContext")
        && has(sc, "procMount")
    {
        set_default(sc, "procMount", "Default");
    }
}

fn default_probe(p: &mut Value) {
    for (key, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        if p[key].as_i64().unwrap_or_default() == 0 {
            p[key] = value.into();
        }
    }
    if let Some(http) = present(p, "httpGet") {
        default_http_get(http);
    }
    if let Some(grpc) = present(p, "grpc") {
        set_if_absent(grpc, "service", "");
    }
}

fn default_http_get(http: &mut Value) {
    set_default(http, "path", "/");
    set_default(http, "scheme", "HTTP");
}

fn default_volume(v: &mut Value) {
    if SOURCES.iter().all(|(source, _)| !has(v, source)) {
        object(v, "emptyDir");
        return;
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(s) = present(v, source) {
            set_if_absent(s, "defaultMode", 420);
        }
    }
    if let Some(s) = present(v, "downwardAPI") {
        default_downward_items(s);
    }
    if let Some(p) = present(v, "projected") {
        for s in items_mut(p, "sources") {
            if let Some(d) = present(s, "downwardAPI") {
                default_downward_items(d);
            }
            if let Some(t) = present(s, "serviceAccountToken") {
                set_if_absent(t, "expirationSeconds", 3600);
            }
            if let Some(t) = present(s, "podCertificate") {
                set_if_absent(t, "maxExpirationSeconds", 86400);
            }
        }
    }
    if let Some(h) = present(v, "hostPath") {
        set_if_absent(h, "type", "");
    }
    if let Some(i) = present(v, "iscsi") {
        set_default(i, "iscsiInterface", "default");
    }
    if let Some(r) = present(v, "rbd") {
        set_default(r, "pool", "rbd");
        set_default(r, "user", "admin");
        set_default(r, "keyring", "/etc/ceph/keyring");
    }
    if let Some(a) = present(v, "azureDisk") {
        set_if_absent(a, "cachingMode", "ReadWrite");
        set_if_absent(a, "kind", "Shared");
        set_if_absent(a, "fsType", "ext4");
        set_if_absent(a, "readOnly", false);
    }
    if let Some(i) = present(v, "image") {
        let policy = pull_policy(text(i, "reference"));
        set_default(i, "pullPolicy", policy);
    }
    if let Some(spec) =
        present(v, "ephemeral").and_then(|e| present(e, "volumeClaimTemplate")).and_then(|t| present(t, "spec"))
    {
        set_if_absent(spec, "volumeMode", "Filesystem");
    }
}

fn default_downward_items(source: &mut Value) {
    for item in items_mut(source, "items") {
        if let Some(f) = present(item, "fieldRef") {
            set_default(f, "apiVersion", "v1");
        }
    }
}

/// `Always` for the tag `latest`, also where neither tag nor digest is given; else `IfNotPresent`.
pub fn pull_policy(image: &str) -> &'static str {
    let (rest, digest) = image.split_once('@').map_or((image, ""), |(r, d)| (r, d));
    let after_slash = rest.rfind('/').map_or(0, |i| i + 1);
    let (repository, tag) = match rest[after_slash..].find(':') {
        Some(colon) => (&rest[..after_slash + colon], &rest[after_slash + colon + 1..]),
        None => (rest, ""),
    };
    // A reference that cannot be parsed has no tag. Repository names are lower case; a registry's host need not be.
    let path = repository.split_once('/').map_or(repository, |(first, others)| {
        if first.contains(['.', ':']) || first == "localhost" { others } else { repository }
    });
    let well_formed = !path.is_empty()
        && path.split('/').all(|part| {
            !part.is_empty()
                && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c))
        });
    let latest = tag == "latest" || (tag.is_empty() && digest.is_empty());
    if well_formed && latest { "Always" } else { "IfNotPresent" }
}

fn requests_from_limits(c: &mut Value) {
    let Some(resources) = present(c, "resources") else { return };
    let Some(limits) = resources["limits"].as_object().filter(|l| !l.is_empty()).cloned() else { return };
    let Some(requests) = object(resources, "requests") else { return };
    for (name, limit) in limits {
        set_if_absent(requests, &name, limit);
    }
}

/// Requests of the whole pod follow from its containers' or, where they ask for nothing, from its limits.
fn default_pod_level_requests(spec: &mut Value) {
    const SUPPORTED: [&str; 2] = ["cpu", "memory"];
    let Some(limits) = spec["resources"]["limits"].as_object().filter(|l| !l.is_empty()).cloned() else { return };
    let mut sums = Map::new();
    for name in SUPPORTED {
        let asked: Vec<Quantity> = super::util::items(spec, "containers")
            .iter()
            .filter_map(|c| c["resources"]["requests"][name].as_str()?.parse().ok())
            .collect();
        if let Some((first, rest)) = asked.split_first() {
            let sum = rest.iter().fold(*first, |a, b| a + *b);
            sums.insert(name.into(), json!(sum.to_string()));
        }
    }
    let Some(requests) = object(spec, "resources").and_then(|r| object(r, "requests")) else { return };
    for (name, sum) in sums {
        set_if_absent(requests, &name, sum);
    }
    for (name, limit) in limits.iter().filter(|(n, _)| SUPPORTED.contains(&n.as_str()) || n.starts_with("hugepages-")) {
        set_if_absent(requests, name, limit.clone());
    }
}

fn default_host_ports(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for c in items_mut(spec, list) {
            for p in items_mut(c, "ports") {
                if p["hostPort"].as_i64().unwrap_or_default() == 0 {
                    let port = p.clone();
                    if let Some(o) = p.as_object_mut() {
                        o.remove("hostPort");
                    }
                    if has(&port, "containerPort") {
                        p["hostPort"] = port["containerPort"].clone();
                    }
                }
            }
        }
    }
}

/// Gives a claim template of a StatefulSet what claims get by default.
pub fn default_claim(claim: &mut Value) {
    if let Some(spec) = object(claim, "spec") {
        set_if_absent(spec, "volumeMode", "Filesystem");
        object(spec, "resources");
    }
    if let Some(status) = object(claim, "status") {
        set_default(status, "phase", "Pending");
    }
}

/// Copies a template's labels where the object has none. (Old workload kinds: Job.)
pub fn labels_from_template(obj: &mut Value) {
    let labels = obj["spec"]["template"]["metadata"]["labels"].clone();
    let empty = obj["metadata"]["labels"].as_object().is_none_or(Map::is_empty);
    if empty
        && labels.as_object().is_some_and(|l| !l.is_empty())
        && let Some(meta) = object(obj, "metadata")
    {
        copy_field(meta, &json!({ "labels": labels }), "labels");
    }
}
