//! The world: the whole cluster as one value. Invariant: all state of the simulation is in here; equal worlds given
//! equal inputs stay equal, on any machine.

use crate::apiserver::request::{Api, Method, Request, Response, Unanswered};
use crate::clock::{SimDuration, SimTime};
use crate::controllers::Controllers;
use crate::kubectl;
use crate::kubelet::Kubelets;
use crate::network::clients::{self, ClientSpec};
use crate::scheduler::Scheduler;
use crate::sim::plane::{Part, Verdict};
use crate::sim::{Actor, Component, Config, Event, Sim};
use crate::terminal::Terminals;
use crate::view::model::{Fault, PlanePart};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a person does. The log of inputs is the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A file in the working directory is written, or removed (`None`).
    File {
        /// Its name.
        name: String,
        /// Its text.
        text: Option<String>,
    },
    /// A line is typed in a terminal (0: the page's own).
    Line {
        /// Which terminal.
        #[serde(default, skip_serializing_if = "is_zero")]
        terminal: u8,
        /// The line as typed.
        line: String,
        /// What `-f -` reads.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<String>,
    },
    /// Ctrl+C in a terminal.
    Interrupt {
        /// Which terminal.
        #[serde(default, skip_serializing_if = "is_zero")]
        terminal: u8,
    },
    /// A fault, from the map.
    Fault(Fault),
    /// A client begins to send requests, in the place of one that has its name.
    Client(ClientSpec),
    /// A client is removed.
    RemoveClient {
        /// Its name.
        name: String,
    },
}

fn is_zero(n: &u8) -> bool {
    *n == 0
}

/// The cluster, whole.
#[derive(Clone, Debug)]
pub struct World {
    /// Clock, events, store, API server.
    pub sim: Sim,
    /// Controllers.
    pub controllers: Controllers,
    /// Scheduler.
    pub scheduler: Scheduler,
    /// Kubelets.
    pub kubelets: Kubelets,
    /// Terminals and their waiting commands.
    pub terminals: Terminals,
    /// Files of the working directory.
    pub files: Arc<BTreeMap<String, String>>,
    /// Events carried out so far.
    pub steps: u64,
}

/// How long a command takes that scales, where another one waits for it to end.
const SCALED: SimDuration = SimDuration::from_millis(300);

impl World {
    /// A new cluster: system namespaces, the API's own service, and nodes that come up.
    pub fn new(config: Config) -> World {
        let mut w = World::unborn(config);
        w.birth();
        w
    }

    /// A world in which nothing is yet, not even a namespace, and nothing happens.
    pub fn unborn(config: Config) -> World {
        let seed = config.seed;
        World {
            sim: Sim::new(config),
            controllers: Controllers::default(),
            scheduler: Scheduler::new(seed),
            kubelets: Kubelets::new(seed),
            terminals: Terminals::default(),
            files: Arc::default(),
            steps: 0,
        }
    }

    fn birth(&mut self) {
        let sim = &mut self.sim;
        for ns in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}});
            sim.request(Request::new(Method::Post, "/api/v1/namespaces").body(body));
        }
        sim.ensure_own_service();
        crate::apiserver::admission::store_system_classes(sim);
        sim.install_default_roles();
        self.kubelets.boot(sim);
    }

    /// Carries out an input at the current moment.
    pub fn submit(&mut self, input: &Input) {
        match input {
            Input::File { name, text } => {
                let files = Arc::make_mut(&mut self.files);
                match text {
                    Some(t) => files.insert(name.clone(), t.clone()),
                    None => files.remove(name),
                };
            }
            Input::Line { terminal, line, stdin } => {
                self.terminals.begin(*terminal, line, self.sim.now);
                let parts = match self.terminals.session(*terminal).inside {
                    // the shell in the container reads it
                    Some(_) => vec![(kubectl::line::Join::Always, line.clone())],
                    None => kubectl::line::sequence(line),
                };
                self.terminals.queue(*terminal, parts);
                self.go_on(*terminal, line, stdin.as_deref());
            }
            Input::Interrupt { terminal } => {
                let left = self.terminals.left(*terminal);
                self.terminals.interrupt(*terminal, &mut self.sim);
                if let Some(at) = left {
                    self.leave(*terminal, &at);
                }
            }
            Input::Fault(fault) => {
                if let Err(e) = inject(&mut self.sim, &mut self.kubelets, fault) {
                    self.terminals.say(0, &format!("error: {e}\n"), self.sim.now);
                }
            }
            Input::Client(spec) => {
                if let Err(e) = clients::add(&mut self.sim, spec) {
                    self.terminals.say(0, &format!("error: {e}\n"), self.sim.now);
                }
            }
            Input::RemoveClient { name } => {
                clients::remove(&mut self.sim, name);
            }
        }
    }

    /// The pod of a session that has been left goes with it.
    fn leave(&mut self, terminal: u8, at: &kubectl::Inside) {
        let files = Arc::make_mut(&mut self.files);
        let mut session = self.terminals.session(terminal);
        let mut api = WorldApi { sim: &mut self.sim, kubelets: &mut self.kubelets };
        let mut ctx = kubectl::Context::new(&mut api, files, &mut session);
        let done = kubectl::cmd::attached::remove(at, &mut ctx);
        let said = std::mem::take(&mut ctx.out.stdout);
        if done.is_ok() {
            self.terminals.say(terminal, &said, self.sim.now);
        }
    }

    /// Carries out the parts of a terminal's line until one waits.
    fn go_on(&mut self, terminal: u8, whole: &str, stdin: Option<&str>) {
        let mut before: Option<Arc<str>> = None;
        while let Some(line) = self.terminals.next_part(terminal, self.sim.now) {
            // who scales down and up again lets the controllers see what lies between
            let scales = |l: &str| l.split_whitespace().find(|w| !matches!(*w, "kubectl" | "k")) == Some("scale");
            let pause = before.replace(line.clone()).is_some_and(|b| scales(&b) && scales(&line));
            self.sim.note = Some(whole.into());
            let files = Arc::make_mut(&mut self.files);
            let mut session = self.terminals.session(terminal);
            let later = self.sim.plane.answers_later();
            let later = if pause { later + SCALED } else { later };
            let until = self.sim.now + later;
            let mut api = WorldApi { sim: &mut self.sim, kubelets: &mut self.kubelets };
            let out = if later > SimDuration::ZERO && kubectl::asks_server(&line, &session) {
                kubectl::begin_late(&line, stdin.map(str::to_owned), self.sim.now, until)
            } else {
                let mut ctx = kubectl::Context::new(&mut api, files, &mut session);
                ctx.stdin = stdin.map(str::to_owned);
                kubectl::run(&line, &mut ctx)
            };
            if session.inside.is_some() {
                // the shell that was opened takes what comes now
                self.terminals.queue(terminal, vec![]);
            }
            self.terminals.set_session(terminal, session);
            self.terminals.output(terminal, out, &mut self.sim);
            self.sim.note = None;
        }
    }

    /// Carries out the next event if it is due by `until`. False: none is.
    pub fn step(&mut self, until: SimTime) -> bool {
        match self.sim.queue.next_time() {
            Some(t) if t <= until => {}
            _ => return false,
        }
        let Some((time, event)) = self.sim.queue.pop() else { return false };
        self.sim.now = self.sim.now.max(time);
        self.steps += 1;
        self.judge(event);
        true
    }

    /// An event is due: it happens, unless something is out of order.
    fn judge(&mut self, event: Event) {
        let sim = &mut self.sim;
        let troubled = !sim.plane.sound() || sim.network.tables.cut().next().is_some();
        let held = troubled && matches!(&event, Event::Kubelet(e) if self.kubelets.waits(sim, e));
        let repeats = matches!(event, Event::Poll(t) if self.terminals.repeats(t));
        match if sim.plane.sound() || repeats { Verdict::Go } else { sim.plane.verdict(&event) } {
            _ if held => sim.plane.hold(event),
            Verdict::Hold => sim.plane.hold(event),
            Verdict::Later(by) => sim.after(by, Event::Late(Box::new(event))),
            Verdict::Go => match event {
                Event::Late(event) => self.carry_out(*event),
                event => self.carry_out(event),
            },
        }
    }

    /// Carries out events until `until`, at most `budget` of them. True: `until` is reached and is now.
    pub fn advance(&mut self, until: SimTime, budget: u64) -> bool {
        for _ in 0..budget {
            if !self.step(until) {
                self.sim.now = self.sim.now.max(until);
                return true;
            }
        }
        false
    }

    fn carry_out(&mut self, event: Event) {
        let sim = &mut self.sim;
        sim.cause = 0;
        match event {
            Event::Watch(Component::Scheduler) => {
                sim.actor = Actor::Component(Component::Scheduler);
                self.scheduler.watch(sim);
            }
            Event::Watch(Component::Kubelets) => {
                sim.actor = Actor::Component(Component::Kubelets);
                self.kubelets.watch(sim);
            }
            Event::Watch(Component::Proxies) => {
                sim.actor = Actor::Component(Component::Proxies);
                crate::network::watch(sim);
            }
            Event::Watch(Component::Terminals) => {
                sim.deliver(Component::Terminals);
                self.poll_all();
            }
            Event::Watch(c) => {
                sim.actor = Actor::Component(c);
                self.controllers.watch(c, sim);
            }
            Event::Work(c) => {
                if c == Component::HorizontalPodAutoscaler {
                    self.kubelets.scrape(sim);
                }
                sim.actor = Actor::Component(c);
                self.controllers.work(c, sim);
            }
            Event::Requeue(c, key) => self.controllers.requeue(c, sim, key),
            Event::Timer(c, n) => {
                sim.actor = Actor::Component(c);
                self.controllers.timer(c, sim, n);
            }
            Event::Scheduler(e) => {
                sim.actor = Actor::Component(Component::Scheduler);
                self.scheduler.event(sim, e);
            }
            Event::Kubelet(e) => {
                sim.actor = Actor::Component(Component::Kubelets);
                self.kubelets.event(sim, e);
            }
            Event::Network(e) => {
                sim.actor = Actor::Component(Component::Proxies);
                crate::network::event(sim, &self.kubelets, e);
            }
            Event::Poll(terminal) if self.terminals.is_early(terminal, sim.now) => {}
            Event::Poll(terminal) => self.poll(terminal),
            Event::Late(event) => self.carry_out(*event),
            Event::ExpireEvents => sim.expire_events(),
            Event::OwnService => sim.ensure_own_service(),
        }
    }

    fn poll_all(&mut self) {
        for t in self.terminals.waiting() {
            self.poll(t);
        }
    }

    fn poll(&mut self, terminal: u8) {
        let Some(mut pending) = self.terminals.take_pending(terminal) else { return };
        self.sim.note = self.terminals.line(terminal);
        let files = Arc::make_mut(&mut self.files);
        let mut session = self.terminals.session(terminal);
        let mut api = WorldApi { sim: &mut self.sim, kubelets: &mut self.kubelets };
        let mut out = {
            let mut ctx = kubectl::Context::new(&mut api, files, &mut session);
            kubectl::poll(&mut pending, &mut ctx)
        };
        if out.code.is_none() {
            out.pending = Some(pending);
        }
        self.terminals.set_session(terminal, session);
        let whole = self.terminals.line(terminal);
        self.terminals.output(terminal, out, &mut self.sim);
        self.sim.note = None;
        self.go_on(terminal, whole.as_deref().unwrap_or_default(), None);
    }

    /// A number that two worlds share only if they are the same: objects, pending events, moment and counters.
    pub fn hash(&self) -> u64 {
        let mut h = Fnv(0xcbf2_9ce4_8422_2325);
        (self.sim.now, self.sim.store.resource_version(), self.steps, self.sim.requests.last()).hash(&mut h);
        for e in self.sim.store.all() {
            h.write(e.obj.to_value(&self.sim.store.ids).to_string().as_bytes());
            (e.created_by, e.updated_by).hash(&mut h);
        }
        for (t, e) in self.sim.queue.iter() {
            (t, e).hash(&mut h);
        }
        for (name, text) in self.files.iter() {
            (name, text).hash(&mut h);
        }
        self.sim.network.hash_into(&mut h);
        self.sim.plane.hash_into(&mut h);
        self.terminals.hash_into(&mut h);
        h.0
    }

    /// Answers a person's request, `…/log` included.
    pub fn request(&mut self, request: Request) -> Response {
        WorldApi { sim: &mut self.sim, kubelets: &mut self.kubelets }.request(request)
    }
}

/// Carries out a fault. The error is what the terminal says.
fn inject(sim: &mut Sim, kubelets: &mut Kubelets, fault: &Fault) -> Result<(), String> {
    let part = |part: &PlanePart| match part {
        PlanePart::ApiServer => Ok(Part::ApiServer),
        PlanePart::Scheduler => Ok(Part::Scheduler),
        PlanePart::ControllerManager => Ok(Part::ControllerManager),
        PlanePart::Controller(name) => match Component::controller(name) {
            Some(c) => Ok(Part::Controller(c)),
            None => Err(format!("there is no controller called {name:?}")),
        },
    };
    match fault {
        Fault::Stop { part: p, on } => {
            let part = part(p)?;
            let back = sim.plane.is_stopped(part) && !on;
            sim.stop_part(part, *on);
            if part == Part::ApiServer && back {
                kubelets.server_is_back(sim);
            }
            Ok(())
        }
        Fault::Slow { part: p, millis } => {
            sim.slow_part(part(p)?, SimDuration::from_millis(u64::from((*millis).min(MOST_SLOW))));
            Ok(())
        }
        other => sim.acting(Actor::Person, 0, |sim| kubelets.fault(sim, other)),
    }
}

/// Milliseconds by which a part can be slow at most.
const MOST_SLOW: u32 = 60_000;

/// FNV-1a over fixed-width little-endian numbers, so that every platform agrees.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.write_i64(n as i64);
    }
    fn write_u64(&mut self, n: u64) {
        self.write(&n.to_le_bytes());
    }
    fn write_u32(&mut self, n: u32) {
        self.write(&n.to_le_bytes());
    }
}

/// The API server as a person's kubectl reaches it.
pub struct WorldApi<'a> {
    /// The shared part.
    pub sim: &'a mut Sim,
    /// For logs and commands in containers.
    pub kubelets: &'a mut Kubelets,
}

impl Api for WorldApi<'_> {
    fn request(&mut self, request: Request) -> Response {
        if self.sim.plane.is_stopped(Part::ApiServer) {
            return self.sim.acting(Actor::Person, 0, |sim| sim.request(request));
        }
        let passed_on =
            self.sim.acting(Actor::Person, 0, |sim| crate::kubelet::streams::answer(self.kubelets, sim, &request));
        if let Some(response) = passed_on {
            return response;
        }
        if crate::apiserver::metrics::is_asked(&request.path) {
            // who only looks leaves no trace: what autoscalers see is scraped when they look
            let kept = self.sim.server.metrics.clone();
            self.kubelets.scrape(self.sim);
            let response = self.sim.acting(Actor::Person, 0, |sim| sim.request(request));
            self.sim.server.metrics = kept;
            return response;
        }
        self.sim.acting(Actor::Person, 0, |sim| sim.request(request))
    }

    fn now(&self) -> SimTime {
        self.sim.now
    }

    fn custom_resources(&self) -> Vec<&'static crate::api::kinds::ResourceInfo> {
        self.sim.custom_resources()
    }

    fn intervene(&mut self, deed: &serde_json::Value) -> Result<String, String> {
        match serde_json::from_value(deed.clone()).map_err(|e| e.to_string())? {
            Input::Fault(fault) => inject(self.sim, self.kubelets, &fault).map(|()| String::new()),
            Input::Client(spec) => clients::add(self.sim, &spec).map(|_| String::new()),
            Input::RemoveClient { name } => match clients::remove(self.sim, &name) {
                true => Ok(String::new()),
                false => Err(format!("there is no client called {name:?}")),
            },
            _ => Err("that is nothing a command does".into()),
        }
    }

    fn fetch(&mut self, url: &str, host: Option<&str>) -> Result<(u16, String, SimDuration), Unanswered> {
        self.kubelets.asked_from_outside(self.sim, url, host)
    }

    fn fetch_through(&mut self, url: &str) -> Result<(u16, String, SimDuration), Unanswered> {
        self.kubelets.asked_by_server(self.sim, url)
    }

    fn clients(&self) -> Vec<serde_json::Value> {
        self.sim.network.clients.iter().filter_map(|c| serde_json::to_value(&*c.spec).ok()).collect()
    }

    fn controllers(&self) -> Vec<&'static str> {
        Component::ALL.into_iter().filter(|c| c.is_controller()).map(Component::controller_name).collect()
    }
}
