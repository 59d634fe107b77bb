//! Keys of programs.
//!
//! Rely on this: a key is 256 random bits of which only the SHA-256 is stored; it counts until it expires
//! or is revoked, and is never deleted; making and revoking one is in the audit trail.

use std::fmt;

use forewarn_domain::time::Time;
use serde_json::json;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::audit::{self, Deed};
use super::row::{time, time_opt};
use super::sessions::{NOTED_EVERY, hash};
use super::{Records, RecordsError, Sites, query};

/// A key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// Names it; opens nothing.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do, in words of the API.
    pub scopes: Vec<String>,
    /// Where.
    pub sites: Sites,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// Until when it counts.
    pub expires_at: Option<Time>,
    /// When it was last used, to the minute.
    pub used_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// A key to be made.
#[derive(Clone, Eq, PartialEq)]
pub struct NewKey {
    /// Names it; opens nothing.
    pub id: String,
    /// The whole key, as a program sends it; only its hash is stored.
    pub secret: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Where.
    pub sites: Sites,
    /// Until when it counts.
    pub expires_at: Option<Time>,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Records {
    /// Keeps a new key.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn add_key(&self, new: &NewKey, by: &str, at: Time) -> Result<Key, RecordsError> {
        let mut tx = self.begin().await?;
        let row = query(
            "INSERT INTO api_key (id, sha256, name, scopes, sites, created_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *",
        )
        .bind(new.id.as_str())
        .bind(hash(&new.secret))
        .bind(new.name.as_str())
        .bind(new.scopes.join(" "))
        .bind(new.sites.stored())
        .bind(by)
        .bind(at.micros())
        .bind(new.expires_at.map(Time::micros))
        .fetch_one(&mut *tx)
        .await?;
        let key = key(&row)?;
        let detail = json!({"name": key.name, "scopes": key.scopes, "sites": key.sites,
            "expires_at": key.expires_at});
        let object = format!("key/{}", key.id);
        audit::append(&mut tx, &Deed::new(by, "key.add", &object, detail), at).await?;
        self.finish(tx).await?;
        Ok(key)
    }

    /// The key that a program sent, while it counts.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn key(&self, secret: &str, now: Time) -> Result<Option<Key>, RecordsError> {
        query(
            "SELECT * FROM api_key
             WHERE sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        )
        .bind(hash(secret))
        .bind(now.micros())
        .fetch_optional(&self.reader)
        .await?
        .as_ref()
        .map(key)
        .transpose()
    }

    /// Notes that a key is used, at most once a minute.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn use_key(&self, key: &Key, now: Time) -> Result<(), RecordsError> {
        if key.used_at.is_some_and(|it| now - it < NOTED_EVERY) {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        query("UPDATE api_key SET used_at = $1 WHERE id = $2")
            .bind(now.micros())
            .bind(key.id.as_str())
            .execute(&mut *tx)
            .await?;
        self.finish(tx).await
    }

    /// The keys that are for these sites only, newest first, revoked ones too.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn keys(&self) -> Result<Vec<Key>, RecordsError> {
        let rows = query("SELECT * FROM api_key ORDER BY created_at DESC, id")
            .fetch_all(&self.reader)
            .await?;
        let mut keys = rows.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        keys.retain(|it| self.sites.cover(&it.sites));
        Ok(keys)
    }

    /// Revokes a key of these sites; a second time changes nothing.
    ///
    /// # Errors
    ///
    /// [`RecordsError::UnknownName`].
    pub async fn revoke_key(&self, id: &str, by: &str, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        let row =
            query("SELECT * FROM api_key WHERE id = $1").bind(id).fetch_optional(&mut *tx).await?;
        let known = row.as_ref().map(key).transpose()?.filter(|it| self.sites.cover(&it.sites));
        let unknown = || RecordsError::UnknownName { what: "key", named: id.to_owned() };
        if known.ok_or_else(unknown)?.revoked_at.is_some() {
            return Ok(());
        }
        query("UPDATE api_key SET revoked_at = $1 WHERE id = $2")
            .bind(at.micros())
            .bind(id)
            .execute(&mut *tx)
            .await?;
        let deed = Deed::new(by, "key.revoke", &format!("key/{id}"), json!({}));
        audit::append(&mut tx, &deed, at).await?;
        self.finish(tx).await
    }
}

fn key(row: &AnyRow) -> Result<Key, RecordsError> {
    let (scopes, sites): (String, String) = (row.try_get("scopes")?, row.try_get("sites")?);
    Ok(Key {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        sites: Sites::read(&sites)?,
        created_by: row.try_get("created_by")?,
        created_at: time(row, "created_at")?,
        expires_at: time_opt(row, "expires_at")?,
        used_at: time_opt(row, "used_at")?,
        revoked_at: time_opt(row, "revoked_at")?,
    })
}
