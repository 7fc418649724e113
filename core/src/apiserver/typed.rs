//! The typed front of the API server, for controllers, scheduler and kubelets: same store, same log, same rules, no
//! JSON on the hot path. Pods are written as records.

use super::admission::policies::Asked;
use super::requests::Verb;
use super::server::DeleteOptions;
use crate::api::error::Status;
use crate::clock::SimDuration;
use crate::sim::Sim;
use crate::store::pod::{Deletion, PodStatusRecord, SCHEDULED, TOKEN_MARK, rename_token};
use crate::store::{EventRecord, Id, Key, Kind, LabelSet, Obj, PodProto, PodRecord, Typed};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Value, json};
use smallvec::SmallVec;
use std::sync::Arc;

impl Sim {
    /// Creates an object; `metadata.generateName` works as over REST.
    pub fn create_typed<T: Typed + serde::Serialize>(&mut self, object: &T) -> Result<Arc<T>, Status> {
        let v = serde_json::to_value(object).map_err(|e| Status::bad_request(e.to_string()))?;
        let (ns, key) = (v["metadata"]["namespace"].as_str().unwrap_or("").to_string(), Key::of(object.metadata()));
        let path = T::STORED.info().path(Some(&ns), None);
        let request = super::request::Request::new(super::request::Method::Post, path).body(v);
        let body = self.request(request).ok()?;
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        let key = Key::new(key.namespace, name);
        self.store.typed::<T>(&key).cloned().ok_or_else(|| Status::not_found(&T::STORED.info().group_resource(), name))
    }

    /// Updates an object; conflicts if its resourceVersion is not the stored one.
    pub fn update_typed<T: Typed + serde::Serialize>(&mut self, object: &T) -> Result<Arc<T>, Status> {
        let v = serde_json::to_value(object).map_err(|e| Status::bad_request(e.to_string()))?;
        let key = Key::of(object.metadata());
        let path = T::STORED.info().path(Some(&key.namespace), Some(&key.name));
        let request = super::request::Request::new(super::request::Method::Put, path).body(v);
        self.request(request).ok()?;
        self.store
            .typed::<T>(&key)
            .cloned()
            .ok_or_else(|| Status::not_found(&T::STORED.info().group_resource(), &key.name))
    }

    /// Writes an object's status; the caller has changed nothing else. Conflicts like [`Sim::update_typed`]; a status
    /// equal to the stored one is not written.
    pub fn update_status_typed<T: Typed>(&mut self, mut object: T) -> Result<Arc<T>, Status> {
        if let Some(refused) = self.refused() {
            return Err(refused);
        }
        let key = Key::of(object.metadata());
        let resource = || T::STORED.info().group_resource();
        let Some(old) = self.store.typed::<T>(&key).cloned() else {
            let e = Status::not_found(&resource(), &key.name);
            self.log_request(Verb::Update, Some(T::STORED), key, "status", e.code, None);
            return Err(e);
        };
        if old.metadata().resource_version != object.metadata().resource_version {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            let e = Status::conflict(&resource(), &key.name, why);
            self.log_request(Verb::Update, Some(T::STORED), key, "status", e.code, None);
            return Err(e);
        }
        if *old == object {
            return Ok(old);
        }
        let rv = self.store.next_version();
        object.metadata_mut().resource_version = Some(rv.to_string());
        let object = Arc::new(object);
        let request = self.log_request(Verb::Update, Some(T::STORED), key, "status", 200, None);
        self.store.put(T::wrap(object.clone()), self.now, request);
        self.notify(T::STORED);
        Ok(object)
    }

    /// Deletes an object by name. `Ok(false)`: it still exists (grace period, finalizers).
    pub fn delete_typed(&mut self, kind: Kind, key: &Key, options: &DeleteOptions) -> Result<bool, Status> {
        let Some(obj) = self.store.get(kind, key).cloned() else {
            let e = Status::not_found(&kind.info().group_resource(), &key.name);
            self.log_request(Verb::Delete, Some(kind), key.clone(), "", e.code, None);
            return Err(e);
        };
        if let Err(e) = self.judge_deletion(&obj, false, None, &mut vec![]) {
            self.log_request(Verb::Delete, Some(kind), key.clone(), "", e.code, None);
            return Err(e);
        }
        let left = self.delete_object(&obj, options);
        self.log_request(Verb::Delete, Some(kind), key.clone(), "", 200, None);
        Ok(left.is_none())
    }

    /// The prototype of the pods that `owner` makes from this template. Admission, defaults and validation run once
    /// for each owner and generation; so does the search for the service account.
    pub fn template_proto(
        &mut self,
        owner: &OwnerReference,
        namespace: &str,
        generation: u64,
        template: &PodTemplateSpec,
    ) -> Result<Arc<PodProto>, Status> {
        let owner_id = self.store.ids.parse(&owner.uid).unwrap_or(0);
        if let Some((g, proto)) = self.server.templates.get(&owner_id)
            && *g == generation
        {
            let account = proto.pod.spec.as_ref().and_then(|s| s.service_account_name.as_deref()).unwrap_or("default");
            if self.store.get(Kind::ServiceAccount, &Key::new(namespace, account)).is_some() {
                return Ok(proto.clone());
            }
        }
        let meta = template.metadata.clone().unwrap_or_default();
        let mut v = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"generateName": format!("{}-", owner.name), "name": format!("{}-xxxxx", owner.name), "namespace": namespace, "ownerReferences": [owner]},
            "spec": template.spec,
        });
        if let Some(l) = meta.labels {
            v["metadata"]["labels"] = json!(l);
        }
        if let Some(a) = meta.annotations {
            v["metadata"]["annotations"] = json!(a);
        }
        if let Some(f) = meta.finalizers {
            v["metadata"]["finalizers"] = json!(f);
        }
        let v = self.admit(Kind::Pod, v, None, &mut vec![]).map_err(|mut e| {
            // the template stands for pods with names of their own
            let name = format!("{}-{}", owner.name, self.rng.suffix(5));
            e.message = e.message.replace(&format!("\"{}-xxxxx\"", owner.name), &format!("{name:?}"));
            if e.details["name"].is_string() {
                e.details["name"] = name.into();
            }
            e
        })?;
        let pod: Pod = crate::store::read(&v).map_err(|e| Status::bad_request(e.to_string()))?;
        let PodRecord { mut proto, node, .. } = self.pod_record(pod, 0);
        if let Some(node) = node {
            // a template that names its node: the one thing of a record's own that its pods share
            proto = self.vary_proto(&proto, |p| p.spec.get_or_insert_default().node_name = Some(node.to_string()));
        }
        self.server.templates.insert(owner_id, (generation, proto.clone()));
        Ok(proto)
    }

    /// A prototype like another but for what `change` does to its metadata and spec; owners stay.
    pub fn vary_proto(&mut self, proto: &Arc<PodProto>, change: impl FnOnce(&mut Pod)) -> Arc<PodProto> {
        let mut pod = proto.pod.clone();
        change(&mut pod);
        let labels = self.store.intern_labels(&pod.metadata.labels.clone().unwrap_or_default());
        let (owners, controller, qos) = (proto.owners.clone(), proto.controller, proto.qos);
        self.store.intern_proto(PodProto { id: 0, pod, labels, owners, controller, qos })
    }

    /// Creates a pod of a prototype under a generated name.
    pub fn create_pod(
        &mut self,
        namespace: &Arc<str>,
        proto: &Arc<PodProto>,
        prefix: &str,
    ) -> Result<Arc<PodRecord>, Status> {
        let ns = self.store.get(Kind::Namespace, &Key::new("", namespace.clone()));
        let refused = match ns {
            None => Some(Status::not_found("namespaces", namespace)),
            Some(o) if o.deleting() => Some(Status::forbidden(
                "pods",
                "",
                &format!("unable to create new content in namespace {namespace} because it is being terminated"),
            )),
            Some(_) => None,
        };
        if let Some(e) = refused {
            self.log_request(Verb::Create, Some(Kind::Pod), Key::new(namespace.clone(), ""), "", e.code, None);
            return Err(e);
        }
        let cut: String = prefix.chars().take(58).collect();
        let mut name: Arc<str> = format!("{cut}{}", self.rng.suffix(5)).into();
        while self.store.get(Kind::Pod, &Key { namespace: namespace.clone(), name: name.clone() }).is_some() {
            name = format!("{cut}{}", self.rng.suffix(5)).into();
        }
        let changed = match self.has_policies().then(|| self.stamped(namespace, &name, proto)).transpose() {
            Ok(changed) => changed.flatten(),
            Err(e) => {
                self.log_request(Verb::Create, Some(Kind::Pod), Key::new(namespace.clone(), name), "", e.code, None);
                return Err(e);
            }
        };
        let proto = changed.as_ref().unwrap_or(proto);
        let charges = match self.room_for_pod(namespace, &name, proto) {
            Ok(charges) => charges,
            Err(e) => {
                self.log_request(Verb::Create, Some(Kind::Pod), Key::new(namespace.clone(), name), "", e.code, None);
                return Err(e);
            }
        };
        let mut token = [0u8; 5];
        for t in &mut token {
            *t = crate::rng::SAFE_ALPHABET[self.rng.below(27) as usize];
        }
        self.charge(charges, self.request_id());
        let id = self.store.ids.issue();
        let rv = self.store.next_version();
        let record = Arc::new(PodRecord {
            id,
            namespace: namespace.clone(),
            name,
            rv,
            created: self.now.floor_second(),
            generation: 1,
            deletion: None,
            proto: proto.clone(),
            token,
            node: proto.pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).map(Into::into),
            status: PodStatusRecord::default(),
        });
        let request = self.log_request(Verb::Create, Some(Kind::Pod), record.key(), "", 201, None);
        self.store.put(Obj::Pod(record.clone()), self.now, request);
        self.notify(Kind::Pod);
        Ok(record)
    }

    /// What admission policies say of one pod of a prototype: another prototype, if they change it.
    fn stamped(
        &mut self,
        namespace: &Arc<str>,
        name: &Arc<str>,
        proto: &Arc<PodProto>,
    ) -> Result<Option<Arc<PodProto>>, Status> {
        let mut pod = proto.pod.clone();
        if let Some(spec) = &mut pod.spec {
            // each pod's volume has a name of its own; which one is nobody's business here
            rename_token(spec, TOKEN_MARK, "kube-api-access-token");
        }
        let mut v = serde_json::to_value(&pod).unwrap_or_default();
        v["apiVersion"] = "v1".into();
        v["kind"] = "Pod".into();
        v["metadata"]["name"] = (**name).into();
        v["metadata"]["namespace"] = (**namespace).into();
        let (info, text) = (Kind::Pod.info(), |t: &Arc<str>| t.to_string());
        let asked = Asked {
            info,
            subresource: "",
            operation: "CREATE",
            namespace: text(namespace),
            name: text(name),
            dry_run: false,
            user: None,
        };
        let before = v.clone();
        let rules = self.strategy(Kind::Pod);
        let changed = self.mutate_by_policies(&asked, &mut v, None)? && v != before;
        if changed {
            if let Some(s) = rules {
                (s.default)(&mut v);
            }
            self.complete_new(Kind::Pod, &mut v)?;
            let errors = rules.map(|s| (s.validate)(&v)).unwrap_or_default();
            if !errors.is_empty() {
                return Err(Status::invalid("Pod", name, &errors));
            }
            self.judge(Kind::Pod, &v, None, &mut vec![])?;
        }
        self.judge_by_policies(&asked, Some(&v), None, &mut vec![])?;
        if !changed {
            return Ok(None);
        }
        let pod: Pod = crate::store::read(&v).map_err(|e| Status::bad_request(e.to_string()))?;
        Ok(Some(self.pod_record(pod, 0).proto))
    }

    /// Binds a pod to a node (pods/binding).
    pub fn bind_pod(&mut self, id: Id, node: Arc<str>) -> Result<(), Status> {
        let key = self.store.pod(id).map(|p| p.key()).unwrap_or_else(|| Key::new("", ""));
        let done = self.bind_unlogged(id, node);
        let code = done.as_ref().map_or_else(|e| e.code, |()| 201);
        self.log_request(Verb::Create, Some(Kind::Pod), key, "binding", code, None);
        done
    }

    pub(super) fn bind_unlogged(&mut self, id: Id, node: Arc<str>) -> Result<(), Status> {
        let Some(pod) = self.store.pod(id).cloned() else { return Err(Status::not_found("pods", "")) };
        if pod.deletion.is_some() {
            return Err(Status::conflict(
                "pods/binding",
                &pod.name,
                &format!("pod {} is being deleted, cannot be assigned to a host", pod.name),
            ));
        }
        if let Some(n) = &pod.node {
            return Err(Status::conflict(
                "pods/binding",
                &pod.name,
                &format!("pod {} is already assigned to node {n:?}", pod.name),
            ));
        }
        let mut new = (*pod).clone();
        // a pod can read where it is from its own labels
        let places = self.topology_labels(&node);
        if places.iter().any(|(k, v)| pod.proto.labels.get(k) != Some(v.as_str())) {
            let mut typed = pod.to_pod(&self.store.ids);
            typed.metadata.labels.get_or_insert_default().extend(places);
            new.proto = self.pod_record(typed, pod.id).proto;
        }
        new.node = Some(node);
        new.status.nominated = None;
        new.status.set_condition(SCHEDULED, true, self.now, None);
        self.put_pod(new, self.request_id());
        Ok(())
    }

    /// The labels by which a node says where it is. (Models plugin/pkg/admission/podtopologylabels.)
    fn topology_labels(&self, node: &str) -> Vec<(String, String)> {
        const KEYS: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];
        let Some(node) = self.store.get(Kind::Node, &Key::new("", node)) else { return vec![] };
        KEYS.iter().filter_map(|k| Some(((*k).to_owned(), node.label(k)?.to_owned()))).collect()
    }

    /// Writes a pod's status (pods/status): `change` edits it and says whether there is anything to write. False if
    /// the pod is gone or nothing changed.
    pub fn update_pod_status(&mut self, id: Id, change: impl FnOnce(&mut PodStatusRecord) -> bool) -> bool {
        if self.puts_off(id) {
            return false;
        }
        let Some(pod) = self.store.pod(id).cloned() else { return false };
        let mut new = (*pod).clone();
        if !change(&mut new.status) {
            return false;
        }
        let request = self.log_request(Verb::Patch, Some(Kind::Pod), new.key(), "status", 200, None);
        self.put_pod(new, request);
        true
    }

    /// As [`Sim::update_pod_status`], as a part of the request that is being carried out.
    pub(super) fn change_pod_status(&mut self, id: Id, change: impl FnOnce(&mut PodStatusRecord)) {
        let Some(pod) = self.store.pod(id).cloned() else { return };
        let mut new = (*pod).clone();
        change(&mut new.status);
        self.put_pod(new, self.request_id());
    }

    /// Changes what a pod shares with others: labels, annotations, owner references, finalizers. Same meaning as a
    /// PATCH of its metadata.
    pub fn update_pod_meta(&mut self, id: Id, change: impl FnOnce(&mut Pod)) -> Result<Arc<PodRecord>, Status> {
        let Some(record) = self.store.pod(id).cloned() else {
            return Err(Status::not_found("pods", ""));
        };
        let mut pod = record.to_pod(&self.store.ids);
        change(&mut pod);
        let mut new = self.pod_record(pod, id);
        new.status = record.status.clone();
        let request = self.log_request(Verb::Patch, Some(Kind::Pod), new.key(), "", 200, None);
        let gone = new.deletion.as_ref().is_some_and(|d| d.grace == 0)
            && new.proto.pod.metadata.finalizers.as_ref().is_none_or(Vec::is_empty);
        let stored = self.put_pod(new, request);
        if gone {
            self.remove_object(&Obj::Pod(stored.clone()));
        }
        Ok(stored)
    }

    /// Deletes a pod: with grace (none: its own), or at once when the kubelet says so with grace 0.
    pub fn delete_pod(&mut self, id: Id, grace: Option<u32>) -> Result<(), Status> {
        if let Some(refused) = self.refused().filter(|_| self.puts_off(id)) {
            return Err(refused);
        }
        let Some(pod) = self.store.pod(id).cloned() else {
            return Err(Status::not_found("pods", ""));
        };
        // what a kubelet has ended is gone, whoever minds
        if grace.is_none()
            && let Err(e) = self.judge_deletion(&Obj::Pod(pod.clone()), false, None, &mut vec![])
        {
            self.log_request(Verb::Delete, Some(Kind::Pod), pod.key(), "", e.code, None);
            return Err(e);
        }
        let finalizers = pod.proto.pod.metadata.finalizers.clone().unwrap_or_default();
        self.delete_pod_record(&pod, grace, finalizers);
        self.log_request(Verb::Delete, Some(Kind::Pod), pod.key(), "", 200, None);
        Ok(())
    }

    /// Models pkg/registry/core/pod strategy.CheckGracefulDelete.
    pub(super) fn delete_pod_record(
        &mut self,
        pod: &Arc<PodRecord>,
        grace: Option<u32>,
        finalizers: Vec<String>,
    ) -> Option<Obj> {
        let spec = pod.proto.pod.spec.as_ref();
        let mut seconds = grace.unwrap_or_else(|| {
            SimDuration::written(spec.and_then(|s| s.termination_grace_period_seconds).unwrap_or(30))
        });
        if pod.node.is_none() || pod.status.phase.is_terminal() {
            seconds = 0;
        }
        if let Some(d) = &pod.deletion
            && seconds >= d.grace
            && d.grace > 0
        {
            return Some(Obj::Pod(pod.clone()));
        }
        let same_finalizers = pod.proto.pod.metadata.finalizers.as_deref().unwrap_or_default() == finalizers.as_slice();
        if seconds == 0 && finalizers.is_empty() {
            self.remove_object(&Obj::Pod(pod.clone()));
            return None;
        }
        let mut new = (**pod).clone();
        if !same_finalizers {
            let mut typed = pod.to_pod(&self.store.ids);
            typed.metadata.finalizers = (!finalizers.is_empty()).then_some(finalizers);
            new.proto = self.pod_record(typed, pod.id).proto;
        }
        if pod.deletion.is_none() {
            new.generation += 1;
        }
        let end = self.now + SimDuration::from_secs(u64::from(seconds));
        new.deletion = Some(Box::new(Deletion { at: end.floor_second(), grace: seconds }));
        let request = self.request_id();
        Some(Obj::Pod(self.put_pod(new, request)))
    }

    fn put_pod(&mut self, mut pod: PodRecord, request: u64) -> Arc<PodRecord> {
        pod.rv = self.store.next_version();
        let pod = Arc::new(pod);
        self.store.put(Obj::Pod(pod.clone()), self.now, request);
        self.notify(Kind::Pod);
        pod
    }

    /// An API pod as a record: what it shares goes into a prototype.
    pub(super) fn pod_record(&mut self, mut pod: Pod, id: Id) -> PodRecord {
        let m = &mut pod.metadata;
        let text = |s: Option<String>| -> Arc<str> { s.unwrap_or_default().into() };
        let (namespace, name) = (text(m.namespace.take()), text(m.name.take()));
        let rv = m.resource_version.take().and_then(|v| v.parse().ok()).unwrap_or(0);
        let created = m.creation_timestamp.take().as_ref().map(crate::clock::SimTime::from_api).unwrap_or_default();
        let generation = m.generation.take().unwrap_or(1) as u32;
        let grace = SimDuration::written(m.deletion_grace_period_seconds.take().unwrap_or(0));
        let deletion =
            m.deletion_timestamp.take().map(|t| Box::new(Deletion { at: crate::clock::SimTime::from_api(&t), grace }));
        m.uid = None;
        let status = pod.status.take();
        let mut token = [b'x'; 5];
        let mut node = None;
        if let Some(spec) = &mut pod.spec {
            node = spec.node_name.take().filter(|n| !n.is_empty()).map(Into::into);
            let volume = spec.volumes.iter().flatten().find(|v| {
                v.projected.is_some() && v.name.len() == TOKEN_MARK.len() && v.name.starts_with("kube-api-access-")
            });
            if let Some(name) = volume.map(|v| v.name.clone()) {
                token.copy_from_slice(&name.as_bytes()[name.len() - 5..]);
                rename_token(spec, &name, TOKEN_MARK);
            }
        }
        let labels: Arc<LabelSet> = self.store.intern_labels(&pod.metadata.labels.clone().unwrap_or_default());
        let refs = pod.metadata.owner_references.clone().unwrap_or_default();
        let owners: SmallVec<[Id; 1]> = refs.iter().filter_map(|r| self.store.ids.parse(&r.uid)).collect();
        let controller = refs.iter().find(|r| r.controller == Some(true)).and_then(|r| self.store.ids.parse(&r.uid));
        let qos = match status.as_ref().and_then(|s| s.qos_class.as_deref()) {
            Some("Guaranteed") => "Guaranteed",
            Some("Burstable") => "Burstable",
            _ => "BestEffort",
        };
        let proto = self.store.intern_proto(PodProto { id: 0, pod, labels, owners, controller, qos });
        let mut record = PodRecord {
            id,
            namespace,
            name,
            rv,
            created,
            generation,
            deletion,
            proto,
            token,
            node,
            status: PodStatusRecord::default(),
        };
        if let Some(s) = &status {
            record.set_status(s);
        }
        record
    }

    /// An `Event` that somebody posts.
    pub(super) fn event_record(&mut self, v: &Value, id: Option<Id>) -> Result<EventRecord, Status> {
        let o = &v["involvedObject"];
        let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let kind = Kind::by_name(o["kind"].as_str().unwrap_or_default())
            .ok_or_else(|| Status::bad_request("events about this kind are not simulated yet"))?;
        let seen = |k: &str| v[k].as_str().and_then(crate::clock::SimTime::parse_rfc3339).unwrap_or(self.now);
        Ok(EventRecord {
            id: id.unwrap_or(0),
            name: text(&v["metadata"]["name"]).into(),
            rv: v["metadata"]["resourceVersion"].as_str().and_then(|r| r.parse().ok()).unwrap_or(0),
            involved: Arc::new(crate::store::event::Involved {
                kind,
                key: Key::new(text(&o["namespace"]), text(&o["name"])),
                id: self.store.ids.parse(o["uid"].as_str().unwrap_or_default()).unwrap_or(0),
                rv: 0,
                field_path: text(&o["fieldPath"]).into(),
            }),
            warning: v["type"] == "Warning",
            reason: text(&v["reason"]).into(),
            message: text(&v["message"]).into(),
            component: "kubectl",
            host: "".into(),
            count: v["count"].as_u64().unwrap_or(1) as u32,
            first: seen("firstTimestamp"),
            last: seen("lastTimestamp"),
        })
    }
}
