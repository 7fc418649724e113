//! Tokens of CEL. Invariant: any text ends in tokens or in one error that says where.

use super::CompileError;
use std::sync::Arc;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Ident(String),
    /// A name between backticks, which may stand after a dot only.
    Quoted(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

impl Token {
    /// As an error message names it.
    pub fn shown(&self, text: &str) -> String {
        match self {
            Token::End => "<EOF>".into(),
            _ => text.to_owned(),
        }
    }
}

/// A token and where it stands: its first character and the one after its last, counted in characters.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub token: Token,
    pub at: usize,
    pub end: usize,
}

const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":", "+", "*", "/", "%",
    "<", ">",
];

/// All tokens; the last is [`Token::End`].
pub(super) fn tokens(text: &[char]) -> Result<Vec<Place>, CompileError> {
    let (mut out, mut i) = (vec![], 0);
    while let Some(&c) = text.get(i) {
        let at = i;
        if c.is_ascii_whitespace() || c == '\u{c}' {
            i += 1;
            continue;
        }
        if c == '/' && text.get(i + 1) == Some(&'/') {
            while text.get(i).is_some_and(|c| *c != '\n') {
                i += 1;
            }
            continue;
        }
        let token = if let Some((prefix, raw, bytes)) = literal_prefix(&text[i..]) {
            i += prefix;
            quoted(text, &mut i, raw, bytes, at)?
        } else if c.is_ascii_alphabetic() || c == '_' {
            while text.get(i).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_') {
                i += 1;
            }
            Token::Ident(text[at..i].iter().collect())
        } else if c.is_ascii_digit() || (c == '.' && text.get(i + 1).is_some_and(char::is_ascii_digit)) {
            number(text, &mut i, at)?
        } else if c == '`' {
            let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ' ');
            i += 1;
            while text.get(i).is_some_and(allowed) {
                i += 1;
            }
            if text.get(i) != Some(&'`') || i == at + 1 {
                return Err(unknown(c, at));
            }
            i += 1;
            Token::Quoted(text[at + 1..i - 1].iter().collect())
        } else {
            let sign = SIGNS.iter().find(|s| s.chars().enumerate().all(|(n, c)| text.get(at + n) == Some(&c)));
            let Some(sign) = sign else { return Err(unknown(c, at)) };
            i += sign.len();
            Token::Sign(sign)
        };
        out.push(Place { token, at, end: i });
    }
    out.push(Place { token: Token::End, at: text.len(), end: text.len() });
    Ok(out)
}

fn unknown(c: char, at: usize) -> CompileError {
    CompileError::new(at, format!("Syntax error: token recognition error at: '{c}'"))
}

/// Does a literal begin here? The length of its prefix, and whether it is raw and of bytes.
fn literal_prefix(text: &[char]) -> Option<(usize, bool, bool)> {
    let (mut raw, mut bytes) = (false, false);
    for (n, c) in text.iter().enumerate().take(3) {
        match c {
            '\'' | '"' => return Some((n, raw, bytes)),
            'r' | 'R' if !raw => raw = true,
            'b' | 'B' if !bytes => bytes = true,
            _ => return None,
        }
    }
    None
}

fn quoted(text: &[char], i: &mut usize, raw: bool, bytes: bool, at: usize) -> Result<Token, CompileError> {
    let open = || CompileError::new(at, format!("Syntax error: token recognition error at: '{}'", rest(text, at)));
    let quote = *text.get(*i).ok_or_else(open)?;
    let triple = text.get(*i + 1) == Some(&quote) && text.get(*i + 2) == Some(&quote);
    *i += if triple { 3 } else { 1 };
    let mut out: Vec<u8> = vec![];
    loop {
        let Some(&c) = text.get(*i) else { return Err(open()) };
        let ends = if triple { (0..3).all(|n| text.get(*i + n) == Some(&quote)) } else { c == quote };
        if ends {
            *i += if triple { 3 } else { 1 };
            break;
        }
        if !triple && matches!(c, '\n' | '\r') {
            return Err(open());
        }
        *i += 1;
        if c == '\\' && raw {
            push(&mut out, c);
            // a raw text may hold its quote behind a backslash
            if let Some(&next) = text.get(*i).filter(|n| **n == quote || **n == '\\') {
                push(&mut out, next);
                *i += 1;
            }
        } else if c == '\\' {
            escape(text, i, bytes, &mut out).ok_or_else(open)?;
        } else {
            push(&mut out, c);
        }
    }
    if bytes {
        return Ok(Token::Bytes(out.into()));
    }
    Ok(Token::Text(String::from_utf8(out).map_err(|_| open())?.into()))
}

fn rest(text: &[char], at: usize) -> String {
    text[at.min(text.len())..].iter().take(80).collect()
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// What stands behind a backslash.
fn escape(text: &[char], i: &mut usize, bytes: bool, out: &mut Vec<u8>) -> Option<()> {
    let c = *text.get(*i)?;
    *i += 1;
    let simple = match c {
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        '\\' | '\'' | '"' | '`' | '?' => Some(c),
        _ => None,
    };
    if let Some(c) = simple {
        push(out, c);
        return Some(());
    }
    let (digits, radix) = match c {
        'x' | 'X' => (2, 16),
        'u' if !bytes => (4, 16),
        'U' if !bytes => (8, 16),
        '0'..='3' => {
            *i -= 1;
            (3, 8)
        }
        _ => return None,
    };
    let mut code = 0u32;
    for _ in 0..digits {
        code = code.checked_mul(radix)?.checked_add(text.get(*i)?.to_digit(radix)?)?;
        *i += 1;
    }
    if bytes {
        out.push(u8::try_from(code).ok()?);
    } else {
        push(out, char::from_u32(code)?);
    }
    Some(())
}

fn number(text: &[char], i: &mut usize, at: usize) -> Result<Token, CompileError> {
    let is = |i: usize, test: fn(&char) -> bool| text.get(i).is_some_and(test);
    if text[at] == '0' && matches!(text.get(at + 1), Some('x' | 'X')) {
        *i += 2;
        while is(*i, char::is_ascii_hexdigit) {
            *i += 1;
        }
        let digits: String = text[at + 2..*i].iter().collect();
        return whole(text, i, &digits, 16, at);
    }
    let mut fraction = false;
    while is(*i, char::is_ascii_digit) {
        *i += 1;
    }
    if text.get(*i) == Some(&'.') && is(*i + 1, char::is_ascii_digit) {
        fraction = true;
        *i += 1;
        while is(*i, char::is_ascii_digit) {
            *i += 1;
        }
    }
    if matches!(text.get(*i), Some('e' | 'E')) {
        let sign = usize::from(matches!(text.get(*i + 1), Some('+' | '-')));
        if is(*i + 1 + sign, char::is_ascii_digit) {
            fraction = true;
            *i += 1 + sign;
            while is(*i, char::is_ascii_digit) {
                *i += 1;
            }
        }
    }
    let digits: String = text[at..*i].iter().collect();
    if fraction {
        let n: f64 = digits.parse().map_err(|_| CompileError::new(at, "invalid double literal"))?;
        return match n.is_finite() {
            true => Ok(Token::Double(n)),
            false => Err(CompileError::new(at, "invalid double literal")),
        };
    }
    whole(text, i, &digits, 10, at)
}

fn whole(text: &[char], i: &mut usize, digits: &str, radix: u32, at: usize) -> Result<Token, CompileError> {
    if matches!(text.get(*i), Some('u' | 'U')) {
        *i += 1;
        let n = u64::from_str_radix(digits, radix).map_err(|_| CompileError::new(at, "invalid uint literal"))?;
        return Ok(Token::Uint(n));
    }
    match u64::from_str_radix(digits, radix) {
        Ok(n) if n <= i64::MAX as u64 => Ok(Token::Int(n as i64)),
        // only behind a minus; the parser takes it from there
        Ok(n) if n == 1 << 63 => Ok(Token::Int(i64::MIN)),
        _ => Err(CompileError::new(at, "invalid int literal")),
    }
}
