//! `kubectl describe`.

use crate::apiserver::request::Request;
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info, mapping, split};
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::describe::describe;
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use serde_json::Value;

static FLAGS: &[Flag] = &[
    Flag::new("show-events", Kind::Bool, "true", "If true, display events related to the described object."),
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "describe",
    "Show details of a specific resource or group of resources.",
    "(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]",
    &[FLAGS, flags::FILENAME, flags::SELECTOR, flags::ALL_NAMESPACES],
    run,
);

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.args.is_empty() && inv.list("filename").is_empty() && !inv.changed("kustomize") {
        return Err(CmdError::client(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
        ));
    }
    let events = inv.bool("show-events");
    let builder = Builder::new(inv).types_alone().latest().args(&inv.args);
    let (infos, errors) = split(builder.infos(ctx)?);
    // a name that is not there may be the beginning of names
    if errors.len() == 1
        && errors[0].is_not_found()
        && infos.is_empty()
        && let [kind, prefix] = inv.args.as_slice()
        && !kind.contains(',')
    {
        let found = with_prefix(kind, prefix, inv, ctx)?;
        if found.is_empty() {
            return CmdError::collect(errors);
        }
        return show(&found, events, ctx);
    }
    show(&infos, events, ctx)?;
    if infos.is_empty() && errors.is_empty() {
        let text = if inv.bool("all-namespaces") || builder.types().iter().any(|r| !r.namespaced) {
            "No resources found".to_string()
        } else {
            format!("No resources found in {} namespace.", inv.namespace)
        };
        ctx.eprintln(text);
    }
    CmdError::collect(errors)
}

fn show(infos: &[Info], events: bool, ctx: &mut Context) -> Result<(), CmdError> {
    for (i, info) in infos.iter().enumerate() {
        let text = describe(info, events, ctx)?;
        if i > 0 {
            ctx.print("\n\n");
        }
        ctx.print(text);
    }
    Ok(())
}

fn with_prefix(kind: &str, prefix: &str, inv: &Invocation, ctx: &mut Context) -> Result<Vec<Info>, CmdError> {
    let r = mapping(kind, inv)?;
    let list = ctx.call(Request::get(r.path(Some(&inv.namespace), None)))?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let named = |o: &Value| o["metadata"]["name"].as_str().is_some_and(|n| n.starts_with(prefix));
    Ok(items
        .into_iter()
        .filter(named)
        .map(|mut o| {
            o["kind"] = r.kind.into();
            o["apiVersion"] = r.api_version().into();
            Info::of(r, o)
        })
        .collect())
}
