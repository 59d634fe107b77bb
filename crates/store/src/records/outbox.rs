//! Messages to people, written with what they tell of and sent at least once.
//!
//! A message is one change of one ticket for one channel; its key never changes, so a receiver can
//! recognise a repeat. What a message says is made by whoever sends it, from the ticket as it is.

use forewarn_domain::ticket::TicketId;
use forewarn_domain::time::{Span, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::row::{parsed, time};
use super::{Records, RecordsError, next, query};

/// A message that waits to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its number; messages of a channel are sent in this order.
    pub id: i64,
    /// The same for every attempt.
    pub key: String,
    /// To which channel of people.
    pub channel: String,
    /// What happened: `opened`, `recurred`, `cleared`, or the word of a command.
    pub what: String,
    /// To which ticket.
    pub ticket: TicketId,
    /// When it happened.
    pub created_at: Time,
    /// How often it was tried, this attempt included.
    pub attempts: i64,
}

/// How full the outbox is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OutboxCounts {
    /// Still to be sent.
    pub waiting: i64,
    /// Given up.
    pub dead: i64,
}

/// What a message is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) what: &'a str,
    pub(super) ticket: TicketId,
    pub(super) revision: i64,
}

impl Records {
    /// Takes due messages for sending. Another claim does not get them before the lease is over, so
    /// a sender that dies loses nothing.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn claim_messages(
        &self,
        now: Time,
        lease: Span,
        limit: i64,
    ) -> Result<Vec<Message>, RecordsError> {
        let mut tx = self.begin().await?;
        let rows = query(
            "UPDATE outbox SET leased_until = $1, attempts = attempts + 1
             WHERE id IN (
                 SELECT id FROM outbox
                 WHERE sent_at IS NULL AND dead_at IS NULL AND next_at <= $2 AND leased_until <= $2
                 ORDER BY id LIMIT $3)
             RETURNING id, key, channel, kind, ticket, created_at, attempts",
        )
        .bind((now + lease).micros())
        .bind(now.micros())
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
        self.finish(tx).await?;
        let mut messages = rows.iter().map(message).collect::<Result<Vec<_>, _>>()?;
        messages.sort_by_key(|it| it.id);
        Ok(messages)
    }

    /// Marks a message as sent.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer; the message is then sent once more.
    pub async fn message_sent(&self, id: i64, at: Time) -> Result<(), RecordsError> {
        self.mark_message(
            "UPDATE outbox SET sent_at = $1, last_error = $2 WHERE id = $3",
            (id, at, None),
        )
        .await
    }

    /// Puts a message back until `next_at`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn message_failed(
        &self,
        id: i64,
        next_at: Time,
        error: &str,
    ) -> Result<(), RecordsError> {
        let sql = "UPDATE outbox SET next_at = $1, leased_until = 0, last_error = $2 WHERE id = $3";
        self.mark_message(sql, (id, next_at, Some(error))).await
    }

    /// Gives a message up; it stays visible in health.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn message_dead(&self, id: i64, at: Time, error: &str) -> Result<(), RecordsError> {
        let sql = "UPDATE outbox SET dead_at = $1, last_error = $2 WHERE id = $3";
        self.mark_message(sql, (id, at, Some(error))).await
    }

    /// How full the outbox is.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn outbox_counts(&self) -> Result<OutboxCounts, RecordsError> {
        let row = query(
            "SELECT COUNT(CASE WHEN dead_at IS NULL THEN 1 END) AS waiting, COUNT(dead_at) AS dead
             FROM outbox WHERE sent_at IS NULL",
        )
        .fetch_one(&self.reader)
        .await?;
        Ok(OutboxCounts { waiting: row.try_get("waiting")?, dead: row.try_get("dead")? })
    }

    async fn mark_message(
        &self,
        sql: &'static str,
        (id, at, error): (i64, Time, Option<&str>),
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query(sql)
            .bind(at.micros())
            .bind(error.map(str::to_owned))
            .bind(id)
            .execute(&mut *tx)
            .await?;
        self.finish(tx).await
    }
}

/// Writes one message for each channel.
pub(super) async fn address(
    tx: &mut AnyConnection,
    channels: &[String],
    about: About<'_>,
    at: Time,
) -> Result<(), RecordsError> {
    let About { what, ticket, revision } = about;
    for channel in channels {
        let id = next(tx, "message").await?;
        query(
            "INSERT INTO outbox (id, key, channel, kind, ticket, created_at, next_at, leased_until,
                 attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $6, 0, 0)",
        )
        .bind(id)
        .bind(format!("{what}/{ticket}/{revision}/{channel}"))
        .bind(channel.as_str())
        .bind(what)
        .bind(ticket.to_string())
        .bind(at.micros())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

fn message(row: &AnyRow) -> Result<Message, RecordsError> {
    Ok(Message {
        id: row.try_get("id")?,
        key: row.try_get("key")?,
        channel: row.try_get("channel")?,
        what: row.try_get("kind")?,
        ticket: parsed(row, "ticket")?,
        created_at: time(row, "created_at")?,
        attempts: row.try_get("attempts")?,
    })
}
