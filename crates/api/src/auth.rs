//! Who asks, decided before a handler runs.
//!
//! On a loopback demo everybody is the demo lead, so the check is that the request comes from our own
//! page: its Host is a loopback name and its Origin, where it has one, the same. Elsewhere a setup
//! token or the cookie of a session is needed, and a request that changes something on the strength
//! of a cookie must come from our own page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::ApiError;
use crate::state::{Access, ApiState};

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) is_demo: bool,
}

/// In which role.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Admin,
    Integrator,
    Lead,
    Maintainer,
    ProcessEngineer,
    Viewer,
}

impl Role {
    const ALL: [Self; 6] = [
        Self::Admin,
        Self::Integrator,
        Self::Lead,
        Self::Maintainer,
        Self::ProcessEngineer,
        Self::Viewer,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Integrator => "integrator",
            Self::Lead => "lead",
            Self::Maintainer => "maintainer",
            Self::ProcessEngineer => "process_engineer",
            Self::Viewer => "viewer",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl Account {
    /// Refuses who may only look.
    pub(crate) fn may_work(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Admin | Role::Lead | Role::Maintainer | Role::ProcessEngineer => Ok(()),
            Role::Integrator | Role::Viewer => Err(ApiError::NotAllowed { role: self.role.word() }),
        }
    }

    /// Refuses who may not change rules.
    pub(crate) fn may_rule(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Admin | Role::Lead | Role::ProcessEngineer => Ok(()),
            Role::Integrator | Role::Maintainer | Role::Viewer => {
                Err(ApiError::NotAllowed { role: self.role.word() })
            }
        }
    }

    /// Refuses who may not try channels and messages.
    pub(crate) fn may_message(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Admin | Role::Integrator | Role::Lead => Ok(()),
            Role::Maintainer | Role::ProcessEngineer | Role::Viewer => {
                Err(ApiError::NotAllowed { role: self.role.word() })
            }
        }
    }

    /// Refuses who may not change people, rotas, policies and ticket types.
    pub(crate) fn may_lead(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Admin | Role::Lead => Ok(()),
            Role::Integrator | Role::Maintainer | Role::ProcessEngineer | Role::Viewer => {
                Err(ApiError::NotAllowed { role: self.role.word() })
            }
        }
    }

    fn demo_lead() -> Self {
        Self { name: "demo-lead".to_owned(), role: Role::Lead, is_demo: true }
    }

    /// Whoever holds the setup token.
    pub(crate) fn setup() -> Self {
        Self { name: "setup".to_owned(), role: Role::Admin, is_demo: false }
    }
}

/// Lets a request through with its [`Account`], or refuses it.
pub(crate) async fn require_account(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut head, body) = request.into_parts();
    let account = account(&state, &head).await?;
    head.extensions.insert(account.clone());
    let mut response = next.run(Request::from_parts(head, body)).await;
    // For the audit trail: who was turned away by a handler.
    response.extensions_mut().insert(account);
    Ok(response)
}

/// Refuses requests that reach a loopback demo under a name or from a page that is not its own.
pub(crate) async fn require_own_origin(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if state.access == Access::LoopbackDemo {
        let host = host(request.headers(), request.uri()).ok_or(ApiError::ForeignOrigin)?;
        if !is_loopback(host) || !is_from(request.headers(), host) {
            return Err(ApiError::ForeignOrigin);
        }
    }
    Ok(next.run(request).await)
}

async fn account(state: &ApiState, request: &Parts) -> Result<Account, ApiError> {
    if state.access == Access::LoopbackDemo {
        return Ok(Account::demo_lead());
    }
    let headers = &request.headers;
    if let Some(token) = bearer(headers) {
        return if state.records.is_setup_token(token).await? {
            Ok(Account::setup())
        } else {
            Err(ApiError::NotSignedIn)
        };
    }
    let secret = session_secret(headers).ok_or(ApiError::NotSignedIn)?;
    let session = state.records.session(secret, state.now()).await?;
    let session = session.ok_or(ApiError::NotSignedIn)?;
    let is_reading = matches!(request.method, Method::GET | Method::HEAD);
    if !is_reading && !host(headers, &request.uri).is_some_and(|host| is_from(headers, host)) {
        return Err(ApiError::ForeignOrigin);
    }
    let role = Role::from_word(&session.role).unwrap_or(Role::Viewer);
    Ok(Account { name: session.account, role, is_demo: false })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The secret of a session, from its cookie.
pub(crate) fn session_secret(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(';'))
        .filter_map(|it| it.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, secret)| secret)
}

/// The name and port under which a request came.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    match headers.get(header::HOST) {
        Some(host) => host.to_str().ok(),
        None => uri.authority().map(axum::http::uri::Authority::as_str),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether the page that asks is ours. A request without an Origin is not from a page.
fn is_from(headers: &HeaderMap, host: &str) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().unwrap_or_default();
    let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    own == Some(host)
}

/// The cookie of a session.
pub(crate) const COOKIE: &str = "forewarn_session";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_loopback() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "forewarn.example:8080", "127.0.0.1.example", "localhost.example:80"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn the_origin_must_be_the_host_to_the_letter() {
        let from = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            is_from(&headers, "127.0.0.1:8080")
        };
        assert!(from("http://127.0.0.1:8080"));
        for origin in
            ["http://127.0.0.1:8081", "http://evil.example", "null", "ftp://127.0.0.1:8080"]
        {
            assert!(!from(origin), "{origin}");
        }
    }

    #[test]
    fn every_role_reads_back_from_its_word() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
    }
}
