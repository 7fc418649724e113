//! Requests that come to pods from elsewhere than other pods: from outside of the cluster, from the API server, and from
//! a pod's own node.

use super::around::{CURL, is_outside, kept, page, problem, visits};
use super::component::Kubelets;
use super::plan::Plan;
use crate::apiserver::request::Unanswered;
use crate::clock::SimDuration;
use crate::network::Servers;
use crate::network::request::{Failure, Outcome, PATIENCE, Sender, Told, Url, send};
use crate::runtime::shell::NetProblem;
use crate::sim::Sim;
use crate::store::PodRecord;
use crate::store::pod::fnv;
use std::net::Ipv4Addr;

impl Kubelets {
    /// What somebody outside of the cluster gets for a URL, by this `Host` header if one is given: status, body and how
    /// long it took.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn asked_from_outside(
        &self,
        sim: &mut Sim,
        url: &str,
        host: Option<&str>,
    ) -> Result<(u16, String, SimDuration), Unanswered> {
        let mut url = Url::parse(url).ok_or(Unanswered::UnknownHost)?;
        url.named = host.map(|h| h.split(':').next().unwrap_or(h).into());
        if is_outside(&url.host) {
            return Ok((200, format!("<html><body>{}</body></html>\n", url.host), SimDuration::from_millis(50)));
        }
        if &*url.host == "localhost" || url.host.starts_with("127.") {
            return Err(Unanswered::Refused);
        }
        self.asked_by(sim, &Sender::outside(), &url)
    }

    /// What the API server gets for a URL that it passes on, as a node would: status, body and how long it took.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn asked_by_server(&self, sim: &mut Sim, url: &str) -> Result<(u16, String, SimDuration), Unanswered> {
        let url = Url::parse(url).ok_or(Unanswered::UnknownHost)?;
        let node = self.nodes.front().ok_or(Unanswered::Refused)?;
        self.asked_by(sim, &Sender::node(&node.name, node.ip, "default"), &url)
    }

    fn asked_by(&self, sim: &mut Sim, from: &Sender, url: &Url) -> Result<(u16, String, SimDuration), Unanswered> {
        let mut draw = fnv(&sim.network.last_trace().to_le_bytes()) as u32;
        let mut next = || {
            draw = draw.wrapping_mul(0x9e37_79b1).wrapping_add(sim.now.0 as u32);
            draw
        };
        let way = send(sim, self, from, url, true, &mut next);
        let mut took = way.took;
        let (answer, outcome) = match &way.end {
            Ok(r) => {
                let rate = sim.network.served.rate(r.pod.id, r.port, sim.now);
                took = took + self.serves_in(sim, r.pod.id, r.port, rate);
                if took >= PATIENCE {
                    (Err(Unanswered::TimedOut), Outcome::Failed(Failure::NoAnswer(r.pod.key())))
                } else {
                    let a = self.answer(sim, r.pod.id, r.port, r.asked(url));
                    let body = a.body.replace("{client}", &Ipv4Addr::from(r.source).to_string());
                    (Ok((a.code, body)), Outcome::Answered(a.code, r.pod.key()))
                }
            }
            Err(f) => {
                let answer = match problem(f.told()) {
                    Ok(code) => Ok((code, page(f, code))),
                    Err(NetProblem::UnknownHost) => Err(Unanswered::UnknownHost),
                    Err(NetProblem::Refused) => Err(Unanswered::Refused),
                    Err(_) => Err(Unanswered::TimedOut),
                };
                (answer, f.clone().into())
            }
        };
        let reached = way.end.as_ref().ok().map(|r| (r.pod.id, r.port));
        let visits = visits(&way, url, &answer, from.ip, sim.now, CURL);
        let tie = way.tie.clone();
        let trace = kept(sim, url, way, outcome);
        let now = sim.now;
        if let Some((service, port, ip)) = tie {
            sim.network.tie(&service, port, from.ip, ip, now);
        }
        sim.network.passed.count_trace(&trace, now);
        sim.network.keep(trace);
        if let Some((pod, port)) = reached {
            sim.served(pod, port, 1);
        }
        visits.into_iter().for_each(|(pod, visit)| sim.network.served.keep(pod, visit));
        answer.map(|(code, body)| (code, body, took))
    }

    /// The status that a pod's node gets for a GET of a URL, or why it gets none, as Go's client says it. `open`: ports
    /// that the pod itself listens on.
    pub(super) fn asked_by_node(
        &self,
        sim: &Sim,
        pod: &PodRecord,
        plan: &Plan,
        open: &[u16],
        url: &Url,
    ) -> Result<u16, String> {
        let node = self.workers.get(&pod.id).and_then(|w| self.nodes.get(w.node as usize));
        let Some(node) = node else { return Err("context deadline exceeded".into()) };
        let refused = || format!("dial tcp {}:{}: connect: connection refused", url.host, url.port);
        if &*url.host == "localhost" || url.host.starts_with("127.") {
            // the node itself: only who shares its network listens there
            let serves = plan.host_network && open.contains(&url.port);
            return if serves { Ok(self.code(sim, pod.id, url.port, url.asked())) } else { Err(refused()) };
        }
        let mut draw = fnv(&pod.id.to_le_bytes()) as u32;
        let mut next = || {
            draw = draw.wrapping_mul(0x9e37_79b1).wrapping_add(sim.now.0 as u32);
            draw
        };
        let way = send(sim, self, &Sender::node(&node.name, node.ip, &pod.namespace), url, false, &mut next);
        match way.end {
            Ok(reached) => Ok(self.code(sim, reached.pod.id, reached.port, reached.asked(url))),
            Err(f) => match f.told() {
                Told::Status(code) => Ok(code),
                Told::Refused | Told::Reset => Err(refused()),
                Told::UnknownHost => Err(format!("dial tcp: lookup {}: no such host", url.host)),
                Told::TimedOut => {
                    Err("context deadline exceeded (Client.Timeout exceeded while awaiting headers)".into())
                }
            },
        }
    }

    /// Can a pod's node open a connection to a port of a host? The error is Go's.
    pub(super) fn reached_by_node(
        &self,
        sim: &Sim,
        pod: &PodRecord,
        plan: &Plan,
        open: &[u16],
        url: &Url,
    ) -> Result<(), String> {
        match self.asked_by_node(sim, pod, plan, open, url) {
            Err(why) if why.starts_with("context deadline") => {
                Err(format!("dial tcp {}:{}: i/o timeout", url.host, url.port))
            }
            Err(why) => Err(why),
            Ok(_) => Ok(()),
        }
    }
}
