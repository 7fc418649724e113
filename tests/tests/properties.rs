//! Properties that hold whatever comes in: the cluster converges, a rollout keeps its bounds at every event, a replay
//! equals the original, UIDs and records lose nothing, and no text that a stranger writes makes anything panic.

use kubarium_core::apiserver::request::{Method, Request};
use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use kubarium_core::store::{Kind, Obj};
use kubarium_core::view::link::{self, Shared};
use kubarium_core::view::model::{Fault, NodeView, PodView, ServiceView, WorkloadView};
use kubarium_core::view::project::Projector;
use kubarium_core::world::Input;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn line(text: impl Into<String>) -> Input {
    Input::Line { terminal: 0, line: format!("kubectl {}", text.into()), stdin: None }
}

fn run(cluster: &mut Cluster, text: impl Into<String>) {
    cluster.submit(line(text));
}

fn pass(cluster: &mut Cluster, seconds: u64) {
    let until = cluster.now() + SimDuration::from_secs(seconds);
    while !cluster.advance(until, 100_000).done {}
}

/// What a person might do to one Deployment.
#[derive(Clone, Debug)]
enum Act {
    Scale(u32),
    Image(u8),
    Undo,
    KillPod(u8),
    Relabel(u8),
    Crash(u8),
    Power(u8, bool),
    Cordon(u8, bool),
    Pause(bool),
    Wait(u16),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u32..9).prop_map(Act::Scale),
        (0u8..4).prop_map(Act::Image),
        Just(Act::Undo),
        any::<u8>().prop_map(Act::KillPod),
        any::<u8>().prop_map(Act::Relabel),
        any::<u8>().prop_map(Act::Crash),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Power(n, on)),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Cordon(n, on)),
        any::<bool>().prop_map(Act::Pause),
        (0u16..400).prop_map(Act::Wait),
    ]
}

fn pod_name(cluster: &Cluster, pick: u8) -> Option<String> {
    let pods: Vec<_> = cluster.world.sim.store.pods().map(|p| p.name.to_string()).collect();
    pods.get(usize::from(pick) % pods.len().max(1)).cloned()
}

fn carry_out(cluster: &mut Cluster, act: &Act) {
    let pod = |c: &Cluster, n: &u8| pod_name(c, *n);
    match act {
        Act::Scale(n) => run(cluster, format!("scale deployment web --replicas={n}")),
        Act::Image(n) => run(cluster, format!("set image deployment/web nginx=nginx:1.2{n}")),
        Act::Undo => run(cluster, "rollout undo deployment/web"),
        Act::KillPod(n) => {
            if let Some(p) = pod(cluster, n) {
                run(cluster, format!("delete pod {p} --wait=false"));
            }
        }
        Act::Relabel(n) => {
            if let Some(p) = pod(cluster, n) {
                let app = if n % 2 == 0 { "web" } else { "other" };
                run(cluster, format!("label pod {p} app={app} --overwrite"));
            }
        }
        Act::Crash(n) => {
            if let Some(pod) = pod(cluster, n) {
                let fault = Fault::CrashContainer { namespace: "default".into(), pod, container: String::new() };
                cluster.submit(Input::Fault(fault));
            }
        }
        Act::Power(n, on) => {
            cluster.submit(Input::Fault(Fault::NodePower { node: format!("node-{n}"), on: *on }));
        }
        Act::Cordon(n, on) => run(cluster, format!("{} node-{n}", if *on { "cordon" } else { "uncordon" })),
        Act::Pause(on) => run(cluster, format!("rollout {} deployment/web", if *on { "pause" } else { "resume" })),
        Act::Wait(s) => pass(cluster, u64::from(*s)),
    }
}

/// Everything broken is mended; then enough time passes for every back-off and deadline.
fn mend(cluster: &mut Cluster) {
    for n in 1..4 {
        cluster.submit(Input::Fault(Fault::NodePower { node: format!("node-{n}"), on: true }));
        run(cluster, format!("uncordon node-{n}"));
    }
    run(cluster, "rollout resume deployment/web");
    run(cluster, "set image deployment/web nginx=nginx:1.27");
    pass(cluster, 1_500);
}

/// Pods, services, nodes and workloads as a watcher of patches knows them.
type Seen = (BTreeMap<u64, PodView>, BTreeMap<u64, ServiceView>, BTreeMap<u64, NodeView>, BTreeMap<u64, WorkloadView>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// After any sequence of inputs, once nothing is broken any more, the Deployment has what it wants, and only
    /// pods of its newest template are left to it.
    #[test]
    fn converges(acts in proptest::collection::vec(act(), 0..12), seed in 0u64..1000) {
        let mut c = Cluster::with_nodes(3, seed);
        run(&mut c, "create deployment web --image=nginx:1.25 --replicas=3");
        pass(&mut c, 30);
        for a in &acts {
            carry_out(&mut c, a);
        }
        mend(&mut c);
        let d = c.world.request(Request::get("/apis/apps/v1/namespaces/default/deployments/web")).body;
        let wanted = d["spec"]["replicas"].as_i64().unwrap_or(0);
        let count = |k: &str| d["status"][k].as_i64().unwrap_or(0);
        prop_assert_eq!(count("readyReplicas"), wanted, "{}", d);
        prop_assert_eq!(count("updatedReplicas"), wanted, "{}", d);
        prop_assert_eq!(count("replicas"), wanted, "{}", d);
        for p in c.world.sim.store.pods() {
            prop_assert!(p.status.is_ready() || p.status.phase.is_terminal(), "{} is stuck", p.name);
        }
    }

    /// A rollout never asks for more pods than replicas + maxSurge, and never has fewer available than replicas −
    /// maxUnavailable, at any event between its beginning and its end. (The ReplicaSets' sizes are what the Deployment
    /// controller bounds; whether a new pod comes a millisecond before an old one goes is the ReplicaSet controller's.)
    #[test]
    fn rollouts_keep_their_bounds(replicas in 1i64..12, surge in 0i64..5, unavailable in 0i64..5, seed in 0u64..1000) {
        prop_assume!(surge + unavailable > 0);
        let mut c = Cluster::with_nodes(4, seed);
        run(&mut c, format!("create deployment web --image=nginx:1.25 --replicas={replicas}"));
        let strategy = serde_json::json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}});
        run(&mut c, format!("patch deployment web -p '{strategy}'"));
        pass(&mut c, 120);
        run(&mut c, "set image deployment/web nginx=nginx:1.26");
        let end = c.now() + SimDuration::from_secs(600);
        let least = replicas - unavailable.min(replicas);
        while c.now() < end && c.step_event() {
            let mut available = 0i64;
            let sets = c.world.sim.store.list_typed::<k8s_openapi::api::apps::v1::ReplicaSet>(None);
            let active: i64 = sets.filter_map(|r| r.spec.as_ref()?.replicas).map(i64::from).sum();
            for p in c.world.sim.store.pods() {
                available += i64::from(p.is_active() && p.status.is_ready());
            }
            prop_assert!(active <= replicas + surge, "{active} pods asked for at {}", c.now());
            prop_assert!(available >= least, "{available} available at {}", c.now());
        }
        let updated = c.world.sim.store.pods().filter(|p| p.is_active()).all(|p| {
            p.proto.pod.spec.as_ref().is_some_and(|s| s.containers[0].image.as_deref() == Some("nginx:1.26"))
        });
        prop_assert!(updated);
    }

    /// The same inputs make the same world: played again, after a rewind, and from a link.
    #[test]
    fn replay_equals_original(acts in proptest::collection::vec(act(), 1..10), seed in 0u64..1000, back in 0.0f64..1.0) {
        let mut c = Cluster::with_nodes(3, seed);
        run(&mut c, "create deployment web --image=nginx:1.25 --replicas=3");
        pass(&mut c, 20);
        for a in &acts {
            carry_out(&mut c, a);
            pass(&mut c, 7);
        }
        let (now, hash) = (c.now(), c.hash());
        let shared = Shared {
            engine: link::ENGINE.into(),
            session: c.record(),
            hash,
            scenario: String::new(),
            language: "ko".into(),
            files: Default::default(),
            layout: Default::default(),
            beside: None,
        };
        let text = link::encode(&shared);
        prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
        let read = link::decode(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&read, &shared);
        prop_assert_eq!(Cluster::replay(&read.session, u64::MAX).hash(), hash);
        c.seek(SimTime((now.0 as f64 * back) as u64));
        c.seek(now);
        prop_assert_eq!(c.hash(), hash);
    }

    /// A pod as the API shows it, written back unchanged, is the same pod.
    #[test]
    fn records_lose_nothing(acts in proptest::collection::vec(act(), 1..6), seed in 0u64..100) {
        let mut c = Cluster::with_nodes(3, seed);
        run(&mut c, "create deployment web --image=nginx:1.25 --replicas=3");
        run(&mut c, "run ends --image=busybox --restart=Never -- sh -c 'exit 3'");
        pass(&mut c, 20);
        for a in &acts {
            carry_out(&mut c, a);
        }
        let ids = c.world.sim.store.ids.clone();
        for p in c.world.sim.store.pods() {
            let api = p.to_pod(&ids);
            let mut again = (**p).clone();
            again.set_status(&api.status.clone().unwrap_or_default());
            prop_assert_eq!(again.to_pod(&ids).status, api.status);
        }
    }

    /// A watcher that only ever saw patches knows what one that starts now sees.
    #[test]
    fn patches_add_up(acts in proptest::collection::vec(act(), 1..10), seed in 0u64..100) {
        use kubarium_core::view::model::Op;
        let mut c = Cluster::with_nodes(3, seed);
        let mut projector = Projector::default();
        let mut seen = Seen::default();
        let apply = |ops: Vec<Op>, seen: &mut Seen| {
            for op in ops {
                match op {
                    Op::Reset => *seen = Seen::default(),
                    Op::Pod(p) => { seen.0.insert(p.id, p); }
                    Op::PodGone(id) => { seen.0.remove(&id); }
                    Op::Service(s) => { seen.1.insert(s.id, s); }
                    Op::ServiceGone(id) => { seen.1.remove(&id); }
                    Op::Node(n) => { seen.2.insert(n.id, n); }
                    Op::NodeGone(id) => { seen.2.remove(&id); }
                    Op::Workload(w) => { seen.3.insert(w.id, w); }
                    Op::WorkloadGone(id) => { seen.3.remove(&id); }
                    _ => {}
                }
            }
        };
        run(&mut c, "create deployment web --image=nginx:1.25 --replicas=3");
        run(&mut c, "expose deployment web --port=80");
        for a in &acts {
            carry_out(&mut c, a);
            pass(&mut c, 3);
            apply(projector.patch(&c).ops, &mut seen);
        }
        let end = c.now();
        // the end, and moments of the past, back and forth
        for quarter in [4, 1, 3, 0, 2, 4] {
            c.seek(SimTime(end.0 * quarter / 4));
            apply(projector.patch(&c).ops, &mut seen);
            let mut fresh = Seen::default();
            apply(Projector::default().patch(&c).ops, &mut fresh);
            prop_assert_eq!(&seen, &fresh);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing that somebody types makes kubectl panic, and whatever it does, the next command works.
    #[test]
    fn kubectl_takes_anything(words in proptest::collection::vec(prop_oneof![
        Just("get".to_string()), Just("apply".into()), Just("-f".into()), Just("-o".into()), Just("pods".into()),
        Just("create".into()), Just("deployment".into()), Just("delete".into()), Just("-l".into()), Just("--all".into()),
        Just("jsonpath={.items[*].metadata.name}".into()), Just("label".into()), Just("patch".into()), Just("-p".into()),
        Just("{\"spec\":{\"replicas\":2}}".into()), Just("rollout".into()), Just("undo".into()), Just("web".into()),
        Just("--replicas=3".into()), Just("--image=nginx".into()), Just("|".into()), Just("grep".into()), Just("describe".into()),
        Just("wait".into()), Just("--for=delete".into()), Just("explain".into()), Just("a.yaml".into()), "\\PC{0,12}",
        Just("run".into()), Just("-it".into()), Just("--rm".into()), Just("--".into()), Just("sh".into()), Just("debug".into()),
        Just("--copy-to=b".into()), Just("node/node-1".into()), Just("top".into()), Just("set".into()), Just("subject".into()),
        Just("config".into()), Just("use-context".into()), Just("set-context".into()), Just("auth".into()), Just("can-i".into()),
        Just("watch".into()), Just("-n".into()), Just("1".into()), Just("awk".into()), Just("{print $1\":\"$NF}".into()),
        Just("xargs".into()), Just("-I{}".into()), Just("sort".into()), Just("-k2".into()), Just("sed".into()), Just("s/a/b/g".into()),
        Just("autoscale".into()), Just("--max=3".into()), Just("drain".into()), Just("cronjob".into()), Just("--schedule=* * * * *".into()),
        Just("ingress".into()), Just("--rule=a/b*=c:80".into()), Just("role".into()), Just("--verb=get".into()), Just("diff".into()),
        Just("--server-side".into()), Just("replace".into()), Just("edit".into()), Just("events".into()), Just("go-template={{.x}}".into()),
    ], 0..8), file in "\\PC{0,80}") {
        let mut c = Cluster::with_nodes(1, 1);
        c.submit(Input::File { name: "a.yaml".into(), text: Some(file) });
        run(&mut c, words.join(" "));
        pass(&mut c, 2);
        c.submit(Input::Interrupt { terminal: 0 });
        run(&mut c, "get nodes");
        prop_assert_eq!(c.world.terminals.last_code(0), 0);
    }

    /// Nothing that a stranger puts into a link, a manifest or a request makes anything panic.
    #[test]
    fn strangers_texts_are_harmless(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = link::decode(&text);
        let _ = link::decode(&format!("v1.d.{text}"));
        let _ = link::decode(&String::from_utf8_lossy(&bytes));
        let _ = kubarium_core::api::yaml::read(&text);
        let _ = kubarium_core::api::yaml::read(&String::from_utf8_lossy(&bytes));
        let mut c = Cluster::with_nodes(1, 1);
        let mut r = Request::new(Method::Post, format!("/api/v1/namespaces/default/{text}"));
        r.body = serde_json::Value::String(text.clone());
        let _ = c.world.request(r);
        let _ = c.world.request(Request::get(text.clone()).with("labelSelector", text.clone()).with("fieldSelector", text));
    }
}

/// A cut or changed link says so; it is never read as something else.
#[test]
fn links_notice_damage() {
    let c = Cluster::with_nodes(2, 7);
    let shared = Shared {
        engine: link::ENGINE.into(),
        session: c.record(),
        hash: c.hash(),
        scenario: "first-pod".into(),
        language: "en".into(),
        files: Default::default(),
        layout: Default::default(),
        beside: None,
    };
    let text = link::encode(&shared);
    assert!(link::decode(&text).is_ok());
    for cut in 4..text.len() {
        assert!(link::decode(&text[..cut]).is_err(), "cut at {cut}");
    }
    for i in 5..text.len() {
        let mut changed: Vec<char> = text.chars().collect();
        changed[i] = if changed[i] == 'A' { 'B' } else { 'A' };
        let changed: String = changed.into_iter().collect();
        assert!(link::decode(&changed).is_err() || changed == text, "changed at {i}");
    }
    assert_eq!(link::decode("v2.d.AAAA.AAAA"), Err(link::LinkError::Newer));
    assert_eq!(link::decode("hello"), Err(link::LinkError::NotALink));
}

/// Every write takes a new resourceVersion, and the store's indexes agree with a scan.
#[test]
fn indexes_agree_with_a_scan() {
    let mut c = Cluster::with_nodes(3, 5);
    for text in [
        "create deployment web --image=nginx --replicas=6",
        "expose deployment web --port=80",
        "run lone --image=nginx",
    ] {
        run(&mut c, text);
        pass(&mut c, 20);
    }
    run(&mut c, "delete pod lone");
    pass(&mut c, 60);
    let store = &c.world.sim.store;
    for n in 1..=3 {
        let node = format!("node-{n}");
        let by_scan = store.pods().filter(|p| p.node.as_deref() == Some(&node)).count();
        assert_eq!(store.pods_on_node(&node).count(), by_scan);
    }
    let mut versions: Vec<u64> = store.all().map(|e| e.obj.rv()).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), store.len());
    assert!(store.list(Kind::Pod, None).all(|o| matches!(o, Obj::Pod(p) if store.pod(p.id).is_some())));
}
