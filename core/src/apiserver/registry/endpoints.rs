//! Endpoints and EndpointSlices. (Models pkg/apis/core/v1 and pkg/apis/discovery defaults and validation.)

use super::Strategy;
use super::meta::{checked, checked_update, subdomain, validate_meta_update};
use super::util::{
    child, index, int, invalid_each, items, items_mut, no_warnings, nothing, nothing_kept, object, set_default,
    set_generation, set_if_absent, text,
};
use crate::api::error::FieldError;
use crate::api::names;
use serde_json::Value;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// The rules of Endpoints.
pub const ENDPOINTS: Strategy = Strategy {
    kind: "Endpoints",
    default: |obj| {
        for s in items_mut(obj, "subsets") {
            for p in items_mut(s, "ports") {
                set_default(p, "protocol", "TCP");
            }
        }
    },
    validate: |obj| checked(obj, true, subdomain, subsets(obj)),
    validate_update: |new, old| checked_update(new, old, subsets(new)),
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: |_, _| vec!["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into()],
};

fn subsets(obj: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    for (i, s) in items(obj, "subsets").iter().enumerate() {
        let at = index("subsets", i);
        if items(s, "addresses").is_empty() && items(s, "notReadyAddresses").is_empty() {
            errors.push(FieldError::required(at.as_str(), "must specify `addresses` or `notReadyAddresses`"));
        }
        for list in ["addresses", "notReadyAddresses"] {
            for (j, a) in items(s, list).iter().enumerate() {
                let at = index(&child(&at, list), j);
                errors.extend(names::is_valid_ip(&child(&at, "ip"), text(a, "ip")));
                if !text(a, "hostname").is_empty() {
                    let name = text(a, "hostname");
                    errors.extend(invalid_each(&child(&at, "hostname"), name, names::is_dns1123_label(name)));
                }
                errors.extend(usable_address(text(a, "ip"), &child(&at, "ip")));
            }
        }
        let ports = items(s, "ports");
        for (j, p) in ports.iter().enumerate() {
            let at = index(&child(&at, "ports"), j);
            match text(p, "name") {
                "" if ports.len() > 1 => errors.push(FieldError::required(child(&at, "name"), "")),
                "" => {}
                name => errors.extend(invalid_each(&child(&at, "name"), name, names::is_dns1123_label(name))),
            }
            let port = int(p, "port");
            let reasons = names::is_valid_port_num(port);
            errors.extend(reasons.into_iter().map(|r| FieldError::invalid(child(&at, "port"), port, r)));
            errors.extend(super::util::one_of(p, "protocol", &at, &PROTOCOLS));
        }
    }
    errors
}

/// Addresses that no endpoint can have. (Models ValidateNonSpecialIP.)
pub fn usable_address(ip: &str, path: &str) -> Vec<FieldError> {
    let Ok(address) = ip.parse::<std::net::IpAddr>() else { return vec![] };
    let (link_local, link_multicast) = match address {
        std::net::IpAddr::V4(a) => (a.is_link_local(), a.octets()[..3] == [224, 0, 0]),
        std::net::IpAddr::V6(a) => (a.segments()[0] & 0xffc0 == 0xfe80, a.segments()[0] & 0xff0f == 0xff02),
    };
    let mut errors = vec![];
    let mut wrong = |text: &str| errors.push(FieldError::invalid(path, ip, text));
    if address.is_unspecified() {
        wrong(&format!("may not be unspecified ({ip})"));
    }
    if address.is_loopback() {
        wrong("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    if link_local {
        wrong("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    if link_multicast {
        wrong("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
    errors
}

/// The rules of EndpointSlices.
pub const ENDPOINT_SLICE: Strategy = Strategy {
    kind: "EndpointSlice",
    default: |obj| {
        for p in items_mut(obj, "ports") {
            set_if_absent(p, "name", "");
            set_default(p, "protocol", "TCP");
        }
    },
    validate: |obj| checked(obj, true, subdomain, slice(obj)),
    validate_update: |new, old| {
        let mut errors = validate_meta_update(new, old);
        errors.extend(slice(new));
        errors.extend(super::util::immutable(new, old, "addressType", ""));
        errors
    },
    validate_status_update: validate_meta_update,
    prepare_for_create: |obj| set_generation(obj, 1),
    prepare_for_update: |new, old| {
        let part = |v: &Value| {
            let mut v = v.clone();
            if let Some(meta) = object(&mut v, "metadata") {
                let kept = meta["labels"].clone();
                *meta = kept;
            }
            v
        };
        let before = int(&old["metadata"], "generation");
        set_generation(new, if part(new) == part(old) { before } else { before + 1 });
    },
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

fn slice(obj: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    let family = text(obj, "addressType");
    errors.extend(super::util::one_of(obj, "addressType", "", &["FQDN", "IPv4", "IPv6"]));
    for (i, e) in items(obj, "endpoints").iter().enumerate() {
        let at = index("endpoints", i);
        let addresses = items(e, "addresses");
        if addresses.is_empty() {
            errors.push(FieldError::required(child(&at, "addresses"), "must contain at least 1 address"));
        }
        for (j, a) in addresses.iter().enumerate() {
            let at = index(&child(&at, "addresses"), j);
            let a = a.as_str().unwrap_or_default();
            match family {
                "IPv4" | "IPv6" => {
                    errors.extend(names::is_valid_ip(&at, a));
                    errors.extend(usable_address(a, &at));
                    if let Ok(ip) = a.parse::<std::net::IpAddr>()
                        && ip.is_ipv4() != (family == "IPv4")
                    {
                        errors.push(FieldError::invalid(at, a, format!("must be a valid {family} address")));
                    }
                }
                _ => errors.extend(invalid_each(&at, a, names::is_dns1123_subdomain(a))),
            }
        }
        if !text(e, "hostname").is_empty() {
            let name = text(e, "hostname");
            errors.extend(invalid_each(&child(&at, "hostname"), name, names::is_dns1123_label(name)));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for (i, p) in items(obj, "ports").iter().enumerate() {
        let at = index("ports", i);
        let name = text(p, "name");
        if !name.is_empty() {
            errors.extend(invalid_each(&child(&at, "name"), name, names::is_dns1123_label(name)));
        }
        if !seen.insert(name) {
            errors.push(FieldError::duplicate(child(&at, "name"), name));
        }
        errors.extend(super::util::one_of(p, "protocol", &at, &PROTOCOLS));
    }
    errors
}
