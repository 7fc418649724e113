//! Claims of pods: bound ones must reach the node, those that wait for their first consumer must find a volume there or
//! be provisioned for it. Models plugins/volumebinding, volumezone and volumerestrictions.

use crate::scheduler::algorithm::code;
use crate::scheduler::cache::Cluster;
use crate::scheduler::framework::{NodeInfo, PodInfo};
use crate::scheduler::plugins::node_affinity::Term;
use crate::scheduler::volumes::{
    self, NO_PROVISIONER, SELECTED_NODE, annotation, class_of, is_complete, reaches, volume_name,
};
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Labels of volumes that tie them to a part of the cluster.
const ZONES: [&str; 4] = [
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
];

/// What one claim of a pod needs of its node.
#[derive(Clone, Debug)]
enum Need {
    /// It is bound to this volume.
    Bound(Arc<PersistentVolume>),
    /// It is bound to a volume that is gone.
    Gone,
    /// It waits for its first consumer; these volumes would do, or else its class makes one.
    Late(Arc<PersistentVolumeClaim>, Vec<Arc<PersistentVolume>>, Arc<StorageClass>),
}

/// What the claims of a pod need.
#[derive(Clone, Debug, Default)]
pub(in crate::scheduler) struct Needs {
    claims: Vec<Need>,
    /// Another pod has a claim that only one pod may have.
    taken: bool,
}

/// What is to be done for a claim that waited for its first consumer.
#[derive(Clone, Debug)]
pub enum Choice {
    /// It gets this volume.
    Volume(Arc<PersistentVolumeClaim>, Arc<PersistentVolume>),
    /// A volume is made for it.
    Provision(Arc<PersistentVolumeClaim>),
}

impl Needs {
    /// The verdict on a node.
    pub fn code(&self, node: &NodeInfo) -> u16 {
        if self.taken {
            return code::VOLUME_TAKEN;
        }
        match self.choose(node) {
            Ok(_) => code::OK,
            Err(c) => c,
        }
    }

    /// What would be done on a node, or the verdict that refuses it.
    fn choose(&self, node: &NodeInfo) -> Result<Vec<Choice>, u16> {
        let labels = &node.spec.labels;
        let mut taken = BTreeSet::new();
        let mut choices = vec![];
        for need in &self.claims {
            match need {
                Need::Gone => return Err(code::VOLUME_GONE),
                Need::Bound(v) if !reaches(v, labels, &node.name) => return Err(code::VOLUME_NODE),
                Need::Bound(_) => {}
                Need::Late(claim, volumes, class) => {
                    let best = volumes::best(volumes, claim, |v| reaches(v, labels, &node.name), &taken, false);
                    if let Some(v) = best {
                        taken.insert(v.metadata.name.clone().unwrap_or_default());
                        choices.push(Choice::Volume(claim.clone(), v.clone()));
                        continue;
                    }
                    let selected = annotation(claim.metadata.annotations.as_ref(), SELECTED_NODE);
                    let elsewhere = selected.is_some_and(|n| *n != *node.name);
                    if class.provisioner == NO_PROVISIONER || elsewhere || !offers(class, node) {
                        return Err(code::VOLUME_BIND);
                    }
                    choices.push(Choice::Provision(claim.clone()));
                }
            }
        }
        let bound = self.claims.iter().filter_map(|n| match n {
            Need::Bound(v) => Some(v),
            _ => None,
        });
        for v in bound {
            if !same_zone(v, node) {
                return Err(code::VOLUME_ZONE);
            }
        }
        Ok(choices)
    }
}

/// Does a class make volumes for this node?
fn offers(class: &StorageClass, node: &NodeInfo) -> bool {
    let Some(terms) = class.allowed_topologies.as_ref().filter(|t| !t.is_empty()) else { return true };
    terms.iter().any(|t| {
        let rules = t.match_label_expressions.iter().flatten().map(|e| NodeSelectorRequirement {
            key: e.key.clone(),
            operator: "In".into(),
            values: Some(e.values.clone()),
        });
        let term = NodeSelectorTerm { match_expressions: Some(rules.collect()), match_fields: None };
        Term::new(&term, "").matches(&node.spec.labels, &node.name)
    })
}

fn same_zone(v: &PersistentVolume, node: &NodeInfo) -> bool {
    let labels = v.metadata.labels.as_ref();
    let nowhere = ZONES.iter().all(|z| !node.spec.labels.contains_key(*z));
    nowhere
        || ZONES.iter().all(|z| {
            let Some(wanted) = labels.and_then(|l| l.get(*z)) else { return true };
            node.spec.labels.get(*z).is_some_and(|is| wanted.split("__").any(|w| w == is))
        })
}

impl Cluster {
    /// Takes in a claim as it is now; `None`: it is gone.
    pub fn set_claim(&mut self, namespace: &str, name: &str, claim: Option<Arc<PersistentVolumeClaim>>) {
        let key = (namespace.to_owned(), name.to_owned());
        match claim {
            Some(c) => self.claims.insert(key, c),
            None => self.claims.remove(&key),
        };
        self.version += 1;
    }

    /// Takes in a volume as it is now; `None`: it is gone.
    pub fn set_volume(&mut self, name: &str, volume: Option<Arc<PersistentVolume>>) {
        match volume {
            Some(v) => self.volumes.insert(name.to_owned(), v),
            None => self.volumes.remove(name),
        };
        self.version += 1;
    }

    /// Takes in a storage class as it is now; `None`: it is gone.
    pub fn set_class(&mut self, name: &str, class: Option<Arc<StorageClass>>) {
        match class {
            Some(c) => self.classes.insert(name.to_owned(), c),
            None => self.classes.remove(name),
        };
        self.version += 1;
    }

    fn claim(&self, info: &PodInfo, name: &str) -> Option<&Arc<PersistentVolumeClaim>> {
        self.claims.get(&(info.namespace.clone(), name.to_owned()))
    }

    fn late_class(&self, claim: &PersistentVolumeClaim) -> Option<&Arc<StorageClass>> {
        self.classes.get(class_of(claim)).filter(|c| volumes::waits(c))
    }

    /// What is wrong with the claims of a group, whatever the node. Models PreFilter.
    pub fn claims_problem(&self, group: u32) -> Option<String> {
        let info = self.info(group);
        let mut unbound = false;
        for name in &info.claims {
            let Some(claim) = self.claim(info, name) else {
                return Some(if info.brings_claims {
                    format!("waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}")
                } else {
                    format!("persistentvolumeclaim {name:?} not found")
                });
            };
            if claim.metadata.deletion_timestamp.is_some() {
                return Some(format!("persistentvolumeclaim {name:?} is being deleted"));
            }
            if claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Lost") {
                let volume = volume_name(claim);
                return Some(format!(
                    "persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"
                ));
            }
            let late = volume_name(claim).is_empty() && self.late_class(claim).is_some();
            unbound |= !is_complete(claim) && !late;
        }
        unbound.then(|| "pod has unbound immediate PersistentVolumeClaims".to_owned())
    }

    /// Are all claims of a group bound?
    pub fn claims_bound(&self, group: u32) -> bool {
        let info = self.info(group);
        info.claims.iter().all(|name| {
            self.claim(info, name).is_some_and(|c| is_complete(c) && self.volumes.contains_key(volume_name(c)))
        })
    }

    /// Is a claim of a group gone or going, or its node's choice taken back?
    pub fn claims_lost(&self, group: u32) -> bool {
        let info = self.info(group);
        info.claims.iter().any(|name| self.claim(info, name).is_none_or(|c| c.metadata.deletion_timestamp.is_some()))
    }

    /// What a group's claims need of a node; `None`: it has no claims.
    pub(in crate::scheduler) fn volume_needs(&self, info: &PodInfo) -> Option<Needs> {
        if info.claims.is_empty() {
            return None;
        }
        let mut needs = Needs::default();
        for name in &info.claims {
            let Some(claim) = self.claim(info, name) else { continue };
            let modes = claim.spec.as_ref().and_then(|s| s.access_modes.as_ref());
            if modes.into_iter().flatten().any(|m| m == "ReadWriteOncePod") {
                needs.taken |= self.groups.iter().any(|g| {
                    g.total > 0 && g.info.namespace == info.namespace && g.info.claims.iter().any(|c| c == name)
                });
            }
            let volume = volume_name(claim);
            if !volume.is_empty() {
                needs.claims.push(self.volumes.get(volume).map_or(Need::Gone, |v| Need::Bound(v.clone())));
            } else if let Some(class) = self.late_class(claim) {
                let nowhere = BTreeSet::new();
                let fits = |v: &&Arc<PersistentVolume>| volumes::best([*v], claim, |_| true, &nowhere, false).is_some();
                let fitting = self.volumes.values().filter(fits).cloned().collect();
                needs.claims.push(Need::Late(claim.clone(), fitting, class.clone()));
            }
        }
        Some(needs)
    }

    /// What is to be done for the claims of a group that is to run on a node.
    pub fn choices(&self, group: u32, node: &str) -> Vec<Choice> {
        let (Some(needs), Some(node)) = (self.volume_needs(self.info(group)), self.node(node)) else { return vec![] };
        needs.choose(node).unwrap_or_default()
    }
}
