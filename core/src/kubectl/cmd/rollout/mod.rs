//! `kubectl rollout`: status, history, undo, restart, pause, resume. Models kubectl `pkg/cmd/rollout`.

use super::change;
use crate::kubectl::Context;
use crate::kubectl::builder::{self, Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use serde_json::Value;

pub mod history;
pub mod restart;
pub mod status;
pub mod undo;
pub mod watch;

static REVISION: &[Flag] =
    &[Flag::int("revision", "0", "See the details, including podTemplate of the revision specified.")];
static TO_REVISION: &[Flag] =
    &[Flag::int("to-revision", "0", "The revision to rollback to. Default to 0 (last revision).")];
static STATUS: &[Flag] = &[
    Flag::int("revision", "0", "Pin to a specific revision for showing its status. Defaults to 0 (last revision)."),
    Flag::new("watch", Kind::Bool, "true", "Watch the status of the rollout until it's done.").short('w'),
    Flag::duration("timeout", "0s", "The length of time to wait before ending watch, zero means never."),
];

static SUBS: &[Command] = &[
    Command::new(
        "history",
        "View rollout history.",
        "(TYPE NAME | TYPE/NAME) [flags]",
        &[REVISION, flags::PRINT, flags::FILENAME, flags::SELECTOR],
        history::run,
    ),
    Command::new(
        "pause",
        "Mark the provided resource as paused.",
        "RESOURCE",
        &[flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::FIELD_MANAGER],
        |inv, ctx| edit(inv, "paused", ctx, |o, _| restart::pause(o)),
    ),
    Command::new(
        "restart",
        "Restart a resource.",
        "RESOURCE",
        &[flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::FIELD_MANAGER],
        |inv, ctx| edit(inv, "restarted", ctx, restart::restart),
    ),
    Command::new(
        "resume",
        "Resume a paused resource.",
        "RESOURCE",
        &[flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::FIELD_MANAGER],
        |inv, ctx| edit(inv, "resumed", ctx, |o, _| restart::resume(o)),
    ),
    Command::new(
        "status",
        "Show the status of the rollout.",
        "(TYPE NAME | TYPE/NAME) [flags]",
        &[STATUS, flags::FILENAME, flags::SELECTOR],
        watch::run,
    ),
    Command::new(
        "undo",
        "Undo a previous rollout.",
        "(TYPE NAME | TYPE/NAME) [flags]",
        &[TO_REVISION, flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::DRY_RUN],
        undo::run,
    ),
];

/// The command.
pub static COMMAND: Command = Command::group("rollout", "Manage the rollout of a resource.", SUBS);

/// The objects a rollout command works on: a type alone means all of its objects.
pub(super) fn infos(inv: &Invocation, ctx: &mut Context) -> Result<Vec<Result<Info, CmdError>>, CmdError> {
    if inv.args.is_empty() && change::no_files(inv) {
        return Err(CmdError::client("required resource not specified"));
    }
    Builder::new(inv).typed().types_alone().args(&inv.args).latest().infos(ctx)
}

/// `restart`, `pause`, `resume`: changes objects, each by a patch.
fn edit(
    inv: &Invocation,
    operation: &str,
    ctx: &mut Context,
    change_it: fn(&mut Value, &str) -> Result<(), String>,
) -> Result<(), CmdError> {
    let (infos, mut errors) = builder::split(infos(inv, ctx)?);
    if infos.is_empty() && errors.is_empty() {
        ctx.eprintln(format!("No resources found in {} namespace.", inv.namespace));
        return Ok(());
    }
    let now = ctx.now().rfc3339();
    for info in infos {
        let resource = info.mapping.group_resource();
        let mut after = info.object.clone();
        if let Err(why) = change_it(&mut after, &now) {
            errors.push(CmdError::client(format!("error: {resource} {:?} {why}", info.name)));
            continue;
        }
        let (body, kind) = change::difference(&info, &info.object, &after);
        if change::is_empty(&body) {
            errors.push(CmdError::client(format!(
                "failed to create patch for {}: if restart has already been triggered within the past second, please wait before attempting to trigger another",
                info.name
            )));
            continue;
        }
        match change::patch(&info, kind, body, (inv, DryRun::None, "kubectl-rollout"), ctx) {
            Ok(object) => change::print(inv, &object, operation, DryRun::None, ctx)?,
            Err(e) => errors.push(CmdError::client(format!("failed to patch: {}", e.text()))),
        }
    }
    CmdError::collect(errors)
}

/// `Deployment.apps`, as errors name the kind.
pub(super) fn group_kind(info: &Info) -> String {
    info.mapping.group_kind()
}
