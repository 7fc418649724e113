//! Which addresses and ports a Service gets, keeps and gives back. (Models pkg/registry/core/service/storage alloc.go and
//! the patch and drop rules of its strategy.)
//!
//! Nothing is held here: an [`Allocator`] says what is used, and the caller's store, once it holds the object, is the
//! record of what is allocated. On create, the API server calls [`prepare_create`] before its strategy; on update
//! [`prepare_update`].

use super::service::{is_headless, needs_health_check_port, validate_cluster_ips};
use super::util::{has, index, int, items, items_mut, object, remove, text};
use crate::api::error::FieldError;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// First address of the service range, 10.96.0.0/16.
pub const RANGE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 0);
/// How many bits of an address are fixed by the range.
pub const RANGE_BITS: u32 = 16;
/// Node ports: first and last.
pub const NODE_PORTS: (u32, u32) = (30000, 32767);
/// How many of the first node ports are left to explicit wishes.
const RESERVED_PORTS: u32 = 86;
/// How many of the first addresses are left to explicit wishes.
const RESERVED_ADDRESSES: u32 = 256;

/// What is used in the cluster, and chance.
pub trait Allocator {
    /// Does a service have this address?
    fn ip_used(&self, ip: Ipv4Addr) -> bool;
    /// Does a service have this node port (or health check port)? TCP and UDP share the numbers.
    fn port_used(&self, port: u32) -> bool;
    /// A number below `n`.
    fn draw(&mut self, n: u32) -> u32;
}

/// An [`Allocator`] over plain sets: addresses as numbers, ports.
#[derive(Debug)]
pub struct Used<'a, F> {
    /// Addresses in use.
    pub ips: &'a BTreeSet<u32>,
    /// Ports in use.
    pub ports: &'a BTreeSet<u32>,
    /// A number below its argument.
    pub draw: F,
}

impl<F: FnMut(u32) -> u32> Allocator for Used<'_, F> {
    fn ip_used(&self, ip: Ipv4Addr) -> bool {
        self.ips.contains(&u32::from(ip))
    }
    fn port_used(&self, port: u32) -> bool {
        self.ports.contains(&port)
    }
    fn draw(&mut self, n: u32) -> u32 {
        (self.draw)(n)
    }
}

/// The address a service holds, if any.
pub fn held_ip(service: &Value) -> Option<Ipv4Addr> {
    items(&service["spec"], "clusterIPs").first()?.as_str()?.parse().ok()
}

/// The node ports a service holds, its health check port among them.
pub fn held_ports(service: &Value) -> BTreeSet<u32> {
    let spec = &service["spec"];
    items(spec, "ports")
        .iter()
        .map(|p| int(p, "nodePort"))
        .chain([int(spec, "healthCheckNodePort")])
        .filter_map(|n| u32::try_from(n).ok())
        .filter(|n| *n != 0)
        .collect()
}

/// Gives a new service its address and ports. The service must be defaulted.
pub fn prepare_create(service: &mut Value, cluster: &mut impl Allocator) -> Result<(), Vec<FieldError>> {
    normalize_cluster_ips(service, None);
    allocate(service, None, cluster)
}

/// Carries over, gives and takes address and ports of a changed service. Both must be defaulted; `old` is what is stored,
/// and what it holds counts as used in `cluster`.
pub fn prepare_update(service: &mut Value, old: &Value, cluster: &mut impl Allocator) -> Result<(), Vec<FieldError>> {
    normalize_cluster_ips(service, Some(old));
    patch_allocated_values(service, old);
    drop_type_dependent_fields(service, old);
    allocate(service, Some(old), cluster)
}

/// Types that have a cluster address.
fn has_cluster_ip(kind: &str) -> bool {
    ["ClusterIP", "NodePort", "LoadBalancer"].contains(&kind)
}

/// Types that may have node ports.
fn typed_with_ports(spec: &Value) -> bool {
    ["NodePort", "LoadBalancer"].contains(&text(spec, "type"))
}

/// Types that are given node ports, unless they say no.
fn has_node_ports(spec: &Value) -> bool {
    match text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => spec["allocateLoadBalancerNodePorts"].as_bool() != Some(false),
        _ => false,
    }
}

/// Keeps `clusterIP` and `clusterIPs` in step: clients may speak of either.
fn normalize_cluster_ips(service: &mut Value, old: Option<&Value>) {
    let Some(spec) = object(service, "spec") else { return };
    let one = text(spec, "clusterIP").to_owned();
    let list = spec["clusterIPs"].as_array().cloned().unwrap_or_default();
    let Some(old) = old else {
        if !one.is_empty() && list.is_empty() {
            spec["clusterIPs"] = json!([one]);
        }
        return;
    };
    let old = &old["spec"];
    let was = text(old, "clusterIP");
    let old_list = items(old, "clusterIPs");
    let list_changed = list.as_slice() != old_list;
    if one == was {
        return;
    }
    if one.is_empty() && !was.is_empty() {
        // The single one was cleared: so is the list, if it was not touched.
        if !list_changed {
            remove(spec, "clusterIPs");
        }
    } else if was.is_empty() {
        if list.is_empty() {
            spec["clusterIPs"] = json!([one]);
        }
    } else if !list_changed {
        spec["clusterIPs"] = json!([one]);
    }
}

/// What a client leaves out of an update is what the service has. (Models patchAllocatedValues.)
fn patch_allocated_values(service: &mut Value, old: &Value) {
    let Some(spec) = object(service, "spec") else { return };
    let before = &old["spec"];
    if has_cluster_ip(text(before, "type")) && has_cluster_ip(text(spec, "type")) {
        if text(spec, "clusterIP").is_empty() && !text(before, "clusterIP").is_empty() {
            spec["clusterIP"] = before["clusterIP"].clone();
        }
        if items(spec, "clusterIPs").is_empty() && spec["clusterIP"] == before["clusterIP"] && has(before, "clusterIPs")
        {
            spec["clusterIPs"] = before["clusterIPs"].clone();
        }
    }
    if typed_with_ports(before) && typed_with_ports(spec) {
        // Ports keep their node ports by name, unless the number is now claimed by another.
        let claimed: BTreeSet<i64> = items(spec, "ports").iter().map(|p| int(p, "nodePort")).collect();
        let held: BTreeMap<&str, i64> =
            items(before, "ports").iter().map(|p| (text(p, "name"), int(p, "nodePort"))).collect();
        for p in items_mut(spec, "ports") {
            let kept = held.get(text(p, "name")).copied().unwrap_or_default();
            if int(p, "nodePort") == 0 && kept != 0 && !claimed.contains(&kept) {
                p["nodePort"] = kept.into();
            }
        }
    }
    if needs_health_check_port(before)
        && needs_health_check_port(spec)
        && int(spec, "healthCheckNodePort") == 0
        && int(before, "healthCheckNodePort") != 0
    {
        spec["healthCheckNodePort"] = before["healthCheckNodePort"].clone();
    }
    if text(before, "type") == "LoadBalancer"
        && text(spec, "type") == "LoadBalancer"
        && !has(spec, "loadBalancerClass")
        && has(before, "loadBalancerClass")
    {
        spec["loadBalancerClass"] = before["loadBalancerClass"].clone();
    }
}

/// What belongs to the old type and was not touched goes with it, so that a change of type alone is valid.
/// (Models dropTypeDependentFields.)
pub fn drop_type_dependent_fields(service: &mut Value, old: &Value) {
    let before = &old["spec"];
    let Some(spec) = object(service, "spec") else { return };
    let same = |spec: &Value, key: &str| spec[key] == before[key];
    let kind = text(spec, "type").to_owned();
    let was = text(before, "type");
    if has_cluster_ip(was) && !has_cluster_ip(&kind) && same(spec, "clusterIP") && same(spec, "clusterIPs") {
        remove(spec, "clusterIP");
        remove(spec, "clusterIPs");
    }
    if has_cluster_ip(was) && !has_cluster_ip(&kind) {
        for key in ["ipFamilies", "ipFamilyPolicy"] {
            if same(spec, key) {
                remove(spec, key);
            }
        }
        // Not allocated, but only of use with an address.
        if kind == "ExternalName" && same(spec, "internalTrafficPolicy") {
            remove(spec, "internalTrafficPolicy");
        }
    }
    if typed_with_ports(before) && !typed_with_ports(spec) {
        let numbers = |v: &Value| items(v, "ports").iter().map(|p| int(p, "nodePort")).collect::<BTreeSet<_>>();
        if numbers(spec) == numbers(before) {
            for p in items_mut(spec, "ports") {
                remove(p, "nodePort");
            }
        }
    }
    if needs_health_check_port(before) && !needs_health_check_port(spec) && same(spec, "healthCheckNodePort") {
        remove(spec, "healthCheckNodePort");
    }
    if was == "LoadBalancer" && kind != "LoadBalancer" {
        for key in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
            if same(spec, key) {
                remove(spec, key);
            }
        }
    }
    if super::service::externally_accessible(before)
        && !super::service::externally_accessible(spec)
        && same(spec, "externalTrafficPolicy")
    {
        remove(spec, "externalTrafficPolicy");
    }
    if kind != "LoadBalancer"
        && let Some(status) = service.get_mut("status").filter(|s| !s.is_null())
    {
        status["loadBalancer"] = json!({});
    }
}

fn allocate(service: &mut Value, old: Option<&Value>, cluster: &mut impl Allocator) -> Result<(), Vec<FieldError>> {
    families(service)?;
    let mut taken = BTreeSet::new();
    allocate_ip(service, old, cluster)?;
    allocate_node_ports(service, old, cluster, &mut taken)?;
    allocate_health_check_port(service, old, cluster, &taken)
}

/// The cluster has one family, IPv4.
fn families(service: &mut Value) -> Result<(), Vec<FieldError>> {
    let Some(spec) = object(service, "spec") else { return Ok(()) };
    if !has_cluster_ip(text(spec, "type")) {
        return Ok(());
    }
    let wrong = validate_cluster_ips(spec);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    if is_headless(spec) && spec["selector"].as_object().is_none_or(serde_json::Map::is_empty) {
        // Whoever writes the slices by hand decides on the families: both are allowed.
        let explicit = text(spec, "ipFamilyPolicy").to_owned();
        if explicit.is_empty() {
            spec["ipFamilyPolicy"] = "RequireDualStack".into();
        }
        let mut list = items(spec, "ipFamilies").to_vec();
        if list.is_empty() {
            list.push("IPv4".into());
        }
        if explicit != "SingleStack" && list.len() == 1 {
            list.push(if list[0] == "IPv4" { "IPv6".into() } else { "IPv4".into() });
        }
        spec["ipFamilies"] = list.into();
        return Ok(());
    }
    let mut errors = vec![];
    if text(spec, "ipFamilyPolicy") == "RequireDualStack" {
        errors.push(FieldError::invalid(
            "spec.ipFamilyPolicy",
            "RequireDualStack",
            "this cluster is not configured for dual-stack services",
        ));
    }
    for (i, f) in items(spec, "ipFamilies").iter().enumerate() {
        if f != "IPv4" {
            errors.push(FieldError::invalid(index("spec.ipFamilies", i), f.clone(), "not configured on this cluster"));
        }
    }
    for (i, ip) in items(spec, "clusterIPs").iter().enumerate() {
        if ip.as_str().is_some_and(|ip| ip.contains(':')) {
            errors.push(FieldError::invalid(
                index("spec.clusterIPs", i),
                items(spec, "clusterIPs").to_vec(),
                "IPv6 is not configured on this cluster",
            ));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if text(spec, "ipFamilyPolicy").is_empty() {
        spec["ipFamilyPolicy"] = "SingleStack".into();
    }
    if items(spec, "ipFamilies").is_empty() {
        spec["ipFamilies"] = json!(["IPv4"]);
    }
    Ok(())
}

fn in_range(ip: Ipv4Addr) -> bool {
    u32::from(ip) >> (32 - RANGE_BITS) == u32::from(RANGE) >> (32 - RANGE_BITS)
}

fn allocate_ip(service: &mut Value, old: Option<&Value>, cluster: &mut impl Allocator) -> Result<(), Vec<FieldError>> {
    let Some(spec) = object(service, "spec") else { return Ok(()) };
    if !has_cluster_ip(text(spec, "type")) || is_headless(spec) {
        return Ok(());
    }
    let held = old.filter(|o| has_cluster_ip(text(&o["spec"], "type"))).and_then(held_ip);
    let wanted = items(spec, "clusterIPs").first().and_then(Value::as_str).map(str::to_owned);
    if let Some(wanted) = wanted {
        let Ok(ip) = wanted.parse::<Ipv4Addr>() else { return Ok(()) };
        // A service that had an address keeps it; a wish for another is refused by validation.
        let had_one = old.is_some_and(|o| !text(&o["spec"], "clusterIP").is_empty());
        if held == Some(ip) || had_one {
            return Ok(());
        }
        let why = if !in_range(ip) || is_edge(ip) {
            "the provided network does not match the current range"
        } else if cluster.ip_used(ip) {
            "provided IP is already allocated"
        } else {
            return Ok(());
        };
        return Err(vec![FieldError::invalid(
            "spec.clusterIPs",
            items(spec, "clusterIPs").to_vec(),
            format!("failed to allocate IP {ip}: {why}"),
        )]);
    }
    let Some(ip) = free_ip(cluster) else {
        return Err(vec![FieldError::invalid(
            "spec.clusterIPs",
            Value::Array(vec![]),
            "failed to allocate a serviceIP: range is full",
        )]);
    };
    spec["clusterIP"] = ip.to_string().into();
    spec["clusterIPs"] = json!([ip.to_string()]);
    Ok(())
}

/// Network and broadcast address of the range.
fn is_edge(ip: Ipv4Addr) -> bool {
    let host = u32::from(ip) & (u32::MAX >> RANGE_BITS);
    host == 0 || host == u32::MAX >> RANGE_BITS
}

/// A free address: any of the upper band first, then of the lower, so that explicit wishes rarely collide.
fn free_ip(cluster: &mut impl Allocator) -> Option<Ipv4Addr> {
    let base = u32::from(RANGE);
    let last = u32::MAX >> RANGE_BITS;
    for (from, to) in [(RESERVED_ADDRESSES + 1, last), (1, RESERVED_ADDRESSES + 1)] {
        let size = to - from;
        let start = cluster.draw(size);
        let free = (0..size).map(|i| Ipv4Addr::from(base + from + (start + i) % size)).find(|ip| !cluster.ip_used(*ip));
        if free.is_some() {
            return free;
        }
    }
    None
}

fn port_error(path: String, port: i64, why: &str) -> Vec<FieldError> {
    vec![FieldError::invalid(path, port, why)]
}

/// May this port be had? `held` are the service's own.
fn claim(
    port: i64,
    path: &str,
    held: &BTreeSet<u32>,
    cluster: &impl Allocator,
    taken: &BTreeSet<u32>,
) -> Result<u32, Vec<FieldError>> {
    let (low, high) = NODE_PORTS;
    let number = u32::try_from(port).ok().filter(|n| (low..=high).contains(n));
    let Some(number) = number else {
        let why = format!("provided port is not in the valid range. The range of valid ports is {low}-{high}");
        return Err(port_error(path.into(), port, &why));
    };
    if taken.contains(&number) || (cluster.port_used(number) && !held.contains(&number)) {
        return Err(port_error(path.into(), port, "provided port is already allocated"));
    }
    Ok(number)
}

/// A free port: of the upper band first, then of those left to explicit wishes.
fn free_port(cluster: &mut impl Allocator, taken: &BTreeSet<u32>) -> Option<u32> {
    let (low, high) = NODE_PORTS;
    for (from, to) in [(low + RESERVED_PORTS, high + 1), (low, low + RESERVED_PORTS)] {
        let size = to - from;
        let start = cluster.draw(size);
        let free = (0..size).map(|i| from + (start + i) % size).find(|p| !cluster.port_used(*p) && !taken.contains(p));
        if free.is_some() {
            return free;
        }
    }
    None
}

fn allocate_node_ports(
    service: &mut Value,
    old: Option<&Value>,
    cluster: &mut impl Allocator,
    taken: &mut BTreeSet<u32>,
) -> Result<(), Vec<FieldError>> {
    let held = old.map(held_ports).unwrap_or_default();
    let Some(spec) = object(service, "spec") else { return Ok(()) };
    let dynamic = has_node_ports(spec);
    let explicit = text(spec, "type") == "LoadBalancer";
    if !dynamic && !explicit {
        return Ok(());
    }
    // TCP and UDP on the same service port share one node port.
    let mut by_port: BTreeMap<i64, (u32, BTreeSet<String>)> = BTreeMap::new();
    for (i, p) in items(spec, "ports").iter().enumerate() {
        let wanted = int(p, "nodePort");
        if wanted == 0 {
            continue;
        }
        let protocol = text(p, "protocol").to_owned();
        let shares = by_port.values().any(|(n, protocols)| i64::from(*n) == wanted && !protocols.contains(&protocol));
        let number = if shares {
            u32::try_from(wanted).unwrap_or_default()
        } else if taken.contains(&u32::try_from(wanted).unwrap_or_default()) {
            // The same number twice for one protocol is refused by validation, in its words.
            continue;
        } else {
            claim(wanted, &format!("spec.ports[{i}].nodePort"), &held, cluster, taken)?
        };
        taken.insert(number);
        by_port.entry(int(p, "port")).or_insert((number, BTreeSet::new())).1.insert(protocol);
    }
    if !dynamic {
        return Ok(());
    }
    for p in items_mut(spec, "ports") {
        if int(p, "nodePort") != 0 {
            continue;
        }
        let protocol = text(p, "protocol").to_owned();
        let port = int(p, "port");
        let shared = by_port.get(&port).filter(|(_, protocols)| !protocols.contains(&protocol)).map(|(n, _)| *n);
        let number = match shared {
            Some(n) => n,
            None => free_port(cluster, taken)
                .ok_or_else(|| port_error("spec.ports".into(), port, "failed to allocate a nodePort: range is full"))?,
        };
        taken.insert(number);
        by_port.entry(port).or_insert((number, BTreeSet::new())).1.insert(protocol);
        p["nodePort"] = number.into();
    }
    Ok(())
}

fn allocate_health_check_port(
    service: &mut Value,
    old: Option<&Value>,
    cluster: &mut impl Allocator,
    taken: &BTreeSet<u32>,
) -> Result<(), Vec<FieldError>> {
    let held = old.map(held_ports).unwrap_or_default();
    let had = old.is_some_and(|o| needs_health_check_port(&o["spec"]));
    let Some(spec) = object(service, "spec") else { return Ok(()) };
    if !needs_health_check_port(spec) {
        return Ok(());
    }
    let wanted = int(spec, "healthCheckNodePort");
    if wanted != 0 {
        if !had {
            claim(wanted, "spec.healthCheckNodePort", &held, cluster, taken)?;
        }
        return Ok(());
    }
    let port = free_port(cluster, taken).ok_or_else(|| {
        port_error("spec.healthCheckNodePort".into(), 0, "failed to allocate a HealthCheck NodePort: range is full")
    })?;
    spec["healthCheckNodePort"] = port.into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::registry::strategy;

    /// Creates a service where these addresses and ports are used and chance always says 0.
    fn create(spec: Value, ips: &[&str], ports: &[u32]) -> Result<Value, String> {
        let ips = ips.iter().map(|ip| u32::from(ip.parse::<Ipv4Addr>().unwrap())).collect();
        let ports = ports.iter().copied().collect();
        let mut service = json!({"metadata": {"name": "s", "namespace": "default"}, "spec": spec});
        (strategy("Service").unwrap().default)(&mut service);
        let mut used = Used { ips: &ips, ports: &ports, draw: |_| 0 };
        prepare_create(&mut service, &mut used).map(|()| service).map_err(|e| e[0].to_string())
    }

    fn change(old: &Value, patch: Value) -> Value {
        let mut new = old.clone();
        json_patch::merge(&mut new, &patch);
        (strategy("Service").unwrap().default)(&mut new);
        let (ips, ports) = (held_ip(old).map(u32::from).into_iter().collect(), held_ports(old));
        prepare_update(&mut new, old, &mut Used { ips: &ips, ports: &ports, draw: |_| 0 }).unwrap();
        new
    }

    #[test]
    fn addresses_and_ports_come_from_the_upper_bands_first() {
        let s = create(json!({"type": "NodePort", "ports": [{"port": 80}]}), &["10.96.1.1"], &[30086]).unwrap();
        assert_eq!(s["spec"]["clusterIP"], "10.96.1.2");
        assert_eq!(s["spec"]["ports"][0]["nodePort"], 30087);
    }

    #[test]
    fn protocols_of_one_port_share_a_node_port() {
        let ports =
            json!([{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}, {"name": "x", "port": 54}]);
        let s = create(json!({"type": "NodePort", "ports": ports}), &[], &[]).unwrap();
        let numbers: Vec<i64> = items(&s["spec"], "ports").iter().map(|p| int(p, "nodePort")).collect();
        assert_eq!(numbers, [30086, 30086, 30087]);
    }

    #[test]
    fn wishes_are_refused_with_a_reason() {
        let refused = |spec: Value| create(spec, &["10.96.0.1"], &[30080]).unwrap_err();
        let outside = json!({"clusterIP": "10.97.0.1", "ports": [{"port": 80}]});
        assert!(refused(outside).ends_with("the provided network does not match the current range"));
        let taken = json!({"clusterIP": "10.96.0.1", "ports": [{"port": 80}]});
        assert!(refused(taken).ends_with("provided IP is already allocated"));
        let taken = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]});
        assert!(refused(taken).ends_with("provided port is already allocated"));
        let low = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]});
        assert!(refused(low).ends_with("The range of valid ports is 30000-32767"));
    }

    #[test]
    fn what_belongs_to_a_type_goes_with_it() {
        let s = create(json!({"type": "NodePort", "ports": [{"port": 80}]}), &[], &[]).unwrap();
        let plain = change(&s, json!({"spec": {"type": "ClusterIP"}}));
        assert_eq!(plain["spec"]["clusterIP"], s["spec"]["clusterIP"]);
        assert!(plain["spec"]["ports"][0].get("nodePort").is_none());
        assert!(plain["spec"].get("externalTrafficPolicy").is_none());
        let named = change(&plain, json!({"spec": {"type": "ExternalName", "externalName": "db.example.com"}}));
        assert!(
            ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"].iter().all(|k| named["spec"].get(k).is_none())
        );
        let back = change(&named, json!({"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}}));
        assert_eq!(back["spec"]["ports"][0]["nodePort"], 30086);
        assert_eq!(back["spec"]["healthCheckNodePort"], 30087);
    }

    #[test]
    fn what_an_update_leaves_out_is_kept() {
        let s = create(json!({"type": "NodePort", "ports": [{"name": "a", "port": 80}]}), &[], &[]).unwrap();
        let put = json!({"spec": {"clusterIP": null, "clusterIPs": null, "ports": [{"name": "a", "port": 81}]}});
        let kept = change(&s, put);
        assert_eq!(kept["spec"]["clusterIP"], s["spec"]["clusterIP"]);
        assert_eq!(kept["spec"]["ports"][0]["nodePort"], s["spec"]["ports"][0]["nodePort"]);
    }
}
