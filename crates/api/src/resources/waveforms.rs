//! Raw waveforms and their spectra.

use std::sync::Arc;

use axum::Json;
use forewarn_domain::waveform::Sha256;
use forewarn_store::records::WaveformQuery;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::body::{Asked, Named, range, read};
use crate::paging::Page;
use crate::problem::{ApiError, Problem};
use crate::rights::Seen;
use crate::views::{WaveformRowView, WaveformView};

/// Which waveforms.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaveformsQuery {
    /// `device/source/waveform`.
    channel: String,
    /// From when; a day before `to` without it.
    from: Option<String>,
    /// Until when; now without it.
    to: Option<String>,
}

/// Waveforms of a channel, the newest 200 of the range.
#[utoipa::path(get, path = "/api/v1/waveforms", params(WaveformsQuery), responses(
    (status = 200, body = Page<WaveformRowView>),
))]
pub(crate) async fn list_waveforms(
    Seen(state): Seen,
    Asked(query): Asked<WaveformsQuery>,
) -> Result<Json<Page<WaveformRowView>>, ApiError> {
    let channel = read(&query.channel, "a channel device/source/waveform is expected")?;
    let (from, to) = range(query.from.as_deref(), query.to.as_deref(), state.now())?;
    let query = WaveformQuery { channel, from, to, limit: WAVEFORMS_MAX };
    let rows = state.records.waveforms(&query).await?;
    Ok(Json(Page::whole(rows.iter().map(WaveformRowView::from).collect())))
}

/// A waveform with its envelope and velocity spectrum.
#[utoipa::path(get, path = "/api/v1/waveforms/{sha256}", params(("sha256" = String, Path)),
    responses(
        (status = 200, body = WaveformView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_waveform(
    Seen(state): Seen,
    Named(named): Named<String>,
) -> Result<Json<WaveformView>, ApiError> {
    let sha256: Sha256 = read(&named, "64 hexadecimal digits are expected")?;
    let unknown = || ApiError::Unknown { what: "waveform", named: named.clone() };
    let row = state.records.waveform(sha256).await?.ok_or_else(unknown)?;
    let (files, spectrum) = (state.waveform_files.clone(), Arc::clone(&state.spectrum));
    let header = row.header.clone();
    // Reading and transforming a second of samples would hold up other requests.
    let spectra = tokio::task::spawn_blocking(move || {
        Ok::<_, ApiError>(files.get(&sha256)?.map(|bytes| spectrum(&header, &bytes)))
    });
    let spectra = spectra.await.map_err(ApiError::Broken)??.ok_or_else(unknown)?;
    Ok(Json(WaveformView { row: WaveformRowView::from(&row), spectra }))
}

/// Bursts of a week, one an hour, with room.
const WAVEFORMS_MAX: i64 = 200;
