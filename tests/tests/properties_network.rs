//! Properties of the network: no request is lost without a recorded reason, every proxy comes to know what the
//! EndpointSlices say, an idle cluster has nothing to do, and at the end of a pod requests are lost or not for the reason
//! they are on a real cluster.

use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use kubarium_core::network::clients::{Bucket, Client, ClientPlace, ClientSpec, Load};
use kubarium_core::network::request::{Failure, Outcome, Reason};
use kubarium_core::network::tables::LAG_MOST;
use kubarium_core::store::Key;
use kubarium_core::view::model::{Fault, PlanePart};
use kubarium_core::world::Input;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn run(cluster: &mut Cluster, text: impl Into<String>) {
    let line = format!("kubectl {}", text.into());
    cluster.submit(Input::Line { terminal: 0, line, stdin: None });
}

fn apply(cluster: &mut Cluster, manifest: serde_json::Value) {
    let text = manifest.to_string();
    cluster.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(text) });
}

fn pass(cluster: &mut Cluster, seconds: u64) {
    let until = cluster.now() + SimDuration::from_secs(seconds);
    while !cluster.advance(until, 100_000).done {}
}

fn client(cluster: &mut Cluster, place: ClientPlace, url: &str, load: Load) {
    cluster.submit(Input::Client(ClientSpec { name: "load".into(), place, url: url.into(), load, seconds: 0 }));
}

fn inside() -> ClientPlace {
    ClientPlace::Inside { namespace: "default".into() }
}

fn load(cluster: &Cluster) -> &Client {
    cluster.world.sim.network.clients.named("load").expect("the client is there")
}

fn web(image: &str, replicas: u32, pre_stop: bool) -> serde_json::Value {
    let mut container = serde_json::json!({
        "name": "web", "image": image, "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1},
    });
    if pre_stop {
        container["lifecycle"] = serde_json::json!({"preStop": {"sleep": {"seconds": 5}}});
    }
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    })
}

/// A rolling update under load: what was counted of it.
fn rolling_update(pre_stop: bool) -> (u32, [u32; Reason::ALL.len()], Vec<Failure>) {
    let mut cluster = Cluster::with_nodes(3, 7);
    pass(&mut cluster, 5);
    apply(&mut cluster, web("nginx:1.25", 4, pre_stop));
    run(&mut cluster, "expose deployment web --port=80");
    pass(&mut cluster, 30);
    client(&mut cluster, inside(), "http://web/", Load::Steady { rate: 200 });
    pass(&mut cluster, 5);
    assert_eq!(load(&cluster).total.failures(), 0, "nothing fails while nothing happens");
    run(&mut cluster, "set image deployment/web web=nginx:1.26");
    pass(&mut cluster, 60);
    let total = &load(&cluster).total;
    assert_eq!(total.sent, total.ok + total.failures() + load(&cluster).under_way());
    assert!(total.sent > 12_000);
    let failures = cluster.world.sim.network.traces_after(0).filter_map(|t| match &t.outcome {
        Outcome::Failed(f) => Some(f.clone()),
        Outcome::Answered(..) => None,
    });
    (total.failures(), total.failed, failures.collect())
}

#[test]
fn without_a_sleep_before_the_stop_requests_are_lost() {
    let (failed, by_reason, failures) = rolling_update(false);
    assert!(failed > 0, "some requests reach pods that have stopped");
    assert_eq!(by_reason[Reason::Stale as usize] + by_reason[Reason::Reset as usize], failed, "{by_reason:?}");
    for f in failures {
        match f {
            Failure::Stale { late: Some(late), .. } => assert!(late > SimDuration::ZERO && late.0 < 1_000_000),
            Failure::Reset(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn with_a_sleep_before_the_stop_none_is_lost() {
    let (failed, by_reason, _) = rolling_update(true);
    assert_eq!(failed, 0, "{by_reason:?}");
}

#[test]
fn an_idle_cluster_has_nothing_to_do() {
    let mut cluster = Cluster::with_nodes(3, 7);
    apply(&mut cluster, web("nginx:1.25", 4, false));
    run(&mut cluster, "expose deployment web --port=80");
    pass(&mut cluster, 120);
    let steps = cluster.world.steps;
    client(&mut cluster, inside(), "http://web/", Load::Burst { count: 50, every: 0 });
    pass(&mut cluster, 20);
    let busy = cluster.world.steps - steps;
    assert!((2..80).contains(&busy), "{busy} events for one burst");
    assert_eq!(load(&cluster).total.ok, 50);
    cluster.submit(Input::RemoveClient { name: "load".into() });
    let steps = cluster.world.steps;
    pass(&mut cluster, 30);
    let idle = cluster.world.steps - steps;
    assert!(idle <= 6, "{idle} events in half a minute of a cluster that nobody asks anything");
}

#[test]
fn a_replay_counts_the_same() {
    let play = |seed| {
        let mut cluster = Cluster::with_nodes(2, seed);
        apply(&mut cluster, web("nginx:1.25", 3, false));
        run(&mut cluster, "expose deployment web --port=80 --type=NodePort");
        client(&mut cluster, inside(), "http://web/", Load::Ramp { from: 1, to: 100, seconds: 20 });
        pass(&mut cluster, 30);
        run(&mut cluster, "rollout restart deployment/web");
        pass(&mut cluster, 10);
        cluster
    };
    let (a, mut b) = (play(3), play(3));
    assert_eq!(a.hash(), b.hash());
    assert_eq!(load(&a).total, load(&b).total);
    let before = load(&b).total.clone();
    let at = b.now();
    b.seek(SimTime(at.0 - 8_000_000));
    assert_ne!(load(&b).total, before);
    b.seek(at);
    assert_eq!(load(&b).total, before, "rewound and played again");
}

#[test]
fn a_lost_request_tells_of_the_line_that_led_to_it() {
    use kubarium_core::view::causes::{Fact, why_request};
    let mut cluster = Cluster::with_nodes(3, 7);
    pass(&mut cluster, 5);
    apply(&mut cluster, web("nginx:1.25", 4, false));
    run(&mut cluster, "expose deployment web --port=80");
    pass(&mut cluster, 30);
    client(&mut cluster, inside(), "http://web/", Load::Steady { rate: 200 });
    pass(&mut cluster, 5);
    run(&mut cluster, "set image deployment/web web=nginx:1.26");
    pass(&mut cluster, 20);
    let stale = cluster.world.sim.network.traces_after(0).find_map(|t| match &t.outcome {
        Outcome::Failed(Failure::Stale { late: Some(_), .. }) => Some(t.number),
        _ => None,
    });
    let causes = why_request(&cluster, stale.expect("some request came too early"));
    let has = |f: &dyn Fn(&Fact) -> bool| causes.iter().any(|c| f(&c.fact));
    assert!(matches!(causes[0].fact, Fact::Met(Reason::Stale, _)));
    assert!(has(&|f| matches!(f, Fact::Dropped { .. })), "{causes:#?}");
    assert!(has(&|f| matches!(f, Fact::Event(reason, _) if &**reason == "Killing")), "{causes:#?}");
    assert!(has(&|f| matches!(f, Fact::Did(m) if m.kind == "EndpointSlice")), "{causes:#?}");
    assert!(has(&|f| matches!(f, Fact::Did(m) if m.kind == "Pod")), "{causes:#?}");
    assert!(has(&|f| matches!(f, Fact::Did(m) if m.name.contains("set image"))), "{causes:#?}");
    assert!(causes[1..].is_sorted_by(|a, b| a.at >= b.at));
}

/// What a person might do to what serves.
#[derive(Clone, Debug)]
enum Act {
    Scale(u32),
    Image(u8),
    Delete(u8),
    Crash(u8),
    Readiness(u8, bool),
    Power(u8, bool),
    Policy(bool),
    Wait(u16),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u32..7).prop_map(Act::Scale),
        (4u8..7).prop_map(Act::Image),
        any::<u8>().prop_map(Act::Delete),
        any::<u8>().prop_map(Act::Crash),
        (any::<u8>(), any::<bool>()).prop_map(|(p, b)| Act::Readiness(p, b)),
        (1u8..3, any::<bool>()).prop_map(|(n, on)| Act::Power(n, on)),
        any::<bool>().prop_map(Act::Policy),
        (0u16..90).prop_map(Act::Wait),
    ]
}

fn carry_out(cluster: &mut Cluster, act: &Act) {
    let pods: Vec<String> = cluster.world.sim.store.pods().map(|p| p.name.to_string()).collect();
    let pod = |n: u8| pods.get(usize::from(n) % pods.len().max(1)).cloned().unwrap_or_default();
    let namespace = || "default".to_owned();
    match act {
        Act::Scale(n) => run(cluster, format!("scale deployment web --replicas={n}")),
        Act::Image(v) => run(cluster, format!("set image deployment/web web=nginx:1.2{v}")),
        Act::Delete(n) => run(cluster, format!("delete pod {} --wait=false", pod(*n))),
        Act::Crash(n) => {
            let fault = Fault::CrashContainer { namespace: namespace(), pod: pod(*n), container: String::new() };
            cluster.submit(Input::Fault(fault));
        }
        Act::Readiness(n, broken) => {
            let fault = Fault::BreakReadiness { namespace: namespace(), pod: pod(*n), broken: *broken };
            cluster.submit(Input::Fault(fault));
        }
        Act::Power(n, on) => {
            cluster.submit(Input::Fault(Fault::NodePower { node: format!("node-{n}"), on: *on }));
        }
        Act::Policy(true) => apply(
            cluster,
            serde_json::json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": "closed"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
        ),
        Act::Policy(false) => run(cluster, "delete networkpolicy closed --ignore-not-found"),
        Act::Wait(s) => pass(cluster, u64::from(*s)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_request_is_lost_and_endpoints_converge(seed in 0u64..1000, acts in prop::collection::vec(act(), 1..10)) {
        let mut cluster = Cluster::with_nodes(2, seed);
        apply(&mut cluster, web("nginx:1.25", 3, seed % 2 == 0));
        run(&mut cluster, "expose deployment web --port=80 --type=NodePort");
        client(&mut cluster, inside(), "http://web/", Load::Steady { rate: 20 });
        for act in &acts {
            carry_out(&mut cluster, act);
            pass(&mut cluster, 3);
            let c = load(&cluster);
            prop_assert!(c.total.sent >= c.total.ok + c.total.failures());
            let sums = |list: &mut dyn Iterator<Item = &Bucket>| {
                list.fold((0, 0, 0), |s, b| (s.0 + b.sent, s.1 + b.ok, s.2 + b.failures()))
            };
            prop_assert_eq!(sums(&mut c.coarse.iter()), (c.total.sent, c.total.ok, c.total.failures()));
        }
        // what is under way ends within the time that a client waits
        let sent = load(&cluster).total.sent;
        pass(&mut cluster, 6);
        let total = &load(&cluster).total;
        prop_assert!(total.ok + total.failures() >= sent, "{} of {sent} ended", total.ok + total.failures());
        cluster.submit(Input::RemoveClient { name: "load".into() });

        // every proxy knows what the slices say once nothing has changed for as long as the slowest of them takes
        pass(&mut cluster, 120);
        let sim = &cluster.world.sim;
        let key = Key::new("default", "web");
        let newest = sim.network.tables.newest(&key).expect("the service is known");
        prop_assume!(newest.at + LAG_MOST < sim.now);
        let ready: BTreeSet<u32> = newest.pools()[0].ready.iter().map(|t| t.ip).collect();
        for node in ["node-1", "node-2"] {
            let seen = sim.network.tables.seen(&key, node, sim.now).expect("the proxy knows the service");
            prop_assert_eq!(seen.number, newest.number);
        }
        let should: BTreeSet<u32> = sim.store.pods()
            .filter(|p| p.status.is_ready() && p.deletion.is_none() && p.node.is_some())
            .map(|p| p.status.ip)
            .collect();
        prop_assert_eq!(ready, should);
    }
}

/// A fault of the cluster as a whole.
fn fault() -> impl Strategy<Value = Fault> {
    let part = prop_oneof![
        Just(PlanePart::ApiServer),
        Just(PlanePart::Scheduler),
        Just(PlanePart::ControllerManager),
        Just(PlanePart::Controller("replicaset-controller".into())),
        Just(PlanePart::Controller("endpointslice-controller".into())),
        Just(PlanePart::Controller("node-controller".into())),
    ];
    prop_oneof![
        (part.clone(), any::<bool>()).prop_map(|(part, on)| Fault::Stop { part, on }),
        (part, 0u32..3_000).prop_map(|(part, millis)| Fault::Slow { part, millis }),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Fault::NodePartition { node: format!("node-{n}"), on }),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Fault::NodePower { node: format!("node-{n}"), on }),
        any::<bool>().prop_map(|on| Fault::RegistryOutage { on }),
    ]
}

/// Everything is in order again.
fn lift(cluster: &mut Cluster) {
    for fault in kubarium_core::view::faults::in_force(cluster) {
        let fault = match fault {
            Fault::Stop { part, .. } => Fault::Stop { part, on: false },
            Fault::Slow { part, .. } => Fault::Slow { part, millis: 0 },
            Fault::NodePartition { node, .. } => Fault::NodePartition { node, on: false },
            Fault::RegistryOutage { .. } => Fault::RegistryOutage { on: false },
            Fault::NodePower { node, .. } => Fault::NodePower { node, on: true },
            Fault::BreakReadiness { namespace, pod, .. } => Fault::BreakReadiness { namespace, pod, broken: false },
            other => panic!("{other:?}"),
        };
        cluster.submit(Input::Fault(fault));
    }
    assert_eq!(kubarium_core::view::in_force(cluster), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn a_cluster_recovers_from_any_faults(
        seed in 0u64..1000,
        acts in prop::collection::vec((fault(), prop::option::of(act()), 0u64..120), 1..8),
    ) {
        let mut cluster = Cluster::with_nodes(3, seed);
        apply(&mut cluster, web("nginx:1.25", 4, false));
        run(&mut cluster, "expose deployment web --port=80");
        client(&mut cluster, inside(), "http://web/", Load::Steady { rate: 10 });
        pass(&mut cluster, 20);
        for (fault, act, wait) in &acts {
            cluster.submit(Input::Fault(fault.clone()));
            if let Some(act) = act {
                carry_out(&mut cluster, act);
            }
            pass(&mut cluster, *wait);
        }
        lift(&mut cluster);
        pass(&mut cluster, 10);
        for (_, act, _) in &acts {
            if matches!(act, Some(Act::Readiness(..))) {
                let pods: Vec<String> = cluster.world.sim.store.pods().map(|p| p.name.to_string()).collect();
                for pod in pods {
                    let namespace = "default".to_owned();
                    cluster.submit(Input::Fault(Fault::BreakReadiness { namespace, pod, broken: false }));
                }
            }
        }
        run(&mut cluster, "delete networkpolicy closed --ignore-not-found");
        run(&mut cluster, "scale deployment web --replicas=4");
        // the longest back-off of a restart, and of an image
        pass(&mut cluster, 900);
        let sim = &cluster.world.sim;
        let pods: Vec<_> = sim.store.pods().collect();
        prop_assert_eq!(pods.len(), 4, "{:?}", pods.iter().map(|p| (&p.name, &p.status)).collect::<Vec<_>>());
        prop_assert!(pods.iter().all(|p| p.status.is_ready() && p.deletion.is_none()));
        prop_assert_eq!(sim.network.nodes().len(), 3, "all nodes are ready");
        let newest = sim.network.tables.newest(&Key::new("default", "web")).expect("the service is known");
        let ips: BTreeSet<u32> = newest.pools()[0].ready.iter().map(|t| t.ip).collect();
        prop_assert_eq!(ips, pods.iter().map(|p| p.status.ip).collect::<BTreeSet<_>>());
        // and it serves
        let (ok, failed) = (load(&cluster).total.ok, load(&cluster).total.failures());
        pass(&mut cluster, 20);
        let total = &load(&cluster).total;
        prop_assert!(total.ok >= ok + 150, "{} answers in 20 s", total.ok - ok);
        prop_assert!(total.failures() <= failed + 2);
    }
}

/// Controllers that stood still have not seen a node come back: they look before they give it up.
#[test]
fn a_node_that_is_back_is_not_given_up() {
    let mut cluster = Cluster::with_nodes(3, 0);
    let power = |on| Input::Fault(Fault::NodePower { node: "node-2".into(), on });
    let stop = |on| Input::Fault(Fault::Stop { part: PlanePart::ControllerManager, on });
    cluster.submit(power(false));
    pass(&mut cluster, 11);
    cluster.submit(stop(true));
    pass(&mut cluster, 170);
    cluster.submit(power(true));
    cluster.submit(stop(false));
    pass(&mut cluster, 60);
    assert_eq!(cluster.world.sim.network.nodes().len(), 3);
}
