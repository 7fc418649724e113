//! `kubectl set selector`, `kubectl set serviceaccount` and `kubectl set subject`.

use super::Words;
use crate::api::{kinds, labels};
use crate::kubectl::Context;
use crate::kubectl::cmd::change;
use crate::kubectl::command::{DryRun, Invocation};
use crate::kubectl::errors::CmdError;
use serde_json::{Value, json};

/// `deployments/web`: how errors name an object.
pub(super) fn object_name(object: &Value) -> String {
    let text = |k: &str| object[k].as_str().unwrap_or_default();
    let plural = kinds::by_kind(text("apiVersion"), text("kind")).map_or("", |r| r.plural);
    format!("{plural}/{}", object["metadata"]["name"].as_str().unwrap_or_default())
}

const NO_RESOURCES: &str = "one or more resources must be specified as <resource> <name> or <resource>/<name>";

pub(super) fn selector(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let err = |t: &str| Err(CmdError::client(t));
    let (expressions, resources): (Vec<String>, Vec<String>) =
        inv.args.iter().cloned().partition(|a| a.contains(['=', '!', ' ']));
    if expressions.is_empty() {
        return err("one selector is required");
    }
    if resources.is_empty() && change::no_files(inv) {
        return err(NO_RESOURCES);
    }
    let expression = match expressions.as_slice() {
        [one] => one,
        [] => return err("one selector is required"),
        _ => return err("only one selector is allowed"),
    };
    if inv.bool("local") && inv.dry_run()? == DryRun::Server {
        return err("cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
    }
    let wanted = labels::selector_to_map(expression).map_err(CmdError::Client)?;
    let words = Words { done: "selector updated", failed: "" };
    super::apply(inv, &resources, &words, ctx, |object, _| {
        if object["kind"] != "Service" {
            return Err(CmdError::client("setting a selector is only supported for Services"));
        }
        if object["spec"].is_null() {
            object["spec"] = json!({});
        }
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("selector".into(), json!(wanted));
        }
        Ok(())
    })
}

pub(super) fn service_account(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let Some((account, resources)) = inv.args.split_last() else {
        return Err(CmdError::client("serviceaccount is required"));
    };
    if resources.is_empty() && change::no_files(inv) {
        return Err(CmdError::client(NO_RESOURCES));
    }
    let words = Words { done: "serviceaccount updated", failed: "failed to patch ServiceAccountName " };
    super::apply(inv, resources, &words, ctx, |object, _| {
        let name = object_name(object);
        let spec = super::pod_spec(object).map_err(|e| super::unfit(&name, &e))?;
        spec["serviceAccountName"] = account.clone().into();
        spec["serviceAccount"] = account.clone().into();
        Ok(())
    })
}

/// Adds users, groups and service accounts to bindings of roles.
pub(super) fn subject(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.args.is_empty() && change::no_files(inv) {
        return Err(CmdError::client(super::NO_ARGUMENTS));
    }
    let rbac = "rbac.authorization.k8s.io";
    let mut wanted: Vec<Value> = vec![];
    wanted.extend(inv.list("user").iter().map(|n| json!({"kind": "User", "apiGroup": rbac, "name": n})));
    wanted.extend(inv.list("group").iter().map(|n| json!({"kind": "Group", "apiGroup": rbac, "name": n})));
    for account in inv.list("serviceaccount") {
        match account.split(':').collect::<Vec<_>>()[..] {
            [ns, name] if !ns.is_empty() && !name.is_empty() => {
                wanted.push(json!({"kind": "ServiceAccount", "name": name, "namespace": ns}));
            }
            _ => return Err(CmdError::client("serviceaccount must be <namespace>:<name>")),
        }
    }
    if wanted.is_empty() {
        return Err(CmdError::client("you must specify at least one value of user, group or serviceaccount"));
    }
    let words = Words { done: "subjects updated", failed: "failed to patch subjects to rolebinding: " };
    super::apply(inv, &inv.args, &words, ctx, |object, _| {
        if !["RoleBinding", "ClusterRoleBinding"].contains(&object["kind"].as_str().unwrap_or_default()) {
            return Err(CmdError::client("setting subjects is only supported for RoleBinding/ClusterRoleBinding"));
        }
        if !object["subjects"].is_array() {
            object["subjects"] = json!([]);
        }
        if let Some(list) = object["subjects"].as_array_mut() {
            for w in &wanted {
                if !list.contains(w) {
                    list.push(w.clone());
                }
            }
        }
        Ok(())
    })
}
