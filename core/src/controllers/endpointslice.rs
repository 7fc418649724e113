//! The EndpointSlice controller and the mirroring of hand-written Endpoints.
//! Models staging/src/k8s.io/endpointslice and pkg/controller/endpointslicemirroring.

use super::{Action, claim, endpoints};
use crate::api::error::Status;
use crate::network::topology;
use crate::sim::Sim;
use crate::store::{Change, Key, Kind, PodRecord};
use k8s_openapi::api::core::v1::{Endpoints, Node, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Endpoints in one slice at most.
pub const MAX_PER_SLICE: usize = 100;
/// Label that ties a slice to its service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label that says who looks after a slice.
pub const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const MIRROR: &str = "endpointslicemirroring-controller.k8s.io";

/// Keys (services) that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, picks: &mut endpoints::Picks, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::EndpointSlice => {
            // a slice that somebody else changed or deleted is put right; one of our own making needs no sync
            let o = change.obj();
            if change.new.is_none()
                && let Some(name) = o.label(SERVICE_NAME)
            {
                add(Key::new(o.key().namespace, name));
            }
        }
        Kind::Endpoints => add(change.obj().key()),
        Kind::Node => {}
        _ => endpoints::services_of(sim, change, picks, add),
    }
}

/// One sync of a service.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    let done = mirror(sim, key).and_then(|()| slices(sim, key));
    match done {
        Err(e) if !matches!(e.code, 403 | 404) => Action::Retry,
        _ => Action::Done,
    }
}

type Ports = Vec<EndpointPort>;
type Wanted = Vec<(Ports, Vec<Endpoint>)>;

fn slices(sim: &mut Sim, key: &Key) -> Result<(), Status> {
    let existing = slices_of(sim, key, MANAGER);
    let service = sim.store.typed::<Service>(key).cloned();
    let Some(s) = service.filter(|s| endpoints::selector_of(s).is_some() && s.metadata.deletion_timestamp.is_none())
    else {
        // a service that is gone takes its slices along by owner reference; one that lost its selector or became an
        // ExternalName keeps them as they are
        return Ok(());
    };
    let mut groups: Wanted = vec![];
    let pods = endpoints::pods_of(sim, &s);
    for p in &pods {
        if !endpoints::should_contain(p.status.ip != 0, p.status.phase, p.deletion.is_some(), true) {
            continue;
        }
        let node = p.node.as_ref().and_then(|n| sim.store.typed::<Node>(&Key::new("", n.clone()))).cloned();
        if p.node.is_some() && node.is_none() {
            continue;
        }
        let ports = ports_of(&s, p);
        let endpoint = endpoint(sim, p, node.as_deref(), &s);
        match groups.iter_mut().find(|g| g.0 == ports) {
            Some(g) => g.1.push(endpoint),
            None => groups.push((ports, vec![endpoint])),
        }
    }
    if groups.is_empty() {
        // a service without pods still has one empty slice
        groups.push((vec![], vec![]));
    }
    let mut labels = s.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.into(), key.name.to_string());
    labels.insert(MANAGED_BY.into(), MANAGER.into());
    if endpoints::is_headless(&s) {
        labels.insert("service.kubernetes.io/headless".into(), String::new());
    } else {
        labels.remove("service.kubernetes.io/headless");
    }
    let owner = claim::owner_reference("v1", "Service", &s.metadata);
    reconcile(sim, key, existing, groups, &labels, &owner)
}

/// The endpoint that a pod is (Models podToEndpoint).
pub fn endpoint(sim: &Sim, p: &PodRecord, node: Option<&Node>, s: &Service) -> Endpoint {
    let publish = s.spec.as_ref().and_then(|s| s.publish_not_ready_addresses) == Some(true);
    let (serving, terminating) = (p.status.is_ready(), p.deletion.is_some());
    let label = |k: &str| node.and_then(|n| n.metadata.labels.as_ref()?.get(k).cloned());
    let mut endpoint = Endpoint {
        addresses: vec![std::net::Ipv4Addr::from(p.status.ip).to_string()],
        conditions: Some(EndpointConditions {
            ready: Some(publish || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: p.node.as_ref().map(ToString::to_string),
        zone: label("topology.kubernetes.io/zone"),
        hostname: p.proto.pod.spec.as_ref().and_then(|spec| endpoints::hostname(spec, &s.metadata, &p.namespace)),
        target_ref: Some(endpoints::reference(sim, p)),
        ..Endpoint::default()
    };
    let distribution = s.spec.as_ref().and_then(|s| s.traffic_distribution.as_deref());
    endpoint.hints = topology::hints_for(distribution, &endpoint);
    endpoint
}

fn ports_of(s: &Service, p: &PodRecord) -> Ports {
    let Some(spec) = &p.proto.pod.spec else { return vec![] };
    let ports = s.spec.as_ref().and_then(|s| s.ports.as_ref());
    ports
        .into_iter()
        .flatten()
        .filter_map(|port| {
            Some(EndpointPort {
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(endpoints::find_port(spec, port)?),
                protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".into())),
                app_protocol: port.app_protocol.clone(),
            })
        })
        .collect()
}

fn slices_of(sim: &Sim, service: &Key, manager: &str) -> Vec<Arc<EndpointSlice>> {
    let label = |m: &ObjectMeta, k: &str| m.labels.as_ref().and_then(|l| l.get(k).cloned());
    let mut out: Vec<Arc<EndpointSlice>> = sim
        .store
        .list_typed::<EndpointSlice>(Some(&service.namespace))
        .filter(|s| {
            label(&s.metadata, SERVICE_NAME).as_deref() == Some(&*service.name)
                && label(&s.metadata, MANAGED_BY).as_deref() == Some(manager)
                && s.metadata.deletion_timestamp.is_none()
        })
        .cloned()
        .collect();
    out.sort_by(|a, b| {
        a.metadata.creation_timestamp.as_ref().map(|t| t.0).cmp(&b.metadata.creation_timestamp.as_ref().map(|t| t.0))
    });
    out
}

/// Brings the slices of one service to what is wanted with few writes: endpoints that stay keep their slice, new ones
/// fill the slices that are written anyway, then others, then new slices; empty ones go.
fn reconcile(
    sim: &mut Sim,
    key: &Key,
    existing: Vec<Arc<EndpointSlice>>,
    wanted: Wanted,
    labels: &BTreeMap<String, String>,
    owner: &OwnerReference,
) -> Result<(), Status> {
    let mut spare: Vec<Arc<EndpointSlice>> = vec![];
    let mut of_group: Vec<Vec<Arc<EndpointSlice>>> = vec![vec![]; wanted.len()];
    for slice in existing {
        match wanted.iter().position(|g| g.0 == slice.ports.clone().unwrap_or_default()) {
            Some(i) => of_group[i].push(slice),
            None => spare.push(slice),
        }
    }
    let identity = |e: &Endpoint| {
        e.target_ref
            .as_ref()
            .and_then(|t| t.uid.clone())
            .unwrap_or_else(|| e.addresses.first().cloned().unwrap_or_default())
    };
    for ((ports, endpoints), mut slices) in wanted.into_iter().zip(of_group) {
        let mut left: BTreeMap<String, Endpoint> = BTreeMap::new();
        let mut order: Vec<String> = vec![];
        for e in endpoints {
            let id = identity(&e);
            order.push(id.clone());
            left.insert(id, e);
        }
        if slices.is_empty()
            && let Some(s) = spare.pop()
        {
            slices.push(s);
        }
        let none_wanted = left.is_empty();
        let mut contents: Vec<(Option<Arc<EndpointSlice>>, Vec<Endpoint>)> = vec![];
        for s in slices {
            let mine = s.endpoints.clone().unwrap_or_default();
            let kept = mine.iter().filter_map(|e| left.remove(&identity(e))).collect();
            contents.push((Some(s), kept));
        }
        let mut fresh: Vec<Endpoint> = order.iter().filter_map(|id| left.remove(id)).collect();
        let sizes: Vec<usize> = contents.iter().map(|c| c.1.len()).collect();
        for (i, n) in distribute(&sizes, fresh.len(), MAX_PER_SLICE).into_iter().enumerate() {
            let part = fresh.drain(..n);
            match contents.get_mut(i) {
                Some(c) => c.1.extend(part),
                None => {
                    let part = part.collect();
                    contents.push((None, part));
                }
            }
        }
        if contents.is_empty() {
            contents.push((None, vec![]));
        }
        let mut keep_empty = none_wanted;
        for (slice, endpoints) in contents {
            let drop = endpoints.is_empty() && !std::mem::take(&mut keep_empty);
            match slice {
                Some(s) if drop => {
                    sim.delete_typed(Kind::EndpointSlice, &Key::of(&s.metadata), &Default::default())?;
                }
                Some(s) => {
                    let same = s.endpoints.clone().unwrap_or_default() == endpoints
                        && s.ports.clone().unwrap_or_default() == ports
                        && s.metadata.labels.as_ref() == Some(labels);
                    if !same {
                        let mut new = (*s).clone();
                        new.endpoints = Some(endpoints);
                        new.ports = Some(ports.clone());
                        new.metadata.labels = Some(labels.clone());
                        if labels.get(MANAGED_BY).is_some_and(|m| m == MIRROR) {
                            // The mirroring controller writes a new slice over the old one's name.
                            new.metadata.generate_name = None;
                        }
                        sim.update_typed(&new)?;
                    }
                }
                None if drop => {}
                None => {
                    let metadata = ObjectMeta {
                        generate_name: Some(format!("{}-", key.name)),
                        namespace: Some(key.namespace.to_string()),
                        labels: Some(labels.clone()),
                        owner_references: Some(vec![owner.clone()]),
                        ..ObjectMeta::default()
                    };
                    sim.create_typed(&EndpointSlice {
                        metadata,
                        address_type: "IPv4".into(),
                        endpoints: Some(endpoints),
                        ports: Some(ports.clone()),
                    })?;
                }
            }
        }
    }
    for s in spare {
        sim.delete_typed(Kind::EndpointSlice, &Key::of(&s.metadata), &Default::default())?;
    }
    Ok(())
}

/// How many of `fresh` endpoints go to each of the slices of these sizes (the fullest that has room first) and then to
/// new slices of at most `max`.
pub fn distribute(sizes: &[usize], mut fresh: usize, max: usize) -> Vec<usize> {
    let mut out = vec![0; sizes.len()];
    let mut by_size: Vec<usize> = (0..sizes.len()).collect();
    by_size.sort_by_key(|i| std::cmp::Reverse(sizes[*i]));
    for i in by_size {
        out[i] = max.saturating_sub(sizes[i]).min(fresh);
        fresh -= out[i];
    }
    while fresh > 0 {
        out.push(max.min(fresh));
        fresh -= max.min(fresh);
    }
    out
}

/// Endpoints that a person wrote, of a service without a selector, as slices.
fn mirror(sim: &mut Sim, key: &Key) -> Result<(), Status> {
    let existing = slices_of(sim, key, MIRROR);
    let source = sim.store.typed::<Endpoints>(key).cloned();
    let service = sim.store.typed::<Service>(key).cloned();
    let wanted = source.filter(|e| {
        let label = |k: &str| e.metadata.labels.as_ref().and_then(|l| l.get(k).cloned());
        label("endpointslice.kubernetes.io/skip-mirror").as_deref() != Some("true")
            && label(endpoints::MANAGED_BY).is_none()
            && service
                .as_ref()
                .is_some_and(|s| s.spec.as_ref().is_some_and(|s| s.selector.as_ref().is_none_or(BTreeMap::is_empty)))
    });
    let Some(e) = wanted else {
        for s in existing {
            sim.delete_typed(Kind::EndpointSlice, &Key::of(&s.metadata), &Default::default())?;
        }
        return Ok(());
    };
    let mut groups: Wanted = vec![];
    for subset in e.subsets.iter().flatten() {
        let ports: Ports = subset
            .ports
            .iter()
            .flatten()
            .map(|p| EndpointPort {
                name: Some(p.name.clone().unwrap_or_default()),
                port: Some(p.port),
                protocol: Some(p.protocol.clone().unwrap_or_else(|| "TCP".into())),
                app_protocol: p.app_protocol.clone(),
            })
            .collect();
        let one = |a: &k8s_openapi::api::core::v1::EndpointAddress, ready: bool| Endpoint {
            addresses: vec![a.ip.clone()],
            conditions: Some(EndpointConditions { ready: Some(ready), ..EndpointConditions::default() }),
            hostname: a.hostname.clone(),
            node_name: a.node_name.clone(),
            target_ref: a.target_ref.clone(),
            ..Endpoint::default()
        };
        let ready = subset.addresses.iter().flatten().map(|a| one(a, true));
        let all: Vec<Endpoint> =
            ready.chain(subset.not_ready_addresses.iter().flatten().map(|a| one(a, false))).collect();
        match groups.iter_mut().find(|g| g.0 == ports) {
            Some(g) => g.1.extend(all),
            None => groups.push((ports, all)),
        }
    }
    let mut labels = e.metadata.labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.into(), key.name.to_string());
    labels.insert(MANAGED_BY.into(), MIRROR.into());
    let owner = claim::owner_reference("v1", "Endpoints", &e.metadata);
    reconcile(sim, key, existing, groups, &labels, &owner)
}
