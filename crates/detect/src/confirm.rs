//! From single samples to a finding that holds: normal, pending, active, clearing.
//!
//! Durations are measured on the samples themselves. A break in the data restarts a duration, time
//! in other operating states does not count, and silence changes nothing: only good samples on the
//! good side of the lower limit, for long enough, end a finding.

use forewarn_domain::family::Severity;
use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::sample::Sample;

/// How long something must hold before it counts, and before it counts as gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hold {
    /// At least this long,
    pub(crate) span: Span,
    /// and at least this many samples beyond the limit,
    pub(crate) samples: u32,
    /// and n of the last m; all in a row without it.
    pub(crate) n_of_m: Option<(u32, u32)>,
    pub(crate) clear_span: Span,
    pub(crate) clear_samples: u32,
}

impl Hold {
    /// The last samples are kept as bits of one word.
    pub(crate) const M_MAX: u32 = 64;
}

/// What a rule says about one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Look {
    /// Inside the lower limit.
    Good,
    /// Between the limits: neither confirms nor clears.
    Between,
    /// Beyond the limit.
    Over {
        /// How far, on any scale that grows with the trouble; 1 at the limit.
        magnitude: f64,
        /// Whether it is grave.
        is_grave: bool,
    },
}

/// What follows from one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turn {
    Cleared,
    Raised { onset: Time, severity: Severity },
    Updated { onset: Time, confirmed: Time, severity: Severity },
}

/// Where a rule stands on one channel.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Confirm {
    phase: Phase,
    index: u64,
    breaks: u32,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
enum Phase {
    #[default]
    Normal,
    Pending {
        onset: Time,
        held: Span,
        over: u32,
        recent: u64,
    },
    Active {
        onset: Time,
        confirmed: Time,
        severity: Severity,
        reported: f64,
        clear: Option<Clearing>,
    },
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Clearing {
    held: Span,
    samples: u32,
}

impl Confirm {
    /// Takes what the rule says about the next sample that it could judge.
    pub(crate) fn step(
        &mut self,
        hold: &Hold,
        severity: Severity,
        look: Look,
        sample: &Sample,
    ) -> Option<Turn> {
        let is_next = self.index.checked_add(1) == Some(sample.index);
        let is_broken = self.breaks != sample.breaks;
        (self.index, self.breaks) = (sample.index, sample.breaks);
        let passed = if is_next && !is_broken { sample.gap } else { Span::ZERO };
        if is_broken {
            self.phase.forget_durations();
        }
        let severity = match look {
            Look::Over { is_grave: true, .. } => Severity::Alarm,
            Look::Over { .. } | Look::Between | Look::Good => severity,
        };
        if let Phase::Active { .. } = self.phase {
            return self.while_active(hold, severity, (look, passed));
        }
        self.before_active(hold, look, (sample.t, passed));
        self.confirm(hold, severity, look, sample.t)
    }

    /// Forgets a finding that was not confirmed yet.
    pub(crate) fn unsettle(&mut self) {
        if let Phase::Pending { .. } = self.phase {
            self.phase = Phase::Normal;
        }
    }

    /// Ends whatever there is; whether a confirmed finding ended.
    pub(crate) fn reset(&mut self) -> bool {
        let was_active = self.is_active();
        self.phase = Phase::Normal;
        was_active
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active { .. })
    }

    /// The active finding as news of `t`: nothing is known of the time before.
    pub(crate) fn again(&self, t: Time) -> Option<Turn> {
        let severity = self.severity()?;
        Some(Turn::Updated { onset: t, confirmed: t, severity })
    }

    /// How grave the active finding is.
    pub(crate) fn severity(&self) -> Option<Severity> {
        match &self.phase {
            Phase::Active { severity, .. } => Some(*severity),
            Phase::Normal | Phase::Pending { .. } => None,
        }
    }

    pub(crate) fn is_normal(&self) -> bool {
        self.phase == Phase::Normal
    }

    fn before_active(&mut self, hold: &Hold, look: Look, (t, passed): (Time, Span)) {
        let is_over = matches!(look, Look::Over { .. });
        match &mut self.phase {
            Phase::Normal if is_over => {
                self.phase = Phase::Pending { onset: t, held: Span::ZERO, over: 1, recent: 1 };
            }
            Phase::Normal | Phase::Active { .. } => {}
            Phase::Pending { held, over, recent, .. } => {
                *held = Span::from_micros(held.micros().saturating_add(passed.micros()));
                *over = over.saturating_add(u32::from(is_over));
                *recent = *recent << 1 | u64::from(is_over);
                let window = hold.n_of_m.map_or(1, |(_, m)| last_bits(m));
                if *recent & window == 0 {
                    self.phase = Phase::Normal;
                }
            }
        }
    }

    fn confirm(&mut self, hold: &Hold, severity: Severity, look: Look, t: Time) -> Option<Turn> {
        let Phase::Pending { onset, held, over, recent } = self.phase else {
            return None;
        };
        let Look::Over { magnitude, .. } = look else {
            return None;
        };
        let often = hold.n_of_m.is_none_or(|(n, m)| n <= (recent & last_bits(m)).count_ones());
        if held < hold.span || over < hold.samples || !often {
            return None;
        }
        let reported = magnitude;
        self.phase = Phase::Active { onset, confirmed: t, severity, reported, clear: None };
        Some(Turn::Raised { onset, severity })
    }

    fn while_active(
        &mut self,
        hold: &Hold,
        now: Severity,
        (look, passed): (Look, Span),
    ) -> Option<Turn> {
        let Phase::Active { onset, confirmed, severity, reported, clear } = &mut self.phase else {
            return None;
        };
        match look {
            Look::Over { magnitude, .. } => {
                *clear = None;
                if *severity < now || *reported * GROWTH_TO_REPORT <= magnitude {
                    *severity = now.max(*severity);
                    *reported = magnitude.max(*reported);
                    let (onset, confirmed, severity) = (*onset, *confirmed, *severity);
                    return Some(Turn::Updated { onset, confirmed, severity });
                }
            }
            Look::Between => *clear = None,
            Look::Good => {
                let clearing = clear.get_or_insert_default();
                if 0 < clearing.samples {
                    clearing.held =
                        Span::from_micros(clearing.held.micros().saturating_add(passed.micros()));
                }
                clearing.samples = clearing.samples.saturating_add(1);
                if hold.clear_span <= clearing.held && hold.clear_samples <= clearing.samples {
                    self.phase = Phase::Normal;
                    return Some(Turn::Cleared);
                }
            }
        }
        None
    }
}

impl Phase {
    fn forget_durations(&mut self) {
        match self {
            Self::Normal => {}
            Self::Pending { .. } => *self = Self::Normal,
            Self::Active { clear, .. } => *clear = None,
        }
    }
}

/// A word with the last `m` bits set.
fn last_bits(m: u32) -> u64 {
    u64::MAX.checked_shr(Hold::M_MAX.saturating_sub(m)).unwrap_or(0)
}

/// An active finding is told again when it has grown by a fifth.
const GROWTH_TO_REPORT: f64 = 1.2;
