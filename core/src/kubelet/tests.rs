use crate::apiserver::request::{Method, Request};
use crate::clock::SimTime;
use crate::sim::{Config, KubeletProfile};
use crate::store::pod::{ContainerRecord, RunState};
use crate::store::{Kind, Obj};
use crate::view::model::Fault;
use crate::world::{Input, World};
use expect_test::{Expect, expect};

/// A cluster that pods are given to.
struct Play(World);

impl Play {
    fn new(nodes: usize, profile: KubeletProfile) -> Play {
        let mut config = Config::nodes(nodes, 7);
        config.kubelets = profile;
        let mut p = Play(World::new(config));
        p.until(1);
        p
    }

    fn until(&mut self, second: u64) {
        assert!(self.0.advance(SimTime::from_secs(second), 2_000_000), "too many events");
    }

    /// Applies `kind: Pod` manifests given as flow mappings of name and spec.
    fn pod(&mut self, name: &str, spec: &str) {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {spec}\n");
        self.0.submit(&Input::File { name: "p.yaml".into(), text: Some(text) });
        self.run("apply -f p.yaml");
    }

    fn run(&mut self, line: &str) {
        self.0.submit(&Input::Line { terminal: 0, line: line.into(), stdin: None });
    }

    /// What a shell's line prints in the pod's only regular container.
    fn exec(&mut self, pod: &str, line: &str) -> String {
        let path = format!("/api/v1/namespaces/default/pods/{pod}/exec");
        let mut request = Request::new(Method::Post, path);
        request.query = ["sh", "-c", line].iter().map(|w| ("command".to_owned(), (*w).to_owned())).collect();
        let body = self.0.request(request).body;
        let text = |k: &str| body[k].as_str().unwrap_or_default().to_owned();
        format!("{}{}{}{}\n", text("stdout"), text("stderr"), text("message"), body["code"])
    }

    fn log(&mut self, pod: &str, previous: bool) -> String {
        let path = format!("/api/v1/namespaces/default/pods/{pod}/log");
        let body = self.0.request(Request::get(path).with("previous", previous.to_string())).body;
        body.as_str().or(body["message"].as_str()).unwrap_or_default().to_owned()
    }

    /// Phase, readiness, restarts and state of each pod's containers.
    fn pods(&self) -> String {
        let state = |c: &ContainerRecord| match &c.state {
            RunState::Waiting(r, _) => r.to_string(),
            RunState::Running(_) => "running".into(),
            RunState::Terminated(t) => format!("{} {}", t.reason, t.exit_code),
        };
        let mut out = String::new();
        for p in self.0.sim.store.pods() {
            let s = &p.status;
            let c: Vec<String> = s.init.iter().chain(&s.containers).map(state).collect();
            let ready = if s.is_ready() { "ready" } else { "unready" };
            out += &format!("{} {} {ready} {} [{}]\n", p.name, s.phase.as_str(), p.restarts(), c.join(", "));
        }
        out
    }

    /// The kubelets' events about a pod.
    fn events(&self, pod: &str) -> String {
        let mut events: Vec<_> = self
            .0
            .sim
            .store
            .list(Kind::Event, None)
            .filter_map(|o| match o {
                Obj::Event(e) if e.component == "kubelet" && &*e.involved.key.name == pod => Some(e.clone()),
                _ => None,
            })
            .collect();
        events.sort_by_key(|e| e.id);
        events.iter().map(|e| format!("{} x{} {}\n", e.reason, e.count, e.message)).collect()
    }
}

fn check(actual: &str, expected: &Expect) {
    expected.assert_eq(actual);
}

#[test]
fn pods_of_every_kind() {
    let mut p = Play::new(2, KubeletProfile::Real);
    p.run("run web --image=nginx:1.25");
    p.run("run bad --image=nginx:nope");
    p.run("run once --image=busybox --restart=Never --command -- sh -c 'echo hi; sleep 3; exit 2'");
    p.run("run loops --image=busybox --command -- sh -c 'echo hi; exit 1'");
    p.pod(
        "missing",
        "{containers: [{name: c, image: nginx, env: [{name: A, valueFrom: {configMapKeyRef: {name: cm, key: k}}}]}]}",
    );
    p.pod(
        "initial",
        "{initContainers: [{name: i, image: busybox, command: [sh, -c, 'sleep 2']}, {name: s, image: 'redis:7', restartPolicy: Always}], containers: [{name: c, image: 'nginx:1.25'}]}",
    );
    p.until(20);
    check(
        &p.pods(),
        &expect![[r#"
        web Running ready 0 [running]
        bad Pending unready 0 [ImagePullBackOff]
        once Failed unready 0 [Error 2]
        loops Running unready 2 [CrashLoopBackOff]
        missing Pending unready 0 [CreateContainerConfigError]
        initial Running ready 0 [Completed 0, running, running]
    "#]],
    );
    check(
        &p.events("web"),
        &expect![[r#"
        Pulling x1 Pulling image "nginx:1.25"
        Pulled x1 Successfully pulled image "nginx:1.25" in 2.232s (2.694s including waiting). Image size: 72000000 bytes.
        Created x1 Container created
        Started x1 Container started
    "#]],
    );
    p.run("create configmap cm --from-literal=k=v");
    p.until(100);
    check(
        &p.pods(),
        &expect![[r#"
        web Running ready 0 [running]
        bad Pending unready 0 [ImagePullBackOff]
        once Failed unready 0 [Error 2]
        loops Running unready 4 [CrashLoopBackOff]
        missing Running ready 0 [running]
        initial Running ready 0 [Completed 0, running, running]
    "#]],
    );
    p.run("delete pod web once initial --wait=false");
    p.until(140);
    check(
        &p.pods(),
        &expect![[r#"
        bad Pending unready 0 [ImagePullBackOff]
        loops Running unready 4 [CrashLoopBackOff]
        missing Running ready 0 [running]
    "#]],
    );
}

#[test]
fn a_liveness_probe_restarts_a_container() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.pod(
        "live",
        "{terminationGracePeriodSeconds: 5, containers: [{name: c, image: 'busybox:1.36', args: [/bin/sh, -c, 'touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600'], livenessProbe: {exec: {command: [cat, /tmp/healthy]}, initialDelaySeconds: 5, periodSeconds: 5}}]}",
    );
    p.until(60);
    check(
        &p.pods(),
        &expect![[r#"
        live Running ready 1 [running]
    "#]],
    );
    check(
        &p.events("live"),
        &expect![[r#"
        Pulling x1 Pulling image "busybox:1.36"
        Pulled x1 Successfully pulled image "busybox:1.36" in 565ms (565ms including waiting). Image size: 2200000 bytes.
        Created x2 Container created
        Started x2 Container started
        Unhealthy x3 Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory
        Killing x1 Container c failed liveness probe, will be restarted
        Pulled x1 Container image "busybox:1.36" already present on machine and can be accessed by the pod
    "#]],
    );
}

#[test]
fn faults() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.run("run web --image=nginx:1.25");
    p.until(10);
    let at = |p: &mut Play, fault: Fault, second| {
        p.0.submit(&Input::Fault(fault));
        p.until(second);
        p.pods()
    };
    let (namespace, pod) = (String::from("default"), String::from("web"));
    let broken = |broken| Fault::BreakReadiness { namespace: namespace.clone(), pod: pod.clone(), broken };
    assert_eq!(at(&mut p, broken(true), 12), "web Running unready 0 [running]\n");
    assert_eq!(at(&mut p, broken(false), 14), "web Running ready 0 [running]\n");
    let crash = || Fault::CrashContainer { namespace: namespace.clone(), pod: pod.clone(), container: String::new() };
    assert_eq!(at(&mut p, crash(), 17), "web Running ready 1 [running]\n");
    assert_eq!(at(&mut p, crash(), 20), "web Running unready 1 [CrashLoopBackOff]\n");
    p.until(40);
    let power = |on| Fault::NodePower { node: "node-1".into(), on };
    assert_eq!(at(&mut p, power(false), 60), "web Running ready 2 [running]\n");
    assert_eq!(at(&mut p, power(true), 70), "web Running ready 3 [running]\n");
}

#[test]
fn as_recorded() {
    let mut p = Play::new(2, KubeletProfile::Recorded);
    p.run("run web --image=nginx:1.25");
    p.run("run bad --image=nginx:does-not-exist");
    p.run("run once --image=busybox --restart=Never --command -- sh -c 'sleep 1; exit 3'");
    p.run("run ok --image=busybox --restart=OnFailure --command -- sh -c 'exit 0'");
    p.run("run loops --image=busybox --command -- sh -c 'echo hi; exit 0'");
    p.until(8);
    check(
        &p.pods(),
        &expect![[r#"
        web Running ready 0 [running]
        bad Pending unready 0 [ImagePullBackOff]
        once Failed unready 0 [Error 3]
        ok Succeeded unready 0 [Completed 0]
        loops Running unready 1 [CrashLoopBackOff]
    "#]],
    );
    p.until(20);
    p.run("delete pod --all --wait=false");
    p.until(22);
    assert_eq!(p.pods(), "");
    assert_eq!(p.events("web"), "");
}

#[test]
fn readiness_and_startup_probes() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.pod("slow", "{containers: [{name: c, image: 'nginx:1.25', startupProbe: {exec: {command: [test, -f, /tmp/up]}, periodSeconds: 2, failureThreshold: 30}, readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}, livenessProbe: {httpGet: {path: /nope, port: 80}, periodSeconds: 3}}]}");
    p.pod(
        "wrong",
        "{containers: [{name: c, image: 'nginx:1.25', readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 5}}]}",
    );
    p.until(20);
    check(
        &p.pods(),
        &expect![[r#"
        slow Running unready 0 [running]
        wrong Running unready 0 [running]
    "#]],
    );
    p.exec("slow", "touch /tmp/up");
    p.until(26);
    check(
        &p.pods(),
        &expect![[r#"
        slow Running ready 0 [running]
        wrong Running unready 0 [running]
    "#]],
    );
    p.until(40);
    check(
        &p.pods(),
        &expect![[r#"
        slow Running unready 1 [running]
        wrong Running unready 0 [running]
    "#]],
    );
    check(
        &p.events("slow"),
        &expect![[r#"
        Pulling x1 Pulling image "nginx:1.25"
        Pulled x1 Successfully pulled image "nginx:1.25" in 514ms (2.645s including waiting). Image size: 72000000 bytes.
        Created x2 Container created
        Started x2 Container started
        Unhealthy x14 Startup probe failed: 
        Unhealthy x3 Liveness probe failed: HTTP probe failed with statuscode: 404
        Killing x1 Container c failed liveness probe, will be restarted
        Pulled x1 Container image "nginx:1.25" already present on machine and can be accessed by the pod
    "#]],
    );
    check(
        &p.events("wrong"),
        &expect![[r#"
        Pulling x1 Pulling image "nginx:1.25"
        Pulled x1 Successfully pulled image "nginx:1.25" in 2.286s (2.286s including waiting). Image size: 72000000 bytes.
        Created x1 Container created
        Started x1 Container started
        Unhealthy x8 Readiness probe failed: dial tcp 10.244.1.2:8080: connect: connection refused
    "#]],
    );
}

#[test]
fn termination() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.pod(
        "hook",
        "{containers: [{name: c, image: 'nginx:1.25', lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 5']}}}}]}",
    );
    p.pod(
        "deaf",
        "{terminationGracePeriodSeconds: 8, containers: [{name: c, image: 'busybox:1.36', command: [sleep, '1000']}]}",
    );
    p.pod("trap", "{containers: [{name: c, image: 'busybox:1.36', command: [sh, -c, 'trap \"echo bye; exit 0\" TERM; while true; do sleep 1; done']}]}");
    p.until(20);
    check(
        &p.pods(),
        &expect![[r#"
        hook Running ready 0 [running]
        deaf Running ready 0 [running]
        trap Running ready 0 [running]
    "#]],
    );
    p.run("delete pod --all --wait=false");
    let mut seen = vec![];
    for t in 20..35 {
        p.until(t);
        let names: Vec<String> = p.pods().lines().filter_map(|l| l.split(' ').next().map(str::to_owned)).collect();
        seen.push(format!("{t} {}", names.join(" ")));
    }
    seen.dedup_by(|b, a| a.split_once(' ').map(|x| x.1) == b.split_once(' ').map(|x| x.1));
    check(
        &seen.join("\n"),
        &expect![[r#"
        20 hook deaf trap
        21 hook deaf
        26 deaf
        29 "#]],
    );
}

#[test]
fn ends_of_pods() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.pod("late", "{restartPolicy: Never, activeDeadlineSeconds: 5, terminationGracePeriodSeconds: 1, containers: [{name: c, image: 'busybox:1.36', command: [sleep, '1000']}]}");
    p.pod("side", "{restartPolicy: Never, initContainers: [{name: s, image: 'redis:7', restartPolicy: Always}], containers: [{name: c, image: 'busybox:1.36', command: [sleep, '3']}]}");
    p.pod("initfail", "{restartPolicy: Never, initContainers: [{name: i, image: 'busybox:1.36', command: ['false']}], containers: [{name: c, image: 'nginx:1.25'}]}");
    p.pod("initloop", "{initContainers: [{name: i, image: 'busybox:1.36', command: ['false']}], containers: [{name: c, image: 'nginx:1.25'}]}");
    p.pod("nosuch", "{containers: [{name: c, image: 'nginx:1.25', command: [nope]}]}");
    p.pod("never", "{containers: [{name: c, image: 'nginx:1.20', imagePullPolicy: Never}]}");
    p.pod("mysql", "{containers: [{name: c, image: 'mysql:8'}]}");
    p.pod("mount", "{volumes: [{name: v, configMap: {name: nope}}], containers: [{name: c, image: 'nginx:1.25', volumeMounts: [{name: v, mountPath: /etc/x}]}]}");
    p.until(30);
    check(
        &p.pods(),
        &expect![[r#"
        late Failed unready 0 [ContainerCreating]
        side Succeeded unready 0 [Completed 0, Completed 0]
        initfail Failed unready 0 [Error 1, PodInitializing]
        initloop Pending unready 2 [CrashLoopBackOff, PodInitializing]
        nosuch Running unready 2 [CrashLoopBackOff]
        never Pending unready 0 [ErrImageNeverPull]
        mysql Running unready 2 [CrashLoopBackOff]
        mount Pending unready 0 [ContainerCreating]
    "#]],
    );
    check(
        &(p.events("late") + &p.events("side") + &p.events("mount")),
        &expect![[r#"
        Pulling x1 Pulling image "busybox:1.36"
        DeadlineExceeded x1 Pod was active on the node longer than the specified deadline
        Pulling x1 Pulling image "redis:7"
        Pulled x1 Successfully pulled image "redis:7" in 1.607s (2.103s including waiting). Image size: 47000000 bytes.
        Created x1 Container created
        Started x1 Container started
        Pulled x1 Container image "busybox:1.36" already present on machine and can be accessed by the pod
        Created x1 Container created
        Started x1 Container started
        Killing x1 Stopping container s
        FailedMount x6 MountVolume.SetUp failed for volume "v" : configmap "nope" not found
    "#]],
    );
    check(
        &p.log("mysql", false),
        &expect![[r#"
        [ERROR] [Entrypoint]: Database is uninitialized and password option is not specified
    "#]],
    );
}

#[test]
fn volumes_logs_and_commands() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.run("create configmap cm --from-literal=k=v");
    p.pod("a", "{volumes: [{name: w, emptyDir: {}}, {name: c, configMap: {name: cm}}], initContainers: [{name: i, image: 'busybox:1.36', command: [sh, -c, 'echo hello $WHO > /shared/x'], env: [{name: WHO, value: you}], volumeMounts: [{name: w, mountPath: /shared}]}], containers: [{name: c, image: 'busybox:1.36', command: [sh, -c, 'cat /data/x /cm/k; echo; echo $A $(B); sleep 100'], env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: B, valueFrom: {configMapKeyRef: {name: cm, key: k}}}], volumeMounts: [{name: w, mountPath: /data}, {name: c, mountPath: /cm}]}]}");
    p.run("run web --image=nginx:1.25 --port=80 --expose");
    p.until(15);
    check(
        &p.log("a", false),
        &expect![[r#"
        hello you
        v
        a v
    "#]],
    );
    check(
        &p.exec("a", "wget -qO- http://web; nslookup nope; hostname; nc -z web 81 || echo closed"),
        &expect![[r#"
            <html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body></html>
            Server:		10.96.0.10
            Address:	10.96.0.10:53

            ** server can't find nope: NXDOMAIN

            a
            closed
            nc: timed out
            0
        "#]],
    );
    check(
        &p.exec("web", "env | grep KUBERNETES_SERVICE_HOST; ls /; cat /nope"),
        &expect![[r#"
        KUBERNETES_SERVICE_HOST=10.96.0.1
        bin
        dev
        etc
        home
        opt
        proc
        root
        run
        srv
        tmp
        usr
        var
        cat: can't open '/nope': No such file or directory
        1
    "#]],
    );
    p.run("set image pod/web web=nginx:1.26");
    p.until(25);
    check(
        &p.pods(),
        &expect![[r#"
        a Running ready 0 [Completed 0, running]
        web Running ready 1 [running]
    "#]],
    );
}

#[test]
fn pods_past_the_scheduler() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.pod("big", "{nodeName: node-1, containers: [{name: c, image: 'nginx:1.25', resources: {requests: {cpu: 5}}}]}");
    p.pod("apart", "{nodeName: node-1, nodeSelector: {disk: ssd}, containers: [{name: c, image: 'nginx:1.25'}]}");
    p.pod("fits", "{nodeName: node-1, containers: [{name: c, image: 'nginx:1.25'}]}");
    p.until(10);
    check(
        &p.pods(),
        &expect![[r#"
        big Failed unready 0 []
        apart Failed unready 0 []
        fits Running ready 0 [running]
    "#]],
    );
    check(
        &(p.events("big") + &p.events("apart")),
        &expect![[r#"
        OutOfcpu x1 Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000
        NodeAffinity x1 Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector
    "#]],
    );
}

#[test]
fn too_little_memory() {
    let mut p = Play::new(1, KubeletProfile::Real);
    let stress = |bytes: &str| {
        format!(
            "{{containers: [{{name: c, image: polinux/stress, command: [stress], args: ['--vm', '1', '--vm-bytes', {bytes}], resources: {{limits: {{memory: 200Mi}}}}}}]}}"
        )
    };
    p.pod("fits", &stress("150M"));
    p.pod("starves", &stress("250M"));
    p.pod("database", "{containers: [{name: c, image: 'mysql:8', env: [{name: MYSQL_ROOT_PASSWORD, value: x}], resources: {limits: {memory: 64Mi}}}]}");
    p.until(40);
    check(
        &p.pods(),
        &expect![[r#"
        fits Running ready 0 [running]
        starves Running unready 2 [CrashLoopBackOff]
        database Running unready 2 [CrashLoopBackOff]
    "#]],
    );
    let starves = p.0.sim.store.pods().find(|p| &*p.name == "starves").unwrap();
    let last = starves.status.containers[0].last.clone().unwrap();
    assert_eq!((&*last.reason, last.exit_code), ("OOMKilled", 137));
}

#[test]
fn mounted_objects_follow_their_source() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.run("create configmap settings --from-literal=color=red");
    p.pod(
        "reader",
        "{containers: [{name: c, image: 'busybox:1.36', command: [sleep, '3600'], volumeMounts: [{name: s, mountPath: /s}, {name: s, mountPath: /fixed, subPath: color}, {name: d, mountPath: /d}]}], volumes: [{name: s, configMap: {name: settings}}, {name: d, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}]}",
    );
    p.until(20);
    p.run("patch configmap settings -p '{\"data\":{\"color\":\"blue\"}}'");
    p.run("label pod reader a=b");
    p.until(22);
    let mut seen = p.exec("reader", "cat /s/color; echo; cat /d/labels; echo");
    p.until(120);
    seen += &p.exec("reader", "cat /s/color; echo; cat /fixed; echo");
    check(
        &seen,
        &expect![[r#"
        blue
        a="b"
        0
        blue
        red
        0
    "#]],
    );
}

#[test]
fn another_image() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.pod(
        "two",
        "{terminationGracePeriodSeconds: 3, containers: [{name: a, image: 'nginx:1.25'}, {name: b, image: 'redis:7'}]}",
    );
    p.until(20);
    let images = |p: &mut Play| {
        let body = p.0.request(Request::get("/api/v1/namespaces/default/pods/two")).body;
        let of = |i: usize| body["status"]["containerStatuses"][i].clone();
        format!("{} {} {}\n", of(0)["image"], of(1)["image"], of(1)["restartCount"])
    };
    p.run("set image pod/two b=redis:7.2");
    let mut seen = images(&mut p);
    p.until(40);
    seen += &images(&mut p);
    seen += &p.events("two");
    check(
        &seen,
        &expect![[r#"
            "nginx:1.25" "redis:7" 0
            "nginx:1.25" "redis:7.2" 1
            Pulling x1 Pulling image "nginx:1.25"
            Pulled x1 Successfully pulled image "nginx:1.25" in 2.31s (2.31s including waiting). Image size: 72000000 bytes.
            Created x1 Container created
            Started x1 Container started
            Pulling x1 Pulling image "redis:7"
            Pulled x1 Successfully pulled image "redis:7" in 1.612s (1.612s including waiting). Image size: 47000000 bytes.
            Created x2 Container created
            Started x2 Container started
            Killing x1 Container b definition changed, will be restarted
            Pulling x1 Pulling image "redis:7.2"
            Pulled x1 Successfully pulled image "redis:7.2" in 1.607s (1.607s including waiting). Image size: 47000000 bytes.
        "#]],
    );
}

#[test]
fn nodes_name_their_images() {
    let mut p = Play::new(1, KubeletProfile::Real);
    p.run("run web --image=nginx:1.25");
    p.run("run cache --image=redis:7");
    p.until(65);
    let node = p.0.request(Request::get("/api/v1/nodes/node-1")).body;
    let line = |i: &serde_json::Value| format!("{} {}\n", i["names"][1], i["sizeBytes"]);
    let seen: String = node["status"]["images"].as_array().unwrap().iter().map(line).collect();
    check(
        &seen,
        &expect![[r#"
        "docker.io/library/nginx:1.25" 72000000
        "docker.io/library/redis:7" 47000000
    "#]],
    );
}

#[test]
fn templates_that_name_their_node() {
    let mut p = Play::new(2, KubeletProfile::Real);
    let manifest = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: greedy}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {nodeName: node-2, containers: [{name: c, image: nginx, resources: {requests: {cpu: 100}}}]}\n";
    p.0.submit(&Input::File { name: "d.yaml".into(), text: Some(manifest.into()) });
    p.run("apply -f d.yaml");
    p.until(100);
    let events = p.0.sim.store.events().filter(|e| e.component == "daemonset-controller");
    let seen: String = events.map(|e| format!("{} {} x{}\n", e.first.0 / 1_000_000, e.reason, e.count)).collect();
    check(
        &seen,
        &expect![[r#"
        1 SuccessfulCreate x1
        1 FailedDaemonPod x1
        1 SuccessfulDelete x1
        1 SuccessfulCreate x1
        2 FailedDaemonPod x1
        2 SuccessfulDelete x1
        2 SuccessfulCreate x1
        4 FailedDaemonPod x1
        4 SuccessfulDelete x1
        4 SuccessfulCreate x1
        8 FailedDaemonPod x1
        8 SuccessfulDelete x1
        8 SuccessfulCreate x1
        16 FailedDaemonPod x1
        16 SuccessfulDelete x1
        16 SuccessfulCreate x1
        32 FailedDaemonPod x1
        32 SuccessfulDelete x1
        32 SuccessfulCreate x1
        64 FailedDaemonPod x1
        64 SuccessfulDelete x1
        64 SuccessfulCreate x1
    "#]],
    );
}
