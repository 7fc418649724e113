//! Properties of policy and storage that hold whatever happens: what is used never exceeds a quota, evictions never
//! violate a disruption budget, a volume serves one claim at most, all of it converges, and what is at rest stays so.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, ResourceQuota};
use kubarium_core::api::quantity::Quantity;
use kubarium_core::apiserver::request::{Method, Request};
use kubarium_core::clock::SimDuration;
use kubarium_core::cluster::Cluster;
use kubarium_core::sim::{Config, KubeletProfile};
use kubarium_core::store::{Key, Obj};
use kubarium_core::world::Input;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn run(cluster: &mut Cluster, text: impl Into<String>) {
    let line = format!("kubectl {}", text.into());
    cluster.submit(Input::Line { terminal: 0, line, stdin: None });
}

fn apply(cluster: &mut Cluster, manifest: &Value) {
    let text = manifest.to_string();
    cluster.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(text) });
}

/// Lets time pass, and looks at the cluster after each event that changes anything.
fn pass(cluster: &mut Cluster, seconds: u64, mut look: impl FnMut(&Cluster)) {
    let until = cluster.now() + SimDuration::from_secs(seconds);
    let mut version = cluster.world.sim.store.resource_version();
    while cluster.world.sim.queue.next_time().is_some_and(|t| t <= until) && cluster.step_event() {
        let now = cluster.world.sim.store.resource_version();
        if now != version {
            version = now;
            look(cluster);
        }
    }
    while !cluster.advance(until, 100_000).done {}
}

fn quantity(q: &k8s_openapi::apimachinery::pkg::api::resource::Quantity) -> Quantity {
    q.0.parse().expect("a quantity")
}

fn deployment(name: &str, replicas: u32, cpu: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 2, "containers": [{"name": "c", "image": "nginx:1.25",
                "resources": {"requests": {"cpu": format!("{cpu}m")}}}]},
        }},
    })
}

/// What a person does under a quota.
#[derive(Clone, Debug)]
enum Act {
    Apply(u8, u32, u32),
    Scale(u8, u32),
    Delete(u8),
    KillPods,
    ConfigMap(u8),
    Raise,
    Wait(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u8..3, 0u32..6, 50u32..600).prop_map(|(n, r, cpu)| Act::Apply(n, r, cpu)),
        (0u8..3, 0u32..8).prop_map(|(n, r)| Act::Scale(n, r)),
        (0u8..3).prop_map(Act::Delete),
        Just(Act::KillPods),
        (0u8..6).prop_map(Act::ConfigMap),
        Just(Act::Raise),
        (0u8..60).prop_map(Act::Wait),
    ]
}

fn within(c: &Cluster) -> Result<(), TestCaseError> {
    for q in c.world.sim.store.list_typed::<ResourceQuota>(None) {
        let status = q.status.clone().unwrap_or_default();
        let hard = status.hard.unwrap_or_default();
        for (name, used) in status.used.iter().flatten() {
            prop_assert!(quantity(used) <= quantity(&hard[name]), "{name}: {} of {}", used.0, hard[name].0);
        }
        let pods = c.world.sim.store.pods().filter(|p| &*p.namespace == "default" && !p.status.phase.is_terminal());
        if let Some(most) = hard.get("pods") {
            prop_assert!(pods.count() as i64 <= quantity(most).value(), "more pods than {}", most.0);
        }
    }
    Ok(())
}

/// Which claim has which volume, from both sides; fails where two have the same.
fn bindings(c: &Cluster) -> Result<BTreeMap<String, String>, TestCaseError> {
    let store = &c.world.sim.store;
    let mut claims: BTreeMap<String, String> = BTreeMap::new();
    for claim in store.list_typed::<PersistentVolumeClaim>(None) {
        let volume = claim.spec.as_ref().and_then(|s| s.volume_name.clone()).unwrap_or_default();
        let bound = claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
        if bound {
            let name = claim.metadata.name.clone().unwrap_or_default();
            let other = claims.insert(volume.clone(), name.clone());
            prop_assert!(other.is_none(), "{volume} serves {other:?} and {name}");
            let held = store.typed::<PersistentVolume>(&Key::new("", volume.as_str()));
            if let Some(v) = held {
                let uid = v.spec.as_ref().and_then(|s| s.claim_ref.as_ref()).and_then(|r| r.uid.clone());
                prop_assert_eq!(uid, claim.metadata.uid.clone(), "{} is not kept for {}", volume, name);
            }
        }
    }
    let mut users = BTreeSet::new();
    for volume in store.list_typed::<PersistentVolume>(None) {
        let uid = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()).and_then(|r| r.uid.clone());
        let bound = volume.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
        if let (Some(uid), true) = (uid, bound) {
            prop_assert!(users.insert(uid.clone()), "two volumes are bound to {uid}");
        }
    }
    Ok(claims)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// At no event does the use of a quota exceed it, and once nothing happens any more it is what is there.
    #[test]
    fn quotas_hold(acts in proptest::collection::vec(act(), 1..10), pods in 1u32..8, cpu in 300u32..2000, seed in 0u64..1000) {
        let mut c = Cluster::with_nodes(2, seed);
        let hard = json!({"pods": pods.to_string(), "requests.cpu": format!("{cpu}m"), "count/configmaps": "4"});
        apply(&mut c, &json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}));
        let mut outcome = Ok(());
        pass(&mut c, 5, |_| {});
        let mut most = pods;
        for a in &acts {
            match a {
                Act::Apply(n, replicas, cpu) => apply(&mut c, &deployment(&format!("d{n}"), *replicas, *cpu)),
                Act::Scale(n, replicas) => run(&mut c, format!("scale deployment d{n} --replicas={replicas}")),
                Act::Delete(n) => run(&mut c, format!("delete deployment d{n} --wait=false")),
                Act::KillPods => run(&mut c, "delete pods --all --wait=false"),
                Act::ConfigMap(n) => run(&mut c, format!("create configmap m{n} --from-literal=a=b")),
                Act::Raise => {
                    most += 1;
                    run(&mut c, format!("patch quota q -p '{{\"spec\":{{\"hard\":{{\"pods\":\"{most}\"}}}}}}'"));
                }
                Act::Wait(s) => pass(&mut c, u64::from(*s), |c| if outcome.is_ok() { outcome = within(c) }),
            }
        }
        pass(&mut c, 120, |c| if outcome.is_ok() { outcome = within(c) });
        outcome?;
        let quota = c.world.sim.store.list_typed::<ResourceQuota>(None).next().cloned().expect("the quota");
        let used = quota.status.clone().unwrap_or_default().used.unwrap_or_default();
        let live: Vec<_> = c.world.sim.store.pods().filter(|p| &*p.namespace == "default" && !p.status.phase.is_terminal()).collect();
        prop_assert_eq!(quantity(&used["pods"]).value(), live.len() as i64);
    }

    /// Evictions alone never leave fewer healthy pods than a budget asks for.
    #[test]
    fn budgets_hold(replicas in 2u32..7, share in 1u32..100, by_share: bool, picks in proptest::collection::vec((any::<u8>(), 0u8..20), 1..25), seed in 0u64..1000) {
        let mut c = Cluster::with_nodes(3, seed);
        apply(&mut c, &deployment("web", replicas, 100));
        let least = if by_share { json!(format!("{share}%")) } else { json!(share % replicas) };
        apply(&mut c, &json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}}}));
        pass(&mut c, 60, |_| {});
        let needed = if by_share { (replicas * share).div_ceil(100) } else { share % replicas } as usize;
        let healthy = |c: &Cluster| c.world.sim.store.pods().filter(|p| p.status.is_ready() && p.deletion.is_none()).count();
        prop_assert_eq!(healthy(&c), replicas as usize);
        let mut fewest = usize::MAX;
        for (pick, wait) in &picks {
            let pods: Vec<String> = c.world.sim.store.pods().map(|p| p.name.to_string()).collect();
            let pod = &pods[usize::from(*pick) % pods.len()];
            let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}});
            let answer = c.world.request(Request::new(Method::Post, format!("/api/v1/namespaces/default/pods/{pod}/eviction")).body(body));
            prop_assert!([201, 404, 429].contains(&answer.code), "{}", answer.body);
            fewest = fewest.min(healthy(&c));
            pass(&mut c, u64::from(*wait), |c| fewest = fewest.min(healthy(c)));
        }
        prop_assert!(fewest >= needed, "{fewest} healthy, {needed} needed");
        pass(&mut c, 120, |_| {});
        prop_assert_eq!(healthy(&c), replicas as usize, "all come back");
    }

    /// A volume serves one claim at most, at every event; claims that something fits get it; what is at rest stays so.
    #[test]
    fn volumes_serve_one_claim(sizes in proptest::collection::vec(1u32..6, 0..6), asks in proptest::collection::vec((1u32..6, any::<bool>()), 0..6), gone in proptest::collection::vec(any::<u8>(), 0..4), seed in 0u64..1000) {
        let config = Config { kubelets: KubeletProfile::Real, ..Config::nodes(2, seed) };
        let mut c = Cluster::new(config);
        // the namespace's ServiceAccount comes first
        pass(&mut c, 2, |_| {});
        for (i, size) in sizes.iter().enumerate() {
            apply(&mut c, &json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("v{i}")}, "spec": {
                "capacity": {"storage": format!("{size}Gi")}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual",
                "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": format!("/data/{i}")}}}));
        }
        let mut outcome = Ok(());
        for (i, (size, dynamic)) in asks.iter().enumerate() {
            let class = if *dynamic { "standard" } else { "manual" };
            apply(&mut c, &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": format!("c{i}")}, "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": format!("{size}Gi")}}}}));
            if *dynamic {
                apply(&mut c, &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{i}")}, "spec": {
                    "containers": [{"name": "c", "image": "nginx:1.25", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
                    "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": format!("c{i}")}}]}}));
            }
        }
        pass(&mut c, 90, |c| if outcome.is_ok() { outcome = bindings(c).map(|_| ()) });
        outcome?;
        let bound = bindings(&c)?;
        for (i, (_, dynamic)) in asks.iter().enumerate() {
            if *dynamic {
                prop_assert!(bound.values().any(|n| *n == format!("c{i}")), "c{i} was not provisioned");
                let key = Key::new("default", format!("p{i}"));
                let pod = c.world.sim.store.pod_by_name(&key).cloned().expect("the pod");
                prop_assert!(pod.status.is_ready(), "p{i} waits for its volume");
            }
        }
        // no claim waits beside a free volume that fits
        for (i, (size, dynamic)) in asks.iter().enumerate() {
            let waits = !*dynamic && !bound.values().any(|n| *n == format!("c{i}"));
            for (j, has) in sizes.iter().enumerate() {
                prop_assert!(!waits || has < size || bound.contains_key(&format!("v{j}")), "c{i} waits beside v{j}");
            }
        }
        for n in &gone {
            if !asks.is_empty() {
                run(&mut c, format!("delete pvc c{} --wait=false", usize::from(*n) % asks.len()));
            }
        }
        let mut outcome = Ok(());
        pass(&mut c, 60, |c| if outcome.is_ok() { outcome = bindings(c).map(|_| ()) });
        outcome?;
        let still = |c: &Cluster| -> Vec<u64> {
            let all = c.world.sim.store.all().map(|e| &e.obj);
            all.filter(|o| matches!(o, Obj::PersistentVolume(_) | Obj::PersistentVolumeClaim(_))).map(Obj::rv).collect()
        };
        let before = still(&c);
        pass(&mut c, 120, |_| {});
        prop_assert_eq!(before, still(&c), "what is at rest is written again");
    }
}
