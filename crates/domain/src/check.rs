//! What the machine's own signals say of a repair: before it, after it, in the same operating state.
//!
//! A person closes a ticket; whether the signal came back is measured. A check that could not be made
//! says so and is not a good one. Deliberately absent: when a signal counts as back.

use serde::{Deserialize, Serialize};

use crate::channel::ChannelId;
use crate::id::StateId;
use crate::quantity::{Quantity, Unit, vocabulary};
use crate::repair::RepairId;
use crate::time::Time;

vocabulary!(
    /// What the signals say.
    CheckVerdict, UnknownCheckVerdict, "verdict of the signals", {
        /// At least one signal stayed out of its band: the repair is not verified.
        NotReturned = "not_returned",
        /// Every signal came back: the repair is verified.
        Returned = "returned",
        /// Too little was seen in the same operating state: the repair is not verified.
        Unknown = "unknown",
    }
);

/// A repair, checked by the signals that had led to its ticket.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RepairCheck {
    /// The repair.
    pub repair: RepairId,
    /// Event time of the reading that decided it.
    pub at: Time,
    /// What the signals say.
    pub verdict: CheckVerdict,
    /// Each signal, heaviest first.
    pub signals: Vec<CheckedSignal>,
}

/// One signal before and after.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CheckedSignal {
    /// Which channel.
    pub channel: ChannelId,
    /// What it measures.
    pub quantity: Quantity,
    /// In which unit.
    pub unit: Unit,
    /// The operating state in which both were measured.
    pub state: StateId,
    /// Its value on the ticket.
    pub before: f64,
    /// Lower edge of what was normal, where it fell.
    pub low: Option<f64>,
    /// Upper edge of what was normal, where it rose.
    pub high: Option<f64>,
    /// Median of the readings after the repair.
    pub after: Option<f64>,
    /// How many readings that is.
    pub samples: u32,
    /// Whether it came back; `None` where too little was seen.
    pub is_back: Option<bool>,
}
