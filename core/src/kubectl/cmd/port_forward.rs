//! `kubectl port-forward`: opens the page's panel for requests, and stands until it is interrupted; as long it serves
//! `curl` in any terminal. With `&` it serves on behind the prompt.

use super::logs::pods_of;
use crate::kubectl::builder::Builder;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::Flag;
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::{Context, Effect, Local};
use serde_json::Value;

static FLAGS: &[Flag] = &[
    Flag::list("address", "Addresses to listen on (comma separated).").default("localhost"),
    Flag::duration("pod-running-timeout", "1m0s", "The length of time to wait until at least one pod is running"),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "port-forward",
    "Forward one or more local ports to a pod.",
    "TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    &[FLAGS],
    run,
);

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let (args, behind) = match inv.args.split_last() {
        Some((last, args)) if last == "&" => (args, true),
        _ => (&inv.args[..], false),
    };
    let Some((name, ports)) = args.split_first().filter(|(_, p)| !p.is_empty()) else {
        return Err(inv.usage("TYPE/NAME and list of ports are required for port-forward"));
    };
    let args = if name.contains('/') { vec![name.clone()] } else { vec!["pods".to_string(), name.clone()] };
    let info = Builder::new(inv).args(&args).all_infos(ctx)?.remove(0);
    let pod = if info.mapping.kind == "Pod" {
        info.object.clone()
    } else {
        let mut pods = pods_of(&info, ctx)?;
        if pods.is_empty() {
            return Err(CmdError::client("timed out waiting for the condition"));
        }
        pods.swap_remove(0)
    };
    let phase = text(&pod["status"]["phase"]);
    if phase != "Running" {
        return Err(CmdError::client(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let (mut first, mut locals) = (None, vec![]);
    let namespace = text(&pod["metadata"]["namespace"]).to_string();
    for p in ports {
        let (local, remote) = p.split_once(':').unwrap_or((p, p));
        let bad = || {
            CmdError::client(format!(
                "error parsing remote port {remote:?}: strconv.ParseUint: parsing {remote:?}: invalid syntax"
            ))
        };
        // a service's port leads to the port of its pods
        let number = if info.mapping.kind == "Service" {
            service_port(&info.object, &pod, remote).ok_or_else(|| {
                CmdError::client(format!("Service {} does not have a service port {remote}", info.name))
            })?
        } else {
            named_port(&pod, remote).or_else(|| remote.parse().ok()).ok_or_else(bad)?
        };
        let shown = if local.is_empty() || local == "0" { free_port(ctx).to_string() } else { local.to_string() };
        for address in ["127.0.0.1", "[::1]"] {
            ctx.println(format!("Forwarding from {address}:{shown} -> {number}"));
        }
        first.get_or_insert(number);
        if let Ok(port) = shown.parse() {
            locals.push(port);
            let pod = text(&pod["metadata"]["name"]).to_string();
            ctx.session.served.insert(port, Local::Pod { namespace: namespace.clone(), pod, port: number });
        }
    }
    if behind {
        return Ok(());
    }
    let target = format!("pod/{}", text(&pod["metadata"]["name"]));
    ctx.out.effects.push(Effect::OpenRequests { namespace, target, port: first.unwrap_or_default() });
    ctx.out.pending = Some(Pending::new(Wait::Interrupt(locals), None));
    Ok(())
}

/// A port of the person's machine that nothing serves on, as its kernel gives one.
fn free_port(ctx: &Context) -> u16 {
    let first = 32768 + (ctx.now().0 / 1000 * 7919 % 28232) as u16;
    (first..60999).find(|p| !ctx.session.served.contains_key(p)).unwrap_or(first)
}

fn items(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

fn named_port(pod: &Value, name: &str) -> Option<u16> {
    let ports = items(&pod["spec"]["containers"]).iter().flat_map(|c| items(&c["ports"]));
    ports.filter(|p| p["name"] == name).find_map(|p| p["containerPort"].as_u64()).map(|n| n as u16)
}

fn service_port(service: &Value, pod: &Value, wanted: &str) -> Option<u16> {
    let port = items(&service["spec"]["ports"])
        .iter()
        .find(|p| p["name"] == wanted || p["port"].as_u64() == wanted.parse().ok())?;
    match &port["targetPort"] {
        Value::Number(n) => n.as_u64().map(|n| n as u16),
        Value::String(name) => named_port(pod, name),
        _ => port["port"].as_u64().map(|n| n as u16),
    }
}
