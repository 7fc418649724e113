//! Names that objects mention: they follow when what is meant gets another one.

use super::Resource;
use crate::kubectl::cmd::create::hash;
use serde_json::Value;

/// What has been called otherwise: kind, old name, new name.
type Renamed = (String, String, String);

/// Adds the hash of what it holds to each generated name.
pub(super) fn hash(all: &mut [Resource]) {
    let mut renamed: Vec<Renamed> = vec![];
    for r in all.iter_mut().filter(|r| r.hashed) {
        let (kind, old) = (r.kind().to_owned(), r.name().to_owned());
        let new = format!("{old}-{}", hash::of(&r.object));
        r.rename(new.clone());
        renamed.push((kind, old, new));
    }
    follow(all, &renamed);
}

/// Gives objects other names.
pub(super) fn rename(all: &mut [Resource], new: &dyn Fn(&Resource) -> Option<String>) {
    let mut renamed: Vec<Renamed> = vec![];
    for r in all.iter_mut() {
        if let Some(name) = new(r) {
            renamed.push((r.kind().to_owned(), r.name().to_owned(), name.clone()));
            r.rename(name);
        }
    }
    follow(all, &renamed);
}

fn follow(all: &mut [Resource], renamed: &[Renamed]) {
    if !renamed.is_empty() {
        all.iter_mut().for_each(|r| walk(&mut r.object, "", renamed));
    }
}

fn set(at: &mut Value, kind: &str, renamed: &[Renamed]) {
    let Some(name) = at.as_str() else { return };
    if let Some((_, _, new)) = renamed.iter().find(|(k, old, _)| k == kind && old == name) {
        *at = new.as_str().into();
    }
}

/// Goes through an object; `parent` is the field in which this part stands.
fn walk(v: &mut Value, parent: &str, renamed: &[Renamed]) {
    match v {
        Value::Array(list) => list.iter_mut().for_each(|v| walk(v, parent, renamed)),
        Value::Object(map) => {
            // what names its kind: scaleTargetRef, roleRef, subjects, objects of a claim's dataSource
            let kind = map.get("kind").and_then(Value::as_str).map(str::to_owned);
            if let Some(kind) = kind.filter(|_| parent.ends_with("Ref") || matches!(parent, "subjects" | "dataSource"))
                && let Some(name) = map.get_mut("name")
            {
                set(name, &kind, renamed);
            }
            for (field, inner) in map.iter_mut() {
                let (kind, below) = match (parent, field.as_str()) {
                    (_, "configMapRef" | "configMapKeyRef") | ("volumes" | "sources", "configMap") => {
                        ("ConfigMap", "name")
                    }
                    (_, "secretRef" | "secretKeyRef") | ("sources", "secret") => ("Secret", "name"),
                    ("volumes", "secret") => ("Secret", "secretName"),
                    (_, "persistentVolumeClaim") => ("PersistentVolumeClaim", "claimName"),
                    ("backend" | "defaultBackend", "service") => ("Service", "name"),
                    ("webhooks" | "clientConfig", "service") => ("Service", "name"),
                    (_, "serviceAccountName" | "serviceAccount") => ("ServiceAccount", ""),
                    ("spec", "serviceName") => ("Service", ""),
                    ("tls", "secretName") => ("Secret", ""),
                    (_, "priorityClassName") => ("PriorityClass", ""),
                    (_, "storageClassName") => ("StorageClass", ""),
                    (_, "ingressClassName") => ("IngressClass", ""),
                    ("spec", "volumeName") => ("PersistentVolume", ""),
                    (_, "imagePullSecrets") => {
                        for one in inner.as_array_mut().into_iter().flatten() {
                            if let Some(name) = one.get_mut("name") {
                                set(name, "Secret", renamed);
                            }
                        }
                        continue;
                    }
                    _ => ("", ""),
                };
                match (kind, below) {
                    ("", _) => {}
                    (kind, "") => set(inner, kind, renamed),
                    (kind, below) => {
                        if let Some(name) = inner.get_mut(below) {
                            set(name, kind, renamed);
                        }
                    }
                }
                walk(inner, field, renamed);
            }
        }
        _ => {}
    }
}
