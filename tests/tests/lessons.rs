//! Lessons are tested as code is: each is read, is complete in both languages, its solution passes every check in
//! order, its wrong answers fail as they say, and the index names it. `LESSON=id` runs one and tells what it sees;
//! `LESSON_INDEX=write` writes the index anew.

use kubarium_core::api::yaml;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::lesson::model::{Deed, Lesson, Step, StepKind, Text, Timing};
use kubarium_core::lesson::{self, Mark, Start, Watch, draft, play};
use kubarium_core::terminal::Piece;
use kubarium_core::world::Input;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Seconds that are waited for checks after the last input of a solution.
const PATIENCE: u64 = 300;

/// Chapters in their order.
const CHAPTERS: &[&str] = &["pods", "workloads", "network", "inside", "resources", "life", "config", "batch", "state"];

/// What learners' notes have people type, in our own words: each occurs in a lesson.
const COMMANDS: &[&str] = &[
    "kubectl get pods",
    "kubectl run .* --image=",
    "kubectl wait --for=condition=Ready pod",
    "kubectl describe pod",
    "kubectl get pods? .* -o custom-columns=",
    "kubectl get pod .* -o json",
    "kubectl get pod .* -o yaml",
    "kubectl get .* -o jsonpath=",
    "kubectl port-forward",
    "kubectl create deployment .* --image=",
    "kubectl get pods -l ",
    "kubectl get pods -l '!",
    "kubectl get pods -l '.* in \\(",
    "kubectl label pods? .* --overwrite",
    "kubectl label node",
    "kubectl annotate pod",
    "kubectl apply -f",
    "kubectl create -f",
    "kubectl expose pod .* --type=NodePort",
    "kubectl expose deployment .* --type=LoadBalancer",
    "kubectl get (po|pods) -o wide",
    "kubectl scale deployment .* --replicas=",
    "kubectl get all",
    "kubectl get deploy",
    "kubectl get replicasets?",
    "kubectl rollout history deployment",
    "kubectl rollout history .* --revision=",
    "kubectl rollout undo",
    "kubectl rollout undo .* --to-revision=",
    "kubectl describe service",
    "kubectl exec .* env",
    "kubectl describe configmap",
    "kubectl logs ",
    "kubectl logs .* -c ",
    "kubectl get ns",
    "kubectl create namespace",
    "kubectl get pods? -n ",
    "kubectl delete pod",
    "kubectl delete pods? -l ",
    "kubectl delete (ns|namespace)",
    "kubectl get cronjob",
    "kubectl delete deployment",
    "kubectl delete service",
    "kubectl get pods -l app$",
    "kubectl exec .* env \\| grep DB",
    ".* \\| kubectl apply -f -",
    "kubectl get pvc",
    "kubectl get ingress",
    "kubectl set image",
    "kubectl rollout status",
    "kubectl wait --for=condition=Complete",
];

/// What such notes treat, chapter by chapter: the lesson that does, and a word that stands in it.
const TOPICS: &[(&str, &str)] = &[
    // containers, pods, who looks after them
    ("containers-and-pods", "wraps it in a \\*\\*pod"),
    ("containers-and-pods", "containerID"),
    ("restart", "the loss of the pod itself"),
    ("restart", "CrashLoopBackOff"),
    ("deployments", "ReplicaSet"),
    ("labels", "-l 'app in \\("),
    ("labels", "annotate"),
    ("manifests", "desired state"),
    ("manifests", "apiVersion"),
    // several containers, init containers
    ("multi-container", "localhost"),
    ("multi-container", "cannot both listen"),
    ("multi-container", "Init containers"),
    ("multi-container", "sidecar"),
    ("multi-container", "ambassador"),
    ("multi-container", "logs go with the pod"),
    // versions
    ("scaling", "replicas: 4"),
    ("rolling-update", "to-revision"),
    ("rolling-update", "history"),
    ("strategies", "Recreate"),
    ("strategies", "maxSurge"),
    ("strategies", "maxUnavailable"),
    // the network
    ("services", "ClusterIP"),
    ("services", "NodePort"),
    ("services", "LoadBalancer"),
    ("services", "ExternalName"),
    ("services", "<pending>"),
    ("traffic-policy", "externalTrafficPolicy: Local"),
    ("ingress", "Ingress"),
    // the control plane
    ("control-plane", "API server"),
    ("control-plane", "etcd"),
    ("control-plane", "scheduler"),
    ("control-plane", "controllers"),
    ("control-plane", "cloud controller manager"),
    ("control-plane", "kubelet"),
    ("control-plane", "kube-proxy"),
    ("scheduling", "nodeSelector"),
    ("scheduling", "kubernetes.io/hostname"),
    ("scheduling", "scores"),
    ("scheduling", "taint"),
    ("node-failure", "NotReady"),
    // resources
    ("requests-limits", "overcommit"),
    ("requests-limits", "QoS"),
    ("requests-limits", "OOM"),
    ("quota", "LimitRange"),
    ("quota", "ResourceQuota"),
    // life
    ("probes", "readiness"),
    ("probes", "liveness"),
    ("probes", "initialDelaySeconds"),
    ("termination", "SIGTERM"),
    ("termination", "SIGKILL"),
    ("termination", "preStop"),
    // settings
    ("config", "base64"),
    ("config", "ConfigMap"),
    ("config", "Secret"),
    ("config", "volume"),
    ("namespaces", "kube-system"),
    ("namespaces", "kube-public"),
    ("namespaces", "isolates nothing on the network"),
    // work that ends, one on every node, names and disks
    ("jobs", "backoffLimit"),
    ("jobs", "parallelism"),
    ("jobs", "completions"),
    ("jobs", "queue"),
    ("cronjobs", "concurrencyPolicy"),
    ("cronjobs", "Forbid"),
    ("cronjobs", "UTC"),
    ("cronjobs", "(?i)idempotent|twice"),
    ("daemonsets", "every node"),
    ("statefulsets", "disk"),
];

fn dir() -> PathBuf {
    xtask::tools::root().join("static/lessons")
}

fn all() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(dir())
        .unwrap()
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .map(|p| (p.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&p).unwrap()))
        .collect();
    found.sort();
    found
}

fn chosen() -> Vec<(String, Lesson)> {
    let only = std::env::var("LESSON").ok();
    all()
        .into_iter()
        .filter(|(id, _)| only.as_ref().is_none_or(|o| o == id))
        .map(|(id, text)| {
            let lesson = lesson::read(&text).unwrap_or_else(|e| panic!("{id}: {e}"));
            assert_eq!(lesson.id, id, "a lesson bears the name of its file");
            (id, lesson)
        })
        .collect()
}

fn tell(cluster: &Cluster, from: u64) -> String {
    let mut out = String::new();
    for c in cluster.world.terminals.since(from) {
        match &c.piece {
            Piece::Line(t) => out.push_str(&format!("[{:.1}] $ {t}\n", c.at.0 as f64 / 1e6)),
            Piece::Out(t) | Piece::Err(t) => out.push_str(t),
            _ => {}
        }
    }
    out
}

/// Does these things and looks all the while, then waits for at most so many seconds.
fn work(step: &Step, watch: &mut Watch, cluster: &mut Cluster, deeds: &[Deed], patience: u64) -> Result<(), String> {
    for deed in deeds {
        if let Deed::Wait(seconds) = deed {
            let to = SimTime(cluster.now().0 + seconds * 1_000_000);
            while !watch.advance(&step.checks, cluster, to, 100_000).done {}
        } else {
            play::perform(cluster, deed)?;
            watch.look(&step.checks, cluster);
            // a person needs a moment between two lines
            let to = SimTime(cluster.now().0 + 200_000);
            while !watch.advance(&step.checks, cluster, to, 100_000).done {}
        }
    }
    let end = cluster.now().0 + patience * 1_000_000;
    while watch.passed().is_none() && !watch.failed() && cluster.now().0 < end {
        let to = SimTime((cluster.now().0 + 1_000_000).min(end));
        while !watch.advance(&step.checks, cluster, to, 100_000).done {}
    }
    Ok(())
}

fn run(id: &str, lesson: &Lesson, loud: bool) -> Result<(), String> {
    let mut cluster = play::begin(lesson)?;
    if loud {
        eprintln!("--- {id} begins\n{}", tell(&cluster, 0));
    }
    for (i, step) in lesson.steps.iter().enumerate() {
        let place = format!("{id}, step {}", i + 1);
        if step.kind != StepKind::Act {
            let watch = Watch::begin(&[], &cluster);
            for look in &step.look {
                if !watch.leads(look, &cluster) {
                    return Err(format!("{place}: the link {:?} leads nowhere", look.say.en));
                }
            }
            continue;
        }
        let chunk = cluster.world.terminals.count();
        let fresh = Watch::begin(&step.checks, &cluster);
        if fresh.passed().is_some() {
            return Err(format!("{place}: passes before anything is done"));
        }
        for (n, wrong) in step.wrong.iter().enumerate() {
            let place = format!("{place}, wrong answer {}", n + 1);
            let mut other = cluster.fork();
            let mut watch = Watch::begin(&step.checks, &other);
            work(step, &mut watch, &mut other, &wrong.deeds, 20).map_err(|e| format!("{place}: {e}"))?;
            let marks = watch.marks(&step.checks);
            if loud {
                eprintln!("{place}: {marks:?}\n{}", tell(&other, chunk));
            }
            if watch.passed().is_some() {
                return Err(format!("{place} passes"));
            }
            if let Some(c) = wrong.check
                && marks[c] == Mark::Done
            {
                return Err(format!("{place}: check {} is done: {marks:?}", c + 1));
            }
            if let Some(h) = wrong.hint {
                let shown = watch.hint(&step.hints, step.hints[h].rung, &other);
                if shown != Some(h) {
                    return Err(format!("{place}: the hint shown is {:?}", shown.map(|h| h + 1)));
                }
            }
        }
        let mut watch = Watch::begin(&step.checks, &cluster);
        work(step, &mut watch, &mut cluster, &step.solution, PATIENCE).map_err(|e| format!("{place}: {e}"))?;
        let marks = watch.marks(&step.checks);
        if loud {
            eprintln!("{place}: {marks:?}\n{}", tell(&cluster, chunk));
        }
        if watch.passed().is_none() {
            return Err(format!("{place}: the solution does not pass: {marks:?}\n{}", tell(&cluster, chunk)));
        }
        // a session that is rewound and played again is judged the same
        let again = Watch::again(watch.start.clone(), &step.checks, &cluster);
        if again.passed() != watch.passed() || again.marks(&step.checks) != marks {
            return Err(format!("{place}: judged differently when played again: {:?}", again.marks(&step.checks)));
        }
        for look in &step.look {
            if !watch.leads(look, &cluster) {
                return Err(format!("{place}: the link {:?} leads nowhere", look.say.en));
            }
        }
    }
    Ok(())
}

#[test]
fn solutions_pass_and_wrong_answers_do_not() {
    let loud = std::env::var_os("LESSON").is_some();
    let wrong: Vec<String> = chosen().iter().filter_map(|(id, l)| run(id, l, loud).err()).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn texts(lesson: &Lesson) -> Vec<(String, Text)> {
    let mut out = vec![("title".to_owned(), lesson.title.clone()), ("goal".to_owned(), lesson.goal.clone())];
    out.extend(lesson.notes.iter().map(|t| ("notes".to_owned(), t.clone())));
    for (i, s) in lesson.steps.iter().enumerate() {
        let mut add = |what: String, t: &Text| out.push((format!("step {} {what}", i + 1), t.clone()));
        add("text".into(), &s.text);
        s.title.iter().for_each(|t| add("title".into(), t));
        s.notes.iter().for_each(|t| add("notes".into(), t));
        for o in &s.options {
            add("option".into(), &o.text);
            add("debrief".into(), &o.debrief);
        }
        s.checks.iter().for_each(|c| add("check".into(), &c.say));
        s.hints.iter().for_each(|h| add("hint".into(), &h.text));
        s.look.iter().for_each(|l| add("look".into(), &l.say));
    }
    out
}

#[test]
fn lessons_are_whole() {
    let korean = |t: &str| t.chars().any(|c| ('가'..='힣').contains(&c));
    // names and commands alone need no translation
    let bare = |t: &str| t.split('`').step_by(2).all(|part| !part.chars().any(char::is_alphabetic));
    let mut wrong = vec![];
    for (id, lesson) in chosen() {
        if !CHAPTERS.contains(&lesson.chapter.as_str()) {
            wrong.push(format!("{id}: no chapter {:?}", lesson.chapter));
        }
        if !(5..=15).contains(&lesson.minutes) {
            wrong.push(format!("{id}: takes {} minutes", lesson.minutes));
        }
        for (place, t) in texts(&lesson) {
            if korean(&t.en) {
                wrong.push(format!("{id}, {place}: the English is Korean: {}", t.en));
            }
            if !korean(&t.ko) && !bare(&t.ko) && t.ko.chars().filter(|c| c.is_alphabetic()).count() > 24 {
                wrong.push(format!("{id}, {place}: the Korean is not: {}", t.ko));
            }
        }
        let has = |kind| lesson.steps.iter().any(|s| s.kind == kind);
        for kind in [StepKind::Predict, StepKind::Act, StepKind::Why] {
            if !has(kind) {
                wrong.push(format!("{id}: has no step of {kind:?}"));
            }
        }
        for (i, s) in lesson.steps.iter().enumerate().filter(|(_, s)| s.kind == StepKind::Act) {
            let rungs: BTreeSet<u8> = s.hints.iter().map(|h| h.rung).collect();
            if rungs.len() != 3 {
                wrong.push(format!("{id}, step {}: hints on rungs {rungs:?}", i + 1));
            }
            if s.solution.is_empty() {
                wrong.push(format!("{id}, step {}: no solution", i + 1));
            }
            if s.wrong.is_empty() {
                wrong.push(format!("{id}, step {}: no wrong answer", i + 1));
            }
            if s.hints.iter().all(|h| h.when.is_none()) {
                wrong.push(format!("{id}, step {}: no hint depends on what was done", i + 1));
            }
            if (1..=3).any(|r| !s.hints.iter().any(|h| h.rung == r && h.when.is_none())) {
                wrong.push(format!("{id}, step {}: a rung has no hint that always fits", i + 1));
            }
        }
        if !lesson.steps.iter().flat_map(|s| &s.wrong).any(|w| w.hint.is_some()) {
            wrong.push(format!("{id}: no wrong answer says which hint it calls for"));
        }
        if !lesson.steps.iter().flat_map(|s| &s.checks).any(|c| c.time != Timing::Eventually(None)) {
            wrong.push(format!("{id}: no check over time"));
        }
        if lesson.notes.is_none() && lesson.steps.iter().all(|s| s.notes.is_none()) {
            wrong.push(format!("{id}: no notes for the one who presents it"));
        }
        if !lesson.steps.iter().any(|s| s.kind == StepKind::Why && !s.look.is_empty()) {
            wrong.push(format!("{id}: its debrief leads nowhere back"));
        }
        for s in &lesson.steps {
            if s.kind == StepKind::Predict && s.options.iter().filter(|o| o.right).count() != 1 {
                wrong.push(format!("{id}: a question has one right answer"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn commands_of_learners_notes_occur() {
    if std::env::var_os("LESSON").is_some() {
        return;
    }
    let mut lines = vec![];
    for (_, lesson) in chosen() {
        for deed in lesson.steps.iter().flat_map(|s| &s.solution) {
            if let Deed::Line(line) = deed {
                lines.push(line.clone());
            }
        }
    }
    let missing: Vec<&str> = COMMANDS
        .iter()
        .filter(|c| {
            let pattern = regex_lite::Regex::new(&format!("^{c}")).unwrap();
            !lines.iter().any(|l| pattern.is_match(l))
        })
        .copied()
        .collect();
    assert!(missing.is_empty(), "no lesson has: {missing:#?}");
}

#[test]
fn topics_of_learners_notes_are_treated() {
    let texts: std::collections::BTreeMap<String, String> = all().into_iter().collect();
    let missing: Vec<String> = TOPICS
        .iter()
        .filter(|(id, word)| {
            let pattern = regex_lite::Regex::new(word).unwrap();
            texts.get(*id).is_none_or(|t| !pattern.is_match(t))
        })
        .map(|(id, word)| format!("{id}: {word}"))
        .collect();
    assert!(missing.is_empty(), "no word of: {missing:#?}");
}

#[test]
fn the_index_names_every_lesson() {
    let mut list: Vec<Lesson> =
        all().iter().map(|(id, t)| lesson::read(t).unwrap_or_else(|e| panic!("{id}: {e}"))).collect();
    let order = |l: &Lesson| CHAPTERS.iter().position(|c| *c == l.chapter);
    let kept: Vec<Value> = std::fs::read_to_string(dir().join("index.json"))
        .ok()
        .and_then(|t| serde_json::from_str(&t).ok())
        .unwrap_or_default();
    // within a chapter the order is the index's own
    let place = |l: &Lesson| kept.iter().position(|k| k["id"] == json!(l.id)).unwrap_or(usize::MAX);
    list.sort_by_key(|l| (order(l), place(l)));
    let text = |t: &Text| json!({"en": t.en, "ko": t.ko});
    let rows: Vec<Value> = list
        .iter()
        .map(|l| {
            json!({"id": l.id, "chapter": l.chapter, "minutes": l.minutes, "steps": l.steps.len(), "title": text(&l.title), "goal": text(&l.goal)})
        })
        .collect();
    if std::env::var("LESSON_INDEX").is_ok_and(|v| v == "write") {
        let text = serde_json::to_string_pretty(&rows).unwrap() + "\n";
        std::fs::write(dir().join("index.json"), text).unwrap();
    } else {
        assert_eq!(rows, kept, "LESSON_INDEX=write makes it anew");
    }
}

#[test]
fn a_session_becomes_a_lesson_that_its_own_inputs_pass() {
    let mut c = Cluster::with_nodes(2, 5);
    let line = |c: &mut Cluster, line: &str| {
        c.submit(Input::Line { terminal: 0, line: line.to_owned(), stdin: None });
        let to = SimTime(c.now().0 + 8_000_000);
        c.advance(to, u64::MAX);
    };
    c.advance(SimTime(1_000_000), u64::MAX);
    c.submit(Input::File { name: "a.yaml".into(), text: Some("kind: nothing\n".into()) });
    line(&mut c, "kubectl create deployment web --image=nginx:1.27 --replicas=2");
    line(&mut c, "kubectl expose deployment web --port=80");
    let (before, from) = (c.clone(), c.applied());
    line(&mut c, "kubectl scale deployment web --replicas=5");
    let offers = draft::suggest(&before, &c);
    let goal = offers.iter().find(|s| s.say.en == "Deployment web has 5 ready").expect("the goal is suggested");
    assert!(offers.iter().any(|s| s.say.en == "Service web has 5 ready endpoints"));
    let t = |s: &str| Text { en: s.to_owned(), ko: format!("{s} 한글") };
    let words = draft::Words {
        id: "mine".into(),
        title: t("Title"),
        goal: t("Goal"),
        task: t("Task"),
        question: Some((t("Question"), vec![t("yes"), t("no")])),
        hint: Some(t("Hint")),
        why: Some(t("Why")),
    };
    let text = draft::draft(&c, from, &words, std::slice::from_ref(&goal.check));
    let lesson = lesson::read(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!((lesson.nodes, lesson.seed, lesson.steps.len()), (2, 5, 4));
    assert!(lesson.files.contains_key("a.yaml"));
    run("mine", &lesson, false).unwrap();
}

#[test]
fn a_check_over_time_says_the_same_however_it_is_looked_at() {
    let text = r"
id: t
title: {en: T, ko: 가}
goal: {en: T, ko: 가}
nodes: 2
setup:
- {at: 500, line: kubectl create deployment web --image=nginx:1.27 --replicas=3}
- {at: 600, line: kubectl expose deployment web --port=80}
start: 20000
steps:
- act: {en: T, ko: 가}
  checks:
  - {say: {en: T, ko: 가}, count: {kind: deploy, where: [{path: status.readyReplicas, is: 4}]}, holds: 10}
  - {say: {en: T, ko: 가}, endpoints: {service: web, min: 3}, always: true}
  - {say: {en: T, ko: 가}, endpoints: {service: web, is: 0}, never: true}
  - {say: {en: T, ko: 가}, typed: '^kubectl scale', within: 5}
  - {say: {en: T, ko: 가}, count: {kind: pod, new: true, is: 1}, after: 4, within: 30}
";
    let lesson = lesson::read(text).unwrap();
    let checks = &lesson.steps[0].checks;
    let play = |slice: u64, line: &str| {
        let mut c = play::begin(&lesson).unwrap();
        let mut w = Watch::begin(checks, &c);
        play::perform(&mut c, &Deed::Line(line.to_owned())).unwrap();
        w.look(checks, &c);
        let end = c.now().0 + 40_000_000;
        while c.now().0 < end {
            let to = SimTime((c.now().0 + slice).min(end));
            w.advance(checks, &mut c, to, 1_000_000);
        }
        (w.passed().is_some(), w.marks(checks), c)
    };
    let good = "kubectl   scale deployment web --replicas=4";
    let (passed, marks, c) = play(16_000, good);
    assert!(passed, "{marks:?}");
    assert_eq!((true, marks.clone()), {
        let p = play(40_000_000, good);
        (p.0, p.1)
    });
    let bad = "kubectl scale deployment web --replicas=2";
    let (passed, marks, _) = play(16_000, bad);
    assert!(!passed);
    assert_eq!(marks[1], Mark::Failed);
    assert_eq!(marks[4], Mark::Failed, "within 30 seconds after the line");
    assert_eq!(marks, play(7_000_000, bad).1);
    // a rewound session: before its beginning nothing is done
    let start = Start::here(&play::begin(&lesson).unwrap());
    let mut back = c.clone();
    back.seek(SimTime(10_000_000));
    let w = Watch::again(start.clone(), checks, &back);
    assert!(w.marks(checks).iter().all(|m| *m == Mark::Open || *m == Mark::Holding));
    back.seek(SimTime(21_000_000));
    assert!(Watch::again(start.clone(), checks, &back).passed().is_none());
    back.seek(c.now());
    assert!(Watch::again(start, checks, &back).passed().is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Lessons come from strangers: whatever stands in the file, there is a lesson or a complaint.
    #[test]
    fn damaged_lessons_are_complained_about(cut in 0.0f64..1.0, len in 0usize..12, junk in "[ -~가-힣\\n]{0,12}", which in 0usize..100) {
        let list = all();
        let text = &list[which % list.len()].1;
        let mut at = (text.len() as f64 * cut) as usize;
        while !text.is_char_boundary(at) { at -= 1; }
        let mut end = (at + len).min(text.len());
        while !text.is_char_boundary(end) { end += 1; }
        let damaged = format!("{}{junk}{}", &text[..at], &text[end..]);
        if let Err(e) = lesson::read(&damaged) {
            prop_assert!(!e.problem.is_empty());
            prop_assert!(e.to_string().chars().count() < 2_000);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\\n]{0,300}") {
        let _ = lesson::read(&text);
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let base = |more: &str| format!("id: a\ntitle: {{en: A, ko: 가}}\ngoal: {{en: A, ko: 가}}\n{more}");
    let says = |text: &str, part: &str| {
        let e = lesson::read(text).expect_err(part).to_string();
        assert!(e.contains(part), "{e}");
    };
    says(&"x".repeat(lesson::MAX_TEXT + 1), "larger than");
    let step = "- read: {en: A, ko: 가}\n";
    says(&base(&format!("steps:\n{}", step.repeat(lesson::MAX_STEPS + 1))), "at most 40");
    says(&base(&format!("nodes: 9000\nsteps:\n{step}")), "nodes: must be at most");
    says(&base(&format!("steps:\n- read: {{en: {}, ko: 가}}\n", "a".repeat(5_000))), "longer than");
    says(&base(&format!("start: 99999999999\nsteps:\n{step}")), "start: must be at most");
    // a bomb of aliases
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    assert!(lesson::read(bomb).is_err());
    let _ = yaml::to_yaml(&json!({}));
}
