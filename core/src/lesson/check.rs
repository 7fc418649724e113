//! Whether a condition holds: over stored objects, endpoints, what was typed and printed, and clients' counters.

use super::Start;
use super::model::{Condition, Counter, Field, Objects, Piece, Test};
use crate::cluster::Cluster;
use crate::store::{Entry, Kind};
use crate::terminal;
use crate::world::Input;
use serde_json::Value;

/// The cluster as it is judged: now, and since a step began.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// Now.
    pub cluster: &'a Cluster,
    /// When the step began.
    pub start: &'a Start,
}

impl Sight<'_> {
    /// Does it hold now?
    pub fn holds(self, condition: &Condition) -> bool {
        match condition {
            Condition::Count(objects, range) => range.has(self.entries(objects).count() as f64),
            Condition::Endpoints { namespace, service, ready } => ready.has(self.endpoints(namespace, service) as f64),
            Condition::Typed(pattern) => self.lines().any(|l| pattern.regex.is_match(&l)),
            Condition::Output(pattern) => {
                self.cluster.world.terminals.since(self.start.chunk).any(|c| match &c.piece {
                    terminal::Piece::Out(t) | terminal::Piece::Err(t) => pattern.regex.is_match(t),
                    _ => false,
                })
            }
            Condition::Client { name, counter, range } => range.has(self.counter(name, *counter)),
            Condition::All(list) => list.iter().all(|c| self.holds(c)),
            Condition::Any(list) => list.iter().any(|c| self.holds(c)),
            Condition::Not(inner) => !self.holds(inner),
        }
    }

    /// Lines typed since the step began, in whatever terminal, with single blanks.
    fn lines(self) -> impl Iterator<Item = String> {
        let inputs = self.cluster.inputs();
        let end = self.cluster.applied().min(inputs.len());
        inputs[self.start.inputs.min(end)..end].iter().filter_map(|l| match &l.input {
            Input::Line { line, .. } => Some(line.split_whitespace().collect::<Vec<_>>().join(" ")),
            _ => None,
        })
    }

    fn counter(self, name: &str, counter: Counter) -> f64 {
        let Some(client) = self.cluster.world.sim.network.clients.named(name) else { return 0.0 };
        let t = &client.total;
        let (now, before) = match (counter, self.start.clients.get(name).copied().unwrap_or_default()) {
            (Counter::Sent, b) => (t.sent, b.0),
            (Counter::Ok, b) => (t.ok, b.1),
            (Counter::Failed, b) => (t.failures(), b.2),
        };
        // a client that was begun anew counts from nothing
        f64::from(if now >= before { now - before } else { now })
    }

    fn endpoints(self, namespace: &str, service: &str) -> usize {
        let sim = &self.cluster.world.sim;
        let slices = sim.store.list(Kind::EndpointSlice, Some(namespace));
        slices
            .filter(|s| s.label("kubernetes.io/service-name") == Some(service))
            .map(|s| {
                let value = sim.present(s);
                let list = value.get("endpoints").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let ready = |e: &&Value| e.pointer("/conditions/ready").and_then(Value::as_bool) != Some(false);
                list.iter().filter(ready).count()
            })
            .sum()
    }

    /// The objects that are so, by namespace and name.
    pub fn entries<'b>(self, objects: &'b Objects) -> impl Iterator<Item = &'b Entry>
    where
        Self: 'b,
    {
        let sim = &self.cluster.world.sim;
        let request = self.start.request;
        sim.store.entries(objects.kind, objects.namespace.as_deref()).filter(move |e| {
            objects.new.is_none_or(|new| (e.created_by > request) == new)
                && objects.name.as_ref().is_none_or(|p| p.regex.is_match(&e.obj.key().name))
                && objects.selector.matches_by(|k| e.obj.label(k))
                && (objects.fields.is_empty() || {
                    let value = sim.present(&e.obj);
                    objects.fields.iter().all(|f| fits(&value, f))
                })
        })
    }
}

/// Everything that a path leads to.
fn reach<'a>(value: &'a Value, path: &[Piece], out: &mut Vec<&'a Value>) {
    let Some((first, rest)) = path.split_first() else {
        if !value.is_null() {
            out.push(value);
        }
        return;
    };
    match first {
        Piece::Key(k) => {
            if let Some(v) = value.get(k) {
                reach(v, rest, out);
            }
        }
        Piece::At(i) => {
            if let Some(v) = value.get(i) {
                reach(v, rest, out);
            }
        }
        Piece::Each => value.as_array().into_iter().flatten().for_each(|v| reach(v, rest, out)),
    }
}

fn fits(value: &Value, field: &Field) -> bool {
    let mut found = vec![];
    reach(value, &field.path, &mut found);
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    match &field.test {
        Test::Is(want) => found.contains(&want),
        Test::Not(other) => !found.contains(&other),
        Test::Exists(there) => found.is_empty() != *there,
        Test::Within(range) => {
            let number = |v: &Value| v.as_f64().or_else(|| v.as_str()?.parse().ok());
            found.iter().filter_map(|v| number(v)).any(|n| range.has(n))
        }
        Test::Matches(pattern) => found.iter().any(|v| pattern.regex.is_match(&text(v))),
    }
}
