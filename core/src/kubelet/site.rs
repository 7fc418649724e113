//! Web servers that are configured by files: nginx and Apache read their configuration when they start and when they are
//! told to read it again, and end with 1 if they cannot take it.

use super::component::{Kubelets, Life};
use super::plan::{ContainerPlan, Plan, Web};
use super::pod_worker::PodWork;
use super::run::Run;
use crate::clock::SimTime;
use crate::network::request::{Failure, Sender, Told, Url, send};
use crate::network::served::Visit;
use crate::network::{Answer, Servers, dns, policy};
use crate::runtime::files::{Entry, View};
use crate::runtime::images::Reference;
use crate::runtime::logs::Log;
use crate::runtime::shell::Stream;
use crate::runtime::web::{Asked, Onward, Reply, Served, Site};
use crate::runtime::{httpd, nginx};
use crate::sim::Sim;
use crate::store::PodRecord;
use crate::store::pod::fnv;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What the entry point of the image says before nginx is started.
const ENTRY: &str = "/docker-entrypoint.sh: Configuration complete; ready for start up\n";

impl Run {
    /// A server's complaint, as it logs and prints it.
    pub(super) fn complains(&mut self, web: Option<Web>, now: SimTime, why: &str) {
        if web == Some(Web::Apache) {
            self.log.add(now, Stream::Err, &format!("{why}\n"));
            return;
        }
        let moment = now.timestamp().strftime("%Y/%m/%d %H:%M:%S");
        self.log.add(now, Stream::Err, &format!("{moment} [emerg] 1#1: {why}\nnginx: [emerg] {why}\n"));
    }

    /// A server could not be started.
    pub(super) fn not_configured(&mut self, web: Option<Web>, now: SimTime, why: &str) {
        if web == Some(Web::Nginx) {
            self.log.add(now, Stream::Out, ENTRY);
        }
        self.complains(web, now, why);
    }
}

/// What a container's server says when it has come up: the image's own lines, and what of a configuration is read past
/// here.
pub(super) fn greets(log: &mut Log, c: &ContainerPlan, site: Option<&Site>, at: SimTime, ip: u32) {
    if let Some(e) = &c.entry {
        log.add(at, Stream::Out, &e.output);
    }
    let unread = site.map_or(&[][..], Site::unread);
    if !unread.is_empty() {
        let list = unread.join(", ");
        log.add(at, Stream::Err, &format!("kubarium: read past in this server's configuration: {list}\n"));
    }
    if c.web != Some(Web::Apache) {
        return;
    }
    if !matches!(site, Some(Site::Apache(s)) if s.named) {
        let line = format!(
            "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using {}. Set the \
             'ServerName' directive globally to suppress this message\n",
            Ipv4Addr::from(ip)
        );
        log.add(at, Stream::Err, &line.repeat(2));
    }
    let tag = Reference::parse(&c.image).map_or_else(String::new, |r| r.tag);
    let version = tag.split('-').next().filter(|v| v.matches('.').count() == 2).unwrap_or("2.4.66").to_owned();
    let moment = at.timestamp().strftime("%a %b %d %H:%M:%S%.6f %Y").to_string();
    log.add(
        at,
        Stream::Err,
        &format!(
            "[{moment}] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/{version} (Unix) configured -- resuming normal \
             operations\n[{moment}] [core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'\n"
        ),
    );
}

/// A web server's line for a request that it has answered: nginx's `main` format, Apache's `common`.
fn access(web: Web, visit: &Visit, bytes: usize) -> String {
    let moment = visit.at.timestamp().strftime("%d/%b/%Y:%H:%M:%S %z");
    let Visit { path, code, agent, .. } = visit;
    let asked = format!("{} - - [{moment}] \"GET {path} HTTP/1.1\" {code}", Ipv4Addr::from(visit.source));
    match web {
        Web::Nginx => format!("{asked} {bytes} \"-\" \"{agent}\" \"-\"\n"),
        Web::Apache if bytes == 0 => format!("{asked} -\n"),
        Web::Apache => format!("{asked} {bytes}\n"),
    }
}

/// An answer as somebody wrote it into `nc -l`: a status line, headers, an empty line, the body. What has no status line
/// is all body.
pub(super) fn spoken(text: &str) -> Reply {
    let text = text.replace("\r\n", "\n");
    let status = text.strip_prefix("HTTP/").and_then(|t| t.split_whitespace().nth(1)?.parse::<u16>().ok());
    let Some(code) = status else { return Reply::new(200, &*text) };
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut headers: Vec<(String, String)> = vec![];
    let mut most = usize::MAX;
    for (name, value) in head.lines().skip(1).filter_map(|l| l.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => most = value.trim().parse().unwrap_or(most),
            _ => headers.push((name.to_owned(), value.trim().to_owned())),
        }
    }
    let mut end = most.min(body.len());
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    Reply { headers, ..Reply::new(code, &body[..end]) }
}

impl Kubelets {
    /// A container's log with a line for each request that its web server has answered since this run began, as far as
    /// they are kept.
    pub(super) fn with_visits(
        &self,
        sim: &Sim,
        pod: &PodRecord,
        plan: &Plan,
        i: usize,
        since: SimTime,
        log: &Log,
    ) -> Log {
        let Some((web, visits)) = plan.containers[i].web.zip(sim.network.served.visits(pod.id)) else {
            return log.clone();
        };
        let work = match self.workers.get(&pod.id).map(|w| &w.life) {
            Some(Life::Full(work)) => Some(&**work),
            _ => None,
        };
        let own = |port: u16| super::around::server(plan, work, port).is_some_and(|(k, _)| k == i);
        let mut all = Log::after(log.dropped + visits.before);
        let mut printed = log.lines().peekable();
        for visit in visits.last.iter().filter(|v| v.at >= since && own(v.port)) {
            while let Some(line) = printed.next_if(|l| l.at <= visit.at) {
                all.add(line.at, line.stream, &format!("{}\n", line.text));
            }
            let bytes = visit.bytes.map_or_else(
                || self.answer(sim, pod.id, visit.port, Asked::new("", &visit.path)).body.len(),
                |n| n as usize,
            );
            all.add(visit.at, Stream::Out, &access(web, visit, bytes));
        }
        printed.for_each(|line| all.add(line.at, line.stream, &format!("{}\n", line.text)));
        all
    }
}

impl PodWork {
    /// A container's files, to look at.
    pub(super) fn view(&self, i: usize) -> Option<View<'_>> {
        let mounts = self.volumes.as_ref().and_then(|v| v.mounts.get(i)).map_or(&[][..], Vec::as_slice);
        let volumes = self.volumes.as_ref().map_or(&[][..], |v| &v.files);
        Some(View { root: &self.runs.get(i)?.files, mounts, volumes })
    }

    /// Does a process of a container say on a port what it has been given to say?
    pub(super) fn speaks(&self, i: usize, port: u16) -> bool {
        self.runs.get(i).and_then(|r| r.process.as_ref()).is_some_and(|p| p.says_on(port).is_some())
    }

    /// Why a program on one of a container's volumes cannot be run, in the words of runc; none: it can.
    pub(super) fn cannot_run(&self, i: usize, asked: &str, path: &str) -> Option<String> {
        let view = self.view(i)?;
        match view.get(path) {
            None => Some(format!("exec: {asked:?}: stat {asked}: no such file or directory")),
            Some(Entry::Dir) => Some(format!("exec: {asked:?}: is a directory")),
            Some(_) if view.mode(path).is_some_and(|m| m & 0o111 == 0) => {
                Some(format!("exec: {asked:?}: permission denied"))
            }
            Some(_) => None,
        }
    }

    /// What the server of a container does with a request by its configuration and its files; none: it answers as the
    /// image does.
    pub(super) fn served(&self, plan: &Plan, i: usize, port: u16, asked: Asked<'_>) -> Option<Served> {
        let (c, run) = (plan.containers.get(i)?, self.runs.get(i)?);
        if let Some(text) = run.process.as_ref().and_then(|p| p.says_on(port)) {
            return Some(Served::Says(spoken(text)));
        }
        if let Some(site) = &run.site {
            return Some(site.answer(self.view(i)?, port, asked));
        }
        self.page(c, i, asked.path).map(Served::Says)
    }
}

impl Kubelets {
    /// A web server reads its configuration, if anybody can have changed what the image brings along.
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
        let Some(web) = c.web.filter(|_| c.shows_config || work.runs[i].touched) else { return Ok(()) };
        let Some(view) = work.view(i) else { return Ok(()) };
        let mut resolve = |name: &str| match name.parse::<Ipv4Addr>() {
            Ok(ip) => vec![u32::from(ip)],
            Err(_) if name == "localhost" => vec![u32::from_be_bytes([127, 0, 0, 1])],
            Err(_) => match dns::alias(pod, name) {
                Some(ip) => vec![ip],
                None if !policy::names_allowed(sim, pod) => vec![],
                None => match dns::lookup(sim, &dns::Resolver::of(pod), name) {
                    dns::Name::Addresses(_, ips) => ips,
                    _ => super::around::outside_address(name).into_iter().collect(),
                },
            },
        };
        let site = match web {
            Web::Nginx => Site::Nginx(nginx::start(view, &mut resolve)?),
            Web::Apache => Site::Apache(httpd::start(view)?),
        };
        work.runs[i].site = Some(Arc::new(site));
        Ok(())
    }

    /// A server is told to read its configuration again: one that it cannot take changes nothing.
    pub(super) fn configure_again(&self, sim: &Sim, pod: &Arc<PodRecord>, plan: &Plan, work: &mut PodWork, i: usize) {
        let web = plan.containers[i].web;
        let said = match web {
            Some(Web::Apache) => {
                let moment = sim.now.timestamp().strftime("%a %b %d %H:%M:%S%.6f %Y");
                format!(
                    "[{moment}] [mpm_event:notice] [pid 1:tid 1] AH00494: SIGHUP received.  Attempting to restart\n"
                )
            }
            _ => {
                let moment = sim.now.timestamp().strftime("%Y/%m/%d %H:%M:%S");
                format!("{moment} [notice] 1#1: signal 1 (SIGHUP) received, reconfiguring\n")
            }
        };
        work.runs[i].log.add(sim.now, Stream::Err, &said);
        if let Err(why) = self.configure(sim, pod, plan, work, i) {
            work.runs[i].complains(web, sim.now, &why);
        }
    }

    /// What comes of a request that a pod's server passes on.
    pub(super) fn passed_on(&self, sim: &Sim, pod: &Arc<PodRecord>, on: &Onward) -> Answer {
        let mut draw = fnv(&pod.id.to_le_bytes()) as u32;
        let mut next = || {
            draw = draw.wrapping_mul(0x9e37_79b1).wrapping_add(sim.now.0 as u32);
            draw
        };
        let places = on.to.iter().map(|(ip, port)| (Ipv4Addr::from(*ip).to_string().into(), *port));
        let mut code = on.refused;
        for (host, port) in places.chain(on.by_name.clone()) {
            let url = Url { host, port, path: on.path.clone(), udp: false, named: Some(on.host.clone()) };
            let way = send(sim, self, &Sender::pod(pod), &url, false, &mut next);
            match way.end {
                Ok(reached) => return self.answer(sim, reached.pod.id, reached.port, reached.asked(&url)),
                Err(Failure::Proxy(_, status, _)) => return Answer::new(status, nginx::page(status).to_string()),
                Err(why) => {
                    code = match why.told() {
                        Told::TimedOut => 504,
                        Told::UnknownHost => 502,
                        _ => on.refused,
                    }
                }
            }
        }
        Answer::new(code, nginx::page(code).to_string())
    }
}
