//! The plant.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use forewarn_domain::site::SiteHead;
use serde::Serialize;
use utoipa::ToSchema;

use crate::paging::Page;
use crate::state::ApiState;
use crate::views::TextView;

/// A plant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SiteView {
    /// Plant id.
    id: String,
    /// Its name.
    name: TextView,
    /// IANA time zone in which people read times.
    time_zone: String,
}

impl From<&SiteHead> for SiteView {
    fn from(site: &SiteHead) -> Self {
        Self {
            id: site.id.to_string(),
            name: (&site.name).into(),
            time_zone: site.time_zone.clone(),
        }
    }
}

/// The plants of this installation.
#[utoipa::path(get, path = "/api/v1/sites", responses((status = 200, body = Page<SiteView>)))]
pub(crate) async fn list_sites(State(state): State<Arc<ApiState>>) -> Json<Page<SiteView>> {
    Json(Page::whole(vec![SiteView::from(&state.plant.site)]))
}
