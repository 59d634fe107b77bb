//! Messages to people, written with what they tell of and sent at least once.
//!
//! A message is one change of one ticket for one channel; its key never changes, so a receiver can
//! recognise a repeat, and its facts are those of the change, whatever happens to the ticket later.
//! Who sends, when, and in which words is decided elsewhere; [`sending`] is what a sender needs.

pub(super) mod sending;
pub(super) mod standing;

use std::fmt;
use std::sync::Arc;

use forewarn_domain::cause::RankedCause;
use forewarn_domain::family::{FaultFamily, Priority, TicketKind};
use forewarn_domain::id::{ComponentId, DeviceId, PersonId};
use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{Summary, TicketEvent, TicketId, TicketState, WaitingFor};
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::row::{json, localized, parsed, parsed_opt, time, to_json};
use super::{Records, RecordsError, next, query};

/// What a message says of a ticket, as it was when the message was written.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Facts {
    /// The ticket's number; empty for a notice about Forewarn itself.
    #[serde(default)]
    pub number: String,
    /// Who is meant by name; empty means whoever reads the channel.
    #[serde(default)]
    pub to: Vec<PersonId>,
    /// On which device.
    pub device: Option<DeviceId>,
    /// On which part of it.
    pub component: Option<ComponentId>,
    /// Which family of faults.
    pub family: Option<FaultFamily>,
    /// In which queue.
    pub kind: Option<TicketKind>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// In which state.
    pub state: Option<TicketState>,
    /// Whose.
    pub owner: Option<String>,
    /// What it waits for.
    pub waiting_for: Option<WaitingFor>,
    /// The first line of the summary, or of the notice.
    #[serde(default)]
    pub headline: Localized,
    /// How urgent, in words.
    #[serde(default)]
    pub urgency: Localized,
    /// The likeliest cause.
    pub cause: Option<LikelyCause>,
    /// What to do first.
    pub action: Option<Localized>,
    /// How often the trouble came.
    #[serde(default)]
    pub occurrences: i64,
    /// When the ticket was opened.
    pub opened_at: Option<Time>,
    /// The incident that the ticket came in.
    #[serde(default)]
    pub incident: Option<String>,
}

/// The likeliest cause of a ticket.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LikelyCause {
    /// Its name.
    pub name: Localized,
    /// Probability, 0 to 1.
    pub p: f64,
}

/// What is told without a ticket: a key is about to expire, a day is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The same for every time that it is written; only the first one counts.
    pub key: String,
    /// To which channel.
    pub channel: String,
    /// What it is about, in a word: `notice`, `day`.
    pub what: &'static str,
    /// What it says.
    pub headline: Localized,
    /// How urgent, where that is a matter.
    pub priority: Option<Priority>,
}

/// A change that channels are looked up for.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// What happened.
    pub event: TicketEvent,
    /// How urgent.
    pub priority: Priority,
    /// On which device.
    pub device: &'a DeviceId,
    /// Which family of faults.
    pub family: FaultFamily,
    /// When.
    pub at: Time,
}

/// Says to which channels a change is addressed. It must be quick and always give the same answer: it
/// is asked inside the transaction of the change.
#[derive(Clone)]
pub struct Routes(Arc<Route>);

type Route = dyn Fn(&Addressed<'_>) -> Vec<String> + Send + Sync;

impl Routes {
    /// Routes by a function.
    pub fn new(route: impl Fn(&Addressed<'_>) -> Vec<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(route))
    }

    /// Everything to the same channels.
    #[must_use]
    pub fn all_to(channels: Vec<String>) -> Self {
        Self::new(move |_| channels.clone())
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Routes(..)")
    }
}

/// What a message is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) what: TicketEvent,
    pub(super) ticket: TicketId,
    pub(super) revision: i64,
    pub(super) to: &'a [PersonId],
}

impl Records {
    /// Writes a notice, once.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn give_notice(&self, notice: &Notice, at: Time) -> Result<(), RecordsError> {
        let facts = Facts {
            headline: notice.headline.clone(),
            priority: notice.priority,
            ..Facts::default()
        };
        let new = New {
            key: &notice.key,
            channel: &notice.channel,
            what: notice.what,
            ticket: "",
            facts: &to_json("the facts of a notice", &facts)?,
            priority: notice.priority,
        };
        let mut tx = self.begin().await?;
        put(&mut tx, &new, at).await?;
        self.finish(tx).await
    }
}

/// Writes one message for each channel that wants to know.
pub(super) async fn address(
    tx: &mut AnyConnection,
    routes: &Routes,
    about: About<'_>,
    at: Time,
) -> Result<(), RecordsError> {
    let About { what, ticket, revision, to } = about;
    let row = query(
        "SELECT number, device, component, fault_family, kind, priority, state, owner, waiting_for,
             headline_en, headline_zh, draft, occurrences, opened_at, incident
         FROM ticket WHERE id = $1",
    )
    .bind(ticket.to_string())
    .fetch_one(&mut *tx)
    .await?;
    let (device, family, priority) =
        (parsed(&row, "device")?, parsed(&row, "fault_family")?, parsed(&row, "priority")?);
    let addressed = Addressed { event: what, priority, device: &device, family, at };
    let channels = (routes.0)(&addressed);
    if channels.is_empty() {
        return Ok(());
    }
    let facts = to_json("the facts of a message", &facts(&row, to)?)?;
    let id = ticket.to_string();
    for channel in &channels {
        let key = format!("{what}/{id}/{revision}/{channel}");
        let (ticket, facts) = (id.as_str(), facts.as_str());
        let new = New {
            key: &key,
            channel,
            what: what.as_str(),
            ticket,
            facts,
            priority: Some(priority),
        };
        put(&mut *tx, &new, at).await?;
    }
    Ok(())
}

/// A message that is not numbered yet.
struct New<'a> {
    key: &'a str,
    channel: &'a str,
    what: &'a str,
    ticket: &'a str,
    facts: &'a str,
    priority: Option<Priority>,
}

/// Writes a message unless one with its key is there.
async fn put(tx: &mut AnyConnection, new: &New<'_>, at: Time) -> Result<(), RecordsError> {
    let id = next(tx, "message").await?;
    query(
        "INSERT INTO outbox (id, key, channel, kind, ticket, created_at, next_at, leased_until,
             attempts, facts, priority)
         VALUES ($1, $2, $3, $4, $5, $6, $6, 0, 0, $7, $8)
         ON CONFLICT (key) DO NOTHING",
    )
    .bind(id)
    .bind(new.key)
    .bind(new.channel)
    .bind(new.what)
    .bind(new.ticket)
    .bind(at.micros())
    .bind(new.facts)
    .bind(new.priority.map(|it| it.as_str().to_owned()))
    .execute(tx)
    .await?;
    Ok(())
}

/// The two fields of a draft that a message speaks of.
#[derive(Deserialize)]
struct Told {
    summary: Summary,
    causes: Vec<RankedCause>,
}

fn facts(row: &AnyRow, to: &[PersonId]) -> Result<Facts, RecordsError> {
    let told: Told = json(row, "draft")?;
    let likeliest = told.causes.into_iter().next();
    Ok(Facts {
        to: to.to_vec(),
        number: row.try_get::<Option<String>, _>("number")?.unwrap_or_default(),
        device: Some(parsed(row, "device")?),
        component: Some(parsed(row, "component")?),
        family: Some(parsed(row, "fault_family")?),
        kind: Some(parsed(row, "kind")?),
        priority: Some(parsed(row, "priority")?),
        state: Some(parsed(row, "state")?),
        owner: row.try_get("owner")?,
        waiting_for: parsed_opt(row, "waiting_for")?,
        headline: localized(row, "headline_en", "headline_zh")?,
        urgency: told.summary.urgency,
        cause: likeliest.map(|it| LikelyCause { name: it.name, p: it.p }),
        action: told.summary.actions.into_iter().next().map(|it| it.text),
        occurrences: row.try_get("occurrences")?,
        opened_at: Some(time(row, "opened_at")?),
        incident: row.try_get("incident")?,
    })
}
