//! From parser events to a tree of nodes with positions.

use super::guard::Guarded;
use super::{MAX_DEPTH, YamlError};
use libyaml_safer::{Error, ErrorKind, EventData, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// A place in a text: line and column in characters, both from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Line, from 0.
    pub line: usize,
    /// Column in characters, from 0.
    pub column: usize,
}

impl From<libyaml_safer::Mark> for Mark {
    fn from(m: libyaml_safer::Mark) -> Self {
        Mark { line: m.line as usize, column: m.column as usize }
    }
}

/// Where a value stands, and its key. For items of lists and for the document the key is the value's beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First character of the key.
    pub key_start: Mark,
    /// Behind the last character of the key.
    pub key_end: Mark,
    /// First character of the value.
    pub start: Mark,
    /// Behind the last character of the value.
    pub end: Mark,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `plain`: without quotes and without a tag, to be resolved.
    Scalar {
        text: String,
        plain: bool,
        tag: Option<String>,
    },
    Sequence(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
    Alias(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub kind: Kind,
    pub start: Mark,
    pub end: Mark,
}

/// One document as nodes that name each other by number; number 0 is no node but 1 … may be the root.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub root: usize,
    /// The line of the whole text at which the document begins.
    pub first_line: usize,
}

/// The parser's message with go-yaml's idea of the line.
fn parse_error(e: &Error, guarded: &Guarded) -> YamlError {
    let place = |m: Option<libyaml_safer::Mark>| m.map(|m| guarded.place(m.into())).unwrap_or_default();
    let (problem, context) = (place(e.problem_mark()), place(e.context_mark()));
    let (line, at) = if problem.line != 0 {
        // Marks count from 0. The scanner's are corrected for that, the parser's are not.
        (problem.line + usize::from(e.kind() == ErrorKind::Scanner), problem)
    } else {
        (context.line, if context.line != 0 { context } else { problem })
    };
    let line = if line == 0 { String::new() } else { format!("line {line}: ") };
    YamlError { message: format!("yaml: {line}{}", e.problem()), at }
}

fn fail(message: impl Into<String>, at: Mark) -> YamlError {
    YamlError { message: format!("yaml: {}", message.into()), at }
}

/// How often a `\'` is taken for a quote.
const MOST_QUOTES: usize = 64;
/// What the parser says of an escape that it does not know.
const UNKNOWN_ESCAPE: &str = "found unknown escape character";

/// The first `\'` of a line from a place on, in bytes of the text.
fn quote(text: &str, at: Mark) -> Option<usize> {
    let line = text.split_inclusive('\n').nth(at.line)?;
    let begin = line.as_ptr() as usize - text.as_ptr() as usize;
    let from: usize = line.chars().take(at.column).map(char::len_utf8).sum();
    Some(begin + from + line.get(from..)?.find("\\'")?)
}

struct Composer<'p, 'r> {
    parser: &'p mut Parser<'r>,
    guarded: &'p Guarded,
    nodes: Vec<Node>,
    anchors: BTreeMap<String, usize>,
}

impl Tree {
    /// The first document of a text; `None` if there is none.
    pub(super) fn compose(text: &str) -> Result<Option<Tree>, YamlError> {
        let mut result = Tree::compose_strictly(text);
        // go-yaml takes `\'` in double quotes for a quote, which the parser used here does not
        let mut own = text.to_owned();
        for _ in 0..MOST_QUOTES {
            let Err(e) = &result else { break };
            let Some(at) = Some(e).filter(|e| e.message.ends_with(UNKNOWN_ESCAPE)).and_then(|e| quote(&own, e.at))
            else {
                break;
            };
            own.replace_range(at..=at, "");
            result = Tree::compose_strictly(&own);
        }
        result
    }

    fn compose_strictly(text: &str) -> Result<Option<Tree>, YamlError> {
        let guarded = Guarded::new(text);
        let mut bytes = guarded.text.as_deref().unwrap_or(text).as_bytes();
        let mut parser = Parser::new();
        parser.set_input_string(&mut bytes);
        let mut composer = Composer { parser: &mut parser, guarded: &guarded, nodes: vec![], anchors: BTreeMap::new() };
        loop {
            let event = composer.next()?;
            match event.data {
                EventData::StreamEnd => return Ok(None),
                EventData::DocumentStart { .. } => break,
                _ => {}
            }
        }
        let event = composer.next()?;
        let root = composer.node(event, 0)?;
        composer.next()?;
        Ok(Some(Tree { nodes: composer.nodes, root, first_line: 0 }))
    }

    pub(super) fn node(&self, id: usize) -> &Node {
        &self.nodes[id]
    }

    /// The node an alias stands for, or the node itself.
    fn resolved(&self, id: usize) -> &Node {
        match self.nodes[id].kind {
            Kind::Alias(target) => &self.nodes[target],
            _ => &self.nodes[id],
        }
    }

    fn shifted(&self, m: Mark) -> Mark {
        Mark { line: m.line + self.first_line, ..m }
    }

    fn span(&self, key: usize, value: usize) -> Span {
        let (k, v) = (&self.nodes[key], &self.nodes[value]);
        let key_end = if key == value { k.start } else { k.end };
        Span {
            key_start: self.shifted(k.start),
            key_end: self.shifted(key_end),
            start: self.shifted(v.start),
            end: self.shifted(v.end),
        }
    }

    pub(super) fn locate(&self, path: &str) -> Option<Span> {
        let (mut key, mut at) = (self.root, self.root);
        let mut rest = path;
        while !rest.is_empty() {
            match &self.resolved(at).kind {
                Kind::Sequence(items) => {
                    let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                    at = *items.get(index.parse::<usize>().ok()?)?;
                    key = at;
                    rest = after;
                }
                Kind::Mapping(pairs) => {
                    // Keys may have dots and brackets in them: the longest key that fits wins.
                    let inner = rest.strip_prefix('.').unwrap_or(rest);
                    let fits = |k: &str| {
                        if let Some(r) = inner.strip_prefix(k)
                            && (r.is_empty() || r.starts_with(['.', '[']))
                        {
                            return Some(r);
                        }
                        rest.strip_prefix('[')?.strip_prefix(k)?.strip_prefix(']')
                    };
                    let found = pairs
                        .iter()
                        .filter_map(|&(k, v)| match &self.nodes[k].kind {
                            Kind::Scalar { text, .. } => fits(text).map(|r| (text.len(), k, v, r)),
                            _ => None,
                        })
                        .max_by_key(|f| f.0)?;
                    (key, at, rest) = (found.1, found.2, found.3);
                }
                _ => return None,
            }
        }
        Some(self.span(key, at))
    }

    pub(super) fn path_at(&self, mark: Mark) -> String {
        let mut path = String::new();
        let mut at = self.root;
        loop {
            let before = |id: usize| self.shifted(self.nodes[id].start) <= mark;
            match &self.nodes[at].kind {
                Kind::Sequence(items) => match items.iter().rposition(|&i| before(i)) {
                    Some(i) => {
                        path.push_str(&format!("[{i}]"));
                        at = items[i];
                    }
                    None => return path,
                },
                Kind::Mapping(pairs) => match pairs.iter().rev().find(|p| before(p.0)) {
                    Some(&(k, v)) => {
                        if let Kind::Scalar { text, .. } = &self.nodes[k].kind {
                            // A line to the left of the key, below it, belongs to the parent.
                            let (key, value) = (self.shifted(self.nodes[k].start), self.shifted(self.nodes[v].end));
                            if mark.line > value.line.max(key.line) && mark.column < key.column {
                                return path;
                            }
                            if !path.is_empty() {
                                path.push('.');
                            }
                            path.push_str(text);
                        }
                        at = v;
                    }
                    None => return path,
                },
                _ => return path,
            }
        }
    }
}

impl Composer<'_, '_> {
    fn next(&mut self) -> Result<libyaml_safer::Event, YamlError> {
        self.parser.parse().map_err(|e| parse_error(&e, self.guarded))
    }

    /// Keeps a place for a node, so that an anchor can be known before its content is.
    fn reserve(&mut self, anchor: Option<String>, start: Mark) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node { kind: Kind::Sequence(vec![]), start, end: start });
        if let Some(a) = anchor {
            self.anchors.insert(a, id);
        }
        id
    }

    fn node(&mut self, event: libyaml_safer::Event, depth: usize) -> Result<usize, YamlError> {
        let start = self.guarded.place(event.start_mark.into());
        if depth > MAX_DEPTH {
            return Err(fail(format!("exceeded max depth of {MAX_DEPTH}"), start));
        }
        let mut end = self.guarded.place(event.end_mark.into());
        let (id, kind) = match event.data {
            EventData::Alias { anchor } => {
                let target = *self
                    .anchors
                    .get(&anchor)
                    .ok_or_else(|| fail(format!("unknown anchor '{anchor}' referenced"), start))?;
                (self.reserve(None, start), Kind::Alias(target))
            }
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                let plain = plain_implicit && style == ScalarStyle::Plain;
                let value = self.guarded.value(value);
                (self.reserve(anchor, start), Kind::Scalar { text: value, plain, tag })
            }
            EventData::SequenceStart { anchor, .. } => {
                let id = self.reserve(anchor, start);
                let mut items = vec![];
                loop {
                    let event = self.next()?;
                    if event.data == EventData::SequenceEnd {
                        end = self.guarded.place(event.end_mark.into());
                        break;
                    }
                    items.push(self.node(event, depth + 1)?);
                }
                (id, Kind::Sequence(items))
            }
            EventData::MappingStart { anchor, .. } => {
                let id = self.reserve(anchor, start);
                let mut pairs = vec![];
                loop {
                    let event = self.next()?;
                    if event.data == EventData::MappingEnd {
                        end = self.guarded.place(event.end_mark.into());
                        break;
                    }
                    let key = self.node(event, depth + 1)?;
                    let event = self.next()?;
                    pairs.push((key, self.node(event, depth + 1)?));
                }
                (id, Kind::Mapping(pairs))
            }
            other => return Err(fail(format!("unexpected {other:?}"), start)),
        };
        // A block collection ends where the next thing begins; its last entry tells where its text ends.
        let last = match &kind {
            Kind::Sequence(items) => items.last(),
            Kind::Mapping(pairs) => pairs.last().map(|p| &p.1),
            _ => None,
        };
        if let Some(&last) = last
            && end.column == 0
        {
            end = self.nodes[last].end;
        }
        self.nodes[id].kind = kind;
        self.nodes[id].end = end;
        Ok(id)
    }
}
