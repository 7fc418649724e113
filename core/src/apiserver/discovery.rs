//! What the API server answers besides objects: which groups and resources it has, its version and health, its schemas,
//! and the questions that are posted to it (reviews). (Models apiserver `endpoints/discovery`.)

use super::authorizer::Attributes;
use super::openapi;
use super::request::{Method, Request};
use super::server::Answer;
use crate::api::kinds::{OTHER_VERSIONS, RESOURCES, ResourceInfo};
use crate::sim::Sim;
use serde_json::{Value, json};

/// The version that is simulated.
pub const VERSION: &str = "v1.36.2";

/// One group and its versions, the preferred one first.
struct Group {
    name: &'static str,
    versions: Vec<&'static str>,
}

impl Sim {
    /// Every resource that is served, those of CustomResourceDefinitions included.
    pub fn resources(&self) -> Vec<&'static ResourceInfo> {
        let mut all: Vec<&'static ResourceInfo> = RESOURCES.iter().chain(OTHER_VERSIONS).collect();
        all.extend(self.custom_resources());
        all
    }

    fn groups(&self) -> Vec<Group> {
        let mut out: Vec<Group> = vec![];
        for r in self.resources() {
            match out.iter_mut().find(|g| g.name == r.group) {
                Some(g) if g.versions.contains(&r.version) => {}
                Some(g) => g.versions.push(r.version),
                None => out.push(Group { name: r.group, versions: vec![r.version] }),
            }
        }
        out
    }

    /// Answers what is no object; `None`: it is one.
    pub(super) fn beside_objects(&mut self, r: &Request) -> Option<Answer> {
        if let Some(answer) = self.review(r).or_else(|| self.metrics_answer(r)).or_else(|| self.api_service(r)) {
            return Some(answer);
        }
        if r.method != Method::Get {
            return None;
        }
        let parts: Vec<&str> = r.path.trim_matches('/').split('/').collect();
        let body = match parts.as_slice() {
            ["api", "v1", "componentstatuses"] => self.component_statuses(),
            ["api", "v1", "componentstatuses", name] => return Some(self.component_status(name)),
            ["version"] => json!({
                "major": "1", "minor": "36", "gitVersion": VERSION, "gitTreeState": "clean", "compiler": "gc",
                "gitCommit": "", "buildDate": "", "goVersion": "", "platform": "linux/amd64",
            }),
            [what @ ("healthz" | "livez" | "readyz"), ..] => self.health(r, what),
            ["metrics"] => self.own_metrics().into(),
            ["api"] => json!({"kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]}),
            ["apis"] => {
                let mut groups: Vec<Value> =
                    self.groups().iter().filter(|g| !g.name.is_empty()).map(Group::to_value).collect();
                if self.serves_metrics() {
                    groups.push(Group { name: "metrics.k8s.io", versions: vec!["v1beta1"] }.to_value());
                }
                json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
            }
            ["apis", group] => match self.groups().iter().find(|g| g.name == *group) {
                Some(g) => {
                    let mut v = g.to_value();
                    v["kind"] = "APIGroup".into();
                    v["apiVersion"] = "v1".into();
                    v
                }
                None => return None,
            },
            ["api", version] => self.resource_list("", version)?,
            ["apis", group, version] => self.resource_list(group, version)?,
            ["openapi", "v3"] => openapi::index(&self.resources()),
            ["openapi", "v3", "api", version] => self.openapi("", version)?,
            ["openapi", "v3", "apis", group, version] => self.openapi(group, version)?,
            _ => return None,
        };
        if let Some(user) = &r.user {
            let asked = Attributes { verb: "get".into(), path: r.path.clone(), ..Attributes::default() };
            if let Err(e) = self.authorize(user, &asked) {
                return Some(Err(e));
            }
        }
        Some(Ok((200, body)))
    }

    fn of_version(&self, group: &str, version: &str) -> Vec<&'static ResourceInfo> {
        let mut list = self.resources();
        list.retain(|r| r.group == group && r.version == version);
        list
    }

    fn openapi(&self, group: &str, version: &str) -> Option<Value> {
        let list = self.of_version(group, version);
        (!list.is_empty()).then(|| openapi::document(&list, |r| self.custom_schema(r)))
    }

    fn resource_list(&self, group: &str, version: &str) -> Option<Value> {
        let list = self.of_version(group, version);
        if list.is_empty() {
            return None;
        }
        let mut rows = vec![];
        for r in &list {
            let mut row = json!({"name": r.plural, "singularName": r.singular, "namespaced": r.namespaced, "kind": r.kind, "verbs": r.verbs});
            if !r.short_names.is_empty() {
                row["shortNames"] = json!(r.short_names);
            }
            if !r.categories.is_empty() {
                row["categories"] = json!(r.categories);
            }
            rows.push(row);
            for sub in r.subresources {
                let (group, version, kind, verbs) = subresource(r, sub);
                let mut row = json!({"name": format!("{}/{sub}", r.plural), "singularName": "", "namespaced": r.namespaced, "kind": kind, "verbs": verbs});
                if (group, version) != (r.group, r.version) {
                    row["group"] = group.into();
                    row["version"] = version.into();
                }
                rows.push(row);
            }
        }
        let version = list[0].api_version();
        Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows}))
    }

    /// `APIGroupDiscoveryList`: everything at once, of the core group or of all others.
    pub fn aggregated_discovery(&self, core: bool) -> Value {
        let groups: Vec<Value> = self
            .groups()
            .iter()
            .filter(|g| g.name.is_empty() == core)
            .map(|g| {
                let versions: Vec<Value> = g
                    .versions
                    .iter()
                    .map(|v| {
                        let list = self.of_version(g.name, v);
                        json!({"version": v, "freshness": "Current",
                            "resources": list.iter().map(|r| discovered(r)).collect::<Vec<_>>()})
                    })
                    .collect();
                json!({"metadata": {"name": g.name, "creationTimestamp": null}, "versions": versions})
            })
            .collect();
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": groups})
    }
}

fn discovered(r: &ResourceInfo) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut v = json!({
        "resource": r.plural,
        "responseKind": kind(r.group, r.version, r.kind),
        "scope": if r.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": r.singular,
        "verbs": r.verbs,
    });
    if !r.short_names.is_empty() {
        v["shortNames"] = json!(r.short_names);
    }
    if !r.categories.is_empty() {
        v["categories"] = json!(r.categories);
    }
    if !r.subresources.is_empty() {
        let subs: Vec<Value> = r
            .subresources
            .iter()
            .map(|s| {
                let (group, version, name, verbs) = subresource(r, s);
                json!({"subresource": s, "responseKind": kind(group, version, name), "verbs": verbs})
            })
            .collect();
        v["subresources"] = subs.into();
    }
    v
}

/// Group, version and kind of what a subresource takes and gives, and its verbs.
fn subresource<'a>(r: &'a ResourceInfo, sub: &str) -> (&'a str, &'a str, &'a str, &'static [&'static str]) {
    match sub {
        "scale" => ("autoscaling", "v1", "Scale", &["get", "patch", "update"]),
        "status" => (r.group, r.version, r.kind, &["get", "patch", "update"]),
        "eviction" => ("policy", "v1", "Eviction", &["create"]),
        "binding" => ("", "v1", "Binding", &["create"]),
        "log" => (r.group, r.version, r.kind, &["get"]),
        "attach" => ("", "v1", "PodAttachOptions", &["create", "get"]),
        "exec" => ("", "v1", "PodExecOptions", &["create", "get"]),
        "portforward" => ("", "v1", "PodPortForwardOptions", &["create", "get"]),
        "finalize" => (r.group, r.version, r.kind, &["update"]),
        "token" => ("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        _ => (r.group, r.version, r.kind, &["get", "patch", "update"]),
    }
}

impl Group {
    fn to_value(&self) -> Value {
        let version = |v: &&str| {
            let full = if self.name.is_empty() { (*v).to_string() } else { format!("{}/{v}", self.name) };
            json!({"groupVersion": full, "version": v})
        };
        let all: Vec<Value> = self.versions.iter().map(version).collect();
        json!({"name": self.name, "versions": all, "preferredVersion": all[0]})
    }
}
