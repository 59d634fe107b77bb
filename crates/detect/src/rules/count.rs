//! Beyond a limit again and again: so many excursions within a window.
//!
//! An excursion begins where the value goes beyond `on` and ends where it is back beyond `off`; how
//! long it lasts does not matter. With `about = "mean"` the limit is a distance from the channel's
//! own running mean, so that a swing to either side counts. Time without readings adds nothing.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::id::StateId;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::confirm::Look;
use crate::outcome::Condition;
use crate::rule::{Fields, RuleError};
use crate::rules::{Direction, Judge};
use crate::sample::Sample;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    direction: Direction,
    about: About,
    on: f64,
    off: f64,
    /// So many excursions are grave.
    alarm: Option<f64>,
    times: u32,
    window: Span,
}

/// What the limit is measured from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum About {
    /// The value itself is compared.
    #[default]
    Limit,
    /// The distance from the running mean is compared.
    Mean,
}

impl Count {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let (on, off) = (fields.on.take(), fields.off.take());
        let (times, window) = (fields.times.take(), fields.window.take());
        let on = fields.need("on", on)?;
        let off = fields.need("off", off)?;
        let times = fields.need("times", times)?;
        let window = fields.need("window", window)?;
        let about = fields.about.take().unwrap_or_default();
        let usual = if about == About::Mean { Direction::Both } else { Direction::Above };
        let direction = fields.direction.take().unwrap_or(usual);
        if about == About::Limit && direction == Direction::Both {
            return Err(fields.wrong("direction", "write two rules, one for each side"));
        }
        let sign = if direction == Direction::Below && about == About::Limit { -1.0 } else { 1.0 };
        if !(on.is_finite() && off.is_finite() && sign * off < sign * on) {
            return Err(fields.wrong("off", "it must lie on the good side of `on`"));
        }
        if !(1..=TIMES_MAX).contains(&times) {
            return Err(fields.wrong("times", "it must be 1 to 100"));
        }
        if window <= Span::ZERO {
            return Err(fields.wrong("window", "it must be longer than nothing"));
        }
        Ok(Self { direction, about, on, off, alarm: fields.alarm.take(), times, window })
    }

    /// How far a value is on the bad side, in the unit of `on`.
    fn distance(&self, memory: &Memory, value: f64) -> f64 {
        let from_mean = value - memory.mean.unwrap_or(value);
        match (self.about, self.direction) {
            (About::Limit, Direction::Below) => -value,
            (About::Limit, Direction::Above | Direction::Both) => value,
            (About::Mean, Direction::Above) => from_mean,
            (About::Mean, Direction::Below) => -from_mean,
            (About::Mean, Direction::Both) => from_mean.abs(),
        }
    }

    fn is_turned(&self) -> bool {
        self.about == About::Limit && self.direction == Direction::Below
    }
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// When excursions began, oldest first.
    begun: Vec<Time>,
    is_beyond: bool,
    mean: Option<f64>,
}

impl Memory {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        u64::from(self.is_beyond)
    }

    /// The part was repaired.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn times(&self) -> u32 {
        u32::try_from(self.begun.len()).unwrap_or(u32::MAX)
    }
}

impl Judge for Count {
    type Memory = Memory;

    fn start(&self, _states: usize) -> Memory {
        Memory::default()
    }

    fn look(&self, memory: &mut Memory, sample: &Sample, _is_calm: bool) -> Option<Look> {
        let far = self.distance(memory, sample.value);
        let share = (sample.gap.secs_f64() / self.window.secs_f64()).clamp(0.0, 1.0);
        let mean = memory.mean.get_or_insert(sample.value);
        *mean += share * (sample.value - *mean);
        let sign = if self.is_turned() { -1.0 } else { 1.0 };
        if !memory.is_beyond && sign * self.on <= far {
            memory.is_beyond = true;
            memory.begun.push(sample.t);
        } else if memory.is_beyond && far <= sign * self.off {
            memory.is_beyond = false;
        }
        let oldest = sample.t - self.window;
        memory.begun.retain(|t| oldest < *t);
        let surplus = memory.begun.len().saturating_sub(BEGUN_MAX);
        memory.begun.drain(..surplus);
        let times = memory.times();
        Some(if self.times <= times {
            let is_grave = self.alarm.is_some_and(|alarm| alarm <= f64::from(times));
            Look::Over { magnitude: f64::from(times) / f64::from(self.times), is_grave }
        } else if memory.is_beyond {
            Look::Between
        } else {
            Look::Good
        })
    }

    fn finding(&self, memory: &Memory, sample: &Sample, _states: &[StateId]) -> Finding {
        let mean = memory.mean.unwrap_or_default();
        let above = match (self.about, self.direction) {
            (_, Direction::Above) => true,
            (_, Direction::Below) => false,
            (About::Limit | About::Mean, Direction::Both) => mean <= sample.value,
        };
        let limit = match self.about {
            About::Limit => self.on,
            About::Mean if above => mean + self.on,
            About::Mean => mean - self.on,
        };
        let (value, times, window) = (sample.value, memory.times(), self.window);
        Finding::Count { value, limit, above, times, window }
    }

    fn condition(&self, _memory: &Memory, _state: u8) -> Condition {
        Condition::Armed
    }
}

const TIMES_MAX: u32 = 100;

/// More excursions in one window are not told apart.
const BEGUN_MAX: usize = 200;
