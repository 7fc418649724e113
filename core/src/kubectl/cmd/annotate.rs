//! `kubectl annotate`. Models kubectl `pkg/cmd/annotate`.

use super::change;
use super::{label, pairs};
use crate::kubectl::Context;
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;

/// The command.
pub static COMMAND: Command =
    Command::new("annotate", "Update the annotations on a resource.", label::USAGE, label::FLAGS, run);

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let (resources, specs) = pairs::split(&inv.args, "annotation").map_err(CmdError::Client)?;
    let changes = pairs::parse_annotations(&specs).map_err(CmdError::Client)?;
    let (infos, single) = label::prepare(inv, &resources, &changes, "annotation", ctx)?;
    change::each(infos, ctx, |info, ctx| {
        let mut after = info.object.clone();
        pairs::annotate(&mut after, &changes, inv.bool("overwrite")).map_err(CmdError::Client)?;
        change::record(inv, &mut after);
        let only_shown = dry == DryRun::Client || inv.bool("local") || inv.bool("list");
        let shown =
            if only_shown { after } else { label::send(inv, &info, &info.object, &after, "kubectl-annotate", ctx)? };
        if inv.bool("list") {
            label::list(&info, &shown["metadata"]["annotations"], "annotations", single, ctx);
            return Ok(());
        }
        change::print(inv, &shown, "annotated", dry, ctx)
    })
}
