//! Deleting: preconditions, grace, finalizers, propagation.

use super::admission::policies::Asked;
use super::crd::cleanup_finalizer;
use super::request::Request;
use super::server::Answer;
use super::target::Target;
use super::write::metadata;
use crate::api::error::Status;
use crate::sim::Sim;
use crate::store::{Key, Kind, Obj};
use serde_json::{Value, json};

/// What is said when a Job goes and nobody has said how its pods do.
const JOBS_ORPHAN: &str = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background \
                           to remove them or set propagationPolicy=Orphan to suppress this warning";

impl Sim {
    pub(super) fn delete_request(
        &mut self,
        t: &Target,
        r: &Request,
        dry_run: bool,
        warnings: &mut Vec<String>,
    ) -> Answer {
        let obj = self.found(t)?.obj.clone();
        let options = DeleteOptions::of(r).completed(t.kind, &obj);
        if t.kind == Kind::Job && DeleteOptions::of(r).propagation.is_none() {
            warnings.push(JOBS_ORPHAN.into());
        }
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
        self.judge_deletion(&obj, dry_run, r.user.as_ref(), warnings)?;
        if dry_run {
            return Ok((200, self.shown(t, &obj)));
        }
        match self.delete_object(&obj, &options) {
            Some(left) => Ok((200, self.shown(t, &left))),
            None if t.kind == Kind::Pod => Ok((200, self.shown(t, &obj))),
            None => {
                let mut s = success();
                s["details"] = json!({"name": t.key().name.to_string(), "group": t.info.group, "kind": t.info.plural, "uid": self.store.ids.uid(obj.id(&self.store.ids))});
                Ok((200, s))
            }
        }
    }

    pub(super) fn delete_collection(&mut self, t: &Target, r: &Request, dry_run: bool) -> Answer {
        let (_, list) = self.list(t, r)?;
        for item in list["items"].as_array().into_iter().flatten() {
            let key = Key::new(
                item["metadata"]["namespace"].as_str().unwrap_or(""),
                item["metadata"]["name"].as_str().unwrap_or(""),
            );
            let Some(obj) = self.store.get(t.kind, &key).cloned() else { continue };
            self.judge_deletion(&obj, dry_run, r.user.as_ref(), &mut vec![])?;
            if !dry_run {
                self.delete_object(&obj, &DeleteOptions::of(r).completed(t.kind, &obj));
            }
        }
        Ok((200, list))
    }

    /// What admission policies and webhooks say of a deletion.
    pub(super) fn judge_deletion(
        &self,
        obj: &Obj,
        dry_run: bool,
        user: Option<&std::sync::Arc<super::request::User>>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        if !self.has_policies() {
            return Ok(());
        }
        let (key, info) = (obj.key(), obj.kind().info());
        let namespace = if obj.kind() == Kind::Namespace { key.name.to_string() } else { key.namespace.to_string() };
        let (name, user) = (key.name.to_string(), user.cloned());
        let asked = Asked { info, subresource: "", operation: "DELETE", namespace, name, dry_run, user };
        let old = obj.to_value(&self.store.ids);
        self.call_webhooks(false, &asked, None, Some(&old))?;
        self.judge_by_policies(&asked, None, Some(&old), warnings)
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
        if kind == Kind::CustomResourceDefinition && self.clean_up(&obj.key().name) {
            finalizers.retain(|f| *f != cleanup_finalizer());
            finalizers.push(cleanup_finalizer());
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
        if kind == Kind::CustomResourceDefinition {
            self.ending_status(&mut v);
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
                self.service_gone(&key);
            }
            if let Some((_, proto)) = self.server.templates.remove(&obj.id(&self.store.ids)) {
                self.store.forget_proto(&proto);
            }
            if kind.info().group == super::admission::policies::GROUP {
                self.refresh_policies();
            }
            if kind == Kind::CustomResourceDefinition {
                self.server.definitions.remove(&key.name);
                // its names are free now
                self.refresh_definitions();
            }
            self.notify(kind);
            self.after_custom_removal(kind);
        }
    }

    pub(super) fn finalize_namespace(&mut self, old: &Obj, new: Value) -> Answer {
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
    pub(super) fn of(r: &Request) -> DeleteOptions {
        let text = |k: &str| r.param(k).map(str::to_string).or_else(|| r.body[k].as_str().map(str::to_string));
        DeleteOptions {
            grace: r
                .param("gracePeriodSeconds")
                .and_then(|g| g.parse().ok())
                .or_else(|| r.body["gracePeriodSeconds"].as_u64().map(|g| u32::try_from(g).unwrap_or(u32::MAX))),
            propagation: text("propagationPolicy").filter(|p| !p.is_empty()).or_else(|| {
                let orphan =
                    text("orphanDependents").or_else(|| r.body["orphanDependents"].as_bool().map(|b| b.to_string()));
                Some(if orphan? == "true" { "Orphan".into() } else { "Background".into() })
            }),
            uid: r.body["preconditions"]["uid"].as_str().map(str::to_string),
        }
    }

    /// What a kind does when nobody says how its dependents go: those of the first days leave them behind. (Models
    /// DefaultGarbageCollectionPolicy and shouldOrphanDependents.)
    fn completed(mut self, kind: Kind, obj: &Obj) -> DeleteOptions {
        let held = |f: &str| f == "orphan" || f == "foregroundDeletion";
        if self.propagation.is_none()
            && matches!(kind, Kind::Job | Kind::ReplicationController)
            && !obj.finalizers().iter().any(|f| held(f))
        {
            self.propagation = Some("Orphan".into());
        }
        self
    }
}

pub(super) fn success() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
}
