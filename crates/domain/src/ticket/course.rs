//! The course of a ticket: what a plant's own rules make of each thing that happens to it.
//!
//! A records store asks a [`Process`] inside the transaction that changes a ticket, so that clocks,
//! timers and messages are committed with the change or not at all. Rely on this: a process is a
//! function of its arguments. Deliberately absent: which process there is; the tickets crate has it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::kind::{EvidenceKind, TicketSource};
use super::state::{Command, TicketState};
use super::{TicketEvent, TicketId, WaitingFor};
use crate::episode::EpisodeKey;
use crate::family::{FaultFamily, Priority, TicketKind};
use crate::id::{GroupId, PersonId, TicketTypeId};
use crate::text::Localized;
use crate::time::{Span, Time};

/// What decides the course of tickets.
pub trait Process: Debug + Send + Sync {
    /// A ticket opens.
    fn open(&self, ticket: &Facts, at: Time) -> Course;

    /// Whether a command that the transition table allows has the evidence that the type demands.
    ///
    /// # Errors
    ///
    /// [`Refusal`] with everything that is missing.
    fn permit(&self, asked: &Asked<'_>) -> Result<Permit, Refusal>;

    /// A ticket changed by a command, or by what became known of it.
    fn follow(&self, before: &Facts, after: &Facts, standing: &Standing, at: Time) -> Course;

    /// A timer of a ticket fired.
    fn fire(&self, ticket: &Facts, standing: &Standing, timer: &Timer, now: &Moment<'_>) -> Course;
}

/// A text of the plant's rules: people, rotas, calendars, policies, ticket types.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// One of [`KINDS`].
    pub kind: String,
    /// Its name within the kind.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// The text.
    pub toml: String,
}

/// Kinds of documents that make up a process.
pub const KINDS: [&str; 5] = [CALENDAR, PEOPLE, ROTA, ESCALATION, TICKET_TYPE];

/// A working calendar.
pub const CALENDAR: &str = "calendar";
/// People, groups and areas.
pub const PEOPLE: &str = "people";
/// A group's rota.
pub const ROTA: &str = "rota";
/// An escalation policy.
pub const ESCALATION: &str = "escalation";
/// A ticket type. Every version of it counts, since a ticket keeps its own.
pub const TICKET_TYPE: &str = "ticket_type";

/// What a process looks at of a ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Its id.
    pub id: TicketId,
    /// The number that people say.
    pub number: String,
    /// What it is about.
    pub key: EpisodeKey,
    /// Which queue.
    pub kind: TicketKind,
    /// Who found it.
    pub source: TicketSource,
    /// How urgent.
    pub priority: Priority,
    /// Where it stands.
    pub state: TicketState,
    /// What it waits for, while it does.
    pub waiting_for: Option<WaitingFor>,
    /// Whose it is.
    pub owner: Option<String>,
    /// Which group has it.
    pub group: Option<GroupId>,
    /// Its type; `None` for a ticket from before there were types.
    pub ticket_type: Option<TypeRef>,
    /// When it was opened.
    pub opened_at: Time,
    /// Until when nobody is called for it.
    pub shelved_until: Option<Time>,
}

/// A ticket type in one version.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct TypeRef {
    /// Its id.
    pub id: TicketTypeId,
    /// Its version.
    pub version: i64,
}

/// A command with what was shown for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<'a> {
    /// The ticket before it.
    pub ticket: &'a Facts,
    /// The state after it.
    pub next: TicketState,
    /// The command.
    pub command: &'a Command,
    /// Kinds of evidence that are on the ticket.
    pub evidence: &'a [EvidenceKind],
    /// When.
    pub at: Time,
}

/// What a command that is permitted leaves out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Permit {
    /// States of the usual way that are passed over.
    pub skipped: Vec<TicketState>,
    /// What the timeline says of that.
    pub note: Localized,
}

/// Why a command that the table allows is refused by the ticket's type.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Evidence is missing.
    #[error("missing: {}", listed(.0))]
    Missing(Vec<Missing>),
    /// It may not be shelved for so long, or into the past.
    #[error("it may be shelved for at most {longest} from now")]
    Shelf {
        /// The longest.
        longest: Span,
    },
}

fn listed(missing: &[Missing]) -> String {
    let each: Vec<String> =
        missing.iter().map(|it| format!("{} for `{}`", it.evidence, it.command)).collect();
    each.join(", ")
}

/// What a command lacks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Missing {
    /// The command that demands it; one that would be passed over, too.
    pub command: String,
    /// What.
    pub evidence: EvidenceKind,
}

/// Clocks and timers of a ticket as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Every clock, oldest first; the last one of a kind counts.
    pub clocks: Vec<Clock>,
    /// Timers that have not fired.
    pub armed: Vec<Timer>,
}

/// A point in time at which something is to be done about a ticket.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timer {
    /// What for; unique among the armed timers of a ticket.
    pub name: String,
    /// When.
    pub due_at: Time,
}

/// What is looked at when a timer fires.
#[derive(Clone, Debug)]
pub struct Moment<'a> {
    /// Now.
    pub at: Time,
    /// What people have in hand.
    pub crew: &'a Crew,
}

/// What people have in hand, and how they fared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crew {
    /// Open tickets of each owner.
    pub open: BTreeMap<PersonId, u32>,
    /// Tickets that each took or was given in the last seven days.
    pub recent: BTreeMap<PersonId, u32>,
    /// How many tickets of a family each finished, and how long one took from accepted to done.
    pub finished: BTreeMap<(PersonId, FaultFamily), (u32, Span)>,
}

/// What a process wants written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// The type of the ticket, where it gets one.
    pub ticket_type: Option<TypeRef>,
    /// The group that has it from now on, where that changes.
    pub group: Option<GroupId>,
    /// Every clock as it now is.
    pub clocks: Vec<Clock>,
    /// Every timer that is armed from now on; others are taken back.
    pub timers: Vec<Timer>,
    /// Whom to tell; nobody by name means whoever reads the channel.
    pub tell: Vec<PersonId>,
    /// What the timeline and the message say happened; `None` is silent.
    pub what: Option<TicketEvent>,
    /// What the timeline says.
    pub note: Localized,
    /// A command that the process itself gives, e.g. naming an owner.
    pub command: Option<Command>,
    /// Whether the ticket comes off the shelf.
    pub is_unshelved: bool,
}

/// Under which name the process appears in a ticket's history.
pub const ACTOR: &str = "forewarn";
