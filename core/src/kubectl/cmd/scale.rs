//! `kubectl scale`. Models kubectl `pkg/cmd/scale` and `pkg/scale`.

use super::change::{self, RECORD};
use crate::apiserver::request::{ContentType, Method, Request};
use crate::clock::{SimDuration, SimTime};
use crate::kubectl::Context;
use crate::kubectl::builder::{self, Builder, Info};
use crate::kubectl::command::{Command, DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::pending::{Pending, Wait};
use serde::{Deserialize, Serialize};
use serde_json::json;

static FLAGS: &[Flag] = &[
    Flag::int("replicas", "0", "The new desired number of replicas. Required.").required(),
    Flag::int(
        "current-replicas",
        "-1",
        "Precondition for current size. Requires that the current size of the resource match this value in order to scale. -1 (default) for no condition.",
    ),
    Flag::str(
        "resource-version",
        "Precondition for resource version. Requires that the current resource version match this value in order to scale.",
    ),
    Flag::duration(
        "timeout",
        "0s",
        "The length of time to wait before giving up on a scale operation, zero means don't wait.",
    ),
    Flag::bool("all", "Select all resources in the namespace of the specified resource types"),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "scale",
    "Set a new size for a deployment, replica set, replication controller, or stateful set.",
    "[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)",
    &[FLAGS, RECORD, flags::PRINT, flags::FILENAME, flags::SELECTOR, flags::DRY_RUN],
    run,
);

/// `scale --timeout`: objects whose sizes are not reached yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaled {
    /// Path and printed name of each.
    objects: Vec<(String, String)>,
    replicas: i64,
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    let dry = inv.dry_run()?;
    let replicas = inv.int("replicas");
    if replicas < 0 {
        return err("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
    }
    let current = inv.int("current-replicas");
    if current < -1 {
        return err("The --current-replicas must specify an integer of -1 or greater");
    }
    let (infos, errors) = builder::split(Builder::new(inv).args(&inv.args).latest().infos(ctx)?);
    if inv.changed("resource-version") && infos.len() > 1 {
        return err("cannot use --resource-version with multiple resources");
    }
    if infos.is_empty() && errors.is_empty() {
        return Err(CmdError::client(format!("no objects passed to scale {}", inv.args.join(" ")).trim_end()));
    }
    let mut objects = vec![];
    for info in infos {
        if dry != DryRun::Client {
            scale(&info, replicas, current, inv, dry, ctx)?;
            if inv.bool("record") {
                let mut recorded = info.object.clone();
                change::record(inv, &mut recorded);
                let body = change::merge_patch(&info.object, &recorded);
                change::patch(&info, ContentType::MergePatch, body, (inv, dry, "kubectl"), ctx)?;
            }
        }
        change::print(inv, &info.object, "scaled", dry, ctx)?;
        objects.push((format!("{}/scale", info.path()), info.name.clone()));
    }
    CmdError::collect(errors)?;
    let timeout = inv.seconds("timeout");
    if timeout > 0.0 && dry == DryRun::None {
        let deadline = ctx.now() + SimDuration((timeout * 1e6) as u64);
        ctx.out.pending = Some(Pending::new(Wait::Scaled(Scaled { objects, replicas }), Some(deadline)));
    }
    Ok(())
}

fn scale(
    info: &Info,
    replicas: i64,
    current: i64,
    inv: &Invocation,
    dry: DryRun,
    ctx: &mut Context,
) -> Result<(), CmdError> {
    let path = format!("{}/scale", info.path());
    let version = inv.str("resource-version");
    if current < 0 && version.is_empty() {
        let mut r =
            change::request(Method::Patch, path, inv, dry, "kubectl").body(json!({"spec": {"replicas": replicas}}));
        r.content_type = ContentType::MergePatch;
        return ctx.call(r).map(|_| ());
    }
    let mut scale = ctx.call(Request::get(path.clone()))?;
    let is = scale["spec"]["replicas"].as_i64().unwrap_or_default();
    if current >= 0 && is != current {
        return Err(CmdError::client(format!("Expected replicas to be {current}, was {is}")));
    }
    let held = scale["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !version.is_empty() && held != version {
        return Err(CmdError::client(format!("Expected resource version to be {version}, was {held}")));
    }
    scale["spec"]["replicas"] = replicas.into();
    ctx.call(change::request(Method::Put, path, inv, dry, "kubectl").body(scale)).map(|_| ())
}

/// Looks whether the sizes are reached; true at the end.
///
/// # Errors
/// Time is up.
pub fn poll(s: &mut Scaled, deadline: Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
    let replicas = s.replicas;
    let mut left = vec![];
    for (path, name) in std::mem::take(&mut s.objects) {
        let now = ctx.call(Request::get(path.clone()))?;
        if now["spec"]["replicas"].as_i64() == Some(replicas)
            && now["status"]["replicas"].as_i64().unwrap_or_default() != replicas
        {
            left.push((path, name));
        }
    }
    s.objects = left;
    match s.objects.first() {
        None => Ok(true),
        Some((_, name)) if deadline.is_some_and(|d| ctx.now() >= d) => {
            Err(CmdError::client(format!("timed out waiting for {name:?} to be synced")))
        }
        Some(_) => Ok(false),
    }
}
