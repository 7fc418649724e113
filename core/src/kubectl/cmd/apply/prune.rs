//! `kubectl apply --prune`: what was applied once and is applied no longer goes. Models kubectl `pkg/cmd/apply/prune.go`.

use super::LAST_APPLIED;
use crate::api::kinds::{self, ResourceInfo};
use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::Info;
use crate::kubectl::cmd::change;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The kinds that are looked through when no others are named.
const KINDS: &[(&str, &str)] = &[
    ("v1", "ConfigMap"),
    ("v1", "Endpoints"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "PersistentVolume"),
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
];

/// What has just been applied.
#[derive(Default)]
pub struct Visited {
    uids: BTreeSet<String>,
    namespaces: BTreeSet<String>,
}

/// Refuses to prune everything by accident, and kinds that do not read right.
///
/// # Errors
/// Neither `-l` nor `--all`; an unknown kind.
pub(super) fn check(inv: &Invocation) -> Result<(), CmdError> {
    if inv.str("selector").is_empty() && !inv.bool("all") {
        return Err(CmdError::client(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector",
        ));
    }
    if !inv.str("selector").is_empty() && inv.bool("all") {
        return Err(CmdError::client("cannot set --all and --selector at the same time"));
    }
    kinds_of(inv).map(|_| ())
}

fn kinds_of(inv: &Invocation) -> Result<Vec<&'static ResourceInfo>, CmdError> {
    let allowed = inv.list("prune-allowlist");
    if allowed.is_empty() {
        return Ok(KINDS.iter().filter_map(|(version, kind)| kinds::by_kind(version, kind)).collect());
    }
    let mut out = vec![];
    for text in allowed {
        let parts: Vec<&str> = text.split('/').collect();
        let [group, version, kind] = parts[..] else {
            return Err(CmdError::client(format!(
                "invalid GroupVersionKind format: {text}, please follow <group/version/kind>"
            )));
        };
        let version = if group == "core" { version.to_owned() } else { format!("{group}/{version}") };
        let found = kinds::by_kind(&version, kind)
            .ok_or_else(|| CmdError::client(format!("no matches for kind {kind:?} in version {version:?}")))?;
        out.push(found);
    }
    Ok(out)
}

impl Visited {
    /// Takes note of an object that has been applied.
    pub fn add(&mut self, object: &Value) {
        let text = |k: &str| object["metadata"][k].as_str().unwrap_or_default().to_owned();
        self.uids.insert(text("uid"));
        if !text("namespace").is_empty() {
            self.namespaces.insert(text("namespace"));
        }
    }

    /// What was applied before and not now.
    ///
    /// # Errors
    /// What the API server says.
    pub fn doomed(&self, inv: &Invocation, ctx: &mut Context) -> Result<Vec<Info>, CmdError> {
        let kinds = kinds_of(inv)?;
        let mut places = vec![];
        for namespace in &self.namespaces {
            places.extend(kinds.iter().filter(|k| k.namespaced).map(|k| (*k, Some(namespace.as_str()))));
        }
        places.extend(kinds.iter().filter(|k| !k.namespaced).map(|k| (*k, None)));
        let mut doomed = vec![];
        for (kind, namespace) in places {
            let mut request = Request::get(kind.path(namespace, None));
            if !inv.str("selector").is_empty() {
                request = request.with("labelSelector", inv.str("selector"));
            }
            // what is read for the sake of other objects brings no warnings with it
            let mut list = ctx.api.request(request).ok()?;
            for mut object in list["items"].as_array_mut().map(std::mem::take).unwrap_or_default() {
                let applied = object["metadata"]["annotations"][LAST_APPLIED].is_string();
                let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
                if applied && !self.uids.contains(uid) {
                    object["kind"] = kind.kind.into();
                    object["apiVersion"] = kind.api_version().into();
                    doomed.push(Info::of(kind, object));
                }
            }
        }
        Ok(doomed)
    }

    /// Deletes what was applied before and not now.
    ///
    /// # Errors
    /// What the API server says.
    pub(super) fn prune(&self, inv: &Invocation, dry: DryRun, ctx: &mut Context) -> Result<(), CmdError> {
        for info in self.doomed(inv, ctx)? {
            if dry != DryRun::Client {
                let policy = match inv.str("cascade") {
                    "orphan" | "false" => "Orphan",
                    "foreground" => "Foreground",
                    _ => "Background",
                };
                let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
                if inv.int("grace-period") >= 0 {
                    options["gracePeriodSeconds"] = inv.int("grace-period").into();
                }
                ctx.call(dry.apply(Request::new(Method::Delete, info.path())).body(options))?;
            }
            change::print(inv, &info.object, "pruned", dry, ctx)?;
        }
        Ok(())
    }
}
