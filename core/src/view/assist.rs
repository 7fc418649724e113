//! Help while typing, for a page: what is wrong in a manifest (in kubectl's words, and where), what a terminal line
//! or a manifest may go on with. Everything is asked of a copy of the cluster: nothing here changes a session.

use crate::api::diagnostics::{At, Lines};
pub use crate::api::diagnostics::{Diagnostic, Severity};
use crate::api::kinds::{self, RESOURCES};
use crate::api::schema::{Type, explain, schema};
use crate::api::support;
use crate::api::yaml;
use crate::cluster::Cluster;
use crate::kubectl::{self, command};
use crate::store::Kind;
use crate::view::diagnose;
use crate::world::WorldApi;
use std::collections::BTreeMap;

/// Something that a word may become.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// As it is shown.
    pub label: String,
    /// Its type, in short.
    pub detail: String,
    /// What it means.
    pub info: String,
    /// What is inserted, where that is more than the label.
    pub insert: String,
}

/// Texts longer than this are not checked while they are typed.
const LINT_MOST: usize = 200_000;
/// Documents that are checked while they are typed.
const DOCUMENTS_MOST: usize = 60;

/// What is wrong in a manifest: what [`diagnose`] tells, and of each document that passes what this cluster would
/// answer: it is applied to a copy.
pub fn lint(cluster: &Cluster, text: &str) -> Vec<Diagnostic> {
    if text.trim().is_empty() || text.len() > LINT_MOST {
        return vec![];
    }
    let lines = Lines::new(text);
    let (mut documents, rest) = diagnose::documents(text);
    for checked in documents.iter_mut().take(DOCUMENTS_MOST).filter(|d| !d.is_refused()) {
        let Ok(json) = serde_json::to_string(&checked.document.value) else { continue };
        let (mut sim, mut kubelets) = (cluster.world.sim.clone(), cluster.world.kubelets.clone());
        let mut api = WorldApi { sim: &mut sim, kubelets: &mut kubelets };
        let (mut files, mut session) = (BTreeMap::new(), cluster.world.terminals.session(0));
        let mut ctx = kubectl::Context::new(&mut api, &mut files, &mut session);
        ctx.stdin = Some(json);
        let output = kubectl::run("kubectl apply --dry-run=server -f -", &mut ctx);
        for message in output.stderr.lines().filter(|l| !l.trim().is_empty()) {
            let warning = message.starts_with("Warning:");
            if warning && message.contains("last-applied-configuration") {
                continue;
            }
            let severity = if warning { Severity::Warning } else { Severity::Error };
            for part in split_causes(&shorten(message)) {
                // a warning of the kind itself has been told of
                if checked.found.iter().any(|d| d.message == part) {
                    continue;
                }
                let (path, at) = locate(&checked.document, &part);
                checked.tell(&lines, &path, at, severity, part);
            }
        }
    }
    documents.into_iter().flat_map(|d| d.found).chain(rest).collect()
}

/// A field that is accepted and not acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacted {
    /// `deployment/web`
    pub object: String,
    /// The field.
    pub path: String,
    /// What is so instead: a note of [`crate::api::support::FIELDS`].
    pub note: &'static str,
}

/// The fields of a manifest that are accepted and not acted on, object by object.
pub fn not_simulated(text: &str) -> Vec<Unacted> {
    let mut out = vec![];
    for document in yaml::read(text).documents.iter().take(DOCUMENTS_MOST) {
        for (_, object) in crate::api::diagnostics::objects(&document.value) {
            let word = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
            let (version, kind) = (word(&object["apiVersion"]), word(&object["kind"]));
            let Some(info) = kinds::by_kind(&version, &kind).filter(|i| i.support != kinds::Support::NotYet) else {
                continue;
            };
            let name = format!("{}/{}", info.singular, word(&object["metadata"]["name"]));
            if info.support == kinds::Support::Stored {
                out.push(Unacted { object: name.clone(), path: "kind".into(), note: support::STORED });
            }
            for (path, note) in support::not_simulated(&kind, &object) {
                out.push(Unacted { object: name.clone(), path, note });
            }
        }
    }
    out
}

/// Path and note of a diagnostic that tells of a field that is accepted and not acted on.
pub fn unacted(d: &Diagnostic) -> Option<(&str, &str)> {
    let rest = d.message.strip_prefix("accepted, not simulated: ")?;
    let (path, note) = rest.split_once(" (")?;
    Some((path, note.strip_suffix(')')?))
}

/// Takes off what only matters on a command line.
fn shorten(message: &str) -> String {
    let mut text = message;
    if let Some((_, rest)) = text.strip_prefix("Error from server (").and_then(|t| t.split_once("): ")) {
        text = rest;
    }
    if let Some((_, rest)) = text.split_once("\": ")
        && (text.starts_with("error when ") || text.starts_with("error validating \""))
    {
        text = rest;
    }
    text.trim_start_matches("* ").to_owned()
}

/// Several causes in one line, each by itself: `strict decoding error: unknown field "a", unknown field "b"`.
fn split_causes(message: &str) -> Vec<String> {
    if let Some((_, causes)) = message.split_once("strict decoding error: ") {
        return causes.split(", ").map(|c| format!("strict decoding error: {c}")).collect();
    }
    if let Some((head, causes)) = message.split_once(" is invalid: ") {
        let inner = causes.trim();
        if let Some(list) = inner.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            return list
                .split(", spec")
                .enumerate()
                .map(|(i, c)| {
                    let c = if i == 0 { c.to_owned() } else { format!("spec{c}") };
                    format!("{head} is invalid: {c}")
                })
                .collect();
        }
    }
    vec![message.to_owned()]
}

/// What in a document a message points to: the first path in it that leads somewhere, at least its beginning.
fn locate(document: &yaml::Document, message: &str) -> (String, At) {
    let words = message.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '(' | ')' | '\'' | '{' | '}'));
    let about_key = message.contains("unknown field") || message.contains("Required value");
    let at = if about_key { At::Key } else { At::Value };
    for word in words {
        let word = word.trim_end_matches([':', '.', ';']);
        if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let deep = word.contains(['.', '[']);
        let top = word.split(['.', '[']).next().unwrap_or_default();
        let plausible = deep || about_key || ["metadata", "spec", "kind", "apiVersion"].contains(&word);
        if plausible && document.locate(top).is_some() {
            return (word.to_owned(), at);
        }
    }
    (String::new(), at)
}

/// Where the last word of a terminal line begins (a byte offset), and what it may become, in order.
pub fn complete_line(cluster: &Cluster, line: &str, files: &[String]) -> (usize, Vec<String>) {
    let from = line.rfind(|c: char| c.is_whitespace() || c == '|').map_or(0, |i| i + 1);
    let word = &line[from..];
    let stage = line[..from].rsplit('|').next().unwrap_or("");
    let before: Vec<&str> = stage.split_whitespace().collect();
    let starts = |list: Vec<String>| -> Vec<String> {
        let mut list: Vec<String> = list.into_iter().filter(|w| w.starts_with(word)).collect();
        list.sort();
        list.dedup();
        list
    };
    let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    if before.is_empty() {
        return (from, starts(strings(&["kubectl", "kubarium", "clear", "ls", "cat", "help"])));
    }
    if before[0] == "kubarium" {
        let words: Vec<String> = before[1..].iter().map(|w| (*w).to_owned()).collect();
        let clients: Vec<&str> = cluster.world.sim.network.clients.iter().map(|c| c.spec.name.as_str()).collect();
        let controllers: Vec<&str> = crate::sim::Component::ALL
            .into_iter()
            .filter(|c| c.is_controller())
            .map(crate::sim::Component::controller_name)
            .collect();
        let namespace = cluster.world.terminals.session(0).namespace().to_owned();
        let mut of = |resource: &str| of_kind(cluster, resource, &namespace);
        let found = crate::kubectl::kubarium::offers(&words, word, &clients, &controllers, &mut of);
        return (from, starts(found.into_iter().map(|c| c.text).collect()));
    }
    if !matches!(before[0], "kubectl" | "k") {
        return (from, starts(files.to_vec()));
    }
    let args = &before[1..];
    let last = args.last().copied().unwrap_or("");
    match last {
        "-f" | "--filename" => return (from, starts(files.to_vec())),
        "-n" | "--namespace" => return (from, starts(names(cluster, Kind::Namespace, ""))),
        "-o" | "--output" => {
            return (from, starts(strings(&["wide", "yaml", "json", "name", "jsonpath=", "custom-columns="])));
        }
        _ => {}
    }
    if args.is_empty() {
        return (from, starts(command::COMMANDS.iter().map(|c| c.name.to_owned()).collect()));
    }
    let Some(command) = command::COMMANDS.iter().find(|c| c.is(args[0])) else { return (from, vec![]) };
    let positional: Vec<&str> = args[1..].iter().copied().filter(|a| !a.starts_with('-')).collect();
    let (command, positional) = match positional.first().and_then(|p| command.subs.iter().find(|s| s.is(p))) {
        Some(sub) => (sub, &positional[1..]),
        None => (*command, &positional[..]),
    };
    if word.starts_with('-') {
        return (from, starts(command.all_flags().map(|f| format!("--{}", f.name)).collect()));
    }
    let mut offers = vec![];
    if positional.is_empty() {
        offers.extend(command.subs.iter().map(|s| s.name.to_owned()));
    }
    let namespace = args
        .windows(2)
        .find(|w| matches!(w[0], "-n" | "--namespace"))
        .map_or_else(|| cluster.world.terminals.session(0).namespace().to_owned(), |w| w[1].to_owned());
    if let Some((resource, _)) = word.split_once('/') {
        offers.extend(of_kind(cluster, resource, &namespace).into_iter().map(|n| format!("{resource}/{n}")));
        return (from, starts(offers));
    }
    match (command.name, positional) {
        ("logs" | "exec" | "port-forward" | "attach" | "debug", []) => {
            offers.extend(names(cluster, Kind::Pod, &namespace));
        }
        ("cordon" | "uncordon" | "drain", _) => offers.extend(names(cluster, Kind::Node, "")),
        ("apply" | "run" | "diff" | "replace" | "create", _) => {}
        (_, []) if offers.is_empty() || command.subs.is_empty() => {
            offers.extend(RESOURCES.iter().map(|r| r.plural.to_owned()));
            offers.extend(RESOURCES.iter().map(|r| r.singular.to_owned()));
            offers.extend(strings(&["deployment/", "pod/", "service/", "node/"]));
        }
        (_, [resource, ..]) if !resource.contains('/') => {
            let resource = resource.split(',').next().unwrap_or(resource);
            offers.extend(of_kind(cluster, resource, &namespace));
        }
        _ => {}
    }
    (from, starts(offers))
}

fn of_kind(cluster: &Cluster, resource: &str, namespace: &str) -> Vec<String> {
    kinds::resolve(resource).and_then(Kind::of_info).map_or_else(Vec::new, |kind| names(cluster, kind, namespace))
}

/// Names of the objects of a kind.
fn names(cluster: &Cluster, kind: Kind, namespace: &str) -> Vec<String> {
    let scope = kind.info().namespaced.then_some(namespace);
    cluster.world.sim.store.list(kind, scope).take(500).map(|o| o.key().name.to_string()).collect()
}

/// A place in a manifest, by its indentation: what is typed there may not be valid YAML yet.
struct Spot<'a> {
    /// `apiVersion` and `kind` of the document.
    kind: (String, String),
    /// Field names from the document down to where the word stands.
    path: Vec<String>,
    /// The key of the line, if the word stands behind it.
    key: Option<&'a str>,
    /// Where the word begins (a byte offset).
    from: usize,
    /// The word up to the place.
    word: &'a str,
}

/// The column of a line's key behind its dashes, and the key.
fn key_of(line: &str) -> Option<(usize, &str)> {
    let mut rest = line;
    let mut column = 0;
    loop {
        let trimmed = rest.trim_start_matches(' ');
        column += rest.len() - trimmed.len();
        match trimmed.strip_prefix("- ") {
            Some(r) => {
                column += 2;
                rest = r;
            }
            None => {
                let (key, _) = trimmed.split_once(':')?;
                return (!key.starts_with('#') && !key.is_empty()).then_some((column, key.trim_matches(['"', '\''])));
            }
        }
    }
}

fn spot(text: &str, at: usize) -> Option<Spot<'_>> {
    let head = text.get(..at)?;
    let start = head.rfind("\n---").map_or(0, |i| i + 1);
    let end = text[at..].find("\n---").map_or(text.len(), |i| at + i);
    let top = |name: &str| {
        text[start..end]
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))
            .map(|v| v.trim().trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default()
    };
    let line_start = head.rfind('\n').map_or(0, |i| i + 1);
    let line = &head[line_start..];
    let (key, from) = match line.rfind(": ") {
        Some(i) if !line.trim_start().starts_with('#') => (key_of(line).map(|(_, k)| k), line_start + i + 2),
        _ => {
            let begin = line.rfind([' ', '-']).map_or(0, |i| i + 1);
            (None, line_start + begin)
        }
    };
    let whole_line = text[line_start..].lines().next().unwrap_or("");
    // Behind a key, the path is the key's; at a key, the word's own column counts.
    let mut column = match key {
        Some(_) => key_of(whole_line).map_or(0, |(c, _)| c),
        None => line.len() - line.trim_start_matches([' ', '-']).len(),
    };
    let mut path = vec![];
    for l in text[start..line_start].lines().rev() {
        if column == 0 {
            break;
        }
        let Some((c, k)) = key_of(l) else { continue };
        if c < column {
            path.push(k.to_owned());
            column = c;
        }
    }
    path.reverse();
    Some(Spot { kind: (top("apiVersion"), top("kind")), path, key, from, word: text.get(from..at)?.trim_start() })
}

/// Where the word at a byte offset of a manifest begins, and what it may become: kinds and versions, fields that the
/// schema knows at this place, values of closed sets.
pub fn complete_manifest(cluster: &Cluster, text: &str, at: usize) -> Option<(usize, Vec<Candidate>)> {
    let _ = cluster;
    let spot = spot(text, at)?;
    let plain = |label: String, detail: String| Candidate { label, detail, ..Candidate::default() };
    let mut found: Vec<Candidate> = match (spot.path.is_empty(), spot.key) {
        (true, Some("kind")) => RESOURCES.iter().map(|r| plain(r.kind.to_owned(), r.api_version())).collect(),
        (true, Some("apiVersion")) => {
            let mut versions: Vec<String> = RESOURCES
                .iter()
                .filter(|r| spot.kind.1.is_empty() || r.kind == spot.kind.1)
                .map(|r| r.api_version())
                .collect();
            versions.sort();
            versions.dedup();
            versions.into_iter().map(|v| plain(v, String::new())).collect()
        }
        _ => fields(&spot).unwrap_or_default(),
    };
    found.retain(|c| c.label.starts_with(spot.word) && c.label != spot.word);
    (!found.is_empty()).then_some((spot.from, found))
}

fn fields(spot: &Spot) -> Option<Vec<Candidate>> {
    let schema = schema();
    let empty = (spot.kind.0.is_empty() || spot.kind.1.is_empty()) && spot.path.is_empty() && spot.key.is_none();
    if empty {
        let names = ["apiVersion", "kind", "metadata", "spec"];
        return Some(
            names
                .iter()
                .map(|n| Candidate { label: (*n).into(), insert: format!("{n}: "), ..Candidate::default() })
                .collect(),
        );
    }
    let root = schema.kind(&spot.kind.0, &spot.kind.1)?;
    let names: Vec<&str> = spot.path.iter().map(String::as_str).collect();
    if let Some(key) = spot.key {
        let path: Vec<&str> = names.iter().copied().chain([key]).collect();
        let field = schema.field_at(root, &path)?;
        let mut values = field.values.clone();
        if matches!(field.ty, Type::Bool) {
            values = vec!["true".into(), "false".into()];
        }
        return Some(values.into_iter().map(|v| Candidate { label: v, ..Candidate::default() }).collect());
    }
    let object = explain(schema, root, &names).ok()?.object?;
    let mut list: Vec<Candidate> = object
        .fields
        .values()
        .filter(|f| !(spot.path.is_empty() && f.name == "status"))
        .map(|f| {
            let scalar = schema.object_in(&f.ty).is_none() && !matches!(f.ty, Type::List(_) | Type::Map(_));
            Candidate {
                label: f.name.clone(),
                detail: schema.printed_type(&f.ty) + if f.required { " *" } else { "" },
                info: f.description().to_owned(),
                insert: if scalar { format!("{}: ", f.name) } else { format!("{}:", f.name) },
            }
        })
        .collect();
    // What must be given comes first.
    list.sort_by_key(|c| !c.detail.ends_with('*'));
    Some(list)
}

/// What the field at a byte offset of a manifest means: its path, type and description.
pub fn hover(cluster: &Cluster, text: &str, at: usize) -> Option<String> {
    let _ = cluster;
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].lines().next().unwrap_or("");
    let (column, key) = key_of(line)?;
    let spot = spot(text, line_start + column)?;
    let root = schema().kind(&spot.kind.0, &spot.kind.1)?;
    let path: Vec<&str> = spot.path.iter().map(String::as_str).chain([key]).collect();
    let field = schema().field_at(root, &path)?;
    let required = if field.required { " *" } else { "" };
    Some(format!("{}: {}{required}\n{}", path.join("."), schema().printed_type(&field.ty), field.description()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;

    #[test]
    fn a_problem_stands_where_it_is() {
        let mut c = Cluster::with_nodes(1, 1);
        // pods need the ServiceAccount of their namespace
        c.seek(SimTime(5_000_000));
        let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: a\n    image: nginx\n    imige: x\n";
        let found = lint(&c, text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].line, found[0].column, found[0].end_column), (9, 5, 10));
        assert!(found[0].message.contains("unknown field \"spec.containers[0].imige\""), "{found:?}");
        assert_eq!(lint(&c, &text.replace("    imige: x\n", "")), []);
    }

    #[test]
    fn a_line_goes_on_with_what_there_is() {
        let c = Cluster::with_nodes(2, 1);
        let next = |line: &str| complete_line(&c, line, &["web.yaml".to_owned()]);
        assert_eq!(next("kube"), (0, vec!["kubectl".to_owned()]));
        assert_eq!(next("kubectl get nodes node-"), (18, vec!["node-1".to_owned(), "node-2".to_owned()]));
        assert_eq!(next("kubectl get node/node-2"), (12, vec!["node/node-2".to_owned()]));
        assert_eq!(next("kubectl apply -f w"), (17, vec!["web.yaml".to_owned()]));
    }

    #[test]
    fn fields_are_offered_where_they_belong() {
        let c = Cluster::with_nodes(1, 1);
        let text = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: a\n        imagePu";
        let (from, found) = complete_manifest(&c, text, text.len()).unwrap();
        assert_eq!(&text[from..], "imagePu");
        assert_eq!(found.iter().map(|c| &*c.label).collect::<Vec<_>>(), ["imagePullPolicy"]);
        let values = format!("{text}llPolicy: If");
        let (_, found) = complete_manifest(&c, &values, values.len()).unwrap();
        assert_eq!(found[0].label, "IfNotPresent");
        assert!(
            hover(&c, text, text.find("name").unwrap())
                .unwrap()
                .starts_with("spec.template.spec.containers.name: string")
        );
        let (_, kinds) = complete_manifest(&c, "kind: Depl", 10).unwrap();
        assert_eq!(kinds[0].label, "Deployment");
    }
}
