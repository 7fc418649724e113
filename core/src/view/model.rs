//! The view model: patches of plain data that a page draws from. No Kubernetes types, no logic of theirs.

use crate::clock::SimTime;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Names an object for as long as it lives; never used again in a session.
pub type Id = u64;

/// What happened since the last patch, in order.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// The moment that the patch leads to.
    pub now: SimTime,
    /// The changes. After [`Op::Reset`] everything known before is void (a new scenario).
    pub ops: Vec<Op>,
}

/// One change of the picture.
#[derive(Clone, Debug)]
pub enum Op {
    /// Forget everything.
    Reset,
    /// The session went to another moment: what follows is how that differs, not something that happened, and all rows
    /// of events and requests anew.
    Rewind,
    /// A node is there or has changed.
    Node(NodeView),
    /// A node is gone.
    NodeGone(Id),
    /// A pod is there or has changed.
    Pod(PodView),
    /// A pod is gone.
    PodGone(Id),
    /// A service is there or has changed.
    Service(ServiceView),
    /// A service is gone.
    ServiceGone(Id),
    /// An owner of pods (see [`WorkloadView`]) is there or has changed.
    Workload(WorkloadView),
    /// An owner is gone.
    WorkloadGone(Id),
    /// A PersistentVolumeClaim is there or has changed.
    Claim(ClaimView),
    /// A claim is gone.
    ClaimGone(Id),
    /// An Ingress is there or has changed.
    Ingress(IngressView),
    /// An Ingress is gone.
    IngressGone(Id),
    /// Something moved between two parts of the control plane.
    Pulse(Pulse),
    /// An `Event` object was written.
    Event(EventView),
    /// The API server answered a request.
    Request(RequestView),
}

/// How a pod is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PodState {
    /// Bound or not, no container runs yet.
    Pending,
    /// Runs, not Ready.
    NotReady,
    /// Ready.
    Ready,
    /// CrashLoopBackOff, ErrImagePull, Error, OOMKilled, Failed …
    Failing,
    /// Has a deletionTimestamp.
    Terminating,
    /// Ended well.
    Succeeded,
}

/// A pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodView {
    /// Its handle.
    pub id: Id,
    /// metadata.name
    pub name: Arc<str>,
    /// metadata.namespace
    pub namespace: Arc<str>,
    /// The node it is bound to; none: it stands in the tray of unscheduled pods.
    pub node: Option<Id>,
    /// How it is drawn.
    pub state: PodState,
    /// The STATUS column of `kubectl get pods`.
    pub status: Arc<str>,
    /// Ready containers and all containers.
    pub ready: (u16, u16),
    /// Restarts of all containers.
    pub restarts: u32,
    /// The ReplicaSet (or other controller) that owns it; none for a bare pod or an orphan.
    pub owner: Option<Id>,
    /// PersistentVolumeClaims of its namespace that it mounts.
    pub claims: Arc<[Arc<str>]>,
    /// Labels, sorted by key.
    pub labels: Arc<[(Arc<str>, Arc<str>)]>,
    /// Images of its containers.
    pub images: Arc<[Arc<str>]>,
    /// Its address, once it has one.
    pub ip: Option<Ipv4Addr>,
    /// When it was created.
    pub created: SimTime,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeView {
    /// Its handle.
    pub id: Id,
    /// metadata.name
    pub name: Arc<str>,
    /// The STATUS column: `Ready`, `NotReady`, `Ready,SchedulingDisabled` …
    pub status: Arc<str>,
    /// Ready condition is True.
    pub ready: bool,
    /// spec.unschedulable
    pub cordoned: bool,
    /// A person has cut its power.
    pub powered: bool,
    /// CPU in millicores: requested by its pods, allocatable.
    pub cpu: (u64, u64),
    /// Memory in bytes: requested by its pods, allocatable.
    pub memory: (u64, u64),
    /// Pods on it, most it takes.
    pub pods: (u32, u32),
    /// Labels, sorted by key.
    pub labels: Arc<[(Arc<str>, Arc<str>)]>,
    /// Taints as `key=value:Effect`.
    pub taints: Arc<[Arc<str>]>,
}

/// A service and where it leads.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceView {
    /// Its handle.
    pub id: Id,
    /// metadata.name
    pub name: Arc<str>,
    /// metadata.namespace
    pub namespace: Arc<str>,
    /// ClusterIP, NodePort, LoadBalancer, ExternalName, Headless
    pub kind: Arc<str>,
    /// `10.96.14.7`, `None`, or the external name.
    pub address: Arc<str>,
    /// Where it is reached from outside: the addresses of its load balancer and its external ones, joined by commas;
    /// `<pending>` while a balancer has none; else empty.
    pub external: Arc<str>,
    /// The PORT(S) column.
    pub ports: Arc<str>,
    /// Selector pairs, sorted by key.
    pub selector: Arc<[(Arc<str>, Arc<str>)]>,
    /// Pods that are endpoints now, and whether each is ready.
    pub endpoints: Arc<[(Id, bool)]>,
}

/// Who owns pods, directly or through another owner: Deployment, ReplicaSet, ReplicationController, StatefulSet,
/// DaemonSet, Job, CronJob.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadView {
    /// Its handle.
    pub id: Id,
    /// `Deployment`, `ReplicaSet` …
    pub kind: &'static str,
    /// metadata.name
    pub name: Arc<str>,
    /// metadata.namespace
    pub namespace: Arc<str>,
    /// The owner above it: the Deployment of a ReplicaSet, the CronJob of a Job.
    pub owner: Option<Id>,
    /// Pods wanted: spec.replicas, the nodes of a DaemonSet, the completions of a Job; 0 for a CronJob.
    pub wanted: u32,
    /// Pods there are; the jobs that run of a CronJob.
    pub current: u32,
    /// Ready pods.
    pub ready: u32,
    /// Pods of a Job that ended well, and that failed; 0 for all others.
    pub ended: (u32, u32),
    /// What `kubectl get` tells of it first: `2/3` ready or completed, the schedule of a CronJob.
    pub progress: Arc<str>,
    /// The revision annotation; 0 where there is none.
    pub revision: u32,
    /// A Deployment's newest ReplicaSet is drawn plain, older ones patterned.
    pub newest: bool,
    /// The label that its pods of the newest revision bear, where it owns pods of several.
    pub newest_label: Option<(Arc<str>, Arc<str>)>,
    /// The selector as `kubectl -l` would take it.
    pub selector: Arc<str>,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimView {
    /// Its handle.
    pub id: Id,
    /// metadata.name
    pub name: Arc<str>,
    /// metadata.namespace
    pub namespace: Arc<str>,
    /// `Pending`, `Bound`, `Lost`
    pub phase: Arc<str>,
    /// The volume it is bound to; empty until then.
    pub volume: Arc<str>,
    /// What it asks for: `1Gi`.
    pub size: Arc<str>,
}

/// An Ingress and the services it leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct IngressView {
    /// Its handle.
    pub id: Id,
    /// metadata.name
    pub name: Arc<str>,
    /// metadata.namespace
    pub namespace: Arc<str>,
    /// The HOSTS column: `*` for any.
    pub hosts: Arc<str>,
    /// Names of services of its namespace, each once.
    pub services: Arc<[Arc<str>]>,
}

/// A part of the control plane, or a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A person's kubectl, editor or map.
    Kubectl,
    /// kube-apiserver
    ApiServer,
    /// etcd
    Etcd,
    /// kube-controller-manager
    Controllers,
    /// kube-scheduler
    Scheduler,
    /// The kubelet of a node.
    Kubelet(Id),
}

/// A message between two parts at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    /// When it was sent.
    pub at: SimTime,
    /// From here …
    pub from: Part,
    /// … to there.
    pub to: Part,
    /// What it says.
    pub message: Arc<Message>,
}

/// What a request does, of a closed list: a page says each in its own language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doing {
    /// Creates an object.
    Creates,
    /// Binds a pod to a node.
    Binds,
    /// Evicts a pod.
    Evicts,
    /// Writes the status of an object.
    Reports,
    /// Changes a number of replicas.
    Scales,
    /// Changes an object.
    Changes,
    /// Deletes an object.
    Deletes,
    /// Deletes many objects.
    DeletesAll,
    /// Reads an object.
    Reads,
    /// Reads many objects.
    Lists,
    /// Asks to be told of changes.
    Watches,
    /// A person typed a line.
    Types,
}

impl Doing {
    /// All of them.
    pub const ALL: [Doing; 12] = [
        Doing::Creates,
        Doing::Binds,
        Doing::Evicts,
        Doing::Reports,
        Doing::Scales,
        Doing::Changes,
        Doing::Deletes,
        Doing::DeletesAll,
        Doing::Reads,
        Doing::Lists,
        Doing::Watches,
        Doing::Types,
    ];
}

/// What somebody did, as data: the page has the words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// What.
    pub doing: Doing,
    /// To an object of this kind (`ReplicaSet`); empty where the resource is unknown.
    pub kind: &'static str,
    /// Its name, or the typed line.
    pub name: Arc<str>,
    /// The node that a pod is bound to; empty for everything else.
    pub node: Arc<str>,
    /// The HTTP status, if it was refused.
    pub refused: Option<u16>,
}

/// A row of the events panel.
#[derive(Clone, Debug, PartialEq)]
pub struct EventView {
    /// When it was last seen.
    pub at: SimTime,
    /// A Warning, else Normal.
    pub warning: bool,
    /// `ScalingReplicaSet`
    pub reason: Arc<str>,
    /// `deployment/web`
    pub object: Arc<str>,
    /// The namespace of the object.
    pub namespace: Arc<str>,
    /// The text.
    pub message: Arc<str>,
    /// How often.
    pub count: u32,
    /// Who wrote it: `kubelet`, `deployment-controller` …
    pub source: Arc<str>,
}

/// A row of the API-request panel.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestView {
    /// Its number in the session.
    pub id: u64,
    /// When it was answered.
    pub at: SimTime,
    /// Who asked: `kubectl`, `deployment-controller`, `kube-scheduler`, `kubelet/node-1` …
    pub actor: Arc<str>,
    /// `get`, `list`, `create`, `update`, `patch`, `delete` …
    pub verb: &'static str,
    /// The path that was asked for.
    pub path: Arc<str>,
    /// The HTTP status code.
    pub code: u16,
    /// The request that led to this one.
    pub cause: Option<u64>,
}

/// What step mode says of the next thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct StepView {
    /// When it happened.
    pub at: SimTime,
    /// Who did it: `replicaset-controller`.
    pub actor: Arc<str>,
    /// What was done.
    pub message: Message,
}

/// One entry of a chain of causes, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// When it happened: a page can jump there.
    pub at: SimTime,
    /// Who did it.
    pub actor: Arc<str>,
    /// What was done.
    pub message: Message,
}

/// A fault or a tool of the map, as data. Each is an input of the session.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Fault {
    /// Ends a container's process with exit code 1 (137 with `kill`).
    CrashContainer {
        /// namespace
        namespace: String,
        /// pod
        pod: String,
        /// container; the first one when empty
        container: String,
    },
    /// Lets a container's process end soon after each of its starts, or no longer.
    CrashLoop {
        /// namespace
        namespace: String,
        /// pod
        pod: String,
        /// container; the first one when empty
        container: String,
        /// true: from now on
        on: bool,
    },
    /// A container's process does not answer any more (requests and probes time out), until it is started again.
    HangContainer {
        /// namespace
        namespace: String,
        /// pod
        pod: String,
        /// container; the first one when empty
        container: String,
        /// true: from now on
        on: bool,
    },
    /// A container's process takes more and more memory, until it is started again.
    LeakMemory {
        /// namespace
        namespace: String,
        /// pod
        pod: String,
        /// container; the first one when empty
        container: String,
        /// bytes a second; 0: no more
        rate: u64,
    },
    /// A container takes longer from its start until it serves, from its next start on.
    SlowStart {
        /// namespace
        namespace: String,
        /// pod
        pod: String,
        /// container; the first one when empty
        container: String,
        /// seconds in addition; 0: as ever
        seconds: u32,
    },
    /// Makes readiness probes of a pod fail, or lets them work again.
    BreakReadiness {
        /// namespace
        namespace: String,
        /// pod
        pod: String,
        /// true: fail from now on
        broken: bool,
    },
    /// Makes liveness probes of a pod fail, or lets them work again.
    BreakLiveness {
        /// namespace
        namespace: String,
        /// pod
        pod: String,
        /// true: fail from now on
        broken: bool,
    },
    /// Cuts or restores a node's power.
    NodePower {
        /// node
        node: String,
        /// true: on
        on: bool,
    },
    /// Cuts a node off from the network, or joins it again: its containers run on, its kubelet reaches no API server.
    NodePartition {
        /// node
        node: String,
        /// true: cut off
        on: bool,
    },
    /// Something outside of all pods takes nearly all of a node's memory or disk, or gives it back.
    NodePressure {
        /// node
        node: String,
        /// of what
        resource: Pressure,
        /// true: from now on
        on: bool,
    },
    /// The registry of images answers no more, or again.
    RegistryOutage {
        /// true: from now on
        on: bool,
    },
    /// Stops a part of the control plane, or starts it again.
    Stop {
        /// which
        part: PlanePart,
        /// true: it does nothing from now on
        on: bool,
    },
    /// Makes a part of the control plane slow.
    Slow {
        /// which
        part: PlanePart,
        /// milliseconds by which it does everything later; 0: as ever
        millis: u32,
    },
}

/// What a node runs out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Pressure {
    /// Memory.
    Memory,
    /// Disk.
    Disk,
}

/// A part of the control plane that can be stopped or slowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum PlanePart {
    /// The API server: nobody's request is answered.
    ApiServer,
    /// The scheduler.
    Scheduler,
    /// All controllers.
    ControllerManager,
    /// One controller, by the name that its events bear (`deployment-controller`).
    Controller(String),
}
