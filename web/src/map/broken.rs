//! What people have broken by hand and not mended yet: read from the session's inputs, so it rewinds with them.

use kubarium_core::cluster::LoggedInput;
use kubarium_core::kubectl::kubarium;
use kubarium_core::view::model::{Fault, PlanePart, Pressure};
use kubarium_core::world::Input;
use std::collections::{BTreeMap, BTreeSet};

/// What is broken of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodFaults {
    /// It ends soon after each start.
    pub crash_loop: bool,
    /// It starts slowly.
    pub slow: bool,
    /// Its readiness probes fail.
    pub readiness: bool,
    /// Its liveness probes fail.
    pub liveness: bool,
}

/// All that is broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// Nodes that are cut off.
    pub cut_off: BTreeSet<String>,
    /// Nodes under pressure.
    pub pressure: BTreeSet<(String, Pressure)>,
    /// Parts of the control plane that do nothing.
    pub stopped: BTreeSet<PlanePart>,
    /// Parts that are slow, and by how many milliseconds.
    pub slow: BTreeMap<PlanePart, u32>,
    /// The registry does not answer.
    pub registry: bool,
    /// Pods by namespace and name.
    pub pods: BTreeMap<(String, String), PodFaults>,
}

impl Broken {
    /// What these inputs have left broken.
    pub fn of(inputs: &[LoggedInput]) -> Broken {
        let mut b = Broken::default();
        for logged in inputs {
            match &logged.input {
                Input::Fault(f) => b.add(f),
                // the same, typed
                Input::Line { line, .. } => {
                    let deed = kubarium::deed(line).and_then(|v| serde_json::from_value(v).ok());
                    if let Some(Input::Fault(f)) = deed {
                        b.add(&f);
                    }
                }
                _ => {}
            }
        }
        b
    }

    fn add(&mut self, fault: &Fault) {
        fn set<T: Ord + Clone>(all: &mut BTreeSet<T>, key: T, on: bool) {
            if on {
                all.insert(key);
            } else {
                all.remove(&key);
            }
        }
        let mut of = |namespace: &String, pod: &String, change: &dyn Fn(&mut PodFaults)| {
            change(self.pods.entry((namespace.clone(), pod.clone())).or_default());
        };
        match fault {
            Fault::CrashLoop { namespace, pod, on, .. } => of(namespace, pod, &|f| f.crash_loop = *on),
            Fault::SlowStart { namespace, pod, seconds, .. } => of(namespace, pod, &|f| f.slow = *seconds > 0),
            Fault::BreakReadiness { namespace, pod, broken } => of(namespace, pod, &|f| f.readiness = *broken),
            Fault::BreakLiveness { namespace, pod, broken } => of(namespace, pod, &|f| f.liveness = *broken),
            Fault::NodePartition { node, on } => set(&mut self.cut_off, node.clone(), *on),
            Fault::NodePressure { node, resource, on } => set(&mut self.pressure, (node.clone(), *resource), *on),
            Fault::RegistryOutage { on } => self.registry = *on,
            Fault::Stop { part, on } => set(&mut self.stopped, part.clone(), *on),
            Fault::Slow { part, millis: 0 } => {
                self.slow.remove(part);
            }
            Fault::Slow { part, millis } => {
                self.slow.insert(part.clone(), *millis);
            }
            // these are over when the container is started anew, or are to be seen of the node itself
            Fault::CrashContainer { .. }
            | Fault::HangContainer { .. }
            | Fault::LeakMemory { .. }
            | Fault::NodePower { .. } => {}
        }
    }

    /// What is broken of a pod.
    pub fn pod(&self, namespace: &str, pod: &str) -> PodFaults {
        self.pods.get(&(namespace.to_owned(), pod.to_owned())).copied().unwrap_or_default()
    }

    /// The part of the control plane at this place of the strip that can be stopped.
    pub fn part(i: u8) -> Option<PlanePart> {
        match i {
            1 => Some(PlanePart::ApiServer),
            3 => Some(PlanePart::ControllerManager),
            4 => Some(PlanePart::Scheduler),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubarium_core::clock::SimTime;

    #[test]
    fn what_is_mended_is_broken_no_more() {
        let logged = |fault: Fault| LoggedInput { at: SimTime::ZERO, steps: 0, input: Input::Fault(fault) };
        let cut = |on| logged(Fault::NodePartition { node: "node-1".into(), on });
        let slow = |millis| logged(Fault::Slow { part: PlanePart::Scheduler, millis });
        let b = Broken::of(&[cut(true), slow(500), logged(Fault::RegistryOutage { on: true })]);
        assert!(b.cut_off.contains("node-1") && b.registry);
        assert_eq!(b.slow.get(&PlanePart::Scheduler), Some(&500));
        assert_eq!(Broken::of(&[cut(true), slow(500), cut(false), slow(0)]), Broken::default());
        let line = Input::Line { terminal: 0, line: "kubarium partition node-1".into(), stdin: None };
        let typed = LoggedInput { at: SimTime::ZERO, steps: 0, input: line };
        assert!(Broken::of(&[typed]).cut_off.contains("node-1"));
    }
}
