//! `kubectl top`: what nodes and pods use. Models kubectl `pkg/cmd/top` and `pkg/metricsutil`.

use crate::api::quantity::Quantity;
use crate::apiserver::request::Request;
use crate::kubectl::Context;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag, Kind};
use crate::kubectl::printer::tabwriter;
use serde_json::Value;

static COMMON: &[Flag] = &[
    Flag::str("sort-by", "If non-empty, sort list using specified field. The field can be either 'cpu' or 'memory'."),
    Flag::bool("no-headers", "If present, print output without headers"),
    Flag::new("use-protocol-buffers", Kind::Bool, "true", "Enables using protocol-buffers to access Metrics API."),
];
static NODE: &[Flag] = &[Flag::bool(
    "show-capacity",
    "Print node resources based on Capacity instead of Allocatable(default) of the nodes.",
)];
static POD: &[Flag] = &[
    Flag::bool("containers", "If present, print usage of containers within a pod."),
    Flag::bool("sum", "Print the sum of the resource usage"),
];

static SUBS: &[Command] = &[
    Command::new(
        "node",
        "Display resource (CPU/memory) usage of nodes.",
        "[NAME | -l label]",
        &[NODE, COMMON, flags::SELECTOR],
        nodes,
    )
    .alias(&["nodes", "no"]),
    Command::new(
        "pod",
        "Display resource (CPU/memory) usage of pods.",
        "[NAME | -l label]",
        &[POD, COMMON, flags::SELECTOR, flags::FIELD_SELECTOR, flags::ALL_NAMESPACES],
        pods,
    )
    .alias(&["pods", "po"]),
];

/// The command.
pub static COMMAND: Command = Command::group("top", "Display resource (CPU/memory) usage.", SUBS);

const METRICS: &str = "/apis/metrics.k8s.io/v1beta1";

/// What is used: millicores and bytes.
#[derive(Clone, Copy, Default)]
struct Usage {
    cpu: i64,
    memory: i64,
}

impl Usage {
    fn of(v: &Value) -> Usage {
        let amount = |k: &str| v[k].as_str().and_then(|t| t.parse::<Quantity>().ok()).map_or(0.0, |q| q.as_f64());
        Usage { cpu: (amount("cpu") * 1000.0).ceil() as i64, memory: amount("memory") as i64 }
    }
    fn add(self, other: Usage) -> Usage {
        Usage { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
    fn cells(self) -> String {
        format!("{}m\t{}Mi", self.cpu, self.memory / (1024 * 1024))
    }
}

/// The metrics of nodes or pods, if there is such an API.
fn metrics(path: &str, inv: &Invocation, ctx: &mut Context) -> Result<Vec<Value>, CmdError> {
    let mut request = Request::get(format!("{METRICS}{path}"));
    for (flag, key) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
        if !inv.str(flag).is_empty() {
            request = request.with(key, inv.str(flag));
        }
    }
    match ctx.api.request(request).ok() {
        Ok(mut list) if list["items"].is_array() => {
            Ok(list["items"].take().as_array_mut().map(std::mem::take).unwrap_or_default())
        }
        Ok(one) => Ok(vec![one]),
        Err(e) if e.reason == "NotFound" && !e.message.starts_with("the server could not find") => {
            Err(CmdError::Api(e))
        }
        Err(e) if e.reason == "Forbidden" => Err(CmdError::Api(e)),
        Err(_) => Err(CmdError::client("Metrics API not available")),
    }
}

fn checked(inv: &Invocation) -> Result<Option<&str>, CmdError> {
    if !["", "cpu", "memory"].contains(&inv.str("sort-by")) {
        return Err(CmdError::client("--sort-by accepts only cpu or memory"));
    }
    match inv.args.as_slice() {
        [] => Ok(None),
        [_] if !inv.str("selector").is_empty() => {
            Err(CmdError::client("only one of NAME or --selector can be provided"))
        }
        [name] => Ok(Some(name)),
        many => Err(inv.usage(format!("Unexpected args: [{}]", many.join(" ")))),
    }
}

fn sort<T>(rows: &mut [(T, Usage)], by: &str) {
    match by {
        "cpu" => rows.sort_by_key(|r| std::cmp::Reverse(r.1.cpu)),
        "memory" => rows.sort_by_key(|r| std::cmp::Reverse(r.1.memory)),
        _ => {}
    }
}

fn name_of(v: &Value) -> String {
    v["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn nodes(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let path = checked(inv)?.map_or_else(|| "/nodes".to_owned(), |n| format!("/nodes/{n}"));
    let list = metrics(&path, inv, ctx)?;
    let mut rows: Vec<(Value, Usage)> = list.into_iter().map(|m| (m.clone(), Usage::of(&m["usage"]))).collect();
    rows.sort_by_key(|r| name_of(&r.0));
    sort(&mut rows, inv.str("sort-by"));
    let mut text = String::new();
    if !inv.bool("no-headers") {
        text.push_str("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\n");
    }
    for (m, used) in rows {
        let name = name_of(&m);
        let node = ctx.call(Request::get(format!("/api/v1/nodes/{name}")))?;
        let which = if inv.bool("show-capacity") { "capacity" } else { "allocatable" };
        let all = Usage::of(&node["status"][which]);
        let share = |a: i64, b: i64| if b > 0 { a * 100 / b } else { 0 };
        text += &format!(
            "{name}\t{}m\t{}%\t{}Mi\t{}%\n",
            used.cpu,
            share(used.cpu, all.cpu),
            used.memory / (1024 * 1024),
            share(used.memory, all.memory)
        );
    }
    ctx.print(tabwriter::align(&text, 10, 3));
    Ok(())
}

fn pods(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let everywhere = inv.bool("all-namespaces");
    let base = if everywhere { "/pods".to_owned() } else { format!("/namespaces/{}/pods", inv.namespace) };
    let path = checked(inv)?.map_or_else(|| base.clone(), |n| format!("{base}/{n}"));
    let list = metrics(&path, inv, ctx)?;
    if list.is_empty() {
        let place = if everywhere { String::new() } else { format!(" in {} namespace.", inv.namespace) };
        ctx.eprintln(format!("No resources found{place}"));
        return Ok(());
    }
    let containers = inv.bool("containers");
    let mut rows: Vec<(String, Usage)> = vec![];
    for m in &list {
        let namespace = m["metadata"]["namespace"].as_str().unwrap_or_default();
        let lead = if everywhere { format!("{namespace}\t{}", name_of(m)) } else { name_of(m) };
        let parts = m["containers"].as_array().into_iter().flatten();
        if containers {
            rows.extend(
                parts.map(|c| (format!("{lead}\t{}", c["name"].as_str().unwrap_or_default()), Usage::of(&c["usage"]))),
            );
        } else {
            let sum = parts.fold(Usage::default(), |sum, c| sum.add(Usage::of(&c["usage"])));
            rows.push((lead, sum));
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    sort(&mut rows, inv.str("sort-by"));
    let mut text = String::new();
    if !inv.bool("no-headers") {
        let place = if everywhere { "NAMESPACE\t" } else { "" };
        let name = if containers { "POD\tNAME" } else { "NAME" };
        text += &format!("{place}{name}\tCPU(cores)\tMEMORY(bytes)\n");
    }
    for (lead, used) in &rows {
        text += &format!("{lead}\t{}\n", used.cells());
    }
    if inv.bool("sum") {
        let total = rows.iter().fold(Usage::default(), |sum, r| sum.add(r.1));
        let empty = "\t".repeat(usize::from(everywhere) + usize::from(containers) + 1);
        text += &format!("{empty}________\t________\n{empty}{}\n", total.cells());
    }
    ctx.print(tabwriter::align(&text, 10, 3));
    Ok(())
}
