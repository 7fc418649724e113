//! kubectl's dialect of JSONPath: templates of text and `{actions}`. (Models client-go/util/jsonpath.)

use super::json;
use serde_json::Value;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    nodes: Vec<Node>,
    /// Missing keys yield nothing instead of an error.
    pub allow_missing: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Field(String),
    Wildcard,
    Recursive,
    Slice([Param; 3]),
    Union(Vec<Vec<Node>>),
    Filter { left: Vec<Node>, operator: String, right: Vec<Node> },
    Identifier(String),
    List(Vec<Node>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Param {
    known: bool,
    derived: bool,
    value: i64,
}

struct Parser {
    input: Vec<char>,
    pos: usize,
    start: usize,
    root: Vec<Node>,
}

type Result<T> = std::result::Result<T, String>;

impl Template {
    /// Parses a template; the error is worded as kubectl prints it after `error parsing jsonpath <template>, `.
    pub fn parse(text: &str) -> Result<Template> {
        Ok(Template { nodes: parse(text)?, allow_missing: true })
    }

    /// Evaluates; every `{action}` and text gives its results.
    pub fn results<'a>(&self, data: &'a Value) -> Result<Vec<Vec<Found<'a>>>> {
        let mut out = vec![];
        let mut at = 0;
        self.walk_block(&self.nodes, &mut at, Found::Ref(data), false, &mut out)?;
        Ok(out)
    }

    /// The text it prints.
    pub fn print(&self, data: &Value) -> Result<String> {
        let mut out = String::new();
        for results in self.results(data)? {
            let texts: Vec<String> = results.iter().map(|f| shown(f.get())).collect();
            out.push_str(&texts.join(" "));
        }
        Ok(out)
    }

    /// The results as JSON lists, one for each action.
    pub fn print_json(&self, data: &Value) -> Result<String> {
        let mut out = String::new();
        for results in self.results(data)? {
            out.push_str(&json::json(&results.iter().map(|f| f.get().clone()).collect::<Value>()));
        }
        Ok(out)
    }

    /// Runs the nodes of a block (the whole template, or the inside of a range) for one value; leaves `at` behind the
    /// `{end}` that closes it.
    fn walk_block<'a>(
        &self,
        nodes: &[Node],
        at: &mut usize,
        data: Found<'a>,
        in_range: bool,
        out: &mut Vec<Vec<Found<'a>>>,
    ) -> Result<()> {
        while *at < nodes.len() {
            let node = &nodes[*at];
            *at += 1;
            if let Node::List(list) = node {
                match list.first() {
                    Some(Node::Identifier(word)) if word == "end" => {
                        if in_range {
                            return Ok(());
                        }
                        return Err("not in range, nothing to end".into());
                    }
                    Some(Node::Identifier(word)) if word == "range" => {
                        let values = self.list(&list[1..], vec![data.clone()])?;
                        let body = *at;
                        if values.is_empty() {
                            skip_range(nodes, at);
                        }
                        for v in values {
                            *at = body;
                            self.walk_block(nodes, at, v, true, out)?;
                        }
                        continue;
                    }
                    _ => {}
                }
            }
            out.push(self.walk(node, vec![data.clone()])?);
        }
        Ok(())
    }

    fn list<'a>(&self, nodes: &[Node], mut values: Vec<Found<'a>>) -> Result<Vec<Found<'a>>> {
        for n in nodes {
            values = self.walk(n, values)?;
        }
        Ok(values)
    }

    fn walk<'a>(&self, node: &Node, input: Vec<Found<'a>>) -> Result<Vec<Found<'a>>> {
        match node {
            Node::List(nodes) => self.list(nodes, input),
            Node::Text(t) => Ok(vec![Found::Own(t.clone().into())]),
            Node::Int(n) => Ok(input.iter().map(|_| Found::Own((*n).into())).collect()),
            Node::Float(n) => Ok(input.iter().map(|_| Found::Own((*n).into())).collect()),
            Node::Bool(b) => Ok(input.iter().map(|_| Found::Own((*b).into())).collect()),
            Node::Identifier(word) => Err(format!("unrecognized identifier {word}")),
            Node::Field(key) => {
                let found: Vec<Found> = input.iter().filter_map(|v| v.field(key)).collect();
                if found.is_empty() && !self.allow_missing && !input.is_empty() {
                    return Err(format!("{key} is not found"));
                }
                Ok(found)
            }
            Node::Wildcard => Ok(input.iter().flat_map(Found::children).collect()),
            Node::Recursive => Ok(recursive(input)),
            Node::Union(parts) => {
                let mut out = vec![];
                for p in parts {
                    out.extend(self.list(p, input.clone())?);
                }
                Ok(out)
            }
            Node::Slice(params) => {
                let mut out = vec![];
                for v in &input {
                    slice(v, *params, &mut out)?;
                }
                Ok(out)
            }
            Node::Filter { left, operator, right } => {
                let mut out = vec![];
                for v in &input {
                    if !v.get().is_array() {
                        if v.get().is_null() {
                            continue;
                        }
                        return Err(format!("{} is not array or slice and cannot be filtered", go(v.get())));
                    }
                    for item in v.children() {
                        if self.keeps(&item, left, operator, right)? {
                            out.push(item);
                        }
                    }
                }
                Ok(out)
            }
        }
    }

    fn keeps(&self, item: &Found, left: &[Node], operator: &str, right: &[Node]) -> Result<bool> {
        let lefts = self.list(left, vec![item.clone()])?;
        if operator == "exists" {
            return Ok(!lefts.is_empty());
        }
        let one = |v: &[Found]| match v.len() {
            0 => Ok(None),
            1 => Ok(Some(v[0].get().clone())),
            _ => Err("can only compare one element at a time".to_string()),
        };
        let Some(l) = one(&lefts)? else { return Ok(false) };
        let Some(r) = one(&self.list(right, vec![item.clone()])?)? else { return Ok(false) };
        let order = match (&l, &r) {
            (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Null, _) | (_, Value::Null) => return Ok(false),
            _ => return Err("incompatible types for comparison".into()),
        };
        Ok(match operator {
            "<" => order.is_some_and(|o| o.is_lt()),
            ">" => order.is_some_and(|o| o.is_gt()),
            "==" => order.is_some_and(|o| o.is_eq()),
            "!=" => order.is_some_and(|o| o.is_ne()),
            "<=" => order.is_some_and(|o| o.is_le()),
            ">=" => order.is_some_and(|o| o.is_ge()),
            other => return Err(format!("unrecognized filter operator {other}")),
        })
    }
}

fn skip_range(nodes: &[Node], at: &mut usize) {
    let mut depth = 1;
    while *at < nodes.len() && depth > 0 {
        if let Node::List(list) = &nodes[*at]
            && let Some(Node::Identifier(word)) = list.first()
        {
            match word.as_str() {
                "range" => depth += 1,
                "end" => depth -= 1,
                _ => {}
            }
        }
        *at += 1;
    }
}

/// A result: part of the data, or a literal of the template.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// Part of the data.
    Ref(&'a Value),
    /// A literal.
    Own(Value),
}

impl<'a> Found<'a> {
    /// The value.
    pub fn get(&self) -> &Value {
        match self {
            Found::Ref(v) => v,
            Found::Own(v) => v,
        }
    }

    fn field(&self, key: &str) -> Option<Found<'a>> {
        match self {
            Found::Ref(v) => v.as_object()?.get(key).map(Found::Ref),
            Found::Own(_) => None,
        }
    }

    fn children(&self) -> Vec<Found<'a>> {
        match self {
            Found::Ref(Value::Array(a)) => a.iter().map(Found::Ref).collect(),
            Found::Ref(Value::Object(m)) => m.values().map(Found::Ref).collect(),
            _ => vec![],
        }
    }
}

fn recursive<'a>(input: Vec<Found<'a>>) -> Vec<Found<'a>> {
    let mut out = vec![];
    for v in input {
        let children = v.children();
        if !children.is_empty() {
            out.push(v);
            out.extend(recursive(children));
        }
    }
    out
}

fn slice<'a>(v: &Found<'a>, mut p: [Param; 3], out: &mut Vec<Found<'a>>) -> Result<()> {
    if v.get().is_null() {
        return Ok(());
    }
    if !v.get().is_array() {
        let kind = match v.get() {
            Value::String(_) => "string",
            Value::Object(_) => "map[string]interface {}",
            Value::Bool(_) => "bool",
            _ => "int64",
        };
        return Err(format!("{kind} is not array or slice"));
    }
    let all = v.children();
    let len = all.len() as i64;
    if !p[0].known {
        p[0].value = 0;
    }
    if p[0].value < 0 {
        p[0].value += len;
    }
    if !p[1].known {
        p[1].value = len;
    }
    if p[1].value < 0 || (p[1].value == 0 && p[1].derived) {
        p[1].value += len;
    }
    let (from, to) = (p[0].value, p[1].value);
    if from == to {
        return Ok(());
    }
    if from >= len || from < 0 {
        return Err(format!("array index out of bounds: index {from}, length {len}"));
    }
    if to > len || to < 0 {
        return Err(format!("array index out of bounds: index {}, length {len}", to - 1));
    }
    if from > to {
        return Err(format!("starting index {from} is greater than ending index {to}"));
    }
    let step = if p[2].known { p[2].value } else { 1 };
    if step <= 0 {
        return Err(format!("step must be > 0 but got {step}").replace("> 0 but got", "> 0, got"));
    }
    out.extend(all.into_iter().take(to as usize).skip(from as usize).step_by(step as usize));
    Ok(())
}

/// How a result is printed: maps and lists as JSON, the rest as text.
pub fn shown(v: &Value) -> String {
    match v {
        Value::String(s) => s.clone(),
        Value::Null => "null".into(),
        other => json::compact(other),
    }
}

/// A value as Go's `%v` prints it.
pub fn go(v: &Value) -> String {
    match v {
        Value::Null => "<nil>".into(),
        Value::String(s) => s.clone(),
        Value::Array(a) => format!("[{}]", a.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::Object(m) => {
            let fields: Vec<String> = m.iter().map(|(k, v)| format!("{k}:{}", go(v))).collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

fn parse(text: &str) -> Result<Vec<Node>> {
    let mut p = Parser { input: text.chars().collect(), pos: 0, start: 0, root: vec![] };
    p.text()?;
    Ok(p.root)
}

/// Parses what stands inside braces.
fn parse_action(text: &str) -> Result<Vec<Node>> {
    match parse(&format!("{{{text}}}"))?.into_iter().next() {
        Some(Node::List(nodes)) => Ok(nodes),
        _ => Ok(vec![]),
    }
}

impl Parser {
    fn next(&mut self) -> Option<char> {
        let c = self.input.get(self.pos).copied();
        self.pos += 1;
        c
    }

    fn take(&mut self) -> String {
        let end = self.pos.min(self.input.len());
        let text = self.input[self.start.min(end)..end].iter().collect();
        self.start = self.pos;
        text
    }

    fn looking_at(&self, prefix: &str) -> bool {
        prefix.chars().enumerate().all(|(i, c)| self.input.get(self.pos + i) == Some(&c))
    }

    fn text(&mut self) -> Result<()> {
        loop {
            if self.looking_at("{") {
                if self.pos > self.start {
                    let t = self.take();
                    self.root.push(Node::Text(t));
                }
                self.pos += 1;
                self.take();
                let mut list = vec![];
                self.action(&mut list)?;
                self.root.push(Node::List(list));
                continue;
            }
            if self.next().is_none() {
                self.pos -= 1;
                break;
            }
        }
        if self.pos > self.start {
            let t = self.take();
            self.root.push(Node::Text(t));
        }
        Ok(())
    }

    /// Up to and over the closing brace.
    fn action(&mut self, out: &mut Vec<Node>) -> Result<()> {
        loop {
            if self.looking_at("}") {
                self.pos += 1;
                self.take();
                return Ok(());
            }
            if self.looking_at("[?(") {
                self.filter(out)?;
                continue;
            }
            if self.looking_at("..") {
                self.pos += 2;
                self.take();
                out.push(Node::Recursive);
                if self.input.get(self.pos).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                    self.field(out);
                }
                continue;
            }
            match self.next() {
                None | Some('\n' | '\r') => return Err("unclosed action".into()),
                Some(' ' | '@' | '$') => {
                    self.take();
                }
                Some('[') => self.array(out)?,
                Some(q @ ('"' | '\'')) => self.quote(q, out)?,
                Some('.') => {
                    self.take();
                    self.field(out);
                }
                Some(c) if c == '+' || c == '-' || c.is_ascii_digit() => self.number(out)?,
                Some(c) if c.is_alphanumeric() || c == '_' => {
                    self.pos -= 1;
                    self.word();
                    let word = self.take();
                    out.push(match word.as_str() {
                        "true" => Node::Bool(true),
                        "false" => Node::Bool(false),
                        _ => Node::Identifier(word),
                    });
                }
                Some(c) => return Err(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32)),
            }
        }
    }

    /// Advances to the next terminator that is not escaped.
    fn word(&mut self) {
        while let Some(c) = self.next() {
            if c == '\\' {
                self.next();
            } else if c.is_whitespace() || ".,[]$@{}".contains(c) {
                break;
            }
        }
        self.pos = (self.pos - 1).min(self.input.len());
    }

    fn field(&mut self, out: &mut Vec<Node>) {
        self.word();
        let name = self.take();
        out.push(if name == "*" { Node::Wildcard } else { Node::Field(name.replace('\\', "")) });
    }

    fn number(&mut self, out: &mut Vec<Node>) -> Result<()> {
        while self.input.get(self.pos).is_some_and(|c| *c == '.' || c.is_ascii_digit()) {
            self.pos += 1;
        }
        let text = self.take();
        if let Ok(n) = text.parse() {
            out.push(Node::Int(n));
        } else if let Ok(n) = text.parse() {
            out.push(Node::Float(n));
        } else {
            return Err(format!("cannot parse number {text}"));
        }
        Ok(())
    }

    fn quote(&mut self, end: char, out: &mut Vec<Node>) -> Result<()> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".into()),
                Some(c) if c == end && self.input[self.pos - 2] != '\\' => break,
                _ => {}
            }
        }
        let text = self.take();
        out.push(Node::Text(unquote(&text).ok_or_else(|| format!("unquote string {text} error invalid syntax"))?));
        Ok(())
    }

    fn array(&mut self, out: &mut Vec<Node>) -> Result<()> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".into()),
                Some(']') => break,
                _ => {}
            }
        }
        let text = self.take();
        let text = &text[1..text.len() - 1];
        let text = if text == "*" { ":" } else { text };
        if text.contains(',') {
            let parts = text.split(',').map(|t| parse_action(&format!("[{}]", t.trim_matches(' '))));
            out.push(Node::Union(parts.collect::<Result<_>>()?));
            return Ok(());
        }
        if let Some(key) = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).filter(|t| !t.contains('\'')) {
            out.extend(parse_action(&format!(".{key}"))?);
            return Ok(());
        }
        let bad = || format!("invalid array index {text}");
        let mut parts = text.split(':');
        let mut params = [Param::default(); 3];
        for (i, p) in params.iter_mut().enumerate() {
            match parts.next() {
                Some("") => {}
                Some(t) => *p = Param { known: true, derived: false, value: t.parse().map_err(|_| bad())? },
                None => {}
            }
            if i == 1 && !text.contains(':') {
                *p = Param { known: true, derived: true, value: 0 };
            }
        }
        if parts.next().is_some() {
            return Err(bad());
        }
        if params[1].derived {
            params[1].value = params[0].value + 1;
        }
        out.push(Node::Slice(params));
        Ok(())
    }

    fn filter(&mut self, out: &mut Vec<Node>) -> Result<()> {
        self.pos += 3;
        self.take();
        let (mut open, mut closed) = (None, false);
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated filter".into()),
                Some(c @ ('"' | '\'')) => match open {
                    None => open = Some(c),
                    Some(q) if q == c && self.input[self.pos - 2] != '\\' => closed = true,
                    _ => {}
                },
                Some(')') if open.is_some() == closed => break,
                _ => {}
            }
        }
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".into());
        }
        let text = self.take();
        let text = &text[..text.len() - 2];
        let sign = |c: char| "!<>=".contains(c);
        let split = text.find(sign).filter(|i| *i > 0).and_then(|i| {
            let end = i + text[i..].find(|c| !sign(c))?;
            Some((&text[..i], &text[i..end], &text[end..]))
        });
        out.push(match split {
            None => Node::Filter { left: parse_action(text)?, operator: "exists".into(), right: vec![] },
            Some((l, o, r)) => Node::Filter { left: parse_action(l)?, operator: o.into(), right: parse_action(r)? },
        });
        Ok(())
    }
}

/// A quoted Go string, in single or double quotes.
fn unquote(text: &str) -> Option<String> {
    let inner: Vec<char> = text.chars().collect();
    let mut it = inner[1..inner.len() - 1].iter();
    let mut out = String::new();
    while let Some(c) = it.next() {
        if *c != '\\' {
            out.push(*c);
            continue;
        }
        match it.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            c @ ('\\' | '"' | '\'') => out.push(*c),
            'x' => {
                let hex: String = it.by_ref().take(2).collect();
                out.push(char::from(u8::from_str_radix(&hex, 16).ok()?));
            }
            'u' => {
                let hex: String = it.by_ref().take(4).collect();
                out.push(char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?);
            }
            _ => return None,
        }
    }
    Some(out)
}

/// Accepts `metadata.name`, `.metadata.name` and `{.metadata.name}` alike, as `custom-columns` and `--sort-by` do.
pub fn relaxed(path: &str) -> Result<String> {
    if path.is_empty() {
        return Ok(path.into());
    }
    let bad = || {
        String::from(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'",
        )
    };
    let inner = match (path.strip_prefix('{'), path.strip_suffix('}')) {
        (Some(_), Some(_)) => &path[1..path.len() - 1],
        (None, None) => path,
        _ => return Err(bad()),
    };
    if inner.contains(['{', '}']) || inner.is_empty() || inner == "." {
        return Err(bad());
    }
    Ok(format!("{{.{}}}", inner.strip_prefix('.').unwrap_or(inner)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn go_(t: &str) -> String {
        let data = json!({"items": [
            {"m": {"name": "a", "l": {"k.x/y": "1", "b": "<"}}, "c": [{"n": "x", "i": "p", "z": 3}, {"n": "y", "i": "q"}]},
            {"m": {"name": "b"}, "c": []}
        ]});
        Template::parse(t).and_then(|t| t.print(&data)).unwrap_or_else(|e| format!("ERR {e}"))
    }

    #[test]
    fn templates() {
        assert_eq!(go_("{.items[*].m.name}"), "a b");
        assert_eq!(go_(r#"{range .items[*]}{.m.name}{"\t"}{.c[*].i}{"\n"}{end}x"#), "a\tp q\nb\t\nx");
        assert_eq!(go_(r#"{.items[0].c[?(@.n=="y")].i}"#), "q");
        assert_eq!(go_("{.items[0].c[?(@.z)].n}-{.nope}-{$.items[1].m}"), "x--{\"name\":\"b\"}");
        assert_eq!(go_("{.items[0].m.l.k\\.x/y} {.items[0].m.l}"), r#"1 {"b":"\u003c","k.x/y":"1"}"#);
        assert_eq!(go_("{.items[-1:].m.name} {.items[0,1].m.name} {.items[0]['m'].name} {..name}"), "b a b a a b");
        assert_eq!(go_("{.items[0].c[0:1].n}{.items[0].c[?(@.z>2)].n}"), "xx");
        assert_eq!(go_("{.a"), "ERR unclosed action");
        assert_eq!(go_("{.items[0"), "ERR unterminated array");
        assert_eq!(go_("{.items[7]}"), "ERR array index out of bounds: index 7, length 2");
        assert_eq!(relaxed("metadata.name").unwrap(), "{.metadata.name}");
    }
}
