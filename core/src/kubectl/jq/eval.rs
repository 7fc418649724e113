//! Carries out a filter. Each term turns one value into a list of values, of which the first ones may stand before an
//! error. Invariant: every step costs fuel and depth is counted, so that no filter runs for ever or deep.

use super::functions;
use super::paths;
use super::value::J;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{Def, Term as Parsed};
use jaq_core::path::{Opt, Part};
use std::sync::Arc;

pub(super) type Term<'a> = Parsed<&'a str>;

/// Why a filter goes no further.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// It raised an error.
    Error(J),
    /// `break`, by the number of its label.
    Break(u64),
    /// It is no filter: a name that nothing has.
    Undefined(String),
    /// It takes too long or goes too deep.
    Limit,
}

impl Stop {
    pub fn error(text: impl AsRef<str>) -> Stop {
        Stop::Error(J::str(text))
    }
}

/// The place of a value in the input.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Nobody asks.
    Off,
    At(Vec<J>),
    /// It is a new value.
    Lost,
}

impl Place {
    pub fn step(&self, key: impl FnOnce() -> J) -> Place {
        match self {
            Place::At(p) => Place::At(p.iter().cloned().chain([key()]).collect()),
            other => other.clone(),
        }
    }

    pub fn lose(&self) -> Place {
        if matches!(self, Place::Off) { Place::Off } else { Place::Lost }
    }
}

/// A value and its place.
pub(super) type V = (J, Place);
/// Keys and values of an object.
type Pairs = Vec<(Arc<str>, J)>;
/// Values, and what came after them.
pub(super) type Outs = (Vec<V>, Option<Stop>);

pub(super) fn one(v: J, p: Place) -> Outs {
    (vec![(v, p)], None)
}

pub(super) fn stop(s: Stop) -> Outs {
    (vec![], Some(s))
}

pub(super) fn result(r: Result<J, Stop>, place: Place) -> Outs {
    match r {
        Ok(v) => one(v, place),
        Err(s) => stop(s),
    }
}

#[derive(Debug)]
enum What<'a> {
    Var(J),
    Label(u64),
    Def(&'a Def<&'a str, Term<'a>>),
    Closure(&'a Term<'a>, Env<'a>),
}

#[derive(Debug)]
struct Node<'a> {
    name: &'a str,
    args: usize,
    what: What<'a>,
    rest: Env<'a>,
}

/// What names mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Env<'a>(Option<Arc<Node<'a>>>);

impl<'a> Env<'a> {
    fn with(&self, name: &'a str, args: usize, what: What<'a>) -> Env<'a> {
        Env(Some(Arc::new(Node { name, args, what, rest: self.clone() })))
    }

    pub fn var(&self, name: &'a str, v: J) -> Env<'a> {
        self.with(name, 0, What::Var(v))
    }

    pub fn def(&self, d: &'a Def<&'a str, Term<'a>>) -> Env<'a> {
        self.with(d.name, d.args.len(), What::Def(d))
    }

    fn find(&self, name: &str, args: usize, is: impl Fn(&What<'a>) -> bool) -> Option<&Arc<Node<'a>>> {
        let mut at = self.0.as_ref();
        while let Some(n) = at {
            if n.name == name && n.args == args && is(&n.what) {
                return Some(n);
            }
            at = n.rest.0.as_ref();
        }
        None
    }
}

/// Runs filters on a budget.
#[derive(Debug)]
pub(super) struct Machine {
    pub fuel: u64,
    pub depth: u32,
    pub labels: u64,
    /// Seconds since 1970.
    pub now: i64,
}

/// How deep filters may nest.
const DEEP: u32 = 180;
/// How deep values may nest.
const DEEPEST: u32 = 400;
/// How large values may grow, by [`J::whole`].
const LARGEST: u64 = 1 << 24;

impl Machine {
    pub fn charge(&mut self, n: u64) -> Result<(), Stop> {
        match self.fuel.checked_sub(n.saturating_add(1)) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => Err(Stop::Limit),
        }
    }

    /// All values of a term of a value, at most about `want` of them.
    pub fn eval<'a>(&mut self, t: &'a Term<'a>, env: &Env<'a>, v: &V, want: usize) -> Outs {
        if self.depth >= DEEP {
            return stop(Stop::Limit);
        }
        if let Err(s) = self.charge(0) {
            return stop(s);
        }
        self.depth += 1;
        let mut outs = self.term(t, env, v, want);
        self.depth -= 1;
        if outs.0.iter().any(|v| v.0.depth() > DEEPEST || v.0.whole() > LARGEST) {
            outs = stop(Stop::Limit);
        }
        outs
    }

    /// For each value of `first` those of `then`.
    pub fn each(&mut self, first: Outs, mut then: impl FnMut(&mut Machine, V) -> Outs) -> Outs {
        let mut all = vec![];
        for v in first.0 {
            let (more, stopped) = then(self, v);
            all.extend(more);
            if stopped.is_some() {
                return (all, stopped);
            }
        }
        (all, first.1)
    }

    pub fn plain<'a>(&mut self, t: &'a Term<'a>, env: &Env<'a>, v: &J) -> Outs {
        self.eval(t, env, &(v.clone(), Place::Off), usize::MAX)
    }

    /// Plain values only.
    pub fn values<'a>(&mut self, t: &'a Term<'a>, env: &Env<'a>, v: &J) -> Result<Vec<J>, Stop> {
        let (values, stopped) = self.plain(t, env, v);
        match stopped {
            Some(s) => Err(s),
            None => Ok(values.into_iter().map(|v| v.0).collect()),
        }
    }

    /// Paths and values of a term.
    pub fn places<'a>(&mut self, t: &'a Term<'a>, env: &Env<'a>, v: &J) -> Result<Vec<(Vec<J>, J)>, Stop> {
        let (values, stopped) = self.eval(t, env, &(v.clone(), Place::At(vec![])), usize::MAX);
        if let Some(s) = stopped {
            return Err(s);
        }
        let place = |(v, p): V| match p {
            Place::At(p) => Ok((p, v)),
            _ => Err(Stop::error(format!("Invalid path expression with result {}", short(&v)))),
        };
        values.into_iter().map(place).collect()
    }

    fn term<'a>(&mut self, t: &'a Term<'a>, env: &Env<'a>, v: &V, want: usize) -> Outs {
        match t {
            Parsed::Id => (vec![v.clone()], None),
            Parsed::Recurse => self.recurse(v),
            Parsed::Num(n) => one(J::Num(n.parse().unwrap_or(f64::NAN)), v.1.lose()),
            Parsed::Str(format, parts) => self.string(*format, parts, env, v),
            Parsed::Arr(None) => one(J::arr(vec![]), v.1.lose()),
            Parsed::Arr(Some(t)) => {
                let r = self.values(t, env, &v.0).map(J::arr);
                result(r, v.1.lose())
            }
            Parsed::Obj(entries) => {
                let r = self.object(entries, env, &v.0);
                (r.0.into_iter().map(|o| (J::obj(o), v.1.lose())).collect(), r.1)
            }
            Parsed::Neg(t) => {
                let values = self.plain(t, env, &v.0);
                self.each(values, |_, (n, _)| match n {
                    J::Num(n) => one(J::Num(-n), v.1.lose()),
                    other => stop(Stop::error(format!("{} cannot be negated", tell(&other)))),
                })
            }
            Parsed::BinOp(l, op, r) => self.operator(l, op, r, env, v, want),
            Parsed::Label(name, t) => {
                self.labels += 1;
                let id = self.labels;
                match self.eval(t, &env.with(name, 0, What::Label(id)), v, want) {
                    (values, Some(Stop::Break(b))) if b == id => (values, None),
                    other => other,
                }
            }
            Parsed::Break(name) => match env.find(name, 0, |w| matches!(w, What::Label(_))).map(|n| &n.what) {
                Some(What::Label(id)) => stop(Stop::Break(*id)),
                _ => stop(Stop::Undefined(format!("$*label-{}", name.trim_start_matches('$')))),
            },
            Parsed::Fold(kind, list, pattern, args) => self.fold(kind, (list, pattern, args), env, v),
            Parsed::TryCatch(t, catch) => match self.eval(t, env, v, want) {
                (mut values, Some(Stop::Error(e))) => {
                    let Some(catch) = catch else { return (values, None) };
                    let (more, stopped) = self.eval(catch, env, &(e, v.1.lose()), want);
                    values.extend(more);
                    (values, stopped)
                }
                other => other,
            },
            Parsed::IfThenElse(rows, otherwise) => self.choose(rows, otherwise.as_deref(), env, v, want),
            Parsed::Def(defs, t) => {
                let inner = defs.iter().fold(env.clone(), |e, d| e.def(d));
                self.eval(t, &inner, v, want)
            }
            Parsed::Var(name) => match env.find(name, 0, |w| matches!(w, What::Var(_))).map(|n| &n.what) {
                Some(What::Var(x)) => one(x.clone(), v.1.lose()),
                _ if *name == "$ENV" => one(J::obj([]), v.1.lose()),
                _ => stop(Stop::Undefined(name.to_string())),
            },
            Parsed::Path(head, path) => {
                let heads = self.eval(head, env, v, want);
                path.0
                    .iter()
                    .fold(heads, |outs, (part, opt)| self.each(outs, |m, at| m.part(part, *opt, env, &v.0, &at)))
            }
            Parsed::Call(name, args) => self.call(name, args, env, v, want),
        }
    }

    fn recurse(&mut self, v: &V) -> Outs {
        let mut all = vec![];
        let mut open = vec![v.clone()];
        while let Some(at) = open.pop() {
            if let Err(s) = self.charge(at.0.size()) {
                return (all, Some(s));
            }
            if let Ok(inner) = elements(&at) {
                open.extend(inner.into_iter().rev());
            }
            all.push(at);
        }
        (all, None)
    }

    fn part<'a>(&mut self, part: &'a Part<Term<'a>>, opt: Opt, env: &Env<'a>, dot: &J, at: &V) -> Outs {
        let quiet = |outs: Outs| match (opt, outs) {
            (Opt::Optional, (values, Some(Stop::Error(_)))) => (values, None),
            (_, outs) => outs,
        };
        match part {
            Part::Range(None, None) => {
                if let Err(s) = self.charge(at.0.size()) {
                    return stop(s);
                }
                quiet(elements(at).map_or_else(stop, |v| (v, None)))
            }
            Part::Index(t) => {
                let keys = self.plain(t, env, dot);
                quiet(self.each(keys, |m, (k, _)| {
                    // a key is looked for from the first on
                    let found = m.charge(at.0.size() / 64).and_then(|()| paths::index(&at.0, &k));
                    result(found, at.1.step(|| k.clone()))
                }))
            }
            Part::Range(from, to) => {
                let bound = |m: &mut Machine, t: &'a Option<Term<'a>>| match t {
                    None => (vec![(J::Null, Place::Off)], None),
                    Some(t) => m.plain(t, env, dot),
                };
                let ends = bound(self, to);
                let begins = bound(self, from);
                quiet(self.each(ends, |m, (end, _)| {
                    m.each(begins.clone(), |_, (begin, _)| {
                        let key = J::obj([("start".into(), begin), ("end".into(), end.clone())]);
                        result(paths::index(&at.0, &key), at.1.step(|| key.clone()))
                    })
                }))
            }
        }
    }

    fn choose<'a>(
        &mut self,
        rows: &'a [(Term<'a>, Term<'a>)],
        otherwise: Option<&'a Term<'a>>,
        env: &Env<'a>,
        v: &V,
        want: usize,
    ) -> Outs {
        let Some(((test, then), rest)) = rows.split_first() else {
            return otherwise.map_or_else(|| (vec![v.clone()], None), |t| self.eval(t, env, v, want));
        };
        let tests = self.plain(test, env, &v.0);
        self.each(tests, |m, (yes, _)| match yes.truthy() {
            true => m.eval(then, env, v, want),
            false => m.choose(rest, otherwise, env, v, want),
        })
    }

    fn object<'a>(
        &mut self,
        entries: &'a [(Term<'a>, Option<Term<'a>>)],
        env: &Env<'a>,
        v: &J,
    ) -> (Vec<Pairs>, Option<Stop>) {
        let mut all: Vec<Pairs> = vec![vec![]];
        for (key, value) in entries {
            let pairs = match self.entry(key, value.as_ref(), env, v) {
                Ok(pairs) => pairs,
                Err(s) => return (vec![], Some(s)),
            };
            if let Err(s) = self.charge((all.len() * pairs.len()) as u64) {
                return (vec![], Some(s));
            }
            let join = |o: &Pairs, p: &(Arc<str>, J)| o.iter().chain([p]).cloned().collect();
            all = all.iter().flat_map(|o| pairs.iter().map(move |p| join(o, p))).collect();
        }
        (all, None)
    }

    fn entry<'a>(
        &mut self,
        key: &'a Term<'a>,
        value: Option<&'a Term<'a>>,
        env: &Env<'a>,
        v: &J,
    ) -> Result<Vec<(Arc<str>, J)>, Stop> {
        if let (Parsed::Var(name), None) = (key, value) {
            let values = self.values(key, env, v)?;
            return Ok(values.into_iter().map(|x| (name.trim_start_matches('$').into(), x)).collect());
        }
        let mut pairs = vec![];
        for k in self.values(key, env, v)? {
            let J::Str(name) = &k else {
                return Err(Stop::error(format!("Object keys must be strings, not {}", tell(&k))));
            };
            let values = match value {
                Some(t) => self.values(t, env, v)?,
                None => vec![paths::index(v, &k)?],
            };
            pairs.extend(values.into_iter().map(|x| (name.clone(), x)));
        }
        Ok(pairs)
    }

    fn string<'a>(
        &mut self,
        format: Option<&'a str>,
        parts: &'a [StrPart<&'a str, Term<'a>>],
        env: &Env<'a>,
        v: &V,
    ) -> Outs {
        let mut all = vec![String::new()];
        for part in parts {
            let texts = match part {
                StrPart::Str(s) => vec![(*s).to_owned()],
                StrPart::Char(c) => vec![c.to_string()],
                StrPart::Term(t) => {
                    let values = match self.values(t, env, &v.0) {
                        Ok(values) => values,
                        Err(s) => return stop(s),
                    };
                    let texts: Result<Vec<String>, Stop> = values
                        .iter()
                        .map(|x| {
                            self.charge(x.whole()).and_then(|()| super::text::format(format.unwrap_or("@text"), x))
                        })
                        .collect();
                    match texts {
                        Ok(texts) => texts,
                        Err(s) => return stop(s),
                    }
                }
            };
            let longest = |all: &[String]| all.iter().map(String::len).max().unwrap_or(0) as u64 / 16 + 1;
            let cost = (all.len() * texts.len()) as u64;
            if let Err(s) = self.charge(cost.saturating_mul(longest(&all) + longest(&texts))) {
                return stop(s);
            }
            all = all.iter().flat_map(|a| texts.iter().map(move |t| format!("{a}{t}"))).collect();
        }
        (all.into_iter().map(|t| (J::str(t), v.1.lose())).collect(), None)
    }

    fn call<'a>(&mut self, name: &'a str, args: &'a [Term<'a>], env: &Env<'a>, v: &V, want: usize) -> Outs {
        let found = env.find(name, args.len(), |w| matches!(w, What::Def(_) | What::Closure(..))).cloned();
        match found.as_ref().map(|n| &n.what) {
            Some(What::Closure(t, inner)) => self.eval(t, inner, v, want),
            Some(What::Def(d)) => {
                let own = Env(found.clone());
                // who asks for values gets one call for each
                let mut envs = vec![own];
                for (param, arg) in d.args.iter().zip(args) {
                    if let Some(bare) = param.strip_prefix('$') {
                        let values = match self.values(arg, env, &v.0) {
                            Ok(values) => values,
                            Err(s) => return stop(s),
                        };
                        if let Err(s) = self.charge((values.len() * envs.len()) as u64) {
                            return stop(s);
                        }
                        let both =
                            |e: &Env<'a>, x: &J| e.var(param, x.clone()).with(bare, 0, What::Closure(arg, env.clone()));
                        envs = values.iter().flat_map(|x| envs.iter().map(move |e| both(e, x))).collect();
                    } else {
                        envs = envs.iter().map(|e| e.with(param, 0, What::Closure(arg, env.clone()))).collect();
                    }
                }
                let mut all = vec![];
                for e in &envs {
                    let (more, stopped) = self.eval(&d.body, e, v, want);
                    all.extend(more);
                    if stopped.is_some() {
                        return (all, stopped);
                    }
                }
                (all, None)
            }
            _ => functions::call(self, name, args, env, v, want),
        }
    }
}

/// What `.[]` gives.
pub(super) fn elements(at: &V) -> Result<Vec<V>, Stop> {
    match &at.0 {
        J::Arr(a) => Ok(a.iter().enumerate().map(|(i, x)| (x.clone(), at.1.step(|| J::Num(i as f64)))).collect()),
        J::Obj(o) => Ok(o.iter().map(|(k, x)| (x.clone(), at.1.step(|| J::Str(k.clone())))).collect()),
        other => Err(Stop::error(format!("Cannot iterate over {}", tell(other)))),
    }
}

/// A value as errors name it: `object ({"a":1})`.
pub(super) fn tell(v: &J) -> String {
    if matches!(v, J::Null) { "null (null)".into() } else { format!("{} ({})", v.kind(), short(v)) }
}

fn short(v: &J) -> String {
    let text = v.beginning(64);
    match text.char_indices().nth(10) {
        Some((at, _)) if text.len() > 11 => format!("{}...", &text[..at]),
        _ => text,
    }
}
