//! What kubectl's typed clients send: objects in protobuf, of the kinds that `kubectl create` and `kubectl autoscale` make.
//! Only what these set is read; a field that is not in the tables below is an error, not a silent loss.
//! (Facts of the `generated.proto` files of k8s.io/api and k8s.io/apimachinery.)

use base64::Engine;
use serde_json::{Map, Value, json};

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bool,
    Int,
    /// A message by its name in [`MESSAGES`].
    Message(&'static str),
    Texts,
    Messages(&'static str),
    /// `map<string, string>`
    Map,
    /// `map<string, bytes>`
    BytesMap,
    /// `map<string, Quantity>`
    Quantities,
    IntOrString,
    /// Left out.
    Skip,
}

use Kind::*;

type Fields = &'static [(u64, &'static str, Kind)];

const MESSAGES: &[(&str, Fields)] = &[
    (
        "ObjectMeta",
        &[
            (1, "name", Text),
            (2, "generateName", Text),
            (3, "namespace", Text),
            (4, "selfLink", Text),
            (5, "uid", Text),
            (6, "resourceVersion", Text),
            (7, "generation", Int),
            (8, "", Skip),
            (11, "labels", Map),
            (12, "annotations", Map),
            (14, "finalizers", Texts),
        ],
    ),
    ("v1/Namespace", &[(1, "metadata", Message("ObjectMeta")), (2, "", Skip), (3, "", Skip)]),
    (
        "v1/ConfigMap",
        &[
            (1, "metadata", Message("ObjectMeta")),
            (2, "data", Map),
            (3, "binaryData", BytesMap),
            (4, "immutable", Bool),
        ],
    ),
    (
        "v1/Secret",
        &[
            (1, "metadata", Message("ObjectMeta")),
            (2, "data", BytesMap),
            (3, "type", Text),
            (4, "stringData", Map),
            (5, "immutable", Bool),
        ],
    ),
    ("v1/ServiceAccount", &[(1, "metadata", Message("ObjectMeta"))]),
    (
        "v1/ResourceQuota",
        &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("ResourceQuotaSpec")), (3, "", Skip)],
    ),
    ("ResourceQuotaSpec", &[(1, "hard", Quantities), (2, "scopes", Texts)]),
    ("v1/Service", &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("ServiceSpec")), (3, "", Skip)]),
    (
        "ServiceSpec",
        &[
            (1, "ports", Messages("ServicePort")),
            (2, "selector", Map),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (5, "externalIPs", Texts),
            (7, "sessionAffinity", Text),
            (8, "loadBalancerIP", Text),
            (10, "externalName", Text),
            (11, "externalTrafficPolicy", Text),
            (12, "healthCheckNodePort", Int),
            (13, "publishNotReadyAddresses", Bool),
        ],
    ),
    (
        "ServicePort",
        &[
            (1, "name", Text),
            (2, "protocol", Text),
            (3, "port", Int),
            (4, "targetPort", IntOrString),
            (5, "nodePort", Int),
        ],
    ),
    (
        "apps/v1/Deployment",
        &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("DeploymentSpec")), (3, "", Skip)],
    ),
    (
        "DeploymentSpec",
        &[
            (1, "replicas", Int),
            (2, "selector", Message("LabelSelector")),
            (3, "template", Message("PodTemplateSpec")),
            (4, "", Skip),
            (5, "minReadySeconds", Int),
            (7, "paused", Bool),
        ],
    ),
    ("LabelSelector", &[(1, "matchLabels", Map)]),
    ("PodTemplateSpec", &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("PodSpec"))]),
    (
        "PodSpec",
        &[
            (2, "containers", Messages("Container")),
            (3, "restartPolicy", Text),
            (4, "terminationGracePeriodSeconds", Int),
            (6, "dnsPolicy", Text),
            (7, "nodeSelector", Map),
            (8, "serviceAccountName", Text),
            (9, "serviceAccount", Text),
            (10, "nodeName", Text),
            (11, "hostNetwork", Bool),
            (12, "hostPID", Bool),
            (13, "hostIPC", Bool),
            (16, "hostname", Text),
            (17, "subdomain", Text),
            (19, "schedulerName", Text),
            (24, "priorityClassName", Text),
        ],
    ),
    (
        "Container",
        &[
            (1, "name", Text),
            (2, "image", Text),
            (3, "command", Texts),
            (4, "args", Texts),
            (5, "workingDir", Text),
            (6, "ports", Messages("ContainerPort")),
            (8, "resources", Message("ResourceRequirements")),
            (13, "terminationMessagePath", Text),
            (14, "imagePullPolicy", Text),
            (16, "stdin", Bool),
            (17, "stdinOnce", Bool),
            (18, "tty", Bool),
            (20, "terminationMessagePolicy", Text),
        ],
    ),
    (
        "ContainerPort",
        &[
            (1, "name", Text),
            (2, "hostPort", Int),
            (3, "containerPort", Int),
            (4, "protocol", Text),
            (5, "hostIP", Text),
        ],
    ),
    ("ResourceRequirements", &[(1, "limits", Quantities), (2, "requests", Quantities)]),
    ("batch/v1/Job", &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("JobSpec")), (3, "", Skip)]),
    ("JobSpec", &[(6, "template", Message("PodTemplateSpec"))]),
    ("batch/v1/CronJob", &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("CronJobSpec")), (3, "", Skip)]),
    (
        "CronJobSpec",
        &[(1, "schedule", Text), (3, "concurrencyPolicy", Text), (5, "jobTemplate", Message("JobTemplateSpec"))],
    ),
    ("JobTemplateSpec", &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("JobSpec"))]),
    (
        "autoscaling/v1/HorizontalPodAutoscaler",
        &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("AutoscalerSpec")), (3, "", Skip)],
    ),
    (
        "AutoscalerSpec",
        &[
            (1, "scaleTargetRef", Message("Reference")),
            (2, "minReplicas", Int),
            (3, "maxReplicas", Int),
            (4, "targetCPUUtilizationPercentage", Int),
        ],
    ),
    (
        "autoscaling/v2/HorizontalPodAutoscaler",
        &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("AutoscalerSpecV2")), (3, "", Skip)],
    ),
    (
        "AutoscalerSpecV2",
        &[
            (1, "scaleTargetRef", Message("Reference")),
            (2, "minReplicas", Int),
            (3, "maxReplicas", Int),
            (4, "metrics", Messages("MetricSpec")),
        ],
    ),
    ("MetricSpec", &[(1, "type", Text), (4, "resource", Message("ResourceMetric"))]),
    ("ResourceMetric", &[(1, "name", Text), (2, "target", Message("MetricTarget"))]),
    ("MetricTarget", &[(1, "type", Text), (4, "averageUtilization", Int)]),
    ("Reference", &[(1, "kind", Text), (2, "name", Text), (3, "apiVersion", Text)]),
    (
        "rbac.authorization.k8s.io/v1/Role",
        &[(1, "metadata", Message("ObjectMeta")), (2, "rules", Messages("PolicyRule"))],
    ),
    (
        "rbac.authorization.k8s.io/v1/ClusterRole",
        &[(1, "metadata", Message("ObjectMeta")), (2, "rules", Messages("PolicyRule"))],
    ),
    (
        "PolicyRule",
        &[
            (1, "verbs", Texts),
            (2, "apiGroups", Texts),
            (3, "resources", Texts),
            (4, "resourceNames", Texts),
            (5, "nonResourceURLs", Texts),
        ],
    ),
    (
        "rbac.authorization.k8s.io/v1/RoleBinding",
        &[
            (1, "metadata", Message("ObjectMeta")),
            (2, "subjects", Messages("Subject")),
            (3, "roleRef", Message("RoleRef")),
        ],
    ),
    (
        "rbac.authorization.k8s.io/v1/ClusterRoleBinding",
        &[
            (1, "metadata", Message("ObjectMeta")),
            (2, "subjects", Messages("Subject")),
            (3, "roleRef", Message("RoleRef")),
        ],
    ),
    ("Subject", &[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)]),
    ("RoleRef", &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)]),
    (
        "authorization.k8s.io/v1/SelfSubjectAccessReview",
        &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("AccessSpec")), (3, "", Skip)],
    ),
    (
        "AccessSpec",
        &[
            (1, "resourceAttributes", Message("ResourceAttributes")),
            (2, "nonResourceAttributes", Message("PathAttributes")),
        ],
    ),
    (
        "ResourceAttributes",
        &[
            (1, "namespace", Text),
            (2, "verb", Text),
            (3, "group", Text),
            (4, "version", Text),
            (5, "resource", Text),
            (6, "subresource", Text),
            (7, "name", Text),
        ],
    ),
    ("PathAttributes", &[(1, "path", Text), (2, "verb", Text)]),
    (
        "authorization.k8s.io/v1/SelfSubjectRulesReview",
        &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("RulesSpec")), (3, "", Skip)],
    ),
    ("RulesSpec", &[(1, "namespace", Text)]),
    ("authentication.k8s.io/v1/SelfSubjectReview", &[(1, "metadata", Message("ObjectMeta")), (2, "", Skip)]),
    (
        "policy/v1/PodDisruptionBudget",
        &[(1, "metadata", Message("ObjectMeta")), (2, "spec", Message("BudgetSpec")), (3, "", Skip)],
    ),
    (
        "BudgetSpec",
        &[
            (1, "minAvailable", IntOrString),
            (2, "selector", Message("LabelSelector")),
            (3, "maxUnavailable", IntOrString),
        ],
    ),
    (
        "scheduling.k8s.io/v1/PriorityClass",
        &[
            (1, "metadata", Message("ObjectMeta")),
            (2, "value", Int),
            (3, "globalDefault", Bool),
            (4, "description", Text),
            (5, "preemptionPolicy", Text),
        ],
    ),
];

/// One field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut out = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("the message ends within a number")?;
        *bytes = rest;
        out |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(out);
        }
    }
    Err("a number is too long".into())
}

fn next<'a>(bytes: &mut &'a [u8]) -> Result<(u64, Wire<'a>), String> {
    let tag = varint(bytes)?;
    match tag & 7 {
        0 => Ok((tag >> 3, Wire::Number(varint(bytes)?))),
        2 => {
            let n = varint(bytes)? as usize;
            if n > bytes.len() {
                return Err("the message ends within a field".into());
            }
            let (field, rest) = bytes.split_at(n);
            *bytes = rest;
            Ok((tag >> 3, Wire::Bytes(field)))
        }
        other => Err(format!("wire type {other} is not known")),
    }
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn message(name: &str, mut bytes: &[u8]) -> Result<Value, String> {
    let fields = MESSAGES.iter().find(|m| m.0 == name).ok_or_else(|| format!("{name} is not known in protobuf"))?.1;
    let mut out = Map::new();
    while !bytes.is_empty() {
        let (number, wire) = next(&mut bytes)?;
        let (_, key, kind) =
            fields.iter().find(|f| f.0 == number).ok_or_else(|| format!("field {number} of {name} is not known"))?;
        let list = |out: &mut Map<String, Value>, v: Value| match out.entry(*key).or_insert_with(|| json!([])) {
            Value::Array(list) => list.push(v),
            other => *other = json!([v]),
        };
        match (kind, wire) {
            (Skip, _) => {}
            (Text, Wire::Bytes([])) => {}
            (Text, Wire::Bytes(b)) => drop(out.insert((*key).into(), text(b))),
            (Bool, Wire::Number(0)) => {}
            (Bool, Wire::Number(_)) => drop(out.insert((*key).into(), true.into())),
            (Int, Wire::Number(n)) => drop(out.insert((*key).into(), (n as i64).into())),

            (Message(inner), Wire::Bytes(b)) => drop(out.insert((*key).into(), message(inner, b)?)),
            (Texts, Wire::Bytes(b)) => list(&mut out, text(b)),
            (Messages(inner), Wire::Bytes(b)) => list(&mut out, message(inner, b)?),
            (IntOrString, Wire::Bytes(b)) => drop(out.insert((*key).into(), int_or_string(b)?)),
            (Map | BytesMap | Quantities, Wire::Bytes(mut b)) => {
                let (mut k, mut v) = (String::new(), Value::from(""));
                while !b.is_empty() {
                    match next(&mut b)? {
                        (1, Wire::Bytes(x)) => k = String::from_utf8_lossy(x).into_owned(),
                        (2, Wire::Bytes(x)) => {
                            v = match kind {
                                Map => text(x),
                                BytesMap => base64(x),
                                _ => quantity(x)?,
                            }
                        }
                        _ => return Err(format!("a pair of {key} is not known")),
                    }
                }
                if let Value::Object(map) = out.entry(*key).or_insert_with(|| json!({})) {
                    map.insert(k, v);
                }
            }
            _ => return Err(format!("{key} of {name} has another form")),
        }
    }
    Ok(Value::Object(out))
}

fn base64(bytes: &[u8]) -> Value {
    base64::engine::general_purpose::STANDARD.encode(bytes).into()
}

fn quantity(mut bytes: &[u8]) -> Result<Value, String> {
    match next(&mut bytes)? {
        (1, Wire::Bytes(b)) => Ok(text(b)),
        _ => Err("a quantity is not known".into()),
    }
}

fn int_or_string(mut bytes: &[u8]) -> Result<Value, String> {
    let (mut is_text, mut number, mut string) = (false, 0, Value::from(""));
    while !bytes.is_empty() {
        match next(&mut bytes)? {
            (1, Wire::Number(n)) => is_text = n == 1,
            (2, Wire::Number(n)) => number = n as i64,
            (3, Wire::Bytes(b)) => string = text(b),
            _ => return Err("a number or text is not known".into()),
        }
    }
    Ok(if is_text { string } else { number.into() })
}

/// A request's body.
pub fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut bytes = bytes.strip_prefix(b"k8s\0").ok_or("the body is no Kubernetes object in protobuf")?;
    let (mut version, mut kind, mut raw): (Value, Value, &[u8]) = (Value::Null, Value::Null, &[]);
    while !bytes.is_empty() {
        match next(&mut bytes)? {
            (1, Wire::Bytes(mut b)) => {
                while !b.is_empty() {
                    match next(&mut b)? {
                        (1, Wire::Bytes(x)) => version = text(x),
                        (2, Wire::Bytes(x)) => kind = text(x),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(b)) => raw = b,
            _ => {}
        }
    }
    let name = format!("{}/{}", version.as_str().unwrap_or_default(), kind.as_str().unwrap_or_default());
    let mut v = message(&name, raw)?;
    v["apiVersion"] = version;
    v["kind"] = kind;
    Ok(v)
}
