//! The two logs: each ticket's history, and the numbered list of changes that browsers follow.

use forewarn_domain::text::Localized;
use forewarn_domain::ticket::{TicketId, TimelineEntry};
use forewarn_domain::time::Time;
use sqlx::{AnyConnection, Row};

use super::audit::{self, Deed};
use super::row::{localized, parsed, time};
use super::{Records, RecordsError, built, next, query, sites};

/// The counter that numbers the change log.
pub(super) const COUNTER: &str = "change";

/// One entry of the change log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedChange {
    /// Dense, in the order of commits.
    pub seq: i64,
    /// When it was recorded.
    pub at: Time,
    /// `ticket.opened`, `ticket.amended`, `ticket.changed`, or what the server adds.
    pub kind: String,
    /// The id of what changed.
    pub subject: String,
    /// The device that it concerns; empty for none.
    pub device: String,
}

/// A change that is not numbered yet.
pub(super) struct Change<'a> {
    pub(super) at: Time,
    pub(super) kind: &'static str,
    pub(super) subject: &'a str,
    pub(super) device: &'a str,
}

impl Records {
    /// Changes after a number, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn changes_after(
        &self,
        seq: i64,
        limit: i64,
    ) -> Result<Vec<LoggedChange>, RecordsError> {
        // A ticket and an anomaly say themselves where they belong; two sites may name devices alike.
        let sql = format!(
            "SELECT seq, at, kind, subject, device FROM event_log
             WHERE seq > $1 AND ($3 = '*' OR CASE
                 WHEN kind LIKE 'ticket.%' THEN
                     EXISTS (SELECT 1 FROM ticket t WHERE t.id = subject AND {})
                 WHEN kind LIKE 'anomaly.%' AND subject <> '' THEN
                     EXISTS (SELECT 1 FROM episode e WHERE e.id = subject AND {})
                 WHEN device <> '' THEN {}
                 ELSE 1 = 1 END)
             ORDER BY seq LIMIT $2",
            sites::of_site("t.site", 3),
            sites::of_site("e.site", 3),
            sites::of_device("event_log.device", 3)
        );
        query(built(sql))
            .bind(seq)
            .bind(limit)
            .bind(self.sites.stored())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(LoggedChange {
                    seq: row.try_get("seq")?,
                    at: time(row, "at")?,
                    kind: row.try_get("kind")?,
                    subject: row.try_get("subject")?,
                    device: row.try_get("device")?,
                })
            })
            .collect()
    }

    /// The history of a ticket, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn timeline(&self, ticket: TicketId) -> Result<Vec<TimelineEntry>, RecordsError> {
        query(
            "SELECT at, actor, what, state, note_en, note_zh FROM timeline
             WHERE ticket = $1 ORDER BY revision",
        )
        .bind(ticket.to_string())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(TimelineEntry {
                at: time(row, "at")?,
                actor: row.try_get("actor")?,
                what: row.try_get("what")?,
                state: parsed(row, "state")?,
                note: localized(row, "note_en", "note_zh")?,
            })
        })
        .collect()
    }

    /// Drops what nobody asks for any more: old changes, sent messages, used keys, ended sessions.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn prune(&self, now: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        for (sql, age_s) in PRUNED {
            query(sql)
                .bind(now.micros().saturating_sub(age_s * 1_000_000))
                .execute(&mut *tx)
                .await?;
        }
        self.finish(tx).await
    }
}

pub(super) async fn write_timeline(
    tx: &mut AnyConnection,
    ticket: TicketId,
    revision: i64,
    entry: &TimelineEntry,
) -> Result<(), RecordsError> {
    let Localized { en, zh } = &entry.note;
    query(
        "INSERT INTO timeline (ticket, revision, at, actor, what, state, note_en, note_zh)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(ticket.to_string())
    .bind(revision)
    .bind(entry.at.micros())
    .bind(entry.actor.as_str())
    .bind(entry.what.as_str())
    .bind(entry.state.as_str())
    .bind(en.as_str())
    .bind(zh.as_str())
    .execute(&mut *tx)
    .await?;
    // The same sentence goes into the chain, so that a history that was edited later is found out.
    let detail = serde_json::json!({
        "revision": revision,
        "state": entry.state,
        "note": entry.note,
    });
    let action = format!("ticket.{}", entry.what);
    let deed = Deed::new(&entry.actor, &action, &ticket.to_string(), detail);
    audit::append(tx, &deed, entry.at).await
}

pub(super) async fn write_change(
    tx: &mut AnyConnection,
    change: Change<'_>,
) -> Result<(), RecordsError> {
    let seq = next(tx, COUNTER).await?;
    query("INSERT INTO event_log (seq, at, kind, subject, device) VALUES ($1, $2, $3, $4, $5)")
        .bind(seq)
        .bind(change.at.micros())
        .bind(change.kind)
        .bind(change.subject)
        .bind(change.device)
        .execute(tx)
        .await?;
    Ok(())
}

const DAY_S: i64 = 86_400;

/// What is dropped, and after how many seconds. A browser that slept for a week reloads its page;
/// a client retries a request within a day; a sent message is of interest for a month.
const PRUNED: [(&str, i64); 4] = [
    ("DELETE FROM event_log WHERE at < $1", 7 * DAY_S),
    ("DELETE FROM outbox WHERE sent_at < $1", 30 * DAY_S),
    ("DELETE FROM idempotency WHERE at < $1", DAY_S),
    ("DELETE FROM session WHERE expires_at < $1", 0),
];
