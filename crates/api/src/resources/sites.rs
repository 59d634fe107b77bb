//! The plant.

use axum::{Extension, Json};
use forewarn_domain::site::SiteHead;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Account;
use crate::paging::Page;
use crate::rights::Seen;
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

/// The plants of this installation that the caller may see.
#[utoipa::path(get, path = "/api/v1/sites", responses((status = 200, body = Page<SiteView>)))]
pub(crate) async fn list_sites(
    Seen(state): Seen,
    Extension(account): Extension<Account>,
) -> Json<Page<SiteView>> {
    Json(Page::whole(SiteView::seen(&state, &account).into_iter().collect()))
}

impl SiteView {
    /// The plant, where the caller may see it.
    pub(super) fn seen(state: &ApiState, account: &Account) -> Option<Self> {
        let site = &state.plant.site;
        account.sites.include(&site.id).then(|| Self::from(site))
    }
}
