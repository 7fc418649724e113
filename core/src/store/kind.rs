//! The kinds that are stored, and one enum over their objects. A new kind is a line in [`typed_kinds`].

use super::{Custom, CustomObject, EventRecord, Id, Ids, PodRecord};
use crate::api::kinds::{self, ResourceInfo};
use crate::clock::SimTime;
use k8s_openapi::Metadata;
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::{CronJob, Job},
    certificates::v1::CertificateSigningRequest,
    coordination::v1::Lease,
    core::v1::{
        ConfigMap, Endpoints, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim,
        ReplicationController, ResourceQuota, Secret, Service, ServiceAccount,
    },
    discovery::v1::EndpointSlice,
    networking::v1::{Ingress, IngressClass, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    scheduling::v1::PriorityClass,
    storage::v1::StorageClass,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Namespace (empty for cluster-scoped objects) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// metadata.namespace
    pub namespace: Arc<str>,
    /// metadata.name
    pub name: Arc<str>,
}

impl Key {
    /// A key.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Key {
        Key { namespace: namespace.into(), name: name.into() }
    }
    /// The key of an object's metadata.
    pub fn of(meta: &ObjectMeta) -> Key {
        Key::new(meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }
}

/// `namespace/name`, or the name alone.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// A typed API object that the store can hold.
pub trait Typed: Metadata<Ty = ObjectMeta> + Clone + PartialEq + Send + Sync + 'static {
    /// Its kind.
    const STORED: Kind;
    /// The object in the enum.
    fn wrap(this: Arc<Self>) -> Obj;
    /// The object out of the enum.
    fn unwrap_ref(obj: &Obj) -> Option<&Arc<Self>>;
}

macro_rules! typed_kinds {
    ($($kind:ident = $ty:ty, $api:literal;)*) => {
        /// A stored kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            /// Pod
            Pod,
            /// Event
            Event,
            $(#[doc = stringify!($kind)] $kind,)*
            /// A kind that a CustomResourceDefinition made.
            Custom(Custom),
        }

        impl Kind {
            /// All built-in stored kinds.
            pub const ALL: &'static [Kind] = &[Kind::Pod, Kind::Event, $(Kind::$kind,)*];

            /// `apiVersion` and `kind`.
            pub const fn names(self) -> (&'static str, &'static str) {
                match self {
                    Kind::Pod => ("v1", "Pod"),
                    Kind::Event => ("v1", "Event"),
                    $(Kind::$kind => ($api, stringify!($kind)),)*
                    Kind::Custom(c) => c.names(),
                }
            }
        }

        /// A stored object. Clones share.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Obj {
            /// A pod as a compact record.
            Pod(Arc<PodRecord>),
            /// An event as a compact record.
            Event(Arc<EventRecord>),
            $(#[doc = stringify!($kind)] $kind(Arc<$ty>),)*
            /// An object of a CustomResourceDefinition's kind.
            Custom(Arc<CustomObject>),
        }

        impl Obj {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    Obj::Pod(_) => Kind::Pod,
                    Obj::Event(_) => Kind::Event,
                    $(Obj::$kind(_) => Kind::$kind,)*
                    Obj::Custom(o) => Kind::Custom(o.kind),
                }
            }

            /// Its metadata, unless it is a record.
            pub fn meta(&self) -> Option<&ObjectMeta> {
                match self {
                    Obj::Pod(_) | Obj::Event(_) => None,
                    $(Obj::$kind(o) => Some(o.metadata()),)*
                    Obj::Custom(o) => Some(&o.meta),
                }
            }

            /// Whether two are not only equal but one object in memory: quick, and never true of two that differ.
            pub fn is(&self, other: &Obj) -> bool {
                match (self, other) {
                    (Obj::Pod(a), Obj::Pod(b)) => Arc::ptr_eq(a, b),
                    (Obj::Event(a), Obj::Event(b)) => Arc::ptr_eq(a, b),
                    _ => match (self.meta(), other.meta()) {
                        (Some(a), Some(b)) => std::ptr::eq(a, b),
                        _ => false,
                    },
                }
            }

            /// The API object as JSON.
            pub fn to_value(&self, ids: &Ids) -> Value {
                let v = match self {
                    Obj::Pod(p) => serde_json::to_value(p.to_pod(ids)),
                    Obj::Event(e) => serde_json::to_value(e.to_event(ids)),
                    $(Obj::$kind(o) => serde_json::to_value(&**o),)*
                    Obj::Custom(o) => Ok(o.value.clone()),
                };
                v.unwrap_or(Value::Null)
            }

            /// Reads a typed object of any kind but Pod and Event.
            pub fn typed_from_value(kind: Kind, v: &Value) -> Result<Obj, serde_json::Error> {
                Ok(match kind {
                    Kind::Pod | Kind::Event => return Err(serde::de::Error::custom("stored as a record")),
                    $(Kind::$kind => typed::<$ty>(v)?,)*
                    Kind::Custom(c) => Obj::Custom(Arc::new(CustomObject::read(c, v)?)),
                })
            }
        }

        $(impl Typed for $ty {
            const STORED: Kind = Kind::$kind;
            fn wrap(this: Arc<Self>) -> Obj { Obj::$kind(this) }
            fn unwrap_ref(obj: &Obj) -> Option<&Arc<Self>> {
                match obj { Obj::$kind(o) => Some(o), _ => None }
            }
        })*
    };
}

/// One kind's reader: a function of its own, so that the readers of rare kinds need not come with the page.
#[inline(never)]
fn typed<T: Typed + serde::de::DeserializeOwned>(v: &Value) -> Result<Obj, serde_json::Error> {
    Ok(T::wrap(Arc::new(super::read::<T>(v)?)))
}

typed_kinds! {
    Namespace = Namespace, "v1";
    Node = Node, "v1";
    ConfigMap = ConfigMap, "v1";
    Secret = Secret, "v1";
    ServiceAccount = ServiceAccount, "v1";
    Service = Service, "v1";
    Endpoints = Endpoints, "v1";
    EndpointSlice = EndpointSlice, "discovery.k8s.io/v1";
    ReplicaSet = ReplicaSet, "apps/v1";
    Deployment = Deployment, "apps/v1";
    HorizontalPodAutoscaler = HorizontalPodAutoscaler, "autoscaling/v2";
    Lease = Lease, "coordination.k8s.io/v1";
    ReplicationController = ReplicationController, "v1";
    StatefulSet = StatefulSet, "apps/v1";
    DaemonSet = DaemonSet, "apps/v1";
    ControllerRevision = ControllerRevision, "apps/v1";
    Job = Job, "batch/v1";
    CronJob = CronJob, "batch/v1";
    PersistentVolume = PersistentVolume, "v1";
    PersistentVolumeClaim = PersistentVolumeClaim, "v1";
    StorageClass = StorageClass, "storage.k8s.io/v1";
    ResourceQuota = ResourceQuota, "v1";
    LimitRange = LimitRange, "v1";
    PodDisruptionBudget = PodDisruptionBudget, "policy/v1";
    PriorityClass = PriorityClass, "scheduling.k8s.io/v1";
    Ingress = Ingress, "networking.k8s.io/v1";
    IngressClass = IngressClass, "networking.k8s.io/v1";
    NetworkPolicy = NetworkPolicy, "networking.k8s.io/v1";
    Role = Role, "rbac.authorization.k8s.io/v1";
    RoleBinding = RoleBinding, "rbac.authorization.k8s.io/v1";
    ClusterRole = ClusterRole, "rbac.authorization.k8s.io/v1";
    ClusterRoleBinding = ClusterRoleBinding, "rbac.authorization.k8s.io/v1";
    CustomResourceDefinition = CustomResourceDefinition, "apiextensions.k8s.io/v1";
    CertificateSigningRequest = CertificateSigningRequest, "certificates.k8s.io/v1";
}

impl Kind {
    /// Its row in the table of kinds.
    pub fn info(self) -> &'static ResourceInfo {
        if let Kind::Custom(c) = self {
            return c.info();
        }
        let (api, kind) = self.names();
        kinds::by_kind(api, kind).expect("every stored kind has a row")
    }

    /// The stored kind of a resource in any of its versions, if it is stored.
    pub fn of_info(info: &ResourceInfo) -> Option<Kind> {
        let all = Kind::ALL.iter().copied().chain(Kind::only_stored());
        all.into_iter().find(|k| (k.info().kind, k.info().group) == (info.kind, info.group))
    }

    /// Built-in kinds that nothing acts on.
    pub fn only_stored() -> impl Iterator<Item = Kind> {
        Custom::built_in().map(Kind::Custom)
    }

    /// Finds a stored kind by its name alone: owner references to kinds here are unambiguous.
    pub fn by_name(kind: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| k.names().1 == kind)
    }
}

impl Obj {
    /// Namespace and name.
    pub fn key(&self) -> Key {
        match self {
            Obj::Pod(p) => Key { namespace: p.namespace.clone(), name: p.name.clone() },
            Obj::Event(e) => Key { namespace: e.namespace(), name: e.name.clone() },
            other => other.meta().map(Key::of).unwrap_or_else(|| Key::new("", "")),
        }
    }

    /// Its handle; 0 for an object that was never stored.
    pub fn id(&self, ids: &Ids) -> Id {
        match self {
            Obj::Pod(p) => p.id,
            Obj::Event(e) => e.id,
            other => other.meta().and_then(|m| m.uid.as_deref()).and_then(|u| ids.parse(u)).unwrap_or(0),
        }
    }

    /// Its resourceVersion.
    pub fn rv(&self) -> u64 {
        match self {
            Obj::Pod(p) => p.rv,
            Obj::Event(e) => e.rv,
            other => other.meta().and_then(|m| m.resource_version.as_deref()).and_then(|v| v.parse().ok()).unwrap_or(0),
        }
    }

    /// When it was created.
    pub fn created(&self) -> SimTime {
        match self {
            Obj::Pod(p) => p.created,
            Obj::Event(e) => e.first,
            other => {
                other.meta().and_then(|m| m.creation_timestamp.as_ref()).map(SimTime::from_api).unwrap_or_default()
            }
        }
    }

    /// True if its deletion has begun.
    pub fn deleting(&self) -> bool {
        match self {
            Obj::Pod(p) => p.deletion.is_some(),
            Obj::Event(_) => false,
            other => other.meta().is_some_and(|m| m.deletion_timestamp.is_some()),
        }
    }

    /// Its finalizers.
    pub fn finalizers(&self) -> Vec<String> {
        match self {
            Obj::Pod(p) => p.proto.pod.metadata.finalizers.clone().unwrap_or_default(),
            Obj::Event(_) => vec![],
            other => other.meta().and_then(|m| m.finalizers.clone()).unwrap_or_default(),
        }
    }

    /// UIDs in its ownerReferences.
    pub fn owner_uids(&self) -> Vec<String> {
        let refs = match self {
            Obj::Pod(p) => p.proto.pod.metadata.owner_references.as_ref(),
            Obj::Event(_) => None,
            other => other.meta().and_then(|m| m.owner_references.as_ref()),
        };
        refs.map(|r| r.iter().map(|o| o.uid.clone()).collect()).unwrap_or_default()
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        match self {
            Obj::Pod(p) => p.proto.labels.get(key),
            Obj::Event(_) => None,
            other => other.meta()?.labels.as_ref()?.get(key).map(String::as_str),
        }
    }

    /// The object as a typed one.
    pub fn typed<T: Typed>(&self) -> Option<&Arc<T>> {
        T::unwrap_ref(self)
    }
}
