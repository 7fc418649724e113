//! What can be broken, and mended again: of a pod, a node, a part of the control plane, the registry.

use super::inspector::{Deed, Offer};
use crate::bridge::Engine;
use crate::i18n::Lang;
use crate::map::broken::Broken;
use crate::map::hit::Target;
use kubarium_core::view::model::{Fault, Pressure};

/// Bytes a second that a leak takes.
const LEAK: u64 = 4 << 20;
/// Seconds by which a slow start is slow.
const SLOW_START: u32 = 20;
/// Milliseconds by which a part of the control plane is slow.
const SLOW: u32 = 2_000;

/// Whether something is broken by hand that [`faults`] would mend, for a mark at the menu.
pub fn is_broken(e: &Engine, target: Target) -> bool {
    let b = &e.scene.broken;
    match target {
        Target::Pod(id) => {
            e.scene.pods.get(&id).is_some_and(|p| b.pod(&p.view.namespace, &p.view.name) != Default::default())
        }
        Target::Node(id) => e.scene.nodes.get(&id).is_some_and(|n| {
            let name = &*n.view.name;
            !n.view.powered || b.cut_off.contains(name) || b.pressure.iter().any(|(n, _)| n == name)
        }),
        Target::Part(i) => {
            Broken::part(i).is_some_and(|p| b.stopped.contains(&p) || b.slow.contains_key(&p)) || i <= 1 && b.registry
        }
        _ => false,
    }
}

/// What can be broken of a thing, or mended.
pub fn faults(e: &Engine, lang: Lang, target: Target) -> Vec<Offer> {
    let b = &e.scene.broken;
    let offer =
        |id, key, text, on: bool, fault| Offer { id, text: lang.t(text), key, deed: Deed::Fault(fault), danger: on };
    match target {
        Target::Pod(id) => {
            let Some(p) = e.scene.pods.get(&id).filter(|p| p.died.is_none()) else { return vec![] };
            let (namespace, pod) = (p.view.namespace.to_string(), p.view.name.to_string());
            let (n, p) = (|| namespace.clone(), || pod.clone());
            let is = b.pod(&namespace, &pod);
            let c = String::new;
            let crash = Fault::CrashContainer { namespace: n(), pod: p(), container: c() };
            let again = Fault::CrashLoop { namespace: n(), pod: p(), container: c(), on: !is.crash_loop };
            let hang = Fault::HangContainer { namespace: n(), pod: p(), container: c(), on: true };
            let leak = Fault::LeakMemory { namespace: n(), pod: p(), container: c(), rate: LEAK };
            let seconds = if is.slow { 0 } else { SLOW_START };
            let slow = Fault::SlowStart { namespace: n(), pod: p(), container: c(), seconds };
            let ready = Fault::BreakReadiness { namespace: n(), pod: p(), broken: !is.readiness };
            let live = Fault::BreakLiveness { namespace: n(), pod: p(), broken: !is.liveness };
            let either = |on: bool, mend: &'static str, harm: &'static str| if on { mend } else { harm };
            vec![
                offer("crash", Some("c"), "deed.crash", true, crash),
                offer("crash-loop", None, either(is.crash_loop, "deed.loop_over", "deed.loop"), !is.crash_loop, again),
                offer("hang", None, "deed.hang", true, hang),
                offer("leak", None, "deed.leak", true, leak),
                offer("slow-start", None, either(is.slow, "deed.start_over", "deed.start"), !is.slow, slow),
                offer("readiness", Some("b"), either(is.readiness, "deed.mend", "deed.break"), !is.readiness, ready),
                offer("liveness", None, either(is.liveness, "deed.mend_live", "deed.break_live"), !is.liveness, live),
            ]
        }
        Target::Node(id) => {
            let Some(n) = e.scene.nodes.get(&id) else { return vec![] };
            let node = n.view.name.to_string();
            let cut = b.cut_off.contains(&node);
            let under = |r: Pressure| b.pressure.contains(&(node.clone(), r));
            let press = |resource| Fault::NodePressure { node: node.clone(), resource, on: !under(resource) };
            let either = |on: bool, mend: &'static str, harm: &'static str| if on { mend } else { harm };
            let on = n.view.powered;
            vec![
                offer(
                    "power",
                    Some("o"),
                    either(!on, "deed.power_on", "deed.power_off"),
                    on,
                    Fault::NodePower { node: node.clone(), on: !on },
                ),
                offer(
                    "partition",
                    None,
                    either(cut, "deed.join", "deed.cut"),
                    !cut,
                    Fault::NodePartition { node: node.clone(), on: !cut },
                ),
                offer(
                    "memory",
                    None,
                    either(under(Pressure::Memory), "deed.memory_over", "deed.memory"),
                    !under(Pressure::Memory),
                    press(Pressure::Memory),
                ),
                offer(
                    "disk",
                    None,
                    either(under(Pressure::Disk), "deed.disk_over", "deed.disk"),
                    !under(Pressure::Disk),
                    press(Pressure::Disk),
                ),
            ]
        }
        Target::Part(i) => {
            let mut out = Vec::new();
            if let Some(part) = Broken::part(i) {
                let (stopped, slow) = (b.stopped.contains(&part), b.slow.contains_key(&part));
                let text = if stopped { "deed.part_start" } else { "deed.part_stop" };
                out.push(offer("stop", None, text, !stopped, Fault::Stop { part: part.clone(), on: !stopped }));
                let (text, millis) = if slow { ("deed.part_fast", 0) } else { ("deed.part_slow", SLOW) };
                out.push(offer("slow", None, text, !slow, Fault::Slow { part, millis }));
            }
            if i <= 1 {
                let text = if b.registry { "deed.registry_over" } else { "deed.registry" };
                out.push(offer("registry", None, text, !b.registry, Fault::RegistryOutage { on: !b.registry }));
            }
            out
        }
        _ => vec![],
    }
}
