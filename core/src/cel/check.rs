//! What can be said of an expression before it runs: names and fields that there are not, operators and functions that
//! do not take what they are given. (Models cel-go's checker, with its words.)
//!
//! Invariant: what is not known is dynamic and passes; an error is found once and the rest goes on as dynamic.

use super::CompileError;
use super::parse::{Binding, Expr, Kind, Loop, Macro};
use super::signatures::{Overload, overloads};
use super::types::{Fields, Ty};
use super::value::Val;

/// How many errors are told at most.
const MAX_ERRORS: usize = 100;

/// The type of an expression's value.
pub(super) fn check(e: &Expr, names: &Fields) -> Result<Ty, Vec<CompileError>> {
    let mut c = Checker { names, locals: vec![], vars: vec![], bound: vec![], errors: vec![] };
    let ty = c.infer(e);
    if c.errors.is_empty() { Ok(c.whole(&ty, 0)) } else { Err(c.errors) }
}

struct Checker<'a> {
    names: &'a Fields,
    locals: Vec<(String, Ty)>,
    vars: Vec<Option<Ty>>,
    /// Which variables were bound, in order: what an overload that does not fit has bound is taken back.
    bound: Vec<u32>,
    errors: Vec<CompileError>,
}

impl Checker<'_> {
    fn error(&mut self, e: &Expr, why: impl Into<String>) -> Ty {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(CompileError::new(e.at as usize, why));
        }
        Ty::Dyn
    }

    fn fresh(&mut self) -> Ty {
        self.vars.push(None);
        Ty::Var(self.vars.len() as u32 - 1)
    }

    /// What a type is by now, at its root.
    fn resolve(&self, t: &Ty) -> Ty {
        let mut t = t.clone();
        // a variable is bound to an older type only, so this ends
        while let Ty::Var(n) = t {
            match self.vars.get(n as usize) {
                Some(Some(bound)) => t = bound.clone(),
                _ => return t,
            }
        }
        t
    }

    /// What a type is by now, all of it; what nobody has said is dynamic.
    fn whole(&self, t: &Ty, depth: usize) -> Ty {
        if depth > 32 {
            return Ty::Dyn;
        }
        match self.resolve(t) {
            Ty::Var(_) => Ty::Dyn,
            Ty::List(t) => Ty::list(self.whole(&t, depth + 1)),
            Ty::Opt(t) => Ty::opt(self.whole(&t, depth + 1)),
            Ty::Map(t) => Ty::map(self.whole(&t.0, depth + 1), self.whole(&t.1, depth + 1)),
            t => t,
        }
    }

    fn shown(&self, t: &Ty) -> String {
        self.whole(t, 0).to_string()
    }

    fn unify(&mut self, a: &Ty, b: &Ty, depth: usize) -> bool {
        let (a, b) = (self.resolve(a), self.resolve(b));
        if depth > 32 {
            return true;
        }
        let nullable = |t: &Ty| matches!(t, Ty::Object(_) | Ty::Named(_) | Ty::Time | Ty::Span | Ty::Opt(_));
        match (&a, &b) {
            (Ty::Var(x), Ty::Var(y)) if x == y => true,
            (Ty::Var(x), t) | (t, Ty::Var(x)) => {
                if !self.holds(t, *x, 0)
                    && let Some(slot) = self.vars.get_mut(*x as usize)
                {
                    *slot = Some(t.clone());
                    self.bound.push(*x);
                }
                true
            }
            (Ty::Dyn, _) | (_, Ty::Dyn) => true,
            (Ty::Null, t) | (t, Ty::Null) if nullable(t) => true,
            (Ty::List(x), Ty::List(y)) | (Ty::Opt(x), Ty::Opt(y)) => self.unify(x, y, depth + 1),
            (Ty::Map(x), Ty::Map(y)) => self.unify(&x.0, &y.0, depth + 1) && self.unify(&x.1, &y.1, depth + 1),
            (Ty::Object(x), Ty::Object(y)) => x.name == y.name,
            (a, b) => a == b,
        }
    }

    /// Does a type hold this variable?
    fn holds(&self, t: &Ty, var: u32, depth: usize) -> bool {
        if depth > 32 {
            return true;
        }
        match self.resolve(t) {
            Ty::Var(n) => n == var,
            Ty::List(t) | Ty::Opt(t) => self.holds(&t, var, depth + 1),
            Ty::Map(t) => self.holds(&t.0, var, depth + 1) || self.holds(&t.1, var, depth + 1),
            _ => false,
        }
    }

    fn infer(&mut self, e: &Expr) -> Ty {
        match &e.kind {
            Kind::Lit(v) => v.ty(),
            Kind::Ident(name) => self.name(e, name),
            Kind::Select { of, field, test, optional } => {
                let of = match (&of.kind, is_type(of, field)) {
                    (Kind::Ident(n), _) if n == "google" && self.local(n).is_none() => return Ty::Type,
                    (_, true) => return Ty::Type,
                    _ => self.infer(of),
                };
                let ty = self.field(e, &of, field);
                match (test, optional) {
                    (true, _) => Ty::Bool,
                    (_, true) if !matches!(ty, Ty::Opt(_)) => Ty::opt(ty),
                    _ => ty,
                }
            }
            Kind::Call { name, target, args } => {
                let target = target.as_ref().map(|t| self.infer(t));
                self.literals(name, target.is_some(), args);
                let args: Vec<Ty> = args.iter().map(|a| self.argument(name, a)).collect();
                self.call(e, name, target, args)
            }
            Kind::And(list) => self.junction(e, list, "_&&_"),
            Kind::Or(list) => self.junction(e, list, "_||_"),
            Kind::If(parts) => {
                let types = parts.iter().map(|p| self.infer(p)).collect();
                self.call(e, "_?_:_", None, types)
            }
            Kind::List(list) => {
                let inner = self.fresh();
                for (optional, item) in list {
                    let ty = self.infer(item);
                    self.same(item, &inner, ty, *optional);
                }
                Ty::list(inner)
            }
            Kind::Map(list) => {
                let (key, value) = (self.fresh(), self.fresh());
                for (optional, k, v) in list {
                    let ty = self.infer(k);
                    self.same(k, &key, ty, false);
                    let ty = self.infer(v);
                    self.same(v, &value, ty, *optional);
                }
                Ty::map(key, value)
            }
            Kind::Struct { name, fields } => self.made(e, name, fields),
            Kind::Loop(l) => self.each(e, l),
            Kind::Bind { name, value, body, how } => {
                let value_ty = self.infer(value);
                let inner = match (how, self.resolve(&value_ty)) {
                    (Binding::Plain, t) => t,
                    (_, Ty::Opt(t)) => (*t).clone(),
                    (_, Ty::Dyn | Ty::Var(_)) => Ty::Dyn,
                    (_, t) => {
                        let name = if *how == Binding::OptMap { "optMap" } else { "optFlatMap" };
                        let why = format!(
                            "found no matching overload for '{name}' applied to '{}.(dyn, dyn)'",
                            self.shown(&t)
                        );
                        self.error(e, why)
                    }
                };
                self.locals.push((name.clone(), inner));
                let ty = self.infer(body);
                self.locals.pop();
                if *how == Binding::OptMap { Ty::opt(ty) } else { ty }
            }
        }
    }

    /// Texts that are no duration, no timestamp or no pattern are found before anything runs.
    fn literals(&mut self, function: &str, method: bool, args: &[Expr]) {
        let Some(Expr { kind: Kind::Lit(v), .. }) = args.last() else { return };
        let fits = match (function, v, args.len(), method) {
            ("duration", Val::Str(s), 1, false) => crate::api::duration::parse_go_duration(s).is_ok(),
            ("timestamp", Val::Str(s), 1, false) => super::time::parse(s).is_some(),
            ("timestamp", Val::Int(n), 1, false) => super::time::of_seconds(*n).is_ok(),
            ("matches", Val::Str(p), 1, true) | ("matches", Val::Str(p), 2, false) => {
                super::functions::compiled(p).is_ok()
            }
            _ => true,
        };
        if !fits && let Some(last) = args.last() {
            self.error(last, format!("invalid {function} argument"));
        }
    }

    /// An argument; what is formatted may be a list of this and that.
    fn argument(&mut self, function: &str, a: &Expr) -> Ty {
        match &a.kind {
            Kind::List(list) if function == "format" => {
                list.iter().for_each(|(_, item)| drop(self.infer(item)));
                Ty::list(Ty::Dyn)
            }
            _ => self.infer(a),
        }
    }

    /// An element or a value of a literal is of the type of the others.
    fn same(&mut self, e: &Expr, wanted: &Ty, found: Ty, optional: bool) {
        let found = match (optional, self.resolve(&found)) {
            (true, Ty::Opt(t)) => (*t).clone(),
            (true, Ty::Dyn | Ty::Var(_)) => Ty::Dyn,
            (true, t) => {
                let why =
                    format!("expected type 'optional_type({})' but found '{}'", self.shown(wanted), self.shown(&t));
                self.error(e, why);
                return;
            }
            (false, t) => t,
        };
        if !self.unify(wanted, &found, 0) {
            let why = format!("expected type '{}' but found '{}'", self.shown(wanted), self.shown(&found));
            self.error(e, why);
        }
    }

    fn local(&self, name: &str) -> Option<Ty> {
        self.locals.iter().rev().find(|(n, _)| n == name).map(|(_, t)| t.clone())
    }

    fn name(&mut self, e: &Expr, name: &str) -> Ty {
        if let Some(t) = self.local(name).or_else(|| self.names.get(name).cloned()) {
            return t;
        }
        if super::operators::is_type_name(name) {
            return Ty::Type;
        }
        self.error(e, format!("undeclared reference to '{name}' (in container '')"))
    }

    fn field(&mut self, e: &Expr, of: &Ty, field: &str) -> Ty {
        match self.resolve(of) {
            Ty::Dyn | Ty::Var(_) => Ty::Dyn,
            Ty::Object(o) => match o.fields.get(field) {
                Some(t) => t.clone(),
                None => self.error(e, format!("undefined field '{field}'")),
            },
            Ty::Map(t) => t.1.clone(),
            Ty::Opt(t) => match self.field(e, &t, field) {
                Ty::Opt(t) => Ty::Opt(t),
                t => Ty::opt(t),
            },
            Ty::Named(n) if &*n == "kubernetes.authorization.Authorizer" && field == "requestResource" => {
                Ty::Named("kubernetes.authorization.ResourceCheck".into())
            }
            // an object that an expression has made
            Ty::Named(n) if &*n == "Object" || n.starts_with("Object.") => Ty::Dyn,
            t => {
                let why = format!("type '{}' does not support field selection", self.shown(&t));
                self.error(e, why)
            }
        }
    }

    fn junction(&mut self, e: &Expr, list: &[Expr], name: &str) -> Ty {
        let types: Vec<Ty> = list.iter().map(|p| self.infer(p)).collect();
        let mut left = types.first().cloned().unwrap_or(Ty::Bool);
        for right in types.into_iter().skip(1) {
            let before = self.errors.len();
            self.call(e, name, None, vec![left, right]);
            if self.errors.len() > before {
                break;
            }
            left = Ty::Bool;
        }
        Ty::Bool
    }

    fn call(&mut self, e: &Expr, name: &str, target: Option<Ty>, args: Vec<Ty>) -> Ty {
        let Some(ways) = overloads(name) else {
            return self.error(e, format!("undeclared reference to '{name}' (in container '')"));
        };
        let mut result: Option<Ty> = None;
        for way in ways {
            if way.target.is_some() != target.is_some() || way.args.len() != args.len() {
                continue;
            }
            let (vars, bound) = (self.vars.len(), self.bound.len());
            match self.fits(&way, target.as_ref(), &args) {
                Some(t) => {
                    result = Some(match result {
                        None => t,
                        Some(r) if self.whole(&r, 0) == self.whole(&t, 0) => r,
                        Some(_) => Ty::Dyn,
                    });
                }
                None => {
                    for n in self.bound.drain(bound..) {
                        if let Some(slot) = self.vars.get_mut(n as usize) {
                            *slot = None;
                        }
                    }
                    self.vars.truncate(vars);
                }
            }
        }
        result.unwrap_or_else(|| {
            let list = args.iter().map(|a| self.shown(a)).collect::<Vec<_>>().join(", ");
            let applied = match &target {
                Some(t) => format!("{}.({list})", self.shown(t)),
                None => format!("({list})"),
            };
            self.error(e, format!("found no matching overload for '{name}' applied to '{applied}'"))
        })
    }

    fn fits(&mut self, way: &Overload, target: Option<&Ty>, args: &[Ty]) -> Option<Ty> {
        let vars = [self.fresh(), self.fresh()];
        let pairs = way.target.iter().zip(target).chain(way.args.iter().zip(args));
        for (wanted, found) in pairs {
            let wanted = instance(wanted, &vars);
            if !self.unify(&wanted, found, 0) {
                return None;
            }
        }
        Some(instance(&way.result, &vars))
    }

    fn made(&mut self, e: &Expr, name: &str, fields: &[(bool, String, Expr)]) -> Ty {
        let known = match name {
            "JSONPatch" => self.names.contains_key("@JSONPatch"),
            _ => (name == "Object" || name.starts_with("Object.")) && self.names.contains_key("@Object"),
        };
        if !known {
            self.error(e, format!("undeclared reference to '{name}' (in container '')"));
        }
        for (_, field, value) in fields {
            if name == "JSONPatch" && !["op", "path", "from", "value"].contains(&field.as_str()) {
                self.error(value, format!("undefined field '{field}'"));
            }
            let ty = self.infer(value);
            let ty = self.resolve(&ty);
            let wanted = match (name, field.as_str()) {
                ("JSONPatch", "op" | "path" | "from") => Ty::Str,
                _ => Ty::Dyn,
            };
            if !self.unify(&wanted, &ty, 0) {
                let why = format!(
                    "expected type of field '{field}' is '{wanted}' but provided type is '{}'",
                    self.shown(&ty)
                );
                self.error(value, why);
            }
        }
        Ty::Named(name.into())
    }

    fn each(&mut self, e: &Expr, l: &Loop) -> Ty {
        let range = self.infer(&l.range);
        let (first, second) = match (self.resolve(&range), l.second.is_some()) {
            (Ty::List(t), false) => ((*t).clone(), Ty::Dyn),
            (Ty::List(t), true) => (Ty::Int, (*t).clone()),
            (Ty::Map(t), _) => (t.0.clone(), t.1.clone()),
            (Ty::Dyn | Ty::Var(_), _) => (Ty::Dyn, Ty::Dyn),
            (t, _) => {
                let why = format!(
                    "expression of type '{}' cannot be range of a comprehension (must be list, map, or dynamic)",
                    self.shown(&t)
                );
                self.error(&l.range, why);
                (Ty::Dyn, Ty::Dyn)
            }
        };
        let locals = self.locals.len();
        self.locals.push((l.var.clone(), first.clone()));
        if let Some(name) = &l.second {
            self.locals.push((name.clone(), second));
        }
        if let Some(f) = &l.filter {
            let ty = self.infer(f);
            self.call(f, "_?_:_", None, vec![ty, Ty::Dyn, Ty::Dyn]);
        }
        let body = self.infer(&l.body);
        let result = match l.what {
            Macro::All | Macro::Exists => {
                let name = if l.what == Macro::All { "_&&_" } else { "_||_" };
                self.call(e, name, None, vec![Ty::Bool, body])
            }
            Macro::ExistsOne => {
                self.call(e, "_?_:_", None, vec![body, Ty::Dyn, Ty::Dyn]);
                Ty::Bool
            }
            Macro::SortBy => Ty::list(first),
            Macro::Filter => {
                self.call(e, "_?_:_", None, vec![body, Ty::Dyn, Ty::Dyn]);
                Ty::list(first)
            }
            Macro::Map | Macro::TransformList => Ty::list(body),
            Macro::TransformMap => Ty::map(if l.second.is_some() { first } else { Ty::Dyn }, body),
            Macro::TransformEntry => body,
        };
        self.locals.truncate(locals);
        result
    }
}

/// `google.protobuf.Timestamp` and the like.
fn is_type(of: &Expr, field: &str) -> bool {
    match &of.kind {
        Kind::Select { of, field: inner, .. } => {
            inner == "protobuf"
                && matches!(&of.kind, Kind::Ident(n) if n == "google")
                && matches!(field, "Timestamp" | "Duration")
        }
        Kind::Ident(n) => n == "net" && matches!(field, "IP" | "CIDR"),
        _ => false,
    }
}

fn instance(t: &Ty, vars: &[Ty; 2]) -> Ty {
    match t {
        Ty::Var(n) => vars.get(*n as usize).cloned().unwrap_or(Ty::Dyn),
        Ty::List(t) => Ty::list(instance(t, vars)),
        Ty::Opt(t) => Ty::opt(instance(t, vars)),
        Ty::Map(t) => Ty::map(instance(&t.0, vars), instance(&t.1, vars)),
        t => t.clone(),
    }
}
