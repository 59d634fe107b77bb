//! Where imported repairs came from: the other system's id, names and codes beside the record.
//!
//! Taking the same rows over again changes nothing. A row that has changed at its source since is
//! counted and left as it stands here, because a ticket may cite it.

use forewarn_domain::repair::{RepairId, RepairRecord};
use sqlx::{AnyConnection, Row};

use super::row::parsed;
use super::{Records, RecordsError, query, repairs};

/// A repair with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedRepair {
    /// The record that tickets cite.
    pub record: RepairRecord,
    /// Where it came from.
    pub origin: RepairOrigin,
}

/// What another system called it.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairOrigin {
    /// The record.
    pub repair: RepairId,
    /// The other system, or the file's kind.
    pub source: String,
    /// Its own id there.
    pub source_id: String,
    /// The device's name there.
    pub device: String,
    /// The part in trouble, in its words.
    pub part: Option<String>,
    /// How it failed, in its words or codes.
    pub failure_mode: Option<String>,
    /// What was observed; the record's text also says what was done.
    pub observed: String,
    /// What it cost, in the source's currency.
    pub cost: Option<f64>,
    /// Fingerprint of the cells that were read.
    pub row_sha256: String,
}

/// What became of an import.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Imports {
    /// Records that were not there.
    pub new: usize,
    /// Records that were there with the same cells.
    pub known: usize,
    /// Ids of records that were there with other cells; the stored ones stay.
    pub changed: Vec<String>,
}

impl Records {
    /// Takes repairs over from another system, all or none.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn import_repairs(
        &self,
        repairs: &[ImportedRepair],
    ) -> Result<Imports, RecordsError> {
        let mut tx = self.begin().await?;
        let mut imports = Imports::default();
        for repair in repairs {
            let stored: Option<String> =
                query("SELECT row_sha256 FROM repair_origin WHERE repair = $1")
                    .bind(repair.origin.repair.to_string())
                    .fetch_optional(&mut *tx)
                    .await?
                    .map(|row| row.try_get("row_sha256"))
                    .transpose()?;
            match stored {
                Some(sha256) if sha256 == repair.origin.row_sha256 => imports.known += 1,
                Some(_) => imports.changed.push(repair.origin.source_id.clone()),
                None => {
                    repairs::put(&mut tx, &repair.record).await?;
                    put(&mut tx, &repair.origin).await?;
                    imports.new += 1;
                }
            }
        }
        self.finish(tx).await?;
        Ok(imports)
    }

    /// The origins of all imported repairs.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn repair_origins(&self) -> Result<Vec<RepairOrigin>, RecordsError> {
        query("SELECT * FROM repair_origin ORDER BY source, source_id")
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| {
                Ok(RepairOrigin {
                    repair: parsed(row, "repair")?,
                    source: row.try_get("source")?,
                    source_id: row.try_get("source_id")?,
                    device: row.try_get("device")?,
                    part: row.try_get("part")?,
                    failure_mode: row.try_get("failure_mode")?,
                    observed: row.try_get("observed")?,
                    cost: row.try_get("cost")?,
                    row_sha256: row.try_get("row_sha256")?,
                })
            })
            .collect()
    }
}

async fn put(tx: &mut AnyConnection, origin: &RepairOrigin) -> Result<(), RecordsError> {
    // As a text, an absent cost has the same type as a present one; see `repairs::put`.
    let cost = origin.cost.map(|cost| cost.to_string());
    query(
        "INSERT INTO repair_origin (repair, source, source_id, device, part, failure_mode,
             observed, cost, row_sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, CAST($8 AS DOUBLE PRECISION), $9)",
    )
    .bind(origin.repair.to_string())
    .bind(origin.source.as_str())
    .bind(origin.source_id.as_str())
    .bind(origin.device.as_str())
    .bind(origin.part.clone())
    .bind(origin.failure_mode.clone())
    .bind(origin.observed.as_str())
    .bind(cost)
    .bind(origin.row_sha256.as_str())
    .execute(tx)
    .await?;
    Ok(())
}
