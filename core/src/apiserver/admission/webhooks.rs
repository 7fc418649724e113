//! Webhooks of admission: which of them a request concerns, and what becomes of the call. Nothing in the cluster speaks
//! TLS to the API server, so no call is answered: it fails as it would fail on a real cluster, and the webhook's failure
//! policy decides. (Models apiserver `pkg/admission/plugin/webhook`.)
//!
//! Invariant: without a configuration that is stored, a request pays for looking at two empty lists.

use super::policies::read::{Condition, webhook_conditions};
use super::policies::{Asked, GROUP, Rights, hold};
use crate::api::error::Status;
use crate::api::kinds;
use crate::apiserver::registry::util::{items, text};
use crate::cel::Scope;
use crate::sim::Sim;
use crate::store::{Key, Kind};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

/// What is stored of webhooks, in the order of their configurations.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    mutating: Vec<Hook>,
    validating: Vec<Hook>,
}

#[derive(Clone, Debug)]
struct Hook {
    name: String,
    ignores: bool,
    config: Value,
    seconds: i64,
    /// What it is for, as a policy says it.
    matches: Value,
    conditions: Vec<Condition>,
}

fn hook(v: &Value) -> Hook {
    let copied = |key: &str| v.get(key).cloned().unwrap_or(Value::Null);
    Hook {
        name: text(v, "name").to_owned(),
        ignores: v["failurePolicy"] == "Ignore",
        config: copied("clientConfig"),
        seconds: v["timeoutSeconds"].as_i64().unwrap_or(10),
        matches: json!({
            "resourceRules": copied("rules"),
            "namespaceSelector": copied("namespaceSelector"),
            "objectSelector": copied("objectSelector"),
            "matchPolicy": copied("matchPolicy"),
        }),
        conditions: webhook_conditions(v, "").0,
    }
}

impl Sim {
    /// What is stored of webhooks now.
    pub(super) fn read_webhooks(&self) -> Hooks {
        let all = |kind: &str| -> Vec<Hook> {
            let info = kinds::RESOURCES.iter().find(|r| r.group == GROUP && r.kind == kind);
            let Some(kind) = info.and_then(Kind::of_info) else { return vec![] };
            let configurations = self.store.list(kind, None).map(|o| o.to_value(&self.store.ids));
            configurations.flat_map(|c| items(&c, "webhooks").iter().map(hook).collect::<Vec<_>>()).collect()
        };
        Hooks { mutating: all("MutatingWebhookConfiguration"), validating: all("ValidatingWebhookConfiguration") }
    }

    /// Calls the webhooks that a request concerns.
    ///
    /// # Errors
    /// 500: one could not be called, and its policy is to fail then; 403: whether it is to be called cannot be told.
    pub(in crate::apiserver) fn call_webhooks(
        &self,
        validating: bool,
        asked: &Asked,
        new: Option<&Value>,
        old: Option<&Value>,
    ) -> Result<(), Status> {
        let hooks = &self.server.policies.hooks;
        let all = if validating { &hooks.validating } else { &hooks.mutating };
        // nobody may lock the cluster: what configures admission is not judged by it
        if asked.info.group == GROUP {
            return Ok(());
        }
        for hook in all.iter().filter(|h| !h.ignores && !items(&h.matches, "resourceRules").is_empty()) {
            if !self.policy_matches(&hook.matches, asked, new, old) {
                continue;
            }
            if !hook.conditions.is_empty() {
                let (user, any) = self.asker(asked);
                let rights = Rights { sim: self, user, any };
                let scope = Scope { authorizer: Some(&rights), ..self.scope_of(asked, new, old) };
                match hold(&hook.conditions, &scope, &mut self.policy_budget()) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(why) => return Err(Status::forbidden(&asked.info.group_resource(), &asked.name, &why)),
                }
            }
            let why = format!("failed calling webhook {:?}: failed to call webhook: {}", hook.name, self.call(hook));
            let mut status = Status::new(500, "InternalError", format!("Internal error occurred: {why}"));
            status.details = json!({"causes": [{"message": why}]});
            return Err(status);
        }
        Ok(())
    }

    /// How a call ends.
    fn call(&self, hook: &Hook) -> String {
        let seconds = hook.seconds;
        if let Some(url) = hook.config["url"].as_str() {
            let host = url.split("://").nth(1).unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
            let slash = if url.matches('/').count() < 3 { "/" } else { "" };
            return format!("Post \"{url}{slash}?timeout={seconds}s\": dial tcp: lookup {host}: no such host");
        }
        let service = &hook.config["service"];
        let (namespace, name, path) = (text(service, "namespace"), text(service, "name"), text(service, "path"));
        let port = service["port"].as_i64().unwrap_or(443);
        let slash = if path.starts_with('/') { "" } else { "/" };
        let url = format!("https://{name}.{namespace}.svc:{port}{slash}{path}?timeout={seconds}s");
        format!("Post \"{url}\": {}", self.reached(namespace, name, port))
    }

    /// What a connection to a Service's port comes to, from the API server.
    fn reached(&self, namespace: &str, name: &str, port: i64) -> String {
        let Some(service) = self.store.typed::<Service>(&Key::new(namespace, name)) else {
            return format!("service {name:?} not found");
        };
        let spec = service.spec.clone().unwrap_or_default();
        if spec.type_.as_deref() == Some("ExternalName") {
            let host = spec.external_name.unwrap_or_default();
            return format!("dial tcp: lookup {host}: no such host");
        }
        let ip = spec.cluster_ip.unwrap_or_default();
        if ip.is_empty() || ip == "None" {
            return format!("cannot route to service with ClusterIP {ip:?}");
        }
        if !spec.ports.iter().flatten().any(|p| i64::from(p.port) == port) {
            return format!("no service port {port} found for service {name:?}");
        }
        let slices = self.store.list_typed::<EndpointSlice>(Some(namespace));
        let ready = slices.filter(|s| {
            let labels = s.metadata.labels.as_ref();
            labels.and_then(|l| l.get("kubernetes.io/service-name")).is_some_and(|n| n == name)
        });
        let served = ready
            .flat_map(|s| s.endpoints.iter().flatten())
            .any(|e| e.conditions.as_ref().and_then(|c| c.ready) != Some(false));
        if served {
            return "http: server gave HTTP response to HTTPS client".into();
        }
        format!("dial tcp {ip}:{port}: connect: connection refused")
    }
}

impl Hooks {
    /// Is there none?
    pub(super) fn is_empty(&self) -> bool {
        self.mutating.is_empty() && self.validating.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::registry::util::has;

    #[test]
    fn what_a_hook_is_for() {
        let h = hook(&json!({"name": "a.b.c", "rules": [{"operations": ["*"]}], "failurePolicy": "Ignore"}));
        assert!(h.ignores && has(&h.matches, "resourceRules"));
    }
}
