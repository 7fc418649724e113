use super::*;
use crate::api::kinds;
use serde_json::json;

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {
        "replicas": 1, "template": {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.25"}]}}}})
}

fn info() -> &'static ResourceInfo {
    kinds::resolve("deployments").unwrap()
}

fn typed() -> Root {
    root(info(), "")
}

fn status(s: Status) -> String {
    format!("{} {} {}", s.code, s.reason, s.message)
}

#[test]
fn strategic_merge_of_a_kind() {
    let containers = |patch: Value| {
        let d =
            strategic_merge(typed(), &deployment(), &json!({"spec": {"template": {"spec": {"containers": patch}}}}));
        d.unwrap().value["spec"]["template"]["spec"]["containers"].clone()
    };
    assert_eq!(
        containers(json!([{"name": "nginx", "image": "nginx:1.26"}, {"name": "side", "image": "busybox"}])),
        json!([{"name": "nginx", "image": "nginx:1.26"}, {"name": "side", "image": "busybox"}])
    );
    assert_eq!(containers(json!([{"name": "nginx", "$patch": "delete"}, {"name": "b"}])), json!([{"name": "b"}]));
    let e = strategic_merge(typed(), &deployment(), &json!({"spec": {"replicas": "many"}})).unwrap_err();
    assert_eq!(
        status(e),
        r#"422 Invalid  "" is invalid: patch: Invalid value: "map[spec:map[replicas:many]]": unrecognized type: int32"#
    );
    let d = strategic_merge(typed(), &deployment(), &json!({"spec": {"replica": 3}})).unwrap();
    assert_eq!((d.value, d.unknown), (deployment(), vec![r#"unknown field "spec.replica""#.to_owned()]));
    assert_eq!(
        status(strategic_merge(typed(), &deployment(), &json!("x")).unwrap_err()),
        "400 BadRequest json: cannot unmarshal string into Go value of type map[string]interface {}"
    );
}

#[test]
fn json_patch_of_a_kind() {
    let patched = |patch: Value| json_patch(typed(), &deployment(), &patch).map(|d| d.value).map_err(status);
    let new = patched(json!([
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
        {"op": "replace", "path": "/metadata/labels/a~1b", "value": "c"},
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "z"}},
        {"op": "move", "from": "/metadata/labels/app", "path": "/metadata/labels/old"},
    ]))
    .unwrap();
    assert_eq!(new["spec"]["replicas"], 2);
    assert_eq!(new["metadata"]["labels"], json!({"a/b": "c", "old": "web"}));
    assert_eq!(new["spec"]["template"]["spec"]["containers"][1], json!({"name": "z"}));
    let rejected = "422 Invalid the server rejected our request due to an error in our request";
    for operation in [
        json!({"op": "test", "path": "/spec/replicas", "value": 2}),
        json!({"op": "remove", "path": "/metadata/labels/nope"}),
        json!({"op": "add", "path": "/spec/template/spec/containers/5", "value": {}}),
        json!({"op": "fly", "path": "/spec"}),
    ] {
        assert_eq!(patched(json!([operation])).unwrap_err(), rejected);
    }
}

#[test]
fn merge_patch_of_a_kind() {
    let patch =
        json!({"metadata": {"labels": {"app": null, "x": "y"}}, "spec": {"template": {"spec": {"containers": []}}}});
    let new = merge_patch(typed(), &deployment(), &patch).unwrap().value;
    assert_eq!(new["metadata"]["labels"], json!({"x": "y"}));
    assert_eq!(new["spec"]["template"]["spec"]["containers"], json!([]));
}

#[test]
fn apply_of_a_kind() {
    let meta = KindMeta::of(info());
    let original = deployment();
    let mut current = deployment();
    current["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}});
    current["spec"]["replicas"] = 4.into();
    let mut modified = deployment();
    modified["spec"]["strategy"] = json!({"type": "Recreate"});
    modified["metadata"]["labels"] = json!({"tier": "front"});
    let patch = three_way(&original, &modified, &current, &meta, true).unwrap();
    assert_eq!(
        patch,
        json!({"metadata": {"labels": {"app": null, "tier": "front"}}, "spec": {
            "replicas": 1, "strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
    );
    let new = strategic_merge(typed(), &current, &patch).unwrap().value;
    assert_eq!(new["spec"]["strategy"], json!({"type": "Recreate"}));
}
