//! History: a channel by hours or days, from the readings themselves.

use axum::Json;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::quality::Quality;
use forewarn_domain::time::{Span, Time};
use forewarn_engine::frames::{ChannelFrame, FrameError, Period};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, range, read};
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;

/// Which stretch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// `device/source/point`.
    channel: String,
    /// From when; a day before `to` without it.
    from: Option<String>,
    /// Until when; now without it.
    to: Option<String>,
    /// Length of a period, e.g. `1h` or `1d`; an hour without it.
    every: Option<String>,
}

/// A channel by periods; those without a good reading are left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryView {
    channel: String,
    unit: String,
    /// Length of a period.
    every: String,
    /// Whether readings at the end were left out, because there are too many.
    is_cut: bool,
    periods: Vec<PeriodView>,
}

/// One period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PeriodView {
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    readings: u32,
    min: f64,
    mean: f64,
    max: f64,
}

/// A channel by hours or days.
#[utoipa::path(get, path = "/api/v1/history", params(HistoryQuery), responses(
    (status = 200, body = HistoryView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_history(
    Seen(state): Seen,
    Asked(query): Asked<HistoryQuery>,
) -> Result<Json<HistoryView>, ApiError> {
    let id: ChannelId = read(&query.channel, "a channel device/source/point is expected")?;
    let unknown = || ApiError::Unknown { what: "channel", named: query.channel.clone() };
    let channel = state.plant.channel(&id).ok_or_else(unknown)?;
    let every: Span =
        read(query.every.as_deref().unwrap_or("1h"), "a span such as 1h is expected")?;
    let (from, to) = range(query.from.as_deref(), query.to.as_deref(), state.now())?;
    let samples = state.readings.range(&id, from, to, READINGS_MAX).await?;
    let is_cut = samples.len() == READINGS_MAX;
    let good = samples.iter().filter(|it| it.quality == Quality::Good);
    let readings: Vec<(Time, f64)> = good.map(|it| (it.t, it.value)).collect();
    let periods = tokio::task::spawn_blocking(move || periods(&readings, every)).await;
    let periods = periods.map_err(ApiError::Broken)??;
    let (unit, every) = (channel.unit.to_string(), every.to_string());
    let channel = query.channel;
    Ok(Json(HistoryView { channel, unit, every, is_cut, periods }))
}

fn periods(readings: &[(Time, f64)], every: Span) -> Result<Vec<PeriodView>, FrameError> {
    let view = |it: Period| {
        let Period { from, readings, min, mean, max } = it;
        PeriodView { from, readings, min, mean, max }
    };
    Ok(ChannelFrame::new(readings)?.periods(every)?.into_iter().map(view).collect())
}

/// Eleven days at one reading a second; longer stretches are `/series`, from stored summaries.
const READINGS_MAX: usize = 1_000_000;
