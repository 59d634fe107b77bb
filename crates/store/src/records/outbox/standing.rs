//! Where messages stand, for people who look: one by one, and by channel.

use forewarn_domain::ticket::TicketId;
use forewarn_domain::time::Time;
use sqlx::Row;

use super::sending::{Message, message};
use crate::records::row::{time, time_opt};
use crate::records::{Records, RecordsError, built, query, sites};

/// Where a message stands.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    /// The message.
    pub message: Message,
    /// When it was delivered.
    pub sent_at: Option<Time>,
    /// When it was given up.
    pub dead_at: Option<Time>,
    /// When it is tried next.
    pub next_at: Time,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// In which digest it went.
    pub digest: Option<String>,
}

/// How full the outbox of a channel is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChannelCounts {
    /// The channel.
    pub channel: String,
    /// Still to be sent.
    pub waiting: i64,
    /// Given up.
    pub dead: i64,
    /// Delivered, as far as it is remembered.
    pub sent: i64,
    /// Since when the oldest one waits.
    pub oldest: Option<Time>,
}

/// How full the outbox is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OutboxCounts {
    /// Still to be sent.
    pub waiting: i64,
    /// Given up.
    pub dead: i64,
}

/// Which messages a list is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageFilter {
    /// Of this ticket.
    pub ticket: Option<TicketId>,
    /// For this channel.
    pub channel: Option<String>,
    /// Only those that were given up.
    pub is_dead: bool,
}

impl Records {
    /// When something was sent over a channel after a time, and how many messages were in it.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn sent_parcels(
        &self,
        channel: &str,
        after: Time,
    ) -> Result<Vec<(Time, i64)>, RecordsError> {
        query(
            "SELECT MAX(sent_at) AS at, COUNT(*) AS messages FROM outbox
             WHERE channel = $1 AND sent_at > $2
             GROUP BY COALESCE(NULLIF(digest, ''), key)",
        )
        .bind(channel)
        .bind(after.micros())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| Ok((time(row, "at")?, row.try_get("messages")?)))
        .collect()
    }

    /// Messages with where they stand, newest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn messages(
        &self,
        filter: &MessageFilter,
        limit: i64,
    ) -> Result<Vec<MessageRow>, RecordsError> {
        let sql = format!(
            "SELECT id, key, channel, kind, ticket, created_at, attempts, facts, sent_at, dead_at,
                 next_at, last_error, digest
             FROM outbox
             WHERE ($1 = '' OR ticket = $1) AND ($2 = '' OR channel = $2)
                 AND ($3 = 0 OR dead_at IS NOT NULL) AND {}
             ORDER BY id DESC LIMIT $4",
            of_ticket(5)
        );
        query(built(sql))
            .bind(filter.ticket.map(|it| it.to_string()).unwrap_or_default())
            .bind(filter.channel.clone().unwrap_or_default())
            .bind(i64::from(filter.is_dead))
            .bind(limit)
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(MessageRow {
                    message: message(row)?,
                    sent_at: time_opt(row, "sent_at")?,
                    dead_at: time_opt(row, "dead_at")?,
                    next_at: time(row, "next_at")?,
                    last_error: row.try_get("last_error")?,
                    digest: row.try_get("digest")?,
                })
            })
            .collect()
    }

    /// How full the outbox is.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn outbox_counts(&self) -> Result<OutboxCounts, RecordsError> {
        let channels = self.channel_counts().await?;
        Ok(OutboxCounts {
            waiting: channels.iter().map(|it| it.waiting).sum(),
            dead: channels.iter().map(|it| it.dead).sum(),
        })
    }

    /// How full the outbox of each channel is.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn channel_counts(&self) -> Result<Vec<ChannelCounts>, RecordsError> {
        query(
            "SELECT channel, COUNT(sent_at) AS sent, COUNT(dead_at) AS dead,
                 COUNT(CASE WHEN sent_at IS NULL AND dead_at IS NULL THEN 1 END) AS waiting,
                 MIN(CASE WHEN sent_at IS NULL AND dead_at IS NULL THEN created_at END) AS oldest
             FROM outbox GROUP BY channel ORDER BY channel",
        )
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(ChannelCounts {
                channel: row.try_get("channel")?,
                waiting: row.try_get("waiting")?,
                dead: row.try_get("dead")?,
                sent: row.try_get("sent")?,
                oldest: time_opt(row, "oldest")?,
            })
        })
        .collect()
    }
}

/// The condition that a message is about a ticket of the sites bound as parameter `place`.
pub(super) fn of_ticket(place: usize) -> String {
    let condition = sites::of_site("t.site", place);
    format!(
        "(${place} = '*' OR EXISTS
             (SELECT 1 FROM ticket t WHERE t.id = outbox.ticket AND {condition}))"
    )
}
