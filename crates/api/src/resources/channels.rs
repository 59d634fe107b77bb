//! The channels of one device or of all.

use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

use super::devices;
use crate::body::Asked;
use crate::paging::Page;
use crate::problem::ApiError;
use crate::rights::Seen;
use crate::views::ChannelRow;

/// Which channels.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChannelQuery {
    /// Of this device only.
    device: Option<String>,
}

/// Channels with their meaning, by name.
#[utoipa::path(get, path = "/api/v1/channels", params(ChannelQuery), responses(
    (status = 200, body = Page<ChannelRow>),
))]
pub(crate) async fn list_channels(
    Seen(state): Seen,
    Asked(query): Asked<ChannelQuery>,
) -> Result<Json<Page<ChannelRow>>, ApiError> {
    let only = query.device.as_deref().map(|id| devices::find(&state, id)).transpose()?;
    let rows = state
        .plant
        .devices()
        .filter(|device| only.is_none_or(|only| only.device.id == device.device.id))
        .flat_map(|device| device.channels.values().map(|it| ChannelRow::from(it.as_ref())));
    Ok(Json(Page::whole(rows.collect())))
}
