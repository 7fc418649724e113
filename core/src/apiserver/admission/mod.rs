//! Admission: what the API server adds to requests, or refuses, with other objects in view. (Models the default admission
//! plugins of kube-apiserver.)
//!
//! Pure functions on objects that are defaulted and not yet validated; the caller looks up the other objects. An error is
//! the reason after `pods "x" is forbidden: `. In upstream's order: [`check_namespace`], then for pods (limits come from
//! LimitRanges) [`service_account`], [`priority`], [`default_tolerations`]; the strategy's `prepare_for_create` and
//! validation follow, then limits, standards ([`podsecurity`]) and, last, [`quota`]. The hooks look up the other objects.

pub mod eviction;
mod hooks;
pub mod podsecurity;
pub mod policies;
pub mod quota;
pub mod webhooks;

use super::registry::util::{has, items, items_mut, object, set_if_absent, text};
use super::request::{Method, Request};
use crate::sim::{KubeletProfile, Sim};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where containers find the token of their ServiceAccount.
pub const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const TOKEN_VOLUME: &str = "kube-api-access-";

/// May something new be made in this namespace? `namespace` is the namespace object; `None`: there is no such namespace
/// (answer 404 `namespaces "x" not found` instead).
pub fn check_namespace(namespace: &Value) -> Result<(), String> {
    let going = has(&namespace["metadata"], "deletionTimestamp") || namespace["status"]["phase"] == "Terminating";
    if going {
        return Err(super::registry::namespace::terminating_text(text(&namespace["metadata"], "name")));
    }
    Ok(())
}

/// The `details.causes` entry that goes with the refusal of [`check_namespace`].
pub fn terminating_cause(namespace: &str) -> Value {
    json!({"reason": "NamespaceTerminating", "message": format!("namespace {namespace} is being terminated"), "field": "metadata.namespace"})
}

/// Namespaces that may never be deleted: the reason, else `None`.
pub fn undeletable_namespace(name: &str) -> Option<&'static str> {
    ["default", "kube-system", "kube-public"].contains(&name).then_some("this namespace may not be deleted")
}

/// All of pod admission that needs no LimitRange or quota: ServiceAccount, priority, tolerations. `account` is the
/// ServiceAccount the pod names ([`account_name`]), `classes` the PriorityClasses, `suffix` five random letters.
pub fn admit_pod(
    pod: &mut Value,
    account: Option<&Value>,
    classes: &BTreeMap<String, PriorityClass>,
    suffix: &str,
) -> Result<(), String> {
    service_account(pod, account, suffix)?;
    priority(pod, classes)?;
    default_tolerations(pod);
    Ok(())
}

/// The ServiceAccount a pod runs as.
pub fn account_name(pod: &Value) -> &str {
    match text(&pod["spec"], "serviceAccountName") {
        "" => "default",
        name => name,
    }
}

/// Names the ServiceAccount and mounts its token into every container that has nothing there.
pub fn service_account(pod: &mut Value, account: Option<&Value>, suffix: &str) -> Result<(), String> {
    let name = account_name(pod).to_owned();
    let namespace = text(&pod["metadata"], "namespace").to_owned();
    let Some(account) = account else {
        return Err(format!("error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"));
    };
    let Some(spec) = object(pod, "spec") else { return Ok(()) };
    spec["serviceAccountName"] = name.as_str().into();
    spec["serviceAccount"] = name.into();
    if items(spec, "imagePullSecrets").is_empty() && !items(account, "imagePullSecrets").is_empty() {
        spec["imagePullSecrets"] = account["imagePullSecrets"].clone();
    }
    let automount = spec["automountServiceAccountToken"]
        .as_bool()
        .or(account["automountServiceAccountToken"].as_bool())
        .unwrap_or(true);
    if automount {
        mount_token(spec, suffix);
    }
    Ok(())
}

fn mount_token(spec: &mut Value, suffix: &str) {
    let existing = items(spec, "volumes").iter().map(|v| text(v, "name")).find(|n| n.starts_with(TOKEN_VOLUME));
    let is_new = existing.is_none();
    let volume = existing.map_or_else(|| format!("{TOKEN_VOLUME}{suffix}"), str::to_owned);
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for c in items_mut(spec, list) {
            if items(c, "volumeMounts").iter().any(|m| text(m, "mountPath") == TOKEN_PATH) {
                continue;
            }
            used = true;
            push(c, "volumeMounts", json!({"name": volume, "readOnly": true, "mountPath": TOKEN_PATH}));
        }
    }
    if used && is_new {
        let sources = json!([
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace",
                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]);
        push(spec, "volumes", json!({"name": volume, "projected": {"sources": sources, "defaultMode": 420}}));
    }
}

fn push(v: &mut Value, key: &str, item: Value) {
    match v.get_mut(key).and_then(Value::as_array_mut) {
        Some(list) => list.push(item),
        None => v[key] = json!([item]),
    }
}

/// What a PriorityClass says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityClass {
    /// The priority.
    pub value: i64,
    /// `PreemptLowerPriority` or `Never`.
    pub preemption_policy: String,
    /// Used by pods that name no class.
    pub global_default: bool,
}

/// The classes every cluster has.
pub fn system_priority_classes() -> BTreeMap<String, PriorityClass> {
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)]
        .into_iter()
        .map(|(name, value)| {
            let class =
                PriorityClass { value, preemption_policy: "PreemptLowerPriority".into(), global_default: false };
            (name.to_owned(), class)
        })
        .collect()
}

/// Stores the classes every cluster has, and, but where recordings are replayed, a default StorageClass.
pub fn store_system_classes(sim: &mut Sim) {
    const ABOUT: [(&str, i64, &str); 2] = [
        (
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
        (
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
    ];
    for (name, value, description) in ABOUT {
        let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name}, "value": value, "description": description});
        sim.request(Request::new(Method::Post, "/apis/scheduling.k8s.io/v1/priorityclasses").body(class));
    }
    if sim.config.kubelets == KubeletProfile::Real {
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": DEFAULT_PROVISIONER, "reclaimPolicy": "Delete", "allowVolumeExpansion": true,
            "volumeBindingMode": "WaitForFirstConsumer"});
        sim.request(Request::new(Method::Post, "/apis/storage.k8s.io/v1/storageclasses").body(class));
        let class = json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": {"name": "nginx", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
            "spec": {"controller": "k8s.io/ingress-nginx"}});
        sim.request(Request::new(Method::Post, "/apis/networking.k8s.io/v1/ingressclasses").body(class));
    }
}

/// The driver of the default StorageClass: disks that nodes reach over the network, one node at a time.
pub const DEFAULT_PROVISIONER: &str = "disk.csi.kubarium.dev";

/// Computes a pod's priority from its class, or from the default one.
pub fn priority(pod: &mut Value, classes: &BTreeMap<String, PriorityClass>) -> Result<(), String> {
    let Some(spec) = object(pod, "spec") else { return Ok(()) };
    let named = text(spec, "priorityClassName").to_owned();
    let (value, policy) = if named.is_empty() {
        let default = classes.iter().filter(|(_, c)| c.global_default).min_by_key(|(_, c)| c.value);
        if let Some((name, _)) = default {
            spec["priorityClassName"] = name.as_str().into();
        }
        default.map_or((0, "PreemptLowerPriority"), |(_, c)| (c.value, c.preemption_policy.as_str()))
    } else {
        let class = classes.get(&named).ok_or_else(|| format!("no PriorityClass with name {named} was found"))?;
        (class.value, class.preemption_policy.as_str())
    };
    if let Some(given) = spec["priority"].as_i64()
        && given != value
    {
        return Err(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        ));
    }
    if let Some(given) = spec["preemptionPolicy"].as_str()
        && given != policy
    {
        return Err(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
        ));
    }
    spec["priority"] = value.into();
    set_if_absent(spec, "preemptionPolicy", policy);
    Ok(())
}

/// Lets pods stay five minutes on nodes that are not ready or cannot be reached, unless they say otherwise.
pub fn default_tolerations(pod: &mut Value) {
    let Some(spec) = object(pod, "spec") else { return };
    let tolerated = |spec: &Value, key: &str| {
        items(spec, "tolerations")
            .iter()
            .any(|t| [key, ""].contains(&text(t, "key")) && ["NoExecute", ""].contains(&text(t, "effect")))
    };
    let missing: Vec<&str> = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
        .into_iter()
        .filter(|key| !tolerated(spec, key))
        .collect();
    for key in missing {
        push(
            spec,
            "tolerations",
            json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
        );
    }
}

/// What changed pods get: the default tolerations as new ones do, and their priority, which never changes.
pub fn admit_pod_update(new: &mut Value, old: &Value) {
    default_tolerations(new);
    if let Some(spec) = object(new, "spec") {
        for key in ["priority", "preemptionPolicy"] {
            if has(&old["spec"], key) {
                set_if_absent(spec, key, old["spec"][key].clone());
            }
        }
    }
}

/// New nodes take no pods until they are known to be ready.
pub fn admit_node(node: &mut Value) {
    let key = "node.kubernetes.io/not-ready";
    let Some(spec) = object(node, "spec") else { return };
    let there = items(spec, "taints").iter().any(|t| text(t, "key") == key && text(t, "effect") == "NoSchedule");
    if !there {
        push(spec, "taints", json!({"key": key, "effect": "NoSchedule"}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_pod_gets_account_priority_and_tolerations() {
        let mut pod =
            json!({"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"name": "c"}]}});
        admit_pod(&mut pod, Some(&json!({})), &system_priority_classes(), "abcde").unwrap();
        expect_test::expect![[r#"{"containers":[{"name":"c","volumeMounts":[{"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","name":"kube-api-access-abcde","readOnly":true}]}],"preemptionPolicy":"PreemptLowerPriority","priority":0,"serviceAccount":"default","serviceAccountName":"default","tolerations":[{"effect":"NoExecute","key":"node.kubernetes.io/not-ready","operator":"Exists","tolerationSeconds":300},{"effect":"NoExecute","key":"node.kubernetes.io/unreachable","operator":"Exists","tolerationSeconds":300}],"volumes":[{"name":"kube-api-access-abcde","projected":{"defaultMode":420,"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"items":[{"key":"ca.crt","path":"ca.crt"}],"name":"kube-root-ca.crt"}},{"downwardAPI":{"items":[{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"},"path":"namespace"}]}}]}}]}"#]]
        .assert_eq(&pod["spec"].to_string());
    }

    #[test]
    fn an_unknown_account_is_refused() {
        let mut pod =
            json!({"metadata": {"name": "p", "namespace": "default"}, "spec": {"serviceAccountName": "nobody"}});
        let error = admit_pod(&mut pod, None, &system_priority_classes(), "abcde").unwrap_err();
        assert_eq!(error, "error looking up service account default/nobody: serviceaccount \"nobody\" not found");
    }

    #[test]
    fn classes_decide_priorities() {
        let mut pod = json!({"spec": {"priorityClassName": "system-node-critical"}});
        priority(&mut pod, &system_priority_classes()).unwrap();
        assert_eq!(pod["spec"]["priority"], 2_000_001_000);
        let mut pod = json!({"spec": {"priorityClassName": "none"}});
        let error = priority(&mut pod, &system_priority_classes()).unwrap_err();
        assert_eq!(error, "no PriorityClass with name none was found");
    }
}
