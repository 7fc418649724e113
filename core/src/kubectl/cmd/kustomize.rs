//! `kubectl kustomize`: prints what a kustomization makes.

use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;
use crate::kubectl::kustomize;
use crate::kubectl::pipes::clean;

static FLAGS: &[Flag] = &[
    Flag::str("output", "If specified, write output to this path.").short('o'),
    Flag::str("load-restrictor", "if set to 'LoadRestrictionsNone', local kustomizations may load files from outside")
        .default("LoadRestrictionsRootOnly"),
];

/// The command.
pub static COMMAND: Command =
    Command::new("kustomize", "Build a kustomization target from a directory or URL.", "DIR", &[FLAGS], run);

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let directory = match inv.args.as_slice() {
        [] => ".",
        [one] => one,
        _ => return Err(CmdError::client("specify one path to kustomization.yaml")),
    };
    let text = kustomize::manifest(directory, ctx.files).map_err(CmdError::client)?;
    match inv.str("output") {
        "" => ctx.print(text),
        file => drop(ctx.files.insert(clean(file).to_owned(), text)),
    }
    Ok(())
}
