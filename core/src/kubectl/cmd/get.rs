//! `kubectl get`.

use crate::clock::SimTime;
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, split};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use serde::{Deserialize, Serialize};

static FLAGS: &[Flag] = &[
    Flag::bool("watch", "After listing/getting the requested object, watch for changes.").short('w'),
    Flag::bool("watch-only", "Watch for changes to the requested object(s), without listing/getting first."),
    Flag::bool("output-watch-events", "Output watch event objects when --watch or --watch-only is used."),
    Flag::bool("no-headers", "When using the default or custom-column output format, don't print headers."),
    Flag::bool("show-kind", "If present, list the resource type for the requested object(s)."),
    Flag::bool("show-labels", "When printing, show all labels as the last column."),
    Flag::list("label-columns", "Accepts a comma separated list of labels that are going to be presented as columns.")
        .short('L'),
    Flag::str("sort-by", "If non-empty, sort list types using this field specification."),
    Flag::bool("ignore-not-found", "If set to true, suppresses NotFound error for specific objects that do not exist."),
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once."),
    Flag::new("server-print", Kind::Bool, "true", "If true, have the server return the appropriate table output."),
    Flag::str("raw", "Raw URI to request from the server."),
    Flag::str("subresource", "If specified, gets the subresource of the requested object."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "get",
    "Display one or many resources.",
    "[(-o|--output=)json|yaml|name|wide|…] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags] [options]",
    &[FLAGS, flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::FIELD_SELECTOR, flags::ALL_NAMESPACES],
    run,
);

/// What `get -w` has shown so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let (good, bad) = split(Builder::new(inv).types_alone().args(&inv.args).infos(ctx)?);
    for i in good {
        ctx.println(i.printed_name());
    }
    CmdError::collect(bad)
}

/// Shows what has changed; true at the end.
pub fn poll(_watch: &mut Watch, _deadline: Option<SimTime>, _ctx: &mut Context) -> Result<bool, CmdError> {
    Ok(false)
}
