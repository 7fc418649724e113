//! Names: what the cluster's DNS says. Pure. Models the DNS specification of Kubernetes as CoreDNS serves it.

use super::tables::Backend;
use crate::sim::Sim;
use crate::store::{Key, PodRecord};
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

/// How somebody looks names up: what stands in `resolv.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Name servers, as addresses.
    pub servers: Vec<String>,
    /// Domains that are tried one by one.
    pub searches: Vec<String>,
    /// Names with so many dots are looked up as they are first.
    pub ndots: usize,
    /// Further options, `name` or `name:value`.
    options: Vec<String>,
}

/// The name server of nodes.
const NODE_SERVER: &str = "192.168.1.1";

impl Resolver {
    /// As pods of a namespace do it usually.
    pub fn cluster(namespace: &str) -> Resolver {
        Resolver {
            servers: vec![Ipv4Addr::from(SERVER).to_string()],
            searches: vec![format!("{namespace}.svc.{DOMAIN}"), format!("svc.{DOMAIN}"), DOMAIN.to_owned()],
            ndots: 5,
            options: vec![],
        }
    }

    /// As a pod does it: by `dnsPolicy`, and by what `dnsConfig` adds. (Models pkg/kubelet/network/dns.)
    pub fn of(pod: &PodRecord) -> Resolver {
        let none = || Resolver { servers: vec![], searches: vec![], ndots: 1, options: vec![] };
        let Some(spec) = &pod.proto.pod.spec else { return Resolver::cluster(&pod.namespace) };
        let host = spec.host_network == Some(true);
        let mut r = match spec.dns_policy.as_deref() {
            Some("None") => none(),
            Some("ClusterFirstWithHostNet") => Resolver::cluster(&pod.namespace),
            Some("Default") => Resolver { servers: vec![NODE_SERVER.into()], ..none() },
            _ if host => Resolver { servers: vec![NODE_SERVER.into()], ..none() },
            _ => Resolver::cluster(&pod.namespace),
        };
        let Some(config) = &spec.dns_config else { return r };
        let add = |list: &mut Vec<String>, more: &Option<Vec<String>>| {
            for m in more.iter().flatten() {
                if !list.contains(m) {
                    list.push(m.clone());
                }
            }
        };
        add(&mut r.servers, &config.nameservers);
        add(&mut r.searches, &config.searches);
        for o in config.options.iter().flatten() {
            let name = o.name.as_deref().unwrap_or_default();
            match (name, o.value.as_deref()) {
                ("ndots", Some(n)) => r.ndots = n.parse().unwrap_or(r.ndots),
                (name, Some(v)) => r.options.push(format!("{name}:{v}")),
                (name, None) => r.options.push(name.to_owned()),
            }
        }
        r
    }

    /// Does it ask the cluster's name server?
    pub fn asks_cluster(&self) -> bool {
        let cluster = Ipv4Addr::from(SERVER).to_string();
        self.servers.iter().take(3).any(|s| *s == cluster)
    }

    /// The file `/etc/resolv.conf`.
    pub fn file(&self) -> String {
        let mut text = String::new();
        if !self.searches.is_empty() {
            text.push_str(&format!("search {}\n", self.searches.join(" ")));
        }
        for s in &self.servers {
            text.push_str(&format!("nameserver {s}\n"));
        }
        let mut options = self.options.clone();
        if self.ndots != 1 {
            options.insert(0, format!("ndots:{}", self.ndots));
        }
        if !options.is_empty() {
            text.push_str(&format!("options {}\n", options.join(" ")));
        }
        text
    }
}

/// The file `/etc/hosts` of a pod. (Models pkg/kubelet kubelet_pods.go.)
pub fn hosts(pod: &PodRecord, ip: u32, hostname: &str) -> String {
    let mut text = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost \
                    ip6-loopback\nfe00::\tip6-localnet\nfe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\n\
                    fe00::2\tip6-allrouters\n"
        .to_owned();
    let spec = pod.proto.pod.spec.as_ref();
    let own = Ipv4Addr::from(ip);
    match spec.and_then(|s| s.subdomain.as_deref()).filter(|s| !s.is_empty()) {
        Some(sub) => {
            let ns = &pod.namespace;
            text.push_str(&format!("{own}\t{hostname}.{sub}.{ns}.svc.{DOMAIN}\t{hostname}\n"));
        }
        None => text.push_str(&format!("{own}\t{hostname}\n")),
    }
    let aliases = spec.and_then(|s| s.host_aliases.as_ref());
    if let Some(list) = aliases.filter(|l| !l.is_empty()) {
        text.push_str("\n# Entries added by HostAliases.\n");
        for a in list {
            text.push_str(&format!(
                "{}\t{}\n",
                a.ip,
                a.hostnames.iter().flatten().cloned().collect::<Vec<_>>().join("\t")
            ));
        }
    }
    text
}

/// The address that a pod's `hostAliases` give a name.
pub fn alias(pod: &PodRecord, host: &str) -> Option<u32> {
    let aliases = pod.proto.pod.spec.as_ref()?.host_aliases.as_ref()?;
    let found = aliases.iter().find(|a| a.hostnames.iter().flatten().any(|h| h.eq_ignore_ascii_case(host)))?;
    found.ip.parse::<Ipv4Addr>().ok().map(u32::from)
}

/// Looks a name up: by the search domains first unless it has enough dots or ends in one.
pub fn lookup(sim: &Sim, by: &Resolver, name: &str) -> Name {
    search(by, name, |full| match record(sim, full, 0) {
        Name::Unknown => None,
        found => Some(found),
    })
    .unwrap_or(Name::Unknown)
}

fn search<R>(by: &Resolver, name: &str, ask: impl Fn(&str) -> Option<R>) -> Option<R> {
    if !by.asks_cluster() {
        return None;
    }
    let whole = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if name.ends_with('.') {
        return ask(&whole);
    }
    let in_domains = || by.searches.iter().find_map(|d| ask(&format!("{whole}.{d}")));
    if name.matches('.').count() >= by.ndots {
        return ask(&whole).or_else(in_domains);
    }
    in_domains().or_else(|| ask(&whole))
}

/// An SRV record: a port and the name that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// The port.
    pub port: u16,
    /// `web.default.svc.cluster.local`, or a name of an endpoint of a headless service.
    pub target: String,
}

/// What `_port._protocol.service` leads to, with the full name that has the records.
pub fn services(sim: &Sim, by: &Resolver, name: &str) -> Option<(String, Vec<Srv>)> {
    search(by, name, |full| {
        let list = srv_records(sim, full);
        (!list.is_empty()).then(|| (full.to_owned(), list))
    })
}

fn srv_records(sim: &Sim, name: &str) -> Vec<Srv> {
    let Some(rest) = name.strip_suffix(DOMAIN).and_then(|n| n.strip_suffix(".svc.")) else { return vec![] };
    let parts: Vec<&str> = rest.split('.').collect();
    let (port, protocol, service, namespace) = match parts[..] {
        [p, t, s, n] => match (p.strip_prefix('_'), t.strip_prefix('_')) {
            (Some(p), Some(t)) => (Some(p), Some(t), s, n),
            _ => return vec![],
        },
        [s, n] => (None, None, s, n),
        _ => return vec![],
    };
    let key = Key::new(namespace, service);
    let Some(spec) = sim.store.typed::<Service>(&key).and_then(|s| s.spec.clone()) else { return vec![] };
    let fits = |p: &&k8s_openapi::api::core::v1::ServicePort| {
        // only a named port has a record of its own
        let named = p.name.as_deref().is_some_and(|n| !n.is_empty());
        named
            && port.is_none_or(|n| p.name.as_deref() == Some(n))
            && protocol.is_none_or(|t| p.protocol.as_deref().unwrap_or("TCP").eq_ignore_ascii_case(t))
    };
    let own = full_name(&key);
    let ports = spec.ports.iter().flatten();
    if spec.cluster_ip.as_deref() != Some("None") {
        return ports.filter(fits).map(|p| Srv { port: p.port as u16, target: own.to_string() }).collect();
    }
    let Some(version) = sim.network.tables.newest(&key) else { return vec![] };
    let mut out = vec![];
    for (i, _) in ports.enumerate().filter(|(_, p)| fits(p)) {
        for t in version.pools().get(i).into_iter().flat_map(|p| &p.ready) {
            let b = version.backends().find(|b| b.ip == t.ip);
            let host = b.and_then(|b| b.hostname.as_deref()).map(str::to_owned);
            let host = host.unwrap_or_else(|| Ipv4Addr::from(t.ip).to_string().replace('.', "-"));
            out.push(Srv { port: t.port, target: format!("{host}.{own}") });
        }
    }
    out
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

/// The Service whose name a full name is, or belongs to.
pub fn service_of(name: &str) -> Option<Key> {
    let rest = name.strip_suffix(DOMAIN)?.strip_suffix(".svc.")?;
    let mut labels = rest.rsplit('.');
    let (namespace, service) = (labels.next()?, labels.next()?);
    Some(Key::new(namespace, service))
}

/// The full name of a service.
pub fn full_name(key: &Key) -> Arc<str> {
    format!("{}.{}.svc.{DOMAIN}", key.name, key.namespace).into()
}
