//! A small POSIX shell in virtual time: what containers, exec probes, hooks and `kubectl exec` run.
//!
//! Invariant: a [`Process`] is plain data, a stack of frames over a shared tree; [`Process::step`] runs it until it
//! sleeps, ends or has used up its budget, so that no script, whatever it loops over, can hang the simulation. Must not
//! know pods: what lies outside the container comes from [`Surroundings`].

mod expand;
mod filters;
mod net;
mod parse;
mod tools;
pub use tools::duration;
mod utilities;

pub use parse::{List, Node, parse};

use super::files::{FileSystem, Problem, normalize};
use crate::clock::{SimDuration, SimTime};
use imbl::OrdMap;
use parse::{Redirect, Simple};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Commands that one step may run before the process has to wait.
const BUDGET: u32 = 400;
/// How long a process that used up its budget waits: a busy loop costs one event a second.
const BUSY: SimDuration = SimDuration::from_secs(1);
/// Background jobs of one process.
const MAX_THREADS: usize = 16;
/// Frames of one thread: deeper recursion ends the shell.
const MAX_FRAMES: usize = 500;
/// Bytes that a pipe or a command substitution holds.
const MAX_CAPTURE: usize = 256 * 1024;
/// Bytes of output a process may hold until somebody takes them.
const MAX_OUTPUT: usize = 256 * 1024;

/// Where a line of output went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Signals that processes get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, 15
    Term,
    /// SIGINT, 2
    Int,
    /// SIGHUP, 1
    Hup,
    /// SIGKILL, 9
    Kill,
}

impl Signal {
    /// Its number.
    pub const fn number(self) -> i32 {
        match self {
            Signal::Term => 15,
            Signal::Int => 2,
            Signal::Hup => 1,
            Signal::Kill => 9,
        }
    }

    /// Reads `TERM`, `SIGTERM` or `15`.
    pub fn parse(text: &str) -> Option<Signal> {
        Some(match text.to_ascii_uppercase().trim_start_matches("SIG") {
            "TERM" | "15" | "QUIT" | "3" => Signal::Term,
            "INT" | "2" => Signal::Int,
            "HUP" | "1" => Signal::Hup,
            "KILL" | "9" => Signal::Kill,
            _ => return None,
        })
    }
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetProblem {
    /// The name does not resolve.
    UnknownHost,
    /// Nobody listens.
    Refused,
    /// No answer.
    TimedOut,
}

/// What a process finds around its container.
pub trait Surroundings {
    /// The pod's host name.
    fn hostname(&self) -> String;
    /// Addresses of a name; none: it does not resolve.
    fn resolve(&mut self, name: &str) -> Vec<String>;
    /// Connects to a port.
    ///
    /// # Errors
    /// Why not.
    fn connect(&mut self, host: &str, port: u16) -> Result<(), NetProblem>;
    /// Asks for a URL: status code and body.
    ///
    /// # Errors
    /// Why there is no answer.
    fn get(&mut self, url: &str) -> Result<(u16, String), NetProblem>;
}

/// Nothing around: a host name, no network. For tests and for containers whose network is not looked at.
#[derive(Clone, Debug)]
pub struct Alone(pub String);

impl Surroundings for Alone {
    fn hostname(&self) -> String {
        self.0.clone()
    }
    fn resolve(&mut self, _: &str) -> Vec<String> {
        vec![]
    }
    fn connect(&mut self, _: &str, _: u16) -> Result<(), NetProblem> {
        Err(NetProblem::Refused)
    }
    fn get(&mut self, _: &str) -> Result<(u16, String), NetProblem> {
        Err(NetProblem::UnknownHost)
    }
}

/// What a program that is no built-in does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// `not found`, 127: the image is known, and does not have it.
    #[default]
    NotFound,
    /// It serves for ever: nobody knows the image.
    Serves,
    /// It ends well at once: a probe or hook in an image that nobody knows.
    Succeeds,
}

/// How a process stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Look again at this moment.
    Until(SimTime),
    /// It waits for nothing that time brings: it serves.
    Serves,
    /// It has ended with this exit code.
    Exited(i32),
}

/// A running program with all that it started.
#[derive(Clone, Debug)]
pub struct Process {
    threads: Vec<Thread>,
    shared: Shared,
    exited: Option<i32>,
}

#[derive(Clone, Debug, Default)]
struct Shared {
    functions: BTreeMap<Arc<str>, List>,
    /// What to do on a signal or on `EXIT`; an empty list ignores it.
    traps: BTreeMap<String, List>,
    pending: Vec<Signal>,
    output: Vec<(Stream, String)>,
    held: usize,
    started: Vec<Thread>,
    kills: Vec<(u32, Signal)>,
    unknown: Unknown,
    next_pid: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Block {
    #[default]
    Ready,
    Until(SimTime),
    /// For ever, in a program that takes no notice of anything.
    Forever,
    /// For ever, in a server.
    Serving,
    Waiting,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Sink {
    #[default]
    Out,
    Err,
    Null,
    Capture(usize),
    File(Arc<str>),
}

#[derive(Clone, Debug, PartialEq)]
struct Input {
    text: Arc<str>,
    at: usize,
}

/// A variable's value, and whether commands see it.
type Variable = (Arc<str>, bool);

#[derive(Clone, Debug, Default)]
struct Env {
    vars: OrdMap<Arc<str>, Variable>,
    args: Arc<[String]>,
    name: Arc<str>,
    cwd: Arc<str>,
    errexit: bool,
    trace: bool,
}

#[derive(Clone, Debug)]
enum Frame {
    List(List, usize),
    AndOr(Arc<[(bool, Node)]>, usize),
    Pipe { stages: List, at: usize, negate: bool, out: Sink, input: Option<Input>, buffers: usize },
    If { arms: Arc<[(List, List)]>, other: Option<List>, at: usize },
    While { condition: List, body: List, until: bool, asking: bool },
    For { var: Arc<str>, items: Arc<[String]>, at: usize, body: List },
    Restore { out: Sink, err: Sink, input: Option<Input> },
    Subshell(Box<Env>),
    Call(Arc<[String]>),
    Variables(Vec<(Arc<str>, Option<Variable>)>),
    Exec,
    Limit(SimTime),
}

#[derive(Clone, Debug, Default)]
struct Thread {
    frames: Vec<Frame>,
    env: Env,
    status: i32,
    substituted: i32,
    block: Block,
    out: Sink,
    err: Sink,
    input: Option<Input>,
    buffers: Vec<String>,
    pid: u32,
    last_background: u32,
}

impl Process {
    /// A process that runs `argv` in the directory `cwd` (empty: `/`) with these environment variables.
    pub fn new(argv: &[String], env: &[(String, String)], cwd: &str, unknown: Unknown) -> Process {
        let command = Node::Simple(Arc::new(Simple {
            words: argv.iter().map(|w| parse::Word::text(w)).collect(),
            ..Simple::default()
        }));
        let mut vars: OrdMap<Arc<str>, Variable> = OrdMap::new();
        vars.insert("PATH".into(), ("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(), true));
        vars.insert("HOME".into(), ("/root".into(), true));
        for (k, v) in env {
            vars.insert(k.as_str().into(), (v.as_str().into(), true));
        }
        let main = Thread {
            frames: vec![Frame::List(Arc::from(vec![command]), 0)],
            env: Env { vars, cwd: normalize("/", cwd).into(), name: "sh".into(), ..Env::default() },
            err: Sink::Err,
            pid: 1,
            ..Thread::default()
        };
        Process { threads: vec![main], shared: Shared { unknown, next_pid: 7, ..Shared::default() }, exited: None }
    }

    /// Sets what standard input holds.
    pub fn with_input(mut self, text: &str) -> Process {
        if let Some(t) = self.threads.first_mut() {
            t.input = Some(Input { text: text.into(), at: 0 });
        }
        self
    }

    /// Runs until the process sleeps, serves or ends, at most [`BUDGET`] commands.
    pub fn step(&mut self, now: SimTime, files: &mut FileSystem<'_>, around: &mut dyn Surroundings) -> State {
        if let Some(code) = self.exited {
            return State::Exited(code);
        }
        let mut m = Machine { now, files, around, shared: &mut self.shared, budget: BUDGET, depth: 0, instant: false };
        loop {
            let mut progress = false;
            let mut i = 0;
            while i < self.threads.len() {
                let others = self.threads.len() > 1;
                let t = &mut self.threads[i];
                match t.block {
                    Block::Until(at) if at <= now => {
                        t.block = Block::Ready;
                        m.limit(t);
                    }
                    Block::Waiting if !others => t.block = Block::Ready,
                    _ => {}
                }
                if i == 0 && !m.shared.pending.is_empty() && matches!(t.block, Block::Ready | Block::Waiting) {
                    m.deliver(t);
                }
                if t.block == Block::Ready {
                    progress = true;
                    m.run(t);
                }
                if t.block == Block::Ready && t.frames.is_empty() {
                    if i == 0 {
                        let code = t.status;
                        m.exit(t, code);
                        if !t.frames.is_empty() {
                            continue;
                        }
                        self.exited = Some(code);
                        return State::Exited(code);
                    }
                    self.threads.remove(i);
                    continue;
                }
                i += 1;
            }
            let room = MAX_THREADS.saturating_sub(self.threads.len());
            let mut started = std::mem::take(&mut m.shared.started);
            started.truncate(room);
            progress |= !started.is_empty();
            self.threads.extend(started);
            if m.budget == 0 {
                return State::Until(now + BUSY);
            }
            if !progress {
                break;
            }
        }
        let next = self.threads.iter().filter_map(|t| match t.block {
            Block::Until(at) => Some(at),
            Block::Ready => Some(now + SimDuration::from_millis(10)),
            _ => None,
        });
        next.min().map_or(State::Serves, State::Until)
    }

    /// Gives the process a signal and says whether it ends by that at once (then with which code). A shell has no
    /// handler unless it set a trap, and the first process of a container is not ended by a signal without one.
    pub fn signal(&mut self, signal: Signal) -> Option<i32> {
        if self.exited.is_some() {
            return self.exited;
        }
        if signal == Signal::Kill {
            self.exited = Some(137);
            return self.exited;
        }
        let name = trap_name(signal);
        if self.shared.traps.contains_key(name) && !self.shared.pending.contains(&signal) {
            self.shared.pending.push(signal);
        }
        None
    }

    /// Does the process look at signals now, or only after what it waits for?
    pub fn wakes_on_signal(&self) -> bool {
        !self.shared.pending.is_empty()
            && self.threads.first().is_some_and(|t| matches!(t.block, Block::Ready | Block::Waiting))
    }

    /// It has come to rest in a program that serves, so that its ports are open and a signal is the program's affair.
    pub fn serving(&self) -> bool {
        self.exited.is_none() && self.threads.iter().any(|t| t.block == Block::Serving)
    }

    /// Takes what was printed since the last call.
    pub fn take_output(&mut self) -> Vec<(Stream, String)> {
        self.shared.held = 0;
        std::mem::take(&mut self.shared.output)
    }

    /// Takes the signals that the process sent: process id (1: the container's first process) and signal.
    pub fn take_kills(&mut self) -> Vec<(u32, Signal)> {
        std::mem::take(&mut self.shared.kills)
    }
}

/// Can a shell of ours run this program (by its name or path)? Else it is up to the image.
pub fn knows(program: &str) -> bool {
    let base = program.rsplit('/').next().unwrap_or(program);
    tools::CONTROL.contains(&base) || utilities::is_utility(base) || utilities::serves_by_name(base)
}

fn trap_name(s: Signal) -> &'static str {
    match s {
        Signal::Term => "TERM",
        Signal::Int => "INT",
        Signal::Hup => "HUP",
        Signal::Kill => "KILL",
    }
}

/// Runs threads: everything that a step may touch.
struct Machine<'a, 'f> {
    now: SimTime,
    files: &'a mut FileSystem<'f>,
    around: &'a mut dyn Surroundings,
    shared: &'a mut Shared,
    budget: u32,
    depth: u32,
    /// Within `$(…)`: sleeping takes no time.
    instant: bool,
}

impl Machine<'_, '_> {
    fn run(&mut self, t: &mut Thread) {
        while t.block == Block::Ready {
            if self.budget == 0 || t.frames.is_empty() {
                return;
            }
            self.budget -= 1;
            if t.frames.len() > MAX_FRAMES {
                self.print(t, Stream::Err, "sh: recursion too deep\n");
                self.exit(t, 2);
                continue;
            }
            self.advance(t);
        }
    }

    /// Takes the topmost frame one step further.
    fn advance(&mut self, t: &mut Thread) {
        let status = t.status;
        let Some(frame) = t.frames.last_mut() else { return };
        match frame {
            Frame::List(nodes, at) => match nodes.get(*at).cloned() {
                Some(node) => {
                    *at += 1;
                    if *at == nodes.len() {
                        // the last command takes the list's place: endless recursion stays flat
                        t.frames.pop();
                    }
                    self.node(t, &node);
                }
                None => {
                    t.frames.pop();
                }
            },
            Frame::AndOr(rest, at) => match rest.get(*at).cloned() {
                Some((and, node)) => {
                    *at += 1;
                    if and == (status == 0) {
                        self.node(t, &node);
                    }
                }
                None => {
                    t.frames.pop();
                }
            },
            Frame::Pipe { stages, at, negate, out, input, buffers } => {
                if *at > 0 && *at < stages.len() {
                    let text = t.buffers.get_mut(*buffers).map(std::mem::take).unwrap_or_default();
                    t.input = Some(Input { text: text.into(), at: 0 });
                }
                match stages.get(*at).cloned() {
                    Some(node) => {
                        *at += 1;
                        t.out = if *at == stages.len() { out.clone() } else { Sink::Capture(*buffers) };
                        self.node(t, &node);
                    }
                    None => {
                        if *negate {
                            t.status = i32::from(status == 0);
                        }
                        (t.out, t.input) = (out.clone(), input.clone());
                        t.buffers.truncate(*buffers);
                        t.frames.pop();
                    }
                }
            }
            Frame::If { arms, other, at } => {
                // `at` conditions have been started; 0: none yet
                let body = if *at > 0 && status == 0 { arms.get(*at - 1).map(|(_, b)| b.clone()) } else { None };
                if let Some(body) = body {
                    t.frames.pop();
                    t.frames.push(Frame::List(body, 0));
                } else if let Some((condition, _)) = arms.get(*at).cloned() {
                    *at += 1;
                    t.frames.push(Frame::List(condition, 0));
                } else {
                    let other = other.clone();
                    t.frames.pop();
                    t.status = 0;
                    t.frames.extend(other.map(|o| Frame::List(o, 0)));
                }
            }
            Frame::While { condition, body, until, asking } => {
                if *asking && (status == 0) == *until {
                    t.frames.pop();
                    t.status = 0;
                } else {
                    let next = if *asking { body.clone() } else { condition.clone() };
                    *asking = !*asking;
                    t.frames.push(Frame::List(next, 0));
                }
            }
            Frame::For { var, items, at, body } => match items.get(*at).cloned() {
                Some(item) => {
                    *at += 1;
                    let (var, body) = (var.clone(), body.clone());
                    t.env.set(&var, &item);
                    t.frames.push(Frame::List(body, 0));
                }
                None => {
                    t.frames.pop();
                }
            },
            Frame::Exec => {
                t.frames.pop();
                self.exit(t, status);
            }
            _ => Self::pop(t),
        }
    }

    /// Takes a frame away and undoes what it had set.
    fn pop(t: &mut Thread) {
        match t.frames.pop() {
            Some(Frame::Restore { out, err, input }) => (t.out, t.err, t.input) = (out, err, input),
            Some(Frame::Subshell(env)) => t.env = *env,
            Some(Frame::Call(args)) => t.env.args = args,
            Some(Frame::Variables(old)) => {
                for (k, v) in old {
                    match v {
                        Some(v) => t.env.vars.insert(k, v),
                        None => t.env.vars.remove(&k),
                    };
                }
            }
            Some(Frame::Pipe { out, input, buffers, .. }) => {
                (t.out, t.input) = (out, input);
                t.buffers.truncate(buffers);
            }
            _ => {}
        }
    }

    /// Ends the innermost subshell, or the thread.
    fn exit(&mut self, t: &mut Thread, code: i32) {
        t.status = code;
        while let Some(f) = t.frames.last() {
            let subshell = matches!(f, Frame::Subshell(_));
            Self::pop(t);
            if subshell {
                return;
            }
        }
        if t.pid == 1
            && let Some(list) = self.shared.traps.remove("EXIT")
        {
            // the trap runs first; its own status does not count
            let words = vec![parse::Word::text("exit"), parse::Word::text(&code.to_string())];
            let leave = Node::Simple(Arc::new(Simple { words, ..Simple::default() }));
            t.frames = vec![Frame::List(Arc::from(vec![leave]), 0), Frame::List(list, 0)];
        }
    }

    /// Ends a `timeout` whose time is over.
    fn limit(&mut self, t: &mut Thread) {
        let Some(i) = t.frames.iter().position(|f| matches!(f, Frame::Limit(at) if *at <= self.now)) else { return };
        while t.frames.len() > i {
            Self::pop(t);
        }
        t.status = 143;
    }

    fn deliver(&mut self, t: &mut Thread) {
        let signal = self.shared.pending.remove(0);
        t.status = 128 + signal.number();
        if let Some(list) = self.shared.traps.get(trap_name(signal)) {
            t.frames.push(Frame::List(list.clone(), 0));
        }
        t.block = Block::Ready;
    }

    fn node(&mut self, t: &mut Thread, node: &Node) {
        match node {
            Node::Simple(c) => self.simple(t, c),
            Node::Pipe { stages, negate } => {
                let buffers = t.buffers.len();
                if stages.len() > 1 {
                    t.buffers.push(String::new());
                }
                t.frames.push(Frame::Pipe {
                    stages: stages.clone(),
                    at: 0,
                    negate: *negate,
                    out: t.out.clone(),
                    input: t.input.clone(),
                    buffers,
                });
            }
            Node::AndOr(first, rest) => {
                t.frames.push(Frame::AndOr(rest.clone(), 0));
                self.node(t, first);
            }
            Node::Background(list) => {
                self.shared.next_pid += 1;
                let pid = self.shared.next_pid;
                t.last_background = pid;
                t.status = 0;
                let mut child = Thread { frames: vec![Frame::List(list.clone(), 0)], pid, ..t.clone() };
                child.frames.truncate(1);
                child.input = None;
                self.shared.started.push(child);
            }
            Node::If(arms, other) => {
                t.frames.push(Frame::If { arms: arms.clone(), other: other.clone(), at: 0 });
            }
            Node::While { condition, body, until } => t.frames.push(Frame::While {
                condition: condition.clone(),
                body: body.clone(),
                until: *until,
                asking: false,
            }),
            Node::For { var, words, body } => {
                let items = match words {
                    Some(words) => self.fields(t, words),
                    None => t.env.args.to_vec(),
                };
                t.status = 0;
                t.frames.push(Frame::For { var: var.clone(), items: items.into(), at: 0, body: body.clone() });
            }
            Node::Case(word, arms) => {
                let text = self.single(t, word);
                t.status = 0;
                for (patterns, body) in arms.iter() {
                    if patterns.iter().any(|p| expand::matches(&self.pattern(t, p), &text)) {
                        t.frames.push(Frame::List(body.clone(), 0));
                        break;
                    }
                }
            }
            Node::Subshell(list) => {
                t.frames.push(Frame::Subshell(Box::new(t.env.clone())));
                t.frames.push(Frame::List(list.clone(), 0));
            }
            Node::Group(list) => t.frames.push(Frame::List(list.clone(), 0)),
            Node::Function(name, body) => {
                self.shared.functions.insert(name.clone(), body.clone());
                t.status = 0;
            }
            Node::Redirected(node, redirects) => {
                if self.redirect(t, redirects) {
                    self.node(t, node);
                }
            }
        }
    }

    /// Sets up redirections under a frame that takes them back; false: one failed, and the command is not run.
    fn redirect(&mut self, t: &mut Thread, redirects: &[Redirect]) -> bool {
        t.frames.push(Frame::Restore { out: t.out.clone(), err: t.err.clone(), input: t.input.clone() });
        for r in redirects {
            let done = match r {
                Redirect::Dup(from, to) => {
                    let sink = if *to == 2 { t.err.clone() } else { t.out.clone() };
                    *(if *from == 2 { &mut t.err } else { &mut t.out }) = sink;
                    Ok(())
                }
                Redirect::Here(w) => {
                    let text = self.single(t, w);
                    t.input = Some(Input { text: text.into(), at: 0 });
                    Ok(())
                }
                Redirect::In(w) => {
                    let name = self.single(t, w);
                    let path = normalize(&t.env.cwd, &name);
                    self.files
                        .read(&path)
                        .map(|text| t.input = Some(Input { text, at: 0 }))
                        .map_err(|p| format!("can't open {name}: {}", reason(p)))
                }
                Redirect::Both(w) => self.open(t, w, false).map(|s| {
                    t.out = s.clone();
                    t.err = s;
                }),
                Redirect::Out { fd, append, target } => {
                    self.open(t, target, *append).map(|s| *(if *fd == 2 { &mut t.err } else { &mut t.out }) = s)
                }
            };
            if let Err(e) = done {
                Self::pop(t);
                self.print(t, Stream::Err, &format!("sh: {e}\n"));
                t.status = 1;
                return false;
            }
        }
        true
    }

    fn open(&mut self, t: &mut Thread, target: &parse::Word, append: bool) -> Result<Sink, String> {
        let name = self.single(t, target);
        let path = normalize(&t.env.cwd, &name);
        match path.as_str() {
            "/dev/null" => return Ok(Sink::Null),
            "/dev/stdout" | "/proc/1/fd/1" => return Ok(Sink::Out),
            "/dev/stderr" | "/proc/1/fd/2" => return Ok(Sink::Err),
            _ => {}
        }
        self.files.write(&path, "", append).map_err(|p| format!("can't create {name}: {}", reason(p)))?;
        Ok(Sink::File(path.into()))
    }

    fn print(&mut self, t: &mut Thread, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let sink = if stream == Stream::Out { &t.out } else { &t.err };
        match sink {
            Sink::Null => {}
            Sink::Out | Sink::Err => {
                let to = if *sink == Sink::Out { Stream::Out } else { Stream::Err };
                let room = MAX_OUTPUT.saturating_sub(self.shared.held);
                let text = cut(text, room);
                self.shared.held += text.len();
                match self.shared.output.last_mut() {
                    Some((s, old)) if *s == to => old.push_str(text),
                    _ if text.is_empty() => {}
                    _ => self.shared.output.push((to, text.to_owned())),
                }
            }
            Sink::Capture(i) => {
                if let Some(b) = t.buffers.get_mut(*i) {
                    b.push_str(cut(text, MAX_CAPTURE.saturating_sub(b.len())));
                }
            }
            Sink::File(path) => {
                let path = path.clone();
                // a full or vanished file swallows what is written
                let _ = self.files.write(&path, text, true);
            }
        }
    }
}

impl Env {
    fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|(v, _)| &**v)
    }

    fn set(&mut self, name: &str, value: &str) {
        let exported = self.vars.get(name).is_some_and(|(_, e)| *e);
        let value = cut(value, MAX_CAPTURE);
        self.vars.insert(name.into(), (value.into(), exported));
    }
}

fn reason(p: Problem) -> &'static str {
    match p {
        Problem::Missing => "no such file",
        Problem::IsDir => "Is a directory",
        Problem::NotDir => "Not a directory",
        Problem::ReadOnly => "Read-only file system",
        _ => "No space left on device",
    }
}

/// At most `room` bytes of a text.
fn cut(text: &str, room: usize) -> &str {
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
