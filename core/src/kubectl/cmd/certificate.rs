//! `kubectl certificate approve|deny`. Models kubectl `pkg/cmd/certificates`.

use crate::apiserver::request::{Method, Request};
use crate::kubectl::Context;
use crate::kubectl::builder::Builder;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::{self, Printer};
use serde_json::{Value, json};

static FLAGS: &[Flag] = &[Flag::bool("force", "Update the CSR even if it is already approved.")];

/// The command.
pub static COMMAND: Command = Command::group("certificate", "Modify certificate resources.", SUBS);

static SUBS: &[Command] = &[
    Command::new(
        "approve",
        "Approve a certificate signing request.",
        "(-f FILENAME | NAME)",
        &[FLAGS, flags::FILES, flags::PRINT],
        |inv, ctx| decide(inv, "Approved", "approved", ctx),
    ),
    Command::new(
        "deny",
        "Deny a certificate signing request.",
        "(-f FILENAME | NAME)",
        &[FLAGS, flags::FILES, flags::PRINT],
        |inv, ctx| decide(inv, "Denied", "denied", ctx),
    ),
];

fn decide(inv: &Invocation, kind: &str, done: &str, ctx: &mut Context) -> Result<(), CmdError> {
    if inv.args.is_empty() && !inv.changed("filename") {
        return Err(CmdError::client("one or more CSRs must be specified as <name> or -f <filename>"));
    }
    let mut args: Vec<String> = inv.args.clone();
    if args.iter().any(|a| !a.contains('/')) {
        args.insert(0, "csr".into());
    }
    let infos = Builder::new(inv).args(&args).latest().all_infos(ctx)?;
    let verb = if kind == "Approved" { "approve" } else { "deny" };
    for info in infos {
        let mut object = info.object;
        let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        if !all.iter().any(|c| c["type"] == kind) || inv.bool("force") {
            let condition = json!({
                "type": kind, "status": "True", "reason": format!("Kubectl{}", if verb == "deny" { "Deny" } else { "Approve" }),
                "message": format!("This CSR was {done} by kubectl certificate {verb}."),
                "lastUpdateTime": ctx.now().rfc3339(),
            });
            let kept = all.into_iter().filter(|c| c["type"] != kind).chain([condition]);
            if !object["status"].is_object()
                && let Some(o) = object.as_object_mut()
            {
                o.insert("status".into(), json!({}));
            }
            if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
                status.insert("conditions".into(), kept.collect::<Vec<Value>>().into());
            }
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let path = format!("/apis/certificates.k8s.io/v1/certificatesigningrequests/{name}/approval");
            object = ctx.call(Request::new(Method::Put, path).body(object))?;
        }
        let output = inv.str("output");
        if output.is_empty() || output == "name" {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let suffix = if output.is_empty() { format!(" {done}") } else { String::new() };
            ctx.println(format!("certificatesigningrequest.certificates.k8s.io/{name}{suffix}"));
            continue;
        }
        let format = Printer::structured(output, inv, ctx)?
            .ok_or_else(|| printer::unknown_format(output, printer::PRINT_FORMATS))?;
        Printer::new(format, inv).print(&object, ctx)?;
    }
    Ok(())
}
