//! Server-side apply as a verb, and the keeping of `metadata.managedFields` along with every write of a person.

use super::managed::{self, Manager, Shape};
use super::request::Request;
use super::server::{Answer, Options};
use super::target::Target;
use super::write::metadata;
use crate::api::error::{FieldError, Status};
use crate::api::kinds::ResourceInfo;
use crate::api::schema::schema;
use crate::sim::{Actor, Component, Sim};
use serde_json::Value;

/// What `kubectl apply` remembers of the client's side; the server keeps it up to date for kubectl.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Sim {
    /// Under which name the actor writes when the request says none.
    pub(super) fn default_manager(&self) -> String {
        let name = match &self.actor {
            Actor::Person => "kubectl",
            Actor::Pod(_) => "curl",
            Actor::ApiServer => "kube-apiserver",
            Actor::Component(Component::Scheduler) => "kube-scheduler",
            Actor::Component(Component::Kubelets) | Actor::Kubelet(_) => "kubelet",
            Actor::Component(_) => "kube-controller-manager",
        };
        name.into()
    }

    /// Calls with the shape of a resource's objects.
    pub(super) fn with_shape<R>(&self, info: &ResourceInfo, f: impl FnOnce(Shape) -> R) -> R {
        if let Some(own) = self.custom_schema(info) {
            return f(Shape::Custom(&own));
        }
        f(schema().of(info).map_or(Shape::Any, Shape::Struct))
    }

    /// The managers of an object after this write. `None`: they are not kept, because no person has written it yet.
    pub(super) fn track(&self, t: &Target, old: Option<&Value>, new: &Value, options: &mut Options) -> Option<Value> {
        if let Some(managers) = options.managers.take() {
            return Some(managers);
        }
        // what a client sends back, changed or not, is taken at its word; an empty entry begins anew
        let sent = new["metadata"]["managedFields"].as_array().filter(|l| !l.is_empty());
        let before = match (sent, old) {
            (Some(_), _) => managed::decode(new),
            (None, Some(old)) => managed::decode(old),
            (None, None) => vec![],
        };
        if before.is_empty() && self.actor != Actor::Person {
            return None;
        }
        let info = t.kind.info();
        let manager = Manager::update(&options.manager, &t.info.api_version(), options.subresource);
        let now = self.now.rfc3339();
        let managers = self.with_shape(info, |shape| {
            let implied = match old {
                Some(old) if before.is_empty() && sent.is_none() => Some(managed::implied(shape, old)),
                _ => None,
            };
            let before = implied.clone().unwrap_or(before);
            let after = managed::updated(shape, before, &manager, old, new, &now);
            // what goes without saying is not kept
            (implied.as_ref() != Some(&after)).then_some(after)
        })?;
        Some(managed::kept(&managed::without_reports(managers)))
    }

    /// PATCH with `application/apply-patch+yaml`.
    pub(super) fn apply(&mut self, t: &Target, r: &Request, options: &mut Options) -> Answer {
        let name = r.param("fieldManager").unwrap_or_default();
        if name.is_empty() {
            let e = FieldError::required("fieldManager", "is required for apply patch");
            return Err(Status::invalid("PatchOptions.meta.k8s.io", "", &[e]));
        }
        let mut config = r.body.clone();
        if !config.is_object() {
            return Err(Status::bad_request("error decoding YAML: the configuration must be an object"));
        }
        if config["metadata"]["managedFields"].as_array().is_some_and(|l| !l.is_empty()) {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let key = t.key();
        let m = metadata(&mut config);
        match m.get("name").and_then(Value::as_str) {
            Some(n) if n != &*key.name => {
                return Err(Status::bad_request(format!(
                    "the name of the object ({n}) does not match the name on the URL ({})",
                    key.name
                )));
            }
            _ => m.insert("name".into(), key.name.to_string().into()),
        };
        if t.info.namespaced {
            m.insert("namespace".into(), key.namespace.to_string().into());
        }
        let (api, kind) = (t.info.api_version(), t.info.kind);
        if config["apiVersion"] != api.as_str() || config["kind"] != kind {
            let found = |k: &str| config[k].as_str().unwrap_or_default().to_owned();
            return Err(Status::bad_request(format!(
                "incorrect object type: {}, Kind={}, expected {api}, Kind={kind}",
                found("apiVersion"),
                found("kind")
            )));
        }
        let existing = self.store.get(t.kind, &key).cloned();
        if existing.is_none() && !t.subresource.is_empty() {
            return Err(Status::not_found(&t.info.group_resource(), &key.name));
        }
        let live = existing.as_ref().map(|o| self.as_asked(t, self.raw(o)));
        let manager =
            Manager { name: name.into(), apply: true, api_version: api.clone(), subresource: t.subresource.into() };
        let (force, now) = (r.flag("force"), self.now.rfc3339());
        let done = self.with_shape(t.info, |shape| {
            let unknown = managed::undeclared(shape, &config);
            if !unknown.is_empty() {
                let list: Vec<String> = unknown.iter().map(|p| format!("{p}: field not declared in schema")).collect();
                let list = match list.as_slice() {
                    [one] => one.clone(),
                    many => format!("errors:\n  {}", many.join("\n  ")),
                };
                let text = format!("failed to create typed patch object ({key}; {api}, Kind={kind}): {list}");
                return Err(Status::new(500, "", text));
            }
            let managers = live.as_ref().map_or_else(Vec::new, |live| match managed::decode(live) {
                none if none.is_empty() => managed::implied(shape, live),
                kept => kept,
            });
            managed::apply(shape, live.as_ref(), &config, managers, &manager, force, &now)
        })?;
        let mut object = done.object;
        if name == "kubectl" && object["metadata"]["annotations"].get(LAST_APPLIED).is_some() {
            let mut said = config.clone();
            if let Some(a) = said["metadata"]["annotations"].as_object_mut() {
                a.remove(LAST_APPLIED);
            }
            object["metadata"]["annotations"][LAST_APPLIED] = format!("{said}\n").into();
        }
        metadata(&mut object).remove("managedFields");
        options.managers = Some(managed::kept(&managed::without_reports(done.managers)));
        options.validation = "Ignore";
        match (existing, t.subresource) {
            (None, _) => self.create(t, object, options),
            (Some(_), "status") => self.update_status(t, &object, options),
            (Some(_), "resize") => self.update_resize(t, object, options),
            (Some(_), _) => self.update(t, object, options),
        }
    }
}
