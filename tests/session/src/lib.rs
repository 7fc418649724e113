//! Long sessions of chance inputs, and the hashes of their worlds along the way. Whoever plays one of the same seed,
//! natively or in WebAssembly, gets the same text.

use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;

/// SplitMix64: the session's own chance, independent of the core's.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u64) as usize]
    }
}

const APPS: &[&str] = &["web", "api", "db", "cache", "batch"];
const IMAGES: &[&str] = &["nginx:1.25", "nginx:1.26", "redis:7", "busybox", "nginx:does-not-exist", "acme/shop:3"];

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  replicas: COUNT
  selector: {matchLabels: {app: NAME}}
  strategy: {rollingUpdate: {maxSurge: 30%, maxUnavailable: 1}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: nginx:1.25
        resources: {requests: {cpu: 150m, memory: 64Mi}}
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 2, initialDelaySeconds: 1}
        ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {app: NAME}, ports: [{port: 80}]}
";

/// A line for a terminal, or several inputs.
fn inputs(chance: &mut Chance, cluster: &Cluster) -> Vec<Input> {
    let app = chance.pick(APPS);
    let image = chance.pick(IMAGES);
    let count = chance.below(7);
    let node = format!("node-{}", 1 + chance.below(5));
    let pods: Vec<String> = cluster.world.sim.store.pods().map(|p| p.name.to_string()).collect();
    let pod = pods.get(chance.below(pods.len() as u64) as usize).map_or("none", String::as_str);
    let line = match chance.below(20) {
        0 => format!("create deployment {app} --image={image} --replicas={count}"),
        1 | 2 => format!("scale deployment {app} --replicas={count}"),
        3 | 4 => format!("set image deployment/{app} *={image}"),
        5 => format!("delete pod {pod} --wait=false"),
        6 => format!("label pod {pod} app={} --overwrite", chance.pick(APPS)),
        7 => format!("rollout undo deployment/{app}"),
        8 => format!("expose deployment {app} --port=80"),
        9 => format!("delete service {app}"),
        10 => format!("cordon {node}"),
        11 => format!("uncordon {node}"),
        12 => format!("rollout restart deployment/{app}"),
        13 => format!("describe pod {pod}"),
        14 => format!("delete deployment {app} --cascade={}", chance.pick(&["background", "foreground", "orphan"])),
        15 => "get pods,deployments,replicasets,services,events -o wide".to_owned(),
        16 => format!(
            "run {app}-{count} --image={image} --restart=OnFailure -- sh -c 'sleep {count}; exit {}'",
            count % 3
        ),
        17 => return vec![Input::Fault(fault(chance, pod))],
        _ => {
            let text = MANIFEST.replace("NAME", app).replace("COUNT", &count.to_string());
            let name = format!("{app}.yaml");
            let line = format!("kubectl apply -f {name}");
            return vec![Input::File { name, text: Some(text) }, Input::Line { terminal: 0, line, stdin: None }];
        }
    };
    let terminal = (chance.below(4) == 0).into();
    vec![Input::Line { terminal, line: format!("kubectl {line}"), stdin: None }]
}

fn fault(chance: &mut Chance, pod: &str) -> Fault {
    let (namespace, pod) = ("default".to_owned(), pod.to_owned());
    match chance.below(4) {
        0 | 1 => Fault::CrashContainer { namespace, pod, container: String::new() },
        2 => Fault::BreakReadiness { namespace, pod, broken: chance.below(3) > 0 },
        _ => Fault::NodePower { node: format!("node-{}", 1 + chance.below(5)), on: chance.below(3) > 0 },
    }
}

/// Plays `steps` inputs on five nodes; after each, `look` sees the cluster and the input's number.
fn run(seed: u64, steps: u64, mut look: impl FnMut(u64, &Cluster)) -> Cluster {
    let mut chance = Chance(seed);
    let mut cluster = Cluster::with_nodes(5, seed);
    for n in 0..steps {
        for input in inputs(&mut chance, &cluster) {
            cluster.submit(input);
        }
        let wait = SimDuration::from_millis(match chance.below(10) {
            0 => 0,
            1 => chance.below(90_000),
            _ => chance.below(5_000),
        });
        cluster.advance(SimTime(cluster.now().0 + wait.0), u64::MAX);
        look(n, &cluster);
    }
    cluster
}

/// A cluster after a session of `steps` inputs.
pub fn cluster(seed: u64, steps: u64) -> Cluster {
    run(seed, steps, |_, _| {})
}

/// The hashes of a session of `steps` inputs: a line each, `input number, moment, hash`.
pub fn play(seed: u64, steps: u64) -> String {
    let mut out = String::new();
    run(seed, steps, |n, cluster| out.push_str(&format!("{n} {} {:016x}\n", cluster.now().0, cluster.hash())));
    out
}

/// [`play`] for JavaScript.
#[cfg(target_family = "wasm")]
#[wasm_bindgen::prelude::wasm_bindgen(js_name = play)]
pub fn play_for_javascript(seed: u32, steps: u32) -> String {
    play(seed.into(), steps.into())
}
