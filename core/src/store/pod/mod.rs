//! Pods as compact records. What pods of one template have in common (spec, labels, annotations, owner references)
//! stands once in a [`PodProto`] that they share; a record holds what differs. Turning a pod into a record and back
//! loses nothing: a status that the compact form cannot say is kept whole.

mod api;
pub mod details;
mod proto;

pub use api::{api_container_status, container_id_text, container_record, image_id, rename_token};
pub(super) use proto::Protos;
pub use proto::{LabelSet, PodProto, TOKEN_MARK};

use super::Id;
use crate::clock::SimTime;
use k8s_openapi::api::core::v1::PodStatus;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// FNV-1a, 64 bits.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

/// A pod's phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Pending
    #[default]
    Pending,
    /// Running
    Running,
    /// Succeeded
    Succeeded,
    /// Failed
    Failed,
    /// Unknown
    Unknown,
}

impl Phase {
    /// As the API prints it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
            Phase::Unknown => "Unknown",
        }
    }
    /// Succeeded or Failed: it never leaves that.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Phase::Succeeded | Phase::Failed)
    }
    fn parse(s: &str) -> Option<Phase> {
        [Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed, Phase::Unknown]
            .into_iter()
            .find(|p| p.as_str() == s)
    }
}

/// A moment in whole seconds since the session began; API timestamps need no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Second(pub u32);

impl From<SimTime> for Second {
    fn from(t: SimTime) -> Second {
        Second((t.0 / 1_000_000).min(u64::from(u32::MAX)) as u32)
    }
}

impl From<Second> for SimTime {
    fn from(s: Second) -> SimTime {
        SimTime::from_secs(u64::from(s.0))
    }
}

/// The five conditions every pod has, in the order in which the kubelet lists them.
pub const CONDITIONS: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
/// Index of `PodReadyToStartContainers` in [`CONDITIONS`].
pub const READY_TO_START: usize = 0;
/// Index of `Initialized`.
pub const INITIALIZED: usize = 1;
/// Index of `Ready`.
pub const READY: usize = 2;
/// Index of `ContainersReady`.
pub const CONTAINERS_READY: usize = 3;
/// Index of `PodScheduled`.
pub const SCHEDULED: usize = 4;

/// One standard condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// None: not set yet.
    pub status: Option<bool>,
    /// lastTransitionTime
    pub since: Second,
    /// Reason and message, where there are any.
    pub why: Option<Arc<(Cow<'static, str>, Cow<'static, str>)>>,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq)]
pub enum RunState {
    /// Waiting with a reason and perhaps a message.
    Waiting(Cow<'static, str>, Option<Arc<str>>),
    /// Running since then.
    Running(Second),
    /// Ended.
    Terminated(Arc<Terminated>),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Terminated {
    /// Exit code.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled` …
    pub reason: Cow<'static, str>,
    /// Message; often none.
    pub message: Option<Arc<str>>,
    /// Start.
    pub started: Second,
    /// End.
    pub finished: Second,
    /// Which container (see [`ContainerRecord::container_id`]); 0: none.
    pub container_id: u64,
}

/// Status of one container.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerRecord {
    /// What it does now.
    pub state: RunState,
    /// How it last ended.
    pub last: Option<Arc<Terminated>>,
    /// Restarts.
    pub restarts: u32,
    /// Ready.
    pub ready: bool,
    /// Started: its startup probe has passed.
    pub started: Option<bool>,
    /// Stands for the 64 hexadecimal digits of containerID; 0: none.
    pub container_id: u64,
    /// The image was pulled: imageID is printed.
    pub pulled: bool,
    /// The image it was started with, where the spec names another one by now.
    pub image: Option<Arc<String>>,
    /// What its kubelet tells of it besides; none: nothing.
    pub told: Option<details::Told>,
}

impl ContainerRecord {
    /// A container that waits for its pod to start.
    pub fn waiting(reason: &'static str) -> Self {
        ContainerRecord {
            state: RunState::Waiting(Cow::Borrowed(reason), None),
            last: None,
            restarts: 0,
            ready: false,
            started: Some(false),
            container_id: 0,
            pulled: false,
            image: None,
            told: None,
        }
    }
}

/// A pod's status in compact form.
#[derive(Clone, Debug, PartialEq)]
pub struct PodStatusRecord {
    /// Phase.
    pub phase: Phase,
    /// The standard conditions, in the order of [`CONDITIONS`].
    pub conditions: [Condition; 5],
    /// Statuses of spec.initContainers, in their order; empty until the kubelet has written them.
    pub init: SmallVec<[ContainerRecord; 0]>,
    /// Statuses of spec.containers, in their order; empty until the kubelet has written them.
    pub containers: SmallVec<[ContainerRecord; 1]>,
    /// status.reason and status.message.
    pub why: Option<Arc<(Cow<'static, str>, Cow<'static, str>)>>,
    /// Address, 0 for none (IPv4, big-endian).
    pub ip: u32,
    /// The node's address.
    pub host_ip: u32,
    /// status.startTime
    pub started: Option<Second>,
    /// status.nominatedNodeName
    pub nominated: Option<Arc<str>>,
    /// status.observedGeneration; 0: not printed.
    pub observed_generation: u32,
    /// observedGeneration of `PodScheduled` where the scheduler says it; 0: [`Self::observed_generation`] holds for it.
    pub scheduled_generation: u32,
    /// What the fields above have no place for.
    pub more: Option<Arc<PodStatus>>,
}

impl Default for PodStatusRecord {
    fn default() -> Self {
        PodStatusRecord {
            phase: Phase::Pending,
            conditions: Default::default(),
            init: SmallVec::new(),
            containers: SmallVec::new(),
            why: None,
            ip: 0,
            host_ip: 0,
            started: None,
            nominated: None,
            observed_generation: 0,
            scheduled_generation: 0,
            more: None,
        }
    }
}

impl PodStatusRecord {
    /// Sets a standard condition; its transition time moves only when the status changes. True if anything changed.
    pub fn set_condition(
        &mut self,
        which: usize,
        status: bool,
        now: SimTime,
        why: Option<(&'static str, Cow<'static, str>)>,
    ) -> bool {
        let c = &mut self.conditions[which];
        let why = why.map(|(r, m)| Arc::new((Cow::Borrowed(r), m)));
        if c.status == Some(status) && c.why == why {
            return false;
        }
        if c.status != Some(status) {
            c.since = now.into();
        }
        c.status = Some(status);
        c.why = why;
        if which == SCHEDULED {
            self.scheduled_generation = 0;
        }
        true
    }

    /// The Ready condition is True.
    pub fn is_ready(&self) -> bool {
        self.conditions[READY].status == Some(true)
    }
}

/// When a pod's deletion was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// metadata.deletionTimestamp: when the grace period ends.
    pub at: SimTime,
    /// metadata.deletionGracePeriodSeconds
    pub grace: u32,
}

/// One pod.
#[derive(Clone, Debug)]
pub struct PodRecord {
    /// Handle.
    pub id: Id,
    /// metadata.namespace
    pub namespace: Arc<str>,
    /// metadata.name
    pub name: Arc<str>,
    /// metadata.resourceVersion
    pub rv: u64,
    /// metadata.creationTimestamp
    pub created: SimTime,
    /// metadata.generation
    pub generation: u32,
    /// Set once its deletion has begun.
    pub deletion: Option<Box<Deletion>>,
    /// What it shares with others of its template.
    pub proto: Arc<PodProto>,
    /// The random part of its service-account volume's name.
    pub token: [u8; 5],
    /// spec.nodeName
    pub node: Option<Arc<str>>,
    /// Status.
    pub status: PodStatusRecord,
}

impl PartialEq for PodRecord {
    fn eq(&self, o: &Self) -> bool {
        self.id == o.id && self.rv == o.rv
    }
}

impl PodRecord {
    /// Its key.
    pub fn key(&self) -> super::Key {
        super::Key { namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Not ended and not being deleted (Models controller.IsPodActive).
    pub fn is_active(&self) -> bool {
        !self.status.phase.is_terminal() && self.deletion.is_none()
    }

    /// Since when it is Ready.
    pub fn ready_since(&self) -> Option<SimTime> {
        let c = &self.status.conditions[READY];
        (c.status == Some(true)).then(|| c.since.into())
    }

    /// Ready for at least `min_ready` seconds.
    pub fn is_available(&self, min_ready: u32, now: SimTime) -> bool {
        self.ready_since().is_some_and(|t| min_ready == 0 || now.since(t).as_secs() >= u64::from(min_ready))
    }

    /// Bytes that the record holds for itself alone: it, its name, and what stands beside it on the heap.
    pub fn bytes(&self) -> usize {
        let beside = self.status.init.capacity() + self.status.containers.capacity().saturating_sub(1);
        let deletion = if self.deletion.is_some() { size_of::<Deletion>() } else { 0 };
        // two counters precede what an Arc holds
        size_of::<Self>() + 16 + self.name.len() + 16 + beside * size_of::<ContainerRecord>() + deletion
    }

    /// Restarts of all containers.
    pub fn restarts(&self) -> u32 {
        self.status.containers.iter().chain(&self.status.init).map(|c| c.restarts).sum()
    }
}

/// FNV-1a, 32 bits.
pub fn fnv32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}
