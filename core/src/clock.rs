//! Virtual time: the only clock there is. It must not know the wall clock.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Seconds since the Unix epoch at which every session's virtual time begins: 2026-01-01T00:00:00Z.
pub const EPOCH_SECONDS: i64 = 1_767_225_600;

/// A moment of virtual time: microseconds since the session began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SimTime(pub u64);

/// A span of virtual time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SimDuration(pub u64);

impl SimDuration {
    /// No time at all.
    pub const ZERO: SimDuration = SimDuration(0);

    /// `s` whole seconds.
    pub const fn from_secs(s: u64) -> Self {
        SimDuration(s.saturating_mul(1_000_000))
    }

    /// `ms` whole milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        SimDuration(ms.saturating_mul(1_000))
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// A number of seconds that somebody has written, as objects keep it: no less than none, at most 136 years.
    pub fn written(seconds: i64) -> u32 {
        u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
    }

    /// Seconds with a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl SimTime {
    /// The beginning of a session.
    pub const ZERO: SimTime = SimTime(0);
    /// Later than any event.
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// The moment `s` seconds after the session began.
    pub const fn from_secs(s: u64) -> Self {
        SimTime(s.saturating_mul(1_000_000))
    }

    /// Time since `earlier`; zero if `earlier` lies in the future.
    pub const fn since(self, earlier: SimTime) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the Unix epoch, rounded down, as API timestamps count them.
    pub const fn unix_seconds(self) -> i64 {
        EPOCH_SECONDS + (self.0 / 1_000_000) as i64
    }

    /// The start of this moment's second: API timestamps carry no fraction.
    pub const fn floor_second(self) -> SimTime {
        SimTime(self.0 - self.0 % 1_000_000)
    }

    /// The moment of a Unix timestamp in seconds; moments before the session become its beginning.
    pub const fn from_unix_seconds(s: i64) -> Self {
        let d = s - EPOCH_SECONDS;
        SimTime(if d < 0 { 0 } else { d as u64 * 1_000_000 })
    }

    /// The timestamp as the API prints `metav1.Time`: `2026-01-01T00:00:00Z`.
    pub fn rfc3339(self) -> String {
        self.timestamp().to_string()
    }

    /// The timestamp of whole seconds, as API objects carry it.
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.unix_seconds()).unwrap_or(jiff::Timestamp::MAX)
    }

    /// The timestamp with microseconds, as `metav1.MicroTime` carries it.
    pub fn timestamp_micros(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(EPOCH_SECONDS * 1_000_000 + self.0 as i64).unwrap_or_default()
    }

    /// The API's `Time` of this moment.
    pub fn api(self) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
        k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(self.timestamp())
    }

    /// The moment of an API `Time`.
    pub fn from_api(t: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> SimTime {
        SimTime::from_unix_seconds(t.0.as_second())
    }

    /// Reads an RFC 3339 text (seconds precision); `None` if it is none.
    pub fn parse_rfc3339(s: &str) -> Option<SimTime> {
        s.parse::<jiff::Timestamp>().ok().map(|t| SimTime::from_unix_seconds(t.as_second()))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = SimTime;
    fn add(self, d: SimDuration) -> SimTime {
        SimTime(self.0.saturating_add(d.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, d: SimDuration) {
        *self = *self + d;
    }
}

impl Sub for SimTime {
    type Output = SimDuration;
    fn sub(self, o: SimTime) -> SimDuration {
        self.since(o)
    }
}

impl Add for SimDuration {
    type Output = SimDuration;
    fn add(self, o: SimDuration) -> SimDuration {
        SimDuration(self.0.saturating_add(o.0))
    }
}

/// `hh:mm:ss.t`, the page's clock.
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0 / 1_000_000;
        write!(f, "{:02}:{:02}:{:02}.{}", s / 3600, s / 60 % 60, s % 60, self.0 / 100_000 % 10)
    }
}
