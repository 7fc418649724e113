//! `kubectl version` and `kubectl cluster-info`.

use super::config::SERVER;
use crate::apiserver::request::Request;
use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::printer::{self, Printer, json};
use serde_json::{Value, json};

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
    Command::new("cluster-info", "Display cluster information.", "[flags]", &[], cluster_info).with_subs(SUBS);

static SUBS: &[Command] = &[Command::new(
    "dump",
    "Dump relevant information for debugging and diagnosis.",
    "[flags]",
    &[DUMP, flags::PRINT, flags::ALL_NAMESPACES],
    dump,
)];
static DUMP: &[Flag] = &[
    Flag::str(
        "output-directory",
        "Where to output the files. If empty or '-' uses stdout, otherwise creates a directory hierarchy in that directory",
    ),
    Flag::list("namespaces", "A comma separated list of namespaces to dump."),
    Flag::duration("pod-running-timeout", "20s", "The length of time to wait until at least one pod is running"),
];

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
        return Err(CmdError::client(format!("unknown command {:?}", inv.args.join(" "))));
    }
    ctx.println(format!(
        "Kubernetes control plane is running at {SERVER}\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'."
    ));
    Ok(())
}

/// What is dumped of each namespace, and the file it goes to.
const DUMPED: &[(&str, &str)] = &[
    ("api/v1", "events"),
    ("api/v1", "replicationcontrollers"),
    ("api/v1", "services"),
    ("apis/apps/v1", "daemonsets"),
    ("apis/apps/v1", "deployments"),
    ("apis/apps/v1", "replicasets"),
    ("api/v1", "pods"),
];

/// `cluster-info dump`: nodes, what runs in namespaces, and the logs of the pods.
fn dump(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let output = if inv.changed("output") { inv.str("output") } else { "json" };
    let format = Printer::structured(output, inv, ctx)?
        .ok_or_else(|| printer::unknown_format(output, printer::PRINT_FORMATS))?;
    let directory = inv.str("output-directory").trim_end_matches('/');
    let directory = if directory == "-" { "" } else { directory };
    let ending = if output == "yaml" { "yaml" } else { "json" };
    let put = |ctx: &mut Context, name: String, object: &Value| {
        let before = std::mem::take(&mut ctx.out.stdout);
        let printed = Printer::new(format.clone(), inv).print(object, ctx);
        let text = std::mem::replace(&mut ctx.out.stdout, before);
        if directory.is_empty() {
            ctx.print(text);
        } else {
            ctx.files.insert(format!("{directory}/{name}.{ending}"), text);
        }
        printed
    };
    let nodes = ctx.call(Request::get("/api/v1/nodes"))?;
    put(ctx, "nodes".into(), &nodes)?;
    let mut namespaces = inv.list("namespaces").to_vec();
    if inv.bool("all-namespaces") {
        let all = ctx.call(Request::get("/api/v1/namespaces"))?;
        let all = all["items"].as_array().into_iter().flatten();
        namespaces = all.filter_map(|n| n["metadata"]["name"].as_str().map(str::to_owned)).collect();
    } else if namespaces.is_empty() {
        namespaces = vec!["kube-system".into(), inv.namespace.clone()];
        namespaces.dedup();
    }
    for namespace in namespaces {
        let mut pods = vec![];
        for (group, plural) in DUMPED {
            let list = ctx.call(Request::get(format!("/{group}/namespaces/{namespace}/{plural}")))?;
            let file = if *plural == "replicationcontrollers" { "replication-controllers" } else { plural };
            put(ctx, format!("{namespace}/{file}"), &list)?;
            if *plural == "pods" {
                pods = list["items"].as_array().cloned().unwrap_or_default();
            }
        }
        for pod in &pods {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let mut text = String::new();
            for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
                let container = container["name"].as_str().unwrap_or_default();
                let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/log");
                // a pod that has not started has none
                let log = ctx.api.request(Request::get(path).with("container", container)).ok().unwrap_or_default();
                let of = format!("logs for container {container} of pod {namespace}/{name}");
                text += &format!("==== START {of} ====\n{}==== END {of} ====\n", log.as_str().unwrap_or_default());
            }
            if directory.is_empty() {
                ctx.print(text);
            } else {
                ctx.files.insert(format!("{directory}/{namespace}/{name}/logs.txt"), text);
            }
        }
    }
    if !directory.is_empty() {
        ctx.println(format!("Cluster info dumped to {directory}"));
    }
    Ok(())
}
