//! The log of requests: who asked for what, when, with which outcome, and because of which earlier request.

use crate::clock::SimTime;
use crate::sim::Actor;
use crate::store::{Key, Kind};
use std::sync::Arc;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// get
    Get,
    /// list
    List,
    /// watch
    Watch,
    /// create
    Create,
    /// update
    Update,
    /// patch
    Patch,
    /// delete
    Delete,
    /// deletecollection
    DeleteCollection,
}

impl Verb {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
        }
    }
    /// True if it only reads.
    pub const fn reads(self) -> bool {
        matches!(self, Verb::Get | Verb::List | Verb::Watch)
    }
}

/// One answered request.
#[derive(Clone, Debug)]
pub struct RequestEntry {
    /// Its number; 1 is the first.
    pub id: u64,
    /// When.
    pub at: SimTime,
    /// Who.
    pub actor: Actor,
    /// What.
    pub verb: Verb,
    /// Of which kind; none for discovery and unknown resources.
    pub kind: Option<Kind>,
    /// Of which object; the name is empty for collections.
    pub key: Key,
    /// `status`, `scale`, `binding` …; empty for the object itself.
    pub subresource: &'static str,
    /// HTTP status.
    pub code: u16,
    /// The earlier request that led to this one; 0: none.
    pub cause: u64,
    /// What it changed, in a few words, where that can be said (`replicas 2 → 3`).
    pub note: Option<Arc<str>>,
}

impl RequestEntry {
    /// The path as it was asked for.
    pub fn path(&self) -> String {
        let Some(kind) = self.kind else { return self.key.name.to_string() };
        let ns = (!self.key.namespace.is_empty()).then_some(&*self.key.namespace);
        let name = (!self.key.name.is_empty()).then_some(&*self.key.name);
        let mut p = kind.info().path(ns, name);
        if !self.subresource.is_empty() {
            p.push('/');
            p.push_str(self.subresource);
        }
        p
    }
}

/// Entries kept: enough for what a person can scroll through; older causes are reached by rewinding.
const KEEP: usize = 20_000;

/// The log: a window on the newest requests.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    next: u64,
    entries: imbl::Vector<RequestEntry>,
}

impl RequestLog {
    /// The number that the next request gets.
    pub fn next_id(&self) -> u64 {
        self.next + 1
    }
    /// Appends an entry; its number must be [`RequestLog::next_id`].
    pub fn push(&mut self, entry: RequestEntry) {
        self.next = entry.id;
        self.entries.push_back(entry);
        if self.entries.len() > KEEP + KEEP / 4 {
            self.entries = self.entries.split_off(KEEP / 4);
        }
    }
    /// The number of the newest request.
    pub fn last(&self) -> u64 {
        self.next
    }
    /// A request by its number, if it is still kept.
    pub fn get(&self, id: u64) -> Option<&RequestEntry> {
        let first = self.entries.front()?.id;
        self.entries.get(id.checked_sub(first)? as usize)
    }
    /// Requests after this number, oldest first.
    pub fn after(&self, id: u64) -> impl Iterator<Item = &RequestEntry> + '_ {
        let first = self.entries.front().map_or(0, |e| e.id);
        let skip = (id + 1).saturating_sub(first) as usize;
        self.entries.focus().narrow(skip.min(self.entries.len())..).into_iter()
    }
}
