//! A fixed limit: above or below `on` is trouble, beyond `alarm` it is grave, and only beyond
//! `off` on the good side it is over.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::id::StateId;

use crate::confirm::Look;
use crate::outcome::Condition;
use crate::rule::{Fields, RuleError};
use crate::rules::{Direction, Judge};
use crate::sample::Sample;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    is_above: bool,
    on: f64,
    off: f64,
    alarm: Option<f64>,
}

impl Limit {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let on = fields.on.take();
        let on = fields.need("on", on)?;
        let off = fields.off.take();
        let off = fields.need("off", off)?;
        let alarm = fields.alarm.take();
        let is_above = match fields.direction.take().unwrap_or(Direction::Above) {
            Direction::Above => true,
            Direction::Below => false,
            Direction::Both => {
                return Err(fields.wrong("direction", "write two rules, one for each side"));
            }
        };
        let sign = if is_above { 1.0 } else { -1.0 };
        if !(on.is_finite() && off.is_finite() && sign * off < sign * on) {
            return Err(fields.wrong("off", "it must lie on the good side of `on`"));
        }
        if alarm.is_some_and(|alarm| !alarm.is_finite() || sign * alarm < sign * on) {
            return Err(fields.wrong("alarm", "it must not lie on the good side of `on`"));
        }
        Ok(Self { is_above, on, off, alarm })
    }
}

impl Limit {
    /// Where trouble begins and where it is grave, and whether it lies above.
    pub(crate) fn levels(&self) -> (f64, Option<f64>, bool) {
        (self.on, self.alarm, self.is_above)
    }
}

impl Judge for Limit {
    type Memory = ();

    fn start(&self, _states: usize) {}

    fn look(&self, (): &mut (), sample: &Sample, _is_calm: bool) -> Option<Look> {
        let sign = if self.is_above { 1.0 } else { -1.0 };
        let value = sign * sample.value;
        let (on, off) = (sign * self.on, sign * self.off);
        Some(if on <= value {
            let is_grave = self.alarm.is_some_and(|alarm| sign * alarm <= value);
            Look::Over { magnitude: (value - off) / (on - off), is_grave }
        } else if off < value {
            Look::Between
        } else {
            Look::Good
        })
    }

    fn finding(&self, (): &(), sample: &Sample, _states: &[StateId]) -> Finding {
        Finding::Limit { value: sample.value, limit: self.on, above: self.is_above }
    }

    fn condition(&self, (): &(), _state: u8) -> Condition {
        Condition::Armed
    }
}
