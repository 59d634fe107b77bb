//! The same value for too long: a sensor that is stuck or a wire that is off.
//!
//! What is too long is learned, since a cold tank may rest for hours: longer than the rule says
//! and longer than `margin` times the longest rest ever seen, in time and in samples. Only rests
//! count that fall into operating states in which the channel is lively, and only while the rest of
//! the device moves.
//!
//! A channel that reports only changes says "unchanged" by its rare heartbeats, so for it the time
//! counts and a few heartbeats are enough.

use forewarn_domain::anomaly::Finding;
use forewarn_domain::id::StateId;
use forewarn_domain::site::plant::Channel;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::confirm::{Hold, Look};
use crate::outcome::{Condition, WhyNot};
use crate::rule::{Fields, RuleError};
use crate::rules::{Judge, Learn};
use crate::sample::Sample;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    learn: Learn,
    margin: f64,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let learn = fields.learn.take();
        let margin = fields.margin.take();
        let margin = fields.need("margin", margin)?;
        Ok(Self { learn: fields.need("learn", learn)?, margin: fields.positive("margin", margin)? })
    }
}

/// The rule on one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Flat {
    settings: Settings,
    span: Span,
    samples: u32,
    /// One of so many samples must bring a change for a state to be lively.
    lively_share: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    slots: Vec<Slot>,
    seen: u64,
    lived: Span,
    index: u64,
    breaks: u32,
    rest: Rest,
    longest: Span,
    longest_run: u32,
}

/// What was seen of one operating state.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Slot {
    seen: u64,
    changes: u64,
}

/// A row of equal values.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Rest {
    since: Time,
    /// Time and samples in lively states.
    held: Span,
    samples: u32,
    /// Changes on the whole device when it began.
    moves: u64,
}

impl Flat {
    pub(crate) fn new(settings: Settings, hold: &Hold, channel: &Channel) -> Self {
        let (samples, lively_share) = if channel.on_change {
            (hold.samples.min(HEARTBEATS), u64::MAX)
        } else {
            (hold.samples, LIVELY_SHARE)
        };
        Self { settings, span: hold.span, samples, lively_share }
    }

    /// Whether the channel changes often enough in a state that a rest says something.
    fn is_lively(&self, slot: &Slot) -> bool {
        CHANGES_MIN <= slot.changes && slot.seen / self.lively_share <= slot.changes
    }

    fn limits(&self, memory: &Memory) -> (Span, u32) {
        let span = Span::from_micros(scale(memory.longest.micros(), self.settings.margin));
        let run = scale(i64::from(memory.longest_run), self.settings.margin);
        (self.span.max(span), self.samples.max(u32::try_from(run).unwrap_or(u32::MAX)))
    }

    fn judge(&self, memory: &Memory, sample: &Sample) -> Look {
        let (span, run) = self.limits(memory);
        let rest = &memory.rest;
        let is_alone = MOVES_MIN <= sample.moves.saturating_sub(rest.moves);
        if span <= rest.held && run <= rest.samples && is_alone {
            let magnitude = rest.held.secs_f64() / span.secs_f64().max(1e-6);
            Look::Over { magnitude, is_grave: false }
        } else if span.micros() / 2 <= rest.held.micros() && run / 2 <= rest.samples {
            Look::Between
        } else {
            Look::Good
        }
    }
}

impl Memory {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        self.index ^ self.slots.iter().fold(0, |all, it| all ^ it.seen)
    }

    pub(crate) fn fits(&self, states: usize) -> bool {
        self.slots.len() == states
    }

    /// Ends the present rest and begins another.
    fn begin_rest(&mut self, sample: &Sample, is_learned: bool) {
        if is_learned {
            self.longest = self.longest.max(self.rest.held);
            self.longest_run = self.longest_run.max(self.rest.samples);
        }
        self.rest = Rest { since: sample.t, held: Span::ZERO, samples: 0, moves: sample.moves };
    }
}

impl Judge for Flat {
    type Memory = Memory;

    fn start(&self, states: usize) -> Memory {
        Memory {
            slots: vec![Slot::default(); states],
            seen: 0,
            lived: Span::ZERO,
            index: 0,
            breaks: 0,
            rest: Rest::default(),
            longest: Span::ZERO,
            longest_run: 0,
        }
    }

    fn look(&self, memory: &mut Memory, sample: &Sample, is_calm: bool) -> Option<Look> {
        let is_broken = memory.breaks != sample.breaks;
        let is_next = memory.index.checked_add(1) == Some(sample.index) && !is_broken;
        (memory.index, memory.breaks) = (sample.index, sample.breaks);
        let has_moved = sample.run == 1;
        if has_moved || is_broken {
            memory.begin_rest(sample, is_calm);
        }
        let passed = if is_next { sample.gap } else { Span::ZERO };
        let slot = memory.slots.get_mut(usize::from(sample.state))?;
        if is_calm {
            slot.seen = slot.seen.saturating_add(1);
            slot.changes = slot.changes.saturating_add(u64::from(has_moved));
            memory.seen = memory.seen.saturating_add(1);
            memory.lived = Span::from_micros(memory.lived.micros() + passed.micros());
        }
        if self.is_lively(slot) {
            let rest = &mut memory.rest;
            rest.samples = rest.samples.saturating_add(1);
            if !has_moved {
                rest.held = Span::from_micros(rest.held.micros() + passed.micros());
            }
        }
        let is_learned = self.settings.learn.is_done(memory.seen, memory.lived);
        is_learned.then(|| self.judge(memory, sample))
    }

    fn finding(&self, memory: &Memory, sample: &Sample, _states: &[StateId]) -> Finding {
        Finding::Flat { value: sample.value, lasted: sample.t - memory.rest.since }
    }

    fn condition(&self, memory: &Memory, state: u8) -> Condition {
        let is_lively = memory.slots.get(usize::from(state)).is_some_and(|it| self.is_lively(it));
        if !self.settings.learn.is_done(memory.seen, memory.lived) {
            self.settings.learn.progress(memory.seen, memory.lived)
        } else if is_lively {
            Condition::Armed
        } else {
            Condition::Waiting(WhyNot::NeverMoves)
        }
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "rounds a length")]
fn scale(length: i64, by: f64) -> i64 {
    (length as f64 * by) as i64
}

/// Reports of an unchanged value that stand for a long row of equal samples.
const HEARTBEATS: u32 = 3;

/// A channel that changed less often in a state says nothing by resting there.
const CHANGES_MIN: u64 = 20;

/// One of so many samples must differ from the one before; a switched-off machine's vibration of
/// 0.00 flickers less.
const LIVELY_SHARE: u64 = 20;

/// Changes on the device's other channels during a rest that show that the machine is not resting.
const MOVES_MIN: u64 = 10;
