//! The grammar of CEL and its macros. Invariant: an expression that comes out is at most [`MAX_DEPTH`] deep, so whatever
//! walks it may recurse. (Models cel-go's grammar and its standard macros.)

use super::CompileError;
use super::lex::{Place, Token, tokens};
use super::value::Val;

/// How deep an expression may be.
pub(super) const MAX_DEPTH: u16 = 120;
/// How deep brackets may nest.
const MAX_NESTING: u16 = 60;
/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 100_000;

/// An expression and the character where it stands.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub kind: Kind,
    pub at: u32,
    depth: u16,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Lit(Val),
    Ident(String),
    /// `of.field`; `test`: of `has()`; `optional`: `of.?field`
    Select {
        of: Box<Expr>,
        field: String,
        test: bool,
        optional: bool,
    },
    /// A function, an operator (`_+_`) or, with a target, a method.
    Call {
        name: String,
        target: Option<Box<Expr>>,
        args: Vec<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    If(Box<[Expr; 3]>),
    List(Vec<(bool, Expr)>),
    Map(Vec<(bool, Expr, Expr)>),
    Struct {
        name: String,
        fields: Vec<(bool, String, Expr)>,
    },
    Loop(Box<Loop>),
    /// `cel.bind`, `optMap` and `optFlatMap`: a name for a value.
    Bind {
        name: String,
        value: Box<Expr>,
        body: Box<Expr>,
        how: Binding,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Plain,
    /// Of the content of an optional, into an optional.
    OptMap,
    /// Of the content of an optional; the body makes an optional itself.
    OptFlatMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    SortBy,
    TransformList,
    TransformMap,
    TransformEntry,
}

/// A macro over a list or a map.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub what: Macro,
    pub range: Expr,
    pub var: String,
    /// The second variable of the forms that have two.
    pub second: Option<String>,
    /// Which elements `map` and the like take.
    pub filter: Option<Expr>,
    pub body: Expr,
}

impl Expr {
    /// The parts of an expression, in order.
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            Kind::Lit(_) | Kind::Ident(_) => vec![],
            Kind::Select { of, .. } => vec![of],
            Kind::Call { target, args, .. } => target.iter().map(|t| &**t).chain(args).collect(),
            Kind::And(list) | Kind::Or(list) => list.iter().collect(),
            Kind::If(parts) => parts.iter().collect(),
            Kind::List(list) => list.iter().map(|(_, e)| e).collect(),
            Kind::Map(list) => list.iter().flat_map(|(_, k, v)| [k, v]).collect(),
            Kind::Struct { fields, .. } => fields.iter().map(|(.., e)| e).collect(),
            Kind::Loop(l) => [Some(&l.range), l.filter.as_ref(), Some(&l.body)].into_iter().flatten().collect(),
            Kind::Bind { value, body, .. } => vec![value, body],
        }
    }

    /// Does it say this name anywhere?
    pub fn mentions(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Ident(n) if n == name) || self.parts().iter().any(|p| p.mentions(name))
    }
}

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Expr, CompileError> {
    if text.len() > MAX_TEXT {
        return Err(CompileError::new(0, format!("expression code point size exceeds limit: {MAX_TEXT}")));
    }
    let chars: Vec<char> = text.chars().collect();
    let mut p = Parser { places: tokens(&chars)?, chars: &chars, next: 0, nesting: 0 };
    let e = p.expr()?;
    match p.peek() {
        Token::End => Ok(e),
        _ => Err(p.wrong("extraneous input", "expecting <EOF>")),
    }
}

struct Parser<'a> {
    places: Vec<Place>,
    chars: &'a [char],
    next: usize,
    nesting: u16,
}

type Read<T> = Result<T, CompileError>;

const OPERANDS: &str =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

impl Parser<'_> {
    fn place(&self) -> &Place {
        &self.places[self.next.min(self.places.len() - 1)]
    }

    fn peek(&self) -> &Token {
        &self.place().token
    }

    fn at(&self) -> u32 {
        self.place().at as u32
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(s) if *s == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.next += usize::from(found);
        found
    }

    fn wrong(&self, what: &str, expecting: &str) -> CompileError {
        let p = self.place();
        let text: String = self.chars[p.at..p.end].iter().collect();
        CompileError::new(p.at, format!("Syntax error: {what} '{}' {expecting}", p.token.shown(&text)))
    }

    fn expect(&mut self, sign: &str) -> Read<()> {
        if self.take(sign) {
            return Ok(());
        }
        let p = self.place();
        let text: String = self.chars[p.at..p.end].iter().collect();
        Err(CompileError::new(p.at, format!("Syntax error: missing '{sign}' at '{}'", p.token.shown(&text))))
    }

    fn node(&self, kind: Kind, at: u32) -> Read<Expr> {
        let mut e = Expr { kind, at, depth: 0 };
        let deepest = e.parts().iter().map(|p| p.depth).max().unwrap_or(0);
        e.depth = deepest + 1;
        if e.depth > MAX_DEPTH {
            return Err(CompileError::new(at as usize, format!("expression recursion limit exceeded: {MAX_DEPTH}")));
        }
        Ok(e)
    }

    fn call(&self, name: &str, args: Vec<Expr>, at: u32) -> Read<Expr> {
        self.node(Kind::Call { name: name.into(), target: None, args }, at)
    }

    fn expr(&mut self) -> Read<Expr> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let why = format!("expression recursion limit exceeded: {MAX_NESTING}");
            return Err(CompileError::new(self.place().at, why));
        }
        let condition = self.either()?;
        let at = self.at();
        let e = if self.take("?") {
            let yes = self.either()?;
            self.expect(":")?;
            let no = self.expr()?;
            self.node(Kind::If(Box::new([condition, yes, no])), at)?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(e)
    }

    fn either(&mut self) -> Read<Expr> {
        self.chain("||", Self::both, Kind::Or)
    }

    fn both(&mut self) -> Read<Expr> {
        self.chain("&&", |p| p.operators(0), Kind::And)
    }

    fn chain(&mut self, sign: &str, part: fn(&mut Self) -> Read<Expr>, make: fn(Vec<Expr>) -> Kind) -> Read<Expr> {
        let first = part(self)?;
        let at = self.at();
        if !self.is(sign) {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.take(sign) {
            all.push(part(self)?);
        }
        self.node(make(all), at)
    }

    /// Relations (level 0), sums (1) and products (2), which group from the left.
    fn operators(&mut self, level: u8) -> Read<Expr> {
        const LEVELS: [&[(&str, &str)]; 3] = [
            &[("<=", "_<=_"), ("<", "_<_"), (">=", "_>=_"), (">", "_>_"), ("==", "_==_"), ("!=", "_!=_")],
            &[("+", "_+_"), ("-", "_-_")],
            &[("*", "_*_"), ("/", "_/_"), ("%", "_%_")],
        ];
        let Some(signs) = LEVELS.get(usize::from(level)) else { return self.unary() };
        let mut e = self.operators(level + 1)?;
        loop {
            let at = self.at();
            let mut name = signs.iter().find(|(sign, _)| self.is(sign)).map(|(_, name)| *name);
            if level == 0 && matches!(self.peek(), Token::Ident(i) if i == "in") {
                name = Some("@in");
            }
            let Some(name) = name else { return Ok(e) };
            self.next += 1;
            let right = self.operators(level + 1)?;
            e = self.call(name, vec![e, right], at)?;
        }
    }

    fn unary(&mut self) -> Read<Expr> {
        let at = self.at();
        for (sign, name) in [("!", "!_"), ("-", "-_")] {
            let mut count = 0;
            let mut last = at;
            while self.is(sign) {
                last = self.at();
                self.next += 1;
                count += 1;
            }
            if count == 0 {
                continue;
            }
            // a minus belongs to the number behind it
            if sign == "-"
                && count % 2 == 1
                && let Token::Int(_) | Token::Double(_) = self.peek()
            {
                let lit = match self.peek() {
                    Token::Int(n) => Val::Int(n.wrapping_neg()),
                    Token::Double(d) => Val::Double(-d),
                    _ => Val::Null,
                };
                self.next += 1;
                let e = self.node(Kind::Lit(lit), last)?;
                return self.members(e);
            }
            let e = self.member()?;
            return if count % 2 == 1 { self.call(name, vec![e], at) } else { Ok(e) };
        }
        self.member()
    }

    fn member(&mut self) -> Read<Expr> {
        if *self.peek() == Token::Int(i64::MIN) {
            return Err(CompileError::new(self.place().at, "invalid int literal"));
        }
        let e = self.primary()?;
        self.members(e)
    }

    fn members(&mut self, mut e: Expr) -> Read<Expr> {
        loop {
            let at = self.at();
            if self.take(".") {
                let optional = self.take("?");
                let (name, plain) = match self.peek().clone() {
                    Token::Ident(n) if !matches!(n.as_str(), "in" | "true" | "false" | "null") => (n, true),
                    Token::Quoted(n) => (n, false),
                    _ => return Err(self.wrong("no viable alternative at input", "").trimmed()),
                };
                self.next += 1;
                if plain && !optional && self.is("(") {
                    let open = self.at();
                    let args = self.arguments()?;
                    e = self.method(e, &name, args, open)?;
                } else {
                    e = self.node(Kind::Select { of: Box::new(e), field: name, test: false, optional }, at)?;
                }
            } else if self.is("[") {
                self.next += 1;
                let optional = self.take("?");
                let index = self.expr()?;
                self.expect("]")?;
                e = self.call(if optional { "_[?_]" } else { "_[_]" }, vec![e, index], at)?;
            } else if self.is("{") && qualified(&e).is_some_and(|n| n.starts_with(|c: char| c.is_ascii_uppercase())) {
                let name = qualified(&e).unwrap_or_default();
                self.next += 1;
                let fields = self.fields()?;
                e = self.node(Kind::Struct { name, fields }, at)?;
            } else {
                return Ok(e);
            }
        }
    }

    fn fields(&mut self) -> Read<Vec<(bool, String, Expr)>> {
        let mut fields = vec![];
        while !self.take("}") {
            let optional = self.take("?");
            let name = match self.peek().clone() {
                Token::Ident(n) | Token::Quoted(n) => n,
                _ => return Err(self.wrong("mismatched input", "expecting {'}', IDENTIFIER}")),
            };
            self.next += 1;
            self.expect(":")?;
            fields.push((optional, name, self.expr()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(fields)
    }

    fn arguments(&mut self) -> Read<Vec<Expr>> {
        self.expect("(")?;
        let mut args = vec![];
        if self.take(")") {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            if self.take(",") {
                continue;
            }
            self.expect(")")?;
            return Ok(args);
        }
    }

    fn primary(&mut self) -> Read<Expr> {
        let at = self.at();
        let token = self.peek().clone();
        let lit = |v: Val| Kind::Lit(v);
        let kind = match token {
            Token::Int(n) => lit(Val::Int(n)),
            Token::Uint(n) => lit(Val::Uint(n)),
            Token::Double(n) => lit(Val::Double(n)),
            Token::Text(t) => lit(Val::Str(t)),
            Token::Bytes(b) => lit(Val::Bytes(b)),
            Token::Ident(name) => match name.as_str() {
                "true" => lit(Val::Bool(true)),
                "false" => lit(Val::Bool(false)),
                "null" => lit(Val::Null),
                "in" => return Err(self.wrong("mismatched input", &format!("expecting {OPERANDS}"))),
                _ => {
                    self.next += 1;
                    if self.is("(") {
                        let open = self.at();
                        let args = self.arguments()?;
                        return self.function(&name, args, open);
                    }
                    if RESERVED.contains(&name.as_str()) {
                        return Err(CompileError::new(at as usize, format!("reserved identifier: {name}")));
                    }
                    return self.node(Kind::Ident(name), at);
                }
            },
            Token::Sign("(") => {
                self.next += 1;
                let e = self.expr()?;
                self.expect(")")?;
                return Ok(e);
            }
            Token::Sign("[") => {
                self.next += 1;
                let mut list = vec![];
                while !self.take("]") {
                    let optional = self.take("?");
                    list.push((optional, self.expr()?));
                    if !self.take(",") {
                        self.expect("]")?;
                        break;
                    }
                }
                return self.node(Kind::List(list), at);
            }
            Token::Sign("{") => {
                self.next += 1;
                let mut list = vec![];
                while !self.take("}") {
                    let optional = self.take("?");
                    let key = self.expr()?;
                    self.expect(":")?;
                    list.push((optional, key, self.expr()?));
                    if !self.take(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                return self.node(Kind::Map(list), at);
            }
            // a name of the root scope
            Token::Sign(".") => {
                self.next += 1;
                match self.peek() {
                    Token::Ident(_) => return self.primary(),
                    _ => return Err(self.wrong("no viable alternative at input", "").trimmed()),
                }
            }
            _ => return Err(self.wrong("mismatched input", &format!("expecting {OPERANDS}"))),
        };
        self.next += 1;
        self.node(kind, at)
    }

    fn function(&mut self, name: &str, mut args: Vec<Expr>, open: u32) -> Read<Expr> {
        if name == "has" && args.len() == 1 {
            let Some(Expr { kind: Kind::Select { of, field, optional: false, .. }, .. }) = args.pop() else {
                return Err(CompileError::new(open as usize, "invalid argument to has() macro"));
            };
            return self.node(Kind::Select { of, field, test: true, optional: false }, open);
        }
        self.node(Kind::Call { name: name.into(), target: None, args }, open)
    }

    fn method(&mut self, target: Expr, name: &str, args: Vec<Expr>, at: u32) -> Read<Expr> {
        let root = match &target.kind {
            Kind::Ident(n) => n.as_str(),
            _ => "",
        };
        if root == "cel" && name == "bind" && args.len() == 3 {
            let mut args = args.into_iter();
            if let (Some(var), Some(value), Some(body)) = (args.next(), args.next(), args.next()) {
                let name = self.variable(&var)?;
                let (value, body) = (Box::new(value), Box::new(body));
                return self.node(Kind::Bind { name, value, body, how: Binding::Plain }, at);
            }
            return Err(CompileError::new(at as usize, "cel.bind() takes three arguments"));
        }
        let is_format = root == "format" && super::library::FORMATS.contains(&name);
        if is_format || NAMED.contains(&(root, name)) {
            return self.node(Kind::Call { name: format!("{root}.{name}"), target: None, args }, at);
        }
        let how = match (name, args.len()) {
            ("optMap", 2) => Some(Binding::OptMap),
            ("optFlatMap", 2) => Some(Binding::OptFlatMap),
            _ => None,
        };
        if let Some(how) = how {
            let name = self.variable(&args[0])?;
            let body = args.into_iter().nth(1).map(Box::new);
            if let Some(body) = body {
                return self.node(Kind::Bind { name, value: Box::new(target), body, how }, at);
            }
            return Err(CompileError::new(at as usize, "two arguments are wanted"));
        }
        // name, number of arguments, second variable, filter
        let what = match (name, args.len()) {
            ("all", 2) => Some((Macro::All, false, false)),
            ("all", 3) => Some((Macro::All, true, false)),
            ("exists", 2) => Some((Macro::Exists, false, false)),
            ("exists", 3) => Some((Macro::Exists, true, false)),
            ("exists_one" | "existsOne", 2) => Some((Macro::ExistsOne, false, false)),
            ("exists_one" | "existsOne", 3) => Some((Macro::ExistsOne, true, false)),
            ("map", 2) => Some((Macro::Map, false, false)),
            ("map", 3) => Some((Macro::Map, false, true)),
            ("sortBy", 2) => Some((Macro::SortBy, false, false)),
            ("filter", 2) => Some((Macro::Filter, false, false)),
            ("transformList", 3) => Some((Macro::TransformList, true, false)),
            ("transformList", 4) => Some((Macro::TransformList, true, true)),
            ("transformMap", 3) => Some((Macro::TransformMap, true, false)),
            ("transformMap", 4) => Some((Macro::TransformMap, true, true)),
            ("transformMapEntry", 3) => Some((Macro::TransformEntry, true, false)),
            ("transformMapEntry", 4) => Some((Macro::TransformEntry, true, true)),
            _ => None,
        };
        let Some((what, two, filtered)) = what else {
            return self.node(Kind::Call { name: name.into(), target: Some(Box::new(target)), args }, at);
        };
        let mut args = args.into_iter();
        let short = || CompileError::new(at as usize, "too few arguments");
        let var = self.variable(&args.next().ok_or_else(short)?)?;
        let second = match two {
            true => Some(self.variable(&args.next().ok_or_else(short)?)?),
            false => None,
        };
        let filter = if filtered { Some(args.next().ok_or_else(short)?) } else { None };
        let body = args.next().ok_or_else(short)?;
        self.node(Kind::Loop(Box::new(Loop { what, range: target, var, second, filter, body })), at)
    }

    fn variable(&self, e: &Expr) -> Read<String> {
        match &e.kind {
            Kind::Ident(n) => Ok(n.clone()),
            _ => Err(CompileError::new(e.at as usize, "argument must be a simple name")),
        }
    }
}

/// Functions whose names have two parts.
const NAMED: [(&str, &str); 11] = [
    ("lists", "range"),
    ("jsonpatch", "escapeKey"),
    ("optional", "of"),
    ("optional", "none"),
    ("optional", "ofNonZeroValue"),
    ("sets", "contains"),
    ("sets", "equivalent"),
    ("sets", "intersects"),
    ("strings", "quote"),
    ("format", "named"),
    ("ip", "isCanonical"),
];

/// `a.b.c`, if that is all it is.
fn qualified(e: &Expr) -> Option<String> {
    match &e.kind {
        Kind::Ident(n) => Some(n.clone()),
        Kind::Select { of, field, test: false, optional: false } => Some(format!("{}.{field}", qualified(of)?)),
        _ => None,
    }
}
