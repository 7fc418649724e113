//! What can be broken, and mended again: of a pod, a node, a part of the control plane, the registry.

use super::deeds::{Deed, Offer};
use crate::bridge::Engine;
use crate::i18n::Lang;
use crate::map::broken::{Broken, node_ills};
use crate::map::hit::Target;
use kubarium_core::sim::Component;
use kubarium_core::view::model::{Fault, PlanePart, Pressure};

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
        Target::Pod(id) => !b.pod(id).is_empty(),
        Target::Node(id) => e.scene.nodes.get(&id).is_some_and(|n| !node_ills(Lang::En, b, &n.view).is_empty()),
        Target::Part(i) => !b.at(i).is_empty() || i <= 1 && b.registry,
        _ => false,
    }
}

/// What a person may choose among before breaking something: containers of a pod, controllers; each with its name as
/// [`faults`] takes it and as it is shown. Empty: there is only one.
pub fn choices(e: &Engine, lang: Lang, target: Target) -> Vec<(String, String)> {
    match target {
        Target::Pod(id) => {
            let pod = e.cluster.world.sim.store.pod(id);
            let spec = pod.and_then(|p| p.proto.pod.spec.as_ref());
            let side = spec.into_iter().flat_map(|s| s.init_containers.iter().flatten());
            let side = side.filter(|c| c.restart_policy.as_deref() == Some("Always"));
            let all = spec.into_iter().flat_map(|s| &s.containers).chain(side);
            let names: Vec<_> = all.map(|c| (c.name.clone(), c.name.clone())).collect();
            if names.len() > 1 { names } else { vec![] }
        }
        Target::Part(3) => {
            let all = Component::ALL.into_iter().filter(|c| c.is_controller()).map(Component::controller_name);
            let mut list: Vec<_> = all.map(|name| (name.to_owned(), lang.actor(name))).collect();
            list.sort_by(|a, b| a.1.cmp(&b.1));
            list.insert(0, (String::new(), lang.t("faults.all_controllers").to_owned()));
            list
        }
        _ => vec![],
    }
}

/// The container that a fault hits, as it is named in it.
fn container(f: &Fault) -> Option<&str> {
    match f {
        Fault::CrashLoop { container, .. }
        | Fault::HangContainer { container, .. }
        | Fault::LeakMemory { container, .. }
        | Fault::SlowStart { container, .. } => Some(container),
        _ => None,
    }
}

/// What can be broken of a thing, or mended. `which`: one of [`choices`]; empty is the first.
pub fn faults(e: &Engine, lang: Lang, target: Target, which: &str) -> Vec<Offer> {
    let b = &e.scene.broken;
    let offer =
        |id, key, text, on: bool, fault| Offer { id, text: lang.t(text), key, deed: Deed::Fault(fault), danger: on };
    let either = |on: bool, mend: &'static str, harm: &'static str| if on { mend } else { harm };
    match target {
        Target::Pod(id) => {
            let Some(p) = e.scene.pods.get(&id).filter(|p| p.died.is_none()) else { return vec![] };
            let (namespace, pod) = (p.view.namespace.to_string(), p.view.name.to_string());
            let (n, p) = (|| namespace.clone(), || pod.clone());
            let several = choices(e, lang, target);
            let first = several.first().map_or("", |(name, _)| name);
            // the first one needs no name: the line in the terminal stays short
            let c = || if which == first { String::new() } else { which.to_owned() };
            let meant = if which.is_empty() { first } else { which };
            let mine = |f: &&Fault| container(f).is_none_or(|c| several.is_empty() || c.is_empty() || c == meant);
            let ills: Vec<&Fault> = b.pod(id).iter().filter(mine).collect();
            let has = |like: fn(&Fault) -> bool| ills.iter().any(|f| like(f));
            let loops = has(|f| matches!(f, Fault::CrashLoop { .. }));
            let hangs = has(|f| matches!(f, Fault::HangContainer { .. }));
            let leaks = has(|f| matches!(f, Fault::LeakMemory { .. }));
            let slow = has(|f| matches!(f, Fault::SlowStart { .. }));
            let unready = has(|f| matches!(f, Fault::BreakReadiness { .. }));
            let unlive = has(|f| matches!(f, Fault::BreakLiveness { .. }));
            let crash = Fault::CrashContainer { namespace: n(), pod: p(), container: c() };
            let again = Fault::CrashLoop { namespace: n(), pod: p(), container: c(), on: !loops };
            let hang = Fault::HangContainer { namespace: n(), pod: p(), container: c(), on: !hangs };
            let rate = if leaks { 0 } else { LEAK };
            let leak = Fault::LeakMemory { namespace: n(), pod: p(), container: c(), rate };
            let seconds = if slow { 0 } else { SLOW_START };
            let start = Fault::SlowStart { namespace: n(), pod: p(), container: c(), seconds };
            let ready = Fault::BreakReadiness { namespace: n(), pod: p(), broken: !unready };
            let live = Fault::BreakLiveness { namespace: n(), pod: p(), broken: !unlive };
            vec![
                offer("crash", Some("c"), "deed.crash", true, crash),
                offer("crash-loop", None, either(loops, "deed.loop_over", "deed.loop"), !loops, again),
                offer("hang", None, either(hangs, "deed.hang_over", "deed.hang"), !hangs, hang),
                offer("leak", None, either(leaks, "deed.leak_over", "deed.leak"), !leaks, leak),
                offer("slow-start", None, either(slow, "deed.start_over", "deed.start"), !slow, start),
                offer("readiness", Some("b"), either(unready, "deed.mend", "deed.break"), !unready, ready),
                offer("liveness", None, either(unlive, "deed.mend_live", "deed.break_live"), !unlive, live),
            ]
        }
        Target::Node(id) => {
            let Some(n) = e.scene.nodes.get(&id) else { return vec![] };
            let node = || n.view.name.to_string();
            let cut = b.cut_off.contains(&*n.view.name);
            let under = |r: Pressure| b.pressure.contains(&(node(), r));
            let (memory, disk, on) = (under(Pressure::Memory), under(Pressure::Disk), n.view.powered);
            let press = |resource, on: bool| Fault::NodePressure { node: node(), resource, on: !on };
            let power = Fault::NodePower { node: node(), on: !on };
            let part = Fault::NodePartition { node: node(), on: !cut };
            let (of_memory, of_disk) = (press(Pressure::Memory, memory), press(Pressure::Disk, disk));
            vec![
                offer("power", Some("o"), either(!on, "deed.power_on", "deed.power_off"), on, power),
                offer("partition", None, either(cut, "deed.join", "deed.cut"), !cut, part),
                offer("memory", None, either(memory, "deed.memory_over", "deed.memory"), !memory, of_memory),
                offer("disk", None, either(disk, "deed.disk_over", "deed.disk"), !disk, of_disk),
            ]
        }
        Target::Part(i) => {
            let mut out = Vec::new();
            let part = match which {
                "" => Broken::part(i),
                name => Some(PlanePart::Controller(name.to_owned())),
            };
            if let Some(part) = part {
                let (stopped, slow) = (b.stopped.contains(&part), b.slow.contains_key(&part));
                let text = either(stopped, "deed.part_start", "deed.part_stop");
                out.push(offer("stop", None, text, !stopped, Fault::Stop { part: part.clone(), on: !stopped }));
                let (text, millis) = if slow { ("deed.part_fast", 0) } else { ("deed.part_slow", SLOW) };
                out.push(offer("slow", None, text, !slow, Fault::Slow { part, millis }));
            }
            if i <= 1 {
                let text = either(b.registry, "deed.registry_over", "deed.registry");
                out.push(offer("registry", None, text, !b.registry, Fault::RegistryOutage { on: !b.registry }));
            }
            out
        }
        _ => vec![],
    }
}
