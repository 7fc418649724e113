//! Spans of time as texts: ages as kubectl prints them, durations as Go writes and reads them.
//!
//! Spans are signed nanoseconds. Models apimachinery `util/duration` and Go's `time.Duration`.

use crate::clock::SimDuration;

/// Nanoseconds of a second.
pub const SECOND: i64 = 1_000_000_000;

/// An age as kubectl prints it: `119s`, `3m5s`, `47h`, `2d3h`, `300d`, `2y30d`.
pub fn human_duration(nanos: i64) -> String {
    let seconds = nanos / SECOND;
    if seconds < -1 {
        return "<invalid>".into();
    }
    if seconds < 0 {
        return "0s".into();
    }
    let pair = |big: i64, b: &str, small: i64, s: &str| {
        if small == 0 { format!("{big}{b}") } else { format!("{big}{b}{small}{s}") }
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => pair(days, "d", hours % 24, "h"),
        () if days < 2 * 365 => format!("{days}d"),
        () if days < 8 * 365 => pair(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

/// As [`human_duration`], for a simulated span.
pub fn human(span: SimDuration) -> String {
    human_duration(i64::try_from(span.0.saturating_mul(1_000)).unwrap_or(i64::MAX))
}

/// A span in its largest unit only: `59s`, `1m`, `23h`, `1d`, `1y`.
pub fn short_human_duration(nanos: i64) -> String {
    let seconds = nanos / SECOND;
    if seconds < -1 {
        return "<invalid>".into();
    }
    let seconds = seconds.max(0);
    let hours = seconds / 3600;
    match () {
        () if seconds < 60 => format!("{seconds}s"),
        () if seconds < 3600 => format!("{}m", seconds / 60),
        () if hours < 24 => format!("{hours}h"),
        () if hours < 24 * 365 => format!("{}d", hours / 24),
        () => format!("{}y", hours / 24 / 365),
    }
}

/// A span as Go prints it: `1h0m0s`, `1.5s`, `100ms`, `0s`.
pub fn go_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let fraction = |value: u64, unit: u64, name: &str| {
        let (whole, rest) = (value / unit, value % unit);
        let digits = unit.ilog10() as usize;
        let rest = format!("{rest:0digits$}");
        let rest = rest.trim_end_matches('0');
        if rest.is_empty() || digits == 0 { format!("{whole}{name}") } else { format!("{whole}.{rest}{name}") }
    };
    let second = SECOND.unsigned_abs();
    let text = match n {
        0 => return "0s".into(),
        1..1_000 => format!("{n}ns"),
        1_000..1_000_000 => fraction(n, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(n, 1_000_000, "ms"),
        _ => {
            let minutes = n / second / 60;
            let seconds = fraction(n % (60 * second), second, "s");
            match (minutes / 60, minutes) {
                (0, 0) => seconds,
                (0, m) => format!("{m}m{seconds}"),
                (h, m) => format!("{h}h{}m{seconds}", m % 60),
            }
        }
    };
    format!("{sign}{text}")
}

/// Reads a span as Go does: `300ms`, `-1.5h`, `2h45m`. The error is Go's.
pub fn parse_go_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", go_quote(text));
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(r) => (text.starts_with('-'), r),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let end = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let (whole, after) = rest.split_at(end(rest));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(r) => r.split_at(end(r)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(unit_end);
        let unit: u64 = match name {
            "" => return Err(format!("time: missing unit in duration {}", go_quote(text))),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => {
                return Err(format!("time: unknown unit {} in duration {}", go_quote(name), go_quote(text)));
            }
        };
        let mut part: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        part = part.checked_mul(unit).ok_or_else(invalid)?;
        let mut weight = unit as f64;
        let mut share = 0.0;
        for d in fraction.bytes().take(18) {
            weight /= 10.0;
            share += weight * f64::from(d - b'0');
        }
        part = part.checked_add((share + 1e-6) as u64).ok_or_else(invalid)?;
        total = total.checked_add(part).filter(|t| *t <= 1 << 63).ok_or_else(invalid)?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (false, Ok(t)) => Ok(t),
        (true, Ok(t)) => Ok(-t),
        (true, Err(_)) => Ok(i64::MIN),
        (false, Err(_)) => Err(invalid()),
    }
}

/// A text in double quotes, as Go's %q prints plain texts.
pub fn go_quote(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for text in ["1h0m0s", "1.5s", "100ms", "1m0s", "-2m3.25s", "1.5µs", "7ns", "0s"] {
            assert_eq!(go_duration(parse_go_duration(text).unwrap()), text);
        }
        assert_eq!(parse_go_duration("1.5h").unwrap(), 5400 * SECOND);
        assert_eq!(parse_go_duration("5").unwrap_err(), "time: missing unit in duration \"5\"");
        assert_eq!(parse_go_duration("x").unwrap_err(), "time: invalid duration \"x\"");
        assert_eq!(parse_go_duration("5d").unwrap_err(), "time: unknown unit \"d\" in duration \"5d\"");
    }
}
