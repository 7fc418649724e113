//! Manifests as kubectl reads and prints them: YAML 1.1 in several documents, or JSON.
//!
//! [`read`] splits a text at its `---` lines (line numbers in messages count within a document, as kubectl's do),
//! composes each document to a tree with positions and converts it to JSON. Models apimachinery `util/yaml` and
//! sigs.k8s.io/yaml. [`to_yaml`] prints. Untrusted input: size, depth and what aliases expand to are capped. Knows
//! nothing of kinds.

mod compose;
mod convert;
mod guard;
mod print;
mod scalar;

pub use compose::{Mark, Span};
pub use print::{natural_order, to_yaml};

use compose::Tree;
use serde_json::Value;
use std::fmt;

/// Largest text that is read, in bytes.
pub const MAX_SIZE: usize = 3 * 1024 * 1024;
/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 200;

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// As kubectl prints it after `error parsing web.yaml: `, e.g. `error converting YAML to JSON: yaml: line 3: …`.
    pub message: String,
    /// Where in the whole text.
    pub at: Mark,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for YamlError {}

/// One document.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says; never `null`: empty documents are left out.
    pub value: Value,
    /// The line of the text on which the document begins, from 0.
    pub start_line: usize,
    /// Keys that are set twice in a map, in go-yaml's words: `line 3: key "a" already set in map`. kubectl takes the
    /// last one and says nothing.
    pub duplicates: Vec<YamlError>,
    tree: Option<Tree>,
}

impl Document {
    /// Where the key and value at a path like `spec.containers[0].name` stand in the whole text (the empty path: the
    /// document); `None` in JSON texts and for paths that are not there.
    pub fn locate(&self, path: &str) -> Option<Span> {
        self.tree.as_ref()?.locate(path)
    }

    /// The path of the innermost value whose key or list item stands on a line of the whole text (from 0) at or
    /// before a column; empty at the top.
    pub fn path_at(&self, mark: Mark) -> String {
        self.tree.as_ref().map(|t| t.path_at(mark)).unwrap_or_default()
    }
}

/// What was read: the documents up to the first that is wrong, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The documents, in order.
    pub documents: Vec<Document>,
    /// Why reading stopped before the end.
    pub error: Option<YamlError>,
}

/// Reads a text of one or more documents.
pub fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    if text.len() > MAX_SIZE {
        let message = format!("the text has {} bytes; at most {MAX_SIZE} are read", text.len());
        manifest.error = Some(YamlError { message, at: Mark::default() });
        return manifest;
    }
    if text.trim_start().starts_with('{') {
        read_json(text, &mut manifest);
        if manifest.error.is_none() || !manifest.documents.is_empty() {
            return manifest;
        }
        // What begins like JSON and is none may be YAML in flow style; else it is told of as JSON.
        let mut flow = Manifest::default();
        read_yaml(text, &mut flow);
        return if flow.documents.is_empty() { manifest } else { flow };
    }
    read_yaml(text, &mut manifest);
    manifest
}

/// YAML documents up to the first that is wrong.
fn read_yaml(text: &str, manifest: &mut Manifest) {
    for chunk in split(text) {
        match chunk.and_then(|(start_line, part)| read_one(&part, start_line)) {
            Ok(Some(document)) => manifest.documents.push(document),
            Ok(None) => {}
            Err(e) => {
                manifest.error = Some(e);
                break;
            }
        }
    }
}

/// Reads a text that must be one document (`null` when it is empty).
pub fn read_value(text: &str) -> Result<Value, YamlError> {
    let manifest = read(text);
    match manifest.error {
        Some(e) => Err(e),
        None => Ok(manifest.documents.into_iter().next().map_or(Value::Null, |d| d.value)),
    }
}

/// Splits at lines that begin with `---`; each part with the line it begins on.
fn split(text: &str) -> Vec<Result<(usize, String), YamlError>> {
    let mut parts = vec![];
    let mut part = String::new();
    let mut start = 0;
    for (number, line) in text.lines().enumerate() {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let message = format!("invalid Yaml document separator: {rest}");
                if !part.is_empty() {
                    parts.push(Ok((start, part)));
                }
                parts.push(Err(YamlError { message, at: Mark { line: number, column: 0 } }));
                return parts;
            }
            if !part.is_empty() {
                parts.push(Ok((start, std::mem::take(&mut part))));
                start = number + 1;
                continue;
            }
        }
        if part.is_empty() {
            start = number;
        }
        part.push_str(line);
        part.push('\n');
    }
    if !part.is_empty() {
        parts.push(Ok((start, part)));
    }
    parts
}

fn read_one(part: &str, start_line: usize) -> Result<Option<Document>, YamlError> {
    let wrap = |mut e: YamlError| {
        e.message.insert_str(0, "error converting YAML to JSON: ");
        e.at.line += start_line;
        e
    };
    let Some(mut tree) = Tree::compose(part).map_err(wrap)? else { return Ok(None) };
    let (value, duplicates) = convert::to_value(&tree).map_err(wrap)?;
    tree.first_line = start_line;
    let duplicates = duplicates
        .into_iter()
        .map(|(message, at)| YamlError { message, at: Mark { line: at.line + start_line, ..at } })
        .collect();
    Ok((!value.is_null()).then_some(Document { value, start_line, duplicates, tree: Some(tree) }))
}

/// JSON values, one after the other.
fn read_json(text: &str, manifest: &mut Manifest) {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let start_line = text[..stream.byte_offset()].matches('\n').count();
        match stream.next() {
            None => return,
            Some(Ok(Value::Null)) => {}
            Some(Ok(value)) => manifest.documents.push(Document { value, start_line, duplicates: vec![], tree: None }),
            Some(Err(e)) => {
                manifest.error = Some(json_error(text, &e));
                return;
            }
        }
    }
}

/// A JSON syntax error in the words of Go's decoder.
fn json_error(text: &str, e: &serde_json::Error) -> YamlError {
    let at = Mark { line: e.line().saturating_sub(1), column: e.column().saturating_sub(1) };
    if e.is_eof() {
        return YamlError { message: "unexpected EOF".into(), at };
    }
    let line_start: usize = text.split_inclusive('\n').take(at.line).map(str::len).sum();
    let offset = (line_start + at.column).min(text.len());
    let found = text.get(offset..).and_then(|t| t.chars().next()).unwrap_or('\0');
    let said = e.to_string();
    let context = if said.contains("expected `,` or `}`") {
        "after object key:value pair"
    } else if said.contains("expected `,` or `]`") {
        "after array element"
    } else if said.contains("key must be a string") || (said.contains("trailing comma") && found == '}') {
        "looking for beginning of object key string"
    } else if said.contains("expected `:`") {
        "after object key"
    } else if said.contains("control character") {
        "in string literal"
    } else if said.contains("escape") {
        "in string escape code"
    } else {
        "looking for beginning of value"
    };
    let message = format!("json: offset {}: invalid character {found:?} {context}", offset + 1);
    YamlError { message, at }
}

#[cfg(test)]
mod tests;
