//! Who a pod of a StatefulSet is: its ordinal, names, labels and claims. Pure.
//! Models pkg/controller/statefulset/stateful_set_utils.go.

use crate::api::intstr;
use crate::controllers::history::HASH_LABEL;
use crate::store::PodRecord;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, PodTemplateSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// Label with the pod's own name.
pub const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
/// Label with the pod's ordinal.
pub const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The set's name.
pub fn name(set: &StatefulSet) -> &str {
    set.metadata.name.as_deref().unwrap_or_default()
}

/// spec.replicas
pub fn replicas(set: &StatefulSet) -> i64 {
    i64::from(set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1).max(0))
}

/// The first ordinal.
pub fn start(set: &StatefulSet) -> i64 {
    i64::from(set.spec.as_ref().and_then(|s| s.ordinals.as_ref()?.start).unwrap_or(0))
}

/// The name of the pod with an ordinal.
pub fn pod_name(set: &StatefulSet, ordinal: i64) -> String {
    format!("{}-{ordinal}", name(set))
}

/// Whose pod a name says it is, and its ordinal.
pub fn parent_and_ordinal(pod: &str) -> Option<(&str, i64)> {
    let (parent, digits) = pod.rsplit_once('-')?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    Some((parent, i64::from(digits.parse::<i32>().ok().filter(|_| plain)?)))
}

/// The ordinal of a pod of this set.
pub fn ordinal(set: &StatefulSet, pod: &PodRecord) -> Option<i64> {
    parent_and_ordinal(&pod.name).filter(|(parent, _)| *parent == name(set)).map(|(_, n)| n)
}

/// Whether the set wants a pod with this ordinal.
pub fn in_range(set: &StatefulSet, ordinal: i64) -> bool {
    (start(set)..start(set) + replicas(set)).contains(&ordinal)
}

/// RollingUpdate's partition; 0 without one.
pub fn partition(set: &StatefulSet) -> i64 {
    let rolling = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref()?.rolling_update.as_ref());
    i64::from(rolling.and_then(|r| r.partition).unwrap_or(0))
}

/// How many pods may be unavailable in a rolling update: at least one. (The gate MaxUnavailableStatefulSet is off in
/// 1.36, so the API server lets no other number than this one through.)
pub fn max_unavailable(set: &StatefulSet) -> Result<i64, String> {
    let rolling = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref()?.rolling_update.as_ref());
    let Some(value) = rolling.and_then(|r| r.max_unavailable.as_ref()) else { return Ok(1) };
    intstr::scaled_value(value, replicas(set), false).map(|n| n.max(1))
}

/// The name of the claim that a template makes for an ordinal.
pub fn claim_name(set: &StatefulSet, template: &PersistentVolumeClaim, ordinal: i64) -> String {
    format!("{}-{}-{ordinal}", template.metadata.name.as_deref().unwrap_or_default(), name(set))
}

/// The claims of an ordinal, as they are made.
pub fn claims(set: &StatefulSet, ordinal: i64) -> Vec<PersistentVolumeClaim> {
    let Some(spec) = &set.spec else { return vec![] };
    let selected = spec.selector.match_labels.clone().unwrap_or_default();
    let claim = |template: &PersistentVolumeClaim| {
        let mut claim = template.clone();
        claim.metadata.name = Some(claim_name(set, template, ordinal));
        claim.metadata.namespace = set.metadata.namespace.clone();
        claim.metadata.labels.get_or_insert_default().extend(selected.clone());
        claim.status = None;
        claim
    };
    spec.volume_claim_templates.iter().flatten().map(claim).collect()
}

/// The pod with an ordinal, made by the template of a revision.
pub fn pod(
    set: &StatefulSet,
    owner: &OwnerReference,
    (revision, template): (&str, &PodTemplateSpec),
    ordinal: i64,
) -> Pod {
    let name = pod_name(set, ordinal);
    let meta = template.metadata.clone().unwrap_or_default();
    let mut labels = meta.labels.unwrap_or_default();
    labels.insert(POD_NAME_LABEL.into(), name.clone());
    labels.insert(INDEX_LABEL.into(), ordinal.to_string());
    labels.insert(HASH_LABEL.into(), revision.into());
    let mut spec = template.spec.clone().unwrap_or_default();
    spec.hostname = Some(name.clone());
    spec.subdomain = set.spec.as_ref().and_then(|s| s.service_name.clone()).filter(|s| !s.is_empty());
    let templates = set.spec.as_ref().and_then(|s| s.volume_claim_templates.as_deref()).unwrap_or_default();
    let volume = |t: &PersistentVolumeClaim| Volume {
        name: t.metadata.name.clone().unwrap_or_default(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim_name(set, t, ordinal),
            read_only: None,
        }),
        ..Volume::default()
    };
    let mut volumes: Vec<Volume> = templates.iter().map(volume).collect();
    let own = spec.volumes.take().unwrap_or_default();
    volumes.extend(own.into_iter().filter(|v| !templates.iter().any(|t| t.metadata.name.as_ref() == Some(&v.name))));
    spec.volumes = (!volumes.is_empty()).then_some(volumes);
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", owner.name)),
            name: Some(name),
            namespace: set.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![owner.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}
