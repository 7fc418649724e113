//! Kubelets that reach nobody: a node that is cut off from the others, an API server that does not answer, a registry
//! that does not. What runs, runs on; what could not be written is written later, and what was missed is learnt then.

use super::component::{KubeletEvent, Kubelets, Life};
use super::simple::Simple;
use crate::clock::{SimDuration, SimTime};
use crate::runtime::images::{Catalogue, Reference};
use crate::sim::{Actor, Event, Sim};
use crate::store::{Id, Key, PodRecord};
use std::sync::Arc;

/// Instead of the index of a node: all of them.
pub(super) const ALL_NODES: u32 = u32::MAX;
/// From the end of an outage to when a kubelet notices it.
const NOTICES: SimDuration = SimDuration::from_millis(1_500);

impl Kubelets {
    /// Cuts a node off from all others and the API server, or joins it again.
    pub(super) fn partition(&mut self, sim: &mut Sim, node: &str, on: bool) -> Result<(), String> {
        let Some(index) = self.node_index(node) else { return Err(format!("nodes {node:?} not found")) };
        let name = self.nodes[index as usize].name.clone();
        if sim.network.tables.is_cut(&name) == on {
            return Ok(());
        }
        if on {
            let now = sim.now;
            sim.network.tables.cut_off(&name, now);
            let last = SimTime(now.0 - now.0 % 10_000_000);
            if sim.server.silent.insert(name, last).is_none() {
                sim.notify(crate::store::Kind::Node);
            }
        } else {
            sim.network.tables.join(&name);
            sim.after(NOTICES, Event::Kubelet(KubeletEvent::Rejoin(index)));
        }
        Ok(())
    }

    /// The registry of images answers no more, or again. What was under way does not arrive.
    pub(super) fn registry_outage(&mut self, sim: &mut Sim, on: bool) {
        sim.registry_outage(on);
        if !on {
            return;
        }
        let now = sim.now;
        for node in self.nodes.iter_mut() {
            if node.images.values().any(|t| *t > now) {
                node.images = node.images.iter().filter(|(_, t)| **t <= now).map(|(i, t)| (i.clone(), *t)).collect();
            }
            node.puller_free = node.puller_free.min(now);
        }
    }

    /// The size of an image, or why the registry does not give it to a pod's node.
    pub(super) fn in_registry(&self, sim: &Sim, pod: Id, image: &str) -> Result<u64, String> {
        let node = self.workers.get(&pod).and_then(|w| self.nodes.get(w.node as usize));
        let cut = node.is_some_and(|n| sim.network.tables.is_cut(&n.name));
        let size = Catalogue::builtin().pull(image);
        if !cut && !sim.plane.registry_out() {
            return size;
        }
        let Some(r) = Reference::parse(image) else { return size };
        let full = r.canonical();
        let host = if r.registry == "docker.io" { "registry-1.docker.io" } else { &r.registry };
        let wanted = r.digest.as_deref().unwrap_or(&r.tag);
        let why = if cut { format!("lookup {host}: i/o timeout") } else { "connect: connection refused".to_owned() };
        let dial = if cut { "dial tcp".to_owned() } else { format!("dial tcp {}", address_of(host)) };
        Err(format!(
            "failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": failed to do request: \
             Head \"https://{host}/v2/{}/manifests/{wanted}\": {dial}: {why}",
            r.repository
        ))
    }

    /// Must an image be had from a registry that does not answer?
    pub(super) fn pull_fails(&self, sim: &Sim, pod: Id, image: &Arc<str>, always: bool) -> bool {
        let there = self
            .workers
            .get(&pod)
            .and_then(|w| self.nodes.get(w.node as usize))
            .is_some_and(|n| n.images.get(image).is_some_and(|t| *t <= sim.now));
        (always || !there) && self.in_registry(sim, pod, image).is_err()
    }

    /// Does an event have to wait until the node reaches the API server? The fast way has no memory of its own for what
    /// could not be written.
    pub fn waits(&self, sim: &Sim, event: &KubeletEvent) -> bool {
        let (node, writes) = match event {
            KubeletEvent::Pod(id, turn) => {
                let Some(w) = self.workers.get(id).filter(|w| w.turn == *turn) else { return false };
                (w.node, !matches!(w.life, Life::Full(_)))
            }
            KubeletEvent::Node(index, 0) => (*index as u32, true),
            _ => return false,
        };
        writes && self.nodes.get(node as usize).is_some_and(|n| !reaches(sim, &n.name))
    }

    /// Power is back on a node that reaches nobody: what ran is started again all the same.
    pub(super) fn start_again(&mut self, sim: &mut Sim, index: u32) {
        let known: Vec<Id> = self.workers.iter().filter(|(_, w)| w.node == index).map(|(id, _)| *id).collect();
        for id in known {
            if let Some(pod) = sim.store.pod(id).filter(|p| p.deletion.is_none()).cloned() {
                self.restart_after_outage(sim, &pod);
            }
        }
    }

    /// A node reaches the API server again: it says that it lives, and learns what it has missed.
    pub(super) fn rejoin(&mut self, sim: &mut Sim, index: u32) {
        let Some(state) = self.nodes.get(index as usize).filter(|n| n.powered) else { return };
        let name = state.name.clone();
        if !reaches(sim, &name) {
            return;
        }
        sim.server.silent.remove(&name);
        sim.release(SimDuration::ZERO);
        sim.acting(Actor::Kubelet(name.clone()), 0, |sim| {
            self.post_conditions(sim, &name);
            self.look_at_images(sim, index, sim.now);
            let gone: Vec<Id> = (self.workers.iter())
                .filter(|(id, w)| w.node == index && sim.store.pod(**id).is_none())
                .map(|(id, _)| *id)
                .collect();
            for id in gone {
                self.forget(id);
            }
            let pods: Vec<Arc<PodRecord>> = sim.store.pods_on_node(&name).cloned().collect();
            for pod in pods {
                self.catch_up(sim, &pod, index);
            }
        });
        sim.send_kept_events();
    }

    /// The API server answers again.
    pub(super) fn rejoin_all(&mut self, sim: &mut Sim) {
        let silent: Vec<u32> = sim.server.silent.keys().filter_map(|n| self.node_index(n)).collect();
        for index in silent {
            self.rejoin(sim, index);
        }
        for id in sim.plane.take_unwritten() {
            let Some(w) = self.workers.get(&id) else { continue };
            let (index, name) = (w.node, self.nodes[w.node as usize].name.clone());
            if let Some(pod) = sim.store.pod(id).cloned() {
                sim.acting(Actor::Kubelet(name), 0, |sim| self.catch_up(sim, &pod, index));
            }
        }
        sim.send_kept_events();
    }

    /// The API server starts again: kubelets notice it a little later.
    pub fn server_is_back(&self, sim: &mut Sim) {
        sim.after(NOTICES, Event::Kubelet(KubeletEvent::Rejoin(ALL_NODES)));
    }

    /// What a pod's kubelet has not been able to write is written, and what it has missed is done.
    fn catch_up(&mut self, sim: &mut Sim, pod: &Arc<PodRecord>, node: u32) {
        match self.workers.get(&pod.id).map(|w| w.life.clone()) {
            None | Some(Life::Recorded(_)) => self.consider(sim, pod.id, node, sim.now),
            Some(Life::Simple(_)) if pod.deletion.is_some() => self.simple_changed(sim, pod),
            Some(Life::Simple(Simple::Running)) if !pod.status.is_ready() => {
                self.promote(sim, pod);
                self.full_turn(sim, pod.id);
            }
            Some(Life::Simple(_)) => {}
            Some(Life::Full(work)) if work.over => {
                if let Some(plan) = work.plan.clone() {
                    self.publish(sim, pod, &plan, &work);
                }
                if pod.deletion.is_some() {
                    let _ = sim.delete_pod(pod.id, Some(0));
                }
            }
            Some(Life::Full(work)) => {
                if work.volumes.is_some()
                    && let Some(mut work) = self.take_work(pod.id)
                {
                    work.refresh = Some(sim.now);
                    self.put_work(pod.id, work);
                }
                self.full_changed(sim, pod);
            }
        }
    }

    /// Why the API server cannot pass something on to the kubelet of a pod: it gets no connection to this address.
    pub(super) fn cut_off(&self, sim: &Sim, key: &Key) -> Option<std::net::Ipv4Addr> {
        let pod = sim.store.pod_by_name(key)?;
        let node = self.nodes.get(self.node_index(pod.node.as_deref()?)? as usize)?;
        sim.network.tables.is_cut(&node.name).then(|| node.ip.into())
    }
}

/// Does a node's kubelet reach the API server?
fn reaches(sim: &Sim, node: &Arc<str>) -> bool {
    !sim.plane.is_stopped(crate::sim::plane::Part::ApiServer) && !sim.network.tables.is_cut(node)
}

/// An address for a registry's name, always the same.
fn address_of(host: &str) -> String {
    let h = crate::store::pod::fnv(host.as_bytes());
    format!("203.0.113.{}:443", 1 + h % 250)
}
