//! The Endpoints controller, and what both it and the EndpointSlice controller make of a pod.
//! Models pkg/controller/endpoint and staging/src/k8s.io/endpointslice.

use super::Action;
use crate::api::labels::Selector;
use crate::sim::Sim;
use crate::store::pod::Phase;
use crate::store::{Change, Key, Kind, Obj, PodRecord};
use k8s_openapi::api::core::v1::{
    Container, EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, PodSpec, Service, ServicePort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Label of the Endpoints that this controller writes.
pub const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// Its value.
pub const MANAGER: &str = "endpoint-controller";
/// Addresses that one Endpoints object holds at most.
pub const CAPACITY: usize = 1000;

/// Which services pick pods with these labels, by namespace and label set: asked once for all changes that are
/// delivered together.
pub type Picks = BTreeMap<(Arc<str>, u32), Vec<Key>>;

/// Keys (services) that a change makes due; shared with the EndpointSlice controller.
pub fn services_of(sim: &Sim, change: &Change, picks: &mut Picks, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::Service => add(change.obj().key()),
        Kind::Pod => {
            let pod = |o: &Option<Obj>| match o {
                Some(Obj::Pod(p)) => Some(p.clone()),
                _ => None,
            };
            let (old, new) = (pod(&change.old), pod(&change.new));
            if let (Some(o), Some(n)) = (&old, &new)
                && same_endpoint(o, n)
            {
                return;
            }
            let relabelled = match (&old, &new) {
                (Some(o), Some(n)) => o.proto.labels.id != n.proto.labels.id,
                _ => false,
            };
            for p in old.iter().filter(|_| new.is_none() || relabelled).chain(&new) {
                let services = picks.entry((p.namespace.clone(), p.proto.labels.id)).or_insert_with(|| {
                    let all = sim.store.list_typed::<Service>(Some(&p.namespace));
                    all.filter(|s| selector_of(s).is_some_and(|s| s.matches_by(|k| p.proto.labels.get(k))))
                        .map(|s| Key::of(&s.metadata))
                        .collect()
                });
                services.iter().cloned().for_each(&mut *add);
            }
        }
        _ => {}
    }
}

/// Would both states of a pod make the same endpoint?
fn same_endpoint(a: &PodRecord, b: &PodRecord) -> bool {
    a.proto.labels.id == b.proto.labels.id
        && a.node == b.node
        && a.deletion.is_some() == b.deletion.is_some()
        && a.status.ip == b.status.ip
        && a.status.is_ready() == b.status.is_ready()
        && a.status.phase.is_terminal() == b.status.phase.is_terminal()
}

/// The selector of a service; none: it has none, and nobody looks after its endpoints.
pub fn selector_of(s: &Service) -> Option<Selector> {
    let pairs = s.spec.as_ref()?.selector.as_ref().filter(|m| !m.is_empty())?;
    (s.spec.as_ref()?.type_.as_deref() != Some("ExternalName")).then(|| Selector::from_map(pairs))
}

/// Is a pod an endpoint at all? Terminating ones only if asked for.
pub fn should_contain(has_ip: bool, phase: Phase, deleted: bool, include_terminating: bool) -> bool {
    !phase.is_terminal() && has_ip && (include_terminating || !deleted)
}

/// The number that a service port leads to in a pod: containers first, then sidecars. None: the name is nowhere.
pub fn find_port(spec: &PodSpec, port: &ServicePort) -> Option<i32> {
    match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(n)) => Some(*n),
        Some(IntOrString::String(name)) => {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let sidecar = |c: &&Container| c.restart_policy.as_deref() == Some("Always");
            spec.containers
                .iter()
                .chain(spec.init_containers.iter().flatten().filter(sidecar))
                .flat_map(|c| c.ports.iter().flatten())
                .find(|p| p.name.as_deref() == Some(name) && p.protocol.as_deref().unwrap_or("TCP") == protocol)
                .map(|p| p.container_port)
        }
    }
}

/// The hostname of an endpoint: the pod's, if its subdomain is the service.
pub fn hostname(spec: &PodSpec, service: &ObjectMeta, pod_namespace: &str) -> Option<String> {
    let here = spec.subdomain.is_some()
        && spec.subdomain == service.name
        && service.namespace.as_deref() == Some(pod_namespace);
    spec.hostname.clone().filter(|h| here && !h.is_empty())
}

/// True for a service without a cluster address.
pub fn is_headless(s: &Service) -> bool {
    s.spec.as_ref().is_some_and(|s| s.cluster_ip.as_deref() == Some("None"))
}

/// The service's pods.
pub fn pods_of(sim: &Sim, s: &Service) -> Vec<Arc<PodRecord>> {
    let Some(selector) = selector_of(s) else { return vec![] };
    let ns = s.metadata.namespace.as_deref().unwrap_or_default();
    sim.store.select_pods(ns, &selector).into_iter().cloned().collect()
}

/// The reference to a pod in an endpoint.
pub fn reference(sim: &Sim, p: &PodRecord) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".into()),
        namespace: Some(p.namespace.to_string()),
        name: Some(p.name.to_string()),
        uid: Some(sim.store.ids.uid(p.id)),
        ..ObjectReference::default()
    }
}

/// One sync of a service.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let existing = sim.store.typed::<Endpoints>(key).cloned();
    let Some(s) = sim.store.typed::<Service>(key).cloned() else {
        if existing.is_some() {
            return match sim.delete_typed(Kind::Endpoints, key, &Default::default()) {
                Err(e) if e.code != 404 => Action::Retry,
                _ => Action::Done,
            };
        }
        return Action::Done;
    };
    if selector_of(&s).is_none() {
        return Action::Done;
    }
    let publish = s.spec.as_ref().and_then(|s| s.publish_not_ready_addresses) == Some(true);
    let pods = pods_of(sim, &s);
    let mut subsets = subsets(sim, &s, &pods, publish);
    let total: usize = subsets.iter().map(|s| s.addresses.as_ref().map_or(0, Vec::len)).sum();
    if total > CAPACITY {
        truncate(&mut subsets);
    }
    let mut labels = s.metadata.labels.clone().unwrap_or_default();
    labels.insert(MANAGED_BY.into(), MANAGER.into());
    if is_headless(&s) {
        labels.insert("service.kubernetes.io/headless".into(), String::new());
    }
    let subsets = (!subsets.is_empty()).then_some(subsets);
    let result = match existing {
        Some(old) => {
            if old.subsets == subsets && old.metadata.labels.as_ref() == Some(&labels) {
                return Action::Done;
            }
            let mut new = (*old).clone();
            new.subsets = subsets;
            new.metadata.labels = Some(labels);
            sim.update_typed(&new).map(|_| ())
        }
        None => {
            let metadata = ObjectMeta {
                name: s.metadata.name.clone(),
                namespace: s.metadata.namespace.clone(),
                labels: Some(labels),
                ..ObjectMeta::default()
            };
            sim.create_typed(&Endpoints { metadata, subsets }).map(|_| ())
        }
    };
    match result {
        Err(e) if !matches!(e.code, 403 | 404) => Action::Retry,
        _ => Action::Done,
    }
}

type PortSet = Vec<(Option<String>, i32, Option<String>, Option<String>)>;

/// Addresses grouped by the set of ports they serve.
fn subsets(sim: &Sim, s: &Service, pods: &[Arc<PodRecord>], publish: bool) -> Vec<EndpointSubset> {
    let mut groups: BTreeMap<PortSet, (Vec<EndpointAddress>, Vec<EndpointAddress>)> = BTreeMap::new();
    let ports = s.spec.as_ref().and_then(|s| s.ports.clone()).unwrap_or_default();
    for p in pods {
        if !should_contain(p.status.ip != 0, p.status.phase, p.deletion.is_some(), publish) {
            continue;
        }
        let Some(spec) = &p.proto.pod.spec else { continue };
        let mut set: PortSet = ports
            .iter()
            .filter_map(|port| {
                let n = find_port(spec, port)?;
                Some((port.name.clone(), n, port.protocol.clone(), port.app_protocol.clone()))
            })
            .collect();
        if set.is_empty() && !(is_headless(s) && ports.is_empty()) {
            continue;
        }
        set.sort();
        let address = EndpointAddress {
            ip: std::net::Ipv4Addr::from(p.status.ip).to_string(),
            node_name: p.node.as_ref().map(ToString::to_string),
            hostname: hostname(spec, &s.metadata, &p.namespace),
            target_ref: Some(reference(sim, p)),
        };
        let group = groups.entry(set).or_default();
        if publish || p.status.is_ready() { group.0.push(address) } else { group.1.push(address) }
    }
    groups
        .into_iter()
        .map(|(ports, (mut ready, mut unready))| {
            let by_ip = |a: &EndpointAddress| a.ip.parse::<std::net::Ipv4Addr>().ok();
            ready.sort_by_key(by_ip);
            unready.sort_by_key(by_ip);
            let ports: Vec<EndpointPort> = ports
                .into_iter()
                .map(|(name, port, protocol, app_protocol)| EndpointPort { name, port, protocol, app_protocol })
                .collect();
            EndpointSubset {
                addresses: (!ready.is_empty()).then_some(ready),
                not_ready_addresses: (!unready.is_empty()).then_some(unready),
                ports: (!ports.is_empty()).then_some(ports),
            }
        })
        .collect()
}

fn truncate(subsets: &mut Vec<EndpointSubset>) {
    let mut left = CAPACITY;
    for s in subsets.iter_mut() {
        if let Some(a) = &mut s.addresses {
            a.truncate(left);
            left -= a.len();
        }
        s.not_ready_addresses = None;
    }
    subsets.retain(|s| s.addresses.as_ref().is_some_and(|a| !a.is_empty()));
}
