//! Reading words: quotes, and what stands behind a dollar or between backquotes.

use super::tree::{Part, Word};
use super::{MAX_DEPTH, Parser};

impl Parser {
    pub(super) fn target(&mut self) -> Result<Word, String> {
        self.blanks();
        self.word()?.ok_or_else(|| self.unexpected())
    }

    pub(super) fn word(&mut self) -> Result<Option<Word>, String> {
        let mut parts = vec![];
        let start = self.i;
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' => {
                    self.i += 1;
                    let text: String = self.s[self.i..].iter().take_while(|c| **c != '\'').collect();
                    self.i += text.chars().count();
                    if self.peek().is_none() {
                        return Err("syntax error: unterminated quoted string".into());
                    }
                    self.i += 1;
                    parts.push(Part::Text(text, true));
                }
                '"' => {
                    self.i += 1;
                    if self.peek() == Some('"') {
                        parts.push(Part::Text(String::new(), true));
                    }
                    self.double_quoted(&mut parts, Some('"'))?;
                }
                '\\' => {
                    self.i += 1;
                    if let Some(c) = self.peek() {
                        self.i += 1;
                        if c != '\n' {
                            parts.push(Part::Text(c.to_string(), true));
                        }
                    }
                }
                '$' | '`' => self.dollar(&mut parts, false)?,
                c => {
                    self.i += 1;
                    push(&mut parts, c, false);
                }
            }
        }
        Ok(if self.i == start { None } else { Some(Word(parts)) })
    }

    pub(super) fn double_quoted(&mut self, parts: &mut Vec<Part>, end: Option<char>) -> Result<(), String> {
        loop {
            match self.peek() {
                None if end.is_none() => return Ok(()),
                None => return Err("syntax error: unterminated quoted string".into()),
                c if c == end => {
                    self.i += 1;
                    return Ok(());
                }
                Some('\\') => {
                    let next = self.s.get(self.i + 1).copied();
                    self.i += 1;
                    match next {
                        Some(c @ ('$' | '`' | '\\')) => {
                            push(parts, c, true);
                            self.i += 1;
                        }
                        Some('"') if end.is_some() => {
                            push(parts, '"', true);
                            self.i += 1;
                        }
                        Some('\n') => self.i += 1,
                        _ => push(parts, '\\', true),
                    }
                }
                Some('$' | '`') => self.dollar(parts, true)?,
                Some(c) => {
                    push(parts, c, true);
                    self.i += 1;
                }
            }
        }
    }

    fn dollar(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Result<(), String> {
        if self.peek() == Some('`') {
            self.i += 1;
            let mut text = String::new();
            loop {
                match self.peek() {
                    None => return Err("syntax error: unterminated backquote".into()),
                    Some('`') => break,
                    Some('\\') if matches!(self.s.get(self.i + 1), Some('`' | '\\' | '$')) => {
                        self.i += 1;
                        text.push(self.s[self.i]);
                    }
                    Some(c) => text.push(c),
                }
                self.i += 1;
            }
            self.i += 1;
            let mut p = Parser { s: text.chars().collect(), i: 0, heredocs: vec![], bodies: vec![], depth: self.depth };
            parts.push(Part::Command(p.list(&[])?, quoted));
            return Ok(());
        }
        self.i += 1;
        if self.at("((") {
            self.i += 2;
            let (mut depth, mut text) = (0, String::new());
            loop {
                match self.peek() {
                    None => return Err("syntax error: missing '))'".into()),
                    Some(')') if depth == 0 && self.at("))") => break,
                    Some(c) => {
                        depth += i32::from(c == '(') - i32::from(c == ')');
                        text.push(c);
                        self.i += 1;
                    }
                }
            }
            self.i += 2;
            let mut p = Parser { s: text.chars().collect(), i: 0, heredocs: vec![], bodies: vec![], depth: self.depth };
            let mut inner = vec![];
            p.double_quoted(&mut inner, None)?;
            parts.push(Part::Arithmetic(Box::new(Word(inner))));
        } else if self.at("(") {
            self.i += 1;
            let l = self.list(&[])?;
            if self.peek() != Some(')') {
                return Err(self.unexpected());
            }
            self.i += 1;
            parts.push(Part::Command(l, quoted));
        } else if self.at("{") {
            self.i += 1;
            self.braced(parts, quoted)?;
        } else {
            let name = self.name();
            if name.is_empty() {
                push(parts, '$', quoted);
            } else {
                parts.push(Part::Var { name, op: None, quoted });
            }
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            let special = name.is_empty() && (c.is_ascii_digit() || "?#@*$!-".contains(c));
            if special {
                self.i += 1;
                return c.to_string();
            }
            if !(c.is_ascii_alphabetic() || c == '_' || (!name.is_empty() && c.is_ascii_digit())) {
                break;
            }
            name.push(c);
            self.i += 1;
        }
        name
    }

    fn braced(&mut self, parts: &mut Vec<Part>, quoted: bool) -> Result<(), String> {
        let bad = || "bad substitution".to_owned();
        if self.at("#") && !self.at("#}") {
            self.i += 1;
            let name = self.name();
            if self.at("[@]}") || self.at("[*]}") {
                self.i += 4;
                parts.push(Part::Var { name, op: Some(("count".into(), Box::default())), quoted });
                return Ok(());
            }
            if self.peek() != Some('}') {
                return Err(bad());
            }
            self.i += 1;
            parts.push(Part::Var { name, op: Some(("len".into(), Box::default())), quoted });
            return Ok(());
        }
        let name = self.name();
        if name.is_empty() {
            return Err(bad());
        }
        if self.at("[") {
            self.i += 1;
            let mut inner = vec![];
            loop {
                match self.peek() {
                    None => return Err(bad()),
                    Some(']') => break,
                    Some('$' | '`') => self.dollar(&mut inner, true)?,
                    Some(c) => {
                        push(&mut inner, c, true);
                        self.i += 1;
                    }
                }
            }
            self.i += 1;
            if self.peek() != Some('}') {
                return Err(bad());
            }
            self.i += 1;
            parts.push(Part::Var { name, op: Some(("[".into(), Box::new(Word(inner)))), quoted });
            return Ok(());
        }
        let mut op = String::new();
        while let Some(c) = self.peek().filter(|c| ":-+=?#%/".contains(*c) && op.len() < 2) {
            if op.is_empty() || (op == ":") || (c == op.chars().next().unwrap_or(' ') && "#%".contains(c)) {
                op.push(c);
                self.i += 1;
            } else {
                break;
            }
        }
        if op.is_empty() && self.peek() != Some('}') {
            return Err(bad());
        }
        let mut inner = vec![];
        let mut depth = self.depth;
        depth += 1;
        if depth > MAX_DEPTH {
            return Err("syntax error: too deeply nested".into());
        }
        self.depth = depth;
        loop {
            match self.peek() {
                None => return Err("syntax error: missing '}'".into()),
                Some('}') => break,
                Some('"') => {
                    self.i += 1;
                    self.double_quoted(&mut inner, Some('"'))?;
                }
                Some('\'') if !quoted => {
                    self.i += 1;
                    let text: String = self.s[self.i..].iter().take_while(|c| **c != '\'').collect();
                    self.i = (self.i + text.chars().count() + 1).min(self.s.len());
                    inner.push(Part::Text(text, true));
                }
                Some('$' | '`') => self.dollar(&mut inner, quoted)?,
                Some(c) => {
                    push(&mut inner, c, quoted);
                    self.i += 1;
                }
            }
        }
        self.depth -= 1;
        self.i += 1;
        let op = if op.is_empty() { None } else { Some((op, Box::new(Word(inner)))) };
        parts.push(Part::Var { name, op, quoted });
        Ok(())
    }
}

impl Parser {
    /// What stands between `[[` and `]]`, that included: operators are words of their own, nothing is split or globbed.
    pub(super) fn test_words(&mut self, words: &mut Vec<Word>) -> Result<(), String> {
        loop {
            self.blanks();
            if self.peek() == Some('\n') {
                self.i += 1;
                continue;
            }
            let pattern = words.last().and_then(Word::literal).is_some_and(|w| w == "=~");
            if self.at("]]") {
                self.i += 2;
                words.push(Word::text("]]"));
                return Ok(());
            }
            if pattern {
                let w = self.regex()?;
                words.push(w);
                continue;
            }
            let operator = ["&&", "||", "(", ")", "<", ">"].into_iter().find(|o| self.at(o));
            if let Some(o) = operator {
                self.i += o.len();
                words.push(Word::text(o));
                continue;
            }
            let Some(mut w) = self.word()? else { return Err(self.unexpected()) };
            for p in &mut w.0 {
                match p {
                    Part::Text(_, quoted) | Part::Var { quoted, .. } | Part::Command(_, quoted) => *quoted = true,
                    Part::Arithmetic(_) => {}
                }
            }
            words.push(w);
        }
    }

    /// A regular expression behind `=~`: it goes on to the next blank.
    fn regex(&mut self) -> Result<Word, String> {
        let mut parts = vec![];
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace()) {
            match c {
                '"' => {
                    self.i += 1;
                    self.double_quoted(&mut parts, Some('"'))?;
                }
                '$' | '`' => self.dollar(&mut parts, true)?,
                c => {
                    self.i += 1;
                    push(&mut parts, c, true);
                }
            }
        }
        Ok(Word(parts))
    }

    /// The items of `name=(…)`, behind the opening parenthesis.
    pub(super) fn items(&mut self) -> Result<Vec<Word>, String> {
        let mut items = vec![];
        loop {
            self.blanks();
            match self.peek() {
                Some('\n') => self.i += 1,
                Some(')') => {
                    self.i += 1;
                    return Ok(items);
                }
                _ => items.push(self.word()?.ok_or_else(|| self.unexpected())?),
            }
        }
    }
}

fn push(parts: &mut Vec<Part>, c: char, quoted: bool) {
    match parts.last_mut() {
        Some(Part::Text(t, q)) if *q == quoted => t.push(c),
        _ => parts.push(Part::Text(c.to_string(), quoted)),
    }
}

pub(super) fn assignment(w: &Word) -> Option<(String, Word)> {
    let Some(Part::Text(first, false)) = w.0.first() else { return None };
    let (name, value) = first.split_once('=')?;
    let mut chars = name.chars();
    if !chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return None;
    }
    let mut parts = vec![];
    if !value.is_empty() {
        parts.push(Part::Text(value.to_owned(), false));
    }
    parts.extend_from_slice(&w.0[1..]);
    Some((name.to_owned(), Word(parts)))
}
