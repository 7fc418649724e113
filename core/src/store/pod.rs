//! Pods as compact records. What pods of one template have in common (spec, labels, annotations, owner references)
//! stands once in a [`PodProto`] that they share; a record holds what differs. Turning a pod into a record and back
//! loses nothing: a status that the compact form cannot say is kept whole.

use super::{Id, Ids};
use crate::clock::SimTime;
use imbl::OrdMap;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, HostIP,
    Pod, PodCondition, PodIP, PodStatus,
};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels of pods, shared and numbered: equal sets have equal numbers.
#[derive(Debug, PartialEq)]
pub struct LabelSet {
    /// Its number.
    pub id: u32,
    /// The pairs, sorted by key.
    pub pairs: Arc<[(Arc<str>, Arc<str>)]>,
}

impl LabelSet {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.binary_search_by(|(k, _)| (**k).cmp(key)).ok().map(|i| &*self.pairs[i].1)
    }
}

/// What the pods of one template share.
#[derive(Debug)]
pub struct PodProto {
    /// Its number within the session; caches by template use it.
    pub id: u32,
    /// The pod without name, uid, resourceVersion, timestamps, nodeName and status. A service-account volume's random
    /// suffix is [`TOKEN_MARK`] here.
    pub pod: Pod,
    /// Its labels.
    pub labels: Arc<LabelSet>,
    /// Handles of its owners.
    pub owners: SmallVec<[Id; 1]>,
    /// The owner with `controller: true`.
    pub controller: Option<Id>,
    /// QoS class.
    pub qos: &'static str,
}

/// Stands in a prototype for the five random characters of `kube-api-access-xxxxx`.
pub const TOKEN_MARK: &str = "kube-api-access-?????";

/// The shared prototypes and label sets. A prototype is forgotten with its last pod, a label set with its last prototype:
/// each Job has its own, and there are many Jobs in a day.
#[derive(Clone, Debug, Default)]
pub(super) struct Protos {
    next: u32,
    by_hash: OrdMap<u64, SmallVec<[Arc<PodProto>; 1]>>,
    /// Pods of each prototype, and under which hash it can be found (none: it was forgotten before).
    pods: OrdMap<u32, (u32, Option<u64>)>,
    next_labels: u32,
    labels: OrdMap<BTreeMap<String, String>, Arc<LabelSet>>,
    /// Prototypes of each label set.
    users: OrdMap<u32, u32>,
}

impl Protos {
    pub(super) fn intern_labels(&mut self, labels: &BTreeMap<String, String>) -> Arc<LabelSet> {
        if let Some(l) = self.labels.get(labels) {
            return l.clone();
        }
        self.next_labels += 1;
        let pairs = labels.iter().map(|(k, v)| (Arc::from(k.as_str()), Arc::from(v.as_str()))).collect();
        let set = Arc::new(LabelSet { id: self.next_labels, pairs });
        self.labels.insert(labels.clone(), set.clone());
        set
    }

    pub(super) fn intern(&mut self, mut proto: PodProto) -> Arc<PodProto> {
        // by way of a value: code that writes typed objects as text as well would be as large as that
        let hash = fnv(serde_json::to_value(&proto.pod).unwrap_or_default().to_string().as_bytes());
        let found = self.by_hash.get(&hash).and_then(|same| same.iter().find(|p| p.pod == proto.pod)).cloned();
        if let Some(p) = found {
            return p;
        }
        self.next += 1;
        proto.id = self.next;
        let proto = Arc::new(proto);
        self.by_hash.entry(hash).or_default().push(proto.clone());
        self.pods.insert(proto.id, (0, Some(hash)));
        *self.users.entry(proto.labels.id).or_insert(0) += 1;
        proto
    }

    /// A pod has this prototype now.
    pub(super) fn hold(&mut self, proto: &PodProto) {
        self.pods.entry(proto.id).or_insert((0, None)).0 += 1;
    }

    /// A pod has this prototype no longer.
    pub(super) fn release(&mut self, proto: &PodProto) {
        if let Some(entry) = self.pods.get_mut(&proto.id) {
            entry.0 = entry.0.saturating_sub(1);
        }
        self.forget(proto);
    }

    /// Forgets a prototype that no pod has.
    pub(super) fn forget(&mut self, proto: &PodProto) {
        let Some((0, hash)) = self.pods.get(&proto.id).copied() else { return };
        self.pods.remove(&proto.id);
        let Some(hash) = hash else { return };
        if let Some(same) = self.by_hash.get_mut(&hash) {
            same.retain(|p| p.id != proto.id);
            if same.is_empty() {
                self.by_hash.remove(&hash);
            }
        }
        if let Some(n) = self.users.get_mut(&proto.labels.id) {
            *n -= 1;
            if *n == 0 {
                self.users.remove(&proto.labels.id);
                let pairs = proto.labels.pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
                if self.labels.get(&pairs).is_some_and(|l| l.id == proto.labels.id) {
                    self.labels.remove(&pairs);
                }
            }
        }
    }
}

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

    /// The API object.
    pub fn to_pod(&self, ids: &Ids) -> Pod {
        let mut pod = self.proto.pod.clone();
        let m = &mut pod.metadata;
        m.name = Some(self.name.to_string());
        m.namespace = Some(self.namespace.to_string());
        m.uid = Some(ids.uid(self.id));
        m.resource_version = Some(self.rv.to_string());
        m.creation_timestamp = Some(self.created.api());
        m.generation = Some(i64::from(self.generation));
        if let Some(d) = &self.deletion {
            m.deletion_timestamp = Some(d.at.api());
            m.deletion_grace_period_seconds = Some(i64::from(d.grace));
        }
        if let Some(spec) = &mut pod.spec {
            spec.node_name = self.node.as_ref().map(ToString::to_string);
            rename_token(spec, TOKEN_MARK, &format!("kube-api-access-{}", String::from_utf8_lossy(&self.token)));
        }
        pod.status = Some(self.to_status());
        pod
    }

    /// The API status.
    pub fn to_status(&self) -> PodStatus {
        let s = &self.status;
        let mut out = s.more.as_deref().cloned().unwrap_or_default();
        let spec = self.proto.pod.spec.as_ref();
        out.phase = Some(s.phase.as_str().into());
        out.qos_class = Some(self.proto.qos.into());
        if let Some(w) = &s.why {
            out.reason = (!w.0.is_empty()).then(|| w.0.to_string());
            out.message = (!w.1.is_empty()).then(|| w.1.to_string());
        }
        if s.observed_generation > 0 {
            out.observed_generation = Some(i64::from(s.observed_generation));
        }
        let mut conditions = vec![];
        for (i, c) in s.conditions.iter().enumerate() {
            if let Some(status) = c.status {
                conditions.push(PodCondition {
                    type_: CONDITIONS[i].into(),
                    status: if status { "True" } else { "False" }.into(),
                    last_transition_time: Some(SimTime::from(c.since).api()),
                    reason: c.why.as_ref().map(|w| w.0.to_string()).filter(|r| !r.is_empty()),
                    message: c.why.as_ref().map(|w| w.1.to_string()).filter(|r| !r.is_empty()),
                    // The scheduler says of which generation it speaks; kubelets where they say it of the status too.
                    observed_generation: match s.observed_generation {
                        0 if i == SCHEDULED && s.scheduled_generation > 0 => Some(i64::from(s.scheduled_generation)),
                        0 => None,
                        n => Some(i64::from(n)),
                    },
                    ..PodCondition::default()
                });
            }
        }
        if let Some(more) = out.conditions.take() {
            conditions.extend(more);
        }
        out.conditions = (!conditions.is_empty()).then_some(conditions);
        let ip = |v: u32| std::net::Ipv4Addr::from(v).to_string();
        if s.ip != 0 {
            out.pod_ip = Some(ip(s.ip));
            out.pod_ips = Some(vec![PodIP { ip: ip(s.ip) }]);
        }
        if s.host_ip != 0 {
            out.host_ip = Some(ip(s.host_ip));
            out.host_ips = Some(vec![HostIP { ip: ip(s.host_ip) }]);
        }
        out.start_time = s.started.map(|t| SimTime::from(t).api());
        out.nominated_node_name = s.nominated.as_ref().map(ToString::to_string);
        if let Some(spec) = spec {
            if !s.containers.is_empty() {
                let names = spec.containers.iter().map(|c| (c.name.as_str(), c.image.as_deref().unwrap_or_default()));
                out.container_statuses = Some(names.zip(&s.containers).map(|(n, c)| container_status(n, c)).collect());
            }
            if !s.init.is_empty()
                && let Some(init) = &spec.init_containers
            {
                let names = init.iter().map(|c| (c.name.as_str(), c.image.as_deref().unwrap_or_default()));
                out.init_container_statuses = Some(names.zip(&s.init).map(|(n, c)| container_status(n, c)).collect());
            }
        }
        out
    }

    /// Takes over a status that somebody wrote as an API object. What the compact form has no place for is kept whole.
    pub fn set_status(&mut self, status: &PodStatus) {
        let mut s = PodStatusRecord {
            phase: status.phase.as_deref().and_then(Phase::parse).unwrap_or_default(),
            nominated: status.nominated_node_name.as_deref().map(Into::into),
            started: status.start_time.as_ref().map(|t| SimTime::from_api(t).into()),
            observed_generation: status.observed_generation.unwrap_or(0).max(0) as u32,
            ip: status
                .pod_ips
                .iter()
                .flatten()
                .map(|i| parse_ip(Some(&i.ip)))
                .find(|i| *i != 0)
                .unwrap_or_else(|| parse_ip(status.pod_ip.as_deref())),
            host_ip: parse_ip(status.host_ip.as_deref()),
            ..PodStatusRecord::default()
        };
        if status.reason.is_some() || status.message.is_some() {
            let text = |t: &Option<String>| Cow::Owned(t.clone().unwrap_or_default());
            s.why = Some(Arc::new((text(&status.reason), text(&status.message))));
        }
        let mut rest = PodStatus::default();
        for c in status.conditions.iter().flatten() {
            match CONDITIONS.iter().position(|n| *n == c.type_) {
                Some(i) if c.status == "True" || c.status == "False" => {
                    let why = (c.reason.is_some() || c.message.is_some()).then(|| {
                        Arc::new((
                            Cow::Owned(c.reason.clone().unwrap_or_default()),
                            Cow::Owned(c.message.clone().unwrap_or_default()),
                        ))
                    });
                    let since = c.last_transition_time.as_ref().map(SimTime::from_api).unwrap_or_default().into();
                    if i == SCHEDULED {
                        s.scheduled_generation = c.observed_generation.unwrap_or(0).max(0) as u32;
                    }
                    s.conditions[i] = Condition { status: Some(c.status == "True"), since, why };
                }
                _ => rest.conditions.get_or_insert_default().push(c.clone()),
            }
        }
        let spec = self.proto.pod.spec.as_ref();
        let record = |names: Vec<&str>, list: &Option<Vec<ContainerStatus>>| -> Vec<ContainerRecord> {
            let Some(list) = list else { return vec![] };
            names
                .iter()
                .map(|n| list.iter().find(|c| c.name == **n).map(container_record))
                .map(|c| c.unwrap_or_else(|| ContainerRecord::waiting("ContainerCreating")))
                .collect()
        };
        if let Some(spec) = spec {
            s.containers =
                record(spec.containers.iter().map(|c| c.name.as_str()).collect(), &status.container_statuses).into();
            let init = spec.init_containers.iter().flatten().map(|c| c.name.as_str()).collect();
            s.init = record(init, &status.init_container_statuses).into();
        }
        rest.resize = status.resize.clone();
        rest.ephemeral_container_statuses = status.ephemeral_container_statuses.clone();
        rest.resource_claim_statuses = status.resource_claim_statuses.clone();
        if rest != PodStatus::default() {
            s.more = Some(Arc::new(rest));
        }
        self.status = s;
    }
}

fn parse_ip(s: Option<&str>) -> u32 {
    s.and_then(|s| s.parse::<std::net::Ipv4Addr>().ok()).map_or(0, u32::from)
}

/// Replaces the name of the service-account volume wherever a spec mentions it.
pub fn rename_token(spec: &mut k8s_openapi::api::core::v1::PodSpec, from: &str, to: &str) {
    for v in spec.volumes.iter_mut().flatten() {
        if v.name == from {
            v.name = to.into();
        }
    }
    for c in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        for m in c.volume_mounts.iter_mut().flatten() {
            if m.name == from {
                m.name = to.into();
            }
        }
    }
}

/// The 64 hexadecimal digits that a container's short number stands for.
pub fn container_id_text(id: u64) -> String {
    let mut out = String::from("containerd://");
    let mut z = id;
    for _ in 0..4 {
        z = (z ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^= z >> 29;
        out.push_str(&format!("{z:016x}"));
    }
    out
}

/// The short number that stands for a container's ID: [`container_id_text`] undone. A text that is none of ours gets a
/// number of its own.
fn container_id_number(text: &str) -> u64 {
    let first = text.strip_prefix("containerd://").and_then(|t| t.get(..16));
    let Some(z) = first.and_then(|digits| u64::from_str_radix(digits, 16).ok()) else { return fnv(text.as_bytes()) };
    // the first of the four rounds, backwards: its factor has an inverse modulo 2^64
    let z = z ^ (z >> 29) ^ (z >> 58);
    let id = z.wrapping_mul(0x96de_1b17_3f11_9089) ^ 0x9e37_79b9_7f4a_7c15;
    if container_id_text(id) == text { id } else { fnv(text.as_bytes()) }
}

/// The imageID of an image as a manifest writes it: its repository and a digest that stands for the tag.
pub fn image_id(image: &str) -> String {
    let repo = image.rsplit_once(':').filter(|(_, t)| !t.contains('/')).map_or(image, |(r, _)| r);
    let repo = repo.split('@').next().unwrap_or(repo);
    let host = repo.split_once('/').is_some_and(|(h, _)| h.contains('.') || h.contains(':') || h == "localhost");
    let full = if host {
        repo.to_string()
    } else if repo.contains('/') {
        format!("docker.io/{repo}")
    } else {
        format!("docker.io/library/{repo}")
    };
    let digest = container_id_text(fnv(image.as_bytes()));
    format!("{full}@sha256:{}", digest.trim_start_matches("containerd://"))
}

fn terminated(t: &Terminated) -> ContainerStateTerminated {
    ContainerStateTerminated {
        exit_code: t.exit_code,
        reason: (!t.reason.is_empty()).then(|| t.reason.to_string()),
        message: t.message.as_ref().map(ToString::to_string),
        started_at: Some(SimTime::from(t.started).api()),
        finished_at: Some(SimTime::from(t.finished).api()),
        container_id: (t.container_id != 0).then(|| container_id_text(t.container_id)),
        ..ContainerStateTerminated::default()
    }
}

fn container_status((name, image): (&str, &str), c: &ContainerRecord) -> ContainerStatus {
    let image = c.image.as_ref().map_or(image, |i| i.as_str());
    let state = match &c.state {
        RunState::Waiting(reason, message) => ContainerState {
            waiting: Some(ContainerStateWaiting {
                reason: (!reason.is_empty()).then(|| reason.to_string()),
                message: message.as_ref().map(ToString::to_string),
            }),
            ..ContainerState::default()
        },
        RunState::Running(t) => ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(SimTime::from(*t).api()) }),
            ..ContainerState::default()
        },
        RunState::Terminated(t) => ContainerState { terminated: Some(terminated(t)), ..ContainerState::default() },
    };
    ContainerStatus {
        name: name.into(),
        image: image.into(),
        image_id: if c.pulled { image_id(image) } else { String::new() },
        ready: c.ready,
        restart_count: c.restarts as i32,
        started: c.started,
        state: Some(state),
        last_state: c
            .last
            .as_ref()
            .map(|t| ContainerState { terminated: Some(terminated(t)), ..ContainerState::default() }),
        container_id: (c.container_id != 0).then(|| container_id_text(c.container_id)),
        ..ContainerStatus::default()
    }
}

/// An API container status in compact form.
pub fn container_record(c: &ContainerStatus) -> ContainerRecord {
    let second = |t: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| -> Second {
        t.as_ref().map(SimTime::from_api).unwrap_or_default().into()
    };
    let ended = |t: &ContainerStateTerminated| Terminated {
        exit_code: t.exit_code,
        reason: Cow::Owned(t.reason.clone().unwrap_or_default()),
        message: t.message.as_deref().map(Into::into),
        started: second(&t.started_at),
        finished: second(&t.finished_at),
        container_id: t.container_id.as_ref().map_or(0, |i| container_id_number(i)),
    };
    let state = c.state.as_ref();
    let state = if let Some(r) = state.and_then(|s| s.running.as_ref()) {
        RunState::Running(second(&r.started_at))
    } else if let Some(t) = state.and_then(|s| s.terminated.as_ref()) {
        RunState::Terminated(Arc::new(ended(t)))
    } else {
        let w = state.and_then(|s| s.waiting.as_ref());
        RunState::Waiting(
            Cow::Owned(w.and_then(|w| w.reason.clone()).unwrap_or_default()),
            w.and_then(|w| w.message.as_deref()).map(Into::into),
        )
    };
    ContainerRecord {
        state,
        last: c.last_state.as_ref().and_then(|s| s.terminated.as_ref()).map(|t| Arc::new(ended(t))),
        restarts: c.restart_count.max(0) as u32,
        ready: c.ready,
        started: c.started,
        container_id: c.container_id.as_ref().map_or(0, |i| container_id_number(i)),
        pulled: !c.image_id.is_empty(),
        image: None,
    }
}

/// FNV-1a, 32 bits.
pub fn fnv32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}
