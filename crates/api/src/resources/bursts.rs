//! Captured waveforms of a machine in figures, for a waterfall.

use axum::Json;
use forewarn_domain::channel::ChannelId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, range, read};
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::views::{BurstView, FaultOrderView};

/// Which captured waveforms.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BurstQuery {
    /// Device id; its first waveform channel is shown.
    device: String,
    /// From when; a day before `to` without it.
    from: Option<String>,
    /// Until when; now without it.
    to: Option<String>,
}

/// Captured waveforms in order of time, evenly thinned to at most 120.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BurstsView {
    /// Their channel; `null` for a machine of which no waveforms are captured.
    channel: Option<String>,
    /// Fault frequencies of the bearing under it.
    orders: Vec<FaultOrderView>,
    items: Vec<BurstView>,
}

/// Captured waveforms of a machine.
#[utoipa::path(get, path = "/api/v1/bursts", params(BurstQuery), responses(
    (status = 200, body = BurstsView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_bursts(
    Seen(state): Seen,
    Asked(query): Asked<BurstQuery>,
) -> Result<Json<BurstsView>, ApiError> {
    let unknown = || ApiError::Unknown { what: "device", named: query.device.clone() };
    let id = read(&query.device, "a device id is expected")?;
    let device = state.plant.device(&id).ok_or_else(unknown)?;
    let channel: Option<ChannelId> = device.channels.values().find_map(|it| it.waveform.clone());
    let (from, to) = range(query.from.as_deref(), query.to.as_deref(), state.now())?;
    let Some(channel) = channel else {
        return Ok(Json(BurstsView { channel: None, orders: Vec::new(), items: Vec::new() }));
    };
    let all = state.records.bursts_of(&channel, from, to, BURSTS_MAX).await?;
    let every = all.len().div_ceil(SHOWN_MAX).max(1);
    let items = all.iter().rev().step_by(every).map(BurstView::from).collect::<Vec<_>>();
    Ok(Json(BurstsView {
        orders: state.fault_orders.get(&channel).cloned().unwrap_or_default(),
        channel: Some(channel.to_string()),
        items: items.into_iter().rev().collect(),
    }))
}

/// A month, one an hour, and a day of one a minute besides.
const BURSTS_MAX: i64 = 2_500;

/// Rows of a waterfall that can be told apart.
const SHOWN_MAX: usize = 120;
