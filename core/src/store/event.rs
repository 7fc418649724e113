//! `Event` objects as compact records: there are several for each pod.

use super::{Id, Ids, Key, Kind};
use crate::clock::SimTime;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::borrow::Cow;
use std::sync::Arc;

/// A text that is often a constant.
pub type Text = Cow<'static, str>;

/// What an event is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Involved {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub key: Key,
    /// Its handle.
    pub id: Id,
    /// Its resourceVersion when the event was written.
    pub rv: u64,
    /// `spec.containers{web}`; empty where the event is about the whole object.
    pub field_path: Text,
}

/// An `Event`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Handle of the event itself.
    pub id: Id,
    /// Its name.
    pub name: Arc<str>,
    /// resourceVersion.
    pub rv: u64,
    /// What it is about.
    pub involved: Arc<Involved>,
    /// Warning, else Normal.
    pub warning: bool,
    /// Reason.
    pub reason: Text,
    /// Message.
    pub message: Text,
    /// Who reports: `kubelet`, `deployment-controller` …
    pub component: &'static str,
    /// The node of a kubelet that reports; empty for others.
    pub host: Text,
    /// How often it came.
    pub count: u32,
    /// First time.
    pub first: SimTime,
    /// Last time.
    pub last: SimTime,
}

/// The digits of an event's name grow with its handle, as upstream's grow with time: events of one moment are listed
/// in the order in which they came.
const FIRST: u64 = 0x0087_5a1c_0000_0000;
const STEP: u64 = 1_048_583;

/// The name of an event: its object's and 16 hexadecimal digits that stand for its handle.
pub fn name_of(object: &str, id: Id) -> String {
    format!("{object}.18{:014x}", FIRST.wrapping_add(id.wrapping_mul(STEP)))
}

/// The handle that such a name stands for; none if it is no such name.
pub fn id_of_name(name: &str) -> Option<Id> {
    let digits = name.rsplit_once('.')?.1.strip_prefix("18").filter(|d| d.len() == 14)?;
    let n = u64::from_str_radix(digits, 16).ok()?.checked_sub(FIRST)?;
    (n % STEP == 0).then_some(n / STEP)
}

impl EventRecord {
    /// The namespace it lies in: its object's, or `default`.
    pub fn namespace(&self) -> Arc<str> {
        if self.involved.key.namespace.is_empty() { "default".into() } else { self.involved.key.namespace.clone() }
    }

    /// The API object.
    pub fn to_event(&self, ids: &Ids) -> Event {
        let i = &self.involved;
        let info = i.kind.info();
        Event {
            metadata: ObjectMeta {
                name: Some(self.name.to_string()),
                namespace: Some(self.namespace().to_string()),
                uid: Some(ids.uid(self.id)),
                resource_version: Some(self.rv.to_string()),
                creation_timestamp: Some(self.first.api()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(info.api_version()),
                kind: Some(info.kind.into()),
                name: Some(i.key.name.to_string()),
                namespace: (!i.key.namespace.is_empty()).then(|| i.key.namespace.to_string()),
                uid: Some(if i.kind == Kind::Node { i.key.name.to_string() } else { ids.uid(i.id) }),
                resource_version: (i.rv > 0).then(|| i.rv.to_string()),
                field_path: (!i.field_path.is_empty()).then(|| i.field_path.to_string()),
            },
            reason: Some(self.reason.to_string()),
            message: Some(self.message.to_string()),
            type_: Some(if self.warning { "Warning" } else { "Normal" }.into()),
            count: Some(self.count as i32),
            first_timestamp: Some(self.first.api()),
            last_timestamp: Some(self.last.api()),
            source: Some(EventSource {
                component: Some(self.component.into()),
                host: (!self.host.is_empty()).then(|| self.host.to_string()),
            }),
            reporting_component: Some(self.component.into()),
            reporting_instance: Some(self.host.to_string()),
            ..Event::default()
        }
    }
}
