//! How often a channel really reports.
//!
//! The template says how often a reading is expected; a recorded history may be coarser. Durations
//! are judged by the slower of the two, so that neither a coarse history looks like a row of gaps
//! nor a lost sensor hides behind a generous estimate.

use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// The usual distance of a channel's readings.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Cadence {
    usual: i64,
    last: Option<Time>,
}

/// What lies between a reading and the one before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap {
    pub(crate) span: Span,
    /// Longer than three intervals: nothing is known about the time between.
    pub(crate) is_break: bool,
}

impl Cadence {
    /// Takes the time of the next reading; `least` is what the template promises.
    pub(crate) fn take(&mut self, t: Time, least: Span) -> Gap {
        let Some(last) = self.last.replace(t) else {
            return Gap { span: Span::ZERO, is_break: true };
        };
        let span = t - last;
        let limit = self.interval(least).micros().saturating_mul(BREAK_INTERVALS);
        let is_break = self.usual != 0 && limit < span.micros();
        self.adapt(span.micros());
        Gap { span, is_break }
    }

    /// The interval that durations are judged by.
    pub(crate) fn interval(&self, least: Span) -> Span {
        Span::from_micros(self.usual).max(least)
    }

    /// Quickly down, slowly up: one outage must not make the next one invisible.
    fn adapt(&mut self, gap: i64) {
        let step = gap - self.usual;
        if self.usual == 0 {
            self.usual = gap;
        } else if step < 0 {
            self.usual += step / 4;
        } else {
            self.usual += step.min(self.usual) / 8;
        }
    }
}

const BREAK_INTERVALS: i64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarser_history_is_no_row_of_gaps_and_live_readings_are_soon_judged_as_such() {
        let (mut cadence, second) = (Cadence::default(), Span::from_secs(1));
        let mut t = Time::from_millis(0);
        assert!(cadence.take(t, second).is_break, "nothing is known before the first reading");
        for _ in 0..50 {
            t = t + Span::from_secs(10);
            assert!(!cadence.take(t, second).is_break);
        }
        for _ in 0..20 {
            t = t + second;
            assert!(!cadence.take(t, second).is_break);
        }
        t = t + Span::from_secs(5);
        assert!(cadence.take(t, second).is_break);
        t = t + Span::from_secs(5);
        assert!(cadence.take(t, second).is_break, "one outage does not hide the next");
    }
}
