//! The kinds of rules, one file each, and the one place that knows them all.
//!
//! A kind that judges one channel's numbers is a [`Judge`]: it looks at a trusted sample, says how
//! far beyond its limit it is, what it found, and why it cannot tell. Confirmation, gating, muting
//! and reporting are the same for all of them and live elsewhere. `no_data` and `bearing_match`
//! look at other things than numbers and are stepped by the device; so are `code`, which looks at texts,
//! and `together`, which looks at what other rules found. `siblings` follows its channel as a judge and
//! is asked once in a while what other devices show.

pub(crate) mod limit;
pub(crate) mod rate;
pub(crate) mod flat;
pub(crate) mod no_data;
pub(crate) mod baseline;
pub(crate) mod shift;
pub(crate) mod count;
pub(crate) mod code;
pub(crate) mod siblings;
pub(crate) mod together;
pub(crate) mod monitor;
pub(crate) mod severity_zone;
pub(crate) mod bearing_match;

use forewarn_domain::anomaly::{Finding, Normal};
use forewarn_domain::id::StateId;
use forewarn_domain::time::Span;
use serde::{Deserialize, Serialize};

use crate::confirm::Look;
use crate::outcome::Condition;
use crate::rule::{Fields, RuleError};
use crate::sample::Sample;

/// A kind of rule for the numbers of one channel. A new one is a file with this trait, a variant of
/// [`Detector`], [`Memory`], [`KindName`] and [`Kind`], and a line in the plan.
pub(crate) trait Judge {
    /// What it remembers of the channel.
    type Memory;

    /// A memory of nothing, for a device with so many operating states.
    fn start(&self, states: usize) -> Self::Memory;

    /// Looks at the next trusted sample; `None` when it cannot tell. `is_calm` says that no
    /// finding is pending or active, so that the sample may teach it what is normal.
    fn look(&self, memory: &mut Self::Memory, sample: &Sample, is_calm: bool) -> Option<Look>;

    /// What was found, after a [`Look::Over`].
    fn finding(&self, memory: &Self::Memory, sample: &Sample, states: &[StateId]) -> Finding;

    /// Whether it is ready to judge in an operating state, and if not, why.
    fn condition(&self, memory: &Self::Memory, state: u8) -> Condition;
}

/// A judge of any kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Detector {
    Baseline(baseline::Baseline),
    Count(count::Count),
    Flat(flat::Flat),
    Limit(limit::Limit),
    Rate(rate::Rate),
    SeverityZone(severity_zone::SeverityZone),
    Shift(shift::Shift),
    Siblings(siblings::Siblings),
}

/// The memory of a judge of any kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) enum Memory {
    Baseline(baseline::Memory),
    Count(count::Memory),
    Flat(flat::Memory),
    Limit,
    Rate(rate::Memory),
    SeverityZone,
    Shift(shift::Memory),
    Siblings(Box<siblings::Memory>),
}

impl Memory {
    /// See [`crate::DeviceState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        match self {
            Self::Baseline(memory) => memory.touch(),
            Self::Count(memory) => memory.touch(),
            Self::Flat(memory) => memory.touch(),
            Self::Limit | Self::SeverityZone => 0,
            Self::Rate(memory) => memory.touch(),
            Self::Shift(memory) => memory.touch(),
            Self::Siblings(memory) => memory.touch(),
        }
    }
}

impl Detector {
    pub(crate) fn start(&self, states: usize) -> Memory {
        match self {
            Self::Baseline(judge) => Memory::Baseline(judge.start(states)),
            Self::Count(judge) => Memory::Count(judge.start(states)),
            Self::Flat(judge) => Memory::Flat(judge.start(states)),
            Self::Limit(_) => Memory::Limit,
            Self::Rate(judge) => Memory::Rate(judge.start(states)),
            Self::SeverityZone(_) => Memory::SeverityZone,
            Self::Shift(judge) => Memory::Shift(judge.start(states)),
            Self::Siblings(judge) => Memory::Siblings(Box::new(judge.start(states))),
        }
    }

    pub(crate) fn look(&self, memory: &mut Memory, sample: &Sample, is_calm: bool) -> Option<Look> {
        match (self, memory) {
            (Self::Baseline(judge), Memory::Baseline(memory)) => {
                judge.look(memory, sample, is_calm)
            }
            (Self::Count(judge), Memory::Count(memory)) => judge.look(memory, sample, is_calm),
            (Self::Flat(judge), Memory::Flat(memory)) => judge.look(memory, sample, is_calm),
            (Self::Limit(judge), Memory::Limit) => judge.look(&mut (), sample, is_calm),
            (Self::Rate(judge), Memory::Rate(memory)) => judge.look(memory, sample, is_calm),
            (Self::SeverityZone(judge), Memory::SeverityZone) => {
                judge.look(&mut (), sample, is_calm)
            }
            (Self::Shift(judge), Memory::Shift(memory)) => judge.look(memory, sample, is_calm),
            (Self::Siblings(judge), Memory::Siblings(memory)) => {
                judge.look(memory, sample, is_calm)
            }
            _ => None,
        }
    }

    pub(crate) fn finding(
        &self,
        memory: &Memory,
        sample: &Sample,
        states: &[StateId],
    ) -> Option<Finding> {
        match (self, memory) {
            (Self::Baseline(judge), Memory::Baseline(memory)) => {
                Some(judge.finding(memory, sample, states))
            }
            (Self::Count(judge), Memory::Count(memory)) => {
                Some(judge.finding(memory, sample, states))
            }
            (Self::Flat(judge), Memory::Flat(memory)) => {
                Some(judge.finding(memory, sample, states))
            }
            (Self::Limit(judge), Memory::Limit) => Some(judge.finding(&(), sample, states)),
            (Self::Rate(judge), Memory::Rate(memory)) => {
                Some(judge.finding(memory, sample, states))
            }
            (Self::SeverityZone(judge), Memory::SeverityZone) => {
                Some(judge.finding(&(), sample, states))
            }
            (Self::Shift(judge), Memory::Shift(memory)) => {
                Some(judge.finding(memory, sample, states))
            }
            (Self::Siblings(judge), Memory::Siblings(memory)) => {
                Some(judge.finding(memory, sample, states))
            }
            _ => None,
        }
    }

    pub(crate) fn condition(&self, memory: &Memory, state: u8) -> Option<Condition> {
        match (self, memory) {
            (Self::Baseline(judge), Memory::Baseline(memory)) => {
                Some(judge.condition(memory, state))
            }
            (Self::Count(judge), Memory::Count(memory)) => Some(judge.condition(memory, state)),
            (Self::Flat(judge), Memory::Flat(memory)) => Some(judge.condition(memory, state)),
            (Self::Limit(judge), Memory::Limit) => Some(judge.condition(&(), state)),
            (Self::Rate(judge), Memory::Rate(memory)) => Some(judge.condition(memory, state)),
            (Self::SeverityZone(judge), Memory::SeverityZone) => Some(judge.condition(&(), state)),
            (Self::Shift(judge), Memory::Shift(memory)) => Some(judge.condition(memory, state)),
            (Self::Siblings(judge), Memory::Siblings(memory)) => {
                Some(judge.condition(memory, state))
            }
            _ => None,
        }
    }

    /// Whether it judges the sensor and not the machine.
    pub(crate) fn is_about_the_sensor(&self) -> bool {
        matches!(self, Self::Flat(_))
    }

    /// Whether a stored memory belongs to this kind of rule on a device with so many states.
    pub(crate) fn fits(&self, memory: &Memory, states: usize) -> bool {
        match (self, memory) {
            (Self::Baseline(_), Memory::Baseline(memory)) => memory.fits(states),
            (Self::Flat(_), Memory::Flat(memory)) => memory.fits(states),
            (Self::Shift(_), Memory::Shift(memory)) => memory.fits(states),
            (Self::Siblings(_), Memory::Siblings(memory)) => memory.fits(states),
            (Self::Count(_), Memory::Count(_))
            | (Self::Limit(_), Memory::Limit)
            | (Self::Rate(_), Memory::Rate(_))
            | (Self::SeverityZone(_), Memory::SeverityZone) => true,
            _ => false,
        }
    }
}

impl Memory {
    /// A repair ended what was learned; kinds that learn nothing of the part keep their memory.
    pub(crate) fn forget(&mut self) {
        match self {
            Self::Baseline(memory) => memory.forget(),
            Self::Count(memory) => memory.forget(),
            Self::Shift(memory) => memory.forget(),
            Self::Siblings(memory) => memory.forget(),
            Self::Flat(_) | Self::Limit | Self::Rate(_) | Self::SeverityZone => {}
        }
    }

    /// How far the channel is from its learned normal, 1 where a finding would begin.
    pub(crate) fn magnitude(&self) -> f64 {
        match self {
            Self::Baseline(memory) => memory.magnitude(),
            Self::Shift(memory) => memory.magnitude(),
            Self::Siblings(memory) => memory.magnitude(),
            Self::Count(_) | Self::Flat(_) | Self::Limit | Self::Rate(_) | Self::SeverityZone => {
                0.0
            }
        }
    }

    /// The learned normal of one operating state.
    pub(crate) fn normal(&self, state: u8, states: &[StateId]) -> Option<Normal> {
        match self {
            Self::Baseline(memory) => memory.normal(state, states),
            Self::Shift(memory) => memory.normal(state, states),
            // What is usual between machines is no normal of the channel.
            Self::Count(_)
            | Self::Flat(_)
            | Self::Limit
            | Self::Rate(_)
            | Self::SeverityZone
            | Self::Siblings(_) => None,
        }
    }

    /// The smoothed level and the normal of the state of the newest sample.
    pub(crate) fn present(&self, states: &[StateId]) -> Option<(f64, Normal)> {
        match self {
            Self::Baseline(memory) => memory.present(states),
            Self::Shift(memory) => memory.present(states),
            // What is usual between machines is no normal of the channel.
            Self::Count(_)
            | Self::Flat(_)
            | Self::Limit
            | Self::Rate(_)
            | Self::SeverityZone
            | Self::Siblings(_) => None,
        }
    }
}

/// The word for a kind in a rule file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindName {
    Baseline,
    BearingMatch,
    Code,
    Count,
    Flat,
    Limit,
    Monitor,
    NoData,
    Rate,
    SeverityZone,
    Shift,
    Siblings,
    Together,
}

/// A kind with its settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Baseline(baseline::Settings),
    BearingMatch(bearing_match::Settings),
    Code(code::Settings),
    Count(count::Count),
    Flat(flat::Settings),
    Limit(limit::Limit),
    Monitor(monitor::Settings),
    NoData(no_data::Settings),
    Rate(rate::Settings),
    SeverityZone,
    Shift(shift::Settings),
    Siblings(siblings::Siblings),
    Together(together::Settings),
}

impl Kind {
    /// Takes what the kind knows out of a rule's fields.
    pub(crate) fn read(name: KindName, fields: &mut Fields) -> Result<Self, RuleError> {
        Ok(match name {
            KindName::Baseline => Self::Baseline(baseline::Settings::read(fields)?),
            KindName::BearingMatch => Self::BearingMatch(bearing_match::Settings::read(fields)?),
            KindName::Code => Self::Code(code::Settings::read(fields)?),
            KindName::Count => Self::Count(count::Count::read(fields)?),
            KindName::Flat => Self::Flat(flat::Settings::read(fields)?),
            KindName::Limit => Self::Limit(limit::Limit::read(fields)?),
            KindName::Monitor => Self::Monitor(monitor::Settings::read(fields)?),
            KindName::NoData => Self::NoData(no_data::Settings::read(fields)?),
            KindName::Rate => Self::Rate(rate::Settings::read(fields)?),
            KindName::SeverityZone => Self::SeverityZone,
            KindName::Shift => Self::Shift(shift::Settings::read(fields)?),
            KindName::Siblings => Self::Siblings(siblings::Siblings::read(fields)?),
            KindName::Together => Self::Together(together::Settings::read(fields)?),
        })
    }

    /// Whether it looks at channels of numbers, which the rule then must name.
    pub(crate) fn reads_numbers(&self) -> bool {
        !matches!(self, Self::BearingMatch(_) | Self::Code(_) | Self::NoData(_) | Self::Together(_))
    }
}

/// On which side of the normal trouble lies.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    Above,
    Below,
    Both,
}

impl Direction {
    pub(crate) fn has_above(self) -> bool {
        matches!(self, Self::Above | Self::Both)
    }

    pub(crate) fn has_below(self) -> bool {
        matches!(self, Self::Below | Self::Both)
    }
}

/// How much must be seen of an operating state before a rule judges in it: both, so the larger
/// one wins.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learn {
    pub(crate) samples: u32,
    /// Time in the state, gaps left out.
    #[serde(rename = "for")]
    pub(crate) span: Span,
}

impl Learn {
    pub(crate) fn is_done(&self, samples: u64, lived: Span) -> bool {
        u64::from(self.samples) <= samples && self.span <= lived
    }

    /// How far learning has come, in samples: the slower of samples and time.
    pub(crate) fn progress(&self, samples: u64, lived: Span) -> Condition {
        let needed = u64::from(self.samples.max(1));
        let by_time = match self.span.micros() {
            whole if 0 < whole => {
                let share = lived.micros().clamp(0, whole).unsigned_abs();
                let whole = whole.unsigned_abs();
                u64::try_from(u128::from(share) * u128::from(needed) / u128::from(whole))
                    .unwrap_or(needed)
            }
            _ => needed,
        };
        Condition::Learning { samples: samples.min(by_time).min(needed), needed }
    }
}

/// A change below which nobody would act.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// In the channel's unit.
    pub(crate) least: f64,
    /// Of the normal, in per cent.
    pub(crate) percent: f64,
}

impl Change {
    pub(crate) fn from(&self, normal: f64) -> f64 {
        self.least.max(self.percent / 100.0 * normal.abs())
    }
}
