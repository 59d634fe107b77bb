//! All continuous channels of a machine, judged together against how it ran before.
//!
//! Rows of `window` each hold the means of the channels; one monitor for each operating state learns
//! from as many rows as `learn` asks for, in samples and in time. The judging is `crate::monitor`'s.

use forewarn_domain::family::FaultFamily;
use forewarn_domain::quantity::Quantity;
use forewarn_domain::time::Span;

use crate::monitor::Monitor;
use crate::rule::{Fields, RuleError};
use crate::rules::Learn;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    learn: Learn,
    /// Length of a row.
    window: Span,
}

impl Settings {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, RuleError> {
        let (learn, window) = (fields.learn.take(), fields.window.take());
        let learn = fields.need("learn", learn)?;
        let window = fields.need("window", window)?;
        if window <= Span::ZERO {
            return Err(fields.wrong("window", "it must be longer than nothing"));
        }
        if usize::try_from(learn.samples).unwrap_or(0) < Monitor::LEARN_ROWS_MIN {
            return Err(fields.wrong("learn", "at least 120 samples are needed"));
        }
        Ok(Self { learn, window })
    }

    /// The length of a row where the slowest channel has this interval.
    pub(crate) fn row_span(&self, slowest: Span) -> Span {
        self.window.max(slowest)
    }

    /// How many rows of that length are learned: samples or time, whichever is more.
    pub(crate) fn learn_rows(&self, row: Span) -> usize {
        let by_time = self.learn.span.micros() / row.micros().max(1);
        let by_time = usize::try_from(by_time).unwrap_or(usize::MAX);
        by_time.max(usize::try_from(self.learn.samples).unwrap_or(usize::MAX)).min(LEARN_ROWS_MAX)
    }
}

/// The family of a finding that this quantity leads, as the other shipped rules have it, so that they
/// speak of one trouble; `None` where the rule's own family says as much.
pub(crate) fn family_of(quantity: Quantity, is_hydraulic: bool) -> Option<FaultFamily> {
    match quantity {
        Quantity::Temperature if is_hydraulic => Some(FaultFamily::Hydraulic),
        Quantity::Temperature => Some(FaultFamily::Thermal),
        Quantity::Flow | Quantity::Pressure | Quantity::Level => Some(FaultFamily::Hydraulic),
        Quantity::Current | Quantity::Power | Quantity::Voltage => Some(FaultFamily::Electrical),
        Quantity::Force | Quantity::Load | Quantity::Torque | Quantity::PositionError => {
            Some(FaultFamily::DriveTrain)
        }
        Quantity::AccelerationPeak
        | Quantity::AccelerationRms
        | Quantity::Displacement
        | Quantity::VelocityPeak
        | Quantity::VelocityRms => Some(FaultFamily::Rotor),
        Quantity::AccelerationRmsHf => Some(FaultFamily::Bearing),
        _ => None,
    }
}

/// More rows would not make the normal truer, and a stored state has its price.
const LEARN_ROWS_MAX: usize = 4_000;
