//! What a page shows of the network: clients with their counters, and the last requests with their ways. Read when a
//! panel asks for it; a hidden panel costs nothing.

use crate::clock::{SimDuration, SimTime};
use crate::cluster::Cluster;
use crate::network::clients::{Bucket, ClientPlace, Load};
use crate::network::request::{Failure, Outcome, Place, Reason};
use crate::store::{Id, Kind};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientView {
    /// Its number; none is used again.
    pub number: u32,
    /// Its name, by which it is removed.
    pub name: Arc<str>,
    /// What it asks for.
    pub url: Arc<str>,
    /// Where it stands.
    pub place: ClientPlace,
    /// What it sends.
    pub load: Load,
    /// It ends after so many seconds; 0: never.
    pub seconds: u32,
    /// It sends nothing more.
    pub ended: bool,
    /// Everything that was counted.
    pub total: CountView,
    /// Requests that have not ended.
    pub under_way: u32,
}

/// What was counted in a span of time.
#[derive(Clone, Debug, PartialEq)]
pub struct CountView {
    /// Where the span begins.
    pub at: SimTime,
    /// Requests sent.
    pub sent: u32,
    /// Answered below 400.
    pub ok: u32,
    /// Failed, by reason; those that did not occur are left out.
    pub failed: Vec<(Reason, u32)>,
    /// What an answered request took on average.
    pub latency: SimDuration,
    /// The slowest of them.
    pub slowest: SimDuration,
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceView {
    /// Its number: ask for those after it the next time.
    pub number: u64,
    /// The client that sent it; none: a command in a pod.
    pub client: Option<Arc<str>>,
    /// When it was sent.
    pub at: SimTime,
    /// How long it took.
    pub took: SimDuration,
    /// What was asked for.
    pub url: Arc<str>,
    /// Its way.
    pub hops: Vec<HopView>,
    /// It was answered below 400.
    pub ok: bool,
    /// The HTTP status; none: there was no answer.
    pub code: Option<u16>,
    /// The pod that answered; empty if none did.
    pub pod: Arc<str>,
    /// Why it failed, for counting and exactly.
    pub why: Option<(Reason, Why)>,
}

/// Why a request failed, as data: the page has the words.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It was answered with this status of 400 or more.
    Answered(u16),
    /// It got no answer of a pod.
    Failed(Arc<Failure>),
}

/// A place on a request's way.
#[derive(Clone, Debug, PartialEq)]
pub struct HopView {
    /// When.
    pub at: SimTime,
    /// `outside`, `pod`, `dns`, `loadbalancer`, `node`, `service`, `ingress`, `address`
    pub kind: &'static str,
    /// Its name or address.
    pub name: Arc<str>,
    /// The object it is, while that lives.
    pub id: Option<Id>,
}

fn count(b: &Bucket) -> CountView {
    let failed = Reason::ALL.iter().zip(b.failed).filter(|(_, n)| *n > 0).map(|(r, n)| (*r, n)).collect();
    CountView {
        at: b.at,
        sent: b.sent,
        ok: b.ok,
        failed,
        latency: SimDuration(b.latency / u64::from(b.ok.max(1))),
        slowest: SimDuration(u64::from(b.slowest)),
    }
}

/// All clients.
pub fn clients(cluster: &Cluster) -> Vec<ClientView> {
    let clients = cluster.world.sim.network.clients.iter();
    clients
        .map(|c| ClientView {
            number: c.number,
            name: c.spec.name.as_str().into(),
            url: c.spec.url.as_str().into(),
            place: c.spec.place.clone(),
            load: c.spec.load,
            seconds: c.spec.seconds,
            ended: c.ended,
            total: count(&c.total),
            under_way: c.under_way(),
        })
        .collect()
}

/// What was counted of a client after a moment: in steps of 100 ms for the last minute (`fine`), or of a second for the
/// last hour. Spans in which nothing happened are left out.
pub fn counts(cluster: &Cluster, client: &str, fine: bool, after: SimTime) -> Vec<CountView> {
    let Some(c) = cluster.world.sim.network.clients.named(client) else { return vec![] };
    let list = if fine { &c.fine } else { &c.coarse };
    let from = list.iter().rev().take_while(|b| b.at > after).count();
    list.iter().skip(list.len() - from).map(count).collect()
}

/// Requests a second that passed Services and Ingresses, answered and failed, over the last second. What a headless
/// Service's name led to counts as its.
pub fn passed(cluster: &Cluster) -> Vec<(Id, (u32, u32))> {
    let sim = &cluster.world.sim;
    let rates = sim.network.passed.rates(sim.now);
    let id = |ingress: bool, key| {
        let kind = if ingress { Kind::Ingress } else { Kind::Service };
        sim.store.get(kind, key).map(|o| o.id(&sim.store.ids))
    };
    rates.filter_map(|(ingress, key, ok, failed)| Some((id(ingress, key)?, (ok, failed)))).collect()
}

/// The last requests that were traced, oldest first: all that failed for a new reason, and some of those that did not.
pub fn traces(cluster: &Cluster, after: u64) -> Vec<TraceView> {
    let sim = &cluster.world.sim;
    let object = |kind: Kind, key: &crate::store::Key| sim.store.get(kind, key).map(|o| o.id(&sim.store.ids));
    let hop = |place: &Place| -> (&'static str, Arc<str>, Option<Id>) {
        match place {
            Place::Outside => ("outside", "".into(), None),
            Place::Pod(id, key) => ("pod", key.name.clone(), Some(*id).filter(|id| sim.store.lives(*id))),
            Place::Dns(name, _) => ("dns", name.clone(), None),
            Place::LoadBalancer(key) => ("loadbalancer", key.name.clone(), object(Kind::Service, key)),
            Place::Node(name) => {
                let key = crate::store::Key::new("", name.clone());
                ("node", name.clone(), object(Kind::Node, &key))
            }
            Place::Service(key) => ("service", key.name.clone(), object(Kind::Service, key)),
            Place::Ingress(key) => ("ingress", key.name.clone(), object(Kind::Ingress, key)),
            Place::Address(ip) => ("address", Ipv4Addr::from(*ip).to_string().into(), None),
        }
    };
    sim.network
        .traces_after(after)
        .map(|t| {
            let (code, pod, why) = match &t.outcome {
                Outcome::Answered(code, pod) => {
                    let why = (*code >= 400).then_some((Reason::Status, Why::Answered(*code)));
                    (Some(*code), pod.name.clone(), why)
                }
                Outcome::Failed(f) => {
                    let code = match f.told() {
                        crate::network::request::Told::Status(code) => Some(code),
                        _ => None,
                    };
                    (code, "".into(), Some((f.reason(), Why::Failed(Arc::new(f.clone())))))
                }
            };
            TraceView {
                number: t.number,
                client: t.client.clone(),
                at: t.at,
                took: t.took,
                url: t.url.clone(),
                hops: t
                    .hops
                    .iter()
                    .map(|h| {
                        let (kind, name, id) = hop(&h.place);
                        HopView { at: h.at, kind, name, id }
                    })
                    .collect(),
                ok: t.outcome.is_ok(),
                code,
                pod,
                why,
            }
        })
        .collect()
}
