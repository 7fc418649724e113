//! `kubectl kustomize` and `-k`: manifests made of a kustomization and the files it names. Models kustomize's
//! `api/internal/target` in what people write by hand; plugins, Helm charts, `vars` and other hosts are refused.
//!
//! Invariant: pure. Files in, objects out; the cluster is never asked.

mod generate;
mod references;
mod transform;

use super::cmd::apply;
use super::script::HERE;
use crate::api::yaml;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;

/// The working directory.
pub type Files = BTreeMap<String, String>;

/// Where kustomizations are read from.
struct Source<'a> {
    files: &'a Files,
    /// How many were read.
    read: Cell<usize>,
}

/// Names that a kustomization's file may have.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// How deep kustomizations may name each other.
const MAX_DEPTH: usize = 20;
/// How many kustomizations are read for one: some that name each other twice over would never end.
const MAX_READ: usize = 500;

/// Fields that are acted on.
const KNOWN: &[&str] = &[
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "generatorOptions",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
];
/// Fields of kustomize that are refused.
const REFUSED: &[&str] = &[
    "configurations",
    "crds",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "openapi",
    "replacements",
    "transformers",
    "validators",
    "vars",
];

/// An object on its way through the kustomizations.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    object: Value,
    /// Names that it had before.
    names: Vec<String>,
    /// Its name gets the hash of what it holds.
    hashed: bool,
}

impl Resource {
    fn new(object: Value) -> Resource {
        Resource { object, names: vec![], hashed: false }
    }

    fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.object["metadata"]["namespace"].as_str().unwrap_or_default()
    }

    fn group(&self) -> &str {
        self.object["apiVersion"].as_str().unwrap_or_default().split_once('/').map_or("", |(g, _)| g)
    }

    fn rename(&mut self, name: String) {
        let old = self.name().to_owned();
        self.names.push(old);
        self.object["metadata"]["name"] = name.into();
    }

    /// Is this its name, or was it?
    fn is_called(&self, name: &str) -> bool {
        self.name() == name || self.names.iter().any(|n| n == name)
    }
}

fn items(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

/// A path below a directory, without `.` and `..`; none: it leads out of the working directory.
fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = vec![];
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn shown(directory: &str) -> String {
    format!("{HERE}/{directory}").trim_end_matches('/').to_owned()
}

/// The objects of a directory's kustomization, in the order they are created in.
///
/// # Errors
/// What kustomize would say: no kustomization, an unknown field, a missing file, a patch that fits nothing.
pub fn build(directory: &str, files: &Files) -> Result<Vec<Value>, String> {
    if directory.contains("://") || directory.starts_with("github.com/") {
        return Err(format!(
            "unable to read {directory}: this cluster lives in a browser tab and reaches no other host"
        ));
    }
    let root =
        join("", directory).ok_or_else(|| format!("security; file '{directory}' is not in or below '{HERE}'"))?;
    let mut all = target(&root, &Source { files, read: Cell::new(0) }, vec![], 0)?;
    references::hash(&mut all);
    all.sort_by_key(|r| order(&r.object));
    Ok(all.into_iter().map(|r| r.object).collect())
}

/// As manifests, one after the other.
///
/// # Errors
/// As [`build`].
pub fn manifest(directory: &str, files: &Files) -> Result<String, String> {
    let objects = build(directory, files)?;
    Ok(objects.iter().map(super::printer::json::yaml).collect::<Vec<_>>().join("---\n"))
}

/// What is needed by others comes first.
fn order(object: &Value) -> (i32, String, String, String) {
    const FIRST: &[&str] = &[
        "Namespace",
        "ResourceQuota",
        "StorageClass",
        "CustomResourceDefinition",
        "ServiceAccount",
        "PodSecurityPolicy",
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
        "ConfigMap",
        "Secret",
        "Endpoints",
        "Service",
        "LimitRange",
        "PriorityClass",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Deployment",
        "StatefulSet",
        "CronJob",
        "PodDisruptionBudget",
    ];
    let kind = text(&object["kind"]);
    let place = match FIRST.iter().position(|k| *k == kind) {
        Some(i) => i as i32 - FIRST.len() as i32,
        None if kind.ends_with("WebhookConfiguration") => 1,
        None => 0,
    };
    let meta = &object["metadata"];
    let id = format!("{}/{kind}", text(&object["apiVersion"]));
    (place, id, text(&meta["namespace"]).to_owned(), text(&meta["name"]).to_owned())
}

/// The kustomization in a directory.
fn read(directory: &str, files: &Files) -> Result<Value, String> {
    let found: Vec<&String> =
        NAMES.iter().filter_map(|n| join(directory, n)).filter_map(|path| files.get(&path)).collect();
    let file = match found[..] {
        [one] => one,
        [] => {
            return Err(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}'",
                shown(directory)
            ));
        }
        _ => return Err(format!("Found multiple kustomization files under: {}", shown(directory))),
    };
    let k = yaml::read_value(file).map_err(|e| format!("invalid Kustomization: {e}"))?;
    let Some(map) = k.as_object() else { return Err("kustomization.yaml is empty".into()) };
    for field in map.keys().map(String::as_str) {
        if REFUSED.contains(&field) {
            return Err(format!("invalid Kustomization: `{field}` is not simulated"));
        }
        if !KNOWN.contains(&field) {
            return Err(format!("invalid Kustomization: json: unknown field {field:?}"));
        }
    }
    Ok(k)
}

/// What a kustomization makes of what was there before (components) and of what it names.
fn target(directory: &str, from: &Source, before: Vec<Resource>, depth: usize) -> Result<Vec<Resource>, String> {
    from.read.set(from.read.get() + 1);
    if depth > MAX_DEPTH || from.read.get() > MAX_READ {
        return Err(format!("cycle detected: {}", shown(directory)));
    }
    let files = from.files;
    let k = read(directory, files)?;
    let mut all = before;
    for path in items(&k["resources"]).iter().chain(items(&k["bases"])).map(text) {
        accumulate(directory, path, from, depth, &mut all)?;
    }
    for path in items(&k["components"]).iter().map(text) {
        let below = join(directory, path).ok_or_else(|| format!("no such directory: {path}"))?;
        all = target(&below, from, all, depth + 1)?;
    }
    generate::all(&k, directory, files, &mut all)?;
    for patch in items(&k["patchesStrategicMerge"]) {
        let body = source(directory, text(patch), files);
        patch_with(&body, &Value::Null, &mut all)?;
    }
    for patch in items(&k["patches"]).iter().chain(items(&k["patchesJson6902"])) {
        let body = match text(&patch["path"]) {
            "" => text(&patch["patch"]).to_owned(),
            path => join(directory, path)
                .and_then(|p| files.get(&p).cloned())
                .ok_or_else(|| format!("failed to get the patch file from path({path}): no such file or directory"))?,
        };
        patch_with(&body, &patch["target"], &mut all)?;
    }
    transform::all(&k, &mut all);
    Ok(all)
}

/// What stands in a file of that name, or the text itself.
fn source(directory: &str, named: &str, files: &Files) -> String {
    join(directory, named).and_then(|p| files.get(&p)).cloned().unwrap_or_else(|| named.to_owned())
}

fn accumulate(directory: &str, path: &str, from: &Source, depth: usize, all: &mut Vec<Resource>) -> Result<(), String> {
    let files = from.files;
    if path.contains("://") || path.starts_with("github.com/") {
        return Err(format!(
            "accumulating resources: unable to read {path}: this cluster lives in a browser tab and reaches no other host"
        ));
    }
    let Some(place) = join(directory, path) else {
        return Err(format!("accumulating resources: security; file '{path}' is not in or below '{HERE}'"));
    };
    let new = match files.get(&place) {
        Some(file) => {
            let mut new = vec![];
            for document in super::manifest::read_manifests(file, path) {
                let object = document.map_err(|e| format!("accumulating resources: {}", e.text()))?.object;
                let named = !text(&object["metadata"]["name"]).is_empty();
                if !named || text(&object["kind"]).is_empty() {
                    let what = if named { "kind" } else { "metadata.name" };
                    return Err(format!("accumulating resources: missing {what} in object of '{path}'"));
                }
                new.push(Resource::new(object));
            }
            new
        }
        None if place.is_empty() || files.keys().any(|f| f.starts_with(&format!("{place}/"))) => {
            target(&place, from, vec![], depth + 1)?
        }
        None => {
            return Err(format!(
                "accumulating resources: accumulation err='accumulating resources from '{path}': evalsymlink failure on '{0}' : lstat {0}: no such file or directory'",
                shown(&place)
            ));
        }
    };
    for r in new {
        let twice = |o: &Resource| {
            (o.kind(), o.group(), o.name(), o.namespace()) == (r.kind(), r.group(), r.name(), r.namespace())
        };
        if all.iter().any(twice) {
            return Err(format!(
                "accumulating resources: may not add resource with an already registered id: {}.{}/{}.[noNs]",
                r.kind(),
                text(&r.object["apiVersion"]),
                r.name()
            ));
        }
        all.push(r);
    }
    Ok(())
}

/// Applies a patch, whichever kind it is, to what it is meant for.
fn patch_with(body: &str, wanted: &Value, all: &mut Vec<Resource>) -> Result<(), String> {
    let unable = |why: String| format!("unable to parse SM or JSON patch from [{}]: {why}", body.trim_end());
    let first = yaml::read_value(body).map_err(|e| unable(e.to_string()))?;
    if first.is_array() {
        let operations: json_patch::Patch = serde_json::from_value(first).map_err(|e| unable(e.to_string()))?;
        let mut hit = false;
        for r in all.iter_mut().filter(|r| selects(wanted, r)) {
            hit = true;
            json_patch::patch(&mut r.object, &operations).map_err(|e| e.to_string())?;
            if !r.object["metadata"].is_object() {
                return Err(unable("it leaves no object with a name".into()));
            }
        }
        return if hit || wanted.is_object() { Ok(()) } else { Err("must specify a target for JSON patch".into()) };
    }
    for document in super::manifest::read_manifests(body, "patch") {
        let patch = document.map_err(|e| unable(e.text()))?.object;
        if !patch.is_object() {
            return Err(unable("it is no object".into()));
        }
        let meant = |r: &Resource| match wanted.is_object() {
            true => selects(wanted, r),
            false => {
                let namespace = text(&patch["metadata"]["namespace"]);
                r.kind() == text(&patch["kind"])
                    && r.is_called(text(&patch["metadata"]["name"]))
                    && (namespace.is_empty() || namespace == r.namespace())
            }
        };
        let mut hit = wanted.is_object();
        let mut left = vec![];
        for mut r in std::mem::take(all) {
            if !meant(&r) {
                left.push(r);
                continue;
            }
            hit = true;
            if patch["$patch"] == "delete" {
                continue;
            }
            let mut fitting = patch.clone();
            // the name says what is meant, not what it is to be called
            if !fitting["metadata"].is_object() {
                fitting["metadata"] = json!({});
            }
            fitting["metadata"]["name"] = r.name().into();
            fitting["kind"] = r.object["kind"].clone();
            fitting["apiVersion"] = r.object["apiVersion"].clone();
            r.object = apply::strategic(&r.object, &fitting).map_err(|e| e.text())?;
            left.push(r);
        }
        *all = left;
        if !hit {
            return Err(format!(
                "no resource matches strategic merge patch \"{}.{}/{}.[noNs]\": no matches for Id {0}.{1}/{2}.[noNs]; failed to find unique target for patch {0}.{1}/{2}.[noNs]",
                text(&patch["kind"]),
                text(&patch["apiVersion"]).replace('/', "."),
                text(&patch["metadata"]["name"])
            ));
        }
    }
    Ok(())
}

/// Is an object what a patch's `target` says? Names and kinds are patterns.
fn selects(target: &Value, r: &Resource) -> bool {
    let fits = |pattern: &str, text: &str| {
        pattern.is_empty() || crate::text::regex(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(text))
    };
    let name = text(&target["name"]);
    let labels = |field: &str, of: &str| {
        let have = &r.object["metadata"][of];
        text(&target[field]).split(',').filter(|s| !s.is_empty()).all(|pair| match pair.split_once('=') {
            Some((k, v)) => have[k.trim()] == v.trim_start_matches('=').trim(),
            None => !have[pair.trim()].is_null(),
        })
    };
    (fits(name, r.name()) || r.names.iter().any(|n| fits(name, n)))
        && fits(text(&target["kind"]), r.kind())
        && fits(text(&target["group"]), r.group())
        && fits(text(&target["namespace"]), r.namespace())
        && labels("labelSelector", "labels")
        && labels("annotationSelector", "annotations")
}

/// Sets `field` of an object of strings, which is made if need be.
fn put(object: &mut Value, path: &[&str], key: &str, value: &str) {
    if !object.is_object() {
        return;
    }
    let mut at = object;
    for part in path {
        if !at[*part].is_object() {
            at[*part] = json!({});
        }
        at = &mut at[*part];
    }
    at[key] = value.into();
}

#[cfg(test)]
mod tests;
