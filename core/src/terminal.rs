//! Terminals: what was typed and printed, each terminal's kubeconfig, and the command that waits in it.

use crate::clock::SimTime;
use crate::kubectl::line::Join;
use crate::kubectl::pending::{Pending, Wait};
use crate::kubectl::{Effect, Output, Session};
use crate::sim::{Event, Sim};
use imbl::{OrdMap, Vector};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// One piece of a terminal's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Its number in the session; 1 is the first.
    pub number: u64,
    /// Which terminal.
    pub terminal: u8,
    /// When.
    pub at: SimTime,
    /// What.
    pub piece: Piece,
    /// The prompt of the shell in a container that took the line; empty for the page's own, and for all but lines.
    pub prompt: Arc<str>,
}

/// What a piece of a terminal's text is.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// A typed line.
    Line(Arc<str>),
    /// Standard output.
    Out(Arc<str>),
    /// Standard error.
    Err(Arc<str>),
    /// The command ended with this code.
    Exit(i32),
    /// Something for the page to do.
    Effect(Arc<Effect>),
}

/// Chunks kept.
const KEEP: usize = 2_000;

#[derive(Clone, Debug, Default)]
struct Terminal {
    session: Session,
    line: Option<Arc<str>>,
    pending: Option<Arc<Pending>>,
    /// The parts of the line that are still to come.
    rest: Vector<(Join, Arc<str>)>,
    last_code: i32,
}

/// All terminals.
#[derive(Clone, Debug, Default)]
pub struct Terminals {
    terminals: OrdMap<u8, Terminal>,
    chunks: Vector<Chunk>,
    count: u64,
}

impl Terminals {
    /// A terminal's kubeconfig.
    pub fn session(&self, t: u8) -> Session {
        let mut session = self.terminals.get(&t).map(|t| t.session.clone()).unwrap_or_default();
        let others = self.terminals.iter().filter(|(other, _)| **other != t);
        session.beside = others.flat_map(|(_, o)| o.session.served.clone()).collect();
        session
    }

    pub(crate) fn set_session(&mut self, t: u8, mut session: Session) {
        session.beside.clear();
        self.terminals.entry(t).or_default().session = session;
    }

    /// The line that runs in a terminal.
    pub fn line(&self, t: u8) -> Option<Arc<str>> {
        self.terminals.get(&t)?.line.clone()
    }

    /// The prompt of the shell in a container, or the question, that takes the lines; empty: kubectl takes them.
    pub fn prompt(&self, t: u8) -> Arc<str> {
        if self.terminals.get(&t).is_some_and(|t| !t.session.asked.is_empty()) {
            return crate::kubectl::cmd::delete::QUESTION.into();
        }
        let inside = self.terminals.get(&t).and_then(|t| t.session.inside.as_ref());
        inside.map_or_else(
            || "".into(),
            |i| format!("{}:{} #", i.pod, if i.directory.is_empty() { "/" } else { &i.directory }).into(),
        )
    }

    /// True while a command waits there.
    pub fn is_waiting(&self, t: u8) -> bool {
        self.terminals.get(&t).is_some_and(|t| t.pending.is_some())
    }

    /// Does the command that waits there want to be looked at later only?
    pub fn is_early(&self, t: u8, now: SimTime) -> bool {
        self.terminals.get(&t).and_then(|t| t.pending.as_ref()).is_some_and(|p| p.is_early(now))
    }

    /// Terminals in which a command waits.
    pub fn waiting(&self) -> Vec<u8> {
        self.terminals.iter().filter(|(_, t)| t.pending.is_some()).map(|(n, _)| *n).collect()
    }

    /// Does the command that waits there run others, again and again or one by one?
    pub fn repeats(&self, t: u8) -> bool {
        let pending = self.terminals.get(&t).and_then(|t| t.pending.as_ref());
        pending.is_some_and(|p| match &p.wait {
            Wait::Repeating(_) => true,
            Wait::Script(script) => script.only_sleeps(),
            _ => false,
        })
    }

    /// The exit code of the last command that ended.
    pub fn last_code(&self, t: u8) -> i32 {
        self.terminals.get(&t).map_or(0, |t| t.last_code)
    }

    /// The number of the newest chunk; 0 if there is none.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Chunks after this number, oldest first.
    pub fn since(&self, number: u64) -> impl Iterator<Item = &Chunk> + '_ {
        self.chunks.iter().skip_while(move |c| c.number <= number)
    }

    pub(crate) fn begin(&mut self, t: u8, line: &str, now: SimTime) {
        let line: Arc<str> = line.into();
        let prompt = self.prompt(t);
        let terminal = self.terminals.entry(t).or_default();
        terminal.line = Some(line.clone());
        terminal.pending = None;
        terminal.rest.clear();
        self.push(t, now, Piece::Line(line));
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.prompt = prompt;
        }
    }

    /// What the line that has begun consists of.
    pub(crate) fn queue(&mut self, t: u8, parts: Vec<(Join, String)>) {
        let parts = parts.into_iter().map(|(join, line)| (join, line.into()));
        self.terminals.entry(t).or_default().rest = parts.collect();
    }

    /// The next part of the line, if nothing waits and what came before lets it be carried out. A line whose last parts
    /// are left out has ended.
    pub(crate) fn next_part(&mut self, t: u8, now: SimTime) -> Option<Arc<str>> {
        let terminal = self.terminals.get_mut(&t)?;
        if terminal.pending.is_some() || terminal.rest.is_empty() {
            return None;
        }
        while let Some((join, line)) = terminal.rest.pop_front() {
            let taken = match join {
                Join::Always => true,
                Join::IfDone => terminal.last_code == 0,
                Join::IfFailed => terminal.last_code != 0,
            };
            if taken {
                return Some(line);
            }
        }
        let code = terminal.last_code;
        terminal.line = None;
        self.push(t, now, Piece::Exit(code));
        None
    }

    pub(crate) fn take_pending(&mut self, t: u8) -> Option<Pending> {
        self.terminals.get_mut(&t)?.pending.take().map(|p| (*p).clone())
    }

    pub(crate) fn output(&mut self, t: u8, out: Output, sim: &mut Sim) {
        // a warning comes with the server's answer, before anything is said of what was done
        let warned = out.stderr.split_inclusive('\n').take_while(|l| l.starts_with("Warning: ")).map(str::len).sum();
        let (warnings, errors) = out.stderr.split_at(if out.stdout.is_empty() { 0 } else { warned });
        if !warnings.is_empty() {
            self.push(t, sim.now, Piece::Err(warnings.into()));
        }
        if !out.stdout.is_empty() {
            self.push(t, sim.now, Piece::Out(out.stdout.into()));
        }
        if !errors.is_empty() {
            self.push(t, sim.now, Piece::Err(errors.into()));
        }
        for e in out.effects {
            self.push(t, sim.now, Piece::Effect(Arc::new(e)));
        }
        let terminal = self.terminals.entry(t).or_default();
        if let Some(code) = out.code {
            terminal.last_code = code;
            terminal.pending = None;
            if terminal.rest.is_empty() {
                terminal.line = None;
                self.push(t, sim.now, Piece::Exit(code));
            }
        } else if let Some(p) = out.pending {
            if let Some(d) = p.deadline() {
                sim.queue.at(d.max(sim.now), Event::Poll(t));
            }
            terminal.pending = Some(Arc::new(p));
        }
        sim.terminals_wait = !self.waiting().is_empty();
    }

    /// The pod that goes when the command that waits is interrupted (`run -it --rm`).
    pub(crate) fn left(&self, t: u8) -> Option<crate::kubectl::Inside> {
        match &self.terminals.get(&t)?.pending.as_ref()?.wait {
            Wait::Attached(a) => a.left().cloned(),
            _ => None,
        }
    }

    pub(crate) fn interrupt(&mut self, t: u8, sim: &mut Sim) {
        if let Some(terminal) = self.terminals.get_mut(&t) {
            terminal.session.asked.clear();
        }
        if let Some(pending) = self.take_pending(t) {
            if let (Wait::Interrupt(ports), Some(terminal)) = (&pending.wait, self.terminals.get_mut(&t)) {
                terminal.session.served.retain(|port, _| !ports.contains(port));
            }
            self.push(t, sim.now, Piece::Err("^C\n".into()));
            self.push(t, sim.now, Piece::Exit(130));
            let terminal = self.terminals.entry(t).or_default();
            terminal.last_code = 130;
            terminal.rest.clear();
            terminal.line = None;
        }
        sim.terminals_wait = !self.waiting().is_empty();
    }

    pub(crate) fn say(&mut self, t: u8, text: &str, now: SimTime) {
        self.push(t, now, Piece::Err(text.into()));
    }

    fn push(&mut self, terminal: u8, at: SimTime, piece: Piece) {
        self.count += 1;
        self.chunks.push_back(Chunk { number: self.count, terminal, at, piece, prompt: "".into() });
        if self.chunks.len() > KEEP + KEEP / 4 {
            self.chunks = self.chunks.split_off(KEEP / 4);
        }
    }

    pub(crate) fn hash_into(&self, h: &mut impl Hasher) {
        self.count.hash(h);
        for c in &self.chunks {
            match &c.piece {
                Piece::Out(t) | Piece::Err(t) | Piece::Line(t) => t.hash(h),
                Piece::Exit(code) => code.hash(h),
                Piece::Effect(_) => {}
            }
        }
    }
}
