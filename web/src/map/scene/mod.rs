//! What stands on the map and since when: patches go in, [`Scene`] is kept up by them at a cost that follows the
//! change, never the size of the cluster. It must not know the canvas or where anything is drawn.

mod changes;

pub use changes::Turn;

use super::anim::Ms;
use super::broken::Broken;
use super::hit::Target;
use super::traffic::Traffic;
use kubarium_core::view::model::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// All states in the order in which they are counted and listed.
pub const STATES: [PodState; 6] = [
    PodState::Ready,
    PodState::NotReady,
    PodState::Pending,
    PodState::Failing,
    PodState::Terminating,
    PodState::Succeeded,
];

/// The place of a state in [`STATES`].
pub fn state_index(s: PodState) -> usize {
    STATES.iter().position(|x| *x == s).unwrap_or(0)
}

/// Where a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the tray of pods without a node.
    Tray,
    /// On a node.
    Node(Id),
}

/// A row of places that are handed out lowest first and given back.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    /// Who stands where.
    pub taken: Vec<Option<Id>>,
    free: BTreeSet<u32>,
}

impl Slots {
    /// Gives `id` the place `hint` if that is free, else the lowest free one.
    pub fn take(&mut self, id: Id, hint: Option<u32>) -> u32 {
        if let Some(slot) = hint.filter(|s| *s < 4096) {
            while self.taken.len() <= slot as usize {
                self.free.insert(self.taken.len() as u32);
                self.taken.push(None);
            }
            if self.free.remove(&slot) {
                self.taken[slot as usize] = Some(id);
                return slot;
            }
        }
        if let Some(slot) = self.free.pop_first() {
            self.taken[slot as usize] = Some(id);
            return slot;
        }
        self.taken.push(Some(id));
        self.taken.len() as u32 - 1
    }

    /// Frees a place.
    pub fn give_back(&mut self, slot: u32) {
        if let Some(place) = self.taken.get_mut(slot as usize)
            && place.take().is_some()
        {
            self.free.insert(slot);
            while self.taken.last().is_some_and(Option::is_none) {
                self.taken.pop();
                self.free.remove(&(self.taken.len() as u32));
            }
        }
    }

    /// How many places are in use or lie below one that is.
    pub fn len(&self) -> usize {
        self.taken.len()
    }
}

/// A pod on the map.
#[derive(Clone, Debug)]
pub struct PodItem {
    /// What is known of it.
    pub view: PodView,
    /// Where it stands.
    pub place: Place,
    /// Which place there.
    pub slot: u32,
    /// When it appeared.
    pub born: Ms,
    /// When it began to vanish.
    pub died: Option<Ms>,
    /// Where it came from and when it left there.
    pub moved: Option<Box<(Place, u32, Ms)>>,
    /// The state before this one.
    pub before: PodState,
    /// When the state changed.
    pub changed: Ms,
}

/// A node on the map.
#[derive(Clone, Debug)]
pub struct NodeItem {
    /// What is known of it.
    pub view: NodeView,
    /// When it appeared.
    pub born: Ms,
    /// Its pods' places.
    pub slots: Slots,
    /// Pods by direct owner and state.
    pub counts: BTreeMap<Option<Id>, [u32; 6]>,
    /// Living pods on it.
    pub live: u32,
    /// Those that fail: they are always drawn one by one.
    pub failing: BTreeSet<Id>,
}

impl NodeItem {
    /// Pods by state.
    pub fn by_state(&self) -> [u32; 6] {
        let mut sum = [0; 6];
        for counts in self.counts.values() {
            for (s, n) in sum.iter_mut().zip(counts) {
                *s += n;
            }
        }
        sum
    }
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct PulseItem {
    /// When it left, by the animation clock.
    pub start: Ms,
    /// What it is.
    pub pulse: Pulse,
}

/// What a part of the control plane did last.
#[derive(Clone, Debug)]
pub struct Activity {
    /// When, by the animation clock.
    pub at: Ms,
    /// What it was.
    pub message: Arc<Message>,
}

/// Colours that owners are told apart by; beyond them they repeat, and the name tells.
pub const OWNER_COLOURS: u8 = 8;

/// The picture's memory.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Nodes by handle.
    pub nodes: BTreeMap<Id, NodeItem>,
    /// Their order on the map: by name, numbers in it as numbers.
    pub order: Vec<Id>,
    /// Pods by handle, the dying ones included. Each stands for itself: nodes of the tree are half empty.
    pub pods: BTreeMap<Id, Box<PodItem>>,
    /// Services by handle.
    pub services: BTreeMap<Id, ServiceView>,
    /// Owners of pods by handle.
    pub workloads: BTreeMap<Id, WorkloadView>,
    /// Ingresses by handle.
    pub ingresses: BTreeMap<Id, IngressView>,
    /// PersistentVolumeClaims by namespace and name: pods name them so.
    pub claims: BTreeMap<(Arc<str>, Arc<str>), ClaimView>,
    claim_names: BTreeMap<Id, (Arc<str>, Arc<str>)>,
    /// The colour of each owner at the top, by the order in which they came.
    colours: BTreeMap<Id, u8>,
    /// Places of pods without a node.
    pub tray: Slots,
    /// Messages on their way.
    pub pulses: VecDeque<PulseItem>,
    /// What each part did last: kubectl, API server, etcd, controllers, scheduler.
    pub parts: [Option<Activity>; 5],
    /// Living pods by state.
    pub counts: [u32; 6],
    /// Grows when the layout may have to change.
    pub shape: u64,
    /// Grows with every change of a pod.
    pub pods_version: u64,
    /// Grows with every change of an owner of pods.
    pub workloads_version: u64,
    /// Clients and their requests.
    pub traffic: Traffic,
    /// What is broken, by hand.
    pub broken: Broken,
    /// Pods of the newest and of older revisions, of owners that have pods of several.
    pub revisions: BTreeMap<Id, (u32, u32)>,
    counted: u64,
    dying: VecDeque<(Ms, Id)>,
    hints: BTreeMap<Id, (Place, u32)>,
    /// The last moment at which anything is in motion.
    busy_until: Ms,
}

impl Scene {
    /// What selects an object: the map's own picture of it, where it has one.
    pub fn target(&self, id: Id) -> Target {
        if self.pods.contains_key(&id) {
            Target::Pod(id)
        } else if self.workloads.contains_key(&id) {
            Target::Workload(id)
        } else if self.services.contains_key(&id) {
            Target::Service(id)
        } else if self.nodes.contains_key(&id) {
            Target::Node(id)
        } else {
            Target::Object(id)
        }
    }

    /// Living pods.
    pub fn live(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Most places that any node uses.
    pub fn most_slots(&self) -> usize {
        self.nodes.values().map(|n| n.slots.len()).max().unwrap_or(0)
    }

    /// The uppermost owner of a pod's owner: the Deployment of a ReplicaSet, else the owner itself.
    pub fn top_owner(&self, owner: Option<Id>) -> Option<Id> {
        let direct = owner?;
        let mut at = direct;
        for _ in 0..4 {
            match self.workloads.get(&at).and_then(|w| w.owner) {
                Some(up) if self.workloads.contains_key(&up) => at = up,
                _ => break,
            }
        }
        Some(at)
    }

    /// Whether a pod belongs to an older revision of its owner.
    pub fn is_old(&self, pod: &PodItem) -> bool {
        let Some(w) = pod.view.owner.and_then(|o| self.workloads.get(&o)) else { return false };
        let bears = |(key, value): &(Arc<str>, Arc<str>)| {
            pod.view.labels.iter().find(|(k, _)| k == key).is_none_or(|(_, v)| v == value)
        };
        w.owner.is_some() && !w.newest || w.newest_label.as_ref().is_some_and(|l| !bears(l))
    }

    /// The colour of an owner: that of the uppermost one.
    pub fn colour(&self, owner: Option<Id>) -> Option<u8> {
        self.colours.get(&self.top_owner(owner)?).copied()
    }

    /// Whether all claims that a pod mounts are bound; none: it mounts none.
    pub fn claims_bound(&self, pod: &PodItem) -> Option<bool> {
        let claims = &pod.view.claims;
        let bound = |name: &Arc<str>| {
            self.claims.get(&(pod.view.namespace.clone(), name.clone())).is_some_and(|c| &*c.phase == "Bound")
        };
        (!claims.is_empty()).then(|| claims.iter().all(bound))
    }

    /// The service of this name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&ServiceView> {
        self.services.values().find(|s| *s.name == *name && *s.namespace == *namespace)
    }

    /// Whether a pod belongs to the newest of several revisions that have pods: worth a mark while a rollout runs.
    pub fn is_new(&self, pod: &PodItem) -> bool {
        pod.view.owner.and_then(|o| self.workloads.get(&o)).is_some_and(|w| {
            if let Some((key, value)) = &w.newest_label {
                return self.revisions.get(&w.id).is_some_and(|(new, old)| *new > 0 && *old > 0)
                    && pod.view.labels.iter().any(|(k, v)| k == key && v == value);
            }
            w.newest
                && w.owner.is_some_and(|d| {
                    self.workloads.get(&d).is_some_and(|deploy| deploy.current > w.current && w.current > 0)
                })
        })
    }

    /// Counts pods by revision, where their owner has them of several.
    fn count_revisions(&mut self) {
        self.revisions.clear();
        if self.workloads.values().all(|w| w.newest_label.is_none()) || self.pods.len() > 20_000 {
            return;
        }
        for pod in self.pods.values().filter(|p| p.died.is_none()) {
            let Some(w) = pod.view.owner.and_then(|o| self.workloads.get(&o)) else { continue };
            let Some((key, value)) = &w.newest_label else { continue };
            let (new, old) = self.revisions.entry(w.id).or_default();
            *if pod.view.labels.iter().any(|(k, v)| k == key && v == value) { new } else { old } += 1;
        }
    }

    /// Finds a node by name.
    pub fn find_node(&self, name: &str) -> Option<&NodeItem> {
        self.nodes.values().find(|n| &*n.view.name == name)
    }
}

/// The place of a part in [`Scene::parts`]; kubelets have none.
pub fn part_index(part: Part) -> Option<usize> {
    match part {
        Part::Kubectl => Some(0),
        Part::ApiServer => Some(1),
        Part::Etcd => Some(2),
        Part::Controllers => Some(3),
        Part::Scheduler => Some(4),
        Part::Kubelet(_) => None,
    }
}

/// A key that sorts `node-10` after `node-9`.
pub fn natural_key(name: &str) -> Vec<(String, u64)> {
    let mut key = Vec::new();
    let mut text = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(first) = c.to_digit(10) {
            let mut n = u64::from(first);
            while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
                n = n.saturating_mul(10).saturating_add(u64::from(d));
                chars.next();
            }
            key.push((std::mem::take(&mut text), n));
        } else {
            text.push(c);
        }
    }
    if !text.is_empty() {
        key.push((text, 0));
    }
    key
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use kubarium_core::clock::SimTime;

    pub fn node(id: Id, name: &str) -> NodeView {
        NodeView {
            id,
            name: name.into(),
            status: "Ready".into(),
            ready: true,
            cordoned: false,
            powered: true,
            cpu: (100, 4000),
            memory: (1 << 28, 8 << 30),
            pods: (0, 110),
            labels: Arc::from([]),
            taints: Arc::from([]),
        }
    }

    pub fn pod(id: Id, node: Option<Id>, state: PodState) -> PodView {
        PodView {
            id,
            name: format!("web-{id}").into(),
            namespace: "default".into(),
            node,
            state,
            status: "Running".into(),
            ready: (1, 1),
            restarts: 0,
            owner: None,
            claims: Arc::from([]),
            labels: Arc::from([]),
            images: Arc::from([]),
            ip: None,
            created: SimTime::ZERO,
        }
    }

    pub fn patch(ops: Vec<Op>) -> Patch {
        Patch { now: SimTime::ZERO, ops }
    }

    #[test]
    fn a_pod_is_born_moves_and_dies() {
        let mut s = Scene::default();
        s.apply(&patch(vec![Op::Node(node(1, "node-1")), Op::Pod(pod(9, None, PodState::Pending))]), 0.0);
        assert_eq!(s.pods[&9].place, Place::Tray);
        s.apply(&patch(vec![Op::Pod(pod(9, Some(1), PodState::Ready))]), 1000.0);
        assert_eq!(s.pods[&9].place, Place::Node(1));
        assert_eq!(s.pods[&9].moved.as_deref(), Some(&(Place::Tray, 0, 1000.0)));
        assert_eq!(s.tray.len(), 0);
        assert_eq!(s.counts, [1, 0, 0, 0, 0, 0]);
        s.apply(&patch(vec![Op::PodGone(9)]), 2000.0);
        assert_eq!(s.live(), 0);
        assert!(s.pods.contains_key(&9) && s.moving(2100.0));
        s.sweep(2400.0);
        assert!(s.pods.is_empty() && !s.moving(2400.0));
        assert_eq!(s.nodes[&1].slots.len(), 0);
    }

    #[test]
    fn counts_follow_states() {
        let mut s = Scene::default();
        s.apply(&patch(vec![Op::Node(node(1, "a")), Op::Pod(pod(5, Some(1), PodState::Ready))]), 0.0);
        s.apply(&patch(vec![Op::Pod(pod(5, Some(1), PodState::Failing))]), 10.0);
        assert_eq!(s.nodes[&1].by_state(), [0, 0, 0, 1, 0, 0]);
        assert!(s.nodes[&1].failing.contains(&5));
        s.apply(&patch(vec![Op::Pod(pod(5, Some(1), PodState::Ready))]), 20.0);
        assert!(s.nodes[&1].failing.is_empty());
        assert_eq!(s.nodes[&1].live, 1);
    }

    #[test]
    fn a_node_that_loses_its_power_is_drawn_anew_at_once() {
        let mut s = Scene::default();
        s.apply(&patch(vec![Op::Node(node(1, "a"))]), 0.0);
        let (shape, pods) = (s.shape, s.pods_version);
        s.apply(&patch(vec![Op::Node(node(1, "a"))]), 5000.0);
        assert_eq!(s.shape, shape);
        let mut dark = node(1, "a");
        dark.powered = false;
        s.apply(&patch(vec![Op::Node(dark)]), 6000.0);
        assert_eq!((s.shape, s.pods_version), (shape + 1, pods));
    }

    #[test]
    fn a_pod_may_come_before_its_node() {
        let mut s = Scene::default();
        s.apply(&patch(vec![Op::Pod(pod(5, Some(1), PodState::Ready)), Op::Node(node(1, "a"))]), 0.0);
        assert_eq!(s.pods[&5].place, Place::Node(1));
        assert_eq!(s.counts[0], 1);
    }

    #[test]
    fn nodes_stand_in_natural_order() {
        let mut s = Scene::default();
        let ops = ["node-10", "node-2", "node-1"].iter().zip(1..).map(|(n, i)| Op::Node(node(i, n))).collect();
        s.apply(&patch(ops), 0.0);
        assert_eq!(s.order, vec![3, 2, 1]);
    }

    #[test]
    fn reset_forgets() {
        let mut s = Scene::default();
        s.apply(&patch(vec![Op::Node(node(1, "a")), Op::Pod(pod(5, Some(1), PodState::Ready))]), 0.0);
        assert!(s.apply(&patch(vec![Op::Reset]), 5.0));
        assert!(s.nodes.is_empty() && s.pods.is_empty() && s.live() == 0);
    }

    #[test]
    fn what_differs_after_a_rewind_is_shown_at_rest() {
        let mut s = Scene::default();
        s.apply(&patch(vec![Op::Node(node(1, "a")), Op::Pod(pod(5, Some(1), PodState::Ready))]), 0.0);
        let differs = vec![Op::Rewind, Op::PodGone(5), Op::Pod(pod(4, Some(1), PodState::Pending))];
        assert!(s.apply(&patch(differs), 9000.0));
        assert_eq!(s.pods.keys().copied().collect::<Vec<_>>(), vec![4]);
        assert!(!s.moving(9000.0));
        assert_eq!(s.counts, [0, 0, 1, 0, 0, 0]);
    }
}
