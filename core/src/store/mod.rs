//! The store: every object of the cluster in ordered tables with structural sharing, the indexes over them, and the
//! watch log. Invariant: only the API server writes here; a write bumps the resourceVersion, keeps every index and
//! appends one [`Change`]. It must not know controllers, requests or time's passing.

pub mod custom;
pub mod event;
pub mod ids;
pub mod kind;
pub mod log;
pub mod pod;
mod read;

pub use custom::{Custom, CustomObject};
pub use event::EventRecord;
pub use ids::{Id, Ids};
pub use kind::{Key, Kind, Obj, Typed};
pub use log::{Change, Watchlog};
pub use pod::{LabelSet, PodProto, PodRecord};
pub use read::read;

use crate::api::labels::Selector;
use imbl::{OrdMap, OrdSet};
use std::cmp::Ordering;
use std::sync::Arc;

/// One stored object and the requests that made it what it is.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The object.
    pub obj: Obj,
    /// The request that created it.
    pub created_by: u64,
    /// The request that last changed it.
    pub updated_by: u64,
}

/// All objects, by kind and name, with indexes. Cloning shares everything.
#[derive(Clone, Debug)]
pub struct Store {
    /// Handles and UIDs.
    pub ids: Ids,
    /// What watchers read.
    pub log: Watchlog,
    rv: u64,
    /// Everything but pods and events.
    tables: OrdMap<(Kind, Key), Entry>,
    /// Kind and name of what stands in `tables`.
    by_id: OrdMap<Id, (Kind, Key)>,
    /// Pods and events, of which there are many, stand under their handles: a write touches one map with small keys.
    pods: OrdMap<Id, Entry>,
    pod_names: OrdMap<Key, Id>,
    events: OrdMap<Id, Entry>,
    /// Events whose names do not lead to their handles: a person's.
    event_names: OrdMap<Key, Id>,
    dependents: OrdSet<(Id, Id)>,
    uncontrolled: OrdSet<(Kind, Arc<str>, Id)>,
    pods_by_node: OrdSet<(Arc<str>, Id)>,
    pods_by_labels: OrdSet<(Arc<str>, u32, Id)>,
    label_sets: OrdMap<(Arc<str>, u32), (Arc<LabelSet>, u32)>,
    counts: OrdMap<Kind, usize>,
    protos: pod::Protos,
}

impl Store {
    /// An empty store whose UIDs follow from the seed.
    pub fn new(seed: u64) -> Store {
        Store {
            ids: Ids::new(seed),
            log: Watchlog::default(),
            rv: 0,
            tables: OrdMap::new(),
            by_id: OrdMap::new(),
            pods: OrdMap::new(),
            pod_names: OrdMap::new(),
            events: OrdMap::new(),
            event_names: OrdMap::new(),
            dependents: OrdSet::new(),
            uncontrolled: OrdSet::new(),
            pods_by_node: OrdSet::new(),
            pods_by_labels: OrdSet::new(),
            label_sets: OrdMap::new(),
            counts: OrdMap::new(),
            protos: pod::Protos::default(),
        }
    }

    /// The newest resourceVersion.
    pub fn resource_version(&self) -> u64 {
        self.rv
    }

    /// The next resourceVersion; the writer stamps it into the object before [`Store::put`].
    pub fn next_version(&mut self) -> u64 {
        self.rv += 1;
        self.rv
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// How many objects there are in all.
    pub fn len(&self) -> usize {
        self.tables.len() + self.pods.len() + self.events.len()
    }

    /// True if nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An entry by kind and name.
    pub fn entry(&self, kind: Kind, key: &Key) -> Option<&Entry> {
        match kind {
            Kind::Pod => self.pods.get(self.pod_names.get(key)?),
            Kind::Event => self.events.get(&self.event_id(key)?),
            _ => self.tables.get(&(kind, key.clone())),
        }
    }

    fn event_id(&self, key: &Key) -> Option<Id> {
        if let Some(id) = self.event_names.get(key) {
            return Some(*id);
        }
        let id = event::id_of_name(&key.name)?;
        self.events.get(&id).filter(|e| e.obj.key() == *key).map(|_| id)
    }

    /// An object by kind and name.
    pub fn get(&self, kind: Kind, key: &Key) -> Option<&Obj> {
        self.entry(kind, key).map(|e| &e.obj)
    }

    /// A typed object by name.
    pub fn typed<T: Typed>(&self, key: &Key) -> Option<&Arc<T>> {
        self.get(T::STORED, key).and_then(T::unwrap_ref)
    }

    /// An object by its handle.
    pub fn by_id(&self, id: Id) -> Option<&Obj> {
        let entry = self.pods.get(&id).or_else(|| self.events.get(&id));
        entry.or_else(|| self.tables.get(self.by_id.get(&id)?)).map(|e| &e.obj)
    }

    /// Kind and name of a handle.
    pub fn name_of(&self, id: Id) -> Option<(Kind, Key)> {
        if let Some(found) = self.by_id.get(&id) {
            return Some(found.clone());
        }
        self.by_id(id).map(|o| (o.kind(), o.key()))
    }

    /// Is there an object with this handle?
    pub fn lives(&self, id: Id) -> bool {
        self.by_id.contains_key(&id) || self.pods.contains_key(&id) || self.events.contains_key(&id)
    }

    /// The object with this UID, if it lives.
    pub fn by_uid(&self, uid: &str) -> Option<&Obj> {
        self.by_id(self.ids.parse(uid)?)
    }

    /// A pod by its handle: the fast way.
    pub fn pod(&self, id: Id) -> Option<&Arc<PodRecord>> {
        self.pods.get(&id).and_then(pod_of)
    }

    /// A pod by name.
    pub fn pod_by_name(&self, key: &Key) -> Option<&Arc<PodRecord>> {
        self.pod(*self.pod_names.get(key)?)
    }

    /// All pods in order of creation.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<PodRecord>> {
        self.pods.values().filter_map(pod_of)
    }

    /// All events in order of creation.
    pub fn events(&self) -> impl Iterator<Item = &Arc<EventRecord>> {
        self.events.values().filter_map(|e| match &e.obj {
            Obj::Event(e) => Some(e),
            _ => None,
        })
    }

    /// All objects of a kind in the order of namespace and name; one namespace's only if given.
    pub fn list<'a>(&'a self, kind: Kind, namespace: Option<&str>) -> Box<dyn Iterator<Item = &'a Obj> + 'a> {
        Box::new(self.entries(kind, namespace).map(|e| &e.obj))
    }

    /// Like [`Store::list`], with the requests.
    pub fn entries<'a>(&'a self, kind: Kind, namespace: Option<&str>) -> Box<dyn Iterator<Item = &'a Entry> + 'a> {
        let ns: Option<Arc<str>> = namespace.map(Into::into);
        match kind {
            Kind::Pod => {
                let first = Key::new(namespace.unwrap_or(""), "");
                let names = self.pod_names.range(first..);
                let here = names.take_while(move |(k, _)| ns.as_ref().is_none_or(|ns| k.namespace == *ns));
                Box::new(here.filter_map(|(_, id)| self.pods.get(id)))
            }
            Kind::Event => {
                let mut list: Vec<(Key, &Entry)> = self.events.values().map(|e| (e.obj.key(), e)).collect();
                list.retain(|(k, _)| ns.as_ref().is_none_or(|ns| k.namespace == *ns));
                list.sort_by(|a, b| a.0.cmp(&b.0));
                Box::new(list.into_iter().map(|(_, e)| e))
            }
            _ => {
                let first = (kind, Key::new(namespace.unwrap_or(""), ""));
                let rows = self.tables.range(first..);
                let here =
                    rows.take_while(move |(k, _)| k.0 == kind && ns.as_ref().is_none_or(|ns| k.1.namespace == *ns));
                Box::new(here.map(|(_, e)| e))
            }
        }
    }

    /// All objects of a typed kind.
    pub fn list_typed<'a, T: Typed + 'a>(&'a self, namespace: Option<&str>) -> impl Iterator<Item = &'a Arc<T>> + 'a {
        self.list(T::STORED, namespace).filter_map(T::unwrap_ref)
    }

    /// Every entry of every kind.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.tables.values().chain(self.pods.values()).chain(self.events.values())
    }

    /// Calls `f` with every object but events that is not the very same in an older or newer state of this store: what
    /// it was there, and what it is here. What both share is passed over without being looked at.
    pub fn differences<'a>(&'a self, other: &'a Store, f: &mut dyn FnMut(Kind, Option<&'a Obj>, Option<&'a Obj>)) {
        merge(&other.pods, &self.pods, &mut |_, old, new| f(Kind::Pod, old, new));
        merge(&other.tables, &self.tables, &mut |key, old, new| f(key.0, old, new));
    }

    /// Handles of the objects whose ownerReferences name `owner`, in order of creation.
    pub fn dependents(&self, owner: Id) -> impl Iterator<Item = Id> + '_ {
        self.dependents.range((owner, 0)..=(owner, Id::MAX)).map(|(_, d)| *d)
    }

    /// Handles of the pods or ReplicaSets of a namespace that no controller owns: who may be adopted.
    pub fn uncontrolled(&self, kind: Kind, namespace: &Arc<str>) -> impl Iterator<Item = Id> + '_ {
        self.uncontrolled.range((kind, namespace.clone(), 0)..=(kind, namespace.clone(), Id::MAX)).map(|(_, _, id)| *id)
    }

    /// Pods owned by `owner` (any reference), in order of creation.
    pub fn pods_of_owner(&self, owner: Id) -> impl Iterator<Item = &Arc<PodRecord>> + '_ {
        self.dependents(owner).filter_map(|d| self.pod(d))
    }

    /// Pods bound to a node, in order of creation.
    pub fn pods_on_node(&self, node: &str) -> impl Iterator<Item = &Arc<PodRecord>> + '_ {
        let node: Arc<str> = node.into();
        self.pods_by_node.range((node.clone(), 0)..=(node, Id::MAX)).filter_map(|(_, id)| self.pod(*id))
    }

    /// Pods of a namespace that a selector picks, in order of label set and creation. The cost follows the number of
    /// distinct label sets and of pods found, not of all pods.
    pub fn select_pods<'a>(&'a self, namespace: &str, selector: &'a Selector) -> Vec<&'a Arc<PodRecord>> {
        let ns: Arc<str> = namespace.into();
        let mut out = vec![];
        for ((_, set), (labels, _)) in self.label_sets.range((ns.clone(), 0)..=(ns.clone(), u32::MAX)) {
            if selector.matches_by(|k| labels.get(k)) {
                out.extend(
                    self.pods_by_labels
                        .range((ns.clone(), *set, 0)..=(ns.clone(), *set, Id::MAX))
                        .filter_map(|(_, _, id)| self.pod(*id)),
                );
            }
        }
        out.sort_by_key(|p| p.id);
        out
    }

    /// The shared prototype of pods with this content (see [`PodProto`]).
    pub fn intern_proto(&mut self, proto: PodProto) -> Arc<PodProto> {
        self.protos.intern(proto)
    }

    /// A prototype that nobody makes pods of any more: it goes if there are none.
    pub fn forget_proto(&mut self, proto: &PodProto) {
        self.protos.forget(proto);
    }

    /// The shared label set with this content.
    pub fn intern_labels(&mut self, labels: &std::collections::BTreeMap<String, String>) -> Arc<LabelSet> {
        self.protos.intern_labels(labels)
    }

    /// Writes an object that carries its new resourceVersion already, keeps the indexes and logs the change.
    pub fn put(&mut self, obj: Obj, at: crate::clock::SimTime, request: u64) {
        let (kind, id) = (obj.kind(), obj.id(&self.ids));
        let old = match kind {
            Kind::Pod => self.pods.get(&id),
            Kind::Event => self.events.get(&id),
            _ => self.tables.get(&(kind, obj.key())),
        };
        let old = old.map(|e| (e.obj.clone(), e.created_by));
        match &old {
            Some((old, _)) => self.unindex(old, Some(&obj)),
            None => *self.counts.entry(kind).or_insert(0) += 1,
        }
        self.index(&obj, id, old.as_ref().map(|o| &o.0));
        let created_by = old.as_ref().map_or(request, |o| o.1);
        let entry = Entry { obj: obj.clone(), created_by, updated_by: request };
        match kind {
            Kind::Pod => {
                if old.is_none() {
                    self.pod_names.insert(obj.key(), id);
                }
                self.pods.insert(id, entry);
            }
            Kind::Event => {
                if old.is_none() && event::id_of_name(&obj.key().name) != Some(id) {
                    self.event_names.insert(obj.key(), id);
                }
                self.events.insert(id, entry);
            }
            _ => {
                if old.is_none() {
                    self.by_id.insert(id, (kind, obj.key()));
                }
                self.tables.insert((kind, obj.key()), entry);
            }
        }
        self.log.push(Change { rv: self.rv, at, kind, old: old.map(|o| o.0), new: Some(obj), request });
    }

    /// Removes an object for good and logs the change. The caller has taken a resourceVersion for it.
    pub fn remove(&mut self, kind: Kind, key: &Key, at: crate::clock::SimTime, request: u64) -> Option<Obj> {
        let old = match kind {
            Kind::Pod => {
                let id = self.pod_names.remove(key)?;
                self.pods.remove(&id)?
            }
            Kind::Event => {
                let id = self.event_id(key)?;
                self.event_names.remove(key);
                self.events.remove(&id)?
            }
            _ => {
                let old = self.tables.remove(&(kind, key.clone()))?;
                self.by_id.remove(&old.obj.id(&self.ids));
                old
            }
        }
        .obj;
        if let Some(c) = self.counts.get_mut(&kind) {
            *c -= 1;
        }
        self.unindex(&old, None);
        self.log.push(Change { rv: self.rv, at, kind, old: Some(old.clone()), new: None, request });
        Some(old)
    }

    fn index(&mut self, obj: &Obj, id: Id, old: Option<&Obj>) {
        match obj {
            Obj::Pod(p) => {
                let before = match old {
                    Some(Obj::Pod(o)) => Some(o),
                    _ => None,
                };
                if before.is_none_or(|o| o.node != p.node)
                    && let Some(n) = &p.node
                {
                    self.pods_by_node.insert((n.clone(), id));
                }
                if before.is_none_or(|o| o.proto.labels.id != p.proto.labels.id) {
                    let set = p.proto.labels.id;
                    self.pods_by_labels.insert((p.namespace.clone(), set, id));
                    self.label_sets.entry((p.namespace.clone(), set)).or_insert((p.proto.labels.clone(), 0)).1 += 1;
                }
                if before.is_none_or(|o| !Arc::ptr_eq(&o.proto, &p.proto)) {
                    self.protos.hold(&p.proto);
                    for owner in &p.proto.owners {
                        self.dependents.insert((*owner, id));
                    }
                    if p.proto.controller.is_none() {
                        self.uncontrolled.insert((Kind::Pod, p.namespace.clone(), id));
                    }
                }
            }
            Obj::Event(_) => {}
            other => {
                for uid in other.owner_uids() {
                    if let Some(owner) = self.ids.parse(&uid) {
                        self.dependents.insert((owner, id));
                    }
                }
                if let Some(at) = free_replica_set(other) {
                    self.uncontrolled.insert((Kind::ReplicaSet, at, id));
                }
            }
        }
    }

    fn unindex(&mut self, old: &Obj, new: Option<&Obj>) {
        let id = old.id(&self.ids);
        match old {
            Obj::Pod(o) => {
                let after = match new {
                    Some(Obj::Pod(p)) => Some(p),
                    _ => None,
                };
                if after.is_none_or(|p| o.node != p.node)
                    && let Some(n) = &o.node
                {
                    self.pods_by_node.remove(&(n.clone(), id));
                }
                if after.is_none_or(|p| o.proto.labels.id != p.proto.labels.id) {
                    let at = (o.namespace.clone(), o.proto.labels.id);
                    self.pods_by_labels.remove(&(o.namespace.clone(), at.1, id));
                    if let Some(e) = self.label_sets.get_mut(&at) {
                        e.1 -= 1;
                        if e.1 == 0 {
                            self.label_sets.remove(&at);
                        }
                    }
                }
                if after.is_none_or(|p| !Arc::ptr_eq(&o.proto, &p.proto)) {
                    self.protos.release(&o.proto);
                    for owner in &o.proto.owners {
                        self.dependents.remove(&(*owner, id));
                    }
                    if o.proto.controller.is_none() {
                        self.uncontrolled.remove(&(Kind::Pod, o.namespace.clone(), id));
                    }
                }
            }
            Obj::Event(_) => {}
            other => {
                for uid in other.owner_uids() {
                    if let Some(owner) = self.ids.parse(&uid) {
                        self.dependents.remove(&(owner, id));
                    }
                }
                if let Some(at) = free_replica_set(other) {
                    self.uncontrolled.remove(&(Kind::ReplicaSet, at, id));
                }
            }
        }
    }
}

/// Told of a key, what stood there and what stands there.
type Told<'f, 'a, K> = dyn FnMut(&K, Option<&'a Obj>, Option<&'a Obj>) + 'f;

/// Walks two tables side by side and tells of the entries that are not the same object.
fn merge<'a, K: Ord>(old: &'a OrdMap<K, Entry>, new: &'a OrdMap<K, Entry>, f: &mut Told<'_, 'a, K>) {
    if old.ptr_eq(new) {
        return;
    }
    let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (olds.peek(), news.peek()) {
            (Some(a), Some(b)) => a.0.cmp(b.0),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let before = if order.is_le() { olds.next() } else { None };
        let after = if order.is_ge() { news.next() } else { None };
        match (before, after) {
            (Some(a), Some(b)) if a.1.obj.is(&b.1.obj) => {}
            (Some(a), Some(b)) => f(a.0, Some(&a.1.obj), Some(&b.1.obj)),
            (Some(a), None) => f(a.0, Some(&a.1.obj), None),
            (None, Some(b)) => f(b.0, None, Some(&b.1.obj)),
            (None, None) => {}
        }
    }
}

fn pod_of(e: &Entry) -> Option<&Arc<PodRecord>> {
    match &e.obj {
        Obj::Pod(p) => Some(p),
        _ => None,
    }
}

/// The namespace of a ReplicaSet that nobody controls.
fn free_replica_set(o: &Obj) -> Option<Arc<str>> {
    let Obj::ReplicaSet(rs) = o else { return None };
    let owned = rs.metadata.owner_references.iter().flatten().any(|r| r.controller == Some(true));
    (!owned).then(|| rs.metadata.namespace.as_deref().unwrap_or_default().into())
}
