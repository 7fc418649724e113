//! Sets of fields, as `metadata.managedFields` writes them. (Models structured-merge-diff `fieldpath`.)

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One step of a path. The order is the order of printing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A field of an object or a key of a map.
    Field(String),
    /// An item of a list that is known by keys, these as compact JSON: `{"name":"web"}`.
    Key(String),
    /// An item of a set, as JSON.
    Value(String),
    /// An item by its place.
    Index(usize),
}

impl Element {
    /// As `fieldsV1` names it: `f:spec`, `k:{"name":"web"}`, `v:"x"`, `i:0`.
    fn encode(&self) -> String {
        match self {
            Element::Field(name) => format!("f:{name}"),
            Element::Key(json) => format!("k:{json}"),
            Element::Value(json) => format!("v:{json}"),
            Element::Index(i) => format!("i:{i}"),
        }
    }

    fn decode(text: &str) -> Option<Element> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Element::Field(rest.to_owned())),
            "k" => Some(Element::Key(rest.to_owned())),
            "v" => Some(Element::Value(rest.to_owned())),
            "i" => rest.parse().ok().map(Element::Index),
            _ => None,
        }
    }

    /// As errors print it: `.spec`, `[name="web"]`, `[="x"]`, `[0]`.
    fn shown(&self) -> String {
        match self {
            Element::Field(name) => format!(".{name}"),
            Element::Key(json) => {
                let keys: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
                let pairs: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("[{}]", pairs.join(","))
            }
            Element::Value(json) => format!("[={json}]"),
            Element::Index(i) => format!("[{i}]"),
        }
    }
}

/// A set of paths. Empty branches are never kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: BTreeMap<Element, Node>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    member: bool,
    below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl FieldSet {
    /// Without any path?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a path; the empty path is none.
    pub fn insert(&mut self, path: &[Element]) {
        let Some((first, rest)) = path.split_first() else { return };
        let node = self.nodes.entry(first.clone()).or_default();
        if rest.is_empty() { node.member = true } else { node.below.insert(rest) }
    }

    /// What lies below an element; none: nothing does.
    pub fn below(&self, element: &Element) -> Option<&FieldSet> {
        self.nodes.get(element).map(|n| &n.below)
    }

    /// Is the element, or something below it, in the set?
    pub fn touches(&self, element: &Element) -> bool {
        self.nodes.contains_key(element)
    }

    /// Is the element itself in the set?
    pub fn has(&self, element: &Element) -> bool {
        self.nodes.get(element).is_some_and(|n| n.member)
    }

    /// The elements at the top.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.nodes.keys()
    }

    /// Adds all paths of another set.
    pub fn extend(&mut self, other: &FieldSet) {
        for (element, node) in &other.nodes {
            let mine = self.nodes.entry(element.clone()).or_default();
            mine.member |= node.member;
            mine.below.extend(&node.below);
        }
    }

    /// Takes all paths of another set out.
    pub fn subtract(&mut self, other: &FieldSet) {
        for (element, node) in &other.nodes {
            if let Some(mine) = self.nodes.get_mut(element) {
                mine.member &= !node.member;
                mine.below.subtract(&node.below);
                if mine.is_empty() {
                    self.nodes.remove(element);
                }
            }
        }
    }

    /// The paths that both sets have.
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut nodes = BTreeMap::new();
        for (element, node) in &self.nodes {
            if let Some(theirs) = other.nodes.get(element) {
                let both = Node { member: node.member && theirs.member, below: node.below.intersection(&theirs.below) };
                if !both.is_empty() {
                    nodes.insert(element.clone(), both);
                }
            }
        }
        FieldSet { nodes }
    }

    /// Takes a path and all below it out.
    pub fn cut(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else { return };
        let element = Element::Field((*first).to_owned());
        if rest.is_empty() {
            self.nodes.remove(&element);
        } else if let Some(node) = self.nodes.get_mut(&element) {
            node.below.cut(rest);
            if node.is_empty() {
                self.nodes.remove(&element);
            }
        }
    }

    /// Takes one path out, not what lies below it.
    pub fn drop_member(&mut self, name: &str) {
        let element = Element::Field(name.to_owned());
        if let Some(node) = self.nodes.get_mut(&element) {
            node.member = false;
            if node.is_empty() {
                self.nodes.remove(&element);
            }
        }
    }

    /// All paths as errors print them: those of a level before those below it.
    pub fn paths(&self) -> Vec<String> {
        let mut out = vec![];
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        for (element, node) in self.nodes.iter().filter(|(_, n)| n.member) {
            let _ = node;
            out.push(format!("{prefix}{}", element.shown()));
        }
        for (element, node) in self.nodes.iter().filter(|(_, n)| !n.below.is_empty()) {
            node.below.collect(&format!("{prefix}{}", element.shown()), out);
        }
    }

    /// The `fieldsV1` of an entry.
    pub fn to_fields(&self) -> Value {
        let mut out = Map::new();
        for (element, node) in &self.nodes {
            let mut inner = node.below.to_fields();
            if node.member && !node.below.is_empty() {
                inner["."] = Value::Object(Map::new());
            }
            out.insert(element.encode(), inner);
        }
        Value::Object(out)
    }

    /// Reads `fieldsV1`; what cannot be read is left out.
    pub fn from_fields(fields: &Value) -> FieldSet {
        let mut nodes = BTreeMap::new();
        for (key, inner) in fields.as_object().into_iter().flatten().filter(|(k, _)| *k != ".") {
            let Some(element) = Element::decode(key) else { continue };
            let below = FieldSet::from_fields(inner);
            let member = below.is_empty() || inner.get(".").is_some();
            nodes.insert(element, Node { member, below });
        }
        FieldSet { nodes }
    }
}
