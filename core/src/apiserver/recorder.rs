//! `Event` objects: written through one correlator, as client-go's recorder does it (aggregation, spam filter, TTL).

use crate::clock::{SimDuration, SimTime};
use crate::sim::{Event as SimEvent, Sim};
use crate::store::event::{Involved, Text};
use crate::store::{EventRecord, Id, Key, Kind, Obj, pod::fnv};
use imbl::OrdMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// Similar events within this span are combined …
const AGGREGATE_SPAN: SimDuration = SimDuration::from_secs(600);
/// … once there are so many different messages of one reason: the last of them is the first that is combined.
const AGGREGATE_MAX: usize = 10;
/// Events of one source about one object that may come at once.
const BURST: f32 = 25.0;
/// One more may come in this many seconds.
const REFILL_SECONDS: f32 = 300.0;
/// How long events live.
pub const TTL: SimDuration = SimDuration::from_secs(3600);

#[derive(Clone, Debug)]
struct Seen {
    reason: u32,
    message: u32,
    event: Arc<str>,
    last: SimTime,
}

#[derive(Clone, Debug)]
struct Bucket {
    tokens: f32,
    at: SimTime,
    seen: SmallVec<[Seen; 1]>,
}

/// The correlator's memory, by object and source.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    buckets: OrdMap<(Id, u32), Bucket>,
    expiring: bool,
}

/// Who reports an event.
#[derive(Clone, Debug)]
pub struct Source {
    /// `deployment-controller`
    pub component: &'static str,
    /// The node of a kubelet; else empty.
    pub host: Text,
}

impl From<&'static str> for Source {
    fn from(component: &'static str) -> Source {
        Source { component, host: Text::Borrowed("") }
    }
}

impl Recorder {
    /// Forgets an object that is gone for good.
    pub fn forget(&mut self, id: Id) {
        let keys: SmallVec<[(Id, u32); 4]> = self.buckets.range((id, 0)..=(id, u32::MAX)).map(|(k, _)| *k).collect();
        for k in keys {
            self.buckets.remove(&k);
        }
    }
}

impl Sim {
    /// Writes an event about a stored object, or counts one up, or drops it, as upstream's correlator would.
    pub fn record(
        &mut self,
        source: impl Into<Source>,
        about: &Obj,
        warning: bool,
        reason: &'static str,
        message: impl Into<Text>,
    ) {
        let involved = Involved {
            kind: about.kind(),
            key: about.key(),
            id: about.id(&self.store.ids),
            rv: about.rv(),
            field_path: Text::Borrowed(""),
        };
        self.record_about(source, involved, warning, reason, message);
    }

    /// Like [`Sim::record`], about a part of an object or one that is gone already.
    pub fn record_about(
        &mut self,
        source: impl Into<Source>,
        involved: Involved,
        warning: bool,
        reason: impl Into<Text>,
        message: impl Into<Text>,
    ) {
        let (source, reason, mut message): (Source, Text, Text) = (source.into(), reason.into(), message.into());
        if self.keeps_event(&source, &involved, warning, &reason, &message) {
            return;
        }
        if !involved.key.namespace.is_empty() {
            let ns = self.store.get(Kind::Namespace, &Key::new("", involved.key.namespace.clone()));
            if ns.is_none_or(Obj::deleting) {
                return;
            }
        }
        let now = self.now;
        let (id, from) = (involved.id, fnv(source.component.as_bytes()) as u32);
        let mut bucket = self.recorder.buckets.get(&(id, from)).cloned().unwrap_or(Bucket {
            tokens: BURST,
            at: now,
            seen: SmallVec::new(),
        });
        bucket.tokens = (bucket.tokens + now.since(bucket.at).as_secs_f64() as f32 / REFILL_SECONDS).min(BURST);
        bucket.at = now;
        let why = fnv(reason.as_bytes()) as u32 ^ u32::from(warning);
        bucket.seen.retain(|s| now.since(s.last) <= TTL);
        let path = fnv(involved.field_path.as_bytes()) as u32;
        let mut text = fnv(message.as_bytes()) as u32 ^ path.rotate_left(7);
        // 0 marks the combined event, which is no message of its own
        let others = |s: &&Seen| s.reason == why && s.message != text && s.message != 0;
        let same_reason = bucket.seen.iter().filter(others).filter(|s| now.since(s.last) <= AGGREGATE_SPAN);
        if same_reason.count() + 1 >= AGGREGATE_MAX {
            message = Text::Owned(format!("(combined from similar events): {message}"));
            text = 0;
        }
        if bucket.tokens < 1.0 {
            self.recorder.buckets.insert((id, from), bucket);
            return;
        }
        bucket.tokens -= 1.0;
        let namespace =
            if involved.key.namespace.is_empty() { "default".into() } else { involved.key.namespace.clone() };
        let again = bucket.seen.iter_mut().find(|s| s.reason == why && s.message == text);
        let stored = again.as_ref().and_then(|s| {
            match self.store.get(Kind::Event, &Key { namespace: namespace.clone(), name: s.event.clone() }) {
                Some(Obj::Event(e)) => Some(e.clone()),
                _ => None,
            }
        });
        let record = match (stored, again) {
            (Some(e), Some(s)) => {
                s.last = now;
                let mut e = (*e).clone();
                e.count += 1;
                e.last = now;
                e.message = message;
                e
            }
            _ => {
                let event = self.store.ids.issue();
                let name: Arc<str> = crate::store::event::name_of(&involved.key.name, event).into();
                bucket.seen.retain(|s| s.reason != why || s.message != text);
                bucket.seen.push(Seen { reason: why, message: text, event: name.clone(), last: now });
                EventRecord {
                    id: event,
                    name,
                    rv: 0,
                    involved: Arc::new(involved),
                    warning,
                    reason,
                    message,
                    component: source.component,
                    host: source.host,
                    count: 1,
                    first: now,
                    last: now,
                }
            }
        };
        self.recorder.buckets.insert((id, from), bucket);
        self.put_event(record);
    }

    fn put_event(&mut self, mut record: EventRecord) {
        record.rv = self.store.next_version();
        let request = self.requests.last();
        self.store.put(Obj::Event(Arc::new(record)), self.now, request);
        self.notify(Kind::Event);
        if !self.recorder.expiring {
            self.recorder.expiring = true;
            self.after(TTL, SimEvent::ExpireEvents);
        }
    }

    /// Drops events past their hour and looks again when the next batch is due.
    pub fn expire_events(&mut self) {
        let now = self.now;
        let mut old: Vec<(Key, Id)> = vec![];
        let mut next: Option<SimTime> = None;
        for e in self.store.events() {
            if now.since(e.last) >= TTL {
                old.push((Key { namespace: e.namespace(), name: e.name.clone() }, e.involved.id));
            } else {
                next = Some(next.map_or(e.last, |n| n.min(e.last)));
            }
        }
        for (key, id) in old {
            self.store.next_version();
            self.store.remove(Kind::Event, &key, now, 0);
            if !self.store.lives(id) {
                self.recorder.forget(id);
            }
        }
        self.recorder.expiring = next.is_some();
        if let Some(n) = next {
            // in batches of a minute, so that a busy cluster does not wake for each of them
            self.queue.at((n + TTL).max(now + SimDuration::from_secs(60)), SimEvent::ExpireEvents);
        }
    }
}
