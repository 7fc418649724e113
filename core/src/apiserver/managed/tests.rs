use super::*;
use crate::api::schema::schema;

fn shape() -> Shape<'static> {
    Shape::Struct(schema().kind("apps/v1", "Deployment").unwrap())
}

fn deployment(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
                {"name": "c", "image": image, "ports": [{"containerPort": 80}]}]}}},
    })
}

fn applier(name: &str) -> Manager {
    Manager { name: name.into(), apply: true, api_version: "apps/v1".into(), subresource: String::new() }
}

const NOW: &str = "2026-01-01T00:00:00Z";

#[test]
fn an_applied_object_is_owned_field_by_field() {
    let done = apply(shape(), None, &deployment(2, "a"), vec![], &applier("kubectl"), false, NOW).unwrap();
    expect_test::expect![[r#"{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}"#]]
    .assert_eq(&encode(&done.managers)[0]["fieldsV1"].to_string());
    let set = FieldSet::from_fields(&encode(&done.managers)[0]["fieldsV1"]);
    assert_eq!(set, done.managers[0].fields);
}

#[test]
fn conflicts_name_their_managers() {
    let first = apply(shape(), None, &deployment(2, "a"), vec![], &applier("one"), false, NOW).unwrap();
    let update = Manager::update("kubectl-client-side-apply", "apps/v1", "");
    let live = deployment(3, "a");
    let managers = updated(shape(), first.managers, &update, Some(&first.object), &live, NOW);
    let error =
        apply(shape(), Some(&live), &deployment(2, "a"), managers.clone(), &applier("one"), false, NOW).unwrap_err();
    assert_eq!(
        error.message,
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1: .spec.replicas"
    );
    let error =
        apply(shape(), Some(&live), &deployment(2, "b"), managers.clone(), &applier("two"), false, NOW).unwrap_err();
    assert_eq!(
        error.message,
        "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using apps/v1:\n- .spec.replicas\nconflicts with \"one\":\n- .spec.template.spec.containers[name=\"c\"].image"
    );
    let forced = apply(shape(), Some(&live), &deployment(2, "a"), managers, &applier("one"), true, NOW).unwrap();
    assert_eq!(forced.object["spec"]["replicas"], 2);
    assert_eq!(forced.managers.len(), 1, "{:?}", forced.managers);
}

#[test]
fn what_is_no_longer_applied_goes() {
    let first = apply(shape(), None, &deployment(2, "a"), vec![], &applier("one"), false, NOW).unwrap();
    let mut config = deployment(2, "a");
    config["spec"].as_object_mut().unwrap().remove("replicas");
    config["spec"]["template"]["spec"]["containers"][0].as_object_mut().unwrap().remove("ports");
    config["metadata"]["labels"] = json!({"tier": "x"});
    let live = first.object.clone();
    let second = apply(shape(), Some(&live), &config, first.managers, &applier("one"), false, NOW).unwrap();
    assert_eq!(second.object["spec"].get("replicas"), None);
    assert_eq!(second.object["spec"]["template"]["spec"]["containers"][0].get("ports"), None);
    assert_eq!(second.object["metadata"]["labels"], json!({"tier": "x"}));
}

#[test]
fn a_shared_field_stays_until_nobody_applies_it() {
    let first = apply(shape(), None, &deployment(2, "a"), vec![], &applier("one"), false, NOW).unwrap();
    let scale =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2}});
    let both = apply(shape(), Some(&first.object), &scale, first.managers, &applier("two"), false, NOW).unwrap();
    let mut config = deployment(2, "a");
    config["spec"].as_object_mut().unwrap().remove("replicas");
    let left = apply(shape(), Some(&both.object), &config, both.managers, &applier("one"), false, NOW).unwrap();
    assert_eq!(left.object["spec"]["replicas"], 2);
    let gone = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
    let end = apply(shape(), Some(&left.object), &gone, left.managers, &applier("two"), false, NOW).unwrap();
    assert_eq!(end.object["spec"].get("replicas"), None);
}

#[test]
fn items_keep_their_order() {
    let env = |names: &[&str]| {
        let list: Vec<Value> = names.iter().map(|n| json!({"name": n, "value": "x"})).collect();
        let mut d = deployment(1, "a");
        d["spec"]["template"]["spec"]["containers"][0]["env"] = list.into();
        d
    };
    let merged = super::shape::merge(shape(), Some(&env(&["a", "b", "c"])), &env(&["c", "x", "a"]));
    let list = merged["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    let names: Vec<&str> = list.iter().filter_map(|e| e["name"].as_str()).collect();
    assert_eq!(names, ["c", "x", "a", "b"]);
}

#[test]
fn the_oldest_of_many_updates_are_put_together() {
    let mut managers = vec![];
    let mut object = deployment(1, "a");
    for n in 0..14 {
        let before = (n > 0).then(|| object.clone());
        object["metadata"]["labels"][format!("l{n}")] = "x".into();
        let manager = Manager::update(&format!("m{n:02}"), "apps/v1", "");
        managers = updated(shape(), managers, &manager, before.as_ref(), &object, &format!("2026-01-01T00:00:{n:02}Z"));
    }
    let list = encode(&managers);
    let names: Vec<&str> = list.as_array().unwrap().iter().filter_map(|m| m["manager"].as_str()).collect();
    assert_eq!(names, ["ancient-changes", "m05", "m06", "m07", "m08", "m09", "m10", "m11", "m12", "m13"]);
    let labels = &list[0]["fieldsV1"]["f:metadata"]["f:labels"];
    assert!(labels.get("f:l0").is_some() && labels.get("f:l4").is_some());
    assert_eq!(list[0]["time"], "2026-01-01T00:00:04Z");
}
