//! A train of impacts at a bearing's own frequency, in several of the last bursts.
//!
//! Each burst is judged by the vibration crate from the envelope lines that the agent sent. One
//! burst names a part of the bearing; a finding needs the same part again and again.

use forewarn_domain::anomaly::{BearingDefect, BearingLine, Harmonic};
use forewarn_domain::waveform::{AxisFeatures, Burst};
use forewarn_vibration::bearing::{Bearing, Defect, Orders};
use forewarn_vibration::defect_lines::{DefectMatch, Verdict, assess};
use forewarn_vibration::envelope::{Line, LineList};
use serde::{Deserialize, Serialize};

use crate::confirm::Look;
use crate::rule::{Fields, RuleError};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Mean height of the first three harmonics from which a finding is grave.
    alarm: Option<f64>,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        Ok(Self { alarm: fields.alarm.take() })
    }
}

/// The rule on one waveform channel.
#[derive(Clone, Debug)]
pub(crate) struct BearingMatch {
    settings: Settings,
    bearing: String,
    orders: Orders,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    defect: Option<BearingDefect>,
    matched: u32,
    bursts: u32,
    pub(crate) line: Option<BearingLine>,
}

impl BearingMatch {
    pub(crate) fn new(settings: Settings, bearing: &Bearing) -> Self {
        Self { settings, bearing: bearing.code.clone(), orders: bearing.geometry.orders() }
    }

    /// Looks at the next burst; `is_calm` when no finding is pending or active.
    pub(crate) fn look(&self, memory: &mut Memory, burst: &Burst, is_calm: bool) -> Option<Look> {
        let shaft_hz = burst.shaft_hz.filter(|hz| SHAFT_HZ_MIN <= *hz)?;
        if is_calm {
            (memory.defect, memory.matched, memory.bursts) = (None, 0, 0);
        }
        memory.bursts = memory.bursts.saturating_add(1);
        let mut is_healthy = true;
        let mut best: Option<DefectMatch> = None;
        for axis in &burst.axes {
            let assessment = assess(&lines(axis), shaft_hz, &self.orders);
            is_healthy &= assessment.verdict == Verdict::Healthy;
            let named = assessment.named().cloned();
            if let Some(named) = named.filter(|it| HARMONICS_MIN <= it.harmonics.len())
                && best.as_ref().is_none_or(|it| it.score < named.score)
            {
                best = Some(named);
            }
        }
        let Some(best) = best else {
            return Some(if is_healthy { Look::Good } else { Look::Between });
        };
        let defect = defect_of(best.defect);
        if memory.defect.is_some_and(|it| it != defect) {
            return Some(Look::Between);
        }
        memory.defect = Some(defect);
        memory.matched = memory.matched.saturating_add(1);
        let is_grave = self.settings.alarm.is_some_and(|alarm| alarm <= best.score);
        let magnitude = best.score;
        memory.line = Some(self.line(memory, burst, shaft_hz, &best));
        Some(Look::Over { magnitude, is_grave })
    }

    fn line(
        &self,
        memory: &Memory,
        burst: &Burst,
        shaft_hz: f64,
        best: &DefectMatch,
    ) -> BearingLine {
        let harmonics = best.harmonics.iter();
        BearingLine {
            defect: defect_of(best.defect),
            bearing: self.bearing.clone(),
            shaft_hz,
            order: self.orders.of(best.defect),
            expected_hz: best.expected_hz,
            found_hz: best.found_hz.unwrap_or(best.expected_hz),
            harmonics: harmonics
                .map(|it| Harmonic { k: u32::from(it.k), hz: it.hz, ratio: it.ratio })
                .collect(),
            score: best.score,
            matched: memory.matched,
            bursts: memory.bursts,
            waveform: burst.sha256,
            captured: burst.t0,
            waveform_channel: burst.channel.clone(),
        }
    }
}

fn lines(axis: &AxisFeatures) -> LineList {
    let lines = axis.envelope.iter().map(|it| Line { hz: it.hz, ratio: it.ratio }).collect();
    LineList { df_hz: axis.envelope_df_hz, lines }
}

fn defect_of(defect: Defect) -> BearingDefect {
    match defect {
        Defect::Cage => BearingDefect::Cage,
        Defect::InnerRace => BearingDefect::InnerRace,
        Defect::OuterRace => BearingDefect::OuterRace,
        Defect::RollingElement => BearingDefect::RollingElement,
    }
}

/// Below it a burst holds too few turns to tell one frequency from another.
const SHAFT_HZ_MIN: f64 = 1.0;

/// One line may be any machine's tone; two are a train of impacts.
const HARMONICS_MIN: usize = 2;
