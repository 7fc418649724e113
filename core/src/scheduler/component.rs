//! The scheduler as a component of the world.

use crate::sim::Sim;

/// What the scheduler does later.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum SchedulerEvent {
    /// Take the next pod of the active queue.
    Cycle,
}

/// The scheduler's state.
#[derive(Clone, Debug)]
pub struct Scheduler {
    rng: crate::rng::Rng,
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    pub fn new(seed: u64) -> Scheduler {
        Scheduler { rng: crate::rng::Rng::stream(seed, "scheduler") }
    }

    /// Its watch delivers (pods, nodes, services, replica sets).
    pub fn watch(&mut self, sim: &mut Sim) {
        let _ = (sim.deliver(crate::sim::Component::Scheduler), self.rng.u32());
    }

    /// One of its own events is due.
    pub fn event(&mut self, sim: &mut Sim, event: SchedulerEvent) {
        let _ = (sim, event);
    }
}
