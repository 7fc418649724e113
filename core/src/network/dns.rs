//! Names: what the cluster's DNS says. Pure. Models the DNS specification of Kubernetes as CoreDNS serves it.

use super::tables::Backend;
use crate::sim::Sim;
use crate::store::Key;
use k8s_openapi::api::core::v1::Service;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The address of the cluster's name server.
pub const SERVER: u32 = u32::from_be_bytes([10, 96, 0, 10]);
/// The cluster's domain.
pub const DOMAIN: &str = "cluster.local";

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// Addresses, and the full name that has them.
    Addresses(String, Vec<u32>),
    /// Another name, which is nobody's in the cluster.
    Elsewhere(String),
    /// There is no such name.
    Unknown,
}

/// Looks a name up as a pod of a namespace does whose `resolv.conf` is the usual one: search domains first unless the
/// name has five dots or ends in one. `cluster_first`: false where the pod asks its node's name server.
pub fn lookup(sim: &Sim, namespace: &str, name: &str, cluster_first: bool) -> Name {
    if let Ok(ip) = name.parse::<Ipv4Addr>() {
        return Name::Addresses(name.to_owned(), vec![ip.into()]);
    }
    if !cluster_first {
        return Name::Unknown;
    }
    let absolute = name.ends_with('.') || name.matches('.').count() >= 5;
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let searches = [format!("{namespace}.svc.{DOMAIN}"), format!("svc.{DOMAIN}"), DOMAIN.to_owned()];
    if !absolute {
        for domain in searches {
            match record(sim, &format!("{name}.{domain}"), 0) {
                Name::Unknown => {}
                found => return found,
            }
        }
    }
    record(sim, &name, 0)
}

/// The record of a full name. An alias is followed.
pub fn record(sim: &Sim, name: &str, depth: u32) -> Name {
    let Some(rest) = name.strip_suffix(DOMAIN).and_then(|n| n.strip_suffix('.')) else { return Name::Unknown };
    let mut parts: Vec<&str> = rest.split('.').collect();
    match parts.pop() {
        Some("svc") => {}
        Some("pod") => return pod_record(name, &parts),
        _ => return Name::Unknown,
    }
    let (Some(namespace), Some(service)) = (parts.pop(), parts.pop()) else { return Name::Unknown };
    let key = Key::new(namespace, service);
    let Some(s) = sim.store.typed::<Service>(&key) else { return Name::Unknown };
    let spec = s.spec.clone().unwrap_or_default();
    if spec.type_.as_deref() == Some("ExternalName") {
        let alias = spec.external_name.unwrap_or_default();
        if !parts.is_empty() || depth > 8 {
            return Name::Unknown;
        }
        return match record(sim, alias.trim_end_matches('.'), depth + 1) {
            Name::Unknown => Name::Elsewhere(alias),
            found => found,
        };
    }
    if spec.cluster_ip.as_deref() != Some("None") {
        let ip = spec.cluster_ip.and_then(|ip| ip.parse::<Ipv4Addr>().ok());
        return match ip.filter(|_| parts.is_empty()) {
            Some(ip) => Name::Addresses(name.to_owned(), vec![ip.into()]),
            None => Name::Unknown,
        };
    }
    // a headless service: the addresses of its endpoints, each under its own name too
    let Some(version) = sim.network.tables.newest(&key) else { return Name::Unknown };
    let mut ips: Vec<u32> = match parts.as_slice() {
        [] => version.backends().filter(|b| b.ready).map(|b| b.ip).collect(),
        [host] => version.backends().filter(|b| b.ready && is_named(b, host)).map(|b| b.ip).collect(),
        _ => vec![],
    };
    ips.sort_unstable();
    ips.dedup();
    if ips.is_empty() { Name::Unknown } else { Name::Addresses(name.to_owned(), ips) }
}

fn is_named(b: &Backend, host: &str) -> bool {
    match &b.hostname {
        Some(h) => **h == *host,
        None => dashed(host) == Some(b.ip),
    }
}

/// `10-244-1-7`
fn dashed(host: &str) -> Option<u32> {
    host.replace('-', ".").parse::<Ipv4Addr>().ok().map(u32::from)
}

fn pod_record(name: &str, parts: &[&str]) -> Name {
    match parts {
        [host, _namespace] => dashed(host).map_or(Name::Unknown, |ip| Name::Addresses(name.to_owned(), vec![ip])),
        _ => Name::Unknown,
    }
}

/// The full name of a service.
pub fn full_name(key: &Key) -> Arc<str> {
    format!("{}.{}.svc.{DOMAIN}", key.name, key.namespace).into()
}
