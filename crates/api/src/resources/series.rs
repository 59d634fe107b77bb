//! Trends: a stretch of one channel, summed up, with the operating states of its device.

use axum::Json;
use forewarn_domain::channel::ChannelId;
use forewarn_domain::id::StateId;
use forewarn_domain::site::plant::PlantDevice;
use forewarn_domain::time::{Span, Time};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::body::{Asked, range, read};
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{BucketView, SeriesView, StateSpanView};

/// Which stretch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesQuery {
    /// `device/source/point`.
    channel: String,
    /// From when; a day before `to` without it.
    from: Option<String>,
    /// Until when; now without it.
    to: Option<String>,
    /// Summaries, 1 to 2000; 600 without it.
    points: Option<u32>,
}

/// A stretch of a channel in equal steps.
#[utoipa::path(get, path = "/api/v1/series", params(SeriesQuery), responses(
    (status = 200, body = SeriesView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_series(
    Seen(state): Seen,
    Asked(query): Asked<SeriesQuery>,
) -> Result<Json<SeriesView>, ApiError> {
    let id: ChannelId = read(&query.channel, "a channel device/source/point is expected")?;
    let unknown = || ApiError::Unknown { what: "channel", named: query.channel.clone() };
    let device = state.plant.device(&id.device()).ok_or_else(unknown)?;
    let channel = device.channels.get(&id).ok_or_else(unknown)?;
    let (from, to) = range(query.from.as_deref(), query.to.as_deref(), state.now())?;
    let points = points(query.points)?;
    let buckets = state.readings.buckets(&id, from, to, points).await?;
    Ok(Json(SeriesView {
        channel: query.channel,
        unit: channel.unit.to_string(),
        from,
        to,
        buckets: buckets.iter().map(BucketView::from).collect(),
        states: states(&state, device, from, to).await?,
    }))
}

fn points(points: Option<u32>) -> Result<u32, ApiError> {
    let points = points.unwrap_or(600);
    if (1..=POINTS_MAX).contains(&points) {
        return Ok(points);
    }
    Err(ApiError::BadParameter { found: points.to_string(), expected: "1 to 2000 are expected" })
}

/// A reading that may move the device to another state.
struct Input {
    t: Time,
    place: usize,
    value: Value,
}

enum Value {
    Number(Option<f64>),
    Text(Option<String>),
}

/// Works the operating states out from the readings that decide them, as the engine does.
async fn states(
    state: &ApiState,
    device: &PlantDevice,
    from: Time,
    to: Time,
) -> Result<Vec<StateSpanView>, ApiError> {
    if device.states.inputs().is_empty() || STATES_SPAN_MAX < to - from {
        return Ok(Vec::new());
    }
    let mut inputs = Vec::new();
    for (place, channel) in device.states.inputs().iter().enumerate() {
        let begin = from - LEAD_IN;
        for it in state.readings.range(channel, begin, to, INPUTS_MAX).await? {
            let value = Value::Number((!it.quality.is_bad()).then_some(it.value));
            inputs.push(Input { t: it.t, place, value });
        }
        for it in state.readings.texts(channel, begin, to, INPUTS_MAX).await? {
            let value = Value::Text((!it.quality.is_bad()).then_some(it.text));
            inputs.push(Input { t: it.t, place, value });
        }
    }
    inputs.sort_by_key(|it| it.t);
    Ok(ribbon(device, &inputs, from, to))
}

fn ribbon(device: &PlantDevice, inputs: &[Input], from: Time, to: Time) -> Vec<StateSpanView> {
    let mut follower = device.states.follower();
    let mut ribbon = Ribbon { spans: Vec::new(), from };
    for input in inputs {
        match &input.value {
            Value::Number(value) => follower.number(&device.states, input.place, *value, input.t),
            Value::Text(text) => {
                follower.text(&device.states, input.place, text.as_deref(), input.t);
            }
        }
        ribbon.extend(follower.state(&device.states, input.t), input.t);
    }
    ribbon.extend(follower.state(&device.states, to), to);
    ribbon.spans
}

struct Ribbon {
    spans: Vec<StateSpanView>,
    from: Time,
}

impl Ribbon {
    /// Says that the device is in a state at `t`.
    fn extend(&mut self, state: &StateId, t: Time) {
        if t < self.from {
            return;
        }
        match self.spans.last_mut() {
            Some(last) => {
                last.to = t;
                if last.state != state.as_str() {
                    self.spans.push(StateSpanView { from: t, to: t, state: state.to_string() });
                }
            }
            None => {
                self.spans.push(StateSpanView { from: self.from, to: t, state: state.to_string() });
            }
        }
    }
}

/// More than a wide screen has pixels helps nobody.
const POINTS_MAX: u32 = 2_000;

/// Working states out reads every deciding reading; beyond two days that takes longer than people
/// wait.
const STATES_SPAN_MAX: Span = Span::from_secs(2 * 86_400);

/// How long before the stretch the states are followed, so that settled ones are known at its
/// beginning.
const LEAD_IN: Span = Span::from_secs(600);

/// Two days of a reading each second, for each deciding channel.
const INPUTS_MAX: usize = 175_000;
