//! Stretches of trouble, as the engine last saw them.

use forewarn_domain::episode::{Episode, Phase};
use forewarn_domain::id::DeviceId;
use forewarn_domain::ticket::TicketId;
use sqlx::{AnyConnection, Row};

use super::row::{json, parsed_opt, to_json};
use super::{PageKey, Records, RecordsError};

/// An episode with the ticket that it went to.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeRow {
    /// The episode.
    pub episode: Episode,
    /// Its ticket, where it has one.
    pub ticket: Option<TicketId>,
    /// The ticket's number.
    pub number: Option<String>,
}

impl Records {
    /// Episodes, newest confirmation first; `after` continues a list behind its last row.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn episodes(
        &self,
        device: Option<&DeviceId>,
        after: Option<&PageKey>,
        limit: i64,
    ) -> Result<Vec<EpisodeRow>, RecordsError> {
        let (at, id) = PageKey::bound(after);
        sqlx::query(
            "SELECT e.body AS body, l.ticket AS ticket, t.number AS number
             FROM episode e
             LEFT JOIN ticket_episode l ON l.episode = e.id
             LEFT JOIN ticket t ON t.id = l.ticket
             WHERE ($1 = '' OR e.device = $1) AND (e.confirmed < $2 OR (e.confirmed = $2 AND e.id < $3))
             ORDER BY e.confirmed DESC, e.id DESC LIMIT $4",
        )
        .bind(device.map_or("", DeviceId::as_str))
        .bind(at)
        .bind(id)
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(EpisodeRow {
                episode: json(row, "body")?,
                ticket: parsed_opt(row, "ticket")?,
                number: row.try_get("number")?,
            })
        })
        .collect()
    }
}

/// Writes an episode over its older self; an older one (a replay) changes nothing.
pub(super) async fn put(tx: &mut AnyConnection, episode: &Episode) -> Result<(), RecordsError> {
    let written = sqlx::query(
        "INSERT INTO episode (id, site, device, component, fault_family, onset, confirmed, updated,
             phase, recurrences, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET onset = excluded.onset, updated = excluded.updated,
             phase = excluded.phase, recurrences = excluded.recurrences, body = excluded.body
         WHERE episode.updated <= excluded.updated",
    )
    .bind(episode.id.to_string())
    .bind(episode.key.site.as_str())
    .bind(episode.key.device.as_str())
    .bind(episode.key.component.as_str())
    .bind(episode.key.family.as_str())
    .bind(episode.onset.micros())
    .bind(episode.confirmed.micros())
    .bind(episode.updated.micros())
    .bind(episode.phase.as_str())
    .bind(i64::from(episode.recurrences))
    .bind(to_json("an episode", episode)?)
    .execute(&mut *tx)
    .await?;
    if written.rows_affected() == 1 && episode.phase == Phase::Active {
        // It raised its head again: the ticket must not go on saying that the signal is normal.
        sqlx::query("UPDATE ticket SET cleared_at = NULL WHERE episode = $1 AND cleared_at < $2")
            .bind(episode.id.to_string())
            .bind(episode.updated.micros())
            .execute(tx)
            .await?;
    }
    Ok(())
}
