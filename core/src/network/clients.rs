//! Clients: load in virtual time. Requests of a few milliseconds are sent by one event; what is under way is kept until
//! it ends, and ends by what its pod is then. Invariant: what was sent is answered, failed for a counted reason, or under
//! way. Without clients there are no events.

use super::Servers;
use super::passed::{Tally, Via};
use super::request::{
    Failure, Found, Hop, Outcome, PATIENCE, Place, Question, Reason, Sender, Told, Trace, Url, Way, send_to,
};
use super::served::Visit;
use crate::clock::{SimDuration, SimTime};
use crate::sim::{Event, Sim};
use crate::store::{Id, Key};
use imbl::{OrdMap, Vector};
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Clients that there may be at a time.
pub const MOST_CLIENTS: usize = 16;
/// Requests a second that one client may send.
pub const MOST_RATE: u32 = 20_000;
/// Requests that one burst may have.
pub const MOST_BURST: u32 = 10_000;
/// Buckets of 100 ms that are kept: a minute of them with requests in it.
const FINE: usize = 600;
/// Buckets of a second that are kept.
const COARSE: usize = 3_600;
/// Requests are sent, and end, in steps of this.
const STEP: SimDuration = SimDuration::from_millis(10);
/// Requests that work are traced so often at most.
const TRACE_EVERY: SimDuration = SimDuration::from_millis(200);
/// Requests that fail in one step and are traced.
const TRACED_FAILURES: u32 = 3;

/// Where a client stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientPlace {
    /// Outside the cluster: it reaches load balancers, node ports (`http://node-1:30080`) and hosts of Ingresses.
    #[default]
    Outside,
    /// In a pod.
    Pod {
        /// metadata.namespace
        namespace: String,
        /// metadata.name
        name: String,
    },
    /// On the first node that is ready; names are looked up as by pods of this namespace.
    Inside {
        /// The namespace.
        namespace: String,
    },
}

/// How many requests a client sends, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Load {
    /// Evenly, so many a second.
    Steady {
        /// Requests a second.
        rate: u32,
    },
    /// Many at once, again and again.
    Burst {
        /// Requests of a burst.
        count: u32,
        /// Seconds between bursts; 0: only one.
        every: u32,
    },
    /// From one rate to another, which it then keeps.
    Ramp {
        /// Requests a second at first.
        from: u32,
        /// Requests a second in the end.
        to: u32,
        /// Seconds until then.
        seconds: u32,
    },
}

/// A client, as a person adds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSpec {
    /// Its name: one client has it at a time.
    pub name: String,
    /// Where it stands.
    #[serde(default)]
    pub place: ClientPlace,
    /// What it asks for: `http://web.default/`.
    pub url: String,
    /// How much and when.
    pub load: Load,
    /// It ends after so many seconds; 0: never.
    #[serde(default)]
    pub seconds: u32,
}

/// What the network does later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkEvent {
    /// A client sends what is due.
    Send(u32),
    /// Requests of a client end.
    Settle(u32),
}

/// What was counted in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// Where the span begins.
    pub at: SimTime,
    /// Requests sent.
    pub sent: u32,
    /// Requests that ended with an answer below 400.
    pub ok: u32,
    /// Requests that failed, by [`Reason`].
    pub failed: [u32; Reason::ALL.len()],
    /// Microseconds that the requests that were answered took, all together.
    pub latency: u64,
    /// The slowest of them, in microseconds.
    pub slowest: u32,
}

impl Bucket {
    /// All failures.
    pub fn failures(&self) -> u32 {
        self.failed.iter().sum()
    }
}

/// Requests that end at the same moment.
#[derive(Clone, Debug, Default)]
struct Due {
    waits: Vec<Wait>,
    /// Failures that the client does not know of yet, with their traces.
    late: Vec<(Reason, Option<Arc<Via>>, u32)>,
    traces: Vec<Trace>,
}

/// A request that its pod is answering.
#[derive(Clone, Debug)]
struct Wait {
    pod: Id,
    port: u16,
    /// The address that the pod sees.
    source: u32,
    since: SimTime,
    took: u32,
    question: Option<Arc<Question>>,
    via: Option<Arc<Via>>,
    trace: Option<Box<Trace>>,
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its number; none is used again.
    pub number: u32,
    /// As it was asked for.
    pub spec: Arc<ClientSpec>,
    /// When it began.
    pub began: SimTime,
    /// It has ended, or was removed while requests were under way.
    pub ended: bool,
    /// Everything that was counted.
    pub total: Bucket,
    /// Buckets of 100 ms, those with anything in them, oldest first.
    pub fine: Vector<Bucket>,
    /// Buckets of a second, those with anything in them, oldest first.
    pub coarse: Vector<Bucket>,
    /// Pods that answered, and how often.
    pub answered: OrdMap<Id, u32>,
    url: Url,
    address: u32,
    under_way: OrdMap<SimTime, Due>,
    settles: Option<SimTime>,
    traced: SimTime,
}

impl Client {
    /// Requests that have not ended.
    pub fn under_way(&self) -> u32 {
        self.total.sent - self.total.ok - self.total.failures()
    }

    /// How many requests it should have sent by a moment since its beginning.
    fn planned(&self, t: SimDuration) -> u64 {
        let us = match self.spec.seconds {
            0 => t.0,
            s => t.0.min(u64::from(s) * 1_000_000),
        };
        let even = |rate: u32, us: u64| (u64::from(rate) * us / 1_000_000) + u64::from(rate > 0);
        match self.spec.load {
            Load::Steady { rate } => even(rate, us),
            Load::Burst { count, every: 0 } => u64::from(count),
            Load::Burst { count, every } => u64::from(count) * (us / (u64::from(every) * 1_000_000) + 1),
            Load::Ramp { from, to, seconds } => {
                let whole = u64::from(seconds.max(1)) * 1_000_000;
                let up = us.min(whole);
                // the area below a line that rises (or falls)
                let slope = i128::from(to) - i128::from(from);
                let area = i128::from(from) * i128::from(up)
                    + slope * i128::from(up) * i128::from(up) / (2 * i128::from(whole));
                let rest = u64::from(to) * (us - up) / 1_000_000;
                (area / 1_000_000).max(0) as u64 + rest + u64::from(from > 0)
            }
        }
    }

    /// When it sends again after now.
    fn next(&self, now: SimTime) -> Option<SimTime> {
        if self.ended || matches!(self.spec.load, Load::Burst { every: 0, .. }) {
            return None;
        }
        let rate = match self.spec.load {
            Load::Steady { rate } => rate,
            Load::Burst { every, .. } => return Some(now + SimDuration::from_secs(u64::from(every))),
            Load::Ramp { from, to, seconds } => {
                let t = (now - self.began).0.min(u64::from(seconds.max(1)) * 1_000_000) as i128;
                let slope = i128::from(to) - i128::from(from);
                (i128::from(from) + slope * t / (i128::from(seconds.max(1)) * 1_000_000)).max(1) as u32
            }
        };
        Some(now + SimDuration((1_000_000 / u64::from(rate.max(1))).max(STEP.0)))
    }

    fn count(&mut self, now: SimTime, f: impl Fn(&mut Bucket)) {
        f(&mut self.total);
        for (list, width, most) in [(&mut self.fine, 100_000, FINE), (&mut self.coarse, 1_000_000, COARSE)] {
            let at = SimTime(now.0 - now.0 % width);
            match list.back_mut() {
                Some(b) if b.at == at => f(b),
                _ => {
                    let mut b = Bucket { at, ..Bucket::default() };
                    f(&mut b);
                    list.push_back(b);
                    if list.len() > most {
                        list.pop_front();
                    }
                }
            }
        }
    }

    fn fail(&mut self, now: SimTime, reason: Reason, n: u32) {
        self.count(now, |b| b.failed[reason as usize] += n);
    }
}

/// All clients.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    next: u32,
    list: OrdMap<u32, Client>,
}

impl Clients {
    /// The clients, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.list.values()
    }

    /// The client of a name.
    pub fn named(&self, name: &str) -> Option<&Client> {
        self.list.values().find(|c| c.spec.name == name)
    }

    pub(super) fn hash_into(&self, h: &mut impl Hasher) {
        for c in self.list.values() {
            (c.number, &c.total, c.ended).hash(h);
        }
    }
}

/// Adds a client; one of the same name is replaced.
///
/// # Errors
/// What is wrong with it.
pub fn add(sim: &mut Sim, spec: &ClientSpec) -> Result<u32, String> {
    if spec.name.is_empty() || spec.name.len() > 63 {
        return Err("a client needs a name of at most 63 characters".into());
    }
    let url = Url::parse(&spec.url)
        .filter(|_| spec.url.len() <= 2_000)
        .ok_or_else(|| format!("no URL that a client could ask for: {:?}", spec.url))?;
    let (rate, count) = match spec.load {
        Load::Steady { rate } => (rate, 1),
        Load::Burst { count, .. } => (1, count),
        Load::Ramp { from, to, .. } => (from.max(to), 1),
    };
    if rate == 0 || count == 0 {
        return Err("a client sends something".into());
    }
    if rate > MOST_RATE {
        return Err(format!("a client sends at most {MOST_RATE} requests a second"));
    }
    if count > MOST_BURST {
        return Err(format!("a burst has at most {MOST_BURST} requests"));
    }
    remove(sim, &spec.name);
    if sim.network.clients.list.len() >= MOST_CLIENTS {
        return Err(format!("there are at most {MOST_CLIENTS} clients"));
    }
    let clients = &mut sim.network.clients;
    clients.next += 1;
    let number = clients.next;
    let client = Client {
        number,
        spec: Arc::new(spec.clone()),
        began: sim.now,
        ended: false,
        total: Bucket { at: sim.now, ..Bucket::default() },
        fine: Vector::new(),
        coarse: Vector::new(),
        answered: OrdMap::new(),
        url,
        address: super::OUTSIDE + number % 200,
        under_way: OrdMap::new(),
        settles: None,
        traced: SimTime::ZERO,
    };
    clients.list.insert(number, client);
    sim.after(SimDuration(1), Event::Network(NetworkEvent::Send(number)));
    Ok(number)
}

/// Removes a client with all that was counted of it. False: there is none of this name.
pub fn remove(sim: &mut Sim, name: &str) -> bool {
    let number = sim.network.clients.named(name).map(|c| c.number);
    number.is_some_and(|n| sim.network.clients.list.remove(&n).is_some())
}

pub(super) fn event(sim: &mut Sim, servers: &dyn Servers, event: NetworkEvent) {
    let (NetworkEvent::Send(number) | NetworkEvent::Settle(number)) = event;
    let Some(mut client) = sim.network.clients.list.remove(&number) else { return };
    match event {
        NetworkEvent::Send(_) => send_due(sim, servers, &mut client),
        NetworkEvent::Settle(_) => settle(sim, servers, &mut client),
    }
    // the next end
    if let Some((at, _)) = client.under_way.get_min()
        && client.settles.is_none_or(|s| s > *at || s <= sim.now)
    {
        client.settles = Some(*at);
        sim.queue.at(*at, Event::Network(NetworkEvent::Settle(number)));
    }
    sim.network.clients.list.insert(number, client);
}

fn sender(sim: &Sim, servers: &dyn Servers, client: &Client) -> Option<Sender> {
    match &client.spec.place {
        ClientPlace::Outside => Some(Sender { ip: client.address, ..Sender::outside() }),
        ClientPlace::Pod { namespace, name } => {
            let pod = sim.store.pod_by_name(&Key::new(namespace.as_str(), name.as_str()))?;
            let runs = pod.status.phase == crate::store::pod::Phase::Running && pod.status.ip != 0;
            (runs && pod.node.as_ref().is_some_and(|n| servers.powered(n))).then(|| Sender::pod(pod))
        }
        ClientPlace::Inside { namespace } => {
            let tables = &sim.network.tables;
            let (name, ip) = sim.network.nodes().iter().find(|(n, _)| servers.powered(n) && !tables.is_cut(n))?;
            Some(Sender::node(name, *ip, namespace))
        }
    }
}

fn send_due(sim: &mut Sim, servers: &dyn Servers, client: &mut Client) {
    let now = sim.now;
    let planned = client.planned(now - client.began);
    let n = planned.saturating_sub(u64::from(client.total.sent)).min(u64::from(MOST_BURST)) as u32;
    let from = sender(sim, servers, client);
    client.count(now, |b| b.sent += n);
    match from {
        None => {
            client.fail(now, Reason::NoClient, n);
            if n > 0 {
                let trace = trace_of(client, now, vec![], SimDuration::ZERO, Outcome::Failed(Failure::NoClient));
                sim.network.keep(trace);
            }
        }
        Some(from) => {
            let mut rng = sim.network.rng.clone();
            let mut step = Step { failures: 0, found: None, via: None, tally: Tally::default() };
            for _ in 0..n {
                one(sim, servers, client, &from, &mut rng, &mut step);
            }
            sim.network.rng = rng;
            step.tally.count(&mut sim.network.passed, now);
        }
    }
    if client.spec.seconds > 0 && now - client.began >= SimDuration::from_secs(u64::from(client.spec.seconds)) {
        client.ended = true;
    }
    if let Some(at) = client.next(now) {
        sim.queue.at(at, Event::Network(NetworkEvent::Send(client.number)));
    }
}

fn trace_of(client: &Client, at: SimTime, hops: Vec<Hop>, took: SimDuration, outcome: Outcome) -> Trace {
    Trace {
        number: 0,
        client: Some(client.spec.name.as_str().into()),
        at,
        took,
        url: client.spec.url.as_str().into(),
        hops,
        outcome,
    }
}

/// The end of the step in which something is over.
fn step(at: SimTime) -> SimTime {
    SimTime(at.0.div_ceil(STEP.0) * STEP.0)
}

/// What the requests of one step share.
struct Step {
    failures: u32,
    found: Option<Found>,
    /// What the last one passed: mostly that is what the next one passes too.
    via: Option<Arc<Via>>,
    tally: Tally,
}

impl Step {
    fn via(&mut self, via: Via) -> Option<Arc<Via>> {
        if via == Via::default() {
            return None;
        }
        if self.via.as_deref() != Some(&via) {
            self.via = Some(Arc::new(via));
        }
        self.via.clone()
    }
}

fn one(
    sim: &mut Sim,
    servers: &dyn Servers,
    client: &mut Client,
    from: &Sender,
    rng: &mut crate::rng::Rng,
    shared: &mut Step,
) {
    let now = sim.now;
    let record =
        now - client.traced >= TRACE_EVERY || client.traced == SimTime::ZERO || shared.failures < TRACED_FAILURES;
    let known = shared.found.filter(|_| !record);
    let way: Way = send_to(sim, servers, from, &client.url, known, record, &mut || rng.u32());
    shared.found = way.address;
    let via = shared.via(way.via.clone());
    let failures = &mut shared.failures;
    if let Some((service, port, ip)) = &way.tie {
        sim.network.tie(service, *port, from.ip, *ip, now);
    }
    let waits = way.waits();
    match way.end {
        Ok(reached) => {
            let (id, port) = (reached.pod.id, reached.port);
            let rate = sim.network.served.rate(id, port, now);
            let serves = servers.serves_in(sim, id, port, rate);
            sim.served(id, port, 1);
            for (passed, port) in &reached.by {
                sim.served(*passed, *port, 1);
            }
            if serves >= PATIENCE {
                let failure = Failure::NoAnswer(reached.pod.key());
                let reason = failure.reason();
                *failures += 1;
                let outcome = Outcome::Failed(failure);
                let trace = (*failures <= TRACED_FAILURES).then(|| trace_of(client, now, way.hops, PATIENCE, outcome));
                fails_later(client, now + PATIENCE, reason, via, trace);
                return;
            }
            let took = way.took.0 + scattered(serves.0, rng);
            let sample = now - client.traced >= TRACE_EVERY || client.traced == SimTime::ZERO;
            let trace = sample.then(|| {
                client.traced = now;
                // how it ends is not known yet
                let outcome = Outcome::Answered(0, reached.pod.key());
                Box::new(trace_of(client, now, way.hops, SimDuration(took), outcome))
            });
            let (pod, port, since) = (reached.pod.id, reached.port, reached.since);
            let (source, question) = (reached.source, reached.question);
            let wait = Wait { pod, port, source, since, took: took as u32, question, via, trace };
            client.under_way.entry(step(now + SimDuration(took))).or_default().waits.push(wait);
        }
        Err(failure) if matches!(failure.told(), Told::Status(..400)) => {
            client.count(now, |b| {
                b.ok += 1;
                b.latency += way.took.0;
                b.slowest = b.slowest.max(way.took.0 as u32);
            });
            shared.tally.add(&via, 1, 0);
            if record {
                client.traced = now;
                sim.network.keep(trace_of(client, now, way.hops, way.took, failure.into()));
            }
        }
        Err(failure) => {
            *failures += 1;
            let reason = failure.reason();
            let at_once = failure.told() != Told::TimedOut;
            let trace = (*failures <= TRACED_FAILURES).then(|| {
                let took = if at_once { way.took } else { waits };
                trace_of(client, now, way.hops, took, Outcome::Failed(failure))
            });
            if at_once {
                client.fail(now, reason, 1);
                shared.tally.add(&via, 0, 1);
                trace.into_iter().for_each(|t| sim.network.keep(t));
                return;
            }
            fails_later(client, now + waits, reason, via, trace);
        }
    }
}

/// A request fails, and its client gets to know of it then.
fn fails_later(client: &mut Client, at: SimTime, reason: Reason, via: Option<Arc<Via>>, trace: Option<Trace>) {
    let due = client.under_way.entry(step(at)).or_default();
    match due.late.iter_mut().find(|(r, v, _)| *r == reason && *v == via) {
        Some((.., n)) => *n += 1,
        None => due.late.push((reason, via, 1)),
    }
    due.traces.extend(trace);
}

/// What a server takes, in microseconds, around what it takes on average: mostly a little less, now and then much more.
fn scattered(average: u64, rng: &mut crate::rng::Rng) -> u64 {
    let draw = rng.u32();
    let usual = average * (700 + u64::from(draw & 0x1ff)) / 1000;
    match draw >> 26 {
        0 => (usual * 8).min(PATIENCE.0 / 2).max(usual),
        1..=6 => usual * 2,
        _ => usual,
    }
}

fn settle(sim: &mut Sim, servers: &dyn Servers, client: &mut Client) {
    let now = sim.now;
    client.settles = None;
    while client.under_way.get_min().is_some_and(|(at, _)| *at <= now) {
        let Some(at) = client.under_way.get_min().map(|(at, _)| *at) else { break };
        let Some(due) = client.under_way.remove(&at) else { break };
        let mut tally = Tally::default();
        for (reason, via, n) in due.late {
            client.fail(now, reason, n);
            tally.add(&via, 0, n);
        }
        due.traces.into_iter().for_each(|t| sim.network.keep(t));
        let (mut ok, mut latency, mut slowest) = (0, 0, 0);
        let mut failures = 0;
        for wait in due.waits {
            let runs = servers.still_runs(sim, wait.pod, wait.port, wait.since);
            let key = || sim.store.pod(wait.pod).map_or_else(|| gone(wait.trace.as_deref()), |p| p.key());
            let outcome = if runs {
                let asked = wait.question.as_ref().map_or_else(|| client.url.asked(), |q| q.asked());
                let code = servers.code(sim, wait.pod, wait.port, asked);
                if !client.url.udp && !sim.network.served.is_loud(wait.pod, wait.port, now) {
                    let (port, source, path) = (wait.port, wait.source, asked.path.into());
                    // its body was not made: whoever reads the log asks for it
                    let visit = Visit { at: now, port, source, path, code, bytes: None, agent: "kubarium" };
                    sim.network.served.keep(wait.pod, visit);
                }
                if code < 400 {
                    ok += 1;
                    tally.add(&wait.via, 1, 0);
                    latency += u64::from(wait.took);
                    slowest = slowest.max(wait.took);
                    *client.answered.entry(wait.pod).or_insert(0) += 1;
                    if wait.trace.is_none() {
                        continue;
                    }
                } else {
                    client.fail(now, Reason::Status, 1);
                    tally.add(&wait.via, 0, 1);
                    failures += 1;
                }
                Outcome::Answered(code, key())
            } else {
                client.fail(now, Reason::Reset, 1);
                tally.add(&wait.via, 0, 1);
                failures += 1;
                Outcome::Failed(Failure::Reset(key()))
            };
            let trace = match wait.trace {
                Some(t) => Trace { outcome, ..*t },
                None if failures > TRACED_FAILURES => continue,
                None => {
                    let began = SimTime(now.0.saturating_sub(u64::from(wait.took)));
                    let hops = way_of(sim, client, wait.pod, wait.via.as_deref())
                        .into_iter()
                        .map(|place| Hop { at: began, place })
                        .collect();
                    trace_of(client, began, hops, SimDuration(u64::from(wait.took)), outcome)
                }
            };
            sim.network.keep(trace);
        }
        tally.count(&mut sim.network.passed, now);
        if ok > 0 {
            client.count(now, |b| {
                b.ok += ok;
                b.latency += latency;
                b.slowest = b.slowest.max(slowest);
            });
        }
    }
    // pods that are gone need not be remembered for ever
    if client.answered.len() > 4_000 {
        client.answered =
            client.answered.iter().filter(|(id, _)| sim.store.pod(**id).is_some()).map(|(k, v)| (*k, *v)).collect();
    }
}

/// The places that a request passed whose way was not recorded as it went.
fn way_of(sim: &Sim, client: &Client, reached: Id, via: Option<&Via>) -> Vec<Place> {
    let pod = |p: &Arc<crate::store::PodRecord>| Place::Pod(p.id, p.key());
    let start = match &client.spec.place {
        ClientPlace::Outside => Some(Place::Outside),
        ClientPlace::Pod { namespace, name } => {
            sim.store.pod_by_name(&Key::new(namespace.as_str(), name.as_str())).map(pod)
        }
        ClientPlace::Inside { .. } => sim.network.nodes().first().map(|(n, _)| Place::Node(n.clone())),
    };
    let via = via.cloned().unwrap_or_default();
    let between = [
        via.ingress.map(Place::Ingress),
        via.service.map(Place::Service),
        via.behind.map(Place::Service),
        sim.store.pod(reached).map(pod),
    ];
    start.into_iter().chain(between.into_iter().flatten()).collect()
}

/// The name of a pod that is gone, from the trace of a request to it.
fn gone(trace: Option<&Trace>) -> Key {
    match trace.map(|t| &t.outcome) {
        Some(Outcome::Answered(_, key)) => key.clone(),
        _ => Key::new("", ""),
    }
}
