//! Whether a value can follow the one before it: pure, one memory for each point.
//!
//! Rely on this: only a good value is judged, and only the quality changes. A jump is marked at its
//! edge, not for as long as it lasts.

use forewarn_domain::quality::{Quality, Uncertain};
use forewarn_domain::template::{Counter, CounterResets, DeviceTemplate};
use forewarn_domain::time::Time;

use crate::decode::{Decoded, Value};

/// Remembers the last value of each point of a source.
#[derive(Clone, Debug)]
pub struct Judge {
    points: Vec<Memory>,
}

#[derive(Clone, Debug)]
struct Memory {
    rate_max: Option<f64>,
    counter: Option<Counter>,
    last: Option<(f64, Time)>,
}

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(template: &DeviceTemplate) -> Self {
        let memory = |point: &forewarn_domain::template::PointTemplate| Memory {
            rate_max: point.rate_max,
            counter: point.counter.clone(),
            last: None,
        };
        Self { points: template.points.iter().map(memory).collect() }
    }

    /// The same value, doubted when it cannot follow the one before it.
    pub fn judge(&mut self, point: usize, decoded: Decoded, t: Time) -> Decoded {
        let (Some(memory), Value::Number(value), Quality::Good) =
            (self.points.get_mut(point), &decoded.value, decoded.quality)
        else {
            return decoded;
        };
        let Some((last, at)) = memory.last.replace((*value, t)) else {
            return decoded;
        };
        let secs = (t - at).secs_f64();
        let is_jump =
            memory.rate_max.is_some_and(|max| 0.0 < secs && max < (value - last).abs() / secs);
        let went_back = memory.counter.as_ref().is_some_and(|it| is_step_back(it, last, *value));
        if is_jump || went_back {
            return Decoded { quality: Quality::Uncertain(Uncertain::Rate), ..decoded };
        }
        decoded
    }
}

/// A counter that starts again behind its end has gone on by less than half of its range.
fn is_step_back(counter: &Counter, last: f64, now: f64) -> bool {
    let has_wrapped = counter.wraps_at.is_some_and(|end| {
        #[expect(clippy::cast_precision_loss, reason = "half of the range need not be exact")]
        let end = end as f64;
        now + end - last < end / 2.0
    });
    now < last && counter.resets == Some(CounterResets::Never) && !has_wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubts(rate_max: Option<f64>, counter: Option<Counter>, values: &[f64]) -> Vec<bool> {
        let mut judge = Judge { points: vec![Memory { rate_max, counter, last: None }] };
        let mut t = Time::from_millis(0);
        let mut doubted = |value: &f64| {
            t = t + forewarn_domain::time::Span::from_secs(1);
            let decoded =
                Decoded { raw: None, value: Value::Number(*value), quality: Quality::Good };
            judge.judge(0, decoded, t).quality != Quality::Good
        };
        values.iter().map(&mut doubted).collect()
    }

    #[test]
    fn a_jump_is_doubted_at_its_edges() {
        let values = [20.0, 20.5, 90.0, 90.0, 21.0, 21.5];
        assert_eq!(doubts(Some(5.0), None, &values), [false, false, true, false, true, false]);
        assert_eq!(doubts(None, None, &values), [false; 6]);
    }

    #[test]
    fn a_counter_may_wrap_and_may_only_go_back_where_the_template_allows() {
        let counter = |resets| Some(Counter { wraps_at: Some(65_536), resets: Some(resets) });
        let values = [65_530.0, 4.0, 10.0, 9.0];
        let never = doubts(None, counter(CounterResets::Never), &values);
        assert_eq!(never, [false, false, false, true]);
        assert_eq!(doubts(None, counter(CounterResets::Allowed), &values), [false; 4]);
    }
}
