use super::*;
use crate::api::kinds;
use serde_json::json;

fn read(resource: &str, object: Value) -> Result<Decoded, String> {
    decode(kinds::resolve(resource).unwrap(), object)
}

fn refused(resource: &str, object: Value) -> String {
    read(resource, object).unwrap_err()
}

#[test]
fn unknown_fields_are_dropped_and_told() {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
        "replica": 3, "replicas": 3,
        "template": {"spec": {"containers": [{"name": "c", "image": "x", "port": 80, "command": []}]}}}});
    let decoded = read("deployments", object).unwrap();
    assert_eq!(
        decoded.unknown,
        [r#"unknown field "spec.replica""#, r#"unknown field "spec.template.spec.containers[0].port""#]
    );
    assert_eq!(
        strict_error(kinds::resolve("deploy").unwrap(), &decoded.unknown),
        r#"Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica", unknown field "spec.template.spec.containers[0].port""#
    );
    assert_eq!(
        decoded.value["spec"],
        json!({"replicas": 3, "template": {"spec": {"containers": [{"name": "c", "image": "x"}]}}})
    );
}

#[test]
fn wrong_types_have_go_names() {
    let prefix = |kind: &str| format!(r#"{kind} in version "v1" cannot be handled as a {kind}: "#);
    let pod = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec});
    let container = |c: Value| pod(json!({ "containers": [c] }));
    for (object, message) in [
        (
            container(json!({"ports": [{"containerPort": "80"}]})),
            "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            json!({"kind": "Pod", "metadata": {"labels": {"a": 1}}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            container(json!({"env": [{"name": "A", "value": 1}]})),
            "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            container(json!({"resources": {"limits": {"cpu": "1x"}}})),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            pod(json!({"containers": "x"})),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            pod(json!({"containers": ["x"]})),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container",
        ),
        (pod(json!([])), "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"),
        (
            container(json!({"ports": [{"containerPort": 80, "protocol": 5}]})),
            "json: cannot unmarshal number into Go struct field ContainerPort.spec.containers.ports.protocol of type v1.Protocol",
        ),
        (
            container(json!({"ports": [{"containerPort": 80.5}]})),
            "json: cannot unmarshal number 80.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            container(json!({"livenessProbe": {"httpGet": {"port": true}}})),
            "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.containers.livenessProbe.httpGet.port of type int32",
        ),
        (
            json!({"kind": "Pod", "metadata": {"creationTimestamp": "yesterday"}}),
            r#"parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006""#,
        ),
    ] {
        assert_eq!(refused("pods", object), prefix("Pod") + message);
    }
    assert_eq!(
        refused("configmaps", json!({"data": {"a": true}})),
        prefix("ConfigMap") + "json: cannot unmarshal bool into Go struct field ConfigMap.data of type string"
    );
    assert_eq!(
        refused("secrets", json!({"data": {"a": "abc!"}})),
        prefix("Secret") + "illegal base64 data at input byte 3"
    );
    assert_eq!(
        decode_metadata(&json!({"metadata": {"name": {}}})).unwrap_err(),
        "json: cannot unmarshal object into Go struct field ObjectMeta.metadata.name of type string"
    );
}

#[test]
fn converter_of_patched_objects() {
    let root = schema().kind("apps/v1", "Deployment").unwrap();
    let e = judge_unstructured(root, json!({"spec": {"replicas": "many"}})).unwrap_err();
    assert_eq!((e.message.as_str(), e.path.as_str()), ("unrecognized type: int32", "spec.replicas"));
}

#[test]
fn objects_come_out_as_they_are_encoded() {
    let object = json!({"kind": "Pod", "metadata": {"name": "p", "labels": {}, "annotations": {"a": null}}, "spec": {
        "hostNetwork": false, "automountServiceAccountToken": false, "nodeName": "", "priority": 0, "hostname": null,
        "containers": [{"name": "c", "env": [{"name": "A", "value": ""}], "resources": {"requests": {"cpu": 0.5, "memory": "1024Mi"}}}],
        "volumes": [{"name": "v", "emptyDir": {}}]}});
    assert_eq!(
        read("pods", object).unwrap().value,
        json!({"kind": "Pod", "metadata": {"name": "p", "annotations": {"a": ""}}, "spec": {
            "automountServiceAccountToken": false, "priority": 0,
            "containers": [{"name": "c", "env": [{"name": "A"}], "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
            "volumes": [{"name": "v", "emptyDir": {}}]}})
    );
}

#[test]
fn completed_objects_have_what_go_prints() {
    let mut deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w"}, "spec": {
        "selector": {}, "template": {"spec": {"containers": [{"name": "c"}]}}}});
    complete(kinds::resolve("deployments").unwrap(), &mut deployment);
    assert_eq!(
        deployment,
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w"}, "status": {}, "spec": {
            "selector": {}, "strategy": {},
            "template": {"metadata": {}, "spec": {"containers": [{"name": "c", "resources": {}}]}}}})
    );
    let mut service = json!({"spec": {"ports": [{"port": 80}]}});
    complete(kinds::resolve("services").unwrap(), &mut service);
    assert_eq!(
        service,
        json!({"metadata": {}, "spec": {"ports": [{"port": 80, "targetPort": 0}]}, "status": {"loadBalancer": {}}})
    );
}

#[test]
fn facts_of_fields() {
    let s = schema();
    let pod = s.kind("v1", "Pod").unwrap();
    let ports = s.field_at(pod, &["spec", "containers", "ports"]).unwrap();
    assert_eq!((ports.strategy.as_deref(), ports.merge_key.as_deref()), (Some("merge"), Some("containerPort")));
    assert_eq!(ports.list_type, Some(ListType::Map(vec!["containerPort".into(), "protocol".into()])));
    assert_eq!(s.printed_type(&ports.ty), "[]ContainerPort");
    let protocol = s.field_at(pod, &["spec", "containers", "ports", "protocol"]).unwrap();
    assert_eq!(protocol.values, ["SCTP", "TCP", "UDP"]);
    assert!(s.children(pod, "spec.containers[0]").iter().any(|f| f.name == "image"));
    assert_eq!(explain(s, pod, &["spec", "contianers"]).unwrap_err(), r#"field "contianers" does not exist"#);
    for (version, kind) in
        [("v1", "Node"), ("apps/v1", "StatefulSet"), ("batch/v1", "CronJob"), ("policy/v1", "Eviction")]
    {
        assert!(s.kind(version, kind).is_some(), "{kind}");
    }
}
