//! The condition of the server, its agents and its stores.

use std::collections::BTreeMap;

use axum::Json;
use forewarn_domain::time::Span;

use super::messages;
use crate::problem::ApiError;
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{AgentView, HealthView, StageView, TextView};

/// The condition of the server, its agents and its stores.
#[utoipa::path(get, path = "/api/v1/health", responses((status = 200, body = HealthView)))]
pub(crate) async fn get_health(Seen(state): Seen) -> Result<Json<HealthView>, ApiError> {
    let live = state.live();
    Ok(Json(HealthView {
        stages: live.stages.iter().map(StageView::from).collect(),
        agents: live.agents.iter().map(AgentView::from).collect(),
        store: live.store.clone(),
        alarm_load: alarm_load(&state).await?,
        message_channels: messages::channels(&state).await?,
        setup: live.setup.clone(),
        notices: live.notices.iter().map(TextView::from).collect(),
    }))
}

async fn alarm_load(state: &ApiState) -> Result<BTreeMap<String, i64>, ApiError> {
    let since = state.now() - Span::from_secs(86_400);
    let open = state.records.open_counts().await?;
    let messages = state.records.outbox_counts().await?;
    let figures = [
        ("tickets_24h", state.records.opened_since(since).await?),
        ("tickets_open", open.values().map(|it| it.open).sum()),
        ("messages_waiting", messages.waiting),
        ("messages_given_up", messages.dead),
    ];
    Ok(figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect())
}
