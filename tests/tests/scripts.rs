//! Scripts that replay a session on a real cluster: those of every scenario and of every lesson's solution are read by
//! bash without a complaint and carry out nothing but what such a script may; what a real cluster has no command for is
//! a comment.

use kubarium_core::api::yaml;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::lesson::{self, play};
use kubarium_core::network::clients::ClientSpec;
use kubarium_core::view::export::{self, Target};
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a line of such a script may begin with.
const KNOWN: &[&str] = &[
    "#",
    "set -u",
    "cd ",
    "pick() {",
    "step() {",
    "step ",
    "cat ",
    "rm -f ",
    "mkdir -p ",
    "kubectl ",
    "timeout 30 kubectl ",
    "kind create cluster ",
    "kwokctl create cluster ",
    "docker stop ",
    "docker start ",
    "docker network ",
];

fn texts(folder: &str) -> Vec<(String, String)> {
    let dir = xtask::tools::root().join("static").join(folder);
    let files = std::fs::read_dir(dir).expect("readable").flatten().map(|e| e.path());
    let mut all: Vec<(String, String)> = files
        .filter(|f| f.extension().is_some_and(|e| e == "yaml"))
        .map(|f| (f.display().to_string(), std::fs::read_to_string(&f).expect("readable")))
        .collect();
    all.sort();
    all
}

/// A scenario as the page begins it, and a few faults.
fn scenario(text: &str) -> Cluster {
    let s: Value = yaml::read_value(text).expect("YAML");
    let mut c = Cluster::with_nodes(s["nodes"].as_u64().unwrap_or(3) as usize, 1);
    for (name, text) in s["files"].as_object().into_iter().flatten() {
        c.submit(Input::File { name: name.clone(), text: text.as_str().map(str::to_owned) });
    }
    for step in s["script"].as_array().into_iter().flatten() {
        c.seek(SimTime(step["at"].as_u64().unwrap_or(0) * 1_000));
        let client = serde_json::from_value::<ClientSpec>(step["client"].clone());
        match (step["line"].as_str(), client) {
            (Some(line), _) => c.submit(Input::Line { terminal: 0, line: line.to_owned(), stdin: None }),
            (None, Ok(client)) => c.submit(Input::Client(client)),
            (None, Err(e)) => panic!("{e}: {step}"),
        };
    }
    c.seek(SimTime(s["start"].as_u64().unwrap_or(0) * 1_000));
    for on in [false, true] {
        c.submit(Input::Fault(Fault::NodePower { node: "node-1".into(), on }));
        c.submit(Input::Fault(Fault::NodePartition { node: "node-2".into(), on }));
    }
    c.submit(Input::Interrupt { terminal: 0 });
    c
}

fn solved(text: &str) -> Cluster {
    let lesson = lesson::read(text).expect("a lesson");
    let mut c = play::begin(&lesson).expect("a beginning");
    for deed in lesson.steps.iter().flat_map(|s| &s.solution) {
        play::perform(&mut c, deed).expect("done");
        let to = SimTime(c.now().0 + 15_000_000);
        c.advance(to, 200_000);
    }
    c
}

/// Lines of a script that are carried out, without the texts of files.
fn carried_out(script: &str) -> Vec<&str> {
    let (mut out, mut end) = (vec![], None);
    for line in script.lines() {
        match end {
            Some(e) if line == e => end = None,
            Some(_) => {}
            None => {
                out.push(line);
                end = line.split_once("<<'").and_then(|(_, e)| e.strip_suffix('\''));
            }
        }
    }
    assert_eq!(end, None, "a text has no end");
    out
}

fn bash(name: &str, script: &str) {
    let bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut bash) = bash else { return };
    bash.stdin.take().expect("piped").write_all(script.as_bytes()).expect("read");
    let out = bash.wait_with_output().expect("ends");
    assert!(out.status.success(), "{name}: {}\n{script}", String::from_utf8_lossy(&out.stderr));
}

fn check(name: &str, c: &Cluster) {
    for target in [Target::Kind, Target::Kwok] {
        let script = export::script(c, target, false);
        bash(name, &script);
        bash(name, &export::script(c, target, true));
        for line in carried_out(&script).into_iter().filter(|l| !l.is_empty()) {
            assert!(KNOWN.iter().any(|k| line.starts_with(k)), "{name}: {line}");
        }
        if target == Target::Kwok {
            assert!(!script.contains("\ndocker "), "{name}: KWOK has no machines");
        }
    }
}

#[test]
fn scenarios_become_scripts() {
    for (name, text) in texts("scenarios") {
        let c = scenario(&text);
        assert!(c.applied() > 4, "{name}");
        check(&name, &c);
        let kind = export::script(&c, Target::Kind, false);
        assert!(
            kind.contains("docker stop kubarium-worker\n") && kind.contains("docker start kubarium-worker\n"),
            "{name}"
        );
        assert!(export::script(&c, Target::Kwok, false).contains("# not possible here: NodePower"), "{name}");
    }
}

#[test]
fn lessons_become_scripts() {
    for (name, text) in texts("lessons") {
        check(&name, &solved(&text));
    }
}
