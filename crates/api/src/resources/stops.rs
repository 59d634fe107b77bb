//! Planned stops: hours in which nobody is called for a machine.

use axum::http::StatusCode;
use axum::{Extension, Json};
use forewarn_domain::id::DeviceId;
use forewarn_domain::stop::LONGEST;
use forewarn_domain::time::Time;
use forewarn_store::records::{NewStop, PageKey};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::devices;
use crate::auth::Account;
use crate::body::{Asked, Body, Named, read_opt};
use crate::paging::{Page, Turn};
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::StopView;

/// Which stops.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StopQuery {
    /// `true`: only those that are over; `false`: only those that go on or are to come.
    over: Option<bool>,
    /// Rows on a page, 1 to 200; 50 without it.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Hours to plan. Machines are named by id, or all of an area or a production line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanStop {
    /// Device ids.
    #[serde(default)]
    devices: Vec<String>,
    /// All machines of this area.
    area: Option<String>,
    /// All machines of this production line.
    production_line: Option<String>,
    /// From here on; now without it.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Before this.
    #[schema(format = DateTime)]
    until: String,
    /// Why, in own words.
    reason: String,
}

/// Planned stops, the one that begins last first.
#[utoipa::path(get, path = "/api/v1/planned-stops", params(StopQuery), responses(
    (status = 200, body = Page<StopView>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_stops(
    Seen(state): Seen,
    Asked(query): Asked<StopQuery>,
) -> Result<Page<StopView>, ApiError> {
    let turn = Turn::new(query.limit, query.cursor.as_deref())?;
    let rows = state.records.stops(query.over, turn.after.as_ref(), turn.rows()).await?;
    let views = rows.into_iter().map(|it| StopView::new(it, Vec::new())).collect();
    let key = |it: &StopView| PageKey { at: it.from, id: it.number.clone() };
    Ok(turn.page(views, key, |it| it))
}

/// One planned stop with what was found in it.
#[utoipa::path(get, path = "/api/v1/planned-stops/{number}", params(("number" = String, Path)),
    responses(
        (status = 200, body = StopView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get_stop(
    Seen(state): Seen,
    Named(number): Named<String>,
) -> Result<Json<StopView>, ApiError> {
    whole(&state, number).await
}

/// Plans a stop. What the rules find on these machines meanwhile opens no ticket; what has not ended when
/// the machines are back does. Asked for the same again, it answers with what was planned.
#[utoipa::path(post, path = "/api/v1/planned-stops", request_body = PlanStop, responses(
    (status = 200, description = "It was planned already", body = StopView),
    (status = 201, body = StopView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn plan_stop(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    body: Body<PlanStop>,
) -> Result<(StatusCode, Json<StopView>), ApiError> {
    let new = checked(&state, body.value)?;
    let going_on = state.records.stops(Some(false), None, GOING_ON_MAX).await?;
    let known = going_on.into_iter().find(|it| {
        it.stop.devices == new.devices && it.stop.until == new.until && it.reason == new.reason
    });
    if let Some(known) = known {
        return Ok((StatusCode::OK, Json(StopView::new(known, Vec::new()))));
    }
    let (row, input) = state.records.plan_stop(&new, &account.name, state.now()).await?;
    state.wake_engine(Some(input));
    Ok((StatusCode::CREATED, Json(StopView::new(row, Vec::new()))))
}

/// Ends a stop before its time: the machines are back. A stop that is over stays as it is.
#[utoipa::path(post, path = "/api/v1/planned-stops/{number}/end", params(("number" = String, Path)),
    responses(
        (status = 200, body = StopView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn end_stop(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    Named(number): Named<String>,
) -> Result<Json<StopView>, ApiError> {
    let input = state.records.end_stop(&number, &account.name, state.now()).await?;
    state.wake_engine(input);
    whole(&state, number).await
}

async fn whole(state: &ApiState, number: String) -> Result<Json<StopView>, ApiError> {
    let row = state.records.stop(&number).await?;
    let row = row.ok_or(ApiError::Unknown { what: "planned stop", named: number.clone() })?;
    let found = state.records.found_in_stop(&number, FOUND_MAX).await?;
    Ok(Json(StopView::new(row, found)))
}

fn checked(state: &ApiState, plan: PlanStop) -> Result<NewStop, ApiError> {
    const TIME: &str = "a time such as 2026-11-20T06:02:00Z is expected";
    let from: Time = read_opt(plan.from.as_deref(), TIME)?.unwrap_or_else(|| state.now());
    let until: Time = read_opt(Some(&plan.until), TIME)?.unwrap_or_default();
    let bad = |found: String, expected| Err(ApiError::BadParameter { found, expected });
    if until <= from || until <= state.now() {
        return bad(plan.until, "`until` must be after `from`, and still to come");
    }
    if LONGEST < until - from {
        return bad(plan.until, "a stop lasts 60 days at most; plan another one behind it");
    }
    let reason = plan.reason.trim().to_owned();
    if !(1..=REASON_MAX).contains(&reason.chars().count()) {
        return bad(reason, "a `reason` of 1 to 500 letters is expected");
    }
    let devices = machines(state, &plan)?;
    if devices.is_empty() {
        return bad(
            String::new(),
            "name `devices`, an `area` or a `production_line` that has some",
        );
    }
    Ok(NewStop { site: state.plant.site.id.clone(), devices, from, until, reason })
}

/// The machines that are meant, each once, in the order of their ids.
fn machines(state: &ApiState, plan: &PlanStop) -> Result<Vec<DeviceId>, ApiError> {
    let mut machines = Vec::new();
    for id in &plan.devices {
        machines.push(devices::find(state, id)?.device.id.clone());
    }
    for device in state.plant.devices().map(|it| &it.device) {
        let is_in = |named: &Option<String>, place: &str| {
            named.as_deref().is_some_and(|it| !it.is_empty() && it == place)
        };
        if is_in(&plan.area, &device.area) || is_in(&plan.production_line, &device.production_line)
        {
            machines.push(device.id.clone());
        }
    }
    machines.sort();
    machines.dedup();
    Ok(machines)
}

/// As many as a page shows.
const FOUND_MAX: i64 = 100;
const REASON_MAX: usize = 500;

/// More than a plant plans ahead.
const GOING_ON_MAX: i64 = 1_000;
