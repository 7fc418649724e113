//! `kubectl rollout undo`. Models kubectl `pkg/polymorphichelpers/rollback.go`.

use super::history::{Revision, revisions};
use super::{group_kind, infos};
use crate::apiserver::request::ContentType;
use crate::kubectl::Context;
use crate::kubectl::builder::Info;
use crate::kubectl::cmd::apply::LAST_APPLIED;
use crate::kubectl::cmd::change;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::describe;
use crate::kubectl::errors::CmdError;
use serde_json::{Map, Value, json};

const HASH: &str = "pod-template-hash";

/// Annotations of a Deployment that do not come from a ReplicaSet.
const OWN_ANNOTATIONS: &[&str] = &[
    LAST_APPLIED,
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

pub(super) fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let dry = inv.dry_run()?;
    let infos = infos(inv, ctx)?;
    change::each(infos, ctx, |info, ctx| {
        let Some(all) = revisions(&info, ctx)? else {
            return Err(CmdError::client(format!("no rollbacker has been implemented for {:?}", group_kind(&info))));
        };
        let result = if info.mapping.kind == "Deployment" {
            deployment(inv, &info, &all, dry, ctx)?
        } else {
            by_controller_revision(inv, &info, &all, dry, ctx)?
        };
        if info.object["metadata"]["annotations"][LAST_APPLIED].is_string() {
            ctx.eprintln(format!(
                "Warning: resource {} was previously managed with 'kubectl apply'. Rolling back will not update the {LAST_APPLIED} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.",
                info.object_name()
            ));
        }
        change::print(inv, &info.object, &result, dry, ctx)
    })
}

fn not_found(revision: i64) -> CmdError {
    CmdError::client(format!("unable to find specified revision {revision} in history"))
}

fn skipped(revision: i64) -> String {
    format!("skipped rollback (current template already matches revision {revision})")
}

fn without_hash(template: &Value) -> Value {
    let mut t = template.clone();
    if let Some(labels) = t["metadata"]["labels"].as_object_mut() {
        labels.remove(HASH);
    }
    t
}

fn deployment(
    inv: &Invocation,
    info: &Info,
    all: &[Revision],
    dry: DryRun,
    ctx: &mut Context,
) -> Result<String, CmdError> {
    let to = inv.int("to-revision");
    let target = match to {
        ..0 => return Err(not_found(to)),
        // the one before the newest
        0 => all
            .iter()
            .rev()
            .nth(1)
            .ok_or_else(|| CmdError::client(format!("no rollout history found for deployment {:?}", info.name)))?,
        _ => all.iter().find(|r| r.number == to).ok_or_else(|| not_found(to))?,
    };
    if dry == DryRun::Client {
        return Ok(describe::template_text(&target.template));
    }
    if info.object["spec"]["paused"] == true {
        return Err(CmdError::client(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again",
        ));
    }
    let template = without_hash(&target.template);
    if template == without_hash(&info.object["spec"]["template"]) {
        return Ok(skipped(to));
    }
    let mut annotations = Map::new();
    let own = info.object["metadata"]["annotations"].as_object();
    let theirs = target.object["metadata"]["annotations"].as_object();
    let is_own = |k: &str| OWN_ANNOTATIONS.contains(&k);
    annotations.extend(own.into_iter().flatten().filter(|(k, _)| is_own(k)).map(|(k, v)| (k.clone(), v.clone())));
    annotations.extend(theirs.into_iter().flatten().filter(|(k, _)| !is_own(k)).map(|(k, v)| (k.clone(), v.clone())));
    let body = json!([
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]);
    change::patch(info, ContentType::JsonPatch, body, (inv, dry, "kubectl-rollout"), ctx)
        .map_err(|e| CmdError::client(format!("failed restoring revision {to}: {}", e.text())))?;
    Ok("rolled back".into())
}

fn by_controller_revision(
    inv: &Invocation,
    info: &Info,
    all: &[Revision],
    dry: DryRun,
    ctx: &mut Context,
) -> Result<String, CmdError> {
    let to = inv.int("to-revision");
    let target = match to {
        ..0 => return Err(not_found(to)),
        0 => all.iter().rev().nth(1).ok_or_else(|| CmdError::client("no last revision to roll back to"))?,
        _ => all.iter().find(|r| r.number == to).ok_or_else(|| not_found(to))?,
    };
    if dry == DryRun::Client {
        return Ok(describe::template_text(&target.template));
    }
    if target.template == info.object["spec"]["template"] {
        return Ok(skipped(to));
    }
    let body = target.object["data"].clone();
    change::patch(info, ContentType::StrategicMergePatch, body, (inv, dry, "kubectl-rollout"), ctx)
        .map_err(|e| CmdError::client(format!("failed restoring revision {to}: {}", e.text())))?;
    Ok("rolled back".into())
}
