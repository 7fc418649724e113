//! REST: what a request asks for, and the log of requests. Invariant: whatever comes in, the answer is an object, a
//! list or a `Status`, and the store changes only when the answer is a success.

pub use super::delete::DeleteOptions;
use super::delete::success;
use super::request::{Method, Request, Response};
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
                self.evict(&t.key(), r, dry_run)?;
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
        Method::Get if collection => Verb::List,
        Method::Get => Verb::Get,
        Method::Post => Verb::Create,
        Method::Put => Verb::Update,
        Method::Patch => Verb::Patch,
        Method::Delete if collection => Verb::DeleteCollection,
        Method::Delete => Verb::Delete,
    }
}
