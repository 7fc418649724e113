//! Properties of Jobs and CronJobs that hold whatever their pods do: nothing is counted twice or lost, no more runs at
//! once than may, failures are waited after, indexes are run once, a sync that has nothing to do writes nothing, and
//! in the end every Job ends.

use kubarium_core::apiserver::request::{Method, Request};
use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use kubarium_core::controllers::job::{self, completion_index, indexes::Indexes};
use kubarium_core::sim::{Component, Config, Event};
use kubarium_core::store::pod::{ContainerRecord, Phase, RunState, Second, Terminated};
use kubarium_core::store::{Id, Key, PodRecord};
use kubarium_core::world::{Input, World};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

fn pass(w: &mut World, millis: u64) {
    let until = w.sim.now + SimDuration::from_millis(millis);
    while !w.advance(until, 100_000) {}
}

/// A cluster without nodes: what pods do is done by hand.
fn world(seed: u64) -> World {
    let mut w = World::new(Config::nodes(0, seed));
    pass(&mut w, 5_000);
    w
}

fn create(w: &mut World, spec: Value) {
    let mut body = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": spec});
    body["spec"]["template"] =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}});
    let answer = w.request(Request::new(Method::Post, "/apis/batch/v1/namespaces/default/jobs").body(body));
    assert_eq!(answer.code, 201, "{}", answer.body);
}

fn patch(w: &mut World, body: Value) {
    let mut r = Request::new(Method::Patch, "/apis/batch/v1/namespaces/default/jobs/j").body(body);
    r.content_type = kubarium_core::apiserver::request::ContentType::MergePatch;
    w.request(r);
}

fn the_job(w: &World) -> Arc<k8s_openapi::api::batch::v1::Job> {
    w.sim.store.typed(&Key::new("default", "j")).cloned().expect("the job")
}

fn active(w: &World) -> Vec<Arc<PodRecord>> {
    w.sim.store.pods().filter(|p| p.is_active() && p.proto.controller.is_some()).cloned().collect()
}

/// The pod's container ends with a code, or begins to run.
fn set_phase(w: &mut World, id: Id, phase: Phase) {
    let now: Second = w.sim.now.into();
    w.sim.update_pod_status(id, |s| {
        if s.phase.is_terminal() {
            return false;
        }
        s.phase = phase;
        let state = match phase {
            Phase::Running => RunState::Running(now),
            _ => RunState::Terminated(Arc::new(Terminated {
                exit_code: i32::from(phase == Phase::Failed),
                reason: "Error".into(),
                message: None,
                started: now,
                finished: now,
                container_id: 1,
            })),
        };
        let mut c = ContainerRecord::waiting("ContainerCreating");
        c.state = state;
        s.containers.clear();
        s.containers.push(c);
        true
    });
}

/// What may happen to a Job.
#[derive(Clone, Debug)]
enum Act {
    Run(u8),
    Succeed(u8),
    Fail(u8),
    Delete(u8),
    Parallelism(u8),
    Suspend(bool),
    Wait(u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => any::<u8>().prop_map(Act::Run),
        4 => any::<u8>().prop_map(Act::Succeed),
        3 => any::<u8>().prop_map(Act::Fail),
        1 => any::<u8>().prop_map(Act::Delete),
        1 => (0u8..5).prop_map(Act::Parallelism),
        1 => any::<bool>().prop_map(Act::Suspend),
        4 => (0u32..40_000).prop_map(Act::Wait),
    ]
}

/// What is known beside the cluster's own state.
#[derive(Default)]
struct Seen {
    succeeded: i32,
    failed: i32,
    done: BTreeSet<i32>,
}

fn carry_out(w: &mut World, act: &Act, seen: &mut Seen) {
    let pods = active(w);
    let pick = |n: &u8| (!pods.is_empty()).then(|| pods[usize::from(*n) % pods.len()].clone());
    match act {
        Act::Run(n) => {
            if let Some(p) = pick(n) {
                set_phase(w, p.id, Phase::Running);
            }
        }
        Act::Succeed(n) => {
            if let Some(p) = pick(n) {
                set_phase(w, p.id, Phase::Succeeded);
                seen.succeeded += 1;
                seen.done.extend(completion_index(&p));
            }
        }
        Act::Fail(n) => {
            if let Some(p) = pick(n) {
                set_phase(w, p.id, Phase::Failed);
                seen.failed += 1;
            }
        }
        Act::Delete(n) => {
            if let Some(p) = pick(n) {
                let _ = w.sim.delete_pod(p.id, None);
                seen.failed += 1;
            }
        }
        Act::Parallelism(n) => patch(w, json!({"spec": {"parallelism": n}})),
        Act::Suspend(on) => patch(w, json!({"spec": {"suspend": on}})),
        Act::Wait(ms) => pass(w, u64::from(*ms)),
    }
}

/// What holds at any moment.
fn check(w: &World, seen: &Seen) {
    let job = the_job(w);
    let (spec, status) = (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default());
    let succeeded = status.succeeded.unwrap_or(0);
    assert!(succeeded <= seen.succeeded, "{succeeded} counted of {}", seen.succeeded);
    if let Some(n) = spec.completions {
        assert!(succeeded <= n, "{succeeded} of {n}");
    }
    assert!(status.ready.unwrap_or(0) <= status.active.unwrap_or(0).max(0), "{status:?}");
    let indexes: Vec<i32> = active(w).iter().filter_map(|p| completion_index(p)).collect();
    let unique: BTreeSet<i32> = indexes.iter().copied().collect();
    assert_eq!(unique.len(), indexes.len(), "an index runs twice: {indexes:?}");
    let text = status.completed_indexes.clone().unwrap_or_default();
    let done = Indexes::parse(&text, i32::MAX);
    for i in &indexes {
        assert!(!done.has(*i), "index {i} runs although it is done ({text})");
    }
    for (first, last) in done.intervals() {
        assert!((*first..=*last).all(|i| seen.done.contains(&i)), "{text} of {:?}", seen.done);
    }
    if job::end(&job).is_some() {
        assert!(active(w).is_empty(), "pods of a Job that is over");
        let open = status.uncounted_terminated_pods.unwrap_or_default();
        assert!(open.succeeded.is_none() && open.failed.is_none(), "{open:?}");
    }
}

/// What holds once the controller has had its time.
fn check_settled(w: &mut World) {
    pass(w, 3_000);
    let job = the_job(w);
    let (spec, status) = (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default());
    let running = active(w).len() as i32;
    assert!(running <= spec.parallelism.unwrap_or(1), "{running} run");
    assert_eq!(status.active.unwrap_or(0), running, "{status:?}");
    if spec.suspend == Some(true) {
        assert_eq!(running, 0);
    }
    // another look changes nothing, unless one is due anyway: a back-off that has just ended has consequences, and they
    // may be a millisecond away from being worked on
    let soon = w.sim.now + SimDuration::from_millis(1_100);
    let due = |e: &Event| {
        matches!(e, Event::Requeue(Component::Job, _) | Event::Watch(Component::Job) | Event::Work(Component::Job))
    };
    if w.sim.queue.iter().any(|(t, e)| t <= soon && due(e)) {
        return;
    }
    let mut again = w.clone();
    let before = (active(&again).len(), again.sim.requests.last());
    again.controllers.enqueue(Component::Job, &mut again.sim, Key::new("default", "j"), 0);
    pass(&mut again, 1);
    if active(&again).len() == before.0 {
        let wrote: Vec<String> = again
            .sim
            .requests
            .after(before.1)
            .map(|r| format!("{:?} {:?} {} {} {}", r.actor, r.verb, r.key, r.subresource, r.code))
            .collect();
        assert!(wrote.is_empty(), "a second sync wrote: {wrote:?} {status:?}");
    }
}

fn finish(w: &mut World, seen: &mut Seen) {
    patch(w, json!({"spec": {"suspend": false, "parallelism": 3}}));
    for _ in 0..80 {
        if job::end(&the_job(w)).is_some() {
            return;
        }
        for p in active(w) {
            set_phase(w, p.id, Phase::Succeeded);
            seen.succeeded += 1;
            seen.done.extend(completion_index(&p));
        }
        pass(w, 620_000);
    }
    panic!("it never ends: {:?}", the_job(w).status);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jobs_keep_their_counts(
        acts in proptest::collection::vec(act(), 0..40),
        completions in 1i32..7,
        parallelism in 1i32..5,
        mode in 0u8..4,
        seed in 0u64..1000,
    ) {
        let mut w = world(seed);
        let mut spec = json!({"completions": completions, "parallelism": parallelism, "backoffLimit": 4});
        match mode {
            0 => {}
            1 => spec["completionMode"] = "Indexed".into(),
            2 => {
                spec["completionMode"] = "Indexed".into();
                spec["backoffLimitPerIndex"] = 1.into();
                spec["backoffLimit"] = Value::Null;
            }
            _ => spec["podReplacementPolicy"] = "Failed".into(),
        }
        create(&mut w, spec);
        let mut seen = Seen::default();
        for (i, a) in acts.iter().enumerate() {
            carry_out(&mut w, a, &mut seen);
            check(&w, &seen);
            if i % 5 == 4 {
                check_settled(&mut w);
            }
        }
        finish(&mut w, &mut seen);
        check(&w, &seen);
        let job = the_job(&w);
        let status = job.status.clone().unwrap_or_default();
        if job::end(&job).is_some_and(|e| e.type_ == "Complete") {
            prop_assert_eq!(status.succeeded, Some(completions));
        }
        prop_assert!(w.sim.store.pods().all(|p| !job::is_tracked(p)), "a pod is still held");
    }

    #[test]
    fn cron_jobs_do_not_overlap(lasts in 1u64..200, replace in any::<bool>(), seed in 0u64..1000) {
        let policy = if replace { "Replace" } else { "Forbid" };
        let mut c = Cluster::with_nodes(1, seed);
        let manifest = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"},
            "spec": {"schedule": "* * * * *", "concurrencyPolicy": policy, "jobTemplate": {"spec": {"template": {"spec": {
                "restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "c", "image": "busybox", "command": ["sleep", lasts.to_string()]}]}}}}},
        });
        c.submit(Input::File { name: "c.yaml".into(), text: Some(manifest.to_string()) });
        c.submit(Input::Line { terminal: 0, line: "kubectl apply -f c.yaml".into(), stdin: None });
        let mut made = false;
        for _ in 0..100 {
            let until = c.now() + SimDuration::from_secs(5);
            while !c.advance(until, 100_000).done {}
            let jobs: Vec<_> = c.world.sim.store.list_typed::<k8s_openapi::api::batch::v1::Job>(None).collect();
            let open = jobs.iter().filter(|j| job::end(j).is_none()).count();
            prop_assert!(open <= 1, "{} jobs at once", open);
            prop_assert!(jobs.len() <= 5, "history: {}", jobs.len());
            made |= !jobs.is_empty();
        }
        prop_assert!(made);
    }
}

/// Each failure doubles the wait: 10 s, 20 s, 40 s …
#[test]
fn failures_are_waited_after() {
    let mut w = world(1);
    create(&mut w, json!({"backoffLimit": 8}));
    let mut waits = vec![];
    for _ in 0..8 {
        pass(&mut w, 2_000);
        let p = active(&w).pop().expect("a pod");
        set_phase(&mut w, p.id, Phase::Failed);
        let failed = w.sim.now;
        while active(&w).is_empty() {
            pass(&mut w, 500);
            assert!(w.sim.now.since(failed) < SimDuration::from_secs(700));
        }
        waits.push(w.sim.now.since(failed).as_secs());
    }
    for (n, wait) in waits.iter().enumerate() {
        let want = (10u64 << n).min(600);
        assert!((want - 1..=want + 2).contains(wait), "{waits:?}");
    }
}

/// An idle CronJob costs nothing between its times, and a day of many costs what their Jobs cost.
#[test]
fn time_between_runs_is_jumped_over() {
    let mut c = Cluster::with_nodes(1, 1);
    let line = "kubectl create cronjob c --image=busybox --schedule='0 3 * * *' -- true";
    c.submit(Input::Line { terminal: 0, line: line.into(), stdin: None });
    let to = |c: &mut Cluster, hours: u64| {
        let before = c.world.steps;
        let until = SimTime::from_secs(hours * 3600);
        while !c.advance(until, 100_000).done {}
        c.world.steps - before
    };
    to(&mut c, 1);
    let idle = to(&mut c, 2);
    let (night, rest) = (to(&mut c, 4), to(&mut c, 6));
    let per_hour = idle + 20;
    assert!(rest <= 2 * per_hour, "{idle} events in a quiet hour, {rest} in two others");
    assert!(night <= 2 * per_hour + 150, "{night} events for one Job");
    assert_eq!(c.world.sim.store.list_typed::<k8s_openapi::api::batch::v1::Job>(None).count(), 1);
}

/// Ten thousand Jobs and a thousand CronJobs for a day (or `$JOBS` and `$CRON_JOBS`): `cargo test --test
/// properties_batch -- --ignored --nocapture`.
#[test]
#[ignore = "minutes without optimisation"]
fn a_day_of_many() {
    let number = |name, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (jobs, crons) = (number("JOBS", 10_000), number("CRON_JOBS", 1_000));
    let start = std::time::Instant::now();
    let mut c = Cluster::with_nodes(100, 1);
    while !c.advance(SimTime::from_secs(5), 100_000).done {}
    let post = |c: &mut Cluster, path: &str, body: Value| {
        assert_eq!(c.world.request(Request::new(Method::Post, path).body(body)).code, 201);
    };
    let pod = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "20"]}]}});
    for i in 0..crons {
        let (minute, hour) = (i % 60, i % 6);
        let body = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": format!("c{i}")},
            "spec": {"schedule": format!("{minute} {hour}-23/6 * * *"), "jobTemplate": {"spec": {"template": pod}}}});
        post(&mut c, "/apis/batch/v1/namespaces/default/cronjobs", body);
    }
    for i in 0..jobs {
        let body = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": format!("j{i}")},
            "spec": {"ttlSecondsAfterFinished": 600, "template": pod}});
        post(&mut c, "/apis/batch/v1/namespaces/default/jobs", body);
    }
    println!("made after {:.1} s", start.elapsed().as_secs_f64());
    for hour in [1u64, 2, 3, 6, 12, 24] {
        while !c.advance(SimTime::from_secs(hour * 3600), 100_000).done {}
        println!(
            "hour {hour}: {:.1} s, {} events, {} objects",
            start.elapsed().as_secs_f64(),
            c.world.steps,
            c.world.sim.store.len()
        );
    }
    let left = c.world.sim.store.list_typed::<k8s_openapi::api::batch::v1::Job>(None).count();
    assert!(left <= 4 * crons, "{left} Jobs are left");
}

/// With real kubelets: each index knows its number, an index that fails for good fails alone, and the exit code that a
/// policy names is no failure.
#[test]
fn indexes_run_in_real_containers() {
    let mut c = Cluster::with_nodes(2, 1);
    let script = "echo index $JOB_COMPLETION_INDEX on $(hostname); if [ $JOB_COMPLETION_INDEX = 2 ]; then exit 3; fi";
    let manifest = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "ix"},
        "spec": {"completions": 4, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1, "maxFailedIndexes": 2,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox", "command": ["sh", "-c", script]}]}}},
    });
    c.submit(Input::File { name: "j.yaml".into(), text: Some(manifest.to_string()) });
    let kubectl = |c: &mut Cluster, line: &str| {
        c.submit(Input::Line { terminal: 0, line: format!("kubectl {line}"), stdin: None });
        let until = c.now() + SimDuration::from_secs(1);
        while !c.advance(until, 100_000).done {}
    };
    kubectl(&mut c, "apply -f j.yaml");
    let until = c.now() + SimDuration::from_secs(180);
    while !c.advance(until, 100_000).done {}
    let job = the_job_named(&c, "ix");
    let status = job.status.clone().unwrap_or_default();
    assert_eq!(status.completed_indexes.as_deref(), Some("0,1,3"), "{status:?}");
    assert_eq!(status.failed_indexes.as_deref(), Some("2"));
    assert_eq!((status.succeeded, status.failed, status.active), (Some(3), Some(2), None));
    assert_eq!(
        job::end(&job).map(|e| (e.type_.as_str(), e.reason.as_deref())),
        Some(("Failed", Some("FailedIndexes")))
    );
    let third = c.world.sim.store.pods().find(|p| completion_index(p) == Some(3)).expect("a pod of index 3").clone();
    assert!(third.name.starts_with("ix-3-"));
    let path = format!("/api/v1/namespaces/default/pods/{}/log", third.name);
    let log = c.world.request(Request::get(path)).body;
    assert!(log.to_string().contains("index 3 on ix-3"), "{log}");
}

fn the_job_named(c: &Cluster, name: &str) -> Arc<k8s_openapi::api::batch::v1::Job> {
    c.world.sim.store.typed(&Key::new("default", name)).cloned().expect("the job")
}
