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

/// What people have put out of order and is so now: parts of the control plane that are stopped or slow, the registry,
/// nodes without power, cut off or under pressure, broken probes, and what ails containers (each is named). Each fault is
/// as it was done, so the one that ends it is the same with the other value. A fault that was refused is not among them,
/// nor is one that has ended by itself. It costs a look at each node and at each pod that something was done to.
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
    let mut all: Vec<Fault> = stopped.chain(slow).chain(cut).chain(registry).collect();
    all.extend(cluster.world.kubelets.in_force(sim));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;
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
        let mut c = Cluster::with_nodes(1, 1);
        let typed = |c: &mut Cluster, line: &str| {
            c.submit(Input::Line { terminal: 0, line: line.into(), stdin: None });
            c.world.terminals.last_code(0)
        };
        c.seek(SimTime::from_secs(5));
        typed(&mut c, "kubectl run web --image=nginx:1.25");
        c.seek(SimTime::from_secs(25));
        // what is refused is not so
        assert_ne!(typed(&mut c, "kubarium hang nobody"), 0);
        assert_ne!(typed(&mut c, "kubarium hang web -c other"), 0);
        assert_ne!(typed(&mut c, "kubarium break liveness web"), 0);
        assert_eq!(in_force(&c), []);
        let of = |c: &mut Cluster| in_force(c).iter().map(fault_line).collect::<Vec<_>>();
        for (begins, ends) in [
            ("hang web -c web", "hang web -c web --off"),
            ("leak web 1Mi/s -c web", "leak web 0 -c web"),
            ("crash-loop web -c web", "crash-loop web -c web --off"),
            ("slow-start web 30s -c web", "slow-start web 0s -c web"),
            ("break readiness web", "mend readiness web"),
            ("pressure node-1 disk", "relieve node-1 disk"),
            ("power-off node-1", "power-on node-1"),
        ] {
            let begins = format!("kubarium {begins}");
            assert_eq!(typed(&mut c, &begins), 0, "{begins}");
            assert_eq!(of(&mut c), std::slice::from_ref(&begins));
            assert_eq!(typed(&mut c, &format!("kubarium {ends}")), 0, "{ends}");
            assert_eq!(of(&mut c), [] as [String; 0], "{begins}");
        }
        // a hang and a leak end with the process
        c.seek(SimTime::from_secs(60));
        typed(&mut c, "kubarium hang web");
        typed(&mut c, "kubarium leak web 1Mi/s");
        assert_eq!(in_force(&c).len(), 2);
        typed(&mut c, "kubarium crash web");
        c.seek(SimTime::from_secs(70));
        assert_eq!(in_force(&c), []);
        let leak = Fault::LeakMemory { namespace: "a".into(), pod: "p".into(), container: "c".into(), rate: 10 << 20 };
        assert_eq!(fault_line(&leak), "kubarium leak p 10Mi/s -c c -n a");
    }
}
