//! Points in time and spans, in whole seconds.
//!
//! D1 returns numbers as doubles, and a Worker's clock does not advance while it computes, so finer
//! values would be meaningless.

use chrono::{DateTime, Datelike, SecondsFormat, Timelike};
use serde::{Deserialize, Serialize};

/// A point in time: seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(i64);

/// A span in seconds, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(u32);

impl UnixSeconds {
    /// Creates the point `seconds` after the epoch.
    #[must_use]
    pub const fn new(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds since the epoch.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns the milliseconds since the epoch, the unit of a `UUIDv7`. 0 for a time before it.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0).saturating_mul(1_000)
    }

    /// Returns the point `span` later. Saturates.
    #[must_use]
    pub const fn plus(self, span: Seconds) -> Self {
        Self(self.0.saturating_add(span.0 as i64))
    }

    /// Returns the point `span` earlier. Saturates.
    #[must_use]
    pub const fn minus(self, span: Seconds) -> Self {
        Self(self.0.saturating_sub(span.0 as i64))
    }

    /// Returns the seconds from `earlier` to `self`. Negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the span from `now` to `self`, or zero when `self` has passed.
    #[must_use]
    pub fn left_from(self, now: Self) -> Seconds {
        Seconds(u32::try_from(self.since(now).max(0)).unwrap_or(u32::MAX))
    }

    /// Formats the point as RFC 3339 in UTC with whole seconds, such as `2026-11-21T09:00:00Z`.
    ///
    /// A point outside the calendar (beyond the year 262,142) is formatted as the epoch.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        DateTime::from_timestamp(self.0, 0)
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Formats the point as an HTTP date (RFC 9110, section 5.6.7), such as `Sat, 21 Nov 2026
    /// 09:00:00 GMT`.
    ///
    /// A point outside the calendar is formatted as the epoch.
    #[must_use]
    pub fn to_http_date(self) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let time = DateTime::from_timestamp(self.0, 0).unwrap_or_default();
        let month = MONTHS.get(time.month0() as usize).unwrap_or(&"Jan");
        format!(
            "{}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
            time.weekday(),
            time.day(),
            time.year(),
            time.hour(),
            time.minute(),
            time.second(),
        )
    }
}

impl Seconds {
    /// Creates a span of `seconds`.
    #[must_use]
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Returns the number of seconds.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Seconds, UnixSeconds};

    #[test]
    fn rfc3339_is_utc_with_whole_seconds() {
        assert_eq!(
            UnixSeconds::new(1_795_251_600).to_rfc3339(),
            "2026-11-21T09:00:00Z"
        );
    }

    #[test]
    fn http_dates_are_those_of_rfc_9110() {
        for (seconds, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (1_795_251_600, "Sat, 21 Nov 2026 09:00:00 GMT"),
            (1_835_481_599, "Tue, 29 Feb 2028 23:59:59 GMT"),
            (i64::MAX, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(UnixSeconds::new(seconds).to_http_date(), date);
        }
    }

    #[test]
    fn what_is_left_never_turns_negative() {
        let now = UnixSeconds::new(100);
        assert_eq!(UnixSeconds::new(130).left_from(now), Seconds::new(30));
        assert_eq!(UnixSeconds::new(99).left_from(now), Seconds::new(0));
    }

    #[test]
    fn arithmetic_saturates_at_the_ends_of_time() {
        assert_eq!(
            UnixSeconds::new(i64::MAX).plus(Seconds::new(1)).get(),
            i64::MAX
        );
        assert_eq!(
            UnixSeconds::new(i64::MIN).since(UnixSeconds::new(1)),
            i64::MIN
        );
    }
}
