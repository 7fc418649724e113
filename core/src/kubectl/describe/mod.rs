//! `kubectl describe`: texts for people, a file a family of kinds. (Models kubectl/pkg/describe.)
//!
//! A describer writes lines with tabs; the layout is made at the end, by [`super::printer::tabwriter`].

mod access;
mod certificates;
mod config;
mod generic;
mod network;
mod node;
mod pod;
mod storage;
mod text;
mod workloads;

use super::Context;
use super::builder::Info;
use super::errors::CmdError;
use crate::api::kinds;
use crate::apiserver::request::Request;
pub use pod::template_text;
use serde_json::Value;
use text::Writer;

/// What a describer works with.
pub(crate) struct Describer<'a, 'b> {
    w: Writer,
    ctx: &'a mut Context<'b>,
    events: bool,
    now: i64,
}

/// Describes one object.
type Describe = fn(&Value, &mut Describer) -> Result<(), CmdError>;

static DESCRIBERS: &[(&str, &str, Describe)] = &[
    ("", "Pod", pod::pod),
    ("apps", "Deployment", workloads::deployment),
    ("apps", "ReplicaSet", workloads::replica_set),
    ("", "ReplicationController", workloads::replica_set),
    ("apps", "StatefulSet", workloads::stateful_set),
    ("apps", "DaemonSet", workloads::daemon_set),
    ("batch", "Job", workloads::job),
    ("batch", "CronJob", workloads::cron_job),
    ("autoscaling", "HorizontalPodAutoscaler", workloads::hpa),
    ("policy", "PodDisruptionBudget", workloads::pdb),
    ("", "Service", network::service),
    ("", "Endpoints", network::endpoints),
    ("discovery.k8s.io", "EndpointSlice", network::endpoint_slice),
    ("networking.k8s.io", "Ingress", network::ingress),
    ("networking.k8s.io", "IngressClass", network::ingress_class),
    ("networking.k8s.io", "NetworkPolicy", network::network_policy),
    ("", "Node", node::node),
    ("", "Namespace", config::namespace),
    ("", "ConfigMap", config::config_map),
    ("", "Secret", config::secret),
    ("", "ServiceAccount", config::service_account),
    ("", "ResourceQuota", config::quota),
    ("", "LimitRange", config::limit_range),
    ("", "PersistentVolume", storage::volume),
    ("", "PersistentVolumeClaim", storage::claim),
    ("storage.k8s.io", "StorageClass", storage::class),
    ("certificates.k8s.io", "CertificateSigningRequest", certificates::request),
    ("scheduling.k8s.io", "PriorityClass", config::priority_class),
    ("rbac.authorization.k8s.io", "Role", access::role),
    ("rbac.authorization.k8s.io", "ClusterRole", access::role),
    ("rbac.authorization.k8s.io", "RoleBinding", access::binding),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", access::binding),
];

/// The description of an object; `events` says whether its events are shown.
pub fn describe(info: &Info, events: bool, ctx: &mut Context) -> Result<String, CmdError> {
    let now = ctx.now().unix_seconds();
    let mut d = Describer { w: Writer::default(), ctx, events, now };
    let found = DESCRIBERS.iter().find(|(g, k, _)| *g == info.mapping.group && *k == info.mapping.kind);
    match found {
        Some((_, _, f)) => f(&info.object, &mut d)?,
        None => generic::generic(&info.object, &mut d)?,
    }
    Ok(super::printer::tabwriter::describe(&d.w.out))
}

impl Describer<'_, '_> {
    /// Objects of a kind in a namespace; empty where they cannot be had.
    fn list(&mut self, resource: &str, namespace: &str, selector: &str, fields: &str) -> Vec<Value> {
        let Some(r) = kinds::resolve(resource) else { return vec![] };
        let ns = if namespace.is_empty() { None } else { Some(namespace) };
        let mut request = Request::get(r.path(ns, None));
        if !selector.is_empty() {
            request = request.with("labelSelector", selector);
        }
        if !fields.is_empty() {
            request = request.with("fieldSelector", fields);
        }
        // what is read for the sake of another object brings no warnings with it
        match self.ctx.api.request(request).ok() {
            Ok(mut list) => match list["items"].take() {
                Value::Array(a) => a,
                _ => vec![],
            },
            Err(_) => vec![],
        }
    }

    /// One object; `None` where it cannot be had.
    fn get(&mut self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let r = kinds::resolve(resource)?;
        self.ctx.api.request(Request::get(r.path(Some(namespace), Some(name)))).ok().ok()
    }

    /// The events of an object, at the end of its description.
    fn events(&mut self, o: &Value) {
        if !self.events {
            return;
        }
        let part = |k: &str| o["metadata"][k].as_str().unwrap_or_default().to_string();
        let (name, ns) = (part("name"), part("namespace"));
        let kind = o["kind"].as_str().unwrap_or_default().to_string();
        let mut fields = format!("involvedObject.name={name},involvedObject.kind={kind}");
        // events of nodes carry the node's name for its uid
        if kind != "Node" {
            fields += &format!(",involvedObject.uid={}", part("uid"));
        }
        let mut events = self.list("events", &ns, "", &fields);
        let last = |e: &Value| {
            let keys = [&e["series"]["lastObservedTime"], &e["lastTimestamp"], &e["eventTime"]];
            keys.iter().find_map(|v| crate::apiserver::printers::seconds(v))
        };
        events.sort_by_key(last);
        text::events(&mut self.w, &events, self.now);
    }
}
