//! `kubectl create`: from manifests, and the generators, one subcommand a kind. Models kubectl `pkg/cmd/create`.

use super::apply;
use super::change::{self, RECORD, SAVE_CONFIG, VALIDATE};
use crate::api::kinds;
use crate::apiserver::request::{Method, Request};
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::json;
use crate::kubectl::{Context, Effect};
use serde_json::Value;

pub mod data;
pub mod deployment;
pub mod hash;
pub mod misc;
pub mod service;
mod subs;

static FLAGS: &[Flag] = &[
    Flag::bool("edit", "Edit the API resource before creating."),
    Flag::str("raw", "Raw URI to POST to the server."),
    Flag::bool("windows-line-endings", "Only relevant if --edit=true."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "create",
    "Create a resource from a file or from stdin.",
    "-f FILENAME",
    &[
        FLAGS,
        RECORD,
        SAVE_CONFIG,
        VALIDATE,
        flags::PRINT,
        flags::FILENAME,
        flags::SELECTOR,
        flags::DRY_RUN,
        flags::FIELD_MANAGER,
    ],
    run,
)
.with_subs(subs::SUBS);

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    change::no_args(inv)?;
    if change::no_files(inv) {
        let help = crate::kubectl::help::text(&COMMAND, &inv.path);
        ctx.eprintln("Error: must specify one of -f and -k\n");
        ctx.out.stderr.push_str(&help);
        return Err(CmdError::Exit(1));
    }
    if change::raw(inv, Method::Post, ctx)? {
        return Ok(());
    }
    let dry = inv.dry_run()?;
    let validation = change::field_validation(inv)?;
    let infos = Builder::new(inv).infos(ctx)?;
    if infos.is_empty() {
        return Err(CmdError::client("no objects passed to create"));
    }
    if inv.bool("edit") {
        return edit(inv, infos, ctx);
    }
    let mut printed = 0;
    change::each(infos, ctx, |mut info, ctx| {
        let has = !info.object["metadata"]["annotations"][apply::LAST_APPLIED].is_null();
        if inv.bool("save-config") || has {
            apply::annotate(&mut info.object);
        }
        change::record(inv, &mut info.object);
        if dry != DryRun::Client {
            let request = change::request(Method::Post, info.collection(), inv, dry, "kubectl-create")
                .with("fieldValidation", validation)
                .body(change::unversioned(info.object.clone()));
            info.object = ctx.call(request).map_err(|e| e.with_source("creating", &info.source))?;
        }
        if printed > 0 && inv.str("output") == "yaml" {
            ctx.println("---");
        }
        printed += 1;
        change::print(inv, &info.object, "created", dry, ctx)
    })
}

/// `--edit`: what is to be created stands in an editor first, and is created when it is saved.
fn edit(inv: &Invocation, infos: Vec<Result<Info, CmdError>>, ctx: &mut Context) -> Result<(), CmdError> {
    let infos: Vec<Info> = infos.into_iter().collect::<Result<_, _>>()?;
    let texts: Vec<String> = infos.iter().map(|i| json::yaml(&i.object)).collect();
    let file = format!("create-{}.yaml", infos[0].name);
    let mut then = format!("kubectl create -f {file}");
    for (i, word) in inv.words.iter().enumerate().skip(1) {
        let of_file = word.starts_with("-f") || word.starts_with("--filename") || word.starts_with("--edit");
        let value = i > 0 && matches!(inv.words[i - 1].as_str(), "-f" | "--filename");
        if !of_file && !value {
            then.push(' ');
            then.push_str(word);
        }
    }
    let text = format!("{}{}", super::edit::HEADER, texts.join("---\n"));
    ctx.out.effects.push(Effect::OpenEditor { file, text, then });
    Ok(())
}

/// How a generator's failures begin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrap {
    /// As the API server says.
    Plain,
    /// `failed to create <this>: …`
    Failed(&'static str),
    /// `failed to create secret …`, without a colon.
    Secret,
}

/// Sends an object that a generator made, and tells of it.
pub(super) fn finish(inv: &Invocation, mut object: Value, wrap: Wrap, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let validation = change::field_validation(inv)?;
    let text = |k: &str| object[k].as_str().unwrap_or_default();
    let Some(mapping) = kinds::by_kind(text("apiVersion"), text("kind")) else {
        return Err(CmdError::client(format!(
            "no matches for kind {:?} in version {:?}",
            text("kind"),
            text("apiVersion")
        )));
    };
    if mapping.namespaced && inv.namespace_given {
        object["metadata"]["namespace"] = inv.namespace.clone().into();
    }
    if inv.bool("save-config") {
        apply::annotate(&mut object);
    }
    if dry != DryRun::Client {
        let path = mapping.path(Some(&inv.namespace), None);
        let request = change::request(Method::Post, path, inv, dry, "kubectl-create")
            .with("fieldValidation", validation)
            .body(change::unversioned(object));
        object = ctx.call(request).map_err(|e| match wrap {
            Wrap::Plain => e,
            Wrap::Failed(what) => e.wrap(&format!("failed to create {what}")),
            Wrap::Secret => CmdError::client(format!("failed to create secret {}", e.text())),
        })?;
    }
    change::print_typed(inv, &object, "created", dry, ctx)
}

/// Fetches an object that a generator works from.
pub(super) fn fetch(path: String, ctx: &mut Context) -> Result<Value, CmdError> {
    ctx.call(Request::get(path))
}

/// A ConfigMap or Secret body.
pub(super) fn with_data(api_version: &str, kind: &str, name: &str, data: Value) -> Value {
    let mut v = misc::bare(api_version, kind, name);
    if data.as_object().is_some_and(|m| !m.is_empty()) {
        v["data"] = data;
    }
    v
}
