//! The learned normal of a channel, one for each operating state.
//!
//! A finding needs all of these: the smoothed level lies more than `on` robust standard deviations
//! from the median (more still where the channel wanders by itself), beyond everything that was
//! seen while learning, and by a change that a person would act on. So neither a quiet channel
//! with tiny noise nor one with two ways of running raises anything by being itself.
//!
//! Deliberately absent: learning while a finding is pending or active, in `unknown`, from doubtful
//! readings, and forgetting: only a closed repair starts a new normal.

pub(crate) mod level;
mod slot;

use forewarn_domain::anomaly::{Finding, Normal};
use forewarn_domain::id::StateId;
use forewarn_domain::time::Span;
use serde::{Deserialize, Serialize};

use crate::confirm::Look;
use crate::outcome::{Condition, WhyNot};
use crate::rule::{Fields, RuleError};
use crate::rules::{Change, Direction, Judge, Learn};
use crate::sample::Sample;
use slot::Slot;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    direction: Direction,
    /// In robust standard deviations.
    on: f64,
    off: f64,
    /// In multiples of the distance at which a finding begins.
    pub(crate) alarm: Option<f64>,
    pub(crate) learn: Learn,
    /// The normal is fitted again whenever the learning time has doubled, up to this.
    refine_for: Span,
    pub(crate) change: Change,
    /// A wandering channel counts at least this much.
    weight_least: f64,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let (on, off) = (fields.on.take(), fields.off.take());
        let (learn, change) = (fields.learn.take(), fields.change.take());
        let on = fields.need("on", on)?;
        let off = fields.need("off", off)?;
        let learn = fields.need("learn", learn)?;
        let change = fields.need("change", change)?;
        let weight_least = fields.weight_least.take().unwrap_or(1.0);
        fields.positive("off", off)?;
        if on <= off {
            return Err(fields.wrong("on", "it must be above `off`"));
        }
        if learn.samples < LEARN_SAMPLES_MIN {
            return Err(fields.wrong("learn", "at least 32 samples are needed"));
        }
        if !(0.0 < weight_least && weight_least <= 1.0) {
            return Err(fields.wrong("weight_least", "it must be above 0 and at most 1"));
        }
        if !(0.0 <= change.least && 0.0 <= change.percent) {
            return Err(fields.wrong("change", "`least` and `percent` must not be negative"));
        }
        Ok(Self {
            direction: fields.direction.take().unwrap_or(Direction::Both),
            on: fields.positive("on", on)?,
            off,
            alarm: fields.alarm.take(),
            learn,
            refine_for: fields.refine_for.take().unwrap_or(learn.span),
            change,
            weight_least,
        })
    }
}

/// The rule on one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Baseline {
    pub(crate) settings: Settings,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    slots: Vec<Slot>,
    previous: f64,
    index: u64,
    breaks: u32,
    state: u8,
    /// Distance from the normal in units of the distance at which a finding begins.
    magnitude: f64,
}

impl Memory {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        let slot = self.slots.get(usize::from(self.state));
        self.index ^ slot.map_or(0, Slot::touch)
    }

    pub(crate) fn fits(&self, states: usize) -> bool {
        self.slots.len() == states
    }

    /// The sample before this one, where it is a direct neighbour in the same state. After a break
    /// in the data every level starts anew.
    fn neighbour(&mut self, sample: &Sample) -> Option<f64> {
        if self.breaks != sample.breaks {
            self.slots.iter_mut().for_each(|slot| slot.level.restart());
        }
        let is_next = self.index.checked_add(1) == Some(sample.index)
            && self.breaks == sample.breaks
            && self.state == sample.state;
        (self.index, self.breaks, self.state) = (sample.index, sample.breaks, sample.state);
        let previous = std::mem::replace(&mut self.previous, sample.value);
        is_next.then_some(previous)
    }

    /// The channel is not what it was: learn again.
    pub(crate) fn forget(&mut self) {
        self.slots.fill(Slot::default());
        self.magnitude = 0.0;
    }

    /// How far the channel is from its normal, 1 where a finding begins.
    pub(crate) fn magnitude(&self) -> f64 {
        self.magnitude
    }

    /// The settled level and the normal of the state of the newest sample.
    pub(crate) fn present(&self, states: &[StateId]) -> Option<(f64, Normal)> {
        let slot = self.slots.get(usize::from(self.state)).filter(|it| it.level.is_settled())?;
        Some((slot.level.value(), self.normal(self.state, states)?))
    }

    /// The signed distance from the normal of the present state, 1 where a finding begins, and the settled
    /// level.
    pub(crate) fn heading(&self) -> Option<(f64, f64)> {
        let slot = self.slots.get(usize::from(self.state)).filter(|it| it.level.is_settled())?;
        let (learned, level) = (slot.learned()?, slot.level.value());
        Some(((level - learned.spread.median).signum() * learned.magnitude(level), level))
    }

    /// The level at a signed distance from the normal of the present state, or of the first that has one.
    pub(crate) fn level_at(&self, distance: f64) -> Option<f64> {
        let present = self.slots.get(usize::from(self.state)).and_then(Slot::learned);
        present.or_else(|| self.slots.iter().find_map(Slot::learned))?.level(distance)
    }

    /// The learned normal of one state.
    pub(crate) fn normal(&self, state: u8, states: &[StateId]) -> Option<Normal> {
        let place = usize::from(state);
        let (slot, id) = (self.slots.get(place)?, states.get(place)?);
        let learned = slot.learned()?;
        Some(Normal {
            median: learned.spread.median,
            low: learned.spread.low,
            high: learned.spread.high,
            samples: learned.samples,
            since: learned.since,
            state: id.clone(),
        })
    }
}

impl Judge for Baseline {
    type Memory = Memory;

    fn start(&self, states: usize) -> Memory {
        Memory {
            slots: vec![Slot::default(); states],
            previous: 0.0,
            index: 0,
            breaks: 0,
            state: 0,
            magnitude: 0.0,
        }
    }

    fn look(&self, memory: &mut Memory, sample: &Sample, is_calm: bool) -> Option<Look> {
        let neighbour = memory.neighbour(sample);
        let slot = memory.slots.get_mut(usize::from(sample.state))?;
        let noise = slot.learned().map(|it| it.spread.noise);
        slot.level.take(sample.value, noise);
        let look = match slot.learned() {
            Some(learned) if slot.level.is_settled() => {
                memory.magnitude = learned.magnitude(slot.level.value());
                Some(self.judge(memory.magnitude))
            }
            Some(_) | None => None,
        };
        if is_calm && !matches!(look, Some(Look::Over { .. })) {
            slot.learn(&self.settings, sample, neighbour);
        }
        look
    }

    fn finding(&self, memory: &Memory, sample: &Sample, states: &[StateId]) -> Finding {
        let (z, value, normal) = self.departure(memory, sample, states);
        Finding::Level { z, value, normal }
    }

    fn condition(&self, memory: &Memory, state: u8) -> Condition {
        match memory.slots.get(usize::from(state)) {
            None => Condition::Waiting(WhyNot::NoReadings),
            Some(slot) if slot.learned().is_some() => Condition::Armed,
            Some(slot) => slot.progress(&self.settings.learn),
        }
    }
}

impl Baseline {
    /// The distance from the normal in robust standard deviations, signed, the smoothed value and the normal.
    pub(crate) fn departure(
        &self,
        memory: &Memory,
        sample: &Sample,
        states: &[StateId],
    ) -> (f64, f64, Normal) {
        let slot = memory.slots.get(usize::from(sample.state));
        let value = slot.map_or(sample.value, |it| it.level.value());
        let normal = memory.normal(sample.state, states).unwrap_or_else(|| Normal {
            median: value,
            low: value,
            high: value,
            samples: 0,
            since: sample.t,
            state: states.last().expect("a device has at least the unknown state").clone(),
        });
        let sd = slot.and_then(Slot::learned).map_or(0.0, |it| it.spread.sd);
        let z = if 0.0 < sd { (value - normal.median) / sd } else { 0.0 };
        (z, value, normal)
    }

    fn judge(&self, magnitude: f64) -> Look {
        if 1.0 <= magnitude {
            let is_grave = self.settings.alarm.is_some_and(|alarm| alarm <= magnitude);
            Look::Over { magnitude, is_grave }
        } else if magnitude <= self.settings.off / self.settings.on {
            Look::Good
        } else {
            Look::Between
        }
    }
}

/// Fewer samples have no shape.
const LEARN_SAMPLES_MIN: u32 = 32;
