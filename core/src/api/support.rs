//! What is accepted and then not acted on: one table of fields, one of kubectl's calls. The editor tells of the fields
//! as they are typed, README lists both; kinds stand in [`super::kinds`].
//!
//! Invariant: whatever a component begins to read leaves the table. A field that is refused is none of these.

use serde_json::Value;

/// Which values of a field are not acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Any that says something.
    Given,
    /// Any but this one, which is what happens anyway.
    Not(&'static str),
    /// One of these.
    Is(&'static [&'static str]),
}

/// Where a field belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The kind itself.
    Kind(&'static str),
    /// The spec of a pod, be it in a Pod or in a template.
    PodSpec,
    /// A container or an init container of a pod.
    Container,
}

impl Owner {
    /// As a table names it.
    pub fn name(self) -> &'static str {
        match self {
            Owner::Kind(kind) => kind,
            Owner::PodSpec => "Pod spec",
            Owner::Container => "Container",
        }
    }
}

/// A field that changes nothing here.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// Where it belongs.
    pub owner: Owner,
    /// Its path below the owner; `[]` is each item of a list.
    pub path: &'static str,
    /// Which values.
    pub when: When,
    /// What is so instead.
    pub note: &'static str,
}

const fn gap(owner: Owner, path: &'static str, note: &'static str) -> Gap {
    Gap { owner, path, when: When::Given, note }
}

const fn gap_but(owner: Owner, path: &'static str, usual: &'static str, note: &'static str) -> Gap {
    Gap { owner, path, when: When::Not(usual), note }
}

const fn pod(path: &'static str, note: &'static str) -> Gap {
    gap(Owner::PodSpec, path, note)
}

const fn container(path: &'static str, note: &'static str) -> Gap {
    gap(Owner::Container, path, note)
}

const fn service(path: &'static str, note: &'static str) -> Gap {
    gap(Owner::Kind("Service"), path, note)
}

/// What is so of kinds that are [`super::kinds::Support::Stored`].
pub const STORED: &str = "stored, and nothing acts on it";

const HPA: Owner = Owner::Kind("HorizontalPodAutoscaler");
const EMPTY_DIRECTORY: &str = "mounted as an empty directory";
const EMPTY_VOLUME: &str = "the volume begins empty";
const NO_SUCH_METRICS: &str = "there are metrics of CPU and memory only";
const GATE_OFF: &str = "dropped, as wherever its feature gate is off";
const NOTHING_FORBIDDEN: &str = "no program needs the rights or is refused them";
const HEADERS: &str = "the servers here read no header but `Host`";
const NO_TLS: &str = "nothing here answers a webhook: each call fails, and the failure policy decides";
const NO_DEVICES: &str = "devices are not given out";

/// The fields.
pub static FIELDS: &[Gap] = &[
    pod("hostIPC", "containers see no other processes"),
    pod("hostPID", "containers see no other processes"),
    pod("hostUsers", "there are no user namespaces"),
    pod("hostnameOverride", "the name is `hostname`, or the pod's"),
    pod("imagePullSecrets", "registries ask for no credentials"),
    pod("resourceClaims", NO_DEVICES),
    pod("runtimeClassName", "there is one runtime"),
    pod("securityContext.appArmorProfile", NOTHING_FORBIDDEN),
    pod("securityContext.seLinuxOptions", NOTHING_FORBIDDEN),
    pod("securityContext.seccompProfile", NOTHING_FORBIDDEN),
    pod("securityContext.sysctls", "kernel parameters are not set"),
    pod("securityContext.windowsOptions", "every node is Linux"),
    pod("setHostnameAsFQDN", "the short name is given"),
    pod("shareProcessNamespace", "each container sees its own processes"),
    pod("volumes[].awsElasticBlockStore", EMPTY_DIRECTORY),
    pod("volumes[].azureDisk", EMPTY_DIRECTORY),
    pod("volumes[].azureFile", EMPTY_DIRECTORY),
    pod("volumes[].cephfs", EMPTY_DIRECTORY),
    pod("volumes[].cinder", EMPTY_DIRECTORY),
    pod("volumes[].configMap.defaultMode", "files have no modes"),
    pod("volumes[].csi", EMPTY_DIRECTORY),
    pod("volumes[].fc", EMPTY_DIRECTORY),
    pod("volumes[].flexVolume", EMPTY_DIRECTORY),
    pod("volumes[].gcePersistentDisk", EMPTY_DIRECTORY),
    pod("volumes[].glusterfs", EMPTY_DIRECTORY),
    pod("volumes[].image", EMPTY_DIRECTORY),
    pod("volumes[].iscsi", EMPTY_DIRECTORY),
    pod("volumes[].nfs", EMPTY_DIRECTORY),
    pod("volumes[].projected.sources[].clusterTrustBundle", GATE_OFF),
    pod("volumes[].projected.sources[].podCertificate", GATE_OFF),
    pod(
        "volumes[].projected.sources[].serviceAccountToken",
        "the token is never renewed: it is good while its pod is there",
    ),
    pod("volumes[].secret.defaultMode", "files have no modes"),
    container("env[].valueFrom.fileKeyRef", "the variable is empty"),
    container("lifecycle.stopSignal", GATE_OFF),
    container("resources.claims", NO_DEVICES),
    container("lifecycle.postStart.httpGet.httpHeaders", HEADERS),
    container("lifecycle.preStop.httpGet.httpHeaders", HEADERS),
    container("livenessProbe.httpGet.httpHeaders", HEADERS),
    container("readinessProbe.httpGet.httpHeaders", HEADERS),
    container("securityContext.appArmorProfile", NOTHING_FORBIDDEN),
    container("securityContext.capabilities", NOTHING_FORBIDDEN),
    container("securityContext.privileged", NOTHING_FORBIDDEN),
    container("securityContext.procMount", NOTHING_FORBIDDEN),
    container("securityContext.seLinuxOptions", NOTHING_FORBIDDEN),
    container("securityContext.seccompProfile", NOTHING_FORBIDDEN),
    container("securityContext.windowsOptions", "every node is Linux"),
    container("startupProbe.httpGet.httpHeaders", HEADERS),
    container("stdin", "only a shell with a terminal waits for what is typed"),
    container("volumeDevices", "there are no block devices"),
    gap_but(Owner::Container, "volumeMounts[].mountPropagation", "None", "mounts stay within their container"),
    service("spec.loadBalancerClass", "no load balancer is made"),
    gap(
        Owner::Kind("CustomResourceDefinition"),
        "spec.conversion.webhook",
        "no webhook is called: of another version only `apiVersion` differs",
    ),
    gap(Owner::Kind("Ingress"), "spec.tls", "certificates are not looked at"),
    gap(HPA, "spec.metrics[].external", NO_SUCH_METRICS),
    gap(HPA, "spec.metrics[].object", NO_SUCH_METRICS),
    gap(HPA, "spec.metrics[].pods", NO_SUCH_METRICS),
    gap(Owner::Kind("PersistentVolume"), "spec.mountOptions", "nothing is mounted in earnest"),
    gap(Owner::Kind("PersistentVolumeClaim"), "spec.dataSource", EMPTY_VOLUME),
    gap(Owner::Kind("PersistentVolumeClaim"), "spec.dataSourceRef", EMPTY_VOLUME),
    gap(
        Owner::Kind("PersistentVolumeClaim"),
        "spec.volumeAttributesClassName",
        "every class makes the same kind of volume",
    ),
    gap(
        Owner::Kind("StatefulSet"),
        "spec.updateStrategy.rollingUpdate.maxUnavailable",
        "dropped, as wherever its feature gate is off: one pod at a time",
    ),
    gap(Owner::Kind("MutatingWebhookConfiguration"), "webhooks[].clientConfig.caBundle", NO_TLS),
    gap(Owner::Kind("ValidatingWebhookConfiguration"), "webhooks[].clientConfig.caBundle", NO_TLS),
    gap(Owner::Kind("StorageClass"), "mountOptions", "nothing is mounted in earnest"),
    gap(Owner::Kind("StorageClass"), "parameters", "every class makes the same kind of volume"),
    gap(Owner::Kind("ServiceAccount"), "imagePullSecrets", "registries ask for no credentials"),
    gap(Owner::Kind("IngressClass"), "spec.parameters", "controllers take none"),
];

/// Flags and forms of kubectl's commands that are refused or change nothing: call, what is so instead. Commands that
/// are refused altogether are those of its list that have no implementation.
pub static CALLS: &[(&str, &str)] = &[
    (
        "-k, kustomize with helmCharts, replacements, vars, transformers, plugins or files of other hosts",
        "refused; patches, generators, names, labels, images and replicas are carried out",
    ),
    ("proxy", "serves behind the prompt: `curl localhost:8001/…` in the next line"),
    ("get --raw /metrics", "a few numbers only: what is stored, and how many requests there were"),
    ("get --raw /api/v1/nodes/NAME/proxy/…", "404: what kubelets measure is shown by `top` and the charts"),
    ("get apiservices", "those of built-in groups and those that were applied; groups of definitions have none"),
    (
        "minikube, kind, helm, docker at the prompt",
        "`minikube ip`, `minikube service NAME --url` and `kind get nodes` answer; the rest says what to do here",
    ),
    ("cd, chmod, sudo at the prompt", "change nothing: one stays where one is, and everything is allowed"),
    (
        "logs of web servers",
        "a line for each of the last 100 requests of nginx and Apache (none above 100 a second, none of probes); `access_log`, `log_format` and nginx's lines about errors: not",
    ),
    ("curl https://kubernetes.default.svc inside a container", "lists and writes; watches end at once"),
    ("kubectl inside a container", "in the images that bring it: no `exec`, `attach`, `cp`, `port-forward`, `proxy`"),
    ("--as-uid, --as-user-extra", "change nothing: rules look at names and groups only"),
    (
        "--certificate-authority, --client-key, --cluster, --insecure-skip-tls-verify, --kubeconfig, --password, --server, --tls-server-name, --user, --username",
        "change nothing: there is one server, and it takes everybody for its administrator who comes without `--as`, a `--token` or a `--client-certificate`",
    ),
    (
        "--cache-dir, --disable-compression, --kuberc, --log-flush-frequency, --match-server-version, --profile, --profile-output, -v, --vmodule",
        "change nothing: kubectl keeps nothing on disk here and logs nothing",
    ),
    (
        "--chunk-size, --concurrency, --no-preserve, --openapi-patch, --retries, --use-protocol-buffers, --windows-line-endings",
        "change nothing that is seen",
    ),
    (
        "api-resources --cached, config set --set-raw-bytes, config view --flatten, logs --insecure-skip-tls-verify-backend",
        "change nothing that is seen",
    ),
    (
        "config set-cluster, set-credentials",
        "there is one cluster; a user without a token or a certificate is taken for one of the entry's name",
    ),
    (
        "openssl at the prompt",
        "keys, requests and certificates are right in form and protect nothing; also base64, rand, verify; no questions are asked",
    ),
    ("create token --bound-object-uid", "changes nothing: a token is bound to its account only"),
    ("debug --target", "the container sees its own processes only"),
    ("drain --skip-wait-for-delete-timeout", "changes nothing: every pod is waited for"),
    ("get --output-watch-events", "changes nothing: rows do not say what happened"),
    (
        "get pods -n kube-system",
        "the control plane, the proxies and the name server are no pods: they stand on no node",
    ),
    ("get --server-print", "changes nothing that is seen"),
    ("explain of kinds that are only stored", "most have no schema here, and their fields are not checked"),
    ("top --show-swap", "nodes have no swap: it is `<unknown>`"),
    ("run -i, -t; exec -i, -t; attach -i", "lines can be typed into a shell, not into another program"),
];

/// The fields of an object that are accepted and not acted on: path and what is so instead, in the order of the table.
pub fn not_simulated(kind: &str, object: &Value) -> Vec<(String, &'static str)> {
    let pod_spec = match kind {
        "Pod" => Some("spec"),
        "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet" | "DaemonSet" | "Job" => {
            Some("spec.template.spec")
        }
        "CronJob" => Some("spec.jobTemplate.spec.template.spec"),
        _ => None,
    };
    let mut out = vec![];
    for gap in FIELDS {
        let roots: &[&str] = match gap.owner {
            Owner::Kind(k) if k == kind => &[""],
            Owner::Kind(_) => &[],
            Owner::PodSpec => &["."],
            Owner::Container => &[".initContainers[].", ".containers[]."],
        };
        for root in roots {
            let path = match (gap.owner, pod_spec) {
                (Owner::Kind(_), _) => gap.path.to_owned(),
                (_, Some(spec)) => format!("{spec}{root}{}", gap.path),
                (_, None) => continue,
            };
            let steps: Vec<&str> = path.split('.').collect();
            visit(object, &steps, String::new(), &mut |found, value| {
                if says_something(value) && applies(gap.when, value) {
                    out.push((found, gap.note));
                }
            });
        }
    }
    out
}

/// Calls back for each value at a path of names, of which those with `[]` stand for all items of a list.
fn visit(value: &Value, steps: &[&str], at: String, found: &mut dyn FnMut(String, &Value)) {
    let Some((step, rest)) = steps.split_first() else { return found(at, value) };
    let name = step.trim_end_matches("[]");
    let Some(inner) = value.get(name) else { return };
    let at = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match inner {
        Value::Array(list) if name.len() < step.len() => {
            for (i, item) in list.iter().enumerate() {
                visit(item, rest, format!("{at}[{i}]"), found);
            }
        }
        inner if name.len() == step.len() => visit(inner, rest, at, found),
        _ => {}
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(s) => !s.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

fn applies(when: When, value: &Value) -> bool {
    match when {
        When::Given => true,
        When::Not(usual) => value.as_str() != Some(usual),
        When::Is(values) => value.as_str().is_some_and(|v| values.contains(&v)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::kinds::{RESOURCES, Support};
    use crate::api::schema::schema;
    use serde_json::json;

    #[test]
    fn every_field_exists() {
        for gap in FIELDS {
            let (root, path) = match gap.owner {
                Owner::Kind(kind) => {
                    let info = RESOURCES.iter().find(|r| r.kind == kind && r.support == Support::Simulated);
                    (info.and_then(|i| schema().of(i)), gap.path)
                }
                Owner::PodSpec => (schema().by_name("core.v1.PodSpec"), gap.path),
                Owner::Container => (schema().by_name("core.v1.Container"), gap.path),
            };
            let steps: Vec<&str> = path.split('.').map(|s| s.trim_end_matches("[]")).collect();
            let root = root.unwrap_or_else(|| panic!("{:?} is no simulated kind", gap.owner));
            assert!(schema().field_at(root, &steps).is_some(), "{}: {path}", gap.owner.name());
        }
    }

    #[test]
    fn only_what_changes_nothing_is_told() {
        let pod = json!({
            "hostUsers": true, "dnsPolicy": "ClusterFirst", "hostPID": false,
            "containers": [{"name": "a"}, {"name": "b", "stdin": true, "resources": {"limits": {"cpu": "1"}, "requests": {}}}],
        });
        let deployment = json!({"spec": {"template": {"spec": pod}}});
        let paths: Vec<String> = not_simulated("Deployment", &deployment).into_iter().map(|f| f.0).collect();
        assert_eq!(paths, ["spec.template.spec.hostUsers", "spec.template.spec.containers[1].stdin"]);
        let service = json!({"spec": {"type": "ClusterIP", "loadBalancerClass": "x", "sessionAffinity": "None"}});
        assert_eq!(
            not_simulated("Service", &service),
            [("spec.loadBalancerClass".to_owned(), "no load balancer is made")]
        );
    }
}
