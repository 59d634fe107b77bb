//! An episode: one stretch of trouble of one fault family on one part of one device.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::anomaly::Anomaly;
use crate::family::FaultFamily;
use crate::id::{ComponentId, DeviceId, SiteId};
use crate::quantity::vocabulary;
use crate::time::Time;
use crate::waveform::NAMESPACE;

/// What an episode is about. At most one ticket is open for it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct EpisodeKey {
    /// The plant.
    pub site: SiteId,
    /// The device.
    pub device: DeviceId,
    /// The part.
    pub component: ComponentId,
    /// The family of its first symptom.
    pub family: FaultFamily,
}

/// Names an episode for good; derived from what it is about and when it was confirmed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct EpisodeId(Uuid);

impl EpisodeId {
    /// The id of the episode that a reading at `confirmed` opens.
    #[must_use]
    pub fn derive(key: &EpisodeKey, confirmed: Time) -> Self {
        let EpisodeKey { site, device, component, family } = key;
        let cause = format!("episode/{site}/{device}/{component}/{family}/{}", confirmed.micros());
        Self(Uuid::new_v5(&NAMESPACE, cause.as_bytes()))
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for EpisodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EpisodeId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

vocabulary!(
    /// Where an episode stands.
    Phase, UnknownPhase, "episode phase", {
        /// The signal is out of its normal.
        Active = "active",
        /// It came back and stayed for the rule's clear time.
        Cleared = "cleared",
    }
);

/// A stretch of trouble.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Episode {
    /// Its id.
    pub id: EpisodeId,
    /// What it is about.
    pub key: EpisodeKey,
    /// When it began, as far back as any of its rules can tell.
    pub onset: Time,
    /// Event time of the reading that confirmed it.
    pub confirmed: Time,
    /// Event time of the newest anomaly or clearing in it.
    pub updated: Time,
    /// Where it stands.
    pub phase: Phase,
    /// The newest anomaly of each rule and channel that took part, in order of confirmation.
    pub anomalies: Vec<Anomaly>,
    /// How often a rule of it raised its head again after clearing.
    pub recurrences: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_cause_gives_the_same_id() {
        let key = EpisodeKey {
            site: SiteId::new("plant").expect("slug"),
            device: DeviceId::new("mill-01").expect("slug"),
            component: ComponentId::new("spindle").expect("slug"),
            family: FaultFamily::Bearing,
        };
        let at = Time::from_micros(1_000_000);
        assert_eq!(EpisodeId::derive(&key, at), EpisodeId::derive(&key, at));
        let other = EpisodeKey { family: FaultFamily::Thermal, ..key.clone() };
        assert_ne!(EpisodeId::derive(&key, at), EpisodeId::derive(&other, at));
    }
}
