//! Who is signed in, signing in and out, one's own sessions and password.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use forewarn_domain::time::{Span, Time};
use forewarn_store::records::{self, NewSession, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sites::SiteView;
use crate::auth::{self, Account, Gate, Power, Proof};
use crate::body::{Body, Named};
use crate::denials::Tried;
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::{self, Seen};
use crate::secrets;
use crate::state::{Access, ApiState};

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// The account.
    account: String,
    /// The name that others read.
    name: String,
    /// Its role; `null` for a key.
    role: Option<&'static str>,
    /// What the role may do: `administer`, `lead`, `look`, `own`, `tell`, `tune`, `work`.
    duties: Vec<&'static str>,
    /// Whether this is a demo, in which everybody is the lead.
    demo: bool,
    /// The language that the account chose; `null` leaves it to the browser.
    language: Option<String>,
    /// The plant; `null` for an account of other sites.
    site: Option<SiteView>,
}

/// What signing in needs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The account.
    name: String,
    /// Its password.
    password: String,
}

/// A browser that is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnSessionView {
    /// Names it.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// From where it was opened.
    address: String,
    /// With which program, as that says itself.
    program: String,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Time,
    #[schema(value_type = String, format = DateTime)]
    seen_at: Time,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The password until now.
    old: String,
    /// The password from now on, 8 to 128 letters.
    new: String,
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", responses(
    (status = 200, body = SessionView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_session(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
) -> Json<SessionView> {
    Json(view(&state, account))
}

/// Signs a browser in; the session is a cookie that scripts cannot read.
#[utoipa::path(post, path = "/api/v1/sessions", request_body = SignIn, responses(
    (status = 200, body = SessionView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn open_session(
    State(state): State<Arc<ApiState>>,
    Extension(gate): Extension<Arc<Gate>>,
    visit: Visit,
    body: Body<SignIn>,
) -> Result<Response, ApiError> {
    auth::require_own_page(&visit.headers, &visit.uri)?;
    let SignIn { name, password } = body.value;
    let known = state.records.password_of(&name).await?;
    let tried = known.as_ref().map(|(account, _)| Tried { name: account.name.to_string() });
    match checked(&state, (&gate, &visit), (&name, &password), known).await {
        Ok(account) => signed_in(&state, &visit, account).await,
        Err(refusal) => {
            let mut response = refusal.into_response();
            response.extensions_mut().insert(tried.unwrap_or(Tried { name: String::new() }));
            Ok(response)
        }
    }
}

/// The account, if the password is its own and it is not disabled: from outside both look the same.
async fn checked(
    state: &ApiState,
    (gate, visit): (&Gate, &Visit),
    (name, password): (&str, &str),
    known: Option<(records::Account, records::PasswordHash)>,
) -> Result<records::Account, ApiError> {
    begin_try(state, (gate, visit), name)?;
    let hash = known.as_ref().map(|(_, hash)| hash);
    let is_right = gate.passwords.is_right(password, hash).await?;
    match known {
        Some((account, _)) if is_right && !account.is_disabled => {
            gate.tries.succeeded(name, visit.address);
            Ok(account)
        }
        Some(_) | None => Err(ApiError::WrongPassword),
    }
}

/// Counts a try, or says how long to wait.
pub(super) fn begin_try(
    state: &ApiState,
    (gate, visit): (&Gate, &Visit),
    name: &str,
) -> Result<(), ApiError> {
    gate.tries
        .begin(name, visit.address, state.now())
        .map_err(|wait| ApiError::TooManyTries { wait_s: (wait.micros() + 999_999) / 1_000_000 })
}

/// Opens a session for an account that has proved who it is.
pub(super) async fn signed_in(
    state: &Arc<ApiState>,
    visit: &Visit,
    account: records::Account,
) -> Result<Response, ApiError> {
    let now = state.now();
    if let Some(before) = auth::session_secret(state, &visit.headers) {
        state.records.close_session(before, now).await?;
    }
    let secret = secrets::secret()?;
    let program = visit.headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok());
    let new = NewSession {
        secret: secret.clone(),
        account: account.name.to_string(),
        address: visit.address.to_string(),
        program: program.unwrap_or_default().chars().take(PROGRAM_CHARS_MAX).collect(),
        expires_at: now + SESSION,
    };
    state.records.open_session(&new, now).await?;
    let view = view(state, Account::of(account));
    let cookie = cookie(state.access, &secret, SESSION);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(view)).into_response())
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/api/v1/session", responses((status = 204)))]
pub(crate) async fn close_session(
    Seen(state): Seen,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    if let Some(secret) = auth::session_secret(&state, &headers) {
        state.records.close_session(secret, state.now()).await?;
    }
    let cookie = cookie(state.access, "", Span::ZERO);
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, cookie)])))
}

/// The browsers that are signed in with the own account, newest first.
#[utoipa::path(get, path = "/api/v1/sessions", responses(
    (status = 200, body = Page<OwnSessionView>),
))]
pub(crate) async fn list_sessions(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    headers: HeaderMap,
) -> Result<Json<Page<OwnSessionView>>, ApiError> {
    let now = state.now();
    let current = match auth::session_secret(&state, &headers) {
        Some(secret) => state.records.session(secret, now).await?.map(|it| it.id),
        None => None,
    };
    let view = |it: Session| OwnSessionView {
        current: current.as_deref() == Some(it.id.as_str()),
        id: it.id,
        address: it.address,
        program: it.program,
        opened_at: it.opened_at,
        seen_at: it.seen_at,
        expires_at: it.expires_at,
    };
    let sessions = state.records.sessions(&account.name, now).await?;
    Ok(Json(Page::whole(sessions.into_iter().map(view).collect())))
}

/// Ends one of the own sessions, such as that of a phone that was lost.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn end_session(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    match state.records.end_session(&account.name, &id, state.now()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::Unknown { what: "session", named: id }),
    }
}

/// Changes the own password; the other sessions of the account end.
#[utoipa::path(post, path = "/api/v1/session/password", request_body = NewPassword, responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn change_password(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Extension(gate): Extension<Arc<Gate>>,
    visit: Visit,
    body: Body<NewPassword>,
) -> Result<StatusCode, ApiError> {
    let known = state.records.password_of(&account.name).await?;
    if account.proof != Proof::Session {
        return Err(ApiError::NotReady { why: "only accounts have a password".to_owned() });
    }
    let name = account.name.as_str();
    checked(&state, (&gate, &visit), (name, &body.value.old), known).await?;
    let hash = gate.passwords.hash(name, &body.value.new).await?;
    let kept = auth::session_secret(&state, &visit.headers).unwrap_or_default();
    state.records.set_own_password(name, &hash, (kept, state.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// From where and with what somebody comes who is not known yet.
pub(crate) struct Visit {
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
    pub(super) address: IpAddr,
}

impl FromRequestParts<Arc<ApiState>> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ApiState>,
    ) -> Result<Self, Self::Rejection> {
        let address = auth::address(state.access, &parts.headers, &parts.extensions);
        Ok(Self { headers: parts.headers.clone(), uri: parts.uri.clone(), address })
    }
}

fn view(state: &ApiState, account: Account) -> SessionView {
    let role = match &account.power {
        Power::Role(role) => Some(role.as_str()),
        Power::Scopes(_) => None,
    };
    SessionView {
        role,
        duties: rights::duties(&account.power),
        demo: account.proof == Proof::Demo,
        language: None,
        site: SiteView::seen(state, &account),
        account: account.name,
        name: account.display,
    }
}

/// The cookie of a session. It is marked `Secure` where browsers come by https.
fn cookie(access: Access, secret: &str, lasts: Span) -> String {
    let (name, seconds) = (auth::cookie_name(access), lasts.micros() / 1_000_000);
    let secure = match access {
        Access::Accounts(transport) if transport.is_secure => "; Secure",
        Access::Accounts(_) | Access::LoopbackDemo => "",
    };
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// A shift and the way home: a browser that is used daily signs in once a day.
const SESSION: Span = Span::from_secs(12 * 3_600);

/// Enough to tell a phone from a desk.
const PROGRAM_CHARS_MAX: usize = 200;
