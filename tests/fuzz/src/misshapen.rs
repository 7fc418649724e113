//! Objects in which a part is not what it should be (a text for a list, a number for an object, nothing at all), put
//! before every command that reads a file. What must hold: no panic, and the cluster goes on.

use super::choices::Choices;
use kubarium_core::api::yaml;
use kubarium_core::clock::SimDuration;
use kubarium_core::cluster::Cluster;
use kubarium_core::world::Input;
use serde_json::{Value, json};

/// What people write, whole.
pub(crate) const OBJECTS: &str = include_str!("objects.yaml");

/// Commands that read objects.
const COMMANDS: &[&str] = &[
    "apply -f -",
    "apply -f - --server-side --force-conflicts",
    "apply -f - --dry-run=client -o yaml",
    "apply -f - --prune -l app=web",
    "apply view-last-applied -f -",
    "apply set-last-applied -f - --create-annotation",
    "create -f -",
    "create -f - --dry-run=client -o json",
    "create -f - --save-config --validate=false",
    "replace -f -",
    "replace --force -f -",
    "diff -f -",
    "delete -f - --ignore-not-found",
    "get -f - -o wide",
    "get -f - -o jsonpath={..image}",
    "describe -f -",
    "label -f - a=b --overwrite",
    "label -f - a=b --local -o yaml",
    "annotate -f - a=b --local -o yaml",
    "patch -f - -p {\"metadata\":{\"labels\":{\"a\":\"b\"}}} --local -o yaml",
    "patch -f - --type=json -p [{\"op\":\"add\",\"path\":\"/spec/x\",\"value\":1}] --local -o yaml",
    "set image -f - *=nginx:1.25 --local -o yaml",
    "set env -f - A=b --local -o yaml",
    "set env -f - --list --local",
    "set resources -f - --limits=cpu=1 --local -o yaml",
    "set selector -f - a=b --local -o yaml",
    "set serviceaccount -f - x --local -o yaml",
    "set subject -f - --user=x --local -o yaml",
    "scale -f - --replicas=2",
    "autoscale -f - --max=3",
    "expose -f - --port=80",
    "expose -f - --port=80 --dry-run=client -o yaml",
    "rollout restart -f -",
    "rollout status -f - --timeout=1s",
    "rollout history -f -",
    "rollout undo -f -",
    "wait -f - --for=condition=Ready --timeout=1s",
    "auth reconcile -f -",
    "certificate approve -f -",
    "certificate deny -f - --force",
    "explain -f -",
    "run x --image=nginx --overrides=\"$OBJECT\"",
    "kustomize .",
    "apply -k .",
    "diff -k .",
    "delete -k . --ignore-not-found",
];

/// Kustomizations, each beside `odd.yaml`.
const KUSTOMIZATIONS: &[&str] = &[
    "namePrefix: x-",
    "nameSuffix: -y\nnamespace: space",
    "commonLabels: {a: b}\nlabels: [{pairs: {c: d}, includeSelectors: true}]\ncommonAnnotations: {e: f}",
    "images: [{name: nginx, newTag: a}]\nreplicas: [{name: web, count: 3}, {name: db, count: 1}]",
    "configMapGenerator: [{name: settings, literals: [a=b]}]\nsecretGenerator: [{name: keys, literals: [a=b]}]",
    "patches: [{target: {name: web}, path: patch.yaml}]\nnameSuffix: -y",
    "patches: [{path: patch.yaml}]",
    "patchesStrategicMerge: [patch.yaml]",
    "patches: [{target: {kind: .*}, patch: '[{\"op\":\"remove\",\"path\":\"/spec\"}]'}]\nnamePrefix: x-\ncommonLabels: {a: b}",
    "patches: [{target: {kind: .*}, patch: '[{\"op\":\"replace\",\"path\":\"/metadata\",\"value\":{}}]'}]\nnamePrefix: x-",
];

/// What stands where something else should.
fn strange(c: &mut Choices) -> Value {
    match c.below(14) {
        0 => Value::Null,
        1 => json!("text"),
        2 => json!(""),
        3 => json!(7),
        4 => json!(-1),
        5 => json!(u64::MAX),
        6 => json!(1.5e300),
        7 => json!(true),
        8 => json!([]),
        9 => json!({}),
        10 => json!(["text", 1, null]),
        11 => json!({"a": {"b": [{}]}, "name": 3}),
        12 => json!([[{"name": []}], {"name": "web"}]),
        _ => json!("\u{d55c}\u{ae00}\n\0 '\" {{ $"),
    }
}

/// A part somewhere in an object, the deeper the more often.
fn part<'a>(v: &'a mut Value, c: &mut Choices) -> &'a mut Value {
    let inside = match v {
        Value::Object(map) => map.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    };
    if inside == 0 || c.below(6) == 0 {
        return v;
    }
    let n = c.below(inside);
    match v {
        Value::Object(map) => part(map.values_mut().nth(n).expect("counted"), c),
        Value::Array(list) => part(&mut list[n], c),
        _ => v,
    }
}

/// Misshapes an object in one to three places.
fn misshape(v: &mut Value, c: &mut Choices) {
    for _ in 0..=c.below(3) {
        let at = part(v, c);
        match (c.below(4), &mut *at) {
            (0, Value::Object(map)) if !map.is_empty() => {
                let key = map.keys().nth(c.below(map.len())).cloned().unwrap_or_default();
                map.remove(&key);
            }
            (1, Value::Object(map)) => {
                let field = c.of(&["metadata", "spec", "name", "items", "$patch", "status", "\u{d55c}"]);
                map.insert(field.into(), strange(c));
            }
            (2, Value::Array(list)) => list.push(strange(c)),
            _ => *at = strange(c),
        }
    }
}

fn objects() -> Vec<Value> {
    OBJECTS.split("\n---\n").map(|text| yaml::read_value(text).expect("an object")).collect()
}

/// The cluster that all of them begin with: everything whole is there.
pub fn cluster() -> Cluster {
    let mut cluster = Cluster::with_nodes(2, 1);
    pass(&mut cluster, 3_000);
    // twice: the kind of the last but few is known only after the first time
    for _ in 0..2 {
        line(&mut cluster, "kubectl apply -f -", Some(OBJECTS.into()));
        pass(&mut cluster, 10_000);
    }
    cluster
}

pub(crate) fn line(cluster: &mut Cluster, line: &str, stdin: Option<String>) {
    cluster.submit(Input::Line { terminal: 0, line: line.into(), stdin });
}

pub(crate) fn pass(cluster: &mut Cluster, millis: u64) {
    let until = cluster.now() + SimDuration::from_millis(millis);
    cluster.advance(until, 50_000);
}

fn file(cluster: &mut Cluster, name: &str, text: String) {
    cluster.submit(Input::File { name: name.into(), text: Some(text) });
}

/// Plays bytes before a cluster made by [`cluster`].
pub fn play(cluster: &Cluster, bytes: &[u8], most: usize) {
    let mut cluster = cluster.clone();
    let all = objects();
    let c = &mut Choices(bytes);
    for _ in 0..most {
        if c.done() {
            break;
        }
        let mut object = all[c.below(all.len())].clone();
        misshape(&mut object, c);
        if c.below(8) == 0 {
            object = json!({"apiVersion": "v1", "kind": "List", "items": [object, strange(c)]});
        }
        let command = c.of(COMMANDS);
        let text = object.to_string();
        if command.contains(" .") || command.contains("-k") {
            let mut k: Value = yaml::read_value(c.of(KUSTOMIZATIONS)).expect("a kustomization");
            if c.below(2) == 0 {
                misshape(&mut k, c);
            }
            if let Some(k) = k.as_object_mut() {
                k.insert("resources".into(), json!(["odd.yaml"]));
            }
            let mut patch = all[c.below(all.len())].clone();
            misshape(&mut patch, c);
            file(&mut cluster, "kustomization.yaml", k.to_string());
            file(&mut cluster, "odd.yaml", text.clone());
            file(&mut cluster, "patch.yaml", patch.to_string());
        }
        let said = format!("kubectl {}", command.replace("\"$OBJECT\"", &format!("'{}'", text.replace('\'', ""))));
        line(&mut cluster, &said, Some(text));
        pass(&mut cluster, 1_500);
    }
}
