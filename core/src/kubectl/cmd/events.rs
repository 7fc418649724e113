//! `kubectl events`.

use crate::api::kinds;
use crate::apiserver::printers::{seconds, since};
use crate::apiserver::request::Request;
use crate::clock::SimTime;
use crate::kubectl::Context;
use crate::kubectl::builder::mapping;
use crate::kubectl::command::{Command, Invocation};
use crate::kubectl::errors::CmdError;
use crate::kubectl::flags::{self, Flag};
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::printer::{self, Printer, tabwriter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

static FLAGS: &[Flag] = &[
    Flag::bool("watch", "After listing the requested events, watch for more events.").short('w'),
    Flag::str("for", "Filter events to only those pertaining to the specified resource."),
    Flag::list("types", "Output only events of given types."),
    Flag::bool("no-headers", "When using the default output format, don't print headers."),
    Flag::int("chunk-size", "500", "Return large lists in chunks rather than all at once."),
];

/// The command.
pub static COMMAND: Command = Command::new(
    "events",
    "List events.",
    "[(-o|--output=)json|yaml|…] [--for TYPE/NAME] [--watch] [--types=Normal,Warning]",
    &[FLAGS, flags::PRINT, flags::ALL_NAMESPACES],
    run,
);

/// What `events -w` has shown: name and version of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    line: Vec<String>,
    seen: Vec<(String, String)>,
}

fn list(inv: &Invocation, ctx: &mut Context) -> Result<Vec<Value>, CmdError> {
    let all = inv.bool("all-namespaces");
    let r = mapping("events", inv)?;
    let mut request = Request::get(r.path((!all).then_some(inv.namespace.as_str()), None));
    let target = inv.str("for");
    if !target.is_empty() {
        let (kind, name) = target
            .split_once('/')
            .filter(|(k, n)| !k.is_empty() && !n.is_empty() && !n.contains('/'))
            .ok_or_else(|| CmdError::client("--for must be in resource/name form"))?;
        let kind = kinds::resolve(kind).map_or_else(|| kind.to_string(), |r| r.kind.to_string());
        request = request.with("fieldSelector", format!("involvedObject.kind={kind},involvedObject.name={name}"));
    }
    for t in inv.list("types") {
        if !t.eq_ignore_ascii_case("normal") && !t.eq_ignore_ascii_case("warning") {
            return Err(CmdError::client("valid --types are Normal or Warning"));
        }
    }
    let mut answer = ctx.call(request)?;
    let Value::Array(mut events) = answer["items"].take() else { return Ok(vec![]) };
    let types = inv.list("types");
    events.retain(|e| {
        types.is_empty() || types.iter().any(|t| e["type"].as_str().is_some_and(|x| x.eq_ignore_ascii_case(t)))
    });
    for e in &mut events {
        e["kind"] = "Event".into();
        e["apiVersion"] = "v1".into();
    }
    let last = |e: &Value| {
        let keys = [&e["series"]["lastObservedTime"], &e["lastTimestamp"], &e["eventTime"]];
        keys.iter().find_map(|v| seconds(v))
    };
    events.sort_by_key(last);
    Ok(events)
}

fn run(inv: &Invocation, ctx: &mut Context) -> Result<(), CmdError> {
    let events = list(inv, ctx)?;
    let output = inv.str("output");
    if !output.is_empty() {
        let format = Printer::structured(output, inv, ctx)?
            .ok_or_else(|| printer::unknown_format(output, printer::PRINT_FORMATS))?;
        let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": events});
        return Printer::new(format, inv).print(&list, ctx);
    }
    if inv.bool("watch") {
        let seen = events.iter().map(mark).collect();
        show(inv, &events, !inv.bool("no-headers"), ctx);
        ctx.out.pending = Some(Pending::new(Wait::Events(Watch { line: inv.words.clone(), seen }), None));
        return Ok(());
    }
    if events.is_empty() {
        if inv.bool("all-namespaces") {
            ctx.eprintln("No events found.");
        } else {
            ctx.eprintln(format!("No events found in {} namespace.", inv.namespace));
        }
        return Ok(());
    }
    show(inv, &events, !inv.bool("no-headers"), ctx);
    Ok(())
}

fn mark(e: &Value) -> (String, String) {
    let part = |k: &str| e["metadata"][k].as_str().unwrap_or_default();
    (format!("{}/{}", part("namespace"), part("name")), part("resourceVersion").to_string())
}

fn show(inv: &Invocation, events: &[Value], headers: bool, ctx: &mut Context) {
    let now = ctx.now().unix_seconds();
    let all = inv.bool("all-namespaces");
    let mut text = String::new();
    if headers {
        text += if all { "NAMESPACE\t" } else { "" };
        text += "LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n";
    }
    for e in events {
        let s = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let first = since(if e["eventTime"].is_null() { &e["firstTimestamp"] } else { &e["eventTime"] }, now);
        let count = e["count"].as_i64().unwrap_or(0);
        let age = if !e["series"].is_null() {
            let count = e["series"]["count"].as_i64().unwrap_or(0);
            format!("{} (x{count} over {first})", since(&e["series"]["lastObservedTime"], now))
        } else if count > 1 {
            format!("{} (x{count} over {first})", since(&e["lastTimestamp"], now))
        } else {
            first
        };
        if all {
            text += &format!("{}\t", s(&e["metadata"]["namespace"]));
        }
        let about = &e["involvedObject"];
        let (kind, name, message) = (s(&about["kind"]), s(&about["name"]), s(&e["message"]));
        text += &format!("{age}\t{}\t{}\t{kind}/{name}\t{}\n", s(&e["type"]), s(&e["reason"]), message.trim());
    }
    ctx.print(tabwriter::align(&text, 6, 3));
}

/// Shows events that are new or came again; it never ends by itself.
pub fn poll(w: &mut Watch, _deadline: Option<SimTime>, ctx: &mut Context) -> Result<bool, CmdError> {
    let (command, path, rest) = crate::kubectl::command::find(&w.line)?;
    let Some(inv) = Invocation::parse(command, path, rest, ctx)? else { return Ok(true) };
    let events = list(&inv, ctx)?;
    let fresh: Vec<Value> = events.iter().filter(|e| !w.seen.contains(&mark(e))).cloned().collect();
    if !fresh.is_empty() {
        show(&inv, &fresh, false, ctx);
        w.seen = events.iter().map(mark).collect();
    }
    Ok(false)
}
