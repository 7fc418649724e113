//! Help while typing, for a page: what is wrong in a manifest (in kubectl's words, and where), what a terminal line
//! or a manifest may go on with. Everything is asked of a copy of the cluster: nothing here changes a session.

use crate::api::kinds::{self, RESOURCES};
use crate::api::yaml;
use crate::cluster::Cluster;
use crate::kubectl::{self, command};
use crate::store::{Key, Kind};
use crate::world::WorldApi;
use std::collections::BTreeMap;

/// A problem in a manifest. Lines and columns count from 1 and in UTF-16 units; a column of 0 means the whole line,
/// an end line of 0 the end of the line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// Where it begins.
    pub line: u32,
    /// Where it begins.
    pub column: u32,
    /// Where it ends.
    pub end_line: u32,
    /// Where it ends.
    pub end_column: u32,
    /// Worth knowing, but it would be applied.
    pub warning: bool,
    /// In kubectl's words.
    pub message: String,
}

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

/// A place of a text for a page: characters become UTF-16 units.
fn place(lines: &[&str], at: yaml::Mark) -> (u32, u32) {
    let line = at.line.min(lines.len().saturating_sub(1));
    let text = lines.get(line).copied().unwrap_or("");
    let column: usize = text.chars().take(at.column).map(char::len_utf16).sum();
    (line as u32 + 1, column as u32 + 1)
}

/// What is wrong in a manifest: each document is applied to a copy of the cluster, strictly, and what comes back is
/// put where it belongs.
pub fn lint(cluster: &Cluster, text: &str) -> Vec<Problem> {
    if text.trim().is_empty() || text.len() > LINT_MOST {
        return vec![];
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let manifest = yaml::read(text);
    let mut out = vec![];
    for document in manifest.documents.iter().take(DOCUMENTS_MOST) {
        for d in &document.duplicates {
            let (line, column) = place(&lines, d.at);
            out.push(Problem { line, column, warning: true, message: d.message.clone(), ..Problem::default() });
        }
        let Ok(json) = serde_json::to_string(&document.value) else { continue };
        let mut sim = cluster.world.sim.clone();
        let mut api = WorldApi { sim: &mut sim, kubelets: &cluster.world.kubelets };
        let (mut files, mut session) = (BTreeMap::new(), cluster.world.terminals.session(0));
        let mut ctx = kubectl::Context::new(&mut api, &mut files, &mut session);
        ctx.stdin = Some(json);
        let output = kubectl::run("kubectl apply --dry-run=server -f -", &mut ctx);
        for message in output.stderr.lines().filter(|l| !l.trim().is_empty()) {
            let warning = message.starts_with("Warning:");
            if warning && message.contains("last-applied-configuration") {
                continue;
            }
            let message = shorten(message);
            let parts = split_causes(&message);
            for part in parts {
                let mut problem = Problem { warning, message: part.clone(), ..Problem::default() };
                match locate(document, &part) {
                    Some((span, key)) => {
                        let (from, to) = if key { (span.key_start, span.key_end) } else { (span.start, span.end) };
                        (problem.line, problem.column) = place(&lines, from);
                        (problem.end_line, problem.end_column) = place(&lines, to);
                    }
                    None => problem.line = first_line(&lines, document.start_line),
                }
                if !out.contains(&problem) {
                    out.push(problem);
                }
            }
        }
    }
    if let Some(e) = &manifest.error {
        let (line, _) = place(&lines, e.at);
        out.push(Problem { line, message: e.message.clone(), ..Problem::default() });
    }
    out
}

/// The line on which something stands, from `line` on.
fn first_line(lines: &[&str], line: usize) -> u32 {
    let skip = lines.iter().skip(line).take_while(|l| l.trim().is_empty() || l.starts_with("---")).count();
    (line + skip).min(lines.len().saturating_sub(1)) as u32 + 1
}

/// Takes off what only matters on a command line.
fn shorten(message: &str) -> String {
    let mut text = message;
    for prefix in
        ["Error from server (BadRequest): ", "error when creating \"STDIN\": ", "error validating \"STDIN\": "]
    {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    if let Some((_, rest)) = text.split_once("\": ")
        && text.starts_with("error when ")
    {
        text = rest;
    }
    text.trim_start_matches("* ").to_owned()
}

/// Several causes in one line, each by itself: `strict decoding error: unknown field "a", unknown field "b"`.
fn split_causes(message: &str) -> Vec<String> {
    if let Some((head, causes)) = message.split_once("strict decoding error: ") {
        let _ = head;
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

/// Where in a document a message points to, by the first path in it that leads somewhere; true: its key is meant.
fn locate(document: &yaml::Document, message: &str) -> Option<(yaml::Span, bool)> {
    let words = message.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '(' | ')' | '\'' | '{' | '}'));
    let about_key = message.contains("unknown field") || message.contains("Required value");
    for word in words {
        let word = word.trim_end_matches([':', '.', ';']);
        if word.is_empty() || !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let mut path = word;
        // What is missing has no place: its parent has.
        let mut parent = false;
        while !path.is_empty() && (path.contains('.') || path.contains('[') || !parent) {
            if let Some(span) = document.locate(path) {
                let plausible = path.contains(['.', '['])
                    || about_key
                    || ["metadata", "spec", "kind", "apiVersion"].contains(&path);
                if plausible {
                    return Some((span, about_key || parent));
                }
                break;
            }
            parent = true;
            match path.rfind(['.', '[']) {
                Some(i) => path = &path[..i],
                None => break,
            }
        }
    }
    None
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
        return (from, starts(strings(&["kubectl", "clear", "ls", "cat", "help"])));
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
        (_, []) => {
            if offers.is_empty() || command.subs.is_empty() {
                offers.extend(RESOURCES.iter().map(|r| r.plural.to_owned()));
                offers.extend(RESOURCES.iter().map(|r| r.singular.to_owned()));
                offers.extend(strings(&["deployment/", "pod/", "service/", "node/"]));
            }
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

/// Where the word at a byte offset of a manifest begins, and what it may become.
pub fn complete_manifest(cluster: &Cluster, text: &str, at: usize) -> Option<(usize, Vec<Candidate>)> {
    let _ = (cluster, Key::new("", ""));
    let head = text.get(..at)?;
    let line = head.rsplit('\n').next().unwrap_or("");
    let from = at - line.rsplit([' ', ':']).next().unwrap_or("").len();
    let word = &head[from..];
    let key = line.trim_start().trim_start_matches("- ");
    let list: Vec<Candidate> = if let Some(rest) = key.strip_prefix("kind:") {
        let _ = rest;
        RESOURCES
            .iter()
            .filter(|r| r.kind.starts_with(word))
            .map(|r| Candidate { label: r.kind.to_owned(), detail: r.api_version(), ..Candidate::default() })
            .collect()
    } else if key.starts_with("apiVersion:") {
        let mut versions: Vec<String> = RESOURCES.iter().map(|r| r.api_version()).collect();
        versions.sort();
        versions.dedup();
        versions
            .into_iter()
            .filter(|v| v.starts_with(word))
            .map(|v| Candidate { label: v, ..Candidate::default() })
            .collect()
    } else {
        vec![]
    };
    (!list.is_empty()).then_some((from, list))
}

/// What the word at a byte offset of a manifest means.
pub fn hover(cluster: &Cluster, text: &str, at: usize) -> Option<String> {
    let _ = (cluster, text, at);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_stands_where_it_is() {
        let c = Cluster::with_nodes(1, 1);
        let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: a\n    image: nginx\n    imige: x\n";
        let found = lint(&c, text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].line, found[0].column, found[0].end_column), (9, 5, 10));
        assert!(found[0].message.contains("unknown field \"spec.containers[0].imige\""), "{found:?}");
        assert!(lint(&c, &text.replace("    imige: x\n", "")).is_empty());
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
}
