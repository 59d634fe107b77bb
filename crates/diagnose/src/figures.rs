//! Numbers as people on the shop floor read them: few digits, always a unit, local time.

use forewarn_domain::anomaly::Normal;
use forewarn_domain::quantity::{Quantity, Unit};
use forewarn_domain::text::Localized;
use forewarn_domain::time::{Span, Time};

/// A value with three digits that count: `0.61`, `2.10`, `61.4`, `107`.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        _ if size < 0.0995 => 3,
        _ if size < 9.995 => 2,
        _ if size < 99.95 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if text.trim_start_matches('-').chars().all(|it| it == '0' || it == '.') {
        return "0".to_owned();
    }
    text
}

/// A limit that somebody wrote down, without digits that nobody wrote: `8`, `2.8`, `70`.
pub(crate) fn exact(value: f64) -> String {
    let text = figure(value);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A limit with its unit, e.g. `60 °C`.
pub(crate) fn exact_amount(value: f64, unit: Unit) -> String {
    join(&exact(value), unit.symbol())
}

/// A value with its unit, e.g. `61.4 °C`.
#[must_use]
pub fn amount(value: f64, unit: Unit) -> String {
    join(&figure(value), unit.symbol())
}

/// A band with its unit, e.g. `41.0–47.5 °C`.
pub(crate) fn band(normal: &Normal, unit: Unit) -> String {
    join(&format!("{}–{}", figure(normal.low), figure(normal.high)), unit.symbol())
}

fn join(number: &str, symbol: &str) -> String {
    if symbol.is_empty() { number.to_owned() } else { format!("{number} {symbol}") }
}

/// How far a value is from what is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distance {
    /// In the unit given: kelvins, where a ratio of temperatures would say nothing.
    Difference(f64, Unit),
    /// In per cent, signed.
    Percent(f64),
    /// A multiple.
    Times(f64),
}

/// The distance from the middle of the normal; `None` where the middle is zero.
pub(crate) fn distance(value: f64, normal: &Normal, unit: Unit) -> Option<Distance> {
    let difference = value - normal.median;
    if matches!(unit, Unit::DegC | Unit::Kelvin) {
        return Some(Distance::Difference(difference, Unit::Kelvin));
    }
    if matches!(unit, Unit::DegF | Unit::Percent) {
        return Some(Distance::Difference(difference, unit));
    }
    if normal.median.abs() < 1e-9 {
        return None;
    }
    let ratio = value / normal.median;
    if TIMES_MIN <= ratio {
        return Some(Distance::Times(ratio));
    }
    Some(Distance::Percent((ratio - 1.0) * 100.0))
}

/// The distance, short enough for brackets.
pub(crate) fn short_distance(distance: Distance) -> Localized {
    match distance {
        Distance::Difference(by, unit) => Localized::same(signed(by, unit)),
        Distance::Percent(by) => Localized::same(format!("{by:+.0} %")),
        Distance::Times(by) => {
            Localized::new(format!("{by:.1} × usual"), format!("为平时的 {by:.1} 倍"))
        }
    }
}

pub(crate) fn signed(by: f64, unit: Unit) -> String {
    let sign = if by < 0.0 { "-" } else { "+" };
    format!("{sign}{}", amount(by.abs(), unit))
}

/// A signed difference of two values, e.g. `+3.20 K` of temperatures in °C.
pub(crate) fn signed_difference(by: f64, quantity: Quantity, unit: Unit) -> String {
    signed(by, difference(quantity, unit))
}

/// A unit per minute, e.g. `3.20 K/min`.
pub(crate) fn per_minute(rate: f64, quantity: Quantity, unit: Unit) -> String {
    format!("{}/min", amount(rate, difference(quantity, unit)))
}

/// The limit of a rate, e.g. `8 K/min`.
pub(crate) fn exact_per_minute(limit: f64, quantity: Quantity, unit: Unit) -> String {
    format!("{}/min", exact_amount(limit, difference(quantity, unit)))
}

fn difference(quantity: Quantity, unit: Unit) -> Unit {
    match (quantity, unit) {
        (Quantity::Temperature, Unit::DegC) => Unit::Kelvin,
        (_, unit) => unit,
    }
}

/// A count with a separator after thousands, as English wants it: `1,790`.
pub(crate) fn grouped(count: &str) -> String {
    let (sign, digits) = count.strip_prefix('-').map_or(("", count), |rest| ("-", rest));
    if digits.len() <= 3 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return count.to_owned();
    }
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The share of good readings; it never rounds up to 100 %.
pub(crate) fn share(good: u64, total: u64) -> String {
    let tenths = u128::from(good) * 1_000 / u128::from(total.max(1));
    if tenths == 1_000 { "100 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

/// Whole days in a span.
pub(crate) fn days(span: Span) -> i64 {
    span.micros().div_euclid(DAY_US)
}

/// Spans of several days as whole days, rounded, where hours would only pretend to be known.
pub(crate) fn days_only(spans: [Span; 2]) -> Option<[i64; 2]> {
    let is_long = spans.iter().all(|it| 2 * DAY_US <= it.micros());
    is_long.then(|| spans.map(|it| (it.micros() + DAY_US / 2) / DAY_US))
}

/// A span in its two largest parts: seconds, minutes, hours or days. Up to two days are hours,
/// as people say "34 hours".
pub(crate) fn parts(span: Span) -> [(i64, SpanUnit); 2] {
    let secs = span.micros().max(0) / 1_000_000;
    let split =
        |large: i64, unit, small: i64, rest| [(secs / large, unit), (secs % large / small, rest)];
    match secs {
        ..60 => [(secs, SpanUnit::Second), (0, SpanUnit::Second)],
        60..3_600 => split(60, SpanUnit::Minute, 1, SpanUnit::Second),
        3_600..172_800 => split(3_600, SpanUnit::Hour, 60, SpanUnit::Minute),
        172_800.. => split(86_400, SpanUnit::Day, 3_600, SpanUnit::Hour),
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SpanUnit {
    Day,
    Hour,
    Minute,
    Second,
}

/// The wall clock of the site, for times in texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    offset: Span,
    now: Time,
}

impl Clock {
    pub(crate) fn new(utc_offset_minutes: i32, now: Time) -> Self {
        Self { offset: Span::from_secs(i64::from(utc_offset_minutes) * 60), now }
    }

    /// `19 Nov 21:40`, with the year unless it is this year.
    pub(crate) fn time_en(&self, at: Time) -> String {
        self.format(at, ["%-d %b %H:%M", "%-d %b %Y %H:%M"])
    }

    /// `19 Nov`, with the year unless it is this year.
    pub(crate) fn date_en(&self, at: Time) -> String {
        self.format(at, ["%-d %b", "%-d %b %Y"])
    }

    /// `11-19 21:40`, with the year unless it is this year.
    pub(crate) fn time_zh(&self, at: Time) -> String {
        self.format(at, ["%m-%d %H:%M", "%Y-%m-%d %H:%M"])
    }

    /// `11-19`, with the year unless it is this year.
    pub(crate) fn date_zh(&self, at: Time) -> String {
        self.format(at, ["%m-%d", "%Y-%m-%d"])
    }

    pub(crate) fn days_since(&self, at: Time) -> i64 {
        days(self.now - at)
    }

    fn format(&self, at: Time, [this_year, other_year]: [&str; 2]) -> String {
        let year = |time: Time| (time + self.offset).to_utc().format("%Y").to_string();
        let form = if year(at) == year(self.now) { this_year } else { other_year };
        (at + self.offset).to_utc().format(form).to_string()
    }
}

/// From this ratio on "2.9 ×" reads better than "+190 %".
const TIMES_MIN: f64 = 1.5;
const DAY_US: i64 = 86_400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (0.0004, "0"),
            (0.0421, "0.042"),
            (0.614, "0.61"),
            (2.1, "2.10"),
            (9.996, "10.0"),
            (61.44, "61.4"),
            (107.2, "107"),
            (1789.7, "1790"),
            (-3.456, "-3.46"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn thousands_are_grouped_and_everything_else_is_left_alone() {
        assert_eq!(grouped("1790"), "1,790");
        assert_eq!(grouped("-1234567"), "-1,234,567");
        assert_eq!(grouped("107.0"), "107.0");
        assert_eq!(grouped("999"), "999");
    }

    #[test]
    fn times_are_shown_on_the_wall_clock_of_the_site() {
        let now: Time = "2026-11-19T22:02:00Z".parse().expect("time");
        let clock = Clock::new(480, now);
        assert_eq!(clock.time_en(now), "20 Nov 06:02");
        assert_eq!(clock.time_zh(now), "11-20 06:02");
        let old: Time = "2025-12-31T17:00:00Z".parse().expect("time");
        assert_eq!(clock.date_en(old), "1 Jan", "it is already next year in Shanghai");
        let older: Time = "2025-12-31T15:00:00Z".parse().expect("time");
        assert_eq!(clock.date_zh(older), "2025-12-31");
    }
}
