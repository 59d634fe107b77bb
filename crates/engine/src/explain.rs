//! A ticket's reasons, derived again from what is stored.
//!
//! The evidence of a ticket holds the episode as it stood, what did not change, the features of the
//! burst, and the repairs that were looked at. With the site and the failure-mode library, causes and
//! summary follow from it by the same function as when the ticket opened: [`again`] gives the same words
//! on any computer, whatever has been repaired or imported since.
//!
//! Deliberately absent: where these things are stored.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;
use forewarn_diagnose::{Case, Diagnosis, Library, diagnose};
use forewarn_domain::evidence::Evidence;
use forewarn_domain::site::plant::{Plant, PlantDevice};
use forewarn_domain::time::Time;
use forewarn_domain::waveform::Sha256;
use sha2::Digest;

/// The diagnosis of a ticket's evidence. `None` for evidence of an earlier release, which does not hold
/// the episode, and for a device that the plant no longer has.
#[must_use]
pub fn again(plant: &Plant, library: &Library, evidence: &Evidence) -> Option<Diagnosis> {
    let episode = evidence.episode.as_ref()?;
    let device = plant.device(&episode.key.device)?;
    let ids = device.device.siblings.iter();
    let siblings: Vec<&PlantDevice> =
        ids.filter_map(|id| plant.device(id).map(AsRef::as_ref)).collect();
    let case = Case {
        device,
        siblings: &siblings,
        episode,
        repairs: &evidence.repairs,
        similar: &evidence.similar,
        unchanged: &evidence.unchanged,
        quality: evidence.quality,
        spectrum: evidence.spectrum.as_ref(),
        burst: evidence.burst.as_ref(),
        outlook: evidence.outlook.as_ref(),
        utc_offset_minutes: utc_offset_minutes(plant, episode.updated),
        now: episode.updated,
    };
    Some(diagnose(&case, library))
}

/// SHA-256 of the evidence as JSON; fields stand in the order of their declaration.
#[must_use]
pub fn fingerprint(evidence: &Evidence) -> Option<Sha256> {
    let bytes = serde_json::to_vec(evidence).ok()?;
    Some(Sha256(sha2::Sha256::digest(bytes).into()))
}

/// Offset of the site's zone at a time; UTC for a zone that nobody knows.
pub(crate) fn utc_offset_minutes(plant: &Plant, at: Time) -> i32 {
    let Ok(zone) = plant.site.time_zone.parse::<Tz>() else { return 0 };
    zone.offset_from_utc_datetime(&at.to_utc().naive_utc()).fix().local_minus_utc() / 60
}
