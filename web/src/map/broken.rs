//! What is out of order by a person's hand, as the cluster itself says it: what was refused or is over is not here.

use super::scene::Scene;
use crate::i18n::Lang;
use kubarium_core::cluster::Cluster;
use kubarium_core::view::faults;
use kubarium_core::view::model::{Fault, Id, NodeView, PlanePart, Pressure};
use std::collections::{BTreeMap, BTreeSet};

/// All that is broken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Broken {
    /// Nodes that are cut off.
    pub cut_off: BTreeSet<String>,
    /// Nodes under pressure.
    pub pressure: BTreeSet<(String, Pressure)>,
    /// Parts of the control plane that do nothing.
    pub stopped: BTreeSet<PlanePart>,
    /// Parts that are slow, and by how many milliseconds.
    pub slow: BTreeMap<PlanePart, u32>,
    /// The registry does not answer.
    pub registry: bool,
    /// What ails pods, by handle.
    pub pods: BTreeMap<Id, Vec<Fault>>,
}

impl Broken {
    /// What is broken now.
    pub fn of(cluster: &Cluster) -> Broken {
        let mut b = Broken::default();
        for fault in faults::in_force(cluster) {
            match &fault {
                Fault::NodePartition { node, .. } => {
                    b.cut_off.insert(node.clone());
                }
                Fault::NodePressure { node, resource, .. } => {
                    b.pressure.insert((node.clone(), *resource));
                }
                Fault::RegistryOutage { .. } => b.registry = true,
                Fault::Stop { part, .. } => {
                    b.stopped.insert(part.clone());
                }
                Fault::Slow { part, millis } => {
                    b.slow.insert(part.clone(), *millis);
                }
                Fault::CrashLoop { namespace, pod, .. }
                | Fault::HangContainer { namespace, pod, .. }
                | Fault::LeakMemory { namespace, pod, .. }
                | Fault::SlowStart { namespace, pod, .. }
                | Fault::BreakReadiness { namespace, pod, .. }
                | Fault::BreakLiveness { namespace, pod, .. } => {
                    let key = kubarium_core::store::Key::new(namespace.as_str(), pod.as_str());
                    if let Some(id) = cluster.world.sim.store.pod_by_name(&key).map(|p| p.id) {
                        b.pods.entry(id).or_default().push(fault);
                    }
                }
                // that a node has no power is in its view; a crash is over at once
                Fault::NodePower { .. } | Fault::CrashContainer { .. } => {}
            }
        }
        b
    }

    /// What ails a pod.
    pub fn pod(&self, id: Id) -> &[Fault] {
        self.pods.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The part of the control plane at this place of the strip that can be stopped.
    pub fn part(i: u8) -> Option<PlanePart> {
        match i {
            1 => Some(PlanePart::ApiServer),
            3 => Some(PlanePart::ControllerManager),
            4 => Some(PlanePart::Scheduler),
            _ => None,
        }
    }

    /// Parts at a place of the strip that are out of order: how many milliseconds each is late, none if it is stopped.
    pub fn at(&self, i: u8) -> Vec<(&PlanePart, Option<u32>)> {
        let here =
            |p: &&PlanePart| Self::part(i).as_ref() == Some(*p) || i == 3 && matches!(**p, PlanePart::Controller(_));
        let stopped = self.stopped.iter().filter(here).map(|p| (p, None));
        let slow = self.slow.iter().filter(|(p, _)| here(p) && !self.stopped.contains(*p));
        stopped.chain(slow.map(|(p, ms)| (p, Some(*ms)))).collect()
    }
}

/// What a node suffers from, in words.
pub fn node_ills(lang: Lang, b: &Broken, v: &NodeView) -> Vec<&'static str> {
    let mut out = vec![];
    if !v.powered {
        out.push(lang.t("map.off"));
    }
    if b.cut_off.contains(&*v.name) {
        out.push(lang.t("map.cut_off"));
    }
    for (resource, text) in [(Pressure::Memory, lang.t("ill.memory")), (Pressure::Disk, lang.t("ill.disk"))] {
        if b.pressure.contains(&(v.name.to_string(), resource)) {
            out.push(text);
        }
    }
    out
}

/// What a pod suffers from, in words.
pub fn pod_ills(lang: Lang, scene: &Scene, id: Id) -> Vec<String> {
    let several = scene.pods.get(&id).is_some_and(|p| p.view.images.len() > 1);
    scene.broken.pod(id).iter().map(|f| lang.ill(f, several)).collect()
}

/// What is out of order at a place of the strip, in words; empty: nothing.
pub fn part_ills(lang: Lang, b: &Broken, i: u8) -> Vec<String> {
    let state = |late: Option<u32>| match late {
        None => lang.t("map.stopped").to_owned(),
        Some(ms) => lang.f("map.slowed", &[("ms", &ms.to_string())]),
    };
    let mut out: Vec<String> = b
        .at(i)
        .into_iter()
        .map(|(part, late)| match part {
            PlanePart::Controller(name) => format!("{}: {}", lang.actor(name), state(late)),
            _ => state(late),
        })
        .collect();
    if i == 0 && b.registry {
        out.push(lang.t("map.no_registry").to_owned());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubarium_core::world::Input;

    #[test]
    fn what_is_mended_is_broken_no_more() {
        let mut c = Cluster::with_nodes(1, 1);
        let cut = |on| Input::Fault(Fault::NodePartition { node: "node-1".into(), on });
        let slow = |millis| Input::Fault(Fault::Slow { part: PlanePart::Scheduler, millis });
        c.submit(cut(true));
        c.submit(slow(500));
        // what is refused breaks nothing
        let loops = Fault::CrashLoop { namespace: "default".into(), pod: "no".into(), container: "".into(), on: true };
        c.submit(Input::Fault(loops));
        let b = Broken::of(&c);
        assert!(b.cut_off.contains("node-1") && b.pods.is_empty());
        assert_eq!(b.at(4), [(&PlanePart::Scheduler, Some(500))]);
        c.submit(Input::Line { terminal: 0, line: "kubarium join node-1".into(), stdin: None });
        c.submit(slow(0));
        assert_eq!(Broken::of(&c), Broken::default());
    }
}
