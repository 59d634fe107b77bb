//! Who may come in, and which requests were carried out already.
//!
//! Secrets are random and long, so their SHA-256 is all that is stored. Comparing hashes tells an
//! attacker nothing, since nobody can choose the hash of a guess.

use forewarn_domain::time::Time;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Row};

use super::audit::{self, Deed};
use super::row::time;
use super::{Records, RecordsError, query};

/// A signed-in browser.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Whose.
    pub account: String,
    /// In which role.
    pub role: String,
    /// Until when.
    pub expires_at: Time,
}

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The secret that the browser keeps; only its hash is stored.
    pub secret: String,
    /// Whose and until when.
    pub session: Session,
}

/// Recognises a repeated request: the caller's key, and what it stood for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestKey {
    /// Who asks; keys of different accounts never meet.
    pub account: String,
    /// What is asked, e.g. the path.
    pub route: String,
    /// The caller's key.
    pub key: String,
    /// SHA-256 of the body, hexadecimal.
    pub body_sha256: String,
}

impl Records {
    /// Replaces the setup token; the one before is worth nothing from now on.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn set_setup_token(&self, token: &str, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO setup_token (name, sha256, at) VALUES ('setup', $1, $2)
             ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, at = excluded.at",
        )
        .bind(hash(token))
        .bind(at.micros())
        .execute(&mut *tx)
        .await?;
        let deed = Deed::new("forewarn", "setup_token.set", "setup", json!({}));
        audit::append(&mut tx, &deed, at).await?;
        self.finish(tx).await
    }

    /// Whether a text is the setup token; the hashes are compared in constant time.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn is_setup_token(&self, token: &str) -> Result<bool, RecordsError> {
        let row = query("SELECT sha256 FROM setup_token WHERE name = 'setup'")
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let known: String = row.try_get("sha256")?;
        Ok(equal_in_constant_time(known.as_bytes(), hash(token).as_bytes()))
    }

    /// Signs a browser in.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn open_session(&self, new: &NewSession, at: Time) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        query("INSERT INTO session (sha256, account, role, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(hash(&new.secret))
            .bind(new.session.account.as_str())
            .bind(new.session.role.as_str())
            .bind(new.session.expires_at.micros())
            .execute(&mut *tx)
            .await?;
        let Session { account, role, expires_at } = &new.session;
        let detail = json!({"role": role, "expires_at": expires_at});
        audit::append(&mut tx, &Deed::new(account, "session.open", account, detail), at).await?;
        self.finish(tx).await
    }

    /// The session that a secret opens, unless it is over.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn session(&self, secret: &str, now: Time) -> Result<Option<Session>, RecordsError> {
        query("SELECT account, role, expires_at FROM session WHERE sha256 = $1 AND expires_at > $2")
            .bind(hash(secret))
            .bind(now.micros())
            .fetch_optional(&self.reader)
            .await?
            .map(|row| {
                Ok(Session {
                    account: row.try_get("account")?,
                    role: row.try_get("role")?,
                    expires_at: time(&row, "expires_at")?,
                })
            })
            .transpose()
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

/// Remembers a request; `false` when the very same one was carried out before.
pub(super) async fn remember(
    tx: &mut AnyConnection,
    request: &RequestKey,
    at: Time,
) -> Result<bool, RecordsError> {
    let row =
        query("SELECT body_sha256 FROM idempotency WHERE account = $1 AND route = $2 AND key = $3")
            .bind(request.account.as_str())
            .bind(request.route.as_str())
            .bind(request.key.as_str())
            .fetch_optional(&mut *tx)
            .await?;
    if let Some(row) = row {
        let known: String = row.try_get("body_sha256")?;
        return if known == request.body_sha256 {
            Ok(false)
        } else {
            Err(RecordsError::KeyReused { key: request.key.clone() })
        };
    }
    query(
        "INSERT INTO idempotency (account, route, key, body_sha256, at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(request.account.as_str())
    .bind(request.route.as_str())
    .bind(request.key.as_str())
    .bind(request.body_sha256.as_str())
    .bind(at.micros())
    .execute(tx)
    .await?;
    Ok(true)
}

fn hash(secret: &str) -> String {
    forewarn_domain::waveform::Sha256(Sha256::digest(secret.as_bytes()).into()).to_string()
}

fn equal_in_constant_time(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0_u8, |differing, (a, b)| differing | (a ^ b));
    one.len() == other.len() && differing == 0
}
