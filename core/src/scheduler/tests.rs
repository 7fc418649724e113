//! The remembered verdicts and scores against the plain forms of the plugins, on random clusters.

use super::algorithm::{NodeVerdict, Outcome, histogram};
use super::cache::Cluster;
use super::framework::{NodeInfo, NodeSpec, Placed, PodInfo, Refusal, SCORERS, normalize};
use super::plugins::*;
use crate::api::labels::Selector;
use crate::rng::Rng;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A random cluster and what is needed to judge it the plain way.
struct Model {
    rng: Rng,
    cluster: Cluster,
    nodes: BTreeMap<String, NodeSpec>,
    services: BTreeMap<(String, String), BTreeMap<String, String>>,
    protos: Vec<Pod>,
    next: u64,
}

fn one<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.below(of.len() as u32) as usize]
}

fn node_json(rng: &mut Rng, name: &str) -> Value {
    let mut labels = json!({"kubernetes.io/hostname": name});
    if rng.below(6) > 0 {
        labels["topology.kubernetes.io/zone"] = json!(format!("z{}", rng.below(3)));
    }
    if rng.below(3) == 0 {
        labels["disk"] = json!("ssd");
    }
    let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let taints: Vec<Value> = (0..rng.below(6).saturating_sub(3))
        .map(|i| json!({"key": format!("t{}", i % 2), "effect": effects[rng.below(3) as usize]}))
        .collect();
    let images = if rng.below(2) == 0 { json!([{"names": ["nginx:1"], "sizeBytes": 90_000_000}]) } else { json!([]) };
    json!({"metadata": {"name": name, "labels": labels},
        "spec": {"unschedulable": rng.below(12) == 0, "taints": taints},
        "status": {"allocatable": {"cpu": format!("{}", 1 + rng.below(4)), "memory": format!("{}Gi", 1 + rng.below(4)),
            "pods": format!("{}", 3 + rng.below(9)), "example.com/gpu": format!("{}", rng.below(3))}, "images": images}})
}

fn term(rng: &mut Rng) -> Value {
    let key = one(rng, &["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk"]);
    let mut t = json!({"topologyKey": key, "labelSelector": {"matchLabels": {"app": format!("a{}", rng.below(4))}}});
    match rng.below(6) {
        0 => t["namespaceSelector"] = json!({}),
        1 => t["namespaces"] = json!(["n0", "n1"]),
        2 => t["namespaceSelector"] = json!({"matchLabels": {"team": "x"}}),
        _ => {}
    }
    t
}

fn terms(rng: &mut Rng, field: &str, preferred: bool) -> Value {
    let list: Vec<Value> = (0..1 + rng.below(2))
        .map(|_| {
            let t = term(rng);
            if preferred { json!({"weight": 1 + rng.below(50), "podAffinityTerm": t}) } else { t }
        })
        .collect();
    json!({field: list})
}

fn pod_json(rng: &mut Rng) -> Value {
    let app = format!("a{}", rng.below(4));
    let mut spec =
        json!({"containers": [{"name": "c", "image": one(rng, &["nginx:1", "redis"]), "resources": {"requests": {}}}]});
    let requests = &mut spec["containers"][0]["resources"]["requests"];
    if rng.below(4) > 0 {
        requests["cpu"] = json!(format!("{}m", 100 * rng.below(12)));
        requests["memory"] = json!(format!("{}Mi", 64 * rng.below(20)));
    }
    if rng.below(6) == 0 {
        requests["example.com/gpu"] = json!("1");
    }
    if rng.below(6) == 0 {
        spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8080 + rng.below(2)}]);
    }
    if rng.below(3) == 0 {
        spec["tolerations"] = json!([{"key": "t0", "operator": "Exists"}]);
    }
    match rng.below(8) {
        0 => spec["nodeSelector"] = json!({"disk": "ssd"}),
        1 => {
            spec["affinity"]["nodeAffinity"] = json!({"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1 + rng.below(9), "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}]});
        }
        2 => {
            spec["affinity"]["nodeAffinity"] = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [format!("n{}", rng.below(9))]}]}]}});
        }
        _ => {}
    }
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    match rng.below(10) {
        0 => spec["affinity"]["podAffinity"] = terms(rng, required, false),
        1 => spec["affinity"]["podAntiAffinity"] = terms(rng, required, false),
        2 => spec["affinity"]["podAffinity"] = terms(rng, preferred, true),
        3 => spec["affinity"]["podAntiAffinity"] = terms(rng, preferred, true),
        _ => {}
    }
    let constraints: Vec<Value> = (0..rng.below(6).saturating_sub(3))
        .map(|_| {
            json!({"maxSkew": 1 + rng.below(2),
                "topologyKey": one(rng, &["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk"]),
                "whenUnsatisfiable": one(rng, &["DoNotSchedule", "ScheduleAnyway"]),
                "nodeTaintsPolicy": one(rng, &["Honor", "Ignore"]),
                "labelSelector": {"matchLabels": {"app": app}}})
        })
        .collect();
    spec["topologySpreadConstraints"] = json!(constraints);
    let mut meta = json!({"labels": {"app": app, "v": format!("{}", rng.below(2))}});
    if rng.below(2) == 0 {
        meta["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": "u", "controller": true}]);
    }
    json!({"metadata": meta, "spec": spec})
}

impl Model {
    fn new(seed: u64) -> Model {
        let mut rng = Rng::stream(seed, "test");
        let protos = (0..7).map(|_| serde_json::from_value(pod_json(&mut rng)).expect("pod")).collect();
        let mut cluster = Cluster::default();
        cluster.set_namespace("n0", Some([("team".into(), "x".into())].into()));
        cluster.set_namespace("n1", Some(BTreeMap::new()));
        Model { rng, cluster, nodes: BTreeMap::new(), services: BTreeMap::new(), protos, next: 0 }
    }

    fn group(&mut self) -> u32 {
        let proto = self.rng.below(self.protos.len() as u32);
        let ns = format!("n{}", self.rng.below(2));
        let pod = &self.protos[proto as usize];
        self.cluster.group(proto, &ns, || PodInfo::in_namespace(pod, ns.clone()))
    }

    fn change(&mut self) {
        match self.rng.below(10) {
            0..=3 => {
                let name = format!("n{}", self.rng.below(12));
                let v = node_json(&mut self.rng, &name);
                let node: Node = serde_json::from_value(v).expect("node");
                self.nodes.insert(name.clone(), NodeSpec::new(&node));
                self.cluster.set_node(&name, Some(NodeSpec::new(&node)));
            }
            4 => {
                let name = format!("n{}", self.rng.below(12));
                self.nodes.remove(&name);
                self.cluster.set_node(&name, None);
            }
            5 => {
                let ids: Vec<u64> = self.cluster.placed().map(|p| p.0).collect();
                if !ids.is_empty() {
                    self.cluster.remove_pod(ids[self.rng.below(ids.len() as u32) as usize]);
                }
            }
            6 => {
                let (ns, app) = (format!("n{}", self.rng.below(2)), format!("a{}", self.rng.below(4)));
                let selector = (self.rng.below(3) > 0).then(|| BTreeMap::from([("app".to_owned(), app.clone())]));
                self.cluster.set_service(&ns, &app, selector.clone());
                match selector {
                    Some(s) => self.services.insert((ns, app), s),
                    None => self.services.remove(&(ns, app)),
                };
            }
            7 => {
                let app = format!("a{}", self.rng.below(4));
                let selector = Selector::from_map([("app", &app), ("v", &"1".to_owned())]);
                self.cluster.set_controller("n0", "ReplicaSet", &app, Some(selector));
            }
            _ => {
                let (g, node) = (self.group(), format!("n{}", self.rng.below(12)));
                self.next += 1;
                let leaving = self.rng.below(5) == 0;
                self.cluster.set_pod(self.next, g, &node, leaving);
            }
        }
    }

    /// What the plugins say, the plain way.
    fn table(&mut self, group: u32) -> Vec<NodeVerdict> {
        let pod = self.cluster.info(group).clone();
        let mut infos: Vec<NodeInfo> = self
            .nodes
            .iter()
            .map(|(name, spec)| NodeInfo {
                name: name.as_str().into(),
                spec: Arc::new(spec.clone()),
                ..NodeInfo::default()
            })
            .collect();
        let mut pods: Vec<(Arc<PodInfo>, usize, bool)> = vec![];
        for (_, info, node, leaving) in self.cluster.placed() {
            if let Some(n) = infos.iter().position(|i| i.name == *node) {
                infos[n].account(info, 1);
                pods.push((info.clone(), n, leaving));
            }
        }
        let placed: Vec<Placed> = pods
            .iter()
            .map(|(pod, node, terminating)| Placed { pod, node: *node, terminating: *terminating })
            .collect();
        let nodes: Vec<&NodeInfo> = infos.iter().collect();
        let spaces = self.cluster.namespaces.clone();
        let domains = pod_topology_spread::domains(&pod, &pod.hard_spread, &nodes, &placed, true);
        let state = inter_pod_affinity::FilterState::new(&pod, &nodes, &placed, &spaces);
        let named = pod.node_rules.named_nodes();
        let refusal = |n: &NodeInfo| -> Option<Refusal> {
            match &named {
                Err(r) => return Some(r.clone()),
                Ok(Some(names)) if !names.contains(&*n.name) => {
                    let reason = super::framework::Reason::NotCandidate("NodeAffinity");
                    return Some(Refusal::new(super::framework::Plugin::NodeAffinity, false, reason));
                }
                _ => {}
            }
            node_unschedulable::filter(&pod, n)
                .or_else(|| node_name::filter(&pod, n))
                .or_else(|| taint_toleration::filter(&pod, n))
                .or_else(|| node_affinity::filter(&pod, n))
                .or_else(|| node_ports::filter(&pod, n))
                .or_else(|| node_resources_fit::filter(&pod, n))
                .or_else(|| pod_topology_spread::filter(&pod, n, &domains))
                .or_else(|| inter_pod_affinity::filter(&pod, n, &state, &spaces))
        };
        let refusals: Vec<Option<Refusal>> = nodes.iter().map(|n| refusal(n)).collect();
        let feasible: Vec<usize> = (0..nodes.len()).filter(|n| refusals[*n].is_none()).collect();
        let each = |f: &dyn Fn(&NodeInfo) -> i64| feasible.iter().map(|n| f(nodes[*n])).collect::<Vec<i64>>();
        let mut taints = each(&|n| taint_toleration::score(&pod, n));
        normalize(&mut taints, true);
        let mut affinity = each(&|n| node_affinity::score(&pod, n));
        normalize(&mut affinity, false);
        let (constraints, all_keys) = if pod.default_spread {
            let services = self.services.iter().filter(|(k, _)| k.0 == pod.namespace).map(|(_, s)| s);
            let owned = pod.owner.as_ref().map(|o| o.name.clone());
            let controller = owned.and_then(|o| self.cluster.controller_of(&pod.namespace, "ReplicaSet", &o));
            let selector = pod_topology_spread::default_selector(&pod, services, controller.as_deref());
            (selector.map_or(vec![], |s| pod_topology_spread::Constraint::system_defaults(&s)), false)
        } else {
            (pod.soft_spread.clone(), true)
        };
        let spread = if constraints.is_empty() {
            vec![0; feasible.len()]
        } else {
            pod_topology_spread::scores(&pod, &constraints, &nodes, &feasible, &placed, all_keys)
        };
        let pairs = inter_pod_affinity::score_pairs(&pod, &nodes, &placed, &spaces, 1);
        let raw = each(&|n| inter_pod_affinity::raw_score(n, &pairs));
        let (min, max) = (raw.iter().min().copied().unwrap_or(0), raw.iter().max().copied().unwrap_or(0));
        let social = raw.iter().map(|s| if pairs.is_empty() { 0 } else { inter_pod_affinity::normalize(*s, min, max) });
        let having = |i: &Arc<str>| nodes.iter().filter(|n| n.spec.images.contains_key(i)).count();
        let image = each(&|n| {
            let part = |i: &Arc<str>| {
                n.spec.images.get(i).map_or(0, |s| image_locality::image_part(*s, having(i), nodes.len()))
            };
            image_locality::score(pod.images.iter().map(part).sum(), pod.containers)
        });
        let skips = balanced_allocation::skips(&pod, &balanced_allocation::RESOURCES);
        let columns: [Vec<i64>; 7] = [
            taints,
            affinity,
            spread,
            social.collect(),
            each(&|n| node_resources_fit::score(&pod, n)),
            each(&|n| if skips { 0 } else { balanced_allocation::score(&pod, n) }),
            image,
        ];
        let mut open = 0..;
        refusals
            .into_iter()
            .zip(&nodes)
            .map(|(refusal, node)| {
                let scores: Vec<_> = match refusal {
                    Some(_) => vec![],
                    None => {
                        let i = open.next().unwrap_or(0);
                        SCORERS.into_iter().zip(columns.iter().map(|c| c[i])).collect()
                    }
                };
                let total = scores.iter().map(|(p, s)| p.weight() * s).sum();
                NodeVerdict { node: node.name.clone(), refusal, scores, total }
            })
            .collect()
    }
}

fn play(seed: u64, seen: &mut BTreeMap<String, usize>) {
    let mut m = Model::new(seed);
    for _ in 0..20 {
        m.change();
    }
    for step in 0..100 {
        for _ in 0..m.rng.below(4) {
            m.change();
        }
        match m.rng.below(60) {
            0..=2 => m.cluster = m.cluster.clone(),
            3 => m.cluster.forget_sums(),
            4 => m.cluster.forget_verdicts(),
            5 => m.cluster.forget_empty_groups(),
            _ => {}
        }
        let g = m.group();
        let want = m.table(g);
        let got = m.cluster.explain(g);
        for reason in want.iter().filter_map(|v| v.refusal.as_ref()).flat_map(|r| &r.reasons) {
            *seen.entry(reason.to_string()).or_default() += 1;
        }
        for (plugin, score) in want.iter().flat_map(|v| &v.scores).filter(|(_, s)| *s > 0 && *s < 100) {
            let _ = score;
            *seen.entry(plugin.name().to_owned()).or_default() += 1;
        }
        assert_eq!(got, want, "seed {seed} step {step}");
        let mut rng = m.rng.clone();
        match m.cluster.schedule(g, &mut rng) {
            Outcome::NoNodes => assert!(want.is_empty()),
            Outcome::Unschedulable(f) => {
                assert!(want.iter().all(|v| v.refusal.is_some()), "seed {seed} step {step}: {f:?}");
                if f.before.is_none() {
                    assert_eq!(f.reasons, histogram(&want), "seed {seed} step {step}");
                }
                let resolvable = want.iter().filter(|v| v.refusal.as_ref().is_some_and(|r| r.resolvable)).count();
                assert_eq!(f.resolvable, resolvable);
            }
            Outcome::Node { name, .. } => {
                let best = want.iter().filter(|v| v.refusal.is_none()).map(|v| v.total).max();
                let chosen = want.iter().find(|v| v.node == name).expect("a node of the table");
                assert!(chosen.refusal.is_none() && Some(chosen.total) == best, "seed {seed} step {step}: {name}");
                m.next += 1;
                m.cluster.set_pod(m.next, g, &name, false);
            }
        }
        m.rng = rng;
        m.cluster.check().unwrap_or_else(|e| panic!("seed {seed} step {step}: {e}"));
    }
}

#[test]
fn remembered_verdicts_are_the_plain_ones() {
    let mut seen = BTreeMap::new();
    for seed in 0..80 {
        play(seed, &mut seen);
    }
    // Every reason and every score must have come up, else the clusters are too dull.
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert!(names.len() >= 19, "{names:?}");
}

mod component {
    use crate::apiserver::request::{ContentType, Method, Request};
    use crate::clock::SimTime;
    use crate::sim::Config;
    use crate::store::Key;
    use crate::world::World;
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    fn post(w: &mut World, path: &str, body: Value) {
        let answer = w.request(Request::new(Method::Post, path).body(body));
        assert!(answer.code < 300, "{:?}", answer.body);
    }

    fn pod(name: &str, spec: Value) -> Value {
        let mut spec = spec;
        let requests = spec.as_object_mut().and_then(|s| s.remove("requests")).unwrap_or(json!({}));
        spec["containers"] = json!([{"name": "c", "image": "nginx", "resources": {"requests": requests}}]);
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    }

    /// Nodes of 2 CPUs, then pods (name, spec), some time, and what became of the pods.
    fn check(nodes: usize, pods: &[(&str, Value)], seconds: u64, want: Expect) -> World {
        let mut config = Config::nodes(nodes, 1);
        config.nodes.iter_mut().for_each(|n| n.cpu = "2".into());
        let mut w = World::new(config);
        w.advance(SimTime::from_secs(60), 100_000);
        for (name, spec) in pods {
            post(&mut w, "/api/v1/namespaces/default/pods", pod(name, spec.clone()));
        }
        w.advance(SimTime::from_secs(60 + seconds), 100_000);
        want.assert_eq(&told(&w));
        w
    }

    fn told(w: &World) -> String {
        let mut out = String::new();
        for p in w.sim.store.list(crate::store::Kind::Pod, Some("default")) {
            let v = p.to_value(&w.sim.store.ids);
            let c = v["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == "PodScheduled");
            let c = c.cloned().unwrap_or_default();
            let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
            let (name, node) = (text(&v["metadata"]["name"]), text(&v["spec"]["nodeName"]));
            let parts = [name, node, text(&c["status"]), text(&c["reason"]), text(&c["message"])];
            out.push_str(&format!("{}\n", parts.join(" ")));
        }
        out
    }

    #[test]
    fn binds_or_says_why_not() {
        let cpu = |n: &str| json!({"requests": {"cpu": n}});
        let w = check(
            2,
            &[
                ("a", cpu("1500m")),
                ("b", cpu("1500m")),
                ("c", cpu("1500m")),
                ("d", cpu("3")),
                ("e", json!({"nodeSelector": {"disk": "ssd"}})),
                ("f", json!({"schedulingGates": [{"name": "example.com/wait"}]})),
            ],
            5,
            expect![[r#"
                a node-2 True - -
                b node-1 True - -
                c - False Unschedulable 0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.
                d - False Unschedulable 0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.
                e - False Unschedulable 0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.
                f - False SchedulingGated Scheduling is blocked due to non-empty scheduling gates
            "#]],
        );
        let mut table = String::new();
        for name in ["a", "c"] {
            let id = w.sim.store.pod_by_name(&Key::new("default", name)).map(|p| p.id).unwrap_or_default();
            for v in w.scheduler.explain(&w.sim, id).unwrap_or_default() {
                let why: Vec<String> = v.refusal.iter().flat_map(|r| &r.reasons).map(ToString::to_string).collect();
                table.push_str(&format!("{name} {} {why:?} scored: {}\n", v.node, v.total > 0));
            }
        }
        expect![[r#"
            a node-1 ["Insufficient cpu"] scored: false
            a node-2 [] scored: true
            c node-1 ["Insufficient cpu"] scored: false
            c node-2 ["Insufficient cpu"] scored: false
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn room_calls_waiting_pods_back() {
        let cpu = |n: &str| json!({"requests": {"cpu": n}});
        let mut w = check(
            1,
            &[("a", cpu("1500m")), ("b", cpu("1500m"))],
            5,
            expect![[r#"
            a node-1 True - -
            b - False Unschedulable 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
        "#]],
        );
        let a = w.sim.store.pod_by_name(&Key::new("default", "a")).map(|p| p.id).unwrap_or_default();
        w.sim.delete_pod(a, Some(0)).expect("deleted");
        w.advance(SimTime::from_secs(70), 100_000);
        expect![[r#"
            b node-1 True - -
        "#]]
        .assert_eq(&told(&w));
        post(&mut w, "/api/v1/namespaces/default/pods", pod("c", json!({"nodeSelector": {"disk": "ssd"}})));
        w.advance(SimTime::from_secs(75), 100_000);
        let patch = json!({"metadata": {"labels": {"disk": "ssd"}}});
        let mut request = Request::new(Method::Patch, "/api/v1/nodes/node-1").body(patch);
        request.content_type = ContentType::MergePatch;
        w.request(request);
        w.advance(SimTime::from_secs(80), 100_000);
        expect![[r#"
            b node-1 True - -
            c node-1 True - -
        "#]]
        .assert_eq(&told(&w));
    }

    #[test]
    fn important_pods_make_room() {
        let spec = |cpu: &str, class: &str| json!({"requests": {"cpu": cpu}, "priorityClassName": class});
        let mut w = check(
            2,
            &[("a", spec("1500m", "")), ("b", spec("1200m", "")), ("c", spec("500m", "")), ("d", spec("300m", ""))],
            5,
            expect![[r#"
                a node-2 True - -
                b node-1 True - -
                c node-1 True - -
                d node-2 True - -
            "#]],
        );
        let important = pod("vip", spec("1900m", "system-node-critical"));
        post(&mut w, "/api/v1/namespaces/default/pods", important);
        w.advance(SimTime::from_secs(70), 100_000);
        expect![[r#"
            b node-1 True - -
            c node-1 True - -
            vip node-2 True - -
        "#]]
        .assert_eq(&told(&w));
        let events: String = w
            .sim
            .store
            .list(crate::store::Kind::Event, Some("default"))
            .map(|e| e.to_value(&w.sim.store.ids))
            .filter(|e| e["reason"] == "Preempted" || e["involvedObject"]["name"] == "vip")
            .map(|e| format!("{} {} {}\n", e["involvedObject"]["name"], e["reason"], e["message"]))
            .collect();
        // which UID it got depends on how many objects came before
        let uid = events.split_once("by pod ").map(|(_, rest)| rest.chars().take(36).collect::<String>());
        let events = events.replace(uid.as_deref().unwrap_or("?"), "UID");
        expect![[r#"
            "a" "Preempted" "Preempted by pod UID on node node-2"
            "d" "Preempted" "Preempted by pod UID on node node-2"
            "vip" "FailedScheduling" "0/2 nodes are available: 2 Insufficient cpu."
            "vip" "Scheduled" "Successfully assigned default/vip to node-2"
            "vip" "Pulling" "Pulling image \"nginx\""
            "vip" "Pulled" "Successfully pulled image \"nginx\" in 610ms (610ms including waiting). Image size: 72000000 bytes."
            "vip" "Created" "Container created"
            "vip" "Started" "Container started"
        "#]].assert_eq(&events);
        w.advance(SimTime::from_secs(140), 100_000);
        expect![[r#"
            b node-1 True - -
            c node-1 True - -
            vip node-2 True - -
        "#]]
        .assert_eq(&told(&w));
    }
}

/// 150,000 pods of 300 controllers onto 5,000 nodes of 10 zones: `cargo test --release … -- --ignored` says how long
/// it takes.
#[test]
#[ignore = "measures time"]
fn many_pods_onto_many_nodes() {
    let mut cluster = Cluster::default();
    let mut rng = Rng::stream(1, "speed");
    for n in 0..5000 {
        let name = format!("node-{n}");
        let v = json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": format!("z{}", n % 10)}},
            "status": {"allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"}, "images": [{"names": ["nginx:1"], "sizeBytes": 90_000_000}]}});
        cluster.set_node(&name, Some(NodeSpec::new(&serde_json::from_value::<Node>(v).expect("node"))));
    }
    let template = |d: u32| -> Pod {
        let app = format!("app-{d}");
        serde_json::from_value(json!({"metadata": {"labels": {"app": app}, "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": "u", "controller": true}]},
            "spec": {"containers": [{"name": "c", "image": "nginx:1", "resources": {"requests": {"cpu": format!("{}m", 100 + d % 7 * 10), "memory": "128Mi"}}}]}}))
        .expect("pod")
    };
    let pods: Vec<Pod> = (0..300).map(template).collect();
    for d in 0..300 {
        let app = format!("app-{d}");
        cluster.set_controller("default", "ReplicaSet", &app, Some(Selector::from_map([("app", &app)])));
    }
    let mut placed = 0;
    for id in 0..150_000u64 {
        let d = (id / 500) as u32;
        let group = cluster.group(d, "default", || PodInfo::in_namespace(&pods[d as usize], "default".into()));
        if let Outcome::Node { name, .. } = cluster.schedule(group, &mut rng) {
            cluster.set_pod(id, group, &name, false);
            placed += 1;
        }
    }
    assert_eq!(placed, 150_000);
}
