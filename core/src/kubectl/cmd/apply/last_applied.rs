//! `kubectl apply view-last-applied` and `set-last-applied`.

use super::{LAST_APPLIED, annotate};
use crate::apiserver::request::ContentType;
use crate::kubectl::builder::Builder;
use crate::kubectl::cmd::change;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;
use crate::kubectl::printer::json;
use crate::kubectl::{Context, Effect};
use serde_json::Value;

/// Flags of `view-last-applied`.
pub static VIEW: &[Flag] = &[
    Flag::str("output", "Output format. Must be one of (yaml, json)").short('o').default("yaml"),
    Flag::bool("all", "Select all resources in the namespace of the specified resource types"),
];

/// Flags of `set-last-applied`.
pub static SET: &[Flag] = &[Flag::bool(
    "create-annotation",
    "Will create 'last-applied-configuration' annotations if current objects doesn't have one",
)];

/// Flags of `edit-last-applied`.
pub static EDIT: &[Flag] =
    &[Flag::bool("windows-line-endings", "Defaults to the line ending native to your platform.")];

fn missing(name: &str) -> CmdError {
    CmdError::client(format!("no last-applied-configuration annotation found on resource: {name}"))
}

/// Opens what was applied last in an editor; saving it sets it.
pub(super) fn edit(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let infos = Builder::new(inv).args(&inv.args).latest().all_infos(ctx)?;
    let [info] = infos.as_slice() else {
        return Err(CmdError::client("edit one object at a time here"));
    };
    let text = info.object["metadata"]["annotations"][LAST_APPLIED].as_str().ok_or_else(|| missing(&info.name))?;
    let value: Value = serde_json::from_str(text).map_err(|e| CmdError::client(e.to_string()))?;
    let file = format!("last-applied-{}-{}.yaml", info.mapping.printed_kind().replace('.', "-"), info.name);
    let place = if info.mapping.namespaced { format!(" -n {}", info.namespace) } else { String::new() };
    let then = format!("kubectl apply set-last-applied -f {file}{place}");
    let text = format!("{}{}", crate::kubectl::cmd::edit::HEADER, json::yaml(&value));
    ctx.out.effects.push(Effect::OpenEditor { file, text, then });
    Ok(())
}

/// Shows what was applied last.
pub(super) fn view(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let output = inv.str("output");
    if !matches!(output, "yaml" | "json") {
        return Err(
            inv.usage(format!("Unexpected -o output mode: {output}, the flag 'output' must be one of yaml|json"))
        );
    }
    for info in Builder::new(inv).args(&inv.args).latest().all_infos(ctx)? {
        let Some(text) = info.object["metadata"]["annotations"][LAST_APPLIED].as_str() else {
            return Err(missing(&info.name));
        };
        let value: Value = serde_json::from_str(text).map_err(|e| CmdError::client(e.to_string()))?;
        if output == "json" {
            ctx.print(json::json(&value));
        } else {
            ctx.print(json::yaml(&value));
        }
    }
    Ok(())
}

/// Writes the annotation from a file.
pub(super) fn set(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    for info in Builder::new(inv).all_infos(ctx)? {
        let mut live = info.clone();
        live.fetch(ctx)?;
        if live.object["metadata"]["annotations"][LAST_APPLIED].is_null() && !inv.bool("create-annotation") {
            return Err(CmdError::client(format!(
                "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command with --create-annotation",
                info.name
            )));
        }
        let mut modified = info.object.clone();
        annotate(&mut modified);
        let mut after = live.object.clone();
        after["metadata"]["annotations"][LAST_APPLIED] = modified["metadata"]["annotations"][LAST_APPLIED].clone();
        let body = change::merge_patch(&live.object, &after);
        if !change::is_empty(&body) && dry != DryRun::Client {
            after = change::patch(&info, ContentType::MergePatch, body, (inv, dry, "kubectl-last-applied"), ctx)?;
        }
        change::print(inv, &after, "configured", dry, ctx)?;
    }
    Ok(())
}
