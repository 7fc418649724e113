//! Between the page and the cluster: drives the session in virtual time, frame by frame, and hands its patches on to
//! the map and the panels. Panels hear of changes by topic, at most about ten times a second, and only while they
//! are shown; the map draws itself. Nothing here decides what a Kubernetes object does.

mod branches;
mod engine;
mod marks;
mod session;

pub use branches::BranchView;
pub use engine::Engine;
pub use marks::{Happened, Mark};
pub use session::{Session, use_topic, use_topic_if};

use kubarium_core::clock::SimTime;
use kubarium_core::world::Input;
use std::rc::Rc;
use std::sync::Arc;

/// What a panel can listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Objects on the map.
    Objects = 0,
    /// Rows of events.
    Events = 1,
    /// Rows of API requests.
    Requests = 2,
    /// The terminal's text.
    Terminal = 3,
    /// Playing, speed, step texts, inputs.
    Control = 4,
    /// Samples of the chart and the timeline's marks.
    History = 5,
    /// The moment itself.
    Clock = 6,
    /// Clients' counters and their requests.
    Traffic = 7,
    /// How a lesson stands.
    Lesson = 8,
}

/// The terminal of what is done on the map: a command that waits in the person's own is not disturbed.
pub const MAP_TERMINAL: u8 = 1;

/// A piece of the terminal's text.
#[derive(Clone, Debug, PartialEq)]
pub enum TermLine {
    /// A typed line, whether the map typed it, and the prompt of the shell in a container that took it.
    Typed(Arc<str>, bool, Arc<str>),
    /// Printed.
    Out(Arc<str>),
    /// Printed as an error.
    Err(Arc<str>),
    /// What was done that has no command.
    Done(Rc<Input>),
}

/// A moment as the clock shows it.
pub fn clock_text(t: SimTime) -> String {
    let tenths = t.0 / 100_000;
    let (s, m, h) = (tenths / 10, tenths / 600, tenths / 36_000);
    format!("{:02}:{:02}:{:02}.{}", h, m % 60, s % 60, tenths % 10)
}

/// ` -n <namespace>`, or nothing for the default one.
pub fn in_namespace(namespace: &str) -> String {
    if namespace == "default" || namespace.is_empty() { String::new() } else { format!(" -n {namespace}") }
}
