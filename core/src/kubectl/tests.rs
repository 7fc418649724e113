//! Sessions typed into a small cluster.

use super::complete::complete;
use super::{Context, Output, Session, poll, run};
use crate::clock::{SimDuration, SimTime};
use crate::sim::{Config, KubeletProfile, NodeConfig};
use crate::world::{World, WorldApi};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;

struct Shell {
    world: World,
    files: BTreeMap<String, String>,
    session: Session,
}

impl Shell {
    fn new() -> Shell {
        Shell::of(KubeletProfile::Recorded)
    }

    fn of(kubelets: KubeletProfile) -> Shell {
        let nodes = vec![NodeConfig::numbered(1)];
        let mut world = World::new(Config { seed: 1, nodes, kubelets });
        world.advance(SimTime::from_secs(10), u64::MAX);
        Shell { world, files: BTreeMap::new(), session: Session::default() }
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut Context) -> T) -> T {
        let mut api = WorldApi { sim: &mut self.world.sim, kubelets: &mut self.world.kubelets };
        f(&mut Context::new(&mut api, &mut self.files, &mut self.session))
    }

    fn run(&mut self, line: &str) -> Output {
        self.with(|ctx| run(line, ctx))
    }

    fn wait(&mut self, seconds: u64) {
        let until = self.world.sim.now + SimDuration::from_secs(seconds);
        self.world.advance(until, u64::MAX);
    }

    fn check(&mut self, line: &str, expected: Expect) {
        let out = self.run(line);
        expected.assert_eq(&format!("{}{}", out.stdout, out.stderr));
    }
}

#[test]
fn tables_and_formats() {
    let mut s = Shell::new();
    s.run("kubectl create cm conf --from-literal=a=1 --from-literal='b=x: y'");
    s.run("kubectl create cm other");
    s.wait(150);
    s.check(
        "kubectl get cm conf other",
        expect![[r#"
            NAME    DATA   AGE
            conf    2      2m30s
            other   0      2m30s
        "#]],
    );
    s.check(
        "k get cm/conf ns/default --no-headers -L x/y",
        expect![[r#"
            configmap/conf   2     2m30s   
            namespace/default   Active   2m40s   
        "#]],
    );
    s.check(
        "get cm conf -o jsonpath='{.data}{\"\\n\"}' | wc -l",
        expect![[r#"
        1
    "#]],
    );
    s.check(
        "get cm -o custom-columns=N:metadata.name,A:.data.a | grep -v kube | sort",
        expect![[r#"
            N                  A
            conf               1
            other              <none>
        "#]],
    );
    s.check(
        "get cm nope -o yaml",
        expect![[r#"
        Error from server (NotFound): configmaps "nope" not found
    "#]],
    );
    s.check(
        "get cm -l a=b -A",
        expect![[r#"
        No resources found
    "#]],
    );
    s.check("get cm conf -o go-template='{{range $k, $v := .data}}{{$k}}={{$v}};{{end}}'", expect!["a=1;b=x: y;"]);
    s.check("get cm conf -o jsonpath='{.metadata.name[0]}'", expect![[r#"
        error: error executing jsonpath "{.metadata.name[0]}": Error executing template: string is not array or slice. Printing more information for debugging the template:
        	template was:
        		{.metadata.name[0]}
        	object given to jsonpath engine was:
        		map[string]interface {}{"apiVersion":"v1", "data":map[string]interface {}{"a":"1", "b":"x: y"}, "kind":"ConfigMap", "metadata":map[string]interface {}{"creationTimestamp":"2026-01-01T00:00:10Z", "name":"conf", "namespace":"default", "resourceVersion":"48", "uid":"335a1b45-8a55-4fac-8662-df4ba9f42345"}}

    "#]]);
}

#[test]
fn description_of_a_map() {
    let mut s = Shell::new();
    s.run("create cm conf --from-literal=a=1");
    s.run("label cm conf x=1 app=web");
    s.check(
        "describe cm conf",
        expect![[r#"
            Name:         conf
            Namespace:    default
            Labels:       app=web
                          x=1
            Annotations:  <none>

            Data
            ====
            a:
            ----
            1


            BinaryData
            ====

            Events:  <none>
        "#]],
    );
}

#[test]
fn watching_shows_what_changes() {
    let mut s = Shell::new();
    let first = s.run("get cm -w -o name");
    let mut pending = first.pending.expect("a watch goes on");
    assert_eq!((first.code, first.stdout.as_str()), (None, "configmap/kube-root-ca.crt\n"));
    assert_eq!(s.with(|ctx| poll(&mut pending, ctx)), Output::default());
    s.run("create cm late");
    let next = s.with(|ctx| poll(&mut pending, ctx));
    assert_eq!(next.stdout, "configmap/late\n");
}

#[test]
fn completions() {
    let mut s = Shell::new();
    s.run("create cm conf");
    let texts = |s: &mut Shell, line: &str| -> Vec<String> {
        s.with(|ctx| complete(line, line.len(), ctx)).into_iter().map(|c| c.text).collect()
    };
    assert_eq!(texts(&mut s, "kubectl des"), ["describe"]);
    assert_eq!(texts(&mut s, "k get deploy"), ["deployments"]);
    assert_eq!(texts(&mut s, "k get cm co"), ["conf"]);
    assert_eq!(texts(&mut s, "k get cm/c"), ["cm/conf"]);
    assert_eq!(texts(&mut s, "k get pods -n kube-s"), ["kube-system"]);
    assert_eq!(texts(&mut s, "k get pods --show-l"), ["--show-labels"]);
    assert_eq!(texts(&mut s, "k get pods --output=ya"), ["--output=yaml"]);
    assert_eq!(texts(&mut s, "k rollout und"), ["undo"]);
    assert!(texts(&mut s, "k explain pod.spec.hostn").contains(&"pod.spec.hostname".to_string()));
}

#[test]
fn commands_in_containers() {
    let mut s = Shell::of(KubeletProfile::Real);
    s.run("kubectl run box --image=busybox --command -- sh -c 'echo one; sleep 5; echo two; sleep 3600'");
    s.wait(30);
    s.check("logs box", expect!["one\ntwo\n"]);
    s.check("logs box --tail=1 --prefix", expect!["[pod/box/box] two\n"]);
    s.check("exec box -- echo a b", expect!["a b\n"]);
    let failed = s.run("exec box -- sh -c 'exit 3'");
    assert_eq!((failed.code, failed.stderr.as_str()), (Some(3), "command terminated with exit code 3\n"));
    s.run("exec -it box -- sh");
    s.run("cd /tmp");
    s.run("echo hello > f");
    s.check("cat /tmp/f; pwd", expect!["hello\n/tmp\n"]);
    s.run("exit");
    s.run("cp box:/tmp/f ./copied");
    assert_eq!(s.files["copied"], "hello\n");
    s.check(
        "exec box ls",
        expect![[r#"
        error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead
        See 'kubectl exec -h' for help and examples
    "#]],
    );
}
