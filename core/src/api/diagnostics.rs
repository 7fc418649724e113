//! What is wrong in a manifest, and where, as an editor shows it: everything that can be told without a cluster and
//! without the kinds' own rules (those are [`crate::view::diagnose`]'s). In kubectl's words where it has some.
//!
//! Lines and columns count from 1; columns are UTF-16 units. Never fails: a text of any kind has diagnostics.

use super::kinds::{self, Support};
use super::schema::{judge, schema};
use super::support;
use super::yaml::{self, Document, Mark, Span};
use serde_json::Value;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// The document would be refused.
    #[default]
    Error,
    /// It would be applied, with something lost or doubtful.
    Warning,
    /// Worth knowing.
    Info,
}

/// Something to tell about one line of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: u32,
    /// Where it begins, in UTF-16 units from 1; 0 with [`Self::end_column`] 0: the whole line.
    pub column: u32,
    /// Behind where it ends.
    pub end_column: u32,
    /// How much it matters.
    pub severity: Severity,
    /// In kubectl's words.
    pub message: String,
}

/// Of a document more is not told.
const MOST: usize = 100;

/// A document with what is to be told of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The document.
    pub document: Document,
    /// By line.
    pub found: Vec<Diagnostic>,
}

impl Checked {
    /// Would the document be refused?
    pub fn is_refused(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Tells about the field at a path, or about the nearest thing around it that is there; the same only once.
    pub fn tell(&mut self, lines: &Lines, path: &str, at: At, severity: Severity, message: impl Into<String>) {
        let (line, column, end_column) = lines.field(&self.document, path, at);
        let new = Diagnostic { line, column, end_column, severity, message: message.into() };
        if self.found.len() < MOST && !self.found.contains(&new) {
            self.found.push(new);
        }
    }
}

/// Which part of a field is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Its name.
    Key,
    /// What it says; its name, if that has several lines.
    Value,
}

/// The lines of a text, to find places in.
#[derive(Debug)]
pub struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    /// Of a text.
    pub fn new(text: &'a str) -> Self {
        Lines(text.split('\n').map(|l| l.trim_end_matches('\r')).collect())
    }

    /// Line and column of a mark.
    pub fn place(&self, at: Mark) -> (u32, u32) {
        let line = at.line.min(self.0.len().saturating_sub(1));
        let text = self.0.get(line).copied().unwrap_or_default();
        let column: usize = text.chars().take(at.column).map(char::len_utf16).sum();
        (line as u32 + 1, column as u32 + 1)
    }

    /// The line at or before another one (from 0) that says something, from 1: what is missing at the end of a text is
    /// told of where the text ends.
    fn last(&self, line: usize) -> u32 {
        let shown = self.0.iter().take(line + 1).rposition(|l| !l.trim().is_empty());
        shown.unwrap_or_default() as u32 + 1
    }

    /// Behind the last character of a line (from 0) that is no space.
    fn end(&self, line: usize) -> u32 {
        let text = self.0.get(line).map_or("", |l| l.trim_end());
        text.encode_utf16().count() as u32 + 1
    }

    /// From one mark to another, or to the end of the line; never nothing.
    fn stretch(&self, from: Mark, to: Mark) -> (u32, u32, u32) {
        let (line, column) = self.place(from);
        let end = if to.line == from.line && to > from { self.place(to).1 } else { self.end(from.line) };
        (line, column, end.max(column + 1))
    }

    /// The line of a document that says something first.
    fn first(&self, document: &Document) -> (u32, u32, u32) {
        let from = document.start_line;
        let idle = |l: &&&str| l.trim().is_empty() || l.starts_with("---") || l.trim_start().starts_with('#');
        let skip = self.0.iter().skip(from).take_while(idle).count();
        let line = (from + skip).min(self.0.len().saturating_sub(1));
        (line as u32 + 1, 0, 0)
    }

    /// The field at a path, or the nearest thing around it that is there.
    pub fn field(&self, document: &Document, path: &str, at: At) -> (u32, u32, u32) {
        let mut rest = path;
        while !rest.is_empty() {
            if let Some(Span { key_start, key_end, start, end }) = document.locate(rest) {
                // of what is missing only the parent's name can be meant
                let value = at == At::Value && rest.len() == path.len() && start.line == end.line && start < end;
                return if value { self.stretch(start, end) } else { self.stretch(key_start, key_end) };
            }
            rest = rest.rfind(['.', '[']).map_or("", |i| &rest[..i]);
        }
        self.first(document)
    }
}

/// What is wrong in a text of one or more documents, by line.
pub fn check_manifest(text: &str) -> Vec<Diagnostic> {
    let (documents, rest) = check(text);
    documents.into_iter().flat_map(|d| d.found).chain(rest).collect()
}

/// As [`check_manifest`], by document; and why reading stopped, if it did.
pub fn check(text: &str) -> (Vec<Checked>, Option<Diagnostic>) {
    let lines = Lines::new(text);
    let manifest = yaml::read(text);
    let documents = manifest.documents.into_iter().map(|d| check_document(d, &lines)).collect();
    let rest = manifest.error.map(|e| {
        let line = lines.last(e.at.line);
        Diagnostic { line, message: e.message, ..Diagnostic::default() }
    });
    (documents, rest)
}

fn check_document(document: Document, lines: &Lines) -> Checked {
    let mut checked = Checked { document, found: vec![] };
    for d in checked.document.duplicates.iter().take(MOST) {
        let text = lines.0.get(d.at.line).copied().unwrap_or_default();
        let key = text.chars().skip(d.at.column).take_while(|c| *c != ':').count();
        let (line, column, end_column) = lines.stretch(d.at, Mark { column: d.at.column + key, ..d.at });
        let message = d.message.clone();
        checked.found.push(Diagnostic { line, column, end_column, severity: Severity::Warning, message });
    }
    for (path, object) in objects(&checked.document.value) {
        check_object(&mut checked, lines, &path, &object);
    }
    checked.found.sort_by_key(|d| (d.line, d.column));
    checked
}

/// The objects of a document with their paths: itself, or the items of a List.
pub fn objects(value: &Value) -> Vec<(String, Value)> {
    match value.get("items") {
        Some(Value::Array(items)) if value["kind"] == "List" => {
            items.iter().enumerate().map(|(i, item)| (format!("items[{i}]"), item.clone())).collect()
        }
        _ => vec![(String::new(), value.clone())],
    }
}

/// A path below another one.
pub fn join(root: &str, path: &str) -> String {
    match (root.is_empty(), path.is_empty()) {
        (true, _) => path.to_owned(),
        (_, true) => root.to_owned(),
        _ => format!("{root}.{path}"),
    }
}

fn check_object(checked: &mut Checked, lines: &Lines, root: &str, object: &Value) {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let missing = match (object.is_object(), text("kind").is_empty(), text("apiVersion").is_empty()) {
        (false, ..) => Some("invalid object to validate"),
        (_, true, true) => Some("[apiVersion not set, kind not set]"),
        (_, true, _) => Some("kind not set"),
        (_, _, true) => Some("apiVersion not set"),
        _ => None,
    };
    if let Some(what) = missing {
        let key = if text("kind").is_empty() { "kind" } else { "apiVersion" };
        let path = join(root, key);
        return checked.tell(lines, &path, At::Value, Severity::Error, format!("error validating data: {what}"));
    }
    let (kind, version) = (text("kind"), text("apiVersion"));
    let at_kind = join(root, "kind");
    let Some(info) = kinds::by_kind(version, kind) else {
        let message = format!("no matches for kind {kind:?} in version {version:?}");
        return checked.tell(lines, &at_kind, At::Value, Severity::Error, message);
    };
    if info.support == Support::NotYet {
        let message = format!("{kind} ({version}) is not simulated yet");
        checked.tell(lines, &at_kind, At::Value, Severity::Error, message);
    }
    if let Some(ty) = schema().of(info) {
        match judge(ty, object.clone()) {
            Err(failure) => {
                checked.tell(lines, &join(root, &failure.path), At::Value, Severity::Error, failure.message);
            }
            Ok(decoded) => {
                for unknown in &decoded.unknown {
                    let path = unknown.strip_prefix("unknown field \"").and_then(|p| p.strip_suffix('"'));
                    let message = format!("strict decoding error: {unknown}");
                    checked.tell(lines, &join(root, path.unwrap_or_default()), At::Key, Severity::Error, message);
                }
            }
        }
    }
    if info.support == Support::Stored {
        let message = format!("accepted, not simulated: kind ({})", support::STORED);
        checked.tell(lines, &at_kind, At::Value, Severity::Info, message);
    }
    if info.support == Support::Simulated {
        for (path, note) in support::not_simulated(kind, object) {
            let message = format!("accepted, not simulated: {path} ({note})");
            checked.tell(lines, &join(root, &path), At::Key, Severity::Info, message);
        }
    }
}

/// Findings as tests compare them: where, how bad, what.
#[cfg(test)]
pub(crate) fn shown(found: &[Diagnostic]) -> String {
    let line = |d: &Diagnostic| format!("{}:{}-{} {:?} {}\n", d.line, d.column, d.end_column, d.severity, d.message);
    found.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn judged(text: &str, wanted: Expect) {
        wanted.assert_eq(&shown(&check_manifest(text)));
    }

    #[test]
    fn what_kubectl_would_say_stands_where_it_belongs() {
        judged(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replica: 3\n  replicas: two\n",
            expect![[r#"
                7:13-16 Error json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32
            "#]],
        );
        judged(
            "# 파드\napiVersion: v1\nkind: Pod\nmetadata: {name: a, name: b}\nspec:\n  containers:\n  - {name: '🦀', imige: x}\n  hostPID: true\n",
            expect![[r#"
                4:21-25 Warning line 4: key "name" already set in map
                7:18-23 Error strict decoding error: unknown field "spec.containers[0].imige"
                8:3-10 Info accepted, not simulated: spec.hostPID (containers see no other processes)
            "#]],
        );
        judged(
            "kind: Pod\n",
            expect![[r#"
            1:0-0 Error error validating data: apiVersion not set
        "#]],
        );
        judged(
            "a: b\n---\n- x\n",
            expect![[r#"
            1:0-0 Error error validating data: [apiVersion not set, kind not set]
            3:0-0 Error error validating data: invalid object to validate
        "#]],
        );
        judged(
            "apiVersion: v1\nkind: Deployment\n---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\n",
            expect![[r#"
            2:7-17 Error no matches for kind "Deployment" in version "v1"
            5:7-19 Info accepted, not simulated: kind (stored, and nothing acts on it)
        "#]],
        );
        judged(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: [\n",
            expect![[r#"
                4:0-0 Error error converting YAML to JSON: yaml: line 4: did not find expected node content
            "#]],
        );
        judged(
            "{\"apiVersion\": \"v1\",\n \"kind\": \"Pod\", \"spek\": {}}",
            expect![[r#"
            1:0-0 Error strict decoding error: unknown field "spek"
        "#]],
        );
    }
}
