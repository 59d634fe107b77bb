//! What reaches the engine besides readings. Each is stored and numbered before it takes effect, so a
//! replay applies it at the same place.

use forewarn_domain::episode::EpisodeKey;
use forewarn_domain::id::AgentId;
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::stop::PlannedStop;
use forewarn_domain::time::Time;

/// Something that people did or that a clock noticed.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// An agent has not been heard of.
    AgentSilent {
        /// Which.
        agent: AgentId,
        /// Since when.
        since: Time,
        /// When that was established.
        at: Time,
    },
    /// A planned stop is over, early or in time.
    StopEnded {
        /// Its number.
        number: String,
        /// When.
        at: Time,
    },
    /// Hours were planned in which machines stand.
    StopPlanned {
        /// Which, and when.
        stop: PlannedStop,
    },
    /// A repair was written down without a ticket.
    RepairRecorded {
        /// The record.
        repair: RepairRecord,
    },
    /// A ticket was closed by a repair: what was normal before is learned anew.
    TicketClosed {
        /// What the ticket was about.
        key: EpisodeKey,
        /// What was done.
        repair: RepairRecord,
        /// When.
        at: Time,
    },
}
