//! What a kubelet refuses to run: pods that somebody put on its node past the scheduler and that do not fit.
//! Models pkg/kubelet/lifecycle predicate.go.

use super::component::Kubelets;
use super::phase::is_sidecar;
use crate::api::quantity::Quantity;
use crate::sim::Sim;
use crate::store::{Key, PodRecord};
use k8s_openapi::api::core::v1::{Container, Node, PodSpec};

/// CPU in millicores, memory in bytes.
pub type Amount = (i64, i64);

/// What a pod asks for.
pub fn requests_of(spec: &PodSpec) -> Amount {
    let of = |c: &Container| {
        let amount = |key: &str| {
            let list = c.resources.as_ref()?.requests.as_ref()?;
            Quantity::parse(&list.get(key)?.0).ok()
        };
        (amount("cpu").map_or(0, |q| q.milli_value()), amount("memory").map_or(0, |q| q.value()))
    };
    let sum = |a: (i64, i64), b: (i64, i64)| (a.0 + b.0, a.1 + b.1);
    let (mut sidecars, mut peak) = ((0, 0), (0, 0));
    for c in spec.init_containers.iter().flatten() {
        let now = sum(sidecars, of(c));
        peak = (i64::max(peak.0, now.0), i64::max(peak.1, now.1));
        if is_sidecar(c) {
            sidecars = now;
        }
    }
    let all = spec.containers.iter().map(of).fold(sidecars, sum);
    // what is asked for at the level of the pod replaces the sum
    let whole = |key: &str| {
        let list = spec.resources.as_ref()?.requests.as_ref()?;
        Quantity::parse(&list.get(key)?.0).ok()
    };
    (
        whole("cpu").map_or(i64::max(all.0, peak.0), |q| q.milli_value()),
        whole("memory").map_or(i64::max(all.1, peak.1), |q| q.value()),
    )
}

/// Parameters of the kernel that a pod may set. (Models pkg/kubelet/sysctl safe_sysctls.)
const SAFE: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// Why no node of ours can run the pod, whoever has put it there: reason and message.
pub fn unfit(pod: &PodRecord) -> Option<(&'static str, String)> {
    let spec = pod.proto.pod.spec.as_ref()?;
    if spec.os.as_ref().is_some_and(|os| os.name != "linux") {
        let text = "Failed to admit pod as the OS field doesn't match node OS";
        return Some(("PodOSNotSupported", text.into()));
    }
    let sysctls = spec.security_context.as_ref().and_then(|s| s.sysctls.as_ref());
    let forbidden = sysctls.into_iter().flatten().find(|s| !SAFE.contains(&s.name.replace('/', ".").as_str()))?;
    Some(("SysctlForbidden", format!("forbidden sysctl: {:?} not allowlisted", forbidden.name)))
}

/// Why the node cannot take the pod: reason and message; `None`: it can.
pub fn refuses(kubelets: &Kubelets, sim: &Sim, pod: &PodRecord, node: &str) -> Option<(&'static str, String)> {
    let object = sim.store.typed::<Node>(&Key::new("", node))?;
    let selector = pod.proto.pod.spec.as_ref().and_then(|s| s.node_selector.as_ref());
    let labels = object.metadata.labels.as_ref();
    if selector.into_iter().flatten().any(|(k, v)| labels.and_then(|l| l.get(k)) != Some(v)) {
        let text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
        return Some(("NodeAffinity", text.into()));
    }
    let others = || sim.store.pods_on_node(node).filter(|p| p.id != pod.id && !p.status.phase.is_terminal());
    let used = others().map(|p| kubelets.granted(p)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let allocatable = object.status.as_ref().and_then(|s| s.allocatable.as_ref());
    let room = |key: &str| Quantity::parse(&allocatable?.get(key)?.0).ok();
    let wanted = pod.proto.pod.spec.as_ref().map_or((0, 0), requests_of);
    let rows = [
        ("pods", "OutOfpods", 1, others().count() as i64, room("pods").map(|q| q.value())),
        ("cpu", "OutOfcpu", wanted.0, used.0, room("cpu").map(|q| q.milli_value())),
        ("memory", "OutOfmemory", wanted.1, used.1, room("memory").map(|q| q.value())),
    ];
    rows.into_iter().find_map(|(key, reason, wanted, used, capacity)| {
        let capacity = capacity?;
        (wanted > 0 && used + wanted > capacity).then(|| {
            let text = format!(
                "Node didn't have enough resource: {key}, requested: {wanted}, used: {used}, capacity: {capacity}"
            );
            (reason, text)
        })
    })
}
