//! `kubectl set`: fields of pod templates and selectors. Models kubectl `pkg/cmd/set`.

use super::change;
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::Printer;
use serde_json::Value;

pub mod env;
pub mod image;
pub mod others;
pub mod resources;

static COMMON: &[Flag] = &[
    Flag::bool("all", "Select all resources, in the namespace of the specified resource types."),
    Flag::bool("local", "If true, set will NOT contact the API server but run locally."),
];

static ENV: &[Flag] = &[
    Flag::array("env", "Specify a key-value pair for an environment variable to set into each container.").short('e'),
    Flag::str("from", "The name of a resource from which to inject environment variables."),
    Flag::str("prefix", "Prefix to append to variable names."),
    Flag::list("keys", "Comma-separated list of keys to import from specified resource."),
    Flag::str("containers", "The names of containers in the selected pod templates to change - may use wildcards.")
        .short('c')
        .default("*"),
    Flag::bool("list", "If true, display the environment and any changes in the standard format."),
    Flag::bool("resolve", "If true, show secret or configmap references when listing variables."),
    Flag::new(
        "overwrite",
        flags::Kind::Bool,
        "true",
        "If true, allow environment to be overwritten, otherwise reject updates that overwrite existing environment.",
    ),
];

static RESOURCES: &[Flag] = &[
    Flag::str("containers", "The names of containers in the selected pod templates to change, all containers are selected by default - may use wildcards.")
        .short('c')
        .default("*"),
    Flag::str("limits", "The resource requirement limits for this container. For example, 'cpu=100m,memory=256Mi'."),
    Flag::str("requests", "The resource requirement requests for this container. For example, 'cpu=100m,memory=256Mi'."),
];

static SELECTOR: &[Flag] = &[Flag::str(
    "resource-version",
    "If non-empty, the selectors update will only succeed if this is the current resource-version for the object. Only valid when specifying a single resource.",
)];

static SUBJECT: &[Flag] = &[
    Flag::array("user", "Usernames to bind to the role"),
    Flag::array("group", "Groups to bind to the role"),
    Flag::array("serviceaccount", "Service accounts to bind to the role"),
];

static SUBS: &[Command] = &[
    Command::new(
        "env",
        "Update environment variables on a pod template.",
        "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
        &[
            ENV,
            COMMON,
            change::RECORD,
            flags::PRINT,
            flags::FILENAME,
            flags::SELECTOR,
            flags::DRY_RUN,
            flags::FIELD_MANAGER,
        ],
        env::run,
    ),
    Command::new(
        "image",
        "Update the image of a pod template.",
        "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N",
        &[COMMON, change::RECORD, flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::DRY_RUN, flags::FIELD_MANAGER],
        image::run,
    ),
    Command::new(
        "resources",
        "Update resource requests/limits on objects with pod templates.",
        "(-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS]",
        &[
            RESOURCES,
            COMMON,
            change::RECORD,
            flags::PRINT,
            flags::FILENAME,
            flags::SELECTOR,
            flags::DRY_RUN,
            flags::FIELD_MANAGER,
        ],
        resources::run,
    ),
    Command::new(
        "selector",
        "Set the selector on a resource.",
        "(-f FILENAME | TYPE NAME) EXPRESSIONS",
        &[SELECTOR, COMMON, change::RECORD, flags::PRINT, flags::FILES_DEEP, flags::DRY_RUN, flags::FIELD_MANAGER],
        others::selector,
    ),
    Command::new(
        "serviceaccount",
        "Update the service account of a resource.",
        "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
        &[COMMON, change::RECORD, flags::PRINT, flags::FILENAME, flags::DRY_RUN, flags::FIELD_MANAGER],
        others::service_account,
    )
    .alias(&["sa"]),
    Command::new(
        "subject",
        "Update the user, group, or service account in a role binding or cluster role binding.",
        "(-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
        &[SUBJECT, COMMON, flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::DRY_RUN, flags::FIELD_MANAGER],
        others::subject,
    ),
];

/// What is said when nothing is named at all.
pub(super) const NO_ARGUMENTS: &str = "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// The command.
pub static COMMAND: Command = Command::group("set", "Configure application resources.", SUBS);

/// The pod spec inside an object.
///
/// # Errors
/// The kind has none.
pub fn pod_spec(object: &mut Value) -> Result<&mut Value, String> {
    let text = |k: &str| object[k].as_str().unwrap_or_default();
    let path = match text("kind") {
        "Pod" => "/spec",
        "ReplicationController" | "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Job" => {
            "/spec/template/spec"
        }
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "",
    };
    let version = text("apiVersion").rsplit('/').next().unwrap_or_default();
    let none = format!("the object is not a pod or does not have a pod template: *{version}.{}", text("kind"));
    Some(path).filter(|p| !p.is_empty()).and_then(|p| object.pointer_mut(p)).ok_or(none)
}

/// Does a name match a pattern with `*`?
pub fn wildcard(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => {
            let Some(rest) = name.strip_prefix(head) else { return false };
            (0..=rest.len()).filter(|i| rest.is_char_boundary(*i)).any(|i| wildcard(tail, &rest[i..]))
        }
    }
}

/// The containers of a pod spec, then its init containers, whose names match.
pub fn containers<'a>(spec: &'a mut Value, pattern: &str) -> Vec<&'a mut Value> {
    let (mut out, mut init) = (vec![], vec![]);
    for (k, v) in spec.as_object_mut().into_iter().flatten() {
        let list = match k.as_str() {
            "containers" => &mut out,
            "initContainers" => &mut init,
            _ => continue,
        };
        let all = v.as_array_mut().into_iter().flatten();
        list.extend(all.filter(|c| wildcard(pattern, c["name"].as_str().unwrap_or_default())));
    }
    out.extend(init);
    out
}

/// How a `set` command says what it did, and how it begins when the API server refused.
pub(super) struct Words {
    pub(super) done: &'static str,
    pub(super) failed: &'static str,
}

/// Changes objects, each by a patch; says nothing of those that did not change.
pub(super) fn apply(
    inv: &Invocation,
    resources: &[String],
    words: &Words,
    ctx: &mut Context,
    mut edit: impl FnMut(&mut Value, &mut Context) -> Result<(), CmdError>,
) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let local = inv.bool("local");
    if local && !resources.is_empty() {
        return Err(CmdError::client(
            "you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'",
        ));
    }
    let mut builder = Builder::new(inv).typed().args(resources);
    builder = if local { builder.local() } else { builder.latest() };
    let infos = builder.all_infos(ctx)?;
    let mut printer = Printer::for_operation(inv, &format!("{}{}", words.done, dry.suffix()), ctx)?;
    printer.typed = true;
    let mut errors = vec![];
    for info in infos {
        let mut after = info.object.clone();
        let changed = edit(&mut after, ctx).and_then(|()| send(inv, &info, after, dry, words, ctx));
        match changed {
            Ok(None) => {}
            Ok(Some(object)) => printer.print(&object, ctx)?,
            Err(CmdError::Many(list)) => errors.extend(list),
            Err(e) => errors.push(e),
        }
    }
    CmdError::collect(errors)
}

fn send(
    inv: &Invocation,
    info: &Info,
    mut after: Value,
    dry: DryRun,
    words: &Words,
    ctx: &mut Context,
) -> Result<Option<Value>, CmdError> {
    if after == info.object {
        return Ok(None);
    }
    change::record(inv, &mut after);
    if inv.bool("local") || dry == DryRun::Client {
        return Ok(Some(after));
    }
    let (mut body, kind) = change::difference(info, &info.object, &after);
    if inv.changed("resource-version") {
        body["metadata"]["resourceVersion"] = inv.str("resource-version").into();
    }
    change::patch(info, kind, body, (inv, dry, "kubectl-set"), ctx).map(Some).map_err(|e| {
        if words.failed.is_empty() { e } else { CmdError::client(format!("{}{}", words.failed, e.text())) }
    })
}

/// An object without a pod template.
pub(super) fn unfit(name: &str, why: &str) -> CmdError {
    CmdError::client(format!("error: {name} {why}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        assert!(wildcard("*", "web") && wildcard("w*b", "web") && !wildcard("w", "web") && wildcard("web", "web"));
    }
}
