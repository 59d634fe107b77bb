//! Which requests were carried out already.

use forewarn_domain::time::Time;
use sqlx::{AnyConnection, Row};

use super::{RecordsError, query};

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
