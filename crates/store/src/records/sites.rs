//! Which sites somebody may see, and how the store keeps to it.
//!
//! Rely on this: a store that was taken with [`Records::within`] finds, lists and changes only what
//! belongs to those sites; anything else is as if it were not there, so a page of a list is never short.
//! What knows only its device belongs to the site that its device was last known to belong to.

use std::collections::BTreeSet;

use forewarn_domain::id::{DeviceId, SiteId};
use serde::{Deserialize, Serialize};

use super::{Records, RecordsError, query};

/// Which sites somebody may see.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Option<BTreeSet<SiteId>>", into = "Option<BTreeSet<SiteId>>")]
pub enum Sites {
    /// All, also those that come later.
    #[default]
    All,
    /// These.
    Only(BTreeSet<SiteId>),
}

impl Sites {
    /// Whether a site is among them.
    #[must_use]
    pub fn include(&self, site: &SiteId) -> bool {
        match self {
            Self::All => true,
            Self::Only(sites) => sites.contains(site),
        }
    }

    /// Whether all of the other ones are among them.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(sites), Self::Only(other)) => other.is_subset(sites),
        }
    }

    /// As it is stored, and as [`of_site`] and [`of_device`] expect it to be bound.
    pub(super) fn stored(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::Only(sites) => {
                sites.iter().fold(",".to_owned(), |text, site| text + site.as_str() + ",")
            }
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, RecordsError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let ids = text.split(',').filter(|it| !it.is_empty()).map(|it| {
            it.parse().map_err(|error: forewarn_domain::id::InvalidId| RecordsError::Corrupt {
                column: "sites",
                text: it.to_owned(),
                reason: error.to_string(),
            })
        });
        Ok(Self::Only(ids.collect::<Result<_, _>>()?))
    }
}

impl From<Option<BTreeSet<SiteId>>> for Sites {
    fn from(sites: Option<BTreeSet<SiteId>>) -> Self {
        sites.map_or(Self::All, Self::Only)
    }
}

impl From<Sites> for Option<BTreeSet<SiteId>> {
    fn from(sites: Sites) -> Self {
        match sites {
            Sites::All => None,
            Sites::Only(sites) => Some(sites),
        }
    }
}

/// The condition that a column of sites is among the ones bound as parameter `place`. Ids hold no letter
/// that LIKE takes for another.
pub(super) fn of_site(column: &str, place: usize) -> String {
    format!("(${place} = '*' OR ${place} LIKE '%,' || {column} || ',%')")
}

/// The same for the site of a device; a device that nobody ever knew belongs to none.
pub(super) fn of_device(column: &str, place: usize) -> String {
    let condition = of_site("ds.site", place);
    format!(
        "(${place} = '*' OR EXISTS (SELECT 1 FROM device_site ds WHERE ds.device = {column} AND {condition}))"
    )
}

/// The same for the device with which a channel's name begins.
pub(super) fn of_channel(column: &str, place: usize) -> String {
    let condition = of_site("ds.site", place);
    format!(
        "(${place} = '*' OR EXISTS (SELECT 1 FROM device_site ds
             WHERE {column} LIKE ds.device || '/%' AND {condition}))"
    )
}

impl Records {
    /// The same store as somebody sees it who may see these sites only.
    #[must_use]
    pub fn within(&self, sites: Sites) -> Self {
        Self { sites, ..self.clone() }
    }

    /// Remembers which devices a site has.
    ///
    /// # Errors
    ///
    /// [`RecordsError`] when the store does not answer.
    pub async fn know_devices<'a>(
        &self,
        site: &SiteId,
        devices: impl IntoIterator<Item = &'a DeviceId>,
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        for device in devices {
            query(
                "INSERT INTO device_site (device, site) VALUES ($1, $2)
                 ON CONFLICT (device) DO UPDATE SET site = excluded.site",
            )
            .bind(device.as_str())
            .bind(site.as_str())
            .execute(&mut *tx)
            .await?;
        }
        self.finish(tx).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(ids: &[&str]) -> Sites {
        Sites::Only(ids.iter().map(|it| it.parse().unwrap()).collect())
    }

    #[test]
    fn sites_read_back_and_cover_what_is_among_them() {
        for sites in [Sites::All, only(&[]), only(&["plant"]), only(&["annex", "plant"])] {
            assert_eq!(Sites::read(&sites.stored()).unwrap(), sites);
            assert!(Sites::All.cover(&sites) && sites.cover(&sites));
        }
        assert!(!only(&["plant"]).cover(&Sites::All));
        assert!(!only(&["plant"]).cover(&only(&["annex"])));
        assert!(only(&["annex", "plant"]).cover(&only(&["annex"])));
        assert!(!only(&["plant-2"]).include(&"plant".parse().unwrap()));
        assert!(Sites::read(",Plant,").is_err());
    }
}
