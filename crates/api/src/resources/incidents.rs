//! Incidents: storms of tickets, with what their machines have in common.

use axum::Json;
use forewarn_domain::site::shared::shared;
use forewarn_store::records::{Incident, PageKey};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::body::{Asked, Named};
use crate::paging::{Page, Turn};
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::IncidentView;

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct IncidentQuery {
    /// Rows on a page, 1 to 200; 50 without it.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Storms of tickets, newest first. The tickets of one: `/tickets?incident=` with its number.
#[utoipa::path(get, path = "/api/v1/incidents", params(IncidentQuery), responses(
    (status = 200, body = Page<IncidentView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_incidents(
    Seen(state): Seen,
    Asked(query): Asked<IncidentQuery>,
) -> Result<Page<IncidentView>, ApiError> {
    let turn = Turn::new(query.limit, query.cursor.as_deref())?;
    let rows = state.records.incidents(turn.after.as_ref(), turn.rows()).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        views.push(whole(&state, row).await?);
    }
    let key = |it: &IncidentView| PageKey { at: it.began_at, id: it.number.clone() };
    Ok(turn.page(views, key, |it| it))
}

/// One storm, by its number.
#[utoipa::path(get, path = "/api/v1/incidents/{number}", params(("number" = String, Path)),
    responses(
        (status = 200, body = IncidentView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get_incident(
    Seen(state): Seen,
    Named(number): Named<String>,
) -> Result<Json<IncidentView>, ApiError> {
    let found = state.records.incident(&number).await?;
    let found = found.ok_or(ApiError::Unknown { what: "incident", named: number })?;
    Ok(Json(whole(&state, found).await?))
}

async fn whole(state: &ApiState, incident: Incident) -> Result<IncidentView, ApiError> {
    let devices = state.records.incident_devices(&incident.number).await?;
    let shared = shared(&state.plant, &devices);
    Ok(IncidentView::new(incident, devices.len(), shared))
}
