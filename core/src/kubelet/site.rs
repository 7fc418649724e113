//! Web servers that are configured by files: nginx reads its configuration when it starts and when it is told to read it
//! again, and ends with 1 if it cannot take it.

use super::component::Kubelets;
use super::plan::Plan;
use super::pod_worker::PodWork;
use super::run::Run;
use crate::clock::SimTime;
use crate::network::request::{Failure, Sender, Told, Url, send};
use crate::network::{Answer, dns, policy};
use crate::runtime::files::View;
use crate::runtime::nginx::{self, Served};
use crate::runtime::shell::Stream;
use crate::sim::Sim;
use crate::store::PodRecord;
use crate::store::pod::fnv;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What the entry point of the image says before nginx is started.
const ENTRY: &str = "/docker-entrypoint.sh: Configuration complete; ready for start up\n";

impl Run {
    /// nginx's complaint, as it logs and prints it.
    pub(super) fn complains(&mut self, now: SimTime, why: &str) {
        let moment = now.timestamp().strftime("%Y/%m/%d %H:%M:%S");
        self.log.add(now, Stream::Err, &format!("{moment} [emerg] 1#1: {why}\nnginx: [emerg] {why}\n"));
    }

    /// nginx could not be started.
    pub(super) fn not_configured(&mut self, now: SimTime, why: &str) {
        self.log.add(now, Stream::Out, ENTRY);
        self.complains(now, why);
    }
}

impl PodWork {
    /// A container's files, to look at.
    fn view(&self, i: usize) -> Option<View<'_>> {
        let mounts = self.volumes.as_ref().and_then(|v| v.mounts.get(i)).map_or(&[][..], Vec::as_slice);
        let volumes = self.volumes.as_ref().map_or(&[][..], |v| &v.files);
        Some(View { root: &self.runs.get(i)?.files, mounts, volumes })
    }

    /// What the server of a container does with a request by its configuration and its files; none: it answers as the
    /// image does.
    pub(super) fn served(&self, plan: &Plan, i: usize, port: u16, path: &str) -> Option<Served> {
        let (c, run) = (plan.containers.get(i)?, self.runs.get(i)?);
        if let Some(site) = &run.site {
            return Some(site.answer(self.view(i)?, port, "localhost", path));
        }
        self.page(c, i, path).map(|(code, body)| Served::Says(code, body))
    }
}

impl Kubelets {
    /// nginx reads its configuration, if anybody can have changed what the image brings along.
    ///
    /// # Errors
    /// Its complaint.
    pub(super) fn configure(
        &self,
        sim: &Sim,
        pod: &Arc<PodRecord>,
        plan: &Plan,
        work: &mut PodWork,
        i: usize,
    ) -> Result<(), String> {
        let c = &plan.containers[i];
        if !c.nginx || !(c.shows_config || work.runs[i].touched) {
            return Ok(());
        }
        let Some(view) = work.view(i) else { return Ok(()) };
        let mut resolve = |name: &str| match name.parse::<Ipv4Addr>() {
            Ok(ip) => Some(u32::from(ip)),
            Err(_) if name == "localhost" => Some(u32::from_be_bytes([127, 0, 0, 1])),
            Err(_) => dns::alias(pod, name).or_else(|| {
                if !policy::names_allowed(sim, pod) {
                    return None;
                }
                match dns::lookup(sim, &dns::Resolver::of(pod), name) {
                    dns::Name::Addresses(_, ips) => ips.first().copied(),
                    _ => super::around::outside_address(name),
                }
            }),
        };
        let site = nginx::start(view, &mut resolve)?;
        work.runs[i].site = Some(Arc::new(site));
        Ok(())
    }

    /// nginx is told to read its configuration again: one that it cannot take changes nothing.
    pub(super) fn configure_again(&self, sim: &Sim, pod: &Arc<PodRecord>, plan: &Plan, work: &mut PodWork, i: usize) {
        let moment = sim.now.timestamp().strftime("%Y/%m/%d %H:%M:%S").to_string();
        work.runs[i].log.add(
            sim.now,
            Stream::Err,
            &format!("{moment} [notice] 1#1: signal 1 (SIGHUP) received, reconfiguring\n"),
        );
        if let Err(why) = self.configure(sim, pod, plan, work, i) {
            work.runs[i].complains(sim.now, &why);
        }
    }

    /// What comes of a request that a pod's server passes on.
    pub(super) fn passed_on(&self, sim: &Sim, pod: &Arc<PodRecord>, ip: u32, port: u16, path: &Arc<str>) -> Answer {
        let url =
            Url { host: Ipv4Addr::from(ip).to_string().into(), port, path: path.clone(), udp: false, named: None };
        let mut draw = fnv(&pod.id.to_le_bytes()) as u32;
        let mut next = || {
            draw = draw.wrapping_mul(0x9e37_79b1).wrapping_add(sim.now.0 as u32);
            draw
        };
        let way = send(sim, self, &Sender::pod(pod), &url, false, &mut next);
        match way.end {
            Ok(reached) => {
                use crate::network::Servers;
                self.answer(sim, reached.pod.id, reached.port, reached.path.as_deref().unwrap_or(path))
            }
            Err(why) => {
                let code = match (&why, why.told()) {
                    (Failure::Proxy(_, code, _), _) => *code,
                    (_, Told::TimedOut) => 504,
                    _ => 502,
                };
                Answer { code, body: nginx::page(code).to_string() }
            }
        }
    }
}
