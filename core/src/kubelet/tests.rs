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
