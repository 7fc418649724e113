//! Expansion of words: variables, command substitution, arithmetic, splitting, patterns.

use super::parse::{List, Part, Word};
use super::{Block, Frame, Machine, Sink, Thread, cut};
use crate::runtime::files::normalize;
use crate::text::{clamped, count};

/// Nesting of command substitutions at run time.
const MAX_DEPTH: u32 = 12;
/// Fields that one command may have.
const MAX_FIELDS: usize = 4096;

#[derive(Default)]
struct Fields {
    done: Vec<(String, bool)>,
    open: Option<(String, bool)>,
}

impl Fields {
    fn add(&mut self, text: &str, glob: bool) {
        let open = self.open.get_or_insert_with(Default::default);
        open.0.push_str(text);
        open.1 |= glob && text.contains(['*', '?', '[']);
    }

    fn split(&mut self, text: &str) {
        let mut first = true;
        for piece in text.split([' ', '\t', '\n']) {
            if !first {
                self.end();
            }
            first = false;
            if !piece.is_empty() {
                self.add(piece, true);
            }
        }
    }

    fn end(&mut self) {
        if self.done.len() < MAX_FIELDS {
            self.done.extend(self.open.take());
        }
    }
}

impl Machine<'_, '_> {
    /// The fields of words: split and globbed.
    pub(super) fn fields(&mut self, t: &mut Thread, words: &[Word]) -> Vec<String> {
        let mut out = vec![];
        for w in words {
            let mut f = Fields::default();
            for p in &w.0 {
                match p {
                    Part::Text(s, quoted) => {
                        let s = if std::ptr::eq(p, &raw const w.0[0]) && !quoted { tilde(s) } else { s.clone() };
                        f.add(&s, !quoted);
                    }
                    Part::Var { name, op: None, quoted } if name == "@" || (name == "*" && !quoted) => {
                        let args = t.env.args.clone();
                        for (i, a) in args.iter().enumerate() {
                            if i > 0 {
                                f.end();
                            }
                            if *quoted { f.add(a, false) } else { f.split(a) }
                        }
                    }
                    Part::Var { name, op: Some((op, word)), quoted: true }
                        if op == "[" && word.literal().is_some_and(|w| w == "@") =>
                    {
                        for (i, item) in t.env.items(name).into_iter().enumerate() {
                            if i > 0 {
                                f.end();
                            }
                            f.add(&item, false);
                        }
                    }
                    Part::Var { quoted: true, .. } | Part::Command(_, true) => {
                        let s = self.part(t, p);
                        f.add(&s, false);
                    }
                    _ => {
                        let s = self.part(t, p);
                        f.split(&s);
                    }
                }
            }
            f.end();
            for (text, glob) in f.done {
                let hits = if glob { self.glob(t, &text) } else { vec![] };
                if hits.is_empty() {
                    out.push(text);
                } else {
                    out.extend(hits);
                }
            }
        }
        out.truncate(MAX_FIELDS);
        out
    }

    /// A word as one text: no splitting, no globbing.
    pub(super) fn single(&mut self, t: &mut Thread, w: &Word) -> String {
        let mut s = String::new();
        for p in &w.0 {
            let piece = match p {
                Part::Text(text, false) if s.is_empty() => tilde(text),
                p => self.part(t, p),
            };
            s.push_str(&piece);
        }
        s
    }

    /// A word as a pattern: what is quoted stands for itself.
    pub(super) fn pattern(&mut self, t: &mut Thread, w: &Word) -> String {
        let mut s = String::new();
        for p in &w.0 {
            let quoted = matches!(p, Part::Text(_, true) | Part::Var { quoted: true, .. } | Part::Command(_, true));
            for c in self.part(t, p).chars() {
                if quoted && "*?[\\".contains(c) {
                    s.push('\\');
                }
                s.push(c);
            }
        }
        s
    }

    fn part(&mut self, t: &mut Thread, p: &Part) -> String {
        match p {
            Part::Text(s, _) => s.clone(),
            Part::Command(list, _) => self.substitute(t, list),
            Part::Arithmetic(w) => {
                let text = self.single(t, w);
                match arithmetic(&text, &|name| t.env.get(name).and_then(|v| v.trim().parse().ok()).unwrap_or(0)) {
                    Some(n) => n.to_string(),
                    None => {
                        self.print(t, super::Stream::Err, "sh: arithmetic syntax error\n");
                        String::new()
                    }
                }
            }
            Part::Var { name, op, .. } => {
                let value = self.variable(t, name);
                let Some((op, word)) = op else { return value.unwrap_or_default() };
                match op.as_str() {
                    "count" => return t.env.items(name).len().to_string(),
                    "[" => {
                        let at = self.single(t, word);
                        if at == "@" || at == "*" {
                            return t.env.items(name).join(" ");
                        }
                        let n = arithmetic(&at, &|v| t.env.get(v).and_then(|v| v.trim().parse().ok()).unwrap_or(0));
                        let n = n.and_then(|n| usize::try_from(n).ok());
                        return n.and_then(|n| t.env.items(name).get(n).cloned()).unwrap_or_default();
                    }
                    ":" => {
                        let spec = self.single(t, word);
                        let (from, length) = spec.split_once(':').map_or((spec.as_str(), None), |(f, l)| (f, Some(l)));
                        let text: Vec<char> = value.unwrap_or_default().chars().collect();
                        let from: i64 = from.trim().parse().unwrap_or(0);
                        let from = if from < 0 {
                            text.len().saturating_sub(clamped(from.unsigned_abs()))
                        } else {
                            clamped(from.unsigned_abs())
                        };
                        let most = length.and_then(|l| count(l.trim())).unwrap_or(usize::MAX);
                        return text.iter().skip(from).take(most).collect();
                    }
                    _ => {}
                }
                let colon = op.starts_with(':');
                let set = value.as_ref().is_some_and(|v| !colon || !v.is_empty());
                match op.trim_start_matches(':') {
                    "len" => value.unwrap_or_default().chars().count().to_string(),
                    "-" if set => value.unwrap_or_default(),
                    "-" => self.single(t, word),
                    "+" if set => self.single(t, word),
                    "+" => String::new(),
                    "=" if set => value.unwrap_or_default(),
                    "=" => {
                        let v = self.single(t, word);
                        t.env.set(name, &v);
                        v
                    }
                    "?" if set => value.unwrap_or_default(),
                    "?" => {
                        let mut why = self.single(t, word);
                        if why.is_empty() {
                            why = "parameter not set".into();
                        }
                        self.print(t, super::Stream::Err, &format!("sh: {name}: {why}\n"));
                        self.exit(t, 2);
                        String::new()
                    }
                    op @ ("#" | "##" | "%" | "%%") => {
                        let pattern = self.pattern(t, word);
                        trim(&value.unwrap_or_default(), &pattern, op)
                    }
                    "/" | "//" => {
                        let spec = self.single(t, word);
                        let (from, to) = spec.split_once('/').unwrap_or((&spec, ""));
                        let v = value.unwrap_or_default();
                        if from.is_empty() {
                            v
                        } else if op == "//" {
                            v.replace(from, to)
                        } else {
                            v.replacen(from, to, 1)
                        }
                    }
                    _ => value.unwrap_or_default(),
                }
            }
        }
    }

    fn variable(&mut self, t: &Thread, name: &str) -> Option<String> {
        Some(match name {
            "?" => t.status.to_string(),
            "#" => t.env.args.len().to_string(),
            "@" | "*" => t.env.args.join(" "),
            "$" => t.pid.to_string(),
            "!" => t.last_background.to_string(),
            "-" => String::new(),
            "0" => t.env.name.to_string(),
            "PWD" => t.env.cwd.to_string(),
            "HOSTNAME" => self.around.hostname(),
            "RANDOM" => (self.now.0.wrapping_mul(2_654_435_761) >> 7 & 0x7fff).to_string(),
            n if n.as_bytes()[0].is_ascii_digit() => {
                return n.parse::<usize>().ok().and_then(|i| t.env.args.get(i.checked_sub(1)?)).cloned();
            }
            n => return t.env.get(n).map(str::to_owned),
        })
    }

    /// Runs a list at once, as if sleeping took no time, and returns what it printed.
    fn substitute(&mut self, t: &mut Thread, list: &List) -> String {
        if self.depth >= MAX_DEPTH {
            return String::new();
        }
        let mut child = Thread {
            frames: vec![Frame::List(list.clone(), 0)],
            env: t.env.clone(),
            status: t.status,
            out: Sink::Capture(0),
            err: if matches!(t.err, Sink::Capture(_)) { Sink::Err } else { t.err.clone() },
            input: t.input.clone(),
            buffers: vec![String::new()],
            pid: t.pid.max(2),
            ..Thread::default()
        };
        let instant = std::mem::replace(&mut self.instant, true);
        self.depth += 1;
        self.run(&mut child);
        self.depth -= 1;
        self.instant = instant;
        t.status = child.status;
        t.substituted = child.status;
        debug_assert!(child.block == Block::Ready || !child.frames.is_empty());
        let text = child.buffers.into_iter().next().unwrap_or_default();
        text.trim_end_matches('\n').to_owned()
    }

    fn glob(&mut self, t: &Thread, pattern: &str) -> Vec<String> {
        let absolute = pattern.starts_with('/');
        let mut found: Vec<String> = vec![if absolute { "/".into() } else { String::new() }];
        for piece in pattern.split('/').filter(|p| !p.is_empty()) {
            let mut next = vec![];
            for base in &found {
                let join = |n: &str| match base.as_str() {
                    "" => n.to_owned(),
                    "/" => format!("/{n}"),
                    b => format!("{b}/{n}"),
                };
                if piece.contains(['*', '?', '[']) {
                    let dir = normalize(&t.env.cwd, if base.is_empty() { "." } else { base });
                    for (name, _) in self.files.list(&dir) {
                        if (!name.starts_with('.') || piece.starts_with('.')) && matches(piece, &name) {
                            next.push(join(&name));
                        }
                    }
                } else {
                    let path = join(piece);
                    if self.files.get(&normalize(&t.env.cwd, &path)).is_some() {
                        next.push(path);
                    }
                }
            }
            found = next;
        }
        found
    }
}

fn tilde(s: &str) -> String {
    match s.strip_prefix('~') {
        Some("") => "/root".into(),
        Some(rest) if rest.starts_with('/') => format!("/root{rest}"),
        _ => s.to_owned(),
    }
}

fn trim(value: &str, pattern: &str, op: &str) -> String {
    let cuts: Vec<usize> = value.char_indices().map(|(i, _)| i).chain([value.len()]).collect();
    let longest = op.len() == 2;
    if op.starts_with('#') {
        let hit = |i: &&usize| matches(pattern, &value[..**i]);
        let end = if longest { cuts.iter().rev().find(hit) } else { cuts.iter().find(hit) };
        value[end.copied().unwrap_or(0)..].to_owned()
    } else {
        let hit = |i: &&usize| matches(pattern, &value[**i..]);
        let start = if longest { cuts.iter().find(hit) } else { cuts.iter().rev().find(hit) };
        cut(value, start.copied().unwrap_or(value.len())).to_owned()
    }
}

/// Does a shell pattern (`*`, `?`, `[a-z]`, `\x`) match a whole text?
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (p, s): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if i < p.len() && p[i] == '*' {
            retry = Some((i, j));
            i += 1;
            continue;
        }
        let next = if j < s.len() { one(&p, i, s[j]) } else { None };
        if i >= p.len() && j >= s.len() {
            return true;
        }
        match (next, retry) {
            (Some(n), _) => {
                i = n;
                j += 1;
            }
            (None, Some((star, at))) if at < s.len() => {
                retry = Some((star, at + 1));
                i = star + 1;
                j = at + 1;
            }
            _ => return false,
        }
    }
}

/// Where the pattern goes on after it has matched one character.
fn one(p: &[char], i: usize, c: char) -> Option<usize> {
    match *p.get(i)? {
        '?' => Some(i + 1),
        '\\' => (*p.get(i + 1)? == c).then_some(i + 2),
        '[' => {
            let end = (i + 2..p.len()).find(|k| p[*k] == ']');
            let Some(end) = end else { return (c == '[').then_some(i + 1) };
            let not = matches!(p[i + 1], '!' | '^');
            let (mut k, mut hit) = (i + 1 + usize::from(not), false);
            while k < end {
                if k + 2 < end && p[k + 1] == '-' {
                    hit |= p[k] <= c && c <= p[k + 2];
                    k += 3;
                } else {
                    hit |= p[k] == c;
                    k += 1;
                }
            }
            (hit != not).then_some(end + 1)
        }
        x => (x == c).then_some(i + 1),
    }
}

/// The value of an arithmetic expression; `None` if it is none.
pub(super) fn arithmetic(text: &str, var: &dyn Fn(&str) -> i64) -> Option<i64> {
    let mut a = Arithmetic { s: text.chars().filter(|c| !c.is_whitespace()).collect(), i: 0, var, depth: 0 };
    if a.s.is_empty() {
        return Some(0);
    }
    let n = a.binary(0)?;
    (a.i == a.s.len()).then_some(n)
}

struct Arithmetic<'a> {
    s: Vec<char>,
    i: usize,
    var: &'a dyn Fn(&str) -> i64,
    depth: u32,
}

/// Binary operators, loosest first.
const LEVELS: [&[&str]; 7] =
    [&["||"], &["&&"], &["|"], &["==", "!="], &["<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

impl Arithmetic<'_> {
    fn binary(&mut self, level: usize) -> Option<i64> {
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        loop {
            let Some(op) = LEVELS[level].iter().find(|o| {
                o.chars().enumerate().all(|(k, c)| self.s.get(self.i + k) == Some(&c))
                    && !(**o == "|" && self.s.get(self.i + 1) == Some(&'|'))
            }) else {
                return Some(left);
            };
            self.i += op.len();
            let right = self.binary(level + 1)?;
            left = match *op {
                "||" => i64::from(left != 0 || right != 0),
                "&&" => i64::from(left != 0 && right != 0),
                "|" => left | right,
                "==" => i64::from(left == right),
                "!=" => i64::from(left != right),
                "<=" => i64::from(left <= right),
                ">=" => i64::from(left >= right),
                "<" => i64::from(left < right),
                ">" => i64::from(left > right),
                "+" => left.wrapping_add(right),
                "-" => left.wrapping_sub(right),
                "*" => left.wrapping_mul(right),
                "/" => left.checked_div(right)?,
                _ => left.checked_rem(right)?,
            };
        }
    }

    fn unary(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > 200 {
            return None;
        }
        let c = *self.s.get(self.i)?;
        self.i += 1;
        let n = match c {
            '-' => self.unary()?.wrapping_neg(),
            '+' => self.unary()?,
            '!' => i64::from(self.unary()? == 0),
            '(' => {
                let n = self.binary(0)?;
                if self.s.get(self.i) != Some(&')') {
                    return None;
                }
                self.i += 1;
                n
            }
            c if c.is_ascii_digit() => {
                let mut n = i64::from(c.to_digit(10)?);
                while let Some(d) = self.s.get(self.i).and_then(|c| c.to_digit(10)) {
                    n = n.wrapping_mul(10).wrapping_add(i64::from(d));
                    self.i += 1;
                }
                n
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let mut name = c.to_string();
                while let Some(c) = self.s.get(self.i).filter(|c| c.is_ascii_alphanumeric() || **c == '_') {
                    name.push(*c);
                    self.i += 1;
                }
                (self.var)(&name)
            }
            _ => return None,
        };
        self.depth -= 1;
        Some(n)
    }
}
