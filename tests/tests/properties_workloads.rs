//! Properties of StatefulSets and DaemonSets that hold whatever happens: identities are unique, order is kept, no node
//! gets two daemons, all of them converge, and a sync of what is at rest writes nothing.

use k8s_openapi::api::apps::v1::{DaemonSet, StatefulSet};
use kubarium_core::clock::SimDuration;
use kubarium_core::cluster::Cluster;
use kubarium_core::controllers::{daemonset, statefulset};
use kubarium_core::store::{Key, PodRecord};
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn run(cluster: &mut Cluster, text: impl Into<String>) {
    let line = format!("kubectl {}", text.into());
    cluster.submit(Input::Line { terminal: 0, line, stdin: None });
}

fn apply(cluster: &mut Cluster, manifest: serde_json::Value) {
    let text = manifest.to_string();
    cluster.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(text) });
}

/// Lets time pass, and looks at the pods after each event that changes any.
fn pass(cluster: &mut Cluster, seconds: u64, mut look: impl FnMut(&[Arc<PodRecord>], &[Arc<PodRecord>])) {
    let until = cluster.now() + SimDuration::from_secs(seconds);
    let pods = |c: &Cluster| c.world.sim.store.pods().cloned().collect::<Vec<_>>();
    let (mut before, mut version) = (pods(cluster), cluster.world.sim.store.resource_version());
    while cluster.world.sim.queue.next_time().is_some_and(|t| t <= until) && cluster.step_event() {
        let now = cluster.world.sim.store.resource_version();
        if now != version {
            version = now;
            let after = pods(cluster);
            look(&before, &after);
            before = after;
        }
    }
    while !cluster.advance(until, 100_000).done {}
}

fn template(app: &str, image: u8) -> serde_json::Value {
    serde_json::json!({
        "metadata": {"labels": {"app": app}},
        "spec": {"terminationGracePeriodSeconds": 2, "containers": [{"name": "c", "image": format!("nginx:1.2{image}")}]},
    })
}

fn stateful_set(replicas: u32, parallel: bool, min_ready: u32) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db", "replicas": replicas, "minReadySeconds": min_ready,
            "podManagementPolicy": if parallel { "Parallel" } else { "OrderedReady" },
            "selector": {"matchLabels": {"app": "db"}}, "template": template("db", 5),
        },
    })
}

fn daemon_set(surge: bool) -> serde_json::Value {
    let rolling = if surge {
        serde_json::json!({"maxSurge": 1, "maxUnavailable": 0})
    } else {
        serde_json::json!({"maxUnavailable": 2})
    };
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", 5),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        },
    })
}

/// What a person might do.
#[derive(Clone, Debug)]
enum Act {
    Scale(u32),
    Image(u8),
    Partition(u8),
    Undo,
    Restart,
    KillPod(u8),
    Crash(u8),
    Power(u8, bool),
    Cordon(u8, bool),
    Taint(u8, bool),
    Label(u8, bool),
    Wait(u16),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u32..6).prop_map(Act::Scale),
        (0u8..4).prop_map(Act::Image),
        (0u8..5).prop_map(Act::Partition),
        Just(Act::Undo),
        Just(Act::Restart),
        any::<u8>().prop_map(Act::KillPod),
        any::<u8>().prop_map(Act::Crash),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Power(n, on)),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Cordon(n, on)),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Taint(n, on)),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Label(n, on)),
        (0u16..200).prop_map(Act::Wait),
    ]
}

fn carry_out(c: &mut Cluster, what: &str, act: &Act) -> u64 {
    let picked = |c: &Cluster, n: u8| {
        let pods: Vec<_> = c.world.sim.store.pods().map(|p| p.name.to_string()).collect();
        pods.get(usize::from(n) % pods.len().max(1)).cloned()
    };
    match act {
        Act::Scale(n) => run(c, format!("scale {what} --replicas={n}")),
        Act::Image(n) => run(c, format!("set image {what} c=nginx:1.2{n}")),
        Act::Partition(n) => run(
            c,
            format!(r#"patch {what} -p '{{"spec":{{"updateStrategy":{{"rollingUpdate":{{"partition":{n}}}}}}}}}'"#),
        ),
        Act::Undo => run(c, format!("rollout undo {what}")),
        Act::Restart => run(c, format!("rollout restart {what}")),
        Act::KillPod(n) => {
            if let Some(p) = picked(c, *n) {
                run(c, format!("delete pod {p} --wait=false"));
            }
        }
        Act::Crash(n) => {
            if let Some(pod) = picked(c, *n) {
                let fault = Fault::CrashContainer { namespace: "default".into(), pod, container: String::new() };
                c.submit(Input::Fault(fault));
            }
        }
        Act::Power(n, on) => {
            c.submit(Input::Fault(Fault::NodePower { node: format!("node-{n}"), on: *on }));
        }
        Act::Cordon(n, on) => run(c, format!("{} node-{n}", if *on { "cordon" } else { "uncordon" })),
        Act::Taint(n, on) => {
            run(c, format!("taint node node-{n} {}", if *on { "gpu=yes:NoExecute --overwrite" } else { "gpu-" }))
        }
        Act::Label(n, on) => {
            run(c, format!("label node node-{n} {}", if *on { "zone=a --overwrite" } else { "zone-" }))
        }
        Act::Wait(s) => return u64::from(*s),
    }
    1
}

fn mend(c: &mut Cluster) {
    for n in 1..4 {
        c.submit(Input::Fault(Fault::NodePower { node: format!("node-{n}"), on: true }));
        run(c, format!("uncordon node-{n}"));
        run(c, format!("taint node node-{n} gpu-"));
    }
}

fn ordinal(p: &PodRecord) -> i64 {
    statefulset::identity::parent_and_ordinal(&p.name).map_or(-1, |(_, n)| n)
}

fn is_new(p: &PodRecord, before: &[Arc<PodRecord>]) -> bool {
    before.iter().all(|b| b.id != p.id)
}

/// Labels of identity belong to one pod each, at any time.
fn identities_are_unique(pods: &[Arc<PodRecord>]) {
    let mut seen = BTreeMap::new();
    for p in pods {
        let name = p.proto.labels.get(statefulset::identity::POD_NAME_LABEL);
        assert_eq!(name, Some(&*p.name));
        assert!(seen.insert(p.name.clone(), p.id).is_none(), "{} is there twice", p.name);
    }
}

/// A new pod comes only when all before it are ready.
fn comes_in_order(before: &[Arc<PodRecord>], after: &[Arc<PodRecord>]) {
    for p in after.iter().filter(|p| is_new(p, before)) {
        for n in 0..ordinal(p) {
            let earlier = after.iter().find(|o| ordinal(o) == n);
            let ready = earlier.is_some_and(|o| o.status.is_ready() && o.deletion.is_none());
            assert!(ready, "{} came before db-{n} was ready", p.name);
        }
    }
}

fn writes_nothing(c: &Cluster) {
    let mut sim = c.world.sim.clone();
    let version = sim.store.resource_version();
    let sets: Vec<Key> = sim.store.list_typed::<StatefulSet>(None).map(|s| Key::of(&s.metadata)).collect();
    let daemons: Vec<Key> = sim.store.list_typed::<DaemonSet>(None).map(|s| Key::of(&s.metadata)).collect();
    let mut controller = daemonset::DaemonSets::default();
    for _ in 0..2 {
        for key in &sets {
            statefulset::sync(&mut sim, key);
        }
        for key in &daemons {
            controller.sync(&mut sim, key);
        }
    }
    assert_eq!(sim.store.resource_version(), version, "a sync of what is at rest wrote something");
}

fn daemons_are_alone(pods: &[Arc<PodRecord>], surge: bool) {
    let mut living: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for p in pods.iter().filter(|p| p.is_active()) {
        let node = daemonset::node::target(p).expect("a daemon is tied to a node");
        living.entry(node).or_default().push(p.proto.labels.get("controller-revision-hash").unwrap_or_default());
    }
    for (node, revisions) in living {
        let most = if surge { 2 } else { 1 };
        assert!(revisions.len() <= most, "{node} has {revisions:?}");
        assert!(revisions.len() < 2 || revisions[0] != revisions[1], "{node} has two of {}", revisions[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, no identity is there twice and new pods come in order; in the end all pods are there, ready
    /// and new.
    #[test]
    fn stateful_sets(
        acts in proptest::collection::vec(act(), 0..10),
        parallel in any::<bool>(),
        min_ready in prop_oneof![Just(0u32), Just(7)],
        seed in 0u64..1000,
    ) {
        let mut c = Cluster::with_nodes(3, seed);
        apply(&mut c, stateful_set(3, parallel, min_ready));
        let mut look = |before: &[Arc<PodRecord>], after: &[Arc<PodRecord>]| {
            identities_are_unique(after);
            if !parallel {
                comes_in_order(before, after);
            }
        };
        pass(&mut c, 60, &mut look);
        for a in &acts {
            let wait = carry_out(&mut c, "sts/db", a);
            pass(&mut c, wait, &mut look);
        }
        mend(&mut c);
        carry_out(&mut c, "sts/db", &Act::Partition(0));
        carry_out(&mut c, "sts/db", &Act::Image(7));
        pass(&mut c, 1_200, &mut look);
        let set = c.world.sim.store.typed::<StatefulSet>(&Key::new("default", "db")).cloned().expect("it is there");
        let wanted = set.spec.as_ref().and_then(|s| s.replicas);
        let s = set.status.clone().unwrap_or_default();
        prop_assert_eq!(Some(s.replicas), wanted);
        for n in [s.ready_replicas, s.updated_replicas, s.current_replicas, s.available_replicas] {
            prop_assert_eq!(n.unwrap_or(0), s.replicas, "{:?}", s);
        }
        prop_assert_eq!(s.current_revision, s.update_revision);
        prop_assert_eq!(c.world.sim.store.pods().count() as i32, s.replicas);
        writes_nothing(&c);
    }

    /// Scaling down takes the highest ordinal first, one after the other.
    #[test]
    fn stateful_sets_shrink_from_the_top(sizes in proptest::collection::vec(0u32..6, 1..5), seed in 0u64..1000) {
        let mut c = Cluster::with_nodes(3, seed);
        apply(&mut c, stateful_set(5, false, 0));
        let mut look = |before: &[Arc<PodRecord>], after: &[Arc<PodRecord>]| {
            let ends = |p: &&Arc<PodRecord>| {
                p.deletion.is_some() && before.iter().any(|b| b.id == p.id && b.deletion.is_none())
            };
            for p in after.iter().filter(ends) {
                higher_are_gone(p, after);
            }
        };
        for size in sizes {
            pass(&mut c, 40, &mut look);
            run(&mut c, format!("scale sts db --replicas={size}"));
        }
        pass(&mut c, 120, &mut look);
    }

    /// Whatever happens, a node has one daemon, or two of different revisions where surging is asked for; in the end
    /// each node that fits has a ready one of the newest revision.
    #[test]
    fn daemon_sets(acts in proptest::collection::vec(act(), 0..10), surge in any::<bool>(), seed in 0u64..1000) {
        let mut c = Cluster::with_nodes(3, seed);
        apply(&mut c, daemon_set(surge));
        let mut look = |_: &[Arc<PodRecord>], after: &[Arc<PodRecord>]| daemons_are_alone(after, surge);
        pass(&mut c, 30, &mut look);
        for a in &acts {
            let wait = carry_out(&mut c, "ds/agent", a);
            pass(&mut c, wait, &mut look);
        }
        mend(&mut c);
        carry_out(&mut c, "ds/agent", &Act::Image(7));
        pass(&mut c, 1_200, &mut look);
        let set = c.world.sim.store.typed::<DaemonSet>(&Key::new("default", "agent")).cloned().expect("it is there");
        let s = set.status.clone().unwrap_or_default();
        prop_assert_eq!(s.desired_number_scheduled, 3);
        prop_assert_eq!(s.number_ready, 3, "{:?}", s);
        prop_assert_eq!(s.updated_number_scheduled, Some(3), "{:?}", s);
        prop_assert_eq!(s.number_misscheduled, 0);
        prop_assert_eq!(c.world.sim.store.pods().count(), 3);
        writes_nothing(&c);
    }
}

fn higher_are_gone(p: &PodRecord, pods: &[Arc<PodRecord>]) {
    let higher = pods.iter().find(|o| ordinal(o) > ordinal(p));
    assert!(higher.is_none(), "{} goes before {}", p.name, higher.map_or("", |h| &h.name));
}
