//! Browsers that are signed in.
//!
//! Rely on this: a session counts only while its account does, with the role and sites that the account
//! has now; secrets are 256 random bits of which the SHA-256 is stored; a session that nobody uses ends.

use std::fmt;

use forewarn_domain::time::{Span, Time};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::accounts::{Account, Role, account};
use super::audit::{self, Deed};
use super::row::time;
use super::{Records, RecordsError, query};

/// A signed-in browser.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Names it; opens nothing.
    pub id: String,
    /// Whose, as it is now.
    pub account: Account,
    /// From where it was opened.
    pub address: String,
    /// With which program, as that says itself.
    pub program: String,
    /// Since when.
    pub opened_at: Time,
    /// When it was last used, to the minute.
    pub seen_at: Time,
    /// Until when at most.
    pub expires_at: Time,
}

/// A session to be opened.
#[derive(Clone, Eq, PartialEq)]
pub struct NewSession {
    /// The secret that the browser keeps; only its hash is stored.
    pub secret: String,
    /// Whose.
    pub account: String,
    /// From where.
    pub address: String,
    /// With which program.
    pub program: String,
    /// Until when at most.
    pub expires_at: Time,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Records {
    /// Signs a browser in.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer, or there is no such account.
    pub async fn open_session(&self, new: &NewSession, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO session (sha256, account, address, program, opened_at, seen_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $5, $6)",
        )
        .bind(hash(&new.secret))
        .bind(new.account.as_str())
        .bind(new.address.as_str())
        .bind(new.program.as_str())
        .bind(at.micros())
        .bind(new.expires_at.micros())
        .execute(&mut *tx)
        .await?;
        query("UPDATE account SET signed_in_at = $1 WHERE name = $2")
            .bind(at.micros())
            .bind(new.account.as_str())
            .execute(&mut *tx)
            .await?;
        let detail = json!({"address": new.address, "expires_at": new.expires_at});
        let deed = Deed::new(&new.account, "session.open", &new.account, detail);
        audit::append(&mut tx, &deed, at).await?;
        self.finish(tx).await
    }

    /// The session that a secret opens, unless it is over, was not used for too long, or its account
    /// is disabled.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn session(&self, secret: &str, now: Time) -> Result<Option<Session>, RecordsError> {
        let found = query(
            "SELECT s.sha256, s.address, s.program, s.opened_at, s.seen_at, s.expires_at, a.*
             FROM session s JOIN account a ON a.name = s.account
             WHERE s.sha256 = $1 AND s.expires_at > $2 AND a.disabled_at IS NULL",
        )
        .bind(hash(secret))
        .bind(now.micros())
        .fetch_optional(&self.reader)
        .await?;
        let session = found.as_ref().map(session).transpose()?;
        Ok(session.filter(|it| now - it.seen_at < idle(it.account.role)))
    }

    /// Notes that a session is used, at most once a minute.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn use_session(&self, session: &Session, now: Time) -> Result<(), RecordsError> {
        if now - session.seen_at < NOTED_EVERY {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        query("UPDATE session SET seen_at = $1 WHERE sha256 LIKE $2 AND seen_at < $1")
            .bind(now.micros())
            .bind(format!("{}%", session.id))
            .execute(&mut *tx)
            .await?;
        self.finish(tx).await
    }

    /// The sessions of an account, newest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn sessions(&self, name: &str, now: Time) -> Result<Vec<Session>, RecordsError> {
        let rows = query(
            "SELECT s.sha256, s.address, s.program, s.opened_at, s.seen_at, s.expires_at, a.*
             FROM session s JOIN account a ON a.name = s.account
             WHERE s.account = $1 AND s.expires_at > $2 ORDER BY s.opened_at DESC, s.sha256",
        )
        .bind(name)
        .bind(now.micros())
        .fetch_all(&self.reader)
        .await?;
        let mut sessions = rows.iter().map(session).collect::<Result<Vec<_>, _>>()?;
        sessions.retain(|it| now - it.seen_at < idle(it.account.role));
        Ok(sessions)
    }

    /// Ends one session of an account; `false` when it has none of that id.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn end_session(&self, name: &str, id: &str, at: Time) -> Result<bool, RecordsError> {
        // Anything else could be a pattern that fits them all.
        if id.len() != ID_LEN || !id.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        let ended = query("DELETE FROM session WHERE account = $1 AND sha256 LIKE $2")
            .bind(name)
            .bind(format!("{id}%"))
            .execute(&mut *tx)
            .await?;
        if ended.rows_affected() == 0 {
            return Ok(false);
        }
        let deed = Deed::new(name, "session.end", name, json!({"session": id}));
        audit::append(&mut tx, &deed, at).await?;
        self.finish(tx).await?;
        Ok(true)
    }

    /// Signs a browser out.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn close_session(&self, secret: &str, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        let closed = query("DELETE FROM session WHERE sha256 = $1 RETURNING account")
            .bind(hash(secret))
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = closed {
            let account: String = row.try_get("account")?;
            let deed = Deed::new(&account, "session.close", &account, json!({}));
            audit::append(&mut tx, &deed, at).await?;
        }
        self.finish(tx).await
    }
}

/// Ends the sessions of an account but the one of a secret.
pub(super) async fn end_all(
    tx: &mut AnyConnection,
    name: &str,
    kept_secret: &str,
) -> Result<(), RecordsError> {
    query("DELETE FROM session WHERE account = $1 AND sha256 <> $2")
        .bind(name)
        .bind(hash(kept_secret))
        .execute(tx)
        .await?;
    Ok(())
}

fn session(row: &AnyRow) -> Result<Session, RecordsError> {
    let sha256: String = row.try_get("sha256")?;
    Ok(Session {
        id: sha256.chars().take(ID_LEN).collect(),
        account: account(row)?,
        address: row.try_get("address")?,
        program: row.try_get("program")?,
        opened_at: time(row, "opened_at")?,
        seen_at: time(row, "seen_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

/// How long a session may lie unused: an admin's is worth the most to whoever finds the browser, and a
/// shift must not sign in again after each break.
fn idle(role: Role) -> Span {
    match role {
        Role::Admin => Span::from_secs(30 * 60),
        Role::Integrator | Role::Lead | Role::Maintainer | Role::ProcessEngineer | Role::Viewer => {
            Span::from_secs(4 * 3_600)
        }
    }
}

/// SHA-256 as hexadecimal digits: enough for secrets that are long and random.
pub(super) fn hash(secret: &str) -> String {
    forewarn_domain::waveform::Sha256(Sha256::digest(secret.as_bytes()).into()).to_string()
}

/// The begin of a hash names a session among those of an account, and opens nothing.
const ID_LEN: usize = 16;

/// Noting each use would write with every request.
pub(super) const NOTED_EVERY: Span = Span::from_secs(60);
