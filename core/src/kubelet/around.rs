//! What processes of a pod find around them: names, ports and pages of the cluster. Services lead to their ready
//! endpoints; who serves answers by the image catalogue.

use super::component::{Kubelets, Life};
use super::plan::Plan;
use super::pod_worker::PodWork;
use crate::clock::SimTime;
use crate::runtime::shell::{NetProblem, Surroundings};
use crate::sim::Sim;
use crate::store::{Key, PodRecord};
use k8s_openapi::api::core::v1::Service;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The surroundings of one pod's processes.
pub(super) struct Around<'a> {
    pub kubelets: &'a Kubelets,
    pub sim: &'a Sim,
    pub pod: &'a Arc<PodRecord>,
    pub plan: &'a Plan,
    /// The pod's own containers: name, ports that are open now.
    pub own: Vec<u16>,
}

/// Ports that a pod's containers listen on now.
pub(super) fn open_ports(plan: &Plan, work: &PodWork, now: SimTime) -> Vec<u16> {
    let runs = work.runs.iter().zip(plan.containers.iter());
    runs.filter(|(r, c)| r.serves(c, now)).flat_map(|(_, c)| c.ports.iter().copied()).collect()
}

impl Around<'_> {
    /// A pod's address by a name or an address as text.
    fn service(&self, name: &str) -> Option<&Arc<Service>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let name = name.strip_suffix(".cluster.local").unwrap_or(name);
        let name = name.strip_suffix(".svc").unwrap_or(name);
        let (service, ns) = match name.split_once('.') {
            None => (name, self.pod.namespace.clone()),
            Some((s, ns)) => (s, ns.into()),
        };
        self.sim.store.typed::<Service>(&Key::new(ns, service))
    }

    fn pods_of(&self, s: &Service) -> Vec<Arc<PodRecord>> {
        let Some(selector) = s.spec.as_ref().and_then(|s| s.selector.as_ref()) else { return vec![] };
        let ns = s.metadata.namespace.as_deref().unwrap_or_default();
        let selector = crate::api::labels::Selector::from_map(selector);
        let publish = s.spec.as_ref().and_then(|s| s.publish_not_ready_addresses) == Some(true);
        self.sim
            .store
            .select_pods(ns, &selector)
            .into_iter()
            .filter(|p| p.status.ip != 0 && !p.status.phase.is_terminal())
            .filter(|p| publish || (p.status.is_ready() && p.deletion.is_none()))
            .cloned()
            .collect()
    }

    /// The pods that `hostname.service` means: those with this hostname whose subdomain is the service.
    fn named_pods(&self, name: &str) -> Vec<Arc<PodRecord>> {
        let Some((host, rest)) = name.split_once('.') else { return vec![] };
        let Some(s) = self.service(rest) else { return vec![] };
        let mut pods = self.pods_of(s);
        pods.retain(|p| {
            let spec = p.proto.pod.spec.as_ref();
            spec.and_then(|s| s.hostname.as_deref()) == Some(host)
                && spec.and_then(|s| s.subdomain.as_ref()) == s.metadata.name.as_ref()
        });
        pods
    }

    /// Who answers on a port of a host: a pod, and its own port.
    fn target(&self, host: &str, port: u16) -> Result<(Arc<PodRecord>, u16), NetProblem> {
        if matches!(host, "localhost" | "127.0.0.1" | "::1") || host == &*self.pod.name {
            return Ok((self.pod.clone(), port));
        }
        if let Ok(ip) = host.parse::<Ipv4Addr>() {
            let ip = u32::from(ip);
            let own = self.kubelets.workers.get(&self.pod.id).map_or(0, |w| w.ip);
            if ip == own {
                return Ok((self.pod.clone(), port));
            }
            let text = host.to_owned();
            let by_ip = self
                .sim
                .store
                .list_typed::<Service>(None)
                .find(|s| s.spec.as_ref().and_then(|s| s.cluster_ip.as_deref()) == Some(text.as_str()));
            if let Some(s) = by_ip {
                return self.through(s, port);
            }
            let id = self.kubelets.workers.iter().find(|(_, w)| w.ip == ip).map(|(id, _)| *id);
            return match id.and_then(|id| self.sim.store.pod(id)) {
                Some(p) => Ok((p.clone(), port)),
                None => Err(NetProblem::TimedOut),
            };
        }
        match self.service(host) {
            Some(s) => self.through(s, port),
            None => self.named_pods(host).into_iter().next().map(|p| (p, port)).ok_or(NetProblem::UnknownHost),
        }
    }

    fn through(&self, s: &Service, port: u16) -> Result<(Arc<PodRecord>, u16), NetProblem> {
        use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
        let spec = s.spec.as_ref().ok_or(NetProblem::Refused)?;
        let headless = spec.cluster_ip.as_deref() == Some("None");
        let p = spec.ports.iter().flatten().find(|p| p.port == i32::from(port));
        if p.is_none() && !headless {
            return Err(NetProblem::TimedOut);
        }
        let pods = self.pods_of(s);
        if pods.is_empty() {
            return Err(if headless { NetProblem::UnknownHost } else { NetProblem::Refused });
        }
        // without a stream of its own to draw from: the moment chooses among the endpoints
        let pod = &pods[(self.sim.now.0 / 1000) as usize % pods.len()];
        let target = match p.and_then(|p| p.target_port.as_ref()) {
            Some(IntOrString::Int(n)) => *n as u16,
            Some(IntOrString::String(name)) => {
                let spec = pod.proto.pod.spec.as_ref();
                let ports = spec.into_iter().flat_map(|s| &s.containers).flat_map(|c| c.ports.iter().flatten());
                let named = ports.into_iter().find(|p| p.name.as_deref() == Some(name.as_str()));
                named.map_or(0, |p| p.container_port as u16)
            }
            None => port,
        };
        Ok((pod.clone(), if headless { port } else { target }))
    }

    /// Does the pod listen on the port, and what does a page of it say?
    fn answer(&self, pod: &Arc<PodRecord>, port: u16, path: &str) -> Result<(u16, String), NetProblem> {
        let now = self.sim.now;
        let kubelets = self.kubelets;
        let Some(w) = kubelets.workers.get(&pod.id) else { return Err(NetProblem::TimedOut) };
        if kubelets.nodes.get(w.node as usize).is_none_or(|n| !n.powered) {
            return Err(NetProblem::TimedOut);
        }
        let fresh;
        let plan = if pod.id == self.pod.id {
            self.plan
        } else {
            fresh = Plan::new(&pod.proto);
            &fresh
        };
        let open = match &w.life {
            _ if pod.id == self.pod.id => self.own.clone(),
            Life::Full(work) => open_ports(plan, work, now),
            _ if pod.status.is_ready() => plan.containers.iter().flat_map(|c| c.ports.iter().copied()).collect(),
            _ => vec![],
        };
        if !open.contains(&port) {
            return Err(NetProblem::Refused);
        }
        let c = plan.containers.iter().skip(plan.init).find(|c| c.ports.contains(&port));
        let (code, body) = match c.and_then(|c| c.entry.as_ref()) {
            Some(e) => e.answer(path),
            None => (200, "OK\n"),
        };
        Ok((code, body.replace("{hostname}", &pod.name).replace("{now}", &now.rfc3339())))
    }
}

impl Surroundings for Around<'_> {
    fn hostname(&self) -> String {
        let spec = self.plan.spec();
        if self.plan.host_network {
            return self.pod.node.as_deref().unwrap_or_default().to_owned();
        }
        spec.hostname.clone().filter(|h| !h.is_empty()).unwrap_or_else(|| self.pod.name.to_string())
    }

    fn resolve(&mut self, name: &str) -> Vec<String> {
        if name.parse::<Ipv4Addr>().is_ok() {
            return vec![name.to_owned()];
        }
        let own = self.kubelets.workers.get(&self.pod.id).map_or(0, |w| w.ip);
        if name == "localhost" {
            return vec!["127.0.0.1".into()];
        }
        if name == self.hostname() {
            return vec![Ipv4Addr::from(own).to_string()];
        }
        if let Some(s) = self.service(name) {
            let spec = s.spec.as_ref();
            return match spec.and_then(|s| s.cluster_ip.as_deref()) {
                Some("None") => self.pods_of(s).iter().map(|p| Ipv4Addr::from(p.status.ip).to_string()).collect(),
                Some(ip) if !ip.is_empty() => vec![ip.to_owned()],
                _ => spec.and_then(|s| s.external_name.clone()).into_iter().collect(),
            };
        }
        self.named_pods(name).iter().map(|p| Ipv4Addr::from(p.status.ip).to_string()).collect()
    }

    fn connect(&mut self, host: &str, port: u16) -> Result<(), NetProblem> {
        if host == "kubernetes" || host.starts_with("kubernetes.default") || host == "10.96.0.1" {
            return if port == 443 { Ok(()) } else { Err(NetProblem::TimedOut) };
        }
        let (pod, port) = self.target(host, port)?;
        self.answer(&pod, port, "/").map(|_| ())
    }

    fn get(&mut self, url: &str) -> Result<(u16, String), NetProblem> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (host, path) = match rest.split_once('/') {
            Some((h, p)) => (h, format!("/{p}")),
            None => (rest, "/".to_owned()),
        };
        let (host, port) = match host.rsplit_once(':') {
            Some((h, p)) => (h, p.parse().unwrap_or(80)),
            None => (host, if scheme == "https" { 443 } else { 80 }),
        };
        let (pod, port) = self.target(host, port)?;
        self.answer(&pod, port, &path)
    }
}

impl Kubelets {
    /// What comes of a GET to a port of a pod or a service from outside the cluster: who answered, status and body.
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
        let pod = if service { sim.store.pods().next() } else { sim.store.pod_by_name(key) };
        let pod = pod.ok_or(if service { NetProblem::Refused } else { NetProblem::UnknownHost })?;
        let plan = Plan::new(&pod.proto);
        let own = match self.workers.get(&pod.id).map(|w| &w.life) {
            Some(Life::Full(work)) => open_ports(&plan, work, sim.now),
            Some(_) if pod.status.is_ready() => plan.containers.iter().flat_map(|c| c.ports.iter().copied()).collect(),
            _ => vec![],
        };
        let around = Around { kubelets: self, sim, pod, plan: &plan, own };
        let (pod, port) = if service {
            let s = sim.store.typed::<Service>(key).ok_or(NetProblem::UnknownHost)?;
            around.through(s, port)?
        } else {
            (pod.clone(), port)
        };
        let (code, body) = around.answer(&pod, port, path)?;
        Ok((pod.name.clone(), code, body))
    }
}
