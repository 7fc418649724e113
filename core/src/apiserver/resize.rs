//! The subresource `resize` of pods: other amounts of CPU and memory for containers that are there already. Models
//! pkg/registry/core/pod ResizeREST and the admission plugins that look at it. Invariant: it changes nothing of the pod
//! but its spec's resources; whether its node grants them is the kubelet's business.

use super::limits;
use super::registry;
use super::registry::util::text;
use super::server::{Answer, Options};
use super::target::Target;
use super::write::metadata;
use crate::api::error::Status;
use crate::api::quantity::Quantity;
use crate::sim::Sim;
use crate::store::{Key, Kind};
use k8s_openapi::api::core::v1::Node;
use serde_json::Value;

impl Sim {
    /// The pod with the resources of the body.
    pub(super) fn update_resize(&mut self, t: &Target, body: Value, options: &mut Options) -> Answer {
        let old_obj = self.found(t)?.obj.clone();
        let old = old_obj.to_value(&self.store.ids);
        let name = t.key().name.to_string();
        let mut new = self.decode(t, body, options)?;
        let version = &new["metadata"]["resourceVersion"];
        if version.as_str().is_some_and(|v| !v.is_empty()) && *version != old["metadata"]["resourceVersion"] {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            return Err(Status::conflict("pods", &name, why));
        }
        (registry::pod::STRATEGY.default)(&mut new);
        new["metadata"] = old["metadata"].clone();
        (registry::pod::STRATEGY.prepare_for_update)(&mut new, &old);
        let errors = registry::pod_resize::validate(&new, &old);
        if !errors.is_empty() {
            return Err(Status::invalid("Pod", &name, &errors));
        }
        self.judge(t.kind, &new, Some(&old), options.warnings)?;
        if let Some(asked) = self.asked(t, "UPDATE", &old, options) {
            self.judge_by_policies(&asked, Some(&new), Some(&old), options.warnings)?;
        }
        self.may_resize(&new, &old).map_err(|why| Status::forbidden("pods", &name, &why))?;
        let charges = self.room(t.kind, &new, Some(&old))?;
        match self.track(t, Some(&old), &new, options) {
            Some(managers) => new["metadata"]["managedFields"] = managers,
            None => drop(metadata(&mut new).remove("managedFields")),
        }
        if options.dry_run {
            return Ok((200, self.dry(t, new)));
        }
        self.charge(charges, self.request_id());
        let obj = self.replace(t.kind, new, &old_obj)?;
        Ok((200, self.shown(t, &obj)))
    }

    /// What the LimitRanges of the namespace and the pod's node say of the new amounts; the error is the reason.
    fn may_resize(&self, new: &Value, old: &Value) -> Result<(), String> {
        if new["spec"] == old["spec"] {
            return Ok(());
        }
        let namespace = text(&new["metadata"], "namespace");
        for range in self.store.list(Kind::LimitRange, Some(namespace)) {
            limits::check_pod(new, &range.to_value(&self.store.ids))?;
        }
        let node = text(&new["spec"], "nodeName");
        if node.is_empty() {
            return Ok(());
        }
        let Some(object) = self.store.typed::<Node>(&Key::new("", node)) else {
            return Err(format!("node {node:?} not found"));
        };
        let os = object.metadata.labels.as_ref().and_then(|l| l.get("kubernetes.io/os"));
        if let Some(os) = os.filter(|os| *os != "linux") {
            return Err(format!("pod resize is only supported on linux nodes, node {node:?} is {os:?}"));
        }
        let allocatable = object.status.as_ref().and_then(|s| s.allocatable.as_ref());
        let wanted = limits::of_pod(&new["spec"], "requests");
        let amounts = ["cpu", "memory"].map(|key| {
            let has = allocatable.and_then(|a| a.get(key)).and_then(|q| Quantity::parse(&q.0).ok()).unwrap_or_default();
            let wants = wanted.get(key).copied().unwrap_or_default();
            let of = |q: Quantity| if key == "cpu" { q.milli_value() } else { q.value() };
            (wants > has).then(|| format!("{key}, requested: {}, allocatable: {}", of(wants), of(has)))
        });
        let missing: Vec<String> = amounts.into_iter().flatten().collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("node didn't have enough allocatable resources: {}", missing.join("; "))),
        }
    }
}
