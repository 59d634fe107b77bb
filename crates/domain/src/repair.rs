//! Repair records: what was found and done to a device before, and whether it helped.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cause::CauseCode;
use crate::id::{ComponentId, DeviceId};
use crate::quantity::vocabulary;
use crate::shape::Shape;
use crate::text::Language;
use crate::time::Time;
use crate::waveform::NAMESPACE;

/// Names a repair record for good.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RepairId(Uuid);

impl RepairId {
    /// The id of a record, from its device, time and text.
    #[must_use]
    pub fn derive(device: &DeviceId, at: Time, text: &str) -> Self {
        let cause = format!("repair/{device}/{}/{text}", at.micros());
        Self(Uuid::new_v5(&NAMESPACE, cause.as_bytes()))
    }

    /// The id of a record that another system keeps under an id of its own: the same however often
    /// and in whichever words it is taken over.
    #[must_use]
    pub fn of_source(source: &str, id: &str) -> Self {
        let cause = format!("repair-of/{source}/{id}");
        Self(Uuid::new_v5(&NAMESPACE, cause.as_bytes()))
    }
}

impl fmt::Display for RepairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RepairId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

vocabulary!(
    /// What was done.
    Activity, UnknownActivity, "activity", {
        /// Alignment, tension, settings.
        Adjust = "adjust",
        /// A check without a finding or change.
        Inspection = "inspection",
        /// Greasing, oil, cleaning, filters.
        Service = "service",
        /// Bolts, connectors.
        Tighten = "tighten",
        /// A part was repaired.
        Repair = "repair",
        /// A part was replaced.
        Replace = "replace",
    }
);

vocabulary!(
    /// Whether it helped.
    Outcome, UnknownOutcome, "outcome", {
        /// Somewhat, or for a while.
        Improved = "improved",
        /// Not at all.
        NoEffect = "no_effect",
        /// There was nothing to repair.
        NothingFound = "nothing_found",
        /// Yes.
        Solved = "solved",
        /// Nobody wrote it down.
        Unknown = "unknown",
    }
);

/// One repair, in the words of the person who did it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RepairRecord {
    /// Its id.
    pub id: RepairId,
    /// When the work was finished.
    pub at: Time,
    /// On which device.
    pub device: DeviceId,
    /// On which part.
    pub component: ComponentId,
    /// What was done.
    pub activity: Activity,
    /// The part that was used, e.g. `6205-2RS C3`.
    pub part: Option<String>,
    /// The record's own words.
    pub text: String,
    /// In which language they are.
    pub language: Language,
    /// The cause that was found.
    pub cause: Option<CauseCode>,
    /// Whether it helped.
    pub outcome: Outcome,
    /// Working hours.
    pub hours: Option<f64>,
    /// Human number of the ticket that it closed, e.g. `FW-2026-0317`.
    pub ticket: Option<String>,
    /// How the trouble looked in the signals, where a ticket saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}
