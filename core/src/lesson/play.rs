//! A lesson's cluster, and the things that are done in it.

use super::model::{Deed, Lesson};
use crate::api::labels::Selector;
use crate::clock::SimTime;
use crate::cluster::Cluster;
use crate::view::model::Fault;
use crate::world::Input;
use serde_json::Value;

/// The cluster at the moment at which the learner comes in.
///
/// # Errors
/// The setup asks for something that cannot be done.
pub fn begin(lesson: &Lesson) -> Result<Cluster, String> {
    let mut cluster = Cluster::with_nodes(lesson.nodes, lesson.seed);
    for (name, text) in &lesson.files {
        cluster.submit(Input::File { name: name.clone(), text: Some(text.clone()) });
    }
    for (at, deed) in &lesson.setup {
        go(&mut cluster, SimTime(at * 1_000))?;
        perform(&mut cluster, deed)?;
    }
    go(&mut cluster, SimTime(lesson.start * 1_000))?;
    Ok(cluster)
}

/// Events that a setup may take: more is a lesson that wants to stop the page.
const MOST_EVENTS: u64 = 3_000_000;

fn go(cluster: &mut Cluster, to: SimTime) -> Result<(), String> {
    if cluster.advance(to.max(cluster.now()), MOST_EVENTS).done { Ok(()) } else { Err("the setup never ends".into()) }
}

/// Does it, here and now; a wait is time that passes.
///
/// # Errors
/// It cannot be done: no pod is so, a fault is none.
pub fn perform(cluster: &mut Cluster, deed: &Deed) -> Result<(), String> {
    if let Deed::Wait(seconds) = deed {
        let to = SimTime(cluster.now().0 + seconds * 1_000_000);
        return go(cluster, to);
    }
    if let Some(input) = input(cluster, deed)? {
        cluster.submit(input);
    }
    Ok(())
}

/// The input that it is; none for a wait.
///
/// # Errors
/// As [`perform`].
pub fn input(cluster: &Cluster, deed: &Deed) -> Result<Option<Input>, String> {
    Ok(Some(match deed {
        Deed::Line(line) => Input::Line { terminal: 0, line: fill(cluster, line)?, stdin: None },
        Deed::File(name, text) => Input::File { name: name.clone(), text: Some(text.clone()) },
        Deed::Replace(name, from, to) => {
            let text = cluster.world.files.get(name).ok_or_else(|| format!("there is no file {name}"))?;
            if !text.contains(from.as_str()) {
                return Err(format!("{name} does not contain {from:?}"));
            }
            Input::File { name: name.clone(), text: Some(text.replace(from.as_str(), to)) }
        }
        Deed::Fault(value) => Input::Fault(fault(&filled(cluster, value)?)?),
        Deed::Client(spec) => Input::Client(spec.clone()),
        Deed::RemoveClient(name) => Input::RemoveClient { name: name.clone() },
        Deed::Interrupt => Input::Interrupt { terminal: 0 },
        Deed::Wait(_) => return Ok(None),
    }))
}

/// A fault from its data.
pub(super) fn fault(value: &Value) -> Result<Fault, String> {
    serde_json::from_value(value.clone()).map_err(|e| format!("not a fault: {e}"))
}

fn filled(cluster: &Cluster, value: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::String(s) => Value::String(fill(cluster, s)?),
        Value::Object(fields) => {
            let filled: Result<_, String> = fields.iter().map(|(k, v)| Ok((k.clone(), filled(cluster, v)?))).collect();
            Value::Object(filled?)
        }
        other => other.clone(),
    })
}

/// Puts the names of pods in the place of `{pod:app=web}`, `{pod:app=web#2}`.
fn fill(cluster: &Cluster, text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{pod:") {
        let Some((which, behind)) = after.split_once('}') else { break };
        let (selector, n) = match which.split_once('#') {
            Some((s, n)) => (s, n.parse::<usize>().unwrap_or(1)),
            None => (which, 1),
        };
        let parsed = Selector::parse(selector)?;
        let mut names: Vec<String> = cluster
            .world
            .sim
            .store
            .pods()
            .map(|p| crate::store::Obj::Pod(p.clone()))
            .filter(|o| !o.deleting() && parsed.matches_by(|k| o.label(k)))
            .map(|o| o.key().name.to_string())
            .collect();
        names.sort();
        let name = names.get(n.saturating_sub(1)).ok_or_else(|| format!("no pod {n} is {selector}"))?;
        out.push_str(before);
        out.push_str(name);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}
