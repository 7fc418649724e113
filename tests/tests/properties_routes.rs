//! Properties of a request's way: whoever sends it, whatever Services, hints and policies say, it reaches an endpoint that
//! all of them admit, or there was none, and the failure says which rule stood in its way. The rules are judged by a
//! second reading of them here, over the objects as `kubectl get` shows them.

use kubarium_core::clock::SimDuration;
use kubarium_core::cluster::Cluster;
use kubarium_core::network::request::{Failure, Sender, Url, send};
use kubarium_core::store::{Key, PodRecord};
use kubarium_core::world::Input;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

fn apply(cluster: &mut Cluster, items: Vec<Value>) {
    let text = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    cluster.submit(Input::Line { terminal: 0, line: "kubectl apply -f -".into(), stdin: Some(text) });
}

fn pass(cluster: &mut Cluster, seconds: u64) {
    let until = cluster.now() + SimDuration::from_secs(seconds);
    while !cluster.advance(until, 100_000).done {}
}

const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "node-4"];

/// Zones of the nodes: two have the first one, one the second, one none.
fn zone(node: &str) -> &'static str {
    match node {
        "node-1" | "node-2" => "a",
        "node-3" => "b",
        _ => "",
    }
}

/// What a policy lets through.
#[derive(Clone, Debug)]
struct Allows {
    /// None: everybody.
    role: Option<u8>,
    /// A block of one address that is left out of all others: that of this client.
    except: Option<u8>,
    /// From and to; none: all ports.
    ports: Option<(u16, u16)>,
    named: bool,
}

#[derive(Clone, Debug)]
struct Setting {
    /// The node of each backend, and whether it is ready.
    backends: Vec<(u8, bool)>,
    distribution: Option<&'static str>,
    local: bool,
    not_ready_too: bool,
    sticky: bool,
    policies: Vec<Allows>,
}

fn setting() -> impl Strategy<Value = Setting> {
    let allows = (
        prop::option::of(0u8..3),
        prop::option::of(0u8..4),
        prop::option::of((8070u16..8090, 0u16..12)),
        any::<bool>(),
    )
        .prop_map(|(role, except, ports, named)| Allows {
            role: role.filter(|_| except.is_none()),
            except,
            ports: ports.map(|(from, more)| (from, from + more)),
            named,
        });
    (
        prop::collection::vec((0u8..4, prop::bool::weighted(0.8)), 0..5),
        prop::sample::select(vec![None, Some("PreferClose"), Some("PreferSameZone"), Some("PreferSameNode")]),
        prop::bool::weighted(0.25),
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::collection::vec(allows, 0..3),
    )
        .prop_map(|(backends, distribution, local, not_ready_too, sticky, policies)| Setting {
            backends,
            distribution,
            local,
            not_ready_too,
            sticky,
            policies,
        })
}

fn client(n: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("client-{n}"), "labels": {"role": format!("r{}", n % 3)}},
        "spec": {"nodeName": NODES[n], "containers": [{"name": "c", "image": "busybox:1.36", "command": ["sleep", "36000"]}]}})
}

fn backend(n: usize, node: u8, ready: bool) -> Value {
    let path = if ready { "/" } else { "/broken" };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("web-{n}"), "labels": {"app": "web"}},
        "spec": {"nodeName": NODES[node as usize], "containers": [{"name": "c", "image": "nginx:1.27",
            "ports": [{"name": "http", "containerPort": 80}, {"name": "spare", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": path, "port": 80}, "periodSeconds": 1}}]}})
}

fn service(s: &Setting) -> Value {
    let mut spec = json!({"selector": {"app": "web"}, "ports": [{"port": 8000, "targetPort": "http"}],
        "publishNotReadyAddresses": s.not_ready_too});
    if let Some(d) = s.distribution {
        spec["trafficDistribution"] = json!(d);
    }
    if s.local {
        spec["internalTrafficPolicy"] = json!("Local");
    }
    if s.sticky {
        spec["sessionAffinity"] = json!("ClientIP");
    }
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
}

fn policy(n: usize, a: &Allows, ips: &[u32]) -> Value {
    let mut rule = json!({});
    if let Some(r) = a.role {
        rule["from"] = json!([{"podSelector": {"matchLabels": {"role": format!("r{r}")}}}]);
    }
    if let Some(e) = a.except {
        let out = format!("{}/32", Ipv4Addr::from(ips[e as usize]));
        rule["from"] = json!([{"ipBlock": {"cidr": "10.0.0.0/8", "except": [out]}}]);
    }
    match a.ports {
        // the ports of the rule are the pods', never the service's: 80 is among those from 70 to 90
        Some((from, to)) => rule["ports"] = json!([{"port": from - 8000, "endPort": to - 8000}]),
        None if a.named => rule["ports"] = json!([{"port": "http"}]),
        None => {}
    }
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": format!("p{n}")},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": [rule]}})
}

fn admitted(s: &Setting, client: usize) -> bool {
    s.policies.is_empty()
        || s.policies.iter().any(|a| {
            let from = match (a.role, a.except) {
                (Some(r), _) => usize::from(r) == client % 3,
                (_, Some(e)) => usize::from(e) != client,
                _ => true,
            };
            from && a.ports.is_none_or(|(from, to)| (from..=to).contains(&8080))
        })
}

/// Names of the backends that a client on a node may come to, policies aside.
fn reachable(s: &Setting, node: &str) -> BTreeSet<String> {
    let takes: Vec<(usize, &str)> = s
        .backends
        .iter()
        .enumerate()
        .filter(|(_, (_, ready))| *ready || s.not_ready_too)
        .map(|(i, (n, _))| (i, NODES[*n as usize]))
        .collect();
    let names = |keep: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        takes.iter().filter(|(_, n)| keep(n)).map(|(i, _)| format!("web-{i}")).collect()
    };
    if s.local {
        return names(&|n| n == node);
    }
    // hints only count where every endpoint has one, and the last node has no zone to give
    let zoned = takes.iter().all(|(_, n)| !zone(n).is_empty());
    let here = names(&|n| n == node);
    let near = names(&|n| !zone(n).is_empty() && zone(n) == zone(node));
    match s.distribution {
        Some("PreferSameNode") if !here.is_empty() => here,
        Some(_) if zoned && !near.is_empty() => near,
        _ => names(&|_| true),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_goes_where_all_rules_let_it(seed in 0u64..1000, s in setting()) {
        let mut cluster = Cluster::with_nodes(4, seed);
        let line = |text: &str| Input::Line { terminal: 0, line: format!("kubectl {text}"), stdin: None };
        cluster.submit(line("label node --overwrite node-1 node-2 topology.kubernetes.io/zone=a"));
        cluster.submit(line("label node --overwrite node-3 topology.kubernetes.io/zone=b"));
        cluster.submit(line("label node node-4 topology.kubernetes.io/zone-"));
        pass(&mut cluster, 5);
        let pods = (0..4).map(client).chain(s.backends.iter().enumerate().map(|(i, (n, r))| backend(i, *n, *r)));
        apply(&mut cluster, pods.chain([service(&s)]).collect());
        pass(&mut cluster, 40);
        let senders: Vec<Arc<PodRecord>> = (0..4)
            .map(|n| cluster.world.sim.store.pod_by_name(&Key::new("default", format!("client-{n}"))).expect("there").clone())
            .collect();
        let ips: Vec<u32> = senders.iter().map(|p| p.status.ip).collect();
        apply(&mut cluster, s.policies.iter().enumerate().map(|(n, a)| policy(n, a, &ips)).collect());
        pass(&mut cluster, 5);
        let (sim, kubelets) = (&cluster.world.sim, &cluster.world.kubelets);
        let url = Url::parse("http://web:8000/").expect("a URL");
        for (n, pod) in senders.iter().enumerate() {
            let node = pod.node.as_deref().expect("bound");
            let may = reachable(&s, node);
            let mut met = BTreeSet::new();
            for i in 0..24u32 {
                let mut draw = || (i * 2 + 1).wrapping_mul(0x0aaa_aaab);
                let way = send(sim, kubelets, &Sender::pod(pod), &url, true, &mut draw);
                match way.end {
                    Ok(r) => {
                        prop_assert!(may.contains(&*r.pod.name), "{} from {node} among {may:?}", r.pod.name);
                        prop_assert!(admitted(&s, n), "client {n} is not admitted");
                        prop_assert_eq!(r.port, 80);
                        met.insert(r.pod.name.to_string());
                    }
                    Err(Failure::Denied(_, p)) => {
                        prop_assert!(!admitted(&s, n), "denied by {p}");
                        prop_assert!(!may.is_empty());
                    }
                    Err(Failure::NoEndpoints(_)) => {
                        prop_assert!(s.backends.iter().all(|(_, ready)| !ready && !s.not_ready_too));
                    }
                    Err(Failure::NoLocalEndpoints(_, at)) => prop_assert!(s.local && may.is_empty() && &*at == node),
                    Err(other) => prop_assert!(false, "{other:?}"),
                }
            }
            match s.sticky {
                true => prop_assert!(met.len() <= 1, "one client comes to one endpoint"),
                // the draws go over the whole range: none of those that may be met is left out
                false if admitted(&s, n) => prop_assert_eq!(met, may),
                false => {}
            }
        }
    }
}
