//! Evaluation. Invariant: each step takes from the budget, so it ends; how deep it goes was settled by the parser.

use super::parse::{Binding, Expr, Kind, Loop, Macro};
use super::value::{DEPTH, Entries, Form, Key, Val, part};
use super::{Authorizer, Failure, PER_CALL, fail, functions, operators, types};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What evaluations may still cost.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// A budget of so many steps.
    pub fn new(steps: u64) -> Budget {
        Budget { left: steps }
    }

    /// Is nothing left?
    pub fn spent(&self) -> bool {
        self.left == 0
    }
}

/// What names mean.
#[derive(Clone, Default)]
pub struct Scope<'a> {
    /// Values by name.
    pub names: BTreeMap<String, Val>,
    /// What `variables.x` is, or why it is nothing.
    pub variables: BTreeMap<String, Result<Val, Failure>>,
    /// Whom `authorizer` asks.
    pub authorizer: Option<&'a dyn Authorizer>,
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("names", &self.names).field("variables", &self.variables).finish_non_exhaustive()
    }
}

pub(super) type Got = Result<Val, Failure>;

pub(super) fn run(e: &Expr, scope: &Scope<'_>, budget: &mut Budget) -> Got {
    let given = budget.left.min(PER_CALL);
    let mut m = Machine { scope, locals: vec![], patterns: BTreeMap::new(), fuel: given };
    // a list that holds another one twice, sixty times over, is small only here
    let got = m.eval(e).and_then(|v| m.walk(&v).map(|()| v));
    budget.left -= given - m.fuel;
    let got = got?;
    if got.deeper_than(DEPTH) {
        return fail("value is nested too deeply");
    }
    Ok(got)
}

pub(super) struct Machine<'a> {
    pub scope: &'a Scope<'a>,
    locals: Vec<(String, Val)>,
    /// Patterns that have been read already.
    pub patterns: BTreeMap<Arc<str>, regex_lite::Regex>,
    fuel: u64,
}

impl Machine<'_> {
    /// Takes from the budget.
    pub fn pay(&mut self, cost: usize) -> Result<(), Failure> {
        match self.fuel.checked_sub(cost as u64) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => {
                self.fuel = 0;
                Err(Failure::Budget)
            }
        }
    }

    /// Pays for walking all of a value.
    pub fn walk(&mut self, v: &Val) -> Result<(), Failure> {
        let cost = v.weight(self.fuel + 1);
        self.pay(usize::try_from(cost).unwrap_or(usize::MAX))
    }

    fn eval(&mut self, e: &Expr) -> Got {
        self.pay(1)?;
        match &e.kind {
            Kind::Lit(v) => Ok(v.clone()),
            Kind::Ident(name) => self.name(name),
            Kind::Select { of, field, test, optional } => self.select(of, field, *test, *optional),
            Kind::Call { name, target, args } => {
                let mut values = Vec::with_capacity(args.len() + 1);
                for a in target.iter().map(|t| &**t).chain(args) {
                    values.push(self.eval(a)?);
                }
                match name.as_str() {
                    "_[_]" | "_[?_]" => index(&values, name == "_[?_]"),
                    _ => functions::call(self, name, target.is_some(), &values),
                }
            }
            Kind::And(list) => self.junction(list, false),
            Kind::Or(list) => self.junction(list, true),
            Kind::If(parts) => match self.eval(&parts[0])? {
                Val::Bool(yes) => self.eval(&parts[if yes { 1 } else { 2 }]),
                _ => fail("no such overload"),
            },
            Kind::List(list) => {
                let mut items = Vec::with_capacity(list.len());
                for (optional, item) in list {
                    match (self.eval(item)?, optional) {
                        (Val::Opt(Some(v)), true) => items.push((*v).clone()),
                        (Val::Opt(None), true) => {}
                        (_, true) => return fail("no such overload"),
                        (v, false) => items.push(v),
                    }
                }
                Ok(Val::list(items))
            }
            Kind::Map(list) => self.literal_map(list),
            Kind::Struct { name, fields } => {
                let mut map = BTreeMap::new();
                for (optional, field, value) in fields {
                    let key = Key::Str(types::unescape(field).into());
                    match (self.eval(value)?, optional) {
                        (Val::Opt(Some(v)), true) => drop(map.insert(key, (*v).clone())),
                        (Val::Opt(None), true) => {}
                        (_, true) => return fail("no such overload"),
                        (v, false) => drop(map.insert(key, v)),
                    }
                }
                Ok(Val::Map(Arc::new(Entries { map, name: Some(name.as_str().into()) })))
            }
            Kind::Loop(l) => {
                let depth = self.locals.len();
                let got = self.each(l);
                self.locals.truncate(depth);
                got
            }
            Kind::Bind { name, value, body, how } => {
                let value = self.eval(value)?;
                let value = match (how, value) {
                    (Binding::Plain, v) => v,
                    (_, Val::Opt(None)) => return Ok(Val::Opt(None)),
                    (_, Val::Opt(Some(v))) => (*v).clone(),
                    _ => return fail("no such overload"),
                };
                self.locals.push((name.clone(), value));
                let got = self.eval(body);
                self.locals.pop();
                let got = got?;
                Ok(if *how == Binding::OptMap { Val::Opt(Some(Arc::new(got))) } else { got })
            }
        }
    }

    fn name(&mut self, name: &str) -> Got {
        if let Some((_, v)) = self.locals.iter().rev().find(|(n, _)| n == name) {
            return Ok(v.clone());
        }
        if let Some(v) = self.scope.names.get(name) {
            return Ok(v.clone());
        }
        match operators::is_type_name(name) {
            true => Ok(Val::Type(name.into())),
            false => fail(format!("no such attribute(s): {name}")),
        }
    }

    fn select(&mut self, of: &Expr, field: &str, test: bool, optional: bool) -> Got {
        if let Kind::Ident(n) = &of.kind {
            if n == "variables" && !self.locals.iter().any(|(l, _)| l == n) && !self.scope.names.contains_key(n) {
                return match self.scope.variables.get(field) {
                    Some(_) if test => Ok(Val::Bool(true)),
                    Some(v) => v.clone(),
                    None => fail(format!("no such key: {field}")),
                };
            }
            if n == "net" && matches!(field, "IP" | "CIDR") && self.name(n).is_err() {
                return Ok(Val::Type(format!("net.{field}").into()));
            }
        }
        if field == "requestResource"
            && matches!(&of.kind, Kind::Ident(n) if n == "authorizer")
            && let Some(v) = self.scope.names.get("authorizer.requestResource")
        {
            return Ok(v.clone());
        }
        if let Kind::Select { of: root, field: inner, .. } = &of.kind
            && inner == "protobuf"
            && matches!(&root.kind, Kind::Ident(n) if n == "google")
            && matches!(field, "Timestamp" | "Duration")
        {
            return Ok(Val::Type(format!("google.protobuf.{field}").into()));
        }
        let of = self.eval(of)?;
        let (of, was_optional) = match of {
            Val::Opt(None) if test => return Ok(Val::Bool(false)),
            Val::Opt(None) => return Ok(Val::Opt(None)),
            Val::Opt(Some(v)) => ((*v).clone(), true),
            v => (v, false),
        };
        let found = match &of {
            Val::Map(m) => {
                let found = m.map.get(&Key::Str(field.into()));
                found.or_else(|| {
                    let real = field.contains("__").then(|| types::unescape(field))?;
                    m.map.get(&Key::Str(real.into()))
                })
            }
            Val::Null if optional || was_optional => None,
            _ => return fail("no such overload"),
        };
        if test {
            return Ok(Val::Bool(found.is_some()));
        }
        match (found, optional || was_optional) {
            (Some(v @ Val::Opt(_)), true) => Ok(v.clone()),
            (v, true) => Ok(Val::Opt(v.cloned().map(Arc::new))),
            (Some(v), false) => Ok(v.clone()),
            (None, false) => fail(format!("no such key: {field}")),
        }
    }

    /// `&&` and `||`: one value may settle it, whatever the others are or fail with.
    fn junction(&mut self, list: &[Expr], settles: bool) -> Got {
        let mut failure = None;
        for e in list {
            match self.eval(e) {
                Ok(Val::Bool(b)) if b == settles => return Ok(Val::Bool(settles)),
                Ok(Val::Bool(_)) => {}
                Ok(_) => failure = failure.or(Some(Failure::Error("no such overload".into()))),
                Err(Failure::Budget) => return Err(Failure::Budget),
                Err(e) => failure = failure.or(Some(e)),
            }
        }
        failure.map_or(Ok(Val::Bool(!settles)), Err)
    }

    fn literal_map(&mut self, list: &[(bool, Expr, Expr)]) -> Got {
        let mut map = BTreeMap::new();
        for (optional, k, v) in list {
            let key = self.eval(k)?;
            let Some(key) = Key::of(&key) else {
                return fail(format!("unsupported key type: {}", key.type_name()));
            };
            let value = match (self.eval(v)?, optional) {
                (Val::Opt(Some(v)), true) => (*v).clone(),
                (Val::Opt(None), true) => continue,
                (_, true) => return fail("no such overload"),
                (v, false) => v,
            };
            if map.contains_key(&key) {
                return fail(format!("duplicate key in map: {}", key.shown()));
            }
            map.insert(key, value);
        }
        Ok(Val::map(map))
    }

    fn each(&mut self, l: &Loop) -> Got {
        let range = self.eval(&l.range)?;
        let two = l.second.is_some();
        let pairs: Vec<(Val, Val)> = match &range {
            Val::List(list) if two => {
                list.items.iter().enumerate().map(|(i, v)| (Val::Int(i as i64), v.clone())).collect()
            }
            Val::List(list) => list.items.iter().map(|v| (v.clone(), Val::Null)).collect(),
            Val::Map(m) => m.map.iter().map(|(k, v)| (k.val(), v.clone())).collect(),
            _ => return fail("no such overload"),
        };
        let depth = self.locals.len();
        let (mut list, mut map, mut count, mut failure) = (vec![], BTreeMap::new(), 0, None);
        let mut keyed = vec![];
        for (first, second) in pairs {
            self.pay(1)?;
            self.locals.truncate(depth);
            self.locals.push((l.var.clone(), first.clone()));
            if let Some(name) = &l.second {
                self.locals.push((name.clone(), second));
            }
            if let Some(filter) = &l.filter {
                match self.eval(filter)? {
                    Val::Bool(true) => {}
                    Val::Bool(false) => continue,
                    _ => return fail("no such overload"),
                }
            }
            let got = match self.eval(&l.body) {
                Err(e @ Failure::Error(_)) if matches!(l.what, Macro::All | Macro::Exists) => {
                    failure = failure.or(Some(e));
                    continue;
                }
                got => got?,
            };
            match (l.what, got) {
                (Macro::All, Val::Bool(false)) => return Ok(Val::Bool(false)),
                (Macro::Exists, Val::Bool(true)) => return Ok(Val::Bool(true)),
                (Macro::All | Macro::Exists, Val::Bool(_)) => {}
                (Macro::All | Macro::Exists, _) => {
                    failure = failure.or(Some(Failure::Error("no such overload".into())));
                }
                (Macro::ExistsOne, Val::Bool(b)) => count += usize::from(b),
                (Macro::Filter, Val::Bool(b)) => {
                    if b {
                        list.push(first);
                    }
                }
                (Macro::SortBy, key) => keyed.push((key, first)),
                (Macro::ExistsOne | Macro::Filter, _) => return fail("no such overload"),
                (Macro::Map | Macro::TransformList, v) => list.push(v),
                (Macro::TransformMap, v) => {
                    let Some(key) = Key::of(&first) else { return fail("unsupported key type") };
                    map.insert(key, v);
                }
                (Macro::TransformEntry, Val::Map(m)) => {
                    self.pay(m.map.len())?;
                    for (k, v) in &m.map {
                        if map.insert(k.clone(), v.clone()).is_some() {
                            return fail(format!("insert failed: key {} already exists", k.shown()));
                        }
                    }
                }
                (Macro::TransformEntry, _) => return fail("no such overload"),
            }
        }
        match l.what {
            Macro::All | Macro::Exists => failure.map_or(Ok(Val::Bool(l.what == Macro::All)), Err),
            Macro::ExistsOne => Ok(Val::Bool(count == 1)),
            Macro::SortBy => functions::sorted(self, keyed),
            Macro::Filter | Macro::Map | Macro::TransformList => Ok(Val::list(list)),
            Macro::TransformMap | Macro::TransformEntry => Ok(Val::map(map)),
        }
    }
}

fn index(values: &[Val], optional: bool) -> Got {
    let [of, at] = values else { return fail("no such overload") };
    let (of, optional) = match of {
        Val::Opt(None) => return Ok(Val::Opt(None)),
        Val::Opt(Some(v)) => (&**v, true),
        v => (v, optional),
    };
    let found = match of {
        Val::List(list) => {
            let n = match at {
                Val::Int(i) => *i,
                Val::Uint(u) => i64::try_from(*u).unwrap_or(i64::MAX),
                Val::Double(d) if d.fract() == 0.0 && d.abs() < 9e15 => *d as i64,
                _ => return fail(format!("unsupported index type '{}' in list", at.type_name())),
            };
            match usize::try_from(n).ok().and_then(|n| list.items.get(n)) {
                None if !optional => return fail(format!("index out of bounds: {n}")),
                found => found,
            }
        }
        Val::Map(m) => {
            let Some(key) = Key::of(at) else { return fail(format!("unsupported key type: {}", at.type_name())) };
            match m.map.get(&key) {
                None if !optional => return fail(format!("no such key: {}", key.shown())),
                found => found,
            }
        }
        _ => return fail("no such overload"),
    };
    match (found, optional) {
        (found, true) => Ok(Val::Opt(found.cloned().map(Arc::new))),
        (found, false) => Ok(found.cloned().unwrap_or(Val::Null)),
    }
}

/// The elements of two lists one after the other; a set keeps each once, a map lets the second replace the first's.
pub(super) fn concatenated(a: &super::value::List, b: &super::value::List) -> super::value::List {
    let mut items = a.items.clone();
    match &a.form {
        Form::Atomic => items.extend(b.items.iter().cloned()),
        Form::Set => {
            for v in &b.items {
                if !items.contains(v) {
                    items.push(v.clone());
                }
            }
        }
        Form::Map(keys) => {
            for v in &b.items {
                match items.iter().position(|w| keys.iter().all(|k| part(v, k) == part(w, k))) {
                    Some(i) => items[i] = v.clone(),
                    None => items.push(v.clone()),
                }
            }
        }
    }
    super::value::List { items, form: a.form.clone() }
}
