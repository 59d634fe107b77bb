//! The plant's own rules of tickets: versioned documents, and the process that is read from them.
//!
//! Rely on this: a change is in force for the next transaction, whichever process makes it, since each
//! transaction looks at the counter of changes. A text that cannot be read never takes the place of
//! one that could. Deliberately absent: what the texts say.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use forewarn_domain::ticket::course::{Document, KINDS, Process};
use forewarn_domain::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::config::{self, NewConfig};
use super::journal::{self, Change};
use super::{Records, RecordsError, built, counter, next, query};

/// Reads documents; the error names the document and what is wrong.
pub type ReadHandbook = Arc<dyn Fn(&[Document]) -> Result<Arc<dyn Process>, String> + Send + Sync>;

/// The reader, and what it read last.
#[derive(Clone)]
pub(super) struct Slot {
    read: ReadHandbook,
    known: Arc<Mutex<Option<Known>>>,
}

/// What was read of the documents when their counter stood there.
type Known = (i64, Arc<dyn Process>);

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl Records {
    /// The same store, with tickets that take the course that `read` makes of the stored documents.
    #[must_use]
    pub fn with_handbook(mut self, read: ReadHandbook) -> Self {
        self.handbook = Some(Slot { read, known: Arc::default() });
        self
    }

    /// Stores the documents that are not there yet, as version 1.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn seed_documents(&self, seeds: &[Document], at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        let mut is_changed = false;
        for seed in seeds {
            if config::newest(&mut tx, &seed.kind, &seed.id).await?.is_none() {
                let new = NewConfig {
                    kind: seed.kind.clone(),
                    id: seed.id.clone(),
                    author: "forewarn".to_owned(),
                    reason: "first start".to_owned(),
                    toml: seed.toml.clone(),
                };
                config::put_version(&mut tx, &new, at).await?;
                is_changed = true;
            }
        }
        if is_changed {
            next(&mut tx, COUNTER).await?;
        }
        self.finish(tx).await
    }

    /// The documents in force; of ticket types every version, since tickets keep theirs.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn documents(&self) -> Result<Vec<Document>, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        documents(&mut connection).await
    }

    /// Puts a document into force, if `base_version` is the one in force (0 for a new one) and the
    /// handbook can still be read with it.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Overtaken`] when somebody was quicker, [`RecordsError::Handbook`] when it
    /// cannot come into force.
    pub async fn change_document(
        &self,
        new: &NewConfig,
        base_version: i64,
        at: Time,
    ) -> Result<i64, RecordsError> {
        let mut tx = self.begin().await?;
        let newest = config::newest(&mut tx, &new.kind, &new.id).await?;
        if newest.map_or(0, |it| it.version) != base_version {
            return Err(RecordsError::Overtaken { what: format!("{} {}", new.kind, new.id) });
        }
        let version = config::put_version(&mut tx, new, at).await?;
        let stamp = next(&mut tx, COUNTER).await?;
        let known = match &self.handbook {
            Some(slot) => {
                let documents = documents(&mut tx).await?;
                let process =
                    (slot.read)(&documents).map_err(|why| RecordsError::Handbook { why })?;
                Some((slot, process))
            }
            None => None,
        };
        let subject = format!("{}/{}", new.kind, new.id);
        let change = Change { at, kind: "handbook.changed", subject: &subject, device: "" };
        journal::write_change(&mut tx, change).await?;
        self.finish(tx).await?;
        if let Some((slot, process)) = known {
            slot.keep(stamp, &process);
        }
        Ok(version)
    }

    /// The process in force; `None` without a handbook.
    pub(super) async fn process(
        &self,
        tx: &mut AnyConnection,
    ) -> Result<Option<Arc<dyn Process>>, RecordsError> {
        let Some(slot) = &self.handbook else { return Ok(None) };
        let stamp = counter(&mut *tx, COUNTER).await?;
        let known = slot.known();
        if let Some((_, process)) = known.clone().filter(|(it, _)| *it == stamp) {
            return Ok(Some(process));
        }
        let documents = documents(tx).await?;
        if documents.is_empty() {
            return Ok(None);
        }
        match (slot.read)(&documents) {
            Ok(process) => {
                slot.keep(stamp, &process);
                Ok(Some(process))
            }
            Err(why) => {
                // A ticket is never lost to a text: the last good handbook stays.
                tracing::error!(why, "the handbook in the store cannot be read");
                Ok(known.map(|(_, process)| process))
            }
        }
    }
}

impl Slot {
    fn known(&self) -> Option<(i64, Arc<dyn Process>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, stamp: i64, process: &Arc<dyn Process>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|(it, _)| *it <= stamp) {
            *known = Some((stamp, Arc::clone(process)));
        }
    }
}

async fn documents(connection: &mut AnyConnection) -> Result<Vec<Document>, RecordsError> {
    let kinds = KINDS.map(|it| format!("'{it}'")).join(", ");
    let sql = format!(
        "SELECT kind, id, version, toml FROM config_version
         WHERE kind IN ({kinds}) AND (kind = 'ticket_type' OR version = (
             SELECT MAX(version) FROM config_version AS other
             WHERE other.kind = config_version.kind AND other.id = config_version.id))
         ORDER BY kind, id, version"
    );
    query(built(sql)).fetch_all(connection).await?.iter().map(document).collect()
}

fn document(row: &AnyRow) -> Result<Document, RecordsError> {
    Ok(Document {
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        toml: row.try_get("toml")?,
    })
}

/// Counts changes of the handbook.
const COUNTER: &str = "handbook";
