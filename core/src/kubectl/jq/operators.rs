//! Operators of filters, folds and the patterns that bind variables.

use super::eval::{Env, Machine, Outs, Place, Stop, Term, V, one, result, stop};
use super::functions;
use super::paths;
use super::value::J;
use jaq_core::load::parse::{BinaryOp, Pattern};
use jaq_core::ops::{Cmp, Math};

impl Machine {
    pub fn operator<'a>(
        &mut self,
        l: &'a Term<'a>,
        op: &'a BinaryOp<&'a str>,
        r: &'a Term<'a>,
        env: &Env<'a>,
        v: &V,
        want: usize,
    ) -> Outs {
        match op {
            BinaryOp::Pipe(None) => {
                let values = self.eval(l, env, v, usize::MAX);
                self.each(values, |m, x| m.eval(r, env, &x, want))
            }
            BinaryOp::Pipe(Some(pattern)) => {
                let values = self.plain(l, env, &v.0);
                self.each(values, |m, (x, _)| {
                    let mut envs = vec![env.clone()];
                    match m.bind(pattern, &x, &mut envs) {
                        Err(s) => stop(s),
                        Ok(()) => {
                            let mut all = vec![];
                            for e in &envs {
                                let (more, stopped) = m.eval(r, e, v, want);
                                all.extend(more);
                                if stopped.is_some() {
                                    return (all, stopped);
                                }
                            }
                            (all, None)
                        }
                    }
                })
            }
            BinaryOp::Comma => {
                let (mut values, stopped) = self.eval(l, env, v, want);
                if stopped.is_some() || values.len() >= want {
                    return (values, stopped);
                }
                let (more, stopped) = self.eval(r, env, v, want - values.len());
                values.extend(more);
                (values, stopped)
            }
            BinaryOp::Alt => {
                let (values, stopped) = self.eval(l, env, v, usize::MAX);
                let there: Vec<V> = values.into_iter().filter(|x| x.0.truthy()).collect();
                match stopped {
                    Some(s) if !matches!(s, Stop::Error(_)) => (there, Some(s)),
                    _ if there.is_empty() => self.eval(r, env, v, want),
                    _ => (there, None),
                }
            }
            BinaryOp::Or | BinaryOp::And => {
                let or = matches!(op, BinaryOp::Or);
                let values = self.plain(l, env, &v.0);
                self.each(values, |m, (x, _)| {
                    if x.truthy() == or {
                        return one(J::Bool(or), v.1.lose());
                    }
                    let values = m.plain(r, env, &v.0);
                    m.each(values, |_, (y, _)| one(J::Bool(y.truthy()), v.1.lose()))
                })
            }
            BinaryOp::Math(op) => self.pairs(l, r, env, v, |m, x, y| m.math(*op, x, y)),
            BinaryOp::Cmp(op) => self.pairs(l, r, env, v, |m, x, y| {
                m.charge(x.whole().min(y.whole()) / 4)?;
                let o = x.order(y);
                Ok(J::Bool(match op {
                    Cmp::Lt => o.is_lt(),
                    Cmp::Le => o.is_le(),
                    Cmp::Gt => o.is_gt(),
                    Cmp::Ge => o.is_ge(),
                    Cmp::Eq => o.is_eq(),
                    Cmp::Ne => o.is_ne(),
                }))
            }),
            BinaryOp::Assign => {
                let values = self.plain(r, env, &v.0);
                self.each(values, |m, (x, _)| {
                    let done = m.places(l, env, &v.0).and_then(|all| {
                        all.iter().try_fold(v.0.clone(), |whole, (p, _)| {
                            m.charge(whole.size() / 4)?;
                            paths::set(&whole, p, x.clone())
                        })
                    });
                    result(done, v.1.lose())
                })
            }
            BinaryOp::Update => {
                let done = self.update(l, env, &v.0, |m, x| {
                    let (values, stopped) = m.eval(r, env, &(x.clone(), Place::Off), 1);
                    match (values.into_iter().next(), stopped) {
                        (Some((y, _)), _) => Ok(Some(y)),
                        (None, Some(s)) => Err(s),
                        (None, None) => Ok(None),
                    }
                });
                result(done, v.1.lose())
            }
            BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                let values = self.plain(r, env, &v.0);
                self.each(values, |m, (y, _)| {
                    let done = m.update(l, env, &v.0, |m, x| match op {
                        BinaryOp::UpdateMath(op) => m.math(*op, x, &y).map(Some),
                        _ => Ok(Some(if x.truthy() { x.clone() } else { y.clone() })),
                    });
                    result(done, v.1.lose())
                })
            }
        }
    }

    /// Replaces what stands at the places of a term; none: it is taken away.
    fn update<'a>(
        &mut self,
        l: &'a Term<'a>,
        env: &Env<'a>,
        v: &J,
        mut to: impl FnMut(&mut Machine, &J) -> Result<Option<J>, Stop>,
    ) -> Result<J, Stop> {
        let mut whole = v.clone();
        let mut gone = vec![];
        for (p, _) in self.places(l, env, v)? {
            self.charge(whole.size())?;
            let now = paths::get(&whole, &p)?;
            match to(self, &now)? {
                Some(new) => whole = paths::set(&whole, &p, new)?,
                None => gone.push(p),
            }
        }
        self.charge(whole.size().saturating_mul(gone.len() as u64) / 4)?;
        paths::delete(&whole, gone)
    }

    fn pairs<'a>(
        &mut self,
        l: &'a Term<'a>,
        r: &'a Term<'a>,
        env: &Env<'a>,
        v: &V,
        mut f: impl FnMut(&mut Machine, &J, &J) -> Result<J, Stop>,
    ) -> Outs {
        let right = self.plain(r, env, &v.0);
        let left = self.plain(l, env, &v.0);
        let (mut all, mut stopped) = (vec![], None);
        'outer: for (y, _) in &right.0 {
            for (x, _) in &left.0 {
                match f(self, x, y) {
                    Ok(z) => all.push((z, v.1.lose())),
                    Err(s) => {
                        stopped = Some(s);
                        break 'outer;
                    }
                }
            }
            if left.1.is_some() {
                break;
            }
        }
        (all, stopped.or(left.1).or(right.1))
    }

    fn math(&mut self, op: Math, x: &J, y: &J) -> Result<J, Stop> {
        let cost = match op {
            Math::Sub => x.whole().saturating_mul(y.whole()),
            _ => x.whole().saturating_add(y.whole()),
        };
        self.charge(cost / 16)?;
        let r = functions::math(op, x, y)?;
        self.charge(r.size())?;
        Ok(r)
    }

    /// The variables of a pattern; keys that have several values make several of them.
    fn bind<'a>(&mut self, p: &'a Pattern<&'a str>, x: &J, envs: &mut Vec<Env<'a>>) -> Result<(), Stop> {
        match p {
            Pattern::Var(name) => envs.iter_mut().for_each(|e| *e = e.var(name, x.clone())),
            Pattern::Arr(list) => {
                for (i, p) in list.iter().enumerate() {
                    let inner = paths::index(x, &J::Num(i as f64))?;
                    self.bind(p, &inner, envs)?;
                }
            }
            Pattern::Obj(list) => {
                for (key, p) in list {
                    let mut next = vec![];
                    for e in envs.iter() {
                        for k in self.values(key, e, x)? {
                            self.charge(x.size() / 64)?;
                            let inner = paths::index(x, &k)?;
                            let mut own = vec![e.clone()];
                            self.bind(p, &inner, &mut own)?;
                            next.extend(own);
                        }
                    }
                    *envs = next;
                }
            }
        }
        Ok(())
    }

    pub fn fold<'a>(
        &mut self,
        kind: &str,
        (list, pattern, args): (&'a Term<'a>, &'a Pattern<&'a str>, &'a [Term<'a>]),
        env: &Env<'a>,
        v: &V,
    ) -> Outs {
        let (Some(init), Some(update)) = (args.first(), args.get(1)) else {
            return stop(Stop::Undefined(format!("{kind}/{}", args.len())));
        };
        let reduces = kind == "reduce";
        let inits = self.eval(init, env, v, usize::MAX);
        self.each(inits, |m, start| {
            let (items, broken) = m.plain(list, env, &v.0);
            let (mut all, mut acc) = (vec![], start);
            for (x, _) in items {
                let mut envs = vec![env.clone()];
                if let Err(s) = m.bind(pattern, &x, &mut envs) {
                    return (all, Some(s));
                }
                for e in &envs {
                    let (values, stopped) = m.eval(update, e, &acc, usize::MAX);
                    for next in values.iter().filter(|_| !reduces) {
                        let (shown, stopped) = match args.get(2) {
                            Some(t) => m.eval(t, e, next, usize::MAX),
                            None => (vec![next.clone()], None),
                        };
                        all.extend(shown);
                        if stopped.is_some() {
                            return (all, stopped);
                        }
                    }
                    match (values.into_iter().next_back(), reduces) {
                        (Some(last), _) => acc = last,
                        (None, true) if stopped.is_none() => acc = (J::Null, acc.1.lose()),
                        _ => {}
                    }
                    if stopped.is_some() {
                        return (all, stopped);
                    }
                }
            }
            if reduces && broken.is_none() {
                all.push(acc);
            }
            (all, broken)
        })
    }
}
