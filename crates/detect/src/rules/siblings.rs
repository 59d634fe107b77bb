//! One machine against its siblings: the same channel, in the same operating state, at the same time.
//!
//! What all of them share (weather, material, supply) cancels, so a machine that departs is seen long before
//! its own past would show it, and a change of the whole hall is none of anybody. How a machine differs from
//! each sibling is learned pair by pair, so it does not matter which of them run; what is left, the difference
//! from what the median sibling lets expect, is learned and judged as `baseline` judges a level.
//!
//! Only levels at rest are compared: a machine that warms up says nothing about one that is warm.
//! Deliberately absent: who the siblings are and when they are asked, which is the engine's.

mod pairs;
mod rest;

use forewarn_domain::anomaly::{Finding, Normal};
use forewarn_domain::id::StateId;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::confirm::Look;
use crate::outcome::{Condition, WhyNot};
use crate::rule::{Fields, RuleError};
use crate::rules::baseline::{self, Baseline};
use crate::rules::{Judge, Learn};
use crate::sample::Sample;
pub use pairs::Shown;
use pairs::{Pairs, View};
use rest::{Rest, Resting};

/// The rule on one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Siblings {
    /// Judges the difference.
    difference: Baseline,
    /// So many siblings must be comparable.
    least: usize,
    /// What counts as a level at rest.
    rest: Rest,
}

impl Siblings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let (window, least) = (fields.window.take(), fields.least.take());
        let window = fields.need("window", window)?;
        let settings = baseline::Settings::read(fields)?;
        let least = least.map_or(LEAST, |it| usize::try_from(it).unwrap_or(usize::MAX));
        if window <= Span::ZERO {
            return Err(fields.wrong("window", "it must be longer than nothing"));
        }
        if !(2..=PEERS_MAX).contains(&least) {
            return Err(fields.wrong("least", "it must be 2 to 24"));
        }
        if 0.0 < settings.change.percent || settings.change.least <= 0.0 {
            let why =
                "`least` must be above 0 and `percent` 0: a difference is no share of a level";
            return Err(fields.wrong("change", why));
        }
        // So two levels that have just come to rest are not yet apart by a change that matters.
        let rest = Rest { window, band: 0.5 * settings.change.least };
        Ok(Self { difference: Baseline { settings }, least, rest })
    }

    fn learn(&self) -> &Learn {
        &self.difference.settings.learn
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// The channel's own level in each operating state.
    own: Vec<Resting>,
    breaks: u32,
    /// Counts repairs: after one, siblings learn anew how they differ from this machine.
    era: u32,
    /// How it differs from each sibling, in each operating state.
    pairs: Vec<Pairs>,
    /// The mark that was compared last, and the last that gave a difference.
    compared: Option<Time>,
    judged: Option<Time>,
    /// Running number of the differences.
    index: u64,
    difference: baseline::Memory,
    /// What was seen at the last comparison.
    view: View,
}

/// Where a level stood in an operating state at the end of a tick.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Mark {
    /// The newest sample's time.
    pub(crate) t: Time,
    /// Place of the operating state.
    pub(crate) state: u8,
    pub(crate) level: f64,
    pub(crate) is_at_rest: bool,
}

impl Memory {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        u64::from(self.breaks) ^ self.own.first().map_or(0, Resting::touch)
    }

    pub(crate) fn fits(&self, states: usize) -> bool {
        self.own.len() == states && self.pairs.len() == states && self.difference.fits(states)
    }

    /// The machine is not what it was: it and its siblings learn again how they differ.
    pub(crate) fn forget(&mut self) {
        self.era = self.era.wrapping_add(1);
        self.pairs.fill(Pairs::default());
        self.difference.forget();
        self.view = View::default();
    }

    /// How far the difference is from the usual one, 1 where a finding begins.
    pub(crate) fn magnitude(&self) -> f64 {
        self.difference.magnitude()
    }

    pub(crate) fn era(&self) -> u32 {
        self.era
    }

    /// The newest mark in a state before a time; it does not depend on what came since, in whatever order.
    pub(crate) fn mark_before(&self, until: Time, state: u8) -> Option<Mark> {
        self.own.get(usize::from(state))?.mark_before(until)
    }
}

impl Judge for Siblings {
    type Memory = Memory;

    fn start(&self, states: usize) -> Memory {
        Memory {
            own: vec![Resting::default(); states],
            breaks: 0,
            era: 0,
            pairs: vec![Pairs::default(); states],
            compared: None,
            judged: None,
            index: 0,
            difference: self.difference.start(states),
            view: View::default(),
        }
    }

    /// Follows the channel's own level; it is judged when the siblings are asked.
    fn look(&self, memory: &mut Memory, sample: &Sample, _is_calm: bool) -> Option<Look> {
        if memory.breaks != sample.breaks {
            memory.breaks = sample.breaks;
            memory.own.iter_mut().for_each(Resting::restart);
        }
        memory.own.get_mut(usize::from(sample.state))?.take(sample, &self.rest);
        None
    }

    fn finding(&self, memory: &Memory, sample: &Sample, states: &[StateId]) -> Finding {
        let (z, _, usual) = self.difference.departure(&memory.difference, sample, states);
        let View { level, expected, median, compared, .. } = memory.view;
        let siblings = u32::try_from(compared).unwrap_or(u32::MAX);
        let at = |difference: f64| expected + difference;
        let (low, high) = (at(usual.low), at(usual.high));
        let expected = Normal { median: at(usual.median), low, high, ..usual };
        Finding::Siblings { z, value: level, median, siblings, expected }
    }

    fn condition(&self, memory: &Memory, state: u8) -> Condition {
        let view = &memory.view;
        if view.state == Some(state) && !view.is_at_rest {
            return Condition::Waiting(WhyNot::NotAtRest);
        }
        if view.state.is_none_or(|it| it == state) && view.comparable < self.least {
            let (comparable, least) = (view.comparable, self.least);
            return Condition::Waiting(WhyNot::FewSiblings { comparable, least });
        }
        self.difference.condition(&memory.difference, state)
    }
}

impl Siblings {
    /// For how long a level at rest stands for its operating state after the machine has left it: by
    /// definition it has moved little in that time.
    pub(crate) fn stands_for(&self) -> Span {
        self.rest.window
    }

    /// Compares a mark with what the siblings show at the same time in the same state. A mark that is
    /// not newer than the one before says nothing; neither does a level that has not come to rest.
    pub(crate) fn compare(
        &self,
        memory: &mut Memory,
        (own, patience): (Mark, Span),
        shown: &[Shown<'_>],
        is_calm: bool,
    ) -> Option<(Look, Sample)> {
        if memory.compared.is_some_and(|last| own.t <= last) {
            return None;
        }
        let since = memory.compared.replace(own.t).map(|last| own.t - last);
        let passed = since.filter(|it| *it <= patience).unwrap_or_default();
        let pairs = memory.pairs.get_mut(usize::from(own.state))?;
        memory.view = pairs.view(own, shown);
        if !own.is_at_rest {
            return None;
        }
        let is_enough = self.least <= memory.view.compared;
        let judged = if is_enough { self.judge(memory, (own, patience), is_calm) } else { None };
        if is_calm && !matches!(judged, Some((Look::Over { .. }, _))) {
            let pairs = memory.pairs.get_mut(usize::from(own.state))?;
            pairs.teach((own.level, passed), shown, self.learn());
        }
        judged
    }

    /// Judges the difference from what the siblings let expect. Time in which nothing could be compared
    /// does not count and does not harm; only a break in the channel itself does.
    fn judge(
        &self,
        memory: &mut Memory,
        (own, patience): (Mark, Span),
        is_calm: bool,
    ) -> Option<(Look, Sample)> {
        let since = memory.judged.replace(own.t).map(|last| own.t - last);
        let gap = since.filter(|it| *it <= patience);
        memory.index = memory.index.saturating_add(if gap.is_some() { 1 } else { 2 });
        let sample = Sample {
            t: own.t,
            value: own.level - memory.view.expected,
            gap: gap.unwrap_or_default(),
            index: memory.index,
            breaks: memory.breaks,
            state: own.state,
            run: 1,
            moves: 0,
        };
        let look = self.difference.look(&mut memory.difference, &sample, is_calm)?;
        Some((look, sample))
    }
}

/// Devices are compared as often as this, in event time.
pub(crate) const TICK: Span = Span::from_secs(10);

/// The median of fewer than three hangs on each of them.
const LEAST: usize = 3;

/// More siblings would not make the median truer.
pub const PEERS_MAX: usize = 24;

#[cfg(test)]
mod tests;
