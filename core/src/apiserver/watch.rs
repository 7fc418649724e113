//! Watches: what happens to the objects that a request picks, from a version on. Invariant: whoever lists, and then
//! carries out the events from the list's version on, has what a later list shows.
//!
//! A watch is plain data that reads the store's log; it must be asked again and again. (Models the watch cache.)

use super::read::{Filter, options_error, parse_version};
use super::request::Request;
use super::requests::Verb;
use super::target::Target;
use crate::api::error::Status;
use crate::clock::{SimDuration, SimTime};
use crate::sim::Sim;
use crate::store::Obj;
use serde_json::{Value, json};

/// How often a quiet watch says how far it has come.
const BOOKMARKS: SimDuration = SimDuration::from_secs(60);

/// A watch that has begun.
#[derive(Clone, Debug)]
pub struct Watch {
    target: Target,
    filter: Filter,
    bookmarks: bool,
    /// Where it is in the log.
    position: u64,
    /// The version it has told of last.
    version: u64,
    spoke: SimTime,
    /// What it begins with: what is there, and whether its end is to be marked.
    initial: Option<bool>,
}

impl Sim {
    /// Begins a watch of what `GET …?watch=1` names, in the name of [`Sim::actor`], and logs it. 410 when what happened
    /// since `resourceVersion` is forgotten.
    pub fn watch(&mut self, r: &Request) -> Result<Watch, Status> {
        let target = self.target(r)?;
        let watch = self.authorize_request(&target, r, Verb::Watch).and_then(|()| self.watch_target(&target, r));
        let code = watch.as_ref().map_or_else(|e| e.code, |_| 200);
        self.log_request(Verb::Watch, Some(target.kind), target.key(), "", code, None);
        watch
    }

    pub(super) fn watch_target(&self, t: &Target, r: &Request) -> Result<Watch, Status> {
        let filter = Filter::of(self, t, r)?;
        options_error(r)?;
        let bookmarks = r.flag("allowWatchBookmarks");
        let (position, version) = (self.store.log.end(), self.store.resource_version());
        let mut watch =
            Watch { target: t.clone(), filter, bookmarks, position, version, spoke: self.now, initial: None };
        let since = r.param("resourceVersion").unwrap_or_default();
        if r.param("sendInitialEvents").is_some() && r.flag("sendInitialEvents") {
            watch.initial = Some(bookmarks);
        } else if (since.is_empty() || since == "0") && r.param("sendInitialEvents").is_none() {
            watch.initial = Some(false);
        } else if !since.is_empty() && since != "0" {
            let since = parse_version(since)?;
            watch.version = since;
            watch.position = self.store.log.after_version(since).ok_or_else(|| {
                let oldest = self.store.log.forgotten();
                Status::new(410, "Expired", format!("too old resource version: {since} ({oldest})"))
            })?;
        }
        Ok(watch)
    }

    /// What has happened since the watch was last asked: `{"type": "ADDED" …, "object": …}`. An error ends the watch.
    pub fn watch_events(&self, watch: &mut Watch) -> Result<Vec<Value>, Status> {
        let t = &watch.target;
        let event = |kind: &str, o: &Obj| json!({"type": kind, "object": self.shown(t, o)});
        let mut events = vec![];
        if let Some(mark_end) = watch.initial.take() {
            let stored = self.store.list(t.kind, t.namespace.as_deref()).filter(|o| watch.filter.picks(self, o));
            let mut there: Vec<Value> = stored.map(|o| self.shown(t, o)).collect();
            if t.info.kind == "APIService" {
                self.add_own_api_services(&mut there, &watch.filter, 0);
            }
            events.extend(there.into_iter().map(|o| json!({"type": "ADDED", "object": o})));
            watch.position = self.store.log.end();
            watch.version = self.store.resource_version();
            if mark_end {
                let mut mark = self.bookmark(watch);
                mark["object"]["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
                events.push(mark);
            }
        }
        let Some(changes) = self.store.log.since(watch.position) else {
            let oldest = self.store.log.forgotten();
            let text = format!("too old resource version: {} ({oldest})", watch.version);
            return Err(Status::new(410, "Expired", text));
        };
        for change in changes.filter(|c| c.kind == t.kind && c.rv > watch.version) {
            let here = t.namespace.as_deref().is_none_or(|ns| *change.obj().key().namespace == *ns);
            let picked = |o: &Option<Obj>| o.as_ref().filter(|o| here && watch.filter.picks(self, o)).cloned();
            match (picked(&change.old), picked(&change.new)) {
                (None, Some(new)) => events.push(event("ADDED", &new)),
                (Some(_), Some(new)) => events.push(event("MODIFIED", &new)),
                (Some(old), None) => {
                    // gone, or no longer picked: as it was, with the version of its going
                    let mut gone = event("DELETED", &old);
                    gone["object"]["metadata"]["resourceVersion"] = change.rv.to_string().into();
                    events.push(gone);
                }
                (None, None) => {}
            }
        }
        let told = !events.is_empty();
        let moved = self.store.resource_version() > watch.version;
        watch.position = self.store.log.end();
        watch.version = watch.version.max(self.store.resource_version());
        if told {
            watch.spoke = self.now;
        } else if watch.bookmarks && moved && self.now.since(watch.spoke) >= BOOKMARKS {
            watch.spoke = self.now;
            events.push(self.bookmark(watch));
        }
        Ok(events)
    }

    fn bookmark(&self, watch: &Watch) -> Value {
        let info = watch.target.info;
        json!({"type": "BOOKMARK", "object": {
            "kind": info.kind,
            "apiVersion": info.api_version(),
            "metadata": {"resourceVersion": watch.version.to_string(), "creationTimestamp": null},
        }})
    }
}

impl Watch {
    /// The resource that is watched.
    pub fn resource(&self) -> &'static crate::api::kinds::ResourceInfo {
        self.target.info
    }
}
