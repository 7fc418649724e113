//! `kubectl delete`. Models kubectl `pkg/cmd/delete`.

use crate::apiserver::request::{Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::pending::{Pending, Wait};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Flags that say how objects are deleted; `replace --force` has them too.
pub static HOW: &[Flag] = &[
    Flag::str("cascade", "Must be \"background\", \"orphan\", or \"foreground\". Selects the deletion cascading strategy for the dependents.")
        .default("background")
        .no_opt("background"),
    Flag::int("grace-period", "-1", "Period of time in seconds given to the resource to terminate gracefully. Ignored if negative. Set to 1 for immediate shutdown. Can only be set to 0 when --force is true."),
    Flag::bool("force", "If true, immediately remove resources from API and bypass graceful deletion."),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up on a delete, zero means determine a timeout from the size of the object."),
];

static FLAGS: &[Flag] = &[
    Flag::bool("all", "Delete all resources, in the namespace of the specified resource types."),
    Flag::bool(
        "ignore-not-found",
        "Treat \"resource not found\" as a successful delete. Defaults to \"true\" when --all is specified.",
    ),
    Flag::bool("now", "If true, resources are signaled for immediate shutdown (same as --grace-period=1)."),
    Flag::new(
        "wait",
        Kind::Bool,
        "true",
        "If true, wait for resources to be gone before returning. This waits for finalizers.",
    ),
    Flag::str("output", "Output mode. Use \"-o name\" for shorter output (resource/name).").short('o'),
    Flag::str("raw", "Raw URI to DELETE to the server."),
    Flag::bool("interactive", "If true, delete resource only when user confirms.").short('i'),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "delete",
    "Delete resources by file names, stdin, resources and names, or by resources and label selector.",
    "([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])",
    &[FLAGS, HOW, flags::FILENAME, flags::SELECTOR, flags::FIELD_SELECTOR, flags::ALL_NAMESPACES, flags::DRY_RUN],
    run,
);

/// Objects that are to be gone before a command returns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gone {
    objects: Vec<Doomed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Doomed {
    path: String,
    uid: String,
    name: String,
}

impl Gone {
    /// Adds what the API server answered to a DELETE of an object.
    pub fn add(&mut self, info: &Info, answer: &Value) {
        let uid = answer["details"]["uid"].as_str().or(answer["metadata"]["uid"].as_str()).unwrap_or_default();
        self.objects.push(Doomed { path: info.path(), uid: uid.into(), name: info.object_name() });
    }

    /// Forgets what is gone; true when nothing is left.
    ///
    /// # Errors
    /// Time is up.
    pub fn poll(&mut self, deadline: Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
        self.objects.retain(|d| match ctx.api.request(Request::get(d.path.clone())).ok() {
            Ok(live) => d.uid.is_empty() || live["metadata"]["uid"] == d.uid.as_str(),
            // A server that refuses to be asked is not waited for.
            Err(_) => false,
        });
        match self.objects.first() {
            None => Ok(true),
            Some(d) if deadline.is_some_and(|t| ctx.now() >= t) => {
                Err(CmdError::client(format!("timed out waiting for the condition on {}", d.name)))
            }
            Some(_) => Ok(false),
        }
    }
}

/// How objects are deleted.
#[derive(Clone, Copy, Debug)]
pub struct How {
    grace: i64,
    policy: &'static str,
}

/// What `--cascade` asks for.
fn policy(inv: &Invocation, ctx: &mut Context) -> Result<&'static str, CmdError> {
    let asked = inv.str("cascade");
    // as older versions were told
    if let Some(now) = match asked {
        "true" => Some("background"),
        "false" => Some("orphan"),
        _ => None,
    } {
        ctx.eprintln(format!(
            "warning: --cascade={asked} is deprecated (boolean value) and can be replaced with --cascade={now}."
        ));
    }
    match asked {
        "background" | "true" => Ok("Background"),
        "orphan" | "false" => Ok("Orphan"),
        "foreground" => Ok("Foreground"),
        other => Err(CmdError::client(format!(
            "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
        ))),
    }
}

impl How {
    /// From the flags; `now` is `--now`. Prints the warning of `--force`.
    ///
    /// # Errors
    /// Flags that contradict each other.
    pub fn from_flags(inv: &Invocation, now: bool, ctx: &mut Context) -> Result<How, CmdError> {
        let err = |t: &str| Err(CmdError::client(t));
        let policy = policy(inv, ctx)?;
        let force = inv.bool("force");
        let mut grace = inv.int("grace-period");
        if now {
            if grace != -1 {
                return err("--now and --grace-period cannot be specified together");
            }
            grace = 1;
        }
        match (grace, force) {
            (0, false) => grace = 1,
            (..0, true) => grace = 0,
            (1.., true) => return err("--force and --grace-period greater than 0 cannot be specified together"),
            _ => {}
        }
        if grace == 0 {
            ctx.eprintln("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.");
        }
        Ok(How { grace, policy })
    }

    /// How `replace --force` deletes: at once, unless it is given a grace period.
    ///
    /// # Errors
    /// An unknown cascade.
    pub fn for_replacing(inv: &Invocation, ctx: &mut Context) -> Result<How, CmdError> {
        let grace = inv.int("grace-period");
        Ok(How { grace, policy: policy(inv, ctx)? })
    }

    /// Deletes one object.
    ///
    /// # Errors
    /// What the API server says.
    pub fn delete(self, info: &Info, dry: DryRun, ctx: &mut Context) -> Result<Value, CmdError> {
        let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": self.policy});
        if self.grace >= 0 {
            options["gracePeriodSeconds"] = self.grace.into();
        }
        ctx.call(dry.apply(Request::new(Method::Delete, info.path())).body(options))
            .map_err(|e| e.with_source("deleting", &info.source))
    }

    /// The line that tells of it.
    pub fn line(self, info: &Info, dry: DryRun) -> String {
        let word = if self.grace == 0 { "force deleted" } else { "deleted" };
        let place = if info.mapping.namespaced { format!(" from {} namespace", info.namespace) } else { String::new() };
        format!("{} {:?} {word}{place}{}", info.mapping.printed_kind(), info.name, dry.suffix())
    }
}

/// `--interactive`: what is to go is named, and the next line, or the standard input, says whether it may. `None`: the
/// question stands.
fn confirmed(inv: &Invocation, infos: &[Result<Info, CmdError>], ctx: &mut Context) -> Option<bool> {
    ctx.println(format!("You are about to delete the following {} resource(s):", infos.iter().flatten().count()));
    for info in infos.iter().flatten() {
        ctx.println(info.printed_name());
    }
    let Some(given) = ctx.stdin.clone() else {
        ctx.session.asked = inv.words.iter().cloned().chain(["--interactive=false".to_owned()]).collect();
        return None;
    };
    ctx.print(format!("{QUESTION} "));
    let answer = given.split_whitespace().next();
    Some(answer.is_some_and(|a| a.eq_ignore_ascii_case("y")))
}

/// What `--interactive` asks.
pub const QUESTION: &str = "Do you want to continue? (y/N):";

/// The answer to the question has come.
pub fn answered(line: &str, ctx: &mut Context) {
    let words = std::mem::take(&mut ctx.session.asked);
    if line.trim().eq_ignore_ascii_case("y") {
        crate::kubectl::run_args(&words, ctx);
    } else {
        ctx.println("deletion is cancelled");
        ctx.out.code = Some(0);
    }
}

/// When a wait of `--timeout` ends; zero waits for a week.
pub fn deadline(inv: &Invocation, ctx: &Context) -> SimTime {
    let seconds = inv.seconds("timeout");
    let span = if seconds > 0.0 { SimDuration((seconds * 1e6) as u64) } else { SimDuration::from_secs(168 * 3600) };
    ctx.now() + span
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if super::change::raw(inv, Method::Delete, ctx)? {
        return Ok(());
    }
    let dry = inv.dry_run()?;
    let selecting = inv.bool("all") || inv.changed("selector") || inv.changed("field-selector");
    let how = How::from_flags(inv, inv.bool("now"), ctx);
    let infos = Builder::new(inv).args(&inv.args).local().infos(ctx);
    let (how, infos) = (how?, infos?);
    let output = inv.str("output");
    if !matches!(output, "" | "name") {
        return Err(CmdError::client(format!("unexpected -o output mode: {output}. We only support '-o name'")));
    }
    if inv.bool("interactive") && dry == DryRun::None {
        match confirmed(inv, &infos, ctx) {
            Some(true) => {}
            Some(false) => {
                ctx.println("deletion is cancelled");
                return Ok(());
            }
            None => return Ok(()),
        }
    }
    let ignore = inv.bool("ignore-not-found") || selecting && !inv.changed("ignore-not-found");
    let mut warn = inv.namespace_given && !inv.bool("all-namespaces");
    let mut found = 0;
    let mut gone = Gone::default();
    let mut errors = vec![];
    for info in infos {
        let info = match info {
            Ok(i) => i,
            Err(e) => {
                if !(ignore && e.is_not_found()) {
                    errors.push(e);
                }
                continue;
            }
        };
        found += 1;
        if warn && !info.mapping.namespaced {
            ctx.eprintln("Warning: deleting cluster-scoped resources, not scoped to the provided namespace");
            warn = false;
        }
        if dry != DryRun::Client {
            match how.delete(&info, dry, ctx) {
                Ok(answer) => gone.add(&info, &answer),
                Err(e) if ignore && e.is_not_found() => continue,
                Err(e) => {
                    errors.push(e);
                    continue;
                }
            }
        }
        if output == "name" {
            ctx.println(info.printed_name());
        } else {
            ctx.println(how.line(&info, dry));
        }
    }
    CmdError::collect(errors)?;
    if found == 0 {
        ctx.println("No resources found");
        return Ok(());
    }
    if !inv.bool("wait") || dry != DryRun::None {
        return Ok(());
    }
    let deadline = deadline(inv, ctx);
    if !gone.poll(None, ctx)? {
        ctx.out.pending = Some(Pending::new(Wait::Gone(gone), Some(deadline)));
    }
    Ok(())
}
