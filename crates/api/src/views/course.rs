//! The course of a ticket as it goes out: clocks with their counting, calls, candidates, demands.

use forewarn_domain::people::People;
use forewarn_domain::ticket::clock::Clock;
use forewarn_domain::ticket::course::{Crew, Facts, Missing, Standing};
use forewarn_domain::time::Time;
use forewarn_store::records::Shown;
use forewarn_tickets::dispatch::Candidate;
use forewarn_tickets::preview::Call;
use forewarn_tickets::{Handbook, words};
use serde::Serialize;
use utoipa::ToSchema;

use super::TextView;

/// What the plant's own rules make of a ticket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct CourseView {
    /// Its type in the version with which it was opened.
    pub ticket_type: Option<TypeView>,
    /// Which group has it.
    pub group: Option<NamedView>,
    /// Until when nobody is called for it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub shelved_until: Option<Time>,
    /// Its clocks, in the order in which they began.
    pub clocks: Vec<ClockView>,
    /// Who will be called next if nothing happens, soonest first.
    pub calls: Vec<CallView>,
    /// What is missing for commands that are legal now.
    pub missing: Vec<MissingView>,
    /// What was shown for it, oldest first.
    pub evidence: Vec<ShownView>,
}

/// Everything that a course is made of.
pub(crate) struct CourseParts<'a> {
    pub(crate) handbook: &'a Handbook,
    pub(crate) ticket: &'a Facts,
    pub(crate) standing: Standing,
    pub(crate) crew: &'a Crew,
    pub(crate) missing: Vec<Missing>,
    pub(crate) shown: Vec<Shown>,
}

impl From<CourseParts<'_>> for CourseView {
    fn from(parts: CourseParts<'_>) -> Self {
        let CourseParts { handbook, ticket, standing, crew, missing, shown } = parts;
        let clocks = standing.clocks.iter().map(|it| ClockView::new(it, handbook)).collect();
        let calls = if ticket.state.is_open() {
            handbook.preview(ticket, standing, crew)
        } else {
            Vec::new()
        };
        Self {
            ticket_type: ticket.ticket_type.as_ref().map(|named| TypeView {
                id: named.id.to_string(),
                version: named.version,
                name: handbook
                    .ticket_type(named)
                    .map_or_else(|| TextView::same(named.id.as_str()), |it| (&it.name).into()),
            }),
            group: ticket
                .group
                .as_ref()
                .map(|it| NamedView { id: it.to_string(), name: handbook.group_name(it).into() }),
            shelved_until: ticket.shelved_until,
            clocks,
            calls: calls
                .iter()
                .take(CALLS_MAX)
                .map(|it| CallView::new(it, handbook.people()))
                .collect(),
            missing: missing.into_iter().map(MissingView::from).collect(),
            evidence: shown.into_iter().map(ShownView::from).collect(),
        }
    }
}

/// A ticket type.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TypeView {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: TextView,
}

/// Something with a name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NamedView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: TextView,
}

/// A clock.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClockView {
    /// `respond`, `arrive`, `repair` or `verify`.
    pub kind: String,
    /// What it measures, in words.
    pub name: TextView,
    /// `running`, `paused`, `met`, `missed` or `dropped`.
    pub state: String,
    /// Whose hours count.
    pub calendar: NamedView,
    /// Working time that is allowed, in seconds.
    pub allowed_s: f64,
    /// Working time that was used before `since`, in seconds.
    pub used_s: f64,
    /// Since when it runs, or stands.
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// When it warns.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub warn_at: Option<Time>,
    /// Its deadline.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Time>,
    /// When the deadline passed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub breached_at: Option<Time>,
    /// When it was stopped for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Time>,
    /// How the deadline was counted, line by line.
    pub trace: Vec<TextView>,
}

impl ClockView {
    fn new(clock: &Clock, handbook: &Handbook) -> Self {
        Self {
            kind: clock.kind.to_string(),
            name: words::clock_name(clock.kind).into(),
            state: clock.state.to_string(),
            calendar: NamedView {
                id: clock.calendar.to_string(),
                name: handbook.calendar_name(&clock.calendar).into(),
            },
            allowed_s: clock.allowed.secs_f64(),
            used_s: clock.used.secs_f64(),
            since: clock.since,
            warn_at: clock.warn_at,
            due_at: clock.due_at,
            breached_at: clock.breached_at,
            ended_at: clock.ended_at,
            trace: handbook.explain(clock).into_iter().map(TextView::from).collect(),
        }
    }
}

/// A call that was or would be made.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// `opened`, `due_soon`, `overdue`, `escalated` or `unshelved`.
    pub what: String,
    /// Why, and what else happens.
    pub note: TextView,
    /// Who is called.
    pub people: Vec<PersonView>,
}

impl CallView {
    pub(crate) fn new(call: &Call, people: &People) -> Self {
        let person = |id: &forewarn_domain::id::PersonId| PersonView {
            id: id.to_string(),
            name: people.person(id).map_or_else(|| id.to_string(), |it| it.name.clone()),
        };
        Self {
            at: call.at,
            what: call.what.to_string(),
            note: (&call.note).into(),
            people: call.people.iter().map(person).collect(),
        }
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PersonView {
    /// The name of the account.
    pub id: String,
    /// The name.
    pub name: String,
}

/// Evidence that a command lacks.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MissingView {
    /// The command that demands it.
    pub command: String,
    /// What.
    pub evidence: String,
}

impl From<Missing> for MissingView {
    fn from(missing: Missing) -> Self {
        Self { command: missing.command, evidence: missing.evidence.to_string() }
    }
}

/// Something that was shown for a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ShownView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// By whom.
    pub actor: String,
    /// What kind.
    pub kind: String,
    /// What it says.
    pub body: String,
}

impl From<Shown> for ShownView {
    fn from(shown: Shown) -> Self {
        let Shown { at, actor, kind, body } = shown;
        Self { at, actor, kind: kind.to_string(), body }
    }
}

/// Who could go to a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CandidateView {
    /// Who.
    pub person: PersonView,
    /// The product of the parts, 0 to 1.
    pub score: f64,
    /// How well the person knows such faults.
    pub skill: f64,
    /// One over one and the open tickets in hand.
    pub load: f64,
    /// A half at 200 m.
    pub nearness: f64,
    /// How quickly such faults were repaired so far.
    pub learnt: f64,
    /// Less for who was given more than others in the last week.
    pub fairness: f64,
}

impl From<Candidate> for CandidateView {
    fn from(it: Candidate) -> Self {
        Self {
            person: PersonView { id: it.person.to_string(), name: it.name },
            score: it.score,
            skill: it.parts.skill,
            load: it.parts.load,
            nearness: it.parts.nearness,
            learnt: it.parts.learnt,
            fairness: it.parts.fairness,
        }
    }
}

/// As many as fit under a ticket on a phone.
const CALLS_MAX: usize = 8;
