//! What pods of one template share, kept once: prototypes and label sets.

use super::fnv;
use crate::store::Id;
use imbl::OrdMap;
use k8s_openapi::api::core::v1::Pod;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels of pods, shared and numbered: equal sets have equal numbers.
#[derive(Debug, PartialEq)]
pub struct LabelSet {
    /// Its number.
    pub id: u32,
    /// The pairs, sorted by key.
    pub pairs: Arc<[(Arc<str>, Arc<str>)]>,
}

impl LabelSet {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.binary_search_by(|(k, _)| (**k).cmp(key)).ok().map(|i| &*self.pairs[i].1)
    }
}

/// What the pods of one template share.
#[derive(Debug)]
pub struct PodProto {
    /// Its number within the session; caches by template use it.
    pub id: u32,
    /// The pod without name, uid, resourceVersion, timestamps, nodeName and status. A service-account volume's random
    /// suffix is [`TOKEN_MARK`] here.
    pub pod: Pod,
    /// Its labels.
    pub labels: Arc<LabelSet>,
    /// Handles of its owners.
    pub owners: SmallVec<[Id; 1]>,
    /// The owner with `controller: true`.
    pub controller: Option<Id>,
    /// QoS class.
    pub qos: &'static str,
}

/// Stands in a prototype for the five random characters of `kube-api-access-xxxxx`.
pub const TOKEN_MARK: &str = "kube-api-access-?????";

/// The shared prototypes and label sets. A prototype is forgotten with its last pod, a label set with its last prototype:
/// each Job has its own, and there are many Jobs in a day.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Protos {
    next: u32,
    by_hash: OrdMap<u64, SmallVec<[Arc<PodProto>; 1]>>,
    /// Pods of each prototype, and under which hash it can be found (none: it was forgotten before).
    pods: OrdMap<u32, (u32, Option<u64>)>,
    next_labels: u32,
    labels: OrdMap<BTreeMap<String, String>, Arc<LabelSet>>,
    /// Prototypes of each label set.
    users: OrdMap<u32, u32>,
}

impl Protos {
    pub(in crate::store) fn intern_labels(&mut self, labels: &BTreeMap<String, String>) -> Arc<LabelSet> {
        if let Some(l) = self.labels.get(labels) {
            return l.clone();
        }
        self.next_labels += 1;
        let pairs = labels.iter().map(|(k, v)| (Arc::from(k.as_str()), Arc::from(v.as_str()))).collect();
        let set = Arc::new(LabelSet { id: self.next_labels, pairs });
        self.labels.insert(labels.clone(), set.clone());
        set
    }

    pub(in crate::store) fn intern(&mut self, mut proto: PodProto) -> Arc<PodProto> {
        // by way of a value: code that writes typed objects as text as well would be as large as that
        let hash = fnv(serde_json::to_value(&proto.pod).unwrap_or_default().to_string().as_bytes());
        let found = self.by_hash.get(&hash).and_then(|same| same.iter().find(|p| p.pod == proto.pod)).cloned();
        if let Some(p) = found {
            return p;
        }
        self.next += 1;
        proto.id = self.next;
        let proto = Arc::new(proto);
        self.by_hash.entry(hash).or_default().push(proto.clone());
        self.pods.insert(proto.id, (0, Some(hash)));
        *self.users.entry(proto.labels.id).or_insert(0) += 1;
        proto
    }

    /// A pod has this prototype now.
    pub(in crate::store) fn hold(&mut self, proto: &PodProto) {
        self.pods.entry(proto.id).or_insert((0, None)).0 += 1;
    }

    /// A pod has this prototype no longer.
    pub(in crate::store) fn release(&mut self, proto: &PodProto) {
        if let Some(entry) = self.pods.get_mut(&proto.id) {
            entry.0 = entry.0.saturating_sub(1);
        }
        self.forget(proto);
    }

    /// Forgets a prototype that no pod has.
    pub(in crate::store) fn forget(&mut self, proto: &PodProto) {
        let Some((0, hash)) = self.pods.get(&proto.id).copied() else { return };
        self.pods.remove(&proto.id);
        let Some(hash) = hash else { return };
        if let Some(same) = self.by_hash.get_mut(&hash) {
            same.retain(|p| p.id != proto.id);
            if same.is_empty() {
                self.by_hash.remove(&hash);
            }
        }
        if let Some(n) = self.users.get_mut(&proto.labels.id) {
            *n -= 1;
            if *n == 0 {
                self.users.remove(&proto.labels.id);
                let pairs = proto.labels.pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
                if self.labels.get(&pairs).is_some_and(|l| l.id == proto.labels.id) {
                    self.labels.remove(&pairs);
                }
            }
        }
    }
}
