//! What a sender of messages needs: what is due, taking it, and saying what came of it.
//!
//! Rely on this: what was taken and never answered for is due again after its lease, so a sender that
//! dies loses nothing; the messages of a digest stay together over all attempts; a message that is
//! given up can go to a stand-in in the same transaction.

use forewarn_domain::family::Priority;
use forewarn_domain::ticket::TicketId;
use forewarn_domain::time::{Span, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Facts, New, put, standing};
use crate::records::row::{json, parsed_opt, time};
use crate::records::{Records, RecordsError, built, query};

/// A message that could be sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct DueMessage {
    /// Its number; messages of a channel are sent in this order.
    pub id: i64,
    /// Since when it waits.
    pub created_at: Time,
    /// How urgent.
    pub priority: Option<Priority>,
    /// The digest that it was sent in before, without success; empty when it must go alone.
    pub digest: Option<String>,
}

/// A message that was taken for sending.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its number.
    pub id: i64,
    /// The same for every attempt.
    pub key: String,
    /// To which channel of people.
    pub channel: String,
    /// What happened: `opened`, `recurred`, `cleared`, `notice`, or the word of a command.
    pub what: String,
    /// To which ticket; `None` for a notice.
    pub ticket: Option<TicketId>,
    /// When it happened.
    pub created_at: Time,
    /// How often it was tried, this attempt included.
    pub attempts: i64,
    /// What it says.
    pub facts: Facts,
}

/// What is sent at once: a message, or many that share the key of a digest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parcel<'a> {
    /// The digest of a channel.
    Digest {
        /// The channel.
        channel: &'a str,
        /// The digest's key.
        key: &'a str,
    },
    /// One message.
    One(i64),
}

impl Records {
    /// What a channel could send now, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn due_messages(
        &self,
        channel: &str,
        now: Time,
        limit: i64,
    ) -> Result<Vec<DueMessage>, RecordsError> {
        query(
            "SELECT id, created_at, priority, digest FROM outbox
             WHERE channel = $1 AND sent_at IS NULL AND dead_at IS NULL AND next_at <= $2
                 AND leased_until <= $2
             ORDER BY id LIMIT $3",
        )
        .bind(channel)
        .bind(now.micros())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(DueMessage {
                id: row.try_get("id")?,
                created_at: time(row, "created_at")?,
                priority: parsed_opt(row, "priority")?,
                digest: row.try_get("digest")?,
            })
        })
        .collect()
    }

    /// Takes messages, for a digest when there is a key for one. Another claim does not get them before
    /// the lease is over. Those that somebody else took meanwhile are left out.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn claim_messages(
        &self,
        ids: &[i64],
        digest: Option<&str>,
        now: Time,
        lease: Span,
    ) -> Result<Vec<Message>, RecordsError> {
        let mut tx = self.begin().await?;
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            let row = query(
                "UPDATE outbox SET leased_until = $1, attempts = attempts + 1,
                     digest = COALESCE($2, digest)
                 WHERE id = $3 AND sent_at IS NULL AND dead_at IS NULL AND leased_until <= $4
                 RETURNING id, key, channel, kind, ticket, created_at, attempts, facts",
            )
            .bind((now + lease).micros())
            .bind(digest.map(str::to_owned))
            .bind(*id)
            .bind(now.micros())
            .fetch_optional(&mut *tx)
            .await?;
            claimed.extend(row.as_ref().map(message).transpose()?);
        }
        self.finish(tx).await?;
        Ok(claimed)
    }

    /// Marks as delivered.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer; it is then sent once more.
    pub async fn message_sent(&self, parcel: Parcel<'_>, at: Time) -> Result<(), RecordsError> {
        self.mark_parcel("sent_at = $1, last_error = $2", parcel, (at, None)).await
    }

    /// Puts back until `next_at`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn message_failed(
        &self,
        parcel: Parcel<'_>,
        next_at: Time,
        error: &str,
    ) -> Result<(), RecordsError> {
        let set = "next_at = $1, leased_until = 0, last_error = $2";
        self.mark_parcel(set, parcel, (next_at, Some(error))).await
    }

    /// Gives up; it stays visible in health. With a stand-in, that channel gets the same messages in
    /// the same transaction, unless it has them already.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn message_dead(
        &self,
        parcel: Parcel<'_>,
        at: Time,
        error: &str,
        stand_in: Option<&str>,
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        let given_up = mark(&mut tx, "dead_at = $1, last_error = $2", parcel, (at, Some(error)));
        let rows = given_up.await?;
        if let Some(channel) = stand_in {
            for row in &rows {
                hand_over(&mut tx, row, channel, at).await?;
            }
        }
        self.finish(tx).await
    }

    /// Takes a digest apart: one of its messages is not accepted, so each must go alone.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn digest_apart(
        &self,
        channel: &str,
        key: &str,
        error: &str,
    ) -> Result<(), RecordsError> {
        let set = "next_at = $1, leased_until = 0, digest = '', last_error = $2";
        self.mark_parcel(set, Parcel::Digest { channel, key }, (Time::default(), Some(error))).await
    }

    /// Tries a message again that was given up; `false` when there is none of that number.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn revive_message(&self, id: i64, now: Time) -> Result<bool, RecordsError> {
        let mut tx = self.begin().await?;
        let sql = format!(
            "UPDATE outbox SET dead_at = NULL, next_at = $1, leased_until = 0, attempts = 0,
                 created_at = $1
             WHERE id = $2 AND dead_at IS NOT NULL AND {}",
            standing::of_ticket(3)
        );
        let revived = query(built(sql))
            .bind(now.micros())
            .bind(id)
            .bind(self.sites.stored())
            .execute(&mut *tx)
            .await?;
        self.finish(tx).await?;
        Ok(revived.rows_affected() == 1)
    }

    /// Gives up what is addressed to a channel that is set up no more; returns how many.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn abandon_messages(
        &self,
        channel: &str,
        at: Time,
        error: &str,
    ) -> Result<u64, RecordsError> {
        let mut tx = self.begin().await?;
        let given_up = query(
            "UPDATE outbox SET dead_at = $1, last_error = $2
             WHERE channel = $3 AND sent_at IS NULL AND dead_at IS NULL",
        )
        .bind(at.micros())
        .bind(error)
        .bind(channel)
        .execute(&mut *tx)
        .await?;
        self.finish(tx).await?;
        Ok(given_up.rows_affected())
    }

    async fn mark_parcel(
        &self,
        set: &'static str,
        parcel: Parcel<'_>,
        values: (Time, Option<&str>),
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        mark(&mut tx, set, parcel, values).await?;
        self.finish(tx).await
    }
}

/// Changes the messages of a parcel that are still to be answered for, and returns them.
async fn mark(
    tx: &mut AnyConnection,
    set: &'static str,
    parcel: Parcel<'_>,
    (at, error): (Time, Option<&str>),
) -> Result<Vec<AnyRow>, RecordsError> {
    let which = match parcel {
        Parcel::Digest { .. } => "channel = $3 AND digest = $4",
        Parcel::One(_) => "id = $3",
    };
    let sql = format!(
        "UPDATE outbox SET {set} WHERE {which} AND sent_at IS NULL AND dead_at IS NULL
         RETURNING key, channel, kind, ticket, facts, priority"
    );
    let statement = query(built(sql)).bind(at.micros()).bind(error.map(str::to_owned));
    let statement = match parcel {
        Parcel::Digest { channel, key } => statement.bind(channel.to_owned()).bind(key.to_owned()),
        Parcel::One(id) => statement.bind(id),
    };
    Ok(statement.fetch_all(tx).await?)
}

/// Writes for a stand-in what another channel could not deliver.
async fn hand_over(
    tx: &mut AnyConnection,
    row: &AnyRow,
    channel: &str,
    at: Time,
) -> Result<(), RecordsError> {
    let (key, from): (String, String) = (row.try_get("key")?, row.try_get("channel")?);
    let stem = key.strip_suffix(&from).map_or_else(|| format!("{key}/"), str::to_owned);
    let (what, ticket, facts): (String, String, String) =
        (row.try_get("kind")?, row.try_get("ticket")?, row.try_get("facts")?);
    let new = New {
        key: &format!("{stem}{channel}"),
        channel,
        what: &what,
        ticket: &ticket,
        facts: &facts,
        priority: parsed_opt(row, "priority")?,
    };
    put(tx, &new, at).await
}

pub(super) fn message(row: &AnyRow) -> Result<Message, RecordsError> {
    let ticket: String = row.try_get("ticket")?;
    Ok(Message {
        id: row.try_get("id")?,
        key: row.try_get("key")?,
        channel: row.try_get("channel")?,
        what: row.try_get("kind")?,
        // A notice has none; whatever else is written there is an id of ours.
        ticket: ticket.parse().ok(),
        created_at: time(row, "created_at")?,
        attempts: row.try_get("attempts")?,
        facts: json(row, "facts")?,
    })
}
