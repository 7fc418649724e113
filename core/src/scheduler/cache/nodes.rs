//! The nodes of the picture: where each stands in the lists, in which order they are looked at, and which images they
//! hold.

use super::{Cluster, NONE};
use crate::scheduler::framework::{NodeInfo, NodeSpec};
use std::sync::Arc;

/// An image that pods use: its size on each node, 0 where it is not.
#[derive(Clone, Debug, Default)]
pub(in crate::scheduler) struct ImageSizes {
    pub on_node: Vec<i64>,
    pub having: usize,
}

impl Cluster {
    /// The node called `name`, which may not exist (yet, or any more).
    pub(super) fn slot(&mut self, name: &str) -> u32 {
        if let Some(n) = self.by_name.get(name) {
            return *n;
        }
        let n = self.nodes.len() as u32;
        let name: Arc<str> = name.into();
        Arc::make_mut(&mut self.nodes).push(NodeInfo { name: name.clone(), ..NodeInfo::default() });
        Arc::make_mut(&mut self.present).push(false);
        Arc::make_mut(&mut self.node_generation).push(1);
        Arc::make_mut(&mut self.load_generation).push(1);
        self.by_name.insert(name, n);
        for t in &mut self.topologies {
            Arc::make_mut(t).domain.push(NONE);
        }
        for c in &mut self.counters {
            Arc::make_mut(c).on_node.push(0);
        }
        for s in &mut self.spreads {
            Arc::make_mut(s).mask.push(0);
        }
        for (_, i) in self.images.iter_mut() {
            Arc::make_mut(i).on_node.push(0);
        }
        n
    }

    /// How many nodes exist.
    pub fn node_count(&self) -> usize {
        self.present.iter().filter(|p| **p).count()
    }

    /// A node by name.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.by_name.get(name).filter(|n| self.present[**n as usize]).map(|n| &self.nodes[*n as usize])
    }

    /// The place of a node that exists in the lists over nodes.
    pub(in crate::scheduler) fn slot_of(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied().filter(|n| self.present[*n as usize])
    }

    /// Takes in a node as it is now; `None`: it is gone. Says whether anything a decision looks at has changed.
    pub fn set_node(&mut self, name: &str, spec: Option<NodeSpec>) -> bool {
        if spec.is_none() && !self.by_name.contains_key(name) {
            return false;
        }
        let n = self.slot(name);
        let at = n as usize;
        let was = self.present[at];
        let new = spec.clone().unwrap_or_default();
        let old = self.nodes[at].spec.clone();
        if was == spec.is_some() && *old == new {
            return false;
        }
        self.version += 1;
        if *self.nodes[at].spec != new || was != spec.is_some() {
            let same_kind = was == spec.is_some()
                && old.labels == new.labels
                && old.taints == new.taints
                && old.unschedulable == new.unschedulable;
            if !same_kind {
                self.each_spread_leave(n);
                Arc::make_mut(&mut self.node_generation)[at] += 1;
            }
            Arc::make_mut(&mut self.load_generation)[at] += 1;
            self.update_images(n, &old, &new);
            if was != spec.is_some() || zone_of(&old) != zone_of(&new) {
                self.rezone(n, was.then(|| zone_of(&old)), spec.as_ref().map(zone_of));
            }
            Arc::make_mut(&mut self.nodes)[at].spec = Arc::new(new);
            Arc::make_mut(&mut self.present)[at] = spec.is_some();
            if !same_kind {
                let info = &self.nodes[at];
                for t in &mut self.topologies {
                    let t = Arc::make_mut(t);
                    t.domain[at] = t.domain_of(info);
                }
                self.each_spread_enter(n);
            }
        }
        true
    }

    fn rezone(&mut self, n: u32, from: Option<String>, to: Option<String>) {
        let zones = Arc::make_mut(&mut self.zones);
        if let Some(from) = from
            && let Some(i) = zones.iter().position(|z| z.0 == from)
        {
            zones[i].1.retain(|m| *m != n);
            if zones[i].1.is_empty() {
                zones.remove(i);
            }
        }
        if let Some(to) = to {
            match zones.iter_mut().find(|z| z.0 == to) {
                Some(z) => z.1.push(n),
                None => zones.push((to, vec![n])),
            }
        }
        self.order_stale = true;
    }

    /// Nodes in the order in which they are looked at: one of each zone in turn. Models internal/cache nodeTree.
    pub(in crate::scheduler) fn refresh_order(&mut self) {
        if !std::mem::take(&mut self.order_stale) {
            return;
        }
        let longest = self.zones.iter().map(|z| z.1.len()).max().unwrap_or(0);
        let order = (0..longest).flat_map(|i| self.zones.iter().filter_map(move |z| z.1.get(i).copied())).collect();
        self.order = Arc::new(order);
    }

    fn update_images(&mut self, n: u32, old: &NodeSpec, new: &NodeSpec) {
        if old.images == new.images {
            return;
        }
        for (name, image) in self.images.iter_mut() {
            let (before, after) = (old.images.get(name).copied(), new.images.get(name).copied());
            if before != after {
                let image = Arc::make_mut(image);
                image.on_node[n as usize] = after.unwrap_or(0);
                image.having = image.having + usize::from(after.is_some()) - usize::from(before.is_some());
            }
        }
    }

    /// The sizes of an image by node.
    pub(in crate::scheduler) fn image(&mut self, name: &Arc<str>) -> Arc<ImageSizes> {
        if let Some(i) = self.images.get(name) {
            return i.clone();
        }
        let on_node: Vec<i64> = self.nodes.iter().map(|n| n.spec.images.get(name).copied().unwrap_or(0)).collect();
        let having = self.nodes.iter().filter(|n| n.spec.images.contains_key(name)).count();
        let image = Arc::new(ImageSizes { on_node, having });
        self.images.insert(name.clone(), image.clone());
        image
    }
}

/// Models GetZoneKey.
fn zone_of(spec: &NodeSpec) -> String {
    let label = |k: &str| spec.labels.get(k).map_or("", String::as_str);
    let (region, zone) = (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"));
    if region.is_empty() && zone.is_empty() { String::new() } else { format!("{region}:\0:{zone}") }
}
