//! `kubectl version` and `kubectl cluster-info`.

use super::config::SERVER;
use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;
use crate::kubectl::printer::json;
use serde_json::json;

/// The kubectl that is modelled.
pub const CLIENT: &str = "v1.36.4";
/// The API server that is modelled.
pub const KUBERNETES: &str = "v1.36.2";

static FLAGS: &[Flag] = &[
    Flag::bool("client", "If true, shows client version only (no server required)."),
    Flag::str("output", "One of 'yaml' or 'json'.").short('o'),
];

/// `version`.
pub static COMMAND: Command =
    Command::new("version", "Print the client and server version information.", "[flags]", &[FLAGS], version);

/// `cluster-info`.
pub static CLUSTER_INFO: Command =
    Command::new("cluster-info", "Display cluster information.", "[flags]", &[], cluster_info);

fn version(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let info = |v: &str| {
        let mut parts = v.trim_start_matches('v').split('.');
        json!({"major": parts.next(), "minor": parts.next(), "gitVersion": v, "platform": "linux/amd64"})
    };
    let mut all = json!({"clientVersion": info(CLIENT), "kustomizeVersion": "v5.7.1"});
    if !inv.bool("client") {
        all["serverVersion"] = info(KUBERNETES);
    }
    match inv.str("output") {
        "json" => {
            let text = json::json(&all).replace("    ", "  ");
            ctx.print(text);
        }
        "yaml" => ctx.print(json::yaml(&all)),
        "" => {
            ctx.println(format!("Client Version: {CLIENT}\nKustomize Version: v5.7.1"));
            if !inv.bool("client") {
                ctx.println(format!("Server Version: {KUBERNETES}"));
            }
        }
        _ => return Err(CmdError::client("--output must be 'yaml' or 'json'")),
    }
    Ok(())
}

fn cluster_info(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    if !inv.args.is_empty() {
        return Err(CmdError::client("cluster-info dump is not simulated"));
    }
    ctx.println(format!(
        "Kubernetes control plane is running at {SERVER}\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'."
    ));
    Ok(())
}
