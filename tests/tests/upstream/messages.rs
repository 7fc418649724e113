//! The texts that kubectl and the API server print: for each a few commands that bring it about.

use kubarium_core::apiserver::request::{Method, Request};
use kubarium_core::clock::SimDuration;
use kubarium_core::kubectl::cmd::rollout;
use kubarium_core::sim::NodeConfig;
use kubarium_core::world::Input;
use kubarium_tests::case::{Ended, Player};
use regex_lite::Regex;
use serde_json::{Value, json};

/// Texts that nothing here can bring about.
pub const GAPS: &[crate::Gap] = &[
    ("kubectl_messages", "case 21", "cannot be: a Deployment answers with an error, and nothing else can be paused"),
    ("kubectl_messages", "case 22", "cannot be: a Deployment answers with an error, and nothing else can be resumed"),
    (
        "kubectl_messages",
        "case 101",
        "cannot be: each of drain's filters overwrites the one before, and the last knows no local storage",
    ),
    ("kubectl_messages", "case 143", "the server answers or refuses; a connection cannot fail in another way"),
    ("kubectl_messages", "case 155", "the store always answers the API server"),
    ("kubectl_messages", "case 156", "the API server never runs out of time"),
];

const DEPLOYMENT: &str = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, labels: {app: d}}, spec: {replicas: 1, selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: nginx, image: 'nginx:1.25'}]}}}}";
const DAEMON_SET: &str = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: s}, spec: {selector: {matchLabels: {app: s}}, template: {metadata: {labels: {app: s}}, spec: {containers: [{name: c, image: 'nginx:1.25'}]}}}}";
const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: p}}, spec: {containers: [{name: a, image: 'nginx:1.25'}, {name: b, image: 'nginx:1.25'}]}}";
const LOCAL: &str = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: a, image: 'nginx:1.25', volumeMounts: [{name: v, mountPath: /v}]}]}}";
const BUDGET: &str = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {minAvailable: 1, selector: {matchLabels: {app: p}}}}";

/// What comes first, and the line that prints the text.
type Scene = (&'static [&'static str], &'static str);

const MADE: &[&str] = &["apply -f d.yaml"];
const CREATED: &[&str] = &["create deployment d --image=nginx:1.25"];
const RUN: &[&str] = &["run p --image=nginx:1.25 --labels=app=p"];
const RAN: &[&str] = &["run p --image=nginx:1.25 --labels=app=p", "wait --for=condition=Ready pod/p"];
const PAUSED: &[&str] = &["apply -f d.yaml", "rollout pause deployment d"];
const STARTED: &[&str] = &["apply -f d.yaml", "rollout status deployment d"];
const DAEMON: &[&str] = &["apply -f ds.yaml", "rollout status ds/s"];

fn scene(number: u32) -> Option<Scene> {
    Some(match number {
        1 => (&[], "create deployment d --image=nginx:1.25"),
        2 => (CREATED, "apply -f d.yaml"),
        3 => (MADE, "apply -f d.yaml"),
        4 => (&[], "apply --server-side -f d.yaml"),
        5 => (&["apply -f both.yaml"], "apply --prune -l app=d -f d.yaml --prune-allowlist=core/v1/ConfigMap"),
        6 => (MADE, r#"patch deployment d -p '{"spec":{"replicas":2}}'"#),
        7 => (MADE, r#"patch deployment d -p '{"spec":{"replicas":1}}'"#),
        8 => (MADE, "replace -f d.yaml"),
        9 => (&["apply -f d.yaml", "edit deployment d"], "edit deployment.apps/d --saved=edit-deployment-apps-d.yaml"),
        10 => (MADE, "scale deployment d --replicas=2"),
        11 => (MADE, "label deployment d a=b"),
        12 => (&["apply -f d.yaml", "label deployment d a=b"], "label deployment d a-"),
        13 => (&["apply -f d.yaml", "label deployment d a=b"], "label deployment d a=b"),
        14 => (&["apply -f d.yaml", "label deployment d a=b"], "label deployment d a- c=d"),
        15 => (MADE, "annotate deployment d a=b"),
        16 => (MADE, "expose deployment d --port=80"),
        17 => (MADE, "autoscale deployment d --max=3"),
        18 => (MADE, "rollout restart deployment d"),
        19 => (MADE, "rollout pause deployment d"),
        20 => (PAUSED, "rollout resume deployment d"),
        21 => (PAUSED, "rollout pause deployment d"),
        22 => (MADE, "rollout resume deployment d"),
        23 => (
            &["apply -f d.yaml", "rollout status deployment d", "set image deployment d nginx=nginx:1.26"],
            "rollout undo deployment d --to-revision=1",
        ),
        24 => (STARTED, "rollout undo deployment d --to-revision=1"),
        25 => (&[], "cordon node-1"),
        26 => (&["cordon node-1"], "cordon node-1"),
        27 => (&["cordon node-1"], "uncordon node-1"),
        28 => (&[], "uncordon node-1"),
        29 => (&[], "drain node-1"),
        30 => (RAN, "drain node-1 --force"),
        31 => (RAN, "drain node-1 --force --disable-eviction"),
        32 => (&[], "taint nodes node-1 a=b:NoSchedule"),
        33 => (&["taint nodes node-1 a=b:NoSchedule"], "taint nodes node-1 a:NoSchedule-"),
        34 => (&["taint nodes node-1 a=b:NoSchedule"], "taint nodes node-1 a:NoSchedule- c=d:NoSchedule"),
        35 => (MADE, "set image deployment d nginx=nginx:1.26"),
        36 => (MADE, "set env deployment d A=b"),
        37 => (MADE, "set resources deployment d --limits=cpu=1"),
        38 => (&["create service clusterip s --tcp=80"], "set selector service s a=b"),
        39 => (MADE, "set serviceaccount deployment d default"),
        40 => (&["create rolebinding r --clusterrole=view --user=u"], "set subject rolebinding r --user=w"),
        41 => (MADE, "wait --for=condition=Available deployment/d"),
        42 => (&[], "auth reconcile -f role.yaml"),
        43 => (&[], "create deployment d --image=nginx:1.25 --dry-run=client"),
        44 => (&[], "create deployment d --image=nginx:1.25 --dry-run=server"),
        45 => (MADE, "delete deployment d"),
        46 => (&["create namespace x"], "delete namespace x"),
        47 | 52 => (RAN, "delete pod p --force --grace-period=0"),
        48 => (&[], "delete pods --all"),
        49..=51 => (RAN, "delete pod p --interactive"),
        53 => (&["create namespace x"], "delete namespace x -n default"),
        54 => (&[], "get pods"),
        55 => (&[], "get persistentvolumes"),
        56 => (&["create namespace x"], "events -n x"),
        57 => (CREATED, "apply -f d.yaml"),
        58 => (&["apply -f held.yaml", "delete configmap held --wait=false"], "apply -f held2.yaml"),
        59 => (&[], "apply -f generated.yaml"),
        60 => (&[], "apply --server-side --dry-run=client -f d.yaml"),
        61 => (&[], "apply -f empty.yaml"),
        62 => (&["apply -f pod.yaml", "wait --for=condition=Ready pod/p"], "logs p"),
        63 => (
            &["create deployment d --image=nginx:1.25 --replicas=2", "rollout status deployment d"],
            "logs deployment/d",
        ),
        64 => (RAN, "logs p -c nope"),
        65 => (&[], "logs"),
        66 => (
            &["create deployment d --image=nginx:1.25 --replicas=6", "rollout status deployment d"],
            "logs -l app=d -f",
        ),
        67 => (&["create job j --image=busybox -- true", "wait --for=condition=Complete job/j"], "exec job/j -- ls"),
        68 => (RAN, "exec p"),
        69 => (MADE, "wait --for=condition=never deployment/d --timeout=1s"),
        70 => (RUN, "wait --for=bad pod/p"),
        76 => (&["apply -f stuck.yaml"], "rollout status deployment d"),
        87 => (&["apply -f ondelete.yaml"], "rollout status ds/s"),
        88 => (
            &["apply -f d.yaml", "set image deployment d nginx=nginx:1.26", "rollout pause deployment d"],
            "rollout undo deployment d",
        ),
        89 => (DAEMON, "rollout undo ds/s"),
        90 => (&["apply -f paused.yaml"], "rollout undo deployment d"),
        91 => (
            &["apply -f d.yaml", "rollout status deployment d", "set image deployment d nginx=nginx:1.26"],
            "rollout undo deployment d",
        ),
        92 => (STARTED, "rollout history deployment d"),
        93 => (STARTED, "rollout history deployment d --revision=1"),
        94 => (STARTED, "rollout history deployment d --revision=9"),
        95 => (PAUSED, "rollout restart deployment d"),
        96 | 102 => (RAN, "drain node-1 --force"),
        97 => (RAN, "drain node-1 --force --dry-run=client"),
        98 => (RAN, "drain node-1 --force --dry-run=server"),
        99 => (
            &["run p --image=nginx:1.25 --labels=app=p", "wait --for=condition=Ready pod/p", "apply -f pdb.yaml"],
            "drain node-1 --force --timeout=12s",
        ),
        100 => (DAEMON, "drain node-1 --ignore-daemonsets"),
        101 => (
            &["apply -f local.yaml", "wait --for=condition=Ready pod/p"],
            "drain node-1 --force --delete-emptydir-data",
        ),
        103 | 106 => (DAEMON, "drain node-1"),
        104 => (DAEMON, "drain node-1 node-2"),
        105 => (
            &["run p --image=nginx:1.25 --labels=app=p", "wait --for=condition=Ready pod/p", "apply -f pdb.yaml"],
            "drain node-1 --force --timeout=3s",
        ),
        107 => (&["apply -f local.yaml", "wait --for=condition=Ready pod/p"], "drain node-1 --force"),
        108 => (RAN, "drain node-1"),
        109 => (&[], "drain node-1 --selector=a=b"),
        110 => (
            &[
                "create clusterrole r --verb=get --resource=nodes",
                "create clusterrolebinding r --clusterrole=r --user=u",
            ],
            "cordon node-1 --as=u",
        ),
        111 => (&[], "label a=b"),
        112 => (RUN, "label pod p"),
        113 => (RUN, "label pod p app=q"),
        114 => (RUN, "label pod p nope-"),
        115 => (RUN, "annotate pod p"),
        116 => (&["run p --image=nginx:1.25", "annotate pod p a=b"], "annotate pod p a=c"),
        117 => (&[], "taint nodes node-1"),
        118 => (&["taint nodes node-1 a=b:NoSchedule"], "taint nodes node-1 a=c:NoSchedule"),
        119 => (&[], "taint nodes node-1 a:NoSchedule-"),
        120 => (&[], "taint nodes node-1 a=b=c:NoSchedule"),
        121 => (&[], "taint nodes node-1 a=b:Nope"),
        122 => (MADE, "scale deployment d --replicas=-1"),
        123 => (MADE, "scale deployment d --replicas=2 --current-replicas=5"),
        124 => (MADE, "autoscale deployment d --max=0"),
        125 => (MADE, "autoscale deployment d --min=5 --max=2"),
        126 => (&["create service clusterip s --tcp=80"], "autoscale service s --max=2"),
        127 => (RUN, "expose pod p"),
        128 => (&["apply -f bare.yaml"], "expose service bare --port=80 --name=x"),
        129 => (MADE, "set image deployment d"),
        130 => (MADE, "set image deployment d nope=nginx:1.26"),
        131 => (MADE, "patch deployment d"),
        132 => (MADE, "patch deployment d --type=x -p {}"),
        133 => (&[], "create -f kindless.yaml"),
        134 => (&[], "apply -f unknown.yaml"),
        135 => (&[], "get nope"),
        136 => (&[], "apply -f invalid.yaml"),
        137 => (&[], "apply -f invalid2.yaml"),
        138 | 146 | 147 => (&[], "get pod x"),
        144 => (&[], "label a=b"),
        139 => (&[], "create -f large.yaml"),
        140 => (MADE, "create -f d.yaml"),
        141 => (&[], "get pods --token=stranger"),
        142 => (&[], "get pods"),
        145 => (RAN, "exec p ls"),
        148 => (RUN, "run p --image=nginx:1.25"),
        149 | 150 => (MADE, "replace -f stale.yaml"),
        151 => (&[], "get pod x --as=u"),
        154 => (RAN, "exec p -- nope"),
        157 => (
            &["run p --image=nginx:1.25 --labels=app=p", "wait --for=condition=Ready pod/p", "apply -f pdb.yaml"],
            "drain node-1 --force --timeout=3s",
        ),
        160 => (&[], "create -f mistyped.yaml --validate=false"),
        _ => return None,
    })
}

fn files() -> Vec<(&'static str, String)> {
    let map = |name: &str, data: &str, more: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{app: d}}{more}}}, data: {{a: {data}}}}}"
        )
    };
    vec![
        ("d.yaml", DEPLOYMENT.into()),
        ("both.yaml", format!("{DEPLOYMENT}\n---\n{}", map("old", "b", ""))),
        ("ds.yaml", DAEMON_SET.into()),
        (
            "ondelete.yaml",
            DAEMON_SET.replace("spec: {selector", "spec: {updateStrategy: {type: OnDelete}, selector"),
        ),
        ("pod.yaml", POD.into()),
        ("local.yaml", LOCAL.into()),
        ("pdb.yaml", BUDGET.into()),
        ("paused.yaml", DEPLOYMENT.replace("replicas: 1", "paused: true")),
        (
            "stuck.yaml",
            DEPLOYMENT
                .replace("replicas: 1", "replicas: 1, progressDeadlineSeconds: 1")
                .replace("containers: [", "nodeSelector: {no: such}, containers: ["),
        ),
        ("held.yaml", map("held", "b", ", finalizers: [a.example.com/x]")),
        ("held2.yaml", map("held", "c", ", finalizers: [a.example.com/x]")),
        ("generated.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: x-}}".into()),
        ("empty.yaml", "# nothing\n".into()),
        (
            "role.yaml",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}".into(),
        ),
        (
            "bare.yaml",
            "{apiVersion: v1, kind: Service, metadata: {name: bare}, spec: {ports: [{port: 80}]}}".into(),
        ),
        (
            "large.yaml",
            DEPLOYMENT.replace("containers: [{", &format!("containers: [{{env: [{{name: A, value: {}}}], ", "a".repeat(1_700_000))),
        ),
        ("kindless.yaml", "{apiVersion: v1, metadata: {name: x}}".into()),
        ("unknown.yaml", "{apiVersion: example.com/v1, kind: Nope, metadata: {name: x}}".into()),
        ("invalid.yaml", DEPLOYMENT.replace("replicas: 1", "replicas: -1")),
        ("invalid2.yaml", DEPLOYMENT.replace("replicas: 1", "replicas: -1, minReadySeconds: -1")),
        ("stale.yaml", DEPLOYMENT.replace("{name: d,", "{name: d, resourceVersion: '1',")),
        ("mistyped.yaml", DEPLOYMENT.replace("replicas: 1", "replicas: many")),
    ]
}

/// The text of a row as a pattern: placeholders stand for anything on their line.
fn pattern(format: &str) -> String {
    let marked = format
        .replace("<kind lower case>[.<group>]/<name>", "\u{1}/\u{1}")
        .replace("<kind>[.<group>]", "\u{1}")
        .replace("<kind>.<group>/<name>", "\u{1}/\u{1}")
        .replace("ns/pod, ns/pod", "\u{1}/\u{1}")
        .replace("ns/pod", "\u{1}/\u{1}")
        .replace("REVISION  CHANGE-CAUSE", "REVISION \u{2}CHANGE-CAUSE")
        .replace("FILE", "\u{1}")
        .replace("%d", "\u{3}")
        .replace("%q", "\u{4}");
    let marked = Regex::new(r"%s|%v|<[^<>]+>").expect("a pattern").replace_all(&marked, "\u{2}").into_owned();
    let mut out = String::new();
    for c in marked.chars() {
        match c {
            '\u{1}' => out.push_str(r"\S+"),
            '\u{2}' => out.push_str(".*"),
            '\u{3}' => out.push_str(r"-?\d+"),
            // a text in quotes, or a list of them
            '\u{4}' => out.push_str(r#"\[?"[^\n]*"\]?"#),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

fn contains(text: &str, pattern: &str) -> Result<(), String> {
    let regex = Regex::new(pattern).map_err(|e| e.to_string())?;
    if regex.is_match(text) { Ok(()) } else { Err(format!("{pattern} does not match {text:?}")) }
}

fn played(number: u32, setup: &[&str], line: &str) -> Result<Ended, String> {
    let mut player = Player::new(vec![NodeConfig::numbered(1), NodeConfig::numbered(2)]);
    // pods are looked for on the first node
    player.kubectl("cordon node-2", None);
    if line.contains("node-2") || setup == DAEMON {
        player.kubectl("uncordon node-2", None);
    }
    for (name, text) in files() {
        player.file(name, &text);
    }
    for s in setup {
        let ended = player.kubectl(s, None);
        if ended.code != Some(0) {
            return Err(format!("{s}: {ended:?}"));
        }
    }
    match number {
        9 => {
            let text = player.kubectl("get deployment d -o yaml", None).stdout;
            player.file("edit-deployment-apps-d.yaml", &text.replace("  replicas: 1\n", "  replicas: 2\n"));
        }
        142 => {
            let stop = Input::Line { terminal: 0, line: "kubarium stop apiserver".into(), stdin: None };
            player.cluster.submit(stop);
        }
        _ => {}
    }
    Ok(player.kubectl(line, line.contains("--interactive").then_some("n\n")))
}

/// An answer of the API server that no command asks for.
fn raw(number: u32) -> Option<String> {
    let mut player = Player::new(vec![NodeConfig::numbered(1)]);
    let map = |name: &str, namespace: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}});
    let maps = "/api/v1/namespaces/default/configmaps";
    let world = &mut player.cluster.world;
    let request = match number {
        152 => Request::new(Method::Post, maps).body(map("A_", "default")),
        153 => {
            let definition = json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "tabs.example.com"},
                "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "tabs", "kind": "Tab"},
                    "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                        "schema": {"openAPIV3Schema": {"type": "object"}}}]},
            });
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            world.request(Request::new(Method::Post, path).body(definition));
            Request::new(Method::Post, "/apis/example.com/v1/namespaces/default/tabs/a/status").body(json!({}))
        }
        159 => {
            let mut body = map("a", "default");
            body["data"] = json!({"a": "a".repeat(4 << 20)});
            Request::new(Method::Post, maps).body(body)
        }
        161 => Request::new(Method::Post, maps).body(map("a", "other")),
        162 => {
            world.request(Request::new(Method::Post, maps).body(map("a", "default")));
            Request::new(Method::Put, format!("{maps}/a")).body(map("b", "default"))
        }
        158 => {
            for n in 0..12_000 {
                let mut body = map("busy", "default");
                body["data"] = json!({"n": n.to_string()});
                let method = if n == 0 { Method::Post } else { Method::Put };
                let path = if n == 0 { maps.to_owned() } else { format!("{maps}/busy") };
                world.request(Request::new(method, path).body(body));
            }
            player.pass(SimDuration::from_secs(5));
            Request::get(maps).with("watch", "true").with("resourceVersion", "1")
        }
        _ => return None,
    };
    let world = &mut player.cluster.world;
    Some(world.request(request).body["message"].as_str().unwrap_or_default().to_owned())
}

/// What `rollout status` says of states that do not last.
fn passing(number: u32) -> Option<String> {
    let of = |kind: &str, generation: i64, spec: Value, status: Value| {
        let object =
            json!({"kind": kind, "metadata": {"name": "d", "generation": generation}, "spec": spec, "status": status});
        rollout::status::of(&object, &format!("{}.apps", kind.to_lowercase()), 0)
            .map_or_else(|e| format!("{e:?}"), |s| s.0)
    };
    let rolling = json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}});
    let split = json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}});
    let numbers = |updated: i64, replicas: i64, available: i64| json!({"observedGeneration": 1, "updatedReplicas": updated, "replicas": replicas, "availableReplicas": available, "readyReplicas": available, "currentRevision": "a", "updateRevision": "b"});
    let daemons = |updated: i64, available: i64| json!({"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": updated, "numberAvailable": available});
    Some(match number {
        71 => of("Deployment", 2, rolling, numbers(0, 0, 0)),
        72 => of("Deployment", 1, rolling, numbers(1, 3, 3)),
        73 => of("Deployment", 1, rolling, numbers(3, 4, 3)),
        74 => of("Deployment", 1, rolling, numbers(3, 3, 2)),
        75 => of("Deployment", 1, rolling, numbers(3, 3, 3)),
        77 => of("DaemonSet", 1, rolling, daemons(1, 3)),
        78 => of("DaemonSet", 1, rolling, daemons(3, 2)),
        79 => of("DaemonSet", 1, rolling, daemons(3, 3)),
        80 => of("DaemonSet", 2, rolling, daemons(3, 3)),
        81 => of("StatefulSet", 2, rolling, numbers(3, 3, 3)),
        82 => of("StatefulSet", 1, rolling, numbers(3, 3, 2)),
        83 => of("StatefulSet", 1, split, numbers(1, 3, 3)),
        84 => of("StatefulSet", 1, split, numbers(2, 3, 3)),
        85 => of("StatefulSet", 1, rolling, numbers(2, 3, 3)),
        86 => {
            let mut done = numbers(3, 3, 3);
            done["currentRevision"] = "b".into();
            done["currentReplicas"] = 3.into();
            of("StatefulSet", 1, rolling, done)
        }
        _ => return None,
    })
}

/// A row.
pub fn check(_: &Value, case: &Value) -> Result<(), String> {
    let text = |k: &str| case[k].as_str().unwrap_or_default();
    let number: u32 = text("name").trim_start_matches("case ").parse().map_err(|_| "no number")?;
    // what begins with this already is not said to be an error twice
    let format = match text("stream") {
        "error" => text("format").trim_start_matches("error: "),
        _ => text("format"),
    };
    let pattern = pattern(format);
    if let Some(said) = passing(number).or_else(|| raw(number)) {
        return contains(&said, &pattern);
    }
    let (setup, line) = scene(number).ok_or("nothing brings it about")?;
    let ended = played(number, setup, line)?;
    match text("stream") {
        // the answer is not echoed: what follows stands on the same line
        "stdout" if line.contains("--interactive") => contains(&ended.stdout, &pattern),
        "stdout" => contains(&ended.stdout, &format!("(^|\n)\\s*{pattern}(\n|$)")),
        "stdout suffix" => contains(&ended.stdout, &format!("{pattern}\n$")),
        "stderr" => contains(&ended.stderr, &format!("(^|\n){pattern}")),
        // the object, or the node, may be named first
        "error" => contains(&ended.stderr, &format!("(^|\n)error: .*{pattern}")),
        "exit code" => contains(&format!("{:?}", ended.code), &format!("Some\\({pattern}\\)")),
        _ => contains(&ended.stderr, &pattern),
    }
}
