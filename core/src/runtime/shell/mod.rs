//! A small POSIX shell in virtual time: what containers, exec probes, hooks and `kubectl exec` run.
//!
//! Invariant: a [`Process`] is plain data, a stack of frames over a shared tree; [`Process::step`] runs it until it
//! sleeps, ends or has used up its budget, so that no script, whatever it loops over, can hang the simulation. Must not
//! know pods: what lies outside the container comes from [`Surroundings`].

mod calls;
mod expand;
mod filing;
mod filters;
mod machine;
mod names;
mod net;
mod packages;
mod parse;
mod system;
mod tools;
mod utilities;

pub use parse::{List, Node, parse};
pub use system::lacks;
pub use tools::duration;
pub(crate) use utilities::echo;

use super::files::{FileSystem, normalize};
use crate::clock::{SimDuration, SimTime};
use imbl::OrdMap;
use machine::Machine;
use parse::Simple;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Commands that one step may run before the process has to wait.
const BUDGET: u32 = 400;
/// How long a process that used up its budget waits: a busy loop costs one event a second.
pub const BUSY: SimDuration = SimDuration::from_secs(1);
/// How often a file that is followed is looked at.
const FOLLOW: SimDuration = SimDuration::from_secs(1);
/// CPU that a command costs.
const COMMAND: u64 = 60;
/// Background jobs of one process.
const MAX_THREADS: usize = 16;
/// Frames of one thread: deeper recursion ends the shell.
const MAX_FRAMES: usize = 500;
/// Items of an array.
const MAX_ITEMS: usize = 1024;
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
    /// The server's certificate is of nobody that is trusted.
    Untrusted,
    /// The server's certificate is for other names.
    Misnamed,
    /// The file of those who are trusted cannot be read.
    NoAuthority,
}

/// What a process finds around its container.
pub trait Surroundings {
    /// The pod's host name.
    fn hostname(&self) -> String;
    /// Addresses of a name; none: it does not resolve.
    fn resolve(&mut self, name: &str) -> Vec<String>;
    /// The full name by which the name server knows a name; none: it does not.
    fn canonical(&mut self, _name: &str) -> Option<String> {
        None
    }
    /// The full name of a name that is another one's alias, and that other one.
    fn alias(&mut self, _name: &str) -> Option<(String, String)> {
        None
    }
    /// Connects to a port.
    ///
    /// # Errors
    /// Why not.
    fn connect(&mut self, host: &str, port: u16, udp: bool) -> Result<(), NetProblem>;
    /// SRV records of a name: the full name that has them, ports and targets.
    fn services(&mut self, _name: &str) -> Option<(String, Vec<(u16, String)>)> {
        None
    }
    /// Asks for a URL, by this `Host` header if one is given: status code and body. `files` are those of the process,
    /// for what its own pod serves of them.
    ///
    /// # Errors
    /// Why there is no answer.
    fn get(&mut self, url: &str, host: Option<&str>, files: &FileSystem<'_>) -> Result<(u16, String), NetProblem>;
    /// The container's image.
    fn image(&self) -> String {
        String::new()
    }
    /// Does the name server answer at all?
    fn names_answer(&self) -> bool {
        true
    }
    /// What a program (curl, wget) was given besides the URLs that it asks for next, for who looks at methods, headers
    /// and bodies.
    fn sends(&mut self, _program: &str, _args: &[String]) {}
    /// The tag of the container's image.
    fn image_version(&self) -> String {
        String::new()
    }
    /// The container's processes: number and command line.
    fn processes(&self) -> Vec<(u32, String)> {
        vec![(1, "sh".into())]
    }
    /// How many cores there are.
    fn cores(&self) -> u64 {
        4
    }
    /// Is it carried out by [`Surroundings::run`]?
    fn runs(&self, _name: &str) -> bool {
        false
    }
    /// Carries out a command that no container has: what it printed and its exit code. `job`: who goes on by
    /// [`Process::resume`] if there is none yet; `instant`: nobody can wait for it.
    fn run(&mut self, _job: u32, _argv: &[String], _input: &str, _instant: bool, _files: &mut FileSystem<'_>) -> Ran {
        Ran::default()
    }
    /// Bytes of memory of the machine, and how many of them are in use.
    fn memory(&self) -> (u64, u64) {
        (8 << 30, 1 << 30)
    }
    /// Bytes of its disk, and how many of them are in use.
    fn disk(&self) -> (u64, u64) {
        (100 << 30, 10 << 30)
    }
    /// Ports on which somebody listens.
    fn listening(&self) -> Vec<u16> {
        vec![]
    }
    /// Does an address answer an echo request?
    fn pings(&mut self, _ip: &str) -> bool {
        false
    }
    /// Do the container's tools come from BusyBox?
    fn busybox(&self) -> bool {
        true
    }
    /// Is the container's `sh` Debian's, whose `echo` reads escapes?
    fn dash(&self) -> bool {
        false
    }
    /// Is a program not there that others have?
    fn lacks(&self, _program: &str) -> bool {
        false
    }
    /// Headers of the last answer of [`Surroundings::get`].
    fn headers(&self) -> &[(String, String)] {
        &[]
    }
    /// How long the last [`Surroundings::get`] took.
    fn took(&self) -> SimDuration {
        SimDuration::ZERO
    }
}

/// What a command outside of the shell has printed; without a code it goes on.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The exit code.
    pub code: Option<i32>,
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
    fn connect(&mut self, _: &str, _: u16, _: bool) -> Result<(), NetProblem> {
        Err(NetProblem::Refused)
    }
    fn get(&mut self, _: &str, _: Option<&str>, _: &FileSystem<'_>) -> Result<(u16, String), NetProblem> {
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
    worked: SimDuration,
    busy: u64,
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
    /// Ports that a program was told to listen on, and what each says to whoever connects.
    told: (Vec<u16>, Vec<Arc<str>>),
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
    /// For ever, in a program that has all it wants of a core.
    Burning,
    Waiting,
    /// For a command outside of the shell.
    Outside,
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
    Pipe {
        stages: List,
        at: usize,
        negate: bool,
        out: Sink,
        input: Option<Input>,
        buffers: usize,
    },
    If {
        arms: Arc<[(List, List)]>,
        other: Option<List>,
        at: usize,
    },
    While {
        condition: List,
        body: List,
        until: bool,
        asking: bool,
    },
    For {
        var: Arc<str>,
        items: Arc<[String]>,
        at: usize,
        body: List,
    },
    Restore {
        out: Sink,
        err: Sink,
        input: Option<Input>,
    },
    Subshell(Box<Env>),
    Call(Arc<[String]>),
    Variables(Vec<(Arc<str>, Option<Variable>)>),
    Exec,
    Limit(SimTime),
    /// Files that are followed, and how far each has been printed.
    Follow(Arc<[String]>, Vec<usize>),
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
        Process {
            threads: vec![main],
            shared: Shared { unknown, next_pid: 7, ..Shared::default() },
            exited: None,
            worked: SimDuration::ZERO,
            busy: 0,
        }
    }

    /// A shell that runs a script of its own.
    pub fn of_list(list: List, env: &[(String, String)], cwd: &str) -> Process {
        let mut process = Process::new(&[], env, cwd, Unknown::NotFound);
        if let Some(t) = process.threads.first_mut() {
            t.frames = vec![Frame::List(list, 0)];
        }
        process
    }

    /// The variables that its script has set.
    pub fn variables(&self) -> Vec<(String, String)> {
        let all = self.threads.first().into_iter().flat_map(|t| t.env.vars.iter());
        let own = all.filter(|(k, _)| !matches!(&***k, "PATH" | "HOME"));
        own.map(|(k, (v, _))| (k.to_string(), v.to_string())).collect()
    }

    /// A command that a job waits for ([`Surroundings::run`]) has printed something, or has ended.
    pub fn resume(&mut self, job: u32, ran: &Ran, files: &mut FileSystem<'_>) {
        let around = &mut Alone(String::new());
        let now = SimTime::ZERO;
        let mut m = Machine { now, files, around, shared: &mut self.shared, budget: 0, depth: 0, instant: false };
        if let Some(t) = self.threads.iter_mut().find(|t| t.pid == job && t.block == Block::Outside) {
            m.ran(t, ran);
        }
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
        self.busy = 0;
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
                // each thread that would go on takes a core meanwhile
                let busy = self.threads.iter().filter(|t| t.block == Block::Ready).count().max(1) as u64;
                self.worked = self.worked + SimDuration(BUSY.0 * busy);
                self.busy = busy;
                return State::Until(now + BUSY);
            }
            // signals that it has sent to jobs of its own
            let kills = std::mem::take(&mut m.shared.kills);
            for (pid, signal) in kills {
                match self.threads.iter().skip(1).position(|t| t.pid == pid) {
                    Some(i) => {
                        self.threads.remove(i + 1);
                        progress = true;
                    }
                    None => m.shared.kills.push((pid, signal)),
                }
            }
            if !progress {
                break;
            }
        }
        self.worked = self.worked + SimDuration(u64::from(BUDGET - m.budget) * COMMAND);
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

    /// Ports that its commands name to listen on.
    pub fn told_ports(&self) -> &[u16] {
        &self.shared.told.0
    }

    /// These ports, and what each says.
    pub fn told(&self) -> impl Iterator<Item = (u16, Arc<str>)> + '_ {
        self.shared.told.0.iter().copied().zip(self.shared.told.1.iter().cloned())
    }

    /// What whoever connects to one of these ports gets to read.
    pub fn says_on(&self, port: u16) -> Option<&str> {
        let (ports, texts) = &self.shared.told;
        ports.iter().position(|p| *p == port).and_then(|i| texts.get(i)).map(|t| &**t)
    }

    /// How many of its programs take a whole core each, for ever.
    pub fn burns(&self) -> u64 {
        self.threads.iter().filter(|t| t.block == Block::Burning).count() as u64
    }

    /// How many cores it kept busy until its budget was used up, in its last step; 0: it was not.
    pub fn busy(&self) -> u64 {
        self.busy
    }

    /// Takes the CPU time that was spent since the last call.
    pub fn take_worked(&mut self) -> SimDuration {
        std::mem::take(&mut self.worked)
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

/// Does a shell's pattern fit a name?
pub fn fits(pattern: &str, name: &str) -> bool {
    expand::matches(pattern, name)
}

fn trap_name(s: Signal) -> &'static str {
    match s {
        Signal::Term => "TERM",
        Signal::Int => "INT",
        Signal::Hup => "HUP",
        Signal::Kill => "KILL",
    }
}

impl Env {
    fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|(v, _)| &**v)
    }

    /// The items of an array; of a plain variable, its value.
    fn items(&self, name: &str) -> Vec<String> {
        let at = |i: usize| self.get(&format!("{name}[{i}]")).map(str::to_owned);
        let all: Vec<String> = (0..MAX_ITEMS).map_while(at).collect();
        if all.is_empty() { self.get(name).map(str::to_owned).into_iter().collect() } else { all }
    }

    /// Makes a variable an array.
    fn set_items(&mut self, name: &str, items: &[String]) {
        for i in 0..MAX_ITEMS {
            if self.vars.remove(format!("{name}[{i}]").as_str()).is_none() {
                break;
            }
        }
        for (i, item) in items.iter().take(MAX_ITEMS).enumerate() {
            self.set(&format!("{name}[{i}]"), item);
        }
        self.set(name, items.first().map_or("", String::as_str));
    }

    fn set(&mut self, name: &str, value: &str) {
        let exported = self.vars.get(name).is_some_and(|(_, e)| *e);
        let value = cut(value, MAX_CAPTURE);
        self.vars.insert(name.into(), (value.into(), exported));
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
