//! The audit trail: who did what, in a chain that shows every later change.
//!
//! Rely on this: a row is written in the transaction of what it tells of, so neither is there without
//! the other; its number is dense; its hash covers it and everything before it. What a chain alone
//! cannot show, that its end was cut off or all of it was written anew, checkpoints show: see [`seal`].
//!
//! Deliberately absent: deleting and changing. The trail is not pruned.

pub mod chain;
pub mod seal;

use forewarn_domain::text::Localized;
use forewarn_domain::time::Time;
use forewarn_domain::waveform::Sha256;
use serde::Deserialize;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::row::{localized, parsed, time};
use super::{Records, RecordsError, next, query};
use chain::{AuditRow, GENESIS};
use seal::Checkpoint;

/// What is to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// Who: an account, or `forewarn` for the program itself.
    pub actor: String,
    /// What, as words with points: `session.open`, `denied`, `ticket.close`.
    pub action: String,
    /// To what.
    pub object: String,
    /// More; never a secret.
    pub detail: Value,
}

impl Deed {
    /// A deed without more to say.
    #[must_use]
    pub fn new(actor: &str, action: &str, object: &str, detail: Value) -> Self {
        let (actor, action, object) = (actor.to_owned(), action.to_owned(), object.to_owned());
        Self { actor, action, object, detail }
    }
}

impl Records {
    /// Writes down what is no part of another transaction, such as a refusal or an export.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn audit(&self, deed: &Deed, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        append(&mut tx, deed, at).await?;
        self.finish(tx).await
    }

    /// The trail after a number, oldest first, at most `limit` rows.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn audit_rows(&self, after: i64, limit: i64) -> Result<Vec<AuditRow>, RecordsError> {
        query("SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(after)
            .bind(limit)
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(audit_row)
            .collect()
    }

    /// Number and hash of the newest row; `None` for an empty trail.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn audit_head(&self) -> Result<Option<(i64, Sha256)>, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        head(&mut connection).await
    }

    /// Whether a ticket's history still says what this row says of it; rows about other things always
    /// agree. The chain guards itself, this guards what people read.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn history_agrees(&self, row: &AuditRow) -> Result<bool, RecordsError> {
        let Some(what) = row.action.strip_prefix("ticket.") else { return Ok(true) };
        let Ok(Told { revision, state, note }) = serde_json::from_str(&row.detail) else {
            return Ok(true);
        };
        let found = query(
            "SELECT at, actor, what, state, note_en, note_zh FROM timeline
             WHERE ticket = $1 AND revision = $2",
        )
        .bind(row.object.as_str())
        .bind(revision)
        .fetch_optional(&self.reader)
        .await?;
        let Some(found) = found else { return Ok(false) };
        let said = (row.at, row.actor.clone(), what.to_owned(), state, note);
        let history = (
            time(&found, "at")?,
            found.try_get("actor")?,
            found.try_get("what")?,
            found.try_get("state")?,
            localized(&found, "note_en", "note_zh")?,
        );
        Ok(said == history)
    }

    /// All checkpoints, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, RecordsError> {
        query("SELECT * FROM audit_checkpoint ORDER BY seq")
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(Checkpoint {
                    seq: row.try_get("seq")?,
                    hash: parsed(row, "hash")?,
                    at: time(row, "at")?,
                    public_key: row.try_get("public_key")?,
                    signature: row.try_get("signature")?,
                })
            })
            .collect()
    }

    /// Keeps a checkpoint; a second one for the same row is left out.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn put_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO audit_checkpoint (seq, hash, at, public_key, signature)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (seq) DO NOTHING",
        )
        .bind(checkpoint.seq)
        .bind(checkpoint.hash.to_string())
        .bind(checkpoint.at.micros())
        .bind(checkpoint.public_key.as_str())
        .bind(checkpoint.signature.as_str())
        .execute(&mut *tx)
        .await?;
        self.finish(tx).await
    }
}

/// What a row says of a line of a ticket's history.
#[derive(Deserialize)]
struct Told {
    revision: i64,
    state: String,
    note: Localized,
}

/// Writes a row inside a transaction. Transactions of ours write alone, so the row before is the last.
pub(super) async fn append(
    tx: &mut AnyConnection,
    deed: &Deed,
    at: Time,
) -> Result<(), RecordsError> {
    let before = head(&mut *tx).await?.map_or(GENESIS, |(_, hash)| hash);
    let mut row = AuditRow {
        seq: next(&mut *tx, "audit").await?,
        at,
        actor: deed.actor.clone(),
        action: deed.action.clone(),
        object: deed.object.clone(),
        detail: deed.detail.to_string(),
        hash: GENESIS,
    };
    row.hash = row.digest(&before);
    query(
        "INSERT INTO audit (seq, at, actor, action, object, detail, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(row.seq)
    .bind(row.at.micros())
    .bind(row.actor.as_str())
    .bind(row.action.as_str())
    .bind(row.object.as_str())
    .bind(row.detail.as_str())
    .bind(row.hash.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

async fn head(connection: &mut AnyConnection) -> Result<Option<(i64, Sha256)>, RecordsError> {
    query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(connection)
        .await?
        .map(|row| Ok((row.try_get("seq")?, parsed(&row, "hash")?)))
        .transpose()
}

fn audit_row(row: &AnyRow) -> Result<AuditRow, RecordsError> {
    Ok(AuditRow {
        seq: row.try_get("seq")?,
        at: time(row, "at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        object: row.try_get("object")?,
        detail: row.try_get("detail")?,
        hash: parsed(row, "hash")?,
    })
}
