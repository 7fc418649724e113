//! Resource quantities: `100m`, `1.5Gi`, `2e3`.
//!
//! A [`Quantity`] is a whole number times a power of ten, and how it is to be written. It is `Copy`; arithmetic is exact
//! within 38 digits and saturates beyond. Models apimachinery `api/resource`. Knows no resources.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// How a quantity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// `12e6`
    DecimalExponent,
    /// `12Mi`
    BinarySI,
    /// `12M`
    #[default]
    DecimalSI,
}

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// It has not the shape of one.
    Format,
    /// Its suffix is unknown.
    Suffix,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            }
            Self::Suffix => "unable to parse quantity's suffix",
        })
    }
}

impl std::error::Error for QuantityError {}

/// The scale of a billionth: nothing finer is kept.
pub const NANO: i32 = -9;
/// The scale of a thousandth.
pub const MILLI: i32 = -3;

/// An exact amount of something: `value · 10^scale`. Equality and order are those of the amounts, whatever the format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    value: i128,
    scale: i32,
    format: Format,
}

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

fn pow10(n: i32) -> Option<i128> {
    u32::try_from(n).ok().and_then(|n| 10i128.checked_pow(n))
}

/// `value / 10^by`, away from zero, and whether nothing was lost.
fn shift_down(value: i128, by: i32) -> (i128, bool) {
    match pow10(by) {
        Some(d) => {
            let (q, r) = (value / d, value % d);
            (q + r.signum(), r == 0)
        }
        None => (value.signum(), value == 0),
    }
}

/// The parts of a text: sign, digits before and after the point (leading zeros stripped before), suffix.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    let (negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let rest = rest.trim_start_matches('0');
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(r) => r.split_at(digits(r)),
        None => ("", rest),
    };
    let letters = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    if digits(exponent) != exponent.len() {
        return Err(QuantityError::Format);
    }
    Ok(Parts { negative, whole: if whole.is_empty() { "0" } else { whole }, fraction, suffix })
}

/// Base-10 exponent, or base-2 exponent, and the format a suffix stands for.
fn interpret(suffix: &str) -> Result<(i32, u32, Format), QuantityError> {
    if let Some((_, e)) = DECIMAL.iter().find(|d| d.0 == suffix) {
        return Ok((*e, 0, Format::DecimalSI));
    }
    if let Some(i) = BINARY.iter().position(|b| *b == suffix) {
        return Ok((0, 10 * i as u32, Format::BinarySI));
    }
    let digits = suffix.strip_prefix(['e', 'E']).filter(|d| !d.is_empty()).ok_or(QuantityError::Suffix)?;
    let exponent: i32 = digits.parse().map_err(|_| QuantityError::Suffix)?;
    Ok((exponent, 0, Format::DecimalExponent))
}

impl Quantity {
    /// Nothing, in decimal form.
    pub const ZERO: Quantity = Quantity { value: 0, scale: 0, format: Format::DecimalSI };

    /// `value` units.
    pub const fn new(value: i64, format: Format) -> Self {
        Self { value: value as i128, scale: 0, format }
    }

    /// `value` thousandths.
    pub const fn from_milli(value: i64, format: Format) -> Self {
        Self { value: value as i128, scale: MILLI, format }
    }

    /// `value · 10^scale`, in decimal form.
    pub const fn new_scaled(value: i64, scale: i32) -> Self {
        Self { value: value as i128, scale, format: Format::DecimalSI }
    }

    /// Reads a quantity. What is finer than a billionth is rounded away from zero; binary amounts are capped at 2^63−1.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let parts = split(text)?;
        let (exponent, binary, format) = interpret(parts.suffix)?;
        Ok(Self::build(&parts, exponent, binary, format))
    }

    fn build(parts: &Parts<'_>, exponent: i32, binary: u32, mut format: Format) -> Self {
        let mut value: i128 = 0;
        let mut scale = exponent.saturating_sub(i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX));
        // 37 digits fit with room for rounding; a binary suffix may need 18 more bits' worth of digits.
        let most = if binary > 0 { 10i128.pow(19) } else { 10i128.pow(37) };
        let mut dropped = 0;
        let mut lost = false;
        for c in parts.whole.bytes().chain(parts.fraction.bytes()) {
            let digit = i128::from(c - b'0');
            if value >= most / 10 {
                dropped += 1;
                lost |= digit != 0;
            } else {
                value = value * 10 + digit;
            }
        }
        scale = scale.saturating_add(dropped);
        if lost && scale <= 0 {
            value += 1;
        }
        if binary > 0 {
            value = value.saturating_mul(1 << binary);
        }
        if scale < NANO {
            value = shift_down(value, NANO.saturating_sub(scale)).0;
            scale = NANO;
        }
        let mut q = Self { value, scale, format };
        if format == Format::BinarySI {
            if q > Self::new(i64::MAX, format) {
                q = Self::new(i64::MAX, format);
            }
            if q.value > 0 && q < Self::new(1, format) {
                format = Format::DecimalSI;
            }
        }
        q.format = format;
        if parts.negative {
            q.value = -q.value;
        }
        q
    }

    /// The text that an API object keeps for `text`: unchanged where the reader takes it for canonical (`1.500` and
    /// `1E3` are), else the canonical form (`0.5` becomes `500m`, `1024Mi` becomes `1Gi`).
    pub fn stored_text(text: &str) -> Result<Cow<'_, str>, QuantityError> {
        if text == "0" {
            return Ok(Cow::Borrowed(text));
        }
        let parts = split(text)?;
        let (exponent, binary, format) = interpret(parts.suffix)?;
        let (whole, fraction) = (parts.whole.len() as i32, parts.fraction.len() as i32);
        // Only amounts that fit a machine word are recognised as canonical without being taken apart.
        let kept = match format {
            Format::BinarySI => {
                let precision = 15 - whole - (binary as f32 * 3.0 / 10.0) as i32 - 1;
                let odd = parts.whole.parse::<i64>().is_ok_and(|v| v & 7 != 0);
                fraction == 0 && precision >= 0 && odd
            }
            _ => {
                let scale = exponent.saturating_sub(fraction);
                let zeros = match fraction {
                    0 => parts.whole.ends_with("000"),
                    1 => parts.fraction == "0" && parts.whole.ends_with("00"),
                    2 => parts.fraction == "00" && parts.whole.ends_with('0'),
                    _ => parts.fraction.ends_with("000"),
                };
                18 - whole - fraction >= 0 && scale >= NANO && scale % 3 == 0 && !zeros && !parts.whole.starts_with('0')
            }
        };
        if kept && !text.starts_with('+') {
            return Ok(Cow::Borrowed(text));
        }
        Ok(Cow::Owned(Self::build(&parts, exponent, binary, format).to_string()))
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The same amount, written otherwise.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Is it nothing?
    pub fn is_zero(&self) -> bool {
        self.value == 0
    }

    /// −1, 0 or 1.
    pub fn sign(&self) -> i32 {
        self.value.signum() as i32
    }

    /// In whole units, rounded away from zero and capped to an i64.
    pub fn value(&self) -> i64 {
        self.scaled_value(0)
    }

    /// In thousandths, rounded away from zero and capped to an i64.
    pub fn milli_value(&self) -> i64 {
        self.scaled_value(MILLI)
    }

    /// In units of `10^scale`, rounded away from zero and capped to an i64.
    pub fn scaled_value(&self, scale: i32) -> i64 {
        let by = self.scale.saturating_sub(scale);
        let v = if by >= 0 {
            pow10(by).and_then(|p| self.value.checked_mul(p)).unwrap_or(if self.value == 0 {
                0
            } else {
                self.value.signum() * i128::MAX
            })
        } else {
            shift_down(self.value, -by).0
        };
        i64::try_from(v).unwrap_or(if v < 0 { i64::MIN } else { i64::MAX })
    }

    /// As a floating-point number.
    pub fn as_f64(&self) -> f64 {
        let base = self.value as f64;
        if self.scale < 0 { base / 10f64.powi(-self.scale) } else { base * 10f64.powi(self.scale) }
    }

    /// Rounds away from zero to multiples of `10^scale`; says whether nothing was lost.
    pub fn round_up(&mut self, scale: i32) -> bool {
        if self.scale >= scale {
            return true;
        }
        let (value, exact) = shift_down(self.value, scale.saturating_sub(self.scale));
        (self.value, self.scale) = (value, scale);
        exact
    }

    /// Both values at the finer of the two scales; `None` when they do not fit.
    fn align(self, other: Self) -> Option<(i128, i128, i32)> {
        let scale = self.scale.min(other.scale);
        let at = |q: Self| pow10(q.scale.checked_sub(scale)?).and_then(|p| q.value.checked_mul(p));
        Some((at(self)?, at(other)?, scale))
    }

    fn combine(self, other: Self, by: fn(i128, i128) -> Option<i128>) -> Self {
        let format = if self.value == 0 { other.format } else { self.format };
        if let Some((a, b, scale)) = self.align(other)
            && let Some(value) = by(a, b)
        {
            return Self { value, scale, format };
        }
        // Too far apart for exact sums: what is far smaller does not count.
        let smaller = self.value == 0 || self.as_f64().abs() < other.as_f64().abs();
        if smaller {
            let value = by(0, other.value).unwrap_or(i128::MAX);
            Self { value, scale: other.scale, format }
        } else {
            Self { format, ..self }
        }
    }

    /// Takes factors of ten out of the value and makes the exponent a multiple of three.
    fn canonical_decimal(&self) -> (i128, i32) {
        let (mut value, mut exponent) = (self.value, self.scale);
        while value % 10 == 0 && value != 0 {
            value /= 10;
            exponent += 1;
        }
        while exponent.rem_euclid(3) != 0 {
            value = value.saturating_mul(10);
            exponent -= 1;
        }
        (value, exponent)
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;
    /// The sum; written as the left one, unless that is zero.
    fn add(self, other: Self) -> Self {
        self.combine(other, i128::checked_add)
    }
}

impl std::ops::AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::Sub for Quantity {
    type Output = Self;
    /// The difference; written as the left one, unless that is zero.
    fn sub(self, other: Self) -> Self {
        self.combine(other, i128::checked_sub)
    }
}

impl std::ops::SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::ops::Mul<i64> for Quantity {
    type Output = Self;
    /// The product with a whole number; the format stays.
    fn mul(self, by: i64) -> Self {
        Self { value: self.value.saturating_mul(i128::from(by)), ..self }
    }
}

impl std::ops::Neg for Quantity {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |a, b| a + b)
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.value.cmp(&other.value);
        }
        match self.align(*other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self
                .value
                .signum()
                .cmp(&other.value.signum())
                .then_with(|| self.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)),
        }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}

impl FromStr for Quantity {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Quantity {
    /// The canonical text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value == 0 {
            return f.write_str("0");
        }
        if self.format == Format::BinarySI {
            let mut whole = *self;
            let far = self.value.unsigned_abs() >= 1024 || self.scale > 0;
            if far
                && whole.round_up(0)
                && let Some(mut value) = pow10(whole.scale).and_then(|p| whole.value.checked_mul(p))
                && value.unsigned_abs() >= 1024
            {
                let mut step = 0;
                while value % 1024 == 0 && step + 1 < BINARY.len() {
                    value /= 1024;
                    step += 1;
                }
                return write!(f, "{value}{}", BINARY[step]);
            }
        }
        let (mut value, mut exponent) = self.canonical_decimal();
        if self.format == Format::DecimalExponent {
            return if exponent == 0 { write!(f, "{value}") } else { write!(f, "{value}e{exponent}") };
        }
        while exponent > 18 {
            match value.checked_mul(1000) {
                Some(v) => (value, exponent) = (v, exponent - 3),
                None => return write!(f, "{value}e{exponent}"),
            }
        }
        let suffix = DECIMAL.iter().find(|d| d.1 == exponent).map_or("n", |d| d.0);
        write!(f, "{value}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_texts() {
        let stored = |t: &str| Quantity::stored_text(t).unwrap().into_owned();
        for (text, expected) in [
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("1.500", "1.500"),
            ("1024Mi", "1Gi"),
            ("1000Mi", "1000Mi"),
            ("1.5Gi", "1536Mi"),
            ("100m", "100m"),
            ("1000m", "1"),
            ("1e3", "1e3"),
            ("0.1Gi", "107374182400m"),
            ("2", "2"),
            ("64Mi", "64Mi"),
        ] {
            assert_eq!(stored(text), expected, "{text}");
        }
    }

    #[test]
    fn far_apart_amounts_do_not_panic() {
        let big: Quantity = "1e2000000000".parse().unwrap();
        let small: Quantity = "-1n".parse().unwrap();
        assert!(big > small);
        assert_eq!((big + small).value(), i64::MAX);
        assert_eq!(big.milli_value(), i64::MAX);
        let long = "9".repeat(1000);
        assert_eq!(long.parse::<Quantity>().unwrap().value(), i64::MAX);
        assert_eq!(format!("0.{long}").parse::<Quantity>().unwrap().value(), 1);
    }
}
