//! What a pod counts for while its resources are being changed: the most of what it wants, what it was granted and what
//! it has; where its node can never grant what it wants, only the latter two. Models component-helpers PodRequests with
//! the statuses' resources. Pure.

use crate::scheduler::resources::amount;
use crate::store::PodRecord;
use crate::store::pod::details::{Details, requests};
use crate::store::pod::fnv32;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

type Amounts = BTreeMap<String, Quantity>;

fn told(pod: &PodRecord) -> impl Iterator<Item = Option<&Details>> {
    let records = pod.status.init.iter().chain(&pod.status.containers);
    records.map(|r| r.told.as_ref().map(|t| &*t.0).filter(|d| d.resources.is_some()))
}

/// Do two states of a pod say the same of its containers' amounts?
pub(super) fn as_told(a: &PodRecord, b: &PodRecord) -> bool {
    let same = |(a, b): (&_, &_)| a == b;
    a.status.init.iter().map(|r| &r.told).zip(b.status.init.iter().map(|r| &r.told)).all(same)
        && a.status.containers.iter().map(|r| &r.told).zip(b.status.containers.iter().map(|r| &r.told)).all(same)
}

/// Raises an amount to at least another one.
fn raise(list: &mut Amounts, name: &str, q: &Quantity) {
    let more = list.get(name).is_none_or(|has| amount(has) < amount(q));
    if more {
        list.insert(name.to_owned(), q.clone());
    }
}

/// What a container counts for; none: what its spec says.
fn counts(c: &Container, d: &Details, infeasible: bool) -> Option<Amounts> {
    let wanted: Amounts = requests(c.resources.as_ref()).map(|(k, q)| (k.clone(), q.clone())).collect();
    let mut most = if infeasible { Amounts::new() } else { wanted.clone() };
    for (k, q) in d.allocated.iter().flatten().filter(|(k, _)| *k == "cpu" || *k == "memory") {
        raise(&mut most, k, q);
    }
    for (k, q) in requests(d.resources.as_ref()) {
        raise(&mut most, k, q);
    }
    (most != wanted).then_some(most)
}

/// The spec that a pod counts by and a number that stands for it; none: its own.
pub(super) fn while_resizing(pod: &PodRecord) -> Option<(u32, PodSpec)> {
    let spec = pod.proto.pod.spec.as_ref()?;
    let conditions = pod.status.more.as_ref().and_then(|m| m.conditions.as_ref());
    let infeasible = conditions
        .into_iter()
        .flatten()
        .any(|c| c.type_ == "PodResizePending" && c.reason.as_deref() == Some("Infeasible"));
    let all = || spec.init_containers.iter().flatten().chain(&spec.containers);
    // statuses stand in the order of the spec, init containers first, or are not there yet
    let skipped = if pod.status.init.is_empty() { spec.init_containers.as_ref().map_or(0, Vec::len) } else { 0 };
    let rows = all().skip(skipped).zip(told(pod));
    let mut changed: Vec<(usize, Amounts)> = vec![];
    for (i, (c, d)) in rows.enumerate() {
        changed.extend(d.and_then(|d| counts(c, d, infeasible)).map(|most| (i + skipped, most)));
    }
    if changed.is_empty() {
        return None;
    }
    let mut text = format!("{}", pod.proto.id);
    let mut spec = spec.clone();
    for (i, most) in changed {
        for (k, q) in &most {
            text.push_str(&format!(" {i} {k} {}", q.0));
        }
        let Some(c) = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers).nth(i) else { continue };
        let mut list = c.resources.take().unwrap_or_default();
        let mut own: Amounts = list.requests.take().unwrap_or_default();
        own.retain(|k, _| k != "cpu" && k != "memory");
        own.extend(most);
        list.requests = Some(own);
        c.resources = Some(list);
    }
    Some((0xc000_0000 | (fnv32(text.as_bytes()) >> 2), spec))
}
