//! `kubectl auth reconcile`: roles and bindings get at least what a manifest says. Models
//! component-helpers/auth/rbac/reconciliation.

use super::change;
use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::{Builder, Info};
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;
use serde_json::{Value, json};

/// The command's own flags.
pub static FLAGS: &[Flag] = &[
    Flag::bool("remove-extra-permissions", "If true, removes extra permissions added to roles"),
    Flag::bool("remove-extra-subjects", "If true, removes extra subjects added to rolebindings"),
];

/// What of a kind is made up from parts, and the flag that takes away those that nobody asked for.
fn parts(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "Role" | "ClusterRole" => Some(("rules", "remove-extra-permissions")),
        "RoleBinding" | "ClusterRoleBinding" => Some(("subjects", "remove-extra-subjects")),
        _ => None,
    }
}

/// The command.
pub fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if !inv.args.is_empty() {
        return Err(CmdError::client("no arguments are allowed"));
    }
    if change::no_files(inv) {
        return Err(CmdError::client("must specify one of -f and -k"));
    }
    let dry = inv.dry_run()?;
    let infos = Builder::new(inv).typed().infos(ctx)?;
    change::each(infos, ctx, |info, ctx| reconcile(inv, &info, dry, ctx))
}

fn reconcile(inv: &Invocation, info: &Info, dry: DryRun, ctx: &mut Context) -> Result<(), CmdError> {
    let Some((list, flag)) = parts(info.mapping.kind) else {
        // what is no matter of roles is passed over
        return Ok(());
    };
    let live = match ctx.call(Request::get(info.path())) {
        Ok(live) => Some(live),
        Err(e) if e.is_not_found() => None,
        Err(e) => return Err(e),
    };
    let (object, request) = match live {
        None => {
            let request = Request::new(Method::Post, info.collection()).body(info.object.clone());
            (info.object.clone(), Some((request, "create")))
        }
        Some(live) if live["roleRef"] != info.object["roleRef"] => {
            // who is bound to another role is bound anew
            if dry == DryRun::None {
                ctx.call(Request::new(Method::Delete, info.path()))?;
            }
            let request = Request::new(Method::Post, info.collection()).body(info.object.clone());
            (info.object.clone(), Some((request, "recreate")))
        }
        Some(live) => {
            let wanted = info.object[list].as_array().cloned().unwrap_or_default();
            let mut all = if inv.bool(flag) { vec![] } else { live[list].as_array().cloned().unwrap_or_default() };
            all.extend(wanted.into_iter().filter(|w| !covered(&live[list], w)).collect::<Vec<_>>());
            if inv.bool(flag) {
                all = info.object[list].as_array().cloned().unwrap_or_default();
            }
            let mut next = live.clone();
            next[list] = json!(all);
            let request = Request::new(Method::Put, info.path()).body(next.clone());
            let changed = next != live;
            (next, changed.then_some((request, "update")))
        }
    };
    let word = request.as_ref().map(|r| r.1);
    if let Some((request, _)) = request.filter(|_| dry != DryRun::Client) {
        ctx.call(dry.apply(request).with("fieldManager", "kubectl-auth-reconcile"))?;
    }
    change::print(inv, &object, "reconciled", dry, ctx)?;
    if let Some(word) = word {
        ctx.eprintln(format!("\treconciliation required {word}"));
    }
    Ok(())
}

/// Is a rule or a subject there, or part of one that is?
fn covered(list: &Value, wanted: &Value) -> bool {
    let holds = |have: &Value, want: &Value| match (have.as_array(), want.as_array()) {
        (Some(have), Some(want)) => have.iter().any(|h| h == "*") || want.iter().all(|w| have.contains(w)),
        _ => have == want,
    };
    let keys = ["apiGroups", "resources", "verbs", "resourceNames", "nonResourceURLs", "kind", "name", "namespace"];
    list.as_array().into_iter().flatten().any(|have| keys.iter().all(|k| holds(&have[*k], &wanted[*k])))
}
