//! Reading a template: its text is cut into pieces, the pieces make nodes, the words of an action make a pipeline.

use super::functions::FUNCTIONS;
use super::{Node, Operand, Pipe, Result};
use serde_json::Value;

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

#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Action(String),
}

pub(super) fn split(text: &str) -> Result<Vec<Piece>> {
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

pub(super) type Pieces = std::iter::Peekable<std::vec::IntoIter<Piece>>;

/// Reads nodes up to an `end` or `else`, whose words it gives; `None` at the end of the text.
pub(super) fn block(pieces: &mut Pieces, out: &mut Vec<Node>, depth: usize) -> Result<Option<Vec<String>>> {
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
        // `{{range.items}}` needs no space
        let start = action.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let word = match start {
            "if" | "range" | "with" => start,
            _ => action.split_whitespace().next().unwrap_or_default(),
        };
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
