//! Reading: one object, lists with selectors and in chunks.

use super::request::Request;
use super::server::Answer;
use super::target::Target;
use crate::api::error::Status;
use crate::api::fields::FieldSelector;
use crate::api::labels::Selector;
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::{Entry, Key, Kind, Obj};
use serde_json::{Value, json};
use std::sync::Arc;

impl Sim {
    pub(super) fn has_namespace(&self, name: &str) -> bool {
        self.store.entry(Kind::Namespace, &Key::new("", name)).is_some()
    }

    pub(super) fn found(&self, t: &Target) -> Result<&Entry, Status> {
        let key = t.key();
        self.store.entry(t.kind, &key).ok_or_else(|| Status::not_found(&t.info.group_resource(), &key.name))
    }

    pub(super) fn list(&self, t: &Target, r: &Request) -> Answer {
        // clients put these errors into sentences of their own
        let labels = Selector::parse(r.param("labelSelector").unwrap_or("")).map_err(Status::bad_request)?;
        let fields = FieldSelector::parse(r.param("fieldSelector").unwrap_or("")).map_err(Status::bad_request)?;
        if let Some(t) = fields.terms.iter().find(|term| !selectable(t.kind, &term.field)) {
            return Err(Status::bad_request(format!("field label not supported: {}", t.field)));
        }
        let mut items = vec![];
        let picked: Box<dyn Iterator<Item = Obj>> = match (t.kind, &t.namespace) {
            (Kind::Pod, Some(ns)) if !labels.is_empty() => {
                let mut pods = self.store.select_pods(ns, &labels);
                pods.sort_by(|a, b| a.name.cmp(&b.name));
                Box::new(pods.into_iter().cloned().map(Obj::Pod).collect::<Vec<_>>().into_iter())
            }
            _ => Box::new(
                self.store
                    .list(t.kind, t.namespace.as_deref())
                    .filter(|o| labels.is_empty() || labels.matches_by(|k| o.label(k)))
                    .cloned(),
            ),
        };
        for o in picked {
            if let Some(name) = fields.requires_exact_match("metadata.name")
                && *o.key().name != *name
            {
                continue;
            }
            let v = self.present(&o);
            if fields.is_empty() || fields.terms.iter().all(|t| (field_value(&v, &t.field) == t.value) == t.equals) {
                items.push(v);
            }
        }
        Ok((
            200,
            json!({
                "kind": format!("{}List", t.info.kind),
                "apiVersion": t.info.api_version(),
                "metadata": {"resourceVersion": self.store.resource_version().to_string()},
                "items": items,
            }),
        ))
    }

    /// The object as it is read: heartbeats that are kept in closed form are filled in.
    pub fn present(&self, o: &Obj) -> Value {
        let mut v = o.to_value(&self.store.ids);
        if let Obj::Lease(_) = o
            && v["metadata"]["namespace"] == "kube-node-lease"
        {
            // kubelets renew every 10 s; a silent one renewed last when the server's state says
            let name: Arc<str> = v["metadata"]["name"].as_str().unwrap_or_default().into();
            let beat = SimTime(self.now.0 - self.now.0 % 10_000_000);
            let last = self.server.silent.get(&name).copied().unwrap_or(beat);
            v["spec"]["renewTime"] = format!("{:.6}", last.timestamp_micros()).into();
        }
        v
    }
}

pub(super) fn selectable(kind: Kind, field: &str) -> bool {
    let own: &[&str] = match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::Namespace => &["status.phase"],
        Kind::Node => &["spec.unschedulable"],
        Kind::ReplicaSet => &["status.replicas"],
        Kind::Secret => &["type"],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        _ => &[],
    };
    matches!(field, "metadata.name" | "metadata.namespace") || own.contains(&field)
}

pub(super) fn field_value(v: &Value, field: &str) -> String {
    if field == "source" {
        return v["source"]["component"].as_str().unwrap_or_default().into();
    }
    let mut at = v;
    for part in field.split('.') {
        at = &at[part];
    }
    match at {
        Value::String(s) => s.clone(),
        Value::Null if field == "spec.unschedulable" || field == "spec.hostNetwork" => "false".into(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
