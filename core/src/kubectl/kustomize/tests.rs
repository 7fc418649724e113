//! Kustomizations as people write them.

use super::{Files, build};
use serde_json::Value;

fn files(all: &[(&str, &str)]) -> Files {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        image: nginx:1.25
        envFrom: [{configMapRef: {name: settings}}]
      volumes: [{name: v, secret: {secretName: keys}}]
";
const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";

fn find<'a>(all: &'a [Value], kind: &str) -> &'a Value {
    all.iter().find(|o| o["kind"] == kind).expect("an object of this kind")
}

#[test]
fn a_base_and_an_overlay() {
    let files = files(&[
        ("base/d.yaml", DEPLOYMENT),
        ("base/s.yaml", SERVICE),
        (
            "base/kustomization.yaml",
            "resources: [d.yaml, s.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [A=b]\nsecretGenerator:\n- {name: keys, files: [k.txt]}\n",
        ),
        ("base/k.txt", "secret"),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\nnamespace: prod\nnamePrefix: prod-\nlabels:\n- pairs: {env: prod}\n  includeSelectors: true\nimages:\n- {name: nginx, newTag: '1.27'}\nreplicas:\n- {name: web, count: 3}\npatches:\n- path: p.yaml\n- target: {kind: Service, name: web}\n  patch: |-\n    - {op: replace, path: /spec/ports/0/port, value: 8080}\n",
        ),
        (
            "prod/p.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: c, resources: {limits: {cpu: 1}}}]}}}\n",
        ),
    ]);
    let all = build("prod/", &files).unwrap();
    let kinds: Vec<&Value> = all.iter().map(|o| &o["kind"]).collect();
    assert_eq!(kinds, ["ConfigMap", "Secret", "Service", "Deployment"]);
    let (config, secret, service, web) =
        (find(&all, "ConfigMap"), find(&all, "Secret"), find(&all, "Service"), find(&all, "Deployment"));
    assert!(all.iter().all(|o| o["metadata"]["namespace"] == "prod" && o["metadata"]["labels"]["env"] == "prod"));
    let pod = &web["spec"]["template"]["spec"];
    assert_eq!(web["metadata"]["name"], "prod-web");
    assert_eq!((&web["spec"]["replicas"], &pod["containers"][0]["image"]), (&3.into(), &"nginx:1.27".into()));
    assert_eq!(pod["containers"][0]["resources"]["limits"]["cpu"], 1);
    assert_eq!(web["spec"]["selector"]["matchLabels"]["env"], "prod");
    assert_eq!(service["spec"]["ports"][0]["port"], 8080);
    // generated names carry a hash, and what mentions them follows
    assert!(config["metadata"]["name"].as_str().unwrap().starts_with("prod-settings-"));
    assert_eq!(pod["containers"][0]["envFrom"][0]["configMapRef"]["name"], config["metadata"]["name"]);
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], secret["metadata"]["name"]);
    assert_eq!(secret["data"]["k.txt"], "c2VjcmV0");
}

#[test]
fn names_of_generated_objects_say_what_they_hold() {
    let k = "configMapGenerator:\n- name: example-configmap-2\n  literals:\n  - FOO=Bar\n";
    let all = build(".", &files(&[("kustomization.yaml", k)])).unwrap();
    assert_eq!(all[0]["metadata"]["name"], "example-configmap-2-g2hdhfc6tk");
    let k = format!("{k}generatorOptions:\n  disableNameSuffixHash: true\n  labels: {{type: generated}}\n");
    let all = build(".", &files(&[("kustomization.yaml", &k)])).unwrap();
    assert_eq!(all[0]["metadata"]["name"], "example-configmap-2");
    assert_eq!(all[0]["metadata"]["labels"]["type"], "generated");
}

#[test]
fn what_is_wrong_is_said() {
    let error = |k: &str| build(".", &files(&[("kustomization.yaml", k), ("d.yaml", DEPLOYMENT)])).unwrap_err();
    assert!(error("resource: [d.yaml]").contains("unknown field \"resource\""));
    assert!(error("resources: [x.yaml]").contains("no such file or directory"));
    assert!(error("vars: []").contains("not simulated"));
    assert!(error("resources: [.]\n").contains("cycle"));
    let absent =
        "resources: [d.yaml]\npatches:\n- patch: '{kind: Deployment, apiVersion: apps/v1, metadata: {name: x}}'\n";
    assert!(error(absent).contains("failed to find unique target"));
    assert!(build("nowhere", &Files::new()).unwrap_err().starts_with("unable to find one of 'kustomization.yaml'"));
}

/// Parts that are not what they should be: an answer, never a panic.
#[test]
fn what_is_misshapen_is_no_end() {
    let odd = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: all\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {imagePullSecrets: [keys], containers: [one]}\n---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: none, selector: no}\n";
    let target = "target: {name: web}";
    for rest in [
        "replicas: [{name: web, count: 3}]".to_owned(),
        "secretGenerator: [{name: keys, literals: [a=b]}]".to_owned(),
        "namePrefix: x-\nimages: [{name: nginx, newTag: a}]\ncommonLabels: {a: b}\ncommonAnnotations: {c: d}\nnamespace: n".to_owned(),
        format!("patches: [{{{target}, patch: 'metadata: x'}}]"),
        format!("patches: [{{{target}, patch: 'x'}}]"),
        format!("patches: [{{{target}, patch: '[{{\"op\":\"replace\",\"path\":\"/metadata\",\"value\":1}}]'}}]\nnameSuffix: -y"),
        format!("patches: [{{{target}, patch: '[{{\"op\":\"replace\",\"path\":\"\",\"value\":1}}]'}}]\nnameSuffix: -y"),
    ] {
        let k = format!("resources: [odd.yaml]\n{rest}\n");
        let _ = build(".", &files(&[("kustomization.yaml", &k), ("odd.yaml", odd)]));
    }
}
