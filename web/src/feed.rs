//! TEMPORARY: a made-up cluster until the projection of the real one is there.

use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::view::model::*;
use std::sync::Arc;

pub struct Projector { began: bool, last: u64, names: Vec<(Id, Arc<str>)> }

fn pairs(p: &[(&str, &str)]) -> Arc<[(Arc<str>, Arc<str>)]> {
    p.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()
}

impl Projector {
    pub fn new() -> Projector { Projector { began: false, last: 0, names: vec![] } }
    pub fn patch(&mut self, c: &Cluster) -> Patch {
        let now = c.now();
        let mut ops = vec![];
        let big: Option<u64> = crate::platform::url::query("big").and_then(|n| n.parse().ok());
        let n_nodes = big.unwrap_or(5);
        if !self.began {
            self.began = true;
            ops.push(Op::Reset);
            for i in 1..=n_nodes {
                ops.push(Op::Node(NodeView { id: i, name: format!("node-{i}").into(), status: if i == 5 && big.is_none() { "NotReady" } else { "Ready" }.into(), ready: i != 5 || big.is_some(), cordoned: i == 4, powered: i != 5 || big.is_some(), cpu: (i * 613 % 3900, 4000), memory: ((i * 911 % 8000) << 20, 8 << 30), pods: (3, 110), labels: pairs(&[("kubernetes.io/hostname", "node")]), taints: Arc::from([]) }));
            }
            ops.push(Op::Workload(WorkloadView { id: 900_001, kind: "Deployment".into(), name: "web".into(), namespace: "default".into(), owner: None, wanted: 6, current: 6, ready: 5, revision: 2, newest: true, selector: "app=web".into() }));
            for (id, newest, n) in [(900_002, false, 2), (900_003, true, 4)] {
                ops.push(Op::Workload(WorkloadView { id, kind: "ReplicaSet".into(), name: format!("web-{id}").into(), namespace: "default".into(), owner: Some(900_001), wanted: n, current: n, ready: n, revision: 1, newest, selector: "app=web".into() }));
            }
            let states = [PodState::Ready, PodState::Ready, PodState::Terminating, PodState::NotReady, PodState::Ready, PodState::Failing, PodState::Succeeded, PodState::Ready];
            let each = crate::platform::url::query("each").and_then(|n| n.parse().ok()).unwrap_or(4u64);
            let mut all = vec![];
            for n in 1..=n_nodes { for k in 0..each {
                let id = 1_000_000 + n * 200 + k;
                let st = if big.is_some() { if (id * 7919) % 97 == 0 { PodState::Failing } else { PodState::Ready } } else { states[((n * 3 + k) % 8) as usize] };
                all.push((id, st == PodState::Ready));
                ops.push(Op::Pod(self.pod(id, Some(n), st)));
            } }
            ops.push(Op::Pod(self.pod(777, None, PodState::Pending)));
            ops.push(Op::Service(ServiceView { id: 800_000, name: "web".into(), namespace: "default".into(), kind: "ClusterIP".into(), address: "10.96.14.7".into(), ports: "80/TCP".into(), selector: pairs(&[("app", "web")]), endpoints: all.iter().filter(|(i, _)| i % 3 != 0).take(9).copied().collect() }));
            ops.push(Op::Service(ServiceView { id: 800_001, name: "api".into(), namespace: "default".into(), kind: "ClusterIP".into(), address: "10.96.71.9".into(), ports: "8080/TCP".into(), selector: pairs(&[("app", "fornt")]), endpoints: Arc::from([]) }));
        }
        let sec = now.0 / 700_000;
        if sec != self.last {
            self.last = sec;
            let id = 5_000_000 + sec;
            let k = sec % 5;
            ops.push(Op::Pulse(Pulse { at: now, from: Part::Controllers, to: Part::ApiServer, text: "create pod web".into() }));
            ops.push(Op::Pulse(Pulse { at: now, from: Part::ApiServer, to: Part::Etcd, text: "put pods/web".into() }));
            ops.push(Op::Pulse(Pulse { at: now, from: Part::ApiServer, to: Part::Kubelet(1 + k % 3), text: "watch pod".into() }));
            ops.push(Op::Pod(self.pod(id, None, PodState::Pending)));
            if sec > 2 { ops.push(Op::Pod(self.pod(id - 1, Some(1 + (id % 3)), PodState::NotReady))); }
            if sec > 3 { ops.push(Op::Pod(self.pod(id - 2, Some(1 + ((id - 1) % 3)), PodState::Ready))); }
            if sec > 8 { ops.push(Op::PodGone(id - 7)); }
            ops.push(Op::Event(EventView { at: now, warning: sec % 4 == 0, reason: "SuccessfulCreate".into(), object: "replicaset/web".into(), namespace: "default".into(), message: "Created pod: web-x".into(), count: 1, source: "replicaset-controller".into() }));
            ops.push(Op::Request(RequestView { id: sec, at: now, actor: "replicaset-controller".into(), verb: "create", path: "/api/v1/namespaces/default/pods".into(), code: 201, cause: None }));
        }
        let _ = SimTime::ZERO; let _ = &self.names;
        Patch { now, ops }
    }
    fn pod(&self, id: Id, node: Option<Id>, state: PodState) -> PodView {
        PodView { id, name: format!("web-7c5d9f6b8-{:05}", id % 100_000).into(), namespace: "default".into(), node, state, status: "Running".into(), ready: (1, 1), restarts: if id % 11 == 0 { 3 } else { 0 }, owner: if id % 13 == 0 { None } else if id % 3 == 0 { Some(900_002) } else { Some(900_003) }, labels: pairs(&[("app", "web"), ("pod-template-hash", "7c5d9f6b8")]), images: Arc::from(["nginx:1.26".into()]), ip: "10.244.1.9".into(), created: SimTime::ZERO }
    }
}
