//! A manifest beside the live objects it means: the same text, with what is there now in the places that applying it
//! would change. An editor shows the one as changes of the other; comments, order and style of the text stay as they
//! are, so that only real differences are marked. Everything is asked of a copy of the cluster.

use crate::api::kinds;
use crate::api::yaml::{self, Document};
use crate::cluster::Cluster;
use crate::kubectl;
use crate::store::{Key, Kind};
use crate::world::WorldApi;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a manifest would do to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is not there yet.
    Created,
    /// It is there, and would change.
    Changed,
    /// It is there as the manifest wants it.
    Same,
    /// The cluster would refuse it, or it cannot be read.
    Refused,
}

/// An object of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// `deployment/web`
    pub object: String,
    /// What would become of it.
    pub fate: Fate,
}

/// A manifest and what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The text as it would read if it said what is there.
    pub original: String,
    /// Its objects in order.
    pub objects: Vec<Compared>,
}

/// What `kubectl apply` keeps of the last manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Fields by which items of a list are told apart, the most telling first.
const IDENTITIES: [&str; 6] = ["name", "containerPort", "port", "mountPath", "key", "host"];

/// Compares a manifest with what is there.
pub fn compare(cluster: &Cluster, text: &str) -> Comparison {
    let mut edits = Edits::new(text);
    let mut objects = vec![];
    for document in &yaml::read(text).documents {
        for (root, mine) in crate::api::diagnostics::objects(&document.value) {
            let word = |path: &str| mine.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (api_version, kind, name) = (word("/apiVersion"), word("/kind"), word("/metadata/name"));
            let info = kinds::by_kind(&api_version, &kind);
            let singular = info.map_or_else(|| kind.to_lowercase(), |i| i.singular.to_owned());
            let fate = match info.and_then(|i| Kind::of_info(i).map(|k| (i, k))) {
                Some((info, stored)) => {
                    let given = word("/metadata/namespace");
                    let session = cluster.world.terminals.session(0);
                    let namespace = match (info.namespaced, given.is_empty()) {
                        (false, _) => "",
                        (true, true) => session.namespace(),
                        (true, false) => &given,
                    };
                    let sim = &cluster.world.sim;
                    let live = sim.store.get(stored, &Key::new(namespace, name.as_str())).map(|o| sim.present(o));
                    match (live, applied(cluster, &mine)) {
                        (_, None) => Fate::Refused,
                        (None, Some(_)) => {
                            edits.leave_out(document, &root);
                            Fate::Created
                        }
                        (Some(live), Some(merged)) => {
                            let before = edits.list.len();
                            let kept = live["metadata"]["annotations"][LAST_APPLIED].as_str().unwrap_or_default();
                            let kept = serde_json::from_str(kept).unwrap_or(Value::Null);
                            let sides = Sides { live: &live, merged: &merged, kept: &kept };
                            edits.walk(document, &root, &mine, sides);
                            if edits.list.len() == before { Fate::Same } else { Fate::Changed }
                        }
                    }
                }
                None => Fate::Refused,
            };
            objects.push(Compared { object: format!("{singular}/{name}"), fate });
        }
    }
    Comparison { original: edits.done(), objects }
}

/// The object as it would be after `kubectl apply`; none if that is refused.
fn applied(cluster: &Cluster, object: &Value) -> Option<Value> {
    let (mut sim, mut kubelets) = (cluster.world.sim.clone(), cluster.world.kubelets.clone());
    let mut api = WorldApi { sim: &mut sim, kubelets: &mut kubelets };
    let (mut files, mut session) = (BTreeMap::new(), cluster.world.terminals.session(0));
    let mut ctx = kubectl::Context::new(&mut api, &mut files, &mut session);
    ctx.stdin = serde_json::to_string(object).ok();
    let output = kubectl::run("kubectl apply --dry-run=server -o json -f -", &mut ctx);
    serde_json::from_str(&output.stdout).ok()
}

/// One place of an object: as it is, as it would be, and as it was last applied.
#[derive(Clone, Copy)]
struct Sides<'a> {
    live: &'a Value,
    merged: &'a Value,
    kept: &'a Value,
}

impl<'a> Sides<'a> {
    fn key(self, key: &str) -> Sides<'a> {
        Sides { live: &self.live[key], merged: &self.merged[key], kept: &self.kept[key] }
    }

    fn item(self, which: &Value, index: usize) -> Sides<'a> {
        let find = |list: &'a Value| item_of(list, which, index).unwrap_or(&Value::Null);
        Sides { live: find(self.live), merged: find(self.merged), kept: find(self.kept) }
    }
}

fn identity(item: &Value) -> Option<(&'static str, &Value)> {
    IDENTITIES.into_iter().find_map(|k| item.get(k).map(|v| (k, v)))
}

/// The item of a list that means the same thing as `which`.
fn item_of<'a>(list: &'a Value, which: &Value, index: usize) -> Option<&'a Value> {
    let list = list.as_array()?;
    match identity(which) {
        Some((key, value)) => list.iter().find(|i| i.get(key) == Some(value)),
        None => list.get(index),
    }
}

/// Changes of a text, by byte offsets.
struct Edits<'a> {
    text: &'a str,
    lines: Vec<usize>,
    list: Vec<(usize, usize, String)>,
}

impl<'a> Edits<'a> {
    fn new(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Edits { text, lines, list: vec![] }
    }

    fn offset(&self, m: yaml::Mark) -> usize {
        let Some(start) = self.lines.get(m.line).copied() else { return self.text.len() };
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        start + line.char_indices().nth(m.column).map_or(line.len(), |(i, _)| i)
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |i| i + 1)
    }

    /// The end of a value without the blank and comment lines that the parser counts to it.
    fn value_end(&self, start: usize, end: usize) -> usize {
        let mut end = end.max(start).min(self.text.len());
        loop {
            let trimmed = start + self.text[start..end].trim_end().len();
            let line = self.line_start(trimmed).max(start);
            if line > start && self.text[line..trimmed].trim_start().starts_with('#') {
                end = line;
            } else {
                return trimmed;
            }
        }
    }

    /// Compares a place, and what is below it.
    fn walk(&mut self, document: &Document, path: &str, mine: &Value, s: Sides) {
        if s.live == s.merged {
            return;
        }
        match (mine, s.live) {
            (Value::Object(m), Value::Object(live)) => {
                for (key, value) in m {
                    let (inner, below) = (join(path, key), s.key(key));
                    if !live.contains_key(key) {
                        if !below.merged.is_null() {
                            self.leave_out(document, &inner);
                        }
                    } else {
                        self.walk(document, &inner, value, below);
                    }
                }
                let lost: Vec<&String> =
                    live.keys().filter(|k| !m.contains_key(*k) && s.merged.get(*k).is_none()).collect();
                for key in lost {
                    let value = if s.kept[key].is_null() { &s.live[key] } else { &s.kept[key] };
                    self.put_key(document, path, m.keys(), key, value);
                }
            }
            (Value::Array(m), Value::Array(live)) if m.iter().chain(live).all(Value::is_object) => {
                for (i, value) in m.iter().enumerate() {
                    let (inner, below) = (format!("{path}[{i}]"), s.item(value, i));
                    if below.live.is_null() {
                        self.leave_out(document, &inner);
                    } else {
                        self.walk(document, &inner, value, below);
                    }
                }
                for (i, item) in live.iter().enumerate() {
                    let (known, stays) = (item_of(mine, item, i), item_of(s.merged, item, i));
                    if known.is_none() && stays.is_none() {
                        let value = item_of(s.kept, item, i).unwrap_or(item);
                        self.put_item(document, path, m.len(), value);
                    }
                }
            }
            _ => self.replace(document, path, s.live),
        }
    }

    fn span(&self, document: &Document, path: &str) -> Option<(usize, usize, usize, usize)> {
        let s = document.locate(path)?;
        let (start, end) = (self.offset(s.start), self.offset(s.end));
        Some((self.offset(s.key_start), self.offset(s.key_end), start, self.value_end(start, end)))
    }

    /// Whether a map or list is written with braces: then only whole values are changed in it.
    fn is_flow(&self, document: &Document, path: &str) -> bool {
        self.span(document, path).is_some_and(|(_, _, start, _)| self.text[start..].starts_with(['{', '[']))
    }

    /// The columns before a place, in characters.
    fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    fn edit(&mut self, from: usize, to: usize, text: String) {
        if from <= to && !self.list.iter().any(|(a, b, _)| from < *b && *a < to) {
            self.list.push((from, to, text));
        }
    }

    /// A value as YAML behind a key or dash, lines indented by `indent`.
    fn written(value: &Value, indent: usize) -> String {
        let text = yaml::to_yaml(value);
        let pad = " ".repeat(indent);
        text.trim_end()
            .split('\n')
            .enumerate()
            .map(|(i, l)| if i == 0 { l.to_owned() } else { format!("\n{pad}{l}") })
            .collect()
    }

    fn replace(&mut self, document: &Document, path: &str, live: &Value) {
        let Some((key, key_end, start, end)) = self.span(document, path) else { return };
        let empty =
            |v: &Value| v.as_object().is_some_and(|o| o.is_empty()) || v.as_array().is_some_and(|a| a.is_empty());
        let scalar = !(live.is_object() || live.is_array()) || empty(live);
        if self.text[start..].starts_with(['{', '[']) && !scalar {
            return self.edit(start, end, live.to_string());
        }
        if scalar || key == start {
            let indent = self.column(start);
            return self.edit(start, end, Self::written(live, indent));
        }
        let indent = self.column(key) + 2;
        self.edit(key_end, end, format!(":\n{}{}", " ".repeat(indent), Self::written(live, indent)));
    }

    /// Takes a key with its value, an item or a whole document out.
    fn leave_out(&mut self, document: &Document, path: &str) {
        let Some((key, _, start, end)) = self.span(document, path) else { return };
        if path.is_empty() {
            let first = self.text[..start].rfind("---").map_or(0, |i| i + 3);
            let first = first + self.text[first..].find('\n').filter(|n| first + n < start).map_or(0, |n| n + 1);
            return self.edit(
                if first > start { self.line_start(start) } else { first },
                self.line_end(end),
                String::new(),
            );
        }
        let parent = path.rfind(['.', '[']).map_or("", |i| &path[..i]);
        if self.is_flow(document, parent) {
            // between braces: what stands there, with one comma
            let behind = end + (self.text[end..].len() - self.text[end..].trim_start_matches([' ', ',']).len());
            return self.edit(key, behind, String::new());
        }
        let line = self.line_start(key);
        let before = self.text[line..key].trim();
        if path.ends_with(']') || before.is_empty() {
            return self.edit(line, self.line_end(end), String::new());
        }
        // the first key behind a dash: the dash stays with the next one
        let next = self.text[end..].find(|c: char| !c.is_whitespace()).map_or(end, |n| end + n);
        self.edit(key, next, String::new());
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |n| at + n + 1)
    }

    /// Writes a key behind the others of a map.
    fn put_key<'k>(
        &mut self,
        document: &Document,
        path: &str,
        keys: impl Iterator<Item = &'k String>,
        key: &str,
        value: &Value,
    ) {
        let spans: Vec<_> = keys.filter_map(|k| self.span(document, &join(path, k))).collect();
        let Some(last) = spans.iter().max_by_key(|s| s.3) else { return };
        let object = Value::Object([(key.to_owned(), value.clone())].into_iter().collect());
        if self.is_flow(document, path) {
            let text = object.to_string();
            return self.edit(last.3, last.3, format!(", {}", &text[1..text.len() - 1]));
        }
        let indent = self.column(last.0);
        let text = format!("{}{}", " ".repeat(indent), Self::written(&object, indent));
        self.put_line(last.3, text);
    }

    /// Writes an item behind the others of a list.
    fn put_item(&mut self, document: &Document, path: &str, items: usize, value: &Value) {
        let Some(last) = items.checked_sub(1).and_then(|i| self.span(document, &format!("{path}[{i}]"))) else {
            return;
        };
        if self.is_flow(document, path) {
            return self.edit(last.3, last.3, format!(", {value}"));
        }
        let indent = self.column(last.2);
        let text = format!("{}- {}", " ".repeat(indent.saturating_sub(2)), Self::written(value, indent));
        self.put_line(last.3, text);
    }

    fn put_line(&mut self, behind: usize, text: String) {
        let at = self.line_end(behind);
        let at_line = at > 0 && self.text[..at].ends_with('\n');
        self.edit(at, at, if at_line { format!("{text}\n") } else { format!("\n{text}") });
    }

    fn done(mut self) -> String {
        self.list.sort_by_key(|(from, to, _)| (*from, *to));
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        for (from, to, text) in &self.list {
            out.push_str(&self.text[at..*from]);
            out.push_str(text);
            at = *to;
        }
        out.push_str(&self.text[at..]);
        out
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimTime;
    use crate::world::Input;
    use expect_test::{Expect, expect};

    const WEB: &str = "# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3 # three
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels:
        app: web
        tier: front
    spec:
      containers:
      - name: web
        image: nginx:1.27
        env:
        - name: A
          value: \"1\"
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
";

    fn applied(text: &str) -> Cluster {
        let mut c = Cluster::with_nodes(1, 1);
        c.seek(SimTime(5_000_000));
        c.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(text.into()) });
        c.seek(SimTime(9_000_000));
        c
    }

    fn judged(c: &Cluster, text: &str, wanted: Expect) {
        let found = compare(c, text);
        let mut said: String = found.objects.iter().map(|o| format!("{} {:?}\n", o.object, o.fate)).collect();
        for change in similar::TextDiff::from_lines(found.original.as_str(), text).iter_all_changes() {
            if change.tag() != similar::ChangeTag::Equal {
                said.push_str(&format!("{}{}", change.tag(), change.to_string_lossy()));
            }
        }
        wanted.assert_eq(&said);
    }

    #[test]
    fn what_is_there_as_wanted_reads_the_same() {
        judged(
            &applied(WEB),
            WEB,
            expect![[r#"
                deployment/web Same
                service/web Same
            "#]],
        );
    }

    #[test]
    fn what_is_not_there_is_all_new() {
        let c = applied(WEB.split("---\n").next().unwrap());
        judged(
            &c,
            WEB,
            expect![[r#"
                deployment/web Same
                service/web Created
                +apiVersion: v1
                +kind: Service
                +metadata:
                +  name: web
                +spec:
                +  selector:
                +    app: web
                +  ports:
                +  - port: 80
            "#]],
        );
    }

    #[test]
    fn only_what_applying_changes_is_marked() {
        let mut c = applied(WEB);
        let line = "kubectl scale deployment web --replicas=5".to_owned();
        c.submit(Input::Line { terminal: 0, line, stdin: None });
        let text =
            WEB.replace("nginx:1.27", "nginx:1.28").replace("        tier: front\n", "        zone: a\n").replace(
                "        env:\n        - name: A\n          value: \"1\"\n",
                "        env:\n        - name: B\n          value: x\n",
            );
        judged(
            &c,
            &text,
            expect![[r#"
                deployment/web Changed
                service/web Same
                -  replicas: 5 # three
                +  replicas: 3 # three
                -        tier: front
                +        zone: a
                -        image: nginx:1.27
                +        image: nginx:1.28
                -        - name: A
                -          value: "1"
                +        - name: B
                +          value: x
            "#]],
        );
    }

    #[test]
    fn what_is_refused_is_said_so() {
        let c = applied(WEB);
        judged(
            &c,
            &WEB.replace("replicas: 3", "replicas: many"),
            expect![[r#"
                deployment/web Refused
                service/web Same
            "#]],
        );
    }
}
