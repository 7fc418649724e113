//! A request's way: name, load balancer, node, service, ingress, pod. Pure: it looks at the cluster at one moment and
//! says where the request gets and how it ends. What changes while a request is under way is [`super::clients`]' part.

mod walk;

pub use walk::{send, send_to};

use super::OUTSIDE;
use super::passed::Via;
use super::policy::Direction;
use crate::clock::{SimDuration, SimTime};
use crate::runtime::web::Asked;
use crate::store::{Id, Key, PodRecord};
use std::sync::Arc;

/// How long a client waits for a connection.
pub const PATIENCE: SimDuration = SimDuration::from_secs(5);

/// Who sends a request.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The pod that it comes from; none: a node or the outside.
    pub pod: Option<Arc<PodRecord>>,
    /// The node it starts on; none: outside.
    pub node: Option<Arc<str>>,
    /// The namespace in which short names are looked up.
    pub namespace: Arc<str>,
    /// Its address.
    pub ip: u32,
}

impl Sender {
    /// From outside.
    pub fn outside() -> Sender {
        Sender { pod: None, node: None, namespace: "default".into(), ip: OUTSIDE }
    }

    /// From a pod.
    pub fn pod(pod: &Arc<PodRecord>) -> Sender {
        Sender { pod: Some(pod.clone()), node: pod.node.clone(), namespace: pod.namespace.clone(), ip: pod.status.ip }
    }

    /// From a node; names are looked up as pods of the namespace do it.
    pub fn node(name: &Arc<str>, ip: u32, namespace: &str) -> Sender {
        Sender { pod: None, node: Some(name.clone()), namespace: namespace.into(), ip }
    }

    fn inside(&self) -> bool {
        self.node.is_some()
    }
}

/// A URL, read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// `web.default`
    pub host: Arc<str>,
    /// 80 where none is given.
    pub port: u16,
    /// Begins with a slash.
    pub path: Arc<str>,
    /// Not HTTP by TCP but a datagram.
    pub udp: bool,
    /// The `Host` header, where it is another than the host.
    pub named: Option<Arc<str>>,
}

impl Url {
    /// Reads `http://host:port/path`; the scheme may be missing.
    pub fn parse(url: &str) -> Option<Url> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (host, path) = match rest.find(['/', '?']) {
            Some(i) if rest.as_bytes()[i] == b'/' => (&rest[..i], rest[i..].to_owned()),
            Some(i) => (&rest[..i], format!("/{}", &rest[i..])),
            None => (rest, "/".to_owned()),
        };
        let (host, port) = match host.rsplit_once(':') {
            Some((h, p)) => (h, p.parse().ok()?),
            None => (host, if scheme == "https" { 443 } else { 80 }),
        };
        (!host.is_empty()).then(|| Url { host: host.into(), port, path: path.into(), udp: false, named: None })
    }
}

impl Url {
    /// What it asks a server for.
    pub fn asked(&self) -> Asked<'_> {
        Asked::new(self.named.as_ref().unwrap_or(&self.host), &self.path)
    }
}

/// What a request asks for when servers on its way have made another question of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The `Host` header.
    pub host: Arc<str>,
    /// The path.
    pub path: Arc<str>,
}

impl Question {
    /// As a server reads it.
    pub fn asked(&self) -> Asked<'_> {
        Asked::new(&self.host, &self.path)
    }
}

/// A place that a request passes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A client outside, by its name.
    Outside,
    /// The pod that it starts from, or reaches.
    Pod(Id, Key),
    /// The name server said this address.
    Dns(Arc<str>, u32),
    /// A load balancer of a service.
    LoadBalancer(Key),
    /// A node's proxy.
    Node(Arc<str>),
    /// A service's table.
    Service(Key),
    /// The ingress controller, by this Ingress.
    Ingress(Key),
    /// An address that is no pod's.
    Address(u32),
}

/// A place and when the request was there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// When.
    pub at: SimTime,
    /// Where.
    pub place: Place,
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The name does not resolve.
    UnknownHost(Arc<str>),
    /// A NetworkPolicy keeps the pod from asking for the name.
    NamesDenied(Arc<str>, Key),
    /// Nobody has the address, or nobody answers on it.
    NoRoute(u32),
    /// The service has no such port.
    NoPort(Key, u16),
    /// The service has no endpoints that take requests.
    NoEndpoints(Key),
    /// The traffic policy keeps the request on a node that has none of the endpoints.
    NoLocalEndpoints(Key, Arc<str>),
    /// A NetworkPolicy does not allow it.
    Denied(Direction, Key),
    /// The pod runs, and nothing listens on the port.
    Refused(Key, u16),
    /// A table sent it to a pod that was going away or gone.
    Stale {
        /// The service.
        service: Key,
        /// The pod.
        pod: Key,
        /// Its address.
        pod_ip: u32,
        /// Whose table it was.
        node: Arc<str>,
        /// How long after the request the table was put right; none: that is not known yet.
        late: Option<SimDuration>,
    },
    /// The process ended while it was answering.
    Reset(Key),
    /// The pod's node has no power.
    NodeDown(Arc<str>),
    /// A node between them is cut off from the others.
    CutOff(Arc<str>),
    /// The process took the connection and did not answer in time.
    NoAnswer(Key),
    /// The client's own pod does not run.
    NoClient,
    /// The API server, asked without a token.
    Api,
    /// The API server is stopped.
    ApiDown,
    /// The pod that was to pass it on had no answer: the status it gave instead, and why.
    Proxy(Key, u16, Box<Failure>),
    /// No pod answers on a service's health check port but the proxy of this node: so many ready endpoints are on it.
    Health(Key, Arc<str>, u32),
    /// The ingress controller had no answer to pass on: the status it gave instead, and why if it is known.
    Gateway(u16, Option<Box<Failure>>),
}

/// What a client is told, whatever lies behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// The name could not be resolved.
    UnknownHost,
    /// Connection refused.
    Refused,
    /// Nothing came.
    TimedOut,
    /// Connection reset.
    Reset,
    /// This HTTP status.
    Status(u16),
}

impl Failure {
    /// What the client is told.
    pub fn told(&self) -> Told {
        match self {
            Failure::UnknownHost(_) | Failure::NamesDenied(..) => Told::UnknownHost,
            Failure::NoRoute(_) | Failure::NoPort(..) | Failure::NoLocalEndpoints(..) | Failure::Denied(..) => {
                Told::TimedOut
            }
            Failure::NodeDown(_) | Failure::CutOff(_) | Failure::NoAnswer(_) | Failure::NoClient => Told::TimedOut,
            Failure::NoEndpoints(_) | Failure::Refused(..) | Failure::Stale { .. } | Failure::ApiDown => Told::Refused,
            Failure::Reset(_) => Told::Reset,
            Failure::Api => Told::Status(403),
            Failure::Health(_, _, local) => Told::Status(if *local > 0 { 200 } else { 503 }),
            Failure::Gateway(code, _) | Failure::Proxy(_, code, _) => Told::Status(*code),
        }
    }

    /// A name for its kind, as counters use it.
    pub fn reason(&self) -> Reason {
        match self {
            Failure::UnknownHost(_) => Reason::UnknownHost,
            Failure::NoRoute(_) | Failure::NoPort(..) => Reason::NoRoute,
            Failure::NoEndpoints(_) => Reason::NoEndpoints,
            Failure::NoLocalEndpoints(..) => Reason::NoLocalEndpoints,
            Failure::Denied(..) | Failure::NamesDenied(..) => Reason::Denied,
            Failure::Refused(..) | Failure::ApiDown => Reason::Refused,
            Failure::Stale { .. } => Reason::Stale,
            Failure::Reset(_) => Reason::Reset,
            Failure::NodeDown(_) => Reason::NodeDown,
            Failure::CutOff(_) => Reason::CutOff,
            Failure::NoAnswer(_) => Reason::NoAnswer,
            Failure::NoClient => Reason::NoClient,
            Failure::Gateway(_, Some(why)) | Failure::Proxy(_, _, why) => why.reason(),
            Failure::Gateway(..) | Failure::Api | Failure::Health(..) => Reason::Status,
        }
    }
}

/// Kinds of failures, for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// [`Failure::UnknownHost`]
    UnknownHost,
    /// [`Failure::NoRoute`], [`Failure::NoPort`]
    NoRoute,
    /// [`Failure::NoEndpoints`]
    NoEndpoints,
    /// [`Failure::NoLocalEndpoints`]
    NoLocalEndpoints,
    /// [`Failure::Denied`]
    Denied,
    /// [`Failure::Refused`]
    Refused,
    /// [`Failure::Stale`]
    Stale,
    /// [`Failure::Reset`]
    Reset,
    /// [`Failure::NodeDown`]
    NodeDown,
    /// [`Failure::NoClient`]
    NoClient,
    /// An answer with a status of 400 or more.
    Status,
    /// [`Failure::CutOff`]
    CutOff,
    /// [`Failure::NoAnswer`]
    NoAnswer,
}

impl Reason {
    /// All of them, in their order.
    pub const ALL: [Reason; 13] = [
        Reason::UnknownHost,
        Reason::NoRoute,
        Reason::NoEndpoints,
        Reason::NoLocalEndpoints,
        Reason::Denied,
        Reason::Refused,
        Reason::Stale,
        Reason::Reset,
        Reason::NodeDown,
        Reason::NoClient,
        Reason::Status,
        Reason::CutOff,
        Reason::NoAnswer,
    ];
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A pod (by its name) answered with a status.
    Answered(u16, Key),
    /// Nobody did.
    Failed(Failure),
}

impl From<Failure> for Outcome {
    /// What a proxy itself answers well is no failure.
    fn from(failure: Failure) -> Outcome {
        match (&failure, failure.told()) {
            (Failure::Health(_, node, _), Told::Status(code @ ..400)) => {
                Outcome::Answered(code, Key::new("", node.clone()))
            }
            _ => Outcome::Failed(failure),
        }
    }
}

impl Outcome {
    /// An answer below 400.
    pub fn is_ok(&self) -> bool {
        matches!(self, Outcome::Answered(code, _) if *code < 400)
    }
}

/// A request from beginning to end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trace {
    /// Its number among those kept.
    pub number: u64,
    /// The client that sent it; none: a command.
    pub client: Option<Arc<str>>,
    /// When it was sent.
    pub at: SimTime,
    /// How long it took.
    pub took: SimDuration,
    /// What was asked for.
    pub url: Arc<str>,
    /// Its way.
    pub hops: Vec<Hop>,
    /// Its end.
    pub outcome: Outcome,
}

/// A request that has reached a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// The pod.
    pub pod: Arc<PodRecord>,
    /// Its port.
    pub port: u16,
    /// Its process runs since then.
    pub since: SimTime,
    /// What it is asked for there, if servers on the way have made something else of it.
    pub question: Option<Arc<Question>>,
    /// From where it seems to come.
    pub source: u32,
    /// Pods and ports that passed it on.
    pub by: Vec<(Id, u16)>,
}

impl Reached {
    /// What the pod is asked for by a request for this URL.
    pub fn asked<'a>(&'a self, url: &'a Url) -> Asked<'a> {
        let asked = self.question.as_ref().map_or_else(|| url.asked(), |q| q.asked());
        Asked { source: self.source, ..asked }
    }
}

/// Where a request got.
#[derive(Clone, Debug)]
pub struct Way {
    /// The places, if they were asked for.
    pub hops: Vec<Hop>,
    /// How long it took to get there.
    pub took: SimDuration,
    /// The pod that it reached, or why it reached none.
    pub end: Result<Reached, Failure>,
    /// An affinity to remember: service, port, address.
    pub tie: Option<(Key, u16, u32)>,
    /// It came by the ingress controller.
    pub gateway: bool,
    /// The Service and the Ingress that it passed.
    pub via: Via,
    /// The one address that its name has at this moment: the next one need not look it up.
    pub address: Option<Found>,
}

/// What a name has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The address.
    pub ip: u32,
    /// How long that took, in microseconds.
    pub took: u64,
}

impl Way {
    /// How long a client waits for this failure.
    pub fn waits(&self) -> SimDuration {
        match &self.end {
            Err(f) if f.told() == Told::TimedOut => PATIENCE,
            _ => self.took,
        }
    }
}
