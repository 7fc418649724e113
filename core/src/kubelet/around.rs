//! What processes of a pod find around them: names, ports and pages of the cluster, by way of the network; and what the
//! network finds in pods: who listens, who answers by the image catalogue.

use super::component::{Kubelets, Life};
use super::plan::{ContainerPlan, Plan, Program, Web};
use super::pod_worker::PodWork;
use super::run::Run;
use super::simple::Simple;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::pending::Pending;
use crate::network::request::{Failure, Outcome, PATIENCE, Sender, Told, Trace, Url, Way, send};
use crate::network::served::Visit;
use crate::network::{Answer, Listens, Servers, dns};
use crate::runtime::files::{FileSystem, Files, Mount, View};
use crate::runtime::images::{Reference, Term};
use crate::runtime::shell::{NetProblem, Ran, Surroundings};
use crate::runtime::web::{Asked, Onward, Served, Site};
use crate::sim::Sim;
use crate::store::pod::{RunState, fnv};
use crate::store::{Id, Key, PodRecord};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The surroundings of one pod's processes.
pub(super) struct Around<'a> {
    pub kubelets: &'a Kubelets,
    pub sim: &'a mut Sim,
    pub pod: &'a Arc<PodRecord>,
    pub plan: &'a Plan,
    /// In which of its containers.
    pub container: usize,
    /// The pod's own ports that are open now: its state is not with the kubelets while its processes run.
    pub own: Vec<u16>,
    /// What its processes have drawn so far.
    pub draws: u32,
    /// Requests that they have sent.
    pub traces: Vec<Trace>,
    /// Pods and ports that these have reached.
    pub reached: Vec<(Id, u16)>,
    /// Requests that were answered.
    pub visits: Vec<(Id, Visit)>,
    /// Endpoints that they are to stay with from now on: service, port, address.
    pub ties: Vec<(Key, u16, u32)>,
    /// How long the last one took.
    pub took: SimDuration,
    /// Headers of its answer.
    pub headers: Vec<(String, String)>,
    /// The files of the pod's containers, without those that the process itself has before it.
    pub roots: Vec<Files>,
    /// What is mounted into each of them.
    pub mounts: Vec<Vec<Mount>>,
    /// What the web server of each has read of its configuration.
    pub sites: Vec<Option<Arc<Site>>>,
    /// What its processes say on ports that they were told.
    pub told: Vec<(u16, Arc<str>)>,
    /// The arguments of the program that asks for URLs.
    pub sent: Vec<String>,
    /// It does not look at certificates.
    pub unchecked: bool,
    /// Time passes at once: nobody waits for what takes longer.
    pub passing: bool,
    /// Commands of the process that wait for something of the cluster's, by the number of the job.
    pub waits: Vec<(u32, Pending)>,
}

/// The name that a pod's containers have for their machine.
pub(super) fn hostname(pod: &PodRecord, plan: &Plan) -> String {
    match &plan.spec().hostname {
        _ if plan.host_network => pod.node.as_deref().unwrap_or_default().to_owned(),
        Some(h) if !h.is_empty() => h.clone(),
        _ => pod.name.to_string(),
    }
}

/// The files of a pod's containers that say how names are looked up.
pub(super) fn name_files(files: &mut crate::runtime::files::Files, pod: &PodRecord, plan: &Plan, ip: u32) {
    let own = hostname(pod, plan);
    files.place("/etc/hostname", &format!("{own}\n"));
    files.place("/etc/hosts", &dns::hosts(pod, ip, &own));
    files.place("/etc/resolv.conf", &dns::Resolver::of(pod).file());
}

/// Ports that a pod's containers listen on now.
pub(super) fn open_ports(plan: &Plan, work: &PodWork, now: SimTime) -> Vec<u16> {
    let runs = work.runs.iter().zip(plan.containers.iter());
    runs.filter(|(r, c)| r.serves(c, now)).flat_map(|(r, c)| ports(c, Some(r)).iter().copied()).collect()
}

/// Ports that a container listens on: those that its server has been told by its files, or its image's.
fn ports<'a>(c: &'a ContainerPlan, run: Option<&'a Run>) -> &'a [u16] {
    let told = run.and_then(|r| r.process.as_ref()).map_or(&[][..], |p| p.told_ports());
    match run.and_then(|r| r.site.as_ref()) {
        _ if !told.is_empty() => told,
        Some(site) => site.ports(),
        None => &c.ports,
    }
}

/// `User-Agent` of curl.
pub(super) const CURL: &str = "curl/8.17.0";

/// What the servers that a request has reached write down: who answers it and who passed it on.
pub(super) fn visits<E>(
    way: &Way,
    url: &Url,
    answer: &Result<(u16, String), E>,
    from: u32,
    at: SimTime,
    agent: &'static str,
) -> Vec<(Id, Visit)> {
    let (Ok(r), Ok((code, body))) = (&way.end, answer) else { return vec![] };
    let visit = |port: u16, source: u32, path: &str| {
        let bytes = Some(body.len() as u32);
        Visit { at, port, source, path: path.into(), code: *code, bytes, agent }
    };
    let first = r.by.iter().map(|(pod, port)| (*pod, visit(*port, from, &url.path)));
    first.chain([(r.pod.id, visit(r.port, r.source, r.asked(url).path))]).collect()
}

/// The container that answers on a port.
pub(super) fn server<'a>(plan: &'a Plan, work: Option<&PodWork>, port: u16) -> Option<(usize, &'a ContainerPlan)> {
    let run = |i: usize| work.and_then(|w| w.runs.get(i));
    plan.containers.iter().enumerate().skip(plan.init).find(|(i, c)| ports(c, run(*i)).contains(&port))
}

/// Pages outside of the cluster that the documentation's manifests ask for: they are there, and say little.
const OUTSIDE_NAMES: [&str; 7] = [
    "info.cern.ch",
    "example.com",
    "www.example.com",
    "kubernetes.io",
    "deb.debian.org",
    "archive.ubuntu.com",
    "dl-cdn.alpinelinux.org",
];
/// Images whose `sh` is Debian's, unless they are made of Alpine.
const DASH: [&str; 16] = [
    "nginx",
    "redis",
    "postgres",
    "httpd",
    "debian",
    "ubuntu",
    "node",
    "python",
    "mariadb",
    "mongo",
    "wordpress",
    "php",
    "golang",
    "tomcat",
    "ruby",
    "perl",
];
/// Their address.
const OUTSIDE_PAGE: u32 = u32::from_be_bytes([203, 0, 113, 10]);

/// The address of a page outside of the cluster.
pub(super) fn outside_address(name: &str) -> Option<u32> {
    is_outside(name).then_some(OUTSIDE_PAGE)
}

pub(super) fn is_outside(name: &str) -> bool {
    OUTSIDE_NAMES.contains(&name.trim_end_matches('.'))
}

impl Around<'_> {
    /// Does the pod get an answer of the name server it uses, be it the cluster's or its node's?
    fn names_reached(&self) -> bool {
        let cut = self.pod.node.as_ref().is_some_and(|n| self.sim.network.tables.is_cut(n));
        !cut && (!dns::Resolver::of(self.pod).asks_cluster() || self.asks_names())
    }

    /// The answer of a page outside of the cluster; none: it is not one.
    fn outside(&self, url: &Url) -> Option<Result<(u16, String), NetProblem>> {
        use crate::network::policy::{End, Wanted, allowed};
        if !is_outside(&url.host) {
            return None;
        }
        if !self.names_reached() {
            return Some(Err(NetProblem::UnknownHost));
        }
        let from = End { pod: Some(self.pod), ip: self.ip() };
        let wanted = Wanted { port: url.port, udp: false };
        Some(match allowed(self.sim, from, End { pod: None, ip: OUTSIDE_PAGE }, wanted) {
            Ok(()) if matches!(url.port, 80 | 443) => {
                let host = &url.host;
                Ok((200, format!("<html><head><title>{host}</title></head><body>{host}</body></html>\n")))
            }
            _ => Err(NetProblem::TimedOut),
        })
    }

    fn ip(&self) -> u32 {
        let own = self.kubelets.workers.get(&self.pod.id).map_or(0, |w| w.ip);
        if self.plan.host_network { self.pod.status.host_ip } else { own }
    }

    /// Does an answer of the cluster's name server come back to the pod?
    fn asks_names(&self) -> bool {
        let cut = self.pod.node.as_ref().is_some_and(|n| self.sim.network.tables.is_cut(n));
        !cut && crate::network::policy::names_allowed(self.sim, self.pod)
    }

    pub(super) fn send(&mut self, url: &Url) -> Way {
        let from = Sender { ip: self.ip(), ..Sender::pod(self.pod) };
        let (seed, pod, now) = (self.sim.config.seed, self.pod.id, self.sim.now.0);
        let mut draws = self.draws;
        let mut draw = || {
            draws = draws.wrapping_add(1);
            let mut bytes = [0; 28];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            bytes[8..16].copy_from_slice(&pod.to_le_bytes());
            bytes[16..24].copy_from_slice(&now.to_le_bytes());
            bytes[24..].copy_from_slice(&draws.to_le_bytes());
            // the low bits of the hash are those that differ
            (fnv(&bytes) as u32).wrapping_mul(0x9e37_79b1)
        };
        let way = send(self.sim, self, &from, url, true, &mut draw);
        self.draws = draws;
        self.ties.extend(way.tie.clone());
        way
    }

    /// The pod's own container that answers on a port.
    fn own_server(&self, port: u16) -> Option<(usize, &ContainerPlan)> {
        let of = |i: usize| self.sites.get(i).and_then(Option::as_ref);
        let all = self.plan.containers.iter().enumerate().skip(self.plan.init);
        all.into_iter().find(|(i, c)| of(*i).map_or(&*c.ports, |s| s.ports()).contains(&port))
    }

    /// What the pod's own server answers by its files, as they are at this moment of the process.
    fn own_page(&self, pod: Id, port: u16, asked: Asked<'_>, files: &FileSystem<'_>) -> Option<Answer> {
        if let Some((_, text)) = self.told.iter().find(|(p, _)| *p == port && pod == self.pod.id) {
            let reply = super::site::spoken(text);
            return Some(Answer { headers: reply.headers, ..Answer::new(reply.code, &*reply.body) });
        }
        let (i, c) = self.own_server(port).filter(|_| pod == self.pod.id)?;
        let root = c.entry.as_ref().map(|e| &e.root).filter(|r| !r.is_empty())?;
        let mut view = files.view();
        if i != self.container {
            view.root = self.roots.get(i)?;
            view.mounts = self.mounts.get(i)?;
        }
        Some(match self.sites.get(i).and_then(Option::as_ref) {
            Some(site) => match site.answer(view, port, asked) {
                Served::Says(reply) => {
                    let headers = reply.headers.iter().map(|(n, v)| (n.clone(), self.filled(v))).collect();
                    Answer { headers, ..Answer::new(reply.code, self.filled(&reply.body)) }
                }
                // who passes it on has done so
                Served::Passes(_) => return None,
            },
            None => {
                let (code, body) = super::content::page(view, root, asked.path);
                Answer::new(code, &*body)
            }
        })
    }

    /// A server's text with what stands for this pod.
    fn filled(&self, body: &str) -> String {
        body.replace("{hostname}", &self.pod.name).replace("{now}", &self.sim.now.rfc3339())
    }

    pub(super) fn keep(&mut self, url: &Url, way: Way, outcome: Outcome) {
        if self.traces.len() < 64 {
            self.traces.push(kept(self.sim, url, way, outcome));
        }
    }
}

/// What is kept of a request.
pub(super) fn kept(sim: &Sim, url: &Url, way: Way, outcome: Outcome) -> Trace {
    let took = way.waits();
    let url = if url.port == 80 {
        format!("http://{}{}", url.host, url.path)
    } else {
        format!("http://{}:{}{}", url.host, url.port, url.path)
    };
    Trace { number: 0, client: None, at: sim.now, took, url: url.into(), hops: way.hops, outcome }
}

/// The problem that a program has; none: it got an HTTP status.
pub(super) fn problem(told: Told) -> Result<u16, NetProblem> {
    match told {
        Told::UnknownHost => Err(NetProblem::UnknownHost),
        Told::Refused | Told::Reset => Err(NetProblem::Refused),
        Told::TimedOut => Err(NetProblem::TimedOut),
        Told::Status(code) => Ok(code),
    }
}

/// What the ingress controller and the API server say when they have no answer of a pod.
pub(super) fn page(failure: &Failure, code: u16) -> String {
    if let Failure::Health(service, _, local) = failure {
        let (namespace, name) = (&service.namespace, &service.name);
        return format!(
            "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{namespace}\",\n\t\t\"name\": \"{name}\"\n\t}},\n\t\"localEndpoints\": \
             {local},\n\t\"serviceProxyHealthy\": true\n}}"
        );
    }
    if *failure == Failure::Api {
        return "{\n  \"kind\": \"Status\",\n  \"apiVersion\": \"v1\",\n  \"status\": \"Failure\",\n  \"reason\": \"Forbidden\",\n  \"code\": 403\n}\n".into();
    }
    let words = match code {
        404 => "Not Found",
        502 => "Bad Gateway",
        504 => "Gateway Time-out",
        _ => "Service Temporarily Unavailable",
    };
    format!(
        "<html>\r\n<head><title>{code} {words}</title></head>\r\n<body>\r\n<center><h1>{code} {words}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

impl Surroundings for Around<'_> {
    fn hostname(&self) -> String {
        hostname(self.pod, self.plan)
    }

    fn resolve(&mut self, name: &str) -> Vec<String> {
        if name == "localhost" {
            return vec!["127.0.0.1".into()];
        }
        if name == self.hostname() {
            return vec![Ipv4Addr::from(self.ip()).to_string()];
        }
        if let Some(ip) = dns::alias(self.pod, name) {
            return vec![Ipv4Addr::from(ip).to_string()];
        }
        if name.parse::<Ipv4Addr>().is_ok() {
            return vec![name.to_owned()];
        }
        if is_outside(name) && self.names_reached() {
            return vec![Ipv4Addr::from(OUTSIDE_PAGE).to_string()];
        }
        if !self.asks_names() {
            return vec![];
        }
        match dns::lookup(self.sim, &dns::Resolver::of(self.pod), name) {
            dns::Name::Addresses(_, ips) => ips.into_iter().map(|ip| Ipv4Addr::from(ip).to_string()).collect(),
            dns::Name::Elsewhere(alias) if is_outside(&alias) => vec![Ipv4Addr::from(OUTSIDE_PAGE).to_string()],
            // a name server elsewhere would have to know it
            dns::Name::Elsewhere(_) | dns::Name::Unknown => vec![],
        }
    }

    fn canonical(&mut self, name: &str) -> Option<String> {
        if is_outside(name) {
            return Some(name.to_owned());
        }
        let own = name == "localhost" || name == self.hostname() || dns::alias(self.pod, name).is_some();
        if own || !self.asks_names() {
            return None;
        }
        match dns::lookup(self.sim, &dns::Resolver::of(self.pod), name) {
            dns::Name::Addresses(full, _) => Some(full),
            _ => None,
        }
    }

    fn alias(&mut self, name: &str) -> Option<(String, String)> {
        if !self.asks_names() {
            return None;
        }
        match dns::lookup(self.sim, &dns::Resolver::of(self.pod), name) {
            dns::Name::Elsewhere(alias) => Some((
                dns::full_name(&Key::new(self.pod.namespace.clone(), name.split('.').next().unwrap_or(name)))
                    .to_string(),
                alias,
            )),
            _ => None,
        }
    }

    fn services(&mut self, name: &str) -> Option<(String, Vec<(u16, String)>)> {
        let found = self.asks_names().then(|| dns::services(self.sim, &dns::Resolver::of(self.pod), name))?;
        let (full, list) = found?;
        Some((full, list.into_iter().map(|s| (s.port, s.target)).collect()))
    }

    fn connect(&mut self, host: &str, port: u16, udp: bool) -> Result<(), NetProblem> {
        let url = Url { host: host.into(), port, path: "/".into(), udp, named: None };
        let own = || self.plan.containers.get(self.container);
        // what nobody knows serves what its own commands expect of it
        let unknown =
            matches!(host, "localhost" | "127.0.0.1") && own().is_some_and(|c| c.entry.is_none() && c.ports.is_empty());
        match self.send(&url).end {
            Ok(_) => Ok(()),
            Err(_) if unknown => Ok(()),
            Err(f) => problem(f.told()).map(|_| ()),
        }
    }

    fn processes(&self) -> Vec<(u32, String)> {
        let Some(c) = self.plan.containers.get(self.container) else { return vec![] };
        let line = match &c.program {
            Program::Command(argv) => argv.join(" "),
            _ if c.web == Some(Web::Nginx) => {
                let master = (1, "nginx: master process nginx -g daemon off;".to_owned());
                return vec![master, (29, "nginx: worker process".to_owned())];
            }
            _ => {
                let name = c.image.split(['@', ':']).next().unwrap_or_default();
                name.rsplit('/').next().unwrap_or_default().to_owned()
            }
        };
        vec![(1, line)]
    }

    fn cores(&self) -> u64 {
        let node = self.kubelets.workers.get(&self.pod.id).and_then(|w| self.kubelets.nodes.get(w.node as usize));
        node.map_or(1, |n| n.cpu.div_ceil(1000))
    }

    fn memory(&self) -> (u64, u64) {
        let node = self.kubelets.workers.get(&self.pod.id).and_then(|w| self.kubelets.nodes.get(w.node as usize));
        let used = node.and_then(|n| self.kubelets.node_using(self.sim, &n.name)).map_or(0, |u| u.memory);
        (node.map_or(0, |n| n.memory), used)
    }

    fn disk(&self) -> (u64, u64) {
        let index = self.kubelets.workers.get(&self.pod.id).map(|w| w.node);
        (super::pressure::DISK, index.map_or(0, |i| self.kubelets.disk_demand(self.sim, i)))
    }

    fn listening(&self) -> Vec<u16> {
        let mut ports = self.own.clone();
        ports.sort_unstable();
        ports
    }

    fn pings(&mut self, ip: &str) -> bool {
        use crate::network::policy::{End, Wanted, allowed};
        let Ok(ip) = ip.parse::<Ipv4Addr>().map(u32::from) else { return false };
        let tables = &self.sim.network.tables;
        let cut = |n: &Arc<str>| tables.is_cut(n);
        let own = self.pod.node.as_ref();
        if ip >> 24 == 127 || ip == self.ip() {
            return true;
        }
        if let Some((name, _)) = self.sim.network.nodes().iter().find(|(_, n)| *n == ip) {
            return own == Some(name) || (!cut(name) && !own.is_some_and(cut) && self.kubelets.powered(name));
        }
        // an address of a service is nobody's: there is nothing behind it that answers an echo
        let Some(pod) = self.kubelets.holder(ip).and_then(|id| self.sim.store.pod(id)) else { return false };
        let joined = pod.node.as_ref() == own || !pod.node.as_ref().is_some_and(cut) && !own.is_some_and(cut);
        let powered = pod.node.as_ref().is_some_and(|n| self.kubelets.powered(n));
        let (from, to) = (End { pod: Some(self.pod), ip: self.ip() }, End { pod: Some(pod), ip });
        joined && powered && allowed(self.sim, from, to, Wanted { port: 0, udp: false }).is_ok()
    }

    fn busybox(&self) -> bool {
        let image = self.plan.containers.get(self.container).map_or("", |c| &c.image);
        !["ubuntu", "centos", "fedora", "netshoot"].iter().any(|p| image.contains(p))
    }

    fn dash(&self) -> bool {
        let c = self.plan.containers.get(self.container).filter(|c| c.entry.is_some());
        let name = c.map_or("", |c| &c.image);
        !name.contains("alpine") && DASH.iter().any(|p| name.contains(p))
    }

    fn lacks(&self, program: &str) -> bool {
        let c = self.plan.containers.get(self.container);
        c.is_some_and(|c| c.entry.is_some() && crate::runtime::shell::lacks(&c.image, program))
    }

    fn image(&self) -> String {
        self.plan.containers.get(self.container).map_or_else(String::new, |c| c.image.to_string())
    }

    fn names_answer(&self) -> bool {
        self.names_reached()
    }

    fn image_version(&self) -> String {
        let image = self.plan.containers.get(self.container).and_then(|c| Reference::parse(&c.image));
        image.map_or_else(String::new, |r| r.tag)
    }

    fn get(&mut self, url: &str, host: Option<&str>, files: &FileSystem<'_>) -> Result<(u16, String), NetProblem> {
        let raw = url;
        let mut url = Url::parse(url).ok_or(NetProblem::UnknownHost)?;
        // a port in it says nothing
        url.named = host.map(|h| h.split(':').next().unwrap_or(h).into());
        if let Some(body) = self.outside(&url) {
            return body;
        }
        let host = url.host.to_string();
        if let Some((_, alias)) = self.alias(&host) {
            let elsewhere = Url { host: alias.as_str().into(), ..url.clone() };
            if let Some(body) = self.outside(&elsewhere) {
                return body;
            }
        }
        let way = self.send(&url);
        if matches!(way.end, Err(Failure::Api)) {
            return self.ask_api(raw, &url, way, files);
        }
        self.headers.clear();
        let (answer, outcome) = match &way.end {
            Ok(r) => {
                let (pod, port) = (r.pod.id, r.port);
                let rate = self.sim.network.served.rate(pod, port, self.sim.now);
                let took = self.serves_in(self.sim, pod, port, rate);
                if self.reached.len() < 1024 {
                    self.reached.extend(&r.by);
                    self.reached.push((pod, port));
                }
                self.took = way.took + took;
                if took >= PATIENCE {
                    (Err(NetProblem::TimedOut), Outcome::Failed(Failure::NoAnswer(r.pod.key())))
                } else {
                    let asked = r.asked(&url);
                    let a = self.own_page(pod, port, asked, files);
                    let a = a.unwrap_or_else(|| self.answer(self.sim, pod, port, asked));
                    self.headers.clone_from(&a.headers);
                    let body = a.body.replace("{client}", &Ipv4Addr::from(r.source).to_string());
                    (Ok((a.code, body)), Outcome::Answered(a.code, r.pod.key()))
                }
            }
            Err(f) => (problem(f.told()).map(|code| (code, page(f, code))), f.clone().into()),
        };
        let image = self.image();
        let busybox = ["busybox", "alpine"].iter().any(|n| image.contains(n));
        if self.visits.len() < 1024 {
            let agent = if busybox { "Wget" } else { CURL };
            self.visits.extend(visits(&way, &url, &answer, self.ip(), self.sim.now, agent));
        }
        self.keep(&url, way, outcome);
        answer
    }

    fn sends(&mut self, program: &str, args: &[String]) {
        self.sent = args.to_vec();
        // BusyBox's wget says so itself
        self.unchecked = program == "wget" && self.busybox();
    }

    fn runs(&self, name: &str) -> bool {
        match name.rsplit('/').next() {
            Some("kubectl") => self.has_kubectl(),
            Some("jq") => {
                let entry = self.plan.containers.get(self.container).and_then(|c| c.entry.as_ref());
                entry.is_some_and(|e| e.has("jq"))
            }
            _ => false,
        }
    }

    fn run(&mut self, job: u32, argv: &[String], input: &str, instant: bool, files: &mut FileSystem<'_>) -> Ran {
        if argv[0].ends_with("jq") {
            return self.jq(&argv[1..], input, files);
        }
        self.kubectl(job, argv, input, instant, files)
    }

    fn took(&self) -> SimDuration {
        self.took
    }

    fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

impl Servers for Around<'_> {
    fn holder(&self, ip: u32) -> Option<Id> {
        if ip == self.ip() { Some(self.pod.id) } else { self.kubelets.holder(ip) }
    }

    fn listens(&self, sim: &Sim, pod: Id, port: u16) -> Listens {
        match pod == self.pod.id {
            true if self.own.contains(&port) => Listens::Open(SimTime::ZERO),
            true => Listens::Closed,
            false => self.kubelets.listens(sim, pod, port),
        }
    }

    fn passes_on(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> Option<Onward> {
        // those of this very command are not counted yet
        let now = self.reached.iter().filter(|r| **r == (pod, port)).count() as u64;
        let asked = Asked { turn: asked.turn + now, ..asked };
        if pod != self.pod.id {
            return self.kubelets.passes_on(sim, pod, port, asked);
        }
        let (i, _) = self.own_server(port)?;
        let site = self.sites.get(i)?.as_ref()?;
        let nothing = Files::default();
        let view = View { root: &nothing, mounts: &[], volumes: &[] };
        match site.answer(view, port, Asked { turn: asked.turn + sim.network.served.total(pod, port), ..asked }) {
            Served::Passes(on) => Some(on),
            Served::Says(_) => None,
        }
    }

    fn still_runs(&self, sim: &Sim, pod: Id, port: u16, since: SimTime) -> bool {
        pod == self.pod.id || self.kubelets.still_runs(sim, pod, port, since)
    }

    fn code(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> u16 {
        self.kubelets.code(sim, pod, port, asked)
    }

    fn answer(&self, sim: &Sim, pod: Id, port: u16, asked: Asked<'_>) -> Answer {
        self.kubelets.answer(sim, pod, port, asked)
    }

    fn serves_in(&self, sim: &Sim, pod: Id, port: u16, rate: u32) -> SimDuration {
        if pod == self.pod.id {
            return SimDuration::from_millis(1);
        }
        self.kubelets.serves_in(sim, pod, port, rate)
    }

    fn powered(&self, node: &str) -> bool {
        self.kubelets.powered(node)
    }
}

impl Kubelets {
    pub(super) fn with_plan<R>(&self, pod: &PodRecord, f: impl FnOnce(&Plan) -> R) -> R {
        match self.planned(pod) {
            Some(plan) => f(plan),
            None => f(&Plan::new(&pod.proto)),
        }
    }

    /// Since when the process that answers on a port runs, and whether it has been told to stop.
    pub(super) fn process(&self, sim: &Sim, id: Id, port: u16) -> Option<(SimTime, bool)> {
        let (w, pod) = (self.workers.get(&id)?, sim.store.pod(id)?);
        self.with_plan(pod, |plan| match &w.life {
            Life::Full(work) => {
                let mut runs = work.runs.iter().zip(plan.containers.iter());
                let (run, _) = runs.find(|(r, c)| ports(c, Some(r)).contains(&port) && r.serves(c, sim.now))?;
                Some((run.since, run.exits.is_some()))
            }
            life => {
                let (_, c) = server(plan, None, port)?;
                let record = pod.status.containers.first()?;
                let RunState::Running(since) = record.state else { return None };
                let told = match life {
                    Life::Simple(Simple::Stopping(_)) => c.entry.as_ref().is_none_or(|e| e.term != Term::Ignores),
                    Life::Simple(Simple::Running) | Life::Recorded(_) => false,
                    _ => return None,
                };
                Some((since.into(), told))
            }
        })
    }
}
