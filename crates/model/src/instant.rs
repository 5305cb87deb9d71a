//! A point in time: whole microseconds since 1970-01-01 UTC. Knows no clock and no time zone.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads RFC 3339 text such as `2026-11-21T10:42:00Z`; anything finer than a microsecond is cut.
    pub fn parse(text: &str) -> Option<Instant> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Instant(time.timestamp_micros()))
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The UTC calendar date.
    pub fn date(self) -> NaiveDate {
        self.to_utc().date_naive()
    }

    /// As a `chrono` time; instants beyond chrono's range become the epoch.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Microseconds from `earlier` to this instant, saturating; negative when that one is later.
    pub fn micros_since(self, earlier: Instant) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved by whole seconds, saturating.
    pub fn plus_seconds(self, seconds: i64) -> Instant {
        Instant(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(time: DateTime<Utc>) -> Self {
        Instant(time.timestamp_micros())
    }
}

/// RFC 3339 with microseconds, for example `2026-11-21T10:42:00.000000Z`.
impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}
