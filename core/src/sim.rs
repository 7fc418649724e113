//! What every component works with: the clock, the event queue, the store and the API server's state, as one plain
//! value. Components get `&mut Sim` and nothing else; they meet only here.

pub mod plane;

use crate::apiserver::recorder::Recorder;
use crate::apiserver::requests::RequestLog;
use crate::apiserver::state::ServerState;
use crate::clock::{SimDuration, SimTime};
use crate::kubelet::KubeletEvent;
use crate::network::Network;
use crate::network::clients::NetworkEvent;
use crate::rng::Rng;
use crate::scheduler::SchedulerEvent;
use crate::store::{Key, Kind, Store};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A part of the cluster that reacts to changes. The order is the order of their names in logs, nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Component {
    /// deployment-controller
    Deployment,
    /// replicaset-controller
    ReplicaSet,
    /// endpoints-controller
    Endpoints,
    /// endpointslice-controller and endpointslice-mirroring-controller
    EndpointSlice,
    /// namespace-controller
    Namespace,
    /// garbage-collector
    GarbageCollector,
    /// node-lifecycle-controller and taint-eviction-controller
    NodeLifecycle,
    /// serviceaccount-controller and root-ca-cert-publisher
    ServiceAccount,
    /// horizontal-pod-autoscaler
    HorizontalPodAutoscaler,
    /// pod-garbage-collector
    PodGc,
    /// replication-controller
    ReplicationController,
    /// daemonset-controller
    DaemonSet,
    /// statefulset-controller
    StatefulSet,
    /// job-controller
    Job,
    /// cronjob-controller
    CronJob,
    /// ttl-after-finished-controller
    TtlAfterFinished,
    /// persistentvolume-controller, the provisioner of dynamic volumes and the protection of those in use
    PersistentVolume,
    /// resourcequota-controller
    ResourceQuota,
    /// disruption-controller
    Disruption,
    /// service-controller: load balancers
    ServiceLoadBalancer,
    /// kube-scheduler
    Scheduler,
    /// The kubelets of all nodes.
    Kubelets,
    /// The proxies of all nodes, the name server and load balancers: what carries requests.
    Proxies,
    /// The ingress controller.
    IngressController,
    /// Commands that wait in a terminal.
    Terminals,
    /// certificatesigningrequest-approving-controller, -signing-controller and -cleaner-controller
    Certificates,
}

impl Component {
    /// All components.
    pub const ALL: [Component; 26] = [
        Component::Deployment,
        Component::ReplicaSet,
        Component::Endpoints,
        Component::EndpointSlice,
        Component::Namespace,
        Component::GarbageCollector,
        Component::NodeLifecycle,
        Component::ServiceAccount,
        Component::HorizontalPodAutoscaler,
        Component::PodGc,
        Component::ReplicationController,
        Component::DaemonSet,
        Component::StatefulSet,
        Component::Job,
        Component::CronJob,
        Component::TtlAfterFinished,
        Component::PersistentVolume,
        Component::ResourceQuota,
        Component::Disruption,
        Component::ServiceLoadBalancer,
        Component::Scheduler,
        Component::Kubelets,
        Component::Proxies,
        Component::IngressController,
        Component::Terminals,
        Component::Certificates,
    ];

    /// Its name as it stands in events and in the request log.
    pub const fn name(self) -> &'static str {
        match self {
            Component::Deployment => "deployment-controller",
            Component::ReplicaSet => "replicaset-controller",
            Component::Endpoints => "endpoints-controller",
            Component::EndpointSlice => "endpointslice-controller",
            Component::Namespace => "namespace-controller",
            Component::GarbageCollector => "garbage-collector",
            Component::NodeLifecycle => "node-controller",
            Component::ServiceAccount => "serviceaccount-controller",
            Component::HorizontalPodAutoscaler => "horizontal-pod-autoscaler",
            Component::PodGc => "pod-garbage-collector",
            Component::ReplicationController => "replication-controller",
            Component::DaemonSet => "daemonset-controller",
            Component::StatefulSet => "statefulset-controller",
            Component::Job => "job-controller",
            Component::CronJob => "cronjob-controller",
            Component::TtlAfterFinished => "ttl-after-finished-controller",
            Component::PersistentVolume => "persistentvolume-controller",
            Component::ResourceQuota => "resourcequota-controller",
            Component::Disruption => "controllermanager",
            Component::ServiceLoadBalancer => "service-controller",
            Component::Scheduler => "default-scheduler",
            Component::Kubelets => "kubelet",
            Component::Proxies => "kube-proxy",
            Component::IngressController => "nginx-ingress-controller",
            Component::Terminals => "kubectl",
            Component::Certificates => "certificate-controller",
        }
    }

    /// The kinds it watches.
    pub const fn watches(self) -> &'static [Kind] {
        match self {
            Component::Deployment => &[Kind::Deployment, Kind::ReplicaSet, Kind::Pod],
            Component::ReplicaSet => &[Kind::ReplicaSet, Kind::Pod],
            Component::Endpoints => &[Kind::Service, Kind::Pod, Kind::Endpoints],
            Component::EndpointSlice => &[Kind::Service, Kind::Pod, Kind::EndpointSlice, Kind::Endpoints, Kind::Node],
            Component::Namespace => &[Kind::Namespace],
            Component::GarbageCollector => &[
                Kind::Deployment,
                Kind::ReplicaSet,
                Kind::Pod,
                Kind::Service,
                Kind::Endpoints,
                Kind::EndpointSlice,
                Kind::ConfigMap,
                Kind::Secret,
                Kind::ServiceAccount,
                Kind::HorizontalPodAutoscaler,
                Kind::Lease,
                Kind::Node,
                Kind::ReplicationController,
                Kind::StatefulSet,
                Kind::DaemonSet,
                Kind::ControllerRevision,
                Kind::Job,
                Kind::CronJob,
                Kind::PersistentVolume,
                Kind::PersistentVolumeClaim,
                Kind::StorageClass,
                Kind::ResourceQuota,
                Kind::LimitRange,
                Kind::PodDisruptionBudget,
                Kind::PriorityClass,
                Kind::Ingress,
                Kind::IngressClass,
                Kind::NetworkPolicy,
                Kind::Role,
                Kind::RoleBinding,
                Kind::ClusterRole,
                Kind::ClusterRoleBinding,
            ],
            Component::NodeLifecycle => &[Kind::Node, Kind::Pod],
            Component::ServiceAccount => &[Kind::Namespace, Kind::ServiceAccount, Kind::ConfigMap, Kind::Secret],
            Component::HorizontalPodAutoscaler => &[Kind::HorizontalPodAutoscaler],
            Component::PodGc => &[Kind::Node, Kind::Pod],
            Component::ReplicationController => &[Kind::ReplicationController, Kind::Pod],
            Component::DaemonSet => &[Kind::DaemonSet, Kind::ControllerRevision, Kind::Pod, Kind::Node],
            Component::StatefulSet => {
                &[Kind::StatefulSet, Kind::ControllerRevision, Kind::Pod, Kind::PersistentVolumeClaim]
            }
            Component::Job => &[Kind::Job, Kind::Pod],
            Component::CronJob => &[Kind::CronJob, Kind::Job],
            Component::TtlAfterFinished => &[Kind::Job],
            Component::PersistentVolume => {
                &[Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::StorageClass, Kind::Pod]
            }
            Component::ResourceQuota => &[
                Kind::ResourceQuota,
                Kind::Pod,
                Kind::Service,
                Kind::ConfigMap,
                Kind::Secret,
                Kind::PersistentVolumeClaim,
                Kind::ServiceAccount,
                Kind::ReplicationController,
                Kind::ReplicaSet,
                Kind::Deployment,
                Kind::StatefulSet,
                Kind::DaemonSet,
                Kind::Job,
                Kind::CronJob,
                Kind::Ingress,
                Kind::NetworkPolicy,
                Kind::PodDisruptionBudget,
                Kind::HorizontalPodAutoscaler,
            ],
            Component::ServiceLoadBalancer => &[Kind::Service],
            Component::Disruption => &[
                Kind::PodDisruptionBudget,
                Kind::Pod,
                Kind::ReplicaSet,
                Kind::Deployment,
                Kind::StatefulSet,
                Kind::ReplicationController,
            ],
            Component::Scheduler => &[
                Kind::Pod,
                Kind::Node,
                Kind::Service,
                Kind::ReplicaSet,
                Kind::StatefulSet,
                Kind::ReplicationController,
                Kind::Namespace,
                Kind::PersistentVolumeClaim,
                Kind::PersistentVolume,
                Kind::StorageClass,
            ],
            Component::Kubelets => &[Kind::Pod, Kind::Node, Kind::ConfigMap, Kind::Secret],
            Component::Proxies => &[Kind::Service, Kind::EndpointSlice, Kind::Node, Kind::NetworkPolicy],
            Component::IngressController => &[Kind::Ingress, Kind::IngressClass],
            Component::Terminals => &[],
            Component::Certificates => &[Kind::CertificateSigningRequest],
        }
    }

    /// Does it watch a kind? The garbage collector watches all, those of CustomResourceDefinitions too.
    pub fn wants(self, kind: Kind) -> bool {
        match kind {
            Kind::Custom(_) => self == Component::GarbageCollector,
            kind => self.watches().contains(&kind),
        }
    }

    /// From a write to the moment when this component's watch delivers it, in milliseconds. Short enough that a
    /// person sees one flow, long enough that the steps can be told apart in slow motion.
    const fn watch_delay(self) -> u64 {
        match self {
            Component::Scheduler => 4,
            Component::Kubelets => 12,
            Component::Terminals => 1,
            Component::GarbageCollector => 20,
            _ => 8,
        }
    }
}

/// Something that will happen. A closed list: pending work is data.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Event {
    /// A component's watch delivers what has changed.
    Watch(Component),
    /// A controller takes the next key of its work queue.
    Work(Component),
    /// A key comes (back) to a controller's work queue.
    Requeue(Component, Key),
    /// A component's own periodic or one-off timer; the number is its own.
    Timer(Component, u32),
    /// Of the scheduler.
    Scheduler(SchedulerEvent),
    /// Of a kubelet.
    Kubelet(KubeletEvent),
    /// Of clients and their requests.
    Network(NetworkEvent),
    /// A waiting command looks again.
    Poll(u8),
    /// Events past their hour are dropped.
    ExpireEvents,
    /// The API server looks after its own service.
    OwnService,
    /// An event of a slow part, whose time has come.
    Late(Box<Event>),
}

/// Pending events in the order of time and of having been scheduled.
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    sequence: u64,
    events: OrdMap<(SimTime, u64), Event>,
}

impl EventQueue {
    /// Schedules an event.
    pub fn at(&mut self, time: SimTime, event: Event) {
        self.sequence += 1;
        self.events.insert((time, self.sequence), event);
    }
    /// When the next event is due.
    pub fn next_time(&self) -> Option<SimTime> {
        self.events.get_min().map(|(k, _)| k.0)
    }
    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(SimTime, Event)> {
        let key = self.events.get_min().map(|(k, _)| *k)?;
        self.events.remove(&key).map(|e| (key.0, e))
    }
    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.events.len()
    }
    /// True if nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
    /// All pending events with their times.
    pub fn iter(&self) -> impl Iterator<Item = (SimTime, &Event)> {
        self.events.iter().map(|(k, e)| (k.0, e))
    }
}

/// How kubelets behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KubeletProfile {
    /// As real ones do.
    #[default]
    Real,
    /// As the player of the conformance recordings did: see the conformance format's description.
    Recorded,
}

/// A node of a new cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Name.
    pub name: String,
    /// CPUs as a quantity: `4`, `500m`.
    #[serde(default = "NodeConfig::default_cpu")]
    pub cpu: String,
    /// Memory as a quantity: `8Gi`.
    #[serde(default = "NodeConfig::default_memory")]
    pub memory: String,
    /// Most pods it takes.
    #[serde(default = "NodeConfig::default_pods")]
    pub pods: u32,
    /// Labels besides the well-known ones.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
    /// Taints as `key=value:Effect` or `key:Effect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<String>,
}

impl NodeConfig {
    fn default_cpu() -> String {
        "4".into()
    }
    fn default_memory() -> String {
        "8Gi".into()
    }
    fn default_pods() -> u32 {
        110
    }
    /// `node-<n>` with 4 CPUs, 8Gi and room for 110 pods.
    pub fn numbered(n: usize) -> NodeConfig {
        NodeConfig {
            name: format!("node-{n}"),
            cpu: Self::default_cpu(),
            memory: Self::default_memory(),
            pods: Self::default_pods(),
            labels: Default::default(),
            taints: vec![],
        }
    }
}

/// What a session begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Seed of all chance.
    pub seed: u64,
    /// The nodes.
    pub nodes: Vec<NodeConfig>,
    /// How kubelets behave.
    #[serde(default)]
    pub kubelets: KubeletProfile,
}

impl Config {
    /// `n` standard nodes.
    pub fn nodes(n: usize, seed: u64) -> Config {
        Config { seed, nodes: (1..=n).map(NodeConfig::numbered).collect(), kubelets: KubeletProfile::Real }
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A person: terminal, editor, map.
    Person,
    /// The API server itself, at the cluster's birth.
    ApiServer,
    /// A component of the control plane.
    Component(Component),
    /// The kubelet of a node.
    Kubelet(Arc<str>),
    /// A process in a pod.
    Pod(Key),
}

impl Actor {
    /// As it is shown: `kubectl`, `deployment-controller`, `kubelet/node-1`, `pod default/web`.
    pub fn name(&self) -> std::borrow::Cow<'static, str> {
        match self {
            Actor::Person => "kubectl".into(),
            Actor::ApiServer => "kube-apiserver".into(),
            Actor::Component(c) => c.name().into(),
            Actor::Kubelet(n) => format!("kubelet/{n}").into(),
            Actor::Pod(key) => format!("pod {}/{}", key.namespace, key.name).into(),
        }
    }
}

/// The shared part of the world.
#[derive(Clone, Debug)]
pub struct Sim {
    /// The current moment.
    pub now: SimTime,
    /// What the session began with.
    pub config: Arc<Config>,
    /// Pending events.
    pub queue: EventQueue,
    /// All objects.
    pub store: Store,
    /// The API server's own state: allocators, caches.
    pub server: ServerState,
    /// What was asked of the API server.
    pub requests: RequestLog,
    /// What carries requests.
    pub network: Network,
    /// Event correlation.
    pub recorder: Recorder,
    /// Chance of the API server: names, UIDs' order, token suffixes.
    pub rng: Rng,
    /// Who is acting now.
    pub actor: Actor,
    /// The request that led to what happens now; 0: none.
    pub cause: u64,
    /// Positions of the components in the watch log.
    cursors: [u64; Component::ALL.len()],
    /// Components for which a delivery is scheduled.
    delivering: u32,
    /// True while a command waits: terminals then watch everything.
    pub terminals_wait: bool,
    /// The line a person typed, while it is carried out.
    pub note: Option<Arc<str>>,
    /// What is out of order in the cluster as a whole.
    pub plane: plane::Plane,
}

impl Sim {
    /// An empty cluster's shared part.
    pub fn new(config: Config) -> Sim {
        let seed = config.seed;
        Sim {
            now: SimTime::ZERO,
            config: Arc::new(config),
            queue: EventQueue::default(),
            store: Store::new(seed),
            server: ServerState::default(),
            requests: RequestLog::default(),
            network: Network::new(seed),
            recorder: Recorder::default(),
            rng: Rng::stream(seed, "apiserver"),
            actor: Actor::ApiServer,
            cause: 0,
            cursors: [0; Component::ALL.len()],
            delivering: 0,
            terminals_wait: false,
            note: None,
            plane: plane::Plane::default(),
        }
    }

    /// Schedules an event after a while.
    pub fn after(&mut self, delay: SimDuration, event: Event) {
        self.queue.at(self.now + delay, event);
    }

    /// Requests reach a pod's port: they cost it CPU.
    pub fn served(&mut self, pod: crate::store::Id, port: u16, n: u32) {
        if self.network.served.add(pod, port, n, self.now) {
            self.after(SimDuration::from_secs(5), Event::Kubelet(KubeletEvent::Load(pod)));
        }
    }

    /// Schedules the delivery of a change of this kind to whoever watches it. The API server calls it at each write.
    pub fn notify(&mut self, kind: Kind) {
        // what admission looks at when it admits a template
        if matches!(kind, Kind::LimitRange | Kind::PriorityClass | Kind::Namespace) {
            self.server.templates.clear();
        }
        for c in Component::ALL {
            let wants = c.wants(kind) || (c == Component::Terminals && self.terminals_wait);
            // who keeps count for objects of which there are none need not be woken by what they count
            let idle = match c {
                Component::ResourceQuota => kind != Kind::ResourceQuota && self.store.count(Kind::ResourceQuota) == 0,
                Component::Disruption => {
                    kind != Kind::PodDisruptionBudget && self.store.count(Kind::PodDisruptionBudget) == 0
                }
                _ => false,
            };
            if wants && !idle && self.delivering & (1 << c as u8) == 0 {
                self.delivering |= 1 << c as u8;
                self.after(SimDuration::from_millis(c.watch_delay()), Event::Watch(c));
            }
        }
    }

    /// Hands a component the changes that it has not seen. To be called once at [`Event::Watch`]; the changes are
    /// shared, so the store can be written while they are read.
    pub fn deliver(&mut self, c: Component) -> Vec<crate::store::Change> {
        self.delivering &= !(1 << c as u8);
        // Who was not woken for long has an old position: nothing of what was dropped since concerns it, or it would have
        // been woken, and what it was woken for is kept.
        let from = self.cursors[c as usize].max(self.store.log.start());
        self.cursors[c as usize] = self.store.log.end();
        let changes = match self.store.log.since(from) {
            Some(changes) => changes.filter(|ch| c.wants(ch.kind)).cloned().collect(),
            None => vec![],
        };
        let all_read = Component::ALL
            .iter()
            .filter(|c| self.delivering & (1 << **c as u8) != 0)
            .map(|c| self.cursors[*c as usize])
            .min()
            .unwrap_or(self.store.log.end());
        self.store.log.trim(all_read);
        changes
    }

    /// Runs `f` as another actor, then goes back.
    pub fn acting<R>(&mut self, actor: Actor, cause: u64, f: impl FnOnce(&mut Sim) -> R) -> R {
        let before = (std::mem::replace(&mut self.actor, actor), std::mem::replace(&mut self.cause, cause));
        let out = f(self);
        (self.actor, self.cause) = before;
        out
    }
}
