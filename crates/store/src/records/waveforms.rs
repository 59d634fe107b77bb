//! Which raw waveforms are stored, and which must be kept because a ticket rests on them.
//!
//! The samples are files by their hash (`waveform_files`); here is only what is known about them.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::ticket::TicketId;
use forewarn_domain::time::Time;
use forewarn_domain::waveform::{Sha256, WaveformHeader};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use super::row::{json, parsed, time, to_json};
use super::{Records, RecordsError, built, query, sites};

/// A stored waveform.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveformRow {
    /// Its id, see [`WaveformHeader::id`].
    pub id: Uuid,
    /// What it is.
    pub header: WaveformHeader,
    /// When it was complete on the server.
    pub received_at: Time,
    /// Until when a ticket wants it kept.
    pub held_until: Option<Time>,
}

/// Which waveforms to list.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveformQuery {
    /// Of one waveform channel.
    pub channel: ChannelId,
    /// Captured from here on.
    pub from: Time,
    /// Captured before.
    pub to: Time,
    /// At most so many, the newest ones.
    pub limit: i64,
}

impl Records {
    /// Notes a waveform whose file is durable; `false` when it was noted before.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn insert_waveform(
        &self,
        id: Uuid,
        header: &WaveformHeader,
        received_at: Time,
    ) -> Result<bool, RecordsError> {
        let mut tx = self.begin().await?;
        let inserted = query(
            "INSERT INTO waveform (id, channel, t0, sha256, header, received_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(id.to_string())
        .bind(header.channel.as_str())
        .bind(header.t0.micros())
        .bind(header.sha256.to_string())
        .bind(to_json("a waveform header", header)?)
        .bind(received_at.micros())
        .execute(&mut *tx)
        .await?;
        self.finish(tx).await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Waveforms of a channel, newest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn waveforms(&self, query: &WaveformQuery) -> Result<Vec<WaveformRow>, RecordsError> {
        let sql = format!(
            "SELECT w.id AS id, w.header AS header, w.received_at AS received_at,
                 (SELECT MAX(h.held_until) FROM waveform_hold h WHERE h.sha256 = w.sha256) AS held
             FROM waveform w WHERE w.channel = $1 AND w.t0 >= $2 AND w.t0 < $3 AND {}
             ORDER BY w.t0 DESC, w.id DESC LIMIT $4",
            sites::of_channel("w.channel", 5)
        );
        super::query(built(sql))
            .bind(query.channel.as_str())
            .bind(query.from.micros())
            .bind(query.to.micros())
            .bind(query.limit)
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(waveform)
            .collect()
    }

    /// The waveform with these samples; the oldest one when two have the same.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn waveform(&self, sha256: Sha256) -> Result<Option<WaveformRow>, RecordsError> {
        let sql = format!(
            "SELECT w.id AS id, w.header AS header, w.received_at AS received_at,
                 (SELECT MAX(h.held_until) FROM waveform_hold h WHERE h.sha256 = w.sha256) AS held
             FROM waveform w WHERE w.sha256 = $1 AND {} ORDER BY w.t0, w.id LIMIT 1",
            sites::of_channel("w.channel", 2)
        );
        query(built(sql))
            .bind(sha256.to_string())
            .bind(self.sites.stored())
            .fetch_optional(&self.reader)
            .await?
            .as_ref()
            .map(waveform)
            .transpose()
    }

    /// Keeps a waveform for a ticket, at least until a time; it may arrive later than the hold.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn hold_waveform(
        &self,
        sha256: Sha256,
        ticket: TicketId,
        until: Time,
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        hold(&mut tx, (sha256, ticket), until).await?;
        self.finish(tx).await
    }

    /// Channels of which waveforms are stored, in order of name.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn waveform_channels(&self) -> Result<Vec<ChannelId>, RecordsError> {
        query("SELECT DISTINCT channel FROM waveform ORDER BY channel")
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| parsed(row, "channel"))
            .collect()
    }

    /// Waveforms of a channel, captured before a time, that nobody holds now, oldest first: these
    /// may be deleted.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn expired_waveforms(
        &self,
        channel: &ChannelId,
        captured_before: Time,
        now: Time,
        limit: i64,
    ) -> Result<Vec<WaveformRow>, RecordsError> {
        query(
            "SELECT w.id AS id, w.header AS header, w.received_at AS received_at,
                 CAST(NULL AS BIGINT) AS held
             FROM waveform w WHERE w.channel = $1 AND w.t0 < $2 AND NOT EXISTS (
                 SELECT 1 FROM waveform_hold h LEFT JOIN ticket t ON t.id = h.ticket
                 WHERE h.sha256 = w.sha256 AND (h.held_until > $3
                     OR t.state NOT IN ('closed', 'false_alarm', 'duplicate')))
             ORDER BY w.t0, w.id LIMIT $4",
        )
        .bind(channel.as_str())
        .bind(captured_before.micros())
        .bind(now.micros())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(waveform)
        .collect()
    }

    /// Whether another waveform has the same samples, and so the same file.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn shares_samples(&self, waveform: &WaveformRow) -> Result<bool, RecordsError> {
        let other = query("SELECT 1 AS one FROM waveform WHERE sha256 = $1 AND id <> $2 LIMIT 1")
            .bind(waveform.header.sha256.to_string())
            .bind(waveform.id.to_string())
            .fetch_optional(&self.reader)
            .await?;
        Ok(other.is_some())
    }

    /// Forgets a waveform; its file goes first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn forget_waveform(&self, id: Uuid) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query("DELETE FROM waveform WHERE id = $1").bind(id.to_string()).execute(&mut *tx).await?;
        self.finish(tx).await
    }
}

pub(super) async fn hold(
    tx: &mut AnyConnection,
    (sha256, ticket): (Sha256, TicketId),
    until: Time,
) -> Result<(), RecordsError> {
    query(
        "INSERT INTO waveform_hold (sha256, ticket, held_until) VALUES ($1, $2, $3)
         ON CONFLICT (sha256, ticket) DO UPDATE SET held_until = excluded.held_until
         WHERE waveform_hold.held_until < excluded.held_until",
    )
    .bind(sha256.to_string())
    .bind(ticket.to_string())
    .bind(until.micros())
    .execute(tx)
    .await?;
    Ok(())
}

fn waveform(row: &AnyRow) -> Result<WaveformRow, RecordsError> {
    let held: Option<i64> = row.try_get("held")?;
    Ok(WaveformRow {
        id: parsed(row, "id")?,
        header: json(row, "header")?,
        received_at: time(row, "received_at")?,
        held_until: held.map(Time::from_micros),
    })
}
