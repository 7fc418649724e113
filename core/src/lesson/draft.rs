//! A lesson out of a session: what was done up to a moment becomes the setup, what was done after it the solution, and
//! what differs between the two moments is suggested as the goal. What comes out is data as a person would have
//! written it: its texts are still to be found.

use super::model::Text;
use crate::api::yaml;
use crate::cluster::Cluster;
use crate::store::{Kind, Obj};
use crate::world::Input;
use serde_json::{Map, Value, json};

/// A check that could be the goal.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// In words, in both languages.
    pub say: Text,
    /// The check, as a lesson's file has it.
    pub check: Value,
}

/// Suggestions that are made at most.
const MOST: usize = 24;

/// What is so at the second moment and was not at the first.
pub fn suggest(before: &Cluster, after: &Cluster) -> Vec<Suggestion> {
    let mut out = vec![];
    workloads(before, after, &mut out);
    objects(before, after, &mut out);
    typed(before, after, &mut out);
    out.truncate(MOST);
    out
}

fn offer(out: &mut Vec<Suggestion>, en: String, ko: String, mut check: Value) {
    check["say"] = json!({"en": en, "ko": ko});
    out.push(Suggestion { say: Text { en, ko }, check });
}

fn scope(count: &mut Value, namespace: &str) {
    if !namespace.is_empty() && namespace != "default" {
        count["namespace"] = json!(namespace);
    }
}

fn exact(name: &str) -> String {
    name.replace('.', "\\.")
}

fn workloads(before: &Cluster, after: &Cluster, out: &mut Vec<Suggestion>) {
    for kind in [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::Job] {
        let path = match kind {
            Kind::DaemonSet => "status.numberReady",
            Kind::Job => "status.succeeded",
            _ => "status.readyReplicas",
        };
        let pointer = format!("/{}", path.replace('.', "/"));
        let number = |c: &Cluster, o: &Obj| c.world.sim.present(o).pointer(&pointer).and_then(Value::as_i64);
        for o in after.world.sim.store.list(kind, None) {
            let key = o.key();
            let now = number(after, o).unwrap_or(0);
            let was = before.world.sim.store.get(kind, &key).and_then(|o| number(before, o));
            if was == Some(now) {
                continue;
            }
            let mut count = json!({
                "kind": kind.names().1.to_lowercase(),
                "name": exact(&key.name),
                "where": [if now == 0 { json!({"path": path, "exists": false}) } else { json!({"path": path, "is": now}) }],
                "is": 1,
            });
            scope(&mut count, &key.namespace);
            let (kind, name) = (kind.names().1, &key.name);
            let (en, ko) = match kind {
                "Job" => (format!("{kind} {name} has {now} completions"), format!("{kind} {name}의 완료가 {now}개")),
                _ => (format!("{kind} {name} has {now} ready"), format!("{kind} {name}의 준비된 파드가 {now}개")),
            };
            offer(out, en, ko, json!({"count": count}));
        }
    }
    for o in after.world.sim.store.list(Kind::Service, None) {
        let key = o.key();
        let ready = |c: &Cluster| {
            let slices = c.world.sim.store.list(Kind::EndpointSlice, Some(&key.namespace));
            slices
                .filter(|s| s.label("kubernetes.io/service-name") == Some(&key.name))
                .map(|s| {
                    let v = c.world.sim.present(s);
                    let list = v.get("endpoints").and_then(Value::as_array).cloned().unwrap_or_default();
                    list.iter().filter(|e| e.pointer("/conditions/ready") != Some(&json!(false))).count()
                })
                .sum::<usize>()
        };
        let (was, now) = (ready(before), ready(after));
        let there = before.world.sim.store.get(Kind::Service, &key).is_some();
        if (was != now || !there) && &*key.name != "kubernetes" {
            let mut endpoints = json!({"service": &*key.name, "is": now});
            scope(&mut endpoints, &key.namespace);
            let name = &key.name;
            offer(
                out,
                format!("Service {name} has {now} ready endpoints"),
                format!("서비스 {name}의 준비된 엔드포인트가 {now}개"),
                json!({"endpoints": endpoints}),
            );
        }
    }
}

fn objects(before: &Cluster, after: &Cluster, out: &mut Vec<Suggestion>) {
    let mine = [
        Kind::Pod,
        Kind::Deployment,
        Kind::Service,
        Kind::Ingress,
        Kind::ConfigMap,
        Kind::Secret,
        Kind::Namespace,
        Kind::StatefulSet,
        Kind::DaemonSet,
        Kind::Job,
        Kind::CronJob,
        Kind::PersistentVolumeClaim,
        Kind::LimitRange,
        Kind::ResourceQuota,
        Kind::PodDisruptionBudget,
    ];
    for kind in mine {
        let name = kind.names().1;
        // pods of owners have names that nobody could ask for
        let own = |o: &Obj| kind != Kind::Pod || o.owner_uids().is_empty();
        for (from, to, there) in [(before, after, true), (after, before, false)] {
            for o in to.world.sim.store.list(kind, None).filter(|o| own(o)) {
                let key = o.key();
                if from.world.sim.store.get(kind, &key).is_some() || key.namespace.starts_with("kube-") {
                    continue;
                }
                if &*key.name == "kube-root-ca.crt" {
                    continue;
                }
                let mut count = json!({"kind": name.to_lowercase(), "name": exact(&key.name), "is": i32::from(there)});
                scope(&mut count, &key.namespace);
                let (en, ko) = if there {
                    (format!("{name} {} exists", key.name), format!("{name} {}이(가) 있음", key.name))
                } else {
                    (format!("{name} {} is gone", key.name), format!("{name} {}이(가) 없음", key.name))
                };
                offer(out, en, ko, json!({"count": count}));
            }
        }
    }
}

fn typed(before: &Cluster, after: &Cluster, out: &mut Vec<Suggestion>) {
    let from = before.applied().min(after.applied());
    for l in &after.inputs()[from..after.applied()] {
        if let Input::Line { line, .. } = &l.input {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let pattern: String = line.chars().fold(String::from("^"), |mut p, c| {
                if "\\.+*?()|[]{}^$".contains(c) {
                    p.push('\\');
                }
                p.push(c);
                p
            });
            if pattern.chars().count() <= super::MAX_PATTERN {
                offer(out, format!("`{line}` was typed"), format!("`{line}` 입력"), json!({"typed": pattern}));
            }
        }
    }
}

/// What the author says of a lesson.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// Its name.
    pub id: String,
    /// Its title.
    pub title: Text,
    /// Its goal.
    pub goal: Text,
    /// What there is to do.
    pub task: Text,
    /// A question before it: the question, and its answers with the right one first.
    pub question: Option<(Text, Vec<Text>)>,
    /// A hint.
    pub hint: Option<Text>,
    /// A look back.
    pub why: Option<Text>,
}

fn text(t: &Text) -> Value {
    // what is not written in one language is shown in the other
    let or = |a: &str, b: &str| if a.trim().is_empty() { b.to_owned() } else { a.to_owned() };
    json!({"en": or(&t.en, &t.ko), "ko": or(&t.ko, &t.en)})
}

fn deed(input: &Input) -> Option<Value> {
    Some(match input {
        Input::File { name, text: Some(text) } => json!({"file": {"name": name, "text": text}}),
        Input::File { text: None, .. } => return None,
        Input::Line { line, .. } => json!({"line": line}),
        Input::Interrupt { .. } => json!({"interrupt": true}),
        Input::Fault(fault) => json!({"fault": serde_json::to_value(fault).ok()?}),
        Input::Client(spec) => json!({"client": serde_json::to_value(spec).ok()?}),
        Input::RemoveClient { name } => json!({"end": name}),
    })
}

/// The lesson's file: the session's inputs up to the `from`-th are its setup, the others the solution. Names of pods
/// stay as they are: the seed is kept.
pub fn draft(session: &Cluster, from: usize, words: &Words, checks: &[Value]) -> String {
    let inputs = &session.inputs()[..session.applied()];
    let from = from.min(inputs.len());
    let mut files = Map::new();
    let mut setup = vec![];
    for l in &inputs[..from] {
        // files that are there from the beginning are the lesson's files
        if let (Input::File { name, text: Some(text) }, true) = (&l.input, setup.is_empty()) {
            files.insert(name.clone(), json!(text));
        } else if let Some(mut d) = deed(&l.input) {
            d["at"] = json!(l.at.0 / 1_000);
            setup.push(d);
        }
    }
    let mut solution = vec![];
    let mut last = inputs.get(from).map(|l| l.at);
    for l in &inputs[from..] {
        let gap = last.map_or(0, |t| l.at.0.saturating_sub(t.0)) / 1_000_000;
        if gap > 0 {
            solution.push(json!({"wait": gap.min(super::MAX_SECONDS)}));
        }
        last = Some(l.at);
        solution.extend(deed(&l.input));
    }
    let start = inputs.get(from).map_or(session.now().0, |l| l.at.0) / 1_000;
    let mut steps = vec![json!({"read": text(&words.goal)})];
    if let Some((question, answers)) = &words.question {
        let option = |(i, a): (usize, &Text)| json!({"text": text(a), "right": i == 0, "debrief": text(a)});
        steps.push(
            json!({"predict": text(question), "options": answers.iter().enumerate().map(option).collect::<Vec<_>>()}),
        );
    }
    let mut act = json!({"act": text(&words.task), "checks": checks, "solution": solution});
    if let Some(hint) = &words.hint {
        act["hints"] = json!([{"rung": 1, "text": text(hint)}]);
    }
    steps.push(act);
    if let Some(why) = &words.why {
        steps.push(
            json!({"why": text(why), "look": [{"say": {"en": "Before", "ko": "하기 전"}, "moment": steps.len()}]}),
        );
    }
    let config = &session.world.sim.config;
    let lesson = json!({
        "id": words.id,
        "title": text(&words.title),
        "goal": text(&words.goal),
        "minutes": 10,
        "nodes": config.nodes.len(),
        "seed": config.seed,
        "files": files,
        "setup": setup,
        "start": start,
        "steps": steps,
    });
    yaml::to_yaml(&lesson)
}
