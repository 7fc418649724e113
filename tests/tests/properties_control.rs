//! Each controller converges, is idempotent, and keeps its bounds: one scene with something for all of them, whatever
//! people do to it. Once nothing is broken any more and time has passed, nothing is written any more; a controller that
//! looks at everything again, as after its restart, writes nothing; and what each of them answers for holds.
//!
//! | controller | converges, is idempotent | keeps its bounds |
//! |---|---|---|
//! | Deployment | here, `properties.rs` | `properties.rs`: maxSurge and maxUnavailable at every event |
//! | ReplicaSet, ReplicationController | here | here: no pod more than asked for, at every event |
//! | StatefulSet, DaemonSet | here, `properties_workloads.rs` | `properties_workloads.rs`: order, one daemon a node |
//! | Job, CronJob, TTL after finished | here, `properties_batch.rs` | `properties_batch.rs`: parallelism, completions, back-off |
//! | Endpoints, EndpointSlice | here | here: who is ready stands in one slice, once |
//! | Namespace, garbage collector, pod GC | here | here: nothing outlives its namespace, owner or node |
//! | ServiceAccount, root CA | here | here: each namespace has its account and its certificates |
//! | PersistentVolume | here | here: a claim and a volume are bound to each other and to nothing else |
//! | ResourceQuota | here | here, `properties_policy.rs`: what is used is what is there, and within limits |
//! | Disruption | here | here, `properties_policy.rs`: what may be disrupted follows from what is healthy |
//! | HorizontalPodAutoscaler | here | here: between its least and its most |
//! | NodeLifecycle, taint eviction | here | here: taints say what conditions say |
//! | load balancers, Ingress | here | here: an address each, and no two the same |
//! | names of definitions, and their end | here | here: no two have a name in common, and nothing outlives its definition |

use kubarium_core::apiserver::request::Request;
use kubarium_core::clock::SimDuration;
use kubarium_core::cluster::Cluster;
use kubarium_core::sim::Component;
use kubarium_core::store::{Kind, PodRecord};
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SCENE: &str = r#"
apiVersion: v1
kind: ReplicationController
metadata: {name: rc}
spec: {replicas: 2, selector: {app: rc}, template: {metadata: {labels: {app: rc}}, spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: "nginx:1.25"}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rs}
spec: {replicas: 2, selector: {matchLabels: {app: rs}}, template: {metadata: {labels: {app: rs}}, spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: "nginx:1.25"}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: "nginx:1.25", ports: [{containerPort: 80}], resources: {requests: {cpu: 10m}}}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {serviceName: db, replicas: 2, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: "nginx:1.25"}]}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: "nginx:1.25"}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {completions: 2, template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: [sh, -c, "sleep 5"]}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: brief}
spec: {ttlSecondsAfterFinished: 60, template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: rare}
spec: {schedule: "0 0 29 2 *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ["true"]}]}}}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: rc}
spec: {type: LoadBalancer, selector: {app: rc}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: byhand}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: byhand}
subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {minReplicas: 2, maxReplicas: 6, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: all}
spec: {hard: {pods: "40", services: "10"}}
---
apiVersion: v1
kind: Namespace
metadata: {name: passing}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: inside, namespace: passing}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: inside, namespace: passing}
spec: {selector: {matchLabels: {app: inside}}, template: {metadata: {labels: {app: inside}}, spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: "nginx:1.25"}]}}}
"#;

fn run(c: &mut Cluster, text: impl Into<String>) {
    c.submit(Input::Line { terminal: 0, line: format!("kubectl {}", text.into()), stdin: None });
}

fn pass(c: &mut Cluster, seconds: u64) {
    let until = c.now() + SimDuration::from_secs(seconds);
    while !c.advance(until, 100_000).done {}
}

/// What people do.
#[derive(Clone, Debug)]
enum Act {
    Scale(u8, u8),
    Image(u8, u8),
    KillPod(u8),
    Relabel(u8),
    Crash(u8),
    Power(u8, bool),
    Cordon(u8, bool),
    DeleteService(u8),
    DeleteOrphaning(u8),
    DeletePassing,
    Wait(u16),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (any::<u8>(), 0u8..5).prop_map(|(what, n)| Act::Scale(what, n)),
        (any::<u8>(), 5u8..8).prop_map(|(what, n)| Act::Image(what, n)),
        any::<u8>().prop_map(Act::KillPod),
        any::<u8>().prop_map(Act::Relabel),
        any::<u8>().prop_map(Act::Crash),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Power(n, on)),
        (1u8..4, any::<bool>()).prop_map(|(n, on)| Act::Cordon(n, on)),
        any::<u8>().prop_map(Act::DeleteService),
        any::<u8>().prop_map(Act::DeleteOrphaning),
        Just(Act::DeletePassing),
        (0u16..400).prop_map(Act::Wait),
    ]
}

fn pick<'a>(list: &[&'a str], n: u8) -> &'a str {
    list[usize::from(n) % list.len()]
}

fn pod(c: &Cluster, n: u8) -> Option<String> {
    let here = |p: &&Arc<PodRecord>| &*p.namespace == "default";
    let pods: Vec<String> = c.world.sim.store.pods().filter(here).map(|p| p.name.to_string()).collect();
    pods.get(usize::from(n) % pods.len().max(1)).cloned()
}

fn carry_out(c: &mut Cluster, act: &Act) {
    match act {
        Act::Scale(what, n) => {
            run(c, format!("scale {} --replicas={n}", pick(&["rc/rc", "rs/rs", "deploy/web", "sts/db"], *what)));
        }
        Act::Image(what, n) => {
            run(c, format!("set image {} c=nginx:1.2{n}", pick(&["deploy/web", "sts/db", "ds/agent"], *what)));
        }
        Act::KillPod(n) => {
            if let Some(p) = pod(c, *n) {
                run(c, format!("delete pod {p} --wait=false"));
            }
        }
        Act::Relabel(n) => {
            if let Some(p) = pod(c, *n) {
                run(c, format!("label pod {p} app=other --overwrite"));
            }
        }
        Act::Crash(n) => {
            if let Some(pod) = pod(c, *n) {
                let fault = Fault::CrashContainer { namespace: "default".into(), pod, container: String::new() };
                c.submit(Input::Fault(fault));
            }
        }
        Act::Power(n, on) => {
            c.submit(Input::Fault(Fault::NodePower { node: format!("node-{n}"), on: *on }));
        }
        Act::Cordon(n, on) => run(c, format!("{} node-{n}", if *on { "cordon" } else { "uncordon" })),
        Act::DeleteService(n) => run(c, format!("delete service {}", pick(&["web", "rc", "db", "byhand"], *n))),
        Act::DeleteOrphaning(n) => {
            let what = pick(&["rs/rs", "deploy/web", "rc/rc"], *n);
            run(c, format!("delete {what} --cascade=orphan --wait=false"));
        }
        Act::DeletePassing => run(c, "delete namespace passing --wait=false"),
        Act::Wait(s) => pass(c, u64::from(*s)),
    }
}

/// Everything broken is mended, what was deleted is made again; then enough time passes for every back-off.
fn mend(c: &mut Cluster) {
    for n in 1..4 {
        c.submit(Input::Fault(Fault::NodePower { node: format!("node-{n}"), on: true }));
        run(c, format!("uncordon node-{n}"));
    }
    pass(c, 400);
    c.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(SCENE.into()) });
    pass(c, 1_500);
}

/// What has been written since a place in the log, but for events and leases, which go on for ever.
fn written(c: &Cluster, since: u64) -> Vec<String> {
    let changes = c.world.sim.store.log.since(since).expect("the log reaches back as far");
    let lasting = changes.filter(|ch| !matches!(ch.kind, Kind::Event | Kind::Lease));
    lasting.map(|ch| format!("{:?} {}", ch.kind, ch.obj().key())).collect()
}

fn all(c: &Cluster, kind: Kind) -> Vec<Value> {
    let store = &c.world.sim.store;
    store.list(kind, None).map(|o| o.to_value(&store.ids)).collect()
}

fn text<'a>(v: &'a Value, pointer: &str) -> &'a str {
    v.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(v: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    v.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn selected(pod: &PodRecord, service: &Value) -> bool {
    let labels = |k: &str| pod.proto.labels.get(k);
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|s| s.iter().all(|(k, v)| labels(k) == v.as_str()))
}

/// Endpoints and EndpointSlice: who is ready stands in one slice of each service that selects it, once.
fn endpoints(c: &Cluster) -> Result<(), TestCaseError> {
    for s in all(c, Kind::Service).iter().filter(|s| !s["spec"]["selector"].is_null()) {
        let (namespace, name) = (text(s, "/metadata/namespace"), text(s, "/metadata/name"));
        let pods = c.world.sim.store.pods().filter(|p| &*p.namespace == namespace && selected(p, s));
        let ready: BTreeSet<String> =
            pods.filter(|p| p.status.is_ready()).map(|p| std::net::Ipv4Addr::from(p.status.ip).to_string()).collect();
        let mut found = BTreeSet::new();
        for slice in all(c, Kind::EndpointSlice) {
            let labels = &slice["metadata"]["labels"];
            if text(&slice, "/metadata/namespace") != namespace || labels["kubernetes.io/service-name"] != name {
                continue;
            }
            prop_assert!(list(&slice, "/endpoints").count() <= 100);
            for e in list(&slice, "/endpoints").filter(|e| e["conditions"]["ready"] == true) {
                let ip = text(e, "/addresses/0").to_owned();
                prop_assert!(found.insert(ip.clone()), "{name}: {ip} stands in two places");
            }
        }
        prop_assert_eq!(&found, &ready, "slices of {}", name);
        let old = all(c, Kind::Endpoints);
        let old = old.iter().find(|e| e["metadata"]["name"] == name && e["metadata"]["namespace"] == namespace);
        let told: BTreeSet<String> = old
            .into_iter()
            .flat_map(|e| list(e, "/subsets"))
            .flat_map(|s| list(s, "/addresses"))
            .map(|a| text(a, "/ip").to_owned())
            .collect();
        prop_assert_eq!(&told, &ready, "endpoints of {}", name);
    }
    Ok(())
}

/// Namespace, garbage collector, pod GC: nothing outlives its namespace, its owner or its node.
fn nothing_is_left_over(c: &Cluster) -> Result<(), TestCaseError> {
    let names = |kind| all(c, kind).iter().map(|o| text(o, "/metadata/name").to_owned()).collect::<BTreeSet<_>>();
    let (namespaces, nodes) = (names(Kind::Namespace), names(Kind::Node));
    let uids: BTreeSet<String> =
        Kind::ALL.iter().flat_map(|k| all(c, *k)).map(|o| text(&o, "/metadata/uid").to_owned()).collect();
    for kind in Kind::ALL.iter().copied().filter(|k| *k != Kind::Event) {
        for o in all(c, kind) {
            let (namespace, name) = (text(&o, "/metadata/namespace"), text(&o, "/metadata/name"));
            prop_assert!(namespace.is_empty() || namespaces.contains(namespace), "{kind:?} {name} has no namespace");
            let owners: Vec<&Value> = list(&o, "/metadata/ownerReferences").collect();
            let lives = owners.iter().any(|r| uids.contains(text(r, "/uid")));
            prop_assert!(owners.is_empty() || lives, "{kind:?} {name} has outlived its owners");
        }
    }
    for p in c.world.sim.store.pods() {
        prop_assert!(p.node.as_ref().is_none_or(|n| nodes.contains(&**n)), "{} is on no node", p.name);
    }
    Ok(())
}

/// ServiceAccount and root CA: each namespace that stays has its account and its certificates.
fn accounts(c: &Cluster) -> Result<(), TestCaseError> {
    let has = |kind, namespace: &str, name: &str| {
        all(c, kind).iter().any(|o| o["metadata"]["namespace"] == namespace && o["metadata"]["name"] == name)
    };
    for n in all(c, Kind::Namespace).iter().filter(|n| n["metadata"]["deletionTimestamp"].is_null()) {
        let name = text(n, "/metadata/name");
        prop_assert!(has(Kind::ServiceAccount, name, "default"), "{name} has no account");
        prop_assert!(has(Kind::ConfigMap, name, "kube-root-ca.crt"), "{name} has no certificates");
    }
    Ok(())
}

/// PersistentVolume: a claim and a volume are bound to each other, and to nothing else.
fn volumes(c: &Cluster) -> Result<(), TestCaseError> {
    let volumes = all(c, Kind::PersistentVolume);
    for claim in all(c, Kind::PersistentVolumeClaim) {
        prop_assert_eq!(text(&claim, "/status/phase"), "Bound", "{}", text(&claim, "/metadata/name"));
        let uid = text(&claim, "/metadata/uid");
        let mine: Vec<&Value> = volumes.iter().filter(|v| text(v, "/spec/claimRef/uid") == uid).collect();
        prop_assert_eq!(mine.len(), 1);
        prop_assert_eq!(text(mine[0], "/metadata/name"), text(&claim, "/spec/volumeName"));
    }
    Ok(())
}

/// ResourceQuota: what is said to be used is there, and within the limits.
fn quotas(c: &Cluster) -> Result<(), TestCaseError> {
    for q in all(c, Kind::ResourceQuota) {
        let namespace = text(&q, "/metadata/namespace");
        let pods = c.world.sim.store.pods().filter(|p| &*p.namespace == namespace && !p.status.phase.is_terminal());
        let number = |k: &str| q["status"]["used"][k].as_str().and_then(|n| n.parse::<usize>().ok());
        prop_assert_eq!(number("pods"), Some(pods.count()));
        let services = all(c, Kind::Service).iter().filter(|s| text(s, "/metadata/namespace") == namespace).count();
        prop_assert_eq!(number("services"), Some(services));
        prop_assert!(number("pods") <= Some(40));
    }
    Ok(())
}

/// Disruption: what may be disrupted follows from what is healthy.
fn budgets(c: &Cluster) -> Result<(), TestCaseError> {
    for b in all(c, Kind::PodDisruptionBudget) {
        let n = |k: &str| b["status"][k].as_i64().unwrap_or_default();
        let ready = c.world.sim.store.pods().filter(|p| p.proto.labels.get("app") == Some("web"));
        prop_assert_eq!(n("currentHealthy"), ready.filter(|p| p.status.is_ready()).count() as i64);
        prop_assert_eq!(n("disruptionsAllowed"), (n("currentHealthy") - n("desiredHealthy")).max(0), "{}", b);
    }
    Ok(())
}

/// Whether a pod that a StatefulSet does not control has the name of its pod of an ordinal.
fn name_is_taken(c: &Cluster, set: &Value, ordinal: i64) -> bool {
    let name = format!("{}-{ordinal}", text(set, "/metadata/name"));
    all(c, Kind::Pod).iter().any(|p| {
        let own = p["metadata"]["ownerReferences"][0]["uid"] == set["metadata"]["uid"];
        text(p, "/metadata/name") == name && !own
    })
}

/// Workloads: what is asked for is there.
fn workloads(c: &Cluster) -> Result<(), TestCaseError> {
    for kind in [Kind::ReplicationController, Kind::ReplicaSet, Kind::Deployment, Kind::StatefulSet] {
        for o in all(c, kind) {
            let wanted = o["spec"]["replicas"].as_i64().unwrap_or_default();
            let ready = o["status"]["readyReplicas"].as_i64().unwrap_or_default();
            // a StatefulSet cannot make a pod whose name one that was relabelled still bears, and its successors wait
            if kind == Kind::StatefulSet && (0..wanted).any(|n| name_is_taken(c, &o, n)) {
                prop_assert!(ready < wanted, "{} has a pod that is not its own", text(&o, "/metadata/name"));
                continue;
            }
            prop_assert_eq!(ready, wanted, "{:?} {}", kind, text(&o, "/metadata/name"));
        }
    }
    let jobs = all(c, Kind::Job);
    prop_assert!(jobs.iter().all(|j| j["metadata"]["name"] != "brief"), "a Job has outlived its time");
    for j in &jobs {
        prop_assert!(list(j, "/status/conditions").any(|x| x["type"] == "Complete" && x["status"] == "True"), "{}", j);
    }
    for h in all(c, Kind::HorizontalPodAutoscaler) {
        let d = all(c, Kind::Deployment).into_iter().find(|d| d["metadata"]["name"] == "web").unwrap_or_default();
        let n = d["spec"]["replicas"].as_i64().unwrap_or_default();
        // at zero it is switched off
        prop_assert!(n == 0 || (2..=6).contains(&n), "{n} replicas, {}", h["status"]);
    }
    Ok(())
}

/// NodeLifecycle: taints say what conditions say.
fn nodes(c: &Cluster) -> Result<(), TestCaseError> {
    for n in all(c, Kind::Node) {
        let ready = list(&n, "/status/conditions").any(|x| x["type"] == "Ready" && x["status"] == "True");
        prop_assert!(ready, "{} is not ready", text(&n, "/metadata/name"));
        prop_assert_eq!(list(&n, "/spec/taints").count(), 0, "{}", n["spec"]);
    }
    Ok(())
}

/// Load balancers and Ingress: an address each, and no two services share one.
fn addresses(c: &Cluster) -> Result<(), TestCaseError> {
    let mut seen = BTreeMap::new();
    for s in all(c, Kind::Service).iter().filter(|s| s["spec"]["type"] == "LoadBalancer") {
        let ip = text(s, "/status/loadBalancer/ingress/0/ip").to_owned();
        prop_assert!(!ip.is_empty(), "{} has no address", text(s, "/metadata/name"));
        prop_assert!(seen.insert(ip, text(s, "/metadata/name").to_owned()).is_none(), "two share an address");
    }
    for i in all(c, Kind::Ingress) {
        prop_assert!(!text(&i, "/status/loadBalancer/ingress/0/ip").is_empty(), "{}", i["status"]);
    }
    Ok(())
}

/// ReplicaSet and ReplicationController: never a pod more than was asked for last, or before that.
fn never_more(c: &Cluster, most: &mut BTreeMap<String, usize>) {
    for kind in [Kind::ReplicationController, Kind::ReplicaSet] {
        for o in all(c, kind) {
            let uid = text(&o, "/metadata/uid").to_owned();
            let asked = o["spec"]["replicas"].as_u64().unwrap_or_default() as usize;
            let limit = most.entry(uid.clone()).or_default();
            *limit = (*limit).max(asked);
            let id = c.world.sim.store.ids.parse(&uid);
            let pods = c.world.sim.store.pods().filter(|p| p.is_active() && p.proto.controller == id).count();
            assert!(pods <= *limit, "{} has {pods} pods, and asked for {limit} at most", text(&o, "/metadata/name"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, max_shrink_iters: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_controller_comes_to_rest(acts in proptest::collection::vec(act(), 0..10), seed in 0u64..1000) {
        let mut c = Cluster::with_nodes(3, seed);
        c.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(SCENE.into()) });
        let mut most = BTreeMap::new();
        pass(&mut c, 60);
        for a in &acts {
            carry_out(&mut c, a);
            for _ in 0..5 {
                pass(&mut c, 1);
                never_more(&c, &mut most);
            }
        }
        mend(&mut c);

        let end = c.world.sim.store.log.end();
        pass(&mut c, 300);
        prop_assert_eq!(written(&c, end), Vec::<String>::new(), "it does not come to rest");

        endpoints(&c)?;
        nothing_is_left_over(&c)?;
        accounts(&c)?;
        volumes(&c)?;
        quotas(&c)?;
        budgets(&c)?;
        workloads(&c)?;
        nodes(&c)?;
        addresses(&c)?;

        for component in Component::ALL {
            let end = c.world.sim.store.log.end();
            let world = &mut c.world;
            world.controllers.relist(component, &mut world.sim);
            pass(&mut c, 20);
            prop_assert_eq!(written(&c, end), Vec::<String>::new(), "{:?} writes what is so already", component);
        }
        let ready = c.world.request(Request::get("/apis/apps/v1/namespaces/default/deployments/web"));
        prop_assert_eq!(ready.code, 200);
    }
}

/// What people do to definitions of one group.
#[derive(Clone, Debug)]
enum Define {
    Make(u8, u8),
    Drop(u8),
    Object(u8, bool),
}

fn define() -> impl Strategy<Value = Define> {
    prop_oneof![
        (0u8..4, 0u8..5).prop_map(|(n, short)| Define::Make(n, short)),
        (0u8..4).prop_map(Define::Drop),
        (0u8..4, any::<bool>()).prop_map(|(n, held)| Define::Object(n, held)),
    ]
}

fn apply(c: &mut Cluster, text: String) {
    c.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(text) });
}

fn definition(n: u8, short: &str) -> String {
    format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: things{n}.example.com}}, \
        spec: {{group: example.com, scope: Namespaced, names: {{plural: things{n}, kind: Thing{n}, shortNames: [{short}]}}, \
        versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]}}}}"
    )
}

#[test]
fn a_name_given_up_goes_to_who_waits_for_it() {
    let mut c = Cluster::with_nodes(1, 1);
    for (n, short) in [(2, "c"), (0, "c"), (1, "b"), (3, "b"), (2, "a"), (1, "d")] {
        apply(&mut c, definition(n, short));
        pass(&mut c, 2);
    }
    let shorts: Vec<_> = all(&c, Kind::CustomResourceDefinition)
        .iter()
        .map(|d| text(&d["status"]["acceptedNames"], "/shortNames/0").to_owned())
        .collect();
    assert_eq!(shorts, ["c", "d", "a", "b"]);
}

/// Plural, singular and short names.
fn names(names: &Value) -> BTreeSet<String> {
    let shorts = list(names, "/shortNames").filter_map(Value::as_str);
    let all = [text(names, "/plural"), text(names, "/singular")].into_iter().chain(shorts);
    all.filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

/// The names that definitions have got: no two share one.
fn names_in_use(c: &Cluster) -> Result<BTreeSet<String>, TestCaseError> {
    let mut seen = BTreeSet::new();
    for d in all(c, Kind::CustomResourceDefinition) {
        for name in names(&d["status"]["acceptedNames"]) {
            prop_assert!(seen.insert(name.clone()), "{name} is used twice");
        }
    }
    Ok(seen)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn definitions_share_no_names(acts in proptest::collection::vec(define(), 1..16), seed in 0u64..1000) {
        let mut c = Cluster::with_nodes(1, seed);
        for a in &acts {
            match a {
                Define::Make(n, short) => {
                    apply(&mut c, definition(*n, ["a", "b", "c", "things1", "thing2"][usize::from(*short)]));
                }
                Define::Drop(n) => run(&mut c, format!("delete crd things{n}.example.com --wait=false")),
                Define::Object(n, held) => apply(&mut c, format!(
                    "{{apiVersion: example.com/v1, kind: Thing{n}, metadata: {{name: x, finalizers: [{}]}}}}",
                    if *held { "example.com/held" } else { "" }
                )),
            }
            pass(&mut c, 2);
            let used = names_in_use(&c)?;
            for d in all(&c, Kind::CustomResourceDefinition) {
                let says = |kind: &str| list(&d, "/status/conditions").any(|x| x["type"] == kind && x["status"] == "True");
                let served = c.world.sim.serves("example.com/v1", text(&d, "/spec/names/kind"));
                prop_assert_eq!(served, says("NamesAccepted") || says("Established"), "{}", d);
                let (wanted, got) = (names(&d["spec"]["names"]), names(&d["status"]["acceptedNames"]));
                let refused = wanted.difference(&got).any(|n| used.contains(n));
                prop_assert!(says("NamesAccepted") || says("Terminating") || refused, "{}", d);
            }
        }
        for n in 0..4 {
            run(&mut c, format!("patch things{n} x --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'"));
        }
        run(&mut c, "delete crd --all --wait=false");
        pass(&mut c, 10);
        prop_assert!(all(&c, Kind::CustomResourceDefinition).is_empty());
        prop_assert!(c.world.sim.custom_resources().is_empty());
    }
}
