//! NetworkPolicies. (Models pkg/apis/networking defaults and validation, and pkg/registry/networking/networkpolicy.)

use super::Strategy;
use super::meta::{checked, checked_update, subdomain, validate_label_selector, validate_meta_update};
use super::util::{
    child, has, index, int, invalid_each, items, items_mut, keep_status_count_generation, no_warnings, nothing_kept,
    object, reset_status_begin_generation, set_default, text,
};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::{Value, json};
use std::net::IpAddr;

/// The rules of NetworkPolicies.
pub const STRATEGY: Strategy = Strategy {
    kind: "NetworkPolicy",
    default,
    validate: |obj| checked(obj, true, subdomain, validate_spec(&obj["spec"], "spec")),
    validate_update: |new, old| checked_update(new, old, validate_spec(&new["spec"], "spec")),
    validate_status_update: validate_meta_update,
    prepare_for_create: reset_status_begin_generation,
    prepare_for_update: keep_status_count_generation,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn default(obj: &mut Value) {
    let Some(spec) = object(obj, "spec") else { return };
    for direction in ["ingress", "egress"] {
        for rule in items_mut(spec, direction) {
            for port in items_mut(rule, "ports") {
                set_default(port, "protocol", "TCP");
            }
        }
    }
    if items(spec, "policyTypes").is_empty() {
        let out = !items(spec, "egress").is_empty();
        spec["policyTypes"] = if out { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
    object(spec, "podSelector");
}

fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = validate_label_selector(&spec["podSelector"], &child(path, "podSelector"));
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in items(spec, direction).iter().enumerate() {
            let at = index(&child(path, direction), i);
            for (j, p) in items(rule, "ports").iter().enumerate() {
                errors.extend(port(p, &index(&child(&at, "ports"), j)));
            }
            for (j, p) in items(rule, peers).iter().enumerate() {
                errors.extend(peer(p, &index(&child(&at, peers), j)));
            }
        }
    }
    let types = items(spec, "policyTypes");
    let at = child(path, "policyTypes");
    if types.len() > 2 {
        let why = "may not specify more than two policyTypes";
        errors.push(FieldError::invalid(at, spec["policyTypes"].clone(), why));
        return errors;
    }
    for (i, t) in types.iter().enumerate() {
        if t != "Ingress" && t != "Egress" {
            errors.push(FieldError::not_supported(index(&at, i), t.clone(), &["Ingress", "Egress"]));
        }
    }
    errors
}

fn port(p: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let protocol = text(p, "protocol");
    if has(p, "protocol") && !["TCP", "UDP", "SCTP"].contains(&protocol) {
        errors.push(FieldError::not_supported(child(path, "protocol"), protocol, &["TCP", "UDP", "SCTP"]));
    }
    let end = int(p, "endPort");
    let mut refuse_end = |why: &str| errors.push(FieldError::invalid(child(path, "endPort"), end, why));
    match &p["port"] {
        Value::Null => {
            if has(p, "endPort") {
                refuse_end("may not be specified when `port` is not specified");
            }
        }
        Value::String(name) => {
            if has(p, "endPort") {
                refuse_end("may not be specified when `port` is non-numeric");
            }
            errors.extend(invalid_each(&child(path, "port"), name, names::is_valid_port_name(name)));
        }
        number => {
            let number = number.as_i64().unwrap_or_default();
            if has(p, "endPort") && end < number {
                // upstream shows the port here
                let why = "must be greater than or equal to `port`";
                errors.push(FieldError::invalid(child(path, "endPort"), number, why));
            }
            let wrong = |n: i64, field: &str| -> Vec<FieldError> {
                let reasons = names::is_valid_port_num(n);
                reasons.into_iter().map(|r| FieldError::invalid(child(path, field), n, r)).collect()
            };
            errors.extend(wrong(number, "port"));
            if has(p, "endPort") {
                errors.extend(wrong(end, "endPort"));
            }
        }
    }
    errors
}

fn peer(p: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let mut count = 0;
    for key in ["podSelector", "namespaceSelector"] {
        if has(p, key) {
            count += 1;
            errors.extend(validate_label_selector(&p[key], &child(path, key)));
        }
    }
    let block = has(p, "ipBlock");
    if block {
        count += 1;
        errors.extend(ip_block(&p["ipBlock"], &child(path, "ipBlock")));
    }
    if count == 0 {
        errors.push(FieldError::required(path, "must specify a peer"));
    } else if count > 1 && block {
        errors.push(FieldError::forbidden(path, "may not specify both ipBlock and another peer"));
    }
    errors
}

fn ip_block(block: &Value, path: &str) -> Vec<FieldError> {
    let at = child(path, "cidr");
    let cidr = text(block, "cidr");
    if cidr.is_empty() {
        return vec![FieldError::required(at, "")];
    }
    let wrong = names::is_valid_cidr(&at, cidr);
    let Some(outer) = parse_cidr(cidr).filter(|_| wrong.is_empty()) else { return wrong };
    let mut errors = vec![];
    for (i, e) in items(block, "except").iter().enumerate() {
        let at = index(&child(path, "except"), i);
        let except = e.as_str().unwrap_or_default();
        let wrong = names::is_valid_cidr(&at, except);
        match parse_cidr(except).filter(|_| wrong.is_empty()) {
            None => errors.extend(wrong),
            Some(inner) if outer.1 >= inner.1 || !contains(outer, inner.0) => {
                errors.push(FieldError::invalid(at, except, "must be a strict subset of `cidr`"));
            }
            Some(_) => {}
        }
    }
    errors
}

/// Address and length of a prefix; `None` if it is none.
fn parse_cidr(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    Some((address.parse().ok()?, length.parse().ok()?))
}

fn contains((net, length): (IpAddr, u32), address: IpAddr) -> bool {
    let (net, address, width) = match (net, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) => (u128::from(n.to_bits()), u128::from(a.to_bits()), 32),
        (IpAddr::V6(n), IpAddr::V6(a)) => (n.to_bits(), a.to_bits(), 128),
        _ => return false,
    };
    let rest = u32::saturating_sub(width, length);
    net.checked_shr(rest) == address.checked_shr(rest)
}
