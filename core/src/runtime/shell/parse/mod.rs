//! The grammar: text to a tree. Invariant: a tree is immutable and shared, so that a running process is cheap to copy.
//! Must not know what commands do.

mod tree;
mod words;

pub use tree::{List, Node, Part, Redirect, Simple, Word};

use std::sync::Arc;
use words::assignment;

/// Deepest nesting that is read; what is deeper is refused, so that no text can exhaust the stack.
const MAX_DEPTH: u32 = 60;

/// Reads a script.
///
/// # Errors
/// What a shell says of a syntax error, without the `sh: ` in front.
pub fn parse(text: &str) -> Result<List, String> {
    let mut p = Parser { s: text.chars().collect(), i: 0, heredocs: vec![], bodies: vec![], depth: 0 };
    let list = p.list(&[])?;
    if p.i < p.s.len() {
        return Err(p.unexpected());
    }
    let bodies = p.bodies;
    Ok(list.iter().map(|n| fill(n, &bodies)).collect())
}

struct Parser {
    s: Vec<char>,
    i: usize,
    /// Here-documents whose text comes after the next newline: end mark, expand, strip tabs.
    heredocs: Vec<(String, bool, bool)>,
    bodies: Vec<Word>,
    depth: u32,
}

/// Stands for a here-document until its text has been read.
const HERE: &str = "\u{1}here";

impl Parser {
    fn peek(&self) -> Option<char> {
        self.s.get(self.i).copied()
    }

    fn at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(k, c)| self.s.get(self.i + k) == Some(&c))
    }

    fn unexpected(&self) -> String {
        match self.peek() {
            None => "syntax error: unexpected end of file".into(),
            Some('\n') => "syntax error: unexpected newline".into(),
            Some(c) => format!("syntax error: unexpected \"{c}\""),
        }
    }

    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.i += 1,
                Some('\\') if self.s.get(self.i + 1) == Some(&'\n') => self.i += 2,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.i += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn newline(&mut self) -> Result<(), String> {
        self.i += 1;
        for (end, expand, strip) in std::mem::take(&mut self.heredocs) {
            let mut body = String::new();
            loop {
                if self.i >= self.s.len() {
                    break;
                }
                let line: String = self.s[self.i..].iter().take_while(|c| **c != '\n').collect();
                self.i = (self.i + line.chars().count() + 1).min(self.s.len());
                let line = if strip { line.trim_start_matches('\t').to_owned() } else { line };
                if line == end {
                    break;
                }
                body.push_str(&line);
                body.push('\n');
            }
            let word = if expand {
                let mut p =
                    Parser { s: body.chars().collect(), i: 0, heredocs: vec![], bodies: vec![], depth: self.depth };
                let mut parts = vec![];
                p.double_quoted(&mut parts, None)?;
                Word(parts)
            } else {
                Word::text(&body)
            };
            self.bodies.push(word);
        }
        Ok(())
    }

    fn space(&mut self) -> Result<(), String> {
        loop {
            self.blanks();
            match self.peek() {
                Some('\n') => self.newline()?,
                Some(';') if !self.at(";;") => self.i += 1,
                _ => return Ok(()),
            }
        }
    }

    fn keyword(&self) -> String {
        self.s[self.i..].iter().take_while(|c| !" \t\r\n;&|<>()\"'$`".contains(**c)).collect()
    }

    fn take(&mut self, word: &str) -> bool {
        self.blanks();
        let hit = self.keyword() == word;
        if hit {
            self.i += word.len();
        }
        hit
    }

    fn need(&mut self, word: &str) -> Result<(), String> {
        self.space()?;
        if self.take(word) { Ok(()) } else { Err(format!("{} (expecting \"{word}\")", self.unexpected())) }
    }

    fn list(&mut self, stop: &[&str]) -> Result<List, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("syntax error: too deeply nested".into());
        }
        let mut nodes = vec![];
        loop {
            self.space()?;
            if self.i >= self.s.len() || self.peek() == Some(')') || self.at(";;") {
                break;
            }
            let word = self.keyword();
            if stop.contains(&word.as_str()) {
                break;
            }
            if ["then", "do", "done", "fi", "else", "elif", "esac", "}"].contains(&word.as_str()) {
                return Err(format!("syntax error: unexpected \"{word}\""));
            }
            let node = self.and_or()?;
            self.blanks();
            match self.peek() {
                Some('&') if !self.at("&&") => {
                    self.i += 1;
                    nodes.push(Node::Background(Arc::from(vec![node])));
                }
                None | Some(';' | '\n' | ')') => nodes.push(node),
                _ => return Err(self.unexpected()),
            }
        }
        self.depth -= 1;
        Ok(nodes.into())
    }

    fn block(&mut self, stop: &[&str]) -> Result<List, String> {
        let l = self.list(stop)?;
        if l.is_empty() {
            return Err(self.unexpected());
        }
        Ok(l)
    }

    fn and_or(&mut self) -> Result<Node, String> {
        let first = self.pipeline()?;
        let mut rest = vec![];
        loop {
            self.blanks();
            let and = self.at("&&");
            if !and && !self.at("||") {
                break;
            }
            self.i += 2;
            self.space()?;
            rest.push((and, self.pipeline()?));
        }
        Ok(if rest.is_empty() { first } else { Node::AndOr(Arc::new(first), rest.into()) })
    }

    fn pipeline(&mut self) -> Result<Node, String> {
        let negate = self.take("!");
        let mut stages = vec![self.command()?];
        loop {
            self.blanks();
            if self.peek() != Some('|') || self.at("||") {
                break;
            }
            self.i += 1;
            self.space()?;
            stages.push(self.command()?);
        }
        Ok(match stages.pop() {
            Some(only) if stages.is_empty() && !negate => only,
            Some(last) => {
                stages.push(last);
                Node::Pipe { stages: stages.into(), negate }
            }
            None => return Err(self.unexpected()),
        })
    }

    fn command(&mut self) -> Result<Node, String> {
        self.blanks();
        let node = if self.peek() == Some('(') {
            self.i += 1;
            let l = self.block(&[])?;
            if self.peek() != Some(')') {
                return Err(self.unexpected());
            }
            self.i += 1;
            Node::Subshell(l)
        } else {
            match self.keyword().as_str() {
                "{" => {
                    self.i += 1;
                    let l = self.block(&["}"])?;
                    self.need("}")?;
                    Node::Group(l)
                }
                "if" => self.conditional()?,
                w @ ("while" | "until") => {
                    self.i += 5;
                    let condition = self.block(&["do"])?;
                    self.need("do")?;
                    let body = self.block(&["done"])?;
                    self.need("done")?;
                    Node::While { condition, body, until: w == "until" }
                }
                "for" => self.for_loop()?,
                "case" => self.case()?,
                _ => return self.simple(),
            }
        };
        let mut redirects = vec![];
        while let Some(r) = self.redirect()? {
            redirects.push(r);
        }
        Ok(if redirects.is_empty() { node } else { Node::Redirected(Arc::new(node), redirects.into()) })
    }

    fn conditional(&mut self) -> Result<Node, String> {
        let mut arms = vec![];
        self.i += 2;
        loop {
            let condition = self.block(&["then"])?;
            self.need("then")?;
            let body = self.block(&["fi", "else", "elif"])?;
            arms.push((condition, body));
            if self.take("elif") {
                continue;
            }
            let other = if self.take("else") { Some(self.block(&["fi"])?) } else { None };
            self.need("fi")?;
            return Ok(Node::If(arms.into(), other));
        }
    }

    fn for_loop(&mut self) -> Result<Node, String> {
        self.i += 3;
        self.blanks();
        let var = self.keyword();
        if var.is_empty() {
            return Err(self.unexpected());
        }
        self.i += var.chars().count();
        self.blanks();
        if self.peek() == Some('\n') {
            self.space()?;
        }
        let mut words = None;
        if self.take("in") {
            let mut list = vec![];
            loop {
                self.blanks();
                match self.word()? {
                    Some(w) => list.push(w),
                    None => break,
                }
            }
            words = Some(list.into());
        }
        self.need("do")?;
        let body = self.block(&["done"])?;
        self.need("done")?;
        Ok(Node::For { var: var.into(), words, body })
    }

    fn case(&mut self) -> Result<Node, String> {
        self.i += 4;
        self.blanks();
        let word = self.word()?.ok_or_else(|| self.unexpected())?;
        self.need("in")?;
        let mut arms = vec![];
        loop {
            self.space()?;
            if self.take("esac") {
                return Ok(Node::Case(word, arms.into()));
            }
            if self.peek() == Some('(') {
                self.i += 1;
            }
            let mut patterns = vec![];
            loop {
                self.blanks();
                patterns.push(self.word()?.ok_or_else(|| self.unexpected())?);
                self.blanks();
                match self.peek() {
                    Some('|') => self.i += 1,
                    Some(')') => break,
                    _ => return Err(self.unexpected()),
                }
            }
            self.i += 1;
            let body = self.list(&["esac"])?;
            arms.push((patterns, body));
            if self.at(";;") {
                self.i += 2;
            }
        }
    }

    fn simple(&mut self) -> Result<Node, String> {
        let mut c = Simple::default();
        loop {
            self.blanks();
            if let Some(r) = self.redirect()? {
                c.redirects.push(r);
                continue;
            }
            let start = self.i;
            let Some(w) = self.word()? else { break };
            if c.words.is_empty() {
                if let Some((name, value)) = assignment(&w) {
                    if value.0.is_empty() && self.peek() == Some('(') {
                        self.i += 1;
                        let items = self.items()?;
                        c.arrays.push((name, items));
                        continue;
                    }
                    c.assigns.push((name, value));
                    continue;
                }
                if self.at("()") && c.assigns.is_empty() {
                    let name: String = self.s[start..self.i].iter().collect();
                    self.i += 2;
                    self.space()?;
                    let body = match self.command()? {
                        Node::Group(l) => l,
                        other => Arc::from(vec![other]),
                    };
                    return Ok(Node::Function(name.into(), body));
                }
            }
            let tests = c.words.is_empty() && w.literal().is_some_and(|t| t == "[[");
            c.words.push(w);
            if tests {
                self.test_words(&mut c.words)?;
            }
        }
        if c.words.is_empty() && c.assigns.is_empty() && c.arrays.is_empty() && c.redirects.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Node::Simple(Arc::new(c)))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, String> {
        self.blanks();
        let digit = self.peek().filter(|c| c.is_ascii_digit() && matches!(self.s.get(self.i + 1), Some('<' | '>')));
        let start = self.i + usize::from(digit.is_some());
        let both = self.at("&>");
        let Some(op) = self.s.get(start + usize::from(both)).copied().filter(|c| matches!(c, '<' | '>')) else {
            return Ok(None);
        };
        self.i = start + 1 + usize::from(both);
        if op == '<' && self.at("<") {
            self.i += 1;
            if self.at("<") {
                self.i += 1;
                let mut w = self.target()?;
                w.0.push(Part::Text("\n".into(), true));
                return Ok(Some(Redirect::Here(w)));
            }
            let strip = self.at("-");
            self.i += usize::from(strip);
            let w = self.target()?;
            let quoted = w.0.iter().any(|p| matches!(p, Part::Text(_, true)));
            self.heredocs.push((w.literal().unwrap_or_default(), !quoted, strip));
            let number = self.bodies.len() + self.heredocs.len() - 1;
            return Ok(Some(Redirect::Here(Word(vec![Part::Text(format!("{HERE}{number}"), true)]))));
        }
        let append = op == '>' && self.at(">");
        self.i += usize::from(append);
        if self.at("&") {
            self.i += 1;
            let fd = self.peek().and_then(|c| c.to_digit(10)).ok_or_else(|| self.unexpected())?;
            self.i += 1;
            let from = digit.and_then(|c| c.to_digit(10)).unwrap_or(1);
            return Ok(Some(Redirect::Dup(from as u8, fd as u8)));
        }
        let target = self.target()?;
        Ok(Some(match op {
            _ if both => Redirect::Both(target),
            '<' => Redirect::In(target),
            _ => Redirect::Out { fd: digit.and_then(|c| c.to_digit(10)).unwrap_or(1) as u8, append, target },
        }))
    }
}

/// Puts the texts of here-documents in their places.
fn fill(n: &Node, bodies: &[Word]) -> Node {
    if bodies.is_empty() {
        return n.clone();
    }
    let list = |l: &List| -> List { l.iter().map(|n| fill(n, bodies)).collect() };
    match n {
        Node::Simple(c) => {
            let mut c = Simple::clone(c);
            for r in &mut c.redirects {
                fill_redirect(r, bodies);
            }
            Node::Simple(Arc::new(c))
        }
        Node::Pipe { stages, negate } => Node::Pipe { stages: list(stages), negate: *negate },
        Node::AndOr(first, rest) => {
            Node::AndOr(Arc::new(fill(first, bodies)), rest.iter().map(|(a, n)| (*a, fill(n, bodies))).collect())
        }
        Node::Background(l) => Node::Background(list(l)),
        Node::If(arms, other) => {
            Node::If(arms.iter().map(|(c, b)| (list(c), list(b))).collect(), other.as_ref().map(list))
        }
        Node::While { condition, body, until } => {
            Node::While { condition: list(condition), body: list(body), until: *until }
        }
        Node::For { var, words, body } => Node::For { var: var.clone(), words: words.clone(), body: list(body) },
        Node::Case(w, arms) => Node::Case(w.clone(), arms.iter().map(|(p, b)| (p.clone(), list(b))).collect()),
        Node::Subshell(l) => Node::Subshell(list(l)),
        Node::Group(l) => Node::Group(list(l)),
        Node::Function(name, l) => Node::Function(name.clone(), list(l)),
        Node::Redirected(n, rs) => {
            let mut rs: Vec<Redirect> = rs.to_vec();
            for r in &mut rs {
                fill_redirect(r, bodies);
            }
            Node::Redirected(Arc::new(fill(n, bodies)), rs.into())
        }
    }
}

fn fill_redirect(r: &mut Redirect, bodies: &[Word]) {
    if let Redirect::Here(w) = r
        && let Some(number) = w.literal().and_then(|t| t.strip_prefix(HERE)?.parse::<usize>().ok())
    {
        *w = bodies.get(number).cloned().unwrap_or_default();
    }
}
