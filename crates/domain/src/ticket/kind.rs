//! Ticket types `forewarn.ticket-type/1`: what a kind of ticket demands, how fast, and of whom.
//!
//! Rely on this: a type is data; nothing about one is compiled in. A ticket keeps the version with
//! which it was opened. Deliberately absent: how deadlines are counted and who is called.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::state::WaitingFor;
use crate::family::{Criticality, Priority, TicketKind};
use crate::id::{CalendarId, GroupId, PolicyId, TicketTypeId};
use crate::quantity::vocabulary;
use crate::text::Localized;
use crate::time::Span;

/// The only schema that this version reads.
pub const SCHEMA: &str = "forewarn.ticket-type/1";

/// Most fields that a report of any type may require.
pub const REQUIRED_MAX: usize = 17;

/// A ticket type.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TicketType {
    /// Always `forewarn.ticket-type/1`.
    pub schema: String,
    /// Its id.
    pub id: TicketTypeId,
    /// Its name.
    pub name: Localized,
    /// Which tickets are of it. Of several that match, the one with the most conditions is taken, and
    /// of those the first by id.
    #[serde(default)]
    pub when: Matches,
    /// Fields that a report must fill in.
    #[serde(default)]
    pub required: Vec<String>,
    /// Whose it is until somebody takes it.
    pub owner_group: GroupId,
    /// Who else has to know, for the reports.
    #[serde(default)]
    pub departments: Vec<String>,
    /// Who is called when nothing happens.
    pub escalation: PolicyId,
    /// What stops the clocks.
    #[serde(default = "every_wait")]
    pub pauses_for: Vec<WaitingFor>,
    /// The longest that it may be shelved.
    #[serde(default = "a_shift")]
    pub shelve_max: Span,
    /// How fast; the first row that matches counts.
    #[serde(rename = "sla")]
    pub sla: Vec<Sla>,
    /// What each command demands, by the command's word.
    #[serde(default)]
    pub evidence: BTreeMap<String, Vec<EvidenceKind>>,
}

/// Conditions on a ticket; an empty list takes all.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matches {
    /// Who found it.
    pub source: Vec<TicketSource>,
    /// Which queue.
    pub kind: Vec<TicketKind>,
    /// How much the plant depends on the device.
    pub criticality: Vec<Criticality>,
    /// How urgent.
    pub priority: Vec<Priority>,
}

impl Matches {
    /// Whether a ticket meets all conditions.
    #[must_use]
    pub fn takes(
        &self,
        source: TicketSource,
        kind: TicketKind,
        criticality: Criticality,
        priority: Priority,
    ) -> bool {
        takes(&self.source, &source)
            && takes(&self.kind, &kind)
            && takes(&self.criticality, &criticality)
            && takes(&self.priority, &priority)
    }

    /// How many conditions there are.
    #[must_use]
    pub fn conditions(&self) -> usize {
        [
            self.source.is_empty(),
            self.kind.is_empty(),
            self.criticality.is_empty(),
            self.priority.is_empty(),
        ]
        .into_iter()
        .filter(|is_empty| !is_empty)
        .count()
    }
}

/// Whether a list of conditions takes a word; an empty one takes all.
pub fn takes<T: PartialEq<U>, U: ?Sized>(list: &[T], word: &U) -> bool {
    list.is_empty() || list.iter().any(|it| it == word)
}

/// How fast a ticket must go on. A clock that is left out does not run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// For these priorities; empty for all.
    #[serde(default)]
    pub priority: Vec<Priority>,
    /// For devices of this criticality; empty for all.
    #[serde(default)]
    pub criticality: Vec<Criticality>,
    /// Whose hours count.
    pub calendar: CalendarId,
    /// From opening until somebody is on the way.
    pub respond: Option<Span>,
    /// From opening until somebody is at the machine.
    pub arrive: Option<Span>,
    /// From opening until the work is done.
    pub repair: Option<Span>,
    /// From done until the check.
    pub verify: Option<Span>,
    /// After which part of the time people are warned.
    #[serde(default = "three_quarters")]
    pub warn_percent: u8,
}

vocabulary!(
    /// Who found what a ticket is about.
    TicketSource, UnknownSource, "source of tickets", {
        /// Rules and models.
        Machine = "machine",
        /// A person.
        Person = "person",
        /// Another system.
        System = "system",
    }
);

vocabulary!(
    /// What may be demanded as evidence.
    EvidenceKind, UnknownEvidence, "kind of evidence", {
        /// A cause of the library.
        Cause = "cause",
        /// A list of points that were gone through.
        Checklist = "checklist",
        /// A measured value.
        Measurement = "measurement",
        /// What was done, in words.
        Note = "note",
        /// A spare part.
        Part = "part",
        /// A photo, by its hash.
        Photo = "photo",
        /// Being at the machine: its code, scanned.
        Position = "position",
        /// A signature.
        Signature = "signature",
        /// A short video, by its hash.
        Video = "video",
    }
);

fn every_wait() -> Vec<WaitingFor> {
    WaitingFor::ALL.to_vec()
}

fn a_shift() -> Span {
    Span::from_secs(8 * 3_600)
}

fn three_quarters() -> u8 {
    75
}
