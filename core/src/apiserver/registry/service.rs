//! Services: defaults, validation and what changes of the type take along. (Models pkg/apis/core/v1 defaults,
//! ValidateService and pkg/registry/core/service.) Addresses and ports are given out by [`super::service_alloc`].

use super::Strategy;
use super::endpoints::usable_address;
pub use super::meta::NameCheck;
use super::meta::{annotation, label, validate_meta, validate_meta_update};
use super::util::{
    child, copy_field, has, index, int, invalid_each, items, items_mut, object, remove, set_default, set_if_absent,
    shown, text,
};
use crate::api::error::{FieldError, FieldErrorKind};
use crate::api::names;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The rules of Services.
pub const STRATEGY: Strategy = Strategy {
    kind: "Service",
    default,
    validate: |obj| validate_service(obj, label),
    validate_update,
    validate_status_update: validate_meta_update,
    prepare_for_create,
    prepare_for_update,
    prepare_for_status_update: |new, old| copy_field(new, old, "spec"),
    warnings,
};

/// Longest stickiness of a client, in seconds.
const MAX_AFFINITY_SECONDS: i64 = 86400;
/// Ranges that may be in an annotation instead of the field.
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

fn default(obj: &mut Value) {
    if let Some(status) = object(obj, "status") {
        object(status, "loadBalancer");
    }
    let Some(spec) = object(obj, "spec") else { return };
    set_default(spec, "sessionAffinity", "None");
    set_default(spec, "type", "ClusterIP");
    match text(spec, "sessionAffinity") {
        "None" => remove(spec, "sessionAffinityConfig"),
        "ClientIP" => {
            if let Some(client) = object(spec, "sessionAffinityConfig").and_then(|c| object(c, "clientIP")) {
                set_if_absent(client, "timeoutSeconds", 10800);
            }
        }
        _ => {}
    }
    for p in items_mut(spec, "ports") {
        set_default(p, "protocol", "TCP");
        let unset = match &p["targetPort"] {
            Value::Null => true,
            Value::String(s) => s.is_empty(),
            n => n.as_i64() == Some(0),
        };
        if unset && p.is_object() {
            p["targetPort"] = int(p, "port").into();
        }
    }
    if externally_accessible(spec) {
        set_default(spec, "externalTrafficPolicy", "Cluster");
    }
    if ["ClusterIP", "NodePort", "LoadBalancer"].contains(&text(spec, "type")) {
        set_if_absent(spec, "internalTrafficPolicy", "Cluster");
    }
    if text(spec, "type") == "LoadBalancer" {
        set_if_absent(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// Can it be reached from outside the cluster?
pub fn externally_accessible(spec: &Value) -> bool {
    match text(spec, "type") {
        "NodePort" | "LoadBalancer" => true,
        "ClusterIP" => !items(spec, "externalIPs").is_empty(),
        _ => false,
    }
}

/// Does it have no address of its own (`clusterIP: None`)?
pub fn is_headless(spec: &Value) -> bool {
    matches!(items(spec, "clusterIPs"), [ip] if ip == "None")
}

/// Is a port for the load balancer's health checks needed?
pub fn needs_health_check_port(spec: &Value) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

fn prepare_for_create(obj: &mut Value) {
    obj["status"] = json!({"loadBalancer": {}});
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    copy_field(new, old, "status");
    super::service_alloc::drop_type_dependent_fields(new, old);
}

/// Everything but what needs the old object. `name_check` judges the name. (Models ValidateService.)
pub fn validate_service(obj: &Value, name_check: NameCheck) -> Vec<FieldError> {
    let mut errors = validate_meta(obj, true, name_check);
    errors.extend(validate_body(obj));
    errors
}

fn validate_body(obj: &Value) -> Vec<FieldError> {
    let annotations = &obj["metadata"]["annotations"];
    let spec = &obj["spec"];
    let mut errors = vec![];
    let (hints, mode) = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode");
    if has(annotations, hints) && has(annotations, mode) && annotations[hints] != annotations[mode] {
        errors.push(FieldError::invalid(
            annotation(mode),
            annotations[mode].clone(),
            format!("must match annotations[{hints}] when both are specified"),
        ));
    }
    let kind = text(spec, "type");
    let headless = is_headless(spec);
    let ports = items(spec, "ports");
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            "None",
            format!("may not be set to 'None' for {kind} services"),
        )),
        "ExternalName" => {
            for key in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if has(spec, key) && spec[key].as_array().is_none_or(|a| !a.is_empty()) {
                    errors.push(FieldError::forbidden(child("spec", key), "may not be set for ExternalName services"));
                }
            }
            let name = text(spec, "externalName");
            match name.strip_suffix('.').unwrap_or(name) {
                "" => errors.push(FieldError::required("spec.externalName", "")),
                name => errors.extend(invalid_each("spec.externalName", name, names::is_dns1123_subdomain(name))),
            }
        }
        _ => {}
    }
    let mut seen = BTreeSet::new();
    for (i, p) in ports.iter().enumerate() {
        errors.extend(validate_port(p, ports.len() > 1, &mut seen, &index("spec.ports", i)));
    }
    errors.extend(names::validate_labels(&spec["selector"], "spec.selector"));
    errors.extend(super::util::one_of(spec, "sessionAffinity", "spec", &["ClientIP", "None"]));
    errors.extend(validate_affinity_config(spec));
    errors.extend(validate_cluster_ips(spec));
    for (i, ip) in items(spec, "externalIPs").iter().enumerate() {
        let (at, ip) = (index("spec.externalIPs", i), ip.as_str().unwrap_or_default());
        let wrong = names::is_valid_ip(&at, ip);
        errors.extend(if wrong.is_empty() { usable_address(ip, &at) } else { wrong });
    }
    errors.extend(super::util::one_of(
        spec,
        "type",
        "spec",
        &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
    ));
    errors.extend(validate_port_numbers(ports, kind));
    errors.extend(validate_source_ranges(obj, kind));
    match (kind, has(spec, "allocateLoadBalancerNodePorts")) {
        ("LoadBalancer", false) => errors.push(FieldError::required("allocateLoadBalancerNodePorts", "")),
        ("LoadBalancer", true) | (_, false) => {}
        (_, true) => errors.push(FieldError::forbidden(
            "spec.allocateLoadBalancerNodePorts",
            "may only be used when `type` is 'LoadBalancer'",
        )),
    }
    if has(spec, "loadBalancerClass") {
        errors.extend(if kind == "LoadBalancer" {
            let class = text(spec, "loadBalancerClass");
            invalid_each("spec.loadBalancerClass", class, names::is_qualified_name(class))
        } else {
            vec![FieldError::forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'")]
        });
    }
    errors.extend(validate_traffic_policies(spec));
    errors
}

fn validate_port(p: &Value, needs_name: bool, seen: &mut BTreeSet<String>, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    match text(p, "name") {
        "" if needs_name => errors.push(FieldError::required(child(path, "name"), "")),
        "" => {}
        name => {
            errors.extend(invalid_each(&child(path, "name"), name, names::is_dns1123_label(name)));
            if !seen.insert(name.to_owned()) {
                errors.push(FieldError::duplicate(child(path, "name"), name));
            }
        }
    }
    let port = int(p, "port");
    let reasons = names::is_valid_port_num(port);
    errors.extend(reasons.into_iter().map(|r| FieldError::invalid(child(path, "port"), port, r)));
    errors.extend(super::util::one_of(p, "protocol", path, &["SCTP", "TCP", "UDP"]));
    errors.extend(port_num_or_name(&p["targetPort"], &child(path, "targetPort")));
    if has(p, "appProtocol") {
        let name = text(p, "appProtocol");
        errors.extend(invalid_each(&child(path, "appProtocol"), name, names::is_qualified_name(name)));
    }
    errors
}

/// A port by number or name. (Models ValidatePortNumOrName.)
pub fn port_num_or_name(port: &Value, path: &str) -> Vec<FieldError> {
    if let Some(name) = port.as_str() {
        return invalid_each(path, name, names::is_valid_port_name(name));
    }
    let n = port.as_i64().unwrap_or_default();
    names::is_valid_port_num(n).into_iter().map(|r| FieldError::invalid(path, n, r)).collect()
}

fn validate_affinity_config(spec: &Value) -> Vec<FieldError> {
    let path = "spec.sessionAffinityConfig";
    let config = &spec["sessionAffinityConfig"];
    match text(spec, "sessionAffinity") {
        "ClientIP" => {
            let why = "when session affinity type is ClientIP";
            if config.is_null() {
                return vec![FieldError::required(path, why)];
            }
            let at = child(path, "clientIP");
            if !has(config, "clientIP") {
                return vec![FieldError::required(at, why)];
            }
            match config["clientIP"]["timeoutSeconds"].as_i64() {
                None => vec![FieldError::required(child(&at, "timeoutSeconds"), why)],
                Some(n) if n <= 0 || n > MAX_AFFINITY_SECONDS => vec![FieldError::invalid(
                    child(&at, "timeoutSeconds"),
                    n,
                    format!("must be greater than 0 and less than {MAX_AFFINITY_SECONDS}"),
                )],
                Some(_) => vec![],
            }
        }
        "None" if !config.is_null() => {
            vec![FieldError::forbidden(path, "must not be set when session affinity is None")]
        }
        _ => vec![],
    }
}

/// Cluster addresses, their families and how these fit. (Models ValidateServiceClusterIPsRelatedFields.)
pub fn validate_cluster_ips(spec: &Value) -> Vec<FieldError> {
    if text(spec, "type") == "ExternalName" {
        return vec![];
    }
    let path = "spec.clusterIPs";
    let ips: Vec<&str> = items(spec, "clusterIPs").iter().filter_map(Value::as_str).collect();
    let all = || Value::from(items(spec, "clusterIPs").to_vec());
    let first = text(spec, "clusterIP");
    let mut errors = vec![];
    match (first.is_empty(), ips.first()) {
        (false, None) => errors.push(FieldError::required(path, "")),
        (false, Some(ip)) if *ip != first => {
            errors.push(FieldError::invalid(path, all(), "first value must match `clusterIP`"));
        }
        (true, Some(_)) => {
            errors.push(FieldError::invalid(path, all(), "must be empty when `clusterIP` is not specified"));
        }
        _ => {}
    }
    let families: Vec<&str> = items(spec, "ipFamilies").iter().filter_map(Value::as_str).collect();
    let mut seen = BTreeSet::new();
    for (i, f) in families.iter().enumerate() {
        let at = index("spec.ipFamilies", i);
        if !["IPv4", "IPv6"].contains(f) {
            errors.push(FieldError::not_supported(at.as_str(), *f, &["IPv4", "IPv6"]));
        }
        if !seen.insert(*f) {
            errors.push(FieldError::duplicate(at, *f));
        }
    }
    if has(spec, "ipFamilyPolicy") {
        let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        let policy = text(spec, "ipFamilyPolicy");
        if !policies.contains(&policy) {
            errors.push(FieldError::not_supported("spec.ipFamilyPolicy", policy, &policies));
        }
    }
    let mut invalid = false;
    for (i, ip) in ips.iter().enumerate() {
        if i == 0 && *ip == "None" {
            if ips.len() > 1 {
                invalid = true;
                errors.push(FieldError::invalid(path, all(), "'None' must be the first and only value"));
            }
            continue;
        }
        let wrong = names::is_valid_ip(&index(path, i), ip);
        invalid |= !wrong.is_empty();
        errors.extend(wrong);
    }
    if ips.len() > 2 {
        errors.push(FieldError::invalid(path, all(), "may only hold up to 2 values"));
    }
    if invalid {
        return errors;
    }
    let is_v6 = |ip: &&str| ip.contains(':');
    if ips.len() > 1 && ips.iter().all(|ip| is_v6(ip) == is_v6(&ips[0])) {
        errors.push(FieldError::invalid(path, all(), "may specify no more than one IP for each IP family"));
    }
    if !is_headless(spec) {
        for (i, (ip, family)) in ips.iter().zip(&families).enumerate() {
            let other = match *family {
                "IPv4" => is_v6(ip),
                "IPv6" => !is_v6(ip),
                _ => false,
            };
            if other {
                errors.push(FieldError::invalid(
                    index(path, i),
                    *ip,
                    format!("expected an {family} value as indicated by `ipFamilies[{i}]`"),
                ));
            }
        }
    }
    errors
}

fn validate_port_numbers(ports: &[Value], kind: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    if kind == "ClusterIP" {
        for (i, _) in ports.iter().enumerate().filter(|(_, p)| int(p, "nodePort") != 0) {
            errors.push(FieldError::forbidden(
                child(&index("spec.ports", i), "nodePort"),
                "may not be used when `type` is 'ClusterIP'",
            ));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, p) in ports.iter().enumerate().filter(|(_, p)| int(p, "nodePort") != 0) {
        if !seen.insert((text(p, "protocol"), int(p, "nodePort"))) {
            errors.push(FieldError::duplicate(child(&index("spec.ports", i), "nodePort"), int(p, "nodePort")));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, p) in ports.iter().enumerate() {
        let (protocol, port) = (text(p, "protocol"), int(p, "port"));
        if !seen.insert((protocol, port)) {
            let value = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{port},\"TargetPort\":0,\"NodePort\":0}}",
                json!(protocol)
            );
            errors.push(shown(FieldErrorKind::Duplicate, index("spec.ports", i), &value, ""));
        }
    }
    errors
}

fn validate_source_ranges(obj: &Value, kind: &str) -> Vec<FieldError> {
    let only = "may only be used when `type` is 'LoadBalancer'";
    let ranges = items(&obj["spec"], "loadBalancerSourceRanges");
    let mut errors = vec![];
    if !ranges.is_empty() {
        let path = "spec.LoadBalancerSourceRanges";
        if kind != "LoadBalancer" {
            errors.push(FieldError::forbidden(path, only));
        }
        for (i, r) in ranges.iter().enumerate() {
            errors.extend(names::is_valid_cidr(&index(path, i), r.as_str().unwrap_or_default().trim()));
        }
    } else if let Some(list) = obj["metadata"]["annotations"][SOURCE_RANGES].as_str() {
        let path = annotation(SOURCE_RANGES);
        if kind != "LoadBalancer" {
            errors.push(FieldError::forbidden(path.as_str(), only));
        }
        if !list.trim().is_empty() {
            for r in list.trim().split(',') {
                errors.extend(names::is_valid_cidr(&path, r.trim()));
            }
        }
    }
    errors
}

fn validate_traffic_policies(spec: &Value) -> Vec<FieldError> {
    const POLICIES: [&str; 2] = ["Cluster", "Local"];
    const DISTRIBUTIONS: [&str; 3] = ["PreferClose", "PreferSameNode", "PreferSameZone"];
    let mut errors = vec![];
    let external = text(spec, "externalTrafficPolicy");
    if externally_accessible(spec) {
        errors.extend(super::util::one_of(spec, "externalTrafficPolicy", "spec", &POLICIES));
    } else if !external.is_empty() {
        errors.push(FieldError::invalid(
            "spec.externalTrafficPolicy",
            external,
            "may only be set for externally-accessible services",
        ));
    }
    let port = int(spec, "healthCheckNodePort");
    if needs_health_check_port(spec) {
        if port == 0 {
            errors.push(FieldError::required("spec.healthCheckNodePort", ""));
        } else {
            let reasons = names::is_valid_port_num(port);
            errors.extend(reasons.into_iter().map(|r| FieldError::invalid("spec.healthCheckNodePort", port, r)));
        }
    } else if port != 0 {
        errors.push(FieldError::invalid(
            "spec.healthCheckNodePort",
            port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ));
    }
    let internal = text(spec, "internalTrafficPolicy");
    if has(spec, "internalTrafficPolicy") {
        if !POLICIES.contains(&internal) {
            errors.push(FieldError::not_supported("spec.internalTrafficPolicy", internal, &POLICIES));
        }
    } else if ["ClusterIP", "NodePort", "LoadBalancer"].contains(&text(spec, "type")) {
        errors.push(FieldError::required("spec.internalTrafficPolicy", ""));
    }
    if has(spec, "trafficDistribution") {
        let d = text(spec, "trafficDistribution");
        if !DISTRIBUTIONS.contains(&d) {
            errors.push(FieldError::not_supported("spec.trafficDistribution", d, &DISTRIBUTIONS));
        }
    }
    errors
}

/// (Models ValidateServiceUpdate.)
fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = validate_meta_update(new, old);
    errors.extend(validate_cluster_ips_update(&new["spec"], &old["spec"]));
    let (spec, before) = (&new["spec"], &old["spec"]);
    if text(spec, "type") == "LoadBalancer" && text(before, "type") == "LoadBalancer" {
        let (now, was) = (&spec["loadBalancerClass"], &before["loadBalancerClass"]);
        if now != was {
            errors.push(FieldError::invalid("spec.loadBalancerClass", now.clone(), "may not change once set"));
        }
    }
    errors.extend(validate_service(new, label));
    errors
}

/// Addresses stay while both types have them: the first never changes, the second may only come or go. (Models
/// upgradeAndDowngrade rules of ValidateServiceUpdate.)
fn validate_cluster_ips_update(spec: &Value, before: &Value) -> Vec<FieldError> {
    if text(before, "type") == "ExternalName" || text(spec, "type") == "ExternalName" {
        return vec![];
    }
    let mut errors = vec![];
    let (headless, was_headless) = (is_headless(spec), is_headless(before));
    let change = |key: &str, at: usize, why: &str| {
        let value = items(spec, key).to_vec();
        FieldError::invalid(index(&child("spec", key), at), value, why)
    };
    if !(headless && was_headless) {
        let (now, was) = (items(spec, "clusterIPs"), items(before, "clusterIPs"));
        if now.is_empty() && !was.is_empty() {
            errors.push(change("clusterIPs", 0, "primary clusterIP can not be unset"));
        }
        // Of different lengths, only the first is compared: the second may come or go.
        let compared = if now.len() == was.len() { now.len() } else { 1 };
        for (i, _) in was.iter().zip(now).enumerate().take(compared).filter(|(_, (a, b))| a != b) {
            errors.push(change("clusterIPs", i, "may not change once set"));
        }
    }
    if !headless && !was_headless {
        let (now, was) = (items(spec, "ipFamilies"), items(before, "ipFamilies"));
        let compared = if now.len() == was.len() { now.len() } else { 1 };
        for _ in was.iter().zip(now).take(compared).filter(|(a, b)| a != b) {
            errors.push(change("ipFamilies", 0, "may not change once set"));
        }
    }
    errors
}

fn warnings(new: &Value, _: Option<&Value>) -> Vec<String> {
    let mut warnings = vec![];
    let spec = &new["spec"];
    let annotations = &new["metadata"]["annotations"];
    if has(annotations, "service.kubernetes.io/topology-aware-hints") {
        warnings.push(
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use \
             service.kubernetes.io/topology-mode instead"
                .into(),
        );
    }
    if is_headless(spec) {
        if !text(spec, "loadBalancerIP").is_empty() {
            warnings.push("spec.loadBalancerIP is ignored for headless services".into());
        }
        if !items(spec, "externalIPs").is_empty() {
            warnings.push("spec.externalIPs is ignored for headless services".into());
        }
        if !["", "None"].contains(&text(spec, "sessionAffinity")) {
            warnings.push("spec.SessionAffinity is ignored for headless services".into());
        }
    }
    if text(spec, "type") != "ExternalName" && !text(spec, "externalName").is_empty() {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if text(spec, "trafficDistribution") == "PreferClose" {
        warnings.push("spec.trafficDistribution: \"PreferClose\" is deprecated, use \"PreferSameZone\"".into());
    }
    warnings
}
