//! Every version of every configuration file, append-only.

use forewarn_domain::time::Time;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, Deed};
use super::row::{parsed, time};
use super::{Records, RecordsError, query};

/// One version of a configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigVersion {
    /// From 1, dense for each kind and id.
    pub version: i64,
    /// When it came into force.
    pub at: Time,
    /// SHA-256 of the text.
    pub sha256: forewarn_domain::waveform::Sha256,
    /// What it is.
    pub config: NewConfig,
}

/// A configuration file to be put into force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewConfig {
    /// `site`, `rules`, `template` and the like.
    pub kind: String,
    /// Its name within the kind.
    pub id: String,
    /// Who put it into force.
    pub author: String,
    /// Why.
    pub reason: String,
    /// The text.
    pub toml: String,
}

impl Records {
    /// Appends a version; the same text as the newest one is that version again.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn add_config(&self, new: &NewConfig, at: Time) -> Result<i64, RecordsError> {
        let mut tx = self.begin().await?;
        let version = put_version(&mut tx, new, at).await?;
        self.finish(tx).await?;
        Ok(version)
    }

    /// The version in force.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn config(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Option<ConfigVersion>, RecordsError> {
        let mut connection = self.reader.acquire().await?;
        newest(&mut connection, kind, id).await
    }

    /// All versions, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn config_versions(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Vec<ConfigVersion>, RecordsError> {
        query("SELECT * FROM config_version WHERE kind = $1 AND id = $2 ORDER BY version")
            .bind(kind.to_owned())
            .bind(id.to_owned())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(version)
            .collect()
    }
}

/// Appends a version; the same text as the newest one is that version again.
pub(super) async fn put_version(
    tx: &mut AnyConnection,
    new: &NewConfig,
    at: Time,
) -> Result<i64, RecordsError> {
    let sha256 = forewarn_domain::waveform::Sha256(Sha256::digest(new.toml.as_bytes()).into());
    let newest = newest(&mut *tx, &new.kind, &new.id).await?;
    if let Some(newest) = &newest
        && newest.sha256 == sha256
    {
        return Ok(newest.version);
    }
    let version = newest.map_or(0, |it| it.version) + 1;
    query(
        "INSERT INTO config_version (kind, id, version, author, reason, at, toml, sha256)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(new.kind.as_str())
    .bind(new.id.as_str())
    .bind(version)
    .bind(new.author.as_str())
    .bind(new.reason.as_str())
    .bind(at.micros())
    .bind(new.toml.as_str())
    .bind(sha256.to_string())
    .execute(&mut *tx)
    .await?;
    let object = format!("{}/{}", new.kind, new.id);
    let detail = serde_json::json!({"version": version, "sha256": sha256, "reason": new.reason});
    audit::append(tx, &Deed::new(&new.author, "config.change", &object, detail), at).await?;
    Ok(version)
}

pub(super) async fn newest(
    connection: &mut AnyConnection,
    kind: &str,
    id: &str,
) -> Result<Option<ConfigVersion>, RecordsError> {
    query("SELECT * FROM config_version WHERE kind = $1 AND id = $2 ORDER BY version DESC LIMIT 1")
        .bind(kind.to_owned())
        .bind(id.to_owned())
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(version)
        .transpose()
}

fn version(row: &AnyRow) -> Result<ConfigVersion, RecordsError> {
    Ok(ConfigVersion {
        version: row.try_get("version")?,
        at: time(row, "at")?,
        sha256: parsed(row, "sha256")?,
        config: NewConfig {
            kind: row.try_get("kind")?,
            id: row.try_get("id")?,
            author: row.try_get("author")?,
            reason: row.try_get("reason")?,
            toml: row.try_get("toml")?,
        },
    })
}
