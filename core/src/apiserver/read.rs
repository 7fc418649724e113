//! Reading: one object, lists with selectors and in chunks. Invariant: all chunks of a list show one version.

use super::request::Request;
use super::server::Answer;
use super::target::Target;
use super::{convert, managed};
use crate::api::error::{FieldError, Status};
use crate::api::fields::FieldSelector;
use crate::api::labels::Selector;
use crate::clock::SimTime;
use crate::sim::Sim;
use crate::store::{Entry, Key, Kind, Obj};
use base64::Engine;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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
        let filter = Filter::of(self, t, r)?;
        let chunk = Chunk::of(r, self.store.resource_version())?;
        let version = chunk.version.unwrap_or(self.store.resource_version());
        let mut left: Box<dyn Iterator<Item = Obj> + '_> = match self.since(t, version) {
            Some(past) if past.is_empty() => self.candidates(t, &filter),
            Some(past) => Box::new(self.past(t, past).into_iter()),
            None => return Err(chunk.too_old()),
        };
        let (mut items, mut last, mut more) = (vec![], None, false);
        for o in left.by_ref() {
            let key = o.key();
            if chunk.start.as_ref().is_some_and(|start| key <= *start) || !filter.picks(self, &o) {
                continue;
            }
            if chunk.limit > 0 && items.len() == chunk.limit {
                more = true;
                break;
            }
            items.push(self.shown(t, &o));
            last = Some(key);
        }
        if !more && chunk.start.is_none() && t.info.kind == "APIService" {
            self.add_own_api_services(&mut items, &filter, chunk.limit);
        }
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if let (true, Some(last)) = (more, last) {
            metadata["continue"] = Chunk::token(version, &last).into();
            if filter.is_empty() {
                metadata["remainingItemCount"] = (1 + left.count()).into();
            }
        }
        Ok((
            200,
            json!({
                "kind": format!("{}List", t.info.kind),
                "apiVersion": t.info.api_version(),
                "metadata": metadata,
                "items": items,
            }),
        ))
    }

    /// What a list has to look at, in the order of namespace and name.
    fn candidates<'a>(&'a self, t: &Target, filter: &Filter) -> Box<dyn Iterator<Item = Obj> + 'a> {
        let named = filter.fields.requires_exact_match("metadata.name");
        match (t.kind, &t.namespace, named) {
            (_, namespace, Some(name)) if namespace.is_some() || !t.info.namespaced => {
                let key = Key::new(namespace.as_deref().unwrap_or(""), name);
                Box::new(self.store.get(t.kind, &key).cloned().into_iter())
            }
            (Kind::Pod, Some(ns), _) if !filter.labels.is_empty() => {
                let mut pods = self.store.select_pods(ns, &filter.labels);
                pods.sort_by(|a, b| a.name.cmp(&b.name));
                Box::new(pods.into_iter().cloned().map(Obj::Pod).collect::<Vec<_>>().into_iter())
            }
            _ => Box::new(self.store.list(t.kind, t.namespace.as_deref()).cloned()),
        }
    }

    /// What the objects that have changed since a version were then. `None`: that is forgotten.
    fn since(&self, t: &Target, version: u64) -> Option<BTreeMap<Key, Option<Obj>>> {
        let mut then = BTreeMap::new();
        if version == self.store.resource_version() {
            return Some(then);
        }
        for change in self.store.log.since(self.store.log.after_version(version)?)?.filter(|c| c.kind == t.kind) {
            then.entry(change.obj().key()).or_insert_with(|| change.old.clone());
        }
        Some(then)
    }

    /// The objects as they were.
    fn past(&self, t: &Target, then: BTreeMap<Key, Option<Obj>>) -> Vec<Obj> {
        let now = self.store.list(t.kind, t.namespace.as_deref()).filter(|o| !then.contains_key(&o.key())).cloned();
        let here = |k: &Key| t.namespace.as_deref().is_none_or(|ns| *k.namespace == *ns);
        let before = then.iter().filter(|(k, _)| here(k)).filter_map(|(_, o)| o.clone());
        let mut all: Vec<Obj> = now.chain(before).collect();
        all.sort_by_key(Obj::key);
        all
    }

    /// The object as it is kept, with heartbeats that are kept in closed form filled in.
    pub(super) fn raw(&self, o: &Obj) -> Value {
        let mut v = o.to_value(&self.store.ids);
        if let Obj::CustomResourceDefinition(_) = o {
            super::crd::whole_numbers(&mut v);
        }
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

    /// The object as people read it, without its managers.
    pub fn present(&self, o: &Obj) -> Value {
        let mut v = self.raw(o);
        if let Some(m) = v["metadata"].as_object_mut() {
            m.remove("managedFields");
        }
        v
    }

    /// The object as the request asks for it: in its version, with or without its managers.
    pub(super) fn shown(&self, t: &Target, o: &Obj) -> Value {
        let mut v = if t.managed { self.raw(o) } else { self.present(o) };
        if t.managed {
            let entry = self.store.entry(o.kind(), &o.key());
            let at = entry.and_then(|e| self.requests.get(e.updated_by)).map(|r| r.at.rfc3339());
            let at = at.unwrap_or_else(|| o.created().rfc3339());
            let managers = self.with_shape(o.kind().info(), |shape| managed::shown(shape, &v, &at));
            v["metadata"]["managedFields"] = managers;
        }
        self.as_asked(t, v)
    }

    /// A stored kind's object in the version of the request.
    pub(super) fn as_asked(&self, t: &Target, v: Value) -> Value {
        convert::from_stored(t.info, v)
    }
}

/// Which objects a list or a watch picks.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    labels: Selector,
    fields: FieldSelector,
}

impl Filter {
    pub(super) fn of(sim: &Sim, t: &Target, r: &Request) -> Result<Filter, Status> {
        // clients put these errors into sentences of their own
        let labels = Selector::parse(r.param("labelSelector").unwrap_or("")).map_err(Status::bad_request)?;
        let mut fields = FieldSelector::parse(r.param("fieldSelector").unwrap_or("")).map_err(Status::bad_request)?;
        let known = |field: &str| selectable(t.kind, field) || sim.custom_selectable(t, field);
        if let Some(term) = fields.terms.iter().find(|term| !known(&term.field)) {
            return Err(Status::bad_request(format!("field label not supported: {}", term.field)));
        }
        if let Some(name) = &t.name {
            fields.terms.push(crate::api::fields::FieldTerm {
                field: "metadata.name".into(),
                equals: true,
                value: name.clone(),
            });
        }
        Ok(Filter { labels, fields })
    }

    fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// As [`Filter::picks`], of an object that is not stored.
    pub(super) fn picks_value(&self, v: &Value) -> bool {
        self.labels.matches_value(&v["metadata"]["labels"])
            && self.fields.terms.iter().all(|t| (field_value(v, &t.field) == t.value) == t.equals)
    }

    pub(super) fn picks(&self, sim: &Sim, o: &Obj) -> bool {
        if !self.labels.is_empty() && !self.labels.matches_by(|k| o.label(k)) {
            return false;
        }
        if let Some(name) = self.fields.requires_exact_match("metadata.name")
            && *o.key().name != *name
        {
            return false;
        }
        let mut others = self.fields.terms.iter().filter(|t| !(t.field == "metadata.name" && t.equals)).peekable();
        if others.peek().is_none() {
            return true;
        }
        let v = sim.raw(o);
        others.all(|t| (field_value(&v, &t.field) == t.value) == t.equals)
    }
}

/// Which part of a list is asked for. (Models ListOptions and their validation.)
struct Chunk {
    limit: usize,
    /// The version the list is to be of; none: any.
    version: Option<u64>,
    /// Only what comes after this.
    start: Option<Key>,
}

impl Chunk {
    fn of(r: &Request, now: u64) -> Result<Chunk, Status> {
        let text = |k: &str| r.param(k).unwrap_or_default();
        let (version, matching, token) = (text("resourceVersion"), text("resourceVersionMatch"), text("continue"));
        options_error(r)?;
        let limit = text("limit").parse::<usize>().unwrap_or(0);
        if !token.is_empty() {
            let Some((then, start)) = Chunk::read(token) else {
                return Err(Status::bad_request("continue key is not valid: not a valid continue token"));
            };
            if !matches!(version, "" | "0") {
                return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
            }
            return Ok(Chunk { limit, version: Some(then), start: Some(start) });
        }
        if version.is_empty() || version == "0" {
            return Ok(Chunk { limit, version: None, start: None });
        }
        let wanted = parse_version(version)?;
        if wanted > now {
            return Err(too_large(wanted, now));
        }
        // without a match, a limit makes the version exact
        let exact = matching == "Exact" || (matching.is_empty() && limit > 0);
        Ok(Chunk { limit, version: exact.then_some(wanted), start: None })
    }

    fn token(version: u64, last: &Key) -> String {
        let start = if last.namespace.is_empty() { last.name.to_string() } else { last.to_string() };
        let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": format!("{start}\u{0}")});
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn read(token: &str) -> Option<(u64, Key)> {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?;
        let token: Value = serde_json::from_slice(&bytes).ok()?;
        let start = token["start"].as_str()?.trim_end_matches('\u{0}');
        let (ns, name) = start.split_once('/').unwrap_or(("", start));
        Some((token["rv"].as_u64()?, Key::new(ns, name)))
    }

    fn too_old(&self) -> Status {
        let text = match &self.start {
            Some(_) => {
                "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter."
            }
            None => "The resourceVersion for the provided list is too old.",
        };
        Status::new(410, "Expired", text)
    }
}

pub(super) fn parse_version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| {
        let detail = format!("strconv.ParseUint: parsing {text:?}: invalid syntax");
        Status::invalid("", "", &[FieldError::invalid("resourceVersion", text, detail)])
    })
}

fn too_large(wanted: u64, now: u64) -> Status {
    let message = format!("Too large resource version: {wanted}, current: {now}");
    let mut s = Status::new(504, "Timeout", message);
    s.details = json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1});
    s
}

/// Options that do not go together. (Models ValidateListOptions.)
pub(super) fn options_error(r: &Request) -> Result<(), Status> {
    let text = |k: &str| r.param(k).unwrap_or_default();
    let (version, matching) = (text("resourceVersion"), text("resourceVersionMatch"));
    let watch = r.flag("watch");
    let forbidden = |field: &str, why: &str| vec![FieldError::forbidden(field, why)];
    let field = "resourceVersionMatch";
    let mut errors = match (matching, r.param("sendInitialEvents")) {
        ("", None) => vec![],
        ("NotOlderThan", Some(_)) if watch => vec![],
        (_, Some(_)) if watch => {
            forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        }
        (_, None) if watch => {
            forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        }
        (_, Some(_)) => forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"),
        _ => vec![],
    };
    if !watch && !matching.is_empty() {
        if version.is_empty() {
            errors.extend(forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
        }
        if !text("continue").is_empty() {
            errors.extend(forbidden(field, "resourceVersionMatch is forbidden when continue is provided"));
        }
        if matching != "Exact" && matching != "NotOlderThan" {
            errors.push(FieldError::not_supported(field, matching, &["Exact", "NotOlderThan", ""]));
        }
        if matching == "Exact" && version == "0" {
            errors.extend(forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("ListOptions.meta.k8s.io", "", &errors)) }
}

fn selectable(kind: Kind, field: &str) -> bool {
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

fn field_value(v: &Value, field: &str) -> String {
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
