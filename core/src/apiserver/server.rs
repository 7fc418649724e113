//! REST: what a request asks for, and the log of requests. Invariant: whatever comes in, the answer is an object, a
//! list or a `Status`, and the store changes only when the answer is a success.

pub use super::delete::DeleteOptions;
use super::delete::success;
use super::request::{ContentType, Method, Request, Response, User};
use super::requests::{RequestEntry, Verb};
use super::target::Target;
use super::write::apply_patch;
use crate::api::error::{FieldError, Status};
use crate::api::kinds::{self, ResourceInfo};
use crate::sim::Sim;
use crate::store::{Key, Kind};
use serde_json::{Value, json};
use std::sync::Arc;

/// Objects that one cluster may hold: a link or a manifest of a stranger must not fill the memory.
pub const MAX_OBJECTS: usize = 2_000_000;
/// The longest body that is read, in bytes.
const MAX_BODY: usize = 3 * 1024 * 1024;
/// The largest object that the store of a real API server takes, and the largest it is sent at all.
const MAX_STORED: usize = 1536 * 1024;
const MAX_SENT: usize = 2 * 1024 * 1024;

/// The refusal of a kind that exists in Kubernetes and not here.
pub fn not_simulated(info: &ResourceInfo) -> Status {
    Status::new(501, "NotImplemented", format!("{} ({}) is not simulated yet", info.kind, info.api_version()))
}

pub(super) type Answer = Result<(u16, Value), Status>;

/// What a write is allowed to do.
pub(super) struct Options<'a> {
    pub dry_run: bool,
    pub validation: &'a str,
    pub warnings: &'a mut Vec<String>,
    /// Who writes; managers are kept only of what people write, and of what they have written before.
    pub manager: String,
    /// Through which subresource.
    pub subresource: &'static str,
    /// `metadata.managedFields` as an apply has made them.
    pub managers: Option<Value>,
    /// In whose name, if not the administrator's or a component's.
    pub user: Option<Arc<User>>,
}

impl Sim {
    /// Answers one request in the name of [`Sim::actor`] and logs it.
    pub fn request(&mut self, request: Request) -> Response {
        let mut warnings = vec![];
        if let Some(refused) = self.refused() {
            return Response { code: refused.code, body: refused.to_value(), warnings };
        }
        warnings.extend(super::components::warning(&request));
        if let Some(answer) = self.beside_objects(&request) {
            let (code, body) = match answer {
                Ok((code, body)) => (code, body),
                Err(s) => (s.code, s.to_value()),
            };
            let verb = if request.method == Method::Get { Verb::Get } else { Verb::Create };
            self.log_request(verb, None, Key::new("", request.path.as_str()), "", code, None);
            return Response { code, body, warnings };
        }
        let target = match body_size(&request.body) > MAX_BODY {
            true => {
                Err(Status::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {MAX_BODY}")))
            }
            false => self.target(&request),
        };
        let (answer, verb) = match &target {
            Err(e) if e.code == 501 && request.method == Method::Get => match empty_list(&request.path) {
                Some(list) => (Ok((200, list)), Verb::List),
                None => {
                    (Err(Status::new(404, "NotFound", "the server could not find the requested resource")), Verb::Get)
                }
            },
            Err(e) => (Err(e.clone()), verb_of(&request, false)),
            Ok(t) => {
                let verb = verb_of(&request, t.name.is_none());
                let answer = match self.authorize_request(t, &request, verb) {
                    Ok(()) => self.dispatch(t, &request, &mut warnings),
                    Err(e) => Err(e),
                };
                if t.kind == Kind::CustomResourceDefinition && !verb.reads() && answer.is_ok() {
                    self.refresh_definitions();
                }
                if t.info.group == super::admission::policies::GROUP && !verb.reads() && answer.is_ok() {
                    self.refresh_policies();
                }
                if t.kind == Kind::ClusterRole && !verb.reads() && answer.is_ok() {
                    self.aggregate_roles();
                }
                (answer, verb)
            }
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
        if t.info.namespaced && t.namespace.is_none() {
            // across namespaces there are lists and watches, and nothing else
            match (&t.name, r.method) {
                (None, Method::Get) => {}
                (None, _) => return Err(Status::method_not_allowed()),
                (Some(_), _) => return Err(super::target::missing()),
            }
        }
        let dry_run = dry_run(r)?;
        let manager = match r.param("fieldManager").filter(|m| !m.is_empty()) {
            Some(name) => name.to_owned(),
            None => self.default_manager(),
        };
        let mut options = Options {
            dry_run,
            validation: r.param("fieldValidation").unwrap_or("Warn"),
            warnings,
            manager,
            subresource: t.subresource,
            managers: None,
            user: r.user.clone(),
        };
        if r.method == Method::Get && t.kind == Kind::Endpoints {
            options.warnings.push("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into());
        }
        options.warnings.extend(self.version_warning(t));
        match (r.method, t.subresource, &t.name) {
            (Method::Get, "", _) if r.flag("watch") => {
                let mut watch = self.watch_target(t, r)?;
                Ok((200, Value::Array(self.watch_events(&mut watch)?)))
            }
            (Method::Get, "", None) if t.info.verbs.contains(&"list") => self.list(t, r),
            (Method::Get, "" | "status" | "ephemeralcontainers" | "resize" | "approval", Some(_)) => {
                match self.found(t) {
                    Ok(entry) => Ok((200, self.shown(t, &entry.obj))),
                    Err(e) => match t.namespace.as_deref().filter(|ns| !self.has_namespace(ns)) {
                        Some(ns) => Err(Status::not_found("namespaces", ns)),
                        None => Err(e),
                    },
                }
            }
            (Method::Get, "scale", Some(_)) => Ok((200, self.scale_of(t)?)),
            (Method::Post, "", None) => self.create(t, r.body.clone(), &mut options),
            (Method::Put, "", Some(_)) => self.update(t, r.body.clone(), &mut options),
            (Method::Put, "approval", Some(_)) => self.update_approval(t, &r.body, &mut options),
            (Method::Patch, "approval", Some(_)) if r.content_type != ContentType::ApplyPatch => {
                let now = self.found(t)?.obj.to_value(&self.store.ids);
                let new = apply_patch(t, &now, r, &mut options)?;
                self.update_approval(t, &new, &mut options)
            }
            (Method::Put, "ephemeralcontainers", Some(_)) => self.update_ephemeral(t, &r.body, &mut options),
            (Method::Patch, "ephemeralcontainers", Some(_)) if r.content_type != ContentType::ApplyPatch => {
                let obj = self.found(t)?.obj.clone();
                let now = self.as_asked(t, self.raw(&obj));
                let new = apply_patch(t, &now, r, &mut options)?;
                self.update_ephemeral(t, &new, &mut options)
            }
            (Method::Put, "status", Some(_)) => self.update_status(t, &r.body, &mut options),
            (Method::Put, "resize", Some(_)) => self.update_resize(t, r.body.clone(), &mut options),
            (Method::Put, "scale", Some(_)) => self.update_scale(t, &r.body, &mut options),
            (Method::Patch, "" | "status" | "resize", Some(_)) if r.content_type == ContentType::ApplyPatch => {
                self.apply(t, r, &mut options)
            }
            (Method::Patch, "", Some(_)) => self.patch(t, r, &mut options),
            (Method::Patch, "resize", Some(_)) => {
                let obj = self.found(t)?.obj.clone();
                let now = self.as_asked(t, self.raw(&obj));
                let new = apply_patch(t, &now, r, &mut options)?;
                self.update_resize(t, new, &mut options)
            }
            (Method::Patch, "status", Some(_)) => {
                let obj = self.found(t)?.obj.clone();
                let now = self.as_asked(t, self.raw(&obj));
                let new = apply_patch(t, &now, r, &mut options)?;
                self.update_status(t, &new, &mut options)
            }
            (Method::Patch, "scale", Some(_)) => {
                let now = self.scale_of(t)?;
                let new = apply_patch(t, &now, r, &mut options)?;
                self.update_scale(t, &new, &mut options)
            }
            (Method::Delete, "", Some(_)) => self.delete_request(t, r, dry_run, options.warnings),
            // namespaces, for one, go one by one
            (Method::Delete, "", None) if t.info.verbs.contains(&"deletecollection") => {
                self.delete_collection(t, r, dry_run)
            }
            (Method::Post, "token", Some(_)) if t.kind == Kind::ServiceAccount => self.token(t, &r.body),
            (Method::Post, "binding", Some(_)) if t.kind == Kind::Pod => {
                let node = r.body["target"]["name"].as_str().unwrap_or_default();
                if node.is_empty() {
                    return Err(Status::invalid("Binding", &t.key().name, &[FieldError::required("target.name", "")]));
                }
                let id = self.found(t)?.obj.id(&self.store.ids);
                if !dry_run {
                    self.bind_unlogged(id, node.into())?;
                }
                Ok((201, success()))
            }
            (Method::Post, "eviction", Some(_)) if t.kind == Kind::Pod => {
                self.evict(&t.key(), r, dry_run)?;
                Ok((201, success()))
            }
            (Method::Put, "finalize", Some(_)) if t.kind == Kind::Namespace => {
                let old = self.found(t)?.obj.clone();
                let mut new = old.to_value(&self.store.ids);
                new["spec"]["finalizers"] = r.body["spec"]["finalizers"].clone();
                self.finalize_namespace(&old, new)
            }
            _ if !t.subresource.is_empty() && matches!(t.kind, Kind::Custom(_)) => {
                let verb = verb_of(r, t.name.is_none()).as_str();
                Err(Status::not_supported(&t.info.group_resource(), verb))
            }
            _ => Err(Status::method_not_allowed()),
        }
    }

    /// What people store must not be larger than etcd would take.
    pub(super) fn check_size(&self, object: &Value) -> Result<(), Status> {
        if !matches!(self.actor, crate::sim::Actor::Person | crate::sim::Actor::Pod(_)) {
            return Ok(());
        }
        match body_size(object) {
            n if n > MAX_SENT => Err(Status::new(
                500,
                "",
                format!(
                    "rpc error: code = ResourceExhausted desc = trying to send message larger than max ({n} vs. {MAX_SENT})"
                ),
            )),
            n if n > MAX_STORED => Err(Status::new(500, "", "etcdserver: request is too large")),
            _ => Ok(()),
        }
    }
}

/// About how many bytes a value has as JSON.
fn body_size(v: &Value) -> usize {
    match v {
        Value::Null => 4,
        Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(s) => s.len() + 2,
        Value::Array(list) => list.iter().map(|v| body_size(v) + 1).sum::<usize>() + 2,
        Value::Object(map) => map.iter().map(|(k, v)| k.len() + 4 + body_size(v)).sum::<usize>() + 2,
    }
}

/// Is the request to change nothing? There is one value for that: `All`.
fn dry_run(r: &Request) -> Result<bool, Status> {
    let in_query = r.query.iter().filter(|(k, v)| k == "dryRun" && !v.is_empty()).map(|(_, v)| v.as_str());
    let in_body = r.body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let in_body = in_body.filter(|_| r.method == Method::Delete || r.path.ends_with("/eviction"));
    let said: Vec<&str> = in_query.chain(in_body).collect();
    match said.iter().find(|d| **d != "All") {
        None => Ok(!said.is_empty()),
        Some(_) => {
            let kind = match r.method {
                Method::Post => "CreateOptions",
                Method::Put => "UpdateOptions",
                Method::Patch => "PatchOptions",
                Method::Get | Method::Delete => "DeleteOptions",
            };
            let e = FieldError::not_supported("dryRun", json!(said), &["All"]);
            Err(Status::invalid(&format!("{kind}.meta.k8s.io"), "", &[e]))
        }
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

pub(super) fn verb_of(r: &Request, collection: bool) -> Verb {
    match r.method {
        Method::Get if r.flag("watch") => Verb::Watch,
        Method::Get if collection => Verb::List,
        Method::Get => Verb::Get,
        Method::Post => Verb::Create,
        Method::Put => Verb::Update,
        Method::Patch => Verb::Patch,
        Method::Delete if collection => Verb::DeleteCollection,
        Method::Delete => Verb::Delete,
    }
}
