//! Whether a level has come to rest: it stays close to its own average over a longer time.

use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use super::{Mark, TICK};
use crate::rules::baseline::level::Level;
use crate::sample::Sample;

/// What counts as rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rest {
    /// The time over which the slow average forgets, and for which the level must have stayed close.
    pub(super) window: Span,
    /// How close, in the channel's unit.
    pub(super) band: f64,
}

/// A level in one operating state, with its slow average.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Resting {
    level: Level,
    slow: f64,
    /// For how long the level has been close to the average.
    rested: Span,
    /// Where it stood at the end of the newest ticks, oldest first.
    marks: Vec<Mark>,
}

impl Resting {
    /// Nothing is known about the time before the next sample.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take(&mut self, sample: &Sample, rest: &Rest) {
        self.level.take(sample.value, None);
        if !self.level.is_settled() {
            return;
        }
        let level = self.level.value();
        let passed = self.marks.last().map(|it| sample.t - it.t);
        match passed.filter(|it| *it <= rest.window) {
            Some(passed) => self.follow(level, passed, rest),
            // Of a time before which so much may have happened nothing is known.
            None => (self.slow, self.rested) = (level, Span::ZERO),
        }
        let is_at_rest = rest.window <= self.rested;
        self.mark(Mark { t: sample.t, state: sample.state, level, is_at_rest });
    }

    pub(super) fn mark_before(&self, until: Time) -> Option<Mark> {
        self.marks.iter().rev().find(|it| it.t < until).copied()
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        match self.marks.last_mut() {
            Some(last) if last.t.floor(TICK) == mark.t.floor(TICK) => *last = mark,
            Some(_) | None => {
                if MARKS_MAX <= self.marks.len() {
                    self.marks.remove(0);
                }
                self.marks.push(mark);
            }
        }
    }

    fn follow(&mut self, level: f64, passed: Span, rest: &Rest) {
        let (short, window) = (passed.secs_f64(), rest.window.secs_f64());
        self.slow += short / (short + window) * (level - self.slow);
        self.rested = if (level - self.slow).abs() <= rest.band {
            Span::from_micros(self.rested.micros().saturating_add(passed.micros()))
        } else {
            Span::ZERO
        };
    }

    /// See [`crate::DeviceState::touch`].
    pub(super) fn touch(&self) -> u64 {
        self.rested.micros().cast_unsigned()
    }
}

/// Siblings whose readings come half a minute before this machine's can still be asked.
const MARKS_MAX: usize = 4;
