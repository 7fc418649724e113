//! Clients and their requests as the map shows them: who sends how much, and which of the traced requests are on their
//! way. Where a request is follows from the moment alone; what is drawn is a sample, never more than can be seen.

use super::anim::{self, Ms};
use super::layout::{Layout, Rect};
use super::scene::{Place, Scene};
use super::strip::along;
use kubarium_core::clock::SimTime;
use kubarium_core::cluster::Cluster;
use kubarium_core::network::clients::ClientPlace;
use kubarium_core::store::Key;
use kubarium_core::view::model::Id;
use kubarium_core::view::network::{self, ClientView, CountView, HopView, TraceView};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// How long a request takes from one place to the next on the map.
pub const HOP: Ms = 300.0;
/// How long a failure stays in sight where it happened.
pub const MARK: Ms = 1_300.0;
/// Requests that are drawn at a time.
const MOST: usize = 160;
/// Between two requests of a client that are drawn: those that work, those that fail.
const APART: (Ms, Ms) = (70.0, 160.0);
/// Requests that the lists show.
pub const RECENT: usize = 200;
/// Between two looks at the counters.
const LOOK: Ms = 250.0;

/// A step of the counters, in microseconds.
const STEP: u64 = 100_000;

/// A client on the map.
#[derive(Clone, Debug)]
pub struct ClientItem {
    /// What is known of it.
    pub view: ClientView,
    /// Answered and failed requests a second, over the last second.
    pub rate: (u32, u32),
    /// The pod that it stands in.
    pub pod: Option<Id>,
    /// Services, Ingresses and balancers that its last request passed, in their order.
    pub through: Vec<Id>,
    last: (Ms, Ms),
}

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Flight {
    /// What is known of it.
    pub trace: Rc<TraceView>,
    /// When it set out, by the animation clock.
    pub start: Ms,
}

impl Flight {
    fn hops(&self) -> usize {
        self.trace.hops.len().max(2) - 1
    }

    /// When nothing is left to see of it.
    fn over(&self) -> Ms {
        self.start + self.hops() as f64 * HOP + if self.trace.ok { 120.0 } else { MARK }
    }
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Clients, oldest first.
    pub clients: Vec<ClientItem>,
    /// Requests that are drawn.
    pub flights: VecDeque<Flight>,
    /// The last requests that were traced, newest last.
    pub recent: VecDeque<Rc<TraceView>>,
    /// Answered and failed requests a second by service or Ingress.
    pub rates: BTreeMap<Id, (u32, u32)>,
    /// Names were looked up: the name server has a place on the map.
    pub dns: bool,
    seen: u64,
    looked: Option<(Ms, SimTime)>,
}

/// What a look at the network has brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// A client has come or gone: the map is arranged anew.
    pub shape: bool,
    /// Counters or requests have changed.
    pub numbers: bool,
}

/// The sum of what was counted in the last second: in its last ten steps that are over.
fn rate(counts: &[CountView], now: SimTime) -> (u32, u32) {
    let over = |c: &&CountView| c.at.0 + STEP <= now.0;
    let failed = |c: &CountView| c.failed.iter().map(|(_, n)| n).sum::<u32>();
    counts.iter().filter(over).fold((0, 0), |(ok, bad), c| (ok + c.ok, bad + failed(c)))
}

impl Traffic {
    /// Looks at the network: at most a few times a second while time passes by itself, and at once after a jump. `speed`:
    /// seconds of the session in one of the person's; 0: paused, and each look may be the last for long.
    pub fn look(&mut self, cluster: &Cluster, at: Ms, speed: f64) -> News {
        let net = &cluster.world.sim.network;
        let mut news = News::default();
        let newest = net.last_trace();
        let rewound = newest < self.seen;
        if rewound {
            self.flights.clear();
            self.recent.clear();
            self.seen = 0;
        }
        let fresh = self.looked.is_none() || rewound;
        if newest > self.seen {
            self.take(cluster, at, speed, fresh);
            self.seen = newest;
            news.numbers = true;
        }
        self.flights.retain(|f| f.over() > at && f.start <= at + 1.0);
        let none = self.clients.is_empty() && net.clients.iter().next().is_none();
        let now = cluster.now();
        let due = self.looked.is_none_or(|(l, then)| at - l >= LOOK || at < l || (speed == 0.0 && now != then));
        let other = !none && {
            let there = net.clients.iter().map(|c| c.number);
            !there.eq(self.clients.iter().map(|c| c.view.number))
        };
        if !(due || other || fresh) {
            return news;
        }
        self.looked = Some((at, now));
        let before = std::mem::take(&mut self.rates);
        self.rates = network::passed(cluster).into_iter().collect();
        if none {
            news.numbers |= self.rates != before;
            return news;
        }
        news.numbers = true;
        news.shape = other;
        let before = std::mem::take(&mut self.clients);
        let since = SimTime((now.0 - now.0 % STEP).saturating_sub(1_000_001));
        for view in network::clients(cluster) {
            let old = before.iter().find(|c| c.view.number == view.number);
            let pod = match &view.place {
                ClientPlace::Pod { namespace, name } => {
                    let key = Key::new(namespace.as_str(), name.as_str());
                    cluster.world.sim.store.pod_by_name(&key).map(|p| p.id)
                }
                _ => None,
            };
            let counted = network::counts(cluster, &view.name, true, since);
            let item = ClientItem {
                rate: rate(&counted, now),
                pod,
                through: self
                    .through(cluster, &view.name)
                    .or_else(|| old.map(|o| o.through.clone()))
                    .unwrap_or_default(),
                last: old.map_or((f64::MIN, f64::MIN), |o| o.last),
                view,
            };
            self.clients.push(item);
        }
        let dns = !self.clients.is_empty() && self.recent.iter().any(|t| t.hops.iter().any(|h| h.kind == "dns"));
        news.shape |= dns != self.dns;
        self.dns = dns;
        news
    }

    /// What a client's last requests passed: Services and Ingresses, or the headless Service whose name it asked for.
    fn through(&self, cluster: &Cluster, client: &str) -> Option<Vec<Id>> {
        let is_bar = |h: &&HopView| matches!(h.kind, "service" | "ingress");
        let of_client = |t: &&Rc<TraceView>| t.client.as_deref() == Some(client);
        let mut last = self.recent.iter().rev().filter(of_client);
        if let Some(t) = last.clone().find(|t| t.hops.iter().any(|h| is_bar(&h))) {
            let mut ids: Vec<Id> = t.hops.iter().filter(is_bar).filter_map(|h| h.id).collect();
            ids.dedup();
            return Some(ids);
        }
        let name = last.find_map(|t| t.hops.iter().find(|h| h.kind == "dns"))?;
        let key = kubarium_core::network::dns::service_of(&name.name)?;
        let store = &cluster.world.sim.store;
        store.get(kubarium_core::store::Kind::Service, &key).map(|o| vec![o.id(&store.ids)])
    }

    /// Takes over what was traced since the last look.
    fn take(&mut self, cluster: &Cluster, at: Ms, speed: f64, fresh: bool) {
        let now = cluster.now();
        for trace in network::traces(cluster, self.seen) {
            let trace = Rc::new(trace);
            self.recent.push_back(trace.clone());
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
            if trace.hops.is_empty() {
                continue;
            }
            // It sets out on the map when its end is known; after a jump, some are on their way already.
            let ago = now.since(SimTime(trace.at.0 + trace.took.0)).0 as f64 / 1_000.0 / speed.max(1.0);
            let start = at - ago;
            let flight = Flight { start, trace };
            if flight.over() <= at {
                continue;
            }
            if let Some(client) = self.clients.iter_mut().find(|c| Some(&c.view.name) == flight.trace.client.as_ref()) {
                let (last, apart) = match flight.trace.ok {
                    true => (&mut client.last.0, APART.0),
                    false => (&mut client.last.1, APART.1),
                };
                if !fresh && start - *last < apart && start >= *last {
                    continue;
                }
                *last = start;
            }
            self.flights.push_back(flight);
            if self.flights.len() > MOST {
                self.flights.pop_front();
            }
        }
    }

    /// Whether a request is on its way.
    pub fn moving(&self) -> bool {
        !self.flights.is_empty()
    }

    /// A client by its number.
    pub fn client(&self, number: u32) -> Option<&ClientItem> {
        self.clients.iter().find(|c| c.view.number == number)
    }

    /// A request by its number, while it is remembered.
    pub fn trace(&self, number: u64) -> Option<&Rc<TraceView>> {
        self.recent.iter().rev().find(|t| t.number == number)
    }

    /// The client that sent a request.
    pub fn sender(&self, trace: &TraceView) -> Option<&ClientItem> {
        let name = trace.client.as_ref()?;
        self.clients.iter().find(|c| c.view.name == *name)
    }

    /// Clients that stand beside the cluster, not in a pod.
    pub fn outside(&self) -> impl Iterator<Item = &ClientItem> {
        self.clients.iter().filter(|c| !matches!(c.view.place, ClientPlace::Pod { .. }))
    }
}

/// The way of a request on the map: from place to place, each a line of points in world units.
pub fn way(
    scene: &Scene,
    layout: &Layout,
    trace: &TraceView,
    now: Ms,
    calm: bool,
    counted: bool,
) -> Vec<Vec<(f64, f64)>> {
    let client = scene.traffic.sender(trace);
    let mut at: Option<((f64, f64), &HopView)> = None;
    let mut legs = Vec::with_capacity(trace.hops.len());
    for (i, hop) in trace.hops.iter().enumerate() {
        let chip = client.filter(|_| i == 0).and_then(|c| layout.clients.get(&c.view.number));
        let to = match chip {
            Some(r) => Some((r.x + r.w, r.y + r.h / 2.0)),
            None => spot(scene, layout, hop, now, calm, counted),
        };
        let Some(to) = to else { continue };
        if let Some((from, before)) = at {
            let chip = client.filter(|_| i == 1).and_then(|c| layout.clients.get(&c.view.number));
            let bar = bar_of(layout, hop);
            let led = chip.zip(bar).and_then(|(chip, bar)| layout.around_chips(chip, &bar));
            legs.push(match led {
                Some(way) => [way, vec![to]].concat(),
                None => leg(scene, layout, before, hop, from, to, counted),
            });
        } else if trace.hops.len() == 1 {
            legs.push(vec![to, to]);
        }
        at = Some((to, hop));
    }
    legs
}

/// The place of a hop.
fn spot(scene: &Scene, layout: &Layout, hop: &HopView, now: Ms, calm: bool, counted: bool) -> Option<(f64, f64)> {
    match hop.kind {
        "dns" => layout.dns.map(|r| r.middle()),
        "service" => layout.services.get(&hop.id?).map(|r| r.middle()),
        "loadbalancer" => layout.services.get(&hop.id?).map(|r| (r.x + r.h * 0.3, r.y + r.h / 2.0)),
        "ingress" => layout.ingresses.get(&hop.id?).map(|r| r.middle()),
        "node" => layout.node(hop.id?).map(|c| (c.x + c.w / 2.0, c.y)),
        "pod" => {
            let pod = scene.pods.get(&hop.id?)?;
            match pod.place {
                Place::Node(id) if counted => layout.node(id).map(|c| c.middle()),
                _ => {
                    let (x, y) = layout.pod(pod, now, calm)?;
                    let half = layout.pod_side(pod, now, calm) / 2.0;
                    Some((x + half, y + half))
                }
            }
        }
        _ => None,
    }
}

/// The bar that a hop has on the map.
fn bar_of(layout: &Layout, hop: &HopView) -> Option<Rect> {
    match hop.kind {
        "service" | "loadbalancer" => layout.services.get(&hop.id?).copied(),
        "ingress" => layout.ingresses.get(&hop.id?).copied(),
        _ => None,
    }
}

/// From one hop to the next: along the line that is drawn there, if one is.
fn leg(
    scene: &Scene,
    layout: &Layout,
    from: &HopView,
    to: &HopView,
    a: (f64, f64),
    b: (f64, f64),
    counted: bool,
) -> Vec<(f64, f64)> {
    if let ("service", "pod", Some(service), Some(pod)) = (from.kind, to.kind, from.id, to.id)
        && !counted
        && let (Some(bar), Some(pod)) = (layout.services.get(&service), scene.pods.get(&pod))
    {
        let nth = scene.services.keys().position(|id| *id == service).unwrap_or(0);
        let foot = (bar.x + bar.w / 2.0, bar.y + bar.h);
        if let Some(line) = layout.detour(foot, pod.place, pod.slot, nth) {
            return [vec![a], line, vec![b]].concat();
        }
    }
    vec![a, b]
}

/// What is to be drawn of a request at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spot {
    /// On its way, and how much of it is done, 0 to 1.
    Dot(f64, f64),
    /// It has failed here; the share of the mark's time that is left.
    Cross(f64, f64, f64),
}

/// Where a request is. None: it has not set out, or nothing is left to see.
pub fn spot_of(legs: &[Vec<(f64, f64)>], flight: &Flight, now: Ms, calm: bool) -> Option<Spot> {
    let t = now - flight.start;
    let last = legs.last()?.last()?;
    let length = flight.hops() as f64 * HOP;
    if t < 0.0 {
        return None;
    }
    if t >= length || calm {
        let left = 1.0 - anim::progress(flight.start + if calm { 0.0 } else { length }, MARK, now);
        return (!flight.trace.ok && left > 0.0).then_some(Spot::Cross(last.0, last.1, left));
    }
    // legs without a place on the map are left out: the rest shares the time
    let p = t / length * legs.len() as f64;
    let i = (p as usize).min(legs.len() - 1);
    let (x, y) = along(&legs[i], anim::ease_in_out(p - i as f64) * 0.6 + (p - i as f64) * 0.4)?;
    Some(Spot::Dot(x, y))
}

/// The request under a point, in world units.
pub fn at(scene: &Scene, layout: &Layout, now: Ms, calm: bool, x: f64, y: f64, reach: f64) -> Option<u64> {
    let near = |f: &Flight| {
        let legs = way(scene, layout, &f.trace, now, calm, false);
        let (Spot::Dot(px, py) | Spot::Cross(px, py, _)) = spot_of(&legs, f, now, calm)?;
        let d = (px - x).hypot(py - y);
        (d <= reach).then_some((d, f.trace.number))
    };
    scene.traffic.flights.iter().filter_map(near).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, n)| n)
}

/// Where a request is drawn, by its number.
pub fn place_of(scene: &Scene, layout: &Layout, now: Ms, calm: bool, number: u64) -> Option<(f64, f64)> {
    let flight = scene.traffic.flights.iter().find(|f| f.trace.number == number)?;
    let legs = way(scene, layout, &flight.trace, now, calm, false);
    let (Spot::Dot(x, y) | Spot::Cross(x, y, _)) = spot_of(&legs, flight, now, calm)?;
    Some((x, y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubarium_core::network::clients::{ClientSpec, Load};
    use kubarium_core::world::Input;

    fn serving() -> Cluster {
        let mut c = Cluster::with_nodes(2, 1);
        c.advance(SimTime::from_secs(1), u64::MAX);
        for line in
            ["kubectl create deployment web --image=nginx:1.27 --replicas=2", "kubectl expose deployment web --port=80"]
        {
            c.submit(Input::Line { terminal: 0, line: line.into(), stdin: None });
        }
        c.advance(SimTime::from_secs(40), u64::MAX);
        let load = Load::Steady { rate: 50 };
        let place = ClientPlace::Inside { namespace: "default".into() };
        c.submit(Input::Client(ClientSpec { name: "one".into(), place, url: "http://web/".into(), load, seconds: 0 }));
        c
    }

    fn scene_of(c: &Cluster) -> Scene {
        let mut scene = Scene::default();
        let mut projector = kubarium_core::view::project::Projector::default();
        scene.apply(&projector.patch(c), 0.0);
        scene
    }

    #[test]
    fn requests_travel_from_the_client_to_a_pod() {
        let mut c = serving();
        c.advance(SimTime::from_secs(43), u64::MAX);
        let mut scene = scene_of(&c);
        let mut traffic = Traffic::default();
        let news = traffic.look(&c, 5_000.0, 1.0);
        assert!(news.shape && news.numbers);
        assert!((45..=55).contains(&traffic.clients[0].rate.0), "{:?}", traffic.clients[0].rate);
        assert_eq!(traffic.clients[0].rate.1, 0);
        // the service was asked by nobody else
        assert_eq!(traffic.rates.values().collect::<Vec<_>>(), [&traffic.clients[0].rate]);
        scene.traffic = traffic;
        let layout = super::super::layout::arrange(&scene, 800.0, 600.0, 0, 1.0);
        let flight = scene.traffic.flights.back().unwrap().clone();
        let legs = way(&scene, &layout, &flight.trace, 5_000.0, false, false);
        assert!(legs.len() >= 2, "{:?}", flight.trace.hops);
        let mut seen = 0;
        for ms in 0..3_000 {
            let now = flight.start + f64::from(ms);
            match spot_of(&legs, &flight, now, false) {
                Some(Spot::Dot(x, y)) => {
                    assert!(x >= 0.0 && x <= layout.width && y >= 0.0 && y <= layout.height);
                    seen += 1;
                }
                Some(Spot::Cross(..)) => panic!("it was answered"),
                None => {}
            }
            assert_eq!(spot_of(&legs, &flight, now, false), spot_of(&legs, &flight, now, false));
        }
        assert!(seen > 500);
    }

    #[test]
    fn a_failure_is_marked_where_it_happened_and_few_are_drawn_of_many() {
        let mut c = serving();
        c.submit(Input::Line { terminal: 0, line: "kubectl scale deployment web --replicas=0".into(), stdin: None });
        let mut scene = scene_of(&c);
        for i in 0..200 {
            c.advance(SimTime(50_000_000 + i * 50_000), u64::MAX);
            let mut traffic = std::mem::take(&mut scene.traffic);
            traffic.look(&c, 50.0 * i as f64, 1.0);
            scene.traffic = traffic;
        }
        assert!(scene.traffic.clients[0].rate.1 > 30);
        assert!(scene.traffic.flights.len() < 30, "{}", scene.traffic.flights.len());
        let layout = super::super::layout::arrange(&scene, 800.0, 600.0, 0, 1.0);
        let flight = scene.traffic.flights.front().unwrap().clone();
        let legs = way(&scene, &layout, &flight.trace, 1e6, false, false);
        let end = flight.start + flight.hops() as f64 * HOP + 10.0;
        assert!(matches!(spot_of(&legs, &flight, end, false), Some(Spot::Cross(..))), "{:?}", flight.trace);
    }
}
