//! `kubectl edit`: opens an object in an editor; saving the buffer applies what was changed. Models kubectl
//! `pkg/cmd/util/editor`.

use super::change;
use crate::api::yaml;
use crate::apiserver::request::ContentType;
use crate::kubectl::builder::{Builder, mapping};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::json;
use crate::kubectl::{Context, Effect};
use serde_json::Value;

static FLAGS: &[Flag] = &[
    Flag::str("saved", "The buffer that has been saved: what the editor calls.").default(""),
    Flag::str("subresource", "If specified, edit will operate on the subresource of the requested object."),
    Flag::bool("output-patch", "Output the patch if the resource is edited."),
    Flag::bool("windows-line-endings", "Defaults to the line ending native to your platform."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "edit",
    "Edit a resource on the server.",
    "(RESOURCE/NAME | -f FILENAME)",
    &[FLAGS, change::VALIDATE, change::SAVE_CONFIG, flags::PRINT, flags::FILENAME, flags::FIELD_MANAGER],
    run,
);

/// What stands above a text that is to be edited.
pub const HEADER: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";

/// What an edit begins from stands beside its buffer, under this ending.
const ORIGINAL: &str = ".orig";

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.changed("saved") {
        return saved(inv, ctx);
    }
    super::patch::check_subresource(inv.str("subresource"))?;
    let infos = Builder::new(inv).args(&inv.args).latest().all_infos(ctx)?;
    let [info] = infos.as_slice() else {
        return Err(CmdError::client("edit one object at a time here"));
    };
    let mut object = info.object.clone();
    if let Some(m) = object["metadata"].as_object_mut() {
        m.remove("managedFields");
    }
    let text = json::yaml(&object);
    let kind = info.mapping.printed_kind();
    let file = format!("edit-{}-{}.yaml", kind.replace('.', "-"), info.name);
    let place = if info.mapping.namespaced { format!(" -n {}", info.namespace) } else { String::new() };
    let part = match inv.str("subresource") {
        "" => String::new(),
        s => format!(" --subresource={s}"),
    };
    let then = format!("kubectl edit {kind}/{}{place}{part} --saved={file}", info.name);
    ctx.files.insert(format!("{file}{ORIGINAL}"), text.clone());
    ctx.out.effects.push(Effect::OpenEditor { file, text: format!("{HEADER}{text}"), then });
    Ok(())
}

/// Without the lines that are comments.
fn bare(text: &str) -> String {
    text.lines().filter(|l| !l.starts_with('#')).flat_map(|l| [l, "\n"]).collect()
}

fn saved(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let file = inv.str("saved").to_string();
    let kept = format!("{file}{ORIGINAL}");
    let edited = bare(&ctx.files.get(&file).cloned().unwrap_or_default());
    let original = ctx.files.get(&kept).cloned().unwrap_or_default();
    if edited.trim().is_empty() || edited.trim() == original.trim() {
        let why = if edited.trim().is_empty() { "saved file was empty" } else { "no changes made" };
        ctx.files.remove(&kept);
        ctx.files.remove(&file);
        ctx.eprintln(format!("Edit cancelled, {why}."));
        return Ok(());
    }
    let read = |t: &str| -> Result<Value, CmdError> {
        yaml::read_value(t).map_err(|e| CmdError::client(format!("The edited file had a syntax error: {e}")))
    };
    let (before, after) = (read(&original)?, read(&edited)?);
    let Some((kind, name)) = inv.args.first().and_then(|a| a.split_once('/')) else {
        return Err(CmdError::client("the object that was edited is not named"));
    };
    let mapping = mapping(kind, inv)?;
    if after["kind"] != before["kind"] || after["metadata"]["name"] != name {
        return Err(CmdError::client("At least one of apiVersion, kind and name was changed"));
    }
    let mut info = crate::kubectl::builder::Info::of(mapping, after.clone());
    if mapping.namespaced {
        info.namespace = inv.namespace.clone();
    }
    let body = change::merge_patch(&before, &after);
    if inv.bool("output-patch") {
        ctx.println(format!("Patch: {body}"));
    }
    let object = change::patch(&info, ContentType::MergePatch, body, (inv, DryRun::None, "kubectl-edit"), ctx)?;
    ctx.files.remove(&kept);
    ctx.files.remove(&file);
    change::print(inv, &object, "edited", DryRun::None, ctx)
}
