//! Who may do what: one table, and the one place that keeps to it.
//!
//! Rely on this: a route that is not in the table is refused for everybody; nothing behind a route runs
//! before the table said yes; what a handler gets by [`Seen`] shows only the caller's sites, so another
//! site's ticket is answered like one that does not exist.
//!
//! Deliberately absent: who the caller is (`auth.rs`), which rows belong to a site (the store).

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use forewarn_store::records::Role;

use crate::auth::{self, KeyScope, Power};
use crate::problem::ApiError;
use crate::state::ApiState;

/// What people do; a role is a list of these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Duty {
    /// Manages accounts and keys.
    Administer,
    /// Changes people, rotas, policies and ticket types.
    Lead,
    /// Looks.
    Look,
    /// Manages the own account and its sessions.
    Own,
    /// Tries channels and messages.
    Tell,
    /// Changes rules and runs them over history.
    Tune,
    /// Works on tickets and anomalies.
    Work,
}

impl Duty {
    pub(crate) const ALL: [Self; 7] =
        [Self::Administer, Self::Lead, Self::Look, Self::Own, Self::Tell, Self::Tune, Self::Work];

    /// The word under which the page knows it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Administer => "administer",
            Self::Lead => "lead",
            Self::Look => "look",
            Self::Own => "own",
            Self::Tell => "tell",
            Self::Tune => "tune",
            Self::Work => "work",
        }
    }

    /// Whose duty it is.
    pub(crate) fn is_of(self, role: Role) -> bool {
        match self {
            Self::Administer => role == Role::Admin,
            Self::Lead => matches!(role, Role::Admin | Role::Lead),
            Self::Look | Self::Own => true,
            Self::Tell => matches!(role, Role::Admin | Role::Integrator | Role::Lead),
            Self::Tune => matches!(role, Role::Admin | Role::Lead | Role::ProcessEngineer),
            Self::Work => {
                matches!(role, Role::Admin | Role::Lead | Role::Maintainer | Role::ProcessEngineer)
            }
        }
    }
}

/// To whom an operation is open.
#[derive(Clone, Copy, Debug)]
enum Open {
    /// Everybody, known or not.
    ToAll,
    /// People with this duty, and keys with this scope, where there is one.
    To(Duty, Option<KeyScope>),
}

/// What an operation touches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Touches {
    /// Things that belong to a site each, or nothing of the kind: the store shows only the caller's.
    Own,
    /// The plant as a whole: the caller's sites must include it.
    Plant,
}

/// A line of the table.
#[derive(Debug)]
struct Right {
    method: &'static str,
    path: &'static str,
    open: Open,
    touches: Touches,
}

const fn open(method: &'static str, path: &'static str) -> Right {
    Right { method, path, open: Open::ToAll, touches: Touches::Own }
}

const fn own(method: &'static str, path: &'static str, duty: Duty, key: Option<KeyScope>) -> Right {
    Right { method, path, open: Open::To(duty, key), touches: Touches::Own }
}

const fn plant(
    method: &'static str,
    path: &'static str,
    duty: Duty,
    key: Option<KeyScope>,
) -> Right {
    Right { method, path, open: Open::To(duty, key), touches: Touches::Plant }
}

const READ: Option<KeyScope> = Some(KeyScope::Read);
const INGEST: Option<KeyScope> = Some(KeyScope::Ingest);
const TICKETS: Option<KeyScope> = Some(KeyScope::Tickets);
const ADMIN: Option<KeyScope> = Some(KeyScope::Admin);

/// Every operation of the interface. Keys manage neither accounts nor keys: a stolen one makes no other.
#[rustfmt::skip]
const TABLE: &[Right] = &[
    open("GET", "/livez"),
    open("GET", "/readyz"),
    open("GET", "/openapi.json"),
    own("GET", "/metrics", Duty::Look, READ),

    open("GET", "/api/v1/setup"),
    open("POST", "/api/v1/setup"),
    open("POST", "/api/v1/sessions"),
    own("GET", "/api/v1/session", Duty::Own, READ),
    own("DELETE", "/api/v1/session", Duty::Own, None),
    own("GET", "/api/v1/sessions", Duty::Own, None),
    own("DELETE", "/api/v1/sessions/{id}", Duty::Own, None),
    own("POST", "/api/v1/session/password", Duty::Own, None),
    own("GET", "/api/v1/accounts", Duty::Administer, None),
    own("POST", "/api/v1/accounts", Duty::Administer, None),
    own("PATCH", "/api/v1/accounts/{name}", Duty::Administer, None),
    own("GET", "/api/v1/keys", Duty::Administer, None),
    own("POST", "/api/v1/keys", Duty::Administer, None),
    own("DELETE", "/api/v1/keys/{id}", Duty::Administer, None),

    own("GET", "/api/v1/sites", Duty::Look, READ),
    own("GET", "/api/v1/devices", Duty::Look, READ),
    own("GET", "/api/v1/devices/{id}", Duty::Look, READ),
    own("GET", "/api/v1/channels", Duty::Look, READ),
    own("GET", "/api/v1/series", Duty::Look, READ),
    own("GET", "/api/v1/history", Duty::Look, READ),
    own("GET", "/api/v1/waveforms", Duty::Look, READ),
    own("GET", "/api/v1/waveforms/{sha256}", Duty::Look, READ),
    own("GET", "/api/v1/bursts", Duty::Look, READ),
    own("GET", "/api/v1/events", Duty::Look, READ),

    own("GET", "/api/v1/anomalies", Duty::Look, READ),
    own("GET", "/api/v1/anomalies/{id}", Duty::Look, READ),
    own("POST", "/api/v1/anomalies/labels", Duty::Work, TICKETS),
    own("GET", "/api/v1/labels", Duty::Look, READ),
    own("POST", "/api/v1/labels", Duty::Work, TICKETS),
    own("POST", "/api/v1/labels/undo", Duty::Work, TICKETS),

    own("GET", "/api/v1/tickets", Duty::Look, READ),
    own("GET", "/api/v1/tickets/{id}", Duty::Look, READ),
    own("POST", "/api/v1/tickets/{id}/commands", Duty::Work, TICKETS),
    own("POST", "/api/v1/tickets/{id}/evidence", Duty::Work, TICKETS),
    own("GET", "/api/v1/tickets/{id}/candidates", Duty::Look, READ),
    own("GET", "/api/v1/incidents", Duty::Look, READ),
    own("GET", "/api/v1/incidents/{number}", Duty::Look, READ),
    own("GET", "/api/v1/planned-stops", Duty::Look, READ),
    own("GET", "/api/v1/planned-stops/{number}", Duty::Look, READ),
    own("POST", "/api/v1/planned-stops", Duty::Work, TICKETS),
    own("POST", "/api/v1/planned-stops/{number}/end", Duty::Work, TICKETS),
    own("GET", "/api/v1/calls", Duty::Look, READ),
    own("GET", "/api/v1/repairs", Duty::Look, READ),
    own("POST", "/api/v1/repairs", Duty::Work, INGEST),
    own("GET", "/api/v1/messages", Duty::Look, READ),
    own("POST", "/api/v1/messages/{id}/retry", Duty::Tell, ADMIN),

    plant("GET", "/api/v1/health", Duty::Look, READ),
    plant("GET", "/api/v1/message-channels", Duty::Look, READ),
    plant("POST", "/api/v1/message-channels/{id}/test", Duty::Tell, ADMIN),
    plant("GET", "/api/v1/rules", Duty::Look, READ),
    plant("POST", "/api/v1/rules/check", Duty::Look, READ),
    plant("GET", "/api/v1/rules/versions", Duty::Look, READ),
    plant("POST", "/api/v1/rules/versions", Duty::Tune, ADMIN),
    plant("GET", "/api/v1/rules/versions/{version}", Duty::Look, READ),
    plant("GET", "/api/v1/backtests", Duty::Look, READ),
    plant("POST", "/api/v1/backtests", Duty::Tune, ADMIN),
    plant("GET", "/api/v1/backtests/{number}", Duty::Look, READ),
    plant("POST", "/api/v1/backtests/{number}/cancel", Duty::Tune, ADMIN),
    plant("GET", "/api/v1/proposals", Duty::Look, READ),
    plant("POST", "/api/v1/proposals/{number}/decision", Duty::Tune, ADMIN),
    plant("GET", "/api/v1/handbook", Duty::Look, READ),
    plant("GET", "/api/v1/handbook/{kind}/{id}", Duty::Look, READ),
    plant("POST", "/api/v1/handbook/{kind}/{id}", Duty::Lead, ADMIN),
    plant("POST", "/api/v1/rotas/{group}/changes", Duty::Lead, ADMIN),
    plant("POST", "/api/v1/rotas/{group}/import", Duty::Lead, ADMIN),
];

/// What the caller may see of the server.
#[derive(Clone)]
pub(crate) struct Seen(pub(crate) Arc<ApiState>);

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Only a route that is open to all, and asks for this all the same, comes without it.
        parts.extensions.get::<Self>().cloned().ok_or(ApiError::NotSignedIn)
    }
}

/// Lets a request through that the table allows, with its [`Account`](auth::Account) and what that may see.
pub(crate) async fn require(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Response {
    // What is no route is answered by the files of the page, or not at all.
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return next.run(request).await;
    };
    let Some(right) = find(TABLE, request.method(), path.as_str()) else {
        return forbidden(path.as_str()).into_response();
    };
    let Open::To(duty, scope) = right.open else { return next.run(request).await };
    let (mut head, body) = request.into_parts();
    let account = match auth::account(&state, &head).await {
        Ok(account) => account,
        Err(refusal) => return refusal.into_response(),
    };
    let refused = match allows(&account.power, duty, scope) {
        false => Some(account.power.word()),
        true if right.touches == Touches::Plant && !account.sites.include(&state.plant.site.id) => {
            Some("an account of other sites".to_owned())
        }
        true => None,
    };
    let mut response = match refused {
        Some(who) => ApiError::NotAllowed { who }.into_response(),
        None => {
            head.extensions.insert(Seen(state.within(&account.sites)));
            head.extensions.insert(account.clone());
            next.run(Request::from_parts(head, body)).await
        }
    };
    // For the audit trail: who was turned away.
    response.extensions_mut().insert(account);
    response
}

/// Why a route that is not in the table is refused.
fn forbidden(path: &str) -> ApiError {
    match TABLE.iter().any(|it| it.path == path) {
        true => ApiError::NoSuchMethod,
        false => ApiError::NotAllowed { who: "nobody".to_owned() },
    }
}

/// What a role may do, in the words of the page.
pub(crate) fn duties(power: &Power) -> Vec<&'static str> {
    let Power::Role(role) = power else { return Vec::new() };
    Duty::ALL.into_iter().filter(|it| it.is_of(*role)).map(Duty::as_str).collect()
}

fn allows(power: &Power, duty: Duty, scope: Option<KeyScope>) -> bool {
    match power {
        Power::Role(role) => duty.is_of(*role),
        Power::Scopes(scopes) => scope.is_some_and(|it| scopes.contains(&it)),
    }
}

fn find(table: &'static [Right], method: &Method, path: &str) -> Option<&'static Right> {
    // What may be read may be asked for without its body.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    table.iter().find(|it| it.path == path && it.method == method)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn table() -> BTreeSet<(String, String)> {
        TABLE.iter().map(|it| (it.method.to_owned(), it.path.to_owned())).collect()
    }

    #[test]
    fn the_table_holds_each_operation_of_the_document_once_and_nothing_else() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let mut described = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        // The document does not describe itself.
        described.insert(("GET".to_owned(), "/openapi.json".to_owned()));
        assert_eq!(table(), described);
        assert_eq!(table().len(), TABLE.len(), "an operation stands twice");
    }

    #[test]
    fn a_route_or_method_that_is_not_in_the_table_has_no_right() {
        for (method, path) in [
            (Method::GET, "/api/v1/forgotten"),
            (Method::PUT, "/api/v1/tickets"),
            (Method::GET, ""),
            (Method::OPTIONS, "/api/v1/tickets"),
        ] {
            assert!(find(TABLE, &method, path).is_none(), "{method} {path}");
        }
        assert!(find(TABLE, &Method::HEAD, "/api/v1/tickets").is_some());
    }
}
