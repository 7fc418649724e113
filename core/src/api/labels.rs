//! Label selectors: text, object and compiled form, and matching.
//!
//! A [`Selector`] is plain data with requirements sorted by key; matching allocates nothing. Models apimachinery
//! `labels/selector.go` and `meta/v1` LabelSelectorAsSelector. Knows no kinds.

use super::error::FieldError;
use super::names::{is_label_value, is_qualified_name};
use serde_json::Value;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::fmt;

/// How a requirement relates its key to its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// `in`
    In,
    /// `notin`
    NotIn,
    /// `=`
    Equals,
    /// `==`
    DoubleEquals,
    /// `!=`
    NotEquals,
    /// `gt`, written `>`
    GreaterThan,
    /// `lt`, written `<`
    LessThan,
    /// `exists`, written as the bare key
    Exists,
    /// `!`
    DoesNotExist,
}

const BINARY: &str = "in, notin, =, ==, !=, gt, lt";
const OPERATORS: [(&str, Operator); 9] = [
    ("in", Operator::In),
    ("notin", Operator::NotIn),
    ("=", Operator::Equals),
    ("==", Operator::DoubleEquals),
    ("!=", Operator::NotEquals),
    ("gt", Operator::GreaterThan),
    ("lt", Operator::LessThan),
    ("exists", Operator::Exists),
    ("!", Operator::DoesNotExist),
];

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    key: Box<str>,
    operator: Operator,
    values: SmallVec<[Box<str>; 1]>,
}

impl Requirement {
    /// A checked requirement; `operator` by its upstream name (`in`, `notin`, `=`, `==`, `!=`, `gt`, `lt`, `exists`,
    /// `!`). Errors name the fields `key`, `operator`, `values`.
    pub fn new(key: &str, operator: &str, values: &[&str]) -> Result<Self, Vec<FieldError>> {
        Self::at("", key, operator, values)
    }

    /// As [`Requirement::new`], with the field path before the names of the fields.
    pub fn at(path: &str, key: &str, operator: &str, values: &[&str]) -> Result<Self, Vec<FieldError>> {
        let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let list = || Value::from(values.to_vec());
        let mut errors: Vec<FieldError> = label_key(key, &child("key")).into_iter().collect();
        let found = OPERATORS.iter().find(|o| o.0 == operator).map(|o| o.1);
        let mut wrong = |detail: &str| errors.push(FieldError::invalid(child("values"), list(), detail));
        use Operator::*;
        match found {
            Some(In | NotIn) if values.is_empty() => wrong("for 'in', 'notin' operators, values set can't be empty"),
            Some(Equals | DoubleEquals | NotEquals) if values.len() != 1 => {
                wrong("exact-match compatibility requires one single value");
            }
            Some(Exists | DoesNotExist) if !values.is_empty() => {
                wrong("values set must be empty for exists and does not exist");
            }
            Some(GreaterThan | LessThan) => {
                if values.len() != 1 {
                    wrong("for 'Gt', 'Lt' operators, exactly one value is required");
                }
                for (i, v) in values.iter().enumerate().filter(|(_, v)| go_int(v).is_none()) {
                    let field = format!("{}[{i}]", child("values"));
                    let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                    errors.push(FieldError::invalid(field, *v, detail));
                }
            }
            Some(_) => {}
            None => {
                let names: Vec<&str> = OPERATORS.iter().map(|o| o.0).collect();
                errors.push(FieldError::not_supported(child("operator"), operator, &names));
            }
        }
        for (i, v) in values.iter().enumerate() {
            let wrong = is_label_value(v);
            if !wrong.is_empty() {
                let field = format!("{}[{i}][{key}]", child("values"));
                errors.push(FieldError::invalid(field, *v, wrong.join("; ")));
            }
        }
        match found {
            Some(operator) if errors.is_empty() => Ok(Self::unchecked(key, operator, values)),
            _ => Err(errors),
        }
    }

    fn unchecked(key: &str, operator: Operator, values: &[&str]) -> Self {
        Self { key: key.into(), operator, values: values.iter().map(|v| (*v).into()).collect() }
    }

    /// The label's key.
    pub fn key(&self) -> &str {
        &self.key
    }
    /// The operator.
    pub fn operator(&self) -> Operator {
        self.operator
    }
    /// The values, in the order they were given.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|v| &**v)
    }

    /// Does a label's value (`None`: not set) satisfy this?
    pub fn matches(&self, value: Option<&str>) -> bool {
        use Operator::*;
        match self.operator {
            In | Equals | DoubleEquals => value.is_some_and(|v| self.values.iter().any(|x| **x == *v)),
            NotIn | NotEquals => value.is_none_or(|v| !self.values.iter().any(|x| **x == *v)),
            Exists => value.is_some(),
            DoesNotExist => value.is_none(),
            GreaterThan | LessThan => match (value.and_then(go_int), self.values.first().and_then(|v| go_int(v))) {
                (Some(a), Some(b)) => {
                    if self.operator == GreaterThan {
                        a > b
                    } else {
                        a < b
                    }
                }
                _ => false,
            },
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let mut values: Vec<&str> = self.values().collect();
        values.sort_unstable();
        let values = values.join(",");
        match self.operator {
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::Exists => write!(f, "{key}"),
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

/// A whole number as Go's ParseInt(…, 10, 64) reads it.
fn go_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn label_key(key: &str, field: &str) -> Option<FieldError> {
    let wrong = is_qualified_name(key);
    (!wrong.is_empty()).then(|| FieldError::invalid(field, key, wrong.join("; ")))
}

/// A label selector, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Selects no object (the selector that is not set).
    Nothing,
    /// Selects objects whose labels satisfy every requirement (sorted by key); without any, every object.
    All(SmallVec<[Requirement; 1]>),
}

impl Default for Selector {
    fn default() -> Self {
        Self::everything()
    }
}

impl Selector {
    /// Selects every object.
    pub fn everything() -> Self {
        Self::All(SmallVec::new())
    }

    /// Every requirement must hold.
    pub fn from_requirements(requirements: impl IntoIterator<Item = Requirement>) -> Self {
        let mut list: SmallVec<[Requirement; 1]> = requirements.into_iter().collect();
        list.sort_by(|a, b| a.key.cmp(&b.key));
        Self::All(list)
    }

    /// Labels that must be equal, unchecked (a Service's or ReplicationController's selector).
    pub fn from_map<K: AsRef<str>, V: AsRef<str>>(labels: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::from_requirements(
            labels.into_iter().map(|(k, v)| Requirement::unchecked(k.as_ref(), Operator::Equals, &[v.as_ref()])),
        )
    }

    /// As [`Selector::from_map`], from a JSON object of strings.
    pub fn from_value_map(labels: &Value) -> Self {
        Self::from_map(labels.as_object().into_iter().flatten().map(|(k, v)| (k, v.as_str().unwrap_or_default())))
    }

    /// A `metav1.LabelSelector` as JSON: `null` selects nothing, `{}` everything.
    pub fn from_label_selector(selector: &Value) -> Result<Self, String> {
        if selector.is_null() {
            return Ok(Self::Nothing);
        }
        let mut list = vec![];
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            list.push(checked(key, "=", &[value.as_str().unwrap_or_default()])?);
        }
        for e in selector["matchExpressions"].as_array().into_iter().flatten() {
            let values: Vec<&str> = e["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let operator = expression_operator(e["operator"].as_str().unwrap_or_default())?;
            list.push(checked(e["key"].as_str().unwrap_or_default(), operator, &values)?);
        }
        Ok(Self::from_requirements(list))
    }

    /// A typed `metav1.LabelSelector`; not set selects nothing.
    pub fn from_typed(
        selector: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector>,
    ) -> Result<Self, String> {
        let Some(selector) = selector else { return Ok(Self::Nothing) };
        let mut list = vec![];
        for (key, value) in selector.match_labels.iter().flatten() {
            list.push(checked(key, "=", &[value])?);
        }
        for e in selector.match_expressions.iter().flatten() {
            let values: Vec<&str> = e.values.iter().flatten().map(String::as_str).collect();
            list.push(checked(&e.key, expression_operator(&e.operator)?, &values)?);
        }
        Ok(Self::from_requirements(list))
    }

    /// Reads the text form: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Parser::new(text).parse().map(Self::from_requirements)
    }

    /// Does it select everything?
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::All(list) if list.is_empty())
    }

    /// The requirements; none for the selector of nothing too.
    pub fn requirements(&self) -> &[Requirement] {
        match self {
            Self::Nothing => &[],
            Self::All(list) => list,
        }
    }

    /// Does it select an object whose labels `get` answers for?
    pub fn matches_by<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::Nothing => false,
            Self::All(list) => list.iter().all(|r| r.matches(get(&r.key))),
        }
    }

    /// Does it select an object with these labels?
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_by(|k| labels.get(k).map(String::as_str))
    }

    /// Does it select an object with these labels (`null`: none)?
    pub fn matches_value(&self, labels: &Value) -> bool {
        self.matches_by(|k| labels.get(k).and_then(Value::as_str))
    }

    /// The one value the selector asks of a label, if it asks for exactly one.
    pub fn requires_exact_match(&self, key: &str) -> Option<&str> {
        let r = self.requirements().iter().find(|r| &*r.key == key)?;
        match r.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals if r.values.len() == 1 => Some(&r.values[0]),
            _ => None,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, r) in self.requirements().iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            r.fmt(f)?;
        }
        Ok(())
    }
}

fn checked(key: &str, operator: &str, values: &[&str]) -> Result<Requirement, String> {
    Requirement::new(key, operator, values).map_err(|e| join_errors(&e))
}

/// Several errors as one text: `[a, b]`.
fn join_errors(errors: &[FieldError]) -> String {
    match errors {
        [one] => one.to_string(),
        many => format!("[{}]", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn expression_operator(operator: &str) -> Result<&'static str, String> {
    match operator {
        "In" => Ok("in"),
        "NotIn" => Ok("notin"),
        "Exists" => Ok("exists"),
        "DoesNotExist" => Ok("!"),
        other => Err(format!("{other:?} is not a valid label selector operator")),
    }
}

/// A `metav1.LabelSelector` as kubectl prints it: `<none>` when not set or empty, else the text form, or `<error>`.
pub fn format_label_selector(selector: &Value) -> String {
    match Selector::from_label_selector(selector) {
        Ok(s) if s.requirements().is_empty() => "<none>".into(),
        Ok(s) => s.to_string(),
        Err(_) => "<error>".into(),
    }
}

/// Equality-based text (`a=b,c=d`) as a map. Models ConvertSelectorToLabelsMap.
pub fn selector_to_map(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut map = BTreeMap::new();
    if text.is_empty() {
        return Ok(map);
    }
    for part in text.split(',') {
        let (key, value) = match part.split('=').collect::<Vec<_>>()[..] {
            [k, v] => (k.trim(), v.trim()),
            _ => return Err(format!("invalid selector: {part}")),
        };
        if let Some(e) = label_key(key, "<nil>") {
            return Err(e.to_string());
        }
        let wrong = is_label_value(value);
        if !wrong.is_empty() {
            return Err(FieldError::invalid(format!("[{key}]"), value, wrong.join("; ")).to_string());
        }
        map.insert(key.to_owned(), value.to_owned());
    }
    Ok(map)
}

/// A map as the text of an equality-based selector, sorted by key.
pub fn map_to_text<K: AsRef<str>, V: AsRef<str>>(labels: impl IntoIterator<Item = (K, V)>) -> String {
    let mut parts: Vec<String> = labels.into_iter().map(|(k, v)| format!("{}={}", k.as_ref(), v.as_ref())).collect();
    parts.sort_unstable();
    parts.join(",")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    End,
    Close,
    Comma,
    Not,
    Operator(Operator),
    Identifier,
    Open,
}

struct Parser {
    tokens: Vec<(Token, String)>,
    at: usize,
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn special_token(text: &str) -> Option<Token> {
    Some(match text {
        ")" => Token::Close,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::Operator(Operator::DoubleEquals),
        "=" => Token::Operator(Operator::Equals),
        ">" => Token::Operator(Operator::GreaterThan),
        "<" => Token::Operator(Operator::LessThan),
        "!=" => Token::Operator(Operator::NotEquals),
        "(" => Token::Open,
        _ => return None,
    })
}

fn scan(text: &str) -> Vec<(Token, String)> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut tokens = vec![];
    let mut rest = text.trim_start_matches(blank);
    while let Some(c) = rest.chars().next() {
        if c == '\0' {
            break;
        }
        let length = if is_special(c) {
            // The longest symbol wins; each special character is one by itself.
            let run = rest.find(|c| !is_special(c)).unwrap_or(rest.len());
            let known = (1..=run.min(2)).rev().find_map(|n| Some((special_token(&rest[..n])?, n)));
            let (token, n) = known.unwrap_or((Token::Identifier, run));
            tokens.push((token, rest[..n].to_owned()));
            n
        } else {
            let n = rest.find(|c| is_special(c) || blank(c) || c == '\0').unwrap_or(rest.len());
            let token = match &rest[..n] {
                "in" => Token::Operator(Operator::In),
                "notin" => Token::Operator(Operator::NotIn),
                _ => Token::Identifier,
            };
            tokens.push((token, rest[..n].to_owned()));
            n
        };
        rest = rest[length..].trim_start_matches(blank);
    }
    tokens.push((Token::End, String::new()));
    tokens
}

impl Parser {
    fn new(text: &str) -> Self {
        Self { tokens: scan(text), at: 0 }
    }

    /// The token at hand where `in` and `notin` are words like any other.
    fn peek(&self) -> (Token, &str) {
        match self.tokens.get(self.at) {
            Some((Token::Operator(Operator::In | Operator::NotIn), text)) => (Token::Identifier, text),
            Some((token, text)) => (*token, text),
            None => (Token::End, ""),
        }
    }

    fn next(&mut self) -> (Token, String) {
        let (token, text) = self.peek();
        let item = (token, text.to_owned());
        self.at += 1;
        item
    }

    fn parse(mut self) -> Result<Vec<Requirement>, String> {
        let mut list = vec![];
        loop {
            match self.peek() {
                (Token::Identifier | Token::Not, _) => {
                    list.push(self.requirement().map_err(|e| format!("unable to parse requirement: {e}"))?);
                    match self.next() {
                        (Token::End, _) => return Ok(list),
                        (Token::Comma, _) => {
                            let (token, text) = self.peek();
                            if !matches!(token, Token::Identifier | Token::Not) {
                                return Err(format!("found '{text}', expected: identifier after ','"));
                            }
                        }
                        (_, text) => return Err(format!("found '{text}', expected: ',' or 'end of string'")),
                    }
                }
                (Token::End, _) => return Ok(list),
                (_, text) => return Err(format!("found '{text}', expected: !, identifier, or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut key) = self.next();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.next();
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        if let Some(e) = label_key(&key, "<nil>") {
            return Err(e.to_string());
        }
        if negated {
            return checked(&key, "!", &[]);
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return checked(&key, "exists", &[]);
        }
        let item = self.tokens.get(self.at).cloned();
        self.at += 1;
        let operator = match item {
            Some((Token::Operator(o), _)) => o,
            other => {
                let text = other.map(|o| o.1).unwrap_or_default();
                return Err(format!("found '{text}', expected: {BINARY}"));
            }
        };
        let mut values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        values.sort_unstable();
        values.dedup();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let name = OPERATORS.iter().find(|o| o.1 == operator).map_or("", |o| o.0);
        checked(&key, name, &values)
    }

    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.next() {
            (Token::Identifier, text) => Ok(text),
            (_, text) => Err(format!("found '{text}', expected: identifier")),
        }
    }

    /// `(a,b)`; commas side by side or at an end stand for the empty value.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            (Token::Open, _) => {}
            (_, text) => return Err(format!("found '{text}' expected: '('")),
        }
        match self.peek() {
            (Token::Close, _) => {
                self.at += 1;
                return Ok(vec![String::new()]);
            }
            (Token::Identifier | Token::Comma, _) => {}
            (_, text) => return Err(format!("found '{text}', expected: ',', ')' or identifier")),
        }
        let mut values = vec![];
        loop {
            match self.next() {
                (Token::Identifier, text) => {
                    values.push(text);
                    match self.peek() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => break,
                        (_, text) => return Err(format!("found '{text}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    let first = values.is_empty();
                    let next = self.peek().0;
                    if first || matches!(next, Token::Close | Token::Comma) {
                        values.push(String::new());
                    }
                    if next == Token::Close {
                        break;
                    }
                }
                (_, text) => return Err(format!("found '{text}', expected: ',', or identifier")),
            }
        }
        self.at += 1;
        Ok(values)
    }
}
