//! The roles that every cluster begins with. (Facts of plugin/pkg/auth/authorizer/rbac/bootstrappolicy; roles of
//! components that are not simulated as users of the API are left out.)

use super::controller_roles;
use crate::sim::Sim;
use crate::store::Kind;
use serde_json::{Value, json};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const EVERYTHING: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

fn urls(urls: &[&str]) -> Value {
    json!({"verbs": ["get"], "nonResourceURLs": urls})
}

fn role(name: &str, rules: Vec<Value>) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}},
        "rules": rules,
    })
}

fn part_of(whole: &str, mut role: Value) -> Value {
    role["metadata"]["labels"][format!("rbac.authorization.k8s.io/aggregate-to-{whole}")] = "true".into();
    role
}

fn together(name: &str, parts: &[&str], belongs_to: Option<&str>) -> Value {
    let mut r = role(name, vec![]);
    let selectors: Vec<Value> = parts
        .iter()
        .map(|p| json!({"matchLabels": {format!("rbac.authorization.k8s.io/aggregate-to-{p}"): "true"}}))
        .collect();
    r["aggregationRule"] = json!({"clusterRoleSelectors": selectors});
    belongs_to.map_or(r.clone(), |whole| part_of(whole, r))
}

fn binding(name: &str, role: &str, subjects: &[(&str, &str)]) -> Value {
    let subjects: Vec<Value> = subjects
        .iter()
        .map(|(kind, name)| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}))
        .collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    })
}

fn roles() -> Vec<Value> {
    let viewed = [
        (
            "",
            &[
                "configmaps",
                "endpoints",
                "persistentvolumeclaims",
                "persistentvolumeclaims/status",
                "pods",
                "replicationcontrollers",
                "replicationcontrollers/scale",
                "serviceaccounts",
                "services",
                "services/status",
            ][..],
        ),
        (
            "",
            &[
                "bindings",
                "events",
                "limitranges",
                "namespaces/status",
                "pods/log",
                "pods/status",
                "replicationcontrollers/status",
                "resourcequotas",
                "resourcequotas/status",
            ],
        ),
        ("", &["namespaces"]),
        ("discovery.k8s.io", &["endpointslices"]),
        (
            "apps",
            &[
                "controllerrevisions",
                "daemonsets",
                "daemonsets/status",
                "deployments",
                "deployments/scale",
                "deployments/status",
                "replicasets",
                "replicasets/scale",
                "replicasets/status",
                "statefulsets",
                "statefulsets/scale",
                "statefulsets/status",
            ],
        ),
        ("autoscaling", &["horizontalpodautoscalers", "horizontalpodautoscalers/status"]),
        ("batch", &["cronjobs", "cronjobs/status", "jobs", "jobs/status"]),
        ("policy", &["poddisruptionbudgets", "poddisruptionbudgets/status"]),
        ("networking.k8s.io", &["ingresses", "ingresses/status", "networkpolicies"]),
    ];
    let edited = [
        ("", &["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"][..], READ),
        ("", &["serviceaccounts"], &["impersonate"]),
        ("", &["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"], WRITE),
        ("", &["pods/eviction"], &["create"]),
        (
            "",
            &[
                "configmaps",
                "events",
                "persistentvolumeclaims",
                "replicationcontrollers",
                "replicationcontrollers/scale",
                "secrets",
                "serviceaccounts",
                "services",
                "services/proxy",
            ],
            WRITE,
        ),
        ("", &["serviceaccounts/token"], &["create"]),
        (
            "apps",
            &[
                "daemonsets",
                "deployments",
                "deployments/rollback",
                "deployments/scale",
                "replicasets",
                "replicasets/scale",
                "statefulsets",
                "statefulsets/scale",
            ],
            WRITE,
        ),
        ("autoscaling", &["horizontalpodautoscalers"], WRITE),
        ("batch", &["cronjobs", "jobs"], WRITE),
        ("policy", &["poddisruptionbudgets"], WRITE),
        ("networking.k8s.io", &["ingresses", "networkpolicies"], WRITE),
        ("coordination.k8s.io", &["leases"], EVERYTHING),
    ];
    let administered = [
        ("authorization.k8s.io", &["localsubjectaccessreviews"][..], &["create"][..]),
        ("rbac.authorization.k8s.io", &["rolebindings", "roles"], EVERYTHING),
    ];
    let paths = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    vec![
        role("cluster-admin", vec![rule(&["*"], "*", &["*"]), json!({"verbs": ["*"], "nonResourceURLs": ["*"]})]),
        role(
            "system:discovery",
            vec![urls(&[
                "/api",
                "/api/*",
                "/apis",
                "/apis/*",
                "/healthz",
                "/livez",
                "/openapi",
                "/openapi/*",
                "/readyz",
                "/version",
                "/version/",
            ])],
        ),
        role(
            "system:monitoring",
            vec![urls(&[
                "/healthz",
                "/healthz/*",
                "/livez",
                "/livez/*",
                "/metrics",
                "/metrics/slis",
                "/readyz",
                "/readyz/*",
            ])],
        ),
        role("system:public-info-viewer", vec![urls(&paths)]),
        role(
            "system:basic-user",
            vec![
                rule(&["create"], "authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
                rule(&["create"], "authentication.k8s.io", &["selfsubjectreviews"]),
            ],
        ),
        together("admin", &["admin"], None),
        together("edit", &["edit"], Some("admin")),
        together("view", &["view"], Some("edit")),
        part_of(
            "admin",
            role("system:aggregate-to-admin", administered.iter().map(|(g, r, v)| rule(v, g, r)).collect()),
        ),
        part_of("edit", role("system:aggregate-to-edit", edited.iter().map(|(g, r, v)| rule(v, g, r)).collect())),
        part_of("view", role("system:aggregate-to-view", viewed.iter().map(|(g, r)| rule(READ, g, r)).collect())),
        role(
            "system:auth-delegator",
            vec![
                rule(&["create"], "authentication.k8s.io", &["tokenreviews"]),
                rule(&["create"], "authorization.k8s.io", &["subjectaccessreviews"]),
            ],
        ),
        role(
            "system:persistent-volume-provisioner",
            vec![
                rule(&["create", "delete", "get", "list", "watch"], "", &["persistentvolumes"]),
                rule(&["get", "list", "update", "watch"], "", &["persistentvolumeclaims"]),
                rule(READ, "storage.k8s.io", &["storageclasses"]),
                rule(&["watch"], "", &["events"]),
                rule(&["create", "get", "list", "patch", "update", "watch"], "", &["events"]),
            ],
        ),
        role(
            "system:service-account-issuer-discovery",
            vec![urls(&[
                "/.well-known/openid-configuration",
                "/.well-known/openid-configuration/",
                "/openid/v1/jwks",
                "/openid/v1/jwks/",
            ])],
        ),
        role(
            "system:node-proxier",
            vec![
                rule(&["list", "watch"], "", &["endpoints", "services"]),
                rule(&["get", "list", "watch"], "", &["nodes"]),
                rule(&["list", "watch"], "discovery.k8s.io", &["endpointslices"]),
                rule(&["create", "patch", "update"], "", &["events"]),
            ],
        ),
        role(
            "system:kube-scheduler",
            vec![
                rule(
                    READ,
                    "",
                    &[
                        "namespaces",
                        "nodes",
                        "persistentvolumeclaims",
                        "persistentvolumes",
                        "pods",
                        "replicationcontrollers",
                        "services",
                    ],
                ),
                rule(&["create"], "", &["bindings", "pods/binding"]),
                rule(&["delete"], "", &["pods"]),
                rule(&["patch", "update"], "", &["pods/status"]),
                rule(READ, "apps", &["replicasets", "statefulsets"]),
                rule(READ, "policy", &["poddisruptionbudgets"]),
                rule(READ, "storage.k8s.io", &["csinodes", "storageclasses"]),
            ],
        ),
    ]
}

fn bindings() -> Vec<Value> {
    let everybody = [("Group", "system:authenticated")];
    vec![
        binding("cluster-admin", "cluster-admin", &[("Group", "system:masters")]),
        binding("system:basic-user", "system:basic-user", &everybody),
        binding("system:discovery", "system:discovery", &everybody),
        binding("system:monitoring", "system:monitoring", &[("Group", "system:monitoring")]),
        binding("system:kube-scheduler", "system:kube-scheduler", &[("User", "system:kube-scheduler")]),
        binding("system:node-proxier", "system:node-proxier", &[("User", "system:kube-proxy")]),
        binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            &[("Group", "system:authenticated"), ("Group", "system:unauthenticated")],
        ),
        binding(
            "system:service-account-issuer-discovery",
            "system:service-account-issuer-discovery",
            &[("Group", "system:serviceaccounts")],
        ),
    ]
}

impl Sim {
    /// Stores the roles and bindings that every cluster begins with.
    pub fn install_default_roles(&mut self) {
        let (mut roles, mut bindings) = (roles(), bindings());
        for (name, rules, account) in controller_roles::all() {
            let mut b = binding(&name, &name, &[]);
            b["subjects"] = json!([{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}]);
            roles.push(role(&name, rules));
            bindings.push(b);
        }
        for (kind, list) in [(Kind::ClusterRole, roles), (Kind::ClusterRoleBinding, bindings)] {
            for v in list {
                // they are constants; one that were wrong would be missed by the tests
                let _ = self.insert(kind, v);
            }
        }
        self.aggregate_roles();
    }
}
