//! Points in time and spans, in whole microseconds.
//!
//! Event time is UTC. A [`Time`] is text (RFC 3339) for people and JSON, and a number in binary
//! formats. Nothing here reads a clock: "now" is always an argument.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(i64);

impl Time {
    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the epoch; saturates at the ends.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The largest multiple of `span` that is not after `self`.
    #[must_use]
    pub fn floor(self, span: Span) -> Self {
        Self(self.0 - self.0.rem_euclid(span.0.max(1)))
    }

    /// The same point as a calendar type; times beyond the calendar become its end.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision =
            if self.0 % 1_000 == 0 { SecondsFormat::Millis } else { SecondsFormat::Micros };
        f.write_str(&self.to_utc().to_rfc3339_opts(precision, true))
    }
}

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        match DateTime::parse_from_rfc3339(text) {
            Ok(at) => Ok(Self(at.timestamp_micros())),
            Err(source) => Err(InvalidTime { text: text.to_owned(), source }),
        }
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Time {
    type Output = Span;

    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// A length of time in microseconds; written `250ms`, `10s`, `5m`, `2h`, `30d`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// From seconds.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Length in microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Length in seconds, with fraction.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "spans below 285 years are exact in f64")]
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// For timers of the standard library; a negative span is zero.
    #[must_use]
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, micros) = if self.0 < 0 { ("-", -self.0) } else { ("", self.0) };
        let exact = UNITS.iter().rev().find(|(_, size)| 0 < micros && micros % size == 0);
        match exact {
            Some((unit, size)) => write!(f, "{sign}{}{unit}", micros / size),
            None => write!(f, "{sign}{micros}us"),
        }
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let refused = || InvalidSpan { text: text.to_owned() };
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(refused)?;
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().ok().ok_or_else(refused)?;
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        number.checked_mul(*size).map(Self).ok_or_else(refused)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that is not RFC 3339.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{text}` is not a time such as 2026-11-20T06:02:00Z")]
pub struct InvalidTime {
    /// The refused text.
    pub text: String,
    source: chrono::ParseError,
}

/// A text that is not a span.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not a span; write a whole number and one of us, ms, s, m, h, d, e.g. `10s`")]
pub struct InvalidSpan {
    /// The refused text.
    pub text: String,
}

const UNITS: [(&str, i64); 6] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print_in_the_largest_whole_unit() {
        for text in ["250ms", "10s", "5m", "2h", "30d", "7us"] {
            assert_eq!(text.parse::<Span>().expect(text).to_string(), text);
        }
        for text in ["", "10", "s", "1.5s", "-3s", "10 s", "9999999999999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn times_round_trip_with_microseconds_and_zones() {
        let at: Time = "2026-11-20T14:02:00.123456+08:00".parse().expect("RFC 3339");
        assert_eq!(at.to_string(), "2026-11-20T06:02:00.123456Z");
        assert_eq!(serde_json::to_string(&at).expect("json"), "\"2026-11-20T06:02:00.123456Z\"");
        assert_eq!(at.floor(Span::from_secs(60)).to_string(), "2026-11-20T06:02:00.000Z");
    }
}
