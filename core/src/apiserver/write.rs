//! Writing: create, update, patch, the status and scale subresources. Invariant: what is stored has been decoded,
//! defaulted, admitted and validated, and a write that changes nothing writes nothing.

use super::convert;
use super::crd::{number_at, set_number};
use super::request::{ContentType, Request};
use super::server::{Answer, MAX_OBJECTS, Options, not_simulated};
use super::target::Target;
use crate::api::error::{FieldError, Status};
use crate::api::kinds::Support;
use crate::api::labels::Selector;
use crate::api::schema;
use crate::api::support::STORED;
use crate::apiserver::admission::policies;
use crate::apiserver::{admission, managed, patch, registry};
use crate::sim::{Actor, Sim};
use crate::store::pod::RunState;
use crate::store::{Key, Kind, Obj, PodProto, PodRecord};
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Sim {
    /// Checks shape and fields against the schema; unknown fields are refused, warned of or dropped.
    pub(super) fn decode(&self, t: &Target, body: Value, options: &mut Options) -> Result<Value, Status> {
        let api = body["apiVersion"].as_str().unwrap_or_default();
        let kind = body["kind"].as_str().unwrap_or_default();
        if kind.is_empty() {
            return Err(Status::bad_request("Object 'Kind' is missing in 'object has no kind field '".to_string()));
        }
        if kind != t.info.kind || api != t.info.api_version() {
            return Err(Status::bad_request(format!(
                "the API version in the data ({api}) does not match the expected API version ({})",
                t.info.api_version()
            )));
        }
        let decoded = self.read_object(t, body)?;
        if !decoded.unknown.is_empty() {
            match options.validation {
                "Strict" => return Err(Status::bad_request(schema::strict_error(t.info, &decoded.unknown))),
                "Ignore" => {}
                _ => options.warnings.extend(decoded.unknown.iter().map(ToString::to_string)),
            }
        }
        Ok(decoded.value)
    }

    /// An object of the request's version in the one that is stored, normalised.
    fn read_object(&self, t: &Target, body: Value) -> Result<schema::Decoded, Status> {
        if let Some(definition) = self.definition(t.kind) {
            return Ok(definition.decode(t.info, body));
        }
        let mut decoded = schema::decode(t.info, body).map_err(Status::bad_request)?;
        if !std::ptr::eq(t.info, t.kind.info()) {
            let converted = convert::to_stored(t.info, decoded.value);
            decoded.value = schema::decode(t.kind.info(), converted).map_err(Status::bad_request)?.value;
        }
        Ok(decoded)
    }

    pub(super) fn create(&mut self, t: &Target, body: Value, options: &mut Options) -> Answer {
        let mut v = self.decode(t, body, options)?;
        let resource = t.info.group_resource();
        let m = metadata(&mut v);
        if t.info.namespaced {
            let ns = t.namespace.clone().unwrap_or_else(|| "default".into());
            match m.get("namespace").and_then(Value::as_str) {
                Some(other) if !other.is_empty() && other != ns => {
                    return Err(Status::bad_request(
                        "the namespace of the provided object does not match the namespace sent on the request",
                    ));
                }
                _ => m.insert("namespace".into(), ns.clone().into()),
            };
            self.check_namespace(&ns, t, m.get("name").and_then(Value::as_str).unwrap_or_default())?;
        } else {
            m.remove("namespace");
        }
        if m.contains_key("resourceVersion") && m["resourceVersion"] != "" && m["resourceVersion"] != "0" {
            return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "generation",
            "managedFields",
        ] {
            m.remove(field);
        }
        if m.get("name").is_none_or(|n| n == "")
            && let Some(g) = m.get("generateName").and_then(Value::as_str).filter(|g| !g.is_empty())
        {
            let cut: String = g.chars().take(58).collect();
            let name = format!("{cut}{}", self.rng.suffix(5));
            m.insert("name".into(), name.into());
        }
        if t.kind == Kind::CertificateSigningRequest {
            super::certificates::signed_by(&mut v, options.user.as_deref());
        }
        let managers = (self.actor == Actor::Person || options.managers.is_some()).then(|| {
            let mut said = v.clone();
            if let Some(strategy) = self.strategy(t.kind) {
                (strategy.default)(&mut said);
            }
            self.track(t, None, &said, options)
        });
        let asked = self.asked(t, "CREATE", &v, options);
        let mut v = self.admit(t.kind, v, asked.as_ref(), options.warnings)?;
        if t.kind == Kind::CertificateSigningRequest {
            super::certificates::restricted(&v)?;
        }
        let charges = self.room(t.kind, &v, None)?;
        if let Some(managers) = managers.flatten() {
            v["metadata"]["managedFields"] = managers;
        }
        let name = v["metadata"]["name"].as_str().unwrap_or_default().to_string();
        let key = Key::new(v["metadata"]["namespace"].as_str().unwrap_or(""), name.as_str());
        if self.store.get(t.kind, &key).is_some() {
            return Err(Status::already_exists(&resource, &name));
        }
        self.check_not_ending(t, &name)?;
        if self.store.len() >= MAX_OBJECTS {
            return Err(Status::forbidden(
                &resource,
                &name,
                &format!("this cluster holds at most {MAX_OBJECTS} objects"),
            ));
        }
        let strategy = self.strategy(t.kind).ok_or_else(|| not_simulated(t.info))?;
        self.confirm_grant(t, options.user.as_deref(), &v, None)?;
        options.warnings.extend((strategy.warnings)(&v, None));
        if t.info.support == Support::Stored {
            options.warnings.push(format!("{} {}: {STORED}", t.info.api_version(), t.info.kind));
        }
        self.check_size(&v)?;
        if options.dry_run {
            v["metadata"]["uid"] = self.store.ids.uid(self.store.ids.issued() + 1).into();
            v["metadata"]["creationTimestamp"] = self.now.rfc3339().into();
            return Ok((201, self.dry(t, v)));
        }
        if t.kind == Kind::Service {
            self.hold_service(&v, None);
        }
        self.charge(charges, self.request_id());
        let obj = self.insert(t.kind, v)?;
        Ok((201, self.shown(t, &obj)))
    }

    /// What a dry run would have written, as it is read.
    pub(super) fn dry(&self, t: &Target, mut v: Value) -> Value {
        let managers = managed::encode(&managed::decode(&v));
        match v["metadata"].as_object_mut() {
            Some(m) if t.managed => drop(m.insert("managedFields".into(), managers)),
            Some(m) => drop(m.remove("managedFields")),
            None => {}
        }
        self.as_asked(t, v)
    }

    /// The rules of a kind.
    pub(super) fn strategy(&self, kind: Kind) -> Option<&'static registry::Strategy> {
        match kind {
            // policies are kept as objects of definitions are, and have rules of their own
            Kind::Custom(c) if c.info().group == policies::GROUP && registry::strategy(c.info().kind).is_some() => {
                registry::strategy(c.info().kind)
            }
            Kind::Custom(_) => Some(&super::crd::STRATEGY),
            kind => registry::strategy(kind.info().kind),
        }
    }

    /// What admission policies are told of a request; `None`: there are none.
    pub(super) fn asked(
        &self,
        t: &Target,
        operation: &'static str,
        object: &Value,
        options: &Options,
    ) -> Option<policies::Asked> {
        if !self.has_policies() {
            return None;
        }
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
        let name = Some(text("name")).filter(|n| !n.is_empty()).unwrap_or_else(|| text("generateName"));
        let namespace = if t.kind == Kind::Namespace { name.clone() } else { text("namespace") };
        let (info, subresource) = (t.info, t.subresource);
        let (dry_run, user) = (options.dry_run, options.user.clone());
        Some(policies::Asked { info, subresource, operation, namespace, name, dry_run, user })
    }

    /// Defaults, admission and validation of a new object. `asked`: what policies are told of it.
    pub(super) fn admit(
        &mut self,
        kind: Kind,
        mut v: Value,
        asked: Option<&policies::Asked>,
        warnings: &mut Vec<String>,
    ) -> Result<Value, Status> {
        let strategy = self.strategy(kind).ok_or_else(|| not_simulated(kind.info()))?;
        (strategy.default)(&mut v);
        let name = v["metadata"]["name"].as_str().unwrap_or_default().to_string();
        self.complete_new(kind, &mut v)?;
        if let Some(asked) = asked
            && self.mutate_by_policies(asked, &mut v, None)?
        {
            // what a policy has added gets what everything gets
            (strategy.default)(&mut v);
            self.complete_new(kind, &mut v)?;
        }
        match kind {
            // the pods' labels and the selector say the uid that it will get
            Kind::Job => v["metadata"]["uid"] = self.store.ids.uid(self.store.ids.issued() + 1).into(),
            Kind::Service => self.allocate_service(&mut v, None).map_err(|e| Status::invalid("Service", &name, &e))?,
            _ => {}
        }
        (strategy.prepare_for_create)(&mut v);
        if kind == Kind::PersistentVolume {
            v["status"]["lastPhaseTransitionTime"] = self.now.rfc3339().into();
        }
        self.prepare_custom(kind, &mut v, None);
        let mut errors = (strategy.validate)(&v);
        errors.extend(self.validate_custom(kind, &v, None, warnings));
        if !errors.is_empty() {
            return Err(Status::invalid(&kind.info().group_kind(), &name, &errors));
        }
        self.judge(kind, &v, None, warnings)?;
        if let Some(asked) = asked {
            self.judge_by_policies(asked, Some(&v), None, warnings)?;
        }
        Ok(v)
    }

    pub(super) fn check_namespace(&self, ns: &str, t: &Target, name: &str) -> Result<(), Status> {
        match self.store.get(Kind::Namespace, &Key::new("", ns)) {
            None => Err(Status::not_found("namespaces", ns)),
            Some(o) if o.deleting() => Err(Status::forbidden(
                &t.info.group_resource(),
                name,
                &format!("unable to create new content in namespace {ns} because it is being terminated"),
            )),
            Some(_) => Ok(()),
        }
    }

    /// Stamps and stores a new, valid object.
    pub(super) fn insert(&mut self, kind: Kind, mut v: Value) -> Result<Obj, Status> {
        let id = self.store.ids.issue();
        // taken only if the object can be read: what is refused moves nothing
        let rv = self.store.resource_version() + 1;
        let m = metadata(&mut v);
        m.insert("uid".into(), self.store.ids.uid(id).into());
        m.insert("resourceVersion".into(), rv.to_string().into());
        m.insert("creationTimestamp".into(), self.now.rfc3339().into());
        let obj = self.object(kind, v, None, Some(id))?;
        self.store.next_version();
        let request = self.request_id();
        self.store.put(obj.clone(), self.now, request);
        self.notify(kind);
        Ok(obj)
    }

    /// JSON to a stored object. `old`: the object it replaces.
    pub(super) fn object(&mut self, kind: Kind, v: Value, old: Option<&Obj>, id: Option<u64>) -> Result<Obj, Status> {
        let bad = |e: serde_json::Error| Status::bad_request(e.to_string());
        match kind {
            Kind::Pod => {
                // A record knows more than the API shows: a status that is not changed is not read back from there.
                let kept = match old {
                    Some(Obj::Pod(p)) => {
                        let shown = old.map(|o| o.to_value(&self.store.ids)["status"] == v["status"]);
                        Some((p.id, (p.status.clone(), p.proto.clone()), shown == Some(true)))
                    }
                    _ => None,
                };
                let pod: k8s_openapi::api::core::v1::Pod = crate::store::read(&v).map_err(bad)?;
                let id = id.or(kept.as_ref().map(|k| k.0)).unwrap_or(0);
                let mut record = self.pod_record(pod, id);
                if let Some((_, (status, before), true)) = kept {
                    record.status = status;
                    keep_images(&mut record, &before);
                }
                Ok(Obj::Pod(Arc::new(record)))
            }
            Kind::Event => self.event_record(&v, id).map(|e| Obj::Event(Arc::new(e))),
            other => Obj::typed_from_value(other, &v).map_err(bad),
        }
    }

    pub(super) fn patch(&mut self, t: &Target, r: &Request, options: &mut Options) -> Answer {
        let obj = self.found(t)?.obj.clone();
        let mut old = self.as_asked(t, self.raw(&obj));
        if t.managed {
            old["metadata"]["managedFields"] = self.shown(t, &obj)["metadata"]["managedFields"].take();
        }
        let new = apply_patch(t, &old, r, options)?;
        self.update(t, new, options)
    }

    pub(super) fn update(&mut self, t: &Target, body: Value, options: &mut Options) -> Answer {
        let mut new = self.decode(t, body, options)?;
        let old_obj = self.found(t)?.obj.clone();
        let old = old_obj.to_value(&self.store.ids);
        let resource = t.info.group_resource();
        let name = old["metadata"]["name"].as_str().unwrap_or_default().to_string();
        let m = metadata(&mut new);
        match m.get("name").and_then(Value::as_str) {
            Some(n) if n != name => {
                return Err(Status::bad_request(format!(
                    "the name of the object ({n}) does not match the name on the URL ({name})"
                )));
            }
            _ => m.insert("name".into(), name.clone().into()),
        };
        if let Some(rv) = m.get("resourceVersion").and_then(Value::as_str).filter(|v| !v.is_empty())
            && rv != old["metadata"]["resourceVersion"]
        {
            return Err(Status::conflict(
                &resource,
                &name,
                "the object has been modified; please apply your changes to the latest version and try again",
            ));
        }
        if let Some(uid) = m.get("uid").and_then(Value::as_str).filter(|v| !v.is_empty())
            && uid != old["metadata"]["uid"]
        {
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                old["metadata"]["uid"].as_str().unwrap_or_default()
            );
            return Err(Status::conflict(&resource, &name, &why));
        }
        for field in [
            "namespace",
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
        ] {
            match old["metadata"].get(field) {
                Some(v) => m.insert(field.into(), v.clone()),
                None => m.remove(field),
            };
        }
        let strategy = self.strategy(t.kind).ok_or_else(|| not_simulated(t.info))?;
        (strategy.default)(&mut new);
        if t.kind == Kind::Service {
            self.allocate_service(&mut new, Some(&old)).map_err(|e| Status::invalid("Service", &name, &e))?;
        }
        if t.kind == Kind::Pod {
            admission::admit_pod_update(&mut new, &old);
        }
        // of a scale it is the scale that policies look at
        let asked = self.asked(t, "UPDATE", &old, options).filter(|_| t.subresource != "scale");
        if let Some(asked) = &asked
            && self.mutate_by_policies(asked, &mut new, Some(&old))?
        {
            (strategy.default)(&mut new);
        }
        (strategy.prepare_for_update)(&mut new, &old);
        self.prepare_custom(t.kind, &mut new, Some(&old));
        let mut errors = (strategy.validate_update)(&new, &old);
        errors.extend(self.validate_custom(t.kind, &new, Some(&old), options.warnings));
        if !errors.is_empty() {
            return Err(Status::invalid(&t.info.group_kind(), &name, &errors));
        }
        self.judge(t.kind, &new, Some(&old), options.warnings)?;
        if let Some(asked) = &asked {
            self.judge_by_policies(asked, Some(&new), Some(&old), options.warnings)?;
        }
        let charges = self.room(t.kind, &new, Some(&old))?;
        self.confirm_grant(t, options.user.as_deref(), &new, Some(&old))?;
        options.warnings.extend((strategy.warnings)(&new, Some(&old)));
        match self.track(t, Some(&old), &new, options) {
            Some(managers) => new["metadata"]["managedFields"] = managers,
            None => drop(metadata(&mut new).remove("managedFields")),
        }
        self.check_size(&new)?;
        if options.dry_run {
            return Ok((200, self.dry(t, new)));
        }
        self.charge(charges, self.request_id());
        if t.kind == Kind::Service {
            self.hold_service(&new, Some(&old));
        }
        let obj = self.replace(t.kind, new, &old_obj)?;
        Ok((200, self.shown(t, &obj)))
    }

    /// Stores a changed object; nothing is written if nothing changed. Removes it if its last finalizer went.
    pub(super) fn replace(&mut self, kind: Kind, mut new: Value, old: &Obj) -> Result<Obj, Status> {
        let before = old.to_value(&self.store.ids);
        let typed = self.object(kind, new.clone(), Some(old), None)?;
        if same(&typed.to_value(&self.store.ids), &before) {
            return Ok(old.clone());
        }
        let m = metadata(&mut new);
        let rv = self.store.next_version();
        m.insert("resourceVersion".into(), rv.to_string().into());
        let obj = self.object(kind, new, Some(old), None)?;
        let request = self.request_id();
        self.store.put(obj.clone(), self.now, request);
        self.notify(kind);
        if obj.deleting() && obj.finalizers().is_empty() && kind != Kind::Namespace && !pod_has_grace_left(&obj) {
            self.remove_object(&obj);
        }
        Ok(obj)
    }

    pub(super) fn update_status(&mut self, t: &Target, body: &Value, options: &mut Options) -> Answer {
        let old = self.found(t)?.obj.clone();
        let mut new = old.to_value(&self.store.ids);
        let rv = &body["metadata"]["resourceVersion"];
        if rv.as_str().is_some_and(|v| !v.is_empty()) && *rv != new["metadata"]["resourceVersion"] {
            return Err(Status::conflict(
                &t.info.group_resource(),
                &t.key().name,
                "the object has been modified; please apply your changes to the latest version and try again",
            ));
        }
        let decoded = self.read_object(t, body.clone())?.value;
        let before = new.clone();
        new["status"] = decoded["status"].clone();
        let asked = self.asked(t, "UPDATE", &before, options);
        if let Some(asked) = &asked {
            self.mutate_by_policies(asked, &mut new, Some(&before))?;
        }
        let strategy = self.strategy(t.kind).ok_or_else(|| not_simulated(t.info))?;
        let mut errors = (strategy.validate_status_update)(&new, &before);
        errors.extend(self.validate_custom(t.kind, &new, Some(&before), options.warnings));
        if !errors.is_empty() {
            return Err(Status::invalid(&t.info.group_kind(), &t.key().name, &errors));
        }
        if let Some(asked) = &asked {
            self.judge_by_policies(asked, Some(&new), Some(&before), options.warnings)?;
        }
        if (self.actor == Actor::Person || options.managers.is_some())
            && let Some(managers) = self.track(t, Some(&before), &new, options)
        {
            new["metadata"]["managedFields"] = managers;
        }
        if options.dry_run {
            return Ok((200, self.dry(t, new)));
        }
        let obj = self.replace(t.kind, new, &old)?;
        Ok((200, self.shown(t, &obj)))
    }

    pub(super) fn scale_of(&self, t: &Target) -> Result<Value, Status> {
        let v = self.found(t)?.obj.to_value(&self.store.ids);
        let m = &v["metadata"];
        if let Some([spec, status, selector]) = self.scale_paths(t) {
            let picked = crate::apiserver::printers::json_path(&v, &selector);
            let picked = picked.first().and_then(|s| s.as_str()).unwrap_or_default();
            return Ok(json!({
                "kind": "Scale", "apiVersion": "autoscaling/v1",
                "metadata": {"name": m["name"], "namespace": m["namespace"], "uid": m["uid"], "resourceVersion": m["resourceVersion"], "creationTimestamp": m["creationTimestamp"]},
                "spec": {"replicas": number_at(&v, &spec)},
                "status": {"replicas": number_at(&v, &status), "selector": picked},
            }));
        }
        let selector = &v["spec"]["selector"];
        let selector = if t.kind == Kind::ReplicationController {
            Selector::from_value_map(selector).to_string()
        } else {
            Selector::from_label_selector(selector).map(|s| s.to_string()).unwrap_or_default()
        };
        Ok(json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {"name": m["name"], "namespace": m["namespace"], "uid": m["uid"], "resourceVersion": m["resourceVersion"], "creationTimestamp": m["creationTimestamp"]},
            "spec": {"replicas": v["spec"]["replicas"].as_i64().unwrap_or(0)},
            "status": {"replicas": v["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector},
        }))
    }

    pub(super) fn update_scale(&mut self, t: &Target, body: &Value, options: &mut Options) -> Answer {
        let replicas = body["spec"]["replicas"].as_i64().unwrap_or(0);
        let name = t.key().name;
        if replicas < 0 {
            let e = FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
            return Err(Status::invalid("Scale.autoscaling", &name, &[e]));
        }
        let mut v = self.found(t)?.obj.to_value(&self.store.ids);
        let rv = body["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if !rv.is_empty() && v["metadata"]["resourceVersion"] != rv {
            return Err(Status::conflict(
                &t.info.group_resource(),
                &name,
                "the object has been modified; please apply your changes to the latest version and try again",
            ));
        }
        if let Some(asked) = self.asked(t, "UPDATE", &v, options) {
            let old = self.scale_of(t)?;
            let mut new = old.clone();
            new["spec"]["replicas"] = replicas.into();
            self.judge_by_policies(&asked, Some(&new), Some(&old), options.warnings)?;
        }
        match self.scale_paths(t) {
            Some([spec, ..]) => set_number(&mut v, &spec, replicas),
            None => v["spec"]["replicas"] = replicas.into(),
        }
        self.update(t, self.as_asked(t, v), options)?;
        let mut scale = self.scale_of(t)?;
        scale["spec"]["replicas"] = replicas.into();
        Ok((200, scale))
    }
}

/// Do two states of an object differ in nothing but the times of its managers?
fn same(a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    let timeless = |v: &Value| {
        let mut v = v.clone();
        for e in v["metadata"].get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            e["time"] = Value::Null;
        }
        v
    };
    a["metadata"].get("managedFields").is_some() && timeless(a) == timeless(b)
}

pub(super) fn pod_has_grace_left(obj: &Obj) -> bool {
    matches!(obj, Obj::Pod(p) if p.deletion.as_ref().is_some_and(|d| d.grace > 0))
}

pub(super) fn metadata(v: &mut Value) -> &mut Map<String, Value> {
    if !v.is_object() {
        *v = json!({});
    }
    let m = &mut v["metadata"];
    if !m.is_object() {
        *m = json!({});
    }
    m.as_object_mut().expect("just made an object")
}

pub(super) fn apply_patch(t: &Target, old: &Value, r: &Request, options: &mut Options) -> Result<Value, Status> {
    if t.info.table.is_some() && r.content_type == ContentType::StrategicMergePatch {
        return Err(Status::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ));
    }
    let root = patch::root(t.info, t.subresource);
    let patched = match r.content_type {
        ContentType::JsonPatch => patch::json_patch(root, old, &r.body),
        ContentType::MergePatch => patch::merge_patch(root, old, &r.body),
        ContentType::StrategicMergePatch => patch::strategic_merge(root, old, &r.body),
        ContentType::ApplyPatch => Err(Status::new(
            415,
            "UnsupportedMediaType",
            "server-side apply is not simulated yet: leave out --server-side",
        )),
        ContentType::Json => Err(Status::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
        )),
    }?;
    if !patched.unknown.is_empty() {
        match options.validation {
            "Strict" => return Err(patch::strict_error(&r.body, &patched.unknown)),
            "Ignore" => {}
            _ => options.warnings.extend(patched.unknown),
        }
    }
    Ok(patched.value)
}

/// Containers run the image they were started with, whatever the spec says by now.
fn keep_images(pod: &mut PodRecord, before: &PodProto) {
    let containers = |p: &PodProto| p.pod.spec.as_ref().map(|s| s.containers.clone()).unwrap_or_default();
    let (was, now) = (containers(before), containers(&pod.proto));
    for ((was, now), record) in was.into_iter().zip(now).zip(&mut pod.status.containers) {
        let runs = record.image.take().map(|i| i.to_string()).or(was.image);
        if runs != now.image && !matches!(record.state, RunState::Waiting(..)) {
            record.image = runs.map(Arc::new);
        }
    }
}
