//! Nodes: what a kubelet registers, where its pods' addresses come from, what power does to it.

use crate::api::quantity::Quantity;
use crate::clock::SimTime;
use crate::runtime::images::{Catalogue, Reference};
use crate::sim::{KubeletProfile, NodeConfig};
use crate::store::pod::image_id;
use imbl::OrdMap;
use k8s_openapi::api::core::v1::ContainerImage;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The version that nodes report.
pub const VERSION: &str = "v1.36.2";
/// Images that a node's status names.
const MOST_IMAGES: usize = 50;
/// Pod addresses of one block.
const BLOCK: u32 = 256;

/// A node's kubelet.
#[derive(Clone, Debug)]
pub struct NodeState {
    /// Its name.
    pub name: Arc<str>,
    /// Its own address.
    pub ip: u32,
    /// First address of its pods' range.
    pub range: u32,
    /// Size of the range.
    pub size: u32,
    /// Addresses in use, a bit each.
    used: imbl::Vector<u64>,
    next: u32,
    /// Images it has, and since when.
    pub images: OrdMap<Arc<str>, SimTime>,
    /// A look at its images is due that will be written to its status.
    pub images_due: bool,
    /// When its puller is free again.
    pub puller_free: SimTime,
    /// Its CPU in millicores.
    pub cpu: u64,
    /// Its memory in bytes.
    pub memory: u64,
    /// Memory that something outside of all pods takes.
    pub outside_memory: u64,
    /// Disk that something outside of all pods takes.
    pub outside_disk: u64,
    /// What it runs out of.
    pub strain: super::pressure::Strain,
    /// Who gets what of its CPU, while it is nearly full.
    pub crowd: Option<super::crowd::Crowd>,
    /// A look at that is due.
    pub cpu_due: bool,
    /// It has power.
    pub powered: bool,
    /// How often it has been started.
    pub boots: u32,
}

impl NodeState {
    /// The kubelet of the `index`th node (from 0); `block`: first block of the pods' range.
    pub fn new(config: &NodeConfig, index: u32, block: u32, many: bool, profile: KubeletProfile) -> NodeState {
        let ip = if profile == KubeletProfile::Recorded {
            Ipv4Addr::new(192, 168, 1, 11).into()
        } else {
            u32::from(Ipv4Addr::new(192, 168, 1, 11)) + (index / 240) * 256 + index % 240
        };
        let blocks = Self::blocks(config);
        // few nodes: 10.244.<n>.0/24 as everybody knows it; many: a range that has room for them
        let base = if many { u32::from(Ipv4Addr::new(10, 128, 0, 0)) } else { Ipv4Addr::new(10, 244, 0, 0).into() };
        let size = blocks * BLOCK;
        NodeState {
            name: config.name.as_str().into(),
            ip,
            range: base + block * BLOCK,
            size,
            used: std::iter::repeat_n(0, (size / 64) as usize).collect(),
            next: 2,
            images: OrdMap::new(),
            images_due: false,
            puller_free: SimTime::ZERO,
            cpu: Quantity::parse(&config.cpu).map_or(1000, |q| q.milli_value().max(1) as u64),
            memory: Quantity::parse(&config.memory).map_or(0, |q| q.value().max(0) as u64),
            outside_memory: 0,
            outside_disk: 0,
            strain: super::pressure::Strain::default(),
            crowd: None,
            cpu_due: false,
            powered: true,
            boots: 1,
        }
    }

    /// Is it short of something, or may it be?
    pub fn strained(&self) -> bool {
        self.outside_memory > 0 || self.outside_disk > 0 || self.strain.posted != (false, false)
    }

    /// Blocks of addresses that a node needs.
    pub fn blocks(config: &NodeConfig) -> u32 {
        config.pods.div_ceil(250).clamp(1, 64)
    }

    /// Takes an address that no pod of the node has; 0: there is none. Addresses are not used again at once.
    pub fn take_ip(&mut self) -> u32 {
        for k in 0..self.size {
            let i = (self.next + k) % self.size;
            if i < 2 || i + 1 == self.size {
                continue;
            }
            let word = (i / 64) as usize;
            let bit = 1u64 << (i % 64);
            if self.used.get(word).is_some_and(|w| w & bit == 0) {
                if let Some(w) = self.used.get_mut(word) {
                    *w |= bit;
                }
                self.next = i + 1;
                return self.range + i;
            }
        }
        0
    }

    /// Gives an address back.
    pub fn free_ip(&mut self, ip: u32) {
        if let Some(i) = ip.checked_sub(self.range).filter(|i| *i < self.size)
            && let Some(w) = self.used.get_mut((i / 64) as usize)
        {
            *w &= !(1 << (i % 64));
        }
    }

    /// Images that are there, as the node's status lists them: the largest first, at most 50.
    pub fn image_list(&self, now: SimTime) -> Vec<ContainerImage> {
        let there = self.images.iter().filter(|(_, t)| **t <= now).map(|(image, _)| image);
        let mut list: Vec<(i64, String, String)> = there
            .filter_map(|i| {
                let tag = Reference::parse(i)?.canonical();
                Some((Catalogue::builtin().pull(i).ok()? as i64, image_id(i), tag))
            })
            .collect();
        list.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.2.cmp(&b.2)));
        list.dedup();
        let image = |(size, id, tag)| ContainerImage { names: Some(vec![id, tag]), size_bytes: Some(size) };
        list.into_iter().take(MOST_IMAGES).map(image).collect()
    }

    /// `10.244.1.0/24`
    pub fn cidr(&self) -> String {
        let bits = 32 - self.size.next_power_of_two().trailing_zeros();
        format!("{}/{bits}", Ipv4Addr::from(self.range))
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: SimTime) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message,
        "lastHeartbeatTime": now.rfc3339(), "lastTransitionTime": now.rfc3339()})
}

/// The conditions of a node whose kubelet runs; whether it is short of memory, and of disk.
pub fn conditions(now: SimTime, (memory, disk): (bool, bool)) -> Value {
    let memory = match memory {
        true => ("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
        false => ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    };
    let disk = match disk {
        true => ("True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
        false => ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    };
    json!([
        condition("MemoryPressure", memory.0, memory.1, memory.2, now),
        condition("DiskPressure", disk.0, disk.1, disk.2, now),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available", now),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", now),
    ])
}

/// A quantity as the API server would print it.
fn canonical(text: &str) -> String {
    Quantity::parse(text).map_or_else(|_| text.to_owned(), |q| q.to_string())
}

/// The Node object that a kubelet registers. `id` seeds what is random in it.
pub fn node_object(config: &NodeConfig, state: &NodeState, id: u64, now: SimTime) -> Value {
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": config.name,
        "kubernetes.io/os": "linux",
    });
    for (k, v) in &config.labels {
        labels[k] = json!(v);
    }
    let taints: Vec<Value> = config.taints.iter().filter_map(|t| taint(t)).collect();
    let resources = json!({
        "cpu": canonical(&config.cpu),
        "memory": canonical(&config.memory),
        "pods": config.pods.to_string(),
        "ephemeral-storage": "100Gi",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
    });
    let cidr = state.cidr();
    let mut spec = json!({"podCIDR": cidr, "podCIDRs": [cidr]});
    if !taints.is_empty() {
        spec["taints"] = json!(taints);
    }
    let hex = |salt: u64| format!("{:016x}", (id ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": config.name,
            "labels": labels,
            "annotations": {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
        "status": {
            "capacity": resources, "allocatable": resources,
            "conditions": conditions(now, (false, false)),
            "addresses": [
                {"type": "InternalIP", "address": Ipv4Addr::from(state.ip).to_string()},
                {"type": "Hostname", "address": config.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux",
                "bootID": hex(1), "machineID": hex(2), "systemUUID": hex(3),
                "kernelVersion": "6.12.0", "osImage": "Debian GNU/Linux 13 (trixie)",
                "containerRuntimeVersion": "containerd://2.2.0",
                "kubeletVersion": VERSION, "kubeProxyVersion": "",
            },
        },
    })
}

/// Reads `key=value:Effect` or `key:Effect`.
fn taint(text: &str) -> Option<Value> {
    let (left, effect) = text.rsplit_once(':')?;
    Some(match left.split_once('=') {
        Some((k, v)) => json!({"key": k, "value": v, "effect": effect}),
        None => json!({"key": left, "effect": effect}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unique_and_come_back() {
        let mut n = NodeState::new(&NodeConfig::numbered(1), 0, 1, false, KubeletProfile::Real);
        assert_eq!(n.cidr(), "10.244.1.0/24");
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..253 {
            assert!(seen.insert(n.take_ip()));
        }
        assert_eq!(n.take_ip(), 0);
        assert!(seen.iter().all(|ip| Ipv4Addr::from(*ip).to_string().starts_with("10.244.1.")));
        let one = u32::from(Ipv4Addr::new(10, 244, 1, 9));
        n.free_ip(one);
        assert_eq!(n.take_ip(), one);
    }
}
