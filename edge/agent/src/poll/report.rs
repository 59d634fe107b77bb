//! Which values are worth a row: pure, one memory for each point.
//!
//! Rely on this: a change of quality is always reported; a bad reading is repeated at most every
//! [`BAD_EVERY`]; what is reported only on change is also reported when it was silent for long.

use forewarn_domain::quality::{Bad, Quality};
use forewarn_domain::template::{Deadband, Report};
use forewarn_domain::time::{Span, Time};

use crate::decode::{Decoded, Value};
use crate::source::SourcePoints;

/// Remembers what was last reported of each point of a source.
#[derive(Clone, Debug)]
pub struct Reporter {
    points: Vec<Memory>,
}

#[derive(Clone, Debug)]
struct Memory {
    deadband: Option<Deadband>,
    on_change: bool,
    at_least_every: Span,
    last: Option<(Value, Quality, Time)>,
}

impl Reporter {
    /// A reporter that has seen nothing, so that each point's first value is reported.
    #[must_use]
    pub fn new(points: &SourcePoints) -> Self {
        let template = &points.template;
        let memory = |(index, point): (usize, &forewarn_domain::template::PointTemplate)| {
            let group = match &point.group {
                Some(id) => template.groups.iter().find(|it| it.id == *id),
                None => template.groups.first(),
            };
            let is_text = point.kind.is_text();
            Memory {
                deadband: points.points.get(index).and_then(|it| it.deadband),
                on_change: is_text || group.is_some_and(|it| it.report == Report::OnChange),
                at_least_every: group.and_then(|it| it.at_least_every).unwrap_or(HEARTBEAT),
                last: None,
            }
        };
        Self { points: template.points.iter().enumerate().map(memory).collect() }
    }

    /// Whether a value is to be reported; if so, it is what later ones are compared with.
    pub fn is_due(&mut self, point: usize, decoded: &Decoded, t: Time) -> bool {
        let Some(memory) = self.points.get_mut(point) else {
            return false;
        };
        let is_due = match &memory.last {
            None => true,
            Some((_, quality, _)) if *quality != decoded.quality => true,
            // The clock was set back: what was reported lies in the future, and would silence us.
            Some((_, _, at)) if t < *at => true,
            Some((_, quality, at)) if quality.is_bad() => bad_every(*quality) <= t - *at,
            Some((last, _, at)) => {
                memory.has_changed(last, &decoded.value) || memory.at_least_every <= t - *at
            }
        };
        if is_due {
            memory.last = Some((decoded.value.clone(), decoded.quality, t));
        }
        is_due
    }
}

impl Memory {
    fn has_changed(&self, last: &Value, now: &Value) -> bool {
        let (last, now) = match (last, now) {
            (Value::Number(last), Value::Number(now)) => (*last, *now),
            (Value::Text(last), Value::Text(now)) => return last != now,
            (Value::Number(_), Value::Text(_)) | (Value::Text(_), Value::Number(_)) => return true,
        };
        let distance = (now - last).abs();
        match self.deadband {
            Some(Deadband::Absolute(band)) => band < distance,
            Some(Deadband::Relative { percent }) => last.abs() * percent / 100.0 < distance,
            None if self.on_change => last.total_cmp(&now).is_ne(),
            None => true,
        }
    }
}

/// A point that the device refuses for good need not be told as often as a silence.
fn bad_every(quality: Quality) -> Span {
    if quality == Quality::Bad(Bad::NotConfigured) { HEARTBEAT } else { BAD_EVERY }
}

/// A silence must be seen on a screen while somebody looks, and cost little over a night.
pub const BAD_EVERY: Span = Span::from_secs(10);

/// Where the template states no `at_least_every`: a channel that says nothing for longer than a
/// minute cannot be told from one that is lost.
const HEARTBEAT: Span = Span::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter(deadband: Option<Deadband>, on_change: bool) -> Reporter {
        let at_least_every = Span::from_secs(60);
        Reporter { points: vec![Memory { deadband, on_change, at_least_every, last: None }] }
    }

    fn reported(reporter: &mut Reporter, values: &[(i64, f64, Quality)]) -> Vec<i64> {
        let is_due = |(t, value, quality): &(i64, f64, Quality)| {
            let decoded = Decoded { raw: None, value: Value::Number(*value), quality: *quality };
            reporter.is_due(0, &decoded, Time::from_millis(t * 1_000)).then_some(*t)
        };
        values.iter().filter_map(is_due).collect()
    }

    const GOOD: Quality = Quality::Good;
    const SILENT: Quality = Quality::Bad(Bad::Timeout);

    #[test]
    fn without_a_deadband_every_value_is_reported() {
        let values = [(0, 1.0, GOOD), (1, 1.0, GOOD), (2, 1.0, GOOD)];
        assert_eq!(reported(&mut reporter(None, false), &values), [0, 1, 2]);
        assert_eq!(reported(&mut reporter(None, true), &values), [0]);
    }

    #[test]
    fn a_deadband_counts_from_the_last_reported_value() {
        let values = [(0, 10.0, GOOD), (1, 10.4, GOOD), (2, 10.6, GOOD), (3, 10.9, GOOD)];
        let mut absolute = reporter(Some(Deadband::Absolute(0.5)), false);
        assert_eq!(reported(&mut absolute, &values), [0, 2]);
        let mut relative = reporter(Some(Deadband::Relative { percent: 5.0 }), false);
        assert_eq!(reported(&mut relative, &values), [0, 2]);
    }

    #[test]
    fn a_silence_is_reported_at_once_then_every_ten_seconds_and_its_end_at_once() {
        let mut values = vec![(0, 1.0, GOOD)];
        values.extend((1..25).map(|t| (t, 0.0, SILENT)));
        values.push((25, 1.0, GOOD));
        assert_eq!(reported(&mut reporter(None, true), &values), [0, 1, 11, 21, 25]);
    }

    #[test]
    fn an_unchanged_value_shows_that_it_is_alive() {
        let values = [(0, 1.0, GOOD), (59, 1.0, GOOD), (60, 1.0, GOOD), (61, 1.0, GOOD)];
        assert_eq!(reported(&mut reporter(None, true), &values), [0, 60]);
    }
}
