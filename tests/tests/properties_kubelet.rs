//! Properties of kubelets: back-offs grow as stated, restart counts only grow, what runs out of memory or is evicted is
//! what upstream's rules would choose, and faults rewind and replay.

use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use kubarium_core::kubelet::backoff::{Backoff, INITIAL, MAX};
use kubarium_core::kubelet::crowd::{Claim, divide, open_to, weight};
use kubarium_core::kubelet::pressure::{Candidate, oom_score_adj, oom_victim, rank};
use kubarium_core::store::pod::RunState;
use kubarium_core::view::model::{Fault, Pressure};
use kubarium_core::world::Input;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn run(cluster: &mut Cluster, text: &str) {
    cluster.submit(Input::Line { terminal: 0, line: format!("kubectl {text}"), stdin: None });
}

fn apply(cluster: &mut Cluster, manifest: serde_json::Value) {
    let text = manifest.to_string();
    cluster.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(text) });
}

fn pass(cluster: &mut Cluster, millis: u64) {
    let until = cluster.now() + SimDuration::from_millis(millis);
    while !cluster.advance(until, 100_000).done {}
}

/// A cluster that has come up.
fn fresh(nodes: usize, seed: u64) -> Cluster {
    let mut cluster = Cluster::with_nodes(nodes, seed);
    pass(&mut cluster, 3_000);
    cluster
}

fn pod(name: &str, container: serde_json::Value) -> serde_json::Value {
    let mut container = container;
    container["name"] = "c".into();
    serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}})
}

/// Restarts of each container of each pod that there is, by the pod's number.
fn restarts(cluster: &Cluster) -> BTreeMap<(u64, usize), u32> {
    let pods = cluster.world.sim.store.pods();
    pods.flat_map(|p| p.status.containers.iter().enumerate().map(|(i, c)| ((p.id, i), c.restarts))).collect()
}

#[test]
fn restarts_are_put_off_as_stated() {
    let mut cluster = fresh(1, 3);
    apply(&mut cluster, pod("crash", serde_json::json!({"image": "busybox:1.36", "command": ["sh", "-c", "exit 1"]})));
    let (mut seen, mut ends): (u32, Vec<f64>) = (0, vec![]);
    for _ in 0..9_000 {
        pass(&mut cluster, 200);
        let count = restarts(&cluster).values().next().copied().unwrap_or(0);
        if count > seen {
            seen = count;
            ends.push((cluster.now() - SimTime::ZERO).as_secs_f64());
        }
    }
    let waits: Vec<f64> = ends.windows(2).map(|w| w[1] - w[0]).collect();
    let stated = [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0];
    assert!(waits.len() >= stated.len(), "{waits:?}");
    for (wait, stated) in waits.iter().zip(stated) {
        assert!((wait - stated).abs() < 2.5, "{waits:?}");
    }
}

fn fault() -> impl Strategy<Value = (usize, u64)> {
    (0..12usize, 1..40u64)
}

fn inflict(cluster: &mut Cluster, which: usize) {
    let of = |pod: &str| ("default".to_owned(), pod.to_owned(), String::new());
    let pods = ["plain", "probed", "limited"];
    let (namespace, pod, container) = of(pods[which % 3]);
    let fault = match which {
        0 | 1 => Fault::CrashContainer { namespace, pod, container },
        2 | 3 => Fault::CrashLoop { namespace, pod, container, on: which == 2 },
        4 => Fault::HangContainer { namespace, pod, container, on: true },
        5 => Fault::LeakMemory { namespace, pod, container, rate: 40 << 20 },
        6 => Fault::SlowStart { namespace, pod, container, seconds: 7 },
        7 | 8 => Fault::BreakLiveness { namespace, pod: "probed".into(), broken: which == 7 },
        9 => Fault::NodePower { node: "node-1".into(), on: false },
        10 => Fault::NodePower { node: "node-1".into(), on: true },
        _ => Fault::NodePressure { node: "node-2".into(), resource: Pressure::Memory, on: true },
    };
    cluster.submit(Input::Fault(fault));
}

fn scene() -> Cluster {
    let mut cluster = fresh(2, 5);
    apply(&mut cluster, pod("plain", serde_json::json!({"image": "nginx:1.25"})));
    let probe = serde_json::json!({"httpGet": {"path": "/", "port": 80}, "periodSeconds": 3});
    apply(&mut cluster, pod("probed", serde_json::json!({"image": "nginx:1.25", "livenessProbe": probe})));
    let limits = serde_json::json!({"limits": {"memory": "128Mi", "cpu": "500m"}});
    apply(&mut cluster, pod("limited", serde_json::json!({"image": "nginx:1.25", "resources": limits})));
    run(&mut cluster, "create deployment web --image=nginx:1.25 --replicas=3");
    pass(&mut cluster, 12_000);
    assert_eq!(restarts(&cluster).len(), 6);
    cluster
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn restart_counts_only_grow(faults in prop::collection::vec(fault(), 1..12)) {
        let mut cluster = scene();
        let mut before = restarts(&cluster);
        for (which, seconds) in faults {
            inflict(&mut cluster, which);
            for _ in 0..seconds {
                pass(&mut cluster, 1_000);
                let now = restarts(&cluster);
                for (container, n) in &now {
                    prop_assert!(before.get(container).is_none_or(|b| b <= n), "{container:?}");
                }
                // who has been restarted says how the run before ended
                for p in cluster.world.sim.store.pods() {
                    for c in p.status.containers.iter().filter(|c| c.restarts > 0) {
                        prop_assert!(c.last.is_some() || matches!(c.state, RunState::Terminated(_)), "{}", p.name);
                    }
                }
                before = now;
            }
        }
    }

    #[test]
    fn faults_rewind_and_replay(faults in prop::collection::vec(fault(), 1..8)) {
        let mut cluster = scene();
        let start = cluster.now();
        for (which, seconds) in faults {
            inflict(&mut cluster, which);
            pass(&mut cluster, seconds * 1_000);
        }
        let (end, hash) = (cluster.now(), cluster.world.hash());
        cluster.seek(start);
        cluster.seek(end);
        prop_assert_eq!(cluster.world.hash(), hash);
    }

    #[test]
    fn delays_double_up_to_five_minutes(runs in prop::collection::vec(0..1_500u64, 1..30)) {
        let (mut b, mut now) = (Backoff::default(), SimTime::from_secs(10));
        let mut last = SimDuration::ZERO;
        for seconds in runs {
            let end = now + SimDuration::from_secs(seconds);
            let at = b.until(end).unwrap_or(end);
            let wait = at - end;
            prop_assert!(wait <= MAX);
            // ten quiet minutes and it is forgotten; else it doubles
            if seconds > 600 {
                prop_assert_eq!(wait, SimDuration::ZERO);
            } else if last > SimDuration::ZERO {
                prop_assert_eq!(wait, SimDuration((last.0 * 2).min(MAX.0)));
            } else if b.delay > SimDuration::ZERO {
                prop_assert_eq!(wait, INITIAL);
            }
            last = wait;
            b.next(end, at);
            now = at;
        }
    }

    #[test]
    fn evictions_follow_upstreams_order(
        rows in prop::collection::vec((0..400u64, 0..400u64, 0..3i32), 1..12)
    ) {
        let mut list: Vec<Candidate> = rows
            .iter()
            .enumerate()
            .map(|(i, (used, requested, priority))| {
                Candidate { id: i as u64, used: *used, requested: *requested, priority: *priority }
            })
            .collect();
        rank(&mut list);
        let above = |c: &Candidate| c.used > c.requested;
        let excess = |c: &Candidate| c.used as i64 - c.requested as i64;
        for w in list.windows(2) {
            let (a, b) = (&w[0], &w[1]);
            prop_assert!(above(a) || !above(b), "who uses more than it asks for goes first");
            if above(a) == above(b) {
                prop_assert!(a.priority <= b.priority, "then the lower priority");
                if a.priority == b.priority {
                    prop_assert!(excess(a) >= excess(b), "then the one that uses the most more");
                }
            }
        }
    }

    #[test]
    fn cpu_is_divided_by_weight(
        capacity in 100..8_000u64,
        rows in prop::collection::vec((0..6_000u64, 0..4_000u64), 1..12)
    ) {
        let claims: Vec<Claim> =
            rows.iter().map(|(wanted, request)| Claim { wanted: *wanted, weight: weight(*request, None) }).collect();
        let gets = divide(capacity, &claims);
        let (sum, wanted) = (gets.iter().sum::<u64>(), claims.iter().map(|c| c.wanted).sum::<u64>());
        let n = claims.len() as u64;
        prop_assert!(sum <= capacity && sum + n >= capacity.min(wanted), "nothing is left while somebody wants it");
        for (i, (c, g)) in claims.iter().zip(&gets).enumerate() {
            prop_assert!(*g <= c.wanted);
            prop_assert!(open_to(capacity, &claims, i) + n >= *g, "more is open to it than it gets");
            for (other, og) in claims.iter().zip(&gets) {
                // who gets less than it wants gets its part of what the others get
                if *g < c.wanted {
                    prop_assert!(u128::from(*og) * u128::from(c.weight) <= u128::from(g + 1) * u128::from(other.weight) + u128::from(c.weight));
                }
            }
        }
    }

    #[test]
    fn the_kernel_spares_the_guaranteed(
        rows in prop::collection::vec((1..2_000u64, 0..3usize, 0..4_000u64), 1..10)
    ) {
        let capacity = 8_192u64;
        let qos = ["Guaranteed", "Burstable", "BestEffort"];
        let processes: Vec<(u64, i64)> =
            rows.iter().map(|(used, q, asks)| (*used, oom_score_adj(qos[*q], false, *asks, capacity))).collect();
        let victim = oom_victim(&processes, capacity).expect("there is one");
        if rows.iter().any(|r| r.1 == 2) {
            prop_assert!(rows[victim].1 != 0, "nobody guaranteed dies while a best-effort pod is there");
        }
        // among equals it is the largest
        for (i, (used, adjust)) in processes.iter().enumerate() {
            if *adjust == processes[victim].1 {
                prop_assert!(*used * 1000 / capacity <= processes[victim].0 * 1000 / capacity, "{i}");
            }
        }
    }
}

#[test]
fn a_node_under_pressure_evicts_in_that_order() {
    let mut cluster = fresh(1, 9);
    let stress = |mega: u32, request: u32| {
        serde_json::json!({
            "image": "polinux/stress", "args": ["stress", "--vm", "1", "--vm-bytes", format!("{mega}M"), "--vm-hang", "1"],
            "resources": {"requests": {"memory": format!("{request}Mi")}},
        })
    };
    apply(&mut cluster, pod("within", stress(100, 200)));
    apply(&mut cluster, pod("above", stress(120, 60)));
    apply(&mut cluster, pod("far-above", stress(200, 60)));
    pass(&mut cluster, 20_000);
    let mut order = vec![];
    for round in 0..3 {
        // more and more is taken from outside: each time the next one has to go
        let on = |on| Fault::NodePressure { node: "node-1".into(), resource: Pressure::Memory, on };
        cluster.submit(Input::Fault(on(false)));
        cluster.submit(Input::Fault(on(true)));
        pass(&mut cluster, 11_000);
        let gone = cluster.world.sim.store.pods().filter(|p| p.status.why.as_ref().is_some_and(|w| w.0 == "Evicted"));
        let new: Vec<String> = gone.map(|p| p.name.to_string()).filter(|n| !order.contains(n)).collect();
        assert_eq!(new.len(), 1, "one a round, not {new:?} in round {round}");
        order.extend(new);
    }
    assert_eq!(order, ["far-above", "above", "within"]);
}
