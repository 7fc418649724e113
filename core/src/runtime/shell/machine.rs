//! The machine that runs threads: each step takes the topmost frame further; redirections say where output goes.

use super::parse::{self, Node, Redirect, Simple};
use super::{
    Block, Frame, Input, MAX_CAPTURE, MAX_FRAMES, MAX_OUTPUT, Shared, Sink, Stream, Surroundings, Thread, cut, expand,
    trap_name,
};
use crate::clock::SimTime;
use crate::runtime::files::{FileSystem, Problem, normalize};
use std::sync::Arc;

/// Runs threads: everything that a step may touch.
pub(super) struct Machine<'a, 'f> {
    pub(super) now: SimTime,
    pub(super) files: &'a mut FileSystem<'f>,
    pub(super) around: &'a mut dyn Surroundings,
    pub(super) shared: &'a mut Shared,
    pub(super) budget: u32,
    pub(super) depth: u32,
    /// Within `$(…)`: sleeping takes no time.
    pub(super) instant: bool,
}

impl Machine<'_, '_> {
    pub(super) fn run(&mut self, t: &mut Thread) {
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
            Frame::Follow(..) => self.followed(t),
            Frame::Exec => {
                t.frames.pop();
                self.exit(t, status);
            }
            _ => Self::pop(t),
        }
    }

    /// Takes a frame away and undoes what it had set.
    pub(super) fn pop(t: &mut Thread) {
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
    pub(super) fn exit(&mut self, t: &mut Thread, code: i32) {
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
    pub(super) fn limit(&mut self, t: &mut Thread) {
        let Some(i) = t.frames.iter().position(|f| matches!(f, Frame::Limit(at) if *at <= self.now)) else { return };
        while t.frames.len() > i {
            Self::pop(t);
        }
        t.status = 143;
    }

    pub(super) fn deliver(&mut self, t: &mut Thread) {
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
    pub(super) fn redirect(&mut self, t: &mut Thread, redirects: &[Redirect]) -> bool {
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

    pub(super) fn print(&mut self, t: &mut Thread, stream: Stream, text: &str) {
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

fn reason(p: Problem) -> &'static str {
    match p {
        Problem::Missing => "no such file",
        Problem::IsDir => "Is a directory",
        Problem::NotDir => "Not a directory",
        Problem::ReadOnly => "Read-only file system",
        Problem::Denied => "Permission denied",
        _ => "No space left on device",
    }
}
