//! Roles of the controllers, as every cluster has them. The controllers here ask for nothing, so these are only read.
//! (Facts of plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go.)

use serde_json::{Value, json};

/// A controller's name, and its rules: `group/resource,resource:verbs`, a letter a verb (see [`VERBS`]). `+` at the end:
/// it writes events too.
const ROLES: &[(&str, &str)] = &[
    (
        "attachdetach-controller",
        "/persistentvolumeclaims,persistentvolumes:lw /nodes:glw /nodes/status:pu /pods:lw storage.k8s.io/volumeattachments:cdglpuw storage.k8s.io/csidrivers,csinodes:glw +",
    ),
    (
        "certificate-controller",
        "certificates.k8s.io/certificatesigningrequests:dglw certificates.k8s.io/certificatesigningrequests/approval,certificatesigningrequests/status:u authorization.k8s.io/subjectaccessreviews:c +",
    ),
    ("clusterrole-aggregation-controller", "rbac.authorization.k8s.io/clusterroles:eglpuw"),
    (
        "cronjob-controller",
        "batch/cronjobs:gluw batch/jobs:cdglpuw batch/cronjobs/status:u batch/cronjobs/finalizers:u /pods:dl +",
    ),
    (
        "daemon-set-controller",
        "apps/daemonsets:glw apps/daemonsets/status:u apps/daemonsets/finalizers:u /nodes:lw /pods:cdlpw /pods/binding:c apps/controllerrevisions:cdglpuw +",
    ),
    (
        "deployment-controller",
        "apps/deployments:gluw apps/deployments/status:u apps/deployments/finalizers:u apps/replicasets:cdglpuw /pods:gluw +",
    ),
    (
        "disruption-controller",
        "apps/deployments:glw apps/replicasets:glw /replicationcontrollers:glw policy/poddisruptionbudgets:glw apps/statefulsets:glw policy/poddisruptionbudgets/status:u /pods/status:pu */*/scale:g +",
    ),
    ("endpoint-controller", "/pods,services:glw /endpoints:cdglu /endpoints/restricted:c +"),
    (
        "endpointslice-controller",
        "/nodes,pods,services:glw /services/finalizers:u discovery.k8s.io/endpointslices:cdglu +",
    ),
    (
        "endpointslicemirroring-controller",
        "/endpoints,services:glw /services/finalizers:u /endpoints/finalizers:u discovery.k8s.io/endpointslices:cdglu +",
    ),
    ("ephemeral-volume-controller", "/pods/finalizers:u /pods:glw /persistentvolumeclaims:cglw +"),
    (
        "expand-controller",
        "/persistentvolumes:glpuw /persistentvolumeclaims/status:pu /persistentvolumeclaims:glw storage.k8s.io/storageclasses:glw +",
    ),
    ("generic-garbage-collector", "*/*:dglpuw +"),
    (
        "horizontal-pod-autoscaler",
        "autoscaling/horizontalpodautoscalers:glw autoscaling/horizontalpodautoscalers/status:u */*/scale:gu /pods:l metrics.k8s.io/pods:l custom.metrics.k8s.io/*:gl external.metrics.k8s.io/*:gl +",
    ),
    ("job-controller", "batch/jobs:glpuw batch/jobs/status:u batch/jobs/finalizers:u /pods:cdlpw +"),
    ("legacy-service-account-token-cleaner", "/configmaps:g /secrets:dpu"),
    ("namespace-controller", "/namespaces:dglw /namespaces/finalize,namespaces/status:u */*:dglx"),
    (
        "node-controller",
        "/nodes:dglpu /nodes/status:pu /pods:dgl /pods/status:pu networking.k8s.io/clustercidrs:cglu +",
    ),
    (
        "persistent-volume-binder",
        "/persistentvolumes:cdgluw /persistentvolumes/status:u /persistentvolumeclaims:gluw /persistentvolumeclaims/status:u /pods:cdglw storage.k8s.io/storageclasses:glw /nodes:glw +",
    ),
    ("pod-garbage-collector", "/pods:dlw /nodes:gl /pods/status:p"),
    ("pv-protection-controller", "/persistentvolumes:gluw +"),
    ("pvc-protection-controller", "/persistentvolumeclaims:gluw /pods:glw +"),
    (
        "replicaset-controller",
        "apps/replicasets:gluw apps/replicasets/status:u apps/replicasets/finalizers:u /pods:cdlpw +",
    ),
    (
        "replication-controller",
        "/replicationcontrollers:gluw /replicationcontrollers/status:u /replicationcontrollers/finalizers:u /pods:cdlpw +",
    ),
    ("resourcequota-controller", "*/*:lw /resourcequotas/status:u +"),
    ("root-ca-cert-publisher", "/configmaps:cu +"),
    ("route-controller", "/nodes:lw /nodes/status:p +"),
    ("service-account-controller", "/serviceaccounts:c +"),
    (
        "service-cidrs-controller",
        "networking.k8s.io/servicecidrs:glpuw networking.k8s.io/servicecidrs/finalizers:pu networking.k8s.io/servicecidrs/status:pu networking.k8s.io/ipaddresses:glw +",
    ),
    ("service-controller", "/services:glw /services/status:pu /nodes:lw +"),
    (
        "statefulset-controller",
        "/pods:lw apps/statefulsets:glw apps/statefulsets/status:u apps/statefulsets/finalizers:u /pods:cdgpu apps/controllerrevisions:cdglpuw /persistentvolumeclaims:cdglpuw +",
    ),
    ("ttl-after-finished-controller", "batch/jobs:dglw +"),
    ("ttl-controller", "/nodes:lpuw +"),
    (
        "validatingadmissionpolicy-status-controller",
        "admissionregistration.k8s.io/validatingadmissionpolicies:glw admissionregistration.k8s.io/validatingadmissionpolicies/status:gpu +",
    ),
    (
        "volumeattributesclass-protection-controller",
        "storage.k8s.io/volumeattributesclasses:gluw /persistentvolumeclaims,persistentvolumes:glw +",
    ),
];

/// What the letters stand for, in the order in which verbs are listed.
const VERBS: &[(char, &str)] = &[
    ('c', "create"),
    ('d', "delete"),
    ('x', "deletecollection"),
    ('e', "escalate"),
    ('g', "get"),
    ('l', "list"),
    ('p', "patch"),
    ('u', "update"),
    ('w', "watch"),
];

fn rule(text: &str) -> Option<Value> {
    if text == "+" {
        return Some(json!({
            "apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "update"],
        }));
    }
    let (what, letters) = text.rsplit_once(':')?;
    let (group, resources) = what.split_once('/')?;
    let verbs: Vec<&str> = VERBS.iter().filter(|(c, _)| letters.contains(*c)).map(|(_, v)| *v).collect();
    Some(json!({"apiGroups": [group], "resources": resources.split(',').collect::<Vec<_>>(), "verbs": verbs}))
}

/// Each controller's role: its name, the rules, and the account that has it.
pub fn all() -> impl Iterator<Item = (String, Vec<Value>, &'static str)> {
    ROLES.iter().map(|(account, text)| {
        (format!("system:controller:{account}"), text.split(' ').filter_map(rule).collect(), *account)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_read() {
        for (name, text) in ROLES {
            assert_eq!(text.split(' ').filter_map(rule).count(), text.split(' ').count(), "{name}");
        }
        let (name, rules, account) = all().find(|r| r.2 == "ttl-after-finished-controller").unwrap();
        assert_eq!(
            (name.as_str(), account),
            ("system:controller:ttl-after-finished-controller", "ttl-after-finished-controller")
        );
        assert_eq!(
            rules[0],
            json!({"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["delete", "get", "list", "watch"]})
        );
    }
}
