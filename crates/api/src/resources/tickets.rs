//! Tickets: lists, one, and the commands on it.

use axum::http::{HeaderMap, HeaderName, header};
use axum::{Extension, Json};
use forewarn_domain::ticket::Command;
use forewarn_store::records::{Act, PageKey, RecordsError, StateFilter, TicketFilter, TicketRow};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Account;
use crate::body::{Asked, Body, Named, read_opt, request_key};
use crate::paging::{Page, Turn};
use crate::problem::{ApiError, Current, Problem};
use crate::resources::work;
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::TicketRowView;
use crate::views::{TicketParts, TicketView, legal};

/// Which tickets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TicketQuery {
    /// `open` (also without it), `closed` or `all`.
    state: Option<StateWord>,
    /// Of this device only.
    device: Option<String>,
    /// `machine`, `instrumentation` or `process`.
    kind: Option<String>,
    /// `P1` to `P4`.
    priority: Option<String>,
    /// Of the incident with this number.
    incident: Option<String>,
    /// Number, device, component or headline holds this.
    q: Option<String>,
    /// Rows on a page, 1 to 200; 50 without it.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Open tickets, ended ones, or both.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateWord {
    /// Both.
    All,
    /// Ended ones.
    Closed,
    /// Open ones.
    #[default]
    Open,
}

impl From<StateWord> for StateFilter {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::All => Self::All,
            StateWord::Closed => Self::Closed,
            StateWord::Open => Self::Open,
        }
    }
}

/// Tickets, newest first.
#[utoipa::path(get, path = "/api/v1/tickets", params(TicketQuery), responses(
    (status = 200, body = Page<TicketRowView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_tickets(
    Seen(state): Seen,
    Asked(query): Asked<TicketQuery>,
) -> Result<Page<TicketRowView>, ApiError> {
    let turn = Turn::new(query.limit, query.cursor.as_deref())?;
    let filter = TicketFilter {
        state: query.state.unwrap_or_default().into(),
        device: read_opt(query.device.as_deref(), "a device id is expected")?,
        kind: read_opt(query.kind.as_deref(), "machine, instrumentation or process is expected")?,
        priority: read_opt(query.priority.as_deref(), "P1 to P4 is expected")?,
        incident: query.incident,
        text: query.q.filter(|it| !it.trim().is_empty()).map(|it| it.trim().to_owned()),
    };
    let rows = state.records.tickets(&filter, turn.after.as_ref(), turn.rows()).await?;
    let key = |row: &TicketRow| PageKey { at: row.opened_at, id: row.id.to_string() };
    Ok(turn.page(rows, key, |row| TicketRowView::new(&row, &state.plant)))
}

/// One ticket, by id or number. Its `ETag` is its revision.
#[utoipa::path(get, path = "/api/v1/tickets/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = TicketView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_ticket(
    Seen(state): Seen,
    Named(id): Named<String>,
) -> Result<Answer, ApiError> {
    let row = state.records.ticket(&id).await?;
    whole(&state, &row).await
}

/// Carries out a command on a ticket. `If-Match` says which revision was seen; with an
/// `Idempotency-Key` the same request may be sent again.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/commands", request_body = Object,
    params(
        ("id" = String, Path),
        ("If-Match" = String, Header, description = "The ticket's ETag, or `*`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Recognises a repeat for a day"),
    ),
    responses(
        (status = 200, body = TicketView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 428, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn command_ticket(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(id): Named<String>,
    headers: HeaderMap,
    body: Body<Command>,
) -> Result<Answer, ApiError> {
    let route = format!("/api/v1/tickets/{id}/commands");
    let act = Act {
        if_revision: seen_revision(&headers)?,
        request: request_key(&headers, &account, route, body.sha256)?,
        ticket: id,
        command: body.value,
        actor: account.name,
        at: state.now(),
    };
    let acted = match state.records.act(&act).await {
        Err(source @ RecordsError::Stale { .. }) => return Err(stale(&state, &act, source).await?),
        acted => acted?,
    };
    state.wake_engine(acted.input);
    whole(&state, &acted.ticket).await
}

/// The refusal with the ticket as it is now, so that a page need not ask again.
async fn stale(state: &ApiState, act: &Act, source: RecordsError) -> Result<ApiError, ApiError> {
    let row = state.records.ticket(&act.ticket).await?;
    let ([(_, etag)], Json(view)) = whole(state, &row).await?;
    let body = serde_json::to_value(&view).map_err(|source| ApiError::Unwritable {
        what: "the ticket",
        id: row.number.clone(),
        source,
    })?;
    Ok(ApiError::Stale { source, current: Box::new(Current { etag, body }) })
}

/// A ticket with its `ETag`.
pub(crate) type Answer = ([(HeaderName, String); 1], Json<TicketView>);

pub(crate) async fn whole(state: &ApiState, row: &TicketRow) -> Result<Answer, ApiError> {
    let draft = state.records.ticket_draft(row.id).await?;
    let evidence = serde_json::to_value(&draft.evidence).map_err(|source| {
        ApiError::Unwritable { what: "the evidence", id: row.number.clone(), source }
    })?;
    let view = TicketView::from(TicketParts {
        row,
        draft: &draft,
        timeline: state.records.timeline(row.id).await?,
        evidence,
        check: state.records.repair_check(row.id).await?,
        causes: &state.causes,
        plant: &state.plant,
        course: work::course(state, row, &legal(row.state)).await?,
    });
    Ok(([(header::ETAG, format!("\"{}\"", row.revision))], Json(view)))
}

/// Which revision the person saw; `None` for `*`.
fn seen_revision(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let seen = headers.get(header::IF_MATCH).ok_or(ApiError::MissingIfMatch)?;
    let seen = seen.to_str().unwrap_or_default().trim();
    if seen == "*" {
        return Ok(None);
    }
    let revision = seen.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let revision = revision.and_then(|it| it.parse().ok());
    revision.map(Some).ok_or_else(|| ApiError::BadParameter {
        found: seen.to_owned(),
        expected: "If-Match takes one ETag such as \"3\", or *",
    })
}
