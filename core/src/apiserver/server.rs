//! REST: paths, verbs, decoding, admission, conflicts, patches, deletion. Invariant: whatever comes in, the answer is
//! an object, a list or a `Status`, and the store changes only when the answer is a success.

use super::request::{ContentType, Method, Request, Response};
use super::requests::{RequestEntry, Verb};
use crate::api::error::{FieldError, Status};
use crate::api::fields::FieldSelector;
use crate::api::kinds::{self, ResourceInfo, Support};
use crate::api::labels::Selector;
use crate::api::schema;
use crate::apiserver::{admission, patch, registry};
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::{Entry, Key, Kind, Obj};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Objects that one cluster may hold: a link or a manifest of a stranger must not fill the memory.
pub const MAX_OBJECTS: usize = 2_000_000;

/// What a path names.
#[derive(Clone, Debug)]
struct Target {
    info: &'static ResourceInfo,
    kind: Kind,
    namespace: Option<String>,
    name: Option<String>,
    subresource: &'static str,
}

impl Target {
    fn parse(path: &str) -> Result<Target, Status> {
        let missing = || Status::new(404, "NotFound", "the server could not find the requested resource");
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", v, rest @ ..] => ("", *v, rest),
            ["apis", g, v, rest @ ..] => (*g, *v, rest),
            _ => return Err(missing()),
        };
        let (namespace, rest) = match rest {
            ["namespaces", ns, plural, tail @ ..] if !matches!(*plural, "status" | "finalize") => {
                (Some((*ns).to_string()), [&[*plural], tail].concat())
            }
            other => (None, other.to_vec()),
        };
        let (plural, name, sub) = match rest.as_slice() {
            [p] => (*p, None, ""),
            [p, n] => (*p, Some((*n).to_string()), ""),
            [p, n, s] => (*p, Some((*n).to_string()), *s),
            _ => return Err(missing()),
        };
        let info = kinds::by_plural(group, version, plural).ok_or_else(missing)?;
        let kind = match (info.support, Kind::of_info(info)) {
            (Support::Simulated, Some(kind)) => kind,
            _ => return Err(not_simulated(info)),
        };
        let subresource = match sub {
            "" => "",
            s => info.subresources.iter().copied().find(|x| *x == s).ok_or_else(missing)?,
        };
        Ok(Target { info, kind, namespace, name, subresource })
    }

    fn key(&self) -> Key {
        Key::new(self.namespace.as_deref().unwrap_or(""), self.name.as_deref().unwrap_or(""))
    }
}

/// The refusal of a kind that exists in Kubernetes and not here.
pub fn not_simulated(info: &ResourceInfo) -> Status {
    Status::new(501, "NotImplemented", format!("{} ({}) is not simulated yet", info.kind, info.api_version()))
}

type Answer = Result<(u16, Value), Status>;

/// What a write is allowed to do.
struct Options<'a> {
    dry_run: bool,
    validation: &'a str,
    warnings: &'a mut Vec<String>,
}

impl Sim {
    /// Answers one request in the name of [`Sim::actor`] and logs it.
    pub fn request(&mut self, request: Request) -> Response {
        let mut warnings = vec![];
        let target = Target::parse(&request.path);
        let (answer, verb) = match &target {
            Err(e) if e.code == 501 && request.method == Method::Get => match empty_list(&request.path) {
                Some(list) => (Ok((200, list)), Verb::List),
                None => {
                    (Err(Status::new(404, "NotFound", "the server could not find the requested resource")), Verb::Get)
                }
            },
            Err(e) => (Err(e.clone()), verb_of(&request, false)),
            Ok(t) => (self.dispatch(t, &request, &mut warnings), verb_of(&request, t.name.is_none())),
        };
        let (code, body) = match answer {
            Ok((code, body)) => (code, body),
            Err(s) => (s.code, s.to_value()),
        };
        let (kind, mut key, subresource) = match &target {
            Ok(t) => (Some(t.kind), t.key(), t.subresource),
            Err(_) => (None, Key::new("", request.path.as_str()), ""),
        };
        if verb == Verb::Create && key.name.is_empty() && code < 400 {
            key.name = body["metadata"]["name"].as_str().unwrap_or_default().into();
        }
        self.log_request(verb, kind, key, subresource, code, None);
        Response { code, body, warnings }
    }

    /// Logs a request. Writes made before it in the same call carry its number already ([`Sim::request_id`]).
    pub fn log_request(
        &mut self,
        verb: Verb,
        kind: Option<Kind>,
        key: Key,
        subresource: &'static str,
        code: u16,
        note: Option<Arc<str>>,
    ) -> u64 {
        let note = note.or_else(|| self.note.clone().filter(|_| self.actor == crate::sim::Actor::Person));
        let id = self.requests.next_id();
        let entry = RequestEntry {
            id,
            at: self.now,
            actor: self.actor.clone(),
            verb,
            kind,
            key,
            subresource,
            code,
            cause: self.cause,
            note,
        };
        self.requests.push(entry);
        id
    }

    /// The number that the request being carried out will have in the log.
    pub fn request_id(&self) -> u64 {
        self.requests.next_id()
    }

    fn dispatch(&mut self, t: &Target, r: &Request, warnings: &mut Vec<String>) -> Answer {
        let dry_run = r.param("dryRun").is_some_and(|d| !d.is_empty())
            || r.body["dryRun"].as_array().is_some_and(|d| !d.is_empty());
        let mut options = Options { dry_run, validation: r.param("fieldValidation").unwrap_or("Warn"), warnings };
        if r.method == Method::Get && t.kind == Kind::Endpoints {
            options.warnings.push("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into());
        }
        match (r.method, t.subresource, &t.name) {
            (Method::Get, "", None) => self.list(t, r),
            (Method::Get, "" | "status", Some(_)) => match self.found(t) {
                Ok(entry) => Ok((200, entry.obj.to_value(&self.store.ids))),
                Err(e) => match t.namespace.as_deref().filter(|ns| !self.has_namespace(ns)) {
                    Some(ns) => Err(Status::not_found("namespaces", ns)),
                    None => Err(e),
                },
            },
            (Method::Get, "scale", Some(_)) => Ok((200, self.scale_of(t)?)),
            (Method::Post, "", None) => self.create(t, r.body.clone(), &mut options),
            (Method::Put, "", Some(_)) => self.update(t, r.body.clone(), &mut options),
            (Method::Put, "status", Some(_)) => self.update_status(t, &r.body, &options),
            (Method::Put, "scale", Some(_)) => self.update_scale(t, &r.body, &mut options),
            (Method::Patch, "", Some(_)) => self.patch(t, r, &mut options),
            (Method::Patch, "status", Some(_)) => {
                let now = self.found(t)?.obj.to_value(&self.store.ids);
                let new = apply_patch(t, &now, r, &mut options)?;
                self.update_status(t, &new, &options)
            }
            (Method::Patch, "scale", Some(_)) => {
                let now = self.scale_of(t)?;
                let new = apply_patch(t, &now, r, &mut options)?;
                self.update_scale(t, &new, &mut options)
            }
            (Method::Delete, "", Some(_)) => self.delete_request(t, r, dry_run),
            (Method::Delete, "", None) => self.delete_collection(t, r, dry_run),
            (Method::Post, "binding", Some(_)) if t.kind == Kind::Pod => {
                let node = r.body["target"]["name"].as_str().unwrap_or_default();
                if node.is_empty() {
                    return Err(Status::invalid("Binding", &t.key().name, &[FieldError::required("target.name", "")]));
                }
                let id = self.found(t)?.obj.id(&self.store.ids);
                self.bind_unlogged(id, node.into())?;
                Ok((201, success()))
            }
            (Method::Post, "eviction", Some(_)) if t.kind == Kind::Pod => {
                self.found(t)?;
                let mut r = r.clone();
                r.body = r.body["deleteOptions"].clone();
                self.delete_request(t, &r, dry_run)?;
                Ok((201, success()))
            }
            (Method::Put, "finalize", Some(_)) if t.kind == Kind::Namespace => {
                let old = self.found(t)?.obj.clone();
                let mut new = old.to_value(&self.store.ids);
                new["spec"]["finalizers"] = r.body["spec"]["finalizers"].clone();
                self.finalize_namespace(&old, new)
            }
            _ => Err(Status::method_not_allowed()),
        }
    }

    fn has_namespace(&self, name: &str) -> bool {
        self.store.entry(Kind::Namespace, &Key::new("", name)).is_some()
    }

    fn found(&self, t: &Target) -> Result<&Entry, Status> {
        let key = t.key();
        self.store.entry(t.kind, &key).ok_or_else(|| Status::not_found(&t.info.group_resource(), &key.name))
    }

    fn list(&self, t: &Target, r: &Request) -> Answer {
        // clients put these errors into sentences of their own
        let labels = Selector::parse(r.param("labelSelector").unwrap_or("")).map_err(Status::bad_request)?;
        let fields = FieldSelector::parse(r.param("fieldSelector").unwrap_or("")).map_err(Status::bad_request)?;
        if let Some(t) = fields.terms.iter().find(|term| !selectable(t.kind, &term.field)) {
            return Err(Status::bad_request(format!("field label not supported: {}", t.field)));
        }
        let mut items = vec![];
        let picked: Box<dyn Iterator<Item = Obj>> = match (t.kind, &t.namespace) {
            (Kind::Pod, Some(ns)) if !labels.is_empty() => {
                let mut pods = self.store.select_pods(ns, &labels);
                pods.sort_by(|a, b| a.name.cmp(&b.name));
                Box::new(pods.into_iter().cloned().map(Obj::Pod).collect::<Vec<_>>().into_iter())
            }
            _ => Box::new(
                self.store
                    .list(t.kind, t.namespace.as_deref())
                    .filter(|o| labels.is_empty() || labels.matches_by(|k| o.label(k)))
                    .cloned(),
            ),
        };
        for o in picked {
            if let Some(name) = fields.requires_exact_match("metadata.name")
                && *o.key().name != *name
            {
                continue;
            }
            let v = self.present(&o);
            if fields.is_empty() || fields.terms.iter().all(|t| (field_value(&v, &t.field) == t.value) == t.equals) {
                items.push(v);
            }
        }
        Ok((
            200,
            json!({
                "kind": format!("{}List", t.info.kind),
                "apiVersion": t.info.api_version(),
                "metadata": {"resourceVersion": self.store.resource_version().to_string()},
                "items": items,
            }),
        ))
    }

    /// The object as it is read: heartbeats that are kept in closed form are filled in.
    pub fn present(&self, o: &Obj) -> Value {
        let mut v = o.to_value(&self.store.ids);
        if let Obj::Lease(_) = o
            && v["metadata"]["namespace"] == "kube-node-lease"
        {
            // kubelets renew every 10 s; a silent one renewed last when the server's state says
            let name: Arc<str> = v["metadata"]["name"].as_str().unwrap_or_default().into();
            let beat = SimTime(self.now.0 - self.now.0 % 10_000_000);
            let last = self.server.silent.get(&name).copied().unwrap_or(beat);
            v["spec"]["renewTime"] = format!("{:.6}", last.timestamp_micros()).into();
        }
        v
    }

    /// Checks shape and fields against the schema; unknown fields are refused, warned of or dropped.
    fn decode(&self, t: &Target, body: Value, options: &mut Options) -> Result<Value, Status> {
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
        let decoded = schema::decode(t.info, body).map_err(Status::bad_request)?;
        if !decoded.unknown.is_empty() {
            match options.validation {
                "Strict" => return Err(Status::bad_request(schema::strict_error(t.info, &decoded.unknown))),
                "Ignore" => {}
                _ => options.warnings.extend(decoded.unknown.iter().map(ToString::to_string)),
            }
        }
        Ok(decoded.value)
    }

    fn create(&mut self, t: &Target, body: Value, options: &mut Options) -> Answer {
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
        let v = self.admit(t.kind, v)?;
        let name = v["metadata"]["name"].as_str().unwrap_or_default().to_string();
        let key = Key::new(v["metadata"]["namespace"].as_str().unwrap_or(""), name.as_str());
        if self.store.get(t.kind, &key).is_some() {
            return Err(Status::already_exists(&resource, &name));
        }
        if self.store.len() >= MAX_OBJECTS {
            return Err(Status::forbidden(
                &resource,
                &name,
                &format!("this cluster holds at most {MAX_OBJECTS} objects"),
            ));
        }
        let strategy = registry::strategy(t.info.kind).ok_or_else(|| not_simulated(t.info))?;
        options.warnings.extend((strategy.warnings)(&v, None));
        if options.dry_run {
            let mut v = v;
            v["metadata"]["uid"] = self.store.ids.uid(self.store.ids.issued() + 1).into();
            v["metadata"]["creationTimestamp"] = self.now.rfc3339().into();
            return Ok((201, v));
        }
        if t.kind == Kind::Service {
            self.hold_service(&v, None);
        }
        let obj = self.insert(t.kind, v)?;
        Ok((201, self.present(&obj)))
    }

    /// Defaults, admission and validation of a new object.
    pub(super) fn admit(&mut self, kind: Kind, mut v: Value) -> Result<Value, Status> {
        let strategy = registry::strategy(kind.info().kind).ok_or_else(|| not_simulated(kind.info()))?;
        (strategy.default)(&mut v);
        let name = v["metadata"]["name"].as_str().unwrap_or_default().to_string();
        match kind {
            Kind::Pod => {
                let token = self.rng.suffix(5);
                let ns = v["metadata"]["namespace"].as_str().unwrap_or("default");
                let account = Key::new(ns, admission::account_name(&v));
                let account = self.store.get(Kind::ServiceAccount, &account).map(|o| o.to_value(&self.store.ids));
                admission::admit_pod(&mut v, account.as_ref(), &admission::system_priority_classes(), &token)
                    .map_err(|why| Status::forbidden("pods", &name, &why))?;
            }
            Kind::Service => self.allocate_service(&mut v, None).map_err(|e| Status::invalid("Service", &name, &e))?,
            _ => {}
        }
        (strategy.prepare_for_create)(&mut v);
        let errors = (strategy.validate)(&v);
        if !errors.is_empty() {
            return Err(Status::invalid(&kind.info().group_kind(), &name, &errors));
        }
        Ok(v)
    }

    fn check_namespace(&self, ns: &str, t: &Target, name: &str) -> Result<(), Status> {
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
        let rv = self.store.next_version();
        let m = metadata(&mut v);
        m.insert("uid".into(), self.store.ids.uid(id).into());
        m.insert("resourceVersion".into(), rv.to_string().into());
        m.insert("creationTimestamp".into(), self.now.rfc3339().into());
        let obj = self.object(kind, v, None, Some(id))?;
        let request = self.request_id();
        self.store.put(obj.clone(), self.now, request);
        self.notify(kind);
        Ok(obj)
    }

    /// JSON to a stored object. `old`: the object it replaces.
    fn object(&mut self, kind: Kind, v: Value, old: Option<&Obj>, id: Option<u64>) -> Result<Obj, Status> {
        let bad = |e: serde_json::Error| Status::bad_request(e.to_string());
        match kind {
            Kind::Pod => {
                // A record knows more than the API shows: a status that is not changed is not read back from there.
                let kept = match old {
                    Some(Obj::Pod(p)) => {
                        let shown = old.map(|o| o.to_value(&self.store.ids)["status"] == v["status"]);
                        Some((p.id, p.status.clone(), shown == Some(true)))
                    }
                    _ => None,
                };
                let pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(v).map_err(bad)?;
                let id = id.or(kept.as_ref().map(|k| k.0)).unwrap_or(0);
                let mut record = self.pod_record(pod, id);
                if let Some((_, status, true)) = kept {
                    record.status = status;
                }
                Ok(Obj::Pod(Arc::new(record)))
            }
            Kind::Event => self.event_record(&v, id).map(|e| Obj::Event(Arc::new(e))),
            other => Obj::typed_from_value(other, v).map_err(bad),
        }
    }

    fn patch(&mut self, t: &Target, r: &Request, options: &mut Options) -> Answer {
        let old = self.found(t)?.obj.to_value(&self.store.ids);
        let new = apply_patch(t, &old, r, options)?;
        self.update(t, new, options)
    }

    fn update(&mut self, t: &Target, body: Value, options: &mut Options) -> Answer {
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
        m.remove("managedFields");
        let strategy = registry::strategy(t.info.kind).ok_or_else(|| not_simulated(t.info))?;
        (strategy.default)(&mut new);
        if t.kind == Kind::Service {
            self.allocate_service(&mut new, Some(&old)).map_err(|e| Status::invalid("Service", &name, &e))?;
        }
        if t.kind == Kind::Pod {
            admission::admit_pod_update(&mut new, &old);
        }
        (strategy.prepare_for_update)(&mut new, &old);
        let errors = (strategy.validate_update)(&new, &old);
        if !errors.is_empty() {
            return Err(Status::invalid(&t.info.group_kind(), &name, &errors));
        }
        options.warnings.extend((strategy.warnings)(&new, Some(&old)));
        if options.dry_run {
            return Ok((200, new));
        }
        if t.kind == Kind::Service {
            self.hold_service(&new, Some(&old));
        }
        let obj = self.replace(t.kind, new, &old_obj)?;
        Ok((200, self.present(&obj)))
    }

    /// Stores a changed object; nothing is written if nothing changed. Removes it if its last finalizer went.
    pub(super) fn replace(&mut self, kind: Kind, mut new: Value, old: &Obj) -> Result<Obj, Status> {
        let before = old.to_value(&self.store.ids);
        let typed = self.object(kind, new.clone(), Some(old), None)?;
        if typed.to_value(&self.store.ids) == before {
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

    fn update_status(&mut self, t: &Target, body: &Value, options: &Options) -> Answer {
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
        let decoded = schema::decode(t.info, body.clone()).map_err(Status::bad_request)?.value;
        let before = new.clone();
        new["status"] = decoded["status"].clone();
        let strategy = registry::strategy(t.info.kind).ok_or_else(|| not_simulated(t.info))?;
        let errors = (strategy.validate_status_update)(&new, &before);
        if !errors.is_empty() {
            return Err(Status::invalid(&t.info.group_kind(), &t.key().name, &errors));
        }
        if options.dry_run {
            return Ok((200, new));
        }
        let obj = self.replace(t.kind, new, &old)?;
        Ok((200, self.present(&obj)))
    }

    fn scale_of(&self, t: &Target) -> Result<Value, Status> {
        let v = self.found(t)?.obj.to_value(&self.store.ids);
        let m = &v["metadata"];
        let selector = Selector::from_label_selector(&v["spec"]["selector"]).map(|s| s.to_string()).unwrap_or_default();
        Ok(json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {"name": m["name"], "namespace": m["namespace"], "uid": m["uid"], "resourceVersion": m["resourceVersion"], "creationTimestamp": m["creationTimestamp"]},
            "spec": {"replicas": v["spec"]["replicas"].as_i64().unwrap_or(0)},
            "status": {"replicas": v["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector},
        }))
    }

    fn update_scale(&mut self, t: &Target, body: &Value, options: &mut Options) -> Answer {
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
        v["spec"]["replicas"] = replicas.into();
        self.update(t, v, options)?;
        Ok((200, self.scale_of(t)?))
    }

    fn delete_request(&mut self, t: &Target, r: &Request, dry_run: bool) -> Answer {
        let obj = self.found(t)?.obj.clone();
        let options = DeleteOptions::of(r);
        if let Some(uid) = &options.uid
            && self.store.ids.parse(uid) != Some(obj.id(&self.store.ids))
        {
            let now = self.store.ids.uid(obj.id(&self.store.ids));
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {now}");
            return Err(Status::conflict(&t.info.group_resource(), &t.key().name, &why));
        }
        if t.kind == Kind::Namespace
            && matches!(&*t.key().name, "default" | "kube-system" | "kube-public" | "kube-node-lease")
        {
            return Err(Status::forbidden("namespaces", &t.key().name, "this namespace may not be deleted"));
        }
        if dry_run {
            return Ok((200, self.present(&obj)));
        }
        match self.delete_object(&obj, &options) {
            Some(left) => Ok((200, self.present(&left))),
            None if t.kind == Kind::Pod => Ok((200, self.present(&obj))),
            None => {
                let mut s = success();
                s["details"] = json!({"name": t.key().name.to_string(), "group": t.info.group, "kind": t.info.plural, "uid": self.store.ids.uid(obj.id(&self.store.ids))});
                Ok((200, s))
            }
        }
    }

    fn delete_collection(&mut self, t: &Target, r: &Request, dry_run: bool) -> Answer {
        let (_, list) = self.list(t, r)?;
        for item in list["items"].as_array().into_iter().flatten() {
            let key = Key::new(
                item["metadata"]["namespace"].as_str().unwrap_or(""),
                item["metadata"]["name"].as_str().unwrap_or(""),
            );
            if let (false, Some(obj)) = (dry_run, self.store.get(t.kind, &key).cloned()) {
                self.delete_object(&obj, &DeleteOptions::of(r));
            }
        }
        Ok((200, list))
    }

    /// Begins or completes a deletion (Models apiserver registry/generic/registry.Store.Delete). Returns what is left.
    pub(super) fn delete_object(&mut self, obj: &Obj, options: &DeleteOptions) -> Option<Obj> {
        let kind = obj.kind();
        let mut finalizers = obj.finalizers();
        match options.propagation.as_deref() {
            Some("Orphan") => {
                finalizers.retain(|f| f != "foregroundDeletion");
                if !finalizers.iter().any(|f| f == "orphan") {
                    finalizers.push("orphan".into());
                }
            }
            Some("Foreground") => {
                finalizers.retain(|f| f != "orphan");
                if !finalizers.iter().any(|f| f == "foregroundDeletion") {
                    finalizers.push("foregroundDeletion".into());
                }
            }
            Some("Background") => finalizers.retain(|f| f != "foregroundDeletion" && f != "orphan"),
            _ => {}
        }
        if let Obj::Pod(p) = obj {
            return self.delete_pod_record(p, options.grace, finalizers);
        }
        let mut v = obj.to_value(&self.store.ids);
        let held = !finalizers.is_empty()
            || (kind == Kind::Namespace && v["spec"]["finalizers"].as_array().is_some_and(|f| !f.is_empty()));
        if !held {
            self.remove_object(obj);
            return None;
        }
        let now = self.now.rfc3339();
        let m = metadata(&mut v);
        if finalizers.is_empty() {
            m.remove("finalizers");
        } else {
            m.insert("finalizers".into(), finalizers.into());
        }
        if !m.contains_key("deletionTimestamp") {
            m.insert("deletionTimestamp".into(), now.into());
            if kind != Kind::Namespace {
                m.insert("deletionGracePeriodSeconds".into(), 0.into());
                if let Some(g) = m.get("generation").and_then(Value::as_i64) {
                    m.insert("generation".into(), (g + 1).into());
                }
            }
        }
        if kind == Kind::Namespace {
            v["status"]["phase"] = "Terminating".into();
        }
        self.replace(kind, v, obj).ok()
    }

    /// Takes an object out of the store for good.
    pub(super) fn remove_object(&mut self, obj: &Obj) {
        let (kind, key) = (obj.kind(), obj.key());
        self.store.next_version();
        let request = self.request_id();
        if self.store.remove(kind, &key, self.now, request).is_some() {
            if kind == Kind::Service {
                self.release_service(&obj.to_value(&self.store.ids));
            }
            self.server.templates.remove(&obj.id(&self.store.ids));
            self.notify(kind);
        }
    }

    fn finalize_namespace(&mut self, old: &Obj, new: Value) -> Answer {
        let done = old.deleting()
            && new["spec"]["finalizers"].as_array().is_none_or(Vec::is_empty)
            && old.finalizers().is_empty();
        if done {
            self.remove_object(old);
            return Ok((200, new));
        }
        let obj = self.replace(Kind::Namespace, new, old)?;
        Ok((200, self.present(&obj)))
    }
}

/// Of a kind that is not simulated there are no objects: reading says so, only writing is refused.
fn empty_list(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let kind = |info: &ResourceInfo| json!({"kind": format!("{}List", info.kind), "apiVersion": info.api_version(), "metadata": {"resourceVersion": "0"}, "items": []});
    let plural = match parts.as_slice() {
        ["api" | "apis", .., "namespaces", _, plural] => plural,
        [.., plural] => plural,
        [] => "",
    };
    let (group, version) = match parts.as_slice() {
        ["apis", g, v, ..] => (*g, *v),
        ["api", v, ..] => ("", *v),
        _ => ("", ""),
    };
    kinds::by_plural(group, version, plural).map(kind)
}

fn pod_has_grace_left(obj: &Obj) -> bool {
    matches!(obj, Obj::Pod(p) if p.deletion.as_ref().is_some_and(|d| d.grace > 0))
}

/// `DeleteOptions`.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Seconds; none: the object's own.
    pub grace: Option<u32>,
    /// `Background`, `Foreground`, `Orphan`; none: as the finalizers stand.
    pub propagation: Option<String>,
    /// Only if the UID is this one.
    pub uid: Option<String>,
}

impl DeleteOptions {
    fn of(r: &Request) -> DeleteOptions {
        let text = |k: &str| r.param(k).map(str::to_string).or_else(|| r.body[k].as_str().map(str::to_string));
        DeleteOptions {
            grace: r
                .param("gracePeriodSeconds")
                .and_then(|g| g.parse().ok())
                .or_else(|| r.body["gracePeriodSeconds"].as_u64().map(|g| g as u32)),
            propagation: text("propagationPolicy").filter(|p| !p.is_empty()),
            uid: r.body["preconditions"]["uid"].as_str().map(str::to_string),
        }
    }
}

fn success() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
}

fn metadata(v: &mut Value) -> &mut Map<String, Value> {
    if !v.is_object() {
        *v = json!({});
    }
    let m = &mut v["metadata"];
    if !m.is_object() {
        *m = json!({});
    }
    m.as_object_mut().expect("just made an object")
}

fn verb_of(r: &Request, collection: bool) -> Verb {
    match r.method {
        Method::Get if collection => Verb::List,
        Method::Get => Verb::Get,
        Method::Post => Verb::Create,
        Method::Put => Verb::Update,
        Method::Patch => Verb::Patch,
        Method::Delete if collection => Verb::DeleteCollection,
        Method::Delete => Verb::Delete,
    }
}

fn apply_patch(t: &Target, old: &Value, r: &Request, options: &mut Options) -> Result<Value, Status> {
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

fn selectable(kind: Kind, field: &str) -> bool {
    let own: &[&str] = match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::Namespace => &["status.phase"],
        Kind::Node => &["spec.unschedulable"],
        Kind::ReplicaSet => &["status.replicas"],
        Kind::Secret => &["type"],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        _ => &[],
    };
    matches!(field, "metadata.name" | "metadata.namespace") || own.contains(&field)
}

fn field_value(v: &Value, field: &str) -> String {
    if field == "source" {
        return v["source"]["component"].as_str().unwrap_or_default().into();
    }
    let mut at = v;
    for part in field.split('.') {
        at = &at[part];
    }
    match at {
        Value::String(s) => s.clone(),
        Value::Null if field == "spec.unschedulable" || field == "spec.hostNetwork" => "false".into(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
