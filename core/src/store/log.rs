//! The watch log: what changed, in order. Watchers hold a position in it and read on from there; what every watcher
//! has read, and what exceeds the window kept for late watchers, is dropped.

use super::{Kind, Obj};
use crate::clock::SimTime;
use std::cmp::Ordering;

/// One write.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resourceVersion that it made.
    pub rv: u64,
    /// When.
    pub at: SimTime,
    /// What kind of object.
    pub kind: Kind,
    /// The object before; none when it was created.
    pub old: Option<Obj>,
    /// The object after; none when it was removed.
    pub new: Option<Obj>,
    /// The request that wrote it.
    pub request: u64,
}

impl Change {
    /// The object after, or before if it is gone.
    pub fn obj(&self) -> &Obj {
        self.new.as_ref().or(self.old.as_ref()).expect("a change has an object")
    }
}

/// Changes that late watchers may still ask for.
const WINDOW: usize = 2048;

/// The log. Positions count all changes ever made.
#[derive(Clone, Debug, Default)]
pub struct Watchlog {
    first: u64,
    /// The version of the newest change that was dropped.
    dropped: u64,
    changes: imbl::Vector<Change>,
}

impl Watchlog {
    /// Appends a change.
    pub fn push(&mut self, change: Change) {
        self.changes.push_back(change);
    }

    /// The position after the newest change.
    pub fn end(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    /// The position of the oldest change that is kept.
    pub fn start(&self) -> u64 {
        self.first
    }

    /// The change at a position, if it is kept.
    pub fn get(&self, position: u64) -> Option<&Change> {
        self.changes.get(position.checked_sub(self.first)? as usize)
    }

    /// The changes from a position on; `None` if some of them have been dropped (the watcher must list anew).
    pub fn since(&self, position: u64) -> Option<impl Iterator<Item = &Change> + '_> {
        let skip = position.checked_sub(self.first)? as usize;
        let skip = skip.min(self.changes.len());
        Some(self.changes.focus().narrow(skip..).into_iter())
    }

    /// The position after the changes of a version and before; `None` if changes after it have been dropped.
    pub fn after_version(&self, version: u64) -> Option<u64> {
        if version < self.dropped {
            return None;
        }
        let found = self.changes.binary_search_by(|c| if c.rv <= version { Ordering::Less } else { Ordering::Greater });
        Some(self.first + found.unwrap_or_else(|at| at) as u64)
    }

    /// The newest version before the oldest that is kept; 0: everything is.
    pub fn forgotten(&self) -> u64 {
        self.dropped
    }

    /// Drops what lies before `read_by_all`, except for the window.
    pub fn trim(&mut self, read_by_all: u64) {
        let end = self.end();
        let keep_from = read_by_all.min(end.saturating_sub(WINDOW as u64));
        // in batches: splitting a shared vector costs
        if keep_from > self.first + 4 * WINDOW as u64 {
            let n = (keep_from - self.first) as usize;
            self.dropped = self.changes.get(n - 1).map_or(self.dropped, |c| c.rv);
            self.changes = self.changes.split_off(n);
            self.first = keep_from;
        }
    }
}
