//! The work on a ticket: who could go, what was shown for it, who would be called.

use axum::{Extension, Json};
use forewarn_domain::episode::{EpisodeId, EpisodeKey};
use forewarn_domain::family::{FaultFamily, Priority};
use forewarn_domain::ticket::course::{Asked, Facts, Missing, Moment, Process, Refusal};
use forewarn_domain::ticket::kind::{EvidenceKind, TicketSource};
use forewarn_domain::ticket::{Command, TicketId, TicketState};
use forewarn_domain::time::Time;
use forewarn_store::records::{Shown, TicketRow};
use forewarn_tickets::Handbook;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Account;
use crate::body::{Asked as Query, Body, Named, read, read_opt};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::resources::tickets::{Answer, whole};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{CallView, CandidateView, CourseParts, CourseView};

/// Everybody who could go to a ticket now, best first, with the parts of each score.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/candidates", params(("id" = String, Path)),
    responses(
        (status = 200, body = Page<CandidateView>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_candidates(
    Seen(state): Seen,
    Named(id): Named<String>,
) -> Result<Json<Page<CandidateView>>, ApiError> {
    let row = state.records.ticket(&id).await?;
    let handbook = handbook(&state).await?;
    let (now, crew) = (state.now(), state.records.crew(state.now()).await?);
    let ranked = handbook.candidates(&Facts::from(&row), &Moment { at: now, crew: &crew });
    Ok(Json(Page::whole(ranked.into_iter().map(CandidateView::from).collect())))
}

/// Evidence for a ticket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvidence {
    /// `photo`, `measurement`, `position`, `checklist`, `note`, `part`, `signature` or `video`.
    kind: String,
    /// What it says: words, a value with its unit, or the SHA-256 of a file.
    body: String,
}

/// Shows evidence for a ticket. A command that demands it finds it here, until the ticket is reopened.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/evidence", request_body = NewEvidence,
    params(("id" = String, Path)),
    responses(
        (status = 200, body = crate::views::TicketView),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show_evidence(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(id): Named<String>,
    body: Body<NewEvidence>,
) -> Result<Answer, ApiError> {
    let kind: EvidenceKind =
        read(&body.value.kind, "a kind of evidence such as photo is expected")?;
    let text = body.value.body.trim().to_owned();
    let is_hash = text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let is_file = matches!(kind, EvidenceKind::Photo | EvidenceKind::Video);
    if text.is_empty() || BODY_MAX < text.chars().count() || (is_file && !is_hash) {
        return Err(ApiError::BadParameter {
            found: text.chars().take(20).collect(),
            expected: "a `body` of 1 to 2000 letters is expected; for a photo or video its SHA-256",
        });
    }
    let shown = Shown { at: state.now(), actor: account.name, kind, body: text };
    let row = state.records.show_evidence(&id, &shown).await?;
    whole(&state, &row).await
}

/// Which ticket, and when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallQuery {
    /// On which device.
    device: String,
    /// `P1` to `P4`; `P2` without it.
    priority: Option<String>,
    /// The fault family; `bearing` without it.
    fault_family: Option<String>,
    /// When it opens; now without it.
    at: Option<String>,
}

/// Who would be called, and when, for a ticket that opens at a time and that nobody touches.
#[utoipa::path(get, path = "/api/v1/calls", params(CallQuery), responses(
    (status = 200, body = Page<CallView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn preview_calls(
    Seen(state): Seen,
    Query(query): Query<CallQuery>,
) -> Result<Json<Page<CallView>>, ApiError> {
    let device = read(&query.device, "a device id is expected")?;
    if state.plant.device(&device).is_none() {
        return Err(ApiError::Unknown { what: "device", named: query.device });
    }
    let at = read_opt(query.at.as_deref(), "a time such as 2026-11-20T06:02:00Z is expected")?;
    let at = at.unwrap_or_else(|| state.now());
    let family = read_opt(query.fault_family.as_deref(), "a fault family is expected")?;
    let priority = read_opt(query.priority.as_deref(), "P1 to P4 is expected")?;
    let key = EpisodeKey {
        site: state.plant.site.id.clone(),
        device,
        component: "machine".parse().expect("the constant is a slug"),
        family: family.unwrap_or(FaultFamily::Bearing),
    };
    let ticket = imagined(key, priority.unwrap_or(Priority::P2), at);
    let handbook = handbook(&state).await?;
    let crew = state.records.crew(state.now()).await?;
    let calls = handbook.preview_opening(&ticket, at, &crew);
    let calls = calls.iter().map(|it| CallView::new(it, handbook.people())).collect();
    Ok(Json(Page::whole(calls)))
}

fn imagined(key: EpisodeKey, priority: Priority, at: Time) -> Facts {
    Facts {
        id: TicketId::derive(EpisodeId::derive(&key, at)),
        number: String::new(),
        kind: key.family.kind(),
        key,
        source: TicketSource::Machine,
        priority,
        state: TicketState::ToAssign,
        waiting_for: None,
        owner: None,
        group: None,
        ticket_type: None,
        opened_at: at,
        shelved_until: None,
    }
}

/// The handbook in force.
pub(crate) async fn handbook(state: &ApiState) -> Result<Handbook, ApiError> {
    let documents = state.records.documents().await?;
    Handbook::read(&state.plant, &documents)
        .map_err(|bad| ApiError::NotReady { why: format!("there is no handbook: {bad}") })
}

/// The course of a ticket; an empty one where there is no handbook.
pub(crate) async fn course(
    state: &ApiState,
    row: &TicketRow,
    legal: &[Command],
) -> Result<CourseView, ApiError> {
    let documents = state.records.documents().await?;
    let Ok(handbook) = Handbook::read(&state.plant, &documents) else {
        return Ok(CourseView::default());
    };
    let ticket = Facts::from(row);
    let shown = state.records.shown(row.id).await?;
    let evidence: Vec<EvidenceKind> = shown.iter().map(|it| it.kind).collect();
    let mut missing: Vec<Missing> = Vec::new();
    for command in legal {
        let Ok(next) = row.state.after(command) else { continue };
        let asked = Asked { ticket: &ticket, next, command, evidence: &evidence, at: state.now() };
        if let Err(Refusal::Missing(more)) = handbook.permit(&asked) {
            missing.extend(more.into_iter().filter(|it| it.command == command.word()));
        }
    }
    let standing = state.records.standing(row.id).await?;
    let crew = state.records.crew(state.now()).await?;
    let parts =
        CourseParts { handbook: &handbook, ticket: &ticket, standing, crew: &crew, missing, shown };
    Ok(CourseView::from(parts))
}

/// A page of a checklist; more belongs into a file.
const BODY_MAX: usize = 2_000;
