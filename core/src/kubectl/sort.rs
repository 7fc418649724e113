//! `--sort-by`.

use super::builder::Info;
use super::printer::jsonpath::{Template, relaxed};
use crate::api::quantity::Quantity;
use serde_json::Value;
use std::cmp::Ordering;

/// Sorts infos by a field; those without it come first.
pub fn sort_by(infos: &mut [Info], field: &str) -> Result<(), String> {
    let path = Template::parse(&relaxed(field)?)?;
    let keys: Vec<Option<Value>> = infos
        .iter()
        .map(|i| Ok(path.results(&i.object)?.first().and_then(|r| r.first()).map(|f| f.get().clone())))
        .collect::<Result<_, String>>()?;
    if !infos.is_empty() && keys.iter().all(Option::is_none) {
        return Err(format!("couldn't find any field with path {:?} in the list of objects", relaxed(field)?));
    }
    let mut order: Vec<usize> = (0..infos.len()).collect();
    order.sort_by(|a, b| match (&keys[*a], &keys[*b]) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(a), Some(b)) => compare(a, b),
    });
    let sorted: Vec<Info> = order.into_iter().map(|i| infos[i].clone()).collect();
    infos.clone_from_slice(&sorted);
    Ok(())
}

/// The order of two values of a field.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x.as_f64().unwrap_or(0.0).total_cmp(&y.as_f64().unwrap_or(0.0)),
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Value::String(x), Value::String(y)) => match (Quantity::parse(x), Quantity::parse(y)) {
            (Ok(p), Ok(q)) => p.as_f64().total_cmp(&q.as_f64()),
            _ => natural(x, y),
        },
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => a.to_string().cmp(&b.to_string()),
    }
}

/// Texts with the numbers in them compared as numbers: `web-9` before `web-10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let number = |s: &[u8]| s.iter().take_while(|c| c.is_ascii_digit()).count();
            let (m, n) = (number(a), number(b));
            let strip = |s: &[u8], n: usize| s[..n].iter().skip_while(|c| **c == b'0').copied().collect::<Vec<u8>>();
            let (p, q) = (strip(a, m), strip(b, n));
            let order = p.len().cmp(&q.len()).then(p.cmp(&q)).then(n.cmp(&m));
            if order.is_ne() {
                return order;
            }
            (a, b) = (&a[m..], &b[n..]);
        } else {
            if x != y {
                return x.cmp(y);
            }
            (a, b) = (&a[1..], &b[1..]);
        }
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_texts() {
        assert!(natural("web-9", "web-10").is_lt() && natural("a", "b").is_lt() && natural("a1", "a").is_gt());
    }
}
