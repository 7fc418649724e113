//! `kubarium`: what has no command in kubectl, because no API has it: faults, and clients that send load. Each is an
//! input of the session like a click on the map; here it is only read and handed on as data.

use super::Context;
use super::complete::Completion;
use super::errors::CmdError;
use crate::api::kinds;
use crate::api::quantity::Quantity;
use crate::apiserver::request::Request;
use serde_json::{Value, json};

/// Name, arguments, what it does.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("power-off", "NODE", "cut a node's power"),
    ("power-on", "NODE", "switch a node on"),
    ("partition", "NODE", "cut a node off from the network"),
    ("join", "NODE", "join a node with the network again"),
    ("pressure", "NODE memory|disk", "use up nearly all of a node's memory or disk"),
    ("relieve", "NODE memory|disk", "give it back"),
    ("registry", "down|up", "the registry of images answers no more, or again"),
    ("stop", "PART", "stop apiserver, scheduler, controller-manager or a controller"),
    ("start", "PART", "start it again"),
    ("slow", "PART DURATION", "let it do everything so much later (0 ends it)"),
    ("crash", "POD [-c CONTAINER]", "end a container's process"),
    ("crash-loop", "POD [-c CONTAINER] [--off]", "end it soon after each of its starts"),
    ("hang", "POD [-c CONTAINER] [--off]", "let it answer no more"),
    ("leak", "POD RATE [-c CONTAINER]", "let it take so much more memory a second (10Mi/s; 0 ends it)"),
    ("slow-start", "POD DURATION [-c CONTAINER]", "let it take longer to start (0 ends it)"),
    ("break", "readiness|liveness POD", "let a pod's probes fail"),
    ("mend", "readiness|liveness POD", "let them work again"),
    (
        "client",
        "add NAME URL | rm NAME | list",
        "send requests: --rate, --burst and --every, --ramp and --over, --from, --for",
    ),
    ("help", "", "this text"),
];

const PARTS: &[&str] = &["apiserver", "scheduler", "controller-manager"];

const CLIENT_FLAGS: &[(&str, &str)] = &[
    ("--rate=", "requests a second"),
    ("--burst=", "requests at once"),
    ("--every=", "time between bursts"),
    ("--ramp=", "FROM..TO requests a second"),
    ("--over=", "time that the ramp takes"),
    ("--from=", "outside, inside, or pod/NAME"),
    ("--for=", "time after which it ends"),
];

/// Words of a command: those that stand alone, and flags with their values.
struct Words {
    plain: Vec<String>,
    flags: Vec<(String, String)>,
}

impl Words {
    fn read(args: &[String]) -> Result<Words, CmdError> {
        let mut words = Words { plain: vec![], flags: vec![] };
        let mut it = args.iter();
        while let Some(w) = it.next() {
            let Some(flag) = w.strip_prefix('-').filter(|f| !f.is_empty()) else {
                words.plain.push(w.clone());
                continue;
            };
            let flag = flag.trim_start_matches('-');
            let (name, value) = match flag.split_once('=') {
                Some((n, v)) => (n, Some(v.to_owned())),
                None => (flag, None),
            };
            let name = match name {
                "c" => "container",
                "n" => "namespace",
                name => name,
            };
            let value = match (name, value) {
                ("off", _) => String::new(),
                (_, Some(v)) => v,
                (_, None) => {
                    it.next().cloned().ok_or_else(|| CmdError::client(format!("flag needs an argument: {w}")))?
                }
            };
            words.flags.push((name.to_owned(), value));
        }
        Ok(words)
    }

    fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn no_other_flags(&self, known: &[&str]) -> Result<(), CmdError> {
        match self.flags.iter().find(|(n, _)| !known.contains(&n.as_str())) {
            Some((n, _)) => Err(CmdError::client(format!("unknown flag: --{n}"))),
            None => Ok(()),
        }
    }
}

/// `500ms`, `30s`, `2m`, `1h`, or a bare number of seconds; in milliseconds.
fn millis(text: &str) -> Result<u64, CmdError> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match &text[end..] {
        "ms" => 1.0,
        "" | "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return Err(CmdError::client(format!("invalid duration {text:?}"))),
    };
    let n: f64 = text[..end].parse().map_err(|_| CmdError::client(format!("invalid duration {text:?}")))?;
    Ok((n * unit).clamp(0.0, 1e12) as u64)
}

fn seconds(text: &str) -> Result<u64, CmdError> {
    Ok(millis(text)?.div_ceil(1_000).min(u64::from(u32::MAX)))
}

fn number(text: &str) -> Result<u32, CmdError> {
    text.parse().map_err(|_| CmdError::client(format!("{text:?} is no number of requests")))
}

fn part(name: &str) -> Value {
    match name.trim_start_matches("kube-") {
        "apiserver" | "api-server" => json!("ApiServer"),
        "scheduler" => json!("Scheduler"),
        "controller-manager" | "controllers" => json!("ControllerManager"),
        _ => json!({"Controller": name}),
    }
}

/// The input that a line which begins with `kubarium` stands for, as JSON; none: it is another line, or does nothing.
pub fn deed(line: &str) -> Option<Value> {
    let mut words = line.split_whitespace().map(str::to_owned);
    words.next().filter(|w| w == "kubarium")?;
    read(&words.collect::<Vec<_>>(), "default").ok().map(|(deed, _)| deed)
}

/// What a command does as data, and what is said of it.
fn read(args: &[String], namespace: &str) -> Result<(Value, String), CmdError> {
    let words = Words::read(args)?;
    let command = words.plain.first().map_or("", String::as_str);
    let arg = |i: usize| {
        words.plain.get(i).map(String::as_str).ok_or_else(|| {
            let usage = COMMANDS.iter().find(|(n, ..)| *n == command).map_or("", |c| c.1);
            CmdError::client(format!("usage: kubarium {command} {usage}"))
        })
    };
    let most = match command {
        "pressure" | "relieve" | "slow" | "leak" | "slow-start" | "break" | "mend" => 3,
        "client" => 4,
        _ => 2,
    };
    if let Some(extra) = words.plain.get(most) {
        return Err(CmdError::client(format!("kubarium {command} does not take {extra:?}")));
    }
    words.no_other_flags(match command {
        "crash-loop" | "hang" => &["container", "namespace", "off"],
        "crash" | "leak" | "slow-start" => &["container", "namespace"],
        "break" | "mend" => &["namespace"],
        "client" => &["rate", "burst", "every", "ramp", "over", "from", "for", "namespace"],
        _ => &[],
    })?;
    let namespace = words.flag("namespace").unwrap_or(namespace);
    let container = words.flag("container").unwrap_or_default();
    let on = words.flag("off").is_none();
    let name = |i: usize, prefixes: &[&str]| -> Result<String, CmdError> {
        let text = arg(i)?;
        let name = prefixes.iter().find_map(|p| text.strip_prefix(p)?.strip_prefix('/'));
        Ok(name.unwrap_or(text).to_owned())
    };
    let node = || name(1, &["node", "nodes", "no"]);
    let pod = |i| name(i, &["pod", "pods", "po"]);
    let fault = |kind: &str, body: Value, said: String| Ok((json!({"Fault": {kind: body}}), said));
    match command {
        "power-off" | "power-on" => {
            let (node, on) = (node()?, command == "power-on");
            let said = format!("node/{node} powered {}", if on { "on" } else { "off" });
            fault("NodePower", json!({"node": node, "on": on}), said)
        }
        "partition" | "join" => {
            let (node, on) = (node()?, command == "partition");
            let said = format!("node/{node} {}", if on { "cut off" } else { "joined" });
            fault("NodePartition", json!({"node": node, "on": on}), said)
        }
        "pressure" | "relieve" => {
            let (node, on) = (node()?, command == "pressure");
            let resource = match arg(2)? {
                "memory" => "Memory",
                "disk" => "Disk",
                other => return Err(CmdError::client(format!("a node runs out of memory or disk, not of {other:?}"))),
            };
            let said = format!("node/{node} {}", if on { "under pressure" } else { "relieved" });
            fault("NodePressure", json!({"node": node, "resource": resource, "on": on}), said)
        }
        "registry" => {
            let on = match arg(1)? {
                "down" => true,
                "up" => false,
                other => return Err(CmdError::client(format!("the registry is down or up, not {other:?}"))),
            };
            fault("RegistryOutage", json!({"on": on}), format!("registry {}", if on { "down" } else { "up" }))
        }
        "stop" | "start" => {
            let (what, on) = (arg(1)?, command == "stop");
            let said = format!("{what} {}", if on { "stopped" } else { "started" });
            fault("Stop", json!({"part": part(what), "on": on}), said)
        }
        "slow" => {
            let (what, by) = (arg(1)?, millis(arg(2)?)?.min(u64::from(u32::MAX)));
            let said = match by {
                0 => format!("{what} as fast as ever"),
                by => format!("{what} slowed by {by}ms"),
            };
            fault("Slow", json!({"part": part(what), "millis": by}), said)
        }
        "crash" | "crash-loop" | "hang" | "leak" | "slow-start" => {
            let pod = pod(1)?;
            let mut body = json!({"namespace": namespace, "pod": pod, "container": container});
            let (kind, said) = match command {
                "crash" => ("CrashContainer", "crashed"),
                "crash-loop" => ("CrashLoop", if on { "crashes from now on" } else { "crashes no more" }),
                "hang" => ("HangContainer", if on { "hangs" } else { "answers again" }),
                "leak" => ("LeakMemory", "leak set"),
                _ => ("SlowStart", "slow start set"),
            };
            match command {
                "crash" => {}
                "leak" => {
                    let text = arg(2)?.trim_end_matches("/s");
                    let rate = Quantity::parse(text)
                        .ok()
                        .map(|q| q.value())
                        .filter(|n| *n >= 0)
                        .ok_or_else(|| CmdError::client(format!("{text:?} is no amount of memory")))?;
                    body["rate"] = json!(rate);
                }
                "slow-start" => body["seconds"] = json!(seconds(arg(2)?)?),
                _ => body["on"] = json!(on),
            }
            fault(kind, body, format!("pod/{pod} {said}"))
        }
        "break" | "mend" => {
            let kind = match arg(1)? {
                "readiness" => "BreakReadiness",
                "liveness" => "BreakLiveness",
                other => return Err(CmdError::client(format!("readiness or liveness, not {other:?}"))),
            };
            let (pod, broken) = (pod(2)?, command == "break");
            let said = format!("pod/{pod} {} {}", arg(1)?, if broken { "broken" } else { "mended" });
            fault(kind, json!({"namespace": namespace, "pod": pod, "broken": broken}), said)
        }
        "client" => match arg(1)? {
            "add" => {
                let spec = client(&words, arg(2)?, arg(3)?, namespace)?;
                Ok((json!({"Client": spec}), format!("client/{} added", arg(2)?)))
            }
            "rm" | "remove" | "delete" => {
                let name = arg(2)?;
                Ok((json!({"RemoveClient": {"name": name}}), format!("client/{name} removed")))
            }
            other => Err(CmdError::client(format!("a client is added, removed or listed, not {other:?}"))),
        },
        "" => Err(CmdError::client("usage: kubarium COMMAND; see 'kubarium help'")),
        other => Err(CmdError::client(format!("unknown command {other:?} for \"kubarium\"; see 'kubarium help'"))),
    }
}

fn client(words: &Words, name: &str, url: &str, namespace: &str) -> Result<Value, CmdError> {
    let time = |flag: &str, default: u64| words.flag(flag).map_or(Ok(default), seconds);
    let load = if let Some(count) = words.flag("burst") {
        json!({"Burst": {"count": number(count)?, "every": time("every", 0)?}})
    } else if let Some(ramp) = words.flag("ramp") {
        let (from, to) = ramp.split_once("..").ok_or_else(|| CmdError::client("a ramp goes FROM..TO"))?;
        json!({"Ramp": {"from": number(from)?, "to": number(to)?, "seconds": time("over", 60)?}})
    } else {
        json!({"Steady": {"rate": words.flag("rate").map_or(Ok(10), number)?}})
    };
    let place = match words.flag("from") {
        Some("outside") => json!("Outside"),
        None | Some("inside") => json!({"Inside": {"namespace": namespace}}),
        Some(pod) => {
            let pod = pod.strip_prefix("pod/").or_else(|| pod.strip_prefix("pods/")).unwrap_or(pod);
            json!({"Pod": {"namespace": namespace, "name": pod}})
        }
    };
    Ok(json!({"name": name, "place": place, "url": url, "load": load, "seconds": time("for", 0)?}))
}

fn help() -> String {
    let width = COMMANDS.iter().map(|(n, a, _)| n.len() + a.len()).max().unwrap_or(0) + 3;
    let mut text = "What kubectl has no command for.\n\n".to_owned();
    for (name, args, does) in COMMANDS {
        let line = format!("{name} {args}");
        text.push_str(&format!("  {line:width$}{does}\n"));
    }
    text
}

fn clients(ctx: &mut Context) {
    let rows: Vec<[String; 4]> = ctx
        .api
        .clients()
        .iter()
        .map(|c| {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            let n = |v: &Value| v.as_u64().unwrap_or_default();
            let (load, place) = (&c["load"], &c["place"]);
            let load = if !load["Burst"].is_null() {
                format!("{} at once every {}s", n(&load["Burst"]["count"]), n(&load["Burst"]["every"]))
            } else if !load["Ramp"].is_null() {
                format!("{}..{}/s", n(&load["Ramp"]["from"]), n(&load["Ramp"]["to"]))
            } else {
                format!("{}/s", n(&load["Steady"]["rate"]))
            };
            let place = match &place["Pod"] {
                Value::Null if place.is_string() => "outside".to_owned(),
                Value::Null => "inside".to_owned(),
                pod => format!("pod/{}", text(&pod["name"])),
            };
            [text(&c["name"]), text(&c["url"]), load, place]
        })
        .collect();
    if rows.is_empty() {
        ctx.eprintln("There are no clients.");
        return;
    }
    let head = ["NAME", "URL", "LOAD", "FROM"].map(str::to_owned);
    let width = |i: usize| rows.iter().map(|r| r[i].len()).chain([head[i].len()]).max().unwrap_or(0) + 3;
    let widths = [width(0), width(1), width(2)];
    for r in std::iter::once(&head).chain(&rows) {
        // not by a format's own width, which ends at 65,535
        let padded = r.iter().zip(widths).map(|(t, w)| format!("{t}{}", " ".repeat(w.saturating_sub(t.len()))));
        ctx.println(padded.collect::<String>() + &r[3]);
    }
}

/// Runs `kubarium` with its arguments.
pub fn run(args: &[String], ctx: &mut Context) {
    let first = args.first().map_or("", String::as_str);
    if matches!(first, "help" | "-h" | "--help") {
        ctx.print(help());
        ctx.out.code = Some(0);
        return;
    }
    if first == "client" && matches!(args.get(1).map(String::as_str), Some("list" | "ls")) {
        clients(ctx);
        ctx.out.code = Some(0);
        return;
    }
    let namespace = ctx.session.namespace().to_owned();
    let done = read(args, &namespace).and_then(|(deed, said)| match ctx.api.intervene(&deed) {
        Ok(_) => Ok(said),
        Err(e) => Err(CmdError::client(e)),
    });
    match done {
        Ok(said) => {
            ctx.println(said);
            ctx.out.code = Some(0);
        }
        Err(e) => {
            let (text, code) = e.render();
            ctx.out.stderr.push_str(&text);
            ctx.out.code = Some(code);
        }
    }
}

fn word(text: impl Into<String>, note: impl Into<String>) -> Completion {
    Completion { text: text.into(), note: note.into(), done: true }
}

fn names(resource: &str, ctx: &mut Context) -> Vec<String> {
    let Some(r) = kinds::resolve(resource) else { return vec![] };
    let ns = ctx.session.namespace().to_owned();
    let list = ctx.api.request(Request::get(r.path(Some(&ns), None))).ok().unwrap_or_default();
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|o| o["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// How a line that begins with `kubarium` may go on; `words` are those between.
pub fn complete(words: &[String], current: &str, ctx: &mut Context) -> Vec<Completion> {
    let clients = ctx.api.clients();
    let clients: Vec<&str> = clients.iter().filter_map(|c| c["name"].as_str()).collect();
    let controllers = ctx.api.controllers();
    offers(words, current, &clients, &controllers, &mut |resource| names(resource, ctx))
}

/// What [`complete`] offers, by the names of clients and controllers and those of the objects of a resource.
pub fn offers(
    words: &[String],
    current: &str,
    clients: &[&str],
    controllers: &[&str],
    names: &mut dyn FnMut(&str) -> Vec<String>,
) -> Vec<Completion> {
    let plain: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let all = |list: &[&str]| list.iter().map(|t| word(*t, "")).collect();
    let Some(command) = plain.first() else {
        return COMMANDS.iter().map(|(n, _, does)| word(*n, *does)).collect();
    };
    match (*command, plain.len()) {
        ("power-off" | "power-on" | "partition" | "join" | "pressure" | "relieve", 1) => {
            names("nodes").into_iter().map(|n| word(n, "node")).collect()
        }
        ("pressure" | "relieve", 2) => all(&["disk", "memory"]),
        ("registry", 1) => all(&["down", "up"]),
        ("stop" | "start" | "slow", 1) => PARTS.iter().chain(controllers).map(|p| word(*p, "")).collect(),
        ("slow", 2) => all(&["500ms", "2s", "0"]),
        ("leak", 2) => all(&["10Mi/s", "0"]),
        ("slow-start", 2) => all(&["30s", "0"]),
        ("break" | "mend", 1) => all(&["liveness", "readiness"]),
        ("crash" | "crash-loop" | "hang" | "leak" | "slow-start", 1) | ("break" | "mend", 2)
            if !current.starts_with('-') =>
        {
            names("pods").into_iter().map(|n| word(n, "pod")).collect()
        }
        ("client", 1) => all(&["add", "list", "rm"]),
        ("client", 2) if plain.get(1) == Some(&"rm") => clients.iter().map(|c| word(*c, "client")).collect(),
        ("client", 3) if plain.get(1) == Some(&"add") => {
            names("services").into_iter().map(|n| word(format!("http://{n}/"), "service")).collect()
        }
        ("client", 4..) => CLIENT_FLAGS
            .iter()
            .map(|(f, note)| Completion { text: (*f).into(), note: (*note).into(), done: false })
            .collect(),
        _ => vec![],
    }
}
