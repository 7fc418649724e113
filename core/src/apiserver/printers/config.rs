//! Rows of nodes, namespaces, configuration, events, policy and access.

use super::{Column, Printer, UnixSeconds, age, c, int, items, name, or, since, text, w};
use serde_json::Value;

pub(super) static PRINTERS: &[Printer] = &[
    Printer { group: "", kind: "Node", columns: NODE, row: node },
    Printer { group: "", kind: "Namespace", columns: NAMESPACE, row: namespace },
    Printer { group: "", kind: "ConfigMap", columns: CONFIG_MAP, row: config_map },
    Printer { group: "", kind: "Secret", columns: SECRET, row: secret },
    Printer { group: "", kind: "ServiceAccount", columns: NAME_AGE, row: name_age },
    Printer { group: "", kind: "Event", columns: EVENT, row: event },
    Printer { group: "events.k8s.io", kind: "Event", columns: EVENT, row: event },
    Printer { group: "", kind: "ResourceQuota", columns: QUOTA, row: quota },
    Printer { group: "", kind: "PodTemplate", columns: POD_TEMPLATE, row: pod_template },
    Printer { group: "", kind: "ComponentStatus", columns: COMPONENT, row: component },
    Printer { group: "coordination.k8s.io", kind: "Lease", columns: LEASE, row: lease },
    Printer { group: "scheduling.k8s.io", kind: "PriorityClass", columns: PRIORITY, row: priority },
    Printer { group: "node.k8s.io", kind: "RuntimeClass", columns: RUNTIME, row: runtime },
    Printer { group: "rbac.authorization.k8s.io", kind: "RoleBinding", columns: BINDING, row: binding },
    Printer { group: "rbac.authorization.k8s.io", kind: "ClusterRoleBinding", columns: BINDING, row: binding },
    Printer { group: "apiregistration.k8s.io", kind: "APIService", columns: API_SERVICE, row: api_service },
    Printer { group: "certificates.k8s.io", kind: "CertificateSigningRequest", columns: CSR, row: csr },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "MutatingWebhookConfiguration",
        columns: WEBHOOKS,
        row: webhooks,
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "ValidatingWebhookConfiguration",
        columns: WEBHOOKS,
        row: webhooks,
    },
    Printer { group: "admissionregistration.k8s.io", kind: "MutatingAdmissionPolicy", columns: MUTATIONS, row: policy },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "MutatingAdmissionPolicyBinding",
        columns: POLICY_BINDING,
        row: policy_binding,
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "ValidatingAdmissionPolicy",
        columns: VALIDATIONS,
        row: policy,
    },
    Printer {
        group: "admissionregistration.k8s.io",
        kind: "ValidatingAdmissionPolicyBinding",
        columns: POLICY_BINDING,
        row: policy_binding,
    },
];

static NODE: &[Column] = &[
    c("NAME"),
    c("STATUS"),
    c("ROLES"),
    c("AGE"),
    c("VERSION"),
    w("INTERNAL-IP"),
    w("EXTERNAL-IP"),
    w("OS-IMAGE"),
    w("KERNEL-VERSION"),
    w("CONTAINER-RUNTIME"),
];
static NAMESPACE: &[Column] = &[c("NAME"), c("STATUS"), c("AGE")];
static CONFIG_MAP: &[Column] = &[c("NAME"), c("DATA"), c("AGE")];
static SECRET: &[Column] = &[c("NAME"), c("TYPE"), c("DATA"), c("AGE")];
static NAME_AGE: &[Column] = &[c("NAME"), c("AGE")];
static EVENT: &[Column] = &[
    c("LAST SEEN"),
    c("TYPE"),
    c("REASON"),
    c("OBJECT"),
    w("SUBOBJECT"),
    w("SOURCE"),
    c("MESSAGE"),
    w("FIRST SEEN"),
    w("COUNT"),
    w("NAME"),
];
static QUOTA: &[Column] = &[c("NAME"), c("REQUEST"), c("LIMIT"), c("AGE")];
static POD_TEMPLATE: &[Column] = &[c("NAME"), c("CONTAINERS"), c("IMAGES"), c("POD LABELS")];
static COMPONENT: &[Column] = &[c("NAME"), c("STATUS"), c("MESSAGE"), c("ERROR")];
static LEASE: &[Column] = &[c("NAME"), c("HOLDER"), c("AGE")];
static PRIORITY: &[Column] = &[c("NAME"), c("VALUE"), c("GLOBAL-DEFAULT"), c("AGE"), c("PREEMPTIONPOLICY")];
static RUNTIME: &[Column] = &[c("NAME"), c("HANDLER"), c("AGE")];
static BINDING: &[Column] = &[c("NAME"), c("ROLE"), c("AGE"), w("USERS"), w("GROUPS"), w("SERVICEACCOUNTS")];
static CSR: &[Column] = &[c("NAME"), c("AGE"), c("SIGNERNAME"), c("REQUESTOR"), c("REQUESTEDDURATION"), c("CONDITION")];
static API_SERVICE: &[Column] = &[c("NAME"), c("SERVICE"), c("AVAILABLE"), c("AGE")];
static WEBHOOKS: &[Column] = &[c("NAME"), c("WEBHOOKS"), c("AGE")];

/// The roles of a node by its labels, sorted.
pub(crate) fn roles(o: &Value) -> Vec<String> {
    let mut roles: Vec<String> = vec![];
    for (k, v) in o["metadata"]["labels"].as_object().into_iter().flatten() {
        if let Some(role) = k.strip_prefix("node-role.kubernetes.io/") {
            if !role.is_empty() {
                roles.push(role.into());
            }
        } else if k == "kubernetes.io/role" && v != "" {
            roles.push(text(v));
        }
    }
    roles.sort();
    roles.dedup();
    roles
}

fn node(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let ready = items(&o["status"]["conditions"]).iter().rfind(|c| c["type"] == "Ready");
    let mut status = match ready {
        Some(c) if c["status"] == "True" => "Ready".to_string(),
        Some(c) if c["status"] == "Unknown" => "NotReady".to_string(),
        Some(_) => "NotReady".to_string(),
        None => "Unknown".to_string(),
    };
    if o["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    let info = &o["status"]["nodeInfo"];
    let address = |kind: &str| {
        let found = items(&o["status"]["addresses"]).iter().find(|a| a["type"] == kind);
        or(found.map(|a| text(&a["address"])).unwrap_or_default(), "<none>")
    };
    let kernel = text(&info["kernelVersion"]);
    let kernel = if kernel.is_empty() { "<unknown>".to_string() } else { kernel };
    let kernel = match text(&info["architecture"]) {
        a if a.is_empty() => kernel,
        a => format!("{kernel} ({a})"),
    };
    vec![
        name(o),
        status.into(),
        or(roles(o).join(","), "<none>"),
        age(o, now),
        text(&info["kubeletVersion"]).into(),
        address("InternalIP"),
        address("ExternalIP"),
        or(text(&info["osImage"]), "<unknown>"),
        kernel.into(),
        or(text(&info["containerRuntimeVersion"]), "<unknown>"),
    ]
}

fn namespace(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), text(&o["status"]["phase"]).into(), age(o, now)]
}

fn count(v: &Value) -> usize {
    v.as_object().map_or(0, serde_json::Map::len)
}

fn config_map(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), (count(&o["data"]) + count(&o["binaryData"])).into(), age(o, now)]
}

fn secret(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), text(&o["type"]).into(), count(&o["data"]).into(), age(o, now)]
}

fn name_age(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), age(o, now)]
}

/// When an event was first and last seen, and how often. Events of either API are understood.
pub(crate) fn event_times(o: &Value, now: UnixSeconds) -> (String, String, i64) {
    let pick = |keys: &[&str]| keys.iter().map(|k| &o[k]).find(|v| !v.is_null()).cloned().unwrap_or_default();
    let mut first = since(&pick(&["firstTimestamp", "deprecatedFirstTimestamp"]), now);
    if first == "<unknown>" {
        first = since(&o["eventTime"], now);
    }
    let mut last = since(&pick(&["lastTimestamp", "deprecatedLastTimestamp"]), now);
    if last == "<unknown>" {
        last = first.clone();
    }
    let mut count = int(&pick(&["count", "deprecatedCount"]));
    let series = &o["series"];
    if !series.is_null() {
        last = since(&series["lastObservedTime"], now);
        count = int(&series["count"]);
    } else if count == 0 {
        count = 1;
    }
    (first, last, count)
}

/// The source of an event: `kubelet, node-1`.
pub(crate) fn event_source(o: &Value) -> String {
    let source = if o["source"].is_null() { &o["deprecatedSource"] } else { &o["source"] };
    let mut component = text(&source["component"]);
    let mut host = text(&source["host"]);
    if component.is_empty() {
        let reporting = text(&o["reportingComponent"]);
        component = if reporting.is_empty() { text(&o["reportingController"]) } else { reporting };
    }
    if host.is_empty() {
        host = text(&o["reportingInstance"]);
    }
    if host.is_empty() { component } else { format!("{component}, {host}") }
}

fn event(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let object = if o["involvedObject"].is_null() { &o["regarding"] } else { &o["involvedObject"] };
    let message = if o["message"].is_null() { &o["note"] } else { &o["message"] };
    let kind = text(&object["kind"]).to_lowercase();
    let target = if text(&object["name"]).is_empty() { kind } else { format!("{kind}/{}", text(&object["name"])) };
    let (first, last, count) = event_times(o, now);
    vec![
        last.into(),
        text(&o["type"]).into(),
        text(&o["reason"]).into(),
        target.into(),
        text(&object["fieldPath"]).into(),
        event_source(o).into(),
        text(message).trim().into(),
        first.into(),
        count.into(),
        name(o),
    ]
}

fn quota(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (mut requests, mut limits) = (vec![], vec![]);
    for (k, hard) in o["status"]["hard"].as_object().into_iter().flatten() {
        let used = text(&o["status"]["used"][k]);
        let used = if used.is_empty() { "0".to_string() } else { used };
        let shown = format!("{k}: {used}/{}", text(hard));
        if k.starts_with("limits") { limits.push(shown) } else { requests.push(shown) }
    }
    vec![name(o), requests.join(", ").into(), limits.join(", ").into(), age(o, now)]
}

fn pod_template(o: &Value, _now: UnixSeconds) -> Vec<Value> {
    let [names, images] = super::containers(&o["template"]["spec"]);
    vec![name(o), names, images, super::labels(&o["template"]["metadata"]["labels"]).into()]
}

fn component(o: &Value, _now: UnixSeconds) -> Vec<Value> {
    let healthy = items(&o["conditions"]).iter().find(|c| c["type"] == "Healthy");
    let part = |k: &str| healthy.map(|c| text(&c[k])).unwrap_or_default();
    let status = match part("status").as_str() {
        "True" => "Healthy",
        "False" => "Unhealthy",
        _ => "Unknown",
    };
    vec![name(o), status.into(), part("message").into(), part("error").into()]
}

fn lease(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), text(&o["spec"]["holderIdentity"]).into(), age(o, now)]
}

fn priority(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![
        name(o),
        int(&o["value"]).into(),
        (o["globalDefault"] == true).into(),
        age(o, now),
        text(&o["preemptionPolicy"]).into(),
    ]
}

fn runtime(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), text(&o["handler"]).into(), age(o, now)]
}

fn binding(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (mut users, mut groups, mut accounts) = (vec![], vec![], vec![]);
    for s in items(&o["subjects"]) {
        match s["kind"].as_str().unwrap_or_default() {
            "User" => users.push(text(&s["name"])),
            "Group" => groups.push(text(&s["name"])),
            _ => accounts.push(format!("{}/{}", text(&s["namespace"]), text(&s["name"]))),
        }
    }
    vec![
        name(o),
        format!("{}/{}", text(&o["roleRef"]["kind"]), text(&o["roleRef"]["name"])).into(),
        age(o, now),
        users.join(", ").into(),
        groups.join(", ").into(),
        accounts.join(", ").into(),
    ]
}

fn api_service(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let by = &o["spec"]["service"];
    let served = match by["name"].as_str() {
        Some(name) => format!("{}/{name}", text(&by["namespace"])),
        None => "Local".to_owned(),
    };
    let available = items(&o["status"]["conditions"]).iter().find(|c| c["type"] == "Available");
    let available = available.map_or_else(
        || "Unknown".to_owned(),
        |c| {
            if c["status"] == "True" {
                "True".into()
            } else {
                format!("{} ({})", text(&c["status"]), text(&c["reason"]))
            }
        },
    );
    vec![name(o), served.into(), available.into(), age(o, now)]
}

fn csr(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let spec = &o["spec"];
    let has = |kind: &str| items(&o["status"]["conditions"]).iter().any(|c| c["type"] == kind);
    let mut condition = String::from(match (has("Approved"), has("Denied")) {
        (_, true) => "Denied",
        (true, _) => "Approved",
        _ => "Pending",
    });
    if has("Failed") {
        condition += ",Failed";
    }
    if o["status"]["certificate"].as_str().is_some_and(|c| !c.is_empty()) {
        condition += ",Issued";
    }
    let duration = spec["expirationSeconds"].as_i64().map_or_else(|| "<none>".to_string(), super::span);
    vec![
        name(o),
        age(o, now),
        or(text(&spec["signerName"]), "<none>"),
        text(&spec["username"]).into(),
        duration.into(),
        condition.into(),
    ]
}

fn webhooks(o: &Value, now: UnixSeconds) -> Vec<Value> {
    vec![name(o), items(&o["webhooks"]).len().into(), age(o, now)]
}

static MUTATIONS: &[Column] = &[c("NAME"), c("MUTATIONS"), c("PARAMKIND"), c("AGE")];
static VALIDATIONS: &[Column] = &[c("NAME"), c("VALIDATIONS"), c("PARAMKIND"), c("AGE")];
static POLICY_BINDING: &[Column] = &[c("NAME"), c("POLICYNAME"), c("PARAMREF"), c("AGE")];

fn policy(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let spec = &o["spec"];
    let rules = items(&spec["validations"]).len() + items(&spec["mutations"]).len();
    let param = &spec["paramKind"];
    let param = if param.is_object() {
        format!("{}/{}", param["apiVersion"].as_str().unwrap_or_default(), param["kind"].as_str().unwrap_or_default())
    } else {
        "<unset>".into()
    };
    vec![name(o), rules.into(), param.into(), age(o, now)]
}

fn policy_binding(o: &Value, now: UnixSeconds) -> Vec<Value> {
    let (spec, param) = (&o["spec"], &o["spec"]["paramRef"]);
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let param = match (text(&param["namespace"]), text(&param["name"])) {
        _ if !param.is_object() => "<unset>".into(),
        (ns, n) if ns.is_empty() => {
            if n.is_empty() {
                "*".into()
            } else {
                n
            }
        }
        (ns, n) => format!("{ns}/{}", if n.is_empty() { "*" } else { &n }),
    };
    vec![name(o), text(&spec["policyName"]).into(), param.into(), age(o, now)]
}
