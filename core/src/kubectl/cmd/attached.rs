//! What follows when a command has made a pod to work in (`run -it`, `debug -it`): waiting for it, a shell in it or its
//! output, and its end.

use super::change;
use super::logs::{Follow, follower};
use crate::apiserver::request::{Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::command::Invocation;
use crate::kubectl::errors::CmdError;
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::{Context, Inside};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A pod that somebody attaches to as soon as it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attached {
    at: Inside,
    /// Typed lines go to a shell in it.
    shell: bool,
    /// It has a terminal.
    #[serde(default)]
    terminal: bool,
    /// Its exit code is the command's.
    code: bool,
    quiet: bool,
    follow: Option<Follow>,
}

/// How a pod is attached to.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// `-i` and `-t`: lines are typed into it.
    pub terminal: bool,
    /// `--rm`: the pod goes when it has been left.
    pub remove: bool,
    /// Its exit code becomes the command's.
    pub code: bool,
}

const SHELLS: &[&str] = &["sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash"];

/// Begins to wait for a pod that has just been made.
pub fn begin(inv: &Invocation, pod: &Value, container: &str, how: How, ctx: &mut Context) {
    let part = |k: &str| pod["metadata"][k].as_str().unwrap_or_default().to_owned();
    let all = ["containers", "ephemeralContainers"].map(|k| pod["spec"][k].as_array().into_iter().flatten());
    let spec = all.into_iter().flatten().find(|c| c["name"] == container);
    let words = |k: &str| spec.and_then(|c| c[k].as_array()).cloned().unwrap_or_default();
    let program: Vec<Value> = [words("command"), words("args")].concat();
    let shell = match program.as_slice() {
        [] => true,
        [one] => one.as_str().is_some_and(|p| SHELLS.contains(&p)),
        _ => false,
    };
    let at = Inside {
        namespace: part("namespace"),
        pod: part("name"),
        container: container.to_owned(),
        directory: String::new(),
        setup: String::new(),
        remove: how.remove,
    };
    let quiet = inv.bool("quiet");
    let wait =
        Attached { at, shell: shell && how.terminal, terminal: how.terminal, code: how.code, quiet, follow: None };
    // a command without the flag waits as long as it takes
    let seconds = inv.seconds("pod-running-timeout");
    let deadline = (seconds > 0.0).then(|| ctx.now() + SimDuration((seconds * 1e6) as u64));
    ctx.out.pending = Some(Pending::new(Wait::Attached(Box::new(wait)), deadline));
}

/// Deletes the pod of a session that is over, and says so.
///
/// # Errors
/// What the API server says.
pub fn remove(at: &Inside, ctx: &mut Context) -> Result<(), CmdError> {
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
    let path = format!("/api/v1/namespaces/{}/pods/{}", at.namespace, at.pod);
    ctx.call(Request::new(Method::Delete, path).body(options))?;
    ctx.println(format!("pod {:?} deleted from {} namespace", at.pod, at.namespace));
    Ok(())
}

impl Attached {
    /// The pod that goes when somebody presses Ctrl+C: its terminal gets it, and its program ends by that.
    pub fn left(&self) -> Option<&Inside> {
        Some(&self.at).filter(|at| self.terminal && at.remove && self.follow.is_some())
    }

    /// Goes on; true when the command has come to its end, or a shell has been opened.
    ///
    /// # Errors
    /// The pod has gone, does not start in time, or has failed.
    pub fn poll(&mut self, deadline: &mut Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
        let path = format!("/api/v1/namespaces/{}/pods/{}", self.at.namespace, self.at.pod);
        let pod = ctx.call(Request::get(path))?;
        let phase = pod["status"]["phase"].as_str().unwrap_or_default().to_owned();
        let lists = ["containerStatuses", "ephemeralContainerStatuses"];
        let status = lists.iter().flat_map(|k| pod["status"][*k].as_array().into_iter().flatten());
        let found = status.into_iter().find(|c| c["name"] == self.at.container.as_str()).cloned().unwrap_or_default();
        let state = found["state"].clone();
        // it may have come to its end, and have been started again, between two looks
        let again = found["restartCount"].as_i64().unwrap_or_default() > 0;
        let begun = again
            || !state["running"].is_null()
            || !state["terminated"].is_null()
            || ["Succeeded", "Failed"].contains(&phase.as_str());
        if self.follow.is_none() {
            if !begun {
                if deadline.is_some_and(|t| ctx.now() >= t) {
                    return Err(CmdError::client("timed out waiting for the condition"));
                }
                return Ok(false);
            }
            *deadline = None;
            if self.shell && !state["running"].is_null() {
                if !self.quiet {
                    ctx.eprintln("If you don't see a command prompt, try pressing enter.");
                }
                ctx.session.inside = Some(self.at.clone());
                return Ok(true);
            }
            self.follow = Some(follower(&self.at));
        }
        let over = match &mut self.follow {
            Some(f) => f.poll(deadline, ctx)? || again,
            None => true,
        };
        if !over {
            return Ok(false);
        }
        if self.at.remove {
            remove(&self.at, ctx)?;
        }
        let ended = &state["terminated"];
        let code = ended["exitCode"].as_i64().unwrap_or_default();
        if self.code && code != 0 {
            let reason = ended["reason"].as_str().unwrap_or_default();
            let message = ended["message"].as_str().unwrap_or_default();
            ctx.eprintln(
                format!("pod {}/{} terminated ({reason})\n{message}", self.at.namespace, self.at.pod).trim_end(),
            );
            return Err(CmdError::Exit(code as i32));
        }
        Ok(true)
    }
}

/// The name of a container made for debugging.
pub fn debugger_name(seed: &str) -> String {
    format!("debugger-{}", change::suffix(seed))
}
