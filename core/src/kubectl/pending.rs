//! Commands that wait, as plain data.

use super::Context;
use super::cmd;
use super::errors::CmdError;
use super::pipes::Rest;
use crate::apiserver::request::User;
use crate::clock::SimTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A command that goes on: polled after changes of the cluster and at its deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// What it waits for.
    pub wait: Wait,
    /// When it gives up; `None` for never.
    pub deadline: Option<SimTime>,
    /// What its output still goes through.
    pub pipes: Rest,
    /// In whose name it asks (`--as`); none: its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<User>>,
}

/// What a command waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wait {
    /// `get -w`
    Watch(cmd::get::Watch),
    /// `logs -f`
    Logs(cmd::logs::Follow),
    /// `port-forward`: nothing but being interrupted; the local ports that it serves until then
    Interrupt(Vec<u16>),
    /// `events -w`
    Events(cmd::events::Watch),
    /// `delete`: objects that are to be gone
    Gone(cmd::delete::Gone),
    /// `drain`
    Draining(cmd::drain::Draining),
    /// `replace --force`
    Replacing(cmd::replace::Replacing),
    /// `rollout status`
    Rollouts(cmd::rollout::watch::Rollouts),
    /// `wait`
    Waiting(cmd::wait::Waiting),
    /// `scale --timeout`
    Scaled(cmd::scale::Scaled),
    /// `watch CMD`
    Repeating(super::pipes::Repeat),
    /// `run -it`, `debug -it`
    Attached(Box<cmd::attached::Attached>),
    /// Loops and the like at the prompt: never written anywhere, since sessions are replayed
    #[serde(skip)]
    Script(Box<super::script::Script>),
    /// A line that has not begun: the API server is slow
    Late(Late),
}

/// A line that has been typed and is carried out later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Late {
    /// The line.
    pub line: String,
    /// What `-f -` reads.
    pub stdin: Option<String>,
    /// `--request-timeout` is over before the API server answers.
    pub given_up: bool,
}

impl Pending {
    /// A command that waits, with nothing behind it.
    pub fn new(wait: Wait, deadline: Option<SimTime>) -> Self {
        Pending { wait, deadline, pipes: Rest::default(), user: None }
    }

    /// Is this look too early? Logs are read after each change, and each of these asks for the next look anew: of all
    /// that come at once, one is enough.
    pub fn is_early(&self, now: SimTime) -> bool {
        let own_time = match &self.wait {
            Wait::Logs(_) | Wait::Attached(_) => true,
            Wait::Script(s) => s.only_sleeps(),
            _ => false,
        };
        own_time && self.deadline.is_some_and(|d| now < d)
    }

    /// When it is to be polled even if nothing changes.
    pub fn deadline(&self) -> Option<SimTime> {
        self.deadline
    }
}

/// Goes on with it; true when it has come to its end.
pub fn poll(pending: &mut Pending, ctx: &mut Context) -> Result<bool, CmdError> {
    let deadline = pending.deadline;
    match &mut pending.wait {
        Wait::Watch(w) => cmd::get::poll(w, deadline, ctx),
        Wait::Logs(w) => w.poll(&mut pending.deadline, ctx),
        Wait::Interrupt(_) | Wait::Late(_) => Ok(false),
        Wait::Events(w) => cmd::events::poll(w, deadline, ctx),
        Wait::Gone(w) => w.poll(deadline, ctx),
        Wait::Draining(w) => w.poll(&mut pending.deadline, ctx),
        Wait::Replacing(w) => w.poll(&mut pending.deadline, ctx),
        Wait::Rollouts(w) => w.poll(deadline, ctx),
        Wait::Waiting(w) => w.poll(deadline, ctx),
        Wait::Scaled(w) => cmd::scale::poll(w, deadline, ctx),
        Wait::Script(w) => Ok(w.poll(&mut pending.deadline, ctx)),
        Wait::Repeating(w) => Ok(w.poll(&mut pending.deadline, ctx)),
        Wait::Attached(w) => w.poll(&mut pending.deadline, ctx),
    }
}
