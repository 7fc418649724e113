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
    s.files.insert(
        "conf.json".into(),
        r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"a": "1", "b": "x: y"}}"#
            .into(),
    );
    s.check("create -f conf.json --dry-run=client -o jsonpath='{.metadata.name[0]}'", expect![[r#"
        error: error executing jsonpath "{.metadata.name[0]}": Error executing template: string is not array or slice. Printing more information for debugging the template:
        	template was:
        		{.metadata.name[0]}
        	object given to jsonpath engine was:
        		map[string]interface {}{"apiVersion":"v1", "data":map[string]interface {}{"a":"1", "b":"x: y"}, "kind":"ConfigMap", "metadata":map[string]interface {}{"name":"conf", "namespace":"default"}}

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
    assert_eq!(texts(&mut s, "kubarium part"), ["partition"]);
    assert_eq!(texts(&mut s, "kubarium stop kube"), Vec::<String>::new());
    assert_eq!(texts(&mut s, "kubarium stop sch"), ["scheduler"]);
    assert_eq!(texts(&mut s, "kubarium client add load http://a/ --ra"), ["--ramp=", "--rate="]);
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
    s.run("kubectl cp box:/tmp/f ./copied");
    assert_eq!(s.files["copied"], "hello\n");
    s.check(
        "exec box ls",
        expect![[r#"
        error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead
        See 'kubectl exec -h' for help and examples
    "#]],
    );
}

#[test]
fn filters_behind_a_pipe() {
    let mut s = Shell::new();
    s.files.insert("t".into(), "NAME READY N\na 1/1 10\nb 0/1 9\nc 1/1 100\n".into());
    let mut said = |line: &str| s.run(line).stdout;
    assert_eq!(said("cat t | grep -v NAME | awk '{print $1\":\"$2}' | sort -r | head -n 2"), "c:1/1\nb:0/1\n");
    assert_eq!(said("cat t | awk '$2==\"1/1\" {print $1, $NF}'"), "a 10\nc 100\n");
    assert_eq!(said("cat t | awk 'NR>1' | sort -k3 -n | cut -d' ' -f1 | tr a-z A-Z"), "B\nA\nC\n");
    assert_eq!(said("cat t | grep -A1 -n ^a"), "2:a 1/1 10\n3-b 0/1 9\n");
    assert_eq!(said("cat t | grep -e NAME -e ^b | wc -l"), "2\n");
    assert_eq!(said("cat t | awk 'NR>1{print $1}' | xargs -I{} echo get {}"), "get a\nget b\nget c\n");
    assert_eq!(said("cat t | sed 's/1.1/ok/' | tail -1"), "c ok 100\n");
    assert_eq!(said("cat t | awk -F/ '{print $1}' | uniq -c | head -1"), "      1 NAME READY N\n");
}

#[test]
fn a_shell_in_a_new_pod() {
    let mut s = Shell::of(KubeletProfile::Real);
    let mut out = s.run("kubectl run tmp --rm -it --image=busybox -- sh");
    for _ in 0..30 {
        s.wait(2);
        if let Some(mut p) = out.pending.take() {
            let more = s.with(|ctx| poll(&mut p, ctx));
            out.code = more.code;
            out.stderr += &more.stderr;
            out.pending = more.code.is_none().then_some(p);
        }
    }
    assert_eq!((out.code, out.stderr.as_str()), (Some(0), "If you don't see a command prompt, try pressing enter.\n"));
    assert_eq!(s.run("echo $((1+1))").stdout, "2\n");
    assert_eq!(s.run("exit").stdout, "pod \"tmp\" deleted from default namespace\n");
    s.wait(40);
    assert!(s.run("get pod tmp").stderr.contains("not found"));
}

#[test]
fn a_command_again_and_again() {
    let mut s = Shell::new();
    let out = s.run("watch -n 5 kubectl get ns default --no-headers");
    assert!(
        out.stdout.starts_with("Every 5.0s: kubectl get ns default --no-headers\n\ndefault   Active   10s"),
        "{}",
        out.stdout
    );
    let mut p = out.pending.expect("it goes on");
    s.wait(5);
    let more = s.with(|ctx| poll(&mut p, ctx));
    assert!(more.stdout.contains("default   Active   15s") && more.code.is_none(), "{}", more.stdout);
}

#[test]
fn contexts_stand_beside_each_other() {
    let mut s = Shell::new();
    s.check(
        "config set-context dev --namespace=dev --cluster=kubarium --user=admin",
        expect![[r#"
            Context "dev" created.
        "#]],
    );
    s.run("config use-context dev");
    s.check(
        "config get-contexts",
        expect![[r#"
            CURRENT   NAME       CLUSTER    AUTHINFO   NAMESPACE
            *         dev        kubarium   admin      dev
                      kubarium   kubarium   admin      
        "#]],
    );
    s.check(
        "get cm",
        expect![[r#"
        No resources found in dev namespace.
    "#]],
    );
    assert!(s.run("get ns --context=kubarium -o name").stdout.contains("namespace/default"));
}

#[test]
fn what_is_applied_no_longer_is_pruned() {
    let mut s = Shell::new();
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, labels: {{a: b}}}}\n");
    s.files.insert("two.yaml".into(), format!("{}---\n{}", map("one"), map("two")));
    s.files.insert("one.yaml".into(), map("one"));
    s.run("apply -f two.yaml");
    s.run("create cm own");
    s.run("label cm own a=b");
    s.check(
        "apply -f one.yaml --prune",
        expect![[r#"
            error: all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector
        "#]],
    );
    s.check(
        "apply -f one.yaml --prune -l a=b",
        expect![[r#"
            configmap/one unchanged
            configmap/two pruned
        "#]],
    );
    assert_eq!(s.run("get cm -l a=b -o name").stdout, "configmap/one\nconfigmap/own\n");
}

#[test]
fn programs_beside_kubectl() {
    let mut s = Shell::new();
    s.check("kubctl get pods", expect!["kubctl: command not found\nDid you mean kubectl?\n"]);
    s.check("vagrant up", expect!["vagrant: command not found\n"]);
    // the first word may be left out, and mistyped
    assert!(s.run("gett pods").stderr.contains("\n\tget\n"));
    s.files.insert("a.yaml".into(), "image: ${HOST}/app:$TAG\ncost: $5 ${HOST\n".into());
    s.check("HOST=here TAG=1 envsubst < a.yaml", expect!["image: here/app:1\ncost: $5 ${HOST\n"]);
    s.check("envsubst < a.yaml", expect!["image: /app:\ncost: $5 ${HOST\n"]);
    s.check("HOST=here envsubst '$HOST' < a.yaml", expect!["image: here/app:$TAG\ncost: $5 ${HOST\n"]);
    s.run("export HOST=there");
    s.files
        .insert("cm.yaml".into(), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {host: $HOST}\n".into());
    s.check("envsubst < cm.yaml | kubectl apply -f -", expect!["configmap/c created\n"]);
    s.check("kubectl get cm c -o jsonpath='{.data.host}'", expect!["there"]);
}

/// As deep as a language lets anybody go, and deeper: an answer or an error, and never the end of the stack, which in a
/// browser is a megabyte.
#[test]
fn nesting_has_an_end() {
    let nest = |open: &str, inner: &str, close: &str, n: usize| open.repeat(n) + inner + &close.repeat(n);
    for n in [20, 58, 118, 178, 1000, 20_000] {
        let mut s = Shell::new();
        let lines = [
            format!("kubectl get node -o jsonpath='{{{}}}'", nest(".items[?(@.a==", "1", ")]", n)),
            format!("kubectl get node -o jsonpath='{}'", nest("{range .items[*]}", "x", "{end}", n)),
            format!("kubectl get node -o go-template='{{{{{}}}}}'", nest("(len ", ".items", ")", n)),
            format!("kubectl get node -o go-template='{}'", nest("{{if .items}}", "x", "{{end}}", n)),
            format!("kubectl get node -o custom-columns=A:{}", nest(".a[?(@.b==", "1", ")]", n)),
            format!("kubectl get node -o json | jq '{}'", nest("(", ".", ")", n)),
            format!("kubectl get node -o json | jq '{}'", nest("[", ".", "]", n)),
            format!("kubectl get node -o json | jq '{}'", nest("{a: ", ".", "}", n)),
            format!("kubectl get node -o json | jq '{}'", nest("-", "1", "", n)),
            format!("kubectl get node -o json | jq '{}'", nest("if . then ", ".", " else . end", n)),
            format!("kubectl get node -o json | jq '{}'", nest("reduce . as $x (0; ", ".", ")", n)),
            format!("kubectl get node -o json | jq '{}'", nest("def f: ", ".", "; f", n)),
            format!("kubectl get node -o json | jq '{}'", nest("try ", ".", "", n)),
            format!("kubectl get node -o json | jq '{}'", nest(".a as [", "$x", "] | .", n)),
            format!("kubectl get node -o json | jq '\"{}\"'", nest("\\(\"", "a", "\")", n)),
            "kubectl get node -o json | jq 'def f: [f]; f'".into(),
            format!("kubectl get node -o json | jq '[limit({n}; repeat([.]))] | last'"),
            format!("echo {}", nest("$(echo ", "a", ")", n)),
            format!("echo {}", nest("\"$(echo ", "a", ")\"", n)),
            format!("echo {}", nest("{a,", "b", "}", n)),
            format!("echo {}", nest("{a,b}{1..9}", "", "", n)),
            format!("echo {}", nest("{", "1..4294967297", "}", n)),
            nest("if true; then ", "echo", "; fi", n),
            nest("for i in 1; do ", "echo", "; done", n),
            format!("kubectl patch node node-1 -p '{}'", nest("{\"a\": ", "1", "}", n)),
            format!("kubectl patch node node-1 --type=json -p '{}'", nest("[", "1", "]", n)),
            format!("kubectl get pods -l '{}'", nest("(", "a", ")", n)),
            format!("echo '{}' | kubectl apply -f -", nest("{kind: ", "a", "}", n)),
            format!("echo '{}' | kubectl apply -f -", nest("{\"apiVersion\": [", "1", "]}", n)),
        ];
        for line in lines {
            s.run(&line);
        }
        let cel = [
            nest("(", "true", ")", n),
            nest("[", "1", "]", n) + ".size() > 0",
            nest("!", "true", "", n),
            nest("- ", "1", "", n) + " > 0",
            nest("size([", "1", "]) ", n) + "> 0",
            nest("true ? ", "true", " : false", n),
            nest("cel.bind(x, ", "1", ", x)", n) + " == 1",
            nest("[1].map(x, ", "x", ")", n) + ".size() > 0",
            nest("{1: ", "1", "}", n) + ".size() > 0",
            "object".to_owned() + &".a".repeat(n) + " == 1",
            "1".to_owned() + &" + 1".repeat(n) + " == 1",
            "true".to_owned() + &" && true".repeat(n),
        ];
        for (i, expression) in cel.iter().enumerate() {
            let text = serde_json::json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": format!("p{i}")},
                "spec": {
                    "failurePolicy": "Fail", "validations": [{"expression": expression}],
                    "matchConstraints": {"resourceRules": [{
                        "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]},
                },
            });
            s.files.insert("p.json".into(), text.to_string());
            s.run("kubectl create -f p.json");
            s.run(&format!("kubectl create -f - <<E\n{{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {{name: p{i}}}, spec: {{policyName: p{i}, validationActions: [Deny]}}}}\nE"));
            s.run("kubectl create configmap a");
            s.run(&format!("kubectl delete validatingadmissionpolicy p{i}"));
        }
        let mut schema = serde_json::json!({"type": "string"});
        for _ in 0..n.min(1000) {
            schema = serde_json::json!({"type": "object", "properties": {"a": schema}});
        }
        let block: String = (0..n.min(1000)).map(|i| " ".repeat(i) + "a:\n").collect();
        let files = [
            serde_json::json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "deeps.example.com"},
                "spec": {
                    "group": "example.com", "scope": "Namespaced", "names": {"kind": "Deep", "plural": "deeps"},
                    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
                },
            })
            .to_string(),
            format!("apiVersion: example.com/v1\nkind: Deep\nmetadata: {{name: d}}\n{}", nest("{a: ", "x", "}", n)),
            format!("apiVersion: example.com/v1\nkind: Deep\nmetadata: {{name: d}}\n{block}"),
            format!("{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"data\": {}}}", nest("[", "", "]", n)),
            nest("{apiVersion: v1, kind: List, items: [", "", "]}", n),
            nest("- ", "a", "", n),
            nest("? ", "a", "", n),
            nest("&a [", "*a", "]", n),
        ];
        for text in files {
            s.files.insert("f.yaml".into(), text);
            for line in [
                "apply -f f.yaml",
                "apply -f f.yaml --server-side",
                "diff -f f.yaml",
                "get deeps -o yaml",
                "explain deeps --recursive",
            ] {
                s.run(&format!("kubectl {line}"));
            }
            s.wait(1);
        }
        s.check("kubectl get node -o name", expect!["node/node-1\n"]);
    }
}
