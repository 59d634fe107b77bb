//! Past repairs: looking them up and writing one down.

use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use forewarn_domain::id::{ComponentId, DeviceId};
use forewarn_domain::repair::{RepairId, RepairRecord};
use forewarn_domain::text::Language;
use forewarn_domain::time::Time;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::devices;
use crate::auth::Account;
use crate::body::{Asked, Body, read, read_opt, request_key};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::views::RepairView;

/// Which repairs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RepairQuery {
    /// Of this device; of all devices without it.
    device: Option<String>,
    /// And of its siblings.
    #[serde(default)]
    siblings: bool,
}

/// A repair that somebody did.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRepair {
    /// When the work was finished; now without it.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Device id.
    device: String,
    /// Component id.
    component: String,
    /// `adjust`, `inspection`, `service`, `tighten`, `repair` or `replace`.
    activity: String,
    /// The part that was used.
    part: Option<String>,
    /// What was done, in own words.
    text: String,
    /// `en` (also without it) or `zh`.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    language: Language,
    /// The cause that was found.
    cause: Option<String>,
    /// `improved`, `no_effect`, `nothing_found`, `solved` or `unknown` (also without it).
    outcome: Option<String>,
    /// Working hours.
    hours: Option<f64>,
}

/// Repairs, newest first.
#[utoipa::path(get, path = "/api/v1/repairs", params(RepairQuery), responses(
    (status = 200, body = Page<RepairView>),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn list_repairs(
    Seen(state): Seen,
    Asked(query): Asked<RepairQuery>,
) -> Result<Json<Page<RepairView>>, ApiError> {
    let repairs = match query.device.as_deref() {
        None => state.records.repairs_all().await?,
        Some(id) => {
            let device = &devices::find(&state, id)?.device;
            let mut of = vec![device.id.clone()];
            if query.siblings {
                of.extend(device.siblings.iter().cloned());
            }
            state.records.repairs(&of).await?
        }
    };
    let repairs = repairs.into_iter().take(REPAIRS_MAX).map(RepairView::from);
    Ok(Json(Page::whole(repairs.collect())))
}

/// Writes a repair down that no ticket asked for.
#[utoipa::path(post, path = "/api/v1/repairs", request_body = NewRepair,
    params(("Idempotency-Key" = Option<String>, Header, description = "Recognises a repeat for a day")),
    responses(
        (status = 201, body = RepairView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn record_repair(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
    headers: HeaderMap,
    body: Body<NewRepair>,
) -> Result<(StatusCode, Json<RepairView>), ApiError> {
    let now = state.now();
    devices::find(&state, &body.value.device)?;
    let request = request_key(&headers, &account, "/api/v1/repairs".to_owned(), body.sha256)?;
    let repair = record(body.value, now)?;
    let input =
        state.records.record_repair(&repair, now, (&account.name, request.as_ref())).await?;
    state.wake_engine(input);
    Ok((StatusCode::CREATED, Json(repair.into())))
}

fn record(new: NewRepair, now: Time) -> Result<RepairRecord, ApiError> {
    let device: DeviceId = read(&new.device, "a device id is expected")?;
    let component: ComponentId = read(&new.component, "a component id is expected")?;
    let at = read_opt(new.at.as_deref(), "a time such as 2026-11-20T06:02:00Z is expected")?;
    let at = at.unwrap_or(now);
    let outcome = new.outcome.as_deref().unwrap_or("unknown");
    let hours = new.hours.filter(|it| it.is_finite() && 0.0 <= *it);
    Ok(RepairRecord {
        id: RepairId::derive(&device, at, &new.text),
        at,
        device,
        component,
        activity: read(&new.activity, "an activity such as repair or replace is expected")?,
        part: new.part,
        text: new.text,
        language: new.language,
        cause: new.cause,
        outcome: read(outcome, "an outcome such as solved or no_effect is expected")?,
        hours,
        ticket: None,
        shape: None,
    })
}

/// A machine and its siblings have some dozens; all of a plant are for an export.
const REPAIRS_MAX: usize = 1_000;
