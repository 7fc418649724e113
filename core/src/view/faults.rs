//! Faults as a page needs them: the line that does the same in a terminal, and what is out of order now.

use super::model::{Fault, PlanePart, Pressure};
use crate::cluster::Cluster;
use crate::sim::plane::Part;

fn pod(namespace: &str, name: &str, container: &str) -> String {
    let mut text = name.to_owned();
    if !container.is_empty() {
        text.push_str(&format!(" -c {container}"));
    }
    if !namespace.is_empty() && namespace != "default" {
        text.push_str(&format!(" -n {namespace}"));
    }
    text
}

fn part(p: &PlanePart) -> &str {
    match p {
        PlanePart::ApiServer => "apiserver",
        PlanePart::Scheduler => "scheduler",
        PlanePart::ControllerManager => "controller-manager",
        PlanePart::Controller(name) => name,
    }
}

/// `10Mi`, `1000`: the largest unit that says it exactly.
fn bytes(n: u64) -> String {
    let units = [("Gi", 30), ("Mi", 20), ("Ki", 10)];
    match units.iter().find(|(_, shift)| n > 0 && n.is_multiple_of(1 << shift)) {
        Some((unit, shift)) => format!("{}{unit}", n >> shift),
        None => n.to_string(),
    }
}

/// The line that does what a fault does, when it is typed in a terminal.
pub fn fault_line(fault: &Fault) -> String {
    let off = |on: bool| if on { "" } else { " --off" };
    let either = |on: bool, yes: &'static str, no: &'static str| if on { yes } else { no };
    let rest = match fault {
        Fault::CrashContainer { namespace, pod: p, container } => format!("crash {}", pod(namespace, p, container)),
        Fault::CrashLoop { namespace, pod: p, container, on } => {
            format!("crash-loop {}{}", pod(namespace, p, container), off(*on))
        }
        Fault::HangContainer { namespace, pod: p, container, on } => {
            format!("hang {}{}", pod(namespace, p, container), off(*on))
        }
        Fault::LeakMemory { namespace, pod: p, container, rate } => {
            let rate = if *rate == 0 { "0".to_owned() } else { bytes(*rate) + "/s" };
            format!("leak {p} {rate}{}", pod(namespace, "", container))
        }
        Fault::SlowStart { namespace, pod: p, container, seconds } => {
            format!("slow-start {p} {seconds}s{}", pod(namespace, "", container))
        }
        Fault::BreakReadiness { namespace, pod: p, broken } => {
            format!("{} readiness {}", either(*broken, "break", "mend"), pod(namespace, p, ""))
        }
        Fault::BreakLiveness { namespace, pod: p, broken } => {
            format!("{} liveness {}", either(*broken, "break", "mend"), pod(namespace, p, ""))
        }
        Fault::NodePower { node, on } => format!("{} {node}", either(*on, "power-on", "power-off")),
        Fault::NodePartition { node, on } => format!("{} {node}", either(*on, "partition", "join")),
        Fault::NodePressure { node, resource, on } => {
            let resource = either(*resource == Pressure::Memory, "memory", "disk");
            format!("{} {node} {resource}", either(*on, "pressure", "relieve"))
        }
        Fault::RegistryOutage { on } => format!("registry {}", either(*on, "down", "up")),
        Fault::Stop { part: p, on } => format!("{} {}", either(*on, "stop", "start"), part(p)),
        Fault::Slow { part: p, millis: 0 } => format!("slow {} 0", part(p)),
        Fault::Slow { part: p, millis } => format!("slow {} {millis}ms", part(p)),
    };
    format!("kubarium {rest}")
}

/// What is out of order in the cluster as a whole: parts that are stopped or slow, nodes that are cut off, the registry.
/// (Whether a node has power is in its view.)
pub fn in_force(cluster: &Cluster) -> Vec<Fault> {
    let sim = &cluster.world.sim;
    let name = |p: Part| match p {
        Part::ApiServer => PlanePart::ApiServer,
        Part::Scheduler => PlanePart::Scheduler,
        Part::ControllerManager => PlanePart::ControllerManager,
        Part::Controller(c) => PlanePart::Controller(c.controller_name().into()),
    };
    let stopped = sim.plane.stopped().map(|p| Fault::Stop { part: name(p), on: true });
    let slow = sim.plane.slow().map(|(p, d)| Fault::Slow { part: name(p), millis: (d.0 / 1_000) as u32 });
    let cut = sim.network.tables.cut().map(|n| Fault::NodePartition { node: n.to_string(), on: true });
    let registry = sim.plane.registry_out().then_some(Fault::RegistryOutage { on: true });
    stopped.chain(slow).chain(cut).chain(registry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Input;

    #[test]
    fn a_line_does_what_its_fault_does() {
        for fault in [
            Fault::NodePartition { node: "node-1".into(), on: true },
            Fault::RegistryOutage { on: true },
            Fault::Stop { part: PlanePart::ApiServer, on: true },
            Fault::Stop { part: PlanePart::Controller("disruption-controller".into()), on: true },
            Fault::Slow { part: PlanePart::Scheduler, millis: 500 },
        ] {
            let mut typed = Cluster::with_nodes(1, 1);
            typed.submit(Input::Line { terminal: 0, line: fault_line(&fault), stdin: None });
            assert_eq!(typed.world.terminals.last_code(0), 0, "{}", fault_line(&fault));
            let mut clicked = Cluster::with_nodes(1, 1);
            clicked.submit(Input::Fault(fault.clone()));
            assert_eq!(in_force(&typed), vec![fault]);
            assert_eq!(in_force(&typed), in_force(&clicked));
        }
        let leak = Fault::LeakMemory { namespace: "a".into(), pod: "p".into(), container: "c".into(), rate: 10 << 20 };
        assert_eq!(fault_line(&leak), "kubarium leak p 10Mi/s -c c -n a");
    }
}
