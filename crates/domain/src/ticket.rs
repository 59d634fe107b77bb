//! A ticket: work that a person must do, from opened to closed.
//!
//! A ticket moves only along [`TicketState::after`]; that `match` is the agreed process. Deliberately
//! absent: a clock (the caller passes the time), a store, and telling people.

pub mod clock;
pub mod course;
pub mod escalation;
pub mod event;
pub mod kind;
pub mod state;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use event::TicketEvent;
pub use state::{Command, IllegalTransition, TicketState, Verdict, WaitingFor};

use crate::anomaly::{RuleRef, Signal};
use crate::cause::RankedCause;
use crate::episode::{EpisodeId, EpisodeKey};
use crate::evidence::Evidence;
use crate::family::{Priority, TicketKind};
use crate::id::{ComponentId, DeviceId};
use crate::repair::{Outcome, RepairId};
use crate::text::Localized;
use crate::time::Time;
use crate::waveform::{NAMESPACE, Sha256};

/// Names a ticket for good; derived from its episode.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct TicketId(Uuid);

impl TicketId {
    /// The id of the ticket that an episode opens.
    #[must_use]
    pub fn derive(episode: EpisodeId) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("ticket/{episode}").as_bytes()))
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TicketId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// What the engine knows of a ticket when it opens or amends one: everything but the life of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TicketDraft {
    /// Its id.
    pub id: TicketId,
    /// The episode behind it.
    pub episode: EpisodeId,
    /// What it is about.
    pub key: EpisodeKey,
    /// Which queue it goes to.
    pub kind: TicketKind,
    /// How urgent.
    pub priority: Priority,
    /// When the trouble began.
    pub onset_at: Time,
    /// Event time of the confirming reading.
    pub detected_at: Time,
    /// How sure the first cause is, 0 to 1.
    pub confidence: f64,
    /// Ranked causes; probabilities add up to 1.
    pub causes: Vec<RankedCause>,
    /// Contributing signals, heaviest first.
    pub signals: Vec<Signal>,
    /// Past repairs of this device (last three months first) and of its siblings.
    pub past_repairs: Vec<PastRepair>,
    /// The root-cause summary.
    pub summary: Summary,
    /// The rule that opened it.
    pub rule: RuleRef,
    /// What it rests on.
    pub evidence: Evidence,
    /// SHA-256 of the evidence as canonical JSON.
    pub evidence_sha256: Sha256,
    /// Grows with every amendment, from 1.
    pub revision: u32,
}

/// The root-cause summary: one set of facts in two languages, every sentence with its source.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Summary {
    /// What and how sure: the first line.
    pub headline: Localized,
    /// How urgent: the second line.
    pub urgency: Localized,
    /// What is seen.
    pub observations: Vec<Sentence>,
    /// What did not change.
    pub unchanged: Vec<Sentence>,
    /// What this machine and its sisters had before.
    pub history: Vec<Sentence>,
    /// What happens if nothing is done.
    pub consequence: Option<Sentence>,
    /// What to do first, in order.
    pub actions: Vec<Sentence>,
    /// Data quality, speed source, rule and hash.
    pub footer: Vec<Sentence>,
}

/// A sentence with the place where it can be checked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sentence {
    /// The sentence.
    pub text: Localized,
    /// A channel, waveform hash, repair id, rule or standard.
    pub source: String,
}

impl Summary {
    /// The whole summary as plain text with line breaks, in both languages.
    #[must_use]
    pub fn text(&self) -> Localized {
        let lines = |pick: fn(&Localized) -> &str| {
            let parts = [&self.observations, &self.unchanged, &self.history];
            let sentences = parts
                .into_iter()
                .flatten()
                .chain(&self.consequence)
                .chain(&self.actions)
                .chain(&self.footer);
            let mut text = format!("{}\n{}", pick(&self.headline), pick(&self.urgency));
            for sentence in sentences {
                text.push('\n');
                text.push_str(pick(&sentence.text));
            }
            text
        };
        Localized { en: lines(|it| &it.en), zh: lines(|it| &it.zh) }
    }
}

/// A past repair as a ticket cites it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PastRepair {
    /// The record.
    pub id: RepairId,
    /// When.
    pub at: Time,
    /// On which device: this one or a sibling.
    pub device: DeviceId,
    /// On which part.
    pub component: ComponentId,
    /// The part that was used.
    pub part: Option<String>,
    /// The record's own words.
    pub text: String,
    /// Whether it helped.
    pub outcome: Outcome,
    /// The ticket that it closed.
    pub ticket: Option<String>,
    /// Why it is shown: how it relates to this ticket.
    pub relation: Relation,
}

crate::quantity::vocabulary!(
    /// How a past repair relates to a ticket.
    Relation, UnknownRelation, "relation", {
        /// The same part of the same device within three months.
        ThisDeviceRecent = "this_device_recent",
        /// The same device, longer ago.
        ThisDevice = "this_device",
        /// A sibling with the same kind of part.
        Sibling = "sibling",
    }
);

/// One line of a ticket's history.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TimelineEntry {
    /// When it was recorded.
    pub at: Time,
    /// Who: an account, or `forewarn` for the engine.
    pub actor: String,
    /// What happened, as a word that pages translate: `opened`, `amended`, a command, `cleared`.
    pub what: String,
    /// The state after it.
    pub state: TicketState,
    /// More, in the person's own words or the engine's.
    pub note: Localized,
}
