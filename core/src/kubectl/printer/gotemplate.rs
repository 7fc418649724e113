//! `-o go-template`: the part of Go's text/template that people use with kubectl.
//!
//! Text, fields, variables, pipelines, `if`/`else if`/`else`, `range`/`else`, `with`, `define`-less; functions `and`, `or`,
//! `not`, `len`, `index`, `slice`, `print`, `printf`, `println`, `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `html`, `js`,
//! `urlquery`, and kubectl's `exists` and `base64decode`. Numbers compare by value whatever their kind.

use super::jsonpath::go;
use serde_json::Value;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    body: Vec<Node>,
    /// Missing keys print `<no value>` instead of being an error.
    pub allow_missing: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Print(Pipe),
    Set { name: String, pipe: Pipe, declare: bool },
    If { cases: Vec<(Pipe, Vec<Node>)>, otherwise: Vec<Node> },
    Range { key: Option<String>, item: Option<String>, pipe: Pipe, body: Vec<Node>, otherwise: Vec<Node> },
    With { name: Option<String>, pipe: Pipe, body: Vec<Node>, otherwise: Vec<Node> },
    Break,
    Continue,
}

/// Commands joined by `|`: each gets the former's value as its last argument.
type Pipe = Vec<Vec<Operand>>;

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Dot(Vec<String>),
    Variable(String, Vec<String>),
    Function(String),
    Literal(Value),
    Group(Pipe, Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Word(String),
    Literal(Value),
    Open,
    Close(Vec<String>),
    Bar,
    Assign(bool),
    Comma,
}

type Result<T> = std::result::Result<T, String>;

enum Flow {
    On,
    Break,
    Continue,
}

impl Template {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Template> {
        let mut actions = split(text)?.into_iter().peekable();
        let mut body = vec![];
        let end = block(&mut actions, &mut body, 0)?;
        match end {
            None => Ok(Template { body, allow_missing: true }),
            Some(word) => Err(format!("template: output:1: unexpected {{{{{}}}}}", word.join(" "))),
        }
    }

    /// The text it prints.
    pub fn print(&self, data: &Value) -> Result<String> {
        let mut run =
            Run { vars: vec![("$".into(), data.clone())], out: String::new(), allow_missing: self.allow_missing };
        run.nodes(&self.body, data)?;
        Ok(run.out)
    }
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Action(String),
}

fn split(text: &str) -> Result<Vec<Piece>> {
    let mut out = vec![];
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let mut before = &rest[..at];
        let mut inside = &rest[at + 2..];
        if inside.starts_with("- ") {
            before = before.trim_end();
            inside = &inside[1..];
        }
        out.push(Piece::Text(before.to_string()));
        let comment = inside.trim_start().starts_with("/*");
        let end =
            if comment { inside.find("*/").and_then(|i| inside[i..].find("}}").map(|j| i + j)) } else { close(inside) };
        let end = end.ok_or("template: output:1: unclosed action")?;
        let mut action = &inside[..end];
        rest = &inside[end + 2..];
        if action.ends_with(" -") {
            action = &action[..action.len() - 2];
            rest = rest.trim_start();
        }
        if !comment {
            out.push(Piece::Action(action.trim().to_string()));
        }
    }
    out.push(Piece::Text(rest.to_string()));
    Ok(out)
}

/// Where the action ends; quotes may hold braces.
fn close(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut skip = false;
    for (i, c) in text.char_indices() {
        if skip {
            skip = false;
            continue;
        }
        match quote {
            Some(q) if c == q => quote = None,
            Some('"') if c == '\\' => skip = true,
            Some(_) => {}
            None if c == '"' || c == '`' || c == '\'' => quote = Some(c),
            None if text[i..].starts_with("}}") => return Some(i),
            None => {}
        }
    }
    None
}

type Pieces = std::iter::Peekable<std::vec::IntoIter<Piece>>;

/// Reads nodes up to an `end` or `else`, whose words it gives; `None` at the end of the text.
fn block(pieces: &mut Pieces, out: &mut Vec<Node>, depth: usize) -> Result<Option<Vec<String>>> {
    if depth > 64 {
        return Err("template: output:1: too deep".into());
    }
    while let Some(piece) = pieces.next() {
        let action = match piece {
            Piece::Text(t) => {
                if !t.is_empty() {
                    out.push(Node::Text(t));
                }
                continue;
            }
            Piece::Action(a) => a,
        };
        let word = action.split_whitespace().next().unwrap_or_default();
        let rest = action[word.len().min(action.len())..].trim();
        match word {
            "end" | "else" => return Ok(Some(action.split_whitespace().map(str::to_string).collect())),
            "if" => {
                let mut cases = vec![];
                let mut condition = pipe(rest)?;
                let mut otherwise = vec![];
                loop {
                    let mut body = vec![];
                    let end = block(pieces, &mut body, depth + 1)?.ok_or("template: output:1: unexpected EOF")?;
                    cases.push((condition, body));
                    if end[0] == "end" {
                        break;
                    }
                    if end.get(1).is_some_and(|w| w == "if") {
                        condition = pipe(&end[2..].join(" "))?;
                        continue;
                    }
                    closed(pieces, &mut otherwise, depth)?;
                    break;
                }
                out.push(Node::If { cases, otherwise });
            }
            "range" | "with" => {
                let (names, source) = declared(rest);
                let pipe = pipe(&source)?;
                let (mut body, mut otherwise) = (vec![], vec![]);
                let end = block(pieces, &mut body, depth + 1)?.ok_or("template: output:1: unexpected EOF")?;
                if end[0] == "else" {
                    closed(pieces, &mut otherwise, depth)?;
                }
                let mut names = names.into_iter();
                out.push(if word == "with" {
                    Node::With { name: names.next(), pipe, body, otherwise }
                } else {
                    match (names.next(), names.next()) {
                        (Some(key), Some(item)) => {
                            Node::Range { key: Some(key), item: Some(item), pipe, body, otherwise }
                        }
                        (item, _) => Node::Range { key: None, item, pipe, body, otherwise },
                    }
                });
            }
            "break" => out.push(Node::Break),
            "continue" => out.push(Node::Continue),
            "" => return Err("template: output:1: missing value for command".into()),
            _ => {
                let (names, source) = declared(&action);
                match names.into_iter().next() {
                    Some(name) => {
                        let declare = action.contains(":=");
                        out.push(Node::Set { name, pipe: pipe(&source)?, declare });
                    }
                    None => out.push(Node::Print(pipe(&action)?)),
                }
            }
        }
    }
    Ok(None)
}

fn closed(pieces: &mut Pieces, body: &mut Vec<Node>, depth: usize) -> Result<()> {
    match block(pieces, body, depth + 1)? {
        Some(w) if w[0] == "end" => Ok(()),
        _ => Err("template: output:1: unexpected EOF".into()),
    }
}

/// `$a, $b := pipe`: the names and the rest.
fn declared(text: &str) -> (Vec<String>, String) {
    if text.starts_with('$')
        && let Some(at) = text.find('=')
        && !text[..at].contains(['"', '(', '|', '.'])
        && text.as_bytes().get(at + 1) != Some(&b'=')
    {
        let names = text[..at].trim_end_matches(':').split(',').map(|n| n.trim().to_string()).collect();
        return (names, text[at + 1..].trim().to_string());
    }
    (vec![], text.to_string())
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut i = 0;
    let mut out = vec![];
    let name_char = |c: char| c.is_alphanumeric() || c == '_';
    // the `.a.b` behind a variable or a parenthesis
    let chain = |i: &mut usize| {
        let mut fields = vec![];
        while chars.get(*i) == Some(&'.') && chars.get(*i + 1).is_some_and(|c| name_char(*c)) {
            *i += 1;
            let from = *i;
            while chars.get(*i).is_some_and(|c| name_char(*c)) {
                *i += 1;
            }
            fields.push(chars[from..*i].iter().collect::<String>());
        }
        fields
    };
    while i < chars.len() {
        match chars[i] {
            c if c.is_whitespace() => i += 1,
            '(' => {
                out.push(Token::Open);
                i += 1;
            }
            ')' => {
                i += 1;
                out.push(Token::Close(chain(&mut i)));
            }
            '|' => {
                out.push(Token::Bar);
                i += 1;
            }
            ',' => {
                out.push(Token::Comma);
                i += 1;
            }
            ':' | '=' => {
                out.push(Token::Assign(chars[i] == ':'));
                i += if chars[i] == ':' { 2 } else { 1 };
            }
            '.' => {
                let fields = chain(&mut i);
                if fields.is_empty() {
                    i += 1;
                }
                out.push(Token::Field(fields));
            }
            '$' => {
                let from = i;
                i += 1;
                while chars.get(i).is_some_and(|c| name_char(*c)) {
                    i += 1;
                }
                let name = chars[from..i].iter().collect();
                out.push(Token::Variable(name, chain(&mut i)));
            }
            q @ ('"' | '`') => {
                let mut s = String::new();
                i += 1;
                loop {
                    match chars.get(i) {
                        None => return Err("template: output:1: unterminated quoted string".into()),
                        Some(c) if *c == q => break,
                        Some('\\') if q == '"' => {
                            i += 1;
                            s.push(match chars.get(i) {
                                Some('n') => '\n',
                                Some('t') => '\t',
                                Some('r') => '\r',
                                Some(c @ ('\\' | '"' | '\'')) => *c,
                                _ => return Err("template: output:1: invalid syntax".into()),
                            });
                        }
                        Some(c) => s.push(*c),
                    }
                    i += 1;
                }
                i += 1;
                out.push(Token::Literal(s.into()));
            }
            c if c.is_ascii_digit() || c == '-' || c == '+' => {
                let from = i;
                i += 1;
                while chars.get(i).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '.') {
                    i += 1;
                }
                let word: String = chars[from..i].iter().collect();
                let number = word.parse::<i64>().map(Value::from).or_else(|_| word.parse::<f64>().map(Value::from));
                out.push(Token::Literal(
                    number.map_err(|_| format!("template: output:1: bad number syntax: {word:?}"))?,
                ));
            }
            c if name_char(c) => {
                let from = i;
                while chars.get(i).is_some_and(|c| name_char(*c)) {
                    i += 1;
                }
                let word: String = chars[from..i].iter().collect();
                out.push(match word.as_str() {
                    "true" => Token::Literal(true.into()),
                    "false" => Token::Literal(false.into()),
                    "nil" => Token::Literal(Value::Null),
                    _ => Token::Word(word),
                });
            }
            c => return Err(format!("template: output:1: unexpected {c:?} in command")),
        }
    }
    Ok(out)
}

fn pipe(text: &str) -> Result<Pipe> {
    let tokens = tokens(text)?;
    let mut at = 0;
    let p = pipeline(&tokens, &mut at, 0)?;
    if at < tokens.len() {
        return Err("template: output:1: unexpected right paren".into());
    }
    Ok(p)
}

const FUNCTIONS: &[&str] = &[
    "and",
    "or",
    "not",
    "len",
    "index",
    "slice",
    "print",
    "printf",
    "println",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "html",
    "js",
    "urlquery",
    "exists",
    "base64decode",
];

fn pipeline(tokens: &[Token], at: &mut usize, depth: usize) -> Result<Pipe> {
    if depth > 64 {
        return Err("template: output:1: too deep".into());
    }
    let mut commands = vec![vec![]];
    while let Some(t) = tokens.get(*at) {
        let operand = match t {
            Token::Close(_) => break,
            Token::Bar => {
                *at += 1;
                commands.push(vec![]);
                continue;
            }
            Token::Field(f) => Operand::Dot(f.clone()),
            Token::Variable(n, f) => Operand::Variable(n.clone(), f.clone()),
            Token::Literal(v) => Operand::Literal(v.clone()),
            Token::Word(w) if FUNCTIONS.contains(&w.as_str()) => Operand::Function(w.clone()),
            Token::Word(w) => return Err(format!("template: output:1: function {w:?} not defined")),
            Token::Open => {
                *at += 1;
                let inner = pipeline(tokens, at, depth + 1)?;
                match tokens.get(*at) {
                    Some(Token::Close(f)) => Operand::Group(inner, f.clone()),
                    _ => return Err("template: output:1: unclosed left paren".into()),
                }
            }
            Token::Assign(_) | Token::Comma => return Err("template: output:1: unexpected token in operand".into()),
        };
        *at += 1;
        commands.last_mut().expect("never empty").push(operand);
    }
    if commands.iter().any(Vec::is_empty) {
        return Err("template: output:1: missing value for command".into());
    }
    Ok(commands)
}

struct Run {
    vars: Vec<(String, Value)>,
    out: String,
    allow_missing: bool,
}

/// A missing key, as opposed to a null.
fn missing() -> Value {
    Value::Null
}

fn truth(v: &Value) -> bool {
    match v {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(a) => !a.is_empty(),
        Value::Object(m) => !m.is_empty(),
    }
}

fn printed(v: &Value) -> String {
    match v {
        Value::Null => "<no value>".into(),
        Value::Number(n) if n.as_f64().is_some_and(|f| f.abs() >= 1e21) => n.to_string(),
        other => go(other),
    }
}

impl Run {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        let depth = self.vars.len();
        for n in nodes {
            let flow = self.node(n, dot)?;
            if !matches!(flow, Flow::On) {
                self.vars.truncate(depth);
                return Ok(flow);
            }
            if self.out.len() > 8 << 20 {
                return Err("template: output too long".into());
            }
        }
        self.vars.truncate(depth);
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow> {
        match node {
            Node::Text(t) => self.out.push_str(t),
            Node::Print(p) => {
                let v = self.pipe(p, dot)?;
                self.out.push_str(&printed(&v));
            }
            Node::Set { name, pipe, declare } => {
                let v = self.pipe(pipe, dot)?;
                match self.vars.iter_mut().rev().find(|(n, _)| n == name).filter(|_| !declare) {
                    Some(slot) => slot.1 = v,
                    None => self.vars.push((name.clone(), v)),
                }
            }
            Node::If { cases, otherwise } => {
                for (p, body) in cases {
                    if truth(&self.pipe(p, dot)?) {
                        return self.nodes(body, dot);
                    }
                }
                return self.nodes(otherwise, dot);
            }
            Node::With { name, pipe, body, otherwise } => {
                let v = self.pipe(pipe, dot)?;
                if !truth(&v) {
                    return self.nodes(otherwise, dot);
                }
                let depth = self.vars.len();
                self.vars.extend(name.clone().map(|n| (n, v.clone())));
                let flow = self.nodes(body, &v);
                self.vars.truncate(depth);
                return flow;
            }
            Node::Range { key, item, pipe, body, otherwise } => {
                let v = self.pipe(pipe, dot)?;
                let pairs: Vec<(Value, Value)> = match v {
                    Value::Array(a) => a.into_iter().enumerate().map(|(i, v)| (i.into(), v)).collect(),
                    Value::Object(m) => m.into_iter().map(|(k, v)| (k.into(), v)).collect(),
                    Value::Number(n) => {
                        (0..n.as_u64().unwrap_or(0).min(100_000)).map(|i| (i.into(), i.into())).collect()
                    }
                    Value::Null => vec![],
                    other => return Err(format!("range can't iterate over {}", go(&other))),
                };
                if pairs.is_empty() {
                    return self.nodes(otherwise, dot);
                }
                for (k, v) in pairs {
                    let depth = self.vars.len();
                    self.vars.extend(key.clone().map(|n| (n, k)));
                    self.vars.extend(item.clone().map(|n| (n, v.clone())));
                    let flow = self.nodes(body, &v)?;
                    self.vars.truncate(depth);
                    if matches!(flow, Flow::Break) {
                        break;
                    }
                }
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let mut last: Option<Value> = None;
        for command in pipe {
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or_default())
    }

    fn command(&mut self, command: &[Operand], last: Option<Value>, dot: &Value) -> Result<Value> {
        let Operand::Function(name) = &command[0] else {
            if command.len() > 1 || last.is_some() {
                return Err("can't give argument to non-function".into());
            }
            return self.operand(&command[0], dot);
        };
        let mut args = vec![];
        for (i, o) in command[1..].iter().enumerate() {
            let v = self.operand(o, dot)?;
            // and/or stop at the first argument that decides
            if (name == "and" && !truth(&v) || name == "or" && truth(&v)) && i + 2 < command.len() {
                return Ok(v);
            }
            args.push(v);
        }
        args.extend(last);
        call(name, &args)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        match operand {
            Operand::Dot(fields) => self.fields(dot, fields),
            Operand::Variable(name, fields) => {
                let found = self.vars.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
                let v = found.ok_or_else(|| format!("undefined variable {name:?}"))?;
                self.fields(&v, fields)
            }
            Operand::Literal(v) => Ok(v.clone()),
            Operand::Function(name) => call(name, &[]),
            Operand::Group(p, fields) => {
                let v = self.pipe(p, dot)?;
                self.fields(&v, fields)
            }
        }
    }

    fn fields(&self, value: &Value, fields: &[String]) -> Result<Value> {
        let mut v = value;
        for f in fields {
            match v {
                Value::Object(m) => match m.get(f) {
                    Some(next) => v = next,
                    None if self.allow_missing => return Ok(missing()),
                    None => return Err(format!("map has no entry for key {f:?}")),
                },
                Value::Null if self.allow_missing => return Ok(missing()),
                Value::Null => return Err(format!("nil data; no entry for key {f:?}")),
                other => {
                    let kind = match other {
                        Value::String(_) => "string",
                        Value::Array(_) => "[]interface {}",
                        Value::Bool(_) => "bool",
                        _ => "float64",
                    };
                    return Err(format!("can't evaluate field {f} in type {kind}"));
                }
            }
        }
        Ok(v.clone())
    }
}

fn order(a: &Value, b: &Value) -> Result<std::cmp::Ordering> {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            x.as_f64().partial_cmp(&y.as_f64()).ok_or_else(|| "not comparable".into())
        }
        (Value::String(x), Value::String(y)) => Ok(x.cmp(y)),
        (Value::Bool(x), Value::Bool(y)) => Ok(x.cmp(y)),
        _ => Err("incompatible types for comparison".into()),
    }
}

fn equal(a: &Value, b: &Value) -> Result<bool> {
    if a.is_null() || b.is_null() {
        return Ok(a.is_null() && b.is_null());
    }
    order(a, b).map(std::cmp::Ordering::is_eq)
}

fn call(name: &str, args: &[Value]) -> Result<Value> {
    let need = |n: usize| {
        if args.len() < n {
            return Err(format!("wrong number of args for {name}: want at least {n} got {}", args.len()));
        }
        Ok(())
    };
    let compare = |test: fn(std::cmp::Ordering) -> bool| -> Result<Value> {
        need(2)?;
        Ok(test(order(&args[0], &args[1])?).into())
    };
    Ok(match name {
        "and" | "or" => {
            need(1)?;
            args.iter().find(|v| truth(v) == (name == "or")).unwrap_or(&args[args.len() - 1]).clone()
        }
        "not" => {
            need(1)?;
            (!truth(&args[0])).into()
        }
        "len" => {
            need(1)?;
            match &args[0] {
                Value::Array(a) => a.len().into(),
                Value::Object(m) => m.len().into(),
                Value::String(s) => s.len().into(),
                Value::Null => return Err("error calling len: len of nil pointer".into()),
                other => return Err(format!("error calling len: len of type {}", go(other))),
            }
        }
        "index" => {
            need(1)?;
            let mut v = args[0].clone();
            for key in &args[1..] {
                v = match (&v, key) {
                    (Value::Array(a), Value::Number(n)) => {
                        let i = n.as_i64().unwrap_or(-1);
                        let found = usize::try_from(i).ok().and_then(|i| a.get(i));
                        found.cloned().ok_or_else(|| format!("error calling index: index out of range: {i}"))?
                    }
                    (Value::Object(m), Value::String(k)) => m.get(k).cloned().unwrap_or_default(),
                    (Value::Null, _) => return Err("error calling index: index of untyped nil".into()),
                    _ => return Err("error calling index: cannot index".into()),
                };
            }
            v
        }
        "slice" => {
            need(1)?;
            let at = |i: usize, default: usize| args.get(i).and_then(Value::as_u64).map_or(default, |n| n as usize);
            match &args[0] {
                Value::Array(a) => {
                    a.get(at(1, 0)..at(2, a.len())).ok_or("error calling slice: index out of range")?.into()
                }
                Value::String(s) => {
                    s.get(at(1, 0)..at(2, s.len())).ok_or("error calling slice: index out of range")?.into()
                }
                _ => return Err("error calling slice: can't slice item".into()),
            }
        }
        "print" | "println" => {
            let mut out = String::new();
            for (i, v) in args.iter().enumerate() {
                // Print puts blanks between operands when neither is a text, Println always
                if i > 0 && (name == "println" || !v.is_string() && !args[i - 1].is_string()) {
                    out.push(' ');
                }
                out.push_str(&go(v));
            }
            if name == "println" {
                out.push('\n');
            }
            out.into()
        }
        "printf" => {
            need(1)?;
            printf(args[0].as_str().unwrap_or_default(), &args[1..]).into()
        }
        "eq" => {
            need(2)?;
            let mut any = false;
            for b in &args[1..] {
                any |= equal(&args[0], b)?;
            }
            any.into()
        }
        "ne" => {
            need(2)?;
            (!equal(&args[0], &args[1])?).into()
        }
        "lt" => compare(std::cmp::Ordering::is_lt)?,
        "le" => compare(std::cmp::Ordering::is_le)?,
        "gt" => compare(std::cmp::Ordering::is_gt)?,
        "ge" => compare(std::cmp::Ordering::is_ge)?,
        "exists" => {
            need(1)?;
            let mut v = &args[0];
            for key in &args[1..] {
                let next = match key {
                    Value::String(k) => v.get(k.as_str()),
                    Value::Number(n) => v.get(n.as_u64().unwrap_or(u64::MAX) as usize),
                    _ => None,
                };
                match next {
                    Some(n) => v = n,
                    None => return Ok(false.into()),
                }
            }
            true.into()
        }
        "base64decode" => {
            need(1)?;
            use base64::Engine as _;
            let raw = base64::engine::general_purpose::STANDARD
                .decode(args[0].as_str().unwrap_or_default())
                .map_err(|_| "base64 decode failed: illegal base64 data".to_string())?;
            String::from_utf8_lossy(&raw).into_owned().into()
        }
        "html" => {
            let text: String = args.iter().map(go).collect();
            text.replace('&', "&amp;")
                .replace('\'', "&#39;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&#34;")
                .into()
        }
        "js" => args
            .iter()
            .map(go)
            .collect::<String>()
            .replace('\\', "\\\\")
            .replace('\'', "\\'")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
            .into(),
        "urlquery" => {
            let text: String = args.iter().map(go).collect();
            let escape = |b: u8| match b {
                b' ' => "+".to_string(),
                b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
                b => format!("%{b:02X}"),
            };
            text.bytes().map(escape).collect::<String>().into()
        }
        other => return Err(format!("function {other:?} not defined")),
    })
}

fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut it = format.chars().peekable();
    let mut args = args.iter();
    while let Some(c) = it.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = String::new();
        while let Some(f) = it.next_if(|c| "-+ #0123456789.".contains(*c)) {
            spec.push(f);
        }
        let Some(verb) = it.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(v) = args.next() else {
            out.push_str(&format!("%!{verb}(MISSING)"));
            continue;
        };
        let left = spec.contains('-');
        let zero = spec.starts_with('0');
        let numbers = spec.trim_start_matches(['-', '+', ' ', '#', '0']);
        let (width, precision) = numbers.split_once('.').unwrap_or((numbers, ""));
        let width: usize = width.parse().unwrap_or(0);
        let number = v.as_f64();
        let text = match (verb, number) {
            ('d', Some(n)) => format!("{}", n as i64),
            ('f', Some(n)) => format!("{:.*}", precision.parse().unwrap_or(6), n),
            ('x', Some(n)) => format!("{:x}", n as i64),
            ('q', _) => super::json::quote(&go(v)),
            ('s' | 'v', _) => match precision.parse::<usize>() {
                Ok(p) => go(v).chars().take(p).collect(),
                Err(_) => go(v),
            },
            ('t', _) => go(v),
            _ => format!("%!{verb}({})", go(v)),
        };
        let pad = width.min(1000).saturating_sub(text.chars().count());
        let fill = if zero && number.is_some() { "0" } else { " " }.repeat(pad);
        out.push_str(&if left { format!("{text}{fill}") } else { format!("{fill}{text}") });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn show(t: &str) -> String {
        let data =
            json!({"items": [{"n": "a", "c": [1, 2]}, {"n": "b", "c": []}], "m": {"x-y": "aGk=", "z": "1"}, "r": 3});
        Template::parse(t).and_then(|t| t.print(&data)).unwrap_or_else(|e| format!("ERR {e}"))
    }

    #[test]
    fn templates() {
        assert_eq!(show("{{range .items}}{{.n}} {{len .c}}{{\"\\n\"}}{{end}}"), "a 2\nb 0\n");
        assert_eq!(show("{{range $i, $e := .items}}{{if $i}}, {{end}}{{$e.n}}{{end}}"), "a, b");
        assert_eq!(
            show("{{index .m \"x-y\" | base64decode}} {{.nope}} {{with .m}}{{.z}}{{else}}no{{end}}"),
            "hi <no value> 1"
        );
        assert_eq!(show("{{if and (eq .r 3) (gt .r 2)}}yes{{else if .m}}m{{else}}no{{end}}"), "yes");
        assert_eq!(
            show("a {{- /* c */ -}} b {{printf \"%-5s|%03d\" .m.z .r}} {{$x := .r}}{{$x}} {{.m}}"),
            "ab 1    |003 3 map[x-y:aGk= z:1]"
        );
        assert_eq!(show("{{.a"), "ERR template: output:1: unclosed action");
        assert_eq!(show("{{range .items}}{{range .c}}{{.}}{{else}}-{{end}}{{end}}"), "12-");
    }
}
