//! `kubectl auth`: who one is and what one may do. The person at the terminal is the cluster's administrator.

use crate::api::kinds;
use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::{self, Printer, tabwriter};
use serde_json::json;

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
    Command::new("whoami", "Experimental: Check self subject attributes.", "[flags]", &[flags::PRINT], whoami),
];

fn impersonation(inv: &Invocation) -> Result<(), CmdError> {
    if inv.changed("as") || inv.changed("as-group") {
        return Err(CmdError::client("--as is not simulated yet: there is no RBAC authorizer"));
    }
    Ok(())
}

fn can_i(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    impersonation(inv)?;
    if inv.bool("list") {
        return Err(CmdError::client("--list is not simulated"));
    }
    let [_, target] = inv.args.as_slice() else {
        return Err(CmdError::client(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        ));
    };
    let kind = target.split('/').next().unwrap_or_default();
    match kinds::resolve(kind) {
        _ if target.starts_with('/') || kind == "*" => {}
        None => ctx.eprintln(format!("Warning: the server doesn't have a resource type '{kind}'\n")),
        Some(r) if !r.namespaced && !inv.bool("all-namespaces") => {
            let group = if r.group.is_empty() { String::new() } else { format!(" in group '{}'", r.group) };
            ctx.eprintln(format!("Warning: resource '{}' is not namespace scoped{group}\n", r.plural));
        }
        Some(_) => {}
    }
    if !inv.bool("quiet") {
        ctx.println("yes");
    }
    Ok(())
}

fn whoami(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    impersonation(inv)?;
    let groups = ["system:masters", "system:authenticated"];
    let user = ctx.session.user.clone();
    if !inv.str("output").is_empty() {
        let output = inv.str("output");
        let format = Printer::structured(output, inv, ctx)?
            .ok_or_else(|| printer::unknown_format(output, printer::PRINT_FORMATS))?;
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "SelfSubjectReview",
            "metadata": {},
            "status": {"userInfo": {"username": user, "groups": groups}},
        });
        return Printer::new(format, inv).print(&review, ctx);
    }
    let text = format!("ATTRIBUTE\tVALUE\nUsername\t{user}\nGroups\t[{}]\n", groups.join(" "));
    ctx.print(tabwriter::align(&text, 6, 3));
    Ok(())
}
