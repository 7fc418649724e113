//! Links of every released format stay readable: those in `tests/data/links` are read and replayed. Where the engine is
//! the one that wrote them, the worlds must be the same too; where it is another, the page says so (a browser test).
//! `KUBARIUM_WRITE_LINKS=1 cargo test -p kubarium-tests --test links` writes those that are not there yet. An engine
//! whose replays come out differently needs a new version (`core/Cargo.toml`), so that links that were given away are
//! known to be of another one; until a version is released, `KUBARIUM_WRITE_LINKS=again` writes its links anew.

use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::lesson::{self, Start, play};
use kubarium_core::network::clients::ClientSpec;
use kubarium_core::view::link::{self, Other, Shared};
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;
use std::path::{Path, PathBuf};

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/links")
}

fn line(c: &mut Cluster, at: u64, line: &str) {
    c.seek(SimTime::from_secs(at));
    c.submit(Input::Line { terminal: 0, line: line.to_owned(), stdin: None });
}

fn start() -> Cluster {
    let mut c = Cluster::with_nodes(3, 7);
    line(&mut c, 3, "kubectl create deployment web --image=nginx:1.25 --replicas=3 --port=80");
    line(&mut c, 5, "kubectl expose deployment web");
    c
}

/// Sessions of each sort, as a page would share them.
fn sessions() -> Vec<(&'static str, Shared)> {
    let shared = |c: &Cluster| Shared {
        engine: link::ENGINE.into(),
        session: c.record(),
        hash: c.hash(),
        scenario: String::new(),
        language: "ko".into(),
        files: Default::default(),
        layout: Default::default(),
        beside: None,
    };
    let mut scenario = start();
    scenario.submit(Input::File {
        name: "web.yaml".into(),
        text: Some("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n".into()),
    });
    line(&mut scenario, 12, "kubectl apply -f web.yaml");
    line(&mut scenario, 20, "kubectl set image deployment/web nginx=nginx:1.26");
    scenario.seek(SimTime::from_secs(45));
    let mut first = shared(&scenario);
    first.scenario = "rolling-update".into();
    first.layout.insert("selected".into(), "deployment/default/web".into());
    first.files.insert("note.yaml".into(), "# 아직 적용하지 않음\n".into());

    let mut faults = start();
    faults.seek(SimTime::from_secs(20));
    faults.submit(Input::Fault(Fault::NodePower { node: "node-1".into(), on: false }));
    faults.seek(SimTime::from_secs(90));

    let mut clients = start();
    clients.seek(SimTime::from_secs(20));
    let spec = serde_json::json!({"name": "visitors", "url": "http://web", "load": {"Steady": {"rate": 5}}});
    if let Ok(spec) = serde_json::from_value::<ClientSpec>(spec) {
        clients.submit(Input::Client(spec));
    }
    clients.seek(SimTime::from_secs(40));

    let mut old = start();
    line(&mut old, 20, "kubectl scale deployment web --replicas=5");
    old.seek(SimTime::from_secs(40));
    let mut new = old.clone();
    new.seek(SimTime::from_secs(15));
    line(&mut new, 15, "kubectl scale deployment web --replicas=1");
    new.seek(SimTime::from_secs(40));
    let mut branch = shared(&new);
    branch.beside = Some(Other::of("five", &branch.session, &old.whole_record(), old.now()));

    // a lesson at its second step, as the page packs it
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static/lessons/labels.yaml");
    let learned = lesson::read(&std::fs::read_to_string(file).expect("readable")).expect("a lesson");
    let mut taught = play::begin(&learned).expect("a beginning");
    let (one, two) = (Start::here(&taught), Start::here(&taught));
    line(&mut taught, 20, "kubectl get pods -l app=shop");
    taught.seek(SimTime::from_secs(24));
    let run = serde_json::json!({"id": "labels", "step": 1, "went": [{"start": one, "passed": true}, {"start": two, "rung": 1}]});
    let mut lesson = shared(&taught);
    lesson.layout.insert("lesson".into(), run.to_string());

    vec![
        ("scenario", first),
        ("faults", shared(&faults)),
        ("clients", shared(&clients)),
        ("branch", branch),
        ("lesson", lesson),
    ]
}

#[test]
fn links_that_were_given_away_are_read() {
    if let Some(how) = std::env::var_os("KUBARIUM_WRITE_LINKS") {
        for (name, shared) in sessions() {
            let file = place().join(format!("v{}-{name}.txt", link::ENGINE));
            if !file.exists() || how == "again" {
                std::fs::write(&file, link::encode(&shared) + "\n").expect("writable");
            }
        }
    }
    let (mut seen, mut ours) = (0, 0);
    let mut wrong = vec![];
    for entry in std::fs::read_dir(place()).expect("links").flatten() {
        let file = entry.path();
        if file.extension().is_none_or(|e| e != "txt") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&file).expect("readable");
        let name = file.display();
        let shared = link::decode(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!shared.session.inputs.is_empty(), "{name}");
        let c = Cluster::replay(&shared.session, 3_000_000);
        assert_eq!(c.now(), shared.session.now, "{name}");
        assert_eq!(c.applied(), shared.session.inputs.len(), "{name}");
        if shared.engine == link::ENGINE {
            ours += 1;
            if c.hash() != shared.hash {
                wrong.push(name.to_string());
            }
        }
        if let Some(other) = &shared.beside {
            let mut second = Cluster::replay(&other.record(&shared.session), 0);
            second.seek(shared.session.now);
            assert_ne!(second.hash(), c.hash(), "{name}: the branches differ");
        }
    }
    assert!(seen >= 9 && ours >= 5, "{seen} links, {ours} of this version");
    assert!(
        wrong.is_empty(),
        "these come out differently, so this is another engine than the one that wrote them (see the top of this file): {wrong:#?}"
    );
}

/// What a link of today says is what its reader gets.
#[test]
fn links_of_today_come_out_as_they_were() {
    for (name, shared) in sessions() {
        let read = link::decode(&link::encode(&shared)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(read, shared, "{name}");
        assert_eq!(Cluster::replay(&read.session, 3_000_000).hash(), shared.hash, "{name}");
    }
}
