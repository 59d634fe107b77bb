//! Stretches of trouble.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use forewarn_store::records::{EpisodeRow, PageKey};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::body::{Asked, read_opt};
use crate::paging::{Page, Turn};
use crate::problem::ApiError;
use crate::state::ApiState;
use crate::views::AnomalyView;

/// Which episodes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnomalyQuery {
    /// Of this device only.
    device: Option<String>,
    /// Rows on a page, 1 to 200; 50 without it.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Episodes, newest first.
#[utoipa::path(get, path = "/api/v1/anomalies", params(AnomalyQuery), responses(
    (status = 200, body = Page<AnomalyView>),
))]
pub(crate) async fn list_anomalies(
    State(state): State<Arc<ApiState>>,
    Asked(query): Asked<AnomalyQuery>,
) -> Result<Json<Page<AnomalyView>>, ApiError> {
    let turn = Turn::new(query.limit, query.cursor.as_deref())?;
    let device = read_opt(query.device.as_deref(), "a device id is expected")?;
    let rows = state.records.episodes(device.as_ref(), turn.after.as_ref(), turn.rows()).await?;
    let key =
        |row: &EpisodeRow| PageKey { at: row.episode.confirmed, id: row.episode.id.to_string() };
    Ok(Json(turn.page(rows, key, AnomalyView::from)))
}
