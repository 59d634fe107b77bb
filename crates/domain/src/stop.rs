//! A planned stop: hours in which nobody is called for a machine, because people work on it or it rests.
//!
//! What is found in these hours is set aside, told to those who look, and counts when the hours are
//! over and it has not ended by then. A stop ends by itself. Deliberately absent: who may plan one.

use serde::{Deserialize, Serialize};

use crate::id::DeviceId;
use crate::time::{Span, Time};

/// The hours of a planned stop.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStop {
    /// The number that people say, e.g. `STOP-2026-0002`.
    pub number: String,
    /// The machines that stand.
    pub devices: Vec<DeviceId>,
    /// From here on,
    pub from: Time,
    /// and before this.
    pub until: Time,
}

impl PlannedStop {
    /// Whether something that was established then on a device falls into it.
    #[must_use]
    pub fn covers(&self, device: &DeviceId, t: Time) -> bool {
        self.from <= t && t < self.until && self.devices.contains(device)
    }

    /// From when on counts what has not ended: a machine that comes back needs a moment in which its
    /// signals return to normal.
    #[must_use]
    pub fn counts_from(&self) -> Time {
        self.until + RETURNS_WITHIN
    }
}

/// Longer than the shipped rules take to clear what has ended, 10 minutes.
const RETURNS_WITHIN: Span = Span::from_secs(900);

/// The longest stop that can be planned: behind a longer one a fault would be forgotten.
pub const LONGEST: Span = Span::from_secs(60 * 86_400);
