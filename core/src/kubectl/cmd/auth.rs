//! `kubectl auth`: who one is and what one may do. The person at the terminal is the cluster's administrator.

use super::reconcile;
use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::{self, Printer, tabwriter};
use serde_json::{Value, json};

static CAN_I: &[Flag] = &[
    Flag::bool("quiet", "If true, suppress output and just return the exit code.").short('q'),
    Flag::bool("list", "If true, prints all allowed actions."),
    Flag::str("subresource", "SubResource such as pod/log or deployment/scale"),
    Flag::bool("no-headers", "If true, prints allowed actions without headers"),
];

/// The command.
pub static COMMAND: Command = Command::group("auth", "Inspect authorization.", SUBS);

static SUBS: &[Command] = &[
    Command::new(
        "can-i",
        "Check whether an action is allowed.",
        "VERB [TYPE | TYPE/NAME | NONRESOURCEURL] [options]",
        &[CAN_I, flags::ALL_NAMESPACES],
        can_i,
    ),
    Command::new(
        "reconcile",
        "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects.",
        "-f FILENAME",
        &[reconcile::FLAGS, flags::PRINT, flags::FILENAME, flags::DRY_RUN],
        reconcile::run,
    ),
    Command::new("whoami", "Experimental: Check self subject attributes.", "[flags]", &[flags::PRINT], whoami),
];

/// Verbs that some resource knows.
const VERBS: &[&str] = &[
    "*",
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "escalate",
    "approve",
    "sign",
    "attest",
];

fn review(kind: &str, spec: Value, ctx: &mut Context) -> Result<Value, CmdError> {
    let path = format!("/apis/authorization.k8s.io/v1/{}s", kind.to_lowercase());
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": {}, "spec": spec});
    let mut answer = ctx.call(Request::new(Method::Post, path).body(body))?;
    Ok(answer["status"].take())
}

fn can_i(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let namespace = if inv.bool("all-namespaces") { "" } else { inv.namespace.as_str() };
    if inv.bool("list") {
        if !inv.args.is_empty() {
            return Err(CmdError::client("list option must be specified with no arguments"));
        }
        let status = review("SelfSubjectRulesReview", json!({"namespace": inv.namespace}), ctx)?;
        return list(&status, inv, ctx);
    }
    let [verb, target] = inv.args.as_slice() else {
        return Err(CmdError::client(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        ));
    };
    let spec = if target.starts_with('/') {
        if !inv.str("subresource").is_empty() {
            return Err(CmdError::client("--subresource can not be used with NonResourceURL"));
        }
        json!({"nonResourceAttributes": {"path": target, "verb": verb}})
    } else {
        let (kind, name) = target.split_once('/').unwrap_or((target, ""));
        if !name.is_empty() && inv.bool("all-namespaces") {
            return Err(CmdError::client("--all-namespaces and name can not both be specified"));
        }
        let (typed, group) = kind.split_once('.').unwrap_or((kind, ""));
        let mapping = builder::mapping(kind, inv).ok();
        let (group, plural) = mapping.map_or((group, typed), |r| (r.group, r.plural));
        match mapping {
            _ if kind == "*" => {}
            None => {
                let place = if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
                ctx.eprintln(format!("Warning: the server doesn't have a resource type '{typed}'{place}\n"));
            }
            Some(r) if !r.namespaced && !inv.bool("all-namespaces") => {
                let group = if r.group.is_empty() { String::new() } else { format!(" in group '{}'", r.group) };
                ctx.eprintln(format!("Warning: resource '{}' is not namespace scoped{group}\n", r.plural));
            }
            Some(_) => {}
        }
        if !VERBS.contains(&verb.as_str()) {
            ctx.eprintln(format!("Warning: verb '{verb}' is not a known verb\n"));
        }
        json!({"resourceAttributes": {"namespace": namespace, "verb": verb, "group": group, "resource": plural,
            "subresource": inv.str("subresource"), "name": name}})
    };
    let status = review("SelfSubjectAccessReview", spec, ctx)?;
    let allowed = status["allowed"] == true;
    if !inv.bool("quiet") {
        let reason = status["reason"].as_str().filter(|r| !r.is_empty()).map(|r| format!(" - {r}"));
        ctx.println(if allowed { "yes".to_owned() } else { format!("no{}", reason.unwrap_or_default()) });
    }
    if allowed { Ok(()) } else { Err(CmdError::Exit(1)) }
}

/// One line of `--list`: what it is about, and the verbs.
struct Row {
    resource: String,
    group: String,
    url: String,
    name: String,
    verbs: Vec<String>,
}

/// Models kubectl `pkg/cmd/auth/cani.go` and rbac `CompactRules`.
fn list(status: &Value, inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let texts = |v: &Value| -> Vec<String> {
        v.as_array().into_iter().flatten().filter_map(|x| x.as_str().map(str::to_owned)).collect()
    };
    let mut rows: Vec<Row> = vec![];
    for rule in status["resourceRules"].as_array().into_iter().flatten() {
        let mut names = texts(&rule["resourceNames"]);
        if names.is_empty() {
            names.push(String::new());
        }
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for name in &names {
                    let same = |r: &&mut Row| {
                        r.url.is_empty() && r.resource == resource && r.group == group && r.name == *name
                    };
                    let verbs = texts(&rule["verbs"]);
                    match rows.iter_mut().find(same) {
                        Some(row) => verbs.into_iter().for_each(|v| {
                            if !row.verbs.contains(&v) {
                                row.verbs.push(v);
                            }
                        }),
                        None => rows.push(Row {
                            resource: resource.clone(),
                            group: group.clone(),
                            url: String::new(),
                            name: name.clone(),
                            verbs,
                        }),
                    }
                }
            }
        }
    }
    for rule in status["nonResourceRules"].as_array().into_iter().flatten() {
        for url in texts(&rule["nonResourceURLs"]) {
            for verb in texts(&rule["verbs"]) {
                rows.push(Row {
                    resource: String::new(),
                    group: String::new(),
                    url: url.clone(),
                    name: String::new(),
                    verbs: vec![verb],
                });
            }
        }
    }
    let bracketed = |text: &str| format!("[{text}]");
    rows.sort_by_key(|r| {
        let resources = if r.url.is_empty() {
            format!("APIGroups:[{}],Resources:[{}]", r.group, r.resource)
        } else {
            "APIGroups:[],Resources:[]".into()
        };
        format!(
            "Verbs:{},{resources},ResourceNames:[{}],NonResourceURLs:[{}]",
            bracketed(&r.verbs.join(" ")),
            r.name,
            r.url
        )
    });
    let mut text = String::new();
    if !inv.bool("no-headers") {
        text.push_str("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    }
    for r in rows {
        let (name, sub) = r.resource.split_once('/').map_or((r.resource.as_str(), None), |(n, s)| (n, Some(s)));
        let mut what = if r.group.is_empty() { name.to_owned() } else { format!("{name}.{}", r.group) };
        if let Some(sub) = sub {
            what.push_str(&format!("/{sub}"));
        }
        text.push_str(&format!("{what}\t[{}]\t[{}]\t[{}]\n", r.url, r.name, r.verbs.join(" ")));
    }
    ctx.print(tabwriter::align(&text, 6, 3));
    Ok(())
}

fn whoami(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let review = ctx.call(Request::new(Method::Post, path).body(body))?;
    if !inv.str("output").is_empty() {
        let output = inv.str("output");
        let format = Printer::structured(output, inv, ctx)?
            .ok_or_else(|| printer::unknown_format(output, printer::PRINT_FORMATS))?;
        return Printer::new(format, inv).print(&review, ctx);
    }
    let info = &review["status"]["userInfo"];
    let groups: Vec<&str> = info["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let user = info["username"].as_str().unwrap_or_default();
    let text = format!("ATTRIBUTE\tVALUE\nUsername\t{user}\nGroups\t[{}]\n", groups.join(" "));
    ctx.print(tabwriter::align(&text, 6, 3));
    Ok(())
}
