//! `kubectl apply`: manifests merged into the cluster from the client's side, by the configuration applied last.
//!
//! Models kubectl `pkg/cmd/apply`.

use super::change::{self, VALIDATE};
use crate::apiserver::request::{ContentType, Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::{self, Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::printer::{Printer, json};
use serde_json::{Value, json};

pub mod last_applied;
pub(super) mod prune;
pub mod three_way;

pub use three_way::strategic;

/// Where `apply` keeps the configuration it applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

static FLAGS: &[Flag] = &[
    Flag::bool("server-side", "If true, apply runs in the server instead of the client."),
    Flag::bool("force-conflicts", "If true, server-side apply will force the changes against conflicts."),
    Flag::bool("force", "If true, immediately remove resources from API and bypass graceful deletion."),
    Flag::new(
        "overwrite",
        Kind::Bool,
        "true",
        "Automatically resolve conflicts between the modified and live configuration by using values from the modified configuration",
    ),
    Flag::bool(
        "prune",
        "Automatically delete resource objects, that do not appear in the configs and are created by either apply or create --save-config. Should be used with either -l or --all.",
    ),
    Flag::array("prune-allowlist", "Overwrite the default allowlist with <group/version/kind> for --prune"),
    Flag::bool("all", "Select all resources in the namespace of the specified resource types."),
    Flag::int("grace-period", "-1", "Period of time in seconds given to the resource to terminate gracefully."),
    Flag::duration("timeout", "0s", "The length of time to wait before giving up on a delete."),
    Flag::bool("wait", "If true, wait for resources to be gone before returning."),
    Flag::str("cascade", "Must be \"background\", \"orphan\", or \"foreground\".")
        .default("background")
        .no_opt("background"),
    Flag::new(
        "openapi-patch",
        Kind::Bool,
        "true",
        "If true, use openapi to calculate diff when the openapi presents and the resource can be found in the openapi spec.",
    ),
    Flag::str("subresource", "If specified, apply will operate on the subresource of the requested object."),
];

static SUBS: &[Command] = &[
    Command::new(
        "view-last-applied",
        "View the latest last-applied-configuration annotations by type/name or file.",
        "(TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME)",
        &[last_applied::VIEW, flags::FILENAME, flags::SELECTOR],
        last_applied::view,
    ),
    Command::new(
        "edit-last-applied",
        "Edit latest last-applied-configuration annotations of a resource/object.",
        "(RESOURCE/NAME | -f FILENAME)",
        &[last_applied::EDIT, VALIDATE, change::RECORD, flags::PRINT, flags::FILENAME, flags::FIELD_MANAGER],
        last_applied::edit,
    ),
    Command::new(
        "set-last-applied",
        "Set the latest last-applied-configuration annotations by setting it to match the contents of a file.",
        "-f FILENAME",
        &[last_applied::SET, flags::PRINT, flags::FILES, flags::DRY_RUN],
        last_applied::set,
    ),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "apply",
    "Apply a configuration to a resource by file name or stdin.",
    "(-f FILENAME | -k DIRECTORY)",
    &[FLAGS, VALIDATE, flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::DRY_RUN, flags::FIELD_MANAGER],
    run,
)
.with_subs(SUBS);

/// The configuration of an object as `apply` keeps it: compact JSON without the annotation itself, and a line's end.
pub fn configuration(object: &Value) -> String {
    let mut bare = object.clone();
    if !bare["metadata"]["annotations"].is_object() {
        bare["metadata"]["annotations"] = json!({});
    }
    if let Some(a) = bare["metadata"]["annotations"].as_object_mut() {
        a.remove(LAST_APPLIED);
    }
    format!("{}\n", json::compact(&bare))
}

/// Writes the annotation into an object.
pub fn annotate(object: &mut Value) {
    let text = configuration(object);
    object["metadata"]["annotations"][LAST_APPLIED] = text.into();
}

/// The words kubectl uses for an object in long errors.
fn described(info: &Info) -> String {
    format!(
        "Resource: {:?}, GroupVersionKind: {:?}\nName: {:?}, Namespace: {:?}",
        builder::gvr(info.mapping),
        builder::gvk(info.mapping),
        info.name,
        info.namespace
    )
}

/// Objects shown by `-o json` or `-o yaml` come as one value: an object, or a list of several.
#[derive(Default)]
struct Shown(Vec<Value>);

impl Shown {
    fn print(self, inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
        let Shown(mut objects) = self;
        let value = match objects.len() {
            0 => return Ok(()),
            1 => objects.remove(0),
            _ => json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects}),
        };
        Printer::for_operation(inv, "", ctx)?.print(&value, ctx)
    }
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    change::no_args(inv)?;
    if change::no_files(inv) {
        return err("must specify one of -f and -k");
    }
    let dry = inv.dry_run()?;
    let server_side = inv.bool("server-side");
    if dry == DryRun::Client && server_side {
        return err("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
    }
    if inv.bool("force-conflicts") && !server_side {
        return err("--force-conflicts only works with --server-side");
    }
    if inv.bool("force") && server_side {
        return err("--force cannot be used with --server-side");
    }
    let subresource = inv.str("subresource");
    if !subresource.is_empty() && !server_side {
        return err("--subresource can only be specified for server-side apply");
    }
    super::patch::check_subresource(subresource)?;
    let prune = inv.bool("prune");
    if prune {
        prune::check(inv)?;
    }
    let validation = change::field_validation(inv)?;
    let (infos, unread) = builder::split(Builder::new(inv).without_all().infos(ctx)?);
    if infos.is_empty() && unread.is_empty() {
        return err("no objects passed to apply");
    }
    // what could not be read is one error, and what can be is applied all the same
    let unread = CmdError::collect(unread).err();
    let infos = unread.into_iter().map(Err).chain(infos.into_iter().map(Ok)).collect();
    let mut visited = prune::Visited::default();
    let structured = matches!(inv.str("output"), "json" | "yaml" | "kyaml");
    let mut shown = Shown::default();
    let result = change::each(infos, ctx, |info, ctx| {
        let (object, word) = if server_side {
            (server_side_apply(inv, &info, dry, validation, ctx)?, "serverside-applied")
        } else {
            apply_one(inv, info, dry, validation, ctx)?
        };
        visited.add(&object);
        if structured {
            shown.0.push(object);
            return Ok(());
        }
        change::print(inv, &object, word, dry, ctx)
    });
    let printed = shown.print(inv, ctx);
    result.and(printed)?;
    if prune { visited.prune(inv, dry, ctx) } else { Ok(()) }
}

/// What kubectl says of the conflicts of a server-side apply.
const CONFLICT_HINT: &str = "Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

fn server_side_apply(
    inv: &Invocation,
    info: &Info,
    dry: DryRun,
    validation: &str,
    ctx: &mut Context,
) -> Result<Value, CmdError> {
    let mut r =
        change::request(Method::Patch, super::patch::subpath(info, inv.str("subresource")), inv, dry, "kubectl")
            .with("fieldValidation", validation)
            .with("force", if inv.bool("force-conflicts") { "true" } else { "false" })
            .body(info.object.clone());
    r.content_type = ContentType::ApplyPatch;
    ctx.call(r)
        .map_err(|e| if e.is_conflict() { CmdError::Client(format!("{}\n{CONFLICT_HINT}", e.text())) } else { e })
}

fn create(
    inv: &Invocation,
    info: &Info,
    modified: &Value,
    dry: DryRun,
    validation: &str,
    ctx: &mut Context,
) -> Result<Value, CmdError> {
    let request = change::request(Method::Post, info.collection(), inv, dry, "kubectl-client-side-apply")
        .with("fieldValidation", validation)
        .body(change::unversioned(modified.clone()));
    ctx.call(request).map_err(|e| e.with_source("creating", &info.source))
}

fn apply_one(
    inv: &Invocation,
    info: Info,
    dry: DryRun,
    validation: &str,
    ctx: &mut Context,
) -> Result<(Value, &'static str), CmdError> {
    if info.name.is_empty() && info.object["metadata"]["generateName"].is_string() {
        let name = info.object["metadata"]["generateName"].as_str().unwrap_or_default();
        return Err(CmdError::client(format!("from {name}: cannot use generate name with apply")));
    }
    let mut modified = info.object.clone();
    annotate(&mut modified);
    let live = if info.name.is_empty() {
        Err(CmdError::client("resource name may not be empty"))
    } else {
        ctx.call(Request::get(info.path()))
    };
    let mut live = match live {
        Ok(live) => live,
        Err(e) if e.is_not_found() => {
            let made =
                if dry == DryRun::Client { modified } else { create(inv, &info, &modified, dry, validation, ctx)? };
            return Ok((made, "created"));
        }
        Err(e) => {
            let verb = format!("retrieving current configuration of:\n{}\nfrom server for:", described(&info));
            return Err(e.with_source(&verb, &info.source));
        }
    };
    if live["metadata"]["annotations"][LAST_APPLIED].is_null() {
        ctx.eprintln(format!(
            "Warning: resource {} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.",
            info.object_name()
        ));
    }
    if live["metadata"]["deletionTimestamp"].is_string() {
        ctx.eprintln(format!("Warning: Detected changes to resource {} which is currently being deleted.", info.name));
    }
    if dry == DryRun::Client {
        return Ok((live, "configured"));
    }
    let mut tries = 0;
    loop {
        let original = live["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap_or("{}");
        let original: Value = serde_json::from_str(original).unwrap_or_else(|_| json!({}));
        let overwrite = inv.bool("overwrite");
        let (patch, kind) = three_way::patch(info.mapping, &original, &modified, &live, overwrite).map_err(|e| {
            let verb = format!(
                "creating patch with:\noriginal:\n{}\nmodified:\n{}\ncurrent:\n{}\nfor:",
                json::compact(&original),
                json::compact(&modified),
                json::compact(&live)
            );
            CmdError::client(e).with_source(&verb, &info.source)
        })?;
        if change::is_empty(&patch) {
            return Ok((live, "unchanged"));
        }
        let mut request = change::request(Method::Patch, info.path(), inv, dry, "kubectl-client-side-apply")
            .with("fieldValidation", validation)
            .body(patch.clone());
        request.content_type = kind;
        let error = match ctx.call(request) {
            Ok(object) => return Ok((object, "configured")),
            Err(e) => e,
        };
        if error.is_conflict() && tries < 5 {
            tries += 1;
            live = ctx.call(Request::get(info.path()))?;
            continue;
        }
        let invalid = matches!(&error, CmdError::Api(s) if s.reason == "Invalid");
        if inv.bool("force") && (error.is_conflict() || invalid) {
            return Ok((recreate(inv, &info, &modified, dry, validation, ctx)?, "configured"));
        }
        let verb = format!("applying patch:\n{}\nto:\n{}\nfor:", json::compact(&patch), described(&info));
        return Err(error.with_source(&verb, &info.source));
    }
}

/// `--force`: deletes the object at once and makes it anew.
fn recreate(
    inv: &Invocation,
    info: &Info,
    modified: &Value,
    dry: DryRun,
    validation: &str,
    ctx: &mut Context,
) -> Result<Value, CmdError> {
    let options = json!({
        "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "propagationPolicy": "Background",
    });
    ctx.call(change::request(Method::Delete, info.path(), inv, dry, "kubectl-client-side-apply").body(options))?;
    create(inv, info, modified, dry, validation, ctx)
}
