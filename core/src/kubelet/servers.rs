//! Pods as the network finds them: who has an address, who listens, what is answered, and requests that the API server
//! passes on to them.

use super::around::server;
use super::component::{Kubelets, Life};
use super::plan::{Plan, Web};
use crate::clock::{SimDuration, SimTime};
use crate::network::{Answer, Listens, Servers};
use crate::runtime::images::Reference;
use crate::runtime::shell::NetProblem;
use crate::runtime::web::{Asked, Onward, Served};
use crate::runtime::{httpd, nginx};
use crate::sim::Sim;
use crate::store::{Id, Key, PodRecord};
use std::net::Ipv4Addr;
use std::sync::Arc;

impl Servers for Kubelets {
    fn holder(&self, ip: u32) -> Option<Id> {
        self.workers.iter().find(|(_, w)| w.ip == ip).map(|(id, _)| *id)
    }

    fn listens(&self, sim: &Sim, pod: Id, port: u16) -> Listens {
        let Some(w) = self.workers.get(&pod) else { return Listens::Away };
        if self.nodes.get(w.node as usize).is_none_or(|n| !n.powered) {
            return Listens::Away;
        }
        match self.process(sim, pod, port) {
            Some((since, false)) => Listens::Open(since),
            Some((_, true)) => Listens::Stopping,
            None => Listens::Closed,
        }
    }

    fn still_runs(&self, sim: &Sim, pod: Id, port: u16, since: SimTime) -> bool {
        let powered = self.workers.get(&pod).and_then(|w| self.nodes.get(w.node as usize)).is_some_and(|n| n.powered);
        powered && self.process(sim, pod, port).is_some_and(|(s, _)| s == since)
    }

    fn code(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> u16 {
        let path = asked.path;
        let Some(record) = sim.store.pod(pod) else { return 502 };
        let work = match self.workers.get(&pod).map(|w| &w.life) {
            Some(Life::Full(work)) => Some(work),
            _ => None,
        };
        self.with_plan(record, |plan| match server(plan, work.map(|w| &**w), port) {
            Some((i, _)) if work.is_some_and(|w| w.speaks(i, port)) => {
                match work.and_then(|w| w.served(plan, i, port, asked)) {
                    Some(Served::Says(reply)) => reply.code,
                    _ => 200,
                }
            }
            Some((i, c)) => match &c.entry {
                Some(e) if !e.root.is_empty() && work.is_some() => {
                    match work.and_then(|w| w.served(plan, i, port, asked)) {
                        Some(Served::Says(reply)) => reply.code,
                        Some(Served::Passes(on)) => self.passed_on(sim, record, &on).code,
                        None => e.answer(path).0,
                    }
                }
                Some(e) if e.changes() => {
                    let since = self.process(sim, pod, port).map_or(sim.now, |(s, _)| s);
                    if e.fails_at(sim.now - since, plan.container(i)) { 500 } else { e.answer(path).0 }
                }
                Some(e) => e.answer(path).0,
                None => 200,
            },
            None => 200,
        })
    }

    fn answer(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> Answer {
        let path = asked.path;
        let Some(record) = sim.store.pod(pod) else { return Answer::new(502, "") };
        let filled = |body: &str| body.replace("{hostname}", &record.name).replace("{now}", &sim.now.rfc3339());
        if let Some(Life::Full(work)) = self.workers.get(&pod).map(|w| &w.life) {
            let served = |plan: &Plan| {
                let (i, _) = server(plan, Some(work), port)?;
                Some((work.served(plan, i, port, asked)?, work.runs[i].site.is_some() || work.speaks(i, port)))
            };
            match self.with_plan(record, served) {
                Some((Served::Says(reply), true)) => {
                    let headers = reply.headers.into_iter().map(|(n, v)| (n, filled(&v))).collect();
                    return Answer { headers, ..Answer::new(reply.code, filled(&reply.body)) };
                }
                Some((Served::Says(reply), false)) => return Answer::new(reply.code, &*reply.body),
                Some((Served::Passes(on), _)) => return self.passed_on(sim, record, &on),
                None => {}
            }
        }
        let code = self.code(sim, pod, port, asked);
        let body = self.with_plan(record, |plan| match server(plan, None, port) {
            Some((_, c)) => {
                let tag = Reference::parse(&c.image).map_or_else(String::new, |r| r.tag);
                let body = c.entry.as_ref().map_or("OK\n", |e| e.answer(path).1);
                // a web server's own page, though nobody has touched its files
                match (code, c.web) {
                    (404, Some(Web::Nginx)) => nginx::page(404).to_string(),
                    (404, Some(Web::Apache)) => httpd::page(404, "").to_string(),
                    _ => body.replace("{version}", &tag),
                }
            }
            None => "OK\n".into(),
        });
        let body = if code == 500 { "Internal Server Error\n".into() } else { body };
        Answer::new(code, filled(&body))
    }

    fn passes_on(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> Option<Onward> {
        let Some(Life::Full(work)) = self.workers.get(&pod).map(|w| &w.life) else { return None };
        if work.runs.iter().all(|r| r.site.is_none()) {
            return None;
        }
        self.with_plan(sim.store.pod(pod)?, |plan| {
            let (i, _) = server(plan, Some(work), port)?;
            match work.served(
                plan,
                i,
                port,
                Asked { turn: asked.turn + sim.network.served.total(pod, port), ..asked },
            )? {
                Served::Passes(on) => Some(on),
                Served::Says(_) => None,
            }
        })
    }

    fn serves_in(&self, sim: &Sim, pod: Id, port: u16, rate: u32) -> SimDuration {
        self.time_of_service(sim, pod, port, rate)
    }

    fn powered(&self, node: &str) -> bool {
        Kubelets::powered(self, node)
    }
}

/// What comes of a request that the API server passes on.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub pod: Arc<PodRecord>,
    pub answer: Answer,
}

/// Why nothing comes of it.
#[derive(Clone, Debug)]
pub(super) enum NotFetched {
    /// The service or the pod is not there.
    NotFound,
    /// The service has no such port.
    NoPort,
    /// The service has no ready endpoints.
    NoEndpoints,
    /// Connecting to this address failed.
    Failed(Ipv4Addr, u16, NetProblem),
}

impl Kubelets {
    /// A GET that the API server passes on to a pod, or to one of a service's endpoints, past every proxy. `port` names a
    /// port or is its number; empty: the first.
    pub(super) fn pass_on(
        &self,
        sim: &Sim,
        service: bool,
        key: &Key,
        port: &str,
        path: &str,
    ) -> Result<Fetched, NotFetched> {
        let (pod, number) = if service {
            let version = sim.network.tables.newest(key).filter(|v| v.service.is_some()).ok_or(NotFetched::NotFound)?;
            let ports = version.service.iter().flat_map(|s| s.spec.as_ref()?.ports.as_deref()).flatten();
            let fits = |p: &k8s_openapi::api::core::v1::ServicePort| {
                port.is_empty() || p.name.as_deref() == Some(port) || p.port.to_string() == port
            };
            let index = ports.into_iter().position(fits).ok_or(NotFetched::NoPort)?;
            let ready = version.pools().get(index).map_or(&[][..], |p| &p.ready);
            let i = (sim.now.0 / 1000) as usize % ready.len().max(1);
            let target = ready.get(i).ok_or(NotFetched::NoEndpoints)?;
            let id = target.pod.or_else(|| self.holder(target.ip)).ok_or(NotFetched::NoEndpoints)?;
            (sim.store.pod(id).ok_or(NotFetched::NoEndpoints)?.clone(), target.port)
        } else {
            let pod = sim.store.pod_by_name(key).ok_or(NotFetched::NotFound)?.clone();
            let spec = pod.proto.pod.spec.as_ref();
            let mut ports = spec.into_iter().flat_map(|s| &s.containers).flat_map(|c| c.ports.iter().flatten());
            let number = match port {
                "" => ports.next().map_or(80, |p| p.container_port as u16),
                text => match text.parse() {
                    Ok(n) => n,
                    Err(_) => {
                        let named = ports.find(|p| p.name.as_deref() == Some(text));
                        named.ok_or(NotFetched::NoPort)?.container_port as u16
                    }
                },
            };
            (pod, number)
        };
        let ip = Ipv4Addr::from(pod.status.ip);
        if self.cut_off(sim, &pod.key()).is_some() {
            return Err(NotFetched::Failed(ip, number, NetProblem::TimedOut));
        }
        match self.listens(sim, pod.id, number) {
            Listens::Open(_) => {
                let mut answer = self.answer(sim, pod.id, number, Asked::new("localhost", path));
                answer.body = answer.body.replace("{client}", "127.0.0.1");
                Ok(Fetched { pod, answer })
            }
            Listens::Closed | Listens::Stopping => Err(NotFetched::Failed(ip, number, NetProblem::Refused)),
            Listens::Away => Err(NotFetched::Failed(ip, number, NetProblem::TimedOut)),
        }
    }

    /// What comes of a GET to a port of a pod or a service by way of `kubectl port-forward`: who answered, status and
    /// body.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn fetch(
        &self,
        sim: &Sim,
        service: bool,
        key: &Key,
        port: u16,
        path: &str,
    ) -> Result<(Arc<str>, u16, String), NetProblem> {
        match self.pass_on(sim, service, key, &port.to_string(), path) {
            Ok(f) => Ok((f.pod.name.clone(), f.answer.code, f.answer.body)),
            Err(NotFetched::NotFound) => Err(NetProblem::UnknownHost),
            Err(NotFetched::NoEndpoints) => Err(NetProblem::Refused),
            Err(NotFetched::NoPort) => Err(NetProblem::TimedOut),
            Err(NotFetched::Failed(_, _, p)) => Err(p),
        }
    }
}
