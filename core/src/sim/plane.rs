//! What is out of order in the cluster as a whole: parts of the control plane that are stopped or slow, the registry of
//! images, and what happened meanwhile and nobody could be told of. Invariant: nothing that fell due while its part was
//! stopped is lost; it is kept and comes when the part is back. Must not know what a part does.

use super::{Actor, Component, Event, Sim};
use crate::api::error::Status;
use crate::apiserver::recorder::Source;
use crate::apiserver::request::REFUSED;
use crate::clock::SimDuration;
use crate::store::Id;
use crate::store::event::{Involved, Text};
use imbl::{OrdMap, OrdSet, Vector};
use std::hash::{Hash, Hasher};

/// From a part's start to when it works again: it lists what it watches.
const START: SimDuration = SimDuration::from_millis(1_000);
/// Events of kubelets that are kept until the API server can be told of them.
const UNSENT: usize = 1_000;

/// A part of the control plane that can be stopped or slowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// kube-apiserver: nobody's request is answered.
    ApiServer,
    /// kube-scheduler
    Scheduler,
    /// kube-controller-manager: all controllers.
    ControllerManager,
    /// One controller.
    Controller(Component),
}

/// What becomes of an event that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It happens.
    Go,
    /// It waits until its part is back.
    Hold,
    /// It happens this much later.
    Later(SimDuration),
}

/// An event of a kubelet that the API server could not be told of.
#[derive(Clone, Debug)]
struct Unsent {
    actor: Actor,
    source: Source,
    involved: Involved,
    warning: bool,
    reason: Text,
    message: Text,
}

/// The state of the parts.
#[derive(Clone, Debug, Default)]
pub struct Plane {
    stopped: OrdSet<Part>,
    slow: OrdMap<Part, SimDuration>,
    registry_out: bool,
    /// What fell due while its part was stopped, in order.
    held: Vector<Event>,
    unsent: Vector<Unsent>,
    /// Pods whose kubelet could not write what it had to.
    unwritten: OrdSet<Id>,
}

impl Component {
    /// Does kube-controller-manager (or the cloud's) run it?
    pub fn is_controller(self) -> bool {
        !matches!(
            self,
            Component::Scheduler
                | Component::Kubelets
                | Component::Proxies
                | Component::IngressController
                | Component::Terminals
        )
    }

    /// The controller of a name as events bear it, or without its `-controller`.
    pub fn controller(name: &str) -> Option<Component> {
        let short = |n: &str| n.trim_end_matches("-controller").to_owned();
        Component::ALL.into_iter().filter(|c| c.is_controller()).find(|c| {
            let own = if *c == Component::Disruption { "disruption-controller" } else { c.name() };
            c.name() == name || own == name || short(own) == short(name)
        })
    }

    /// The name by which [`Component::controller`] finds it.
    pub fn controller_name(self) -> &'static str {
        if self == Component::Disruption { "disruption-controller" } else { self.name() }
    }
}

impl Part {
    /// Does what a component does stop with this part?
    fn covers(self, c: Component) -> bool {
        match self {
            Part::ApiServer => true,
            Part::Scheduler => c == Component::Scheduler,
            Part::ControllerManager => c.is_controller(),
            Part::Controller(one) => one == c,
        }
    }
}

/// Whose an event is, if it is one that a stopped part does not see.
fn owner(event: &Event) -> Option<Component> {
    match event {
        Event::Watch(c) | Event::Work(c) | Event::Requeue(c, _) | Event::Timer(c, _) => Some(*c),
        Event::Scheduler(_) => Some(Component::Scheduler),
        _ => None,
    }
}

impl Plane {
    /// True while nothing is out of order.
    pub fn sound(&self) -> bool {
        self.stopped.is_empty() && self.slow.is_empty()
    }

    /// Is a part stopped?
    pub fn is_stopped(&self, part: Part) -> bool {
        self.stopped.contains(&part)
    }

    /// Parts that are stopped.
    pub fn stopped(&self) -> impl Iterator<Item = Part> + '_ {
        self.stopped.iter().copied()
    }

    /// Parts that are slow, and by how much they do everything later.
    pub fn slow(&self) -> impl Iterator<Item = (Part, SimDuration)> + '_ {
        self.slow.iter().map(|(p, d)| (*p, *d))
    }

    /// How much later the API server answers.
    pub fn answers_later(&self) -> SimDuration {
        self.slow.get(&Part::ApiServer).copied().unwrap_or_default()
    }

    /// Does the registry of images not answer?
    pub fn registry_out(&self) -> bool {
        self.registry_out
    }

    /// What becomes of an event that is due now.
    pub fn verdict(&self, event: &Event) -> Verdict {
        let inner = match event {
            Event::Late(inner) => inner,
            event => event,
        };
        let api_down = self.is_stopped(Part::ApiServer);
        let Some(c) = owner(inner) else {
            let servers_own = matches!(inner, Event::ExpireEvents | Event::OwnService | Event::Poll(_));
            return if api_down && servers_own { Verdict::Hold } else { Verdict::Go };
        };
        if self.stopped.iter().any(|p| p.covers(c)) {
            return Verdict::Hold;
        }
        if matches!(event, Event::Late(_)) {
            return Verdict::Go;
        }
        // a slow part hears everything later; a slow API server also takes its time for what each of their rounds asks
        let hears = matches!(event, Event::Watch(_) | Event::Timer(..) | Event::Requeue(..));
        let slow = self.slow.iter().filter(|(p, _)| p.covers(c) && (hears || **p == Part::ApiServer));
        let later: u64 = slow.map(|(_, d)| d.0).sum();
        if later == 0 { Verdict::Go } else { Verdict::Later(SimDuration(later)) }
    }

    /// Keeps an event until its part is back.
    pub fn hold(&mut self, event: Event) {
        self.held.push_back(event);
    }

    /// Pods whose kubelet could not write what it had to; they are forgotten here.
    pub fn take_unwritten(&mut self) -> OrdSet<Id> {
        std::mem::take(&mut self.unwritten)
    }

    /// All that tells two of them apart goes into a hash.
    pub fn hash_into(&self, h: &mut impl Hasher) {
        for p in &self.stopped {
            p.hash(h);
        }
        for (p, d) in &self.slow {
            (p, d).hash(h);
        }
        (self.registry_out, self.unsent.len(), self.unwritten.len()).hash(h);
        for e in &self.held {
            e.hash(h);
        }
    }
}

impl Sim {
    /// Stops a part, or starts it again.
    pub fn stop_part(&mut self, part: Part, on: bool) {
        if on {
            self.plane.stopped.insert(part);
        } else if self.plane.stopped.remove(&part).is_some() {
            self.release(START);
        }
    }

    /// Makes a part slow, or as fast as ever.
    pub fn slow_part(&mut self, part: Part, by: SimDuration) {
        if by == SimDuration::ZERO {
            self.plane.slow.remove(&part);
        } else {
            self.plane.slow.insert(part, by);
        }
    }

    /// The registry of images answers no more, or again.
    pub fn registry_outage(&mut self, on: bool) {
        self.plane.registry_out = on;
    }

    /// What was held back comes after a while; what still has to wait is held again then.
    pub fn release(&mut self, after: SimDuration) {
        for event in std::mem::take(&mut self.plane.held) {
            self.after(after, event);
        }
    }

    /// Why a request of the actor does not reach the API server; none: it does.
    pub fn refused(&self) -> Option<Status> {
        let cut = match &self.actor {
            Actor::Kubelet(node) => self.network.tables.is_cut(node),
            _ => false,
        };
        let down = self.plane.is_stopped(Part::ApiServer);
        (down || cut).then(|| Status::new(503, REFUSED, "the API server cannot be reached"))
    }

    /// True if what the actor has to write about a pod has to wait.
    pub(crate) fn puts_off(&mut self, pod: Id) -> bool {
        let refused = self.refused().is_some();
        if refused {
            self.plane.unwritten.insert(pod);
        }
        refused
    }

    /// Keeps an event that cannot be sent now. False: it can.
    pub(crate) fn keeps_event(
        &mut self,
        source: &Source,
        involved: &Involved,
        warning: bool,
        reason: &Text,
        message: &Text,
    ) -> bool {
        if self.refused().is_none() {
            return false;
        }
        if self.plane.unsent.len() < UNSENT {
            self.plane.unsent.push_back(Unsent {
                actor: self.actor.clone(),
                source: source.clone(),
                involved: involved.clone(),
                warning,
                reason: reason.clone(),
                message: message.clone(),
            });
        }
        true
    }

    /// Sends the events that had to wait; those that still have to wait do.
    pub(crate) fn send_kept_events(&mut self) {
        for e in std::mem::take(&mut self.plane.unsent) {
            let Unsent { actor, source, involved, warning, reason, message } = e;
            self.acting(actor, 0, |sim| sim.record_about(source, involved, warning, reason, message));
        }
    }
}
