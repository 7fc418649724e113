//! Lines at the prompt that are more than commands: loops, conditions, arithmetic, `sleep`, `curl`. The containers' shell
//! reads them and runs them in virtual time; what it does not know itself, kubectl before all, comes back here.
//!
//! Invariant: a script is plain data like every command that waits; no loop runs on without time passing.

use super::command::NAMES;
use super::line::has_here_document;
use super::pending::{Pending, Wait};
use super::{Context, Output, kubarium, pipes, run_args};
use crate::apiserver::request::Unanswered;
use crate::clock::{SimDuration, SimTime};
use crate::runtime::files::{FileSystem, Files, User, normalize};
use crate::runtime::shell::{self, NetProblem, Process, Ran, State, Stream, Surroundings};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// Where the prompt's files stand.
pub(super) const HERE: &str = "/work";

/// Empty directories that are kept.
const MOST_DIRECTORIES: usize = 64;

/// A script that goes on.
#[derive(Clone, Debug)]
pub struct Script {
    process: Process,
    /// What kubectl commands of it wait for, by the number of the job.
    waits: BTreeMap<u32, Pending>,
    next: Option<SimTime>,
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        self.next == other.next && self.waits == other.waits
    }
}

/// Words that a line or a part of it begins with if the shell is to read it.
const BEGINNINGS: &[&str] = &[
    "for",
    "while",
    "until",
    "if",
    "case",
    "do",
    "then",
    "{",
    "!",
    "[",
    "[[",
    "test",
    "sleep",
    "curl",
    "wget",
    "seq",
    "date",
    "printf",
    "true",
    "false",
    "expr",
    "nslookup",
    "timeout",
    "time",
    "read",
    "nc",
    "rm",
    "mv",
    "touch",
    "mkdir",
    "rmdir",
    "cp",
    "chmod",
    "sudo",
    "sh",
    "bash",
    "/bin/sh",
    "/bin/bash",
    "ln",
    "find",
    "tee",
];

/// Is a line for the shell, by the parts that it would fall into otherwise?
pub fn is_one<'a>(mut parts: impl Iterator<Item = &'a str>) -> bool {
    parts.any(|part| {
        let part = part.trim_start();
        let first = part.split(|c: char| c.is_whitespace()).next().unwrap_or_default();
        BEGINNINGS.contains(&first)
            || part.starts_with('(')
            || first.ends_with("()")
            || first.contains("=(")
            || part.contains("$((")
            || has_here_document(part)
    })
}

/// What the shell finds around itself at the prompt.
struct Prompt<'a, 'b> {
    ctx: &'a mut Context<'b>,
    waits: &'a mut BTreeMap<u32, Pending>,
    took: SimDuration,
    /// Files of the working directory that the shell has seen: those that it no longer has were removed by it.
    seen: BTreeSet<String>,
    /// The arguments of the curl that asks.
    sent: Vec<String>,
}

impl Prompt<'_, '_> {
    /// What the shell has done to files is done to those of the working directory.
    fn sync(&mut self, files: &FileSystem<'_>) {
        self.ctx.session.directories.clear();
        self.take_files(files, HERE);
        for name in std::mem::take(&mut self.seen) {
            if files.read(&format!("{HERE}/{name}")).is_err() {
                self.ctx.files.remove(&name);
            }
        }
        self.look(files);
    }

    /// Notes which files the shell sees.
    fn look(&mut self, files: &FileSystem<'_>) {
        let names = self.ctx.files.keys().filter(|n| files.read(&format!("{HERE}/{n}")).is_ok());
        self.seen = names.cloned().collect();
    }

    /// What serves on the person's own ports answers there.
    fn local(&mut self, url: &str) -> Option<Result<(u16, String, SimDuration), Unanswered>> {
        let rest = url.strip_prefix("http://").unwrap_or(url);
        let rest = rest.strip_prefix("localhost").or_else(|| rest.strip_prefix("127.0.0.1"))?;
        let (port, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let port = if port.is_empty() { 80 } else { port.strip_prefix(':')?.parse().ok()? };
        super::cmd::proxy::local(port, path, &self.sent, self.ctx)
    }

    /// Files that the shell has written are files of the working directory.
    fn take_files(&mut self, files: &FileSystem<'_>, directory: &str) {
        for (name, is_directory) in files.list(directory) {
            let path = normalize(directory, &name);
            if is_directory {
                if files.list(&path).is_empty() && self.ctx.session.directories.len() < MOST_DIRECTORIES {
                    self.ctx.session.directories.insert(path.trim_start_matches(HERE).to_owned());
                }
                self.take_files(files, &path);
            } else if let Ok(text) = files.read(&path) {
                let name = path.trim_start_matches(HERE).trim_start_matches('/');
                if self.ctx.files.get(name).is_none_or(|old| **old != *text) {
                    self.ctx.files.insert(name.to_owned(), text.to_string());
                }
            }
        }
    }
}

impl Surroundings for Prompt<'_, '_> {
    fn hostname(&self) -> String {
        "kubarium".into()
    }

    fn resolve(&mut self, name: &str) -> Vec<String> {
        if name == "localhost" {
            vec!["127.0.0.1".into()]
        } else {
            name.parse::<Ipv4Addr>().map_or(vec![], |ip| vec![ip.to_string()])
        }
    }

    fn connect(&mut self, host: &str, port: u16, _udp: bool) -> Result<(), NetProblem> {
        self.ctx.api.fetch(&format!("http://{host}:{port}/"), None).map(|_| ()).map_err(problem)
    }

    fn get(&mut self, url: &str, host: Option<&str>, _files: &FileSystem<'_>) -> Result<(u16, String), NetProblem> {
        let answer = match self.local(url) {
            Some(answer) => answer,
            None => self.ctx.api.fetch(url, host),
        };
        let (code, body, took) = answer.map_err(problem)?;
        self.took = took;
        Ok((code, body))
    }

    fn sends(&mut self, _: &str, args: &[String]) {
        self.sent = args.to_vec();
    }

    fn took(&self) -> SimDuration {
        self.took
    }

    fn runs(&self, name: &str) -> bool {
        matches!(name, "kubectl" | "k" | "kubarium" | "jq" | "clear" | "openssl" | "minikube" | "kind")
            || NAMES.contains(&name) && !shell::knows(name)
    }

    fn run(&mut self, job: u32, argv: &[String], input: &str, instant: bool, files: &mut FileSystem<'_>) -> Ran {
        self.sync(files);
        let before = std::mem::take(&mut self.ctx.out);
        let stdin = self.ctx.stdin.clone();
        if !input.is_empty() {
            self.ctx.stdin = Some(input.to_owned());
        }
        match argv[0].as_str() {
            "kubectl" | "k" => run_args(&argv[1..], self.ctx),
            "kubarium" => kubarium::run(&argv[1..], self.ctx),
            "minikube" | "kind" => super::elsewhere::run(argv, self.ctx),
            name if pipes::is_filter(name) => pipes::run_filter(argv, Some(input.to_owned()), self.ctx),
            _ => run_args(argv, self.ctx),
        }
        self.ctx.stdin = stdin;
        let mut out = std::mem::replace(&mut self.ctx.out, before);
        self.ctx.out.effects.append(&mut out.effects);
        if self.ctx.session.inside.take().is_some() {
            out.stderr.push_str("kubarium: a shell in a container takes lines of its own: type it alone\n");
            out.code = Some(1);
        }
        for (name, text) in self.ctx.files.iter() {
            let path = format!("{HERE}/{name}");
            if files.read(&path).is_ok_and(|old| *old == **text) {
                continue;
            }
            // the shell's file system takes less than the prompt's; what does not fit is not seen by it
            let _ = files.write(&path, text, false);
        }
        self.look(files);
        match out.pending.take() {
            Some(_) if instant => out.code = Some(out.code.unwrap_or(1)),
            Some(pending) => {
                self.waits.insert(job, pending);
            }
            None => {}
        }
        Ran { out: out.stdout, err: out.stderr, code: out.code }
    }
}

fn problem(why: Unanswered) -> NetProblem {
    match why {
        Unanswered::UnknownHost => NetProblem::UnknownHost,
        Unanswered::Refused => NetProblem::Refused,
        Unanswered::TimedOut => NetProblem::TimedOut,
    }
}

/// Begins a line that the shell reads.
pub fn begin(line: &str, ctx: &mut Context) {
    let list = match shell::parse(line) {
        Ok(list) => list,
        Err(e) => {
            ctx.eprintln(format!("kubarium: {e}"));
            ctx.out.code = Some(2);
            return;
        }
    };
    let variables: Vec<(String, String)> = ctx.session.variables.clone().into_iter().collect();
    let mut process = Process::of_list(list, &variables, HERE);
    if let Some(text) = &ctx.stdin {
        process = process.with_input(text);
    }
    let mut script = Script { process, waits: BTreeMap::new(), next: None };
    if !script.step(ctx) {
        let deadline = script.deadline();
        ctx.out.pending = Some(Pending::new(Wait::Script(Box::new(script)), deadline));
    }
}

impl Script {
    /// Does it wait for nothing but time?
    pub fn only_sleeps(&self) -> bool {
        self.waits.is_empty()
    }

    fn deadline(&self) -> Option<SimTime> {
        self.waits.values().filter_map(|p| p.deadline).chain(self.next).min()
    }

    /// Runs it on until it waits again; true: it has ended.
    fn step(&mut self, ctx: &mut Context) -> bool {
        let now = ctx.now();
        let mut root = Files::root();
        root.place_dir(HERE);
        for name in &ctx.session.directories {
            root.place_dir(&format!("{HERE}{name}"));
        }
        for (name, text) in ctx.files.iter() {
            root.place(&format!("{HERE}/{name}"), text);
        }
        let mut files = FileSystem { user: User::root(), root: &mut root, mounts: &[], volumes: &mut [] };
        let mut prompt =
            Prompt { ctx, waits: &mut self.waits, took: SimDuration::ZERO, seen: BTreeSet::new(), sent: vec![] };
        prompt.look(&files);
        let state = self.process.step(now, &mut files, &mut prompt);
        prompt.sync(&files);
        for (stream, text) in self.process.take_output() {
            match stream {
                Stream::Out => ctx.out.stdout.push_str(&text),
                Stream::Err => ctx.out.stderr.push_str(&text),
            }
        }
        self.next = match state {
            State::Until(at) => Some(at),
            State::Serves => None,
            State::Exited(code) => {
                ctx.session.variables.extend(self.process.variables());
                ctx.out.code = Some(code);
                return true;
            }
        };
        false
    }

    /// Goes on; true when it has ended.
    pub fn poll(&mut self, deadline: &mut Option<SimTime>, ctx: &mut Context) -> bool {
        let now = ctx.now();
        let mut went_on = self.next.is_some_and(|t| t <= now);
        let before = std::mem::take(&mut ctx.out);
        let mut said: Vec<(u32, Output)> = vec![];
        for (job, pending) in self.waits.iter_mut().filter(|(_, p)| !p.is_early(now)) {
            said.push((*job, super::poll(pending, ctx)));
        }
        ctx.out = before;
        for (job, out) in said {
            went_on |= out.code.is_some();
            if out.code.is_some() {
                self.waits.remove(&job);
            }
            ctx.out.effects.extend(out.effects);
            let mut root = Files::root();
            let mut files = FileSystem { user: User::root(), root: &mut root, mounts: &[], volumes: &mut [] };
            self.process.resume(job, &Ran { out: out.stdout, err: out.stderr, code: out.code }, &mut files);
        }
        for (stream, text) in self.process.take_output() {
            match stream {
                Stream::Out => ctx.out.stdout.push_str(&text),
                Stream::Err => ctx.out.stderr.push_str(&text),
            }
        }
        if went_on && self.step(ctx) {
            return true;
        }
        *deadline = self.deadline();
        false
    }
}
