//! Arithmetic and small readings of Deployments and ReplicaSets: pure functions.
//! Models pkg/controller/deployment/util/deployment_util.go.

use crate::api::intstr;
use crate::clock::SimTime;
use crate::store::pod::fnv32;
use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Annotation that numbers the revisions of a Deployment.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Earlier numbers of a ReplicaSet that came back, comma-separated.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// spec.replicas of the Deployment when the ReplicaSet was last sized.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The same plus maxSurge.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Label that tells the ReplicaSets of one Deployment apart.
pub const HASH_LABEL: &str = "pod-template-hash";

/// Annotations of a Deployment that are not copied to its ReplicaSets.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// spec.replicas, which defaulting has set.
pub fn replicas(d: &Deployment) -> i32 {
    d.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1)
}

/// spec.replicas of a ReplicaSet.
pub fn rs_replicas(rs: &ReplicaSet) -> i32 {
    rs.spec.as_ref().and_then(|s| s.replicas).unwrap_or(0)
}

/// True for the Recreate strategy.
pub fn is_recreate(d: &Deployment) -> bool {
    d.spec.as_ref().and_then(|s| s.strategy.as_ref()).and_then(|s| s.type_.as_deref()) == Some("Recreate")
}

/// maxSurge (rounded up) and maxUnavailable (rounded down) of `desired` replicas; if both come out as zero, one pod
/// may be unavailable, or nothing could ever move. An unset value counts as zero. The error is a text of upstream's.
pub fn resolve_fenceposts(
    max_surge: Option<&IntOrString>,
    max_unavailable: Option<&IntOrString>,
    desired: i32,
) -> Result<(i32, i32), String> {
    let zero = IntOrString::Int(0);
    let surge = intstr::scaled_value(max_surge.unwrap_or(&zero), i64::from(desired), true)? as i32;
    let mut unavailable = intstr::scaled_value(max_unavailable.unwrap_or(&zero), i64::from(desired), false)? as i32;
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    Ok((surge, unavailable))
}

fn fenceposts(d: &Deployment) -> (i32, i32) {
    let rolling = d.spec.as_ref().and_then(|s| s.strategy.as_ref()).and_then(|s| s.rolling_update.as_ref());
    let (surge, unavailable) = rolling.map_or((None, None), |r| (r.max_surge.as_ref(), r.max_unavailable.as_ref()));
    resolve_fenceposts(surge, unavailable, replicas(d)).unwrap_or((0, 1))
}

/// Pods beyond spec.replicas that a rollout may make.
pub fn max_surge(d: &Deployment) -> i32 {
    if is_recreate(d) { 0 } else { fenceposts(d).0 }
}

/// The most pods that there may be during a rollout.
pub fn most(d: &Deployment) -> i32 {
    replicas(d).saturating_add(max_surge(d))
}

/// The sizes of ReplicaSets together.
pub fn total(all: &[Arc<ReplicaSet>]) -> i32 {
    all.iter().map(|r| rs_replicas(r)).fold(0, i32::saturating_add)
}

/// Pods that may be unavailable during a rollout.
pub fn max_unavailable(d: &Deployment) -> i32 {
    if is_recreate(d) || replicas(d) == 0 { 0 } else { fenceposts(d).1.min(replicas(d)) }
}

/// Pods that must stay available.
pub fn min_available(d: &Deployment) -> i32 {
    if is_recreate(d) { 0 } else { replicas(d) - max_unavailable(d) }
}

/// The size the new ReplicaSet may take now; `all` includes it.
pub fn new_rs_new_replicas(d: &Deployment, all: &[Arc<ReplicaSet>], new: &ReplicaSet) -> i32 {
    if is_recreate(d) {
        return replicas(d);
    }
    let (current, most) = (total(all), most(d));
    if current >= most {
        return rs_replicas(new);
    }
    rs_replicas(new) + (most - current).min(replicas(d) - rs_replicas(new))
}

/// Do two templates make the same pods, the hash label aside?
pub fn equal_ignoring_hash(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let strip = |t: &PodTemplateSpec| {
        let mut t = t.clone();
        let m = t.metadata.get_or_insert_default();
        if let Some(l) = &mut m.labels {
            l.remove(HASH_LABEL);
        }
        m.labels = m.labels.take().filter(|l| !l.is_empty());
        m.annotations = m.annotations.take().filter(|l| !l.is_empty());
        t
    };
    strip(a) == strip(b)
}

/// The oldest ReplicaSet whose template is the Deployment's.
pub fn find_new(d: &Deployment, all: &[Arc<ReplicaSet>]) -> Option<Arc<ReplicaSet>> {
    let template = &d.spec.as_ref()?.template;
    let mut sorted: Vec<&Arc<ReplicaSet>> = all.iter().collect();
    sorted.sort_by(|a, b| by_age(a, b));
    sorted
        .into_iter()
        .find(|r| r.spec.as_ref().and_then(|s| s.template.as_ref()).is_some_and(|t| equal_ignoring_hash(t, template)))
        .cloned()
}

/// Older first, then by name.
pub fn by_age(a: &ReplicaSet, b: &ReplicaSet) -> std::cmp::Ordering {
    let m = |r: &ReplicaSet| {
        (r.metadata.creation_timestamp.as_ref().map(|t| t.0), r.metadata.name.clone().unwrap_or_default())
    };
    m(a).cmp(&m(b))
}

/// The hash of a template: FNV-32a of its JSON and the collision count, spelled in the alphabet of generated names.
/// The value differs from upstream's, which hashes Go's own print of the structure.
pub fn template_hash(t: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let mut bytes = serde_json::to_value(t).unwrap_or_default().to_string().into_bytes();
    if let Some(c) = collisions {
        bytes.extend_from_slice(&c.to_le_bytes());
    }
    encode_hash(fnv32(&bytes))
}

/// A number in the alphabet of generated names.
pub fn encode_hash(hash: u32) -> String {
    let alphabet = crate::rng::SAFE_ALPHABET;
    hash.to_string().bytes().map(|b| alphabet[usize::from(b) % alphabet.len()] as char).collect()
}

/// Name of a new ReplicaSet: `<deployment>-<hash>`.
pub fn replica_set_name(deployment: &str, hash: &str) -> String {
    // the deployment's part gives way, up to the longest name that there is; the hash never does
    let most = 252usize.saturating_sub(hash.len()).max(if hash.len() >= 252 { 252 } else { 0 });
    let cut: String = deployment.chars().take(most).collect();
    format!("{cut}-{hash}")
}

/// The revision annotation as a number; 0 where there is none.
pub fn revision<T: Metadata<Ty = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta>>(o: &T) -> i64 {
    annotation(o, REVISION).and_then(|r| r.parse().ok()).unwrap_or(0)
}

/// An annotation's value.
pub fn annotation<'a, T: Metadata<Ty = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta>>(
    o: &'a T,
    key: &str,
) -> Option<&'a str> {
    o.metadata().annotations.as_ref()?.get(key).map(String::as_str)
}

/// Sets desired-replicas and max-replicas; true if that changed anything.
pub fn set_replicas_annotations(rs: &mut ReplicaSet, desired: i32, max: i32) -> bool {
    let a = rs.metadata.annotations.get_or_insert_default();
    let mut changed = false;
    for (k, v) in [(DESIRED_REPLICAS, desired), (MAX_REPLICAS, max)] {
        if a.get(k).is_none_or(|x| *x != v.to_string()) {
            a.insert(k.into(), v.to_string());
            changed = true;
        }
    }
    changed
}

/// Copies the Deployment's annotations and sets the revision of its newest ReplicaSet; true if that changed anything.
pub fn set_new_rs_annotations(d: &Deployment, rs: &mut ReplicaSet, new_revision: i64, exists: bool) -> bool {
    let empty = BTreeMap::new();
    let mut changed = false;
    let a = rs.metadata.annotations.get_or_insert_default();
    for (k, v) in d.metadata.annotations.as_ref().unwrap_or(&empty) {
        if !NOT_COPIED.contains(&k.as_str()) && a.get(k) != Some(v) {
            a.insert(k.clone(), v.clone());
            changed = true;
        }
    }
    let old = a.get(REVISION).cloned();
    if old.as_deref().and_then(|r| r.parse::<i64>().ok()).unwrap_or(0) < new_revision {
        a.insert(REVISION.into(), new_revision.to_string());
        changed = true;
        if let Some(old) = old {
            let history = match a.get(REVISION_HISTORY).filter(|h| !h.is_empty()) {
                Some(h) => format!("{h},{old}"),
                None => old,
            };
            a.insert(REVISION_HISTORY.into(), history);
        }
    }
    if !exists && set_replicas_annotations(rs, replicas(d), most(d)) {
        changed = true;
    }
    changed
}

/// How much one ReplicaSet grows or shrinks when its Deployment is scaled in mid-rollout.
pub fn proportion(rs: &ReplicaSet, d: &Deployment, to_add: i32, added: i32) -> i32 {
    if rs_replicas(rs) == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let fraction = fraction(rs, d);
    let allowed = to_add - added;
    if to_add > 0 { fraction.min(allowed) } else { fraction.max(allowed) }
}

/// round(rs · (replicas+surge) / max-replicas annotation) − rs; without the annotation, the Deployment's status counts.
pub fn fraction(rs: &ReplicaSet, d: &Deployment) -> i32 {
    let size = rs_replicas(rs);
    if replicas(d) == 0 {
        return -size;
    }
    let most = f64::from(most(d));
    let before = annotation(rs, MAX_REPLICAS)
        .and_then(|a| a.parse::<i32>().ok())
        .filter(|n| *n > 0)
        .unwrap_or_else(|| d.status.as_ref().and_then(|s| s.replicas).unwrap_or(0));
    if before == 0 {
        return 0;
    }
    // both are small integers: the quotient's rounding is the same everywhere
    let new = f64::from(size) * most / f64::from(before);
    (new + 0.5).floor() as i32 - size
}

/// Is the rollout complete by this status?
pub fn complete(d: &Deployment, s: &DeploymentStatus) -> bool {
    s.updated_replicas.unwrap_or(0) == replicas(d)
        && s.replicas.unwrap_or(0) == replicas(d)
        && s.available_replicas.unwrap_or(0) == replicas(d)
        && s.observed_generation.unwrap_or(0) >= d.metadata.generation.unwrap_or(0)
}

/// Does the new status show progress over the Deployment's?
pub fn progressing(d: &Deployment, new: &DeploymentStatus) -> bool {
    let empty = DeploymentStatus::default();
    let old = d.status.as_ref().unwrap_or(&empty);
    let n = |x: Option<i32>| x.unwrap_or(0);
    let old_pods = |s: &DeploymentStatus| n(s.replicas) - n(s.updated_replicas);
    n(new.updated_replicas) > n(old.updated_replicas)
        || old_pods(new) < old_pods(old)
        || n(new.ready_replicas) > n(old.ready_replicas)
        || n(new.available_replicas) > n(old.available_replicas)
}

/// True unless progressDeadlineSeconds is unset or the greatest int32.
pub fn has_deadline(d: &Deployment) -> bool {
    d.spec.as_ref().and_then(|s| s.progress_deadline_seconds).is_some_and(|s| s != i32::MAX)
}

/// Has the rollout passed its progress deadline?
pub fn timed_out(d: &Deployment, new: &DeploymentStatus, now: SimTime) -> bool {
    if !has_deadline(d) {
        return false;
    }
    let Some(c) = condition(new, "Progressing") else { return false };
    match c.reason.as_deref() {
        Some("NewReplicaSetAvailable") => false,
        Some("ProgressDeadlineExceeded") => true,
        _ => {
            let from = c.last_update_time.as_ref().map_or(0, |t| t.0.as_second());
            let deadline = i64::from(d.spec.as_ref().and_then(|s| s.progress_deadline_seconds).unwrap_or(0));
            from + deadline < now.unix_seconds()
        }
    }
}

/// A condition by type.
pub fn condition<'a>(s: &'a DeploymentStatus, type_: &str) -> Option<&'a DeploymentCondition> {
    s.conditions.as_ref()?.iter().find(|c| c.type_ == type_)
}

/// A new condition with both times now.
pub fn new_condition(type_: &str, status: &str, reason: &str, message: String, now: SimTime) -> DeploymentCondition {
    DeploymentCondition {
        type_: type_.into(),
        status: status.into(),
        reason: Some(reason.into()),
        message: Some(message),
        last_update_time: Some(now.api()),
        last_transition_time: Some(now.api()),
    }
}

/// Sets a condition: nothing happens when status and reason are what they were; the transition time moves with the
/// status only.
pub fn set_condition(s: &mut DeploymentStatus, mut c: DeploymentCondition) {
    if let Some(old) = condition(s, &c.type_) {
        if old.status == c.status && old.reason == c.reason {
            return;
        }
        if old.status == c.status {
            c.last_transition_time = old.last_transition_time.clone();
        }
    }
    remove_condition(s, &c.type_);
    s.conditions.get_or_insert_default().push(c);
}

/// Removes a condition.
pub fn remove_condition(s: &mut DeploymentStatus, type_: &str) {
    if let Some(c) = &mut s.conditions {
        c.retain(|c| c.type_ != type_);
        if c.is_empty() {
            s.conditions = None;
        }
    }
}

/// Old ReplicaSets beyond the history limit that may go: lowest revision first.
pub fn history_cleanup(d: &Deployment, old: &[Arc<ReplicaSet>]) -> Vec<Arc<ReplicaSet>> {
    let limit = d.spec.as_ref().and_then(|s| s.revision_history_limit).unwrap_or(i32::MAX);
    if limit == i32::MAX {
        return vec![];
    }
    let mut alive: Vec<&Arc<ReplicaSet>> = old.iter().filter(|r| r.metadata.deletion_timestamp.is_none()).collect();
    let surplus = alive.len() as i64 - i64::from(limit);
    if surplus <= 0 {
        return vec![];
    }
    alive.sort_by(|a, b| revision(&***a).cmp(&revision(&***b)).then_with(|| by_age(a, b)));
    alive
        .into_iter()
        .take(surplus as usize)
        .filter(|r| {
            let status = r.status.as_ref();
            rs_replicas(r) == 0
                && status.map_or(0, |s| s.replicas) == 0
                && r.metadata.generation.unwrap_or(0) <= status.and_then(|s| s.observed_generation).unwrap_or(0)
        })
        .cloned()
        .collect()
}

/// How far unavailable pods of old ReplicaSets are removed, oldest first: (ReplicaSet, new size), at most `most` pods.
pub fn cleanup_unhealthy(old: &[Arc<ReplicaSet>], most: i32) -> Vec<(Arc<ReplicaSet>, i32)> {
    let mut sorted = old.to_vec();
    sorted.sort_by(|a, b| by_age(a, b));
    let (mut out, mut gone) = (vec![], 0);
    for rs in sorted {
        if gone >= most {
            break;
        }
        let (size, available) = (rs_replicas(&rs), rs.status.as_ref().and_then(|s| s.available_replicas).unwrap_or(0));
        if size == 0 || size == available {
            continue;
        }
        let remove = (most - gone).min(size - available);
        if remove <= 0 {
            continue;
        }
        gone += remove;
        out.push((rs, size - remove));
    }
    out
}

/// How far old ReplicaSets shrink by what availability allows, oldest first: (ReplicaSet, new size).
pub fn scale_down_old(
    old: &[Arc<ReplicaSet>],
    available_in_all: i32,
    min_available: i32,
) -> Vec<(Arc<ReplicaSet>, i32)> {
    let most = available_in_all - min_available;
    let mut sorted = old.to_vec();
    sorted.sort_by(|a, b| by_age(a, b));
    let (mut out, mut gone) = (vec![], 0);
    for rs in sorted {
        if gone >= most {
            break;
        }
        let size = rs_replicas(&rs);
        if size == 0 {
            continue;
        }
        let remove = size.min(most - gone);
        gone += remove;
        out.push((rs, size - remove));
    }
    out
}

/// Sizes of all active ReplicaSets after the Deployment was scaled in mid-rollout, in the order of their writes.
pub fn proportional_scale(d: &Deployment, all: &[Arc<ReplicaSet>]) -> Vec<(Arc<ReplicaSet>, i32)> {
    let allowed = if replicas(d) > 0 { most(d) } else { 0 };
    let to_add = allowed - total(all);
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| {
        rs_replicas(b).cmp(&rs_replicas(a)).then_with(|| if to_add > 0 { by_age(b, a) } else { by_age(a, b) })
    });
    let mut sizes: Vec<i32> = vec![];
    let mut added = 0;
    for rs in &sorted {
        let change = if to_add == 0 { 0 } else { proportion(rs, d, to_add, added) };
        sizes.push(rs_replicas(rs).saturating_add(change));
        added = added.saturating_add(change);
    }
    if to_add != 0
        && let Some(first) = sizes.first_mut()
    {
        *first = first.saturating_add(to_add.saturating_sub(added)).max(0);
    }
    sorted.into_iter().zip(sizes).collect()
}
