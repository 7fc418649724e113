//! The service controller with a load balancer as clouds have them: Services of type LoadBalancer get an address a few
//! seconds after they are made. Models cloud-provider/controllers/service. Where recordings are replayed there is no
//! provider, and addresses stay pending.

use super::Action;
use crate::clock::SimDuration;
use crate::sim::{Component, Event, KubeletProfile, Sim};
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::core::v1::{LoadBalancerIngress, LoadBalancerStatus, Service};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

const SOURCE: &str = "service-controller";
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// How long a load balancer takes to be made.
const MAKES: SimDuration = SimDuration::from_secs(3);
/// Key prefix: the load balancer is made.
const MADE: &str = "made/";

/// Ranges that are reserved for examples: addresses are given out from the first on.
const RANGES: [[u8; 3]; 2] = [[203, 0, 113], [198, 51, 100]];

/// Services that changed.
pub fn keys_of(change: &Change, add: &mut dyn FnMut(Key)) {
    if change.kind == Kind::Service && change.new.is_some() {
        add(change.obj().key());
    }
}

/// One sync of a Service, or of its load balancer that is ready now.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    if sim.config.kubelets == KubeletProfile::Recorded {
        return Action::Done;
    }
    let (name, made) = key.name.strip_prefix(MADE).map_or((&*key.name, false), |n| (n, true));
    let key = Key::new(key.namespace.clone(), name);
    let Some(service) = sim.store.typed::<Service>(&key).cloned() else { return Action::Done };
    let done = if wanted(&service) { ensure(sim, &key, &service, made) } else { clean_up(sim, &service) };
    if done { Action::Done } else { Action::Retry }
}

fn wanted(s: &Service) -> bool {
    let balanced = s.spec.as_ref().is_some_and(|s| {
        s.type_.as_deref() == Some("LoadBalancer") && s.load_balancer_class.as_ref().is_none_or(String::is_empty)
    });
    balanced && s.metadata.deletion_timestamp.is_none()
}

fn addresses(s: &Service) -> impl Iterator<Item = &str> {
    let list = s.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|l| l.ingress.as_ref());
    list.into_iter().flatten().filter_map(|i| i.ip.as_deref())
}

fn ensure(sim: &mut Sim, key: &Key, service: &Arc<Service>, made: bool) -> bool {
    if addresses(service).next().is_some() {
        return true;
    }
    let about = Obj::Service(service.clone());
    if !service.metadata.finalizers.iter().flatten().any(|f| f == FINALIZER) {
        let mut new = (**service).clone();
        new.metadata.finalizers.get_or_insert_default().push(FINALIZER.into());
        if sim.update_typed(&new).is_err() {
            return false;
        }
        sim.record(SOURCE, &about, false, "EnsuringLoadBalancer", "Ensuring load balancer");
        let key = Key::new(key.namespace.clone(), format!("{MADE}{}", key.name));
        sim.after(MAKES, Event::Requeue(Component::ServiceLoadBalancer, key));
        return true;
    }
    if !made {
        return true;
    }
    let Some(address) = free_address(sim, service) else {
        sim.record(SOURCE, &about, true, "SyncLoadBalancerFailed", "Error syncing load balancer: no address is free");
        return true;
    };
    let mut new = (**service).clone();
    let ingress = LoadBalancerIngress { ip: Some(address), ip_mode: Some("VIP".into()), ..Default::default() };
    new.status.get_or_insert_default().load_balancer = Some(LoadBalancerStatus { ingress: Some(vec![ingress]) });
    if sim.update_status_typed(new).is_err() {
        return false;
    }
    sim.record(SOURCE, &about, false, "EnsuredLoadBalancer", "Ensured load balancer");
    true
}

fn free_address(sim: &Sim, service: &Service) -> Option<String> {
    let used: BTreeSet<&str> = sim.store.list_typed::<Service>(None).flat_map(|s| addresses(s)).collect();
    let asked = service.spec.as_ref().and_then(|s| s.load_balancer_ip.as_deref()).unwrap_or_default();
    if asked.parse::<Ipv4Addr>().is_ok() {
        return (!used.contains(asked)).then(|| asked.to_owned());
    }
    let all = RANGES.iter().flat_map(|r| (1..=254u8).map(|n| Ipv4Addr::new(r[0], r[1], r[2], n).to_string()));
    all.into_iter().find(|a| !used.contains(a.as_str()))
}

fn clean_up(sim: &mut Sim, service: &Arc<Service>) -> bool {
    if !service.metadata.finalizers.iter().flatten().any(|f| f == FINALIZER) {
        return true;
    }
    let about = Obj::Service(service.clone());
    sim.record(SOURCE, &about, false, "DeletingLoadBalancer", "Deleting load balancer");
    let mut new = (**service).clone();
    if let Some(s) = &mut new.status {
        s.load_balancer = Some(LoadBalancerStatus::default());
    }
    let Ok(stored) = sim.update_status_typed(new) else { return false };
    let mut new = (*stored).clone();
    let left: Vec<String> = new.metadata.finalizers.take().into_iter().flatten().filter(|f| f != FINALIZER).collect();
    new.metadata.finalizers = (!left.is_empty()).then_some(left);
    // a Service whose last finalizer goes is gone with it
    let gone = new.metadata.deletion_timestamp.is_some();
    if sim.update_typed(&new).is_err() && !gone {
        return false;
    }
    sim.record(SOURCE, &about, false, "DeletedLoadBalancer", "Deleted load balancer");
    true
}
