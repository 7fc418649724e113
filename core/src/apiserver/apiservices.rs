//! What serves each group of the API, as APIServices: those of the server itself, which nobody has to write, and what has
//! been applied. Models kube-aggregator's automatically registered services. And the few counters of `/metrics`.

use super::authorizer::Attributes;
use super::read::Filter;
use super::request::{Method, Request};
use super::server::Answer;
use crate::api::kinds;
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::{Key, Kind};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

const GROUP: &str = "apiregistration.k8s.io";
/// Checks that health is made of.
const CHECKS: [&str; 12] = [
    "ping",
    "log",
    "etcd",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/apiservice-registration-controller",
    "autoregister-completion",
];

impl Sim {
    /// Answers who asks for one of the server's own APIServices; `None`: it is for something else.
    pub(super) fn api_service(&self, r: &Request) -> Option<Answer> {
        let parts: Vec<&str> = r.path.trim_matches('/').split('/').collect();
        let ["apis", GROUP, "v1", "apiservices", name] = parts[..] else { return None };
        if r.method != Method::Get || r.flag("watch") {
            return None;
        }
        let one = self.own_api_services().remove(name)?;
        let stored = kinds::by_kind("apiregistration.k8s.io/v1", "APIService").and_then(Kind::of_info)?;
        if self.store.get(stored, &Key::new("", name)).is_some() {
            return None;
        }
        if let Some(user) = &r.user {
            let asked = Attributes {
                verb: "get".into(),
                group: GROUP.into(),
                resource: "apiservices".into(),
                name: name.into(),
                ..Attributes::default()
            };
            if let Err(e) = self.authorize(user, &asked) {
                return Some(Err(e));
            }
        }
        Some(Ok((200, one)))
    }

    /// Adds the server's own APIServices to a list of stored ones, unless it would be longer than `limit` (0: any
    /// length). They never change, so that a watch that began with such a list goes on to show what a later one shows.
    pub(super) fn add_own_api_services(&self, items: &mut Vec<Value>, filter: &Filter, limit: usize) {
        let name = |v: &Value| v["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let stored: Vec<String> = items.iter().map(name).collect();
        let own = self.own_api_services().into_iter();
        let own: Vec<Value> =
            own.filter(|(n, v)| !stored.contains(n) && filter.picks_value(v)).map(|(_, v)| v).collect();
        if limit == 0 || items.len() + own.len() <= limit {
            items.extend(own);
            items.sort_by_key(name);
        }
    }

    fn own_api_services(&self) -> BTreeMap<String, Value> {
        let mut versions: Vec<(&str, &str)> = kinds::RESOURCES.iter().map(|r| (r.group, r.version)).collect();
        versions.extend([("authentication.k8s.io", "v1"), ("authorization.k8s.io", "v1")]);
        versions.sort_unstable();
        versions.dedup();
        let mut out: BTreeMap<String, Value> = versions.into_iter().map(|(g, v)| service(g, v, None)).collect();
        if self.serves_metrics() {
            out.extend([service("metrics.k8s.io", "v1beta1", Some("metrics-server"))]);
        }
        out
    }

    /// Health in words: each check, if asked for.
    pub(super) fn health(&self, r: &Request, what: &str) -> Value {
        if !r.query.iter().any(|(k, _)| k == "verbose") {
            return "ok".into();
        }
        let left_out = |c: &str| r.query.iter().any(|(k, v)| k == "exclude" && v == c);
        let lines: String = CHECKS
            .iter()
            .map(|c| if left_out(c) { format!("[+]{c} excluded: ok\n") } else { format!("[+]{c} ok\n") })
            .collect();
        format!("{lines}{what} check passed\n").into()
    }

    /// A few true numbers of the server, in the form in which Prometheus reads them.
    pub(super) fn own_metrics(&self) -> String {
        let mut out = String::new();
        let head = |name: &str, kind: &str, help: &str| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        out += &head(
            "apiserver_storage_objects",
            "gauge",
            "[STABLE] Number of stored objects at the time of last check split by kind.",
        );
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for kind in Kind::ALL {
            counts.insert(kind.info().group_resource(), self.store.count(*kind));
        }
        for (resource, n) in counts {
            let _ = writeln!(out, "apiserver_storage_objects{{resource={resource:?}}} {n}");
        }
        out += &head("etcd_request_duration_seconds_count", "counter", "Writes that the store has seen.");
        let _ = writeln!(out, "etcd_request_duration_seconds_count {}", self.store.resource_version());
        out += &head(
            "kubernetes_build_info",
            "gauge",
            "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version.",
        );
        let version = super::discovery::VERSION;
        let _ = writeln!(out, "kubernetes_build_info{{git_version={version:?},major=\"1\",minor=\"36\"}} 1");
        out += &head(
            "process_start_time_seconds",
            "gauge",
            "[ALPHA] Start time of the process since unix epoch in seconds.",
        );
        let _ = writeln!(out, "process_start_time_seconds {}", SimTime::ZERO.unix_seconds());
        out += &head("kubarium_requests_total", "counter", "Requests that the API server has answered.");
        let _ = writeln!(out, "kubarium_requests_total {}", self.requests.last());
        out
    }
}

/// The APIService of a group's version; `by`: the Service in kube-system that serves it, if it is not the server itself.
fn service(group: &str, version: &str, by: Option<&str>) -> (String, Value) {
    let name = format!("{version}.{group}");
    let (reason, message) = match by {
        None => ("Local", "Local APIServices are always available"),
        Some(_) => ("Passed", "all checks passed"),
    };
    let born = SimTime::ZERO.rfc3339();
    let mut object = json!({
        "kind": "APIService", "apiVersion": format!("{GROUP}/v1"),
        "metadata": {"name": name, "creationTimestamp": born},
        "spec": {
            "version": version,
            "groupPriorityMinimum": if group.is_empty() { 18_000 } else if by.is_some() { 100 } else { 17_000 },
            "versionPriority": if by.is_some() { 100 } else { 15 },
        },
        "status": {"conditions": [{
            "type": "Available", "status": "True", "reason": reason, "message": message, "lastTransitionTime": born,
        }]},
    });
    if !group.is_empty() {
        object["spec"]["group"] = group.into();
    }
    match by {
        Some(by) => object["spec"]["service"] = json!({"namespace": "kube-system", "name": by, "port": 443}),
        None => object["metadata"]["labels"] = json!({"kube-aggregator.kubernetes.io/automanaged": "onstart"}),
    }
    (name, object)
}
