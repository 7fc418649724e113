//! Tab completion: commands, flags and their values, kinds, names.

use super::Context;
use super::cmd::explain::custom;
use super::command::{self, COMMANDS, Command};
use super::flags::{self, Flag, Kind};
use crate::api::kinds::{self, RESOURCES, ResourceInfo, Support};
use crate::api::schema;
use crate::apiserver::request::Request;
use serde_json::Value;

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Completion {
    /// What stands instead of the word before the cursor.
    pub text: String,
    /// What it is; may be empty.
    pub note: String,
    /// Is a blank to follow?
    pub done: bool,
}

/// Most completions that are offered.
const MAX: usize = 200;

fn word(text: impl Into<String>, note: impl Into<String>) -> Completion {
    Completion { text: text.into(), note: note.into(), done: true }
}

/// What the word before the cursor may become. `cursor` counts bytes.
pub fn complete(line: &str, cursor: usize, ctx: &mut Context) -> Vec<Completion> {
    let before = line.get(..cursor).unwrap_or(line);
    let stage = before.rsplit('|').next().unwrap_or_default();
    let mut words: Vec<String> = stage.split_whitespace().map(str::to_string).collect();
    let current = if stage.ends_with(char::is_whitespace) || stage.is_empty() {
        String::new()
    } else {
        words.pop().unwrap_or_default()
    };
    let named = matches!(words.first().map(String::as_str), Some("kubectl" | "k"));
    if named {
        words.remove(0);
    } else if before.contains('|') {
        return vec![];
    }
    let own = !named && words.first().is_some_and(|w| w == "kubarium");
    let mut found =
        if own { super::kubarium::complete(&words[1..], &current, ctx) } else { offers(&words, &current, ctx) };
    if !named && words.is_empty() {
        found.push(word("kubarium", "faults and clients"));
    }
    found.retain(|c| c.text.starts_with(&current));
    found.sort();
    found.dedup();
    found.truncate(MAX);
    found
}

fn offers(words: &[String], current: &str, ctx: &mut Context) -> Vec<Completion> {
    if words.iter().all(|w| w.starts_with('-')) {
        if current.starts_with('-') {
            return flag_names(&[], flags::GLOBAL);
        }
        return COMMANDS.iter().map(|c| word(c.name, c.short)).collect();
    }
    let Ok((command, path, rest)) = command::find(words) else { return vec![] };
    let all: Vec<&Flag> = command.all_flags().chain(flags::GLOBAL).collect();
    // the value of a flag, behind `=` or as a word of its own
    if let Some((flag, value)) = current.split_once('=').filter(|(f, _)| f.starts_with("--")) {
        let Some(f) = all.iter().find(|f| f.name == &flag[2..]) else { return vec![] };
        let prefix = format!("{flag}=");
        let mut list = values(command.name, f, value, &rest, ctx);
        for c in &mut list {
            c.text = format!("{prefix}{}", c.text);
        }
        return list;
    }
    if let Some(last) = rest.last().filter(|l| l.starts_with('-') && !l.contains('=')) {
        let long = last.strip_prefix("--");
        let short = last.chars().next_back();
        let found = all.iter().find(|f| long == Some(f.name) || long.is_none() && f.short == short);
        if let Some(f) = found.filter(|f| f.no_opt.is_none()) {
            return values(command.name, f, current, &rest, ctx);
        }
    }
    if current.starts_with('-') {
        let own: Vec<&[Flag]> = command.flags.to_vec();
        return flag_names(&own, flags::GLOBAL);
    }
    let args = positional(&rest, &all);
    if !command.subs.is_empty() && args.is_empty() {
        return command.subs.iter().map(|c| word(c.name, c.short)).collect();
    }
    arguments(command, &path, &args, current, &rest, ctx)
}

fn flag_names(own: &[&[Flag]], global: &[Flag]) -> Vec<Completion> {
    let show = |f: &Flag| {
        let takes = f.kind != Kind::Bool && f.no_opt.is_none();
        Completion {
            text: format!("--{}{}", f.name, if takes { "=" } else { "" }),
            note: f.help.to_string(),
            done: !takes,
        }
    };
    own.iter().flat_map(|s| s.iter()).chain(global).filter(|f| f.deprecated.is_none()).map(show).collect()
}

/// Arguments that are neither flags nor their values.
fn positional(rest: &[String], all: &[&Flag]) -> Vec<String> {
    let mut out = vec![];
    let mut it = rest.iter();
    while let Some(w) = it.next() {
        let Some(flag) = w.strip_prefix('-') else {
            out.push(w.clone());
            continue;
        };
        let long = flag.strip_prefix('-');
        let found = all
            .iter()
            .find(|f| long == Some(f.name) || long.is_none() && flag.len() == 1 && f.short == flag.chars().next());
        if found.is_some_and(|f| f.no_opt.is_none()) {
            it.next();
        }
    }
    out
}

fn namespace(rest: &[String], ctx: &Context) -> Option<String> {
    if rest.iter().any(|w| w == "-A" || w == "--all-namespaces") {
        return None;
    }
    let mut it = rest.iter();
    while let Some(w) = it.next() {
        if w == "-n" || w == "--namespace" {
            return it.next().cloned();
        }
        if let Some(ns) = w.strip_prefix("--namespace=").or_else(|| w.strip_prefix("-n").filter(|n| !n.is_empty())) {
            return Some(ns.to_string());
        }
    }
    Some(ctx.session.namespace().to_string())
}

fn resolve(resource: &str, ctx: &Context) -> Option<&'static ResourceInfo> {
    kinds::resolve(resource).or_else(|| kinds::resolve_among(resource, ctx.api.custom_resources().iter().copied()))
}

fn names(resource: &str, rest: &[String], ctx: &mut Context) -> Vec<String> {
    let Some(r) = resolve(resource, ctx) else { return vec![] };
    let ns = namespace(rest, ctx);
    let list = ctx.api.request(Request::get(r.path(ns.as_deref(), None))).ok();
    let name = |o: &Value| o["metadata"]["name"].as_str().unwrap_or_default().to_string();
    list.map(|l| l["items"].as_array().map(|a| a.iter().map(name).collect()).unwrap_or_default()).unwrap_or_default()
}

fn values(command: &str, flag: &Flag, current: &str, rest: &[String], ctx: &mut Context) -> Vec<Completion> {
    let plain = |list: &[&str]| list.iter().map(|t| word(*t, "")).collect();
    match flag.name {
        "type" if command == "patch" => plain(&["json", "merge", "strategic"]),
        "selector" | "pod-selector" => labels(current, rest, ctx),
        "field-selector" => {
            let open = |t: &&str| Completion { text: (*t).into(), note: String::new(), done: false };
            ["metadata.name=", "metadata.namespace=", "spec.nodeName=", "status.phase="].iter().map(open).collect()
        }
        "sort-by" => plain(&[".metadata.creationTimestamp", ".metadata.name", ".status.phase"]),
        "image-pull-policy" => plain(&["Always", "IfNotPresent", "Never"]),
        "profile" => plain(&["baseline", "general", "netadmin", "restricted", "sysadmin"]),
        "protocol" => plain(&["SCTP", "TCP", "UDP"]),
        "session-affinity" => plain(&["ClientIP", "None"]),
        "validate" => plain(&["ignore", "strict", "warn"]),
        "concurrency-policy" => plain(&["Allow", "Forbid", "Replace"]),
        "subresource" => plain(&["resize", "scale", "status"]),
        "as" => plain(&["system:anonymous"]),
        "as-group" => plain(&["system:authenticated", "system:masters", "system:unauthenticated"]),
        "clusterrole" => names("clusterroles", rest, ctx).into_iter().map(|n| word(n, "cluster role")).collect(),
        "role" => names("roles", rest, ctx).into_iter().map(|n| word(n, "role")).collect(),
        "class" if command == "ingress" => {
            names("ingressclasses", rest, ctx).into_iter().map(|n| word(n, "ingress class")).collect()
        }
        "class" => names("priorityclasses", rest, ctx).into_iter().map(|n| word(n, "")).collect(),
        "target" => containers(rest, ctx).into_iter().map(|n| word(n, "container")).collect(),
        "for" if current.starts_with("condition=") => [
            "Available",
            "Complete",
            "ContainersReady",
            "Failed",
            "Initialized",
            "PodScheduled",
            "Progressing",
            "Ready",
        ]
        .iter()
        .map(|c| word(format!("condition={c}"), "condition"))
        .collect(),
        "to-revision" | "revision" => revisions(rest, ctx).into_iter().map(|n| word(n, "revision")).collect(),
        "namespace" => names("namespaces", rest, ctx).into_iter().map(|n| word(n, "namespace")).collect(),
        "context" => vec![word(ctx.session.context.clone(), "")],
        "output" => {
            let mut list: Vec<Completion> = plain(&["json", "name", "wide", "yaml"]);
            for t in ["jsonpath=", "custom-columns=", "go-template="] {
                list.push(Completion { text: t.into(), note: String::new(), done: false });
            }
            list
        }
        "filename" => {
            let files: Vec<String> = ctx.files.keys().cloned().collect();
            files.into_iter().map(|f| word(f, "file")).collect()
        }
        "dry-run" => plain(&["client", "none", "server"]),
        "cascade" => plain(&["background", "foreground", "orphan"]),
        "container" => containers(rest, ctx).into_iter().map(|n| word(n, "container")).collect(),
        "for" if current.is_empty() || "condition=".starts_with(current) || "delete".starts_with(current) => vec![
            Completion { text: "condition=".into(), note: String::new(), done: false },
            word("delete", ""),
            word("create", ""),
            Completion { text: "jsonpath=".into(), note: String::new(), done: false },
        ],
        "type" => plain(&["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
        "restart" => plain(&["Always", "OnFailure", "Never"]),
        _ => vec![],
    }
}

/// Labels of the objects that are asked for, as `key=value`.
fn labels(current: &str, rest: &[String], ctx: &mut Context) -> Vec<Completion> {
    let (done, _) = current.rsplit_once(',').map_or(("", current), |(d, l)| (d, l));
    let kinds: Vec<String> = rest.iter().filter(|w| !w.starts_with('-')).cloned().collect();
    let ns = namespace(rest, ctx);
    let Some(r) = kinds
        .iter()
        .find_map(|k| resolve(k.split(',').next().unwrap_or_default(), ctx))
        .or_else(|| kinds::resolve("pods"))
    else {
        return vec![];
    };
    let list = ctx.api.request(Request::get(r.path(ns.as_deref(), None))).ok().unwrap_or_default();
    let mut found = std::collections::BTreeSet::new();
    for o in list["items"].as_array().into_iter().flatten() {
        let own = o["metadata"]["labels"].as_object().into_iter().flatten();
        found.extend(own.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())));
    }
    let before = if done.is_empty() { String::new() } else { format!("{done},") };
    found.into_iter().map(|l| word(format!("{before}{l}"), "label")).collect()
}

/// Revisions of the rollout of what a line names.
fn revisions(rest: &[String], ctx: &mut Context) -> Vec<String> {
    let words: Vec<&String> = rest.iter().filter(|w| !w.starts_with('-')).collect();
    let named = words.iter().find_map(|w| w.split_once('/')).map(|(k, n)| (k.to_owned(), n.to_owned()));
    let Some((kind, name)) = named.or_else(|| Some((words.first()?.to_string(), words.get(1)?.to_string()))) else {
        return vec![];
    };
    let history = match resolve(&kind, ctx).map(|r| r.kind) {
        Some("Deployment") => "replicasets",
        Some("DaemonSet" | "StatefulSet") => "controllerrevisions",
        _ => return vec![],
    };
    let ns = namespace(rest, ctx);
    let Some(r) = kinds::resolve(history) else { return vec![] };
    let list = ctx.api.request(Request::get(r.path(ns.as_deref(), None))).ok().unwrap_or_default();
    let mine = |o: &&Value| {
        o["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|w| w["name"] == name.as_str())
    };
    let number = |o: &Value| {
        let told = o["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str().map(str::to_owned);
        told.or_else(|| o["revision"].as_i64().map(|n| n.to_string()))
    };
    list["items"].as_array().into_iter().flatten().filter(mine).filter_map(number).collect()
}

fn containers(rest: &[String], ctx: &mut Context) -> Vec<String> {
    let ns = namespace(rest, ctx).unwrap_or_else(|| "default".into());
    let Some(pods) = kinds::resolve("pods") else { return vec![] };
    let pod = rest.iter().filter(|w| !w.starts_with('-')).find_map(|w| {
        let name = w.strip_prefix("pod/").or_else(|| w.strip_prefix("pods/")).unwrap_or(w);
        ctx.api.request(Request::get(pods.path(Some(&ns), Some(name)))).ok().ok()
    });
    let Some(pod) = pod else { return vec![] };
    ["containers", "initContainers"]
        .iter()
        .flat_map(|k| pod["spec"][*k].as_array().cloned().unwrap_or_default())
        .map(|c| c["name"].as_str().unwrap_or_default().to_string())
        .collect()
}

fn resource_types(ctx: &Context) -> Vec<Completion> {
    let custom = ctx.api.custom_resources();
    RESOURCES
        .iter()
        .chain(custom.iter().copied())
        .filter(|r| r.support != Support::NotYet && r.verbs.contains(&"get"))
        .map(|r| word(r.plural, r.short_names.join(", ")))
        .collect()
}

fn arguments(
    command: &Command,
    path: &str,
    args: &[String],
    current: &str,
    rest: &[String],
    ctx: &mut Context,
) -> Vec<Completion> {
    let parent = path.split(' ').nth(1).unwrap_or_default();
    let only: &[&str] = match (parent, command.name) {
        ("rollout", _) => &["deployments", "daemonsets", "statefulsets"],
        ("set", "image" | "env" | "resources") => &["deployments", "daemonsets", "statefulsets", "pods", "cronjobs"],
        ("scale" | "autoscale", _) => &["deployments", "replicasets", "statefulsets"],
        ("expose", _) => &["deployments", "pods", "replicasets", "services"],
        ("get" | "describe" | "delete" | "edit" | "label" | "annotate" | "patch" | "wait" | "taint" | "set", _) => &[],
        ("logs" | "exec" | "attach" | "port-forward" | "cp" | "debug", _) => {
            if let Some((kind, _)) = current.split_once('/') {
                return slashed(kind, rest, ctx);
            }
            if args.is_empty() {
                return names("pods", rest, ctx).into_iter().map(|n| word(n, "pod")).collect();
            }
            if parent == "logs" {
                return containers(rest, ctx).into_iter().map(|n| word(n, "container")).collect();
            }
            return vec![];
        }
        ("cordon" | "uncordon" | "drain", _) => {
            return names("nodes", rest, ctx).into_iter().map(|n| word(n, "node")).collect();
        }
        ("explain", _) => return explain(current, ctx),
        ("config", "use-context" | "set-context" | "get-contexts") => {
            return vec![word(ctx.session.context.clone(), "")];
        }
        ("top", _) => {
            return ["nodes", "pods"].iter().map(|t| word(*t, "")).collect();
        }
        _ => return vec![],
    };
    if let Some((kind, _)) = current.split_once('/') {
        return slashed(kind, rest, ctx);
    }
    match args.first() {
        Some(kind) if !kind.contains('/') => {
            let kind = kind.split(',').next().unwrap_or_default();
            let taken = &args[1..];
            names(kind, rest, ctx).into_iter().filter(|n| !taken.contains(n)).map(|n| word(n, kind)).collect()
        }
        _ => match current.rsplit_once(',') {
            // TYPE1,TYPE2
            Some((done, _)) => {
                types(only, ctx).into_iter().map(|c| word(format!("{done},{}", c.text), c.note)).collect()
            }
            None => types(only, ctx),
        },
    }
}

fn types(only: &[&str], ctx: &Context) -> Vec<Completion> {
    let mut list = resource_types(ctx);
    if only.is_empty() {
        list.push(word("all", "what people look at most"));
    } else {
        list.retain(|c| only.contains(&c.text.as_str()));
    }
    list
}

fn slashed(kind: &str, rest: &[String], ctx: &mut Context) -> Vec<Completion> {
    names(kind, rest, ctx).into_iter().map(|n| word(format!("{kind}/{n}"), "")).collect()
}

/// `pod.spec.cont…`
fn explain(current: &str, ctx: &mut Context) -> Vec<Completion> {
    let Some((done, _)) = current.rsplit_once('.') else { return resource_types(ctx) };
    let (name, fields) = done.split_once('.').unwrap_or((done, ""));
    let all = schema::schema();
    let Some(root) = kinds::resolve(name).and_then(|r| all.kind(&r.api_version(), r.kind)) else {
        let Some(root) = resolve(name, ctx).and_then(|r| custom::schema_of(r, ctx).ok()) else { return vec![] };
        let path: Vec<&str> = fields.split('.').filter(|p| !p.is_empty()).collect();
        let here = custom::at(&root, &path).map(custom::fields).unwrap_or_default();
        let show =
            |(name, _): (&str, &Value)| Completion { text: format!("{done}.{name}"), note: String::new(), done: false };
        return here.into_iter().map(show).collect();
    };
    let short = |t: &str| t.split(['\n', '.']).next().unwrap_or_default().to_string();
    let list = all.children(root, fields);
    list.into_iter()
        .map(|f| Completion { text: format!("{done}.{}", f.name), note: short(f.description()), done: false })
        .collect()
}
