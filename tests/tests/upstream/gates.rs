//! Feature gates: those that decide whether a field is kept or a value accepted are tried on the API server. Of the
//! others nothing can be seen from outside, or the part that they belong to is not simulated.

use kubarium_core::apiserver::request::{Method, Request};
use kubarium_core::sim::NodeConfig;
use kubarium_tests::case::Player;
use serde_json::{Value, json};

/// Where the field of a gate stands.
enum Field {
    /// In a pod's spec: the spec beside its containers, where to look.
    Spec(Value, &'static str),
    /// In a container: its fields, where to look.
    Container(Value, &'static str),
    /// In an object of this path: the object, where to look.
    Object(&'static str, Value, &'static str),
}

fn job(spec: Value) -> Value {
    let mut v = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, "spec": {
        "completions": 2, "completionMode": "Indexed",
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}}}});
    v["spec"].as_object_mut().zip(spec.as_object()).map(|(a, b)| a.extend(b.clone())).expect("objects");
    v
}

fn workload(kind: &str, spec: Value) -> Value {
    let mut v = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}});
    v["spec"].as_object_mut().zip(spec.as_object()).map(|(a, b)| a.extend(b.clone())).expect("objects");
    v
}

fn scaler(spec: Value) -> Value {
    let mut v = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}, "spec": {
        "maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    v["spec"].as_object_mut().zip(spec.as_object()).map(|(a, b)| a.extend(b.clone())).expect("objects");
    v
}

fn spread(field: &str, value: Value) -> Value {
    let mut c = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "b"}}});
    c[field] = value;
    json!({"topologySpreadConstraints": [c]})
}

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const SETS: &str = "/apis/apps/v1/namespaces/default/statefulsets";
const SCALERS: &str = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";

fn field(gate: &str) -> Option<Field> {
    use Field::{Container, Object, Spec};
    Some(match gate {
        "PodSchedulingReadiness" => {
            Spec(json!({"schedulingGates": [{"name": "a.example.com/g"}]}), "/schedulingGates/0/name")
        }
        "NodeInclusionPolicyInPodTopologySpread" => {
            Spec(spread("nodeTaintsPolicy", "Honor".into()), "/topologySpreadConstraints/0/nodeTaintsPolicy")
        }
        "MatchLabelKeysInPodTopologySpread" => {
            Spec(spread("matchLabelKeys", json!(["c"])), "/topologySpreadConstraints/0/matchLabelKeys/0")
        }
        "MatchLabelKeysInPodAffinity" => Spec(
            json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}, "matchLabelKeys": ["c"]}]}}}),
            "/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/matchLabelKeys/0",
        ),
        "PodLevelResources" => Spec(json!({"resources": {"limits": {"memory": "1Gi"}}}), "/resources/limits/memory"),
        "UserNamespacesSupport" => Spec(json!({"hostUsers": false}), "/hostUsers"),
        "HostnameOverride" => Spec(json!({"hostnameOverride": "x"}), "/hostnameOverride"),
        "SupplementalGroupsPolicy" => Spec(
            json!({"securityContext": {"supplementalGroupsPolicy": "Strict"}}),
            "/securityContext/supplementalGroupsPolicy",
        ),
        "SidecarContainers" => Spec(
            json!({"initContainers": [{"name": "i", "image": "busybox", "restartPolicy": "Always"}]}),
            "/initContainers/0/restartPolicy",
        ),
        "ImageVolume" => {
            Spec(json!({"volumes": [{"name": "v", "image": {"reference": "x"}}]}), "/volumes/0/image/reference")
        }
        "TaintTolerationComparisonOperators" => Spec(
            json!({"tolerations": [{"key": "k", "operator": "Gt", "value": "1", "effect": "NoSchedule"}]}),
            "/tolerations/0/operator",
        ),
        "PodCertificateRequest" => Spec(
            json!({"volumes": [{"name": "v", "projected": {"sources": [
                {"podCertificate": {"signerName": "a.example.com/s", "keyType": "ED25519", "credentialBundlePath": "c"}}]}}]}),
            "/volumes/0/projected/sources/0/podCertificate/signerName",
        ),
        "ClusterTrustBundleProjection" => Spec(
            json!({"volumes": [{"name": "v", "projected": {"sources": [
                {"clusterTrustBundle": {"name": "b", "path": "p"}}]}}]}),
            "/volumes/0/projected/sources/0/clusterTrustBundle/name",
        ),
        "RelaxedDNSSearchValidation" => {
            Spec(json!({"dnsConfig": {"searches": ["_tcp.example.com"]}}), "/dnsConfig/searches/0")
        }
        "PodLifecycleSleepAction" => {
            Container(json!({"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}), "/lifecycle/preStop/sleep/seconds")
        }
        "ContainerRestartRules" => Container(
            json!({"restartPolicy": "Never", "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]}),
            "/restartPolicyRules/0/action",
        ),
        "ContainerStopSignals" => Container(json!({"lifecycle": {"stopSignal": "SIGUSR1"}}), "/lifecycle/stopSignal"),
        "RelaxedEnvironmentVariableValidation" => {
            Container(json!({"env": [{"name": "1 a", "value": "x"}]}), "/env/0/name")
        }
        "JobSuccessPolicy" => Object(
            JOBS,
            job(json!({"successPolicy": {"rules": [{"succeededCount": 1}]}})),
            "/spec/successPolicy/rules/0/succeededCount",
        ),
        "JobBackoffLimitPerIndex" => {
            Object(JOBS, job(json!({"backoffLimitPerIndex": 1})), "/spec/backoffLimitPerIndex")
        }
        "JobPodReplacementPolicy" => {
            Object(JOBS, job(json!({"podReplacementPolicy": "Failed"})), "/spec/podReplacementPolicy")
        }
        "JobManagedBy" => Object(JOBS, job(json!({"managedBy": "a.example.com/x"})), "/spec/managedBy"),
        "MaxUnavailableStatefulSet" => Object(
            SETS,
            workload(
                "StatefulSet",
                json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}}),
            ),
            "/spec/updateStrategy/rollingUpdate/maxUnavailable",
        ),
        "HPAScaleToZero" => Object(
            SCALERS,
            scaler(
                json!({"minReplicas": 0, "metrics": [{"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}]}),
            ),
            "/spec/minReplicas",
        ),
        "HPAConfigurableTolerance" => Object(
            SCALERS,
            scaler(json!({"behavior": {"scaleUp": {"tolerance": "500m"}}})),
            "/spec/behavior/scaleUp/tolerance",
        ),
        "PreferSameTrafficDistribution" => Object(
            "/api/v1/namespaces/default/services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {
                "ports": [{"port": 80}], "trafficDistribution": "PreferSameNode"}}),
            "/spec/trafficDistribution",
        ),
        "RelaxedServiceNameValidation" => Object(
            "/api/v1/namespaces/default/services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "1x"}, "spec": {"ports": [{"port": 80}]}}),
            "/metadata/name",
        ),
        "VolumeAttributesClass" => Object(
            "/api/v1/namespaces/default/persistentvolumeclaims",
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeAttributesClassName": "c"}}),
            "/spec/volumeAttributesClassName",
        ),
        _ => return None,
    })
}

/// A row: the field is kept and the value accepted where the gate is on, dropped or refused where it is off.
pub fn check(_: &Value, case: &Value) -> Result<(), String> {
    let gate = case["gate"].as_str().unwrap_or_default();
    let Some(field) = field(gate) else { return Ok(()) };
    let pod = |spec: Value, container: Value| {
        let mut c = json!({"name": "c", "image": "nginx"});
        c.as_object_mut().zip(container.as_object()).map(|(a, b)| a.extend(b.clone())).expect("objects");
        let mut v = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"a": "b", "c": "d"}}, "spec": {"containers": [c]}});
        v["spec"].as_object_mut().zip(spec.as_object()).map(|(a, b)| a.extend(b.clone())).expect("objects");
        v
    };
    let pods = "/api/v1/namespaces/default/pods";
    let (path, object, at) = match field {
        Field::Spec(spec, at) => (pods, pod(spec, json!({})), format!("/spec{at}")),
        Field::Container(c, at) => (pods, pod(json!({}), c), format!("/spec/containers/0{at}")),
        Field::Object(path, object, at) => (path, object, at.to_owned()),
    };
    let asked = object.pointer(&at).cloned();
    let mut player = Player::new(vec![NodeConfig::numbered(1)]);
    let r = player.cluster.world.request(Request::new(Method::Post, path).body(object));
    let kept = r.code < 400 && r.body.pointer(&at) == asked.as_ref();
    match kept == (case["on_by_default_in_1_36"] == true) {
        true => Ok(()),
        false => Err(format!("{gate}: kept {kept}: {} {}", r.code, r.body)),
    }
}
