//! CustomResourceDefinitions at work: the resources they make, and the rules for objects of these. Invariant: for each
//! stored definition whose names were accepted there is one [`Definition`] in the server's state. (Models
//! apiextensions-apiserver; the controllers that accept names and establish are never seen to lag.)

mod naming;
pub mod rules;
pub mod schema;

use super::printers::json_path;
use super::registry::Strategy;
use super::registry::crd::is_true;
use super::registry::meta::{subdomain, validate_meta, validate_meta_update};
use super::registry::util::{flag, has, items, no_warnings, nothing, nothing_kept, text};
use super::target::Target;
use crate::api::error::{FieldError, FieldErrorKind, Status};
use crate::api::kinds::{Column, ResourceInfo, Support, Table};
use crate::api::schema::Decoded;
use crate::sim::Sim;
use crate::store::{Custom, Key, Kind, Obj};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use std::sync::Arc;

/// Keeps a definition until its objects are gone.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
/// Rounds in which names that are given up find new owners, at most.
const ROUNDS: usize = 8;

const VERBS: &[&str] = &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// What a CustomResourceDefinition says.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its kind.
    pub kind: Custom,
    generation: i64,
    versions: Vec<Version>,
    /// Its objects are being deleted, and it after them.
    ending: bool,
}

/// One version of it that is served.
#[derive(Clone, Debug)]
struct Version {
    info: &'static ResourceInfo,
    schema: Arc<Value>,
    /// What the schema says in CEL, if it says anything.
    rules: Option<Arc<rules::Node>>,
    /// `spec.versions[*].subresources`
    subresources: Value,
    /// Paths that field selectors may ask for.
    selectable: Vec<String>,
    /// What is said to everybody who uses it, if it is deprecated.
    warning: Option<String>,
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn leak_all(list: &Value, key: &str) -> &'static [&'static str] {
    let all: Vec<&'static str> = items(list, key).iter().filter_map(Value::as_str).map(leak).collect();
    Vec::leak(all)
}

impl Definition {
    /// Reads a definition; `None`: it has no version that is stored. What it makes known lives as long as the program
    /// (see [`Custom`]).
    fn read(crd: &Value) -> Option<Definition> {
        let (spec, names) = (&crd["spec"], &crd["status"]["acceptedNames"]);
        let (group, plural, kind) = (leak(text(spec, "group")), leak(text(names, "plural")), leak(text(names, "kind")));
        let singular = leak(match text(names, "singular") {
            "" => plural,
            name => name,
        });
        let (short_names, categories) = (leak_all(names, "shortNames"), leak_all(names, "categories"));
        let row = |v: &Value| -> &'static ResourceInfo {
            let mut subresources = vec![];
            for sub in ["scale", "status"] {
                if has(&v["subresources"], sub) {
                    subresources.push(leak(sub));
                }
            }
            Box::leak(Box::new(ResourceInfo {
                plural,
                singular,
                short_names,
                group,
                version: leak(text(v, "name")),
                kind,
                namespaced: text(spec, "scope") == "Namespaced",
                categories,
                verbs: VERBS,
                subresources: Vec::leak(subresources),
                support: Support::Simulated,
                table: Some(Box::leak(Box::new(table(v)))),
            }))
        };
        let (mut versions, mut stored) = (vec![], None);
        for v in items(spec, "versions") {
            let info = row(v);
            if flag(v, "storage") {
                stored = Some(info);
            }
            if flag(v, "served") {
                let mut schema = v["schema"]["openAPIV3Schema"].clone();
                if flag(spec, "preserveUnknownFields") {
                    schema["x-kubernetes-preserve-unknown-fields"] = true.into();
                }
                let path = |f: &Value| text(f, "jsonPath").trim_start_matches('.').to_owned();
                versions.push(Version {
                    info,
                    rules: rules::read(&schema).map(Arc::new),
                    schema: Arc::new(schema),
                    subresources: v["subresources"].clone(),
                    selectable: items(v, "selectableFields").iter().map(path).collect(),
                    warning: flag(v, "deprecated").then(|| deprecation(spec, v)),
                });
            }
        }
        let generation = crd["metadata"]["generation"].as_i64().unwrap_or(1);
        // the one that clients prefer comes first
        versions.sort_by(|a: &Version, b| compare_versions(b.info.version, a.info.version));
        let ending = has(&crd["metadata"], "deletionTimestamp");
        Some(Definition { kind: Custom::new(stored?), generation, versions, ending })
    }

    fn version(&self, info: &ResourceInfo) -> Option<&Version> {
        self.versions.iter().find(|v| v.info.version == info.version)
    }

    /// An object in the version of `info`: unknown fields dropped, defaults filled in.
    pub fn decode(&self, info: &ResourceInfo, mut value: Value) -> Decoded {
        let Some(version) = self.version(info) else { return Decoded { value, unknown: vec![] } };
        let unknown = schema::prune(&version.schema, &mut value);
        schema::default(&version.schema, &mut value);
        value["apiVersion"] = self.kind.names().0.into();
        Decoded { value, unknown }
    }

    /// The version whose objects are stored, or any that is served.
    fn main(&self) -> Option<&Version> {
        self.version(self.kind.info()).or(self.versions.first())
    }

    fn has_status(&self) -> bool {
        self.main().is_some_and(|v| has(&v.subresources, "status"))
    }
}

/// What a deprecated version says when it is used.
fn deprecation(spec: &Value, version: &Value) -> String {
    if let Some(text) = version["deprecationWarning"].as_str() {
        return text.to_owned();
    }
    let (group, kind, name) = (text(spec, "group"), text(&spec["names"], "kind"), text(version, "name"));
    let newer = items(spec, "versions").iter().filter(|v| flag(v, "served") && !flag(v, "deprecated"));
    let newer = newer.map(|v| text(v, "name")).filter(|v| compare_versions(v, name).is_gt());
    let instead = newer.max_by(|a, b| compare_versions(a, b)).map(|v| format!("; use {group}/{v} {kind}"));
    format!("{group}/{name} {kind} is deprecated{}", instead.unwrap_or_default())
}

/// The order of versions: `v2` after `v1`, both after any beta, that after any alpha, and other names before them in the
/// order of the alphabet turned round. (Models apimachinery `version.CompareKubeAwareVersionStrings`.)
pub fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    let parts = |v: &str| -> Option<(u8, u64, u64)> {
        let rest = v.strip_prefix('v')?;
        let (major, stage) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let major = major.parse().ok()?;
        match (stage, stage.strip_prefix("beta"), stage.strip_prefix("alpha")) {
            ("", ..) => Some((2, major, 0)),
            (_, Some(n), _) => Some((1, major, n.parse().ok()?)),
            (_, _, Some(n)) => Some((0, major, n.parse().ok()?)),
            _ => None,
        }
    };
    match (parts(a), parts(b)) {
        (Some(x), Some(y)) => x.cmp(&y),
        (Some(_), None) => std::cmp::Ordering::Greater,
        (None, Some(_)) => std::cmp::Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

/// The columns of a version.
fn table(version: &Value) -> Table {
    let name = Column { name: "NAME", wide: false };
    let own = items(version, "additionalPrinterColumns");
    if own.is_empty() {
        let age = Column { name: "AGE", wide: false };
        return Table { columns: vec![name, age], cells: vec![(".metadata.creationTimestamp".into(), "date".into())] };
    }
    let column =
        |c: &Value| Column { name: leak(&text(c, "name").to_uppercase()), wide: c["priority"].as_i64() > Some(0) };
    let cell = |c: &Value| (text(c, "jsonPath").to_owned(), text(c, "type").to_owned());
    Table {
        columns: std::iter::once(name).chain(own.iter().map(column)).collect(),
        cells: own.iter().map(cell).collect(),
    }
}

/// The rules that all custom resources share; those of their schemas are the definition's.
pub const STRATEGY: Strategy = Strategy {
    kind: "",
    default: nothing,
    validate: |new| validate_meta(new, has(&new["metadata"], "namespace"), subdomain),
    validate_update: validate_meta_update,
    validate_status_update: validate_meta_update,
    prepare_for_create: nothing,
    prepare_for_update: nothing_kept,
    prepare_for_status_update: nothing_kept,
    warnings: no_warnings,
};

impl Sim {
    /// The definition behind a kind; `None` for built-in kinds.
    pub(super) fn definition(&self, kind: Kind) -> Option<&Arc<Definition>> {
        let Kind::Custom(c) = kind else { return None };
        self.server.definitions.get(c.info().group_resource().as_str())
    }

    /// A resource that a definition made.
    pub(super) fn custom_resource(
        &self,
        group: &str,
        version: &str,
        plural: &str,
    ) -> Option<(&'static ResourceInfo, Kind)> {
        let d = self.server.definitions.get(format!("{plural}.{group}").as_str())?;
        let v = d.versions.iter().find(|v| v.info.version == version)?;
        Some((v.info, Kind::Custom(d.kind)))
    }

    /// The resources of all definitions, in all versions that are served; of each the preferred one comes first.
    pub fn custom_resources(&self) -> Vec<&'static ResourceInfo> {
        self.server.definitions.values().flat_map(|d| d.versions.iter().map(|v| v.info)).collect()
    }

    /// The kinds of all definitions, and those built-in ones that are kept in the same way.
    pub fn custom_kinds(&self) -> Vec<Kind> {
        self.server.definitions.values().map(|d| Kind::Custom(d.kind)).chain(Kind::only_stored()).collect()
    }

    /// Does a definition make this kind?
    pub fn serves(&self, api_version: &str, kind: &str) -> bool {
        self.custom_resources().iter().any(|r| r.kind == kind && r.api_version() == api_version)
    }

    /// The schema of a custom resource.
    pub(super) fn custom_schema(&self, info: &ResourceInfo) -> Option<Value> {
        let d = self.server.definitions.get(info.group_resource().as_str())?;
        d.version(info).map(|v| (*v.schema).clone())
    }

    /// Accepts the names of definitions that have changed, and reads anew what they say. One that a conflict kept from a
    /// name gets its chance as soon as another of its group goes or gives the name up.
    pub(super) fn refresh_definitions(&mut self) {
        // each round that changes who has which name may have set another free
        for _ in 0..ROUNDS {
            if !self.refresh_once() {
                break;
            }
        }
    }

    /// One round over all definitions. True: names have got other owners.
    fn refresh_once(&mut self) -> bool {
        let mut moved = false;
        let names: Vec<Key> = self.store.list(Kind::CustomResourceDefinition, None).map(Obj::key).collect();
        for key in names {
            let Some(obj) = self.store.get(Kind::CustomResourceDefinition, &key).cloned() else { continue };
            let Obj::CustomResourceDefinition(crd) = &obj else { continue };
            let known = self.server.definitions.get(&key.name);
            let generation = crd.metadata.generation.unwrap_or(1);
            let ending = crd.metadata.deletion_timestamp.is_some();
            let conditions = crd.status.iter().flat_map(|s| s.conditions.iter().flatten());
            let content = conditions.into_iter().any(|c| c.type_ == "NamesAccepted" && c.status == "True");
            if ending && known.is_none_or(|d| d.ending)
                || known.is_some_and(|d| d.generation == generation) && content && !ending
            {
                continue;
            }
            let mut v = serde_json::to_value(&**crd).unwrap_or_default();
            whole_numbers(&mut v);
            if !ending {
                let all: Vec<Arc<CustomResourceDefinition>> = self.store.list_typed(None).cloned().collect();
                let taken = naming::Taken::by_others(all.iter().map(|c| &**c), crd);
                let had = v["status"]["acceptedNames"].clone();
                v["status"] = naming::status(&v, &taken, &self.now.rfc3339());
                moved |= v["status"]["acceptedNames"] != had;
            }
            if is_true(&v, "NamesAccepted") || is_true(&v, "Established") {
                let Some(definition) = Definition::read(&v) else { continue };
                self.server.definitions.insert(key.name.clone(), Arc::new(definition));
            }
            if !ending {
                // a definition whose status cannot be written works all the same
                let _ = self.replace(Kind::CustomResourceDefinition, v, &obj);
            }
        }
        moved
    }

    /// Does a field selector know a field of a custom kind?
    pub(super) fn custom_selectable(&self, t: &Target, field: &str) -> bool {
        let version = self.definition(t.kind).and_then(|d| d.version(t.info));
        version.is_some_and(|v| v.selectable.iter().any(|s| s == field))
    }

    /// What is said to whoever uses a deprecated version.
    pub(super) fn version_warning(&self, t: &Target) -> Option<String> {
        self.definition(t.kind)?.version(t.info)?.warning.clone()
    }

    /// Objects of a kind that is on its way out are not made any more.
    pub(super) fn check_not_ending(&self, t: &Target, name: &str) -> Result<(), Status> {
        match self.definition(t.kind) {
            Some(d) if d.ending => Err(Status::forbidden(
                &t.info.group_resource(),
                name,
                "create not allowed while custom resource definition is terminating",
            )),
            _ => Ok(()),
        }
    }

    /// Sets what clients may not: status (where it is a subresource) and generation.
    pub(super) fn prepare_custom(&self, kind: Kind, new: &mut Value, old: Option<&Value>) {
        let Some(definition) = self.definition(kind) else { return };
        let Some(map) = new.as_object_mut() else { return };
        let without = |v: &Value, status: bool| {
            let mut v = v.clone();
            if let Some(m) = v.as_object_mut() {
                m.remove("metadata");
                if status {
                    m.remove("status");
                }
            }
            v
        };
        let has_status = definition.has_status();
        match old {
            None => {
                if has_status {
                    map.remove("status");
                }
                new["metadata"]["generation"] = 1.into();
            }
            Some(old) => {
                if has_status {
                    match old.get("status") {
                        Some(s) => map.insert("status".into(), s.clone()),
                        None => map.remove("status"),
                    };
                }
                let changed = without(new, has_status) != without(old, has_status);
                let generation = old["metadata"]["generation"].as_i64().unwrap_or(1);
                new["metadata"]["generation"] = (generation + i64::from(changed)).into();
            }
        }
    }

    /// What the schema finds wrong with an object; `old`: what it was before.
    pub(super) fn validate_custom(
        &self,
        kind: Kind,
        object: &Value,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Vec<FieldError> {
        let Some(version) = self.definition(kind).and_then(|d| d.main()) else { return vec![] };
        let mut errors = schema::validate(&version.schema, object, old);
        let Some(node) = &version.rules else { return errors };
        let blocks = |e: &FieldError| {
            matches!(e.kind, FieldErrorKind::Required | FieldErrorKind::TooLong | FieldErrorKind::TooMany)
                || e.detail.contains(" in body must be of type ")
        };
        if errors.iter().any(blocks) {
            let why = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            errors.push(FieldError::invalid("<nil>", Value::Null, why));
            return errors;
        }
        let found = rules::judge(node, object, old);
        errors.extend(found.errors);
        warnings.extend(found.warnings.iter().map(ToString::to_string));
        errors
    }

    /// Where a custom resource keeps its scale: paths of spec.replicas, status.replicas and the selector.
    pub(super) fn scale_paths(&self, t: &Target) -> Option<[String; 3]> {
        let definition = self.definition(t.kind)?;
        let scale = &definition.version(t.info)?.subresources["scale"];
        let path = |key: &str| text(scale, key).to_owned();
        Some([path("specReplicasPath"), path("statusReplicasPath"), path("labelSelectorPath")])
    }

    /// Begins the deletion of a definition's objects. True: some are left.
    pub(super) fn clean_up(&mut self, name: &str) -> bool {
        let Some(kind) = self.server.definitions.get(name).map(|d| Kind::Custom(d.kind)) else { return false };
        let all: Vec<Obj> = self.store.list(kind, None).cloned().collect();
        let options = super::server::DeleteOptions { propagation: Some("Background".into()), ..Default::default() };
        for o in all {
            self.delete_object(&o, &options);
        }
        self.store.count(kind) > 0
    }

    /// The status of a definition whose objects are being deleted.
    pub(super) fn ending_status(&self, crd: &mut Value) {
        if let Some(conditions) = crd["status"]["conditions"].as_array_mut() {
            let why = ("InstanceDeletionInProgress", "CustomResource deletion is in progress");
            naming::set(conditions, "Terminating", true, why, &self.now.rfc3339());
        }
    }

    /// Lets a definition go that waits for the last of its objects.
    pub(super) fn after_custom_removal(&mut self, kind: Kind) {
        let Kind::Custom(c) = kind else { return };
        if self.store.count(kind) > 0 {
            return;
        }
        let key = Key::new("", c.info().group_resource());
        let Some(obj) = self.store.get(Kind::CustomResourceDefinition, &key).cloned() else { return };
        if obj.deleting() {
            let mut v = obj.to_value(&self.store.ids);
            if let Some(list) = v["metadata"]["finalizers"].as_array_mut() {
                list.retain(|f| f != CLEANUP);
            }
            let _ = self.replace(Kind::CustomResourceDefinition, v, &obj);
        }
    }
}

/// Limits in schemas are floating numbers; whole ones are written without a fraction.
pub(super) fn whole_numbers(v: &mut Value) {
    match v {
        Value::Number(n) => {
            if let Some(whole) = n.as_f64().filter(|f| n.is_f64() && f.fract() == 0.0 && f.abs() < 9e15) {
                *v = (whole as i64).into();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// The finalizer of a definition whose objects are not all gone.
pub(super) fn cleanup_finalizer() -> String {
    CLEANUP.into()
}

/// Reads a number at a path such as `.spec.replicas`.
pub(super) fn number_at(v: &Value, path: &str) -> i64 {
    json_path(v, path).first().and_then(|v| v.as_i64()).unwrap_or(0)
}

/// Sets a number at a path such as `.spec.replicas`.
pub(super) fn set_number(v: &mut Value, path: &str, number: i64) {
    let mut at = v;
    for key in path.trim_start_matches('.').split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[key];
    }
    *at = number.into();
}
