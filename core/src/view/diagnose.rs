//! What is wrong in a manifest by itself: what [`crate::api::diagnostics`] tells, and of documents that can be read
//! what the rules of their kind say of a new object. Knows no cluster: what depends on one (objects that are there
//! already, admission) is [`super::assist::lint`]'s.

use crate::api::diagnostics::{At, Checked, Diagnostic, Lines, Severity, check, join, objects};
use crate::api::error::FieldErrorKind;
use crate::api::kinds::{self, ResourceInfo};
use crate::api::schema;
use crate::apiserver::registry;
use serde_json::Value;

/// What is wrong in a text of one or more documents, document by document.
pub fn diagnose(text: &str) -> Vec<Diagnostic> {
    let (documents, rest) = documents(text);
    documents.into_iter().flat_map(|d| d.found).chain(rest).collect()
}

/// As [`diagnose`], by document; and why reading stopped, if it did.
pub fn documents(text: &str) -> (Vec<Checked>, Option<Diagnostic>) {
    let (mut documents, rest) = check(text);
    let lines = Lines::new(text);
    for checked in documents.iter_mut().filter(|d| !d.is_refused()) {
        for (root, object) in objects(&checked.document.value) {
            validate(checked, &lines, &root, object);
        }
        checked.found.sort_by_key(|d| (d.line, d.column));
    }
    (documents, rest)
}

/// Tells what the rules of its kind say of a new object.
fn validate(checked: &mut Checked, lines: &Lines, root: &str, object: Value) {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let Some(info) = kinds::by_kind(text("apiVersion"), text("kind")) else { return };
    let Some(strategy) = registry::strategy(info.kind) else { return };
    let Ok(mut object) = schema::decode(info, object).map(|d| d.value) else { return };
    prepare(info, &mut object);
    (strategy.default)(&mut object);
    // what admission and the allocation of addresses would set
    if info.kind == "Pod" && object["spec"]["serviceAccountName"].as_str().unwrap_or_default().is_empty() {
        object["spec"]["serviceAccountName"] = "default".into();
    }
    if let Some(ip @ Value::String(_)) = object["spec"].get("clusterIP").cloned()
        && object["spec"].get("clusterIPs").is_none()
    {
        object["spec"]["clusterIPs"] = vec![ip].into();
    }
    (strategy.prepare_for_create)(&mut object);
    for e in (strategy.validate)(&object) {
        let at = match e.kind {
            FieldErrorKind::Required | FieldErrorKind::Forbidden => At::Key,
            _ => At::Value,
        };
        checked.tell(lines, &join(root, &e.field), at, Severity::Error, e.to_string());
    }
    for warning in (strategy.warnings)(&object, None) {
        let path = warning.split([':', ' ']).next().unwrap_or_default().to_owned();
        checked.tell(lines, &join(root, &path), At::Key, Severity::Warning, format!("Warning: {warning}"));
    }
}

/// What the API server sets in a new object before it looks at it: any name and namespace will do here.
fn prepare(info: &ResourceInfo, object: &mut Value) {
    let Value::Object(map) = object else { return };
    let meta = map.entry("metadata").or_insert_with(|| Value::Object(Default::default()));
    let Value::Object(meta) = meta else { return };
    let empty = |v: Option<&Value>| v.and_then(Value::as_str).unwrap_or_default().is_empty();
    if !info.namespaced {
        meta.remove("namespace");
    } else if empty(meta.get("namespace")) {
        meta.insert("namespace".into(), "default".into());
    }
    if empty(meta.get("name")) && !empty(meta.get("generateName")) {
        let prefix = meta["generateName"].as_str().unwrap_or_default();
        let name: String = prefix.chars().take(58).chain("xxxxx".chars()).collect();
        meta.insert("name".into(), name.into());
    }
    // an editor may hold what `kubectl get -o yaml` printed
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"] {
        meta.remove(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn judged(text: &str, wanted: Expect) {
        wanted.assert_eq(&crate::api::diagnostics::shown(&diagnose(text)));
    }

    const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - containerPort: 80
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
";

    #[test]
    fn what_is_right_is_left_alone() {
        judged(WEB, expect![[""]]);
        judged(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: a\n    image: nginx\n",
            expect![[""]],
        );
        judged(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    generateName: a-\n",
            expect![[""]],
        );
    }

    #[test]
    fn what_the_server_fills_in_is_not_missed() {
        let mut text = String::new();
        for spec in [
            "type: NodePort, selector: {a: b}, ports: [{port: 80, targetPort: http}]",
            "clusterIP: None, selector: {a: b}",
            "type: ExternalName, externalName: example.com",
            "type: LoadBalancer, ports: [{port: 80}]",
        ] {
            text.push_str(&format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{{spec}}}\n---\n"));
        }
        for (version, kind, rest) in [
            ("v1", "Secret", "stringData: {a: b}"),
            ("v1", "ConfigMap", "binaryData: {a: aGk=}"),
            ("v1", "Namespace", ""),
            ("v1", "ServiceAccount", ""),
            ("v1", "Endpoints", ""),
            ("v1", "Node", ""),
            ("coordination.k8s.io/v1", "Lease", ""),
            ("discovery.k8s.io/v1", "EndpointSlice", "addressType: IPv4\nendpoints: []"),
            (
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}}",
            ),
            (
                "apps/v1",
                "ReplicaSet",
                "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}",
            ),
        ] {
            text.push_str(&format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n{rest}\n---\n"));
        }
        judged(
            &text,
            expect![[r#"
                41:0-0 Warning Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice
            "#]],
        );
    }

    #[test]
    fn rules_point_at_their_field_or_what_stands_around_it() {
        let wrong = WEB
            .replace("replicas: 3", "replicas: -1")
            .replace("        app: web\n    spec", "        app: wab\n    spec")
            .replace("        image: nginx:1.27\n", "")
            .replace("  - port: 80", "  - port: 800000\n  sessionAffinity: ClientIP");
        judged(
            &wrong,
            expect![[r#"
            6:13-15 Error spec.replicas: Invalid value: -1: must be greater than or equal to 0
            12:7-13 Error spec.template.metadata.labels: Invalid value: {"app":"wab"}: `selector` does not match template `labels`
            16:9-18 Error spec.template.spec.containers[0].image: Required value
            28:5-17 Error spec.ports[0].targetPort: Invalid value: 800000: must be between 1 and 65535, inclusive
            28:11-17 Error spec.ports[0].port: Invalid value: 800000: must be between 1 and 65535, inclusive
        "#]],
        );
        judged(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a_b\n",
            expect![[r#"
                7:11-14 Error metadata.name: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            "#]],
        );
    }
}
