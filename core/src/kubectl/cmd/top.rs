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
    Flag::bool("show-swap", "Print swap resources"),
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

/// The order of rows: by what was asked for, the largest first, else by name.
fn sort<T>(rows: &mut [(T, Usage)], by: &str) {
    match by {
        "cpu" => rows.sort_by_key(|r| std::cmp::Reverse(r.1.cpu)),
        "memory" => rows.sort_by_key(|r| std::cmp::Reverse(r.1.memory)),
        _ => {}
    }
}

fn name_of(v: &Value) -> &str {
    v["metadata"]["name"].as_str().unwrap_or_default()
}

/// The columns of `kubectl top`: each cell ends in a tab, the last one of a line too.
fn columns(text: &str) -> String {
    tabwriter::align(text, 6, 3)
}

fn nodes(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let one = checked(inv)?;
    let path = one.map_or_else(|| "/nodes".to_owned(), |n| format!("/nodes/{n}"));
    let list = metrics(&path, inv, ctx)?;
    if list.is_empty() {
        return Err(CmdError::client("metrics not available yet"));
    }
    let mut request = Request::get(one.map_or_else(|| "/api/v1/nodes".to_owned(), |n| format!("/api/v1/nodes/{n}")));
    if !inv.str("selector").is_empty() {
        request = request.with("labelSelector", inv.str("selector"));
    }
    let mut known = ctx.call(request)?;
    let known = match known["items"].as_array_mut() {
        Some(items) => std::mem::take(items),
        None => vec![known],
    };
    let mut rows: Vec<(Value, Usage)> = list.into_iter().map(|m| (m.clone(), Usage::of(&m["usage"]))).collect();
    rows.sort_by(|a, b| name_of(&a.0).cmp(name_of(&b.0)));
    sort(&mut rows, inv.str("sort-by"));
    let swap = inv.bool("show-swap");
    let mut text = String::new();
    if !inv.bool("no-headers") {
        text += &format!(
            "NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t{}\n",
            if swap { "SWAP(bytes)\tSWAP(%)\t" } else { "" }
        );
    }
    // nodes here have none
    let nothing = if swap { "<unknown>\t<unknown>\t" } else { "" };
    let which = if inv.bool("show-capacity") { "capacity" } else { "allocatable" };
    for (m, used) in &rows {
        let name = name_of(m);
        let node = known.iter().find(|n| name_of(n) == name);
        let all = node.map_or_else(Usage::default, |n| Usage::of(&n["status"][which]));
        let share = |a: i64, b: i64| if b > 0 { a * 100 / b } else { 0 };
        text += &format!(
            "{name}\t{}m\t{}%\t{}Mi\t{}%\t{nothing}\n",
            used.cpu,
            share(used.cpu, all.cpu),
            used.memory / (1024 * 1024),
            share(used.memory, all.memory)
        );
    }
    // nodes of which nothing is known come last
    for name in known.iter().map(name_of).filter(|n| rows.iter().all(|(m, _)| name_of(m) != *n)) {
        text += &format!("{name}\t<unknown>\t<unknown>\t<unknown>\t<unknown>\t{nothing}\n");
    }
    ctx.print(columns(&text));
    Ok(())
}

/// From a pod's creation on its metrics may be missing for so many seconds.
const CREATION_DELAY: u64 = 120;

/// Why there are no metrics: none of the pods that were asked for has been there for long, or one should have some.
fn missing(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let everywhere = inv.bool("all-namespaces");
    let base =
        if everywhere { "/api/v1/pods".to_owned() } else { format!("/api/v1/namespaces/{}/pods", inv.namespace) };
    let mut request = Request::get(base);
    for (flag, key) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
        if !inv.str(flag).is_empty() {
            request = request.with(key, inv.str(flag));
        }
    }
    let pods = ctx.call(request)?;
    let pods = pods["items"].as_array().cloned().unwrap_or_default();
    if pods.is_empty() {
        return Ok(());
    }
    for pod in &pods {
        let born = pod["metadata"]["creationTimestamp"].as_str().and_then(crate::clock::SimTime::parse_rfc3339);
        let age = born.map_or(0, |b| ctx.api.now().since(b).as_secs());
        if age > CREATION_DELAY {
            let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
            let (h, m, s) = (age / 3600, age / 60 % 60, age % 60);
            let age = if h > 0 { format!("{h}h{m}m{s}s") } else { format!("{m}m{s}s") };
            let text = format!("Metrics not available for pod {namespace}/{}, age: {age}", name_of(pod));
            return Err(CmdError::client(text));
        }
    }
    Err(CmdError::client("metrics not available yet"))
}

fn pods(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let everywhere = inv.bool("all-namespaces");
    let base = if everywhere { "/pods".to_owned() } else { format!("/namespaces/{}/pods", inv.namespace) };
    let path = checked(inv)?.map_or_else(|| base.clone(), |n| format!("{base}/{n}"));
    let list = metrics(&path, inv, ctx)?;
    if list.is_empty() {
        missing(inv, ctx)?;
        let place = if everywhere { String::new() } else { format!(" in {} namespace.", inv.namespace) };
        ctx.eprintln(format!("No resources found{place}"));
        return Ok(());
    }
    let (containers, by) = (inv.bool("containers"), inv.str("sort-by"));
    let parts = |m: &Value| -> Vec<(String, Usage)> {
        let list = m["containers"].as_array().into_iter().flatten();
        list.map(|c| (c["name"].as_str().unwrap_or_default().to_owned(), Usage::of(&c["usage"]))).collect()
    };
    let total = |parts: &[(String, Usage)]| parts.iter().fold(Usage::default(), |sum, c| sum.add(c.1));
    let mut rows: Vec<(&Value, Usage)> = list.iter().map(|m| (m, total(&parts(m)))).collect();
    let key = |m: &Value| {
        let namespace = if everywhere { m["metadata"]["namespace"].as_str().unwrap_or_default() } else { "" };
        (namespace.to_owned(), name_of(m).to_owned())
    };
    rows.sort_by_key(|r| key(r.0));
    sort(&mut rows, by);
    let swap = inv.bool("show-swap");
    let nothing = if swap { "<unknown>\t" } else { "" };
    let mut text = String::new();
    let mut width = 3;
    if !inv.bool("no-headers") {
        width += usize::from(everywhere) + usize::from(containers);
        let place = if everywhere { "NAMESPACE\t" } else { "" };
        let pod = if containers { "POD\t" } else { "" };
        let last = if swap { "SWAP(bytes)\t" } else { "" };
        text += &format!("{place}{pod}NAME\tCPU(cores)\tMEMORY(bytes)\t{last}\n");
    }
    for (m, used) in &rows {
        let (namespace, name) = key(m);
        let lead = if everywhere { format!("{namespace}\t{name}") } else { name };
        if containers {
            let mut parts = parts(m);
            parts.sort_by(|a, b| a.0.cmp(&b.0));
            sort(&mut parts, by);
            for (container, used) in parts {
                text += &format!("{lead}\t{container}\t{}\t{nothing}\n", used.cells());
            }
        } else {
            text += &format!("{lead}\t{}\t{nothing}\n", used.cells());
        }
    }
    if inv.bool("sum") {
        let total = rows.iter().fold(Usage::default(), |sum, r| sum.add(r.1));
        text += &format!("{}________\t________\t\n", "\t".repeat(width - 2));
        text += &format!("{}\t{}\t\n", "\t".repeat(width - 2), total.cells());
    }
    ctx.print(columns(&text));
    Ok(())
}
