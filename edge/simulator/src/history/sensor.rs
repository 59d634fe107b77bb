//! Faults of a whole sensor box, as its readings show them: nothing, other times, swapped words.
//!
//! Faults of a single sensor need nothing here; `machine.rs` has them.

use forewarn_domain::id::SourceId;
use forewarn_domain::quality::{Bad, Quality, Uncertain};
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::template::PointTemplate;
use forewarn_domain::time::{Span, Time};

use crate::plan::FaultKind;
use crate::plant::SimulatedPlant;
use crate::registers::words_swapped;

/// What is wrong with one box, and since when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BoxFault {
    kind: FaultKind,
    from: Time,
}

/// What becomes of a value on its way through a box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Passed {
    pub(super) t: Time,
    pub(super) value: f64,
    pub(super) quality: Quality,
}

impl BoxFault {
    /// The fault of a box in the plan of a plant.
    pub(super) fn of(
        plant: &SimulatedPlant,
        device: &PlantDevice,
        source: &SourceId,
    ) -> Option<Self> {
        let faults = plant.plan().faults.iter().filter(|it| it.device == device.device.id);
        faults
            .filter(|it| it.channel.as_ref().is_some_and(|channel| channel.source() == *source))
            .find(|it| {
                matches!(
                    it.kind,
                    FaultKind::ClockStep | FaultKind::CommunicationLoss | FaultKind::WordOrderFlip
                )
            })
            .map(|it| Self { kind: it.kind, from: plant.origin() + it.start_after })
    }

    /// What an agent gets of a value; `None` where nothing comes.
    pub(super) fn pass(self, point: &PointTemplate, t: Time, value: f64) -> Option<Passed> {
        let as_is = Passed { t, value, quality: Quality::Good };
        if t < self.from {
            return Some(as_is);
        }
        match self.kind {
            FaultKind::CommunicationLoss => None,
            FaultKind::ClockStep => Some(Passed { t: self.stamp(t), ..as_is }),
            _ => Some(words_swapped(point, value).map_or(as_is, |value| {
                let quality = as_an_agent_judges(point, value);
                Passed { t, value: if value.is_finite() { value } else { 0.0 }, quality }
            })),
        }
    }

    /// The time that the box puts on a burst; `None` where none comes.
    pub(super) fn burst(self, t: Time) -> Option<Time> {
        match self.kind {
            FaultKind::CommunicationLoss if self.from <= t => None,
            FaultKind::ClockStep if self.from <= t => Some(self.stamp(t)),
            _ => Some(t),
        }
    }

    fn stamp(self, t: Time) -> Time {
        t - CLOCK_STEP
    }
}

fn as_an_agent_judges(point: &PointTemplate, value: f64) -> Quality {
    if !value.is_finite() {
        return Quality::Bad(Bad::Parse);
    }
    match point.range {
        Some([low, high]) if !(low..=high).contains(&value) => Quality::Uncertain(Uncertain::Range),
        _ => Quality::Good,
    }
}

/// The hour of a box that was set to summer time.
const CLOCK_STEP: Span = Span::from_secs(3_600);
