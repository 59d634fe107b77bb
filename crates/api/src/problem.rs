//! Why a request was not served. Only this file knows both our errors and HTTP.
//!
//! Errors go out as problem details (RFC 9457). The cause of a 5xx is for our log; the caller gets
//! only the message.

use std::error::Error;

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forewarn_domain::ticket::course::Refusal;
use forewarn_engine::frames::FrameError;
use forewarn_store::readings::StoreError;
use forewarn_store::records::RecordsError;
use forewarn_store::waveform_files::WaveformFileError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::MissingView;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the body is too long; {} bytes are allowed", crate::body::BYTES_MAX)]
    BodyTooLong,
    #[error("the body could not be read")]
    Body(#[source] BytesRejection),
    #[error("`{found}` does not fit; {expected}")]
    BadParameter { found: String, expected: &'static str },
    #[error("the query does not fit this route: {0}")]
    BadQuery(#[from] QueryRejection),
    #[error("the path does not fit this route: {0}")]
    BadPath(#[from] PathRejection),
    #[error("the body does not fit this route: {source}")]
    BadBody { source: serde_json::Error },
    #[error("the work on it broke off")]
    Broken(#[source] tokio::task::JoinError),
    #[error("the history could not be computed")]
    Frames(#[from] FrameError),
    #[error("the page is asked for under a name or from a page that is not its own")]
    ForeignOrigin,
    #[error("say which revision you saw: send If-Match with the ticket's ETag")]
    MissingIfMatch,
    #[error("the body must be application/json")]
    NotJson,
    #[error("{what} of `{id}` could not be written")]
    Unwritable { what: &'static str, id: String, source: serde_json::Error },
    #[error("sign in, or send a key as a bearer token")]
    NotSignedIn,
    #[error("the rules cannot come into force: {why}")]
    BadRules { why: String },
    #[error("the handbook cannot come into force: {why}")]
    BadHandbook { why: String },
    #[error("{why}")]
    NotReady { why: String },
    #[error("{who} may not do this")]
    NotAllowed { who: String },
    #[error("this route does not know that method")]
    NoSuchMethod,
    #[error("the system gives no random numbers; try again later")]
    Random(#[from] std::io::Error),
    #[error("the readings store is not available; try again later")]
    Readings(#[from] StoreError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error("{source}")]
    Stale { source: RecordsError, current: Box<Current> },
    #[error("stage {stage} has failed; see /api/v1/health")]
    StageFailed { stage: String },
    #[error("the server stops; connect again")]
    Stopping,
    #[error("the waveform could not be read; try again later")]
    WaveformFiles(#[from] WaveformFileError),
    #[error("it took longer than {} seconds", crate::router::TIMEOUT.as_secs())]
    TookTooLong,
    #[error("too many tries; try again in {wait_s} seconds")]
    TooManyTries { wait_s: i64 },
    #[error("{limit} browsers follow live events already; close one")]
    TooManyStreams { limit: usize },
    #[error("there is no {what} `{named}`")]
    Unknown { what: &'static str, named: String },
    #[error("{expected}")]
    WeakPassword { expected: &'static str },
    #[error("name and password do not fit together")]
    WrongPassword,
    #[error(
        "the setup token is not the one that the server printed, or is older than half an hour"
    )]
    WrongToken,
}

/// What a stale request was about, as it is now.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) etag: String,
    pub(crate) body: serde_json::Value,
}

/// A problem as it goes out (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A stable name of the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/stale-revision")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status again.
    status: u16,
    /// What happened this time, and what to do.
    detail: String,
    /// The kind without its path, for programs.
    code: &'static str,
    /// Evidence that is missing, one entry for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<MissingView>,
    /// Where in the body it is, one entry for each place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Place>,
    /// The ticket as it is now, when somebody was quicker.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<serde_json::Value>,
}

/// A place in a request body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Place {
    /// Line of the body, from 1.
    line: usize,
    /// Column in it, from 1.
    column: usize,
    /// What is wrong there.
    detail: String,
}

impl ApiError {
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadBody { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "bad-body", "The body does not fit")
            }
            Self::BadParameter { .. } | Self::BadQuery(_) | Self::BadPath(_) => {
                (StatusCode::BAD_REQUEST, "bad-parameter", "A parameter does not fit")
            }
            Self::BadRules { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "bad-rules", "The rules cannot come into force")
            }
            Self::BadHandbook { .. } => bad_handbook(),
            Self::NotReady { .. } => {
                (StatusCode::CONFLICT, "not-ready", "Something else must come first")
            }
            Self::Body(_) => (StatusCode::BAD_REQUEST, "bad-body", "The body did not arrive"),
            Self::BodyTooLong => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body-too-long", "The body is too long")
            }
            Self::ForeignOrigin => {
                (StatusCode::FORBIDDEN, "foreign-origin", "The request is from elsewhere")
            }
            Self::MissingIfMatch => {
                (StatusCode::PRECONDITION_REQUIRED, "missing-if-match", "A revision is needed")
            }
            Self::NoSuchMethod => {
                (StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "No such method here")
            }
            Self::NotAllowed { .. } => (StatusCode::FORBIDDEN, "not-allowed", "Not allowed"),
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "The body must be JSON")
            }
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "not-signed-in", "Sign in first"),
            Self::Random(_) | Self::Readings(_) | Self::WaveformFiles(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", "A store is not available")
            }
            Self::Records(error) | Self::Stale { source: error, .. } => kind_of_records(error),
            Self::StageFailed { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "stage-failed", "A stage has failed")
            }
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", "The server stops"),
            Self::TookTooLong => {
                (StatusCode::SERVICE_UNAVAILABLE, "took-too-long", "It took too long")
            }
            Self::TooManyTries { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-tries", "Too many tries")
            }
            Self::TooManyStreams { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-streams", "Too many live streams")
            }
            Self::WeakPassword { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "weak-password", "Choose another password")
            }
            Self::WrongPassword => {
                (StatusCode::UNAUTHORIZED, "wrong-password", "The password does not fit")
            }
            Self::WrongToken => (StatusCode::UNAUTHORIZED, "wrong-token", "The token does not fit"),
            Self::Unknown { .. } => (StatusCode::NOT_FOUND, "unknown", "There is no such thing"),
            Self::Broken(_) | Self::Frames(_) | Self::Unwritable { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, "broken", "Something is broken")
            }
        }
    }

    fn missing(&self) -> Vec<MissingView> {
        match self {
            Self::Records(RecordsError::Refused { refusal: Refusal::Missing(all), .. }) => {
                all.iter().cloned().map(MissingView::from).collect()
            }
            _ => Vec::new(),
        }
    }

    fn places(&self) -> Vec<Place> {
        match self {
            Self::BadBody { source } => vec![Place {
                line: source.line(),
                column: source.column(),
                detail: source.to_string(),
            }],
            _ => Vec::new(),
        }
    }
}

fn bad_handbook() -> (StatusCode, &'static str, &'static str) {
    (StatusCode::UNPROCESSABLE_ENTITY, "bad-handbook", "The handbook cannot come into force")
}

fn kind_of_records(error: &RecordsError) -> (StatusCode, &'static str, &'static str) {
    match error {
        RecordsError::AccountTaken { .. } => {
            (StatusCode::CONFLICT, "account-taken", "The name is taken")
        }
        RecordsError::LastAdmin { .. } => (StatusCode::CONFLICT, "last-admin", "The last admin"),
        RecordsError::Illegal(_) => {
            (StatusCode::CONFLICT, "illegal-transition", "The ticket's state does not allow it")
        }
        RecordsError::Ended { .. } => (StatusCode::CONFLICT, "ended", "The ticket has ended"),
        RecordsError::Handbook { .. } => bad_handbook(),
        RecordsError::Refused { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "evidence-missing", "Something is missing")
        }
        RecordsError::KeyReused { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "The idempotency key was used before")
        }
        RecordsError::Stale { .. } => {
            (StatusCode::PRECONDITION_FAILED, "stale-revision", "The ticket has changed")
        }
        RecordsError::TwinOpen { .. } => {
            (StatusCode::CONFLICT, "twin-open", "Another ticket covers it")
        }
        RecordsError::Overtaken { .. } => {
            (StatusCode::CONFLICT, "overtaken", "Somebody was quicker")
        }
        RecordsError::UnknownEpisode { .. }
        | RecordsError::UnknownName { .. }
        | RecordsError::UnknownNumber { .. }
        | RecordsError::UnknownTicket { .. } => {
            (StatusCode::NOT_FOUND, "unknown", "There is no such thing")
        }
        RecordsError::Corrupt { .. } | RecordsError::Unwritable { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "broken", "Something is broken")
        }
        RecordsError::Address { .. }
        | RecordsError::Database(_)
        | RecordsError::Migrate(_)
        | RecordsError::Promises { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", "A store is not available")
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, title) = self.kind();
        if status.is_server_error() {
            tracing::error!(error = &self as &dyn Error, "a request failed");
        }
        let wait = match &self {
            Self::TooManyTries { wait_s } => Some(*wait_s),
            _ => None,
        };
        let (places, missing, detail) = (self.places(), self.missing(), self.to_string());
        let current = match self {
            Self::Stale { current, .. } => Some(*current),
            _ => None,
        };
        let etag = current.as_ref().and_then(|it| HeaderValue::from_str(&it.etag).ok());
        let problem = Problem {
            kind: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail,
            code,
            missing,
            errors: places,
            current: current.map(|it| it.body),
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if let Some(wait_s) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
        }
        if let Some(etag) = etag {
            headers.insert(header::ETAG, etag);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
