//! Writes the course of a ticket: clocks, timers, type and group, in the transaction that changes it.

use forewarn_domain::id::PersonId;
use forewarn_domain::ticket::TicketId;
use forewarn_domain::ticket::clock::Clock;
use forewarn_domain::ticket::course::{Course, Crew, Facts, Standing, Timer};
use forewarn_domain::time::{Span, Time};
use sqlx::{AnyConnection, Row};

use super::row::{json, time, to_json};
use super::{Records, RecordsError, TicketRow, next, query};

impl From<&TicketRow> for Facts {
    fn from(row: &TicketRow) -> Self {
        Self {
            id: row.id,
            number: row.number.clone(),
            key: row.key.clone(),
            kind: row.kind,
            source: row.source,
            priority: row.priority,
            state: row.state,
            waiting_for: row.waiting_for,
            owner: row.owner.clone(),
            group: row.group.clone(),
            ticket_type: row.ticket_type.clone(),
            opened_at: row.opened_at,
            shelved_until: row.shelved_until,
        }
    }
}

impl Records {
    /// Clocks and armed timers of a ticket.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn standing(&self, ticket: TicketId) -> Result<Standing, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        standing(&mut connection, ticket).await
    }

    /// What people have in hand, and how they fared.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn crew(&self, now: Time) -> Result<Crew, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        crew(&mut connection, now).await
    }
}

pub(super) async fn standing(
    tx: &mut AnyConnection,
    ticket: TicketId,
) -> Result<Standing, RecordsError> {
    let clocks = query("SELECT body FROM ticket_clock WHERE ticket = $1 ORDER BY place")
        .bind(ticket.to_string())
        .fetch_all(&mut *tx)
        .await?
        .iter()
        .map(|row| json(row, "body"))
        .collect::<Result<Vec<Clock>, _>>()?;
    let armed = query(
        "SELECT name, due_at FROM timer WHERE ticket = $1 AND state = 'armed'
         ORDER BY due_at, name",
    )
    .bind(ticket.to_string())
    .fetch_all(&mut *tx)
    .await?
    .iter()
    .map(|row| Ok(Timer { name: row.try_get("name")?, due_at: time(row, "due_at")? }))
    .collect::<Result<Vec<Timer>, RecordsError>>()?;
    Ok(Standing { clocks, armed })
}

/// Makes clocks, timers, type, group and shelf those of a course.
pub(super) async fn apply(
    tx: &mut AnyConnection,
    ticket: TicketId,
    course: &Course,
    at: Time,
) -> Result<(), RecordsError> {
    let id = ticket.to_string();
    if let Some(named) = &course.ticket_type {
        query("UPDATE ticket SET ticket_type = $1, type_version = $2 WHERE id = $3")
            .bind(named.id.as_str())
            .bind(named.version)
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
    }
    if let Some(group) = &course.group {
        query("UPDATE ticket SET owner_group = $1 WHERE id = $2")
            .bind(group.as_str())
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
    }
    if course.is_unshelved {
        query("UPDATE ticket SET shelved_until = NULL WHERE id = $1")
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
    }
    let known = standing(&mut *tx, ticket).await?;
    if known.clocks != course.clocks {
        put_clocks(&mut *tx, &id, &course.clocks).await?;
    }
    put_timers(tx, &id, (&known.armed, &course.timers), at).await
}

async fn put_clocks(
    tx: &mut AnyConnection,
    ticket: &str,
    clocks: &[Clock],
) -> Result<(), RecordsError> {
    for (place, clock) in clocks.iter().enumerate() {
        query(
            "INSERT INTO ticket_clock (ticket, place, kind, state, due_at, body)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (ticket, place) DO UPDATE
             SET kind = $3, state = $4, due_at = $5, body = $6",
        )
        .bind(ticket.to_owned())
        .bind(i64::try_from(place).unwrap_or(i64::MAX))
        .bind(clock.kind.as_str())
        .bind(clock.state.as_str())
        .bind(clock.due_at.map(Time::micros))
        .bind(to_json("a clock", clock)?)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn put_timers(
    tx: &mut AnyConnection,
    ticket: &str,
    (known, wanted): (&[Timer], &[Timer]),
    at: Time,
) -> Result<(), RecordsError> {
    for timer in known.iter().filter(|it| !wanted.contains(it)) {
        query(
            "UPDATE timer SET state = 'dropped'
             WHERE ticket = $1 AND name = $2 AND state = 'armed'",
        )
        .bind(ticket.to_owned())
        .bind(timer.name.as_str())
        .execute(&mut *tx)
        .await?;
    }
    for timer in wanted.iter().filter(|it| !known.contains(it)) {
        let id = next(&mut *tx, "timer").await?;
        query(
            "INSERT INTO timer (id, ticket, name, generation, due_at, state, armed_at)
             SELECT $1, $2, $3, 1 + COALESCE(MAX(generation), 0), $4, 'armed', $5
             FROM timer WHERE ticket = $2 AND name = $3",
        )
        .bind(id)
        .bind(ticket.to_owned())
        .bind(timer.name.as_str())
        .bind(timer.due_at.micros())
        .bind(at.micros())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

pub(super) async fn crew(tx: &mut AnyConnection, now: Time) -> Result<Crew, RecordsError> {
    let mut crew = Crew::default();
    let rows = query(
        "SELECT owner,
             COUNT(CASE WHEN state NOT IN ('closed', 'false_alarm', 'duplicate', 'done', 'verified')
                 THEN 1 END) AS in_hand,
             COUNT(CASE WHEN accepted_at >= $1 THEN 1 END) AS recent
         FROM ticket WHERE owner IS NOT NULL GROUP BY owner",
    )
    .bind((now - WEEK).micros())
    .fetch_all(&mut *tx)
    .await?;
    for row in rows {
        let owner: String = row.try_get("owner")?;
        // An account that is no person of the handbook is nobody to dispatch.
        let Ok(person) = PersonId::new(&owner) else { continue };
        let count = |column| Ok::<_, RecordsError>(small(row.try_get::<i64, _>(column)?));
        crew.open.insert(person.clone(), count("in_hand")?);
        crew.recent.insert(person, count("recent")?);
    }
    let rows = query(
        "SELECT owner, fault_family, COUNT(*) AS n, CAST(SUM(done_at - accepted_at) AS BIGINT) AS took FROM ticket
         WHERE owner IS NOT NULL AND done_at > accepted_at GROUP BY owner, fault_family",
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in rows {
        let owner: String = row.try_get("owner")?;
        let Ok(person) = PersonId::new(&owner) else { continue };
        let family = super::row::parsed(&row, "fault_family")?;
        let n: i64 = row.try_get("n")?;
        let took: i64 = row.try_get("took")?;
        let mean = Span::from_micros(took / n.max(1));
        crew.finished.insert((person, family), (small(n), mean));
    }
    Ok(crew)
}

fn small(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const WEEK: Span = Span::from_secs(7 * 86_400);
