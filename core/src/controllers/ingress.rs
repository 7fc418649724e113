//! The ingress controller that a cluster has: Ingresses of its classes get its address. What it does with requests is
//! the network's part. Where recordings are replayed there is none.

use super::Action;
use crate::network::{INGRESS, ingress};
use crate::sim::{KubeletProfile, Sim};
use crate::store::{Change, Key, Kind, Obj};
use k8s_openapi::api::networking::v1::{Ingress, IngressLoadBalancerIngress, IngressLoadBalancerStatus};
use std::net::Ipv4Addr;

const SOURCE: &str = "nginx-ingress-controller";

/// Ingresses that a change makes due.
pub fn keys_of(sim: &Sim, change: &Change, add: &mut dyn FnMut(Key)) {
    match change.kind {
        Kind::Ingress if change.new.is_some() => add(change.obj().key()),
        Kind::IngressClass => sim.store.list_typed::<Ingress>(None).for_each(|i| add(Key::of(&i.metadata))),
        _ => {}
    }
}

/// One sync of an Ingress.
pub fn sync(sim: &mut Sim, key: &Key) -> Action {
    if sim.config.kubelets == KubeletProfile::Recorded {
        return Action::Done;
    }
    let Some(i) = sim.store.typed::<Ingress>(key).cloned() else { return Action::Done };
    if i.metadata.deletion_timestamp.is_some() {
        return Action::Done;
    }
    let address = Ipv4Addr::from(INGRESS).to_string();
    let shown = i.status.as_ref().and_then(|s| s.load_balancer.as_ref()).and_then(|l| l.ingress.as_ref());
    let has = shown.into_iter().flatten().any(|x| x.ip.as_deref() == Some(&address));
    let ours = ingress::is_ours(sim, &i);
    if has == ours {
        return Action::Done;
    }
    let mut new = (*i).clone();
    let list = ours.then(|| vec![IngressLoadBalancerIngress { ip: Some(address), ..Default::default() }]);
    new.status.get_or_insert_default().load_balancer = Some(IngressLoadBalancerStatus { ingress: list });
    if sim.update_status_typed(new).is_err() {
        return Action::Retry;
    }
    if ours {
        sim.record(SOURCE, &Obj::Ingress(i), false, "Sync", "Scheduled for sync");
    }
    Action::Done
}
