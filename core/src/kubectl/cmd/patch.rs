//! `kubectl patch`. Models kubectl `pkg/cmd/patch`.

use super::change::{self, RECORD};
use crate::api::error::Status;
use crate::api::json_syntax::syntax_error;
use crate::api::yaml;
use crate::apiserver::request::{ContentType, Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use serde_json::Value;

static FLAGS: &[Flag] = &[
    Flag::str("patch", "The patch to be applied to the resource JSON file.").short('p'),
    Flag::str("patch-file", "A file containing a patch to be applied to the resource."),
    Flag::str("type", "The type of patch being provided; one of [json merge strategic].").default("strategic"),
    Flag::str("subresource", "If specified, patch will operate on the subresource of the requested object."),
    Flag::bool("local", "If true, patch will operate on the content of the file, not the server-side resource."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "patch",
    "Update fields of a resource using strategic merge patch, a JSON merge patch, or a JSON patch.",
    "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
    &[FLAGS, RECORD, flags::PRINT, flags::FILENAME, flags::DRY_RUN, flags::FIELD_MANAGER],
    run,
);

/// An object with a strategic merge patch applied.
///
/// # Errors
/// The patch does not fit the object's kind.
pub(super) fn strategic(object: &Value, patch: &Value) -> Result<Value, CmdError> {
    crate::kubectl::cmd::apply::strategic(object, patch)
}

/// The patch as JSON. What begins like a JSON object is sent as it is, so that the API server finds its errors.
fn read(text: &str) -> Result<Value, CmdError> {
    if text.trim_start().starts_with('{') {
        let why = |e: serde_json::Error| syntax_error(text).map_or_else(|| e.to_string(), |(_, why)| why);
        return serde_json::from_str(text).map_err(|e| CmdError::Api(Status::bad_request(why(e))));
    }
    inline(text)
}

/// A text of an argument that is YAML or JSON.
pub(super) fn inline(text: &str) -> Result<Value, CmdError> {
    yaml::read_value(text).map_err(|e| {
        let why = e.message.strip_prefix("error converting YAML to JSON: ").unwrap_or(&e.message);
        CmdError::client(format!("unable to parse {text:?}: {why}"))
    })
}

/// Refuses a subresource that cannot be written.
pub(super) fn check_subresource(subresource: &str) -> Result<(), CmdError> {
    match subresource {
        "" | "status" | "scale" | "resize" => Ok(()),
        other => {
            Err(CmdError::client(format!("invalid subresource value: {other:?}. Must be one of [status scale resize]")))
        }
    }
}

/// The path of an object's subresource, or of the object itself.
pub(super) fn subpath(info: &Info, subresource: &str) -> String {
    if subresource.is_empty() { info.path() } else { format!("{}/{subresource}", info.path()) }
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    let dry = inv.dry_run()?;
    let local = inv.bool("local");
    if local && dry == DryRun::Server {
        return err("cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
    }
    if inv.changed("patch") && inv.changed("patch-file") {
        return err("cannot specify --patch and --patch-file together");
    }
    if inv.str("patch").is_empty() && inv.str("patch-file").is_empty() {
        return err("must specify --patch or --patch-file containing the contents of the patch");
    }
    if local && !inv.args.is_empty() {
        return err("cannot specify --local and server resources");
    }
    let kind = match inv.str("type").to_lowercase().as_str() {
        "" | "strategic" => ContentType::StrategicMergePatch,
        "merge" => ContentType::MergePatch,
        "json" => ContentType::JsonPatch,
        other => return Err(inv.usage(format!("--type must be one of [json merge strategic], not {other:?}"))),
    };
    let subresource = inv.str("subresource");
    check_subresource(subresource)?;
    let text = match inv.str("patch-file") {
        "" => inv.str("patch").to_string(),
        "-" => ctx.stdin.clone().unwrap_or_default(),
        file => ctx.files.get(file.trim_start_matches("./")).cloned().ok_or_else(|| {
            CmdError::client(format!("unable to read patch file: open {file}: no such file or directory"))
        })?,
    };
    let mut builder = Builder::new(inv).args(&inv.args);
    builder = if local { builder.local() } else { builder.latest() };
    let infos = builder.infos(ctx)?;
    if infos.is_empty() {
        return err("no objects passed to patch");
    }
    change::each(infos, ctx, |info, ctx| {
        let mut before = info.object.clone();
        if !subresource.is_empty() && !local {
            before = ctx.call(Request::get(subpath(&info, subresource)))?;
        }
        let after = if local || dry == DryRun::Client {
            locally(&before, kind, &read(&text)?)?
        } else {
            let body = read(&text)?;
            let mut request =
                change::request(Method::Patch, subpath(&info, subresource), inv, dry, "kubectl-patch").body(body);
            request.content_type = kind;
            ctx.call(request).map_err(|e| match e {
                CmdError::Api(s) if s.reason == "UnsupportedMediaType" => {
                    let m = info.mapping;
                    let group = if m.group.is_empty() { "/".to_owned() } else { format!("{}/", m.group) };
                    CmdError::client(format!(
                        "application/strategic-merge-patch+json is not supported by {group}{}, Kind={}: {}",
                        m.version, m.kind, s.message
                    ))
                }
                e => e,
            })?
        };
        let word = if before == after { "patched (no change)" } else { "patched" };
        change::print(inv, &after, word, dry, ctx)
    })
}

fn locally(object: &Value, kind: ContentType, patch: &Value) -> Result<Value, CmdError> {
    let mut out = object.clone();
    match kind {
        ContentType::JsonPatch => {
            let ops: json_patch::Patch =
                serde_json::from_value(patch.clone()).map_err(|e| CmdError::client(e.to_string()))?;
            json_patch::patch(&mut out, &ops).map_err(|e| CmdError::client(e.to_string()))?;
        }
        ContentType::MergePatch => json_patch::merge(&mut out, patch),
        _ => out = strategic(object, patch)?,
    }
    Ok(out)
}
