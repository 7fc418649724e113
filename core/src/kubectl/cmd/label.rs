//! `kubectl label`. Models kubectl `pkg/cmd/label`.

use super::change::{self, PAIRS, RECORD};
use super::pairs::{self, Changes};
use crate::apiserver::request::ContentType;
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::Printer;
use serde_json::Value;

/// How `label` and `annotate` are used.
pub(super) const USAGE: &str =
    "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]";
/// Their flags.
pub(super) static FLAGS: &[&[Flag]] = &[
    PAIRS,
    RECORD,
    flags::PRINT,
    flags::FILENAME,
    flags::SELECTOR,
    flags::FIELD_SELECTOR,
    flags::ALL_NAMESPACES,
    flags::DRY_RUN,
    flags::FIELD_MANAGER,
];

/// The command.
pub static COMMAND: Command = Command::new("label", "Update the labels on a resource.", USAGE, FLAGS, run);

/// The checks `label` and `annotate` share; gives what is to be visited.
pub(super) fn prepare(
    inv: &Invocation,
    resources: &[String],
    changes: &Changes,
    what: &str,
    ctx: &mut Context,
) -> Result<(Vec<Result<Info, CmdError>>, bool), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    if inv.bool("list") && inv.changed("output") {
        return err("--list and --output may not be specified together");
    }
    if inv.bool("all") && inv.changed("selector") {
        return err("cannot set --all and --selector at the same time");
    }
    if inv.bool("all") && inv.changed("field-selector") {
        return err("cannot set --all and --field-selector at the same time");
    }
    let local = inv.bool("local");
    if local {
        if inv.dry_run()? == DryRun::Server {
            return err("cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
        }
        if !resources.is_empty() {
            return err("can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set");
        }
        if change::no_files(inv) {
            return err("one or more files must be specified as -f pod.yaml or --filename=pod.json");
        }
    } else if resources.is_empty() && change::no_files(inv) {
        return err("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if changes.is_empty() && !inv.bool("list") {
        return Err(CmdError::client(format!("at least one {what} update is required")));
    }
    let mut builder = Builder::new(inv).args(resources);
    builder = if local { builder.local() } else { builder.latest() };
    let single = builder.single();
    let infos = builder.infos(ctx)?;
    if inv.changed("resource-version") && !single && infos.len() != 1 {
        return err("--resource-version may only be used with a single resource");
    }
    Ok((infos, single))
}

/// Sends the difference of an object before and after.
pub(super) fn send(
    inv: &Invocation,
    info: &Info,
    before: &Value,
    after: &Value,
    manager: &str,
    ctx: &mut Context,
) -> Result<Value, CmdError> {
    let mut body = change::merge_patch(before, after);
    if inv.changed("resource-version") {
        body["metadata"]["resourceVersion"] = inv.str("resource-version").into();
    }
    change::patch(info, ContentType::MergePatch, body, (inv, inv.dry_run()?, manager), ctx)
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let (resources, specs) = pairs::split(&inv.args, "label").map_err(CmdError::Client)?;
    let changes = pairs::parse_labels(&specs).map_err(CmdError::Client)?;
    let (infos, single) = prepare(inv, &resources, &changes, "label", ctx)?;
    let overwrite = inv.bool("overwrite");
    change::each(infos, ctx, |info, ctx| {
        let before = info.object.clone();
        let mut after = before.clone();
        let only_shown = dry == DryRun::Client || inv.bool("local") || inv.bool("list");
        if !only_shown {
            for note in pairs::missing_labels(&before, &changes) {
                ctx.println(note);
            }
        }
        pairs::label(&mut after, &changes, overwrite).map_err(CmdError::Client)?;
        change::record(inv, &mut after);
        let message = pairs::label_message(&before, &after);
        let shown = if only_shown { after } else { send(inv, &info, &before, &after, "kubectl-label", ctx)? };
        if inv.bool("list") {
            list(&info, &shown["metadata"]["labels"], "labels", single, ctx);
            return Ok(());
        }
        Printer::for_operation(inv, &format!("{message}{}", dry.suffix()), ctx)?.print(&shown, ctx)
    })
}

/// `--list`: the pairs of a map, line by line.
pub(super) fn list(info: &Info, map: &Value, what: &str, single: bool, ctx: &mut Context) {
    let indent = if single { "" } else { " " };
    if !single {
        ctx.println(format!("Listing {what} for {}.{}/{}:", info.mapping.kind, info.mapping.group, info.name));
    }
    for (k, v) in map.as_object().into_iter().flatten() {
        ctx.println(format!("{indent}{k}={}", v.as_str().unwrap_or_default()));
    }
}
