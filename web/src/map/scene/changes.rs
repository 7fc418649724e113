//! How patches change the scene: things come, move, change and go, and the counts of nodes follow.

use super::{
    Activity, NodeItem, OWNER_COLOURS, Place, PodItem, PulseItem, Scene, Slots, natural_key, part_index, state_index,
};
use crate::map::anim::{self, Ms};
#[cfg(test)]
use kubarium_core::view::model::Patch;
use kubarium_core::view::model::{Id, NodeView, Op, PodState, PodView, Pulse};
use std::collections::{BTreeMap, BTreeSet};

/// Messages that are drawn at one time; more than this is a blur anyway.
const MOST_PULSES: usize = 160;

/// The taking in of one patch.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    now: Ms,
    /// What comes is not news: it is shown at rest.
    pub fresh: bool,
    pulses: u32,
}

impl Turn {
    /// A patch that comes at `now` of the animation clock.
    pub fn at(now: Ms) -> Turn {
        Turn { now, fresh: false, pulses: 0 }
    }
}

impl Scene {
    /// Takes in a patch at `now` of the animation clock. Returns whether it began anew or led elsewhere.
    #[cfg(test)]
    pub fn apply(&mut self, patch: &Patch, now: Ms) -> bool {
        let mut turn = Turn::at(now);
        patch.ops.iter().for_each(|op| self.take_in(op.clone(), &mut turn));
        self.done(turn);
        turn.fresh
    }

    /// Takes in one change of a patch.
    pub fn take_in(&mut self, op: Op, turn: &mut Turn) {
        // What is shown at rest came, moved and went so long ago that nothing of it is to be seen.
        let now = if turn.fresh { turn.now - anim::BIRTH } else { turn.now };
        match op {
            Op::Reset => {
                let shape = self.shape + 1;
                let pods_version = self.pods_version + 1;
                let workloads_version = self.workloads_version + 1;
                // Who stood where is kept as a hint: what is told anew must not shuffle the pods.
                let hints = self.pods.values().map(|p| (p.view.id, (p.place, p.slot))).collect();
                let colours = std::mem::take(&mut self.colours);
                *self = Scene { shape, pods_version, workloads_version, hints, colours, ..Scene::default() };
                turn.fresh = true;
            }
            Op::Rewind => {
                self.calm_down();
                self.traffic = Default::default();
                self.shape += 1;
                turn.fresh = true;
            }
            Op::Node(view) => self.node(view, now),
            Op::NodeGone(id) => self.node_gone(id, now),
            Op::Pod(view) => self.pod(view, now),
            Op::PodGone(id) => self.pod_gone(id, now),
            Op::Service(view) => {
                self.services.insert(view.id, view);
                self.shape += 1;
                self.pods_version += 1;
            }
            Op::ServiceGone(id) => {
                self.services.remove(&id);
                self.shape += 1;
                self.pods_version += 1;
            }
            Op::Workload(view) => {
                if view.owner.is_none() {
                    let next = self.colours.len() as u8 % OWNER_COLOURS;
                    self.colours.entry(view.id).or_insert(next);
                }
                self.workloads.insert(view.id, view);
                self.workloads_version += 1;
                self.pods_version += 1;
            }
            Op::WorkloadGone(id) => {
                self.workloads.remove(&id);
                self.workloads_version += 1;
                self.pods_version += 1;
            }
            Op::Claim(view) => {
                let key = (view.namespace.clone(), view.name.clone());
                self.claim_names.insert(view.id, key.clone());
                self.claims.insert(key, view);
                self.pods_version += 1;
            }
            Op::ClaimGone(id) => {
                if let Some(key) = self.claim_names.remove(&id) {
                    self.claims.remove(&key);
                }
                self.pods_version += 1;
            }
            Op::Ingress(view) => {
                self.ingresses.insert(view.id, view);
                self.shape += 1;
            }
            Op::IngressGone(id) => {
                self.ingresses.remove(&id);
                self.shape += 1;
            }
            Op::Pulse(pulse) => {
                // Messages of one patch leave one after the other, so that a burst reads as a stream.
                self.pulse(pulse, now + f64::from(turn.pulses.min(40)) * 35.0);
                turn.pulses += 1;
            }
            Op::Event(_) | Op::Request(_) => {}
        }
    }

    /// The patch is taken in.
    pub fn done(&mut self, turn: Turn) {
        if turn.fresh {
            self.hints.clear();
            self.sweep(turn.now);
        }
        if self.counted != self.pods_version {
            self.counted = self.pods_version;
            self.count_revisions();
        }
    }

    fn touch(&mut self, until: Ms) {
        self.busy_until = self.busy_until.max(until);
    }

    /// Whether anything moves at `now`.
    pub fn moving(&self, now: Ms) -> bool {
        now < self.busy_until || !self.dying.is_empty() || self.traffic.moving()
    }

    /// Forgets messages: what is shown next begins at rest.
    pub fn calm_down(&mut self) {
        self.pulses.clear();
        self.parts = Default::default();
    }

    fn node(&mut self, view: NodeView, now: Ms) {
        match self.nodes.get_mut(&view.id) {
            Some(item) => {
                // where pods are only counted, nothing else tells the map to be drawn anew
                let looks = |v: &NodeView| (v.ready, v.powered, v.cordoned);
                self.shape += u64::from(looks(&item.view) != looks(&view));
                item.view = view;
            }
            None => {
                let (id, name) = (view.id, view.name.clone());
                let item = NodeItem {
                    view,
                    born: now,
                    slots: Slots::default(),
                    counts: BTreeMap::new(),
                    live: 0,
                    failing: BTreeSet::new(),
                };
                let key = natural_key(&name);
                let at = self.order.partition_point(|id| natural_key(&self.nodes[id].view.name) < key);
                self.order.insert(at, id);
                self.nodes.insert(id, item);
                self.shape += 1;
                self.touch(now + anim::BIRTH);
                // Pods that came before their node.
                let waiting: Vec<Id> = self.tray.taken.iter().flatten().copied().collect();
                for pod in waiting {
                    if self.pods.get(&pod).is_some_and(|p| p.view.node == Some(id)) {
                        self.settle(pod, now);
                    }
                }
            }
        }
    }

    fn node_gone(&mut self, id: Id, now: Ms) {
        let Some(node) = self.nodes.remove(&id) else { return };
        self.order.retain(|n| *n != id);
        self.shape += 1;
        for pod in node.slots.taken.into_iter().flatten() {
            if let Some(item) = self.pods.get_mut(&pod) {
                item.place = Place::Tray;
                item.moved = None;
                item.slot = self.tray.take(pod, None);
                if item.died.is_none() {
                    item.died = Some(now);
                    self.counts[state_index(item.view.state)] -= 1;
                    self.dying.push_back((now + anim::DEATH, pod));
                }
            }
        }
        self.touch(now + anim::DEATH);
    }

    fn tally(&mut self, place: Place, owner: Option<Id>, state: PodState, id: Id, add: bool) {
        let i = state_index(state);
        if add {
            self.counts[i] += 1;
        } else {
            self.counts[i] = self.counts[i].saturating_sub(1);
        }
        let Place::Node(n) = place else { return };
        let Some(node) = self.nodes.get_mut(&n) else { return };
        let row = node.counts.entry(owner).or_default();
        if add {
            row[i] += 1;
            node.live += 1;
        } else {
            row[i] = row[i].saturating_sub(1);
            node.live = node.live.saturating_sub(1);
            if row.iter().all(|n| *n == 0) {
                node.counts.remove(&owner);
            }
        }
        if state == PodState::Failing {
            if add {
                node.failing.insert(id);
            } else {
                node.failing.remove(&id);
            }
        }
    }

    fn take(&mut self, place: Place, id: Id) -> u32 {
        let hint = self.hints.get(&id).filter(|(p, _)| *p == place).map(|(_, slot)| *slot);
        match place {
            Place::Tray => {
                let before = self.tray.len();
                let slot = self.tray.take(id, hint);
                if self.tray.len() != before {
                    self.shape += 1;
                }
                slot
            }
            Place::Node(n) => match self.nodes.get_mut(&n) {
                Some(node) => {
                    let before = node.slots.len();
                    let slot = node.slots.take(id, hint);
                    if node.slots.len() != before {
                        self.shape += 1;
                    }
                    slot
                }
                None => 0,
            },
        }
    }

    fn give_back(&mut self, place: Place, slot: u32) {
        match place {
            Place::Tray => {
                let before = self.tray.len();
                self.tray.give_back(slot);
                if self.tray.len() != before {
                    self.shape += 1;
                }
            }
            Place::Node(n) => {
                if let Some(node) = self.nodes.get_mut(&n) {
                    node.slots.give_back(slot);
                }
            }
        }
    }

    fn place_of(&self, view: &PodView) -> Place {
        match view.node {
            Some(n) if self.nodes.contains_key(&n) => Place::Node(n),
            _ => Place::Tray,
        }
    }

    fn pod(&mut self, view: PodView, now: Ms) {
        self.pods_version += 1;
        let place = self.place_of(&view);
        let known = self.pods.get(&view.id).map(|p| (p.place, p.slot, p.view.owner, p.view.state, p.died));
        let Some((was_at, slot, owner, state, died)) = known else {
            let slot = self.take(place, view.id);
            self.tally(place, view.owner, view.state, view.id, true);
            let (id, before, changed) = (view.id, view.state, now - anim::CHANGE);
            let item = PodItem { view, place, slot, born: now, died: None, moved: None, before, changed };
            self.pods.insert(id, Box::new(item));
            self.touch(now + anim::BIRTH);
            return;
        };
        if died.is_none() {
            self.tally(was_at, owner, state, view.id, false);
        } else {
            self.dying.retain(|(_, id)| *id != view.id);
        }
        self.tally(place, view.owner, view.state, view.id, true);
        let new_slot = if place == was_at {
            slot
        } else {
            self.give_back(was_at, slot);
            self.take(place, view.id)
        };
        if let Some(item) = self.pods.get_mut(&view.id) {
            if place != was_at {
                item.moved = Some(Box::new((was_at, slot, now)));
                item.place = place;
                item.slot = new_slot;
                self.busy_until = self.busy_until.max(now + anim::MOVE);
            }
            if item.view.state != view.state {
                item.before = item.view.state;
                item.changed = now;
                self.busy_until = self.busy_until.max(now + anim::CHANGE);
            }
            item.died = None;
            item.view = view;
        }
    }

    /// Moves a pod from the tray to its node, which has just become known.
    fn settle(&mut self, id: Id, now: Ms) {
        if let Some(view) = self.pods.get(&id).map(|p| p.view.clone()) {
            self.pod(view, now);
        }
    }

    fn pod_gone(&mut self, id: Id, now: Ms) {
        self.pods_version += 1;
        let Some((place, owner, state, died)) =
            self.pods.get(&id).map(|p| (p.place, p.view.owner, p.view.state, p.died))
        else {
            return;
        };
        if died.is_some() {
            return;
        }
        self.tally(place, owner, state, id, false);
        if let Some(item) = self.pods.get_mut(&id) {
            item.died = Some(now);
        }
        self.dying.push_back((now + anim::DEATH, id));
        self.touch(now + anim::DEATH);
    }

    /// Removes pods whose death is over. Call once a frame.
    pub fn sweep(&mut self, now: Ms) {
        while let Some((at, id)) = self.dying.front().copied()
            && at <= now
        {
            self.dying.pop_front();
            if let Some(item) = self.pods.remove(&id) {
                self.give_back(item.place, item.slot);
            }
        }
        while self.pulses.front().is_some_and(|p| p.start + anim::PULSE < now) {
            self.pulses.pop_front();
        }
    }

    fn pulse(&mut self, pulse: Pulse, start: Ms) {
        if self.pulses.len() >= MOST_PULSES {
            self.pulses.pop_front();
        }
        for part in [pulse.from, pulse.to] {
            if let Some(i) = part_index(part) {
                self.parts[i] = Some(Activity { at: start, message: pulse.message.clone() });
            }
        }
        self.touch(start + anim::PULSE.max(anim::GLOW));
        self.pulses.push_back(PulseItem { start, pulse });
    }
}
