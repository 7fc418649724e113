//! What a kustomization does to all of its objects: namespace, names, labels, annotations, replicas, images.

use super::{Resource, items, put, references, text};
use crate::api::kinds;
use serde_json::Value;

/// Kinds whose names stay as they are.
const KEEP_NAMES: &[&str] = &["CustomResourceDefinition", "Namespace", "APIService"];

/// Everything, in kustomize's order.
pub(super) fn all(k: &Value, all: &mut [Resource]) {
    let namespace = text(&k["namespace"]);
    if !namespace.is_empty() {
        all.iter_mut().for_each(|r| move_to(r, namespace));
    }
    let (prefix, suffix) = (text(&k["namePrefix"]), text(&k["nameSuffix"]));
    if !(prefix.is_empty() && suffix.is_empty()) {
        references::rename(all, &|r| {
            (!KEEP_NAMES.contains(&r.kind())).then(|| format!("{prefix}{}{suffix}", r.name()))
        });
    }
    for r in all.iter_mut() {
        for l in items(&k["labels"]) {
            let selectors = l["includeSelectors"] == true;
            label(r, &l["pairs"], selectors, selectors || l["includeTemplates"] == true);
        }
        label(r, &k["commonLabels"], true, true);
        for (key, v) in k["commonAnnotations"].as_object().into_iter().flatten() {
            put(&mut r.object, &["metadata", "annotations"], key, text(v));
            for template in templates(r.kind()) {
                put_if(&mut r.object, template, &["metadata", "annotations"], key, text(v));
            }
        }
        let count = items(&k["replicas"]).iter().rfind(|one| r.is_called(text(&one["name"])));
        if let Some(one) = count
            && matches!(r.kind(), "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet")
            && let Some(Value::Object(spec)) = r.object.get_mut("spec")
        {
            spec.insert("replicas".into(), one["count"].clone());
        }
        if !items(&k["images"]).is_empty() {
            images(&mut r.object, items(&k["images"]));
        }
    }
}

fn move_to(r: &mut Resource, namespace: &str) {
    let version = text(&r.object["apiVersion"]).to_owned();
    if r.kind() == "Namespace" {
        r.object["metadata"]["name"] = namespace.into();
    } else if kinds::by_kind(&version, r.kind()).is_none_or(|info| info.namespaced) {
        r.object["metadata"]["namespace"] = namespace.into();
    }
    if r.kind().ends_with("RoleBinding") {
        let subjects = r.object.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten() {
            if subject["kind"] == "ServiceAccount" {
                subject["namespace"] = namespace.into();
            }
        }
    }
}

/// Where the templates of a kind's pods and jobs stand.
fn templates(kind: &str) -> &'static [&'static [&'static str]] {
    match kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "ReplicationController" | "Job" => {
            &[&["spec", "template"]]
        }
        "CronJob" => &[&["spec", "jobTemplate"], &["spec", "jobTemplate", "spec", "template"]],
        _ => &[],
    }
}

/// Where the selectors of a kind stand, and whether one is made where there is none.
fn selectors(kind: &str) -> (&'static [&'static str], bool) {
    match kind {
        "Service" | "ReplicationController" => (&["spec", "selector"], true),
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => (&["spec", "selector", "matchLabels"], true),
        "Job" | "PodDisruptionBudget" => (&["spec", "selector", "matchLabels"], false),
        "NetworkPolicy" => (&["spec", "podSelector", "matchLabels"], false),
        _ => (&[], false),
    }
}

/// Sets a string below a part that is there.
fn put_if(object: &mut Value, part: &[&str], path: &[&str], key: &str, value: &str) {
    let mut at = object;
    for name in part {
        match at.get_mut(*name).filter(|v| v.is_object()) {
            Some(inner) => at = inner,
            None => return,
        }
    }
    put(at, path, key, value);
}

fn label(r: &mut Resource, pairs: &Value, in_selectors: bool, in_templates: bool) {
    let kind = r.kind().to_owned();
    for (key, v) in pairs.as_object().into_iter().flatten() {
        let value = text(v);
        put(&mut r.object, &["metadata", "labels"], key, value);
        if in_templates {
            for template in templates(&kind) {
                put_if(&mut r.object, template, &["metadata", "labels"], key, value);
            }
        }
        if !in_selectors {
            continue;
        }
        let (path, made) = selectors(&kind);
        // a Service without a selector selects by other means
        if made && !(kind == "Service" && r.object["spec"]["selector"].is_null()) {
            put(&mut r.object, path, key, value);
        } else if !path.is_empty() {
            put_if(&mut r.object, path, &[], key, value);
        }
        if kind == "StatefulSet" {
            let claims = r.object.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut);
            claims.into_iter().flatten().for_each(|claim| put(claim, &["metadata", "labels"], key, value));
        }
    }
}

/// Changes the images of containers, wherever they stand.
fn images(v: &mut Value, changes: &[Value]) {
    match v {
        Value::Array(list) => list.iter_mut().for_each(|v| images(v, changes)),
        Value::Object(map) => {
            for (field, inner) in map.iter_mut() {
                if matches!(field.as_str(), "containers" | "initContainers") {
                    for container in inner.as_array_mut().into_iter().flatten() {
                        let Some(image) = container["image"].as_str() else { continue };
                        let new = changes.iter().fold(image.to_owned(), |image, change| changed(&image, change));
                        container["image"] = new.into();
                    }
                } else {
                    images(inner, changes);
                }
            }
        }
        _ => {}
    }
}

fn changed(image: &str, change: &Value) -> String {
    let (rest, digest) = image.split_once('@').map_or((image, None), |(r, d)| (r, Some(d)));
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if name != text(&change["name"]) {
        return image.to_owned();
    }
    let name = change["newName"].as_str().unwrap_or(name);
    let new_tag = match &change["newTag"] {
        Value::String(s) => Some(s.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    match (change["digest"].as_str(), new_tag) {
        (Some(d), Some(t)) => format!("{name}:{t}@{d}"),
        (Some(d), None) => format!("{name}@{d}"),
        (None, Some(t)) => format!("{name}:{t}"),
        (None, None) => match (tag, digest) {
            (_, Some(d)) => format!("{name}@{d}"),
            (Some(t), None) => format!("{name}:{t}"),
            (None, None) => name.to_owned(),
        },
    }
}
