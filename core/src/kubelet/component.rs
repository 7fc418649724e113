//! The kubelets of all nodes as one component of the world.

use crate::sim::Sim;
use crate::store::Id;
use crate::view::model::Fault;

/// What a kubelet does later.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum KubeletEvent {
    /// A pod's worker goes on.
    Pod(Id, u32),
    /// A node's own timer.
    Node(Id, u32),
}

/// The state of all kubelets.
#[derive(Clone, Debug)]
pub struct Kubelets {
    rng: crate::rng::Rng,
}

impl Kubelets {
    /// Kubelets of a cluster that has no nodes yet.
    pub fn new(seed: u64) -> Kubelets {
        Kubelets { rng: crate::rng::Rng::stream(seed, "kubelets") }
    }

    /// Every configured node comes up and registers.
    pub fn boot(&mut self, sim: &mut Sim) {
        let _ = (sim, self.rng.u32());
    }

    /// Their watch delivers (pods, nodes, config maps, secrets).
    pub fn watch(&mut self, sim: &mut Sim) {
        let _ = sim.deliver(crate::sim::Component::Kubelets);
    }

    /// One of their events is due.
    pub fn event(&mut self, sim: &mut Sim, event: KubeletEvent) {
        let _ = (sim, event);
    }

    /// A person does something to a node or a container. The error is what the terminal says.
    pub fn fault(&mut self, sim: &mut Sim, fault: &Fault) -> Result<(), String> {
        let _ = (sim, fault);
        Ok(())
    }

    /// The lines a container has printed, newest last; `previous`: of the run before. The error is the API server's.
    pub fn logs(
        &self,
        sim: &Sim,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        previous: bool,
    ) -> Result<String, crate::api::error::Status> {
        let _ = (sim, namespace, pod, container, previous);
        Ok(String::new())
    }

    /// False once a person has cut the node's power.
    pub fn powered(&self, node: &str) -> bool {
        let _ = node;
        true
    }
}
