//! Devices with what is known of them right now.

use std::sync::Arc;

use axum::Json;
use forewarn_domain::id::DeviceId;
use forewarn_domain::site::plant::PlantDevice;

use crate::body::{Named, read};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::state::ApiState;
use crate::views::{DeviceRow, DeviceView};

/// All devices, by id.
#[utoipa::path(get, path = "/api/v1/devices", responses((status = 200, body = Page<DeviceRow>)))]
pub(crate) async fn list_devices(Seen(state): Seen) -> Result<Json<Page<DeviceRow>>, ApiError> {
    let open = state.records.open_counts().await?;
    let (live, now) = (state.live(), state.now());
    let rows = state.plant.devices().map(|device| {
        let id = &device.device.id;
        let open = open.get(id).map_or(0, |it| it.open);
        DeviceRow::new(device, live.devices.get(id), open, now)
    });
    Ok(Json(Page::whole(rows.collect())))
}

/// One device with its parts, channels and rules.
#[utoipa::path(get, path = "/api/v1/devices/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = DeviceView),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn get_device(
    Seen(state): Seen,
    Named(id): Named<String>,
) -> Result<Json<DeviceView>, ApiError> {
    let device = find(&state, &id)?;
    let open = state.records.open_counts().await?;
    let (live, now) = (state.live(), state.now());
    let live = live.devices.get(&device.device.id);
    let open = open.get(&device.device.id).map_or(0, |it| it.open);
    let row = DeviceRow::new(device, live, open, now);
    Ok(Json(DeviceView::new(row, device, live, now)))
}

/// The device that a request names.
pub(super) fn find<'a>(state: &'a ApiState, id: &str) -> Result<&'a Arc<PlantDevice>, ApiError> {
    let known: DeviceId = read(id, "a device id of a-z, 0-9 and `-` is expected")?;
    let device = state.plant.device(&known);
    device.ok_or_else(|| ApiError::Unknown { what: "device", named: id.to_owned() })
}
