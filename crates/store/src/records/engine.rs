//! Where the engine stands, and what reaches it besides readings.
//!
//! Inputs are numbered in the order of commits. Each remembers after which cursor it took effect, so
//! that a replay applies it at the same place; the engine takes inputs only between two commits.

use forewarn_domain::episode::EpisodeKey;
use forewarn_domain::reading::{Stream, StreamKey};
use forewarn_domain::repair::RepairRecord;
use forewarn_domain::stop::PlannedStop;
use forewarn_domain::ticket::{TicketId, TicketState, Verdict};
use forewarn_domain::time::Time;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::row::{json_opt, parsed, time, to_json};
use super::{Records, RecordsError, Snapshot, counter, next, query};

/// What people did that the engine must know.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Notice {
    /// A repair was written down without a ticket.
    RepairRecorded {
        /// The record.
        repair: RepairRecord,
    },
    /// A planned stop is over, early or in time.
    StopEnded {
        /// Its number.
        number: String,
    },
    /// Hours were planned in which machines stand.
    StopPlanned {
        /// Which, and when.
        stop: PlannedStop,
    },
    /// A ticket was closed; its repair ends what was learned as normal before.
    TicketClosed {
        /// Which.
        ticket: TicketId,
        /// What it was about.
        key: EpisodeKey,
        /// How it turned out.
        verdict: Verdict,
        /// What was done.
        repair: RepairRecord,
    },
    /// A ticket ended without a repair: there was no fault, or another ticket covers it.
    TicketDropped {
        /// Which.
        ticket: TicketId,
        /// What it was about.
        key: EpisodeKey,
        /// `false_alarm` or `duplicate`.
        state: TicketState,
    },
    /// A ticket that had ended is being worked on again.
    TicketReopened {
        /// Which.
        ticket: TicketId,
        /// What it is about.
        key: EpisodeKey,
    },
}

impl Notice {
    /// The word under which it is stored.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RepairRecorded { .. } => "repair_recorded",
            Self::StopEnded { .. } => "stop_ended",
            Self::StopPlanned { .. } => "stop_planned",
            Self::TicketClosed { .. } => "ticket_closed",
            Self::TicketDropped { .. } => "ticket_dropped",
            Self::TicketReopened { .. } => "ticket_reopened",
        }
    }
}

/// A numbered input of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineInput {
    /// Dense, in the order of commits, from 1.
    pub number: i64,
    /// When it was recorded.
    pub at: Time,
    /// A word for what it is.
    pub kind: String,
    /// The whole of it as JSON.
    pub body: String,
    /// After which cursors it took effect; `None` while the engine has not committed its effect.
    pub applies_after: Option<Vec<(StreamKey, u64)>>,
}

impl Records {
    /// The newest state of the engine; `None` before its first commit.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer or holds what cannot be read.
    pub async fn load_snapshot(&self) -> Result<Option<Snapshot>, RecordsError> {
        // One transaction, so that parts and cursors are of the same commit.
        let mut tx = self.begin().await?;
        let cursors = cursors(&mut tx).await?;
        let inputs_applied = counter(&mut tx, INPUTS_APPLIED).await?;
        let parts = query("SELECT part, body FROM engine_state ORDER BY part")
            .fetch_all(&mut *tx)
            .await?
            .iter()
            .map(|row| Ok((row.try_get("part")?, row.try_get("body")?)))
            .collect::<Result<Vec<(String, String)>, RecordsError>>()?;
        tx.rollback().await?;
        let is_fresh = parts.is_empty() && cursors.is_empty() && inputs_applied == 0;
        Ok((!is_fresh).then_some(Snapshot { parts, cursors, inputs_applied }))
    }

    /// Numbers and stores an input that no ticket or repair command made: an agent fell silent, a
    /// rule changed. `body` is JSON.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn append_input(
        &self,
        kind: &str,
        body: &str,
        at: Time,
    ) -> Result<EngineInput, RecordsError> {
        let mut tx = self.begin().await?;
        let input = put_input(&mut tx, kind, body.to_owned(), at).await?;
        self.finish(tx).await?;
        Ok(input)
    }

    /// Inputs after a number, in order, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer or holds what cannot be read.
    pub async fn inputs_after(
        &self,
        number: i64,
        limit: i64,
    ) -> Result<Vec<EngineInput>, RecordsError> {
        query(
            "SELECT number, at, kind, body, applies_after FROM engine_input
             WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(number)
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(input)
        .collect()
    }
}

pub(super) async fn put_notice(
    tx: &mut AnyConnection,
    notice: &Notice,
    at: Time,
) -> Result<EngineInput, RecordsError> {
    put_input(tx, notice.kind(), to_json("a notice", notice)?, at).await
}

pub(super) async fn put_input(
    tx: &mut AnyConnection,
    kind: &str,
    body: String,
    at: Time,
) -> Result<EngineInput, RecordsError> {
    let number = next(tx, "input").await?;
    query("INSERT INTO engine_input (number, at, kind, body) VALUES ($1, $2, $3, $4)")
        .bind(number)
        .bind(at.micros())
        .bind(kind)
        .bind(body.as_str())
        .execute(tx)
        .await?;
    Ok(EngineInput { number, at, kind: kind.to_owned(), body, applies_after: None })
}

pub(super) async fn put_snapshot(
    tx: &mut AnyConnection,
    snapshot: &Snapshot,
    at: Time,
) -> Result<(), RecordsError> {
    place_inputs(tx, snapshot.inputs_applied).await?;
    for (part, body) in &snapshot.parts {
        let query = if body.is_empty() {
            query("DELETE FROM engine_state WHERE part = $1").bind(part.as_str())
        } else {
            query(
                "INSERT INTO engine_state (part, body, at) VALUES ($1, $2, $3)
                 ON CONFLICT (part) DO UPDATE SET body = excluded.body, at = excluded.at",
            )
            .bind(part.as_str())
            .bind(body.as_str())
            .bind(at.micros())
        };
        query.execute(&mut *tx).await?;
    }
    for (key, next_seq) in &snapshot.cursors {
        query(
            "INSERT INTO engine_cursor (agent, epoch, stream, next_seq) VALUES ($1, $2, $3, $4)
             ON CONFLICT (agent, epoch, stream) DO UPDATE SET next_seq = excluded.next_seq",
        )
        .bind(key.agent.as_str())
        .bind(key.epoch.to_string())
        .bind(i64::from(key.stream.number()))
        .bind(i64::try_from(*next_seq).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Notes for newly applied inputs that they took effect after the cursors of the commit before.
async fn place_inputs(tx: &mut AnyConnection, applied: i64) -> Result<(), RecordsError> {
    if applied <= counter(tx, INPUTS_APPLIED).await? {
        return Ok(());
    }
    let before = cursors(tx).await?;
    query(
        "UPDATE engine_input SET applies_after = $1 WHERE number <= $2 AND applies_after IS NULL",
    )
    .bind(to_json("cursors", &before)?)
    .bind(applied)
    .execute(&mut *tx)
    .await?;
    query(
        "INSERT INTO counter (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(INPUTS_APPLIED)
    .bind(applied)
    .execute(tx)
    .await?;
    Ok(())
}

async fn cursors(tx: &mut AnyConnection) -> Result<Vec<(StreamKey, u64)>, RecordsError> {
    query("SELECT agent, epoch, stream, next_seq FROM engine_cursor ORDER BY agent, epoch, stream")
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| {
            let stream: i64 = row.try_get("stream")?;
            let stream = u8::try_from(stream).ok().and_then(|number| Stream::try_from(number).ok());
            let stream = stream.ok_or_else(|| RecordsError::Corrupt {
                column: "stream",
                text: row.try_get::<i64, _>("stream").unwrap_or_default().to_string(),
                reason: "streams are 0 to 2".to_owned(),
            })?;
            let key =
                StreamKey { agent: parsed(row, "agent")?, epoch: parsed(row, "epoch")?, stream };
            let next_seq: i64 = row.try_get("next_seq")?;
            Ok((key, u64::try_from(next_seq).unwrap_or(0)))
        })
        .collect()
}

fn input(row: &AnyRow) -> Result<EngineInput, RecordsError> {
    Ok(EngineInput {
        number: row.try_get("number")?,
        at: time(row, "at")?,
        kind: row.try_get("kind")?,
        body: row.try_get("body")?,
        applies_after: json_opt(row, "applies_after")?,
    })
}

/// The counter that holds [`Snapshot::inputs_applied`].
const INPUTS_APPLIED: &str = "inputs_applied";
