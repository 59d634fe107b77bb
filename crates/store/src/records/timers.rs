//! Timers of tickets: rows that fire once.
//!
//! Rely on this: what a timer leads to and that it has fired are one commit, and the state `armed` is
//! left once, so two workers and a kill at any point fire it exactly once. A ticket that has ended has
//! no armed timer. Deliberately absent: waiting, and what time it is.

use forewarn_domain::id::PersonId;
use forewarn_domain::ticket::course::{ACTOR, Course, Crew, Facts, Moment, Process, Timer};
use forewarn_domain::ticket::{TicketEvent, TicketId, TimelineEntry};
use forewarn_domain::time::{Span, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::act::Act;
use super::journal::{self, Change};
use super::list::find;
use super::row::{parsed, time, time_opt};
use super::{Records, RecordsError, Sites, TicketRow, course, outbox, query};

/// A timer that fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// Of which ticket.
    pub ticket: TicketId,
    /// The number that people say.
    pub number: String,
    /// What for.
    pub name: String,
    /// When it was due.
    pub due_at: Time,
    /// How long after that it fired.
    pub late: Span,
    /// What came of it; `None` for a silent one.
    pub what: Option<TicketEvent>,
    /// Who was told by name.
    pub told: Vec<PersonId>,
}

/// A timer of a ticket, whatever became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TimerRow {
    /// What for.
    pub name: String,
    /// From 1; grows each time it is armed.
    pub generation: i64,
    /// When it is due.
    pub due_at: Time,
    /// `armed`, `fired`, `dropped`, or `stuck` when its ticket could not be read.
    pub state: String,
    /// When it fired.
    pub fired_at: Option<Time>,
    /// How long after its time.
    pub late: Option<Span>,
}

/// A timer that is due.
struct DueTimer {
    id: i64,
    ticket: TicketId,
    timer: Timer,
}

impl Records {
    /// When the next timer is due.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn next_timer(&self) -> Result<Option<Time>, RecordsError> {
        let row = query("SELECT MIN(due_at) AS due_at FROM timer WHERE state = 'armed'")
            .fetch_one(&self.reader)
            .await?;
        time_opt(&row, "due_at")
    }

    /// Every timer of a ticket, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn timers(&self, ticket: TicketId) -> Result<Vec<TimerRow>, RecordsError> {
        query(
            "SELECT name, generation, due_at, state, fired_at, late_us FROM timer
             WHERE ticket = $1 ORDER BY id",
        )
        .bind(ticket.to_string())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(TimerRow {
                name: row.try_get("name")?,
                generation: row.try_get("generation")?,
                due_at: time(row, "due_at")?,
                state: row.try_get("state")?,
                fired_at: time_opt(row, "fired_at")?,
                late: row.try_get::<Option<i64>, _>("late_us")?.map(Span::from_micros),
            })
        })
        .collect()
    }

    /// Fires what is due at `now`, at most `limit` timers, in one transaction.
    ///
    /// # Errors
    ///
    /// [`RecordsError`]; nothing has fired then.
    pub async fn fire_timers(&self, now: Time, limit: i64) -> Result<Vec<Fired>, RecordsError> {
        let mut tx = self.begin().await?;
        let due = due(&mut tx, now, limit).await?;
        let process = self.process(&mut tx).await?;
        let (Some(process), false) = (process, due.is_empty()) else { return Ok(Vec::new()) };
        let mut fired = Vec::new();
        let mut crew = course::crew(&mut tx, now).await?;
        for it in due {
            match self.fire(&mut tx, (&*process, &mut crew), &it, now).await {
                Ok(what) => fired.extend(what),
                Err(
                    error @ (RecordsError::Corrupt { .. } | RecordsError::UnknownTicket { .. }),
                ) => {
                    report_stuck(&it.timer, &error);
                    mark(&mut tx, it.id, "stuck", now).await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.finish(tx).await?;
        Ok(fired)
    }

    async fn fire(
        &self,
        tx: &mut AnyConnection,
        (process, crew): (&dyn Process, &mut Crew),
        due: &DueTimer,
        now: Time,
    ) -> Result<Option<Fired>, RecordsError> {
        let ticket = find(&mut *tx, &due.ticket.to_string(), &Sites::All).await?;
        if !ticket.state.is_open() {
            mark(tx, due.id, "dropped", now).await?;
            return Ok(None);
        }
        let standing = course::standing(&mut *tx, ticket.id).await?;
        let moment = Moment { at: now, crew };
        let course = process.fire(&Facts::from(&ticket), &standing, &due.timer, &moment);
        mark(&mut *tx, due.id, "fired", now).await?;
        course::apply(&mut *tx, ticket.id, &course, now).await?;
        if let Some(what) = course.what {
            self.tell(&mut *tx, (&ticket, &course), what, now).await?;
        }
        if let Some(command) = course.command {
            let (ticket, actor) = (ticket.id.to_string(), ACTOR.to_owned());
            let act = Act { ticket, command, actor, at: now, if_revision: None, request: None };
            match self.carry_out(&mut *tx, &act).await {
                Ok(acted) => hand_over(crew, acted.ticket.owner.as_deref()),
                Err(RecordsError::Illegal(_) | RecordsError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Fired {
            ticket: ticket.id,
            number: ticket.number,
            name: due.timer.name.clone(),
            due_at: due.timer.due_at,
            late: now - due.timer.due_at,
            what: course.what,
            told: course.tell,
        }))
    }

    /// One line of the history, one of the change log, one message for each channel.
    async fn tell(
        &self,
        tx: &mut AnyConnection,
        (ticket, course): (&TicketRow, &Course),
        what: TicketEvent,
        at: Time,
    ) -> Result<(), RecordsError> {
        let revision = ticket.revision + 1;
        query("UPDATE ticket SET revision = $1, updated_at = $2 WHERE id = $3")
            .bind(revision)
            .bind(at.micros())
            .bind(ticket.id.to_string())
            .execute(&mut *tx)
            .await?;
        let entry = TimelineEntry {
            at,
            actor: ACTOR.to_owned(),
            what: what.to_string(),
            state: ticket.state,
            note: course.note.clone(),
        };
        journal::write_timeline(&mut *tx, ticket.id, revision, &entry).await?;
        let (subject, device) = (ticket.id.to_string(), ticket.key.device.as_str());
        let change = Change { at, kind: "ticket.changed", subject: &subject, device };
        journal::write_change(&mut *tx, change).await?;
        let about = outbox::About { what, ticket: ticket.id, revision, to: &course.tell };
        outbox::address(tx, &self.notify, about, at).await
    }
}

fn report_stuck(timer: &Timer, error: &RecordsError) {
    let cause = error as &dyn std::error::Error;
    tracing::error!(error = cause, timer = timer.name, "a timer is stuck");
}

/// Counts a ticket that was given out, so that the next one in the same transaction sees it.
fn hand_over(crew: &mut Crew, owner: Option<&str>) {
    if let Some(person) = owner.and_then(|it| PersonId::new(it).ok()) {
        *crew.open.entry(person.clone()).or_default() += 1;
        *crew.recent.entry(person).or_default() += 1;
    }
}

async fn due(tx: &mut AnyConnection, now: Time, limit: i64) -> Result<Vec<DueTimer>, RecordsError> {
    query(
        "SELECT id, ticket, name, due_at FROM timer
         WHERE state = 'armed' AND due_at <= $1 ORDER BY due_at, id LIMIT $2",
    )
    .bind(now.micros())
    .bind(limit)
    .fetch_all(tx)
    .await?
    .iter()
    .map(due_timer)
    .collect()
}

fn due_timer(row: &AnyRow) -> Result<DueTimer, RecordsError> {
    let timer = Timer { name: row.try_get("name")?, due_at: time(row, "due_at")? };
    Ok(DueTimer { id: row.try_get("id")?, ticket: parsed(row, "ticket")?, timer })
}

async fn mark(
    tx: &mut AnyConnection,
    timer: i64,
    state: &'static str,
    now: Time,
) -> Result<(), RecordsError> {
    query(
        "UPDATE timer SET state = $1, fired_at = $2, late_us = $2 - due_at
         WHERE id = $3 AND state = 'armed'",
    )
    .bind(state)
    .bind(now.micros())
    .bind(timer)
    .execute(tx)
    .await?;
    Ok(())
}
