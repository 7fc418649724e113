//! What a plain scalar means: YAML 1.1 as go-yaml v2 resolves it.

/// The meaning of a plain scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond i64.
    Uint(u64),
    Float(f64),
    /// Kept as text, but printed in quotes.
    Timestamp,
    /// `<<`
    Merge,
    Text,
}

/// Resolves a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        "<<" => return Resolved::Merge,
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => float(text).map_or(Resolved::Text, Resolved::Float),
        b'0'..=b'9' | b'+' | b'-' => {
            if is_timestamp(text) {
                return Resolved::Timestamp;
            }
            let plain = text.replace('_', "");
            if let Some(n) = integer(&plain) {
                return match i64::try_from(n) {
                    Ok(n) => Resolved::Int(n),
                    Err(_) if n > 0 && n <= i128::from(u64::MAX) && !plain.starts_with('+') => Resolved::Uint(n as u64),
                    Err(_) => float(&plain).map_or(Resolved::Text, Resolved::Float),
                };
            }
            float(&plain).map_or(Resolved::Text, Resolved::Float)
        }
        _ => Resolved::Text,
    }
}

/// A whole number in decimal, or with a prefix `0x`, `0o`, `0b` or `0` (octal).
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(d) => (text.starts_with('-'), d),
        None => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let n = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -n } else { n })
}

/// A decimal number: digits with at most one point, and an exponent.
fn float(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = body.trim_start_matches(|c: char| c.is_ascii_digit());
    let whole = body.len() - digits.len();
    let (fraction, rest) = match digits.strip_prefix('.') {
        Some(r) => {
            let rest = r.trim_start_matches(|c: char| c.is_ascii_digit());
            (r.len() - rest.len(), rest)
        }
        None => (0, digits),
    };
    if whole + fraction == 0 {
        return None;
    }
    if let Some(e) = rest.strip_prefix(['e', 'E']) {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        if e.is_empty() || !e.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    text.parse().ok().filter(|f: &f64| f.is_finite())
}

/// `2026-01-02`, with or without a time of the day.
fn is_timestamp(text: &str) -> bool {
    if text.len() < 8 || text.as_bytes()[4] != b'-' || !text.is_ascii() {
        return false;
    }
    let number = |s: &str, low: u32, high: u32| {
        (1..=2).contains(&s.len())
            && s.bytes().all(|c| c.is_ascii_digit())
            && s.parse().is_ok_and(|n: u32| (low..=high).contains(&n))
    };
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(i) => (&text[..i], Some((&text[i..=i], &text[i + 1..]))),
        None => (text, None),
    };
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { return false };
    if year.len() != 4 || !year.bytes().all(|c| c.is_ascii_digit()) || !number(month, 1, 12) || !number(day, 1, 31) {
        return false;
    }
    let Some((separator, time)) = time else { return true };
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(i) => time.split_at(i),
        None => (time, ""),
    };
    let zone_ok = match (separator, zone.as_bytes()) {
        (" ", b"") => true,
        (" ", _) => false,
        (_, b"Z") => true,
        (_, [b'+' | b'-', a, b, b':', c, d]) => [a, b, c, d].iter().all(|c| c.is_ascii_digit()),
        _ => false,
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [h, m, s] = clock.split(':').collect::<Vec<_>>()[..] else { return false };
    zone_ok
        && number(h, 0, 23)
        && number(m, 0, 59)
        && number(s, 0, 59)
        && !fraction.is_empty()
        && fraction.bytes().all(|c| c.is_ascii_digit())
}

/// `1:30` and the like: numbers to base 60 in YAML 1.1, which others might still read so.
pub(super) fn is_base60(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = body.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |s: &str| s.bytes().all(|c| c.is_ascii_digit() || c == b'_');
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let sixty = |s: &str| match s.as_bytes() {
        [a] => a.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    };
    let Some((last, middle)) = rest.split_last() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    middle.iter().all(|m| sixty(m)) && sixty(last) && digits(fraction)
}
