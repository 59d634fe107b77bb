//! Reads requests strictly: bodies with a limit and no unknown fields, queries with our problems.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use forewarn_domain::time::Time;
use forewarn_domain::waveform::Sha256;
use forewarn_store::records::RequestKey;
use serde::de::DeserializeOwned;
use sha2::Digest;

use crate::auth::Account;
use crate::problem::ApiError;

/// A JSON body, and the hash of its bytes.
pub(crate) struct Body<T> {
    pub(crate) value: T,
    pub(crate) sha256: Sha256,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // A form of a foreign page cannot send this type without asking first.
        if !is_json(request.headers()) {
            return Err(ApiError::NotJson);
        }
        let bytes = Bytes::from_request(request, state).await.map_err(too_long_or_broken)?;
        let value =
            serde_json::from_slice(&bytes).map_err(|source| ApiError::BadBody { source })?;
        Ok(Self { value, sha256: Sha256(sha2::Sha256::digest(&bytes).into()) })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"))
}

fn too_long_or_broken(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::BodyTooLong;
    }
    ApiError::Body(rejection)
}

/// The query of a request.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(ApiError))]
pub(crate) struct Asked<T>(pub(crate) T);

/// The variable part of a path.
#[derive(FromRequestParts)]
#[from_request(via(Path), rejection(ApiError))]
pub(crate) struct Named<T>(pub(crate) T);

/// The caller's key for a request that must not be carried out twice.
pub(crate) fn request_key(
    headers: &HeaderMap,
    account: &Account,
    route: String,
    sha256: Sha256,
) -> Result<Option<RequestKey>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|it| (1..=KEY_LEN_MAX).contains(&it.len()));
    let Some(key) = key else {
        return Err(ApiError::BadParameter {
            found: "Idempotency-Key".to_owned(),
            expected: "1 to 128 printable ASCII characters are expected",
        });
    };
    let (account, key) = (account.name.clone(), key.to_owned());
    Ok(Some(RequestKey { account, route, key, body_sha256: sha256.to_string() }))
}

/// Reads a parameter with the rules of the domain.
pub(crate) fn read<T: std::str::FromStr>(
    text: &str,
    expected: &'static str,
) -> Result<T, ApiError> {
    text.parse().ok().ok_or_else(|| ApiError::BadParameter { found: text.to_owned(), expected })
}

/// Reads a parameter that may be left out; an empty one counts as left out.
pub(crate) fn read_opt<T: std::str::FromStr>(
    text: Option<&str>,
    expected: &'static str,
) -> Result<Option<T>, ApiError> {
    text.filter(|it| !it.is_empty()).map(|it| read(it, expected)).transpose()
}

/// Reads the time range of a query; without one, the last day before `now`.
pub(crate) fn range(
    from: Option<&str>,
    to: Option<&str>,
    now: Time,
) -> Result<(Time, Time), ApiError> {
    const EXPECTED: &str = "a time such as 2026-11-20T06:02:00Z is expected";
    let to = read_opt(to, EXPECTED)?.unwrap_or(now);
    let day = forewarn_domain::time::Span::from_secs(86_400);
    let from = read_opt(from, EXPECTED)?.unwrap_or(to - day);
    if to <= from {
        return Err(ApiError::BadParameter {
            found: from.to_string(),
            expected: "`from` must be before `to`",
        });
    }
    Ok((from, to))
}

/// Largest body: a repair history of a few thousand lines fits, a file upload does not.
pub(crate) const BYTES_MAX: usize = 1_000_000;

/// Longest key; UUIDs and hashes fit.
const KEY_LEN_MAX: usize = 128;
