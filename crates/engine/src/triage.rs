//! Where the triage stands in the pipeline: before the rules for readings, behind them for anomalies.

use forewarn_detect::{Detection, Place};
use forewarn_diagnose::{SensorChange, Taken};
use forewarn_domain::family::FaultFamily;
use forewarn_domain::reading::Reading;
use forewarn_domain::time::Time;

use crate::room::Room;

impl Room {
    /// Shows a reading to the triage; `false` for one whose time cannot be right.
    pub(crate) fn triage(
        &mut self,
        place: Place,
        reading: &Reading,
        out: &mut Vec<Detection>,
    ) -> bool {
        let Reading { t, value, quality, .. } = *reading;
        let taken = Taken { place: place.index(), t, value, quality };
        let mut changes = Vec::new();
        let is_right = self.triage.take(&mut self.memory.triage, taken, &mut changes);
        if !changes.is_empty() {
            self.is_dirty = true;
            out.extend(changes.into_iter().map(detection));
        }
        is_right
    }

    /// Whether the sensor of a channel is in doubt at a time.
    pub(crate) fn is_doubtful(&self, place: Place, at: Time) -> bool {
        self.triage.doubts(&self.memory.triage, place.index(), at)
    }

    /// A detection of the machine that the sensor alone explains, as one about the sensor.
    pub(crate) fn doubted(&self, detection: Detection) -> Detection {
        let levels = || self.plan.levels(&self.memory.detector);
        match detection {
            Detection::Raised(anomaly) => {
                let doubted = self.triage.doubt(&self.memory.triage, &anomaly, levels);
                Detection::Raised(doubted.unwrap_or(anomaly))
            }
            other => other,
        }
    }
}

fn detection(change: SensorChange) -> Detection {
    match change {
        SensorChange::Raised(anomaly) => Detection::Raised(*anomaly),
        SensorChange::Cleared { rule, component, channel, at } => Detection::Cleared {
            rule,
            component,
            family: FaultFamily::Instrumentation,
            channel,
            at,
        },
    }
}
