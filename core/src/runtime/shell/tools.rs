//! Simple commands, and those built-ins that touch the shell itself: its variables, its frames, its time.

use super::packages;
use super::parse::{self, List, Simple};
use super::utilities::{self, Given};
use super::{Block, Env, Frame, Machine, Ran, Signal, Stream, Thread, Unknown};
use crate::clock::{SimDuration, SimTime};
use crate::runtime::files::{Entry, normalize};
use crate::text::count;
use std::sync::Arc;

/// Commands that are carried out here.
pub(super) const CONTROL: &[&str] = &[
    ".",
    ":",
    "ash",
    "bash",
    "break",
    "builtin",
    "cd",
    "command",
    "continue",
    "dash",
    "docker-entrypoint.sh",
    "dumb-init",
    "env",
    "eval",
    "exec",
    "exit",
    "export",
    "gosu",
    "kill",
    "killall",
    "killall5",
    "local",
    "nohup",
    "pkill",
    "printenv",
    "pwd",
    "read",
    "readonly",
    "return",
    "set",
    "setsid",
    "sh",
    "shift",
    "sleep",
    "source",
    "su-exec",
    "tini",
    "time",
    "timeout",
    "trap",
    "true",
    "type",
    "unset",
    "wait",
    "watch",
    "which",
    "xargs",
    "zsh",
];

/// Parses `5`, `0.5`, `1m`, `2h`, `1d`, `infinity`.
pub fn duration(text: &str) -> Option<SimDuration> {
    if text.starts_with("inf") {
        return Some(SimDuration(u64::MAX / 2));
    }
    let (digits, factor) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3600.0),
        'd' => (&text[..text.len() - 1], 86400.0),
        _ => (text, 1.0),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let n: f64 = digits.parse().ok()?;
    // far beyond any session, and within the clock's range
    Some(SimDuration((n * factor * 1e6).min(1e17) as u64))
}

impl Machine<'_, '_> {
    pub(super) fn simple(&mut self, t: &mut Thread, c: &Simple) {
        if !c.redirects.is_empty() && !self.redirect(t, &c.redirects) {
            return;
        }
        t.substituted = 0;
        let argv = self.fields(t, &c.words);
        let assigns: Vec<(Arc<str>, String)> =
            c.assigns.iter().map(|(k, w)| (k.as_str().into(), self.single(t, w))).collect();
        for (name, items) in &c.arrays {
            let items = self.fields(t, items);
            t.env.set_items(name, &items);
        }
        if t.env.trace {
            let line: Vec<String> =
                assigns.iter().map(|(k, v)| format!("{k}={v}")).chain(argv.iter().cloned()).collect();
            self.print(t, Stream::Err, &format!("+ {}\n", line.join(" ")));
        }
        let Some(name) = argv.first().cloned() else {
            for (k, v) in assigns {
                t.env.set(&k, &v);
            }
            t.status = t.substituted;
            return;
        };
        if !assigns.is_empty() {
            let old = assigns.iter().map(|(k, _)| (k.clone(), t.env.vars.get(&**k).cloned())).collect();
            t.frames.push(Frame::Variables(old));
            for (k, v) in assigns {
                t.env.vars.insert(k, (v.into(), true));
            }
        }
        self.call(t, &name, &argv[1..]);
        let asked = t.frames.iter().rev().take_while(|f| !matches!(f, Frame::Subshell(_))).any(|f| {
            matches!(f, Frame::If { .. } | Frame::AndOr(..) | Frame::While { asking: true, .. } | Frame::Pipe { .. })
        });
        if t.env.errexit && t.status != 0 && t.block == Block::Ready && !asked {
            let code = t.status;
            self.exit(t, code);
        }
    }

    /// Carries out a command; its status is in `t.status`, or a frame that will set it has been pushed.
    pub(super) fn call(&mut self, t: &mut Thread, name: &str, args: &[String]) {
        if let Some(body) = self.shared.functions.get(name).cloned() {
            t.frames.push(Frame::Call(std::mem::replace(&mut t.env.args, args.into())));
            t.frames.push(Frame::List(body, 0));
            t.status = 0;
            return;
        }
        let installed = name == "jq" && self.files.get("/usr/bin/jq").is_some();
        if installed || self.around.runs(name) {
            let input = Self::rest_of_input(t);
            let argv: Vec<String> =
                std::iter::once(name).chain(args.iter().map(String::as_str)).map(Into::into).collect();
            let ran = self.around.run(t.pid, &argv, &input, self.instant, self.files);
            // a round trip to the API server takes longer than a built-in
            self.budget = self.budget.saturating_sub(20);
            return self.ran(t, &ran);
        }
        let base = name.rsplit('/').next().unwrap_or(name);
        let first = args.first().map(String::as_str);
        t.status = 0;
        match base {
            ":" | "true" | "readonly" => {}
            "sleep" => self.sleep(t, args),
            "exit" => {
                let code = first.and_then(|c| c.parse::<i32>().ok()).unwrap_or(t.substituted) & 0xff;
                self.exit(t, code);
            }
            "return" => {
                let code = first.and_then(|c| c.parse().ok()).unwrap_or(0);
                while let Some(f) = t.frames.last() {
                    if matches!(f, Frame::Subshell(_)) {
                        break;
                    }
                    let call = matches!(f, Frame::Call(_));
                    Self::pop(t);
                    if call {
                        break;
                    }
                }
                t.status = code;
            }
            "break" | "continue" => self.jump(t, base == "break", first.and_then(|n| n.parse().ok()).unwrap_or(1)),
            "cd" => {
                let to = first.unwrap_or("/root");
                let path = normalize(&t.env.cwd, to);
                if self.files.get(&path) == Some(Entry::Dir) {
                    t.env.cwd = path.into();
                } else {
                    self.fail(t, 1, &format!("sh: cd: can't cd to {to}: No such file or directory"));
                }
            }
            "pwd" => {
                let line = format!("{}\n", t.env.cwd);
                self.print(t, Stream::Out, &line);
            }
            "export" | "local" => {
                for a in args {
                    let (k, v) = a.split_once('=').map_or((a.as_str(), None), |(k, v)| (k, Some(v)));
                    let value: Arc<str> = v.map_or_else(|| t.env.get(k).unwrap_or_default().into(), Into::into);
                    let exported = base == "export" || t.env.vars.get(k).is_some_and(|(_, e)| *e);
                    t.env.vars.insert(k.into(), (value, exported));
                }
            }
            "unset" => {
                for a in args {
                    t.env.vars.remove(a.as_str());
                    self.shared.functions.remove(a.as_str());
                }
            }
            "set" => self.set(t, args),
            "shift" => {
                let n: usize = first.and_then(count).unwrap_or(1);
                t.env.args = t.env.args.iter().skip(n).cloned().collect();
            }
            "read" => self.read(t, args),
            "trap" => self.trap(args),
            "wait" => {
                if !self.instant {
                    t.block = Block::Waiting;
                }
            }
            "kill" => self.kill(t, args),
            "pkill" if !self.around.processes().iter().any(|(_, l)| args.last().is_some_and(|a| l.contains(a))) => {
                t.status = 1;
            }
            // everything but what has been begun along with it
            "killall5" => {
                let named = args.iter().find_map(|a| Signal::parse(a.strip_prefix('-')?));
                self.shared.kills.push((1, named.unwrap_or(Signal::Term)));
            }
            "killall" | "pkill" => {
                // by its name only the container's first process is meant
                let probes = args.iter().any(|a| a == "-0");
                let gone = self.shared.kills.iter().any(|(pid, _)| *pid == 1);
                if probes || gone {
                    t.status = i32::from(gone);
                } else {
                    self.shared.kills.push((1, Signal::Term));
                }
            }
            "eval" => self.script(t, &args.join(" ")),
            "." | "source" => match first.map(|f| self.files.read(&normalize(&t.env.cwd, f))) {
                Some(Ok(text)) => self.script(t, &text),
                _ => self.fail(t, 2, &format!("sh: {}: not found", first.unwrap_or("."))),
            },
            "exec" if args.is_empty() => {
                // its redirections last: the frame that would take them back goes
                if let Some(i) = t.frames.iter().rposition(|f| matches!(f, Frame::Restore { .. })) {
                    t.frames.remove(i);
                }
            }
            "exec" => {
                t.frames.push(Frame::Exec);
                self.call(t, &args[0].clone(), &args[1..]);
            }
            "command" | "builtin" | "nohup" | "time" | "setsid" | "tini" | "dumb-init" | "docker-entrypoint.sh" => {
                let rest = &args[args.iter().take_while(|a| a.starts_with('-')).count()..];
                if base == "command" && first.is_some_and(|f| f.eq_ignore_ascii_case("-v")) {
                    return self.find(t, rest);
                }
                if let Some(n) = rest.first().cloned() {
                    self.call(t, &n, &rest[1..]);
                }
            }
            "gosu" | "su-exec" => {
                if let Some(n) = args.get(1).cloned() {
                    self.call(t, &n, &args[2..]);
                }
            }
            // who types at the prompt is allowed everything
            "sudo" if self.around.runs("kubectl") => {
                let rest = &args[args.iter().take_while(|a| a.starts_with('-')).count()..];
                if let Some(n) = rest.first().cloned() {
                    self.call(t, &n, &rest[1..]);
                }
            }
            "which" | "type" => self.find(t, args),
            "timeout" => self.timeout(t, args),
            "env" | "printenv" => self.environment(t, base, args),
            "xargs" => self.xargs(t, args),
            "watch" => t.block = if self.instant { Block::Ready } else { Block::Forever },
            "sh" | "bash" | "ash" | "dash" | "zsh" => self.shell(t, base, args),
            _ => self.program(t, name, base, args),
        }
    }

    /// A command outside of the shell has printed something, and has ended or not.
    pub(super) fn ran(&mut self, t: &mut Thread, ran: &Ran) {
        self.print(t, Stream::Out, &ran.out);
        self.print(t, Stream::Err, &ran.err);
        t.block = if ran.code.is_none() { Block::Outside } else { Block::Ready };
        t.status = ran.code.unwrap_or(0);
    }

    fn program(&mut self, t: &mut Thread, name: &str, base: &str, args: &[String]) {
        if self.around.lacks(base) && !packages::installed(self.files, base) {
            return self.fail(t, 127, &format!("sh: {name}: not found"));
        }
        if base == "tail" && utilities::serves(base, args) {
            return self.follow(t, args);
        }
        if utilities::burns(base, args) {
            if !self.instant {
                t.block = Block::Burning;
            }
            return;
        }
        if utilities::serves(base, args) {
            if let Some(port) = utilities::told_port(base, args).filter(|_| !self.instant) {
                let text = Self::rest_of_input(t);
                let (ports, texts) = &mut self.shared.told;
                match ports.iter().position(|p| *p == port) {
                    Some(i) => texts[i] = text,
                    None if ports.len() < super::MAX_THREADS => {
                        ports.push(port);
                        texts.push(text);
                    }
                    None => {}
                }
            }
            if !self.instant {
                let server = utilities::serves_by_name(base) || base.starts_with("n");
                t.block = if server { Block::Serving } else { Block::Forever };
            }
            return;
        }
        if utilities::serves_by_name(base) {
            return self.server_tool(t, base, args);
        }
        if base == "echo" && matches!(&*t.env.name, "sh" | "dash") && self.around.dash() {
            let text = utilities::echo(args, true);
            return self.print(t, Stream::Out, &text);
        }
        if utilities::is_utility(base) {
            let input = if utilities::reads_input(base, args) { Self::rest_of_input(t) } else { Arc::from("") };
            let cwd = t.env.cwd.clone();
            if base == "[["
                && let [text, op, pattern, ..] = args
                && op == "=~"
                && let Some(hit) = crate::text::regex(pattern).ok().and_then(|re| re.captures(text))
            {
                let items: Vec<String> =
                    (0..hit.len()).map(|i| hit.get(i).map_or_else(String::new, |m| m.as_str().to_owned())).collect();
                t.env.set_items("BASH_REMATCH", &items);
            }
            let given = Given { name: base, args, input: &input, cwd: &cwd, now: self.now };
            let done = utilities::run(&given, self.files, self.around);
            self.print(t, Stream::Out, &done.out);
            self.print(t, Stream::Err, &done.err);
            t.status = done.code;
            if done.forever && !self.instant {
                t.block = Block::Forever;
            }
            if done.takes.0 > 0 && !self.instant {
                t.block = Block::Until(self.now + done.takes);
            }
            return;
        }
        if name.contains('/')
            && let Ok(text) = self.files.read(&normalize(&t.env.cwd, name))
        {
            return self.run_script(t, name, &text, args);
        }
        match self.shared.unknown {
            Unknown::NotFound => self.fail(t, 127, &format!("sh: {name}: not found")),
            Unknown::Succeeds => {}
            Unknown::Serves => t.block = if self.instant { Block::Ready } else { Block::Serving },
        }
    }

    /// `tail -f`: what is there, and then what comes.
    fn follow(&mut self, t: &mut Thread, args: &[String]) {
        let (mut lines, mut files): (String, Vec<String>) = ("10".into(), vec![]);
        let mut rest = args.iter();
        while let Some(a) = rest.next() {
            match a.strip_prefix('-') {
                None => files.push(normalize(&t.env.cwd, a)),
                Some("n") => lines = rest.next().cloned().unwrap_or_default(),
                Some(f) if f.starts_with('n') => f[1..].clone_into(&mut lines),
                Some(f) if f.starts_with(|c: char| c.is_ascii_digit()) => {
                    lines = f.chars().take_while(char::is_ascii_digit).collect();
                }
                Some(_) => {}
            }
        }
        files.retain(|f| f != "/dev/null");
        let mut seen = vec![];
        for f in &files {
            let text = self.files.read(f).unwrap_or_else(|_| Arc::from(""));
            let all: Vec<&str> = text.split_inclusive('\n').collect();
            let skip = match lines.strip_prefix('+') {
                Some(first) => count(first).unwrap_or(1).saturating_sub(1),
                None => all.len().saturating_sub(count(&lines).unwrap_or(10)),
            };
            let part: String = all.into_iter().skip(skip).collect();
            self.print(t, Stream::Out, &part);
            seen.push(text.len());
        }
        if self.instant {
            return;
        }
        if files.is_empty() {
            t.block = Block::Forever;
            return;
        }
        t.frames.push(Frame::Follow(files.into(), seen));
        t.block = Block::Until(self.now + super::FOLLOW);
    }

    /// Prints what has come to the files that are followed since.
    pub(super) fn followed(&mut self, t: &mut Thread) {
        let Some(Frame::Follow(files, mut seen)) = t.frames.pop() else { return };
        for (f, at) in files.iter().zip(&mut seen) {
            let text = self.files.read(f).unwrap_or_else(|_| Arc::from(""));
            // a file that has become shorter is another one
            let from = if text.len() < *at { 0 } else { *at };
            let part = text.get(from..).unwrap_or_default().to_owned();
            self.print(t, Stream::Out, &part);
            *at = text.len();
        }
        t.frames.push(Frame::Follow(files, seen));
        t.block = Block::Until(self.now + super::FOLLOW);
    }

    pub(super) fn fail(&mut self, t: &mut Thread, code: i32, text: &str) {
        self.print(t, Stream::Err, &format!("{text}\n"));
        t.status = code;
    }

    fn sleep(&mut self, t: &mut Thread, args: &[String]) {
        let mut total = SimDuration::ZERO;
        for a in args {
            match duration(a) {
                Some(d) => total = total + d,
                None => return self.fail(t, 1, &format!("sleep: invalid number '{a}'")),
            }
        }
        if args.is_empty() {
            return self.fail(t, 1, "sleep: missing operand");
        }
        if self.instant || total.0 == 0 {
            return;
        }
        let limit = t.frames.iter().filter_map(|f| match f {
            Frame::Limit(at) => Some(*at),
            _ => None,
        });
        let until = self.now + total;
        let at = limit.min().unwrap_or(SimTime::MAX).min(until);
        t.block = if at.0 > u64::MAX / 4 { Block::Forever } else { Block::Until(at) };
    }

    fn jump(&mut self, t: &mut Thread, leave: bool, count: usize) {
        let mut left = count.max(1);
        while let Some(f) = t.frames.last() {
            match f {
                Frame::While { .. } | Frame::For { .. } => {
                    left -= 1;
                    if left == 0 {
                        if leave {
                            t.frames.pop();
                        }
                        break;
                    }
                    t.frames.pop();
                }
                Frame::Subshell(_) | Frame::Call(_) => break,
                _ => Self::pop(t),
            }
        }
        t.status = 0;
        // a loop that goes on asks its condition next
        if let Some(Frame::While { asking, .. }) = t.frames.last_mut() {
            *asking = false;
        }
    }

    fn set(&mut self, t: &mut Thread, args: &[String]) {
        let mut rest = args;
        while let Some(a) = rest.first() {
            if a == "--" {
                t.env.args = rest[1..].into();
                return;
            }
            if !a.starts_with(['-', '+']) {
                t.env.args = rest.into();
                return;
            }
            let on = a.starts_with('-');
            for c in a[1..].chars() {
                match c {
                    'e' => t.env.errexit = on,
                    'x' => t.env.trace = on,
                    _ => {}
                }
            }
            rest = if a.ends_with('o') && rest.len() > 1 {
                match rest[1].as_str() {
                    "errexit" => t.env.errexit = on,
                    "xtrace" => t.env.trace = on,
                    _ => {}
                }
                &rest[2..]
            } else {
                &rest[1..]
            };
        }
    }

    fn read(&mut self, t: &mut Thread, args: &[String]) {
        let mut names: Vec<&String> = args.iter().filter(|a| !a.starts_with('-')).collect();
        let reply = "REPLY".to_owned();
        if names.is_empty() {
            names.push(&reply);
        }
        let Some(input) = t.input.as_mut().filter(|i| i.at < i.text.len()) else {
            t.status = 1;
            return;
        };
        let rest = &input.text[input.at..];
        let line = rest.split('\n').next().unwrap_or(rest).to_owned();
        input.at = (input.at + line.len() + 1).min(input.text.len());
        let mut left = line.trim();
        for (i, n) in names.iter().enumerate() {
            let (value, rest) =
                if i + 1 == names.len() { (left, "") } else { left.split_once([' ', '\t']).unwrap_or((left, "")) };
            t.env.set(n, value);
            left = rest.trim_start();
        }
    }

    pub(super) fn rest_of_input(t: &mut Thread) -> Arc<str> {
        match &mut t.input {
            Some(i) => {
                let rest: Arc<str> = if i.at == 0 { i.text.clone() } else { i.text[i.at..].into() };
                i.at = i.text.len();
                rest
            }
            None => Arc::from(""),
        }
    }

    fn trap(&mut self, args: &[String]) {
        let [action, signals @ ..] = args else { return };
        for s in signals {
            let name = match Signal::parse(s) {
                Some(Signal::Term) => "TERM",
                Some(Signal::Int) => "INT",
                Some(Signal::Hup) => "HUP",
                _ if s == "EXIT" || s == "0" => "EXIT",
                _ => continue,
            };
            if action == "-" {
                self.shared.traps.remove(name);
            } else if let Ok(list) = parse::parse(action) {
                self.shared.traps.insert(name.into(), list);
            }
        }
    }

    fn kill(&mut self, t: &mut Thread, args: &[String]) {
        let mut signal = Signal::Term;
        let mut probe = false;
        let mut rest = args.iter().peekable();
        while let Some(a) = rest.peek().filter(|a| a.starts_with('-') && a.len() > 1) {
            let text = if *a == "-s" {
                rest.next();
                rest.peek().map_or("", |s| s.as_str())
            } else {
                &a[1..]
            };
            probe |= text == "0";
            signal = Signal::parse(text).unwrap_or(signal);
            rest.next();
        }
        for pid in rest {
            match pid.trim_start_matches('%').parse::<u32>() {
                Ok(pid) if !probe => self.shared.kills.push((pid, signal)),
                Ok(_) => {}
                Err(_) => return self.fail(t, 1, &format!("sh: kill: invalid number '{pid}'")),
            }
        }
    }

    fn find(&mut self, t: &mut Thread, names: &[String]) {
        for n in names.iter().filter(|n| !n.starts_with('-')) {
            let known = CONTROL.contains(&n.as_str())
                || utilities::is_utility(n)
                || self.shared.functions.contains_key(n.as_str())
                || self.files.get(&normalize(&t.env.cwd, n)).is_some() && n.contains('/');
            if known {
                self.print(t, Stream::Out, &format!("/usr/bin/{n}\n"));
            } else {
                t.status = 1;
            }
        }
    }

    fn timeout(&mut self, t: &mut Thread, args: &[String]) {
        let skip = args.iter().take_while(|a| a.starts_with('-')).count();
        let Some(limit) = args.get(skip).and_then(|a| duration(a)) else {
            return self.fail(t, 125, "timeout: invalid time interval");
        };
        let Some(name) = args.get(skip + 1).cloned() else { return };
        t.frames.push(Frame::Limit(self.now + limit));
        self.call(t, &name, &args[skip + 2..]);
        if matches!(t.block, Block::Forever | Block::Serving | Block::Burning) {
            t.block = Block::Until(self.now + limit);
        }
    }

    fn environment(&mut self, t: &mut Thread, base: &str, args: &[String]) {
        let mut rest = args;
        let mut extra = vec![];
        while base == "env" && rest.first().is_some_and(|a| a.starts_with('-') || a.contains('=')) {
            if let Some((k, v)) = rest[0].split_once('=') {
                extra.push((Arc::<str>::from(k), Arc::<str>::from(v)));
            }
            rest = &rest[1..];
        }
        if base == "env"
            && let Some(name) = rest.first().cloned()
        {
            t.frames.push(Frame::Variables(
                extra.iter().map(|(k, _)| (k.clone(), t.env.vars.get(&**k).cloned())).collect(),
            ));
            for (k, v) in extra {
                t.env.vars.insert(k, (v, true));
            }
            return self.call(t, &name, &rest[1..]);
        }
        let mut text = String::new();
        if base == "printenv" && !rest.is_empty() {
            for n in rest {
                match t.env.get(n) {
                    Some(v) => text += &format!("{v}\n"),
                    None => t.status = 1,
                }
            }
        } else {
            let host = self.around.hostname();
            let Env { vars, .. } = &t.env;
            if !vars.contains_key("HOSTNAME") {
                text += &format!("HOSTNAME={host}\n");
            }
            for (k, (v, _)) in vars.iter().filter(|(_, (_, exported))| *exported) {
                text += &format!("{k}={v}\n");
            }
            for (k, v) in extra {
                text += &format!("{k}={v}\n");
            }
        }
        self.print(t, Stream::Out, &text);
    }

    /// `sh`, `sh -c text name args`, `sh file args`.
    fn shell(&mut self, t: &mut Thread, base: &str, args: &[String]) {
        let mut rest = args;
        let (mut command, mut errexit, mut trace) = (false, false, false);
        while let Some(a) = rest.first().filter(|a| a.starts_with(['-', '+']) && a.len() > 1) {
            if !a.starts_with("--") {
                command |= a.contains('c');
                errexit |= a.contains('e');
                trace |= a.contains('x');
            }
            let takes = a == "-o" || a == "+o" || (a.ends_with('o') && a.starts_with('-') && !a.starts_with("--"));
            rest = &rest[1..];
            if takes && !rest.is_empty() {
                rest = &rest[1..];
            }
        }
        if command {
            let Some((text, rest)) = rest.split_first() else {
                return self.fail(t, 2, &format!("{base}: -c requires an argument"));
            };
            match parse::parse(text) {
                Ok(list) => {
                    let name = rest.first().map_or(base, String::as_str);
                    self.sub_shell(t, name, rest.get(1..).unwrap_or_default(), list);
                    t.env.errexit = errexit;
                    t.env.trace = trace;
                }
                Err(e) => self.fail(t, 2, &format!("{base}: {e}")),
            }
        } else if let Some((file, rest)) = rest.split_first() {
            match self.files.read(&normalize(&t.env.cwd, file)) {
                Ok(text) => {
                    self.run_script(t, file, &text, rest);
                    t.env.errexit |= errexit;
                }
                Err(_) if self.shared.unknown == Unknown::Serves => t.block = Block::Serving,
                Err(_) if self.shared.unknown == Unknown::Succeeds => {}
                Err(_) => self.fail(t, 2, &format!("{base}: can't open '{file}': No such file or directory")),
            }
        } else {
            let text = Self::rest_of_input(t);
            match parse::parse(&text) {
                Ok(list) => self.sub_shell(t, base, &[], list),
                Err(e) => self.fail(t, 2, &format!("{base}: {e}")),
            }
        }
    }

    fn run_script(&mut self, t: &mut Thread, name: &str, text: &str, args: &[String]) {
        match parse::parse(text) {
            Ok(list) => self.sub_shell(t, name, args, list),
            Err(e) => self.fail(t, 2, &format!("{name}: {e}")),
        }
    }

    fn sub_shell(&mut self, t: &mut Thread, name: &str, args: &[String], list: List) {
        // the first process's own shell needs no way back
        if !t.frames.is_empty() {
            t.frames.push(Frame::Subshell(Box::new(t.env.clone())));
        }
        t.env.name = name.into();
        t.env.args = args.into();
        (t.env.errexit, t.env.trace) = (false, false);
        t.frames.push(Frame::List(list, 0));
    }

    fn script(&mut self, t: &mut Thread, text: &str) {
        match parse::parse(text) {
            Ok(list) => t.frames.push(Frame::List(list, 0)),
            Err(e) => self.fail(t, 2, &format!("sh: {e}")),
        }
    }
}
