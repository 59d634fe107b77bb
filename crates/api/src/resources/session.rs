//! Who is signed in, signing in with the setup token, and signing out.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forewarn_domain::time::Span;
use forewarn_store::records::{NewSession, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sites::SiteView;
use crate::auth::{self, Account};
use crate::body::Body;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// The account.
    account: String,
    /// Its role.
    role: &'static str,
    /// Whether this is a demo, in which everybody is the lead.
    demo: bool,
    /// The language that the account chose; `null` leaves it to the browser.
    language: Option<String>,
    /// The plant.
    site: SiteView,
}

/// What signing in needs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The setup token, as the server printed it.
    token: String,
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", responses(
    (status = 200, body = SessionView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_session(
    State(state): State<Arc<ApiState>>,
    Extension(account): Extension<Account>,
) -> Json<SessionView> {
    Json(view(&state, account))
}

/// Signs a browser in with the setup token; the session is a cookie that scripts cannot read.
#[utoipa::path(post, path = "/api/v1/session", request_body = SignIn, responses(
    (status = 200, body = SessionView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn open_session(
    State(state): State<Arc<ApiState>>,
    body: Body<SignIn>,
) -> Result<impl IntoResponse, ApiError> {
    if !state.records.is_setup_token(&body.value.token).await? {
        return Err(ApiError::NotSignedIn);
    }
    let account = Account::setup();
    let secret = secret()?;
    let session = Session {
        account: account.name.clone(),
        role: account.role.word().to_owned(),
        expires_at: state.now() + SESSION,
    };
    let new = NewSession { secret: secret.clone(), session };
    state.records.open_session(&new, state.now()).await?;
    let cookie = cookie(&secret, SESSION);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(view(&state, account))))
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/api/v1/session", responses((status = 204)))]
pub(crate) async fn close_session(
    State(state): State<Arc<ApiState>>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    if let Some(secret) = auth::session_secret(&headers) {
        state.records.close_session(secret, state.now()).await?;
    }
    let cookie = cookie("", Span::ZERO);
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])))
}

fn view(state: &ApiState, account: Account) -> SessionView {
    SessionView {
        account: account.name,
        role: account.role.word(),
        demo: account.is_demo,
        language: None,
        site: SiteView::from(&state.plant.site),
    }
}

/// The cookie of a session. It is not marked `Secure`, since a plant may serve plain http on
/// loopback; off loopback the server speaks TLS only.
fn cookie(secret: &str, lasts: Span) -> String {
    let seconds = lasts.micros() / 1_000_000;
    format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}", auth::COOKIE)
}

/// 256 bits from the system, as text.
fn secret() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A shift and the way home: a browser that is used daily signs in once a day.
const SESSION: Span = Span::from_secs(12 * 3_600);
