//! The API server as a client sees it.

use super::request::{ContentType, Method, Request, User};
use crate::clock::SimTime;
use crate::sim::Config;
use crate::world::World;
use serde_json::{Value, json};
#[cfg(not(target_family = "wasm"))]
use std::collections::BTreeMap;
use std::sync::Arc;

fn world() -> World {
    let mut w = World::new(Config::nodes(1, 7));
    w.advance(SimTime::from_secs(20), u64::MAX);
    w
}

fn call(w: &mut World, r: Request) -> Result<Value, String> {
    w.request(r).ok().map_err(|e| format!("{} {}: {}", e.code, e.reason, e.message))
}

fn config_map(name: &str, labels: Value, data: Value) -> Value {
    let mut v = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    if labels != json!({}) {
        v["metadata"]["labels"] = labels;
    }
    v
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn patch(path: &str, kind: ContentType, body: Value) -> Request {
    let mut r = Request::new(Method::Patch, path).body(body);
    r.content_type = kind;
    r
}

fn apply(w: &mut World, manager: &str, body: Value, force: bool) -> Result<Value, String> {
    let path = format!("{MAPS}/{}", body["metadata"]["name"].as_str().unwrap());
    let r = patch(&path, ContentType::ApplyPatch, body).with("fieldManager", manager).with("force", force.to_string());
    call(w, r)
}

#[test]
fn server_side_apply_creates_shares_and_removes() {
    let mut w = world();
    let made = apply(&mut w, "one", config_map("c", json!({}), json!({"a": "1", "b": "1"})), false).unwrap();
    assert_eq!(made["data"], json!({"a": "1", "b": "1"}));
    let again = apply(&mut w, "one", config_map("c", json!({}), json!({"a": "1", "b": "1"})), false).unwrap();
    assert_eq!(again["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let error = apply(&mut w, "two", config_map("c", json!({}), json!({"b": "2"})), false).unwrap_err();
    assert_eq!(error, "409 Conflict: Apply failed with 1 conflict: conflict with \"one\": .data.b");
    let forced = apply(&mut w, "two", config_map("c", json!({}), json!({"b": "2"})), true).unwrap();
    assert_eq!(forced["data"], json!({"a": "1", "b": "2"}));
    let less = apply(&mut w, "one", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}), false)
        .unwrap();
    assert_eq!(less["data"], json!({"b": "2"}));
    let shown = call(&mut w, Request::get(format!("{MAPS}/c")).with_managed_fields()).unwrap();
    assert_eq!(shown["metadata"]["managedFields"][0]["manager"], "two");
    let hidden = call(&mut w, Request::get(format!("{MAPS}/c"))).unwrap();
    assert_eq!(hidden["metadata"].get("managedFields"), None);
}

#[test]
fn updates_own_what_they_change() {
    let mut w = world();
    let r = Request::new(Method::Post, MAPS).with("fieldManager", "kubectl-create");
    call(&mut w, r.body(config_map("c", json!({}), json!({"a": "1"})))).unwrap();
    let r = patch(&format!("{MAPS}/c"), ContentType::MergePatch, json!({"data": {"a": "2"}}));
    call(&mut w, r.with("fieldManager", "kubectl-patch")).unwrap();
    let error = apply(&mut w, "x", config_map("c", json!({}), json!({"a": "3"})), false).unwrap_err();
    assert_eq!(error, "409 Conflict: Apply failed with 1 conflict: conflict with \"kubectl-patch\" using v1: .data.a");
}

#[test]
fn chunks_show_one_version() {
    let mut w = world();
    for n in 0..5 {
        let r = Request::new(Method::Post, MAPS).body(config_map(&format!("m{n}"), json!({"n": "x"}), json!({})));
        call(&mut w, r).unwrap();
    }
    let all = |l: &Value| -> Vec<String> {
        l["items"].as_array().unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = call(&mut w, Request::get(MAPS).with("limit", "2").with("labelSelector", "n=x")).unwrap();
    assert_eq!(all(&first), ["m0", "m1"]);
    call(&mut w, Request::new(Method::Delete, format!("{MAPS}/m3"))).unwrap();
    call(&mut w, Request::new(Method::Post, MAPS).body(config_map("m2a", json!({"n": "x"}), json!({})))).unwrap();
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    let rest = call(&mut w, Request::get(MAPS).with("labelSelector", "n=x").with("continue", token)).unwrap();
    assert_eq!(all(&rest), ["m2", "m3", "m4"]);
    let counted = call(&mut w, Request::get(MAPS).with("limit", "2")).unwrap();
    assert_eq!(counted["metadata"]["remainingItemCount"], 4);
}

/// Carries out events on what was listed.
#[cfg(not(target_family = "wasm"))]
fn carry_out(state: &mut BTreeMap<String, Value>, events: &[Value]) {
    for e in events {
        let name = e["object"]["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        match e["type"].as_str().unwrap() {
            "ADDED" => assert!(state.insert(name, e["object"].clone()).is_none(), "added twice: {e}"),
            "MODIFIED" => assert!(state.insert(name, e["object"].clone()).is_some(), "never added: {e}"),
            "DELETED" => assert!(state.remove(&name).is_some(), "never added: {e}"),
            _ => {}
        }
    }
}

#[cfg(not(target_family = "wasm"))]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn a_watch_replays_to_the_same_state_as_a_list(
        steps in proptest::collection::vec((0..4u8, 0..5u8, proptest::bool::ANY), 1..60),
        selective in proptest::bool::ANY,
    ) {
        let mut w = world();
        let selector = if selective { "on=yes" } else { "" };
        let list = |w: &mut World| call(w, Request::get(MAPS).with("labelSelector", selector)).unwrap();
        let by_name = |l: &Value| -> BTreeMap<String, Value> {
            l["items"].as_array().unwrap().iter().map(|o| (o["metadata"]["name"].as_str().unwrap().to_owned(), o.clone())).collect()
        };
        let first = list(&mut w);
        let version = first["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let request = || Request::get(MAPS).with("watch", "1").with("labelSelector", selector);
        let mut late = by_name(&first);
        let mut live = BTreeMap::new();
        let mut watch = w.sim.watch(&request()).unwrap();
        for (what, which, on) in steps {
            let (path, labels) = (format!("{MAPS}/m{which}"), json!({"on": if on { "yes" } else { "no" }}));
            let object = config_map(&format!("m{which}"), labels, json!({"what": what.to_string()}));
            let r = match what {
                0 => Request::new(Method::Post, MAPS).body(object),
                1 | 2 => Request::new(Method::Put, path).body(object),
                _ => Request::new(Method::Delete, path),
            };
            w.request(r);
            carry_out(&mut live, &w.sim.watch_events(&mut watch).unwrap());
        }
        let now = by_name(&list(&mut w));
        let events = call(&mut w, request().with("resourceVersion", version)).unwrap();
        carry_out(&mut late, events.as_array().unwrap());
        proptest::prop_assert_eq!(&late, &now);
        proptest::prop_assert_eq!(&live, &now);
    }
}

#[test]
fn a_watch_that_is_too_late_is_told_so() {
    let mut w = world();
    call(&mut w, Request::new(Method::Post, MAPS).body(config_map("c", json!({}), json!({})))).unwrap();
    for n in 0..12_000 {
        let r = patch(&format!("{MAPS}/c"), ContentType::MergePatch, json!({"data": {"n": n.to_string()}}));
        call(&mut w, r).unwrap();
        if n % 100 == 0 {
            let t = SimTime(w.sim.now.0 + 1_000_000);
            w.advance(t, u64::MAX);
        }
    }
    let r = Request::get(MAPS).with("watch", "1").with("resourceVersion", "5");
    let error = call(&mut w, r).unwrap_err();
    let oldest = w.sim.store.log.forgotten();
    assert_eq!(error, format!("410 Expired: too old resource version: 5 ({oldest})"));
}

#[test]
fn bookmarks_and_initial_events() {
    let mut w = world();
    let begin = Request::get(MAPS)
        .with("watch", "true")
        .with("allowWatchBookmarks", "true")
        .with("sendInitialEvents", "true")
        .with("resourceVersionMatch", "NotOlderThan");
    let mut watch = w.sim.watch(&begin).unwrap();
    let events = w.sim.watch_events(&mut watch).unwrap();
    let last = events.last().unwrap();
    assert_eq!(last["type"], "BOOKMARK");
    assert_eq!(last["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let r = Request::new(Method::Post, "/api/v1/namespaces")
        .body(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
    call(&mut w, r).unwrap();
    w.advance(SimTime::from_secs(200), u64::MAX);
    let quiet = w.sim.watch_events(&mut watch).unwrap();
    assert_eq!(quiet.last().unwrap()["type"], "BOOKMARK");
    let wrong = Request::get(MAPS).with("watch", "true").with("sendInitialEvents", "true");
    let error = w.sim.watch(&wrong).unwrap_err();
    assert_eq!(
        error.message,
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    );
}

#[test]
fn autoscalers_are_served_in_both_versions() {
    let mut w = world();
    let object = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "targetCPUUtilizationPercentage": 50},
    });
    let path = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let made = call(&mut w, Request::new(Method::Post, path).body(object)).unwrap();
    assert_eq!(made["spec"]["targetCPUUtilizationPercentage"], 50);
    let other =
        call(&mut w, Request::get("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/x")).unwrap();
    assert_eq!(other["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 50);
    let events = call(&mut w, Request::get("/apis/events.k8s.io/v1/events")).unwrap();
    assert!(events["items"].as_array().unwrap().iter().all(|e| e.get("regarding").is_some()));
}

#[test]
fn dry_runs_change_nothing_and_know_one_value() {
    let mut w = world();
    let before = w.sim.store.resource_version();
    let r = Request::new(Method::Post, MAPS).body(config_map("c", json!({}), json!({}))).with("dryRun", "All");
    call(&mut w, r).unwrap();
    assert_eq!(w.sim.store.resource_version(), before);
    let r = Request::new(Method::Post, MAPS).body(config_map("c", json!({}), json!({}))).with("dryRun", "Some");
    assert_eq!(
        call(&mut w, r).unwrap_err(),
        "422 Invalid: CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: supported values: \"All\""
    );
}

fn jane() -> Option<Arc<User>> {
    Some(Arc::new(User::impersonated("jane", &[])))
}

const RBAC: &str = "rbac.authorization.k8s.io";

fn bind(w: &mut World, role: &str) {
    let object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "jane"}],
    });
    let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    call(w, Request::new(Method::Post, path).body(object)).unwrap();
}

#[test]
fn roles_decide_what_somebody_may_do() {
    let mut w = world();
    let pods = || Request::get("/api/v1/namespaces/default/pods").by(jane());
    let error = call(&mut w, pods()).unwrap_err();
    assert_eq!(
        error,
        "403 Forbidden: pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
    );
    bind(&mut w, "view");
    call(&mut w, pods()).unwrap();
    let deployments = Request::get("/apis/apps/v1/namespaces/default/deployments/x").by(jane());
    assert!(call(&mut w, deployments).unwrap_err().starts_with("404"));
    let error = call(&mut w, Request::get("/api/v1/namespaces/default/secrets/x").by(jane())).unwrap_err();
    assert_eq!(
        error,
        "403 Forbidden: secrets \"x\" is forbidden: User \"jane\" cannot get resource \"secrets\" in API group \"\" in the namespace \"default\""
    );
    let error = call(&mut w, Request::get("/api/v1/nodes").by(jane())).unwrap_err();
    assert!(error.ends_with("at the cluster scope"), "{error}");
}

#[test]
fn cluster_roles_are_put_together() {
    let mut w = world();
    let role =
        |w: &mut World, name: &str| call(w, Request::get(format!("/apis/{RBAC}/v1/clusterroles/{name}"))).unwrap();
    let rules = |v: Value| v["rules"].as_array().unwrap().len();
    let before = rules(role(&mut w, "admin"));
    assert!(before > rules(role(&mut w, "view")));
    let more = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "widgets", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["widgets"]}],
    });
    call(&mut w, Request::new(Method::Post, format!("/apis/{RBAC}/v1/clusterroles")).body(more)).unwrap();
    assert_eq!(rules(role(&mut w, "admin")), before + 1);
}

#[test]
fn nobody_gives_more_than_they_have() {
    let mut w = world();
    bind(&mut w, "admin");
    let role = |resource: &str| {
        let rules = json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": [resource]}]);
        let object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": resource}, "rules": rules});
        Request::new(Method::Post, "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles")
            .body(object)
            .by(jane())
    };
    call(&mut w, role("pods")).unwrap();
    let error = call(&mut w, role("nodes")).unwrap_err();
    assert_eq!(
        error,
        "403 Forbidden: roles.rbac.authorization.k8s.io \"nodes\" is forbidden: user \"jane\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"list\"]}"
    );
}

#[test]
fn reviews_answer_and_are_not_stored() {
    let mut w = world();
    bind(&mut w, "view");
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let ask = |verb: &str| {
        let spec = json!({"resourceAttributes": {"namespace": "default", "verb": verb, "resource": "pods"}});
        Request::new(Method::Post, path).body(json!({"spec": spec})).by(jane())
    };
    let yes = call(&mut w, ask("list")).unwrap();
    assert_eq!(
        yes["status"],
        json!({"allowed": true, "reason": "RBAC: allowed by RoleBinding \"b/default\" of ClusterRole \"view\" to User \"jane\""})
    );
    let no = call(&mut w, ask("delete")).unwrap();
    assert_eq!(no["status"], json!({"allowed": false}));
}

#[test]
fn discovery_lists_what_is_served() {
    let mut w = world();
    let apps = call(&mut w, Request::get("/apis/apps/v1")).unwrap();
    let names: Vec<&str> = apps["resources"].as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
    assert!(names.contains(&"deployments") && names.contains(&"deployments/scale"), "{names:?}");
    let document = call(&mut w, Request::get("/openapi/v3/apis/apps/v1")).unwrap();
    let spec = &document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
    assert_eq!(spec["x-kubernetes-patch-merge-key"], "name");
    assert_eq!(w.sim.aggregated_discovery(true)["items"][0]["versions"][0]["version"], "v1");
    assert_eq!(call(&mut w, Request::get("/version")).unwrap()["gitVersion"], "v1.36.2");
}

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn widgets(w: &mut World) {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 10},
            "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            "code": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
            "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}},
        }},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    }});
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]},
            "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"}},
                    "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]},
                {"name": "v1beta1", "served": true, "storage": false, "schema": {"openAPIV3Schema": schema}},
            ]},
    });
    call(w, Request::new(Method::Post, CRDS).body(crd)).unwrap();
}

fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

#[test]
fn definitions_make_resources() {
    let mut w = world();
    widgets(&mut w);
    let crd = call(&mut w, Request::get(format!("{CRDS}/widgets.example.com"))).unwrap();
    assert_eq!(crd["status"]["conditions"][1]["type"], "Established");
    let body = widget("a", json!({"size": 2, "extra": 1}));
    let r = Request::new(Method::Post, WIDGETS).body(body);
    let error = call(&mut w, r.clone().with("fieldValidation", "Strict")).unwrap_err();
    assert_eq!(
        error,
        "400 BadRequest: Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.extra\""
    );
    let made = call(&mut w, r).unwrap();
    assert_eq!(made["spec"], json!({"size": 2, "color": "red"}));
    let other = call(&mut w, Request::get("/apis/example.com/v1beta1/namespaces/default/widgets/a")).unwrap();
    assert_eq!(other["apiVersion"], "example.com/v1beta1");
    let wrong = widget("b", json!({"size": 11, "color": "green", "code": "A1"}));
    let error = call(&mut w, Request::new(Method::Post, WIDGETS).body(wrong)).unwrap_err();
    expect_test::expect![[r#"422 Invalid: Widget.example.com "b" is invalid: [spec.code: Invalid value: "A1": spec.code in body should match '^[a-z]+$', spec.color: Unsupported value: "green": supported values: "red", "blue", spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10]"#]].assert_eq(&error);
    let typed = widget("b", json!({"size": "two"}));
    let error = call(&mut w, Request::new(Method::Post, WIDGETS).body(typed)).unwrap_err();
    expect_test::expect![[r#"422 Invalid: Widget.example.com "b" is invalid: spec.size: Invalid value: "string": spec.size in body must be of type integer: "string""#]].assert_eq(&error);
    let scale = patch(&format!("{WIDGETS}/a/scale"), ContentType::MergePatch, json!({"spec": {"replicas": 5}}));
    call(&mut w, scale).unwrap();
    let now = call(&mut w, Request::get(format!("{WIDGETS}/a"))).unwrap();
    assert_eq!((&now["spec"]["size"], &now["metadata"]["generation"]), (&json!(5), &json!(2)));
    let status = patch(&format!("{WIDGETS}/a/status"), ContentType::MergePatch, json!({"status": {"replicas": 4}}));
    assert_eq!(call(&mut w, status).unwrap()["metadata"]["generation"], 2);
    let groups = call(&mut w, Request::get("/apis/example.com")).unwrap();
    assert_eq!(groups["versions"].as_array().unwrap().len(), 2);
}

#[test]
fn custom_resources_are_applied_and_watched() {
    let mut w = world();
    widgets(&mut w);
    let mut watch = w.sim.watch(&Request::get(WIDGETS).with("watch", "1")).unwrap();
    assert_eq!(w.sim.watch_events(&mut watch).unwrap(), Vec::<Value>::new());
    let apply = |w: &mut World, manager: &str, spec: Value| {
        let r = patch(&format!("{WIDGETS}/a"), ContentType::ApplyPatch, widget("a", spec));
        call(w, r.with("fieldManager", manager))
    };
    apply(&mut w, "one", json!({"size": 1, "parts": [{"name": "x", "n": 1}]})).unwrap();
    let both = apply(&mut w, "two", json!({"parts": [{"name": "y", "n": 2}]})).unwrap();
    assert_eq!(both["spec"]["parts"].as_array().unwrap().len(), 2);
    let error = apply(&mut w, "two", json!({"size": 3})).unwrap_err();
    assert_eq!(error, "409 Conflict: Apply failed with 1 conflict: conflict with \"one\": .spec.size");
    let events: Vec<Value> = w.sim.watch_events(&mut watch).unwrap();
    let kinds: Vec<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(kinds, ["ADDED", "MODIFIED"]);
}

#[test]
fn a_definition_goes_with_its_objects() {
    let mut w = world();
    widgets(&mut w);
    let mut held = widget("a", json!({"size": 1}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    call(&mut w, Request::new(Method::Post, WIDGETS).body(held)).unwrap();
    call(&mut w, Request::new(Method::Delete, format!("{CRDS}/widgets.example.com"))).unwrap();
    let crd = call(&mut w, Request::get(format!("{CRDS}/widgets.example.com"))).unwrap();
    assert_eq!(crd["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    let free = patch(&format!("{WIDGETS}/a"), ContentType::MergePatch, json!({"metadata": {"finalizers": null}}));
    call(&mut w, free).unwrap();
    assert!(call(&mut w, Request::get(format!("{CRDS}/widgets.example.com"))).unwrap_err().starts_with("404"));
    assert!(call(&mut w, Request::get(WIDGETS)).unwrap_err().starts_with("404"));
}

#[test]
fn kubectl_knows_custom_resources() {
    let mut w = world();
    widgets(&mut w);
    call(&mut w, Request::new(Method::Post, WIDGETS).body(widget("a", json!({"size": 2})))).unwrap();
    let mut say = |line: &str| {
        let before = w.terminals.since(0).last().map_or(0, |c| c.number);
        w.submit(&crate::world::Input::Line { terminal: 0, line: line.into(), stdin: None });
        let mut out = String::new();
        for c in w.terminals.since(before) {
            if let crate::terminal::Piece::Out(t) | crate::terminal::Piece::Err(t) = &c.piece {
                out.push_str(t);
            }
        }
        out
    };
    assert_eq!(say("kubectl get wd"), "NAME   SIZE\na      2\n");
    assert_eq!(say("kubectl get all -o name").lines().last(), Some("widget.example.com/a"));
    assert_eq!(say("kubectl scale wd/a --replicas=4"), "widget.example.com/a scaled\n");
    assert!(say("kubectl api-resources --api-group=example.com").contains("widgets   wd           example.com/v1"));
}

#[test]
fn kubectl_goes_over_to_server_side_apply() {
    let mut w = world();
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: nginx}]}\n";
    w.submit(&crate::world::Input::File { name: "web.yaml".into(), text: Some(text.into()) });
    let mut say = |line: &str| {
        let before = w.terminals.since(0).last().map_or(0, |c| c.number);
        w.submit(&crate::world::Input::Line { terminal: 0, line: line.into(), stdin: None });
        let mut out = String::new();
        for c in w.terminals.since(before) {
            if let crate::terminal::Piece::Out(t) | crate::terminal::Piece::Err(t) = &c.piece {
                out.push_str(t);
            }
        }
        out
    };
    assert_eq!(say("kubectl apply -f web.yaml"), "deployment.apps/web created\n");
    assert_eq!(say("kubectl apply --server-side -f web.yaml"), "deployment.apps/web serverside-applied\n");
    say("kubectl scale deployment web --replicas=5");
    let conflict = say("kubectl apply --server-side -f web.yaml");
    assert!(
        conflict.contains(
            "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas"
        ),
        "{conflict}"
    );
    assert!(say("kubectl apply --server-side --force-conflicts -f web.yaml").contains("serverside-applied"));
    let shown = say("kubectl get deployment web -o yaml --show-managed-fields");
    assert!(shown.contains("operation: Apply") && shown.contains("k:{\"name\":\"c\"}"), "{shown}");
}
