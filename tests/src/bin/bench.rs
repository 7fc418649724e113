//! How fast large clusters run natively: `bench [quick|hour|batch|load]`. Each row is a cluster that is born, filled, left alone, rolled
//! and asked; times are of this machine's one core, memory is what the process holds more than before.

use kubarium_core::clock::{SimDuration, SimTime};
use kubarium_core::cluster::Cluster;
use kubarium_core::network::clients::{ClientPlace, ClientSpec, Load};
use kubarium_core::store::pod::Phase;
use kubarium_core::view::model::Fault;
use kubarium_core::world::Input;
use std::time::Instant;

/// Nodes, Deployments, pods of each.
const SIZES: &[(usize, usize, usize)] = &[(3, 3, 4), (50, 20, 50), (500, 100, 150), (5_000, 300, 500)];

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-NUMBER}
spec:
  replicas: COUNT
  selector: {matchLabels: {app: app-NUMBER}}
  template:
    metadata: {labels: {app: app-NUMBER, tier: TIER}}
    spec:
      containers:
      - {name: main, image: 'nginx:1.25', resources: {requests: {cpu: 100m, memory: 64Mi}}}
---
";

/// Resident bytes of this process; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn line(cluster: &mut Cluster, text: &str) {
    cluster.submit(Input::Line { terminal: 0, line: format!("kubectl {text}"), stdin: None });
}

fn ready(cluster: &Cluster) -> usize {
    cluster.world.sim.store.pods().filter(|p| p.status.is_ready()).count()
}

/// Advances by this much, in slices as a page does; the longest slice in seconds.
fn pass(cluster: &mut Cluster, seconds: u64) -> f64 {
    let until = SimTime(cluster.now().0 + SimDuration::from_secs(seconds).0);
    let mut longest = 0f64;
    loop {
        let start = Instant::now();
        let done = cluster.advance(until, 2_000).done;
        longest = longest.max(start.elapsed().as_secs_f64());
        if done {
            return longest;
        }
    }
}

fn measure(nodes: usize, deployments: usize, each: usize) {
    let before = resident();
    let pods = deployments * each;
    let start = Instant::now();
    let mut cluster = Cluster::with_nodes(nodes, 1);
    pass(&mut cluster, 5);
    let born = start.elapsed().as_secs_f64();

    let text: String = (0..deployments)
        .map(|n| {
            MANIFEST
                .replace("NUMBER", &n.to_string())
                .replace("COUNT", &each.to_string())
                .replace("TIER", ["front", "back", "data"][n % 3])
        })
        .collect();
    let start = Instant::now();
    cluster.submit(Input::File { name: "all.yaml".into(), text: Some(text) });
    line(&mut cluster, "apply -f all.yaml");
    let applied = start.elapsed().as_secs_f64();
    let (mut virtual_seconds, mut running, mut longest) = (0, 0, 0f64);
    while running < pods && virtual_seconds < 3_600 && start.elapsed().as_secs() < 600 {
        longest = longest.max(pass(&mut cluster, 10));
        virtual_seconds += 10;
        running = ready(&cluster);
        eprintln!("  {virtual_seconds} s: {running} of {pods} ready after {:.1} s", start.elapsed().as_secs_f64());
    }
    let filled = start.elapsed().as_secs_f64();
    let held = resident().saturating_sub(before);
    let steps = cluster.world.steps;

    let start = Instant::now();
    pass(&mut cluster, 60);
    let idle = start.elapsed().as_secs_f64();

    let start = Instant::now();
    line(&mut cluster, "set image deployment/app-0 main=nginx:1.26");
    let answered = start.elapsed().as_secs_f64();
    pass(&mut cluster, 120);
    let rolled = start.elapsed().as_secs_f64();

    let start = Instant::now();
    line(&mut cluster, "get pods -l app=app-1");
    let listed = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let copy = cluster.world.clone();
    let cloned = start.elapsed().as_secs_f64();
    drop(copy);

    println!(
        "{nodes:>6} {running:>8}/{pods:<8} {born:>7.2} {applied:>8.3} {filled:>8.2} {virtual_seconds:>7} {:>9} {:>8.0} \
         {:>8.1} {idle:>7.3} {answered:>8.3} {rolled:>7.2} {listed:>7.3} {:>8.3}",
        steps,
        steps as f64 / filled / 1000.0,
        longest * 1000.0,
        cloned * 1000.0,
    );
    let (now, hash) = (cluster.now(), cluster.world.steps);
    let start = Instant::now();
    cluster.seek(SimTime(now.0 / 2));
    let back = start.elapsed().as_secs_f64();
    let start = Instant::now();
    cluster.seek(now);
    let forth = start.elapsed().as_secs_f64();
    assert_eq!(cluster.world.steps, hash, "a replay came out differently");
    let record: usize = cluster.world.sim.store.pods().map(|p| p.bytes()).sum();
    println!(
        "{:>23} memory {:.0} MB, {:.0} bytes a pod, {:.0} of them its record; seek back {:.0} ms, forth {:.0} ms",
        "",
        held as f64 / 1e6,
        held as f64 / pods as f64,
        record as f64 / pods as f64,
        back * 1000.0,
        forth * 1000.0,
    );
}

/// Seconds of the session that [`hour`] plays.
const HOUR: u64 = 3_600;

/// An hour in which people work on 1,000 pods all the time: each minute pods are killed and relabelled, each three
/// minutes a Deployment is rolled, each ten a node fails or comes back. Then: how long going to any moment of it takes.
fn hour() {
    let before = resident();
    let mut cluster = Cluster::with_nodes(50, 1);
    pass(&mut cluster, 5);
    let text: String = (0..20)
        .map(|n| MANIFEST.replace("NUMBER", &n.to_string()).replace("COUNT", "50").replace("TIER", "front"))
        .collect();
    cluster.submit(Input::File { name: "all.yaml".into(), text: Some(text) });
    line(&mut cluster, "apply -f all.yaml");
    let start = Instant::now();
    for minute in 1..HOUR / 60 {
        let rest = SimTime::from_secs(minute * 60).0.saturating_sub(cluster.now().0);
        pass(&mut cluster, rest / 1_000_000);
        let app = minute % 20;
        let pods: Vec<String> = (cluster.world.sim.store.pods())
            .filter(|p| p.name.starts_with(&format!("app-{app}-")))
            .take(10)
            .map(|p| p.name.to_string())
            .collect();
        let (killed, relabelled) = pods.split_at(pods.len() / 2);
        line(&mut cluster, &format!("delete pod {} --wait=false", killed.join(" ")));
        line(&mut cluster, &format!("label pod {} tier=off app=off --overwrite", relabelled.join(" ")));
        if minute % 3 == 0 {
            line(&mut cluster, &format!("set image deployment/app-{app} main=nginx:1.{minute}"));
        }
        if minute % 10 == 0 {
            let on = minute % 20 == 0;
            let node = "node-7".to_owned();
            cluster.submit(Input::Fault(Fault::NodePower { node, on }));
        }
    }
    let rest = SimTime::from_secs(HOUR).0.saturating_sub(cluster.now().0);
    pass(&mut cluster, rest / 1_000_000);
    let played = start.elapsed().as_secs_f64();
    let held = resident().saturating_sub(before);
    let (end, steps) = (cluster.now(), cluster.world.steps);
    // scattered over the hour, back and forth
    let mut times: Vec<f64> = (0..120u64)
        .map(|n| {
            let to = SimTime(end.0 / 1_000 * (n * 617 % 1_000));
            let start = Instant::now();
            cluster.seek(to);
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    cluster.seek(end);
    assert_eq!(cluster.world.steps, steps, "a replay came out differently");
    times.sort_by(f64::total_cmp);
    println!(
        "an hour with {} pods on 50 nodes: {steps} events, {} inputs, played in {played:.1} s, {:.0} MB; \
         a seek takes {:.0} ms, 95 of 100 at most {:.0} ms, the longest {:.0} ms",
        cluster.world.sim.store.pods().count(),
        cluster.inputs().len(),
        held as f64 / 1e6,
        times[times.len() / 2],
        times[times.len() * 95 / 100],
        times[times.len() - 1],
    );
}

/// What Jobs, CronJobs and StatefulSets cost: each in a cluster of its own.
fn batch() {
    let jobs: String = (0..10_000)
        .map(|n| {
            format!(
                "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: job-{n}}}\nspec: {{template: {{spec: \
                 {{restartPolicy: Never, containers: [{{name: main, image: 'busybox:1.36', command: [sleep, '5']}}]}}}}}}\n---\n"
            )
        })
        .collect();
    let (cluster, took, virtual_seconds) = until(200, &jobs, |c| {
        c.world.sim.store.pods().filter(|p| p.status.phase == Phase::Succeeded).count() >= 10_000
    });
    let ended = cluster.world.sim.store.pods().filter(|p| p.status.phase == Phase::Succeeded).count();
    println!("10,000 Jobs on 200 nodes: {ended} have ended after {took:.1} s ({virtual_seconds} s of the cluster)");

    let cron: String = (0..1_000)
        .map(|n| {
            format!(
                "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: cron-{n}}}\nspec: {{schedule: '{} * * * *', \
                 jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, \
                 containers: [{{name: main, image: 'busybox:1.36', command: [sleep, '5']}}]}}}}}}}}}}\n---\n",
                n % 60
            )
        })
        .collect();
    let (cluster, took, _) = until(50, &cron, |c| c.now() >= SimTime::from_secs(86_400));
    println!("1,000 CronJobs that run each hour: a day after {took:.1} s, {} events", cluster.world.steps);

    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: set}\nspec: {replicas: 500, serviceName: set, \
        podManagementPolicy: POLICY, selector: {matchLabels: {app: set}}, template: {metadata: {labels: {app: set}}, \
        spec: {containers: [{name: main, image: 'nginx:1.25'}]}}}\n";
    for policy in ["OrderedReady", "Parallel"] {
        let (cluster, took, virtual_seconds) = until(50, &set.replace("POLICY", policy), |c| ready(c) >= 500);
        println!(
            "a StatefulSet of 500, {policy}: {} Ready after {took:.2} s ({virtual_seconds} s of the cluster)",
            ready(&cluster)
        );
    }
}

/// A new cluster in which a manifest is applied, run until something holds or a day and a bit is over; with the seconds
/// that took, of the machine and of the cluster.
fn until(nodes: usize, manifest: &str, over: impl Fn(&Cluster) -> bool) -> (Cluster, f64, u64) {
    let mut cluster = Cluster::with_nodes(nodes, 1);
    pass(&mut cluster, 5);
    let start = Instant::now();
    cluster.submit(Input::File { name: "all.yaml".into(), text: Some(manifest.to_owned()) });
    line(&mut cluster, "apply -f all.yaml");
    let mut virtual_seconds = 0;
    while !over(&cluster) && virtual_seconds < 90_000 && start.elapsed().as_secs() < 300 {
        pass(&mut cluster, 10);
        virtual_seconds += 10;
    }
    (cluster, start.elapsed().as_secs_f64(), virtual_seconds)
}

/// What load costs: 1,000 pods behind 20 services, 10,000 requests a second; and what the same cluster costs when
/// nobody asks it anything. In shares of one core, at the pace of the clock on the wall.
fn load() {
    const SERVICES: usize = 20;
    const CLIENTS: usize = 16;
    let text: String = (0..SERVICES)
        .map(|n| {
            let workload = MANIFEST.replace("NUMBER", &n.to_string()).replace("COUNT", "50").replace("TIER", "front");
            format!(
                "{workload}apiVersion: v1\nkind: Service\nmetadata: {{name: app-{n}}}\n\
                 spec: {{selector: {{app: app-{n}}}, ports: [{{port: 80}}]}}\n---\n"
            )
        })
        .collect();
    let (mut cluster, _, _) = until(50, &text, |c| ready(c) >= 1_000);
    pass(&mut cluster, 120);
    let measured = |cluster: &mut Cluster, seconds: u64| {
        let (steps, start) = (cluster.world.steps, Instant::now());
        let longest = pass(cluster, seconds);
        let share = start.elapsed().as_secs_f64() / seconds as f64 * 100.0;
        (share, (cluster.world.steps - steps) as f64 / seconds as f64, longest * 1_000.0)
    };
    let (share, events, _) = measured(&mut cluster, 600);
    println!("an idle cluster of {} pods: {share:.4} % of a core, {events:.2} events a second", ready(&cluster));
    for n in 0..CLIENTS {
        let spec = ClientSpec {
            name: format!("load-{n}"),
            place: ClientPlace::Inside { namespace: "default".into() },
            url: format!("http://app-{n}/"),
            load: Load::Steady { rate: 10_000 / CLIENTS as u32 },
            seconds: 0,
        };
        cluster.submit(Input::Client(spec));
    }
    pass(&mut cluster, 10);
    let (share, events, longest) = measured(&mut cluster, 30);
    let total = cluster
        .world
        .sim
        .network
        .clients
        .iter()
        .fold((0, 0, 0), |t, c| (t.0 + c.total.sent, t.1 + c.total.ok, t.2 + c.total.failures()));
    println!(
        "10,000 requests a second on it: {share:.1} % of a core, {events:.0} events a second, longest slice {longest:.1} ms; \
         {} sent, {} answered, {} failed",
        total.0, total.1, total.2
    );
    line(&mut cluster, "set image deployment/app-0 main=nginx:1.26");
    let (share, _, longest) = measured(&mut cluster, 30);
    println!("while one of its Deployments is rolled: {share:.1} % of a core, longest slice {longest:.1} ms");
}

fn main() {
    let quick = std::env::args().any(|a| a == "quick");
    let only = |name: &str| std::env::args().any(|a| a == name);
    if only("load") {
        return load();
    }
    if only("hour") || only("batch") {
        return if only("hour") { hour() } else { batch() };
    }
    println!(
        "{:>6} {:>17} {:>7} {:>8} {:>8} {:>7} {:>9} {:>8} {:>8} {:>7} {:>8} {:>7} {:>7} {:>8}",
        "nodes",
        "pods",
        "born s",
        "apply s",
        "full s",
        "virt s",
        "events",
        "kev/s",
        "slice ms",
        "min s",
        "input s",
        "roll s",
        "get s",
        "clone ms"
    );
    for &(nodes, deployments, each) in SIZES.iter().take(if quick { 3 } else { SIZES.len() }) {
        measure(nodes, deployments, each);
    }
    hour();
    batch();
    load();
}
