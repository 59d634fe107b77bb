//! What the engine decided. Nothing of it has been done yet; carrying it out is the server's work.

use forewarn_domain::anomaly::Anomaly;
use forewarn_domain::check::RepairCheck;
use forewarn_domain::episode::EpisodeId;
use forewarn_domain::ticket::TicketDraft;
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};

/// One thing to do about tickets, with the reason in words for the log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// More is known about an open ticket.
    Amend {
        /// The ticket as it should now read.
        draft: Box<TicketDraft>,
        /// Why.
        because: String,
    },
    /// A repair was checked by the signals that had led to its ticket.
    Checked {
        /// The episode that the repair ended.
        episode: EpisodeId,
        /// What the signals say.
        check: Box<RepairCheck>,
    },
    /// The signal came back to normal and stayed there. People close tickets, so this is a note.
    Cleared {
        /// Which episode.
        episode: EpisodeId,
        /// Event time of the clearing.
        at: Time,
    },
    /// Something was found in a planned stop; nobody is called for it until the stop is over.
    SetAside {
        /// The stop's number.
        stop: String,
        /// What was found.
        anomaly: Box<Anomaly>,
    },
    /// A person must act.
    Open {
        /// The ticket.
        draft: Box<TicketDraft>,
        /// Why.
        because: String,
    },
}

impl Decision {
    /// The episode that it is about, if there is one.
    #[must_use]
    pub fn episode(&self) -> Option<EpisodeId> {
        match self {
            Self::Amend { draft, .. } | Self::Open { draft, .. } => Some(draft.episode),
            Self::Checked { episode, .. } | Self::Cleared { episode, .. } => Some(*episode),
            Self::SetAside { .. } => None,
        }
    }
}
