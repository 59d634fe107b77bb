//! What people showed for a ticket: photos by hash, measurements, checklists, positions. Append-only.

use forewarn_domain::text::Localized;
use forewarn_domain::ticket::kind::EvidenceKind;
use forewarn_domain::ticket::{TicketId, TimelineEntry};
use forewarn_domain::time::Time;
use sqlx::{AnyConnection, Row};

use super::journal::{self, Change};
use super::list::find;
use super::row::{parsed, time};
use super::{Records, RecordsError, TicketRow, next, query};

/// Something that was shown for a ticket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shown {
    /// When.
    pub at: Time,
    /// By whom.
    pub actor: String,
    /// What kind.
    pub kind: EvidenceKind,
    /// What it says: words, a value with its unit, or the hash of a file.
    pub body: String,
}

impl Records {
    /// Keeps what was shown for a ticket.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownTicket`], or [`RecordsError::Ended`] for a ticket that is no longer open.
    pub async fn show_evidence(
        &self,
        ticket: &str,
        shown: &Shown,
    ) -> Result<TicketRow, RecordsError> {
        let mut tx = self.begin().await?;
        let mut row = find(&mut tx, ticket, &self.sites).await?;
        if !row.state.is_open() {
            return Err(RecordsError::Ended { number: row.number });
        }
        let number = next(&mut tx, "ticket_evidence").await?;
        query(
            "INSERT INTO ticket_evidence (number, ticket, at, actor, kind, body)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(number)
        .bind(row.id.to_string())
        .bind(shown.at.micros())
        .bind(shown.actor.as_str())
        .bind(shown.kind.as_str())
        .bind(shown.body.as_str())
        .execute(&mut *tx)
        .await?;
        row.revision += 1;
        row.updated_at = shown.at;
        query("UPDATE ticket SET revision = $1, updated_at = $2 WHERE id = $3")
            .bind(row.revision)
            .bind(shown.at.micros())
            .bind(row.id.to_string())
            .execute(&mut *tx)
            .await?;
        let entry = TimelineEntry {
            at: shown.at,
            actor: shown.actor.clone(),
            what: "evidence".to_owned(),
            state: row.state,
            note: Localized::same(format!("{}: {}", shown.kind, shown.body)),
        };
        journal::write_timeline(&mut tx, row.id, row.revision, &entry).await?;
        let (subject, device) = (row.id.to_string(), row.key.device.as_str());
        let change = Change { at: shown.at, kind: "ticket.changed", subject: &subject, device };
        journal::write_change(&mut tx, change).await?;
        self.finish(tx).await?;
        Ok(row)
    }

    /// Everything that was shown for a ticket, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn shown(&self, ticket: TicketId) -> Result<Vec<Shown>, RecordsError> {
        query("SELECT at, actor, kind, body FROM ticket_evidence WHERE ticket = $1 ORDER BY number")
            .bind(ticket.to_string())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(Shown {
                    at: time(row, "at")?,
                    actor: row.try_get("actor")?,
                    kind: parsed(row, "kind")?,
                    body: row.try_get("body")?,
                })
            })
            .collect()
    }
}

/// Kinds of evidence that were shown since a ticket opened, or was taken up again.
pub(super) async fn kinds(
    tx: &mut AnyConnection,
    ticket: TicketId,
) -> Result<Vec<EvidenceKind>, RecordsError> {
    query(
        "SELECT DISTINCT kind FROM ticket_evidence
         WHERE ticket = $1 AND at >= (
             SELECT COALESCE(MAX(at), 0) FROM timeline WHERE ticket = $1 AND what = 'reopen')",
    )
    .bind(ticket.to_string())
    .fetch_all(tx)
    .await?
    .iter()
    .map(|row| parsed(row, "kind"))
    .collect()
}
