//! The subresource `ephemeralcontainers` of pods: containers that are added to a pod that is there already.
//! Models pkg/registry/core/pod EphemeralContainersREST. Invariant: it changes nothing else of the pod.

use super::registry;
use super::server::{Answer, Options};
use super::target::Target;
use super::write::metadata;
use crate::api::error::Status;
use crate::sim::Sim;
use serde_json::Value;

impl Sim {
    /// The pod with the ephemeral containers of the body.
    pub(super) fn update_ephemeral(&mut self, t: &Target, body: &Value, options: &mut Options) -> Answer {
        let old_obj = self.found(t)?.obj.clone();
        let old = old_obj.to_value(&self.store.ids);
        let name = t.key().name.to_string();
        let version = &body["metadata"]["resourceVersion"];
        if version.as_str().is_some_and(|v| !v.is_empty()) && *version != old["metadata"]["resourceVersion"] {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            return Err(Status::conflict("pods", &name, why));
        }
        let mut new = old.clone();
        new["spec"]["ephemeralContainers"] = body["spec"]["ephemeralContainers"].clone();
        if new["spec"]["ephemeralContainers"].is_null()
            && let Some(spec) = new["spec"].as_object_mut()
        {
            spec.remove("ephemeralContainers");
        }
        (registry::pod::STRATEGY.default)(&mut new);
        (registry::pod::STRATEGY.prepare_for_update)(&mut new, &old);
        let errors = registry::pod::validate_ephemeral_update(&new, &old);
        if !errors.is_empty() {
            return Err(Status::invalid("Pod", &name, &errors));
        }
        self.judge(t.kind, &new, Some(&old), options.warnings)?;
        if let Some(asked) = self.asked(t, "UPDATE", &old, options) {
            self.judge_by_policies(&asked, Some(&new), Some(&old), options.warnings)?;
        }
        match self.track(t, Some(&old), &new, options) {
            Some(managers) => new["metadata"]["managedFields"] = managers,
            None => drop(metadata(&mut new).remove("managedFields")),
        }
        if options.dry_run {
            return Ok((200, self.dry(t, new)));
        }
        let obj = self.replace(t.kind, new, &old_obj)?;
        Ok((200, self.shown(t, &obj)))
    }
}
