//! Features of captured waveforms by time, so that history can be run through bearing rules again.
//!
//! Their raw samples are files (`waveforms`); a burst whose samples are gone still counts here.

use forewarn_domain::channel::ChannelId;
use forewarn_domain::time::Time;
use forewarn_domain::waveform::Burst;

use super::row::{json, to_json};
use super::{Records, RecordsError, query};

impl Records {
    /// Keeps bursts; a known one stays as it is.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn put_bursts(&self, bursts: &[Burst]) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        for burst in bursts {
            query(
                "INSERT INTO burst (channel, t0, sha256, body) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (channel, t0, sha256) DO NOTHING",
            )
            .bind(burst.channel.as_str())
            .bind(burst.t0.micros())
            .bind(burst.sha256.to_string())
            .bind(to_json("a burst", burst)?)
            .execute(&mut *tx)
            .await?;
        }
        self.finish(tx).await
    }

    /// Bursts with `from <= t0 < to` in order of time.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn bursts(&self, from: Time, to: Time) -> Result<Vec<Burst>, RecordsError> {
        query("SELECT body FROM burst WHERE t0 >= $1 AND t0 < $2 ORDER BY t0, channel")
            .bind(from.micros())
            .bind(to.micros())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| json(row, "body"))
            .collect()
    }

    /// Bursts of one channel with `from <= t0 < to` in order of time, the newest `limit` of them.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn bursts_of(
        &self,
        channel: &ChannelId,
        from: Time,
        to: Time,
        limit: i64,
    ) -> Result<Vec<Burst>, RecordsError> {
        let rows = query(
            "SELECT body FROM burst WHERE channel = $1 AND t0 >= $2 AND t0 < $3
             ORDER BY t0 DESC LIMIT $4",
        )
        .bind(channel.as_str().to_owned())
        .bind(from.micros())
        .bind(to.micros())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().rev().map(|row| json(row, "body")).collect()
    }

    /// Forgets bursts before a time.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn drop_bursts(&self, before: Time) -> Result<(), RecordsError> {
        query("DELETE FROM burst WHERE t0 < $1")
            .bind(before.micros())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}
