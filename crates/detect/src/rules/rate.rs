//! Rising or falling too fast: the slope of means over a moving window, per minute.
//!
//! A machine that warms up is fast too, so the fastest change seen while learning counts: the limit
//! is the larger of the rule's and `margin` times that. The window lies in one operating state and
//! holds no break.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::id::StateId;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::confirm::Look;
use crate::outcome::Condition;
use crate::rule::{Fields, RuleError};
use crate::rules::{Direction, Judge, Learn};
use crate::sample::Sample;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    direction: Direction,
    on: f64,
    off: f64,
    alarm: Option<f64>,
    window: Span,
    learn: Option<Learn>,
    margin: f64,
    refine_for: Span,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let (on, off) = (fields.on.take(), fields.off.take());
        let on = fields.need("on", on)?;
        let off = fields.need("off", off)?;
        let window = fields.window.take();
        let window = fields.need("window", window)?;
        fields.positive("off", off)?;
        if on <= off {
            return Err(fields.wrong("on", "it must be above `off`"));
        }
        if window < WINDOW_MIN {
            return Err(fields.wrong("window", "it must be at least 8s"));
        }
        let margin = fields.margin.take().unwrap_or(1.0);
        Ok(Self {
            direction: fields.direction.take().unwrap_or(Direction::Above),
            on: fields.positive("on", on)?,
            off,
            alarm: fields.alarm.take(),
            window,
            learn: fields.learn.take(),
            margin: fields.positive("margin", margin)?,
            refine_for: fields.refine_for.take().unwrap_or_default(),
        })
    }
}

/// The rule on one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) settings: Settings,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// Means over an eighth of the window each, oldest first; the last one is still open.
    means: Vec<Mean>,
    state: u8,
    breaks: u32,
    index: u64,
    per_minute: Option<f64>,
    seen: u64,
    lived: Span,
    fastest_up: f64,
    fastest_down: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Mean {
    from: Time,
    value: f64,
    /// Seconds after `from`, the mean of the samples' times.
    at: f64,
    samples: u32,
}

impl Rate {
    fn is_learned(&self, memory: &Memory) -> bool {
        self.settings.learn.is_none_or(|learn| learn.is_done(memory.seen, memory.lived))
    }

    /// The limits upwards or downwards, `on` and `off`.
    fn limits(&self, memory: &Memory, is_up: bool) -> (f64, f64) {
        let fastest = if is_up { memory.fastest_up } else { memory.fastest_down };
        let on = self.settings.on.max(self.settings.margin * fastest);
        (on, on * self.settings.off / self.settings.on)
    }

    fn judge(&self, memory: &Memory, per_minute: f64) -> Look {
        let is_up = 0.0 <= per_minute;
        let is_watched = match self.settings.direction {
            Direction::Above => is_up,
            Direction::Below => !is_up,
            Direction::Both => true,
        };
        let (on, off) = self.limits(memory, is_up);
        let speed = per_minute.abs();
        if !is_watched || speed <= off {
            Look::Good
        } else if speed < on {
            Look::Between
        } else {
            let is_grave = self.settings.alarm.is_some_and(|alarm| alarm.max(on) <= speed);
            Look::Over { magnitude: speed / on, is_grave }
        }
    }

    fn learn(&self, memory: &mut Memory, passed: Span, per_minute: f64) {
        let is_final = self.is_learned(memory) && self.settings.refine_for <= memory.lived;
        if self.settings.learn.is_none() || is_final {
            return;
        }
        memory.seen = memory.seen.saturating_add(1);
        memory.lived = Span::from_micros(memory.lived.micros() + passed.micros());
        memory.fastest_up = memory.fastest_up.max(per_minute);
        memory.fastest_down = memory.fastest_down.max(-per_minute);
    }
}

impl Memory {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        let from = |it: &Mean| it.from.micros().cast_unsigned();
        let ends = self.means.first().map_or(0, from) ^ self.means.last().map_or(0, from);
        self.index ^ self.seen ^ ends
    }

    fn take(&mut self, sample: &Sample, window: Span) {
        let share = Span::from_micros(window.micros() / SHARES);
        match self.means.last_mut() {
            Some(open) if sample.t - open.from < share => {
                open.samples += 1;
                let weight = 1.0 / f64::from(open.samples);
                open.value += (sample.value - open.value) * weight;
                open.at += ((sample.t - open.from).secs_f64() - open.at) * weight;
            }
            _ => {
                self.per_minute = self.slope(window);
                let oldest = sample.t - window;
                let gone = self.means.iter().take_while(|mean| mean.from < oldest).count();
                self.means.drain(..gone);
                let (from, value) = (sample.t, sample.value);
                self.means.push(Mean { from, value, at: 0.0, samples: 1 });
            }
        }
    }

    /// Least squares over the means, once they cover most of the window.
    fn slope(&self, window: Span) -> Option<f64> {
        let (first, last) = (self.means.first()?, self.means.last()?);
        let covered = last.from - first.from;
        if self.means.len() < MEANS_MIN || covered.micros() < window.micros() / SHARES * COVERED {
            return None;
        }
        let at = |mean: &Mean| (mean.from - first.from).secs_f64() + mean.at;
        let (mut n, mut t, mut v) = (0.0, 0.0, 0.0);
        for mean in &self.means {
            (n, t, v) = (n + 1.0, t + at(mean), v + mean.value);
        }
        let (t, v) = (t / n, v / n);
        let (mut tt, mut tv) = (0.0, 0.0);
        for mean in &self.means {
            let from_middle = at(mean) - t;
            tt += from_middle * from_middle;
            tv += from_middle * (mean.value - v);
        }
        (0.0 < tt).then(|| 60.0 * tv / tt)
    }
}

impl Judge for Rate {
    type Memory = Memory;

    fn start(&self, _states: usize) -> Memory {
        Memory::default()
    }

    fn look(&self, memory: &mut Memory, sample: &Sample, is_calm: bool) -> Option<Look> {
        let is_next = memory.index.checked_add(1) == Some(sample.index)
            && memory.breaks == sample.breaks
            && memory.state == sample.state;
        (memory.index, memory.breaks, memory.state) = (sample.index, sample.breaks, sample.state);
        if !is_next {
            memory.means.clear();
            memory.per_minute = None;
        }
        memory.take(sample, self.settings.window);
        let per_minute = memory.per_minute?;
        if !self.is_learned(memory) {
            self.learn(memory, sample.gap, per_minute);
            return None;
        }
        let look = self.judge(memory, per_minute);
        if is_calm && !matches!(look, Look::Over { .. }) {
            self.learn(memory, sample.gap, per_minute);
        }
        Some(look)
    }

    fn finding(&self, memory: &Memory, sample: &Sample, _states: &[StateId]) -> Finding {
        let per_minute = memory.per_minute.unwrap_or_default();
        let (limit, _) = self.limits(memory, 0.0 <= per_minute);
        Finding::Rate { per_minute, limit, value: sample.value }
    }

    fn condition(&self, memory: &Memory, _state: u8) -> Condition {
        match &self.settings.learn {
            Some(learn) if !self.is_learned(memory) => learn.progress(memory.seen, memory.lived),
            Some(_) | None => Condition::Armed,
        }
    }
}

const SHARES: i64 = 8;

/// Shares of the window that must be covered.
const COVERED: i64 = 5;

const MEANS_MIN: usize = 3;

/// Below it the shares would be shorter than a second.
const WINDOW_MIN: Span = Span::from_secs(8);
