//! Why a request came to nothing: from what it met, by what the proxies, the controllers and the kubelet did when, back
//! to what a person did.

use super::inspect::{chain, shorten};
use super::model::{Cause, Doing, Message};
use super::network::Why;
use crate::clock::{SimDuration, SimTime};
use crate::cluster::Cluster;
use crate::network::request::{Failure, Outcome, Reason};
use crate::sim::Sim;
use crate::store::{Key, Kind, Obj};
use std::sync::Arc;

/// What is known of a request's failure, as data: the page has the words.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// How it ended: the reason for counting, and exactly.
    Met(Reason, Why),
    /// A node's proxy no longer sends requests to the pod.
    Dropped {
        /// The node.
        node: Arc<str>,
        /// So long after the request.
        late: SimDuration,
    },
    /// The kubelet wrote this event about the pod: its reason and its words (`Killing`, `Stopping container web`).
    Event(Arc<str>, Arc<str>),
    /// A container of the pod ended.
    Ended {
        /// The container.
        container: Arc<str>,
        /// `Error`, `OOMKilled`, `Completed`
        reason: Arc<str>,
        /// Its exit code.
        code: i32,
    },
    /// Somebody did something to an object.
    Did(Message),
}

/// One entry of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestCause {
    /// When it happened: a page can jump there.
    pub at: SimTime,
    /// Who did it: `kube-proxy/node-1`, `endpointslice-controller`, `kubelet`, `kubectl`.
    pub actor: Arc<str>,
    /// What happened.
    pub fact: Fact,
}

/// What happened this long before a request may be why it failed.
const RECENT: SimDuration = SimDuration::from_secs(120);

/// Why a traced request came to nothing, newest first: what it met stands first. Empty: it was answered well, or its
/// trace is not kept any more.
pub fn why_request(cluster: &Cluster, number: u64) -> Vec<RequestCause> {
    let sim = &cluster.world.sim;
    let Some(trace) = sim.network.traces_after(number.saturating_sub(1)).next().filter(|t| t.number == number) else {
        return vec![];
    };
    let mut out = vec![];
    let ended = trace.at + trace.took;
    let client: Arc<str> = trace.client.clone().unwrap_or_else(|| "pod".into());
    match &trace.outcome {
        Outcome::Answered(code, pod) if *code >= 400 => {
            out.push(met(ended, &client, Reason::Status, Why::Answered(*code)));
            of_pod(sim, pod, ended, &mut out);
        }
        Outcome::Answered(..) => return out,
        Outcome::Failed(f) => {
            out.push(met(ended, &client, f.reason(), Why::Failed(Arc::new(f.clone()))));
            of_failure(sim, f, trace.at, ended, &mut out);
        }
    }
    let first = out.remove(0);
    out.sort_by_key(|c| std::cmp::Reverse(c.at));
    out.dedup();
    shorten(&mut out);
    out.insert(0, first);
    out
}

fn met(at: SimTime, client: &Arc<str>, reason: Reason, why: Why) -> RequestCause {
    RequestCause { at, actor: client.clone(), fact: Fact::Met(reason, why) }
}

fn of_failure(sim: &Sim, f: &Failure, sent: SimTime, ended: SimTime, out: &mut Vec<RequestCause>) {
    match f {
        Failure::Stale { service, pod, node, late, .. } => {
            if let Some(late) = late {
                let actor = format!("kube-proxy/{node}").into();
                out.push(RequestCause {
                    at: sent + *late,
                    actor,
                    fact: Fact::Dropped { node: node.clone(), late: *late },
                });
            }
            let begun = of_pod(sim, pod, ended, out);
            // the first time that the endpoints were written after the pod began to go
            if let Some(begun) = begun {
                let until = late.map_or(sim.now, |l| sent + l);
                let written = recent(sim, begun, until).find(|r| {
                    r.kind == Some(Kind::EndpointSlice)
                        && r.key.namespace == service.namespace
                        && r.key.name.strip_prefix(&*service.name).is_some_and(|n| n.starts_with('-'))
                });
                did(written.map(|r| chain(sim, r.id)).unwrap_or_default().into_iter().take(1), out);
            }
        }
        Failure::Reset(pod) | Failure::Refused(pod, _) | Failure::NoAnswer(pod) => {
            of_pod(sim, pod, ended, out);
        }
        Failure::NoEndpoints(service)
        | Failure::NoLocalEndpoints(service, _)
        | Failure::NoPort(service, _)
        | Failure::Health(service, ..) => {
            of_object(sim, Kind::Service, service, out);
            let slices = sim.store.entries(Kind::EndpointSlice, Some(&service.namespace));
            let newest = slices
                .filter(|e| e.obj.label(crate::network::tables::SERVICE_NAME) == Some(&*service.name))
                .max_by_key(|e| e.obj.rv());
            if let Some(e) = newest {
                did(chain(sim, e.updated_by), out);
            }
        }
        Failure::Denied(_, policy) | Failure::NamesDenied(_, policy) => {
            of_object(sim, Kind::NetworkPolicy, policy, out)
        }
        Failure::UnknownHost(host) => {
            let mut parts = host.split('.');
            let name = parts.next().unwrap_or_default();
            let namespace = parts.next().unwrap_or("default");
            let gone = recent(sim, SimTime::ZERO, ended)
                .filter(|r| r.kind == Some(Kind::Service) && &*r.key.name == name && &*r.key.namespace == namespace);
            if let Some(r) = gone.last() {
                did(chain(sim, r.id), out);
            }
        }
        Failure::Gateway(_, Some(why)) | Failure::Proxy(_, _, why) => of_failure(sim, why, sent, ended, out),
        Failure::NodeDown(node) | Failure::CutOff(node) => of_object(sim, Kind::Node, &Key::new("", node.clone()), out),
        Failure::NoRoute(_) | Failure::NoClient | Failure::Api | Failure::ApiDown | Failure::Gateway(_, None) => {}
    }
}

/// What is known of a pod's end before a moment; since when it was going, if it was.
fn of_pod(sim: &Sim, pod: &Key, until: SimTime, out: &mut Vec<RequestCause>) -> Option<SimTime> {
    let from = SimTime(until.0.saturating_sub(RECENT.0));
    let deletion = recent(sim, from, until).find(|r| {
        use crate::apiserver::requests::Verb;
        let of_it = r.kind == Some(Kind::Pod) && r.key == *pod;
        of_it && (r.verb == Verb::Delete || (r.verb == Verb::Create && r.subresource == "eviction"))
    });
    let mut begun = deletion.map(|r| r.at);
    match deletion {
        Some(r) => did(chain(sim, r.id), out),
        // it may have been deleted with many others
        None => {
            let many = recent(sim, from, until).filter(|r| {
                let verb = r.verb == crate::apiserver::requests::Verb::DeleteCollection;
                verb && r.kind == Some(Kind::Pod) && r.key.namespace == pod.namespace
            });
            if let Some(r) = many.last().filter(|_| sim.store.pod_by_name(pod).is_none_or(|p| p.deletion.is_some())) {
                begun = Some(r.at);
                did(chain(sim, r.id), out);
            }
        }
    }
    // what it met while it started has nothing to do with its end
    let from = begun.unwrap_or(from);
    for e in sim.store.list(Kind::Event, Some(&pod.namespace)) {
        let Obj::Event(e) = e else { continue };
        let tells = matches!(&*e.reason, "Killing" | "Evicted" | "Preempting" | "Unhealthy" | "BackOff");
        if e.involved.kind == Kind::Pod && e.involved.key == *pod && tells && e.last >= from && e.last <= until {
            begun = Some(begun.map_or(e.last, |b| b.min(e.last)));
            let fact = Fact::Event((*e.reason).into(), (*e.message).into());
            out.push(RequestCause { at: e.last, actor: e.component.into(), fact });
        }
    }
    if let Some(p) = sim.store.pod_by_name(pod) {
        let names = p.proto.pod.spec.iter().flat_map(|s| &s.containers).map(|c| c.name.as_str());
        for (name, record) in names.zip(p.status.containers.iter()) {
            let now = match &record.state {
                crate::store::pod::RunState::Terminated(t) => Some(t),
                _ => record.last.as_ref(),
            };
            let Some(t) = now else { continue };
            let at: SimTime = t.finished.into();
            if at >= from && at <= until + SimDuration::from_secs(1) {
                begun = Some(begun.map_or(at, |b| b.min(at)));
                let fact = Fact::Ended { container: name.into(), reason: (*t.reason).into(), code: t.exit_code };
                out.push(RequestCause { at, actor: "kubelet".into(), fact });
            }
        }
    }
    begun
}

fn of_object(sim: &Sim, kind: Kind, key: &Key, out: &mut Vec<RequestCause>) {
    if let Some(e) = sim.store.entry(kind, key) {
        did(chain(sim, e.updated_by), out);
    }
}

fn did(chain: impl IntoIterator<Item = Cause>, out: &mut Vec<RequestCause>) {
    for c in chain {
        // who only looked has changed nothing
        if !matches!(c.message.doing, Doing::Reads | Doing::Lists | Doing::Watches) {
            out.push(RequestCause { at: c.at, actor: c.actor, fact: Fact::Did(c.message) });
        }
    }
}

/// Requests that the API server answered well in a span, oldest first.
fn recent(sim: &Sim, from: SimTime, until: SimTime) -> impl Iterator<Item = &crate::apiserver::requests::RequestEntry> {
    // the log is in the order of time
    let newest = sim.requests.last();
    let mut low = newest.saturating_sub(20_000);
    let mut high = newest;
    while low < high {
        let middle = low + (high - low) / 2;
        match sim.requests.get(middle + 1) {
            Some(r) if r.at >= from => high = middle,
            _ => low = middle + 1,
        }
    }
    sim.requests.after(low).take_while(move |r| r.at <= until).filter(|r| r.code < 400 && !r.verb.reads())
}
