//! Values of jq: JSON whose objects keep the order in which they were made. Pure.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Texts and outputs are not longer than about that many bytes.
pub(super) const LONGEST: usize = 1 << 24;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum J {
    Null,
    Bool(bool),
    Num(f64),
    Str(Arc<str>),
    Arr(Arc<Items<J>>),
    Obj(Arc<Items<(Arc<str>, J)>>),
}

/// What an array or an object holds, how deep it goes (what is too deep could not even be thrown away), and how large
/// it would be if nothing in it were shared: a value that holds itself twice, forty times over, is small only here.
#[derive(Debug)]
pub(super) struct Items<T> {
    list: Vec<T>,
    depth: u32,
    whole: u64,
}

impl<T> Deref for Items<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.list
    }
}

impl J {
    pub fn str(s: impl AsRef<str>) -> J {
        J::Str(s.as_ref().into())
    }

    pub fn arr(list: Vec<J>) -> J {
        let depth = 1 + list.iter().map(J::depth).max().unwrap_or(0);
        let whole = list.iter().fold(1, |n: u64, v| n.saturating_add(v.whole()));
        J::Arr(Arc::new(Items { list, depth, whole }))
    }

    /// An object of pairs; the last of equal keys counts.
    pub fn obj(pairs: impl IntoIterator<Item = (Arc<str>, J)>) -> J {
        let mut out: Vec<(Arc<str>, J)> = vec![];
        let mut places: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for (k, v) in pairs {
            match places.entry(k.clone()) {
                Entry::Occupied(at) => out[*at.get()].1 = v,
                Entry::Vacant(free) => {
                    free.insert(out.len());
                    out.push((k, v));
                }
            }
        }
        let depth = 1 + out.iter().map(|p| p.1.depth()).max().unwrap_or(0);
        let whole = out.iter().fold(1, |n: u64, p| n.saturating_add(p.1.whole() + 1 + p.0.len() as u64 / 16));
        J::Obj(Arc::new(Items { list: out, depth, whole }))
    }

    /// How much it is to go through all of it.
    pub fn whole(&self) -> u64 {
        match self {
            J::Arr(a) => a.whole,
            J::Obj(o) => o.whole,
            J::Str(s) => 1 + s.len() as u64 / 16,
            _ => 1,
        }
    }

    /// How deep it goes.
    pub fn depth(&self) -> u32 {
        match self {
            J::Arr(a) => a.depth,
            J::Obj(o) => o.depth,
            _ => 0,
        }
    }

    pub fn truthy(&self) -> bool {
        !matches!(self, J::Null | J::Bool(false))
    }

    pub fn kind(&self) -> &'static str {
        match self {
            J::Null => "null",
            J::Bool(_) => "boolean",
            J::Num(_) => "number",
            J::Str(_) => "string",
            J::Arr(_) => "array",
            J::Obj(_) => "object",
        }
    }

    pub fn get(&self, key: &str) -> Option<&J> {
        match self {
            J::Obj(o) => o.iter().find(|(k, _)| **k == *key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// About how much work it is to make it.
    pub fn size(&self) -> u64 {
        match self {
            J::Str(s) => s.len() as u64 / 16,
            J::Arr(a) => a.len() as u64,
            J::Obj(o) => o.len() as u64,
            _ => 0,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            J::Null => 0,
            J::Bool(false) => 1,
            J::Bool(true) => 2,
            J::Num(_) => 3,
            J::Str(_) => 4,
            J::Arr(_) => 5,
            J::Obj(_) => 6,
        }
    }

    /// jq's order of all values.
    pub fn order(&self, other: &J) -> Ordering {
        match (self, other) {
            (J::Num(a), J::Num(b)) => a.partial_cmp(b).unwrap_or(Ordering::Less),
            (J::Str(a), J::Str(b)) => a.cmp(b),
            (J::Arr(a), J::Arr(b)) => {
                let differs = a.iter().zip(b.iter()).map(|(a, b)| a.order(b)).find(|o| o.is_ne());
                differs.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (J::Obj(_), J::Obj(_)) => {
                let (a, b) = (self.sorted(), other.sorted());
                let keys = a.iter().map(|p| &p.0).cmp(b.iter().map(|p| &p.0));
                let values = || a.iter().zip(&b).map(|(a, b)| a.1.order(&b.1)).find(|o| o.is_ne());
                keys.then_with(|| values().unwrap_or(Ordering::Equal))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    pub fn same(&self, other: &J) -> bool {
        self.order(other).is_eq()
    }

    /// The pairs of an object by key.
    pub fn sorted(&self) -> Vec<(Arc<str>, J)> {
        let mut pairs = match self {
            J::Obj(o) => o.to_vec(),
            _ => vec![],
        };
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs
    }

    /// As JSON, of which little comes after [`LONGEST`]. `indent`: none for one line. `sort`: keys by name.
    pub fn write(&self, out: &mut String, indent: Option<&str>, sort: bool) {
        self.write_until(LONGEST, out, indent, sort, 0);
    }

    fn write_until(&self, most: usize, out: &mut String, indent: Option<&str>, sort: bool, depth: usize) {
        let line = |out: &mut String, depth: usize| {
            if let Some(i) = indent {
                out.push('\n');
                (0..depth).for_each(|_| out.push_str(i));
            }
        };
        if out.len() > most {
            return;
        }
        match self {
            J::Null => out.push_str("null"),
            J::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            J::Num(n) => out.push_str(&number(*n)),
            J::Str(s) => out.push_str(&quoted(s)),
            J::Arr(a) if a.is_empty() => out.push_str("[]"),
            J::Arr(a) => {
                out.push('[');
                for (i, v) in a.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    line(out, depth + 1);
                    v.write_until(most, out, indent, sort, depth + 1);
                }
                line(out, depth);
                out.push(']');
            }
            J::Obj(o) if o.is_empty() => out.push_str("{}"),
            J::Obj(o) => {
                let own;
                let pairs: &[(Arc<str>, J)] = if sort {
                    own = self.sorted();
                    &own
                } else {
                    o
                };
                out.push('{');
                for (i, (k, v)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    line(out, depth + 1);
                    out.push_str(&quoted(k));
                    out.push_str(if indent.is_some() { ": " } else { ":" });
                    v.write_until(most, out, indent, sort, depth + 1);
                }
                line(out, depth);
                out.push('}');
            }
        }
    }

    /// On one line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None, false);
        out
    }

    /// The beginning of it on one line, at least `most` bytes if it has so many.
    pub fn beginning(&self, most: usize) -> String {
        let mut out = String::new();
        self.write_until(most, &mut out, None, false, 0);
        out
    }
}

/// A number as jq prints it.
pub(super) fn number(n: f64) -> String {
    if n.is_nan() {
        return "null".into();
    }
    let n = n.clamp(f64::MIN, f64::MAX);
    if n.fract() == 0.0 && n.abs() < 1e17 {
        return format!("{}", n as i64);
    }
    let text = serde_json::Number::from_f64(n).map(|n| n.to_string()).unwrap_or_default();
    match text.split_once('e') {
        Some((m, e)) if !e.starts_with(['-', '+']) => format!("{m}e+{e}"),
        _ => text,
    }
}

fn quoted(s: &str) -> String {
    let text = serde_json::Value::from(s).to_string();
    if text.contains('\u{7f}') { text.replace('\u{7f}', "\\u007f") } else { text }
}

impl<'de> Deserialize<'de> for J {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<J, D::Error> {
        d.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = J;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<J, E> {
        Ok(J::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<J, E> {
        Ok(J::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<J, E> {
        Ok(J::Num(n as f64))
    }

    fn visit_u64<E>(self, n: u64) -> Result<J, E> {
        Ok(J::Num(n as f64))
    }

    fn visit_f64<E>(self, n: f64) -> Result<J, E> {
        Ok(J::Num(n))
    }

    fn visit_str<E>(self, s: &str) -> Result<J, E> {
        Ok(J::str(s))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<J, A::Error> {
        let mut list = vec![];
        while let Some(v) = seq.next_element()? {
            list.push(v);
        }
        Ok(J::arr(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<J, A::Error> {
        let mut pairs: Vec<(Arc<str>, J)> = vec![];
        while let Some((k, v)) = map.next_entry::<String, J>()? {
            pairs.push((k.into(), v));
        }
        Ok(J::obj(pairs))
    }
}
