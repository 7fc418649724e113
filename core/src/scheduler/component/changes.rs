//! What the watch delivers: the picture follows it, and pods that wait are called back where it can help them.

use super::{GATED, NAME, Scheduler};
use crate::api::labels::Selector;
use crate::scheduler::cache::Cluster;
use crate::scheduler::framework::{NodeSpec, Plugin, PodInfo};
use crate::scheduler::queue::Standing;
use crate::sim::Sim;
use crate::store::pod::SCHEDULED;
use crate::store::{Change, Id, Kind, Obj};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Plugins whose verdict on one node depends on what runs on others.
const BY_SUMS: [Plugin; 3] = [Plugin::PodTopologySpread, Plugin::InterPodAffinity, Plugin::VolumeRestrictions];

/// Plugins that look at claims and volumes.
const BY_VOLUMES: [Plugin; 3] = [Plugin::VolumeRestrictions, Plugin::VolumeBinding, Plugin::VolumeZone];

/// Plugins that a new node can satisfy.
const PER_NODE: [Plugin; 10] = [
    Plugin::VolumeBinding,
    Plugin::VolumeZone,
    Plugin::NodeUnschedulable,
    Plugin::NodeName,
    Plugin::TaintToleration,
    Plugin::NodeAffinity,
    Plugin::NodePorts,
    Plugin::NodeResourcesFit,
    Plugin::PodTopologySpread,
    Plugin::InterPodAffinity,
];

impl Scheduler {
    pub(super) fn pod_changed(&mut self, sim: &mut Sim, change: &Change) {
        let pod = |o: &Option<Obj>| match o {
            Some(Obj::Pod(p)) => Some(p.clone()),
            _ => None,
        };
        let (old, new) = (pod(&change.old), pod(&change.new));
        let Some(now) = &new else {
            let Some(old) = old else { return };
            self.queue.remove(old.id);
            self.nominated.remove(&old.id);
            self.binding.remove(&old.id);
            self.take_out(sim, old.id, change.request);
            return;
        };
        let same = old.as_ref().is_some_and(|o| {
            o.node == now.node
                && Arc::ptr_eq(&o.proto, &now.proto)
                && o.deletion.is_some() == now.deletion.is_some()
                && o.status.phase.is_terminal() == now.status.phase.is_terminal()
                && super::held::as_told(o, now)
        });
        if same {
            return;
        }
        let ended = now.status.phase.is_terminal();
        if let Some(node) = now.node.clone() {
            self.queue.remove(now.id);
            self.nominated.remove(&now.id);
            self.binding.remove(&now.id);
            if ended {
                self.take_out(sim, now.id, change.request);
                return;
            }
            let group = self.group(now);
            let leaving = now.deletion.is_some();
            let was = self.cluster.place_of(now.id).is_some();
            let before = self.cluster.group_of(now.id);
            if self.cluster.set_pod(now.id, group, &node, leaving) {
                if was {
                    self.call(sim, change.request, &BY_SUMS, |_, _| true);
                    let counts = |c: &Cluster, g: u32| c.info(g).requests.clone();
                    if before.is_some_and(|b| counts(&self.cluster, b) != counts(&self.cluster, group)) {
                        self.call(sim, change.request, &[Plugin::NodeResourcesFit], |c, g| c.passes(g, &node));
                    }
                } else {
                    self.placed(sim, group, change.request);
                }
            }
            return;
        }
        let spec = now.proto.pod.spec.as_ref();
        let ours = spec.and_then(|s| s.scheduler_name.as_deref()).unwrap_or(NAME) == NAME;
        if !ours || ended || now.deletion.is_some() {
            self.queue.remove(now.id);
            if self.binding.remove(&now.id).is_some() {
                self.take_out(sim, now.id, change.request);
            }
            return;
        }
        if self.binding.contains_key(&now.id) {
            return;
        }
        let gated = spec.is_some_and(|s| s.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()));
        let priority = spec.and_then(|s| s.priority).unwrap_or(0);
        let stands = self.queue.get(now.id).map(|w| w.standing.clone());
        match stands {
            None => self.queue.add(now.id, priority, gated, sim.now, change.request),
            Some(Standing::Gated) if !gated => self.queue.add(now.id, priority, false, sim.now, change.request),
            Some(Standing::Unschedulable(_)) => self.queue.call(now.id, sim.now, change.request),
            Some(_) => {}
        }
        if gated && now.status.conditions[SCHEDULED].status.is_none() {
            let at = sim.now;
            sim.update_pod_status(now.id, |s| {
                s.set_condition(SCHEDULED, false, at, Some(("SchedulingGated", GATED.into())));
                s.scheduled_generation = 1;
                true
            });
        }
    }

    /// A pod counts no more on its node.
    fn take_out(&mut self, sim: &mut Sim, pod: Id, cause: u64) {
        let Some(node) = self.cluster.place_of(pod).cloned() else { return };
        self.cluster.remove_pod(pod);
        self.call(sim, cause, &BY_SUMS, |_, _| true);
        self.call(sim, cause, &[Plugin::NodePorts, Plugin::NodeResourcesFit], |c, group| c.passes(group, &node));
    }

    /// A pod of a group has come to a node.
    pub(super) fn placed(&mut self, sim: &mut Sim, group: u32, cause: u64) {
        let info = self.cluster.info(group).clone();
        self.call(sim, cause, &BY_SUMS, |cluster, g| cluster.minds(g, &info));
    }

    /// Calls back the pods that wait on account of these plugins, if the change helps: `helps` is asked once a group.
    fn call(&mut self, sim: &mut Sim, cause: u64, plugins: &[Plugin], helps: impl Fn(&mut Cluster, u32) -> bool) {
        if !self.queue.any_blames(plugins) {
            return;
        }
        let waiting: Vec<Id> = self
            .queue
            .unschedulable()
            .filter(|(_, blamed)| plugins.iter().any(|p| blamed.contains(p)))
            .map(|(id, _)| id)
            .collect();
        let mut answers: BTreeMap<u32, bool> = BTreeMap::new();
        for id in waiting {
            let Some(pod) = sim.store.pod(id).cloned() else { continue };
            let group = self.group(&pod);
            let help = match answers.get(&group) {
                Some(a) => *a,
                None => *answers.entry(group).or_insert(helps(&mut self.cluster, group)),
            };
            if help {
                self.queue.call(id, sim.now, cause);
            }
        }
    }

    pub(super) fn node_changed(&mut self, sim: &mut Sim, change: &Change) {
        let name = change.obj().key().name;
        let new = match &change.new {
            Some(Obj::Node(n)) => Some(NodeSpec::new(n)),
            _ => None,
        };
        let old = self.cluster.node(&name).map(|n| n.spec.clone());
        if !self.cluster.set_node(&name, new.clone()) {
            return;
        }
        let Some(new) = new else {
            self.call(sim, change.request, &[Plugin::PodTopologySpread], |_, _| true);
            return;
        };
        let mut plugins = BTreeSet::new();
        match old {
            None => plugins.extend(PER_NODE),
            Some(old) => {
                if old.allocatable != new.allocatable || old.max_pods != new.max_pods {
                    plugins.insert(Plugin::NodeResourcesFit);
                }
                if old.labels != new.labels {
                    plugins.extend([
                        Plugin::NodeAffinity,
                        Plugin::VolumeBinding,
                        Plugin::VolumeZone,
                        Plugin::PodTopologySpread,
                        Plugin::InterPodAffinity,
                    ]);
                }
                if old.taints != new.taints {
                    plugins.extend([Plugin::TaintToleration, Plugin::PodTopologySpread]);
                }
                if old.unschedulable != new.unschedulable {
                    plugins.insert(Plugin::NodeUnschedulable);
                }
            }
        }
        let (sums, own): (Vec<Plugin>, Vec<Plugin>) = plugins.into_iter().partition(|p| BY_SUMS.contains(p));
        self.call(sim, change.request, &sums, |_, _| true);
        self.call(sim, change.request, &own, |cluster, group| cluster.passes(group, &name));
    }

    pub(super) fn other_changed(&mut self, change: &Change) {
        let key = change.obj().key();
        match (change.kind, &change.new) {
            (Kind::Service, Some(Obj::Service(s))) => {
                let selector = s.spec.as_ref().and_then(|s| s.selector.clone());
                self.cluster.set_service(&key.namespace, &key.name, selector);
            }
            (Kind::Service, _) => self.cluster.set_service(&key.namespace, &key.name, None),
            (Kind::ReplicaSet, Some(Obj::ReplicaSet(r))) => {
                let selector = r.spec.as_ref().and_then(|s| Selector::from_typed(Some(&s.selector)).ok());
                self.cluster.set_controller(&key.namespace, "ReplicaSet", &key.name, selector);
            }
            (Kind::StatefulSet, Some(Obj::StatefulSet(s))) => {
                let selector = s.spec.as_ref().and_then(|s| Selector::from_typed(Some(&s.selector)).ok());
                self.cluster.set_controller(&key.namespace, "StatefulSet", &key.name, selector);
            }
            (Kind::ReplicationController, Some(Obj::ReplicationController(r))) => {
                let pairs = r.spec.as_ref().and_then(|s| s.selector.as_ref());
                let selector = pairs.filter(|s| !s.is_empty()).map(Selector::from_map);
                self.cluster.set_controller(&key.namespace, "ReplicationController", &key.name, selector);
            }
            (kind @ (Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController), _) => {
                self.cluster.set_controller(&key.namespace, kind.names().1, &key.name, None);
            }
            (Kind::Namespace, Some(o)) => {
                let labels = o.meta().and_then(|m| m.labels.clone()).unwrap_or_default();
                self.cluster.set_namespace(&key.name, Some(labels));
            }
            (Kind::Namespace, None) => self.cluster.set_namespace(&key.name, None),
            _ => {}
        }
    }

    pub(super) fn storage_changed(&mut self, sim: &mut Sim, change: &Change) {
        let key = change.obj().key();
        match change.kind {
            Kind::PersistentVolumeClaim => {
                let claim = change.new.as_ref().and_then(Obj::typed).cloned();
                self.cluster.set_claim(&key.namespace, &key.name, claim);
            }
            Kind::PersistentVolume => {
                let volume = change.new.as_ref().and_then(Obj::typed).cloned();
                self.cluster.set_volume(&key.name, volume);
            }
            _ => self.cluster.set_class(&key.name, change.new.as_ref().and_then(Obj::typed).cloned()),
        }
        let concerns = |info: &PodInfo| match change.kind {
            Kind::PersistentVolumeClaim => {
                info.namespace == *key.namespace && info.claims.iter().any(|c| *c == *key.name)
            }
            _ => !info.claims.is_empty(),
        };
        self.call(sim, change.request, &BY_VOLUMES, |cluster, group| concerns(cluster.info(group)));
    }
}
