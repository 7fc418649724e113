//! `kubectl rollout status`: shows the state of rollouts until they are over.

use super::{group_kind, infos, status};
use crate::apiserver::request::Request;
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::Context;
use crate::kubectl::builder;
use crate::kubectl::command::Invocation;
use crate::kubectl::errors::CmdError;
use crate::kubectl::pending::{Pending, Wait};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Rollouts that are still looked at, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollouts {
    /// Path and `Kind.group` of each.
    objects: VecDeque<(String, String)>,
    revision: i64,
    /// The resourceVersion of the first one when its state was last printed.
    seen: String,
}

pub(super) fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.int("revision") < 0 {
        return Err(CmdError::client(format!("revision must be a positive integer: {}", inv.int("revision"))));
    }
    let (infos, errors) = builder::split(infos(inv, ctx)?);
    if infos.is_empty() && errors.is_empty() {
        ctx.eprintln(format!("No resources found in {} namespace.", inv.namespace));
        return Ok(());
    }
    CmdError::collect(errors)?;
    let objects = infos.iter().map(|i| (i.path(), group_kind(i))).collect();
    let mut rollouts = Rollouts { objects, revision: inv.int("revision"), seen: String::new() };
    if !inv.bool("watch") {
        for info in infos {
            let text = status::of(&info.object, &group_kind(&info), rollouts.revision).map_err(CmdError::Client)?.0;
            ctx.println(text);
        }
        return Ok(());
    }
    if rollouts.poll(None, ctx)? {
        return Ok(());
    }
    let timeout = inv.seconds("timeout");
    let deadline = (timeout > 0.0).then(|| ctx.now() + SimDuration((timeout * 1e6) as u64));
    ctx.out.pending = Some(Pending::new(Wait::Rollouts(rollouts), deadline));
    Ok(())
}

impl Rollouts {
    /// Prints what is new; true when all are over.
    ///
    /// # Errors
    /// A rollout failed, its object is gone, or time is up.
    pub fn poll(&mut self, deadline: Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
        while let Some((path, kind)) = self.objects.front().cloned() {
            let object = match ctx.call(Request::get(path)) {
                Err(e) if e.is_not_found() => return Err(CmdError::client("object has been deleted")),
                other => other?,
            };
            let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            if version != self.seen {
                self.seen = version.into();
                let (text, done) = status::of(&object, &kind, self.revision).map_err(CmdError::Client)?;
                ctx.println(text);
                if done {
                    self.objects.pop_front();
                    self.seen.clear();
                    continue;
                }
            }
            if deadline.is_some_and(|d| ctx.now() >= d) {
                return Err(CmdError::client("timed out waiting for the condition"));
            }
            return Ok(false);
        }
        Ok(true)
    }
}
