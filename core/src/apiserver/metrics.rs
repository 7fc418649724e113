//! The resource metrics API (`metrics.k8s.io`): what a metrics server last scraped of nodes and pods, and requests for it.
//! Invariant: the answers follow from what was last handed in; nothing is scraped here. Must not know kubelets. Models
//! sigs.k8s.io/metrics-server.

use super::authorizer::Attributes;
use super::request::{Method, Request};
use super::server::Answer;
use crate::api::error::Status;
use crate::api::fields::FieldSelector;
use crate::api::labels::Selector;
use crate::clock::{SimDuration, SimTime};
use crate::sim::{KubeletProfile, Sim};
use crate::store::{Id, Key, PodRecord};
use imbl::OrdMap;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use std::sync::Arc;

/// Between two scrapes, which is what a value is an average over.
pub const WINDOW: SimDuration = SimDuration::from_secs(15);
/// A metrics server needs so long from its cluster's start until it has something to say.
pub const WARM_UP: SimTime = SimTime::from_secs(60);
const PREFIX: &str = "/apis/metrics.k8s.io";
const VERSION: &str = "metrics.k8s.io/v1beta1";

/// What something used over a window: CPU in billionths of a core, memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// CPU.
    pub nanocores: u64,
    /// Memory.
    pub bytes: u64,
}

/// What the containers of a pod used, by name.
pub type Containers = Arc<[(Arc<str>, Amount)]>;

/// What was scraped.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// When it was handed in.
    pub taken: Option<SimTime>,
    /// The end of the window.
    pub at: SimTime,
    /// Containers of pods, by name.
    pub pods: OrdMap<Id, Containers>,
    /// Nodes.
    pub nodes: OrdMap<Arc<str>, Amount>,
}

/// Is this a request for metrics?
pub fn is_asked(path: &str) -> bool {
    path.starts_with(PREFIX)
}

fn usage(a: Amount) -> Value {
    json!({"cpu": format!("{}n", a.nanocores), "memory": format!("{}Ki", a.bytes / 1024)})
}

impl Sim {
    /// Is there a metrics server? The recorder of the conformance cases had none.
    pub fn serves_metrics(&self) -> bool {
        self.config.kubelets == KubeletProfile::Real
    }

    /// Answers a request for metrics; `None`: it is for something else.
    pub(super) fn metrics_answer(&self, r: &Request) -> Option<Answer> {
        if !is_asked(&r.path) || !self.serves_metrics() {
            return None;
        }
        let parts: Vec<&str> = r.path[PREFIX.len()..].split('/').filter(|p| !p.is_empty()).collect();
        Some(self.metrics_of(r, &parts))
    }

    fn metrics_of(&self, r: &Request, parts: &[&str]) -> Answer {
        let missing = || Status::new(404, "NotFound", "the server could not find the requested resource");
        if r.method != Method::Get {
            return Err(Status::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            ));
        }
        let version = json!({"groupVersion": VERSION, "version": "v1beta1"});
        let (namespace, resource, name) = match *parts {
            [] => {
                return Ok((
                    200,
                    json!({"kind": "APIGroup", "apiVersion": "v1", "name": "metrics.k8s.io",
                    "versions": [version], "preferredVersion": version}),
                ));
            }
            ["v1beta1"] => {
                let row = |name: &str, kind: &str, namespaced: bool| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]});
                let rows = [row("nodes", "NodeMetrics", false), row("pods", "PodMetrics", true)];
                return Ok((
                    200,
                    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION,
                    "resources": rows}),
                ));
            }
            ["v1beta1", "nodes"] => ("", "nodes", None),
            ["v1beta1", "nodes", name] => ("", "nodes", Some(name)),
            ["v1beta1", "pods"] => ("", "pods", None),
            ["v1beta1", "namespaces", ns, "pods"] => (ns, "pods", None),
            ["v1beta1", "namespaces", ns, "pods", name] => (ns, "pods", Some(name)),
            _ => return Err(missing()),
        };
        if let Some(user) = &r.user {
            let asked = Attributes {
                verb: if name.is_some() { "get" } else { "list" }.into(),
                group: "metrics.k8s.io".into(),
                resource: resource.into(),
                namespace: namespace.into(),
                name: name.unwrap_or_default().into(),
                ..Attributes::default()
            };
            self.authorize(user, &asked)?;
        }
        let labels =
            Selector::parse(r.param("labelSelector").unwrap_or("")).map_err(|e| Status::bad_request(e.to_string()))?;
        let fields = FieldSelector::parse(r.param("fieldSelector").unwrap_or("")).map_err(Status::bad_request)?;
        let items: Vec<Value> = if resource == "nodes" {
            let nodes = self.store.list_typed::<Node>(None).filter(|n| {
                let own = n.metadata.labels.as_ref();
                let label = |k: &str| own.and_then(|l| l.get(k)).map(String::as_str);
                let metadata = &n.metadata;
                labels.matches_by(label)
                    && fields.matches_by(|f| if f == "metadata.name" { metadata.name.as_deref() } else { None })
            });
            nodes.filter_map(|n| self.node_metrics(n)).collect()
        } else {
            let pods = self.store.pods().filter(|p| {
                (namespace.is_empty() || *p.namespace == *namespace)
                    && name.is_none_or(|n| *p.name == *n)
                    && labels.matches_by(|k| p.proto.labels.get(k))
                    && fields.matches_by(|f| match f {
                        "metadata.name" => Some(&*p.name),
                        "metadata.namespace" => Some(&*p.namespace),
                        "spec.nodeName" => p.node.as_deref(),
                        "status.phase" => Some(p.status.phase.as_str()),
                        _ => None,
                    })
            });
            pods.filter_map(|p| self.pod_metrics(p)).collect()
        };
        match name {
            None => {
                let kind = if resource == "nodes" { "NodeMetricsList" } else { "PodMetricsList" };
                Ok((200, json!({"kind": kind, "apiVersion": VERSION, "metadata": {}, "items": items})))
            }
            Some(name) => {
                let found = items.into_iter().find(|i| i["metadata"]["name"] == name);
                let full = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
                let what = if resource == "nodes" { "nodemetrics.metrics.k8s.io" } else { "podmetrics.metrics.k8s.io" };
                found.map(|f| (200, f)).ok_or_else(|| Status::not_found(what, &full))
            }
        }
    }

    fn node_metrics(&self, node: &Node) -> Option<Value> {
        let name = node.metadata.name.as_deref()?;
        let amount = self.server.metrics.nodes.get(name)?;
        Some(json!({
            "kind": "NodeMetrics", "apiVersion": VERSION,
            "metadata": {"name": name, "labels": node.metadata.labels, "creationTimestamp": self.now.rfc3339()},
            "timestamp": self.server.metrics.at.rfc3339(), "window": "15s", "usage": usage(*amount),
        }))
    }

    fn pod_metrics(&self, pod: &Arc<PodRecord>) -> Option<Value> {
        let containers = self.server.metrics.pods.get(&pod.id)?;
        let rows: Vec<Value> =
            containers.iter().map(|(name, a)| json!({"name": &**name, "usage": usage(*a)})).collect();
        let Key { namespace, name } = pod.key();
        let labels: serde_json::Map<String, Value> =
            pod.proto.labels.pairs.iter().map(|(k, v)| (k.to_string(), json!(&**v))).collect();
        Some(json!({
            "kind": "PodMetrics", "apiVersion": VERSION,
            "metadata": {"name": &*name, "namespace": &*namespace, "labels": labels,
                "creationTimestamp": self.now.rfc3339()},
            "timestamp": self.server.metrics.at.rfc3339(), "window": "15s", "containers": rows,
        }))
    }
}
