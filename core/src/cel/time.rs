//! Timestamps and their parts.

use super::eval::Got;
use super::fail;
use super::value::Val;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// The first and the last moment there is: the years 1 to 9999.
pub(super) const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

/// A moment in RFC 3339.
pub(super) fn parse(s: &str) -> Option<Timestamp> {
    let b = s.as_bytes();
    // jiff takes more than the standard does
    let shaped = b.len() >= 20 && b[4] == b'-' && b[7] == b'-' && b[10] == b'T' && b[13] == b':' && b[16] == b':';
    let t: Timestamp = s.parse().ok().filter(|_| shaped)?;
    (FIRST..=LAST).contains(&t.as_second()).then_some(t)
}

/// What is said of a text that is none.
pub(super) fn unreadable(s: &str) -> String {
    format!("parsing time {s:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {s:?} as \"2006\"")
}

pub(super) fn of_seconds(seconds: i64) -> Got {
    match Timestamp::from_second(seconds).ok().filter(|_| (FIRST..=LAST).contains(&seconds)) {
        Some(t) => Ok(Val::Time(t)),
        None => fail("timestamp overflow"),
    }
}

pub(super) fn plus(t: Timestamp, nanos: i128) -> Got {
    let sum = t.as_nanosecond().checked_add(nanos).and_then(|n| Timestamp::from_nanosecond(n).ok());
    match sum.filter(|t| (FIRST..=LAST).contains(&t.as_second())) {
        Some(t) => Ok(Val::Time(t)),
        None => fail("timestamp overflow"),
    }
}

/// `Europe/Berlin`, `+02:00`, `-8:30`
fn zone(name: &str) -> Option<TimeZone> {
    let Some((hours, minutes)) = name.split_once(':') else { return crate::api::cron::time_zone(name).ok() };
    let negative = hours.starts_with('-');
    let (h, m): (i32, i32) = (hours.trim_start_matches(['+', '-']).parse().ok()?, minutes.parse().ok()?);
    if !(0..24).contains(&h) || !(0..60).contains(&m) {
        return None;
    }
    let seconds = h * 3600 + m * 60;
    Some(TimeZone::fixed(Offset::from_seconds(if negative { -seconds } else { seconds }).ok()?))
}

/// The accessors of timestamps and durations; `None`: it is none.
pub(super) fn part(name: &str, args: &[Val]) -> Option<Got> {
    let (t, place) = match args {
        [Val::Time(t)] => (t, ""),
        [Val::Time(t), Val::Str(z)] => (t, &**z),
        [Val::Span(s)] => {
            return Some(Ok(Val::Int(match name {
                "getHours" => s / 3_600_000_000_000,
                "getMinutes" => s / 60_000_000_000,
                "getSeconds" => s / 1_000_000_000,
                "getMilliseconds" => s / 1_000_000,
                _ => return None,
            })));
        }
        _ => return None,
    };
    if !name.starts_with("get") {
        return None;
    }
    let Some(zone) = zone(place) else { return Some(fail(format!("unknown time zone {place}"))) };
    let t = zone.to_datetime(*t);
    Some(Ok(Val::Int(i64::from(match name {
        "getFullYear" => t.year(),
        "getMonth" => i16::from(t.month()) - 1,
        "getDate" => i16::from(t.day()),
        "getDayOfMonth" => i16::from(t.day()) - 1,
        "getDayOfWeek" => i16::from(t.weekday().to_sunday_zero_offset()),
        "getDayOfYear" => t.day_of_year() - 1,
        "getHours" => i16::from(t.hour()),
        "getMinutes" => i16::from(t.minute()),
        "getSeconds" => i16::from(t.second()),
        "getMilliseconds" => t.millisecond(),
        _ => return None,
    }))))
}
